#include "crypto/sm2.h"

#include "crypto/sm3.h"
#include "crypto/wire.h"

#include <assert.h>
#include <gmp.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

/* Numbers mod n: big-endian bytes outside, limbs from the lowest inside. */
enum { BYTES = 32, LIMB_BYTES = GMP_NUMB_BITS / 8, LIMBS = BYTES / LIMB_BYTES, SCRATCH_LIMBS = 128, POINT_BYTES = 65 };

static const uint8_t order_bytes[BYTES] = {
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x72, 0x03, 0xdf, 0x6b, 0x21, 0xc6, 0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x23,
};

/* a, b, x_G, y_G: what Z hashes of the curve. */
static const uint8_t curve_bytes[4 * BYTES] = {
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,
    0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7,
    0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93,
    0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94,
    0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7,
    0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53,
    0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0,
};

void sm2_secret_clear(struct sm2_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

/* ---- numbers mod n ---- */

struct number { mp_limb_t limb[LIMBS]; };

static void number_clear(struct number *x)
{
    sodium_memzero(x, sizeof *x);
}

static void number_read(struct number *x, const uint8_t in[BYTES])
{
    for (size_t i = 0; i < LIMBS; i++) {
        x->limb[i] = 0;
        for (size_t j = 0; j < LIMB_BYTES; j++)
            x->limb[i] |= (mp_limb_t)in[BYTES - 1 - i * LIMB_BYTES - j] << 8 * j;
    }
}

static void number_write(uint8_t out[BYTES], const struct number *x)
{
    for (size_t i = 0; i < LIMBS; i++)
        for (size_t j = 0; j < LIMB_BYTES; j++)
            out[BYTES - 1 - i * LIMB_BYTES - j] = (uint8_t)(x->limb[i] >> 8 * j);
}

static struct number order(void)
{
    struct number n;

    number_read(&n, order_bytes);
    return n;
}

/* 1 for 0 and 0 for everything else, without a branch. */
static mp_limb_t number_is_zero(const struct number *x)
{
    mp_limb_t any = 0;

    for (size_t i = 0; i < LIMBS; i++)
        any |= x->limb[i];
    return ((any | -any) >> (GMP_NUMB_BITS - 1)) ^ 1;
}

/* 1 when x < n. */
static mp_limb_t number_is_reduced(const struct number *x)
{
    const struct number n = order();
    struct number away AUTO(number_clear);

    return mpn_sub_n(away.limb, x->limb, n.limb, LIMBS);
}

/* Of wide, limbs of them, from the lowest. */
static void reduce(struct number *out, mp_limb_t *wide, mp_size_t limbs)
{
    const struct number n = order();
    mp_limb_t scratch[SCRATCH_LIMBS];

    assert(mpn_sec_div_r_itch(limbs, LIMBS) <= SCRATCH_LIMBS);
    mpn_sec_div_r(wide, limbs, n.limb, LIMBS, scratch);
    memcpy(out->limb, wide, sizeof out->limb);
    sodium_memzero(scratch, sizeof scratch);
}

static void number_multiply(struct number *out, const struct number *x, const struct number *y)
{
    mp_limb_t wide[2 * LIMBS], scratch[SCRATCH_LIMBS];

    assert(mpn_sec_mul_itch(LIMBS, LIMBS) <= SCRATCH_LIMBS);
    mpn_sec_mul(wide, x->limb, LIMBS, y->limb, LIMBS, scratch);
    reduce(out, wide, 2 * LIMBS);
    sodium_memzero(wide, sizeof wide);
    sodium_memzero(scratch, sizeof scratch);
}

/* x, y < n */
static void number_add(struct number *out, const struct number *x, const struct number *y)
{
    mp_limb_t wide[LIMBS + 1];

    wide[LIMBS] = mpn_add_n(wide, x->limb, y->limb, LIMBS);
    reduce(out, wide, LIMBS + 1);
    sodium_memzero(wide, sizeof wide);
}

static void number_subtract(struct number *out, const struct number *x, const struct number *y)
{
    const struct number n = order();
    const mp_limb_t below = mpn_sub_n(out->limb, x->limb, y->limb, LIMBS);

    mpn_cnd_add_n(below, out->limb, out->limb, n.limb, LIMBS);
}

/* 0 < x < n */
static void number_invert(struct number *out, const struct number *x)
{
    const struct number n = order();
    struct number left AUTO(number_clear) = *x;
    mp_limb_t scratch[SCRATCH_LIMBS];

    assert(mpn_sec_invert_itch(LIMBS) <= SCRATCH_LIMBS);
    mpn_sec_invert(out->limb, left.limb, n.limb, LIMBS, 2 * LIMBS * GMP_NUMB_BITS, scratch);
    sodium_memzero(scratch, sizeof scratch);
}

/* x when choose is 1, y when it is 0. */
static void number_choose(struct number *out, mp_limb_t choose, const struct number *x, const struct number *y)
{
    for (size_t i = 0; i < LIMBS; i++)
        out->limb[i] = y->limb[i] ^ (-choose & (x->limb[i] ^ y->limb[i]));
}

static const struct number one = {{1}};

/* ---- points ---- */

static void point_clear(EC_POINT **p)
{
    EC_POINT_clear_free(*p);
}

static void bn_clear(BIGNUM **x)
{
    BN_clear_free(*x);
}

static void bn_ctx_clear(BN_CTX **x)
{
    BN_CTX_free(*x);
}

/* Made once, never changed, shared by all threads. */
static const EC_GROUP *curve(void)
{
    static _Atomic(EC_GROUP *) made;
    EC_GROUP *g = atomic_load(&made), *other = NULL;

    if (!g) {
        g = EC_GROUP_new_by_curve_name(NID_sm2);
        if (g && !atomic_compare_exchange_strong(&made, &other, g)) {
            EC_GROUP_free(g);
            g = other;
        }
    }
    return g;
}

/* BN_bin2bn passes over zero bytes at the top one by one, which tells how many a nonce has.  It finds none here, and taking
 * away the one in front leaves only whole limbs of zeros to be seen: 2^-64. */
static BIGNUM *bn_of(const struct number *x)
{
    uint8_t bytes[1 + BYTES] = {1};
    BIGNUM *out;

    number_write(bytes + 1, x);
    out = BN_bin2bn(bytes, sizeof bytes, NULL);
    sodium_memzero(bytes, sizeof bytes);
    if (out) {
        BN_mask_bits(out, 8 * BYTES);
        BN_set_flags(out, BN_FLG_CONSTTIME);
    }
    return out;
}

/* x and y of scalar times the point, or of scalar times G.  STATUS_UNTRUSTED for infinity. */
static status multiply(uint8_t xy[2 * BYTES], const struct number *scalar, const EC_POINT *point)
{
    const EC_GROUP *g = curve();
    EC_POINT *product AUTO(point_clear) = g ? EC_POINT_new(g) : NULL;
    BIGNUM *k AUTO(bn_clear) = bn_of(scalar), *x AUTO(bn_clear) = BN_new(), *y AUTO(bn_clear) = BN_new();
    BN_CTX *ctx AUTO(bn_ctx_clear) = BN_CTX_new();

    if (!product || !k || !x || !y || !ctx ||
        EC_POINT_mul(g, product, point ? NULL : k, point, point ? k : NULL, ctx) != 1)
        return STATUS_NO_MEMORY;
    if (EC_POINT_is_at_infinity(g, product))
        return STATUS_UNTRUSTED;
    if (EC_POINT_get_affine_coordinates(g, product, x, y, ctx) != 1 || BN_bn2binpad(x, xy, BYTES) != BYTES ||
        BN_bn2binpad(y, xy + BYTES, BYTES) != BYTES)
        return STATUS_NO_MEMORY;
    return OK;
}

/* STATUS_MALFORMED for what is no encoding of a point; the caller frees it. */
static status read_point(EC_POINT **out, const uint8_t *bytes, size_t len)
{
    const EC_GROUP *g = curve();
    EC_POINT *p AUTO(point_clear) = g ? EC_POINT_new(g) : NULL;
    int good;

    if (!p)
        return STATUS_NO_MEMORY;
    ERR_set_mark();
    /* checks that x is below p and that the point is on the curve */
    good = EC_POINT_oct2point(g, p, bytes, len, NULL) == 1 && !EC_POINT_is_at_infinity(g, p);
    ERR_pop_to_mark(); /* what is left in OpenSSL's queue would be blamed on the next call that looks, such as TLS */
    if (!good)
        return STATUS_MALFORMED;
    *out = p;
    p = NULL;
    return OK;
}

static status read_public(EC_POINT **out, const struct sm2_public *pub)
{
    if (pub->bytes[0] != POINT_CONVERSION_COMPRESSED && pub->bytes[0] != POINT_CONVERSION_COMPRESSED + 1)
        return STATUS_MALFORMED;
    return read_point(out, pub->bytes, sizeof pub->bytes);
}

static void compress(struct sm2_public *out, const uint8_t xy[2 * BYTES])
{
    out->bytes[0] = (uint8_t)(POINT_CONVERSION_COMPRESSED + (xy[2 * BYTES - 1] & 1));
    memcpy(out->bytes + 1, xy, BYTES);
}

status sm2_public_check(const struct sm2_public *pub)
{
    EC_POINT *p AUTO(point_clear) = NULL;

    return read_public(&p, pub);
}

status sm2_public_from_point(struct sm2_public *out, const uint8_t point[POINT_BYTES])
{
    EC_POINT *p AUTO(point_clear) = NULL;

    if (point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return STATUS_MALFORMED;
    TRY(read_point(&p, point, POINT_BYTES));
    compress(out, point + 1);
    return OK;
}

status sm2_public_to_point(uint8_t point[POINT_BYTES], const struct sm2_public *pub)
{
    EC_POINT *p AUTO(point_clear) = NULL;

    TRY(read_public(&p, pub));
    return EC_POINT_point2oct(curve(), p, POINT_CONVERSION_UNCOMPRESSED, point, POINT_BYTES, NULL) == POINT_BYTES
               ? OK
               : STATUS_NO_MEMORY;
}

/* ---- keys ---- */

status sm2_public_of(struct sm2_public *pub, const struct sm2_secret *sec)
{
    struct number d AUTO(number_clear), next AUTO(number_clear);
    uint8_t xy[2 * BYTES];

    number_read(&d, sec->bytes);
    mpn_add_n(next.limb, d.limb, one.limb, LIMBS);
    if (number_is_zero(&d) || !number_is_reduced(&d) || !number_is_reduced(&next))
        return STATUS_MALFORMED;
    TRY(multiply(xy, &d, NULL));
    compress(pub, xy);
    return OK;
}

/* 1 + (384 bits mod n - 2): no candidate is rejected, so nothing branches on the seed. */
static void secret_of(struct sm2_secret *sec, const struct rng_key *seed)
{
    static const char label[] = "hefu/sm2 key/v1";
    enum { WIDE = LIMBS + LIMBS / 2, ZEROS = BYTES / 2 };
    uint8_t bytes[ZEROS + 2 * HASH_BYTES] = {0}; /* the first 48 of the hashes are used, from the highest */
    struct number high AUTO(number_clear), low AUTO(number_clear), d AUTO(number_clear), bound = order();
    mp_limb_t wide[WIDE], scratch[SCRATCH_LIMBS];

    for (uint8_t i = 0; i < 2; i++) {
        struct sm3_hmac m;
        struct hash part;

        sm3_hmac_init(&m, seed->bytes, sizeof seed->bytes);
        sm3_hmac_add(&m, label, sizeof label);
        sm3_hmac_add(&m, &i, 1);
        sm3_hmac_final(&m, &part);
        memcpy(bytes + ZEROS + i * HASH_BYTES, part.bytes, HASH_BYTES);
        sodium_memzero(&part, sizeof part);
    }
    number_read(&high, bytes);
    number_read(&low, bytes + BYTES);
    memcpy(wide, low.limb, sizeof low.limb);
    memcpy(wide + LIMBS, high.limb, sizeof wide - sizeof low.limb);
    bound.limb[0] -= 2;
    assert(mpn_sec_div_r_itch(WIDE, LIMBS) <= SCRATCH_LIMBS);
    mpn_sec_div_r(wide, WIDE, bound.limb, LIMBS, scratch);
    mpn_add_n(d.limb, wide, one.limb, LIMBS);
    number_write(sec->bytes, &d);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(wide, sizeof wide);
    sodium_memzero(scratch, sizeof scratch);
}

status sm2_keypair(struct sm2_public *pub, struct sm2_secret *sec, const struct rng_key *seed)
{
    struct sm2_secret d AUTO(sm2_secret_clear);
    struct number scalar AUTO(number_clear);
    uint8_t xy[2 * BYTES];

    secret_of(&d, seed);
    number_read(&scalar, d.bytes);
    TRY(multiply(xy, &scalar, NULL));
    compress(pub, xy);
    *sec = d;
    return OK;
}

/* ---- signatures ---- */

static void z_of_point(struct hash *z, const uint8_t point[POINT_BYTES], const char *id)
{
    const size_t len = strlen(id);
    uint8_t bits[2];
    struct sm3 h;

    assert(len < 8192);
    store_u16(bits, (uint16_t)(8 * len));
    sm3_init(&h);
    sm3_add(&h, bits, sizeof bits);
    sm3_add(&h, id, len);
    sm3_add(&h, curve_bytes, sizeof curve_bytes);
    sm3_add(&h, point + 1, 2 * BYTES);
    sm3_final(&h, z);
}

status sm2_z(struct hash *z, const struct sm2_public *pub, const char *id)
{
    uint8_t point[POINT_BYTES];

    TRY(sm2_public_to_point(point, pub));
    z_of_point(z, point, id);
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
 * branch.  Once in 2^64 signatures it would be the third: then the second is reduced, which is as good. */
static void nonce(struct number *out, const uint8_t d_and_e[2 * BYTES])
{
    struct hash k = {{0}}, v;
    struct number candidate[2];
    mp_limb_t wide[LIMBS + 1] = {0};

    memset(v.bytes, 1, HASH_BYTES);
    nonce_step(&k, &v, 0, d_and_e, 2 * BYTES);
    nonce_step(&k, &v, 1, d_and_e, 2 * BYTES);
    for (size_t i = 0; i < 2; i++) {
        struct sm3_hmac m;

        sm3_hmac_init(&m, k.bytes, HASH_BYTES);
        sm3_hmac_add(&m, v.bytes, HASH_BYTES);
        sm3_hmac_final(&m, &v);
        number_read(&candidate[i], v.bytes);
        nonce_step(&k, &v, 0, NULL, 0);
    }
    number_choose(out, number_is_reduced(&candidate[0]) & (number_is_zero(&candidate[0]) ^ 1), &candidate[0], &candidate[1]);
    memcpy(wide, out->limb, sizeof out->limb);
    reduce(out, wide, LIMBS + 1);
    sodium_memzero(&k, sizeof k);
    sodium_memzero(&v, sizeof v);
    sodium_memzero(candidate, sizeof candidate);
    sodium_memzero(wide, sizeof wide);
}

/* e = SM3(z, bytes) mod n: all that follows uses it so, and RFC 6979 does. */
static void digest(struct number *e, const struct hash *z, const void *bytes, size_t len)
{
    mp_limb_t wide[LIMBS + 1] = {0};
    struct hash out;
    struct sm3 h;

    sm3_init(&h);
    sm3_add(&h, z->bytes, HASH_BYTES);
    sm3_add(&h, bytes, len);
    sm3_final(&h, &out);
    number_read(e, out.bytes);
    memcpy(wide, e->limb, sizeof e->limb);
    reduce(e, wide, LIMBS + 1);
}

status sm2_sign(struct sm2_signature *sig, const struct sm2_secret *sec, const struct hash *z, const void *bytes, size_t len)
{
    struct number d AUTO(number_clear), k AUTO(number_clear), t AUTO(number_clear), inverse AUTO(number_clear), e, r, s;
    uint8_t d_and_e[2 * BYTES], xy[2 * BYTES];
    mp_limb_t wide[LIMBS + 1] = {0};
    status code;

    digest(&e, z, bytes, len);
    memcpy(d_and_e, sec->bytes, BYTES);
    number_write(d_and_e + BYTES, &e);
    nonce(&k, d_and_e);
    sodium_memzero(d_and_e, sizeof d_and_e);
    code = multiply(xy, &k, NULL);
    if (code != OK)
        return STATUS_NO_MEMORY;
    number_read(&r, xy);
    memcpy(wide, r.limb, sizeof r.limb);
    reduce(&r, wide, LIMBS + 1); /* x may be n or more */
    number_add(&r, &r, &e);
    number_read(&d, sec->bytes);
    number_add(&t, &d, &one);
    number_invert(&inverse, &t);
    number_multiply(&t, &r, &d);
    number_subtract(&t, &k, &t);
    number_multiply(&s, &inverse, &t); /* s = (k - r d) / (1 + d) */
    number_write(sig->bytes, &r);
    number_write(sig->bytes + BYTES, &s);
    /* The standard draws another k when r = 0, r + k = n or s = 0.  That is once in 2^254 messages, and sm2_verify would refuse
     * what comes out. */
    return OK;
}

status sm2_signature_check(const struct sm2_signature *sig)
{
    struct number r, s, t;

    number_read(&r, sig->bytes);
    number_read(&s, sig->bytes + BYTES);
    if (number_is_zero(&r) || number_is_zero(&s) || !number_is_reduced(&r) || !number_is_reduced(&s))
        return STATUS_MALFORMED;
    number_add(&t, &r, &s);
    return number_is_zero(&t) ? STATUS_MALFORMED : OK;
}

static void sig_clear(ECDSA_SIG **s)
{
    ECDSA_SIG_free(*s);
}

/* As OpenSSL wants it. */
static int der_of(uint8_t der[72], const struct sm2_signature *sig)
{
    ECDSA_SIG *both AUTO(sig_clear) = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig->bytes, BYTES, NULL), *s = BN_bin2bn(sig->bytes + BYTES, BYTES, NULL);
    uint8_t *at = der;

    if (!both || !r || !s || ECDSA_SIG_set0(both, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return 0;
    }
    return i2d_ECDSA_SIG(both, &at);
}

static void pkey_clear(EVP_PKEY **x)
{
    EVP_PKEY_free(*x);
}

static void pkey_ctx_clear(EVP_PKEY_CTX **x)
{
    EVP_PKEY_CTX_free(*x);
}

static void md_ctx_clear(EVP_MD_CTX **x)
{
    EVP_MD_CTX_free(*x);
}

static EVP_PKEY *evp_key(const uint8_t point[POINT_BYTES])
{
    EVP_PKEY_CTX *ctx AUTO(pkey_ctx_clear) = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    char name[] = "SM2";
    uint8_t bytes[POINT_BYTES];
    OSSL_PARAM from[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
                         OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof bytes),
                         OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;

    memcpy(bytes, point, sizeof bytes);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, from) != 1)
        return NULL;
    return key;
}

status sm2_verify(const struct sm2_signature *sig, const struct sm2_public *pub, const char *id, const void *bytes, size_t len)
{
    uint8_t point[POINT_BYTES], der[72];
    EVP_PKEY *key AUTO(pkey_clear) = NULL;
    EVP_PKEY_CTX *ctx AUTO(pkey_ctx_clear) = NULL;
    EVP_MD_CTX *md AUTO(md_ctx_clear) = NULL;
    status code = sm2_public_to_point(point, pub);
    int der_len, good;

    if (code == STATUS_MALFORMED || sm2_signature_check(sig) != OK)
        return STATUS_UNTRUSTED;
    TRY(code);
    key = evp_key(point);
    ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    md = EVP_MD_CTX_new();
    der_len = der_of(der, sig);
    if (!ctx || !md || der_len <= 0 || EVP_PKEY_CTX_set1_id(ctx, id, (int)strlen(id)) != 1)
        return STATUS_NO_MEMORY;
    EVP_MD_CTX_set_pkey_ctx(md, ctx);
    if (EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, key) != 1)
        return STATUS_NO_MEMORY;
    ERR_set_mark();
    good = EVP_DigestVerify(md, der, (size_t)der_len, bytes, len) == 1;
    ERR_pop_to_mark();
    return good ? OK : STATUS_UNTRUSTED;
}

