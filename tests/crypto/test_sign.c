#include "crypto/sign.h"

#include "testing.h"
#include "vectors/vectors.h"

static void rfc_8032_pair(struct sign_public *pub, struct sign_secret *sec)
{
    struct rng_key seed = {.suite = SUITE_INT1};

    unhex(seed.bytes, sizeof seed.bytes, SIGN_SEED);
    sign_keypair(pub, sec, &seed);
}

static void key_pair_is_that_of_rfc_8032(void **state)
{
    struct sign_public pub;
    struct sign_secret sec AUTO(sign_secret_clear);

    (void)state;
    rfc_8032_pair(&pub, &sec);
    assert_int_equal(pub.bytes[0], KEY_ED25519);
    assert_hex(pub.bytes + 1, 32, SIGN_PUBLIC);
}

static void signature_matches_its_vector(void **state)
{
    struct sign_public pub;
    struct sign_secret sec AUTO(sign_secret_clear);
    struct signature sig;

    (void)state;
    rfc_8032_pair(&pub, &sec);
    sign_make(&sig, &sec, "hefu/test/v1", "message", 7);
    assert_hex(sig.bytes, sizeof sig.bytes, SIGN_SIGNATURE);
    assert_int_equal(sign_check(&sig, &pub, "hefu/test/v1", "message", 7), OK);
}

static void a_signature_is_good_for_one_tag_and_one_message_only(void **state)
{
    struct sign_public pub;
    struct sign_secret sec AUTO(sign_secret_clear);
    struct signature sig;

    (void)state;
    rfc_8032_pair(&pub, &sec);
    sign_make(&sig, &sec, "send", "message", 7);
    assert_int_equal(sign_check(&sig, &pub, "recv", "message", 7), STATUS_UNTRUSTED);
    assert_int_equal(sign_check(&sig, &pub, "sendm", "essage", 6), STATUS_UNTRUSTED);
    assert_int_equal(sign_check(&sig, &pub, "send", "message", 6), STATUS_UNTRUSTED);
    assert_int_equal(sign_check(&sig, &pub, "send", "", 0), STATUS_UNTRUSTED);
}

static void every_flipped_bit_of_signature_or_key_is_refused(void **state)
{
    struct sign_public pub, bad_pub;
    struct sign_secret sec AUTO(sign_secret_clear);
    struct signature sig, bad;

    (void)state;
    rfc_8032_pair(&pub, &sec);
    sign_make(&sig, &sec, "t", "message", 7);
    for (unsigned bit = 0; bit < 8 * SIGNATURE_BYTES; bit++) {
        bad = sig;
        bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sign_check(&bad, &pub, "t", "message", 7), STATUS_UNTRUSTED);
    }
    for (unsigned bit = 0; bit < 8 * SIGN_PUBLIC_BYTES; bit++) {
        bad_pub = pub;
        bad_pub.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sign_check(&sig, &bad_pub, "t", "message", 7), STATUS_UNTRUSTED);
    }
}

static void alice_and_bob(struct kx_public pub[2], struct kx_secret sec[2])
{
    struct rng_key seed = {.suite = SUITE_INT1};

    unhex(seed.bytes, sizeof seed.bytes, KX_ALICE);
    kx_keypair(&pub[0], &sec[0], &seed);
    unhex(seed.bytes, sizeof seed.bytes, KX_BOB);
    kx_keypair(&pub[1], &sec[1], &seed);
}

static void both_ends_derive_the_key_of_rfc_7748(void **state)
{
    struct kx_public pub[2];
    struct kx_secret sec[2];
    struct rng_key key;

    (void)state;
    alice_and_bob(pub, sec);
    assert_hex(pub[0].bytes + 1, 32, KX_ALICE_PUBLIC);
    assert_hex(pub[1].bytes + 1, 32, KX_BOB_PUBLIC);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kx_shared(&key, &sec[i], &pub[1 - i], &pub[i], "session", 7), OK);
        assert_hex(key.bytes, sizeof key.bytes, KX_SHARED);
    }
}

static void the_shared_key_belongs_to_one_context(void **state)
{
    struct kx_public pub[2];
    struct kx_secret sec[2];
    struct rng_key a, b;

    (void)state;
    alice_and_bob(pub, sec);
    assert_int_equal(kx_shared(&a, &sec[0], &pub[1], &pub[0], "session", 7), OK);
    assert_int_equal(kx_shared(&b, &sec[0], &pub[1], &pub[0], "session2", 8), OK);
    assert_memory_not_equal(a.bytes, b.bytes, sizeof a.bytes);
}

static void low_order_public_keys_are_refused(void **state)
{
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    struct kx_public pub[2], low = {{KEY_X25519}};
    struct kx_secret sec[2];
    struct rng_key key;

    (void)state;
    alice_and_bob(pub, sec);
    for (size_t i = 0; i < COUNT_OF(points); i++) {
        unhex(low.bytes + 1, 32, points[i]);
        assert_int_equal(kx_shared(&key, &sec[0], &low, &pub[0], "session", 7), STATUS_UNTRUSTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_pair_is_that_of_rfc_8032),
        cmocka_unit_test(signature_matches_its_vector),
        cmocka_unit_test(a_signature_is_good_for_one_tag_and_one_message_only),
        cmocka_unit_test(every_flipped_bit_of_signature_or_key_is_refused),
        cmocka_unit_test(both_ends_derive_the_key_of_rfc_7748),
        cmocka_unit_test(the_shared_key_belongs_to_one_context),
        cmocka_unit_test(low_order_public_keys_are_refused),
    };

    return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
