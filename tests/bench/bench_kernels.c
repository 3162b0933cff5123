/* The arithmetic that a training spends its time in, tier by tier, against GMP and against what the processor can do.
 * (measure.h)
 *
 *   pair_multiply_TIER, pair_square_TIER   1/s, ratio to mpz_mul + mpz_mod mod N^2; products of public numbers
 *   ifma_issue                             multiply-add instructions a second, eight lanes each
 *   pair_of_issue_rate                     share of that rate that pair_multiply_ifma reaches
 *   scatter_plain, _joint, _TIER           ciphertext-column additions a second, ratio to GMP's products
 *   scatter_wide_plain, _joint             the same for a wide and short table
 *   gather_plain, gather_joint             the same for replies
 *   encrypt_own                            full-length randomness, ratio to a plain r^N by GMP
 *   encrypt_foreign                        randomisers under somebody else's key, likewise
 *   decrypt                                ratio to CRT decryption by GMP */
#include "crypto/blind.h"
#include "crypto/pair_tier.h"
#include "protocol/bins.h"

#include "measure.h"

enum {
    NUMBERS = 64,
    COLUMNS_MAX = 96, GROUP_ROWS = 4,
    ROWS_AT_ONCE = 500, /* as many as come in one record; they come again and again */
    BATCH = 256,
};

static void must(status s)
{
    if (s != OK)
        abort();
}

static void random_modulus(mpz_t n, struct rng *g, uint32_t bits)
{
    rng_bits(g, n, bits);
    mpz_setbit(n, bits - 1);
    mpz_setbit(n, 0);
}

/* ---- products ---- */

struct products {
    struct pair_modulus m;
    uint64_t *x, *y;
    mpz_t a, b;
};

static void multiply_ours(void *ctx)
{
    struct products *p = ctx;
    const uint32_t lanes = p->m.tier->lanes;

    for (uint32_t i = 0; i < NUMBERS; i += lanes)
        p->m.tier->multiply_var(&p->m, p->x, p->x, p->y);
}

static void square_ours(void *ctx)
{
    struct products *p = ctx;

    for (uint32_t i = 0; i < NUMBERS; i += p->m.tier->lanes)
        p->m.tier->square(&p->m, p->x, p->x);
}

static void multiply_plain(void *ctx)
{
    struct products *p = ctx;

    for (int i = 0; i < NUMBERS; i++) {
        mpz_mul(p->a, p->a, p->b);
        mpz_mod(p->a, p->a, p->m.square);
    }
}

static void bench_products(uint32_t bits)
{
    for (const char *const *tier = pair_tier_list(); *tier; tier++) {
        struct products p = {0};
        char name[NAME_COLUMNS], size[NAME_COLUMNS];
        const uint64_t *from[PAIR_LANES_MAX];
        uint64_t *plain;
        struct rng g;
        BIGNUM(n);

        must(pair_tier_use(*tier));
        seeded(&g, "bench products");
        random_modulus(n, &g, bits);
        must(pair_modulus_init(&p.m, n));
        mpz_inits(p.a, p.b, NULL);
        rng_below_mpz(&g, p.a, p.m.square);
        rng_below_mpz(&g, p.b, p.m.square);
        p.x = aligned_alloc(64, PAIR_LANE_WORDS_MAX * sizeof *p.x);
        p.y = aligned_alloc(64, PAIR_LANE_WORDS_MAX * sizeof *p.y);
        plain = calloc(pair_words(&p.m), sizeof *plain);
        pair_get_mpz(&p.m, plain, &p.a, 1);
        for (uint32_t l = 0; l < PAIR_LANES_MAX; l++)
            from[l] = plain;
        p.m.tier->load(&p.m, p.x, from);
        p.m.tier->load(&p.m, p.y, from);
        snprintf(size, sizeof size, "%u", bits);
        snprintf(name, sizeof name, "pair_multiply_%s", *tier);
        measure(&(struct task){name, size, multiply_ours, multiply_plain, &p, NUMBERS, 0});
        snprintf(name, sizeof name, "pair_square_%s", *tier);
        measure(&(struct task){name, size, square_ours, multiply_plain, &p, NUMBERS, 0});
        mpz_clears(p.a, p.b, NULL);
        free(p.x);
        free(p.y);
        free(plain);
        pair_modulus_clear(&p.m);
    }
    must(pair_tier_use(NULL));
}

/* ---- the processor's own rate ---- */

#if defined(__x86_64__)
#include <immintrin.h>

enum { CHAINS = 16, ISSUES = CHAINS * 1000 };

