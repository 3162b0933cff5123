#include "protocol/session.h"

#include "crypto/wire.h"
#include "protocol/log.h"

#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- cards and approvals [SPEC 2.1] ---- */

static void derive_card(struct session_card *card, struct sign_secret *sign, struct kx_secret *kx,
                        const struct rng_key *seed)
{
    struct rng_key sub AUTO(rng_key_clear) = {0};

    rng_key_derive(&sub, seed, "hefu/card/sign", NULL, 0);
    sign_keypair(&card->sign, sign, &sub);
    rng_key_derive(&sub, seed, "hefu/card/kx", NULL, 0);
    kx_keypair(&card->kx, kx, &sub);
}

void session_card_of_seed(struct session_card *out, enum suite s, const struct rng_key *seed)
{
    struct rng_key own AUTO(rng_key_clear) = *seed;
    struct sign_secret sign AUTO(sign_secret_clear) = {0};
    struct kx_secret kx AUTO(kx_secret_clear) = {0};

    own.suite = (uint8_t)s;
    derive_card(out, &sign, &kx, &own);
}

void approval_encode(uint8_t out[APPROVAL_BYTES], const struct approval *a)
{
    store_u16(out, a->who);
    store_u32(out + 2, a->attempt);
    out[6] = (uint8_t)a->stage;
    memcpy(out + 7, a->preparation.bytes, HASH_BYTES);
    memcpy(out + 39, a->approvers.bytes, HASH_BYTES);
    memcpy(out + 71, a->card.sign.bytes, SIGN_PUBLIC_BYTES);
    memcpy(out + 104, a->card.kx.bytes, KX_PUBLIC_BYTES);
    memcpy(out + 170, a->signature.bytes, SIGNATURE_BYTES);
}

status approval_decode(struct approval *out, const uint8_t in[APPROVAL_BYTES])
{
    static const struct hash none = {{0}};

    out->who = load_u16(in);
    out->attempt = load_u32(in + 2);
    out->stage = (enum stage)in[6];
    memcpy(out->preparation.bytes, in + 7, HASH_BYTES);
    memcpy(out->approvers.bytes, in + 39, HASH_BYTES);
    memcpy(out->card.sign.bytes, in + 71, SIGN_PUBLIC_BYTES);
    memcpy(out->card.kx.bytes, in + 104, KX_PUBLIC_BYTES);
    memcpy(out->signature.bytes, in + 170, SIGNATURE_BYTES);
    return out->who < PARTIES_MAX && out->attempt < ATTEMPTS_MAX && in[6] <= STAGE_ONLINE &&
                   hash_equal(&out->preparation, &none) == (out->stage != STAGE_ONLINE)
               ? OK
               : STATUS_MALFORMED;
}

void approval_signed_bytes(uint8_t out[APPROVAL_SIGNED_BYTES], const struct hash *contract, const struct approval *a)
{
    memcpy(out, contract->bytes, HASH_BYTES);
    store_u32(out + 32, a->attempt);
    out[36] = (uint8_t)a->stage;
    memcpy(out + 37, a->preparation.bytes, HASH_BYTES);
    store_u16(out + 69, a->who);
    memcpy(out + 71, a->approvers.bytes, HASH_BYTES);
    memcpy(out + 103, a->card.sign.bytes, SIGN_PUBLIC_BYTES);
    memcpy(out + 136, a->card.kx.bytes, KX_PUBLIC_BYTES);
}

status approval_check(const struct approval *a, const struct contract *c, const struct hash *contract)
{
    uint8_t bytes[APPROVAL_SIGNED_BYTES];

    if (a->who >= c->parties || a->attempt >= c->attempts_max)
        return STATUS_MALFORMED;
    TRY(sign_public_check(&a->card.sign, c->suite));
    TRY(kx_public_check(&a->card.kx, c->suite));
    approval_signed_bytes(bytes, contract, a);
    return sign_check(&a->signature, &c->party[a->who].identity, APPROVAL_SIGN_TAG, bytes, sizeof bytes);
}

/* ---- blame ---- */

