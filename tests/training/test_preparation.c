/* A training in two sessions: what the offline one prepares, the online one trains on, once. */
#include "kit/cmocka.h"
#include "kit/memory.h"
#include "kit/plain.h"
#include "protocol/verify.h"
#include "training/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTIES_HERE = 3, PASSES_HERE = 8, LABEL = 1 };

static struct dataset data[PARTIES_HERE];
static struct sim offline;
static struct wire_writer kept[PARTIES_HERE]; /* each party's preparation, as bytes */

/* ---- keeping bytes ---- */

static status keep(void *ctx, struct preparation *p, struct fault *f)
{
    const struct sim_party *me = ctx;
    const struct byte_sink to = memory_sink(&kept[me->self]);

    return preparation_write(p, &to, f);
}

static status prepare(struct sim_party *me)
{
    return party_prepare(&me->result, &me->ss, me->data, &(struct party_keeper){me, keep});
}

static status reread(struct preparation *p, const struct wire_writer *bytes, party self, struct fault *f)
{
    struct wire_reader r;
    const struct byte_source from = memory_source(&r);

    wire_reader_init(&r, bytes->bytes, bytes->len);
    TRY(preparation_read(p, &offline.contract, self, &from, f));
    assert_int_equal(wire_finish(&r), OK);
    return OK;
}

static status train(struct sim_party *me)
{
    struct preparation p = {0};

    TRY(reread(&p, &kept[me->self], me->self, &me->ss.fault));
    return party_train(&me->result, &me->ss, me->data, &p);
}

/* ---- one offline session for all tests; the label party has no labels yet ---- */

static void make_offline(struct sim *sim, struct dataset *d, int exact, uint64_t seed)
{
    uint8_t *label = d[LABEL].label;

    sim_contract(sim, PARTIES_HERE, d, 384, PASSES_HERE);
    if (exact)
        sim_exact_sigmoid(sim);
    sim->contract.ridge_micro = 30000;
    sim->contract.min_positives = 5;
    sim->stage = STAGE_OFFLINE;
    sim_approve(sim, seed);
    d[LABEL].label = NULL;
    for (party p = 0; p < PARTIES_HERE; p++)
        wire_writer_clear(&kept[p]);
    sim_run(sim, prepare);
    d[LABEL].label = label;
    for (party p = 0; p < PARTIES_HERE; p++)
        if (sim->party[p].outcome != OK)
            fail_msg("p%u: %s", p, sim->party[p].ss.fault.message);
}

static int set_up(void **state)
{
    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++)
        sim_dataset(&data[p], 31, p, 200 - 5u * p, 230, (uint16_t)(2 + p % 2), 4, p == LABEL);
    make_offline(&offline, data, 0, 9);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sim_clear(&offline);
    for (party p = 0; p < PARTIES_HERE; p++) {
        wire_writer_clear(&kept[p]);
        dataset_clear(&data[p]);
    }
    return 0;
}

/* An online session of the same contract, on what the offline one prepared. */
static void approve_online(struct sim *sim, const struct sim *on, const struct dataset *d, uint64_t seed)
{
    sim_contract(sim, PARTIES_HERE, d, 384, PASSES_HERE);
    sim->contract = on->contract;
    sim->stage = STAGE_ONLINE;
    sim->preparation = on->party[0].ss.preparation;
    sim_approve(sim, seed);
    assert_true(hash_equal(&sim->contract_id, &on->contract_id));
}

static void must_end_well(const struct sim *sim)
{
    for (party p = 0; p < PARTIES_HERE; p++)
        if (sim->party[p].outcome != OK)
            fail_msg("p%u: %s", p, sim->party[p].ss.fault.message);
}

/* The largest difference between the secure weights and the plain fixed-point ones, in units of 2^-f. */
static double distance_from_plain(const struct sim *sim)
{
    const struct contract *c = &sim->contract;
    int64_t *plain[PARTIES_MAX] = {0};
    struct pooled pooled;
    double worst = 0;

    pooled_from_sim(&pooled, sim);
    for (party p = 0; p < c->parties; p++)
        assert_non_null(plain[p] = calloc(contract_width(c, p), sizeof *plain[p]));
    assert_int_equal(plain_train(plain, c, sim, &pooled), OK);
    for (party p = 0; p < c->parties; p++) {
        for (uint32_t j = 0; j < contract_width(c, p); j++)
            worst = fmax(worst, fabs(ldexp(sim->party[p].result.weight[j], c->fraction_bits) - (double)plain[p][j]));
        free(plain[p]);
    }
    pooled_clear(&pooled);
    return worst;
}

