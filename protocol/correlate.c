#include "protocol/correlate.h"

#include "crypto/blind.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    GRAIN = 32,                    /* ciphertexts that a thread takes at a time */
    DRAW_GRAIN = BIGNUM_BATCH_MAX, /* the same where randomisers are drawn: they share a pass over tables of megabytes */
    BLOCK_RECORDS = 8,             /* records made in one loop, so that there is enough for many threads */
    /* rough shares of the time, for the progress bar only */
    COST_ENCRYPT = 1, COST_REPLY = 3, COST_DECRYPT = 5, COST_OWN_RESIDUE = 2, COST_PEER_RESIDUE = 18,
};

/* What the phase carries along. */
struct work {
    struct correlation *c;
    struct session *ss;
    const struct matrix *own;
    size_t cipher_bytes, per_record;
    uint8_t *record;   /* up to BLOCK_RECORDS records of ciphertexts */
    uint64_t *numbers; /* the same as numbers of some key */
    struct hasher said[PARTIES_MAX]; /* what each party tells all alike */
    uint64_t done, total;
};

static void work_clear(struct work *w)
{
    free(w->record);
    free(w->numbers);
}

static void tick(struct work *w, uint64_t cost)
{
    w->done += cost;
    session_progress(w->ss, PHASE_PREPARE, 0, w->done, w->total);
}

static void tick_own_residue(void *work)
{
    tick(work, COST_OWN_RESIDUE);
}

static void tick_peer_residue(void *work)
{
    tick(work, COST_PEER_RESIDUE);
}

static status numbers_new(uint64_t **out, const struct paillier_public *key, size_t count)
{
    return alloc_zeroed(out, count * pair_words(&key->pair), sizeof **out);
}

static size_t record_items(const struct work *w, size_t count, size_t index)
{
    size_t left = count - index * w->per_record;

    return left < w->per_record ? left : w->per_record;
}

/* Items of the block that begins with a record. */
static size_t block_items(const struct work *w, size_t count, size_t index)
{
    size_t left = count - index * w->per_record, block = w->per_record * BLOCK_RECORDS;

    return left < block ? left : block;
}

/* Send the block of ciphertexts in w->record, which begins with record number first of its vector, to one peer or
 * (to == parties) to all, record by record. */
static status send_block(struct work *w, party to, enum message_kind kind, uint32_t group, size_t first, size_t items)
{
    struct session *ss = w->ss;

    for (size_t r = 0; r * w->per_record < items; r++) {
        const uint8_t *body = w->record + r * w->per_record * w->cipher_bytes;
        const size_t len = record_items(w, items, r) * w->cipher_bytes;

        if (to == ss->parties)
            hasher_add(&w->said[ss->self], body, len);
        for (party q = 0; q < ss->parties; q++)
            if (q != ss->self && (to == ss->parties || q == to))
                TRY(session_send_part(ss, q, kind, group, first + r, body, len));
    }
    return OK;
}

void correlation_clear(struct correlation *c)
{
    const size_t rows = (size_t)c->passes * c->plan.n;

    if (c->fore)
        sodium_memzero(c->fore, rows * sizeof(ring));
    if (c->pad_residual)
        sodium_memzero(c->pad_residual, rows * sizeof(ring));
    free(c->fore);
    free(c->pad_residual);
    for (party p = 0; p < PARTIES_MAX; p++) {
        const size_t len = (size_t)c->passes * c->block[p].width * sizeof(ring);

        if (c->block[p].pad_weight)
            sodium_memzero(c->block[p].pad_weight, len);
        if (c->block[p].back)
            sodium_memzero(c->block[p].back, len);
        free(c->block[p].pad_weight);
        free(c->block[p].back);
    }
    memset(c, 0, sizeof *c);
}

/* ---- pads of our own key [SPEC 4.1] ---- */

