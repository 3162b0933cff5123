/* Loops that a caller may spread over threads.
 *
 * The first three layers start no thread: a pool comes in as an argument (node/local/pool.h), and without one the loop
 * runs in line.  What a loop computes for an item depends on the item alone, so the bytes are the same for any number of
 * threads. */
#ifndef HEFU_PARALLEL_H
#define HEFU_PARALLEL_H

#include <stddef.h>

/* Do items [first, first + count). */
typedef void parallel_body(void *ctx, size_t first, size_t count);

struct parallel {
    void *pool; /* NULL: in line */
    /* Calls body on pieces of [0, total), each a multiple of grain items but the last; returns when all are done. */
    void (*run)(void *pool, size_t total, size_t grain, parallel_body *body, void *ctx);
};

/* grain is at least 1. */
static inline void parallel_for(const struct parallel *p, size_t total, size_t grain, parallel_body *body, void *ctx)
{
    if (p && p->run)
        p->run(p->pool, total, grain, body, ctx);
    else if (total)
        body(ctx, 0, total);
}

#endif
