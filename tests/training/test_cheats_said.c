/* A party that computes what the protocol says, and says, signs or logs something else: what becomes of it.  [SPEC 7.9] */
#include "kit/trial.h"

#include <stdlib.h>
#include <string.h>

/* Send these bytes with the last one changed. */
static status send_changed(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index, const void *body,
                           size_t len)
{
    uint8_t *other = malloc(len);
    status result;

    if (!other)
        return STATUS_NO_MEMORY;
    cheat_note();
    memcpy(other, body, len);
    other[len - 1] ^= 1;
    result = __real_session_send_part(ss, to, kind, pass, index, other, len);
    free(other);
    return result;
}

/* ---- messages that are refused ---- */

static status one_point_too_many(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index,
                                 const void *body, size_t len)
{
    uint8_t *more;
    status result;

    if (kind != MESSAGE_psi_set || pass != ss->self)
        return __real_session_send_part(ss, to, kind, pass, index, body, len);
    more = malloc(len + ITEM_PSI_SET);
    if (!more)
        return STATUS_NO_MEMORY;
    cheat_note();
    memcpy(more, body, len);
    memcpy(more + len, body, ITEM_PSI_SET);
    result = __real_session_send_part(ss, to, kind, pass, index, more, len + ITEM_PSI_SET);
    free(more);
    return result;
}

static status zeros_for_ciphertexts(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index,
                                    const void *body, size_t len)
{
    uint8_t *zeros;
    status result;

    if (kind != MESSAGE_back_mask)
        return __real_session_send_part(ss, to, kind, pass, index, body, len);
    zeros = calloc(len, 1);
    if (!zeros)
        return STATUS_NO_MEMORY;
    cheat_note();
    result = __real_session_send_part(ss, to, kind, pass, index, zeros, len);
    free(zeros);
    return result;
}

/* A second opening after the right one: residuals under the same pad, in other words. */
static status open_again(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index, const void *body,
                         size_t len)
{
    TRY(__real_session_send_part(ss, to, kind, pass, index, body, len));
    if (kind != MESSAGE_residual || pass != 2 || cheating.calls++)
        return OK;
    return send_changed(ss, to, kind, pass, index, body, len);
}

static status name_another_session(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index,
                                   const void *body, size_t len)
{
    const struct hash id = ss->id;
    status result;

    if (kind != MESSAGE_residual)
        return __real_session_send_part(ss, to, kind, pass, index, body, len);
    cheat_note();
    ss->id.bytes[0] ^= 1;
    result = __real_session_send_part(ss, to, kind, pass, index, body, len);
    ss->id = id;
    return result;
}

static const struct shape any[] = {{2, 0, 0, 0}, {2, TRIAL_LABEL, 1, 0}, {3, 2, 0, 0}, {0}};

static const struct way ways[] = {
    {.name = "a_set_larger_than_the_contract_says_is_refused_and_flagged", .shapes = any,
     .how.session_send_part = one_point_too_many, .end = REFUSED, .code = STATUS_MALFORMED, .words = "the contract implies",
     .flagged = 1, .check = VERIFY_SCHEDULE, .kind = MESSAGE_psi_set, .pass = ANY_PASS},
    {.name = "a_ciphertext_that_is_no_unit_is_refused", .shapes = any, .how.session_send_part = zeros_for_ciphertexts,
     .end = REFUSED, .code = STATUS_MALFORMED, .words = "not a unit below N^2", .kind = MESSAGE_back_mask},
    {.name = "an_extra_opening_is_refused_and_flagged", .shapes = any, .how.session_send_part = open_again, .end = REFUSED,
     .code = STATUS_UNEXPECTED, .words = "sent residual (pass 2, part 0), expected is lift", .flagged = 1,
     .check = VERIFY_SCHEDULE, .kind = MESSAGE_residual, .pass = 2},
    {.name = "a_message_of_another_session_is_refused_and_flagged", .shapes = any, .how.session_send_part = name_another_session,
     .end = REFUSED, .code = STATUS_UNEXPECTED, .words = "a message of another session", .flagged = 1, .check = VERIFY_SESSION,
     .kind = MESSAGE_residual, .pass = 1},
};

/* On the wire only: the log of the one that did it shows the right message, and what was refused is not kept. */
static enum sim_fate send_an_old_frame(void *ctx, party from, party to, uint64_t number, uint8_t *frame, size_t *len)
{
    static uint8_t old[FRAME_MAX];
    static size_t old_len;

    (void)ctx;
    if (from != trial.shape.who || to != witness())
        return SIM_DELIVER;
    if (number == 1) {
        memcpy(old, frame, *len);
        old_len = *len;
    } else if (number == 3) {
        memcpy(frame, old, old_len);
        *len = old_len;
    }
    return SIM_DELIVER;
}

