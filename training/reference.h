/* Plain logistic regression on one party's own codes: the "alone" baseline that the joint model is compared with.
 * Deterministic: fixed order of operations, IEEE doubles, no contraction. */
#ifndef HEFU_REFERENCE_H
#define HEFU_REFERENCE_H

#include "training/dataset.h"

enum reference_sigmoid { REFERENCE_EXACT = 0, REFERENCE_LINEAR = 1 };

/* Minimise mean loss + ridge/2 |w|^2 over one-hot bins of the given rows (row numbers into codes); the intercept is not
 * penalised.  Loss: log-loss (EXACT, Newton to |gradient| < 1e-10) or 1/2 (0.5 + z/4 - y)^2 * 4 (LINEAR, one solve):
 * both have the gradient X^T (sigma(z) - y)/n + ridge w with their own sigma.
 * weight has one entry per bin in column order (dataset_width of them). */
MUST_USE status reference_fit(double *weight, double *intercept, const uint8_t *codes, const uint8_t *bins,
                              uint16_t columns, const uint32_t *rows, const uint8_t *label, size_t num_rows,
                              double ridge, enum reference_sigmoid sigmoid);

double reference_score(const double *weight, double intercept, const uint8_t *row_codes, const uint8_t *bins,
                       uint16_t columns);

#endif
