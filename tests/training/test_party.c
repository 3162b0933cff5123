#include "kit/sim.h"
#include "kit/cmocka.h"

static void a_small_session_of_three_parties_ends_well(void **state)
{
    struct dataset data[3];
    struct sim sim;

    (void)state;
    for (party p = 0; p < 3; p++)
        sim_dataset(&data[p], 7, p, 80, 100, 3, 4, p == 0);
    sim_contract(&sim, 3, data, 384, 4);
    sim_approve(&sim, 1);
    if (sim_run(&sim, NULL) != OK)
        for (party p = 0; p < 3; p++)
            print_message("%u: %s\n", p, sim.party[p].ss.fault.message);
    for (party p = 0; p < 3; p++)
        assert_int_equal(sim.party[p].outcome, OK);
    print_message("common %u train %u auc %f alone %f\n", sim.party[0].result.population.rows,
                  sim.party[0].result.population.train, sim.party[0].result.auc, sim.party[0].result.alone_auc);
    sim_clear(&sim);
    for (party p = 0; p < 3; p++)
        dataset_clear(&data[p]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_session_of_three_parties_ends_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
