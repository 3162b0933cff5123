#include "node/hefud/runner.h"

#include "node/hefud/log.h"
#include "node/local/relay.h"
#include "node/net/control.h"
#include "node/net/link_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    GRACE_MS = 5000,   /* from the request to stop to SIGKILL */
    NOTICE_MS = 15000, /* from a peer's end to our own request to stop, when the worker does not notice */
    RETRY_MS = 10,     /* a peer's queue is full */
    TICK_MS = 500,
    BATCH = 32,        /* messages of the worker taken before the peers' queues are looked at again */
    FOREVER_MS = INT32_MAX,
};

struct receiver {
    struct runner *runner;
    party from;
    pthread_t thread;
};

struct runner {
    struct runner_config c;
    char program[FILES_PATH_BYTES], config_path[FILES_PATH_BYTES], session_dir[FILES_PATH_BYTES];
    party parties;
    char name[PARTIES_MAX][PARTY_NAME_MAX];
    struct link_channel channel;

    pthread_t thread;
    struct receiver receiver[PARTIES_MAX];
    pthread_mutex_t lock;
    pthread_cond_t moved;   /* the worker has taken something, or it is over */
    int kick;               /* eventfd: there is something for the pump */

    /* under the lock */
    struct relay relay;
    struct relay_queue pending[PARTIES_MAX]; /* frames that the link did not take yet */
    uint8_t peer_ended[PARTIES_MAX];
    int over;               /* receivers stop */
    json_t *progress;
    struct fault cancelled; /* why we stop it ourselves */
    enum link_goodbye goodbye;
    int64_t killed_after;   /* 0: not asked to stop */
    struct fault doom;      /* a peer has failed: the worker will notice, or else */
    int64_t doomed_after;
    int done, ended;
    struct runner_end end;

    pid_t pid;
    int64_t began;
    uint64_t last_bytes;
    int64_t last_bytes_ms;
    double rate;
};

static void kick(struct runner *r)
{
    (void)!eventfd_write(r->kick, 1);
}

static void give_up(struct runner *r, const char *words)
{
    if (r->cancelled.code != OK)
        return;
    (void)fault_set(&r->cancelled, STATUS_NO_MEMORY, "%s", words);
    r->goodbye = LINK_FAILED;
}

enum link_goodbye runner_goodbye(status code)
{
    switch (code) {
    case OK:
        return LINK_DONE;
    case STATUS_CANCELLED:
        return LINK_CANCELLED;
    case STATUS_REFUSED:
        return LINK_REFUSED;
    case STATUS_LIMIT:
        return LINK_LIMIT;
    case STATUS_TIMEOUT:
        return LINK_TIMED_OUT;
    case STATUS_MALFORMED:
    case STATUS_UNEXPECTED:
    case STATUS_UNTRUSTED:
    case STATUS_EQUIVOCATION:
    case STATUS_MISMATCH:
        return LINK_PROTOCOL;
    case STATUS_CLOSED:
        return LINK_FOLLOWED;
    case STATUS_NO_MEMORY:
    case STATUS_IO:
    case STATUS_USAGE:
    case STATUS_CONFIG:
        break;
    }
    return LINK_FAILED;
}

/* ---- peers to worker ---- */

/* Why this peer says nothing more, in the words that the job will end with.  Marked: an orderly end; an end that is
 * only the effect of another's. */
static void put_peer_lost(struct runner *r, party from, status result, const struct fault *told)
{
    enum link_goodbye goodbye = link_ended(r->c.hub, r->name[from], &r->channel);
    struct fault f = {0};
    json_t *error;
    char *text;

    if (goodbye && goodbye != LINK_LOST) {
        (void)fault_set(&f, STATUS_CLOSED, "%s stopped: %s", r->name[from], link_goodbye_text(goodbye));
        fault_hint(&f, "its operator sees why with: hefu jobs");
    } else {
        f = *told;
        (void)fault_set(&f, result, "%s: %s", r->name[from], status_name(result));
    }
    error = control_fault_json(&f);
    if (error && goodbye == LINK_DONE)
        json_object_set_new(error, "finished", json_true());
    if (goodbye != LINK_DONE && r->doom.code == OK) {
        r->doom = f;
        r->doomed_after = (int64_t)clock_ms() + NOTICE_MS;
    }
    if (error && goodbye == LINK_FOLLOWED)
        json_object_set_new(error, "followed", json_true());
    text = error ? json_dumps(error, JSON_COMPACT) : NULL;

    r->peer_ended[from] = 1;
    log_line(LOG_DEBUG, "attempt in %s: %s (%s)", r->session_dir, f.message, status_name(f.code));
    if (!text || relay_put(&r->relay, RELAY_PEER_LOST, from, text, strlen(text)) != OK)
        give_up(r, "out of memory");
    free(text);
    json_decref(error);
}

