/* The known breaks of systems like this one, run against the real code on small keys.  Each test first runs the attack
 * against the weakened variant, built here, and shows that it works; then against the real thing, where it recovers
 * nothing.  The victim holds features x; the attacker owns the Paillier key and sends the ciphertexts. */
#include "crypto/keyproof.h"
#include "forge.h"
#include "owner.h"

/* A reply: prod c_i^(x_i), times E(mask), times the randomiser; blind = 1 leaves it out. */
static void reply_make(mpz_t out, const struct paillier_public *pub, mpz_t *c, mpz_t *x, size_t rows, const mpz_t mask,
                       const mpz_t blind)
{
    BIGNUM(t);

    cipher_make(out, pub, mask, blind);
    for (size_t i = 0; i < rows; i++) {
        cipher_scale(t, pub, c[i], x[i]);
        cipher_add(out, pub, out, t);
    }
}

static mpz_t *array_of(size_t count)
{
    mpz_t *array;

    assert_int_equal(bignum_array_new(&array, count), OK);
    return array;
}

/* The residue part of a reply: c (1 + N)^-m, which is s^N for the product s of all randomness in it. */
static void residue_part(mpz_t out, const struct owner *o, const mpz_t c)
{
    BIGNUM(m);

    owner_decrypt(m, o, c);
    mpz_mul(m, m, o->pub.n);
    mpz_ui_sub(m, 1, m);
    mpz_mul(m, m, c);
    mpz_mod(out, m, o->pub.n2);
}

/* --- A: a huge plaintext per row, read through a narrow mask ---------------------------------------------------------
 */

enum { A_ROWS = 12, A_X_BITS = 32, A_SLOT = 33, A_SHIFT = 160 };

static unsigned rows_read_through_mask(const struct owner *o, int narrow, struct rng *g)
{
    mpz_t *x = array_of(A_ROWS), *c = array_of(A_ROWS);
    unsigned hits = 0;
    struct blind *b;
    BIGNUM(m);
    BIGNUM(mask);
    BIGNUM(blind);
    BIGNUM(out);

    assert_int_equal(blind_new(&b, &o->pub, 1, g), OK);
    for (size_t i = 0; i < A_ROWS; i++) {
        rng_bits(g, x[i], A_X_BITS);
        mpz_set_ui(m, 0);
        mpz_setbit(m, A_SHIFT + A_SLOT * i);
        owner_encrypt(c[i], o, m, g);
    }
    if (narrow) /* the honest value's 74 bits and 40 more */
        rng_bits(g, mask, 114);
    else
        rng_below_mpz(g, mask, o->pub.n);
    residue_draw(b, &o->pub, blind, g);
    reply_make(out, &o->pub, c, x, A_ROWS, mask, blind);
    owner_decrypt(m, o, out);
    for (size_t i = 0; i < A_ROWS; i++) {
        mpz_tdiv_q_2exp(out, m, A_SHIFT + A_SLOT * i);
        mpz_tdiv_r_2exp(out, out, A_SLOT);
        hits += mpz_cmp(out, x[i]) == 0;
    }
    blind_free(b);
    bignum_array_free(x, A_ROWS);
    bignum_array_free(c, A_ROWS);
    return hits;
}

static void attack_a_reads_every_row_through_a_narrow_mask_and_none_through_a_uniform_one(void **state)
{
    struct owner o AUTO(owner_clear) = {0};
    struct rng g AUTO(rng_clear);
    unsigned broken = 0, real = 0;

    (void)state;
    test_rng(&g, "attack a");
    owner_make(&o, 1024, "attack a key");
    for (int i = 0; i < 5; i++) {
        broken += rows_read_through_mask(&o, 1, &g);
        real += rows_read_through_mask(&o, 0, &g);
    }
    assert_int_equal(broken, 5 * A_ROWS);
    assert_int_equal(real, 0);
}

/* --- B: a modulus that shares a factor with phi(N)
 * -------------------------------------------------------------------- */

