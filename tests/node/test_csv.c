#include "node/local/csv.h"

#include "kit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Cells of the table as text: fields with | between, rows with / between, the header first. */
static void reads_len(const char *bytes, size_t len, const char *expected)
{
    struct cells cells AUTO(cells_clear) = {0};
    struct fault f = {0};
    char text[512] = "";

    if (csv_read_bytes(&cells, "t.csv", bytes, len, &f) != OK)
        fail_msg("%s", f.message);
    for (uint32_t c = 0; c < cells.columns; c++)
        strcat(strcat(text, c ? "|" : ""), cells_name(&cells, c));
    for (uint32_t r = 0; r < cells.rows; r++)
        for (uint32_t c = 0; c < cells.columns; c++)
            strcat(strcat(text, c ? "|" : "/"), cells_get(&cells, r, c));
    assert_string_equal(text, expected);
}

static void reads(const char *bytes, const char *expected)
{
    reads_len(bytes, strlen(bytes), expected);
}

static void fails_len(const char *bytes, size_t len, const char *message, const char *hint)
{
    struct cells cells AUTO(cells_clear) = {0};
    struct fault f = {0};

    assert_int_equal(csv_read_bytes(&cells, "t.csv", bytes, len, &f), STATUS_CONFIG);
    if (!strstr(f.message, message) || !strstr(f.hint, hint))
        fail_msg("\"%s\" / \"%s\" lacks \"%s\" / \"%s\"", f.message, f.hint, message, hint);
    assert_null(cells.column);
    assert_null(cells.origin);
}

static void fails(const char *bytes, const char *message, const char *hint)
{
    fails_len(bytes, strlen(bytes), message, hint);
}

static void every_line_ending_is_read(void **state)
{
    (void)state;
    reads("id,x\n1,2\n3,4\n", "id|x/1|2/3|4");
    reads("id,x\r\n1,2\r\n3,4\r\n", "id|x/1|2/3|4");
    reads("id,x\r1,2\r3,4\r", "id|x/1|2/3|4");
    reads("id,x\n1,2\n3,4", "id|x/1|2/3|4");
    reads("\n\nid,x\r\n\r\n1,2\n  \n3,4\n\n\n", "id|x/1|2/3|4");
}

static void a_byte_order_mark_is_not_part_of_the_first_name(void **state)
{
    (void)state;
    reads("\xef\xbb\xbfid,x\n1,2\n", "id|x/1|2");
    reads("\xef\xbb\xbf\"id\",x\n1,2\n", "id|x/1|2");
}

static void quoted_fields_keep_commas_quotes_and_line_ends(void **state)
{
    (void)state;
    reads("\"id\",\"a, b\"\n\"1\",\"say \"\"yes\"\"\"\n", "id|a, b/1|say \"yes\"");
    reads("id,x\n1,\"two\r\nlines\"\n3,\"\"\n", "id|x/1|two lines/3|");
    reads("id,x\n1 , \"2\" \n", "id|x/1|2");
}

static void empty_cells_stay_empty(void **state)
{
    (void)state;
    reads("id,x,y\n1,,\n,2,\n,,3\n", "id|x|y/1||/|2|/||3");
}

static void semicolons_and_tabs_separate_when_the_header_has_no_comma(void **state)
{
    (void)state;
    reads("id;x\n1;2,5\n", "id|x/1|2,5");
    reads("id\tx\ty\n1\t\t3\n", "id|x|y/1||3");
    reads("id,x;y\n1,2;3\n", "id|x;y/1|2;3");
}

static void blanks_of_all_scripts_are_trimmed(void **state)
{
    (void)state;
    reads(" id ,\xc2\xa0x\xe3\x80\x80\n 1\t,\" 2  3 \"\n", "id|x/1|2 3");
}

static void an_unterminated_quote_is_named_where_it_starts(void **state)
{
    (void)state;
    fails("id,x\n1,\"abc\n2,3\n4,5\n", "t.csv:2: unterminated quote: field 2", "close the quote");
    fails("id,x\n1,\"abc\n2,\"def\"\n", "t.csv:2: unterminated quote: field 2", "twice");
    fails("id,x\n1,2\n\"3,4", "t.csv:3: unterminated quote: field 1", "close the quote");
    fails("id,x\n\"1\n1\",\"2\n3,4\n", "t.csv:3: unterminated quote: field 2", "close the quote");
}

static void a_misplaced_quote_is_named_by_line_and_field(void **state)
{
    (void)state;
    fails("id,x\n1,2\n3,5\" disk\n", "t.csv:3: misplaced quote in field 2", "in quotes");
    fails("id,x\n\"1\n1\",5\" disk\n", "t.csv:3: misplaced quote in field 2", "in quotes");
    fails("id,x\n\"1\"2,3\n", "t.csv:2: misplaced quote in field 1", "twice");
}

static void a_ragged_row_is_named_with_both_counts(void **state)
{
    (void)state;
    fails("id,x,y\n1,2,3\n\n4,5\n", "t.csv:4: expected 3 fields as in the header, got 2", "missing or extra comma");
    fails("id,x\n1,2,3\n", "t.csv:2: expected 2 fields as in the header, got 3", "needs quotes");
    fails("id,x\n\"1\n\",2\n1,2,3", "t.csv:4: expected 2 fields", "");
}

static void a_repeated_name_is_refused(void **state)
{
    (void)state;
    fails("id,x,x\n1,2,3\n", "t.csv:1: columns 2 and 3 are both named \"x\"", "rename");
    reads("id,,\n1,2,3\n", "id||/1|2|3"); /* columns without a name are left to the table */
}

