/* From cells of text to what training sees: one row per person, in the order of their ids, and integer codes.
 *
 * Ids are normalised by the rule of the contract (ids.h).  Of rows with equal ids the first counts; exact duplicates
 * and conflicting rows after it are dropped and counted.  Rows without any value are skipped.  Every other column but
 * the label becomes a column of codes, or is left out with a note (column.h).  Equal cells give equal results, whatever
 * the order of rows (duplicates apart) and of columns' cells in memory. */
#ifndef HEFU_TABLE_H
#define HEFU_TABLE_H

#include "training/cells.h"
#include "training/dataset.h"
#include "training/dictionary.h"
#include "training/table_notes.h"

enum table_on_duplicate {
    TABLE_DUPLICATE_FIRST = 0,  /* of conflicting rows of one id the first wins, with a warning */
    TABLE_DUPLICATE_REFUSE = 1, /* conflicting rows are an error; exact duplicates are still dropped */
};

struct table_roles {
    const char *id_column;
    const char *label_column; /* NULL at a feature party */
    const char *id_rule;      /* NULL for IDS_RULE_DEFAULT */
    enum table_on_duplicate on_duplicate;
    bool labels_pending;      /* do not look at the labels yet: data gets none */
};

/* Learn the dictionary from the table and encode the table with it.
 *
 * Out:  data, dictionary, notes   zeroed by the caller; written on success only (notes: as far as it came)
 * Fails in words (STATUS_CONFIG) that name file, line and column, and show no value. */
MUST_USE status table_build(struct dataset *data, struct dictionary *dictionary, struct table_notes *notes,
                            const struct cells *cells, const struct table_roles *roles, struct fault *f);

/* Encode a table with a dictionary learned before: the same table gives the same codes, other rows get the bins their
 * values fall into.  Columns are found by name, others are ignored.  What the dictionary does not know (a new level,
 * text among numbers, an empty cell where there was none) gets the column's fallback code and is counted. */
MUST_USE status table_apply(struct dataset *data, struct table_notes *notes, const struct cells *cells,
                            const struct dictionary *dictionary, const struct table_roles *roles, struct fault *f);

/* Take the rows' split from a table with the columns roles->id_column (or "id") and "split" (train or test).
 * Ids that data does not have are ignored; rows that are not listed stay SPLIT_UNLISTED. */
MUST_USE status table_set_split(struct dataset *data, struct table_notes *notes, const struct cells *split,
                                const struct table_roles *roles, struct fault *f);

#endif
