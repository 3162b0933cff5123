#include "training/evaluate.h"

#include "crypto/wire.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { METRIC_UNIT = 10000 }; /* metrics travel as multiples of 1e-4: enough to judge, too coarse to decode labels from */

/* Score to the contract's fractional bits, rounded: what leaves is no finer. */
static uint64_t rounded(const struct session *ss, const struct plan *plan, int64_t score)
{
    const uint32_t drop = plan->f - ss->contract->score_bits;

    return (uint64_t)(drop ? (score + ((int64_t)1 << (drop - 1))) >> drop : score);
}

/* [SPEC 4.7.1] own rounded scores plus pairwise masks that cancel among the senders. */
static status send_scores(struct session *ss, const struct plan *plan, const int64_t *score, party label)
{
    const uint32_t rows = ss->population.test;
    uint64_t *x AUTO(auto_wipe) = NULL;
    uint8_t *wire AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&x, rows, sizeof *x));
    TRY(alloc_zeroed(&wire, rows, ITEM_SCORE));
    for (uint32_t i = 0; i < rows; i++)
        x[i] = rounded(ss, plan, score[i]);
    for (party q = 0; q < ss->parties; q++) {
        struct rng g AUTO(rng_clear);

        if (q == label || q == ss->self)
            continue;
        session_pair_rng(ss, &g, "score zero", q, 0, 0);
        for (uint32_t i = 0; i < rows; i++) {
            const uint64_t r = rng_u64(&g);

            x[i] = ss->self < q ? x[i] + r : x[i] - r;
        }
    }
    for (uint32_t i = 0; i < rows; i++)
        store_u64(wire + (size_t)i * ITEM_SCORE, x[i]);
    return session_send_vector(ss, label, MESSAGE_score, 0, wire, ITEM_SCORE, rows);
}

static status collect_scores(double *out, struct session *ss, const struct plan *plan, const int64_t *score, double intercept)
{
    const uint32_t rows = ss->population.test;
    uint64_t *sum AUTO(auto_wipe) = NULL;
    uint8_t *wire AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&sum, rows, sizeof *sum));
    TRY(alloc_zeroed(&wire, rows, ITEM_SCORE));
    for (uint32_t i = 0; i < rows; i++)
        sum[i] = rounded(ss, plan, score[i]);
    for (party p = 0; p < ss->parties; p++) {
        if (p == ss->self)
            continue;
        TRY(session_recv_vector(ss, p, MESSAGE_score, 0, wire, ITEM_SCORE, rows));
        for (uint32_t i = 0; i < rows; i++)
            sum[i] += load_u64(wire + (size_t)i * ITEM_SCORE);
    }
    for (uint32_t i = 0; i < rows; i++)
        out[i] = ldexp((double)(int64_t)sum[i], -(int)ss->contract->score_bits) + intercept;
    return OK;
}

/* One model on the test rows.  The score of an exact sigmoid is a log-odds; a linear one is first calibrated, by a fit on
 * the other half of the rows. */
static status measure(struct metrics *out, struct calibration *calibration, enum sigmoid sigmoid, const double *score,
                      const uint8_t *label, uint32_t rows)
{
    double *prob AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&prob, rows, sizeof *prob));
    *calibration = (struct calibration){1, 0};
    for (uint32_t i = 0; i < rows; i++)
        prob[i] = calibration_apply(calibration, score[i]);
    if (sigmoid == SIGMOID_LINEAR)
        TRY(calibration_cross_fit(prob, calibration, score, label, rows));
    return metrics_compute(out, score, prob, label, rows);
}

/* Mean log-loss of the linear model's own probability 1/2 + z/4, clipped to [0.001, 0.999]. */
static double raw_logloss(const double *score, const uint8_t *label, uint32_t rows)
{
    double total = 0;

    for (uint32_t i = 0; i < rows; i++) {
        double p = 0.5 + score[i] / 4;

        p = p < 0.001 ? 0.001 : p > 0.999 ? 0.999 : p;
        total -= log(label[i] ? p : 1 - p);
    }
    return total / rows;
}

static void put_metric(uint8_t *body, size_t at, double value)
{
    store_u64(body + 8 * at, (uint64_t)llround(value * METRIC_UNIT));
}

/* Metrics are read back from the message at every party, the label party included: all hold the same numbers. */
static status take_metrics(struct party_result *out, struct session *ss, party from, const uint8_t *body)
{
    double *const field[] = {&out->auc, &out->ks, &out->logloss, &out->alone_auc, &out->alone_ks, &out->alone_logloss};

    for (size_t i = 0; i < sizeof field / sizeof field[0]; i++) {
        const uint64_t v = load_u64(body + 8 * i);

        if (v > (uint64_t)100 * METRIC_UNIT)
            return session_blame(ss, from, STATUS_MALFORMED, "%s published a metric out of range",
                                 ss->contract->party[from].name);
        *field[i] = (double)v / METRIC_UNIT;
    }
    if (load_u64(body + 48) > ss->population.test)
        return session_blame(ss, from, STATUS_MALFORMED, "%s published more positives than test rows",
                             ss->contract->party[from].name);
    out->test_positives = (uint32_t)load_u64(body + 48);
    for (size_t i = 56; i < BODY_METRIC; i++)
        if (body[i])
            return session_blame(ss, from, STATUS_MALFORMED, "%s published more metrics than the contract lists",
                                 ss->contract->party[from].name);
    return OK;
}

static status measure_all(struct party_result *result, uint8_t *body, struct session *ss, const struct plan *plan,
                          const int64_t *score, const uint8_t *label, const double *alone)
{
    const uint32_t rows = ss->population.test;
    double *joint AUTO(auto_free) = NULL;
    const enum sigmoid sigmoid = (enum sigmoid)ss->contract->sigmoid;
    struct calibration unused;

    TRY(alloc_zeroed(&joint, rows, sizeof *joint));
    TRY(collect_scores(joint, ss, plan, score, result->intercept));
    if (measure(&result->joint, &result->calibration, sigmoid, joint, label, rows) != OK ||
        measure(&result->alone, &unused, sigmoid, alone, label, rows) != OK)
        return session_fail(ss, STATUS_LIMIT, "the test rows hold one class only, nothing can be measured");
    result->logloss_raw = sigmoid == SIGMOID_LINEAR ? raw_logloss(joint, label, rows) : result->joint.logloss;
    result->has_curves = 1;
    put_metric(body, 0, result->joint.auc);
    put_metric(body, 1, result->joint.ks);
    put_metric(body, 2, result->joint.logloss);
    put_metric(body, 3, result->alone.auc);
    put_metric(body, 4, result->alone.ks);
    put_metric(body, 5, result->alone.logloss);
    store_u64(body + 48, result->joint.positives);
    return OK;
}

status evaluate_run(struct party_result *result, struct session *ss, const struct plan *plan, const int64_t *score,
                    const uint8_t *label, const double *alone)
{
    const party l = contract_label_party(ss->contract);
    uint8_t body[BODY_METRIC] = {0};

    session_progress(ss, PHASE_EVALUATE, 0, 0, 2);
    if (ss->self != l) {
        TRY(send_scores(ss, plan, score, l));
        TRY(session_recv(ss, l, MESSAGE_metric, 0, body, sizeof body));
    } else {
        TRY(measure_all(result, body, ss, plan, score, label, alone));
        for (party p = 0; p < ss->parties; p++)
            if (p != l)
                TRY(session_send(ss, p, MESSAGE_metric, 0, body, sizeof body));
    }
    session_progress(ss, PHASE_EVALUATE, 0, 2, 2);
    return take_metrics(result, ss, l, body);
}