static void blame_v(struct session *ss, party p, status code, const char *fmt, va_list ap)
{
    char text[sizeof ss->fault.message];

    if (ss->fault.code != OK)
        return;
    vsnprintf(text, sizeof text, fmt, ap);
    fault_set(&ss->fault, code, "%s", text);
    ss->blamed = p;
}

status session_blame(struct session *ss, party p, status code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    blame_v(ss, p, code, fmt, ap);
    va_end(ap);
    return code;
}

status session_fail(struct session *ss, status code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    blame_v(ss, ss->parties, code, fmt, ap);
    va_end(ap);
    return code;
}

status session_equivocation(struct session *ss, party p, const char *fmt, ...)
{
    const int first = ss->fault.code == OK;
    va_list ap;

    va_start(ap, fmt);
    blame_v(ss, ss->parties == 2 ? p : ss->parties, STATUS_EQUIVOCATION, fmt, ap);
    va_end(ap);
    if (first)
        fault_hint(&ss->fault, "somebody told two parties different things: the logs of all, or a replay at each, show who");
    return STATUS_EQUIVOCATION;
}

static const char *name_of(const struct session *ss, party p)
{
    return ss->contract->party[p].name;
}

/* ---- life ---- */

/* H(contract, attempt, stage, preparation, of all: who signed for it, card): all that the approvals say, so none can be signed anew
 * for a session that was.  Known before the first message, different at every attempt. */
static void derive_session_id(struct session *ss, const struct approval *approvals)
{
    struct hasher h;

    hasher_init(&h, ss->contract->suite, "hefu/session/v2");
    hasher_add_hash(&h, &ss->contract_id);
    hasher_add_u64(&h, ss->attempt);
    hasher_add_u64(&h, ss->stage);
    hasher_add_hash(&h, &ss->preparation);
    for (party p = 0; p < ss->parties; p++) {
        hasher_add_hash(&h, &approvals[p].approvers);
        hasher_add(&h, ss->peer[p].card.sign.bytes, SIGN_PUBLIC_BYTES);
        hasher_add(&h, ss->peer[p].card.kx.bytes, KX_PUBLIC_BYTES);
    }
    hasher_final(&h, &ss->id);
}

/* That we could not look is nobody's fault. */
static status no_memory(struct session *ss)
{
    return session_fail(ss, STATUS_NO_MEMORY, "there is no memory to check a signature with");
}

static status take_approvals(struct session *ss, const struct approval *approvals)
{
    for (party p = 0; p < ss->parties; p++) {
        const status checked = approval_check(&approvals[p], ss->contract, &ss->contract_id);

        if (checked == STATUS_NO_MEMORY)
            return no_memory(ss);
        if (checked != OK || approvals[p].who != p || approvals[p].attempt != ss->attempt)
            return session_blame(ss, p, STATUS_UNTRUSTED, "the approval of %s is not signed by its identity key",
                                 name_of(ss, p));
        if (approvals[p].stage != ss->stage)
            return session_blame(ss, p, STATUS_UNEXPECTED, "%s approved a session of stage %s, ours is of stage %s",
                                 name_of(ss, p), stage_name(approvals[p].stage), stage_name(ss->stage));
        if (!hash_equal(&approvals[p].preparation, &ss->preparation))
            return session_blame(ss, p, STATUS_UNEXPECTED, "%s stands on another preparation than ours", name_of(ss, p));
        ss->peer[p].card = approvals[p].card;
    }
    return OK;
}

status session_init(struct session *ss, const struct contract *c, party self, uint32_t attempt,
                    const struct approval *approvals, const struct rng_key *seed, const struct rng_key *start,
                    struct channel channel, struct journal journal, struct progress progress)
{
    struct rng_key own AUTO(rng_key_clear) = *seed;
    struct session_card mine;
    struct kx_secret kx AUTO(kx_secret_clear) = {0};

