/* Signatures and pairwise keys of one session (suite INT1: Ed25519, X25519).  [SPEC 2.2] */
#ifndef HEFU_SIGN_H
#define HEFU_SIGN_H

#include "crypto/rng.h"

enum { SIGN_PUBLIC_BYTES = 32, SIGNATURE_BYTES = 64, SIGN_SECRET_BYTES = 64, KX_BYTES = 32 };

struct sign_public { uint8_t bytes[SIGN_PUBLIC_BYTES]; };
struct sign_secret { uint8_t bytes[SIGN_SECRET_BYTES]; };
struct signature { uint8_t bytes[SIGNATURE_BYTES]; };
struct kx_public { uint8_t bytes[KX_BYTES]; };
struct kx_secret { uint8_t bytes[KX_BYTES]; };

void sign_secret_clear(struct sign_secret *s);
void kx_secret_clear(struct kx_secret *s);

/* Key pairs derived from a 32-byte seed key. */
void sign_keypair(struct sign_public *pub, struct sign_secret *sec, const struct rng_key *seed);
void kx_keypair(struct kx_public *pub, struct kx_secret *sec, const struct rng_key *seed);

/* sig over SHA-256(tag, bytes); the tag keeps uses apart.  Deterministic. */
void sign_make(struct signature *sig, const struct sign_secret *sec, const char *tag, const void *bytes, size_t len);
/* OK or STATUS_UNTRUSTED. */
MUST_USE status sign_check(const struct signature *sig, const struct sign_public *pub, const char *tag,
                           const void *bytes, size_t len);

/* sig over the text itself, as other tools of transparency logs expect it.  The text names its purpose. */
void sign_text(struct signature *sig, const struct sign_secret *sec, const char *text, size_t len);
MUST_USE status sign_text_check(const struct signature *sig, const struct sign_public *pub, const char *text, size_t len);

/* The key both ends of a pair derive, bound to the context (the session id).  Fails with STATUS_UNTRUSTED on a
 * low-order public key. */
MUST_USE status kx_shared(struct rng_key *out, const struct kx_secret *mine, const struct kx_public *theirs,
                          const struct kx_public *my_public, const void *context, size_t context_len);

#endif
