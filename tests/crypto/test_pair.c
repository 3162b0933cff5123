/* Pair arithmetic against GMP's, on every tier that this processor runs. */
#include "crypto/pair_tier.h"

#include "testing.h"

enum { NUMBERS = 19 }; /* two whole vectors of the widest tier and a part */

static const uint32_t sizes[] = {64, 256, 512, 1024, 1536, 2048, 3072, 4096};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

struct arithmetic {
    struct pair_modulus m;
    struct rng g;
    mpz_t x[NUMBERS], y[NUMBERS], z[NUMBERS];
    uint64_t *px, *py, *pz;
};

static void fill(struct arithmetic *a, mpz_t *x)
{
    for (size_t i = 0; i < NUMBERS; i++)
        rng_below_mpz(&a->g, x[i], a->m.square);
    mpz_set_ui(x[1], 0);
    mpz_set_ui(x[2], 1);
    mpz_sub_ui(x[3], a->m.square, 1);
    mpz_sub_ui(x[4], a->m.value, 1);
    mpz_set(x[5], a->m.value);
}

static void arithmetic_init(struct arithmetic *a, uint32_t bits, int all_ones)
{
    BIGNUM(n);

    memset(a, 0, sizeof *a);
    test_rng(&a->g, "pair");
    if (all_ones) {
        mpz_setbit(n, bits);
        mpz_sub_ui(n, n, 1);
    } else {
        rng_bits(&a->g, n, bits);
        mpz_setbit(n, bits - 1);
        mpz_setbit(n, 0);
    }
    assert_int_equal(pair_modulus_init(&a->m, n), OK);
    for (size_t i = 0; i < NUMBERS; i++)
        mpz_inits(a->x[i], a->y[i], a->z[i], NULL);
    fill(a, a->x);
    fill(a, a->y);
    mpz_set(a->y[1], a->x[0]);
    a->px = calloc(NUMBERS, pair_words(&a->m) * 8);
    a->py = calloc(NUMBERS, pair_words(&a->m) * 8);
    a->pz = calloc(NUMBERS, pair_words(&a->m) * 8);
    pair_get_mpz(&a->m, a->px, a->x, NUMBERS);
    pair_get_mpz(&a->m, a->py, a->y, NUMBERS);
}

static void arithmetic_clear(struct arithmetic *a)
{
    for (size_t i = 0; i < NUMBERS; i++)
        mpz_clears(a->x[i], a->y[i], a->z[i], NULL);
    free(a->px);
    free(a->py);
    free(a->pz);
    pair_modulus_clear(&a->m);
}

static uint64_t *at(struct arithmetic *a, uint64_t *x, size_t i)
{
    return x + i * pair_words(&a->m);
}

/* Runs a check for every tier, size and kind of modulus. */
static void everywhere(void (*check)(struct arithmetic *a))
{
    for (const char *const *name = pair_tier_list(); *name; name++) {
        assert_int_equal(pair_tier_use(*name), OK);
        for (size_t s = 0; s < SIZES; s++)
            for (int all_ones = 0; all_ones < 2; all_ones++) {
                struct arithmetic a;

                arithmetic_init(&a, sizes[s], all_ones);
                check(&a);
                arithmetic_clear(&a);
            }
    }
    assert_int_equal(pair_tier_use(NULL), OK);
}

static void assert_numbers(struct arithmetic *a, const uint64_t *p, mpz_t *expected)
{
    mpz_t got[NUMBERS];

    for (size_t i = 0; i < NUMBERS; i++)
        mpz_init(got[i]);
    pair_put_mpz(&a->m, got, p, NUMBERS);
    for (size_t i = 0; i < NUMBERS; i++) {
        if (mpz_cmp(got[i], expected[i]) != 0)
            fail_msg("%s, %u bits, number %zu differs", a->m.tier->name, a->m.bits, i);
        mpz_clear(got[i]);
    }
}

static void check_in_and_out(struct arithmetic *a)
{
    const size_t len = (mpz_sizeinbase(a->m.square, 2) + 7) / 8;
    uint8_t *bytes = calloc(NUMBERS, len), *again = calloc(NUMBERS, len);

    assert_numbers(a, a->px, a->x);
    for (size_t i = 0; i < NUMBERS; i++)
        bignum_put(bytes + i * len, len, a->x[i]);
    pair_get(&a->m, a->pz, bytes, len, NUMBERS);
    assert_numbers(a, a->pz, a->x);
    pair_put(&a->m, again, len, a->pz, NUMBERS);
    assert_memory_equal(bytes, again, NUMBERS * len);
    free(bytes);
    free(again);
}

