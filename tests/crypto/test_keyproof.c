#include "crypto/keyproof.h"

#include "forge.h"
#include "owner.h"
#include "vectors/vectors.h"

#include <sodium.h>

enum { BITS = 512, WIDTH = BITS / 8 };

static void binding_of(struct hash *out, uint8_t last)
{
    unhex(out->bytes, HASH_BYTES, KEYPROOF_BINDING);
    out->bytes[31] ^= last;
}

/* The key of modulus n is refused for this reason, though it comes with the best proof. */
static void assert_refused(const mpz_t n, const mpz_t phi, uint32_t bits, const char *why)
{
    uint8_t *proof;
    struct paillier_public pub AUTO(paillier_public_clear) = {0};
    struct hash binding;
    struct fault f = {0};

    key_of(&pub, n, bits);
    binding_of(&binding, 0);
    proof = calloc(1, keyproof_bytes(bits) + 8);
    assert_non_null(proof);
    if (mpz_sizeinbase(n, 2) <= bits && bits <= PAILLIER_BITS_MAX)
        forge_proof(proof, &pub, phi, &binding);
    assert_int_equal(keyproof_check(&pub, proof, keyproof_bytes(bits), SUITE_INT1, &binding, &f), STATUS_UNTRUSTED);
    assert_int_equal(f.code, STATUS_UNTRUSTED);
    if (!strstr(f.message, why))
        fail_msg("expected \"%s\", got \"%s\"", why, f.message);
    assert_true(strlen(f.hint) > 0);
    free(proof);
}

/* A prime of exactly these bits with its two highest set. */
static void prime_of(mpz_t out, size_t bits, struct rng *g)
{
    do {
        rng_bits(g, out, bits);
        mpz_setbit(out, bits - 1);
        mpz_setbit(out, bits - 2);
        mpz_setbit(out, 0);
    } while (!mpz_probab_prime_p(out, 30));
}

static void proofs_match_their_vectors_and_are_accepted(void **state)
{
    static const struct {
        uint32_t bits;
        const char *expected;
    } vectors[] = {{256, KEYPROOF_256_SHA256}, {512, KEYPROOF_512_SHA256}, {2048, KEYPROOF_2048_SHA256}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct owner o AUTO(owner_clear) = {0};
        uint8_t proof[KEYPROOF_ROOTS * 256];
        size_t len = keyproof_bytes(vectors[i].bits);
        struct hash binding, digest;
        struct fault f = {0};

        owner_of_vectors(&o, vectors[i].bits);
        binding_of(&binding, 0);
        keyproof_make(proof, &o.pub, &o.sec, SUITE_INT1, &binding);
        crypto_hash_sha256(digest.bytes, proof, len);
        assert_hex(digest.bytes, HASH_BYTES, vectors[i].expected);
        assert_int_equal(keyproof_check(&o.pub, proof, len, SUITE_INT1, &binding, &f), OK);
        assert_int_equal(f.code, OK);
        assert_int_equal(keyproof_check(&o.pub, proof, len, SUITE_INT1, &binding, NULL), OK);
    }
}

struct proven {
    struct owner o;
    struct hash binding;
    uint8_t proof[KEYPROOF_ROOTS * WIDTH];
};

static void proven_clear(struct proven *p)
{
    owner_clear(&p->o);
}

static void prove(struct proven *p)
{
    owner_make(&p->o, BITS, "proven");
    binding_of(&p->binding, 0);
    keyproof_make(p->proof, &p->o.pub, &p->o.sec, SUITE_INT1, &p->binding);
    assert_int_equal(keyproof_check(&p->o.pub, p->proof, sizeof p->proof, SUITE_INT1, &p->binding, NULL), OK);
}

static status check_root_replaced(const struct proven *p, size_t index, const mpz_t root)
{
    uint8_t proof[sizeof p->proof];

    memcpy(proof, p->proof, sizeof proof);
    bignum_put(proof + index * WIDTH, WIDTH, root);
    return keyproof_check(&p->o.pub, proof, sizeof proof, SUITE_INT1, &p->binding, NULL);
}

