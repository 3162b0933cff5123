#include "kit/cmocka.h"
#include "kit/sim.h"
#include "crypto/group.h"
#include "protocol/align.h"
#include "protocol/handshake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static status align_only(struct sim_party *me)
{
    struct hash data = {{0}};
    const struct dataset *d = me->data;
    struct party_result *r = &me->result;
    uint32_t common = 0;

    TRY(handshake_run(&me->ss, &data));
    TRY(align_run(&me->ss, &r->position, &common, d->ids, d->rows));
    TRY(alloc_zeroed(&r->role, common, 1));
    TRY(align_split(&me->ss, r->role, common, NULL));
    r->population = me->ss.population;
    return OK;
}

/* Number of ids in all tables, by brute force. */
static uint32_t count_common(const struct dataset *data, party parties)
{
    uint32_t common = 0;

    for (uint32_t i = 0; i < data[0].rows; i++) {
        party found = 1;

        for (party p = 1; p < parties; p++)
            for (uint32_t j = 0; j < data[p].rows; j++)
                if (strcmp(data[0].ids[i], data[p].ids[j]) == 0) {
                    found++;
                    break;
                }
        common += found == parties;
    }
    return common;
}

static void the_intersection_is_exact_and_in_one_order_for_2_to_6_parties(void **state)
{
    (void)state;
    for (party parties = 2; parties <= 6; parties++) {
        struct dataset data[6];
        struct sim sim;
        uint32_t common;

        for (party p = 0; p < parties; p++)
            sim_dataset(&data[p], 3, p, 90 + p * 5u, 130, 1, 3, p == 0);
        common = count_common(data, parties);
        assert_true(common >= 10);
        sim_contract(&sim, parties, data, 256, 2);
        sim_approve(&sim, parties);
        sim.threads = parties % 3;
        assert_int_equal(sim_run(&sim, align_only), OK);
        for (party p = 0; p < parties; p++) {
            const struct party_result *mine = &sim.party[p].result, *first = &sim.party[0].result;

            assert_int_equal(mine->population.rows, common);
            assert_int_equal(mine->population.test, common * 300 / 1000);
            assert_memory_equal(mine->role, first->role, common);
            for (uint32_t i = 0; i < common; i++)
                assert_string_equal(data[p].ids[mine->position[i]], data[0].ids[first->position[i]]);
        }
        sim_clear(&sim);
        for (party p = 0; p < parties; p++)
            dataset_clear(&data[p]);
    }
}

static void disjoint_tables_end_with_a_helpful_sentence_at_every_party(void **state)
{
    struct dataset data[2];
    struct sim sim;

    (void)state;
    for (party p = 0; p < 2; p++) {
        sim_dataset(&data[p], 3, p, 30, 30, 1, 3, p == 0);
        for (uint32_t r = 0; r < 30; r++)
            data[p].ids[r][0] = (char)('A' + p);
    }
    sim_contract(&sim, 2, data, 256, 2);
    sim_approve(&sim, 1);
    sim_run(&sim, align_only);
    for (party p = 0; p < 2; p++) {
        assert_int_equal(sim.party[p].outcome, STATUS_LIMIT);
        assert_non_null(strstr(sim.party[p].ss.fault.message, "no person in common"));
        assert_true(sim.party[p].ss.fault.hint[0] != 0);
    }
    sim_clear(&sim);
    dataset_clear(&data[0]);
    dataset_clear(&data[1]);
}

/* ---- progress ---- */

enum { MANY = 5000 }; /* more than one block of points */

struct shown {
    uint64_t times, done, total;
    int backwards;
};

static void show(void *ctx, uint16_t phase, uint32_t pass, uint64_t done, uint64_t total)
{
    struct shown *shown = ctx;

    if (phase != PHASE_ALIGN)
        return;
    assert(pass == 0);
    shown->backwards |= done <= shown->done;
    *shown = (struct shown){shown->times + 1, done, total, shown->backwards};
}

static struct shown shown[2];

static status shown_alignment(struct sim_party *me)
{
    me->ss.progress = (struct progress){&shown[me->self], show};
    return align_only(me);
}

static void progress_is_shown_to_the_last_point(void **state)
{
    struct dataset data[2];
    struct sim sim;

    (void)state;
    for (party p = 0; p < 2; p++)
        sim_dataset(&data[p], 3, p, MANY + p, MANY + 100, 1, 3, p == 0);
    sim_contract(&sim, 2, data, 256, 2);
    sim_approve(&sim, 1);
    sim.threads = 2;
    assert_int_equal(sim_run(&sim, shown_alignment), OK);
    for (party p = 0; p < 2; p++) {
        assert_true(shown[p].times >= 4);
        assert_int_equal(shown[p].total, 2 * MANY + 1);
        assert_int_equal(shown[p].done, shown[p].total);
        assert_false(shown[p].backwards);
    }
    sim_clear(&sim);
    dataset_clear(&data[0]);
    dataset_clear(&data[1]);
}

/* ---- cheating ---- */

/* A party that deviates: its body of an alignment sends a changed set. */
enum { TWICE = 3 };
static int cheat;

static status cheating_set(struct sim_party *me)
{
    const uint32_t rows = me->data->rows;
    struct hash data = {{0}};
    uint8_t *set = calloc(rows, 32);
    status result;

    if (me->self != 0) {
        free(set);
        return align_only(me);
    }
    assert_non_null(set);
    result = handshake_run(&me->ss, &data);
    for (uint32_t i = 0; i < rows; i++) {
        /* 0: above the field's prime; 1: the identity; 2: odd numbers, which encode nothing */
        memset(set + i * 32u, cheat == 0 ? 0xff : 0, 32);
        set[i * 32u] = (uint8_t)(cheat == 1 ? 0 : cheat == 2 ? 1 + 2 * i : 0xff);
    }
    for (uint32_t i = 0; i < rows && cheat == TWICE; i++) /* good points, the first one also the last */
        group_hash((struct group_element *)(set + i * 32u), &me->ss.contract_id, 0, me->data->ids[i % (rows - 1)], 11);
    if (result == OK)
        result = session_send_vector(&me->ss, 1, MESSAGE_psi_set, 0, set, ITEM_PSI_SET, rows);
    free(set);
    return result == OK ? STATUS_CANCELLED : result;
}

static void points_outside_the_group_identity_repeats_and_non_canonical_encodings_are_refused(void **state)
{
    (void)state;
    for (cheat = 0; cheat <= TWICE; cheat++) {
        struct dataset data[2];
        struct sim sim;

        for (party p = 0; p < 2; p++)
            sim_dataset(&data[p], 3, p, 30, 30, 1, 3, p == 0);
        sim_contract(&sim, 2, data, 256, 2);
        sim_approve(&sim, 1);
        sim_run(&sim, cheating_set);
        assert_int_equal(sim.party[1].outcome, STATUS_MALFORMED);
        assert_int_equal(sim.party[1].ss.blamed, 0);
        assert_non_null(strstr(sim.party[1].ss.fault.message, cheat == TWICE ? "p0 sent the same point" : "p0 sent a point"));
        sim_clear(&sim);
        dataset_clear(&data[0]);
        dataset_clear(&data[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_intersection_is_exact_and_in_one_order_for_2_to_6_parties),
        cmocka_unit_test(disjoint_tables_end_with_a_helpful_sentence_at_every_party),
        cmocka_unit_test(progress_is_shown_to_the_last_point),
        cmocka_unit_test(points_outside_the_group_identity_repeats_and_non_canonical_encodings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
