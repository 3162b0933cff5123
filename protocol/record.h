/* One line of a transcript: 256 bytes, fixed layout, big-endian.  [SPEC 7.1]
 *
 * The hash of a log entry, the record and all that stands with it, is both the link of the chain (the next record's
 * prev_head) and the leaf of the Merkle tree.  It holds no clock: two runs from equal seeds write equal bytes. */
#ifndef HEFU_RECORD_H
#define HEFU_RECORD_H

#include "protocol/contract.h"
#include "crypto/sign.h"

enum { RECORD_BYTES = 256, RECORD_VERSION = 2 };

enum record_type {
    RECORD_SEND = 1,
    RECORD_RECV = 2,
    RECORD_FACT = 3,       /* kind = enum fact; a and b are the values */
    RECORD_CHECKPOINT = 4, /* joint: a = pass; tag = hash of all sizes and roots, cosigned by all */
    RECORD_END = 5,        /* joint: a = records sent, b = records received; tag as of a checkpoint */
    RECORD_ABORT = 6,      /* kind = status; peer = the one blamed, or self */
    RECORD_REFUSED = 7,    /* a message that was not accepted, as its sender signed it; a = status; an ABORT follows */
};

enum fact {
    FACT_POPULATION = 1, /* a = rows common to all, b = training rows */
    FACT_TEST_ROWS = 2,  /* a = test rows scored */
    FACT_DATA = 3,       /* a = a party; tag = what it committed to as its data */
    FACT_ALIGNED = 4,    /* tag = root of the keyed ids common to all */
    FACT_SEED = 5,       /* a = a party; tag = its commitment to its seed */
    FACT_RUN = 6,        /* tag = hash of the joint value, which all nonces make */
    FACT_KEY = 7,        /* a = a party; tag = hash of its Paillier modulus */
    FACT_KINDS
};

struct record {
    uint8_t suite;
    enum record_type type;
    struct hash session;
    uint16_t self, peer;     /* peer = self where there is none */
    uint32_t attempt;
    uint64_t seq;            /* in this log, from 0 */
    uint64_t pair_seq;       /* in this direction of this pair, from 0; 0 for records without a peer */
    uint16_t kind, phase;
    uint32_t pass;
    uint64_t index;          /* record number within a vector */
    uint64_t body_len;
    struct hash body_tag;    /* keyed with the pair's key; of FACT, CHECKPOINT and END as said there */
    struct hash peer_head;   /* SEND: head of the last message received from that peer (zero before), which makes it the
                                signed receipt for all that came so far; RECV: head of the message received */
    uint64_t a, b;
    struct hash prev_head;
};

/* Layout: 0 "HFR1" | 4 version, suite, type, 0 | 8 session | 40 self, peer | 44 attempt | 48 seq | 56 pair_seq |
 * 64 kind, phase | 68 pass | 72 index | 80 body_len | 88 body_tag | 120 peer_head | 152 a | 160 b | 168 prev_head |
 * 200 zeros to 256. */
void record_encode(uint8_t out[RECORD_BYTES], const struct record *r);
/* STATUS_MALFORMED unless the bytes are exactly what record_encode writes for a valid record. */
MUST_USE status record_decode(struct record *out, const uint8_t in[RECORD_BYTES]);

/* The tag of a body: keyed with the pair's key and its place, so that nobody else can guess a body, and nobody, the pair included,
 * can find two for one tag.  [SPEC 7.2] */
void body_tag(struct hash *out, const struct rng_key *pair, party sender, uint64_t pair_seq, const void *body, size_t len);

/* The signature over a record: tag "hefu/record/v2" over its 256 bytes. */
#define RECORD_SIGN_TAG "hefu/record/v2"

/* A log file is a sequence of entries.  SEND, END and ABORT are signed: the signature follows the record, and covers all
 * entries before through prev_head.  For RECV and REFUSED the sender's record and its signature follow; for CHECKPOINT and END, per
 * party in order, size (u64), root (32) and signature (64) of its note (note.h).  The length of an entry follows from its
 * type and the number of parties. */
enum { SIGNED_BYTES = RECORD_BYTES + SIGNATURE_BYTES, JOINT_ITEM = 8 + HASH_BYTES + SIGNATURE_BYTES };
int record_is_signed(enum record_type type);
size_t entry_bytes(enum record_type type, uint16_t parties); /* 0 for a type that is none */
/* The head of a log after this entry, which is also that of a message: SIGNED_BYTES of a SEND. */
void entry_head(struct hash *out, enum suite s, const uint8_t *entry, size_t len);

#endif