static void twelve_good_roots_and_a_bad_one_are_refused_at_every_position(void **state)
{
    struct proven p AUTO(proven_clear) = {0};
    struct rng g AUTO(rng_clear);
    BIGNUM(good);
    BIGNUM(root);

    (void)state;
    prove(&p);
    test_rng(&g, "roots");
    for (size_t i = 0; i < KEYPROOF_ROOTS; i++) {
        bignum_get(good, p.proof + i * WIDTH, WIDTH);
        assert_int_equal(check_root_replaced(&p, i, good), OK);
        mpz_set_ui(root, 0);
        assert_int_equal(check_root_replaced(&p, i, root), STATUS_UNTRUSTED);
        mpz_set_ui(root, 1);
        assert_int_equal(check_root_replaced(&p, i, root), STATUS_UNTRUSTED);
        mpz_sub(root, p.o.pub.n, good); /* the root of minus the challenge */
        assert_int_equal(check_root_replaced(&p, i, root), STATUS_UNTRUSTED);
        mpz_add_ui(root, good, 1);
        assert_int_equal(check_root_replaced(&p, i, root), STATUS_UNTRUSTED);
        mpz_set(root, p.o.sec.p);
        assert_int_equal(check_root_replaced(&p, i, root), STATUS_UNTRUSTED);
        mpz_set(root, p.o.pub.n);
        assert_int_equal(check_root_replaced(&p, i, root), STATUS_UNTRUSTED);
        rng_unit_mpz(&g, root, p.o.pub.n);
        assert_int_equal(check_root_replaced(&p, i, root), STATUS_UNTRUSTED);
    }
}

/* root + N is as good a root, but a second encoding of it. */
static void roots_are_canonical(void **state)
{
    struct proven p AUTO(proven_clear) = {0};
    int tried = 0;
    BIGNUM(root);

    (void)state;
    prove(&p);
    for (uint8_t last = 0; last < 20; last++) {
        binding_of(&p.binding, last);
        keyproof_make(p.proof, &p.o.pub, &p.o.sec, SUITE_INT1, &p.binding);
        for (size_t i = 0; i < KEYPROOF_ROOTS; i++) {
            bignum_get(root, p.proof + i * WIDTH, WIDTH);
            mpz_add(root, root, p.o.pub.n);
            if (mpz_sizeinbase(root, 2) > BITS)
                continue;
            tried++;
            assert_int_equal(check_root_replaced(&p, i, root), STATUS_UNTRUSTED);
        }
    }
    assert_true(tried > 0);
}

static void roots_in_another_order_are_refused(void **state)
{
    struct proven p AUTO(proven_clear) = {0};
    uint8_t swapped[sizeof p.proof];

    (void)state;
    prove(&p);
    memcpy(swapped, p.proof + WIDTH, WIDTH);
    memcpy(swapped + WIDTH, p.proof, WIDTH);
    memcpy(swapped + 2 * WIDTH, p.proof + 2 * WIDTH, sizeof swapped - 2 * WIDTH);
    assert_int_equal(keyproof_check(&p.o.pub, swapped, sizeof swapped, SUITE_INT1, &p.binding, NULL), STATUS_UNTRUSTED);
}

static void a_proof_of_twelve_or_fourteen_roots_is_refused(void **state)
{
    struct proven p AUTO(proven_clear) = {0};
    uint8_t longer[sizeof p.proof + WIDTH];

    (void)state;
    _Static_assert(KEYPROOF_ROOTS == 13 && KEYPROOF_FACTOR_FLOOR == 1 << 16, "13 * 16 = 208 bits");
    prove(&p);
    memcpy(longer, p.proof, sizeof p.proof);
    memcpy(longer + sizeof p.proof, p.proof, WIDTH);
    for (size_t len = 0; len <= sizeof longer; len += WIDTH / 2)
        assert_int_equal(keyproof_check(&p.o.pub, longer, len, SUITE_INT1, &p.binding, NULL),
                         len == sizeof p.proof ? OK : STATUS_UNTRUSTED);
    assert_int_equal(keyproof_check(&p.o.pub, longer, sizeof p.proof - 1, SUITE_INT1, &p.binding, NULL), STATUS_UNTRUSTED);
}

static void a_proof_for_another_binding_or_another_key_is_refused(void **state)
{
    struct proven p AUTO(proven_clear) = {0};
    struct owner other AUTO(owner_clear) = {0};
    struct hash elsewhere;

    (void)state;
    prove(&p);
    binding_of(&elsewhere, 1);
    assert_int_equal(keyproof_check(&p.o.pub, p.proof, sizeof p.proof, SUITE_INT1, &elsewhere, NULL), STATUS_UNTRUSTED);
    owner_make(&other, BITS, "other");
    assert_int_equal(keyproof_check(&other.pub, p.proof, sizeof p.proof, SUITE_INT1, &p.binding, NULL), STATUS_UNTRUSTED);
}

