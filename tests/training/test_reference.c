#include "training/reference.h"

#include "training/linear.h"
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

/* splitmix64: the tests' own small generator */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Random codes with labels that depend on them. */
struct sample {
    size_t rows;
    uint16_t columns;
    uint8_t *bins, *codes, *label;
};

static struct sample sample_new(uint64_t seed, size_t rows, uint16_t columns, uint8_t bins)
{
    struct sample s = {.rows = rows, .columns = columns};

    s.bins = malloc(columns);
    s.codes = malloc(rows * columns);
    s.label = malloc(rows);
    memset(s.bins, bins, columns);
    for (size_t i = 0; i < rows; i++) {
        uint64_t sum = 0;

        for (size_t c = 0; c < columns; c++)
            sum += s.codes[i * columns + c] = (uint8_t)(draw(&seed) % bins);
        s.label[i] = draw(&seed) % (2u * columns * bins) < sum;
    }
    return s;
}

static void sample_free(struct sample *s)
{
    free(s->bins);
    free(s->codes);
    free(s->label);
}

/* Largest entry of [X 1]^T (sigma(z) - y) / n + ridge w, by the plain definition. */
static double gradient_norm(const struct sample *s, const double *weight, double intercept, double ridge,
                            enum reference_sigmoid sigmoid)
{
    double gradient[REFERENCE_WIDTH_MAX] = {0}, constant = 0, largest;
    size_t width = 0;

    for (size_t i = 0; i < s->rows; i++) {
        const uint8_t *codes = s->codes + i * s->columns;
        double z = reference_score(weight, intercept, codes, s->bins, s->columns);
        double e = (sigmoid == REFERENCE_EXACT ? 1 / (1 + exp(-z)) : 0.5 + z / 4) - s->label[i];
        size_t at = 0;

        for (uint16_t c = 0; c < s->columns; at += s->bins[c], c++)
            gradient[at + codes[c]] += e / (double)s->rows;
        constant += e / (double)s->rows;
        width = at;
    }
    largest = fabs(constant);
    for (size_t i = 0; i < width; i++)
        largest = fmax(largest, fabs(gradient[i] + ridge * weight[i]));
    return largest;
}

static void cholesky_solves_a_system_given_by_its_upper_triangle(void **state)
{
    /* [4 2 2; 2 5 3; 2 3 6] x = [14 21 26] has the solution [1 2 3]; the lower triangle is garbage */
    double a[] = {4, 2, 2, NAN, 5, 3, NAN, NAN, 6}, x[] = {14, 21, 26};

    (void)state;
    assert_int_equal(linear_cholesky(a, 3), OK);
    linear_solve(a, 3, x);
    for (int i = 0; i < 3; i++)
        assert_near(x[i], i + 1, 1e-14);
}

static void cholesky_refuses_what_is_not_positive_definite(void **state)
{
    double singular[] = {1, 1, 0, 1}, negative[] = {-1, 0, 0, 1}, indefinite[] = {1, 2, 0, 1}, broken[] = {NAN};

    (void)state;
    assert_int_equal(linear_cholesky(singular, 2), STATUS_LIMIT);
    assert_int_equal(linear_cholesky(negative, 2), STATUS_LIMIT);
    assert_int_equal(linear_cholesky(indefinite, 2), STATUS_LIMIT);
    assert_int_equal(linear_cholesky(broken, 1), STATUS_LIMIT);
}

static void both_fits_equal_the_vectors_of_scikit_learn_and_numpy(void **state)
{
    enum { WIDTH = sizeof vector_exact_weight / sizeof *vector_exact_weight };
    double weight[WIDTH], intercept;

    (void)state;
    assert_int_equal(reference_fit(weight, &intercept, vector_codes, vector_bins, VECTOR_COLUMNS, NULL, vector_label,
                                   VECTOR_ROWS, vector_ridge, REFERENCE_EXACT), OK);
    for (int i = 0; i < WIDTH; i++)
        assert_near(weight[i], vector_exact_weight[i], 1e-8);
    assert_near(intercept, vector_exact_intercept, 1e-8);

    assert_int_equal(reference_fit(weight, &intercept, vector_codes, vector_bins, VECTOR_COLUMNS, NULL, vector_label,
                                   VECTOR_ROWS, vector_ridge, REFERENCE_LINEAR), OK);
    for (int i = 0; i < WIDTH; i++)
        assert_near(weight[i], vector_linear_weight[i], 1e-10);
    assert_near(intercept, vector_linear_intercept, 1e-10);
}

