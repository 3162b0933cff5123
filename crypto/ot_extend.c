/* SoftSpokenOT (Roy, CRYPTO 2022, ePrint 2022/192), semi-honest, over GF(16).  [SPEC 3.6] */
#include "crypto/aes.h"
#include "crypto/ot_parts.h"
#include "crypto/wire.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIELD = 1 << OT_FIELD_BITS,        /* leaves of a tree */
    TREES = OT_BITS / OT_FIELD_BITS,   /* small VOLEs; rows of a message */
    STRIP = 64,                        /* blocks of a row that are worked on at once: 8,192 OTs, in the second-level cache */
    STRIP_BYTES = STRIP * AES_BYTES
};

struct strip {
    struct ot_block counter[STRIP];
    struct ot_block leaf[FIELD][STRIP];
    struct ot_block row[OT_BITS][STRIP];
    struct ot_block last[OT_BITS]; /* blocks of which only some are wanted */
};

struct ot_sender {
    struct ot_block delta;
    struct aes leaf[TREES][FIELD]; /* of field element delta + y at y; none at 0 */
    uint64_t next;
    int ready;
    struct ot_chooser base;
    struct strip strip;
};

struct ot_receiver {
    struct aes leaf[TREES][FIELD];
    uint64_t next;
    struct strip strip;
};

void ot_sender_free(struct ot_sender *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < TREES * FIELD; i++)
        aes_clear(&s->leaf[i / FIELD][i % FIELD]);
    sodium_memzero(s, sizeof *s);
    free(s);
}

void ot_receiver_free(struct ot_receiver *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < TREES * FIELD; i++)
        aes_clear(&r->leaf[i / FIELD][i % FIELD]);
    sodium_memzero(r, sizeof *r);
    free(r);
}

static void drop_sender(struct ot_sender **s)
{
    ot_sender_free(*s);
}

static void drop_receiver(struct ot_receiver **r)
{
    ot_receiver_free(*r);
}

static void xor_bytes(void *out, const void *x, size_t len)
{
    uint8_t *to = out;
    const uint8_t *from = x;

    for (size_t i = 0; i < len; i++)
        to[i] ^= from[i];
}

/* --- trees ---------------------------------------------------------------------------------------------------------- */

/* Both children of a node: AES_node(0), AES_node(1). */
static status split(struct ot_block child[2], const struct ot_block *node)
{
    static const uint8_t sides[2][AES_BYTES] = {{0}, {[AES_BYTES - 1] = 1}};
    struct aes key AUTO(aes_clear) = {0};

    TRY(aes_init(&key, node->bytes));
    aes_encrypt(&key, child[0].bytes, sides[0], 2);
    return OK;
}

/* All leaves of the tree above node[0], and for every level the sums of its left and of its right nodes.  The child on
 * side b of node x at level i is x + b 2^i. */
static status grow(struct ot_block node[FIELD], struct ot_block sum[OT_FIELD_BITS][2])
{
    struct ot_block child[2];

    memset(sum, 0, OT_FIELD_BITS * sizeof sum[0]);
    for (size_t i = 0; i < OT_FIELD_BITS; i++)
        for (size_t x = 0; x < (size_t)1 << i; x++) {
            TRY(split(child, &node[x]));
            node[x] = child[0];
            node[x + ((size_t)1 << i)] = child[1];
            xor_bytes(sum[i], child, sizeof child);
        }
    sodium_memzero(child, sizeof child);
    return OK;
}

/* All leaves but that of delta, the node of x at x xor delta, from the sums that delta does not lie under.  What is done
 * does not depend on delta: children trade places by masks. */
static status regrow(struct ot_block node[FIELD], const struct ot_block *sum, const struct ot_block *delta, size_t first)
{
    struct ot_block child[2];

    for (size_t i = 0; i < OT_FIELD_BITS; i++) {
        size_t half = (size_t)1 << i;
        uint8_t swap = ot_mask(ot_bit(delta, first + i));

        node[half] = sum[i];
        for (size_t y = 1; y < half; y++) {
            TRY(split(child, &node[y]));
            for (size_t b = 0; b < AES_BYTES; b++) {
                uint8_t trade = (uint8_t)((child[0].bytes[b] ^ child[1].bytes[b]) & swap);

                node[y].bytes[b] = child[0].bytes[b] ^ trade;
                node[y + half].bytes[b] = child[1].bytes[b] ^ trade;
            }
            xor_bytes(&node[half], &node[y + half], AES_BYTES);
        }
    }
    sodium_memzero(child, sizeof child);
    return OK;
}

