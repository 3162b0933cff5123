/* Makes tables for tests/bench/training.sh: people that all parties know, columns as credit files have them, and a label
 * that depends on every party's columns.
 *
 *     bench_table DIRECTORY TRAIN_ROWS TEST_ROWS NAME=COLUMNS...
 *
 * writes NAME.csv for each party, the first one's with the label "default", and split.csv.  The same arguments give the
 * same bytes.  About a fifth of the labels are 1; the best model of the columns reaches an AUC of about 0.76. */
#include "crypto/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTIES_MOST = 8, COLUMNS_MOST = 1024, TRAITS = 4 };
static const double TRAIT_SHARE = 0.6, SCORE_SPREAD = 1, SCORE_MEAN = -1.5;

struct table {
    char name[64];
    uint32_t columns;
    FILE *out;
};

struct people {
    const char *directory;
    uint32_t rows, tests, parties, columns;
    struct table table[PARTIES_MOST];
    double spread; /* of the sum of all columns with their signs */
    FILE *split;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_table: error: %s\n", what);
    exit(4);
}

/* Mean 0, variance 1, bell-shaped: four uniform numbers of 16 bits. */
static double draw(struct rng *g)
{
    const uint64_t x = rng_u64(g);
    const double sum = (double)(x & 0xffff) + (double)(x >> 16 & 0xffff) + (double)(x >> 32 & 0xffff) + (double)(x >> 48);

    return (sum / 65536 - 2) * sqrt(3);
}

static double draw_uniform(struct rng *g)
{
    return ldexp((double)(rng_u64(g) >> 11), -53);
}

/* Columns of one trait pull the score the same way or the other by turns. */
static double sign_of(uint32_t column)
{
    return column / TRAITS % 3 == 0 ? -1 : 1;
}

static double spread_of(uint32_t columns)
{
    double trait[TRAITS] = {0}, variance = (1 - TRAIT_SHARE * TRAIT_SHARE) * columns;

    for (uint32_t c = 0; c < columns; c++)
        trait[c % TRAITS] += TRAIT_SHARE * sign_of(c);
    for (int t = 0; t < TRAITS; t++)
        variance += trait[t] * trait[t];
    return sqrt(variance);
}

/* An amount, a repayment status, a category, a ratio. */
static void print_value(FILE *out, uint32_t column, double z)
{
    switch (column % 4) {
    case 0:
        fprintf(out, ",%.0f", exp(8 + z));
        break;
    case 1:
        fprintf(out, ",%.0f", fmax(-2, floor(1.5 * z)));
        break;
    case 2:
        fprintf(out, ",%d", z < -1 ? 1 : z < 0 ? 2 : z < 1 ? 3 : 4);
        break;
    default:
        fprintf(out, ",%.2f", z);
    }
}

static void print_person(struct people *all, struct rng *g, uint32_t i)
{
    double trait[TRAITS], score = 0;
    uint32_t column = 0;

    for (int t = 0; t < TRAITS; t++)
        trait[t] = draw(g);
    for (uint32_t p = 0; p < all->parties; p++) {
        fprintf(all->table[p].out, "p%08u", i);
        for (uint32_t c = 0; c < all->table[p].columns; c++, column++) {
            const double z = TRAIT_SHARE * trait[column % TRAITS] + sqrt(1 - TRAIT_SHARE * TRAIT_SHARE) * draw(g);

            score += sign_of(column) * z;
            print_value(all->table[p].out, column, z);
        }
        if (p)
            fputc('\n', all->table[p].out);
    }
    score = SCORE_MEAN + SCORE_SPREAD * score / all->spread;
    fprintf(all->table[0].out, ",%d\n", draw_uniform(g) < 1 / (1 + exp(-score)));
    /* exactly so many test rows, evenly spread */
    fprintf(all->split, "p%08u,%s\n", i,
            (uint64_t)(i + 1) * all->tests / all->rows > (uint64_t)i * all->tests / all->rows ? "test" : "train");
}

static FILE *open_table(const char *directory, const char *name)
{
    char path[4096];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s.csv", directory, name);
    out = fopen(path, "w");
    if (!out)
        die(path);
    return out;
}

static void begin(struct people *all)
{
    uint32_t column = 0;

    for (uint32_t p = 0; p < all->parties; p++) {
        struct table *t = &all->table[p];

        t->out = open_table(all->directory, t->name);
        fputs("id", t->out);
        for (uint32_t c = 0; c < t->columns; c++)
            fprintf(t->out, ",x%u", column++);
        fputs(p ? "\n" : ",default\n", t->out);
    }
    all->columns = column;
    all->spread = spread_of(column);
    all->split = open_table(all->directory, "split");
    fputs("id,split\n", all->split);
}

static void end(FILE *out)
{
    const int bad = ferror(out);

    if (fclose(out) != 0 || bad)
        die("a table could not be written");
}

static uint32_t count(const char *text, uint32_t most)
{
    char *rest;
    const unsigned long value = strtoul(text, &rest, 10);

    if (rest == text || *rest || value > most)
        die("a number is out of range");
    return (uint32_t)value;
}

int main(int argc, char **argv)
{
    static const struct rng_key key = {.bytes = {1}};
    static struct people all;
    struct rng g;

    if (argc < 5 || argc > 4 + PARTIES_MOST) {
        fputs("usage: bench_table DIRECTORY TRAIN_ROWS TEST_ROWS NAME=COLUMNS...\n", stderr);
        return 2;
    }
    all.directory = argv[1];
    all.tests = count(argv[3], 10000000);
    all.rows = count(argv[2], 10000000) + all.tests;
    for (int i = 4; i < argc; i++) {
        struct table *t = &all.table[all.parties++];
        const char *equals = strchr(argv[i], '=');

        if (!equals || (size_t)(equals - argv[i]) >= sizeof t->name)
            die("a party is given as NAME=COLUMNS");
        memcpy(t->name, argv[i], (size_t)(equals - argv[i]));
        t->columns = count(equals + 1, COLUMNS_MOST);
    }
    begin(&all);
    rng_init(&g, &key, &(struct rng_address){.purpose = "bench table"});
    for (uint32_t i = 0; i < all.rows; i++)
        print_person(&all, &g, i);
    for (uint32_t p = 0; p < all.parties; p++)
        end(all.table[p].out);
    end(all.split);
    return 0;
}
