/* What a person should know about a table that was loaded: sentences for display, and counts. */
#ifndef HEFU_TABLE_NOTES_H
#define HEFU_TABLE_NOTES_H

#include "crypto/status.h"

#include <stdbool.h>

struct table_note {
    bool warning; /* something to look into, not only to know */
    char *text;   /* one lower-case sentence about columns and counts, never a value */
};

struct table_notes {
    struct table_note *list;
    size_t count, cap;

    uint32_t rows_read;          /* data rows of the file, empty ones not counted */
    uint32_t rows_empty;         /* rows without any value, skipped */
    uint32_t duplicates;         /* exact duplicate rows, dropped */
    uint32_t conflicts;          /* rows dropped whose id came before with other values */
    uint32_t columns_left_out;
    uint64_t cells_missing;      /* in used columns and rows */
    uint64_t cells_unknown;      /* table_apply: values that the dictionary does not know */
    uint32_t positives;          /* rows with label 1 */
    uint32_t split_train, split_test, split_unlisted; /* rows, when there is a split */
};

void table_notes_clear(struct table_notes *n);
MUST_USE status table_notes_add(struct table_notes *n, bool warning, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
