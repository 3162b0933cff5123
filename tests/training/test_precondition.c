#include "kit/cmocka.h"
#include "kit/sim.h"
#include "training/precondition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Codes of n rows: spread, all in one bin, or nearly so. */
enum shape { SPREAD, ONE_BIN, ALL_COLUMNS_ALIKE };

static void make_matrix(struct matrix *m, uint8_t *bins, uint8_t *codes, uint32_t n, uint16_t columns, uint8_t b, enum shape shape)
{
    memset(bins, b, columns);
    for (uint32_t i = 0; i < n; i++)
        for (uint16_t c = 0; c < columns; c++)
            codes[(size_t)i * columns + c] = (uint8_t)(shape == SPREAD ? (i * 7 + c * 3 + i * i * c) % b
                                                       : shape == ONE_BIN ? i == 0 : i % b);
    *m = (struct matrix){.n = n, .columns = columns, .width = (uint32_t)columns * b, .bins = bins, .codes = codes};
}

static struct plan plan_for(uint32_t n, uint32_t ridge_micro)
{
    struct plan plan = {.n = n, .f = 16};

    while (((uint32_t)1 << plan.f_m) < n)
        plan.f_m++;
    plan.f_m += 6;
    plan.ridge = ((uint64_t)ridge_micro * n * 4 + 500000) / 1000000;
    return plan;
}

static int64_t entry_of(const struct precondition *p, uint32_t a, uint32_t j)
{
    return p->diagonal ? (a == j ? p->entry[a] : 0) : p->entry[(size_t)a * p->width + j];
}

/* SPEC 4.4 by brute force. */
static void assert_bounds(const struct precondition *p, const struct matrix *m, const struct plan *plan)
{
    const double unit = ldexp(1, (int)plan->f_m);

    for (uint32_t a = 0; a < m->width; a++) {
        double rows = 0, ridge = 0;

        for (uint32_t i = 0; i < m->n; i++) {
            int64_t v = 0;
            uint32_t offset = 0;

            for (uint16_t c = 0; c < m->columns; c++) {
                v += entry_of(p, a, offset + m->codes[(size_t)i * m->columns + c]);
                offset += m->bins[c];
            }
            rows += (double)llabs(v);
        }
        for (uint32_t j = 0; j < m->width; j++) {
            assert_true(llabs(entry_of(p, a, j)) < 1 << 20);
            ridge += (double)llabs(entry_of(p, a, j)) * (double)plan->ridge;
        }
        assert_true(rows + ridge < 128 * unit);
        assert_true(34 * rows + 16 * ridge < 4096 * unit);
    }
}

static void every_preconditioner_keeps_the_bounds_of_the_widths(void **state)
{
    static const uint32_t rows[] = {2, 10, 257, 1500}, ridges[] = {100, 3000, 1000000};
    static const uint16_t columns[] = {1, 5, 12, 80};
    static uint8_t bins[80], codes[1500 * 80];

    (void)state;
    for (size_t r = 0; r < 4; r++)
        for (size_t l = 0; l < 3; l++)
            for (size_t c = 0; c < 4; c++)
                for (int shape = SPREAD; shape <= ALL_COLUMNS_ALIKE; shape++) {
                    const struct plan plan = plan_for(rows[r], ridges[l]);
                    struct precondition p;
                    struct matrix m;

                    make_matrix(&m, bins, codes, rows[r], columns[c], columns[c] == 80 ? 10 : 6, (enum shape)shape);
                    assert_int_equal(precondition_make(&p, &m, &plan, ridges[l]), OK);
                    assert_bounds(&p, &m, &plan);
                    precondition_clear(&p);
                }
}

static void the_dense_form_inverts_the_matrix_that_the_page_says(void **state)
{
    static uint8_t bins[3], codes[400 * 3];
    const struct plan plan = plan_for(400, 3000);
    struct precondition p;
    struct matrix m;
    double worst = 0;

    (void)state;
    make_matrix(&m, bins, codes, 400, 3, 4, SPREAD);
    assert_int_equal(precondition_make(&p, &m, &plan, 3000), OK);
    assert_false(p.diagonal);
    /* (X^T X / 4 + lambda n I) M / 2^f_m = I, up to the rounding of M's entries */
    for (uint32_t a = 0; a < m.width; a++)
        for (uint32_t b = 0; b < m.width; b++) {
            double sum = 1.2 * (double)entry_of(&p, a, b);

            for (uint32_t i = 0; i < m.n; i++) {
                const uint8_t *row = m.codes + (size_t)i * 3;

                if (a % 4 == row[a / 4])
                    for (uint32_t c = 0; c < 3; c++)
                        sum += 0.25 * (double)entry_of(&p, c * 4 + row[c], b);
            }
            worst = fmax(worst, fabs(ldexp(sum, -(int)plan.f_m) - (a == b)));
        }
    assert_true(worst < 0.01);
    precondition_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_preconditioner_keeps_the_bounds_of_the_widths),
        cmocka_unit_test(the_dense_form_inverts_the_matrix_that_the_page_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
