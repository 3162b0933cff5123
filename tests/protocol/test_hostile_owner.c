/* Attacks A and C of the evidence plan, run as a hostile key owner inside a real session: what it sends is well-formed, what
 * it hopes for is in the replies. */
#include "kit/cmocka.h"
#include "kit/sim.h"
#include "protocol/correlate.h"
#include "protocol/handshake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 40, BINS = 5, KEY_BITS = 768, OWNER = 0, VICTIM = 1, HUGE_SHIFT = 600, STEP = 16 };

static struct dataset data[2];
static struct matrix victim_matrix;
static int32_t victim_precondition[BINS * BINS];
static struct correlation victim_result;

/* What the owner knows of its own ciphertexts. */
static mpz_t residue[BINS]; /* s_j^N: the randomness of the mask of bin j */
static uint32_t read_by_value, read_by_residue, replies_seen;

/* A vector of one ciphertext again and again, or of the given ones. */
static status send_ciphers(struct sim_party *me, enum message_kind kind, uint32_t group, mpz_t *const c, size_t distinct,
                           size_t repeat)
{
    const size_t item = item_cipher(KEY_BITS), count = distinct * repeat;
    uint8_t *bytes = calloc(count, item);
    status result;

    assert(bytes);
    for (size_t i = 0; i < count; i++)
        bignum_put(bytes + i * item, item, c[i / repeat]);
    result = session_send_vector(&me->ss, VICTIM, kind, group, bytes, item, count);
    free(bytes);
    return result;
}

/* Bin j gets the huge plaintext 2^(600 + 16 j), encrypted with randomness that the owner remembers. */
static void make_masks(struct sim_party *me, mpz_t *masks)
{
    struct rng_key key = {.bytes = {3}};
    struct rng g;
    BIGNUM(m);
    BIGNUM(s);

    rng_init(&g, &key, &(struct rng_address){.purpose = "hostile"});
    for (size_t j = 0; j < BINS; j++) {
        rng_unit_mpz(&g, s, me->ss.paillier.n);
        mpz_powm(residue[j], s, me->ss.paillier.n, me->ss.paillier.n2);
        mpz_set_ui(m, 1);
        mpz_mul_2exp(m, m, HUGE_SHIFT + STEP * j);
        mpz_mul(m, m, me->ss.paillier.n);
        mpz_add_ui(m, m, 1);
        mpz_mul(m, m, residue[j]);
        mpz_mod(masks[j], m, me->ss.paillier.n2);
    }
    rng_clear(&g);
}

/* One reply of one row: does its plaintext or its randomness tell the code? */
static void try_to_read(struct sim_party *me, mpz_t reply, uint8_t code)
{
    const struct paillier_public *pub = &me->ss.paillier;
    uint64_t cipher[PAIR_WORDS_MAX];
    BIGNUM(y);
    BIGNUM(left);
    BIGNUM(part);

    replies_seen++;
    pair_get_mpz(&pub->pair, cipher, (mpz_t *)reply, 1);
    paillier_decrypt_many(&y, pub, &me->ss.paillier_secret, cipher, 1);
    /* A: with a mask narrower than 2^600 exactly one bit above it is set, at the code */
    mpz_fdiv_q_2exp(part, y, HUGE_SHIFT);
    if (mpz_popcount(part) == 1 && mpz_tstbit(part, (mp_bitcnt_t)code * STEP))
        read_by_value++;
    /* C: without fresh randomness what is left after the plaintext is s_code^N */
    mpz_mul(left, y, pub->n);
    mpz_add_ui(left, left, 1);
    mpz_invert(left, left, pub->n2);
    mpz_mul(left, left, reply);
    mpz_mod(left, left, pub->n2);
    if (mpz_cmp(left, residue[code]) == 0)
        read_by_residue++;
}

/* The victim owns a key too: take its masks off the queue, answer nothing. */
static status skip_masks(struct sim_party *me, const struct plan *plan)
{
    const size_t item = item_cipher(KEY_BITS), weights = (size_t)BINS * plan->fore[OWNER].rows;
    uint8_t *sink = calloc(ROWS + weights, item);
    status result = OK;

    assert(sink);
    for (uint32_t b = 0; b < plan->back_groups && result == OK; b++)
        result = session_recv_vector(&me->ss, VICTIM, MESSAGE_back_mask, b, sink, item, ROWS);
    for (uint32_t b = 0; b < plan->fore[OWNER].groups && result == OK; b++)
        result = session_recv_vector(&me->ss, VICTIM, MESSAGE_fore_mask, b, sink, item, weights);
    for (uint32_t b = 0; b < plan->back_groups && result == OK; b++)
        result = session_recv_vector(&me->ss, VICTIM, MESSAGE_back_ridge, b, sink, item, BINS);
    free(sink);
    return result;
}

