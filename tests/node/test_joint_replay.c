/* All parties of a real session again, without any body that was kept: an honest session agrees, and whoever changed
 * something is named. */
#include "kit/cmocka.h"
#include "kit/sim.h"
#include "kit/synthetic.h"
#include "node/local/joint_replay.h"
#include "protocol/log.h"

#include <stdlib.h>
#include <string.h>

enum { PARTIES_HERE = 3, CHEAT = 2 };

static struct dataset data[PARTIES_HERE];
static struct sim sim;
static struct wire_writer log_of[PARTIES_HERE];
static struct replay_input in[PARTIES_MAX];
static struct replay_verdict out[PARTIES_MAX];

static int set_up_session(void **state)
{
    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++)
        sim_dataset(&data[p], 77, p, 90 - 5u * p, 110, (uint16_t)(2 + p % 2), 4, p == 1);
    sim_contract(&sim, PARTIES_HERE, data, 384, 3);
    sim_exact_sigmoid(&sim);
    sim.contract.ridge_micro = 50000;
    sim_approve(&sim, 9);
    return sim_run(&sim, NULL) == OK ? 0 : -1;
}

static int tear_down_session(void **state)
{
    (void)state;
    sim_clear(&sim);
    for (party p = 0; p < PARTIES_HERE; p++)
        dataset_clear(&data[p]);
    return 0;
}

static void take_logs(const struct sim *s)
{
    for (party p = 0; p < PARTIES_HERE; p++) {
        wire_put_bytes(&log_of[p], s->party[p].log.bytes, s->party[p].log.len);
        in[p] = (struct replay_input){.contract = &s->contract,
                                      .self = p,
                                      .approvals = s->approvals,
                                      .seed = &s->party[p].seed,
                                      .start = &s->party[p].start,
                                      .data = &data[p],
                                      .log = log_of[p].bytes,
                                      .log_len = log_of[p].len};
    }
}

static int set_up(void **state)
{
    (void)state;
    take_logs(&sim);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++)
        wire_writer_clear(&log_of[p]);
    memset(log_of, 0, sizeof log_of);
    return 0;
}

static void replay_all(void)
{
    struct fault f = {0};

    for (party p = 0; p < PARTIES_HERE; p++) {
        in[p].log = log_of[p].bytes;
        in[p].log_len = log_of[p].len;
    }
    if (joint_replay_run(out, in, &f) != OK)
        fail_msg("%s", f.message);
}

/* That party's log differs, at this record, for which it is blamed; nobody else's does. */
static void assert_named(party who, party blamed, uint64_t seq, const char *words)
{
    for (party p = 0; p < PARTIES_HERE; p++)
        if (!out[p].same != (p == who))
            fail_msg("p%u, record %llu, %s: %s", p, (unsigned long long)out[p].seq, out[p].field, out[p].words);
    assert_int_equal(out[who].who, blamed);
    assert_int_equal(out[who].seq, seq);
    if (!strstr(out[who].words, words))
        fail_msg("%s; expected: %s", out[who].words, words);
}

static void an_honest_session_agrees_without_any_body(void **state)
{
    (void)state;
    replay_all();
    for (party p = 0; p < PARTIES_HERE; p++) {
        if (!out[p].same || out[p].waits)
            fail_msg("p%u, record %llu, %s: %s", p, (unsigned long long)out[p].seq, out[p].field, out[p].words);
        assert_int_equal(out[p].compared, sim.party[p].result.records);
        assert_int_equal(out[p].joints, 5);
    }
}

static void a_changed_table_is_named(void **state)
{
    const uint8_t was = data[CHEAT].codes[17];

    (void)state;
    data[CHEAT].codes[17] = (uint8_t)((was + 1) % data[CHEAT].bins[17 % data[CHEAT].columns]);
    replay_all();
    data[CHEAT].codes[17] = was;
    assert_named(CHEAT, CHEAT, 0, "the table is another one");
}

static void a_changed_seed_or_start_is_named(void **state)
{
    struct rng_key other = {.bytes = {1}};

    (void)state;
    in[0].start = &other;
    replay_all();
    assert_named(0, 0, 0, "the seed or the start");
    in[0].start = &sim.party[0].start;
    in[0].seed = &other;
    replay_all();
    assert_named(0, 0, 0, "seed");
}

/* Entry number at of a log, as it lies in log_of. */
static uint8_t *entry(party p, uint64_t at, struct log_entry *e)
{
    struct log_reader r;

    log_reader_init(&r, log_of[p].bytes, log_of[p].len, PARTIES_HERE);
    do
        assert_int_equal(log_next(&r, e), LOG_ENTRY);
    while (e->record.seq != at);
    return log_of[p].bytes + (e->at - log_of[p].bytes);
}

