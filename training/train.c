#include "training/train.h"

#include "training/sigmoid_table.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The state of the optimiser: for every block our shares of the point y at which the next gradient is taken, and of w: the
 * weights (Nesterov) or the point before (heavy ball, whose weights are y). */
struct optimiser {
    struct session *ss;
    const struct correlation *c;
    const struct matrix *own;
    struct sigmoid_chain *sigmoid; /* NULL: linear */
    const uint8_t *label;
    struct weights w, y;
    ring *residual;          /* [n] our share of 4e, then the sum of all openings and it */
    ring *opened;            /* [width of own] own evaluation point as opened: y_self + sum of deltas */
    ring *step[PARTIES_MAX]; /* [width] our share of M (X^T 4e + Lam y) */
    uint8_t *wire;
    size_t wire_len;
};

static void wipe_free(void *p, size_t len)
{
    if (p)
        sodium_memzero(p, len);
    free(p);
}

void weights_clear(struct weights *w)
{
    for (party p = 0; p < w->parties; p++)
        wipe_free(w->block[p].share, w->block[p].width * sizeof(ring_signed));
    memset(w, 0, sizeof *w);
}

static status weights_new(struct weights *w, const struct contract *c)
{
    w->parties = c->parties;
    for (party p = 0; p < c->parties; p++) {
        w->block[p].width = contract_width(c, p);
        TRY(alloc_zeroed(&w->block[p].share, w->block[p].width, sizeof(ring_signed)));
    }
    return OK;
}

static void optimiser_clear(struct optimiser *o)
{
    const size_t n = o->c->plan.n;

    weights_clear(&o->w);
    weights_clear(&o->y);
    wipe_free(o->residual, n * sizeof(ring));
    wipe_free(o->opened, o->own->width * sizeof(ring));
    for (party p = 0; p < PARTIES_MAX; p++)
        wipe_free(o->step[p], o->c->block[p].width * sizeof(ring));
    free(o->wire);
}

static status optimiser_init(struct optimiser *o)
{
    const struct plan *plan = &o->c->plan;
    const size_t item = item_ring(plan->k);
    uint32_t longest = plan->n;

    TRY(weights_new(&o->w, o->ss->contract));
    TRY(weights_new(&o->y, o->ss->contract));
    TRY(alloc_zeroed(&o->residual, plan->n, sizeof(ring)));
    TRY(alloc_zeroed(&o->opened, o->own->width, sizeof(ring)));
    for (party p = 0; p < o->ss->parties; p++) {
        TRY(alloc_zeroed(&o->step[p], o->c->block[p].width, sizeof(ring)));
        if (o->c->block[p].width > longest)
            longest = o->c->block[p].width;
    }
    o->wire_len = longest * item;
    return alloc_zeroed(&o->wire, 1, o->wire_len);
}

static void put_all(uint8_t *wire, size_t item, const ring *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ring_put(wire + i * item, item, x[i]);
}

/* A peer's ring element must be below 2^k: there is one encoding. */
static status get_item(struct session *ss, ring *out, party from, const uint8_t *wire, size_t item, uint32_t k)
{
    *out = ring_get(wire, item);
    if (*out & ~ring_mask(k))
        return session_blame(ss, from, STATUS_MALFORMED, "%s sent a number outside the ring",
                             ss->contract->party[from].name);
    return OK;
}

/* [SPEC 4.5.1] own weight share minus the pad to each block's owner; the owner adds what it receives. */
static status open_weights(struct optimiser *o, uint32_t t)
{
    struct session *ss = o->ss;
    const struct plan *plan = &o->c->plan;
    const size_t item = item_ring(plan->k);

    for (uint32_t j = 0; j < o->own->width; j++)
        o->opened[j] = (ring)o->y.block[ss->self].share[j] & ring_mask(plan->k);
    if (t == 1)
        return OK; /* all weights are zero and known to be */
    for (party p = 0; p < ss->parties; p++) {
        const ring *pad = o->c->block[p].pad_weight;
        const uint32_t width = o->c->block[p].width;

        if (p == ss->self)
            continue;
        for (uint32_t j = 0; j < width; j++)
            ring_put(o->wire + j * item, item,
                     ((ring)o->y.block[p].share[j] - pad[(size_t)(t - 1) * width + j]) & ring_mask(plan->k));
        TRY(session_send_vector(ss, p, MESSAGE_weight, t, o->wire, item, width));
    }
    TRY(session_checkpoint_close(ss, t - 1)); /* its signatures came with the weights */
    for (party q = 0; q < ss->parties; q++) {
        if (q == ss->self)
            continue;
        TRY(session_recv_vector(ss, q, MESSAGE_weight, t, o->wire, item, o->own->width));
        for (uint32_t j = 0; j < o->own->width; j++) {
            ring delta;

            TRY(get_item(ss, &delta, q, o->wire + j * item, item, plan->k));
            o->opened[j] = (o->opened[j] + delta) & ring_mask(plan->k);
        }
    }
    return OK;
}