static void a_modulus_of_another_length_is_refused(void **state)
{
    struct proven p AUTO(proven_clear) = {0};
    struct rng g AUTO(rng_clear);
    BIGNUM(q);
    BIGNUM(r);
    BIGNUM(n);
    BIGNUM(phi);

    (void)state;
    prove(&p);
    mpz_mul(phi, p.o.sec.p_minus_1, p.o.sec.q_minus_1);
    assert_refused(p.o.pub.n, phi, BITS - 8, "does not have the agreed length");
    assert_refused(p.o.pub.n, phi, BITS + 8, "does not have the agreed length");
    assert_refused(p.o.pub.n, phi, 8192, "does not have the agreed length");
    test_rng(&g, "short");
    prime_of(q, BITS / 2, &g);
    do { /* one bit short: 256 bits times 255 */
        prime_of(r, BITS / 2 - 1, &g);
        mpz_mul(n, q, r);
    } while (mpz_sizeinbase(n, 2) != BITS - 1);
    mpz_sub_ui(q, q, 1);
    mpz_sub_ui(r, r, 1);
    mpz_mul(phi, q, r);
    assert_refused(n, phi, BITS, "does not have the agreed length");
}

static void an_even_modulus_is_refused(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(n);
    BIGNUM(phi);

    (void)state;
    test_rng(&g, "even");
    prime_of(n, BITS - 1, &g);
    mpz_sub_ui(phi, n, 1);
    mpz_mul_ui(n, n, 2);
    assert_refused(n, phi, BITS, "is even");
}

/* Its roots are all good: gcd(N, N - 1) = 1. */
static void a_prime_modulus_is_refused(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(n);
    BIGNUM(phi);

    (void)state;
    test_rng(&g, "prime");
    prime_of(n, BITS, &g);
    mpz_sub_ui(phi, n, 1);
    assert_refused(n, phi, BITS, "is a prime");
}

static void a_perfect_power_is_refused(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(p);
    BIGNUM(n);

    (void)state;
    test_rng(&g, "power");
    prime_of(p, BITS / 2, &g);
    mpz_mul(n, p, p);
    assert_refused(n, n, BITS, "is a perfect power");
    do {
        prime_of(p, BITS / 4, &g);
        mpz_pow_ui(n, p, 4);
    } while (mpz_sizeinbase(n, 2) != BITS);
    assert_refused(n, n, BITS, "is a perfect power");
}

/* N = small * prime with all its roots good, so that nothing but the floor speaks: 65521 is the last prime below 2^16,
 * 65537 the first above. */
static void a_prime_factor_is_refused_below_two_to_the_sixteenth_only(void **state)
{
    static const unsigned long small[] = {3, 5, 257, 65519, 65521, 65537};
    struct rng g AUTO(rng_clear);
    BIGNUM(n);
    BIGNUM(q);
    BIGNUM(phi);
    BIGNUM(t);

    (void)state;
    test_rng(&g, "small");
    for (size_t i = 0; i < COUNT_OF(small); i++) {
        struct paillier_public pub AUTO(paillier_public_clear) = {0};
        uint8_t proof[KEYPROOF_ROOTS * WIDTH];
        struct hash binding;

        do {
            rng_bits(&g, q, BITS);
            mpz_setbit(q, BITS - 1);
            mpz_setbit(q, BITS - 2);
            mpz_tdiv_q_ui(q, q, small[i]);
            mpz_nextprime(q, q);
            mpz_mul_ui(n, q, small[i]);
            mpz_sub_ui(phi, q, 1);
            mpz_mul_ui(phi, phi, small[i] - 1);
            mpz_gcd(t, n, phi);
        } while (mpz_cmp_ui(t, 1) != 0 || mpz_sizeinbase(n, 2) != BITS);
        if (small[i] < KEYPROOF_FACTOR_FLOOR) {
            assert_refused(n, phi, BITS, "has a prime factor below 65536");
            continue;
        }
        key_of(&pub, n, BITS);
        binding_of(&binding, 0);
        forge_proof(proof, &pub, phi, &binding);
        assert_int_equal(keyproof_check(&pub, proof, sizeof proof, SUITE_INT1, &binding, NULL), OK);
    }
}

