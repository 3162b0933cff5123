#include "node/hefud/daemon.h"

#include "node/hefud/log.h"
#include "node/hefud/runner.h"
#include "node/local/certificate.h"
#include "node/local/version.h"
#include "node/net/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 1000 };

struct attempt {
    struct attempt *next;
    char id[STORE_ID_BYTES];
    struct runner *runner;
};

struct daemon {
    struct node_config config;
    char config_path[FILES_PATH_BYTES], program[FILES_PATH_BYTES];
    int lock;            /* of the state directory */
    struct keyring *keys;
    struct store *store;
    struct jobs *jobs;
    struct link_hub *hub;
    struct control_server *control;
    int signals, wake;

    pthread_mutex_t mutex; /* attempts and stopping; taken after the lock of jobs, never before it */
    struct attempt *attempts;
    int stopping;
};

/* ---- attempts ---- */

static struct attempt *find_attempt(struct daemon *d, const char *id)
{
    struct attempt *a = d->attempts;

    while (a && strcmp(a->id, id) != 0)
        a = a->next;
    return a;
}

static status start_attempt(void *ctx, const struct jobs_attempt *j, struct fault *f)
{
    struct daemon *d = ctx;
    struct attempt *a = NULL;
    struct runner_config c = {
        .hub = d->hub,
        .program = d->program,
        .config_path = d->config_path,
        .session_dir = j->session_dir,
        .contract = j->contract,
        .contract_id = j->contract_id,
        .self = j->self,
        .attempt = j->attempt,
        .stage = j->stage,
        .job_s = d->config.deadlines.job_s,
        .queue_mb = d->config.limits.queue_mb,
        .wake = d->wake,
    };
    status result;

    TRY(alloc_zeroed(&a, 1, sizeof *a));
    snprintf(a->id, sizeof a->id, "%s", j->id);
    pthread_mutex_lock(&d->mutex);
    result = d->stopping ? fault_set(f, STATUS_REFUSED, "%s is shutting down", d->config.name)
                         : runner_start(&a->runner, &c, f);
    if (result == OK) {
        a->next = d->attempts;
        d->attempts = a;
        log_line(LOG_INFO, "job %.16s: attempt %u started%s%s", j->id, j->attempt + 1,
                 j->stage == STAGE_WHOLE ? "" : ", ", j->stage == STAGE_WHOLE ? "" : stage_name(j->stage));
    } else {
        free(a);
    }
    pthread_mutex_unlock(&d->mutex);
    return result;
}

static void cancel_attempt(void *ctx, const char *id, const struct fault *why)
{
    struct daemon *d = ctx;
    struct attempt *a;

    pthread_mutex_lock(&d->mutex);
    a = find_attempt(d, id);
    if (a)
        runner_cancel(a->runner, why, LINK_CANCELLED);
    pthread_mutex_unlock(&d->mutex);
}

static json_t *progress_of_attempt(void *ctx, const char *id)
{
    struct daemon *d = ctx;
    struct attempt *a;
    json_t *progress;

    pthread_mutex_lock(&d->mutex);
    a = find_attempt(d, id);
    progress = a ? runner_progress(a->runner) : NULL;
    pthread_mutex_unlock(&d->mutex);
    return progress;
}

static int count_attempts(void *ctx)
{
    struct daemon *d = ctx;
    int count = 0;

    pthread_mutex_lock(&d->mutex);
    for (const struct attempt *a = d->attempts; a; a = a->next)
        count++;
    pthread_mutex_unlock(&d->mutex);
    return count;
}

/* One that has ended, taken out of the list; NULL when there is none. */
static struct attempt *take_ended(struct daemon *d, struct runner_end *end)
{
    struct attempt **at, *a = NULL;

    pthread_mutex_lock(&d->mutex);
    for (at = &d->attempts; *at; at = &(*at)->next) {
        if (runner_ended((*at)->runner, end)) {
            a = *at;
            *at = a->next;
            break;
        }
    }
    pthread_mutex_unlock(&d->mutex);
    return a;
}

