#include "crypto/sign.h"

#include "crypto/sm2.h"
#include "crypto/sm3.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert((int)SIGNATURE_BYTES == (int)SM2_SIGNATURE_BYTES && (int)SIGN_PUBLIC_BYTES == (int)SM2_PUBLIC_BYTES &&
                  SIGN_PUBLIC_BYTES == 1 + crypto_sign_PUBLICKEYBYTES,
              "signatures and keys have one size in both suites");
static_assert(SIGN_SECRET_BYTES == SM2_SECRET_BYTES + HASH_BYTES && SIGN_SECRET_BYTES == crypto_sign_SECRETKEYBYTES,
              "a secret key is d and Z, or seed and public key");
static_assert(KX_PUBLIC_BYTES == 2 * SM2_PUBLIC_BYTES && KX_SECRET_BYTES == 2 * SM2_SECRET_BYTES, "an exchange has two pairs");

enum { X25519_BYTES = crypto_scalarmult_BYTES };

void sign_secret_clear(struct sign_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

void kx_secret_clear(struct kx_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

enum suite sign_public_suite(const struct sign_public *pub)
{
    return pub->bytes[0] == KEY_ED25519 ? SUITE_INT1 : SUITE_GM1;
}

status sign_public_check(const struct sign_public *pub, enum suite s)
{
    const struct sm2_public point = sm2_public_of_bytes(pub->bytes);

    if (sign_public_suite(pub) != s)
        return STATUS_MALFORMED;
    return s == SUITE_GM1 ? sm2_public_check(&point) : OK;
}

status kx_public_check(const struct kx_public *pub, enum suite s)
{
    const struct sm2_public lasting = sm2_public_of_bytes(pub->bytes), fresh = sm2_public_of_bytes(pub->bytes + SM2_PUBLIC_BYTES);

    if (s == SUITE_GM1) {
        TRY(sm2_public_check(&lasting));
        return sm2_public_check(&fresh);
    }
    return pub->bytes[0] == KEY_X25519 && sodium_is_zero(pub->bytes + 1 + X25519_BYTES, KX_PUBLIC_BYTES - 1 - X25519_BYTES)
               ? OK
               : STATUS_MALFORMED;
}

/* ---- key pairs ---- */

static void sm2_pair(struct sign_public *pub, struct sign_secret *sec, const struct sm2_public *point, const struct sm2_secret *d)
{
    struct hash z;
    status code = sm2_z(&z, point, SM2_DEFAULT_ID);

    assert(code == OK);
    memcpy(pub->bytes, point->bytes, SIGN_PUBLIC_BYTES);
    memcpy(sec->bytes, d->bytes, SM2_SECRET_BYTES);
    memcpy(sec->bytes + SM2_SECRET_BYTES, z.bytes, HASH_BYTES);
    sec->suite = SUITE_GM1;
}

void sign_keypair(struct sign_public *pub, struct sign_secret *sec, const struct rng_key *seed)
{
    struct sm2_secret d AUTO(sm2_secret_clear);
    struct sm2_public point;

    if (seed->suite == SUITE_GM1) {
        sm2_keypair(&point, &d, seed);
        sm2_pair(pub, sec, &point, &d);
        return;
    }
    pub->bytes[0] = KEY_ED25519;
    crypto_sign_seed_keypair(pub->bytes + 1, sec->bytes, seed->bytes);
    sec->suite = SUITE_INT1;
}

status sign_keypair_sm2(struct sign_public *pub, struct sign_secret *sec, const uint8_t d[32])
{
    struct sm2_secret secret AUTO(sm2_secret_clear);
    struct sm2_public point;

    memcpy(secret.bytes, d, sizeof secret.bytes);
    TRY(sm2_public_of(&point, &secret));
    sm2_pair(pub, sec, &point, &secret);
    return OK;
}

static void sm2_exchange_part(uint8_t *pub, uint8_t *sec, const struct rng_key *seed, const char *label)
{
    struct sm2_secret d AUTO(sm2_secret_clear);
    struct rng_key part AUTO(rng_key_clear);
    struct sm2_public point;

    rng_key_derive(&part, seed, label, NULL, 0);
    sm2_keypair(&point, &d, &part);
    memcpy(pub, point.bytes, SM2_PUBLIC_BYTES);
    memcpy(sec, d.bytes, SM2_SECRET_BYTES);
}

void kx_keypair(struct kx_public *pub, struct kx_secret *sec, const struct rng_key *seed)
{
    if (seed->suite == SUITE_GM1) {
        sm2_exchange_part(pub->bytes, sec->bytes, seed, "hefu/exchange/lasting");
        sm2_exchange_part(pub->bytes + SM2_PUBLIC_BYTES, sec->bytes + SM2_SECRET_BYTES, seed, "hefu/exchange/fresh");
        sec->suite = SUITE_GM1;
        return;
    }
    *pub = (struct kx_public){{KEY_X25519}};
    *sec = (struct kx_secret){.suite = SUITE_INT1};
    memcpy(sec->bytes, seed->bytes, X25519_BYTES);
    crypto_scalarmult_base(pub->bytes + 1, sec->bytes);
}

/* ---- signatures ---- */

void sign_text(struct signature *sig, const struct sign_secret *sec, const char *text, size_t len)
{
    struct sm2_secret d AUTO(sm2_secret_clear);
    struct sm2_signature out;
    struct hash z;

    if (sec->suite == SUITE_INT1) {
        crypto_sign_detached(sig->bytes, NULL, (const unsigned char *)text, len, sec->bytes);
        return;
    }
    memcpy(d.bytes, sec->bytes, sizeof d.bytes);
    memcpy(z.bytes, sec->bytes + SM2_SECRET_BYTES, HASH_BYTES);
    sm2_sign(&out, &d, &z, text, len);
    memcpy(sig->bytes, out.bytes, sizeof sig->bytes);
}

status sign_text_check(const struct signature *sig, const struct sign_public *pub, const char *text, size_t len)
{
    const struct sm2_public point = sm2_public_of_bytes(pub->bytes);
    struct sm2_signature in;

    if (sign_public_suite(pub) == SUITE_INT1)
        return crypto_sign_verify_detached(sig->bytes, (const unsigned char *)text, len, pub->bytes + 1) == 0 ? OK
                                                                                                             : STATUS_UNTRUSTED;
    memcpy(in.bytes, sig->bytes, sizeof in.bytes);
    return sm2_verify(&in, &point, SM2_DEFAULT_ID, text, len);
}

static void digest(struct hash *out, enum suite s, const char *tag, const void *bytes, size_t len)
{
    struct hasher h;

    hasher_init(&h, s, tag);
    hasher_add(&h, bytes, len);
    hasher_final(&h, out);
}

void sign_make(struct signature *sig, const struct sign_secret *sec, const char *tag, const void *bytes, size_t len)
{
    struct hash h;

    digest(&h, sec->suite, tag, bytes, len);
    sign_text(sig, sec, (const char *)h.bytes, HASH_BYTES);
}

status sign_check(const struct signature *sig, const struct sign_public *pub, const char *tag, const void *bytes,
                  size_t len)
{
    struct hash h;

    digest(&h, sign_public_suite(pub), tag, bytes, len);
    return sign_text_check(sig, pub, (const char *)h.bytes, HASH_BYTES);
}

/* ---- key agreement ---- */

static status x25519_agree(uint8_t agreed[32], const struct kx_secret *mine, const struct kx_public *theirs)
{
    return crypto_scalarmult(agreed, mine->bytes, theirs->bytes + 1) == 0 ? OK : STATUS_UNTRUSTED;
}

static struct sm2_exchange_public both_points(const struct kx_public *pub)
{
    return (struct sm2_exchange_public){.lasting = sm2_public_of_bytes(pub->bytes),
                                        .fresh = sm2_public_of_bytes(pub->bytes + SM2_PUBLIC_BYTES)};
}

static void exchange_secret_clear(struct sm2_exchange_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

static status sm2_agree(uint8_t agreed[32], int initiator, const struct kx_secret *mine, const struct kx_public *my_public,
                        const struct kx_public *theirs)
{
    const struct sm2_exchange_public my_points = both_points(my_public), their_points = both_points(theirs);
    struct sm2_exchange_secret secret AUTO(exchange_secret_clear);

    memcpy(secret.lasting.bytes, mine->bytes, SM2_SECRET_BYTES);
    memcpy(secret.fresh.bytes, mine->bytes + SM2_SECRET_BYTES, SM2_SECRET_BYTES);
    return sm2_exchange(agreed, 32, initiator, &secret, &my_points, &their_points);
}

/* The agreed secret, bound to both public keys and the context. */
static void bind(struct rng_key *out, enum suite s, const uint8_t agreed[32], const struct kx_public *first,
                 const struct kx_public *second, const void *context, size_t context_len)
{
    struct hasher h;
    struct hash bound;

    hasher_init(&h, s, "hefu/pair/v2");
    hasher_add(&h, agreed, 32);
    hasher_add(&h, first->bytes, KX_PUBLIC_BYTES);
    hasher_add(&h, second->bytes, KX_PUBLIC_BYTES);
    hasher_add(&h, context, context_len);
    hasher_final(&h, &bound);
    rng_key_from_hash(out, s, &bound);
    sodium_memzero(&bound, sizeof bound);
}

status kx_shared(struct rng_key *out, const struct kx_secret *mine, const struct kx_public *theirs,
                 const struct kx_public *my_public, const void *context, size_t context_len)
{
    const int order = memcmp(my_public->bytes, theirs->bytes, KX_PUBLIC_BYTES);
    uint8_t agreed[32];
    status code;

    if (order == 0 || kx_public_check(theirs, mine->suite) != OK)
        return STATUS_UNTRUSTED;
    code = mine->suite == SUITE_INT1 ? x25519_agree(agreed, mine, theirs)
                                     : sm2_agree(agreed, order < 0, mine, my_public, theirs);
    if (code == OK)
        bind(out, mine->suite, agreed, order < 0 ? my_public : theirs, order < 0 ? theirs : my_public, context, context_len);
    sodium_memzero(agreed, sizeof agreed);
    return code;
}
