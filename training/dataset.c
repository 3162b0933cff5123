#include "training/dataset.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void wipe_free(void *p, size_t len)
{
    if (p)
        sodium_memzero(p, len);
    free(p);
}

void dataset_clear(struct dataset *d)
{
    if (d->ids)
        for (uint32_t r = 0; r < d->rows; r++)
            wipe_free(d->ids[r], d->ids[r] ? strlen(d->ids[r]) : 0);
    free(d->ids);
    wipe_free(d->codes, (size_t)d->rows * d->columns);
    wipe_free(d->label, d->rows);
    free(d->split);
    free(d->bins);
    memset(d, 0, sizeof *d);
}

uint32_t dataset_width(const struct dataset *d)
{
    uint32_t width = 0;

    for (uint16_t c = 0; c < d->columns; c++)
        width += d->bins[c];
    return width;
}