static void reap_attempts(struct daemon *d)
{
    struct runner_end end;
    struct attempt *a;

    while ((a = take_ended(d, &end))) {
        json_t *progress = runner_progress(a->runner);

        jobs_ended(d->jobs, a->id, &end.fault, end.blamed, progress, end.result);
        if (end.fault.code == OK)
            log_line(LOG_INFO, "job %.16s: done", a->id);
        else
            log_line(LOG_WARN, "job %.16s: %s", a->id, end.fault.message);
        json_decref(progress);
        json_decref(end.result);
        runner_free(a->runner);
        free(a);
    }
}

/* ---- what others ask ---- */

static json_t *peers_json(void *ctx)
{
    static const char *const states[] = {"connecting", "connected", "away"};
    struct daemon *d = ctx;
    json_t *out = json_array();

    for (uint32_t i = 0; i < d->config.num_peers; i++) {
        const struct config_peer *p = &d->config.peers[i];
        struct link_peer_state s;

        if (link_peer_state(d->hub, p->name, &s, NULL) != OK)
            continue;
        json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:I, s:s}", "name", p->name, "address", p->address,
                                             "state", states[s.state], "since_s", (json_int_t)(s.since_ms / 1000),
                                             "error", s.state == LINK_CONNECTED ? "" : s.last.message));
    }
    return out;
}

/* A certificate may ask for something only when node.yaml names it, by its fingerprint. */
static struct control_caller who_is(const struct daemon *d, const struct tls_identity *client)
{
    struct control_caller who = {.role = CONTROL_NOBODY};

    for (uint32_t i = 0; i < d->config.num_coordinators; i++) {
        const struct config_coordinator *c = &d->config.coordinators[i];

        if (hash_equal(&c->fingerprint, &client->fingerprint)) {
            who.role = CONTROL_COORDINATOR;
            snprintf(who.name, sizeof who.name, "%s", c->name);
        }
    }
    return who;
}

static status answer_link(void *ctx, const struct tls_identity *client, const uint8_t *request, size_t len,
                          uint8_t **response, size_t *response_len, struct fault *f)
{
    struct daemon *d = ctx;
    struct control_caller who = who_is(d, client);
    char *text;

    if (who.role == CONTROL_NOBODY) {
        log_line(LOG_WARN, "%s (%s) asked for something; its certificate is not under coordinators in node.yaml",
                 client->name, client->role);
        fault_hint(f, "its operator may add the certificate's fingerprint to coordinators in node.yaml");
        return fault_set(f, STATUS_REFUSED, "%s does not take requests from %s", d->config.name, client->name);
    }
    text = control_answer_text(jobs_control(d->jobs), &who, request, len);
    if (!text)
        return STATUS_NO_MEMORY;
    *response = (uint8_t *)text;
    *response_len = strlen(text);
    return OK;
}

static void log_job(const char *line)
{
    log_line(LOG_WARN, "%s", line);
}

static void log_link(void *ctx, const char *line)
{
    (void)ctx;
    log_line(LOG_INFO, "%s", line);
}

/* ---- start ---- */

static status lock_state(struct daemon *d, struct fault *f)
{
    char path[FILES_PATH_BYTES], pid[32] = "";

    TRY(files_join(path, d->config.state_dir, "hefud.lock", f));
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0)
        return fault_set(f, STATUS_CONFIG, "%s: %s", path, strerror(errno));
    if (flock(d->lock, LOCK_EX | LOCK_NB)) {
        ssize_t n = pread(d->lock, pid, sizeof pid - 1, 0);

        pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
        fault_hint(f, "stop it first, or give this node a state_dir of its own");
        return fault_set(f, STATUS_CONFIG, "another hefud%s%s is running with %s", pid[0] ? ", process " : "", pid,
                         d->config.state_dir);
    }
    snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(d->lock, 0) || pwrite(d->lock, pid, strlen(pid), 0) < 0)
        return fault_set(f, STATUS_IO, "%s: %s", path, strerror(errno));
    return OK;
}

