/* What a party's log must look like: the exact list of entries that a contract implies, written from the
 * specification alone.  It shares no code with the protocol's drivers, so a step that a driver adds, leaves out or
 * enlarges shows.  [SPEC 7.5] */
#ifndef HEFU_SCHEDULE_H
#define HEFU_SCHEDULE_H

#include "protocol/contract.h"
#include "protocol/record.h"
#include "protocol/stage.h"

struct schedule_step {
    enum record_type type; /* SEND, RECV, FACT, CHECKPOINT or END */
    party peer;            /* self where there is none */
    uint16_t kind, phase;  /* enum message_kind; FACT: enum fact */
    uint32_t pass;
    uint64_t index;
    uint64_t body_len;
    uint64_t a, b;         /* FACT, CHECKPOINT and END: the values */
};

struct schedule {
    struct schedule_step *step;
    size_t count, cap;
    int complete;          /* the list goes to END: everything it depends on was known, and limit did not cut it */
};

/* How much is known of the population: the lengths after alignment depend on it. */
enum schedule_known {
    KNOWN_NOTHING, /* the list ends after the count of common people; of an online session, before the first fact */
    KNOWN_ROWS,    /* population->rows only; the list ends before the first fact */
    KNOWN_ALL,
};

void schedule_clear(struct schedule *s);

/* Out:  out         empty or cleared storage
 * In:   c           a contract that contract_check accepts, with small keys or not
 *       stage       what the session does of the training
 *       self        whose log
 *       limit       steps at most; a log of r records needs r + 1 to be judged
 *       known, population  what alignment found
 * STATUS_LIMIT, with the list up to there, when the contract does not allow the session to go on with such a
 * population. */
MUST_USE status schedule_make(struct schedule *out, const struct contract *c, enum stage stage, party self, size_t limit,
                              enum schedule_known known, const struct population *population, struct fault *f);

#endif
