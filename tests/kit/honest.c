#include "kit/honest.h"

#include "protocol/verify_rules.h"
#include "training/replay.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char complaint[700];

static const char *complain(const char *fmt, ...) PRINTF_LIKE(1, 2);
static const char *complain(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(complaint, sizeof complaint, fmt, ap);
    va_end(ap);
    return complaint;
}

/* ---- shapes ---- */

void honest_draw(struct honest_shape *out, uint64_t number, party parties_max)
{
    static const struct rng_key key = {.bytes = {23}};
    struct rng g;

    rng_init(&g, &key, &(struct rng_address){.purpose = "honest", .index = number});
    *out = (struct honest_shape){
        .parties = (party)(2 + rng_below(&g, parties_max - 1u)),
        .rows = (uint32_t)(32 + rng_below(&g, 32)),
        .key_bits = rng_below(&g, 4) ? 384 : 512,
        .threads = (uint32_t)rng_below(&g, 3), /* 0: loops run in line */
        .columns = (uint16_t)(1 + rng_below(&g, 4)),
        .passes = (uint16_t)(2 + rng_below(&g, 2)),
        .bins = (uint8_t)(2 + rng_below(&g, 4)),
        .exact = number % 5 == 0, /* dear: base transfers */
        .listed = number & 1,
        .ahead = number >> 1 & 1,
    };
    out->label = (party)rng_below(&g, out->parties);
    rng_clear(&g);
}

void honest_print(char out[160], const struct honest_shape *s)
{
    snprintf(out, 160, "%u parties, p%u has labels, %u rows, %u columns, bins up to %u, %u passes, %u bits, %s sigmoid, %s test rows, "
                       "%s, %u threads", s->parties, s->label, s->rows, s->columns, s->bins, s->passes, s->key_bits,
             s->exact ? "exact" : "linear", s->listed ? "listed" : "drawn", s->ahead ? "two sessions" : "one session", s->threads);
}

void honest_lay(struct sim *sim, struct dataset data[PARTIES_MAX], const struct honest_shape *s, uint64_t number)
{
    const uint32_t pool = s->rows + s->rows / 8;
    struct dataset *label = &data[s->label];

    for (party p = 0; p < s->parties; p++)
        sim_dataset(&data[p], 1000 + number, p, s->rows - p % 3u, pool, (uint16_t)(1 + (s->columns + p) % 4), s->bins, p == s->label);
    if (s->listed) {
        label->split = calloc(label->rows, 1);
        assert(label->split);
        for (uint32_t r = 0; r < label->rows; r++)
            label->split[r] = r % 3 ? SPLIT_TRAIN : SPLIT_TEST;
    }
    sim_contract(sim, s->parties, data, s->key_bits, s->passes);
    if (s->exact)
        sim_exact_sigmoid(sim);
    if (s->listed) {
        sim->contract.test_rule = TEST_LISTED;
        sim->contract.test_permille = 0;
    }
    sim->contract.ridge_micro = 50000; /* keeps the scores of a few rows inside of the table, mostly */
    sim->contract.nonce[0] = (uint8_t)number;
    sim->threads = s->threads;
}

/* ---- what is found ---- */

static const char *ends(const struct sim *sim)
{
    int stopped = 0;

    for (party p = 0; p < sim->contract.parties; p++) {
        const struct session *ss = &sim->party[p].ss;
        const status end = sim->party[p].outcome;

        /* Whoever waited for one that stopped says for whom it waited. */
        if (ss->blamed != ss->parties && (end != STATUS_CLOSED || sim->party[ss->blamed].outcome == OK))
            return complain("p%u names p%u: %s", p, ss->blamed, ss->fault.message);
        if (end != OK && end != STATUS_LIMIT && end != STATUS_CLOSED)
            return complain("p%u ends: %s", p, ss->fault.message);
        stopped += end != OK;
    }
    return stopped && stopped != sim->contract.parties ? complain("%d parties stop and others do not", stopped) : NULL;
}

/* Evidence as the parties export it. */
struct files {
    struct wire_writer contract;
    uint8_t approval[PARTIES_MAX][APPROVAL_BYTES];
    struct bundle bundle[PARTIES_MAX];
};

