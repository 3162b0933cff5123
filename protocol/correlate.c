#include "protocol/correlate.h"

#include "crypto/blind.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 4,               /* bits of an exponent digit in correlate_precondition */
    WINDOWS = 5,              /* |M| < 2^20 */
    DIGITS = (1 << WINDOW) - 1,
    COST_ENCRYPT = 1, COST_REPLY = 4, COST_DECRYPT = 2, /* rough shares of the time, for the progress bar only */
};

/* What the phase carries along. */
struct work {
    struct correlation *c;
    struct session *ss;
    const struct matrix *own;
    size_t cipher_bytes, per_record;
    uint8_t *record; /* one record of ciphertexts */
    mpz_t *batch;    /* its numbers */
    uint64_t done, total;
};

static void work_clear(struct work *w)
{
    free(w->record);
    bignum_array_free(w->batch, w->per_record);
}

static void tick(struct work *w, uint32_t cost)
{
    w->done += cost;
    session_progress(w->ss, PHASE_PREPARE, 0, w->done, w->total);
}

static void tick_own_residue(void *work)
{
    tick(work, COST_ENCRYPT);
}

static void tick_peer_residue(void *work)
{
    tick(work, COST_REPLY);
}

static size_t record_items(const struct work *w, size_t count, size_t index)
{
    size_t left = count - index * w->per_record;

    return left < w->per_record ? left : w->per_record;
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
        put_slot(m, scratch, c->block[p].pad_weight[(size_t)(first + s) * c->block[p].width + j],
                 (offset + s) * c->plan.fore[p].width);
}

/* Encrypt a vector under our key and send it, record by record, to one peer or (to == parties) to all. */
static status send_encrypted(struct work *w, const struct blind *blind, enum message_kind kind, party to, party p,
                             uint32_t group, size_t count)
{
    const struct session *ss = w->ss;
    const size_t records = vector_records(w->cipher_bytes, count);
    BIGNUM(m);
    BIGNUM(residue);

    for (size_t r = 0; r < records; r++) {
        const size_t items = record_items(w, count, r);

        for (size_t i = 0; i < items; i++) {
            const size_t item = r * w->per_record + i;
            struct rng g AUTO(rng_clear);

            switch (kind) {
            case MESSAGE_back_mask: pack_residuals(m, residue, w->c, group, item); break;
            case MESSAGE_back_ridge: pack_ridge(m, residue, w->c, p, group, item); break;
            case MESSAGE_fore_mask: pack_weights(m, residue, w->c, p, group, item); break;
            default: assert(0);
            }
            session_pad_rng(ss, &g, message_info(kind)->name, p, group, item);
            blind_draw(blind, residue, &g);
            paillier_encrypt_with(w->batch[i], &ss->paillier, m, residue);
            tick(w, COST_ENCRYPT);
        }
        paillier_ciphers_put(w->record, &ss->paillier, w->batch, items);
        for (party q = 0; q < ss->parties; q++)
            if (q != ss->self && (to == ss->parties || q == to))
                TRY(session_send_part(w->ss, q, kind, group, r, w->record, items * w->cipher_bytes));
    }
    return OK;
}

/* Ciphertexts that our key encrypts: the residual pads, and the weight pads toward every other party. */
static uint64_t own_encryptions(const struct work *w)
{
    const struct plan *plan = &w->c->plan;
    uint64_t count = (uint64_t)plan->n * plan->back_groups;

    for (party p = 0; p < w->ss->parties; p++)
        if (p != w->ss->self)
            count += (uint64_t)contract_width(w->ss->contract, p) *
                     ((uint64_t)plan->fore[p].rows * plan->fore[p].groups + plan->back_groups);
    return count;
}

