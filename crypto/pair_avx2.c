/* Four lanes of AVX2, radix 2^29: products by vpmuludq.
 *
 * A Montgomery product goes in steps of ROWS digits of x.  A window of columns takes up ROWS rows of the product and ROWS
 * rows of multiples of N, which clear its lowest ROWS columns, and moves up by ROWS columns.  A column is a sum of products
 * of digits, not carried; those that a step works on stay in registers.  The stack keeps the columns: whoever computes with
 * secrets wipes it.
 *
 * No column overflows its 64 bits: a product of digits is below 2^58, and a step gives a column at most 3 * ROWS = 12 of
 * them (one with a doubled digit counts as two).  Every STEPS_UNTIL_CARRY = 5 steps the columns pass on all but their low
 * 29 bits, which leaves less than 2^29 + 2^35.  So a column is at most 60 products, this rest, the carry from the column
 * below and a digit of the complement: less than 60 * 2^58 + 2^37 < 2^64.
 *
 * Rows and radix go together: 29 bits carry more often than 28, and still win, because 4 rows leave fewer digits unused at
 * the usual sizes (36, 72, 108, 144 for N of 1024 to 4096 bits). */
#include "crypto/pair_tier.h"

#if defined(__x86_64__)

#include "crypto/cpu.h"

#include <assert.h>
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

enum {
    LANES = 4,
    RADIX = 29,
    ROWS = 4,
    STEPS_UNTIL_CARRY = 5,
    DIGITS_MAX = PAIR_LANE_WORDS_MAX / 2 / LANES,
};

typedef __m256i vec;

/* Half a number: digits side by side for the lanes, or plain and the same for all. */
struct half {
    const uint64_t *at;
    int plain;
};

struct product {
    const uint64_t *x;
    struct half y;
};

/* ROWS digits of x, which meet every digit of y. */
struct rows {
    vec x[ROWS];
    struct half y;
};

INLINE vec load(const uint64_t *x, size_t i)
{
    return _mm256_load_si256((const vec *)(x + i * LANES));
}

INLINE void store(uint64_t *x, size_t i, vec v)
{
    _mm256_store_si256((vec *)(x + i * LANES), v);
}

INLINE vec same(uint64_t word)
{
    return _mm256_set1_epi64x((int64_t)word);
}

INLINE vec digit(struct half h, size_t i)
{
    return h.plain ? same(h.at[i]) : load(h.at, i);
}

INLINE vec add(vec a, vec b)
{
    return _mm256_add_epi64(a, b);
}

INLINE vec times(vec a, vec b)
{
    return _mm256_mul_epu32(a, b);
}

INLINE vec low_bits(vec a)
{
    return _mm256_and_si256(a, same((UINT64_C(1) << RADIX) - 1));
}

/* Hides from clang that a is small; it would drop the masks by which it knows products of 32 bits. */
INLINE vec opaque(vec a)
{
    __asm__("" : "+x"(a));
    return a;
}

INLINE vec carry(vec a)
{
    return _mm256_srli_epi64(a, RADIX);
}

/* Add what digit j + k of y gives.  On the diagonal of a square, where x is y doubled, each pair of digits counts once. */
INLINE void add_digit(vec *column, const struct rows *r, size_t j, size_t k, int diagonal)
{
    const vec y = digit(r->y, j + k);

    UNROLL for (size_t i = 0; i < ROWS; i++)
        if (!diagonal || i <= k)
            column[i + k] = add(column[i + k], times(diagonal && i == k ? y : r->x[i], y));
}

/* The same for up to three products; written out, so that count is a constant to any compiler before it unrolls. */
INLINE void add_digits(vec *column, const struct rows *r, size_t count, size_t j, size_t k, int diagonal)
{
    if (count > 0)
        add_digit(column, &r[0], j, k, diagonal && count == 1);
    if (count > 1)
        add_digit(column, &r[1], j, k, diagonal && count == 2);
    if (count > 2)
        add_digit(column, &r[2], j, k, 0);
}

/* The lower half of the columns is done with. */
INLINE void shift(vec *column)
{
    UNROLL for (size_t k = 0; k < ROWS; k++) {
        column[k] = column[k + ROWS];
        column[k + ROWS] = _mm256_setzero_si256();
    }
}

/* Add the rows of q N that clear the lowest ROWS columns. */
INLINE void clear_low(const struct pair_modulus *m, vec *column, vec *q)
{
    UNROLL for (size_t i = 0; i < ROWS; i++) {
        q[i] = opaque(low_bits(times(column[i], same(m->negative_inverse))));
        UNROLL for (size_t k = 0; k < ROWS; k++)
            column[i + k] = add(column[i + k], times(q[i], same(m->n[k])));
        column[i + 1] = add(column[i + 1], carry(column[i]));
    }
    shift(column);
}

