/* Names that people give to parties, tables and jobs, and the nearest name to one that was mistyped. */
#ifndef HEFU_NAME_H
#define HEFU_NAME_H

#include "protocol/contract.h"

enum { NAME_BYTES = PARTY_NAME_MAX }; /* with the closing NUL */

#define NAME_RULE "1 to 31 bytes of letters, digits, -, _ and ., starting with a letter or a digit"

/* What contracts accept; also safe as a file name, in a certificate and on a terminal. */
int name_is_valid(const char *text);

/* The candidate closest to what was typed, or NULL when none is near. */
const char *name_nearest(const char *typed, const char *const *candidates, size_t count);

#endif