/* Replies that data owner p sends to each key owner. */
static uint64_t replies_of(const struct work *w, party p)
{
    const struct plan *plan = &w->c->plan;

    return (uint64_t)plan->fore[p].groups * plan->fore[p].replies +
           (uint64_t)plan->back_groups * contract_width(w->ss->contract, p);
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
    TRY(blind_new_watched(&blind, &ss->paillier, &ss->paillier_secret, own_encryptions(w), &g, &watch));
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

/* Receive one record of ciphertexts of key into w->batch; every one is checked. */
static status recv_ciphers(struct work *w, const struct paillier_public *key, party from, enum message_kind kind,
                           uint32_t group, size_t record, size_t items, mpz_t *out)
{
    size_t bad = 0;

    TRY(session_recv_part(w->ss, from, kind, group, record, w->record, items * w->cipher_bytes));
    if (paillier_ciphers_get(out, key, w->record, items, &bad) != OK)
        return session_blame(w->ss, from, STATUS_MALFORMED, "%s sent %s with a ciphertext (%zu) that is not a unit below N^2",
                             w->ss->contract->party[from].name, message_info(kind)->name, bad);
    return OK;
}

static status recv_cipher_vector(struct work *w, party from, enum message_kind kind, uint32_t group, mpz_t *out, size_t count)
{
    const size_t records = vector_records(w->cipher_bytes, count);

    for (size_t r = 0; r < records; r++)
        TRY(recv_ciphers(w, &w->ss->peer[from].key, from, kind, group, r, record_items(w, count, r), out + r * w->per_record));
    return OK;
}

void correlate_gather(mpz_t reply, const struct paillier_public *key, mpz_t *const masks, uint32_t group_rows,
                      const struct matrix *own, uint32_t first_row)
{
    mpz_set_ui(reply, 1);
    for (uint32_t g = 0; g < group_rows && first_row + g < own->n; g++) {
        const uint8_t *codes = own->codes + (size_t)(first_row + g) * own->columns;
        size_t offset = 0;

        for (uint16_t c = 0; c < own->columns; c++) {
            paillier_add(reply, key, reply, masks[(offset + codes[c]) * group_rows + g]);
            offset += own->bins[c];
        }
    }
}

void correlate_scatter(mpz_t *sums, const struct paillier_public *key, const mpz_t c, const struct matrix *own, uint32_t row)
{
    const uint8_t *codes = own->codes + (size_t)row * own->columns;
    size_t offset = 0;

    for (uint16_t col = 0; col < own->columns; col++) {
        paillier_add(sums[offset + codes[col]], key, sums[offset + codes[col]], c);
        offset += own->bins[col];
    }
}

/* inverse[i] = x[i]^-1 mod m, one inversion for all; every x[i] must be a unit. */
static status invert_all(mpz_t *inverse, mpz_t *const x, size_t count, const mpz_t m)
{
    BIGNUM(running);

    mpz_set_ui(running, 1);
    for (size_t i = 0; i < count; i++) {
        mpz_set(inverse[i], running);
        mpz_mul(running, running, x[i]);
        mpz_mod(running, running, m);
    }
    if (!mpz_invert(running, running, m))
        return STATUS_MALFORMED;
    for (size_t i = count; i-- > 0;) {
        mpz_mul(inverse[i], inverse[i], running);
        mpz_mod(inverse[i], inverse[i], m);
        mpz_mul(running, running, x[i]);
        mpz_mod(running, running, m);
    }
    return OK;
}

/* powers[j * DIGITS + d - 1] = base[j]^d for d = 1..DIGITS */
static status digit_powers(mpz_t **powers, const struct paillier_public *key, mpz_t *const base, size_t count)
{
    TRY(bignum_array_new(powers, count * DIGITS));
    for (size_t j = 0; j < count; j++) {
        mpz_t *row = *powers + j * DIGITS;

        mpz_set(row[0], base[j]);
        for (size_t d = 1; d < DIGITS; d++)
            paillier_add(row[d], key, row[d - 1], base[j]);
    }
    return OK;
}

/* One row of M: simultaneous exponentiation by 4-bit digits, shared squarings. */
static void multiply_row(mpz_t out, const struct paillier_public *key, mpz_t *const plus, mpz_t *const minus,
                         const int32_t *m, size_t width)
{
    mpz_set_ui(out, 1);
    for (int window = WINDOWS - 1; window >= 0; window--) {
        for (int s = 0; s < WINDOW && window < WINDOWS - 1; s++)
            paillier_add(out, key, out, out);
        for (size_t j = 0; j < width; j++) {
            const uint32_t magnitude = m[j] < 0 ? (uint32_t)-m[j] : (uint32_t)m[j];
            const uint32_t digit = (magnitude >> (WINDOW * window)) & DIGITS;

            if (digit)
                paillier_add(out, key, out, (m[j] < 0 ? minus : plus)[j * DIGITS + digit - 1]);
        }
    }
}

status correlate_precondition(mpz_t *out, const struct paillier_public *key, mpz_t *sums, mpz_t *const ridge,
                              uint64_t lam, const struct matrix *own)
{
    mpz_t *inverse = NULL, *plus = NULL, *minus = NULL;
    BIGNUM(exponent);
    BIGNUM(power);
    status result = OK;

    mpz_set_ui(exponent, lam);
    for (uint32_t j = 0; j < own->width; j++) {
        paillier_scale_var(power, key, ridge[j], exponent);
        paillier_add(sums[j], key, sums[j], power);
    }
    if (own->diagonal) {
        for (uint32_t j = 0; j < own->width; j++) {
            mpz_set_si(exponent, own->precondition[j]);
            paillier_scale_var(out[j], key, sums[j], exponent);
        }
        return OK;
    }
    result = bignum_array_new(&inverse, own->width);
    if (result == OK)
        result = invert_all(inverse, sums, own->width, key->n2);
    if (result == OK)
        result = digit_powers(&plus, key, sums, own->width);
    if (result == OK)
        result = digit_powers(&minus, key, inverse, own->width);
    for (uint32_t a = 0; a < own->width && result == OK; a++)
        multiply_row(out[a], key, plus, minus, own->precondition + (size_t)a * own->width, own->width);
    bignum_array_free(inverse, own->width);
    bignum_array_free(plus, (size_t)own->width * DIGITS);
    bignum_array_free(minus, (size_t)own->width * DIGITS);
    return result;
}

/* Slot s of x, mod 2^k. */
static ring slot_of(mpz_t scratch, const mpz_t x, uint32_t bit, uint32_t k)
{
    mpz_fdiv_q_2exp(scratch, x, bit);
    return ring_from_mpz(scratch) & ring_mask(k);
}

/* Hide a product: mask uniform in Z_N, fresh uniform N-th residue; both bound to everything received from q (rules 1,
 * 2 and 5a).  mask keeps r. */
static void hide(struct work *w, mpz_t reply, mpz_t mask, const struct blind *blind, party q, const char *purpose,
                 uint32_t group, size_t index)
{
    const struct paillier_public *key = &w->ss->peer[q].key;
    struct rng g AUTO(rng_clear);
    BIGNUM(fresh);

    session_reply_rng(w->ss, &g, purpose, q, group, index);
    rng_below_mpz(&g, mask, key->n);
    blind_draw(blind, fresh, &g);
    paillier_encrypt_with(fresh, key, mask, fresh);
    paillier_add(reply, key, reply, fresh);
    tick(w, COST_REPLY);
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

            *share = (*share - slot_of(scratch, mask, (g * tau + s) * plan->fore[self].width, plan->k)) & ring_mask(plan->k);
        }
}