/* As many independent chains as hide the latency. */
__attribute__((target("avx512f,avx512ifma"))) static void issue(void *ctx)
{
    __m512i acc[CHAINS], x = _mm512_set1_epi64(3), y = _mm512_set1_epi64(5);

    for (int c = 0; c < CHAINS; c++)
        acc[c] = _mm512_set1_epi64(c);
    for (int i = 0; i < ISSUES / CHAINS; i++) {
        _Pragma("GCC unroll 16") for (int c = 0; c < CHAINS; c++)
            acc[c] = _mm512_madd52lo_epu64(acc[c], x, y);
        __asm__ volatile("" : "+v"(x), "+v"(y));
    }
    for (int c = 1; c < CHAINS; c++)
        acc[0] = _mm512_xor_si512(acc[0], acc[c]);
    _mm512_storeu_si512(ctx, acc[0]);
}

/* Multiply-add instructions of one product in eight lanes: five blocks of n x n digit products, two instructions each,
 * and for both reductions the n quotient digits. */
static double instructions(uint32_t digits)
{
    return 2.0 * 5.0 * digits * digits + 2.0 * digits;
}

static void bench_issue(uint32_t bits)
{
    const int rounds = options.quick ? 3 : ROUNDS;
    double share[ROUNDS], rate[ROUNDS], products[ROUNDS];
    uint64_t sink[8];
    struct products p = {0};
    char size[NAME_COLUMNS];
    struct rng g;
    BIGNUM(n);

    if (pair_tier_use("ifma") != OK || (!wanted("ifma_issue") && !wanted("pair_of_issue_rate")))
        return;
    seeded(&g, "bench issue");
    random_modulus(n, &g, bits);
    must(pair_modulus_init(&p.m, n));
    p.x = aligned_alloc(64, PAIR_LANE_WORDS_MAX * sizeof *p.x);
    p.y = aligned_alloc(64, PAIR_LANE_WORDS_MAX * sizeof *p.y);
    memset(p.x, 0, PAIR_LANE_WORDS_MAX * sizeof *p.x);
    memset(p.y, 0, PAIR_LANE_WORDS_MAX * sizeof *p.y);
    for (int i = 0; i < rounds; i++) {
        rate[i] = calls_per_second(issue, sink) * ISSUES;
        products[i] = calls_per_second(multiply_ours, &p) * NUMBERS / PAIR_LANES_MAX;
        share[i] = products[i] * instructions(p.m.digits) / rate[i];
    }
    snprintf(size, sizeof size, "%u", bits);
    print("ifma_issue", "8", "1/s", median(rate, rounds), 0);
    print("pair_of_issue_rate", size, "1", median(share, rounds), 0);
    free(p.x);
    free(p.y);
    pair_modulus_clear(&p.m);
    must(pair_tier_use(NULL));
}
#else
static void bench_issue(uint32_t bits)
{
    (void)bits;
}
#endif

/* ---- gather and scatter ---- */

struct shape {
    uint32_t rows;
    uint16_t columns;
    uint8_t bins;
};

static const struct shape tall = {100000, 8, 16}, wide = {20000, 96, 10};

struct loops {
    struct pair_modulus m;
    struct matrix own;
    uint8_t bins[COLUMNS_MAX];
    uint8_t *codes;
    uint64_t *numbers; /* a record's ciphertexts, or the entries of gather */
    uint64_t *out;
    uint32_t fuse;
    mpz_t a, b;
};

static void loops_init(struct loops *k, uint32_t bits, const struct shape *shape)
{
    const size_t codes = (size_t)shape->rows * shape->columns, width = (size_t)shape->columns * shape->bins;
    const size_t numbers = width * GROUP_ROWS > ROWS_AT_ONCE ? width * GROUP_ROWS : ROWS_AT_ONCE;
    struct rng g;
    BIGNUM(n);

    memset(k, 0, sizeof *k);
    seeded(&g, "bench loops");
    random_modulus(n, &g, bits);
    must(pair_modulus_init(&k->m, n));
    mpz_inits(k->a, k->b, NULL);
    rng_below_mpz(&g, k->a, k->m.square);
    rng_below_mpz(&g, k->b, k->m.square);
    memset(k->bins, shape->bins, sizeof k->bins);
    k->codes = malloc(codes);
    k->numbers = calloc(numbers, pair_words(&k->m) * sizeof *k->numbers);
    k->out = calloc(width > ROWS_AT_ONCE ? width : ROWS_AT_ONCE, pair_words(&k->m) * sizeof *k->out);
    if (!k->codes || !k->numbers || !k->out)
        abort();
    for (size_t i = 0; i < codes; i++)
        k->codes[i] = (uint8_t)rng_below(&g, shape->bins);
    k->own = (struct matrix){
        .n = shape->rows, .columns = shape->columns, .width = (uint32_t)width, .bins = k->bins, .codes = k->codes};
    for (size_t i = 0; i < numbers; i++) {
        mpz_t *x = &k->a;

        rng_below_mpz(&g, k->a, k->m.square);
        pair_get_mpz(&k->m, k->numbers + i * pair_words(&k->m), x, 1);
    }
}

