/* Whole sessions of P parties in one process. */
#include "kit/cmocka.h"
#include "kit/plain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARTIES_HERE = 5 };

struct group {
    struct dataset data[PARTIES_HERE];
    struct sim sim;
    party parties;
};

static void group_setup(struct group *g, party parties, uint64_t seed, uint32_t rows, uint16_t passes, uint32_t key_bits)
{
    g->parties = parties;
    for (party p = 0; p < parties; p++)
        sim_dataset(&g->data[p], seed, p, rows - 7u * p, rows + rows / 4, (uint16_t)(2 + p % 3), 5, p == parties / 2);
    sim_contract(&g->sim, parties, g->data, key_bits, passes);
}

static void group_clear(struct group *g)
{
    sim_clear(&g->sim);
    for (party p = 0; p < g->parties; p++)
        dataset_clear(&g->data[p]);
}

static void assert_all_ended_well(const struct group *g)
{
    for (party p = 0; p < g->parties; p++)
        if (g->sim.party[p].outcome != OK)
            fail_msg("p%u: %s", p, g->sim.party[p].ss.fault.message);
}

/* The largest difference, in units of 2^-f, between the secure weights and the plain ones. */
static double weight_distance(const struct group *g)
{
    const struct contract *c = &g->sim.contract;
    int64_t *plain[PARTIES_MAX] = {0};
    struct pooled pooled;
    double worst = 0;

    pooled_from_sim(&pooled, &g->sim);
    for (party p = 0; p < g->parties; p++)
        assert_non_null(plain[p] = calloc(contract_width(c, p), sizeof *plain[p]));
    assert_int_equal(plain_train(plain, c, &g->sim, &pooled), OK);
    for (party p = 0; p < g->parties; p++) {
        for (uint32_t j = 0; j < contract_width(c, p); j++) {
            const double secure = ldexp(g->sim.party[p].result.weight[j], c->fraction_bits);

            worst = fmax(worst, fabs(secure - (double)plain[p][j]));
        }
        free(plain[p]);
    }
    pooled_clear(&pooled);
    return worst;
}

/* A pass adds at most P(P-1) carries to each residual, which moves a step by at most that many units (the row sums of
 * the preconditioned matrix are near 1), and P roundings in lift and twice in the update; momentum 0.7 multiplies what
 * was there by at most 1 / 0.3.  Far below that in practice. */
static void assert_weights_equal_plain(party parties, uint32_t rows, uint16_t passes)
{
    struct group g;
    double distance;

    group_setup(&g, parties, 100 + parties, rows, passes, 384);
    sim_approve(&g.sim, 5);
    sim_run(&g.sim, NULL);
    assert_all_ended_well(&g);
    distance = weight_distance(&g);
    print_message("P = %u, %u training rows, %u passes: weights within %.0f units of 2^-%u\n", parties,
                  g.sim.party[0].result.population.train, passes, distance, g.sim.contract.fraction_bits);
    assert_true(distance <= passes * (parties * (parties - 1) + 3 * parties) / 0.3);
    group_clear(&g);
}

static void secure_weights_equal_the_plain_fixed_point_reference_for_2_parties(void **state)
{
    (void)state;
    assert_weights_equal_plain(2, 400, 10);
}

static void secure_weights_equal_the_plain_fixed_point_reference_for_3_parties(void **state)
{
    (void)state;
    assert_weights_equal_plain(3, 300, 10);
}

static void secure_weights_equal_the_plain_fixed_point_reference_for_5_parties(void **state)
{
    (void)state;
    assert_weights_equal_plain(5, 240, 12);
}

/* The exact sigmoid rounds at random: 1/255 of a row's residual, and a step of the table in its score.  Over n rows that
 * moves a weight by a few times 1 / (255 sqrt(rows in its bin)); what is checked is far below the size of a weight. */
