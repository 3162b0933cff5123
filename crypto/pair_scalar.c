/* Pair arithmetic on GMP's limbs, one number at a time: for processors without the vector units, and the reference of the
 * other tiers.  Only functions of GMP whose time depends on sizes alone, but for multiply_var. */
#include "crypto/pair_tier.h"

#include <string.h>

enum {
    LIMBS_MAX = PAIR_BITS_MAX / GMP_NUMB_BITS + 1,
    KARATSUBA_FROM = 26, /* limbs; GMP's own product of such lengths branches on its operands */
};

_Static_assert(GMP_NUMB_BITS == 64, "a digit of this tier is a limb of 64 bits");

/* A product on its way through the reduction. */
struct wide {
    mp_limb_t t[2 * LIMBS_MAX], u[2 * LIMBS_MAX], scratch[2 * LIMBS_MAX];
};

/* d = |x0 - x1|, h limbs, where x1 has n - h and follows x0; all ones when x0 < x1, else 0. */
static mp_limb_t difference(mp_limb_t *d, const mp_limb_t *x, mp_size_t n, mp_size_t h)
{
    mp_limb_t upper[LIMBS_MAX] = {0}, scratch[LIMBS_MAX], borrow;

    memcpy(upper, x + h, (size_t)(n - h) * sizeof *upper);
    borrow = mpn_sub_n(d, x, upper, h);
    for (mp_size_t i = 0; i < h; i++)
        d[i] ^= 0 - borrow;
    mpn_sec_add_1(d, d, h, borrow, scratch);
    return 0 - borrow;
}

/* t = x y, 2n limbs.  Karatsuba: x0 y1 + x1 y0 = x0 y0 + x1 y1 - (x0 - x1)(y0 - y1). */
static void multiply_limbs(mp_limb_t *t, const mp_limb_t *x, const mp_limb_t *y, mp_size_t n, mp_limb_t *scratch)
{
    const mp_size_t h = (n + 1) / 2, l = n - h;
    mp_limb_t dx[LIMBS_MAX], dy[LIMBS_MAX], product[LIMBS_MAX + 2], middle[LIMBS_MAX + 2] = {0}, minus;

    if (n < KARATSUBA_FROM) {
        mpn_sec_mul(t, x, n, y, n, scratch);
        return;
    }
    multiply_limbs(t, x, y, h, scratch);
    multiply_limbs(t + 2 * h, x + h, y + h, l, scratch);
    minus = ~(difference(dx, x, n, h) ^ difference(dy, y, n, h));
    multiply_limbs(product, dx, dy, h, scratch);
    memcpy(middle, t + 2 * h, (size_t)(2 * l) * sizeof *middle);
    middle[2 * h] = mpn_add_n(middle, middle, t, 2 * h);
    product[2 * h] = 0;
    for (mp_size_t i = 0; i <= 2 * h; i++) /* plus the product, or in two's complement minus it */
        product[i] ^= minus;
    mpn_add_n(middle, middle, product, 2 * h + 1);
    mpn_sec_add_1(middle, middle, 2 * h + 1, minus & 1, scratch);
    minus = mpn_add_n(t + h, t + h, middle, 2 * h + 1);
    mpn_sec_add_1(t + 3 * h + 1, t + 3 * h + 1, 2 * n - 3 * h - 1, minus, scratch);
}

/* out = (t + carry R + q N) / R with the quotient q = -t / N mod R.  t < R^2 / 2, carry small.  N has n or n - 1 limbs; above
 * is what the rows so far carry to the limb above them. */
static void reduce(const struct pair_modulus *m, mp_limb_t *out, mp_limb_t *t, mp_limb_t carry, mp_limb_t *q)
{
    const mp_size_t n = m->digits, limbs = (m->bits + GMP_NUMB_BITS - 1) / GMP_NUMB_BITS;
    mp_limb_t above = 0;

    for (mp_size_t i = 0; i < n; i++) {
        mp_limb_t upper, sum;

        q[i] = t[i] * m->negative_inverse;
        upper = mpn_addmul_1(t + i, m->n, limbs, q[i]);
        if (i == n - limbs)
            above += carry;
        sum = t[i + limbs] + upper;
        t[i + limbs] = sum + above;
        above = (mp_limb_t)(sum < upper) + (mp_limb_t)(t[i + limbs] < above);
    }
    if (limbs < n)
        t[2 * n - 1] += above;
    memcpy(out, t + n, (size_t)n * sizeof *out);
}

/* The end of every function here: with t = R a' - q N,  t + u N = R (a' + b' N)  mod N^2  for  b' = (u - q) / R mod N.
 * u - q is made positive by adding R - 1 - q and the stored (1 - R) mod N instead of -q.
 * a' < 3N for t < 2 R N;  b' < 2N + 2 for u <= R N. */
