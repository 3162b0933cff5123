#include "training/sigmoid_parts.h"

#include <endian.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static size_t index_transfers(const struct sigmoid_chain *s)
{
    return (size_t)s->plan->n * s->plan->table_bits;
}

static size_t convert_transfers(const struct sigmoid_chain *s)
{
    return (size_t)s->plan->n * s->bits;
}

static size_t choice_bytes(const struct sigmoid_chain *s)
{
    return ot_message_bytes(index_transfers(s)) + ot_message_bytes(convert_transfers(s));
}

static void wipe_free(void *p, size_t len)
{
    if (p)
        sodium_memzero(p, len);
    free(p);
}

static void pair_clear(struct pair *p, const struct sigmoid_chain *s)
{
    ot_sender_free(p->sender);
    ot_receiver_free(p->receiver);
    for (size_t i = 0; i < PIECES; i++)
        ot_hash_free(p->hash[i]);
    wipe_free(p->index, index_transfers(s) * sizeof *p->index);
    wipe_free(p->convert, convert_transfers(s) * sizeof *p->convert);
}

void sigmoid_free(struct sigmoid_chain *s)
{
    size_t n;

    if (!s)
        return;
    n = s->plan->n;
    for (uint32_t q = 0; q <= s->last; q++)
        pair_clear(&s->pair[q], s);
    wipe_free(s->index, n);
    wipe_free(s->mask, n);
    wipe_free(s->value, n);
    wipe_free(s->flip, n);
    wipe_free(s->rounding, n * sizeof *s->rounding);
    wipe_free(s->held, s->held ? n * s->entries : 0);
    wipe_free(s->bit, convert_transfers(s) * sizeof *s->bit);
    free(s->wire);
    free(s->choices);
    free(s);
}

static void drop(struct sigmoid_chain **s)
{
    sigmoid_free(*s);
}

static status allocate(struct sigmoid_chain *s)
{
    const size_t n = s->plan->n;

    TRY(alloc_zeroed(&s->index, n, 1));
    TRY(alloc_zeroed(&s->mask, n, 1));
    TRY(alloc_zeroed(&s->value, n, 1));
    TRY(alloc_zeroed(&s->flip, n, 1));
    TRY(alloc_zeroed(&s->rounding, n, sizeof *s->rounding));
    if (s->last > 1 && s->me < s->last)
        TRY(alloc_zeroed(&s->held, n, s->entries));
    TRY(alloc_zeroed(&s->bit, n, s->bits * sizeof *s->bit));
    TRY(alloc_zeroed(&s->wire, 1, MESSAGE_BODY_MAX));
    TRY(alloc_zeroed(&s->choices, 1, choice_bytes(s)));
    for (uint32_t q = 0; q <= s->last; q++) {
        if (q == s->me)
            continue;
        TRY(alloc_zeroed(&s->pair[q].index, index_transfers(s), sizeof(struct ot_block)));
        TRY(alloc_zeroed(&s->pair[q].convert, convert_transfers(s), sizeof(struct ot_block)));
    }
    return OK;
}

static const char *name_of(const struct sigmoid_chain *s, uint32_t place)
{
    return s->ss->contract->party[s->chain[place]].name;
}

static struct ot_context context(const struct sigmoid_chain *s, uint32_t q)
{
    const uint32_t first = q < s->me ? q : s->me, second = q < s->me ? s->me : q;

    return (struct ot_context){&s->ss->id, s->chain[first], s->chain[second], "sigmoid"};
}

