#include <openssl/ec.h> /* before crypto/bignum.h: it undefines BIGNUM */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "crypto/sm2.h"

#include "testing.h"
#include "vectors/gm_vectors.h"

static const char order_hex[] = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";

/* GB/T 32918.5, annex A. */
static const char example_secret[] = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
static const char example_point[] = "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
                                    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
static const char example_public[] = "0309f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020";
static const char example_z[] = "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3";
static const char example_signature[] = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
                                        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";

static void example_pair(struct sm2_public *pub, struct sm2_secret *sec)
{
    unhex(sec->bytes, sizeof sec->bytes, example_secret);
    assert_int_equal(sm2_public_of(pub, sec), OK);
}

/* big-endian, 32 bytes */
static void put_mpz(uint8_t out[32], const mpz_t x)
{
    size_t len = (mpz_sizeinbase(x, 2) + 7) / 8;

    assert_true(len <= 32);
    memset(out, 0, 32);
    mpz_export(out + 32 - len, NULL, 1, 1, 1, 0, x);
}

static void get_mpz(mpz_t x, const uint8_t in[32])
{
    mpz_import(x, 32, 1, 1, 1, 0, in);
}

/* The order plus some. */
static void near_order(uint8_t out[32], long some)
{
    BIGNUM(n);

    assert_int_equal(mpz_set_str(n, order_hex, 16), 0);
    if (some < 0)
        mpz_sub_ui(n, n, (unsigned long)-some);
    else
        mpz_add_ui(n, n, (unsigned long)some);
    put_mpz(out, n);
}

static void no_error_is_left_behind(void)
{
    assert_int_equal(ERR_peek_error(), 0);
}

/* ---- keys ---- */

static void the_key_pair_of_gb_t_32918_matches(void **state)
{
    struct sm2_public pub, same;
    struct sm2_secret sec;
    uint8_t point[65];

    (void)state;
    example_pair(&pub, &sec);
    assert_hex(pub.bytes, sizeof pub.bytes, example_public);
    assert_int_equal(sm2_public_to_point(point, &pub), OK);
    assert_hex(point, sizeof point, example_point);
    assert_int_equal(sm2_public_from_point(&same, point), OK);
    assert_memory_equal(&same, &pub, sizeof pub);
}

static void a_seed_gives_the_key_of_its_vector(void **state)
{
    struct sm2_public pub, same;
    struct sm2_secret sec;
    struct rng_key seed;

    (void)state;
    for (uint8_t i = 0; i < sizeof seed.bytes; i++)
        seed.bytes[i] = i;
    sm2_keypair(&pub, &sec, &seed);
    assert_hex(sec.bytes, sizeof sec.bytes, GM_SECRET);
    assert_hex(pub.bytes, sizeof pub.bytes, GM_PUBLIC);
    assert_int_equal(sm2_public_of(&same, &sec), OK);
    assert_memory_equal(&same, &pub, sizeof pub);
}

static void secrets_outside_their_range_are_refused(void **state)
{
    static const char generator[] = "0232c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7";
    struct sm2_public pub;
    struct sm2_secret sec = {{0}};

    (void)state;
    assert_int_equal(sm2_public_of(&pub, &sec), STATUS_MALFORMED);
    sec.bytes[31] = 1;
    assert_int_equal(sm2_public_of(&pub, &sec), OK);
    assert_hex(pub.bytes, sizeof pub.bytes, generator);
    near_order(sec.bytes, -2);
    assert_int_equal(sm2_public_of(&pub, &sec), OK);
    near_order(sec.bytes, -1);
    assert_int_equal(sm2_public_of(&pub, &sec), STATUS_MALFORMED);
    near_order(sec.bytes, 0);
    assert_int_equal(sm2_public_of(&pub, &sec), STATUS_MALFORMED);
    memset(sec.bytes, 0xff, sizeof sec.bytes);
    assert_int_equal(sm2_public_of(&pub, &sec), STATUS_MALFORMED);
}

