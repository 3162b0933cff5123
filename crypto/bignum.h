/* GMP integers that are wiped when freed, and their canonical bytes. */
#ifndef HEFU_BIGNUM_H
#define HEFU_BIGNUM_H

#include "crypto/status.h"

#include <gmp.h>

/* Make GMP wipe every block it frees or moves.  Call once, first thing in main. */
void bignum_wipe_freed_memory(void);

/* Wipes the value itself, whoever frees it. */
void bignum_clear(mpz_t *x);

/* A local integer, zero, cleared at the end of its scope. */
#define BIGNUM(x)                  \
    mpz_t x AUTO(bignum_clear);    \
    mpz_init(x)

/* As many local integers as go through a loop together, likewise. */
enum { BIGNUM_BATCH_MAX = 128 };
struct bignum_batch { mpz_t x[BIGNUM_BATCH_MAX]; };
void bignum_batch_init(struct bignum_batch *b);
void bignum_batch_clear(struct bignum_batch *b);
#define BIGNUM_BATCH(b)                              \
    struct bignum_batch b AUTO(bignum_batch_clear);  \
    bignum_batch_init(&b)

/* x as exactly len big-endian bytes; 0 <= x < 256^len is asserted. */
void bignum_put(uint8_t *out, size_t len, const mpz_t x);
void bignum_get(mpz_t out, const uint8_t *bytes, size_t len);

/* x as exactly this many limbs, least significant first; 0 <= x < 2^(64 limbs) is asserted. */
void bignum_limbs_put(mp_limb_t *out, size_t limbs, const mpz_t x);
void bignum_limbs_get(mpz_t out, const mp_limb_t *in, size_t limbs);

/* Arrays, for vectors of ciphertexts. */
MUST_USE status bignum_array_new(mpz_t **out, size_t count);
void bignum_array_free(mpz_t *array, size_t count);

#endif
