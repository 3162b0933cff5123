/* Held-out rows: pairwise-masked partial scores to the label party, which measures and publishes.  [SPEC 4.7] */
#ifndef HEFU_EVALUATE_H
#define HEFU_EVALUATE_H

#include "protocol/correlate.h"
#include "training/party.h"

/* score: own partial score of each test row, f fractional bits; label and alone (the label party's own model's score
 * of each row) at the label party only.  Fills the metric fields of result. */
MUST_USE status evaluate_run(struct party_result *result, struct session *ss, const struct plan *plan,
                             const int64_t *score, const uint8_t *label, const double *alone);

#endif
