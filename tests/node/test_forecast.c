/* Bytes are exact; seconds follow from counts, so what must grow grows.  How right the seconds are, bench/plan.sh shows. */
#include "kit/cmocka.h"
#include "kit/sim.h"
#include "node/local/forecast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct forecast_site loopback = {.threads = 1, .bandwidth = 1e10, .round_trip_s = 50e-6};

/* ---- bytes ---- */

static void assert_bytes_come_true(party parties, int exact_sigmoid)
{
    struct dataset data[PARTIES_MAX] = {0};
    struct sim *sim = calloc(1, sizeof *sim);
    struct forecast fc;
    struct rates rates;

    assert_non_null(sim);
    for (party p = 0; p < parties; p++)
        sim_dataset(&data[p], 5, p, 120 - 7u * p, 140, (uint16_t)(2 + p), 5, p == 0);
    sim_contract(sim, parties, data, 512, 3);
    if (exact_sigmoid)
        sim_exact_sigmoid(sim);
    sim_approve(sim, 5);
    assert_int_equal(sim_run(sim, NULL), OK);
    rates_typical(&rates);
    assert_int_equal(forecast_make(&fc, &sim->contract, &sim->party[0].ss.population, &rates, &loopback, NULL), OK);
    for (party p = 0; p < parties; p++) {
        const struct session *ss = &sim->party[p].ss;
        uint64_t received = 0;

        for (unsigned phase = 1; phase < PHASES; phase++)
            assert_int_equal(fc.party[p].sent[phase], ss->phase_bytes[phase]);
        for (party q = 0; q < parties; q++)
            received += ss->peer[q].bytes_received;
        assert_int_equal(forecast_received(&fc.party[p]), received);
    }
    sim_clear(sim);
    for (party p = 0; p < parties; p++)
        dataset_clear(&data[p]);
    free(sim);
}

static void every_byte_of_a_training_is_predicted(void **state)
{
    (void)state;
    assert_bytes_come_true(2, 0);
    assert_bytes_come_true(2, 1);
    assert_bytes_come_true(3, 1);
}

/* ---- a made-up contract ---- */

static void make_contract(struct contract *c, party parties, uint32_t rows, uint16_t columns, uint32_t key_bits)
{
    *c = (struct contract){.version = CONTRACT_VERSION, .protocol = PROTOCOL_VERSION, .suite = SUITE_INT1, .sigmoid = SIGMOID_TABLE, .test_rule = TEST_DRAWN,
                           .parties = parties, .key_bits = key_bits, .passes = 12, .ridge_micro = 3000,
                           .step_1024 = 1331, .momentum_1024 = 717, .test_permille = 300, .fraction_bits = 16,
                           .score_bits = 6, .table_bits = 7, .score_range = 8, .min_rows = 10, .min_positives = 1,
                           .attempts_max = 1};
    for (party p = 0; p < parties; p++) {
        snprintf(c->party[p].name, sizeof c->party[p].name, "p%u", p);
        c->party[p].has_label = p == 0;
        c->party[p].rows = rows;
        c->party[p].columns = columns;
        memset(c->party[p].bins, 12, columns);
    }
}

static struct forecast forecast_of(const struct contract *c, uint32_t rows, const struct forecast_site *site)
{
    const struct population n = forecast_population(c, rows);
    struct forecast fc;
    struct rates rates;
    struct fault f = {0};

    rates_typical(&rates);
    if (forecast_make(&fc, c, &n, &rates, site, &f) != OK)
        fail_msg("%s", f.message);
    return fc;
}

static void assert_costs_more(const struct forecast *more, const struct forecast *less)
{
    for (party p = 0; p < less->parties; p++) {
        assert_true(forecast_cpu_s(&more->party[p]) > forecast_cpu_s(&less->party[p]));
        assert_true(forecast_sent(&more->party[p]) > forecast_sent(&less->party[p]));
        assert_true(more->party[p].memory > less->party[p].memory);
    }
    assert_true(more->total_s > less->total_s);
}

static void more_work_is_predicted_to_cost_more(void **state)
{
    struct contract small, other;
    struct forecast less, more;

    (void)state;
    make_contract(&small, 2, 20000, 6, 2048);
    less = forecast_of(&small, 10000, &loopback);
    more = forecast_of(&small, 20000, &loopback); /* rows */
    assert_costs_more(&more, &less);
    make_contract(&other, 2, 20000, 12, 2048); /* columns */
    more = forecast_of(&other, 10000, &loopback);
    assert_costs_more(&more, &less);
    make_contract(&other, 2, 20000, 6, 3072); /* key */
    more = forecast_of(&other, 10000, &loopback);
    assert_costs_more(&more, &less);
    make_contract(&other, 3, 20000, 6, 2048); /* parties */
    more = forecast_of(&other, 10000, &loopback);
    assert_costs_more(&more, &less);
    other = small; /* the sigmoid */
    other.sigmoid = SIGMOID_LINEAR;
    other.table_bits = other.score_range = 0;
    more = forecast_of(&other, 10000, &loopback);
    for (party p = 0; p < 2; p++)
        assert_true(more.party[p].cpu_s[FORECAST_train] < less.party[p].cpu_s[FORECAST_train]);
}

