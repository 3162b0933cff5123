/* Eight lanes of AVX-512 IFMA, radix 2^52.
 *
 * A product a1 a2, and a multiple of N, is summed in columns that are carried only when everything has been added to
 * them.  Ten digits of one factor, the rows, stay in registers with the ten columns their products with one digit of the
 * other factor reach; both move on by a column at a time.  So the processor does little but multiply, and a number's
 * digits are a multiple of ten.  The number of digits is a variable on purpose: compilers that know it unroll the outer
 * loops and run out of registers.
 *
 * No column overflows: of at most three products (such as a1 b2, b1 a2 and q N) each adds at most 80 low and
 * 80 high halves below 2^52 to it, together below 480 * 2^52 < 2^61; the complement adds less than 2^53, a carry less than
 * 2^12. */
#if defined(__x86_64__)

#include "crypto/cpu.h"
#include "crypto/pair_tier.h"

#include <immintrin.h>

enum {
    LANES = 8,
    RADIX = 52,
    ROWS = 10,
    DIGITS_MAX = PAIR_LANE_WORDS_MAX / LANES / 2,
    SHARING = 4,    /* vectors that share a pass over a table: more would not fit the registers */
    LOAD_WORDS = 4, /* of every lane that are transposed at a time */
};

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* Where a factor's digits are: side by side for the eight lanes, or one plain number for all of them. */
enum source { IN_LANES, PLAIN };

/* Whether a column that enters the window holds a sum already. */
enum entering { HELD, NEW };

/* The columns of a product a1 a2 and of its cross terms a1 b2 + b1 a2.  They stay on the stack, about 20 KB: wiping them
 * costs a small number's product 4 %, so whoever computes with secrets wipes the stack once, at the end of a computation. */
struct columns {
    __m512i a[2 * DIGITS_MAX], b[2 * DIGITS_MAX];
};

INLINE __m512i zero(void) { return _mm512_setzero_si512(); }
INLINE __m512i broadcast(uint64_t x) { return _mm512_set1_epi64((long long)x); }
INLINE __m512i add(__m512i x, __m512i y) { return _mm512_add_epi64(x, y); }
INLINE __m512i add_low(__m512i sum, __m512i x, __m512i y) { return _mm512_madd52lo_epu64(sum, x, y); }
INLINE __m512i add_high(__m512i sum, __m512i x, __m512i y) { return _mm512_madd52hi_epu64(sum, x, y); }
INLINE __m512i carry_of(__m512i x) { return _mm512_srli_epi64(x, RADIX); }

INLINE __m512i digit(const uint64_t *x, size_t i, enum source source)
{
    return source == PLAIN ? broadcast(x[i]) : _mm512_load_si512(x + i * LANES);
}

INLINE void window_load(__m512i window[ROWS], const __m512i *column)
{
    UNROLL for (int r = 0; r < ROWS; r++)
        window[r] = column[r];
}

INLINE void window_store(__m512i *column, const __m512i window[ROWS])
{
    UNROLL for (int r = 0; r < ROWS; r++)
        column[r] = window[r];
}

/* The first rows of row times digit y, whose products start at column k < ROWS; k then leaves the window and the column
 * k + ROWS enters. */
INLINE void window_step(__m512i *column, __m512i window[ROWS], const __m512i row[ROWS], int rows, __m512i y, int k,
                        enum entering entering)
{
    UNROLL for (int r = 0; r < ROWS; r++)
        if (r < rows)
            window[(k + r) % ROWS] = add_low(window[(k + r) % ROWS], row[r], y);
    column[k] = window[k];
    window[k] = entering == NEW ? zero() : column[k + ROWS];
    UNROLL for (int r = 0; r < ROWS; r++)
        if (r < rows)
            window[(k + 1 + r) % ROWS] = add_high(window[(k + 1 + r) % ROWS], row[r], y);
}

/* All rows times the digits [first, end) of y. */
INLINE void window_slide(__m512i *column, __m512i window[ROWS], const __m512i row[ROWS], const uint64_t *y, size_t first,
                         size_t end, enum source source, enum entering entering)
{
    for (size_t j = first; j < end; j += ROWS)
        UNROLL for (int k = 0; k < ROWS; k++)
            window_step(column + j, window, row, ROWS, digit(y, j + (size_t)k, source), k, entering);
}

/* column[0, 2 digits) = x y.  Columns up to i + digits hold sums when the rows from i > 0 on begin. */
INLINE void set_product(__m512i *column, const uint64_t *x, const uint64_t *y, size_t digits, enum source source)
{
    for (size_t r = 0; r < ROWS; r++)
        column[r] = zero();
    for (size_t i = 0; i < digits; i += ROWS) {
        const size_t held = i == 0 ? 0 : digits - ROWS;
        __m512i row[ROWS], window[ROWS];

        window_load(row, (const __m512i *)x + i);
        window_load(window, column + i);
        window_slide(column + i, window, row, y, 0, held, source, HELD);
        window_slide(column + i, window, row, y, held, digits, source, NEW);
        window_store(column + i + digits, window);
    }
}

