/* Writing HTML where every text is escaped unless it is markup of our own, and numbers as people read them. */
#ifndef HEFU_REPORT_HTML_H
#define HEFU_REPORT_HTML_H

#include "crypto/status.h"

#include <stdio.h>

/* Text into an element or a quoted attribute: & < > " ' become entities, control bytes become '?'. */
void html_text(FILE *f, const char *text);
void html_textf(FILE *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* <open>text</name of open>, such as html_tag(f, "td class=\"n\"", "%s", name): open is ours, the text is escaped. */
void html_tag(FILE *f, const char *open, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A number as text, by value: fmt_count(21670).s is "21,670". */
struct number { char s[40]; };
struct number fmt_count(uint64_t n);
struct number fmt_bytes(uint64_t n);       /* "137.4 MB", decimal units */
struct number fmt_seconds(double seconds); /* "0.42 s", "38.1 s", "2 min 13 s", "1 h 05 min" */
struct number fmt_percent(double share);   /* 0.221 is "22.1 %", with a space that does not break */
struct number fmt_figure(double value);    /* four decimals; a dash for NAN */
struct number fmt_change(double value);    /* four decimals with a sign, the minus a real one */

#endif
