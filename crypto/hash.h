/* Hashes over tagged, unambiguous tuples; keyed hashes; the Merkle tree of RFC 6962.  Each is told its suite: SHA-256 and BLAKE2b,
 * or SM3 and HMAC-SM3. */
#ifndef HEFU_HASH_H
#define HEFU_HASH_H

#include "crypto/status.h"
#include "crypto/suite.h"

enum { HASH_BYTES = 32 };

struct hash {
    uint8_t bytes[HASH_BYTES];
};

/* Streaming.  Every input is preceded by its length (u64), so no two different tuples hash alike;
 * the tag names the purpose ("hefu/contract/v1") and is the first input. */
struct hasher {
    _Alignas(16) uint8_t state[128];
    enum suite suite;
};

void hasher_init(struct hasher *h, enum suite s, const char *tag);
void hasher_add(struct hasher *h, const void *bytes, size_t len);
void hasher_add_u64(struct hasher *h, uint64_t v);
void hasher_add_hash(struct hasher *h, const struct hash *v);
void hasher_final(struct hasher *h, struct hash *out);
/* The hash of what was added so far; h can go on. */
void hasher_peek(const struct hasher *h, struct hash *out);

/* out = BLAKE2b-256 or HMAC-SM3 keyed with key over (tag, bytes): derived keys, salted commitments. */
void hash_keyed(struct hash *out, enum suite s, const uint8_t key[32], const char *tag, const void *bytes, size_t len);

int hash_equal(const struct hash *a, const struct hash *b); /* constant time */
void hash_hex(const struct hash *h, char out[2 * HASH_BYTES + 1]);

/* RFC 6962: leaf = H(0x00 || data), node = H(0x01 || left || right). */
void merkle_leaf(struct hash *out, enum suite s, const void *data, size_t len);
void merkle_node(struct hash *out, enum suite s, const struct hash *left, const struct hash *right);

/* The tree over an append-only list of leaves: the roots of its complete subtrees, largest first.  Begins as {.suite = s}. */
struct merkle {
    enum suite suite;
    uint64_t size;
    struct hash peak[64];
    uint8_t peak_height[64];
    uint32_t peaks;
};

void merkle_append(struct merkle *m, const struct hash *leaf);
void merkle_root(const struct merkle *m, struct hash *out); /* size 0: H of nothing */

#endif