static status reply_forward(struct work *w, const struct blind *blind, party q, uint32_t group, mpz_t *const masks)
{
    struct session *ss = w->ss;
    const struct plan *plan = &w->c->plan;
    const uint32_t rows = plan->fore[ss->self].rows, replies = plan->fore[ss->self].replies;
    const size_t records = vector_records(w->cipher_bytes, replies);
    BIGNUM(mask);

    for (size_t r = 0; r < records; r++) {
        const size_t items = record_items(w, replies, r);

        for (size_t i = 0; i < items; i++) {
            const uint32_t reply = (uint32_t)(r * w->per_record + i);

            correlate_gather(w->batch[i], &ss->peer[q].key, masks, rows, w->own, reply * rows);
            hide(w, w->batch[i], mask, blind, q, "forward reply", group, reply);
            keep_forward(w, mask, group, reply);
        }
        paillier_ciphers_put(w->record, &ss->peer[q].key, w->batch, items);
        TRY(session_send_part(ss, q, MESSAGE_fore_reply, group, r, w->record, items * w->cipher_bytes));
    }
    return OK;
}

static status reply_backward(struct work *w, const struct blind *blind, party q, uint32_t group, mpz_t *sums, mpz_t *const ridge)
{
    struct session *ss = w->ss;
    struct correlation *c = w->c;
    const struct plan *plan = &c->plan;
    const uint32_t width = w->own->width, first = group * plan->back_passes;
    const size_t records = vector_records(w->cipher_bytes, width);
    mpz_t *out = NULL;
    status result = bignum_array_new(&out, width);
    BIGNUM(mask);
    BIGNUM(scratch);

    if (result == OK && correlate_precondition(out, &ss->peer[q].key, sums, ridge, plan->ridge, w->own) != OK)
        result = session_blame(ss, q, STATUS_MALFORMED, "the masks of %s multiply to a number without inverse",
                               ss->contract->party[q].name);
    for (uint32_t a = 0; a < width && result == OK; a++) {
        hide(w, out[a], mask, blind, q, "backward reply", group, a);
        for (uint32_t s = 0; s < plan->back_passes && first + s < c->passes; s++) {
            ring *share = &c->block[ss->self].back[(size_t)(first + s) * width + a];

            *share = (*share - slot_of(scratch, mask, s * plan->back_width, plan->k)) & ring_mask(plan->k);
        }
    }
    for (size_t r = 0; r < records && result == OK; r++) {
        const size_t items = record_items(w, width, r);

        paillier_ciphers_put(w->record, &ss->peer[q].key, out + r * w->per_record, items);
        result = session_send_part(ss, q, MESSAGE_back_reply, group, r, w->record, items * w->cipher_bytes);
    }
    bignum_array_free(out, width);
    return result;
}

