#include "crypto/paillier.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/* GMP counts these as 15 rounds of Miller-Rabin beyond its Baillie-PSW test; the candidates are honest and random. */
enum { PRIME_ROUNDS = 40, SIEVE_BELOW = 2000 };

enum {
    HALF_LIMBS = PAILLIER_BITS_MAX / GMP_NUMB_BITS, /* p^2 of the longest key: the longest modulus of a secret step */
    SCRATCH_LIMBS = 8 * HALF_LIMBS,
    BATCH = PAIR_LANES_MAX,
};

void paillier_public_clear(struct paillier_public *pub)
{
    mpz_clears(pub->n, pub->n2, NULL);
    pair_modulus_clear(&pub->pair);
    memset(pub, 0, sizeof *pub);
}

void paillier_secret_clear(struct paillier_secret *sec)
{
    mpz_t *every[] = {&sec->p,         &sec->q,  &sec->p2, &sec->q2,      &sec->p_minus_1,
                      &sec->q_minus_1, &sec->hp, &sec->hq, &sec->q_inv_p, &sec->q2_inv_p2};

    for (size_t i = 0; i < sizeof every / sizeof every[0]; i++)
        bignum_clear(every[i]);
    pair_modulus_clear(&sec->pair_p);
    pair_modulus_clear(&sec->pair_q);
    memset(sec, 0, sizeof *sec);
}

/* A prime of exactly these bits, the two highest set, by rejection: which primes come out depends on g alone. */
static void draw_prime(mpz_t out, size_t bits, struct rng *g)
{
    BIGNUM(sieve);
    BIGNUM(gcd);

    mpz_primorial_ui(sieve, SIEVE_BELOW);
    do {
        rng_bits(g, out, bits);
        mpz_setbit(out, bits - 1);
        mpz_setbit(out, bits - 2);
        mpz_setbit(out, 0);
        mpz_gcd(gcd, out, sieve);
    } while (mpz_cmp_ui(gcd, 1) != 0 || !mpz_probab_prime_p(out, PRIME_ROUNDS));
}

/* Fermat's method must not split N, nor p divide q - 1. */
static int primes_fit(const mpz_t p, const mpz_t q, size_t half_bits)
{
    BIGNUM(n);
    BIGNUM(phi);
    BIGNUM(t);

    mpz_sub(t, p, q);
    if (mpz_sizeinbase(t, 2) + 100 <= half_bits || mpz_sgn(t) == 0)
        return 0;
    mpz_mul(n, p, q);
    mpz_sub_ui(t, p, 1);
    mpz_sub_ui(phi, q, 1);
    mpz_mul(phi, phi, t);
    mpz_gcd(t, n, phi);
    return mpz_cmp_ui(t, 1) == 0;
}

static void invert(mpz_t out, const mpz_t x, const mpz_t modulus)
{
    int exists = mpz_invert(out, x, modulus);

    assert(exists);
}

status paillier_key_from_primes(struct paillier_public *pub, struct paillier_secret *sec, const mpz_t p, const mpz_t q)
{
    BIGNUM(t);

    assert(mpz_cmp(p, q) > 0 && mpz_sizeinbase(p, 2) == mpz_sizeinbase(q, 2));
    mpz_inits(pub->n, pub->n2, NULL);
    mpz_inits(sec->p, sec->q, sec->p2, sec->q2, sec->p_minus_1, sec->q_minus_1, NULL);
    mpz_inits(sec->hp, sec->hq, sec->q_inv_p, sec->q2_inv_p2, NULL);
    mpz_mul(pub->n, p, q);
    mpz_mul(pub->n2, pub->n, pub->n);
    pub->bits = (uint32_t)mpz_sizeinbase(pub->n, 2);
    mpz_set(sec->p, p);
    mpz_set(sec->q, q);
    mpz_mul(sec->p2, p, p);
    mpz_mul(sec->q2, q, q);
    mpz_sub_ui(sec->p_minus_1, p, 1);
    mpz_sub_ui(sec->q_minus_1, q, 1);
    /* (1 + N)^(p-1) = 1 + (p-1) N mod p^2, so L_p of it is (p-1) q = -q mod p. */
    mpz_neg(t, q);
    invert(sec->hp, t, p);
    mpz_neg(t, p);
    invert(sec->hq, t, q);
    invert(sec->q_inv_p, q, p);
    invert(sec->q2_inv_p2, sec->q2, sec->p2);
    TRY(pair_modulus_init(&pub->pair, pub->n));
    TRY(pair_modulus_init(&sec->pair_p, p));
    return pair_modulus_init(&sec->pair_q, q);
}

status paillier_keygen(struct paillier_public *pub, struct paillier_secret *sec, uint32_t bits, struct rng *g)
{
    BIGNUM(p);
    BIGNUM(q);

    if (bits < 256 || bits > PAILLIER_BITS_MAX || bits % 16 != 0)
        return STATUS_USAGE;
    do {
        draw_prime(p, bits / 2, g);
        draw_prime(q, bits / 2, g);
    } while (!primes_fit(p, q, bits / 2));
    if (mpz_cmp(p, q) < 0)
        mpz_swap(p, q);
    TRY(paillier_key_from_primes(pub, sec, p, q));
    assert(pub->bits == bits);
    return OK;
}

