/* A statement that secrets were destroyed counts when it is whole, of that session, in time and signed by that party. */
#include "kit/cmocka.h"
#include "kit/suite.h"

#include "protocol/destroyed.h"

#include <string.h>

static struct contract c;
static struct sign_secret identity[2];
static const struct hash id = {{1}}, session = {{2}};

static int set_up(void **state)
{
    (void)state;
    c = (struct contract){.suite = (uint8_t)kit_suite(), .parties = 2, .not_after = 1000, .replay = REPLAY_SEALED, .retention_days = 2, .auditor = "Auditor"};
    for (party p = 0; p < 2; p++)
        sign_keypair(&c.party[p].identity, &identity[p], &(struct rng_key){.bytes = {(uint8_t)(p + 1)}, .suite = c.suite});
    return 0;
}

static struct destroyed statement(uint64_t when, uint32_t what, party signer)
{
    struct destroyed d = {.contract = id, .session = session, .who = 1, .what = what, .when = when};
    uint8_t bytes[DESTROYED_SIGNED_BYTES];

    destroyed_signed_bytes(bytes, &d);
    sign_make(&d.signature, &identity[signer], DESTROYED_SIGN_TAG, bytes, sizeof bytes);
    return d;
}

static void assert_wrong(const struct destroyed *d, const struct hash *of, party who, const char *words)
{
    const char *wrong = destroyed_wrong(d, &c, &id, of, who);

    assert_non_null(wrong);
    if (!strstr(wrong, words))
        fail_msg("%s; expected: %s", wrong, words);
}

static void an_honest_statement_counts(void **state)
{
    const struct destroyed d = statement(1000 + 2 * 86400, 7, 1);

    (void)state;
    assert_null(destroyed_wrong(&d, &c, &id, &session, 1));
}

static void it_comes_back_as_it_was_written_and_from_no_other_bytes(void **state)
{
    const struct destroyed d = statement(500000, 7, 1);
    struct destroyed back;
    uint8_t bytes[DESTROYED_BYTES + 1] = {0}, again[DESTROYED_BYTES];

    (void)state;
    destroyed_encode(bytes, &d);
    assert_int_equal(destroyed_decode(&back, bytes, DESTROYED_BYTES), OK);
    destroyed_encode(again, &back);
    assert_memory_equal(bytes, again, sizeof again);
    assert_int_equal(destroyed_decode(&back, bytes, DESTROYED_BYTES - 1), STATUS_MALFORMED);
    assert_int_equal(destroyed_decode(&back, bytes, DESTROYED_BYTES + 1), STATUS_MALFORMED);
    for (size_t i = 0; i < 11; i++) { /* magic, version, a party that cannot be */
        bytes[i] ^= 0x40;
        assert_int_equal(destroyed_decode(&back, bytes, DESTROYED_BYTES), STATUS_MALFORMED);
        bytes[i] ^= 0x40;
    }
}

static void every_changed_bit_is_found(void **state)
{
    const struct destroyed d = statement(500000, 7, 1);
    uint8_t bytes[DESTROYED_BYTES];

    (void)state;
    destroyed_encode(bytes, &d);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        struct destroyed back;

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (destroyed_decode(&back, bytes, sizeof bytes) == OK && !destroyed_wrong(&back, &c, &id, &session, 1))
            fail_msg("bit %zu can be changed", bit);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void what_does_not_hold_is_named(void **state)
{
    const struct hash another = {{9}};
    struct destroyed d = statement(1000 + 2 * 86400 - 1, 7, 1);

    (void)state;
    assert_wrong(&d, &session, 1, "before the contract allows");
    d = statement(500000, 7, 1);
    assert_wrong(&d, &another, 1, "another session");
    assert_wrong(&d, &session, 0, "another party");
    d = statement(500000, 7, 0);
    assert_wrong(&d, &session, 1, "not signed by the identity key");
    d = statement(500000, DESTROYED_SECRETS | DESTROYED_BODIES, 1);
    assert_wrong(&d, &session, 1, "all of it");
}

static void without_an_auditor_there_is_no_seal_and_with_replay_off_no_date(void **state)
{
    struct destroyed d = statement(1, DESTROYED_SECRETS | DESTROYED_BODIES, 1);
    const struct contract sealed = c;

    (void)state;
    c.auditor[0] = '\0';
    c.replay = REPLAY_OFF;
    assert_null(destroyed_wrong(&d, &c, &id, &session, 1));
    c = sealed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_statement_counts),
        cmocka_unit_test(it_comes_back_as_it_was_written_and_from_no_other_bytes),
        cmocka_unit_test(every_changed_bit_is_found),
        cmocka_unit_test(what_does_not_hold_is_named),
        cmocka_unit_test(without_an_auditor_there_is_no_seal_and_with_replay_off_no_date),
    };

    return cmocka_run_group_tests_name("destroyed", tests, set_up, NULL);
}
