/* A party's own dictionary: what each column and each code mean.  Never leaves its owner.  [SPEC 4.2] */
#ifndef HEFU_DICTIONARY_H
#define HEFU_DICTIONARY_H

#include "training/dataset.h"

enum column_kind { COLUMN_NUMERIC = 1, COLUMN_CATEGORY = 2 };

struct dictionary_column {
    char *name;
    enum column_kind kind;
    uint8_t bins;         /* codes 0..bins-1 */
    uint8_t has_missing;  /* the last code stands for an empty cell */
    double *edges;        /* numeric: inner edges, ascending; code = number of edges e with e < x, so a bin is (lo, hi] */
    uint32_t num_edges;
    char **levels;        /* category: level of each code; rare and unseen levels share the code "other" (level NULL) */
};

struct dictionary {
    char *id_column;
    char *label_column;   /* NULL at a feature party */
    struct dictionary_column *columns;
    uint16_t num_columns;
};

void dictionary_clear(struct dictionary *d);

/* A short text for one code, for reports: "(12000, 30000]", "<= 3", "> 7", "university", "missing", "other". */
void dictionary_bin_text(const struct dictionary_column *c, uint8_t code, char *out, size_t cap);

#endif
