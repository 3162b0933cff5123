/* Messages, randomness and blame of one session. */
#include "kit/cmocka.h"
#include "kit/sim.h"
#include "kit/suite.h"
#include "protocol/handshake.h"

#include <string.h>

static struct dataset data[3];

static int make_tables(void **state)
{
    (void)state;
    for (party p = 0; p < 3; p++)
        sim_dataset(&data[p], 3, p, 30, 30, 1, 3, p == 0);
    return 0;
}

static int clear_tables(void **state)
{
    (void)state;
    for (party p = 0; p < 3; p++)
        dataset_clear(&data[p]);
    return 0;
}

static void run_two(struct sim *sim, sim_body *body, uint64_t seed)
{
    sim_contract(sim, 2, data, 256, 2);
    sim_approve(sim, seed);
    sim_run(sim, body);
}

/* ---- rule 5a: an answer to a changed question gets unrelated randomness (attack D, rewind) ---- */

static uint8_t question; /* what the hostile owner asks this time */
static uint8_t mask[64];

static status answer_with_a_mask(struct sim_party *me)
{
    struct hash none = {{0}};
    uint8_t body[BODY_PSI_ROOT] = {0};
    struct rng g;

    TRY(handshake_run(&me->ss, &none));
    if (me->self == 0) {
        body[7] = question;
        return session_send(&me->ss, 1, MESSAGE_psi_root, 0, body, sizeof body);
    }
    TRY(session_recv(&me->ss, 0, MESSAGE_psi_root, 0, body, sizeof body));
    session_reply_rng(&me->ss, &g, "forward reply", 0, 0, 0);
    rng_fill(&g, mask, sizeof mask);
    rng_clear(&g);
    return OK;
}

static void a_rewound_peer_that_changes_its_question_gets_an_unrelated_mask(void **state)
{
    uint8_t first[64];
    struct sim sim;
    int equal = 0;

    (void)state;
    question = 0;
    run_two(&sim, answer_with_a_mask, 9);
    memcpy(first, mask, sizeof first);
    sim_clear(&sim);
    run_two(&sim, answer_with_a_mask, 9);
    assert_memory_equal(first, mask, sizeof first); /* the same question: the same answer, as replay needs */
    sim_clear(&sim);
    for (question = 1; question < 9; question++) {
        run_two(&sim, answer_with_a_mask, 9);
        for (size_t i = 0; i < sizeof mask; i++)
            equal += mask[i] == first[i];
        sim_clear(&sim);
    }
    assert_true(equal < 12); /* 8 * 64 bytes agree by chance in 2 places */
}

/* ---- rule 5b: a run of the same approvals from a rolled-back disk draws its pads anew ---- */

static status pads_after_the_handshake(struct sim_party *me)
{
    struct hash none = {{0}};
    struct rng g;

    TRY(handshake_run(&me->ss, &none));
    if (me->self != 0)
        return OK;
    session_pad_rng(&me->ss, &g, "residual pad", 0, 2, 0);
    rng_fill(&g, mask, sizeof mask);
    rng_clear(&g);
    return OK;
}

/* A mask that cancels between two parties, whose key is that of the approvals. */
static status pair_masks_after_the_handshake(struct sim_party *me)
{
    const struct hash none = {{0}};
    struct rng g;

    TRY(handshake_run(&me->ss, &none));
    if (me->self != 1) /* whose own start is the same in every run here */
        return OK;
    session_pair_rng(&me->ss, &g, "score zero", 0, 0, 0);
    rng_fill(&g, mask, sizeof mask);
    rng_clear(&g);
    return OK;
}

static void assert_no_mask_twice(sim_body *body)
{
    uint8_t first[64];
    struct sim sim;
    int equal = 0;

    run_two(&sim, body, 9);
    memcpy(first, mask, sizeof first);
    sim_clear(&sim);
    for (uint8_t start = 1; start < 9; start++) {
        sim_contract(&sim, 2, data, 256, 2);
        sim_approve(&sim, 9); /* the same seeds, cards, approvals and session id ... */
        sim.party[0].start.bytes[0] ^= start; /* ... and what the node draws when it begins */
        assert_int_equal(sim_run(&sim, body), OK);
        for (size_t i = 0; i < sizeof mask; i++)
            equal += mask[i] == first[i];
        sim_clear(&sim);
    }
    assert_true(equal < 12);
}