static void the_gradient_vanishes_at_every_solution(void **state)
{
    static const double ridges[] = {1e-4, 3e-3, 1};

    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++)
        for (size_t r = 0; r < sizeof ridges / sizeof *ridges; r++)
            for (int sigmoid = REFERENCE_EXACT; sigmoid <= REFERENCE_LINEAR; sigmoid++) {
                struct sample s = sample_new(seed, 40 + 100 * seed, (uint16_t)(1 + 2 * seed), (uint8_t)(2 + 2 * seed));
                double weight[256], intercept;

                assert_int_equal(reference_fit(weight, &intercept, s.codes, s.bins, s.columns, NULL, s.label, s.rows,
                                               ridges[r], (enum reference_sigmoid)sigmoid), OK);
                assert_true(gradient_norm(&s, weight, intercept, ridges[r], (enum reference_sigmoid)sigmoid) < 1e-8);
                sample_free(&s);
            }
}

static void a_separable_sample_is_held_by_the_ridge(void **state)
{
    struct sample s = sample_new(1, 50, 1, 2);
    double weight[2], intercept;

    (void)state;
    memcpy(s.label, s.codes, s.rows);
    assert_int_equal(reference_fit(weight, &intercept, s.codes, s.bins, 1, NULL, s.label, s.rows, 1e-6,
                                   REFERENCE_EXACT), OK);
    assert_true(gradient_norm(&s, weight, intercept, 1e-6, REFERENCE_EXACT) < 1e-8);
    assert_true(weight[1] - weight[0] > 5);
    sample_free(&s);
}

static void chosen_rows_take_their_labels_by_position(void **state)
{
    struct sample s = sample_new(9, 400, 3, 4);
    uint8_t packed_codes[200 * 3], packed_label[200];
    uint32_t rows[200];
    double chosen[12], packed[12], chosen_intercept, packed_intercept;

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        rows[i] = 399 - 2 * i;
        memcpy(packed_codes + 3 * i, s.codes + 3 * rows[i], 3);
        packed_label[i] = s.label[rows[i]];
    }
    assert_int_equal(reference_fit(chosen, &chosen_intercept, s.codes, s.bins, 3, rows, packed_label, 200, 1e-3,
                                   REFERENCE_EXACT), OK);
    assert_int_equal(reference_fit(packed, &packed_intercept, packed_codes, s.bins, 3, NULL, packed_label, 200, 1e-3,
                                   REFERENCE_EXACT), OK);
    assert_memory_equal(chosen, packed, sizeof chosen);
    assert_true(chosen_intercept == packed_intercept);
    sample_free(&s);
}

static void a_bin_that_no_row_has_weighs_nothing(void **state)
{
    struct sample s = sample_new(4, 300, 2, 3);
    double weight[7], intercept;

    (void)state;
    s.bins[0] = 4; /* code 3 never occurs */
    for (int sigmoid = REFERENCE_EXACT; sigmoid <= REFERENCE_LINEAR; sigmoid++) {
        assert_int_equal(reference_fit(weight, &intercept, s.codes, s.bins, 2, NULL, s.label, s.rows, 1e-3,
                                       (enum reference_sigmoid)sigmoid), OK);
        assert_true(fabs(weight[3]) < 1e-12);
    }
    sample_free(&s);
}

static void a_full_size_block_is_fitted_to_its_optimum(void **state)
{
    struct sample s = sample_new(2, 20000, 25, 10);
    double weight[250], intercept;

    (void)state;
    assert_int_equal(reference_fit(weight, &intercept, s.codes, s.bins, 25, NULL, s.label, s.rows, 3e-3,
                                   REFERENCE_EXACT), OK);
    assert_true(gradient_norm(&s, weight, intercept, 3e-3, REFERENCE_EXACT) < 1e-8);
    sample_free(&s);
}

