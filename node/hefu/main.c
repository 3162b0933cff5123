/* hefu: the command line of operators and coordinators. */
#include "crypto/bignum.h"
#include "node/hefu/cmd.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char about[] = "Institutions train one credit-default model together; every row stays where it is.";

static const struct cmd commands[] = {
    {"Set up", NULL, NULL},
    {"try", "train on CSV files with nodes of your own on this machine", cmd_try},
    {"ca", "a small consortium CA: init, issue, revoke, crl, list, show", cmd_ca},
    {"node", "a node's directory: init, trust, approver, show, check", cmd_node},
    {"coordinator", "a coordinator's directory: init, show, check", cmd_coordinator},
    {"table", "registered tables: add, list, show, remove", cmd_table},
    {"Train", NULL, NULL},
    {"plan", "predict time, bytes and memory of a job; measure this machine", cmd_plan},
    {"prepare", "run the offline phase of a job ahead of time (coordinator)", cmd_prepare},
    {"train", "propose a job, wait for approvals, train (coordinator)", cmd_train},
    {"watch", "the progress of a job, live", cmd_watch},
    {"report", "the report of a finished job", cmd_report},
    {"Decide and prove", NULL, NULL},
    {"jobs", "the jobs of a node or a coordinator", cmd_jobs},
    {"job", "one job: show, approve, refuse, cancel", cmd_job},
    {"contract", "contracts: show, diff, export", cmd_contract},
    {"evidence", "the evidence of sessions: list, export, stamp, deposit", cmd_evidence},
    {0},
};

static int finish(status code, const struct fault *f)
{
    if (fflush(stdout) != 0 && code == OK) {
        fputs("hefu: error: the result could not be written\n", stderr);
        return status_exit_code(STATUS_IO);
    }
    if (code != OK) {
        fprintf(stderr, "hefu: error: %s\n", f->message[0] ? f->message : status_name(code));
        if (f->hint[0])
            fprintf(stderr, "hefu: hint: %s\n", f->hint);
    }
    return status_exit_code(code);
}

int main(int argc, char **argv)
{
    struct fault f = {0};

    bignum_wipe_freed_memory();
    if (sodium_init() < 0)
        return finish(STATUS_IO, &(struct fault){.message = "the system gives no entropy"});
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("hefu " HEFU_VERSION);
        return finish(OK, &f);
    }
    return finish(cmd_dispatch("hefu", about, commands, argc, argv, &f), &f);
}
