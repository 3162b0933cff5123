#include "crypto/pair_tier.h"

#include <assert.h>
#include <sodium.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum {
    KERNEL_STACK = 24 << 10, /* what the tiers' functions leave on the stack */
    LIMBS_MAX = PAIR_BITS_MAX / GMP_NUMB_BITS + 1, /* of a, with a limb for what a lazy value has too much */
    MODULUS_DIGITS = 9, /* times digits: the words of a modulus */
    POWER_WINDOW = 5,
    POWER_ENTRIES = 1 << POWER_WINDOW,
    SELECT_BATCH = 4,
    TABLE_BATCH = 16, /* vectors that share a pass over the tables, to spare the caches */
};

struct lanes { alignas(64) uint64_t word[PAIR_LANE_WORDS_MAX]; };

/* ---- tiers ---- */

static const struct pair_tier *const tiers[] = {
#if defined(__x86_64__)
    &pair_tier_ifma, &pair_tier_avx2,
#endif
    &pair_tier_scalar,
};
enum { TIERS = sizeof tiers / sizeof tiers[0] };

static const struct pair_tier *chosen;

static const struct pair_tier *tier(void)
{
    for (size_t i = 0; !chosen; i++)
        if (tiers[i]->available())
            chosen = tiers[i];
    return chosen;
}

status pair_tier_use(const char *name)
{
    if (!name || strcmp(name, "auto") == 0) {
        chosen = NULL;
        return OK;
    }
    for (size_t i = 0; i < TIERS; i++)
        if (strcmp(tiers[i]->name, name) == 0 && tiers[i]->available()) {
            chosen = tiers[i];
            return OK;
        }
    return STATUS_USAGE;
}

const char *pair_tier_name(void)
{
    return tier()->name;
}

const char *const *pair_tier_list(void)
{
    static const char *names[TIERS + 1];
    size_t count = 0;

    for (size_t i = 0; i < TIERS; i++)
        if (tiers[i]->available())
            names[count++] = tiers[i]->name;
    return names;
}

/* ---- digits ---- */

/* count digits of radix_bits from limbs, which are taken as followed by zeros; digit i goes to out[i * stride]. */
static void digits_of_limbs(uint64_t *out, size_t stride, size_t count, uint32_t radix_bits, const mp_limb_t *limb,
                            size_t limbs, size_t first_bit)
{
    const uint64_t mask = radix_bits == 64 ? UINT64_MAX : ((uint64_t)1 << radix_bits) - 1;

    for (size_t i = 0; i < count; i++) {
        const size_t bit = first_bit + i * radix_bits, at = bit / 64, shift = bit % 64;
        uint64_t x = at < limbs ? limb[at] >> shift : 0;

        if (shift && at + 1 < limbs)
            x |= limb[at + 1] << (64 - shift);
        out[i * stride] = x & mask;
    }
}

static void limbs_of_digits(mp_limb_t *limb, size_t limbs, const uint64_t *digit, size_t count, uint32_t radix_bits)
{
    memset(limb, 0, limbs * sizeof *limb);
    for (size_t i = 0; i < count; i++) {
        const size_t bit = i * radix_bits, at = bit / 64, shift = bit % 64;

        if (at < limbs)
            limb[at] |= digit[i] << shift;
        if (shift && at + 1 < limbs)
            limb[at + 1] |= digit[i] >> (64 - shift);
    }
}

static void digits_of_mpz(const struct pair_modulus *m, uint64_t *out, const mpz_t x)
{
    digits_of_limbs(out, 1, m->digits, m->tier->radix_bits, mpz_limbs_read(x), mpz_size(x), 0);
}

/* x as a plain pair: x mod N and x / N. */
static void plain_pair(const struct pair_modulus *m, uint64_t *out, const mpz_t x)
{
    BIGNUM(a);
    BIGNUM(b);

    mpz_fdiv_qr(b, a, x, m->value);
    digits_of_mpz(m, out, a);
    digits_of_mpz(m, out + m->digits, b);
}

/* R^power mod N^2 as a plain pair. */
static void radix_power(const struct pair_modulus *m, uint64_t *out, unsigned power)
{
    BIGNUM(r);

    mpz_setbit(r, (mp_bitcnt_t)m->digits * m->tier->radix_bits * power);
    mpz_mod(r, r, m->square);
    plain_pair(m, out, r);
}