/* ---- what must work ---- */

static void an_offline_session_names_one_preparation_at_all_parties(void **state)
{
    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++) {
        struct preparation mine;
        struct fault f = {0};

        assert_true(hash_equal(&offline.party[p].ss.preparation, &offline.party[0].ss.preparation));
        assert_int_equal(reread(&mine, &kept[p], p, &f), OK);
        assert_true(hash_equal(&mine.name, &offline.party[0].ss.preparation));
        assert_memory_equal(&mine.population, &offline.party[0].result.population, sizeof mine.population);
        preparation_clear(&mine);
    }
}

/* The bound is that of test_party: carries and roundings. */
static void training_on_it_gives_the_weights_of_a_whole_session(void **state)
{
    struct sim online;

    (void)state;
    approve_online(&online, &offline, data, 9);
    sim_run(&online, train);
    must_end_well(&online);
    assert_true(distance_from_plain(&online) <= PASSES_HERE * (PARTIES_HERE * (PARTIES_HERE - 1) + 3 * PARTIES_HERE) / 0.3);
    for (party p = 0; p < PARTIES_HERE; p++)
        assert_true(online.party[p].result.auc == online.party[0].result.auc);
    assert_true(online.party[0].result.auc > 0.7);
    sim_clear(&online);
}

static void the_labels_may_be_others_than_when_it_was_prepared(void **state)
{
    uint8_t *was = malloc(data[LABEL].rows);
    struct sim online;
    double right;

    (void)state;
    assert_non_null(was);
    memcpy(was, data[LABEL].label, data[LABEL].rows);
    for (uint32_t i = 0; i < data[LABEL].rows; i++)
        data[LABEL].label[i] ^= 1;
    approve_online(&online, &offline, data, 9);
    sim_run(&online, train);
    must_end_well(&online);
    right = distance_from_plain(&online);
    memcpy(data[LABEL].label, was, data[LABEL].rows);
    assert_true(right <= PASSES_HERE * (PARTIES_HERE * (PARTIES_HERE - 1) + 3 * PARTIES_HERE) / 0.3);
    assert_true(distance_from_plain(&online) > 1000);
    sim_clear(&online);
    free(was);
}

/* The last test: what is kept is then of another contract. */
static void the_exact_sigmoid_trains_on_it_too(void **state)
{
    struct sim exact, online;

    (void)state;
    make_offline(&exact, data, 1, 9);
    approve_online(&online, &exact, data, 9);
    {
        struct sim linear = offline;

        offline = exact; /* whose contract reread goes by */
        sim_run(&online, train);
        offline = linear;
    }
    must_end_well(&online);
    assert_true(ldexp(distance_from_plain(&online), -online.contract.fraction_bits) < 0.03);
    sim_clear(&online);
    sim_clear(&exact);
}

/* ---- what is refused ---- */

static void too_few_positives_are_found_online(void **state)
{
    uint8_t *was = data[LABEL].label;
    struct sim online;

    (void)state;
    assert_non_null(data[LABEL].label = calloc(data[LABEL].rows, 1));
    approve_online(&online, &offline, data, 9);
    sim_run(&online, train);
    assert_int_equal(online.party[LABEL].outcome, STATUS_LIMIT);
    assert_non_null(strstr(online.party[LABEL].ss.fault.message, "fewer than 5 positives"));
    free(data[LABEL].label);
    data[LABEL].label = was;
    sim_clear(&online);
}

static void a_table_with_other_codes_is_refused_before_anything_is_said(void **state)
{
    struct sim online;

    (void)state;
    data[2].codes[7] ^= 1;
    approve_online(&online, &offline, data, 9);
    sim_run(&online, train);
    data[2].codes[7] ^= 1;
    assert_int_equal(online.party[2].outcome, STATUS_CONFIG);
    assert_non_null(strstr(online.party[2].ss.fault.message, "has changed since it was prepared"));
    assert_int_equal(online.party[2].ss.peer[0].sent, 0);
    sim_clear(&online);
}