    memset(ss, 0, sizeof *ss);
    own.suite = c->suite; /* a secret is of the suite of the contract that it is used for */
    ss->contract = c;
    ss->self = self;
    ss->parties = c->parties;
    ss->blamed = c->parties;
    ss->attempt = attempt;
    ss->stage = approvals[self].stage;
    ss->preparation = approvals[self].preparation;
    rng_key_derive(&ss->seed, &own, "hefu/run", start->bytes, sizeof start->bytes);
    ss->channel = channel;
    ss->journal = journal;
    ss->tree.suite = ss->kept.suite = c->suite;
    ss->progress = progress;
    TRY(contract_id(&ss->contract_id, c));
    TRY(alloc_zeroed(&ss->frame, 1, FRAME_MAX));
    derive_card(&mine, &ss->sign, &kx, &own);
    TRY(take_approvals(ss, approvals));
    if (memcmp(&mine, &ss->peer[self].card, sizeof mine) != 0)
        return session_fail(ss, STATUS_CONFIG, "our own approval does not belong to our seed");
    derive_session_id(ss, approvals);
    for (party p = 0; p < ss->parties; p++) {
        hasher_init(&ss->peer[p].absorbed, c->suite, "hefu/absorbed/v1");
        if (p != self && kx_shared(&ss->peer[p].pair, &kx, &ss->peer[p].card.kx, &mine.kx, ss->id.bytes, HASH_BYTES) != OK)
            return session_blame(ss, p, STATUS_UNTRUSTED, "nothing can be agreed with the exchange key of %s", name_of(ss, p));
    }
    return OK;
}

void session_clear(struct session *ss)
{
    for (party p = 0; p < ss->parties; p++)
        if (ss->peer[p].key.bits)
            paillier_public_clear(&ss->peer[p].key);
    if (ss->paillier.bits) {
        paillier_public_clear(&ss->paillier);
        paillier_secret_clear(&ss->paillier_secret);
    }
    free(ss->frame);
    sodium_memzero(ss, sizeof *ss);
}

/* ---- records ---- */

static void record_begin(const struct session *ss, struct record *r, enum record_type type, party peer)
{
    memset(r, 0, sizeof *r);
    r->suite = ss->contract->suite;
    r->type = type;
    r->session = ss->id;
    r->self = ss->self;
    r->peer = peer;
    r->attempt = ss->attempt;
    r->seq = ss->seq;
    r->prev_head = ss->head;
}

enum { TAIL_MAX = PARTIES_MAX * JOINT_ITEM > SIGNED_BYTES ? PARTIES_MAX * JOINT_ITEM : SIGNED_BYTES };

/* Encode, chain and journal one record of our own, signed if its type is; tail follows it in the log entry.  A SEND goes
 * to the frame as well. */
static status record_commit(struct session *ss, const struct record *r, const uint8_t *tail, size_t tail_len)
{
    uint8_t entry[SIGNED_BYTES + TAIL_MAX];
    size_t len = RECORD_BYTES;
    struct signature sig;

    record_encode(entry, r);
    if (record_is_signed(r->type)) {
        sign_make(&sig, &ss->sign, RECORD_SIGN_TAG, entry, RECORD_BYTES);
        memcpy(entry + len, sig.bytes, SIGNATURE_BYTES);
        len += SIGNATURE_BYTES;
    }
    if (r->type == RECORD_SEND)
        memcpy(ss->frame, entry, SIGNED_BYTES);
    if (tail_len)
        memcpy(entry + len, tail, tail_len);
    len += tail_len;
    TRY(ss->journal.append(ss->journal.ctx, entry, len, &ss->fault));
    entry_head(&ss->head, ss->contract->suite, entry, len);
    merkle_append(&ss->tree, &ss->head);
    ss->seq++;
    ss->log_bytes += len;
    return OK;
}

status session_send_part(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index,
                         const void *body, size_t len)
{
    struct session_peer *peer = &ss->peer[to];
    const struct message_info *info = message_info(kind);
    struct record r;

    assert(info && to < ss->parties && to != ss->self && len <= MESSAGE_BODY_MAX);
    record_begin(ss, &r, RECORD_SEND, to);
    r.pair_seq = peer->sent;
    r.kind = (uint16_t)kind;
    r.phase = (uint16_t)info->phase;
    r.pass = pass;
    r.index = index;
    r.body_len = len;
    r.peer_head = peer->last_head;
    body_tag(&r.body_tag, &peer->pair, ss->self, r.pair_seq, body, len);
    TRY(record_commit(ss, &r, NULL, 0));
    TRY(ss->journal.sync(ss->journal.ctx, &ss->fault)); /* on disk before it leaves */
    if (len)
        memcpy(ss->frame + SIGNED_BYTES, body, len);
    peer->sent++;
    peer->bytes_sent += SIGNED_BYTES + len;
    ss->phase_bytes[info->phase] += SIGNED_BYTES + len;
    return ss->channel.send(ss->channel.ctx, to, ss->frame, SIGNED_BYTES + len, &ss->fault);
}

