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

/* c = E(m) with fresh randomness. */
static inline void owner_encrypt(mpz_t c, const struct owner *o, const mpz_t m, struct rng *g)
{
    BIGNUM(blind);

    rng_unit_mpz(g, blind, o->pub.n);
    mpz_powm(blind, blind, o->pub.n, o->pub.n2);
    paillier_encrypt_with(c, &o->pub, m, blind);
}

#endif