/* N = p q with q = 2kp + 1: N-th powers times <1 + N> miss a quotient of order p, so that x mod p shows in it. */
static void bad_modulus(mpz_t n, mpz_t p, mpz_t q, uint32_t bits, struct rng *g)
{
    do
        rng_bits(g, p, 17);
    while (mpz_cmp_ui(p, KEYPROOF_FACTOR_FLOOR) < 0 || !mpz_probab_prime_p(p, 30));
    do {
        rng_bits(g, q, bits - 18);
        mpz_mul(q, q, p);
        mpz_mul_2exp(q, q, 1);
        mpz_add_ui(q, q, 1);
        mpz_mul(n, p, q);
    } while (mpz_sizeinbase(n, 2) != bits || !mpz_probab_prime_p(q, 30));
}

/* A ciphertext whose q^2 part has order divisible by p in the quotient: c = h mod q^2 and 1 mod p^2. */
static void probe_of(mpz_t c, mpz_t base, const mpz_t e, const mpz_t p, const mpz_t q, struct rng *g)
{
    BIGNUM(p2);
    BIGNUM(q2);
    BIGNUM(t);

    mpz_mul(p2, p, p);
    mpz_mul(q2, q, q);
    do {
        rng_unit_mpz(g, c, q2);
        mpz_powm(base, c, e, q2);
    } while (mpz_cmp_ui(base, 1) == 0);
    assert_true(mpz_invert(t, p2, q2));
    mpz_sub_ui(c, c, 1);
    mpz_mul(c, c, t);
    mpz_mod(c, c, q2);
    mpz_mul(c, c, p2);
    mpz_add_ui(c, c, 1); /* 1 + p^2 ((h - 1) / p^2 mod q^2) */
    mpz_powm(base, c, e, q2);
}

/* The exponent below bound with base^exponent = target, or bound. */
static unsigned long brute_log(const mpz_t base, const mpz_t target, const mpz_t modulus, unsigned long bound)
{
    unsigned long x = 0;
    BIGNUM(v);

    for (mpz_set_ui(v, 1); x < bound && mpz_cmp(v, target) != 0; x++) {
        mpz_mul(v, v, base);
        mpz_mod(v, v, modulus);
    }
    return x;
}

static void attack_b_reads_features_under_a_bad_key_and_the_key_proof_refuses_it(void **state)
{
    enum { BITS = 512, TRIALS = 2 };
    struct paillier_public pub AUTO(paillier_public_clear) = {0};
    struct hash binding = {{7}};
    struct rng g AUTO(rng_clear);
    uint8_t proof[KEYPROOF_ROOTS * BITS / 8];
    mpz_t *c = array_of(1), *x = array_of(1);
    unsigned hits = 0;
    struct blind *b;
    BIGNUM(n);
    BIGNUM(p);
    BIGNUM(q);
    BIGNUM(q2);
    BIGNUM(e);
    BIGNUM(base);
    BIGNUM(mask);
    BIGNUM(blind);
    BIGNUM(out);

    (void)state;
    test_rng(&g, "attack b");
    bad_modulus(n, p, q, BITS, &g);
    key_of(&pub, n, BITS);
    mpz_mul(q2, q, q);
    mpz_sub_ui(e, q, 1);
    mpz_divexact(e, e, p);
    mpz_mul(e, e, q); /* kills the q-th powers and all of order (q - 1) / p */
    probe_of(c[0], base, e, p, q, &g);
    assert_int_equal(blind_new(&b, &pub, 1, &g), OK);
    for (int i = 0; i < TRIALS; i++) { /* were it accepted: full mask, full randomiser, and x mod p leaks */
        rng_below_mpz(&g, x[0], p);
        rng_below_mpz(&g, mask, pub.n);
        residue_draw(b, &pub, blind, &g);
        reply_make(out, &pub, c, x, 1, mask, blind);
        mpz_powm(out, out, e, q2);
        hits += brute_log(base, out, q2, mpz_get_ui(p)) == mpz_get_ui(x[0]);
    }
    assert_int_equal(hits, TRIALS);
    mpz_sub_ui(e, q, 1); /* the proof that its owner can make: right for one challenge in p */
    mpz_divexact(e, e, p);
    mpz_sub_ui(base, p, 1);
    mpz_mul(e, e, base);
    for (uint8_t i = 0; i < 20; i++) {
        binding.bytes[1] = i;
        forge_proof(proof, &pub, e, &binding);
        assert_int_equal(keyproof_check(&pub, proof, sizeof proof, SUITE_INT1, &binding, NULL), STATUS_UNTRUSTED);
    }
    blind_free(b);
    bignum_array_free(c, 1);
    bignum_array_free(x, 1);
}

