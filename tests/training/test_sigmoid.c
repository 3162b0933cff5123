/* The look-up of the exact sigmoid among 2 to 5 parties, on real transfers. */
#include "kit/cmocka.h"
#include "kit/sim.h"
#include "protocol/handshake.h"
#include "training/sigmoid.h"
#include "training/sigmoid_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARTIES_HERE = 5 };

/* One session whose only business is look-ups on given scores. */
static struct {
    struct dataset data[PARTIES_HERE];
    struct sim sim;
    struct plan plan;
    ring *score[PARTIES_HERE], *out[PARTIES_HERE], beyond[PARTIES_HERE];
} here;

/* The base rate that the table is made for, and the contract's slope. */
struct variant { uint32_t positives, negatives; uint16_t slope; };
static const struct variant plain_variant = {1, 1, 0};
static struct variant variant = {1, 1, 0};

static status body(struct sim_party *me)
{
    const struct hash nothing = {{0}};
    struct sigmoid_chain *s = NULL;
    status result = handshake_run(&me->ss, &nothing);

    if (result == OK)
        result = sigmoid_new(&s, &me->ss, &here.plan, variant.positives, variant.negatives);
    if (result == OK)
        result = sigmoid_run(s, here.out[me->self], here.score[me->self], 1);
    if (result == OK)
        result = sigmoid_beyond(s, &here.beyond[me->self], here.score[me->self], 2);
    sigmoid_free(s);
    return result;
}

static void set_up(party parties, uint32_t table_bits, uint32_t range_log2, uint32_t n)
{
    memset(&here, 0, sizeof here);
    for (party p = 0; p < parties; p++)
        sim_dataset(&here.data[p], 1, p, 12, 15, 2, 3, p == parties / 2);
    sim_contract(&here.sim, parties, here.data, 256, 2);
    here.sim.contract.sigmoid = SIGMOID_TABLE;
    here.sim.contract.table_bits = TABLE_BITS_MIN;
    here.sim.contract.outputs = contract_outputs(&here.sim.contract);
    here.sim.contract.score_range = 4;
    here.sim.contract.slope_1024 = variant.slope;
    here.sim.contract.optimiser = OPTIMISER_JACOBI;
    here.sim.contract.step_1024 = here.sim.contract.momentum_1024 = 0;
    assert_int_equal(plan_make(&here.plan, &here.sim.contract, 100, NULL), OK);
    here.plan.n = n;
    here.plan.table_bits = table_bits; /* smaller ones than a contract takes, too */
    here.plan.fore_bits = here.plan.f + 1 + range_log2;
    for (party p = 0; p < parties; p++) {
        assert_non_null(here.score[p] = calloc(n, sizeof(ring)));
        assert_non_null(here.out[p] = calloc(n, sizeof(ring)));
    }
}

static void tear_down(void)
{
    sim_clear(&here.sim);
    for (party p = 0; p < PARTIES_HERE; p++) {
        dataset_clear(&here.data[p]);
        free(here.score[p]);
        free(here.out[p]);
    }
}

static void play(uint64_t seed)
{
    sim_approve(&here.sim, seed);
    if (sim_run(&here.sim, body) != OK)
        for (party p = 0; p < here.sim.contract.parties; p++)
            if (here.sim.party[p].outcome != OK)
                fail_msg("p%u: %s", p, here.sim.party[p].ss.fault.message);
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 20;
}

/* Random shares of z, in units of 2^-f. */
static void share(size_t row, int64_t z, uint64_t *state)
{
    const party parties = here.sim.contract.parties;
    ring rest = (ring)(ring_signed)z;

    for (party p = 1; p < parties; p++) {
        here.score[p][row] = draw(state) & ring_mask(here.plan.fore_bits);
        rest -= here.score[p][row];
    }
    here.score[0][row] = rest & ring_mask(here.plan.fore_bits);
}

static ring_signed sum(size_t row)
{
    ring total = 0;

    for (party p = 0; p < here.sim.contract.parties; p++)
        total += here.out[p][row];
    return ring_to_signed(total, here.plan.k);
}

