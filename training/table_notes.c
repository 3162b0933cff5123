#include "training/table_notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_notes_clear(struct table_notes *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->list[i].text);
    free(n->list);
    memset(n, 0, sizeof *n);
}

status table_notes_add(struct table_notes *n, bool warning, const char *fmt, ...)
{
    struct table_note *note;
    va_list ap;
    int len;

    if (n->count == n->cap) {
        size_t cap = n->cap ? 2 * n->cap : 16;
        struct table_note *list = reallocarray(n->list, cap, sizeof *list);

        if (!list)
            return STATUS_NO_MEMORY;
        n->list = list;
        n->cap = cap;
    }
    note = &n->list[n->count];
    note->warning = warning;
    va_start(ap, fmt);
    len = vasprintf(&note->text, fmt, ap);
    va_end(ap);
    if (len < 0)
        return STATUS_NO_MEMORY;
    n->count++;
    return OK;
}
