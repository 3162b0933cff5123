#include "crypto/rng.h"

#include "crypto/bignum.h"
#include "crypto/wire.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(RNG_BUFFER % 64 == 0 && RNG_BUFFER % SM4_BLOCK_BYTES == 0, "a buffer is filled with whole blocks");

void rng_key_clear(struct rng_key *k)
{
    sodium_memzero(k, sizeof *k);
}

void rng_key_derive(struct rng_key *out, const struct rng_key *parent, const char *label, const void *context,
                    size_t context_len)
{
    struct hash h;

    hash_keyed(&h, parent->suite, parent->bytes, label, context, context_len);
    rng_key_from_hash(out, parent->suite, &h);
    sodium_memzero(&h, sizeof h);
}

void rng_key_from_hash(struct rng_key *out, enum suite s, const struct hash *h)
{
    memcpy(out->bytes, h->bytes, sizeof out->bytes);
    out->suite = (uint8_t)s;
}

void rng_init(struct rng *g, const struct rng_key *key, const struct rng_address *where)
{
    uint8_t context[4 + 4 + 8 + 1 + HASH_BYTES] = {0};
    struct rng_key stream;

    store_u32(context, where->peer);
    store_u32(context + 4, where->pass);
    store_u64(context + 8, where->index);
    if (where->answers) {
        context[16] = 1;
        memcpy(context + 17, where->answers->bytes, HASH_BYTES);
    }
    rng_key_derive(&stream, key, where->purpose, context, sizeof context);
    memset(g, 0, sizeof *g);
    memcpy(g->key, stream.bytes, sizeof g->key);
    g->suite = stream.suite;
    if (g->suite == SUITE_GM1)
        sm4_init(&g->cipher, g->key);
    rng_key_clear(&stream);
}

void rng_clear(struct rng *g)
{
    sodium_memzero(g, sizeof *g);
}

static void chacha20_refill(struct rng *g)
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];

    memset(g->buffer, 0, sizeof g->buffer);
    crypto_stream_chacha20_xor_ic(g->buffer, g->buffer, sizeof g->buffer, nonce, g->block, g->key);
    g->block += RNG_BUFFER / 64;
}

static void sm4_refill(struct rng *g)
{
    uint8_t *start = g->key + SM4_KEY_BYTES;
    const uint64_t low = load_u64(start + 8), next = low + RNG_BUFFER / SM4_BLOCK_BYTES;

    sm4_counter(&g->cipher, g->buffer, NULL, RNG_BUFFER, start);
    store_u64(start + 8, next);
    store_u64(start, load_u64(start) + (next < low));
}

static void refill(struct rng *g)
{
    if (g->suite == SUITE_GM1)
        sm4_refill(g);
    else
        chacha20_refill(g);
    g->left = RNG_BUFFER;
}

void rng_fill(struct rng *g, void *out, size_t len)
{
    uint8_t *at = out;

    while (len) {
        size_t n;

        if (!g->left)
            refill(g);
        n = len < g->left ? len : g->left;
        memcpy(at, g->buffer + RNG_BUFFER - g->left, n);
        g->left -= n;
        at += n;
        len -= n;
    }
}

uint64_t rng_u64(struct rng *g)
{
    uint8_t b[8];

    rng_fill(g, b, sizeof b);
    return load_u64(b);
}

uint64_t rng_below(struct rng *g, uint64_t bound)
{
    uint64_t reject, v;

    assert(bound > 0);
    reject = (UINT64_MAX - bound + 1) % bound; /* 2^64 mod bound: values below it would be over-represented */
    do {
        v = rng_u64(g);
    } while (v < reject);
    return v % bound;
}

void rng_bits(struct rng *g, mpz_t out, size_t bits)
{
    uint8_t b[1024];
    size_t len = (bits + 7) / 8;

    assert(len <= sizeof b);
    rng_fill(g, b, len);
    if (bits % 8)
        b[0] &= (uint8_t)((1u << (bits % 8)) - 1);
    mpz_import(out, len, 1, 1, 1, 0, b);
    sodium_memzero(b, sizeof b);
}

void rng_below_mpz(struct rng *g, mpz_t out, const mpz_t bound)
{
    size_t bits = mpz_sizeinbase(bound, 2);

    assert(mpz_sgn(bound) > 0);
    do {
        rng_bits(g, out, bits);
    } while (mpz_cmp(out, bound) >= 0);
}

void rng_unit_mpz(struct rng *g, mpz_t out, const mpz_t n)
{
    BIGNUM(gcd);

    do {
        rng_below_mpz(g, out, n);
        mpz_gcd(gcd, out, n);
    } while (mpz_cmp_ui(gcd, 1) != 0);
}

void rng_permutation(struct rng *g, uint32_t *perm, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        perm[i] = i;
    for (uint32_t i = len; i > 1; i--) {
        uint32_t j = (uint32_t)rng_below(g, i), swap = perm[i - 1];

        perm[i - 1] = perm[j];
        perm[j] = swap;
    }
}
