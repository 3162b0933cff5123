/* A party that computes something else than the protocol says, and signs what it sends: what becomes of it.  [SPEC 7.9] */
#include "kit/trial.h"

#include <stdlib.h>
#include <string.h>

/* ---- alignment and test rows ---- */

static status same_point_twice(struct group_element *out, const struct group_scalar *s, const struct hash *contract,
                               uint32_t attempt, char *const *ids, size_t count, const struct parallel *p)
{
    TRY(__real_group_hash_scale_all(out, s, contract, attempt, ids, count, p));
    out[1] = out[0];
    return OK;
}

/* A guess in place of an id of the table. */
static status guess_an_id(struct group_element *out, const struct group_scalar *s, const struct hash *contract, uint32_t attempt,
                          char *const *ids, size_t count, const struct parallel *p)
{
    char guess[] = "ID999999999", *const guesses[] = {guess};

    TRY(__real_group_hash_scale_all(out, s, contract, attempt, ids, count, p));
    return __real_group_hash_scale_all(out, s, contract, attempt, guesses, 1, p);
}

/* The comparer changes points of a set that has come to its end: these people are in no intersection any more. */
static status leave_people_out(const struct group_element *e, size_t count, const struct parallel *p)
{
    const struct group_scalar two = {{2}};
    struct group_element *points = (struct group_element *)e; /* the comparer's own buffer */

    TRY(__real_group_check_all(e, count, p));
    for (size_t i = 0; cheating.calls == 0 && i < 10; i++)
        TRY(group_scale(&points[i], &two, &e[i]));
    cheating.calls++;
    return OK;
}

/* The first training row and the first test row change places. */
static status other_test_rows(struct session *ss, uint8_t *out, uint32_t common, const uint8_t *listed)
{
    TRY(__real_align_split(ss, out, common, listed));
    for (uint32_t i = 0; i < common / 2; i++) { /* the same number, the other way round */
        const uint8_t first = out[i];

        out[i] = out[common - 1 - i];
        out[common - 1 - i] = first;
    }
    return OK;
}

static status other_test_rows_told(struct session *ss, uint8_t *out, uint32_t common, const uint8_t *listed)
{
    TRY(other_test_rows(ss, out, common, listed));
    ss->openings.bytes[0] ^= 1; /* another hash of another split */
    return OK;
}

static status list_other_rows(struct session *ss, uint8_t *out, uint32_t common, const uint8_t *listed)
{
    uint8_t *other = malloc(common);
    status result;

    if (!other)
        return STATUS_NO_MEMORY;
    memcpy(other, listed, common);
    other[0] = listed[0] == SPLIT_TEST ? SPLIT_TRAIN : SPLIT_TEST;
    result = __real_align_split(ss, out, common, other);
    free(other);
    return result;
}

/* ---- the table, once it is committed to ---- */

static status swap_columns(struct session *ss, const struct hash *commitment)
{
    const struct dataset *t = cheating.table;

    TRY(__real_handshake_run(ss, commitment));
    for (uint32_t r = 0; r < t->rows; r++) {
        uint8_t *codes = t->codes + (size_t)r * t->columns;
        const uint8_t first = codes[0], second = codes[1];

        codes[0] = (uint8_t)(second % t->bins[0]);
        codes[1] = (uint8_t)(first % t->bins[1]);
    }
    return OK;
}

static status flip_labels(struct session *ss, const struct hash *commitment)
{
    TRY(__real_handshake_run(ss, commitment));
    for (uint32_t r = 0; r < 10; r++)
        cheating.table->label[r] ^= 1;
    return OK;
}

/* ---- what answers are made of ---- */

static struct {
    const struct pair_modulus *m;
    const struct matrix *own;
    const uint64_t *entries;
    uint32_t group_rows;
} asked;

static status watch_gather(struct gather **out, const struct pair_modulus *m, const struct matrix *own, const uint64_t *entries,
                           uint32_t group_rows, const struct parallel *p, uint32_t fuse)
{
    asked.m = m;
    asked.own = own;
    asked.entries = entries;
    asked.group_rows = group_rows;
    return __real_gather_new(out, m, own, entries, group_rows, p, fuse);
}

