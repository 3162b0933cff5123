#include "crypto/sm2.h"

#include "crypto/sm2_curve.h"
#include "crypto/sm3.h"
#include "crypto/wire.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

enum { COMPRESSED = 2, UNCOMPRESSED = 4, XY_BYTES = 2 * SM2_BYTES };

static const struct sm2_number one = {{1}};

void sm2_secret_clear(struct sm2_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

/* ---- public keys ---- */

static void compress(struct sm2_public *out, const uint8_t xy[XY_BYTES])
{
    out->bytes[0] = (uint8_t)(COMPRESSED + (xy[XY_BYTES - 1] & 1));
    memcpy(out->bytes + 1, xy, SM2_BYTES);
}

static status read_public(struct sm2_point *out, const struct sm2_public *pub)
{
    if (pub->bytes[0] != COMPRESSED && pub->bytes[0] != COMPRESSED + 1)
        return STATUS_MALFORMED;
    return sm2_point_find(out, pub->bytes + 1, pub->bytes[0] - COMPRESSED);
}

status sm2_public_check(const struct sm2_public *pub)
{
    struct sm2_point p;

    return read_public(&p, pub);
}

status sm2_public_from_point(struct sm2_public *out, const uint8_t point[SM2_POINT_BYTES])
{
    struct sm2_point p;

    if (point[0] != UNCOMPRESSED)
        return STATUS_MALFORMED;
    TRY(sm2_point_read(&p, point + 1));
    compress(out, point + 1);
    return OK;
}

status sm2_public_to_point(uint8_t point[SM2_POINT_BYTES], const struct sm2_public *pub)
{
    struct sm2_point p;

    TRY(read_public(&p, pub));
    point[0] = UNCOMPRESSED;
    sm2_point_write(point + 1, &p);
    return OK;
}

/* ---- secret keys ---- */

/* The public key of d in [1, n-1]. */
static void public_of(struct sm2_public *pub, const struct sm2_number *d)
{
    struct sm2_point p AUTO(sm2_point_clear), generator;
    uint8_t xy[XY_BYTES];

    sm2_point_generator(&generator);
    sm2_point_times(&p, d, &generator);
    sm2_point_write(xy, &p);
    compress(pub, xy);
}

/* 1 for d in [1, n-2]. */
static uint64_t is_secret(const struct sm2_number *d)
{
    struct sm2_number bound = sm2_order.m;

    bound.limb[0]--;
    return sm2_number_is_below(d, &bound) & (sm2_number_is_zero(d) ^ 1);
}

status sm2_public_of(struct sm2_public *pub, const struct sm2_secret *sec)
{
    struct sm2_number d AUTO(sm2_number_clear);

    sm2_number_read(&d, sec->bytes);
    if (!is_secret(&d))
        return STATUS_MALFORMED;
    public_of(pub, &d);
    return OK;
}

/* The first that fits of four numbers derived from the seed, chosen without a branch.  One does not fit once in 2^32; none does
 * once in 2^128, and then d is 1. */
static void secret_of(struct sm2_number *d, const struct rng_key *seed)
{
    static const char label[] = "hefu/sm2 key/v1";
    uint64_t found = 0;

    *d = one;
    for (uint8_t i = 0; i < 4; i++) {
        struct sm2_number candidate AUTO(sm2_number_clear);
        struct sm3_hmac m;
        struct hash out;
        uint64_t fits;

        sm3_hmac_init(&m, seed->bytes, sizeof seed->bytes);
        sm3_hmac_add(&m, label, sizeof label);
        sm3_hmac_add(&m, &i, 1);
        sm3_hmac_final(&m, &out);
        sm2_number_read(&candidate, out.bytes);
        sodium_memzero(&out, sizeof out);
        fits = is_secret(&candidate);
        sm2_number_choose(d, fits & (found ^ 1), &candidate, d);
        found |= fits;
    }
}

void sm2_keypair(struct sm2_public *pub, struct sm2_secret *sec, const struct rng_key *seed)
{
    struct sm2_number d AUTO(sm2_number_clear);

    secret_of(&d, seed);
    sm2_number_write(sec->bytes, &d);
    public_of(pub, &d);
}

/* ---- signatures ---- */

/* a, b, x_G, y_G */
static const uint8_t curve_bytes[4 * SM2_BYTES] = {
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,
    0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7,
    0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93,
    0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94,
    0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7,
    0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53,
    0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0,
};

status sm2_z(struct hash *z, const struct sm2_public *pub, const char *id)
{
    const size_t len = strlen(id);
    uint8_t bits[2], point[SM2_POINT_BYTES];
    struct sm3 h;

    assert(len < 8192);
    TRY(sm2_public_to_point(point, pub));
    store_u16(bits, (uint16_t)(8 * len));
    sm3_init(&h);
    sm3_add(&h, bits, sizeof bits);
    sm3_add(&h, id, len);
    sm3_add(&h, curve_bytes, sizeof curve_bytes);
    sm3_add(&h, point + 1, XY_BYTES);
    sm3_final(&h, z);
    return OK;
}

/* One step of RFC 6979, 3.2: K = HMAC(K, V, separator, d, e), V = HMAC(K, V). */
static void nonce_step(struct hash *k, struct hash *v, uint8_t separator, const uint8_t *d_and_e, size_t len)
{
    struct sm3_hmac m;

    sm3_hmac_init(&m, k->bytes, HASH_BYTES);
    sm3_hmac_add(&m, v->bytes, HASH_BYTES);
    sm3_hmac_add(&m, &separator, 1);
    sm3_hmac_add(&m, d_and_e, len);
    sm3_hmac_final(&m, k);
    sm3_hmac_init(&m, k->bytes, HASH_BYTES);
    sm3_hmac_add(&m, v->bytes, HASH_BYTES);
    sm3_hmac_final(&m, v);
}

/* RFC 6979 takes the first candidate in [1, n-1]; nearly always that is the first of all, else the second, chosen without a
 * branch.  Once in 2^64 signatures it would be the third: then the second is used mod n, which is as good. */
static void nonce(struct sm2_number *out, const uint8_t d_and_e[2 * SM2_BYTES])
{
    struct hash k = {{0}}, v;
    struct sm2_number candidate[2];

    memset(v.bytes, 1, HASH_BYTES);
    nonce_step(&k, &v, 0, d_and_e, 2 * SM2_BYTES);
    nonce_step(&k, &v, 1, d_and_e, 2 * SM2_BYTES);
    for (size_t i = 0; i < 2; i++) {
        struct sm3_hmac m;

        sm3_hmac_init(&m, k.bytes, HASH_BYTES);
        sm3_hmac_add(&m, v.bytes, HASH_BYTES);
        sm3_hmac_final(&m, &v);
        sm2_number_read(&candidate[i], v.bytes);
        nonce_step(&k, &v, 0, NULL, 0);
    }
    sm2_number_choose(out, sm2_number_is_below(&candidate[0], &sm2_order.m) & (sm2_number_is_zero(&candidate[0]) ^ 1),
                      &candidate[0], &candidate[1]);
    sodium_memzero(&k, sizeof k);
    sodium_memzero(&v, sizeof v);
    sodium_memzero(candidate, sizeof candidate);
}

/* mod n, of any 32 bytes */
static void read_mod_order(struct sm2_number *x, const uint8_t in[SM2_BYTES])
{
    sm2_number_read(x, in);
    sm2_enter(x, x, &sm2_order);
    sm2_leave(x, x, &sm2_order);
}

/* e = SM3(z, bytes) mod n: all that follows uses it so, and RFC 6979 does. */
static void digest(struct sm2_number *e, const struct hash *z, const void *bytes, size_t len)
{
    struct hash out;
    struct sm3 h;

    sm3_init(&h);
    sm3_add(&h, z->bytes, HASH_BYTES);
    sm3_add(&h, bytes, len);
    sm3_final(&h, &out);
    read_mod_order(e, out.bytes);
}

/* s = (k - r d) / (1 + d) */
static void second_half(struct sm2_number *s, const struct sm2_number *k, const struct sm2_number *r, const struct sm2_number *d)
{
    struct sm2_number t AUTO(sm2_number_clear), inverse AUTO(sm2_number_clear), own_k AUTO(sm2_number_clear);

    sm2_add(&t, d, &one, &sm2_order);
    sm2_enter(&t, &t, &sm2_order);
    sm2_invert(&inverse, &t, &sm2_order);
    sm2_enter(&t, r, &sm2_order);
    sm2_multiply(&t, &t, d, &sm2_order); /* r d */
    sm2_enter(&own_k, k, &sm2_order);
    sm2_leave(&own_k, &own_k, &sm2_order); /* mod n */
    sm2_subtract(&t, &own_k, &t, &sm2_order);
    sm2_multiply(s, &t, &inverse, &sm2_order);
}

/* The standard draws another k when r = 0, r + k = n or s = 0.  That is once in 2^254 messages, and sm2_verify would refuse what
 * comes out. */
void sm2_sign(struct sm2_signature *sig, const struct sm2_secret *sec, const struct hash *z, const void *bytes, size_t len)
{
    struct sm2_number d AUTO(sm2_number_clear), k AUTO(sm2_number_clear), e, r, s;
    struct sm2_point p AUTO(sm2_point_clear), generator;
    uint8_t d_and_e[2 * SM2_BYTES], xy[XY_BYTES];

    digest(&e, z, bytes, len);
    memcpy(d_and_e, sec->bytes, SM2_BYTES);
    sm2_number_write(d_and_e + SM2_BYTES, &e);
    nonce(&k, d_and_e);
    sodium_memzero(d_and_e, sizeof d_and_e);
    sm2_point_generator(&generator);
    sm2_point_times(&p, &k, &generator);
    sm2_point_write(xy, &p);
    read_mod_order(&r, xy);
    sm2_add(&r, &r, &e, &sm2_order);
    sm2_number_read(&d, sec->bytes);
    second_half(&s, &k, &r, &d);
    sm2_number_write(sig->bytes, &r);
    sm2_number_write(sig->bytes + SM2_BYTES, &s);
}

status sm2_signature_check(const struct sm2_signature *sig)
{
    struct sm2_number r, s, t;

    sm2_number_read(&r, sig->bytes);
    sm2_number_read(&s, sig->bytes + SM2_BYTES);
    if (sm2_number_is_zero(&r) || sm2_number_is_zero(&s) || !sm2_number_is_below(&r, &sm2_order.m) ||
        !sm2_number_is_below(&s, &sm2_order.m))
        return STATUS_MALFORMED;
    sm2_add(&t, &r, &s, &sm2_order);
    return sm2_number_is_zero(&t) ? STATUS_MALFORMED : OK;
}

/* ---- checking, by OpenSSL ---- */

enum { DER_MAX = 2 + 2 * (2 + 1 + SM2_BYTES) };

/* An INTEGER: without zeros in front, but for one where the first bit is set. */
static uint8_t *put_integer(uint8_t *at, const uint8_t in[SM2_BYTES])
{
    size_t len = SM2_BYTES, zero;

    while (len > 1 && in[SM2_BYTES - len] == 0)
        len--;
    zero = in[SM2_BYTES - len] >> 7;
    *at++ = 2;
    *at++ = (uint8_t)(zero + len);
    if (zero)
        *at++ = 0;
    memcpy(at, in + SM2_BYTES - len, len);
    return at + len;
}

/* SEQUENCE { r, s } */
static size_t put_der(uint8_t der[DER_MAX], const struct sm2_signature *sig)
{
    uint8_t *end = put_integer(put_integer(der + 2, sig->bytes), sig->bytes + SM2_BYTES);

    der[0] = 0x30;
    der[1] = (uint8_t)(end - der - 2);
    return (size_t)(end - der);
}

static void key_clear(EVP_PKEY **x)
{
    EVP_PKEY_free(*x);
}

static void key_ctx_clear(EVP_PKEY_CTX **x)
{
    EVP_PKEY_CTX_free(*x);
}

static void md_ctx_clear(EVP_MD_CTX **x)
{
    EVP_MD_CTX_free(*x);
}

static EVP_PKEY *openssl_key(uint8_t point[SM2_POINT_BYTES])
{
    EVP_PKEY_CTX *ctx AUTO(key_ctx_clear) = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    char curve[] = "SM2";
    OSSL_PARAM from[] = {OSSL_PARAM_construct_utf8_string("group", curve, 0),
                         OSSL_PARAM_construct_octet_string("pub", point, SM2_POINT_BYTES), OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;

    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, from) != 1)
        return NULL;
    return key;
}

