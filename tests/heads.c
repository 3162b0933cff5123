/* What whole sessions with fixed seeds come to, from cells of text to models: one line for each party and thing, equal
 * on every compiler, machine and run, and for any number of threads.  tests/cli/test_determinism.sh compares.
 *   heads [THREADS]    threads of each party; without: loops run in line */
#include "kit/sim.h"
#include "training/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 200, PEOPLE = 240, COLUMNS = 5, PARTIES_HERE = 5 };

static void must(status st, const struct fault *f)
{
    if (st == OK)
        return;
    fprintf(stderr, "heads: %s: %s\n", status_name(st), f->message);
    exit(1);
}

static void put(struct cells *cells, const char *text)
{
    must(cells_add(cells, text, strlen(text)), &(struct fault){.message = "cells"});
}

/* Decimals of all sizes, levels and empty cells; the label follows from a quality of the person. */
static void put_cell(struct cells *cells, struct rng *g, int column, uint64_t quality)
{
    static const char *const levels[] = {"rent", "own", "family", "other"};
    const uint64_t noisy = quality + rng_below(g, 1000);
    char text[64];

    if (rng_below(g, 20) == 0)
        snprintf(text, sizeof text, "%s", "");
    else if (column == 0)
        snprintf(text, sizeof text, "%s", levels[noisy / 500]);
    else
        snprintf(text, sizeof text, "%llu.%03llue%d", (unsigned long long)noisy, (unsigned long long)rng_below(g, 1000),
                 3 * column - 6);
    put(cells, text);
}

static void make_table(struct dataset *data, struct dictionary *dictionary, party who, int has_label)
{
    const struct table_roles roles = {.id_column = "id", .label_column = has_label ? "label" : NULL};
    struct table_notes notes = {0};
    struct cells cells = {0};
    struct fault f = {0};
    struct rng_key key = {.bytes = {7}};
    struct rng g;
    uint32_t people[PEOPLE];
    char text[64];

    rng_init(&g, &key, &(struct rng_address){.purpose = "table", .peer = who});
    rng_permutation(&g, people, PEOPLE);
    must(cells_init(&cells, "table.csv"), &f);
    put(&cells, "id");
    put(&cells, has_label ? "label" : "unused");
    for (int c = 0; c < COLUMNS; c++) {
        snprintf(text, sizeof text, "column%d", c);
        put(&cells, text);
    }
    must(cells_end_row(&cells, 1, &f), &f);
    for (uint32_t r = 0; r < ROWS; r++) {
        struct rng person;
        uint64_t quality;

        rng_init(&person, &key, &(struct rng_address){.purpose = "person", .index = people[r]});
        quality = rng_below(&person, 1000);
        snprintf(text, sizeof text, "P%06u", people[r]);
        put(&cells, text);
        put(&cells, has_label && 2 * rng_below(&person, 1000) + 300 < 3 * quality ? "1" : "0");
        for (int c = 0; c < COLUMNS; c++)
            put_cell(&cells, &g, c, quality);
        must(cells_end_row(&cells, r + 2, &f), &f);
    }
    must(table_build(data, dictionary, &notes, &cells, &roles, &f), &f);
    table_notes_clear(&notes);
    cells_clear(&cells);
}

static void print_line(const struct sim *sim, party p, const char *what, const char *hex)
{
    printf("%s  %u parties  p%u  %-10s  %s\n", suite_name(sim->contract.suite), sim->contract.parties, p, what, hex);
}

static void print_hash(const struct sim *sim, party p, const char *what, const void *bytes, size_t len)
{
    struct hasher h;
    struct hash hash;
    char hex[2 * HASH_BYTES + 1];

    hasher_init(&h, SUITE_INT1, what);
    hasher_add(&h, bytes, len);
    hasher_final(&h, &hash);
    hash_hex(&hash, hex);
    print_line(sim, p, what, hex);
}

static void print_session(enum suite s, party parties, uint32_t threads)
{
    struct dictionary dictionary[PARTIES_HERE] = {0};
    struct dataset data[PARTIES_HERE] = {0};
    static struct sim sim;

    for (party p = 0; p < parties; p++)
        make_table(&data[p], &dictionary[p], p, p == parties / 2);
    sim_contract(&sim, parties, data, 384, 6);
    sim.contract.suite = (uint8_t)s;
    sim_approve(&sim, parties);
    sim.threads = threads;
    sim_run(&sim, NULL);
    for (party p = 0; p < parties; p++) {
        const struct sim_party *me = &sim.party[p];
        const struct party_result *r = &me->result;
        const double metrics[] = {r->intercept, r->auc, r->ks, r->logloss, r->alone_auc, r->alone_ks, r->alone_logloss};
        struct wire_writer words = {0};
        char hex[2 * HASH_BYTES + 1];

        must(me->outcome, &me->ss.fault);
        dictionary_encode(&words, &dictionary[p]);
        must(wire_writer_status(&words), &me->ss.fault);
        print_hash(&sim, p, "dictionary", words.bytes, words.len);
        print_hash(&sim, p, "codes", data[p].codes, (size_t)data[p].rows * data[p].columns);
        print_hash(&sim, p, "log", me->log.bytes, me->log.len);
        print_hash(&sim, p, "bodies", me->bodies.bytes, me->bodies.len);
        print_hash(&sim, p, "model", r->weight, dataset_width(&data[p]) * sizeof *r->weight);
        print_hash(&sim, p, "metrics", metrics, sizeof metrics);
        hash_hex(&r->head, hex);
        print_line(&sim, p, "head", hex);
        wire_writer_clear(&words);
    }
    sim_clear(&sim);
    for (party p = 0; p < parties; p++) {
        dictionary_clear(&dictionary[p]);
        dataset_clear(&data[p]);
    }
}

int main(int argc, char **argv)
{
    const uint32_t threads = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;

    print_session(SUITE_INT1, 2, threads);
    print_session(SUITE_INT1, 3, threads);
    print_session(SUITE_INT1, 5, threads);
    print_session(SUITE_GM1, 3, threads);
    return 0;
}
