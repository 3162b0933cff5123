/* The best that a model of these tables can do: all parties' codes in one place, fitted to convergence in plaintext.
 *
 *     bench_optimum RIDGE LABEL SPLIT LABEL_PARTY.csv OTHER.csv...
 *
 * prints two lines, "exact AUC LOGLOSS" and "linear AUC LOGLOSS", on the test rows of SPLIT that are in every table, and
 * one "rows COMMON TRAIN TEST".  Dictionaries are the nodes' own; the log-loss of the exact sigmoid is of sigma(z), that
 * of the linear one of a calibration, as in a session. */
#include "node/local/source.h"
#include "protocol/contract.h"
#include "training/metrics.h"
#include "training/reference.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rows of all parties side by side. */
struct pooled {
    uint32_t common, train, test; /* rows; those to train first */
    uint16_t columns;
    uint8_t bins[PARTIES_MAX * DATASET_COLUMNS_MAX];
    uint8_t *codes, *label;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_optimum: error: %s\n", what);
    exit(4);
}

static void load(struct dataset *data, const char *path, const char *label, const char *split)
{
    struct dictionary dictionary = {0};
    struct table_notes notes = {0};
    struct fault f = {0};
    const struct source s = {.kind = SOURCE_CSV, .path = path, .id_column = "id", .label_column = label,
                             .split_path = split};

    if (source_open(data, &dictionary, &notes, &s, &f) != OK)
        die(f.message);
    dictionary_clear(&dictionary);
    table_notes_clear(&notes);
}

/* The rows of the person with this id; ids are sorted, and at[] only goes forward.  0 when a table does not know it. */
static int find(uint32_t *at, const struct dataset *data, party parties, const char *id)
{
    for (party p = 1; p < parties; p++) {
        while (at[p] < data[p].rows && strcmp(data[p].ids[at[p]], id) < 0)
            at[p]++;
        if (at[p] == data[p].rows || strcmp(data[p].ids[at[p]], id) != 0)
            return 0;
    }
    return 1;
}

static void *room(size_t count, size_t size)
{
    void *out = calloc(count + 1, size);

    if (!out)
        die("memory");
    return out;
}

static void pool_columns(struct pooled *out, const struct dataset *data, party parties)
{
    for (party p = 0; p < parties; p++) {
        memcpy(out->bins + out->columns, data[p].bins, data[p].columns);
        out->columns = (uint16_t)(out->columns + data[p].columns);
    }
    out->codes = room((size_t)data[0].rows * out->columns, 1);
    out->label = room(data[0].rows, 1);
}

/* The common people that the split gives this use, after those that are there; returns how many. */
static uint32_t pool_rows(struct pooled *out, const struct dataset *data, party parties, enum dataset_split use)
{
    const uint32_t first = out->train;
    uint32_t at[PARTIES_MAX] = {0}, rows = 0;

    out->common = 0;
    for (; at[0] < data[0].rows; at[0]++) {
        uint8_t *codes = out->codes + (size_t)(first + rows) * out->columns;

        if (!find(at, data, parties, data[0].ids[at[0]]))
            continue;
        out->common++;
        if (data[0].split[at[0]] != use)
            continue;
        for (party p = 0; p < parties; p++) {
            memcpy(codes, data[p].codes + (size_t)at[p] * data[p].columns, data[p].columns);
            codes += data[p].columns;
        }
        out->label[first + rows++] = data[0].label[at[0]];
    }
    return rows;
}

static status print_optimum(const struct pooled *d, double ridge, enum reference_sigmoid sigmoid)
{
    double *weight AUTO(auto_free) = room((size_t)d->columns * DATASET_BINS_MAX, sizeof *weight);
    double *score AUTO(auto_free) = room(d->test, sizeof *score), *prob AUTO(auto_free) = room(d->test, sizeof *prob);
    const uint8_t *label = d->label + d->train;
    struct calibration all;
    struct metrics m;
    double intercept = 0;

    TRY(reference_fit(weight, &intercept, d->codes, d->bins, d->columns, NULL, d->label, d->train, ridge, sigmoid));
    for (uint32_t i = 0; i < d->test; i++) {
        score[i] = reference_score(weight, intercept, d->codes + (size_t)(d->train + i) * d->columns, d->bins, d->columns);
        prob[i] = 1 / (1 + exp(-score[i]));
    }
    if (sigmoid == REFERENCE_LINEAR)
        TRY(calibration_cross_fit(prob, &all, score, label, d->test));
    TRY(metrics_compute(&m, score, prob, label, d->test));
    printf("%s\t%.8f\t%.8f\n", sigmoid == REFERENCE_LINEAR ? "linear" : "exact", m.auc, m.logloss);
    return OK;
}

int main(int argc, char **argv)
{
    static struct dataset data[PARTIES_MAX];
    static struct pooled pooled;
    const party parties = (party)(argc - 4);

    if (argc < 6 || argc > 4 + PARTIES_MAX) {
        fputs("usage: bench_optimum RIDGE LABEL SPLIT LABEL_PARTY.csv OTHER.csv...\n", stderr);
        return 2;
    }
    if (sodium_init() < 0)
        die("libsodium does not start");
    for (party p = 0; p < parties; p++)
        load(&data[p], argv[4 + p], p ? NULL : argv[2], p ? NULL : argv[3]);
    pool_columns(&pooled, data, parties);
    pooled.train = pool_rows(&pooled, data, parties, SPLIT_TRAIN);
    pooled.test = pool_rows(&pooled, data, parties, SPLIT_TEST);
    printf("rows\t%u\t%u\t%u\n", pooled.common, pooled.train, pooled.test);
    if (print_optimum(&pooled, atof(argv[1]), REFERENCE_EXACT) != OK ||
        print_optimum(&pooled, atof(argv[1]), REFERENCE_LINEAR) != OK)
        die("there is no optimum: a class is missing, or the tables are too wide");
    free(pooled.codes);
    free(pooled.label);
    for (party p = 0; p < parties; p++)
        dataset_clear(&data[p]);
    return 0;
}
