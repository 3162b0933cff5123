/* Pads from blocks: the tweakable hash of Guo, Katz, Wang and Yu (IEEE S&P 2020, ePrint 2019/074).  [SPEC 3.7] */
#include "crypto/aes.h"
#include "crypto/ot_parts.h"
#include "crypto/wire.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENTRIES_MAX = 1 << OT_INDEX_BITS_MAX,
    /* One row at its largest: both choices of 8 OTs, 128 entries of 16 bytes each. */
    WORK = 2 * OT_INDEX_BITS_MAX * ENTRIES_MAX / 2 * OT_ENTRY_BYTES_MAX / AES_BYTES
};

struct ot_hash {
    struct aes pi;
    struct ot_block once[WORK]; /* pi(x) */
    struct ot_block work[WORK];
};

status ot_hash_new(struct ot_hash **out, const struct ot_context *where)
{
    struct ot_hash *h = NULL;
    struct hash context, key;
    struct hasher hs;
    status made;

    TRY(alloc_zeroed(&h, 1, sizeof *h));
    ot_context_hash(&context, where);
    hasher_init(&hs, "hefu/ot/pi/v1");
    hasher_add_hash(&hs, &context);
    hasher_final(&hs, &key);
    made = aes_init(&h->pi, key.bytes);
    if (made != OK) {
        free(h);
        return made;
    }
    *out = h;
    return OK;
}

void ot_hash_free(struct ot_hash *h)
{
    if (!h)
        return;
    aes_clear(&h->pi);
    sodium_memzero(h, sizeof *h);
    free(h);
}

static struct ot_block xor_blocks(struct ot_block a, const struct ot_block *b)
{
    for (size_t i = 0; i < sizeof a.bytes; i++)
        a.bytes[i] ^= b->bytes[i];
    return a;
}

/* The tweak is the number of the OT, then that of the block of its pad. */
static struct ot_block tweaked(const struct ot_block *once, uint64_t number, uint64_t block)
{
    struct ot_block tweak;

    store_u64(tweak.bytes, number);
    store_u64(tweak.bytes + 8, block);
    return xor_blocks(tweak, once);
}

static void permute(struct ot_hash *h, struct ot_block *x, size_t count)
{
    aes_encrypt(&h->pi, x[0].bytes, x[0].bytes, count);
}

/* work[i * blocks + j] = block at + j of the pad of once[i], OT number first + i / each. */
static void fill(struct ot_hash *h, uint64_t first, size_t each, size_t count, uint64_t at, size_t blocks)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < blocks; j++)
            h->work[i * blocks + j] = tweaked(&h->once[i], first + i / each, at + j);
    permute(h, h->work, count * blocks);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < blocks; j++)
            h->work[i * blocks + j] = xor_blocks(h->work[i * blocks + j], &h->once[i]);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

void ot_expand(struct ot_hash *h, uint8_t *out, size_t bytes, const struct ot_block *x, const struct ot_block *delta,
               uint64_t first, size_t count)
{
    static const struct ot_block none;
    size_t blocks = (bytes + AES_BYTES - 1) / AES_BYTES, batch = least(WORK / least(blocks ? blocks : 1, WORK), count);

    if (!blocks)
        return;
    for (size_t done = 0; done < count; done += batch) {
        size_t part = least(batch, count - done);

        for (size_t i = 0; i < part; i++)
            h->once[i] = xor_blocks(x[done + i], delta ? delta : &none);
        permute(h, h->once, part);
        for (size_t at = 0; at < blocks; at += WORK) { /* more than once only for a batch of one */
            size_t piece = least(WORK, blocks - at), len = least(piece * AES_BYTES, bytes - at * AES_BYTES);

            fill(h, first + done, 1, part, at, piece);
            for (size_t i = 0; i < part; i++)
                memcpy(out + (done + i) * bytes + at * AES_BYTES, h->work[i * piece].bytes, len);
        }
    }
}

/* --- 1 of N --------------------------------------------------------------------------------------------------------- */

void ot_index_choices(uint8_t *choices, uint32_t bits, const uint8_t *index, size_t rows)
{
    memset(choices, 0, ot_choices_bytes(rows * bits));
    for (size_t row = 0; row < rows; row++)
        for (uint32_t l = 0; l < bits; l++) {
            size_t at = row * bits + l;

            choices[at / 8] = (uint8_t)(choices[at / 8] | (index[row] >> l & 1) << at % 8);
        }
}

