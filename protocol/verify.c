#include "protocol/verify.h"

#include "crypto/wire.h"
#include "protocol/log.h"
#include "protocol/messages.h"
#include "protocol/schedule.h"
#include "protocol/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_SIGN_TAG "hefu/checkpoint/v1"
enum { NONE = -1, PASS_COUNT = PASSES_MAX + 1, STATE_BYTES = 8 + HASH_BYTES };

/* An entry of a log; entries of one direction of one pair are linked in order. */
struct seen {
    const uint8_t *at;
    struct hash head;
    int64_t next;
};

struct chain {
    int64_t first, last;
    uint64_t count;
};

/* What a party showed of its own log at a checkpoint, and the checkpoint that it recorded. */
struct mark {
    int shown;
    uint64_t size;
    struct hash root;
    const uint8_t *joint;
    uint64_t seq;
};

/* One party's log while it is read. */
struct reading {
    const struct bundle *bundle;
    party self;
    struct seen *entry;
    size_t count, cap;
    int readable;              /* to its last byte */
    struct merkle tree;
    struct chain sent[PARTIES_MAX], received[PARTIES_MAX];
    int64_t acknowledged[PARTIES_MAX]; /* the last own message that each peer had received */
    struct hash last_head[PARTIES_MAX]; /* of the last record received from each peer */
    uint64_t last_seq[PARTIES_MAX];     /* its number in the peer's log */
    int order_broken;
    struct mark mark[PASS_COUNT];
    int has_population, has_test;
    struct population population;
    int ended, aborted;
    struct record last;
};

struct verify {
    struct verify_report *out;
    const struct verify_options *options;
    struct verify_memo own_memo, *memo;
    struct approval approval[PARTIES_MAX];
    const struct bundle *approved; /* the file they were taken from; NULL: none is usable */
    int partly_read;               /* some log could not be read to its end */
    struct reading log[PARTIES_MAX];
    uint64_t signatures, receipts, matched;
    int no_memory;
};

const char *verify_check_name(enum verify_check check)
{
    switch (check) {
    case VERIFY_CONTRACT: return "contract";
    case VERIFY_APPROVALS: return "approvals";
    case VERIFY_CERTIFICATES: return "certificates";
    case VERIFY_RECORDS: return "records";
    case VERIFY_SESSION: return "session";
    case VERIFY_CHAIN: return "chain";
    case VERIFY_SIGNATURES: return "signatures";
    case VERIFY_NUMBERS: return "numbers";
    case VERIFY_RECEIPTS: return "receipts";
    case VERIFY_ORDER: return "order";
    case VERIFY_SCHEDULE: return "schedule";
    case VERIFY_FACTS: return "facts";
    case VERIFY_CHECKPOINTS: return "checkpoints";
    case VERIFY_MATCH: return "match";
    case VERIFY_END: return "end";
    case VERIFY_CHECKS: break;
    }
    return "unknown";
}

/* ---- signatures, each checked once ---- */

void verify_memo_clear(struct verify_memo *m)
{
    free(m->slot);
    memset(m, 0, sizeof *m);
}

static struct hash *memo_find(const struct verify_memo *m, const struct hash *key)
{
    static const struct hash zero = {{0}};
    size_t at = (size_t)load_u64(key->bytes) & (m->cap - 1);

    while (memcmp(&m->slot[at], &zero, sizeof zero) != 0 && memcmp(&m->slot[at], key, sizeof *key) != 0)
        at = (at + 1) & (m->cap - 1);
    return &m->slot[at];
}

static status memo_grow(struct verify_memo *m)
{
    static const struct hash zero = {{0}};
    struct verify_memo grown = {.cap = m->cap ? 2 * m->cap : 4096, .count = m->count};

    if (m->cap > 2 * m->count)
        return OK;
    TRY(alloc_zeroed(&grown.slot, grown.cap, sizeof *grown.slot));
    for (size_t i = 0; i < m->cap; i++)
        if (memcmp(&m->slot[i], &zero, sizeof zero) != 0)
            *memo_find(&grown, &m->slot[i]) = m->slot[i];
    free(m->slot);
    *m = grown;
    return OK;
}

