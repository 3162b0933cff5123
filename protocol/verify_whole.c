#include "protocol/verify_state.h"

#include "crypto/keyproof.h"
#include "protocol/handshake.h"
#include "protocol/messages.h"
#include "protocol/schedule.h"

#include <assert.h>
#include <string.h>

/* ---- the log as a whole ---- */

static void entry_record(struct record *out, const struct reading *log, size_t at)
{
    status ok = record_decode(out, log->entry[at].at);

    assert(ok == OK);
}

static void check_end(struct verify *v, struct reading *log)
{
    struct verify_party *me = &v->out->party[log->self];

    for (party p = 0; p < PARTIES_MAX; p++) {
        me->sent += log->sent[p].count;
        me->received += log->received[p].count;
    }
    me->records = log->count;
    me->ended = log->ended;
    me->aborted = log->aborted && !log->ended;
    for (uint32_t t = 0; t <= PASSES_MAX; t++)
        me->checkpoints += log->mark[t].joint != NULL;
    if (log->count == 0) {
        verify_failed(v, VERIFY_END, log->self, "the log of %s is empty", verify_name_of(v, log->self));
    } else if (log->readable && !log->ended && !log->aborted) {
        verify_failed_at(v, VERIFY_END, log->self, log->count - 1, "type",
                         "the log stops here without an end; the rest is missing");
    } else if (log->ended && log->last.type == RECORD_END) {
        if (log->last.a != me->sent)
            verify_failed_at(v, VERIFY_END, log->self, log->count - 1, "a",
                             "it says %llu records were sent, the log holds %llu", (unsigned long long)log->last.a,
                             (unsigned long long)me->sent);
        if (log->last.b != me->received)
            verify_failed_at(v, VERIFY_END, log->self, log->count - 1, "b",
                             "it says %llu records were received, the log holds %llu", (unsigned long long)log->last.b,
                             (unsigned long long)me->received);
    }
    if (me->aborted) {
        me->reason = (status)log->last.kind;
        me->blamed = log->last.peer;
    }
}

/* Rows common to all as the list of positions shows them, for a log that stopped before it recorded the number: the
 * items of the first vector of the list.  0 when there is none. */
static uint32_t rows_from_list(const struct reading *log)
{
    struct record first = {.type = RECORD_END}, r;
    uint64_t bytes = 0;

    for (size_t i = 0; i < log->count; i++) {
        entry_record(&r, log, i);
        if (r.kind != MESSAGE_psi_list || (r.type != RECORD_SEND && r.type != RECORD_RECV)) {
            if (bytes)
                break;
            continue;
        }
        if (bytes && (r.type != first.type || r.peer != first.peer || r.pass != first.pass))
            break;
        first = r;
        bytes += r.body_len;
    }
    return bytes / ITEM_PSI_LIST > UINT32_MAX ? 0 : (uint32_t)(bytes / ITEM_PSI_LIST);
}

static const char *step_difference(const struct schedule_step *want, const struct record *got)
{
    if (got->type != want->type)
        return "type";
    if (got->peer != want->peer)
        return "peer";
    if (got->kind != want->kind)
        return "kind";
    if (got->phase != want->phase)
        return "phase";
    if (got->pass != want->pass)
        return "pass";
    if (got->index != want->index)
        return "index";
    if (got->body_len != want->body_len)
        return "body_len";
    if (want->type == RECORD_FACT && (got->a != want->a || got->b != want->b))
        return "a";
    return NULL;
}

static const char *kind_name(uint16_t type, uint16_t kind)
{
    const struct message_info *info = type == RECORD_SEND || type == RECORD_RECV ? message_info(kind) : NULL;

    return info ? info->name : "";
}

/* What the first record that departs from the schedule was about. */
static void note_phase(struct verify *v, const struct record *r)
{
    struct verify_line *line = &v->out->line[VERIFY_SCHEDULE];

    if (!line->phase)
        line->phase = r->phase;
}

/* A message is refused where one is awaited.  One that is just what the contract has there can only have had a body that does
 * not fit its tag, and that is for a replay to see. */
