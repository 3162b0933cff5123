/* Loops over threads: each item once, in whole grains, all done at return. */
#include "node/local/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sched.h>

enum { ITEMS_MAX = 3000 };

/* Plain integers: two threads at one item would be a race, and a wrong count. */
struct tally {
    size_t total, grain;
    uint8_t times[ITEMS_MAX];
    uint8_t ragged[ITEMS_MAX]; /* at the first item of a piece that is not whole grains */
};

static struct pool *pool_of(uint32_t threads)
{
    struct pool *pool = NULL;

    assert_int_equal(pool_new(&pool, threads, NULL), OK);
    return pool;
}

static void count_items(void *ctx, size_t first, size_t count)
{
    struct tally *t = ctx;

    t->ragged[first] = first % t->grain || (count % t->grain && first + count != t->total) || count == 0;
    for (size_t i = first; i < first + count; i++)
        t->times[i]++;
}

static void every_item_is_done_exactly_once_in_whole_grains(void **state)
{
    static const uint32_t threads[] = {1, 2, 3, 7, POOL_THREADS_MAX};
    static const size_t totals[] = {0, 1, 2, 3, 15, 16, 17, 64, 100, 1000, 2999, ITEMS_MAX}, grains[] = {1, 2, 3, 16, 100, 5000};

    (void)state;
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        struct pool *pool = pool_of(threads[i]);
        struct parallel p = pool_parallel(pool);

        for (size_t j = 0; j < sizeof totals / sizeof totals[0]; j++)
            for (size_t k = 0; k < sizeof grains / sizeof grains[0]; k++) {
                struct tally t = {.total = totals[j], .grain = grains[k]};

                parallel_for(&p, t.total, t.grain, count_items, &t);
                for (size_t n = 0; n < ITEMS_MAX; n++) {
                    assert_int_equal(t.times[n], n < t.total);
                    assert_int_equal(t.ragged[n], 0);
                }
            }
        pool_free(pool);
    }
}

static void items_are_done_once_in_line_without_a_pool(void **state)
{
    struct tally t = {.total = 100, .grain = 7};

    (void)state;
    parallel_for(&(struct parallel){0}, t.total, t.grain, count_items, &t);
    parallel_for(NULL, 1, 1, count_items, &t);
    assert_int_equal(t.times[0], 2);
    for (size_t n = 1; n < ITEMS_MAX; n++)
        assert_int_equal(t.times[n], n < t.total);
}

/* The storage of each loop dies at its return: a late piece would write to what the next loop reads. */
static void nothing_runs_after_the_loop_has_returned(void **state)
{
    struct pool *pool = pool_of(4);
    struct parallel p = pool_parallel(pool);

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct tally *t = calloc(1, sizeof *t);

        assert_non_null(t);
        t->total = 1 + (size_t)round % 50;
        t->grain = 1;
        parallel_for(&p, t->total, t->grain, count_items, t);
        for (size_t n = 0; n < t->total; n++)
            assert_int_equal(t->times[n], 1);
        free(t);
    }
    pool_free(pool);
}

/* Ends only when two pieces are under way at once. */
static void meet(void *ctx, size_t first, size_t count)
{
    int *arrived = ctx;

    (void)first;
    __atomic_add_fetch(arrived, (int)count, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) < 2)
        sched_yield();
}

static void two_threads_work_at_the_same_time(void **state)
{
    struct pool *pool = pool_of(2);
    struct parallel p = pool_parallel(pool);
    int arrived = 0;

    (void)state;
    parallel_for(&p, 2, 1, meet, &arrived);
    assert_int_equal(arrived, 2);
    pool_free(pool);
}

enum { OUTER = 20 };

struct nest {
    struct parallel parallel;
    struct tally inner[OUTER];
};

static void loop_again(void *ctx, size_t first, size_t count)
{
    struct nest *nest = ctx;

    for (size_t i = first; i < first + count; i++)
        parallel_for(&nest->parallel, nest->inner[i].total, nest->inner[i].grain, count_items, &nest->inner[i]);
}

static void a_loop_within_a_loop_runs_in_line(void **state)
{
    struct pool *pool = pool_of(3);
    struct nest *nest = calloc(1, sizeof *nest);

    (void)state;
    assert_non_null(nest);
    nest->parallel = pool_parallel(pool);
    for (size_t i = 0; i < OUTER; i++)
        nest->inner[i] = (struct tally){.total = 200 + i, .grain = 1};
    parallel_for(&nest->parallel, OUTER, 1, loop_again, nest);
    for (size_t i = 0; i < OUTER; i++)
        for (size_t n = 0; n < ITEMS_MAX; n++)
            assert_int_equal(nest->inner[i].times[n], n < nest->inner[i].total);
    free(nest);
    pool_free(pool);
}

static void the_processors_that_may_be_used_are_counted(void **state)
{
    cpu_set_t before, one;
    size_t first = 0;

    (void)state;
    assert_true(pool_processors() >= 1 && pool_processors() <= POOL_THREADS_MAX);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(pool_processors(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_exactly_once_in_whole_grains),
        cmocka_unit_test(items_are_done_once_in_line_without_a_pool),
        cmocka_unit_test(nothing_runs_after_the_loop_has_returned),
        cmocka_unit_test(two_threads_work_at_the_same_time),
        cmocka_unit_test(a_loop_within_a_loop_runs_in_line),
        cmocka_unit_test(the_processors_that_may_be_used_are_counted),
    };

    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
