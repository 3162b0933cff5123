#include "crypto/blind.h"

#include "forge.h"
#include "owner.h"
#include "vectors/vectors.h"

#include <pthread.h>

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

/* The vectors tell tables from direct: so this proves both thresholds too. */
static void every_form_matches_its_vector_on_every_tier(void **state)
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

    (void)state;
    for (EACH_TIER(tier))
        for (size_t i = 0; i < COUNT_OF(vectors); i++) {
            struct owner o AUTO(owner_clear) = {0};
            struct rng tables AUTO(rng_clear), g AUTO(rng_clear);
            struct blind *b;
            BIGNUM(out);

            owner_of_vectors(&o, vectors[i].bits);
            vector_rng(&tables, "blind tables", vectors[i].bits);
            vector_rng(&g, "blind draw", vectors[i].bits);
            b = blind_of(vectors[i].form, &o, &tables);
            residue_draw(b, &o.pub, out, &g);
            blind_free(b);
            assert_mpz_hex(out, vectors[i].expected);
        }
}

enum { DRAWS = 75 }; /* two whole batches and a part */

/* A generator for each draw. */
static void generators(struct rng *g, size_t count, const char *purpose)
{
    struct rng_key key = {.bytes = {0}};

    store_u64(key.bytes, test_seed());
    for (size_t i = 0; i < count; i++)
        rng_init(&g[i], &key, &(struct rng_address){.purpose = purpose, .index = i});
}

/* s^N */
static void direct_by_gmp(mpz_t out, const mpz_t n, struct rng *g)
{
    BIGNUM(n2);

    mpz_mul(n2, n, n);
    rng_unit_mpz(g, out, n);
    mpz_powm(out, out, n, n2);
}

/* g_i = s_i^N and prod g_i^(e_i): base after base, a byte of the generator each. */
static void table_by_gmp(mpz_t out, const mpz_t n, struct rng *tables, struct rng *g)
{
    uint8_t exponent[1024];
    const size_t bases = (mpz_sizeinbase(n, 2) + 192 + 5) / 6;
    BIGNUM(n2);
    BIGNUM(s);

    mpz_mul(n2, n, n);
    rng_fill(g, exponent, bases);
    mpz_set_ui(out, 1);
    for (size_t i = 0; i < bases; i++) {
        direct_by_gmp(s, n, tables);
        mpz_powm_ui(s, s, exponent[i] % 64, n2);
        mpz_mul(out, out, s);
        mpz_mod(out, out, n2);
    }
}

static void draw_by_gmp(mpz_t out, const struct owner *o, int own, int with_table)
{
    struct rng tables AUTO(rng_clear), g AUTO(rng_clear);
    BIGNUM(by_q);

    test_rng(&tables, "real tables");
    test_rng(&g, "real draw");
    if (with_table)
        table_by_gmp(out, own ? o->sec.p : o->pub.n, &tables, &g);
    else
        direct_by_gmp(out, own ? o->sec.p : o->pub.n, &g);
    if (!own)
        return;
    if (with_table)
        table_by_gmp(by_q, o->sec.q, &tables, &g);
    else
        direct_by_gmp(by_q, o->sec.q, &g);
    paillier_join(out, out, o->sec.p2, by_q, o->sec.q2, o->sec.q2_inv_p2);
}