static void assert_exact_weights_are_near_plain(party parties, uint32_t rows, double near)
{
    struct group g;
    double distance;

    group_setup(&g, parties, 100 + parties, rows, 12, 384);
    sim_exact_sigmoid(&g.sim);
    g.sim.contract.table_bits = TABLE_BITS_MAX; /* few rows: as little noise as can be */
    g.sim.contract.ridge_micro = 30000; /* the labels are nearly a function of the codes: keeps scores inside +-7 */
    sim_approve(&g.sim, 5);
    sim_run(&g.sim, NULL);
    assert_all_ended_well(&g);
    distance = ldexp(weight_distance(&g), -g.sim.contract.fraction_bits);
    print_message("P = %u, exact sigmoid, %u training rows: weights within %.5f\n", parties,
                  g.sim.party[0].result.population.train, distance);
    assert_true(distance < near);
    group_clear(&g);
}

static void weights_of_the_exact_sigmoid_are_near_the_plain_reference_for_2_3_and_5_parties(void **state)
{
    (void)state;
    assert_exact_weights_are_near_plain(2, 400, 0.02);
    assert_exact_weights_are_near_plain(3, 400, 0.02);
    assert_exact_weights_are_near_plain(5, 300, 0.02);
}

static void scores_near_the_end_of_the_table_end_the_session_at_every_party(void **state)
{
    struct group g;

    (void)state;
    group_setup(&g, 3, 5, 120, 24, 384);
    sim_exact_sigmoid(&g.sim);
    g.sim.contract.score_range = 4;
    g.sim.contract.ridge_micro = 100;
    sim_approve(&g.sim, 1);
    sim_run(&g.sim, NULL);
    for (party p = 0; p < 3; p++) {
        assert_int_equal(g.sim.party[p].outcome, STATUS_LIMIT);
        assert_non_null(strstr(g.sim.party[p].ss.fault.message, "training rows with a score near or beyond +-4"));
        assert_string_equal(g.sim.party[p].ss.fault.message, g.sim.party[0].ss.fault.message);
        assert_non_null(strstr(g.sim.party[p].ss.fault.hint, "score_range: 8"));
    }
    group_clear(&g);
}

static void every_party_reports_the_same_metrics_and_population(void **state)
{
    struct group g;

    (void)state;
    group_setup(&g, 4, 9, 160, 4, 384);
    sim_approve(&g.sim, 3);
    sim_run(&g.sim, NULL);
    assert_all_ended_well(&g);
    for (party p = 1; p < g.parties; p++) {
        const struct party_result *a = &g.sim.party[0].result, *b = &g.sim.party[p].result;

        assert_memory_equal(&a->population, &b->population, sizeof a->population);
        assert_memory_equal(a->role, b->role, a->population.rows);
        assert_true(a->auc == b->auc && a->ks == b->ks && a->logloss == b->logloss && a->alone_auc == b->alone_auc);
        for (uint32_t i = 0; i < a->population.rows; i++)
            assert_string_equal(g.data[0].ids[a->position[i]], g.data[p].ids[b->position[i]]);
    }
    group_clear(&g);
}

static void equal_seeds_give_equal_transcripts_and_models_and_other_seeds_do_not(void **state)
{
    struct group g[3];

    (void)state;
    for (int run = 0; run < 3; run++) {
        group_setup(&g[run], 3, 11, 120, 4, 384);
        sim_approve(&g[run].sim, run == 2 ? 78 : 77);
        sim_run(&g[run].sim, NULL);
        assert_all_ended_well(&g[run]);
    }
    for (party p = 0; p < 3; p++) {
        const struct sim_party *a = &g[0].sim.party[p], *b = &g[1].sim.party[p], *c = &g[2].sim.party[p];

        assert_int_equal(a->log.len, b->log.len);
        assert_memory_equal(a->log.bytes, b->log.bytes, a->log.len);
        assert_memory_equal(a->bodies.bytes, b->bodies.bytes, a->bodies.len);
        assert_memory_equal(a->result.weight, b->result.weight, contract_width(&g[0].sim.contract, p) * sizeof(double));
        assert_true(hash_equal(&a->result.head, &b->result.head));
        assert_false(hash_equal(&a->result.head, &c->result.head));
    }
    for (int run = 0; run < 3; run++)
        group_clear(&g[run]);
}