static void numbers_come_out_as_they_went_in(void **state)
{
    (void)state;
    everywhere(check_in_and_out);
}

static void check_one_plus(struct arithmetic *a)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        mpz_mod(a->x[i], a->x[i], a->m.value);
        mpz_mul(a->z[i], a->x[i], a->m.value);
        mpz_add_ui(a->z[i], a->z[i], 1);
    }
    pair_get_one_plus_mpz(&a->m, a->pz, a->x, NUMBERS);
    assert_numbers(a, a->pz, a->z);
}

static void one_plus_a_multiple_of_n_goes_in(void **state)
{
    (void)state;
    everywhere(check_one_plus);
}

static void check_products(struct arithmetic *a)
{
    uint64_t *out[NUMBERS];
    const uint64_t *x[NUMBERS], *y[NUMBERS];

    for (size_t i = 0; i < NUMBERS; i++) {
        out[i] = at(a, a->pz, i);
        x[i] = at(a, a->px, NUMBERS - 1 - i);
        y[i] = at(a, a->py, i);
        mpz_mul(a->z[i], a->x[NUMBERS - 1 - i], a->y[i]);
        mpz_mod(a->z[i], a->z[i], a->m.square);
    }
    pair_multiply_var(&a->m, out, x, y, NUMBERS);
    assert_numbers(a, a->pz, a->z);
    pair_multiply(&a->m, out, x, y, NUMBERS);
    assert_numbers(a, a->pz, a->z);
    /* a long chain keeps every value within its lazy bounds */
    for (int round = 0; round < 20; round++) {
        pair_multiply(&a->m, out, (const uint64_t *const *)out, (const uint64_t *const *)out, NUMBERS);
        for (size_t i = 0; i < NUMBERS; i++) {
            mpz_mul(a->z[i], a->z[i], a->z[i]);
            mpz_mod(a->z[i], a->z[i], a->m.square);
        }
    }
    assert_numbers(a, a->pz, a->z);
    pair_multiply_one_var(&a->m, out, (const uint64_t *const *)out, at(a, a->px, 7), NUMBERS);
    for (size_t i = 0; i < NUMBERS; i++) {
        mpz_mul(a->z[i], a->z[i], a->x[7]);
        mpz_mod(a->z[i], a->z[i], a->m.square);
    }
    assert_numbers(a, a->pz, a->z);
}

static void products_equal_those_of_gmp(void **state)
{
    (void)state;
    everywhere(check_products);
}

static void check_product_of_all(struct arithmetic *a)
{
    for (size_t count = 0; count <= NUMBERS; count++) {
        BIGNUM(expected);
        mpz_t got[1];

        mpz_init(got[0]);
        mpz_set_ui(expected, 1);
        for (size_t i = 0; i < count; i++) {
            mpz_mul(expected, expected, a->x[NUMBERS - 1 - i]);
            mpz_mod(expected, expected, a->m.square);
        }
        pair_product(&a->m, a->pz, at(a, a->px, NUMBERS - count), count);
        pair_put_mpz(&a->m, got, a->pz, 1);
        assert_int_equal(mpz_cmp(got[0], expected), 0);
        mpz_clear(got[0]);
    }
}

static void the_product_of_any_count_is_right(void **state)
{
    (void)state;
    everywhere(check_product_of_all);
}

static void check_powers(struct arithmetic *a)
{
    static const uint32_t lengths[] = {0, 1, 4, 5, 6, 63, 64, 65, 200};

    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        BIGNUM(e);

        if (lengths[l]) {
            rng_bits(&a->g, e, lengths[l]);
            mpz_setbit(e, lengths[l] - 1);
        }
        pair_power(&a->m, a->pz, a->px, NUMBERS, e);
        for (size_t i = 0; i < NUMBERS; i++)
            mpz_powm(a->z[i], a->x[i], e, a->m.square);
        assert_numbers(a, a->pz, a->z);
    }
}

static void powers_equal_those_of_gmp(void **state)
{
    (void)state;
    everywhere(check_powers);
}

