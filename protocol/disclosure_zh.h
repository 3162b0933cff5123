/* The Chinese half of a disclosure statement.  Included by protocol/disclosure*.c only. */
#ifndef HEFU_DISCLOSURE_ZH_H
#define HEFU_DISCLOSURE_ZH_H

#include "protocol/disclosure.h"

/* what and learns only; NULL for a kind that is not in the table. */
struct disclosure_sentence disclosure_zh_sentence(uint32_t kind);
/* Chinese words for an output that contract_disclosures names. */
void disclosure_zh_output(struct disclosure *d, const struct contract *c);
int disclosure_zh_ground(char out[DISCLOSURE_SENTENCE_MAX], const struct contract *c, size_t i);

extern const char *const disclosure_zh_phases[PHASES];
extern const char *const disclosure_zh_shields[SHIELDS];
extern const char *const disclosure_zh_limits[]; /* ends with NULL */

#endif
