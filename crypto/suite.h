/* The two suites behind one interface.
 *
 *          signatures          key agreement           hashes                 streams        seals
 *   INT1   Ed25519             X25519                  SHA-256, BLAKE2b       ChaCha20       XChaCha20-Poly1305
 *   GM1    SM2 (GB/T 32918.2)  SM2 (GB/T 32918.3)      SM3 (GB/T 32905)       SM4 counter    SM4 counter, HMAC-SM3
 *
 * A contract names its suite.  Its session, its approvals and whoever verifies them take the suite from there and from nowhere
 * else: nothing is negotiated, and a record of another suite is malformed.  A key, a generator, a hasher remembers its suite,
 * so that only what makes one is told; a signature or a stored hash does not, and is 64 or 32 bytes in either.
 * Public keys are as long as their suite has them; in a fixed layout they take suite_public_bytes(). */
#ifndef HEFU_SUITE_H
#define HEFU_SUITE_H

#include "crypto/sign.h"
#include "crypto/sm2.h"
#include "crypto/sm3.h"
#include "crypto/sm4.h"
#include "crypto/sm4_seal.h"

#include <sodium.h>

enum suite { SUITE_INT1 = 1, SUITE_GM1 = 2 };

/* "INT1" or "GM1"; NULL when it is neither. */
const char *suite_name(enum suite s);

/* ---- hashes ---- */

struct suite_hasher {
    enum suite suite;
    union { struct hasher int1; struct sm3 gm1; } state;
};

/* As hasher_ of crypto/hash.h: the same tuples. */
void suite_hash_init(struct suite_hasher *h, enum suite s, const char *tag);
void suite_hash_add(struct suite_hasher *h, const void *bytes, size_t len);
void suite_hash_final(struct suite_hasher *h, struct hash *out);
void suite_hash_peek(const struct suite_hasher *h, struct hash *out);
void suite_hash_keyed(struct hash *out, enum suite s, const uint8_t key[32], const char *tag, const void *bytes, size_t len);
void suite_merkle_leaf(struct hash *out, enum suite s, const void *data, size_t len);
void suite_merkle_node(struct hash *out, enum suite s, const struct hash *left, const struct hash *right);
void suite_merkle_empty(struct hash *out, enum suite s); /* the root of no leaves */

/* ---- signatures ---- */

enum { SUITE_PUBLIC_MAX = SM2_PUBLIC_BYTES };

struct suite_public {
    enum suite suite;
    uint8_t bytes[SUITE_PUBLIC_MAX]; /* zeros behind the key */
};
struct suite_secret {
    enum suite suite;
    uint8_t bytes[SIGN_SECRET_BYTES]; /* GM1: d, then Z of the public key */
};

size_t suite_public_bytes(enum suite s); /* 32 or 33 */
/* From suite_public_bytes(s) bytes.  STATUS_MALFORMED when they are no key. */
MUST_USE status suite_public_read(struct suite_public *out, enum suite s, const uint8_t *bytes);

void suite_secret_clear(struct suite_secret *s);
void suite_keypair(struct suite_public *pub, struct suite_secret *sec, enum suite s, const struct rng_key *seed);
/* Over the hash of (tag, bytes); the tag keeps uses apart.  Deterministic. */
void suite_sign(struct signature *sig, const struct suite_secret *sec, const char *tag, const void *bytes, size_t len);
/* OK, STATUS_UNTRUSTED, or in GM1 STATUS_NO_MEMORY. */
MUST_USE status suite_check(const struct signature *sig, const struct suite_public *pub, const char *tag, const void *bytes,
                            size_t len);
/* Over the text itself, as sign_text and as other tools of either suite do it. */
void suite_sign_text(struct signature *sig, const struct suite_secret *sec, const char *text, size_t len);
MUST_USE status suite_text_check(const struct signature *sig, const struct suite_public *pub, const char *text, size_t len);

/* ---- key agreement ---- */