static status draw_pads(struct work *w)
{
    struct correlation *c = w->c;
    const struct contract *contract = w->ss->contract;
    const size_t n = c->plan.n;
    const uint32_t k = c->plan.k;

    TRY(alloc_zeroed(&c->fore, c->passes * n, sizeof(ring)));
    TRY(alloc_zeroed(&c->pad_residual, c->passes * n, sizeof(ring)));
    for (uint32_t t = 0; t < c->passes; t++) {
        struct rng g AUTO(rng_clear);

        session_pad_rng(w->ss, &g, "residual pad", w->ss->self, t + 1, 0);
        for (size_t i = 0; i < n; i++)
            c->pad_residual[t * n + i] = ring_random(&g, k);
    }
    for (party p = 0; p < w->ss->parties; p++) {
        const uint32_t width = c->block[p].width = contract_width(contract, p);

        TRY(alloc_zeroed(&c->block[p].back, (size_t)c->passes * width, sizeof(ring)));
        if (p == w->ss->self)
            continue;
        TRY(alloc_zeroed(&c->block[p].pad_weight, (size_t)c->passes * width, sizeof(ring)));
        for (uint32_t t = 1; t < c->passes; t++) { /* pass 1 starts from zero weights and needs no pad */
            struct rng g AUTO(rng_clear);

            session_pad_rng(w->ss, &g, "weight pad", p, t + 1, 0);
            for (uint32_t j = 0; j < width; j++)
                c->block[p].pad_weight[(size_t)t * width + j] = ring_random(&g, k);
        }
    }
    return OK;
}

/* m += value << bit, for slots filled from the lowest. */
static void put_slot(mpz_t m, mpz_t scratch, ring value, uint32_t bit)
{
    ring_to_mpz(scratch, value);
    mpz_mul_2exp(scratch, scratch, bit);
    mpz_add(m, m, scratch);
}

/* The residual pads of row i for the passes of one ciphertext group. */
static void pack_residuals(mpz_t m, mpz_t scratch, const struct correlation *c, uint32_t group, size_t i)
{
    const uint32_t first = group * c->plan.back_passes;

    mpz_set_ui(m, 0);
    for (uint32_t s = 0; s < c->plan.back_passes && first + s < c->passes; s++)
        put_slot(m, scratch, c->pad_residual[(size_t)(first + s) * c->plan.n + i], s * c->plan.back_width);
}

/* The weight pads of entry j toward data owner p, in the backward layout, for the ridge. */
static void pack_ridge(mpz_t m, mpz_t scratch, const struct correlation *c, party p, uint32_t group, size_t j)
{
    const uint32_t first = group * c->plan.back_passes;

    mpz_set_ui(m, 0);
    for (uint32_t s = 0; s < c->plan.back_passes && first + s < c->passes; s++)
        put_slot(m, scratch, c->block[p].pad_weight[(size_t)(first + s) * c->block[p].width + j], s * c->plan.back_width);
}

/* The weight pads of item (j, g): entry j at row offset g. */
static void pack_weights(mpz_t m, mpz_t scratch, const struct correlation *c, party p, uint32_t group, size_t item)
{
    const uint32_t tau = c->plan.fore[p].passes, rows = c->plan.fore[p].rows;
    const uint32_t first = 1 + group * tau;
    const uint32_t offset = (uint32_t)(item % rows) * tau;
    const size_t j = item / rows;

    mpz_set_ui(m, 0);
    for (uint32_t s = 0; s < tau && first + s < c->passes; s++)
        put_slot(m, scratch,
                 c->block[p].pad_weight[(size_t)(first + s) * c->block[p].width + j] & ring_mask(c->plan.fore_bits),
                 (offset + s) * c->plan.fore[p].width);
}

/* A block of a vector of encrypted pads. */
struct encryption {
    struct work *w;
    const struct blind *blind;
    enum message_kind kind;
    party p;
    uint32_t group;
    size_t first; /* item of the vector */
};

