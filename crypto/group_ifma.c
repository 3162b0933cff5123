/* ristretto255, RFC 9496, on eight points at a time: every vector holds a word of each of the eight.
 *
 * Field elements have five words of radix 2^51.  Every function takes and gives words below 2^51 + 2^16, so that a word
 * fits the 52 bits that the processor multiplies; only the sums written out with `carried` are larger on their way.
 * Point formulas: Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited", for a = -1; they are complete. */
#if defined(__x86_64__)

#include "crypto/group_lanes.h"

#include <immintrin.h>
#include <sodium.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

enum { LIMBS = 5, RADIX = 51, WINDOW = 4, WINDOWS = 64, TABLE = 1 << (WINDOW - 1) };

typedef __mmask8 lanes; /* a bit for each of the eight */

#define ALL ((lanes)0xff)

struct field { __m512i word[LIMBS]; };

/* x / z, y / z, t = x y / z. */
struct point { struct field x, y, z, t; };

/* What is added to a point: y + x, y - x, 2 z, 2 d t. */
struct addend { struct field plus, minus, z2, t2d; };

struct constant { uint64_t word[LIMBS]; };

static const struct constant
    one = {{1}},
    d = {{0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff}},
    twice_d = {{0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff}},
    sqrt_m1 = {{0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d}},
    sqrt_ad_minus_one = {{0x7f6a0497b2e1b, 0x1836f0a97afd2, 0x7d747f6be7638, 0x456079e7e6498, 0x376931bf2b834}},
    invsqrt_a_minus_d = {{0x0fdaa805d40ea, 0x2eb482e57d339, 0x007610274bc58, 0x6510b613dc8ff, 0x786c8905cfaff}},
    one_minus_d_sq = {{0x409c1945fc176, 0x719abc6a1fc4f, 0x1c37f90b20684, 0x06bccca55eedf, 0x029072a8b2b3e}},
    d_minus_one_sq = {{0x55aaa44ed4d20, 0x59603c3332635, 0x26d3baf4a7928, 0x120a66e6997a9, 0x5968b37af66c2}};

/* ---- the field ---- */

INLINE __m512i broadcast(uint64_t x) { return _mm512_set1_epi64((long long)x); }
INLINE __m512i plus(__m512i x, __m512i y) { return _mm512_add_epi64(x, y); }
INLINE __m512i low_bits(__m512i x) { return _mm512_and_si512(x, broadcast(((uint64_t)1 << RADIX) - 1)); }
INLINE __m512i high_bits(__m512i x) { return _mm512_srli_epi64(x, RADIX); }

/* Words below 2^62 to words below 2^51 + 2^16, as 2^255 = 19. */
INLINE void carried(struct field *out, const __m512i word[LIMBS])
{
    __m512i carry[LIMBS];

    UNROLL for (int i = 0; i < LIMBS; i++)
        carry[i] = high_bits(word[i]);
    out->word[0] = _mm512_madd52lo_epu64(low_bits(word[0]), carry[LIMBS - 1], broadcast(19));
    UNROLL for (int i = 1; i < LIMBS; i++)
        out->word[i] = plus(low_bits(word[i]), carry[i - 1]);
}

/* Columns 0 to 9 of weight 2^(51 i), each below 2^57. */
INLINE void folded(struct field *out, const __m512i column[2 * LIMBS])
{
    __m512i word[LIMBS];

    UNROLL for (int i = 0; i < LIMBS; i++)
        word[i] = plus(column[i], _mm512_mullo_epi64(column[i + LIMBS], broadcast(19)));
    carried(out, word);
}

static void set(struct field *out, const struct constant *c)
{
    for (int i = 0; i < LIMBS; i++)
        out->word[i] = broadcast(c->word[i]);
}

/* The high half of a product, from bit 52 on, counts twice in the next column. */
static void multiply(struct field *out, const struct field *a, const struct field *b)
{
    __m512i low[2 * LIMBS], high[2 * LIMBS];

    UNROLL for (int i = 0; i < 2 * LIMBS; i++)
        low[i] = high[i] = _mm512_setzero_si512();
    UNROLL for (int i = 0; i < LIMBS; i++)
        UNROLL for (int j = 0; j < LIMBS; j++) {
            low[i + j] = _mm512_madd52lo_epu64(low[i + j], a->word[i], b->word[j]);
            high[i + j + 1] = _mm512_madd52hi_epu64(high[i + j + 1], a->word[i], b->word[j]);
        }
    UNROLL for (int i = 0; i < 2 * LIMBS; i++)
        low[i] = plus(low[i], plus(high[i], high[i]));
    folded(out, low);
}

