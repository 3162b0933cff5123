#include "training/metrics.h"

#include "training/linear.h"

#include <assert.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const double PROB_MIN = 1e-15; /* clip of the log-loss */

struct scored {
    double score, prob;
    uint8_t label;
};

/* What has been counted at a cut after `rows` rows, highest scores first. */
struct cut {
    double rows, positives, prob;
};

/* Rows in descending order of score, and the cuts at the ends of the runs of equal scores: run[0] is before the first
 * row, run[runs] after the last one.  Every measure is a function of the cuts, so ties are exact and the order of the
 * input does not matter. */
struct ranking {
    struct scored *row;
    size_t rows;
    struct cut *run;
    size_t runs;
};

static void ranking_clear(struct ranking *k)
{
    if (k->row)
        sodium_memzero(k->row, k->rows * sizeof *k->row);
    free(k->row);
    if (k->run)
        sodium_memzero(k->run, (k->rows + 1) * sizeof *k->run);
    free(k->run);
}

static int by_score_descending(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->prob < y->prob) - (x->prob > y->prob); /* the sum of a run is then the same whatever the row order */
}

static status ranking_init(struct ranking *k, const double *score, const double *prob, const uint8_t *label,
                           size_t rows)
{
    k->rows = rows;
    TRY(alloc_zeroed(&k->row, rows, sizeof *k->row));
    TRY(alloc_zeroed(&k->run, rows + 1, sizeof *k->run));
    for (size_t i = 0; i < rows; i++) {
        assert(isfinite(score[i]) && label[i] <= 1);
        k->row[i] = (struct scored){.score = score[i], .prob = prob ? prob[i] : 0, .label = label[i]};
    }
    qsort(k->row, rows, sizeof *k->row, by_score_descending);
    for (size_t i = 0; i < rows; i++) {
        struct cut *at;

        if (i == 0 || k->row[i].score != k->row[i - 1].score) {
            k->runs++;
            k->run[k->runs] = k->run[k->runs - 1];
        }
        at = &k->run[k->runs];
        at->rows += 1;
        at->positives += k->row[i].label;
        at->prob += k->row[i].prob;
    }
    return OK;
}

/* The cut after `rows` rows, inside a run in proportion.  *run is where to look from; cuts are asked for in ascending
 * order. */
static struct cut cut_after(const struct ranking *k, double rows, size_t *run)
{
    const struct cut *lo, *hi;
    double share;

    while (*run < k->runs && k->run[*run].rows < rows)
        ++*run;
    hi = &k->run[*run];
    if (*run == 0 || hi->rows <= rows)
        return *hi;
    lo = hi - 1;
    share = (rows - lo->rows) / (hi->rows - lo->rows);
    return (struct cut){.rows = rows,
                        .positives = lo->positives + share * (hi->positives - lo->positives),
                        .prob = lo->prob + share * (hi->prob - lo->prob)};
}