static void an_old_message_sent_again_is_refused(void **state)
{
    (void)state;
    for (const struct shape *s = any; s->parties; s++) {
        trial_run(s, &(struct cheat){0}, send_an_old_frame);
        assert_refused(STATUS_UNEXPECTED, "sent message 1, expected is 3");
        assert_verifies();
        assert_true(trial.verdict[s->who].same);
    }
}

/* ---- two versions ---- */

static enum message_kind kind_told_twice;

static status tell_one_otherwise(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index,
                                 const void *body, size_t len)
{
    if (kind == kind_told_twice && to == (ss->self == 2 ? 0 : 2) && cheating.calls++ == 0)
        return send_changed(ss, to, kind, pass, index, body, len);
    return __real_session_send_part(ss, to, kind, pass, index, body, len);
}

/* Whoever compares finds that not all saw the same; whose doing it is takes a replay. */
static void two_messages_to_two_peers_end_the_session_and_are_convicted(void **state)
{
    static const struct {
        enum message_kind kind;
        uint32_t pass;
        struct shape shape;
    } told[] = {{MESSAGE_residual, 1, {3, 0, 0, 0}},
                {MESSAGE_residual, 1, {3, TRIAL_LABEL, 1, 0}},
                {MESSAGE_flip, 2, {3, 2, 1, 0}},
                {MESSAGE_range, TRIAL_PASSES, {3, 0, 1, 0}}};

    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        kind_told_twice = told[i].kind;
        trial_run(&told[i].shape, &(struct cheat){.session_send_part = tell_one_otherwise}, NULL);
        for (party p = 0; p < 3; p++)
            assert_int_not_equal(trial.sim.party[p].outcome, OK);
        assert_verifies();
        assert_convicted(RECORD_SEND);
        assert_int_equal(trial.record.kind, told[i].kind);
        assert_int_equal(trial.record.pass, told[i].pass);
    }
}

static void two_lists_of_test_rows_are_refused_and_convicted(void **state)
{
    (void)state;
    kind_told_twice = MESSAGE_split;
    trial_run(&(struct shape){3, TRIAL_LABEL, 0, 1}, &(struct cheat){.session_send_part = tell_one_otherwise}, NULL);
    assert_refused(STATUS_EQUIVOCATION, "holds another list of test rows");
    assert_verifies();
    assert_convicted(RECORD_SEND);
    assert_int_equal(trial.record.kind, MESSAGE_split);
}

/* ---- logs ---- */

static status wrong_population(struct session *ss, enum fact kind, uint64_t a, uint64_t b)
{
    if (kind != FACT_POPULATION)
        return __real_session_fact(ss, kind, a, b);
    cheat_note();
    return __real_session_fact(ss, kind, a + 1, b + 1);
}

static void a_wrong_population_fact_is_flagged_and_convicted(void **state)
{
    (void)state;
    for (const struct shape *s = any; s->parties; s++) {
        trial_run(s, &(struct cheat){.session_fact = wrong_population}, NULL);
        assert_all_end_well();
        assert_false(trial.report.ok);
        assert_int_equal(trial.report.line[VERIFY_FACTS].verdict, VERDICT_FAIL);
        assert_convicted(RECORD_FACT);
    }
}

static status keep_nothing(void *ctx, const uint8_t *entry, size_t len, struct fault *f)
{
    (void)ctx, (void)entry, (void)len, (void)f;
    return OK;
}

static status send_nothing(void *ctx, party to, const uint8_t *frame, size_t len, struct fault *f)
{
    (void)ctx, (void)to, (void)frame, (void)len, (void)f;
    return OK;
}

/* One version goes out, the right one into the log; both are signed. */
static status log_otherwise(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index, const void *body,
                            size_t len)
{
    static struct session kept;

    if (kind != MESSAGE_weight || cheating.calls++)
        return __real_session_send_part(ss, to, kind, pass, index, body, len);
    kept = *ss;
    ss->journal.append = keep_nothing;
    TRY(send_changed(ss, to, kind, pass, index, body, len));
    *ss = kept;
    ss->channel.send = send_nothing;
    TRY(__real_session_send_part(ss, to, kind, pass, index, body, len));
    ss->channel = kept.channel;
    return OK;
}

/* The first record of the log of that type, kind and peer; UINT64_MAX: none. */
static uint64_t find_record(const struct wire_writer *log, party parties, enum record_type type, enum message_kind kind, party peer)
{
    struct log_reader r;
    struct log_entry e;

    log_reader_init(&r, log->bytes, log->len, parties);
    while (log_next(&r, &e) == LOG_ENTRY)
        if (e.record.type == type && e.record.kind == kind && e.record.peer == peer)
            return e.record.seq;
    return UINT64_MAX;
}

