#include "kit/plain.h"

#include "training/reference.h"
#include "training/train.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void pooled_from_sim(struct pooled *out, const struct sim *sim)
{
    const party parties = sim->contract.parties;
    const party l = contract_label_party(&sim->contract);
    uint16_t at = 0;

    memset(out, 0, sizeof *out);
    out->rows = sim->party[0].result.population.rows;
    for (party p = 0; p < parties; p++)
        out->columns = (uint16_t)(out->columns + sim->party[p].data->columns);
    out->codes = calloc((size_t)out->rows * out->columns, 1);
    out->label = calloc(out->rows, 1);
    out->role = calloc(out->rows, 1);
    out->train = calloc(out->rows, sizeof *out->train);
    assert(out->codes && out->label && out->role && out->train);
    for (party p = 0; p < parties; p++) {
        const struct dataset *d = sim->party[p].data;

        memcpy(out->bins + at, d->bins, d->columns);
        for (uint32_t i = 0; i < out->rows; i++)
            memcpy(out->codes + (size_t)i * out->columns + at,
                   d->codes + (size_t)sim->party[p].result.position[i] * d->columns, d->columns);
        at = (uint16_t)(at + d->columns);
    }
    for (uint32_t i = 0; i < out->rows; i++) {
        out->role[i] = sim->party[0].result.role[i];
        out->label[i] = sim->party[l].data->label[sim->party[l].result.position[i]];
        if (out->role[i] == 0)
            out->train[out->num_train++] = i;
    }
}

void pooled_clear(struct pooled *p)
{
    free(p->codes);
    free(p->label);
    free(p->role);
    free(p->train);
    memset(p, 0, sizeof *p);
}

struct plain_block {
    struct matrix m;
    struct precondition pre;
    uint8_t *codes;
    ring_signed *w, *y;
    ring *sums, *step;
};

static status block_init(struct plain_block *b, const struct contract *c, party p, uint16_t column, const struct pooled *pooled,
                         const struct plan *plan)
{
    const uint16_t columns = c->party[p].columns;

    b->m = (struct matrix){.n = pooled->num_train, .columns = columns, .width = contract_width(c, p), .bins = c->party[p].bins};
    b->codes = calloc((size_t)b->m.n * columns, 1);
    b->w = calloc(b->m.width, sizeof *b->w);
    b->y = calloc(b->m.width, sizeof *b->y);
    b->sums = calloc(b->m.width, sizeof *b->sums);
    b->step = calloc(b->m.width, sizeof *b->step);
    assert(b->codes && b->w && b->y && b->sums && b->step);
    for (uint32_t i = 0; i < b->m.n; i++)
        memcpy(b->codes + (size_t)i * columns, pooled->codes + (size_t)pooled->train[i] * pooled->columns + column, columns);
    b->m.codes = b->codes;
    TRY(precondition_make(&b->pre, &b->m, plan, c->ridge_micro));
    b->m.precondition = b->pre.entry;
    b->m.diagonal = b->pre.diagonal;
    return OK;
}

static void block_pass(struct plain_block *b, const struct contract *c, const struct plan *plan, const ring_signed *residual,
                       uint32_t pass)
{
    ring_signed eta, beta;

    train_coefficients(c, pass, &eta, &beta);
    memset(b->sums, 0, b->m.width * sizeof *b->sums);
    for (uint32_t i = 0; i < b->m.n; i++) {
        size_t offset = 0;

        for (uint16_t col = 0; col < b->m.columns; col++) {
            b->sums[offset + b->codes[(size_t)i * b->m.columns + col]] += (ring)residual[i];
            offset += b->m.bins[col];
        }
    }
    for (uint32_t j = 0; j < b->m.width; j++)
        b->sums[j] += (ring)plan->ridge * (ring)b->y[j];
    precondition_apply(b->step, &b->m, b->sums);
    for (uint32_t j = 0; j < b->m.width; j++) {
        const ring_signed s = ring_round_shift((ring_signed)b->step[j], plan->shift);
        const ring_signed moved = b->y[j] - ring_round_shift(eta * s, 10);
        const ring_signed before = c->optimiser == OPTIMISER_NESTEROV ? moved : b->y[j];

        b->y[j] = moved + ring_round_shift(beta * (before - b->w[j]), 10);
        b->w[j] = before;
    }
}

/* 4 sigma(z): by floating point, without the noise of tables; or z + 2. */
static ring_signed four_sigma(const struct plan *plan, ring_signed z)
{
    if (!plan->table_bits)
        return z + ((ring_signed)2 << plan->f);
    return llround(ldexp(4 / (1 + exp(-ldexp((double)z, -(int)plan->f))), (int)plan->f));
}