/* row ^= runs of zero and of one, taking turns.  The length of a run is a constant where this is called. */
static inline __attribute__((always_inline)) void weave_runs(uint8_t *restrict row, const uint8_t *restrict zero,
                                                             const uint8_t *restrict one, size_t len, size_t run)
{
    for (size_t at = 0; at < len; at += run)
        for (size_t b = 0; b < run; b++) {
            row[2 * at + b] ^= zero[at + b];
            row[2 * at + run + b] ^= one[at + b];
        }
}

static void weave(uint8_t *row, const uint8_t *zero, const uint8_t *one, size_t len, size_t run)
{
    switch (run) {
    case 1: weave_runs(row, zero, one, len, 1); break;
    case 2: weave_runs(row, zero, one, len, 2); break;
    case 4: weave_runs(row, zero, one, len, 4); break;
    case 8: weave_runs(row, zero, one, len, 8); break;
    case 16: weave_runs(row, zero, one, len, 16); break;
    case 32: weave_runs(row, zero, one, len, 32); break;
    default: weave_runs(row, zero, one, len, run); break;
    }
}

/* Where entry j stands among the half of the entries whose bit l is that of j: the other bits of j. */
static size_t place_of(size_t j, uint32_t l)
{
    return j >> (l + 1) << l | (j & (((size_t)1 << l) - 1));
}

static void check_shape(uint32_t bits, uint32_t bytes)
{
    assert(bits >= 1 && bits <= OT_INDEX_BITS_MAX);
    assert(bytes >= 1 && bytes <= OT_ENTRY_BYTES_MAX && (bytes & (bytes - 1)) == 0);
}

void ot_sender_entries(struct ot_hash *h, uint8_t *pads, uint32_t bits, uint32_t bytes, const struct ot_block *q,
                       const struct ot_block *delta, uint64_t first, size_t rows)
{
    size_t half = ((size_t)bytes << bits) / 2, blocks = (half + AES_BYTES - 1) / AES_BYTES, keys = 2 * bits;
    size_t batch = WORK / (keys * blocks);

    check_shape(bits, bytes);
    for (size_t done = 0; done < rows; done += batch) {
        size_t part = least(batch, rows - done);

        for (size_t i = 0; i < part * bits; i++) {
            h->once[2 * i] = q[done * bits + i];
            h->once[2 * i + 1] = xor_blocks(q[done * bits + i], delta);
        }
        permute(h, h->once, part * keys);
        fill(h, first + done * bits, 2, part * keys, 0, blocks);
        for (size_t row = 0; row < part; row++) {
            uint8_t *to = pads + (done + row) * 2 * half;

            memset(to, 0, 2 * half);
            for (size_t l = 0; l < bits; l++) {
                const struct ot_block *zero = h->work + (row * keys + 2 * l) * blocks, *one = zero + blocks;

                weave(to, zero->bytes, one->bytes, half, (size_t)bytes << l);
            }
        }
    }
}

void ot_receiver_entry(struct ot_hash *h, uint8_t *pads, uint32_t bits, uint32_t bytes, const uint8_t *index,
                       const struct ot_block *t, uint64_t first, size_t rows)
{
    size_t batch = WORK / bits;

    check_shape(bits, bytes);
    memset(pads, 0, rows * bytes);
    for (size_t done = 0; done < rows; done += batch) {
        size_t part = least(batch, rows - done);

        memcpy(h->once, t + done * bits, part * bits * sizeof *t);
        permute(h, h->once, part * bits);
        for (size_t row = 0; row < part; row++)
            for (uint32_t l = 0; l < bits; l++) {
                size_t i = row * bits + l, place = place_of(index[done + row], l) * bytes;

                h->work[i] = tweaked(&h->once[i], first + done * bits + i, place / AES_BYTES);
            }
        permute(h, h->work, part * bits);
        for (size_t row = 0; row < part; row++)
            for (uint32_t l = 0; l < bits; l++) {
                size_t i = row * bits + l, place = place_of(index[done + row], l) * bytes % AES_BYTES;

                for (size_t b = 0; b < bytes; b++)
                    pads[(done + row) * bytes + b] ^= h->work[i].bytes[place + b] ^ h->once[i].bytes[place + b];
            }
    }
}
