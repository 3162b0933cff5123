#include "crypto/paillier.h"

#include "owner.h"
#include "vectors/vectors.h"

struct vector {
    uint32_t bits;
    const char *p, *q, *n, *m, *blind, *c, *m2, *sum, *e, *scaled, *scaled_m;
};

#define VECTOR(bits)                                                                                                   \
    {                                                                                                                  \
        bits, PAILLIER_##bits##_P, PAILLIER_##bits##_Q, PAILLIER_##bits##_N, PAILLIER_##bits##_M,                      \
            PAILLIER_##bits##_BLIND, PAILLIER_##bits##_C, PAILLIER_##bits##_M2, PAILLIER_##bits##_SUM,                 \
            PAILLIER_##bits##_E, PAILLIER_##bits##_SCALED, PAILLIER_##bits##_SCALED_M                                  \
    }

static const struct vector vectors[] = {VECTOR(256), VECTOR(512), VECTOR(2048)};

/* Pairs of the same length with gcd(N, phi(N)) = 1; every prime up to 31. */
static const unsigned long toy_keys[][2] = {{7, 5},   {13, 11}, {19, 17}, {23, 17}, {23, 19}, {29, 17},
                                            {29, 19}, {29, 23}, {31, 17}, {31, 19}, {31, 23}, {31, 29}};

static void keygen_finds_the_primes_of_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct owner o AUTO(owner_clear) = {0};

        owner_of_vectors(&o, vectors[i].bits);
        assert_mpz_hex(o.sec.p, vectors[i].p);
        assert_mpz_hex(o.sec.q, vectors[i].q);
        assert_mpz_hex(o.pub.n, vectors[i].n);
    }
}

static void arithmetic_matches_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct owner o AUTO(owner_clear) = {0};
        BIGNUM(m);
        BIGNUM(m2);
        BIGNUM(blind);
        BIGNUM(c);
        BIGNUM(c2);

        owner_of_vectors(&o, v->bits);
        mpz_set_str(m, v->m, 16);
        mpz_set_str(m2, v->m2, 16);
        mpz_set_str(blind, v->blind, 16);
        paillier_encrypt_with(c, &o.pub, m, blind);
        assert_mpz_hex(c, v->c);
        paillier_decrypt(m, &o.pub, &o.sec, c);
        assert_mpz_hex(m, v->m);
        mpz_set_ui(blind, 1);
        paillier_encrypt_with(c2, &o.pub, m2, blind);
        paillier_add(c2, &o.pub, c, c2);
        assert_mpz_hex(c2, v->sum);
        mpz_set_str(m2, v->e, 16);
        paillier_scale_var(c, &o.pub, c, m2);
        assert_mpz_hex(c, v->scaled);
        paillier_decrypt(m, &o.pub, &o.sec, c);
        assert_mpz_hex(m, v->scaled_m);
    }
}

/* Every plaintext under every randomiser; for the larger keys every third randomiser. */
static void decrypt_inverts_encrypt_for_every_small_key(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(toy_keys); k++) {
        unsigned long n = toy_keys[k][0] * toy_keys[k][1];
        struct owner o AUTO(owner_clear) = {0};
        BIGNUM(s);
        BIGNUM(blind);
        BIGNUM(m);
        BIGNUM(c);
        BIGNUM(out);

        owner_toy(&o, toy_keys[k][0], toy_keys[k][1]);
        for (unsigned long r = 1; r<n; r += n> 200 ? 3 : 1) {
            if (r % toy_keys[k][0] == 0 || r % toy_keys[k][1] == 0)
                continue;
            mpz_set_ui(s, r);
            mpz_powm(blind, s, o.pub.n, o.pub.n2);
            for (unsigned long v = 0; v < n; v++) {
                mpz_set_ui(m, v);
                paillier_encrypt_with(c, &o.pub, m, blind);
                paillier_decrypt(out, &o.pub, &o.sec, c);
                if (mpz_cmp_ui(out, v) != 0)
                    fail_msg("N = %lu, m = %lu, r = %lu", n, v, r);
            }
        }
    }
}

/* Encryption is a bijection Z_N x Z*_N -> Z*_{N^2}: every unit is the ciphertext of exactly one pair. */
static void every_unit_is_one_ciphertext_of_the_smallest_key(void **state)
{
    struct owner o AUTO(owner_clear) = {0};
    unsigned seen[35 * 35] = {0}, units = 0;
    BIGNUM(blind);
    BIGNUM(m);
    BIGNUM(c);

    (void)state;
    owner_toy(&o, 7, 5);
    for (unsigned long r = 1; r < 35; r++)
        for (unsigned long v = 0; v < 35 && r % 5 && r % 7; v++) {
            mpz_set_ui(blind, r);
            mpz_powm(blind, blind, o.pub.n, o.pub.n2);
            mpz_set_ui(m, v);
            paillier_encrypt_with(c, &o.pub, m, blind);
            assert_int_equal(seen[mpz_get_ui(c)]++, 0);
            units++;
        }
    assert_int_equal(units, 24 * 35);
}

