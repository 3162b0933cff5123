#include "training/metrics.h"

#include "tests/training/vectors/metrics_vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* cmocka's own comparison is of floats */
#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

enum { SMALL_MAX = 60, SMALL_ROUNDS = 2000 };

/* splitmix64: the tests' own small generator */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state)
{
    return (double)(draw(state) >> 11) * 0x1p-53;
}

/* Small samples with many ties; both classes present. */
static size_t small_sample(uint64_t *state, double *score, uint8_t *label)
{
    size_t rows = 2 + draw(state) % (SMALL_MAX - 2);
    uint64_t levels = 1 + draw(state) % 12;

    for (size_t i = 0; i < rows; i++) {
        score[i] = (double)(draw(state) % levels) / 4 - 1;
        label[i] = draw(state) % 3 == 0;
    }
    label[0] = 0;
    label[1] = 1;
    return rows;
}

static double brute_auc(const double *score, const uint8_t *label, size_t rows)
{
    double wins = 0, pairs = 0;

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < rows; j++)
            if (label[i] && !label[j]) {
                wins += score[i] > score[j] ? 1 : score[i] == score[j] ? 0.5 : 0;
                pairs++;
            }
    return wins / pairs;
}

static double brute_ks(const double *score, const uint8_t *label, size_t rows)
{
    double best = 0;

    for (size_t t = 0; t < rows; t++) {
        double above[2] = {0}, count[2] = {0};

        for (size_t i = 0; i < rows; i++) {
            above[label[i]] += score[i] >= score[t];
            count[label[i]]++;
        }
        best = fmax(best, fabs(above[1] / count[1] - above[0] / count[0]));
    }
    return best;
}

static void auc_and_ks_equal_their_quadratic_definitions_with_ties(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int round = 0; round < SMALL_ROUNDS; round++) {
        double score[SMALL_MAX];
        uint8_t label[SMALL_MAX];
        size_t rows = small_sample(&seed, score, label);
        struct metrics m;

        assert_int_equal(metrics_compute(&m, score, NULL, label, rows), OK);
        assert_near(m.auc, brute_auc(score, label, rows), 1e-14);
        assert_near(m.ks, brute_ks(score, label, rows), 1e-14);
        assert_true(m.ks_at > 0 && m.ks_at <= 1);
    }
}

static void measures_equal_the_vectors_of_scikit_learn(void **state)
{
    struct metrics m;
    struct calibration c;
    double prob[VECTOR_ROWS];

    (void)state;
    assert_int_equal(calibration_fit(&c, vector_score, vector_label, VECTOR_ROWS), OK);
    assert_near(c.a, vector_platt_a, 1e-7);
    assert_near(c.b, vector_platt_b, 1e-7);
    for (size_t i = 0; i < VECTOR_ROWS; i++)
        prob[i] = calibration_apply(&c, vector_score[i]);
    assert_int_equal(metrics_compute(&m, vector_score, prob, vector_label, VECTOR_ROWS), OK);
    assert_near(m.auc, vector_auc, 1e-14);
    assert_near(m.ks, vector_ks, 1e-14);
    assert_near(m.logloss, vector_platt_logloss, 1e-10);
    assert_near(m.brier, vector_platt_brier, 1e-8);
}

static void cross_calibration_scores_each_half_with_the_fit_of_the_other(void **state)
{
    double prob[VECTOR_ROWS];
    struct calibration all, whole;
    struct metrics m;

    (void)state;
    assert_int_equal(calibration_cross_fit(prob, &all, vector_score, vector_label, VECTOR_ROWS), OK);
    assert_int_equal(calibration_fit(&whole, vector_score, vector_label, VECTOR_ROWS), OK);
    assert_memory_equal(&all, &whole, sizeof all);
    assert_int_equal(metrics_compute(&m, vector_score, prob, vector_label, VECTOR_ROWS), OK);
    assert_near(m.logloss, vector_cross_logloss, 1e-8);
}

static void changing_one_half_changes_only_the_other_halfs_probabilities(void **state)
{
    double score[VECTOR_ROWS], before[VECTOR_ROWS], after[VECTOR_ROWS];
    struct calibration all;

    (void)state;
    memcpy(score, vector_score, sizeof score);
    assert_int_equal(calibration_cross_fit(before, &all, score, vector_label, VECTOR_ROWS), OK);
    score[1] += 1;
    assert_int_equal(calibration_cross_fit(after, &all, score, vector_label, VECTOR_ROWS), OK);
    for (size_t i = 3; i < VECTOR_ROWS; i += 2)
        assert_true(before[i] == after[i]);
    assert_true(before[0] != after[0]);
}