status sm2_verify(const struct sm2_signature *sig, const struct sm2_public *pub, const char *id, const void *bytes, size_t len)
{
    uint8_t point[SM2_POINT_BYTES], der[DER_MAX];
    EVP_PKEY *key AUTO(key_clear) = NULL;
    EVP_PKEY_CTX *ctx AUTO(key_ctx_clear) = NULL;
    EVP_MD_CTX *md AUTO(md_ctx_clear) = NULL;
    unsigned long failed;

    if (sm2_public_to_point(point, pub) != OK || sm2_signature_check(sig) != OK)
        return STATUS_UNTRUSTED;
    key = openssl_key(point);
    ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    md = EVP_MD_CTX_new();
    if (!ctx || !md || EVP_PKEY_CTX_set1_id(ctx, id, (int)strlen(id)) != 1)
        return STATUS_NO_MEMORY;
    EVP_MD_CTX_set_pkey_ctx(md, ctx);
    if (EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, key) != 1)
        return STATUS_NO_MEMORY;
    ERR_clear_error();
    if (EVP_DigestVerify(md, der, put_der(der, sig), bytes, len) == 1)
        return OK;
    /* A signature that is another one's is no error of the library's, as is whatever kept it from looking. */
    failed = ERR_peek_error();
    ERR_clear_error();
    return failed ? STATUS_NO_MEMORY : STATUS_UNTRUSTED;
}

