#include "node/net/link_hub.h"

#include <openssl/rand.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOG_LINES_PER_SECOND = 20 };

const char *link_goodbye_text(enum link_goodbye code)
{
    switch (code) {
    case LINK_DONE: return "it is done";
    case LINK_CANCELLED: return "it was cancelled by its operator";
    case LINK_REFUSED: return "it was refused there";
    case LINK_FAILED: return "it failed there";
    case LINK_PROTOCOL: return "a party broke the protocol";
    case LINK_LIMIT: return "a limit of the contract was not met";
    case LINK_TIMED_OUT: return "a deadline passed there";
    case LINK_STOPPED: return "its node is shutting down";
    case LINK_FOLLOWED: return "another party had stopped";
    case LINK_LOST: return "the connection was lost";
    }
    return "unknown";
}

void link_config_defaults(struct link_config *c)
{
    memset(c, 0, sizeof *c);
    c->queue_max = 1ull << 30;
    c->idle_ms = 2000;
    c->silence_ms = 10000;
    c->peer_deadline_ms = 60000;
    c->handshake_ms = 10000;
    c->redial_min_ms = 100;
    c->redial_max_ms = 3000;
    c->goodbye_ms = 3000;
    c->control_idle_ms = 60000;
    c->strangers_max = 64;
    c->controls_max = 64;
}

/* ------------------------------------------------------------------ shared ------------------------------------ */

void hub_log(struct link_hub *hub, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    bool quiet;

    if (!hub->config.log)
        return;
    pthread_mutex_lock(&hub->lock); /* a flood of strangers must not fill the log */
    if (hub->log_second != clock_ms() / 1000) {
        hub->log_second = clock_ms() / 1000;
        hub->log_lines = 0;
    }
    quiet = ++hub->log_lines > LOG_LINES_PER_SECOND;
    pthread_mutex_unlock(&hub->lock);
    if (quiet)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    hub->config.log(hub->config.log_context, line);
}

void hub_news(struct link_hub *hub)
{
    const uint64_t one = 1;

    pthread_cond_broadcast(&hub->changed);
    (void)!write(hub->event_fd, &one, sizeof one); /* it fails when full, and then it is readable as it should be */
}

void hub_wait(struct link_hub *hub, pthread_cond_t *what, uint64_t until_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};

    pthread_cond_timedwait(what, &hub->lock, &until);
}