static status train_on_another(struct sim_party *me)
{
    struct preparation p = {0};

    TRY(reread(&p, &kept[me->self], me->self, &me->ss.fault));
    if (me->self == 2)
        p.role[0] ^= 1; /* a preparation of that name that is not what was prepared */
    return party_train(&me->result, &me->ss, me->data, &p);
}

static void who_holds_other_rows_under_the_same_name_is_named_by_all(void **state)
{
    struct sim online;

    (void)state;
    approve_online(&online, &offline, data, 9);
    sim_run(&online, train_on_another);
    for (party p = 0; p < 2; p++) {
        assert_int_equal(online.party[p].outcome, STATUS_UNEXPECTED);
        assert_int_equal(online.party[p].ss.blamed, 2);
        assert_non_null(strstr(online.party[p].ss.fault.message, "p2 does not hold the preparation"));
    }
    sim_clear(&online);
}

static void an_approval_of_another_preparation_is_refused_with_the_party_named(void **state)
{
    struct sim online;
    uint8_t bytes[APPROVAL_SIGNED_BYTES];

    (void)state;
    approve_online(&online, &offline, data, 9);
    online.approvals[1].preparation.bytes[0] ^= 1;
    approval_signed_bytes(bytes, &online.contract_id, &online.approvals[1]);
    sign_make(&online.approvals[1].signature, &online.identity[1], APPROVAL_SIGN_TAG, bytes, sizeof bytes);
    sim_run(&online, train);
    assert_int_equal(online.party[0].outcome, STATUS_UNEXPECTED);
    assert_int_equal(online.party[0].ss.blamed, 1);
    assert_non_null(strstr(online.party[0].ss.fault.message, "p1 stands on another preparation"));
    sim_clear(&online);
}

static void a_preparation_of_another_session_is_refused(void **state)
{
    struct sim online;

    (void)state;
    approve_online(&online, &offline, data, 9);
    online.preparation.bytes[5] ^= 1; /* all approve one that nobody holds */
    sim_approve(&online, 9);
    sim_run(&online, train);
    for (party p = 0; p < PARTIES_HERE; p++) {
        assert_int_equal(online.party[p].outcome, STATUS_MISMATCH);
        assert_non_null(strstr(online.party[p].ss.fault.message, "another one than was approved"));
    }
    sim_clear(&online);
}

static status train_whole(struct sim_party *me)
{
    return party_run(&me->result, &me->ss, me->data);
}

static void a_session_does_nothing_that_it_was_not_approved_for(void **state)
{
    struct sim online;

    (void)state;
    approve_online(&online, &offline, data, 9);
    assert_int_equal(sim_run(&online, train_whole), STATUS_CONFIG);
    assert_non_null(strstr(online.party[0].ss.fault.message, "approved for stage online"));
    sim_clear(&online);
}

static void an_approval_names_a_preparation_exactly_when_its_stage_is_online(void **state)
{
    struct approval a = {.stage = STAGE_ONLINE}, back;
    uint8_t bytes[APPROVAL_BYTES];

    (void)state;
    approval_encode(bytes, &a);
    assert_int_equal(approval_decode(&back, bytes), STATUS_MALFORMED);
    a.preparation.bytes[31] = 1;
    approval_encode(bytes, &a);
    assert_int_equal(approval_decode(&back, bytes), OK);
    assert_true(hash_equal(&back.preparation, &a.preparation));
    a.stage = STAGE_OFFLINE;
    approval_encode(bytes, &a);
    assert_int_equal(approval_decode(&back, bytes), STATUS_MALFORMED);
    bytes[6] = 3;
    assert_int_equal(approval_decode(&back, bytes), STATUS_MALFORMED);
}

static void the_bytes_of_a_preparation_are_canonical(void **state)
{
    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++) {
        struct preparation mine;
        struct wire_writer again = {0};
        const struct byte_sink to = memory_sink(&again);
        struct fault f = {0};

        assert_int_equal(reread(&mine, &kept[p], p, &f), OK);
        assert_int_equal(preparation_write(&mine, &to, &f), OK);
        assert_int_equal(again.len, kept[p].len);
        assert_memory_equal(again.bytes, kept[p].bytes, again.len);
        preparation_clear(&mine);
        wire_writer_clear(&again);
    }
}

