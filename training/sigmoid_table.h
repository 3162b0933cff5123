/* The tables that the exact sigmoid is looked up in, and the sigmoid's inverse: integers alone, the same on every
 * compiler.  [SPEC 4.5.2] */
#ifndef HEFU_SIGMOID_TABLE_H
#define HEFU_SIGMOID_TABLE_H

#include "protocol/contract.h"

enum { TABLE_ENTRIES_MAX = 1 << TABLE_BITS_MAX, LEVEL_FRACTION = 24 };

/* A table holds levels, 8 bits and LEVEL_FRACTION more.  A look-up rounds a level at random:
 *     entry = (level + r) >> LEVEL_FRACTION, r uniform below 2^LEVEL_FRACTION,
 * so that it is right on average.  The index of a score z, a sum of the parties' indices, is z / step rounded down by
 * each of them: on average parties / 2 too small, with a variance of parties / 12.  The tables allow for both. */
struct sigmoid_table {
    uint32_t unit;                     /* what an entry of 1 stands for */
    uint32_t level[TABLE_ENTRIES_MAX]; /* 2^plan->table_bits of them */
};

/* Of 4 sigma(z + ln(positives / negatives)) at f fraction bits, both below 2^31 and at least 1.  Off by less than 2^-20
 * entries from the true function with the spline's correction sigma - parties step^2 sigma'' / 24. */
void sigmoid_table_curve(struct sigmoid_table *out, const struct plan *plan, party parties, uint32_t positives,
                         uint32_t negatives);

/* 1 where a score is near the end of the table or beyond it, else 0; of unit 1.  With reach = the larger of
 * parties * step and score_range / 8 it is certainly 1 for a score from score_range - reach + parties * step / 2 up to as
 * far beyond score_range, and certainly 0 below score_range - reach - parties * step / 2. */
void sigmoid_table_range(struct sigmoid_table *out, const struct plan *plan, party parties);

/* 2^f ln(positives / negatives), rounded; both at least 1; f at most 20. */
int64_t sigmoid_table_logit(uint32_t positives, uint32_t negatives, uint32_t f);

#endif
