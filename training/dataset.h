/* What training sees of a table: normalised ids, small integer codes, a label at one party.  Everything from here on is
 * integers.  [SPEC 8] */
#ifndef HEFU_DATASET_H
#define HEFU_DATASET_H

#include "crypto/status.h"

enum {
    DATASET_BINS_MAX = 64,      /* bins of one column, the missing bin included */
    DATASET_COLUMNS_MAX = 1024, /* columns of one party */
    DATASET_ID_MAX = 128,       /* bytes of a normalised id */
};

enum dataset_split { SPLIT_UNLISTED = 0, SPLIT_TRAIN = 1, SPLIT_TEST = 2 };

struct dataset {
    uint32_t rows;    /* distinct ids */
    uint16_t columns;
    uint8_t *bins;    /* [columns] bins of each column, 2..DATASET_BINS_MAX */
    uint8_t *codes;   /* [rows * columns], row-major, codes[r * columns + c] < bins[c] */
    char **ids;       /* [rows] normalised, distinct, sorted bytewise */
    uint8_t *label;   /* [rows] 0 or 1; NULL for a feature party */
    uint8_t *split;   /* [rows] enum dataset_split; NULL when the contract draws the test rows */
};

void dataset_clear(struct dataset *d);

/* Sum of bins over all columns: the length of the party's weight vector. */
uint32_t dataset_width(const struct dataset *d);

#endif
