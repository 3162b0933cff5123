/* CSV files as they are in life: UTF-8 with or without a byte order mark; LF, CRLF or CR; quotes (RFC 4180, strict);
 * comma, or semicolon or tab where the header has no comma.  Blank lines are skipped.  Every failure names file, line
 * and what to do. */
#ifndef HEFU_CSV_H
#define HEFU_CSV_H

#include "training/cells.h"

/* A table from bytes in memory; name is what messages call it.  *cells zeroed by the caller, and so on failure. */
MUST_USE status csv_read_bytes(struct cells *cells, const char *name, const void *bytes, size_t len, struct fault *f);

/* A table from a file. */
MUST_USE status csv_read_file(struct cells *cells, const char *path, struct fault *f);

/* The column names only, from the first MiB of a file. */
MUST_USE status csv_read_header(struct cells *cells, const char *path, struct fault *f);

#endif