/* reply *= the entry of the first row in column c, or what takes it out. */
static status change_reply(uint64_t *reply, uint16_t c, int out)
{
    const uint64_t *entry = asked.entries, *was = reply, *factor;
    uint64_t inverse[PAIR_WORDS_MAX];
    size_t bin = asked.own->codes[c];

    for (uint16_t i = 0; i < c; i++)
        bin += asked.own->bins[i];
    entry += bin * asked.group_rows * pair_words(asked.m);
    TRY(pair_invert_var(asked.m, inverse, entry, 1));
    factor = out ? inverse : entry;
    pair_multiply(asked.m, &reply, &was, &factor, 1);
    return OK;
}

static status leave_row_out_of_reply(const struct gather *g, uint64_t *out, uint32_t first, size_t count)
{
    TRY(__real_gather_replies(g, out, first, count));
    for (uint16_t c = 0; cheating.calls == 0 && c < asked.own->columns; c++)
        TRY(change_reply(out, c, 1));
    cheating.calls++;
    return OK;
}

static status count_column_twice_in_reply(const struct gather *g, uint64_t *out, uint32_t first, size_t count)
{
    TRY(__real_gather_replies(g, out, first, count));
    return cheating.calls++ == 0 ? change_reply(out, 0, 0) : OK;
}

static void leave_row_out_of_sum(struct scatter *s, const uint64_t *numbers, uint32_t first_row, size_t count)
{
    const size_t words = pair_words(&cheating.ss->paillier.pair), skip = cheating.calls++ == 0;

    __real_scatter_add(s, numbers + skip * words, (uint32_t)(first_row + skip), count - skip);
}

static void count_row_twice_in_sum(struct scatter *s, const uint64_t *numbers, uint32_t first_row, size_t count)
{
    __real_scatter_add(s, numbers, first_row, count);
    if (cheating.calls++ == 0)
        __real_scatter_add(s, numbers, first_row, 1);
}

static status another_preconditioner(struct precondition *out, const struct matrix *m, const struct plan *plan,
                                     uint32_t ridge_micro)
{
    TRY(__real_precondition_make(out, m, plan, ridge_micro));
    out->entry[0] += 1;
    return OK;
}

/* ---- what hides ---- */

/* Attack A: a plaintext far outside of what the protocol encrypts, under the own key, to read codes through replies. */
static void encrypt_out_of_range(uint64_t *out, const struct paillier_public *pub, mpz_t *const m, const uint64_t *residues,
                                 size_t count)
{
    BIGNUM(huge);

    if (pub == &cheating.ss->paillier && cheating.calls++ == 0) {
        mpz_set_ui(huge, 1);
        mpz_mul_2exp(huge, huge, pub->bits - 67);
        mpz_add(m[0], m[0], huge);
    }
    __real_paillier_encrypt_many(out, pub, m, residues, count);
}

static void residual_pad_twice(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                               uint64_t index)
{
    __real_session_pad_rng(ss, g, purpose, peer, strcmp(purpose, "residual pad") == 0 && pass == 2 ? 1 : pass, index);
}

static void lift_mask_twice(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                            uint64_t index)
{
    __real_session_pad_rng(ss, g, purpose, peer, strcmp(purpose, "lift mask") == 0 && pass == 3 ? 2 : pass, index);
}

static void randomiser_twice(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                             uint64_t index)
{
    __real_session_pad_rng(ss, g, purpose, peer, pass, strcmp(purpose, "back_mask") == 0 && index == 1 ? 0 : index);
}

/* Attack D: masks that do not depend on the question, so that the same ones would answer another. */
static void same_reply_mask(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                            uint64_t index)
{
    __real_session_pad_rng(ss, g, purpose, peer, pass, index);
}

/* Attack C: replies masked, but with the randomness of the question.  All own encryptions are done when the first is made. */
static const struct pair_modulus *answering;

static void watch_replies(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass, uint64_t index)
{
    answering = &ss->peer[peer].key.pair;
    cheating.calls++;
    __real_session_reply_rng(ss, g, purpose, peer, pass, index);
}