static uint64_t counted(void)
{
    ring total = 0;

    for (party p = 0; p < here.sim.contract.parties; p++)
        total += here.beyond[p];
    return (uint64_t)(total & ring_mask(here.plan.k));
}

/* Tables of 8, for five parties of 4: every index of every party with every other. */
static void assert_every_index_gives_its_entry(party parties)
{
    const uint32_t bits = parties < 5 ? 3 : 2, entries = 1u << bits, n = 1u << (bits * parties);
    struct sigmoid_table table, range;
    double up = 0, expected_up = 0;
    uint64_t near = 0;

    set_up(parties, bits, 2, n);
    for (size_t row = 0; row < n; row++)
        for (party p = 0; p < parties; p++)
            here.score[p][row] = (ring)(row >> (bits * p) & (entries - 1)) << (here.plan.fore_bits - bits);
    play(parties);
    sigmoid_table_curve(&table, &here.plan, parties, 1, 1);
    sigmoid_table_range(&range, &here.plan, parties);
    for (size_t row = 0; row < n; row++) {
        uint32_t at = 0;
        ring_signed got = sum(row), low;

        for (party p = 0; p < parties; p++)
            at += (uint32_t)(row >> (bits * p)) & (entries - 1);
        at %= entries;
        low = table.level[at] >> LEVEL_FRACTION;
        assert_true(got % table.unit == 0);
        assert_true(got / table.unit == low || got / table.unit == low + 1);
        up += got / table.unit != low;
        expected_up += (table.level[at] & ((1u << LEVEL_FRACTION) - 1)) / (double)(1u << LEVEL_FRACTION);
        near += range.level[at] != 0;
    }
    assert_true(fabs(up - expected_up) < 3 * sqrt(n)); /* six standard deviations at most */
    assert_int_equal(counted(), near);
    tear_down();
}

static void every_index_of_every_party_gives_its_entry(void **state)
{
    (void)state;
    for (party parties = 2; parties <= 5; parties++)
        assert_every_index_gives_its_entry(parties);
}

/* Over random shares and scores within a step of the table, what is looked up is sigma(z + the base rate's) on average.
 * (For two parties and one score it is off by up to step^2 sigma'' / 12.)  Returns the mean square error where the sigmoid
 * is steep. */
static double assert_mean_is_the_sigmoid(party parties, struct variant v)
{
    static const double points[] = {-6.4, -3.1, -1, -0.013, 0.4, 1.7, 2.5, 5, 6.2};
    enum { POINTS = 9, EACH = 800 };
    static int64_t z[POINTS * EACH];
    const double base = log((double)v.positives / v.negatives);
    uint64_t seed = parties;
    double noise = 0;

    variant = v;
    set_up(parties, 6, 3, POINTS * EACH);
    for (size_t row = 0; row < POINTS * EACH; row++) {
        z[row] = llround(ldexp(points[row / EACH], (int)here.plan.f)) + (int64_t)(draw(&seed) % (1u << (here.plan.f - 2)));
        share(row, z[row], &seed);
    }
    play(parties);
    for (size_t i = 0; i < POINTS; i++) {
        double mean = 0, square = 0;

        for (size_t row = i * EACH; row < (i + 1) * EACH; row++) {
            const double e = ldexp((double)sum(row), -(int)here.plan.f) / 4 -
                             1 / (1 + exp(-base - ldexp((double)z[row], -(int)here.plan.f)));

            mean += e / EACH;
            square += e * e / EACH;
        }
        /* five standard errors, and what the spline's correction leaves out */
        if (fabs(mean) > 5 * sqrt((square - mean * mean) / EACH) + 2e-5)
            fail_msg("P = %u, slope %u, near %g: off by %.6f on average", parties, v.slope, points[i], mean);
        noise += fabs(points[i] + base) < 1 ? square : 0;
    }
    assert_int_equal(counted(), 0);
    tear_down();
    variant = plain_variant;
    return noise;
}

static void the_mean_over_random_shares_is_the_sigmoid(void **state)
{
    (void)state;
    for (party parties = 2; parties <= 4; parties++)
        assert_mean_is_the_sigmoid(parties, plain_variant);
}

