#include "protocol/schedule.h"

#include "protocol/messages.h"

#include <stdlib.h>
#include <string.h>

/* The list being written, for one party.  Errors latch, so that the list below reads like the specification. */
struct pen {
    struct schedule *out;
    const struct contract *c;
    party self, parties;
    size_t limit;
    uint64_t sent, received;
    int full;
    status state;
};

void schedule_clear(struct schedule *s)
{
    free(s->step);
    memset(s, 0, sizeof *s);
}

static void put(struct pen *pen, struct schedule_step step)
{
    struct schedule *s = pen->out;

    if (s->count == pen->limit)
        pen->full = 1;
    if (pen->state != OK || pen->full)
        return;
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 1024;
        struct schedule_step *grown = reallocarray(s->step, cap, sizeof *grown);

        if (!grown) {
            pen->state = STATUS_NO_MEMORY;
            return;
        }
        s->step = grown;
        s->cap = cap;
    }
    s->step[s->count++] = step;
    pen->sent += step.type == RECORD_SEND;
    pen->received += step.type == RECORD_RECV;
}

static void message(struct pen *pen, enum record_type type, party peer, enum message_kind kind, uint32_t pass,
                    uint64_t index, uint64_t len)
{
    put(pen, (struct schedule_step){.type = type,
                                    .peer = peer,
                                    .kind = (uint16_t)kind,
                                    .phase = (uint16_t)message_info((uint16_t)kind)->phase,
                                    .pass = pass,
                                    .index = index,
                                    .body_len = len});
}

/* Bytes of record i of a vector of count items.  [SPEC 6.2] */
static uint64_t part_len(size_t item, uint64_t count, uint64_t i)
{
    uint64_t per = vector_items_per_record(item), left = count - i * per;

    return (left < per ? left : per) * item;
}

static void vector(struct pen *pen, enum record_type type, party peer, enum message_kind kind, uint32_t pass,
                   size_t item, uint64_t count)
{
    for (uint64_t i = 0; i < vector_records(item, count) && !pen->full; i++)
        message(pen, type, peer, kind, pass, i, part_len(item, count, i));
}

/* The same vector to every peer, record by record, so that it can be made as a stream. */
static void vector_to_all(struct pen *pen, enum message_kind kind, uint32_t pass, size_t item, uint64_t count)
{
    for (uint64_t i = 0; i < vector_records(item, count) && !pen->full; i++)
        for (party p = 0; p < pen->parties; p++)
            if (p != pen->self)
                message(pen, RECORD_SEND, p, kind, pass, i, part_len(item, count, i));
}

/* Each to all: first every send, then every receive. */
static void to_all(struct pen *pen, enum message_kind kind, uint32_t pass, uint64_t len)
{
    for (party p = 0; p < pen->parties; p++)
        if (p != pen->self)
            message(pen, RECORD_SEND, p, kind, pass, 0, len);
}

static void from_all(struct pen *pen, enum message_kind kind, uint32_t pass, uint64_t len)
{
    for (party p = 0; p < pen->parties; p++)
        if (p != pen->self)
            message(pen, RECORD_RECV, p, kind, pass, 0, len);
}

static void exchange(struct pen *pen, enum message_kind kind, uint32_t pass, uint64_t len)
{
    to_all(pen, kind, pass, len);
    from_all(pen, kind, pass, len);
}

static void fact(struct pen *pen, enum fact kind, uint64_t a, uint64_t b)
{
    put(pen, (struct schedule_step){.type = RECORD_FACT, .peer = pen->self, .kind = (uint16_t)kind, .a = a, .b = b});
}

/* One to all. */
static void announce(struct pen *pen, party from, enum message_kind kind, size_t item, uint64_t count)
{
    if (pen->self != from)
        vector(pen, RECORD_RECV, from, kind, 0, item, count);
    else
        for (party p = 0; p < pen->parties; p++)
            if (p != from)
                vector(pen, RECORD_SEND, p, kind, 0, item, count);
}