static void pack(mpz_t m, mpz_t scratch, const struct encryption *e, size_t item)
{
    switch (e->kind) {
    case MESSAGE_back_mask: pack_residuals(m, scratch, e->w->c, e->group, item); break;
    case MESSAGE_back_ridge: pack_ridge(m, scratch, e->w->c, e->p, e->group, item); break;
    case MESSAGE_fore_mask: pack_weights(m, scratch, e->w->c, e->p, e->group, item); break;
    default: assert(0);
    }
}

static void encrypt_piece(void *ctx, size_t first, size_t count)
{
    const struct encryption *e = ctx;
    const struct session *ss = e->w->ss;
    const size_t words = pair_words(&ss->paillier.pair);
    BIGNUM_BATCH(m);
    BIGNUM(scratch);

    for (size_t done = 0; done < count; done += DRAW_GRAIN) {
        const size_t items = count - done < DRAW_GRAIN ? count - done : DRAW_GRAIN, at = first + done;
        uint64_t *numbers = e->w->numbers + at * words;
        struct rng g[DRAW_GRAIN];

        for (size_t i = 0; i < items; i++) {
            pack(m.x[i], scratch, e, e->first + at + i);
            session_pad_rng(ss, &g[i], message_info(e->kind)->name, e->p, e->group, e->first + at + i);
        }
        blind_draw_many(e->blind, numbers, g, items);
        paillier_encrypt_many(numbers, &ss->paillier, m.x, numbers, items);
        paillier_ciphers_write(e->w->record + at * e->w->cipher_bytes, &ss->paillier, numbers, items);
        for (size_t i = 0; i < items; i++)
            rng_clear(&g[i]);
    }
}

/* Encrypt a vector under our key and send it, record by record, to one peer or (to == parties) to all. */
static status send_encrypted(struct work *w, const struct blind *blind, enum message_kind kind, party to, party p,
                             uint32_t group, size_t count)
{
    const struct session *ss = w->ss;
    const size_t records = vector_records(w->cipher_bytes, count);
    struct encryption e = {w, blind, kind, p, group, 0};

    for (size_t r = 0; r < records; r += BLOCK_RECORDS) {
        const size_t items = block_items(w, count, r);

        e.first = r * w->per_record;
        parallel_for(&ss->parallel, items, DRAW_GRAIN, encrypt_piece, &e);
        tick(w, items * COST_ENCRYPT);
        TRY(send_block(w, to, kind, group, r, items));
    }
    return OK;
}

uint64_t correlate_encryptions(const struct contract *c, const struct plan *plan, party self)
{
    uint64_t count = (uint64_t)plan->n * plan->back_groups;

    for (party p = 0; p < c->parties; p++)
        if (p != self)
            count += (uint64_t)contract_width(c, p) *
                     ((uint64_t)plan->fore[p].rows * plan->fore[p].groups + plan->back_groups);
    return count;
}

uint64_t correlate_replies(const struct contract *c, const struct plan *plan, party p)
{
    return (uint64_t)plan->fore[p].groups * plan->fore[p].replies + (uint64_t)plan->back_groups * contract_width(c, p);
}

/* [SPEC 4.2] step 1: everything that our key encrypts. */
static status send_masks(struct work *w)
{
    struct session *ss = w->ss;
    const struct plan *plan = &w->c->plan;
    const struct blind_watch watch = {w, tick_own_residue};
    struct blind *blind = NULL;
    struct rng g AUTO(rng_clear);
    status result;

    session_pad_rng(ss, &g, "own residues", ss->self, 0, 0);
    TRY(blind_build(&blind, &ss->paillier, &ss->paillier_secret, correlate_encryptions(ss->contract, plan, ss->self), &g,
                    &watch, &ss->parallel));
    result = OK;
    for (uint32_t b = 0; b < plan->back_groups && result == OK; b++)
        result = send_encrypted(w, blind, MESSAGE_back_mask, ss->parties, ss->self, b, plan->n);
    for (party p = 0; p < ss->parties; p++) {
        if (p == ss->self)
            continue;
        for (uint32_t b = 0; b < plan->fore[p].groups && result == OK; b++)
            result = send_encrypted(w, blind, MESSAGE_fore_mask, p, p, b, (size_t)w->c->block[p].width * plan->fore[p].rows);
        for (uint32_t b = 0; b < plan->back_groups && result == OK; b++)
            result = send_encrypted(w, blind, MESSAGE_back_ridge, p, p, b, w->c->block[p].width);
    }
    blind_free(blind);
    return result;
}

