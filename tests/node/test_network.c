/* Whole sessions over TLS on loopback: the same bytes as in the simulator, whatever happens to connections, so that
 * what is proved there holds here; and an end that names whoever vanishes. */
#include "nodes.h"
#include "proxy.h"
#include "kit/honest.h"

#include <signal.h>

enum { SEATS = 4, SLICE_MS = 20, LOST_MS = 1000, NEVER = -1 };

static struct test_ca ca;
static struct test_cert certs[SEATS];
static const char *const names[SEATS] = {"p0", "p1", "p2", "p3"}; /* as sim_contract has them */

/* ------------------------------------------------------------------ a session over links ----------------------- */

/* A party with a node of its own. */
struct seat {
    struct sim_party *me;
    struct node node;
    struct proxy proxy; /* where its peers find it, when bytes_max > 0 */
    struct link_channel channel;
    int64_t sent, vanishes_after; /* frames */
    pthread_t thread;
};

struct table {
    struct dataset data[PARTIES_MAX];
    struct sim sim;
    struct seat seat[SEATS];
    party parties;
    uint32_t bytes_max; /* > 0: every connection is cut before it has carried that many */
};

static status seat_send(void *ctx, party to, const uint8_t *frame, size_t len, struct fault *f)
{
    struct seat *s = ctx;

    if (s->sent++ == s->vanishes_after)
        return fault_set(f, STATUS_CANCELLED, "%s vanishes", s->node.name);
    if (link_ended(s->node.hub, names[to], &s->channel))
        return OK; /* it hears nothing any more; what its end means is for the receiver to find */
    return link_send(s->node.hub, names[to], &s->channel, frame, len, f);
}

/* The peer whose node is lost.  Others that have ended only followed it. */
static bool find_lost(const struct seat *s, party *lost)
{
    for (party p = 0; p < s->me->sim->contract.parties; p++)
        if (p != s->me->self && link_ended(s->node.hub, names[p], &s->channel) == LINK_LOST) {
            *lost = p;
            return true;
        }
    return false;
}

static status seat_recv(void *ctx, party from, uint8_t *frame, size_t *len, struct fault *f)
{
    const uint64_t until = now_ms() + 3 * WAIT_MS;
    struct seat *s = ctx;
    struct fault why;
    status st;
    party lost;

    do {
        why = (struct fault){0};
        st = link_recv(s->node.hub, names[from], &s->channel, frame, FRAME_MAX, len, SLICE_MS, &why);
        if (st == OK)
            return OK;
        if (find_lost(s, &lost)) {
            do { /* its last frames go before the words of its end */
                why = (struct fault){0};
                st = link_recv(s->node.hub, names[lost], &s->channel, frame, FRAME_MAX, len, 0, &why);
            } while (st == OK);
            break;
        }
        if (link_ended(s->node.hub, names[from], &s->channel))
            sleep_ms(SLICE_MS); /* perhaps it followed one that is lost here a moment later */
    } while (now_ms() < until);
    *f = why;
    return st;
}

static void *seat_thread(void *arg)
{
    struct seat *s = arg;

    sim_play(s->me, (struct channel){.ctx = s, .send = seat_send, .recv = seat_recv}, NULL);
    if (s->me->outcome == STATUS_CANCELLED)
        node_stop(&s->node);
    else
        link_close_channel(s->node.hub, &s->channel, s->me->outcome == OK ? LINK_DONE : LINK_FAILED);
    return NULL;
}

static void seat_start(struct table *t, party p, bool somebody_vanishes)
{
    struct seat *s = &t->seat[p];

    s->me = &t->sim.party[p];
    memcpy(s->channel.session, t->sim.contract_id.bytes, sizeof s->channel.session);
    node_init(&s->node, &ca, names[p], &certs[p], 0);
    for (party q = 0; q < t->parties; q++) { /* the later name dials, so port 1 is never tried */
        const struct seat *peer = &t->seat[q];

        if (q != p)
            node_peer(&s->node, names[q], &certs[q],
                      q > p ? 1 : t->bytes_max ? port_of(peer->proxy.listen_fd) : node_port(&peer->node));
    }
    s->node.config.redial_min_ms = 2;
    s->node.config.redial_max_ms = 20;
    s->node.config.peer_deadline_ms = somebody_vanishes ? LOST_MS : 60000;
    if (s->vanishes_after != NEVER)
        s->node.config.goodbye_ms = 0;
    node_start(&s->node);
    if (t->bytes_max)
        proxy_start(&s->proxy, node_port(&s->node), 77u + p, 0, t->bytes_max);
}

