#include "protocol/verify_state.h"

#include "crypto/wire.h"
#include "protocol/messages.h"

#include <stdlib.h>
#include <string.h>

static const char *malformed_field(const uint8_t *at)
{
    if (memcmp(at, "HFR1", 4) != 0)
        return "magic";
    if (at[4] != RECORD_VERSION)
        return "version";
    if (!suite_name(at[5]))
        return "suite";
    if (entry_bytes((enum record_type)at[6], 2) == 0)
        return "type";
    if (at[7] != 0)
        return "reserved";
    for (size_t i = 200; i < RECORD_BYTES; i++)
        if (at[i] != 0)
            return "reserved";
    return "value";
}

static status remember(struct reading *log, enum suite suite, const struct log_entry *e)
{
    struct seen *s;

    if (log->count == log->cap) {
        size_t cap = log->cap ? 2 * log->cap : 1024;

        s = reallocarray(log->entry, cap, sizeof *s);
        if (!s)
            return STATUS_NO_MEMORY;
        log->entry = s;
        log->cap = cap;
    }
    s = &log->entry[log->count++];
    s->at = e->at;
    s->next = NONE;
    entry_head(&s->head, suite, e->at, e->len);
    return OK;
}

static void link_entry(struct reading *log, struct chain *chain, int64_t at)
{
    if (chain->last == NONE)
        chain->first = at;
    else
        log->entry[chain->last].next = at;
    chain->last = at;
    chain->count++;
}

static void check_place(struct verify *v, struct reading *log, const struct log_entry *e, uint64_t at)
{
    const struct record *r = &e->record;
    const struct verify_report *out = v->out;
    static const struct hash zero = {{0}};
    const struct hash *before = at ? &log->entry[at - 1].head : &zero;

    if (r->suite != out->contract.suite)
        verify_failed_at(v, VERIFY_SESSION, log->self, at, "suite", "its suite is %s, not the contract's", suite_name(r->suite));
    if (!hash_equal(&r->session, &out->session))
        verify_failed_at(v, VERIFY_SESSION, log->self, at, "session", "it belongs to another session");
    if (r->self != log->self)
        verify_failed_at(v, VERIFY_SESSION, log->self, at, "self", "it was written by %s", verify_name_of(v, r->self));
    if (r->attempt != out->attempt)
        verify_failed_at(v, VERIFY_SESSION, log->self, at, "attempt", "it belongs to attempt %u, approved is %u",
                         r->attempt + 1, out->attempt + 1);
    if (r->peer >= out->contract.parties)
        verify_failed_at(v, VERIFY_SESSION, log->self, at, "peer", "the contract has no party %u", r->peer + 1u);
    if (!hash_equal(&r->prev_head, before)) {
        log->chained = 0;
        verify_failed_at(v, VERIFY_CHAIN, log->self, at, "prev_head", "it does not follow the record before it");
    }
    if (r->seq != at)
        verify_failed_at(v, VERIFY_NUMBERS, log->self, at, "seq", "its number is %llu", (unsigned long long)r->seq);
}

static void check_sent(struct verify *v, struct reading *log, const struct record *r, uint64_t at)
{
    struct chain *chain = &log->sent[r->peer];

    if (r->pair_seq != chain->count)
        verify_failed_at(v, VERIFY_NUMBERS, log->self, at, "pair_seq", "it is message %llu to %s, expected is %llu",
                         (unsigned long long)r->pair_seq, verify_name_of(v, r->peer), (unsigned long long)chain->count);
    if (!hash_equal(&r->peer_head, &log->last_head[r->peer]))
        verify_failed_at(v, VERIFY_ORDER, log->self, at, "peer_head",
                         "it does not name the last record received from %s", verify_name_of(v, r->peer));
    link_entry(log, chain, (int64_t)at);
    if (chain->count - log->acknowledgements[r->peer] > v->out->wait.messages)
        v->out->wait = (struct verify_wait){.messages = chain->count - log->acknowledgements[r->peer], .seq = at,
                                            .from = log->self, .to = r->peer};
}

/* What the sender says it had received from us goes forward only, and never names what we had not sent. */
static void check_acknowledged(struct verify *v, struct reading *log, const struct record *sent, uint64_t at)
{
    static const struct hash zero = {{0}};
    const party from = sent->self;
    int64_t i = log->acknowledged[from];
    uint64_t count = log->acknowledgements[from];

    if (log->order_broken)
        return;
    if (hash_equal(&sent->peer_head, &zero) && i == NONE)
        return;
    count += i == NONE;
    for (i = i == NONE ? log->sent[from].first : i; i != NONE; i = log->entry[i].next, count++)
        if (hash_equal(&log->entry[i].head, &sent->peer_head)) {
            log->acknowledged[from] = i;
            log->acknowledgements[from] = count;
            return;
        }
    log->order_broken = 1;
    verify_failed_at(v, VERIFY_ORDER, log->self, at, "peer_head",
                     "%s says it had received a record that %s had not sent, or forgets one", verify_name_of(v, from),
                     verify_name_of(v, log->self));
}