/* --- set-up --------------------------------------------------------------------------------------------------------- */

status ot_sender_new(struct ot_sender **out, uint8_t offer[OT_OFFER_BYTES], const struct ot_context *where, struct rng *g)
{
    struct ot_sender *s AUTO(drop_sender) = NULL;
    struct ot_block choices;
    struct hash context;

    TRY(alloc_zeroed(&s, 1, sizeof *s));
    ot_context_hash(&context, where);
    rng_fill(g, s->delta.bytes, sizeof s->delta.bytes);
    for (size_t b = 0; b < sizeof choices.bytes; b++) /* of each pair the sum that delta does not lie under */
        choices.bytes[b] = (uint8_t)~s->delta.bytes[b];
    ot_base_offer(&s->base, offer, &context, &choices, g);
    sodium_memzero(&choices, sizeof choices);
    *out = s;
    s = NULL;
    return OK;
}

struct pads { struct ot_block pad[OT_BITS][2]; };
struct chosen { struct ot_block pad[OT_BITS]; };
struct tree { struct ot_block node[FIELD], sum[OT_FIELD_BITS][2]; };

static void pads_clear(struct pads *p)
{
    sodium_memzero(p, sizeof *p);
}

static void chosen_clear(struct chosen *c)
{
    sodium_memzero(c, sizeof *c);
}

static void tree_clear(struct tree *t)
{
    sodium_memzero(t, sizeof *t);
}

status ot_receiver_new(struct ot_receiver **out, uint8_t answer[OT_ANSWER_BYTES], const uint8_t offer[OT_OFFER_BYTES],
                       const struct ot_context *where, struct rng *g)
{
    struct ot_receiver *r AUTO(drop_receiver) = NULL;
    struct pads pads AUTO(pads_clear);
    struct tree tree AUTO(tree_clear);
    struct group_element point;
    struct hash context;

    ot_context_hash(&context, where);
    TRY(ot_base_answer(pads.pad, &point, offer, &context, g));
    TRY(alloc_zeroed(&r, 1, sizeof *r));
    for (size_t l = 0; l < TREES; l++) {
        rng_fill(g, tree.node[0].bytes, AES_BYTES);
        TRY(grow(tree.node, tree.sum));
        xor_bytes(pads.pad[l * OT_FIELD_BITS], tree.sum, sizeof tree.sum);
        for (size_t x = 0; x < FIELD; x++)
            TRY(aes_init(&r->leaf[l][x], tree.node[x].bytes));
    }
    memcpy(answer, point.bytes, GROUP_BYTES);
    memcpy(answer + GROUP_BYTES, pads.pad, sizeof pads.pad);
    *out = r;
    r = NULL;
    return OK;
}

status ot_sender_finish(struct ot_sender *s, const uint8_t answer[OT_ANSWER_BYTES])
{
    struct chosen chosen AUTO(chosen_clear);
    struct tree tree AUTO(tree_clear);
    struct group_element point;

    assert(!s->ready);
    memcpy(point.bytes, answer, GROUP_BYTES);
    TRY(ot_base_finish(chosen.pad, &s->base, &point));
    for (size_t i = 0; i < OT_BITS; i++) {
        const uint8_t *both = answer + GROUP_BYTES + i * 2 * AES_BYTES;
        uint8_t right = ot_mask(ot_bit(&s->base.choices, i));

        for (size_t b = 0; b < AES_BYTES; b++)
            chosen.pad[i].bytes[b] ^= (uint8_t)(both[b] ^ ((both[b] ^ both[AES_BYTES + b]) & right));
    }
    for (size_t l = 0; l < TREES; l++) {
        TRY(regrow(tree.node, chosen.pad + l * OT_FIELD_BITS, &s->delta, l * OT_FIELD_BITS));
        for (size_t y = 1; y < FIELD; y++)
            TRY(aes_init(&s->leaf[l][y], tree.node[y].bytes));
    }
    sodium_memzero(&s->base, sizeof s->base);
    s->ready = 1;
    return OK;
}

/* --- extension ------------------------------------------------------------------------------------------------------ */

static void set_counters(struct strip *p, uint64_t first, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++)
        store_u64(p->counter[i].bytes + 8, first + i);
}