/* --- C: a reply without a randomiser of its own
 * ----------------------------------------------------------------------- */

enum { C_FEATURES = 1 << 12, C_TRIALS = 20 };

/* How many features an owner who follows the protocol reads, knowing the randomness rho of what it sent. */
static unsigned features_in_residues(const struct owner *o, const struct blind *b, struct rng *g)
{
    mpz_t *c = array_of(1), *x = array_of(1);
    unsigned hits = 0;
    BIGNUM(rho);
    BIGNUM(mask);
    BIGNUM(blind);
    BIGNUM(out);

    rng_unit_mpz(g, rho, o->pub.n);
    mpz_powm(rho, rho, o->pub.n, o->pub.n2);
    rng_below_mpz(g, mask, o->pub.n);
    cipher_make(c[0], &o->pub, mask, rho);
    for (int i = 0; i < C_TRIALS; i++) {
        mpz_set_ui(x[0], rng_below(g, C_FEATURES));
        rng_below_mpz(g, mask, o->pub.n);
        mpz_set_ui(blind, 1);
        if (b)
            residue_draw(b, &o->pub, blind, g);
        reply_make(out, &o->pub, c, x, 1, mask, blind);
        residue_part(out, o, out);
        hits += brute_log(rho, out, o->pub.n2, C_FEATURES) == mpz_get_ui(x[0]);
    }
    bignum_array_free(c, 1);
    bignum_array_free(x, 1);
    return hits;
}

static void attack_c_reads_features_without_a_randomiser_and_none_with_either_form(void **state)
{
    struct owner o AUTO(owner_clear) = {0};
    struct rng g AUTO(rng_clear);
    struct blind *b;

    (void)state;
    test_rng(&g, "attack c");
    owner_make(&o, 512, "attack c key");
    assert_int_equal(features_in_residues(&o, NULL, &g), C_TRIALS);
    for (uint64_t uses = 1; uses <= USES_TABLE; uses += USES_TABLE - 1) {
        assert_int_equal(blind_new(&b, &o.pub, uses, &g), OK);
        assert_int_equal(features_in_residues(&o, b, &g), 0);
        blind_free(b);
    }
}

/* --- D: the same mask under a changed question
 * ------------------------------------------------------------------------ */

enum { D_ROWS = 8 };

/* The hash of a request, as the protocol takes it: over all its bytes. */
static void request_hash(struct hash *out, const struct paillier_public *pub, mpz_t *c, size_t count)
{
    uint8_t bytes[D_ROWS * 128];
    struct hasher h;

    ciphers_spell(bytes, pub, c, count);
    hasher_init(&h, SUITE_INT1, "request");
    hasher_add(&h, bytes, count * paillier_cipher_bytes(pub->bits));
    hasher_final(&h, out);
}

/* The peer asks, cuts the connection and asks again with one entry raised by one, for each row; then subtracts. */
static unsigned rows_read_by_rewinding(const struct owner *o, int absorb, struct rng *g)
{
    const struct rng_key session = {.bytes = {42}};
    mpz_t *x = array_of(D_ROWS), *c = array_of(D_ROWS), *asked = array_of(D_ROWS), *opened = array_of(D_ROWS + 1);
    unsigned hits = 0;
    struct blind *b;
    BIGNUM(mask);
    BIGNUM(blind);
    BIGNUM(out);
    BIGNUM(one);

    assert_int_equal(blind_new(&b, &o->pub, 1, g), OK);
    for (size_t i = 0; i < D_ROWS; i++) {
        rng_bits(g, x[i], 32);
        rng_bits(g, mask, 20);
        owner_encrypt(c[i], o, mask, g);
    }
    mpz_set_ui(one, 1);
    for (size_t attempt = 0; attempt <= D_ROWS; attempt++) {
        struct rng masks AUTO(rng_clear);
        struct hash request;

        for (size_t i = 0; i < D_ROWS; i++)
            mpz_set(asked[i], c[i]);
        if (attempt) {
            owner_encrypt(out, o, one, g);
            cipher_add(asked[attempt - 1], &o->pub, c[attempt - 1], out);
        }
        request_hash(&request, &o->pub, asked, D_ROWS);
        rng_init(&masks, &session, &(struct rng_address){.purpose = "mask", .answers = absorb ? &request : NULL});
        rng_below_mpz(&masks, mask, o->pub.n);
        residue_draw(b, &o->pub, blind, &masks);
        reply_make(out, &o->pub, asked, x, D_ROWS, mask, blind);
        owner_decrypt(opened[attempt], o, out);
    }
    for (size_t i = 0; i < D_ROWS; i++) {
        mpz_sub(out, opened[i + 1], opened[0]);
        mpz_mod(out, out, o->pub.n);
        hits += mpz_cmp(out, x[i]) == 0;
    }
    blind_free(b);
    bignum_array_free(x, D_ROWS);
    bignum_array_free(c, D_ROWS);
    bignum_array_free(asked, D_ROWS);
    bignum_array_free(opened, D_ROWS + 1);
    return hits;
}

