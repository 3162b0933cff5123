/* What an auditor is told of a table: whether it is the contract's, and which columns say nothing. */
#include "kit/cmocka.h"
#include "training/table_findings.h"

#include <string.h>

enum { ROWS = 40 };

static uint8_t codes[ROWS * 3], bins[3] = {4, 3, 2}, label[ROWS];
static struct contract_party me;
static struct dataset d;

static int set_up(void **state)
{
    (void)state;
    d = (struct dataset){.rows = ROWS, .columns = 3, .bins = bins, .codes = codes, .label = label};
    me = (struct contract_party){.rows = ROWS, .columns = 3, .bins = {4, 3, 2}, .has_label = 1};
    for (uint8_t r = 0; r < ROWS; r++) {
        codes[3 * r] = r % 4;
        codes[3 * r + 1] = r % 3;
        codes[3 * r + 2] = r % 2;
    }
    return 0;
}

static struct table_findings found(void)
{
    struct table_findings t;

    table_findings_make(&t, &me, &d, 1);
    return t;
}

static void an_ordinary_table_fits_and_nothing_is_found(void **state)
{
    const struct table_findings t = found();

    (void)state;
    assert_string_equal(t.wrong, "");
    assert_int_equal(t.constant + t.sparse, 0);
}

static void what_the_contract_says_otherwise_is_named(void **state)
{
    (void)state;
    me.rows++;
    assert_non_null(strstr(found().wrong, "40 rows and 3 columns, the contract says 41 and 3"));
    me.rows--;
    me.bins[1] = 5;
    assert_non_null(strstr(found().wrong, "column 2 has 3 bins, the contract says 5"));
    me.bins[1] = 3;
    me.has_label = 0;
    assert_non_null(strstr(found().wrong, "labels"));
    me.has_label = 1;
    codes[5] = 2;
    assert_non_null(strstr(found().wrong, "column 3 holds a code that is none of its bins"));
}

static void constant_and_nearly_constant_columns_are_counted(void **state)
{
    struct table_findings t;

    (void)state;
    for (size_t r = 0; r < ROWS; r++) {
        codes[3 * r + 1] = 2;
        codes[3 * r + 2] = r < TABLE_SPARSE_ROWS - 1; /* a mark on nine people */
    }
    t = found();
    assert_int_equal(t.constant, 1);
    assert_int_equal(t.first_constant, 1);
    assert_int_equal(t.sparse, 1);
    assert_int_equal(t.first_sparse, 2);
    codes[3 * (ROWS - 1) + 2] = 1; /* the tenth */
    assert_int_equal(found().sparse, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_ordinary_table_fits_and_nothing_is_found, set_up),
        cmocka_unit_test_setup(what_the_contract_says_otherwise_is_named, set_up),
        cmocka_unit_test_setup(constant_and_nearly_constant_columns_are_counted, set_up),
    };

    return cmocka_run_group_tests_name("table findings", tests, NULL, NULL);
}