static void complement_of_radix(struct pair_modulus *m)
{
    BIGNUM(r);

    mpz_setbit(r, (mp_bitcnt_t)m->digits * m->tier->radix_bits);
    mpz_ui_sub(r, 1, r);
    mpz_mod(r, r, m->value);
    digits_of_mpz(m, m->complement, r);
    if (m->tier->radix_bits < 64)
        for (uint32_t i = 0; i < m->digits; i++)
            m->complement[i] += ((uint64_t)1 << m->tier->radix_bits) - 1;
}

/* R = a + b N mod N^2, and b / R. */
static void lift_of_radix(struct pair_modulus *m)
{
    BIGNUM(r);
    BIGNUM(b);

    mpz_setbit(r, (mp_bitcnt_t)m->digits * m->tier->radix_bits);
    mpz_mod(b, r, m->square);
    mpz_fdiv_q(b, b, m->value);
    mpz_invert(r, r, m->value);
    mpz_mul(r, r, b);
    mpz_mod(r, r, m->value);
    digits_of_mpz(m, m->lift, r);
}

status pair_modulus_init(struct pair_modulus *m, const mpz_t n)
{
    const size_t bits = mpz_sizeinbase(n, 2);
    uint64_t inverse = 1, *word;
    uint32_t d;

    assert(mpz_odd_p(n) && bits >= 2 && bits <= PAIR_BITS_MAX);
    memset(m, 0, sizeof *m);
    m->tier = tier();
    d = (uint32_t)((bits + PAIR_SPARE_BITS + m->tier->radix_bits - 1) / m->tier->radix_bits);
    d = (d + m->tier->digit_multiple - 1) / m->tier->digit_multiple * m->tier->digit_multiple;
    assert(2 * d <= PAIR_WORDS_MAX && 2 * d * m->tier->lanes <= PAIR_LANE_WORDS_MAX);
    TRY(alloc_zeroed(&word, MODULUS_DIGITS * (size_t)d, sizeof *word));
    m->bits = (uint32_t)bits;
    m->digits = d;
    m->n = word;
    m->complement = word + d;
    m->one = word + 2 * d;
    m->low = word + 4 * d;
    m->high = word + 6 * d;
    m->lift = word + 8 * d;
    mpz_init_set(m->value, n);
    mpz_init(m->square);
    mpz_mul(m->square, n, n);
    digits_of_mpz(m, m->n, n);
    for (int correct_bits = 1; correct_bits < 64; correct_bits *= 2)
        inverse *= 2 - mpz_getlimbn(n, 0) * inverse;
    m->negative_inverse = 0 - inverse;
    if (m->tier->radix_bits < 64)
        m->negative_inverse &= ((uint64_t)1 << m->tier->radix_bits) - 1;
    complement_of_radix(m);
    radix_power(m, m->one, 1);
    radix_power(m, m->low, 2);
    radix_power(m, m->high, 3);
    lift_of_radix(m);
    return OK;
}

void pair_modulus_clear(struct pair_modulus *m)
{
    if (m->n) {
        sodium_memzero(m->n, MODULUS_DIGITS * (size_t)m->digits * sizeof *m->n);
        free(m->n);
        bignum_clear(&m->value);
        bignum_clear(&m->square);
    }
    sodium_memzero(m, sizeof *m);
}

/* ---- lanes ---- */

/* Up to a vector of numbers at these addresses; lanes beyond left repeat the first. */
static void load(const struct pair_modulus *m, struct lanes *out, const uint64_t *const *x, size_t left)
{
    const uint64_t *from[PAIR_LANES_MAX] = {0};

    for (uint32_t l = 0; l < m->tier->lanes; l++)
        from[l] = x[l < left ? l : 0];
    m->tier->load(m, out->word, from);
}

static void store(const struct pair_modulus *m, uint64_t *const *out, const struct lanes *x, size_t left)
{
    uint64_t unused[PAIR_WORDS_MAX], *to[PAIR_LANES_MAX] = {0};

    for (uint32_t l = 0; l < m->tier->lanes; l++)
        to[l] = l < left ? out[l] : unused;
    m->tier->store(m, to, x->word);
}

