#include "training/table.h"

#include "kit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A table of a test: text like "id,x\n1,2\n", and what came of it. */
struct table {
    struct cells cells;
    struct dataset data;
    struct dictionary dictionary;
    struct table_notes notes;
    struct fault fault;
    char *text;
    size_t len, cap;
};

static void table_clear(struct table *t)
{
    cells_clear(&t->cells);
    dataset_clear(&t->data);
    dictionary_clear(&t->dictionary);
    table_notes_clear(&t->notes);
    free(t->text);
}

static void add(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct table *t, const char *fmt, ...)
{
    va_list ap;

    if (t->cap - t->len < 4096) {
        t->cap = 2 * t->cap + 8192;
        t->text = realloc(t->text, t->cap);
        assert_non_null(t->text);
    }
    va_start(ap, fmt);
    t->len += (size_t)vsnprintf(t->text + t->len, t->cap - t->len, fmt, ap);
    va_end(ap);
}

static status read_cells(struct cells *cells, const char *text, struct fault *f)
{
    uint32_t line = 1;

    assert_int_equal(cells_init(cells, "t.csv"), OK);
    for (; *text; line++) {
        do {
            size_t len = strcspn(text, ",\n");

            TRY(cells_add(cells, text, len));
            text += len;
        } while (*text++ == ',');
        TRY(cells_end_row(cells, line, f));
    }
    return OK;
}

static status build(struct table *t, const char *label)
{
    struct table_roles roles = {.id_column = "id", .label_column = label};

    TRY(read_cells(&t->cells, t->text, &t->fault));
    return table_build(&t->data, &t->dictionary, &t->notes, &t->cells, &roles, &t->fault);
}

static void builds(struct table *t, const char *label)
{
    status code = build(t, label);

    if (code != OK)
        fail_msg("%s", t->fault.message);
}

static void fails(struct table *t, const char *label, const char *message, const char *hint)
{
    assert_int_equal(build(t, label), STATUS_CONFIG);
    if (!strstr(t->fault.message, message) || !strstr(t->fault.hint, hint))
        fail_msg("\"%s\" / \"%s\" lacks \"%s\" / \"%s\"", t->fault.message, t->fault.hint, message, hint);
    assert_null(t->data.ids);
    assert_null(t->dictionary.columns);
}

static bool noted(const struct table_notes *n, bool warning, const char *text)
{
    for (size_t i = 0; i < n->count; i++)
        if (strstr(n->list[i].text, text))
            return n->list[i].warning == warning;
    return false;
}

static uint8_t code(const struct table *t, uint32_t row, uint16_t column)
{
    return t->data.codes[(size_t)row * t->data.columns + column];
}

static uint32_t rows_of(const struct table *t, uint16_t column, uint8_t wanted)
{
    uint32_t n = 0;

    for (uint32_t r = 0; r < t->data.rows; r++)
        n += code(t, r, column) == wanted;
    return n;
}

static void rows_come_in_the_order_of_normalised_ids(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "x,id,y\n5,b2,1\n3, A 1 ,0\n4,\xef\xbc\xa3,1\n");
    builds(&t, "y");
    assert_int_equal(t.data.rows, 3);
    assert_string_equal(t.data.ids[0], "A1");
    assert_string_equal(t.data.ids[1], "B2");
    assert_string_equal(t.data.ids[2], "C");
    assert_memory_equal(t.data.label, "\0\1\1", 3);
    assert_int_equal(t.data.columns, 1);
    assert_memory_equal(t.data.codes, "\0\2\1", 3);
    assert_int_equal(t.notes.positives, 2);
    assert_null(t.data.split);
}

static void few_numbers_get_a_bin_each(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\n");
    for (int i = 0; i < 120; i++)
        add(&t, "%03d,%d\n", i, i % 12 * 10);
    builds(&t, NULL);
    assert_int_equal(t.data.bins[0], 12);
    assert_int_equal(t.dictionary.columns[0].kind, COLUMN_NUMERIC);
    for (uint8_t b = 0; b < 12; b++)
        assert_int_equal(rows_of(&t, 0, b), 10);
    assert_true(t.dictionary.columns[0].edges[0] == 0 && t.dictionary.columns[0].edges[10] == 100);
}