/* Half of all x have a point; which of them, y^2 = x^3 - 3x + b tells by GMP. */
static void a_public_key_is_a_point_of_the_curve_in_its_one_encoding(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(p);
    BIGNUM(b);
    BIGNUM(x);
    BIGNUM(y2);
    size_t points = 0;

    (void)state;
    assert_int_equal(mpz_set_str(p, "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff", 16), 0);
    assert_int_equal(mpz_set_str(b, "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93", 16), 0);
    test_rng(&g, "points");
    for (size_t i = 0; i < 200; i++) {
        struct sm2_public pub;
        int on_curve;

        rng_below_mpz(&g, x, p);
        mpz_mul(y2, x, x);
        mpz_sub_ui(y2, y2, 3);
        mpz_mul(y2, y2, x);
        mpz_add(y2, y2, b);
        on_curve = mpz_legendre(y2, p) == 1;
        points += (size_t)on_curve;
        put_mpz(pub.bytes + 1, x);
        for (unsigned form = 0; form < 256; form++) {
            pub.bytes[0] = (uint8_t)form;
            assert_int_equal(sm2_public_check(&pub), on_curve && (form == 2 || form == 3) ? OK : STATUS_MALFORMED);
        }
    }
    assert_in_range(points, 60, 140);
    no_error_is_left_behind();
}

static void an_x_beyond_the_field_is_refused(void **state)
{
    struct sm2_public pub;
    size_t points = 0;
    BIGNUM(p);
    BIGNUM(x);

    (void)state;
    assert_int_equal(mpz_set_str(p, "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff", 16), 0);
    pub.bytes[0] = 2;
    for (unsigned long i = 0; i < 20; i++) {
        mpz_set_ui(x, i);
        put_mpz(pub.bytes + 1, x);
        points += sm2_public_check(&pub) == OK;
        mpz_add_ui(x, p, i);
        put_mpz(pub.bytes + 1, x);
        assert_int_equal(sm2_public_check(&pub), STATUS_MALFORMED);
    }
    assert_in_range(points, 1, 19); /* so some of them are points, mod p */
}

static void a_point_off_the_curve_is_refused(void **state)
{
    struct sm2_public pub;
    uint8_t point[65], bad[65];

    (void)state;
    unhex(point, sizeof point, example_point);
    for (size_t bit = 0; bit < 8 * sizeof point; bit++) {
        memcpy(bad, point, sizeof bad);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sm2_public_from_point(&pub, bad), STATUS_MALFORMED);
    }
    memset(bad, 0, sizeof bad);
    assert_int_equal(sm2_public_from_point(&pub, bad), STATUS_MALFORMED);
    bad[0] = 4;
    assert_int_equal(sm2_public_from_point(&pub, bad), STATUS_MALFORMED);
    no_error_is_left_behind();
}

/* ---- signatures ---- */

static void z_and_signature_of_gb_t_32918_are_accepted(void **state)
{
    struct sm2_signature sig;
    struct sm2_public pub;
    struct sm2_secret sec;
    struct hash z;

    (void)state;
    example_pair(&pub, &sec);
    assert_int_equal(sm2_z(&z, &pub, SM2_DEFAULT_ID), OK);
    assert_hex(z.bytes, HASH_BYTES, example_z);
    unhex(sig.bytes, sizeof sig.bytes, example_signature);
    assert_int_equal(sm2_verify(&sig, &pub, SM2_DEFAULT_ID, "message digest", 14), OK);
    assert_int_equal(sm2_verify(&sig, &pub, SM2_DEFAULT_ID, "message digesu", 14), STATUS_UNTRUSTED);
}

/* Made by the sm2 crate of RustCrypto, whose nonces are those of RFC 6979, too. */
static void a_signature_is_that_of_another_implementation(void **state)
{
    static const char id[] = "iroha-sdk-sm2-fixture", text[] = "Rust SDK SM2 signing fixture v1";
    struct sm2_signature sig;
    struct sm2_public pub;
    struct sm2_secret sec;
    struct hash z;

    (void)state;
    unhex(sec.bytes, sizeof sec.bytes, "e64ae95930a2324dcf11bb1657fbbc2cd2bef7515664be7a15ca6ae5bce0b7ca");
    assert_int_equal(sm2_public_of(&pub, &sec), OK);
    assert_int_equal(sm2_z(&z, &pub, id), OK);
    assert_hex(z.bytes, HASH_BYTES, "6b0229c3fbfe7a5dc6ee27228e18e512752dcce9191eb381242a7342d568edde");
    sm2_sign(&sig, &sec, &z, text, strlen(text));
    assert_hex(sig.bytes, sizeof sig.bytes,
               "4e026f2e0fb75a6418c95c046d70db7b95558be30fb2001906ebe2091fa1af76"
               "299cff374026d9e0c49c6bd4a99a1473ba17eff429b3fad083b1577f7559bdf5");
    assert_int_equal(sm2_verify(&sig, &pub, id, text, strlen(text)), OK);
}

static void random_key(struct sm2_public *pub, struct sm2_secret *sec, struct hash *z, struct rng *g)
{
    struct rng_key seed;

    rng_fill(g, seed.bytes, sizeof seed.bytes);
    sm2_keypair(pub, sec, &seed);
    assert_int_equal(sm2_z(z, pub, SM2_DEFAULT_ID), OK);
}