static void sums_and_multiples_are_exact_for_every_pair_of_plaintexts(void **state)
{
    struct owner o AUTO(owner_clear) = {0};
    struct rng g AUTO(rng_clear);
    BIGNUM(m);
    BIGNUM(e);
    BIGNUM(a);
    BIGNUM(b);
    BIGNUM(out);

    (void)state;
    test_rng(&g, "sums");
    owner_toy(&o, 13, 11);
    for (long i = 0; i < 143; i++)
        for (long j = 0; j < 143; j++) {
            mpz_set_si(m, i);
            owner_encrypt(a, &o, m, &g);
            mpz_set_si(m, j);
            owner_encrypt(b, &o, m, &g);
            paillier_add(b, &o.pub, a, b);
            paillier_decrypt(out, &o.pub, &o.sec, b);
            assert_int_equal(mpz_get_si(out), (i + j) % 143);
            mpz_set_si(e, j - 71);
            paillier_scale_var(a, &o.pub, a, e);
            paillier_decrypt(out, &o.pub, &o.sec, a);
            assert_int_equal(mpz_get_si(out), ((i * (j - 71)) % 143 + 143) % 143);
        }
}

static void small_plaintexts_add_and_multiply_under_a_real_key(void **state)
{
    struct owner o AUTO(owner_clear) = {0};
    struct rng g AUTO(rng_clear);
    BIGNUM(x);
    BIGNUM(y);
    BIGNUM(e);
    BIGNUM(expected);
    BIGNUM(a);
    BIGNUM(b);
    BIGNUM(out);

    (void)state;
    test_rng(&g, "laws");
    owner_make(&o, 512, "laws key");
    for (int i = 0; i < 200; i++) {
        rng_below_mpz(&g, x, o.pub.n);
        rng_below_mpz(&g, y, o.pub.n);
        rng_bits(&g, e, (size_t)i + 1);
        if (i % 2)
            mpz_neg(e, e);
        owner_encrypt(a, &o, x, &g);
        owner_encrypt(b, &o, y, &g);
        paillier_scale_var(a, &o.pub, a, e);
        paillier_add(a, &o.pub, a, b);
        paillier_decrypt(out, &o.pub, &o.sec, a);
        mpz_mul(expected, x, e);
        mpz_add(expected, expected, y);
        mpz_mod(expected, expected, o.pub.n);
        assert_mpz_equal(out, expected);
    }
    mpz_sub_ui(x, o.pub.n, 1); /* the largest plaintext */
    owner_encrypt(a, &o, x, &g);
    paillier_decrypt(out, &o.pub, &o.sec, a);
    assert_mpz_equal(out, x);
}

static void keys_have_the_promised_shape(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(phi);
    BIGNUM(t);

    (void)state;
    test_rng(&g, "shape");
    for (int i = 0; i < 24; i++) {
        uint32_t bits = i % 3 == 0 ? 256 : i % 3 == 1 ? 272 : 384;
        struct owner o AUTO(owner_clear) = {0};

        assert_int_equal(paillier_keygen(&o.pub, &o.sec, bits, &g), OK);
        assert_int_equal(o.pub.bits, bits);
        assert_int_equal(mpz_sizeinbase(o.pub.n, 2), bits);
        assert_int_equal(mpz_sizeinbase(o.sec.p, 2), bits / 2);
        assert_int_equal(mpz_sizeinbase(o.sec.q, 2), bits / 2);
        assert_true(mpz_tstbit(o.sec.p, bits / 2 - 2) && mpz_tstbit(o.sec.q, bits / 2 - 2));
        assert_true(mpz_cmp(o.sec.p, o.sec.q) > 0);
        assert_true(mpz_probab_prime_p(o.sec.p, 30) && mpz_probab_prime_p(o.sec.q, 30));
        mpz_mul(t, o.sec.p, o.sec.q);
        assert_mpz_equal(t, o.pub.n);
        mpz_mul(phi, o.sec.p_minus_1, o.sec.q_minus_1);
        mpz_gcd(t, o.pub.n, phi);
        assert_int_equal(mpz_cmp_ui(t, 1), 0);
        mpz_sub(t, o.sec.p, o.sec.q);
        assert_true(mpz_sizeinbase(t, 2) > bits / 2 - 100);
    }
}