/* What we hold of one peer's masks while we answer it. */
struct request {
    mpz_t *fore, *ridge, *sums;
    size_t fore_count, ridge_count;
};

static void request_clear(struct request *r)
{
    bignum_array_free(r->fore, r->fore_count);
    bignum_array_free(r->ridge, r->ridge_count);
    bignum_array_free(r->sums, r->ridge_count);
}

/* The whole request first: replies are bound to it. */
static status recv_request(struct work *w, struct request *req, party q)
{
    struct session *ss = w->ss;
    const struct plan *plan = &w->c->plan;
    const uint32_t width = w->own->width, rows = plan->fore[ss->self].rows;

    req->fore_count = (size_t)plan->fore[ss->self].groups * width * rows;
    req->ridge_count = (size_t)plan->back_groups * width;
    TRY(bignum_array_new(&req->fore, req->fore_count));
    TRY(bignum_array_new(&req->ridge, req->ridge_count));
    TRY(bignum_array_new(&req->sums, req->ridge_count));
    for (uint32_t b = 0; b < plan->back_groups; b++) {
        const size_t records = vector_records(w->cipher_bytes, plan->n);
        mpz_t *sums = req->sums + (size_t)b * width;

        for (uint32_t j = 0; j < width; j++)
            mpz_set_ui(sums[j], 1);
        for (size_t r = 0; r < records; r++) {
            const size_t items = record_items(w, plan->n, r);

            TRY(recv_ciphers(w, &ss->peer[q].key, q, MESSAGE_back_mask, b, r, items, w->batch));
            for (size_t i = 0; i < items; i++)
                correlate_scatter(sums, &ss->peer[q].key, w->batch[i], w->own, (uint32_t)(r * w->per_record + i));
        }
    }
    for (uint32_t b = 0; b < plan->fore[ss->self].groups; b++)
        TRY(recv_cipher_vector(w, q, MESSAGE_fore_mask, b, req->fore + (size_t)b * width * rows, (size_t)width * rows));
    for (uint32_t b = 0; b < plan->back_groups; b++)
        TRY(recv_cipher_vector(w, q, MESSAGE_back_ridge, b, req->ridge + (size_t)b * width, width));
    return OK;
}