static void *receive_frames(void *arg)
{
    struct receiver *me = arg;
    struct runner *r = me->runner;
    const size_t most = (size_t)r->c.queue_mb << 20;
    uint8_t *frame = malloc(FRAME_MAX);
    int go_on = 1;

    while (go_on) {
        struct fault f = {0};
        size_t len = 0;
        status result;

        pthread_mutex_lock(&r->lock);
        while (!r->over && relay_waiting(&r->relay, me->from) > most)
            pthread_cond_wait(&r->moved, &r->lock);
        go_on = !r->over;
        pthread_mutex_unlock(&r->lock);
        if (!go_on)
            break;
        result = frame ? link_recv(r->c.hub, r->name[me->from], &r->channel, frame, FRAME_MAX, &len, FOREVER_MS, &f)
                       : STATUS_NO_MEMORY;
        pthread_mutex_lock(&r->lock);
        if (r->over) {
            go_on = 0;
        } else if (result == OK && relay_put(&r->relay, RELAY_FRAME, me->from, frame, len) == OK) {
            kick(r);
        } else {
            put_peer_lost(r, me->from, result == OK ? STATUS_NO_MEMORY : result, &f);
            go_on = 0;
            kick(r);
        }
        pthread_mutex_unlock(&r->lock);
    }
    free(frame);
    return NULL;
}

/* ---- worker to peers ---- */

/* Hand waiting frames to the links; a party whose queue is full is held.  1 when some still wait. */
static int send_pending(struct runner *r)
{
    int waiting = 0;

    for (party p = 0; p < r->parties; p++) {
        struct relay_item *m;

        while ((m = r->pending[p].head)) {
            struct fault f = {0};

            /* To a peer that has ended nothing can be said; its own end reaches the worker by the receiver. */
            if (!r->peer_ended[p] &&
                link_send(r->c.hub, r->name[p], &r->channel, relay_body(m), m->len, &f) == STATUS_LIMIT)
                break;
            free(relay_pop(&r->pending[p]));
        }
        waiting |= r->pending[p].head != NULL;
        if (relay_hold(&r->relay, p, r->pending[p].head != NULL) != OK)
            give_up(r, "out of memory");
    }
    return waiting;
}

/* Bytes per second as of late, for the one who watches. */
static void note_rate(struct runner *r, json_t *progress)
{
    uint64_t bytes = (uint64_t)json_integer_value(json_object_get(progress, "bytes_sent")) +
                     (uint64_t)json_integer_value(json_object_get(progress, "bytes_received"));
    int64_t now = (int64_t)clock_ms();

    if (now - r->last_bytes_ms >= 1000) {
        r->rate = (double)(bytes - r->last_bytes) * 1000.0 / (double)(now - r->last_bytes_ms);
        r->last_bytes = bytes;
        r->last_bytes_ms = now;
    }
    json_object_set_new(progress, "rate", json_integer((json_int_t)r->rate));
}

static void take(struct runner *r, struct relay_item *m)
{
    json_t *told = NULL;

    if (m->type == RELAY_FRAME) {
        relay_push(&r->pending[m->who], m);
        return;
    }
    told = json_loadb((const char *)relay_body(m), m->len, 0, NULL);
    if (m->type == RELAY_PROGRESS && told) {
        note_rate(r, told);
        json_decref(r->progress);
        r->progress = json_incref(told);
    } else if (m->type == RELAY_DONE && told) {
        r->done = 1;
        json_decref(r->end.result);
        r->end.result = json_incref(told);
    } else if (m->type == RELAY_FAILED) {
        const char *blamed = json_string_value(json_object_get(told, "blamed"));

        control_fault_read(&r->end.fault, told);
        snprintf(r->end.blamed, sizeof r->end.blamed, "%s", blamed ? blamed : "");
    }
    json_decref(told);
    free(m);
}

/* Move what can be moved, a batch at a time.  0 when the worker is gone. */
static int carry(struct runner *r, int readable)
{
    struct relay_item *m;
    status result = OK;

    for (int i = 0; readable && i < BATCH && (result = relay_read(&r->relay, &m)) == OK && m; i++)
        take(r, m);
    if (result != OK && result != STATUS_CLOSED)
        (void)fault_set(&r->end.fault, result, "the worker of this job sent what no worker sends");
    if (result == OK)
        result = relay_write(&r->relay);
    pthread_cond_broadcast(&r->moved);
    return result == OK;
}