/* [SPEC 2.3] */
static void handshake(struct pen *pen, enum stage stage)
{
    exchange(pen, MESSAGE_commit, 0, BODY_COMMIT);
    for (party p = 0; p < pen->parties; p++) {
        fact(pen, FACT_SEED, p, 0);
        fact(pen, FACT_DATA, p, 0);
    }
    exchange(pen, MESSAGE_nonce, 0, BODY_NONCE);
    fact(pen, FACT_RUN, 0, 0);
    if (stage == STAGE_ONLINE) {
        exchange(pen, MESSAGE_link, 0, BODY_LINK);
        return;
    }
    to_all(pen, MESSAGE_key, 0, body_key(pen->c->key_bits));
    fact(pen, FACT_KEY, pen->self, 0);
    for (party p = 0; p < pen->parties; p++) {
        if (p == pen->self)
            continue;
        message(pen, RECORD_RECV, p, MESSAGE_key, 0, 0, body_key(pen->c->key_bits));
        fact(pen, FACT_KEY, p, 0);
    }
}

/* [SPEC 5.2] The way of set i: its owner, then round the ring, then the comparer unless it was the last.  The way of
 * the list is the same, backwards. */
static uint32_t ring_path(const struct contract *c, party i, int back, party path[PARTIES_MAX + 1])
{
    const party comparer = (party)(c->parties - 1);
    uint32_t len = 0;

    for (party h = 0; h < c->parties; h++)
        path[len++] = (party)((i + h) % c->parties);
    if (path[len - 1] != comparer)
        path[len++] = comparer;
    for (uint32_t a = 0, b = len - 1; back && a < b; a++, b--) {
        party swap = path[a];

        path[a] = path[b];
        path[b] = swap;
    }
    return len;
}

/* All sets move at once: hop after hop, in each hop first the sends, then the receives. */
static void ring_walk(struct pen *pen, enum message_kind kind, int back, size_t item, const uint32_t *common)
{
    party path[PARTIES_MAX + 1];

    for (uint32_t hop = 0; hop < pen->parties; hop++)
        for (int receive = 0; receive < 2; receive++)
            for (party i = 0; i < pen->parties; i++) {
                uint32_t len = ring_path(pen->c, i, back, path);
                uint64_t count = common ? *common : pen->c->party[i].rows;

                if (hop + 1 >= len)
                    continue;
                if (!receive && path[hop] == pen->self)
                    vector(pen, RECORD_SEND, path[hop + 1], kind, i, item, count);
                if (receive && path[hop + 1] == pen->self)
                    vector(pen, RECORD_RECV, path[hop], kind, i, item, count);
            }
}

/* [SPEC 4.2] gather and scatter under each key owner's ciphertexts, once for all passes. */
static void prepare(struct pen *pen, const struct plan *plan)
{
    const size_t item = item_cipher(pen->c->key_bits);
    const party self = pen->self;

    /* step 1: the masks of this party's own key */
    for (uint32_t g = 0; g < plan->back_groups; g++)
        vector_to_all(pen, MESSAGE_back_mask, g, item, plan->n);
    for (party p = 0; p < pen->parties; p++) {
        const uint64_t width = contract_width(pen->c, p);

        if (p == self)
            continue;
        for (uint32_t g = 0; g < plan->fore[p].groups; g++)
            vector(pen, RECORD_SEND, p, MESSAGE_fore_mask, g, item, width * plan->fore[p].rows);
        for (uint32_t g = 0; g < plan->back_groups; g++)
            vector(pen, RECORD_SEND, p, MESSAGE_back_ridge, g, item, width);
    }
    /* step 2: the others' masks, each answered */
    for (party q = 0; q < pen->parties; q++) {
        const uint64_t width = contract_width(pen->c, self);

        if (q == self)
            continue;
        for (uint32_t g = 0; g < plan->back_groups; g++)
            vector(pen, RECORD_RECV, q, MESSAGE_back_mask, g, item, plan->n);
        for (uint32_t g = 0; g < plan->fore[self].groups; g++)
            vector(pen, RECORD_RECV, q, MESSAGE_fore_mask, g, item, width * plan->fore[self].rows);
        for (uint32_t g = 0; g < plan->back_groups; g++)
            vector(pen, RECORD_RECV, q, MESSAGE_back_ridge, g, item, width);
        for (uint32_t g = 0; g < plan->fore[self].groups; g++)
            vector(pen, RECORD_SEND, q, MESSAGE_fore_reply, g, item, plan->fore[self].replies);
        for (uint32_t g = 0; g < plan->back_groups; g++)
            vector(pen, RECORD_SEND, q, MESSAGE_back_reply, g, item, width);
    }
    /* step 3: the answers */
    for (party p = 0; p < pen->parties; p++) {
        if (p == self)
            continue;
        for (uint32_t g = 0; g < plan->fore[p].groups; g++)
            vector(pen, RECORD_RECV, p, MESSAGE_fore_reply, g, item, plan->fore[p].replies);
        for (uint32_t g = 0; g < plan->back_groups; g++)
            vector(pen, RECORD_RECV, p, MESSAGE_back_reply, g, item, contract_width(pen->c, p));
    }
}

