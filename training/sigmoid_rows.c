/* What the look-up does to single rows: local arithmetic around the pads of oblivious transfers.  [SPEC 4.5.2] */
#include "training/sigmoid_parts.h"

#include <sodium.h>
#include <string.h>

/* ---- one row of the table ---- */

/* out = the table as it stands for our index, rounded for this row. */
static void row_of_table(const struct sigmoid_chain *s, uint8_t *out, size_t row)
{
    const uint32_t *level = s->table->level, up = s->rounding[row], at = s->index[row];

    for (uint32_t j = at; j < s->entries; j++)
        *out++ = (uint8_t)((level[j] + up) >> LEVEL_FRACTION);
    for (uint32_t j = 0; j < at; j++)
        *out++ = (uint8_t)((level[j] + up) >> LEVEL_FRACTION);
}

void sigmoid_fill(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t first, size_t count, uint8_t *wire)
{
    (void)p, (void)h, (void)wire;
    for (size_t i = first; i < first + count; i++)
        row_of_table(s, s->held + i * s->entries, i);
}

/* out = row turned left by places. */
static void turned(uint8_t *out, const uint8_t *row, uint32_t entries, uint32_t places)
{
    memcpy(out, row + places, entries - places);
    memcpy(out + entries - places, row, places);
}

static uint8_t mask_of(uint32_t bit)
{
    return (uint8_t)-(bit & 1);
}

/* ---- conversion of bits [SPEC 4.5.2] step 3 ---- */

/* We hold x of each bit, the receiver chooses by its bit b: it gets R + b x, we keep -R.  Together with it the value's bit
 * becomes x + b - 2 b x: our share x + 2 R. */
static void convert_send(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t row, uint8_t *wire)
{
    const size_t item = item_ring(s->plan->k), at = row * s->bits;
    const ring mask = ring_mask(s->plan->k);
    uint8_t zero[BITS_MAX][16], one[BITS_MAX][16];

    ot_expand(h, zero[0], sizeof zero[0], p->convert + at, NULL, p->first_convert + at, s->bits);
    ot_expand(h, one[0], sizeof one[0], p->convert + at, ot_sender_delta(p->sender), p->first_convert + at, s->bits);
    for (uint32_t l = 0; l < s->bits; l++) {
        const ring r = ring_get(zero[l], sizeof zero[l]), other = ring_get(one[l], sizeof one[l]);

        ring_put(wire + l * item, item, (r - other + s->bit[at + l]) & mask);
        s->bit[at + l] = (s->bit[at + l] + 2 * r) & mask;
    }
    sodium_memzero(zero, sizeof zero);
    sodium_memzero(one, sizeof one);
}

static void convert_receive(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t row, const uint8_t *wire)
{
    const size_t item = item_ring(s->plan->k), at = row * s->bits;
    const ring mask = ring_mask(s->plan->k);
    uint8_t pad[BITS_MAX][16];

    ot_expand(h, pad[0], sizeof pad[0], p->convert + at, NULL, p->first_convert + at, s->bits);
    for (uint32_t l = 0; l < s->bits; l++) {
        const ring chosen = -(ring)(s->mask[row] >> l & 1) & ring_get(wire + l * item, item);

        s->bit[at + l] = (s->bit[at + l] - 2 * (ring_get(pad[l], sizeof pad[l]) + chosen)) & mask;
    }
    sodium_memzero(pad, sizeof pad);
}

/* ---- turning: steps 1 and 2, three parties or more ---- */

/* Bit l of the receiver's index decides whether its table turns by 2^l: it gets R + b (S + turned S), we keep S + R. */
void sigmoid_turn_send(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t first, size_t count, uint8_t *wire)
{
    const uint32_t entries = s->entries, bits = s->plan->table_bits;
    uint8_t zero[TABLE_BITS_MAX * TABLE_ENTRIES_MAX], one[TABLE_BITS_MAX * TABLE_ENTRIES_MAX], other[TABLE_ENTRIES_MAX];

    for (size_t row = first; row < first + count; row++, wire += item_turn(bits, s->plan->k)) {
        const uint64_t at = row * bits;
        uint8_t *held = s->held + row * entries;

        ot_expand(h, zero, entries, p->index + at, NULL, p->first_index + at, bits);
        ot_expand(h, one, entries, p->index + at, ot_sender_delta(p->sender), p->first_index + at, bits);
        for (uint32_t l = 0; l < bits; l++) {
            const uint8_t *r = zero + l * entries, *r1 = one + l * entries;
            uint8_t *out = wire + l * entries;

            turned(other, held, entries, 1u << l);
            for (uint32_t j = 0; j < entries; j++) {
                out[j] = r[j] ^ r1[j] ^ held[j] ^ other[j];
                held[j] ^= r[j];
            }
        }
        convert_send(s, p, h, row, wire + bits * entries);
    }
    sodium_memzero(zero, sizeof zero);
    sodium_memzero(one, sizeof one);
    sodium_memzero(other, sizeof other);
}