static void the_line_and_the_processors_change_the_clock_only(void **state)
{
    struct forecast_site slow = loopback, far = loopback, threads = loopback, shared = loopback;
    struct forecast near, other[4];
    struct contract c;

    (void)state;
    make_contract(&c, 3, 20000, 6, 2048);
    slow.bandwidth = 1e6;
    far.round_trip_s = 0.1;
    threads.threads = 4;
    shared.one_machine = 1;
    near = forecast_of(&c, 10000, &loopback);
    other[0] = forecast_of(&c, 10000, &slow);
    other[1] = forecast_of(&c, 10000, &far);
    other[2] = forecast_of(&c, 10000, &shared);
    other[3] = forecast_of(&c, 10000, &threads);
    for (int i = 0; i < 4; i++) {
        assert_true(i < 3 ? other[i].total_s > near.total_s : other[i].total_s < near.total_s);
        assert_memory_equal(other[i].party, near.party, sizeof near.party);
    }
    /* 8 bits for each byte of the busiest line, and half a round trip for each wait */
    assert_true(other[0].total_s > 8 * (double)forecast_received(&near.party[0]) / 1e6);
    assert_true(other[1].total_s - near.total_s > 0.049 * near.party[0].waits[PHASE_TRAIN]);
}

static void a_party_that_waits_is_counted_once_for_messages_that_come_together(void **state)
{
    struct forecast fc;
    struct contract c;

    (void)state;
    make_contract(&c, 2, 1000, 2, 2048);
    c.sigmoid = SIGMOID_LINEAR;
    c.table_bits = c.score_range = 0;
    fc = forecast_of(&c, 1000, &loopback);
    assert_int_equal(fc.party[0].waits[PHASE_HANDSHAKE], 3); /* commit, nonce, key */
    /* checkpoint 0: 2; each pass: weight (but for the first) with the last signatures, residual, lift, gradient with the
     * checkpoint; the last signatures */
    assert_int_equal(fc.party[0].waits[PHASE_TRAIN], 2 + 12 * 4 - 1 + 1);
}

static void a_population_that_the_contract_forbids_is_refused_in_words(void **state)
{
    struct rates rates;
    struct contract c;
    struct forecast fc;
    struct fault f = {0}, g = {0};
    struct population n;

    (void)state;
    rates_typical(&rates);
    make_contract(&c, 2, 1000, 2, 2048);
    c.min_rows = 500;
    n = forecast_population(&c, 499);
    assert_int_equal(forecast_make(&fc, &c, &n, &rates, &loopback, &f), STATUS_LIMIT);
    assert_non_null(strstr(f.message, "499"));
    n = forecast_population(&c, 1001);
    assert_int_equal(forecast_make(&fc, &c, &n, &rates, &loopback, &g), STATUS_LIMIT);
    assert_non_null(strstr(g.message, "1001"));
    c.party[1].rows = 700;
    assert_int_equal(forecast_rows_max(&c), 700);
}

/* ---- figures with a unit ---- */

static void figures_are_read_with_their_units(void **state)
{
    static const char *const bad[] = {"", "fast", "10", "mbit", "-1mbit", "1e400gbit", "10mb", "10 mbit", "nanmbit",
                                      "0mbit", "infgbit"};
    static const char *const bad_times[] = {"", "20", "ms", "-1ms", "20m", "20msec"};
    double v = 0;

    (void)state;
    assert_int_equal(forecast_bandwidth(&v, "bandwidth", "100mbit", NULL), OK);
    assert_true(v == 1e8);
    assert_int_equal(forecast_bandwidth(&v, "bandwidth", "1.5gbit", NULL), OK);
    assert_true(v == 1.5e9);
    assert_int_equal(forecast_bandwidth(&v, "bandwidth", "32kbit", NULL), OK);
    assert_true(v == 32e3);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fault f = {0};

        assert_int_equal(forecast_bandwidth(&v, "bandwidth", bad[i], &f), STATUS_USAGE);
        assert_non_null(strstr(f.message, "--bandwidth"));
    }
    assert_int_equal(forecast_duration(&v, "rtt", "20ms", NULL), OK);
    assert_true(fabs(v - 0.02) < 1e-12);
    assert_int_equal(forecast_duration(&v, "rtt", "0.5s", NULL), OK);
    assert_true(v == 0.5);
    assert_int_equal(forecast_duration(&v, "rtt", "300us", NULL), OK);
    assert_true(fabs(v - 300e-6) < 1e-12);
    for (size_t i = 0; i < sizeof bad_times / sizeof *bad_times; i++)
        assert_int_equal(forecast_duration(&v, "rtt", bad_times[i], NULL), STATUS_USAGE);
    assert_true(fabs(v - 300e-6) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_a_training_is_predicted),
        cmocka_unit_test(more_work_is_predicted_to_cost_more),
        cmocka_unit_test(the_line_and_the_processors_change_the_clock_only),
        cmocka_unit_test(a_party_that_waits_is_counted_once_for_messages_that_come_together),
        cmocka_unit_test(a_population_that_the_contract_forbids_is_refused_in_words),
        cmocka_unit_test(figures_are_read_with_their_units),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