static void no_randomiser(const struct blind *b, uint64_t *out, struct rng *g, size_t count)
{
    __real_blind_draw_many(b, out, g, count);
    for (size_t i = 0; cheating.calls && i < count; i++)
        pair_copy(answering, out + i * pair_words(answering), answering->one);
}

/* One peer gets another encrypted residual pad than the others: E(v) turned into E(v + 1/4). */
static status another_pad_for_one(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index,
                                  const void *body, size_t len)
{
    const size_t item = item_cipher(ss->contract->key_bits);
    const party last = (party)(ss->self == ss->parties - 1 ? 0 : ss->parties - 1);
    uint8_t *other;
    status result;
    BIGNUM(c);
    BIGNUM(factor);

    if (kind != MESSAGE_back_mask || to != last || cheating.calls++)
        return __real_session_send_part(ss, to, kind, pass, index, body, len);
    other = malloc(len);
    if (!other)
        return STATUS_NO_MEMORY;
    cheat_note();
    memcpy(other, body, len);
    mpz_import(c, item, 1, 1, 1, 0, other);
    mpz_mul_2exp(factor, ss->paillier.n, ss->contract->fraction_bits - 2u);
    mpz_add_ui(factor, factor, 1);
    mpz_mul(c, c, factor);
    mpz_mod(c, c, ss->paillier.n2);
    bignum_put(other, item, c);
    result = __real_session_send_part(ss, to, kind, pass, index, other, len);
    free(other);
    return result;
}

/* ---- training ---- */

/* A contract of its own, with another step of the update.  Shares are large random numbers, and another step does not scale
 * them alike: what they add up to is out of all bounds. */
static status change_learning_rate(struct session *ss, const struct hash *commitment)
{
    static struct contract other;

    TRY(__real_handshake_run(ss, commitment));
    other = *ss->contract;
    other.optimiser = OPTIMISER_NESTEROV;
    other.step_1024 = 1000;
    other.momentum_1024 = 500;
    ss->contract = &other;
    return OK;
}

static status biased_residuals(struct sigmoid_chain *s, ring *out, const ring *score, uint32_t pass)
{
    TRY(__real_sigmoid_run(s, out, score, pass));
    for (uint32_t i = 0; i < cheating.ss->population.train; i++)
        out[i] += (ring)1 << (cheating.ss->contract->fraction_bits - 4);
    return OK;
}

/* The step of its own block, which nobody else sees. */
static void biased_step(ring *out, const struct matrix *m, const ring *x)
{
    __real_precondition_apply(out, m, x);
    out[0] += (ring)1 << 29;
}

static void another_table(struct sigmoid_table *out, const struct plan *plan, party parties, uint32_t positives,
                          uint32_t negatives)
{
    __real_sigmoid_table_curve(out, plan, parties, positives, negatives);
    for (uint32_t j = 0; j < 1u << plan->table_bits; j++)
        if (out->level[j] < (uint32_t)250 << LEVEL_FRACTION)
            out->level[j] += 4u << LEVEL_FRACTION;
}

static status count_one_more(struct sigmoid_chain *s, ring *out, const ring *score, uint32_t pass)
{
    TRY(__real_sigmoid_beyond(s, out, score, pass));
    *out += 1;
    return OK;
}

static status count_below_zero(struct sigmoid_chain *s, ring *out, const ring *score, uint32_t pass)
{
    TRY(__real_sigmoid_beyond(s, out, score, pass));
    *out -= 5;
    return OK;
}

static status better_metric(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index, const void *body,
                            size_t len)
{
    uint8_t metrics[BODY_METRIC];

    if (kind != MESSAGE_metric)
        return __real_session_send_part(ss, to, kind, pass, index, body, len);
    cheat_note();
    memcpy(metrics, body, len);
    store_u64(metrics, load_u64(metrics) + 100);
    return __real_session_send_part(ss, to, kind, pass, index, metrics, len);
}

/* ---- all of it ---- */

