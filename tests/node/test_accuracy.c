/* Real credit data, when it is there: the secure model against the optimum of pooled plaintext.
 * The protocol is the one of the nodes; keys are small, because key size does not change a single weight's meaning. */
#include "kit/cmocka.h"
#include "kit/plain.h"
#include "node/local/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_BITS = 512, THIN = 4 };

#define DATA_DIR HEFU_SOURCE_DIR "/../shared/data/"

struct table_of {
    const char *file, *label;
};

static void load(struct dataset *d, struct dictionary *dictionary, const char *dir, struct table_of t, const char *split)
{
    char path[512], split_path[512];
    struct table_notes notes = {0};
    struct fault f = {0};
    struct source s = {.kind = SOURCE_CSV, .path = path, .id_column = "id", .label_column = t.label, .split_path = split_path};

    snprintf(path, sizeof path, "%s%s/%s", DATA_DIR, dir, t.file);
    snprintf(split_path, sizeof split_path, "%s%s/%s", DATA_DIR, dir, split);
    memset(d, 0, sizeof *d);
    memset(dictionary, 0, sizeof *dictionary);
    if (source_open(d, dictionary, &notes, &s, &f) != OK)
        fail_msg("%s", f.message);
    table_notes_clear(&notes);
}

/* Columns first..last of a table as a table of its own. */
static void slice(struct dataset *out, const struct dataset *d, uint16_t first, uint16_t columns)
{
    memset(out, 0, sizeof *out);
    out->rows = d->rows;
    out->columns = columns;
    assert_non_null(out->bins = malloc(columns));
    assert_non_null(out->codes = malloc((size_t)d->rows * columns));
    assert_non_null(out->ids = calloc(d->rows, sizeof *out->ids));
    memcpy(out->bins, d->bins + first, columns);
    for (uint32_t r = 0; r < d->rows; r++) {
        memcpy(out->codes + (size_t)r * columns, d->codes + (size_t)r * d->columns + first, columns);
        assert_non_null(out->ids[r] = strdup(d->ids[r]));
    }
}

struct outcome {
    struct plain_quality secure, linear, exact;
};

static void train(struct outcome *out, struct dataset *data, party parties, uint16_t passes)
{
    struct sim *sim = calloc(1, sizeof *sim);
    struct pooled pooled;

    assert_non_null(sim);
    sim_contract(sim, parties, data, KEY_BITS, passes);
    sim->contract.test_rule = TEST_LISTED;
    sim->contract.test_permille = 0;
    sim_approve(sim, 1);
    sim_run(sim, NULL);
    for (party p = 0; p < parties; p++)
        if (sim->party[p].outcome != OK)
            fail_msg("p%u: %s", p, sim->party[p].ss.fault.message);
    out->secure = (struct plain_quality){sim->party[0].result.auc, sim->party[0].result.ks, sim->party[0].result.logloss};
    pooled_from_sim(&pooled, sim);
    assert_int_equal(plain_reference(&out->linear, &pooled, 0.003, 1), OK);
    assert_int_equal(plain_reference(&out->exact, &pooled, 0.003, 0), OK);
    print_message("P = %u, %u + %u rows, %u passes: AUC %.5f KS %.4f log-loss %.5f; optimum of the linear sigmoid %.5f, "
                  "of the exact one %.5f, log-loss %.5f\n", parties, sim->party[0].result.population.train,
                  sim->party[0].result.population.test, passes, out->secure.auc, out->secure.ks, out->secure.logloss,
                  out->linear.auc, out->exact.auc, out->exact.logloss);
    pooled_clear(&pooled);
    sim_clear(sim);
    free(sim);
}

static void assert_near_the_optimum(const struct outcome *o)
{
    assert_true(fabs(o->secure.auc - o->linear.auc) <= 0.0003);
    assert_true(fabs(o->secure.auc - o->exact.auc) <= 0.003);
    assert_true(o->secure.logloss - o->exact.logloss <= 0.004);
}

static int data_is_there(void)
{
    if (getenv("HEFU_SHORT")) {
        print_message("skipped: HEFU_SHORT leaves out the long runs\n");
        return 0;
    }
    if (access(DATA_DIR "default_credit_3p/bank.csv", R_OK) == 0)
        return 1;
    print_message("skipped: the shared credit data are not here\n");
    return 0;
}

/* Every THIN-th training row only, to keep sessions of many parties short. */
static void thin_out(struct dataset *d)
{
    uint32_t seen = 0;

    for (uint32_t r = 0; r < d->rows; r++)
        if (d->split[r] == SPLIT_TRAIN && seen++ % THIN)
            d->split[r] = SPLIT_UNLISTED;
}

static void three_parties_reach_the_optimum_of_pooled_plaintext_and_splitting_further_changes_nothing(void **state)
{
    static const struct table_of files[] = {{"bank.csv", "default"}, {"tax.csv", NULL}, {"social.csv", NULL}};
    struct dataset three[3], five[5];
    struct dictionary dictionary[3];
    struct outcome of3, of4, of5;

    (void)state;
    if (!data_is_there())
        skip();
    for (party p = 0; p < 3; p++)
        load(&three[p], &dictionary[p], "default_credit_3p", files[p], "split.csv");
    train(&of3, three, 3, 10);
    assert_near_the_optimum(&of3);
    assert_true(of3.secure.auc >= 0.772 && of3.secure.ks >= 0.41);

    /* On a quarter of the training rows (all of them with HEFU_FULL=1): tax in two, then social in two as well; only the label party lists test rows */
    if (!getenv("HEFU_FULL")) {
        thin_out(&three[0]);
        train(&of3, three, 3, 16);
    }
    five[0] = three[0];
    slice(&five[1], &three[1], 0, 4);
    slice(&five[2], &three[1], 4, (uint16_t)(three[1].columns - 4));
    five[3] = three[2];
    train(&of4, five, 4, 16);
    assert_true(fabs(of4.secure.auc - of3.secure.auc) <= 0.001);
    slice(&five[3], &three[2], 0, 2);
    slice(&five[4], &three[2], 2, (uint16_t)(three[2].columns - 2));
    train(&of5, five, 5, 16);
    assert_true(fabs(of5.secure.auc - of3.secure.auc) <= 0.001);
    for (party p = 1; p < 5; p++)
        dataset_clear(&five[p]);
    for (party p = 0; p < 3; p++) {
        dataset_clear(&three[p]);
        dictionary_clear(&dictionary[p]);
    }
}

static void two_parties_reach_the_optimum_of_pooled_plaintext(void **state)
{
    static const struct table_of files[] = {{"default_credit_hetero_guest.csv", "y"}, {"default_credit_hetero_host.csv", NULL}};
    struct dataset two[2];
    struct dictionary dictionary[2];
    struct outcome o;

    (void)state;
    if (!data_is_there())
        skip();
    for (party p = 0; p < 2; p++)
        load(&two[p], &dictionary[p], "default_credit_fate", files[p], "split.csv");
    train(&o, two, 2, 10);
    assert_near_the_optimum(&o);
    assert_true(o.secure.auc >= 0.771);
    for (party p = 0; p < 2; p++) {
        dataset_clear(&two[p]);
        dictionary_clear(&dictionary[p]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_parties_reach_the_optimum_of_pooled_plaintext),
        cmocka_unit_test(three_parties_reach_the_optimum_of_pooled_plaintext_and_splitting_further_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
