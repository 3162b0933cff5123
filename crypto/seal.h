/* Secrets at rest, of either suite, in one size: XChaCha20-Poly1305 and libsodium's secret stream, or SM4 and HMAC-SM3; and the
 * keys that a secret for somebody else is sealed to.  [SPEC 2.4.1] */
#ifndef HEFU_SEAL_H
#define HEFU_SEAL_H

#include "crypto/sign.h"
#include "crypto/sm4_seal.h"

#include <sodium.h>

/* ---- under a key of one's own ---- */

enum {
    SEAL_NONCE_BYTES = SM4_SEAL_NONCE_BYTES,
    SEAL_TAG_BYTES = SM4_SEAL_TAG_BYTES,
    SEAL_CHUNK_BYTES = SM4_SEAL_CHUNK_BYTES, /* 24, 16, 17 */
};

/* out[len + SEAL_TAG_BYTES].  A nonce is 24 random bytes, drawn by the caller. */
void seal_make(uint8_t *out, enum suite s, const uint8_t key[32], const uint8_t nonce[SEAL_NONCE_BYTES], const void *context,
          size_t context_len, const void *bytes, size_t len);
/* out[len - SEAL_TAG_BYTES].  STATUS_MISMATCH when anything was changed; out then holds nothing of the secret. */
MUST_USE status seal_open(uint8_t *out, enum suite s, const uint8_t key[32], const uint8_t nonce[SEAL_NONCE_BYTES],
                       const void *context, size_t context_len, const uint8_t *sealed, size_t len);

struct seal_stream {
    enum suite suite;
    union { crypto_secretstream_xchacha20poly1305_state int1; struct sm4_stream gm1; } state;
};

/* Either direction.  SUITE_INT1: the nonce is the header of libsodium's stream. */
void seal_stream_init(struct seal_stream *st, enum suite s, const uint8_t key[32], const uint8_t nonce[SEAL_NONCE_BYTES]);
void seal_stream_clear(struct seal_stream *st); /* wipes */
/* out[len + SEAL_CHUNK_BYTES] */
void seal_stream_push(struct seal_stream *st, uint8_t *out, const void *bytes, size_t len, int last);
/* out[len - SEAL_CHUNK_BYTES].  STATUS_MISMATCH. */
MUST_USE status seal_stream_pull(struct seal_stream *st, uint8_t *out, int *last, const uint8_t *sealed, size_t len);

/* ---- to somebody's public key ---- */

enum { SEAL_PUBLIC_BYTES = 33, SEAL_SECRET_BYTES = 32 };

/* KEY_X25519, then the key; or a compressed SM2 point. */
struct seal_public { uint8_t bytes[SEAL_PUBLIC_BYTES]; };
struct seal_secret {
    uint8_t bytes[SEAL_SECRET_BYTES];
    enum suite suite;
};

/* STATUS_MALFORMED for no key of that suite, or one that anybody can open. */
MUST_USE status seal_public_check(const struct seal_public *pub, enum suite s);
/* By the first byte: SUITE_GM1 for all but KEY_X25519. */
enum suite seal_public_suite(const struct seal_public *pub);
/* The public key of a secret from elsewhere; STATUS_MALFORMED when it is none. */
MUST_USE status seal_public_of(struct seal_public *pub, const struct seal_secret *sec);

#endif