static void many_numbers_get_deciles_whose_edges_are_values(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\n");
    for (int i = 0; i < 1000; i++)
        add(&t, "%04d,%d\n", i, (i * 7 % 1000) + 1);
    builds(&t, NULL);
    assert_int_equal(t.data.bins[0], 10);
    for (uint8_t b = 0; b < 10; b++)
        assert_int_equal(rows_of(&t, 0, b), 100);
    for (uint32_t e = 0; e < 9; e++)
        assert_true(t.dictionary.columns[0].edges[e] == 100 * (e + 1));
}

static void a_bin_below_two_percent_joins_a_neighbour(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,low,high\n"); /* low: 1 once, 2 and 3 often; high: 9 once at the top */
    for (int i = 0; i < 100; i++)
        add(&t, "%03d,%d,%d\n", i, i == 0 ? 1 : 2 + i % 2, i == 50 ? 9 : 7 + i % 2);
    builds(&t, NULL);
    assert_int_equal(t.data.bins[0], 2);
    assert_true(t.dictionary.columns[0].edges[0] == 2); /* (.., 2] holds 1 and 2 */
    assert_int_equal(t.data.bins[1], 2);
    assert_true(t.dictionary.columns[1].edges[0] == 7); /* 9 joined 8 */
}

static void heavy_ties_never_make_an_empty_or_a_thin_bin(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int round = 0; round < 60; round++) {
        struct table t AUTO(table_clear) = {0};
        int zeros = round % 10 * 10, spread = 2 + round * 3;

        add(&t, "id,x\n");
        for (int i = 0; i < 300; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            add(&t, "%04d,%d\n", i, (int)(seed >> 33) % 100 < zeros ? 0 : (int)(seed >> 40) % spread);
        }
        builds(&t, NULL);
        for (uint8_t b = 0; b < t.data.bins[0]; b++)
            assert_true(rows_of(&t, 0, b) >= 6);
        for (uint32_t e = 1; e < t.dictionary.columns[0].num_edges; e++)
            assert_true(t.dictionary.columns[0].edges[e - 1] < t.dictionary.columns[0].edges[e]);
    }
}

static void missing_cells_have_the_last_code_however_few(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x,s\n");
    for (int i = 0; i < 200; i++)
        add(&t, "%03d,%s,%s\n", i, i == 3 ? "NA" : i % 2 ? "1" : "2", i == 4 ? " " : i % 2 ? "m" : "f");
    builds(&t, NULL);
    assert_int_equal(t.data.bins[0], 3);
    assert_int_equal(t.dictionary.columns[0].has_missing, 1);
    assert_int_equal(code(&t, 3, 0), 2);
    assert_int_equal(rows_of(&t, 0, 2), 1);
    assert_int_equal(t.data.bins[1], 3);
    assert_int_equal(code(&t, 4, 1), 2);
    assert_int_equal(t.notes.cells_missing, 2);
    assert_true(noted(&t.notes, false, "column \"x\": 1 of 200 cells are empty"));
}

static void one_value_and_missing_cells_are_two_bins(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\n1,5\n2,\n3,5\n");
    builds(&t, NULL);
    assert_int_equal(t.data.bins[0], 2);
    assert_memory_equal(t.data.codes, "\0\1\0", 3);
}

static void rare_levels_share_the_code_other(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,s\n");
    for (int i = 0; i < 200; i++)
        add(&t, "%03d,%s\n", i, i == 0 ? "rare" : i < 4 ? "odd" : i < 8 ? "just" : i % 2 ? "zeta" : "alpha beta");
    builds(&t, NULL);
    assert_int_equal(t.dictionary.columns[0].kind, COLUMN_CATEGORY);
    assert_int_equal(t.data.bins[0], 4);
    assert_string_equal(t.dictionary.columns[0].levels[0], "alpha beta");
    assert_string_equal(t.dictionary.columns[0].levels[1], "just"); /* 4 of 200 are 2 % */
    assert_string_equal(t.dictionary.columns[0].levels[2], "zeta");
    assert_null(t.dictionary.columns[0].levels[3]);
    assert_int_equal(rows_of(&t, 0, 3), 4);
}

