/* Each tier's functions, lane by lane, against GMP: lazily reduced inputs, the bounds of the outputs, aliases. */
#include "crypto/pair_tier.h"

#include "testing.h"

enum { NUMBERS = 96 }; /* of each check: some vectors of the widest tier */

static const uint32_t sizes[] = {256, 512, 1024, 1536, 2048, 3072, 4096};

enum shape { RANDOM, ALL_ONES, FEW_ONES, SHAPES };

/* One number per lane, and behind them a word that nobody may write. */
struct vector {
    _Alignas(64) uint64_t word[PAIR_LANE_WORDS_MAX + 1];
};

static const uint64_t GUARD = 0x5afe5afe5afe5afe;

struct bed {
    struct pair_modulus m;
    const struct pair_tier *tier;
    struct rng g;
    size_t words;
    mpz_t radix; /* R */
    mpz_t x[PAIR_LANES_MAX], y[PAIR_LANES_MAX]; /* what the lanes of two vectors hold */
};

static void shaped(struct rng *g, mpz_t n, uint32_t bits, enum shape shape)
{
    mpz_set_ui(n, 0);
    if (shape == RANDOM)
        rng_bits(g, n, bits);
    if (shape == ALL_ONES) {
        mpz_setbit(n, bits);
        mpz_sub_ui(n, n, 1);
    }
    mpz_setbit(n, bits - 1);
    mpz_setbit(n, 0);
}

static void bed_init(struct bed *b, const struct pair_tier *tier, uint32_t bits, enum shape shape)
{
    BIGNUM(n);

    memset(b, 0, sizeof *b);
    test_rng(&b->g, "pair tiers");
    shaped(&b->g, n, bits, shape);
    assert_int_equal(pair_tier_use(tier->name), OK);
    assert_int_equal(pair_modulus_init(&b->m, n), OK);
    assert_ptr_equal(b->m.tier, tier);
    b->tier = tier;
    b->words = pair_words(&b->m);
    for (size_t l = 0; l < PAIR_LANES_MAX; l++)
        mpz_inits(b->x[l], b->y[l], NULL);
    mpz_init(b->radix);
    mpz_setbit(b->radix, (mp_bitcnt_t)b->m.digits * tier->radix_bits);
}

static void bed_clear(struct bed *b)
{
    pair_modulus_clear(&b->m);
    for (size_t l = 0; l < PAIR_LANES_MAX; l++)
        mpz_clears(b->x[l], b->y[l], NULL);
    mpz_clear(b->radix);
    rng_clear(&b->g);
    assert_int_equal(pair_tier_use("auto"), OK);
}

/* Runs a check for every size and shape of modulus; skips it where the processor lacks the tier. */
static void everywhere(void **state, void (*check)(struct bed *b))
{
    const struct pair_tier *tier = *state;

    if (!tier->available())
        skip();
    for (size_t s = 0; s < COUNT_OF(sizes); s++)
        for (int shape = 0; shape < SHAPES; shape++) {
            struct bed b;

            bed_init(&b, tier, sizes[s], (enum shape)shape);
            check(&b);
            bed_clear(&b);
        }
}

/* ---- numbers ---- */

static uint64_t *guard(const struct bed *b, struct vector *v)
{
    return &v->word[b->words * b->tier->lanes];
}

static void lane_put(const struct bed *b, struct vector *v, uint32_t lane, size_t first, const mpz_t x)
{
    BIGNUM(rest);
    BIGNUM(low);

    mpz_set(rest, x);
    for (size_t i = 0; i < b->m.digits; i++) {
        mpz_fdiv_r_2exp(low, rest, b->tier->radix_bits);
        mpz_fdiv_q_2exp(rest, rest, b->tier->radix_bits);
        v->word[(first + i) * b->tier->lanes + lane] = mpz_get_ui(low);
    }
    assert_int_equal(mpz_sgn(rest), 0);
}