uint32_t train_positives(const uint8_t *label, uint32_t n)
{
    uint32_t positives = 0;

    for (uint32_t i = 0; i < n; i++)
        positives += label[i];
    return positives;
}

/* 4 mean(y), rounded to f bits; n < 2^31 and f <= 20 keep this below 2^55. */
static uint64_t four_means(uint64_t positives, uint64_t n, uint32_t f)
{
    return (((positives << (f + 3)) + n) / n) >> 1;
}

int64_t train_intercept(const struct plan *plan, const uint8_t *label, uint32_t n)
{
    const uint32_t positives = train_positives(label, n);

    if (plan->table_bits)
        return sigmoid_table_logit(positives, n - positives, plan->f);
    return (int64_t)four_means(positives, n, plan->f) - ((int64_t)2 << plan->f);
}

/* [SPEC 4.5.2] our share of the scores z: forward sums locally; for the linear sigmoid the intercept at the label party,
 * whose tables have it for the exact one. */
static void score_share(struct optimiser *o, uint32_t t)
{
    const struct plan *plan = &o->c->plan;
    const struct matrix *m = o->own;
    const ring *fore = o->c->fore + (size_t)(t - 1) * plan->n;
    const ring intercept = o->label && !o->sigmoid ? (ring)(ring_signed)train_intercept(plan, o->label, plan->n) : 0;

    for (uint32_t i = 0; i < plan->n; i++) {
        const uint8_t *codes = m->codes + (size_t)i * m->columns;
        size_t offset = 0;
        ring z = fore[i] + intercept;

        for (uint16_t c = 0; c < m->columns; c++) {
            z += o->opened[offset + codes[c]];
            offset += m->bins[c];
        }
        o->residual[i] = z & ring_mask(plan->fore_bits);
    }
}

static void opening_hash(struct hash *out, enum suite s, const uint8_t *share, size_t len)
{
    struct hasher h;

    hasher_init(&h, s, "hefu/opening share/v1");
    hasher_add(&h, share, len);
    hasher_final(&h, out);
}

/* A zero-sum mask among the senders toward party p, or toward all (p == parties): pairs of parties other than p.
 * [SPEC 4.5.6] */
static void add_zero_shares(const struct session *ss, ring *x, uint32_t width, party p, uint32_t t, const char *purpose)
{
    for (party q = 0; q < ss->parties; q++) {
        struct rng g AUTO(rng_clear);

        if (q == p || q == ss->self)
            continue;
        session_pair_rng(ss, &g, purpose, q, t, p);
        for (uint32_t j = 0; j < width; j++) {
            const ring r = ring_random(&g, 128);

            x[j] = ss->self < q ? x[j] + r : x[j] - r;
        }
    }
}

/* ss->openings becomes the hash of all of them and of what every party just opened, which the next message carries. */
static void record_openings(struct session *ss, const struct hash *opened)
{
    struct hasher h;

    hasher_init(&h, ss->contract->suite, "hefu/openings/v1");
    hasher_add_hash(&h, &ss->openings);
    for (party p = 0; p < ss->parties; p++)
        hasher_add_hash(&h, &opened[p]);
    hasher_final(&h, &ss->openings);
}

/* [SPEC 4.5.2] step 4, before the last look-up: how many scores are near the end of the table, where they would wrap.  Not
 * one may be. */