/* Its log alone is that of an honest party. */
static void a_log_that_shows_another_message_than_was_sent_is_flagged(void **state)
{
    (void)state;
    for (const struct shape *s = any; s->parties; s++) {
        trial_run(s, &(struct cheat){.session_send_part = log_otherwise}, NULL);
        assert_flagged(VERIFY_MATCH, witness(), find_record(&trial.sim.party[witness()].log, s->parties, RECORD_RECV,
                                                            MESSAGE_weight, s->who));
        assert_true(trial.verdict[s->who].same);
    }
}

static void show_another_root(const struct merkle *m, struct hash *out)
{
    __real_merkle_root(m, out);
    if ((m == &cheating.ss->tree && cheating.calls++ == 2) || /* after pass 2 */
        (m == &cheating.ss->kept && cheating.calls == 3))     /* and it does not look at what it wrote */
        out->bytes[0] ^= 1;
}

static void a_root_that_is_not_the_log_s_is_flagged_and_convicted(void **state)
{
    (void)state;
    for (const struct shape *s = any; s->parties; s++) {
        trial_run(s, &(struct cheat){.merkle_root = show_another_root}, NULL);
        assert_all_end_well();
        assert_false(trial.report.ok);
        assert_int_equal(trial.report.line[VERIFY_CHECKPOINTS].verdict, VERDICT_FAIL);
        assert_int_equal(trial.report.line[VERIFY_CHECKPOINTS].who, s->who);
        assert_convicted(RECORD_SEND);
        assert_int_equal(trial.record.kind, MESSAGE_checkpoint);
        assert_int_equal(trial.record.pass, 2);
    }
}

/* ---- ends ---- */

/* Its own weights come whatever it does, once the others have sent their shares; it keeps theirs from them. */
static status keep_the_result(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index,
                              const void *body, size_t len)
{
    if (kind != MESSAGE_block)
        return __real_session_send_part(ss, to, kind, pass, index, body, len);
    cheat_note();
    return session_fail(ss, STATUS_CANCELLED, "enough");
}

static void a_party_that_stops_early_is_named(void **state)
{
    (void)state;
    for (const struct shape *s = any; s->parties; s++) {
        const struct verify_party *found = &trial.report.party[s->who];

        trial_run(s, &(struct cheat){.session_send_part = keep_the_result}, NULL);
        assert_refused(STATUS_CLOSED, "while waiting for block");
        assert_verifies();
        assert_true(found->aborted);
        assert_int_equal(found->reason, STATUS_CANCELLED);
        assert_int_equal(found->blamed, s->who);
        assert_int_equal(trial.record.type, RECORD_ABORT);
        assert_int_equal(trial.first, cheating.noted);
        assert_true(trial.verdict[s->who].stopped);
    }
}

/* It says that a message was bad which was not, and does not show it. */
static status accuse(struct session *ss, party from, enum message_kind kind, uint32_t pass, void *items, size_t item_bytes,
                     size_t count)
{
    if (kind == MESSAGE_residual && pass == 2)
        return session_blame(ss, from, STATUS_UNTRUSTED, "a message of %s is not signed by it", ss->contract->party[from].name);
    return __real_session_recv_vector(ss, from, kind, pass, items, item_bytes, count);
}

/* What is refused is shown, so an accusation without it is none. */
static void a_false_accusation_is_convicted(void **state)
{
    (void)state;
    for (const struct shape *s = any; s->parties; s++) {
        const struct verify_party *found = &trial.report.party[s->who];

        trial_run(s, &(struct cheat){.session_recv_vector = accuse}, NULL);
        assert_verifies();
        assert_true(found->aborted);
        assert_int_equal(found->reason, STATUS_UNTRUSTED);
        assert_int_equal(found->blamed, witness());
        assert_true(trial.verdict[witness()].same);
        assert_convicted(RECORD_ABORT);
    }
}

static status accuse_later(struct session *ss, party from, enum message_kind kind, uint32_t pass, void *items, size_t item_bytes,
                           size_t count)
{
    TRY(__real_session_recv_vector(ss, from, kind, pass, items, item_bytes, count));
    if (kind != MESSAGE_residual || pass != 2 || from != (ss->self == ss->parties - 1 ? ss->parties - 2 : ss->parties - 1))
        return OK;
    cheat_note();
    return session_blame(ss, from, STATUS_MALFORMED, "%s sent a number outside the ring", ss->contract->party[from].name);
}

