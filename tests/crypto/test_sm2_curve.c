#include <openssl/ec.h> /* before crypto/bignum.h: it undefines BIGNUM */
#include <openssl/obj_mac.h>

#include "crypto/sm2_curve.h"

#include "testing.h"

static const struct sm2_modulus *const moduli[] = {&sm2_field, &sm2_order};

static void get(mpz_t x, const struct sm2_number *in)
{
    mpz_import(x, SM2_LIMBS, -1, 8, 0, 0, in->limb);
}

static void put(struct sm2_number *out, const mpz_t x)
{
    memset(out, 0, sizeof *out);
    mpz_export(out->limb, NULL, -1, 8, 0, 0, x);
}

/* Each limb all zeros, all ones, one, the modulus's own, or random: where carries go wrong, if they do. */
static void awkward(struct sm2_number *x, const struct sm2_modulus *m, struct rng *g, int below)
{
    do {
        for (size_t i = 0; i < SM2_LIMBS; i++) {
            const uint64_t choices[] = {0, UINT64_MAX, 1, m->m.limb[i], m->m.limb[i] - 1, m->m.limb[i] + 1, rng_u64(g)};

            x->limb[i] = choices[rng_below(g, COUNT_OF(choices))];
        }
    } while (below && !sm2_number_is_below(x, &m->m));
}

static void arithmetic_is_gmps(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(m);
    BIGNUM(x);
    BIGNUM(y);
    BIGNUM(expected);
    BIGNUM(found);

    (void)state;
    test_rng(&g, "sm2 numbers");
    for (size_t i = 0; i < COUNT_OF(moduli); i++) {
        get(m, &moduli[i]->m);
        for (size_t j = 0; j < 100000; j++) {
            struct sm2_number a, b, out;

            awkward(&a, moduli[i], &g, 1);
            awkward(&b, moduli[i], &g, 1);
            get(x, &a);
            get(y, &b);
            sm2_add(&out, &a, &b, moduli[i]);
            mpz_add(expected, x, y);
            mpz_mod(expected, expected, m);
            get(found, &out);
            assert_mpz_equal(found, expected);
            sm2_subtract(&out, &a, &b, moduli[i]);
            mpz_sub(expected, x, y);
            mpz_mod(expected, expected, m);
            get(found, &out);
            assert_mpz_equal(found, expected);
            awkward(&b, moduli[i], &g, 0);
            get(y, &b);
            sm2_multiply(&out, &a, &b, moduli[i]);
            mpz_mul(expected, x, y); /* out R = a b */
            get(x, &out);
            assert_true(mpz_cmp(x, m) < 0);
            mpz_mul_2exp(x, x, 256);
            assert_true(mpz_congruent_p(x, expected, m));
            sm2_multiply(&a, &b, &a, moduli[i]);
            assert_memory_equal(&a, &out, sizeof out);
        }
    }
}

static void whatever_enters_leaves_reduced(void **state)
{
    struct rng g AUTO(rng_clear);
    BIGNUM(m);
    BIGNUM(x);
    BIGNUM(y);

    (void)state;
    test_rng(&g, "sm2 enter");
    for (size_t i = 0; i < COUNT_OF(moduli); i++) {
        get(m, &moduli[i]->m);
        for (size_t j = 0; j < 10000; j++) {
            struct sm2_number a, out;

            awkward(&a, moduli[i], &g, 0);
            sm2_enter(&out, &a, moduli[i]);
            sm2_leave(&out, &out, moduli[i]);
            get(x, &a);
            mpz_mod(x, x, m);
            get(y, &out);
            assert_mpz_equal(x, y);
        }
    }
}

static void an_inverse_times_its_number_is_one(void **state)
{
    static const struct sm2_number one = {{1}}, zero;
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "sm2 inverses");
    for (size_t i = 0; i < COUNT_OF(moduli); i++)
        for (size_t j = 0; j < 200; j++) {
            struct sm2_number a, inverse;

            awkward(&a, moduli[i], &g, 1);
            sm2_invert(&inverse, &a, moduli[i]);
            sm2_multiply(&a, &a, &inverse, moduli[i]);
            sm2_leave(&a, &a, moduli[i]);
            assert_memory_equal(&a, sm2_number_is_zero(&inverse) ? &zero : &one, sizeof a);
        }
}

static void numbers_read_as_they_are_written(void **state)
{
    uint8_t bytes[SM2_BYTES], out[SM2_BYTES];
    struct sm2_number x;

    (void)state;
    for (uint8_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i + 1);
    sm2_number_read(&x, bytes);
    assert_true(x.limb[3] == 0x0102030405060708 && x.limb[0] == 0x191a1b1c1d1e1f20);
    sm2_number_write(out, &x);
    assert_memory_equal(out, bytes, sizeof out);
}

/* ---- points, against OpenSSL ---- */

struct bed {
    EC_GROUP *group;
    EC_POINT *p;
    struct rng g;
};

static void bed_init(struct bed *b, const char *purpose)
{
    b->group = EC_GROUP_new_by_curve_name(NID_sm2);
    assert_non_null(b->group);
    b->p = EC_POINT_new(b->group);
    assert_non_null(b->p);
    test_rng(&b->g, purpose);
}

static void bed_clear(struct bed *b)
{
    EC_POINT_free(b->p);
    EC_GROUP_free(b->group);
    rng_clear(&b->g);
}

