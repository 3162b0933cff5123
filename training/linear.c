#include "training/linear.h"

#include <math.h>

/* Row by row: once row k of U is final, its outer product leaves the rows below.  The inner loop has no reduction, so
 * it vectorises without reordering any sum. */
status linear_cholesky(double *a, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double *row = a + k * n, pivot = row[k];

        if (!(pivot > 0) || !isfinite(pivot))
            return STATUS_LIMIT;
        pivot = sqrt(pivot);
        for (size_t j = k; j < n; j++)
            row[j] /= pivot;
        for (size_t i = k + 1; i < n; i++) {
            double factor = row[i], *below = a + i * n;

            if (factor == 0.0)
                continue;
            for (size_t j = i; j < n; j++)
                below[j] -= factor * row[j];
        }
    }
    return OK;
}

void linear_solve(const double *u, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) { /* U^T y = x */
        const double *row = u + i * n;

        x[i] /= row[i];
        for (size_t j = i + 1; j < n; j++)
            x[j] -= row[j] * x[i];
    }
    for (size_t i = n; i-- > 0;) { /* U x = y */
        const double *row = u + i * n;
        double sum = x[i];

        for (size_t j = i + 1; j < n; j++)
            sum -= row[j] * x[j];
        x[i] = sum / row[i];
    }
}