static void loops_clear(struct loops *k)
{
    mpz_clears(k->a, k->b, NULL);
    free(k->codes);
    free(k->numbers);
    free(k->out);
    pair_modulus_clear(&k->m);
}

static void scatter_ours(void *ctx)
{
    struct loops *k = ctx;
    struct scatter *s;

    must(scatter_new(&s, &k->m, &k->own, NULL, k->fuse));
    for (uint32_t row = 0; row < k->own.n; row += ROWS_AT_ONCE)
        scatter_add(s, k->numbers, row, k->own.n - row < ROWS_AT_ONCE ? k->own.n - row : ROWS_AT_ONCE);
    scatter_sums(s, k->out);
    scatter_free(s);
}

static void gather_ours(void *ctx)
{
    struct loops *k = ctx;
    const uint32_t replies = k->own.n / GROUP_ROWS;
    struct gather *g;

    must(gather_new(&g, &k->m, &k->own, k->numbers, GROUP_ROWS, NULL, k->fuse));
    for (uint32_t first = 0; first < replies; first += ROWS_AT_ONCE)
        must(gather_replies(g, k->out, first, replies - first < ROWS_AT_ONCE ? replies - first : ROWS_AT_ONCE));
    gather_free(g);
}

enum { PLAIN_PRODUCTS = 4000 };

static void loops_plain(void *ctx)
{
    struct loops *k = ctx;

    for (int i = 0; i < PLAIN_PRODUCTS; i++) {
        mpz_mul(k->a, k->a, k->b);
        mpz_mod(k->a, k->a, k->m.square);
    }
}

/* Whole loops are long: one each, against GMP's products before and after. */
static void measure_loop(struct loops *k, const char *name, uint32_t bits, work *ours, uint32_t fuse)
{
    const int rounds = options.quick ? 3 : ROUNDS;
    const double products = (double)k->own.n * k->own.columns;
    double rate[ROUNDS], ratio[ROUNDS];
    char size[NAME_COLUMNS];

    if (!wanted(name))
        return;
    k->fuse = fuse;
    for (int i = 0; i < rounds; i++) {
        const double plain = calls_per_second(loops_plain, k) * PLAIN_PRODUCTS, began = cpu_s();

        ours(k);
        rate[i] = products / (cpu_s() - began);
        ratio[i] = rate[i] / ((plain + calls_per_second(loops_plain, k) * PLAIN_PRODUCTS) / 2);
    }
    snprintf(size, sizeof size, "%u %ux%ux%u", bits, k->own.n, k->own.columns, k->bins[0]);
    print(name, size, "1/s", median(rate, rounds), median(ratio, rounds));
}

static struct shape shortened(const struct shape *shape, uint32_t times)
{
    return (struct shape){shape->rows / (options.quick ? 200 : times), shape->columns, shape->bins};
}

static void bench_loops(uint32_t bits)
{
    const struct shape whole = shortened(&tall, 1), tenth = shortened(&tall, 10), broad = shortened(&wide, 1);
    struct loops k;
    char name[NAME_COLUMNS];

    loops_init(&k, bits, &whole);
    measure_loop(&k, "scatter_plain", bits, scatter_ours, 1);
    measure_loop(&k, "scatter_joint", bits, scatter_ours, BINS_FUSE_AUTO);
    measure_loop(&k, "gather_plain", bits, gather_ours, 1);
    measure_loop(&k, "gather_joint", bits, gather_ours, BINS_FUSE_AUTO);
    loops_clear(&k);
    loops_init(&k, bits, &broad);
    measure_loop(&k, "scatter_wide_plain", bits, scatter_ours, 1);
    measure_loop(&k, "scatter_wide_joint", bits, scatter_ours, BINS_FUSE_AUTO);
    loops_clear(&k);
    for (const char *const *tier = pair_tier_list(); *tier; tier++) {
        must(pair_tier_use(*tier));
        snprintf(name, sizeof name, "scatter_%s", *tier);
        loops_init(&k, bits, &tenth);
        measure_loop(&k, name, bits, scatter_ours, 1);
        loops_clear(&k);
    }
    must(pair_tier_use(NULL));
}

/* ---- keys ---- */

struct keys {
    struct paillier_public pub;
    struct paillier_secret sec;
    struct blind *blind;
    struct rng g[BATCH];
    mpz_t m[BATCH], out[BATCH];
    uint64_t *numbers;
    mpz_t r, half;
};