static void check_refusal(struct verify *v, const struct reading *log, size_t at, const struct schedule_step *want,
                          const struct record *r)
{
    const uint8_t *theirs = log->entry[at].at + RECORD_BYTES;
    struct record sent, as_received = *r;

    if (!want || want->type != RECORD_RECV || want->peer != r->peer) {
        verify_failed_at(v, VERIFY_SCHEDULE, log->self, at, "type", "it refuses a message of %s where none is awaited",
                         verify_name_of(v, r->peer));
        note_phase(v, r);
        return;
    }
    as_received.type = RECORD_RECV;
    v->out->party[log->self].unshown_reason =
        record_decode(&sent, theirs) == OK && sent.type == RECORD_SEND && sent.self == r->peer && sent.peer == log->self &&
        hash_equal(&sent.session, &r->session) && sent.attempt == r->attempt &&
        sent.pair_seq == log->received[r->peer].count && !step_difference(want, &as_received);
}

static void check_schedule(struct verify *v, const struct reading *log, const struct schedule *s)
{
    struct record r;

    for (size_t i = 0; i < log->count; i++) {
        const struct schedule_step *want = &s->step[i];
        const char *field;

        entry_record(&r, log, i);
        if (r.type == RECORD_ABORT)
            return;
        if (r.type == RECORD_REFUSED) {
            if (i < s->count || s->complete)
                check_refusal(v, log, i, i < s->count ? want : NULL, &r);
            else
                v->out->party[log->self].unshown_reason = 1; /* what the contract has there depends on what was not reached */
            return;
        }
        if (i >= s->count) {
            verify_failed_at(v, VERIFY_SCHEDULE, log->self, i, "type", "the contract has no such record here");
            note_phase(v, &r);
            return;
        }
        field = step_difference(want, &r);
        if (field) {
            verify_failed_at(
                v, VERIFY_SCHEDULE, log->self, i, field,
                "expected is %s %s (party %u, pass %u, part %llu, %llu bytes), found %s %s (party %u, pass %u, part "
                "%llu, %llu bytes)",
                record_type_name(want->type), kind_name((uint16_t)want->type, want->kind), want->peer + 1u, want->pass,
                (unsigned long long)want->index, (unsigned long long)want->body_len, record_type_name(r.type),
                kind_name((uint16_t)r.type, r.kind), r.peer + 1u, r.pass, (unsigned long long)r.index,
                (unsigned long long)r.body_len);
            note_phase(v, &r);
            return;
        }
    }
}

status verify_check_log(struct verify *v, struct reading *log)
{
    struct schedule s AUTO(schedule_clear) = {0};
    struct fault f = {0};
    struct population known = log->population;
    status made;

    check_end(v, log);
    if (!log->has_population)
        known.rows = rows_from_list(log);
    else if (!log->has_test && known.rows >= known.train)
        known.test = known.rows - known.train; /* stopped between the two facts: any number will do */
    made = schedule_make(&s, &v->out->contract, v->out->stage, log->self, log->count + 1,
                         log->has_population ? KNOWN_ALL
                         : known.rows        ? KNOWN_ROWS
                                             : KNOWN_NOTHING,
                         &known, &f);
    if (made == STATUS_NO_MEMORY)
        return made;
    /* A population below the limits is what a session rightly stops at; the list then ends there. */
    if (made != OK && !(log->aborted && log->last.kind == STATUS_LIMIT))
        verify_failed(v, VERIFY_FACTS, log->self, "log of %s: %.280s", verify_name_of(v, log->self), f.message);
    check_schedule(v, log, &s);
    return OK;
}

/* ---- all logs together ---- */

