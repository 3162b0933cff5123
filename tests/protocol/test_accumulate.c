/* Numbers multiplied into sums, against plain products, on every tier. */
#include "crypto/rng.h"
#include "kit/cmocka.h"
#include "protocol/accumulate.h"

#include <stdlib.h>
#include <string.h>

enum { BITS = 256, SUMS = 24, NUMBERS = 400 };

struct bed {
    struct pair_modulus m;
    struct rng g;
    struct accumulator a;
    mpz_t *plain; /* [NUMBERS] */
    mpz_t *want, *got; /* [SUMS] */
    uint64_t *numbers, *sums;
};

static void bed_init(struct bed *b)
{
    const struct rng_key key = {.bytes = {9}};
    BIGNUM(n);

    memset(b, 0, sizeof *b);
    rng_init(&b->g, &key, &(struct rng_address){.purpose = "accumulate"});
    rng_bits(&b->g, n, BITS);
    mpz_setbit(n, BITS - 1);
    mpz_setbit(n, 0);
    assert_int_equal(pair_modulus_init(&b->m, n), OK);
    assert_int_equal(bignum_array_new(&b->plain, NUMBERS), OK);
    assert_int_equal(bignum_array_new(&b->want, SUMS), OK);
    assert_int_equal(bignum_array_new(&b->got, SUMS), OK);
    b->numbers = calloc(NUMBERS, pair_words(&b->m) * sizeof *b->numbers);
    b->sums = calloc(SUMS, pair_words(&b->m) * sizeof *b->sums);
    for (size_t i = 0; i < NUMBERS; i++)
        rng_unit_mpz(&b->g, b->plain[i], b->m.square);
    pair_get_mpz(&b->m, b->numbers, b->plain, NUMBERS);
    accumulator_init(&b->a, &b->m);
}

static void bed_clear(struct bed *b)
{
    bignum_array_free(b->plain, NUMBERS);
    bignum_array_free(b->want, SUMS);
    bignum_array_free(b->got, SUMS);
    free(b->numbers);
    free(b->sums);
    pair_modulus_clear(&b->m);
    rng_clear(&b->g);
}

/* The first count numbers into sums that are chosen one by one. */
static void check(struct bed *b, size_t count, uint32_t (*choose)(struct bed *b, size_t index))
{
    const size_t words = pair_words(&b->m);

    for (size_t s = 0; s < SUMS; s++) {
        mpz_set_ui(b->want[s], 1);
        pair_copy(&b->m, b->sums + s * words, b->m.one);
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t s = choose(b, i);

        mpz_mul(b->want[s], b->want[s], b->plain[i]);
        mpz_mod(b->want[s], b->want[s], b->m.square);
        accumulator_add(&b->a, b->sums + s * words, b->numbers + i * words);
    }
    accumulator_end(&b->a);
    pair_put_mpz(&b->m, b->got, b->sums, SUMS);
    for (size_t s = 0; s < SUMS; s++)
        if (mpz_cmp(b->got[s], b->want[s]) != 0)
            fail_msg("tier %s, %zu numbers: sum %zu", pair_tier_name(), count, s);
}

static uint32_t the_same(struct bed *b, size_t index) { return (void)b, (void)index, 3; }
static uint32_t in_turn(struct bed *b, size_t index) { return (void)b, (uint32_t)index % SUMS; }
static uint32_t in_runs(struct bed *b, size_t index) { return (void)b, (uint32_t)index / 20 % SUMS; }
static uint32_t by_twos(struct bed *b, size_t index) { return (void)b, (uint32_t)index / 2 % 8; }
static uint32_t any(struct bed *b, size_t index) { return (void)index, (uint32_t)rng_below(&b->g, SUMS); }
static uint32_t any_of_few(struct bed *b, size_t index) { return (void)index, (uint32_t)rng_below(&b->g, 5); }
static uint32_t mostly_one(struct bed *b, size_t index) { return rng_below(&b->g, 4) ? 0 : any(b, index); }

static void every_number_reaches_its_sum_however_they_fall(void **state)
{
    uint32_t (*const choice[])(struct bed *, size_t) = {the_same, in_turn, in_runs, by_twos, any, any_of_few, mostly_one};

    (void)state;
    for (const char *const *tier = pair_tier_list(); *tier; tier++) {
        struct bed b;

        assert_int_equal(pair_tier_use(*tier), OK);
        bed_init(&b);
        for (size_t k = 0; k < sizeof choice / sizeof choice[0]; k++)
            for (size_t count = 0; count <= NUMBERS; count += count < 40 ? 1 : 90)
                check(&b, count, choice[k]);
        bed_clear(&b);
    }
    assert_int_equal(pair_tier_use(NULL), OK);
}

static void numbers_for_one_sum_fill_the_lanes(void **state)
{
    enum { FULL = 2 * PAIR_LANES_MAX - 1 }; /* one with the sum, pairs of the others */
    struct bed b;

    (void)state;
    bed_init(&b);
    pair_copy(&b.m, b.sums, b.m.one);
    for (size_t i = 0; i < FULL; i++) {
        assert_int_equal(b.a.turn, 0);
        accumulator_add(&b.a, b.sums, b.numbers + i * pair_words(&b.m));
    }
    assert_int_equal(b.a.turn, 1);
    assert_int_equal(b.a.lanes, PAIR_LANES_MAX / 2); /* the pairs' products */
    accumulator_end(&b.a);
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_reaches_its_sum_however_they_fall),
        cmocka_unit_test(numbers_for_one_sum_fill_the_lanes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
