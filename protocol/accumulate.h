/* Many numbers into many sums, in any order, with all lanes of the vector unit at work.
 *
 * A product needs a number in every lane, and no sum may be in two lanes at once.  So numbers wait here until a vector is
 * full; those for a sum that is in a lane already are multiplied with one another meanwhile.  However the numbers fall
 * on the sums, one product is spent on each, and vectors are full but for a few at the end.
 *
 * Not to be shared by threads; different accumulators may work on different sums at a time. */
#ifndef HEFU_ACCUMULATE_H
#define HEFU_ACCUMULATE_H

#include "crypto/pair.h"

/* One lane's product to come: out = x y, a part of the sum. */
struct accumulate_lane {
    uint64_t *sum, *out;
    const uint64_t *x, *y;
    const uint64_t *waiting; /* another number for the sum; NULL when there is none, and in all but the sum's first lane */
};

struct accumulator {
    const struct pair_modulus *m;
    size_t lanes, turn;
    struct accumulate_lane lane[PAIR_LANES_MAX];
    /* Products of two numbers that wait: they live for less than three turns. */
    uint64_t between[3][PAIR_LANES_MAX][PAIR_WORDS_MAX];
};

void accumulator_init(struct accumulator *a, const struct pair_modulus *m);
/* sum *= number, some time before accumulator_end returns; until then neither may be touched, and number is no sum. */
void accumulator_add(struct accumulator *a, uint64_t *sum, const uint64_t *number);
void accumulator_end(struct accumulator *a);

#endif
