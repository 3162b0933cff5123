#include "kit/synthetic.h"
#include "protocol/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct population people = {.rows = 30, .train = 21, .test = 9};

static struct schedule made(const struct contract *c, party self)
{
    struct schedule s;
    struct fault f = {0};

    if (schedule_make(&s, c, STAGE_WHOLE, self, SIZE_MAX, KNOWN_ALL, &people, &f) != OK)
        fail_msg("%s", f.message);
    assert_true(s.complete);
    return s;
}

/* Every receive finds its send, in order and of the right length, and nobody waits for ever. */
static void the_schedules_of_all_parties_fit_together(void **state)
{
    (void)state;
    for (uint16_t parties = 2; parties <= PARTIES_MAX; parties++)
        for (party label = 0; label < parties; label++)
            for (int rule = TEST_DRAWN; rule <= TEST_LISTED; rule++) {
                struct synthetic s;
                struct contract c;

                synthetic_contract(&c, parties, 1);
                c.party[0].has_label = 0;
                c.party[label].has_label = 1;
                c.test_rule = (uint8_t)rule;
                c.test_permille = rule == TEST_DRAWN ? 300 : 0;
                if (rule == TEST_DRAWN)
                    synthetic_table_sigmoid(&c);
                if (parties > 4 && label > 0)
                    continue; /* the larger ones only once: keep it short */
                assert_int_equal(synthetic_play(&s, &c, people, 1, SIZE_MAX, NULL), OK);
                synthetic_clear(&s);
            }
}

struct want {
    enum record_type type;
    party peer;
    uint16_t kind;
    uint32_t pass;
    uint64_t len;
};

/* The steps of one phase, by hand from the specification: three parties, the third compares. */
static void compare_with(const struct schedule *s, uint16_t first, uint16_t last, const struct want *want, size_t count)
{
    size_t at = 0, found = 0;

    while (at < s->count && s->step[at].kind != first)
        at++;
    for (; at < s->count && s->step[at].phase && s->step[at].kind >= first && s->step[at].kind <= last; at++, found++) {
        const struct schedule_step *got = &s->step[at];

        if (found == count || got->type != want[found].type || got->peer != want[found].peer ||
            got->kind != want[found].kind || got->pass != want[found].pass || got->body_len != want[found].len)
            fail_msg("step %zu: type %d peer %u kind %u pass %u, %llu bytes", found, got->type, got->peer, got->kind,
                     got->pass, (unsigned long long)got->body_len);
    }
    assert_int_equal(found, count);
}

#define S(to, kind, pass, len)                                                                                         \
    {                                                                                                                  \
        RECORD_SEND, to, MESSAGE_##kind, pass, len                                                                     \
    }
#define R(from, kind, pass, len)                                                                                       \
    {                                                                                                                  \
        RECORD_RECV, from, MESSAGE_##kind, pass, len                                                                   \
    }

static void the_ring_of_three_parties_is_walked_as_specified(void **state)
{
    /* rows 40, 41, 42; sets: 0-1-2, 1-2-0-2, 2-0-1-2; lists: 2-1-0, 2-0-2-1, 2-1-0-2 */
    static const struct want first[] = {
        S(1, psi_set, 0, 40 * 32), R(2, psi_set, 2, 42 * 32), S(1, psi_set, 2, 42 * 32), R(2, psi_set, 1, 41 * 32),
        S(2, psi_set, 1, 41 * 32), R(2, psi_count, 0, 4),     R(2, psi_list, 1, 120),    S(2, psi_list, 1, 120),
        R(1, psi_list, 0, 120),    R(1, psi_list, 2, 120),    S(2, psi_list, 2, 120),    S(1, psi_root, 0, 32),
        S(2, psi_root, 0, 32),     R(1, psi_root, 0, 32),     R(2, psi_root, 0, 32),
    };
    static const struct want last[] = {
        S(0, psi_set, 2, 42 * 32), R(1, psi_set, 1, 41 * 32), S(0, psi_set, 1, 41 * 32), R(1, psi_set, 0, 40 * 32),
        R(0, psi_set, 1, 41 * 32), R(1, psi_set, 2, 42 * 32), S(0, psi_count, 0, 4),     S(1, psi_count, 0, 4),
        S(1, psi_list, 0, 120),    S(0, psi_list, 1, 120),    S(1, psi_list, 2, 120),    R(0, psi_list, 1, 120),
        S(1, psi_list, 1, 120),    R(0, psi_list, 2, 120),    S(0, psi_root, 0, 32),     S(1, psi_root, 0, 32),
        R(0, psi_root, 0, 32),     R(1, psi_root, 0, 32),
    };
    struct contract c;
    struct schedule s;

    (void)state;
    synthetic_contract(&c, 3, 1);
    s = made(&c, 0);
    compare_with(&s, MESSAGE_psi_set, MESSAGE_psi_root, first, sizeof first / sizeof first[0]);
    schedule_clear(&s);
    s = made(&c, 2);
    compare_with(&s, MESSAGE_psi_set, MESSAGE_psi_root, last, sizeof last / sizeof last[0]);
    schedule_clear(&s);
}