static void lane_get(const struct bed *b, mpz_t x, const struct vector *v, uint32_t lane, size_t first)
{
    mpz_set_ui(x, 0);
    for (size_t i = b->m.digits; i-- > 0;) {
        uint64_t digit = v->word[(first + i) * b->tier->lanes + lane];

        if (b->tier->radix_bits < 64)
            assert_true(digit >> b->tier->radix_bits == 0);
        mpz_mul_2exp(x, x, b->tier->radix_bits);
        mpz_add_ui(x, x, digit);
    }
}

/* Half a number: an extreme one or random, 0 <= x < 4N. */
static void half_draw(struct bed *b, mpz_t x)
{
    BIGNUM(end);
    uint8_t what;

    mpz_mul_2exp(end, b->m.value, 2);
    rng_fill(&b->g, &what, 1);
    switch (what % 16) {
    case 0: mpz_set_ui(x, 0); break;
    case 1: mpz_set_ui(x, 1); break;
    case 2: mpz_sub_ui(x, b->m.value, 1); break;
    case 3: mpz_set(x, b->m.value); break;
    case 4: mpz_add_ui(x, b->m.value, 1); break;
    case 5:
    case 6: mpz_sub_ui(x, end, 1); break;
    case 7:
        mpz_set_ui(x, 0);
        mpz_setbit(x, mpz_sizeinbase(end, 2) - 1);
        mpz_sub_ui(x, x, 1);
        break;
    default: rng_below_mpz(&b->g, x, end); break;
    }
}

/* A number a + b N in each lane of a vector, and its value. */
static void draw(struct bed *b, struct vector *v, mpz_t *value)
{
    BIGNUM(low);

    for (uint32_t l = 0; l < b->tier->lanes; l++) {
        half_draw(b, low);
        half_draw(b, value[l]);
        lane_put(b, v, l, 0, low);
        lane_put(b, v, l, b->m.digits, value[l]);
        mpz_mul(value[l], value[l], b->m.value);
        mpz_add(value[l], value[l], low);
    }
}

/* A number's lazy bounds hold and it is x / R mod N^2. */
static void assert_is_over_radix(struct bed *b, struct vector *v, uint32_t lane, const mpz_t x)
{
    BIGNUM(low);
    BIGNUM(value);
    BIGNUM(end);

    assert_true(*guard(b, v) == GUARD);
    mpz_mul_ui(end, b->m.value, 3);
    lane_get(b, low, v, lane, 0);
    lane_get(b, value, v, lane, b->m.digits);
    assert_true(mpz_cmp(low, end) < 0 && mpz_cmp(value, end) < 0);
    mpz_mul(value, value, b->m.value);
    mpz_add(value, value, low);
    mpz_mul(value, value, b->radix);
    assert_true(mpz_congruent_p(value, x, b->m.square));
}

static void assert_same(const struct bed *b, const struct vector *v, const struct vector *w)
{
    assert_memory_equal(v->word, w->word, b->words * b->tier->lanes * sizeof v->word[0]);
}

/* ---- arithmetic ---- */

static void check_products(struct bed *b)
{
    struct vector x, y, out, same;

    *guard(b, &out) = GUARD;
    for (size_t i = 0; i < NUMBERS; i += b->tier->lanes) {
        draw(b, &x, b->x);
        draw(b, &y, b->y);
        b->tier->multiply(&b->m, out.word, x.word, y.word);
        for (uint32_t l = 0; l < b->tier->lanes; l++) {
            mpz_mul(b->y[l], b->y[l], b->x[l]);
            assert_is_over_radix(b, &out, l, b->y[l]);
        }
        same = x;
        b->tier->multiply(&b->m, same.word, same.word, y.word);
        assert_same(b, &same, &out);
        same = y;
        b->tier->multiply(&b->m, same.word, x.word, same.word);
        assert_same(b, &same, &out);
        b->tier->multiply_var(&b->m, same.word, x.word, y.word);
        assert_same(b, &same, &out);
        same = x;
        b->tier->multiply_var(&b->m, same.word, same.word, y.word);
        assert_same(b, &same, &out);
        b->tier->multiply(&b->m, out.word, x.word, x.word);
        b->tier->multiply(&b->m, x.word, x.word, x.word);
        assert_same(b, &x, &out);
    }
}

