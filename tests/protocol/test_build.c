/* What a party states of its build counts when it is whole, of that session and signed by that party. */
#include "kit/cmocka.h"
#include "kit/suite.h"

#include "protocol/build.h"

#include <string.h>

static struct contract c;
static struct sign_secret identity[2];
static const struct hash id = {{1}}, session = {{2}};

static int set_up(void **state)
{
    (void)state;
    c = (struct contract){.suite = (uint8_t)kit_suite(), .parties = 2};
    for (party p = 0; p < 2; p++)
        sign_keypair(&c.party[p].identity, &identity[p], &(struct rng_key){.bytes = {(uint8_t)(p + 1)}, .suite = c.suite});
    return 0;
}

static struct build statement(const char *version, party signer)
{
    struct build b = {.contract = id, .session = session, .who = 1, .executable = {{3}}};
    uint8_t bytes[BUILD_SIGNED_BYTES];

    strcpy(b.version, version);
    build_signed_bytes(bytes, &b);
    sign_make(&b.signature, &identity[signer], BUILD_SIGN_TAG, bytes, sizeof bytes);
    return b;
}

static void assert_wrong(const struct build *b, const struct hash *contract, const struct hash *of, party who, const char *words)
{
    const char *wrong = build_wrong(b, &c, contract, of, who);

    assert_non_null(wrong);
    if (!strstr(wrong, words))
        fail_msg("%s; expected: %s", wrong, words);
}

static void it_comes_back_as_it_was_written_and_from_no_other_bytes(void **state)
{
    const struct build b = statement("0.1.0", 1);
    struct build back;
    uint8_t bytes[BUILD_BYTES + 1] = {0}, again[BUILD_BYTES];

    (void)state;
    build_encode(bytes, &b);
    assert_int_equal(build_decode(&back, bytes, BUILD_BYTES), OK);
    assert_string_equal(back.version, "0.1.0");
    build_encode(again, &back);
    assert_memory_equal(bytes, again, sizeof again);
    assert_int_equal(build_decode(&back, bytes, BUILD_BYTES - 1), STATUS_MALFORMED);
    assert_int_equal(build_decode(&back, bytes, BUILD_BYTES + 1), STATUS_MALFORMED);
    for (size_t i = 0; i < 11; i++) { /* magic, form, a party that cannot be */
        bytes[i] ^= 0x40;
        assert_int_equal(build_decode(&back, bytes, BUILD_BYTES), STATUS_MALFORMED);
        bytes[i] ^= 0x40;
    }
}

static void a_version_is_printable_and_ends_once(void **state)
{
    const struct build b = statement("0.1.0", 1), none = statement("", 1);
    enum { VERSION_AT = BUILD_SIGNED_BYTES - BUILD_VERSION_BYTES };
    struct build back;
    uint8_t bytes[BUILD_BYTES];

    (void)state;
    build_encode(bytes, &b);
    bytes[VERSION_AT + 1] = '\n';
    assert_int_equal(build_decode(&back, bytes, BUILD_BYTES), STATUS_MALFORMED);
    build_encode(bytes, &b);
    bytes[VERSION_AT + 10] = 'x'; /* behind its end */
    assert_int_equal(build_decode(&back, bytes, BUILD_BYTES), STATUS_MALFORMED);
    memset(bytes + VERSION_AT, 'x', BUILD_VERSION_BYTES);
    assert_int_equal(build_decode(&back, bytes, BUILD_BYTES), STATUS_MALFORMED);
    bytes[BUILD_SIGNED_BYTES - 1] = '\0';
    assert_int_equal(build_decode(&back, bytes, BUILD_BYTES), OK);
    build_encode(bytes, &none);
    assert_int_equal(build_decode(&back, bytes, BUILD_BYTES), STATUS_MALFORMED);
}

static void every_changed_bit_is_found(void **state)
{
    const struct build b = statement("0.1.0", 1);
    uint8_t bytes[BUILD_BYTES];

    (void)state;
    assert_null(build_wrong(&b, &c, &id, &session, 1));
    build_encode(bytes, &b);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        struct build back;

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (build_decode(&back, bytes, sizeof bytes) == OK && !build_wrong(&back, &c, &id, &session, 1))
            fail_msg("bit %zu can be changed", bit);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void what_does_not_hold_is_named(void **state)
{
    const struct hash another = {{9}};
    struct build b = statement("0.1.0", 1);

    (void)state;
    assert_wrong(&b, &another, &session, 1, "another session");
    assert_wrong(&b, &id, &another, 1, "another session");
    assert_wrong(&b, &id, &session, 0, "another party");
    b = statement("0.1.0", 0);
    assert_wrong(&b, &id, &session, 1, "not signed by the identity key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back_as_it_was_written_and_from_no_other_bytes),
        cmocka_unit_test(a_version_is_printable_and_ends_once),
        cmocka_unit_test(every_changed_bit_is_found),
        cmocka_unit_test(what_does_not_hold_is_named),
    };

    return cmocka_run_group_tests_name("build", tests, set_up, NULL);
}
