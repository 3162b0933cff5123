#include "node/local/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    STACK_BYTES = 2 << 20,  /* a default stack counts 8 MB each against limits.memory_mb */
    PIECES_PER_THREAD = 4,  /* of what is left: pieces shrink, so that all threads end together */
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t begun, ended; /* a loop, or the pool's end; the last piece of a loop */
    pthread_t thread[POOL_THREADS_MAX];
    uint32_t threads, started;   /* with and without the caller */
    int busy, closing;
    /* the loop under way */
    parallel_body *body;
    void *ctx;
    size_t next, total, grain;
    uint32_t running; /* pieces */
};

/* Take pieces until none is left.  Called and left with the lock held. */
static void work(struct pool *pool)
{
    while (pool->next < pool->total) {
        const size_t first = pool->next, left = pool->total - first;
        size_t count = left / pool->threads / PIECES_PER_THREAD / pool->grain * pool->grain;

        if (count < pool->grain)
            count = pool->grain < left ? pool->grain : left;
        pool->next += count;
        pool->running++;
        pthread_mutex_unlock(&pool->lock);
        pool->body(pool->ctx, first, count);
        pthread_mutex_lock(&pool->lock);
        pool->running--;
    }
}

static void *worker(void *arg)
{
    struct pool *pool = arg;

    pthread_mutex_lock(&pool->lock);
    while (!pool->closing) {
        work(pool);
        if (pool->running == 0)
            pthread_cond_signal(&pool->ended);
        if (!pool->closing && pool->next == pool->total)
            pthread_cond_wait(&pool->begun, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void run(void *ctx, size_t total, size_t grain, parallel_body *body, void *body_ctx)
{
    struct pool *pool = ctx;

    assert(grain >= 1);
    /* busy is ours to read: it changes only between loops, and a loop within a loop is ordered by the lock. */
    if (pool->busy || pool->threads == 1 || total <= grain) {
        if (total)
            body(body_ctx, 0, total);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->busy = 1;
    pool->body = body;
    pool->ctx = body_ctx;
    pool->next = 0;
    pool->total = total;
    pool->grain = grain;
    pthread_cond_broadcast(&pool->begun);
    work(pool);
    while (pool->running)
        pthread_cond_wait(&pool->ended, &pool->lock);
    pool->busy = 0;
    pthread_mutex_unlock(&pool->lock);
}

/* Signals are for the thread that made the pool. */
static status start_workers(struct pool *pool)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    status result = OK;

    if (pthread_attr_init(&attributes) != 0)
        return STATUS_NO_MEMORY;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (result == OK && pool->started + 1 < pool->threads) {
        if (pthread_create(&pool->thread[pool->started], &attributes, worker, pool) == 0)
            pool->started++;
        else
            result = STATUS_NO_MEMORY;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return result;
}

status pool_new(struct pool **out, uint32_t threads, struct fault *f)
{
    struct pool *pool;
    status result;

    assert(threads >= 1 && threads <= POOL_THREADS_MAX);
    TRY(alloc_zeroed(&pool, 1, sizeof *pool));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->begun, NULL);
    pthread_cond_init(&pool->ended, NULL);
    pool->threads = threads;
    result = start_workers(pool);
    if (result != OK) {
        pool_free(pool);
        (void)fault_set(f, result, "no memory for %u threads", threads);
        fault_hint(f, "lower limits.threads in node.yaml");
        return result;
    }
    *out = pool;
    return OK;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = 1;
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->started; i++)
        pthread_join(pool->thread[i], NULL);
    pthread_cond_destroy(&pool->begun);
    pthread_cond_destroy(&pool->ended);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct parallel pool_parallel(struct pool *pool)
{
    return (struct parallel){pool, run};
}

uint32_t pool_processors(void)
{
    cpu_set_t set;
    int count;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1; /* more processors than the set holds: the operator says how many */
    count = CPU_COUNT(&set);
    return count > POOL_THREADS_MAX ? POOL_THREADS_MAX : (uint32_t)count;
}
