#include "crypto/blind.h"

#include "owner.h"
#include "vectors/vectors.h"

/* The four ways to make a randomiser. */
enum form { DIRECT, TABLE, OWN_DIRECT, OWN_TABLE, FORMS };

static struct blind *blind_of(enum form form, const struct owner *o, struct rng *tables)
{
    struct blind *b = NULL;

    switch (form) {
    case DIRECT:
        assert_int_equal(blind_new(&b, &o->pub, USES_DIRECT, tables), OK);
        break;
    case TABLE:
        assert_int_equal(blind_new(&b, &o->pub, USES_TABLE, tables), OK);
        break;
    case OWN_DIRECT:
        assert_int_equal(blind_new_own(&b, &o->pub, &o->sec, USES_DIRECT, tables), OK);
        break;
    case OWN_TABLE:
        assert_int_equal(blind_new_own(&b, &o->pub, &o->sec, USES_TABLE, tables), OK);
        break;
    case FORMS:
        fail();
    }
    return b;
}

/* One draw with the generators of the vectors. */
static void vector_draw(mpz_t out, enum form form, uint32_t bits)
{
    struct owner o AUTO(owner_clear) = {0};
    struct rng tables AUTO(rng_clear), g AUTO(rng_clear);
    struct blind *b;

    owner_of_vectors(&o, bits);
    vector_rng(&tables, "blind tables", bits);
    vector_rng(&g, "blind draw", bits);
    b = blind_of(form, &o, &tables);
    blind_draw(b, out, &g);
    blind_free(b);
}

/* The vectors tell tables from direct: so this proves both thresholds too. */
static void every_form_matches_its_vector(void **state)
{
    static const struct {
        enum form form;
        uint32_t bits;
        const char *expected;
    } vectors[] = {
        {DIRECT, 256, BLIND_256_DIRECT},         {DIRECT, 512, BLIND_512_DIRECT},
        {DIRECT, 2048, BLIND_2048_DIRECT},       {OWN_DIRECT, 256, BLIND_256_OWN_DIRECT},
        {OWN_DIRECT, 512, BLIND_512_OWN_DIRECT}, {OWN_DIRECT, 2048, BLIND_2048_OWN_DIRECT},
        {TABLE, 256, BLIND_256_TABLE},           {TABLE, 512, BLIND_512_TABLE},
        {OWN_TABLE, 256, BLIND_256_OWN_TABLE},   {OWN_TABLE, 512, BLIND_512_OWN_TABLE},
    };
    BIGNUM(out);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        vector_draw(out, vectors[i].form, vectors[i].bits);
        assert_mpz_hex(out, vectors[i].expected);
    }
}

/* 272 and 288 bits: p^2 and N^2 do not fill their last limb. */
static void every_draw_is_a_new_encryption_of_zero(void **state)
{
    static const uint32_t lengths[] = {256, 272, 288, 512};

    (void)state;
    for (size_t l = 0; l < COUNT_OF(lengths); l++)
        for (enum form form = DIRECT; form < FORMS; form++) {
            struct owner o AUTO(owner_clear) = {0};
            struct rng tables AUTO(rng_clear), g AUTO(rng_clear);
            struct blind *b;
            BIGNUM(x);
            BIGNUM(before);
            BIGNUM(t);

            owner_make(&o, lengths[l], "zero key");
            test_rng(&tables, "zero tables");
            test_rng(&g, "zero draws");
            b = blind_of(form, &o, &tables);
            for (int i = 0; i < 50; i++) {
                mpz_set(before, x);
                blind_draw(b, x, &g);
                assert_true(mpz_sgn(x) > 0 && mpz_cmp(x, o.pub.n2) < 0);
                mpz_gcd(t, x, o.pub.n);
                assert_int_equal(mpz_cmp_ui(t, 1), 0);
                paillier_decrypt(t, &o.pub, &o.sec, x);
                assert_int_equal(mpz_sgn(t), 0);
                assert_int_not_equal(mpz_cmp(x, before), 0);
            }
            blind_free(b);
        }
}

/* N = 35: the residues are 24, and each form draws each of them equally often. */
static void every_form_is_uniform_over_the_residues_of_a_toy_key(void **state)
{
    (void)state;
    for (enum form form = DIRECT; form < FORMS; form++) {
        uint64_t counts[35 * 35] = {0}, residues[24];
        size_t found = 0;
        struct owner o AUTO(owner_clear) = {0};
        struct rng tables AUTO(rng_clear), g AUTO(rng_clear);
        struct blind *b;
        BIGNUM(x);

        owner_toy(&o, 7, 5);
        test_rng(&tables, "toy tables");
        test_rng(&g, "toy draws");
        b = blind_of(form, &o, &tables);
        for (int i = 0; i < 48000; i++) {
            blind_draw(b, x, &g);
            counts[mpz_get_ui(x)]++;
        }
        blind_free(b);
        for (size_t i = 0; i < COUNT_OF(counts); i++)
            if (counts[i]) {
                assert_true(found < COUNT_OF(residues));
                residues[found++] = counts[i];
            }
        assert_int_equal(found, COUNT_OF(residues));
        assert_true(chi_square(residues, found) < 65); /* 23 degrees: beyond 65 once in 10^5 */
    }
}

static void a_draw_depends_on_both_generators_of_the_table_form(void **state)
{
    struct owner o AUTO(owner_clear) = {0};
    BIGNUM(first);
    BIGNUM(x);

    (void)state;
    owner_make(&o, 256, "depends");
    for (enum form form = TABLE; form < FORMS; form += OWN_TABLE - TABLE)
        for (int change = 0; change < 4; change++) {
            struct rng tables AUTO(rng_clear), g AUTO(rng_clear);
            struct blind *b;

            test_rng(&tables, change & 1 ? "other tables" : "tables");
            test_rng(&g, change & 2 ? "other draws" : "draws");
            b = blind_of(form, &o, &tables);
            blind_draw(b, change ? x : first, &g);
            blind_free(b);
            if (change)
                assert_int_not_equal(mpz_cmp(first, x), 0);
        }
}

static void free_of_nothing_is_nothing(void **state)
{
    (void)state;
    blind_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_matches_its_vector),
        cmocka_unit_test(every_draw_is_a_new_encryption_of_zero),
        cmocka_unit_test(every_form_is_uniform_over_the_residues_of_a_toy_key),
        cmocka_unit_test(a_draw_depends_on_both_generators_of_the_table_form),
        cmocka_unit_test(free_of_nothing_is_nothing),
    };

    return cmocka_run_group_tests_name("blind", tests, NULL, NULL);
}