/* 21 rows, 32 entries; with a key of 256 bits the ring has 88 bits, 11 bytes. */
static void the_chain_of_the_sigmoid_is_walked_as_specified(void **state)
{
    enum { CHOICES = (1 + 2) * 512, TURN = 21 * (5 * 32 + 8 * 11), TABLE = 21 * (32 + 8 * 11), TABLE_OF_TWO = 21 * (32 + 4 + 11) };
    static const struct want label[] = { /* party 1 has the label: the chain is 1-0-2 */
        R(0, choice, 2, CHOICES), R(2, choice, 2, CHOICES), S(0, turn, 2, TURN), S(2, table, 2, TABLE), R(2, flip, 2, 21),
    };
    static const struct want middle[] = {
        S(1, choice, 2, CHOICES), R(2, choice, 2, CHOICES), R(1, turn, 2, TURN), S(2, table, 2, TABLE), R(2, flip, 2, 21),
    };
    static const struct want end[] = {
        S(1, choice, 2, CHOICES), S(0, choice, 2, CHOICES), R(1, table, 2, TABLE), R(0, table, 2, TABLE), S(1, flip, 2, 21),
        S(0, flip, 2, 21),
    };
    static const struct want of_two[] = {
        R(1, choice, 2, 2 * 512), S(1, table, 2, TABLE_OF_TWO), R(1, flip, 2, 21),
    };
    struct contract c;
    struct schedule s;

    (void)state;
    synthetic_contract(&c, 3, 1);
    synthetic_table_sigmoid(&c);
    c.passes = 3; /* the first needs no look-up, the last has two */
    c.party[0].has_label = 0;
    c.party[1].has_label = 1;
    s = made(&c, 1);
    compare_with(&s, MESSAGE_choice, MESSAGE_flip, label, sizeof label / sizeof label[0]);
    schedule_clear(&s);
    s = made(&c, 0);
    compare_with(&s, MESSAGE_choice, MESSAGE_flip, middle, sizeof middle / sizeof middle[0]);
    schedule_clear(&s);
    s = made(&c, 2);
    compare_with(&s, MESSAGE_choice, MESSAGE_flip, end, sizeof end / sizeof end[0]);
    schedule_clear(&s);
    synthetic_contract(&c, 2, 1);
    synthetic_table_sigmoid(&c);
    c.passes = 3; /* the first needs no look-up, the last has two */
    s = made(&c, 0);
    compare_with(&s, MESSAGE_choice, MESSAGE_flip, of_two, sizeof of_two / sizeof of_two[0]);
    schedule_clear(&s);
}

static void vectors_are_cut_by_their_item_size_alone(void **state)
{
    struct contract c;
    struct schedule s;
    uint64_t bytes = 0, records = 0;

    (void)state;
    synthetic_contract(&c, 2, 1);
    c.party[0].rows = 100000; /* 32 bytes each, 8160 in a record: 12 full records and one of 2080 */
    s = made(&c, 0);
    for (size_t i = 0; i < s.count; i++)
        if (s.step[i].kind == MESSAGE_psi_set && s.step[i].type == RECORD_SEND && s.step[i].pass == 0) {
            assert_int_equal(s.step[i].index, records);
            assert_int_equal(s.step[i].body_len, records < 12 ? 8160 * 32 : 2080 * 32);
            bytes += s.step[i].body_len;
            records++;
        }
    assert_int_equal(records, 13);
    assert_int_equal(bytes, 3200000);
    schedule_clear(&s);
}

