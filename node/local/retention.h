/* What becomes of the secrets of a session that has ended, as its contract says, and what is left to show of it.
 *
 *   replay off                 all of it is destroyed at once
 *   sealed, without auditor    seed.sealed, start.sealed and bodies stay, for the node itself
 *   sealed, with an auditor    seed.audit takes the place of seed.sealed and start.sealed: the node cannot open it
 *   from contract_destroy_after on   all of it is destroyed
 *
 * `destroyed`, the signed statement of protocol/destroyed.h, is written when nothing is left, and not before.  [SPEC 2.4.1] */
#ifndef HEFU_RETENTION_H
#define HEFU_RETENTION_H

#include "node/local/audit_seal.h"
#include "node/local/session_files.h"

enum retention {
    RETENTION_KEPT,      /* for the node, or nothing was there */
    RETENTION_SEALED,    /* to the auditor, now */
    RETENTION_DESTROYED, /* now */
};

/* Bring a session that has ended to what its contract says at that moment (Unix seconds).  What was interrupted is done again
 * from the start; what is done already is left alone, RETENTION_KEPT.  OK when there is no such directory. */
MUST_USE status retention_settle(enum retention *out, const char *session_dir, const struct contract *c,
                                 const struct hash *contract_id, party self, uint32_t attempt, const struct keyring *keys,
                                 int64_t now, struct fault *f);

/* The secrets that were sealed to the auditor.  STATUS_MISMATCH in words when the key is not that of the contract, or the seal
 * was changed or is of another session; STATUS_CONFIG when there is none. */
MUST_USE status retention_open(struct audit_secrets *out, const char *session_dir, const struct session_papers *papers,
                               party self, uint32_t attempt, const struct audit_key *key, struct fault *f);

/* The statement that all is destroyed, as it stands; *bytes NULL when there is none.  The caller frees it. */
MUST_USE status retention_statement(uint8_t **bytes, size_t *len, const char *session_dir, struct fault *f);

#endif
