/* A list of the people who signed counts when all of it is theirs: each of them once, on this attempt at this party. */
#include "kit/cmocka.h"
#include "kit/suite.h"

#include "protocol/approver.h"

#include <string.h>

static const struct hash id = {{1}};
static struct sign_secret secret[3];
static struct approvers honest;

static struct approver person(const char *name, size_t key, const struct hash *contract, uint32_t attempt, const char *party_name)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct approver a = {.name = ""};

    strcpy(a.name, name);
    sign_keypair(&a.key, &secret[key], &(struct rng_key){.bytes = {(uint8_t)(key + 1)}, .suite = (uint8_t)kit_suite()});
    approver_statement(&w, contract, attempt, party_name, name);
    sign_make(&a.signature, &secret[key], APPROVER_SIGN_TAG, w.bytes, w.len);
    return a;
}

static int set_up(void **state)
{
    (void)state;
    honest = (struct approvers){3, {person("ada", 0, &id, 4, "bank"), person("bob", 1, &id, 4, "bank"), person("cy", 2, &id, 4, "bank")}};
    return 0;
}

static void assert_wrong(const struct approvers *a, const struct hash *contract, uint32_t attempt, const char *party_name,
                         const char *words)
{
    const char *wrong = approvers_wrong(a, contract, attempt, party_name);

    assert_non_null(wrong);
    if (!strstr(wrong, words))
        fail_msg("%s; expected: %s", wrong, words);
}

static void people_who_signed_count(void **state)
{
    (void)state;
    assert_null(approvers_wrong(&honest, &id, 4, "bank"));
}

static void a_list_comes_back_as_it_was_written_and_from_no_other_bytes(void **state)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0}, again AUTO(wire_writer_clear) = {0};
    struct approvers back;

    (void)state;
    approvers_encode(&w, &honest);
    assert_true(w.len <= APPROVERS_BYTES_MAX);
    assert_int_equal(approvers_decode(&back, w.bytes, w.len), OK);
    approvers_encode(&again, &back);
    assert_int_equal(again.len, w.len);
    assert_memory_equal(again.bytes, w.bytes, w.len);
    for (size_t len = 0; len < w.len; len++)
        assert_int_equal(approvers_decode(&back, w.bytes, len), STATUS_MALFORMED);
    wire_put_u8(&w, 0);
    assert_int_equal(approvers_decode(&back, w.bytes, w.len), STATUS_MALFORMED);
    assert_int_equal(approvers_decode(&back, (const uint8_t *)"\0\0", 2), STATUS_MALFORMED);
    store_u16(w.bytes, APPROVERS_MAX + 1);
    assert_int_equal(approvers_decode(&back, w.bytes, w.len), STATUS_MALFORMED);
}

static void no_bit_of_a_list_can_be_changed(void **state)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct approvers back;

    (void)state;
    approvers_encode(&w, &honest);
    for (size_t bit = 0; bit < 8 * w.len; bit++) {
        w.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (approvers_decode(&back, w.bytes, w.len) == OK && !approvers_wrong(&back, &id, 4, "bank"))
            fail_msg("bit %zu can be changed", bit);
        w.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void the_hash_tells_lists_suites_and_orders_apart(void **state)
{
    static const struct hash zero;
    struct wire_writer w AUTO(wire_writer_clear) = {0}, swapped AUTO(wire_writer_clear) = {0};
    const struct approvers other = {3, {honest.of[1], honest.of[0], honest.of[2]}};
    struct hash one, two, none;

    (void)state;
    approvers_encode(&w, &honest);
    approvers_encode(&swapped, &other);
    assert_null(approvers_wrong(&other, &id, 4, "bank")); /* only the hash tells */
    approvers_hash(&one, kit_suite(), w.bytes, w.len);
    approvers_hash(&two, kit_suite(), swapped.bytes, swapped.len);
    assert_false(hash_equal(&one, &two));
    approvers_hash(&two, kit_suite() == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1, w.bytes, w.len);
    assert_false(hash_equal(&one, &two));
    approvers_hash(&none, kit_suite(), NULL, 0);
    assert_true(hash_equal(&none, &zero));
}

static void nobody_counts_twice(void **state)
{
    struct approvers a = {2, {honest.of[0], honest.of[0]}};

    (void)state;
    assert_wrong(&a, &id, 4, "bank", "twice");
    a.of[1] = person("bob", 0, &id, 4, "bank"); /* one key, two names, both signed */
    assert_wrong(&a, &id, 4, "bank", "twice");
    a.of[1] = person("ada", 1, &id, 4, "bank"); /* one name, two keys */
    assert_wrong(&a, &id, 4, "bank", "twice");
}

static void what_was_signed_elsewhere_does_not_count(void **state)
{
    const struct hash another = {{2}};

    (void)state;
    assert_wrong(&honest, &another, 4, "bank", "not that person's");
    assert_wrong(&honest, &id, 5, "bank", "not that person's");
    assert_wrong(&honest, &id, 4, "tax", "not that person's");
}

static void keys_of_either_suite_count(void **state)
{
    struct approvers a = honest;

    (void)state;
    sign_keypair(&a.of[1].key, &secret[1],
                 &(struct rng_key){.bytes = {9}, .suite = kit_suite() == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1});
    assert_wrong(&a, &id, 4, "bank", "not that person's");
    {
        struct wire_writer w AUTO(wire_writer_clear) = {0};

        approver_statement(&w, &id, 4, "bank", "bob");
        sign_make(&a.of[1].signature, &secret[1], APPROVER_SIGN_TAG, w.bytes, w.len);
    }
    assert_null(approvers_wrong(&a, &id, 4, "bank"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_who_signed_count),
        cmocka_unit_test(a_list_comes_back_as_it_was_written_and_from_no_other_bytes),
        cmocka_unit_test(no_bit_of_a_list_can_be_changed),
        cmocka_unit_test(the_hash_tells_lists_suites_and_orders_apart),
        cmocka_unit_test(nobody_counts_twice),
        cmocka_unit_test(what_was_signed_elsewhere_does_not_count),
        cmocka_unit_test(keys_of_either_suite_count),
    };

    return cmocka_run_group_tests_name("approver", tests, set_up, NULL);
}