static status attack(struct sim_party *me)
{
    struct plan plan;
    const size_t item = item_cipher(KEY_BITS);
    mpz_t *masks, *one;
    uint8_t *bytes;
    status result;

    TRY(plan_make(&plan, me->ss.contract, ROWS, NULL));
    assert(plan.fore[VICTIM].groups == 1 && plan.fore[VICTIM].rows == 1);
    TRY(bignum_array_new(&masks, BINS));
    TRY(bignum_array_new(&one, 1));
    make_masks(me, masks);
    mpz_set(one[0], masks[0]);
    for (uint32_t b = 0; b < plan.back_groups; b++)
        TRY(send_ciphers(me, MESSAGE_back_mask, b, one, 1, ROWS));
    TRY(send_ciphers(me, MESSAGE_fore_mask, 0, masks, BINS, 1));
    for (uint32_t b = 0; b < plan.back_groups; b++)
        TRY(send_ciphers(me, MESSAGE_back_ridge, b, one, 1, BINS));
    assert((bytes = calloc(plan.fore[VICTIM].replies, item)) != NULL);
    result = skip_masks(me, &plan);
    if (result == OK)
        result = session_recv_vector(&me->ss, VICTIM, MESSAGE_fore_reply, 0, bytes, item, plan.fore[VICTIM].replies);
    if (result == OK)
        for (uint32_t i = 0; i < ROWS; i++) {
            bignum_get(one[0], bytes + i * item, item);
            try_to_read(me, one[0], data[VICTIM].codes[i]);
        }
    free(bytes);
    bignum_array_free(masks, BINS);
    bignum_array_free(one, 1);
    return result == OK ? STATUS_CANCELLED : result;
}

static status play(struct sim_party *me)
{
    struct hash none = {{0}};

    TRY(handshake_run(&me->ss, &none));
    me->ss.population = (struct population){ROWS, ROWS, 0};
    if (me->self == OWNER)
        return attack(me);
    return correlate_run(&victim_result, &me->ss, &victim_matrix);
}

static void a_hostile_key_owner_reads_no_code_from_masked_and_rerandomised_replies(void **state)
{
    struct sim sim;

    (void)state;
    for (party p = 0; p < 2; p++) {
        sim_dataset(&data[p], 5, p, ROWS, ROWS, 1, 3, p == 0);
        data[p].bins[0] = BINS;
    }
    for (uint32_t i = 0; i < ROWS; i++)
        data[VICTIM].codes[i] = (uint8_t)(i * 7 % BINS);
    for (size_t j = 0; j < BINS; j++) {
        mpz_init(residue[j]);
        victim_precondition[j * BINS + j] = 100;
    }
    victim_matrix = (struct matrix){.n = ROWS, .columns = 1, .width = BINS, .bins = data[VICTIM].bins,
                                    .codes = data[VICTIM].codes, .precondition = victim_precondition};
    sim_contract(&sim, 2, data, KEY_BITS, 8); /* eight passes: one row a reply at this key size */
    sim_approve(&sim, 8);
    sim_run(&sim, play);
    assert_int_equal(sim.party[OWNER].outcome, STATUS_CANCELLED);
    assert_int_equal(replies_seen, ROWS);
    assert_int_equal(read_by_value, 0);
    assert_int_equal(read_by_residue, 0);
    for (size_t j = 0; j < BINS; j++)
        mpz_clear(residue[j]);
    correlation_clear(&victim_result);
    sim_clear(&sim);
    dataset_clear(&data[0]);
    dataset_clear(&data[1]);
}

/* The reader itself works: given replies without mask or fresh randomness it reads every code. */
static void the_same_reader_reads_every_code_of_naked_replies(void **state)
{
    struct sim_party me;
    struct rng_key key = {.bytes = {4}};
    struct rng g;
    mpz_t *masks;

    (void)state;
    memset(&me, 0, sizeof me);
    rng_init(&g, &key, &(struct rng_address){.purpose = "key"});
    assert_int_equal(paillier_keygen(&me.ss.paillier, &me.ss.paillier_secret, KEY_BITS, &g), OK);
    assert_int_equal(bignum_array_new(&masks, BINS), OK);
    for (size_t j = 0; j < BINS; j++)
        mpz_init(residue[j]);
    make_masks(&me, masks);
    replies_seen = read_by_value = read_by_residue = 0;
    for (uint8_t code = 0; code < BINS; code++)
        try_to_read(&me, masks[code], code);
    assert_int_equal(read_by_value, BINS);
    assert_int_equal(read_by_residue, BINS);
    replies_seen = read_by_value = read_by_residue = 0;
    for (size_t j = 0; j < BINS; j++)
        mpz_clear(residue[j]);
    bignum_array_free(masks, BINS);
    paillier_public_clear(&me.ss.paillier);
    paillier_secret_clear(&me.ss.paillier_secret);
    rng_clear(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_reader_reads_every_code_of_naked_replies),
        cmocka_unit_test(a_hostile_key_owner_reads_no_code_from_masked_and_rerandomised_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
