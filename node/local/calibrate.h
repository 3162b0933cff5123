/* Measures the rates of this machine (rates.h) with the very functions that a training calls. */
#ifndef HEFU_CALIBRATE_H
#define HEFU_CALIBRATE_H

#include "node/local/rates.h"

struct calibration {
    int quick;            /* one short round of each instead of the median of several */
    uint32_t key_bits;    /* 2048, 3072 or 4096; 0: all of them */
    const char *dir;      /* of the disk that evidence goes to; a directory is made in it and removed */
    void *ctx;            /* of step; step may be NULL */
    void (*step)(void *ctx, const char *what, uint32_t done, uint32_t total);
};

/* r keeps what is not measured. */
MUST_USE status calibrate(struct rates *r, const struct calibration *how, struct fault *f);

#endif
