/* Threads for the loops of the lower layers (crypto/parallel.h).  The calling thread works too. */
#ifndef HEFU_POOL_H
#define HEFU_POOL_H

#include "crypto/parallel.h"
#include "crypto/status.h"

enum { POOL_THREADS_MAX = 64 };

struct pool;

/* threads: 1 to POOL_THREADS_MAX, the calling one included. */
MUST_USE status pool_new(struct pool **out, uint32_t threads, struct fault *f);
void pool_free(struct pool *pool); /* NULL is fine; no loop may be under way */

/* Loops by this pool, from one thread at a time.  A loop within a loop runs in line. */
struct parallel pool_parallel(struct pool *pool);

/* The processors that this process may use, at most POOL_THREADS_MAX. */
uint32_t pool_processors(void);

#endif
