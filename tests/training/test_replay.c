/* Real sessions: their logs verify, and each party's part replays bit for bit. */
#include "kit/cmocka.h"
#include "kit/sim.h"
#include "kit/suite.h"
#include "kit/synthetic.h"
#include "protocol/log.h"
#include "protocol/verify.h"
#include "training/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTIES_HERE = 3 };

static struct dataset data[PARTIES_HERE];
static struct sim sim;
static struct wire_writer contract_bytes;
static uint8_t approvals[PARTIES_HERE][APPROVAL_BYTES];
static struct bundle bundle[PARTIES_HERE];

static void contract_of(struct sim *s)
{
    sim_contract(s, PARTIES_HERE, data, 384, 4);
    sim_exact_sigmoid(s);
    s->contract.ridge_micro = 50000; /* keeps the scores of a few rows well inside of the table */
}

static int set_up(void **state)
{
    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++)
        sim_dataset(&data[p], 77, p, 90 - 5u * p, 110, (uint16_t)(2 + p % 2), 4, p == 1);
    contract_of(&sim);
    sim_approve(&sim, 9);
    if (sim_run(&sim, NULL) != OK || contract_encode(&contract_bytes, &sim.contract) != OK)
        return -1;
    for (party p = 0; p < PARTIES_HERE; p++) {
        approval_encode(approvals[p], &sim.approvals[p]);
        bundle[p] = (struct bundle){.self = p,
                                    .contract = {contract_bytes.bytes, contract_bytes.len},
                                    .approvals = PARTIES_HERE,
                                    .log = {sim.party[p].log.bytes, sim.party[p].log.len}};
        for (party q = 0; q < PARTIES_HERE; q++)
            bundle[p].approval[q] = (struct bundle_part){approvals[q], APPROVAL_BYTES};
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sim_clear(&sim);
    wire_writer_clear(&contract_bytes);
    for (party p = 0; p < PARTIES_HERE; p++)
        dataset_clear(&data[p]);
    return 0;
}

static struct replay_input input_of(party p)
{
    return (struct replay_input){.contract = &sim.contract,
                                 .self = p,
                                 .attempt = 0,
                                 .approvals = sim.approvals,
                                 .seed = &sim.party[p].seed,
                                 .start = &sim.party[p].start,
                                 .data = &data[p],
                                 .log = sim.party[p].log.bytes,
                                 .log_len = sim.party[p].log.len,
                                 .body = sim_find_body,
                                 .ctx = &sim.party[p].bodies};
}

static struct replay_verdict replayed(const struct replay_input *in)
{
    struct replay_verdict v;
    struct fault f = {0};

    if (replay_run(&v, in, &f) != OK)
        fail_msg("%s", f.message);
    return v;
}

static void every_party_s_part_replays_bit_for_bit(void **state)
{
    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++) {
        struct replay_input in = input_of(p);
        struct replay_verdict v = replayed(&in);

        if (!v.same)
            fail_msg("record %llu, %s: %s", (unsigned long long)v.seq, v.field, v.words);
        assert_false(v.stopped);
        assert_int_equal(v.compared, sim.party[p].result.records);
        assert_true(v.bytes > 10000);
    }
}

/* The schedule was written from the specification, the logs by the drivers: they agree. */
static void the_logs_of_a_real_session_verify(void **state)
{
    struct verify_report report;

    (void)state;
    assert_int_equal(verify_bundles(&report, bundle, PARTIES_HERE, &(struct verify_options){.allow_small_keys = 1}),
                     OK);
    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (report.line[i].verdict == VERDICT_FAIL)
            fail_msg("%s: %s", verify_check_name((enum verify_check)i), report.line[i].text);
    assert_true(report.ok);
    assert_int_equal(report.checkpoints, 5);
    assert_int_equal(report.population.rows, sim.party[0].result.population.rows);
}

static struct wire_writer copy_of(const struct wire_writer *w)
{
    struct wire_writer copy = {0};

    wire_put_bytes(&copy, w->bytes, w->len);
    return copy;
}