static void signatures_are_deterministic_and_openssl_accepts_them(void **state)
{
    uint8_t text[300];
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "sm2 signatures");
    rng_fill(&g, text, sizeof text);
    for (size_t i = 0; i < 100; i++) {
        struct sm2_signature sig, again;
        struct sm2_public pub;
        struct sm2_secret sec;
        struct hash z;

        random_key(&pub, &sec, &z, &g);
        sm2_sign(&sig, &sec, &z, text, 3 * i);
        sm2_sign(&again, &sec, &z, text, 3 * i);
        assert_memory_equal(&sig, &again, sizeof sig);
        assert_int_equal(sm2_verify(&sig, &pub, SM2_DEFAULT_ID, text, 3 * i), OK);
    }
    no_error_is_left_behind();
}

/* OpenSSL's key of a pair, secret included. */
static EVP_PKEY *openssl_key(const struct sm2_public *pub, const struct sm2_secret *sec)
{
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *d = BN_bin2bn(sec->bytes, sizeof sec->bytes, NULL);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params;

    assert_true(bld && d && ctx);
    assert_int_equal(OSSL_PARAM_BLD_push_utf8_string(bld, "group", "SM2", 0), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_octet_string(bld, "pub", pub->bytes, sizeof pub->bytes), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, "priv", d), 1);
    params = OSSL_PARAM_BLD_to_param(bld);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(d);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* r and s out of OpenSSL's own signature. */
static void openssl_sign(struct sm2_signature *sig, EVP_PKEY *key, const char *id, const void *text, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t der[80];
    const uint8_t *at = der;
    size_t der_len = sizeof der;
    ECDSA_SIG *both;

    assert_true(ctx && md);
    assert_int_equal(EVP_PKEY_CTX_set1_id(ctx, id, (int)strlen(id)), 1);
    EVP_MD_CTX_set_pkey_ctx(md, ctx);
    assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(md, der, &der_len, text, len), 1);
    both = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
    assert_non_null(both);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(both), sig->bytes, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(both), sig->bytes + 32, 32), 32);
    ECDSA_SIG_free(both);
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(ctx);
}

static void openssls_signatures_are_accepted(void **state)
{
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "openssl signs");
    for (size_t i = 0; i < 30; i++) {
        const char *id = i % 2 ? SM2_DEFAULT_ID : "somebody else";
        struct sm2_signature sig;
        struct sm2_public pub;
        struct sm2_secret sec;
        struct hash z;
        EVP_PKEY *key;

        random_key(&pub, &sec, &z, &g);
        key = openssl_key(&pub, &sec);
        openssl_sign(&sig, key, id, "text", 4);
        EVP_PKEY_free(key);
        assert_int_equal(sm2_signature_check(&sig), OK);
        assert_int_equal(sm2_verify(&sig, &pub, id, "text", 4), OK);
        assert_int_equal(sm2_verify(&sig, &pub, i % 2 ? "somebody else" : SM2_DEFAULT_ID, "text", 4), STATUS_UNTRUSTED);
    }
}

static void every_flipped_bit_of_signature_key_or_text_is_refused(void **state)
{
    struct sm2_public pub, bad_pub;
    struct sm2_signature sig, bad;
    struct sm2_secret sec;
    struct hash z;
    char text[] = "message";

    (void)state;
    example_pair(&pub, &sec);
    assert_int_equal(sm2_z(&z, &pub, SM2_DEFAULT_ID), OK);
    sm2_sign(&sig, &sec, &z, text, 7);
    for (unsigned bit = 0; bit < 8 * sizeof sig.bytes; bit++) {
        bad = sig;
        bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sm2_verify(&bad, &pub, SM2_DEFAULT_ID, text, 7), STATUS_UNTRUSTED);
    }
    for (unsigned bit = 0; bit < 8 * sizeof pub.bytes; bit++) {
        bad_pub = pub;
        bad_pub.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sm2_verify(&sig, &bad_pub, SM2_DEFAULT_ID, text, 7), STATUS_UNTRUSTED);
    }
    for (unsigned bit = 0; bit < 8 * 7; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(sm2_verify(&sig, &pub, SM2_DEFAULT_ID, text, 7), STATUS_UNTRUSTED);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    assert_int_equal(sm2_verify(&sig, &pub, SM2_DEFAULT_ID, text, 6), STATUS_UNTRUSTED);
    assert_int_equal(sm2_verify(&sig, &pub, "1234567812345679", text, 7), STATUS_UNTRUSTED);
    assert_int_equal(sm2_verify(&sig, &pub, "", text, 7), STATUS_UNTRUSTED);
    no_error_is_left_behind();
}