static void keys_init(struct keys *k, uint32_t bits)
{
    struct rng g;

    memset(k, 0, sizeof *k);
    seeded(&g, "bench keys");
    must(paillier_keygen(&k->pub, &k->sec, bits, &g));
    k->numbers = calloc(BATCH, pair_words(&k->pub.pair) * sizeof *k->numbers);
    mpz_inits(k->r, k->half, NULL);
    for (int i = 0; i < BATCH; i++) {
        k->g[i] = g;
        k->g[i].block += (uint64_t)i << 32;
        mpz_inits(k->m[i], k->out[i], NULL);
        rng_below_mpz(&g, k->m[i], k->pub.n);
    }
}

static void keys_clear(struct keys *k)
{
    blind_free(k->blind);
    for (int i = 0; i < BATCH; i++)
        mpz_clears(k->m[i], k->out[i], NULL);
    mpz_clears(k->r, k->half, NULL);
    free(k->numbers);
    paillier_public_clear(&k->pub);
    paillier_secret_clear(&k->sec);
}

static void encrypt_ours(void *ctx)
{
    struct keys *k = ctx;

    blind_draw_many(k->blind, k->numbers, k->g, BATCH);
    paillier_encrypt_many(k->numbers, &k->pub, k->m, k->numbers, BATCH);
}

/* One r^N mod N^2 and nothing else. */
static void residue_plain(void *ctx)
{
    struct keys *k = ctx;

    rng_unit_mpz(&k->g[0], k->r, k->pub.n);
    mpz_powm(k->r, k->r, k->pub.n, k->pub.n2);
}

static void decrypt_ours(void *ctx)
{
    struct keys *k = ctx;

    paillier_decrypt_many(k->out, &k->pub, &k->sec, k->numbers, BATCH);
}

static void half_plain(struct keys *k, const mpz_t p, const mpz_t p2, const mpz_t p_minus_1, const mpz_t h)
{
    mpz_mod(k->half, k->r, p2);
    mpz_powm(k->half, k->half, p_minus_1, p2);
    mpz_sub_ui(k->half, k->half, 1);
    mpz_divexact(k->half, k->half, p);
    mpz_mul(k->half, k->half, h);
    mpz_mod(k->half, k->half, p);
}

static void decrypt_plain(void *ctx)
{
    struct keys *k = ctx;

    half_plain(k, k->sec.p, k->sec.p2, k->sec.p_minus_1, k->sec.hp);
    half_plain(k, k->sec.q, k->sec.q2, k->sec.q_minus_1, k->sec.hq);
}

static void bench_keys(uint32_t bits)
{
    struct keys k;
    struct rng g;
    char size[NAME_COLUMNS];

    if (!wanted("encrypt_own") && !wanted("encrypt_foreign") && !wanted("decrypt"))
        return;
    snprintf(size, sizeof size, "%u", bits);
    seeded(&g, "bench tables");
    keys_init(&k, bits);
    must(blind_new(&k.blind, &k.pub, UINT64_MAX, &g));
    measure(&(struct task){"encrypt_foreign", size, encrypt_ours, residue_plain, &k, BATCH, 1});
    blind_free(k.blind);
    must(blind_new_own(&k.blind, &k.pub, &k.sec, UINT64_MAX, &g));
    measure(&(struct task){"encrypt_own", size, encrypt_ours, residue_plain, &k, BATCH, 1});
    encrypt_ours(&k); /* something to decrypt */
    rng_unit_mpz(&k.g[0], k.r, k.pub.n2);
    measure(&(struct task){"decrypt", size, decrypt_ours, decrypt_plain, &k, BATCH, 1});
    keys_clear(&k);
}

/* ---- the face ---- */

static const char help[] =
    "usage: bench_kernels [--quick] [--bits N] [--only NAME]\n"
    "The arithmetic of a training, tier by tier, as tab-separated lines: name, size, unit, value, ratio to GMP.\n"
    "\n"
    "  --quick      a few seconds, small keys: shows that it runs, says nothing of speed\n"
    "  --bits N     Paillier keys of N bits only (512 to 4096, a multiple of 64); default 2048 and 3072\n"
    "  --only NAME  the lines whose name begins with NAME:\n"
    "               pair_multiply_TIER, pair_square_TIER, ifma_issue, pair_of_issue_rate, scatter_plain,\n"
    "               scatter_joint, scatter_wide_plain, scatter_wide_joint, scatter_TIER, gather_plain, gather_joint,\n"
    "               encrypt_foreign, encrypt_own, decrypt\n"
    "  --help       this\n";

int main(int argc, char **argv)
{
    uint32_t bits[2];
    int code, lengths = options_read(argc, argv, help, bits, &code);

    if (!lengths)
        return code;
    printf("name\tsize\tunit\tvalue\tratio\n");
    for (int i = 0; i < lengths; i++) {
        bench_products(bits[i]);
        bench_issue(bits[i]);
        bench_loops(bits[i]);
        bench_keys(bits[i]);
    }
    return options.printed ? 0 : usage_error("no line begins with the name that --only gives");
}