static status check_range(struct optimiser *o, uint32_t t)
{
    struct session *ss = o->ss;
    const struct plan *plan = &o->c->plan;
    const size_t item = item_ring(plan->k);
    const unsigned range = ss->contract->score_range;
    uint8_t bodies[PARTIES_MAX * sizeof(ring)];
    struct hash opened[PARTIES_MAX];
    ring count, total = 0;

    TRY(sigmoid_beyond(o->sigmoid, &count, o->residual, 0));
    add_zero_shares(ss, &count, 1, ss->parties, t, "range zero");
    ring_put(bodies + ss->self * item, item, count & ring_mask(plan->k));
    TRY(session_exchange(ss, MESSAGE_range, t, bodies, item));
    for (party p = 0; p < ss->parties; p++) {
        ring theirs;

        TRY(get_item(ss, &theirs, p, bodies + p * item, item, plan->k));
        total = (total + theirs) & ring_mask(plan->k);
        opening_hash(&opened[p], ss->contract->suite, bodies + p * item, item);
    }
    record_openings(ss, opened);
    if (total == 0)
        return OK;
    if (total > plan->n && ss->parties == 2)
        return session_blame(ss, (party)(1 - ss->self), STATUS_MALFORMED, "%s sent a share of a number of rows that makes it too large",
                             ss->contract->party[1 - ss->self].name);
    if (total > plan->n) { /* of several peers the sum does not tell which */
        session_fail(ss, STATUS_MALFORMED, "the parties' shares of a number of rows do not add up to one");
        fault_hint(&ss->fault, "a party has deviated; hefu-audit replay at each tells which");
        return STATUS_MALFORMED;
    }
    session_fail(ss, STATUS_LIMIT, "in the last pass there are training rows with a score near or beyond +-%u, where the "
                 "sigmoid's table ends", range);
    if (range < 32)
        fault_hint(&ss->fault, "set score_range: %u and twice the sigmoid_table in the job, or a larger ridge", 2 * range);
    else
        fault_hint(&ss->fault, "set a larger ridge in the job");
    return STATUS_LIMIT;
}

/* Before the first pass the scores are zero and everyone knows it: 4 sigma is 4 mean(y), the label party's alone. */
static void first_residual(struct optimiser *o)
{
    const struct plan *plan = &o->c->plan;
    const ring share = o->label ? four_means(train_positives(o->label, plan->n), plan->n, plan->f) : 0;

    for (uint32_t i = 0; i < plan->n; i++)
        o->residual[i] = share;
}

/* [SPEC 4.5.2] our share of 4e = 4 (sigma(z) - y): of z + 2 - 4y for the linear sigmoid. */
static status residual_share(struct optimiser *o, uint32_t t)
{
    const struct plan *plan = &o->c->plan;

    if (o->sigmoid && t == 1) {
        first_residual(o);
    } else {
        score_share(o, t);
        if (o->sigmoid && t == o->c->passes)
            TRY(check_range(o, t));
        if (o->sigmoid)
            TRY(sigmoid_run(o->sigmoid, o->residual, o->residual, t));
    }
    if (!o->label)
        return OK;
    for (uint32_t i = 0; i < plan->n; i++) {
        o->residual[i] += o->sigmoid ? 0 : (ring)2 << plan->f;
        o->residual[i] -= (ring)o->label[i] << (plan->f + 2);
        o->residual[i] &= ring_mask(plan->k);
    }
    return OK;
}

/* [SPEC 4.5.3] residual share minus the pad, the same bytes to all; then everyone's is added. */
static status open_residuals(struct optimiser *o, uint32_t t)
{
    struct session *ss = o->ss;
    const struct plan *plan = &o->c->plan;
    const ring *pad = o->c->pad_residual + (size_t)(t - 1) * plan->n;
    const size_t item = item_ring(plan->k), per = vector_items_per_record(item), records = vector_records(item, plan->n);
    struct hash opened[PARTIES_MAX];

    for (uint32_t i = 0; i < plan->n; i++)
        ring_put(o->wire + i * item, item, (o->residual[i] - pad[i]) & ring_mask(plan->k));
    opening_hash(&opened[ss->self], ss->contract->suite, o->wire, plan->n * item);
    for (size_t r = 0; r < records; r++) {
        const size_t items = plan->n - r * per < per ? plan->n - r * per : per;

        for (party p = 0; p < ss->parties; p++)
            if (p != ss->self)
                TRY(session_send_part(ss, p, MESSAGE_residual, t, r, o->wire + r * per * item, items * item));
    }
    for (party p = 0; p < ss->parties; p++) {
        if (p == ss->self)
            continue;
        TRY(session_recv_vector(ss, p, MESSAGE_residual, t, o->wire, item, plan->n));
        opening_hash(&opened[p], ss->contract->suite, o->wire, plan->n * item);
        for (uint32_t i = 0; i < plan->n; i++) {
            ring delta;

            TRY(get_item(ss, &delta, p, o->wire + i * item, item, plan->k));
            o->residual[i] = (o->residual[i] + delta) & ring_mask(plan->k);
        }
    }
    record_openings(ss, opened);
    return OK;
}

