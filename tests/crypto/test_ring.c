#include "crypto/ring.h"

#include "testing.h"

static void to_signed_is_the_symmetric_residue_for_every_small_ring(void **state)
{
    (void)state;
    for (uint32_t k = 1; k <= 10; k++)
        for (int x = -(1 << (k - 1)); x < 1 << (k - 1); x++) {
            assert_true(ring_to_signed((ring)x & ring_mask(k), k) == x);
            assert_true(ring_to_signed((ring)x, k) == x); /* whatever stands above bit k */
        }
}

static void to_signed_takes_the_extremes_of_the_widest_ring(void **state)
{
    const ring half = (ring)1 << 126;

    (void)state;
    assert_true(ring_to_signed(half - 1, 127) == (ring_signed)(half - 1));
    assert_true(ring_to_signed(half, 127) == -(ring_signed)half);
    assert_true(ring_to_signed(ring_mask(127), 127) == -1);
}

/* x / 2^shift to the nearest integer, halves up, by search. */
static long nearest(long x, uint32_t shift)
{
    long d = 1L << shift, best = x / d - 2;

    for (long q = best; q <= x / d + 2; q++)
        if (labs(2 * (q * d - x)) <= labs(2 * (best * d - x)))
            best = q;
    return best;
}

static void round_shift_is_the_nearest_integer_halves_up(void **state)
{
    (void)state;
    for (uint32_t shift = 1; shift <= 6; shift++)
        for (long x = -300; x <= 300; x++)
            assert_int_equal((long)ring_round_shift(x, shift), nearest(x, shift));
    assert_true(ring_round_shift(((ring_signed)1 << 126) - 1, 126) == 1);
    assert_true(ring_round_shift(-((ring_signed)1 << 126) + 1, 126) == -1);
}

static void bytes_are_big_endian_and_come_back(void **state)
{
    const ring x = ((ring)0x0102030405060708 << 64) | 0x090a0b0c0d0e0f10;
    uint8_t b[16];

    (void)state;
    ring_put(b, 16, x);
    assert_hex(b, 16, "0102030405060708090a0b0c0d0e0f10");
    for (size_t len = 0; len <= 16; len++) {
        ring kept = len == 16 ? x : x & ring_mask((uint32_t)(8 * len));

        ring_put(b, len, x);
        assert_true(ring_get(b, len) == kept);
    }
    assert_int_equal(ring_bytes(1), 1);
    assert_int_equal(ring_bytes(8), 1);
    assert_int_equal(ring_bytes(9), 2);
    assert_int_equal(ring_bytes(127), 16);
}

static void mpz_conversion_keeps_every_bit_and_drops_those_above_128(void **state)
{
    BIGNUM(m);

    (void)state;
    for (uint32_t bit = 0; bit < 128; bit++) {
        ring x = (ring)1 << bit;

        ring_to_mpz(m, x);
        assert_int_equal(mpz_popcount(m), 1);
        assert_int_equal(mpz_scan1(m, 0), bit);
        assert_true(ring_from_mpz(m) == x);
        mpz_setbit(m, 128 + bit);
        assert_true(ring_from_mpz(m) == x);
    }
    ring_to_mpz(m, 0);
    assert_int_equal(mpz_sgn(m), 0);
    assert_true(ring_from_mpz(m) == 0);
}

static void random_uses_exactly_its_bits_each_half_of_the_time(void **state)
{
    static const uint32_t widths[] = {1, 60, 64, 65, 118, 127, 128};
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "ring");
    for (size_t w = 0; w < COUNT_OF(widths); w++) {
        unsigned ones[128] = {0};

        for (int i = 0; i < 1000; i++) {
            ring x = ring_random(&g, widths[w]);

            for (uint32_t bit = 0; bit < 128; bit++)
                ones[bit] += (unsigned)(x >> bit) & 1;
        }
        for (uint32_t bit = 0; bit < 128; bit++)
            if (bit < widths[w])
                assert_in_range(ones[bit], 400, 600); /* 500 +- 6.3 standard deviations */
            else
                assert_int_equal(ones[bit], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_signed_is_the_symmetric_residue_for_every_small_ring),
        cmocka_unit_test(to_signed_takes_the_extremes_of_the_widest_ring),
        cmocka_unit_test(round_shift_is_the_nearest_integer_halves_up),
        cmocka_unit_test(bytes_are_big_endian_and_come_back),
        cmocka_unit_test(mpz_conversion_keeps_every_bit_and_drops_those_above_128),
        cmocka_unit_test(random_uses_exactly_its_bits_each_half_of_the_time),
    };

    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
