#include "node/local/worker_channel.h"

#include "node/local/relay.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* A party that is this far ahead of us is held; the rest of what it has to say waits at its own node. */
enum { HOLD_BYTES = 32 << 20, GO_BYTES = 8 << 20, PROGRESS_MS = 200, CAUSE_S = 5 };

struct worker_channel {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wake; /* eventfd: there is something to write */
    struct relay relay;
    party parties;
    struct worker_peer_name name[PARTIES_MAX];
    uint32_t passes;
    enum stage stage;
    struct worker_patience patience;

    struct relay_queue inbox[PARTIES_MAX];
    struct fault lost[PARTIES_MAX];
    uint8_t finished[PARTIES_MAX]; /* lost, because it has done its part */
    uint8_t followed[PARTIES_MAX]; /* lost, because it had lost another: not the cause */
    struct fault ended; /* cancelled, or the daemon is gone */
    int stop;

    struct worker_costs costs;
    uint16_t phase;
    uint32_t pass;
    double phase_began, phase_cpu, began, cpu_began;
    int64_t told_ms;
};

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int64_t now_ms(void)
{
    return (int64_t)(seconds_of(CLOCK_MONOTONIC) * 1000);
}

static void wake(struct worker_channel *w)
{
    (void)!eventfd_write(w->wake, 1); /* full only when the thread has been woken already */
}

/* ---- the thread ---- */

/* {"code","message","hint","finished"?,"followed"?} of the daemon. */
static void read_loss(struct worker_channel *w, const struct relay_item *m)
{
    struct fault *f = &w->lost[m->who];
    json_t *all = json_loadb((const char *)m->bytes + RELAY_HEADER, m->len, 0, NULL);
    const char *code = json_string_value(json_object_get(all, "code"));
    const char *message = json_string_value(json_object_get(all, "message"));
    const char *hint = json_string_value(json_object_get(all, "hint"));
    status result = STATUS_CLOSED;

    for (int i = OK + 1; code && i <= STATUS_MISMATCH; i++) {
        if (!strcmp(code, status_name((status)i)))
            result = (status)i;
    }
    (void)fault_set(f, result, "%s", message ? message : "the connection ended");
    if (!message)
        fault_hint(f, "ask the operator of %s", w->name[m->who].text);
    if (hint && hint[0])
        fault_hint(f, "%s", hint);
    w->finished[m->who] = json_is_true(json_object_get(all, "finished"));
    w->followed[m->who] = json_is_true(json_object_get(all, "followed"));
    json_decref(all);
}

static void take(struct worker_channel *w, struct relay_item *m)
{
    switch (m->type) {
    case RELAY_FRAME:
        w->costs.received[m->who] += m->len;
        if (w->phase < PHASES)
            w->costs.phase[w->phase].bytes_received += m->len;
        relay_push(&w->inbox[m->who], m);
        if (w->inbox[m->who].bytes > HOLD_BYTES && relay_hold(&w->relay, m->who, 1) != OK)
            (void)fault_set(&w->ended, STATUS_NO_MEMORY, "out of memory for frames");
        return;
    case RELAY_PEER_LOST:
        read_loss(w, m);
        break;
    case RELAY_CANCEL:
        (void)fault_set(&w->ended, STATUS_CANCELLED, "the job was cancelled");
        break;
    case RELAY_PROGRESS:
    case RELAY_DONE:
    case RELAY_FAILED:
    case RELAY_HOLD:
    case RELAY_GO:
        break; /* relay_read lets none of these through */
    }
    free(m);
}

static void carry(struct worker_channel *w, int readable)
{
    status result = OK;

    if (readable) {
        struct relay_item *m;

        while ((result = relay_read(&w->relay, &m)) == OK && m)
            take(w, m);
    }
    if (result == OK)
        result = relay_write(&w->relay);
    if (result == STATUS_CLOSED)
        (void)fault_set(&w->ended, STATUS_CLOSED, "the daemon of this node stopped");
    else if (result != OK)
        (void)fault_set(&w->ended, result, "the daemon of this node: %s", status_name(result));
    pthread_cond_broadcast(&w->changed);
}

