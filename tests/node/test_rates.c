#include "kit/cmocka.h"
#include "node/local/calibrate.h"
#include "node/scratch.h"

#include <sys/stat.h>

static void encoded(char **text, const struct rates *r)
{
    assert_int_equal(rates_encode(text, r, NULL), OK);
}

static void what_is_written_is_read_and_written_alike(void **state)
{
    struct rates r, again;
    char *one, *two;

    (void)state;
    rates_typical(&r);
    r.key[1].decrypt = 1.0 / 3 * 1e6;
    strcpy(r.date, "2026-01-31");
    encoded(&one, &r);
    assert_int_equal(rates_decode(&again, "rates.json", one, strlen(one), NULL), OK);
    encoded(&two, &again);
    assert_string_equal(one, two);
    assert_string_equal(again.date, "2026-01-31");
    assert_true(again.key[1].decrypt > 333332 && again.key[1].decrypt < 333334);
    assert_int_equal(again.key[2].bits, 4096);
    free(one);
    free(two);
}

/* The text with every "from" replaced by to. */
static char *changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *out = malloc(strlen(text) + strlen(to) + 1);

    assert_non_null(at);
    assert_non_null(out);
    memcpy(out, text, (size_t)(at - text));
    strcpy(out + (at - text), to);
    strcat(out, at + strlen(from));
    return out;
}

static void a_file_that_is_not_one_is_refused_in_words(void **state)
{
    static const struct { const char *from, *to, *says; } bad[] = {
        {"\"version\": 1", "\"version\": 2", "version"},
        {"\"tier\": \"ifma\"", "\"tier\": \"abacus\"", "tier"},
        {"\"threads\": 2", "\"threads\": 0", "threads"},
        {"\"sync\": ", "\"sync\": -", "sync"},
        {"\"sync\": ", "\"wait\": ", "sync"},
        {"\"3072\"", "\"3073\"", "key"},
        {"\"cell\": ", "\"cell\": \"fast\", \"x\": ", "cell"},
        {"\"turn_send\": ", "\"more\": 1, \"turn_send\": ", "a rate"},
        {"{", "", "version"},
    };
    struct rates r, out;
    char *text;

    (void)state;
    rates_typical(&r);
    encoded(&text, &r);
    memset(&out, 7, sizeof out);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *other = changed(text, bad[i].from, bad[i].to);
        const struct rates before = out;
        struct fault f = {0};

        assert_int_equal(rates_decode(&out, "rates.json", other, strlen(other), &f), STATUS_CONFIG);
        assert_non_null(strstr(f.message, bad[i].says));
        assert_non_null(strstr(f.hint, "--calibrate"));
        assert_memory_equal(&out, &before, sizeof out);
        free(other);
    }
    free(text);
}

static void rates_that_nobody_measured_say_so(void **state)
{
    struct rates r;
    char words[256];

    (void)state;
    rates_typical(&r);
    rates_describe(words, sizeof words, &r, 2048);
    assert_non_null(strstr(words, "typical"));
    strcpy(r.date, "2026-01-31");
    strcpy(r.processor, "Some Processor");
    r.key[0].measured = 1;
    rates_describe(words, sizeof words, &r, 2048);
    assert_null(strstr(words, "typical"));
    assert_non_null(strstr(words, "Some Processor"));
    rates_describe(words, sizeof words, &r, 3072);
    assert_non_null(strstr(words, "typical"));
}

static void calibration_measures_every_rate_and_leaves_nothing_behind(void **state)
{
    struct rates r, measured;
    char *text;

    (void)state;
    rates_typical(&r);
    /* what is not measured would stay as it is, and be refused */
    memset((char *)&r + offsetof(struct rates, load), 0, sizeof r - offsetof(struct rates, load));
    r.key[0] = (struct rates_of_key){.bits = 2048};
    assert_int_equal(calibrate(&r, &(struct calibration){.quick = 1, .key_bits = 2048, .dir = scratch}, NULL), OK);
    encoded(&text, &r);
    assert_int_equal(rates_decode(&measured, "rates.json", text, strlen(text), NULL), OK);
    assert_int_equal(measured.key[0].measured, 1);
    assert_int_equal(measured.key[1].measured, 0);
    assert_true(measured.date[0]);
    free(text);
    assert_int_equal(rmdir(scratch), 0); /* it is empty */
    assert_int_equal(mkdir(scratch, 0700), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_and_written_alike),
        cmocka_unit_test(a_file_that_is_not_one_is_refused_in_words),
        cmocka_unit_test(rates_that_nobody_measured_say_so),
        cmocka_unit_test_setup_teardown(calibration_measures_every_rate_and_leaves_nothing_behind, scratch_make,
                                        scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