static void a_table_that_is_not_the_one_of_the_contract_is_refused(void **state)
{
    struct group g;

    (void)state;
    group_setup(&g, 2, 4, 100, 4, 384);
    sim_approve(&g.sim, 1);
    g.data[0].bins[0]++;
    sim_run(&g.sim, NULL);
    assert_int_equal(g.sim.party[0].outcome, STATUS_CONFIG);
    assert_non_null(strstr(g.sim.party[0].ss.fault.message, "not the one the contract describes"));
    assert_int_equal(g.sim.party[1].outcome, STATUS_CLOSED);
    g.data[0].bins[0]--;
    group_clear(&g);
}

static void too_small_an_intersection_ends_the_session_at_every_party(void **state)
{
    struct group g;

    (void)state;
    group_setup(&g, 3, 4, 100, 4, 384);
    g.sim.contract.min_rows = 90;
    sim_approve(&g.sim, 1);
    sim_run(&g.sim, NULL);
    for (party p = 0; p < 3; p++) {
        assert_int_equal(g.sim.party[p].outcome, STATUS_LIMIT);
        assert_non_null(strstr(g.sim.party[p].ss.fault.message, "at least 90"));
    }
    group_clear(&g);
}

static void too_few_positives_end_the_session(void **state)
{
    struct group g;
    party label;

    (void)state;
    group_setup(&g, 2, 4, 100, 4, 384);
    label = contract_label_party(&g.sim.contract);
    memset(g.data[label].label, 0, g.data[label].rows);
    sim_approve(&g.sim, 1);
    sim_run(&g.sim, NULL);
    assert_int_equal(g.sim.party[label].outcome, STATUS_LIMIT);
    assert_non_null(strstr(g.sim.party[label].ss.fault.message, "positives"));
    group_clear(&g);
}

static void a_block_with_too_many_bins_for_the_rows_is_refused_and_named(void **state)
{
    struct group g;

    (void)state;
    group_setup(&g, 2, 4, 100, 4, 384);
    g.sim.contract.rows_per_bin = 50;
    sim_approve(&g.sim, 1);
    sim_run(&g.sim, NULL);
    for (party p = 0; p < 2; p++) {
        assert_int_equal(g.sim.party[p].outcome, STATUS_LIMIT);
        assert_non_null(strstr(g.sim.party[p].ss.fault.message, "asks for 50 rows a bin"));
    }
    group_clear(&g);
}

/* ---- a party that deviates, and signs what it says ---- */

/* Changes one byte of a body on its way out of a cheating party, with a fresh signature and tag: seen from outside, it
 * said something else to that peer. */
struct cheat {
    struct sim *sim;
    enum message_kind kind;
    party from, to;
    int done;
};

static enum sim_fate say_it_differently(void *ctx, party from, party to, uint64_t number, uint8_t *frame, size_t *len)
{
    struct cheat *c = ctx;
    struct record r;
    struct signature sig;

    (void)number;
    if (c->done || from != c->from || to != c->to || record_decode(&r, frame) != OK || r.kind != c->kind)
        return SIM_DELIVER;
    c->done = 1;
    frame[SIGNED_BYTES] ^= 1;
    if (c->kind == MESSAGE_residual) /* stay inside the ring: its low byte */
        frame[SIGNED_BYTES] ^= 1, frame[*len - 1] ^= 1;
    body_tag(&r.body_tag, &c->sim->party[from].ss.peer[to].pair, from, r.pair_seq, frame + SIGNED_BYTES, *len - SIGNED_BYTES);
    record_encode(frame, &r);
    sign_make(&sig, &c->sim->party[from].ss.sign, RECORD_SIGN_TAG, frame, RECORD_BYTES);
    memcpy(frame + RECORD_BYTES, sig.bytes, SIGNATURE_BYTES);
    return SIM_DELIVER;
}

