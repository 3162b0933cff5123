#include "training/replay.h"

#include "protocol/handshake.h"
#include "protocol/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct rerun {
    const struct replay_input *in;
    struct replay_verdict *out;
    struct session *ss;
    struct log_reader log;    /* at the entry that comes next */
    uint8_t sent[SIGNED_BYTES]; /* the last SEND, as recorded */
    int differs;              /* the verdict is fixed */
    struct fault outside;     /* a failure of the caller's body function */
};

static status differ(struct rerun *r, uint64_t seq, const char *field, const char *fmt, ...) PRINTF_LIKE(4, 5);
static status differ(struct rerun *r, uint64_t seq, const char *field, const char *fmt, ...)
{
    va_list ap;

    if (r->differs)
        return STATUS_MISMATCH;
    r->differs = 1;
    r->out->seq = seq;
    snprintf(r->out->field, sizeof r->out->field, "%s", field);
    va_start(ap, fmt);
    vsnprintf(r->out->words, sizeof r->out->words, fmt, ap);
    va_end(ap);
    return STATUS_MISMATCH;
}

/* "send weight to tax (pass 3, part 0, 512 bytes)" */
static void describe(const struct rerun *r, char *out, size_t cap, const struct record *x)
{
    const struct message_info *info = message_info(x->kind);
    const char *peer = x->peer < r->in->contract->parties ? r->in->contract->party[x->peer].name : "nobody";

    switch (x->type) {
    case RECORD_SEND:
    case RECORD_RECV:
    case RECORD_REFUSED:
        snprintf(out, cap, "%s %s %s %s (pass %u, part %llu, %llu bytes)", record_type_name(x->type),
                 info ? info->name : "an unknown message", x->type == RECORD_SEND ? "to" : "from", peer, x->pass,
                 (unsigned long long)x->index, (unsigned long long)x->body_len);
        return;
    case RECORD_ABORT:
        snprintf(out, cap, "abort (%s)", status_name((status)x->kind));
        return;
    case RECORD_FACT:
    case RECORD_CHECKPOINT:
    case RECORD_END:
        snprintf(out, cap, "%s", record_type_name(x->type));
        return;
    }
}

/* Reasons that come from outside of the protocol: a replay does not meet them again. */
static int from_outside(status reason)
{
    switch (reason) {
    case STATUS_NO_MEMORY:
    case STATUS_IO:
    case STATUS_TIMEOUT:
    case STATUS_CLOSED:
    case STATUS_CANCELLED:
    case STATUS_USAGE:
    case STATUS_CONFIG:
    case STATUS_REFUSED:
        return 1;
    case OK:
    case STATUS_LIMIT:
    case STATUS_MALFORMED:
    case STATUS_UNEXPECTED:
    case STATUS_UNTRUSTED:
    case STATUS_EQUIVOCATION:
    case STATUS_MISMATCH:
        break;
    }
    return 0;
}

/* The entry that comes next, without taking it. */
static enum log_state peek(const struct rerun *r, struct log_entry *e)
{
    struct log_reader ahead = r->log;

    return log_next(&ahead, e);
}

static status log_ends(struct rerun *r, enum log_state state)
{
    return differ(r, r->log.entries, "type",
                  state == LOG_DONE ? "the log ends here, an honest party goes on" : "the log is damaged here");
}

/* Nothing more is compared. */
static int is_over(const struct rerun *r)
{
    return r->differs || r->out->stopped || r->out->waits;
}

/* A fact of ourselves, as the log holds it. */
static int find_own_fact(const struct rerun *r, struct record *out, enum fact kind)
{
    struct log_reader all;
    struct log_entry e;

    log_reader_init(&all, r->in->log, r->in->log_len, r->in->contract->parties);
    while (log_next(&all, &e) == LOG_ENTRY)
        if (e.record.type == RECORD_FACT && e.record.kind == kind && e.record.a == r->in->self) {
            *out = e.record;
            return 1;
        }
    return 0;
}