/* What is said before the first pass does not depend on the sigmoid, and the exact one takes longer. */
static const struct shape before[] = {{2, 0, 0, 0}, {3, 2, 0, 0}, {0}};
static const struct shape any[] = {{2, TRIAL_LABEL, 0, 0}, {2, 0, 1, 0}, {3, 0, 1, 0}, {0}};
static const struct shape linear[] = {{2, TRIAL_LABEL, 0, 0}, {3, 0, 0, 0}, {0}};
static const struct shape exact[] = {{2, 0, 1, 0}, {3, TRIAL_LABEL, 1, 0}, {0}};
static const struct shape exact_of_two[] = {{2, 0, 1, 0}, {2, TRIAL_LABEL, 1, 0}, {0}};
static const struct shape three[] = {{3, 0, 0, 0}, {3, TRIAL_LABEL, 0, 0}, {0}};
static const struct shape comparer[] = {{2, 1, 0, 0}, {3, 2, 0, 0}, {0}};
static const struct shape label[] = {{2, TRIAL_LABEL, 0, 0}, {3, TRIAL_LABEL, 1, 0}, {0}};
static const struct shape label_lists[] = {{2, TRIAL_LABEL, 0, 1}, {3, TRIAL_LABEL, 1, 1}, {0}};
static const struct shape label_of_two[] = {{2, TRIAL_LABEL, 1, 0}, {0}};
static const struct shape label_of_three[] = {{3, TRIAL_LABEL, 1, 0}, {0}};
static const struct shape chooses[] = {{2, 0, 1, 0}, {3, 2, 1, 0}, {0}};