static void assert_equivocation(enum message_kind kind, int listed)
{
    struct group g;
    /* flips come from the end of the chain, the last party */
    struct cheat cheat = {.sim = &g.sim, .kind = kind, .from = kind == MESSAGE_flip ? 2 : 1, .to = kind == MESSAGE_flip ? 1 : 2};
    int noticed = 0;

    group_setup(&g, 3, 8, 120, 4, 384);
    assert_int_equal(contract_label_party(&g.sim.contract), 1);
    sim_exact_sigmoid(&g.sim);
    g.sim.contract.ridge_micro = 100000;
    if (listed) {
        assert_non_null(g.data[1].split = calloc(g.data[1].rows, 1));
        for (uint32_t r = 0; r < g.data[1].rows; r++)
            g.data[1].split[r] = (uint8_t)(1 + r % 2);
        g.sim.contract.test_rule = TEST_LISTED;
        g.sim.contract.test_permille = 0;
    }
    g.sim.disturb = say_it_differently;
    g.sim.disturb_ctx = &cheat;
    sim_approve(&g.sim, 2);
    sim_run(&g.sim, NULL);
    assert_true(cheat.done);
    for (party p = 0; p < 3; p++)
        noticed += g.sim.party[p].outcome == STATUS_EQUIVOCATION || g.sim.party[p].outcome == STATUS_UNEXPECTED ||
                   g.sim.party[p].outcome == STATUS_MALFORMED;
    assert_true(noticed >= 1);
    for (party p = 0; p < 3; p++)
        assert_int_not_equal(g.sim.party[p].outcome, OK);
    group_clear(&g);
}

static void a_residual_told_differently_to_one_peer_ends_the_session(void **state)
{
    (void)state;
    assert_equivocation(MESSAGE_residual, 0);
}

static void flips_told_differently_to_one_peer_end_the_session(void **state)
{
    (void)state;
    assert_equivocation(MESSAGE_flip, 0);
}

static void a_count_told_differently_to_one_peer_ends_the_session(void **state)
{
    (void)state;
    assert_equivocation(MESSAGE_range, 0);
}

static void a_split_told_differently_to_one_peer_ends_the_session(void **state)
{
    (void)state;
    assert_equivocation(MESSAGE_split, 1);
}

static void listed_test_rows_are_used_as_listed(void **state)
{
    struct group g;
    const party label = 1;

    (void)state;
    group_setup(&g, 2, 8, 120, 4, 384);
    assert_non_null(g.data[label].split = calloc(g.data[label].rows, 1));
    for (uint32_t r = 0; r < g.data[label].rows; r++)
        g.data[label].split[r] = (uint8_t)(r % 3);
    g.sim.contract.test_rule = TEST_LISTED;
    g.sim.contract.test_permille = 0;
    sim_approve(&g.sim, 2);
    sim_run(&g.sim, NULL);
    assert_all_ended_well(&g);
    for (party p = 0; p < 2; p++)
        for (uint32_t i = 0; i < g.sim.party[p].result.population.rows; i++) {
            static const uint8_t role_of[] = {2, 0, 1};

            assert_int_equal(g.sim.party[p].result.role[i], role_of[g.sim.party[label].result.position[i] % 3]);
        }
    group_clear(&g);
}

/* ---- disturbed frames: a right answer or a named fault, at every party, and never a hang ---- */

enum kind_of_damage { FLIP, CUT, EXTEND, DROP, TWICE, DAMAGES };

struct damage {
    uint64_t at, seen; /* the at-th frame of the session, in sending order of one pair */
    party from, to;
    enum kind_of_damage kind;
    size_t offset;
    int done;
};

