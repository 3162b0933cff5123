/* What one tier of pair arithmetic provides: arithmetic on one number per lane.  pair.c builds everything else on it.
 *
 * A number is 2 * digits words: the digits of a, then those of b, least significant first, radix_bits each.  In lanes the
 * words of all lanes stand side by side: word i of lane l at [i * lanes + l], 64-byte aligned.
 *
 * Lazy reduction: a and b of an input are below 4N, of an output below 3N, and R >= 2^PAIR_SPARE_BITS N (pair.c chooses
 * digits so), which leaves room for sums of PAIR_BASES_MAX beta.
 * Every function's output may be one of its lane inputs. */
#ifndef HEFU_PAIR_TIER_H
#define HEFU_PAIR_TIER_H

#include "crypto/pair.h"

enum { PAIR_SPARE_BITS = 10 };

struct pair_tier {
    const char *name;
    uint32_t lanes, radix_bits;
    uint32_t digit_multiple; /* digits is a multiple of this */
    /* The processor and the operating system support it. */
    int (*available)(void);
    /* One number per lane from and to memory. */
    void (*load)(const struct pair_modulus *m, uint64_t *out, const uint64_t *const *x);
    void (*store)(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *x);
    /* out = x y / R,  x^2 / R. */
    void (*multiply)(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y);
    void (*square)(const struct pair_modulus *m, uint64_t *out, const uint64_t *x);
    /* For public numbers: out = x y / R, and the same with one plain-memory y for every lane. */
    void (*multiply_var)(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y);
    void (*multiply_one_var)(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y);
    /* product = product * a / R  and  sum += beta, for an entry (a, beta) of a table.  sum is digits words per lane; only a
     * radix of 64 bits carries. */
    void (*accumulate)(const struct pair_modulus *m, uint64_t *product, uint64_t *sum, const uint64_t *entry);
    /* out = (low * m->low + high * m->high) / R: low and high are plain numbers below R, digits words per lane. */
    void (*enter)(const struct pair_modulus *m, uint64_t *out, const uint64_t *low, const uint64_t *high);
    /* out = x / R: out of Montgomery form. */
    void (*leave)(const struct pair_modulus *m, uint64_t *out, const uint64_t *x);
    /* Vector v, lane l of out = entry index[v * lanes + l] of table [words][2^window]; reads the whole table whatever the
     * indices.  Vectors are PAIR_LANE_WORDS_MAX words apart. */
    void (*select)(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, uint32_t window, const uint8_t *index,
                   size_t vectors);
    /* out = number index of a row of entries numbers in lanes, stride words apart; reads all of them. */
    void (*pick)(const struct pair_modulus *m, uint64_t *out, const uint64_t *table, size_t stride, uint32_t entries,
                 uint32_t index);
};

extern const struct pair_tier pair_tier_scalar;
#if defined(__x86_64__)
extern const struct pair_tier pair_tier_avx2, pair_tier_ifma;
#endif

#endif