/* [SPEC 4.2.1] */
static status set_up(struct sigmoid_chain *s)
{
    uint8_t offer[BODY_OT_OFFER], answer[BODY_OT_ANSWER];

    _Static_assert((int)BODY_OT_OFFER == (int)OT_OFFER_BYTES && (int)BODY_OT_ANSWER == (int)OT_ANSWER_BYTES, "bodies");
    for (uint32_t q = s->me + 1; q <= s->last; q++) {
        const struct ot_context where = context(s, q);
        struct rng g AUTO(rng_clear);

        session_pad_rng(s->ss, &g, "transfer offer", s->chain[q], 0, 0);
        TRY(ot_sender_new(&s->pair[q].sender, offer, &where, &g));
        TRY(session_send(s->ss, s->chain[q], MESSAGE_ot_offer, 0, offer, sizeof offer));
    }
    for (uint32_t h = 0; h < s->me; h++) {
        const struct ot_context where = context(s, h);
        struct rng g AUTO(rng_clear) = {0};
        status made;

        TRY(session_recv(s->ss, s->chain[h], MESSAGE_ot_offer, 0, offer, sizeof offer));
        session_reply_rng(s->ss, &g, "transfer answer", s->chain[h], 0, 0);
        made = ot_receiver_new(&s->pair[h].receiver, answer, offer, &where, &g);
        if (made == STATUS_MALFORMED)
            return session_blame(s->ss, s->chain[h], made, "%s offered transfers with a bad point", name_of(s, h));
        TRY(made);
        TRY(session_send(s->ss, s->chain[h], MESSAGE_ot_answer, 0, answer, sizeof answer));
    }
    for (uint32_t q = s->me + 1; q <= s->last; q++) {
        status made;

        TRY(session_recv(s->ss, s->chain[q], MESSAGE_ot_answer, 0, answer, sizeof answer));
        made = ot_sender_finish(s->pair[q].sender, answer);
        if (made == STATUS_MALFORMED)
            return session_blame(s->ss, s->chain[q], made, "%s answered transfers with a bad point", name_of(s, q));
        TRY(made);
    }
    return OK;
}

status sigmoid_new(struct sigmoid_chain **out, struct session *ss, const struct plan *plan, uint32_t positives,
                   uint32_t negatives)
{
    struct sigmoid_chain *s AUTO(drop) = NULL;

    TRY(alloc_zeroed(&s, 1, sizeof *s));
    s->ss = ss;
    s->plan = plan;
    contract_chain(s->chain, ss->contract);
    while (s->chain[s->me] != ss->self)
        s->me++;
    s->last = ss->parties - 1u;
    s->entries = 1u << plan->table_bits;
    s->bits = sigmoid_share_bits(ss->parties);
    sigmoid_table_curve(&s->curve, plan, ss->parties, positives, negatives);
    sigmoid_table_range(&s->range, plan, ss->parties);
    TRY(allocate(s));
    for (uint32_t q = 0; q <= s->last; q++) {
        const struct ot_context where = context(s, q);

        for (size_t i = 0; q != s->me && i < PIECES; i++)
            TRY(ot_hash_new(&s->pair[q].hash[i], &where));
    }
    TRY(set_up(s));
    *out = s;
    s = NULL;
    return OK;
}

/* ---- loops over rows ---- */

struct loop {
    struct sigmoid_chain *s;
    struct pair *pair;
    row_step *step;
    size_t first, rows, item;
};

static void loop_pieces(void *ctx, size_t from, size_t count)
{
    const struct loop *l = ctx;

    for (size_t i = from; i < from + count; i++) {
        const size_t a = l->rows * i / PIECES, b = l->rows * (i + 1) / PIECES;

        if (a < b)
            l->step(l->s, l->pair, l->pair ? l->pair->hash[i] : NULL, l->first + a, b - a, l->s->wire + a * l->item);
    }
}

/* All rows, without a message. */
static void each_row(struct sigmoid_chain *s, row_step *step)
{
    struct loop l = {.s = s, .step = step, .rows = s->plan->n};

    parallel_for(&s->ss->parallel, PIECES, 1, loop_pieces, &l);
}

/* A vector with an item for each row, record by record: what is sent is made by step, what is received is used by it. */
static status each_item(struct sigmoid_chain *s, uint32_t q, enum message_kind kind, uint32_t pass, size_t item, row_step *step)
{
    const size_t per = vector_items_per_record(item), records = vector_records(item, s->plan->n);
    const int send = s->me < q;

    for (size_t r = 0; r < records; r++) {
        const size_t left = s->plan->n - r * per;
        struct loop l = {s, &s->pair[q], step, r * per, left < per ? left : per, item};

        if (!send)
            TRY(session_recv_part(s->ss, s->chain[q], kind, pass, r, s->wire, l.rows * item));
        parallel_for(&s->ss->parallel, PIECES, 1, loop_pieces, &l);
        if (send)
            TRY(session_send_part(s->ss, s->chain[q], kind, pass, r, s->wire, l.rows * item));
    }
    return OK;
}

