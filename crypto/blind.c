#include "crypto/blind.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 6,               /* bits of an exponent */
    SLACK_BITS = 192,         /* of all exponents together, beyond the group's order */
    BASES_MAX = (PAILLIER_BITS_MAX + SLACK_BITS) / WINDOW + 1,
    BATCH = BIGNUM_BATCH_MAX, /* draws at a time: they share the passes over a table */
    ROUND = 64,               /* residues made between two reports of progress */
    LIMBS_MAX = PAILLIER_BITS_MAX / GMP_NUMB_BITS,
};

struct blind {
    const struct paillier_public *pub;
    const struct paillier_secret *sec; /* NULL for somebody else's key */
    uint32_t parts;
    struct part {
        const struct pair_modulus *pair; /* of N; or, for one's own key, of p and of q */
        uint64_t start[PAIR_WORDS_MAX];  /* a factor of all that is drawn: 1; or q^-2 mod p^2 and p^-2 mod q^2, to join them */
        struct pair_table table;         /* empty for the direct form */
    } part[2];
};

static uint32_t bases_of(uint32_t order_bits)
{
    return (order_bits + SLACK_BITS + WINDOW - 1) / WINDOW;
}

/* ---- tables ---- */

struct filling {
    struct part *part;
    mpz_t *s;
    uint32_t first;
};

/* Base i is s[i]^x mod x^2 for the part's modulus x: an N-th power; and, as gcd(N, phi(N)) = 1, the N-th residues mod p^2
 * are the p-th powers, a group of p - 1 elements. */
static void fill_bases(void *ctx, size_t first, size_t count)
{
    const struct filling *f = ctx;
    const struct pair_modulus *pair = f->part->pair;
    uint64_t x[PAIR_LANES_MAX * PAIR_WORDS_MAX], residue[PAIR_LANES_MAX * PAIR_WORDS_MAX];

    for (size_t i = 0; i < count; i += PAIR_LANES_MAX) {
        const uint32_t left = (uint32_t)(count - i < PAIR_LANES_MAX ? count - i : PAIR_LANES_MAX);
        const uint32_t base = f->first + (uint32_t)(first + i);

        pair_get_mpz(pair, x, f->s + base, left);
        pair_power(pair, residue, x, left, pair->value);
        pair_table_fill(&f->part->table, pair, base, residue, left);
    }
    sodium_memzero(x, sizeof x);
    sodium_memzero(residue, sizeof residue);
}

static void put_starts(struct blind *b)
{
    mpz_t start[1];

    if (!b->sec) {
        pair_copy(b->part[0].pair, b->part[0].start, b->part[0].pair->one);
        return;
    }
    mpz_init_set(start[0], b->sec->q2_inv_p2);
    pair_get_mpz(b->part[0].pair, b->part[0].start, start, 1);
    mpz_invert(start[0], b->sec->p2, b->sec->q2);
    pair_get_mpz(b->part[1].pair, b->part[1].start, start, 1);
    bignum_clear(&start[0]);
}

/* What is drawn does not depend on the threads: all of it comes first. */
static status fill_table(struct part *part, struct rng *tables, const struct blind_watch *watch,
                         const struct parallel *parallel)
{
    const uint32_t bases = bases_of(part->pair->bits);
    struct filling f = {.part = part};

    TRY(pair_table_init(&part->table, part->pair, bases, WINDOW));
    TRY(bignum_array_new(&f.s, bases));
    for (uint32_t i = 0; i < bases; i++)
        rng_unit_mpz(tables, f.s[i], part->pair->value);
    for (f.first = 0; f.first < bases; f.first += ROUND) {
        const uint32_t left = bases - f.first < ROUND ? bases - f.first : ROUND;

        parallel_for(parallel, left, PAIR_LANES_MAX, fill_bases, &f);
        for (uint32_t i = 0; i < left && watch; i++)
            watch->step(watch->ctx);
    }
    bignum_array_free(f.s, bases);
    return OK;
}

uint32_t blind_table_residues(uint32_t key_bits, int own, uint64_t uses_expected)
{
    if (uses_expected < blind_table_from(key_bits, own))
        return 0;
    return own ? 2 * bases_of(key_bits / 2) : bases_of(key_bits);
}

status blind_build(struct blind **out, const struct paillier_public *pub, const struct paillier_secret *sec,
                   uint64_t uses_expected, struct rng *tables, const struct blind_watch *watch,
                   const struct parallel *parallel)
{
    struct blind *b;
    status s = OK;

    TRY(alloc_zeroed(&b, 1, sizeof *b));
    b->pub = pub;
    b->sec = sec;
    b->parts = sec ? 2 : 1;
    b->part[0].pair = sec ? &sec->pair_p : &pub->pair;
    b->part[1].pair = sec ? &sec->pair_q : NULL;
    put_starts(b);
    if (uses_expected >= blind_table_from(pub->bits, sec != NULL))
        for (uint32_t i = 0; i < b->parts && s == OK; i++)
            s = fill_table(&b->part[i], tables, watch, parallel);
    if (s == OK)
        *out = b;
    else
        blind_free(b);
    return s;
}

status blind_new(struct blind **out, const struct paillier_public *pub, uint64_t uses_expected, struct rng *tables)
{
    return blind_build(out, pub, NULL, uses_expected, tables, NULL, NULL);
}