/* The same for numbers one after the other; lanes beyond left are 1. */
static void load_row(const struct pair_modulus *m, struct lanes *out, const uint64_t *x, size_t left)
{
    const uint64_t *from[PAIR_LANES_MAX] = {0};

    for (uint32_t l = 0; l < m->tier->lanes; l++)
        from[l] = l < left ? x + l * pair_words(m) : m->one;
    m->tier->load(m, out->word, from);
}

static void store_row(const struct pair_modulus *m, uint64_t *out, const struct lanes *x, size_t left)
{
    uint64_t *to[PAIR_LANES_MAX] = {0};

    for (uint32_t l = 0; l < m->tier->lanes && l < left; l++)
        to[l] = out + l * pair_words(m);
    store(m, to, x, left);
}

static void wipe(const struct pair_modulus *m, struct lanes *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sodium_memzero(x[i].word, pair_words(m) * m->tier->lanes * sizeof x->word[0]);
}

/* ---- in and out ---- */

/* Plain integers of at most 2 * LIMBS_MAX limbs each become numbers: x = low + high R. */
static void enter(const struct pair_modulus *m, uint64_t *out, mp_limb_t (*x)[2 * LIMBS_MAX], size_t limbs, size_t left)
{
    const uint32_t lanes = m->tier->lanes, radix = m->tier->radix_bits;
    struct lanes low, high;

    for (uint32_t l = 0; l < lanes; l++) {
        const mp_limb_t *from = x[l < left ? l : 0];

        digits_of_limbs(low.word + l, lanes, m->digits, radix, from, limbs, 0);
        digits_of_limbs(high.word + l, lanes, m->digits, radix, from, limbs, (size_t)m->digits * radix);
    }
    m->tier->enter(m, low.word, low.word, high.word);
    store_row(m, out, &low, left);
    wipe(m, &low, 1);
    wipe(m, &high, 1);
}

void pair_get_mpz(const struct pair_modulus *m, uint64_t *out, mpz_t *const x, size_t count)
{
    const size_t limbs = mpz_size(m->square);
    mp_limb_t plain[PAIR_LANES_MAX][2 * LIMBS_MAX];

    for (size_t i = 0; i < count; i += m->tier->lanes) {
        const size_t left = count - i < m->tier->lanes ? count - i : m->tier->lanes;

        for (size_t l = 0; l < left; l++)
            bignum_limbs_put(plain[l], limbs, x[i + l]);
        enter(m, out + i * pair_words(m), plain, limbs, left);
    }
    sodium_memzero(plain, sizeof plain);
}

/* out = 1 + x N in every lane, for plain x + N < R whose digits may be uncarried sums below 2^63.  x enters as a' + b' N, and
 * N (a' + b' N) = a' N.  That 1 is a + b N is made up for by x's part in b, m->lift. */
static void one_plus(const struct pair_modulus *m, uint64_t *out, const uint64_t *x)
{
    const uint32_t lanes = m->tier->lanes, radix = m->tier->radix_bits;
    const size_t half = (size_t)m->digits * lanes;
    const uint64_t *one[PAIR_LANES_MAX];
    uint64_t carry[PAIR_LANES_MAX] = {0};
    struct lanes plain, zero;

    for (uint32_t i = 0; i < m->digits; i++)
        for (uint32_t l = 0; l < lanes; l++) {
            const uint64_t part = m->lift[i] + carry[l], digit = x[i * lanes + l] + part;

            if (radix == 64) {
                carry[l] = (uint64_t)(part < carry[l]) + (uint64_t)(digit < part);
                plain.word[i * lanes + l] = digit;
            } else {
                carry[l] = digit >> radix;
                plain.word[i * lanes + l] = digit & (((uint64_t)1 << radix) - 1);
            }
        }
    memset(&zero, 0, half * sizeof zero.word[0]);
    m->tier->enter(m, plain.word, plain.word, zero.word);
    for (uint32_t l = 0; l < lanes; l++)
        one[l] = m->one;
    m->tier->load(m, out, one);
    memcpy(out + half, plain.word, half * sizeof *out);
    wipe(m, &plain, 1);
}

