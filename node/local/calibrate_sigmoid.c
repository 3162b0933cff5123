/* Rates of the exact sigmoid: both ends of what the parties of its chain do to a row. */
#include "node/local/calibrate_parts.h"
#include "training/sigmoid_parts.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_ROWS = 256, ROWS = 32 * RECORD_ROWS, TABLE_BITS = TABLE_BITS_DEFAULT, RING_BITS = 100 };

/* One end: a place in a chain with one other. */
struct end {
    struct sigmoid_chain chain;
    struct pair *pair; /* with the other */
};

struct ends {
    struct session session;
    struct plan plan;
    struct end sender, receiver; /* of the transfers */
    uint8_t *wire, *choices, *message;
};

static void end_clear(struct end *e)
{
    struct sigmoid_chain *s = &e->chain;

    if (!e->pair)
        return;
    ot_sender_free(e->pair->sender);
    ot_receiver_free(e->pair->receiver);
    ot_hash_free(e->pair->hash[0]);
    free(e->pair->index);
    free(e->pair->convert);
    free(s->index);
    free(s->mask);
    free(s->value);
    free(s->flip);
    free(s->rounding);
    free(s->held);
    free(s->bit);
}

static void ends_clear(struct ends *e)
{
    end_clear(&e->sender);
    end_clear(&e->receiver);
    free(e->wire);
    free(e->choices);
    free(e->message);
}

static status end_init(struct end *e, struct ends *all, uint32_t me, uint32_t other, uint32_t last,
                       const struct ot_context *where)
{
    struct sigmoid_chain *s = &e->chain;

    s->ss = &all->session;
    s->plan = &all->plan;
    s->me = me;
    s->last = last;
    s->entries = 1u << TABLE_BITS;
    s->bits = sigmoid_share_bits((uint16_t)(last + 1));
    s->table = &s->curve;
    e->pair = &s->pair[other];
    TRY(alloc_zeroed(&s->index, ROWS, 1));
    TRY(alloc_zeroed(&s->mask, ROWS, 1));
    TRY(alloc_zeroed(&s->value, ROWS, 1));
    TRY(alloc_zeroed(&s->flip, ROWS, 1));
    TRY(alloc_zeroed(&s->rounding, ROWS, sizeof *s->rounding));
    TRY(alloc_zeroed(&s->held, ROWS, s->entries));
    TRY(alloc_zeroed(&s->bit, ROWS, s->bits * sizeof *s->bit));
    TRY(alloc_zeroed(&e->pair->index, (size_t)ROWS * TABLE_BITS, sizeof *e->pair->index));
    TRY(alloc_zeroed(&e->pair->convert, (size_t)ROWS * s->bits, sizeof *e->pair->convert));
    return ot_hash_new(&e->pair->hash[0], where);
}

static status ends_init(struct ends *e, uint32_t last, double *set_up_s)
{
    const struct ot_context where = {&e->session.id, 0, last, "calibrate"};
    uint8_t offer[OT_OFFER_BYTES], answer[OT_ANSWER_BYTES];
    struct rng g AUTO(rng_clear) = {0};
    double began;

    e->session.parties = (party)(last + 1);
    e->plan = (struct plan){.n = ROWS, .k = RING_BITS, .table_bits = TABLE_BITS};
    TRY(end_init(&e->sender, e, 0, last, last, &where));
    TRY(end_init(&e->receiver, e, last, 0, last, &where));
    TRY(alloc_zeroed(&e->wire, RECORD_ROWS, item_turn(TABLE_BITS, RING_BITS)));
    TRY(alloc_zeroed(&e->choices, 1, ot_choices_bytes((size_t)ROWS * TABLE_BITS)));
    TRY(alloc_zeroed(&e->message, 1, ot_message_bytes((size_t)ROWS * TABLE_BITS)));
    gauge_rng(&g, "transfers");
    began = gauge_cpu_s();
    TRY(ot_sender_new(&e->sender.pair->sender, offer, &where, &g));
    TRY(ot_receiver_new(&e->receiver.pair->receiver, answer, offer, &where, &g));
    TRY(ot_sender_finish(e->sender.pair->sender, answer));
    *set_up_s = gauge_cpu_s() - began;
    return OK;
}

/* ---- what is timed ---- */

static void extend_receiver(void *ctx)
{
    struct ends *e = ctx;

    ot_receiver_extend(e->receiver.pair->receiver, e->receiver.pair->index, e->message, e->choices,
                       (size_t)ROWS * TABLE_BITS);
}

static void extend_sender(void *ctx)
{
    struct ends *e = ctx;

    ot_sender_extend(e->sender.pair->sender, e->sender.pair->index, e->message, (size_t)ROWS * TABLE_BITS);
}

struct timing {
    struct end *end;
    row_step *step;
    uint8_t *wire;
};

static void rows(void *ctx)
{
    const struct timing *t = ctx;

    for (size_t first = 0; first < ROWS; first += RECORD_ROWS)
        t->step(&t->end->chain, t->end->pair, t->end->pair->hash[0], first, RECORD_ROWS, t->wire);
}

static double row_ns(const struct gauge *g, struct ends *e, struct end *end, row_step *step)
{
    struct timing t = {end, step, e->wire};

    return gauge_each(g, rows, &t, ROWS);
}

status calibrate_sigmoid(struct rates *r, const struct gauge *g)
{
    struct ends two AUTO(ends_clear) = {0}, three AUTO(ends_clear) = {0};
    const double entries = 1 << TABLE_BITS;
    double set_up_s, receiver, sender;

    TRY(ends_init(&two, 1, &set_up_s));
    TRY(ends_init(&three, 2, &set_up_s));
    r->transfer_set_up = set_up_s / 2 * 1e9;
    receiver = gauge_each(g, extend_receiver, &three, ROWS * TABLE_BITS);
    sender = gauge_each(g, extend_sender, &three, ROWS * TABLE_BITS);
    r->transfer = receiver > sender ? receiver : sender;
    r->turn_send = row_ns(g, &three, &three.sender, sigmoid_turn_send) / (entries * TABLE_BITS);
    r->turn_receive = row_ns(g, &three, &three.receiver, sigmoid_turn_receive) / (entries * TABLE_BITS);
    r->fetch_send = row_ns(g, &three, &three.sender, sigmoid_fetch_send) / entries;
    r->fetch_receive = row_ns(g, &three, &three.receiver, sigmoid_fetch_receive);
    r->pair_send = row_ns(g, &two, &two.sender, sigmoid_pair_send) / entries;
    r->pair_receive = row_ns(g, &two, &two.receiver, sigmoid_pair_receive);
    return OK;
}