static void attack_d_reads_every_row_by_rewinding_and_none_when_masks_absorb_the_request(void **state)
{
    struct owner o AUTO(owner_clear) = {0};
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "attack d");
    owner_make(&o, 512, "attack d key");
    assert_int_equal(rows_read_by_rewinding(&o, 0, &g), D_ROWS);
    assert_int_equal(rows_read_by_rewinding(&o, 1, &g), 0);
}

/* --- E: an owner with smooth p - 1 against a short exponent
 * ------------------------------------------------------------ */

enum { E_P_BITS = 384, E_PRIMES = 60, E_SHIFT = 100, E_SLOT = 40, E_ROWS = 6, E_SHORT = 96 };

/* p with p - 1 = 2 l_1 .. l_k square-free over primes below 2^11, in l. */
static size_t smooth_prime(mpz_t p, unsigned long l[E_PRIMES], struct rng *g)
{
    size_t count;
    BIGNUM(next);

    for (;;) {
        mpz_set_ui(p, 2);
        l[0] = 2;
        count = 1;
        while (mpz_sizeinbase(p, 2) < E_P_BITS - 1 && count < E_PRIMES) {
            mpz_set_ui(next, 3 + rng_below(g, 2000));
            mpz_nextprime(next, next);
            if (mpz_divisible_p(p, next))
                continue;
            l[count++] = mpz_get_ui(next);
            mpz_mul(p, p, next);
        }
        mpz_add_ui(p, p, 1);
        if (mpz_sizeinbase(p, 2) == E_P_BITS && mpz_probab_prime_p(p, 30))
            return count;
    }
}

/* Pohlig and Hellman: the exponent of y to the base h mod p, modulo the order of h, which is returned. */
static void smooth_log(mpz_t out, mpz_t order, const mpz_t h, const mpz_t y, const mpz_t p, const unsigned long *l,
                       size_t count)
{
    BIGNUM(cofactor);
    BIGNUM(hl);
    BIGNUM(yl);
    BIGNUM(t);

    mpz_set_ui(out, 0);
    mpz_set_ui(order, 1);
    for (size_t i = 0; i < count; i++) {
        unsigned long x;

        mpz_sub_ui(cofactor, p, 1);
        mpz_divexact_ui(cofactor, cofactor, l[i]);
        mpz_powm(hl, h, cofactor, p);
        if (mpz_cmp_ui(hl, 1) == 0)
            continue; /* l[i] does not divide the order of h */
        mpz_powm(yl, y, cofactor, p);
        x = brute_log(hl, yl, p, l[i]);
        /* out += order ((x - out) / order mod l) */
        mpz_set_ui(t, l[i]);
        mpz_invert(hl, order, t);
        mpz_ui_sub(yl, x, out);
        mpz_mul(hl, hl, yl);
        mpz_fdiv_r_ui(hl, hl, l[i]);
        mpz_addmul(out, order, hl);
        mpz_mul_ui(order, order, l[i]);
    }
}

struct smooth_owner {
    struct owner o;
    mpz_t smooth; /* which of p, q has a smooth p - 1 */
    unsigned long l[E_PRIMES];
    size_t primes;
};

static void smooth_owner_clear(struct smooth_owner *s)
{
    owner_clear(&s->o);
    mpz_clear(s->smooth);
}