void pair_get_one_plus_mpz(const struct pair_modulus *m, uint64_t *out, mpz_t *const x, size_t count)
{
    const uint32_t lanes = m->tier->lanes;
    const size_t limbs = mpz_size(m->value);
    mp_limb_t plain[LIMBS_MAX];
    struct lanes v;

    for (size_t i = 0; i < count; i += lanes) {
        for (uint32_t l = 0; l < lanes; l++) {
            bignum_limbs_put(plain, limbs, x[i + l < count ? i + l : i]);
            digits_of_limbs(v.word + l, lanes, m->digits, m->tier->radix_bits, plain, limbs, 0);
        }
        one_plus(m, v.word, v.word);
        store_row(m, out + i * pair_words(m), &v, count - i);
    }
    wipe(m, &v, 1);
    sodium_memzero(plain, sizeof plain);
}

void pair_get(const struct pair_modulus *m, uint64_t *out, const uint8_t *bytes, size_t len, size_t count)
{
    const size_t limbs = mpz_size(m->square);
    mp_limb_t plain[PAIR_LANES_MAX][2 * LIMBS_MAX];

    assert(limbs * 8 >= len);
    for (size_t i = 0; i < count; i += m->tier->lanes) {
        const size_t left = count - i < m->tier->lanes ? count - i : m->tier->lanes;

        for (size_t l = 0; l < left; l++) {
            const uint8_t *from = bytes + (i + l) * len;

            memset(plain[l], 0, limbs * sizeof(mp_limb_t));
            for (size_t b = 0; b < len; b++)
                plain[l][b / 8] |= (mp_limb_t)from[len - 1 - b] << (8 * (b % 8));
        }
        enter(m, out + i * pair_words(m), plain, limbs, left);
    }
    sodium_memzero(plain, sizeof plain);
}

/* a and b of a number that has left Montgomery form (a <= N, b <= N + 1), each below N, limbs long. */
static void reduce_halves(const struct pair_modulus *m, mp_limb_t *a, mp_limb_t *b, const uint64_t *x, size_t limbs)
{
    const mp_size_t n = (mp_size_t)limbs;
    mp_limb_t modulus[LIMBS_MAX] = {0}, scratch[LIMBS_MAX], borrow;

    memcpy(modulus, mpz_limbs_read(m->value), mpz_size(m->value) * sizeof(mp_limb_t));
    limbs_of_digits(a, limbs, x, m->digits, m->tier->radix_bits);
    limbs_of_digits(b, limbs, x + m->digits, m->digits, m->tier->radix_bits);
    borrow = mpn_sub_n(a, a, modulus, n);
    mpn_cnd_add_n(borrow, a, a, modulus, n);
    mpn_sec_add_1(b, b, n, 1 - borrow, scratch); /* a - N goes with b + 1 */
    borrow = mpn_sub_n(b, b, modulus, n);
    mpn_cnd_add_n(borrow, b, b, modulus, n);
}

/* The next vector of x, out of Montgomery form, as plain words one number after the other. */
static void leave(const struct pair_modulus *m, uint64_t *plain, const uint64_t *x, size_t left)
{
    struct lanes v;

    load_row(m, &v, x, left);
    m->tier->leave(m, v.word, v.word);
    store_row(m, plain, &v, left);
    wipe(m, &v, 1);
}

/* Calls one function with every canonical number, 2 * limbs long. */
static void put_each(const struct pair_modulus *m, const uint64_t *x, size_t count,
                     void (*put)(void *out, size_t index, const mp_limb_t *value, size_t limbs), void *out)
{
    const size_t words = pair_words(m), limbs = mpz_size(m->value);
    uint64_t plain[PAIR_LANES_MAX * PAIR_WORDS_MAX];
    mp_limb_t a[LIMBS_MAX], b[LIMBS_MAX], c[2 * LIMBS_MAX], scratch[2 * LIMBS_MAX];
    const mp_size_t n = (mp_size_t)limbs;

    for (size_t i = 0; i < count; i += m->tier->lanes) {
        const size_t left = count - i < m->tier->lanes ? count - i : m->tier->lanes;

        leave(m, plain, x + i * words, left);
        for (size_t l = 0; l < left; l++) {
            reduce_halves(m, a, b, plain + l * words, limbs + 1);
            mpn_sec_mul(c, b, n, mpz_limbs_read(m->value), n, scratch);
            mpn_sec_add_1(c + n, c + n, n, mpn_add_n(c, c, a, n), scratch);
            put(out, i + l, c, 2 * limbs);
        }
    }
    sodium_memzero(plain, sizeof plain);
    sodium_memzero(a, sizeof a);
    sodium_memzero(b, sizeof b);
    sodium_memzero(c, sizeof c);
    sodium_stackzero(KERNEL_STACK);
}