/* Add the products of digits [from, to) of all y to the columns of t, which move down by ROWS. */
INLINE void move_down(vec *t, vec *column, const struct rows *r, size_t count, size_t from, size_t to, int diagonal)
{
    for (size_t j = from; j < to; j += ROWS) {
        UNROLL for (size_t k = 0; k < ROWS; k++) {
            add_digits(column, r, count, j, k, diagonal);
            t[j - ROWS + k] = add(t[j + k], column[k]);
        }
        shift(column);
    }
}

/* t = (t + sum of count products + q N) / 2^(ROWS RADIX), with rows r[0] for q and r[1 .. count].  In a square the one row
 * product begins at digit diagonal of y. */
INLINE void step(const struct pair_modulus *m, vec *t, struct rows *r, size_t count, int square, size_t diagonal)
{
    vec column[2 * ROWS];
    size_t j = ROWS;

    UNROLL for (size_t k = 0; k < ROWS; k++) {
        column[k] = t[k];
        column[k + ROWS] = _mm256_setzero_si256();
    }
    if (!square || diagonal == 0)
        UNROLL for (size_t k = 0; k < ROWS; k++)
            add_digits(column, r + 1, count, 0, k, square);
    clear_low(m, column, r[0].x);
    if (square && diagonal > 0) {
        move_down(t, column, r, 1, ROWS, diagonal, 0);
        move_down(t, column, r, 2, diagonal, diagonal + ROWS, 1);
        j = diagonal + ROWS;
    }
    move_down(t, column, r, count + 1, j, m->digits, 0);
    UNROLL for (size_t k = 0; k < ROWS; k++)
        t[m->digits - ROWS + k] = column[k];
}

INLINE void load_rows(struct rows *r, const struct product *p, size_t count, size_t i, int doubled)
{
    UNROLL for (size_t c = 0; c < count; c++) {
        r[c].y = p[c].y;
        UNROLL for (size_t k = 0; k < ROWS; k++) {
            const vec x = load(p[c].x, i + k);

            r[c].x[k] = opaque(doubled ? add(x, x) : x);
        }
    }
}

static void pass_on(const struct pair_modulus *m, vec *t)
{
    for (size_t k = m->digits - 1; k > 0; k--)
        t[k] = add(low_bits(t[k]), carry(t[k - 1]));
    t[0] = low_bits(t[0]);
}

static void put_digits(const struct pair_modulus *m, uint64_t *out, const vec *t)
{
    vec rest = _mm256_setzero_si256();

    for (size_t k = 0; k < m->digits; k++) {
        rest = add(rest, t[k]);
        store(out, k, low_bits(rest));
        rest = carry(rest);
    }
}

/* out = (start + the pair of sums of products) / R, where what a takes with q N is taken from b: a + b N stays the same
 * mod N^2. */
INLINE void reduce(const struct pair_modulus *m, uint64_t *out, const uint64_t *start, const struct product *a,
                   size_t a_count, const struct product *b, size_t b_count, int square)
{
    vec t[DIGITS_MAX], u[DIGITS_MAX];
    struct rows r[3];

    assert(m->digits <= DIGITS_MAX);
    for (size_t k = 0; k < m->digits; k++) {
        t[k] = start ? load(start, k) : _mm256_setzero_si256();
        u[k] = start ? load(start, m->digits + k) : _mm256_setzero_si256();
    }
    r[0].y = (struct half){m->n, 1};
    for (size_t i = 0; i < m->digits; i += ROWS) {
        if (i > 0 && i % (ROWS * STEPS_UNTIL_CARRY) == 0) {
            pass_on(m, t);
            pass_on(m, u);
        }
        load_rows(r + 1, a, a_count, i, square);
        step(m, t, r, a_count, square, i);
        UNROLL for (size_t k = 0; k < ROWS; k++)
            u[k] = add(u[k], _mm256_sub_epi64(same(m->complement[i + k]), r[0].x[k]));
        load_rows(r + 1, b, b_count, i, square);
        step(m, u, r, b_count, 0, 0);
    }
    put_digits(m, out, t);
    put_digits(m, out + m->digits * LANES, u);
}

INLINE void multiply_by(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y, int plain)
{
    const size_t words = m->digits * LANES, y_words = plain ? m->digits : words;
    const struct product a[] = {{x, {y, plain}}};
    const struct product b[] = {{x, {y + y_words, plain}}, {x + words, {y, plain}}};

    reduce(m, out, NULL, a, 1, b, 2, 0);
}

static void multiply(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y)
{
    multiply_by(m, out, x, y, 0);
}

static void multiply_one(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y)
{
    multiply_by(m, out, x, y, 1);
}

static void square(const struct pair_modulus *m, uint64_t *out, const uint64_t *x)
{
    const struct product a[] = {{x, {x, 0}}}, b[] = {{x, {x + m->digits * LANES, 0}}};

    reduce(m, out, NULL, a, 1, b, 1, 1);
}

static void accumulate(const struct pair_modulus *m, uint64_t *product, uint64_t *sum, const uint64_t *entry)
{
    const struct product a[] = {{product, {entry, 0}}}, b[] = {{product + m->digits * LANES, {entry, 0}}};

    reduce(m, product, NULL, a, 1, b, 1, 0);
    for (size_t k = 0; k < m->digits; k++)
        store(sum, k, add(load(sum, k), load(entry, m->digits + k)));
}