/* [SPEC 4.2] step 2: answer one peer. */
static status answer(struct work *w, party q)
{
    struct session *ss = w->ss;
    const struct plan *plan = &w->c->plan;
    const uint32_t width = w->own->width, rows = plan->fore[ss->self].rows;
    const struct blind_watch watch = {w, tick_peer_residue};
    struct request req AUTO(request_clear) = {0};
    struct blind *blind = NULL;
    struct rng g AUTO(rng_clear);
    status result;

    TRY(recv_request(w, &req, q));
    session_pad_rng(ss, &g, "peer residues", q, 0, 0);
    TRY(blind_new_watched(&blind, &ss->peer[q].key, NULL, replies_of(w, ss->self), &g, &watch));
    result = OK;
    for (uint32_t b = 0; b < plan->fore[ss->self].groups && result == OK; b++)
        result = reply_forward(w, blind, q, b, req.fore + (size_t)b * width * rows);
    for (uint32_t b = 0; b < plan->back_groups && result == OK; b++)
        result = reply_backward(w, blind, q, b, req.sums + (size_t)b * width, req.ridge + (size_t)b * width);
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

            *share = (*share + slot_of(scratch, y, (g * tau + s) * plan->fore[p].width, plan->k)) & ring_mask(plan->k);
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

static status open_replies(struct work *w, party p, enum message_kind kind, uint32_t group, size_t count)
{
    struct session *ss = w->ss;
    const size_t records = vector_records(w->cipher_bytes, count);
    BIGNUM(y);

    for (size_t r = 0; r < records; r++) {
        const size_t items = record_items(w, count, r);

        TRY(recv_ciphers(w, &ss->paillier, p, kind, group, r, items, w->batch));
        for (size_t i = 0; i < items; i++) {
            paillier_decrypt(y, &ss->paillier, &ss->paillier_secret, w->batch[i]);
            if (kind == MESSAGE_fore_reply)
                open_forward(w, p, group, (uint32_t)(r * w->per_record + i), y);
            else
                open_backward(w, p, group, (uint32_t)(r * w->per_record + i), y);
            tick(w, COST_DECRYPT);
        }
    }
    return OK;
}

static void count_work(struct work *w)
{
    const struct session *ss = w->ss;
    const uint32_t bits = ss->contract->key_bits;
    const uint64_t own = own_encryptions(w), replies = replies_of(w, ss->self);

    w->total = (own + blind_table_residues(bits, 1, own)) * COST_ENCRYPT;
    for (party p = 0; p < ss->parties; p++)
        if (p != ss->self)
            w->total += (replies + blind_table_residues(bits, 0, replies)) * COST_REPLY + replies_of(w, p) * COST_DECRYPT;
}

status correlate_run(struct correlation *c, struct session *ss, const struct matrix *own)
{
    struct work w AUTO(work_clear) = {.c = c, .ss = ss, .own = own};

    memset(c, 0, sizeof *c);
    TRY(plan_make(&c->plan, ss->contract, ss->population.train, &ss->fault));
    c->passes = ss->contract->passes;
    w.cipher_bytes = item_cipher(ss->contract->key_bits);
    w.per_record = vector_items_per_record(w.cipher_bytes);
    TRY(alloc_zeroed(&w.record, w.per_record, w.cipher_bytes));
    TRY(bignum_array_new(&w.batch, w.per_record));
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
    return OK;
}
