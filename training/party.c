#include "training/party.h"

#include "protocol/align.h"
#include "protocol/handshake.h"
#include "training/data_root.h"
#include "training/evaluate.h"
#include "training/reference.h"
#include "training/train.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void party_result_clear(struct party_result *r)
{
    free(r->position);
    free(r->role);
    free(r->weight);
    memset(r, 0, sizeof *r);
}

void dataset_commitment(struct hash *out, const struct dataset *d, const struct rng_key *seed, int labels)
{
    struct rng_key blind AUTO(rng_key_clear) = {0};
    struct merkle tree = {.suite = seed->suite};
    struct hash root;
    struct hasher h;

    rng_key_derive(&blind, seed, "hefu/data commitment", NULL, 0);
    for (uint32_t r = 0; r < d->rows; r++) {
        struct hash row, leaf;

        data_root_leaf(&row, d, r, &blind);
        hasher_init(&h, seed->suite, "hefu/row/v1");
        hasher_add_hash(&h, &row);
        hasher_add(&h, labels && d->label ? &d->label[r] : NULL, labels && d->label ? 1 : 0);
        hasher_final(&h, &leaf);
        merkle_append(&tree, &leaf);
    }
    merkle_root(&tree, &root);
    hasher_init(&h, seed->suite, "hefu/data/v2");
    hasher_add(&h, d->bins, d->columns);
    hasher_add_u64(&h, d->rows);
    hasher_add_hash(&h, &root);
    hasher_final(&h, out);
}

/* The aligned rows of our own table, training and test apart. */
struct rows {
    uint32_t *train, *test; /* rows of the dataset, in joint order */
    uint8_t *codes;     /* [train * columns] */
    uint8_t *label;     /* [train], label party only */
    uint8_t *test_label;
};

static void rows_clear(struct rows *r)
{
    free(r->train);
    free(r->test);
    auto_wipe(&r->codes);
    auto_wipe(&r->label);
    auto_wipe(&r->test_label);
}

static status check_table(struct session *ss, const struct dataset *d)
{
    const struct contract_party *me = &ss->contract->party[ss->self];

    if (d->rows != me->rows || d->columns != me->columns || memcmp(d->bins, me->bins, me->columns) != 0 ||
        (ss->stage != STAGE_OFFLINE && (d->label != NULL) != (me->has_label != 0))) {
        session_fail(ss, STATUS_CONFIG, "the table is not the one the contract describes: %u rows and %u columns, the "
                     "contract says %u and %u", d->rows, d->columns, me->rows, me->columns);
        fault_hint(&ss->fault, "the file changed since it was registered; register it again and propose the job anew");
        return STATUS_CONFIG;
    }
    return OK;
}

/* [SPEC 5] */
static status align(struct preparation *p, struct session *ss, const struct dataset *d)
{
    uint8_t *listed AUTO(auto_free) = NULL;
    uint32_t common = 0;

    session_progress(ss, PHASE_ALIGN, 0, 0, 0);
    TRY(align_run(ss, &p->position, &common, d->ids, d->rows));
    TRY(alloc_zeroed(&p->role, common, 1));
    TRY(alloc_zeroed(&listed, common, 1));
    for (uint32_t i = 0; i < common; i++)
        listed[i] = d->split ? d->split[p->position[i]] : SPLIT_UNLISTED;
    TRY(align_split(ss, p->role, common, d->split ? listed : NULL));
    p->population = ss->population;
    return OK;
}

/* Before anything is said: the preparation is the one that was approved, and of this very table. */
static status check_prepared(struct session *ss, const struct dataset *d, const struct preparation *p)
{
    struct hash table;

    preparation_table(&table, ss->contract->suite, d);
    if (!hash_equal(&table, &p->table)) {
        session_fail(ss, STATUS_CONFIG, "the table has changed since it was prepared: its ids, its codes or its list of "
                     "test rows are others");
        fault_hint(&ss->fault, "only labels may change after a preparation; propose the job again");
        return STATUS_CONFIG;
    }
    if (!hash_equal(&p->name, &ss->preparation))
        return session_fail(ss, STATUS_MISMATCH, "the preparation is another one than was approved");
    return OK;
}

/* [SPEC 2.5.3] In place of aligning again. */
static status take_up(const struct preparation *p, struct session *ss)
{
    struct hash rows;
    struct hasher h;

    hasher_init(&h, ss->contract->suite, "hefu/prepared rows/v1");
    hasher_add(&h, p->role, p->population.rows);
    hasher_final(&h, &rows);
    TRY(handshake_link(ss, &rows));
    ss->population = p->population;
    TRY(session_fact(ss, FACT_POPULATION, p->population.rows, p->population.train));
    return session_fact(ss, FACT_TEST_ROWS, p->population.test, 0);
}

