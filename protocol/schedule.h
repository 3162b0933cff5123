/* What a party's log must look like: the exact list of entries that a contract implies, written from the
 * specification alone.  It shares no code with the protocol's drivers, so a step that a driver adds, leaves out or
 * enlarges shows.  [SPEC 7.5] */
#ifndef HEFU_SCHEDULE_H
#define HEFU_SCHEDULE_H

#include "protocol/contract.h"
#include "protocol/record.h"

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

void schedule_clear(struct schedule *s);

/* Out:  out         empty or cleared storage
 * In:   c           a contract that contract_check accepts, with small keys or not
 *       self        whose log
 *       limit       steps at most; a log of r records needs r + 1 to be judged
 *       population  what alignment found.  NULL: the list ends where the lengths begin to depend on it.  train == 0:
 *                   only rows is known and the list ends before the first fact.
 * STATUS_LIMIT when the population cannot belong to the contract. */
MUST_USE status schedule_make(struct schedule *out, const struct contract *c, party self, size_t limit,
                              const struct population *population, struct fault *f);

#endif