/* [SPEC 4.2.1] each pair of the sigmoid's chain sets up its transfers: the earlier one offers, the later one answers. */
static void transfers(struct pen *pen)
{
    party chain[PARTIES_MAX];
    uint32_t me = 0;

    contract_chain(chain, pen->c);
    while (chain[me] != pen->self)
        me++;
    for (uint32_t q = me + 1; q < pen->parties; q++)
        message(pen, RECORD_SEND, chain[q], MESSAGE_ot_offer, 0, 0, BODY_OT_OFFER);
    for (uint32_t h = 0; h < me; h++) {
        message(pen, RECORD_RECV, chain[h], MESSAGE_ot_offer, 0, 0, BODY_OT_OFFER);
        message(pen, RECORD_SEND, chain[h], MESSAGE_ot_answer, 0, 0, BODY_OT_ANSWER);
    }
    for (uint32_t q = me + 1; q < pen->parties; q++)
        message(pen, RECORD_RECV, chain[q], MESSAGE_ot_answer, 0, 0, BODY_OT_ANSWER);
}

/* [SPEC 4.5.2] one table, looked up for every row: choices back along the chain, then hop after hop along it, at last the
 * bits that its end flips. */
static void look_up(struct pen *pen, const struct plan *plan, uint32_t pass)
{
    const uint32_t last = pen->parties - 1u, bits = sigmoid_share_bits(pen->parties);
    const uint64_t choices = ((uint64_t)plan->n * plan->table_bits + 127) / 128 + ((uint64_t)plan->n * bits + 127) / 128;
    party chain[PARTIES_MAX];
    uint32_t me = 0;

    contract_chain(chain, pen->c);
    while (chain[me] != pen->self)
        me++;
    for (uint32_t h = 0; h < me; h++)
        vector(pen, RECORD_SEND, chain[h], MESSAGE_choice, pass, ITEM_CHOICE, choices);
    for (uint32_t q = me + 1; q <= last; q++)
        vector(pen, RECORD_RECV, chain[q], MESSAGE_choice, pass, ITEM_CHOICE, choices);
    for (uint32_t q = 1; q <= last; q++) {
        const enum message_kind kind = q < last ? MESSAGE_turn : MESSAGE_table;
        const size_t item = q < last ? item_turn(plan->table_bits, plan->k)
                                     : item_table(pen->parties, plan->table_bits, plan->k);

        if (me < q)
            vector(pen, RECORD_SEND, chain[q], kind, pass, item, plan->n);
        for (uint32_t h = 0; me == q && h < q; h++)
            vector(pen, RECORD_RECV, chain[h], kind, pass, item, plan->n);
    }
    if (me < last)
        vector(pen, RECORD_RECV, chain[last], MESSAGE_flip, pass, ITEM_FLIP, plan->n);
    for (uint32_t h = 0; me == last && h < last; h++)
        vector(pen, RECORD_SEND, chain[h], MESSAGE_flip, pass, ITEM_FLIP, plan->n);
}

/* [SPEC 7.4] in its steps: root to all; roots of all, signature to all; signatures of all. */
static void show(struct pen *pen, uint32_t pass)
{
    to_all(pen, MESSAGE_checkpoint, pass, BODY_CHECKPOINT);
}

