/* Deterministic randomness: every draw is addressed by (key, purpose, peer, pass, index, what it answers), so that
 * no draw depends on another draw's timing, thread or order.  The stream key is the keyed hash of the address; the stream is
 * ChaCha20, or SM4 in counter mode.  [SPEC 2.4] */
#ifndef HEFU_RNG_H
#define HEFU_RNG_H

#include "crypto/hash.h"
#include "crypto/sm4.h"

#include <gmp.h>

/* What is derived from a key, and every stream under it, is of its suite. */
struct rng_key {
    uint8_t bytes[32];
    uint8_t suite; /* enum suite; 0 counts as SUITE_INT1 */
};

void rng_key_clear(struct rng_key *k);
void rng_key_from_hash(struct rng_key *out, enum suite s, const struct hash *h);

/* out = KDF(parent, label, context).  Context may be NULL when context_len is 0. */
void rng_key_derive(struct rng_key *out, const struct rng_key *parent, const char *label, const void *context,
                    size_t context_len);

struct rng_address {
    const char *purpose;        /* such as "gather mask" */
    uint32_t peer, pass;
    uint64_t index;
    const struct hash *answers; /* hash of the whole request that this randomness answers, or NULL for a pad drawn ahead */
};

enum { RNG_BUFFER = 512 };

struct rng {
    uint8_t key[32];    /* SUITE_GM1: in its second half stands where the counter begins */
    struct sm4 cipher;  /* SUITE_GM1, of the first half */
    uint8_t suite;
    uint64_t block;
    size_t left;        /* unread bytes at the end of buffer */
    uint8_t buffer[RNG_BUFFER];
};

void rng_init(struct rng *g, const struct rng_key *key, const struct rng_address *where);
void rng_clear(struct rng *g); /* wipes */

void rng_fill(struct rng *g, void *out, size_t len);
uint64_t rng_u64(struct rng *g);
/* Uniform in [0, bound), bound > 0, by rejection. */
uint64_t rng_below(struct rng *g, uint64_t bound);
/* Uniform with exactly this many random bits. */
void rng_bits(struct rng *g, mpz_t out, size_t bits);
/* Uniform in [0, bound), bound > 0, by rejection. */
void rng_below_mpz(struct rng *g, mpz_t out, const mpz_t bound);
/* Uniform in Z*_n: redraws until gcd(out, n) = 1. */
void rng_unit_mpz(struct rng *g, mpz_t out, const mpz_t n);
/* Fisher-Yates: perm becomes a uniform permutation of 0..len-1. */
void rng_permutation(struct rng *g, uint32_t *perm, uint32_t len);

#endif
