#include "training/sigmoid_table.h"

#include "crypto/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { EXP_BITS = 60, SIGMA_BITS = 48, ODDS_BITS = 44 };

/* log2 of entries / score_range: half a step of the table is 2^-this. */
static uint32_t half_step_log2(const struct plan *plan)
{
    return plan->table_bits - (plan->fore_bits - plan->f - 1);
}

/* Where index j stands, in half steps, from -N up to N: the middle of what may have been rounded down to it. */
static int32_t place(const struct plan *plan, party parties, uint32_t j)
{
    const uint32_t entries = 1u << plan->table_bits;

    return (int32_t)((2 * j + parties + entries) % (2 * entries)) - (int32_t)entries;
}

/* exp(-2^-s) by its series: 20 terms of alternating sign, the last below 2^-60. */
static uint64_t exp_of_half_step(uint32_t s)
{
    uint64_t term = (uint64_t)1 << EXP_BITS, plus = term, minus = 0;

    for (uint32_t i = 1; i <= 20; i++) {
        term = (term >> s) / i;
        *(i % 2 ? &minus : &plus) += term;
    }
    return plus - minus;
}

/* positives / (positives + negatives exp(-z)) at half steps from 0, to SIGMA_BITS. */
static ring_signed sigma(uint64_t exp_half, int32_t half_steps, uint32_t positives, uint32_t negatives)
{
    const uint64_t one = (uint64_t)1 << ODDS_BITS;
    ring power = (ring)1 << EXP_BITS, up, down; /* exp(-|z|); at most 256 products, each cut by less than 2^-60 */

    for (int32_t i = 0; i < abs(half_steps); i++)
        power = power * exp_half >> EXP_BITS;
    power >>= EXP_BITS - ODDS_BITS;
    up = (half_steps < 0 ? power : one) * positives;
    down = (half_steps < 0 ? one : power) * negatives;
    return (ring_signed)((up << SIGMA_BITS) / (up + down)); /* up < 2^75 */
}

void sigmoid_table_curve(struct sigmoid_table *out, const struct plan *plan, party parties, uint32_t positives,
                         uint32_t negatives)
{
    const uint32_t s = half_step_log2(plan), scale = plan->f + 2;
    const uint64_t exp_half = exp_of_half_step(s);
    const ring_signed one = (ring_signed)1 << SIGMA_BITS;

    memset(out, 0, sizeof *out);
    out->unit = ((1u << scale) + 254) / 255; /* no entry is above 255 */
    for (uint32_t j = 0; j < 1u << plan->table_bits; j++) {
        const ring_signed p = sigma(exp_half, place(plan, parties, j), positives, negatives);
        const ring_signed curved = (p * (one - p) >> SIGMA_BITS) * (one - 2 * p) / one;
        /* step = 2^(1-s): parties step^2 / 24 = parties / (6 * 4^s) */
        ring_signed f = p - curved * parties / ((ring_signed)6 << 2 * s);

        f = f < 0 ? 0 : f > one ? one : f;
        out->level[j] = (uint32_t)((f << scale) / ((ring_signed)out->unit << (SIGMA_BITS - LEVEL_FRACTION)));
    }
}

void sigmoid_table_range(struct sigmoid_table *out, const struct plan *plan, party parties)
{
    const int32_t entries = 1 << plan->table_bits, eighth = entries / 8;
    const int32_t limit = entries - (2 * parties > eighth ? 2 * parties : eighth);

    memset(out, 0, sizeof *out);
    out->unit = 1;
    for (int32_t j = 0; j < entries; j++)
        out->level[j] = (uint32_t)(abs(place(plan, parties, (uint32_t)j)) >= limit) << LEVEL_FRACTION;
}

/* log2(v) to 32 bits, cut: the number is squared, and each time that it passes 2 a bit is 1. */
static int64_t log2_of(uint32_t v)
{
    int64_t log = 31;
    uint64_t x = v;

    for (; x < (uint64_t)1 << 31; x <<= 1)
        log--;
    for (int i = 0; i < 32; i++) {
        x = x * x >> 31;
        log = 2 * log + (x >> 32 != 0);
        x >>= x >> 32;
    }
    return log;
}

int64_t sigmoid_table_logit(uint32_t positives, uint32_t negatives, uint32_t f)
{
    const ring_signed ln2 = 2977044472; /* to 32 bits */

    assert(positives && negatives);
    return (int64_t)ring_round_shift((log2_of(positives) - log2_of(negatives)) * ln2, 64 - f);
}
