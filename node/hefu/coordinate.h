/* What a coordinator does with a job: collect the offers, make the contract, wait for every approval, start.  It sees
 * names, counts, states and agreed metrics; it holds no key that matters. */
#ifndef HEFU_COORDINATE_H
#define HEFU_COORDINATE_H

#include "node/hefu/job_view.h"
#include "node/local/job_file.h"

struct coordination {
    struct job_view view;     /* in the contract's party order */
    struct contract contract;
    double since;             /* of the waiting for approvals */
    int use_preparation;      /* coordinate_run trains a job that is prepared; otherwise it is left as it is */
};

/* What a job file says of its contract: all but the parties. */
MUST_USE status coordinate_terms(struct contract *out, const struct job_file *job, struct fault *f);

/* Propose to every party of the job file, make the contract from their offers and hand it to all. */
MUST_USE status coordinate_propose(struct coordination *c, struct audience *a, const struct job_file *job,
                                   struct bar *bar, struct fault *f);
/* The same for a job whose offline session is to run ahead of time: coordinate_run ends when it is prepared. */
MUST_USE status coordinate_propose_offline(struct coordination *c, struct audience *a, const struct job_file *job,
                                           struct bar *bar, struct fault *f);
/* Take up the latest job that was prepared for this job file and waits to be trained.  *found: whether there is one; why one
 * that nearly fits does not is said. */
MUST_USE status coordinate_find_prepared(struct coordination *c, int *found, struct audience *a,
                                         const struct job_file *job, struct bar *bar, struct fault *f);
/* Take up a job that was proposed before. */
MUST_USE status coordinate_resume(struct coordination *c, struct audience *a, const char *id, struct bar *bar,
                                  struct fault *f);
void coordinate_clear(struct coordination *c);

/* Wait for approvals as far as they are missing, saying whose and what their operators should type; start the job as
 * far as it has not started; show progress until it ends. */
MUST_USE status coordinate_run(struct coordination *c, struct fault *f);
/* The same, up to the start. */
MUST_USE status coordinate_start(struct coordination *c, struct fault *f);

/* What came out, as a coordinator may know it: agreed metrics, counts, seconds, bytes.  NULL when memory is out. */
json_t *coordinate_outcome(const struct coordination *c);
/* What the "preparation" of a job says, for a person. */
enum { COORDINATE_TEXT_BYTES = 200 };
void coordinate_preparation_text(char out[COORDINATE_TEXT_BYTES], const json_t *preparation);
/* The same on stdout, in a few lines or as one JSON object. */
MUST_USE status coordinate_print(const struct coordination *c, int as_json, struct fault *f);

#endif
