/* One spelling of an id at every party, so that equal people have equal bytes.  The rule's name stands in the contract.
 *
 * Rule "v1": UTF-8 text; blanks, control characters and invisible marks (text_blank) go, wherever they stand;
 * full-width forms U+FF01..U+FF5E become their ASCII twins; ASCII letters become capitals; all else stays, hyphens and
 * leading zeros included; 1 to DATASET_ID_MAX bytes are left; NA, N/A, NULL, NaN and \N are no ids.  [SPEC 8.1] */
#ifndef HEFU_IDS_H
#define HEFU_IDS_H

#include "training/dataset.h"

#include <stdbool.h>

#define IDS_RULE_DEFAULT "v1"

enum ids_verdict { IDS_OK = 0, IDS_EMPTY, IDS_TOO_LONG, IDS_NOT_TEXT };

/* Whether this build knows the rule. */
bool ids_rule_known(const char *rule);

/* Rule "v1".  out is written in full only for IDS_OK. */
MUST_USE enum ids_verdict ids_normalise(char out[DATASET_ID_MAX + 1], const char *text, size_t len);

#endif
