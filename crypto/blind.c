#include "crypto/blind.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    GROUP = 6,                                         /* residues to a table ...           */
    ENTRIES = 1 << GROUP,                              /* ... of all their subset products  */
    SLACK_BITS = 192,                                  /* residues beyond the group's order */
    LIMBS_MAX = 2 * PAILLIER_BITS_MAX / GMP_NUMB_BITS, /* N^2 of the longest key            */
    GROUPS_MAX = (PAILLIER_BITS_MAX + SLACK_BITS) / GROUP + 1,
};

/* Random subset products modulo one odd modulus.  Residues are kept in Montgomery form, x R with R = 2^(64 limbs). */
struct subset {
    size_t limbs, groups;
    mp_limb_t modulus[LIMBS_MAX];
    mp_limb_t r2[LIMBS_MAX];    /* R^2 mod the modulus */
    mp_limb_t negative_inverse; /* -modulus^-1 mod 2^64 */
    mp_limb_t *tables;          /* [groups][ENTRIES][limbs] */
};

struct blind {
    const struct paillier_public *pub;
    const struct paillier_secret *sec; /* NULL for somebody else's key */
    int with_tables;
    struct subset part[2]; /* mod N^2; or, for one's own key, mod p^2 and mod q^2 */
};

/* r = a b / R mod the modulus, all below it; constant time. */
static void montgomery_multiply(const struct subset *s, mp_limb_t *r, const mp_limb_t *a, const mp_limb_t *b)
{
    mp_limb_t t[2 * LIMBS_MAX], carry, borrow;
    mp_size_t n = (mp_size_t)s->limbs;

    mpn_mul_n(t, a, b, n);
    for (mp_size_t i = 0; i < n; i++) /* clears limb i, which then holds the carry out of limb i + n */
        t[i] = mpn_addmul_1(t + i, s->modulus, n, t[i] * s->negative_inverse);
    carry = mpn_add_n(t, t + n, t, n);
    borrow = mpn_sub_n(r, t, s->modulus, n);
    mpn_cnd_add_n(borrow & (carry ^ 1), r, r, s->modulus, n);
}

static mp_limb_t *entry_at(const struct subset *s, size_t group, size_t index)
{
    return s->tables + (group * ENTRIES + index) * s->limbs;
}

static void subset_clear(struct subset *s)
{
    if (s->tables)
        sodium_memzero(s->tables, s->groups * ENTRIES * s->limbs * sizeof *s->tables);
    free(s->tables);
    sodium_memzero(s, sizeof *s);
}

static status subset_init(struct subset *s, const mpz_t modulus, size_t order_bits)
{
    mp_limb_t inverse = 1;
    BIGNUM(r2);

    s->limbs = mpz_size(modulus);
    s->groups = (order_bits + SLACK_BITS + GROUP - 1) / GROUP;
    assert(s->limbs <= LIMBS_MAX && s->groups <= GROUPS_MAX && mpz_odd_p(modulus));
    bignum_limbs_put(s->modulus, s->limbs, modulus);
    for (int correct_bits = 1; correct_bits < GMP_NUMB_BITS; correct_bits *= 2)
        inverse *= 2 - s->modulus[0] * inverse;
    s->negative_inverse = 0 - inverse;
    mpz_setbit(r2, 2 * GMP_NUMB_BITS * s->limbs);
    mpz_mod(r2, r2, modulus);
    bignum_limbs_put(s->r2, s->limbs, r2);
    return alloc_zeroed(&s->tables, s->groups * ENTRIES * s->limbs, sizeof *s->tables);
}

/* Entry 2^j of each group becomes x^exponent for a fresh unit x mod units, the others their products. */
static void subset_fill(struct subset *s, const mpz_t modulus, const mpz_t exponent, int exponent_is_secret,
                        const mpz_t units, struct rng *tables, const struct blind_watch *watch)
{
    BIGNUM(x);

    for (size_t group = 0; group < s->groups; group++) {
        mp_limb_t one[LIMBS_MAX] = {1};

        montgomery_multiply(s, entry_at(s, group, 0), one, s->r2);
        for (size_t j = 0; j < GROUP; j++) {
            mp_limb_t *entry = entry_at(s, group, (size_t)1 << j);

            rng_unit_mpz(tables, x, units);
            if (exponent_is_secret)
                mpz_powm_sec(x, x, exponent, modulus);
            else
                mpz_powm(x, x, exponent, modulus);
            bignum_limbs_put(entry, s->limbs, x);
            montgomery_multiply(s, entry, entry, s->r2);
            if (watch)
                watch->step(watch->ctx);
        }
        for (size_t i = 3; i < ENTRIES; i++)
            if (i & (i - 1))
                montgomery_multiply(s, entry_at(s, group, i), entry_at(s, group, i & (i - 1)),
                                    entry_at(s, group, i & (0 - i)));
    }
}

/* out = entry index of a table; reads every entry, so that the cache does not learn the index. */
static void scan_table(mp_limb_t *restrict out, const mp_limb_t *restrict table, size_t limbs, uint32_t index)
{
    memset(out, 0, limbs * sizeof *out);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        mp_limb_t mask = 0 - (((mp_limb_t)(i ^ index) - 1) >> (GMP_NUMB_BITS - 1)); /* all ones where i = index */

        for (size_t l = 0; l < limbs; l++)
            out[l] |= table[i * limbs + l] & mask;
    }
}

