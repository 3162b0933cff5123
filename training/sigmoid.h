/* The exact sigmoid on shared scores, for any number of parties: every row's shares choose an entry of a table by oblivious
 * transfer, and the entry stays shared.  Nothing is opened.  [SPEC 4.5.2]
 *
 * The parties stand in a chain: the label party first, it makes the table; then the others as the contract lists them. */
#ifndef HEFU_SIGMOID_H
#define HEFU_SIGMOID_H

#include "crypto/ring.h"
#include "protocol/session.h"

struct sigmoid_chain;

/* Sets up the transfers of every pair of the chain and the memory for plan->n rows, a few hundred bytes each.  plan lives
 * as long as the sigmoid.  Scores count from the base rate's: positives and negatives are those of the training rows at the
 * label party, which makes the table; others may give 1 and 1.  [SPEC 4.2.1] */
MUST_USE status sigmoid_new(struct sigmoid_chain **out, struct session *ss, const struct plan *plan, uint32_t positives,
                            uint32_t negatives);
void sigmoid_free(struct sigmoid_chain *s); /* wipes; NULL is fine */

/* score: [n] our shares mod 2^plan->fore_bits.  out: [n] our shares mod 2^plan->k of 4 sigma(score + base rate's), f fraction bits; may be
 * score.  pass: each number once. */
MUST_USE status sigmoid_run(struct sigmoid_chain *s, ring *out, const ring *score, uint32_t pass);

/* out: our share mod 2^plan->k of the number of rows that sigmoid_table_range counts. */
MUST_USE status sigmoid_beyond(struct sigmoid_chain *s, ring *out, const ring *score, uint32_t pass);

#endif