static void sign(struct pen *pen, uint32_t pass)
{
    from_all(pen, MESSAGE_checkpoint, pass, BODY_CHECKPOINT);
    to_all(pen, MESSAGE_cosign, pass, BODY_COSIGN);
}

static void close_checkpoint(struct pen *pen, uint32_t pass)
{
    from_all(pen, MESSAGE_cosign, pass, BODY_COSIGN);
    put(pen, (struct schedule_step){.type = RECORD_CHECKPOINT, .peer = pen->self, .pass = pass, .a = pass});
}

static void checkpoint(struct pen *pen, uint32_t pass)
{
    show(pen, pass);
    sign(pen, pass);
    close_checkpoint(pen, pass);
}

/* To each block owner its block. */
static void blocks_out(struct pen *pen, enum message_kind kind, uint32_t pass, size_t item)
{
    for (party p = 0; p < pen->parties; p++)
        if (p != pen->self)
            vector(pen, RECORD_SEND, p, kind, pass, item, contract_width(pen->c, p));
}

/* Ours from each peer. */
static void blocks_in(struct pen *pen, enum message_kind kind, uint32_t pass, size_t item)
{
    for (party p = 0; p < pen->parties; p++)
        if (p != pen->self)
            vector(pen, RECORD_RECV, p, kind, pass, item, contract_width(pen->c, pen->self));
}

/* [SPEC 4.5] one pass; in the first all weights are zero and nothing needs to be said about them. */
static void train(struct pen *pen, const struct plan *plan, uint32_t pass)
{
    const size_t item = item_ring(plan->k);

    if (pass > 1) {
        blocks_out(pen, MESSAGE_weight, pass, item);
        close_checkpoint(pen, pass - 1);
        blocks_in(pen, MESSAGE_weight, pass, item);
    }
    if (plan->table_bits && pass == pen->c->passes) { /* the same scores in the table of the range, as pass 0 */
        look_up(pen, plan, 0);
        exchange(pen, MESSAGE_range, pass, item);
    }
    if (plan->table_bits && pass > 1)
        look_up(pen, plan, pass);
    vector_to_all(pen, MESSAGE_residual, pass, item, plan->n);
    for (party p = 0; p < pen->parties; p++)
        if (p != pen->self)
            vector(pen, RECORD_RECV, p, MESSAGE_residual, pass, item, plan->n);
    exchange(pen, MESSAGE_lift, pass, BODY_LIFT);
    blocks_out(pen, MESSAGE_gradient, pass, item);
    show(pen, pass);
    blocks_in(pen, MESSAGE_gradient, pass, item);
    sign(pen, pass);
    if (pass == pen->c->passes)
        close_checkpoint(pen, pass);
}

/* [SPEC 4.7] */
static void evaluate(struct pen *pen, uint32_t test)
{
    const party label = contract_label_party(pen->c);

    if (pen->self != label)
        vector(pen, RECORD_SEND, label, MESSAGE_score, 0, ITEM_SCORE, test);
    for (party p = 0; p < pen->parties && pen->self == label; p++)
        if (p != label)
            vector(pen, RECORD_RECV, p, MESSAGE_score, 0, ITEM_SCORE, test);
    announce(pen, label, MESSAGE_metric, BODY_METRIC, 1);
}

static status rows_fit(const struct contract *c, uint32_t rows, struct fault *f)
{
    for (party p = 0; p < c->parties; p++)
        if (rows > c->party[p].rows)
            return fault_set(f, STATUS_LIMIT, "%u common people are more than the %u of %s", rows, c->party[p].rows,
                             c->party[p].name);
    return OK;
}