/* Whatever is said, commitments come first, nonces after all of them, ciphertexts after all keys. */
static void commitments_come_before_nonces_before_ciphertexts(void **state)
{
    (void)state;
    for (uint16_t parties = 2; parties <= PARTIES_MAX; parties++) {
        struct contract c;
        struct schedule s;
        unsigned commits = 0, nonces = 0, keys = 0;

        synthetic_contract(&c, parties, 1);
        s = made(&c, 1);
        for (size_t i = 0; i < s.count; i++) {
            if (s.step[i].kind == MESSAGE_nonce && s.step[i].phase)
                assert_int_equal(commits, 2 * (parties - 1));
            if (s.step[i].kind == MESSAGE_key && s.step[i].phase)
                assert_int_equal(nonces, 2 * (parties - 1));
            if (s.step[i].phase > PHASE_HANDSHAKE)
                assert_int_equal(keys, 2 * (parties - 1));
            commits += s.step[i].phase && s.step[i].kind == MESSAGE_commit;
            nonces += s.step[i].phase && s.step[i].kind == MESSAGE_nonce;
            keys += s.step[i].phase && s.step[i].kind == MESSAGE_key;
        }
        schedule_clear(&s);
    }
}

static void every_pass_ends_with_a_joint_checkpoint(void **state)
{
    struct contract c;
    struct schedule s;
    uint32_t next = 0;

    (void)state;
    synthetic_contract(&c, 3, 1);
    c.passes = 9;
    s = made(&c, 1);
    for (size_t i = 0; i < s.count; i++)
        if (s.step[i].type == RECORD_CHECKPOINT)
            assert_int_equal(s.step[i].pass, next++);
    assert_int_equal(next, 10);
    assert_int_equal(s.step[s.count - 1].type, RECORD_END);
    assert_int_equal(s.step[s.count - 1].a + s.step[s.count - 1].b + 2 + 3 * 3 + 1 + 1 + 10 + 1, s.count);
    schedule_clear(&s);
}

static struct schedule made_of(const struct contract *c, enum stage stage, party self)
{
    struct schedule s;
    struct fault f = {0};

    if (schedule_make(&s, c, stage, self, SIZE_MAX, KNOWN_ALL, &people, &f) != OK)
        fail_msg("%s", f.message);
    assert_true(s.complete);
    return s;
}

static size_t count_kind(const struct schedule *s, uint16_t kind)
{
    size_t count = 0;

    for (size_t i = 0; i < s->count; i++)
        count += s->step[i].kind == kind && (s->step[i].type == RECORD_SEND || s->step[i].type == RECORD_RECV);
    return count;
}

/* Between them the two sessions say what a whole one says, and each of them what only it may. */
static void two_sessions_share_the_messages_of_a_whole_one(void **state)
{
    size_t kinds;
    const struct message_info *info = message_list(&kinds);
    struct contract c;

    (void)state;
    synthetic_contract(&c, 3, 1);
    synthetic_table_sigmoid(&c);
    for (party self = 0; self < 3; self++) {
        struct schedule whole = made_of(&c, STAGE_WHOLE, self), off = made_of(&c, STAGE_OFFLINE, self),
                        on = made_of(&c, STAGE_ONLINE, self);

        for (size_t i = 0; i < kinds; i++) {
            const uint16_t kind = (uint16_t)info[i].kind;
            const size_t in_whole = count_kind(&whole, kind), in_off = count_kind(&off, kind), in_on = count_kind(&on, kind);

            switch (info[i].kind) {
            case MESSAGE_link:
                assert_int_equal(in_whole + in_off, 0);
                assert_int_equal(in_on, 4);
                break;
            case MESSAGE_commit: case MESSAGE_nonce: case MESSAGE_finish: case MESSAGE_endorse:
                assert_true(in_whole == in_off && in_whole == in_on);
                break;
            case MESSAGE_checkpoint: case MESSAGE_cosign: /* number 0 in both */
                assert_int_equal(in_off, 4);
                assert_int_equal(in_on, in_whole);
                break;
            default:
                assert_int_equal(in_whole, in_off + in_on);
                assert_true(in_off == 0 || in_on == 0);
            }
        }
        schedule_clear(&whole);
        schedule_clear(&off);
        schedule_clear(&on);
    }
}

