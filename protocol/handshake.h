/* Seed, nonce and data commitments, then nonces, then Paillier keys with their proofs; an online session needs no keys.
 * [SPEC 2.3] */
#ifndef HEFU_HANDSHAKE_H
#define HEFU_HANDSHAKE_H

#include "protocol/session.h"

/* data: blinded commitment to the party's own encoded table (dataset_commitment). */
MUST_USE status handshake_run(struct session *ss, const struct hash *data);

/* All parties of an online session stand on the same preparation and hold the same rows, by the hash of their roles in
 * joint order; or the session ends and names the one that differs.  [SPEC 2.5.3] */
MUST_USE status handshake_link(struct session *ss, const struct hash *rows);

/* Our own commitment to seed and start, as FACT_SEED shows it. */
void handshake_seed_commitment(struct hash *out, const struct session *ss);

/* What the key proof of party p is bound to, all of it in the evidence: an auditor checks the proof as the peers did. */
void handshake_key_binding(struct hash *out, enum suite s, const struct hash *contract, const struct hash *session,
                           const struct hash *run,
                           party p);
/* FACT_KEY of a modulus, as the message `key` holds it. */
void handshake_key_hash(struct hash *out, enum suite s, const uint8_t *modulus, size_t len);

#endif