/* The contract of t->sim, played over the network by nodes of their own.  Returns how often connections were cut. */
static int play_over_network(struct table *t, party vanishing, int64_t vanishes_after)
{
    int cuts = 0;

    for (party p = 0; p < t->parties; p++) {
        t->seat[p].vanishes_after = p == vanishing ? vanishes_after : NEVER;
        seat_start(t, p, vanishing < t->parties);
    }
    for (party p = 0; p < t->parties; p++)
        for (party q = 0; q < t->parties; q++) {
            if (q == p)
                continue;
            await_link(&t->seat[p].node, names[q]);
            assert_int_equal(link_open_channel(t->seat[p].node.hub, names[q], &t->seat[p].channel, NULL), OK);
        }
    for (party p = 0; p < t->parties; p++)
        assert_int_equal(pthread_create(&t->seat[p].thread, NULL, seat_thread, &t->seat[p]), 0);
    for (party p = 0; p < t->parties; p++)
        pthread_join(t->seat[p].thread, NULL);
    for (party p = 0; p < t->parties; p++)
        cuts += t->seat[p].proxy.cuts;
    for (party p = 0; p < t->parties; p++)
        node_stop(&t->seat[p].node);
    for (party p = 0; p < t->parties; p++)
        if (t->bytes_max)
            proxy_stop(&t->seat[p].proxy);
    return cuts;
}

/* ------------------------------------------------------------------ tables and verdicts ------------------------ */

static void table_lay(struct table *t, party parties, uint16_t passes, uint64_t seed)
{
    const uint32_t rows = 120;

    memset(t, 0, sizeof *t);
    t->parties = parties;
    for (party p = 0; p < parties; p++)
        sim_dataset(&t->data[p], 31, p, rows - 7u * p, rows + rows / 4, (uint16_t)(2 + p % 3), 5, p == parties / 2);
    sim_contract(&t->sim, parties, t->data, 384, passes);
    sim_approve(&t->sim, seed);
}

static void table_clear(struct table *t)
{
    sim_clear(&t->sim);
    for (party p = 0; p < t->parties; p++)
        dataset_clear(&t->data[p]);
}

static void table_simulate(struct table *t, party parties, uint16_t passes, uint64_t seed)
{
    table_lay(t, parties, passes, seed);
    sim_run(&t->sim, NULL);
}

static void assert_all_ended_well(const struct table *t)
{
    for (party p = 0; p < t->parties; p++)
        if (t->sim.party[p].outcome != OK)
            fail_msg("%s: %s", names[p], t->sim.party[p].ss.fault.message);
}

static void assert_same_bytes(const struct wire_writer *a, const struct wire_writer *b)
{
    assert_true(a->len > 0);
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->bytes, b->bytes, a->len);
}

/* What is said, what is written down and what is learned. */
static void assert_same_sessions(const struct table *a, const struct table *b)
{
    assert_all_ended_well(a);
    assert_all_ended_well(b);
    for (party p = 0; p < a->parties; p++) {
        const struct sim_party *x = &a->sim.party[p], *y = &b->sim.party[p];
        const struct party_result *r = &x->result, *s = &y->result;

        assert_same_bytes(&x->log, &y->log);
        assert_same_bytes(&x->bodies, &y->bodies);
        assert_memory_equal(&r->head, &s->head, sizeof r->head);
        assert_memory_equal(r->weight, s->weight, contract_width(&a->sim.contract, p) * sizeof *r->weight);
        assert_memory_equal(r->position, s->position, r->population.rows * sizeof *r->position);
        assert_memory_equal(r->role, s->role, r->population.rows);
        assert_true(r->intercept == s->intercept && r->auc == s->auc && r->ks == s->ks && r->logloss == s->logloss);
    }
}

/* ------------------------------------------------------------------ tests -------------------------------------- */

static void simulator_and_network_runs_have_equal_heads(void **state)
{
    (void)state;
    for (party parties = 2; parties <= SEATS; parties++) {
        struct table simulated, real;

        table_simulate(&simulated, parties, 4, 519u + parties);
        table_lay(&real, parties, 4, 519u + parties);
        play_over_network(&real, parties, NEVER);
        assert_same_sessions(&simulated, &real);
        table_clear(&simulated);
        table_clear(&real);
    }
}