static void real_keys_match_gmp_on_every_tier(void **state)
{
    static const struct {
        uint32_t bits;
        int own, with_table;
    } runs[] = {{1024, 0, 1}, {2048, 1, 1}, {3072, 0, 0}, {3072, 1, 0}, {4096, 0, 0}, {4096, 1, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        BIGNUM(expected);

        for (EACH_TIER(tier)) {
            struct owner o AUTO(owner_clear) = {0};
            struct rng tables AUTO(rng_clear), g AUTO(rng_clear);
            struct blind *b;
            uint64_t uses = blind_table_from(runs[i].bits, runs[i].own);
            BIGNUM(out);

            if (runs[i].bits < 2048)
                owner_make(&o, runs[i].bits, "real key");
            else
                owner_known(&o, runs[i].bits);
            if (mpz_sgn(expected) == 0)
                draw_by_gmp(expected, &o, runs[i].own, runs[i].with_table);
            test_rng(&tables, "real tables");
            test_rng(&g, "real draw");
            uses -= !runs[i].with_table;
            assert_int_equal(blind_build(&b, &o.pub, runs[i].own ? &o.sec : NULL, uses, &tables, NULL, NULL), OK);
            residue_draw(b, &o.pub, out, &g);
            assert_mpz_equal(out, expected);
            blind_free(b);
        }
    }
}

/* Threads of the test's own: each piece in one, the last piece first. */
struct piece {
    pthread_t thread;
    parallel_body *body;
    void *ctx;
    size_t first, count;
};

static void *run_piece(void *arg)
{
    struct piece *p = arg;

    p->body(p->ctx, p->first, p->count);
    return NULL;
}

static void run_pieces(void *pool, size_t total, size_t grain, parallel_body *body, void *ctx)
{
    struct piece piece[64];
    size_t pieces = 0;

    (void)pool;
    for (size_t first = 0; first < total; first += grain) {
        assert_true(pieces < COUNT_OF(piece));
        piece[pieces++] = (struct piece){.body = body, .ctx = ctx, .first = first,
                                         .count = total - first < grain ? total - first : grain};
    }
    for (size_t i = pieces; i-- > 0;)
        assert_int_equal(pthread_create(&piece[i].thread, NULL, run_piece, &piece[i]), 0);
    for (size_t i = 0; i < pieces; i++)
        assert_int_equal(pthread_join(piece[i].thread, NULL), 0);
}

static void count_step(void *ctx)
{
    ++*(uint32_t *)ctx;
}

/* One at a time, many at once, with tables built by threads, on each tier: the same residues, and the promised number of
 * steps. */
static void draws_are_the_same_in_batches_by_threads_and_on_every_tier(void **state)
{
    enum { BITS = 512, WIDTH = BITS / 4 };
    const struct parallel threads = {.run = run_pieces};

    (void)state;
    for (enum form form = DIRECT; form < FORMS; form++) {
        const uint64_t uses = form == TABLE || form == OWN_TABLE ? USES_TABLE : USES_DIRECT;
        uint8_t first[DRAWS * WIDTH], bytes[DRAWS * WIDTH];
        int have = 0;

        for (EACH_TIER(tier))
            for (int spread = 0; spread < 2; spread++) {
                uint32_t steps = 0;
                const struct blind_watch watch = {&steps, count_step};
                struct owner o AUTO(owner_clear) = {0};
                struct rng tables AUTO(rng_clear), g[DRAWS];
                struct blind *b;
                uint64_t *x;

                owner_make(&o, BITS, "same key");
                test_rng(&tables, "same tables");
                generators(g, DRAWS, "same draws");
                x = numbers_of(&o.pub.pair, DRAWS);
                assert_int_equal(blind_build(&b, &o.pub, form >= OWN_DIRECT ? &o.sec : NULL, uses, &tables, &watch,
                                             spread ? &threads : NULL),
                                 OK);
                assert_int_equal(steps, blind_table_residues(BITS, form >= OWN_DIRECT, uses));
                if (spread)
                    blind_draw_many(b, x, g, DRAWS);
                else
                    for (size_t i = DRAWS; i-- > 0;)
                        blind_draw_many(b, x + i * pair_words(&o.pub.pair), &g[i], 1);
                paillier_ciphers_write(have ? bytes : first, &o.pub, x, DRAWS);
                if (have)
                    assert_memory_equal(bytes, first, sizeof bytes);
                have = 1;
                blind_free(b);
                free(x);
            }
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
                residue_draw(b, &o.pub, x, &g);
                assert_true(mpz_sgn(x) > 0 && mpz_cmp(x, o.pub.n2) < 0);
                mpz_gcd(t, x, o.pub.n);
                assert_int_equal(mpz_cmp_ui(t, 1), 0);
                owner_decrypt(t, &o, x);
                assert_int_equal(mpz_sgn(t), 0);
                assert_int_not_equal(mpz_cmp(x, before), 0);
            }
            blind_free(b);
        }
}

/* N = 35: the residues are 24, and each form draws each of them equally often. */
static void every_form_is_uniform_over_the_residues_of_a_toy_key(void **state)
{
    enum { ROUNDS = 640 };

    (void)state;
    for (enum form form = DIRECT; form < FORMS; form++) {
        uint64_t counts[35 * 35] = {0}, residues[24], *numbers;
        size_t found = 0;
        struct owner o AUTO(owner_clear) = {0};
        struct rng tables AUTO(rng_clear), g[DRAWS];
        struct blind *b;
        mpz_t *x;

        owner_toy(&o, 7, 5);
        test_rng(&tables, "toy tables");
        generators(g, DRAWS, "toy draws");
        numbers = numbers_of(&o.pub.pair, DRAWS);
        assert_int_equal(bignum_array_new(&x, DRAWS), OK);
        b = blind_of(form, &o, &tables);
        for (int i = 0; i < ROUNDS; i++) {
            blind_draw_many(b, numbers, g, DRAWS);
            pair_put_mpz(&o.pub.pair, x, numbers, DRAWS);
            for (size_t d = 0; d < DRAWS; d++)
                counts[mpz_get_ui(x[d])]++;
        }
        blind_free(b);
        bignum_array_free(x, DRAWS);
        free(numbers);
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
            residue_draw(b, &o.pub, change ? x : first, &g);
            blind_free(b);
            if (change)
                assert_int_not_equal(mpz_cmp(first, x), 0);
        }
}

