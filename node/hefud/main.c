#include "node/hefud/daemon.h"
#include "node/hefud/log.h"
#include "node/hefud/worker.h"
#include "node/local/version.h"

#include "crypto/bignum.h"

#include <argp.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

const char *argp_program_version = "hefud " HEFU_VERSION;

enum { OPTION_WORKER = 1000 };

struct arguments {
    const char *config, *worker;
    int check;
};

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "node.yaml (default: node.yaml in this directory)", 0},
    {"check", 'n', NULL, 0, "check configuration, certificate and key, then exit", 0},
    {"worker", OPTION_WORKER, "DIR", OPTION_HIDDEN, "run one attempt; the daemon starts this", 0},
    {0},
};

static error_t take_option(int key, char *value, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case 'c': a->config = value; return 0;
    case 'n': a->check = 1; return 0;
    case OPTION_WORKER: a->worker = value; return 0;
    case ARGP_KEY_ARG: argp_error(state, "unexpected argument '%s'", value); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = take_option,
    .doc = "Run a node of the consortium in the foreground.\v"
           "SIGTERM and SIGINT stop it in order: jobs are cancelled, peers are told.  SIGHUP reads certificates and "
           "revocation list again.  Exit status: 0 stopped on request, 2 configuration, 4 system.",
};

/* Nothing of this process is left in a core file, is readable by others, or can be looked into by a debugger. */
static void harden(void)
{
    umask(077);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#ifdef __OPTIMIZE__ /* a debug build is for debuggers and leak checkers */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

int main(int argc, char **argv)
{
    struct arguments a = {.config = "node.yaml"};
    struct fault f = {0};
    status result;

    harden();
    setvbuf(stderr, NULL, _IOLBF, 0);
    argp_err_exit_status = status_exit_code(STATUS_USAGE);
    argp_parse(&parser, argc, argv, 0, NULL, &a);
    if (a.worker)
        return worker_main(a.worker, a.config);
    bignum_wipe_freed_memory();
    if (sodium_init() < 0)
        result = fault_set(&f, STATUS_IO, "the cryptographic library does not start");
    else
        result = a.check ? daemon_check(a.config, &f) : daemon_run(a.config, &f);
    if (result != OK) {
        (void)fault_set(&f, result, "%s", status_name(result));
        log_fault(&f);
    }
    return status_exit_code(result);
}