/* ---- exchange ---- */

/* 2^127 + the low 127 bits of x */
static void half_of(struct sm2_number *out, const uint8_t x[SM2_BYTES])
{
    sm2_number_read(out, x);
    out->limb[2] = out->limb[3] = 0;
    out->limb[1] |= (uint64_t)1 << 63;
}

/* their lasting key + half of their fresh one times it */
static status their_point(struct sm2_point *out, const struct sm2_exchange_public *theirs)
{
    struct sm2_point lasting, fresh;
    struct sm2_number half;

    TRY(read_public(&lasting, &theirs->lasting));
    TRY(read_public(&fresh, &theirs->fresh));
    half_of(&half, theirs->fresh.bytes + 1);
    sm2_point_times(&fresh, &half, &fresh);
    sm2_point_add(out, &lasting, &fresh);
    return OK;
}

/* d + half r */
static void my_number(struct sm2_number *out, const struct sm2_exchange_secret *mine, const struct sm2_exchange_public *my_public)
{
    struct sm2_number d AUTO(sm2_number_clear), r AUTO(sm2_number_clear), half;

    sm2_number_read(&d, mine->lasting.bytes);
    sm2_number_read(&r, mine->fresh.bytes);
    half_of(&half, my_public->fresh.bytes + 1);
    sm2_enter(&r, &r, &sm2_order);
    sm2_multiply(&r, &r, &half, &sm2_order);
    sm2_add(out, &d, &r, &sm2_order);
}