static void check_facts(struct verify *v)
{
    struct verify_report *out = v->out;
    const struct reading *first = NULL;

    for (party p = 0; p < out->contract.parties; p++) {
        const struct reading *log = &v->log[p];

        if (!log->bundle || !log->has_population || !log->has_test)
            continue;
        if (!first)
            first = log;
        else if (memcmp(&log->population, &first->population, sizeof log->population) != 0)
            verify_failed(v, VERIFY_FACTS, p,
                          "%s recorded %u common, %u training and %u test rows, %s recorded %u, %u and %u",
                          verify_name_of(v, p), log->population.rows, log->population.train, log->population.test,
                          verify_name_of(v, first->self), first->population.rows, first->population.train,
                          first->population.test);
    }
    if (!first) {
        verify_unchecked(v, VERIFY_FACTS, "the session stopped before the population was recorded");
        return;
    }
    out->population = first->population;
    verify_passed(v, VERIFY_FACTS,
                  "%u common people, %u training and %u test rows, the same in every log and within the limits",
                  first->population.rows, first->population.train, first->population.test);
}

static const char *fact_name(int kind)
{
    switch ((enum fact)kind) {
    case FACT_DATA: return "a commitment to data";
    case FACT_ALIGNED: return "the list of common people";
    case FACT_SEED: return "a commitment to a seed";
    case FACT_RUN: return "the joint value";
    case FACT_KEY: return "a Paillier key";
    case FACT_POPULATION: case FACT_TEST_ROWS: case FACT_KINDS: break;
    }
    return "a number";
}

/* What all have seen alike of each party: commitments, keys, the people common to all. */
static void compare_facts(struct verify *v, const struct reading *a, const struct reading *b)
{
    for (int kind = 0; kind < FACT_KINDS; kind++)
        for (party of = 0; of < v->out->contract.parties; of++) {
            const struct verify_fact *x = &a->fact[kind][of], *y = &b->fact[kind][of];
            const int of_all = kind == FACT_ALIGNED || kind == FACT_RUN;

            if (x->given && y->given && !hash_equal(&x->hash, &y->hash))
                verify_failed_at(v, VERIFY_FACTS, b->self, y->seq, "body_tag", "%s saw %s%s%s otherwise than %s",
                                 verify_name_of(v, b->self), fact_name(kind), of_all ? "" : " of ",
                                 of_all ? "" : verify_name_of(v, of), verify_name_of(v, a->self));
        }
}

static void keep_facts(struct verify *v)
{
    for (int kind = 0; kind < FACT_KINDS; kind++)
        for (party of = 0; of < PARTIES_MAX; of++)
            for (party p = 0; p < v->out->contract.parties && !v->out->fact[kind][of].given; p++)
                v->out->fact[kind][of] = v->log[p].fact[kind][of];
}

static void check_commitments(struct verify *v)
{
    for (party p = 0; p < v->out->contract.parties; p++)
        for (party q = 0; q < p; q++)
            if (v->log[p].bundle && v->log[q].bundle)
                compare_facts(v, &v->log[q], &v->log[p]);
}

/* Every other party's view of a joint point against the first one's, and against what each log itself had. */
static void check_joint(struct verify *v, uint32_t t)
{
    const struct contract *c = &v->out->contract;
    const struct reading *first = NULL;

    for (party p = 0; p < c->parties; p++) {
        const struct reading *log = &v->log[p];
        const struct mark *mark = &log->mark[t];

        if (!log->bundle)
            continue;
        if (!mark->joint) {
            if (log->ended)
                verify_failed(v, VERIFY_CHECKPOINTS, p, "log of %s: the joint checkpoint after pass %u is missing",
                              verify_name_of(v, p), t);
            continue;
        }
        if (!first)
            first = log;
        else if (memcmp(mark->joint, first->mark[t].joint, (size_t)c->parties * JOINT_ITEM) != 0)
            verify_failed_at(v, VERIFY_CHECKPOINTS, p, mark->seq, "joint", "it is another %s than that of %s",
                             t == MARK_END ? "end" : "joint checkpoint", verify_name_of(v, first->self));
        for (party q = 0; q < c->parties; q++) {
            const struct mark *own = &v->log[q].mark[t];
            struct joint_item item;

            if (q == p || !v->log[q].bundle || !own->shown)
                continue;
            joint_item_read(&item, mark->joint, q);
            if (item.log.size != own->own.size || !hash_equal(&item.log.root, &own->own.root))
                verify_failed_at(v, VERIFY_CHECKPOINTS, p, mark->seq, "root",
                                 "the log of %s is not the one whose root all parties signed", verify_name_of(v, q));
        }
    }
}

