/* What this node commits to of its tables: data_root.h under a key of the table's own, derived from the node's keyring.  So
 * nothing more needs to be stored, and only this node can open its commitments. */
#ifndef HEFU_COMMITMENT_H
#define HEFU_COMMITMENT_H

#include "node/local/keyring.h"
#include "protocol/contract.h"
#include "training/dictionary.h"

/* Fills data_root and schema_hash of the node's part of a contract.  table: its name at this node. */
MUST_USE status commitment_make(struct contract_party *me, enum suite s, const struct keyring *keys, const char *table,
                                const struct dataset *data, const struct dictionary *dictionary);

/* STATUS_CONFIG when the table's rows are not those that the contract commits to by now. */
MUST_USE status commitment_check(const struct contract_party *me, enum suite s, const struct keyring *keys, const char *table,
                                 const struct dataset *data, struct fault *f);

#endif