static void what_cannot_be_fitted_is_refused_and_outputs_stay(void **state)
{
    struct sample s = sample_new(3, 100, 2, 4);
    const uint8_t one_class[100] = {0};
    uint8_t wide[100];
    double weight[8] = {42}, intercept = 43;

    (void)state;
    memset(wide, 64, sizeof wide);
    assert_int_equal(reference_fit(weight, &intercept, s.codes, s.bins, 2, NULL, s.label, 100, 0, REFERENCE_LINEAR),
                     STATUS_CONFIG);
    assert_int_equal(reference_fit(weight, &intercept, s.codes, s.bins, 2, NULL, s.label, 100, -1, REFERENCE_EXACT),
                     STATUS_CONFIG);
    assert_int_equal(reference_fit(weight, &intercept, s.codes, s.bins, 2, NULL, s.label, 100, NAN, REFERENCE_EXACT),
                     STATUS_CONFIG);
    assert_int_equal(reference_fit(weight, &intercept, s.codes, s.bins, 2, NULL, one_class, 100, 1, REFERENCE_LINEAR),
                     STATUS_LIMIT);
    assert_int_equal(reference_fit(weight, &intercept, s.codes, s.bins, 2, NULL, s.label, 0, 1, REFERENCE_LINEAR),
                     STATUS_LIMIT);
    assert_int_equal(reference_fit(weight, &intercept, s.codes, wide, 100, NULL, s.label, 2, 1, REFERENCE_LINEAR),
                     STATUS_LIMIT);
    assert_true(weight[0] == 42 && intercept == 43);
    sample_free(&s);
}

/* ---- the public credit data, when it lies beside the source tree ---- */

enum { PERSONS_MAX = 40000, CELLS_MAX = 16, COLUMNS = 23, ID_MAX = 24 };

struct person {
    char id[ID_MAX];
    double cell[CELLS_MAX]; /* NAN where empty */
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct person *)a)->id, ((const struct person *)b)->id);
}