/* ---- what we do with a peer's masks [SPEC 4.3] ---- */

/* A record of ciphertexts on its way in, every one checked. */
struct reading {
    struct work *w;
    const struct paillier_public *key;
    uint64_t *out;
    atomic_size_t bad; /* index of a ciphertext that is none; SIZE_MAX when all are */
};

static void read_piece(void *ctx, size_t first, size_t count)
{
    struct reading *r = ctx;
    size_t bad, known;

    if (paillier_ciphers_read(r->out + first * pair_words(&r->key->pair), r->key, r->w->record + first * r->w->cipher_bytes,
                              count, &bad) == OK)
        return;
    known = atomic_load(&r->bad);
    while (first + bad < known && !atomic_compare_exchange_weak(&r->bad, &known, first + bad))
        ;
}

static status recv_ciphers(struct work *w, const struct paillier_public *key, party from, enum message_kind kind,
                           uint32_t group, size_t record, size_t items, uint64_t *out)
{
    struct reading r = {.w = w, .key = key, .out = out};

    TRY(session_recv_part(w->ss, from, kind, group, record, w->record, items * w->cipher_bytes));
    atomic_init(&r.bad, SIZE_MAX);
    parallel_for(&w->ss->parallel, items, GRAIN, read_piece, &r);
    if (atomic_load(&r.bad) != SIZE_MAX)
        return session_blame(w->ss, from, STATUS_MALFORMED, "%s sent %s with a ciphertext (%zu) that is not a unit below N^2",
                             w->ss->contract->party[from].name, message_info(kind)->name, atomic_load(&r.bad));
    return OK;
}

static status recv_cipher_vector(struct work *w, party from, enum message_kind kind, uint32_t group, uint64_t *out, size_t count)
{
    const struct paillier_public *key = &w->ss->peer[from].key;
    const size_t records = vector_records(w->cipher_bytes, count);

    for (size_t r = 0; r < records; r++)
        TRY(recv_ciphers(w, key, from, kind, group, r, record_items(w, count, r),
                         out + r * w->per_record * pair_words(&key->pair)));
    return OK;
}

/* Slot s of x, mod 2^k. */
static ring slot_of(mpz_t scratch, const mpz_t x, uint32_t bit, uint32_t k)
{
    mpz_fdiv_q_2exp(scratch, x, bit);
    return ring_from_mpz(scratch) & ring_mask(k);
}

/* Answers to one peer. */
struct answer {
    struct work *w;
    const struct blind *blind;
    party q;
    const char *purpose;
    uint32_t group;
    size_t first;                /* reply */
    const struct gather *gather; /* forward only */
    atomic_int failed;
};

/* Hide products: masks uniform in Z_N, fresh uniform N-th residues; both bound to everything received from q (rules 1, 2
 * and 5a).  masks keeps the r. */
