/* A hundred thousand generated edits of the evidence of a session: none verifies, and what fails is the right check. */
#include "kit/cmocka.h"
#include "kit/synthetic.h"

#include "crypto/rng.h"
#include "protocol/log.h"
#include "protocol/messages.h"
#include "protocol/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS = 4, EDITS = 100000, EDITS_SHORT = 5000, ENTRY_MAX = 4096 };

static struct verify_memo memo;
static struct synthetic session[SESSIONS], again[SESSIONS]; /* again: another attempt at the same contract */
static struct verify_report report;
static unsigned tried[16];

/* One edit: the files of a session, of which that of party p is being changed. */
struct edit {
    const struct synthetic *s, *other;
    struct bundle file[PARTIES_MAX];
    party p;
    struct wire_writer log;
    uint64_t entries;
    struct rng g;
};

static int set_up(void **state)
{
    static const uint16_t parties[SESSIONS] = {2, 3, 2, 3};

    (void)state;
    for (int i = 0; i < SESSIONS; i++) {
        const struct population population = {.rows = 30, .train = 21, .test = 9};
        struct contract c;

        synthetic_contract(&c, parties[i], (uint64_t)i);
        if (i >= SESSIONS / 2)
            synthetic_table_sigmoid(&c);
        if (synthetic_play(&session[i], &c, population, (uint64_t)i, SIZE_MAX, NULL) != OK ||
            synthetic_play(&again[i], &c, population, (uint64_t)i + 1, SIZE_MAX, session[i].identity) != OK)
            return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < SESSIONS; i++) {
        synthetic_clear(&session[i]);
        synthetic_clear(&again[i]);
    }
    verify_memo_clear(&memo);
    return 0;
}

static void verified(const struct edit *e)
{
    static const struct verify_options options = {.allow_small_keys = 1, .memo = &memo};

    assert_int_equal(verify_bundles(&report, e->file, e->s->contract.parties, &options), OK);
}

static int fails(enum verify_check check)
{
    return report.line[check].verdict == VERDICT_FAIL;
}

/* The log as it now is goes into the file. */
static void put_back(struct edit *e)
{
    e->file[e->p].log = (struct bundle_part){e->log.bytes, e->log.len};
}

/* Entry i of the log as it now is. */
static struct log_entry entry(const struct edit *e, uint64_t i)
{
    struct log_reader r;
    struct log_entry out = {0};

    log_reader_init(&r, e->log.bytes, e->log.len, e->s->contract.parties);
    for (uint64_t k = 0; k <= i; k++)
        assert_int_equal(log_next(&r, &out), LOG_ENTRY);
    return out;
}

static uint64_t below(struct edit *e, uint64_t limit)
{
    return rng_below(&e->g, limit);
}

/* from bytes at `at`, cut of them away, put instead. */
static void splice(struct edit *e, size_t at, size_t cut, const uint8_t *put, size_t len)
{
    struct wire_writer w = {0};

    wire_put_bytes(&w, e->log.bytes, at);
    wire_put_bytes(&w, put, len);
    wire_put_bytes(&w, e->log.bytes + at + cut, e->log.len - at - cut);
    wire_writer_clear(&e->log);
    e->log = w;
}

static size_t offset_of(const struct edit *e, const struct log_entry *x)
{
    return (size_t)(x->at - e->log.bytes);
}

/* Whoever holds the session key of p makes chain and signatures good again from record i on. */
static void sign_again(struct edit *e, uint64_t i)
{
    synthetic_resign(&e->log, i, e->s->contract.parties, &e->s->sign[e->p]);
}

/* ---- the edits; each returns what must fail, VERIFY_CHECKS: any check ---- */

/* Any bit of a log, without a key: named at its record or at the next, which does not follow it any more. */
static enum verify_check flip_a_bit(struct edit *e)
{
    const uint64_t i = below(e, e->entries);
    const struct log_entry x = entry(e, i);
    const size_t at = offset_of(e, &x) + below(e, x.len);
    uint64_t first = UINT64_MAX;

    e->log.bytes[at] ^= (uint8_t)(1u << below(e, 8));
    put_back(e);
    verified(e);
    for (int c = 0; c < VERIFY_CHECKS && first == UINT64_MAX; c++) /* in the order in which the tool prints them */
        if (fails((enum verify_check)c) && report.line[c].has_seq && report.line[c].who == e->p)
            first = report.line[c].seq;
    if (first != i && first != i + 1)
        fail_msg("byte %zu of record %llu: first named is record %llu", at, (unsigned long long)i, (unsigned long long)first);
    return VERIFY_CHECKS;
}