/* [SPEC 4.5.4] everyone saw the same openings, or the session ends. */
static status confirm_openings(struct optimiser *o, uint32_t t)
{
    char does_what[64];

    snprintf(does_what, sizeof does_what, "saw other openings than we did in pass %u", t);
    return session_agree(o->ss, MESSAGE_lift, t, &o->ss->openings, does_what);
}

/* [SPEC 4.5.5] own block: M (X^T E + Lam y) of what is open, plus our share of the backward correlation. */
static status own_step(struct optimiser *o, uint32_t t)
{
    const struct plan *plan = &o->c->plan;
    const struct matrix *m = o->own;
    ring *sums AUTO(auto_wipe) = NULL;
    ring *step = o->step[o->ss->self];

    TRY(alloc_zeroed(&sums, m->width, sizeof *sums));
    for (uint32_t i = 0; i < plan->n; i++) {
        const uint8_t *codes = m->codes + (size_t)i * m->columns;
        size_t offset = 0;

        for (uint16_t c = 0; c < m->columns; c++) {
            sums[offset + codes[c]] += o->residual[i];
            offset += m->bins[c];
        }
    }
    for (uint32_t j = 0; j < m->width; j++)
        sums[j] += (ring)plan->ridge * o->opened[j];
    precondition_apply(step, m, sums);
    for (party p = 0; p < o->ss->parties; p++) {
        const uint32_t width = o->c->block[p].width;
        const ring *back = o->c->block[p].back + (size_t)(t - 1) * width;

        for (uint32_t j = 0; j < width; j++)
            o->step[p][j] = ((p == o->ss->self ? step[j] : 0) + back[j]) & ring_mask(plan->k);
    }
    return OK;
}

/* [SPEC 4.5.6] lift: open value + rho to the owner; shares become integers, scaled down by local rounding. */
static status lift(struct optimiser *o, struct weights *steps, uint32_t t)
{
    struct session *ss = o->ss;
    const struct plan *plan = &o->c->plan;
    const size_t item = item_ring(plan->k);
    const uint32_t mask_bits = plan->value_bits + plan->sigma;
    ring *own_mask AUTO(auto_wipe) = NULL;
    ring *sum = o->step[ss->self];

    TRY(alloc_zeroed(&own_mask, o->own->width, sizeof *own_mask));
    for (party p = 0; p < ss->parties; p++) {
        const uint32_t width = o->c->block[p].width;
        struct rng g AUTO(rng_clear);

        session_pad_rng(ss, &g, "lift mask", p, t, 0);
        for (uint32_t j = 0; j < width; j++) {
            const ring rho = ring_random(&g, mask_bits);

            o->step[p][j] += rho;
            if (p == ss->self)
                own_mask[j] = rho;
            else
                steps->block[p].share[j] = ring_round_shift(-(ring_signed)rho, plan->shift);
        }
        if (p == ss->self)
            continue;
        add_zero_shares(ss, o->step[p], width, p, t, "lift zero");
        for (uint32_t j = 0; j < width; j++)
            o->step[p][j] &= ring_mask(plan->k);
        put_all(o->wire, item, o->step[p], width);
        TRY(session_send_vector(ss, p, MESSAGE_gradient, t, o->wire, item, width));
    }
    TRY(session_checkpoint_show(ss, t));
    for (party q = 0; q < ss->parties; q++) {
        if (q == ss->self)
            continue;
        TRY(session_recv_vector(ss, q, MESSAGE_gradient, t, o->wire, item, o->own->width));
        for (uint32_t j = 0; j < o->own->width; j++) {
            ring theirs;

            TRY(get_item(ss, &theirs, q, o->wire + j * item, item, plan->k));
            sum[j] += theirs;
        }
    }
    for (uint32_t j = 0; j < o->own->width; j++)
        steps->block[ss->self].share[j] =
            ring_round_shift(ring_to_signed(sum[j], plan->k) - (ring_signed)own_mask[j], plan->shift);
    return OK;
}

/* x / d to the nearest, halves up; both positive. */
static ring_signed nearest(uint64_t x, uint64_t d)
{
    return (ring_signed)((2 * x + d) / (2 * d));
}

void train_coefficients(const struct contract *c, uint32_t t, ring_signed *eta, ring_signed *beta)
{
    const uint64_t i = t - 1;

    if (c->optimiser == OPTIMISER_NESTEROV) {
        *eta = nearest(c->step_1024, c->parties);
        *beta = c->momentum_1024;
        return;
    }
    *eta = nearest(2048 * (i + 3) * (2 * i + 7), c->parties * (i + 4) * (i + 6));
    *beta = nearest(1024 * i * (i + 2) * (2 * i + 7), (i + 4) * (i + 6) * (2 * i + 5));
}

