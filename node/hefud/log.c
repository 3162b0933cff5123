#include "node/hefud/log.h"

#include <stdarg.h>
#include <stdio.h>

static uint32_t level_shown = LOG_INFO;

void log_set_level(uint32_t level)
{
    level_shown = level;
}

static const char *level_name(enum config_log level)
{
    switch (level) {
    case LOG_ERROR: return "error";
    case LOG_WARN: return "warning";
    case LOG_INFO: return "info";
    case LOG_DEBUG: return "debug";
    }
    return "info";
}

void log_line(enum config_log level, const char *fmt, ...)
{
    char text[1200];
    va_list ap;

    if ((uint32_t)level > level_shown)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *c = text; *c; c++) { /* one event, one line, whatever a peer's words hold */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
    fprintf(stderr, "hefud: %s: %s\n", level_name(level), text);
}

void log_fault(const struct fault *f)
{
    log_line(LOG_ERROR, "%s", f->message[0] ? f->message : status_name(f->code));
    if (f->hint[0])
        fprintf(stderr, "hefud: hint: %s\n", f->hint);
}