static void a_separable_sample_still_has_a_finite_calibration(void **state)
{
    const double score[] = {-2, -1, 1, 2};
    const uint8_t label[] = {0, 0, 1, 1};
    struct calibration c;

    (void)state;
    assert_int_equal(calibration_fit(&c, score, label, 4), OK);
    assert_true(isfinite(c.a) && isfinite(c.b) && c.a > 5);
    assert_true(calibration_apply(&c, 1) > 0.999 && calibration_apply(&c, -1) < 0.001);
}

static void a_constant_score_is_calibrated_to_the_base_rate(void **state)
{
    const double score[] = {3, 3, 3, 3};
    const uint8_t label[] = {0, 0, 0, 1};
    struct calibration c;

    (void)state;
    assert_int_equal(calibration_fit(&c, score, label, 4), OK);
    assert_near(c.a, 0, 1e-9);
    assert_near(calibration_apply(&c, 3), 0.25, 1e-9);
}

static void calibration_recovers_the_line_that_made_the_labels(void **state)
{
    enum { ROWS = 60000 };
    double *score = malloc(ROWS * sizeof *score);
    uint8_t *label = malloc(ROWS);
    struct calibration c;
    uint64_t seed = 11;

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        score[i] = 100 + 20 * uniform(&seed); /* far from 0: the fit must not depend on the origin */
        label[i] = uniform(&seed) < 1 / (1 + exp(-(0.3 * score[i] - 34)));
    }
    assert_int_equal(calibration_fit(&c, score, label, ROWS), OK);
    assert_near(c.a, 0.3, 0.01);
    assert_near(c.a * 110 + c.b, -1, 0.05);
    free(score);
    free(label);
}

static void every_measure_is_independent_of_the_order_of_the_rows(void **state)
{
    uint64_t seed = 3;

    (void)state;
    for (int round = 0; round < 200; round++) {
        double score[SMALL_MAX], prob[SMALL_MAX];
        uint8_t label[SMALL_MAX];
        size_t rows = small_sample(&seed, score, label);
        struct metrics before, after;

        for (size_t i = 0; i < rows; i++)
            prob[i] = uniform(&seed);
        assert_int_equal(metrics_compute(&before, score, prob, label, rows), OK);
        for (size_t i = rows - 1; i > 0; i--) {
            size_t j = draw(&seed) % (i + 1);
            double s = score[i], p = prob[i];
            uint8_t y = label[i];

            score[i] = score[j], prob[i] = prob[j], label[i] = label[j];
            score[j] = s, prob[j] = p, label[j] = y;
        }
        assert_int_equal(metrics_compute(&after, score, prob, label, rows), OK);
        assert_near(after.logloss, before.logloss, 1e-12); /* summed in row order: equal to rounding */
        assert_near(after.brier, before.brier, 1e-12);
        after.logloss = before.logloss;
        after.brier = before.brier;
        assert_memory_equal(&before, &after, sizeof before);
    }
}

static void deciles_and_curves_count_every_row_once(void **state)
{
    uint64_t seed = 5;

    (void)state;
    for (int round = 0; round < 500; round++) {
        double score[SMALL_MAX];
        uint8_t label[SMALL_MAX];
        size_t rows = small_sample(&seed, score, label);
        struct metrics m;
        uint32_t decile_rows = 0, decile_positives = 0, good = 0, bad = 0;

        assert_int_equal(metrics_compute(&m, score, NULL, label, rows), OK);
        for (int d = 0; d < METRICS_DECILES; d++) {
            decile_rows += m.decile[d].rows;
            decile_positives += m.decile[d].positives;
            assert_true(m.decile[d].positives <= m.decile[d].rows);
            assert_true(m.decile[d].score_low <= m.decile[d].score_high);
        }
        for (int b = 0; b < METRICS_HISTOGRAM_BINS; b++) {
            good += m.hist_good[b];
            bad += m.hist_bad[b];
        }
        assert_int_equal(decile_rows, rows);
        assert_int_equal(decile_positives, m.positives);
        assert_int_equal(bad, m.positives);
        assert_int_equal(good + bad, rows);
        assert_near(m.decile[METRICS_DECILES - 1].cumulative_lift, 1, 1e-12);
        assert_true(m.roc_fpr[0] == 0 && m.roc_tpr[0] == 0 && m.ks_bad[0] == 0 && m.ks_good[0] == 0);
        for (int i = 1; i < METRICS_CURVE_POINTS; i++) {
            assert_true(m.roc_fpr[i] >= m.roc_fpr[i - 1] - 1e-15 && m.roc_tpr[i] >= m.roc_tpr[i - 1] - 1e-15);
            assert_near(m.roc_fpr[i] + m.roc_tpr[i], 0.02 * i, 1e-12);
            assert_true(m.ks_bad[i] >= m.ks_bad[i - 1] - 1e-15 && m.ks_good[i] >= m.ks_good[i - 1] - 1e-15);
        }
        assert_near(m.roc_fpr[METRICS_CURVE_POINTS - 1], 1, 1e-12);
        assert_near(m.ks_bad[METRICS_CURVE_POINTS - 1], 1, 1e-12);
    }
}

