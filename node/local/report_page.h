/* The sections of the HTML report, in the order in which a reader meets them. */
#ifndef HEFU_REPORT_PAGE_H
#define HEFU_REPORT_PAGE_H

#include "node/local/report.h"

void page_headline(FILE *f, const struct report *r);    /* title bar, lead sentence, four figures, way marks */
void page_uplift(FILE *f, const struct report *r);
void page_populations(FILE *f, const struct report *r);
void page_curves(FILE *f, const struct report *r);      /* report_curves.c */
void page_scorecard(FILE *f, const struct report *r);   /* report_scorecard.c */
void page_phases(FILE *f, const struct report *r);      /* report_record.c, as all that follow */
void page_disclosures(FILE *f, const struct report *r);
void page_audit(FILE *f, const struct report *r);
void page_contract(FILE *f, const struct report *r);    /* parameters and notices */

/* What several sections share. */
void page_heading(FILE *f, const char *id, const char *title, const char *why); /* opens <section> */
void page_party(FILE *f, const struct report *r, party p);                      /* name with its colour */
const char *page_label_name(const struct report *r);
const char *page_check_class(enum report_check check);
const char *page_check_mark(enum report_check check);

#endif
