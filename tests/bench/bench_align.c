/* How fast tables are aligned: tab-separated lines "name size unit value ratio", as bench prints them.
 *   bench_align [--quick]    HEFU_FULL=1: 2^20 ids of each of three parties too
 *
 * CPU time, since other programs use the machine.  The ratio is to libsodium one by one in the same run. */
#include "crypto/group.h"
#include "crypto/pair.h"
#include "kit/sim.h"
#include "protocol/align.h"
#include "protocol/handshake.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PARTIES = 3, ROUNDS = 5, KEY_BITS = 384, POINTS = 512 };

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void print(const char *name, const char *size, const char *unit, double value, double ratio)
{
    printf("%s\t%s\t%s\t", name, size, unit);
    printf(value >= 1000 ? "%.0f\t" : "%.4g\t", value);
    if (ratio > 0)
        printf("%.2f\n", ratio);
    else
        printf("-\n");
    fflush(stdout);
}

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_align: error: %s\n", what);
    exit(4);
}

static int compare_doubles(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

static double median(double x[ROUNDS])
{
    qsort(x, ROUNDS, sizeof *x, compare_doubles);
    return x[ROUNDS / 2];
}

/* ---- points ---- */

static struct group_element points[POINTS];
static struct group_scalar scalar;
static char text[POINTS][16], *ids[POINTS];
static const struct hash contract;

static void one_by_one(void)
{
    for (int i = 0; i < POINTS; i++)
        must(crypto_scalarmult_ristretto255(points[i].bytes, scalar.bytes, points[i].bytes) == 0, "a product");
}

static void scale_all(void) { must(group_scale_all(points, &scalar, POINTS, NULL) == OK, "a product"); }
static void check_all(void) { must(group_check_all(points, POINTS, NULL) == OK, "a point"); }
static void hash_all(void) { must(group_hash_scale_all(points, &scalar, &contract, 0, ids, POINTS, NULL) == OK, "an id"); }

static double rate(void (*work)(void))
{
    const double began = seconds(CLOCK_THREAD_CPUTIME_ID);

    work();
    return POINTS / (seconds(CLOCK_THREAD_CPUTIME_ID) - began);
}

static void bench_points(const char *name, void (*work)(void))
{
    double ours[ROUNDS], ratio[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = rate(work);
        ratio[i] = ours[i] / rate(one_by_one);
    }
    print(name, pair_tier_name(), "1/s", median(ours), median(ratio));
}

/* ---- whole alignments ---- */

static status forget(void *ctx, uint64_t seq, const uint8_t *body, size_t len, struct fault *f)
{
    (void)ctx, (void)seq, (void)body, (void)len, (void)f;
    return OK;
}

static status alignment(struct sim_party *me)
{
    const struct hash data = {{0}};
    uint32_t common;

    me->ss.journal.body = forget;
    TRY(handshake_run(&me->ss, &data));
    TRY(align_run(&me->ss, &me->result.position, &common, me->data->ids, me->data->rows));
    me->result.population.rows = common;
    return OK;
}

static void bench_alignment(uint32_t rows, uint32_t threads)
{
    struct dataset data[PARTIES];
    static struct sim sim;
    struct rusage use;
    uint64_t bytes = 0;
    double cpu, elapsed;
    char size[64];

    for (party p = 0; p < PARTIES; p++)
        sim_dataset(&data[p], 1, p, rows, rows + rows / 4, 1, 2, p == 0);
    sim_contract(&sim, PARTIES, data, KEY_BITS, 2);
    sim_approve(&sim, 1);
    sim.threads = threads;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    elapsed = seconds(CLOCK_MONOTONIC);
    must(sim_run(&sim, alignment) == OK, sim.party[0].ss.fault.message);
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    elapsed = seconds(CLOCK_MONOTONIC) - elapsed;
    getrusage(RUSAGE_SELF, &use);
    for (party p = 0; p < PARTIES; p++)
        if (sim.party[p].ss.phase_bytes[PHASE_ALIGN] > bytes)
            bytes = sim.party[p].ss.phase_bytes[PHASE_ALIGN];
    snprintf(size, sizeof size, "%dx%u, threads %u", PARTIES, rows, threads);
    print("align_cpu_of_a_party", size, "s", cpu / PARTIES, 0);
    print("align_elapsed_of_all", size, "s", elapsed, 0);
    print("align_sent_by_a_party", size, "bytes", (double)bytes, 0);
    print("align_memory_of_all", size, "MB", (double)use.ru_maxrss / 1e3, 0);
    print("align_common", size, "1", sim.party[0].result.population.rows, 0);
    sim_clear(&sim);
    for (party p = 0; p < PARTIES; p++)
        dataset_clear(&data[p]);
}

int main(int argc, char **argv)
{
    const int quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    struct rng_key key = {{1}};
    struct rng g;

    if (argc > 1 && !quick) {
        fputs("usage: bench_align [--quick]\n", stderr);
        return 2;
    }
    must(sodium_init() >= 0, "libsodium does not start");
    rng_init(&g, &key, &(struct rng_address){.purpose = "bench align"});
    group_scalar_random(&scalar, &g);
    for (int i = 0; i < POINTS; i++) {
        ids[i] = text[i];
        snprintf(text[i], sizeof text[i], "person %d", i);
    }
    printf("name\tsize\tunit\tvalue\tratio\n");
    for (int best = 1; best >= 0; best--) {
        must(pair_tier_use(best ? NULL : "scalar") == OK, "a tier");
        bench_points("points_hash_scale", hash_all);
        bench_points("points_scale", scale_all);
        bench_points("points_check", check_all);
    }
    must(pair_tier_use(NULL) == OK, "a tier");
    for (uint32_t threads = 1; threads <= 2; threads++)
        bench_alignment(quick ? 1 << 10 : 1 << 16, threads);
    if (getenv("HEFU_FULL"))
        bench_alignment(1 << 20, 2);
    return 0;
}
