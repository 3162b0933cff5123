#include "crypto/group.h"
#include "crypto/pair.h"

#include "testing.h"
#include "vectors/vectors.h"

static const char *const ids[] = {
    "", "a", "110101199003070000",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxx"};

static void contract_of(struct hash *out)
{
    unhex(out->bytes, HASH_BYTES, GROUP_CONTRACT);
}

static void small_multiples_are_those_of_rfc_9496(void **state)
{
    static const char *const expected[] = GROUP_MULTIPLES;
    struct group_element base, out;

    (void)state;
    unhex(base.bytes, GROUP_BYTES, expected[0]);
    for (size_t n = 1; n <= COUNT_OF(expected); n++) {
        struct group_scalar s = {{(uint8_t)n}};

        assert_int_equal(group_scale(&out, &s, &base), OK);
        assert_hex(out.bytes, GROUP_BYTES, expected[n - 1]);
    }
}

static void ids_hash_and_scale_to_their_vectors(void **state)
{
    static const char *const hashed[] = GROUP_HASHED, *const scaled[] = GROUP_SCALED;
    struct group_element e, out;
    struct group_scalar s AUTO(group_scalar_clear);
    struct hash contract;
    struct rng g AUTO(rng_clear);

    (void)state;
    contract_of(&contract);
    vector_rng(&g, "group scalar", 0);
    group_scalar_random(&s, &g);
    assert_hex(s.bytes, sizeof s.bytes, GROUP_SCALAR);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        group_hash(&e, &contract, 2, ids[i], strlen(ids[i]));
        assert_hex(e.bytes, GROUP_BYTES, hashed[i]);
        assert_int_equal(group_check(&e), OK);
        assert_int_equal(group_scale(&out, &s, &e), OK);
        assert_hex(out.bytes, GROUP_BYTES, scaled[i]);
    }
}

