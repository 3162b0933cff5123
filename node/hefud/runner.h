/* One attempt of a job: its worker process, and the frames between the worker and the peers' nodes.
 *
 * A thread carries frames and watches the process; one more per peer takes what that peer sends, so that one that is
 * far ahead waits without holding up another.  Everything ends: with the worker's word, with its death, with a
 * cancellation, with the deadline of the job. */
#ifndef HEFU_RUNNER_H
#define HEFU_RUNNER_H

#include "node/local/config.h"
#include "node/net/link.h"
#include "protocol/stage.h"

#include <jansson.h>

struct runner;

struct runner_config {
    struct link_hub *hub;
    const char *program;      /* hefud itself */
    const char *config_path;  /* node.yaml, absolute */
    const char *session_dir;
    const struct contract *contract;
    struct hash contract_id;
    party self;
    uint32_t attempt;
    enum stage stage;
    uint32_t job_s, queue_mb;
    int wake;                 /* an eventfd that is told when the attempt has ended */
};

struct runner_end {
    struct fault fault;            /* OK: done */
    char blamed[PARTY_NAME_MAX];   /* "": nobody */
    json_t *result;                /* when done; the caller's */
};

/* Copies what it needs. */
MUST_USE status runner_start(struct runner **out, const struct runner_config *config, struct fault *f);

/* Stop it: the worker is asked, and killed if it has not ended in a few seconds.  The first reason stays. */
void runner_cancel(struct runner *r, const struct fault *why, enum link_goodbye goodbye);

/* What the worker last told of its progress, with "rate"; the caller's; NULL before the first. */
json_t *runner_progress(struct runner *r);

/* 1 when it has ended, and then how; the result is handed over once. */
int runner_ended(struct runner *r, struct runner_end *out);

/* Waits for the end. */
void runner_free(struct runner *r);

/* How a failed session takes its leave of the peers. */
enum link_goodbye runner_goodbye(status code);

#endif