/* b->p as the point has it, infinity too. */
static void assert_point(struct bed *b, const struct sm2_point *p)
{
    uint8_t xy[2 * SM2_BYTES], expected[SM2_POINT_BYTES];
    const uint64_t finite = sm2_point_write(xy, p);

    assert_int_equal(finite, !EC_POINT_is_at_infinity(b->group, b->p));
    memset(expected, 0, sizeof expected);
    if (finite)
        assert_int_equal(EC_POINT_point2oct(b->group, b->p, POINT_CONVERSION_UNCOMPRESSED, expected, sizeof expected, NULL),
                         sizeof expected);
    assert_memory_equal(xy, expected + 1, sizeof xy);
}

static void openssl_times(struct bed *b, const struct sm2_number *scalar)
{
    uint8_t bytes[SM2_BYTES];
    typeof(BN_new()) k;

    sm2_number_write(bytes, scalar);
    k = BN_bin2bn(bytes, sizeof bytes, NULL);
    assert_non_null(k);
    assert_int_equal(EC_POINT_mul(b->group, b->p, k, NULL, NULL, NULL), 1);
    BN_free(k);
}

static void multiples_of_the_generator_are_openssls(void **state)
{
    struct sm2_point generator, p;
    struct sm2_number k;
    struct bed b;
    BIGNUM(n);

    (void)state;
    bed_init(&b, "sm2 multiples");
    sm2_point_generator(&generator);
    for (size_t i = 0; i < 300; i++) {
        awkward(&k, &sm2_order, &b.g, 0);
        openssl_times(&b, &k);
        sm2_point_times(&p, &k, &generator);
        assert_point(&b, &p);
    }
    for (long i = -40; i < 40; i++) { /* around 0 and around n, which is infinity */
        get(n, &sm2_order.m);
        if (i >= 0)
            mpz_add_ui(n, n, (unsigned long)i);
        else
            mpz_sub_ui(n, n, (unsigned long)-i);
        put(&k, n);
        openssl_times(&b, &k);
        sm2_point_times(&p, &k, &generator);
        assert_point(&b, &p);
        memset(&k, 0, sizeof k);
        k.limb[0] = (uint64_t)(i + 40);
        openssl_times(&b, &k);
        sm2_point_times(&p, &k, &generator);
        assert_point(&b, &p);
    }
    bed_clear(&b);
}

/* k G + l G for k and l that are equal, opposite, zero or neither. */
static void sums_have_no_exceptions(void **state)
{
    struct sm2_point generator, p, q;
    struct sm2_number k, l;
    struct bed b;

    (void)state;
    bed_init(&b, "sm2 sums");
    sm2_point_generator(&generator);
    for (size_t i = 0; i < 200; i++) {
        static const struct sm2_number zero;

        awkward(&k, &sm2_order, &b.g, 1);
        awkward(&l, &sm2_order, &b.g, 1);
        if (i % 4 == 1)
            l = k;
        if (i % 4 == 2)
            sm2_subtract(&l, &zero, &k, &sm2_order);
        if (i % 4 == 3)
            l = zero;
        sm2_point_times(&p, &k, &generator);
        sm2_point_times(&q, &l, &generator);
        sm2_point_add(&q, &p, &q);
        sm2_add(&k, &k, &l, &sm2_order);
        openssl_times(&b, &k);
        assert_point(&b, &q);
    }
    bed_clear(&b);
}

static void multiples_of_any_point_commute(void **state)
{
    struct sm2_point generator, p, q;
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "sm2 commute");
    sm2_point_generator(&generator);
    for (size_t i = 0; i < 50; i++) {
        struct sm2_number k, l, kl;
        uint8_t one[2 * SM2_BYTES], other[2 * SM2_BYTES];

        awkward(&k, &sm2_order, &g, 1);
        awkward(&l, &sm2_order, &g, 1);
        sm2_enter(&kl, &k, &sm2_order);
        sm2_multiply(&kl, &kl, &l, &sm2_order);
        sm2_point_times(&p, &k, &generator);
        sm2_point_times(&p, &l, &p);
        sm2_point_times(&q, &kl, &generator);
        assert_int_equal(sm2_point_write(one, &p), sm2_point_write(other, &q));
        assert_memory_equal(one, other, sizeof one);
    }
}

static void a_point_is_read_and_found_as_it_was_written(void **state)
{
    struct sm2_point generator, p;
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "sm2 read");
    sm2_point_generator(&generator);
    for (size_t i = 0; i < 50; i++) {
        uint8_t xy[2 * SM2_BYTES], again[2 * SM2_BYTES];
        struct sm2_number k;

        rng_fill(&g, &k, sizeof k);
        sm2_point_times(&p, &k, &generator);
        assert_int_equal(sm2_point_write(xy, &p), 1);
        assert_int_equal(sm2_point_read(&p, xy), OK);
        assert_int_equal(sm2_point_write(again, &p), 1);
        assert_memory_equal(again, xy, sizeof xy);
        assert_int_equal(sm2_point_find(&p, xy, xy[63] & 1), OK);
        assert_int_equal(sm2_point_write(again, &p), 1);
        assert_memory_equal(again, xy, sizeof xy);
        assert_int_equal(sm2_point_find(&p, xy, !(xy[63] & 1)), OK);
        assert_int_equal(sm2_point_write(again, &p), 1);
        assert_memory_equal(again, xy, SM2_BYTES);
        assert_memory_not_equal(again, xy, sizeof xy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_is_gmps),
        cmocka_unit_test(whatever_enters_leaves_reduced),
        cmocka_unit_test(an_inverse_times_its_number_is_one),
        cmocka_unit_test(numbers_read_as_they_are_written),
        cmocka_unit_test(multiples_of_the_generator_are_openssls),
        cmocka_unit_test(sums_have_no_exceptions),
        cmocka_unit_test(multiples_of_any_point_commute),
        cmocka_unit_test(a_point_is_read_and_found_as_it_was_written),
    };

    return cmocka_run_group_tests_name("sm2_curve", tests, NULL, NULL);
}