/* Every field that the protocol fixes is compared; the message is refused before its body is looked at. */
static status check_frame(struct session *ss, party from, const struct record *r, enum message_kind kind, uint32_t pass,
                          uint64_t index, size_t len)
{
    const struct message_info *want = message_info(kind), *got = message_info(r->kind);

    if (r->type != RECORD_SEND || r->self != from || r->peer != ss->self || r->suite != ss->contract->suite ||
        !hash_equal(&r->session, &ss->id) || r->attempt != ss->attempt)
        return session_blame(ss, from, STATUS_UNEXPECTED, "%s sent a message of another session", name_of(ss, from));
    if (r->pair_seq != ss->peer[from].received)
        return session_blame(ss, from, STATUS_UNEXPECTED, "%s sent message %llu, expected is %llu", name_of(ss, from),
                             (unsigned long long)r->pair_seq, (unsigned long long)ss->peer[from].received);
    if (r->kind != kind || r->phase != want->phase || r->pass != pass || r->index != index)
        return session_blame(ss, from, STATUS_UNEXPECTED, "%s sent %s (pass %u, part %llu), expected is %s (pass %u, part %llu)",
                             name_of(ss, from), got ? got->name : "an unknown message", r->pass,
                             (unsigned long long)r->index, want->name, pass, (unsigned long long)index);
    if (r->body_len != len)
        return session_blame(ss, from, STATUS_MALFORMED, "%s sent %llu bytes of %s, the contract implies %zu",
                             name_of(ss, from), (unsigned long long)r->body_len, want->name, len);
    return OK;
}

/* Whose fault it is that nothing came: ours or the world's for some reasons, else as the channel says. */
static party culprit(const struct session *ss, party from, status code)
{
    if (code == STATUS_CANCELLED || code == STATUS_IO || code == STATUS_NO_MEMORY)
        return ss->parties;
    return ss->channel.culprit ? ss->channel.culprit(ss->channel.ctx, from) : from;
}

/* All that the protocol fixes of a signed frame; tag gets that of its body. */
static status check_message(struct session *ss, party from, const struct record *r, enum message_kind kind, uint32_t pass,
                            uint64_t index, size_t len, size_t got, struct hash *tag)
{
    TRY(check_frame(ss, from, r, kind, pass, index, len));
    if (got != SIGNED_BYTES + len)
        return session_blame(ss, from, STATUS_MALFORMED, "%s sent a frame of %zu bytes, its record says %zu",
                             name_of(ss, from), got, SIGNED_BYTES + len);
    body_tag(tag, &ss->peer[from].pair, from, r->pair_seq, ss->frame + SIGNED_BYTES, len);
    if (!hash_equal(tag, &r->body_tag))
        return session_blame(ss, from, STATUS_MALFORMED, "the body of %s's %s does not fit its record",
                             name_of(ss, from), message_info(kind)->name);
    return OK;
}

/* Our record of a message of theirs, signed as it stands in frame. */
static void record_theirs(const struct session *ss, struct record *own, enum record_type type, party from,
                          const struct record *r, const uint8_t frame[SIGNED_BYTES])
{
    record_begin(ss, own, type, from);
    own->pair_seq = r->pair_seq;
    own->kind = r->kind;
    own->phase = r->phase;
    own->pass = r->pass;
    own->index = r->index;
    own->body_len = r->body_len;
    own->body_tag = r->body_tag;
    entry_head(&own->peer_head, ss->contract->suite, frame, SIGNED_BYTES);
}

/* What came, for a replay, where there can be one. */
static status keep_body(struct session *ss, size_t len)
{
    return ss->contract->replay == REPLAY_OFF ? OK
                                              : ss->journal.body(ss->journal.ctx, ss->seq, ss->frame + SIGNED_BYTES, len, &ss->fault);
}