/* A field of a record by its writer, who signs everything after it again: the others hold what was. */
static enum verify_check rewrite_a_field(struct edit *e)
{
    static const struct { size_t at, len; } field[] = {{8, 32}, {40, 2}, {42, 2}, {44, 4}, {56, 8}, {64, 2}, {66, 2},
                                                       {68, 4}, {72, 8}, {80, 8}, {88, 32}, {120, 32}, {152, 8}, {160, 8}};
    const uint64_t i = below(e, e->entries);
    const struct log_entry x = entry(e, i);
    const size_t f = below(e, sizeof field / sizeof field[0]);
    uint8_t *record = e->log.bytes + offset_of(e, &x);
    struct record r;

    record[field[f].at + below(e, field[f].len)] ^= (uint8_t)(1 + below(e, 255));
    if (record_decode(&r, record) == OK)
        sign_again(e, i);
    put_back(e);
    verified(e);
    return VERIFY_CHECKS;
}

static enum verify_check cut_the_end(struct edit *e)
{
    const uint64_t i = below(e, e->entries);
    const struct log_entry x = entry(e, i);
    const int within = (int)below(e, 2);

    e->log.len = offset_of(e, &x) + (within ? 1 + below(e, x.len - 1) : 0);
    put_back(e);
    verified(e);
    return within ? VERIFY_RECORDS : VERIFY_END;
}

static enum verify_check drop_a_record(struct edit *e)
{
    const uint64_t i = below(e, e->entries);
    const struct log_entry x = entry(e, i);
    const int sign = (int)below(e, 2);

    splice(e, offset_of(e, &x), x.len, NULL, 0);
    if (sign)
        sign_again(e, i);
    put_back(e);
    verified(e);
    return i + 1 == e->entries ? VERIFY_END : VERIFY_CHECKS;
}

static enum verify_check repeat_a_record(struct edit *e)
{
    const uint64_t i = below(e, e->entries);
    const struct log_entry x = entry(e, i);
    uint8_t copy[ENTRY_MAX];
    const size_t at = offset_of(e, &x), len = x.len;
    const int sign = (int)below(e, 2);

    memcpy(copy, x.at, len);
    splice(e, at, 0, copy, len);
    if (sign)
        sign_again(e, i);
    put_back(e);
    verified(e);
    return sign ? VERIFY_CHECKS : VERIFY_NUMBERS;
}

static enum verify_check swap_two_records(struct edit *e)
{
    const uint64_t i = below(e, e->entries - 1), j = i + 1 + below(e, e->entries - 1 - i);
    const struct log_entry a = entry(e, i), b = entry(e, j);
    uint8_t first[ENTRY_MAX], second[ENTRY_MAX];
    const size_t at = offset_of(e, &a), bt = offset_of(e, &b), alen = a.len, blen = b.len;
    const int sign = (int)below(e, 2);

    memcpy(first, a.at, alen);
    memcpy(second, b.at, blen);
    splice(e, bt, blen, first, alen);
    splice(e, at, alen, second, blen);
    if (sign)
        sign_again(e, i);
    put_back(e);
    verified(e);
    return VERIFY_CHECKS;
}

/* The rest of another attempt at the same contract, by the same parties. */
static enum verify_check splice_two_sessions(struct edit *e)
{
    const uint64_t i = below(e, e->entries);
    const struct log_entry x = entry(e, i);
    size_t len, at = synthetic_entry(e->other, e->p, i < synthetic_entries(e->other, e->p) ? i : 0, &len);
    const size_t here = offset_of(e, &x);

    splice(e, here, e->log.len - here, e->other->log[e->p].bytes + at, e->other->log[e->p].len - at);
    put_back(e);
    verified(e);
    return VERIFY_SESSION;
}

/* A fork: p shows another history from some record on, whole and signed, with other bodies. */
static enum verify_check fork_the_log(struct edit *e)
{
    uint64_t i = below(e, e->entries);
    struct log_entry x = entry(e, i);

    while (x.record.type != RECORD_SEND) {
        i = (i + 1) % e->entries;
        x = entry(e, i);
    }
    e->log.bytes[offset_of(e, &x) + 88 + below(e, 32)] ^= (uint8_t)(1 + below(e, 255));
    sign_again(e, i);
    put_back(e);
    verified(e);
    return VERIFY_MATCH;
}

/* Without p's session key: any other one. */
static enum verify_check sign_with_another_key(struct edit *e)
{
    const uint64_t i = below(e, e->entries);

    synthetic_resign(&e->log, i, e->s->contract.parties, &e->s->sign[(e->p + 1u) % e->s->contract.parties]);
    put_back(e);
    verified(e);
    return VERIFY_SIGNATURES;
}

