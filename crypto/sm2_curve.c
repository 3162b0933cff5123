#include "crypto/sm2_curve.h"

#include <sodium.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

const struct sm2_modulus sm2_field = {
    .m = {{0xffffffffffffffff, 0xffffffff00000000, 0xffffffffffffffff, 0xfffffffeffffffff}},
    .negative_inverse = 1,
    .r2 = {{0x0000000200000003, 0x00000002ffffffff, 0x0000000100000001, 0x0000000400000002}},
};

const struct sm2_modulus sm2_order = {
    .m = {{0x53bbf40939d54123, 0x7203df6b21c6052b, 0xffffffffffffffff, 0xfffffffeffffffff}},
    .negative_inverse = 0x327f9e8872350975,
    .r2 = {{0x901192af7c114f20, 0x3464504ade6fa2fa, 0x620fc84c3affe0d4, 0x1eb5e412a22b3d3b}},
};

static const struct sm2_number one = {{1}};

/* ---- numbers ---- */

void sm2_number_clear(struct sm2_number *x)
{
    sodium_memzero(x, sizeof *x);
}

void sm2_number_read(struct sm2_number *x, const uint8_t in[SM2_BYTES])
{
    for (size_t i = 0; i < SM2_LIMBS; i++) {
        x->limb[i] = 0;
        for (size_t j = 0; j < 8; j++)
            x->limb[i] = x->limb[i] << 8 | in[SM2_BYTES - 8 * (i + 1) + j];
    }
}

void sm2_number_write(uint8_t out[SM2_BYTES], const struct sm2_number *x)
{
    for (size_t i = 0; i < SM2_BYTES; i++)
        out[SM2_BYTES - 1 - i] = (uint8_t)(x->limb[i / 8] >> 8 * (i % 8));
}

uint64_t sm2_number_is_zero(const struct sm2_number *x)
{
    const uint64_t any = x->limb[0] | x->limb[1] | x->limb[2] | x->limb[3];

    return ((any | -any) >> 63) ^ 1;
}

/* x - (y & mask) mod 2^256; returns what was borrowed.  (A mask in the chain of borrows, and not a choice between two numbers
 * behind it: of that gcc makes vectors, which take longer than all the rest.) */
static uint64_t take(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y, uint64_t mask)
{
    uint64_t borrowed = 0;

    for (size_t i = 0; i < SM2_LIMBS; i++) {
        const wide d = (wide)x->limb[i] - (y->limb[i] & mask) - borrowed;

        out->limb[i] = (uint64_t)d;
        borrowed = (uint64_t)(d >> 64) & 1;
    }
    return borrowed;
}

/* x + (y & mask) mod 2^256; returns what was carried. */
static uint64_t put(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y, uint64_t mask)
{
    uint64_t carried = 0;

    for (size_t i = 0; i < SM2_LIMBS; i++) {
        const wide s = (wide)x->limb[i] + (y->limb[i] & mask) + carried;

        out->limb[i] = (uint64_t)s;
        carried = (uint64_t)(s >> 64);
    }
    return carried;
}

uint64_t sm2_number_is_below(const struct sm2_number *x, const struct sm2_number *bound)
{
    struct sm2_number away AUTO(sm2_number_clear);

    return take(&away, x, bound, UINT64_MAX);
}

void sm2_number_choose(struct sm2_number *out, uint64_t choose, const struct sm2_number *x, const struct sm2_number *y)
{
    for (size_t i = 0; i < SM2_LIMBS; i++)
        out->limb[i] = y->limb[i] ^ (-choose & (x->limb[i] ^ y->limb[i]));
}

/* A number with one more bit, below 2m, to below m. */
static void reduce_once(struct sm2_number *out, const struct sm2_number *x, uint64_t bit, const struct sm2_modulus *m)
{
    struct sm2_number less;
    const uint64_t borrowed = take(&less, x, &m->m, UINT64_MAX);

    take(out, x, &m->m, -(bit | (borrowed ^ 1)));
}

void sm2_add(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y, const struct sm2_modulus *m)
{
    struct sm2_number sum;
    const uint64_t carried = put(&sum, x, y, UINT64_MAX);

    reduce_once(out, &sum, carried, m);
}

void sm2_subtract(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y, const struct sm2_modulus *m)
{
    struct sm2_number away;
    const uint64_t borrowed = take(&away, x, y, UINT64_MAX);

    put(out, &away, &m->m, -borrowed);
}