/* out = the product of a fresh random subset: one byte of g to a group, of which six bits choose. */
static void subset_draw(const struct subset *s, mpz_t out, struct rng *g)
{
    mp_limb_t product[LIMBS_MAX], factor[LIMBS_MAX], one[LIMBS_MAX] = {1};
    uint8_t choice[GROUPS_MAX];

    rng_fill(g, choice, s->groups);
    scan_table(product, entry_at(s, 0, 0), s->limbs, choice[0] % ENTRIES);
    for (size_t group = 1; group < s->groups; group++) {
        scan_table(factor, entry_at(s, group, 0), s->limbs, choice[group] % ENTRIES);
        montgomery_multiply(s, product, product, factor);
    }
    montgomery_multiply(s, product, product, one);
    bignum_limbs_get(out, product, s->limbs);
    sodium_memzero(choice, sizeof choice);
    sodium_memzero(product, sizeof product);
    sodium_memzero(factor, sizeof factor);
}

static status add_subset(struct blind *b, size_t part, const mpz_t modulus, const mpz_t exponent, const mpz_t units,
                         struct rng *tables, const struct blind_watch *watch)
{
    TRY(subset_init(&b->part[part], modulus, mpz_sizeinbase(units, 2)));
    subset_fill(&b->part[part], modulus, exponent, b->sec != NULL, units, tables, watch);
    return OK;
}

static status add_tables(struct blind *b, struct rng *tables, const struct blind_watch *watch)
{
    if (!b->sec)
        return add_subset(b, 0, b->pub->n2, b->pub->n, b->pub->n, tables, watch);
    TRY(add_subset(b, 0, b->sec->p2, b->sec->p, b->sec->p, tables, watch));
    return add_subset(b, 1, b->sec->q2, b->sec->q, b->sec->q, tables, watch);
}

uint32_t blind_table_residues(uint32_t key_bits, int own, uint64_t uses_expected)
{
    const uint32_t groups = (uint32_t)(((own ? key_bits / 2 : key_bits) + SLACK_BITS + GROUP - 1) / GROUP);

    return uses_expected >= blind_table_from(key_bits, own) ? groups * GROUP * (own ? 2 : 1) : 0;
}

status blind_new_watched(struct blind **out, const struct paillier_public *pub, const struct paillier_secret *sec,
                         uint64_t uses_expected, struct rng *tables, const struct blind_watch *watch)
{
    struct blind *b;
    status s = OK;

    TRY(alloc_zeroed(&b, 1, sizeof *b));
    b->pub = pub;
    b->sec = sec;
    b->with_tables = uses_expected >= blind_table_from(pub->bits, sec != NULL);
    if (b->with_tables)
        s = add_tables(b, tables, watch);
    if (s == OK)
        *out = b;
    else
        blind_free(b);
    return s;
}

status blind_new(struct blind **out, const struct paillier_public *pub, uint64_t uses_expected, struct rng *tables)
{
    return blind_new_watched(out, pub, NULL, uses_expected, tables, NULL);
}

status blind_new_own(struct blind **out, const struct paillier_public *pub, const struct paillier_secret *sec,
                     uint64_t uses_expected, struct rng *tables)
{
    return blind_new_watched(out, pub, sec, uses_expected, tables, NULL);
}

static void draw_foreign(const struct blind *b, mpz_t out, struct rng *g)
{
    if (b->with_tables) {
        subset_draw(&b->part[0], out, g);
        return;
    }
    rng_unit_mpz(g, out, b->pub->n);
    mpz_powm(out, out, b->pub->n, b->pub->n2);
}

/* As gcd(N, phi(N)) = 1, the N-th residues mod p^2 are the p-th ones: a group of p - 1 elements, x^p for x in Z*_p. */
static void draw_own(const struct blind *b, mpz_t out, struct rng *g)
{
    const struct paillier_secret *sec = b->sec;
    BIGNUM(mod_p2);
    BIGNUM(mod_q2);

    if (b->with_tables) {
        subset_draw(&b->part[0], mod_p2, g);
        subset_draw(&b->part[1], mod_q2, g);
    } else {
        rng_unit_mpz(g, mod_p2, sec->p);
        mpz_powm_sec(mod_p2, mod_p2, sec->p, sec->p2);
        rng_unit_mpz(g, mod_q2, sec->q);
        mpz_powm_sec(mod_q2, mod_q2, sec->q, sec->q2);
    }
    paillier_join(out, mod_p2, sec->p2, mod_q2, sec->q2, sec->q2_inv_p2);
}

void blind_draw(const struct blind *b, mpz_t out, struct rng *g)
{
    if (b->sec)
        draw_own(b, out, g);
    else
        draw_foreign(b, out, g);
}

void blind_free(struct blind *b)
{
    if (!b)
        return;
    subset_clear(&b->part[0]);
    subset_clear(&b->part[1]);
    free(b);
}