static const struct way ways[] = {
    {.name = "a_point_sent_twice_is_refused", .shapes = before, .how.group_hash_scale_all = same_point_twice, .end = REFUSED,
     .code = STATUS_MALFORMED, .words = "the same point", .kind = MESSAGE_psi_set, .pass = ANY_PASS},
    {.name = "an_id_that_is_not_in_the_table_is_convicted", .shapes = before, .how.group_hash_scale_all = guess_an_id,
     .kind = MESSAGE_psi_set, .pass = ANY_PASS},
    {.name = "a_comparer_that_leaves_people_out_is_convicted", .shapes = comparer, .how.group_check_all = leave_people_out,
     .kind = MESSAGE_psi_count},
    {.name = "test_rows_other_than_drawn_are_convicted", .shapes = before, .how.align_split = other_test_rows,
     .kind = MESSAGE_fore_reply},
    {.name = "test_rows_other_than_drawn_are_refused_when_told", .shapes = before, .how.align_split = other_test_rows_told,
     .end = REFUSED, .code = STATUS_EQUIVOCATION, .words = "saw other openings", .kind = MESSAGE_fore_reply},
    {.name = "test_rows_other_than_the_table_lists_are_convicted", .shapes = label_lists, .how.align_split = list_other_rows,
     .kind = MESSAGE_split},

    {.name = "columns_swapped_after_the_commitment_are_convicted", .shapes = before, .how.handshake_run = swap_columns,
     .kind = MESSAGE_fore_reply},
    {.name = "labels_flipped_after_the_commitment_are_convicted", .shapes = label, .how.handshake_run = flip_labels,
     .kind = MESSAGE_residual, .pass = 1},

    {.name = "a_row_left_out_of_a_forward_reply_is_convicted", .shapes = any, .end = UNNAMED,
     .how = {.gather_new = watch_gather, .gather_replies = leave_row_out_of_reply}, .kind = MESSAGE_fore_reply},
    {.name = "a_column_counted_twice_in_a_forward_reply_is_convicted", .shapes = any, .end = UNNAMED,
     .how = {.gather_new = watch_gather, .gather_replies = count_column_twice_in_reply}, .kind = MESSAGE_fore_reply},
    {.name = "a_row_left_out_of_a_backward_sum_is_convicted", .shapes = before, .end = UNNAMED,
     .how.scatter_add = leave_row_out_of_sum, .kind = MESSAGE_back_reply},
    {.name = "a_row_counted_twice_in_a_backward_sum_is_convicted", .shapes = before, .end = UNNAMED,
     .how.scatter_add = count_row_twice_in_sum, .kind = MESSAGE_back_reply},
    {.name = "a_preconditioner_that_the_data_do_not_imply_is_convicted", .shapes = before,
     .how.precondition_make = another_preconditioner, .kind = MESSAGE_back_reply},

    {.name = "a_plaintext_out_of_range_is_convicted", .shapes = any, .how.paillier_encrypt_many = encrypt_out_of_range,
     .kind = MESSAGE_back_mask},
    {.name = "a_residual_pad_used_twice_is_convicted", .shapes = before, .how.session_pad_rng = residual_pad_twice,
     .kind = MESSAGE_back_mask},
    {.name = "a_lift_mask_used_twice_is_convicted", .shapes = before, .how.session_pad_rng = lift_mask_twice,
     .kind = MESSAGE_gradient, .pass = 3},
    {.name = "a_randomiser_used_twice_is_convicted", .shapes = before, .how.session_pad_rng = randomiser_twice,
     .kind = MESSAGE_back_mask},
    {.name = "a_reply_mask_that_does_not_depend_on_the_question_is_convicted", .shapes = before,
     .how.session_reply_rng = same_reply_mask, .kind = MESSAGE_fore_reply},
    {.name = "replies_that_are_not_randomised_anew_are_convicted", .shapes = before,
     .how = {.session_reply_rng = watch_replies, .blind_draw_many = no_randomiser}, .kind = MESSAGE_fore_reply},
    {.name = "another_encrypted_pad_for_one_peer_is_refused_and_convicted", .shapes = three, .how.session_send_part = another_pad_for_one,
     .end = REFUSED, .code = STATUS_EQUIVOCATION, .words = "saw other openings", .kind = MESSAGE_back_mask},

    {.name = "a_changed_learning_rate_is_convicted", .shapes = any, .end = UNNAMED,
     .how.handshake_run = change_learning_rate, .kind = MESSAGE_weight, .pass = 2},
    {.name = "biased_shares_of_residuals_are_convicted", .shapes = exact, .how.sigmoid_run = biased_residuals,
     .kind = MESSAGE_residual, .pass = 2},
    {.name = "a_biased_step_of_the_own_block_is_convicted_by_the_residuals", .shapes = linear,
     .how.precondition_apply = biased_step, .kind = MESSAGE_residual, .pass = 2},
    {.name = "a_biased_step_of_the_own_block_is_convicted_by_the_choices", .shapes = chooses,
     .how.precondition_apply = biased_step, .kind = MESSAGE_choice, .pass = 2},
    {.name = "a_wrong_table_of_the_sigmoid_is_convicted_by_two", .shapes = label_of_two, .how.sigmoid_table_curve = another_table,
     .kind = MESSAGE_table, .pass = 2},
    {.name = "a_wrong_table_of_the_sigmoid_is_convicted_by_three", .shapes = label_of_three,
     .how.sigmoid_table_curve = another_table, .kind = MESSAGE_turn, .pass = 2},
    {.name = "a_wrong_count_of_scores_is_convicted", .shapes = exact, .end = UNNAMED,
     .how.sigmoid_beyond = count_one_more, .kind = MESSAGE_range, .pass = TRIAL_PASSES},
    {.name = "an_impossible_count_of_scores_is_refused", .shapes = exact_of_two, .how.sigmoid_beyond = count_below_zero,
     .end = REFUSED, .code = STATUS_MALFORMED, .words = "number of rows", .kind = MESSAGE_range, .pass = TRIAL_PASSES},
    {.name = "a_wrong_metric_is_convicted", .shapes = label, .how.session_send_part = better_metric, .kind = MESSAGE_metric},
};

int main(void)
{
    enum { WAYS = sizeof ways / sizeof ways[0] };
    struct CMUnitTest tests[WAYS];

    for (size_t i = 0; i < WAYS; i++)
        tests[i] = (struct CMUnitTest){ways[i].name, trial_of_way, NULL, NULL, (void *)&ways[i]};
    return cmocka_run_group_tests_name("cheats", tests, trial_set_up, trial_tear_down);
}