static void put_mpz(void *out, size_t index, const mp_limb_t *value, size_t limbs)
{
    mpz_t *x = out;

    bignum_limbs_get(x[index], value, limbs);
}

void pair_put_mpz(const struct pair_modulus *m, mpz_t *out, const uint64_t *x, size_t count)
{
    put_each(m, x, count, put_mpz, out);
}

struct bytes { uint8_t *at; size_t len; };

static void put_bytes(void *out, size_t index, const mp_limb_t *value, size_t limbs)
{
    const struct bytes *b = out;
    uint8_t *to = b->at + index * b->len;

    for (size_t i = 0; i < b->len; i++)
        to[b->len - 1 - i] = (uint8_t)(i / 8 < limbs ? value[i / 8] >> (8 * (i % 8)) : 0);
}

void pair_put(const struct pair_modulus *m, uint8_t *bytes, size_t len, const uint64_t *x, size_t count)
{
    struct bytes out = {bytes, len};

    put_each(m, x, count, put_bytes, &out);
}

void pair_halves(const struct pair_modulus *m, mp_limb_t *a, mp_limb_t *b, const uint64_t *x)
{
    const size_t limbs = mpz_size(m->value);
    uint64_t plain[PAIR_WORDS_MAX];
    mp_limb_t wide_a[LIMBS_MAX], wide_b[LIMBS_MAX];

    leave(m, plain, x, 1);
    reduce_halves(m, wide_a, wide_b, plain, limbs + 1);
    memcpy(a, wide_a, limbs * sizeof *a);
    memcpy(b, wide_b, limbs * sizeof *b);
    sodium_memzero(plain, sizeof plain);
    sodium_memzero(wide_a, sizeof wide_a);
    sodium_memzero(wide_b, sizeof wide_b);
    sodium_stackzero(KERNEL_STACK);
}

void pair_copy(const struct pair_modulus *m, uint64_t *out, const uint64_t *x)
{
    memcpy(out, x, pair_words(m) * sizeof *x);
}

/* ---- products ---- */

typedef void multiply_lanes(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, const uint64_t *y);

static void multiply_by(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *const *x,
                        const uint64_t *const *y, size_t count, multiply_lanes *multiply)
{
    struct lanes a, b;

    for (size_t i = 0; i < count; i += m->tier->lanes) {
        load(m, &a, x + i, count - i);
        load(m, &b, y + i, count - i);
        multiply(m, a.word, a.word, b.word);
        store(m, out + i, &a, count - i);
    }
}

void pair_multiply(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *const *x, const uint64_t *const *y,
                   size_t count)
{
    multiply_by(m, out, x, y, count, m->tier->multiply);
}

void pair_multiply_var(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *const *x,
                       const uint64_t *const *y, size_t count)
{
    multiply_by(m, out, x, y, count, m->tier->multiply_var);
}

void pair_multiply_one_var(const struct pair_modulus *m, uint64_t *const *out, const uint64_t *const *x, const uint64_t *y,
                           size_t count)
{
    struct lanes a;

    for (size_t i = 0; i < count; i += m->tier->lanes) {
        load(m, &a, x + i, count - i);
        m->tier->multiply_one_var(m, a.word, a.word, y);
        store(m, out + i, &a, count - i);
    }
}

void pair_product(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, size_t count)
{
    const uint32_t lanes = m->tier->lanes;
    const size_t words = pair_words(m);
    uint64_t part[PAIR_LANES_MAX * PAIR_WORDS_MAX];
    struct lanes product, factor;

    load_row(m, &product, m->one, 0);
    for (size_t i = 0; i < count; i += lanes) {
        load_row(m, &factor, x + i * words, count - i);
        m->tier->multiply(m, product.word, product.word, factor.word);
    }
    for (uint32_t width = lanes / 2; width; width /= 2) { /* the upper half of the lanes onto the lower */
        store_row(m, part, &product, lanes);
        load_row(m, &factor, part + width * words, width);
        m->tier->multiply(m, product.word, product.word, factor.word);
    }
    store_row(m, out, &product, 1);
}

