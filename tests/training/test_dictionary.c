#include "training/dictionary.h"

#include "kit/cmocka.h"

#include <stdlib.h>
#include <string.h>

/* income: <= 3 | (3, 12000] | (12000, 30000.5] | > 30000.5 | missing;  education: school | university | other */
static void make(struct dictionary *d)
{
    static const double edges[] = {3, 12000, 30000.5};
    struct dictionary_column *c;

    memset(d, 0, sizeof *d);
    d->id_column = strdup("id");
    d->label_column = strdup("default");
    d->num_columns = 2;
    d->columns = calloc(2, sizeof *d->columns);
    assert_non_null(d->columns);
    c = &d->columns[0];
    *c = (struct dictionary_column){.name = strdup("income"), .kind = COLUMN_NUMERIC, .bins = 5, .has_missing = 1,
                                    .fallback = 2, .num_edges = 3, .edges = malloc(sizeof edges)};
    assert_non_null(c->edges);
    memcpy(c->edges, edges, sizeof edges);
    c = &d->columns[1];
    *c = (struct dictionary_column){.name = strdup("education"), .kind = COLUMN_CATEGORY, .bins = 3, .fallback = 1,
                                    .levels = calloc(3, sizeof *c->levels)};
    assert_non_null(c->levels);
    c->levels[0] = strdup("school");
    c->levels[1] = strdup("university");
}

static void text_is(const struct dictionary_column *c, uint8_t code, const char *expected)
{
    char text[64];

    dictionary_bin_text(c, code, text, sizeof text);
    assert_string_equal(text, expected);
}

static void code_is(const struct dictionary_column *c, const char *cell, uint8_t expected, bool expected_unknown)
{
    bool unknown;

    assert_int_equal(dictionary_code(c, cell, &unknown), expected);
    assert_int_equal(unknown, expected_unknown);
}

static void bins_read_as_ranges_and_levels(void **state)
{
    struct dictionary d AUTO(dictionary_clear);

    (void)state;
    make(&d);
    text_is(&d.columns[0], 0, "<= 3");
    text_is(&d.columns[0], 1, "(3, 12000]");
    text_is(&d.columns[0], 2, "(12000, 30000.5]");
    text_is(&d.columns[0], 3, "> 30000.5");
    text_is(&d.columns[0], 4, "missing");
    text_is(&d.columns[1], 0, "school");
    text_is(&d.columns[1], 1, "university");
    text_is(&d.columns[1], 2, "other");
    d.columns[0].edges[0] = 0.1;
    text_is(&d.columns[0], 0, "<= 0.1");
    d.columns[0].edges[0] = 1.0 / 3;
    text_is(&d.columns[0], 0, "<= 0.3333333333333333");
}

static void an_edge_belongs_to_the_bin_below_it(void **state)
{
    struct dictionary d AUTO(dictionary_clear);

    (void)state;
    make(&d);
    code_is(&d.columns[0], "-1e9", 0, false);
    code_is(&d.columns[0], "3", 0, false);
    code_is(&d.columns[0], "3.0001", 1, false);
    code_is(&d.columns[0], "12000.00", 1, false);
    code_is(&d.columns[0], "30000.5", 2, false);
    code_is(&d.columns[0], "1e9", 3, false);
    code_is(&d.columns[0], "", 4, false);
}

static void unknown_values_take_the_fallback_and_are_told(void **state)
{
    struct dictionary d AUTO(dictionary_clear);

    (void)state;
    make(&d);
    code_is(&d.columns[0], "many", 2, true);
    code_is(&d.columns[1], "university", 1, false);
    code_is(&d.columns[1], "kindergarten", 2, false); /* there is a code "other" */
    code_is(&d.columns[1], "", 1, true);
    d.columns[1].bins = 2; /* now there is none */
    code_is(&d.columns[1], "kindergarten", 1, true);
    d.columns[1].bins = 3;
}

static void decoding_inverts_encoding(void **state)
{
    struct dictionary d AUTO(dictionary_clear), back AUTO(dictionary_clear) = {0};
    struct wire_writer w AUTO(wire_writer_clear) = {0}, again AUTO(wire_writer_clear) = {0};

    (void)state;
    make(&d);
    dictionary_encode(&w, &d);
    assert_int_equal(wire_writer_status(&w), OK);
    assert_int_equal(dictionary_decode(&back, w.bytes, w.len), OK);
    assert_string_equal(back.label_column, "default");
    assert_int_equal(back.num_columns, 2);
    assert_true(back.columns[0].edges[2] == 30000.5);
    assert_string_equal(back.columns[1].levels[1], "university");
    assert_null(back.columns[1].levels[2]);
    dictionary_encode(&again, &back);
    assert_int_equal(again.len, w.len);
    assert_memory_equal(again.bytes, w.bytes, w.len);
}

static void a_feature_party_has_no_label_column(void **state)
{
    struct dictionary d AUTO(dictionary_clear), back AUTO(dictionary_clear) = {0};
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    (void)state;
    make(&d);
    free(d.label_column);
    d.label_column = NULL;
    dictionary_encode(&w, &d);
    assert_int_equal(dictionary_decode(&back, w.bytes, w.len), OK);
    assert_null(back.label_column);
}

/* Whatever is accepted is the encoding of what was understood. */
static void changed_or_cut_bytes_are_refused_or_mean_what_they_say(void **state)
{
    struct dictionary d AUTO(dictionary_clear);
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    (void)state;
    make(&d);
    dictionary_encode(&w, &d);
    for (size_t len = 0; len < w.len; len++) {
        struct dictionary back AUTO(dictionary_clear) = {0};

        assert_int_equal(dictionary_decode(&back, w.bytes, len), STATUS_MALFORMED);
    }
    for (size_t i = 0; i < w.len * 8; i++) {
        struct dictionary back AUTO(dictionary_clear) = {0};
        struct wire_writer again AUTO(wire_writer_clear) = {0};

        w.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        if (dictionary_decode(&back, w.bytes, w.len) == OK) {
            dictionary_encode(&again, &back);
            assert_int_equal(again.len, w.len);
            assert_memory_equal(again.bytes, w.bytes, w.len);
        } else {
            assert_null(back.columns);
        }
        w.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void refused(const struct dictionary *d)
{
    struct dictionary back AUTO(dictionary_clear) = {0};
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    dictionary_encode(&w, d);
    assert_int_equal(wire_writer_status(&w), OK);
    assert_int_equal(dictionary_decode(&back, w.bytes, w.len), STATUS_MALFORMED);
}

static void unsound_dictionaries_are_refused(void **state)
{
    struct dictionary d AUTO(dictionary_clear);

    (void)state;
    make(&d);
    d.columns[0].edges[1] = 3; /* not ascending */
    refused(&d);
    d.columns[0].edges[1] = 12000;
    d.columns[0].edges[0] = -0.0; /* two encodings of zero */
    refused(&d);
    d.columns[0].edges[0] = 3;
    d.columns[0].fallback = 5; /* no such code */
    refused(&d);
    d.columns[0].fallback = 0;
    strcpy(d.columns[1].levels[0], "zchool"); /* not in order */
    refused(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_read_as_ranges_and_levels),
        cmocka_unit_test(an_edge_belongs_to_the_bin_below_it),
        cmocka_unit_test(unknown_values_take_the_fallback_and_are_told),
        cmocka_unit_test(decoding_inverts_encoding),
        cmocka_unit_test(a_feature_party_has_no_label_column),
        cmocka_unit_test(changed_or_cut_bytes_are_refused_or_mean_what_they_say),
        cmocka_unit_test(unsound_dictionaries_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