/* Twice the Mann-Whitney statistic in integers: 2 * P * N < 2^64 for rows < 2^32. */
static void fill_auc(struct metrics *out, const struct ranking *k)
{
    double p = out->positives, n = (double)out->rows - p, a, q1, q2;
    uint64_t twice = 0;

    for (size_t g = 1; g <= k->runs; g++) {
        uint64_t positives = (uint64_t)(k->run[g].positives - k->run[g - 1].positives);
        uint64_t negatives = (uint64_t)(k->run[g].rows - k->run[g - 1].rows) - positives;
        uint64_t below = out->rows - out->positives - (uint64_t)(k->run[g].rows - k->run[g].positives);

        twice += positives * (2 * below + negatives);
    }
    a = (double)twice / (2 * p * n);
    q1 = a / (2 - a);
    q2 = 2 * a * a / (1 + a);
    out->auc = a;
    out->auc_se = sqrt(fmax(0, (a * (1 - a) + (p - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (p * n)));
}

static void fill_ks(struct metrics *out, const struct ranking *k)
{
    int64_t positives = out->positives, negatives = (int64_t)out->rows - positives, best = -1;

    for (size_t g = 1; g <= k->runs; g++) {
        int64_t tp = (int64_t)k->run[g].positives, fp = (int64_t)k->run[g].rows - tp;
        int64_t gap = tp * negatives - fp * positives; /* |gap| <= 2^62 */

        if (gap < 0)
            gap = -gap;
        if (gap > best) {
            best = gap;
            out->ks_at = k->run[g].rows / (double)out->rows;
        }
    }
    out->ks = (double)best / ((double)positives * (double)negatives);
}

static void fill_deciles(struct metrics *out, const struct ranking *k, int with_prob)
{
    double rate = (double)out->positives / out->rows;
    size_t first = 0, run = 0;
    struct cut before = {0};

    for (unsigned d = 0; d < METRICS_DECILES; d++) {
        struct metrics_decile *at = &out->decile[d];
        size_t end = (size_t)((uint64_t)out->rows * (d + 1) / METRICS_DECILES);
        struct cut after;

        if (end == first)
            continue;
        after = cut_after(k, (double)end, &run);
        at->rows = (uint32_t)(end - first);
        at->positives = (uint32_t)(floor(after.positives + 0.5) - floor(before.positives + 0.5));
        at->score_high = k->row[first].score;
        at->score_low = k->row[end - 1].score;
        at->lift = at->positives / (double)at->rows / rate;
        at->cumulative_lift = floor(after.positives + 0.5) / (double)end / rate;
        at->prob_mean = with_prob ? (after.prob - before.prob) / at->rows : NAN;
        before = after;
        first = end;
    }
}

/* Follow the polyline of the cuts (fpr, tpr) at equal steps of fpr + tpr, which rises from 0 to 2. */
static void fill_roc(struct metrics *out, const struct ranking *k)
{
    double p = out->positives, n = (double)out->rows - p;
    size_t g = 1;

    for (unsigned i = 0; i < METRICS_CURVE_POINTS; i++) {
        double want = 2.0 * i / (METRICS_CURVE_POINTS - 1), share, x0, y0, x1, y1;

        while (g < k->runs && k->run[g].positives / p + (k->run[g].rows - k->run[g].positives) / n < want)
            g++;
        x0 = (k->run[g - 1].rows - k->run[g - 1].positives) / n, y0 = k->run[g - 1].positives / p;
        x1 = (k->run[g].rows - k->run[g].positives) / n, y1 = k->run[g].positives / p;
        share = fmin(1, fmax(0, (want - x0 - y0) / (x1 + y1 - x0 - y0)));
        out->roc_fpr[i] = x0 + share * (x1 - x0);
        out->roc_tpr[i] = y0 + share * (y1 - y0);
    }
}

static void fill_ks_curve(struct metrics *out, const struct ranking *k)
{
    double p = out->positives, n = (double)out->rows - p;
    size_t run = 0;

    for (unsigned i = 0; i < METRICS_CURVE_POINTS; i++) {
        struct cut at = cut_after(k, (double)out->rows * i / (METRICS_CURVE_POINTS - 1), &run);

        out->ks_bad[i] = at.positives / p;
        out->ks_good[i] = (at.rows - at.positives) / n;
    }
}

static void fill_histogram(struct metrics *out, const struct ranking *k)
{
    size_t trim = k->rows / 200;
    double high = k->row[trim].score, low = k->row[k->rows - 1 - trim].score;

    if (!(high > low)) {
        high += 0.5;
        low -= 0.5;
    }
    out->hist_low = low;
    out->hist_high = high;
    for (size_t i = 0; i < k->rows; i++) {
        double at = floor((k->row[i].score - low) / (high - low) * METRICS_HISTOGRAM_BINS);
        size_t bin = (size_t)fmin(METRICS_HISTOGRAM_BINS - 1, fmax(0, at));

        (k->row[i].label ? out->hist_bad : out->hist_good)[bin]++;
    }
}

static void fill_losses(struct metrics *out, const double *prob, const uint8_t *label)
{
    double logloss = 0, brier = 0;

    out->logloss = out->brier = NAN;
    if (!prob)
        return;
    for (size_t i = 0; i < out->rows; i++) {
        double p = fmin(1 - PROB_MIN, fmax(PROB_MIN, prob[i]));

        logloss -= log(label[i] ? p : 1 - p);
        brier += (prob[i] - label[i]) * (prob[i] - label[i]);
    }
    out->logloss = logloss / out->rows;
    out->brier = brier / out->rows;
}

static size_t count_positives(const uint8_t *label, size_t rows)
{
    size_t positives = 0;

    for (size_t i = 0; i < rows; i++)
        positives += label[i] != 0;
    return positives;
}

status metrics_compute(struct metrics *out, const double *score, const double *prob, const uint8_t *label,
                       size_t rows)
{
    struct ranking k AUTO(ranking_clear) = {0};
    size_t positives = count_positives(label, rows);

    if (positives == 0 || positives == rows || rows > UINT32_MAX)
        return STATUS_LIMIT;
    TRY(ranking_init(&k, score, prob, label, rows));
    memset(out, 0, sizeof *out);
    out->rows = (uint32_t)rows;
    out->positives = (uint32_t)positives;
    fill_auc(out, &k);
    fill_ks(out, &k);
    fill_deciles(out, &k, prob != NULL);
    fill_roc(out, &k);
    fill_ks_curve(out, &k);
    fill_histogram(out, &k);
    fill_losses(out, prob, label);
    return OK;
}

/* ---- calibration ---- */

enum { NEWTON_STEPS_MAX = 100, HALVINGS_MAX = 40 };
static const double SLOPE_RIDGE = 1e-9;

/* Every step-th score, shifted and scaled to mean 0 and deviation 1. */
struct sample {
    const double *score;
    const uint8_t *label;
    size_t first, step, rows, count;
    double mean, scale;
};

static double sample_x(const struct sample *s, size_t i)
{
    return (s->score[i] - s->mean) / s->scale;
}

static double sample_loss(const struct sample *s, double a, double b)
{
    double loss = 0;

    for (size_t i = s->first; i < s->rows; i += s->step) {
        double t = a * sample_x(s, i) + b;

        loss += (t > 0 ? t : 0) + log1p(exp(-fabs(t))) - (s->label[i] ? t : 0);
    }
    return loss / (double)s->count + 0.5 * SLOPE_RIDGE * a * a;
}

/* Mean and deviation.  STATUS_LIMIT when a class is missing. */
static status sample_init(struct sample *s)
{
    double sum = 0, squares = 0;
    size_t positives = 0;

    for (size_t i = s->first; i < s->rows; i += s->step) {
        sum += s->score[i];
        positives += s->label[i] != 0;
        s->count++;
    }
    if (positives == 0 || positives == s->count)
        return STATUS_LIMIT;
    s->mean = sum / (double)s->count;
    for (size_t i = s->first; i < s->rows; i += s->step)
        squares += (s->score[i] - s->mean) * (s->score[i] - s->mean);
    s->scale = sqrt(squares / (double)s->count);
    if (!(s->scale > 0)) /* constant score: any slope fits, the ridge makes it 0 */
        s->scale = 1;
    return OK;
}

static status sample_fit(struct calibration *out, struct sample s)
{
    double a = 0, b = 0, value;

    TRY(sample_init(&s));
    value = sample_loss(&s, a, b);
    for (int step = 0; step < NEWTON_STEPS_MAX; step++) {
        double gradient[2] = {0}, hessian[4] = {0}, n = (double)s.count, length = 1, next, to_a, to_b;

        for (size_t i = s.first; i < s.rows; i += s.step) {
            double x = sample_x(&s, i), p = 1 / (1 + exp(-(a * x + b))), e = p - s.label[i], h = p * (1 - p);

            gradient[0] += e * x / n;
            gradient[1] += e / n;
            hessian[0] += h * x * x / n;
            hessian[1] += h * x / n;
            hessian[3] += h / n;
        }
        gradient[0] += SLOPE_RIDGE * a;
        hessian[0] += SLOPE_RIDGE;
        if (fabs(gradient[0]) < 1e-12 && fabs(gradient[1]) < 1e-12)
            break;
        hessian[3] += 1e-12; /* far from the data every p(1-p) underflows */
        TRY(linear_cholesky(hessian, 2));
        linear_solve(hessian, 2, gradient);
        for (int halving = 0;; halving++, length /= 2) {
            to_a = a - length * gradient[0];
            to_b = b - length * gradient[1];
            next = sample_loss(&s, to_a, to_b);
            if (next <= value + 1e-15 || halving == HALVINGS_MAX)
                break;
        }
        a = to_a;
        b = to_b;
        value = next;
    }
    out->a = a / s.scale;
    out->b = b - a * s.mean / s.scale;
    return OK;
}

status calibration_fit(struct calibration *out, const double *score, const uint8_t *label, size_t rows)
{
    return sample_fit(out, (struct sample){.score = score, .label = label, .step = 1, .rows = rows});
}

double calibration_apply(const struct calibration *c, double score)
{
    return 1 / (1 + exp(-(c->a * score + c->b)));
}

status calibration_cross_fit(double *prob, struct calibration *all, const double *score, const uint8_t *label,
                             size_t rows)
{
    struct calibration half[2], whole;

    for (size_t h = 0; h < 2; h++)
        TRY(sample_fit(&half[h], (struct sample){.score = score, .label = label, .first = h, .step = 2, .rows = rows}));
    TRY(calibration_fit(&whole, score, label, rows));
    for (size_t i = 0; i < rows; i++)
        prob[i] = calibration_apply(&half[1 - i % 2], score[i]);
    *all = whole;
    return OK;
}