static void key_depends_on_the_generator_only(void **state)
{
    struct owner a AUTO(owner_clear) = {0}, b AUTO(owner_clear) = {0}, c AUTO(owner_clear) = {0};

    (void)state;
    owner_make(&a, 256, "one");
    owner_make(&b, 256, "one");
    owner_make(&c, 256, "two");
    assert_mpz_equal(a.pub.n, b.pub.n);
    assert_int_not_equal(mpz_cmp(a.pub.n, c.pub.n), 0);
}

static void keygen_refuses_lengths_it_cannot_write(void **state)
{
    static const uint32_t lengths[] = {0, 64, 240, 255, 257, 258, 264, 4097, 4112, UINT32_MAX};
    struct owner o = {0};
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "lengths");
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        assert_int_equal(paillier_keygen(&o.pub, &o.sec, lengths[i], &g), STATUS_USAGE);
}

static void public_key_bytes_are_exact_or_malformed(void **state)
{
    struct owner o AUTO(owner_clear) = {0};
    struct paillier_public pub AUTO(paillier_public_clear) = {0};
    uint8_t b[65] = {0};

    (void)state;
    owner_make(&o, 512, "public");
    bignum_put(b, 64, o.pub.n);
    assert_int_equal(paillier_public_get(&pub, 512, b, 64), OK);
    assert_int_equal(pub.bits, 512);
    assert_mpz_equal(pub.n, o.pub.n);
    assert_mpz_equal(pub.n2, o.pub.n2);
    paillier_public_clear(&pub);
    assert_int_equal(paillier_public_get(&pub, 512, b, 63), STATUS_MALFORMED);
    assert_int_equal(paillier_public_get(&pub, 512, b, 65), STATUS_MALFORMED);
    assert_int_equal(paillier_public_get(&pub, 512, b, 0), STATUS_MALFORMED);
    assert_int_equal(paillier_public_get(&pub, 528, b, 64), STATUS_MALFORMED);
    b[63] ^= 1; /* even */
    assert_int_equal(paillier_public_get(&pub, 512, b, 64), STATUS_MALFORMED);
    b[63] ^= 1;
    b[0] &= 0x7f; /* one bit short */
    assert_int_equal(paillier_public_get(&pub, 512, b, 64), STATUS_MALFORMED);
    memset(b, 0, sizeof b);
    assert_int_equal(paillier_public_get(&pub, 512, b, 64), STATUS_MALFORMED);
}

static void join_is_the_only_solution_for_every_small_pair(void **state)
{
    BIGNUM(m);
    BIGNUM(k);
    BIGNUM(inverse);
    BIGNUM(a);
    BIGNUM(b);
    BIGNUM(out);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(toy_keys); i++) {
        mpz_set_ui(m, toy_keys[i][0]);
        mpz_set_ui(k, toy_keys[i][1]);
        assert_true(mpz_invert(inverse, k, m));
        for (unsigned long x = 0; x < toy_keys[i][0] * toy_keys[i][1]; x++) {
            mpz_set_ui(a, x % toy_keys[i][0]);
            mpz_set_ui(b, x % toy_keys[i][1]);
            paillier_join(out, a, m, b, k, inverse);
            assert_int_equal(mpz_get_ui(out), x);
        }
    }
}

/* Five ciphertexts with one or two of them replaced. */
static void ciphers_that_are_no_units_below_n2_are_refused_by_index(void **state)
{
    enum { COUNT = 5, BAD = 10 };
    struct owner o AUTO(owner_clear) = {0};
    struct rng g AUTO(rng_clear);
    size_t width, index;
    uint8_t good[COUNT * 64], bytes[COUNT * 64];
    mpz_t *bad, *c;

    (void)state;
    test_rng(&g, "ciphers");
    owner_make(&o, 256, "ciphers key");
    width = paillier_cipher_bytes(256);
    assert_int_equal(bignum_array_new(&bad, BAD), OK);
    assert_int_equal(bignum_array_new(&c, COUNT), OK);
    mpz_set(bad[1], o.pub.n);
    mpz_set(bad[2], o.sec.p);
    mpz_set(bad[3], o.sec.q);
    mpz_set(bad[4], o.pub.n2);
    mpz_add_ui(bad[5], o.pub.n2, 1);
    mpz_sub(bad[6], o.pub.n2, o.pub.n);
    mpz_ui_pow_ui(bad[7], 2, 512);
    mpz_sub_ui(bad[7], bad[7], 1);
    rng_below_mpz(&g, bad[8], o.pub.n);
    mpz_mul(bad[8], bad[8], o.sec.p); /* a random multiple of p */
    mpz_mul(bad[9], o.sec.p2, o.sec.q);
    for (size_t i = 0; i < COUNT; i++)
        rng_unit_mpz(&g, c[i], o.pub.n2);
    paillier_ciphers_put(good, &o.pub, c, COUNT);
    for (size_t v = 0; v < BAD; v++)
        for (size_t i = 0; i < COUNT; i++)
            for (size_t j = i; j < COUNT; j++) {
                memcpy(bytes, good, sizeof good);
                bignum_put(bytes + i * width, width, bad[v]);
                bignum_put(bytes + j * width, width, bad[(v + 3) % BAD]);
                bignum_put(bytes + i * width, width, bad[v]);
                index = 99;
                assert_int_equal(paillier_ciphers_get(c, &o.pub, bytes, COUNT, &index), STATUS_MALFORMED);
                assert_int_equal(index, i);
                assert_int_equal(paillier_ciphers_get(c, &o.pub, bytes, COUNT, NULL), STATUS_MALFORMED);
            }
    bignum_array_free(bad, BAD);
    bignum_array_free(c, COUNT);
}