/* column[0, 2 digits) += x y. */
INLINE void add_product(__m512i *column, const uint64_t *x, const uint64_t *y, size_t digits, enum source source)
{
    for (size_t i = 0; i < digits; i += ROWS) {
        __m512i row[ROWS], window[ROWS];

        window_load(row, (const __m512i *)x + i);
        window_load(window, column + i);
        window_slide(column + i, window, row, y, 0, digits, source, HELD);
        window_store(column + i + digits, window);
    }
}

/* column[0, 2 digits) += the products x_i x_j with i < j. */
INLINE void add_products_of_two(__m512i *column, const uint64_t *x, size_t digits)
{
    for (size_t i = 0; i < digits; i += ROWS) {
        __m512i row[ROWS], window[ROWS];

        window_load(row, (const __m512i *)x + i);
        window_load(window, column + 2 * i);
        UNROLL for (int k = 0; k < ROWS; k++)
            window_step(column + 2 * i, window, row, k, row[k], k, HELD);
        window_slide(column + i, window, row, x, i + ROWS, digits, IN_LANES, HELD);
        window_store(column + i + digits, window);
    }
}

/* column += q N with the q < 2^(RADIX ROWS) that makes the first ROWS columns vanish; their carry goes to the next. */
INLINE void reduce_rows(const struct pair_modulus *m, __m512i *column, __m512i q[ROWS])
{
    __m512i window[ROWS], carry = zero(), inverse = broadcast(m->negative_inverse);

    window_load(window, column);
    UNROLL for (int r = 0; r < ROWS; r++) {
        __m512i lowest = add(window[r], carry);

        q[r] = add_low(zero(), lowest, inverse);
        carry = carry_of(add_low(lowest, q[r], broadcast(m->n[0])));
        UNROLL for (int k = 1; k < ROWS; k++)
            window[(r + k) % ROWS] = add_low(window[(r + k) % ROWS], q[r], broadcast(m->n[k]));
        window[r] = column[r + ROWS];
        UNROLL for (int k = 0; k < ROWS; k++)
            window[(r + 1 + k) % ROWS] = add_high(window[(r + 1 + k) % ROWS], q[r], broadcast(m->n[k]));
    }
    window[0] = add(window[0], carry);
    window_slide(column, window, q, m->n, ROWS, m->digits, PLAIN, HELD);
    window_store(column + m->digits, window);
}

/* out = (c->a + c->b N) / R.  With q = -a / N mod R and t = (a + q N) / R we have a = R t - q N, so the result is
 * t + N (b - q) / R.  Instead of subtracting q we add R - 1 - q and (1 - R) mod N, digit by digit: no digit borrows.
 *
 * Products of numbers with a, b < 4N have columns a < 16 N^2 and b < 32 N^2 <= R N / 2, enter has a, b <= 2 (R - 1)(N - 1).
 * So t < 2N + N, and with b's own quotient q' < R the other half is (b + R - 1 - q + N + q' N) / R < 3N. */
static void reduce(const struct pair_modulus *m, uint64_t *out, struct columns *c)
{
    const size_t digits = m->digits;
    const __m512i mask = broadcast(((uint64_t)1 << RADIX) - 1);
    __m512i *a_out = (__m512i *)out, *b_out = a_out + digits, a = zero(), b = zero();

    for (size_t i = 0; i < digits; i += ROWS) {
        __m512i q[ROWS];

        reduce_rows(m, c->a + i, q);
        UNROLL for (size_t r = 0; r < ROWS; r++)
            c->b[i + r] = add(c->b[i + r], _mm512_sub_epi64(broadcast(m->complement[i + r]), q[r]));
        reduce_rows(m, c->b + i, q);
    }
    for (size_t i = 0; i < digits; i++) {
        a = add(c->a[digits + i], carry_of(a));
        b = add(c->b[digits + i], carry_of(b));
        a_out[i] = _mm512_and_si512(a, mask);
        b_out[i] = _mm512_and_si512(b, mask);
    }
}

/* c->a = a_x a_y,  c->b = a_x b_y + b_x a_y. */
INLINE void product_columns(struct columns *c, const uint64_t *x, const uint64_t *y, size_t digits, enum source source)
{
    const uint64_t *b_x = x + digits * LANES;
    const uint64_t *b_y = y + digits * (source == PLAIN ? 1 : LANES);

    set_product(c->a, x, y, digits, source);
    set_product(c->b, x, b_y, digits, source);
    add_product(c->b, b_x, y, digits, source);
}

