/* SHA-256 over tagged, unambiguous tuples; keyed hashes; the Merkle tree of RFC 6962. */
#ifndef HEFU_HASH_H
#define HEFU_HASH_H

#include "crypto/status.h"

enum { HASH_BYTES = 32 };

struct hash {
    uint8_t bytes[HASH_BYTES];
};

/* Streaming SHA-256.  Every input is preceded by its length (u64), so no two different tuples hash alike;
 * the tag names the purpose ("hefu/contract/v1") and is the first input. */
struct hasher {
    _Alignas(16) uint8_t state[128];
};

void hasher_init(struct hasher *h, const char *tag);
void hasher_add(struct hasher *h, const void *bytes, size_t len);
void hasher_add_u64(struct hasher *h, uint64_t v);
void hasher_add_hash(struct hasher *h, const struct hash *v);
void hasher_final(struct hasher *h, struct hash *out);
/* The hash of what was added so far; h can go on. */
void hasher_peek(const struct hasher *h, struct hash *out);

/* out = BLAKE2b-256 keyed with key over (tag, len, bytes): a body tag that cannot be guessed without the key. */
void hash_keyed(struct hash *out, const uint8_t key[32], const char *tag, const void *bytes, size_t len);

int hash_equal(const struct hash *a, const struct hash *b); /* constant time */
void hash_hex(const struct hash *h, char out[2 * HASH_BYTES + 1]);

/* RFC 6962: leaf = SHA-256(0x00 || data), node = SHA-256(0x01 || left || right). */
void merkle_leaf(struct hash *out, const void *data, size_t len);
void merkle_node(struct hash *out, const struct hash *left, const struct hash *right);

/* The tree over an append-only list of leaves: the roots of its complete subtrees, largest first. */
struct merkle {
    uint64_t size;
    struct hash peak[64];
    uint8_t peak_height[64];
    uint32_t peaks;
};

void merkle_append(struct merkle *m, const struct hash *leaf);
void merkle_root(const struct merkle *m, struct hash *out); /* size 0: SHA-256 of nothing */

#endif