static void hide(const struct answer *a, uint64_t *replies, struct bignum_batch *masks, size_t first, size_t count)
{
    const struct paillier_public *key = &a->w->ss->peer[a->q].key;
    const size_t words = pair_words(&key->pair);
    uint64_t fresh[DRAW_GRAIN * PAIR_WORDS_MAX], *reply[DRAW_GRAIN];
    const uint64_t *factor[DRAW_GRAIN];
    struct rng g[DRAW_GRAIN];

    for (size_t i = 0; i < count; i++) {
        session_reply_rng(a->w->ss, &g[i], a->purpose, a->q, a->group, first + i);
        rng_below_mpz(&g[i], masks->x[i], key->n);
        reply[i] = replies + i * words;
        factor[i] = fresh + i * words;
    }
    blind_draw_many(a->blind, fresh, g, count);
    paillier_encrypt_many(fresh, key, masks->x, fresh, count);
    pair_multiply(&key->pair, reply, (const uint64_t *const *)reply, factor, count);
    for (size_t i = 0; i < count; i++)
        rng_clear(&g[i]);
    sodium_memzero(fresh, count * words * sizeof *fresh);
}

/* Our share of the forward products toward q: minus the mask, slot by slot. */
static void keep_forward(struct work *w, const mpz_t mask, uint32_t group, uint32_t reply)
{
    struct correlation *c = w->c;
    const struct plan *plan = &c->plan;
    const party self = w->ss->self;
    const uint32_t tau = plan->fore[self].passes, rows = plan->fore[self].rows, first = 1 + group * tau;
    BIGNUM(scratch);

    for (uint32_t g = 0; g < rows && reply * rows + g < plan->n; g++)
        for (uint32_t s = 0; s < tau && first + s < c->passes; s++) {
            ring *share = &c->fore[(size_t)(first + s) * plan->n + reply * rows + g];

            *share = (*share - slot_of(scratch, mask, (g * tau + s) * plan->fore[self].width, plan->fore_bits)) &
                     ring_mask(plan->fore_bits);
        }
}

/* Our share of the backward sums toward q: minus the mask, slot by slot. */
static void keep_backward(struct work *w, const mpz_t mask, uint32_t group, uint32_t a)
{
    struct correlation *c = w->c;
    const struct plan *plan = &c->plan;
    const uint32_t first = group * plan->back_passes;
    BIGNUM(scratch);

    for (uint32_t s = 0; s < plan->back_passes && first + s < c->passes; s++) {
        ring *share = &c->block[w->ss->self].back[(size_t)(first + s) * w->own->width + a];

        *share = (*share - slot_of(scratch, mask, s * plan->back_width, plan->k)) & ring_mask(plan->k);
    }
}

/* Replies first + [first, first + count): gathered here (forward), or already in w->numbers (backward). */
static void reply_piece(void *ctx, size_t first, size_t count)
{
    struct answer *a = ctx;
    const struct paillier_public *key = &a->w->ss->peer[a->q].key;
    const size_t words = pair_words(&key->pair);
    BIGNUM_BATCH(masks);

    for (size_t done = 0; done < count; done += DRAW_GRAIN) {
        const size_t items = count - done < DRAW_GRAIN ? count - done : DRAW_GRAIN, at = first + done;
        uint64_t *replies = a->w->numbers + at * words;

        if (a->gather && gather_replies(a->gather, replies, (uint32_t)(a->first + at), items) != OK) {
            atomic_store(&a->failed, 1);
            return;
        }
        hide(a, replies, &masks, a->first + at, items);
        for (size_t i = 0; i < items; i++)
            (a->gather ? keep_forward : keep_backward)(a->w, masks.x[i], a->group, (uint32_t)(a->first + at + i));
        paillier_ciphers_write(a->w->record + at * a->w->cipher_bytes, key, replies, items);
    }
}

