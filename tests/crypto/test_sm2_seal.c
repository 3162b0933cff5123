#include "crypto/sm2_seal.h"

#include "testing.h"

#include <openssl/evp.h>

static const struct rng_key seed_of_key = {.bytes = {1}};

static void key_pair(struct sm2_public *pub, struct sm2_secret *sec)
{
    sm2_keypair(pub, sec, &seed_of_key);
}

/* GB/T 32918.5, annex C: C1, C3, C2 of "encryption standard". */
static void the_example_of_gb_t_32918_opens(void **state)
{
    uint8_t sealed[SM2_SEAL_BYTES + 19], out[19];
    struct sm2_secret sec;

    (void)state;
    unhex(sec.bytes, sizeof sec.bytes, "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8");
    unhex(sealed, sizeof sealed,
          "04"
          "04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"
          "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"
          "59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766"
          "21886ca989ca9c7d58087307ca93092d651efa");
    assert_int_equal(sm2_unseal(out, &sec, sealed, sizeof sealed), OK);
    assert_memory_equal(out, "encryption standard", sizeof out);
}

static uint8_t *put_integer(uint8_t *at, const uint8_t *in)
{
    size_t skip = 0;

    while (in[skip] == 0)
        skip++;
    *at++ = 2;
    *at++ = (uint8_t)(32 - skip + (in[skip] >> 7));
    if (in[skip] >> 7)
        *at++ = 0;
    memcpy(at, in + skip, 32 - skip);
    return at + 32 - skip;
}

/* As OpenSSL wants it: SEQUENCE { x, y, C3, C2 }. */
static size_t der_of(uint8_t *der, const uint8_t *sealed, size_t text_len)
{
    uint8_t *at = put_integer(put_integer(der + 3, sealed + 1), sealed + 33);

    *at++ = 4;
    *at++ = 32;
    memcpy(at, sealed + 65, 32);
    at += 32;
    *at++ = 4;
    *at++ = (uint8_t)text_len;
    memcpy(at, sealed + SM2_SEAL_BYTES, text_len);
    at += text_len;
    der[0] = 0x30;
    der[1] = 0x81;
    der[2] = (uint8_t)(at - der - 3);
    assert_in_range(at - der - 3, 128, 255);
    return (size_t)(at - der);
}

static EVP_PKEY *openssl_key(const struct sm2_public *pub, const struct sm2_secret *sec)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    uint8_t d[32], q[SM2_PUBLIC_BYTES];
    char curve[] = "SM2";
    OSSL_PARAM from[] = {OSSL_PARAM_construct_utf8_string("group", curve, 0),
                         OSSL_PARAM_construct_octet_string("pub", q, sizeof q), OSSL_PARAM_construct_BN("priv", d, sizeof d),
                         OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;

    for (size_t i = 0; i < sizeof d; i++) /* as the machine has it: little-endian */
        d[i] = sec->bytes[31 - i];
    memcpy(q, pub->bytes, sizeof q);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, from), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void openssl_opens_what_is_sealed_here(void **state)
{
    struct sm2_public pub;
    struct sm2_secret sec;
    struct rng g AUTO(rng_clear);
    EVP_PKEY *key;

    (void)state;
    test_rng(&g, "sm2 seals");
    key_pair(&pub, &sec);
    key = openssl_key(&pub, &sec);
    for (size_t len = 28; len <= 100; len += 8) {
        uint8_t text[100], sealed[SM2_SEAL_BYTES + sizeof text], der[300], out[200];
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
        size_t out_len = sizeof out;
        struct rng_key seed;

        rng_fill(&g, text, sizeof text);
        rng_fill(&g, seed.bytes, sizeof seed.bytes);
        assert_int_equal(sm2_seal(sealed, &pub, &seed, text, len), OK);
        assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
        assert_int_equal(EVP_PKEY_decrypt(ctx, out, &out_len, der, der_of(der, sealed, len)), 1);
        assert_int_equal(out_len, len);
        assert_memory_equal(out, text, len);
        EVP_PKEY_CTX_free(ctx);
    }
    EVP_PKEY_free(key);
}

/* With a single byte, one key stream in 256 is all zeros and is not used. */
static void every_length_opens_and_no_text_shows(void **state)
{
    struct sm2_public pub;
    struct sm2_secret sec;
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "sm2 lengths");
    key_pair(&pub, &sec);
    for (size_t i = 0; i < 600; i++) {
        const size_t len = i < 500 ? 1 : i - 499;
        uint8_t text[101], sealed[SM2_SEAL_BYTES + sizeof text], out[sizeof text];
        struct rng_key seed;

        rng_fill(&g, text, sizeof text);
        rng_fill(&g, seed.bytes, sizeof seed.bytes);
        assert_int_equal(sm2_seal(sealed, &pub, &seed, text, len), OK);
        assert_memory_not_equal(sealed + SM2_SEAL_BYTES, text, len);
        assert_int_equal(sm2_unseal(out, &sec, sealed, SM2_SEAL_BYTES + len), OK);
        assert_memory_equal(out, text, len);
    }
}

static void what_was_changed_or_is_for_another_does_not_open(void **state)
{
    static const uint8_t zeros[8];
    static const struct rng_key seed = {.bytes = {2}}, other_seed = {.bytes = {3}};
    uint8_t sealed[SM2_SEAL_BYTES + 8], out[8];
    struct sm2_public pub, other_pub;
    struct sm2_secret sec, other;

    (void)state;
    key_pair(&pub, &sec);
    sm2_keypair(&other_pub, &other, &other_seed);
    assert_int_equal(sm2_seal(sealed, &pub, &seed, "a secret", 8), OK);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sm2_unseal(out, &sec, sealed, sizeof sealed), STATUS_MISMATCH);
        assert_memory_equal(out, zeros, sizeof out);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < sizeof sealed; len++)
        assert_int_equal(sm2_unseal(out, &sec, sealed, len), STATUS_MISMATCH);
    assert_int_equal(sm2_unseal(out, &other, sealed, sizeof sealed), STATUS_MISMATCH);
    pub.bytes[0] = 4;
    assert_int_equal(sm2_seal(sealed, &pub, &seed, "a secret", 8), STATUS_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_gb_t_32918_opens),
        cmocka_unit_test(openssl_opens_what_is_sealed_here),
        cmocka_unit_test(every_length_opens_and_no_text_shows),
        cmocka_unit_test(what_was_changed_or_is_for_another_does_not_open),
    };

    return cmocka_run_group_tests_name("sm2_seal", tests, NULL, NULL);
}