static void multiply(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y)
{
    struct columns c;

    product_columns(&c, x, y, m->digits, IN_LANES);
    reduce(m, out, &c);
}

static void multiply_one(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y)
{
    struct columns c;

    product_columns(&c, x, y, m->digits, PLAIN);
    reduce(m, out, &c);
}

static void square(const struct pair_modulus *m, uint64_t *out, const uint64_t *x)
{
    const size_t digits = m->digits;
    struct columns c;

    for (size_t i = 0; i < 2 * digits; i++)
        c.a[i] = zero();
    add_products_of_two(c.a, x, digits);
    set_product(c.b, x, x + digits * LANES, digits, IN_LANES);
    for (size_t i = 0; i < digits; i++) {
        __m512i a = digit(x, i, IN_LANES);

        c.a[2 * i] = add_low(add(c.a[2 * i], c.a[2 * i]), a, a);
        c.a[2 * i + 1] = add_high(add(c.a[2 * i + 1], c.a[2 * i + 1]), a, a);
        c.b[2 * i] = add(c.b[2 * i], c.b[2 * i]);
        c.b[2 * i + 1] = add(c.b[2 * i + 1], c.b[2 * i + 1]);
    }
    reduce(m, out, &c);
}

static void accumulate(const struct pair_modulus *m, uint64_t *product, uint64_t *sum, const uint64_t *entry)
{
    const size_t digits = m->digits;
    __m512i *s = (__m512i *)sum;
    struct columns c;

    set_product(c.a, product, entry, digits, IN_LANES);
    set_product(c.b, product + digits * LANES, entry, digits, IN_LANES);
    reduce(m, product, &c);
    for (size_t i = 0; i < digits; i++)
        s[i] = add(s[i], digit(entry, digits + i, IN_LANES));
}

static void enter(const struct pair_modulus *m, uint64_t *out, const uint64_t *low, const uint64_t *high)
{
    const size_t digits = m->digits;
    struct columns c;

    set_product(c.a, low, m->low, digits, PLAIN);
    add_product(c.a, high, m->high, digits, PLAIN);
    set_product(c.b, low, m->low + digits, digits, PLAIN);
    add_product(c.b, high, m->high + digits, digits, PLAIN);
    reduce(m, out, &c);
}

static void leave(const struct pair_modulus *m, uint64_t *out, const uint64_t *x)
{
    const size_t digits = m->digits;
    struct columns c;

    for (size_t i = 0; i < digits; i++) {
        c.a[i] = digit(x, i, IN_LANES);
        c.b[i] = digit(x, digits + i, IN_LANES);
        c.a[digits + i] = c.b[digits + i] = zero();
    }
    reduce(m, out, &c);
}

/* Both 4 x 4 halves of x: word i of half h goes to where word h of half i was. */
INLINE void transpose(__m512i x[LOAD_WORDS])
{
    const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const __m512i odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    __m512i p = _mm512_unpacklo_epi64(x[0], x[1]), q = _mm512_unpacklo_epi64(x[2], x[3]);
    __m512i r = _mm512_unpackhi_epi64(x[0], x[1]), s = _mm512_unpackhi_epi64(x[2], x[3]);

    x[0] = _mm512_permutex2var_epi64(p, even, q);
    x[1] = _mm512_permutex2var_epi64(r, even, s);
    x[2] = _mm512_permutex2var_epi64(p, odd, q);
    x[3] = _mm512_permutex2var_epi64(r, odd, s);
}

static void load(const struct pair_modulus *m, uint64_t *out, const uint64_t *const *x)
{
    for (size_t i = 0; i < pair_words(m); i += LOAD_WORDS) {
        __m512i t[LOAD_WORDS];

        UNROLL for (size_t l = 0; l < LOAD_WORDS; l++) {
            __m256i low = _mm256_loadu_si256((const __m256i *)(x[l] + i));
            __m256i high = _mm256_loadu_si256((const __m256i *)(x[l + LANES / 2] + i));

            t[l] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
        }
        transpose(t);
        UNROLL for (size_t k = 0; k < LOAD_WORDS; k++)
            _mm512_store_si512(out + (i + k) * LANES, t[k]);
    }
}

static void store(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *x)
{
    for (size_t i = 0; i < pair_words(m); i += LOAD_WORDS) {
        __m512i t[LOAD_WORDS];

        UNROLL for (size_t k = 0; k < LOAD_WORDS; k++)
            t[k] = digit(x, i + k, IN_LANES);
        transpose(t);
        UNROLL for (size_t l = 0; l < LOAD_WORDS; l++) {
            _mm256_storeu_si256((__m256i *)(out[l] + i), _mm512_castsi512_si256(t[l]));
            _mm256_storeu_si256((__m256i *)(out[l + LANES / 2] + i), _mm512_extracti64x4_epi64(t[l], 1));
        }
    }
}