static void bytes_that_are_cut_or_of_another_form_are_refused(void **state)
{
    struct wire_writer bytes = kept[0];
    uint8_t changed[120];
    struct preparation mine;

    (void)state;
    for (size_t len = 0; len < kept[0].len; len += len < 100 ? 1 : 997) {
        struct fault f = {0};

        bytes.len = len;
        assert_int_equal(reread(&mine, &bytes, 0, &f), STATUS_MISMATCH);
    }
    memcpy(changed, kept[0].bytes, sizeof changed);
    for (size_t at = 0; at < 10; at++) { /* what it is, and in which version */
        struct fault f = {0};

        kept[0].bytes[at] ^= 1;
        assert_int_equal(reread(&mine, &kept[0], 0, &f), STATUS_MISMATCH);
        kept[0].bytes[at] = changed[at];
    }
}

static void a_share_outside_the_ring_is_refused(void **state)
{
    struct fault f = {0};
    struct preparation mine;
    struct plan plan;
    uint8_t *last;

    (void)state;
    assert_int_equal(plan_make(&plan, &offline.contract, offline.party[0].result.population.train, &f), OK);
    assert_int_not_equal(plan.k % 8, 0);
    last = kept[0].bytes + kept[0].len - item_ring(plan.k);
    *last ^= 0x80;
    assert_int_equal(reread(&mine, &kept[0], 0, &f), STATUS_MISMATCH);
    *last ^= 0x80;
    assert_non_null(strstr(f.message, "outside the ring"));
}

/* ---- evidence ---- */

struct evidence {
    struct wire_writer contract;
    uint8_t approval[PARTIES_HERE][APPROVAL_BYTES];
    struct bundle bundle[PARTIES_HERE];
};

static void evidence_of(struct evidence *e, const struct sim *sim)
{
    memset(e, 0, sizeof *e);
    assert_int_equal(contract_encode(&e->contract, &sim->contract), OK);
    for (party p = 0; p < PARTIES_HERE; p++) {
        approval_encode(e->approval[p], &sim->approvals[p]);
        e->bundle[p] = (struct bundle){.self = p,
                                       .contract = {e->contract.bytes, e->contract.len},
                                       .approvals = PARTIES_HERE,
                                       .log = {sim->party[p].log.bytes, sim->party[p].log.len}};
        for (party q = 0; q < PARTIES_HERE; q++)
            e->bundle[p].approval[q] = (struct bundle_part){e->approval[q], APPROVAL_BYTES};
    }
}

static void verify(struct verify_report *out, const struct evidence *e, const struct verify_report *on)
{
    assert_int_equal(verify_bundles(out, e->bundle, PARTIES_HERE,
                                    &(struct verify_options){.allow_small_keys = 1, .offline = on}), OK);
}

static void must_verify(const struct verify_report *r)
{
    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (r->line[i].verdict == VERDICT_FAIL)
            fail_msg("%s: %s", verify_check_name((enum verify_check)i), r->line[i].text);
    assert_true(r->ok);
}

static void the_files_of_both_sessions_verify_and_their_link_is_checked(void **state)
{
    struct sim online;
    struct evidence before, after;
    static struct verify_report first, second, other;

    (void)state;
    approve_online(&online, &offline, data, 9);
    sim_run(&online, train);
    must_end_well(&online);
    evidence_of(&before, &offline);
    evidence_of(&after, &online);

    verify(&first, &before, NULL);
    must_verify(&first);
    assert_int_equal(first.stage, STAGE_OFFLINE);
    assert_int_equal(first.checkpoints, 1);
    assert_true(hash_equal(&first.preparation, &offline.party[0].ss.preparation));

    verify(&second, &after, &first);
    must_verify(&second);
    assert_int_equal(second.line[VERIFY_LINK].verdict, VERDICT_OK);
    assert_int_equal(second.checkpoints, PASSES_HERE + 1);

    verify(&second, &after, NULL); /* alone it says what it leaves open */
    must_verify(&second);
    assert_int_equal(second.line[VERIFY_LINK].verdict, VERDICT_UNCHECKED);
    assert_non_null(strstr(second.unproven[0], "the offline phase: this session stands on preparation"));

    other = first; /* the right files of the wrong session */
    other.preparation.bytes[0] ^= 1;
    verify(&second, &after, &other);
    assert_false(second.ok);
    assert_int_equal(second.line[VERIFY_LINK].verdict, VERDICT_FAIL);
    other = first;
    other.ok = 0;
    verify(&second, &after, &other);
    assert_int_equal(second.line[VERIFY_LINK].verdict, VERDICT_FAIL);

    wire_writer_clear(&before.contract);
    wire_writer_clear(&after.contract);
    sim_clear(&online);
}