static void square(struct field *out, const struct field *a)
{
    __m512i once[2 * LIMBS], twice[2 * LIMBS], four[2 * LIMBS];

    UNROLL for (int i = 0; i < 2 * LIMBS; i++)
        once[i] = twice[i] = four[i] = _mm512_setzero_si512();
    UNROLL for (int i = 0; i < LIMBS; i++) {
        once[2 * i] = _mm512_madd52lo_epu64(once[2 * i], a->word[i], a->word[i]);
        twice[2 * i + 1] = _mm512_madd52hi_epu64(twice[2 * i + 1], a->word[i], a->word[i]);
        UNROLL for (int j = i + 1; j < LIMBS; j++) {
            twice[i + j] = _mm512_madd52lo_epu64(twice[i + j], a->word[i], a->word[j]);
            four[i + j + 1] = _mm512_madd52hi_epu64(four[i + j + 1], a->word[i], a->word[j]);
        }
    }
    UNROLL for (int i = 0; i < 2 * LIMBS; i++) {
        twice[i] = plus(twice[i], plus(four[i], four[i]));
        once[i] = plus(once[i], plus(twice[i], twice[i]));
    }
    folded(out, once);
}

INLINE void add(struct field *out, const struct field *a, const struct field *b)
{
    __m512i word[LIMBS];

    UNROLL for (int i = 0; i < LIMBS; i++)
        word[i] = plus(a->word[i], b->word[i]);
    carried(out, word);
}

INLINE void subtract(struct field *out, const struct field *a, const struct field *b)
{
    __m512i word[LIMBS];

    UNROLL for (int i = 0; i < LIMBS; i++) /* 4p + a - b, word by word */
        word[i] = plus(a->word[i], _mm512_sub_epi64(broadcast(((uint64_t)1 << (RADIX + 2)) - (i ? 4 : 4 * 19)), b->word[i]));
    carried(out, word);
}

/* Where the lane is chosen: out = a. */
INLINE void choose(struct field *out, lanes chosen, const struct field *a)
{
    UNROLL for (int i = 0; i < LIMBS; i++)
        out->word[i] = _mm512_mask_mov_epi64(out->word[i], chosen, a->word[i]);
}

INLINE void negate(struct field *out, lanes chosen)
{
    const struct field zero = {0};
    struct field negative;

    subtract(&negative, &zero, out);
    choose(out, chosen, &negative);
}

/* The words of the value below p. */
static void freeze(struct field *a)
{
    __m512i carry = broadcast(19);

    for (int i = 0; i < LIMBS; i++) /* 1 when a >= p: a + 19 reaches 2^255 */
        carry = high_bits(plus(a->word[i], carry));
    carry = _mm512_mullo_epi64(carry, broadcast(19));
    for (int i = 0; i < LIMBS; i++) {
        const __m512i word = plus(a->word[i], carry);

        a->word[i] = low_bits(word);
        carry = high_bits(word);
    }
}

static lanes is_zero(struct field a)
{
    __m512i any;

    freeze(&a);
    any = a.word[0];
    for (int i = 1; i < LIMBS; i++)
        any = _mm512_or_si512(any, a.word[i]);
    return _mm512_testn_epi64_mask(any, any);
}

static lanes is_equal(const struct field *a, const struct field *b)
{
    struct field difference;

    subtract(&difference, a, b);
    return is_zero(difference);
}

static lanes is_negative(struct field a)
{
    freeze(&a);
    return _mm512_test_epi64_mask(a.word[0], broadcast(1));
}

static void absolute(struct field *a)
{
    negate(a, is_negative(*a));
}

static void multiply_constant(struct field *out, const struct field *a, const struct constant *c)
{
    struct field b;

    set(&b, c);
    multiply(out, a, &b);
}

/* a^(2^squarings) b */
static void step(struct field *out, const struct field *a, int squarings, const struct field *b)
{
    struct field t = *a;

    for (int i = 0; i < squarings; i++)
        square(&t, &t);
    multiply(out, &t, b);
}

/* a^((p - 5) / 8); named by the ones of the exponent */
static void power(struct field *out, const struct field *a)
{
    struct field t, nine, x5, x10, x20, x50, x100;

    square(&t, a);
    step(&nine, &t, 2, a);
    multiply(&t, &t, &nine);
    step(&x5, &t, 1, &nine);
    step(&x10, &x5, 5, &x5);
    step(&x20, &x10, 10, &x10);
    step(&t, &x20, 20, &x20);
    step(&x50, &t, 10, &x10);
    step(&x100, &x50, 50, &x50);
    step(&t, &x100, 100, &x100);
    step(&t, &t, 50, &x50);
    step(out, &t, 2, a);
}