bool hub_thread(pthread_t *out, void *(*run)(void *), void *arg)
{
    sigset_t all, before;
    bool made;

    sigfillset(&all); /* signals are for the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    made = pthread_create(out, NULL, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return made;
}

struct peer *hub_find(const struct link_hub *hub, const char *name)
{
    for (size_t i = 0; i < hub->num_peers; i++)
        if (strcmp(hub->peers[i].name, name) == 0)
            return &hub->peers[i];
    return NULL;
}

void hub_poke(struct peer *peer)
{
    if (peer->conn && peer->conn->pipe)
        pipe_poke(peer->conn->pipe);
}

/* ------------------------------------------------------------------ the listening thread ---------------------- */

static void accept_ended(void *arg)
{
    struct link_hub *hub = arg;

    pthread_mutex_lock(&hub->lock);
    hub->accept_ended = true;
    pthread_cond_broadcast(&hub->chores);
    pthread_mutex_unlock(&hub->lock);
}

/* End the channels of peers that have been away for too long; lock held. */
static void end_overdue(struct link_hub *hub, uint64_t now)
{
    for (struct peer *p = hub->peers; p < hub->peers + hub->num_peers; p++) {
        if (p->conn)
            continue;
        for (struct mux_slot *s = p->mux.slots; s; s = s->next) {
            uint64_t since = s->opened_ms > p->since_ms ? s->opened_ms : p->since_ms;
            struct fault why = {0};

            if (s->ended || now < since + hub->config.peer_deadline_ms)
                continue;
            if (p->last.hint[0])
                fault_hint(&why, "%s", p->last.hint);
            else
                fault_hint(&why, "is %s's node running, and do both sides reach each other?", p->name);
            fault_set(&why, STATUS_TIMEOUT, "no link to %s at %s for %.1f s: %.300s", p->name, p->address,
                      (double)(now - since) / 1000, p->last.message[0] ? p->last.message : "it has not connected");
            mux_end(s, LINK_LOST, &why);
            (void)!mux_queue_close(&p->mux, &s->channel, LINK_TIMED_OUT); /* should it ever come back */
            hub_news(hub);
        }
    }
}

/* Takes connections in, ends overdue channels, joins threads that have ended. */
static void *listen_thread(void *arg)
{
    struct link_hub *hub = arg;
    bool accepting = false;

    pthread_mutex_lock(&hub->lock);
    while (!hub->stopping) {
        if (accepting && hub->accept_ended) {
            int error = nng_aio_result(hub->accept);

            accepting = hub->accept_ended = false;
            if (error == 0) {
                nng_stream *stream = nng_aio_get_output(hub->accept, 0);

                pthread_mutex_unlock(&hub->lock);
                conn_start_accepted(hub, stream);
                pthread_mutex_lock(&hub->lock);
            } else {
                hub_wait(hub, &hub->chores, clock_ms() + LINK_TICK_MS); /* such as no file descriptors: not in a tight loop */
            }
        }
        if (!accepting && hub->strangers < hub->config.strangers_max) {
            accepting = true;
            pthread_mutex_unlock(&hub->lock);
            nng_stream_listener_accept(hub->listener, hub->accept);
            pthread_mutex_lock(&hub->lock);
            continue;
        }
        end_overdue(hub, clock_ms());
        conn_reap(hub);
        if (hub->strangers >= hub->config.strangers_max)
            conn_evict_stranger(hub); /* the oldest gives way: an honest peer is a stranger for milliseconds only */
        if (!hub->stopping && !hub->accept_ended)
            hub_wait(hub, &hub->chores, clock_ms() + LINK_TICK_MS);
    }
    for (struct conn *c = hub->conns; c; c = c->next)
        if (c->pipe)
            pipe_kill(c->pipe);
    while (hub->conns) {
        conn_reap(hub);
        if (hub->conns)
            hub_wait(hub, &hub->chores, clock_ms() + LINK_TICK_MS);
    }
    pthread_mutex_unlock(&hub->lock);
    return NULL;
}

/* ------------------------------------------------------------------ life -------------------------------------- */

static status check_config(const struct link_config *c, struct fault *f)
{
    if (!name_is_valid(c->name))
        return fault_set(f, STATUS_CONFIG, "a node's name must be " NAME_RULE);
    if (c->num_peers > LINK_PEERS_MAX)
        return fault_set(f, STATUS_CONFIG, "%zu peers; a node has at most %d", c->num_peers, LINK_PEERS_MAX);
    if (c->queue_max < 2 * LINK_MESSAGE_MAX)
        return fault_set(f, STATUS_CONFIG, "a queue of %llu bytes; it must hold at least %d",
                         (unsigned long long)c->queue_max, 2 * LINK_MESSAGE_MAX);
    if (c->idle_ms == 0 || c->silence_ms <= c->idle_ms || c->handshake_ms == 0 || c->peer_deadline_ms == 0 ||
        c->redial_min_ms == 0 || c->redial_max_ms < c->redial_min_ms || c->strangers_max < 2)
        return fault_set(f, STATUS_CONFIG, "link timing: every wait is above 0, silence above idle, redial_max not below redial_min");
    for (size_t i = 0; i < c->num_peers; i++) {
        if (!name_is_valid(c->peers[i].name))
            return fault_set(f, STATUS_CONFIG, "a peer's name must be " NAME_RULE);
        if (strcmp(c->peers[i].name, c->name) == 0)
            return fault_set(f, STATUS_CONFIG, "%s is this node itself and cannot be its own peer", c->name);
        if (strlen(c->peers[i].address) >= LINK_ADDRESS)
            return fault_set(f, STATUS_CONFIG, "the address of %s is too long", c->peers[i].name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(c->peers[i].name, c->peers[j].name) == 0)
                return fault_set(f, STATUS_CONFIG, "two peers are called %s", c->peers[i].name);
    }
    return OK;
}

static status copy_path(const char **where, char out[1024], const char *path, struct fault *f)
{
    if (!path) {
        *where = NULL;
        return OK;
    }
    if (strlen(path) >= 1024)
        return fault_set(f, STATUS_CONFIG, "the path %.60s... is too long", path);
    strcpy(out, path);
    *where = out;
    return OK;
}

static status copy_config(struct link_hub *hub, const struct link_config *c, struct fault *f)
{
    TRY(check_config(c, f));
    hub->config = *c;
    TRY(copy_path(&hub->config.tls.ca, hub->ca, c->tls.ca, f));
    TRY(copy_path(&hub->config.tls.crl, hub->crl, c->tls.crl, f));
    TRY(copy_path(&hub->config.tls.certificate, hub->certificate, c->tls.certificate, f));
    TRY(copy_path(&hub->config.tls.key, hub->key, c->tls.key, f));
    strcpy(hub->name, c->name);
    hub->config.peers = NULL;
    hub->config.name = hub->name;
    hub->config.listen = NULL;
    TRY(alloc_zeroed(&hub->peers, c->num_peers, sizeof *hub->peers));
    for (size_t i = 0; i < c->num_peers; i++) {
        struct peer *p = &hub->peers[i];

        strcpy(p->name, c->peers[i].name);
        strcpy(p->address, c->peers[i].address);
        p->fingerprint = c->peers[i].fingerprint;
        p->we_dial = strcmp(hub->name, p->name) > 0;
        p->since_ms = clock_ms();
        mux_init(&p->mux, p->name, c->queue_max);
        hub->num_peers++;
    }
    return OK;
}

static status load_tls(const struct link_hub *hub, struct tls_context **out, struct fault *f)
{
    TRY(tls_context_new(out, &hub->config.tls, f));
    if (strcmp(tls_context_self(*out)->name, hub->name) != 0) {
        fault_set(f, STATUS_CONFIG, "%s: this certificate is %s's, not %s's", hub->certificate, tls_context_self(*out)->name,
                  hub->name);
        tls_context_free(*out);
        *out = NULL;
        return STATUS_CONFIG;
    }
    return OK;
}

static status start_listening(struct link_hub *hub, const char *address, struct fault *f)
{
    const char *colon = strrchr(address, ':');
    int port = 0, error = nng_stream_listener_alloc(&hub->listener, address);

    if (error == 0)
        error = nng_stream_listener_listen(hub->listener);
    if (error != 0) {
        if (error == NNG_EADDRINUSE)
            fault_hint(f, "is another node running here? `ss -ltnp` shows who listens; or choose another port");
        else
            fault_hint(f, "an address to listen on looks like tcp://0.0.0.0:7700");
        return fault_set(f, STATUS_CONFIG, "cannot listen on %s: %s", address, pipe_error_text(error));
    }
    if (nng_stream_listener_get_int(hub->listener, NNG_OPT_TCP_BOUND_PORT, &port) != 0 || port == 0 || !colon)
        snprintf(hub->address, sizeof hub->address, "%s", address);
    else
        snprintf(hub->address, sizeof hub->address, "%.*s:%d", (int)(colon - address), address, port);
    return nng_aio_alloc(&hub->accept, accept_ended, hub) == 0 ? OK : STATUS_NO_MEMORY;
}

static status start(struct link_hub *hub, const struct link_config *config, struct fault *f)
{
    struct fault doubt = {0};

    TRY(copy_config(hub, config, f));
    TRY(load_tls(hub, &hub->tls, f));
    if (tls_context_check_self(hub->tls, &doubt) != OK)
        hub_log(hub, "peers will refuse this node: %s", doubt.message);
    if (RAND_bytes(hub->epoch, sizeof hub->epoch) != 1)
        return fault_set(f, STATUS_IO, "the operating system gives no random numbers");
    hub->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (hub->event_fd < 0)
        return fault_set(f, STATUS_IO, "cannot make an eventfd: %s", strerror(errno));
    TRY(start_listening(hub, config->listen, f));
    if (!hub_thread(&hub->thread, listen_thread, hub))
        return fault_set(f, STATUS_IO, "cannot start a thread");
    hub->thread_runs = true;
    for (size_t i = 0; i < hub->num_peers; i++)
        if (hub->peers[i].we_dial && conn_start_dialling(hub, &hub->peers[i]) != OK)
            return fault_set(f, STATUS_IO, "cannot start a thread");
    return OK;
}

status link_hub_new(struct link_hub **out, const struct link_config *config, struct fault *f)
{
    struct link_hub *hub;
    pthread_condattr_t monotonic;
    status st;

    TRY(alloc_zeroed(&hub, 1, sizeof *hub));
    hub->event_fd = -1;
    pthread_mutex_init(&hub->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&hub->changed, &monotonic);
    pthread_cond_init(&hub->chores, &monotonic);
    pthread_condattr_destroy(&monotonic);
    st = start(hub, config, f);
    if (st == OK) {
        *out = hub;
    } else {
        hub->config.goodbye_ms = 0;
        link_hub_free(hub);
    }
    return st;
}

/* Something is still to be delivered to a peer that may yet take it; lock held. */
static bool has_unsent(const struct link_hub *hub, uint64_t now)
{
    for (const struct peer *p = hub->peers; p < hub->peers + hub->num_peers; p++)
        if (p->mux.queued > 0 && (p->conn || (!p->mux.peer_stops && now < p->since_ms + hub->config.peer_deadline_ms)))
            return true;
    return false;
}

static void say_goodbye(struct link_hub *hub)
{
    uint64_t until = clock_ms() + hub->config.goodbye_ms;

    pthread_mutex_lock(&hub->lock);
    for (struct peer *p = hub->peers; p < hub->peers + hub->num_peers; p++) {
        for (struct mux_slot *s = p->mux.slots; s; s = s->next)
            if (!s->ended)
                (void)!mux_queue_close(&p->mux, &s->channel, LINK_STOPPED);
        hub_poke(p);
    }
    while (has_unsent(hub, clock_ms()) && clock_ms() < until)
        hub_wait(hub, &hub->changed, until < clock_ms() + LINK_TICK_MS ? until : clock_ms() + LINK_TICK_MS);
    pthread_mutex_unlock(&hub->lock);
}

void link_hub_free(struct link_hub *hub)
{
    if (!hub)
        return;
    if (hub->config.goodbye_ms > 0)
        say_goodbye(hub);
    pthread_mutex_lock(&hub->lock);
    hub->stopping = true;
    pthread_cond_broadcast(&hub->changed);
    pthread_cond_broadcast(&hub->chores);
    pthread_mutex_unlock(&hub->lock);
    if (hub->thread_runs)
        pthread_join(hub->thread, NULL);
    if (hub->listener)
        nng_stream_listener_close(hub->listener);
    if (hub->accept) {
        nng_aio_stop(hub->accept);
        if (hub->accept_ended && nng_aio_result(hub->accept) == 0)
            nng_stream_free(nng_aio_get_output(hub->accept, 0));
        nng_aio_free(hub->accept);
    }
    if (hub->listener)
        nng_stream_listener_free(hub->listener);
    for (size_t i = 0; i < hub->num_peers; i++)
        mux_clear(&hub->peers[i].mux);
    free(hub->peers);
    tls_context_free(hub->tls);
    if (hub->event_fd >= 0)
        close(hub->event_fd);
    pthread_cond_destroy(&hub->changed);
    pthread_cond_destroy(&hub->chores);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

const char *link_hub_address(const struct link_hub *hub)
{
    return hub->address;
}

int link_event_fd(const struct link_hub *hub)
{
    return hub->event_fd;
}

status link_hub_reload(struct link_hub *hub, struct fault *f)
{
    struct tls_context *fresh, *old;

    TRY(load_tls(hub, &fresh, f));
    pthread_mutex_lock(&hub->lock);
    old = hub->tls;
    hub->tls = fresh;
    for (struct conn *c = hub->conns; c; c = c->next)
        if (c->pipe)
            pipe_kill(c->pipe);
    pthread_mutex_unlock(&hub->lock);
    tls_context_free(old);
    return OK;
}