static void smooth_owner_make(struct smooth_owner *s, struct rng *g)
{
    BIGNUM(q);
    BIGNUM(t);

    mpz_init(s->smooth);
    s->primes = smooth_prime(s->smooth, s->l, g);
    do {
        rng_bits(g, q, E_P_BITS);
        mpz_setbit(q, E_P_BITS - 1);
        mpz_setbit(q, E_P_BITS - 2);
        mpz_nextprime(q, q);
        mpz_mul(t, q, s->smooth);
    } while (mpz_sizeinbase(t, 2) != 2 * E_P_BITS);
    if (mpz_cmp(q, s->smooth) > 0)
        assert_int_equal(paillier_key_from_primes(&s->o.pub, &s->o.sec, q, s->smooth), OK);
    else
        assert_int_equal(paillier_key_from_primes(&s->o.pub, &s->o.sec, s->smooth, q), OK);
}

/* The owner's ciphertexts have randomness h^(2^(100 + 40 i)), for the public h whose powers were to blind the replies
 * (b = NULL: h^N to a short exponent).  The logarithm of the reply's residue mod p spells the features out. */
static unsigned rows_in_the_logarithm(const struct smooth_owner *s, const struct blind *b, struct rng *g)
{
    const struct owner *o = &s->o;
    mpz_t *x = array_of(E_ROWS), *c = array_of(E_ROWS);
    unsigned hits = 0;
    BIGNUM(h);
    BIGNUM(order);
    BIGNUM(t);
    BIGNUM(m);
    BIGNUM(mask);
    BIGNUM(out);

    rng_unit_mpz(g, h, o->pub.n);
    mpz_mul(h, h, h);
    mpz_mod(h, h, o->pub.n);
    for (size_t i = 0; i < E_ROWS; i++) {
        rng_bits(g, x[i], 32);
        mpz_set_ui(t, 0);
        mpz_setbit(t, E_SHIFT + E_SLOT * i);
        mpz_powm(t, h, t, o->pub.n);
        mpz_powm(t, t, o->pub.n, o->pub.n2);
        rng_bits(g, m, 20);
        cipher_make(c[i], &o->pub, m, t);
    }
    rng_below_mpz(g, mask, o->pub.n);
    if (b) {
        residue_draw(b, &o->pub, t, g);
    } else {
        mpz_powm(t, h, o->pub.n, o->pub.n2);
        rng_bits(g, m, E_SHORT);
        mpz_powm(t, t, m, o->pub.n2);
    }
    reply_make(out, &o->pub, c, x, E_ROWS, mask, t);
    residue_part(out, o, out); /* R^N; its N-th root mod p is R mod p */
    mpz_sub_ui(t, s->smooth, 1);
    assert_true(mpz_invert(t, o->pub.n, t));
    mpz_powm(out, out, t, s->smooth);
    smooth_log(t, order, h, out, s->smooth, s->l, s->primes);
    for (size_t i = 0; i < E_ROWS; i++) {
        mpz_tdiv_q_2exp(m, t, E_SHIFT + E_SLOT * i);
        mpz_tdiv_r_2exp(m, m, E_SLOT);
        hits += mpz_cmp(m, x[i]) == 0;
    }
    bignum_array_free(x, E_ROWS);
    bignum_array_free(c, E_ROWS);
    return hits;
}

static void attack_e_reads_rows_behind_a_short_exponent_and_none_behind_either_form(void **state)
{
    enum { RUNS = 5 };
    struct smooth_owner s AUTO(smooth_owner_clear) = {0};
    struct rng g AUTO(rng_clear);
    struct blind *b;
    uint8_t proof[KEYPROOF_ROOTS * 2 * E_P_BITS / 8];
    struct hash binding = {{0}};
    unsigned broken = 0, real = 0;

    (void)state;
    test_rng(&g, "attack e");
    smooth_owner_make(&s, &g);
    keyproof_make(proof, &s.o.pub, &s.o.sec, SUITE_INT1, &binding); /* smooth or not, this is a key that passes */
    assert_int_equal(keyproof_check(&s.o.pub, proof, sizeof proof, SUITE_INT1, &binding, NULL), OK);
    for (int i = 0; i < RUNS; i++)
        broken += rows_in_the_logarithm(&s, NULL, &g);
    assert_true(broken >= RUNS * E_ROWS * 3 / 4); /* the order of h may be too short for the last row or two */
    for (uint64_t uses = 1; uses <= USES_TABLE; uses += USES_TABLE - 1) {
        assert_int_equal(blind_new(&b, &s.o.pub, uses, &g), OK);
        for (int i = 0; i < RUNS; i++)
            real += rows_in_the_logarithm(&s, b, &g);
        blind_free(b);
    }
    assert_int_equal(real, 0);
}

