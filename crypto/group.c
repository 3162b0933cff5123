#include "crypto/group.h"

#include "crypto/wire.h"

#include <sodium.h>

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

void group_hash(struct group_element *out, const struct hash *contract, uint32_t attempt, const char *id, size_t len)
{
    static const uint8_t domain[] = {'h', 'e', 'f', 'u', '-', 'p', 's', 'i'};
    uint8_t fixed[4 + 8], wide[crypto_core_ristretto255_HASHBYTES];
    crypto_hash_sha512_state st;

    store_u32(fixed, attempt);
    store_u64(fixed + 4, len);
    crypto_hash_sha512_init(&st);
    crypto_hash_sha512_update(&st, domain, sizeof domain);
    crypto_hash_sha512_update(&st, contract->bytes, HASH_BYTES);
    crypto_hash_sha512_update(&st, fixed, sizeof fixed);
    crypto_hash_sha512_update(&st, (const uint8_t *)id, len);
    crypto_hash_sha512_final(&st, wide);
    crypto_core_ristretto255_from_hash(out->bytes, wide);
    sodium_memzero(&st, sizeof st);
    sodium_memzero(wide, sizeof wide);
}

status group_check(const struct group_element *e)
{
    /* libsodium 1.0.18 ignores the top bit, so that one element would have two encodings. */
    if (sodium_is_zero(e->bytes, GROUP_BYTES) || e->bytes[31] >> 7 ||
        !crypto_core_ristretto255_is_valid_point(e->bytes))
        return STATUS_MALFORMED;
    return OK;
}

status group_scale(struct group_element *out, const struct group_scalar *s, const struct group_element *e)
{
    struct group_element product;

    TRY(group_check(e));
    if (crypto_scalarmult_ristretto255(product.bytes, s->bytes, e->bytes) != 0)
        return STATUS_MALFORMED;
    *out = product;
    return OK;
}
