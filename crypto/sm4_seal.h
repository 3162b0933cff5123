/* Secrets at rest under SM4 and SM3: SM4 in counter mode, then HMAC-SM3 over what it gave, of which 16 bytes are kept.
 * Sizes are those of libsodium's XChaCha20-Poly1305 and of its secret stream, whose places these take in suite GM1.
 *
 * Cipher key and tag key come from the key and a nonce that must be new for each seal or stream; 24 random bytes are.
 * Everything is authenticated before a byte of it is decrypted. */
#ifndef HEFU_SM4_SEAL_H
#define HEFU_SM4_SEAL_H

#include "crypto/sm3.h"
#include "crypto/sm4.h"

enum {
    SM4_SEAL_KEY_BYTES = 32,
    SM4_SEAL_NONCE_BYTES = 24,
    SM4_SEAL_TAG_BYTES = 16,                        /* what a seal adds */
    SM4_SEAL_CHUNK_BYTES = 1 + SM4_SEAL_TAG_BYTES, /* what a chunk of a stream adds */
};

/* out[len + SM4_SEAL_TAG_BYTES], bound to context. */
void sm4_seal(uint8_t *out, const uint8_t key[SM4_SEAL_KEY_BYTES], const uint8_t nonce[SM4_SEAL_NONCE_BYTES],
              const void *context, size_t context_len, const void *bytes, size_t len);
/* out[len - SM4_SEAL_TAG_BYTES].  STATUS_MISMATCH when anything was changed; out is then untouched. */
MUST_USE status sm4_unseal(uint8_t *out, const uint8_t key[SM4_SEAL_KEY_BYTES], const uint8_t nonce[SM4_SEAL_NONCE_BYTES],
                           const void *context, size_t context_len, const uint8_t *sealed, size_t len);

/* A long secret in chunks: their order, their number and which is the last are authenticated. */
struct sm4_stream {
    struct sm4 cipher;
    uint8_t tag_key[HASH_BYTES];
    uint64_t chunk;
};

/* Either direction; the nonce is kept beside the stream. */
void sm4_stream_init(struct sm4_stream *s, const uint8_t key[SM4_SEAL_KEY_BYTES], const uint8_t nonce[SM4_SEAL_NONCE_BYTES]);
void sm4_stream_clear(struct sm4_stream *s); /* wipes */
/* out[len + SM4_SEAL_CHUNK_BYTES] */
void sm4_stream_push(struct sm4_stream *s, uint8_t *out, const void *bytes, size_t len, int last);
/* out[len - SM4_SEAL_CHUNK_BYTES].  STATUS_MISMATCH when this is not the chunk that was pushed here; out is then untouched. */
MUST_USE status sm4_stream_pull(struct sm4_stream *s, uint8_t *out, int *last, const uint8_t *sealed, size_t len);

#endif
