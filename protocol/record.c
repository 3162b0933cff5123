#include "protocol/record.h"

#include "crypto/wire.h"
#include "protocol/contract.h"
#include "protocol/messages.h"

#include <string.h>

enum {
    AT_VERSION = 4,
    AT_SUITE = 5,
    AT_TYPE = 6,
    AT_SESSION = 8,
    AT_SELF = 40,
    AT_PEER = 42,
    AT_ATTEMPT = 44,
    AT_SEQ = 48,
    AT_PAIR_SEQ = 56,
    AT_KIND = 64,
    AT_PHASE = 66,
    AT_PASS = 68,
    AT_INDEX = 72,
    AT_BODY_LEN = 80,
    AT_BODY_TAG = 88,
    AT_PEER_HEAD = 120,
    AT_A = 152,
    AT_B = 160,
    AT_PREV_HEAD = 168,
};

static const uint8_t magic[4] = {'H', 'F', 'R', '1'};

void record_encode(uint8_t out[RECORD_BYTES], const struct record *r)
{
    memset(out, 0, RECORD_BYTES);
    memcpy(out, magic, sizeof magic);
    out[AT_VERSION] = RECORD_VERSION;
    out[AT_SUITE] = r->suite;
    out[AT_TYPE] = (uint8_t)r->type;
    memcpy(out + AT_SESSION, r->session.bytes, HASH_BYTES);
    store_u16(out + AT_SELF, r->self);
    store_u16(out + AT_PEER, r->peer);
    store_u32(out + AT_ATTEMPT, r->attempt);
    store_u64(out + AT_SEQ, r->seq);
    store_u64(out + AT_PAIR_SEQ, r->pair_seq);
    store_u16(out + AT_KIND, r->kind);
    store_u16(out + AT_PHASE, r->phase);
    store_u32(out + AT_PASS, r->pass);
    store_u64(out + AT_INDEX, r->index);
    store_u64(out + AT_BODY_LEN, r->body_len);
    memcpy(out + AT_BODY_TAG, r->body_tag.bytes, HASH_BYTES);
    memcpy(out + AT_PEER_HEAD, r->peer_head.bytes, HASH_BYTES);
    store_u64(out + AT_A, r->a);
    store_u64(out + AT_B, r->b);
    memcpy(out + AT_PREV_HEAD, r->prev_head.bytes, HASH_BYTES);
}

static int is_zero(const struct hash *h)
{
    static const struct hash zero = {{0}};

    return hash_equal(h, &zero);
}

/* A record without a peer carries no message: its message fields are zero. */
static int carries_no_message(const struct record *r)
{
    return r->pair_seq == 0 && r->index == 0 && r->body_len == 0 && is_zero(&r->peer_head);
}

static int valid_fact(const struct record *r)
{
    switch (r->kind) {
    case FACT_POPULATION:
        return is_zero(&r->body_tag);
    case FACT_TEST_ROWS:
        return is_zero(&r->body_tag) && r->b == 0;
    case FACT_DATA:
    case FACT_SEED:
    case FACT_KEY:
        return r->a < PARTIES_MAX && r->b == 0;
    case FACT_ALIGNED:
    case FACT_RUN:
        return r->a == 0 && r->b == 0;
    }
    return 0;
}

static int valid(const struct record *r)
{
    if (!suite_name(r->suite) || r->self >= PARTIES_MAX || r->peer >= PARTIES_MAX || r->phase >= PHASES)
        return 0;
    switch (r->type) {
    case RECORD_SEND:
    case RECORD_RECV:
        return r->peer != r->self && r->phase != 0 && r->body_len <= MESSAGE_BODY_MAX && r->a == 0 && r->b == 0;
    case RECORD_FACT:
        return r->peer == r->self && carries_no_message(r) && valid_fact(r);
    case RECORD_CHECKPOINT:
        return r->peer == r->self && carries_no_message(r) && r->kind == 0 && r->b == 0;
    case RECORD_END:
        return r->peer == r->self && carries_no_message(r) && r->kind == 0;
    case RECORD_REFUSED:
        return r->peer != r->self && r->body_len <= MESSAGE_BODY_MAX && r->a != OK && r->a <= STATUS_MISMATCH && r->b == 0;
    case RECORD_ABORT:
        return carries_no_message(r) && is_zero(&r->body_tag) && r->kind != OK && r->kind <= STATUS_MISMATCH && r->a == 0 &&
               r->b == 0;
    }
    return 0;
}

status record_decode(struct record *out, const uint8_t in[RECORD_BYTES])
{
    struct record r = {.suite = in[AT_SUITE],
                       .type = (enum record_type)in[AT_TYPE],
                       .self = load_u16(in + AT_SELF),
                       .peer = load_u16(in + AT_PEER),
                       .attempt = load_u32(in + AT_ATTEMPT),
                       .seq = load_u64(in + AT_SEQ),
                       .pair_seq = load_u64(in + AT_PAIR_SEQ),
                       .kind = load_u16(in + AT_KIND),
                       .phase = load_u16(in + AT_PHASE),
                       .pass = load_u32(in + AT_PASS),
                       .index = load_u64(in + AT_INDEX),
                       .body_len = load_u64(in + AT_BODY_LEN),
                       .a = load_u64(in + AT_A),
                       .b = load_u64(in + AT_B)};
    uint8_t again[RECORD_BYTES];

    memcpy(r.session.bytes, in + AT_SESSION, HASH_BYTES);
    memcpy(r.body_tag.bytes, in + AT_BODY_TAG, HASH_BYTES);
    memcpy(r.peer_head.bytes, in + AT_PEER_HEAD, HASH_BYTES);
    memcpy(r.prev_head.bytes, in + AT_PREV_HEAD, HASH_BYTES);
    if (!valid(&r))
        return STATUS_MALFORMED;
    /* Magic, version and the zeros are checked by writing the record again. */
    record_encode(again, &r);
    if (memcmp(again, in, RECORD_BYTES) != 0)
        return STATUS_MALFORMED;
    *out = r;
    return OK;
}

void body_tag(struct hash *out, const struct rng_key *pair, party sender, uint64_t pair_seq, const void *body, size_t len)
{
    struct rng_key k AUTO(rng_key_clear) = {0};
    uint8_t context[2 + 8];
    struct hasher h;

    store_u16(context, sender);
    store_u64(context + 2, pair_seq);
    rng_key_derive(&k, pair, "hefu/tag", context, sizeof context);
    hasher_init(&h, pair->suite, "hefu/body/v2");
    hasher_add(&h, k.bytes, sizeof k.bytes);
    hasher_add(&h, body, len);
    hasher_final(&h, out);
}

void entry_head(struct hash *out, enum suite s, const uint8_t *entry, size_t len)
{
    merkle_leaf(out, s, entry, len);
}

int record_is_signed(enum record_type type)
{
    return type == RECORD_SEND || type == RECORD_END || type == RECORD_ABORT;
}

size_t entry_bytes(enum record_type type, uint16_t parties)
{
    switch (type) {
    case RECORD_SEND:
    case RECORD_ABORT:
        return SIGNED_BYTES;
    case RECORD_RECV:
    case RECORD_REFUSED:
        return RECORD_BYTES + SIGNED_BYTES;
    case RECORD_FACT:
        return RECORD_BYTES;
    case RECORD_CHECKPOINT:
        return RECORD_BYTES + (size_t)parties * JOINT_ITEM;
    case RECORD_END:
        return SIGNED_BYTES + (size_t)parties * JOINT_ITEM;
    }
    return 0;
}
