#include "node/hefu_audit/builds.h"

#include "node/local/files.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { BUILDS_FILE_MAX = 1 << 20 };

void builds_clear(struct builds *b)
{
    free(b->of);
    *b = (struct builds){0};
}

/* One line without its comment and the space around it: nothing, or 64 digits. */
static int read_line(struct builds *b, const char *line)
{
    static const char space[] = " \t\r";
    size_t bytes = 0, len;

    line += strspn(line, space);
    len = strcspn(line, "#\n");
    while (len && strchr(space, line[len - 1]))
        len--;
    if (len == 0)
        return 1;
    if (len != 2 * HASH_BYTES ||
        sodium_hex2bin(b->of[b->count].bytes, HASH_BYTES, line, len, NULL, &bytes, NULL) != 0 || bytes != HASH_BYTES)
        return 0;
    b->count++;
    return 1;
}

status builds_read(struct builds *b, const char *path, struct fault *f)
{
    uint8_t *text AUTO(auto_free) = NULL;
    size_t len = 0, number = 1;

    TRY(files_read(&text, &len, path, BUILDS_FILE_MAX, f));
    TRY(alloc_zeroed(&b->of, len / (2 * HASH_BYTES) + 1, sizeof *b->of));
    for (const char *line = (const char *)text; *line; number++) {
        if (!read_line(b, line)) {
            fault_hint(f, "a line has the 64 hexadecimal digits that sha256sum prints of hefud, or is a comment after #");
            return fault_set(f, STATUS_CONFIG, "%s:%zu: this is no build", path, number);
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return OK;
}

int builds_have(const struct builds *b, const struct hash *executable)
{
    for (size_t i = 0; i < b->count; i++)
        if (hash_equal(&b->of[i], executable))
            return 1;
    return 0;
}
