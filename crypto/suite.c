#include "crypto/suite.h"

#include "crypto/wire.h"

#include <assert.h>
#include <string.h>

static_assert(SUITE_SEAL_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
                  SUITE_SEAL_NONCE_BYTES == crypto_secretstream_xchacha20poly1305_HEADERBYTES &&
                  SUITE_SEAL_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES &&
                  SUITE_SEAL_CHUNK_BYTES == crypto_secretstream_xchacha20poly1305_ABYTES,
              "seals have one size in both suites");
static_assert((int)SIGNATURE_BYTES == (int)SM2_SIGNATURE_BYTES, "and so have signatures");
static_assert(SIGN_SECRET_BYTES == SM2_SECRET_BYTES + HASH_BYTES, "a secret key is d and Z");
static_assert(RNG_BUFFER % SM4_BLOCK_BYTES == 0, "a buffer is filled with whole blocks");

const char *suite_name(enum suite s)
{
    switch (s) {
    case SUITE_INT1:
        return "INT1";
    case SUITE_GM1:
        return "GM1";
    }
    return NULL;
}

/* ---- hashes ---- */

/* Length, then bytes, as in crypto/hash.c. */
static void add_sized(struct sm3 *h, const void *bytes, size_t len)
{
    uint8_t prefix[8];

    store_u64(prefix, len);
    sm3_add(h, prefix, sizeof prefix);
    sm3_add(h, bytes, len);
}

void suite_hash_init(struct suite_hasher *h, enum suite s, const char *tag)
{
    h->suite = s;
    if (s == SUITE_INT1) {
        hasher_init(&h->state.int1, tag);
        return;
    }
    sm3_init(&h->state.gm1);
    add_sized(&h->state.gm1, tag, strlen(tag));
}

void suite_hash_add(struct suite_hasher *h, const void *bytes, size_t len)
{
    if (h->suite == SUITE_INT1)
        hasher_add(&h->state.int1, bytes, len);
    else
        add_sized(&h->state.gm1, bytes, len);
}

void suite_hash_final(struct suite_hasher *h, struct hash *out)
{
    if (h->suite == SUITE_INT1)
        hasher_final(&h->state.int1, out);
    else
        sm3_final(&h->state.gm1, out);
}

void suite_hash_peek(const struct suite_hasher *h, struct hash *out)
{
    struct suite_hasher copy = *h;

    suite_hash_final(&copy, out);
    sodium_memzero(&copy, sizeof copy);
}

void suite_hash_keyed(struct hash *out, enum suite s, const uint8_t key[32], const char *tag, const void *bytes, size_t len)
{
    struct sm3_hmac m;

    if (s == SUITE_INT1) {
        hash_keyed(out, key, tag, bytes, len);
        return;
    }
    sm3_hmac_init(&m, key, 32);
    add_sized(&m.inner, tag, strlen(tag));
    add_sized(&m.inner, bytes, len);
    sm3_hmac_final(&m, out);
}

void suite_merkle_leaf(struct hash *out, enum suite s, const void *data, size_t len)
{
    struct sm3 h;

    if (s == SUITE_INT1) {
        merkle_leaf(out, data, len);
        return;
    }
    sm3_init(&h);
    sm3_add(&h, "\0", 1);
    sm3_add(&h, data, len);
    sm3_final(&h, out);
}

void suite_merkle_node(struct hash *out, enum suite s, const struct hash *left, const struct hash *right)
{
    struct sm3 h;

    if (s == SUITE_INT1) {
        merkle_node(out, left, right);
        return;
    }
    sm3_init(&h);
    sm3_add(&h, "\1", 1);
    sm3_add(&h, left->bytes, HASH_BYTES);
    sm3_add(&h, right->bytes, HASH_BYTES);
    sm3_final(&h, out);
}

void suite_merkle_empty(struct hash *out, enum suite s)
{
    const struct merkle none = {0};
    struct sm3 h;

    if (s == SUITE_INT1) {
        merkle_root(&none, out);
        return;
    }
    sm3_init(&h);
    sm3_final(&h, out);
}