/* Limb by limb: add x times a limb of y, then as much of m as makes the lowest limb 0, and drop that.  Below x y / R + m. */
void sm2_multiply(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y, const struct sm2_modulus *m)
{
    struct sm2_number t = {{0}};
    uint64_t top = 0; /* the limb above t */

    for (size_t i = 0; i < SM2_LIMBS; i++) {
        uint64_t carried = 0, higher, q;
        wide s;

        for (size_t j = 0; j < SM2_LIMBS; j++) {
            s = (wide)x->limb[j] * y->limb[i] + t.limb[j] + carried;
            t.limb[j] = (uint64_t)s;
            carried = (uint64_t)(s >> 64);
        }
        s = (wide)top + carried;
        top = (uint64_t)s;
        higher = (uint64_t)(s >> 64);
        q = t.limb[0] * m->negative_inverse;
        s = (wide)q * m->m.limb[0] + t.limb[0];
        carried = (uint64_t)(s >> 64);
        for (size_t j = 1; j < SM2_LIMBS; j++) {
            s = (wide)q * m->m.limb[j] + t.limb[j] + carried;
            t.limb[j - 1] = (uint64_t)s;
            carried = (uint64_t)(s >> 64);
        }
        s = (wide)top + carried;
        t.limb[SM2_LIMBS - 1] = (uint64_t)s;
        top = higher + (uint64_t)(s >> 64);
    }
    reduce_once(out, &t, top, m);
}

void sm2_enter(struct sm2_number *out, const struct sm2_number *x, const struct sm2_modulus *m)
{
    sm2_multiply(out, x, &m->r2, m);
}

void sm2_leave(struct sm2_number *out, const struct sm2_number *x, const struct sm2_modulus *m)
{
    sm2_multiply(out, x, &one, m);
}

void sm2_power_var(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *e, const struct sm2_modulus *m)
{
    struct sm2_number power;

    sm2_enter(&power, &one, m);
    for (size_t bit = 64 * SM2_LIMBS; bit-- > 0;) {
        sm2_multiply(&power, &power, &power, m);
        if (e->limb[bit / 64] >> bit % 64 & 1)
            sm2_multiply(&power, &power, x, m);
    }
    *out = power;
    sm2_number_clear(&power);
}

/* Fermat: both moduli are prime. */
void sm2_invert(struct sm2_number *out, const struct sm2_number *x, const struct sm2_modulus *m)
{
    struct sm2_number e = m->m;

    e.limb[0] -= 2;
    sm2_power_var(out, x, &e, m);
}

/* ---- points ---- */

static const struct sm2_number curve_b = {{0x90d230632bc0dd42, 0x71cf379ae9b537ab, 0x527981505ea51c3c, 0x240fe188ba20e2c8}};

static void times(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y)
{
    sm2_multiply(out, x, y, &sm2_field);
}

static void plus(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y)
{
    sm2_add(out, x, y, &sm2_field);
}

static void minus(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y)
{
    sm2_subtract(out, x, y, &sm2_field);
}

void sm2_point_clear(struct sm2_point *p)
{
    sodium_memzero(p, sizeof *p);
}

static void infinity(struct sm2_point *out)
{
    memset(out, 0, sizeof *out);
    sm2_enter(&out->y, &one, &sm2_field);
}

void sm2_point_generator(struct sm2_point *out)
{
    static const struct sm2_number x = {{0x715a4589334c74c7, 0x8fe30bbff2660be1, 0x5f9904466a39c994, 0x32c4ae2c1f198119}};
    static const struct sm2_number y = {{0x02df32e52139f0a0, 0xd0a9877cc62a4740, 0x59bdcee36b692153, 0xbc3736a2f4f6779c}};

    sm2_enter(&out->x, &x, &sm2_field);
    sm2_enter(&out->y, &y, &sm2_field);
    sm2_enter(&out->z, &one, &sm2_field);
}

/* Renes, Costello, Batina, "Complete addition formulas for prime order elliptic curves" (ePrint 2015/1060), algorithm 4: for
 * a = -3, without exceptions, so for doubling too. */
void sm2_point_add(struct sm2_point *out, const struct sm2_point *p, const struct sm2_point *q)
{
    struct sm2_number t0, t1, t2, t3, t4, x3, y3, z3;

    times(&t0, &p->x, &q->x);
    times(&t1, &p->y, &q->y);
    times(&t2, &p->z, &q->z);
    plus(&t3, &p->x, &p->y);
    plus(&t4, &q->x, &q->y);
    times(&t3, &t3, &t4);
    plus(&t4, &t0, &t1);
    minus(&t3, &t3, &t4); /* x1 y2 + x2 y1 */
    plus(&t4, &p->y, &p->z);
    plus(&x3, &q->y, &q->z);
    times(&t4, &t4, &x3);
    plus(&x3, &t1, &t2);
    minus(&t4, &t4, &x3); /* y1 z2 + y2 z1 */
    plus(&x3, &p->x, &p->z);
    plus(&y3, &q->x, &q->z);
    times(&x3, &x3, &y3);
    plus(&y3, &t0, &t2);
    minus(&y3, &x3, &y3); /* x1 z2 + x2 z1 */
    times(&z3, &curve_b, &t2);
    minus(&x3, &y3, &z3);
    plus(&z3, &x3, &x3);
    plus(&x3, &x3, &z3);
    minus(&z3, &t1, &x3);
    plus(&x3, &t1, &x3);
    times(&y3, &curve_b, &y3);
    plus(&t1, &t2, &t2);
    plus(&t2, &t1, &t2);
    minus(&y3, &y3, &t2);
    minus(&y3, &y3, &t0);
    plus(&t1, &y3, &y3);
    plus(&y3, &t1, &y3);
    plus(&t1, &t0, &t0);
    plus(&t0, &t1, &t0);
    minus(&t0, &t0, &t2);
    times(&t1, &t4, &y3);
    times(&t2, &t0, &y3);
    times(&y3, &x3, &z3);
    plus(&out->y, &y3, &t2);
    times(&x3, &t3, &x3);
    minus(&out->x, &x3, &t1);
    times(&z3, &t4, &z3);
    times(&t1, &t3, &t0);
    plus(&out->z, &z3, &t1);
}

