#include "node/local/deposit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { POLL_MS = 20 };

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the process ---- */

struct adapter {
    pid_t pid;    /* leader of a group of its own; 0: it has ended */
    int out;      /* what it writes */
    int64_t until; /* ms */
};

static void adapter_clear(struct adapter *a)
{
    if (a->pid > 0) {
        kill(-a->pid, SIGKILL);
        waitpid(a->pid, NULL, 0);
    }
    fd_close(&a->out);
}

/* The line fits into the pipe: it is there before the adapter begins, and a reader that goes away harms nobody. */
static status open_input(int *in, const char *line, size_t len, struct fault *f)
{
    int pair[2];
    ssize_t written;

    if (pipe2(pair, O_CLOEXEC) != 0)
        return fault_set(f, STATUS_IO, "no pipe to the adapter: %s", strerror(errno));
    written = write(pair[1], line, len);
    close(pair[1]);
    *in = pair[0];
    return written == (ssize_t)len ? OK : fault_set(f, STATUS_IO, "the line for the adapter cannot be written");
}

static status spawn(struct adapter *a, const char *command, int in, int out, struct fault *f)
{
    char *argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); /* to be killed as a whole */
    failed = posix_spawn(&a->pid, "/bin/sh", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        a->pid = 0;
        return fault_set(f, STATUS_IO, "the adapter cannot be started: %s", strerror(failed));
    }
    return OK;
}

static status start(struct adapter *a, const char *command, const char *line, size_t line_len, struct fault *f)
{
    int in AUTO(fd_close) = -1, out AUTO(fd_close) = -1, pair[2];

    TRY(open_input(&in, line, line_len, f));
    if (pipe2(pair, O_CLOEXEC) != 0)
        return fault_set(f, STATUS_IO, "no pipe from the adapter: %s", strerror(errno));
    a->out = pair[0];
    out = pair[1];
    return spawn(a, command, in, out, f);
}

/* ---- its answer ---- */

static status too_late(const char *command, struct fault *f)
{
    return fault_set(f, STATUS_TIMEOUT, "the adapter \"%.80s\" has not ended by its deadline", command);
}

static status read_receipt(struct adapter *a, uint8_t *out, size_t *len, const char *command, struct fault *f)
{
    *len = 0;
    for (;;) {
        const int64_t left = a->until - clock_ms();
        const int ready = left > 0 ? poll(&(struct pollfd){a->out, POLLIN, 0}, 1, (int)left) : 0;
        ssize_t n;

        if (ready == 0)
            return too_late(command, f);
        if (ready < 0 && errno == EINTR)
            continue;
        n = read(a->out, out + *len, DEPOSIT_RECEIPT_MAX + 1 - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(f, STATUS_IO, "the adapter's receipt cannot be read: %s", strerror(errno));
        if (n == 0)
            return OK;
        *len += (size_t)n;
        if (*len > DEPOSIT_RECEIPT_MAX)
            return fault_set(f, STATUS_LIMIT, "the adapter \"%.80s\" writes more than %d bytes", command, DEPOSIT_RECEIPT_MAX);
    }
}

/* It may close its output and go on. */
static status wait_end(struct adapter *a, const char *command, struct fault *f)
{
    int ended;
    pid_t got;

    while ((got = waitpid(a->pid, &ended, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
        if (clock_ms() >= a->until)
            return too_late(command, f);
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
    a->pid = 0;
    if (got < 0 || !WIFEXITED(ended))
        return fault_set(f, STATUS_REFUSED, "the adapter \"%.80s\" was killed", command);
    if (WEXITSTATUS(ended) != 0)
        return fault_set(f, STATUS_REFUSED, "the adapter \"%.80s\" failed with exit code %d", command, WEXITSTATUS(ended));
    return OK;
}

status deposit_run(uint8_t **receipt, size_t *len, const char *adapter, const char *line, size_t line_len,
                   uint32_t deadline_s, struct fault *f)
{
    struct adapter a AUTO(adapter_clear) = {.out = -1, .until = clock_ms() + (int64_t)deadline_s * 1000};
    uint8_t *bytes AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&bytes, DEPOSIT_RECEIPT_MAX + 1, 1));
    TRY(start(&a, adapter, line, line_len, f));
    TRY(read_receipt(&a, bytes, len, adapter, f));
    TRY(wait_end(&a, adapter, f));
    if (*len == 0)
        return fault_set(f, STATUS_REFUSED, "the adapter \"%.80s\" gave no receipt", adapter);
    *receipt = bytes;
    bytes = NULL;
    return OK;
}

/* ---- the attachment ---- */

status deposit_encode(struct wire_writer *out, const struct deposit *d)
{
    if (d->line.len >= STAMP_LINE_BYTES || d->receipt.len > DEPOSIT_RECEIPT_MAX)
        return STATUS_LIMIT;
    wire_put_blob(out, d->line.bytes, d->line.len);
    wire_put_blob(out, d->receipt.bytes, d->receipt.len);
    return wire_writer_status(out);
}

status deposit_decode(struct deposit *out, const uint8_t *bytes, size_t len)
{
    struct wire_reader r;

    wire_reader_init(&r, bytes, len);
    out->line.bytes = wire_get_blob(&r, STAMP_LINE_BYTES - 1, &out->line.len);
    out->receipt.bytes = wire_get_blob(&r, DEPOSIT_RECEIPT_MAX, &out->receipt.len);
    return wire_finish(&r);
}