static int signed_by(struct verify *v, const struct sign_public *key, const char *tag, const uint8_t *bytes, size_t len,
                     const uint8_t signature[SIGNATURE_BYTES])
{
    struct signature sig;
    struct hasher h;
    struct hash id, *slot;

    hasher_init(&h, "hefu/verified/v1");
    hasher_add(&h, key->bytes, SIGN_PUBLIC_BYTES);
    hasher_add(&h, tag, strlen(tag));
    hasher_add(&h, bytes, len);
    hasher_add(&h, signature, SIGNATURE_BYTES);
    hasher_final(&h, &id);
    if (memo_grow(v->memo) != OK) {
        v->no_memory = 1;
        return 0;
    }
    slot = memo_find(v->memo, &id);
    if (memcmp(slot, &id, sizeof id) == 0)
        return 1;
    memcpy(sig.bytes, signature, SIGNATURE_BYTES);
    if (sign_check(&sig, key, tag, bytes, len) != OK)
        return 0;
    *slot = id;
    v->memo->count++;
    return 1;
}

/* ---- writing the report ---- */

static const char *name_of(const struct verify *v, party p)
{
    return v->out->has_contract && p < v->out->contract.parties ? v->out->contract.party[p].name : "a party";
}

static void passed(struct verify *v, enum verify_check check, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void passed(struct verify *v, enum verify_check check, const char *fmt, ...)
{
    struct verify_line *line = &v->out->line[check];
    size_t start;
    va_list ap;

    if (line->verdict != VERDICT_UNCHECKED || line->text[0])
        return;
    line->verdict = VERDICT_OK;
    start = (size_t)snprintf(line->text, sizeof line->text, "%s", v->partly_read ? "as far as the logs can be read: " : "");
    va_start(ap, fmt);
    vsnprintf(line->text + start, sizeof line->text - start, fmt, ap);
    va_end(ap);
}

static void unchecked(struct verify *v, enum verify_check check, const char *why)
{
    struct verify_line *line = &v->out->line[check];

    if (line->verdict == VERDICT_UNCHECKED && !line->text[0])
        snprintf(line->text, sizeof line->text, "not checked: %s", why);
}

/* The first failure of a check stays. */
static void failed(struct verify *v, enum verify_check check, party who, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void failed(struct verify *v, enum verify_check check, party who, const char *fmt, ...)
{
    struct verify_line *line = &v->out->line[check];
    va_list ap;

    if (line->verdict == VERDICT_FAIL)
        return;
    v->out->ok = 0;
    line->verdict = VERDICT_FAIL;
    line->who = who;
    va_start(ap, fmt);
    vsnprintf(line->text, sizeof line->text, fmt, ap);
    va_end(ap);
}

/* The same, at a record: "log of bank, record 17, field seq: ...". */
static void failed_at(struct verify *v, enum verify_check check, party who, uint64_t seq, const char *field,
                      const char *fmt, ...) PRINTF_LIKE(6, 7);
static void failed_at(struct verify *v, enum verify_check check, party who, uint64_t seq, const char *field,
                      const char *fmt, ...)
{
    struct verify_line *line = &v->out->line[check];
    char what[240];
    va_list ap;

    if (line->verdict == VERDICT_FAIL)
        return;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    failed(v, check, who, "log of %s, record %llu, %s: %s", name_of(v, who), (unsigned long long)seq, field, what);
    line->has_seq = 1;
    line->seq = seq;
    line->field = field;
}

/* ---- contract, approvals, certificates ---- */

static void read_contract(struct verify *v, const struct bundle *b, size_t count)
{
    struct verify_report *out = v->out;
    struct wire_writer again AUTO(wire_writer_clear) = {0};
    struct fault f = {0};

    if (count == 0) {
        failed(v, VERIFY_CONTRACT, 0, "no evidence file was given");
        return;
    }
    if (contract_decode(&out->contract, b[0].contract.bytes, b[0].contract.len, &f) != OK ||
        contract_check(&out->contract, v->options->allow_small_keys, &f) != OK) {
        failed(v, VERIFY_CONTRACT, b[0].self, "%.300s", f.message);
        return;
    }
    if (contract_encode(&again, &out->contract) != OK || again.len != b[0].contract.len ||
        memcmp(again.bytes, b[0].contract.bytes, again.len) != 0 || contract_id(&out->contract_id, &out->contract) != OK) {
        failed(v, VERIFY_CONTRACT, b[0].self, "the contract is not written in its one canonical form");
        return;
    }
    out->has_contract = 1;
}

static int same_part(struct bundle_part a, struct bundle_part b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

/* Give each file to its party; a file of another contract or a second one of the same party is put aside. */
static void take_files(struct verify *v, const struct bundle *b, size_t count)
{
    struct verify_report *out = v->out;
    char hex[2 * HASH_BYTES + 1];

    for (size_t i = 0; i < count; i++) {
        struct reading *log = &v->log[b[i].self < PARTIES_MAX ? b[i].self : 0];

        if (!same_part(b[i].contract, b[0].contract))
            failed(v, VERIFY_CONTRACT, b[i].self, "file %zu belongs to another contract than file 1", i + 1);
        else if (b[i].self >= out->contract.parties)
            failed(v, VERIFY_CONTRACT, b[i].self, "file %zu is from party %u of a contract of %u", i + 1,
                   b[i].self + 1u, out->contract.parties);
        else if (log->bundle)
            failed(v, VERIFY_CONTRACT, b[i].self, "two files are from %s", name_of(v, b[i].self));
        else {
            log->bundle = &b[i];
            log->self = b[i].self;
            out->party[b[i].self].given = 1;
        }
    }
    hash_hex(&out->contract_id, hex);
    passed(v, VERIFY_CONTRACT, "contract %.16s of %u parties is canonical, the same in all files, with keys of %u bits", hex,
           out->contract.parties, out->contract.key_bits);
}

static int read_approvals(struct verify *v, const struct bundle *b)
{
    const struct contract *c = &v->out->contract;

    if (b->approvals != c->parties) {
        failed(v, VERIFY_APPROVALS, b->self, "the file holds %u approvals of %u parties", b->approvals, c->parties);
        return 0;
    }
    for (party p = 0; p < c->parties; p++) {
        struct approval a;

        if (approval_decode(&a, b->approval[p].bytes) != OK || a.who != p) {
            failed(v, VERIFY_APPROVALS, b->self, "the approval of %s is not readable", name_of(v, p));
            return 0;
        }
        if (approval_check(&a, c, &v->out->contract_id) != OK) {
            failed(v, VERIFY_APPROVALS, b->self, "the approval of %s is not signed by the key in the contract",
                   name_of(v, p));
            return 0;
        }
        if (v->approved && !same_part(b->approval[p], v->approved->approval[p])) {
            failed(v, VERIFY_APPROVALS, b->self, "the approval of %s in the file of %s is another one than in the first file",
                   name_of(v, p), name_of(v, b->self));
            return 0;
        }
        v->approval[p] = a;
        if (a.attempt != v->approval[0].attempt) {
            failed(v, VERIFY_APPROVALS, b->self, "the approvals are for different attempts");
            return 0;
        }
    }
    return 1;
}

void verify_session_id(struct hash *out, const struct hash *contract, const struct approval *approvals, uint16_t parties)
{
    struct hasher h;

    hasher_init(&h, "hefu/session/v1");
    hasher_add_hash(&h, contract);
    hasher_add_u64(&h, approvals[0].attempt);
    for (party p = 0; p < parties; p++) {
        hasher_add(&h, approvals[p].card.sign.bytes, SIGN_PUBLIC_BYTES);
        hasher_add(&h, approvals[p].card.kx.bytes, KX_BYTES);
    }
    hasher_final(&h, out);
}

static void check_approvals(struct verify *v, const struct bundle *b, size_t count)
{
    struct verify_report *out = v->out;

    for (size_t i = 0; i < count; i++)
        if (b[i].self < PARTIES_MAX && v->log[b[i].self].bundle == &b[i] && read_approvals(v, &b[i]) && !v->approved)
            v->approved = &b[i];
    if (!v->approved)
        return;
    out->attempt = v->approval[0].attempt;
    verify_session_id(&out->session, &out->contract_id, v->approval, out->contract.parties);
    passed(v, VERIFY_APPROVALS, "all %u parties signed this contract with their identity keys, for attempt %u",
           out->contract.parties, out->attempt + 1);
}

static void check_certificates(struct verify *v, const struct bundle *b, size_t count)
{
    const struct contract *c = &v->out->contract;

    if (!v->options->certificate)
        unchecked(v, VERIFY_CERTIFICATES, "this check needs the certificates' program");
    for (size_t i = 0; i < count && v->options->certificate; i++) {
        if (b[i].certificates != c->parties) {
            failed(v, VERIFY_CERTIFICATES, b[i].self, "the file holds %u certificates of %u parties", b[i].certificates,
                   c->parties);
            return;
        }
        for (party p = 0; p < c->parties; p++) {
            struct fault f = {0};

            if (i > 0 && same_part(b[i].certificate[p], b[0].certificate[p]))
                continue;
            if (v->options->certificate(v->options->ctx, &c->party[p], b[i].certificate[p].bytes,
                                        b[i].certificate[p].len, &f) != OK) {
                failed(v, VERIFY_CERTIFICATES, b[i].self, "the certificate of %s: %.250s", name_of(v, p), f.message);
                return;
            }
        }
    }
    passed(v, VERIFY_CERTIFICATES, "the certificates of all %u parties are those of the contract", c->parties);
}

/* ---- one log, record by record ---- */

static const char *malformed_field(const uint8_t *at)
{
    if (memcmp(at, "HFR1", 4) != 0)
        return "magic";
    if (at[4] != RECORD_VERSION)
        return "version";
    if (at[5] != SUITE_INT1)
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

static status remember(struct reading *log, const struct log_entry *e)
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
    record_head(&s->head, e->bytes);
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

    if (!hash_equal(&r->session, &out->session))
        failed_at(v, VERIFY_SESSION, log->self, at, "session", "it belongs to another session");
    if (r->self != log->self)
        failed_at(v, VERIFY_SESSION, log->self, at, "self", "it was written by %s", name_of(v, r->self));
    if (r->attempt != out->attempt)
        failed_at(v, VERIFY_SESSION, log->self, at, "attempt", "it belongs to attempt %u, approved is %u", r->attempt + 1,
                  out->attempt + 1);
    if (r->peer >= out->contract.parties)
        failed_at(v, VERIFY_SESSION, log->self, at, "peer", "the contract has no party %u", r->peer + 1u);
    if (!hash_equal(&r->prev_head, before))
        failed_at(v, VERIFY_CHAIN, log->self, at, "prev_head", "it does not follow the record before it");
    if (r->seq != at)
        failed_at(v, VERIFY_NUMBERS, log->self, at, "seq", "its number is %llu", (unsigned long long)r->seq);
    if (!signed_by(v, &v->approval[log->self].card.sign, RECORD_SIGN_TAG, e->bytes, RECORD_BYTES, e->signature))
        failed_at(v, VERIFY_SIGNATURES, log->self, at, "signature", "it is not signed by the session key that %s approved",
                  name_of(v, log->self));
    v->signatures++;
}

static void check_sent(struct verify *v, struct reading *log, const struct record *r, uint64_t at)
{
    struct chain *chain = &log->sent[r->peer];

    if (r->pair_seq != chain->count)
        failed_at(v, VERIFY_NUMBERS, log->self, at, "pair_seq", "it is message %llu to %s, expected is %llu",
                  (unsigned long long)r->pair_seq, name_of(v, r->peer), (unsigned long long)chain->count);
    if (!hash_equal(&r->peer_head, &log->last_head[r->peer]))
        failed_at(v, VERIFY_ORDER, log->self, at, "peer_head", "it does not name the last record received from %s",
                  name_of(v, r->peer));
    link_entry(log, chain, (int64_t)at);
}

/* What the sender says it had received from us goes forward only, and never names what we had not sent. */
static void check_acknowledged(struct verify *v, struct reading *log, const struct record *sent, uint64_t at)
{
    static const struct hash zero = {{0}};
    const party from = sent->self;
    int64_t i = log->acknowledged[from];

    if (log->order_broken)
        return;
    if (hash_equal(&sent->peer_head, &zero) && i == NONE)
        return;
    for (i = i == NONE ? log->sent[from].first : i; i != NONE; i = log->entry[i].next)
        if (hash_equal(&log->entry[i].head, &sent->peer_head)) {
            log->acknowledged[from] = i;
            return;
        }
    log->order_broken = 1;
    failed_at(v, VERIFY_ORDER, log->self, at, "peer_head",
              "%s says it had received a record that %s had not sent, or forgets one", name_of(v, from),
              name_of(v, log->self));
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
        failed_at(v, VERIFY_NUMBERS, log->self, at, "pair_seq", "it is message %llu from %s, expected is %llu",
                  (unsigned long long)r->pair_seq, name_of(v, r->peer), (unsigned long long)chain->count);
    link_entry(log, chain, (int64_t)at);
    record_head(&head, e->peer_bytes);
    log->last_head[r->peer] = head;
    if (record_decode(&sent, e->peer_bytes) != OK) {
        failed_at(v, VERIFY_RECEIPTS, log->self, at, malformed_field(e->peer_bytes),
                  "the record of %s inside it is not canonical", name_of(v, r->peer));
        return;
    }
    field = receipt_difference(r, &sent);
    if (field)
        failed_at(v, VERIFY_RECEIPTS, log->self, at, field, "it is not what the record of %s inside it says",
                  name_of(v, r->peer));
    if (!hash_equal(&r->peer_head, &head))
        failed_at(v, VERIFY_RECEIPTS, log->self, at, "peer_head", "it is not the hash of the record of %s inside it",
                  name_of(v, r->peer));
    if (!signed_by(v, &v->approval[r->peer].card.sign, RECORD_SIGN_TAG, e->peer_bytes, RECORD_BYTES, e->peer_signature))
        failed_at(v, VERIFY_RECEIPTS, log->self, at, "peer signature", "the record inside it is not signed by %s",
                  name_of(v, r->peer));
    v->receipts++;
    if (sent.self != r->peer)
        return;
    if (chain->count > 1 && sent.seq <= log->last_seq[r->peer])
        failed_at(v, VERIFY_ORDER, log->self, at, "seq", "the record of %s inside it is older than one received before",
                  name_of(v, r->peer));
    log->last_seq[r->peer] = sent.seq;
    check_acknowledged(v, log, &sent, at);
}

/* [SPEC 7.4] session | pass | size and root of every party. */
static size_t joint_bytes(uint8_t *out, const struct verify *v, uint32_t pass, const uint8_t *joint)
{
    const uint16_t parties = v->out->contract.parties;

    memcpy(out, v->out->session.bytes, HASH_BYTES);
    store_u32(out + HASH_BYTES, pass);
    for (party p = 0; p < parties; p++)
        memcpy(out + HASH_BYTES + 4 + (size_t)p * STATE_BYTES, joint + (size_t)p * CHECKPOINT_ITEM, STATE_BYTES);
    return HASH_BYTES + 4 + (size_t)parties * STATE_BYTES;
}

static void check_checkpoint(struct verify *v, struct reading *log, const struct log_entry *e, uint64_t at)
{
    const struct record *r = &e->record;
    const struct contract *c = &v->out->contract;
    uint8_t joint[HASH_BYTES + 4 + PARTIES_MAX * STATE_BYTES];
    struct joint_item item;
    struct hasher h;
    struct hash tag;
    struct mark *mark;
    size_t len;

    if (r->pass > c->passes || r->a != r->pass || log->mark[r->pass].joint) {
        failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "pass", "there is no checkpoint of pass %u to come", r->pass);
        return;
    }
    mark = &log->mark[r->pass];
    mark->joint = e->joint;
    mark->seq = at;
    len = joint_bytes(joint, v, r->pass, e->joint);
    hasher_init(&h, CHECKPOINT_SIGN_TAG);
    hasher_add(&h, joint, len);
    hasher_final(&h, &tag);
    if (!hash_equal(&tag, &r->body_tag))
        failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "body_tag", "it is not the hash of the sizes and roots beside it");
    for (party p = 0; p < c->parties; p++) {
        joint_item_read(&item, e->joint, p);
        if (!signed_by(v, &v->approval[p].card.sign, CHECKPOINT_SIGN_TAG, joint, len, item.signature.bytes))
            failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "cosignature", "%s did not sign this joint checkpoint of pass %u",
                      name_of(v, p), r->pass);
    }
    joint_item_read(&item, e->joint, log->self);
    if (!mark->shown || item.size != mark->size)
        failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "size", "%s showed a size that its own log did not have",
                  name_of(v, log->self));
    else if (!hash_equal(&item.root, &mark->root))
        failed_at(v, VERIFY_CHECKPOINTS, log->self, at, "root", "%s showed a root that its own log does not give",
                  name_of(v, log->self));
}

