#include "crypto/seal.h"

#include "crypto/sm2.h"

#include <assert.h>
#include <string.h>

static_assert(SEAL_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
                  SEAL_NONCE_BYTES == crypto_secretstream_xchacha20poly1305_HEADERBYTES &&
                  SEAL_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES &&
                  SEAL_CHUNK_BYTES == crypto_secretstream_xchacha20poly1305_ABYTES,
              "seals have one size in both suites");
static_assert(SEAL_PUBLIC_BYTES == 1 + crypto_box_PUBLICKEYBYTES && SEAL_SECRET_BYTES == crypto_box_SECRETKEYBYTES &&
                  (int)SEAL_PUBLIC_BYTES == (int)SM2_PUBLIC_BYTES && (int)SEAL_SECRET_BYTES == (int)SM2_SECRET_BYTES,
              "and so have the keys");

void seal_make(uint8_t *out, enum suite s, const uint8_t key[32], const uint8_t nonce[SEAL_NONCE_BYTES], const void *context,
          size_t context_len, const void *bytes, size_t len)
{
    if (s == SUITE_GM1)
        sm4_seal(out, key, nonce, context, context_len, bytes, len);
    else
        crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, bytes, len, context, context_len, NULL, nonce, key);
}

status seal_open(uint8_t *out, enum suite s, const uint8_t key[32], const uint8_t nonce[SEAL_NONCE_BYTES], const void *context,
              size_t context_len, const uint8_t *sealed, size_t len)
{
    if (s == SUITE_GM1)
        return sm4_unseal(out, key, nonce, context, context_len, sealed, len);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, len, context, context_len, nonce, key) != 0)
        return STATUS_MISMATCH;
    return OK;
}

void seal_stream_init(struct seal_stream *st, enum suite s, const uint8_t key[32], const uint8_t nonce[SEAL_NONCE_BYTES])
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

void seal_stream_clear(struct seal_stream *st)
{
    sodium_memzero(st, sizeof *st);
}

void seal_stream_push(struct seal_stream *st, uint8_t *out, const void *bytes, size_t len, int last)
{
    if (st->suite == SUITE_GM1)
        sm4_stream_push(&st->state.gm1, out, bytes, len, last);
    else
        crypto_secretstream_xchacha20poly1305_push(&st->state.int1, out, NULL, bytes, len, NULL, 0,
                                                   last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                                        : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
}

status seal_stream_pull(struct seal_stream *st, uint8_t *out, int *last, const uint8_t *sealed, size_t len)
{
    unsigned char tag;

    if (st->suite == SUITE_GM1)
        return sm4_stream_pull(&st->state.gm1, out, last, sealed, len);
    if (crypto_secretstream_xchacha20poly1305_pull(&st->state.int1, out, NULL, &tag, sealed, len, NULL, 0) != 0)
        return STATUS_MISMATCH;
    *last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return OK;
}

enum suite seal_public_suite(const struct seal_public *pub)
{
    return pub->bytes[0] == KEY_X25519 ? SUITE_INT1 : SUITE_GM1;
}

/* A product with a point of low order is zero, whatever the secret: libsodium refuses it. */
static status check_order(const struct seal_public *pub)
{
    static const uint8_t any[SEAL_SECRET_BYTES] = {1};
    uint8_t product[crypto_scalarmult_BYTES];

    return crypto_scalarmult(product, any, pub->bytes + 1) == 0 ? OK : STATUS_MALFORMED;
}

status seal_public_check(const struct seal_public *pub, enum suite s)
{
    const struct sm2_public point = sm2_public_of_bytes(pub->bytes);

    if (seal_public_suite(pub) != s)
        return STATUS_MALFORMED;
    return s == SUITE_GM1 ? sm2_public_check(&point) : check_order(pub);
}

status seal_public_of(struct seal_public *pub, const struct seal_secret *sec)
{
    struct sm2_secret d AUTO(sm2_secret_clear);
    struct sm2_public point;

    if (sec->suite == SUITE_GM1) {
        memcpy(d.bytes, sec->bytes, sizeof d.bytes);
        TRY(sm2_public_of(&point, &d));
        memcpy(pub->bytes, point.bytes, sizeof pub->bytes);
        return OK;
    }
    pub->bytes[0] = KEY_X25519;
    crypto_scalarmult_base(pub->bytes + 1, sec->bytes);
    return OK;
}
