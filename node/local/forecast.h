/* What a training will cost, before it runs: bytes and records from the very list of records that the contract implies,
 * seconds from counts of operations and the rates of a machine.  Pure functions. */
#ifndef HEFU_FORECAST_H
#define HEFU_FORECAST_H

#include "node/local/rates.h"
#include "protocol/contract.h"
#include "protocol/messages.h"

/* Steps of a training.  The first phases of the protocol, with the preparation in its parts. */
/* clang-format off */
#define FORECAST_STEPS(S) \
    S(start,     0,               "the table is read") \
    S(handshake, PHASE_HANDSHAKE, "keys, proofs, commitments") \
    S(align,     PHASE_ALIGN,     "who is common to all") \
    S(matrix,    PHASE_PREPARE,   "own preconditioner") \
    S(encrypt,   PHASE_PREPARE,   "own masks encrypted") \
    S(answer,    PHASE_PREPARE,   "peers' masks gathered and scattered") \
    S(open,      PHASE_PREPARE,   "answers decrypted") \
    S(train,     PHASE_TRAIN,     "passes on secret shares") \
    S(reveal,    PHASE_REVEAL,    "weights to their owners; the label party's own model") \
    S(evaluate,  PHASE_EVALUATE,  "test rows scored and measured") \
    S(finish,    PHASE_FINISH,    "transcripts closed")
/* clang-format on */

enum forecast_step {
#define S(name, phase, words) FORECAST_##name,
    FORECAST_STEPS(S)
#undef S
    FORECAST_ALL
};

const char *forecast_step_name(enum forecast_step s);
unsigned forecast_step_phase(enum forecast_step s); /* enum phase; 0: before the first */

/* Where it runs. */
struct forecast_site {
    uint32_t threads;     /* of each node; 0: as many as the rates' machine has processors */
    double bandwidth;     /* bits a second, each way, of each party's line */
    double round_trip_s;
    int one_machine;      /* all parties share the processors of one machine, as hefu try does */
};

/* Where nothing is said of it: a line like the loopback of one machine. */
#define FORECAST_BANDWIDTH 1e10
#define FORECAST_ROUND_TRIP_S 50e-6

struct forecast_party {
    double cpu_s[FORECAST_ALL];             /* of its worker, all threads */
    uint64_t sent[PHASES], received[PHASES]; /* bytes of frames; what TLS adds is not in them */
    uint64_t records[PHASES];               /* sent and received */
    uint32_t waits[PHASES];                 /* for a message of a peer, one after the other: half a round trip each */
    uint64_t memory;                        /* bytes at its peak, about */
};

struct forecast {
    struct population population;
    party parties;
    struct forecast_party party[PARTIES_MAX];
    double wall_s[PHASES];                  /* [0]: start */
    double total_s;
};

/* rows people common to all: training and test rows as the contract draws them; 30 % test rows where the label party
 * lists them. */
struct population forecast_population(const struct contract *c, uint32_t rows);
/* The most there can be: those of the smallest party. */
uint32_t forecast_rows_max(const struct contract *c);

/* STATUS_LIMIT, in words, when the contract does not let a session go on with such a population. */
MUST_USE status forecast_make(struct forecast *out, const struct contract *c, const struct population *population,
                              const struct rates *rates, const struct forecast_site *site, struct fault *f);

/* Sums over phases or steps. */
double forecast_cpu_s(const struct forecast_party *p);
double forecast_phase_cpu_s(const struct forecast_party *p, unsigned phase);
uint64_t forecast_sent(const struct forecast_party *p);
uint64_t forecast_received(const struct forecast_party *p);

/* "100mbit", "1.5gbit", "32kbit": bits a second.  "20ms", "0.5s", "300us": seconds.  STATUS_USAGE, naming the option. */
MUST_USE status forecast_bandwidth(double *out, const char *option, const char *text, struct fault *f);
MUST_USE status forecast_duration(double *out, const char *option, const char *text, struct fault *f);

#endif