static status choose_labels(struct rows *rows, struct session *ss, const struct dataset *d)
{
    const struct population *pop = &ss->population;
    uint32_t positives = 0;

    TRY(alloc_zeroed(&rows->label, pop->train, 1));
    TRY(alloc_zeroed(&rows->test_label, pop->test, 1));
    for (uint32_t i = 0; i < pop->train; i++)
        positives += rows->label[i] = d->label[rows->train[i]];
    for (uint32_t i = 0; i < pop->test; i++)
        rows->test_label[i] = d->label[rows->test[i]];
    if (positives < ss->contract->min_positives || pop->train - positives < ss->contract->min_positives) {
        session_fail(ss, STATUS_LIMIT, "the training rows hold fewer than %u positives or negatives",
                     ss->contract->min_positives);
        fault_hint(&ss->fault, "lower min_positives in the job, or bring more rows with a label");
        return STATUS_LIMIT;
    }
    return OK;
}

/* An offline session does not look at labels. */
static status choose_rows(struct rows *rows, struct session *ss, const struct dataset *d, const struct preparation *p)
{
    const struct population *pop = &p->population;
    uint32_t a = 0, b = 0;

    TRY(alloc_zeroed(&rows->train, pop->train, sizeof(uint32_t)));
    TRY(alloc_zeroed(&rows->test, pop->test, sizeof(uint32_t)));
    for (uint32_t i = 0; i < pop->rows; i++) {
        if (p->role[i] == 0)
            rows->train[a++] = p->position[i];
        else if (p->role[i] == 1)
            rows->test[b++] = p->position[i];
    }
    TRY(alloc_zeroed(&rows->codes, (size_t)pop->train * d->columns, 1));
    for (uint32_t i = 0; i < pop->train; i++)
        memcpy(rows->codes + (size_t)i * d->columns, d->codes + (size_t)rows->train[i] * d->columns, d->columns);
    return d->label && ss->stage != STAGE_OFFLINE ? choose_labels(rows, ss, d) : OK;
}

static int64_t partial_score(const int64_t *weight, const struct dataset *d, uint32_t row)
{
    const uint8_t *codes = d->codes + (size_t)row * d->columns;
    size_t offset = 0;
    int64_t score = 0;

    for (uint16_t c = 0; c < d->columns; c++) {
        score += weight[offset + codes[c]];
        offset += d->bins[c];
    }
    return score;
}

/* What the label party could do with its own columns: exact logistic regression, scores of the test rows. */
static status alone_scores(double *out, struct session *ss, const struct dataset *d, const struct rows *rows)
{
    double *weight AUTO(auto_free) = NULL, intercept = 0;

    TRY(alloc_zeroed(&weight, dataset_width(d), sizeof *weight));
    if (reference_fit(weight, &intercept, d->codes, d->bins, d->columns, rows->train, rows->label, ss->population.train,
                      ss->contract->ridge_micro / 1e6, REFERENCE_EXACT) != OK)
        return session_fail(ss, STATUS_LIMIT, "the label party's own model cannot be fitted");
    for (uint32_t i = 0; i < ss->population.test; i++)
        out[i] = reference_score(weight, intercept, d->codes + (size_t)rows->test[i] * d->columns, d->bins, d->columns);
    return OK;
}

static status evaluate(struct party_result *out, struct session *ss, const struct dataset *d, const struct rows *rows,
                       const struct plan *plan, const int64_t *weight)
{
    int64_t *score AUTO(auto_wipe) = NULL;
    double *alone AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&score, ss->population.test, sizeof *score));
    for (uint32_t i = 0; i < ss->population.test; i++)
        score[i] = partial_score(weight, d, rows->test[i]);
    if (d->label) {
        TRY(alloc_zeroed(&alone, ss->population.test, sizeof *alone));
        TRY(alone_scores(alone, ss, d, rows));
    }
    return evaluate_run(out, ss, plan, score, rows->test_label, alone);
}

static void drop_sigmoid(struct sigmoid_chain **s)
{
    sigmoid_free(*s);
}

/* The offline phase on the aligned rows. */
static status prepare(struct preparation *p, struct session *ss, const struct plan *plan, struct matrix *own)
{
    session_progress(ss, PHASE_PREPARE, 0, 0, 0); /* the preconditioner of a wide block takes a while */
    TRY(precondition_make(&p->precondition, own, plan, ss->contract->ridge_micro));
    own->precondition = p->precondition.entry;
    own->diagonal = p->precondition.diagonal;
    return correlate_run(&p->correlation, ss, own);
}

/* The online phase; weight gets our own block. */
static status train(int64_t *weight, struct session *ss, const struct plan *plan, const struct preparation *p,
                    const struct matrix *own, const uint8_t *label)
{
    struct weights shares AUTO(weights_clear) = {0};
    struct sigmoid_chain *sigmoid AUTO(drop_sigmoid) = NULL;

    if (plan->table_bits) {
        const uint32_t positives = label ? train_positives(label, plan->n) : 1;

        TRY(sigmoid_new(&sigmoid, ss, plan, positives, label ? plan->n - positives : 1));
    }
    TRY(session_checkpoint(ss, 0));
    TRY(train_run(&shares, ss, &p->correlation, own, sigmoid, label));
    session_progress(ss, PHASE_REVEAL, 0, 0, 1);
    return train_reveal(weight, ss, plan, &shares);
}

