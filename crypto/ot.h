/* Oblivious transfer between two parties: 128-bit correlated OTs by the million, and what is made of them.  [SPEC 3.5-3.7]
 *
 * The sender S holds a secret difference Delta and gets blocks q; the receiver R chooses bits c and gets blocks t:
 *     q_i = t_i xor c_i * Delta.
 * R learns nothing about Delta, S nothing about c, while both follow the protocol (DESIGN: semi-honest); what cannot come
 * from a party that does is refused.  Everything is a function of its arguments: equal seeds, equal bytes.
 *
 *     S                                     R
 *     ot_sender_new      -- offer -->       ot_receiver_new         set-up, once for a pair, direction and purpose
 *     ot_sender_finish   <-- answer --
 *     ot_sender_extend   <-- message --     ot_receiver_extend      as often as wanted, in the same order on both sides
 *
 * A block is hashed before use: never send a block, nor an xor of blocks, nor use an OT twice. */
#ifndef HEFU_OT_H
#define HEFU_OT_H

#include "crypto/group.h"

enum {
    OT_BITS = 128,                               /* of a block; as many base OTs */
    OT_FIELD_BITS = 4,                           /* of the small fields: a message has 128 / 4 bits for each OT */
    OT_OFFER_BYTES = OT_BITS * 2 * GROUP_BYTES,  /* 8,192 */
    OT_ANSWER_BYTES = GROUP_BYTES + OT_BITS * 32 /* 4,128 */
};

struct ot_block { _Alignas(16) uint8_t bytes[16]; };

/* Bound into everything; the same on both sides, and no two set-ups of a session have the same. */
struct ot_context {
    const struct hash *session;
    uint32_t sender, receiver; /* parties */
    const char *purpose;
};

struct ot_sender;   /* opaque; one thread at a time */
struct ot_receiver; /* opaque; one thread at a time */

/* Delta and the base OTs' secrets come from g.  NO_MEMORY leaves *out alone. */
MUST_USE status ot_sender_new(struct ot_sender **out, uint8_t offer[OT_OFFER_BYTES], const struct ot_context *where,
                              struct rng *g);
/* STATUS_MALFORMED, and *out untouched, when a point of the offer is not canonical or is the identity. */
MUST_USE status ot_receiver_new(struct ot_receiver **out, uint8_t answer[OT_ANSWER_BYTES],
                                const uint8_t offer[OT_OFFER_BYTES], const struct ot_context *where, struct rng *g);
/* STATUS_MALFORMED as above.  Once, before the first ot_sender_extend. */
MUST_USE status ot_sender_finish(struct ot_sender *s, const uint8_t answer[OT_ANSWER_BYTES]);
void ot_sender_free(struct ot_sender *s);     /* wipes; NULL is fine */
void ot_receiver_free(struct ot_receiver *r); /* wipes; NULL is fine */

/* OTs are made in multiples of 128; the rest of the last multiple is thrown away. */
static inline size_t ot_padded(size_t count) { return (count + OT_BITS - 1) / OT_BITS * OT_BITS; }
/* 4 bytes for each OT. */
static inline size_t ot_message_bytes(size_t count) { return ot_padded(count) / 8 * (OT_BITS / OT_FIELD_BITS); }

/* count OTs.  Choice i is bit i % 8 of choices[i / 8]; bits after the last are ignored. */
void ot_receiver_extend(struct ot_receiver *r, struct ot_block *t, uint8_t *message, const uint8_t *choices, size_t count);
void ot_sender_extend(struct ot_sender *s, struct ot_block *q, const uint8_t *message, size_t count);

/* The number of the next OT: 0 at first, then up by ot_padded(count) with each extension, the same on both sides. */
uint64_t ot_sender_next(const struct ot_sender *s);
uint64_t ot_receiver_next(const struct ot_receiver *r);
/* Lives as long as s does. */
const struct ot_block *ot_sender_delta(const struct ot_sender *s);

/* Pads from blocks: the hash H(x, tweak) = pi(pi(x) xor tweak) xor pi(x), pi AES-128 under a key of the context.
 * OT number i gives R the pad of H(t_i) and S the pads of both choices, H(q_i) for 0 and H(q_i xor Delta) for 1. */
struct ot_hash; /* opaque; one for each thread */

MUST_USE status ot_hash_new(struct ot_hash **out, const struct ot_context *where);
void ot_hash_free(struct ot_hash *h); /* NULL is fine */

/* Pads of any length, pad i at out + i * bytes, from x[i], the block of OT number first + i; with delta from x[i] xor delta
 * (delta NULL: from x[i]).  A pad's first bytes do not depend on its length. */
void ot_expand(struct ot_hash *h, uint8_t *out, size_t bytes, const struct ot_block *x, const struct ot_block *delta,
               uint64_t first, size_t count);

/* 1 of N = 2^bits, from bits OTs a row, bits 1..8: OT first + row * bits + l is about bit l of the row's index.  S gets the
 * pads of all N entries, R the pad of its own; every pad is 1, 2, 4, 8 or 16 bytes.  An entry's pad is a sum of bytes of
 * bits pads that no other entry uses, so nothing cancels between entries.
 * pads of S: entry j of a row at (row * N + j) * bytes; pads of R: row * bytes. */
enum { OT_INDEX_BITS_MAX = 8, OT_ENTRY_BYTES_MAX = 16 };

/* The choices for ot_receiver_extend with count = rows * bits: ot_choices_bytes of them. */
static inline size_t ot_choices_bytes(size_t count) { return (count + 7) / 8; }
void ot_index_choices(uint8_t *choices, uint32_t bits, const uint8_t *index, size_t rows);
void ot_sender_entries(struct ot_hash *h, uint8_t *pads, uint32_t bits, uint32_t bytes, const struct ot_block *q,
                       const struct ot_block *delta, uint64_t first, size_t rows);
void ot_receiver_entry(struct ot_hash *h, uint8_t *pads, uint32_t bits, uint32_t bytes, const uint8_t *index,
                       const struct ot_block *t, uint64_t first, size_t rows);

#endif
