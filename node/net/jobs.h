/* The jobs of a node, from proposal to end: what control requests ask for, what policy and operator decide, what is
 * written down.  Running an attempt is left to the daemon, through struct jobs_workers.
 *
 * The answer to `job` for a finished job holds "result":
 *   rows_aligned rows_train rows_test test_positives parties passes key_bits attempt
 *   auc_test ks_test logloss_test  auc_label_party_alone ks_label_party_alone logloss_label_party_alone
 *   seconds {handshake align prepare train reveal evaluate finish total} seconds_offline seconds_online cpu_seconds
 *   bytes_sent bytes_received  records checkpoints head (hex)  transcript {verified, sessions}
 * A job that was prepared, and one that is done on a preparation, have "preparation":
 *   name (hex) made (Unix seconds) expires rows bytes spent (0: not yet)
 * A `start` request with "check":true starts nothing: it says whether one would.
 * A `propose` and a `contract` request with "prepare":true are about a job whose offline session runs ahead of time.
 *
 * An offer holds, besides what the contract takes from it, "pem": the node's certificate.  A `contract` request hands
 * them all on, in party order, as "certificates": so every node sees for itself whose identity keys the contract names. */
#ifndef HEFU_JOBS_H
#define HEFU_JOBS_H

#include "node/local/config.h"
#include "node/local/keyring.h"
#include "node/net/control.h"
#include "node/net/store.h"

struct jobs;

struct jobs_attempt {
    const char *id;                 /* of the job in the store */
    const char *session_dir;
    const struct contract *contract;
    struct hash contract_id;
    party self;
    uint32_t attempt;
    enum stage stage;
};

struct jobs_workers {
    void *ctx;
    status (*start)(void *ctx, const struct jobs_attempt *attempt, struct fault *f);
    /* Stop the attempt of this job; its end is told with jobs_ended. */
    void (*cancel)(void *ctx, const char *id, const struct fault *why);
    json_t *(*progress)(void *ctx, const char *id); /* or NULL */
    json_t *(*peers)(void *ctx);                    /* for hello: an array */
    int (*running)(void *ctx);
};

struct jobs_config {
    const struct node_config *node;
    struct store *store;
    const struct keyring *keys;     /* with an identity for each certificate of the node */
    struct jobs_workers workers;
    int64_t (*clock)(void);         /* Unix seconds; NULL: the system's */
    void (*log)(const char *line);  /* what only the operator may read; NULL: nobody */
};

/* Jobs that were running when an earlier daemon ended have failed; what they left that nobody may use is removed. */
MUST_USE status jobs_open(struct jobs **out, const struct jobs_config *config, struct fault *f);
void jobs_close(struct jobs *j);
/* Reads the node's certificates again; when one is not good, those that were read before stay. */
MUST_USE status jobs_reload(struct jobs *j, struct fault *f);

const struct control_ops *jobs_control(const struct jobs *j);

/* An attempt has ended: why->code OK means done.  progress and result may be NULL and are not consumed. */
void jobs_ended(struct jobs *j, const char *id, const struct fault *why, const char *blamed, const json_t *progress,
                const json_t *result);

/* Now and then: jobs that nobody approved or started in time fail; once a day secrets whose time is over are destroyed. */
void jobs_expire(struct jobs *j);

/* STATE/sessions/NAME, as session_name names it. */
MUST_USE status jobs_session_dir(char out[FILES_PATH_BYTES], const char *state_dir, const char *id, uint32_t attempt,
                                 enum stage stage, struct fault *f);

#endif