status blind_new_own(struct blind **out, const struct paillier_public *pub, const struct paillier_secret *sec,
                     uint64_t uses_expected, struct rng *tables)
{
    return blind_build(out, pub, sec, uses_expected, tables, NULL, NULL);
}

void blind_free(struct blind *b)
{
    if (!b)
        return;
    for (uint32_t i = 0; i < b->parts; i++)
        pair_table_clear(&b->part[i].table, b->part[i].pair);
    sodium_memzero(b, sizeof *b);
    free(b);
}

/* ---- draws ---- */

/* One byte of its generator to every base of a randomiser, of which WINDOW bits are the exponent. */
static void draw_from_table(const struct part *part, uint64_t *out, struct rng *g, size_t count)
{
    const uint32_t bases = part->table.bases;
    uint8_t exponent[BATCH * BASES_MAX];

    assert(count <= BATCH && bases <= BASES_MAX);
    for (size_t i = 0; i < count; i++)
        rng_fill(&g[i], exponent + i * bases, bases);
    for (size_t i = 0; i < count * bases; i++)
        exponent[i] &= (1 << WINDOW) - 1;
    pair_table_product(&part->table, part->pair, out, part->start, exponent, count);
    sodium_memzero(exponent, sizeof exponent);
}

static void draw_directly(const struct part *part, uint64_t *out, struct rng *g, size_t count)
{
    const size_t words = pair_words(part->pair);
    uint64_t x[BATCH * PAIR_WORDS_MAX], *to[BATCH];
    const uint64_t *start[BATCH];
    BIGNUM(s);

    for (size_t i = 0; i < count; i++) {
        rng_unit_mpz(&g[i], s, part->pair->value);
        pair_get_mpz(part->pair, x + i * words, &s, 1);
        to[i] = out + i * words;
        start[i] = part->start;
    }
    pair_power(part->pair, out, x, count, part->pair->value);
    pair_multiply(part->pair, to, (const uint64_t *const *)to, start, count);
    sodium_memzero(x, sizeof x);
}

static void draw_part(const struct part *part, uint64_t *out, struct rng *g, size_t count)
{
    if (part->table.entry)
        draw_from_table(part, out, g, count);
    else
        draw_directly(part, out, g, count);
}

/* out = q^2 x + p^2 y mod N^2, for x drawn modulo p^2 and y modulo q^2. */
static void join(mpz_t out, const struct blind *b, const mpz_t x, const mpz_t y)
{
    struct {
        mp_limb_t factor[LIMBS_MAX], square[LIMBS_MAX], sum[2 * LIMBS_MAX], product[2 * LIMBS_MAX], scratch[8 * LIMBS_MAX];
    } w;
    const size_t limbs = mpz_size(b->sec->p2);
    const mp_size_t n = (mp_size_t)limbs;
    mp_limb_t above;

    assert(limbs <= LIMBS_MAX && mpn_sec_mul_itch(n, n) <= 8 * LIMBS_MAX);
    bignum_limbs_put(w.factor, limbs, x);
    bignum_limbs_put(w.square, limbs, b->sec->q2);
    mpn_sec_mul(w.sum, w.factor, n, w.square, n, w.scratch);
    bignum_limbs_put(w.factor, limbs, y);
    bignum_limbs_put(w.square, limbs, b->sec->p2);
    mpn_sec_mul(w.product, w.factor, n, w.square, n, w.scratch);
    above = mpn_add_n(w.sum, w.sum, w.product, 2 * n);
    bignum_limbs_put(w.product, 2 * limbs, b->pub->n2);
    above -= mpn_sub_n(w.sum, w.sum, w.product, 2 * n); /* to 0, or below it when that was too much */
    mpn_cnd_add_n(above, w.sum, w.sum, w.product, 2 * n);
    bignum_limbs_get(out, w.sum, 2 * limbs);
    sodium_memzero(&w, sizeof w);
}

/* Join what was drawn modulo p^2 and q^2. */
static void draw_own(const struct blind *b, uint64_t *out, struct rng *g, size_t count)
{
    const struct paillier_secret *sec = b->sec;
    uint64_t by_q[BATCH * PAIR_WORDS_MAX];
    BIGNUM_BATCH(mod_p2);
    BIGNUM_BATCH(mod_q2);

    draw_part(&b->part[0], out, g, count); /* in passing: a number mod p^2 is the shorter */
    draw_part(&b->part[1], by_q, g, count);
    pair_put_mpz(&sec->pair_p, mod_p2.x, out, count);
    pair_put_mpz(&sec->pair_q, mod_q2.x, by_q, count);
    for (size_t i = 0; i < count; i++)
        join(mod_p2.x[i], b, mod_p2.x[i], mod_q2.x[i]);
    pair_get_mpz(&b->pub->pair, out, mod_p2.x, count);
    sodium_memzero(by_q, sizeof by_q);
}

void blind_draw_many(const struct blind *b, uint64_t *out, struct rng *g, size_t count)
{
    for (size_t i = 0; i < count; i += BATCH) {
        const size_t items = count - i < BATCH ? count - i : BATCH;

        if (b->sec)
            draw_own(b, out + i * pair_words(&b->pub->pair), g + i, items);
        else
            draw_part(&b->part[0], out + i * pair_words(&b->pub->pair), g + i, items);
    }
}
