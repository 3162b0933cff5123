/* Seed, nonce and data commitments, then nonces, then Paillier keys with their proofs.  [SPEC 2.3] */
#ifndef HEFU_HANDSHAKE_H
#define HEFU_HANDSHAKE_H

#include "protocol/session.h"

/* data: blinded commitment to the party's own encoded table (dataset_commitment). */
MUST_USE status handshake_run(struct session *ss, const struct hash *data);

/* What the key proof of party p is bound to. */
void handshake_key_binding(struct hash *out, const struct session *ss, party p);

#endif
