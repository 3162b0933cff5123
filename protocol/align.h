/* Which people are common to all parties: shuffled Diffie-Hellman set intersection in ring order.  [SPEC 5] */
#ifndef HEFU_ALIGN_H
#define HEFU_ALIGN_H

#include "protocol/session.h"

/* Out:  positions  malloc'ed, *common entries: for each common person, in the joint order, its position in ids
 * In:   ids        count distinct normalised ids; count must be the size in the contract
 * Everyone gets the same *common and the same order.  STATUS_LIMIT at every party when it is below the contract's
 * min_rows (or zero).  Disclosure: DESIGN words in SPEC 5.4.
 * The parties then compare a keyed root of the aligned ids, so a wrong list is found at once. */
MUST_USE status align_run(struct session *ss, uint32_t **positions, uint32_t *common, char *const *ids, uint32_t count);

/* [SPEC 5.5] Which of the aligned rows are test rows (1) and which are not used at all (2): drawn from the joint
 * randomness, or as the label party's list says (listed: its split of each aligned row, enum dataset_split; NULL at
 * the others).  out has common entries: 0 train, 1 test, 2 unused.  Sets ss->population and logs it as a fact. */
MUST_USE status align_split(struct session *ss, uint8_t *out, uint32_t common, const uint8_t *listed);

#endif