static void take_fact(struct verify *v, struct reading *log, const struct record *r, uint64_t at)
{
    if (r->a > UINT32_MAX || r->b > UINT32_MAX) {
        failed_at(v, VERIFY_FACTS, log->self, at, "a", "the number is out of all bounds");
    } else if (r->kind == FACT_POPULATION && !log->has_population) {
        log->has_population = 1;
        log->population.rows = (uint32_t)r->a;
        log->population.train = (uint32_t)r->b;
    } else if (r->kind == FACT_TEST_ROWS && !log->has_test) {
        log->has_test = 1;
        log->population.test = (uint32_t)r->a;
    }
}

static void check_entry(struct verify *v, struct reading *log, const struct log_entry *e)
{
    const struct record *r = &e->record;
    const uint64_t at = log->count - 1;

    if (log->ended || log->aborted)
        failed_at(v, VERIFY_END, log->self, at, "type", "a record follows the end of the log");
    check_place(v, log, e, at);
    switch (r->type) {
    case RECORD_SEND:
        if (r->kind == MESSAGE_checkpoint && r->pass < PASS_COUNT && !log->mark[r->pass].shown) {
            struct mark *mark = &log->mark[r->pass];

            mark->shown = 1;
            mark->size = log->tree.size;
            merkle_root(&log->tree, &mark->root);
        }
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
        log->ended = 1;
        break;
    case RECORD_ABORT:
        log->aborted = 1;
        break;
    }
    log->last = *r;
    merkle_append(&log->tree, &log->entry[at].head);
}

