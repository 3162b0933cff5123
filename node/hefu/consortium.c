#include "node/hefu/consortium.h"

#include "node/hefu/ask.h"
#include "node/hefu/job_view.h"
#include "node/local/bar.h"
#include "node/local/ca.h"
#include "node/local/pool.h"
#include "node/net/control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CERTIFICATE_DAYS = 365, READY_SECONDS = 20, STOP_SECONDS = 5, POLL_MS = 50, LOG_TAIL_BYTES = 4096 };

status consortium_program(char out[FILES_PATH_BYTES], const char *name, struct fault *f)
{
    char self[FILES_PATH_BYTES], directory[FILES_PATH_BYTES];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    if (len <= 0)
        return fault_set(f, STATUS_IO, "cannot find out where this program lies: %s", strerror(errno));
    self[len] = '\0';
    TRY(files_directory(directory, self, f));
    TRY(files_join(out, directory, name, f));
    if (access(out, X_OK) == 0)
        return OK;
    fault_set(f, STATUS_CONFIG, "the program %s is missing: %s", out, strerror(errno));
    fault_hint(f, "build it: cmake --build build");
    return STATUS_CONFIG;
}

/* ---- ports ---- */

/* Free loopback ports, all different: each stays bound until all are known. */
static status choose_ports(struct consortium *c, struct fault *f)
{
    int fd[PARTIES_MAX];
    uint32_t open = 0;
    status code = OK;

    while (open < c->parties && code == OK) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof a;
        int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) != 0 || getsockname(s, (struct sockaddr *)&a, &len) != 0)
            code = fault_set(f, STATUS_IO, "no free port on 127.0.0.1: %s", strerror(errno));
        c->party[open].port = ntohs(a.sin_port);
        if (s >= 0)
            fd[open++] = s;
    }
    while (open)
        close(fd[--open]);
    return code;
}

/* ---- files ---- */

static void print_peer(FILE *out, const struct consortium_party *p, enum suite s)
{
    char hex[2 * HASH_BYTES + 1];

    hash_hex(&p->fingerprint, hex);
    fprintf(out, "  - name: %s\n    address: tcp://127.0.0.1:%u\n    fingerprint: %s\n", p->name, p->port, hex);
    if (s != SUITE_GM1)
        return;
    hash_hex(&p->gm_fingerprint, hex);
    fprintf(out, "    gm_fingerprint: %s\n", hex);
}

static status write_text(const char *dir, const char *name, char *text, size_t len, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    char *owned AUTO(auto_free) = text;

    TRY(files_join(path, dir, name, f));
    return files_write(path, owned, len, 0600, f);
}

/* All nodes compute at once on this machine. */
static uint32_t threads_of_each(const struct consortium *c)
{
    const uint32_t share = pool_processors() / c->parties;

    return share ? share : 1;
}

static status write_node(const struct consortium *c, uint32_t self, const struct certificate *coordinator,
                         struct fault *f)
{
    const struct consortium_party *me = &c->party[self];
    char hex[2 * HASH_BYTES + 1], *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    fprintf(out,
            "# The node of %s, written by hefu try.\n"
            "name: %s\n"
            "listen: tcp://127.0.0.1:%u\n"
            "state_dir: state\n"
            "certificate: %s.pem\n"
            "key: %s.key\n"
            "ca: ca.pem\n"
            "crl: crl.pem\n",
            me->name, me->name, me->port, me->name, me->name);
    if (c->suite == SUITE_GM1)
        fprintf(out, "gm: {certificate: %s-gm.pem, key: %s-gm.key, ca: ca-gm.pem, crl: crl-gm.pem}\n", me->name, me->name);
    fprintf(out, "peers:\n");
    for (uint32_t p = 0; p < c->parties; p++)
        if (p != self)
            print_peer(out, &c->party[p], c->suite);
    hash_hex(&coordinator->fingerprint, hex);
    fprintf(out,
            "coordinators:\n"
            "  - name: %s\n"
            "    fingerprint: %s\n"
            "policy:\n"
            "  approve: auto\n"
            "  min_rows: %u\n"
            "  min_key_bits: 2048\n"
            "  max_passes: %d\n"
            "limits:\n"
            "  threads: %u\n",
            coordinator->name, hex, c->min_rows, PASSES_MAX, threads_of_each(c));
    fclose(out);
    return write_text(me->dir, "node.yaml", text, len, f);
}