static void equal_seeds_give_equal_heads_over_the_network_and_other_seeds_do_not(void **state)
{
    static const uint64_t seeds[] = {8, 8, 9};
    struct table t[3];

    (void)state;
    for (int run = 0; run < 3; run++) {
        table_lay(&t[run], 3, 4, seeds[run]);
        play_over_network(&t[run], t[run].parties, NEVER);
    }
    assert_same_sessions(&t[0], &t[1]);
    assert_all_ended_well(&t[2]);
    for (party p = 0; p < 3; p++)
        assert_memory_not_equal(&t[0].sim.party[p].result.head, &t[2].sim.party[p].result.head, HASH_BYTES);
    for (int run = 0; run < 3; run++)
        table_clear(&t[run]);
}

static void cut_connections_change_nothing_in_transcripts_and_models(void **state)
{
    enum { CUTS = 30, BYTES = 24000 };

    (void)state;
    for (party parties = 2; parties <= SEATS; parties++) {
        const uint16_t passes = parties == 2 ? 24 : 6; /* enough bytes in all for that many cuts */
        struct table simulated, real;
        int cuts;

        table_simulate(&simulated, parties, passes, 600u + parties);
        table_lay(&real, parties, passes, 600u + parties);
        real.bytes_max = BYTES;
        cuts = play_over_network(&real, parties, NEVER);
        print_message("%u parties: connections cut %d times\n", parties, cuts);
        assert_same_sessions(&simulated, &real);
        assert_true(cuts >= CUTS);
        table_clear(&simulated);
        table_clear(&real);
    }
}

/* As test_honest.c has them in the simulator; HEFU_FULL=1: more of them. */
static void honest_parties_are_not_blamed_for_cut_connections(void **state)
{
    const uint64_t sessions = getenv("HEFU_FULL") ? 20 : 3;
    int cuts = 0;

    (void)state;
    for (uint64_t number = 0; number < sessions; number++) {
        struct honest_shape shape;
        struct table t = {0};
        const char *found;
        char words[160];

        honest_draw(&shape, number, SEATS);
        t.parties = shape.parties;
        t.bytes_max = shape.exact ? 150000 : 20000; /* a frame must get through now and then */
        honest_lay(&t.sim, t.data, &shape, number);
        sim_approve(&t.sim, number);
        cuts += play_over_network(&t, t.parties, NEVER);
        found = honest_complaint(&t.sim, NULL);
        if (found) {
            honest_print(words, &shape);
            fail_msg("session %llu, %s: %s", (unsigned long long)number, words, found);
        }
        table_clear(&t);
    }
    print_message("%llu sessions, connections cut %d times, nobody blamed\n", (unsigned long long)sessions, cuts);
    assert_true(cuts > 3 * (int)sessions);
}

/* The words come from the deadline for absent peers, LOST_MS; nothing else waits so briefly. */
static void a_party_that_vanishes_is_named_by_every_other_within_the_deadline(void **state)
{
    struct table simulated;

    (void)state;
    table_simulate(&simulated, 3, 4, 700);
    assert_all_ended_well(&simulated);
    for (party gone = 0; gone < 3; gone++) {
        int64_t frames = 0;
        struct table t;
        char words[32];

        for (party p = 0; p < 3; p++)
            frames += (int64_t)simulated.sim.party[gone].ss.peer[p].sent;
        table_lay(&t, 3, 4, 700);
        play_over_network(&t, gone, (gone + 1) * frames / 4);
        snprintf(words, sizeof words, "no link to %s at ", names[gone]);
        for (party p = 0; p < 3; p++) {
            const struct sim_party *me = &t.sim.party[p];

            if (p == gone) {
                assert_int_equal(me->outcome, STATUS_CANCELLED);
                continue;
            }
            assert_int_equal(me->outcome, STATUS_TIMEOUT);
            assert_says(&me->ss.fault, words);
            assert_true(me->ss.fault.hint[0] != 0);
        }
        table_clear(&t);
    }
    table_clear(&simulated);
}

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    test_ca_make(&ca);
    for (int p = 0; p < SEATS; p++)
        test_issue(&ca, &certs[p], names[p]);
    test_crl(&ca, NULL, 86400);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int p = 0; p < SEATS; p++)
        test_cert_clear(&certs[p]);
    test_ca_clear(&ca);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simulator_and_network_runs_have_equal_heads),
        cmocka_unit_test(equal_seeds_give_equal_heads_over_the_network_and_other_seeds_do_not),
        cmocka_unit_test(cut_connections_change_nothing_in_transcripts_and_models),
        cmocka_unit_test(honest_parties_are_not_blamed_for_cut_connections),
        cmocka_unit_test(a_party_that_vanishes_is_named_by_every_other_within_the_deadline),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