static void *carry_frames(void *arg)
{
    struct worker_channel *w = arg;

    pthread_mutex_lock(&w->lock);
    while (!w->stop && !w->relay.closed) {
        struct pollfd p[2] = {{.fd = w->relay.fd, .events = POLLIN}, {.fd = w->wake, .events = POLLIN}};
        eventfd_t ignored;
        int ready;

        if (relay_wants_write(&w->relay))
            p[0].events |= POLLOUT;
        pthread_mutex_unlock(&w->lock);
        ready = poll(p, 2, -1);
        pthread_mutex_lock(&w->lock);
        if (ready < 0 && errno != EINTR) {
            (void)fault_set(&w->ended, STATUS_IO, "poll: %s", strerror(errno));
            break;
        }
        if (ready <= 0)
            continue;
        if (p[1].revents)
            (void)!eventfd_read(w->wake, &ignored);
        carry(w, (p[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0);
    }
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- frames ---- */

/* The party whose end keeps us from receiving from this one; w->parties when nothing does.  Any failure ends the job;
 * waiting for a party that has not noticed yet would only take longer.  The cause goes before its effects. */
static party who_ended(const struct worker_channel *w, party from)
{
    party effect = w->parties;

    for (party i = 0; i < w->parties; i++) {
        party p = (party)((from + i) % w->parties);

        if (w->lost[p].code == OK || (w->finished[p] && p != from))
            continue;
        if (!w->followed[p])
            return p;
        if (effect == w->parties)
            effect = p;
    }
    return effect;
}

static status send_frame(void *ctx, party to, const uint8_t *frame, size_t len, struct fault *f)
{
    struct worker_channel *w = ctx;
    status result = OK;
    party ended;

    pthread_mutex_lock(&w->lock);
    ended = w->lost[to].code != OK ? who_ended(w, to) : w->parties;
    if (w->ended.code != OK) {
        result = w->ended.code;
        *f = w->ended;
    } else if (ended < w->parties && !w->followed[ended]) {
        result = w->lost[ended].code;
        *f = w->lost[ended];
    } else if (ended == w->parties) {
        result = relay_put(&w->relay, RELAY_FRAME, to, frame, len);
    } /* else nobody takes it any more; the cause will be known when we receive */
    if (result == OK) {
        w->costs.sent[to] += len;
        if (w->phase < PHASES)
            w->costs.phase[w->phase].bytes_sent += len;
    }
    pthread_mutex_unlock(&w->lock);
    wake(w);
    return result;
}

static void deadline_after(struct timespec *out, uint32_t seconds)
{
    clock_gettime(CLOCK_MONOTONIC, out);
    out->tv_sec += seconds;
}

static status silence(const struct worker_channel *w, party from, uint32_t wait_s, struct fault *f)
{
    if (!w->costs.received[from]) {
        (void)fault_set(f, STATUS_TIMEOUT, "%s can be reached but has not begun its part within %u s",
                        w->name[from].text, wait_s);
        fault_hint(f, "perhaps the coordinator did not start the job there; deadlines.peer_s sets how long to wait");
    } else {
        (void)fault_set(f, STATUS_TIMEOUT, "%s can be reached but has said nothing for %u s, in phase %s",
                        w->name[from].text, wait_s, w->phase ? phase_name((enum phase)w->phase) : "handshake");
        fault_hint(f, "ask its operator what the job there is doing; deadlines.step_s sets how long to wait");
    }
    return STATUS_TIMEOUT;
}

static status await_frame(struct worker_channel *w, party from, struct relay_item **out, struct fault *f)
{
    const uint32_t wait_s = w->costs.received[from] ? w->patience.step_s : w->patience.first_s;
    struct timespec deadline;
    int waits_for_cause = 0;

    deadline_after(&deadline, wait_s);
    for (;;) {
        party ended = who_ended(w, from);
        int late;

        *out = relay_pop(&w->inbox[from]);
        if (*out)
            return OK;
        if (w->ended.code != OK) {
            *f = w->ended;
            return f->code;
        }
        if (ended < w->parties && w->followed[ended] && !waits_for_cause) {
            waits_for_cause = 1; /* the news of the one who stopped first may take another way */
            deadline_after(&deadline, CAUSE_S);
        } else if (ended < w->parties && !w->followed[ended]) {
            *f = w->lost[ended];
            return f->code;
        }
        late = pthread_cond_timedwait(&w->changed, &w->lock, &deadline) == ETIMEDOUT && !w->inbox[from].head;
        if (late && waits_for_cause) {
            *f = w->lost[who_ended(w, from)];
            return f->code;
        }
        if (late)
            return silence(w, from, wait_s, f);
    }
}

static status recv_frame(void *ctx, party from, uint8_t *frame, size_t *len, struct fault *f)
{
    struct worker_channel *w = ctx;
    struct relay_item *m = NULL;
    status result;

    pthread_mutex_lock(&w->lock);
    result = await_frame(w, from, &m, f);
    if (result == OK && w->inbox[from].bytes < GO_BYTES && w->relay.holding[from]) {
        result = relay_hold(&w->relay, from, 0);
        wake(w);
    }
    pthread_mutex_unlock(&w->lock);
    if (m) {
        memcpy(frame, relay_body(m), m->len); /* at most FRAME_MAX: relay_read has seen to it */
        *len = m->len;
        free(m);
    }
    return result;
}

static party culprit(void *ctx, party from)
{
    struct worker_channel *w = ctx;
    party ended;

    pthread_mutex_lock(&w->lock);
    ended = who_ended(w, from);
    pthread_mutex_unlock(&w->lock);
    return ended < w->parties ? ended : from;
}

struct channel worker_channel_frames(struct worker_channel *w)
{
    return (struct channel){.ctx = w, .send = send_frame, .recv = recv_frame, .culprit = culprit};
}

/* ---- progress and costs ---- */

/* Close the account of the phase so far.  Under the lock. */
static void account(struct worker_channel *w)
{
    double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);

    if (w->phase && w->phase < PHASES) {
        w->costs.phase[w->phase].seconds += wall - w->phase_began;
        w->costs.phase[w->phase].cpu_seconds += cpu - w->phase_cpu;
    }
    w->phase_began = wall;
    w->phase_cpu = cpu;
    w->costs.seconds = wall - w->began;
    w->costs.cpu_seconds = cpu - w->cpu_began;
}

static uint64_t sum(const uint64_t *values, party count)
{
    uint64_t total = 0;

    for (party p = 0; p < count; p++)
        total += values[p];
    return total;
}

static void tell(struct worker_channel *w, uint64_t done, uint64_t total)
{
    json_t *seconds = json_object(), *all;
    char *text;

    for (int p = 1; seconds && p < PHASES; p++) {
        if (w->costs.phase[p].seconds > 0)
            json_object_set_new(seconds, phase_name((enum phase)p), json_real(w->costs.phase[p].seconds));
    }
    all = json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:o}", "stage",
                    stage_name(stage_of_phase(w->stage, (enum phase)w->phase)), "phase",
                    phase_name((enum phase)w->phase), "pass", (int)w->pass, "passes", (int)w->passes, "done", (json_int_t)done, "total", (json_int_t)total,
                    "bytes_sent", (json_int_t)sum(w->costs.sent, w->parties), "bytes_received",
                    (json_int_t)sum(w->costs.received, w->parties), "seconds", seconds);
    text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    if (text)
        (void)!relay_put(&w->relay, RELAY_PROGRESS, 0, text, strlen(text)); /* one picture less does no harm */
    free(text);
    json_decref(all);
}

