/* What the benchmark programs share: CPU time of this thread, turns with the plain library, tab-separated lines
 * "name size unit value ratio".
 *
 * The ratio is ours to the plain library's in the same run: the two take turns, and the median of their quotients counts;
 * '-' where there is nothing to compare.  Each program is one source file and includes this once. */
#ifndef HEFU_BENCH_MEASURE_H
#define HEFU_BENCH_MEASURE_H

#include "crypto/bignum.h"
#include "crypto/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, QUICK_BITS = 512, NAME_COLUMNS = 64 };

static struct {
    int quick;
    uint32_t bits;    /* 0: the lengths of the contract's default and floor */
    const char *only; /* beginning of the names to run; "" for all */
    int printed;
} options = {.only = ""};

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int wanted(const char *name)
{
    return strncmp(name, options.only, strlen(options.only)) == 0;
}

/* ratio 0: none. */
static void print(const char *name, const char *size, const char *unit, double value, double ratio)
{
    printf("%s\t%s\t%s\t", name, size, unit);
    printf(value >= 1000 ? "%.0f" : "%.4g", value);
    if (ratio > 0)
        printf("\t%.2f\n", ratio);
    else
        printf("\t-\n");
    fflush(stdout);
    options.printed++;
}

/* ---- ours and the plain library's in turns ---- */

typedef void work(void *ctx);

struct task {
    const char *name, *size;
    work *ours, *plain; /* plain may be NULL */
    void *ctx;
    double per_call; /* operations of one call; 0 is 1 */
};

static double calls_per_second(work *w, void *ctx)
{
    const double slice_s = options.quick ? 0.02 : 0.4, began = cpu_s();
    double passed;
    uint64_t calls = 0;

    do {
        w(ctx);
        calls++;
        passed = cpu_s() - began;
    } while (passed < slice_s);
    return (double)calls / passed;
}

static int compare_doubles(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

static double median(double *x, int count)
{
    qsort(x, (size_t)count, sizeof *x, compare_doubles);
    return x[count / 2];
}

static void measure(const struct task *t)
{
    const int rounds = options.quick ? 3 : ROUNDS;
    double rate[ROUNDS], ratio[ROUNDS] = {0};

    if (!wanted(t->name))
        return;
    for (int i = 0; i < rounds; i++) {
        bignum_wipe_freed_memory(); /* as in the node */
        rate[i] = calls_per_second(t->ours, t->ctx);
        if (t->plain) {
            mp_set_memory_functions(NULL, NULL, NULL); /* GMP as everybody uses it */
            ratio[i] = rate[i] / calls_per_second(t->plain, t->ctx);
        }
    }
    bignum_wipe_freed_memory();
    print(t->name, t->size, "1/s", median(rate, rounds) * (t->per_call > 0 ? t->per_call : 1), median(ratio, rounds));
}

static void seeded(struct rng *g, const char *purpose)
{
    static const struct rng_key key = {{1}};

    rng_init(g, &key, &(struct rng_address){.purpose = purpose});
}

#endif