static void check_horner(struct arithmetic *a)
{
    enum { WINDOWS = 3, BITS = 4, TERMS = 5 };
    const uint64_t *factor[NUMBERS * WINDOWS * TERMS];
    size_t chosen[NUMBERS * WINDOWS * TERMS];

    for (size_t i = 0; i < NUMBERS * WINDOWS * TERMS; i++) {
        chosen[i] = rng_below(&a->g, NUMBERS);
        factor[i] = at(a, a->px, chosen[i]);
    }
    for (size_t windows = 0; windows <= WINDOWS; windows++)
        for (size_t terms = 0; terms <= TERMS; terms += TERMS) {
            for (size_t i = 0; i < NUMBERS; i++) {
                mpz_set_ui(a->z[i], 1);
                for (size_t w = 0; w < windows; w++) {
                    mpz_powm_ui(a->z[i], a->z[i], 1 << BITS, a->m.square);
                    for (size_t t = 0; t < terms; t++) {
                        mpz_mul(a->z[i], a->z[i], a->x[chosen[(i * windows + w) * terms + t]]);
                        mpz_mod(a->z[i], a->z[i], a->m.square);
                    }
                }
            }
            pair_horner_var(&a->m, a->pz, factor, windows, BITS, terms, NUMBERS);
            assert_numbers(a, a->pz, a->z);
        }
}

static void horner_multiplies_powers_of_the_chosen_numbers(void **state)
{
    (void)state;
    everywhere(check_horner);
}

static void check_halves(struct arithmetic *a)
{
    const size_t limbs = mpz_size(a->m.value);
    BIGNUM(high);
    BIGNUM(low);
    BIGNUM(sum);

    for (size_t i = 0; i < NUMBERS; i++) {
        mp_limb_t x[80], y[80];

        pair_halves(&a->m, x, y, at(a, a->px, i));
        bignum_limbs_get(low, x, limbs);
        bignum_limbs_get(high, y, limbs);
        assert_true(mpz_cmp(low, a->m.value) < 0 && mpz_cmp(high, a->m.value) < 0);
        mpz_mul(sum, high, a->m.value);
        mpz_add(sum, sum, low);
        assert_int_equal(mpz_cmp(sum, a->x[i]), 0);
    }
}

static void the_halves_of_a_number_make_it_up(void **state)
{
    (void)state;
    everywhere(check_halves);
}

static void draw_units(struct arithmetic *a)
{
    BIGNUM(gcd);

    for (size_t i = 0; i < NUMBERS; i++)
        do {
            rng_below_mpz(&a->g, a->x[i], a->m.square);
            mpz_gcd(gcd, a->x[i], a->m.value);
        } while (mpz_cmp_ui(gcd, 1) != 0);
    pair_get_mpz(&a->m, a->px, a->x, NUMBERS);
}

static void check_inverses(struct arithmetic *a)
{
    draw_units(a);
    for (size_t i = 0; i < NUMBERS; i++)
        mpz_invert(a->z[i], a->x[i], a->m.square);
    assert_int_equal(pair_invert_var(&a->m, a->pz, a->px, NUMBERS), OK);
    assert_numbers(a, a->pz, a->z);
    mpz_set(a->x[NUMBERS - 1], a->m.value);
    pair_get_mpz(&a->m, a->px, a->x, NUMBERS);
    assert_int_equal(pair_invert_var(&a->m, a->pz, a->px, NUMBERS), STATUS_MALFORMED);
}

static void inverses_are_inverses_and_a_multiple_of_n_has_none(void **state)
{
    (void)state;
    everywhere(check_inverses);
}

static void check_table(struct arithmetic *a)
{
    enum { DRAWS = 37, BASES = 11 };
    uint8_t index[DRAWS * BASES];
    uint64_t *out = calloc(DRAWS, pair_words(&a->m) * 8);

    draw_units(a);
    mpz_set_ui(a->x[6], 1);
    mpz_sub_ui(a->x[7], a->m.square, 1);
    mpz_add_ui(a->x[8], a->m.value, 1);
    pair_get_mpz(&a->m, a->px, a->x, NUMBERS);
    for (uint32_t window = 1; window <= PAIR_WINDOW_MAX; window += a->m.bits > 512 ? 5 : 1) {
        struct pair_table t;

        assert_int_equal(pair_table_init(&t, &a->m, BASES, window), OK);
        pair_table_fill(&t, &a->m, 0, at(a, a->px, 6), 5);
        pair_table_fill(&t, &a->m, 5, at(a, a->px, 11), 6);
        rng_fill(&a->g, index, sizeof index);
        for (size_t i = 0; i < sizeof index; i++)
            index[i] &= (uint8_t)((1u << window) - 1);
        index[0] = (uint8_t)((1u << window) - 1);
        pair_table_product(&t, &a->m, out, at(a, a->px, 0), index, DRAWS);
        for (size_t d = 0; d < DRAWS; d++) {
            BIGNUM(expected);
            BIGNUM(power);
            mpz_t got[1];

            mpz_init(got[0]);
            mpz_set(expected, a->x[0]);
            for (size_t b = 0; b < BASES; b++) {
                mpz_powm_ui(power, a->x[6 + b], index[d * BASES + b], a->m.square);
                mpz_mul(expected, expected, power);
                mpz_mod(expected, expected, a->m.square);
            }
            pair_put_mpz(&a->m, got, at(a, out, d), 1);
            assert_int_equal(mpz_cmp(got[0], expected), 0);
            mpz_clear(got[0]);
        }
        pair_table_clear(&t, &a->m);
    }
    free(out);
}

