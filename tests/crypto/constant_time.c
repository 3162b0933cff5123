/* No branch and no address depends on a secret, as far as valgrind sees: it runs with secrets marked as uninitialised
 * memory, and every use of them in a condition or an address is an error to it.  tests/cli/test_constant_time.sh runs this;
 * constant_time.supp says what GMP leaves open.  Valgrind knows no AVX-512, so of the tiers only scalar and avx2 are seen. */
#include "crypto/sm2.h"
#include "crypto/sm4_seal.h"
#include "owner.h"

#include <valgrind/memcheck.h>

enum { ITEMS = 5, BASES = 6 }; /* items: a whole vector of the widest tier that valgrind runs, and a part */

static void hide(const void *p, size_t len)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(p, len);
}

static void reveal(const void *p, size_t len)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(p, len);
}

/* Something of these bytes comes from a secret. */
static int is_hidden(const void *p, size_t len)
{
    uint8_t bits[64];
    const size_t some = len < sizeof bits ? len : sizeof bits;

    memset(bits, 0, sizeof bits);
    assert_int_equal(VALGRIND_GET_VBITS(p, bits, some), 1);
    for (size_t i = 0; i < some; i++)
        if (bits[i])
            return 1;
    return 0;
}

static void hide_mpz(const mpz_t x)
{
    hide(mpz_limbs_read(x), mpz_size(x) * sizeof(mp_limb_t));
}

/* Of a key, all but lengths. */
static void hide_modulus(struct pair_modulus *m)
{
    hide(m->n, 9 * (size_t)m->digits * sizeof *m->n); /* with all that follows in the same block */
    hide(&m->negative_inverse, sizeof m->negative_inverse);
    hide_mpz(m->value);
    hide_mpz(m->square);
}

static void hide_key(struct paillier_secret *sec)
{
    mpz_t *every[] = {&sec->p,         &sec->q,  &sec->p2, &sec->q2,      &sec->p_minus_1,
                      &sec->q_minus_1, &sec->hp, &sec->hq, &sec->q_inv_p, &sec->q2_inv_p2};

    for (size_t i = 0; i < COUNT_OF(every); i++)
        hide_mpz(*every[i]);
    hide_modulus(&sec->pair_p);
    hide_modulus(&sec->pair_q);
}

static void hide_seed(struct rng *g)
{
    hide(g->key, sizeof g->key);
    hide(g->buffer, sizeof g->buffer);
}

#define NOTHING_SEEN(call)                                    \
    do {                                                      \
        const unsigned before_ = VALGRIND_COUNT_ERRORS;       \
        call;                                                 \
        assert_int_equal(VALGRIND_COUNT_ERRORS - before_, 0); \
    } while (0)

/* ---- valgrind sees what it should ---- */

static volatile int sink;

static void a_branch_on_a_secret_is_seen(void **state)
{
    const unsigned before = VALGRIND_COUNT_ERRORS;
    volatile int secret = 1;

    (void)state;
    hide((const void *)&secret, sizeof secret);
    if (secret)
        sink = 1;
    assert_int_equal(VALGRIND_COUNT_ERRORS - before, 1);
}

static void an_address_from_a_secret_is_seen(void **state)
{
    const unsigned before = VALGRIND_COUNT_ERRORS;
    static volatile int table[2];
    volatile size_t secret = 1;

    (void)state;
    hide((const void *)&secret, sizeof secret);
    sink = table[secret];
    reveal((const void *)&sink, sizeof sink);
    assert_int_equal(VALGRIND_COUNT_ERRORS - before, 1);
}

/* ---- pairs ---- */

struct bed {
    struct pair_modulus m;
    struct rng g;
    uint64_t *x, *y, *out;
    size_t bytes; /* of ITEMS numbers */
};

static void draw_numbers(struct bed *b, uint64_t *out, size_t count)
{
    mpz_t x[ITEMS];

    assert_true(count <= COUNT_OF(x));
    for (size_t i = 0; i < count; i++) {
        mpz_init(x[i]);
        rng_below_mpz(&b->g, x[i], b->m.square);
    }
    pair_get_mpz(&b->m, out, x, count);
    for (size_t i = 0; i < count; i++)
        mpz_clear(x[i]);
}