status sm2_exchange(uint8_t *key, size_t key_len, int initiator, const struct sm2_exchange_secret *mine,
                    const struct sm2_exchange_public *my_public, const struct sm2_exchange_public *theirs)
{
    const struct sm2_public *first = initiator ? &my_public->lasting : &theirs->lasting;
    const struct sm2_public *second = initiator ? &theirs->lasting : &my_public->lasting;
    struct sm2_number t AUTO(sm2_number_clear);
    struct sm2_point p AUTO(sm2_point_clear);
    uint8_t shared[XY_BYTES + 2 * HASH_BYTES];
    struct hash z[2];

    if (their_point(&p, theirs) != OK || sm2_z(&z[0], first, SM2_DEFAULT_ID) != OK || sm2_z(&z[1], second, SM2_DEFAULT_ID) != OK ||
        sm2_number_is_zero(&p.z)) /* infinity */
        return STATUS_UNTRUSTED;
    my_number(&t, mine, my_public); /* 0 once in 2^256 */
    sm2_point_times(&p, &t, &p);
    sm2_point_write(shared, &p);
    memcpy(shared + XY_BYTES, z[0].bytes, HASH_BYTES);
    memcpy(shared + XY_BYTES + HASH_BYTES, z[1].bytes, HASH_BYTES);
    sm3_kdf(key, key_len, shared, sizeof shared);
    sodium_memzero(shared, sizeof shared);
    return OK;
}
