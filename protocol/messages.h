/* Every message of the protocol, in one table: name, id, phase, shape, when it is said, what its receiver learns.
 *
 * Shapes.  PLAIN: one record, a body of fixed length.  VECTOR: items of one size, cut into records of at most
 * MESSAGE_BODY_MAX bytes, the cut depends on the item size alone.  All lengths follow from the contract and the
 * population; none is taken from a message.  [SPEC 6] */
#ifndef HEFU_MESSAGES_H
#define HEFU_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define MESSAGES(MSG) \
    MSG(commit,      1, HANDSHAKE, PLAIN,  "each to all: commitments to seed, nonce and own data",             "nothing: hiding commitments") \
    MSG(nonce,       2, HANDSHAKE, PLAIN,  "each to all, after all commitments: the nonce, and a hash of them all", "a random number; that all heard the same commitments") \
    MSG(key,         3, HANDSHAKE, PLAIN,  "each to all: Paillier modulus and proof",                          "a public key") \
    MSG(link,        4, HANDSHAKE, PLAIN,  "each to all, in an online session: hash of the preparation it stands on", "that all stand on the same one") \
    MSG(psi_set,    10, ALIGN,     VECTOR, "ring order: a blinded, shuffled set",                              "the size of a set, already in the contract; the comparer: of all overlaps") \
    MSG(psi_count,  11, ALIGN,     PLAIN,  "comparer to all: number of common people",                         "how many people are common to all") \
    MSG(psi_list,   12, ALIGN,     VECTOR, "back through the shufflers: positions of common people",           "which of the receiver's own people are common to all") \
    MSG(psi_root,   13, ALIGN,     PLAIN,  "each to all: keyed hash of the aligned list",                      "that all lists agree") \
    MSG(split,      14, ALIGN,     VECTOR, "label party to all: which aligned rows are test rows",             "the train/test split") \
    MSG(split_root, 15, ALIGN,     PLAIN,  "each to all, when rows are listed: hash of the list",              "that all hold the same list") \
    MSG(fore_mask,  20, PREPARE,   VECTOR, "key owner to data owner: encrypted random weights",                "nothing: encryptions of random numbers") \
    MSG(fore_reply, 21, PREPARE,   VECTOR, "data owner to key owner: masked products (gather)",                "uniformly random numbers") \
    MSG(back_mask,  22, PREPARE,   VECTOR, "key owner to all: encrypted random residuals, the same to all",    "nothing: encryptions of random numbers") \
    MSG(back_ridge, 23, PREPARE,   VECTOR, "key owner to data owner: encrypted random weights for the ridge",  "nothing: encryptions of random numbers") \
    MSG(back_reply, 24, PREPARE,   VECTOR, "data owner to key owner: masked sums (scatter)",                   "uniformly random numbers") \
    MSG(ot_offer,   25, PREPARE,   PLAIN,  "along the chain, each to all later: points for oblivious transfers", "nothing: random points") \
    MSG(ot_answer,  26, PREPARE,   PLAIN,  "back along the chain: a point and masked random blocks",           "random blocks of its choice") \
    MSG(weight,     30, TRAIN,     VECTOR, "each to block owner: weight share minus a one-time pad",           "uniformly random numbers") \
    MSG(choice,     50, TRAIN,     VECTOR, "back along the chain, each to all earlier: choices of transfers, masked", "nothing: pseudorandom bits") \
    MSG(turn,       51, TRAIN,     VECTOR, "along the chain: the shared table, to be turned by the receiver",  "uniformly random shares") \
    MSG(table,      52, TRAIN,     VECTOR, "each to the end of the chain: shares of the table, one entry of which opens", "a uniformly random share for each row") \
    MSG(flip,       53, TRAIN,     VECTOR, "end of the chain to all: bits of its shares, masked",              "uniformly random bits") \
    MSG(range,      54, TRAIN,     PLAIN,  "each to all, in the last pass: share of a count, zero-masked",     "how many rows have a score near the end of the table") \
    MSG(residual,   31, TRAIN,     VECTOR, "each to all: residual share minus a one-time pad, the same to all", "uniformly random numbers") \
    MSG(lift,       32, TRAIN,     PLAIN,  "each to block owner: hash of all residual openings",               "that all parties saw the same openings") \
    MSG(gradient,   33, TRAIN,     VECTOR, "each to block owner: step share plus a wide random mask",          "statistically random numbers") \
    MSG(checkpoint, 34, TRAIN,     PLAIN,  "each to all: size and root of the own transcript",                 "the length of a log") \
    MSG(cosign,     35, TRAIN,     PLAIN,  "each to all: signature over all sizes and roots",                  "that all parties hold the same joint checkpoint") \
    MSG(block,      40, REVEAL,    VECTOR, "each to block owner: final share of the block, zero-masked",       "the receiver's own weights") \
    MSG(score,      41, EVALUATE,  VECTOR, "each to label party: rounded partial scores, zero-masked",         "per test row the sum of the other parties' partial scores") \
    MSG(metric,     42, EVALUATE,  PLAIN,  "label party to all: the agreed metrics",                           "AUC, KS, log-loss and counts of the test rows") \
    MSG(finish,     43, FINISH,    PLAIN,  "each to all: size and root of the own transcript, hash of all openings", "the length of a log") \
    MSG(endorse,    44, FINISH,    PLAIN,  "each to all: signature over all final sizes and roots",            "that all parties end alike")
