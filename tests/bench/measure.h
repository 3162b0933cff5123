/* What the benchmark programs share: CPU time of this thread, turns with the plain library, tab-separated lines
 * "name size unit value ratio".
 *
 * The ratio is ours to the plain library's in the same run: the two take turns, and the median of their quotients counts;
 * '-' where there is nothing to compare.  Each program is one source file and includes this once. */
#ifndef HEFU_BENCH_MEASURE_H
#define HEFU_BENCH_MEASURE_H

#include "crypto/paillier.h"
#include "crypto/rng.h"

#include <errno.h>
#include <getopt.h>
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
    double per_call;       /* operations of one call; 0 is 1 */
    double plain_per_call; /* of the plain library's; 0: as many */
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

static inline void measure(const struct task *t)
{
    const int rounds = options.quick ? 3 : ROUNDS;
    const double each = t->per_call > 0 ? t->per_call : 1, plain_each = t->plain_per_call > 0 ? t->plain_per_call : each;
    double rate[ROUNDS], ratio[ROUNDS] = {0};

    if (!wanted(t->name))
        return;
    for (int i = 0; i < rounds; i++) {
        bignum_wipe_freed_memory(); /* as in the node */
        rate[i] = calls_per_second(t->ours, t->ctx) * each;
        if (t->plain) {
            mp_set_memory_functions(NULL, NULL, NULL); /* GMP as everybody uses it */
            ratio[i] = rate[i] / (calls_per_second(t->plain, t->ctx) * plain_each);
        }
    }
    bignum_wipe_freed_memory();
    print(t->name, t->size, "1/s", median(rate, rounds), median(ratio, rounds));
}

static inline void seeded(struct rng *g, const char *purpose)
{
    static const struct rng_key key = {.bytes = {1}};

    rng_init(g, &key, &(struct rng_address){.purpose = purpose});
}

/* ---- the face ---- */

static int usage_error(const char *what)
{
    fprintf(stderr, "%s: error: %s\n%s: hint: see %s --help\n", program_invocation_short_name, what,
            program_invocation_short_name, program_invocation_short_name);
    return 2;
}

/* --quick, --bits N, --only NAME and --help into options; bits gets the key lengths to measure, up to two.  Returns how many,
 * or 0 when the program has nothing more to do but to end with *code. */
static int options_read(int argc, char **argv, const char *help, uint32_t bits[2], int *code)
{
    static const struct option list[] = {{"quick", no_argument, NULL, 'q'},
                                         {"bits", required_argument, NULL, 'b'},
                                         {"only", required_argument, NULL, 'o'},
                                         {"help", no_argument, NULL, 'h'},
                                         {0}};
    int c;

    *code = 2;
    while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
        switch (c) {
        case 'q': options.quick = 1; break;
        case 'b': options.bits = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'o': options.only = optarg; break;
        case 'h': fputs(help, stdout); *code = 0; return 0;
        default: usage_error("unknown option"); return 0;
        }
        if (c == 'b' && (options.bits < 512 || options.bits > PAILLIER_BITS_MAX || options.bits % 64)) {
            usage_error("--bits takes 512 to 4096 in steps of 64");
            return 0;
        }
    }
    if (optind < argc) {
        usage_error("unknown argument");
        return 0;
    }
    bits[0] = options.bits ? options.bits : options.quick ? QUICK_BITS : PAILLIER_BITS_FLOOR;
    bits[1] = PAILLIER_BITS_DEFAULT;
    return options.bits || options.quick ? 1 : 2;
}

#endif
