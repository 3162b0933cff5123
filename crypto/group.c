#include "crypto/group.h"

#include "crypto/group_lanes.h"
#include "crypto/pair.h"
#include "crypto/wire.h"

#include <sodium.h>
#include <string.h>

void group_scalar_clear(struct group_scalar *s)
{
    sodium_memzero(s, sizeof *s);
}

void group_scalar_random(struct group_scalar *s, struct rng *g)
{
    uint8_t wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES];

    do { /* 512 bits reduced: within 2^-259 of uniform */
        rng_fill(g, wide, sizeof wide);
        crypto_core_ristretto255_scalar_reduce(s->bytes, wide);
    } while (sodium_is_zero(s->bytes, sizeof s->bytes));
    sodium_memzero(wide, sizeof wide);
}

static void hash_id(uint8_t wide[GROUP_WIDE_BYTES], const struct hash *contract, uint32_t attempt, const char *id, size_t len)
{
    static const uint8_t domain[] = {'h', 'e', 'f', 'u', '-', 'p', 's', 'i'};
    uint8_t fixed[4 + 8];
    crypto_hash_sha512_state st;

    store_u32(fixed, attempt);
    store_u64(fixed + 4, len);
    crypto_hash_sha512_init(&st);
    crypto_hash_sha512_update(&st, domain, sizeof domain);
    crypto_hash_sha512_update(&st, contract->bytes, HASH_BYTES);
    crypto_hash_sha512_update(&st, fixed, sizeof fixed);
    crypto_hash_sha512_update(&st, (const uint8_t *)id, len);
    crypto_hash_sha512_final(&st, wide);
    sodium_memzero(&st, sizeof st);
}

void group_hash(struct group_element *out, const struct hash *contract, uint32_t attempt, const char *id, size_t len)
{
    uint8_t wide[GROUP_WIDE_BYTES];

    hash_id(wide, contract, attempt, id, len);
    crypto_core_ristretto255_from_hash(out->bytes, wide);
    sodium_memzero(wide, sizeof wide);
}

/* libsodium 1.0.18 ignores the top bit, so that one element would have two encodings. */
static int top_bit(const struct group_element *e)
{
    return e->bytes[31] >> 7;
}

status group_check(const struct group_element *e)
{
    if (sodium_is_zero(e->bytes, GROUP_BYTES) || top_bit(e) || !crypto_core_ristretto255_is_valid_point(e->bytes))
        return STATUS_MALFORMED;
    return OK;
}

status group_scale(struct group_element *out, const struct group_scalar *s, const struct group_element *e)
{
    struct group_element product;

    /* fails for what is no element and for the identity, as the result or as e */
    if (top_bit(e) || crypto_scalarmult_ristretto255(product.bytes, s->bytes, e->bytes) != 0)
        return STATUS_MALFORMED;
    *out = product;
    return OK;
}

/* ---- many ---- */

enum { GRAIN = 64 };

struct batch {
    const struct group_element *in;
    struct group_element *out;
    const struct group_scalar *scalar;
    const struct hash *contract;
    uint32_t attempt;
    char *const *ids;
    int by_lanes; /* eight at a time, the rest one by one */
    int failed;   /* any */
};

static void note(struct batch *b, int good)
{
    if (!good)
        __atomic_store_n(&b->failed, 1, __ATOMIC_RELAXED);
}

/* Where the part of a piece that goes by lanes ends. */
static size_t lanes_end(const struct batch *b, size_t first, size_t count)
{
    return b->by_lanes ? first + count / GROUP_LANES * GROUP_LANES : first;
}

static void check_piece(void *ctx, size_t first, size_t count)
{
    struct batch *b = ctx;
    size_t i = first;

    for (; i < lanes_end(b, first, count); i += GROUP_LANES)
        note(b, group_lanes_check(&b->in[i]));
    for (; i < first + count; i++)
        note(b, group_check(&b->in[i]) == OK);
}

static void scale_piece(void *ctx, size_t first, size_t count)
{
    struct batch *b = ctx;
    size_t i = first;

    for (; i < lanes_end(b, first, count); i += GROUP_LANES)
        note(b, group_lanes_scale(&b->out[i], b->scalar, &b->in[i]));
    for (; i < first + count; i++)
        note(b, group_scale(&b->out[i], b->scalar, &b->in[i]) == OK);
}

static void hash_scale_piece(void *ctx, size_t first, size_t count)
{
    struct batch *b = ctx;
    uint8_t wide[GROUP_LANES][GROUP_WIDE_BYTES];
    struct group_element hashed;
    size_t i = first;

    for (; i < lanes_end(b, first, count); i += GROUP_LANES) {
        for (size_t l = 0; l < GROUP_LANES; l++)
            hash_id(wide[l], b->contract, b->attempt, b->ids[i + l], strlen(b->ids[i + l]));
        note(b, group_lanes_map_scale(&b->out[i], b->scalar, wide));
    }
    for (; i < first + count; i++) {
        group_hash(&hashed, b->contract, b->attempt, b->ids[i], strlen(b->ids[i]));
        note(b, group_scale(&b->out[i], b->scalar, &hashed) == OK);
    }
    sodium_memzero(wide, sizeof wide);
    sodium_memzero(&hashed, sizeof hashed);
}

static status run(struct batch *b, parallel_body *body, size_t count, const struct parallel *p)
{
    b->by_lanes = strcmp(pair_tier_name(), "ifma") == 0;
    parallel_for(p, count, GRAIN, body, b);
    return b->failed ? STATUS_MALFORMED : OK;
}

status group_check_all(const struct group_element *e, size_t count, const struct parallel *p)
{
    return run(&(struct batch){.in = e}, check_piece, count, p);
}

status group_scale_all(struct group_element *e, const struct group_scalar *s, size_t count, const struct parallel *p)
{
    return run(&(struct batch){.in = e, .out = e, .scalar = s}, scale_piece, count, p);
}

status group_hash_scale_all(struct group_element *out, const struct group_scalar *s, const struct hash *contract,
                            uint32_t attempt, char *const *ids, size_t count, const struct parallel *p)
{
    return run(&(struct batch){.out = out, .scalar = s, .contract = contract, .attempt = attempt, .ids = ids},
               hash_scale_piece, count, p);
}