static void products_equal_those_of_gmp(void **state)
{
    everywhere(state, check_products);
}

static void check_squares(struct bed *b)
{
    struct vector x, out;

    *guard(b, &out) = GUARD;
    for (size_t i = 0; i < NUMBERS; i += b->tier->lanes) {
        draw(b, &x, b->x);
        b->tier->square(&b->m, out.word, x.word);
        for (uint32_t l = 0; l < b->tier->lanes; l++) {
            mpz_mul(b->x[l], b->x[l], b->x[l]);
            assert_is_over_radix(b, &out, l, b->x[l]);
        }
        b->tier->square(&b->m, x.word, x.word);
        assert_same(b, &x, &out);
    }
}

static void squares_equal_those_of_gmp(void **state)
{
    everywhere(state, check_squares);
}

static void check_products_with_one(struct bed *b)
{
    struct vector x, y, out;
    uint64_t one[PAIR_WORDS_MAX];

    *guard(b, &out) = GUARD;
    for (size_t i = 0; i < NUMBERS; i += b->tier->lanes) {
        draw(b, &x, b->x);
        draw(b, &y, b->y);
        for (size_t w = 0; w < b->words; w++)
            one[w] = y.word[w * b->tier->lanes];
        b->tier->multiply_one_var(&b->m, out.word, x.word, one);
        for (uint32_t l = 0; l < b->tier->lanes; l++) {
            mpz_mul(b->x[l], b->x[l], b->y[0]);
            assert_is_over_radix(b, &out, l, b->x[l]);
        }
        b->tier->multiply_one_var(&b->m, x.word, x.word, one);
        assert_same(b, &x, &out);
    }
}

static void one_number_multiplies_every_lane(void **state)
{
    everywhere(state, check_products_with_one);
}

static void check_accumulate(struct bed *b)
{
    struct vector x, entry, sum = {0};
    uint64_t expected_sum[PAIR_LANE_WORDS_MAX] = {0};

    for (size_t i = 0; i < NUMBERS; i += b->tier->lanes) {
        draw(b, &x, b->x);
        draw(b, &entry, b->y);
        for (uint32_t l = 0; l < b->tier->lanes; l++)
            lane_get(b, b->y[l], &entry, l, 0);
        for (size_t w = 0, carry = 0; w < b->m.digits * b->tier->lanes; w++) {
            const uint64_t digit = entry.word[b->m.digits * b->tier->lanes + w], before = expected_sum[w];

            expected_sum[w] += digit + carry;
            carry = b->tier->radix_bits == 64 && (expected_sum[w] < before || (carry && expected_sum[w] == before));
        }
        *guard(b, &x) = GUARD;
        sum.word[b->m.digits * b->tier->lanes] = GUARD;
        b->tier->accumulate(&b->m, x.word, sum.word, entry.word);
        for (uint32_t l = 0; l < b->tier->lanes; l++) {
            mpz_mul(b->x[l], b->x[l], b->y[l]);
            assert_is_over_radix(b, &x, l, b->x[l]);
        }
        assert_memory_equal(sum.word, expected_sum, b->m.digits * b->tier->lanes * sizeof sum.word[0]);
        assert_true(sum.word[b->m.digits * b->tier->lanes] == GUARD);
    }
}

static void accumulating_multiplies_by_one_half_and_adds_the_other(void **state)
{
    everywhere(state, check_accumulate);
}