static void finish(const struct pair_modulus *m, uint64_t *out, struct wide *w)
{
    const mp_size_t n = m->digits;
    mp_limb_t q[LIMBS_MAX], carry;

    reduce(m, out, w->t, 0, q);
    for (mp_size_t i = 0; i < n; i++)
        q[i] = ~q[i];
    carry = mpn_add_n(w->u, w->u, q, n);
    carry += mpn_add_n(w->u, w->u, m->complement, n);
    reduce(m, out + n, w->u, carry, q);
}

static int available(void)
{
    return 1;
}

static void load(const struct pair_modulus *m, uint64_t *out, const uint64_t *const *x)
{
    memcpy(out, x[0], pair_words(m) * sizeof *out);
}

static void store(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *x)
{
    memcpy(out[0], x, pair_words(m) * sizeof *x);
}

static void multiply(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y)
{
    const mp_size_t n = m->digits;
    struct wide w;

    multiply_limbs(w.u, x, y + n, n, w.scratch);
    multiply_limbs(w.t, x + n, y, n, w.scratch);
    mpn_add_n(w.u, w.u, w.t, 2 * n); /* 2 (4N)^2 <= R N / 2 */
    multiply_limbs(w.t, x, y, n, w.scratch);
    finish(m, out, &w);
}

static void multiply_var(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y)
{
    const mp_size_t n = m->digits;
    struct wide w;

    mpn_mul_n(w.u, x, y + n, n);
    mpn_mul_n(w.t, x + n, y, n);
    mpn_add_n(w.u, w.u, w.t, 2 * n);
    mpn_mul_n(w.t, x, y, n);
    finish(m, out, &w);
}

static void square(const struct pair_modulus *m, uint64_t *out, const uint64_t *x)
{
    const mp_size_t n = m->digits;
    struct wide w;

    multiply_limbs(w.u, x, x + n, n, w.scratch);
    mpn_lshift(w.u, w.u, 2 * n, 1);
    mpn_sec_sqr(w.t, x, n, w.scratch);
    finish(m, out, &w);
}

static void accumulate(const struct pair_modulus *m, uint64_t *product, uint64_t *sum, const uint64_t *entry)
{
    const mp_size_t n = m->digits;
    struct wide w;

    multiply_limbs(w.u, product + n, entry, n, w.scratch);
    multiply_limbs(w.t, product, entry, n, w.scratch);
    finish(m, product, &w);
    mpn_add_n(sum, sum, entry + n, n);
}

static void enter(const struct pair_modulus *m, uint64_t *out, const uint64_t *low, const uint64_t *high)
{
    const mp_size_t n = m->digits;
    struct wide w;
    mp_limb_t *part = w.scratch;
    mp_limb_t scratch[2 * LIMBS_MAX];

    multiply_limbs(w.t, low, m->low, n, scratch);
    multiply_limbs(part, high, m->high, n, scratch);
    mpn_add_n(w.t, w.t, part, 2 * n); /* < 2 R N */
    multiply_limbs(w.u, low, m->low + n, n, scratch);
    multiply_limbs(part, high, m->high + n, n, scratch);
    mpn_add_n(w.u, w.u, part, 2 * n);
    finish(m, out, &w);
}

static void leave(const struct pair_modulus *m, uint64_t *out, const uint64_t *x)
{
    const size_t n = m->digits;
    struct wide w;

    memset(&w, 0, sizeof w);
    memcpy(w.t, x, n * sizeof *x);
    memcpy(w.u, x + n, n * sizeof *x);
    finish(m, out, &w);
}

/* All ones when k is the index, else zero.  Opaque: clang makes a branch of the mask it sees through. */
static uint64_t mask_of(uint32_t k, uint32_t index)
{
    uint64_t mask = 0 - (((uint64_t)(k ^ index) - 1) >> 63);

    __asm__("" : "+r"(mask));
    return mask;
}

static void select_entries(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, uint32_t window,
                           const uint8_t *index, size_t vectors)
{
    const uint32_t entries = 1u << window;

    for (size_t v = 0; v < vectors; v++)
        for (size_t i = 0; i < pair_words(m); i++) {
            uint64_t word = 0;

            for (uint32_t k = 0; k < entries; k++)
                word |= table[(i << window) + k] & mask_of(k, index[v]);
            out[v * PAIR_LANE_WORDS_MAX + i] = word;
        }
}

static void pick(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, size_t stride, uint32_t entries,
                 uint32_t index)
{
    memset(out, 0, pair_words(m) * sizeof *out);
    for (uint32_t k = 0; k < entries; k++) {
        const uint64_t mask = mask_of(k, index);

        for (size_t i = 0; i < pair_words(m); i++)
            out[i] |= table[k * stride + i] & mask;
    }
}

const struct pair_tier pair_tier_scalar = {
    .name = "scalar",
    .lanes = 1,
    .radix_bits = 64,
    .digit_multiple = 1,
    .available = available,
    .load = load,
    .store = store,
    .multiply = multiply,
    .square = square,
    .multiply_var = multiply_var,
    .multiply_one_var = multiply_var,
    .accumulate = accumulate,
    .enter = enter,
    .leave = leave,
    .select = select_entries,
    .pick = pick,
};