/* Would the others accept us?  Better to hear it here than from each of them. */
static status check_certificate(const struct config_identity *c, struct fault *f)
{
    struct certificate own AUTO(certificate_clear) = {0};
    int64_t now = (int64_t)time(NULL), next_update = 0;
    struct fault why = {0};
    char day[16];

    TRY(certificate_load(&own, c->certificate, f));
    if (certificate_verify(&own, c->ca, c->crl, now, &why) != OK) {
        fault_hint(f, "ask the consortium's CA for a new certificate: hefu ca issue");
        return fault_set(f, STATUS_CONFIG, "%s: %.400s", c->certificate, why.message);
    }
    if (own.not_after - now < (int64_t)CERTIFICATE_WARN_DAYS * 86400) {
        certificate_date(day, own.not_after);
        log_line(LOG_WARN, "%s expires on %s: ask the consortium's CA for a new certificate", c->certificate, day);
    }
    if (c->crl[0] && certificate_crl_next_update(&next_update, c->crl, NULL) == OK && next_update < now) {
        certificate_date(day, next_update);
        log_line(LOG_WARN, "%s should have been renewed by %s: ask the consortium's CA for a new one", c->crl, day);
    }
    return OK;
}

static status load_config(struct daemon *d, const char *path, struct fault *f)
{
    char real[FILES_PATH_BYTES * 4];

    TRY(config_load_node(&d->config, path, f));
    log_set_level(d->config.log);
    if (!realpath(path, real) || strlen(real) >= sizeof d->config_path)
        return fault_set(f, STATUS_CONFIG, "%s: the path is too long", path);
    strcpy(d->config_path, real);
    /* Workers read the same file: what is relative to the working directory stays so for both. */
    for (enum suite s = SUITE_INT1; s <= SUITE_GM1; s++) {
        const struct config_identity own = config_identity(&d->config, s);

        if (own.certificate[0])
            TRY(check_certificate(&own, f));
    }
    return OK;
}

static status open_state(struct daemon *d, struct fault *f)
{
    const struct jobs_config jobs = {
        .node = &d->config,
        .keys = NULL,
        .log = log_job,
        .workers = {.ctx = d, .start = start_attempt, .cancel = cancel_attempt, .progress = progress_of_attempt,
                    .peers = peers_json, .running = count_attempts},
    };
    struct jobs_config filled = jobs;

    TRY(files_make_directory(d->config.state_dir, f));
    TRY(lock_state(d, f));
    TRY(keyring_new(&d->keys, d->config.key, d->config.state_dir, f));
    TRY(keyring_add(d->keys, d->config.gm.key, f));
    TRY(store_open(&d->store, d->config.state_dir, f));
    filled.keys = d->keys;
    filled.store = d->store;
    return jobs_open(&d->jobs, &filled, f);
}

static status open_links(struct daemon *d, struct fault *f)
{
    const struct node_config *n = &d->config;
    struct link_peer peers[CONFIG_PEERS_MAX];
    struct link_config c;

    link_config_defaults(&c);
    for (uint32_t i = 0; i < n->num_peers; i++)
        peers[i] = (struct link_peer){n->peers[i].name, n->peers[i].address, n->peers[i].fingerprint};
    c.name = n->name;
    c.listen = n->listen;
    c.tls = (struct tls_files){.ca = n->ca, .crl = n->crl[0] ? n->crl : NULL, .certificate = n->certificate, .key = n->key};
    c.peers = peers;
    c.num_peers = n->num_peers;
    c.queue_max = (uint64_t)(n->limits.queue_mb < 2 ? 2 : n->limits.queue_mb) << 20;
    c.peer_deadline_ms = n->deadlines.peer_s * 1000;
    c.handshake_ms = n->deadlines.handshake_s * 1000;
    c.control = answer_link;
    c.control_context = d;
    c.log = log_link;
    c.log_context = d;
    return link_hub_new(&d->hub, &c, f);
}

/* SIGTERM, SIGINT and SIGHUP become readable; they are blocked in every thread that starts from here on. */
static status catch_signals(struct daemon *d, struct fault *f)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return d->signals >= 0 && d->wake >= 0 ? OK : fault_set(f, STATUS_IO, "no descriptors: %s", strerror(errno));
}

static status find_program(struct daemon *d, struct fault *f)
{
    ssize_t n = readlink("/proc/self/exe", d->program, sizeof d->program - 1);

    if (n <= 0)
        return fault_set(f, STATUS_IO, "cannot find out where this program lies: %s", strerror(errno));
    d->program[n] = '\0';
    return OK;
}