static status write_coordinator(struct consortium *c, const char *dir, const char *name, struct fault *f)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    fprintf(out,
            "# The coordinator of this consortium, written by hefu try.\n"
            "certificate: %s.pem\n"
            "key: %s.key\n"
            "ca: ca.pem\n"
            "crl: crl.pem\n"
            "nodes:\n",
            name, name);
    for (uint32_t p = 0; p < c->parties; p++)
        print_peer(out, &c->party[p], c->suite);
    fclose(out);
    TRY(write_text(dir, "coordinator.yaml", text, len, f));
    return files_join(c->coordinator, dir, "coordinator.yaml", f);
}

/* A name that no party has. */
static const char *coordinator_name(const struct consortium *c)
{
    static const char *const names[PARTIES_MAX + 1] = {"coordinator",   "coordinator-2", "coordinator-3",
                                                       "coordinator-4", "coordinator-5", "coordinator-6",
                                                       "coordinator-7", "coordinator-8", "coordinator-9"};
    uint32_t n = 0;

    for (uint32_t p = 0; p < c->parties; p++) {
        if (strcmp(c->party[p].name, names[n]) == 0) {
            n++;
            p = UINT32_MAX; /* look again from the first party */
        }
    }
    return names[n];
}

/* By the CA in that directory. */
static status issue_node(struct hash *fingerprint, const char *ca, const struct consortium_party *p, struct fault *f)
{
    const struct ca_request request = {.name = p->name, .role = ROLE_NODE, .days = CERTIFICATE_DAYS, .out = p->dir};
    struct certificate issued AUTO(certificate_clear) = {0};

    TRY(ca_issue(ca, &request, &issued, f));
    *fingerprint = issued.fingerprint;
    return OK;
}

status consortium_make(struct consortium *c, struct fault *f)
{
    struct certificate coordinator AUTO(certificate_clear) = {0};
    char ca[FILES_PATH_BYTES], ca_gm[FILES_PATH_BYTES], nodes[FILES_PATH_BYTES], own[FILES_PATH_BYTES];
    const char *name = coordinator_name(c);

    TRY(choose_ports(c, f));
    TRY(files_make_directory(c->dir, f));
    TRY(files_join(ca, c->dir, "ca", f));
    TRY(files_join(ca_gm, c->dir, "ca-gm", f));
    TRY(files_join(nodes, c->dir, "nodes", f));
    TRY(files_join(own, c->dir, "coordinator", f));
    TRY(ca_init(ca, "hefu try", SUITE_INT1, f));
    if (c->suite == SUITE_GM1)
        TRY(ca_init(ca_gm, "hefu try, suite GM1", SUITE_GM1, f));
    TRY(files_make_directory(own, f));
    TRY(ca_issue(ca, &(struct ca_request){.name = name, .role = ROLE_COORDINATOR, .days = CERTIFICATE_DAYS, .out = own},
                 &coordinator, f));
    for (uint32_t i = 0; i < c->parties; i++) {
        struct consortium_party *p = &c->party[i];

        TRY(files_join(p->dir, nodes, p->name, f));
        TRY(files_make_directory(p->dir, f));
        TRY(issue_node(&p->fingerprint, ca, p, f));
        if (c->suite == SUITE_GM1)
            TRY(issue_node(&p->gm_fingerprint, ca_gm, p, f));
    }
    for (uint32_t p = 0; p < c->parties; p++)
        TRY(write_node(c, p, &coordinator, f));
    return write_coordinator(c, own, name, f);
}

/* ---- processes ---- */

/* In the child: a process group of its own, so that Ctrl-C reaches this program alone; and no life after it. */
static void become_node(const struct consortium_party *p, const char *program, int log, pid_t parent)
{
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(p->dir) != 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(1);
    close(STDIN_FILENO);
    (void)!open("/dev/null", O_RDONLY);
    execl(program, "hefud", "--config", "node.yaml", (char *)NULL);
    dprintf(STDERR_FILENO, "hefud: error: cannot run %s: %s\n", program, strerror(errno));
    _exit(127);
}

static status start_node(struct consortium_party *p, const char *program, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    pid_t parent = getpid(), child;
    int log;

    TRY(files_join(path, p->dir, "hefud.log", f));
    log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return fault_set(f, STATUS_IO, "%s: cannot write: %s", path, strerror(errno));
    child = fork();
    if (child == 0)
        become_node(p, program, log, parent);
    close(log);
    if (child < 0)
        return fault_set(f, STATUS_IO, "cannot start a process for %s: %s", p->name, strerror(errno));
    p->pid = child;
    return OK;
}

