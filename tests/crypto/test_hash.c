#include "testing.h"
#include "vectors/vectors.h"

static void hash_of(struct hash *out, const char *tag, const char *a, const char *b)
{
    struct hasher h;

    hasher_init(&h, SUITE_INT1, tag);
    hasher_add(&h, a, strlen(a));
    hasher_add(&h, b, strlen(b));
    hasher_final(&h, out);
}

static void tuple_hash_matches_its_vector(void **state)
{
    struct hasher h;
    struct hash range, out;

    (void)state;
    for (uint8_t i = 0; i < HASH_BYTES; i++)
        range.bytes[i] = i;
    hasher_init(&h, SUITE_INT1, "hefu/test/v1");
    hasher_add(&h, "abc", 3);
    hasher_add(&h, NULL, 0);
    hasher_add_u64(&h, 7);
    hasher_add_hash(&h, &range);
    hasher_final(&h, &out);
    assert_hex(out.bytes, HASH_BYTES, HASH_TUPLE);
}

/* Every way to cut "abcd" into tag and two parts: fifteen tuples, all with the same bytes in the same order. */
static void no_two_cuts_of_the_same_bytes_hash_alike(void **state)
{
    const char *text = "abcd";
    struct hash seen[15];
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i <= 4; i++)
        for (size_t j = i; j <= 4; j++) {
            char tag[5] = "", a[5] = "", b[5] = "";

            memcpy(tag, text, i);
            memcpy(a, text + i, j - i);
            memcpy(b, text + j, 4 - j);
            hash_of(&seen[count++], tag, a, b);
        }
    assert_int_equal(count, 15);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(hash_equal(&seen[i], &seen[j]));
}

static void peek_gives_the_hash_so_far_and_disturbs_nothing(void **state)
{
    struct hasher h;
    struct hash peeked, again, whole, expected;

    (void)state;
    hasher_init(&h, SUITE_INT1, "t");
    hasher_add(&h, "a", 1);
    hasher_peek(&h, &peeked);
    hasher_peek(&h, &again);
    hasher_add(&h, "b", 1);
    hasher_final(&h, &whole);
    hash_of(&expected, "t", "a", "b");
    assert_true(hash_equal(&whole, &expected));
    assert_true(hash_equal(&peeked, &again));
    assert_false(hash_equal(&peeked, &whole));
}

static void keyed_hash_matches_its_vector_and_depends_on_every_input(void **state)
{
    uint8_t key[32];
    struct hash out, other;

    (void)state;
    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    hash_keyed(&out, SUITE_INT1, key, "body", "hello", 5);
    assert_hex(out.bytes, HASH_BYTES, HASH_KEYED);
    hash_keyed(&other, SUITE_INT1, key, "bodyh", "ello", 4);
    assert_false(hash_equal(&out, &other));
    hash_keyed(&other, SUITE_INT1, key, "body", "hellp", 5);
    assert_false(hash_equal(&out, &other));
    key[31] ^= 1;
    hash_keyed(&other, SUITE_INT1, key, "body", "hello", 5);
    assert_false(hash_equal(&out, &other));
}

static void equal_sees_every_flipped_bit(void **state)
{
    struct hash a = {{0}}, b;

    (void)state;
    assert_true(hash_equal(&a, &a));
    for (unsigned bit = 0; bit < 8 * HASH_BYTES; bit++) {
        b = a;
        b.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(hash_equal(&a, &b));
    }
}

static void hex_is_lower_case_and_complete(void **state)
{
    struct hash h;
    char text[2 * HASH_BYTES + 1];

    (void)state;
    for (uint8_t i = 0; i < HASH_BYTES; i++)
        h.bytes[i] = (uint8_t)(255 - i);
    hash_hex(&h, text);
    assert_string_equal(text, "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0");
}

/* RFC 6962, 2.1: the root of leaves[0..n) by splitting at the largest power of two below n. */
static void root_by_recursion(struct hash *out, const struct hash *leaves, size_t n)
{
    struct hash left, right;
    size_t k = 1;

    if (n == 1) {
        *out = leaves[0];
        return;
    }
    while (2 * k < n)
        k *= 2;
    root_by_recursion(&left, leaves, k);
    root_by_recursion(&right, leaves + k, n - k);
    merkle_node(out, SUITE_INT1, &left, &right);
}

static void merkle_root_equals_the_recursion_of_rfc_6962_for_sizes_1_to_70(void **state)
{
    struct hash leaves[70], root, expected;
    struct merkle m = {.suite = SUITE_INT1};

    (void)state;
    for (size_t n = 1; n <= 70; n++) {
        uint8_t data[2] = {(uint8_t)n, 0x55};

        merkle_leaf(&leaves[n - 1], SUITE_INT1, data, sizeof data);
        merkle_append(&m, &leaves[n - 1]);
        merkle_root(&m, &root);
        root_by_recursion(&expected, leaves, n);
        assert_true(hash_equal(&root, &expected));
        assert_int_equal(m.size, n);
    }
}

static void merkle_roots_match_their_vectors(void **state)
{
    static const char *const expected[] = HASH_MERKLE;
    struct merkle m = {.suite = SUITE_INT1};
    struct hash root, leaf;

    (void)state;
    for (size_t n = 0; n < COUNT_OF(expected); n++) {
        uint8_t data[16];

        merkle_root(&m, &root);
        assert_hex(root.bytes, HASH_BYTES, expected[n]);
        memset(data, (int)n, sizeof data);
        merkle_leaf(&leaf, SUITE_INT1, data, n);
        merkle_append(&m, &leaf);
    }
}

/* A leaf that spells out two child hashes is not taken for their parent. */
static void a_leaf_never_passes_for_a_node(void **state)
{
    struct hash left = {{1}}, right = {{2}}, node, leaf;
    uint8_t both[2 * HASH_BYTES];

    (void)state;
    memcpy(both, left.bytes, HASH_BYTES);
    memcpy(both + HASH_BYTES, right.bytes, HASH_BYTES);
    merkle_node(&node, SUITE_INT1, &left, &right);
    merkle_leaf(&leaf, SUITE_INT1, both, sizeof both);
    assert_false(hash_equal(&node, &leaf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tuple_hash_matches_its_vector),
        cmocka_unit_test(no_two_cuts_of_the_same_bytes_hash_alike),
        cmocka_unit_test(peek_gives_the_hash_so_far_and_disturbs_nothing),
        cmocka_unit_test(keyed_hash_matches_its_vector_and_depends_on_every_input),
        cmocka_unit_test(equal_sees_every_flipped_bit),
        cmocka_unit_test(hex_is_lower_case_and_complete),
        cmocka_unit_test(merkle_root_equals_the_recursion_of_rfc_6962_for_sizes_1_to_70),
        cmocka_unit_test(merkle_roots_match_their_vectors),
        cmocka_unit_test(a_leaf_never_passes_for_a_node),
    };

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
