#include "crypto/sm3.h"

#include "crypto/wire.h"

#include <sodium.h>
#include <string.h>

static uint32_t rotate(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

/* In the compiler's sight: one instruction instead of a call. */
static uint32_t load(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static uint32_t p1(uint32_t x)
{
    return x ^ rotate(x, 15) ^ rotate(x, 23);
}

/* T_j <<< j for all rounds, so that no round rotates by a variable number of bits. */
#define T1(j) (0x79cc4519u << (j) | 0x79cc4519u >> ((32 - (j)) % 32))
#define T2(j) (0x7a879d8au << (j) % 32 | 0x7a879d8au >> (32 - (j) % 32) % 32)

static const uint32_t round_constant[64] = {
    T1(0),  T1(1),  T1(2),  T1(3),  T1(4),  T1(5),  T1(6),  T1(7),  T1(8),  T1(9),  T1(10), T1(11), T1(12),
    T1(13), T1(14), T1(15), T2(16), T2(17), T2(18), T2(19), T2(20), T2(21), T2(22), T2(23), T2(24), T2(25),
    T2(26), T2(27), T2(28), T2(29), T2(30), T2(31), T2(32), T2(33), T2(34), T2(35), T2(36), T2(37), T2(38),
    T2(39), T2(40), T2(41), T2(42), T2(43), T2(44), T2(45), T2(46), T2(47), T2(48), T2(49), T2(50), T2(51),
    T2(52), T2(53), T2(54), T2(55), T2(56), T2(57), T2(58), T2(59), T2(60), T2(61), T2(62), T2(63),
};

/* A round of GB/T 32905, 5.3.3, with the standard's names.  Instead of moving the words on, the next round is called with
 * them moved on: (d, a, b, c, h, e, f, g). */
static inline void round_of(uint32_t a, uint32_t *b, uint32_t c, uint32_t *d, uint32_t e, uint32_t *f, uint32_t g, uint32_t *h,
                            const uint32_t *w, size_t j)
{
    const uint32_t ss1 = rotate(rotate(a, 12) + e + round_constant[j], 7), ss2 = ss1 ^ rotate(a, 12);
    const uint32_t ff = j < 16 ? a ^ *b ^ c : (a & *b) | ((a | *b) & c);
    const uint32_t gg = j < 16 ? e ^ *f ^ g : g ^ (e & (*f ^ g));
    const uint32_t tt2 = gg + *h + ss1 + w[j];

    *d += ff + ss2 + (w[j] ^ w[j + 4]);
    *h = tt2 ^ rotate(tt2, 9) ^ rotate(tt2, 17);
    *b = rotate(*b, 9);
    *f = rotate(*f, 19);
}

/* Word j, at w. */
static inline void expand(uint32_t *w)
{
    w[0] = p1(w[-16] ^ w[-9] ^ rotate(w[-3], 15)) ^ rotate(w[-13], 7) ^ w[-6];
}

static void compress(uint32_t chain[8], const uint8_t block[SM3_BLOCK_BYTES])
{
    uint32_t w[68];
    uint32_t a = chain[0], b = chain[1], c = chain[2], d = chain[3];
    uint32_t e = chain[4], f = chain[5], g = chain[6], h = chain[7];

    for (size_t j = 0; j < 16; j++)
        w[j] = load(block + 4 * j);
    for (size_t j = 0; j < 64; j += 4) {
        if (j >= 12) {
            expand(w + j + 4);
            expand(w + j + 5);
            expand(w + j + 6);
            expand(w + j + 7);
        }
        round_of(a, &b, c, &d, e, &f, g, &h, w, j);
        round_of(d, &a, b, &c, h, &e, f, &g, w, j + 1);
        round_of(c, &d, a, &b, g, &h, e, &f, w, j + 2);
        round_of(b, &c, d, &a, f, &g, h, &e, w, j + 3);
    }
    chain[0] ^= a;
    chain[1] ^= b;
    chain[2] ^= c;
    chain[3] ^= d;
    chain[4] ^= e;
    chain[5] ^= f;
    chain[6] ^= g;
    chain[7] ^= h;
}

void sm3_init(struct sm3 *h)
{
    static const uint32_t first[8] = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
                                      0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};

    memset(h, 0, sizeof *h);
    memcpy(h->chain, first, sizeof first);
}

void sm3_add(struct sm3 *h, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    const size_t held = h->len % SM3_BLOCK_BYTES, room = SM3_BLOCK_BYTES - held;

    if (len == 0)
        return;
    h->len += len;
    if (len < room) {
        memcpy(h->block + held, at, len);
        return;
    }
    if (held) {
        memcpy(h->block + held, at, room);
        compress(h->chain, h->block);
        at += room;
        len -= room;
    }
    for (; len >= SM3_BLOCK_BYTES; at += SM3_BLOCK_BYTES, len -= SM3_BLOCK_BYTES)
        compress(h->chain, at);
    memcpy(h->block, at, len);
}

void sm3_final(struct sm3 *h, struct hash *out)
{
    static const uint8_t padding[SM3_BLOCK_BYTES] = {0x80};
    const size_t held = h->len % SM3_BLOCK_BYTES;
    uint8_t bits[8];

    store_u64(bits, h->len * 8);
    sm3_add(h, padding, held < 56 ? 56 - held : 120 - held);
    sm3_add(h, bits, sizeof bits);
    for (size_t i = 0; i < 8; i++)
        store_u32(out->bytes + 4 * i, h->chain[i]);
    sodium_memzero(h, sizeof *h);
}

void sm3_hmac_init(struct sm3_hmac *m, const void *key, size_t len)
{
    uint8_t pad[SM3_BLOCK_BYTES] = {0};

    if (len <= sizeof pad) {
        if (len)
            memcpy(pad, key, len);
    } else {
        struct hash shorter;

        sm3_init(&m->inner);
        sm3_add(&m->inner, key, len);
        sm3_final(&m->inner, &shorter);
        memcpy(pad, shorter.bytes, HASH_BYTES);
        sodium_memzero(&shorter, sizeof shorter);
    }
    sm3_init(&m->inner);
    sm3_init(&m->outer);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36;
    sm3_add(&m->inner, pad, sizeof pad);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    sm3_add(&m->outer, pad, sizeof pad);
    sodium_memzero(pad, sizeof pad);
}

void sm3_hmac_add(struct sm3_hmac *m, const void *bytes, size_t len)
{
    sm3_add(&m->inner, bytes, len);
}

void sm3_hmac_final(struct sm3_hmac *m, struct hash *out)
{
    struct hash inner;

    sm3_final(&m->inner, &inner);
    sm3_add(&m->outer, inner.bytes, HASH_BYTES);
    sm3_final(&m->outer, out);
    sodium_memzero(&inner, sizeof inner);
}

void sm3_kdf(uint8_t *out, size_t len, const void *z, size_t z_len)
{
    uint8_t counter[4];

    for (uint32_t i = 1; len; i++) {
        const size_t n = len < HASH_BYTES ? len : HASH_BYTES;
        struct sm3 h;
        struct hash part;

        store_u32(counter, i);
        sm3_init(&h);
        sm3_add(&h, z, z_len);
        sm3_add(&h, counter, sizeof counter);
        sm3_final(&h, &part);
        memcpy(out, part.bytes, n);
        sodium_memzero(&part, sizeof part);
        out += n;
        len -= n;
    }
}
