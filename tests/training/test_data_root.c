#include "training/data_root.h"

#include "kit/cmocka.h"
#include "kit/sim.h"

#include <string.h>

static const struct rng_key blind = {.bytes = {1}, .suite = SUITE_INT1}, other_blind = {.bytes = {2}, .suite = SUITE_INT1};
static struct dataset table;

static int set_up(void **state)
{
    (void)state;
    sim_dataset(&table, 3, 0, 50, 60, 3, 4, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dataset_clear(&table);
    return 0;
}

static struct hash root(void)
{
    struct hash out;

    data_root(&out, &table, &blind);
    return out;
}

static void the_same_table_gives_the_same_root(void **state)
{
    const struct hash first = root(), second = root();

    (void)state;
    assert_true(hash_equal(&first, &second));
}

/* Without the salt nobody can try out what a table holds. */
static void another_key_gives_another_root(void **state)
{
    const struct hash first = root();
    struct hash second;

    (void)state;
    data_root(&second, &table, &other_blind);
    assert_false(hash_equal(&first, &second));
}

static void every_code_id_and_split_is_in_the_root(void **state)
{
    const struct hash first = root();
    uint8_t split[50] = {SPLIT_UNLISTED};
    struct hash changed;

    (void)state;
    for (size_t i = 0; i < (size_t)table.rows * table.columns; i++) {
        table.codes[i] ^= 1;
        changed = root();
        assert_false(hash_equal(&first, &changed));
        table.codes[i] ^= 1;
    }
    for (uint32_t r = 0; r < table.rows; r++) {
        table.ids[r][0] ^= 1;
        changed = root();
        assert_false(hash_equal(&first, &changed));
        table.ids[r][0] ^= 1;
    }
    table.split = split;
    for (uint32_t r = 0; r < table.rows; r++) {
        split[r] = SPLIT_TEST;
        changed = root();
        assert_false(hash_equal(&first, &changed));
        split[r] = SPLIT_UNLISTED;
    }
    table.split = NULL;
    table.rows--;
    changed = root();
    assert_false(hash_equal(&first, &changed));
    table.rows++;
    changed = root();
    assert_true(hash_equal(&first, &changed));
}

static void labels_are_not_in_the_root(void **state)
{
    const struct hash first = root();
    struct hash second;

    (void)state;
    table.label[0] ^= 1;
    second = root();
    assert_true(hash_equal(&first, &second));
    table.label[0] ^= 1;
}

/* Equal rows have different salts: leaves do not tell who is alike. */
static void leaves_of_equal_rows_differ(void **state)
{
    char *second = table.ids[1];
    struct hash a, b;

    (void)state;
    memcpy(table.codes + table.columns, table.codes, table.columns);
    table.ids[1] = table.ids[0];
    data_root_leaf(&a, &table, 0, &blind);
    data_root_leaf(&b, &table, 1, &blind);
    table.ids[1] = second;
    assert_false(hash_equal(&a, &b));
}

/* An id that ends where a code begins is another row. */
static void ids_and_codes_do_not_run_into_each_other(void **state)
{
    uint8_t codes[] = {'b', 1};
    char a[] = "a", ab[] = "ab", *ids[] = {a};
    struct dataset one = {.rows = 1, .columns = 2, .codes = codes, .ids = ids};
    struct hash first, second;

    (void)state;
    data_root(&first, &one, &blind);
    ids[0] = ab;
    one.codes = codes + 1;
    one.columns = 1;
    data_root(&second, &one, &blind);
    assert_false(hash_equal(&first, &second));
}

static void the_schema_is_names_kinds_and_bins(void **state)
{
    char id[] = "id", age[] = "age", town[] = "town";
    double edges[] = {1.0, 2.0};
    struct dictionary_column columns[] = {{.name = age, .kind = COLUMN_NUMERIC, .bins = 3, .edges = edges, .num_edges = 2},
                                          {.name = town, .kind = COLUMN_CATEGORY, .bins = 2}};
    struct dictionary d = {.id_column = id, .columns = columns, .num_columns = 2};
    struct hash first, second;

    (void)state;
#define OTHER(same, change, back)                                               \
    change;                                                                     \
    assert_int_equal(data_root_schema(&second, &d, &blind), OK);                \
    assert_int_equal(hash_equal(&first, &second), same);                        \
    back
    assert_int_equal(data_root_schema(&first, &d, &blind), OK);
    OTHER(1, edges[0] = 0.5, edges[0] = 1.0);
    OTHER(0, age[0] = 'A', age[0] = 'a');
    OTHER(0, columns[0].bins = 4, columns[0].bins = 3);
    OTHER(0, columns[1].kind = COLUMN_NUMERIC, columns[1].kind = COLUMN_CATEGORY);
    OTHER(0, columns[0].has_missing = 1, columns[0].has_missing = 0);
    OTHER(0, d.num_columns = 1, d.num_columns = 2);
    OTHER(0, d.label_column = town, d.label_column = NULL);
#undef OTHER
    assert_int_equal(data_root_schema(&second, &d, &other_blind), OK);
    assert_false(hash_equal(&first, &second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_table_gives_the_same_root),
        cmocka_unit_test(another_key_gives_another_root),
        cmocka_unit_test(every_code_id_and_split_is_in_the_root),
        cmocka_unit_test(labels_are_not_in_the_root),
        cmocka_unit_test(leaves_of_equal_rows_differ),
        cmocka_unit_test(ids_and_codes_do_not_run_into_each_other),
        cmocka_unit_test(the_schema_is_names_kinds_and_bins),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
