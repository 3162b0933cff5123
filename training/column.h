/* One column of a table: what kind it is and where its bins lie.  Uses all rows and no labels, and does not depend on
 * the order of the rows.
 *
 * Kind: numeric when every cell that is not missing is a number (text_number).  With both numbers and text it is
 *   - an error when at least 95 % are numbers: the rest are slips;
 *   - a category when there are few levels (below);
 *   - an error when at least 80 % are numbers, else left out.
 * Numeric: at most 12 distinct values give one bin each, otherwise the deciles do; the edges are values of the data and
 * a bin is (lo, hi].  A bin with less than 2 % of the rows joins its upper neighbour, the last one its lower.
 * Category: at most 64 levels and no more than a fifth of the rows (two are always fine); one code for each level with
 * at least 2 % of the rows, the others share the code "other".
 * Missing cells, however few, have a code of their own.  A column with fewer than two codes is left out.
 * [SPEC 8.2] */
#ifndef HEFU_COLUMN_H
#define HEFU_COLUMN_H

#include "training/cells.h"
#include "training/dictionary.h"

enum {
    COLUMN_SHARE_MIN = 2,     /* percent of the rows */
    COLUMN_VALUES_MAX = 12,   /* distinct numbers that get a bin each */
    COLUMN_QUANTILES = 10,
    COLUMN_LEVELS_MAX = 64,
    COLUMN_REASON_MAX = 160,
};

/* One column of the rows that count: those with a place. */
struct column_view {
    const struct cells *cells;
    uint32_t column;
    uint32_t rows;          /* that count */
    const uint32_t *place;  /* [cells->rows] where the row goes, or COLUMN_NO_PLACE */
};

#define COLUMN_NO_PLACE UINT32_MAX

/* Describe the column (all but out->fallback).  When it is left out, out->bins is 0 and reason says why. */
MUST_USE status column_learn(struct dictionary_column *out, char reason[COLUMN_REASON_MAX],
                             const struct column_view *view, struct fault *f);

#endif
