/* The program that is running. */
#ifndef HEFU_EXECUTABLE_H
#define HEFU_EXECUTABLE_H

#include "node/local/keyring.h"
#include "protocol/build.h"

/* SHA-256 of this process's executable, as sha256sum has it; of what runs, even when the file was replaced since. */
MUST_USE status executable_hash(struct hash *out, struct fault *f);

/* The statement of protocol/build.h about it, signed; encoded. */
MUST_USE status executable_state(uint8_t out[BUILD_BYTES], const struct keyring *keys, const struct contract *c,
                                 const struct hash *contract_id, const struct hash *session, party self, struct fault *f);

#endif