static void a_false_accusation_after_the_receipt_is_convicted(void **state)
{
    (void)state;
    for (const struct shape *s = any; s->parties; s++) {
        trial_run(s, &(struct cheat){.session_recv_vector = accuse_later}, NULL);
        assert_verifies();
        assert_convicted(RECORD_ABORT);
    }
}

/* ---- everything ---- */

static enum message_kind kind_changed;

static status change_kind(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index, const void *body,
                          size_t len)
{
    if (kind == kind_changed && cheating.calls++ == 0)
        return send_changed(ss, to, kind, pass, index, body, len);
    return __real_session_send_part(ss, to, kind, pass, index, body, len);
}

static void assert_nothing_flagged_but(enum verify_check check)
{
    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (i != (int)check && trial.report.line[i].verdict == VERDICT_FAIL)
            fail_msg("%s of p%u: verify %s: %s", message_info(kind_changed)->name, trial.shape.who,
                     verify_check_name((enum verify_check)i), trial.report.line[i].text);
}

/* Whether the party of the shape ever sends it. */
static int says(const struct shape *s, enum message_kind kind)
{
    const struct wire_writer *log = &trial_without_cheat(s)->party[s->who].log;

    for (party p = 0; p < s->parties; p++)
        if (find_record(log, s->parties, RECORD_SEND, kind, p) != UINT64_MAX)
            return 1;
    return 0;
}

/* session.c makes these out of sight of a hook. */
static int out_of_sight(const struct message_info *info)
{
    return info->kind == MESSAGE_checkpoint || info->kind == MESSAGE_cosign || info->phase == PHASE_FINISH;
}

/* Kinds that only the exact sigmoid has are changed in its sessions, the others in shorter ones. */
static int of_exact(enum message_kind kind)
{
    return kind == MESSAGE_ot_offer || kind == MESSAGE_ot_answer || (kind >= MESSAGE_choice && kind <= MESSAGE_range);
}

/* One bit of the first message of every kind that the party sends: whatever becomes of the session, replay names the message,
 * and nobody else. */
static void a_changed_bit_of_any_message_is_convicted(void **state)
{
    static const struct shape shapes[] = {{2, 0, 0, 0}, {2, 0, 1, 0}, {3, 1, 0, 1}, {3, 1, 1, 0}, {3, 2, 0, 0}, {3, 2, 1, 0}};
    uint64_t changed = 0; /* kinds, as bits */
    size_t kinds;
    const struct message_info *info = message_list(&kinds);

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (size_t k = 0; k < kinds; k++) {
            if (of_exact(info[k].kind) != shapes[i].exact || !says(&shapes[i], info[k].kind) || out_of_sight(&info[k]))
                continue;
            kind_changed = info[k].kind;
            trial_run(&shapes[i], &(struct cheat){.session_send_part = change_kind}, NULL);
            assert_convicted(RECORD_SEND);
            assert_int_equal(trial.record.kind, kind_changed);
            assert_nothing_flagged_but(VERIFY_FACTS); /* those that were told twice */
            changed |= (uint64_t)1 << k;
        }
    for (size_t k = 0; k < kinds; k++)
        if (!(changed >> k & 1) && !out_of_sight(&info[k]) && info[k].kind != MESSAGE_link) /* of online sessions */
            fail_msg("no party sent %s", info[k].name);
}

int main(void)
{
    enum { WAYS = sizeof ways / sizeof ways[0] };
    const struct CMUnitTest others[] = {
        cmocka_unit_test(an_old_message_sent_again_is_refused),
        cmocka_unit_test(two_messages_to_two_peers_end_the_session_and_are_convicted),
        cmocka_unit_test(two_lists_of_test_rows_are_refused_and_convicted),
        cmocka_unit_test(a_wrong_population_fact_is_flagged_and_convicted),
        cmocka_unit_test(a_log_that_shows_another_message_than_was_sent_is_flagged),
        cmocka_unit_test(a_root_that_is_not_the_log_s_is_flagged_and_convicted),
        cmocka_unit_test(a_party_that_stops_early_is_named),
        cmocka_unit_test(a_false_accusation_is_convicted),
        cmocka_unit_test(a_false_accusation_after_the_receipt_is_convicted),
        cmocka_unit_test(a_changed_bit_of_any_message_is_convicted),
    };
    struct CMUnitTest tests[WAYS + sizeof others / sizeof others[0]];

    for (size_t i = 0; i < WAYS; i++)
        tests[i] = (struct CMUnitTest){ways[i].name, trial_of_way, NULL, NULL, (void *)&ways[i]};
    memcpy(tests + WAYS, others, sizeof others);
    return cmocka_run_group_tests_name("cheats said", tests, trial_set_up, trial_tear_down);
}