static void step(void *ctx, uint16_t phase, uint32_t pass, uint64_t done, uint64_t total)
{
    struct worker_channel *w = ctx;
    int64_t now = now_ms();
    int told = 0;

    if (!phase || phase >= PHASES)
        return;
    pthread_mutex_lock(&w->lock);
    account(w);
    if (phase != w->phase || now - w->told_ms >= PROGRESS_MS) {
        w->phase = phase;
        w->pass = pass;
        w->told_ms = now;
        tell(w, done, total);
        told = 1;
    }
    pthread_mutex_unlock(&w->lock);
    if (told)
        wake(w);
}

struct progress worker_channel_progress(struct worker_channel *w)
{
    return (struct progress){.ctx = w, .step = step};
}

void worker_channel_costs(struct worker_channel *w, struct worker_costs *out)
{
    pthread_mutex_lock(&w->lock);
    account(w);
    *out = w->costs;
    pthread_mutex_unlock(&w->lock);
}

/* ---- begin and end ---- */

/* Until the daemon has everything.  Under the lock. */
static status drain(struct worker_channel *w, uint32_t seconds, struct fault *f)
{
    struct timespec deadline;

    deadline_after(&deadline, seconds);
    while (!relay_drained(&w->relay)) {
        if (w->relay.closed || w->ended.code != OK) {
            *f = w->ended;
            return f->code != OK ? f->code : STATUS_CLOSED;
        }
        if (pthread_cond_timedwait(&w->changed, &w->lock, &deadline) == ETIMEDOUT)
            return fault_set(f, STATUS_TIMEOUT, "a peer did not take the last messages within %u s", seconds);
    }
    return OK;
}

