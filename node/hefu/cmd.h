/* The frame of the hefu program: a table of commands, options of a command, and how results are printed.
 *
 * To add a command: write status cmd_NAME(int, char **, struct fault *) in cmd_NAME.c, declare it below, and give it
 * one line in the table of main.c. */
#ifndef HEFU_CMD_H
#define HEFU_CMD_H

#include "crypto/status.h"
#include "crypto/suite.h"

#include <jansson.h>

#define HEFU_VERSION "0.1.0"

/* argv[0] is the command's own name.  What fails fills f; main prints it and sets the exit code. */
typedef status cmd_run(int argc, char **argv, struct fault *f);

struct cmd {
    const char *name, *summary;
    cmd_run *run; /* NULL: a heading of the list */
};

/* Run the command that argv[1] names, of a table that ends with an entry without name and run.  program is what was
 * typed so far ("hefu ca").  Handles --help, and suggests the nearest name when there is no such command. */
MUST_USE status cmd_dispatch(const char *program, const char *about, const struct cmd *table, int argc, char **argv,
                             struct fault *f);

/* ---- options of one command ---- */

enum { CMD_LIST_MAX = 32 };
struct cmd_list {
    const char *item[CMD_LIST_MAX];
    size_t count;
};

/* --name VALUE, or --name alone when value is NULL.  Exactly one of the targets is set. */
struct cmd_option {
    const char *name;      /* without dashes */
    const char *value;     /* what it is called in --help */
    const char *help;
    const char **text;     /* borrowed from argv */
    struct cmd_list *list; /* may be given several times */
    uint32_t *count;       /* min..max */
    uint32_t min, max;
    int *flag;             /* becomes 1 */
    int required;
};

struct cmd_line {
    const char *program;   /* "hefu ca issue" */
    const char *arguments; /* of the usage line: "DIR [SERIAL]" */
    const char *summary;
    const struct cmd_option *options; /* ends with an entry without name */
    const char **argument[4];         /* where positional arguments go */
    size_t min_arguments;             /* how many must be there */
};

/* Fill the targets.  STATUS_USAGE in words; --help prints and ends the program. */
MUST_USE status cmd_parse(const struct cmd_line *line, int argc, char **argv, struct fault *f);

/* What an option --suite says.  STATUS_USAGE in words. */
MUST_USE status cmd_suite(enum suite *out, const char *text, struct fault *f);

/* ---- printing ---- */

/* One JSON object or array and a line end on stdout; the value is consumed. */
MUST_USE status cmd_print_json(json_t *value, struct fault *f);
/* "hefu: warning: ..." on stderr. */
void cmd_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* "3 tables", "1 table" */
const char *cmd_plural(size_t n);

/* ---- the commands ---- */

cmd_run cmd_try, cmd_ca, cmd_node, cmd_coordinator, cmd_table, cmd_plan, cmd_prepare, cmd_train, cmd_watch, cmd_report, cmd_jobs, cmd_job,
    cmd_evidence, cmd_contract, cmd_approver;

#endif
