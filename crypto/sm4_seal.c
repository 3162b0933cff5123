#include "crypto/sm4_seal.h"

#include "crypto/wire.h"

#include <sodium.h>
#include <string.h>

/* The use keeps seals and streams under one key apart. */
static void derive(struct sm4_stream *s, const char *use, const uint8_t key[SM4_SEAL_KEY_BYTES],
                   const uint8_t nonce[SM4_SEAL_NONCE_BYTES])
{
    struct hash part;
    struct sm3_hmac m;

    for (uint8_t i = 0; i < 2; i++) {
        sm3_hmac_init(&m, key, SM4_SEAL_KEY_BYTES);
        sm3_hmac_add(&m, use, strlen(use));
        sm3_hmac_add(&m, &i, 1);
        sm3_hmac_add(&m, nonce, SM4_SEAL_NONCE_BYTES);
        sm3_hmac_final(&m, &part);
        if (i == 0)
            sm4_init(&s->cipher, part.bytes);
        else
            memcpy(s->tag_key, part.bytes, HASH_BYTES);
    }
    s->chunk = 0;
    sodium_memzero(&part, sizeof part);
}

static void authenticate(uint8_t tag[SM4_SEAL_TAG_BYTES], const struct sm4_stream *s, const void *context, size_t context_len,
                         const uint8_t *body, size_t len)
{
    uint8_t numbers[3 * 8];
    struct sm3_hmac m;
    struct hash whole;

    store_u64(numbers, s->chunk);
    store_u64(numbers + 8, context_len);
    store_u64(numbers + 16, len);
    sm3_hmac_init(&m, s->tag_key, sizeof s->tag_key);
    sm3_hmac_add(&m, numbers, sizeof numbers);
    sm3_hmac_add(&m, context, context_len);
    sm3_hmac_add(&m, body, len);
    sm3_hmac_final(&m, &whole);
    memcpy(tag, whole.bytes, SM4_SEAL_TAG_BYTES);
}

/* A chunk is shorter than 2^64 blocks: no counter is used twice. */
static void encrypt(const struct sm4_stream *s, uint8_t *out, const uint8_t *in, size_t len)
{
    uint8_t start[SM4_BLOCK_BYTES] = {0};

    store_u64(start, s->chunk);
    sm4_counter(&s->cipher, out, in, len, start);
}

static int is_authentic(const struct sm4_stream *s, const void *context, size_t context_len, const uint8_t *sealed, size_t len)
{
    uint8_t tag[SM4_SEAL_TAG_BYTES];

    authenticate(tag, s, context, context_len, sealed, len);
    return sodium_memcmp(tag, sealed + len, sizeof tag) == 0;
}

void sm4_stream_clear(struct sm4_stream *s)
{
    sodium_memzero(s, sizeof *s);
}

void sm4_seal(uint8_t *out, const uint8_t key[SM4_SEAL_KEY_BYTES], const uint8_t nonce[SM4_SEAL_NONCE_BYTES],
              const void *context, size_t context_len, const void *bytes, size_t len)
{
    struct sm4_stream s AUTO(sm4_stream_clear);

    derive(&s, "hefu/sm4 seal/v1", key, nonce);
    encrypt(&s, out, bytes, len);
    authenticate(out + len, &s, context, context_len, out, len);
}

status sm4_unseal(uint8_t *out, const uint8_t key[SM4_SEAL_KEY_BYTES], const uint8_t nonce[SM4_SEAL_NONCE_BYTES],
                  const void *context, size_t context_len, const uint8_t *sealed, size_t len)
{
    struct sm4_stream s AUTO(sm4_stream_clear);

    if (len < SM4_SEAL_TAG_BYTES)
        return STATUS_MISMATCH;
    derive(&s, "hefu/sm4 seal/v1", key, nonce);
    if (!is_authentic(&s, context, context_len, sealed, len - SM4_SEAL_TAG_BYTES))
        return STATUS_MISMATCH;
    encrypt(&s, out, sealed, len - SM4_SEAL_TAG_BYTES);
    return OK;
}

void sm4_stream_init(struct sm4_stream *s, const uint8_t key[SM4_SEAL_KEY_BYTES], const uint8_t nonce[SM4_SEAL_NONCE_BYTES])
{
    derive(s, "hefu/sm4 stream/v1", key, nonce);
}

/* A chunk: whether it is the last, in clear, then its body. */
void sm4_stream_push(struct sm4_stream *s, uint8_t *out, const void *bytes, size_t len, int last)
{
    out[0] = last != 0;
    encrypt(s, out + 1, bytes, len);
    authenticate(out + 1 + len, s, NULL, 0, out, 1 + len);
    s->chunk++;
}

status sm4_stream_pull(struct sm4_stream *s, uint8_t *out, int *last, const uint8_t *sealed, size_t len)
{
    if (len < SM4_SEAL_CHUNK_BYTES || !is_authentic(s, NULL, 0, sealed, len - SM4_SEAL_TAG_BYTES))
        return STATUS_MISMATCH;
    encrypt(s, out, sealed + 1, len - SM4_SEAL_CHUNK_BYTES);
    *last = sealed[0];
    s->chunk++;
    return OK;
}
