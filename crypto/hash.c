/* OpenSSL's SHA-256 uses the processor's instructions for it, which libsodium's does not.  Its plain functions are deprecated in
 * favour of ones that allocate for every hash. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include "crypto/wire.h"

#include <assert.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

static SHA256_CTX *sha(struct hasher *h)
{
    _Static_assert(sizeof(SHA256_CTX) <= sizeof h->state, "hasher holds a SHA-256 state");
    return (SHA256_CTX *)(void *)h->state;
}

void hasher_init(struct hasher *h, const char *tag)
{
    SHA256_Init(sha(h));
    hasher_add(h, tag, strlen(tag));
}

void hasher_add(struct hasher *h, const void *bytes, size_t len)
{
    uint8_t prefix[8];

    store_u64(prefix, len);
    SHA256_Update(sha(h), prefix, sizeof prefix);
    if (len)
        SHA256_Update(sha(h), bytes, len);
}

void hasher_add_u64(struct hasher *h, uint64_t v)
{
    uint8_t b[8];

    store_u64(b, v);
    hasher_add(h, b, sizeof b);
}

void hasher_add_hash(struct hasher *h, const struct hash *v)
{
    hasher_add(h, v->bytes, HASH_BYTES);
}

void hasher_final(struct hasher *h, struct hash *out)
{
    SHA256_Final(out->bytes, sha(h));
    sodium_memzero(h, sizeof *h);
}

void hasher_peek(const struct hasher *h, struct hash *out)
{
    struct hasher copy = *h;

    hasher_final(&copy, out);
}

void hash_keyed(struct hash *out, const uint8_t key[32], const char *tag, const void *bytes, size_t len)
{
    crypto_generichash_state st;
    uint8_t prefix[8];

    crypto_generichash_init(&st, key, 32, HASH_BYTES);
    store_u64(prefix, strlen(tag));
    crypto_generichash_update(&st, prefix, sizeof prefix);
    crypto_generichash_update(&st, (const uint8_t *)tag, strlen(tag));
    store_u64(prefix, len);
    crypto_generichash_update(&st, prefix, sizeof prefix);
    crypto_generichash_update(&st, bytes, len);
    crypto_generichash_final(&st, out->bytes, HASH_BYTES);
    sodium_memzero(&st, sizeof st);
}

int hash_equal(const struct hash *a, const struct hash *b)
{
    return sodium_memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

void hash_hex(const struct hash *h, char out[2 * HASH_BYTES + 1])
{
    sodium_bin2hex(out, 2 * HASH_BYTES + 1, h->bytes, HASH_BYTES);
}

void merkle_leaf(struct hash *out, const void *data, size_t len)
{
    SHA256_CTX st;
    const uint8_t zero = 0;

    SHA256_Init(&st);
    SHA256_Update(&st, &zero, 1);
    SHA256_Update(&st, data, len);
    SHA256_Final(out->bytes, &st);
}

void merkle_node(struct hash *out, const struct hash *left, const struct hash *right)
{
    SHA256_CTX st;
    const uint8_t one = 1;

    SHA256_Init(&st);
    SHA256_Update(&st, &one, 1);
    SHA256_Update(&st, left->bytes, HASH_BYTES);
    SHA256_Update(&st, right->bytes, HASH_BYTES);
    SHA256_Final(out->bytes, &st);
}

void merkle_append(struct merkle *m, const struct hash *leaf)
{
    struct hash top = *leaf;
    uint8_t height = 0;

    while (m->peaks && m->peak_height[m->peaks - 1] == height) {
        merkle_node(&top, &m->peak[m->peaks - 1], &top);
        m->peaks--;
        height++;
    }
    assert(m->peaks < 64);
    m->peak[m->peaks] = top;
    m->peak_height[m->peaks++] = height;
    m->size++;
}

void merkle_root(const struct merkle *m, struct hash *out)
{
    if (!m->peaks) {
        SHA256(NULL, 0, out->bytes);
        return;
    }
    *out = m->peak[m->peaks - 1];
    for (uint32_t i = m->peaks - 1; i-- > 0;)
        merkle_node(out, &m->peak[i], out);
}