static void one_altered_record_is_named(void **state)
{
    const uint64_t records = sim.party[CHEAT].result.records;
    struct log_entry e;

    (void)state;
    for (uint64_t at = 3; at < records; at += records / 7) {
        uint8_t *bytes = entry(CHEAT, at, &e);
        const size_t where = e.record.type == RECORD_RECV ? RECORD_BYTES + 88 : 88; /* what was received; what was written */

        bytes[where] ^= 1;
        replay_all();
        bytes[where] ^= 1;
        assert_named(CHEAT, CHEAT, at, e.record.type == RECORD_RECV ? "was not signed by" : "");
    }
}

static void what_a_party_signed_otherwise_for_one_peer_is_laid_to_it(void **state)
{
    struct signature sig;
    struct log_entry e;
    uint8_t *bytes;
    uint64_t at = 40;

    (void)state;
    do
        bytes = entry(0, at++, &e);
    while (e.record.type != RECORD_RECV || e.record.peer != CHEAT);
    bytes[RECORD_BYTES + 88] ^= 1;
    sign_make(&sig, &sim.party[CHEAT].ss.sign, RECORD_SIGN_TAG, bytes + RECORD_BYTES, RECORD_BYTES);
    memcpy(bytes + 2 * RECORD_BYTES, sig.bytes, SIGNATURE_BYTES);
    replay_all();
    assert_named(0, CHEAT, e.record.seq, "p2 signed two messages for this place");
}

static void a_party_that_cut_its_log_is_named(void **state)
{
    struct log_entry e;

    (void)state;
    log_of[CHEAT].len = (size_t)(entry(CHEAT, 60, &e) - log_of[CHEAT].bytes);
    replay_all();
    assert_named(CHEAT, CHEAT, 60, "the log ends here");
}

/* Its last record is not missed by anybody who only looks at its own log: the others show what they received. */
static void a_log_that_says_it_stopped_before_it_had_sent_is_named(void **state)
{
    struct record abort;
    struct signature sig;
    struct log_entry e;
    uint64_t at = 60;

    (void)state;
    do
        (void)entry(CHEAT, at++, &e);
    while (e.record.type != RECORD_SEND);
    abort = e.record;
    log_of[CHEAT].len = (size_t)(e.at - log_of[CHEAT].bytes);
    abort = (struct record){.suite = e.record.suite, .type = RECORD_ABORT, .session = e.record.session, .self = CHEAT, .peer = CHEAT,
                            .attempt = e.record.attempt, .seq = e.record.seq, .kind = STATUS_CANCELLED, .prev_head = e.record.prev_head};
    {
        uint8_t bytes[RECORD_BYTES];

        record_encode(bytes, &abort);
        sign_make(&sig, &sim.party[CHEAT].ss.sign, RECORD_SIGN_TAG, bytes, sizeof bytes);
        wire_put_bytes(&log_of[CHEAT], bytes, sizeof bytes);
        wire_put_bytes(&log_of[CHEAT], sig.bytes, SIGNATURE_BYTES);
    }
    replay_all();
    assert_true(out[CHEAT].same && out[CHEAT].stopped);
    assert_true(!out[0].same || !out[1].same);
    for (party p = 0; p < 2; p++)
        if (!out[p].same && out[p].who == CHEAT) {
            assert_non_null(strstr(out[p].words, "not in p2's own log"));
            return;
        }
    fail_msg("nobody names p2");
}

static enum sim_fate damage_one(void *ctx, party from, party to, uint64_t number, uint8_t *frame, size_t *len)
{
    (void)ctx;
    if (from == 0 && to == 1 && number == 12)
        frame[*len - 1] ^= 1; /* refused by the receiver, which stops; the others then stop too */
    return SIM_DELIVER;
}

static void a_session_that_stopped_agrees_as_far_as_it_went(void **state)
{
    struct sim stopped;

    tear_down(state);
    sim_contract(&stopped, PARTIES_HERE, data, 384, 3);
    sim_exact_sigmoid(&stopped);
    stopped.disturb = damage_one;
    sim_approve(&stopped, 9);
    assert_int_not_equal(sim_run(&stopped, NULL), OK);
    take_logs(&stopped);
    replay_all();
    for (party p = 0; p < PARTIES_HERE; p++)
        if (!out[p].same || !out[p].stopped)
            fail_msg("p%u, record %llu, %s: %s", p, (unsigned long long)out[p].seq, out[p].field, out[p].words);
    sim_clear(&stopped);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_honest_session_agrees_without_any_body),
        TEST(a_changed_table_is_named),
        TEST(a_changed_seed_or_start_is_named),
        TEST(one_altered_record_is_named),
        TEST(what_a_party_signed_otherwise_for_one_peer_is_laid_to_it),
        TEST(a_party_that_cut_its_log_is_named),
        TEST(a_log_that_says_it_stopped_before_it_had_sent_is_named),
        TEST(a_session_that_stopped_agrees_as_far_as_it_went),
    };

    return cmocka_run_group_tests_name("joint replay", tests, set_up_session, tear_down_session);
}