/* Our commitments are others than in the session: which of them do seed and table not open? */
static status differ_in_commitments(struct rerun *r, uint64_t seq)
{
    struct record seed, data;
    struct hash own;

    if (!find_own_fact(r, &seed, FACT_SEED) || !find_own_fact(r, &data, FACT_DATA))
        return differ(r, seq, "body_tag", "the seed or the table is another one than in the session");
    handshake_seed_commitment(&own, r->ss);
    if (!hash_equal(&own, &seed.body_tag))
        return differ(r, seq, "body_tag", "the seed or the start is another one than in the session: it does not open the "
                      "commitment in record %llu", (unsigned long long)seed.seq);
    dataset_commitment(&own, r->in->data, &r->ss->seed, r->ss->stage != STAGE_OFFLINE);
    if (!hash_equal(&own, &data.body_tag))
        return differ(r, seq, "body_tag", "the table is another one than in the session: it does not open the commitment in "
                      "record %llu", (unsigned long long)data.seq);
    return differ(r, seq, "body_tag", "other commitments were sent than the log shows in records %llu and %llu",
                  (unsigned long long)seed.seq, (unsigned long long)data.seq);
}

static status compare_entry(struct rerun *r, const struct log_entry *was, const uint8_t *entry, size_t len)
{
    const struct record *recorded = &was->record;
    struct record honest;
    char expected[160] = "", got[160] = "";
    const char *field;

    if (was->len == len && memcmp(was->at, entry, len) == 0)
        return OK;
    if (record_decode(&honest, entry) != OK)
        return differ(r, r->log.entries, "type", "the replay wrote no record");
    field = record_difference(&honest, recorded);
    describe(r, expected, sizeof expected, &honest);
    describe(r, got, sizeof got, recorded);
    if (!field)
        return differ(r, recorded->seq, was->joint ? "joint" : "signature",
                      "an honest party signs this record otherwise than the log shows");
    if (strcmp(field, "body_tag") == 0 && recorded->kind == MESSAGE_commit && recorded->type == RECORD_SEND)
        return differ_in_commitments(r, recorded->seq);
    if (strcmp(field, "body_tag") == 0 && recorded->type == RECORD_SEND)
        return differ(r, recorded->seq, field, "the bytes of %s are not those an honest party sends", got);
    if (strcmp(expected, got) == 0)
        return differ(r, recorded->seq, field, "%s: field %s is not what an honest party writes", got, field);
    return differ(r, recorded->seq, field, "expected is %s, the log holds %s", expected, got);
}

static status replay_append(void *ctx, const uint8_t *entry, size_t len, struct fault *f)
{
    struct rerun *r = ctx;
    struct log_entry was;
    enum log_state state = log_next(&r->log, &was);
    status result;

    if (is_over(r))
        return STATUS_MISMATCH;
    if (state != LOG_ENTRY)
        return fault_set(f, log_ends(r, state), "the log ends early");
    if (was.record.type == RECORD_ABORT && entry[6] != RECORD_ABORT && from_outside((status)was.record.kind)) {
        r->out->stopped = 1;
        return fault_set(f, STATUS_MISMATCH, "the session had stopped here");
    }
    if (entry[6] == RECORD_REFUSED && was.record.type == RECORD_RECV)
        return fault_set(f, differ(r, was.record.seq, "body", "the body kept with this record is not the one that was received"),
                         "the log differs");
    result = compare_entry(r, &was, entry, len);
    if (result != OK)
        return fault_set(f, result, "the log differs");
    r->out->compared++;
    if (was.joint) {
        r->out->joints++;
        r->out->joint_seq = was.record.seq;
        r->out->joint_pass = was.record.pass;
    }
    if (was.record.type == RECORD_SEND)
        memcpy(r->sent, was.at, SIGNED_BYTES);
    return OK;
}

static status replay_send(void *ctx, party to, const uint8_t *frame, size_t len, struct fault *f)
{
    struct rerun *r = ctx;
    struct record sent;

    if (record_decode(&sent, r->sent) != OK || sent.type != RECORD_SEND || sent.peer != to ||
        len != SIGNED_BYTES + sent.body_len || memcmp(frame, r->sent, SIGNED_BYTES) != 0)
        return fault_set(f, differ(r, sent.seq, "frame", "a frame left that the log does not show"), "the log differs");
    r->out->bytes += len;
    return r->in->peers ? r->in->peers->send(r->in->peers->ctx, to, frame, len, f) : OK;
}

