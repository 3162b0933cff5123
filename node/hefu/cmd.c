#include "node/hefu/cmd.h"

#include "node/local/name.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_MAX = 40, OPTIONS_MAX = 24, FIRST_KEY = 0x1000, HELP_COLUMNS = 79, HELP_INDENT_MAX = 28 };

static int is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "-?") == 0;
}

const char *cmd_plural(size_t n)
{
    return n == 1 ? "" : "s";
}

status cmd_suite(enum suite *out, const char *text, struct fault *f)
{
    *out = suite_from_name(text);
    return *out ? OK : fault_set(f, STATUS_USAGE, "--suite is \"%.40s\", not INT1 or GM1", text);
}

void cmd_warn(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fputs("hefu: warning: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

status cmd_print_json(json_t *value, struct fault *f)
{
    char *text = value ? json_dumps(value, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;

    json_decref(value);
    if (!text)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    puts(text);
    free(text);
    return OK;
}

/* ---- dispatch ---- */

static void print_commands(const char *program, const char *about, const struct cmd *table)
{
    printf("Usage: %s COMMAND [OPTION...]\n%s\n%s", program, about, table->run ? "\n" : "");
    for (; table->name; table++) {
        if (table->run)
            printf("  %-11s %s\n", table->name, table->summary);
        else
            printf("\n%s\n", table->name);
    }
    printf("\n%s COMMAND --help tells more.\n", program);
}

static status unknown_command(const char *program, const struct cmd *table, const char *word, struct fault *f)
{
    const char *names[TABLE_MAX], *nearest;
    size_t count = 0;

    for (; table->name && count < TABLE_MAX; table++) {
        if (table->run)
            names[count++] = table->name;
    }
    nearest = name_nearest(word, names, count);
    if (nearest)
        fault_hint(f, "did you mean \"%s %s\"?", program, nearest);
    else
        fault_hint(f, "%s --help lists the commands", program);
    return fault_set(f, STATUS_USAGE, "%s has no command \"%.40s\"", program, word);
}

status cmd_dispatch(const char *program, const char *about, const struct cmd *table, int argc, char **argv,
                    struct fault *f)
{
    if (argc < 2) {
        fault_hint(f, "%s --help lists the commands", program);
        return fault_set(f, STATUS_USAGE, "%s needs a command", program);
    }
    if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
        print_commands(program, about, table);
        return OK;
    }
    for (const struct cmd *c = table; c->name; c++) {
        if (c->run && strcmp(c->name, argv[1]) == 0)
            return c->run(argc - 1, argv + 1, f);
    }
    return unknown_command(program, table, argv[1], f);
}

/* ---- help ---- */

/* The words of a text from column at on, further lines from column indent on; returns the column where it ends. */
static size_t print_wrapped(const char *text, size_t at, size_t indent)
{
    while (*text) {
        size_t len = strcspn(text, " \n");

        if (at > indent && at + 1 + len > HELP_COLUMNS) {
            printf("\n%*s", (int)indent, "");
            at = indent;
        }
        at += (size_t)printf("%s%.*s", at > indent ? " " : "", (int)len, text);
        text += len;
        if (*text == '\n') {
            printf("\n%*s", (int)indent, "");
            at = indent;
        }
        text += *text != '\0';
    }
    return at;
}

/* "--party NAME=FILE" */
static size_t option_text(char *out, size_t cap, const struct cmd_option *o)
{
    return (size_t)snprintf(out, cap, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
}

static void print_usage(const struct cmd_line *line)
{
    size_t indent = strlen("Usage: ") + strlen(line->program) + 1, at;
    char word[96];
    int optional = 0;

    at = (size_t)printf("Usage: %s", line->program);
    if (line->arguments && line->arguments[0])
        at += (size_t)printf(" %s", line->arguments);
    for (const struct cmd_option *o = line->options; o->name; o++) {
        size_t len = option_text(word, sizeof word, o);

        optional |= !o->required;
        if (!o->required)
            continue;
        if (at + len + 4 > HELP_COLUMNS)
            at = (size_t)printf("\n%*s", (int)indent - 1, "") - 1;
        at += (size_t)printf(" %s%s", word, o->list ? "..." : "");
    }
    if (at + strlen(" [OPTION...]") > HELP_COLUMNS)
        printf("\n%*s", (int)indent - 1, "");
    puts(optional ? " [OPTION...]" : "");
}

static void print_help(const struct cmd_line *line)
{
    static const struct cmd_option help[] = {{"help", NULL, "show this", .flag = NULL}, {0}};
    const struct cmd_option *const lists[] = {line->options, help};
    size_t indent = 0;
    char word[96];

    print_usage(line);
    print_wrapped(line->summary, 0, 0);
    printf("\n\n");
    for (const struct cmd_option *o = line->options; o->name; o++) {
        size_t len = option_text(word, sizeof word, o) + 4;

        indent = len > indent ? len : indent;
    }
    if (indent > HELP_INDENT_MAX)
        indent = HELP_INDENT_MAX;
    if (indent < 10)
        indent = 10;
    for (size_t l = 0; l < 2; l++) {
        for (const struct cmd_option *o = lists[l]; o->name; o++) {
            option_text(word, sizeof word, o);
            printf("  %-*s", (int)indent - 2, word);
            print_wrapped(o->help, indent, indent);
            putchar('\n');
        }
    }
}

/* ---- options: a cmd_line becomes an argp ---- */

struct parse {
    const struct cmd_line *line;
    struct fault *fault;
    size_t arguments;
    uint64_t seen; /* one bit an option */
};

static status set_count(const struct cmd_option *o, const char *text, struct fault *f)
{
    char *end = NULL;
    unsigned long v;

    errno = 0;
    v = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || v < o->min || v > o->max)
        return fault_set(f, STATUS_USAGE, "--%s is \"%.40s\", not a whole number from %u to %u", o->name, text, o->min,
                         o->max);
    *o->count = (uint32_t)v;
    return OK;
}

static status set_option(struct parse *p, const struct cmd_option *o, const char *text)
{
    uint64_t bit = UINT64_C(1) << (o - p->line->options);

    if ((p->seen & bit) && !o->list)
        return fault_set(p->fault, STATUS_USAGE, "--%s is given twice", o->name);
    p->seen |= bit;
    if (o->flag) {
        *o->flag = 1;
    } else if (o->count) {
        return set_count(o, text, p->fault);
    } else if (o->list) {
        if (o->list->count == CMD_LIST_MAX)
            return fault_set(p->fault, STATUS_USAGE, "--%s is given more than %d times", o->name, CMD_LIST_MAX);
        o->list->item[o->list->count++] = text;
    } else {
        *o->text = text;
    }
    return OK;
}

static status set_argument(struct parse *p, const char *text)
{
    size_t max = 0;

    while (max < 4 && p->line->argument[max])
        max++;
    if (p->arguments == max)
        return fault_set(p->fault, STATUS_USAGE, "unexpected argument \"%.60s\"", text);
    *p->line->argument[p->arguments++] = text;
    return OK;
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
    struct parse *p = state->input;

    if (key == ARGP_KEY_ARG)
        return set_argument(p, arg) == OK ? 0 : EINVAL;
    if (key >= FIRST_KEY && key < FIRST_KEY + OPTIONS_MAX)
        return set_option(p, &p->line->options[key - FIRST_KEY], arg) == OK ? 0 : EINVAL;
    return ARGP_ERR_UNKNOWN;
}

/* The option that a word such as --min-rows=5 means; as getopt does, its name may be cut short. */
static const struct cmd_option *option_of(const struct cmd_line *line, const char *word)
{
    size_t len = strcspn(word + 2, "=");

    for (const struct cmd_option *o = line->options; o->name; o++) {
        if (strncmp(o->name, word + 2, len) == 0)
            return o;
    }
    return NULL;
}

/* argp was told to stay silent: say what it stumbled on. */
static status explain_words(struct parse *p, int argc, char **argv)
{
    const char *names[OPTIONS_MAX], *nearest;
    char name[64];
    size_t count = 0;

    for (const struct cmd_option *o = p->line->options; o->name; o++)
        names[count++] = o->name;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const struct cmd_option *o;
        int is_long = strncmp(argv[i], "--", 2) == 0;

        if (argv[i][0] != '-' || !argv[i][1])
            continue;
        o = is_long ? option_of(p->line, argv[i]) : NULL;
        if (!o) {
            snprintf(name, sizeof name, "%.*s", (int)strcspn(argv[i], "="), argv[i]);
            nearest = is_long ? name_nearest(name + 2, names, count) : NULL;
            if (nearest)
                fault_hint(p->fault, "did you mean --%s?", nearest);
            return fault_set(p->fault, STATUS_USAGE, "unknown option \"%s\"", name);
        }
        if (!o->value && strchr(argv[i], '='))
            return fault_set(p->fault, STATUS_USAGE, "--%s takes no value", o->name);
        if (o->value && !strchr(argv[i], '=') && ++i == argc)
            return fault_set(p->fault, STATUS_USAGE, "--%s needs a value", o->name);
    }
    return fault_set(p->fault, STATUS_USAGE, "the options cannot be understood");
}

static status check_complete(struct parse *p)
{
    for (const struct cmd_option *o = p->line->options; o->name; o++) {
        if (o->required && !(p->seen & UINT64_C(1) << (o - p->line->options)))
            return fault_set(p->fault, STATUS_USAGE, "--%s %s is missing", o->name, o->value);
    }
    if (p->arguments < p->line->min_arguments)
        return fault_set(p->fault, STATUS_USAGE, "%s needs %s", p->line->program, p->line->arguments);
    return OK;
}

static void build_options(struct argp_option *out, const struct cmd_option *options)
{
    int i = 0;

    for (; options[i].name && i < OPTIONS_MAX; i++)
        out[i] = (struct argp_option){.name = options[i].name, .key = FIRST_KEY + i, .arg = options[i].value,
                                      .doc = options[i].help};
    out[i] = (struct argp_option){0};
}

status cmd_parse(const struct cmd_line *line, int argc, char **argv, struct fault *f)
{
    struct argp_option options[OPTIONS_MAX + 2] = {0};
    struct argp argp = {.options = options, .parser = parse_one};
    struct parse p = {.line = line, .fault = f};

    build_options(options, line->options);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i])) {
            print_help(line);
            exit(fflush(stdout) == 0 ? EXIT_SUCCESS : status_exit_code(STATUS_IO));
        }
    }
    if (argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, NULL, &p) != 0 && f->code == OK)
        (void)explain_words(&p, argc, argv);
    if (f->code == OK)
        (void)check_complete(&p);
    if (f->code != OK)
        fault_hint(f, "%s --help tells more", line->program);
    return f->code;
}
