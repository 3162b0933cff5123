#include "node/hefud/worker.h"

#include "crypto/bignum.h"
#include "node/local/commitment.h"
#include "node/local/config.h"
#include "node/local/executable.h"
#include "node/local/journal.h"
#include "node/local/keyring.h"
#include "node/local/outputs.h"
#include "node/local/pool.h"
#include "node/local/preparation_file.h"
#include "node/local/proof.h"
#include "node/local/worker_channel.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { DAEMON_FD = 3 };

struct worker {
    struct node_config config;
    const char *dir;
    struct session_papers papers;
    struct session_table table;
    struct worker_channel *channel;
    struct dataset data;
    struct table_notes notes;
    struct pool *pool;
    struct session session;
    int session_begun;
    struct journal_file *journal;
    struct preparation prepared;  /* of an online session, until it is used */
    uint64_t preparation_bytes;   /* of what an offline one left */
    struct party_result result;
    struct verify_report verdict;
    struct rates rates;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* limits.memory_mb of node.yaml; not under a sanitizer, whose shadow memory is larger than any limit. */
static void limit_memory(uint32_t megabytes)
{
    const rlim_t bytes = (rlim_t)megabytes << 20;

    if (!SANITIZED)
        setrlimit(RLIMIT_DATA, &(struct rlimit){bytes, bytes});
}

static void say(const struct fault *f)
{
    fprintf(stderr, "worker: error: %s\n", f->message);
    if (f->hint[0])
        fprintf(stderr, "worker: hint: %s\n", f->hint);
}

/* The peers' way to us is open before anything slow happens, so that our failure reaches them. */
static status open_channel(struct worker *w, struct fault *f)
{
    const struct contract *k = &w->papers.contract;
    struct worker_peer_name names[PARTIES_MAX];

    for (party p = 0; p < k->parties; p++)
        memcpy(names[p].text, k->party[p].name, sizeof names[p].text);
    if (worker_channel_open(&w->channel, DAEMON_FD, names, k->parties, k->passes, w->papers.approval[0].stage,
                            (struct worker_patience){w->config.deadlines.peer_s, w->config.deadlines.step_s}) != OK)
        return fault_set(f, STATUS_IO, "a worker is started by hefud, not by hand");
    return OK;
}

static status prepare_machine(struct worker *w, struct fault *f)
{
    const char *kernel = config_kernel_name(w->config.limits.kernel);
    const uint32_t threads = w->config.limits.threads;

    if (pair_tier_use(kernel) != OK) {
        fault_set(f, STATUS_CONFIG, "limits.kernel is %s, which this processor does not have", kernel);
        fault_hint(f, "leave limits.kernel at auto");
        return STATUS_CONFIG;
    }
    pair_tier_name(); /* chosen before there are threads */
    return pool_new(&w->pool, threads ? threads : pool_processors(), f);
}

/* Stamps are asked for here and fetched by hefu evidence stamp, which also asks for what is missing: a session does not
 * wait for an authority, nor fail because of one. */
static void want_stamps(const struct worker *w)
{
    struct fault f = {0};

    if (w->config.evidence.tsa_url[0] &&
        proof_queue_stamps(w->dir, w->config.evidence.tsa_policy, (int64_t)time(NULL), &f) != OK)
        say(&f);
}

/* Which build this is, for the evidence.  [SPEC 7.6] */
static status state_build(const struct worker *w, const struct keyring *keys, struct fault *f)
{
    uint8_t statement[BUILD_BYTES];

    TRY(executable_state(statement, keys, &w->papers.contract, &w->papers.contract_id, &w->session.id, w->table.self, f));
    return session_beside_write(w->dir, BESIDE_BUILD, statement, sizeof statement, f);
}

/* node.yaml may have changed since the daemon read it. */
static status check_key(const struct worker *w, const struct keyring *keys, struct fault *f)
{
    const struct contract_party *me = &w->papers.contract.party[w->table.self];
    const struct sign_public *key = keyring_public(keys, w->papers.contract.suite);

    if (key && memcmp(key->bytes, me->identity.bytes, SIGN_PUBLIC_BYTES) == 0)
        return OK;
    fault_hint(f, "put its key back into node.yaml, then approve another attempt; or propose the job again");
    return fault_set(f, STATUS_CONFIG, "the key that %s has in this contract, of suite %s, is no more the one in node.yaml", me->name,
                     suite_name(w->papers.contract.suite));
}

/* The journal refuses a directory where a session has begun already, and the start is drawn and sealed once: no pad is
 * used twice, not even by a node whose disk was rolled back.  [SPEC 2.4] */
static status begin_session(struct worker *w, struct fault *f)
{
    struct keyring *keys AUTO(keyring_clear) = NULL;
    struct rng_key seed AUTO(rng_key_clear) = {0}, start AUTO(rng_key_clear) = {.suite = w->papers.contract.suite};
    status result;

    TRY(contract_check(&w->papers.contract, 0, f));
    TRY(keyring_new(&keys, w->config.key, w->config.state_dir, f));
    TRY(keyring_add(keys, w->config.gm.key, f));
    TRY(check_key(w, keys, f));
    TRY(commitment_check(&w->papers.contract.party[w->table.self], w->papers.contract.suite, keys, w->table.name, &w->data, f));
    TRY(session_secret_read(&seed, w->papers.contract.suite, "seed", w->dir, keys, &w->papers.contract_id, w->table.attempt, f));
    TRY(journal_open(&w->journal, w->dir, f));
    keyring_random(start.bytes, sizeof start.bytes);
    TRY(session_secret_create(&start, "start", w->dir, keys, &w->papers.contract_id, w->table.attempt, f));
    if (w->table.stage == STAGE_ONLINE) {
        char offline[FILES_PATH_BYTES];

        TRY(session_offline_dir(offline, w->dir, f));
        TRY(preparation_file_take(&w->prepared, &w->papers.contract, w->table.self, offline, keys, &w->papers.contract_id,
                                  w->table.attempt, f));
    }
    w->session_begun = 1; /* to be cleared, whatever init says */
    result = session_init(&w->session, &w->papers.contract, w->table.self, w->table.attempt, w->papers.approval, &seed, &start,
                          worker_channel_frames(w->channel), journal_functions(w->journal),
                          worker_channel_progress(w->channel));
    if (result != OK)
        return fault_set(f, result, "%s", w->session.fault.message[0] ? w->session.fault.message
                                                                     : "the approvals of this attempt do not fit it");
    w->session.parallel = pool_parallel(w->pool);
    want_stamps(w);
    return state_build(w, keys, f);
}

static status close_journal(struct worker *w, struct fault *f)
{
    struct journal_file *j = w->journal;

    w->journal = NULL;
    return j ? journal_close(j, f) : OK;
}

/* Before the offline session ends: what it prepared is on disk. */
static status keep(void *ctx, struct preparation *p, struct fault *f)
{
    struct worker *w = ctx;
    struct keyring *keys AUTO(keyring_clear) = NULL;

    TRY(keyring_new(&keys, w->config.key, w->config.state_dir, f));
    return preparation_file_write(&w->preparation_bytes, p, w->papers.contract.suite, w->dir, keys, &w->papers.contract_id, w->table.attempt, f);
}

static status run_stage(struct worker *w)
{
    switch (w->table.stage) {
    case STAGE_WHOLE:
        break;
    case STAGE_OFFLINE:
        return party_prepare(&w->result, &w->session, &w->data, &(struct party_keeper){w, keep});
    case STAGE_ONLINE:
        return party_train(&w->result, &w->session, &w->data, &w->prepared);
    }
    return party_run(&w->result, &w->session, &w->data);
}

static status run_session(struct worker *w, struct fault *f)
{
    status result = run_stage(w);

    if (result == OK)
        return close_journal(w, f);
    *f = w->session.fault;
    session_log_abort(&w->session);
    (void)!close_journal(w, NULL);
    (void)!outputs_write_evidence(&w->verdict, w->dir, &w->papers, &w->table, NULL);
    want_stamps(w);
    return fault_set(f, result, "%s", status_name(result));
}

/* What hefu plan --calibrate left in the state directory, if it did: the report then compares with what it predicts. */
static const struct rates *find_rates(struct worker *w)
{
    char path[FILES_PATH_BYTES];

    return files_join(path, w->config.state_dir, RATES_FILE, NULL) == OK && rates_load(&w->rates, path, NULL) == OK ? &w->rates
                                                                                                                : NULL;
}

static status finish(struct worker *w, struct fault *f)
{
    struct worker_costs costs;
    struct outputs o = {.session_dir = w->dir,
                        .papers = &w->papers,
                        .table = &w->table,
                        .session = &w->session,
                        .data = &w->data,
                        .notes = &w->notes,
                        .result = &w->result,
                        .costs = &costs,
                        .rates = find_rates(w),
                        .verdict = &w->verdict,
                        .preparation_bytes = w->preparation_bytes,
                        .finished = (int64_t)time(NULL)};
    json_t *summary;
    char *text AUTO(auto_free) = NULL;

    worker_channel_costs(w->channel, &costs);
    TRY(outputs_write_evidence(&w->verdict, w->dir, &w->papers, &w->table, f));
    want_stamps(w);
    if (w->table.stage != STAGE_OFFLINE)
        TRY(outputs_write(&o, f));
    summary = outputs_summary(&o);
    text = summary ? json_dumps(summary, JSON_COMPACT) : NULL;
    json_decref(summary);
    if (!text)
        return STATUS_NO_MEMORY;
    return worker_channel_done(w->channel, text, f);
}

static status work(struct worker *w, struct fault *f)
{
    TRY(session_table_read(&w->table, w->dir, f));
    TRY(session_table_open(&w->data, &w->notes, &w->table, &w->papers.contract, f));
    TRY(prepare_machine(w, f));
    TRY(begin_session(w, f));
    TRY(run_session(w, f));
    return finish(w, f);
}

/* Whose fault it is, when it is a peer's. */
static party blamed_by(const struct worker *w, status code)
{
    party nobody = w->papers.contract.parties;

    if (!w->session_begun)
        return nobody;
    switch (code) {
    case STATUS_TIMEOUT:
    case STATUS_CLOSED:
    case STATUS_MALFORMED:
    case STATUS_UNEXPECTED:
    case STATUS_UNTRUSTED:
    case STATUS_EQUIVOCATION:
        return w->session.blamed;
    case OK:
    case STATUS_NO_MEMORY:
    case STATUS_IO:
    case STATUS_CANCELLED:
    case STATUS_USAGE:
    case STATUS_CONFIG:
    case STATUS_REFUSED:
    case STATUS_LIMIT:
    case STATUS_MISMATCH:
        break;
    }
    return nobody;
}

static status run(struct worker *w, const char *config_path, struct fault *f)
{
    status result;

    TRY(config_load_node(&w->config, config_path, f));
    limit_memory(w->config.limits.memory_mb);
    TRY(session_papers_read(&w->papers, w->dir, f));
    TRY(open_channel(w, f));
    result = work(w, f);
    if (result == OK)
        return OK;
    (void)fault_set(f, result, "%s", status_name(result));
    if (result == STATUS_NO_MEMORY)
        fault_hint(f, "limits.memory_mb in node.yaml is %u; raise it if the machine has more", w->config.limits.memory_mb);
    worker_channel_failed(w->channel, f, blamed_by(w, f->code));
    return result;
}

static void worker_clear(struct worker *w)
{
    worker_channel_close(w->channel);
    (void)!close_journal(w, NULL);
    if (w->session_begun)
        session_clear(&w->session);
    pool_free(w->pool);
    preparation_clear(&w->prepared);
    party_result_clear(&w->result);
    dataset_clear(&w->data);
    table_notes_clear(&w->notes);
    session_table_clear(&w->table);
    session_papers_clear(&w->papers);
    free(w);
}

int worker_main(const char *session_dir, const char *config_path)
{
    struct worker *w = NULL;
    struct fault f = {0};
    status result;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* of the daemon's thread that watches us: without it nobody carries our frames */
    signal(SIGPIPE, SIG_IGN);
    bignum_wipe_freed_memory();
    if (sodium_init() < 0 || alloc_zeroed(&w, 1, sizeof *w) != OK) {
        fputs("worker: error: no cryptographic library or no memory\n", stderr);
        return status_exit_code(STATUS_NO_MEMORY);
    }
    w->dir = session_dir;
    result = run(w, config_path, &f);
    if (result != OK)
        say(&f);
    worker_clear(w);
    return status_exit_code(result);
}
