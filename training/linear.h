/* Small dense linear algebra: symmetric positive definite systems by Cholesky, in a fixed order of operations. */
#ifndef HEFU_LINEAR_H
#define HEFU_LINEAR_H

#include "crypto/status.h"

/* Replace the upper triangle of a (n x n, row-major) by U with U^T U = a.  The lower triangle is neither read nor
 * written.  STATUS_LIMIT when a is not positive definite to working precision. */
MUST_USE status linear_cholesky(double *a, size_t n);

/* x = (U^T U)^-1 x in place. */
void linear_solve(const double *u, size_t n, double *x);

#endif