static void special_codes_are_ordinary_values(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\n");
    for (int i = 0; i < 100; i++)
        add(&t, "%03d,%d\n", i, i % 4 ? i % 3 : -999);
    builds(&t, NULL);
    assert_int_equal(t.data.bins[0], 4);
    assert_true(t.dictionary.columns[0].edges[0] == -999);
}

static void unusable_columns_are_left_out_with_the_reason(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x,constant,word,empty,name,,nearly\n");
    for (int i = 0; i < 100; i++)
        add(&t, "%03d,%d,7,CNY,,person %d,%d,%d\n", i, i % 5, i, i, i == 0);
    builds(&t, NULL);
    assert_int_equal(t.data.columns, 1);
    assert_int_equal(t.notes.columns_left_out, 6);
    assert_true(noted(&t.notes, false, "\"constant\" left out: the same value in every row"));
    assert_true(noted(&t.notes, false, "\"word\" left out: the same value in every row"));
    assert_true(noted(&t.notes, false, "\"empty\" left out: every cell is empty"));
    assert_true(noted(&t.notes, false, "\"name\" left out: text with too many different values (the first has the "
                                       "shape aaaaaa 9)"));
    assert_true(noted(&t.notes, false, "column 7 left out: it has no name"));
    assert_true(noted(&t.notes, false, "\"nearly\" left out: the same value in all but a few rows"));
}

static void up_to_sixty_four_levels_are_a_category(void **state)
{
    (void)state;
    for (int levels = 64; levels <= 65; levels++) {
        struct table t AUTO(table_clear) = {0};

        add(&t, "id,x,s\n");
        for (int i = 0; i < 650; i++)
            add(&t, "%03d,%d,%s%d\n", i, i % 2, "level", i < 500 ? i % 8 : i % levels);
        builds(&t, NULL);
        assert_int_equal(t.data.columns, levels == 64 ? 2 : 1);
    }
}

static void text_among_numbers_is_an_error_that_shows_its_shape_only(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x,income\n");
    for (int i = 0; i < 100; i++)
        add(&t, "%03d,%d,%s\n", i, i % 5, i == 40 ? "12k secret" : i % 2 ? "100" : "3.5");
    fails(&t, NULL, "t.csv:42: column \"income\" holds numbers, but here a text of the shape 99a aaaaaa (1 of 100",
          "without thousands separators");
}

static void text_among_many_different_numbers_is_an_error_in_a_small_table_too(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\n1,10\n2,20\n3,abc\n4,40\n5,50\n6,60\n");
    fails(&t, NULL, "t.csv:4: column \"x\" holds numbers", "leave an unknown value empty");
}

static void a_mix_of_numbers_and_words_is_a_category(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,grade\n");
    for (int i = 0; i < 100; i++)
        add(&t, "%03d,%s\n", i, i % 10 == 0 ? "W" : i % 2 ? "1" : "2");
    builds(&t, NULL);
    assert_int_equal(t.dictionary.columns[0].kind, COLUMN_CATEGORY);
    assert_int_equal(t.data.bins[0], 3);
}

static void exact_duplicates_are_dropped_and_counted(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\na,1\nb,2\n A, 1\nb,2\nb,2\n");
    builds(&t, NULL);
    assert_int_equal(t.data.rows, 2);
    assert_int_equal(t.notes.duplicates, 3);
    assert_int_equal(t.notes.conflicts, 0);
    assert_true(noted(&t.notes, false, "3 exact duplicate rows dropped"));
}

static void of_conflicting_rows_the_first_wins_with_a_warning(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\nb,2\na,1\nb,3\nc,3\na,2\na,1\n");
    builds(&t, NULL);
    assert_int_equal(t.data.rows, 3);
    assert_memory_equal(t.data.codes, "\0\1\2", 3);
    assert_int_equal(t.notes.conflicts, 2);
    assert_int_equal(t.notes.duplicates, 1);
    assert_true(noted(&t.notes, true, "2 rows dropped whose id came before with other values"));
    assert_true(noted(&t.notes, true, "lines 2 and 4"));
}

