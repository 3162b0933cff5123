#include "crypto/paillier.h"
#include "crypto/pair_tier.h"

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
    for (EACH_TIER(tier))
        for (size_t i = 0; i < COUNT_OF(vectors); i++) {
            const struct vector *v = &vectors[i];
            struct owner o AUTO(owner_clear) = {0};
            uint64_t residue[PAIR_WORDS_MAX], c[PAIR_WORDS_MAX];
            mpz_t *x;

            owner_of_vectors(&o, v->bits);
            assert_int_equal(bignum_array_new(&x, 1), OK);
            mpz_set_str(x[0], v->blind, 16);
            pair_get_mpz(&o.pub.pair, residue, x, 1);
            mpz_set_str(x[0], v->m, 16);
            paillier_encrypt_many(c, &o.pub, x, residue, 1);
            pair_put_mpz(&o.pub.pair, x, c, 1);
            assert_mpz_hex(x[0], v->c);
            paillier_decrypt_many(x, &o.pub, &o.sec, c, 1);
            assert_mpz_hex(x[0], v->m);
            mpz_set_str(x[0], v->m2, 16);
            paillier_encrypt_many(c, &o.pub, x, c, 1); /* (1 + m2 N) c adds m2 */
            pair_put_mpz(&o.pub.pair, x, c, 1);
            assert_mpz_hex(x[0], v->sum);
            mpz_set_str(x[0], v->scaled, 16);
            pair_get_mpz(&o.pub.pair, c, x, 1);
            paillier_decrypt_many(x, &o.pub, &o.sec, c, 1);
            assert_mpz_hex(x[0], v->scaled_m);
            bignum_array_free(x, 1);
        }
}

/* Encrypt every plaintext of a toy key with the residue s^N and decrypt them, all at once. */
static void all_plaintexts_come_back(const struct owner *o, unsigned long n, unsigned long s)
{
    const size_t words = pair_words(&o->pub.pair);
    uint64_t *c = numbers_of(&o->pub.pair, n);
    mpz_t *m;

    assert_int_equal(bignum_array_new(&m, n), OK);
    for (unsigned long v = 0; v < n; v++) {
        mpz_set_ui(m[v], s);
        mpz_powm(m[v], m[v], o->pub.n, o->pub.n2);
        pair_get_mpz(&o->pub.pair, c + v * words, m + v, 1);
        mpz_set_ui(m[v], v);
    }
    paillier_encrypt_many(c, &o->pub, m, c, n);
    paillier_decrypt_many(m, &o->pub, &o->sec, c, n);
    for (unsigned long v = 0; v < n; v++)
        if (mpz_cmp_ui(m[v], v) != 0)
            fail_msg("%s: N = %lu, m = %lu, s = %lu", o->pub.pair.tier->name, n, v, s);
    bignum_array_free(m, n);
    free(c);
}

/* Every plaintext under every randomiser of the smallest key, under four of the larger ones. */
static void decrypt_inverts_encrypt_for_every_small_key(void **state)
{
    (void)state;
    for (EACH_TIER(tier))
        for (size_t k = 0; k < COUNT_OF(toy_keys); k++) {
            unsigned long p = toy_keys[k][0], q = toy_keys[k][1], n = p * q;
            struct owner o AUTO(owner_clear) = {0};

            owner_toy(&o, p, q);
            for (unsigned long s = 1; s < n; s += n > 35 ? (n - 2) / 3 : 1)
                if (s % p && s % q)
                    all_plaintexts_come_back(&o, n, s);
        }
}

/* Encryption is a bijection Z_N x Z*_N -> Z*_{N^2}: every unit is the ciphertext of exactly one pair. */
static void every_unit_is_one_ciphertext_of_the_smallest_key(void **state)
{
    (void)state;
    for (EACH_TIER(tier)) {
        struct owner o AUTO(owner_clear) = {0};
        unsigned seen[35 * 35] = {0}, units = 0;
        uint64_t residue[PAIR_WORDS_MAX], c[PAIR_WORDS_MAX];
        mpz_t *x;

        owner_toy(&o, 7, 5);
        assert_int_equal(bignum_array_new(&x, 1), OK);
        for (unsigned long s = 1; s < 35; s++) {
            if (s % 5 == 0 || s % 7 == 0)
                continue;
            mpz_set_ui(x[0], s);
            mpz_powm(x[0], x[0], o.pub.n, o.pub.n2);
            pair_get_mpz(&o.pub.pair, residue, x, 1);
            for (unsigned long v = 0; v < 35; v++) {
                mpz_set_ui(x[0], v);
                paillier_encrypt_many(c, &o.pub, x, residue, 1);
                pair_put_mpz(&o.pub.pair, x, c, 1);
                assert_int_equal(seen[mpz_get_ui(x[0])]++, 0);
                units++;
            }
        }
        bignum_array_free(x, 1);
        assert_int_equal(units, 24 * 35);
    }
}

