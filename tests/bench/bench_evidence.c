/* What the evidence costs a session: bytes of log for each message, and the share of the time that goes into writing, signing,
 * checking, hashing and syncing it.  Three parties train in one process, each with its journal on disk as a node has it; the
 * functions that only evidence needs are timed where they are called (tests/CMakeLists.txt wraps them).  With replay sealed the
 * bodies received are written too.
 *
 *     evidence_bytes_a_message   log bytes of all parties to messages sent
 *     evidence_of_cpu            CPU time of the evidence to that of all, in percent, of the worst party; then of what
 *     evidence_of_time           the same with the time that writing and syncing waits, to the session's time */
#include "kit/sim.h"
#include "kit/suite.h"

#include "bench/measure.h"
#include "node/local/journal.h"
#include "protocol/log.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARTIES_HERE = 3, ROWS = 30000, ROWS_QUICK = 600, COLUMNS = 8, BINS = 10, PASSES = 14 };

enum kind { SIGNATURES, RECORDS, TAGS, COMMITMENT, DISK, KINDS };
static const char *const kind_names[] = {"signatures", "records", "tags", "commitment", "disk"};

/* Of the party whose thread this is: seconds. */
static _Thread_local double in_evidence[KINDS], waiting;

static double wall_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* tests/CMakeLists.txt lists the names. */
#define TIMED(kind, type, name, parameters, arguments) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters \
    { \
        const double began = cpu_s(); \
        type result = __real_##name arguments; \
\
        in_evidence[kind] += cpu_s() - began; \
        return result; \
    }
#define TIMED_VOID(kind, name, parameters, arguments) \
    void __real_##name parameters; \
    void __wrap_##name parameters; \
    void __wrap_##name parameters \
    { \
        const double began = cpu_s(); \
\
        __real_##name arguments; \
        in_evidence[kind] += cpu_s() - began; \
    }

TIMED_VOID(SIGNATURES, sign_make, (struct signature *sig, const struct sign_secret *sec, const char *tag, const void *bytes, size_t len),
           (sig, sec, tag, bytes, len))
TIMED(SIGNATURES, status, sign_check, (const struct signature *sig, const struct sign_public *pub, const char *tag, const void *bytes, size_t len),
      (sig, pub, tag, bytes, len))
TIMED_VOID(SIGNATURES, note_sign, (struct signature *out, const struct sign_secret *key, const struct joint_point *j, party self),
           (out, key, j, self))
TIMED(SIGNATURES, status, note_check, (const struct signature *s, const struct sign_public *key, const struct joint_point *j, party p),
      (s, key, j, p))
TIMED_VOID(RECORDS, record_encode, (uint8_t *out, const struct record *r), (out, r))
TIMED(RECORDS, status, record_decode, (struct record *out, const uint8_t *in), (out, in))
TIMED_VOID(RECORDS, entry_head, (struct hash *out, enum suite s, const uint8_t *entry, size_t len), (out, s, entry, len))
TIMED_VOID(RECORDS, merkle_append, (struct merkle *m, const struct hash *leaf), (m, leaf))
TIMED_VOID(TAGS, body_tag, (struct hash *out, const struct rng_key *pair, party sender, uint64_t pair_seq, const void *body, size_t len),
           (out, pair, sender, pair_seq, body, len))
TIMED_VOID(COMMITMENT, data_root_leaf, (struct hash *out, const struct dataset *d, uint32_t row, const struct rng_key *blind),
           (out, d, row, blind))

/* ---- journals on disk ---- */

static char scratch[] = "/tmp/hefu-bench-XXXXXX";

struct kept {
    struct journal_file *file;
    struct journal functions;
    struct wire_writer *log; /* the simulation's own copy, which is counted */
    };
static struct kept kept[PARTIES_HERE];

struct moment { double cpu, wall; };

static struct moment now(void)
{
    return (struct moment){cpu_s(), wall_s()};
}

static status since(const struct moment *began, status result)
{
    const double cpu = cpu_s() - began->cpu;

    in_evidence[DISK] += cpu;
    waiting += wall_s() - began->wall - cpu;
    return result;
}

static status append(void *ctx, const uint8_t *entry, size_t len, struct fault *f)
{
    const struct kept *k = ctx;
    const struct moment began = now();

    wire_put_bytes(k->log, entry, len);
    return since(&began, k->functions.append(k->functions.ctx, entry, len, f));
}

static status body(void *ctx, uint64_t seq, const uint8_t *bytes, size_t len, struct fault *f)
{
    const struct kept *k = ctx;
    const struct moment began = now();

    return since(&began, k->functions.body(k->functions.ctx, seq, bytes, len, f));
}

static status sync_all(void *ctx, struct fault *f)
{
    const struct kept *k = ctx;
    const struct moment began = now();

    return since(&began, k->functions.sync(k->functions.ctx, f));
}

static status reread(void *ctx, uint64_t from, uint8_t *out, size_t len, struct fault *f)
{
    const struct kept *k = ctx;
    const struct moment began = now();

    return since(&began, k->functions.reread(k->functions.ctx, from, out, len, f));
}

static void directory_of(char out[64], party p)
{
    snprintf(out, 64, "%s/%u", scratch, p);
}

status __real_session_init(struct session *ss, const struct contract *c, party self, uint32_t attempt,
                           const struct approval *approvals, const struct rng_key *seed, const struct rng_key *start,
                           struct channel channel, struct journal journal, struct progress progress);
status __wrap_session_init(struct session *ss, const struct contract *c, party self, uint32_t attempt,
                           const struct approval *approvals, const struct rng_key *seed, const struct rng_key *start,
                           struct channel channel, struct journal journal, struct progress progress);
