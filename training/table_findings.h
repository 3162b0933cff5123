/* A table as it was encoded, against the contract: its size, and columns that say nothing or nearly nothing, which might be
 * planted to mark people.  Only counts and places come out. */
#ifndef HEFU_TABLE_FINDINGS_H
#define HEFU_TABLE_FINDINGS_H

#include "protocol/contract.h"
#include "training/dataset.h"

enum { TABLE_SPARSE_ROWS = 10 };

struct table_findings {
    char wrong[160];         /* where the table is not what the contract says; "": it is */
    uint16_t constant;       /* columns whose rows are all in one bin */
    uint16_t first_constant; /* the first of them, from 0 */
    uint16_t sparse;         /* others, in which fewer than TABLE_SPARSE_ROWS rows are outside of the fullest bin */
    uint16_t first_sparse;
};

/* with_label: the session needs the labels of the party that has them. */
void table_findings_make(struct table_findings *out, const struct contract_party *me, const struct dataset *d, int with_label);

#endif
