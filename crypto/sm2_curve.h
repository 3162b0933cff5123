/* Numbers modulo p and n and points of the curve of GB/T 32918.5, for sm2.c.  Constant-time but where a name ends in _var: no
 * branch and no address depends on a number. */
#ifndef HEFU_SM2_CURVE_H
#define HEFU_SM2_CURVE_H

#include "crypto/status.h"

enum { SM2_BYTES = 32, SM2_LIMBS = 4, SM2_POINT_BYTES = 1 + 2 * SM2_BYTES };

/* From the lowest limb; below 2^256, and below m where nothing else is said. */
struct sm2_number { uint64_t limb[SM2_LIMBS]; };

/* Products are Montgomery's: x y / R mod m, R = 2^256. */
struct sm2_modulus {
    struct sm2_number m;
    uint64_t negative_inverse; /* of m, mod 2^64 */
    struct sm2_number r2;      /* R^2 mod m */
};

extern const struct sm2_modulus sm2_field, sm2_order; /* p and n */

void sm2_number_clear(struct sm2_number *x); /* wipes */
void sm2_number_read(struct sm2_number *x, const uint8_t in[SM2_BYTES]); /* big-endian */
void sm2_number_write(uint8_t out[SM2_BYTES], const struct sm2_number *x);
uint64_t sm2_number_is_zero(const struct sm2_number *x);                                  /* 1 or 0 */
uint64_t sm2_number_is_below(const struct sm2_number *x, const struct sm2_number *bound); /* 1 or 0 */
/* x when choose is 1, y when it is 0. */
void sm2_number_choose(struct sm2_number *out, uint64_t choose, const struct sm2_number *x, const struct sm2_number *y);

void sm2_add(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y, const struct sm2_modulus *m);
void sm2_subtract(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y, const struct sm2_modulus *m);
/* x y / R; one of them may be anything below 2^256. */
void sm2_multiply(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *y, const struct sm2_modulus *m);
void sm2_enter(struct sm2_number *out, const struct sm2_number *x, const struct sm2_modulus *m); /* x R, of any x below 2^256 */
void sm2_leave(struct sm2_number *out, const struct sm2_number *x, const struct sm2_modulus *m); /* x / R */
/* x^e, and x^-1 (of 0: 0), both times R as x is.  Constant-time in x only. */
void sm2_power_var(struct sm2_number *out, const struct sm2_number *x, const struct sm2_number *e, const struct sm2_modulus *m);
void sm2_invert(struct sm2_number *out, const struct sm2_number *x, const struct sm2_modulus *m);

/* (x : y : z) times R; infinity is (0 : 1 : 0). */
struct sm2_point { struct sm2_number x, y, z; };

void sm2_point_clear(struct sm2_point *p); /* wipes */
void sm2_point_generator(struct sm2_point *out);
void sm2_point_add(struct sm2_point *out, const struct sm2_point *p, const struct sm2_point *q); /* any two */
/* Any scalar below 2^256. */
void sm2_point_times(struct sm2_point *out, const struct sm2_number *scalar, const struct sm2_point *p);
/* x, then y; 0 for infinity, and then zeros. */
uint64_t sm2_point_write(uint8_t xy[2 * SM2_BYTES], const struct sm2_point *p);
/* STATUS_MALFORMED when x or y is p or more, or the point is not on the curve. */
MUST_USE status sm2_point_read(struct sm2_point *out, const uint8_t xy[2 * SM2_BYTES]);
/* The point with this x, and with a y that is odd or even. */
MUST_USE status sm2_point_find(struct sm2_point *out, const uint8_t x[SM2_BYTES], int odd);

#endif