static const char *receipt_difference(const struct record *own, const struct record *sent)
{
    struct record expected = *own;

    /* The sender's view of the same message; what only the sender knows is taken as it stands. */
    expected.type = RECORD_SEND;
    expected.self = own->peer;
    expected.peer = own->self;
    expected.seq = sent->seq;
    expected.peer_head = sent->peer_head;
    expected.prev_head = sent->prev_head;
    return record_difference(&expected, sent);
}

static void check_received(struct verify *v, struct reading *log, const struct log_entry *e, uint64_t at)
{
    const struct record *r = &e->record;
    struct chain *chain = &log->received[r->peer];
    struct record sent;
    struct hash head;
    const char *field;

    if (r->pair_seq != chain->count)
        verify_failed_at(v, VERIFY_NUMBERS, log->self, at, "pair_seq", "it is message %llu from %s, expected is %llu",
                         (unsigned long long)r->pair_seq, verify_name_of(v, r->peer), (unsigned long long)chain->count);
    link_entry(log, chain, (int64_t)at);
    entry_head(&head, v->out->contract.suite, e->peer_bytes, SIGNED_BYTES);
    log->last_head[r->peer] = head;
    if (record_decode(&sent, e->peer_bytes) != OK) {
        verify_failed_at(v, VERIFY_RECEIPTS, log->self, at, malformed_field(e->peer_bytes),
                         "the record of %s inside it is not canonical", verify_name_of(v, r->peer));
        return;
    }
    field = receipt_difference(r, &sent);
    if (field)
        verify_failed_at(v, VERIFY_RECEIPTS, log->self, at, field, "it is not what the record of %s inside it says",
                         verify_name_of(v, r->peer));
    if (!hash_equal(&r->peer_head, &head))
        verify_failed_at(v, VERIFY_RECEIPTS, log->self, at, "peer_head",
                         "it is not the hash of the record of %s inside it", verify_name_of(v, r->peer));
    v->receipts++;
    if (sent.self != r->peer)
        return;
    if (chain->count > 1 && sent.seq <= log->last_seq[r->peer])
        verify_failed_at(v, VERIFY_ORDER, log->self, at, "seq",
                         "the record of %s inside it is older than one received before", verify_name_of(v, r->peer));
    log->last_seq[r->peer] = sent.seq;
    check_acknowledged(v, log, &sent, at);
}

/* What a log's entry says of a joint point, against the log itself and the signatures of all. */
static void check_joint_part(struct verify *v, struct reading *log, const struct log_entry *e, uint32_t point,
                             struct mark *mark, uint64_t at)
{
    const struct contract *c = &v->out->contract;
    const char *what = point == NOTE_END ? "end of the session" : "joint checkpoint";
    struct joint_point joint = {.contract = c, .session = &v->out->session, .pass = point};
    struct joint_item item[PARTIES_MAX];
    struct hash tag;

    mark->joint = e->joint;
    mark->seq = at;
    for (party p = 0; p < c->parties; p++) {
        joint_item_read(&item[p], e->joint, p);
        joint.log[p] = item[p].log;
    }
    joint_hash(&tag, &joint);
    if (!hash_equal(&tag, &e->record.body_tag))
        verify_failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "body_tag",
                         "it is not the hash of the sizes and roots beside it");
    for (party p = 0; p < c->parties; p++)
        if (!verify_note_of(v, &joint, p, &item[p].signature))
            verify_failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "cosignature", "%s did not sign this %s (pass %u)",
                             verify_name_of(v, p), what, e->record.pass);
    if (!mark->shown || joint.log[log->self].size != mark->own.size)
        verify_failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "size", "%s showed a size that its own log did not have",
                         verify_name_of(v, log->self));
    else if (!hash_equal(&joint.log[log->self].root, &mark->own.root))
        verify_failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "root",
                         "%s showed a root that its own log does not give", verify_name_of(v, log->self));
}

static void check_checkpoint(struct verify *v, struct reading *log, const struct log_entry *e, uint64_t at)
{
    const struct record *r = &e->record;

    if (r->pass > v->out->contract.passes || r->a != r->pass || log->mark[r->pass].joint) {
        verify_failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "pass", "there is no checkpoint of pass %u to come",
                         r->pass);
        return;
    }
    check_joint_part(v, log, e, r->pass, &log->mark[r->pass], at);
}

/* The messages that show the own log: of a checkpoint, and at the end. */
static void take_shown(struct reading *log, const struct record *sent)
{
    struct mark *mark = sent->kind == MESSAGE_finish                                     ? &log->mark[MARK_END]
                        : sent->kind == MESSAGE_checkpoint && sent->pass <= PASSES_MAX ? &log->mark[sent->pass]
                                                                                        : NULL;

    if (!mark || mark->shown)
        return;
    mark->shown = 1;
    mark->own.size = log->tree.size;
    merkle_root(&log->tree, &mark->own.root);
}