static void bed_init(struct bed *b, uint32_t bits)
{
    BIGNUM(n);

    memset(b, 0, sizeof *b);
    test_rng(&b->g, "constant time");
    rng_bits(&b->g, n, bits);
    mpz_setbit(n, bits - 1);
    mpz_setbit(n, 0);
    assert_int_equal(pair_modulus_init(&b->m, n), OK);
    b->x = numbers_of(&b->m, ITEMS);
    b->y = numbers_of(&b->m, ITEMS);
    b->out = numbers_of(&b->m, ITEMS);
    b->bytes = ITEMS * pair_words(&b->m) * sizeof *b->x;
    draw_numbers(b, b->x, ITEMS);
    draw_numbers(b, b->y, ITEMS);
}

static void bed_clear(struct bed *b)
{
    free(b->x);
    free(b->y);
    free(b->out);
    pair_modulus_clear(&b->m);
}

/* A check on every tier, for a modulus short of one pass of carries of the avx2 tier and for one beyond. */
static void on_every_tier(void (*check)(struct bed *b))
{
    static const uint32_t sizes[] = {512, 2048};

    for (EACH_TIER(tier))
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            struct bed b;

            bed_init(&b, sizes[i]);
            check(&b);
            bed_clear(&b);
        }
}

static void check_products(struct bed *b)
{
    uint64_t *out[ITEMS];
    const uint64_t *x[ITEMS], *y[ITEMS];

    for (size_t i = 0; i < ITEMS; i++) {
        out[i] = b->out + i * pair_words(&b->m);
        x[i] = b->x + i * pair_words(&b->m);
        y[i] = b->y + i * pair_words(&b->m);
    }
    hide(b->x, b->bytes);
    hide(b->y, b->bytes);
    NOTHING_SEEN(pair_multiply(&b->m, out, x, y, ITEMS));
    assert_true(is_hidden(b->out, b->bytes));
    NOTHING_SEEN(pair_product(&b->m, b->out, b->x, ITEMS));
}

static void products_hide_their_factors(void **state)
{
    (void)state;
    on_every_tier(check_products);
}

static void check_powers(struct bed *b)
{
    BIGNUM(e);

    rng_bits(&b->g, e, 130);
    mpz_setbit(e, 129);
    hide(b->x, b->bytes);
    hide_mpz(e);
    NOTHING_SEEN(pair_power(&b->m, b->out, b->x, ITEMS, e));
    assert_true(is_hidden(b->out, b->bytes));
}

static void powers_hide_base_and_exponent(void **state)
{
    (void)state;
    on_every_tier(check_powers);
}

static void check_tables(struct bed *b)
{
    uint64_t *bases = numbers_of(&b->m, BASES);
    uint8_t index[ITEMS * BASES];
    mpz_t unit[1];

    mpz_init(unit[0]);
    for (size_t i = 0; i < BASES; i++) {
        rng_unit_mpz(&b->g, unit[0], b->m.value);
        pair_get_mpz(&b->m, bases + i * pair_words(&b->m), unit, 1);
    }
    mpz_clear(unit[0]);
    hide(b->x, b->bytes);
    for (uint32_t window = 1; window <= PAIR_WINDOW_MAX; window++) {
        struct pair_table t;

        assert_int_equal(pair_table_init(&t, &b->m, BASES, window), OK);
        NOTHING_SEEN(pair_table_fill(&t, &b->m, 0, bases, BASES));
        rng_fill(&b->g, index, sizeof index);
        for (size_t i = 0; i < sizeof index; i++)
            index[i] &= (uint8_t)((1 << window) - 1);
        hide(index, sizeof index);
        NOTHING_SEEN(pair_table_product(&t, &b->m, b->out, b->x, index, ITEMS));
        assert_true(is_hidden(b->out, b->bytes));
        reveal(index, sizeof index);
        pair_table_clear(&t, &b->m);
    }
    free(bases);
}

static void table_products_hide_their_indices(void **state)
{
    (void)state;
    on_every_tier(check_tables);
}

