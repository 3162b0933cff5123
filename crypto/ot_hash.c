/* Pads from blocks: the tweakable hash of Guo, Katz, Wang and Yu (IEEE S&P 2020, ePrint 2019/074).  [SPEC 3.7] */
#include "crypto/aes.h"
#include "crypto/ot_parts.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENTRIES_MAX = 1 << OT_INDEX_BITS_MAX,
    /* One row at its largest: both choices of 8 OTs, 128 entries of 16 bytes each. */
    WORK = 2 * OT_INDEX_BITS_MAX * ENTRIES_MAX / 2 * OT_ENTRY_BYTES_MAX / AES_BYTES,
    BATCH = 256 /* blocks at once where there is a choice: they stay in the first-level cache */
};

/* A block as two words, in the byte order of memory. */
struct words { _Alignas(16) uint64_t w[2]; };

struct ot_hash {
    struct aes pi;
    struct words once[WORK]; /* pi(x) */
    struct words work[WORK];
    struct words row[ENTRIES_MAX]; /* the pads of a row */
};

status ot_hash_new(struct ot_hash **out, const struct ot_context *where)
{
    struct ot_hash *h = NULL;
    struct hash context, key;
    struct hasher hs;
    status made;

    TRY(alloc_zeroed(&h, 1, sizeof *h));
    ot_context_hash(&context, where);
    hasher_init(&hs, SUITE_INT1, "hefu/ot/pi/v1");
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

static uint8_t *bytes_of(struct words *x)
{
    return (uint8_t *)x->w;
}

static inline void xor_words(struct words *out, const struct words *x)
{
    out->w[0] ^= x->w[0];
    out->w[1] ^= x->w[1];
}

static void permute(struct ot_hash *h, struct words *x, size_t count)
{
    aes_encrypt(&h->pi, bytes_of(x), bytes_of(x), count);
}

/* once[i] xor a tweak: the number of the OT, then that of the block of its pad, both big-endian. */
static inline struct words tweaked(const struct words *once, uint64_t number, uint64_t block)
{
    return (struct words){{once->w[0] ^ htobe64(number), once->w[1] ^ htobe64(block)}};
}

/* work[i * blocks + j] = block at + j of the pad of once[i], OT number first + i / each. */
static void fill(struct ot_hash *h, uint64_t first, size_t each, size_t count, uint64_t at, size_t blocks)
{
    struct words *work = h->work;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < blocks; j++)
            *work++ = tweaked(&h->once[i], first + i / each, at + j);
    permute(h, h->work, count * blocks);
    work = h->work;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < blocks; j++)
            xor_words(work++, &h->once[i]);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many of this many blocks each make a batch. */
static size_t batch_of(size_t blocks)
{
    return blocks < BATCH ? BATCH / blocks : 1;
}

void ot_expand(struct ot_hash *h, uint8_t *out, size_t bytes, const struct ot_block *x, const struct ot_block *delta,
               uint64_t first, size_t count)
{
    size_t blocks = (bytes + AES_BYTES - 1) / AES_BYTES, batch;
    struct words difference = {{0}};

    if (!blocks)
        return;
    if (delta)
        memcpy(&difference, delta, sizeof difference);
    batch = batch_of(blocks);
    for (size_t done = 0; done < count; done += batch) {
        size_t part = least(batch, count - done);

        memcpy(h->once, x + done, part * sizeof *x);
        for (size_t i = 0; i < part; i++)
            xor_words(&h->once[i], &difference);
        permute(h, h->once, part);
        for (size_t at = 0; at < blocks; at += WORK) { /* more than once only for a batch of one */
            size_t piece = least(WORK, blocks - at), len = least(piece * AES_BYTES, bytes - at * AES_BYTES);

            fill(h, first + done, 1, part, at, piece);
            for (size_t i = 0; i < part; i++)
                memcpy(out + (done + i) * bytes + at * AES_BYTES, &h->work[i * piece], len);
        }
    }
    sodium_memzero(&difference, sizeof difference);
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

/* row ^= elements of zero and of one, taking turns. */
#define WEAVE(type)                                                       \
    for (size_t i = 0; i < len / sizeof(type); i++) {                     \
        ((type *)row->w)[2 * i] ^= ((const type *)zero->w)[i];            \
        ((type *)row->w)[2 * i + 1] ^= ((const type *)one->w)[i];         \
    }

/* row ^= zero and one, len bytes each, taking turns at every run of bytes. */
static void weave(struct words *restrict row, const struct words *restrict zero, const struct words *restrict one,
                  size_t len, size_t run)
{
    switch (run) {
    case 1: WEAVE(uint8_t) break;
    case 2: WEAVE(uint16_t) break;
    case 4: WEAVE(uint32_t) break;
    case 8: WEAVE(uint64_t) break;
    default:
        for (size_t at = 0; at < len / 16; at += run / 16)
            for (size_t i = 0; i < run / 16; i++) {
                xor_words(&row[2 * at + i], &zero[at + i]);
                xor_words(&row[2 * at + run / 16 + i], &one[at + i]);
            }
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
    size_t batch = batch_of(keys * blocks);
    struct words difference;

    check_shape(bits, bytes);
    memcpy(&difference, delta, sizeof difference);
    for (size_t done = 0; done < rows; done += batch) {
        size_t part = least(batch, rows - done);

        for (size_t i = 0; i < part * bits; i++) {
            memcpy(&h->once[2 * i], &q[done * bits + i], sizeof *q);
            h->once[2 * i + 1] = h->once[2 * i];
            xor_words(&h->once[2 * i + 1], &difference);
        }
        permute(h, h->once, part * keys);
        fill(h, first + done * bits, 2, part * keys, 0, blocks);
        for (size_t row = 0; row < part; row++) {
            memset(h->row, 0, 2 * half);
            for (size_t l = 0; l < bits; l++) {
                const struct words *zero = h->work + (row * keys + 2 * l) * blocks, *one = zero + blocks;

                weave(h->row, zero, one, half, (size_t)bytes << l);
            }
            memcpy(pads + (done + row) * 2 * half, h->row, 2 * half);
        }
    }
    sodium_memzero(&difference, sizeof difference);
}

void ot_receiver_entry(struct ot_hash *h, uint8_t *pads, uint32_t bits, uint32_t bytes, const uint8_t *index,
                       const struct ot_block *t, uint64_t first, size_t rows)
{
    size_t batch = batch_of(bits);

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

                xor_words(&h->work[i], &h->once[i]);
                for (size_t b = 0; b < bytes; b++)
                    pads[(done + row) * bytes + b] ^= bytes_of(&h->work[i])[place + b];
            }
    }
}
