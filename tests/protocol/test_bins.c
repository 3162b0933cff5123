/* gather, scatter and the preconditioner on ciphertexts against plain products, on every tier and for every grouping. */
#include "crypto/rng.h"
#include "kit/cmocka.h"
#include "protocol/bins.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 20, ROWS_MAX = 120, WIDTH_MAX = 200, BITS = 256, FUSE_MAX = 3 };

struct table {
    struct pair_modulus m;
    struct matrix own;
    struct rng g;
    uint8_t bins[COLUMNS_MAX], codes[COLUMNS_MAX * ROWS_MAX];
};

static void table_init(struct table *t, uint16_t columns, uint32_t rows, uint8_t bins_max, uint8_t seed)
{
    const struct rng_key key = {.bytes = {seed}};
    BIGNUM(n);

    memset(t, 0, sizeof *t);
    rng_init(&t->g, &key, &(struct rng_address){.purpose = "bins"});
    rng_bits(&t->g, n, BITS);
    mpz_setbit(n, BITS - 1);
    mpz_setbit(n, 0);
    assert_int_equal(pair_modulus_init(&t->m, n), OK);
    t->own = (struct matrix){.n = rows, .columns = columns, .bins = t->bins, .codes = t->codes};
    for (uint16_t c = 0; c < columns; c++) {
        t->bins[c] = (uint8_t)(2 + rng_below(&t->g, bins_max - 1u));
        t->own.width += t->bins[c];
    }
    assert_true(t->own.width <= WIDTH_MAX);
    for (uint32_t i = 0; i < rows * columns; i++)
        t->codes[i] = (uint8_t)rng_below(&t->g, t->bins[i % columns]);
}

static void table_clear(struct table *t)
{
    pair_modulus_clear(&t->m);
    rng_clear(&t->g);
}

/* Random numbers, plain and as pairs. */
struct numbers {
    mpz_t *plain;
    uint64_t *pair;
    size_t count;
};

static void numbers_init(struct numbers *x, struct table *t, size_t count)
{
    x->count = count;
    assert_int_equal(bignum_array_new(&x->plain, count), OK);
    x->pair = calloc(count, pair_words(&t->m) * sizeof *x->pair);
    assert_non_null(x->pair);
    for (size_t i = 0; i < count; i++)
        rng_unit_mpz(&t->g, x->plain[i], t->m.square);
    pair_get_mpz(&t->m, x->pair, x->plain, count);
}

static void numbers_clear(struct numbers *x)
{
    bignum_array_free(x->plain, x->count);
    free(x->pair);
}

