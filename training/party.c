#include "training/party.h"

#include "protocol/align.h"
#include "protocol/handshake.h"
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

void dataset_commitment(struct hash *out, const struct dataset *d, const struct rng_key *seed)
{
    struct rng_key blind AUTO(rng_key_clear) = {0};
    struct hasher h;

    rng_key_derive(&blind, seed, "hefu/data commitment", NULL, 0);
    hasher_init(&h, "hefu/data/v1");
    hasher_add(&h, blind.bytes, sizeof blind.bytes);
    hasher_add(&h, d->bins, d->columns);
    for (uint32_t r = 0; r < d->rows; r++) {
        hasher_add(&h, d->ids[r], strlen(d->ids[r]));
        hasher_add(&h, d->codes + (size_t)r * d->columns, d->columns);
        hasher_add(&h, d->label ? &d->label[r] : NULL, d->label ? 1 : 0);
        hasher_add(&h, d->split ? &d->split[r] : NULL, d->split ? 1 : 0);
    }
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
    free(r->codes);
    free(r->label);
    free(r->test_label);
}

static status check_table(struct session *ss, const struct dataset *d)
{
    const struct contract_party *me = &ss->contract->party[ss->self];

    if (d->rows != me->rows || d->columns != me->columns || memcmp(d->bins, me->bins, me->columns) != 0 ||
        (d->label != NULL) != (me->has_label != 0)) {
        session_fail(ss, STATUS_CONFIG, "the table is not the one the contract describes: %u rows and %u columns, the "
                     "contract says %u and %u", d->rows, d->columns, me->rows, me->columns);
        fault_hint(&ss->fault, "the file changed since it was registered; register it again and propose the job anew");
        return STATUS_CONFIG;
    }
    return OK;
}

/* [SPEC 5] */
static status align(struct rows *rows, struct party_result *out, struct session *ss, const struct dataset *d)
{
    uint8_t *listed AUTO(auto_free) = NULL;
    uint32_t common = 0, a = 0, b = 0;

    session_progress(ss, PHASE_ALIGN, 0, 0, 0);
    TRY(align_run(ss, &out->position, &common, d->ids, d->rows));
    TRY(alloc_zeroed(&out->role, common, 1));
    TRY(alloc_zeroed(&listed, common, 1));
    for (uint32_t i = 0; i < common; i++)
        listed[i] = d->split ? d->split[out->position[i]] : SPLIT_UNLISTED;
    TRY(align_split(ss, out->role, common, d->split ? listed : NULL));
    out->population = ss->population;
    TRY(alloc_zeroed(&rows->train, ss->population.train, sizeof(uint32_t)));
    TRY(alloc_zeroed(&rows->test, ss->population.test, sizeof(uint32_t)));
    for (uint32_t i = 0; i < common; i++) {
        if (out->role[i] == 0)
            rows->train[a++] = out->position[i];
        else if (out->role[i] == 1)
            rows->test[b++] = out->position[i];
    }
    return OK;
}

static status gather_rows(struct rows *rows, struct session *ss, const struct dataset *d)
{
    const struct population *pop = &ss->population;
    uint32_t positives = 0;

    TRY(alloc_zeroed(&rows->codes, (size_t)pop->train * d->columns, 1));
    for (uint32_t i = 0; i < pop->train; i++)
        memcpy(rows->codes + (size_t)i * d->columns, d->codes + (size_t)rows->train[i] * d->columns, d->columns);
    if (!d->label)
        return OK;
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
    int64_t *score AUTO(auto_free) = NULL;
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

/* Offline and online phase on the aligned rows; weight gets our own block. */
static status fit(int64_t *weight, struct plan *plan, struct session *ss, const struct dataset *d, const struct rows *rows,
                  double *intercept)
{
    struct matrix own = {.n = ss->population.train, .columns = d->columns, .width = dataset_width(d), .bins = d->bins,
                         .codes = rows->codes};
    struct precondition m AUTO(precondition_clear) = {0};
    struct correlation c AUTO(correlation_clear) = {0};
    struct weights shares AUTO(weights_clear) = {0};
    struct sigmoid_chain *sigmoid AUTO(drop_sigmoid) = NULL;

    session_progress(ss, PHASE_PREPARE, 0, 0, 0); /* the preconditioner of a wide block takes a while */
    TRY(plan_make(plan, ss->contract, own.n, &ss->fault));
    TRY(precondition_make(&m, &own, plan, ss->contract->ridge_micro));
    own.precondition = m.entry;
    own.diagonal = m.diagonal;
    TRY(correlate_run(&c, ss, &own));
    if (plan->table_bits)
        TRY(sigmoid_new(&sigmoid, ss, plan));
    TRY(session_checkpoint(ss, 0));
    TRY(train_run(&shares, ss, &c, &own, sigmoid, rows->label));
    session_progress(ss, PHASE_REVEAL, 0, 0, 1);
    TRY(train_reveal(weight, ss, plan, &shares));
    if (rows->label)
        *intercept = ldexp((double)train_intercept(plan, rows->label, own.n), -(int)plan->f);
    return OK;
}

static status run(struct party_result *out, struct session *ss, const struct dataset *d)
{
    struct rows rows AUTO(rows_clear) = {0};
    struct plan plan;
    struct hash data;
    int64_t *weight AUTO(auto_free) = NULL;
    const uint32_t width = dataset_width(d);

    TRY(check_table(ss, d));
    dataset_commitment(&data, d, &ss->seed);
    TRY(handshake_run(ss, &data));
    TRY(align(&rows, out, ss, d));
    TRY(gather_rows(&rows, ss, d));
    TRY(alloc_zeroed(&weight, width, sizeof *weight));
    TRY(alloc_zeroed(&out->weight, width, sizeof *out->weight));
    TRY(fit(weight, &plan, ss, d, &rows, &out->intercept));
    for (uint32_t j = 0; j < width; j++)
        out->weight[j] = ldexp((double)weight[j], -(int)plan.f);
    TRY(evaluate(out, ss, d, &rows, &plan, weight));
    session_progress(ss, PHASE_FINISH, 0, 0, 1);
    TRY(session_end(ss));
    session_progress(ss, PHASE_FINISH, 0, 1, 1);
    out->records = (uint32_t)ss->seq;
    out->checkpoints = (uint32_t)ss->checkpoints;
    out->head = ss->head;
    return OK;
}

status party_run(struct party_result *out, struct session *ss, const struct dataset *d)
{
    status result;

    memset(out, 0, sizeof *out);
    result = run(out, ss, d);
    if (result != OK) {
        if (ss->fault.code == OK)
            session_fail(ss, result, "%s", status_name(result));
        party_result_clear(out);
    }
    return result;
}