static status reply_forward(struct work *w, const struct blind *blind, party q, uint32_t group, const uint64_t *entries)
{
    struct session *ss = w->ss;
    const uint32_t rows = w->c->plan.fore[ss->self].rows, replies = w->c->plan.fore[ss->self].replies;
    const size_t records = vector_records(w->cipher_bytes, replies);
    struct answer a = {.w = w, .blind = blind, .q = q, .purpose = "forward reply", .group = group};
    struct gather *gather = NULL;
    status result = gather_new(&gather, &ss->peer[q].key.pair, w->own, entries, rows, &ss->parallel, BINS_FUSE_AUTO);

    a.gather = gather;
    for (size_t r = 0; r < records && result == OK; r += BLOCK_RECORDS) {
        const size_t items = block_items(w, replies, r);

        a.first = r * w->per_record;
        parallel_for(&ss->parallel, items, DRAW_GRAIN, reply_piece, &a);
        tick(w, items * COST_REPLY);
        result = atomic_load(&a.failed) ? STATUS_NO_MEMORY : send_block(w, q, MESSAGE_fore_reply, group, r, items);
    }
    gather_free(gather);
    return result;
}

static status reply_backward(struct work *w, const struct blind *blind, party q, uint32_t group, uint64_t *sums,
                             const uint64_t *ridge)
{
    struct session *ss = w->ss;
    const struct paillier_public *key = &ss->peer[q].key;
    const uint32_t width = w->own->width;
    const size_t records = vector_records(w->cipher_bytes, width), words = pair_words(&key->pair);
    struct answer a = {.w = w, .blind = blind, .q = q, .purpose = "backward reply", .group = group};
    uint64_t *out AUTO(auto_free) = NULL;
    status result;

    TRY(numbers_new(&out, key, width));
    result = bins_precondition(out, &key->pair, sums, ridge, w->c->plan.ridge, w->own, &ss->parallel);
    if (result == STATUS_MALFORMED)
        return session_blame(ss, q, STATUS_MALFORMED, "the masks of %s multiply to a number without inverse",
                             ss->contract->party[q].name);
    for (size_t r = 0; r < records && result == OK; r += BLOCK_RECORDS) {
        const size_t items = block_items(w, width, r);

        a.first = r * w->per_record;
        memcpy(w->numbers, out + a.first * words, items * words * sizeof *out);
        parallel_for(&ss->parallel, items, DRAW_GRAIN, reply_piece, &a);
        tick(w, items * COST_REPLY);
        result = send_block(w, q, MESSAGE_back_reply, group, r, items);
    }
    return result;
}

/* What we hold of one peer's masks while we answer it: numbers of its key. */
struct request {
    uint64_t *fore, *ridge, *sums;
};

static void request_clear(struct request *r)
{
    free(r->fore);
    free(r->ridge);
    free(r->sums);
}

/* One group of encrypted residuals, added into bins as it arrives. */
static status recv_residuals(struct work *w, uint64_t *sums, party q, uint32_t group)
{
    struct session *ss = w->ss;
    const struct paillier_public *key = &ss->peer[q].key;
    const size_t records = vector_records(w->cipher_bytes, w->c->plan.n);
    struct scatter *scatter = NULL;
    status result = scatter_new(&scatter, &key->pair, w->own, &ss->parallel, BINS_FUSE_AUTO);

    for (size_t r = 0; r < records && result == OK; r++) {
        const size_t items = record_items(w, w->c->plan.n, r);

        result = recv_ciphers(w, key, q, MESSAGE_back_mask, group, r, items, w->numbers);
        if (result != OK)
            break;
        hasher_add(&w->said[q], w->record, items * w->cipher_bytes);
        scatter_add(scatter, w->numbers, (uint32_t)(r * w->per_record), items);
    }
    if (result == OK)
        scatter_sums(scatter, sums);
    scatter_free(scatter);
    return result;
}