static void check_in_and_out(struct bed *b)
{
    uint8_t bytes[ITEMS * PAIR_BITS_MAX / 4];
    mp_limb_t low[PAIR_BITS_MAX / GMP_NUMB_BITS], high[PAIR_BITS_MAX / GMP_NUMB_BITS];
    const size_t len = b->m.bits / 4;

    pair_put(&b->m, bytes, len, b->x, ITEMS);
    hide(bytes, ITEMS * len);
    NOTHING_SEEN(pair_get(&b->m, b->out, bytes, len, ITEMS));
    assert_true(is_hidden(b->out, b->bytes));
    reveal(bytes, ITEMS * len);
    NOTHING_SEEN(pair_put(&b->m, bytes, len, b->out, ITEMS));
    assert_true(is_hidden(bytes, ITEMS * len));
    NOTHING_SEEN(pair_halves(&b->m, low, high, b->out));
    assert_true(is_hidden(high, len / 2));
}

static void numbers_go_in_and_out_unseen(void **state)
{
    (void)state;
    on_every_tier(check_in_and_out);
}

/* ---- keys ---- */

static void decryption_hides_key_and_plaintext(void **state)
{
    (void)state;
    for (EACH_TIER(tier)) {
        struct owner o = {0};
        struct rng g;
        mpz_t m[ITEMS];
        uint64_t *c;

        owner_known(&o, 2048);
        test_rng(&g, "ciphertexts");
        c = numbers_of(&o.pub.pair, ITEMS);
        for (size_t i = 0; i < ITEMS; i++) {
            mpz_init(m[i]);
            rng_unit_mpz(&g, m[i], o.pub.n2);
        }
        pair_get_mpz(&o.pub.pair, c, m, ITEMS);
        hide_key(&o.sec);
        NOTHING_SEEN(paillier_decrypt_many(m, &o.pub, &o.sec, c, ITEMS));
        for (size_t i = 0; i < ITEMS; i++) {
            assert_true(is_hidden(mpz_limbs_read(m[i]), mpz_size(m[i]) * sizeof(mp_limb_t)));
            mpz_clear(m[i]);
        }
        free(c);
        owner_clear(&o);
    }
}

/* uses chooses between tables and the direct form. */
static void draw_residues(int own, uint64_t uses)
{
    for (EACH_TIER(tier)) {
        struct owner o = {0};
        struct blind *b;
        struct rng tables, g[ITEMS];
        uint64_t *out;

        owner_make(&o, 256, "residues");
        test_rng(&tables, "tables");
        assert_int_equal(blind_build(&b, &o.pub, own ? &o.sec : NULL, uses, &tables, NULL, NULL), OK);
        out = numbers_of(&o.pub.pair, ITEMS);
        for (size_t i = 0; i < ITEMS; i++) {
            test_rng(&g[i], "draws");
            hide_seed(&g[i]);
        }
        if (own)
            hide_key(&o.sec);
        NOTHING_SEEN(blind_draw_many(b, out, g, ITEMS));
        assert_true(is_hidden(out, ITEMS * pair_words(&o.pub.pair) * sizeof *out));
        blind_free(b);
        free(out);
        owner_clear(&o);
    }
}

static void randomisers_from_tables_hide_what_was_drawn(void **state)
{
    (void)state;
    draw_residues(0, USES_TABLE);
}

static void ones_own_randomisers_hide_the_key_too(void **state)
{
    (void)state;
    draw_residues(1, USES_TABLE);
}

static void encryption_hides_the_plaintext(void **state)
{
    (void)state;
    for (EACH_TIER(tier)) {
        struct owner o = {0};
        struct rng g;
        mpz_t m[ITEMS];
        uint64_t *c;

        owner_known(&o, 2048);
        test_rng(&g, "plaintexts");
        c = numbers_of(&o.pub.pair, ITEMS);
        for (size_t i = 0; i < ITEMS; i++) {
            mpz_init(m[i]);
            rng_unit_mpz(&g, m[i], o.pub.n2);
        }
        pair_get_mpz(&o.pub.pair, c, m, ITEMS);
        for (size_t i = 0; i < ITEMS; i++) {
            mpz_mod(m[i], m[i], o.pub.n);
            hide_mpz(m[i]);
        }
        NOTHING_SEEN(paillier_encrypt_many(c, &o.pub, m, c, ITEMS));
        assert_true(is_hidden(c + o.pub.pair.digits, o.pub.pair.digits * sizeof *c)); /* b: a says nothing of the plaintext */
        for (size_t i = 0; i < ITEMS; i++)
            mpz_clear(m[i]);
        free(c);
        owner_clear(&o);
    }
}

/* ---- suite GM1 ---- */