/* The node's own "error:" and "hint:", the last of its log; "" where there is none. */
static void last_words(const struct consortium_party *p, char *error, char *hint, size_t cap)
{
    static const char error_mark[] = "error: ", hint_mark[] = "hint: ";
    char path[FILES_PATH_BYTES];
    uint8_t *text AUTO(auto_free) = NULL;
    size_t len = 0;
    char *line, *rest;

    error[0] = hint[0] = '\0';
    if (files_join(path, p->dir, "hefud.log", NULL) != OK || files_read(&text, &len, path, 64 << 20, NULL) != OK)
        return;
    rest = (char *)text + (len > LOG_TAIL_BYTES ? len - LOG_TAIL_BYTES : 0);
    while ((line = strsep(&rest, "\n"))) {
        char *e = strstr(line, error_mark), *h = strstr(line, hint_mark);

        if (e)
            snprintf(error, cap, "%s", e + strlen(error_mark));
        if (h)
            snprintf(hint, cap, "%s", h + strlen(hint_mark));
    }
}

status consortium_check(struct consortium *c, struct fault *f)
{
    for (uint32_t i = 0; i < c->parties; i++) {
        struct consortium_party *p = &c->party[i];
        char error[256], hint[256];
        int how = 0;

        if (!p->pid || waitpid(p->pid, &how, WNOHANG) != p->pid)
            continue;
        p->pid = 0;
        last_words(p, error, hint, sizeof error);
        if (WIFSIGNALED(how))
            fault_set(f, STATUS_IO, "the node of %s was ended by signal %d%s%s", p->name, WTERMSIG(how),
                      error[0] ? ": " : "", error);
        else
            fault_set(f, STATUS_IO, "the node of %s ended%s%s", p->name, error[0] ? ": " : "", error);
        if (hint[0])
            fault_hint(f, "%s", hint);
        else
            fault_hint(f, "its log is %s/hefud.log", p->dir);
        return STATUS_IO;
    }
    return OK;
}

static status wait_ready(struct consortium *c, struct consortium_party *p, struct fault *f)
{
    char state[FILES_PATH_BYTES];
    double until = bar_clock() + READY_SECONDS;

    TRY(files_join(state, p->dir, "state", f));
    for (;;) {
        json_t *answer AUTO(auto_json) = NULL, *hello AUTO(auto_json) = json_pack("{s:s}", "op", "hello");

        TRY(consortium_check(c, f));
        if (hello && control_call_local(state, hello, &answer, 1000, NULL) == OK)
            return OK;
        if (interrupted())
            return fault_set(f, STATUS_CANCELLED, "interrupted");
        if (bar_clock() > until) {
            fault_set(f, STATUS_TIMEOUT, "the node of %s does not answer after %d s", p->name, READY_SECONDS);
            fault_hint(f, "its log is %s/hefud.log", p->dir);
            return STATUS_TIMEOUT;
        }
        job_view_pause(POLL_MS);
    }
}

status consortium_start(struct consortium *c, struct fault *f)
{
    char program[FILES_PATH_BYTES];

    TRY(consortium_program(program, "hefud", f));
    for (uint32_t p = 0; p < c->parties; p++)
        TRY(start_node(&c->party[p], program, f));
    for (uint32_t p = 0; p < c->parties; p++)
        TRY(wait_ready(c, &c->party[p], f));
    return OK;
}

void consortium_stop(struct consortium *c)
{
    double until = bar_clock() + STOP_SECONDS;
    uint32_t left = 0;

    for (uint32_t p = 0; p < c->parties; p++)
        if (c->party[p].pid)
            kill(c->party[p].pid, SIGTERM);
    do {
        left = 0;
        for (uint32_t p = 0; p < c->parties; p++) {
            if (c->party[p].pid && waitpid(c->party[p].pid, NULL, WNOHANG) != 0)
                c->party[p].pid = 0;
            left += c->party[p].pid != 0;
        }
        if (left)
            usleep(POLL_MS * 1000);
    } while (left && bar_clock() < until);
    for (uint32_t p = 0; p < c->parties; p++) {
        if (!c->party[p].pid)
            continue;
        kill(-c->party[p].pid, SIGKILL); /* its workers too */
        waitpid(c->party[p].pid, NULL, 0);
        c->party[p].pid = 0;
    }
}