/* The whole request first: replies are bound to it. */
static status recv_request(struct work *w, struct request *req, party q)
{
    struct session *ss = w->ss;
    const struct paillier_public *key = &ss->peer[q].key;
    const struct plan *plan = &w->c->plan;
    const size_t width = w->own->width, items = width * plan->fore[ss->self].rows, words = pair_words(&key->pair);

    TRY(numbers_new(&req->fore, key, plan->fore[ss->self].groups * items));
    TRY(numbers_new(&req->ridge, key, plan->back_groups * width));
    TRY(numbers_new(&req->sums, key, plan->back_groups * width));
    for (uint32_t b = 0; b < plan->back_groups; b++)
        TRY(recv_residuals(w, req->sums + b * width * words, q, b));
    for (uint32_t b = 0; b < plan->fore[ss->self].groups; b++)
        TRY(recv_cipher_vector(w, q, MESSAGE_fore_mask, b, req->fore + b * items * words, items));
    for (uint32_t b = 0; b < plan->back_groups; b++)
        TRY(recv_cipher_vector(w, q, MESSAGE_back_ridge, b, req->ridge + b * width * words, width));
    return OK;
}

/* [SPEC 4.2] step 2: answer one peer. */
static status answer(struct work *w, party q)
{
    struct session *ss = w->ss;
    const struct paillier_public *key = &ss->peer[q].key;
    const struct plan *plan = &w->c->plan;
    const size_t width = w->own->width, items = width * plan->fore[ss->self].rows, words = pair_words(&key->pair);
    const struct blind_watch watch = {w, tick_peer_residue};
    struct request req AUTO(request_clear) = {0};
    struct blind *blind = NULL;
    struct rng g AUTO(rng_clear);
    status result;

    TRY(recv_request(w, &req, q));
    session_pad_rng(ss, &g, "peer residues", q, 0, 0);
    TRY(blind_build(&blind, key, NULL, correlate_replies(ss->contract, plan, ss->self), &g, &watch, &ss->parallel));
    result = OK;
    for (uint32_t b = 0; b < plan->fore[ss->self].groups && result == OK; b++)
        result = reply_forward(w, blind, q, b, req.fore + b * items * words);
    for (uint32_t b = 0; b < plan->back_groups && result == OK; b++)
        result = reply_backward(w, blind, q, b, req.sums + b * width * words, req.ridge + b * width * words);
    blind_free(blind);
    return result;
}

/* ---- replies to our masks [SPEC 4.2] step 3 ---- */

static void open_forward(struct work *w, party p, uint32_t group, uint32_t reply, const mpz_t y)
{
    struct correlation *c = w->c;
    const struct plan *plan = &c->plan;
    const uint32_t tau = plan->fore[p].passes, rows = plan->fore[p].rows, first = 1 + group * tau;
    BIGNUM(scratch);

    for (uint32_t g = 0; g < rows && reply * rows + g < plan->n; g++)
        for (uint32_t s = 0; s < tau && first + s < c->passes; s++) {
            ring *share = &c->fore[(size_t)(first + s) * plan->n + reply * rows + g];

            *share = (*share + slot_of(scratch, y, (g * tau + s) * plan->fore[p].width, plan->fore_bits)) &
                     ring_mask(plan->fore_bits);
        }
}

static void open_backward(struct work *w, party p, uint32_t group, uint32_t a, const mpz_t y)
{
    struct correlation *c = w->c;
    const struct plan *plan = &c->plan;
    const uint32_t first = group * plan->back_passes;
    BIGNUM(scratch);

    for (uint32_t s = 0; s < plan->back_passes && first + s < c->passes; s++)
        c->block[p].back[(size_t)(first + s) * c->block[p].width + a] = slot_of(scratch, y, s * plan->back_width, plan->k);
}

struct opening {
    struct work *w;
    party p;
    enum message_kind kind;
    uint32_t group;
    size_t first; /* reply */
};

static void open_piece(void *ctx, size_t first, size_t count)
{
    const struct opening *o = ctx;
    const struct session *ss = o->w->ss;
    const size_t words = pair_words(&ss->paillier.pair);
    BIGNUM_BATCH(y);

    for (size_t done = 0; done < count; done += GRAIN) {
        const size_t items = count - done < GRAIN ? count - done : GRAIN, at = first + done;

        paillier_decrypt_many(y.x, &ss->paillier, &ss->paillier_secret, o->w->numbers + at * words, items);
        for (size_t i = 0; i < items; i++)
            (o->kind == MESSAGE_fore_reply ? open_forward : open_backward)(o->w, o->p, o->group,
                                                                            (uint32_t)(o->first + at + i), y.x[i]);
    }
}