static status read_log(struct verify *v, struct reading *log)
{
    struct log_reader r;
    struct log_entry e;
    enum log_state state;

    for (party p = 0; p < PARTIES_MAX; p++) {
        log->sent[p] = log->received[p] = (struct chain){NONE, NONE, 0};
        log->acknowledged[p] = NONE;
    }
    log_reader_init(&r, log->bundle->log.bytes, log->bundle->log.len, v->out->contract.parties);
    while ((state = log_next(&r, &e)) == LOG_ENTRY) {
        TRY(remember(log, &e));
        check_entry(v, log, &e);
    }
    log->readable = state == LOG_DONE;
    v->partly_read |= !log->readable;
    if (state == LOG_TORN)
        failed_at(v, VERIFY_RECORDS, log->self, log->count, "length", "it is cut short: %zu bytes are left", r.left);
    if (state == LOG_MALFORMED)
        failed_at(v, VERIFY_RECORDS, log->self, log->count, malformed_field(r.at),
                  "it is not a record in canonical form; nothing after it in this log can be read");
    return OK;
}

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
    for (uint32_t t = 0; t < PASS_COUNT; t++)
        me->checkpoints += log->mark[t].joint != NULL;
    if (log->count == 0) {
        failed(v, VERIFY_END, log->self, "the log of %s is empty", name_of(v, log->self));
    } else if (!log->ended && !log->aborted) {
        failed_at(v, VERIFY_END, log->self, log->count - 1, "type",
                  "the log stops here without an end; the rest is missing");
    } else if (log->ended && log->last.type == RECORD_END) {
        if (log->last.a != me->sent)
            failed_at(v, VERIFY_END, log->self, log->count - 1, "a", "it says %llu records were sent, the log holds %llu",
                      (unsigned long long)log->last.a, (unsigned long long)me->sent);
        if (log->last.b != me->received)
            failed_at(v, VERIFY_END, log->self, log->count - 1, "b",
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

static void check_schedule(struct verify *v, const struct reading *log, const struct schedule *s)
{
    struct record r;

    for (size_t i = 0; i < log->count; i++) {
        const struct schedule_step *want = &s->step[i];
        const char *field;

        entry_record(&r, log, i);
        if (r.type == RECORD_ABORT)
            return;
        if (i >= s->count) {
            failed_at(v, VERIFY_SCHEDULE, log->self, i, "type", "the contract has no such record here");
            return;
        }
        field = step_difference(want, &r);
        if (field) {
            failed_at(v, VERIFY_SCHEDULE, log->self, i, field,
                      "expected is %s %s (party %u, pass %u, part %llu, %llu bytes), found %s %s (party %u, pass %u, part "
                      "%llu, %llu bytes)",
                      record_type_name(want->type), kind_name((uint16_t)want->type, want->kind), want->peer + 1u, want->pass,
                      (unsigned long long)want->index, (unsigned long long)want->body_len, record_type_name(r.type),
                      kind_name((uint16_t)r.type, r.kind), r.peer + 1u, r.pass, (unsigned long long)r.index,
                      (unsigned long long)r.body_len);
            return;
        }
    }
}

static status check_log(struct verify *v, struct reading *log)
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
    made = schedule_make(&s, &v->out->contract, log->self, log->count + 1,
                         log->has_population ? KNOWN_ALL : known.rows ? KNOWN_ROWS : KNOWN_NOTHING, &known, &f);
    if (made == STATUS_NO_MEMORY)
        return made;
    /* A population below the limits is what a session rightly stops at; the list then ends there. */
    if (made != OK && !(log->aborted && log->last.kind == STATUS_LIMIT))
        failed(v, VERIFY_FACTS, log->self, "log of %s: %.280s", name_of(v, log->self), f.message);
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
            failed(v, VERIFY_FACTS, p, "%s recorded %u common, %u training and %u test rows, %s recorded %u, %u and %u",
                   name_of(v, p), log->population.rows, log->population.train, log->population.test,
                   name_of(v, first->self), first->population.rows, first->population.train, first->population.test);
    }
    if (!first) {
        unchecked(v, VERIFY_FACTS, "the session stopped before the population was recorded");
        return;
    }
    out->population = first->population;
    passed(v, VERIFY_FACTS, "%u common people, %u training and %u test rows, the same in every log and within the limits",
           first->population.rows, first->population.train, first->population.test);
}