static void an_online_list_ends_where_the_population_begins(void **state)
{
    struct contract c;
    struct schedule part;
    struct fault f = {0};

    (void)state;
    synthetic_contract(&c, 3, 1);
    assert_int_equal(schedule_make(&part, &c, STAGE_ONLINE, 0, SIZE_MAX, KNOWN_NOTHING, NULL, &f), OK);
    assert_int_equal(part.count, 3 * 4 + 7); /* commit, nonce, link: to and from two others; two commitments of each, the joint value */
    assert_false(part.complete);
    schedule_clear(&part);
}

static void what_is_not_known_ends_the_list(void **state)
{
    struct contract c;
    struct schedule all, part;
    struct fault f = {0};

    (void)state;
    synthetic_contract(&c, 3, 1);
    all = made(&c, 0);
    assert_int_equal(schedule_make(&part, &c, STAGE_WHOLE, 0, SIZE_MAX, KNOWN_NOTHING, NULL, &f), OK);
    assert_false(part.complete);
    assert_int_equal(part.step[part.count - 1].kind, MESSAGE_psi_count);
    schedule_clear(&part);
    assert_int_equal(schedule_make(&part, &c, STAGE_WHOLE, 0, SIZE_MAX, KNOWN_ROWS, &people, &f), OK);
    assert_false(part.complete);
    assert_int_equal(part.step[part.count - 1].kind, FACT_ALIGNED);
    for (size_t i = 0; i < part.count; i++) {
        assert_int_equal(part.step[i].type, all.step[i].type);
        assert_int_equal(part.step[i].kind, all.step[i].kind);
        assert_int_equal(part.step[i].body_len, all.step[i].body_len);
    }
    schedule_clear(&part);
    for (size_t limit = 0; limit <= all.count; limit += 13) {
        assert_int_equal(schedule_make(&part, &c, STAGE_WHOLE, 0, limit, KNOWN_ALL, &people, &f), OK);
        assert_int_equal(part.count, limit);
        assert_int_equal(part.complete, limit == all.count);
        schedule_clear(&part);
    }
    schedule_clear(&all);
}

static void a_population_outside_the_contract_is_refused(void **state)
{
    static const struct population wrong[] = {
        {.rows = 41, .train = 29, .test = 12}, /* more than a party brings */
        {.rows = 19, .train = 14, .test = 5},  /* fewer than min_rows */
        {.rows = 30, .train = 22, .test = 9},  /* more than all */
        {.rows = 30, .train = 20, .test = 10}, /* not 30 % */
    };
    struct contract c;

    (void)state;
    synthetic_contract(&c, 2, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct schedule s;
        struct fault f = {0};

        assert_int_equal(schedule_make(&s, &c, STAGE_WHOLE, 0, SIZE_MAX, KNOWN_ALL, &wrong[i], &f), STATUS_LIMIT);
        assert_false(s.complete);
        assert_true(f.message[0]);
        schedule_clear(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schedules_of_all_parties_fit_together),
        cmocka_unit_test(the_ring_of_three_parties_is_walked_as_specified),
        cmocka_unit_test(the_chain_of_the_sigmoid_is_walked_as_specified),
        cmocka_unit_test(vectors_are_cut_by_their_item_size_alone),
        cmocka_unit_test(commitments_come_before_nonces_before_ciphertexts),
        cmocka_unit_test(every_pass_ends_with_a_joint_checkpoint),
        cmocka_unit_test(two_sessions_share_the_messages_of_a_whole_one),
        cmocka_unit_test(an_online_list_ends_where_the_population_begins),
        cmocka_unit_test(what_is_not_known_ends_the_list),
        cmocka_unit_test(a_population_outside_the_contract_is_refused),
    };

    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
