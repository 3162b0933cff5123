/* The files of one attempt, in its session directory: what was agreed, what the worker needs, what it leaves behind.
 *
 *   contract  approvals  seed.sealed  table.json      written before the worker starts
 *   approvers                                         who signed for this node, if anybody did (protocol/approver.h)
 *   start.sealed  log  bodies                         when it starts; the evidence as it grows (journal.h)
 *   build                                             when it starts: which build runs (protocol/build.h)
 *   preparation  preparation.sealed                   of an offline session, until they are used (preparation_file.h)
 *   seed.audit  destroyed                             when it has ended, as its contract says (retention.h)
 *   result.json  report.html  model.json  evidence.hefu  worker.log */
#ifndef HEFU_SESSION_FILES_H
#define HEFU_SESSION_FILES_H

#include "node/local/files.h"
#include "node/local/keyring.h"
#include "node/local/name.h"
#include "node/local/source.h"
#include "protocol/session.h"

#include <jansson.h>

/* A table as a session needs it: where it is, what its codes mean. */
struct session_table {
    char name[NAME_BYTES];
    char path[FILES_PATH_BYTES], split_path[FILES_PATH_BYTES];
    char id_column[256], label_column[256];
    uint32_t refuse_duplicates;
    uint32_t attempt;
    party self;
    enum stage stage;
    struct dictionary dictionary;
    uint16_t certificates;
    char *certificate[PARTIES_MAX]; /* PEM, in party order */
};

void session_table_clear(struct session_table *t);
/* The view that source_open_with takes; borrows from t. */
struct source session_table_source(const struct session_table *t);

/* The table itself, as the contract describes it; STATUS_CONFIG when it is another one by now.  Outputs are zeroed, and in the
 * end cleared, by the caller. */
MUST_USE status session_table_open(struct dataset *data, struct table_notes *notes, const struct session_table *t,
                                   const struct contract *k, struct fault *f);

MUST_USE status session_table_write(const char *session_dir, const struct session_table *t, struct fault *f);
MUST_USE status session_table_read(struct session_table *t, const char *session_dir, struct fault *f);

struct session_papers {
    struct contract contract;
    struct hash contract_id;
    uint8_t *contract_bytes;
    size_t contract_len;
    struct approval approval[PARTIES_MAX];
};

void session_papers_clear(struct session_papers *p);
MUST_USE status session_papers_read(struct session_papers *p, const char *session_dir, struct fault *f);

/* The name of the directory of job id's attempt, STATE/sessions/<first 16 of id>-<attempt>[-offline|-online]; of the
 * offline session beside an online one. */
enum { SESSION_NAME_BYTES = 64 };
void session_name(char out[SESSION_NAME_BYTES], const char *id, uint32_t attempt, enum stage stage);
MUST_USE status session_offline_dir(char out[FILES_PATH_BYTES], const char *online_dir, struct fault *f);

/* The two secrets of a session, sealed in its directory: "seed" behind the approval, "start" drawn when it begins to
 * run; and "preparation", the key of what an offline one leaves.  Written once and never replaced: STATUS_CONFIG when it is there already. */
MUST_USE status session_secret_create(const struct rng_key *secret, const char *kind, const char *session_dir,
                                      const struct keyring *keys, const struct hash *contract_id, uint32_t attempt,
                                      struct fault *f);
MUST_USE status session_secret_read(struct rng_key *secret, enum suite s, const char *kind, const char *session_dir,
                                    const struct keyring *keys, const struct hash *contract_id, uint32_t attempt,
                                    struct fault *f);

/* Nothing that a replay needs stays.  What cannot be removed does not keep the rest; OK when
 * there is nothing. */
MUST_USE status session_destroy_secrets(const char *session_dir, struct fault *f);

/* What goes into the evidence beside the log, in a file of that name; of no bytes, there is none. */
#define BESIDE_APPROVERS "approvers"
#define BESIDE_BUILD "build"
MUST_USE status session_beside_write(const char *session_dir, const char *name, const uint8_t *bytes, size_t len, struct fault *f);
/* *bytes NULL when there is none; the caller frees it. */
MUST_USE status session_beside_read(uint8_t **bytes, size_t *len, const char *session_dir, const char *name, struct fault *f);

/* Whether scores of test rows left in this attempt: its contract must not be run again. */
MUST_USE status session_was_scored(int *scored, const char *session_dir, uint16_t parties, struct fault *f);

#endif
