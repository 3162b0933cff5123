#include "node/net/control.h"

#include "crypto/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 16, FULL_US = 5000, IDLE_MS = 30000, REQUEST_MS = 10000, SOCKET_PATH_BYTES = 1100 };

static const char socket_name[] = "hefud.sock";

/* ---- operations ---- */

static const struct {
    const char *name;
    int roles; /* who may ask: bits of enum control_role */
} operations[CONTROL_OPS] = {
    [CONTROL_HELLO] = {"hello", CONTROL_OPERATOR | CONTROL_COORDINATOR},
    [CONTROL_PROPOSE] = {"propose", CONTROL_COORDINATOR},
    [CONTROL_CONTRACT] = {"contract", CONTROL_COORDINATOR},
    [CONTROL_JOB] = {"job", CONTROL_OPERATOR | CONTROL_COORDINATOR},
    [CONTROL_START] = {"start", CONTROL_COORDINATOR},
    [CONTROL_CANCEL] = {"cancel", CONTROL_OPERATOR | CONTROL_COORDINATOR},
    [CONTROL_JOBS] = {"jobs", CONTROL_OPERATOR | CONTROL_COORDINATOR},
    [CONTROL_APPROVE] = {"approve", CONTROL_OPERATOR},
    [CONTROL_REFUSE] = {"refuse", CONTROL_OPERATOR},
    [CONTROL_EXPLAIN] = {"explain", CONTROL_OPERATOR},
};

status control_status_named(const char *name)
{
    for (int code = OK + 1; code <= STATUS_MISMATCH; code++) {
        if (!strcmp(name, status_name((status)code)))
            return (status)code;
    }
    return STATUS_IO;
}

json_t *control_fault_json(const struct fault *f)
{
    /* "s?" style keys may hold bytes that are not UTF-8 when a file name got into a message: say so, not nothing. */
    json_t *message = json_string(f->message), *hint = json_string(f->hint);

    if (!message)
        message = json_string("the error cannot be shown: it is not text");
    return json_pack("{s:s, s:o, s:o*}", "code", status_name(f->code), "message", message, "hint", hint);
}

void control_fault_read(struct fault *f, const json_t *error)
{
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *hint = json_string_value(json_object_get(error, "hint"));

    (void)fault_set(f, code ? control_status_named(code) : STATUS_IO, "%s", message ? message : "no reason was given");
    if (hint && hint[0])
        fault_hint(f, "%s", hint);
}

/* A slash that is not an address's: every text about a file begins with its whole path. */
static int names_a_file(const char *text)
{
    for (const char *at = strchr(text, '/'); at; at = strchr(at + 1, '/')) {
        if (at > text && at[-1] == ':' && at[1] == '/')
            at++; /* tcp://host:port */
        else
            return 1;
    }
    return 0;
}

int control_fault_hide(struct fault *f)
{
    static const char hint[] = "its operator reads more in the log of hefud and with: hefu job show";
    const int hidden = names_a_file(f->message);

    if (hidden)
        snprintf(f->message, sizeof f->message, "this node failed at a file of its own");
    else if (!names_a_file(f->hint))
        return 0;
    snprintf(f->hint, sizeof f->hint, "%s", hint);
    return hidden;
}

