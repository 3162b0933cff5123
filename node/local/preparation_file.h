/* A preparation between its two sessions, in the directory of the offline one: `preparation`, a stream encrypted under a
 * key of its own, and `preparation.sealed`, that key, sealed by the keyring.  It is written once, and read once: reading
 * destroys the key before anything is handed out.  [SPEC 2.5.4] */
#ifndef HEFU_PREPARATION_FILE_H
#define HEFU_PREPARATION_FILE_H

#include "node/local/keyring.h"
#include "training/preparation.h"

/* On disk, synced, when it returns, sealed in the contract's suite; bytes: how many. */
MUST_USE status preparation_file_write(uint64_t *bytes, const struct preparation *p, enum suite s, const char *session_dir,
                                       const struct keyring *keys, const struct hash *contract_id, uint32_t attempt,
                                       struct fault *f);

/* Of party self.  Whether it succeeds or not, the preparation and its key are gone.  When the contract keeps the secrets of its
 * sessions (retention), a replay of the offline one makes the preparation again, from its seed, its start and its bodies. */
MUST_USE status preparation_file_take(struct preparation *out, const struct contract *c, party self,
                                      const char *session_dir, const struct keyring *keys, const struct hash *contract_id,
                                      uint32_t attempt, struct fault *f);

/* Without reading it.  OK when there is none. */
MUST_USE status preparation_file_destroy(const char *session_dir, struct fault *f);

#endif