/* ---- signatures ---- */

size_t suite_public_bytes(enum suite s)
{
    return s == SUITE_INT1 ? SIGN_PUBLIC_BYTES : SM2_PUBLIC_BYTES;
}

static struct sign_public int1_public(const struct suite_public *pub)
{
    struct sign_public out;

    memcpy(out.bytes, pub->bytes, sizeof out.bytes);
    return out;
}

static struct sm2_public gm1_public(const uint8_t *bytes)
{
    struct sm2_public out;

    memcpy(out.bytes, bytes, sizeof out.bytes);
    return out;
}

status suite_public_read(struct suite_public *out, enum suite s, const uint8_t *bytes)
{
    if (s == SUITE_GM1) {
        const struct sm2_public point = gm1_public(bytes);

        TRY(sm2_public_check(&point));
    }
    memset(out, 0, sizeof *out);
    out->suite = s;
    memcpy(out->bytes, bytes, suite_public_bytes(s));
    return OK;
}

void suite_secret_clear(struct suite_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

static void gm1_keypair(struct suite_public *pub, struct suite_secret *sec, const struct rng_key *seed)
{
    struct sm2_secret d AUTO(sm2_secret_clear);
    struct sm2_public point;
    struct hash z;
    status code;

    sm2_keypair(&point, &d, seed);
    code = sm2_z(&z, &point, SM2_DEFAULT_ID);
    assert(code == OK);
    memcpy(pub->bytes, point.bytes, sizeof point.bytes);
    memcpy(sec->bytes, d.bytes, SM2_SECRET_BYTES);
    memcpy(sec->bytes + SM2_SECRET_BYTES, z.bytes, HASH_BYTES);
}

void suite_keypair(struct suite_public *pub, struct suite_secret *sec, enum suite s, const struct rng_key *seed)
{
    struct sign_public int1_pub;
    struct sign_secret int1_sec AUTO(sign_secret_clear);

    memset(pub, 0, sizeof *pub);
    pub->suite = sec->suite = s;
    if (s == SUITE_GM1) {
        gm1_keypair(pub, sec, seed);
        return;
    }
    sign_keypair(&int1_pub, &int1_sec, seed);
    memcpy(pub->bytes, int1_pub.bytes, sizeof int1_pub.bytes);
    memcpy(sec->bytes, int1_sec.bytes, sizeof int1_sec.bytes);
}

static void message(struct hash *out, const char *tag, const void *bytes, size_t len)
{
    struct suite_hasher h;

    suite_hash_init(&h, SUITE_GM1, tag);
    suite_hash_add(&h, bytes, len);
    suite_hash_final(&h, out);
}

static void gm1_sign(struct signature *sig, const struct suite_secret *sec, const void *bytes, size_t len)
{
    struct sm2_secret d AUTO(sm2_secret_clear);
    struct sm2_signature out;
    struct hash z;

    memcpy(d.bytes, sec->bytes, sizeof d.bytes);
    memcpy(z.bytes, sec->bytes + SM2_SECRET_BYTES, HASH_BYTES);
    sm2_sign(&out, &d, &z, bytes, len);
    memcpy(sig->bytes, out.bytes, sizeof sig->bytes);
}

static status gm1_check(const struct signature *sig, const struct suite_public *pub, const void *bytes, size_t len)
{
    const struct sm2_public point = gm1_public(pub->bytes);
    struct sm2_signature in;

    memcpy(in.bytes, sig->bytes, sizeof in.bytes);
    return sm2_verify(&in, &point, SM2_DEFAULT_ID, bytes, len);
}

static struct sign_secret int1_secret(const struct suite_secret *sec)
{
    struct sign_secret out;

    memcpy(out.bytes, sec->bytes, sizeof out.bytes);
    return out;
}

void suite_sign(struct signature *sig, const struct suite_secret *sec, const char *tag, const void *bytes, size_t len)
{
    struct hash m;

    if (sec->suite == SUITE_INT1) {
        struct sign_secret secret AUTO(sign_secret_clear) = int1_secret(sec);

        sign_make(sig, &secret, tag, bytes, len);
        return;
    }
    message(&m, tag, bytes, len);
    gm1_sign(sig, sec, m.bytes, HASH_BYTES);
}

status suite_check(const struct signature *sig, const struct suite_public *pub, const char *tag, const void *bytes, size_t len)
{
    const struct sign_public int1 = int1_public(pub);
    struct hash m;

    if (pub->suite == SUITE_INT1)
        return sign_check(sig, &int1, tag, bytes, len);
    message(&m, tag, bytes, len);
    return gm1_check(sig, pub, m.bytes, HASH_BYTES);
}

void suite_sign_text(struct signature *sig, const struct suite_secret *sec, const char *text, size_t len)
{
    if (sec->suite == SUITE_INT1) {
        struct sign_secret secret AUTO(sign_secret_clear) = int1_secret(sec);

        sign_text(sig, &secret, text, len);
        return;
    }
    gm1_sign(sig, sec, text, len);
}

status suite_text_check(const struct signature *sig, const struct suite_public *pub, const char *text, size_t len)
{
    const struct sign_public int1 = int1_public(pub);

    return pub->suite == SUITE_INT1 ? sign_text_check(sig, &int1, text, len) : gm1_check(sig, pub, text, len);
}

/* ---- key agreement ---- */

size_t suite_exchange_public_bytes(enum suite s)
{
    return s == SUITE_INT1 ? KX_BYTES : 2 * SM2_PUBLIC_BYTES;
}

void suite_exchange_secret_clear(struct suite_exchange_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

static void exchange_secret_clear(struct sm2_exchange_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

/* Both of the standard's key pairs, from one seed. */
static void gm1_exchange_keypair(struct suite_exchange_public *pub, struct suite_exchange_secret *sec,
                                 const struct rng_key *seed)
{
    struct sm2_exchange_secret d AUTO(exchange_secret_clear);
    struct sm2_exchange_public point;
    struct rng_key part AUTO(rng_key_clear);

    suite_key_derive(&part, SUITE_GM1, seed, "hefu/exchange/lasting", NULL, 0);
    sm2_keypair(&point.lasting, &d.lasting, &part);
    suite_key_derive(&part, SUITE_GM1, seed, "hefu/exchange/fresh", NULL, 0);
    sm2_keypair(&point.fresh, &d.fresh, &part);
    memcpy(pub->bytes, point.lasting.bytes, SM2_PUBLIC_BYTES);
    memcpy(pub->bytes + SM2_PUBLIC_BYTES, point.fresh.bytes, SM2_PUBLIC_BYTES);
    memcpy(sec->bytes, d.lasting.bytes, SM2_SECRET_BYTES);
    memcpy(sec->bytes + SM2_SECRET_BYTES, d.fresh.bytes, SM2_SECRET_BYTES);
}

void suite_exchange_keypair(struct suite_exchange_public *pub, struct suite_exchange_secret *sec, enum suite s,
                            const struct rng_key *seed)
{
    struct kx_public int1_pub;
    struct kx_secret int1_sec AUTO(kx_secret_clear);

    memset(pub, 0, sizeof *pub);
    memset(sec, 0, sizeof *sec);
    pub->suite = sec->suite = s;
    if (s == SUITE_GM1) {
        gm1_exchange_keypair(pub, sec, seed);
        return;
    }
    kx_keypair(&int1_pub, &int1_sec, seed);
    memcpy(pub->bytes, int1_pub.bytes, sizeof int1_pub.bytes);
    memcpy(sec->bytes, int1_sec.bytes, sizeof int1_sec.bytes);
}

static status int1_exchange(struct rng_key *out, const struct suite_exchange_secret *mine,
                            const struct suite_exchange_public *my_public, const struct suite_exchange_public *theirs,
                            const void *context, size_t context_len)
{
    struct kx_secret secret AUTO(kx_secret_clear);
    struct kx_public my_end, their_end;

    memcpy(secret.bytes, mine->bytes, sizeof secret.bytes);
    memcpy(my_end.bytes, my_public->bytes, sizeof my_end.bytes);
    memcpy(their_end.bytes, theirs->bytes, sizeof their_end.bytes);
    return kx_shared(out, &secret, &their_end, &my_end, context, context_len);
}

static struct sm2_exchange_public both_points(const struct suite_exchange_public *pub)
{
    return (struct sm2_exchange_public){.lasting = gm1_public(pub->bytes), .fresh = gm1_public(pub->bytes + SM2_PUBLIC_BYTES)};
}

/* The standard's key, bound to both public keys and the context. */
static status gm1_exchange(struct rng_key *out, const struct suite_exchange_secret *mine,
                           const struct suite_exchange_public *my_public, const struct suite_exchange_public *theirs,
                           const void *context, size_t context_len)
{
    const int order = memcmp(my_public->bytes, theirs->bytes, sizeof my_public->bytes);
    const struct sm2_exchange_public my_points = both_points(my_public), their_points = both_points(theirs);
    struct sm2_exchange_secret secret AUTO(exchange_secret_clear);
    struct rng_key agreed AUTO(rng_key_clear);
    struct sm3_hmac m;
    struct hash bound;

    if (order == 0)
        return STATUS_UNTRUSTED;
    memcpy(secret.lasting.bytes, mine->bytes, SM2_SECRET_BYTES);
    memcpy(secret.fresh.bytes, mine->bytes + SM2_SECRET_BYTES, SM2_SECRET_BYTES);
    TRY(sm2_exchange(agreed.bytes, sizeof agreed.bytes, order < 0, &secret, &my_points, &their_points));
    sm3_hmac_init(&m, agreed.bytes, sizeof agreed.bytes);
    add_sized(&m.inner, "hefu/pair/v1", strlen("hefu/pair/v1"));
    add_sized(&m.inner, order < 0 ? my_public->bytes : theirs->bytes, sizeof my_public->bytes);
    add_sized(&m.inner, order < 0 ? theirs->bytes : my_public->bytes, sizeof my_public->bytes);
    add_sized(&m.inner, context, context_len);
    sm3_hmac_final(&m, &bound);
    memcpy(out->bytes, bound.bytes, sizeof out->bytes);
    sodium_memzero(&bound, sizeof bound);
    return OK;
}

status suite_exchange(struct rng_key *out, const struct suite_exchange_secret *mine,
                      const struct suite_exchange_public *my_public, const struct suite_exchange_public *theirs,
                      const void *context, size_t context_len)
{
    if (my_public->suite != mine->suite || theirs->suite != mine->suite)
        return STATUS_UNTRUSTED;
    return mine->suite == SUITE_INT1 ? int1_exchange(out, mine, my_public, theirs, context, context_len)
                                     : gm1_exchange(out, mine, my_public, theirs, context, context_len);
}

/* ---- streams ---- */

void suite_key_derive(struct rng_key *out, enum suite s, const struct rng_key *parent, const char *label, const void *context,
                      size_t context_len)
{
    struct hash h;

    suite_hash_keyed(&h, s, parent->bytes, label, context, context_len);
    memcpy(out->bytes, h.bytes, sizeof out->bytes);
    sodium_memzero(&h, sizeof h);
}

/* The address as crypto/rng.c has it; of the stream's key the first half is SM4's, and the second where it begins to count. */
static void gm1_rng_init(struct suite_rng *g, const struct rng_key *key, const struct rng_address *where)
{
    uint8_t context[4 + 4 + 8 + 1 + HASH_BYTES] = {0};
    struct rng_key stream AUTO(rng_key_clear);

    store_u32(context, where->peer);
    store_u32(context + 4, where->pass);
    store_u64(context + 8, where->index);
    if (where->answers) {
        context[16] = 1;
        memcpy(context + 17, where->answers->bytes, HASH_BYTES);
    }
    suite_key_derive(&stream, SUITE_GM1, key, where->purpose, context, sizeof context);
    sm4_init(&g->cipher, stream.bytes);
    memcpy(g->common.key, stream.bytes + SM4_KEY_BYTES, SM4_BLOCK_BYTES);
}

void suite_rng_init(struct suite_rng *g, enum suite s, const struct rng_key *key, const struct rng_address *where)
{
    memset(g, 0, sizeof *g);
    g->suite = s;
    if (s == SUITE_INT1)
        rng_init(&g->common, key, where);
    else
        gm1_rng_init(g, key, where);
}

void suite_rng_clear(struct suite_rng *g)
{
    sodium_memzero(g, sizeof *g);
}

static void gm1_refill(struct suite_rng *g)
{
    uint8_t *start = g->common.key;
    const uint64_t low = load_u64(start + 8);

    sm4_counter(&g->cipher, g->common.buffer, NULL, RNG_BUFFER, start);
    store_u64(start + 8, low + RNG_BUFFER / SM4_BLOCK_BYTES);
    store_u64(start, load_u64(start) + (low + RNG_BUFFER / SM4_BLOCK_BYTES < low));
    g->common.left = RNG_BUFFER;
}

void suite_rng_fill(struct suite_rng *g, void *out, size_t len)
{
    struct rng *r = &g->common;
    uint8_t *at = out;

    if (g->suite == SUITE_INT1) {
        rng_fill(r, out, len);
        return;
    }
    while (len) {
        size_t n;

        if (!r->left)
            gm1_refill(g);
        n = len < r->left ? len : r->left;
        memcpy(at, r->buffer + RNG_BUFFER - r->left, n);
        r->left -= n;
        at += n;
        len -= n;
    }
}

/* ---- seals ---- */

void suite_seal(uint8_t *out, enum suite s, const uint8_t key[32], const uint8_t nonce[SUITE_SEAL_NONCE_BYTES],
                const void *context, size_t context_len, const void *bytes, size_t len)
{
    if (s == SUITE_INT1)
        crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, bytes, len, context, context_len, NULL, nonce, key);
    else
        sm4_seal(out, key, nonce, context, context_len, bytes, len);
}

status suite_unseal(uint8_t *out, enum suite s, const uint8_t key[32], const uint8_t nonce[SUITE_SEAL_NONCE_BYTES],
                    const void *context, size_t context_len, const uint8_t *sealed, size_t len)
{
    if (s == SUITE_GM1)
        return sm4_unseal(out, key, nonce, context, context_len, sealed, len);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, len, context, context_len, nonce, key) != 0)
        return STATUS_MISMATCH;
    return OK;
}

