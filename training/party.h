/* One party's part of a contract, from handshake to metrics, as straight-line code over a session, or over two: offline
 * and online.  The same functions run in a node, in a simulation and in a replay. */
#ifndef HEFU_PARTY_H
#define HEFU_PARTY_H

#include "protocol/session.h"
#include "training/dataset.h"
#include "training/metrics.h"
#include "training/preparation.h"

/* Of an offline session only population, position, role, records, checkpoints and head are known. */
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

/* The session must be freshly initialised, of the stage that the function is for.  On failure ss->fault says why, in words,
 * and ss->blamed who. */
MUST_USE status party_run(struct party_result *out, struct session *ss, const struct dataset *data);

/* The offline phase alone; data->label may be NULL.  When keep returns the preparation must be where no crash reaches it,
 * for after it the session ends.  It may take *p away, leaving zeros. */
struct party_keeper {
    void *ctx;
    status (*keep)(void *ctx, struct preparation *p, struct fault *f);
};
MUST_USE status party_prepare(struct party_result *out, struct session *ss, const struct dataset *data,
                              const struct party_keeper *keeper);

/* The online phase, on what an offline session of this contract and attempt prepared.  prepared is used up, also on failure;
 * nothing else may know it any more when this is called.  [SPEC 2.5.4] */
MUST_USE status party_train(struct party_result *out, struct session *ss, const struct dataset *data,
                            struct preparation *prepared);

/* Commitment to a table under a blinding key derived from the seed; labels: with its labels. */
void dataset_commitment(struct hash *out, const struct dataset *d, const struct rng_key *seed, int labels);

#endif
