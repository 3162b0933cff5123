/* One party's whole part of a contract, from handshake to metrics, as straight-line code over a session.  The same
 * function runs in a node, in a simulation and in a replay. */
#ifndef HEFU_PARTY_H
#define HEFU_PARTY_H

#include "protocol/session.h"
#include "training/dataset.h"
#include "training/metrics.h"

struct party_result {
    struct population population;
    uint32_t *position;       /* [population.rows] own table row of each common person, in joint order */
    uint8_t *role;            /* [population.rows] 0 train, 1 test, 2 unused, in joint order */
    double *weight;           /* own block, one per bin (dataset_width) */
    double intercept;         /* label party: its constant; 0 elsewhere */
    /* agreed metrics, the same at every party; log-loss is cross-calibrated for the linear sigmoid */
    double auc, ks, logloss, alone_auc, alone_ks, alone_logloss;
    uint32_t test_positives;
    /* label party only */
    int has_curves;
    struct metrics joint, alone;
    struct calibration calibration; /* of the joint score; the exact sigmoid: 1, 0 */
    double logloss_raw;       /* of the uncalibrated linear score, clipped to (0,1); the exact one needs no calibration: same */
    uint32_t records, checkpoints;
    struct hash head;
};

void party_result_clear(struct party_result *r);

/* The session must be freshly initialised.  On failure ss->fault says why, in words, and ss->blamed who. */
MUST_USE status party_run(struct party_result *out, struct session *ss, const struct dataset *data);

/* Commitment to a table under a blinding key derived from the seed. */
void dataset_commitment(struct hash *out, const struct dataset *d, const struct rng_key *seed);

#endif