status control_text(const char **out, const json_t *request, const char *field, struct fault *f)
{
    const char *text = json_string_value(json_object_get(request, field));

    if (!text)
        return fault_set(f, STATUS_USAGE, "the request has no text field '%s'", field);
    *out = text;
    return OK;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

status control_bytes(uint8_t **out, size_t *len, const json_t *value, const char *field, size_t max, struct fault *f)
{
    const char *text = json_string_value(value);
    size_t digits = text ? json_string_length(value) : 0;
    uint8_t *bytes AUTO(auto_free) = NULL;

    if (!text || digits % 2 || digits / 2 > max)
        return fault_set(f, STATUS_USAGE, "field '%s' is not at most %zu bytes in hexadecimal", field, max);
    TRY(alloc_zeroed(&bytes, digits / 2, 1));
    for (size_t i = 0; i < digits / 2; i++) {
        int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return fault_set(f, STATUS_USAGE, "field '%s' is not lower-case hexadecimal", field);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = bytes;
    *len = digits / 2;
    bytes = NULL;
    return OK;
}

json_t *control_hex(const void *bytes, size_t len)
{
    static const char digit[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    char *text = malloc(2 * len + 1);
    json_t *out;

    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digit[in[i] >> 4];
        text[2 * i + 1] = digit[in[i] & 15];
    }
    out = json_stringn_nocheck(text, 2 * len);
    free(text);
    return out;
}

static status find_operation(enum control_op *out, const struct control_caller *who, const json_t *request,
                             struct fault *f)
{
    const char *name = NULL;

    if (who->role == CONTROL_NOBODY)
        return fault_set(f, STATUS_REFUSED, "this certificate may not ask this node for anything");
    if (!json_is_object(request))
        return fault_set(f, STATUS_USAGE, "the request is not a JSON object");
    TRY(control_text(&name, request, "op", f));
    for (int op = 0; op < CONTROL_OPS; op++) {
        if (strcmp(name, operations[op].name))
            continue;
        if (!(operations[op].roles & (int)who->role)) {
            (void)fault_set(f, STATUS_REFUSED, "%s may not ask for '%s'",
                            who->role == CONTROL_COORDINATOR ? "a coordinator" : "the local operator", name);
            fault_hint(f, who->role == CONTROL_COORDINATOR ? "only the operator of the node can do this, on its machine"
                                                           : "a coordinator asks this, with its own certificate");
            return f->code;
        }
        *out = (enum control_op)op;
        return OK;
    }
    return fault_set(f, STATUS_USAGE, "unknown operation");
}

static json_t *answer_with(status result, json_t *answer, const struct control_ops *ops, const struct control_caller *who,
                           struct fault *f)
{
    const struct fault whole = *f;
    json_t *error;

    if (result == OK)
        return answer;
    json_decref(answer);
    if (f->code == OK)
        (void)fault_set(f, result, "the node could not do this: %s", status_name(result));
    if (who->role != CONTROL_OPERATOR && control_fault_hide(f) && ops->log)
        ops->log(ops->node, &whole);
    error = control_fault_json(f);
    return error ? json_pack("{s:b, s:o}", "ok", 0, "error", error) : NULL;
}

json_t *control_answer(const struct control_ops *ops, const struct control_caller *who, const void *request, size_t len)
{
    struct fault f = {0};
    enum control_op op = CONTROL_OPS;
    json_t *asked = len <= CONTROL_BYTES_MAX ? json_loadb(request, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *answer = json_pack("{s:b}", "ok", 1);
    status result = answer ? find_operation(&op, who, asked, &f) : STATUS_NO_MEMORY;

    if (result == OK && !ops->op[op])
        result = fault_set(&f, STATUS_USAGE, "this node cannot do that");
    if (result == OK)
        result = ops->op[op](ops->node, who, asked, answer, &f);
    json_decref(asked);
    return answer_with(result, answer, ops, who, &f);
}

char *control_answer_text(const struct control_ops *ops, const struct control_caller *who, const void *request,
                          size_t len)
{
    json_t *answer = control_answer(ops, who, request, len);
    char *text = answer ? json_dumps(answer, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

    json_decref(answer);
    return text;
}

status control_read_answer(json_t **answer, const void *text, size_t len, struct fault *f)
{
    json_t *all = len <= CONTROL_BYTES_MAX ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (!json_is_object(all)) {
        json_decref(all);
        return fault_set(f, STATUS_MALFORMED, "the node's answer is not a JSON object");
    }
    if (json_is_true(json_object_get(all, "ok"))) {
        *answer = all;
        return OK;
    }
    control_fault_read(f, json_object_get(all, "error"));
    json_decref(all);
    return f ? f->code : STATUS_IO;
}

/* ---- bytes over the Unix socket ---- */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One direction, until all bytes are through or the deadline has passed. */
static status transfer(int fd, void *bytes, size_t len, int sending, int64_t deadline)
{
    uint8_t *at = bytes;

    while (len) {
        struct pollfd p = {.fd = fd, .events = sending ? POLLOUT : POLLIN};
        int64_t left = deadline - now_ms();
        ssize_t n;
        int ready = poll(&p, 1, left > 0 ? (int)left : 0);

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return STATUS_TIMEOUT;
        if (ready < 0)
            return STATUS_IO;
        n = sending ? send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT) : recv(fd, at, len, MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return STATUS_CLOSED;
        at += n;
        len -= (size_t)n;
    }
    return OK;
}

static status send_text(int fd, const char *text, int64_t deadline)
{
    uint8_t prefix[4];
    size_t len = strlen(text);

    if (len > CONTROL_BYTES_MAX)
        return STATUS_LIMIT;
    store_u32(prefix, (uint32_t)len);
    TRY(transfer(fd, prefix, sizeof prefix, 1, deadline));
    return transfer(fd, (void *)(uintptr_t)text, len, 1, deadline);
}

static status recv_text(char **out, size_t *len, int fd, int64_t first_deadline, int64_t rest_ms)
{
    uint8_t prefix[4];
    char *text AUTO(auto_free) = NULL;
    size_t bytes;
    int64_t deadline;

    TRY(transfer(fd, prefix, 1, 0, first_deadline));
    deadline = now_ms() + rest_ms;
    TRY(transfer(fd, prefix + 1, 3, 0, deadline));
    bytes = load_u32(prefix);
    if (bytes > CONTROL_BYTES_MAX)
        return STATUS_MALFORMED;
    TRY(alloc_zeroed(&text, bytes + 1, 1));
    TRY(transfer(fd, text, bytes, 0, deadline));
    *out = text;
    *len = bytes;
    text = NULL;
    return OK;
}

/* The address of the socket.  A path that is too long for one is reached through its open directory (*dir). */
static status socket_address(struct sockaddr_un *out, int *dir, const char *state_dir, struct fault *f)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    *dir = -1;
    if (snprintf(out->sun_path, sizeof out->sun_path, "%s/%s", state_dir, socket_name) < (int)sizeof out->sun_path)
        return OK;
    *dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*dir < 0)
        return fault_set(f, STATUS_CONFIG, "%s: %s", state_dir, strerror(errno));
    snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", *dir, socket_name);
    return OK;
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- server ---- */

struct connection {
    struct control_server *server;
    pthread_t thread;
    int fd;
    int used, ended; /* under the server's lock */
};

struct control_server {
    struct control_ops ops;
    char path[SOCKET_PATH_BYTES];
    int fd, stop;
    pthread_t thread;
    pthread_mutex_t lock;
    struct connection connection[CONNECTIONS_MAX];
};

static int is_our_user(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && (peer.uid == geteuid() || peer.uid == 0);
}

static void *serve_connection(void *arg)
{
    struct connection *c = arg;
    const struct control_caller who = {.role = CONTROL_OPERATOR, .name = "operator"};

    for (;;) {
        char *request AUTO(auto_free) = NULL, *answer AUTO(auto_free) = NULL;
        size_t len = 0;

        if (recv_text(&request, &len, c->fd, now_ms() + IDLE_MS, REQUEST_MS) != OK)
            break;
        answer = control_answer_text(&c->server->ops, &who, request, len);
        if (!answer || send_text(c->fd, answer, now_ms() + REQUEST_MS) != OK)
            break;
    }
    pthread_mutex_lock(&c->server->lock);
    shutdown(c->fd, SHUT_RDWR);
    c->ended = 1;
    pthread_mutex_unlock(&c->server->lock);
    return NULL;
}

/* Join what has ended; a free place or NULL. */
static struct connection *free_connection(struct control_server *s)
{
    struct connection *found = NULL;

    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = &s->connection[i];
        int ended;

        pthread_mutex_lock(&s->lock);
        ended = c->ended;
        pthread_mutex_unlock(&s->lock);
        if (c->used && ended) {
            pthread_join(c->thread, NULL);
            fd_close(&c->fd);
            c->used = c->ended = 0;
        }
        if (!c->used && !found)
            found = c;
    }
    return found;
}

static void accept_one(struct control_server *s)
{
    struct connection *c = free_connection(s);
    int fd;

    if (!c) { /* who comes now waits in the socket's queue until somebody has gone */
        usleep(FULL_US);
        return;
    }
    fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            usleep(100000); /* poll would return at once, again and again */
        return;
    }
    if (!is_our_user(fd)) {
        close(fd);
        return;
    }
    *c = (struct connection){.server = s, .fd = fd, .used = 1};
    if (pthread_create(&c->thread, NULL, serve_connection, c)) {
        close(fd);
        c->used = 0;
    }
}

static void *serve(void *arg)
{
    struct control_server *s = arg;

    for (;;) {
        struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->stop, .events = POLLIN}};

        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (p[1].revents)
            return NULL;
        if (p[0].revents)
            accept_one(s);
    }
}

