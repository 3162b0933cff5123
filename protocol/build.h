/* What a node signs of the program that runs its part of a session: beside the log, for a log is the same bytes whatever build
 * writes it.  It is the node's word for what it runs, the libraries that the program loads not included.  [SPEC 7.6] */
#ifndef HEFU_BUILD_H
#define HEFU_BUILD_H

#include "protocol/contract.h"

enum { BUILD_VERSION_BYTES = 32 };

struct build {
    struct hash contract, session;     /* ids */
    party who;
    struct hash executable;            /* SHA-256 of the file, in either suite */
    char version[BUILD_VERSION_BYTES]; /* printable, "0.1.0" */
    struct signature signature;        /* of the identity key, tag BUILD_SIGN_TAG, over all bytes before it */
};

/* "HEFUMADE" | u16 form | u16 party | contract | session | executable | version, zeros behind it | signature. */
enum { BUILD_SIGNED_BYTES = 8 + 2 + 2 + 32 + 32 + 32 + BUILD_VERSION_BYTES, BUILD_BYTES = BUILD_SIGNED_BYTES + SIGNATURE_BYTES };
#define BUILD_SIGN_TAG "hefu/build/v1"

void build_signed_bytes(uint8_t out[BUILD_SIGNED_BYTES], const struct build *b);
void build_encode(uint8_t out[BUILD_BYTES], const struct build *b);
/* STATUS_MALFORMED unless the bytes are exactly what build_encode writes. */
MUST_USE status build_decode(struct build *out, const uint8_t *bytes, size_t len);

/* Of that session and party, signed by the party's identity key: NULL, or what is wrong, in words. */
const char *build_wrong(const struct build *b, const struct contract *c, const struct hash *contract_id,
                        const struct hash *session, party who);

#endif