/* The largest inputs there are fill every column as far as it can be filled. */
static void check_largest(struct bed *b)
{
    struct vector x, out;
    uint64_t one[PAIR_WORDS_MAX];
    BIGNUM(half);
    BIGNUM(value);

    *guard(b, &out) = GUARD;
    mpz_mul_2exp(half, b->m.value, 2);
    mpz_sub_ui(half, half, 1);
    for (uint32_t l = 0; l < b->tier->lanes; l++) {
        lane_put(b, &x, l, 0, half);
        lane_put(b, &x, l, b->m.digits, half);
    }
    for (size_t w = 0; w < b->words; w++)
        one[w] = x.word[w * b->tier->lanes];
    mpz_mul(value, half, b->m.value);
    mpz_add(value, value, half);
    mpz_mul(value, value, value);
    b->tier->multiply(&b->m, out.word, x.word, x.word);
    for (uint32_t l = 0; l < b->tier->lanes; l++)
        assert_is_over_radix(b, &out, l, value);
    b->tier->square(&b->m, out.word, x.word);
    for (uint32_t l = 0; l < b->tier->lanes; l++)
        assert_is_over_radix(b, &out, l, value);
    b->tier->multiply_one_var(&b->m, out.word, x.word, one);
    for (uint32_t l = 0; l < b->tier->lanes; l++)
        assert_is_over_radix(b, &out, l, value);
}

static void the_largest_inputs_overflow_nothing(void **state)
{
    everywhere(state, check_largest);
}

/* ---- in and out of Montgomery form ---- */

/* A plain number below R in the first digits of each lane. */
static void plain_draw(struct bed *b, struct vector *v, mpz_t *value)
{
    uint8_t what;

    for (uint32_t l = 0; l < b->tier->lanes; l++) {
        rng_fill(&b->g, &what, 1);
        if (what % 4 == 0)
            mpz_set_ui(value[l], what / 4 % 2);
        else if (what % 4 == 1)
            mpz_sub_ui(value[l], b->radix, 1);
        else
            rng_below_mpz(&b->g, value[l], b->radix);
        lane_put(b, v, l, 0, value[l]);
    }
}

static void check_enter(struct bed *b)
{
    struct vector low, high, out, same;

    *guard(b, &out) = GUARD;
    for (size_t i = 0; i < NUMBERS; i += b->tier->lanes) {
        plain_draw(b, &low, b->x);
        plain_draw(b, &high, b->y);
        b->tier->enter(&b->m, out.word, low.word, high.word);
        for (uint32_t l = 0; l < b->tier->lanes; l++) { /* (low + high R) R, which is (low + high R) R^2 / R */
            mpz_addmul(b->x[l], b->y[l], b->radix);
            mpz_mul(b->x[l], b->x[l], b->radix);
            mpz_mul(b->x[l], b->x[l], b->radix);
            assert_is_over_radix(b, &out, l, b->x[l]);
        }
        same = low;
        b->tier->enter(&b->m, same.word, same.word, high.word);
        assert_same(b, &same, &out);
        b->tier->enter(&b->m, high.word, low.word, high.word);
        assert_same(b, &high, &out);
    }
}

static void plain_numbers_enter_montgomery_form(void **state)
{
    everywhere(state, check_enter);
}

static void check_leave(struct bed *b)
{
    struct vector x, out;

    *guard(b, &out) = GUARD;
    for (size_t i = 0; i < NUMBERS; i += b->tier->lanes) {
        draw(b, &x, b->x);
        b->tier->leave(&b->m, out.word, x.word);
        for (uint32_t l = 0; l < b->tier->lanes; l++)
            assert_is_over_radix(b, &out, l, b->x[l]);
        b->tier->leave(&b->m, x.word, x.word);
        assert_same(b, &x, &out);
    }
}

static void numbers_leave_montgomery_form(void **state)
{
    everywhere(state, check_leave);
}

/* ---- memory ---- */

