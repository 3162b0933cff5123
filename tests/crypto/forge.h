/* Keys and key proofs that no honest node makes, for tests. */
#ifndef HEFU_TESTS_CRYPTO_FORGE_H
#define HEFU_TESTS_CRYPTO_FORGE_H

#include "crypto/keyproof.h"
#include "testing.h"

/* A key of this modulus and claimed length, as a peer would hold it. */
static inline void key_of(struct paillier_public *pub, const mpz_t n, uint32_t bits)
{
    pub->bits = bits;
    mpz_init_set(pub->n, n);
    mpz_init(pub->n2);
    mpz_mul(pub->n2, n, n);
    if (mpz_odd_p(n))
        assert_int_equal(pair_modulus_init(&pub->pair, n), OK);
}

/* The challenges, written a second time from SPEC 3.2. */
static inline void challenge_of(mpz_t out, const struct paillier_public *pub, const struct hash *binding,
                                uint32_t index)
{
    uint8_t n[PAILLIER_BITS_MAX / 8];
    struct hasher h;
    struct hash digest;
    struct rng_key key;
    struct rng g AUTO(rng_clear);

    bignum_put(n, pub->bits / 8, pub->n);
    hasher_init(&h, SUITE_INT1, "hefu/keyproof/v1");
    hasher_add_hash(&h, binding);
    hasher_add_u64(&h, pub->bits);
    hasher_add(&h, n, pub->bits / 8);
    hasher_final(&h, &digest);
    memcpy(key.bytes, digest.bytes, sizeof key.bytes);
    rng_init(&g, &key, &(struct rng_address){.purpose = "key proof challenge", .index = index});
    rng_below_mpz(&g, out, pub->n);
}

/* The best proof an owner can make: N-th roots where N is invertible modulo the order, else ones.  With order = phi(N)
 * divided by the primes that N shares with it, it is right for challenges that happen to be residues. */
static inline void forge_proof(uint8_t *proof, const struct paillier_public *pub, const mpz_t order,
                               const struct hash *binding)
{
    size_t width = pub->bits / 8;
    BIGNUM(exponent);
    BIGNUM(x);

    for (uint32_t i = 0; i < KEYPROOF_ROOTS; i++) {
        challenge_of(x, pub, binding, i);
        if (mpz_invert(exponent, pub->n, order))
            mpz_powm(x, x, exponent, pub->n);
        else
            mpz_set_ui(x, 1);
        bignum_put(proof + i * width, width, x);
    }
}

#endif