static void the_table_stands_around_the_base_rate(void **state)
{
    (void)state;
    assert_mean_is_the_sigmoid(2, (struct variant){3, 47, 0});
    assert_mean_is_the_sigmoid(3, (struct variant){2000000011, 7, 0});
}

static void a_slope_takes_noise_away_and_leaves_the_mean(void **state)
{
    (void)state;
    for (party parties = 2; parties <= 3; parties++) {
        const double without = assert_mean_is_the_sigmoid(parties, plain_variant);
        const double with = assert_mean_is_the_sigmoid(parties, (struct variant){1, 1, 128});

        if (with > 0.5 * without)
            fail_msg("P = %u: mean square error %g, without the slope %g", parties, with, without);
    }
}

static void every_partys_share_looks_uniform_for_equal_scores(void **state)
{
    enum { ROWS = 12800 };

    (void)state;
    for (party parties = 2; parties <= 4; parties++) {
        uint64_t seed = parties;

        set_up(parties, 5, 3, ROWS);
        for (size_t row = 0; row < ROWS; row++)
            share(row, (int64_t)1 << here.plan.f, &seed);
        play(parties + 10u);
        for (party p = 0; p < parties; p++)
            for (uint32_t shift = 0; shift < 2; shift++) { /* the lowest byte that varies, and the highest */
                uint32_t seen[256] = {0};
                double chi = 0;

                for (size_t row = 0; row < ROWS; row++)
                    seen[(uint8_t)(here.out[p][row] >> (shift ? here.plan.k - 8 : 0))]++;
                for (size_t i = 0; i < 256; i++)
                    chi += (seen[i] - ROWS / 256.0) * (seen[i] - ROWS / 256.0) / (ROWS / 256.0);
                if (chi > 400) /* 255 degrees of freedom: six standard deviations above */
                    fail_msg("P = %u, p%u, byte %u: chi square %.0f", parties, p, shift, chi);
            }
        tear_down();
    }
}

/* The bounds of sigmoid_table_range, on both sides, and across the end where scores wrap. */
static void the_range_counts_what_is_near_the_end_and_nothing_else(void **state)
{
    enum { EACH = 60 };

    (void)state;
    for (party parties = 2; parties <= 5; parties++)
        for (uint32_t bits = 5; bits <= 7; bits++) {
            const double range = 8, table_step = 2 * range / (1u << bits), spread = parties * table_step / 2;
            const double reach = fmax(parties * table_step, range / 8), tiny = 1e-3;
            const double out[] = {range - reach + spread + tiny, range, range + reach - spread - tiny};
            const double in[] = {0, 1, range - reach - spread - tiny};
            uint64_t seed = 1;

            set_up(parties, bits, 3, 12 * EACH);
            for (size_t row = 0; row < 12 * EACH; row++) {
                const double z = row < 6 * EACH ? out[row % 3] : in[row % 3];

                share(row, (row / 3 % 2 ? -1 : 1) * llround(ldexp(z, (int)here.plan.f)), &seed);
            }
            play(bits);
            assert_int_equal(counted(), 6 * EACH);
            tear_down();
        }
}

/* At the very end a score reads as sigma(-L) or sigma(L), and nothing between: which is why the range is looked at. */
static void a_score_at_the_end_of_the_table_wraps_and_is_counted(void **state)
{
    enum { ROWS = 600 };

    (void)state;
    for (party parties = 2; parties <= 5; parties++) {
        uint64_t seed = parties;
        size_t high = 0;

        set_up(parties, 7, 3, ROWS);
        for (size_t row = 0; row < ROWS; row++)
            share(row, ((int64_t)8 << here.plan.f) - (int64_t)(draw(&seed) % (1u << (here.plan.f - 3))), &seed); /* within a step */
        play(1);
        for (size_t row = 0; row < ROWS; row++) {
            const double v = ldexp((double)sum(row), -(int)here.plan.f) / 4;

            assert_true(v < 0.01 || v > 0.99);
            high += v > 0.99;
        }
        assert_true(high > 0 && high < ROWS);
        assert_int_equal(counted(), ROWS);
        tear_down();
    }
}