status plain_train(int64_t *const weight[PARTIES_MAX], const struct contract *c, const struct sim *sim,
                   const struct pooled *pooled)
{
    struct plain_block block[PARTIES_MAX] = {0};
    struct plan plan;
    ring_signed *residual = calloc(pooled->num_train, sizeof *residual);
    uint8_t *label = calloc(pooled->num_train, 1);
    uint16_t column = 0;
    int64_t intercept;
    status result = OK;

    (void)sim;
    assert(residual && label);
    TRY(plan_make(&plan, c, pooled->num_train, NULL));
    for (uint32_t i = 0; i < pooled->num_train; i++)
        label[i] = pooled->label[pooled->train[i]];
    intercept = train_intercept(&plan, label, pooled->num_train);
    for (party p = 0; p < c->parties && result == OK; p++) {
        result = block_init(&block[p], c, p, column, pooled, &plan);
        column = (uint16_t)(column + c->party[p].columns);
    }
    for (uint16_t t = 0; t < c->passes && result == OK; t++) {
        for (uint32_t i = 0; i < pooled->num_train; i++) {
            ring_signed z = intercept;

            for (party p = 0; p < c->parties; p++) {
                size_t offset = 0;

                for (uint16_t col = 0; col < block[p].m.columns; col++) {
                    z += block[p].y[offset + block[p].codes[(size_t)i * block[p].m.columns + col]];
                    offset += block[p].m.bins[col];
                }
            }
            residual[i] = four_sigma(&plan, z) - (label[i] ? (ring_signed)4 << plan.f : 0);
        }
        for (party p = 0; p < c->parties; p++)
            block_pass(&block[p], c, &plan, residual, t + 1u);
    }
    for (party p = 0; p < c->parties; p++) {
        for (uint32_t j = 0; j < block[p].m.width && result == OK; j++)
            weight[p][j] = (int64_t)(c->optimiser == OPTIMISER_NESTEROV ? block[p].w : block[p].y)[j];
        precondition_clear(&block[p].pre);
        free(block[p].codes);
        free(block[p].w);
        free(block[p].y);
        free(block[p].sums);
        free(block[p].step);
    }
    free(residual);
    free(label);
    return result;
}

status plain_quality_of(struct plain_quality *out, const struct pooled *pooled, const double *weight, double intercept,
                        int linear)
{
    double *score = calloc(pooled->rows, sizeof *score), *prob = calloc(pooled->rows, sizeof *prob);
    uint8_t *label = calloc(pooled->rows, 1);
    struct calibration all;
    struct metrics m;
    size_t count = 0;
    status result;

    assert(score && prob && label);
    for (uint32_t i = 0; i < pooled->rows; i++)
        if (pooled->role[i] == 1) {
            score[count] = reference_score(weight, intercept, pooled->codes + (size_t)i * pooled->columns, pooled->bins,
                                           pooled->columns);
            label[count++] = pooled->label[i];
        }
    for (size_t i = 0; i < count; i++)
        prob[i] = 1 / (1 + exp(-score[i]));
    result = linear ? calibration_cross_fit(prob, &all, score, label, count) : OK;
    if (result == OK)
        result = metrics_compute(&m, score, prob, label, count);
    if (result == OK)
        *out = (struct plain_quality){m.auc, m.ks, m.logloss};
    free(score);
    free(prob);
    free(label);
    return result;
}

status plain_reference(struct plain_quality *out, const struct pooled *pooled, double ridge, int linear)
{
    size_t width = 0;
    double *weight, intercept = 0;
    uint8_t *label = calloc(pooled->num_train, 1);
    status result;

    for (uint16_t c = 0; c < pooled->columns; c++)
        width += pooled->bins[c];
    weight = calloc(width, sizeof *weight);
    assert(weight && label);
    for (uint32_t i = 0; i < pooled->num_train; i++)
        label[i] = pooled->label[pooled->train[i]];
    result = reference_fit(weight, &intercept, pooled->codes, pooled->bins, pooled->columns, pooled->train, label,
                           pooled->num_train, ridge, linear ? REFERENCE_LINEAR : REFERENCE_EXACT);
    if (result == OK)
        result = plain_quality_of(out, pooled, weight, intercept, linear);
    free(label);
    free(weight);
    return result;
}

status plain_quality_of_sim(struct plain_quality *out, const struct pooled *pooled, const struct sim *sim)
{
    const struct contract *c = &sim->contract;
    size_t width = 0, at = 0;
    double *weight;
    status result;

    for (party p = 0; p < c->parties; p++)
        width += contract_width(c, p);
    weight = calloc(width, sizeof *weight);
    assert(weight);
    for (party p = 0; p < c->parties; p++) {
        memcpy(weight + at, sim->party[p].result.weight, contract_width(c, p) * sizeof *weight);
        at += contract_width(c, p);
    }
    result = plain_quality_of(out, pooled, weight, sim->party[contract_label_party(c)].result.intercept,
                              c->sigmoid == SIGMOID_LINEAR);
    free(weight);
    return result;
}
