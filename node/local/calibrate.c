#include "node/local/calibrate.h"

#include "crypto/group.h"
#include "crypto/pair.h"
#include "node/local/calibrate_parts.h"
#include "node/local/files.h"
#include "node/local/pool.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5, POINTS = 512 };
static const double SLICE_S = 0.04, SLICE_QUICK_S = 0.005;

/* ---- measuring ---- */

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double gauge_cpu_s(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double gauge_wall_s(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static int compare(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

double gauge_each(const struct gauge *g, gauge_work *work, void *ctx, double count)
{
    double taken[ROUNDS];

    for (int i = 0; i < g->rounds; i++) {
        const double began = gauge_cpu_s();
        uint64_t calls = 0;

        do {
            work(ctx);
            calls++;
            taken[i] = gauge_cpu_s() - began;
        } while (taken[i] < g->slice_s);
        taken[i] /= (double)calls;
    }
    qsort(taken, (size_t)g->rounds, sizeof *taken, compare);
    return taken[g->rounds / 2] / count * 1e9;
}

void gauge_rng(struct rng *out, const char *purpose)
{
    static const struct rng_key key = {.bytes = {1}};

    rng_init(out, &key, &(struct rng_address){.purpose = purpose});
}

/* ---- points of the alignment ---- */

struct points {
    struct group_scalar key;
    struct hash contract;
    char **ids;
    struct group_element *point;
    status state;
};

static void note(status *state, status result)
{
    if (result != OK)
        *state = result;
}

static void hash_points(void *ctx)
{
    struct points *p = ctx;

    note(&p->state, group_hash_scale_all(p->point, &p->key, &p->contract, 0, p->ids, POINTS, NULL));
}

static void scale_points(void *ctx)
{
    struct points *p = ctx;

    note(&p->state, group_scale_all(p->point, &p->key, POINTS, NULL));
}

static void check_points(void *ctx)
{
    struct points *p = ctx;

    note(&p->state, group_check_all(p->point, POINTS, NULL));
}

status calibrate_points(struct rates *r, const struct gauge *g)
{
    struct dataset people AUTO(dataset_clear) = {0};
    struct group_element *point AUTO(auto_free) = NULL;
    struct points p = {.state = OK};
    struct rng rng AUTO(rng_clear) = {0};

    TRY(gauge_table(&people, POINTS, 1, 2));
    TRY(alloc_zeroed(&point, POINTS, sizeof *point));
    gauge_rng(&rng, "points");
    group_scalar_random(&p.key, &rng);
    p.ids = people.ids;
    p.point = point;
    r->point_hash = gauge_each(g, hash_points, &p, POINTS);
    r->point_scale = gauge_each(g, scale_points, &p, POINTS);
    r->point_check = gauge_each(g, check_points, &p, POINTS);
    return p.state;
}

/* ---- the whole ---- */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
    (void)st, (void)flag, (void)where;
    return remove(path);
}

static void remove_tree(char (*dir)[FILES_PATH_BYTES])
{
    if ((*dir)[0])
        (void)!nftw(*dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The name that the kernel gives the processor. */
static void name_processor(char out[RATES_TEXT])
{
    FILE *info = fopen("/proc/cpuinfo", "re");
    char line[256];

    strcpy(out, "unknown");
    while (info && fgets(line, sizeof line, info)) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        snprintf(out, RATES_TEXT, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (info)
        fclose(info);
}

static void sign_rates(struct rates *r)
{
    const time_t now = time(NULL);
    struct tm t;

    gmtime_r(&now, &t);
    strftime(r->date, sizeof r->date, "%Y-%m-%d", &t);
    snprintf(r->tier, sizeof r->tier, "%s", pair_tier_name());
    name_processor(r->processor);
    r->threads = pool_processors();
}

static void say(const struct calibration *how, const char *what, uint32_t done, uint32_t total)
{
    if (how->step)
        how->step(how->ctx, what, done, total);
}

status calibrate(struct rates *r, const struct calibration *how, struct fault *f)
{
    char dir[FILES_PATH_BYTES] AUTO(remove_tree) = "";
    const struct gauge g = {how->quick ? 1 : ROUNDS, how->quick ? SLICE_QUICK_S : SLICE_S, dir};
    const uint32_t total = (how->key_bits ? 1 : RATES_KEYS) + 4;
    uint32_t done = 0;

    TRY(files_join(dir, how->dir, "calibrate-XXXXXX", f));
    if (!mkdtemp(dir)) {
        fault_set(f, STATUS_CONFIG, "%s: cannot be made: %s", dir, strerror(errno));
        dir[0] = '\0';
        return STATUS_CONFIG;
    }
    sign_rates(r);
    for (size_t i = 0; i < RATES_KEYS; i++) {
        struct rates_of_key *key = &r->key[i];
        char what[32];

        if (how->key_bits && key->bits != how->key_bits)
            continue;
        snprintf(what, sizeof what, "keys of %u bits", key->bits);
        say(how, what, done++, total);
        TRY(calibrate_key(key, &g, key->bits, rates_lanes(r)));
        key->measured = 1;
    }
    say(how, "points", done++, total);
    TRY(calibrate_points(r, &g));
    say(how, "tables", done++, total);
    TRY(calibrate_tables(r, &g, f));
    say(how, "oblivious transfers", done++, total);
    TRY(calibrate_sigmoid(r, &g));
    say(how, "records", done++, total);
    TRY(calibrate_records(r, &g, f));
    say(how, "done", total, total);
    return OK;
}