static void ciphers_come_back_as_they_were_put(void **state)
{
    enum { COUNT = 40 };
    struct owner o AUTO(owner_clear) = {0};
    struct rng g AUTO(rng_clear);
    uint8_t bytes[COUNT * 64], again[COUNT * 64];
    size_t index = 99;
    mpz_t *sent, *got;

    (void)state;
    test_rng(&g, "round trip");
    owner_make(&o, 256, "round trip key");
    assert_int_equal(bignum_array_new(&sent, COUNT), OK);
    assert_int_equal(bignum_array_new(&got, COUNT), OK);
    for (size_t i = 2; i < COUNT; i++)
        rng_unit_mpz(&g, sent[i], o.pub.n2);
    mpz_set_ui(sent[0], 1);
    mpz_sub_ui(sent[1], o.pub.n2, 1);
    paillier_ciphers_put(bytes, &o.pub, sent, COUNT);
    assert_int_equal(paillier_ciphers_get(got, &o.pub, bytes, COUNT, &index), OK);
    for (size_t i = 0; i < COUNT; i++)
        assert_mpz_equal(sent[i], got[i]);
    paillier_ciphers_put(again, &o.pub, got, COUNT);
    assert_memory_equal(bytes, again, sizeof bytes);
    assert_int_equal(paillier_ciphers_get(got, &o.pub, bytes, 0, &index), OK);
    assert_int_equal(index, 99);
    bignum_array_free(sent, COUNT);
    bignum_array_free(got, COUNT);
}

static void a_cleared_key_is_zero_and_may_be_cleared_again(void **state)
{
    const struct owner zero = {0};
    struct owner o = {0};

    (void)state;
    owner_make(&o, 256, "clear");
    owner_clear(&o);
    assert_memory_equal(&o, &zero, sizeof o);
    owner_clear(&o);
}

static mp_limb_t sought[2];
static unsigned freed_blocks, freed_secrets;

static void free_and_look(void *block, size_t size)
{
    freed_blocks++;
    freed_secrets += memmem(block, size, sought, sizeof sought) != NULL;
    free(block);
}

static void clear_wipes_the_primes_before_it_frees_them(void **state)
{
    void *(*grow)(void *, size_t, size_t);
    void *(*get)(size_t);
    void (*put)(void *, size_t);
    struct owner o = {0};

    (void)state;
    owner_make(&o, 512, "wipe");
    memcpy(sought, mpz_limbs_read(o.sec.p), sizeof sought);
    mp_get_memory_functions(&get, &grow, &put);
    mp_set_memory_functions(get, grow, free_and_look);
    owner_clear(&o);
    mp_set_memory_functions(get, grow, put);
    assert_int_equal(freed_blocks, 12);
    assert_int_equal(freed_secrets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keygen_finds_the_primes_of_the_vectors),
        cmocka_unit_test(arithmetic_matches_the_vectors),
        cmocka_unit_test(decrypt_inverts_encrypt_for_every_small_key),
        cmocka_unit_test(every_unit_is_one_ciphertext_of_the_smallest_key),
        cmocka_unit_test(sums_and_multiples_are_exact_for_every_pair_of_plaintexts),
        cmocka_unit_test(small_plaintexts_add_and_multiply_under_a_real_key),
        cmocka_unit_test(keys_have_the_promised_shape),
        cmocka_unit_test(key_depends_on_the_generator_only),
        cmocka_unit_test(keygen_refuses_lengths_it_cannot_write),
        cmocka_unit_test(public_key_bytes_are_exact_or_malformed),
        cmocka_unit_test(join_is_the_only_solution_for_every_small_pair),
        cmocka_unit_test(ciphers_that_are_no_units_below_n2_are_refused_by_index),
        cmocka_unit_test(ciphers_come_back_as_they_were_put),
        cmocka_unit_test(a_cleared_key_is_zero_and_may_be_cleared_again),
        cmocka_unit_test(clear_wipes_the_primes_before_it_frees_them),
    };

    return cmocka_run_group_tests_name("paillier", tests, NULL, NULL);
}
