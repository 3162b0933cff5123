/* How fast tables are aligned: tab-separated lines "name size unit value ratio", as bench prints them.
 * (--help says the rest).  CPU time, since other programs use the machine. */
#include "crypto/group.h"
#include "crypto/pair.h"
#include "kit/sim.h"
#include "protocol/align.h"
#include "protocol/handshake.h"

#include "measure.h"

#include <sodium.h>
#include <sys/resource.h>

enum { PARTIES = 3, KEY_BITS = 384, POINTS = 512, QUICK_ROWS = 1 << 10, ROWS = 1 << 16, FULL_ROWS = 1 << 20 };

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_align: error: %s\n", what);
    exit(4);
}

/* ---- points ---- */

static struct group_element points[POINTS];
static struct group_scalar scalar;
static char text[POINTS][16], *ids[POINTS];
static const struct hash contract;

static void one_by_one(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < POINTS; i++)
        must(crypto_scalarmult_ristretto255(points[i].bytes, scalar.bytes, points[i].bytes) == 0, "a product");
}

static void scale_all(void *ctx)
{
    (void)ctx;
    must(group_scale_all(points, &scalar, POINTS, NULL) == OK, "a product");
}

static void check_all(void *ctx)
{
    (void)ctx;
    must(group_check_all(points, POINTS, NULL) == OK, "a point");
}

static void hash_all(void *ctx)
{
    (void)ctx;
    must(group_hash_scale_all(points, &scalar, &contract, 0, ids, POINTS, NULL) == OK, "an id");
}

static void bench_points(const char *name, work *ours)
{
    measure(&(struct task){name, pair_tier_name(), ours, one_by_one, NULL, POINTS, 0});
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

    if (!wanted("align"))
        return;
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

static const char help[] =
    "usage: bench_align [--quick] [--only NAME]\n"
    "\n"
    "How fast tables are aligned: tab-separated lines of name, size, unit, value and the ratio to libsodium's product\n"
    "one by one in the same run.\n"
    "\n"
    "  --quick      a little of everything\n"
    "  --only NAME  the lines whose name begins with NAME: points_hash_scale, points_scale, points_check, align\n"
    "  --help       this\n"
    "\n"
    "HEFU_FULL=1: 2^20 ids of each of three parties too.\n";

int main(int argc, char **argv)
{
    struct rng g;
    uint32_t bits[2];
    int code;

    if (!options_read(argc, argv, help, bits, &code))
        return code;
    must(sodium_init() >= 0, "libsodium does not start");
    seeded(&g, "bench align");
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
        bench_alignment(options.quick ? QUICK_ROWS : ROWS, threads);
    if (getenv("HEFU_FULL"))
        bench_alignment(FULL_ROWS, 2);
    return options.printed ? 0 : usage_error("no line begins with the name that --only gives");
}