static void check_load_and_store(struct bed *b)
{
    uint64_t plain[PAIR_LANES_MAX][PAIR_WORDS_MAX], back[PAIR_LANES_MAX][PAIR_WORDS_MAX + 1], *out[PAIR_LANES_MAX] = {0};
    const uint64_t *in[PAIR_LANES_MAX] = {0};
    struct vector v;

    *guard(b, &v) = GUARD;
    rng_fill(&b->g, (uint8_t *)plain, sizeof plain);
    for (uint32_t l = 0; l < b->tier->lanes; l++) {
        in[l] = plain[l] + l % 3; /* numbers in memory are aligned to words only */
        out[l] = back[l];
        back[l][b->words] = GUARD;
    }
    assert_true(b->words + 2 <= PAIR_WORDS_MAX);
    b->tier->load(&b->m, v.word, in);
    assert_true(*guard(b, &v) == GUARD);
    for (size_t i = 0; i < b->words; i++)
        for (uint32_t l = 0; l < b->tier->lanes; l++)
            assert_true(v.word[i * b->tier->lanes + l] == in[l][i]);
    b->tier->store(&b->m, out, v.word);
    for (uint32_t l = 0; l < b->tier->lanes; l++) {
        assert_memory_equal(back[l], in[l], b->words * sizeof back[l][0]);
        assert_true(back[l][b->words] == GUARD);
    }
}

static void each_lane_loads_and_stores_its_number(void **state)
{
    everywhere(state, check_load_and_store);
}

enum { VECTORS = 7 }; /* at a time, at most */

static void check_select(struct bed *b)
{
    for (uint32_t window = 1; window <= PAIR_WINDOW_MAX; window++) {
        const uint32_t entries = 1u << window;
        const size_t count = b->words * entries;
        uint64_t *table = malloc(count * sizeof *table); /* its end is the end of an allocation */
        static struct {
            _Alignas(64) uint64_t word[VECTORS * PAIR_LANE_WORDS_MAX + 1];
        } out;

        assert_non_null(table);
        rng_fill(&b->g, (uint8_t *)table, count * sizeof *table);
        for (uint32_t first = 0; first < entries; first++) {
            const size_t vectors = first % VECTORS + 1;
            uint64_t *end = &out.word[(vectors - 1) * PAIR_LANE_WORDS_MAX + b->words * b->tier->lanes];
            uint8_t index[VECTORS * PAIR_LANES_MAX];

            *end = GUARD;
            for (uint32_t l = 0; l < sizeof index; l++)
                index[l] = (uint8_t)((first + 37 * l) % entries);
            b->tier->select(&b->m, out.word, table, window, index, vectors);
            for (size_t v = 0; v < vectors; v++)
                for (size_t i = 0; i < b->words; i++)
                    for (uint32_t l = 0; l < b->tier->lanes; l++)
                        if (out.word[v * PAIR_LANE_WORDS_MAX + i * b->tier->lanes + l] !=
                            table[i * entries + index[v * b->tier->lanes + l]])
                            fail_msg("window %u, index %u, lane %u", window, index[v * b->tier->lanes + l], l);
            assert_true(*end == GUARD);
        }
        free(table);
    }
}

static void select_finds_every_lanes_entry_for_every_window(void **state)
{
    const struct pair_tier *tier = *state;
    struct bed b;

    if (!tier->available())
        skip();
    bed_init(&b, tier, 512, RANDOM);
    check_select(&b);
    bed_clear(&b);
}

#define TIER_TEST(tier, test) {#tier ": " #test, test, NULL, NULL, (void *)(uintptr_t)&pair_tier_##tier}
#define TIER_TESTS(tier)                                                     \
    TIER_TEST(tier, products_equal_those_of_gmp),                            \
    TIER_TEST(tier, squares_equal_those_of_gmp),                             \
    TIER_TEST(tier, one_number_multiplies_every_lane),                       \
    TIER_TEST(tier, accumulating_multiplies_by_one_half_and_adds_the_other), \
    TIER_TEST(tier, the_largest_inputs_overflow_nothing),                    \
    TIER_TEST(tier, plain_numbers_enter_montgomery_form),                    \
    TIER_TEST(tier, numbers_leave_montgomery_form),                          \
    TIER_TEST(tier, each_lane_loads_and_stores_its_number),                  \
    TIER_TEST(tier, select_finds_every_lanes_entry_for_every_window)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TIER_TESTS(scalar),
#if defined(__x86_64__)
        TIER_TESTS(avx2),
        TIER_TESTS(ifma),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
