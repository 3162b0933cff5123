#include "training/reference.h"

#include "training/linear.h"

#include <assert.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { NEWTON_STEPS_MAX = 100, HALVINGS_MAX = 40 };
static const double GRADIENT_TOLERANCE = 1e-10;

/* The problem and its work space.  Coefficients are the weights followed by the intercept: size = width + 1. */
struct fit {
    const uint8_t *codes, *label;
    const uint32_t *rows;
    size_t num_rows, size;
    uint16_t columns;
    double ridge;
    uint32_t *offset;   /* [columns] first weight of each column */
    uint32_t *index;    /* [columns] weights of the row at hand */
    double *coefficient, *trial, *gradient;
    double *hessian;    /* [size * size], upper triangle */
};

static void wipe_free(double *values, size_t count)
{
    if (values)
        sodium_memzero(values, count * sizeof *values);
    free(values);
}

static void fit_clear(struct fit *m)
{
    wipe_free(m->hessian, m->size * m->size);
    wipe_free(m->gradient, m->size);
    wipe_free(m->trial, m->size);
    wipe_free(m->coefficient, m->size);
    free(m->index);
    free(m->offset);
}

static status fit_init(struct fit *m, const uint8_t *bins)
{
    size_t width = 0;

    for (uint16_t c = 0; c < m->columns; c++)
        width += bins[c];
    if (width == 0 || width > REFERENCE_WIDTH_MAX)
        return STATUS_LIMIT;
    m->size = width + 1;
    TRY(alloc_zeroed(&m->offset, m->columns, sizeof *m->offset));
    TRY(alloc_zeroed(&m->index, m->columns, sizeof *m->index));
    TRY(alloc_zeroed(&m->coefficient, m->size, sizeof *m->coefficient));
    TRY(alloc_zeroed(&m->trial, m->size, sizeof *m->trial));
    TRY(alloc_zeroed(&m->gradient, m->size, sizeof *m->gradient));
    TRY(alloc_zeroed(&m->hessian, m->size * m->size, sizeof *m->hessian));
    for (uint16_t c = 1; c < m->columns; c++)
        m->offset[c] = m->offset[c - 1] + bins[c - 1];
    return OK;
}

static const uint8_t *codes_of(const struct fit *m, size_t i)
{
    return m->codes + (m->rows ? m->rows[i] : i) * m->columns;
}

static void row_index(struct fit *m, size_t i)
{
    const uint8_t *codes = codes_of(m, i);

    for (uint16_t c = 0; c < m->columns; c++)
        m->index[c] = m->offset[c] + codes[c];
}

static double row_score(const struct fit *m, const double *coefficient)
{
    double z = coefficient[m->size - 1];

    for (uint16_t c = 0; c < m->columns; c++)
        z += coefficient[m->index[c]];
    return z;
}

/* Add h to the co-occurrence of every pair of codes of the row at hand, the intercept included. */
static void row_count(struct fit *m, double h)
{
    for (uint16_t a = 0; a < m->columns; a++) {
        double *row = m->hessian + m->index[a] * m->size;

        for (uint16_t b = a; b < m->columns; b++)
            row[m->index[b]] += h;
        row[m->size - 1] += h;
    }
    m->hessian[m->size * m->size - 1] += h;
}

/* Scale the counted Gram matrix and put the ridge on every weight. */
static void hessian_finish(struct fit *m, double scale)
{
    for (size_t i = 0; i < m->size * m->size; i++)
        m->hessian[i] *= scale;
    for (size_t i = 0; i + 1 < m->size; i++)
        m->hessian[i * m->size + i] += m->ridge;
}

/* [X 1]^T [X 1] / 4n + ridge, times the coefficients, = [X 1]^T (y - 1/2) / n */
static status solve_linear(struct fit *m)
{
    double n = (double)m->num_rows;

    for (size_t i = 0; i < m->num_rows; i++) {
        double right = m->label[i] - 0.5;

        row_index(m, i);
        row_count(m, 1.0);
        for (uint16_t c = 0; c < m->columns; c++)
            m->coefficient[m->index[c]] += right;
        m->coefficient[m->size - 1] += right;
    }
    for (size_t i = 0; i < m->size; i++)
        m->coefficient[i] /= n;
    hessian_finish(m, 0.25 / n);
    TRY(linear_cholesky(m->hessian, m->size));
    linear_solve(m->hessian, m->size, m->coefficient);
    return OK;
}