/* ---- a look-up ---- */

static void draw(struct sigmoid_chain *s, const char *purpose, uint32_t pass, void *out, size_t len)
{
    struct rng g AUTO(rng_clear) = {0};

    session_pad_rng(s->ss, &g, purpose, s->ss->self, pass, 0);
    rng_fill(&g, out, len);
}

/* Our part of the index and our random bits of each row. */
static void begin(struct sigmoid_chain *s, const ring *score, uint32_t pass)
{
    const uint32_t drop = s->plan->fore_bits - s->plan->table_bits;
    const size_t n = s->plan->n;

    draw(s, "sigmoid mask", pass, s->mask, n);
    for (size_t row = 0; row < n; row++) {
        s->index[row] = (uint8_t)((uint32_t)(score[row] >> drop) & (s->entries - 1));
        s->mask[row] &= (uint8_t)((1u << s->bits) - 1);
        for (uint32_t l = 0; l < s->bits; l++)
            s->bit[row * s->bits + l] = s->mask[row] >> l & 1;
    }
    memset(s->value, 0, n);
    if (s->held)
        memset(s->held, 0, n * s->entries);
    if (s->me > 0)
        return;
    draw(s, "sigmoid rounding", pass, s->rounding, n * sizeof *s->rounding);
    for (size_t row = 0; row < n; row++)
        s->rounding[row] = le32toh(s->rounding[row]) >> (32 - LEVEL_FRACTION);
    if (s->last == 1)
        draw(s, "sigmoid share", pass, s->value, n);
    else
        each_row(s, sigmoid_fill);
}

/* Step 1: what each later place chooses by, its index and its random bits. */
static status choose(struct sigmoid_chain *s, uint32_t pass)
{
    const size_t index = index_transfers(s), convert = convert_transfers(s), bytes = choice_bytes(s);
    uint8_t *by_index AUTO(auto_wipe) = NULL, *by_mask AUTO(auto_wipe) = NULL;

    TRY(alloc_zeroed(&by_index, 1, ot_choices_bytes(index)));
    TRY(alloc_zeroed(&by_mask, 1, ot_choices_bytes(convert)));
    ot_index_choices(by_index, s->plan->table_bits, s->index, s->plan->n);
    ot_index_choices(by_mask, s->bits, s->mask, s->plan->n);
    for (uint32_t h = 0; h < s->me; h++) {
        struct pair *p = &s->pair[h];

        p->first_index = ot_receiver_next(p->receiver);
        ot_receiver_extend(p->receiver, p->index, s->choices, by_index, index);
        p->first_convert = ot_receiver_next(p->receiver);
        ot_receiver_extend(p->receiver, p->convert, s->choices + ot_message_bytes(index), by_mask, convert);
        TRY(session_send_vector(s->ss, s->chain[h], MESSAGE_choice, pass, s->choices, ITEM_CHOICE, bytes / ITEM_CHOICE));
    }
    for (uint32_t q = s->me + 1; q <= s->last; q++) {
        struct pair *p = &s->pair[q];

        TRY(session_recv_vector(s->ss, s->chain[q], MESSAGE_choice, pass, s->choices, ITEM_CHOICE, bytes / ITEM_CHOICE));
        p->first_index = ot_sender_next(p->sender);
        ot_sender_extend(p->sender, p->index, s->choices, index);
        p->first_convert = ot_sender_next(p->sender);
        ot_sender_extend(p->sender, p->convert, s->choices + ot_message_bytes(index), convert);
    }
    return OK;
}

