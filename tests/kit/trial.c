#include "kit/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 9 };

struct trial trial;

static struct dataset data[TRIAL_PARTIES];
static struct sim honest[PARTIES_MAX][2][2]; /* nobody cheats: by parties, sigmoid and test rows */

/* ---- sessions ---- */

int trial_set_up(void **state)
{
    struct dataset *label = &data[TRIAL_LABEL];

    (void)state;
    for (party p = 0; p < TRIAL_PARTIES; p++)
        sim_dataset(&data[p], 77, p, 90 - 5u * p, 110, (uint16_t)(2 + p % 2), 4, p == TRIAL_LABEL);
    label->split = calloc(label->rows, 1);
    if (!label->split)
        return -1;
    for (uint32_t r = 0; r < label->rows; r++)
        label->split[r] = r % 3 ? SPLIT_TRAIN : SPLIT_TEST;
    return 0;
}

static void trial_clear(void)
{
    if (trial.sim.contract.parties)
        sim_clear(&trial.sim);
    memset(&trial, 0, sizeof trial);
}

int trial_tear_down(void **state)
{
    (void)state;
    trial_clear();
    for (party p = 0; p < PARTIES_MAX; p++)
        for (int i = 0; i < 4; i++)
            if (honest[p][i / 2][i % 2].contract.parties)
                sim_clear(&honest[p][i / 2][i % 2]);
    for (party p = 0; p < TRIAL_PARTIES; p++)
        dataset_clear(&data[p]);
    return 0;
}

static void arrange(struct sim *sim, const struct shape *s)
{
    sim_contract(sim, s->parties, data, 384, TRIAL_PASSES);
    if (s->exact)
        sim_exact_sigmoid(sim);
    if (s->listed) {
        sim->contract.test_rule = TEST_LISTED;
        sim->contract.test_permille = 0;
    }
    sim->contract.ridge_micro = 50000; /* keeps the scores of a few rows well inside of the table */
    sim_approve(sim, SEED);
}

const struct sim *trial_without_cheat(const struct shape *s)
{
    struct sim *sim = &honest[s->parties][s->exact][s->listed];

    if (sim->contract.parties)
        return sim;
    arrange(sim, s);
    assert_int_equal(sim_run(sim, NULL), OK);
    return sim;
}

static const char *where(void)
{
    static char text[80];

    snprintf(text, sizeof text, "%u parties, %s sigmoid, p%u cheats", trial.shape.parties,
             trial.shape.exact ? "exact" : "linear", trial.shape.who);
    return text;
}

/* ---- what is found out ---- */

static void find_first(const struct sim *without)
{
    const struct wire_writer *mine = &trial.sim.party[cheating.who].log, *theirs = &without->party[cheating.who].log;
    struct log_reader a, b;
    struct log_entry x, y;

    log_reader_init(&a, mine->bytes, mine->len, trial.shape.parties);
    log_reader_init(&b, theirs->bytes, theirs->len, trial.shape.parties);
    for (; log_next(&a, &x) == LOG_ENTRY; trial.first++)
        if (log_next(&b, &y) != LOG_ENTRY || record_difference(&x.record, &y.record)) {
            trial.record = x.record;
            return;
        }
}

static void verify_logs(void)
{
    const party parties = trial.shape.parties;
    struct wire_writer contract AUTO(wire_writer_clear) = {0};
    uint8_t approval[PARTIES_MAX][APPROVAL_BYTES];
    struct bundle bundle[PARTIES_MAX];

    assert_int_equal(contract_encode(&contract, &trial.sim.contract), OK);
    for (party p = 0; p < parties; p++) {
        approval_encode(approval[p], &trial.sim.approvals[p]);
        bundle[p] = (struct bundle){.self = p,
                                    .contract = {contract.bytes, contract.len},
                                    .approvals = parties,
                                    .log = {trial.sim.party[p].log.bytes, trial.sim.party[p].log.len}};
        for (party q = 0; q < parties; q++)
            bundle[p].approval[q] = (struct bundle_part){approval[q], APPROVAL_BYTES};
    }
    assert_int_equal(verify_bundles(&trial.report, bundle, parties, &(struct verify_options){.allow_small_keys = 1}), OK);
}

static void replay_part(party p)
{
    struct sim_party *me = &trial.sim.party[p];
    const struct replay_input in = {.contract = &trial.sim.contract,
                                    .self = p,
                                    .approvals = trial.sim.approvals,
                                    .seed = &me->seed,
                                    .start = &me->start,
                                    .data = me->data,
                                    .log = me->log.bytes,
                                    .log_len = me->log.len,
                                    .body = sim_find_body,
                                    .ctx = &me->bodies};
    struct fault f = {0};

    if (replay_run(&trial.verdict[p], &in, &f) != OK)
        fail_msg("%s: replay of p%u: %s", where(), p, f.message);
    if (p != cheating.who && !trial.verdict[p].same)
        fail_msg("%s: p%u is convicted, record %llu: %s", where(), p, (unsigned long long)trial.verdict[p].seq,
                 trial.verdict[p].words);
}

