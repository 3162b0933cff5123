#include "node/hefu_audit/audit.h"

#include "node/local/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVIDENCE_FILE_MAX = BUNDLE_LOG_MAX };

static status take_option(const struct audit_option *o, int *i, int argc, char **argv, struct fault *f)
{
    if (!o->text) {
        *o->flag = 1;
        return OK;
    }
    if (*i + 1 >= argc)
        return fault_set(f, STATUS_USAGE, "--%s needs a value", o->name);
    *o->text = argv[++*i];
    return OK;
}

status audit_arguments(const struct audit_option *options, const char **file, size_t max, size_t *files, int argc,
                       char **argv, struct fault *f)
{
    *files = 0;
    for (int i = 1; i < argc; i++) {
        const struct audit_option *o = options;

        if (strncmp(argv[i], "--", 2) != 0) {
            if (*files == max)
                return fault_set(f, STATUS_USAGE, "%s is one argument too many", argv[i]);
            file[(*files)++] = argv[i];
            continue;
        }
        while (o->name && strcmp(o->name, argv[i] + 2) != 0)
            o++;
        if (!o->name) {
            fault_set(f, STATUS_USAGE, "%s is not an option of %s", argv[i], argv[0]);
            fault_hint(f, "hefu-audit %s --help lists the options", argv[0]);
            return STATUS_USAGE;
        }
        TRY(take_option(o, &i, argc, argv, f));
    }
    return OK;
}

void evidence_clear(struct evidence *e)
{
    for (size_t i = 0; i < e->count; i++)
        free(e->bytes[i]);
    memset(e, 0, sizeof *e);
}

status evidence_load(struct evidence *e, const char *const *path, size_t count, struct fault *f)
{
    memset(e, 0, sizeof *e);
    for (size_t i = 0; i < count; i++) {
        struct fault why = {0};
        size_t len = 0;
        status result = files_read(&e->bytes[i], &len, path[i], EVIDENCE_FILE_MAX, f);

        e->path[i] = path[i];
        e->count = i + 1;
        if (result == OK)
            result = bundle_decode(&e->bundle[i], e->bytes[i], len, &why);
        if (why.code != OK) {
            fault_set(f, result, "%s: %s", path[i], why.message);
            fault_hint(f, "%s", why.hint);
        }
        if (result != OK) {
            evidence_clear(e);
            return result;
        }
    }
    return OK;
}

status audit_print_json(json_t *value, struct fault *f)
{
    int written = value ? json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : -1;

    json_decref(value);
    if (written != 0)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    putchar('\n');
    return OK;
}

const char *audit_number(char out[32], uint64_t v)
{
    char plain[24];
    size_t len = (size_t)snprintf(plain, sizeof plain, "%llu", (unsigned long long)v), n = 0;

    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = plain[i];
    }
    out[n] = '\0';
    return out;
}