/* table[index], reading all of it. */
static void pick(struct sm2_point *out, const struct sm2_point table[16], uint64_t index)
{
    *out = table[0];
    for (uint64_t i = 1; i < 16; i++) {
        const uint64_t other = i ^ index, same = ((other | -other) >> 63) ^ 1;

        sm2_number_choose(&out->x, same, &table[i].x, &out->x);
        sm2_number_choose(&out->y, same, &table[i].y, &out->y);
        sm2_number_choose(&out->z, same, &table[i].z, &out->z);
    }
}

/* Four bits at a time, from the highest. */
void sm2_point_times(struct sm2_point *out, const struct sm2_number *scalar, const struct sm2_point *p)
{
    struct sm2_point table[16], sum, term;

    infinity(&table[0]);
    for (size_t i = 1; i < 16; i++)
        sm2_point_add(&table[i], &table[i - 1], p);
    infinity(&sum);
    for (size_t at = 64 * SM2_LIMBS; at > 0; at -= 4) {
        for (size_t i = 0; i < 4; i++)
            sm2_point_add(&sum, &sum, &sum);
        pick(&term, table, scalar->limb[(at - 4) / 64] >> (at - 4) % 64 & 15);
        sm2_point_add(&sum, &sum, &term);
    }
    *out = sum;
    sodium_memzero(table, sizeof table);
    sm2_point_clear(&sum);
    sm2_point_clear(&term);
}

uint64_t sm2_point_write(uint8_t xy[2 * SM2_BYTES], const struct sm2_point *p)
{
    struct sm2_number inverse AUTO(sm2_number_clear), x, y;

    sm2_invert(&inverse, &p->z, &sm2_field);
    times(&x, &p->x, &inverse);
    times(&y, &p->y, &inverse);
    sm2_leave(&x, &x, &sm2_field);
    sm2_leave(&y, &y, &sm2_field);
    sm2_number_write(xy, &x);
    sm2_number_write(xy + SM2_BYTES, &y);
    return sm2_number_is_zero(&p->z) ^ 1;
}

/* x^3 - 3x + b */
static void right_side(struct sm2_number *out, const struct sm2_number *x)
{
    struct sm2_number cube;

    times(&cube, x, x);
    times(&cube, &cube, x);
    for (int i = 0; i < 3; i++)
        minus(&cube, &cube, x);
    plus(out, &cube, &curve_b);
}

static int is_equal(const struct sm2_number *x, const struct sm2_number *y)
{
    return sodium_memcmp(x, y, sizeof *x) == 0;
}

/* Into the field; 0 for p or more. */
static int coordinate(struct sm2_number *out, const uint8_t in[SM2_BYTES])
{
    struct sm2_number x;

    sm2_number_read(&x, in);
    sm2_enter(out, &x, &sm2_field);
    return sm2_number_is_below(&x, &sm2_field.m) == 1;
}

status sm2_point_read(struct sm2_point *out, const uint8_t xy[2 * SM2_BYTES])
{
    struct sm2_number left, right;

    if (!coordinate(&out->x, xy) || !coordinate(&out->y, xy + SM2_BYTES))
        return STATUS_MALFORMED;
    right_side(&right, &out->x);
    times(&left, &out->y, &out->y);
    sm2_enter(&out->z, &one, &sm2_field);
    return is_equal(&left, &right) ? OK : STATUS_MALFORMED;
}

status sm2_point_find(struct sm2_point *out, const uint8_t x[SM2_BYTES], int odd)
{
    /* (p + 1) / 4: p mod 4 is 3 */
    static const struct sm2_number root = {{0x4000000000000000, 0xffffffffc0000000, 0xffffffffffffffff, 0x3fffffffbfffffff}};
    static const struct sm2_number zero;
    struct sm2_number square, y;

    if (!coordinate(&out->x, x))
        return STATUS_MALFORMED;
    right_side(&square, &out->x);
    sm2_power_var(&out->y, &square, &root, &sm2_field);
    times(&y, &out->y, &out->y);
    if (!is_equal(&y, &square))
        return STATUS_MALFORMED;
    sm2_leave(&y, &out->y, &sm2_field);
    if ((int)(y.limb[0] & 1) != odd)
        minus(&out->y, &zero, &out->y); /* never 0: no point has order 2 */
    sm2_enter(&out->z, &one, &sm2_field);
    return OK;
}
