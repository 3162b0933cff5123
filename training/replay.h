/* One party's part of a session, run again from its seed, its table and what it received; every record that it wrote
 * is compared.  Nothing but a verdict comes out.  [SPEC 7.8] */
#ifndef HEFU_REPLAY_H
#define HEFU_REPLAY_H

#include "training/party.h"

struct replay_input {
    const struct contract *contract;
    party self;
    uint32_t attempt;
    const struct approval *approvals; /* one per party */
    const struct rng_key *seed, *start;
    const struct dataset *data;
    const uint8_t *log;               /* whole entries */
    size_t log_len;
    /* The body received with record seq. */
    status (*body)(void *ctx, uint64_t seq, uint8_t *out, size_t cap, size_t *len, struct fault *f);
    void *ctx;
    struct progress progress;
    const struct replay_input *offline; /* the offline session that an online one stands on: it is replayed first */
};

struct replay_verdict {
    enum stage stage;   /* of the session that the rest is about: the last one replayed */
    int same;           /* every record that the log holds is what an honest party writes */
    int stopped;        /* the session had stopped for an outside reason; the replay agrees up to there */
    uint64_t compared;  /* records that agree */
    uint64_t bytes;     /* sent, all equal */
    /* the first difference: */
    uint64_t seq;
    char field[24];
    char words[400];    /* what an honest party writes there, what the log holds; no value of any data */
};

/* Fails only when memory, the caller's body function or the arguments do; a difference is a verdict. */
MUST_USE status replay_run(struct replay_verdict *out, const struct replay_input *in, struct fault *f);

#endif
