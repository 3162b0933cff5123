/* What the sources of the sigmoid share: the chain, and what is done to rows.  Users include sigmoid.h. */
#ifndef HEFU_SIGMOID_PARTS_H
#define HEFU_SIGMOID_PARTS_H

#include "crypto/ot.h"
#include "training/sigmoid.h"
#include "training/sigmoid_table.h"

enum { PIECES = 16, BITS_MAX = 8 };

/* The transfers between us and another place of the chain.  The later place chooses. */
struct pair {
    struct ot_sender *sender;     /* we stand before it */
    struct ot_receiver *receiver; /* we stand after it */
    struct ot_hash *hash[PIECES]; /* one for each piece of a loop */
    struct ot_block *index, *convert;      /* this look-up's: [n * table_bits], [n * bits] */
    uint64_t first_index, first_convert;   /* their numbers */
};

struct sigmoid_chain {
    struct session *ss;
    const struct plan *plan;
    party chain[PARTIES_MAX];
    uint32_t me, last;            /* places in the chain */
    uint32_t entries, bits;       /* of the table; of a value that is converted */
    struct pair pair[PARTIES_MAX]; /* by place */
    struct sigmoid_table curve, range, *table; /* table: of this look-up */
    /* rows */
    uint8_t *index;               /* our part of the index */
    uint8_t *mask;                /* our random bits of the value; at the end of the chain those that stand in for its own */
    uint8_t *value;               /* end of the chain: what it fetched; two parties: the share that needs no conversion */
    uint8_t *flip;
    uint32_t *rounding;           /* first place */
    uint8_t *held;                /* all but the end, three parties or more: our share of the table, turned so far */
    ring *bit;                    /* [n * bits] our shares of the value's bits */
    uint8_t *wire, *choices;
};

/* What is done to count rows from first on; wire: their items, if they are sent or received.  h: of this piece of the loop. */
typedef void row_step(struct sigmoid_chain *s, struct pair *p, struct ot_hash *h, size_t first, size_t count, uint8_t *wire);

row_step sigmoid_fill;                           /* first place: its table, turned by its own index */
row_step sigmoid_turn_send, sigmoid_turn_receive;   /* items of turn */
row_step sigmoid_fetch_send, sigmoid_fetch_receive; /* items of table, three parties or more */
row_step sigmoid_pair_send, sigmoid_pair_receive;   /* items of table, two parties */

#endif