status worker_channel_done(struct worker_channel *w, const char *json, struct fault *f)
{
    status result;

    pthread_mutex_lock(&w->lock);
    result = w->ended.code;
    if (result != OK)
        *f = w->ended;
    else
        result = relay_put(&w->relay, RELAY_DONE, 0, json, strlen(json));
    wake(w);
    if (result == OK)
        result = drain(w, w->patience.step_s, f);
    pthread_mutex_unlock(&w->lock);
    return result;
}

void worker_channel_failed(struct worker_channel *w, const struct fault *why, party blamed)
{
    struct fault ignored = {0};
    json_t *all = json_pack("{s:s, s:s, s:s, s:s*}", "code", status_name(why->code), "message", why->message, "hint",
                            why->hint, "blamed", blamed < w->parties ? w->name[blamed].text : NULL);
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;

    pthread_mutex_lock(&w->lock);
    relay_forget_frames(&w->relay);
    if (text && relay_put(&w->relay, RELAY_FAILED, 0, text, strlen(text)) == OK) {
        wake(w);
        w->ended.code = OK; /* also after a cancellation the daemon hears the end */
        (void)!drain(w, 5, &ignored);
    }
    pthread_mutex_unlock(&w->lock);
    free(text);
    json_decref(all);
}

status worker_channel_open(struct worker_channel **out, int fd, const struct worker_peer_name *names, party parties,
                           uint32_t passes, enum stage stage, struct worker_patience patience)
{
    struct worker_channel *w = NULL;
    pthread_condattr_t attr;

    TRY(alloc_zeroed(&w, 1, sizeof *w));
    w->parties = parties;
    w->passes = passes;
    w->stage = stage;
    w->patience = patience;
    memcpy(w->name, names, parties * sizeof *names);
    w->began = w->phase_began = seconds_of(CLOCK_MONOTONIC);
    w->cpu_began = w->phase_cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attr);
    pthread_condattr_destroy(&attr);
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake < 0 || relay_init(&w->relay, fd, RELAY_WORKER, parties) != OK ||
        pthread_create(&w->thread, NULL, carry_frames, w)) {
        if (w->wake >= 0)
            close(w->wake);
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->lock);
        free(w);
        return STATUS_IO;
    }
    *out = w;
    return OK;
}

void worker_channel_close(struct worker_channel *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = 1;
    pthread_mutex_unlock(&w->lock);
    wake(w);
    pthread_join(w->thread, NULL);
    for (party p = 0; p < w->parties; p++)
        relay_drop(&w->inbox[p]);
    relay_clear(&w->relay);
    close(w->wake);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