static void table_products_multiply_the_chosen_powers(void **state)
{
    (void)state;
    everywhere(check_table);
}

/* N fills its digits but for the spare bits, and beta of every factor is N - 1: as 1 is a (1 + lift N), that is so for the
 * base 1 + (N - 1 - lift) N. */
static void the_most_and_largest_betas_overflow_nothing(void **state)
{
    enum { DIGITS = 40 };

    (void)state;
    for (const char *const *name = pair_tier_list(); *name; name++) {
        static uint8_t index[PAIR_BASES_MAX];
        struct arithmetic a;
        struct pair_table t;
        BIGNUM(lift);
        uint32_t radix;

        assert_int_equal(pair_tier_use(*name), OK);
        arithmetic_init(&a, 64, 1);
        radix = a.m.tier->radix_bits;
        arithmetic_clear(&a);
        arithmetic_init(&a, DIGITS * radix - PAIR_SPARE_BITS, 1);
        assert_int_equal(a.m.digits, DIGITS);
        for (size_t i = DIGITS; i-- > 0;) {
            mpz_mul_2exp(lift, lift, radix);
            mpz_add_ui(lift, lift, a.m.lift[i]);
        }
        mpz_sub(a.x[0], a.m.value, lift);
        mpz_sub_ui(a.x[0], a.x[0], 1);
        pair_get_one_plus_mpz(&a.m, a.px, a.x, 1);
        assert_int_equal(pair_table_init(&t, &a.m, PAIR_BASES_MAX, 1), OK);
        for (uint32_t i = 0; i < PAIR_BASES_MAX; i++)
            pair_table_fill(&t, &a.m, i, a.px, 1);
        memset(index, 1, sizeof index);
        pair_table_product(&t, &a.m, a.pz, a.m.one, index, 1);
        pair_put_mpz(&a.m, a.z, a.pz, 1);
        mpz_mul_ui(a.x[0], a.x[0], PAIR_BASES_MAX);
        mpz_mul(a.x[0], a.x[0], a.m.value);
        mpz_add_ui(a.x[0], a.x[0], 1);
        mpz_mod(a.x[0], a.x[0], a.m.square);
        assert_int_equal(mpz_cmp(a.z[0], a.x[0]), 0);
        pair_table_clear(&t, &a.m);
        arithmetic_clear(&a);
    }
    assert_int_equal(pair_tier_use(NULL), OK);
}

static void an_unknown_tier_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(pair_tier_use("scalar"), OK);
    assert_int_equal(pair_tier_use("abacus"), STATUS_USAGE);
    assert_string_equal(pair_tier_name(), "scalar");
    assert_int_equal(pair_tier_use("auto"), OK);
    assert_string_equal(pair_tier_name(), pair_tier_list()[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_out_as_they_went_in),
        cmocka_unit_test(one_plus_a_multiple_of_n_goes_in),
        cmocka_unit_test(products_equal_those_of_gmp),
        cmocka_unit_test(the_product_of_any_count_is_right),
        cmocka_unit_test(powers_equal_those_of_gmp),
        cmocka_unit_test(horner_multiplies_powers_of_the_chosen_numbers),
        cmocka_unit_test(the_halves_of_a_number_make_it_up),
        cmocka_unit_test(inverses_are_inverses_and_a_multiple_of_n_has_none),
        cmocka_unit_test(table_products_multiply_the_chosen_powers),
        cmocka_unit_test(the_most_and_largest_betas_overflow_nothing),
        cmocka_unit_test(an_unknown_tier_is_refused_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