/* --- E, second part: one base leaks even under an honest key, whatever the exponent
 * ------------------------------------ */

enum { KEYS = 40, DRAWS = 64 };

/* The quadratic characters of z mod p and mod q: 0 to 3. */
static unsigned class_of(const struct owner *o, const mpz_t z)
{
    return (mpz_jacobi(z, o->sec.p) < 0 ? 1u : 0u) | (mpz_jacobi(z, o->sec.q) < 0 ? 2u : 0u);
}

/* A randomiser: from b, or a full-length power of one evaluator's base when b is NULL. */
static void randomiser(mpz_t out, const struct owner *o, const struct blind *b, const mpz_t base, struct rng *g)
{
    if (b) {
        residue_draw(b, &o->pub, out, g);
        return;
    }
    rng_below_mpz(g, out, o->pub.n2);
    mpz_powm(out, base, out, o->pub.n2);
}

struct class_figures {
    unsigned most_classes, fewest_classes; /* reached with one key */
    uint64_t counts[4];
    unsigned bits_read; /* one-bit features that the owner guesses right, of KEYS * DRAWS */
};

/* Over many honest keys: which classes the randomisers reach; and an owner whose ciphertext has randomness rho reads
 * the parity of x by a character that is 1 on the base and -1 on rho. */
static void class_run(struct class_figures *f, int form, struct rng *g)
{
    *f = (struct class_figures){.fewest_classes = 4};
    for (int k = 0; k < KEYS; k++) {
        struct owner o AUTO(owner_clear) = {0};
        struct blind *b = NULL;
        unsigned reached = 0, base_class, character;
        BIGNUM(base);
        BIGNUM(rho);
        BIGNUM(z);

        assert_int_equal(paillier_keygen(&o.pub, &o.sec, 256, g), OK);
        if (form == 1)
            assert_int_equal(blind_new(&b, &o.pub, 1, g), OK);
        if (form == 2)
            assert_int_equal(blind_new(&b, &o.pub, USES_TABLE, g), OK);
        rng_unit_mpz(g, base, o.pub.n);
        mpz_powm(base, base, o.pub.n, o.pub.n2);
        base_class = class_of(&o, base);
        character = base_class & 1 ? (base_class & 2 ? 3 : 2) : 1; /* a set of primes on which the base is even */
        do {
            rng_unit_mpz(g, rho, o.pub.n);
            mpz_powm(rho, rho, o.pub.n, o.pub.n2);
        } while (__builtin_popcount(class_of(&o, rho) & character) % 2 == 0);
        for (int i = 0; i < DRAWS; i++) {
            unsigned x = (unsigned)rng_below(g, 2), class;

            randomiser(z, &o, b, base, g);
            reached |= 1u << class_of(&o, z);
            f->counts[class_of(&o, z)]++;
            if (x)
                cipher_add(z, &o.pub, z, rho); /* the reply's residue part: rho^x times the randomiser */
            class = class_of(&o, z);
            f->bits_read += (unsigned)__builtin_popcount(class & character) % 2 == x;
        }
        reached = (unsigned)__builtin_popcount(reached);
        f->most_classes = reached > f->most_classes ? reached : f->most_classes;
        f->fewest_classes = reached < f->fewest_classes ? reached : f->fewest_classes;
        blind_free(b);
    }
}

static void attack_e_reads_a_bit_per_reply_behind_a_single_base_and_none_behind_either_form(void **state)
{
    struct rng g AUTO(rng_clear);
    struct class_figures f;

    (void)state;
    test_rng(&g, "attack e classes");
    class_run(&f, 0, &g);
    assert_true(f.most_classes <= 2);
    assert_int_equal(f.bits_read, KEYS * DRAWS);
    for (int form = 1; form <= 2; form++) {
        class_run(&f, form, &g);
        assert_int_equal(f.fewest_classes, 4);
        assert_true(chi_square(f.counts, 4) < 26);                                    /* 3 degrees: once in 10^5 */
        assert_in_range(f.bits_read, KEYS * DRAWS / 2 - 120, KEYS * DRAWS / 2 + 120); /* 4.7 standard deviations */
    }
}