/* An end that never was: cut, then an abort by p's own key. */
static enum verify_check invent_an_abort(struct edit *e)
{
    const uint64_t i = below(e, e->entries - e->entries / 8);
    const struct log_entry x = entry(e, i);
    struct record abort = {.suite = SUITE_INT1, .type = RECORD_ABORT, .kind = STATUS_TIMEOUT, .session = e->s->session,
                           .attempt = e->s->approval[0].attempt, .self = e->p, .peer = e->p};
    uint8_t bytes[SIGNED_BYTES] = {0};
    const size_t here = offset_of(e, &x);

    record_encode(bytes, &abort);
    splice(e, here, e->log.len - here, bytes, sizeof bytes);
    sign_again(e, i);
    put_back(e);
    verified(e);
    return VERIFY_CHECKS;
}

/* The papers: contract (its window too: back-dating) and approvals, in one file or in all. */
static enum verify_check change_the_papers(struct edit *e)
{
    uint8_t *contract = malloc(e->s->contract_bytes.len), approval[APPROVAL_BYTES];
    const party of = (party)below(e, e->s->contract.parties);
    const int in_all = (int)below(e, 2), papers = (int)below(e, 2);

    assert_non_null(contract);
    memcpy(contract, e->s->contract_bytes.bytes, e->s->contract_bytes.len);
    memcpy(approval, e->s->approval_bytes[of], APPROVAL_BYTES);
    if (papers)
        contract[below(e, e->s->contract_bytes.len)] ^= (uint8_t)(1u << below(e, 8));
    else
        approval[below(e, APPROVAL_BYTES)] ^= (uint8_t)(1u << below(e, 8));
    for (party p = 0; p < e->s->contract.parties; p++) {
        if (p != e->p && !in_all)
            continue;
        e->file[p].contract.bytes = contract;
        e->file[p].approval[of].bytes = approval;
    }
    verified(e);
    free(contract);
    assert_true(fails(VERIFY_CONTRACT) || fails(VERIFY_APPROVALS));
    return VERIFY_CHECKS;
}

/* A file of the other attempt beside those of this one. */
static enum verify_check mix_the_files(struct edit *e)
{
    e->file[e->p] = e->other->bundle[e->p];
    verified(e);
    return VERIFY_APPROVALS;
}

static const struct {
    const char *name;
    enum verify_check (*make)(struct edit *e);
    unsigned share; /* of 100 */
} kinds[] = {
    {"bit", flip_a_bit, 30},           {"field, signed again", rewrite_a_field, 20}, {"cut", cut_the_end, 8},
    {"dropped", drop_a_record, 6},     {"repeated", repeat_a_record, 6},             {"swapped", swap_two_records, 6},
    {"spliced", splice_two_sessions, 6}, {"forked", fork_the_log, 6},                {"other key", sign_with_another_key, 4},
    {"invented end", invent_an_abort, 3}, {"papers", change_the_papers, 4},          {"mixed", mix_the_files, 1},
};

static void no_edit_verifies(void **state)
{
    const unsigned edits = getenv("HEFU_SHORT") ? EDITS_SHORT : EDITS;

    (void)state;
    for (uint64_t n = 0; n < edits; n++) {
        static const struct rng_key key = {.bytes = {42}};
        const int i = (int)(n % SESSIONS);
        struct edit e = {.s = &session[i], .other = &again[i]};
        enum verify_check check;
        uint64_t draw;
        size_t kind = 0;

        rng_init(&e.g, &key, &(struct rng_address){.purpose = "edit", .index = n});
        e.p = (party)below(&e, e.s->contract.parties);
        memcpy(e.file, e.s->bundle, sizeof e.file);
        wire_put_bytes(&e.log, e.s->log[e.p].bytes, e.s->log[e.p].len);
        e.entries = synthetic_entries(e.s, e.p);
        for (draw = below(&e, 100); draw >= kinds[kind].share; kind++)
            draw -= kinds[kind].share;
        check = kinds[kind].make(&e);
        if (report.ok)
            fail_msg("edit %llu (%s) verifies", (unsigned long long)n, kinds[kind].name);
        if (check != VERIFY_CHECKS && !fails(check))
            fail_msg("edit %llu (%s): check %s does not fail", (unsigned long long)n, kinds[kind].name, verify_check_name(check));
        tried[kind]++;
        wire_writer_clear(&e.log);
    }
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        print_message("%-20s\t%u\n", kinds[kind].name, tried[kind]);
        assert_true(tried[kind] > edits / 200);
    }
}

static void what_was_not_edited_verifies(void **state)
{
    (void)state;
    for (int i = 0; i < SESSIONS; i++) {
        struct edit e = {.s = &session[i]};

        memcpy(e.file, session[i].bundle, sizeof e.file);
        verified(&e);
        assert_true(report.ok);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_edited_verifies),
        cmocka_unit_test(no_edit_verifies),
    };

    return cmocka_run_group_tests_name("tamper", tests, set_up, tear_down);
}
