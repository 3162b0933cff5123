#include "protocol/accumulate.h"

void accumulator_init(struct accumulator *a, const struct pair_modulus *m)
{
    a->m = m;
    a->lanes = 0;
    a->turn = 0;
}

static int one_factor(const struct accumulate_lane *lane, size_t lanes)
{
    size_t l = 1;

    while (l < lanes && lane[l].y == lane[0].y)
        l++;
    return l == lanes;
}

/* Multiply what is in the lanes.  The lanes' other numbers then come in again; a number that waits comes first for its sum,
 * so it waits once. */
static void multiply_lanes(struct accumulator *a)
{
    struct accumulate_lane lane[PAIR_LANES_MAX];
    uint64_t *out[PAIR_LANES_MAX];
    const uint64_t *x[PAIR_LANES_MAX], *y[PAIR_LANES_MAX];
    const size_t lanes = a->lanes;

    for (size_t l = 0; l < lanes; l++) {
        lane[l] = a->lane[l];
        out[l] = lane[l].out;
        x[l] = lane[l].x;
        y[l] = lane[l].y;
    }
    if (one_factor(lane, lanes))
        pair_multiply_one_var(a->m, out, x, y[0], lanes);
    else
        pair_multiply_var(a->m, out, x, y, lanes);
    a->lanes = 0;
    a->turn = (a->turn + 1) % 3;
    for (size_t l = 0; l < lanes; l++) {
        if (lane[l].out != lane[l].sum)
            accumulator_add(a, lane[l].sum, lane[l].out);
        if (lane[l].waiting)
            accumulator_add(a, lane[l].sum, lane[l].waiting);
    }
}

void accumulator_add(struct accumulator *a, uint64_t *sum, const uint64_t *number)
{
    struct accumulate_lane *next = &a->lane[a->lanes];
    size_t l = 0;

    while (l < a->lanes && a->lane[l].sum != sum)
        l++;
    if (l == a->lanes) {
        *next = (struct accumulate_lane){.sum = sum, .out = sum, .x = sum, .y = number};
    } else if (!a->lane[l].waiting) {
        a->lane[l].waiting = number;
        return;
    } else {
        *next = (struct accumulate_lane){
            .sum = sum, .out = a->between[a->turn][a->lanes], .x = a->lane[l].waiting, .y = number};
        a->lane[l].waiting = NULL;
    }
    if (++a->lanes == PAIR_LANES_MAX)
        multiply_lanes(a);
}

void accumulator_end(struct accumulator *a)
{
    while (a->lanes)
        multiply_lanes(a);
}