/* By another honest one, but for not being there any more. */
static void assert_no_honest_party_is_named(void)
{
    for (party p = 0; p < trial.shape.parties; p++) {
        const struct session *ss = &trial.sim.party[p].ss;
        const status end = trial.sim.party[p].outcome;

        if (p == cheating.who || end == OK || end == STATUS_CLOSED || end == STATUS_TIMEOUT)
            continue;
        if (ss->blamed != cheating.who && ss->blamed != trial.shape.parties)
            fail_msg("%s: p%u names p%u, which is honest: %s", where(), p, ss->blamed, ss->fault.message);
    }
}

void trial_run(const struct shape *shape, const struct cheat *how, sim_disturb *disturb)
{
    const struct sim *without = trial_without_cheat(shape);

    trial_clear();
    trial.shape = *shape;
    arrange(&trial.sim, shape);
    trial.sim.disturb = disturb;
    cheat_run(&trial.sim, how, shape->who);
    find_first(without);
    verify_logs();
    for (party p = 0; p < shape->parties; p++)
        replay_part(p);
    assert_no_honest_party_is_named();
}

/* ---- assertions ---- */

party witness(void)
{
    return trial.shape.who == 0;
}

void assert_verifies(void)
{
    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (trial.report.line[i].verdict == VERDICT_FAIL)
            fail_msg("%s: verify %s: %s", where(), verify_check_name((enum verify_check)i), trial.report.line[i].text);
    assert_true(trial.report.ok);
}

void assert_flagged(enum verify_check check, party in, uint64_t seq)
{
    const struct verify_line *line = &trial.report.line[check];

    assert_false(trial.report.ok);
    if (line->verdict != VERDICT_FAIL || line->who != in || !line->has_seq || line->seq != seq)
        fail_msg("%s: verify %s says, of record %llu of p%u: %s", where(), verify_check_name(check),
                 (unsigned long long)line->seq, line->who, line->text);
}

void assert_all_end_well(void)
{
    for (party p = 0; p < trial.shape.parties; p++)
        if (trial.sim.party[p].outcome != OK)
            fail_msg("%s: p%u ends: %s", where(), p, trial.sim.party[p].ss.fault.message);
}

static void assert_nobody_is_named(void)
{
    const status end = trial.sim.party[0].outcome;

    for (party p = 0; p < trial.shape.parties; p++) {
        const struct session *ss = &trial.sim.party[p].ss;

        if (trial.sim.party[p].outcome != end || (end != OK && end != STATUS_LIMIT) || ss->blamed != ss->parties)
            fail_msg("%s: p%u ends, blaming p%u: %s", where(), p, ss->blamed, ss->fault.message);
    }
}

void assert_refused(status code, const char *words)
{
    /* Of more than two parties nobody can say who told two stories. */
    const party named = code == STATUS_EQUIVOCATION && trial.shape.parties > 2 ? trial.shape.parties : cheating.who;

    for (party p = 0; p < trial.shape.parties; p++) {
        const struct session *ss = &trial.sim.party[p].ss;

        if (p != cheating.who && trial.sim.party[p].outcome == code && ss->blamed == named &&
            strstr(ss->fault.message, words))
            return;
    }
    for (party p = 0; p < trial.shape.parties; p++)
        print_error("p%u ends, blaming p%u: %s\n", p, trial.sim.party[p].ss.blamed, trial.sim.party[p].ss.fault.message);
    fail_msg("%s: nobody says: %s", where(), words);
}

/* Replay names the first change, neither sooner nor later; and it is where the cheat knows that it is. */
void assert_convicted(enum record_type type)
{
    const struct replay_verdict *v = &trial.verdict[cheating.who];

    if (trial.record.type != type)
        fail_msg("%s: the first change is record %llu, %s", where(), (unsigned long long)trial.first,
                 trial.record.type ? record_type_name(trial.record.type) : "nothing");
    if (cheating.noted != UINT64_MAX)
        assert_int_equal(trial.first, cheating.noted);
    if (v->same || v->seq != trial.first || v->compared != trial.first)
        fail_msg("%s: the first change is record %llu, replay says %s, record %llu: %s", where(),
                 (unsigned long long)trial.first, v->same ? "clean" : "differs", (unsigned long long)v->seq, v->words);
}

void trial_of_way(void **state)
{
    const struct way *w = *state;

    for (const struct shape *s = w->shapes; s->parties; s++) {
        trial_run(s, &w->how, NULL);
        switch (w->end) {
        case UNSEEN: assert_all_end_well(); break;
        case UNNAMED: assert_nobody_is_named(); break;
        case REFUSED: assert_refused(w->code, w->words); break;
        }
        if (w->flagged)
            assert_flagged(w->check, s->who, trial.first);
        else
            assert_verifies();
        assert_convicted(RECORD_SEND);
        if (w->kind && (trial.record.kind != w->kind || (w->pass != ANY_PASS && trial.record.pass != w->pass)))
            fail_msg("%s: the first change is in %s of pass %u", where(), message_info(trial.record.kind)->name,
                     trial.record.pass);
    }
}
