#include "training/ids.h"

#include "kit/cmocka.h"

#include <string.h>

static void becomes(const char *text, const char *expected)
{
    char id[DATASET_ID_MAX + 1];

    assert_int_equal(ids_normalise(id, text, strlen(text)), IDS_OK);
    assert_string_equal(id, expected);
}

static enum ids_verdict verdict(const char *text, size_t len)
{
    char id[DATASET_ID_MAX + 1];

    return ids_normalise(id, text, len);
}

static void blanks_go_wherever_they_stand(void **state)
{
    (void)state;
    becomes("  42\t", "42");
    becomes("9901 0119 8109 188X", "990101198109188X");
    becomes("\xc2\xa0" "42" "\xe3\x80\x80", "42");            /* no-break space, ideographic space */
    becomes("\xef\xbb\xbf" "4" "\xe2\x80\x8b" "2\r\n", "42"); /* byte order mark, zero-width space */
}

static void letters_become_capitals_and_full_width_forms_ascii(void **state)
{
    (void)state;
    becomes("99010119810918836x", "99010119810918836X");
    becomes("\xef\xbc\x91\xef\xbc\x92\xef\xbd\x98", "12X"); /* full-width 1, 2, x */
    becomes("\xef\xbc\xa1\xef\xbc\x8d\xef\xbc\xba", "A-Z"); /* full-width A, -, Z */
}

static void hyphens_leading_zeros_and_other_scripts_stay(void **state)
{
    (void)state;
    becomes("00-17", "00-17");
    becomes("\xe4\xba\xac" "a1", "\xe4\xba\xac" "A1");
    becomes("\xc3\xa9", "\xc3\xa9"); /* only ASCII letters have a case here */
}

static void normalising_twice_changes_nothing(void **state)
{
    static const char *const texts[] = {" a b ", "\xef\xbd\x8e\xef\xbc\x91", "x-\xe3\x80\x80y", "0"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char once[DATASET_ID_MAX + 1], twice[DATASET_ID_MAX + 1];

        assert_int_equal(ids_normalise(once, texts[i], strlen(texts[i])), IDS_OK);
        assert_int_equal(ids_normalise(twice, once, strlen(once)), IDS_OK);
        assert_string_equal(once, twice);
    }
}

static void empty_ids_and_words_for_missing_are_refused(void **state)
{
    static const char *const texts[] = {"", "  ", "\xe3\x80\x80", "NA", "n/a", "null", "NaN", "N A", "\\N"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(verdict(texts[i], strlen(texts[i])), IDS_EMPTY);
    becomes("NAB", "NAB");
}

static void the_longest_id_fits_and_one_byte_more_does_not(void **state)
{
    char text[DATASET_ID_MAX + 3];

    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(verdict(text, DATASET_ID_MAX), IDS_OK);
    assert_int_equal(verdict(text, DATASET_ID_MAX + 1), IDS_TOO_LONG);
    text[0] = text[DATASET_ID_MAX + 1] = ' '; /* blanks do not count */
    assert_int_equal(verdict(text, DATASET_ID_MAX + 2), IDS_OK);
}

static void bytes_that_are_not_utf8_are_refused(void **state)
{
    static const char *const texts[] = {"\x80", "a\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe4\xba", "\xf4\x90\x80\x80"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(verdict(texts[i], strlen(texts[i])), IDS_NOT_TEXT);
}

static void only_the_rule_of_this_version_is_known(void **state)
{
    (void)state;
    assert_true(ids_rule_known("v1"));
    assert_false(ids_rule_known("v2"));
    assert_false(ids_rule_known(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_go_wherever_they_stand),
        cmocka_unit_test(letters_become_capitals_and_full_width_forms_ascii),
        cmocka_unit_test(hyphens_leading_zeros_and_other_scripts_stay),
        cmocka_unit_test(normalising_twice_changes_nothing),
        cmocka_unit_test(empty_ids_and_words_for_missing_are_refused),
        cmocka_unit_test(the_longest_id_fits_and_one_byte_more_does_not),
        cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
        cmocka_unit_test(only_the_rule_of_this_version_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
