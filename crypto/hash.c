/* OpenSSL's SHA-256 uses the processor's instructions for it, which libsodium's does not.  Its plain functions are deprecated in
 * favour of ones that allocate for every hash. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include "crypto/sm3.h"
#include "crypto/wire.h"

#include <assert.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

static_assert(sizeof(SHA256_CTX) <= sizeof((struct hasher *)0)->state && sizeof(struct sm3) <= sizeof((struct hasher *)0)->state,
              "a hasher holds either state");

/* ---- of a suite, without tags or lengths ---- */

static SHA256_CTX *sha(struct hasher *h)
{
    return (SHA256_CTX *)(void *)h->state;
}

static struct sm3 *sm3(struct hasher *h)
{
    return (struct sm3 *)(void *)h->state;
}

static void begin(struct hasher *h, enum suite s)
{
    assert(s == SUITE_INT1 || s == SUITE_GM1);
    h->suite = s;
    if (s == SUITE_GM1)
        sm3_init(sm3(h));
    else
        SHA256_Init(sha(h));
}

static void feed(struct hasher *h, const void *bytes, size_t len)
{
    if (!len)
        return;
    if (h->suite == SUITE_GM1)
        sm3_add(sm3(h), bytes, len);
    else
        SHA256_Update(sha(h), bytes, len);
}

void hasher_final(struct hasher *h, struct hash *out)
{
    if (h->suite == SUITE_GM1)
        sm3_final(sm3(h), out);
    else
        SHA256_Final(out->bytes, sha(h));
    sodium_memzero(h, sizeof *h);
}

/* ---- tuples ---- */

void hasher_init(struct hasher *h, enum suite s, const char *tag)
{
    begin(h, s);
    hasher_add(h, tag, strlen(tag));
}

void hasher_add(struct hasher *h, const void *bytes, size_t len)
{
    uint8_t prefix[8];

    store_u64(prefix, len);
    feed(h, prefix, sizeof prefix);
    feed(h, bytes, len);
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

void hasher_peek(const struct hasher *h, struct hash *out)
{
    struct hasher copy = *h;

    hasher_final(&copy, out);
}

static void keyed_blake2b(struct hash *out, const uint8_t key[32], const char *tag, const void *bytes, size_t len)
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

static void keyed_sm3(struct hash *out, const uint8_t key[32], const char *tag, const void *bytes, size_t len)
{
    struct sm3_hmac m;
    uint8_t prefix[8];

    sm3_hmac_init(&m, key, 32);
    store_u64(prefix, strlen(tag));
    sm3_hmac_add(&m, prefix, sizeof prefix);
    sm3_hmac_add(&m, tag, strlen(tag));
    store_u64(prefix, len);
    sm3_hmac_add(&m, prefix, sizeof prefix);
    sm3_hmac_add(&m, bytes, len);
    sm3_hmac_final(&m, out);
}

void hash_keyed(struct hash *out, enum suite s, const uint8_t key[32], const char *tag, const void *bytes, size_t len)
{
    if (s == SUITE_GM1)
        keyed_sm3(out, key, tag, bytes, len);
    else
        keyed_blake2b(out, key, tag, bytes, len);
}

int hash_equal(const struct hash *a, const struct hash *b)
{
    return sodium_memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

void hash_hex(const struct hash *h, char out[2 * HASH_BYTES + 1])
{
    sodium_bin2hex(out, 2 * HASH_BYTES + 1, h->bytes, HASH_BYTES);
}

/* ---- trees ---- */

void merkle_leaf(struct hash *out, enum suite s, const void *data, size_t len)
{
    struct hasher h;

    begin(&h, s);
    feed(&h, "\0", 1);
    feed(&h, data, len);
    hasher_final(&h, out);
}

void merkle_node(struct hash *out, enum suite s, const struct hash *left, const struct hash *right)
{
    struct hasher h;

    begin(&h, s);
    feed(&h, "\1", 1);
    feed(&h, left->bytes, HASH_BYTES);
    feed(&h, right->bytes, HASH_BYTES);
    hasher_final(&h, out);
}

void merkle_append(struct merkle *m, const struct hash *leaf)
{
    struct hash top = *leaf;
    uint8_t height = 0;

    while (m->peaks && m->peak_height[m->peaks - 1] == height) {
        merkle_node(&top, m->suite, &m->peak[m->peaks - 1], &top);
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
        struct hasher none;

        begin(&none, m->suite);
        hasher_final(&none, out);
        return;
    }
    *out = m->peak[m->peaks - 1];
    for (uint32_t i = m->peaks - 1; i-- > 0;)
        merkle_node(out, m->suite, &m->peak[i], out);
}