status __wrap_session_init(struct session *ss, const struct contract *c, party self, uint32_t attempt,
                           const struct approval *approvals, const struct rng_key *seed, const struct rng_key *start,
                           struct channel channel, struct journal journal, struct progress progress)
{
    struct kept *k = &kept[self];
    struct sim_party *me = journal.ctx;
    struct fault f = {0};
    char dir[64];

    directory_of(dir, self);
    if (mkdir(dir, 0700) != 0 || journal_open(&k->file, dir, &f) != OK) {
        fprintf(stderr, "bench_evidence: error: %s: %s\n", dir, f.message);
        exit(1);
    }
    k->functions = journal_functions(k->file);
    k->log = &me->log;
    return __real_session_init(ss, c, self, attempt, approvals, seed, start, channel,
                               (struct journal){.ctx = k, .append = append, .body = body, .sync = sync_all, .reread = reread}, progress);
}

/* ---- the session ---- */

static double share_of[KINDS][PARTIES_HERE], share_cpu[PARTIES_HERE], share_time[PARTIES_HERE];

static status timed_run(struct sim_party *me)
{
    const struct moment began = now();
    double cpu, evidence = 0;
    status result;

    memset(in_evidence, 0, sizeof in_evidence);
    waiting = 0;
    result = party_run(&me->result, &me->ss, me->data);
    cpu = cpu_s() - began.cpu;
    for (int k = 0; k < KINDS; k++) {
        share_of[k][me->self] = 100 * in_evidence[k] / cpu;
        evidence += in_evidence[k];
    }
    share_cpu[me->self] = 100 * evidence / cpu;
    share_time[me->self] = 100 * (evidence + waiting) / (wall_s() - began.wall);
    return result;
}

static double worst(const double *x)
{
    double most = 0;

    for (party p = 0; p < PARTIES_HERE; p++)
        if (x[p] > most)
            most = x[p];
    return most;
}

static void report(const struct sim *sim, const char *size)
{
    uint64_t messages = 0, bytes = 0;

    for (party p = 0; p < PARTIES_HERE; p++) {
        const struct wire_writer *log = &sim->party[p].log;
        struct log_reader r;
        struct log_entry e;

        bytes += log->len;
        log_reader_init(&r, log->bytes, log->len, PARTIES_HERE);
        while (log_next(&r, &e) == LOG_ENTRY)
            messages += e.record.type == RECORD_SEND;
    }
    print("evidence_bytes_a_message", size, "bytes", (double)bytes / (double)messages, 0);
    print("evidence_messages", size, "messages", (double)messages, 0);
    print("evidence_of_cpu", size, "%", worst(share_cpu), 0);
    for (int k = 0; k < KINDS; k++) {
        char name[NAME_COLUMNS];

        snprintf(name, sizeof name, "evidence_of_cpu_%s", kind_names[k]);
        print(name, size, "%", worst(share_of[k]), 0);
    }
    print("evidence_of_time", size, "%", worst(share_time), 0);
}

static int run(int exact, int sealed, uint32_t bits)
{
    const uint32_t rows = options.quick ? ROWS_QUICK : ROWS;
    static struct dataset data[PARTIES_HERE];
    static struct sim sim;
    char size[NAME_COLUMNS], dir[80];
    status result;

    snprintf(size, sizeof size, "%dx%ux%d %s replay %s %s %u", PARTIES_HERE, rows, COLUMNS, exact ? "exact" : "linear",
             sealed ? "sealed" : "off", suite_name(kit_suite()), bits);
    for (party p = 0; p < PARTIES_HERE; p++)
        sim_dataset(&data[p], 5, p, rows, rows, COLUMNS, BINS, p == 0);
    sim_contract(&sim, PARTIES_HERE, data, bits, PASSES);
    if (exact)
        sim_exact_sigmoid(&sim);
    sim.contract.score_range = exact ? 16 : 0;
    sim.contract.replay = sealed ? REPLAY_SEALED : REPLAY_OFF;
    sim_approve(&sim, 5);
    result = sim_run(&sim, timed_run);
    if (result == OK)
        report(&sim, size);
    for (party p = 0; p < PARTIES_HERE; p++)
        if (sim.party[p].outcome != OK)
            fprintf(stderr, "bench_evidence: error: p%u: %s: %s\n", p, status_name(sim.party[p].outcome),
                    sim.party[p].ss.fault.message);
    for (party p = 0; p < PARTIES_HERE; p++) {
        if (kept[p].file && journal_close(kept[p].file, NULL) != OK)
            result = STATUS_IO;
        snprintf(dir, sizeof dir, "rm -rf %s/%u", scratch, p);
        if (system(dir) != 0)
            result = STATUS_IO;
        dataset_clear(&data[p]);
    }
    sim_clear(&sim);
    return result == OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const char help[] = "usage: bench_evidence [--quick] [--bits N] [--only NAME]\n"
                               "What the evidence costs a session of three parties.  HEFU_SUITE=GM1: in that suite.\n";
    uint32_t bits[2];
    int code, failed = 0;

    if (!options_read(argc, argv, help, bits, &code))
        return code;
    if (!mkdtemp(scratch)) {
        fprintf(stderr, "bench_evidence: error: no directory can be made in /tmp: %s\n", strerror(errno));
        return 1;
    }
    puts("name\tsize\tunit\tvalue\tratio");
    for (int exact = 0; exact < 2; exact++)
        for (int sealed = 0; sealed < 2; sealed++)
            failed |= run(exact, sealed, bits[0]);
    rmdir(scratch);
    return failed;
}
