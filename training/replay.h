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
    /* Instead of body: the replays of the other parties, at the same time.  send gets each frame that agrees with the log, recv
     * gives the peer's, or STATUS_CLOSED when its replay has ended.  NULL: body is asked. */
    const struct channel *peers;
    struct progress progress;
    struct parallel parallel;           /* loops of the session; zero: in line.  The verdict is the same */
    struct party_result *result;        /* NULL; or gets what the party learned, cleared by the caller, when the log agrees to its end */
    const struct replay_input *offline; /* the offline session that an online one stands on: it is replayed first */
};

struct replay_verdict {
    enum stage stage;   /* of the session that the rest is about: the last one replayed */
    int same;           /* every record that the log holds is what an honest party writes */
    int stopped;        /* the session had stopped for an outside reason; the replay agrees up to there */
    uint64_t compared;  /* records that agree */
    uint64_t bytes;     /* sent, all equal */
    uint64_t joints;    /* joint checkpoints that agree, the end included; the last of them: */
    uint64_t joint_seq;
    uint32_t joint_pass;
    int waits;          /* with peers: for record seq, from a party whose replay has ended; nothing is said beyond it */
    party who;          /* whom the first difference, or the wait, is about: itself, or a peer that signed two messages */
    /* the first difference: */
    uint64_t seq;
    char field[24];
    char words[400];    /* what an honest party writes there, what the log holds; no value of any data */
};

/* Fails only when memory, the caller's body function or the arguments do; a difference is a verdict. */
MUST_USE status replay_run(struct replay_verdict *out, const struct replay_input *in, struct fault *f);

#endif