static void take_fact(struct verify *v, struct reading *log, const struct record *r, uint64_t at)
{
    if (r->kind != FACT_POPULATION && r->kind != FACT_TEST_ROWS) {
        log->fact[r->kind][r->a] = (struct verify_fact){.given = 1, .in = log->self, .seq = at, .hash = r->body_tag};
    } else if (r->a > UINT32_MAX || r->b > UINT32_MAX) {
        verify_failed_at(v, VERIFY_FACTS, log->self, at, "a", "the number is out of all bounds");
    } else if (r->kind == FACT_POPULATION && !log->has_population) {
        log->has_population = 1;
        log->population.rows = (uint32_t)r->a;
        log->population.train = (uint32_t)r->b;
    } else if (r->kind == FACT_TEST_ROWS && !log->has_test) {
        log->has_test = 1;
        log->population.test = (uint32_t)r->a;
    }
}

/* What a refusal shows is what its sender signed. */
static void check_refused(struct verify *v, struct reading *log, const struct log_entry *e, uint64_t at)
{
    const struct record *r = &e->record;
    struct record sent;
    struct hash head;

    entry_head(&head, v->out->contract.suite, e->peer_bytes, SIGNED_BYTES);
    if (record_decode(&sent, e->peer_bytes) != OK || !hash_equal(&r->peer_head, &head) || r->pair_seq != sent.pair_seq ||
        r->kind != sent.kind || r->phase != sent.phase || r->pass != sent.pass || r->index != sent.index ||
        r->body_len != sent.body_len || !hash_equal(&r->body_tag, &sent.body_tag))
        verify_failed_at(v, VERIFY_RECEIPTS, log->self, at, "peer_head", "it is not what the record of %s inside it says",
                         verify_name_of(v, r->peer));
    if (!verify_signed_by(v, &v->approval[r->peer].card.sign, RECORD_SIGN_TAG, e->peer_bytes, RECORD_BYTES, e->peer_signature))
        verify_failed_at(v, VERIFY_SIGNATURES, log->self, at, "peer signature", "the record inside it is not signed by %s",
                         verify_name_of(v, r->peer));
}

/* A refusal is followed by the abort that names the same party for the same reason, and by nothing else. */
static void check_after_refusal(struct verify *v, const struct reading *log, const struct record *r, uint64_t at)
{
    if (log->last.type == RECORD_REFUSED &&
        (r->type != RECORD_ABORT || r->peer != log->last.peer || r->kind != log->last.a))
        verify_failed_at(v, VERIFY_END, log->self, at, "type", "the record before it refuses a message of %s, and so ends the session",
                         verify_name_of(v, log->last.peer));
}

static void check_entry(struct verify *v, struct reading *log, const struct log_entry *e)
{
    const struct record *r = &e->record;
    const uint64_t at = log->count - 1;

    if (log->ended || log->aborted)
        verify_failed_at(v, VERIFY_END, log->self, at, "type", "a record follows the end of the log");
    check_place(v, log, e, at);
    check_after_refusal(v, log, r, at);
    switch (r->type) {
    case RECORD_SEND:
        take_shown(log, r);
        check_sent(v, log, r, at);
        break;
    case RECORD_RECV:
        check_received(v, log, e, at);
        break;
    case RECORD_FACT:
        take_fact(v, log, r, at);
        break;
    case RECORD_CHECKPOINT:
        check_checkpoint(v, log, e, at);
        break;
    case RECORD_END:
        if (!log->ended)
            check_joint_part(v, log, e, NOTE_END, &log->mark[MARK_END], at);
        log->ended = 1;
        break;
    case RECORD_ABORT:
        log->aborted = 1;
        break;
    case RECORD_REFUSED:
        check_refused(v, log, e, at);
        break;
    }
    log->last = *r;
    merkle_append(&log->tree, &log->entry[at].head);
}

status verify_read_log(struct verify *v, struct reading *log)
{
    struct log_reader r;
    struct log_entry e;
    enum log_state state;

    for (party p = 0; p < PARTIES_MAX; p++) {
        log->sent[p] = log->received[p] = (struct chain){NONE, NONE, 0};
        log->acknowledged[p] = NONE;
    }
    log->chained = 1;
    log->tree.suite = v->out->contract.suite;
    log_reader_init(&r, log->bundle->log.bytes, log->bundle->log.len, v->out->contract.parties);
    while ((state = log_next(&r, &e)) == LOG_ENTRY) {
        TRY(remember(log, v->out->contract.suite, &e));
        check_entry(v, log, &e);
    }
    log->readable = state == LOG_DONE;
    v->partly_read |= !log->readable;
    if (state == LOG_TORN)
        verify_failed_at(v, VERIFY_RECORDS, log->self, log->count, "length", "it is cut short: %zu bytes are left",
                         r.left);
    if (state == LOG_MALFORMED)
        verify_failed_at(v, VERIFY_RECORDS, log->self, log->count, malformed_field(r.at),
                         "it is not a record in canonical form; nothing after it in this log can be read");
    return OK;
}