static void files_make(struct files *f, const struct sim *sim)
{
    const party parties = sim->contract.parties;
    status ok = contract_encode(&f->contract, &sim->contract);

    assert(ok == OK);
    for (party p = 0; p < parties; p++) {
        approval_encode(f->approval[p], &sim->approvals[p]);
        f->bundle[p] = (struct bundle){.self = p,
                                       .contract = {f->contract.bytes, f->contract.len},
                                       .approvals = parties,
                                       .log = {sim->party[p].log.bytes, sim->party[p].log.len}};
        for (party q = 0; q < parties; q++)
            f->bundle[p].approval[q] = (struct bundle_part){f->approval[q], APPROVAL_BYTES};
    }
}

static const char *verify_some(struct verify_report *r, const struct files *f, party from, party count,
                               const struct verify_report *offline)
{
    status ok = verify_bundles(r, f->bundle + from, count, &(struct verify_options){.allow_small_keys = 1, .offline = offline});

    assert(ok == OK);
    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (r->line[i].verdict == VERDICT_FAIL)
            return complain("%u files, verify %s: %s", count, verify_check_name((enum verify_check)i), r->line[i].text);
    return r->ok ? NULL : complain("verify does not say what fails");
}

/* One file by itself, any one, then all of them, whose report stays. */
static const char *verify_all(struct verify_report *r, const struct sim *sim, const struct verify_report *offline)
{
    struct files f = {0};
    const char *found = NULL;

    files_make(&f, sim);
    found = verify_some(r, &f, (party)(sim->contract_id.bytes[0] % sim->contract.parties), 1, offline);
    if (!found)
        found = verify_some(r, &f, 0, sim->contract.parties, offline);
    wire_writer_clear(&f.contract);
    return found;
}

static const char *break_rules(const struct verify_report *const *all, size_t count)
{
    static const struct rule_beside nothing[RULES];
    struct rule_line line[RULES];

    for (size_t i = 0; i < count; i++) {
        rules_of_session(line, all[i], nothing, (struct rule_sessions){all, count});
        rules_across(line, (struct rule_sessions){all, count});
        for (int v = 1; v < RULES; v++)
            if (line[v].verdict == RULE_FAIL)
                return complain("V%d: %s", v, line[v].text);
    }
    return NULL;
}

static struct replay_input input_of(struct sim *sim, party p, const struct replay_input *offline)
{
    struct sim_party *me = &sim->party[p];

    return (struct replay_input){.contract = &sim->contract, .self = p, .approvals = sim->approvals, .seed = &me->seed,
                                 .start = &me->start, .data = me->data, .log = me->log.bytes, .log_len = me->log.len,
                                 .body = sim_find_body, .ctx = &me->bodies, .offline = offline};
}

static const char *replay_part(struct sim *sim, struct sim *offline, party p)
{
    const struct replay_input before = offline ? input_of(offline, p, NULL) : (struct replay_input){0},
                              in = input_of(sim, p, offline ? &before : NULL);
    struct replay_verdict v;
    struct fault f = {0};

    if (replay_run(&v, &in, &f) != OK)
        return complain("replay of p%u: %s", p, f.message);
    if (!v.same)
        return complain("replay convicts p%u, record %llu: %s", p, (unsigned long long)v.seq, v.words);
    return v.stopped && sim->party[p].outcome == OK ? complain("replay of p%u stops before its end", p) : NULL;
}

const char *honest_complaint(struct sim *sim, struct sim *offline)
{
    struct verify_report *report = calloc(2, sizeof *report);
    const struct verify_report *all[] = {&report[0], &report[1]};
    const char *found = ends(sim);

    assert(report);
    if (!found && offline)
        found = verify_all(&report[1], offline, NULL);
    if (!found)
        found = verify_all(&report[0], sim, offline ? &report[1] : NULL);
    if (!found)
        found = break_rules(all, offline ? 2 : 1);
    for (party p = 0; p < sim->contract.parties && !found; p++)
        found = replay_part(sim, offline, p);
    free(report);
    return found;
}