/* Plain cells only, which is what these files hold.  "train" and "test" read as 1 and 2. */
static size_t read_table(const char *name, struct person *out)
{
    char path[512], line[1024];
    size_t count = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/../shared/data/default_credit_3p/%s.csv", HEFU_SOURCE_DIR, name);
    if (!(f = fopen(path, "r")))
        return 0;
    if (!fgets(line, sizeof line, f))
        line[0] = 0;
    while (count < PERSONS_MAX && fgets(line, sizeof line, f)) {
        char *rest = line, *cell = strsep(&rest, ",");

        snprintf(out[count].id, ID_MAX, "%s", cell);
        for (size_t c = 0; c < CELLS_MAX && (cell = strsep(&rest, ",\n")); c++)
            out[count].cell[c] = !*cell ? NAN : !strcmp(cell, "train") ? 1 : !strcmp(cell, "test") ? 2 : atof(cell);
        count++;
    }
    fclose(f);
    qsort(out, count, sizeof *out, by_id);
    return count;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Codes of one column: ten quantiles of the training rows (linear interpolation, duplicates merged), bins (lo, hi], an
 * own last bin for missing. */
static uint8_t quantile_codes(uint8_t *codes, const double *value, const uint8_t *split, size_t rows, size_t stride)
{
    double *sorted = malloc(rows * sizeof *sorted), edge[9];
    size_t present = 0, edges = 0;
    uint8_t missing = 0;

    for (size_t i = 0; i < rows; i++)
        if (split[i] == 1 && !isnan(value[i]))
            sorted[present++] = value[i];
    qsort(sorted, present, sizeof *sorted, ascending);
    for (int q = 1; q < 10; q++) {
        double at = (double)(present - 1) * q / 10, low = floor(at);
        double v = sorted[(size_t)low] + (at - low) * (sorted[(size_t)low + (at > low)] - sorted[(size_t)low]);

        if (edges == 0 || v > edge[edges - 1])
            edge[edges++] = v;
    }
    for (size_t i = 0; i < rows; i++) {
        uint8_t code = 0;

        if (isnan(value[i])) {
            code = (uint8_t)(edges + 1);
            missing = 1;
        } else {
            while (code < edges && edge[code] < value[i])
                code++;
        }
        codes[i * stride] = code;
    }
    free(sorted);
    return (uint8_t)(edges + 1 + missing);
}

static void pooled_credit_data_reach_the_published_auc_and_ks(void **state)
{
    static struct person bank[PERSONS_MAX], tax[PERSONS_MAX], social[PERSONS_MAX], split[PERSONS_MAX];
    size_t banks = read_table("bank", bank), taxes = read_table("tax", tax), socials = read_table("social", social);
    size_t splits = read_table("split", split), rows = 0, trains = 0, tests = 0;
    double *value = malloc(PERSONS_MAX * COLUMNS * sizeof *value), *score = malloc(PERSONS_MAX * sizeof *score);
    uint8_t *codes = malloc(PERSONS_MAX * COLUMNS), *label = malloc(PERSONS_MAX), *role = malloc(PERSONS_MAX);
    uint8_t *train_label = malloc(PERSONS_MAX), *test_label = malloc(PERSONS_MAX), bins[COLUMNS];
    uint32_t *train = malloc(PERSONS_MAX * sizeof *train);
    double weight[COLUMNS * 11], intercept;
    struct metrics m;

    (void)state;
    if (!banks || !taxes || !socials || !splits) {
        free(value), free(score), free(codes), free(label), free(role), free(train_label), free(test_label), free(train);
        print_message("skipped: no ../shared/data/default_credit_3p beside the source tree\n");
        skip();
    }
    for (size_t i = 0; i < banks; i++) {
        const struct person *t = bsearch(&bank[i], tax, taxes, sizeof *tax, by_id);
        const struct person *s = bsearch(&bank[i], social, socials, sizeof *social, by_id);
        const struct person *p = bsearch(&bank[i], split, splits, sizeof *split, by_id);

        if (!t || !s || !p)
            continue;
        for (size_t c = 0; c < COLUMNS; c++)
            value[c * PERSONS_MAX + rows] = c < 10 ? bank[i].cell[c + 1] : c < 18 ? t->cell[c - 10] : s->cell[c - 18];
        label[rows] = bank[i].cell[0] > 0.5;
        role[rows] = (uint8_t)p->cell[0];
        if (role[rows] == 1) {
            train_label[trains] = label[rows];
            train[trains++] = (uint32_t)rows;
        }
        rows++;
    }
    assert_int_equal(rows, 21670);
    assert_int_equal(trains, 15222);
    for (size_t c = 0; c < COLUMNS; c++)
        bins[c] = quantile_codes(codes + c, value + c * PERSONS_MAX, role, rows, COLUMNS);
    assert_int_equal(reference_fit(weight, &intercept, codes, bins, COLUMNS, train, train_label, trains, 3e-3,
                                   REFERENCE_LINEAR), OK);
    for (size_t i = 0; i < rows; i++)
        if (role[i] == 2) {
            test_label[tests] = label[i];
            score[tests++] = reference_score(weight, intercept, codes + i * COLUMNS, bins, COLUMNS);
        }
    assert_int_equal(metrics_compute(&m, score, NULL, test_label, tests), OK);
    print_message("pooled one-hot, linear sigmoid: AUC %.4f KS %.4f on %zu test rows\n", m.auc, m.ks, tests);
    assert_near(m.auc, 0.7756, 0.0005);
    assert_near(m.ks, 0.4200, 0.003);
    free(value), free(score), free(codes), free(label), free(role), free(train_label), free(test_label), free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cholesky_solves_a_system_given_by_its_upper_triangle),
        cmocka_unit_test(cholesky_refuses_what_is_not_positive_definite),
        cmocka_unit_test(both_fits_equal_the_vectors_of_scikit_learn_and_numpy),
        cmocka_unit_test(the_gradient_vanishes_at_every_solution),
        cmocka_unit_test(a_separable_sample_is_held_by_the_ridge),
        cmocka_unit_test(chosen_rows_take_their_labels_by_position),
        cmocka_unit_test(a_bin_that_no_row_has_weighs_nothing),
        cmocka_unit_test(a_full_size_block_is_fitted_to_its_optimum),
        cmocka_unit_test(what_cannot_be_fitted_is_refused_and_outputs_stay),
        cmocka_unit_test(pooled_credit_data_reach_the_published_auc_and_ks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
