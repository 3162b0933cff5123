/* A party's own integer preconditioner: M = round(2^f_m (X^T X / 4 + max(ridge, 2^-10) n I)^-1).  [SPEC 4.4]
 *
 * X is the one-hot matrix of the codes of the n training rows.  Everything here is local; peers see nothing of it.
 * Doubles are used to invert, in a fixed order of operations; what is kept are integers. */
#ifndef HEFU_PRECONDITION_H
#define HEFU_PRECONDITION_H

#include "protocol/correlate.h"

enum { PRECONDITION_DENSE_MAX = 640 }; /* wider blocks use the diagonal */

struct precondition {
    uint32_t width;
    int diagonal;
    int32_t *entry; /* [width * width] or [width] */
};

/* Both bounds of SPEC 4.4 are checked exactly for every row; when the dense form does not meet them the diagonal is
 * used, which always does. */
MUST_USE status precondition_make(struct precondition *out, const struct matrix *m, const struct plan *plan,
                                  uint32_t ridge_micro);
void precondition_clear(struct precondition *p);

/* out[a] = sum_j M[a][j] x[j] mod 2^128. */
void precondition_apply(ring *out, const struct matrix *m, const ring *x);

#endif