/* A party that sends something else than the protocol says, and signs it: found at its first wrong message. */
static void the_first_wrong_message_of_a_cheating_party_is_found(void **state)
{
    const party cheat = 2;
    struct log_reader r;
    struct log_entry e;
    unsigned tried = 0;

    (void)state;
    log_reader_init(&r, sim.party[cheat].log.bytes, sim.party[cheat].log.len, PARTIES_HERE);
    while (log_next(&r, &e) == LOG_ENTRY) {
        struct wire_writer log AUTO(wire_writer_clear) = copy_of(&sim.party[cheat].log);
        struct replay_input in = input_of(cheat);
        struct replay_verdict v;

        if (e.record.type != RECORD_SEND || e.record.seq % 23 != 0)
            continue;
        log.bytes[(size_t)(e.at - sim.party[cheat].log.bytes) + 88] ^= 1; /* the tag of another body */
        synthetic_resign(&log, e.record.seq, PARTIES_HERE, &sim.party[cheat].ss.sign);
        in.log = log.bytes;
        v = replayed(&in);
        assert_false(v.same);
        assert_int_equal(v.seq, e.record.seq);
        assert_string_equal(v.field, "body_tag");
        assert_int_equal(v.compared, e.record.seq);
        tried++;
    }
    assert_true(tried >= 4);
}

static void another_table_is_found_at_the_commitment(void **state)
{
    struct replay_input in = input_of(0);
    struct replay_verdict v;
    const uint8_t was = data[0].codes[17];

    (void)state;
    data[0].codes[17] = (uint8_t)((was + 1) % data[0].bins[17 % data[0].columns]);
    v = replayed(&in);
    data[0].codes[17] = was;
    assert_false(v.same);
    assert_int_equal(v.seq, 0);
    assert_string_equal(v.field, "body_tag");
    assert_non_null(strstr(v.words, "table"));
}

static void another_seed_is_refused(void **state)
{
    struct replay_input in = input_of(0);
    struct replay_verdict v;

    (void)state;
    in.seed = &sim.party[1].seed;
    v = replayed(&in);
    assert_false(v.same);
    assert_int_equal(v.seq, 0);
    assert_non_null(strstr(v.words, "seed"));
}

static void another_start_is_found_at_the_commitment_to_the_seed(void **state)
{
    struct replay_input in = input_of(0);
    struct replay_verdict v;

    (void)state;
    in.start = &sim.party[1].start;
    v = replayed(&in);
    assert_false(v.same);
    assert_int_equal(v.seq, 0);
    assert_non_null(strstr(v.words, "the seed or the start is another one"));
    assert_null(strstr(v.words, "table"));
}

/* Entry number at of a party's log, a copy of which is in log. */
static uint8_t *entry_of(struct wire_writer *log, uint64_t at, struct log_entry *e)
{
    struct log_reader r;

    log_reader_init(&r, log->bytes, log->len, PARTIES_HERE);
    do
        assert_int_equal(log_next(&r, e), LOG_ENTRY);
    while (e->record.seq != at);
    return log->bytes + (e->at - log->bytes);
}

static void the_last_joint_checkpoint_that_agrees_is_named(void **state)
{
    struct wire_writer log AUTO(wire_writer_clear) = copy_of(&sim.party[1].log);
    struct replay_input in = input_of(1);
    struct replay_verdict v = replayed(&in);
    const uint64_t end = v.joint_seq;
    uint64_t seq = 0, third = 0;
    struct log_entry e;

    (void)state;
    assert_int_equal(v.joints, 6); /* before the first pass, after each of four, and the end */
    assert_int_equal(end, sim.party[1].result.records - 1);
    for (unsigned joints = 0; joints < 3; seq++) {
        (void)entry_of(&log, seq, &e);
        joints += e.joint != NULL;
        third = e.record.seq;
    }
    do
        (void)entry_of(&log, seq++, &e);
    while (e.record.type != RECORD_SEND);
    entry_of(&log, e.record.seq, &e)[88] ^= 1;
    in.log = log.bytes;
    v = replayed(&in);
    assert_false(v.same);
    assert_int_equal(v.seq, e.record.seq);
    assert_int_equal(v.joints, 3);
    assert_int_equal(v.joint_seq, third);
    assert_int_equal(v.joint_pass, 2);
}