/* The indices of one vector. */
struct choice {
    __m512i at;
    __mmask8 upper[4];
};

INLINE struct choice choice_of(const uint8_t *index)
{
    struct choice c = {.at = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)index))};

    UNROLL for (int b = 0; b < 4; b++)
        c.upper[b] = _mm512_test_epi64_mask(c.at, broadcast((uint64_t)2 * LANES << b));
    return c;
}

/* Every lane takes its entry among each sixteen by a permutation, then the bits of its index above those choose between
 * halves of what is left.  groups is a power of two.  Vectors share what is read of the table. */
INLINE void select_among(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, int groups, const uint8_t *index,
                         int vectors)
{
    struct choice c[SHARING];

    UNROLL for (int v = 0; v < vectors; v++)
        c[v] = choice_of(index + v * LANES);
    for (size_t i = 0; i < pair_words(m); i++, table += groups * 2 * LANES) {
        __m512i found[SHARING][16];

        UNROLL for (int g = 0; g < groups; g++) {
            const __m512i x = _mm512_loadu_si512(table + g * 2 * LANES), y = _mm512_loadu_si512(table + g * 2 * LANES + LANES);

            UNROLL for (int v = 0; v < vectors; v++)
                found[v][g] = _mm512_permutex2var_epi64(x, c[v].at, y);
        }
        UNROLL for (int v = 0; v < vectors; v++) {
            UNROLL for (int b = 0; b < 4; b++)
                UNROLL for (int g = 0; g < 8; g++)
                    if (g < groups >> (b + 1))
                        found[v][g] = _mm512_mask_blend_epi64(c[v].upper[b], found[v][2 * g], found[v][2 * g + 1]);
            _mm512_store_si512(out + v * PAIR_LANE_WORDS_MAX + i * LANES, found[v][0]);
        }
    }
}

/* The same for fewer than sixteen entries and one vector. */
static void select_of_few(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, uint32_t window,
                          const uint8_t *index)
{
    const size_t entries = (size_t)1 << window;
    const __mmask8 there = (__mmask8)((1u << entries) - 1);
    const __m512i at = choice_of(index).at;

    for (size_t i = 0; i < pair_words(m); i++, table += entries)
        _mm512_store_si512(out + i * LANES, _mm512_permutexvar_epi64(at, _mm512_maskz_loadu_epi64(there, table)));
}

INLINE void select_by_window(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, uint32_t window,
                             const uint8_t *index, int vectors)
{
    switch (window) {
    case 4: select_among(m, out, table, 1, index, vectors); break;
    case 5: select_among(m, out, table, 2, index, vectors); break;
    case 6: select_among(m, out, table, 4, index, vectors); break;
    case 7: select_among(m, out, table, 8, index, vectors); break;
    case 8: select_among(m, out, table, 16, index, vectors); break;
    default:
        for (int v = 0; v < vectors; v++)
            select_of_few(m, out + v * PAIR_LANE_WORDS_MAX, table, window, index + v * LANES);
    }
}

static void select_entries(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, uint32_t window,
                           const uint8_t *index, size_t vectors)
{
    for (; vectors >= SHARING; vectors -= SHARING) {
        select_by_window(m, out, table, window, index, SHARING);
        out += SHARING * PAIR_LANE_WORDS_MAX;
        index += SHARING * LANES;
    }
    for (; vectors; vectors--) {
        select_by_window(m, out, table, window, index, 1);
        out += PAIR_LANE_WORDS_MAX;
        index += LANES;
    }
}

/* Whole vectors are kept or not by a mask; all are read. */
static void pick(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, size_t stride, uint32_t entries,
                 uint32_t index)
{
    enum { BLOCK = 4 };

    for (size_t i = 0; i < pair_words(m); i += BLOCK) {
        __m512i found[BLOCK] = {zero(), zero(), zero(), zero()};

        for (uint32_t k = 0; k < entries; k++) {
            const __mmask8 here = _mm512_cmpeq_epi64_mask(broadcast(k), broadcast(index));

            UNROLL for (size_t b = 0; b < BLOCK; b++)
                found[b] = _mm512_mask_mov_epi64(found[b], here, _mm512_load_si512(table + k * stride + (i + b) * LANES));
        }
        UNROLL for (size_t b = 0; b < BLOCK; b++)
            _mm512_store_si512(out + (i + b) * LANES, found[b]);
    }
}

const struct pair_tier pair_tier_ifma = {
    .name = "ifma",
    .lanes = LANES,
    .radix_bits = RADIX,
    .digit_multiple = ROWS,
    .available = cpu_has_ifma,
    .load = load,
    .store = store,
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
