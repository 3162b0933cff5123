/* Cells as text: what is blank, missing, a number; and what a value looks like without saying what it is. */
#ifndef HEFU_TEXT_H
#define HEFU_TEXT_H

#include "crypto/status.h"

#include <stdbool.h>

enum {
    TEXT_NAME_MAX = 255, /* bytes of a column name or of a category's level */
    TEXT_SHAPE_MAX = 28, /* bytes of a shape with its terminator */
};

/* The next code point of UTF-8 text, or -1 when the bytes at *at are not UTF-8 (then *at stays).  *at < end. */
int32_t text_next(const char **at, const char *end);

/* White space, control characters and invisible marks: ASCII, U+0085, U+00A0, U+1680, U+2000..U+200D, U+2028, U+2029,
 * U+202F, U+205F, U+2060, U+3000, U+FEFF. */
bool text_blank(int32_t point);

/* Clean text: blanks trimmed at both ends, every inner run of blanks one space.
 * Writes at most len + 1 bytes (with the terminator) and tells the length; false when it is not UTF-8. */
bool text_clean(char *out, size_t *out_len, const char *text, size_t len);

/* Missing cells (clean text): empty, NA, N/A, NULL, NaN and \N, in any case. */
bool text_missing(const char *clean);

/* Decimal number: sign, digits, one point, exponent; nothing else, and finite.  Never -0.  The locale is the "C" one. */
bool text_number(double *out, const char *clean);

/* What a value looks like, for messages that must not show it: digits as 9, letters as a, other scripts as x. */
void text_shape(char out[TEXT_SHAPE_MAX], const char *clean);

/* How far apart two names are: single-character edits, ASCII case and the marks _ - and blank not counted. */
size_t text_distance(const char *a, const char *b);

#endif