/* [SPEC 2.5.1] The hash that all parties signed at the end of the offline phase names what they prepared. */
static void find_preparation(struct verify *v)
{
    for (party p = 0; p < v->out->contract.parties; p++) {
        const struct reading *log = &v->log[p];
        struct record r;

        if (!log->bundle || !log->mark[0].joint)
            continue;
        entry_record(&r, log, log->mark[0].seq);
        v->out->preparation = r.body_tag;
        return;
    }
}

/* The first party for which other people signed than for its offline session; or the number of parties. */
static party signed_by_others(const struct verify_report *online, const struct verify_report *offline)
{
    party p = 0;

    while (p < online->contract.parties && hash_equal(&online->party[p].approvers, &offline->party[p].approvers))
        p++;
    return p;
}

static void check_link(struct verify *v)
{
    struct verify_report *out = v->out;
    const struct verify_report *offline = v->options->offline;
    char hex[2 * HASH_BYTES + 1];
    party other;

    if (out->stage == STAGE_OFFLINE)
        find_preparation(v);
    hash_hex(&out->preparation, hex);
    if (out->stage == STAGE_WHOLE)
        verify_passed(v, VERIFY_LINK, "the offline and the online phase are in this one session");
    else if (out->stage == STAGE_OFFLINE)
        verify_passed(v, VERIFY_LINK, "this is an offline session; what it prepared is named %.16s", hex);
    else if (!offline)
        verify_unchecked(v, VERIFY_LINK, "it needs the files of the offline session that this one stands on");
    else if (!hash_equal(&out->preparation, &offline->preparation))
        verify_failed(v, VERIFY_LINK, out->contract.parties, "this session stands on preparation %.16s, the offline session given is not it", hex);
    else if (!hash_equal(&out->contract_id, &offline->contract_id) || out->attempt != offline->attempt)
        verify_failed(v, VERIFY_LINK, out->contract.parties, "the offline session belongs to another contract or attempt");
    else if (offline->stage != STAGE_OFFLINE)
        verify_failed(v, VERIFY_LINK, out->contract.parties, "the session given as the offline one is not one");
    else if (!offline->ok)
        verify_failed(v, VERIFY_LINK, out->contract.parties, "the offline session that this one stands on does not verify");
    else if (out->population.rows && memcmp(&out->population, &offline->population, sizeof out->population) != 0)
        verify_failed(v, VERIFY_LINK, out->contract.parties, "the offline session has %u training and %u test rows, this one has %u and %u",
                      offline->population.train, offline->population.test, out->population.train, out->population.test);
    else if ((other = signed_by_others(out, offline)) < out->contract.parties)
        verify_failed(v, VERIFY_LINK, other, "other people signed for %s than for the offline session", verify_name_of(v, other));
    else
        verify_passed(v, VERIFY_LINK, "all parties signed that this session stands on preparation %.16s, which is verified", hex);
}

static void check_pair(struct verify *v, party from, party to)
{
    const struct reading *a = &v->log[from], *b = &v->log[to];
    int64_t i = a->sent[to].first, j = b->received[from].first;

    for (; i != NONE && j != NONE; i = a->entry[i].next, j = b->entry[j].next) {
        const uint8_t *sent = a->entry[i].at, *got = b->entry[j].at + RECORD_BYTES;
        struct record rs, rg;
        const char *field = NULL;

        v->matched++;
        if (memcmp(sent, got, SIGNED_BYTES) == 0)
            continue;
        if (record_decode(&rs, sent) == OK && record_decode(&rg, got) == OK)
            field = record_difference(&rs, &rg);
        verify_failed_at(
            v, VERIFY_MATCH, to, (uint64_t)j, field ? field : "signature",
            "%s received something else than record %lld that %s kept: two versions signed by %s are proof against it",
            verify_name_of(v, to), (long long)i, verify_name_of(v, from), verify_name_of(v, from));
        return;
    }
    if (j != NONE && a->readable)
        verify_failed_at(v, VERIFY_MATCH, to, (uint64_t)j, "pair_seq",
                         "%s received a message that the log of %s does not hold", verify_name_of(v, to),
                         verify_name_of(v, from));
    if (i != NONE && b->readable && !b->aborted)
        verify_failed_at(v, VERIFY_MATCH, from, (uint64_t)i, "pair_seq",
                         "the log of %s does not hold the receipt of this message", verify_name_of(v, to));
}