/* Every other party's view of pass t against the first one's, and against what each log itself had. */
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
                failed(v, VERIFY_CHECKPOINTS, p, "log of %s: the joint checkpoint after pass %u is missing", name_of(v, p), t);
            continue;
        }
        if (!first)
            first = log;
        else if (memcmp(mark->joint, first->mark[t].joint, (size_t)c->parties * CHECKPOINT_ITEM) != 0)
            failed_at(v, VERIFY_CHECKPOINTS, p, mark->seq, "joint", "the joint checkpoint of pass %u is another one than that of %s",
                      t, name_of(v, first->self));
        for (party q = 0; q < c->parties; q++) {
            const struct mark *own = &v->log[q].mark[t];
            struct joint_item item;

            if (q == p || !v->log[q].bundle || !own->shown)
                continue;
            joint_item_read(&item, mark->joint, q);
            if (item.size != own->size || !hash_equal(&item.root, &own->root))
                failed_at(v, VERIFY_CHECKPOINTS, p, mark->seq, "root",
                          "the log of %s is not the one whose root all parties signed at pass %u", name_of(v, q), t);
        }
    }
}

static void check_pair(struct verify *v, party from, party to)
{
    const struct reading *a = &v->log[from], *b = &v->log[to];
    int64_t i = a->sent[to].first, j = b->received[from].first;

    for (; i != NONE && j != NONE; i = a->entry[i].next, j = b->entry[j].next) {
        const uint8_t *sent = a->entry[i].at, *got = b->entry[j].at + ENTRY_BASE;
        struct record rs, rg;
        const char *field = NULL;

        v->matched++;
        if (memcmp(sent, got, ENTRY_BASE) == 0)
            continue;
        if (record_decode(&rs, sent) == OK && record_decode(&rg, got) == OK)
            field = record_difference(&rs, &rg);
        failed_at(v, VERIFY_MATCH, to, (uint64_t)j, field ? field : "signature",
                  "%s received something else than record %lld that %s kept: two versions signed by %s are proof against it",
                  name_of(v, to), (long long)i, name_of(v, from), name_of(v, from));
        return;
    }
    if (j != NONE && a->readable)
        failed_at(v, VERIFY_MATCH, to, (uint64_t)j, "pair_seq", "%s received a message that the log of %s does not hold",
                  name_of(v, to), name_of(v, from));
    if (i != NONE && b->readable && !b->aborted)
        failed_at(v, VERIFY_MATCH, from, (uint64_t)i, "pair_seq", "the log of %s does not hold the receipt of this message",
                  name_of(v, to));
}