static void conflicting_rows_can_be_refused(void **state)
{
    struct table t AUTO(table_clear) = {0};
    struct table_roles roles = {.id_column = "id", .on_duplicate = TABLE_DUPLICATE_REFUSE};

    (void)state;
    add(&t, "id,x\nb,2\na,1\nb,2\na,2\n");
    assert_int_equal(read_cells(&t.cells, t.text, &t.fault), OK);
    assert_int_equal(table_build(&t.data, &t.dictionary, &t.notes, &t.cells, &roles, &t.fault), STATUS_CONFIG);
    assert_non_null(strstr(t.fault.message, "t.csv:5: the id in column \"id\" is that of line 3, with other values"));
    assert_non_null(strstr(t.fault.hint, "one row per id"));
}

static void rows_without_any_value_are_skipped(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\na,1\n,\nb,2\n , \n");
    builds(&t, NULL);
    assert_int_equal(t.data.rows, 2);
    assert_int_equal(t.notes.rows_empty, 2);
}

static void ids_rounded_by_a_spreadsheet_get_a_warning(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\n1,1\n9.9E+17,2\n9.8e+17,1\n");
    builds(&t, NULL);
    assert_true(noted(&t.notes, true, "2 ids look as if a spreadsheet had rounded them"));
    assert_true(noted(&t.notes, true, "line 3"));
}

static void a_missing_id_column_is_answered_with_the_columns_there_are(void **state)
{
    struct table t AUTO(table_clear) = {0}, u AUTO(table_clear) = {0};

    (void)state;
    add(&t, "ID,x,y\n1,2,3\n");
    fails(&t, NULL, "t.csv:1: no id column \"id\"; the columns are ID, x, y", "did you mean \"ID\"?");
    add(&u, "customer,x,y\n1,2,3\n");
    fails(&u, NULL, "the columns are customer, x, y", "name the id column as the header");
}

static void many_columns_are_listed_in_part(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        add(&t, "column_number_%d,", i);
    add(&t, "z\n");
    fails(&t, NULL, " more", "header");
    assert_true(strlen(t.fault.message) < 400);
}

static void a_missing_label_column_suggests_the_nearest_name(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x,Defaults\n1,2,1\n");
    fails(&t, "default", "t.csv:1: no label column \"default\"", "did you mean \"Defaults\"?");
}

static void labels_are_zero_or_one_in_any_spelling_of_a_number(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,y,x\n1,1.0,1\n2,0,2\n3,0.0,1\n4,1,2\n");
    builds(&t, "y");
    assert_memory_equal(t.data.label, "\1\0\0\1", 4);
}

static void another_label_is_an_error_in_the_first_bad_line(void **state)
{
    struct table t AUTO(table_clear) = {0}, u AUTO(table_clear) = {0}, v AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,y,x\n9,1,1\n2,0,2\n8,yes,1\n1,2,2\n");
    fails(&t, "y", "t.csv:4: column \"y\": the label must be 0 or 1, but has the shape aaa", "write 1 for default");
    add(&u, "id,y,x\n9,1,1\n2,0,2\n8,,1\n");
    fails(&u, "y", "t.csv:4: column \"y\": the label is empty", "leave people without a label out");
    add(&v, "id,y,x\n9,1,1\n2,0,2\n8,2,1\n");
    fails(&v, "y", "t.csv:4: column \"y\": the label must be 0 or 1, but has the shape 9", "");
}

static void a_label_of_one_class_is_an_error(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,y,x\n1,0,1\n2,0,2\n");
    fails(&t, "y", "t.csv: column \"y\": the label is 0 in all 2 rows", "with and without a default");
}

static void one_column_cannot_be_id_and_label(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\n0,1\n1,2\n");
    fails(&t, "id", "column \"id\" cannot be both id and label", "");
}

