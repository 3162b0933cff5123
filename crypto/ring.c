#include "crypto/ring.h"

#include <assert.h>

void ring_put(uint8_t *out, size_t len, ring x)
{
    for (size_t i = len; i-- > 0; x >>= 8)
        out[i] = (uint8_t)x;
}

ring ring_get(const uint8_t *in, size_t len)
{
    ring x = 0;

    assert(len <= 16);
    for (size_t i = 0; i < len; i++)
        x = (x << 8) | in[i];
    return x;
}

ring ring_random(struct rng *g, uint32_t bits)
{
    uint8_t b[16];
    ring x;

    assert(bits <= 128);
    rng_fill(g, b, sizeof b);
    x = ring_get(b, sizeof b);
    return bits == 128 ? x : x & ring_mask(bits);
}

void ring_to_mpz(mpz_t out, ring x)
{
    const uint64_t limbs[2] = {(uint64_t)(x >> 64), (uint64_t)x};

    mpz_import(out, 2, 1, sizeof limbs[0], 0, 0, limbs);
}

ring ring_from_mpz(const mpz_t x)
{
    assert(mpz_sgn(x) >= 0);
    _Static_assert(sizeof(mp_limb_t) == 8, "64-bit limbs");
    return ((ring)mpz_getlimbn(x, 1) << 64) | mpz_getlimbn(x, 0);
}