static status listen_on(struct control_server *s, const char *state_dir, struct fault *f)
{
    struct sockaddr_un address;
    int dir AUTO(fd_close) = -1;

    if (snprintf(s->path, sizeof s->path, "%s/%s", state_dir, socket_name) >= (int)sizeof s->path)
        return fault_set(f, STATUS_CONFIG, "the path of the state directory is too long");
    TRY(socket_address(&address, &dir, state_dir, f));
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    s->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->fd < 0 || s->stop < 0)
        return fault_set(f, STATUS_IO, "no socket for local requests: %s", strerror(errno));
    unlink(s->path); /* left by a daemon that was killed; a living one holds the lock of the directory */
    if (bind(s->fd, (struct sockaddr *)&address, sizeof address) || chmod(s->path, 0600) || listen(s->fd, CONNECTIONS_MAX))
        return fault_set(f, STATUS_IO, "%s: cannot listen for local requests: %s", s->path, strerror(errno));
    return OK;
}

status control_server_open(struct control_server **out, const char *state_dir, const struct control_ops *ops,
                           struct fault *f)
{
    struct control_server *s = NULL;
    status result;

    TRY(alloc_zeroed(&s, 1, sizeof *s));
    s->ops = *ops;
    s->fd = s->stop = -1;
    pthread_mutex_init(&s->lock, NULL);
    result = listen_on(s, state_dir, f);
    if (result == OK && pthread_create(&s->thread, NULL, serve, s))
        result = fault_set(f, STATUS_NO_MEMORY, "no thread for local requests");
    if (result != OK) {
        fd_close(&s->fd);
        fd_close(&s->stop);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return result;
    }
    *out = s;
    return OK;
}

