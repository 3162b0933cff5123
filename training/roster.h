/* Who is in a table: the rows that count, in the order of their normalised ids. */
#ifndef HEFU_ROSTER_H
#define HEFU_ROSTER_H

#include "training/cells.h"
#include "training/table.h"

struct roster {
    uint32_t rows;
    char **ids;      /* [rows] normalised, distinct, sorted bytewise */
    uint32_t *row;   /* [rows] the row of the table; the first one of its id */
    uint32_t *place; /* [rows of the table] index into ids, or COLUMN_NO_PLACE for a row that does not count */
};

void roster_clear(struct roster *r); /* wipes */

/* Notes what was skipped or dropped.  Fails in words on an unusable id, on no rows, and on a conflict if that is to be
 * refused: two rows of one id conflict when they differ in any other column. */
MUST_USE status roster_build(struct roster *r, struct table_notes *notes, const struct cells *cells, uint32_t id_column,
                             const struct table_roles *roles, struct fault *f);

#endif