/* ---- exchange ---- */

/* 2^127 + the low 127 bits of x. */
static void half_of(struct number *out, const uint8_t x[BYTES])
{
    uint8_t half[BYTES] = {0};

    memcpy(half + BYTES / 2, x + BYTES / 2, BYTES / 2);
    half[BYTES / 2] |= 0x80;
    number_read(out, half);
}

/* their lasting key + half of their fresh one times it: all of it public */
static status their_point(EC_POINT **out, const struct sm2_exchange_public *theirs)
{
    EC_POINT *lasting AUTO(point_clear) = NULL, *sum AUTO(point_clear) = NULL;
    BIGNUM *k AUTO(bn_clear) = NULL;
    struct number half;

    TRY(read_public(&lasting, &theirs->lasting));
    TRY(read_public(&sum, &theirs->fresh));
    half_of(&half, theirs->fresh.bytes + 1);
    k = bn_of(&half);
    if (!k || EC_POINT_mul(curve(), sum, NULL, sum, k, NULL) != 1 ||
        EC_POINT_add(curve(), sum, sum, lasting, NULL) != 1)
        return STATUS_NO_MEMORY;
    *out = sum;
    sum = NULL;
    return OK;
}

status sm2_exchange(uint8_t *key, size_t key_len, int initiator, const struct sm2_exchange_secret *mine,
                    const struct sm2_exchange_public *my_public, const struct sm2_exchange_public *theirs)
{
    struct number d AUTO(number_clear), r AUTO(number_clear), t AUTO(number_clear), half;
    const struct sm2_public *first = initiator ? &my_public->lasting : &theirs->lasting;
    const struct sm2_public *second = initiator ? &theirs->lasting : &my_public->lasting;
    EC_POINT *point AUTO(point_clear) = NULL;
    uint8_t shared[2 * BYTES + 2 * HASH_BYTES];
    struct hash z;
    status code = their_point(&point, theirs);

    if (code != OK)
        return code == STATUS_MALFORMED ? STATUS_UNTRUSTED : code;
    TRY(sm2_z(&z, first, SM2_DEFAULT_ID));
    memcpy(shared + 2 * BYTES, z.bytes, HASH_BYTES);
    TRY(sm2_z(&z, second, SM2_DEFAULT_ID));
    memcpy(shared + 2 * BYTES + HASH_BYTES, z.bytes, HASH_BYTES);
    number_read(&d, mine->lasting.bytes);
    number_read(&r, mine->fresh.bytes);
    half_of(&half, my_public->fresh.bytes + 1);
    number_multiply(&t, &half, &r);
    number_add(&t, &t, &d);
    code = multiply(shared, &t, point); /* infinity, too, when t is 0 */
    if (code == OK)
        sm3_kdf(key, key_len, shared, sizeof shared);
    sodium_memzero(shared, sizeof shared);
    return code;
}
