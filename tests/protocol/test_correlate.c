/* The offline phase: shares of sums over rows, exact up to carries. */
#include "kit/cmocka.h"
#include "kit/sim.h"
#include "protocol/correlate.h"
#include "protocol/handshake.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 23, PARTIES_HERE = 3 };

static struct correlation result[PARTIES_HERE];
static struct matrix matrix[PARTIES_HERE];
static struct dataset data[PARTIES_HERE];
static int32_t precondition[PARTIES_HERE][64 * 64];

static status correlate_only(struct sim_party *me)
{
    struct hash none = {{0}};

    TRY(handshake_run(&me->ss, &none));
    me->ss.population = (struct population){ROWS, ROWS, 0};
    return correlate_run(&result[me->self], &me->ss, &matrix[me->self]);
}

static void make_matrices(int diagonal)
{
    struct rng_key key = {.bytes = {5}};
    struct rng g;

    rng_init(&g, &key, &(struct rng_address){.purpose = "matrix"});
    for (party p = 0; p < PARTIES_HERE; p++) {
        uint32_t width;

        sim_dataset(&data[p], 17, p, ROWS, ROWS, (uint16_t)(2 + p), 5, p == 1);
        width = dataset_width(&data[p]);
        for (uint32_t i = 0; i < (diagonal ? width : width * width); i++)
            precondition[p][i] = (int32_t)rng_below(&g, 1401) - 700; /* keeps SPEC 4.4's bound for these sizes */
        matrix[p] = (struct matrix){.n = ROWS, .columns = data[p].columns, .width = width, .bins = data[p].bins,
                                    .codes = data[p].codes, .diagonal = diagonal, .precondition = precondition[p]};
    }
    rng_clear(&g);
}

/* Row i of X_p times x. */
static ring row_times(const struct matrix *m, uint32_t i, const ring *x)
{
    size_t offset = 0;
    ring sum = 0;

    for (uint16_t c = 0; c < m->columns; c++) {
        sum += x[offset + m->codes[(size_t)i * m->columns + c]];
        offset += m->bins[c];
    }
    return sum;
}

static void check_forward(uint32_t t, const struct plan *plan)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        ring got = 0, want = 0;
        ring_signed carry;

        for (party p = 0; p < PARTIES_HERE; p++) {
            got += result[p].fore[(size_t)t * ROWS + i];
            for (party q = 0; q < PARTIES_HERE; q++)
                if (q != p && t)
                    want += row_times(&matrix[p], i, result[q].block[p].pad_weight + (size_t)t * matrix[p].width);
        }
        carry = ring_to_signed(got - want, plan->k);
        assert_true(carry >= 0 && carry <= (t ? PARTIES_HERE * (PARTIES_HERE - 1) : 0));
    }
}

static void check_backward(uint32_t t, party p, const struct plan *plan)
{
    const struct matrix *m = &matrix[p];
    ring *sums = calloc(m->width, sizeof *sums);

    assert_non_null(sums);
    for (party q = 0; q < PARTIES_HERE; q++) {
        if (q == p)
            continue;
        for (uint32_t j = 0; j < m->width; j++)
            sums[j] += (ring)plan->ridge * result[q].block[p].pad_weight[(size_t)t * m->width + j];
        for (uint32_t i = 0; i < ROWS; i++) {
            size_t offset = 0;

            for (uint16_t c = 0; c < m->columns; c++) {
                sums[offset + m->codes[(size_t)i * m->columns + c]] += result[q].pad_residual[(size_t)t * ROWS + i];
                offset += m->bins[c];
            }
        }
    }
    for (uint32_t a = 0; a < m->width; a++) {
        ring got = 0, want = 0;
        ring_signed carry;

        for (party q = 0; q < PARTIES_HERE; q++)
            got += result[q].block[p].back[(size_t)t * m->width + a];
        if (m->diagonal)
            want = (ring)(ring_signed)m->precondition[a] * sums[a];
        else
            for (uint32_t j = 0; j < m->width; j++)
                want += (ring)(ring_signed)m->precondition[(size_t)a * m->width + j] * sums[j];
        carry = ring_to_signed(got - want, plan->k);
        assert_true(carry >= -(PARTIES_HERE - 1) && carry <= PARTIES_HERE - 1);
    }
    free(sums);
}

static void assert_shares_add_up(int diagonal, uint32_t key_bits, uint16_t passes)
{
    struct sim sim;

    make_matrices(diagonal);
    sim_contract(&sim, PARTIES_HERE, data, key_bits, passes);
    sim.contract.ridge_micro = 200000;
    sim_approve(&sim, 12);
    sim_run(&sim, correlate_only);
    for (party p = 0; p < PARTIES_HERE; p++)
        assert_int_equal(sim.party[p].outcome, OK);
    for (uint32_t t = 0; t < passes; t++) {
        check_forward(t, &result[0].plan);
        for (party p = 0; p < PARTIES_HERE; p++)
            check_backward(t, p, &result[0].plan);
    }
    sim_clear(&sim);
    for (party p = 0; p < PARTIES_HERE; p++) {
        correlation_clear(&result[p]);
        dataset_clear(&data[p]);
    }
}

static void shares_of_three_parties_add_up_to_the_sums_with_one_pass_a_ciphertext(void **state)
{
    (void)state;
    assert_shares_add_up(0, 256, 4);
}

static void shares_add_up_with_several_rows_and_passes_a_ciphertext(void **state)
{
    (void)state;
    assert_shares_add_up(0, 1024, 5);
    assert_shares_add_up(0, 704, 9);
}

static void shares_add_up_with_a_diagonal_preconditioner(void **state)
{
    (void)state;
    assert_shares_add_up(1, 512, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_three_parties_add_up_to_the_sums_with_one_pass_a_ciphertext),
        cmocka_unit_test(shares_add_up_with_several_rows_and_passes_a_ciphertext),
        cmocka_unit_test(shares_add_up_with_a_diagonal_preconditioner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