static void an_empty_file_is_refused(void **state)
{
    (void)state;
    fails("", "t.csv: the file is empty", "header line");
    fails("\n \r\n\n", "t.csv: the file is empty", "");
    fails("\xef\xbb\xbf", "t.csv: the file is empty", "");
}

static void what_is_no_utf8_text_is_refused_with_the_likely_reason(void **state)
{
    (void)state;
    fails_len("id,x\n1,2\n3,\0\n", 13, "t.csv:3: a NUL byte: the file is not text", "binary");
    fails_len("\xff\xfei\0d\0", 6, "UTF-16", "UTF-8");
    fails_len("PK\x03\x04rest", 8, "a spreadsheet or an archive", "save it as CSV");
    fails_len("\x1f\x8b\x08", 3, "compressed", "gunzip");
    fails("id,\xb3\xc9\xbc\xa8\n1,2\n", "t.csv:1: field 2 is not UTF-8 text", "iconv -f GB18030");
    fails("id,x\n1,2\n2,caf\xe9\n", "t.csv:3: field 2 is not UTF-8 text", "save the file as UTF-8");
}

/* Whatever is cut off: a table, or a fault with words. */
static void every_cut_of_a_file_gives_a_table_or_words(void **state)
{
    static const char text[] = "\xef\xbb\xbfid,\"a, b\",c\r\n\"1\",\"say \"\"yes\"\"\",\xe5\xa4\xa7\r\n2,\"x\ny\",3\r\n";

    (void)state;
    for (size_t len = 0; len < sizeof text; len++) {
        struct cells cells AUTO(cells_clear) = {0};
        struct fault f = {0};

        if (csv_read_bytes(&cells, "t.csv", text, len, &f) != OK) {
            assert_int_equal(f.code, STATUS_CONFIG);
            assert_true(f.message[0] && f.hint[0]);
        }
    }
}

struct files {
    char directory[64], path[96];
};

static void write_file(const struct files *t, const char *text)
{
    FILE *out = fopen(t->path, "wb");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static int set_up(void **state)
{
    static struct files t;

    strcpy(t.directory, "/tmp/hefu_csv_XXXXXX");
    if (!mkdtemp(t.directory))
        return -1;
    snprintf(t.path, sizeof t.path, "%s/t.csv", t.directory);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    const struct files *t = *state;

    unlink(t->path);
    return rmdir(t->directory);
}

static void cannot_read(const char *path, const char *message, const char *hint)
{
    struct cells cells AUTO(cells_clear) = {0};
    struct fault f = {0};

    assert_int_equal(csv_read_file(&cells, path, &f), STATUS_CONFIG);
    if (!strstr(f.message, path) || !strstr(f.message, message) || !strstr(f.hint, hint))
        fail_msg("\"%s\" / \"%s\" lacks \"%s\" / \"%s\"", f.message, f.hint, message, hint);
}

static void files_are_read_whole(void **state)
{
    struct cells cells AUTO(cells_clear) = {0};
    struct fault f = {0};

    write_file(*state, "id,x\n1,2\n");
    assert_int_equal(csv_read_file(&cells, ((struct files *)*state)->path, &f), OK);
    assert_int_equal(cells.rows, 1);
    assert_int_equal(cells.line[0], 2);
}

static void a_missing_file_a_directory_and_an_empty_file_are_told_apart(void **state)
{
    const struct files *t = *state;

    cannot_read(t->path, "there is no such file", "check the path");
    cannot_read("no/such.csv", "there is no such file", "looked up from");
    cannot_read(t->directory, "this is a directory", "the CSV file inside");
    write_file(t, "");
    cannot_read(t->path, "the file is empty", "header line");
    cannot_read("/dev/null", "not an ordinary file", "");
}

static void the_header_is_read_without_the_rows(void **state)
{
    const struct files *t = *state;
    struct cells cells AUTO(cells_clear) = {0};
    struct fault f = {0};
    FILE *out = fopen(t->path, "wb");

    assert_non_null(out);
    fputs("id,\"a\nb\",c\nthis row is ragged, and \"quoted\n", out);
    for (int i = 0; i < 300000; i++)
        fputs("padding\n", out); /* more than is looked at */
    assert_int_equal(fclose(out), 0);
    assert_int_equal(csv_read_header(&cells, t->path, &f), OK);
    assert_int_equal(cells.columns, 3);
    assert_int_equal(cells.rows, 0);
    assert_string_equal(cells_name(&cells, 1), "a b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_ending_is_read),
        cmocka_unit_test(a_byte_order_mark_is_not_part_of_the_first_name),
        cmocka_unit_test(quoted_fields_keep_commas_quotes_and_line_ends),
        cmocka_unit_test(empty_cells_stay_empty),
        cmocka_unit_test(semicolons_and_tabs_separate_when_the_header_has_no_comma),
        cmocka_unit_test(blanks_of_all_scripts_are_trimmed),
        cmocka_unit_test(an_unterminated_quote_is_named_where_it_starts),
        cmocka_unit_test(a_misplaced_quote_is_named_by_line_and_field),
        cmocka_unit_test(a_ragged_row_is_named_with_both_counts),
        cmocka_unit_test(a_repeated_name_is_refused),
        cmocka_unit_test(an_empty_file_is_refused),
        cmocka_unit_test(what_is_no_utf8_text_is_refused_with_the_likely_reason),
        cmocka_unit_test(every_cut_of_a_file_gives_a_table_or_words),
        cmocka_unit_test_setup_teardown(files_are_read_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_a_directory_and_an_empty_file_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_header_is_read_without_the_rows, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
