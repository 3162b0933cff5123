/* A correlation as bytes, in one canonical form, written and read as a stream: for whoever keeps it between the offline and
 * the online phase.  Nothing of it may be seen by anybody: the caller seals it.  [SPEC 2.5.2] */
#ifndef HEFU_CORRELATE_STORE_H
#define HEFU_CORRELATE_STORE_H

#include "protocol/correlate.h"

/* Where bytes go, and where they come from; get fails when fewer are left than asked for. */
struct byte_sink {
    void *ctx;
    status (*put)(void *ctx, const void *bytes, size_t len, struct fault *f);
};

struct byte_source {
    void *ctx;
    status (*get)(void *ctx, void *bytes, size_t len, struct fault *f);
};

MUST_USE status correlation_write(const struct correlation *c, const struct byte_sink *to, struct fault *f);
/* Of party self, for n training rows under this contract; every length follows from them.  STATUS_MISMATCH when a number
 * is outside the ring. */
MUST_USE status correlation_read(struct correlation *out, const struct contract *contract, party self, uint32_t n,
                                 const struct byte_source *from, struct fault *f);

#endif
