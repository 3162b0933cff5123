#include "crypto/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

const char *status_name(status code)
{
    switch (code) {
    case OK: return "ok";
    case STATUS_NO_MEMORY: return "out of memory";
    case STATUS_IO: return "input or output failed";
    case STATUS_TIMEOUT: return "timeout";
    case STATUS_CLOSED: return "connection closed";
    case STATUS_CANCELLED: return "cancelled";
    case STATUS_USAGE: return "usage";
    case STATUS_CONFIG: return "configuration";
    case STATUS_REFUSED: return "refused";
    case STATUS_LIMIT: return "limit not met";
    case STATUS_MALFORMED: return "malformed";
    case STATUS_UNEXPECTED: return "unexpected";
    case STATUS_UNTRUSTED: return "not trusted";
    case STATUS_EQUIVOCATION: return "equivocation";
    case STATUS_MISMATCH: return "mismatch";
    }
    return "unknown";
}

int status_exit_code(status code)
{
    switch (code) {
    case OK:
        return 0;
    case STATUS_MISMATCH:
        return 1;
    case STATUS_CANCELLED:
    case STATUS_USAGE:
    case STATUS_CONFIG:
    case STATUS_REFUSED:
    case STATUS_LIMIT:
        return 2;
    case STATUS_MALFORMED:
    case STATUS_UNEXPECTED:
    case STATUS_UNTRUSTED:
    case STATUS_EQUIVOCATION:
        return 3;
    case STATUS_NO_MEMORY:
    case STATUS_IO:
    case STATUS_TIMEOUT:
    case STATUS_CLOSED:
        return 4;
    }
    return 4;
}

status fault_set(struct fault *f, status code, const char *fmt, ...)
{
    if (f && f->code == OK) {
        va_list ap;

        f->code = code;
        va_start(ap, fmt);
        vsnprintf(f->message, sizeof f->message, fmt, ap);
        va_end(ap);
    }
    return code;
}

void fault_hint(struct fault *f, const char *fmt, ...)
{
    va_list ap;

    if (!f || f->hint[0])
        return;
    va_start(ap, fmt);
    vsnprintf(f->hint, sizeof f->hint, fmt, ap);
    va_end(ap);
}

status alloc_zeroed(void *out, size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    if (!p)
        return STATUS_NO_MEMORY;
    memcpy(out, &p, sizeof p);
    return OK;
}

void auto_wipe(void *pointer_variable)
{
    void *p;

    memcpy(&p, pointer_variable, sizeof p);
    if (p)
        sodium_memzero(p, malloc_usable_size(p));
    free(p);
}

void auto_free(void *pointer_variable)
{
    void *p;

    memcpy(&p, pointer_variable, sizeof p);
    free(p);
}
