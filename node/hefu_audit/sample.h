/* Rows of a party's table for a comparison with the systems they came from: replay shows that the session used these data, and only
 * such a comparison that they are true.  [AUDIT R8] */
#ifndef HEFU_AUDIT_SAMPLE_H
#define HEFU_AUDIT_SAMPLE_H

#include "node/hefu_audit/premises.h"

enum { SAMPLE_MAX = 10000 };

/* That many rows, all when there are fewer, in a new file (0600) of tab-separated values: the id and, for every column, the bin that
 * the session used.  Which rows follows from the whole log, so nobody chose them and everybody draws the same.  Returns how many in
 * *written. */
MUST_USE status sample_write(uint32_t *written, const struct premises *p, uint32_t count, const char *path, struct fault *f);

#endif