void suite_stream_init(struct suite_stream *st, enum suite s, const uint8_t key[32], const uint8_t nonce[SUITE_SEAL_NONCE_BYTES])
{
    int begun;

    st->suite = s;
    if (s == SUITE_GM1) {
        sm4_stream_init(&st->state.gm1, key, nonce);
        return;
    }
    /* As init_push does with a header it draws itself. */
    begun = crypto_secretstream_xchacha20poly1305_init_pull(&st->state.int1, nonce, key);
    assert(begun == 0);
}

void suite_stream_clear(struct suite_stream *st)
{
    sodium_memzero(st, sizeof *st);
}

void suite_stream_push(struct suite_stream *st, uint8_t *out, const void *bytes, size_t len, int last)
{
    if (st->suite == SUITE_GM1)
        sm4_stream_push(&st->state.gm1, out, bytes, len, last);
    else
        crypto_secretstream_xchacha20poly1305_push(&st->state.int1, out, NULL, bytes, len, NULL, 0,
                                                   last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                                        : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
}

status suite_stream_pull(struct suite_stream *st, uint8_t *out, int *last, const uint8_t *sealed, size_t len)
{
    unsigned char tag;

    if (st->suite == SUITE_GM1)
        return sm4_stream_pull(&st->state.gm1, out, last, sealed, len);
    if (crypto_secretstream_xchacha20poly1305_pull(&st->state.int1, out, NULL, &tag, sealed, len, NULL, 0) != 0)
        return STATUS_MISMATCH;
    *last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return OK;
}