static void threads_do_not_change_a_byte(void **state)
{
    (void)state;
    for (party parties = 2; parties <= 3; parties++) {
        struct wire_writer log[2][PARTIES_HERE];
        ring *out[2][PARTIES_HERE];

        for (uint32_t run = 0; run < 2; run++) {
            uint64_t seed = 5;

            set_up(parties, 7, 3, 777);
            for (size_t row = 0; row < 777; row++)
                share(row, (int64_t)(row * 100), &seed);
            here.sim.threads = run ? 3 : 0;
            play(3);
            for (party p = 0; p < parties; p++) {
                log[run][p] = here.sim.party[p].log;
                out[run][p] = here.out[p];
                here.sim.party[p].log = (struct wire_writer){0};
                here.out[p] = NULL;
            }
            tear_down();
        }
        for (party p = 0; p < parties; p++) {
            assert_int_equal(log[0][p].len, log[1][p].len);
            assert_memory_equal(log[0][p].bytes, log[1][p].bytes, log[0][p].len);
            assert_memory_equal(out[0][p], out[1][p], 777 * sizeof(ring));
            for (uint32_t run = 0; run < 2; run++) {
                wire_writer_clear(&log[run][p]);
                free(out[run][p]);
            }
        }
    }
}

/* ---- the tables themselves ---- */

static void the_table_holds_the_corrected_sigmoid_to_a_millionth_of_an_entry(void **state)
{
    (void)state;
    for (uint32_t bits = TABLE_BITS_MIN; bits <= TABLE_BITS_MAX; bits++)
        for (uint32_t range_log2 = 2; range_log2 <= 5; range_log2++)
            for (party parties = 2; parties <= PARTIES_MAX; parties++)
                for (uint32_t f = 12; f <= 20; f += 4) {
                    const struct plan plan = {.f = f, .table_bits = bits, .fore_bits = f + 1 + range_log2};
                    const double h = ldexp(1, (int)(1 + range_log2 - bits)), n = 1u << bits;
                    struct sigmoid_table table;

                    sigmoid_table_curve(&table, &plan, parties, 1, 1);
                    for (uint32_t j = 0; j < 1u << bits; j++) {
                        const double z = h * (fmod(j + parties / 2.0 + n / 2, n) - n / 2), s = 1 / (1 + exp(-z));
                        const double v = s - parties * h * h / 24 * s * (1 - s) * (1 - 2 * s);
                        const double entry = fmin(fmax(v, 0), 1) * ldexp(1, (int)f + 2) / table.unit;

                        assert_true(fabs(ldexp(table.level[j], -LEVEL_FRACTION) - entry) < 1e-6);
                        assert_true((table.level[j] + (1u << LEVEL_FRACTION) - 1) >> LEVEL_FRACTION <= 255);
                    }
                }
}

static void the_logit_is_right_to_half_a_unit(void **state)
{
    static const uint32_t values[] = {1, 2, 3, 7, 50, 221, 4650, 65535, 65536, 1000003, 4294967295u};
    enum { COUNT = sizeof values / sizeof values[0] };

    (void)state;
    for (size_t a = 0; a < COUNT; a++)
        for (size_t b = 0; b < COUNT; b++)
            for (uint32_t f = 12; f <= 20; f += 8)
                assert_true(fabs((double)sigmoid_table_logit(values[a], values[b], f) -
                                 ldexp(log((double)values[a] / values[b]), (int)f)) < 0.51);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_of_every_party_gives_its_entry),
        cmocka_unit_test(the_mean_over_random_shares_is_the_sigmoid),
        cmocka_unit_test(the_table_stands_around_the_base_rate),
        cmocka_unit_test(a_slope_takes_noise_away_and_leaves_the_mean),
        cmocka_unit_test(every_partys_share_looks_uniform_for_equal_scores),
        cmocka_unit_test(the_range_counts_what_is_near_the_end_and_nothing_else),
        cmocka_unit_test(a_score_at_the_end_of_the_table_wraps_and_is_counted),
        cmocka_unit_test(threads_do_not_change_a_byte),
        cmocka_unit_test(the_table_holds_the_corrected_sigmoid_to_a_millionth_of_an_entry),
        cmocka_unit_test(the_logit_is_right_to_half_a_unit),
    };

    return cmocka_run_group_tests_name("sigmoid", tests, NULL, NULL);
}