/* p | q - 1 (attack B), and p^2 q: N has no inverse mod phi(N). */
static void a_modulus_that_shares_a_factor_with_phi_is_refused(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(p);
    BIGNUM(q);
    BIGNUM(n);
    BIGNUM(phi);
    BIGNUM(t);

    (void)state;
    test_rng(&g, "shared");
    for (size_t p_bits = 17; p_bits <= 240; p_bits += 60) {
        prime_of(p, p_bits, &g);
        do {
            rng_bits(&g, t, BITS - 1 - 2 * p_bits);
            mpz_setbit(t, BITS - 2 - 2 * p_bits);
            mpz_setbit(t, BITS - 3 - 2 * p_bits);
            mpz_mul(q, t, p);
            mpz_mul_2exp(q, q, 1);
            mpz_add_ui(q, q, 1);
            mpz_mul(n, p, q);
        } while (mpz_sizeinbase(n, 2) != BITS || !mpz_probab_prime_p(q, 30));
        mpz_sub_ui(phi, p, 1);
        mpz_sub_ui(t, q, 1);
        mpz_divexact(t, t, p);
        mpz_mul(phi, phi, t);
        assert_refused(n, phi, BITS, "does not match its challenge");
    }
    do {
        prime_of(p, BITS / 4, &g);
        prime_of(q, BITS / 2 + 1, &g);
        mpz_mul(n, p, p);
        mpz_mul(n, n, q);
    } while (mpz_sizeinbase(n, 2) != BITS);
    mpz_sub_ui(t, p, 1);
    mpz_sub_ui(phi, q, 1);
    mpz_mul(phi, phi, t); /* the part of order p left out */
    assert_refused(n, phi, BITS, "does not match its challenge");
}

/* The claim is gcd(N, phi(N)) = 1, not two primes: three are as good for hiding, and are accepted. */
static void three_primes_are_accepted(void **state)
{
    struct rng g AUTO(rng_clear);
    struct paillier_public pub AUTO(paillier_public_clear) = {0};
    uint8_t proof[KEYPROOF_ROOTS * WIDTH];
    struct hash binding;
    BIGNUM(p);
    BIGNUM(n);
    BIGNUM(phi);

    (void)state;
    test_rng(&g, "three");
    do {
        mpz_set_ui(n, 1);
        mpz_set_ui(phi, 1);
        for (size_t i = 0; i < 3; i++) {
            prime_of(p, BITS / 3 + (i < BITS % 3 ? 1 : 0), &g);
            mpz_mul(n, n, p);
            mpz_sub_ui(p, p, 1);
            mpz_mul(phi, phi, p);
        }
        mpz_gcd(p, n, phi);
    } while (mpz_sizeinbase(n, 2) != BITS || mpz_cmp_ui(p, 1) != 0);
    key_of(&pub, n, BITS);
    binding_of(&binding, 0);
    forge_proof(proof, &pub, phi, &binding);
    assert_int_equal(keyproof_check(&pub, proof, sizeof proof, SUITE_INT1, &binding, NULL), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_match_their_vectors_and_are_accepted),
        cmocka_unit_test(twelve_good_roots_and_a_bad_one_are_refused_at_every_position),
        cmocka_unit_test(roots_are_canonical),
        cmocka_unit_test(roots_in_another_order_are_refused),
        cmocka_unit_test(a_proof_of_twelve_or_fourteen_roots_is_refused),
        cmocka_unit_test(a_proof_for_another_binding_or_another_key_is_refused),
        cmocka_unit_test(a_modulus_of_another_length_is_refused),
        cmocka_unit_test(an_even_modulus_is_refused),
        cmocka_unit_test(a_prime_modulus_is_refused),
        cmocka_unit_test(a_perfect_power_is_refused),
        cmocka_unit_test(a_prime_factor_is_refused_below_two_to_the_sixteenth_only),
        cmocka_unit_test(a_modulus_that_shares_a_factor_with_phi_is_refused),
        cmocka_unit_test(three_primes_are_accepted),
    };

    return cmocka_run_group_tests_name("keyproof", tests, NULL, NULL);
}
