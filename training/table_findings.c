#include "training/table_findings.h"

#include <stdio.h>
#include <string.h>

static void compare_shape(struct table_findings *out, const struct contract_party *me, const struct dataset *d, int with_label)
{
    if (d->rows != me->rows || d->columns != me->columns)
        snprintf(out->wrong, sizeof out->wrong, "%u rows and %u columns, the contract says %u and %u", d->rows, d->columns, me->rows,
                 me->columns);
    else if (with_label && (d->label != NULL) != (me->has_label != 0))
        snprintf(out->wrong, sizeof out->wrong, "%s labels, the contract says %s", d->label ? "it has" : "no",
                 me->has_label ? "it has" : "none");
    for (uint16_t c = 0; !out->wrong[0] && c < d->columns; c++)
        if (d->bins[c] != me->bins[c])
            snprintf(out->wrong, sizeof out->wrong, "column %u has %u bins, the contract says %u", c + 1, d->bins[c], me->bins[c]);
}

/* Rows outside of the fullest bin of a column; UINT32_MAX when a code is no bin of it. */
static uint32_t rows_elsewhere(const struct dataset *d, uint16_t column)
{
    uint32_t count[DATASET_BINS_MAX] = {0}, most = 0;

    for (uint32_t r = 0; r < d->rows; r++) {
        const uint8_t code = d->codes[(size_t)r * d->columns + column];

        if (code >= d->bins[column] || code >= DATASET_BINS_MAX)
            return UINT32_MAX;
        if (++count[code] > most)
            most = count[code];
    }
    return d->rows - most;
}

void table_findings_make(struct table_findings *out, const struct contract_party *me, const struct dataset *d, int with_label)
{
    *out = (struct table_findings){0};
    compare_shape(out, me, d, with_label);
    for (uint16_t c = 0; c < d->columns; c++) {
        const uint32_t elsewhere = rows_elsewhere(d, c);

        if (elsewhere == UINT32_MAX) {
            if (!out->wrong[0])
                snprintf(out->wrong, sizeof out->wrong, "column %u holds a code that is none of its bins", c + 1);
        } else if (elsewhere == 0) {
            if (out->constant++ == 0)
                out->first_constant = c;
        } else if (elsewhere < TABLE_SPARSE_ROWS) {
            if (out->sparse++ == 0)
                out->first_sparse = c;
        }
    }
}
