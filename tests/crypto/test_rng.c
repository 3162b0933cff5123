#include "testing.h"
#include "vectors/vectors.h"

static const struct rng_key counting_key = {.bytes = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                             16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};

static void stream_matches_its_vector_across_buffers(void **state)
{
    uint8_t out[600];
    struct rng g AUTO(rng_clear);

    (void)state;
    vector_rng(&g, "known answer", 0);
    rng_fill(&g, out, sizeof out);
    assert_hex(out, sizeof out, RNG_PLAIN);
}

static void addressed_stream_matches_its_vector(void **state)
{
    struct hash request;
    uint8_t out[64];
    struct rng g AUTO(rng_clear);

    (void)state;
    unhex(request.bytes, HASH_BYTES, RNG_ANSWERS);
    rng_init(&g, &counting_key,
             &(struct rng_address){
                 .purpose = "known answer", .peer = 1, .pass = 2, .index = UINT64_C(3) << 40, .answers = &request});
    rng_fill(&g, out, sizeof out);
    assert_hex(out, sizeof out, RNG_ADDRESSED);
}

static void derived_key_matches_its_vector_and_depends_on_label_and_context(void **state)
{
    struct rng_key key, other;

    (void)state;
    rng_key_derive(&key, &counting_key, "child", "context", 7);
    assert_hex(key.bytes, sizeof key.bytes, RNG_DERIVED);
    rng_key_derive(&other, &counting_key, "childc", "ontext", 6);
    assert_memory_not_equal(key.bytes, other.bytes, sizeof key.bytes);
    rng_key_derive(&other, &key, "child", "context", 7);
    assert_memory_not_equal(key.bytes, other.bytes, sizeof key.bytes);
}

static void the_stream_does_not_depend_on_how_it_is_cut(void **state)
{
    uint8_t whole[3000], pieces[3000];
    struct rng g AUTO(rng_clear), sizes AUTO(rng_clear);

    (void)state;
    test_rng(&sizes, "sizes");
    test_rng(&g, "cuts");
    rng_fill(&g, whole, sizeof whole);
    test_rng(&g, "cuts");
    for (size_t at = 0; at < sizeof pieces;) {
        size_t n = (size_t)rng_below(&sizes, 700);

        n = n > sizeof pieces - at ? sizeof pieces - at : n;
        rng_fill(&g, pieces + at, n);
        at += n;
    }
    assert_memory_equal(whole, pieces, sizeof whole);
}