/* ---- why prod g_i^(e_i) is uniform [SPEC 3.3] ---- */

/* An abelian group of rank 3 or less as sums modulo its factors. */
struct group {
    unsigned factor[3], order;
};

static unsigned power(const struct group *g, unsigned x, unsigned e)
{
    unsigned out = 0, weight = 1;

    for (int i = 0; i < 3; i++) {
        out += x % g->factor[i] * e % g->factor[i] * weight;
        x /= g->factor[i];
        weight *= g->factor[i];
    }
    return out;
}

static unsigned times(const struct group *g, unsigned x, unsigned y)
{
    unsigned out = 0, weight = 1;

    for (int i = 0; i < 3; i++) {
        out += (x % g->factor[i] + y % g->factor[i]) % g->factor[i] * weight;
        x /= g->factor[i];
        y /= g->factor[i];
        weight *= g->factor[i];
    }
    return out;
}

enum { TOY_BASES = 3, TOY_EXPONENTS = 4, TOY_DRAWS = TOY_EXPONENTS * TOY_EXPONENTS * TOY_EXPONENTS };

/* The statistical distance of prod g_i^(e_i) from uniform, averaged over all choices of bases: counted. */
static double distance(const struct group *g)
{
    const unsigned choices = g->order * g->order * g->order;
    double sum = 0;

    for (unsigned bases = 0; bases < choices; bases++) {
        const unsigned base[TOY_BASES] = {bases % g->order, bases / g->order % g->order, bases / g->order / g->order};
        unsigned hits[64] = {0};

        for (unsigned e = 0; e < TOY_DRAWS; e++)
            hits[times(g, times(g, power(g, base[0], e % TOY_EXPONENTS), power(g, base[1], e / TOY_EXPONENTS % TOY_EXPONENTS)),
                       power(g, base[2], e / TOY_EXPONENTS / TOY_EXPONENTS))]++;
        for (unsigned i = 0; i < g->order; i++)
            if (hits[i] * g->order > TOY_DRAWS)
                sum += (double)hits[i] / TOY_DRAWS - 1.0 / g->order;
    }
    return sum / choices;
}

/* distance <= (2^r - 1) 2^-K for bases that miss a subgroup of index 2, and half the root of: |G| 4^-K for characters of
 * order 4 and more, P_3^K (3^r - 1) for those of order 3. */
static int is_near(const struct group *g, unsigned rank)
{
    const double third = 9.0 / 8 / 3, rest = distance(g) - ((1 << rank) - 1) / 8.0;
    const double square = (double)g->order / TOY_DRAWS + third * third * third * ((const double[]){0, 2, 8, 26})[rank];

    return rest < 0 || 4 * rest * rest <= square;
}