static void a_perfect_score_has_auc_1_ks_1_and_a_square_curve(void **state)
{
    double score[100], prob[100];
    uint8_t label[100];
    struct metrics m;

    (void)state;
    for (int i = 0; i < 100; i++) {
        score[i] = i;
        label[i] = i >= 80;
        prob[i] = label[i];
    }
    assert_int_equal(metrics_compute(&m, score, prob, label, 100), OK);
    assert_true(m.auc == 1 && m.ks == 1 && m.auc_se == 0 && m.brier == 0);
    assert_near(m.ks_at, 0.2, 1e-15);
    assert_true(m.logloss >= 0 && m.logloss < 1e-14);
    assert_true(m.roc_fpr[50] == 0 && m.roc_tpr[50] == 1);
    assert_near(m.decile[0].lift, 5, 1e-12);
    assert_near(m.decile[1].cumulative_lift, 5, 1e-12);
    assert_near(m.decile[2].lift, 0, 1e-12);
    assert_true(m.decile[0].score_high == 99 && m.decile[0].score_low == 90);
}

static void the_standard_error_is_that_of_hanley_and_mcneil(void **state)
{
    /* 1 positive above 1 of 2 negatives: A = 1/2, Q1 = 1/3, Q2 = 1/3; se^2 = (1/4 + 0 + 1 * (1/3 - 1/4)) / 2 = 1/6 */
    const double score[] = {2, 3, 1};
    const uint8_t label[] = {1, 0, 0};
    struct metrics m;

    (void)state;
    assert_int_equal(metrics_compute(&m, score, NULL, label, 3), OK);
    assert_true(m.auc == 0.5);
    assert_near(m.auc_se, sqrt(1.0 / 6), 1e-15);
    assert_true(isnan(m.logloss) && isnan(m.brier) && isnan(m.decile[9].prob_mean));
}

static void a_missing_class_is_refused(void **state)
{
    const double score[] = {1, 2, 3};
    const uint8_t none[] = {0, 0, 0}, all[] = {1, 1, 1}, lopsided[] = {1, 0, 1};
    struct metrics m;
    struct calibration c;
    double prob[3];

    (void)state;
    assert_int_equal(metrics_compute(&m, score, NULL, none, 3), STATUS_LIMIT);
    assert_int_equal(metrics_compute(&m, score, NULL, all, 3), STATUS_LIMIT);
    assert_int_equal(metrics_compute(&m, score, NULL, all, 0), STATUS_LIMIT);
    assert_int_equal(calibration_fit(&c, score, none, 3), STATUS_LIMIT);
    assert_int_equal(calibration_cross_fit(prob, &c, score, lopsided, 3), STATUS_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auc_and_ks_equal_their_quadratic_definitions_with_ties),
        cmocka_unit_test(measures_equal_the_vectors_of_scikit_learn),
        cmocka_unit_test(cross_calibration_scores_each_half_with_the_fit_of_the_other),
        cmocka_unit_test(changing_one_half_changes_only_the_other_halfs_probabilities),
        cmocka_unit_test(a_separable_sample_still_has_a_finite_calibration),
        cmocka_unit_test(a_constant_score_is_calibrated_to_the_base_rate),
        cmocka_unit_test(calibration_recovers_the_line_that_made_the_labels),
        cmocka_unit_test(every_measure_is_independent_of_the_order_of_the_rows),
        cmocka_unit_test(deciles_and_curves_count_every_row_once),
        cmocka_unit_test(a_perfect_score_has_auc_1_ks_1_and_a_square_curve),
        cmocka_unit_test(the_standard_error_is_that_of_hanley_and_mcneil),
        cmocka_unit_test(a_missing_class_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