/* [SPEC 5.5] */
static status split_fits(const struct contract *c, const struct population *p, struct fault *f)
{
    uint32_t drawn = (uint32_t)((uint64_t)p->rows * c->test_permille / 1000);

    TRY(rows_fit(c, p->rows, f));
    if (p->rows < c->min_rows)
        return fault_set(f, STATUS_LIMIT, "%u common people are fewer than the %u that the contract asks for", p->rows,
                         c->min_rows);
    if ((uint64_t)p->train + p->test > p->rows)
        return fault_set(f, STATUS_LIMIT, "%u training and %u test rows are more than %u common people", p->train,
                         p->test, p->rows);
    if (c->test_rule == TEST_DRAWN && (p->test != drawn || p->train != p->rows - drawn))
        return fault_set(f, STATUS_LIMIT, "of %u common people %u are to be drawn as test rows, not %u", p->rows, drawn,
                         p->test);
    if (p->train < 2 || p->test < 2)
        return fault_set(f, STATUS_LIMIT, "%u training and %u test rows are too few", p->train, p->test);
    for (party q = 0; q < c->parties; q++)
        if ((uint64_t)contract_width(c, q) * c->rows_per_bin > p->train)
            return fault_set(f, STATUS_LIMIT, "%s has too many bins for %u training rows", c->party[q].name, p->train);
    return OK;
}

/* [SPEC 5] What is said of the population comes to an end where no more is known; 0 then. */
static int align(struct pen *pen, enum schedule_known known, const struct population *population, struct fault *f)
{
    const struct contract *c = pen->c;

    ring_walk(pen, MESSAGE_psi_set, 0, ITEM_PSI_SET, NULL);
    announce(pen, (party)(c->parties - 1), MESSAGE_psi_count, BODY_PSI_COUNT, 1);
    if (known == KNOWN_NOTHING)
        return 0;
    pen->state = pen->state == OK ? rows_fit(c, population->rows, f) : pen->state;
    if (pen->state != OK)
        return 0;
    ring_walk(pen, MESSAGE_psi_list, 1, ITEM_PSI_LIST, &population->rows);
    exchange(pen, MESSAGE_psi_root, 0, BODY_PSI_ROOT);
    fact(pen, FACT_ALIGNED, 0, 0);
    if (c->test_rule == TEST_LISTED) {
        announce(pen, contract_label_party(c), MESSAGE_split, ITEM_SPLIT, population->rows);
        exchange(pen, MESSAGE_split_root, 0, BODY_SPLIT_ROOT);
    }
    return known == KNOWN_ALL;
}

/* [SPEC 4.5 to 4.7] */
static void online(struct pen *pen, const struct plan *plan, uint32_t test)
{
    if (plan->table_bits)
        transfers(pen);
    checkpoint(pen, 0);
    for (uint32_t pass = 1; pass <= pen->c->passes; pass++)
        train(pen, plan, pass);
    blocks_out(pen, MESSAGE_block, 0, ITEM_BLOCK);
    blocks_in(pen, MESSAGE_block, 0, ITEM_BLOCK);
    evaluate(pen, test);
}

/* [SPEC 2.5] */
status schedule_make(struct schedule *out, const struct contract *c, enum stage stage, party self, size_t limit,
                     enum schedule_known known, const struct population *population, struct fault *f)
{
    struct pen pen = {.out = out, .c = c, .self = self, .parties = c->parties, .limit = limit};
    struct plan plan;

    memset(out, 0, sizeof *out);
    handshake(&pen, stage);
    if (stage == STAGE_ONLINE ? known != KNOWN_ALL : !align(&pen, known, population, f))
        return pen.state;
    fact(&pen, FACT_POPULATION, population->rows, population->train);
    fact(&pen, FACT_TEST_ROWS, population->test, 0);
    TRY(split_fits(c, population, f));
    TRY(plan_make(&plan, c, population->train, f));
    if (stage != STAGE_ONLINE)
        prepare(&pen, &plan);
    if (stage == STAGE_OFFLINE)
        checkpoint(&pen, 0);
    else
        online(&pen, &plan, population->test);
    exchange(&pen, MESSAGE_finish, 0, BODY_FINISH);
    exchange(&pen, MESSAGE_endorse, 0, BODY_ENDORSE);
    put(&pen, (struct schedule_step){.type = RECORD_END, .peer = self, .a = pen.sent, .b = pen.received});
    out->complete = pen.state == OK && !pen.full;
    return pen.state;
}
