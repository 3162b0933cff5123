#include "training/precondition.h"

#include "training/linear.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void precondition_clear(struct precondition *p)
{
    if (p->entry)
        sodium_memzero(p->entry, (size_t)p->width * (p->diagonal ? 1 : p->width) * sizeof *p->entry);
    free(p->entry);
    memset(p, 0, sizeof *p);
}

void precondition_apply(ring *out, const struct matrix *m, const ring *x)
{
    for (uint32_t a = 0; a < m->width; a++) {
        const int32_t *row = m->precondition + (m->diagonal ? a : (size_t)a * m->width);

        out[a] = 0;
        if (m->diagonal) {
            out[a] = (ring)(ring_signed)row[0] * x[a];
            continue;
        }
        for (uint32_t j = 0; j < m->width; j++)
            out[a] += (ring)(ring_signed)row[j] * x[j];
    }
}

/* Offset of every column's first bin, and the bin of each row: the entries that are 1. */
static void row_entries(uint32_t *entry, const struct matrix *m, uint32_t row)
{
    uint32_t offset = 0;

    for (uint16_t c = 0; c < m->columns; c++) {
        entry[c] = offset + m->codes[(size_t)row * m->columns + c];
        offset += m->bins[c];
    }
}

/* Upper triangle of X^T X / 4 + lambda n I, by counting. */
static status gram(double *a, const struct matrix *m, double lambda_n)
{
    uint32_t entry[CONTRACT_COLUMNS_MAX];

    for (uint32_t i = 0; i < m->n; i++) {
        row_entries(entry, m, i);
        for (uint16_t c = 0; c < m->columns; c++)
            for (uint16_t d = c; d < m->columns; d++)
                a[(size_t)entry[c] * m->width + entry[d]] += 0.25;
    }
    for (uint32_t j = 0; j < m->width; j++)
        a[(size_t)j * m->width + j] += lambda_n;
    return linear_cholesky(a, m->width);
}

static status dense(int32_t *out, const struct matrix *m, double scale, double lambda_n)
{
    double *a AUTO(auto_free) = NULL, *column AUTO(auto_free) = NULL;
    const size_t width = m->width;

    TRY(alloc_zeroed(&a, width * width, sizeof *a));
    TRY(alloc_zeroed(&column, width, sizeof *column));
    TRY(gram(a, m, lambda_n));
    for (size_t j = 0; j < width; j++) {
        memset(column, 0, width * sizeof *column);
        column[j] = 1;
        linear_solve(a, width, column);
        for (size_t i = 0; i <= j; i++) {
            const double v = rint(scale * column[i]);

            if (fabs(v) >= 1048576) /* 2^20, the range that correlate_precondition reads */
                return STATUS_LIMIT;
            out[i * width + j] = out[j * width + i] = (int32_t)v;
        }
    }
    return OK;
}

static status diagonal(int32_t *out, const struct matrix *m, double scale, double lambda_n)
{
    uint32_t entry[CONTRACT_COLUMNS_MAX];
    uint32_t *count AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&count, m->width, sizeof *count));
    for (uint32_t i = 0; i < m->n; i++) {
        row_entries(entry, m, i);
        for (uint16_t c = 0; c < m->columns; c++)
            count[entry[c]]++;
    }
    /* Columns overlap: the sum of P-party-like blocks has eigenvalues up to the number of columns. */
    for (uint32_t j = 0; j < m->width; j++)
        out[j] = (int32_t)rint(scale / (0.25 * count[j] * m->columns + lambda_n));
    return OK;
}

/* [SPEC 4.4] A = max row sum of |M X^T|, R = Lam * max row sum of |M|: with |4e| < 34 and |w| < 16 a lifted value is
 * below 34 A + 16 R, which must fit value_bits; and A + R must fit the backward slot. */
static status bounds_hold(const struct matrix *m, const struct plan *plan)
{
    uint32_t entry[CONTRACT_COLUMNS_MAX];
    uint64_t *sum AUTO(auto_free) = NULL;
    const ring unit = (ring)1 << plan->f_m;
    int fine = 1;

    TRY(alloc_zeroed(&sum, m->width, sizeof *sum));
    for (uint32_t i = 0; i < m->n; i++) {
        row_entries(entry, m, i);
        for (uint32_t a = 0; a < m->width; a++) {
            int64_t v = 0;

            for (uint16_t c = 0; c < m->columns; c++)
                v += m->precondition[(size_t)a * m->width + entry[c]];
            sum[a] += (uint64_t)(v < 0 ? -v : v);
        }
    }
    for (uint32_t a = 0; fine && a < m->width; a++) {
        uint64_t magnitude = 0;
        ring ridge;

        for (uint32_t j = 0; j < m->width; j++)
            magnitude += (uint64_t)llabs(m->precondition[(size_t)a * m->width + j]);
        ridge = (ring)plan->ridge * magnitude;
        fine = 34 * (ring)sum[a] + 16 * ridge < unit << 12 && sum[a] + ridge < unit << 7;
    }
    return fine ? OK : STATUS_LIMIT;
}

status precondition_make(struct precondition *out, const struct matrix *m, const struct plan *plan, uint32_t ridge_micro)
{
    const double floor_ridge = 1.0 / 1024, ridge = ridge_micro / 1e6;
    const double lambda_n = (ridge > floor_ridge ? ridge : floor_ridge) * m->n;
    const double scale = ldexp(1.0, (int)plan->f_m);
    struct matrix with = *m;
    status result;

    memset(out, 0, sizeof *out);
    out->width = m->width;
    if (m->width <= PRECONDITION_DENSE_MAX) {
        TRY(alloc_zeroed(&out->entry, (size_t)m->width * m->width, sizeof *out->entry));
        with.precondition = out->entry;
        result = dense(out->entry, m, scale, lambda_n);
        if (result == OK)
            result = bounds_hold(&with, plan);
        if (result != STATUS_LIMIT) /* within bounds, or out of memory */
            return result;
        precondition_clear(out);
        out->width = m->width;
    }
    out->diagonal = 1;
    TRY(alloc_zeroed(&out->entry, m->width, sizeof *out->entry));
    return diagonal(out->entry, m, scale, lambda_n);
}