static void enter(const struct pair_modulus *m, uint64_t *out, const uint64_t *low, const uint64_t *high)
{
    const struct product a[] = {{low, {m->low, 1}}, {high, {m->high, 1}}};
    const struct product b[] = {{low, {m->low + m->digits, 1}}, {high, {m->high + m->digits, 1}}};

    reduce(m, out, NULL, a, 2, b, 2, 0);
}

static void leave(const struct pair_modulus *m, uint64_t *out, const uint64_t *x)
{
    reduce(m, out, x, NULL, 0, NULL, 0, 0);
}

/* Two words of one lane each: a number has an even count of words. */
static void load_lanes(const struct pair_modulus *m, uint64_t *out, const uint64_t *const *x)
{
    for (size_t i = 0; i < pair_words(m); i += 2) {
        const vec even = _mm256_loadu2_m128i((const __m128i *)(x[2] + i), (const __m128i *)(x[0] + i));
        const vec odd = _mm256_loadu2_m128i((const __m128i *)(x[3] + i), (const __m128i *)(x[1] + i));

        store(out, i, _mm256_unpacklo_epi64(even, odd));
        store(out, i + 1, _mm256_unpackhi_epi64(even, odd));
    }
}

static void store_lanes(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *x)
{
    for (size_t i = 0; i < pair_words(m); i += 2) {
        const vec first = load(x, i), second = load(x, i + 1);

        _mm256_storeu2_m128i((__m128i *)(out[2] + i), (__m128i *)(out[0] + i), _mm256_unpacklo_epi64(first, second));
        _mm256_storeu2_m128i((__m128i *)(out[3] + i), (__m128i *)(out[1] + i), _mm256_unpackhi_epi64(first, second));
    }
}

/* Entries [at, at + 4) of a row of the table; of a row of two, both twice. */
INLINE vec four_entries(const uint64_t *row, size_t at, uint32_t window)
{
    return window == 1 ? _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)row))
                       : _mm256_loadu_si256((const vec *)(row + at));
}

/* Four entries at a time: every lane takes the one that the low two bits of its index say, and keeps it when the high bits
 * agree.  A lane permutes 32-bit halves. */
static void select_vector(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, uint32_t window,
                          const uint8_t *index)
{
    const vec at = _mm256_set_epi64x(index[3], index[2], index[1], index[0]);
    const vec low = _mm256_slli_epi64(_mm256_and_si256(at, same(3)), 1), high = _mm256_srli_epi64(at, 2);
    const vec halves = _mm256_or_si256(low, _mm256_slli_epi64(add(low, same(1)), 32));

    for (size_t i = 0; i < pair_words(m); i += ROWS) {
        vec found[ROWS] = {0};

        for (size_t e = 0; e < (size_t)1 << window; e += 4) {
            const vec mask = _mm256_cmpeq_epi64(high, same(e / 4));

            UNROLL for (size_t k = 0; k < ROWS; k++) {
                const vec four = four_entries(table + ((i + k) << window), e, window);

                found[k] = _mm256_or_si256(found[k], _mm256_and_si256(mask, _mm256_permutevar8x32_epi32(four, halves)));
            }
        }
        UNROLL for (size_t k = 0; k < ROWS; k++)
            store(out, i + k, found[k]);
    }
}

static void select_entries(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, uint32_t window,
                           const uint8_t *index, size_t vectors)
{
    for (size_t v = 0; v < vectors; v++)
        select_vector(m, out + v * PAIR_LANE_WORDS_MAX, table, window, index + v * LANES);
}

/* Whole vectors are kept or not by a mask; all are read. */
static void pick(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, size_t stride, uint32_t entries,
                 uint32_t index)
{
    for (size_t i = 0; i < pair_words(m); i += ROWS) {
        vec found[ROWS] = {0};

        for (uint32_t k = 0; k < entries; k++) {
            const vec mask = _mm256_cmpeq_epi64(same(k), same(index));

            UNROLL for (size_t r = 0; r < ROWS; r++)
                found[r] = _mm256_or_si256(found[r], _mm256_and_si256(mask, load(table + k * stride, i + r)));
        }
        UNROLL for (size_t r = 0; r < ROWS; r++)
            store(out, i + r, found[r]);
    }
}

const struct pair_tier pair_tier_avx2 = {
    .name = "avx2",
    .lanes = LANES,
    .radix_bits = RADIX,
    .digit_multiple = ROWS,
    .available = cpu_has_avx2,
    .load = load_lanes,
    .store = store_lanes,
    .multiply = multiply,
    .square = square,
    .multiply_var = multiply,
    .multiply_one_var = multiply_one,
    .accumulate = accumulate,
    .enter = enter,
    .leave = leave,
    .select = select_entries,
    .pick = pick,
};

#endif
