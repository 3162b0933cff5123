/* A party with a Paillier key, for tests. */
#ifndef HEFU_TESTS_CRYPTO_OWNER_H
#define HEFU_TESTS_CRYPTO_OWNER_H

#include "crypto/blind.h"
#include "testing.h"

struct owner {
    struct paillier_public pub;
    struct paillier_secret sec;
};

static inline void owner_clear(struct owner *o)
{
    paillier_public_clear(&o->pub);
    paillier_secret_clear(&o->sec);
}

static inline void owner_make(struct owner *o, uint32_t bits, const char *purpose)
{
    struct rng g AUTO(rng_clear);

    test_rng(&g, purpose);
    assert_int_equal(paillier_keygen(&o->pub, &o->sec, bits, &g), OK);
}

/* The key of the vectors, or a toy one of two small primes p > q of equal length. */
static inline void owner_of_vectors(struct owner *o, uint32_t bits)
{
    struct rng g AUTO(rng_clear);

    vector_rng(&g, "paillier key", bits);
    assert_int_equal(paillier_keygen(&o->pub, &o->sec, bits, &g), OK);
}

static inline void owner_toy(struct owner *o, unsigned long p, unsigned long q)
{
    BIGNUM(big_p);
    BIGNUM(big_q);

    mpz_set_ui(big_p, p);
    mpz_set_ui(big_q, q);
    assert_int_equal(paillier_key_from_primes(&o->pub, &o->sec, big_p, big_q), OK);
}

/* A key of a real length from the first primes above 7/8 and 3/4 of a power of two, which no key generation takes time to
 * find. */
static inline void owner_known(struct owner *o, uint32_t bits)
{
    static const struct {
        uint32_t bits;
        unsigned long p, q; /* beyond 7 * 2^(bits/2 - 3) and 3 * 2^(bits/2 - 2) */
    } known[] = {{2048, 309, 1037}, {3072, 3069, 1837}, {4096, 263, 439}};
    BIGNUM(p);
    BIGNUM(q);

    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i].bits != bits)
            continue;
        mpz_set_ui(p, 7);
        mpz_mul_2exp(p, p, bits / 2 - 3);
        mpz_add_ui(p, p, known[i].p);
        mpz_set_ui(q, 3);
        mpz_mul_2exp(q, q, bits / 2 - 2);
        mpz_add_ui(q, q, known[i].q);
    }
    assert_int_equal(paillier_key_from_primes(&o->pub, &o->sec, p, q), OK);
    assert_int_equal(o->pub.bits, bits);
}

/* ---- single ciphertexts as integers, by the textbook ---- */

/* c = (1 + mN) residue */
static inline void cipher_make(mpz_t c, const struct paillier_public *pub, const mpz_t m, const mpz_t residue)
{
    BIGNUM(t);

    mpz_mul(t, m, pub->n);
    mpz_add_ui(t, t, 1);
    mpz_mul(t, t, residue);
    mpz_mod(c, t, pub->n2);
}

/* c = E(m) with fresh randomness. */
static inline void owner_encrypt(mpz_t c, const struct owner *o, const mpz_t m, struct rng *g)
{
    BIGNUM(residue);

    rng_unit_mpz(g, residue, o->pub.n);
    mpz_powm(residue, residue, o->pub.n, o->pub.n2);
    cipher_make(c, &o->pub, m, residue);
}

/* Adds plaintexts. */
static inline void cipher_add(mpz_t c, const struct paillier_public *pub, const mpz_t a, const mpz_t b)
{
    mpz_mul(c, a, b);
    mpz_mod(c, c, pub->n2);
}

/* Multiplies a plaintext. */
static inline void cipher_scale(mpz_t c, const struct paillier_public *pub, const mpz_t a, const mpz_t e)
{
    mpz_powm(c, a, e, pub->n2);
}

/* What the code under test makes of one ciphertext. */
static inline void owner_decrypt(mpz_t m, const struct owner *o, const mpz_t c)
{
    uint64_t x[PAIR_WORDS_MAX];
    mpz_t one[1];

    mpz_init_set(one[0], c);
    pair_get_mpz(&o->pub.pair, x, one, 1);
    paillier_decrypt_many(one, &o->pub, &o->sec, x, 1);
    mpz_set(m, one[0]);
    mpz_clear(one[0]);
}

static inline void residue_draw(const struct blind *b, const struct paillier_public *pub, mpz_t out, struct rng *g)
{
    uint64_t x[PAIR_WORDS_MAX];
    mpz_t one[1];

    blind_draw_many(b, x, g, 1);
    mpz_init(one[0]);
    pair_put_mpz(&pub->pair, one, x, 1);
    mpz_set(out, one[0]);
    mpz_clear(one[0]);
}

/* Ciphertexts as a peer sends them. */
static inline void ciphers_spell(uint8_t *bytes, const struct paillier_public *pub, mpz_t *const c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bignum_put(bytes + i * paillier_cipher_bytes(pub->bits), paillier_cipher_bytes(pub->bits), c[i]);
}

/* Room for count numbers. */
static inline uint64_t *numbers_of(const struct pair_modulus *m, size_t count)
{
    uint64_t *x = calloc(count, pair_words(m) * sizeof *x);

    assert_non_null(x);
    return x;
}

/* Uses the tier of this name for the keys made from now on; 0 after the last name. */
static inline int next_tier(const char *name)
{
    assert_int_equal(pair_tier_use(name), OK);
    return name != NULL;
}
#define EACH_TIER(name) const char *const *name = pair_tier_list(); next_tier(*name); name++

#endif
