/* An honest party is never blamed: sessions of random shapes verify and replay clean.  HEFU_FULL=1: a thousand of them. */
#include "kit/cmocka.h"
#include "kit/honest.h"
#include "kit/memory.h"

#include <stdlib.h>
#include <string.h>

#ifdef __OPTIMIZE__
enum { SESSIONS = 40 };
#else
enum { SESSIONS = 8 }; /* with sanitizers each takes a while */
#endif
enum { SESSIONS_FULL = 1000 };

static struct dataset data[PARTIES_MAX];
static struct sim sim, offline;
static struct wire_writer kept[PARTIES_MAX]; /* each party's preparation */

static status keep(void *ctx, struct preparation *p, struct fault *f)
{
    const struct sim_party *me = ctx;
    const struct byte_sink to = memory_sink(&kept[me->self]);

    return preparation_write(p, &to, f);
}

static status prepare(struct sim_party *me)
{
    struct dataset unlabelled = *me->data;

    unlabelled.label = NULL; /* labels come later */
    return party_prepare(&me->result, &me->ss, &unlabelled, &(struct party_keeper){me, keep});
}

static status train(struct sim_party *me)
{
    struct preparation p = {0};
    struct wire_reader r;
    const struct byte_source from = memory_source(&r);

    wire_reader_init(&r, kept[me->self].bytes, kept[me->self].len);
    TRY(preparation_read(&p, &sim.contract, me->self, &from, &me->ss.fault));
    return party_train(&me->result, &me->ss, me->data, &p);
}

/* Plays the session of that number; returns what is found against it. */
static const char *play(const struct honest_shape *s, uint64_t number)
{
    honest_lay(&sim, data, s, number);
    if (!s->ahead) {
        sim_approve(&sim, number);
        sim_run(&sim, NULL);
        return honest_complaint(&sim, NULL);
    }
    sim.stage = STAGE_OFFLINE;
    sim_approve(&sim, number);
    offline = sim;
    for (party p = 0; p < s->parties; p++)
        offline.party[p].sim = &offline;
    if (sim_run(&offline, prepare) != OK)
        return honest_complaint(&offline, NULL); /* stopped at a limit */
    sim.stage = STAGE_ONLINE;
    sim.preparation = offline.party[0].ss.preparation;
    sim_approve(&sim, number);
    sim_run(&sim, train);
    return honest_complaint(&sim, &offline);
}

static int ended_well(const struct honest_shape *s)
{
    return sim.party[0].outcome == OK && (!s->ahead || offline.party[0].outcome == OK) && sim.party[0].log.len > 0;
}

static void clear(const struct honest_shape *s)
{
    sim_clear(&sim);
    if (offline.contract.parties)
        sim_clear(&offline);
    for (party p = 0; p < s->parties; p++) {
        wire_writer_clear(&kept[p]);
        dataset_clear(&data[p]);
    }
}

static void honest_parties_are_never_blamed(void **state)
{
    const uint64_t sessions = getenv("HEFU_FULL") ? SESSIONS_FULL : SESSIONS;
    unsigned well = 0, parts = 0;

    (void)state;
    for (uint64_t number = 0; number < sessions; number++) {
        struct honest_shape s;
        const char *found;
        char words[160];

        honest_draw(&s, number, 5);
        found = play(&s, number);
        if (found) {
            honest_print(words, &s);
            fail_msg("session %llu, %s: %s", (unsigned long long)number, words, found);
        }
        well += ended_well(&s) != 0;
        parts += s.parties;
        clear(&s);
    }
    print_message("%llu sessions, %u parts: %u ended well, %llu stopped at a limit; nobody was blamed\n", (unsigned long long)sessions,
                  parts, well, (unsigned long long)sessions - well);
    assert_true(well >= sessions * 3 / 4);
}

/* The same questions find what a party changes in its log. */
static void a_log_that_was_changed_is_complained_of(void **state)
{
    const struct honest_shape s = {.parties = 2, .rows = 40, .key_bits = 384, .columns = 2, .passes = 2, .bins = 3};

    (void)state;
    assert_null(play(&s, 1));
    sim.party[1].log.bytes[sim.party[1].log.len / 2] ^= 1;
    assert_non_null(honest_complaint(&sim, NULL));
    sim.party[1].log.bytes[sim.party[1].log.len / 2] ^= 1;
    assert_null(honest_complaint(&sim, NULL));
    sim.party[0].bodies.bytes[sim.party[0].bodies.len - 1] ^= 1;
    assert_non_null(strstr(honest_complaint(&sim, NULL), "replay convicts p0"));
    clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_was_changed_is_complained_of),
        cmocka_unit_test(honest_parties_are_never_blamed),
    };

    return cmocka_run_group_tests_name("honest", tests, NULL, NULL);
}