static void a_second_run_of_the_same_approvals_hides_nothing_under_an_old_pad(void **state)
{
    (void)state;
    assert_no_mask_twice(pads_after_the_handshake);
    assert_no_mask_twice(pair_masks_after_the_handshake);
}

/* ---- what comes next is fixed ---- */

static enum message_kind say_kind;
static uint32_t say_pass;
static size_t say_len;

static status say_something_else(struct sim_party *me)
{
    uint8_t body[256] = {0};

    if (me->self == 0)
        return session_send(&me->ss, 1, say_kind, say_pass, body, say_len);
    return session_recv(&me->ss, 0, MESSAGE_psi_root, 3, body, 32);
}

static void another_kind_pass_or_length_than_the_protocol_says_is_refused_and_named(void **state)
{
    static const struct { enum message_kind kind; uint32_t pass; size_t len; status code; const char *says; } cases[] = {
        {MESSAGE_psi_root, 3, 32, OK, ""},
        {MESSAGE_psi_root, 4, 32, STATUS_UNEXPECTED, "sent psi_root (pass 4, part 0), expected is psi_root (pass 3, part 0)"},
        {MESSAGE_lift, 3, 32, STATUS_UNEXPECTED, "sent lift (pass 3, part 0), expected is psi_root"},
        {MESSAGE_psi_root, 3, 31, STATUS_MALFORMED, "sent 31 bytes of psi_root, the contract implies 32"},
        {MESSAGE_psi_root, 3, 0, STATUS_MALFORMED, "sent 0 bytes"},
        {MESSAGE_psi_root, 3, 200, STATUS_MALFORMED, "sent 200 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim sim;

        say_kind = cases[i].kind;
        say_pass = cases[i].pass;
        say_len = cases[i].len;
        run_two(&sim, say_something_else, 2);
        assert_int_equal(sim.party[1].outcome, cases[i].code);
        if (!strstr(sim.party[1].ss.fault.message, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", sim.party[1].ss.fault.message, cases[i].says);
        if (cases[i].code != OK)
            assert_int_equal(sim.party[1].ss.blamed, 0);
        sim_clear(&sim);
    }
}

/* A frame recorded in one session is worth nothing in another. */
static uint8_t kept[FRAME_MAX];
static size_t kept_len;
static int playing;

static enum sim_fate keep_or_play(void *ctx, party from, party to, uint64_t number, uint8_t *frame, size_t *len)
{
    (void)ctx;
    (void)to;
    if (from != 0 || number != 0)
        return SIM_DELIVER;
    if (playing) {
        memcpy(frame, kept, kept_len);
        *len = kept_len;
    } else {
        memcpy(kept, frame, *len);
        kept_len = *len;
    }
    return SIM_DELIVER;
}

static void a_frame_of_another_session_is_refused(void **state)
{
    struct sim sim;

    (void)state;
    say_kind = MESSAGE_psi_root;
    say_pass = 3;
    say_len = 32;
    for (playing = 0; playing < 2; playing++) {
        sim_contract(&sim, 2, data, 256, 2);
        sim.disturb = keep_or_play;
        sim_approve(&sim, 30 + (uint64_t)playing);
        sim_run(&sim, say_something_else);
        assert_int_equal(sim.party[1].outcome, playing ? STATUS_UNTRUSTED : OK);
        sim_clear(&sim);
    }
}

/* ---- approvals ---- */

static status do_nothing(struct sim_party *me)
{
    (void)me;
    return OK;
}

static void an_approval_that_its_identity_key_did_not_sign_is_refused(void **state)
{
    (void)state;
    for (int what = 0; what < 4; what++) {
        struct sim sim;

        sim_contract(&sim, 2, data, 256, 2);
        sim_approve(&sim, 4);
        switch (what) {
        case 0: sim.approvals[1].card.sign.bytes[3] ^= 1; break;
        case 1: sim.approvals[1].card.kx.bytes[3] ^= 1; break;
        case 2: sim.approvals[1].signature.bytes[3] ^= 1; break;
        case 3: sim.approvals[1].attempt = 1; break;
        }
        sim_run(&sim, do_nothing);
        assert_int_equal(sim.party[0].outcome, STATUS_UNTRUSTED);
        assert_non_null(strstr(sim.party[0].ss.fault.message, "approval of p1"));
        sim_clear(&sim);
    }
}

/* ---- what is signed is what is on disk ---- */

static status change_the_log(struct sim_party *me)
{
    TRY(session_fact(&me->ss, FACT_POPULATION, 3, 2));
    TRY(session_checkpoint(&me->ss, 0));
    TRY(session_fact(&me->ss, FACT_POPULATION, 4, 2));
    if (me->self == 1)
        me->log.bytes[me->log.len - 100] ^= 1; /* on its disk, after it was written */
    return session_checkpoint(&me->ss, 1);
}

static void a_log_that_changed_on_disk_is_not_signed(void **state)
{
    struct sim sim;

    (void)state;
    run_two(&sim, change_the_log, 6);
    assert_int_equal(sim.party[1].outcome, STATUS_IO);
    assert_non_null(strstr(sim.party[1].ss.fault.message, "the log on disk is not what was written to it"));
    assert_int_equal(sim.party[1].ss.checkpoints, 1);
    assert_int_equal(sim.party[0].outcome, STATUS_CLOSED);
    sim_clear(&sim);
}

/* ---- handshake ---- */

/* It hears right what was committed to, and shows a nonce that was not. */
static status show_another_nonce(struct sim_party *me)
{
    struct hash none = {{0}}, heard;
    uint8_t commit[2][BODY_COMMIT] = {{0}}, nonce[BODY_NONCE] = {1};
    struct hasher h;

    if (me->self == 1)
        return handshake_run(&me->ss, &none);
    TRY(session_send(&me->ss, 1, MESSAGE_commit, 0, commit[0], sizeof commit[0]));
    TRY(session_recv(&me->ss, 1, MESSAGE_commit, 0, commit[1], sizeof commit[1]));
    hasher_init(&h, kit_suite(), "hefu/promises/v1");
    for (party p = 0; p < 2; p++)
        for (size_t i = 0; i < BODY_COMMIT; i += HASH_BYTES)
            hasher_add(&h, commit[p] + i, HASH_BYTES);
    hasher_final(&h, &heard);
    memcpy(nonce + 32, heard.bytes, HASH_BYTES);
    return session_send(&me->ss, 1, MESSAGE_nonce, 0, nonce, sizeof nonce);
}

/* The other hash of what was heard: of two parties the one that says so is named. */
static status hear_something_else(struct sim_party *me)
{
    struct hash none = {{0}};
    uint8_t commit[BODY_COMMIT] = {0}, nonce[BODY_NONCE] = {1};

    if (me->self == 1)
        return handshake_run(&me->ss, &none);
    TRY(session_send(&me->ss, 1, MESSAGE_commit, 0, commit, sizeof commit));
    TRY(session_recv(&me->ss, 1, MESSAGE_commit, 0, commit, sizeof commit));
    return session_send(&me->ss, 1, MESSAGE_nonce, 0, nonce, sizeof nonce);
}

static void other_commitments_heard_are_equivocation(void **state)
{
    struct sim sim;

    (void)state;
    run_two(&sim, hear_something_else, 6);
    assert_int_equal(sim.party[1].outcome, STATUS_EQUIVOCATION);
    assert_int_equal(sim.party[1].ss.blamed, 0);
    assert_non_null(strstr(sim.party[1].ss.fault.message, "p0 heard other commitments than we did"));
    sim_clear(&sim);
}

static void a_nonce_that_does_not_open_its_commitment_is_refused(void **state)
{
    struct sim sim;

    (void)state;
    run_two(&sim, show_another_nonce, 6);
    assert_int_equal(sim.party[1].outcome, STATUS_UNTRUSTED);
    assert_non_null(strstr(sim.party[1].ss.fault.message, "nonce of p0 does not open its commitment"));
    sim_clear(&sim);
}

/* ---- equivocation: P >= 3, a checkpoint told differently ---- */

static status checkpoint_only(struct sim_party *me)
{
    struct hash none = {{0}};

    TRY(handshake_run(&me->ss, &none));
    if (me->self == 0) { /* show party 1 and party 2 different states */
        uint8_t state[BODY_CHECKPOINT] = {0}, sig[BODY_COSIGN] = {0};

        for (party p = 1; p < 3; p++) {
            state[0] = (uint8_t)p;
            TRY(session_send(&me->ss, p, MESSAGE_checkpoint, 0, state, sizeof state));
        }
        for (party p = 1; p < 3; p++)
            TRY(session_recv(&me->ss, p, MESSAGE_checkpoint, 0, state, sizeof state));
        for (party p = 1; p < 3; p++)
            TRY(session_send(&me->ss, p, MESSAGE_cosign, 0, sig, sizeof sig));
        return OK;
    }
    return session_checkpoint(&me->ss, 0);
}

static void two_different_states_shown_to_two_peers_end_the_session(void **state)
{
    struct sim sim;

    (void)state;
    sim_contract(&sim, 3, data, 256, 2);
    sim_approve(&sim, 4);
    sim_run(&sim, checkpoint_only);
    for (party p = 1; p < 3; p++)
        assert_int_equal(sim.party[p].outcome, STATUS_EQUIVOCATION);
    sim_clear(&sim);
}

/* ---- sizes do not depend on data ---- */

static void logs_have_the_same_shape_whatever_the_data(void **state)
{
    struct sim sim[2];
    struct dataset one[2], other[2];

    (void)state;
    for (party p = 0; p < 2; p++) {
        sim_dataset(&one[p], 3, p, 60, 60, 1, 3, p == 0);
        sim_dataset(&other[p], 3, p, 60, 60, 1, 3, p == 0);
    }
    memset(other[0].codes, 0, 60);
    for (uint32_t r = 0; r < 60; r++) {
        one[0].label[r] = (uint8_t)(r % 2);
        other[0].label[r] = (uint8_t)(r % 3 == 0);
    }
    sim_contract(&sim[0], 2, one, 256, 2);
    sim_contract(&sim[1], 2, other, 256, 2);
    sim_approve(&sim[0], 1);
    sim_approve(&sim[1], 1);
    assert_int_equal(sim_run(&sim[0], NULL), OK);
    assert_int_equal(sim_run(&sim[1], NULL), OK);
    for (party p = 0; p < 2; p++) {
        assert_int_equal(sim[0].party[p].log.len, sim[1].party[p].log.len);
        assert_int_equal(sim[0].party[p].bodies.len, sim[1].party[p].bodies.len);
    }
    sim_clear(&sim[0]);
    sim_clear(&sim[1]);
    for (party p = 0; p < 2; p++) {
        dataset_clear(&one[p]);
        dataset_clear(&other[p]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rewound_peer_that_changes_its_question_gets_an_unrelated_mask),
        cmocka_unit_test(a_second_run_of_the_same_approvals_hides_nothing_under_an_old_pad),
        cmocka_unit_test(another_kind_pass_or_length_than_the_protocol_says_is_refused_and_named),
        cmocka_unit_test(a_frame_of_another_session_is_refused),
        cmocka_unit_test(an_approval_that_its_identity_key_did_not_sign_is_refused),
        cmocka_unit_test(a_nonce_that_does_not_open_its_commitment_is_refused),
        cmocka_unit_test(a_log_that_changed_on_disk_is_not_signed),
        cmocka_unit_test(other_commitments_heard_are_equivocation),
        cmocka_unit_test(two_different_states_shown_to_two_peers_end_the_session),
        cmocka_unit_test(logs_have_the_same_shape_whatever_the_data),
    };

    return cmocka_run_group_tests(tests, make_tables, clear_tables);
}
