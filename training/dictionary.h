/* A party's own dictionary: what each column and each code mean.  Never leaves its owner.  [SPEC 8.2] */
#ifndef HEFU_DICTIONARY_H
#define HEFU_DICTIONARY_H

#include "crypto/wire.h"
#include "training/dataset.h"

#include <stdbool.h>

enum column_kind { COLUMN_NUMERIC = 1, COLUMN_CATEGORY = 2 };

struct dictionary_column {
    char *name;
    enum column_kind kind;
    uint8_t bins;         /* codes 0..bins-1 */
    uint8_t has_missing;  /* the last code stands for an empty cell */
    uint8_t fallback;     /* the code with most rows: for an empty cell or a level that none of the codes covers */
    double *edges;        /* numeric: inner edges, ascending; code = number of edges e with e < x, so a bin is (lo, hi] */
    uint32_t num_edges;
    char **levels;        /* category: [bins] level of each code, ascending bytewise; then, if there is one, the code
                           * "other" for rare and unseen levels (NULL); then the missing code (NULL) */
};

struct dictionary {
    char *id_column;
    char *label_column;   /* NULL at a feature party */
    struct dictionary_column *columns;
    uint16_t num_columns;
};

void dictionary_column_clear(struct dictionary_column *c);
void dictionary_clear(struct dictionary *d);

/* The code of a clean cell.  *unknown tells that it is the fallback. */
uint8_t dictionary_code(const struct dictionary_column *c, const char *cell, bool *unknown);

/* A short text for one code, for reports: "(12000, 30000]", "<= 3", "> 7", "university", "missing", "other". */
void dictionary_bin_text(const struct dictionary_column *c, uint8_t code, char *out, size_t cap);

/* Canonical bytes: equal dictionaries have equal bytes.  Doubles travel as their IEEE bits.  Errors latch in w. */
void dictionary_encode(struct wire_writer *w, const struct dictionary *d);

/* STATUS_MALFORMED unless the bytes are exactly what dictionary_encode writes for a sound dictionary.  *d must be
 * zeroed, and stays so on failure. */
MUST_USE status dictionary_decode(struct dictionary *d, const void *bytes, size_t len);

#endif