/* The body as it was kept, behind the record that the log holds. */
static status recv_kept(struct rerun *r, const struct log_entry *next, uint8_t *frame, size_t *len, struct fault *f)
{
    size_t body_len = 0;
    status read;

    memcpy(frame, next->peer_bytes, SIGNED_BYTES);
    read = r->in->body(r->in->ctx, next->record.seq, frame + SIGNED_BYTES, FRAME_MAX - SIGNED_BYTES, &body_len, &r->outside);
    if (read == STATUS_MISMATCH)
        return fault_set(f, differ(r, next->record.seq, "body", "%s", r->outside.message), "the log differs");
    if (read != OK)
        return fault_set(f, read, "%s", r->outside.message);
    r->outside.code = OK;
    *len = SIGNED_BYTES + body_len;
    return OK;
}

/* What the peer's own replay sends: it agrees with the peer's log, so our log must hold the same. */
static status recv_replayed(struct rerun *r, party from, const struct log_entry *next, uint8_t *frame, size_t *len,
                            struct fault *f)
{
    const char *name = r->in->contract->party[from].name;
    struct signature sig;
    status got = r->in->peers->recv(r->in->peers->ctx, from, frame, len, &r->outside);

    if (got == STATUS_CLOSED) {
        r->outside = (struct fault){0};
        r->out->waits = 1;
        r->out->who = from;
        r->out->seq = next->record.seq;
        return fault_set(f, STATUS_MISMATCH, "the replay of %s has ended", name);
    }
    if (got != OK)
        return fault_set(f, got, "%s", r->outside.message);
    if (memcmp(frame, next->peer_bytes, SIGNED_BYTES) == 0)
        return OK;
    memcpy(sig.bytes, next->peer_signature, SIGNATURE_BYTES);
    if (sign_check(&sig, &r->in->approvals[from].card.sign, RECORD_SIGN_TAG, next->peer_bytes, RECORD_BYTES) != OK)
        return fault_set(f, differ(r, next->record.seq, "frame", "what the log holds here was not signed by %s", name),
                         "the log differs");
    (void)differ(r, next->record.seq, "frame", "%s signed two messages for this place: this log holds one, its own another", name);
    r->out->who = from;
    return fault_set(f, STATUS_MISMATCH, "the log differs");
}

/* An abort where a message is awaited: for a reason from outside, or because of a frame that nobody had signed.  What is signed
 * and refused stands in the log, so an honest party accuses nobody here. */
static status stops_here(struct rerun *r, const struct log_entry *next, struct fault *f)
{
    const status reason = (status)next->record.kind;
    const int unsigned_frame = reason == STATUS_MALFORMED || reason == STATUS_UNTRUSTED;

    if (!from_outside(reason) && (!unsigned_frame || next->record.peer != r->in->self))
        return fault_set(f, differ(r, next->record.seq, "peer", next->record.peer != r->in->self
                                       ? "the log accuses %s here and does not show of what"
                                       : "the log of %s ends here for a reason that does not arise",
                                   r->in->contract->party[next->record.peer].name), "the log differs");
    r->out->stopped = 1;
    return fault_set(f, STATUS_MISMATCH, "the session had stopped here");
}

static status replay_recv(void *ctx, party from, uint8_t *frame, size_t *len, struct fault *f)
{
    struct rerun *r = ctx;
    struct log_entry next;
    enum log_state state = peek(r, &next);

    if (is_over(r))
        return STATUS_MISMATCH;
    if (state != LOG_ENTRY)
        return fault_set(f, log_ends(r, state), "the log ends early");
    if (next.record.type == RECORD_ABORT)
        return stops_here(r, &next, f);
    if (next.record.type == RECORD_REFUSED && r->in->peers) { /* without bodies its refusal cannot be repeated */
        r->out->stopped = 1;
        return fault_set(f, STATUS_MISMATCH, "the session had stopped here");
    }
    if ((next.record.type != RECORD_RECV && next.record.type != RECORD_REFUSED) || next.record.peer != from) {
        char got[160] = "";

        describe(r, got, sizeof got, &next.record);
        return fault_set(f,
                         differ(r, r->log.entries, "type", "expected is a message received from %s, the log holds %s",
                                r->in->contract->party[from].name, got),
                         "the log differs");
    }
    return r->in->peers ? recv_replayed(r, from, &next, frame, len, f) : recv_kept(r, &next, frame, len, f);
}