status paillier_public_get(struct paillier_public *pub, uint32_t bits, const uint8_t *n_bytes, size_t len)
{
    BIGNUM(n);

    if (len != paillier_modulus_bytes(bits))
        return STATUS_MALFORMED;
    bignum_get(n, n_bytes, len);
    if (mpz_sizeinbase(n, 2) != bits || mpz_even_p(n))
        return STATUS_MALFORMED;
    pub->bits = bits;
    mpz_init_set(pub->n, n);
    mpz_init(pub->n2);
    mpz_mul(pub->n2, n, n);
    return pair_modulus_init(&pub->pair, n);
}

static size_t batch_at(size_t first, size_t count)
{
    return count - first < BATCH ? count - first : BATCH;
}

/* Room for one secret modular step in limbs of fixed length, which show no size; wiped when it goes. */
struct workspace {
    mp_limb_t a[HALF_LIMBS], b[HALF_LIMBS], wide[2 * HALF_LIMBS], scratch[SCRATCH_LIMBS];
};

static void workspace_clear(struct workspace *w)
{
    sodium_memzero(w, sizeof *w);
}

/* w->a = w->a * x mod m, limbs long; uses w->b. */
static void multiply_mod(struct workspace *w, const mpz_t x, const mpz_t m, size_t limbs)
{
    mp_size_t n = (mp_size_t)limbs;

    assert(limbs <= HALF_LIMBS && mpn_sec_div_r_itch(2 * n, n) <= SCRATCH_LIMBS &&
           mpn_sec_mul_itch(n, n) <= SCRATCH_LIMBS);
    bignum_limbs_put(w->b, limbs, x);
    mpn_sec_mul(w->wide, w->a, n, w->b, n, w->scratch);
    mpn_sec_div_r(w->wide, 2 * n, mpz_limbs_read(m), n, w->scratch);
    memcpy(w->a, w->wide, limbs * sizeof(mp_limb_t));
}

void paillier_join(mpz_t out, const mpz_t a, const mpz_t m, const mpz_t b, const mpz_t k, const mpz_t k_inv_m)
{
    struct workspace w AUTO(workspace_clear);
    size_t limbs = mpz_size(m);
    mp_size_t n = (mp_size_t)limbs;
    mp_limb_t carry;

    assert(limbs <= HALF_LIMBS);
    /* out = b + k ((a - b) k^-1 mod m) */
    bignum_limbs_put(w.a, limbs, a);
    bignum_limbs_put(w.b, limbs, b);
    carry = mpn_sub_n(w.a, w.a, w.b, n);
    mpn_cnd_add_n(carry, w.a, w.a, mpz_limbs_read(m), n);
    multiply_mod(&w, k_inv_m, m, limbs);
    bignum_limbs_put(w.b, limbs, k);
    mpn_sec_mul(w.wide, w.a, n, w.b, n, w.scratch);
    bignum_limbs_put(w.b, limbs, b);
    carry = mpn_add_n(w.wide, w.wide, w.b, n);
    carry = mpn_sec_add_1(w.wide + n, w.wide + n, n, carry, w.scratch);
    assert(carry == 0); /* < mk */
    bignum_limbs_get(out, w.wide, 2 * limbs);
}

/* ---- batches ---- */

/* One secret prime of a key. */
struct half {
    const struct pair_modulus *pair; /* of p */
    mpz_srcptr exponent, h;          /* p - 1; what takes the L_p of a power to the plaintext */
};

/* out = c mod p^2 for 0 <= c < N^2, by a division whose time depends on the lengths only. */
static void reduce_cipher(mpz_t out, const mpz_t c, const mpz_t p2)
{
    struct workspace w AUTO(workspace_clear);
    size_t limbs = mpz_size(p2);
    mp_size_t n = (mp_size_t)limbs;

    assert(limbs <= HALF_LIMBS && mpn_sec_div_r_itch(2 * n, n) <= SCRATCH_LIMBS);
    bignum_limbs_put(w.wide, 2 * limbs, c);
    mpn_sec_div_r(w.wide, 2 * n, mpz_limbs_read(p2), n, w.scratch);
    bignum_limbs_get(out, w.wide, limbs);
}

/* out = the plaintexts mod p of up to BATCH ciphertexts: c^(p-1) = 1 + L p mod p^2, so L is the upper half of the pair. */
static void decrypt_halves(mpz_t *out, mpz_t *const c, size_t count, const struct half *half)
{
    const struct pair_modulus *pair = half->pair;
    const size_t words = pair_words(pair), limbs = mpz_size(pair->value);
    uint64_t x[BATCH * PAIR_WORDS_MAX], power[BATCH * PAIR_WORDS_MAX];
    mp_limb_t one[HALF_LIMBS];
    struct workspace w AUTO(workspace_clear);

    assert(words <= PAIR_WORDS_MAX && limbs <= HALF_LIMBS);
    for (size_t i = 0; i < count; i++)
        reduce_cipher(out[i], c[i], pair->square);
    pair_get_mpz(pair, x, out, count);
    pair_power(pair, power, x, count, half->exponent);
    for (size_t i = 0; i < count; i++) {
        pair_halves(pair, one, w.a, power + i * words);
        multiply_mod(&w, half->h, pair->value, limbs);
        bignum_limbs_get(out[i], w.a, limbs);
    }
    sodium_memzero(x, sizeof x);
    sodium_memzero(power, sizeof power);
}

