/* Rates of a Paillier key: what the preparation is made of. */
#include "crypto/blind.h"
#include "crypto/keyproof.h"
#include "crypto/ring.h"
#include "node/local/calibrate_parts.h"
#include "protocol/bins.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 128, GRAIN = 32, /* ciphertexts at a time, as protocol/correlate.c takes them: drawn, and otherwise */
    ROWS = 6000, COLUMNS = 8, BINS = 16, GROUP_ROWS = 4, PIECE = 500,
};

struct bench {
    uint32_t bits;
    struct paillier_public pub;
    struct paillier_secret sec;
    struct blind *own, *foreign;
    mpz_t m[BATCH];
    uint64_t *numbers, *other; /* [PIECE], [BATCH] */
    uint8_t *bytes;            /* [BATCH] ciphertexts */
    struct dataset table;
    struct matrix matrix;
    struct gather *gather;
    uint64_t *entries, *sums;
    uint32_t keys; /* made so far */
    status state;
};

static void bench_clear(struct bench *b)
{
    for (size_t i = 0; i < BATCH; i++)
        bignum_clear(&b->m[i]);
    blind_free(b->own);
    blind_free(b->foreign);
    gather_free(b->gather);
    dataset_clear(&b->table);
    free(b->numbers);
    free(b->other);
    free(b->bytes);
    free(b->entries);
    free(b->sums);
    if (b->pub.bits) {
        paillier_public_clear(&b->pub);
        paillier_secret_clear(&b->sec);
    }
}

static void generators(struct rng g[BATCH])
{
    static const struct rng_key key = {.bytes = {2}};

    for (size_t i = 0; i < BATCH; i++)
        rng_init(&g[i], &key, &(struct rng_address){.purpose = "calibrate", .index = i});
}

/* ---- keys ---- */

/* How long one takes is a matter of luck, so several different ones are made. */
static status time_keys(struct rates_of_key *r, struct bench *b, int count)
{
    uint8_t *proof AUTO(auto_free) = NULL;
    const size_t len = keyproof_bytes(b->bits);
    const struct hash binding = {{0}};
    double began = gauge_cpu_s();

    TRY(alloc_zeroed(&proof, 1, len));
    for (int i = 0; i < count; i++) {
        static const struct rng_key seed = {.bytes = {3}};
        struct rng g AUTO(rng_clear);

        if (b->pub.bits) {
            paillier_public_clear(&b->pub);
            paillier_secret_clear(&b->sec);
        }
        rng_init(&g, &seed, &(struct rng_address){.purpose = "key", .index = (uint64_t)i});
        TRY(paillier_keygen(&b->pub, &b->sec, b->bits, &g));
        keyproof_make(proof, &b->pub, &b->sec, SUITE_INT1, &binding);
    }
    r->key = (gauge_cpu_s() - began) / count * 1e9;
    began = gauge_cpu_s();
    TRY(keyproof_check(&b->pub, proof, len, SUITE_INT1, &binding, NULL));
    r->key_check = (gauge_cpu_s() - began) * 1e9;
    return OK;
}

static status time_residues(struct rates_of_key *r, struct bench *b)
{
    struct rng g AUTO(rng_clear) = {0};
    double began = gauge_cpu_s();

    gauge_rng(&g, "residues");
    TRY(blind_new_own(&b->own, &b->pub, &b->sec, UINT32_MAX, &g));
    r->own_residue = (gauge_cpu_s() - began) / blind_table_residues(b->bits, 1, UINT32_MAX) * 1e9;
    began = gauge_cpu_s();
    TRY(blind_new(&b->foreign, &b->pub, UINT32_MAX, &g));
    r->foreign_residue = (gauge_cpu_s() - began) / blind_table_residues(b->bits, 0, UINT32_MAX) * 1e9;
    return OK;
}

/* ---- ciphertexts ---- */

static void encrypt_own(void *ctx)
{
    struct bench *b = ctx;
    struct rng g[BATCH];

    generators(g);
    blind_draw_many(b->own, b->numbers, g, BATCH);
    paillier_encrypt_many(b->numbers, &b->pub, b->m, b->numbers, BATCH);
    paillier_ciphers_write(b->bytes, &b->pub, b->numbers, BATCH);
}

static void hide(void *ctx)
{
    struct bench *b = ctx;
    const size_t words = pair_words(&b->pub.pair);
    uint64_t *out[BATCH];
    const uint64_t *fresh[BATCH];
    struct rng g[BATCH];

    generators(g);
    for (size_t i = 0; i < BATCH; i++) {
        rng_below_mpz(&g[i], b->m[i], b->pub.n);
        out[i] = b->numbers + i * words;
        fresh[i] = b->other + i * words;
    }
    blind_draw_many(b->foreign, b->other, g, BATCH);
    paillier_encrypt_many(b->other, &b->pub, b->m, b->other, BATCH);
    pair_multiply(&b->pub.pair, out, (const uint64_t *const *)out, fresh, BATCH);
    paillier_ciphers_write(b->bytes, &b->pub, b->numbers, BATCH);
}

