#include "testing.h"

static void bytes_are_big_endian_and_padded_to_their_length(void **state)
{
    uint8_t b[6];
    BIGNUM(x);

    (void)state;
    mpz_set_ui(x, 0x01020304);
    bignum_put(b, sizeof b, x);
    assert_hex(b, sizeof b, "000001020304");
    mpz_set_ui(x, 0);
    bignum_put(b, sizeof b, x);
    assert_hex(b, sizeof b, "000000000000");
    mpz_set_str(x, "ffffffffffff", 16);
    bignum_put(b, sizeof b, x);
    assert_hex(b, sizeof b, "ffffffffffff");
}

static void get_inverts_put_for_every_length(void **state)
{
    uint8_t b[80];
    struct rng g AUTO(rng_clear);
    BIGNUM(x);
    BIGNUM(y);

    (void)state;
    test_rng(&g, "bignum");
    for (size_t bits = 1; bits <= 8 * sizeof b; bits++) {
        rng_bits(&g, x, bits);
        bignum_put(b, sizeof b, x);
        bignum_get(y, b, sizeof b);
        assert_mpz_equal(x, y);
        bignum_put(b, (bits + 7) / 8, x);
        bignum_get(y, b, (bits + 7) / 8);
        assert_mpz_equal(x, y);
    }
}

static void limbs_come_back_whatever_the_size(void **state)
{
    mp_limb_t limbs[5];
    struct rng g AUTO(rng_clear);
    BIGNUM(x);
    BIGNUM(y);

    (void)state;
    test_rng(&g, "limbs");
    for (size_t bits = 1; bits <= 64 * COUNT_OF(limbs); bits++) {
        rng_bits(&g, x, bits);
        bignum_limbs_put(limbs, COUNT_OF(limbs), x);
        assert_int_equal(limbs[0], mpz_getlimbn(x, 0));
        bignum_limbs_get(y, limbs, COUNT_OF(limbs));
        assert_mpz_equal(x, y);
    }
    mpz_set_ui(x, 0);
    bignum_limbs_put(limbs, COUNT_OF(limbs), x);
    bignum_limbs_get(y, limbs, COUNT_OF(limbs));
    assert_int_equal(mpz_sgn(y), 0);
}

static void an_array_starts_at_zero(void **state)
{
    mpz_t *array;

    (void)state;
    assert_int_equal(bignum_array_new(&array, 10), OK);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(mpz_sgn(array[i]), 0);
    mpz_setbit(array[9], 5000);
    bignum_array_free(array, 10);
    bignum_array_free(NULL, 10);
}

/* Last: the allocators stay for the rest of the process. */
static void arithmetic_is_the_same_when_freed_memory_is_wiped(void **state)
{
    void *(*grow)(void *, size_t, size_t);
    void *(*get)(size_t);
    void (*put)(void *, size_t);
    uint8_t *p;

    (void)state;
    bignum_wipe_freed_memory();
    mp_get_memory_functions(&get, &grow, &put);
    p = get(64);
    memset(p, 0x5a, 64);
    p = grow(p, 64, 4096);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(p[i], 0x5a);
    p = grow(p, 4096, 16);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(p[i], 0x5a);
    put(p, 16);
    get_inverts_put_for_every_length(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_big_endian_and_padded_to_their_length),
        cmocka_unit_test(get_inverts_put_for_every_length),
        cmocka_unit_test(limbs_come_back_whatever_the_size),
        cmocka_unit_test(an_array_starts_at_zero),
        cmocka_unit_test(arithmetic_is_the_same_when_freed_memory_is_wiped),
    };

    return cmocka_run_group_tests_name("bignum", tests, NULL, NULL);
}