static void what_the_party_learned_comes_out_again(void **state)
{
    struct party_result again = {0};
    struct replay_input in = input_of(1);
    struct replay_verdict v;
    const struct party_result *was = &sim.party[1].result;

    (void)state;
    in.result = &again;
    v = replayed(&in);
    assert_true(v.same);
    assert_true(again.auc == was->auc && again.ks == was->ks && again.intercept == was->intercept);
    assert_memory_equal(again.weight, was->weight, dataset_width(&data[1]) * sizeof *was->weight);
    party_result_clear(&again);
    memset(&again, 0, sizeof again);
    in.log_len -= SIGNED_BYTES; /* it does not agree to its end */
    v = replayed(&in);
    assert_false(v.same);
    assert_null(again.weight);
}

static void a_changed_or_lost_body_is_found_where_it_was_received(void **state)
{
    struct wire_writer bodies AUTO(wire_writer_clear) = copy_of(&sim.party[1].bodies);
    struct replay_input in = input_of(1);
    struct replay_verdict v;
    uint64_t first = load_u64(bodies.bytes);

    (void)state;
    in.ctx = &bodies;
    bodies.bytes[12] ^= 1;
    v = replayed(&in);
    assert_false(v.same);
    assert_int_equal(v.seq, first);
    assert_non_null(strstr(v.words, "body"));
    bodies.bytes[12] ^= 1;
    store_u64(bodies.bytes, UINT64_MAX);
    v = replayed(&in);
    assert_false(v.same);
    assert_int_equal(v.seq, first);
    assert_string_equal(v.field, "body");
}

static void a_cut_or_extended_log_is_found(void **state)
{
    struct wire_writer log AUTO(wire_writer_clear) = copy_of(&sim.party[0].log);
    struct replay_input in = input_of(0);
    struct replay_verdict v;

    (void)state;
    in.log_len -= SIGNED_BYTES;
    v = replayed(&in);
    assert_false(v.same);
    assert_int_equal(v.seq, sim.party[0].result.records - 1);
    wire_put_bytes(&log, sim.party[0].log.bytes, SIGNED_BYTES);
    in.log = log.bytes;
    in.log_len = log.len;
    v = replayed(&in);
    assert_false(v.same);
    assert_int_equal(v.seq, sim.party[0].result.records);
}

/* The log up to entry e, then a refusal of the message in it, and the abort that names its sender. */
static void refuse_in(struct wire_writer *log, const struct log_entry *e, const struct sim_party *me)
{
    struct record refused = e->record, abort = {.suite = e->record.suite, .type = RECORD_ABORT, .kind = STATUS_MALFORMED};
    uint8_t bytes[SIGNED_BYTES];
    struct signature sig;
    const size_t at = log->len;

    refused.type = RECORD_REFUSED;
    refused.a = STATUS_MALFORMED;
    record_encode(bytes, &refused);
    wire_put_bytes(log, bytes, RECORD_BYTES);
    wire_put_bytes(log, e->peer_bytes, SIGNED_BYTES);
    abort.session = e->record.session;
    abort.self = me->self;
    abort.peer = e->record.peer;
    abort.attempt = e->record.attempt;
    abort.seq = e->record.seq + 1;
    entry_head(&abort.prev_head, kit_suite(), log->bytes + at, log->len - at);
    record_encode(bytes, &abort);
    sign_make(&sig, &me->ss.sign, RECORD_SIGN_TAG, bytes, RECORD_BYTES);
    memcpy(bytes + RECORD_BYTES, sig.bytes, SIGNATURE_BYTES);
    wire_put_bytes(log, bytes, SIGNED_BYTES);
}