static void an_empty_or_too_long_id_is_named_by_line(void **state)
{
    struct table t AUTO(table_clear) = {0}, u AUTO(table_clear) = {0};
    char id[DATASET_ID_MAX + 2];

    (void)state;
    add(&t, "id,x\n1,1\n ,2\n");
    fails(&t, NULL, "t.csv:3: column \"id\": the id is empty", "fill it in or remove the row");
    memset(id, '7', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    add(&u, "id,x\n1,1\n%s,2\n", id);
    fails(&u, NULL, "t.csv:3: column \"id\": the id is longer than 128 bytes", "is the id column");
}

static void no_usable_column_is_an_error_with_the_reason(void **state)
{
    struct table t AUTO(table_clear) = {0}, u AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x,z\n1,5,\n2,5,\n");
    fails(&t, NULL, "t.csv: no usable column is left: column \"x\" left out: the same value in every row; and others",
          "a column of numbers");
    add(&u, "id\n1\n2\n");
    fails(&u, NULL, "there is none besides id and label", "");
}

static void a_header_without_rows_is_an_error(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\n");
    fails(&t, NULL, "t.csv: there is a header but no row", "a row per person");
}

static void duplicate_and_too_long_names_are_refused(void **state)
{
    struct table t AUTO(table_clear) = {0}, u AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x,y, x\n1,2,3,4\n");
    fails(&t, NULL, "t.csv:1: columns 2 and 4 are both named \"x\"", "rename or remove");
    add(&u, "id,%0300d\n1,2\n", 7);
    fails(&u, NULL, "t.csv:1: the name of column 2 is longer than 255 bytes", "shorten");
}

static void more_columns_than_possible_are_refused(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    for (int i = 0; i < CELLS_COLUMNS_MAX; i++)
        add(&t, "%d,", i);
    add(&t, "last\n");
    fails(&t, NULL, "t.csv:1: 4097 columns, at most 4096 are possible", "the first line is the header");
}

static void a_ragged_row_is_named_with_both_counts(void **state)
{
    struct table t AUTO(table_clear) = {0}, u AUTO(table_clear) = {0};

    (void)state;
    add(&t, "id,x\n1,2\n3\n");
    fails(&t, NULL, "t.csv:3: expected 2 fields as in the header, got 1", "needs quotes");
    add(&u, "id,x\n1,2,3,4\n");
    fails(&u, NULL, "t.csv:2: expected 2 fields as in the header, got 4", "extra comma");
}

static void an_unknown_rule_for_ids_is_refused(void **state)
{
    struct table t AUTO(table_clear) = {0};
    struct table_roles roles = {.id_column = "id", .id_rule = "v9"};

    (void)state;
    assert_int_equal(read_cells(&t.cells, "id,x\n1,1\n2,2\n", &t.fault), OK);
    assert_int_equal(table_build(&t.data, &t.dictionary, &t.notes, &t.cells, &roles, &t.fault), STATUS_CONFIG);
    assert_non_null(strstr(t.fault.message, "unknown rule for ids \"v9\""));
}

/* A table with every kind of column, its rows in the order that step gives. */
static void add_mixed(struct table *t, int rows, int step)
{
    add(t, "id,x,few,word,y\n");
    for (int k = 0; k < rows; k++) {
        int i = k * step % rows;

        add(t, "%05d,%s%d.%d,%d,%s,%d\n", i, i % 17 ? "" : "-", i * 37 % 991, i % 7, i % 6,
            i % 11 == 0 ? "" : i % 3 ? "left" : "right", i % 5 == 0);
    }
}

static void the_order_of_the_rows_changes_nothing(void **state)
{
    struct table a AUTO(table_clear) = {0}, b AUTO(table_clear) = {0};
    struct wire_writer x AUTO(wire_writer_clear) = {0}, y AUTO(wire_writer_clear) = {0};

    (void)state;
    add_mixed(&a, 1000, 1);
    add_mixed(&b, 1000, 333);
    builds(&a, "y");
    builds(&b, "y");
    dictionary_encode(&x, &a.dictionary);
    dictionary_encode(&y, &b.dictionary);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.bytes, y.bytes, x.len);
    assert_memory_equal(a.data.codes, b.data.codes, 3000);
    assert_memory_equal(a.data.label, b.data.label, 1000);
}

static void the_label_does_not_move_the_bins(void **state)
{
    struct table a AUTO(table_clear) = {0}, b AUTO(table_clear) = {0};

    (void)state;
    add_mixed(&a, 500, 1);
    add_mixed(&b, 500, 1);
    for (char *p = strchr(b.text, '\n'); p[1]; p = strchr(p + 1, '\n')) /* another label in the last column */
        p[-1] = p[-1] == '0' ? '1' : p[-1] == '1' ? '0' : p[-1];
    builds(&a, "y");
    builds(&b, "y");
    assert_memory_not_equal(a.data.label, b.data.label, 500);
    assert_memory_equal(a.data.codes, b.data.codes, 1500);
}

