/* What the sources of the calibration share; users include calibrate.h. */
#ifndef HEFU_CALIBRATE_PARTS_H
#define HEFU_CALIBRATE_PARTS_H

#include "crypto/rng.h"
#include "node/local/rates.h"
#include "training/dataset.h"

/* How long to look. */
struct gauge {
    int rounds;
    double slice_s;
    const char *dir; /* to write in */
};

typedef void gauge_work(void *ctx);

/* CPU nanoseconds of this thread that one of count items takes: the median of the rounds. */
double gauge_each(const struct gauge *g, gauge_work *work, void *ctx, double count);
double gauge_cpu_s(void);
double gauge_wall_s(void);

/* A generator that depends on the purpose alone: what is measured is no secret. */
void gauge_rng(struct rng *out, const char *purpose);

/* A made-up table: rows people, columns of that many bins each, labels that follow the codes. */
MUST_USE status gauge_table(struct dataset *out, uint32_t rows, uint16_t columns, uint8_t bins);

MUST_USE status calibrate_key(struct rates_of_key *r, const struct gauge *g, uint32_t bits, uint32_t lanes);
MUST_USE status calibrate_tables(struct rates *r, const struct gauge *g, struct fault *f); /* load .. cell */
MUST_USE status calibrate_points(struct rates *r, const struct gauge *g);
MUST_USE status calibrate_sigmoid(struct rates *r, const struct gauge *g);
MUST_USE status calibrate_records(struct rates *r, const struct gauge *g, struct fault *f);

#endif