static void assert_numbers(const struct table *t, const uint64_t *got, mpz_t *want, size_t count)
{
    mpz_t *plain;

    assert_int_equal(bignum_array_new(&plain, count), OK);
    pair_put_mpz(&t->m, plain, got, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(mpz_cmp(plain[i], want[i]), 0);
    bignum_array_free(plain, count);
}

static void multiply(const struct table *t, mpz_t x, const mpz_t y)
{
    mpz_mul(x, x, y);
    mpz_mod(x, x, t->m.square);
}

/* Pieces from the last to the first, as threads might. */
static void run_backwards(void *pool, size_t total, size_t grain, parallel_body *body, void *ctx)
{
    (void)pool;
    for (size_t pieces = (total + grain - 1) / grain; pieces-- > 0;)
        body(ctx, pieces * grain, total - pieces * grain < grain ? total - pieces * grain : grain);
}

static const struct parallel backwards = {NULL, run_backwards};

static void check_scatter(struct table *t, uint32_t fuse, const struct parallel *p)
{
    struct numbers row AUTO(numbers_clear) = {0}, want AUTO(numbers_clear) = {0};
    uint64_t *sums = calloc(t->own.width, pair_words(&t->m) * sizeof *sums);
    struct scatter *s;

    numbers_init(&row, t, t->own.n);
    numbers_init(&want, t, t->own.width);
    for (uint32_t j = 0; j < t->own.width; j++)
        mpz_set_ui(want.plain[j], 1);
    for (uint32_t i = 0; i < t->own.n; i++)
        for (uint32_t c = 0, offset = 0; c < t->own.columns; offset += t->bins[c++])
            multiply(t, want.plain[offset + t->codes[i * t->own.columns + c]], row.plain[i]);
    assert_int_equal(scatter_new(&s, &t->m, &t->own, p, fuse), OK);
    for (uint32_t first = 0, count = 7; first < t->own.n; first += count, count = 50) {
        if (t->own.n - first < count)
            count = t->own.n - first;
        scatter_add(s, row.pair + first * pair_words(&t->m), first, count);
    }
    scatter_sums(s, sums);
    assert_numbers(t, sums, want.plain, t->own.width);
    scatter_free(s);
    free(sums);
}

static void check_gather(struct table *t, uint32_t fuse, const struct parallel *p)
{
    for (uint32_t rows = 1; rows <= 5; rows += 2) {
        const uint32_t replies = (t->own.n + rows - 1) / rows;
        struct numbers entry AUTO(numbers_clear) = {0}, want AUTO(numbers_clear) = {0};
        uint64_t *out = calloc(replies, pair_words(&t->m) * sizeof *out);
        struct gather *g;

        numbers_init(&entry, t, (size_t)t->own.width * rows);
        numbers_init(&want, t, replies);
        for (uint32_t r = 0; r < replies; r++)
            mpz_set_ui(want.plain[r], 1);
        for (uint32_t i = 0; i < t->own.n; i++)
            for (uint32_t c = 0, offset = 0; c < t->own.columns; offset += t->bins[c++])
                multiply(t, want.plain[i / rows], entry.plain[(offset + t->codes[i * t->own.columns + c]) * rows + i % rows]);
        assert_int_equal(gather_new(&g, &t->m, &t->own, entry.pair, rows, p, fuse), OK);
        assert_int_equal(gather_replies(g, out, 0, 3), OK);
        assert_int_equal(gather_replies(g, out + 3 * pair_words(&t->m), 3, replies - 3), OK);
        assert_numbers(t, out, want.plain, replies);
        gather_free(g);
        free(out);
    }
}

/* Every tier, several shapes, every grouping, pieces in order and out of order. */
static void everywhere(void (*check)(struct table *t, uint32_t fuse, const struct parallel *p))
{
    static const struct {
        uint16_t columns;
        uint8_t bins_max;
    } shapes[] = {{1, 12}, {2, 12}, {3, 12}, {8, 5}, {20, 5}, {20, 2}};

    for (const char *const *tier = pair_tier_list(); *tier; tier++) {
        assert_int_equal(pair_tier_use(*tier), OK);
        for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++) {
            struct table t;

            table_init(&t, shapes[shape].columns, 41 + 15 * (uint32_t)shape, shapes[shape].bins_max, (uint8_t)shape);
            for (uint32_t fuse = BINS_FUSE_AUTO; fuse <= FUSE_MAX; fuse++) {
                check(&t, fuse, NULL);
                check(&t, fuse, &backwards);
            }
            table_clear(&t);
        }
    }
    assert_int_equal(pair_tier_use(NULL), OK);
}

static void scatter_multiplies_every_row_into_its_bins(void **state)
{
    (void)state;
    everywhere(check_scatter);
}

static void gather_multiplies_the_entries_that_rows_choose(void **state)
{
    (void)state;
    everywhere(check_gather);
}

static void joint_bins_take_fewer_products_and_bounded_memory(void **state)
{
    enum { KEY_BITS = 2048, CELL_BYTES = 2 * 40 * 8, GROUP_ROWS = 4 };
    static const uint32_t rows[] = {1, 1000, 100000, 10000000};
    static const uint16_t columns[] = {1, 2, 8, 165, CONTRACT_COLUMNS_MAX};
    uint8_t bins[CONTRACT_COLUMNS_MAX];

    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++)
            for (uint8_t b = 2; b <= 64; b *= 2) {
                const uint32_t width = (uint32_t)columns[c] * b;
                const struct matrix own = {.n = rows[r], .columns = columns[c], .width = width, .bins = bins, .diagonal = 1};
                struct bins_work work;

                memset(bins, b, sizeof bins);
                bins_count(&work, &own, GROUP_ROWS, 1, KEY_BITS, PAIR_LANES_MAX);
                assert_true(work.scatter <= (uint64_t)rows[r] * columns[c]);
                assert_true(work.scatter_cells == width || work.scatter_cells * CELL_BYTES <= 64 << 20);
                assert_true(work.gather_cells * CELL_BYTES <= 64 << 20);
                if (rows[r] >= 100000 && columns[c] == 8 && b <= 16)
                    assert_true(work.scatter * 5 < (uint64_t)rows[r] * columns[c] * 2); /* 2.5 times fewer */
            }
}