void pair_horner_var(const struct pair_modulus *m, uint64_t *out, const uint64_t *const *factor, size_t windows,
                     uint32_t bits, size_t terms, size_t count)
{
    const struct pair_tier *t = m->tier;
    const uint64_t *from[PAIR_LANES_MAX];
    struct lanes product, next;

    for (size_t i = 0; i < count; i += t->lanes) {
        int started = 0; /* until then the product is 1 */

        load_row(m, &product, m->one, 0);
        for (size_t w = 0; w < windows; w++) {
            for (uint32_t s = 0; s < bits && started; s++)
                t->square(m, product.word, product.word);
            for (size_t k = 0; k < terms; k++) {
                for (size_t l = 0; l < t->lanes; l++)
                    from[l] = i + l < count ? factor[((i + l) * windows + w) * terms + k] : m->one;
                if (started) {
                    t->load(m, next.word, from);
                    t->multiply_var(m, product.word, product.word, next.word);
                } else {
                    t->load(m, product.word, from);
                }
                started = 1;
            }
        }
        store_row(m, out + i * pair_words(m), &product, count - i);
    }
}

static uint32_t exponent_window(const mpz_t e, size_t index)
{
    uint32_t digit = 0;

    for (uint32_t b = 0; b < POWER_WINDOW; b++) {
        const mp_bitcnt_t bit = index * POWER_WINDOW + b;

        digit |= (uint32_t)(mpz_getlimbn(e, (mp_size_t)(bit / 64)) >> (bit % 64) & 1) << b;
    }
    return digit;
}

void pair_power(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, size_t count, const mpz_t e)
{
    const struct pair_tier *t = m->tier;
    const size_t words = pair_words(m), windows = (mpz_size(e) * 64 + POWER_WINDOW - 1) / POWER_WINDOW;
    struct lanes table[POWER_ENTRIES], power, factor;

    for (size_t i = 0; i < count; i += t->lanes) {
        load_row(m, &table[0], m->one, 0);
        load_row(m, &table[1], x + i * words, count - i);
        for (uint32_t k = 2; k < POWER_ENTRIES; k++) {
            if (k % 2 == 0)
                t->square(m, table[k].word, table[k / 2].word);
            else
                t->multiply(m, table[k].word, table[k - 1].word, table[1].word);
        }
        memcpy(&power, &table[0], sizeof power);
        for (size_t w = windows; w-- > 0;) {
            for (uint32_t s = 0; s < POWER_WINDOW && w + 1 < windows; s++)
                t->square(m, power.word, power.word);
            t->pick(m, factor.word, table[0].word, PAIR_LANE_WORDS_MAX, POWER_ENTRIES, exponent_window(e, w));
            t->multiply(m, power.word, power.word, factor.word);
        }
        store_row(m, out + i * words, &power, count - i);
    }
    wipe(m, table, POWER_ENTRIES);
    wipe(m, &power, 1);
    wipe(m, &factor, 1);
    sodium_stackzero(KERNEL_STACK);
}

status pair_invert_var(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, size_t count)
{
    mpz_t *plain = NULL, *inverse = NULL;
    status result = bignum_array_new(&plain, count);
    BIGNUM(running);

    if (result == OK)
        result = bignum_array_new(&inverse, count);
    if (result == OK) {
        pair_put_mpz(m, plain, x, count);
        mpz_set_ui(running, 1);
        for (size_t i = 0; i < count; i++) { /* inverse[i] = product of those before i */
            mpz_set(inverse[i], running);
            mpz_mul(running, running, plain[i]);
            mpz_mod(running, running, m->square);
        }
        if (!mpz_invert(running, running, m->square))
            result = STATUS_MALFORMED;
    }
    if (result == OK) {
        for (size_t i = count; i-- > 0;) {
            mpz_mul(inverse[i], inverse[i], running);
            mpz_mod(inverse[i], inverse[i], m->square);
            mpz_mul(running, running, plain[i]);
            mpz_mod(running, running, m->square);
        }
        pair_get_mpz(m, out, inverse, count);
    }
    bignum_array_free(plain, count);
    bignum_array_free(inverse, count);
    return result;
}

/* ---- tables of powers of fixed bases ---- */