enum { NUMBERS = 19 }; /* two whole vectors of the widest tier and a part */

/* A key of a tier, plaintexts, residues and their ciphertexts by GMP. */
struct batch {
    struct owner o;
    mpz_t *m, *residue, *c, *out;
    uint64_t *numbers;
};

static void batch_make(struct batch *b, uint32_t bits)
{
    struct rng g AUTO(rng_clear);

    *b = (struct batch){0};
    test_rng(&g, "batch");
    if (bits < 2048)
        owner_make(&b->o, bits, "batch key");
    else
        owner_known(&b->o, bits);
    assert_int_equal(bignum_array_new(&b->m, NUMBERS), OK);
    assert_int_equal(bignum_array_new(&b->residue, NUMBERS), OK);
    assert_int_equal(bignum_array_new(&b->c, NUMBERS), OK);
    assert_int_equal(bignum_array_new(&b->out, NUMBERS), OK);
    b->numbers = numbers_of(&b->o.pub.pair, NUMBERS);
    for (size_t i = 0; i < NUMBERS; i++) {
        rng_below_mpz(&g, b->m[i], b->o.pub.n);
        rng_unit_mpz(&g, b->residue[i], b->o.pub.n2); /* any unit does for arithmetic */
    }
    mpz_set_ui(b->m[1], 0);
    mpz_set_ui(b->m[2], 1);
    mpz_sub_ui(b->m[3], b->o.pub.n, 1);
    mpz_set(b->m[4], b->o.sec.p);
    mpz_set_ui(b->residue[5], 1);
    mpz_sub_ui(b->residue[6], b->o.pub.n2, 1);
    for (size_t i = 0; i < NUMBERS; i++)
        cipher_make(b->c[i], &b->o.pub, b->m[i], b->residue[i]);
}

static void batch_clear(struct batch *b)
{
    owner_clear(&b->o);
    bignum_array_free(b->m, NUMBERS);
    bignum_array_free(b->residue, NUMBERS);
    bignum_array_free(b->c, NUMBERS);
    bignum_array_free(b->out, NUMBERS);
    free(b->numbers);
}

/* L(c^phi) / phi mod N, the textbook's way. */
static void open_by_gmp(mpz_t m, const struct owner *o, const mpz_t c)
{
    BIGNUM(phi);
    BIGNUM(inverse);

    mpz_mul(phi, o->sec.p_minus_1, o->sec.q_minus_1);
    mpz_powm(m, c, phi, o->pub.n2);
    mpz_sub_ui(m, m, 1);
    mpz_divexact(m, m, o->pub.n);
    assert_true(mpz_invert(inverse, phi, o->pub.n));
    mpz_mul(m, m, inverse);
    mpz_mod(m, m, o->pub.n);
}

static const size_t counts[] = {0, 1, 7, 8, 9, NUMBERS};