static void numbers_outside_their_range_are_no_signature(void **state)
{
    static const uint8_t cases[][2] = {{0, 5}, {5, 0}, {0, 0}, {5, 5}};
    struct sm2_signature sig;
    struct sm2_public pub;
    struct sm2_secret sec;

    (void)state;
    example_pair(&pub, &sec);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        memset(sig.bytes, 0, sizeof sig.bytes);
        sig.bytes[31] = cases[i][0];
        sig.bytes[63] = cases[i][1];
        assert_int_equal(sm2_signature_check(&sig), cases[i][0] && cases[i][1] ? OK : STATUS_MALFORMED);
        assert_int_equal(sm2_verify(&sig, &pub, SM2_DEFAULT_ID, "text", 4), STATUS_UNTRUSTED);
    }
    for (long away = -3; away <= 3; away++) { /* r + s around n, then each around n */
        memset(sig.bytes, 0, sizeof sig.bytes);
        sig.bytes[31] = 9;
        near_order(sig.bytes + 32, away - 9);
        assert_int_equal(sm2_signature_check(&sig), away == 0 ? STATUS_MALFORMED : OK);
        for (size_t half = 0; half < 64; half += 32) {
            memset(sig.bytes, 0, sizeof sig.bytes);
            sig.bytes[63 - half] = 9;
            near_order(sig.bytes + half, away);
            assert_int_equal(sm2_signature_check(&sig), away < 0 ? OK : STATUS_MALFORMED);
            if (away >= 0)
                assert_int_equal(sm2_verify(&sig, &pub, SM2_DEFAULT_ID, "text", 4), STATUS_UNTRUSTED);
        }
    }
    memset(sig.bytes, 0xff, sizeof sig.bytes);
    assert_int_equal(sm2_signature_check(&sig), STATUS_MALFORMED);
}

/* Such as n - s, which passes for ECDSA, and a number plus n. */
static void no_other_numbers_pass_for_a_signature(void **state)
{
    struct sm2_signature sig, bad;
    struct sm2_public pub;
    struct sm2_secret sec;
    struct hash z;
    BIGNUM(n);
    BIGNUM(x);

    (void)state;
    assert_int_equal(mpz_set_str(n, order_hex, 16), 0);
    example_pair(&pub, &sec);
    assert_int_equal(sm2_z(&z, &pub, SM2_DEFAULT_ID), OK);
    sm2_sign(&sig, &sec, &z, "text", 4);
    for (size_t half = 0; half < 64; half += 32) {
        bad = sig;
        get_mpz(x, sig.bytes + half);
        mpz_sub(x, n, x);
        put_mpz(bad.bytes + half, x);
        assert_int_equal(sm2_verify(&bad, &pub, SM2_DEFAULT_ID, "text", 4), STATUS_UNTRUSTED);
        get_mpz(x, sig.bytes + half);
        mpz_add(x, x, n);
        mpz_fdiv_r_2exp(x, x, 256);
        put_mpz(bad.bytes + half, x);
        assert_int_equal(sm2_verify(&bad, &pub, SM2_DEFAULT_ID, "text", 4), STATUS_UNTRUSTED);
    }
}

/* ---- exchange ---- */

/* GB/T 32918.5, annex B. */
static void exchange_pairs(struct sm2_exchange_public pub[2], struct sm2_exchange_secret sec[2])
{
    static const char *const secrets[2][2] = {
        {"81eb26e941bb5af16df116495f90695272ae2cd63d6c4ae1678418be48230029",
         "d4de15474db74d06491c440d305e012400990f3e390c7e87153c12db2ea60bb3"},
        {"785129917d45a9ea5437a59356b82338eaadda6ceb199088f14ae10defa229b5",
         "7e07124814b309489125eaed101113164ebf0f3458c5bd88335c1f9d596243d6"},
    };

    for (size_t i = 0; i < 2; i++) {
        unhex(sec[i].lasting.bytes, SM2_SECRET_BYTES, secrets[i][0]);
        unhex(sec[i].fresh.bytes, SM2_SECRET_BYTES, secrets[i][1]);
        assert_int_equal(sm2_public_of(&pub[i].lasting, &sec[i].lasting), OK);
        assert_int_equal(sm2_public_of(&pub[i].fresh, &sec[i].fresh), OK);
    }
}