static enum sim_fate damage_one(void *ctx, party from, party to, uint64_t number, uint8_t *frame, size_t *len)
{
    struct damage *d = ctx;

    if (from != d->from || to != d->to || number != d->at)
        return SIM_DELIVER;
    d->done = 1;
    switch (d->kind) {
    case FLIP:
        frame[d->offset % *len] ^= 0x10;
        return SIM_DELIVER;
    case CUT:
        *len -= 1 + d->offset % (*len - 1);
        return SIM_DELIVER;
    case EXTEND:
        frame[(*len)++] = 0;
        return SIM_DELIVER;
    case DROP:
        return SIM_DROP;
    case TWICE:
        return SIM_TWICE;
    case DAMAGES:
        break;
    }
    return SIM_DELIVER;
}

static void every_damaged_frame_is_refused_by_its_receiver_and_ends_the_session_everywhere(void **state)
{
    int tried = 0, refused = 0;

    (void)state;
    for (uint64_t at = 0; at < 60; at += 1) {
        struct damage damage = {.at = at, .from = (party)(at % 3), .to = (party)((at + 1) % 3),
                                .kind = (enum kind_of_damage)(at % DAMAGES), .offset = (size_t)(at * 97)};
        struct group g;
        const struct sim_party *receiver;

        group_setup(&g, 3, 21, 60, 3, 256 + 64);
        if (at % 2)
            sim_exact_sigmoid(&g.sim);
        g.sim.disturb = damage_one;
        g.sim.disturb_ctx = &damage;
        sim_approve(&g.sim, at);
        sim_run(&g.sim, NULL);
        if (damage.done) {
            receiver = &g.sim.party[damage.to];
            tried++;
            if (receiver->outcome != OK && receiver->ss.fault.message[0] && receiver->ss.blamed == damage.from)
                refused++;
            else if (damage.kind == TWICE && receiver->outcome == OK)
                refused++; /* the very last frame, twice: nobody reads on */
            else
                print_message("at %lu kind %u: %s\n", (unsigned long)at, damage.kind, receiver->ss.fault.message);
        }
        group_clear(&g);
    }
    print_message("damaged frames: %d tried, %d refused\n", tried, refused);
    assert_true(tried >= 30);
    assert_int_equal(refused, tried);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secure_weights_equal_the_plain_fixed_point_reference_for_2_parties),
        cmocka_unit_test(secure_weights_equal_the_plain_fixed_point_reference_for_3_parties),
        cmocka_unit_test(secure_weights_equal_the_plain_fixed_point_reference_for_5_parties),
        cmocka_unit_test(weights_of_the_exact_sigmoid_are_near_the_plain_reference_for_2_3_and_5_parties),
        cmocka_unit_test(scores_near_the_end_of_the_table_end_the_session_at_every_party),
        cmocka_unit_test(every_party_reports_the_same_metrics_and_population),
        cmocka_unit_test(equal_seeds_give_equal_transcripts_and_models_and_other_seeds_do_not),
        cmocka_unit_test(a_table_that_is_not_the_one_of_the_contract_is_refused),
        cmocka_unit_test(too_small_an_intersection_ends_the_session_at_every_party),
        cmocka_unit_test(too_few_positives_end_the_session),
        cmocka_unit_test(a_block_with_too_many_bins_for_the_rows_is_refused_and_named),
        cmocka_unit_test(a_residual_told_differently_to_one_peer_ends_the_session),
        cmocka_unit_test(flips_told_differently_to_one_peer_end_the_session),
        cmocka_unit_test(a_count_told_differently_to_one_peer_ends_the_session),
        cmocka_unit_test(a_split_told_differently_to_one_peer_ends_the_session),
        cmocka_unit_test(listed_test_rows_are_used_as_listed),
        cmocka_unit_test(every_damaged_frame_is_refused_by_its_receiver_and_ends_the_session_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