static status open_replies(struct work *w, party p, enum message_kind kind, uint32_t group, size_t count)
{
    const struct session *ss = w->ss;
    const size_t records = vector_records(w->cipher_bytes, count);
    struct opening o = {w, p, kind, group, 0};

    for (size_t r = 0; r < records; r++) {
        const size_t items = record_items(w, count, r);

        TRY(recv_ciphers(w, &ss->paillier, p, kind, group, r, items, w->numbers));
        o.first = r * w->per_record;
        parallel_for(&ss->parallel, items, GRAIN, open_piece, &o);
        tick(w, items * COST_DECRYPT);
    }
    return OK;
}

static void count_work(struct work *w)
{
    const struct session *ss = w->ss;
    const uint32_t bits = ss->contract->key_bits;
    const struct plan *plan = &w->c->plan;
    const uint64_t own = correlate_encryptions(ss->contract, plan, ss->self);
    const uint64_t replies = correlate_replies(ss->contract, plan, ss->self);

    w->total = own * COST_ENCRYPT + blind_table_residues(bits, 1, own) * COST_OWN_RESIDUE;
    for (party p = 0; p < ss->parties; p++)
        if (p != ss->self)
            w->total += replies * COST_REPLY + blind_table_residues(bits, 0, replies) * COST_PEER_RESIDUE +
                        correlate_replies(ss->contract, plan, p) * COST_DECRYPT;
}

/* [SPEC 4.5.4] What each told all alike goes into the running hash of openings. */
static void absorb_said(struct work *w)
{
    struct session *ss = w->ss;

    for (party p = 0; p < ss->parties; p++) {
        struct hash of;
        struct hasher h;

        hasher_final(&w->said[p], &of);
        hasher_init(&h, ss->contract->suite, "hefu/said to all/v1");
        hasher_add_hash(&h, &ss->openings);
        hasher_add_hash(&h, &of);
        hasher_final(&h, &ss->openings);
    }
}

status correlate_run(struct correlation *c, struct session *ss, const struct matrix *own)
{
    struct work w AUTO(work_clear) = {.c = c, .ss = ss, .own = own};

    memset(c, 0, sizeof *c);
    TRY(plan_make(&c->plan, ss->contract, ss->population.train, &ss->fault));
    c->passes = ss->contract->passes;
    w.cipher_bytes = item_cipher(ss->contract->key_bits);
    w.per_record = vector_items_per_record(w.cipher_bytes);
    TRY(alloc_zeroed(&w.record, BLOCK_RECORDS * w.per_record, w.cipher_bytes));
    TRY(numbers_new(&w.numbers, &ss->paillier, BLOCK_RECORDS * w.per_record));
    for (party p = 0; p < ss->parties; p++)
        hasher_init(&w.said[p], ss->contract->suite, "hefu/back mask/v1");
    count_work(&w);
    TRY(draw_pads(&w));
    TRY(send_masks(&w));
    for (party q = 0; q < ss->parties; q++)
        if (q != ss->self)
            TRY(answer(&w, q));
    for (party p = 0; p < ss->parties; p++) {
        if (p == ss->self)
            continue;
        for (uint32_t b = 0; b < c->plan.fore[p].groups; b++)
            TRY(open_replies(&w, p, MESSAGE_fore_reply, b, c->plan.fore[p].replies));
        for (uint32_t b = 0; b < c->plan.back_groups; b++)
            TRY(open_replies(&w, p, MESSAGE_back_reply, b, c->block[p].width));
    }
    absorb_said(&w);
    return OK;
}