void control_server_close(struct control_server *s)
{
    if (!s)
        return;
    if (eventfd_write(s->stop, 1))
        abort(); /* an eventfd with one writer takes one */
    pthread_join(s->thread, NULL);
    unlink(s->path);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = &s->connection[i];

        if (!c->used)
            continue;
        shutdown(c->fd, SHUT_RDWR);
        pthread_join(c->thread, NULL);
        fd_close(&c->fd);
    }
    fd_close(&s->fd);
    fd_close(&s->stop);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- client ---- */

static status connect_local(int *fd, const char *state_dir, struct fault *f)
{
    struct sockaddr_un address;
    int dir AUTO(fd_close) = -1;

    TRY(socket_address(&address, &dir, state_dir, f));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return fault_set(f, STATUS_IO, "no socket: %s", strerror(errno));
    if (connect(*fd, (struct sockaddr *)&address, sizeof address)) {
        (void)fault_set(f, STATUS_IO, "no daemon answers in %s: %s", state_dir, strerror(errno));
        fault_hint(f, "%s", errno == EACCES ? "run this as the user that hefud runs as"
                                            : "start it with 'hefud --config DIR/node.yaml', or give the right --node DIR");
        return f ? f->code : STATUS_IO;
    }
    return OK;
}

status control_call_local(const char *state_dir, const json_t *request, json_t **answer, unsigned deadline_ms,
                          struct fault *f)
{
    int fd AUTO(fd_close) = -1;
    char *asked AUTO(auto_free) = json_dumps(request, JSON_COMPACT), *text AUTO(auto_free) = NULL;
    size_t len = 0;
    int64_t deadline = now_ms() + deadline_ms;
    status result;

    if (!asked)
        return STATUS_NO_MEMORY;
    TRY(connect_local(&fd, state_dir, f));
    result = send_text(fd, asked, deadline);
    if (result == OK)
        result = recv_text(&text, &len, fd, deadline, deadline_ms);
    if (result != OK)
        return fault_set(f, result, "the daemon in %s did not answer: %s", state_dir, status_name(result));
    return control_read_answer(answer, text, len, f);
}
