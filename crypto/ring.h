/* Elements of Z_{2^k}, k <= 127, held in 128 bits with the upper bits zero. */
#ifndef HEFU_RING_H
#define HEFU_RING_H

#include "crypto/rng.h"

__extension__ typedef unsigned __int128 ring;
__extension__ typedef __int128 ring_signed;

static inline ring ring_mask(uint32_t k)
{
    return (((ring)1) << k) - 1;
}

/* x mod 2^k read as a number in [-2^(k-1), 2^(k-1)). */
static inline ring_signed ring_to_signed(ring x, uint32_t k)
{
    ring half = ((ring)1) << (k - 1);

    x &= ring_mask(k);
    return (ring_signed)(x >= half ? x - ((ring)1 << k) : x);
}

/* x / 2^shift rounded to the nearest, halves up; shift >= 1; no overflow for |x| < 2^126. */
static inline ring_signed ring_round_shift(ring_signed x, uint32_t shift)
{
    return (x + ((ring_signed)1 << (shift - 1))) >> shift;
}

static inline size_t ring_bytes(uint32_t k)
{
    return (k + 7) / 8;
}

void ring_put(uint8_t *out, size_t len, ring x);          /* big-endian, exactly len bytes */
ring ring_get(const uint8_t *in, size_t len);             /* len <= 16 */
ring ring_random(struct rng *g, uint32_t bits);           /* uniform, bits <= 128 */
void ring_to_mpz(mpz_t out, ring x);
ring ring_from_mpz(const mpz_t x);                        /* x >= 0; the low 128 bits */

#endif
