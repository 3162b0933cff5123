#include "node/local/report_html.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void html_text(FILE *f, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': fputs("&amp;", f); break;
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '"': fputs("&quot;", f); break;
        case '\'': fputs("&#39;", f); break;
        case '\t':
        case '\n': fputc(' ', f); break;
        default: fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, f);
        }
}

static void text_va(FILE *f, const char *fmt, va_list ap)
{
    char *text = NULL;

    if (vasprintf(&text, fmt, ap) < 0)
        return;
    html_text(f, text);
    free(text);
}

void html_textf(FILE *f, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    text_va(f, fmt, ap);
    va_end(ap);
}

void html_tag(FILE *f, const char *open, const char *fmt, ...)
{
    va_list ap;

    fprintf(f, "<%s>", open);
    va_start(ap, fmt);
    text_va(f, fmt, ap);
    va_end(ap);
    fprintf(f, "</%.*s>", (int)strcspn(open, " "), open);
}

struct number fmt_count(uint64_t n)
{
    struct number out = {0};
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *at = out.s;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    return out;
}

struct number fmt_bytes(uint64_t n)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    struct number out;
    double value = (double)n / 1000;
    size_t unit = 0;

    if (n < 1000) {
        snprintf(out.s, sizeof out.s, "%" PRIu64 " B", n);
        return out;
    }
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    snprintf(out.s, sizeof out.s, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[unit]);
    return out;
}

struct number fmt_seconds(double seconds)
{
    struct number out;
    uint64_t whole = (uint64_t)fmax(0, seconds + 0.5);

    if (seconds < 9.995)
        snprintf(out.s, sizeof out.s, "%.2f s", seconds);
    else if (seconds < 99.95)
        snprintf(out.s, sizeof out.s, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(out.s, sizeof out.s, "%" PRIu64 " min %02u s", whole / 60, (unsigned)(whole % 60));
    else
        snprintf(out.s, sizeof out.s, "%" PRIu64 " h %02u min", whole / 3600, (unsigned)(whole / 60 % 60));
    return out;
}

struct number fmt_percent(double share)
{
    struct number out;

    snprintf(out.s, sizeof out.s, "%.1f\u00a0%%", 100 * share);
    return out;
}

struct number fmt_figure(double value)
{
    struct number out;

    if (isnan(value))
        snprintf(out.s, sizeof out.s, "–");
    else
        snprintf(out.s, sizeof out.s, "%s%.4f", value < -0.00005 ? "−" : "", fabs(value));
    return out;
}

struct number fmt_change(double value)
{
    struct number out;

    if (isnan(value))
        snprintf(out.s, sizeof out.s, "–");
    else
        snprintf(out.s, sizeof out.s, "%s%.4f", value < -0.00005 ? "−" : value < 0.00005 ? "±" : "+", fabs(value));
    return out;
}