static double objective(struct fit *m, const double *coefficient)
{
    double loss = 0, penalty = 0;

    for (size_t i = 0; i < m->num_rows; i++) {
        double z;

        row_index(m, i);
        z = row_score(m, coefficient);
        loss += (z > 0 ? z : 0) + log1p(exp(-fabs(z))) - (m->label[i] ? z : 0);
    }
    for (size_t i = 0; i + 1 < m->size; i++)
        penalty += coefficient[i] * coefficient[i];
    return loss / (double)m->num_rows + 0.5 * m->ridge * penalty;
}

/* Gradient and Hessian at m->coefficient; returns the largest entry of the gradient. */
static double derivatives(struct fit *m)
{
    double n = (double)m->num_rows, largest = 0;

    memset(m->gradient, 0, m->size * sizeof *m->gradient);
    memset(m->hessian, 0, m->size * m->size * sizeof *m->hessian);
    for (size_t i = 0; i < m->num_rows; i++) {
        double p, e;

        row_index(m, i);
        p = 1 / (1 + exp(-row_score(m, m->coefficient)));
        e = p - m->label[i];
        for (uint16_t c = 0; c < m->columns; c++)
            m->gradient[m->index[c]] += e;
        m->gradient[m->size - 1] += e;
        row_count(m, p * (1 - p));
    }
    hessian_finish(m, 1 / n);
    for (size_t i = 0; i < m->size; i++) {
        m->gradient[i] = m->gradient[i] / n + (i + 1 < m->size ? m->ridge * m->coefficient[i] : 0);
        largest = fmax(largest, fabs(m->gradient[i]));
    }
    return largest;
}

static status solve_exact(struct fit *m)
{
    double value = objective(m, m->coefficient);

    for (int step = 0; step < NEWTON_STEPS_MAX; step++) {
        double length = 1, next = INFINITY;

        if (derivatives(m) < GRADIENT_TOLERANCE)
            return OK;
        TRY(linear_cholesky(m->hessian, m->size));
        linear_solve(m->hessian, m->size, m->gradient);
        for (int halving = 0; halving < HALVINGS_MAX; halving++, length /= 2) {
            for (size_t i = 0; i < m->size; i++)
                m->trial[i] = m->coefficient[i] - length * m->gradient[i];
            next = objective(m, m->trial);
            if (next <= value + 1e-14) /* at the optimum the objective is flat to rounding */
                break;
        }
        memcpy(m->coefficient, m->trial, m->size * sizeof *m->trial);
        value = next;
    }
    return STATUS_LIMIT;
}

static int both_classes(const uint8_t *label, size_t num_rows)
{
    size_t positives = 0;

    for (size_t i = 0; i < num_rows; i++)
        positives += label[i] != 0;
    return positives > 0 && positives < num_rows;
}

status reference_fit(double *weight, double *intercept, const uint8_t *codes, const uint8_t *bins, uint16_t columns,
                     const uint32_t *rows, const uint8_t *label, size_t num_rows, double ridge,
                     enum reference_sigmoid sigmoid)
{
    struct fit m AUTO(fit_clear) = {.codes = codes, .rows = rows, .label = label, .num_rows = num_rows,
                                    .columns = columns, .ridge = ridge};

    if (!(ridge > 0) || !isfinite(ridge))
        return STATUS_CONFIG;
    if (!both_classes(label, num_rows))
        return STATUS_LIMIT;
    TRY(fit_init(&m, bins));
    for (size_t i = 0; i < num_rows; i++)
        for (uint16_t c = 0; c < columns; c++)
            assert(codes_of(&m, i)[c] < bins[c]);
    switch (sigmoid) {
    case REFERENCE_EXACT:
        TRY(solve_exact(&m));
        break;
    case REFERENCE_LINEAR:
        TRY(solve_linear(&m));
        break;
    }
    memcpy(weight, m.coefficient, (m.size - 1) * sizeof *weight);
    *intercept = m.coefficient[m.size - 1];
    return OK;
}

double reference_score(const double *weight, double intercept, const uint8_t *row_codes, const uint8_t *bins,
                       uint16_t columns)
{
    double z = intercept;

    for (uint16_t c = 0; c < columns; c++) {
        z += weight[row_codes[c]];
        weight += bins[c];
    }
    return z;
}
