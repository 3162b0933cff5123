/* The training in plain fixed point: the same integers, steps and roundings as the secure one, on pooled values instead
 * of shares.  Also pooled floating-point references. */
#ifndef HEFU_PLAIN_H
#define HEFU_PLAIN_H

#include "kit/sim.h"
#include "training/precondition.h"

/* The rows of all parties side by side. */
struct pooled {
    uint32_t rows;        /* common people */
    uint16_t columns;
    uint8_t bins[PARTIES_MAX * CONTRACT_COLUMNS_MAX];
    uint8_t *codes;       /* [rows * columns] */
    uint8_t *label, *role;
    uint32_t *train;      /* rows with role 0 */
    uint32_t num_train;
};

/* From the positions and roles that a finished simulation's parties report. */
void pooled_from_sim(struct pooled *out, const struct sim *sim);
void pooled_clear(struct pooled *p);

/* weight[p] has contract_width entries, f fractional bits. */
status plain_train(int64_t *const weight[PARTIES_MAX], const struct contract *c, const struct sim *sim,
                   const struct pooled *pooled);

/* Test AUC and log-loss of a pooled model fitted to convergence; the linear model's is calibrated (cross-fit), the exact
 * one's is of sigma(score). */
struct plain_quality { double auc, ks, logloss; };
status plain_reference(struct plain_quality *out, const struct pooled *pooled, double ridge, int linear);
/* The same measures for given per-bin weights (pooled column order). */
status plain_quality_of(struct plain_quality *out, const struct pooled *pooled, const double *weight, double intercept,
                        int linear);
/* The same of the model that a finished simulation's parties hold between them, without the rounding of scores. */
status plain_quality_of_sim(struct plain_quality *out, const struct pooled *pooled, const struct sim *sim);

#endif