static void every_input_of_the_hash_separates_elements(void **state)
{
    struct group_element e[6];
    struct hash contract, other;

    (void)state;
    contract_of(&contract);
    other = contract;
    other.bytes[0] ^= 1;
    group_hash(&e[0], &contract, 1, "ab", 2);
    group_hash(&e[1], &contract, 1, "ab", 1);
    group_hash(&e[2], &contract, 1, "ab\0", 3);
    group_hash(&e[3], &contract, 2, "ab", 2);
    group_hash(&e[4], &other, 1, "ab", 2);
    group_hash(&e[5], &contract, 1, "AB", 2);
    for (size_t i = 0; i < COUNT_OF(e); i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(e[i].bytes, e[j].bytes, GROUP_BYTES);
}

static void blinding_commutes(void **state)
{
    struct group_element e, a, b;
    struct group_scalar s, t;
    struct hash contract;
    struct rng g AUTO(rng_clear);

    (void)state;
    contract_of(&contract);
    test_rng(&g, "commute");
    for (int i = 0; i < 50; i++) {
        char id[8];

        group_hash(&e, &contract, 1, id, (size_t)snprintf(id, sizeof id, "id%d", i));
        group_scalar_random(&s, &g);
        group_scalar_random(&t, &g);
        assert_int_equal(group_scale(&a, &s, &e), OK);
        assert_int_equal(group_scale(&a, &t, &a), OK);
        assert_int_equal(group_scale(&b, &t, &e), OK);
        assert_int_equal(group_scale(&b, &s, &b), OK);
        assert_memory_equal(a.bytes, b.bytes, GROUP_BYTES);
        assert_memory_not_equal(a.bytes, e.bytes, GROUP_BYTES);
    }
}

static void random_scalars_are_reduced_and_not_zero(void **state)
{
    /* the order, 2^252 + 27742317777372353535851937790883648493, little-endian */
    static const char order_hex[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    struct group_scalar s, zero = {{0}};
    uint8_t order[32];
    struct rng g AUTO(rng_clear);

    (void)state;
    unhex(order, sizeof order, order_hex);
    test_rng(&g, "scalars");
    for (int i = 0; i < 1000; i++) {
        int at = 31;

        group_scalar_random(&s, &g);
        assert_memory_not_equal(s.bytes, zero.bytes, sizeof s.bytes);
        while (at > 0 && s.bytes[at] == order[at])
            at--;
        assert_true(s.bytes[at] < order[at]);
    }
}

static void encodings_that_are_no_element_or_the_identity_are_refused(void **state)
{
    static const char *const bad[] = GROUP_BAD;
    struct group_scalar one = {{1}};
    struct group_element e, out, before;

    (void)state;
    memset(&out, 0xaa, sizeof out);
    before = out;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        unhex(e.bytes, GROUP_BYTES, bad[i]);
        assert_int_equal(group_check(&e), STATUS_MALFORMED);
        assert_int_equal(group_scale(&out, &one, &e), STATUS_MALFORMED);
        assert_memory_equal(&out, &before, sizeof out);
    }
}

static void a_product_that_is_the_identity_is_refused(void **state)
{
    static const char *const multiples[] = GROUP_MULTIPLES;
    struct group_scalar zero = {{0}};
    struct group_element e, out;

    (void)state;
    unhex(e.bytes, GROUP_BYTES, multiples[0]);
    assert_int_equal(group_scale(&out, &zero, &e), STATUS_MALFORMED);
}

/* ---- many ---- */

enum { MANY = 83, ID_BYTES = 17 };

struct many {
    char text[MANY][ID_BYTES], *id[MANY];
    struct hash contract;
    struct group_scalar s;
    struct group_element hashed[MANY], scaled[MANY]; /* one by one */
};

/* scalar NULL: a random one */
static void make_many(struct many *m, const char *scalar)
{
    struct rng g AUTO(rng_clear);

    contract_of(&m->contract);
    test_rng(&g, "many");
    group_scalar_random(&m->s, &g);
    if (scalar)
        unhex(m->s.bytes, sizeof m->s.bytes, scalar);
    for (size_t i = 0; i < MANY; i++) {
        m->id[i] = m->text[i];
        snprintf(m->text[i], ID_BYTES, "%016llx", (unsigned long long)rng_u64(&g));
        group_hash(&m->hashed[i], &m->contract, 1, m->id[i], strlen(m->id[i]));
        assert_int_equal(group_scale(&m->scaled[i], &m->s, &m->hashed[i]), OK);
    }
}

/* Pieces from the last to the first, as threads might. */
static void backwards(void *pool, size_t total, size_t grain, parallel_body *body, void *ctx)
{
    (void)pool;
    for (size_t pieces = (total + grain - 1) / grain; pieces-- > 0;)
        body(ctx, pieces * grain, total - pieces * grain < grain ? total - pieces * grain : grain);
}

static void compare_many(const struct many *m, size_t count, const struct parallel *p)
{
    struct group_element e[MANY];

    memcpy(e, m->hashed, sizeof e);
    assert_int_equal(group_check_all(e, count, p), OK);
    assert_int_equal(group_scale_all(e, &m->s, count, p), OK);
    assert_memory_equal(e, m->scaled, count * sizeof *e);
    assert_memory_equal(e + count, m->hashed + count, (MANY - count) * sizeof *e);
    memset(e, 0, sizeof e);
    assert_int_equal(group_hash_scale_all(e, &m->s, &m->contract, 1, m->id, count, p), OK);
    assert_memory_equal(e, m->scaled, count * sizeof *e);
}

static void many_give_the_bytes_of_one_by_one_on_every_tier(void **state)
{
    static const struct parallel pieces = {NULL, backwards};
    /* 1, 8, every digit 8, every digit 7, the order less one */
    static const char *const scalars[] = {NULL,
                                          "0100000000000000000000000000000000000000000000000000000000000000",
                                          "0800000000000000000000000000000000000000000000000000000000000000",
                                          "8888888888888888888888888888888888888888888888888888888888888808",
                                          "7777777777777777777777777777777777777777777777777777777777777707",
                                          "ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"};
    static struct many m;

    (void)state;
    for (const char *const *tier = pair_tier_list(); *tier; tier++) {
        assert_int_equal(pair_tier_use(*tier), OK);
        for (size_t i = 0; i < COUNT_OF(scalars); i++) {
            make_many(&m, scalars[i]);
            compare_many(&m, MANY, NULL);
            compare_many(&m, MANY, &pieces);
        }
        for (size_t count = 0; count < 20; count++)
            compare_many(&m, count, NULL);
    }
    assert_int_equal(pair_tier_use(NULL), OK);
}

static void one_bad_point_among_many_is_refused_on_every_tier(void **state)
{
    static const char *const bad[] = GROUP_BAD;
    struct group_element e[MANY];
    static struct many m;

    (void)state;
    make_many(&m, NULL);
    for (const char *const *tier = pair_tier_list(); *tier; tier++) {
        assert_int_equal(pair_tier_use(*tier), OK);
        for (size_t i = 0; i < COUNT_OF(bad); i++)
            for (size_t at = 0; at < 10; at++) { /* every lane, and after the last */
                memcpy(e, m.hashed, sizeof e);
                unhex(e[at].bytes, GROUP_BYTES, bad[i]);
                assert_int_equal(group_check_all(e, 10, NULL), STATUS_MALFORMED);
                assert_int_equal(group_scale_all(e, &m.s, 10, NULL), STATUS_MALFORMED);
            }
    }
    assert_int_equal(pair_tier_use(NULL), OK);
}

static void many_products_that_are_the_identity_are_refused_on_every_tier(void **state)
{
    struct group_scalar zero = {{0}};
    static struct many m;

    (void)state;
    for (const char *const *tier = pair_tier_list(); *tier; tier++) {
        assert_int_equal(pair_tier_use(*tier), OK);
        make_many(&m, NULL);
        assert_int_equal(group_scale_all(m.hashed, &zero, 8, NULL), STATUS_MALFORMED);
        assert_int_equal(group_hash_scale_all(m.hashed, &zero, &m.contract, 1, m.id, 8, NULL), STATUS_MALFORMED);
    }
    assert_int_equal(pair_tier_use(NULL), OK);
}

/* Random bytes are rarely an encoding; both sides must think so of the same ones. */
static void every_tier_takes_the_same_encodings(void **state)
{
    struct group_element e[8];
    struct rng g AUTO(rng_clear);
    int good = 0;

    (void)state;
    test_rng(&g, "encodings");
    for (int round = 0; round < 400; round++) {
        rng_fill(&g, e[0].bytes, GROUP_BYTES);
        e[0].bytes[0] &= 0xfe;
        e[0].bytes[31] &= 0x7f;
        for (size_t l = 1; l < COUNT_OF(e); l++)
            e[l] = e[0];
        good += group_check(&e[0]) == OK;
        for (const char *const *tier = pair_tier_list(); *tier; tier++) {
            assert_int_equal(pair_tier_use(*tier), OK);
            assert_int_equal(group_check_all(e, COUNT_OF(e), NULL), group_check(&e[0]));
        }
    }
    assert_true(good > 50 && good < 350);
    assert_int_equal(pair_tier_use(NULL), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_multiples_are_those_of_rfc_9496),
        cmocka_unit_test(ids_hash_and_scale_to_their_vectors),
        cmocka_unit_test(every_input_of_the_hash_separates_elements),
        cmocka_unit_test(blinding_commutes),
        cmocka_unit_test(random_scalars_are_reduced_and_not_zero),
        cmocka_unit_test(encodings_that_are_no_element_or_the_identity_are_refused),
        cmocka_unit_test(a_product_that_is_the_identity_is_refused),
        cmocka_unit_test(many_give_the_bytes_of_one_by_one_on_every_tier),
        cmocka_unit_test(one_bad_point_among_many_is_refused_on_every_tier),
        cmocka_unit_test(many_products_that_are_the_identity_are_refused_on_every_tier),
        cmocka_unit_test(every_tier_takes_the_same_encodings),
    };

    return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
