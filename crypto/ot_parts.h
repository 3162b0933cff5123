/* What the sources of oblivious transfer share; users include ot.h. */
#ifndef HEFU_OT_PARTS_H
#define HEFU_OT_PARTS_H

#include "crypto/ot.h"

/* The hash of a context. */
void ot_context_hash(struct hash *out, const struct ot_context *where);

/* Base OTs: a side that chooses learns one of two random blocks, for each of 128 choices.  [SPEC 3.5] */
struct ot_chooser {
    struct ot_block choices; /* bit i % 8 of byte i / 8 */
    struct group_scalar secret[OT_BITS];
    struct hash context, offer; /* what was offered, hashed */
};

void ot_base_offer(struct ot_chooser *c, uint8_t offer[OT_OFFER_BYTES], const struct hash *context,
                   const struct ot_block *choices, struct rng *g);
MUST_USE status ot_base_answer(struct ot_block pads[OT_BITS][2], struct group_element *answer,
                               const uint8_t offer[OT_OFFER_BYTES], const struct hash *context, struct rng *g);
MUST_USE status ot_base_finish(struct ot_block pads[OT_BITS], const struct ot_chooser *c,
                               const struct group_element *answer);

/* Bits of 128 rows, row i at rows + i * stride, become blocks: bit i of out[j] is bit j of row i, for j < 128 * count. */
void ot_transpose(struct ot_block *out, const uint8_t *rows, size_t stride, size_t count);
void ot_transpose_portable(struct ot_block *out, const uint8_t *rows, size_t stride, size_t count);

static inline unsigned ot_bit(const struct ot_block *b, size_t i)
{
    return b->bytes[i / 8] >> i % 8 & 1;
}

/* All ones when bit is 1, zero when it is 0. */
static inline uint8_t ot_mask(unsigned bit)
{
    return (uint8_t)-(int)bit;
}

#endif
