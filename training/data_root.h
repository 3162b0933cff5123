/* What a party commits to of its table, in the contract: one hash of its encoded rows and one of its columns.  Both are
 * salted with a key that never leaves the node, so they say nothing of the data; the same table gives the same hashes, and
 * a table that differs anywhere gives others.  The hashes are of the suite of blind, which has to be set.  Labels are not covered: a session commits to them.  [SPEC 1.5] */
#ifndef HEFU_DATA_ROOT_H
#define HEFU_DATA_ROOT_H

#include "crypto/rng.h"
#include "training/dictionary.h"

/* The leaf of one row: H(0x00 || salt || id, codes, split), salt = KDF(blind, row).  With its salt, one row can be shown to be in
 * the root (RFC 6962) without any other. */
void data_root_leaf(struct hash *out, const struct dataset *d, uint32_t row, const struct rng_key *blind);

/* The Merkle root over all leaves, in the order of the ids. */
void data_root(struct hash *out, const struct dataset *d, const struct rng_key *blind);

/* Of the columns: their names in order, kinds and numbers of bins; not where the bins lie, which follows from the rows. */
MUST_USE status data_root_schema(struct hash *out, const struct dictionary *dictionary, const struct rng_key *blind);

#endif