/* The root of u / v, or of sqrt(-1) u / v, that is not negative; which lanes have the former.  [RFC 9496 4.2] */
static lanes root_of_ratio(struct field *out, const struct field *u, const struct field *v)
{
    const struct field zero = {0};
    struct field v3, v7, r, check, minus_u, minus_u_i, r_i;
    lanes right, flipped, flipped_i;

    square(&v3, v);
    multiply(&v3, &v3, v);
    square(&v7, &v3);
    multiply(&v7, &v7, v);
    multiply(&r, u, &v7);
    power(&r, &r);
    multiply(&r, &r, &v3);
    multiply(&r, &r, u);

    square(&check, &r);
    multiply(&check, &check, v);
    subtract(&minus_u, &zero, u);
    multiply_constant(&minus_u_i, &minus_u, &sqrt_m1);
    right = is_equal(&check, u);
    flipped = is_equal(&check, &minus_u);
    flipped_i = is_equal(&check, &minus_u_i);
    multiply_constant(&r_i, &r, &sqrt_m1);
    choose(&r, flipped | flipped_i, &r_i);
    absolute(&r);
    *out = r;
    return right | flipped;
}

/* ---- points ---- */

/* Only an addition and an encoding read t. */
static void finish(struct point *out, const struct field *e, const struct field *f, const struct field *g,
                   const struct field *h, int with_t)
{
    multiply(&out->x, e, f);
    multiply(&out->y, g, h);
    multiply(&out->z, f, g);
    if (with_t)
        multiply(&out->t, e, h);
}

static void twice(struct point *out, const struct point *p, int with_t)
{
    struct field a, b, c, e, f, g, h;

    square(&a, &p->x);
    square(&b, &p->y);
    square(&c, &p->z);
    add(&c, &c, &c);
    add(&e, &p->x, &p->y);
    square(&e, &e);
    add(&h, &a, &b);
    subtract(&e, &h, &e);
    subtract(&g, &a, &b);
    add(&f, &c, &g);
    finish(out, &e, &f, &g, &h, with_t);
}

static void plus_addend(struct point *out, const struct point *p, const struct addend *q, int with_t)
{
    struct field a, b, c, dd, e, f, g, h;

    subtract(&a, &p->y, &p->x);
    multiply(&a, &a, &q->minus);
    add(&b, &p->y, &p->x);
    multiply(&b, &b, &q->plus);
    multiply(&c, &p->t, &q->t2d);
    multiply(&dd, &p->z, &q->z2);
    subtract(&e, &b, &a);
    subtract(&f, &dd, &c);
    add(&g, &dd, &c);
    add(&h, &b, &a);
    finish(out, &e, &f, &g, &h, with_t);
}

static void addend_of(struct addend *out, const struct point *p)
{
    add(&out->plus, &p->y, &p->x);
    subtract(&out->minus, &p->y, &p->x);
    add(&out->z2, &p->z, &p->z);
    multiply_constant(&out->t2d, &p->t, &twice_d);
}

/* Entry |digit| of the table of 0 to 8 times a point, negated when digit < 0.  Reads the whole table. */
static void look_up(struct addend *out, const struct addend table[TABLE], int digit)
{
    const struct field zero = {0};
    const uint32_t negative = (uint32_t)digit >> 31, size = ((uint32_t)digit ^ (0 - negative)) + negative;
    const lanes minus = (lanes)(0 - negative);
    struct field swapped, t2d;

    set(&out->plus, &one);
    set(&out->minus, &one);
    add(&out->z2, &out->plus, &out->minus);
    out->t2d = zero;
    for (uint32_t i = 0; i < TABLE; i++) {
        const lanes here = (lanes)(0 - (((size ^ (i + 1)) - 1) >> 31));

        choose(&out->plus, here, &table[i].plus);
        choose(&out->minus, here, &table[i].minus);
        choose(&out->z2, here, &table[i].z2);
        choose(&out->t2d, here, &table[i].t2d);
    }
    swapped = out->plus;
    choose(&out->plus, minus, &out->minus);
    choose(&out->minus, minus, &swapped);
    subtract(&t2d, &zero, &out->t2d);
    choose(&out->t2d, minus, &t2d);
}

/* s = sum of digit[i] 16^i, each from -8 to 8. */
static void signed_digits(int8_t digit[WINDOWS], const struct group_scalar *s)
{
    int carry = 0;

    for (int i = 0; i < WINDOWS; i++) {
        const int here = ((s->bytes[i / 2] >> (i % 2 * WINDOW)) & 15) + carry;

        carry = i + 1 < WINDOWS ? (here + 8) >> WINDOW : 0;
        digit[i] = (int8_t)(here - carry * (1 << WINDOW));
    }
}