static status replay_body(void *ctx, uint64_t seq, const uint8_t *body, size_t len, struct fault *f)
{
    (void)ctx, (void)seq, (void)body, (void)len, (void)f;
    return OK;
}

static status replay_sync(void *ctx, struct fault *f)
{
    (void)ctx, (void)f;
    return OK;
}

/* The run came to its end, good or bad, without a difference so far: does the log end likewise? */
static void compare_end(struct rerun *r, struct session *ss, status ran)
{
    struct log_entry next;
    enum log_state state;

    if (ran != OK && !is_over(r)) {
        if (peek(r, &next) == LOG_ENTRY && next.record.type == RECORD_ABORT)
            session_log_abort(ss); /* compared as every entry is */
        else
            differ(r, r->log.entries, "stop", "the replay cannot go on: %.300s", ss->fault.message);
    }
    if (is_over(r))
        return;
    state = peek(r, &next);
    if (state != LOG_DONE)
        differ(r, r->log.entries, "type", "the log goes on where an honest party ends");
}

/* What an offline session prepared goes to the online one that is replayed after it. */
static status take_prepared(void *ctx, struct preparation *p, struct fault *f)
{
    (void)f;
    *(struct preparation *)ctx = *p;
    memset(p, 0, sizeof *p);
    return OK;
}

/* prepared: filled by an offline session, used up by an online one. */
static status replay_one(struct replay_verdict *out, const struct replay_input *in, struct preparation *prepared,
                         struct fault *f)
{
    struct session ss;
    struct rerun r = {.in = in, .out = out, .ss = &ss};
    struct party_result result = {0};
    struct channel channel = {.ctx = &r, .send = replay_send, .recv = replay_recv};
    struct journal journal = {.ctx = &r, .append = replay_append, .body = replay_body, .sync = replay_sync};
    status ran;

    memset(out, 0, sizeof *out);
    out->who = in->self;
    log_reader_init(&r.log, in->log, in->log_len, in->contract->parties);
    ran =
        session_init(&ss, in->contract, in->self, in->attempt, in->approvals, in->seed, in->start, channel, journal,
                     in->progress);
    ss.parallel = in->parallel;
    out->stage = ss.stage;
    if (ran == OK && ss.stage == STAGE_OFFLINE)
        ran = party_prepare(&result, &ss, in->data, &(struct party_keeper){prepared, take_prepared});
    else if (ran == OK && ss.stage == STAGE_ONLINE)
        ran = party_train(&result, &ss, in->data, prepared);
    else if (ran == OK)
        ran = party_run(&result, &ss, in->data);
    if (ran == OK && in->result) {
        *in->result = result;
        memset(&result, 0, sizeof result);
    }
    party_result_clear(&result);
    if (ran != STATUS_NO_MEMORY && r.outside.code == OK)
        compare_end(&r, &ss, ran);
    session_clear(&ss);
    if (ran == STATUS_NO_MEMORY)
        return fault_set(f, ran, "out of memory");
    if (r.outside.code != OK && !r.differs)
        return fault_set(f, r.outside.code, "%s", r.outside.message);
    out->same = !r.differs;
    return OK;
}

status replay_run(struct replay_verdict *out, const struct replay_input *in, struct fault *f)
{
    struct preparation prepared AUTO(preparation_clear) = {0};

    if (in->approvals[in->self].stage != STAGE_ONLINE)
        return replay_one(out, in, &prepared, f);
    if (!in->offline)
        return fault_set(f, STATUS_CONFIG, "an online session is replayed after the offline session that it stands on, which "
                         "was not given");
    TRY(replay_one(out, in->offline, &prepared, f));
    if (out->same && out->stopped) {
        snprintf(out->words, sizeof out->words, "the offline session had stopped before it prepared anything");
        out->same = 0;
    }
    if (!out->same || out->waits)
        return OK;
    return replay_one(out, in, &prepared, f);
}
