/* The progress display: what it says, how wide it is, how often it speaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/local/bar.h"

static void sizes_and_times_are_short_and_rounded(void **state)
{
    static const struct { uint64_t bytes; const char *text; } size[] = {
        {0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {99949, "99.9 kB"}, {123456, "123 kB"}, {999499, "999 kB"},
        {999500, "1.0 MB"}, {4560000000, "4.6 GB"},
    };
    static const struct { double seconds; const char *text; } time[] = {
        {0, "0:00"}, {7.4, "0:07"}, {59.6, "1:00"}, {3599, "59:59"}, {3753, "1:02:33"}, {-5, "0:00"},
    };
    char text[BAR_SIZE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        bar_bytes_text(text, size[i].bytes);
        assert_string_equal(text, size[i].text);
    }
    for (size_t i = 0; i < sizeof time / sizeof time[0]; i++) {
        bar_time_text(text, time[i].seconds);
        assert_string_equal(text, time[i].text);
    }
}

static void a_line_is_never_wider_than_the_terminal(void **state)
{
    struct bar_state s = {.phase = "train", .pass = 7, .passes = 16, .done = 3, .total = 9, .bytes = 123456789};
    char text[BAR_TEXT_BYTES];

    (void)state;
    for (unsigned columns = 1; columns < 200; columns++) {
        bar_text(text, &s, &(struct bar_pace){812.5, 62, 40}, columns, 0);
        assert_true(strlen(text) <= columns);
    }
    assert_non_null(strstr(text, "pass  7 of 16"));
    assert_non_null(strstr(text, "123 MB"));
    assert_non_null(strstr(text, "1:02 left"));
    assert_non_null(strstr(text, " 40%")); /* (6 + 1/3) / 16 */
}

static void colour_adds_escapes_and_nothing_else(void **state)
{
    struct bar_state s = {.phase = "align", .done = 1, .total = 2, .bytes = 10};
    const struct bar_pace pace = {-1, -1, 12};
    char plain[BAR_TEXT_BYTES], colour[BAR_TEXT_BYTES], bare[BAR_TEXT_BYTES];
    size_t n = 0;

    (void)state;
    bar_text(plain, &s, &pace, 80, 0);
    bar_text(colour, &s, &pace, 80, 1);
    assert_null(strchr(plain, '\033'));
    for (const char *c = colour; *c; c++) {
        if (*c == '\033')
            c = strchr(c, 'm');
        else
            bare[n++] = *c;
    }
    bare[n] = '\0';
    assert_string_equal(bare, plain);
    assert_non_null(strstr(plain, "0:12 so far"));
}

static void a_phase_is_shown_with_its_stage(void **state)
{
    const struct bar_state s = {.stage = "offline", .phase = "prepare", .done = 1, .total = 2};
    const struct bar_state t = {.stage = "online", .phase = "train", .pass = 3, .passes = 16};
    const struct bar_pace pace = {-1, -1, 0};
    char text[BAR_TEXT_BYTES];

    (void)state;
    bar_text(text, &s, &pace, 0, 0);
    assert_memory_equal(text, "offline: prepare    50%", 23);
    bar_text(text, &t, &pace, 0, 0);
    assert_memory_equal(text, "online: train      pass  3 of 16", 32);
}

static void away_from_a_terminal_it_speaks_at_phase_changes_and_every_two_seconds(void **state)
{
    struct bar_state s = {.phase = "prepare", .total = 100};
    struct bar b;
    char *text = NULL;
    size_t len = 0, lines = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    bar_init(&b, out, 0);
    assert_false(b.terminal);
    for (int tick = 0; tick < 100; tick++) { /* 10 seconds */
        s.done = (uint64_t)tick;
        bar_show(&b, &s, 1000 + tick * 0.1);
    }
    s = (struct bar_state){.phase = "train", .pass = 1, .passes = 4, .bytes = 5000};
    bar_show(&b, &s, 1010);
    bar_end(&b, 1, 1012);
    fclose(out);
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 5 + 1 + 1 + 1);
    assert_non_null(strstr(text, "hefu: prepare    done in 0:10"));
    assert_non_null(strstr(text, "pass  1 of 4"));
    assert_null(strchr(text, '\r'));
    assert_null(strchr(text, '\033'));
    free(text);
}

static void a_long_phase_takes_few_lines(void **state)
{
    struct bar_state s = {.phase = "prepare", .total = 14400};
    struct bar b;
    char *text = NULL;
    size_t len = 0, lines = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    bar_init(&b, out, 0);
    for (uint64_t second = 0; second < 14400; second++) { /* four hours */
        s.done = second;
        bar_show(&b, &s, 1000 + (double)second);
    }
    fclose(out);
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_in_range(lines, 100, 300);
    free(text);
}

static void quiet_says_nothing(void **state)
{
    struct bar_state s = {.phase = "align", .total = 100};
    struct bar b;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    bar_init(&b, out, 1);
    bar_show(&b, &s, 0);
    bar_note(&b, "a word");
    bar_end(&b, 1, 3);
    fclose(out);
    assert_int_equal(len, 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_times_are_short_and_rounded),
        cmocka_unit_test(a_line_is_never_wider_than_the_terminal),
        cmocka_unit_test(colour_adds_escapes_and_nothing_else),
        cmocka_unit_test(a_phase_is_shown_with_its_stage),
        cmocka_unit_test(away_from_a_terminal_it_speaks_at_phase_changes_and_every_two_seconds),
        cmocka_unit_test(a_long_phase_takes_few_lines),
        cmocka_unit_test(quiet_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