/* ---- keys [SPEC 2.3.3] ---- */

/* One key of a file's attachment: the one that the log names, as long as the contract says, proven for this session. */
static void check_key(struct verify *v, const struct reading *log, party p, const uint8_t *body)
{
    const uint32_t bits = v->out->contract.key_bits;
    const size_t modulus = paillier_modulus_bytes(bits);
    struct paillier_public key;
    struct hash tag, binding;
    struct fault why = {0};

    handshake_key_hash(&tag, v->out->contract.suite, body, modulus);
    if (!log->fact[FACT_KEY][p].given || !hash_equal(&tag, &log->fact[FACT_KEY][p].hash)) {
        verify_failed(v, VERIFY_KEYS, log->self, "the key of %s beside the log of %s is not the one in the log",
                      verify_name_of(v, p), verify_name_of(v, log->self));
        return;
    }
    if (paillier_public_get(&key, bits, body, modulus) != OK) {
        verify_failed(v, VERIFY_KEYS, p, "the key of %s is not an odd number of %u bits", verify_name_of(v, p), bits);
        return;
    }
    handshake_key_binding(&binding, v->out->contract.suite, &v->out->contract_id, &v->out->session, &log->fact[FACT_RUN][0].hash, p);
    if (keyproof_check(&key, body + modulus, keyproof_bytes(bits), v->out->contract.suite, &binding, &why) != OK)
        verify_failed(v, VERIFY_KEYS, p, "the key of %s is refused: %s", verify_name_of(v, p), why.message);
    paillier_public_clear(&key);
}

static void check_keys(struct verify *v)
{
    const struct contract *c = &v->out->contract;
    const size_t body = body_key(c->key_bits);
    unsigned given = 0;

    for (party p = 0; p < c->parties; p++) {
        const struct reading *log = &v->log[p];
        const struct bundle_part *keys = log->bundle ? &log->bundle->attachment[ATTACHMENT_KEYS] : NULL;

        if (!keys || !keys->bytes)
            continue;
        given++;
        if (keys->len != c->parties * body) {
            verify_failed(v, VERIFY_KEYS, p, "beside the log of %s stand %zu bytes of keys, %u keys have %zu",
                          verify_name_of(v, p), keys->len, c->parties, c->parties * body);
            continue;
        }
        for (party of = 0; of < c->parties; of++)
            if (given == 1 || memcmp(keys->bytes + of * body, v->keys + of * body, body) != 0)
                check_key(v, log, of, keys->bytes + of * body);
        v->keys = keys->bytes;
    }
    if (given)
        verify_passed(v, VERIFY_KEYS, "%u Paillier keys of %u bits, each with a proof that is bound to this session", c->parties,
                      c->key_bits);
    else
        verify_unchecked(v, VERIFY_KEYS, v->out->stage == STAGE_ONLINE ? "the keys are those of the offline session"
                                                                       : "the files hold no keys");
}

void verify_check_together(struct verify *v)
{
    const struct contract *c = &v->out->contract;
    unsigned logs = 0;

    verify_check_signatures(v);
    check_commitments(v);
    keep_facts(v);
    check_facts(v);
    check_keys(v);
    for (uint32_t t = 0; t <= (v->out->stage == STAGE_OFFLINE ? 0u : c->passes); t++)
        check_joint(v, t);
    check_joint(v, MARK_END);
    check_link(v);
    for (party a = 0; a < c->parties; a++) {
        logs += v->log[a].bundle != NULL;
        for (party b = 0; b < c->parties; b++)
            if (a != b && v->log[a].bundle && v->log[b].bundle)
                check_pair(v, a, b);
    }
    if (logs < 2)
        verify_unchecked(v, VERIFY_MATCH, "it needs the files of at least two parties");
}