static void check_together(struct verify *v)
{
    const struct contract *c = &v->out->contract;
    unsigned logs = 0;

    check_facts(v);
    for (uint32_t t = 0; t <= c->passes; t++)
        check_joint(v, t);
    for (party a = 0; a < c->parties; a++) {
        logs += v->log[a].bundle != NULL;
        for (party b = 0; b < c->parties; b++)
            if (a != b && v->log[a].bundle && v->log[b].bundle)
                check_pair(v, a, b);
    }
    if (logs < 2)
        unchecked(v, VERIFY_MATCH, "it needs the files of at least two parties");
}

/* ---- closing words ---- */

static void unproven(struct verify *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void unproven(struct verify *v, const char *fmt, ...)
{
    va_list ap;

    if (v->out->unproven_count == UNPROVEN_MAX)
        return;
    va_start(ap, fmt);
    vsnprintf(v->out->unproven[v->out->unproven_count++], sizeof v->out->unproven[0], fmt, ap);
    va_end(ap);
}

static void conclude(struct verify *v)
{
    struct verify_report *out = v->out;
    const struct contract *c = &out->contract;
    unsigned given = 0, stopped = 0;

    for (party p = 0; p < c->parties; p++) {
        given += out->party[p].given != 0;
        stopped += out->party[p].aborted != 0;
        out->records += out->party[p].records;
        out->checkpoints = out->party[p].checkpoints > out->checkpoints ? out->party[p].checkpoints : out->checkpoints;
    }
    passed(v, VERIFY_RECORDS, "%llu records in %u %s are whole and canonical", (unsigned long long)out->records, given,
           given == 1 ? "log" : "logs");
    passed(v, VERIFY_SESSION, "every record names this session, this attempt and its writer");
    passed(v, VERIFY_CHAIN, "every record holds the hash of the record before it");
    passed(v, VERIFY_SIGNATURES, "%llu records are signed by the session keys that the parties approved",
           (unsigned long long)v->signatures);
    passed(v, VERIFY_NUMBERS, "no gap and no repetition in any log or between any two parties");
    passed(v, VERIFY_RECEIPTS, "%llu received messages carry the record that their sender signed",
           (unsigned long long)v->receipts);
    passed(v, VERIFY_ORDER, "the heads that travel with messages go forward only: one common order exists");
    if (stopped)
        passed(v, VERIFY_SCHEDULE,
               "messages, sizes and order are those of the contract up to where the session stopped; commitments came "
               "before nonces, nonces before ciphertexts");
    else
        passed(v, VERIFY_SCHEDULE,
               "messages, sizes and order are exactly those of the contract, nothing extra and nothing missing; commitments "
               "came before nonces, nonces before ciphertexts");
    passed(v, VERIFY_CHECKPOINTS, "%llu joint checkpoints are signed by all %u parties and fit the logs",
           (unsigned long long)out->checkpoints, c->parties);
    passed(v, VERIFY_MATCH, "%llu messages are the same at sender and receiver", (unsigned long long)v->matched);
    if (!stopped)
        passed(v, VERIFY_END, "every log ends with the counts of what it holds");
    for (party p = 0; p < c->parties; p++)
        if (out->party[p].aborted)
            passed(v, VERIFY_END, "the session stopped: %s ended it after record %llu (%s)%s%s", name_of(v, p),
                   (unsigned long long)out->party[p].records - 1, status_name(out->party[p].reason),
                   out->party[p].blamed != p ? ", naming " : "", out->party[p].blamed != p ? name_of(v, out->party[p].blamed) : "");
    for (party p = 0; p < c->parties; p++)
        if (!out->party[p].given)
            unproven(v, "the log of %s was not given: what it sent to the others is shown by its signatures in their logs, what it "
                        "received and said to other absent parties is not shown", name_of(v, p));
    if (stopped)
        unproven(v, "the session stopped: messages on their way at that moment may be missing at their receivers");
    unproven(v, "whether well-formed messages hold right values: hefu-audit replay shows it, at the premises of each party");
    unproven(v, "whether the data that the parties brought is true");
}

static void nothing_more(struct verify *v, const char *why)
{
    for (int i = 0; i < VERIFY_CHECKS; i++)
        unchecked(v, (enum verify_check)i, why);
}

static status run(struct verify *v, const struct bundle *bundles, size_t count)
{
    v->out->ok = 1;
    read_contract(v, bundles, count);
    if (!v->out->has_contract) {
        nothing_more(v, "the contract is not usable");
        return OK;
    }
    take_files(v, bundles, count);
    check_approvals(v, bundles, count);
    check_certificates(v, bundles, count);
    if (!v->approved) {
        nothing_more(v, "without approvals no session key is known");
        return OK;
    }
    for (party p = 0; p < v->out->contract.parties; p++)
        if (v->log[p].bundle) {
            TRY(read_log(v, &v->log[p]));
            TRY(check_log(v, &v->log[p]));
        }
    check_together(v);
    conclude(v);
    return OK;
}

status verify_bundles(struct verify_report *out, const struct bundle *bundles, size_t count,
                      const struct verify_options *options)
{
    struct verify *v;
    status done;

    memset(out, 0, sizeof *out);
    TRY(alloc_zeroed(&v, 1, sizeof *v));
    v->out = out;
    v->options = options;
    v->memo = options->memo ? options->memo : &v->own_memo;
    done = run(v, bundles, count);
    if (done == OK && v->no_memory)
        done = STATUS_NO_MEMORY;
    verify_memo_clear(&v->own_memo);
    for (party p = 0; p < PARTIES_MAX; p++)
        free(v->log[p].entry);
    free(v);
    return done;
}