/* Nine addresses that differ in one field, and one key that differs: ten streams, no two alike. */
static void every_field_of_the_address_and_the_key_separate_streams(void **state)
{
    const struct hash zero = {{0}}, one = {{1}};
    struct rng_key other_key = counting_key;
    const struct rng_address where[] = {
        {.purpose = "mask", .peer = 1, .pass = 1, .index = 1},
        {.purpose = "masks", .peer = 1, .pass = 1, .index = 1},
        {.purpose = "mask", .peer = 2, .pass = 1, .index = 1},
        {.purpose = "mask", .peer = 1, .pass = 2, .index = 1},
        {.purpose = "mask", .peer = 1, .pass = 1, .index = 2},
        {.purpose = "mask", .peer = 1, .pass = 1, .index = (UINT64_C(1) << 32) + 1},
        {.purpose = "mask", .peer = 1, .pass = 1, .index = 1, .answers = &zero},
        {.purpose = "mask", .peer = 1, .pass = 1, .index = 1, .answers = &one},
        {.purpose = "", .peer = 1, .pass = 1, .index = 1},
        {.purpose = "mask", .peer = 1, .pass = 1, .index = 1},
    };
    uint8_t out[COUNT_OF(where)][32];

    (void)state;
    other_key.bytes[31] ^= 0x80;
    for (size_t i = 0; i < COUNT_OF(where); i++) {
        struct rng g AUTO(rng_clear);

        rng_init(&g, i + 1 < COUNT_OF(where) ? &counting_key : &other_key, &where[i]);
        rng_fill(&g, out[i], sizeof out[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(out[i], out[j], sizeof out[i]);
    }
}

static void below_matches_its_vector_with_rejections(void **state)
{
    static const uint64_t expected[] = RNG_BELOW;
    struct rng g AUTO(rng_clear);

    (void)state;
    vector_rng(&g, "known answer", 0);
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(rng_below(&g, UINT64_C(3) << 62) % 1000003, expected[i]);
}

static void below_is_uniform(void **state)
{
    uint64_t counts[10] = {0}, thirds[3] = {0};
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "below");
    for (int i = 0; i < 100000; i++) {
        uint64_t v = rng_below(&g, 10);

        assert_true(v < 10);
        counts[v]++;
        thirds[rng_below(&g, UINT64_C(3) << 62) >> 62]++; /* taken mod 2^64 / 4 this would be 2 : 1 : 1 */
    }
    assert_true(chi_square(counts, 10) < 40); /* 9 degrees of freedom: beyond 40 once in 10^5 */
    assert_true(chi_square(thirds, 3) < 24);  /* 2 degrees: once in 10^5 */
    for (int i = 0; i < 100; i++)
        assert_int_equal(rng_below(&g, 1), 0);
}

static void below_mpz_matches_its_vector_and_stays_below(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(bound);
    BIGNUM(x);

    (void)state;
    vector_rng(&g, "known answer", 0);
    mpz_setbit(bound, 521);
    mpz_sub_ui(bound, bound, 1);
    rng_below_mpz(&g, x, bound);
    assert_mpz_hex(x, RNG_BELOW_MPZ);
    for (unsigned long b = 1; b < 300; b++) {
        mpz_set_ui(bound, b);
        rng_below_mpz(&g, x, bound);
        assert_true(mpz_sgn(x) >= 0 && mpz_cmp(x, bound) < 0);
    }
}

static void below_mpz_is_uniform(void **state)
{
    uint64_t counts[129] = {0};
    struct rng g AUTO(rng_clear);
    BIGNUM(bound);
    BIGNUM(x);

    (void)state;
    test_rng(&g, "below mpz");
    mpz_set_ui(bound, COUNT_OF(counts)); /* one more than a power of two: nearly half of the draws are rejected */
    for (int i = 0; i < 129000; i++) {
        rng_below_mpz(&g, x, bound);
        counts[mpz_get_ui(x)]++;
    }
    assert_true(chi_square(counts, COUNT_OF(counts)) < 210); /* 128 degrees: beyond 210 once in 10^5 */
}

static void bits_fills_exactly_the_bits_asked_for(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(x);
    BIGNUM(any);

    (void)state;
    test_rng(&g, "bits");
    for (size_t bits = 1; bits <= 70; bits++) {
        mpz_set_ui(any, 0);
        for (int i = 0; i < 64; i++) {
            rng_bits(&g, x, bits);
            assert_true(mpz_sgn(x) == 0 || mpz_sizeinbase(x, 2) <= bits);
            mpz_ior(any, any, x);
        }
        assert_int_equal(mpz_popcount(any), bits);
    }
}

static void unit_matches_its_vector_and_is_coprime(void **state)
{
    uint64_t counts[45] = {0}, units = 0;
    struct rng g AUTO(rng_clear);
    BIGNUM(n);
    BIGNUM(x);
    BIGNUM(gcd);

    (void)state;
    vector_rng(&g, "known answer", 0);
    mpz_set_ui(n, 3UL * 5 * 7 * 11 * 13 * 17 * 19 * 23);
    mpz_mul_2exp(n, n, 30);
    rng_unit_mpz(&g, x, n);
    assert_mpz_hex(x, RNG_UNIT);
    mpz_set_ui(n, 45);
    for (int i = 0; i < 4800; i++) {
        rng_unit_mpz(&g, x, n);
        mpz_gcd(gcd, x, n);
        assert_int_equal(mpz_cmp_ui(gcd, 1), 0);
        counts[mpz_get_ui(x)]++;
    }
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        units += counts[i] > 0;
    assert_int_equal(units, 24); /* phi(45): all of them turn up */
}

static void permutation_matches_its_vector(void **state)
{
    static const uint32_t expected[] = RNG_PERMUTATION;
    uint32_t perm[COUNT_OF(expected)];
    struct rng g AUTO(rng_clear);

    (void)state;
    vector_rng(&g, "known answer", 0);
    rng_permutation(&g, perm, COUNT_OF(perm));
    assert_memory_equal(perm, expected, sizeof expected);
}

static void permutation_holds_every_index_once(void **state)
{
    static uint32_t perm[1000];
    static uint8_t seen[1000];
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "permutation");
    for (uint32_t len = 0; len <= COUNT_OF(perm); len += 37) {
        memset(seen, 0, sizeof seen);
        rng_permutation(&g, perm, len);
        for (uint32_t i = 0; i < len; i++) {
            assert_true(perm[i] < len);
            assert_int_equal(seen[perm[i]]++, 0);
        }
    }
}

static void permutation_is_uniform_over_all_orders_of_four(void **state)
{
    uint64_t counts[256] = {0}, orders[24];
    size_t found = 0;
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "orders");
    for (int i = 0; i < 24000; i++) {
        uint32_t perm[4];

        rng_permutation(&g, perm, 4);
        counts[perm[0] | perm[1] << 2 | perm[2] << 4 | perm[3] << 6]++;
    }
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        if (counts[i]) {
            assert_true(found < 24);
            orders[found++] = counts[i];
        }
    assert_int_equal(found, 24);
    assert_true(chi_square(orders, 24) < 65); /* 23 degrees: beyond 65 once in 10^5 */
}

static void clear_leaves_zeros(void **state)
{
    const struct rng zero = {0};
    struct rng g;

    (void)state;
    test_rng(&g, "clear");
    (void)rng_u64(&g);
    rng_clear(&g);
    assert_memory_equal(&g, &zero, sizeof g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_matches_its_vector_across_buffers),
        cmocka_unit_test(addressed_stream_matches_its_vector),
        cmocka_unit_test(derived_key_matches_its_vector_and_depends_on_label_and_context),
        cmocka_unit_test(the_stream_does_not_depend_on_how_it_is_cut),
        cmocka_unit_test(every_field_of_the_address_and_the_key_separate_streams),
        cmocka_unit_test(below_matches_its_vector_with_rejections),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(below_mpz_matches_its_vector_and_stays_below),
        cmocka_unit_test(below_mpz_is_uniform),
        cmocka_unit_test(bits_fills_exactly_the_bits_asked_for),
        cmocka_unit_test(unit_matches_its_vector_and_is_coprime),
        cmocka_unit_test(permutation_matches_its_vector),
        cmocka_unit_test(permutation_holds_every_index_once),
        cmocka_unit_test(permutation_is_uniform_over_all_orders_of_four),
        cmocka_unit_test(clear_leaves_zeros),
    };

    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