enum { SUITE_EXCHANGE_PUBLIC_MAX = 2 * SM2_PUBLIC_BYTES, SUITE_EXCHANGE_SECRET_MAX = 2 * SM2_SECRET_BYTES };

struct suite_exchange_public {
    enum suite suite;
    uint8_t bytes[SUITE_EXCHANGE_PUBLIC_MAX]; /* zeros behind the key */
};
struct suite_exchange_secret {
    enum suite suite;
    uint8_t bytes[SUITE_EXCHANGE_SECRET_MAX];
};

size_t suite_exchange_public_bytes(enum suite s); /* 32 or 66 */
void suite_exchange_secret_clear(struct suite_exchange_secret *s);
void suite_exchange_keypair(struct suite_exchange_public *pub, struct suite_exchange_secret *sec, enum suite s,
                            const struct rng_key *seed);
/* As kx_shared: the key both ends derive, bound to the context.  STATUS_UNTRUSTED for what leads to a known key: a low order,
 * no point, infinity, or one's own key sent back.  In GM1 the initiator is the end whose public key is smaller. */
MUST_USE status suite_exchange(struct rng_key *out, const struct suite_exchange_secret *mine,
                               const struct suite_exchange_public *my_public, const struct suite_exchange_public *theirs,
                               const void *context, size_t context_len);

/* ---- streams ---- */

void suite_key_derive(struct rng_key *out, enum suite s, const struct rng_key *parent, const char *label, const void *context,
                      size_t context_len);

/* Addressed as crypto/rng.h says. */
struct suite_rng {
    enum suite suite;
    struct rng common; /* INT1: as it is; GM1: its buffer */
    struct sm4 cipher;
};

void suite_rng_init(struct suite_rng *g, enum suite s, const struct rng_key *key, const struct rng_address *where);
void suite_rng_clear(struct suite_rng *g); /* wipes */
void suite_rng_fill(struct suite_rng *g, void *out, size_t len);

/* ---- seals ---- */

enum {
    SUITE_SEAL_NONCE_BYTES = SM4_SEAL_NONCE_BYTES,
    SUITE_SEAL_TAG_BYTES = SM4_SEAL_TAG_BYTES,
    SUITE_SEAL_CHUNK_BYTES = SM4_SEAL_CHUNK_BYTES, /* 24, 16, 17 */
};

/* out[len + SUITE_SEAL_TAG_BYTES].  A nonce is 24 random bytes, drawn by the caller. */
void suite_seal(uint8_t *out, enum suite s, const uint8_t key[32], const uint8_t nonce[SUITE_SEAL_NONCE_BYTES],
                const void *context, size_t context_len, const void *bytes, size_t len);
/* out[len - SUITE_SEAL_TAG_BYTES].  STATUS_MISMATCH when anything was changed; out then holds nothing of the secret. */
MUST_USE status suite_unseal(uint8_t *out, enum suite s, const uint8_t key[32], const uint8_t nonce[SUITE_SEAL_NONCE_BYTES],
                             const void *context, size_t context_len, const uint8_t *sealed, size_t len);

struct suite_stream {
    enum suite suite;
    union { crypto_secretstream_xchacha20poly1305_state int1; struct sm4_stream gm1; } state;
};

/* Either direction.  INT1: the nonce is the header of libsodium's stream. */
void suite_stream_init(struct suite_stream *st, enum suite s, const uint8_t key[32], const uint8_t nonce[SUITE_SEAL_NONCE_BYTES]);
void suite_stream_clear(struct suite_stream *st); /* wipes */
/* out[len + SUITE_SEAL_CHUNK_BYTES] */
void suite_stream_push(struct suite_stream *st, uint8_t *out, const void *bytes, size_t len, int last);
/* out[len - SUITE_SEAL_CHUNK_BYTES].  STATUS_MISMATCH. */
MUST_USE status suite_stream_pull(struct suite_stream *st, uint8_t *out, int *last, const uint8_t *sealed, size_t len);

#endif