/* s p; s is below the order, so below 2^253 */
static void scale(struct point *out, const struct group_scalar *s, const struct point *p)
{
    struct addend table[TABLE], q;
    struct point multiple = *p;
    int8_t digit[WINDOWS];

    addend_of(&table[0], p);
    for (int i = 1; i < TABLE; i++) {
        plus_addend(&multiple, &multiple, &table[0], 1);
        addend_of(&table[i], &multiple);
    }
    signed_digits(digit, s);
    memset(out, 0, sizeof *out);
    set(&out->y, &one);
    set(&out->z, &one);
    for (int i = WINDOWS - 1; i >= 0; i--) {
        for (int k = 0; k < WINDOW && i < WINDOWS - 1; k++)
            twice(out, out, k == WINDOW - 1);
        look_up(&q, table, digit[i]);
        plus_addend(out, out, &q, i == 0);
    }
    sodium_memzero(digit, sizeof digit);
    sodium_memzero(&q, sizeof q);
}

/* ---- encodings ---- */

/* 32 bytes of each lane, stride bytes apart; the top bits are left out. */
static void load(struct field *out, const uint8_t *bytes, size_t stride)
{
    uint64_t word[LIMBS][GROUP_LANES] __attribute__((aligned(64)));

    for (int l = 0; l < GROUP_LANES; l++) {
        uint64_t w[4];

        memcpy(w, bytes + (size_t)l * stride, sizeof w);
        word[0][l] = w[0];
        word[1][l] = w[0] >> 51 | w[1] << 13;
        word[2][l] = w[1] >> 38 | w[2] << 26;
        word[3][l] = w[2] >> 25 | w[3] << 39;
        word[4][l] = w[3] >> 12;
    }
    for (int i = 0; i < LIMBS; i++)
        out->word[i] = low_bits(_mm512_load_si512(word[i]));
}

/* of a frozen element */
static void store(struct group_element out[GROUP_LANES], const struct field *a)
{
    uint64_t word[LIMBS][GROUP_LANES] __attribute__((aligned(64)));

    for (int i = 0; i < LIMBS; i++)
        _mm512_store_si512(word[i], a->word[i]);
    for (int l = 0; l < GROUP_LANES; l++) {
        const uint64_t w[4] = {word[0][l] | word[1][l] << 51, word[1][l] >> 13 | word[2][l] << 38,
                               word[2][l] >> 26 | word[3][l] << 25, word[3][l] >> 39 | word[4][l] << 12};

        memcpy(out[l].bytes, w, sizeof w);
    }
}

/* The lanes that hold the one encoding of an element.  [RFC 9496 4.3.1] */
static lanes decode(struct point *out, const struct group_element in[GROUP_LANES])
{
    struct field s, s2, u1, u2, u2_2, v, root, den_x, den_y, canonical, unit;
    struct group_element again[GROUP_LANES];
    lanes good;

    load(&s, in->bytes, sizeof *in);
    canonical = s;
    freeze(&canonical);
    store(again, &canonical);
    good = memcmp(again, in, sizeof again) == 0 ? ALL : 0; /* public: whose lane it is does not matter */
    good &= (lanes)~is_negative(s);

    set(&unit, &one);
    square(&s2, &s);
    subtract(&u1, &unit, &s2);
    add(&u2, &unit, &s2);
    square(&u2_2, &u2);
    square(&v, &u1);
    multiply_constant(&v, &v, &d);
    add(&v, &v, &u2_2);
    negate(&v, ALL);
    multiply(&root, &v, &u2_2);
    good &= root_of_ratio(&root, &unit, &root);
    multiply(&den_x, &root, &u2);
    multiply(&den_y, &root, &den_x);
    multiply(&den_y, &den_y, &v);
    add(&out->x, &s, &s);
    multiply(&out->x, &out->x, &den_x);
    absolute(&out->x);
    multiply(&out->y, &u1, &den_y);
    set(&out->z, &one);
    multiply(&out->t, &out->x, &out->y);
    return good & (lanes)~is_negative(out->t) & (lanes)~is_zero(out->y);
}