/* What we do not accept stays in the evidence as its sender signed it, and its body: an accusation is shown.  Best effort, the
 * session ends anyway. */
static status refuse(struct session *ss, party from, const struct record *r, const uint8_t frame[SIGNED_BYTES], size_t body_len,
                     status why)
{
    struct fault kept = ss->fault;
    struct record own;

    record_theirs(ss, &own, RECORD_REFUSED, from, r, frame);
    own.a = why;
    if (keep_body(ss, body_len) == OK)
        (void)!record_commit(ss, &own, frame, SIGNED_BYTES);
    ss->fault = kept;
    return why;
}

/* The next frame of a peer, as a record that it signed. */
static status recv_signed(struct session *ss, party from, const struct message_info *info, struct record *r,
                          uint8_t theirs[SIGNED_BYTES], size_t *got)
{
    struct signature sig;
    status received = ss->channel.recv(ss->channel.ctx, from, ss->frame, got, &ss->fault), checked;

    if (received != OK) {
        if (ss->fault.code == OK)
            session_fail(ss, received, "%s: %s while waiting for %s", name_of(ss, from), status_name(received), info->name);
        ss->blamed = culprit(ss, from, received);
        return received;
    }
    ss->unshown = 1;
    if (*got < SIGNED_BYTES || *got > SIGNED_BYTES + MESSAGE_BODY_MAX || record_decode(r, ss->frame) != OK)
        return session_blame(ss, from, STATUS_MALFORMED, "%s sent a frame that is not a record", name_of(ss, from));
    memcpy(theirs, ss->frame, SIGNED_BYTES);
    memcpy(sig.bytes, theirs + RECORD_BYTES, SIGNATURE_BYTES);
    checked = sign_check(&sig, &ss->peer[from].card.sign, RECORD_SIGN_TAG, theirs, RECORD_BYTES);
    if (checked == STATUS_NO_MEMORY)
        return no_memory(ss);
    if (checked != OK)
        return session_blame(ss, from, STATUS_UNTRUSTED, "a message of %s is not signed by it", name_of(ss, from));
    ss->unshown = 0;
    return OK;
}

status session_recv_part(struct session *ss, party from, enum message_kind kind, uint32_t pass, uint64_t index,
                         void *body, size_t len)
{
    struct session_peer *peer = &ss->peer[from];
    const struct message_info *info = message_info(kind);
    uint8_t theirs[SIGNED_BYTES];
    struct record r, own;
    struct hash tag;
    size_t got = 0;
    status good;

    assert(info && from < ss->parties && from != ss->self && len <= MESSAGE_BODY_MAX);
    TRY(recv_signed(ss, from, info, &r, theirs, &got));
    good = check_message(ss, from, &r, kind, pass, index, len, got, &tag);
    if (good != OK)
        return refuse(ss, from, &r, theirs, got - SIGNED_BYTES, good);
    record_theirs(ss, &own, RECORD_RECV, from, &r, theirs);
    peer->last_head = own.peer_head;
    peer->received++;
    peer->bytes_received += got;
    hasher_add_hash(&peer->absorbed, &tag);
    TRY(keep_body(ss, len));
    TRY(record_commit(ss, &own, theirs, sizeof theirs));
    if (len)
        memcpy(body, ss->frame + SIGNED_BYTES, len);
    return OK;
}

status session_send(struct session *ss, party to, enum message_kind kind, uint32_t pass, const void *body, size_t len)
{
    return session_send_part(ss, to, kind, pass, 0, body, len);
}

status session_recv(struct session *ss, party from, enum message_kind kind, uint32_t pass, void *body, size_t len)
{
    return session_recv_part(ss, from, kind, pass, 0, body, len);
}

/* The two halves of an exchange: our body to all, everyone's to us. */
static status tell_all(struct session *ss, enum message_kind kind, uint32_t pass, const uint8_t *bodies, size_t len)
{
    for (party p = 0; p < ss->parties; p++)
        if (p != ss->self)
            TRY(session_send(ss, p, kind, pass, bodies + ss->self * len, len));
    return OK;
}