/* clang-format on */

enum message_kind {
#define MSG(name, id, phase, shape, when, learns) MESSAGE_##name = id,
    MESSAGES(MSG)
#undef MSG
};

enum phase { PHASE_HANDSHAKE = 1, PHASE_ALIGN, PHASE_PREPARE, PHASE_TRAIN, PHASE_REVEAL, PHASE_EVALUATE, PHASE_FINISH, PHASES };

enum message_shape { SHAPE_PLAIN = 1, SHAPE_VECTOR = 2 };

/* A body is at most this long: 510 ciphertexts of 2048-bit keys, 340 of 3072, 255 of 4096. */
enum { MESSAGE_BODY_MAX = 261120 };

struct message_info {
    const char *name;
    enum message_kind kind;
    enum phase phase;
    enum message_shape shape;
    const char *when, *learns;
};

/* NULL for a kind that is not in the table. */
const struct message_info *message_info(uint32_t kind);
const struct message_info *message_list(size_t *count);
const char *phase_name(enum phase p);

/* Records of a vector: items per record for an item size, and the number of records of count items (at least 1: an
 * empty vector is one empty record). */
static inline size_t vector_items_per_record(size_t item_bytes) { return MESSAGE_BODY_MAX / item_bytes; }
static inline size_t vector_records(size_t item_bytes, size_t count)
{
    size_t per = vector_items_per_record(item_bytes);

    return count ? (count + per - 1) / per : 1;
}

/* Body lengths of plain messages and item sizes of vectors that do not depend on the contract. */
enum {
    BODY_COMMIT = 3 * 32,
    BODY_NONCE = 32 + 32,
    BODY_LINK = 32,
    BODY_PSI_COUNT = 4,
    BODY_PSI_ROOT = 32,
    BODY_SPLIT_ROOT = 32,
    BODY_OT_OFFER = 8192,
    BODY_OT_ANSWER = 4128,
    BODY_LIFT = 32,
    BODY_CHECKPOINT = 8 + 32,
    BODY_COSIGN = 64,
    BODY_METRIC = 12 * 8,
    BODY_FINISH = 8 + 32 + 32,
    BODY_ENDORSE = 64,
    ITEM_PSI_SET = 32,
    ITEM_PSI_LIST = 4,
    ITEM_SPLIT = 1,
    ITEM_CHOICE = 512,   /* of 128 transfers */
    ITEM_FLIP = 1,
    ITEM_BLOCK = 16,
    ITEM_SCORE = 8,
};
size_t body_key(uint32_t key_bits);        /* modulus and 13 roots */
size_t item_cipher(uint32_t key_bits);     /* fore_*, back_* */
size_t item_ring(uint32_t k);              /* weight, residual, gradient, range */
/* The sigmoid's tables, of 2^table_bits entries, a row each.  [SPEC 4.5.2] */
uint32_t sigmoid_share_bits(uint16_t parties); /* bits that a row's value is made of: converted, and flipped at the end */
size_t item_turn(uint32_t table_bits, uint32_t k);
size_t item_table(uint16_t parties, uint32_t table_bits, uint32_t k);

#endif
