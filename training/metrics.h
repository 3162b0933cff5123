/* Measures of a score against a 0/1 label, and its calibration.  Plain functions of arrays; ties are handled exactly. */
#ifndef HEFU_METRICS_H
#define HEFU_METRICS_H

#include "crypto/status.h"

enum { METRICS_DECILES = 10, METRICS_CURVE_POINTS = 101, METRICS_HISTOGRAM_BINS = 30 };

/* A cut inside a run of equal scores takes its share of the run's positives (rounded), so that nothing here depends on
 * the order of the rows.  lift = positive rate / overall rate; an empty decile (fewer than 10 rows) is all zeros. */
struct metrics_decile {
    uint32_t rows, positives;
    double score_low, score_high, lift, cumulative_lift;
    double prob_mean; /* mean calibrated probability, NaN without prob */
};

struct metrics {
    uint32_t rows, positives;
    double auc;      /* rank AUC, ties count half */
    double auc_se;   /* Hanley-McNeil */
    double ks;       /* max |TPR - FPR| over thresholds */
    double ks_at;    /* share of rows (highest score first) at which it is reached */
    double logloss;  /* mean, natural log, of the calibrated probability */
    double brier;
    struct metrics_decile decile[METRICS_DECILES];      /* highest scores first */
    double roc_fpr[METRICS_CURVE_POINTS], roc_tpr[METRICS_CURVE_POINTS]; /* the ROC polyline at equal steps of fpr + tpr */
    double ks_bad[METRICS_CURVE_POINTS], ks_good[METRICS_CURVE_POINTS]; /* cumulative share of each class at i% of rows */
    double hist_low, hist_high; /* score histogram per class: 0.5 % to 99.5 % of the rows, the end bins hold the rest */
    uint32_t hist_good[METRICS_HISTOGRAM_BINS], hist_bad[METRICS_HISTOGRAM_BINS];
};

/* Platt scaling: p = 1 / (1 + exp(-(a z + b))). */
struct calibration { double a, b; };

/* Maximum likelihood by damped Newton (with a ridge of 1e-9 on the standardised slope, so that a separable sample has
 * an answer too).  STATUS_LIMIT when a class is missing. */
MUST_USE status calibration_fit(struct calibration *out, const double *score, const uint8_t *label, size_t rows);
double calibration_apply(const struct calibration *c, double score);

/* Scores are finite, labels 0 or 1.  prob may be NULL: then logloss and brier are NaN.  STATUS_LIMIT when a class is
 * missing.  The score and label copies made here are wiped. */
MUST_USE status metrics_compute(struct metrics *out, const double *score, const double *prob, const uint8_t *label,
                                size_t rows);

/* prob[i] for each row from a calibration fitted on the other half of the rows (even and odd positions), so that the
 * log-loss of a calibrated score is out of sample.  Also returns the fit on all rows for later use.
 * STATUS_LIMIT when a class is missing in either half. */
MUST_USE status calibration_cross_fit(double *prob, struct calibration *all, const double *score, const uint8_t *label,
                                      size_t rows);

#endif
