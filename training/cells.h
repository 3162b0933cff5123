/* A table as text: a header and rows of clean cells (see text_clean), as a reader of some file format hands it over. */
#ifndef HEFU_CELLS_H
#define HEFU_CELLS_H

#include "crypto/status.h"

enum {
    CELLS_COLUMNS_MAX = 4096,     /* columns of a file, used or not */
    CELLS_ROWS_MAX = 2000000000,
};

/* The cells of one column, one behind the other: work goes column by column, and this keeps it in the cache. */
struct cells_column {
    char *text;   /* every cell, terminated; the header's first */
    size_t text_len, text_cap;
    size_t *at;   /* where each cell starts in text */
    size_t num_at, cap_at;
};

struct cells {
    char *origin;      /* what messages call the table: its path */
    uint32_t columns;  /* 0 until the header is complete */
    uint32_t rows;     /* the header is not counted */
    uint32_t header_line;
    struct cells_column *column;
    size_t num_column, cap_column;
    uint32_t *line;    /* [rows] the line of the file on which the row starts */
    size_t cap_line;
    size_t pending;    /* cells of the row being added */
};

MUST_USE status cells_init(struct cells *c, const char *origin);
void cells_clear(struct cells *c); /* wipes */

/* Append one cell to the current row; STATUS_CONFIG when it is not UTF-8. */
MUST_USE status cells_add(struct cells *c, const char *text, size_t len);

/* Close the current row, which starts on that line.  The first one is the header: its names must be distinct and short.
 * Every other one has as many cells as the header.  Fails in words. */
MUST_USE status cells_end_row(struct cells *c, uint32_t line, struct fault *f);

const char *cells_name(const struct cells *c, uint32_t column);
const char *cells_get(const struct cells *c, uint32_t row, uint32_t column);

/* The column of that name, or c->columns. */
uint32_t cells_find(const struct cells *c, const char *name);

/* The same, but fails in words: lists the columns there are and suggests the nearest name.  what: "id", "label", ... */
MUST_USE status cells_require(uint32_t *column, const struct cells *c, const char *name, const char *what,
                              struct fault *f);

#endif
