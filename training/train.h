/* The online phase: Nesterov passes on integer shares of the per-bin weights.  Nothing but masked openings is sent.
 * [SPEC 4.5] */
#ifndef HEFU_TRAIN_H
#define HEFU_TRAIN_H

#include "training/precondition.h"
#include "training/sigmoid.h"

/* Our integer shares of every block's weights, f fractional bits. */
struct weights {
    party parties;
    struct {
        uint32_t width;
        ring_signed *share;
    } block[PARTIES_MAX];
};

void weights_clear(struct weights *w); /* wipes */

/* All passes.  label: 0/1 per training row at the label party, NULL elsewhere.  sigmoid: NULL for the linear one.
 * A joint checkpoint follows every pass.  STATUS_LIMIT when scores come near the end of the sigmoid's table. */
MUST_USE status train_run(struct weights *out, struct session *ss, const struct correlation *c, const struct matrix *own,
                          struct sigmoid_chain *sigmoid, const uint8_t *label);

/* Each block's shares go to its owner only; out has the own block's width entries, f fractional bits. [SPEC 4.6] */
MUST_USE status train_reveal(int64_t *out, struct session *ss, const struct plan *plan, const struct weights *w);

uint32_t train_positives(const uint8_t *label, uint32_t n);

/* What pass t = 1.. multiplies by, in 1/1024: the step, already divided by the number of parties, and the momentum.
 * [SPEC 4.5.7] */
void train_coefficients(const struct contract *c, uint32_t t, ring_signed *eta, ring_signed *beta);

/* The label party's constant, f fractional bits, chosen so that scores start at the base rate: the logit of mean(y), or
 * 4 mean(y) - 2 for the linear sigmoid.  The score of a row is z = intercept + sum of weights; the model's probability is
 * 1 / (1 + exp(-z)), or 1/2 + z/4.  Both classes are there. */
int64_t train_intercept(const struct plan *plan, const uint8_t *label, uint32_t n);

#endif
