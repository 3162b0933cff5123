/* Arithmetic modulo N^2 on pairs: c = a + b N with a, b taken mod N.  [SPEC 3.4]
 *
 * A product needs five half-size blocks instead of the eight of a plain product mod N^2, and several products run side by
 * side in the lanes of a vector unit.  One modulus serves N^2 for ciphertexts, and p^2, q^2 for a key's owner.
 *
 * Numbers are kept in Montgomery form (times R = 2^(radix * digits) mod N^2), lazily reduced, as pair_words(m) words in the
 * representation of one tier; they never leave the process.  What leaves is canonical (pair_put), so every tier gives the
 * same bytes.  Functions take time and touch memory independently of the values, the exponents and the table indices they
 * are given, but for those whose names end in _var: for ciphertexts and numbers that are public like them.  Lengths, counts
 * and pointers are public.
 *
 * Tiers: "ifma" (AVX-512 IFMA, 8 lanes), "avx2" (4 lanes), "scalar" (GMP, 1 lane); the processor's best is the default. */
#ifndef HEFU_PAIR_H
#define HEFU_PAIR_H

#include "crypto/bignum.h"

enum {
    PAIR_BITS_MAX = 4096,
    PAIR_LANES_MAX = 8,
    PAIR_WORDS_MAX = 304,                           /* of one number, any tier, any N */
    PAIR_LANE_WORDS_MAX = 2 * 80 * PAIR_LANES_MAX,  /* of one number in every lane    */
    PAIR_WINDOW_MAX = 8,
    PAIR_BASES_MAX = 1000,
};

struct pair_tier;

struct pair_modulus {
    const struct pair_tier *tier;
    uint32_t bits;             /* of N */
    uint32_t digits;           /* of a, and of b */
    uint64_t negative_inverse; /* -N^-1 mod 2^radix */
    uint64_t *n;               /* [digits] N */
    uint64_t *complement;      /* [digits] of (1 - R) mod N; each plus 2^radix - 1 when the radix is below 64 */
    uint64_t *one;             /* [2 digits] the number 1 */
    uint64_t *low, *high;      /* [2 digits] the plain pairs of R^2 and R^3 mod N^2, which bring numbers in */
    uint64_t *lift;            /* [digits] b / R mod N of one = a + b N, which brings 1 + x N in */
    mpz_t value, square;       /* N, N^2 */
};

/* The tier that moduli made from now on use.  NULL or "auto": the processor's best.  STATUS_USAGE when there is none of
 * that name or the processor lacks it.  Call before threads start. */
MUST_USE status pair_tier_use(const char *name);
const char *pair_tier_name(void);
/* Names of the tiers that run on this processor, best first, ended by NULL. */
const char *const *pair_tier_list(void);

/* N odd, 3 or more, of at most PAIR_BITS_MAX bits. */
MUST_USE status pair_modulus_init(struct pair_modulus *m, const mpz_t n);
void pair_modulus_clear(struct pair_modulus *m); /* wipes; a zeroed one is allowed */

static inline size_t pair_words(const struct pair_modulus *m) { return 2 * (size_t)m->digits; }

/* count numbers, one after the other, from and to integers in [0, N^2). */
void pair_get_mpz(const struct pair_modulus *m, uint64_t *out, mpz_t *const x, size_t count);
void pair_put_mpz(const struct pair_modulus *m, mpz_t *out, const uint64_t *x, size_t count);
/* out[i] = 1 + x[i] N for count integers in [0, N). */
void pair_get_one_plus_mpz(const struct pair_modulus *m, uint64_t *out, mpz_t *const x, size_t count);
/* The same from and to big-endian bytes, len each. 256^len > N^2 and the bytes say less than N^2. */
void pair_get(const struct pair_modulus *m, uint64_t *out, const uint8_t *bytes, size_t len, size_t count);
void pair_put(const struct pair_modulus *m, uint8_t *bytes, size_t len, const uint64_t *x, size_t count);
/* The halves of one number: x = a + b N, 0 <= a, b < N, as limbs (GMP's), ceil(bits / 64) each. */
void pair_halves(const struct pair_modulus *m, mp_limb_t *a, mp_limb_t *b, const uint64_t *x);

void pair_copy(const struct pair_modulus *m, uint64_t *out, const uint64_t *x);

/* out[i] = x[i] y[i].  out[i] may be x[i] or y[i]; otherwise no two of out overlap, nor any out an input. */
void pair_multiply(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *const *x,
                   const uint64_t *const *y, size_t count);
void pair_multiply_var(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *const *x,
                       const uint64_t *const *y, size_t count);
/* out[i] = x[i] y, one y for all: what scatter does with a row. */
void pair_multiply_one_var(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *const *x, const uint64_t *y,
                           size_t count);
/* out = product of count numbers one after the other; 1 for none. */
void pair_product(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, size_t count);
/* Simultaneous powers, by Horner's rule: out[i] starts at 1 and for every window w becomes
 *     out[i]^(2^bits) * product over t of *factor[(i * windows + w) * terms + t].
 * With one window a product of chosen numbers (gather); with tables of powers a multi-exponentiation (Straus); with one
 * term a packing. */
void pair_horner_var(const struct pair_modulus *m, uint64_t *out, const uint64_t *const *factor, size_t windows,
                     uint32_t bits, size_t terms, size_t count);
/* out[i] = x[i]^e for count numbers one after the other and one exponent e >= 0.  Fixed windows; the time depends on the
 * length of e only. */
void pair_power(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, size_t count, const mpz_t e);
/* out[i] = x[i]^-1, one inversion for all.  STATUS_MALFORMED, and out undefined, when one has no inverse. Variable time. */
MUST_USE status pair_invert_var(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, size_t count);

/* Powers 0 .. 2^window - 1 of fixed bases, for products of one power of each.  A power a + b N is kept as a and as
 * beta = b / a mod N, as a (1 + beta N): then a product has the a for its factors, four half-size blocks each, and the
 * beta only add up. */
struct pair_table {
    uint32_t bases, window; /* bases up to PAIR_BASES_MAX, window 1..PAIR_WINDOW_MAX */
    uint64_t *entry;        /* [bases][words][2^window]: digit-major, for look-ups that read the whole of it */
};

MUST_USE status pair_table_init(struct pair_table *t, const struct pair_modulus *m, uint32_t bases, uint32_t window);
void pair_table_clear(struct pair_table *t, const struct pair_modulus *m); /* wipes */
/* Enter bases [first, first + count), which are units. */
void pair_table_fill(struct pair_table *t, const struct pair_modulus *m, uint32_t first, const uint64_t *bases, uint32_t count);
/* out[i] = start * prod_j base_j^index[i * bases + j], index < 2^window.  The indices are secret. */
void pair_table_product(const struct pair_table *t, const struct pair_modulus *m, uint64_t *out, const uint64_t *start,
                        const uint8_t *index, size_t count);

#endif