static size_t table_words(const struct pair_table *t, const struct pair_modulus *m)
{
    return pair_words(m) << t->window;
}

status pair_table_init(struct pair_table *t, const struct pair_modulus *m, uint32_t bases, uint32_t window)
{
    assert(bases <= PAIR_BASES_MAX && window >= 1 && window <= PAIR_WINDOW_MAX);
    t->bases = bases;
    t->window = window;
    t->entry = aligned_alloc(64, (bases * table_words(t, m) * sizeof *t->entry + 63) / 64 * 64);
    return t->entry ? OK : STATUS_NO_MEMORY;
}

void pair_table_clear(struct pair_table *t, const struct pair_modulus *m)
{
    if (t->entry)
        sodium_memzero(t->entry, t->bases * table_words(t, m) * sizeof *t->entry);
    free(t->entry);
    memset(t, 0, sizeof *t);
}

/* out[i] = x[i]^-1 mod N, whatever mod N^2, for up to PAIR_LANES_MAX units and by one inversion. */
static void invert_mod_n(const struct pair_modulus *m, uint64_t *out, const uint64_t *x, size_t count)
{
    const size_t words = pair_words(m), limbs = mpz_size(m->value);
    mp_limb_t a[LIMBS_MAX], b[LIMBS_MAX], inverse[1][2 * LIMBS_MAX], scratch[4 * LIMBS_MAX];
    uint64_t running[PAIR_WORDS_MAX], *const to = running;
    const uint64_t *const from = running;
    int exists;

    pair_copy(m, running, m->one);
    for (size_t i = 0; i < count; i++) { /* out[i] = product of those before i */
        pair_copy(m, out + i * words, running);
        pair_multiply(m, &to, &from, (const uint64_t *[]){x + i * words}, 1);
    }
    pair_halves(m, a, b, running);
    exists = mpn_sec_invert(inverse[0], a, mpz_limbs_read(m->value), (mp_size_t)limbs, 2 * limbs * GMP_NUMB_BITS, scratch);
    assert(exists);
    enter(m, running, inverse, limbs, 1);
    for (size_t i = count; i-- > 0;) {
        uint64_t *const inverted = out + i * words;

        pair_multiply(m, &inverted, (const uint64_t *[]){inverted}, &from, 1);
        pair_multiply(m, &to, &from, (const uint64_t *[]){x + i * words}, 1);
    }
    sodium_memzero(running, sizeof running);
    sodium_memzero(a, sizeof a);
    sodium_memzero(b, sizeof b);
    sodium_memzero(inverse, sizeof inverse);
    sodium_memzero(scratch, sizeof scratch);
}

/* beta = b / a of a power a + b N.  As a = x R mod N for an x, the inverse's half is x^-1 R = R^2 / a: b (R^2 / a) / R / R. */
static void beta_of(const struct pair_modulus *m, struct lanes *out, const struct lanes *power, const struct lanes *inverse)
{
    const size_t half = (size_t)m->digits * m->tier->lanes;

    memcpy(out->word, power->word + half, half * sizeof out->word[0]);
    memset(out->word + half, 0, half * sizeof out->word[0]);
    m->tier->multiply(m, out->word, out->word, inverse->word);
    m->tier->leave(m, out->word, out->word);
}

/* Lane l becomes entry k of base first + l. */
static void table_put(struct pair_table *t, const struct pair_modulus *m, uint32_t first, uint32_t count, size_t k,
                      const struct lanes *a, const struct lanes *beta)
{
    const uint32_t lanes = m->tier->lanes;

    for (uint32_t l = 0; l < count; l++) {
        uint64_t *entry = t->entry + (first + l) * table_words(t, m) + k;

        for (size_t w = 0; w < m->digits; w++) {
            entry[w << t->window] = a->word[w * lanes + l];
            entry[(m->digits + w) << t->window] = beta->word[w * lanes + l];
        }
    }
}