static status hear_all(struct session *ss, enum message_kind kind, uint32_t pass, uint8_t *bodies, size_t len)
{
    for (party p = 0; p < ss->parties; p++)
        if (p != ss->self)
            TRY(session_recv(ss, p, kind, pass, bodies + p * len, len));
    return OK;
}

status session_exchange(struct session *ss, enum message_kind kind, uint32_t pass, void *bodies, size_t len)
{
    TRY(tell_all(ss, kind, pass, bodies, len));
    return hear_all(ss, kind, pass, bodies, len);
}

status session_agree(struct session *ss, enum message_kind kind, uint32_t pass, const struct hash *ours, const char *does_what)
{
    struct hash seen[PARTIES_MAX];

    seen[ss->self] = *ours;
    TRY(session_exchange(ss, kind, pass, seen, HASH_BYTES));
    for (party p = 0; p < ss->parties; p++)
        if (!hash_equal(&seen[p], ours))
            return session_equivocation(ss, p, "%s %s", name_of(ss, p), does_what);
    return OK;
}

/* Items of record i of a vector of count items. */
static size_t part_items(size_t per, size_t count, size_t i)
{
    size_t done = i * per;

    return count - done < per ? count - done : per;
}

status session_send_vector(struct session *ss, party to, enum message_kind kind, uint32_t pass, const void *items,
                           size_t item_bytes, size_t count)
{
    size_t per = vector_items_per_record(item_bytes), records = vector_records(item_bytes, count);

    for (size_t i = 0; i < records; i++)
        TRY(session_send_part(ss, to, kind, pass, i, (const uint8_t *)items + i * per * item_bytes,
                              part_items(per, count, i) * item_bytes));
    return OK;
}

status session_recv_vector(struct session *ss, party from, enum message_kind kind, uint32_t pass, void *items,
                           size_t item_bytes, size_t count)
{
    size_t per = vector_items_per_record(item_bytes), records = vector_records(item_bytes, count);

    for (size_t i = 0; i < records; i++)
        TRY(session_recv_part(ss, from, kind, pass, i, (uint8_t *)items + i * per * item_bytes,
                              part_items(per, count, i) * item_bytes));
    return OK;
}

/* ---- randomness [SPEC 2.4] ---- */

void session_pad_rng(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                     uint64_t index)
{
    rng_init(g, &ss->key, &(struct rng_address){.purpose = purpose, .peer = peer, .pass = pass, .index = index});
}

void session_reply_rng(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                       uint64_t index)
{
    struct hash request;

    hasher_peek(&ss->peer[peer].absorbed, &request);
    rng_init(g, &ss->key,
             &(struct rng_address){.purpose = purpose, .peer = peer, .pass = pass, .index = index, .answers = &request});
}

void session_pair_rng(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                      uint64_t index)
{
    struct hasher h;
    struct hash run; /* the pair's key is that of the approvals; the joint value is new in every run */

    hasher_init(&h, ss->contract->suite, "hefu/pair mask/v1");
    hasher_add(&h, ss->joint.bytes, sizeof ss->joint.bytes);
    hasher_final(&h, &run);
    rng_init(g, &ss->peer[peer].pair,
             &(struct rng_address){.purpose = purpose, .pass = pass, .index = index, .answers = &run});
}

void session_joint_rng(const struct session *ss, struct rng *g, const char *purpose, uint64_t index)
{
    rng_init(g, &ss->joint, &(struct rng_address){.purpose = purpose, .index = index});
}

/* ---- facts, checkpoints, the end [SPEC 7.4] ---- */

static status put_fact(struct session *ss, enum fact kind, uint64_t a, uint64_t b, const struct hash *tag)
{
    struct record r;

    record_begin(ss, &r, RECORD_FACT, ss->self);
    r.kind = (uint16_t)kind;
    r.a = a;
    r.b = b;
    if (tag)
        r.body_tag = *tag;
    return record_commit(ss, &r, NULL, 0);
}

status session_fact(struct session *ss, enum fact kind, uint64_t a, uint64_t b)
{
    return put_fact(ss, kind, a, b, NULL);
}

status session_fact_hash(struct session *ss, enum fact kind, uint64_t a, const struct hash *tag)
{
    return put_fact(ss, kind, a, 0, tag);
}