/* The same for one's own key, whose ciphertexts carry the randomiser alone: every class, for every key. */
static void own_key_randomisers_reach_every_class_of_every_key(void **state)
{
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "own classes");
    for (uint64_t uses = 1; uses <= USES_TABLE; uses += USES_TABLE - 1) {
        uint64_t counts[4] = {0};

        for (int k = 0; k < KEYS; k++) {
            struct owner o AUTO(owner_clear) = {0};
            unsigned reached = 0;
            struct blind *b;
            BIGNUM(z);

            assert_int_equal(paillier_keygen(&o.pub, &o.sec, 256, &g), OK);
            assert_int_equal(blind_new_own(&b, &o.pub, &o.sec, uses, &g), OK);
            for (int i = 0; i < DRAWS; i++) {
                residue_draw(b, &o.pub, z, &g);
                reached |= 1u << class_of(&o, z);
                counts[class_of(&o, z)]++;
            }
            blind_free(b);
            assert_int_equal(reached, 15);
        }
        assert_true(chi_square(counts, 4) < 26);
    }
}

/* --- F: a ciphertext that shares a factor with N
 * ----------------------------------------------------------------------- */

static void attack_f_reads_bits_with_a_non_unit_and_the_unit_check_refuses_it(void **state)
{
    enum { TRIALS = 50, COUNT = 4 };
    struct owner o AUTO(owner_clear) = {0};
    struct rng g AUTO(rng_clear);
    uint8_t bytes[COUNT * 128];
    uint64_t numbers[COUNT * PAIR_WORDS_MAX];
    mpz_t *c = array_of(COUNT), *x = array_of(COUNT);
    unsigned hits = 0;
    size_t index;
    struct blind *b;
    BIGNUM(mask);
    BIGNUM(blind);
    BIGNUM(out);

    (void)state;
    test_rng(&g, "attack f");
    owner_make(&o, 512, "attack f key");
    for (size_t i = 0; i < COUNT; i++)
        rng_unit_mpz(&g, c[i], o.pub.n2);
    mpz_set(c[2], o.sec.p);
    assert_int_equal(blind_new(&b, &o.pub, 1, &g), OK);
    for (int i = 0; i < TRIALS; i++) { /* were it taken: full mask, full randomiser, and p divides the reply or not */
        for (size_t j = 0; j < COUNT; j++)
            mpz_set_ui(x[j], rng_below(&g, 2));
        rng_below_mpz(&g, mask, o.pub.n);
        residue_draw(b, &o.pub, blind, &g);
        reply_make(out, &o.pub, c, x, COUNT, mask, blind);
        hits += (mpz_divisible_p(out, o.sec.p) != 0) == (mpz_cmp_ui(x[2], 1) == 0);
    }
    assert_int_equal(hits, TRIALS);
    for (int i = 0; i < TRIALS; i++) { /* p or q times anything, hidden among good ones */
        rng_unit_mpz(&g, c[2], o.pub.n);
        mpz_mul(c[2], c[2], i % 2 ? o.sec.p : o.sec.q);
        ciphers_spell(bytes, &o.pub, c, COUNT);
        assert_int_equal(paillier_ciphers_read(numbers, &o.pub, bytes, COUNT, &index), STATUS_MALFORMED);
        assert_int_equal(index, 2);
    }
    blind_free(b);
    bignum_array_free(c, COUNT);
    bignum_array_free(x, COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attack_a_reads_every_row_through_a_narrow_mask_and_none_through_a_uniform_one),
        cmocka_unit_test(attack_b_reads_features_under_a_bad_key_and_the_key_proof_refuses_it),
        cmocka_unit_test(attack_c_reads_features_without_a_randomiser_and_none_with_either_form),
        cmocka_unit_test(attack_d_reads_every_row_by_rewinding_and_none_when_masks_absorb_the_request),
        cmocka_unit_test(attack_e_reads_rows_behind_a_short_exponent_and_none_behind_either_form),
        cmocka_unit_test(attack_e_reads_a_bit_per_reply_behind_a_single_base_and_none_behind_either_form),
        cmocka_unit_test(own_key_randomisers_reach_every_class_of_every_key),
        cmocka_unit_test(attack_f_reads_bits_with_a_non_unit_and_the_unit_check_refuses_it),
    };

    int failed = 0;

    for (EACH_TIER(tier))
        failed += cmocka_run_group_tests_name(*tier, tests, NULL, NULL);
    return failed;
}