/* Step 2: along the chain. */
static status pass_on(struct sigmoid_chain *s, uint32_t pass)
{
    const size_t turn = item_turn(s->plan->table_bits, s->plan->k);
    const size_t table = item_table(s->ss->parties, s->plan->table_bits, s->plan->k);
    row_step *const send = s->last == 1 ? sigmoid_pair_send : sigmoid_fetch_send;
    row_step *const receive = s->last == 1 ? sigmoid_pair_receive : sigmoid_fetch_receive;

    for (uint32_t q = 1; q < s->last; q++) {
        if (s->me < q)
            TRY(each_item(s, q, MESSAGE_turn, pass, turn, sigmoid_turn_send));
        for (uint32_t h = 0; s->me == q && h < q; h++)
            TRY(each_item(s, h, MESSAGE_turn, pass, turn, sigmoid_turn_receive));
    }
    if (s->me < s->last)
        return each_item(s, s->last, MESSAGE_table, pass, table, send);
    for (uint32_t h = 0; h < s->last; h++)
        TRY(each_item(s, h, MESSAGE_table, pass, table, receive));
    return OK;
}

/* Step 3: the end of the chain had converted random bits; now all flip those that differ from what it fetched.  All must
 * have seen the same flips.  [SPEC 4.5.4] */
static status flip(struct sigmoid_chain *s, uint32_t pass)
{
    const party end = s->chain[s->last];
    const size_t n = s->plan->n;
    struct hasher seen;

    for (uint32_t h = 0; s->me == s->last && h < s->last; h++)
        TRY(session_send_vector(s->ss, s->chain[h], MESSAGE_flip, pass, s->flip, ITEM_FLIP, n));
    if (s->me < s->last)
        TRY(session_recv_vector(s->ss, end, MESSAGE_flip, pass, s->flip, ITEM_FLIP, n));
    for (size_t row = 0; row < n; row++)
        if (s->flip[row] >> s->bits)
            return session_blame(s->ss, end, STATUS_MALFORMED, "%s flips bits that there are not", name_of(s, s->last));
    hasher_init(&seen, s->ss->contract->suite, "hefu/flips/v1");
    hasher_add_hash(&seen, &s->ss->openings);
    hasher_add(&seen, s->flip, n);
    hasher_final(&seen, &s->ss->openings);
    return OK;
}

/* Our share of the value of a row. */
static ring finish(const struct sigmoid_chain *s, size_t row)
{
    ring value = 0;

    for (uint32_t l = 0; l < s->bits; l++) {
        const ring d = s->flip[row] >> l & 1, x = (s->bit[row * s->bits + l] ^ -d) + d; /* -x when d is 1 */

        value += (x + (s->me == s->last ? d : 0)) << l;
    }
    if (s->last == 1) /* the bit says whether the two shares wrapped */
        value = s->value[row] - 256 * value;
    return value * s->table->unit & ring_mask(s->plan->k);
}

static status look_up(struct sigmoid_chain *s, struct sigmoid_table *table, const ring *score, uint32_t pass)
{
    s->table = table;
    begin(s, score, pass);
    TRY(choose(s, pass));
    TRY(pass_on(s, pass));
    return flip(s, pass);
}

/* What our index dropped of a score, less the half of it that is dropped on average, along the contract's slope: the
 * table's entry is for the middle, and this moves it most of the way to where the score is.  [SPEC 4.5.2] */
static ring between_entries(const struct sigmoid_chain *s, ring score)
{
    const uint32_t dropped = s->plan->fore_bits - s->plan->table_bits;
    const ring_signed rest = (ring_signed)(score & ring_mask(dropped)) - ((ring_signed)1 << (dropped - 1));

    return (ring)ring_round_shift(rest * s->ss->contract->slope_1024, 8); /* 4 slope / 1024 */
}

status sigmoid_run(struct sigmoid_chain *s, ring *out, const ring *score, uint32_t pass)
{
    TRY(look_up(s, &s->curve, score, pass));
    for (size_t row = 0; row < s->plan->n; row++)
        out[row] = (finish(s, row) + between_entries(s, score[row])) & ring_mask(s->plan->k);
    return OK;
}

status sigmoid_beyond(struct sigmoid_chain *s, ring *out, const ring *score, uint32_t pass)
{
    TRY(look_up(s, &s->range, score, pass));
    *out = 0;
    for (size_t row = 0; row < s->plan->n; row++)
        *out = (*out + finish(s, row)) & ring_mask(s->plan->k);
    return OK;
}
