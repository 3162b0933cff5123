/* Plain logistic regression on one party's own codes: the "alone" baseline that the joint model is compared with.
 * Deterministic: fixed order of operations, IEEE doubles, no contraction. */
#ifndef HEFU_REFERENCE_H
#define HEFU_REFERENCE_H

#include "training/dataset.h"

enum reference_sigmoid { REFERENCE_EXACT = 0, REFERENCE_LINEAR = 1 };

/* Widest one-hot row that is fitted; the normal equations are dense. */
enum { REFERENCE_WIDTH_MAX = 4096 };

/* Minimise mean loss + ridge/2 |w|^2 over one-hot bins; the intercept is not penalised.
 *
 * Out:  weight     one entry per bin in column order (dataset_width of them)
 * In:   codes      row-major, columns codes a row, each below bins[column]
 *       rows       num_rows row numbers into codes; NULL means 0..num_rows-1
 *       label      label[i] is the 0/1 label of row rows[i]: by position, not by row number
 * Loss: log-loss (EXACT, Newton until every |gradient| < 1e-10) or 2 (0.5 + z/4 - y)^2 (LINEAR, one solve): both have
 * the gradient X^T (sigma(z) - y)/n + ridge w with their own sigma.
 * Fails with STATUS_CONFIG when ridge is not positive (one-hot columns are collinear without it), STATUS_LIMIT when a
 * class is missing or the row is wider than REFERENCE_WIDTH_MAX; the outputs are then untouched. */
MUST_USE status reference_fit(double *weight, double *intercept, const uint8_t *codes, const uint8_t *bins,
                              uint16_t columns, const uint32_t *rows, const uint8_t *label, size_t num_rows,
                              double ridge, enum reference_sigmoid sigmoid);

/* z = intercept + the weight that each column's code chooses. */
double reference_score(const double *weight, double intercept, const uint8_t *row_codes, const uint8_t *bins,
                       uint16_t columns);

#endif