static void both_sides_of_the_standards_exchange_get_its_key(void **state)
{
    struct sm2_exchange_public pub[2];
    struct sm2_exchange_secret sec[2];
    struct hash z;
    uint8_t key[16];

    (void)state;
    exchange_pairs(pub, sec);
    assert_int_equal(sm2_z(&z, &pub[0].lasting, SM2_DEFAULT_ID), OK);
    assert_hex(z.bytes, HASH_BYTES, "3b85a57179e11e7e513aa622991f2ca74d1807a0bd4d4b38f90987a17ac245b1");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sm2_exchange(key, sizeof key, i == 0, &sec[i], &pub[i], &pub[1 - i]), OK);
        assert_hex(key, sizeof key, "6c89347354de2484c60b4ab1fde4c6e5");
    }
    assert_int_equal(sm2_exchange(key, sizeof key, 1, &sec[1], &pub[1], &pub[0]), OK); /* both the initiator */
    assert_int_not_equal(key[0], 0x6c);
}

static void an_exchange_with_what_is_no_point_is_refused(void **state)
{
    struct sm2_exchange_public pub[2], bad;
    struct sm2_exchange_secret sec[2];
    uint8_t key[16];

    (void)state;
    exchange_pairs(pub, sec);
    bad = pub[1];
    bad.lasting.bytes[0] = 0;
    assert_int_equal(sm2_exchange(key, sizeof key, 1, &sec[0], &pub[0], &bad), STATUS_UNTRUSTED);
    bad = pub[1];
    memset(bad.fresh.bytes + 1, 0xff, 32);
    assert_int_equal(sm2_exchange(key, sizeof key, 1, &sec[0], &pub[0], &bad), STATUS_UNTRUSTED);
    memset(&bad, 0, sizeof bad);
    assert_int_equal(sm2_exchange(key, sizeof key, 1, &sec[0], &pub[0], &bad), STATUS_UNTRUSTED);
    no_error_is_left_behind();
}

/* Their lasting key is the negative of half of their fresh one times it: the sum of both is infinity, whatever we have. */
static void an_exchange_that_leads_to_infinity_is_refused(void **state)
{
    struct sm2_exchange_public pub[2];
    struct sm2_exchange_secret sec[2];
    struct sm2_secret product;
    uint8_t key[16];
    BIGNUM(n);
    BIGNUM(half);
    BIGNUM(r);

    (void)state;
    exchange_pairs(pub, sec);
    assert_int_equal(mpz_set_str(n, order_hex, 16), 0);
    get_mpz(half, pub[1].fresh.bytes + 1);
    mpz_fdiv_r_2exp(half, half, 127);
    mpz_setbit(half, 127);
    get_mpz(r, sec[1].fresh.bytes);
    mpz_mul(r, r, half);
    mpz_mod(r, r, n);
    put_mpz(product.bytes, r);
    assert_int_equal(sm2_public_of(&pub[1].lasting, &product), OK);
    assert_int_equal(sm2_exchange(key, sizeof key, 1, &sec[0], &pub[0], &pub[1]), OK);
    pub[1].lasting.bytes[0] ^= 1; /* the other y */
    assert_int_equal(sm2_exchange(key, sizeof key, 1, &sec[0], &pub[0], &pub[1]), STATUS_UNTRUSTED);
    no_error_is_left_behind();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_pair_of_gb_t_32918_matches),
        cmocka_unit_test(a_seed_gives_the_key_of_its_vector),
        cmocka_unit_test(secrets_outside_their_range_are_refused),
        cmocka_unit_test(a_public_key_is_a_point_of_the_curve_in_its_one_encoding),
        cmocka_unit_test(an_x_beyond_the_field_is_refused),
        cmocka_unit_test(a_point_off_the_curve_is_refused),
        cmocka_unit_test(z_and_signature_of_gb_t_32918_are_accepted),
        cmocka_unit_test(a_signature_is_that_of_another_implementation),
        cmocka_unit_test(signatures_are_deterministic_and_openssl_accepts_them),
        cmocka_unit_test(openssls_signatures_are_accepted),
        cmocka_unit_test(every_flipped_bit_of_signature_key_or_text_is_refused),
        cmocka_unit_test(numbers_outside_their_range_are_no_signature),
        cmocka_unit_test(no_other_numbers_pass_for_a_signature),
        cmocka_unit_test(both_sides_of_the_standards_exchange_get_its_key),
        cmocka_unit_test(an_exchange_with_what_is_no_point_is_refused),
        cmocka_unit_test(an_exchange_that_leads_to_infinity_is_refused),
    };

    return cmocka_run_group_tests_name("sm2", tests, NULL, NULL);
}