/* [SPEC 4.5.7] on shares.  y is where the gradient was taken.
 * Nesterov: w' = y - eta s, y' = w' + beta (w' - w).  Heavy ball: y' = y - eta s + beta (y - w) with w the y before. */
static void update(struct optimiser *o, const struct weights *steps, uint32_t t)
{
    const struct contract *c = o->ss->contract;
    ring_signed eta, beta;

    train_coefficients(c, t, &eta, &beta);
    for (party p = 0; p < c->parties; p++)
        for (uint32_t j = 0; j < o->w.block[p].width; j++) {
            ring_signed *w = &o->w.block[p].share[j], *y = &o->y.block[p].share[j];
            const ring_signed moved = *y - ring_round_shift(eta * steps->block[p].share[j], 10);

            if (c->optimiser == OPTIMISER_NESTEROV) {
                *y = moved + ring_round_shift(beta * (moved - *w), 10);
                *w = moved;
            } else {
                const ring_signed next = moved + ring_round_shift(beta * (*y - *w), 10);

                *w = *y;
                *y = next;
            }
        }
}

status train_run(struct weights *out, struct session *ss, const struct correlation *c, const struct matrix *own,
                 struct sigmoid_chain *sigmoid, const uint8_t *label)
{
    struct optimiser o AUTO(optimiser_clear) = {.ss = ss, .c = c, .own = own, .sigmoid = sigmoid, .label = label};
    struct weights steps AUTO(weights_clear) = {0}, *trained;

    TRY(optimiser_init(&o));
    TRY(weights_new(&steps, ss->contract));
    for (uint32_t t = 1; t <= c->passes; t++) {
        session_progress(ss, PHASE_TRAIN, t, t - 1, c->passes);
        TRY(open_weights(&o, t));
        TRY(residual_share(&o, t));
        TRY(open_residuals(&o, t));
        TRY(confirm_openings(&o, t));
        TRY(own_step(&o, t));
        TRY(lift(&o, &steps, t));
        update(&o, &steps, t);
        TRY(session_checkpoint_sign(ss, t));
    }
    TRY(session_checkpoint_close(ss, c->passes));
    session_progress(ss, PHASE_TRAIN, c->passes, c->passes, c->passes);
    trained = ss->contract->optimiser == OPTIMISER_NESTEROV ? &o.w : &o.y;
    *out = *trained;
    memset(trained, 0, sizeof *trained);
    return OK;
}

status train_reveal(int64_t *out, struct session *ss, const struct plan *plan, const struct weights *w)
{
    ring *x AUTO(auto_wipe) = NULL;
    uint8_t *wire AUTO(auto_free) = NULL;
    const uint32_t own = w->block[ss->self].width;
    uint32_t longest = 0;

    for (party p = 0; p < ss->parties; p++)
        if (w->block[p].width > longest)
            longest = w->block[p].width;
    TRY(alloc_zeroed(&x, longest, sizeof *x));
    TRY(alloc_zeroed(&wire, longest, ITEM_BLOCK));
    for (party p = 0; p < ss->parties; p++) {
        if (p == ss->self)
            continue;
        for (uint32_t j = 0; j < w->block[p].width; j++)
            x[j] = (ring)w->block[p].share[j];
        add_zero_shares(ss, x, w->block[p].width, p, 0, "reveal zero");
        put_all(wire, ITEM_BLOCK, x, w->block[p].width);
        TRY(session_send_vector(ss, p, MESSAGE_block, 0, wire, ITEM_BLOCK, w->block[p].width));
    }
    for (uint32_t j = 0; j < own; j++)
        x[j] = (ring)w->block[ss->self].share[j];
    for (party q = 0; q < ss->parties; q++) {
        if (q == ss->self)
            continue;
        TRY(session_recv_vector(ss, q, MESSAGE_block, 0, wire, ITEM_BLOCK, own));
        for (uint32_t j = 0; j < own; j++)
            x[j] += ring_get(wire + (size_t)j * ITEM_BLOCK, ITEM_BLOCK);
    }
    for (uint32_t j = 0; j < own; j++) {
        const ring_signed v = (ring_signed)x[j], limit = (ring_signed)1 << (plan->f + 12);

        if (v >= limit || v <= -limit)
            return session_fail(ss, STATUS_LIMIT, "the training did not converge: a weight is beyond +-4096");
        out[j] = (int64_t)v;
    }
    return OK;
}
