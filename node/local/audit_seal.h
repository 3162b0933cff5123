/* The secrets of a session sealed to the auditor whom its contract names: a node that has sealed them and destroyed its own
 * copies cannot replay, nor can anybody else but the auditor, on the node's premises.  [SPEC 2.4.1] */
#ifndef HEFU_AUDIT_SEAL_H
#define HEFU_AUDIT_SEAL_H

#include "protocol/contract.h"

/* X25519 or SM2, as the contract's suite has it.  In a file: PEM, that only its owner can read. */
struct audit_key {
    struct seal_public pub;
    struct seal_secret secret;
};

void audit_key_clear(struct audit_key *k);
/* A new key in a new file; pub is what a job file names. */
MUST_USE status audit_key_create(struct seal_public *pub, enum suite s, const char *path, struct fault *f);
MUST_USE status audit_key_load(struct audit_key *out, const char *path, struct fault *f);

/* Which session a seal is of, and when it was made. */
struct audit_place {
    struct hash contract, session; /* ids */
    party who;
    uint32_t attempt;
    uint64_t sealed_at;            /* Unix seconds, by the node's clock */
};

struct audit_secrets {
    struct audit_place place;
    struct rng_key seed, start;
};

void audit_secrets_clear(struct audit_secrets *s);

/* All of it is inside: "HEFUSEAL" | u16 version | u16 party | u32 attempt | contract | session | u64 when | seed | start. */
enum { AUDIT_SEAL_CONTENT = 8 + 2 + 2 + 4 + 32 + 32 + 8 + 32 + 32, AUDIT_SEAL_MAX = AUDIT_SEAL_CONTENT + 97 };

/* What is inside, and strictly back: STATUS_MALFORMED unless it is what encode writes. */
void audit_secrets_encode(uint8_t out[AUDIT_SEAL_CONTENT], const struct audit_secrets *s);
MUST_USE status audit_secrets_decode(struct audit_secrets *out, const uint8_t in[AUDIT_SEAL_CONTENT]);

/* libsodium's sealed box, which adds 48 bytes, or SM2 encryption, which adds 97. */
size_t audit_seal_bytes(enum suite s);

/* out[audit_seal_bytes(suite of the key)].  STATUS_CONFIG when nothing can be sealed to such a key. */
MUST_USE status audit_seal_make(uint8_t *out, const struct seal_public *auditor, const struct audit_secrets *s, struct fault *f);

/* Opens the seal of exactly that session: contract, session, party and attempt of expected.  STATUS_MISMATCH in words: changed,
 * sealed to another key, or of another contract, session, party or attempt. */
MUST_USE status audit_seal_open(struct audit_secrets *out, const struct audit_key *key, const uint8_t *sealed, size_t len,
                                const struct audit_place *expected, struct fault *f);

#endif
