/* What outsiders are asked to date follows from the evidence file, and from nothing else. */
#include "kit/suite.h"
#include "kit/synthetic.h"

#include "protocol/log.h"
#include "protocol/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct synthetic session, other;

static int set_up(void **state)
{
    (void)state;
    return synthetic_make(&session, 3, 5, SIZE_MAX) == OK && synthetic_make(&other, 3, 6, SIZE_MAX) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    synthetic_clear(&session);
    synthetic_clear(&other);
    return 0;
}

static void read_stamps(struct stamps *out, const struct bundle *b)
{
    struct fault f = {0};

    assert_int_equal(stamps_of_bundle(out, b, &f), OK);
}

/* By the definition in SPEC 7.6, without the code under test. */
static void digests_are_those_of_the_specification(void **state)
{
    struct stamps s;
    struct hasher h;
    struct hash want;
    struct log_reader r;
    struct log_entry e;
    uint8_t joint[3 * LOG_ROOT_BYTES];
    uint64_t joints = 0;

    (void)state;
    read_stamps(&s, &session.bundle[1]);
    assert_true(hash_equal(&s.contract, &session.id));
    assert_true(hash_equal(&s.session, &session.session));
    hasher_init(&h, kit_suite(), "hefu/stamp start/v1");
    hasher_add_hash(&h, &session.id);
    hasher_add_hash(&h, &session.session);
    hasher_final(&h, &want);
    assert_true(hash_equal(&s.start, &want));
    log_reader_init(&r, session.log[1].bytes, session.log[1].len, 3);
    while (log_next(&r, &e) == LOG_ENTRY)
        if (e.joint) {
            joints++;
            for (size_t p = 0; p < 3; p++)
                memcpy(joint + p * LOG_ROOT_BYTES, e.joint + p * JOINT_ITEM, LOG_ROOT_BYTES);
        }
    hasher_init(&h, kit_suite(), "hefu/stamp end/v1");
    hasher_add_hash(&h, &session.session);
    hasher_add(&h, joint, sizeof joint);
    hasher_final(&h, &want);
    assert_true(hash_equal(&s.end, &want));
    assert_int_equal(s.joints, joints);
    assert_int_equal(s.parties, 3);
    assert_int_equal(s.not_after, session.contract.not_after);
}

static void all_parties_of_a_session_come_to_the_same(void **state)
{
    struct stamps a, b;

    (void)state;
    read_stamps(&a, &session.bundle[0]);
    read_stamps(&b, &session.bundle[2]);
    assert_memory_equal(&a.start, &b.start, sizeof a.start);
    assert_memory_equal(&a.end, &b.end, sizeof a.end);
    assert_int_equal(a.records, b.records);
    read_stamps(&b, &other.bundle[0]);
    assert_false(hash_equal(&a.start, &b.start));
    assert_false(hash_equal(&a.end, &b.end));
}

static void a_log_cut_before_its_last_checkpoint_comes_to_another_end(void **state)
{
    struct bundle b = session.bundle[0];
    struct stamps whole, cut;
    struct log_reader r;
    struct log_entry e;
    size_t last = 0;

    (void)state;
    read_stamps(&whole, &b);
    log_reader_init(&r, b.log.bytes, b.log.len, 3);
    while (log_next(&r, &e) == LOG_ENTRY)
        if (e.joint)
            last = (size_t)(e.at - b.log.bytes);
    b.log.len = last;
    read_stamps(&cut, &b);
    assert_true(hash_equal(&whole.start, &cut.start));
    assert_false(hash_equal(&whole.end, &cut.end));
    assert_int_equal(cut.joints, whole.joints - 1);
    b.log.len = 0;
    read_stamps(&cut, &b);
    assert_int_equal(cut.joints, 0);
}

static void the_line_is_short_and_names_the_session(void **state)
{
    static const struct hash none;
    struct stamps s;
    char line[STAMP_LINE_BYTES], hex[2 * HASH_BYTES + 1];
    size_t len;

    (void)state;
    read_stamps(&s, &session.bundle[0]);
    len = stamp_line(line, &s);
    assert_in_range(len, 200, STAMP_LINE_BYTES - 1);
    assert_int_equal(line[len - 1], '\n');
    hash_hex(&session.session, hex);
    assert_non_null(strstr(line, hex));
    hash_hex(&s.end, hex);
    assert_non_null(strstr(line, hex));
    assert_null(strstr(line, session.contract.party[0].name));
    /* the most that evidence files can hold */
    s.parties = PARTIES_MAX;
    s.records = 99999999;
    s.joints = PASSES_MAX + 2;
    assert_in_range(stamp_line(line, &s), len, STAMP_LINE_BYTES - 1);
    s.joints = 0;
    s.end = none;
    assert_int_equal(stamp_line(line, &s), 0);
}

static void files_that_cannot_be_read_are_refused(void **state)
{
    struct bundle b = session.bundle[0];
    struct stamps s;
    struct fault f = {0};

    (void)state;
    b.approvals--;
    assert_int_equal(stamps_of_bundle(&s, &b, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "approvals"));
    b = session.bundle[0];
    b.contract.len--;
    f = (struct fault){0};
    assert_int_equal(stamps_of_bundle(&s, &b, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "contract"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_specification),
        cmocka_unit_test(all_parties_of_a_session_come_to_the_same),
        cmocka_unit_test(a_log_cut_before_its_last_checkpoint_comes_to_another_end),
        cmocka_unit_test(the_line_is_short_and_names_the_session),
        cmocka_unit_test(files_that_cannot_be_read_are_refused),
    };

    return cmocka_run_group_tests_name("stamp", tests, set_up, tear_down);
}