static struct replay_input input_of(const struct sim *sim, party p)
{
    return (struct replay_input){.contract = &sim->contract,
                                 .self = p,
                                 .approvals = sim->approvals,
                                 .seed = &sim->party[p].seed,
                                 .start = &sim->party[p].start,
                                 .data = &data[p],
                                 .log = sim->party[p].log.bytes,
                                 .log_len = sim->party[p].log.len,
                                 .body = sim_find_body,
                                 .ctx = (void *)(uintptr_t)&sim->party[p].bodies};
}

static void an_online_part_replays_after_its_offline_part_and_convicts_nobody_honest(void **state)
{
    struct sim online;

    (void)state;
    approve_online(&online, &offline, data, 9);
    sim_run(&online, train);
    must_end_well(&online);
    for (party p = 0; p < PARTIES_HERE; p++) {
        struct replay_input before = input_of(&offline, p), after = input_of(&online, p);
        struct replay_verdict v;
        struct fault f = {0};

        assert_int_equal(replay_run(&v, &after, &f), STATUS_CONFIG); /* not alone */
        after.offline = &before;
        assert_int_equal(replay_run(&v, &after, &f), OK);
        if (!v.same)
            fail_msg("stage %s, record %llu, %s: %s", stage_name(v.stage), (unsigned long long)v.seq, v.field, v.words);
        assert_int_equal(v.stage, STAGE_ONLINE);
        assert_int_equal(v.compared, online.party[p].result.records);
        assert_int_equal(replay_run(&v, &before, &f), OK);
        assert_true(v.same && v.stage == STAGE_OFFLINE);
    }
    sim_clear(&online);
}

/* A party that trains on shares it did not prepare is found by replay, at its first wrong opening. */
static status train_on_changed_shares(struct sim_party *me)
{
    struct preparation p = {0};

    TRY(reread(&p, &kept[me->self], me->self, &me->ss.fault));
    if (me->self == 0)
        p.correlation.fore[p.correlation.plan.n + 3] ^= 1;
    return party_train(&me->result, &me->ss, me->data, &p);
}

static void a_party_that_trains_on_what_it_did_not_prepare_is_convicted_by_replay(void **state)
{
    struct sim online;
    struct replay_input before = input_of(&offline, 0), after;
    struct replay_verdict v;
    struct fault f = {0};

    (void)state;
    approve_online(&online, &offline, data, 9);
    sim_run(&online, train_on_changed_shares);
    must_end_well(&online);
    after = input_of(&online, 0);
    after.offline = &before;
    assert_int_equal(replay_run(&v, &after, &f), OK);
    assert_false(v.same);
    assert_int_equal(v.stage, STAGE_ONLINE);
    assert_string_equal(v.field, "body_tag");
    assert_non_null(strstr(v.words, "residual"));
    sim_clear(&online);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offline_session_names_one_preparation_at_all_parties),
        cmocka_unit_test(training_on_it_gives_the_weights_of_a_whole_session),
        cmocka_unit_test(the_labels_may_be_others_than_when_it_was_prepared),
        cmocka_unit_test(too_few_positives_are_found_online),
        cmocka_unit_test(a_table_with_other_codes_is_refused_before_anything_is_said),
        cmocka_unit_test(who_holds_other_rows_under_the_same_name_is_named_by_all),
        cmocka_unit_test(an_approval_of_another_preparation_is_refused_with_the_party_named),
        cmocka_unit_test(a_preparation_of_another_session_is_refused),
        cmocka_unit_test(a_session_does_nothing_that_it_was_not_approved_for),
        cmocka_unit_test(an_approval_names_a_preparation_exactly_when_its_stage_is_online),
        cmocka_unit_test(the_bytes_of_a_preparation_are_canonical),
        cmocka_unit_test(bytes_that_are_cut_or_of_another_form_are_refused),
        cmocka_unit_test(a_share_outside_the_ring_is_refused),
        cmocka_unit_test(the_files_of_both_sessions_verify_and_their_link_is_checked),
        cmocka_unit_test(an_online_part_replays_after_its_offline_part_and_convicts_nobody_honest),
        cmocka_unit_test(a_party_that_trains_on_what_it_did_not_prepare_is_convicted_by_replay),
        cmocka_unit_test(the_exact_sigmoid_trains_on_it_too),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
