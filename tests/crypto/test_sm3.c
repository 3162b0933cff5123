#include "crypto/sm3.h"

#include "testing.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static void sm3_of(struct hash *out, const void *bytes, size_t len)
{
    struct sm3 h;

    sm3_init(&h);
    sm3_add(&h, bytes, len);
    sm3_final(&h, out);
}

static void both_examples_of_gb_t_32905_match(void **state)
{
    struct hash out;
    char abcd[65] = "";

    (void)state;
    sm3_of(&out, "abc", 3);
    assert_hex(out.bytes, HASH_BYTES, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    for (size_t i = 0; i < 16; i++)
        strcat(abcd, "abcd");
    sm3_of(&out, abcd, 64);
    assert_hex(out.bytes, HASH_BYTES, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

static void a_million_times_a_hashes_as_published(void **state)
{
    struct sm3 h;
    struct hash out;
    char a[1000];

    (void)state;
    memset(a, 'a', sizeof a);
    sm3_init(&h);
    for (size_t i = 0; i < 1000; i++)
        sm3_add(&h, a, sizeof a);
    sm3_final(&h, &out);
    assert_hex(out.bytes, HASH_BYTES, "c8aaf89429554029e231941a2acc0ad61ff2a5acd8fadd25847a3a732b3b02c3");
}

static void every_length_hashes_as_openssl_has_it(void **state)
{
    uint8_t bytes[300], expected[HASH_BYTES];
    struct rng g AUTO(rng_clear);
    struct hash out;

    (void)state;
    test_rng(&g, "sm3");
    rng_fill(&g, bytes, sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        assert_int_equal(EVP_Digest(bytes, len, expected, NULL, EVP_sm3(), NULL), 1);
        sm3_of(&out, bytes, len);
        assert_memory_equal(out.bytes, expected, HASH_BYTES);
    }
}

static void a_text_in_pieces_hashes_as_in_one(void **state)
{
    uint8_t bytes[200];
    struct rng g AUTO(rng_clear);
    struct hash whole, out;

    (void)state;
    test_rng(&g, "pieces");
    rng_fill(&g, bytes, sizeof bytes);
    sm3_of(&whole, bytes, sizeof bytes);
    for (size_t first = 0; first <= sizeof bytes; first++) {
        size_t second = first + (size_t)rng_below(&g, sizeof bytes - first + 1);
        struct sm3 h;

        sm3_init(&h);
        sm3_add(&h, bytes, first);
        sm3_add(&h, bytes + first, second - first);
        sm3_add(&h, bytes + second, sizeof bytes - second);
        sm3_final(&h, &out);
        assert_true(hash_equal(&out, &whole));
    }
}

static void hmac_is_openssls_for_keys_of_every_length(void **state)
{
    uint8_t key[150], bytes[100], expected[HASH_BYTES];
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "hmac");
    rng_fill(&g, key, sizeof key);
    rng_fill(&g, bytes, sizeof bytes);
    for (size_t len = 0; len <= sizeof key; len++) {
        const size_t cut = len % sizeof bytes;
        struct sm3_hmac m;
        struct hash out;

        assert_non_null(HMAC(EVP_sm3(), key, (int)len, bytes, sizeof bytes, expected, NULL));
        sm3_hmac_init(&m, key, len);
        sm3_hmac_add(&m, bytes, cut);
        sm3_hmac_add(&m, bytes + cut, sizeof bytes - cut);
        sm3_hmac_final(&m, &out);
        assert_memory_equal(out.bytes, expected, HASH_BYTES);
    }
}

/* x2 and y2 of the encryption example in GB/T 32918.5, annex C, and the key stream t it derives from them. */
static void the_kdf_is_that_of_gb_t_32918(void **state)
{
    uint8_t z[64], out[100], shorter[100];

    (void)state;
    unhex(z, sizeof z,
          "335e18d751e51f040e27d468138b7ab1dc86ad7f981d7d416222fd6ab3ed230d"
          "ab743ebcfb22d64f7b6ab791f70658f25b48fa93e54064fdbfbed3f0bd847ac9");
    sm3_kdf(out, 19, z, sizeof z);
    assert_hex(out, 19, "44e60f" "dbf0bae8" "14376653" "74bef267" "49046c9e");
    sm3_kdf(out, sizeof out, z, sizeof z);
    for (size_t len = 0; len < sizeof out; len++) {
        memset(shorter, 0xee, sizeof shorter);
        sm3_kdf(shorter, len, z, sizeof z);
        assert_memory_equal(shorter, out, len);
        assert_int_equal(shorter[len], 0xee);
    }
}

static void what_is_final_is_wiped(void **state)
{
    static const struct sm3_hmac wiped;
    struct sm3_hmac m;
    struct hash out;

    (void)state;
    sm3_hmac_init(&m, "key", 3);
    sm3_hmac_final(&m, &out);
    assert_memory_equal(&m, &wiped, sizeof m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_examples_of_gb_t_32905_match),
        cmocka_unit_test(a_million_times_a_hashes_as_published),
        cmocka_unit_test(every_length_hashes_as_openssl_has_it),
        cmocka_unit_test(a_text_in_pieces_hashes_as_in_one),
        cmocka_unit_test(hmac_is_openssls_for_keys_of_every_length),
        cmocka_unit_test(the_kdf_is_that_of_gb_t_32918),
        cmocka_unit_test(what_is_final_is_wiped),
    };

    return cmocka_run_group_tests_name("sm3", tests, NULL, NULL);
}