static void hashing_in_suite_gm_hides_key_and_text(void **state)
{
    uint8_t key[32] = {1}, text[200] = {2};
    struct sm3_hmac m;
    struct hash out;

    (void)state;
    hide(key, sizeof key);
    hide(text, sizeof text);
    NOTHING_SEEN((sm3_hmac_init(&m, key, sizeof key), sm3_hmac_add(&m, text, sizeof text), sm3_hmac_final(&m, &out)));
    assert_true(is_hidden(out.bytes, sizeof out.bytes));
}

static void sealing_in_suite_gm_hides_key_and_text(void **state)
{
    uint8_t key[SM4_SEAL_KEY_BYTES] = {1}, nonce[SM4_SEAL_NONCE_BYTES] = {2}, text[700] = {3}, out[sizeof text + SM4_SEAL_TAG_BYTES];

    (void)state;
    hide(key, sizeof key);
    hide(text, sizeof text);
    NOTHING_SEEN(sm4_seal(out, key, nonce, "context", 7, text, sizeof text));
    assert_true(is_hidden(out, sizeof out));
    assert_true(is_hidden(out + sizeof text, SM4_SEAL_TAG_BYTES));
}

static void key_pairs_of_suite_gm_hide_their_seed(void **state)
{
    struct rng_key seed = {.bytes = {1}};
    struct sm2_public pub;
    struct sm2_secret sec;

    (void)state;
    hide(&seed, sizeof seed);
    NOTHING_SEEN(sm2_keypair(&pub, &sec, &seed));
    assert_true(is_hidden(sec.bytes, sizeof sec.bytes));
}

static void signing_in_suite_gm_hides_secret_and_nonce(void **state)
{
    struct rng_key seed = {.bytes = {1}};
    struct sm2_signature sig;
    struct sm2_public pub;
    struct sm2_secret sec;
    struct hash z;

    (void)state;
    sm2_keypair(&pub, &sec, &seed);
    assert_int_equal(sm2_z(&z, &pub, SM2_DEFAULT_ID), OK);
    hide(sec.bytes, sizeof sec.bytes);
    NOTHING_SEEN(sm2_sign(&sig, &sec, &z, "message", 7));
    assert_true(is_hidden(sig.bytes, sizeof sig.bytes));
}

static void exchanges_of_suite_gm_hide_both_secrets(void **state)
{
    struct sm2_exchange_secret sec[2];
    struct sm2_exchange_public pub[2];
    uint8_t key[32];

    (void)state;
    for (uint8_t i = 0; i < 2; i++) {
        const struct rng_key lasting = {.bytes = {i}}, fresh = {.bytes = {i, 1}};

        sm2_keypair(&pub[i].lasting, &sec[i].lasting, &lasting);
        sm2_keypair(&pub[i].fresh, &sec[i].fresh, &fresh);
    }
    hide(&sec[0], sizeof sec[0]);
    NOTHING_SEEN(assert_int_equal(sm2_exchange(key, sizeof key, 1, &sec[0], &pub[0], &pub[1]), OK));
    assert_true(is_hidden(key, sizeof key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_branch_on_a_secret_is_seen),
        cmocka_unit_test(an_address_from_a_secret_is_seen),
        cmocka_unit_test(products_hide_their_factors),
        cmocka_unit_test(powers_hide_base_and_exponent),
        cmocka_unit_test(table_products_hide_their_indices),
        cmocka_unit_test(numbers_go_in_and_out_unseen),
        cmocka_unit_test(decryption_hides_key_and_plaintext),
        cmocka_unit_test(randomisers_from_tables_hide_what_was_drawn),
        cmocka_unit_test(ones_own_randomisers_hide_the_key_too),
        cmocka_unit_test(encryption_hides_the_plaintext),
        cmocka_unit_test(hashing_in_suite_gm_hides_key_and_text),
        cmocka_unit_test(sealing_in_suite_gm_hides_key_and_text),
        cmocka_unit_test(key_pairs_of_suite_gm_hide_their_seed),
        cmocka_unit_test(signing_in_suite_gm_hides_secret_and_nonce),
        cmocka_unit_test(exchanges_of_suite_gm_hide_both_secrets),
    };

    if (!RUNNING_ON_VALGRIND) {
        fprintf(stderr, "constant_time: valgrind has to run this\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