/* The entries since the last joint point as the journal gives them back, hashed again. */
static status hash_again(struct session *ss)
{
    const size_t len = (size_t)(ss->log_bytes - ss->kept_bytes);
    uint8_t *bytes AUTO(auto_free) = NULL;
    struct log_reader r;
    struct log_entry e;
    struct hash head;

    TRY(ss->journal.sync(ss->journal.ctx, &ss->fault));
    TRY(alloc_zeroed(&bytes, len, 1));
    TRY(ss->journal.reread(ss->journal.ctx, ss->kept_bytes, bytes, len, &ss->fault));
    log_reader_init(&r, bytes, len, ss->parties);
    while (log_next(&r, &e) == LOG_ENTRY) {
        entry_head(&head, ss->contract->suite, e.at, e.len);
        merkle_append(&ss->kept, &head);
    }
    ss->kept_bytes = ss->log_bytes;
    return OK;
}

/* Our own log as it stands on disk is what we show, and then sign. */
static status show_own_log(struct session *ss)
{
    struct log_root *mine = &ss->shown[ss->self];
    struct hash kept;

    mine->size = ss->tree.size;
    merkle_root(&ss->tree, &mine->root);
    if (!ss->journal.reread)
        return OK;
    TRY(hash_again(ss));
    merkle_root(&ss->kept, &kept);
    if (ss->kept.size != mine->size || !hash_equal(&kept, &mine->root))
        return session_fail(ss, STATUS_IO, "the log on disk is not what was written to it: nothing more is signed");
    return OK;
}

static void joint_of(struct joint_point *out, const struct session *ss, uint32_t pass)
{
    *out = (struct joint_point){.contract = ss->contract, .session = &ss->id, .pass = pass};
    memcpy(out->log, ss->shown, sizeof out->log);
}

status session_checkpoint_show(struct session *ss, uint32_t pass)
{
    uint8_t bodies[PARTIES_MAX][BODY_CHECKPOINT];

    TRY(show_own_log(ss));
    log_root_write(bodies[ss->self], &ss->shown[ss->self]);
    return tell_all(ss, MESSAGE_checkpoint, pass, bodies[0], BODY_CHECKPOINT);
}

/* Our note over the logs that all have shown, to all. */
static status tell_note(struct session *ss, enum message_kind kind, uint32_t pass, uint32_t point)
{
    uint8_t bodies[PARTIES_MAX][SIGNATURE_BYTES];
    struct signature sig;
    struct joint_point joint;

    joint_of(&joint, ss, point);
    note_sign(&sig, &ss->sign, &joint, ss->self);
    memcpy(bodies[ss->self], sig.bytes, SIGNATURE_BYTES);
    return tell_all(ss, kind, pass, bodies[0], SIGNATURE_BYTES);
}

/* Everyone's note, checked: the joint part of our log entry and its tag. */
static status hear_notes(struct session *ss, enum message_kind kind, uint32_t pass, uint32_t point, struct hash *tag,
                         uint8_t items[PARTIES_MAX][JOINT_ITEM])
{
    uint8_t bodies[PARTIES_MAX][SIGNATURE_BYTES];
    struct signature sig;
    struct joint_point joint;

    joint_of(&joint, ss, point);
    joint_hash(tag, &joint);
    note_sign(&sig, &ss->sign, &joint, ss->self); /* as before: signatures are deterministic */
    memcpy(bodies[ss->self], sig.bytes, SIGNATURE_BYTES);
    TRY(hear_all(ss, kind, pass, bodies[0], SIGNATURE_BYTES));
    for (party p = 0; p < ss->parties; p++) {
        status checked;

        memcpy(sig.bytes, bodies[p], SIGNATURE_BYTES);
        checked = p == ss->self ? OK : note_check(&sig, &ss->peer[p].card.sign, &joint, p);
        if (checked == STATUS_NO_MEMORY)
            return no_memory(ss);
        if (checked != OK)
            return session_equivocation(ss, p, point == NOTE_END ? "%s signed another end of the session than ours"
                                        : "%s signed another joint checkpoint after pass %u", name_of(ss, p), pass);
        log_root_write(items[p], &ss->shown[p]);
        memcpy(items[p] + LOG_ROOT_BYTES, sig.bytes, SIGNATURE_BYTES);
    }
    return OK;
}