/* The four rows of tree l: row j is the sum of the leaves whose number has bit j.  leaf[0] becomes the sum of all. */
static void fold(struct strip *p, size_t l, size_t blocks)
{
    size_t len = blocks * AES_BYTES;

    for (size_t j = 0; j < OT_FIELD_BITS; j++) {
        struct ot_block *row = p->row[l * OT_FIELD_BITS + j];

        memset(row, 0, len);
        for (size_t k = 0; k < (size_t)FIELD >> (j + 1); k++) {
            xor_bytes(row, p->leaf[2 * k + 1], len);
            if (k)
                memcpy(p->leaf[k], p->leaf[2 * k], len);
            xor_bytes(p->leaf[k], p->leaf[2 * k + 1], len);
        }
    }
}

/* The blocks of a strip; the last one may be wanted in part only. */
static void put_blocks(struct ot_block *out, struct strip *p, size_t count)
{
    size_t whole = count / OT_BITS, rest = count % OT_BITS;

    ot_transpose(out, p->row[0][0].bytes, STRIP_BYTES, whole);
    if (rest) {
        ot_transpose(p->last, p->row[0][whole].bytes, STRIP_BYTES, 1);
        memcpy(out + whole * OT_BITS, p->last, rest * sizeof *out);
    }
}

void ot_receiver_extend(struct ot_receiver *r, struct ot_block *t, uint8_t *message, const uint8_t *choices, size_t count)
{
    struct strip *p = &r->strip;
    size_t row_bytes = ot_padded(count) / 8;

    for (size_t done = 0; done < count; done += STRIP * OT_BITS) {
        size_t left = count - done, part = left < STRIP * OT_BITS ? left : STRIP * OT_BITS;
        size_t blocks = ot_padded(part) / OT_BITS;

        set_counters(p, (r->next + done) / OT_BITS, blocks);
        for (size_t l = 0; l < TREES; l++) {
            uint8_t *correction = message + l * row_bytes + done / 8;

            for (size_t x = 0; x < FIELD; x++)
                aes_encrypt(&r->leaf[l][x], p->leaf[x][0].bytes, p->counter[0].bytes, blocks);
            fold(p, l, blocks);
            memcpy(correction, p->leaf[0], blocks * AES_BYTES);
            xor_bytes(correction, choices + done / 8, part / 8);
            if (part % 8)
                correction[part / 8] ^= (uint8_t)(choices[(done + part) / 8] & ((1u << part % 8) - 1));
        }
        put_blocks(t + done, p, part);
    }
    r->next += ot_padded(count);
}

void ot_sender_extend(struct ot_sender *s, struct ot_block *q, const uint8_t *message, size_t count)
{
    struct strip *p = &s->strip;
    size_t row_bytes = ot_padded(count) / 8;

    assert(s->ready);
    for (size_t done = 0; done < count; done += STRIP * OT_BITS) {
        size_t left = count - done, part = left < STRIP * OT_BITS ? left : STRIP * OT_BITS;
        size_t blocks = ot_padded(part) / OT_BITS;

        set_counters(p, (s->next + done) / OT_BITS, blocks);
        for (size_t l = 0; l < TREES; l++) {
            const uint8_t *correction = message + l * row_bytes + done / 8;

            memset(p->leaf[0], 0, blocks * AES_BYTES);
            for (size_t y = 1; y < FIELD; y++)
                aes_encrypt(&s->leaf[l][y], p->leaf[y][0].bytes, p->counter[0].bytes, blocks);
            fold(p, l, blocks);
            for (size_t j = 0; j < OT_FIELD_BITS; j++) {
                uint8_t mask = ot_mask(ot_bit(&s->delta, l * OT_FIELD_BITS + j)), *row = p->row[l * OT_FIELD_BITS + j][0].bytes;

                for (size_t b = 0; b < blocks * AES_BYTES; b++)
                    row[b] ^= correction[b] & mask;
            }
        }
        put_blocks(q + done, p, part);
    }
    s->next += ot_padded(count);
}

uint64_t ot_sender_next(const struct ot_sender *s)
{
    return s->next;
}

uint64_t ot_receiver_next(const struct ot_receiver *r)
{
    return r->next;
}

const struct ot_block *ot_sender_delta(const struct ot_sender *s)
{
    return &s->delta;
}
