/* A job as one watches it: what each node says of it, shown as progress until all have ended. */
#ifndef HEFU_JOB_VIEW_H
#define HEFU_JOB_VIEW_H

#include "node/hefu/ask.h"
#include "node/local/bar.h"

enum { JOB_ID_BYTES = 17 }; /* 16 hexadecimal digits and a NUL */

struct job_view {
    struct audience *audience;
    uint32_t count;
    uint32_t node[PARTIES_MAX];  /* which of the audience */
    json_t *state[PARTIES_MAX];  /* the last answer of each; NULL before the first */
    double silent[PARTIES_MAX];  /* since when a node does not answer (bar_clock); 0 = it does */
    char id[JOB_ID_BYTES];
    struct bar *bar;
};

/* All nodes of the audience that know the job.  STATUS_CONFIG when none does. */
MUST_USE status job_view_open(struct job_view *v, struct audience *a, const char *id, struct bar *bar,
                              struct fault *f);
void job_view_clear(struct job_view *v);

/* Ask every node once.  A node that is silent for longer than its deadline is a fault that names it. */
MUST_USE status job_view_poll(struct job_view *v, struct fault *f);

const char *job_view_name(const struct job_view *v, uint32_t i);
const char *job_view_state(const struct job_view *v, uint32_t i); /* "" before the first answer */
int job_view_all(const struct job_view *v, const char *state);
int job_view_any(const struct job_view *v, const char *state);

/* Show progress until every node is done.  Otherwise the fault is the first cause: the failure, refusal or
 * cancellation from which the others followed.  STATUS_CANCELLED with an empty hint when interrupted. */
MUST_USE status job_view_watch(struct job_view *v, struct fault *f);
/* The fault of a job that has failed, was refused or cancelled somewhere; OK when it is neither. */
MUST_USE status job_view_verdict(const struct job_view *v, struct fault *f);

/* Wait for this long, less when interrupted. */
void job_view_pause(unsigned ms);

/* Ctrl-C and friends end waits instead of the program. */
void interrupts_catch(void);
int interrupted(void);

#endif