/* Without data it can be true: only the body can have been wrong.  With data it is seen that it was right. */
static void a_refusal_of_a_good_message_is_convicted(void **state)
{
    const struct sim_party *me = &sim.party[1];
    const struct verify_options options = {.allow_small_keys = 1};
    struct log_reader r;
    struct log_entry e;
    unsigned tried = 0;

    (void)state;
    log_reader_init(&r, me->log.bytes, me->log.len, PARTIES_HERE);
    while (log_next(&r, &e) == LOG_ENTRY) {
        struct wire_writer log AUTO(wire_writer_clear) = {0};
        struct replay_input in = input_of(1);
        struct verify_report report;
        struct replay_verdict v;
        struct bundle file = bundle[1];

        if (e.record.type != RECORD_RECV || tried++ % 9)
            continue;
        wire_put_bytes(&log, me->log.bytes, (size_t)(e.at - me->log.bytes));
        refuse_in(&log, &e, me);
        file.log = (struct bundle_part){log.bytes, log.len};
        assert_int_equal(verify_bundles(&report, &file, 1, &options), OK);
        assert_true(report.ok);
        assert_true(report.party[1].unshown_reason);
        in.log = log.bytes;
        in.log_len = log.len;
        v = replayed(&in);
        assert_false(v.same);
        assert_int_equal(v.seq, e.record.seq);
        /* and nothing that is in it can be changed */
        for (size_t i = 0; i < SIGNED_BYTES; i += 23) {
            log.bytes[(size_t)(e.at - me->log.bytes) + RECORD_BYTES + i] ^= 1;
            assert_int_equal(verify_bundles(&report, &file, 1, &options), OK);
            assert_false(report.ok);
            log.bytes[(size_t)(e.at - me->log.bytes) + RECORD_BYTES + i] ^= 1;
        }
    }
    assert_true(tried > 50);
}

/* ---- sessions that stopped ---- */

struct damage {
    party from, to;
    uint64_t number;
};

static enum sim_fate damage_one(void *ctx, party from, party to, uint64_t number, uint8_t *frame, size_t *len)
{
    const struct damage *d = ctx;

    if (from == d->from && to == d->to && number == d->number)
        frame[*len - 1] ^= 1; /* refused by the receiver, which stops; the others then stop too */
    return SIM_DELIVER;
}

static void sessions_that_stopped_verify_and_replay_as_far_as_they_went(void **state)
{
    static const struct damage damages[] = {{0, 1, 0},  {1, 0, 2},  {2, 1, 4}, {0, 2, 8},
                                            {1, 2, 14}, {2, 0, 20}, {0, 1, 26}};

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct sim stopped;
        struct verify_report report;
        struct bundle b[PARTIES_HERE];
        struct damage d = damages[i];

        contract_of(&stopped);
        stopped.disturb = damage_one;
        stopped.disturb_ctx = &d;
        sim_approve(&stopped, 9);
        assert_int_not_equal(sim_run(&stopped, NULL), OK);
        for (party p = 0; p < PARTIES_HERE; p++) {
            struct replay_input in = input_of(p);
            struct replay_verdict v;

            b[p] = bundle[p];
            b[p].log = (struct bundle_part){stopped.party[p].log.bytes, stopped.party[p].log.len};
            in.log = stopped.party[p].log.bytes;
            in.log_len = stopped.party[p].log.len;
            in.ctx = &stopped.party[p].bodies;
            v = replayed(&in);
            if (!v.same)
                fail_msg("case %zu, p%u, record %llu, %s: %s", i, p, (unsigned long long)v.seq, v.field, v.words);
            assert_int_equal(v.stopped, p != d.to); /* who refuses shows what, and so can be replayed to its end */
        }
        assert_int_equal(verify_bundles(&report, b, PARTIES_HERE, &(struct verify_options){.allow_small_keys = 1}), OK);
        for (int k = 0; k < VERIFY_CHECKS; k++)
            if (report.line[k].verdict == VERDICT_FAIL)
                fail_msg("case %zu, %s: %s", i, verify_check_name((enum verify_check)k), report.line[k].text);
        sim_clear(&stopped);
    }
}

/* The first session of this contract that stops at a limit: whether scores leave a table depends on who is drawn. */
static void stop_at_a_limit(struct sim *small, void (*contract)(struct sim *small))
{
    for (uint64_t seed = 9; seed < 40; seed++) {
        contract(small);
        sim_approve(small, seed);
        if (sim_run(small, NULL) == STATUS_LIMIT)
            return;
        sim_clear(small);
    }
    fail_msg("no session stops at a limit");
}