static void every_small_group_is_as_near_to_uniform_as_the_argument_says(void **state)
{
    static const struct {
        struct group g;
        unsigned rank;
    } groups[] = {
        {{{1, 1, 1}, 1}, 0}, {{{2, 1, 1}, 2}, 1},  {{{3, 1, 1}, 3}, 1},  {{{4, 1, 1}, 4}, 1},   {{{2, 2, 1}, 4}, 2},
        {{{5, 1, 1}, 5}, 1}, {{{6, 1, 1}, 6}, 1},  {{{7, 1, 1}, 7}, 1},  {{{8, 1, 1}, 8}, 1},   {{{4, 2, 1}, 8}, 2},
        {{{3, 3, 1}, 9}, 2}, {{{6, 2, 1}, 12}, 2}, {{{15, 1, 1}, 15}, 1}, {{{16, 1, 1}, 16}, 1}, {{{6, 3, 1}, 18}, 2},
        {{{31, 1, 1}, 31}, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(groups); i++)
        assert_true(is_near(&groups[i].g, groups[i].rank));
}

/* Eight primes of 17 bits with 6 | p - 1: G has 2^8 classes modulo squares and 3^8 modulo cubes. */
enum { FACTORS = 8, CUBIC_FACTORS = 4, CUBIC_CELLS = 81 };

static void hostile_key(struct paillier_public *pub, unsigned long *p)
{
    BIGNUM(n);
    BIGNUM(prime);

    mpz_set_ui(n, 1);
    mpz_set_ui(prime, 1ul << 16);
    for (size_t i = 0; i < FACTORS; i++) {
        do
            mpz_nextprime(prime, prime);
        while (mpz_get_ui(prime) % 6 != 1);
        p[i] = mpz_get_ui(prime);
        mpz_mul(n, n, prime);
    }
    key_of(pub, n, (uint32_t)mpz_sizeinbase(n, 2));
}

/* 0, 1 or 2: the cubic character of x mod p. */
static unsigned cubic_class(const mpz_t x, unsigned long p)
{
    unsigned class;
    BIGNUM(m);
    BIGNUM(t);

    mpz_set_ui(m, p);
    mpz_powm_ui(t, x, (p - 1) / 3, m);
    class = mpz_cmp_ui(t, 1) != 0;
    mpz_mul_2exp(t, t, 1);
    return class + (class && mpz_cmp(t, m) > 0);
}

static unsigned cells_reached(const uint64_t *count, size_t cells)
{
    unsigned reached = 0;

    for (size_t i = 0; i < cells; i++)
        reached += count[i] != 0;
    return reached;
}

/* bases = 0: the real form.  Else a weak one of so few bases. */
static void draw_hostile(const struct blind *b, const struct paillier_public *pub, size_t bases, mpz_t *x, struct rng *g)
{
    uint64_t numbers[DRAWS * PAIR_WORDS_MAX];
    BIGNUM(s);

    if (!bases) {
        blind_draw_many(b, numbers, g, DRAWS);
        pair_put_mpz(&pub->pair, x, numbers, DRAWS);
        return;
    }
    for (size_t d = 0; d < DRAWS; d++) {
        struct rng tables AUTO(rng_clear);

        test_rng(&tables, "hostile tables");
        mpz_set_ui(x[d], 1);
        for (size_t i = 0; i < bases; i++) {
            rng_unit_mpz(&tables, s, pub->n);
            mpz_powm_ui(s, s, rng_below(&g[d], 64), pub->n);
            mpz_mul(x[d], x[d], s);
            mpz_mod(x[d], x[d], pub->n);
        }
    }
}

static void a_hostile_key_of_many_small_factors_is_covered(void **state)
{
    enum { ROUNDS = 200, WEAK_BASES = 5 };
    unsigned long p[FACTORS];
    struct paillier_public pub AUTO(paillier_public_clear) = {0};

    (void)state;
    hostile_key(&pub, p);
    for (size_t bases = 0; bases <= WEAK_BASES; bases += WEAK_BASES) {
        uint64_t square[1 << FACTORS] = {0}, cube[CUBIC_CELLS] = {0};
        struct rng tables AUTO(rng_clear), g[DRAWS];
        struct blind *b;
        mpz_t *x;

        test_rng(&tables, "hostile tables");
        generators(g, DRAWS, "hostile draws");
        assert_int_equal(bignum_array_new(&x, DRAWS), OK);
        assert_int_equal(blind_new(&b, &pub, USES_TABLE, &tables), OK);
        for (int i = 0; i < ROUNDS; i++) {
            draw_hostile(b, &pub, bases, x, g);
            for (size_t d = 0; d < DRAWS; d++) {
                unsigned by_square = 0, by_cube = 0;

                for (size_t f = 0; f < FACTORS; f++)
                    by_square = 2 * by_square + (mpz_kronecker_ui(x[d], p[f]) < 0);
                for (size_t f = 0; f < CUBIC_FACTORS; f++)
                    by_cube = 3 * by_cube + cubic_class(x[d], p[f]);
                square[by_square]++;
                cube[by_cube]++;
            }
        }
        if (bases) {
            assert_true(cells_reached(square, COUNT_OF(square)) <= 1 << WEAK_BASES);
        } else {
            assert_true(chi_square(square, COUNT_OF(square)) < 362); /* 255 degrees: once in 10^5 */
            assert_true(chi_square(cube, COUNT_OF(cube)) < 143);     /* 80 degrees */
        }
        blind_free(b);
        bignum_array_free(x, DRAWS);
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
        cmocka_unit_test(every_form_matches_its_vector_on_every_tier),
        cmocka_unit_test(real_keys_match_gmp_on_every_tier),
        cmocka_unit_test(draws_are_the_same_in_batches_by_threads_and_on_every_tier),
        cmocka_unit_test(every_draw_is_a_new_encryption_of_zero),
        cmocka_unit_test(every_form_is_uniform_over_the_residues_of_a_toy_key),
        cmocka_unit_test(a_draw_depends_on_both_generators_of_the_table_form),
        cmocka_unit_test(every_small_group_is_as_near_to_uniform_as_the_argument_says),
        cmocka_unit_test(a_hostile_key_of_many_small_factors_is_covered),
        cmocka_unit_test(free_of_nothing_is_nothing),
    };

    return cmocka_run_group_tests_name("blind", tests, NULL, NULL);
}
