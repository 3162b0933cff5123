/* The optimiser's coefficients. */
#include "kit/cmocka.h"
#include "training/train.h"

#include <math.h>

/* The error along an eigenvector of the preconditioned Hessian with this eigenvalue, after each pass; its largest. */
static double worst_error(const struct contract *c, double eigenvalue)
{
    double before = 1, now = 1, worst = 0;

    for (uint32_t t = 1; t <= c->passes; t++) {
        ring_signed eta, beta;
        double next;

        train_coefficients(c, t, &eta, &beta);
        next = now - (double)eta / 1024 * eigenvalue * now + (double)beta / 1024 * (now - before);
        before = now;
        now = next;
        worst = fmax(worst, fabs(now));
    }
    return worst;
}

static void the_heavy_ball_amplifies_no_error_for_any_number_of_parties(void **state)
{
    struct contract c = {0};

    (void)state;
    contract_training_defaults(&c, SIGMOID_TABLE);
    c.passes = 30;
    for (c.parties = 2; c.parties <= PARTIES_MAX; c.parties++)
        for (int i = 0; i <= 1000; i++)
            if (worst_error(&c, c.parties * i / 1000.0) > 1.0001)
                fail_msg("P = %u, eigenvalue %g of P: %g", c.parties, i / 1000.0, worst_error(&c, c.parties * i / 1000.0));
}

static void the_heavy_ball_shrinks_what_it_can_and_diverges_where_it_must(void **state)
{
    struct contract c = {0};

    (void)state;
    contract_training_defaults(&c, SIGMOID_TABLE);
    for (c.parties = 2; c.parties <= 5; c.parties++) {
        double before = 1, now = 1;

        for (uint32_t t = 1; t <= c.passes; t++) {
            ring_signed eta, beta;
            const double last = now;

            train_coefficients(&c, t, &eta, &beta);
            now += -(double)eta / 1024 * now + (double)beta / 1024 * (now - before); /* eigenvalue 1 */
            before = last;
        }
        assert_true(fabs(now) < 0.02);
        assert_true(worst_error(&c, 1.3 * c.parties) > 2); /* the bound says something */
    }
}

static void the_coefficients_are_those_of_the_specification(void **state)
{
    static const ring_signed two[] = {896, 1053, 1173, 1268, 1344, 1407, 1459, 1504, 1542, 1575, 1605, 1630, 1653, 1674};
    static const ring_signed three[] = {597, 702, 782, 845, 896, 938, 973, 1003, 1028, 1050, 1070, 1087, 1102, 1116};
    static const ring_signed momentum[] = {0, 113, 209, 288, 354, 410, 458, 499, 534, 565, 592, 617, 639, 658};
    struct contract c = {.parties = 2}, d = {.parties = 3};
    ring_signed eta, beta;

    (void)state;
    contract_training_defaults(&c, SIGMOID_TABLE);
    contract_training_defaults(&d, SIGMOID_TABLE);
    for (uint32_t t = 1; t <= 14; t++) {
        train_coefficients(&c, t, &eta, &beta);
        assert_true(eta == two[t - 1] && beta == momentum[t - 1]);
        train_coefficients(&d, t, &eta, &beta);
        assert_true(eta == three[t - 1] && beta == momentum[t - 1]);
    }
    contract_training_defaults(&d, SIGMOID_LINEAR);
    train_coefficients(&d, 7, &eta, &beta);
    assert_true(eta == 444 && beta == 717);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heavy_ball_amplifies_no_error_for_any_number_of_parties),
        cmocka_unit_test(the_heavy_ball_shrinks_what_it_can_and_diverges_where_it_must),
        cmocka_unit_test(the_coefficients_are_those_of_the_specification),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
