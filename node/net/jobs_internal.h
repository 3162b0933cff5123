/* What the files of jobs.h share: jobs_offer.c (proposals and contracts), jobs_approve.c (what the operator decides),
 * jobs_run.c (start, cancel, end), jobs.c (questions, begin, time). */
#ifndef HEFU_JOBS_INTERNAL_H
#define HEFU_JOBS_INTERNAL_H

#include "node/local/certificate.h"
#include "node/net/jobs.h"
#include "protocol/approver.h"

#include <pthread.h>

enum { OFFERS_MAX = 32 };

/* What this node offered to a coordinator, until a contract takes it up. */
struct offer {
    char coordinator[CONTROL_NAME_BYTES], job[64];
    enum suite suite;
    struct store_table table;
    struct contract_party facts; /* rows, columns, bins, has_label */
    struct wire_writer dictionary;
};

/* Who this node is in contracts of a suite. */
struct jobs_identity {
    struct certificate certificate;
    char *pem; /* NULL: nobody */
};

struct jobs {
    struct jobs_config c;
    struct control_ops ops;
    struct jobs_identity identity[SUITE_GM1 + 1]; /* by suite */
    pthread_mutex_t lock;
    struct offer offer[OFFERS_MAX]; /* a ring; next is overwritten first */
    uint32_t next;
    int64_t swept;                /* when jobs that have ended were last looked at */
    char checked[STORE_ID_BYTES]; /* the prepared job whose table was good a moment ago, when its start was asked about */
};

/* Hold the lock until the end of the block. */
#define HOLD(j)                                                \
    pthread_mutex_t *held AUTO(jobs_unlock) = &(j)->lock;      \
    pthread_mutex_lock(held)
void jobs_unlock(pthread_mutex_t **m);
void jobs_release_json(json_t **v); /* for AUTO */

void jobs_clear_offer(struct offer *o);

/* A field of an object: 0 or "" when it has none of that kind. */
uint32_t jobs_count(const json_t *object, const char *field);
const char *jobs_text(const json_t *object, const char *field);

/* For the operator of this node alone: into the events of a job ("": of none) and the log of hefud. */
void jobs_note(struct jobs *j, const char *job, const struct fault *f);

/* The rest under the lock. */
MUST_USE status jobs_load_contract(struct contract **out, struct hash *id, struct jobs *j, const char *job,
                                   struct fault *f);
/* NULL when there is none. */
MUST_USE status jobs_load_json(json_t **out, struct jobs *j, const char *job, enum job_paper kind, struct fault *f);
/* The job that a request means, if the caller may see it. */
MUST_USE status jobs_find(struct store_job *out, struct jobs *j, const struct control_caller *who,
                          const json_t *request, struct fault *f);
/* Adds "job" and "state". */
MUST_USE status jobs_tell_state(json_t *answer, const struct jobs *j, const char *id, struct fault *f);
/* The certificate of every party (a list of PEM texts) is the one that the contract names by its hash, holds the identity key it
 * names, and is good today by the CA and the revocation list of the contract's suite; STATUS_REFUSED names the party and why. */
MUST_USE status jobs_check_certificates(const struct jobs *j, const json_t *certificates, const struct contract *k, struct fault *f);
/* Likewise those that came with the contract of a job: time has passed since. */
MUST_USE status jobs_check_parties(struct jobs *j, const char *id, const struct contract *k, struct fault *f);
/* A job that failed is approved for another attempt, a whole session. */
MUST_USE status jobs_approve(struct jobs *j, const char *id, const char *actor, struct fault *f);
/* ---- jobs_rules.c: what bounds approvals; under the lock ---- */

/* Fewer contracts than the policy allows have used this node's table of late, this job's own aside. */
MUST_USE status jobs_check_uses(struct jobs *j, const char *id, const char *table, const struct hash *root, struct fault *f);
/* What the request's approver signed for this attempt, if it names one: checked, and kept as evidence. */
MUST_USE status jobs_take_signature(struct jobs *j, const char *id, const struct hash *contract, uint32_t attempt,
                                    const json_t *request, struct fault *f);
/* The approvers, registered today, who have signed this attempt, in that order; and how many the policy asks for. */
MUST_USE status jobs_list_approvers(struct approvers *out, struct jobs *j, const char *id, const struct hash *contract,
                                    uint32_t attempt, struct fault *f);
uint32_t jobs_signatures_needed(const struct jobs *j);
/* Adds "approvals": {"needed":N, "attempt":A, "signed":[{"name","key","signature","time"}]}. */
MUST_USE status jobs_tell_signatures(json_t *answer, struct jobs *j, const struct store_job *job, struct fault *f);

/* The directory, seed and approval of the session of this stage; preparation: what an online one stands on, or NULL. */
MUST_USE status jobs_approve_session(struct jobs *j, const struct store_job *job, const struct contract *k,
                                     const struct hash *id, enum stage stage, const struct hash *preparation,
                                     struct fault *f);
/* What a job that has ended must not leave on the disk: its preparation, and its secrets as the contract says at this moment
 * (node/local/retention.h).  Best effort. */
void jobs_drop_files(struct jobs *j, const struct store_job *job);
/* The state and, in the paper, what the state alone does not tell. */
void jobs_end(struct jobs *j, const char *id, const struct fault *why, const char *blamed, const json_t *progress,
              const json_t *result);

control_handler jobs_op_propose, jobs_op_contract, jobs_op_approve, jobs_op_refuse, jobs_op_explain, jobs_op_start,
    jobs_op_cancel;

#endif
