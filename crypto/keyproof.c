#include "crypto/keyproof.h"

#include <sodium.h>
#include <string.h>

/* The challenges are drawn from a generator keyed by a hash of all they depend on; challenge i at index i. */
static void challenge_key(struct rng_key *key, const struct paillier_public *pub, enum suite s, const struct hash *binding)
{
    uint8_t n[PAILLIER_BITS_MAX / 8];
    struct hasher h;
    struct hash digest;

    bignum_put(n, paillier_modulus_bytes(pub->bits), pub->n);
    hasher_init(&h, s, "hefu/keyproof/v1");
    hasher_add_hash(&h, binding);
    hasher_add_u64(&h, pub->bits);
    hasher_add(&h, n, paillier_modulus_bytes(pub->bits));
    hasher_final(&h, &digest);
    rng_key_from_hash(key, s, &digest);
}

static void challenge_draw(mpz_t out, const struct rng_key *key, const struct paillier_public *pub, uint32_t index)
{
    struct rng g AUTO(rng_clear);

    rng_init(&g, key, &(struct rng_address){.purpose = "key proof challenge", .index = index});
    rng_below_mpz(&g, out, pub->n);
}

/* out = x^(1/N) mod p, for N invertible mod p - 1. */
static void root_mod(mpz_t out, const mpz_t x, const mpz_t n, const mpz_t p, const mpz_t p_minus_1)
{
    BIGNUM(exponent);

    mpz_invert(exponent, n, p_minus_1);
    mpz_powm_sec(out, x, exponent, p);
}

void keyproof_make(uint8_t *out, const struct paillier_public *pub, const struct paillier_secret *sec,
                   enum suite s, const struct hash *binding)
{
    size_t width = paillier_modulus_bytes(pub->bits);
    struct rng_key key;
    BIGNUM(x);
    BIGNUM(mod_p);
    BIGNUM(mod_q);

    challenge_key(&key, pub, s, binding);
    for (uint32_t i = 0; i < KEYPROOF_ROOTS; i++) {
        challenge_draw(x, &key, pub, i);
        root_mod(mod_p, x, pub->n, sec->p, sec->p_minus_1);
        root_mod(mod_q, x, pub->n, sec->q, sec->q_minus_1);
        paillier_join(x, mod_p, sec->p, mod_q, sec->q, sec->q_inv_p);
        bignum_put(out + i * width, width, x);
    }
}

static status refuse(struct fault *f, const char *why)
{
    status s = fault_set(f, STATUS_UNTRUSTED, "the paillier key cannot be trusted: %s", why);

    fault_hint(f, "do not run with this key; its owner has to find out why its node made it");
    return s;
}

static status check_shape(const struct paillier_public *pub, struct fault *f)
{
    BIGNUM(small);
    BIGNUM(gcd);

    if (pub->bits > PAILLIER_BITS_MAX || mpz_sizeinbase(pub->n, 2) != pub->bits)
        return refuse(f, "its modulus does not have the agreed length");
    if (mpz_even_p(pub->n))
        return refuse(f, "its modulus is even");
    mpz_primorial_ui(small, KEYPROOF_FACTOR_FLOOR);
    mpz_gcd(gcd, small, pub->n);
    if (mpz_cmp_ui(gcd, 1) != 0)
        return refuse(f, "its modulus has a prime factor below 65536");
    if (mpz_perfect_power_p(pub->n))
        return refuse(f, "its modulus is a perfect power");
    if (mpz_probab_prime_p(pub->n, 40))
        return refuse(f, "its modulus is a prime");
    return OK;
}

/* root is an N-th root of the challenge, and both are units. */
static status check_root(const struct paillier_public *pub, const mpz_t root, const mpz_t challenge, struct fault *f)
{
    BIGNUM(t);

    if (mpz_sgn(root) <= 0 || mpz_cmp(root, pub->n) >= 0)
        return refuse(f, "a root in its proof is out of range");
    mpz_gcd(t, root, pub->n);
    if (mpz_cmp_ui(t, 1) != 0)
        return refuse(f, "a root in its proof is not a unit");
    mpz_powm(t, root, pub->n, pub->n);
    if (mpz_cmp(t, challenge) != 0)
        return refuse(f, "a root in its proof does not match its challenge");
    return OK;
}

status keyproof_check(const struct paillier_public *pub, const uint8_t *proof, size_t len, enum suite s, const struct hash *binding,
                      struct fault *f)
{
    size_t width = paillier_modulus_bytes(pub->bits);
    struct rng_key key;
    BIGNUM(challenge);
    BIGNUM(root);

    TRY(check_shape(pub, f));
    if (len != keyproof_bytes(pub->bits))
        return refuse(f, "its proof does not have 13 roots");
    challenge_key(&key, pub, s, binding);
    for (uint32_t i = 0; i < KEYPROOF_ROOTS; i++) {
        challenge_draw(challenge, &key, pub, i);
        bignum_get(root, proof + i * width, width);
        TRY(check_root(pub, root, challenge, f));
    }
    return OK;
}
