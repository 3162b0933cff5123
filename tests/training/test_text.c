#include "training/text.h"

#include "kit/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void decimal_numbers_are_read_as_the_nearest_double(void **state)
{
    static const char *const texts[] = {"0",     "1",      "+7",     "-3.5",    ".5",        "5.",       "1e5",
                                        "1E-3",  "0.1",    "1e22",   "1e23",    "123456789012345678901234567890",
                                        "4.9e-324", "1.7976931348623157e308", "00012", "9007199254740993",
                                        "0.000000000000000000000000000000000123", "2.2250738585072011e-308"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double x;

        assert_true(text_number(&x, texts[i]));
        assert_true(x == strtod(texts[i], NULL));
    }
}

static void every_random_double_survives_printing_and_reading(void **state)
{
    uint64_t seed = 88172645463325252u;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        double x, read;

        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        if (i % 2)
            x = (double)(int64_t)(seed >> 20) / 1000;
        else
            memcpy(&x, &seed, sizeof x);
        if (!isfinite(x))
            continue;
        snprintf(text, sizeof text, "%.17g", x);
        assert_true(text_number(&read, text));
        assert_true(read == x);
    }
}

static void minus_zero_is_zero(void **state)
{
    double x;

    (void)state;
    assert_true(text_number(&x, "-0.0"));
    assert_false(signbit(x));
}

static void what_is_no_plain_decimal_number_is_refused(void **state)
{
    static const char *const texts[] = {"",    "-",   ".",    "e5",  "1e",   "1e+", "1,000", "12 000", "0x10", "inf",
                                        "nan", "1.2.3", "12%", "1f", "--1", "1e999", "5 ",    " 5",     "$5",   "1_0"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double x;

        assert_false(text_number(&x, texts[i]));
    }
}

static void cleaning_trims_and_joins_blanks(void **state)
{
    static const char *const pairs[][2] = {{"plain", "plain"},
                                           {"  two  words\t", "two words"},
                                           {"\xe3\x80\x80" "a\xc2\xa0" "b\r\n", "a b"},
                                           {" \t ", ""},
                                           {"line\nbreak", "line break"},
                                           {"\xe5\xa4\xa7\xe5\xad\xa6", "\xe5\xa4\xa7\xe5\xad\xa6"}};
    char out[64];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(text_clean(out, &len, pairs[i][0], strlen(pairs[i][0])));
        assert_string_equal(out, pairs[i][1]);
        assert_int_equal(len, strlen(out));
    }
    assert_false(text_clean(out, &len, "caf\xe9", 4));
    assert_false(text_clean(out, &len, "\xe4\xba", 2)); /* cut in the middle */
}

static void missing_words_are_known_in_any_case(void **state)
{
    static const char *const yes[] = {"", "NA", "na", "N/A", "n/a", "NULL", "Null", "NaN", "nan", "\\N"};
    static const char *const no[] = {"0", "none", "NAN1", "-", "no", "\\", "n", "N", "?"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(text_missing(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(text_missing(no[i]));
}

static void shapes_show_no_value_and_are_short(void **state)
{
    char shape[TEXT_SHAPE_MAX], text[200];

    (void)state;
    text_shape(shape, "12,500 Yuan");
    assert_string_equal(shape, "99,999 aaaa");
    text_shape(shape, "\xe5\xa4\xa7" "1");
    assert_string_equal(shape, "x9");
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text_shape(shape, text);
    assert_true(strlen(shape) < TEXT_SHAPE_MAX);
    assert_non_null(strstr(shape, "..."));
}

static void distance_counts_edits_but_not_case_or_separators(void **state)
{
    (void)state;
    assert_int_equal(text_distance("Customer_ID", "customerid"), 0);
    assert_int_equal(text_distance("default", "defualt"), 2);
    assert_int_equal(text_distance("id", "idx"), 1);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("abc", "xyz"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_numbers_are_read_as_the_nearest_double),
        cmocka_unit_test(every_random_double_survives_printing_and_reading),
        cmocka_unit_test(minus_zero_is_zero),
        cmocka_unit_test(what_is_no_plain_decimal_number_is_refused),
        cmocka_unit_test(cleaning_trims_and_joins_blanks),
        cmocka_unit_test(missing_words_are_known_in_any_case),
        cmocka_unit_test(shapes_show_no_value_and_are_short),
        cmocka_unit_test(distance_counts_edits_but_not_case_or_separators),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
