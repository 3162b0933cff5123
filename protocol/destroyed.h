/* What a node signs when it has destroyed what a replay of a session needs: beside the evidence, because the log has ended.
 * It says what is gone and when; that nothing was copied before, nobody can show.  [SPEC 2.4.1] */
#ifndef HEFU_DESTROYED_H
#define HEFU_DESTROYED_H

#include "protocol/contract.h"

enum destroyed_what {
    DESTROYED_SECRETS = 1, /* seed and start, sealed for the node itself */
    DESTROYED_SEAL = 2,    /* the same, sealed to the auditor */
    DESTROYED_BODIES = 4,  /* what was received */
};

struct destroyed {
    struct hash contract, session; /* ids */
    party who;
    uint32_t what;                 /* enum destroyed_what, combined */
    uint64_t when;                 /* Unix seconds, by the node's clock */
    struct signature signature;    /* of the identity key, tag DESTROYED_SIGN_TAG, over all bytes before it */
};

/* "HEFUGONE" | u16 version | u16 party | u32 what | contract | session | u64 when | signature. */
enum { DESTROYED_SIGNED_BYTES = 8 + 2 + 2 + 4 + 32 + 32 + 8, DESTROYED_BYTES = DESTROYED_SIGNED_BYTES + SIGNATURE_BYTES };
#define DESTROYED_SIGN_TAG "hefu/destroyed/v1"

void destroyed_signed_bytes(uint8_t out[DESTROYED_SIGNED_BYTES], const struct destroyed *d);
void destroyed_encode(uint8_t out[DESTROYED_BYTES], const struct destroyed *d);
/* STATUS_MALFORMED unless the bytes are exactly what destroyed_encode writes. */
MUST_USE status destroyed_decode(struct destroyed *out, const uint8_t *bytes, size_t len);

/* What a node that keeps to the contract has destroyed when it signs. */
uint32_t destroyed_expected(const struct contract *c);

/* Of that session and party, all that the contract has destroyed, not before it says so, signed by the party's identity key:
 * NULL, or what is wrong, in words. */
const char *destroyed_wrong(const struct destroyed *d, const struct contract *c, const struct hash *contract_id,
                            const struct hash *session, party who);

#endif