static void batches_of_any_size_equal_single_arithmetic_by_gmp(void **state)
{
    static const uint32_t lengths[] = {256, 272, 512, 2048, 3072, 4096};

    (void)state;
    for (EACH_TIER(tier))
        for (size_t l = 0; l < COUNT_OF(lengths); l++) {
            struct batch b AUTO(batch_clear);
            size_t words;
            BIGNUM(expected);

            batch_make(&b, lengths[l]);
            words = pair_words(&b.o.pub.pair);
            for (size_t i = 0; i < COUNT_OF(counts); i++) {
                const size_t first = NUMBERS - counts[i];

                pair_get_mpz(&b.o.pub.pair, b.numbers, b.residue, NUMBERS);
                paillier_encrypt_many(b.numbers + first * words, &b.o.pub, b.m + first, b.numbers + first * words, counts[i]);
                pair_put_mpz(&b.o.pub.pair, b.out, b.numbers, NUMBERS);
                for (size_t j = 0; j < NUMBERS; j++)
                    assert_mpz_equal(b.out[j], j < first ? b.residue[j] : b.c[j]);
                if (lengths[l] > 512 && counts[i] > 1 && counts[i] < NUMBERS)
                    continue; /* the lanes are the same */
                paillier_decrypt_many(b.out + first, &b.o.pub, &b.o.sec, b.numbers + first * words, counts[i]);
                for (size_t j = first; j < NUMBERS; j++) {
                    open_by_gmp(expected, &b.o, b.c[j]);
                    assert_mpz_equal(b.out[j], expected);
                    if (lengths[l] > 512 && j >= first + 2)
                        break; /* GMP is slow */
                }
            }
        }
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

/* What is no ciphertext of this key. */
enum { BAD = 11 };

static void bad_make(mpz_t *bad, const struct owner *o, struct rng *g)
{
    mpz_set(bad[1], o->pub.n);
    mpz_set(bad[2], o->sec.p);
    mpz_set(bad[3], o->sec.q);
    mpz_set(bad[4], o->pub.n2);
    mpz_add_ui(bad[5], o->pub.n2, 1);
    mpz_sub(bad[6], o->pub.n2, o->pub.n);
    mpz_ui_pow_ui(bad[7], 2, 2 * o->pub.bits);
    mpz_sub_ui(bad[7], bad[7], 1);
    rng_below_mpz(g, bad[8], o->pub.n);
    mpz_mul(bad[8], bad[8], o->sec.p); /* a random multiple of p */
    mpz_mul(bad[9], o->sec.p2, o->sec.q);
    mpz_sub(bad[10], o->pub.n2, o->sec.q2);
}

/* One bad ciphertext, and another behind it, at every position of a batch. */
static void ciphers_that_are_no_units_below_n2_are_refused_by_index(void **state)
{
    enum { BITS = 256, WIDTH = BITS / 4 };

    (void)state;
    for (EACH_TIER(tier)) {
        struct batch b AUTO(batch_clear);
        struct rng g AUTO(rng_clear);
        uint8_t good[NUMBERS * WIDTH], bytes[NUMBERS * WIDTH];
        size_t index;
        mpz_t *bad;

        test_rng(&g, "bad ciphers");
        batch_make(&b, BITS);
        assert_int_equal(bignum_array_new(&bad, BAD), OK);
        bad_make(bad, &b.o, &g);
        ciphers_spell(good, &b.o.pub, b.c, NUMBERS);
        for (size_t v = 0; v < BAD; v++)
            for (size_t i = 0; i < NUMBERS; i++)
                for (size_t j = i; j < NUMBERS; j++) {
                    memcpy(bytes, good, sizeof good);
                    bignum_put(bytes + j * WIDTH, WIDTH, bad[(v + 3) % BAD]);
                    bignum_put(bytes + i * WIDTH, WIDTH, bad[v]);
                    index = 99;
                    assert_int_equal(paillier_ciphers_read(b.numbers, &b.o.pub, bytes, NUMBERS, &index), STATUS_MALFORMED);
                    assert_int_equal(index, i);
                }
        bignum_put(bytes, WIDTH, bad[0]);
        assert_int_equal(paillier_ciphers_read(b.numbers, &b.o.pub, bytes, 1, NULL), STATUS_MALFORMED);
        bignum_array_free(bad, BAD);
    }
}

static void ciphers_come_back_as_they_were_sent(void **state)
{
    static const uint32_t lengths[] = {256, 272, 2048, 4096};

    (void)state;
    for (EACH_TIER(tier))
        for (size_t l = 0; l < COUNT_OF(lengths); l++) {
            const size_t width = paillier_cipher_bytes(lengths[l]);
            struct batch b AUTO(batch_clear);
            uint8_t bytes[NUMBERS * 1024], again[NUMBERS * 1024];
            size_t index = 99;

            batch_make(&b, lengths[l]);
            mpz_set_ui(b.c[0], 1);
            mpz_sub_ui(b.c[1], b.o.pub.n2, 1);
            ciphers_spell(bytes, &b.o.pub, b.c, NUMBERS);
            for (size_t i = 0; i < COUNT_OF(counts); i++) {
                memset(again, 0, sizeof again);
                assert_int_equal(paillier_ciphers_read(b.numbers, &b.o.pub, bytes, counts[i], &index), OK);
                pair_put_mpz(&b.o.pub.pair, b.out, b.numbers, counts[i]);
                for (size_t j = 0; j < counts[i]; j++)
                    assert_mpz_equal(b.out[j], b.c[j]);
                paillier_ciphers_write(again, &b.o.pub, b.numbers, counts[i]);
                assert_memory_equal(bytes, again, counts[i] * width);
            }
            assert_int_equal(index, 99);
        }
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
    assert_int_equal(freed_blocks, 18);
    assert_int_equal(freed_secrets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keygen_finds_the_primes_of_the_vectors),
        cmocka_unit_test(arithmetic_matches_the_vectors),
        cmocka_unit_test(decrypt_inverts_encrypt_for_every_small_key),
        cmocka_unit_test(every_unit_is_one_ciphertext_of_the_smallest_key),
        cmocka_unit_test(batches_of_any_size_equal_single_arithmetic_by_gmp),
        cmocka_unit_test(keys_have_the_promised_shape),
        cmocka_unit_test(key_depends_on_the_generator_only),
        cmocka_unit_test(keygen_refuses_lengths_it_cannot_write),
        cmocka_unit_test(public_key_bytes_are_exact_or_malformed),
        cmocka_unit_test(join_is_the_only_solution_for_every_small_pair),
        cmocka_unit_test(ciphers_that_are_no_units_below_n2_are_refused_by_index),
        cmocka_unit_test(ciphers_come_back_as_they_were_sent),
        cmocka_unit_test(a_cleared_key_is_zero_and_may_be_cleared_again),
        cmocka_unit_test(clear_wipes_the_primes_before_it_frees_them),
    };

    return cmocka_run_group_tests_name("paillier", tests, NULL, NULL);
}
