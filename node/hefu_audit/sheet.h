/* The auditor's page for people: one self-contained HTML file in two languages, of which a switch shows one.  No script, no
 * network; everything that comes out of a file is escaped. */
#ifndef HEFU_AUDIT_SHEET_H
#define HEFU_AUDIT_SHEET_H

#include "node/hefu_audit/sessions.h"
#include "node/hefu_audit/story.h"
#include "node/hefu_audit/words.h"
#include "node/local/report_html.h"

struct sheet {
    FILE *f;
    enum language first;                /* shown until the reader switches */
    const struct stories *all;
    const struct audit_sessions *checked; /* NULL in a statement, as is the next */
};

/* The whole audit report. */
void sheet_report(const struct sheet *s);

/* The page around sections: title names it, kind says what it is. */
void sheet_open(const struct sheet *s, const char *title, enum word kind);
void sheet_close(const struct sheet *s);

/* ---- sections; told is any file of the session ---- */

void sheet_timeline(const struct sheet *s, const struct story *told);    /* sheet_timeline.c */
void sheet_checkpoints(const struct sheet *s, const struct story *told); /* sheet_record.c, as the next three */
void sheet_approvals(const struct sheet *s, const struct story *told);
void sheet_outsiders(const struct sheet *s, const struct story *told);
void sheet_contract(const struct sheet *s, const struct story *told);
enum word sheet_basis(enum basis basis, int checked); /* what a statement is made from */
/* What left party p, what came in, what the outputs tell. */
MUST_USE status sheet_statement(const struct sheet *s, const struct story *told, party p); /* sheet_statement.c, as the two below */
void sheet_grounds(const struct sheet *s, const struct contract *c);
void sheet_limits(const struct sheet *s);

/* ---- pieces ---- */

void sheet_section(const struct sheet *s, const char *id, enum word title, enum word why); /* opens <section> and <h2> */
void sheet_both(FILE *f, const char *en, const char *zh); /* the text in both languages */
void sheet_word(FILE *f, enum word w);
void sheet_tag(FILE *f, const char *open, enum word w);   /* <open>word</...> */
void sheet_column(FILE *f, const char *class, enum word w); /* <th scope="col"> */
void sheet_free(FILE *f, const char *text);               /* somebody's own words, kept apart from ours */
void sheet_party(FILE *f, const struct contract *c, party p);
void sheet_hex(FILE *f, const uint8_t bytes[HASH_BYTES], size_t digits);
const char *sheet_file(const char *path); /* its last part */
/* Which session this is, where there are several: a heading. */
void sheet_session(const struct sheet *s, enum stage stage, const struct hash *session);

#endif