static status start(struct daemon *d, const char *config_path, struct fault *f)
{
    TRY(find_program(d, f));
    TRY(load_config(d, config_path, f));
    TRY(catch_signals(d, f));
    TRY(open_state(d, f));
    TRY(open_links(d, f));
    TRY(control_server_open(&d->control, d->config.state_dir, jobs_control(d->jobs), f));
    log_line(LOG_INFO, "hefud " HEFU_VERSION ": node %s listens on %s, %u peers, state in %s", d->config.name,
             link_hub_address(d->hub), d->config.num_peers, d->config.state_dir);
    return OK;
}

/* ---- run and stop ---- */

static void reload(struct daemon *d)
{
    struct fault f = {0};

    if (link_hub_reload(d->hub, &f) == OK && jobs_reload(d->jobs, &f) == OK)
        log_line(LOG_INFO, "certificates and revocation list read again");
    else
        log_fault(&f);
}

/* 0 when it is time to stop. */
static int handle_signals(struct daemon *d)
{
    struct signalfd_siginfo s;

    while (read(d->signals, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo != SIGHUP) {
            log_line(LOG_INFO, "stopping (signal %u)", s.ssi_signo);
            return 0;
        }
        reload(d);
    }
    return 1;
}

static void loop(struct daemon *d)
{
    struct timespec last = {0}, now;
    int go_on = 1;

    while (go_on) {
        struct pollfd p[2] = {{.fd = d->signals, .events = POLLIN}, {.fd = d->wake, .events = POLLIN}};
        eventfd_t ignored;

        (void)poll(p, 2, TICK_MS);
        if (p[1].revents)
            (void)!eventfd_read(d->wake, &ignored);
        reap_attempts(d);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec != last.tv_sec) {
            jobs_expire(d->jobs);
            last = now;
        }
        go_on = handle_signals(d);
    }
}

/* Every attempt is stopped and its end written down; bounded by the runners' own grace. */
static void stop_attempts(struct daemon *d)
{
    const struct fault why = {.code = STATUS_IO,
                              .message = "this node was shut down while the job was running",
                              .hint = "approve it again for another attempt, or propose it anew"};

    pthread_mutex_lock(&d->mutex);
    d->stopping = 1;
    for (const struct attempt *a = d->attempts; a; a = a->next)
        runner_cancel(a->runner, &why, LINK_STOPPED);
    pthread_mutex_unlock(&d->mutex);
    while (count_attempts(d)) {
        struct pollfd p = {.fd = d->wake, .events = POLLIN};
        eventfd_t ignored;

        (void)poll(&p, 1, TICK_MS);
        (void)!eventfd_read(d->wake, &ignored);
        reap_attempts(d);
    }
}

static void daemon_clear(struct daemon *d)
{
    control_server_close(d->control);
    if (d->jobs)
        stop_attempts(d);
    link_hub_free(d->hub); /* after it no request comes in any more */
    jobs_close(d->jobs);
    store_close(d->store);
    keyring_free(d->keys);
    for (int *fd = (int[]){d->lock, d->signals, d->wake, -2}; *fd != -2; fd++) {
        if (*fd >= 0)
            close(*fd);
    }
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

static status daemon_new(struct daemon **out)
{
    TRY(alloc_zeroed(out, 1, sizeof **out));
    (*out)->lock = (*out)->signals = (*out)->wake = -1;
    pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

status daemon_run(const char *config_path, struct fault *f)
{
    struct daemon *d = NULL;
    status result;

    TRY(daemon_new(&d));
    result = start(d, config_path, f);
    if (result == OK)
        loop(d);
    daemon_clear(d);
    if (result == OK)
        log_line(LOG_INFO, "stopped");
    return result;
}

status daemon_check(const char *config_path, struct fault *f)
{
    struct daemon *d = NULL;
    struct keyring *keys AUTO(keyring_clear) = NULL;
    status result;

    TRY(daemon_new(&d));
    result = load_config(d, config_path, f);
    if (result == OK)
        result = keyring_new(&keys, d->config.key, NULL, f);
    if (result == OK)
        result = keyring_add(keys, d->config.gm.key, f);
    if (result == OK)
        printf("%s: node %s, %u peers, %u coordinators, suites INT1%s: fine\n", config_path, d->config.name, d->config.num_peers,
               d->config.num_coordinators, d->config.gm.certificate[0] ? " and GM1" : "");
    daemon_clear(d);
    return result;
}
