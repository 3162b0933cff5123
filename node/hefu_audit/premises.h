/* What lies at an institution's own premises, read for a replay: its part of one session, with its secrets and its table.
 * Nothing is written. */
#ifndef HEFU_AUDIT_PREMISES_H
#define HEFU_AUDIT_PREMISES_H

#include "node/hefu_audit/audit.h"
#include "node/local/audit_seal.h"
#include "node/local/config.h"
#include "node/local/journal.h"
#include "node/local/session_files.h"
#include "training/replay.h"

/* Where to look, and with which key. */
struct premises_place {
    const char *node, *session;   /* the node's directory; a session's name, its beginning, or a directory */
    const char *table;            /* the table lies here; NULL: where it lay */
    const struct audit_key *key;  /* the auditor's, for seeds that are sealed to it; NULL: they are the owner's */
    int without_bodies;           /* they are not needed, nor is the node's own keyring with an auditor's key */
};

struct premises {
    struct node_config config;
    char session_dir[FILES_PATH_BYTES];
    struct session_papers papers;
    struct session_table table;
    struct rng_key seed, start;
    uint64_t sealed_at;           /* to the auditor; 0: they are not */
    struct dataset data;
    struct journal_reader journal; /* without bodies: the log alone */
    struct premises *offline;     /* of an online session: the offline one that it stands on */
};

void premises_free(struct premises **p); /* for AUTO; wipes */
MUST_USE status premises_open(struct premises **out, const struct premises_place *place, struct fault *f);

/* The contract's commitment to the table is opened by it: OK, or STATUS_MISMATCH in words. */
MUST_USE status premises_check_root(const struct premises *p, struct fault *f);

/* A view of p; bodies come from its journal, if they are there. */
struct replay_input premises_input(struct premises *p);

/* "; the last joint checkpoint that agrees is record 512, after pass 3" */
enum { PREMISES_JOINT_BYTES = 128 };
const char *premises_joint_words(char out[PREMISES_JOINT_BYTES], const struct replay_verdict *v);

audit_command command_joint_replay, command_keygen;

#endif