static status online(struct party_result *out, struct session *ss, const struct dataset *d, const struct rows *rows,
                     const struct plan *plan, const struct preparation *p, const struct matrix *own)
{
    int64_t *weight AUTO(auto_wipe) = NULL;

    TRY(alloc_zeroed(&weight, own->width, sizeof *weight));
    TRY(alloc_zeroed(&out->weight, own->width, sizeof *out->weight));
    TRY(train(weight, ss, plan, p, own, rows->label));
    if (rows->label)
        out->intercept = ldexp((double)train_intercept(plan, rows->label, own->n), -(int)plan->f);
    for (uint32_t j = 0; j < own->width; j++)
        out->weight[j] = ldexp((double)weight[j], -(int)plan->f);
    return evaluate(out, ss, d, rows, plan, weight);
}

/* The end of an offline session: all have signed what they prepared, it gets its name and is put away. */
static status put_away(struct preparation *p, struct session *ss, const struct dataset *d,
                       const struct party_keeper *keeper)
{
    TRY(session_checkpoint(ss, 0));
    p->name = ss->preparation;
    preparation_table(&p->table, ss->contract->suite, d);
    return keeper->keep(keeper->ctx, p, &ss->fault);
}

static status copy_rows(struct party_result *out, const struct preparation *p)
{
    const size_t rows = p->population.rows;

    out->population = p->population;
    TRY(alloc_zeroed(&out->position, rows, sizeof *out->position));
    TRY(alloc_zeroed(&out->role, rows, 1));
    memcpy(out->position, p->position, rows * sizeof *out->position);
    memcpy(out->role, p->role, rows);
    return OK;
}

/* [SPEC 2.5] */
static status run(struct party_result *out, struct session *ss, const struct dataset *d, struct preparation *p,
                  const struct party_keeper *keeper)
{
    struct rows rows AUTO(rows_clear) = {0};
    struct matrix own = {.columns = d->columns, .width = dataset_width(d), .bins = d->bins};
    struct plan plan;
    struct hash data;

    TRY(check_table(ss, d));
    if (ss->stage == STAGE_ONLINE)
        TRY(check_prepared(ss, d, p));
    dataset_commitment(&data, d, &ss->seed, ss->stage != STAGE_OFFLINE);
    TRY(handshake_run(ss, &data));
    TRY(ss->stage == STAGE_ONLINE ? take_up(p, ss) : align(p, ss, d));
    TRY(copy_rows(out, p));
    TRY(choose_rows(&rows, ss, d, p));
    TRY(plan_make(&plan, ss->contract, ss->population.train, &ss->fault));
    own.n = plan.n;
    own.codes = rows.codes;
    own.precondition = p->precondition.entry;
    own.diagonal = p->precondition.diagonal;
    if (ss->stage != STAGE_ONLINE)
        TRY(prepare(p, ss, &plan, &own));
    TRY(ss->stage == STAGE_OFFLINE ? put_away(p, ss, d, keeper) : online(out, ss, d, &rows, &plan, p, &own));
    session_progress(ss, PHASE_FINISH, 0, 0, 1);
    TRY(session_end(ss));
    session_progress(ss, PHASE_FINISH, 0, 1, 1);
    out->records = (uint32_t)ss->seq;
    out->checkpoints = (uint32_t)ss->checkpoints;
    out->head = ss->head;
    return OK;
}

static status run_stage(struct party_result *out, struct session *ss, enum stage stage, const struct dataset *d,
                        struct preparation *p, const struct party_keeper *keeper)
{
    status result;

    memset(out, 0, sizeof *out);
    if (ss->stage == stage)
        result = run(out, ss, d, p, keeper);
    else
        result = session_fail(ss, STATUS_CONFIG, "this session was approved for stage %s", stage_name(ss->stage));
    preparation_clear(p);
    if (result != OK) {
        if (ss->fault.code == OK)
            session_fail(ss, result, "%s", status_name(result));
        party_result_clear(out);
    }
    return result;
}

status party_run(struct party_result *out, struct session *ss, const struct dataset *d)
{
    struct preparation p = {0};

    return run_stage(out, ss, STAGE_WHOLE, d, &p, NULL);
}

status party_prepare(struct party_result *out, struct session *ss, const struct dataset *d,
                     const struct party_keeper *keeper)
{
    struct preparation p = {0};

    return run_stage(out, ss, STAGE_OFFLINE, d, &p, keeper);
}

status party_train(struct party_result *out, struct session *ss, const struct dataset *d, struct preparation *prepared)
{
    return run_stage(out, ss, STAGE_ONLINE, d, prepared, NULL);
}