static void check_precondition(struct table *t, int diagonal, const int32_t *m, uint64_t lam)
{
    const uint32_t width = t->own.width;
    struct numbers sum AUTO(numbers_clear) = {0}, ridge AUTO(numbers_clear) = {0}, want AUTO(numbers_clear) = {0};
    uint64_t *out = calloc(width, pair_words(&t->m) * sizeof *out);
    BIGNUM(exponent);
    BIGNUM(power);

    numbers_init(&sum, t, width);
    numbers_init(&ridge, t, width);
    numbers_init(&want, t, width);
    t->own.precondition = m;
    t->own.diagonal = diagonal;
    for (uint32_t j = 0; j < width; j++) {
        mpz_set_ui(exponent, lam);
        mpz_powm(power, ridge.plain[j], exponent, t->m.square);
        multiply(t, power, sum.plain[j]);
        mpz_set(ridge.plain[j], power); /* what is raised */
    }
    for (uint32_t a = 0; a < width; a++) {
        mpz_set_ui(want.plain[a], 1);
        for (uint32_t j = diagonal ? a : 0; j < (diagonal ? a + 1 : width); j++) {
            mpz_set_si(exponent, diagonal ? m[j] : m[a * width + j]);
            mpz_powm(power, ridge.plain[j], exponent, t->m.square);
            multiply(t, want.plain[a], power);
        }
    }
    assert_int_equal(bins_precondition(out, &t->m, sum.pair, ridge.pair, lam, &t->own, &backwards), OK);
    assert_numbers(t, out, want.plain, width);
    free(out);
}

static void the_signed_extremes_of_the_preconditioner_multiply_right(void **state)
{
    static const int32_t extremes[] = {0, 1, -1, 31, 32, -32, 65535, -65536, 131071, -131072, 1048575, -1048575};
    enum { EXTREMES = sizeof extremes / sizeof extremes[0] };

    (void)state;
    for (const char *const *tier = pair_tier_list(); *tier; tier++) {
        struct table t;
        int32_t *m;

        assert_int_equal(pair_tier_use(*tier), OK);
        table_init(&t, 3, 5, 9, 77);
        m = calloc((size_t)t.own.width * t.own.width, sizeof *m);
        for (uint32_t i = 0; i < t.own.width * t.own.width; i++)
            m[i] = extremes[(i + i / t.own.width) % EXTREMES];
        check_precondition(&t, 0, m, 7);
        check_precondition(&t, 1, m, 252000);
        free(m);
        table_clear(&t);
    }
    assert_int_equal(pair_tier_use(NULL), OK);
}

static void a_diagonal_longer_than_a_block_multiplies_right(void **state)
{
    struct table t;
    int32_t m[600];

    (void)state;
    table_init(&t, 1, 5, 2, 3);
    t.own.width = 600; /* a width alone matters here */
    for (size_t i = 0; i < 600; i++)
        m[i] = (int32_t)rng_below(&t.g, 1 << 20) - (1 << 19);
    check_precondition(&t, 1, m, 11);
    table_clear(&t);
}

static void a_number_without_inverse_is_refused(void **state)
{
    struct table t;
    struct numbers sum AUTO(numbers_clear) = {0}, ridge AUTO(numbers_clear) = {0};
    uint64_t out[2 * PAIR_WORDS_MAX];
    const int32_t m[4] = {1, 2, 3, 4};

    (void)state;
    table_init(&t, 1, 5, 2, 3);
    t.own.precondition = m;
    numbers_init(&sum, &t, 2);
    numbers_init(&ridge, &t, 2);
    pair_get_mpz(&t.m, sum.pair + pair_words(&t.m), &t.m.value, 1);
    assert_int_equal(bins_precondition(out, &t.m, sum.pair, ridge.pair, 1, &t.own, NULL), STATUS_MALFORMED);
    table_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scatter_multiplies_every_row_into_its_bins),
        cmocka_unit_test(gather_multiplies_the_entries_that_rows_choose),
        cmocka_unit_test(joint_bins_take_fewer_products_and_bounded_memory),
        cmocka_unit_test(the_signed_extremes_of_the_preconditioner_multiply_right),
        cmocka_unit_test(a_diagonal_longer_than_a_block_multiplies_right),
        cmocka_unit_test(a_number_without_inverse_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