static void assert_verifies_and_replays_to_its_limit(void (*contract)(struct sim *small))
{
    static struct sim stopped;
    struct sim *small = &stopped;
    struct verify_report report;
    struct bundle b[PARTIES_HERE];
    struct wire_writer bytes AUTO(wire_writer_clear) = {0};
    uint8_t approval[PARTIES_HERE][APPROVAL_BYTES];

    stop_at_a_limit(small, contract);
    assert_int_equal(contract_encode(&bytes, &small->contract), OK);
    for (party p = 0; p < PARTIES_HERE; p++) {
        struct replay_input in = input_of(p);
        struct replay_verdict v;

        approval_encode(approval[p], &small->approvals[p]);
        b[p] = (struct bundle){.self = p,
                               .contract = {bytes.bytes, bytes.len},
                               .approvals = PARTIES_HERE,
                               .log = {small->party[p].log.bytes, small->party[p].log.len}};
        in.seed = &small->party[p].seed;
        in.start = &small->party[p].start;
        in.contract = &small->contract;
        in.approvals = small->approvals;
        in.log = small->party[p].log.bytes;
        in.log_len = small->party[p].log.len;
        in.ctx = &small->party[p].bodies;
        v = replayed(&in);
        if (!v.same)
            fail_msg("p%u, record %llu, %s: %s", p, (unsigned long long)v.seq, v.field, v.words);
    }
    for (party p = 0; p < PARTIES_HERE; p++)
        for (party q = 0; q < PARTIES_HERE; q++)
            b[p].approval[q] = (struct bundle_part){approval[q], APPROVAL_BYTES};
    assert_int_equal(verify_bundles(&report, b, PARTIES_HERE, &(struct verify_options){.allow_small_keys = 1}), OK);
    for (int k = 0; k < VERIFY_CHECKS; k++)
        if (report.line[k].verdict == VERDICT_FAIL)
            fail_msg("%s: %s", verify_check_name((enum verify_check)k), report.line[k].text);
    assert_int_equal(report.party[0].reason, STATUS_LIMIT);
    sim_clear(small);
}

static void below_its_limits(struct sim *small)
{
    contract_of(small);
    small->contract.min_rows = 75;
}

static void beyond_its_table(struct sim *small)
{
    contract_of(small);
    small->contract.score_range = 4;
    small->contract.ridge_micro = 100;
    small->contract.passes = 20;
}

static void a_session_below_its_limits_verifies_and_replays(void **state)
{
    (void)state;
    assert_verifies_and_replays_to_its_limit(below_its_limits);
}

static void a_session_whose_scores_leave_the_table_verifies_and_replays(void **state)
{
    (void)state;
    assert_verifies_and_replays_to_its_limit(beyond_its_table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_party_s_part_replays_bit_for_bit),
        cmocka_unit_test(the_logs_of_a_real_session_verify),
        cmocka_unit_test(the_first_wrong_message_of_a_cheating_party_is_found),
        cmocka_unit_test(another_table_is_found_at_the_commitment),
        cmocka_unit_test(another_seed_is_refused),
        cmocka_unit_test(another_start_is_found_at_the_commitment_to_the_seed),
        cmocka_unit_test(the_last_joint_checkpoint_that_agrees_is_named),
        cmocka_unit_test(what_the_party_learned_comes_out_again),
        cmocka_unit_test(a_changed_or_lost_body_is_found_where_it_was_received),
        cmocka_unit_test(a_cut_or_extended_log_is_found),
        cmocka_unit_test(a_refusal_of_a_good_message_is_convicted),
        cmocka_unit_test(sessions_that_stopped_verify_and_replay_as_far_as_they_went),
        cmocka_unit_test(a_session_below_its_limits_verifies_and_replays),
        cmocka_unit_test(a_session_whose_scores_leave_the_table_verifies_and_replays),
    };

    return cmocka_run_group_tests_name("replay", tests, set_up, tear_down);
}
