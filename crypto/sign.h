/* Signatures and pairwise keys, of either suite: Ed25519 and X25519, or SM2.  [SPEC 2.2] */
#ifndef HEFU_SIGN_H
#define HEFU_SIGN_H

#include "crypto/rng.h"

enum {
    SIGN_PUBLIC_BYTES = 33,
    SIGN_SECRET_BYTES = 64,
    SIGNATURE_BYTES = 64,
    KX_PUBLIC_BYTES = 66,
    KX_SECRET_BYTES = 64,
    KEY_ED25519 = 0xed, /* the multicodec numbers */
    KEY_X25519 = 0xec,
};

/* KEY_ED25519, then the key; or a compressed SM2 point: 2 or 3, then x. */
struct sign_public { uint8_t bytes[SIGN_PUBLIC_BYTES]; };
/* KEY_X25519, the key, then zeros; or the two points of an SM2 exchange: the lasting and the fresh one. */
struct kx_public { uint8_t bytes[KX_PUBLIC_BYTES]; };
struct signature { uint8_t bytes[SIGNATURE_BYTES]; };

struct sign_secret {
    uint8_t bytes[SIGN_SECRET_BYTES]; /* Ed25519 as libsodium has it; or d, then Z of the public key */
    enum suite suite;
};
struct kx_secret {
    uint8_t bytes[KX_SECRET_BYTES];
    enum suite suite;
};

void sign_secret_clear(struct sign_secret *s);
void kx_secret_clear(struct kx_secret *s);

/* Key pairs derived from a 32-byte seed key, of its suite. */
void sign_keypair(struct sign_public *pub, struct sign_secret *sec, const struct rng_key *seed);
void kx_keypair(struct kx_public *pub, struct kx_secret *sec, const struct rng_key *seed);
/* The pair of an SM2 secret from elsewhere; STATUS_MALFORMED when it is none. */
MUST_USE status sign_keypair_sm2(struct sign_public *pub, struct sign_secret *sec, const uint8_t d[32]);

/* OK, or STATUS_MALFORMED for what is no key of that suite in its one form. */
MUST_USE status sign_public_check(const struct sign_public *pub, enum suite s);
MUST_USE status kx_public_check(const struct kx_public *pub, enum suite s);
/* By the first byte: SUITE_GM1 for all but KEY_ED25519. */
enum suite sign_public_suite(const struct sign_public *pub);

/* sig over the hash of (tag, bytes); the tag keeps uses apart.  Deterministic. */
void sign_make(struct signature *sig, const struct sign_secret *sec, const char *tag, const void *bytes, size_t len);
/* OK, STATUS_UNTRUSTED, or for SM2 STATUS_NO_MEMORY. */
MUST_USE status sign_check(const struct signature *sig, const struct sign_public *pub, const char *tag,
                           const void *bytes, size_t len);

/* sig over the text itself, as other tools of transparency logs expect it.  The text names its purpose. */
void sign_text(struct signature *sig, const struct sign_secret *sec, const char *text, size_t len);
MUST_USE status sign_text_check(const struct signature *sig, const struct sign_public *pub, const char *text, size_t len);

/* The key both ends of a pair derive, of their suite and bound to the context (the session id).  STATUS_UNTRUSTED for what leads
 * to a known key: a low order, no point, infinity, one's own key sent back, a key of another suite.  Of SM2's two ends the
 * initiator is the one whose public key is smaller. */
MUST_USE status kx_shared(struct rng_key *out, const struct kx_secret *mine, const struct kx_public *theirs,
                          const struct kx_public *my_public, const void *context, size_t context_len);

#endif