status session_checkpoint_sign(struct session *ss, uint32_t pass)
{
    uint8_t bodies[PARTIES_MAX][BODY_CHECKPOINT];

    TRY(hear_all(ss, MESSAGE_checkpoint, pass, bodies[0], BODY_CHECKPOINT));
    for (party p = 0; p < ss->parties; p++)
        if (p != ss->self)
            log_root_read(&ss->shown[p], bodies[p]);
    return tell_note(ss, MESSAGE_cosign, pass, pass);
}

status session_checkpoint_close(struct session *ss, uint32_t pass)
{
    uint8_t items[PARTIES_MAX][JOINT_ITEM];
    struct record r;
    struct hash tag;

    TRY(hear_notes(ss, MESSAGE_cosign, pass, pass, &tag, items));
    record_begin(ss, &r, RECORD_CHECKPOINT, ss->self);
    r.pass = pass;
    r.a = pass;
    r.body_tag = tag;
    TRY(record_commit(ss, &r, items[0], (size_t)ss->parties * JOINT_ITEM));
    if (ss->stage == STAGE_OFFLINE)
        ss->preparation = tag; /* [SPEC 2.5.1] names this session and every record of every party so far */
    ss->checkpoints++;
    return OK;
}

status session_checkpoint(struct session *ss, uint32_t pass)
{
    TRY(session_checkpoint_show(ss, pass));
    TRY(session_checkpoint_sign(ss, pass));
    return session_checkpoint_close(ss, pass);
}

/* Everyone's last size and root; that all have seen the same openings is compared on the way. */
static status exchange_ends(struct session *ss)
{
    uint8_t bodies[PARTIES_MAX][BODY_FINISH];

    TRY(show_own_log(ss));
    log_root_write(bodies[ss->self], &ss->shown[ss->self]);
    memcpy(bodies[ss->self] + LOG_ROOT_BYTES, ss->openings.bytes, HASH_BYTES);
    TRY(session_exchange(ss, MESSAGE_finish, 0, bodies[0], BODY_FINISH));
    for (party p = 0; p < ss->parties; p++) {
        if (memcmp(bodies[p] + LOG_ROOT_BYTES, ss->openings.bytes, HASH_BYTES) != 0)
            return session_equivocation(ss, p, "%s ends with other openings than ours", name_of(ss, p));
        log_root_read(&ss->shown[p], bodies[p]);
    }
    return OK;
}

status session_end(struct session *ss)
{
    uint8_t items[PARTIES_MAX][JOINT_ITEM];
    struct record r;
    struct hash tag;

    TRY(exchange_ends(ss));
    TRY(tell_note(ss, MESSAGE_endorse, 0, NOTE_END));
    TRY(hear_notes(ss, MESSAGE_endorse, 0, NOTE_END, &tag, items));
    record_begin(ss, &r, RECORD_END, ss->self);
    for (party p = 0; p < ss->parties; p++) {
        r.a += ss->peer[p].sent;
        r.b += ss->peer[p].received;
    }
    r.body_tag = tag;
    TRY(record_commit(ss, &r, items[0], (size_t)ss->parties * JOINT_ITEM));
    return ss->journal.sync(ss->journal.ctx, &ss->fault);
}

void session_log_abort(struct session *ss)
{
    struct record r;
    struct fault ignored = {0}, kept = ss->fault;

    record_begin(ss, &r, RECORD_ABORT, ss->blamed < ss->parties && !ss->unshown ? ss->blamed : ss->self);
    r.kind = (uint16_t)(ss->fault.code ? ss->fault.code : STATUS_CANCELLED);
    if (record_commit(ss, &r, NULL, 0) == OK)
        (void)!ss->journal.sync(ss->journal.ctx, &ignored);
    ss->fault = kept;
}

void session_progress(struct session *ss, enum phase phase, uint32_t pass, uint64_t done, uint64_t total)
{
    if (ss->progress.step)
        ss->progress.step(ss->progress.ctx, (uint16_t)phase, pass, done, total);
}