/* ---- the process ---- */

static status spawn_worker(struct runner *r, struct fault *f)
{
    char log[FILES_PATH_BYTES];
    char *argv[] = {r->program, "--worker", r->session_dir, "--config", r->config_path, NULL};
    char *none[] = {"PATH=/usr/bin:/bin", NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t signals;
    int fd[2], error;

    TRY(files_join(log, r->session_dir, "worker.log", f));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
        return fault_set(f, STATUS_IO, "no socket for the worker: %s", strerror(errno));
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, fd[1], 3);
    posix_spawn_file_actions_addclosefrom_np(&files, 4);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attr, &signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attr, &signals);
    /* A group of its own: Ctrl-C at the daemon's terminal is for the daemon, which tells the worker. */
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    error = posix_spawn(&r->pid, r->program, &files, &attr, argv, none);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    close(fd[1]);
    if (error || relay_init(&r->relay, fd[0], RELAY_DAEMON, r->parties) != OK) {
        close(fd[0]);
        return fault_set(f, STATUS_IO, "cannot start %s: %s", r->program, strerror(error ? error : EIO));
    }
    return OK;
}

/* Wait for its exit, at most until the grace is over; then it is killed. */
static void reap(struct runner *r)
{
    int64_t deadline = (int64_t)clock_ms() + GRACE_MS;
    int code = 0;

    while (waitpid(r->pid, &code, WNOHANG) == 0) {
        if ((int64_t)clock_ms() > deadline) {
            kill(r->pid, SIGKILL);
            waitpid(r->pid, &code, 0);
            break;
        }
        usleep(10000);
    }
    if (r->done || r->end.fault.code != OK)
        return;
    if (WIFSIGNALED(code))
        (void)fault_set(&r->end.fault, STATUS_IO, "the worker of this job was ended by signal %d (%s)", WTERMSIG(code),
                        strsignal(WTERMSIG(code)));
    else
        (void)fault_set(&r->end.fault, STATUS_IO, "the worker of this job ended with code %d and no word of why",
                        WEXITSTATUS(code));
    fault_hint(&r->end.fault, "its last words may be in %s/worker.log; out of memory shows in the kernel's log",
               r->session_dir);
}

/* ---- the pump ---- */

static void check_deadlines(struct runner *r)
{
    int64_t now = (int64_t)clock_ms();

    if (r->cancelled.code == OK && now - r->began > (int64_t)r->c.job_s * 1000) {
        (void)fault_set(&r->cancelled, STATUS_TIMEOUT, "the job took longer than %u s", r->c.job_s);
        fault_hint(&r->cancelled, "raise deadlines.job_s in node.yaml if it needs longer");
        r->goodbye = LINK_TIMED_OUT;
    }
    if (r->cancelled.code == OK && r->doom.code != OK && now > r->doomed_after) {
        r->cancelled = r->doom;
        r->goodbye = LINK_FOLLOWED;
    }
    if (r->cancelled.code == OK || r->done)
        return;
    if (!r->killed_after) {
        r->killed_after = now + GRACE_MS;
        (void)!relay_put(&r->relay, RELAY_CANCEL, 0, NULL, 0); /* killed anyway if it does not hear */
    } else if (now > r->killed_after) {
        kill(r->pid, SIGKILL);
    }
}