void pair_table_fill(struct pair_table *t, const struct pair_modulus *m, uint32_t first, const uint64_t *bases, uint32_t count)
{
    const uint32_t lanes = m->tier->lanes;
    const size_t words = pair_words(m);
    uint64_t inverses[PAIR_LANES_MAX * PAIR_WORDS_MAX];
    struct lanes base, inverse, power, back, beta;

    for (uint32_t i = 0; i < count; i += lanes) {
        const uint32_t left = count - i < lanes ? count - i : lanes;

        if (i % PAIR_LANES_MAX == 0)
            invert_mod_n(m, inverses, bases + i * words, count - i < PAIR_LANES_MAX ? count - i : PAIR_LANES_MAX);
        load_row(m, &base, bases + i * words, left);
        load_row(m, &inverse, inverses + i % PAIR_LANES_MAX * words, left);
        load_row(m, &power, m->one, 0);
        load_row(m, &back, m->one, 0);
        for (size_t k = 0; k < (size_t)1 << t->window; k++) {
            beta_of(m, &beta, &power, &back);
            table_put(t, m, first + i, left, k, &power, &beta);
            m->tier->multiply(m, power.word, power.word, base.word);
            m->tier->multiply(m, back.word, back.word, inverse.word);
        }
    }
    sodium_memzero(inverses, sizeof inverses);
    wipe(m, &base, 1);
    wipe(m, &inverse, 1);
    wipe(m, &power, 1);
    wipe(m, &back, 1);
    wipe(m, &beta, 1);
    sodium_stackzero(KERNEL_STACK);
}

/* One of TABLE_BATCH parts of the powers of a base that will be needed next: multiplications leave the time. */
static void fetch_part(const uint64_t *entries, size_t words, size_t part)
{
    for (size_t w = words * part / TABLE_BATCH; w < words * (part + 1) / TABLE_BATCH; w += 8)
        __builtin_prefetch(entries + w, 0, 2);
}

/* products[b] = start * prod_j base_j^index[. * bases + j] in up to TABLE_BATCH vectors, left numbers. */
static void multiply_chosen(const struct pair_table *t, const struct pair_modulus *m, struct lanes *product,
                            const uint64_t *start, const uint8_t *index, size_t left)
{
    const uint32_t lanes = m->tier->lanes;
    const size_t vectors = (left + lanes - 1) / lanes;
    struct lanes factor[SELECT_BATCH];
    struct { alignas(64) uint64_t word[PAIR_LANE_WORDS_MAX / 2]; } sum[TABLE_BATCH]; /* of beta: bases * N < R */

    for (size_t b = 0; b < vectors; b++) {
        load(m, &product[b], &start, 1);
        memset(&sum[b], 0, sizeof sum[b]);
    }
    for (uint32_t base = 0; base < t->bases; base++) {
        const uint64_t *entries = t->entry + base * table_words(t, m);
        uint8_t choice[TABLE_BATCH * PAIR_LANES_MAX] = {0};

        for (size_t l = 0; l < left; l++)
            choice[l] = index[l * t->bases + base];
        for (size_t b = 0; b < vectors; b++) {
            if (b % SELECT_BATCH == 0)
                m->tier->select(m, factor[0].word, entries, t->window, choice + b * lanes,
                                vectors - b < SELECT_BATCH ? vectors - b : SELECT_BATCH);
            if (base + 1 < t->bases)
                fetch_part(entries + table_words(t, m), table_words(t, m), b);
            m->tier->accumulate(m, product[b].word, sum[b].word, factor[b % SELECT_BATCH].word);
        }
    }
    for (size_t b = 0; b < vectors; b++) {
        one_plus(m, factor[0].word, sum[b].word);
        m->tier->multiply(m, product[b].word, product[b].word, factor[0].word);
    }
    sodium_memzero(sum, sizeof sum);
    wipe(m, factor, SELECT_BATCH);
}

void pair_table_product(const struct pair_table *t, const struct pair_modulus *m, uint64_t *out, const uint64_t *start,
                        const uint8_t *index, size_t count)
{
    const uint32_t lanes = m->tier->lanes;
    struct lanes product[TABLE_BATCH];

    for (size_t i = 0; i < count; i += TABLE_BATCH * lanes) {
        const size_t left = count - i < TABLE_BATCH * lanes ? count - i : TABLE_BATCH * lanes;

        multiply_chosen(t, m, product, start, index + i * t->bases, left);
        for (size_t l = 0; l < left; l += lanes)
            store_row(m, out + (i + l) * pair_words(m), &product[l / lanes], left - l);
    }
    wipe(m, product, TABLE_BATCH);
    sodium_stackzero(KERNEL_STACK);
}
