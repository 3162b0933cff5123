/* The keys a node keeps: its identities, which sign and never leave, one Ed25519 and perhaps one SM2; and a storage key that
 * seals what the node must keep secret on its own disk.  The only place that asks the system for entropy. */
#ifndef HEFU_KEYRING_H
#define HEFU_KEYRING_H

#include "crypto/seal.h"

struct keyring;

enum { KEYRING_SEAL_BYTES = 1 + SEAL_NONCE_BYTES + SEAL_TAG_BYTES }; /* what sealing adds: the suite, nonce, tag */

/* key_path: Ed25519 or SM2 in PEM; refused when group or others can read it.  state_dir holds storage.key, made on first use;
 * with state_dir NULL the keyring only signs. */
MUST_USE status keyring_new(struct keyring **out, const char *key_path, const char *state_dir, struct fault *f);
/* The second identity, of the other suite.  key_path "": there is none. */
MUST_USE status keyring_add(struct keyring *k, const char *key_path, struct fault *f);
void keyring_free(struct keyring *k); /* wipes */
void keyring_clear(struct keyring **k); /* for AUTO */

/* Of the key it was made with. */
enum suite keyring_suite(const struct keyring *k);
/* NULL when there is no identity of that suite. */
const struct sign_public *keyring_public(const struct keyring *k, enum suite s);

/* As sign_make: sign_check accepts it with keyring_public, which is the key in the node's certificate of that suite.  There must
 * be one. */
void keyring_sign(const struct keyring *k, struct signature *sig, enum suite s, const char *tag, const void *bytes, size_t len);

/* out[len + KEYRING_SEAL_BYTES]: encrypted and authenticated, bound to the label ("seed/CONTRACT/ATTEMPT"). */
void keyring_seal(const struct keyring *k, uint8_t *out, enum suite s, const char *label, const void *bytes, size_t len);
/* out[len - KEYRING_SEAL_BYTES].  STATUS_MISMATCH when the bytes were changed, sealed under another label, in another suite or by
 * another node; out is then untouched. */
MUST_USE status keyring_unseal(const struct keyring *k, uint8_t *out, enum suite s, const char *label, const uint8_t *sealed,
                               size_t len);

/* KDF(storage key; purpose, name): a secret of its own for each in each suite, the same every time, never stored. */
void keyring_derive(const struct keyring *k, struct rng_key *out, enum suite s, const char *purpose, const char *name);

/* Entropy from the operating system: seeds, nonces and serial numbers begin here. */
void keyring_random(void *out, size_t len);

#endif