/* Until the worker has closed its end. */
static void pump(struct runner *r)
{
    int alive = 1;

    while (alive) {
        struct pollfd p[2] = {{.fd = r->relay.fd, .events = POLLIN}, {.fd = r->kick, .events = POLLIN}};
        eventfd_t ignored;
        int waiting;

        check_deadlines(r);
        waiting = send_pending(r);
        if (relay_wants_write(&r->relay))
            p[0].events |= POLLOUT;
        pthread_mutex_unlock(&r->lock);
        (void)poll(p, 2, waiting ? RETRY_MS : TICK_MS);
        pthread_mutex_lock(&r->lock);
        if (p[1].revents)
            (void)!eventfd_read(r->kick, &ignored);
        alive = carry(r, (p[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0);
    }
}

/* After the worker's DONE: the last frames go out before the goodbye. */
static void flush(struct runner *r)
{
    while (r->done && r->cancelled.code == OK && send_pending(r)) {
        pthread_mutex_unlock(&r->lock);
        usleep(RETRY_MS * 1000);
        pthread_mutex_lock(&r->lock);
        check_deadlines(r);
    }
}

static void settle(struct runner *r)
{
    enum link_goodbye goodbye;

    if (r->cancelled.code != OK && !r->done) {
        r->end.fault = r->cancelled; /* what the worker says of it is only the echo */
        r->end.blamed[0] = '\0';
    } else if (r->done) {
        r->end.fault = (struct fault){0};
    }
    if (r->end.fault.code == OK)
        goodbye = LINK_DONE;
    else if (r->doom.code != OK && !strcmp(r->doom.message, r->end.fault.message))
        goodbye = LINK_FOLLOWED;
    else if (r->cancelled.code != OK)
        goodbye = r->goodbye;
    else
        goodbye = runner_goodbye(r->end.fault.code);
    r->over = 1;
    pthread_cond_broadcast(&r->moved);
    pthread_mutex_unlock(&r->lock);
    link_close_channel(r->c.hub, &r->channel, goodbye); /* wakes the receivers */
    for (party p = 0; p < r->parties; p++) {
        if (r->receiver[p].runner)
            pthread_join(r->receiver[p].thread, NULL);
    }
    pthread_mutex_lock(&r->lock);
    for (party p = 0; p < r->parties; p++)
        relay_drop(&r->pending[p]);
    r->ended = 1;
}

static void *run(void *arg)
{
    struct runner *r = arg;
    struct fault f = {0};

    pthread_mutex_lock(&r->lock);
    r->began = r->last_bytes_ms = (int64_t)clock_ms();
    if (spawn_worker(r, &f) == OK) {
        for (party p = 0; p < r->parties; p++) {
            if (p == r->c.self)
                continue;
            r->receiver[p] = (struct receiver){.runner = r, .from = p};
            if (pthread_create(&r->receiver[p].thread, NULL, receive_frames, &r->receiver[p])) {
                r->receiver[p].runner = NULL;
                give_up(r, "no thread for the frames of a peer");
            }
        }
        pump(r);
        flush(r);
        pthread_mutex_unlock(&r->lock);
        reap(r);
        pthread_mutex_lock(&r->lock);
    } else {
        r->end.fault = f;
    }
    settle(r);
    pthread_mutex_unlock(&r->lock);
    (void)!eventfd_write(r->c.wake, 1);
    return NULL;
}

/* ---- from outside ---- */

status runner_start(struct runner **out, const struct runner_config *config, struct fault *f)
{
    struct runner *r = NULL;

    TRY(alloc_zeroed(&r, 1, sizeof *r));
    r->c = *config;
    r->parties = config->contract->parties;
    snprintf(r->program, sizeof r->program, "%s", config->program);
    snprintf(r->config_path, sizeof r->config_path, "%s", config->config_path);
    snprintf(r->session_dir, sizeof r->session_dir, "%s", config->session_dir);
    for (party p = 0; p < r->parties; p++)
        snprintf(r->name[p], sizeof r->name[p], "%s", config->contract->party[p].name);
    memcpy(r->channel.session, config->contract_id.bytes, sizeof r->channel.session);
    r->channel.attempt = config->attempt | (uint32_t)config->stage << 16; /* two sessions of an attempt, two channels */
    r->relay.fd = -1;
    r->c.contract = NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->moved, NULL);
    r->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->kick < 0 || pthread_create(&r->thread, NULL, run, r)) {
        if (r->kick >= 0)
            close(r->kick);
        pthread_cond_destroy(&r->moved);
        pthread_mutex_destroy(&r->lock);
        free(r);
        return fault_set(f, STATUS_NO_MEMORY, "no thread for the job");
    }
    *out = r;
    return OK;
}

void runner_cancel(struct runner *r, const struct fault *why, enum link_goodbye goodbye)
{
    pthread_mutex_lock(&r->lock);
    if (r->cancelled.code == OK) {
        r->cancelled = *why;
        r->goodbye = goodbye;
    }
    pthread_mutex_unlock(&r->lock);
    kick(r);
}

json_t *runner_progress(struct runner *r)
{
    json_t *copy;

    pthread_mutex_lock(&r->lock);
    copy = r->progress ? json_deep_copy(r->progress) : NULL;
    pthread_mutex_unlock(&r->lock);
    return copy;
}

int runner_ended(struct runner *r, struct runner_end *out)
{
    int ended;

    pthread_mutex_lock(&r->lock);
    ended = r->ended;
    if (ended) {
        *out = r->end;
        r->end.result = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    return ended;
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    pthread_join(r->thread, NULL);
    json_decref(r->end.result);
    json_decref(r->progress);
    relay_clear(&r->relay);
    close(r->kick);
    pthread_cond_destroy(&r->moved);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
