#include "crypto/sm2_seal.h"

#include "crypto/sm2_curve.h"
#include "crypto/sm3.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum { XY_BYTES = 2 * SM2_BYTES };

/* x and y of a secret times a point. */
static void shared_point(uint8_t xy[XY_BYTES], const struct sm2_secret *k, const struct sm2_point *point)
{
    struct sm2_number scalar AUTO(sm2_number_clear);
    struct sm2_point product AUTO(sm2_point_clear);

    sm2_number_read(&scalar, k->bytes);
    sm2_point_times(&product, &scalar, point);
    sm2_point_write(xy, &product);
}

/* C3 */
static void check_sum(struct hash *out, const uint8_t xy[XY_BYTES], const uint8_t *text, size_t len)
{
    struct sm3 h;

    sm3_init(&h);
    sm3_add(&h, xy, SM2_BYTES);
    sm3_add(&h, text, len);
    sm3_add(&h, xy + SM2_BYTES, SM2_BYTES);
    sm3_final(&h, out);
}

/* One try with the i-th k from the seed; 0 when its key stream is all zeros, which the standard does not use. */
static int try_seal(uint8_t *out, const struct sm2_point *theirs, const struct rng_key *seed, uint8_t i, const uint8_t *text,
                    size_t len)
{
    uint8_t xy[XY_BYTES], *body = out + SM2_SEAL_BYTES;
    struct sm2_secret k AUTO(sm2_secret_clear);
    struct rng_key part AUTO(rng_key_clear);
    struct sm2_public c1;
    struct sm3_hmac m;
    struct hash derived, c3;
    status code;
    int used;

    sm3_hmac_init(&m, seed->bytes, sizeof seed->bytes);
    sm3_hmac_add(&m, "hefu/sm2 seal/v1", sizeof "hefu/sm2 seal/v1");
    sm3_hmac_add(&m, &i, 1);
    sm3_hmac_final(&m, &derived);
    memcpy(part.bytes, derived.bytes, sizeof part.bytes);
    sm2_keypair(&c1, &k, &part);
    code = sm2_public_to_point(out, &c1);
    assert(code == OK);
    shared_point(xy, &k, theirs);
    sm3_kdf(body, len, xy, sizeof xy);
    used = !sodium_is_zero(body, len);
    for (size_t j = 0; j < len; j++)
        body[j] ^= text[j];
    check_sum(&c3, xy, text, len);
    memcpy(out + SM2_POINT_BYTES, c3.bytes, HASH_BYTES);
    sodium_memzero(xy, sizeof xy);
    sodium_memzero(&derived, sizeof derived);
    return used;
}

status sm2_seal(uint8_t *out, const struct sm2_public *pub, const struct rng_key *seed, const void *bytes, size_t len)
{
    uint8_t point[SM2_POINT_BYTES], i = 0;
    struct sm2_point theirs;

    assert(len > 0);
    TRY(sm2_public_to_point(point, pub));
    TRY(sm2_point_read(&theirs, point + 1));
    while (!try_seal(out, &theirs, seed, i, bytes, len)) /* once in 256 for a single byte */
        i++;
    return OK;
}

status sm2_unseal(uint8_t *out, const struct sm2_secret *sec, const uint8_t *sealed, size_t len)
{
    const uint8_t *body = sealed + SM2_SEAL_BYTES;
    const size_t text_len = len - SM2_SEAL_BYTES;
    uint8_t xy[XY_BYTES];
    struct sm2_point c1;
    struct hash c3;
    int good;

    if (len <= SM2_SEAL_BYTES)
        return STATUS_MISMATCH;
    memset(out, 0, text_len);
    if (sealed[0] != 4 || sm2_point_read(&c1, sealed + 1) != OK)
        return STATUS_MISMATCH;
    shared_point(xy, sec, &c1);
    sm3_kdf(out, text_len, xy, sizeof xy);
    good = !sodium_is_zero(out, text_len);
    for (size_t i = 0; i < text_len; i++)
        out[i] ^= body[i];
    check_sum(&c3, xy, out, text_len);
    good &= sodium_memcmp(c3.bytes, sealed + SM2_POINT_BYTES, HASH_BYTES) == 0;
    sodium_memzero(xy, sizeof xy);
    if (!good)
        sodium_memzero(out, text_len);
    return good ? OK : STATUS_MISMATCH;
}