void paillier_decrypt_many(mpz_t *out, const struct paillier_public *pub, const struct paillier_secret *sec,
                           const uint64_t *ciphers, size_t count)
{
    const struct half by_p = {&sec->pair_p, sec->p_minus_1, sec->hp}, by_q = {&sec->pair_q, sec->q_minus_1, sec->hq};
    BIGNUM_BATCH(c);
    BIGNUM_BATCH(mod_p);
    BIGNUM_BATCH(mod_q);

    for (size_t first = 0; first < count; first += BATCH) {
        const size_t items = batch_at(first, count);

        pair_put_mpz(&pub->pair, c.x, ciphers + first * pair_words(&pub->pair), items);
        decrypt_halves(mod_p.x, c.x, items, &by_p);
        decrypt_halves(mod_q.x, c.x, items, &by_q);
        for (size_t i = 0; i < items; i++)
            paillier_join(out[first + i], mod_p.x[i], sec->p, mod_q.x[i], sec->q, sec->q_inv_p);
    }
}

void paillier_encrypt_many(uint64_t *out, const struct paillier_public *pub, mpz_t *const m, const uint64_t *residues,
                           size_t count)
{
    const struct pair_modulus *pair = &pub->pair;
    const size_t words = pair_words(pair);
    uint64_t plain[BATCH * PAIR_WORDS_MAX], *to[BATCH];
    const uint64_t *x[BATCH], *y[BATCH];

    for (size_t first = 0; first < count; first += BATCH) {
        const size_t items = batch_at(first, count);

        for (size_t i = 0; i < items; i++) {
            x[i] = plain + i * words;
            y[i] = residues + (first + i) * words;
            to[i] = out + (first + i) * words;
        }
        pair_get_one_plus_mpz(pair, plain, m + first, items);
        pair_multiply(pair, to, x, y, items);
    }
    sodium_memzero(plain, sizeof plain);
}

static int in_range(const struct paillier_public *pub, const mpz_t c)
{
    return mpz_sgn(c) > 0 && mpz_cmp(c, pub->n2) < 0;
}

static int is_unit(const struct paillier_public *pub, const mpz_t c)
{
    BIGNUM(gcd);

    mpz_gcd(gcd, c, pub->n);
    return mpz_cmp_ui(gcd, 1) == 0;
}

/* The first of the ciphertexts that is none, or count. */
static size_t first_bad(const struct paillier_public *pub, const uint8_t *bytes, size_t count)
{
    const size_t width = paillier_cipher_bytes(pub->bits);
    BIGNUM(c);

    for (size_t i = 0; i < count; i++) {
        bignum_get(c, bytes + i * width, width);
        if (!in_range(pub, c) || !is_unit(pub, c))
            return i;
    }
    return count;
}

static int all_below_n2(const struct paillier_public *pub, const uint8_t *bytes, size_t count)
{
    const size_t width = paillier_cipher_bytes(pub->bits);
    uint8_t bound[2 * PAILLIER_BITS_MAX / 8];

    bignum_put(bound, width, pub->n2);
    for (size_t i = 0; i < count; i++)
        if (memcmp(bytes + i * width, bound, width) >= 0)
            return 0;
    return 1;
}

/* gcd(c, N) = 1 for all: a product of units is a unit, and a factor shared with N stays in it; 0 shares N.  The gcd of
 * a + bN is that of a. */
static int all_units(const struct paillier_public *pub, const uint64_t *ciphers, size_t count)
{
    const size_t limbs = mpz_size(pub->n);
    uint64_t product[PAIR_WORDS_MAX];
    mp_limb_t a[PAILLIER_BITS_MAX / GMP_NUMB_BITS], b[PAILLIER_BITS_MAX / GMP_NUMB_BITS];
    BIGNUM(residue);

    pair_product(&pub->pair, product, ciphers, count);
    pair_halves(&pub->pair, a, b, product);
    bignum_limbs_get(residue, a, limbs);
    return is_unit(pub, residue);
}

status paillier_ciphers_read(uint64_t *out, const struct paillier_public *pub, const uint8_t *bytes, size_t count,
                             size_t *bad_index)
{
    const size_t width = paillier_cipher_bytes(pub->bits);

    if (all_below_n2(pub, bytes, count)) {
        pair_get(&pub->pair, out, bytes, width, count);
        if (all_units(pub, out, count))
            return OK;
    }
    if (bad_index)
        *bad_index = first_bad(pub, bytes, count);
    return STATUS_MALFORMED;
}

void paillier_ciphers_write(uint8_t *bytes, const struct paillier_public *pub, const uint64_t *ciphers, size_t count)
{
    pair_put(&pub->pair, bytes, paillier_cipher_bytes(pub->bits), ciphers, count);
}