/* The lanes that do not hold the identity.  [RFC 9496 4.3.2] */
static lanes encode(struct group_element out[GROUP_LANES], const struct point *p)
{
    struct field u1, u2, root, den1, den2, z_inverse, x, y, t;
    lanes rotated;

    add(&u1, &p->z, &p->y);
    subtract(&t, &p->z, &p->y);
    multiply(&u1, &u1, &t);
    multiply(&u2, &p->x, &p->y);
    square(&t, &u2);
    multiply(&t, &t, &u1);
    set(&root, &one);
    (void)root_of_ratio(&root, &root, &t);
    multiply(&den1, &root, &u1);
    multiply(&den2, &root, &u2);
    multiply(&z_inverse, &den1, &den2);
    multiply(&z_inverse, &z_inverse, &p->t);
    multiply(&t, &p->t, &z_inverse);
    rotated = is_negative(t);
    multiply_constant(&t, &p->y, &sqrt_m1);
    x = p->x;
    choose(&x, rotated, &t);
    multiply_constant(&t, &p->x, &sqrt_m1);
    y = p->y;
    choose(&y, rotated, &t);
    multiply_constant(&t, &den1, &invsqrt_a_minus_d);
    choose(&den2, rotated, &t);
    multiply(&t, &x, &z_inverse);
    negate(&y, is_negative(t));
    subtract(&t, &p->z, &y);
    multiply(&t, &t, &den2);
    absolute(&t);
    freeze(&t);
    store(out, &t);
    return (lanes)~is_zero(t);
}

/* [RFC 9496 4.3.4, MAP] */
static void map(struct point *out, const uint8_t *bytes, size_t stride)
{
    struct field t, r, u, v, s, s2, c, n, w0, w1, w2, w3, unit;
    lanes was_square;

    set(&unit, &one);
    load(&t, bytes, stride);
    square(&r, &t);
    multiply_constant(&r, &r, &sqrt_m1);
    add(&u, &r, &unit);
    multiply_constant(&u, &u, &one_minus_d_sq);
    multiply_constant(&v, &r, &d);
    add(&v, &v, &unit);
    negate(&v, ALL);
    set(&c, &d);
    add(&c, &c, &r);
    multiply(&v, &v, &c);
    was_square = root_of_ratio(&s, &u, &v);
    multiply(&s2, &s, &t);
    absolute(&s2);
    negate(&s2, ALL);
    choose(&s, (lanes)~was_square, &s2);
    c = unit;
    negate(&c, ALL);
    choose(&c, (lanes)~was_square, &r);
    subtract(&n, &r, &unit);
    multiply(&n, &n, &c);
    multiply_constant(&n, &n, &d_minus_one_sq);
    subtract(&n, &n, &v);
    multiply(&w0, &s, &v);
    add(&w0, &w0, &w0);
    multiply_constant(&w1, &n, &sqrt_ad_minus_one);
    square(&s2, &s);
    subtract(&w2, &unit, &s2);
    add(&w3, &unit, &s2);
    multiply(&out->x, &w0, &w3);
    multiply(&out->y, &w2, &w1);
    multiply(&out->z, &w1, &w3);
    multiply(&out->t, &w0, &w2);
}

/* ---- the face ---- */

int group_lanes_check(const struct group_element in[GROUP_LANES])
{
    struct field s;
    struct point p;

    load(&s, in->bytes, sizeof *in);
    return (decode(&p, in) & (lanes)~is_zero(s)) == ALL;
}

int group_lanes_scale(struct group_element out[GROUP_LANES], const struct group_scalar *s,
                      const struct group_element in[GROUP_LANES])
{
    struct point p, product;
    const lanes good = decode(&p, in);

    scale(&product, s, &p);
    return (good & encode(out, &product)) == ALL;
}

int group_lanes_map_scale(struct group_element out[GROUP_LANES], const struct group_scalar *s,
                          const uint8_t wide[GROUP_LANES][GROUP_WIDE_BYTES])
{
    struct point p, product;
    struct addend q;

    map(&p, wide[0], GROUP_WIDE_BYTES);
    map(&product, wide[0] + GROUP_WIDE_BYTES / 2, GROUP_WIDE_BYTES);
    addend_of(&q, &product);
    plus_addend(&p, &p, &q, 1);
    scale(&product, s, &p);
    return encode(out, &product) == ALL;
}

#else /* the tier that asks for these is not there */

#include "crypto/group_lanes.h"

int group_lanes_check(const struct group_element in[GROUP_LANES])
{
    (void)in;
    return 0;
}

int group_lanes_scale(struct group_element out[GROUP_LANES], const struct group_scalar *s,
                      const struct group_element in[GROUP_LANES])
{
    (void)out, (void)s, (void)in;
    return 0;
}

int group_lanes_map_scale(struct group_element out[GROUP_LANES], const struct group_scalar *s,
                          const uint8_t wide[GROUP_LANES][GROUP_WIDE_BYTES])
{
    (void)out, (void)s, (void)wide;
    return 0;
}

#endif