void sigmoid_turn_receive(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t first, size_t count, uint8_t *wire)
{
    const uint32_t entries = s->entries, bits = s->plan->table_bits;
    uint8_t pad[TABLE_BITS_MAX * TABLE_ENTRIES_MAX], sum[TABLE_ENTRIES_MAX], other[TABLE_ENTRIES_MAX];

    for (size_t row = first; row < first + count; row++, wire += item_turn(bits, s->plan->k)) {
        const uint64_t at = row * bits;
        uint8_t *held = s->held + row * entries;

        ot_expand(h, pad, entries, p->index + at, NULL, p->first_index + at, bits);
        memset(sum, 0, sizeof sum);
        for (uint32_t l = 0; l < bits; l++) {
            const uint8_t turn = mask_of((uint32_t)s->index[row] >> l), *r = pad + l * entries, *in = wire + l * entries;

            turned(other, sum, entries, 1u << l);
            for (uint32_t j = 0; j < entries; j++)
                sum[j] ^= r[j] ^ (turn & (sum[j] ^ other[j] ^ in[j]));
        }
        for (uint32_t j = 0; j < entries; j++)
            held[j] ^= sum[j];
        convert_receive(s, p, h, row, wire + bits * entries);
    }
    sodium_memzero(pad, sizeof pad);
    sodium_memzero(sum, sizeof sum);
    sodium_memzero(other, sizeof other);
}

/* ---- fetching: the end of the chain gets one entry of each share of the table ---- */

void sigmoid_fetch_send(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t first, size_t count, uint8_t *wire)
{
    const uint32_t entries = s->entries, bits = s->plan->table_bits;
    uint8_t pad[TABLE_ENTRIES_MAX];

    for (size_t row = first; row < first + count; row++, wire += item_table(s->ss->parties, bits, s->plan->k)) {
        const uint64_t at = row * bits;
        const uint8_t *held = s->held + row * entries;

        ot_sender_entries(h, pad, bits, 1, p->index + at, ot_sender_delta(p->sender), p->first_index + at, 1);
        for (uint32_t j = 0; j < entries; j++)
            wire[j] = held[j] ^ pad[j] ^ s->mask[row];
        convert_send(s, p, h, row, wire + entries);
    }
    sodium_memzero(pad, sizeof pad);
}

void sigmoid_fetch_receive(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t first, size_t count, uint8_t *wire)
{
    const uint32_t bits = s->plan->table_bits;
    uint8_t pad;

    for (size_t row = first; row < first + count; row++, wire += item_table(s->ss->parties, bits, s->plan->k)) {
        const uint64_t at = row * bits;

        ot_receiver_entry(h, &pad, bits, 1, &s->index[row], p->index + at, p->first_index + at, 1);
        s->value[row] ^= (uint8_t)(pad ^ wire[s->index[row]]);
        s->flip[row] = s->value[row] ^ s->mask[row];
        convert_receive(s, p, h, row, wire + s->entries);
    }
}

/* Two parties: an entry T is sent as T - v mod 256, v our random share, and whether that wrapped, masked: nine bits. */
void sigmoid_pair_send(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t first, size_t count, uint8_t *wire)
{
    const uint32_t entries = s->entries, bits = s->plan->table_bits;
    uint8_t pad[TABLE_ENTRIES_MAX][2], entry[TABLE_ENTRIES_MAX], wrap[TABLE_ENTRIES_MAX];

    for (size_t row = first; row < first + count; row++, wire += item_table(2, bits, s->plan->k)) {
        const uint64_t at = row * bits;
        const uint8_t share = s->value[row];

        row_of_table(s, entry, row);
        ot_sender_entries(h, pad[0], bits, 2, p->index + at, ot_sender_delta(p->sender), p->first_index + at, 1);
        for (uint32_t j = 0; j < entries; j++) {
            wrap[j] = (uint8_t)((pad[j][1] ^ s->mask[row] ^ (share > entry[j])) & 1);
            wire[j] = (uint8_t)(entry[j] - share) ^ pad[j][0];
        }
        for (uint32_t j = 0; j < entries; j += 8) {
            uint32_t byte = 0;

            for (uint32_t b = 0; b < 8; b++)
                byte |= (uint32_t)wrap[j + b] << b;
            wire[entries + j / 8] = (uint8_t)byte;
        }
        convert_send(s, p, h, row, wire + entries + entries / 8);
    }
    sodium_memzero(pad, sizeof pad);
    sodium_memzero(entry, sizeof entry);
    sodium_memzero(wrap, sizeof wrap);
}

void sigmoid_pair_receive(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t first, size_t count, uint8_t *wire)
{
    const uint32_t entries = s->entries, bits = s->plan->table_bits;
    uint8_t pad[2];

    for (size_t row = first; row < first + count; row++, wire += item_table(2, bits, s->plan->k)) {
        const uint64_t at = row * bits;
        const uint32_t i = s->index[row];

        ot_receiver_entry(h, pad, bits, 2, &s->index[row], p->index + at, p->first_index + at, 1);
        s->value[row] = wire[i] ^ pad[0];
        s->flip[row] = (uint8_t)((wire[entries + i / 8] >> i % 8 ^ pad[1] ^ s->mask[row]) & 1);
        convert_receive(s, p, h, row, wire + entries + entries / 8);
    }
}
