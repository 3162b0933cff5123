/* The widths, packing and counts that follow from a contract and the number of training rows.  [SPEC 1.4] */
#include "protocol/contract.h"

#include <string.h>

/* Bits needed for values 0..v-1; 0 for v <= 1. */
static uint32_t log2_ceil(uint64_t v)
{
    uint32_t bits = 0;

    while (bits < 63 && ((uint64_t)1 << bits) < v)
        bits++;
    return bits;
}

/* tau passes and G rows a ciphertext for the least work: a reply, made, hidden and decrypted, costs as much as about eight
 * encrypted masks. */
static void plan_forward(struct plan *plan, party p, uint32_t slots, uint32_t passes, uint32_t width)
{
    uint64_t best = UINT64_MAX;

    for (uint32_t tau = 1; tau <= passes && tau <= slots; tau++) {
        uint32_t rows = slots / tau, groups = (passes + tau - 1) / tau;
        uint64_t replies = (uint64_t)groups * ((plan->n + rows - 1) / rows);
        uint64_t cost = replies * 8 + (uint64_t)groups * rows * width;

        if (cost < best) {
            best = cost;
            plan->fore[p].passes = tau;
            plan->fore[p].groups = groups;
            plan->fore[p].rows = rows;
            plan->fore[p].replies = (plan->n + rows - 1) / rows;
        }
    }
}

status plan_make(struct plan *plan, const struct contract *c, uint32_t n, struct fault *f)
{
    uint64_t lifted = 0;
    uint32_t usable = c->key_bits - 65; /* headroom: a wrap of the Z_N mask has probability below 2^-64 */

    memset(plan, 0, sizeof *plan);
    if (n < 2)
        return fault_set(f, STATUS_LIMIT, "only %u training rows are left", n);
    for (party p = 0; p < c->parties; p++)
        lifted += (uint64_t)c->passes * contract_width(c, p);
    plan->n = n;
    plan->f = c->fraction_bits;
    plan->f_m = log2_ceil(n) + 6;
    /* Each lifted value is hidden to 2^-sigma; all of them together to 2^-41. */
    plan->sigma = 41 + log2_ceil(lifted);
    plan->value_bits = plan->f + plan->f_m + 12;
    plan->k = plan->value_bits + plan->sigma + log2_ceil(c->parties) + 2;
    plan->table_bits = c->table_bits;
    /* A table wraps where the ring of the scores does: at +-score_range. */
    plan->fore_bits = c->sigmoid == SIGMOID_TABLE ? plan->f + 1 + log2_ceil(c->score_range) : plan->k;
    plan->shift = plan->f_m + 2;
    plan->ridge = ((uint64_t)c->ridge_micro * n * 4 + 500000) / 1000000;
    plan->back_width = plan->k + plan->f_m + 8;
    if (plan->k > 126 || plan->back_width > usable) {
        fault_set(f, STATUS_LIMIT, "the sums of %u rows need %u bits in a ring of at most 126", n, plan->k);
        fault_hint(f, "use fewer passes, fewer bins or fewer fraction bits");
        return STATUS_LIMIT;
    }
    plan->back_passes = usable / plan->back_width < c->passes ? usable / plan->back_width : c->passes;
    plan->back_groups = (c->passes + plan->back_passes - 1) / plan->back_passes;
    for (party p = 0; p < c->parties; p++) {
        plan->fore[p].width = plan->fore_bits + log2_ceil(c->party[p].columns);
        if (plan->fore[p].width > usable)
            return fault_set(f, STATUS_LIMIT, "a forward slot of %u bits does not fit the key", plan->fore[p].width);
        plan_forward(plan, p, usable / plan->fore[p].width, c->passes - 1u, contract_width(c, p));
    }
    return OK;
}
