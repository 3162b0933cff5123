#include "crypto/aes.h"

#include "testing.h"

static void a_block_encrypts_to_that_of_fips_197(void **state)
{
    struct aes a AUTO(aes_clear) = {0};
    uint8_t key[AES_BYTES], in[AES_BYTES], out[AES_BYTES];

    (void)state;
    unhex(key, sizeof key, "000102030405060708090a0b0c0d0e0f");
    unhex(in, sizeof in, "00112233445566778899aabbccddeeff");
    assert_int_equal(aes_init(&a, key), OK);
    aes_encrypt(&a, out, in, 1);
    assert_hex(out, sizeof out, "69c4e0d86a7b0430d8cdb78070b4c55a");
}

static void many_blocks_are_each_by_itself_and_in_place_too(void **state)
{
    enum { BLOCKS = 100 };
    struct aes a AUTO(aes_clear) = {0};
    uint8_t key[AES_BYTES], in[BLOCKS * AES_BYTES], out[sizeof in], one[AES_BYTES];
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "aes");
    rng_fill(&g, key, sizeof key);
    rng_fill(&g, in, sizeof in);
    memcpy(in + AES_BYTES, in, AES_BYTES); /* equal blocks: no chaining */
    assert_int_equal(aes_init(&a, key), OK);
    aes_encrypt(&a, out, in, BLOCKS);
    for (size_t i = 0; i < BLOCKS; i++) {
        aes_encrypt(&a, one, in + i * AES_BYTES, 1);
        assert_memory_equal(one, out + i * AES_BYTES, AES_BYTES);
    }
    aes_encrypt(&a, in, in, BLOCKS);
    assert_memory_equal(in, out, sizeof in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_encrypts_to_that_of_fips_197),
        cmocka_unit_test(many_blocks_are_each_by_itself_and_in_place_too),
    };

    return cmocka_run_group_tests_name("aes", tests, NULL, NULL);
}