static void import(void *ctx)
{
    struct bench *b = ctx;

    if (paillier_ciphers_read(b->numbers, &b->pub, b->bytes, GRAIN, NULL) != OK)
        b->state = STATUS_MALFORMED;
}

static void decrypt(void *ctx)
{
    struct bench *b = ctx;

    paillier_decrypt_many(b->m, &b->pub, &b->sec, b->numbers, GRAIN);
}

/* Slots go in by shifting and adding, and come out by shifting, all over the plaintext. */
static void slots(void *ctx)
{
    struct bench *b = ctx;
    BIGNUM(scratch);
    BIGNUM(sum);

    for (uint32_t i = 0; i < BATCH; i++) {
        mpz_fdiv_q_2exp(scratch, b->m[i], b->bits * i / BATCH);
        ring_to_mpz(scratch, ring_from_mpz(scratch));
        mpz_mul_2exp(scratch, scratch, b->bits * i / BATCH);
        mpz_add(sum, sum, scratch);
    }
}

/* ---- products ---- */

static void scatter(void *ctx)
{
    struct bench *b = ctx;
    struct scatter *s = NULL;

    if (scatter_new(&s, &b->pub.pair, &b->matrix, NULL, BINS_FUSE_AUTO) != OK) {
        b->state = STATUS_NO_MEMORY;
        return;
    }
    for (uint32_t row = 0; row < ROWS; row += PIECE)
        scatter_add(s, b->numbers, row, PIECE);
    scatter_sums(s, b->sums);
    scatter_free(s);
}

static void gather(void *ctx)
{
    struct bench *b = ctx;
    const uint32_t replies = ROWS / GROUP_ROWS;

    for (uint32_t i = 0; i < replies; i += BATCH)
        if (gather_replies(b->gather, b->numbers, i, replies - i < BATCH ? replies - i : BATCH) != OK)
            b->state = STATUS_NO_MEMORY;
}

/* Numbers of the first batch over and over: which they are does not matter, where they lie does. */
static void repeat(const struct bench *b, uint64_t *to, size_t count)
{
    const size_t words = pair_words(&b->pub.pair);

    for (size_t i = 0; i < count; i++)
        pair_copy(&b->pub.pair, to + i * words, b->other + i % BATCH * words);
}

static status time_products(struct rates_of_key *r, struct bench *b, const struct gauge *g, uint32_t lanes)
{
    const size_t words = pair_words(&b->pub.pair);
    struct bins_work work;

    TRY(gauge_table(&b->table, ROWS, COLUMNS, BINS));
    b->matrix = (struct matrix){.n = ROWS, .columns = COLUMNS, .width = COLUMNS * BINS, .bins = b->table.bins,
                                .codes = b->table.codes};
    bins_count(&work, &b->matrix, GROUP_ROWS, 0, b->bits, lanes);
    TRY(alloc_zeroed(&b->entries, (size_t)b->matrix.width * GROUP_ROWS * words, sizeof *b->entries));
    TRY(alloc_zeroed(&b->sums, b->matrix.width * words, sizeof *b->sums));
    repeat(b, b->entries, (size_t)b->matrix.width * GROUP_ROWS);
    repeat(b, b->numbers, PIECE);
    r->product = gauge_each(g, scatter, b, (double)work.scatter);
    TRY(gather_new(&b->gather, &b->pub.pair, &b->matrix, b->entries, GROUP_ROWS, NULL, BINS_FUSE_AUTO));
    r->chain = gauge_each(g, gather, b, (double)work.gather);
    return b->state;
}

status calibrate_key(struct rates_of_key *r, const struct gauge *g, uint32_t bits, uint32_t lanes)
{
    struct bench b AUTO(bench_clear) = {.bits = bits, .state = OK};
    struct rng rng AUTO(rng_clear) = {0};
    size_t words;

    for (size_t i = 0; i < BATCH; i++)
        mpz_init(b.m[i]);
    TRY(time_keys(r, &b, g->rounds > 1 ? 2 * g->rounds : 1));
    TRY(time_residues(r, &b));
    words = pair_words(&b.pub.pair);
    TRY(alloc_zeroed(&b.numbers, PIECE * words, sizeof *b.numbers));
    TRY(alloc_zeroed(&b.other, BATCH * words, sizeof *b.other));
    TRY(alloc_zeroed(&b.bytes, BATCH, paillier_cipher_bytes(bits)));
    gauge_rng(&rng, "plaintexts");
    for (size_t i = 0; i < BATCH; i++)
        rng_below_mpz(&rng, b.m[i], b.pub.n);
    r->own_encrypt = gauge_each(g, encrypt_own, &b, BATCH);
    r->import = gauge_each(g, import, &b, GRAIN);
    r->foreign_hide = gauge_each(g, hide, &b, BATCH);
    r->decrypt = gauge_each(g, decrypt, &b, GRAIN);
    r->slot = gauge_each(g, slots, &b, 2 * BATCH);
    return time_products(r, &b, g, lanes);
}