static void applying_a_decoded_dictionary_gives_the_same_codes(void **state)
{
    struct table t AUTO(table_clear) = {0};
    struct dictionary decoded AUTO(dictionary_clear) = {0};
    struct dataset again AUTO(dataset_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct table_roles roles = {.id_column = "id", .label_column = "y"};

    (void)state;
    add_mixed(&t, 1000, 7);
    builds(&t, "y");
    dictionary_encode(&w, &t.dictionary);
    assert_int_equal(dictionary_decode(&decoded, w.bytes, w.len), OK);
    assert_int_equal(table_apply(&again, &notes, &t.cells, &decoded, &roles, &t.fault), OK);
    assert_int_equal(again.rows, t.data.rows);
    assert_int_equal(again.columns, t.data.columns);
    assert_memory_equal(again.bins, t.data.bins, again.columns);
    assert_memory_equal(again.codes, t.data.codes, 3000);
    assert_memory_equal(again.label, t.data.label, 1000);
    assert_int_equal(notes.cells_unknown, 0);
}

static void new_rows_fall_into_old_bins_and_strange_values_are_counted(void **state)
{
    struct table t AUTO(table_clear) = {0};
    struct cells fresh AUTO(cells_clear) = {0};
    struct dataset data AUTO(dataset_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct table_roles roles = {.id_column = "id"};

    (void)state;
    add(&t, "id,x,s\n");
    for (int i = 0; i < 90; i++)
        add(&t, "%02d,%d,%s\n", i, i % 3, i % 3 ? "b" : "a");
    builds(&t, NULL);
    assert_int_equal(read_cells(&fresh, "s,more,id,x\nb,1,p,99\na,1,q,-5\nnew,1,r,\n", &t.fault), OK);
    assert_int_equal(table_apply(&data, &notes, &fresh, &t.dictionary, &roles, &t.fault), OK);
    assert_int_equal(data.rows, 3);
    assert_int_equal(data.columns, 2);
    assert_memory_equal(data.codes, "\2\1" "\0\0" "\0\1", 6);
    assert_int_equal(notes.cells_unknown, 2);
    assert_true(noted(&notes, true, "column \"s\": 1 of 3 values are new to the dictionary"));
}

static void applying_needs_every_column_of_the_dictionary(void **state)
{
    struct table t AUTO(table_clear) = {0};
    struct cells fresh AUTO(cells_clear) = {0};
    struct dataset data AUTO(dataset_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct table_roles roles = {.id_column = "id"};

    (void)state;
    add(&t, "id,income\n1,1\n2,2\n");
    builds(&t, NULL);
    assert_int_equal(read_cells(&fresh, "id,incom\n1,1\n", &t.fault), OK);
    assert_int_equal(table_apply(&data, &notes, &fresh, &t.dictionary, &roles, &t.fault), STATUS_CONFIG);
    assert_non_null(strstr(t.fault.message, "no feature column \"income\""));
    assert_non_null(strstr(t.fault.hint, "did you mean \"incom\"?"));
}

/* Split the table of ids 1..4 by text. */
static status split(struct table *t, const char *text)
{
    struct cells cells AUTO(cells_clear) = {0};
    struct table_roles roles = {.id_column = "id"};

    add(t, "id,x\nd,1\na,2\nb,1\nc,2\n");
    builds(t, NULL);
    TRY(read_cells(&cells, text, &t->fault));
    return table_set_split(&t->data, &t->notes, &cells, &roles, &t->fault);
}

static void a_split_names_train_and_test_rows_by_id(void **state)
{
    struct table t AUTO(table_clear) = {0};

    (void)state;
    assert_int_equal(split(&t, "split,id\ntest, B\nTrain,a\ntrain,stranger\nTrain,a\ntest,d\n"), OK);
    assert_memory_equal(t.data.split, "\1\2\0\2", 4);
    assert_int_equal(t.notes.split_train, 1);
    assert_int_equal(t.notes.split_test, 2);
    assert_int_equal(t.notes.split_unlisted, 1);
    assert_true(noted(&t.notes, false, "1 ids of the split file are not in the table"));
    assert_true(noted(&t.notes, true, "1 rows are not listed"));
}

static void a_split_file_that_cannot_be_used_is_answered_in_words(void **state)
{
    static const char *const cases[][2] = {
        {"id,split\na,train\nb,tset\n", "t.csv:3: column \"split\": expected train or test, got a word of the shape aaaa"},
        {"id,split\na,train\nb,\n", "t.csv:3: column \"split\": expected train or test, got an empty cell"},
        {"id,split\na,train\nb,test\na,test\n", "t.csv:4: the id in column \"id\" is that of line 2, with other values"},
        {"id,split\nx,train\ny,test\n", "of its 2 ids 0 train and 0 test ids are in the table"},
        {"id,split\na,train\nb,train\n", "2 train and 0 test ids"},
        {"id,part\na,train\n", "no split column \"split\"; the columns are id, part"},
        {"key,split\na,train\n", "no id column \"id\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table t AUTO(table_clear) = {0};

        assert_int_equal(split(&t, cases[i][0]), STATUS_CONFIG);
        if (!strstr(t.fault.message, cases[i][1]))
            fail_msg("\"%s\" lacks \"%s\"", t.fault.message, cases[i][1]);
        assert_true(t.fault.hint[0]);
        assert_null(t.data.split);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_the_order_of_normalised_ids),
        cmocka_unit_test(few_numbers_get_a_bin_each),
        cmocka_unit_test(many_numbers_get_deciles_whose_edges_are_values),
        cmocka_unit_test(a_bin_below_two_percent_joins_a_neighbour),
        cmocka_unit_test(heavy_ties_never_make_an_empty_or_a_thin_bin),
        cmocka_unit_test(missing_cells_have_the_last_code_however_few),
        cmocka_unit_test(one_value_and_missing_cells_are_two_bins),
        cmocka_unit_test(rare_levels_share_the_code_other),
        cmocka_unit_test(special_codes_are_ordinary_values),
        cmocka_unit_test(unusable_columns_are_left_out_with_the_reason),
        cmocka_unit_test(up_to_sixty_four_levels_are_a_category),
        cmocka_unit_test(text_among_numbers_is_an_error_that_shows_its_shape_only),
        cmocka_unit_test(text_among_many_different_numbers_is_an_error_in_a_small_table_too),
        cmocka_unit_test(a_mix_of_numbers_and_words_is_a_category),
        cmocka_unit_test(exact_duplicates_are_dropped_and_counted),
        cmocka_unit_test(of_conflicting_rows_the_first_wins_with_a_warning),
        cmocka_unit_test(conflicting_rows_can_be_refused),
        cmocka_unit_test(rows_without_any_value_are_skipped),
        cmocka_unit_test(ids_rounded_by_a_spreadsheet_get_a_warning),
        cmocka_unit_test(a_missing_id_column_is_answered_with_the_columns_there_are),
        cmocka_unit_test(many_columns_are_listed_in_part),
        cmocka_unit_test(a_missing_label_column_suggests_the_nearest_name),
        cmocka_unit_test(labels_are_zero_or_one_in_any_spelling_of_a_number),
        cmocka_unit_test(another_label_is_an_error_in_the_first_bad_line),
        cmocka_unit_test(a_label_of_one_class_is_an_error),
        cmocka_unit_test(one_column_cannot_be_id_and_label),
        cmocka_unit_test(an_empty_or_too_long_id_is_named_by_line),
        cmocka_unit_test(no_usable_column_is_an_error_with_the_reason),
        cmocka_unit_test(a_header_without_rows_is_an_error),
        cmocka_unit_test(duplicate_and_too_long_names_are_refused),
        cmocka_unit_test(more_columns_than_possible_are_refused),
        cmocka_unit_test(a_ragged_row_is_named_with_both_counts),
        cmocka_unit_test(an_unknown_rule_for_ids_is_refused),
        cmocka_unit_test(the_order_of_the_rows_changes_nothing),
        cmocka_unit_test(the_label_does_not_move_the_bins),
        cmocka_unit_test(applying_a_decoded_dictionary_gives_the_same_codes),
        cmocka_unit_test(new_rows_fall_into_old_bins_and_strange_values_are_counted),
        cmocka_unit_test(applying_needs_every_column_of_the_dictionary),
        cmocka_unit_test(a_split_names_train_and_test_rows_by_id),
        cmocka_unit_test(a_split_file_that_cannot_be_used_is_answered_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
