#include "crypto/sm4.h"

#include "crypto/wire.h"

#include <sodium.h>
#include <string.h>

/* ---- the S-box, bit by bit ----
 *
 * S(x) = A inv(A x + c) + c over GF(2^8).  The inverse is taken in the isomorphic tower GF(((2^2)^2)^2) = GF(2)(w, z, y) with
 * w^2 = w + 1, z^2 = z + w, y^2 = y + wz; A and the isomorphism are one linear map on each side.  A variable holds one bit of
 * 128 bytes. */

typedef uint32_t lanes __attribute__((vector_size(16)));

struct f4 { lanes h, l; };       /* h w + l */
struct f16 { struct f4 h, l; };  /* h z + l */
struct f256 { struct f16 h, l; }; /* h y + l */

static struct f4 f4_add(struct f4 a, struct f4 b)
{
    return (struct f4){a.h ^ b.h, a.l ^ b.l};
}

static struct f4 f4_multiply(struct f4 a, struct f4 b)
{
    const lanes low = a.l & b.l, both = (a.h ^ a.l) & (b.h ^ b.l);

    return (struct f4){both ^ low, (a.h & b.h) ^ low};
}

/* The inverse, too. */
static struct f4 f4_square(struct f4 a)
{
    return (struct f4){a.h, a.h ^ a.l};
}

static struct f4 f4_times_w(struct f4 a)
{
    return (struct f4){a.h ^ a.l, a.h};
}

static struct f16 f16_add(struct f16 a, struct f16 b)
{
    return (struct f16){f4_add(a.h, b.h), f4_add(a.l, b.l)};
}

static struct f16 f16_multiply(struct f16 a, struct f16 b)
{
    const struct f4 high = f4_multiply(a.h, b.h), low = f4_multiply(a.l, b.l);
    const struct f4 both = f4_multiply(f4_add(a.h, a.l), f4_add(b.h, b.l));

    return (struct f16){f4_add(both, low), f4_add(low, f4_times_w(high))};
}

static struct f16 f16_square(struct f16 a)
{
    const struct f4 high = f4_square(a.h);

    return (struct f16){high, f4_add(f4_square(a.l), f4_times_w(high))};
}

static struct f16 f16_times_wz(struct f16 a)
{
    return (struct f16){f4_times_w(f4_add(a.h, a.l)), f4_times_w(f4_times_w(a.h))};
}

/* The conjugate over the norm; so is the next. */
static struct f16 f16_invert(struct f16 a)
{
    const struct f4 sum = f4_add(a.h, a.l);
    const struct f4 norm = f4_add(f4_multiply(a.l, sum), f4_times_w(f4_square(a.h)));
    const struct f4 inverse = f4_square(norm);

    return (struct f16){f4_multiply(a.h, inverse), f4_multiply(sum, inverse)};
}

static struct f256 f256_invert(struct f256 a)
{
    const struct f16 sum = f16_add(a.h, a.l);
    const struct f16 norm = f16_add(f16_multiply(a.l, sum), f16_times_wz(f16_square(a.h)));
    const struct f16 inverse = f16_invert(norm);

    return (struct f256){f16_multiply(a.h, inverse), f16_multiply(sum, inverse)};
}

/* x[i] holds bit i of every byte. */
static inline void substitute(lanes x[8])
{
    const lanes x01 = x[0] ^ x[1], x23 = x[2] ^ x[3], x46 = x[4] ^ x[6], x5 = x01 ^ x23 ^ x[4] ^ x[5];
    const struct f256 in = {
        .l.l = {~(x[1] ^ x[6]), x[0] ^ x[4]},
        .l.h = {~(x23 ^ x46 ^ x[7]), x[3]},
        .h.l = {x5, ~(x01 ^ x46 ^ x[7])},
        .h.h = {~(x5 ^ x[6]), ~(x[2] ^ x[7])},
    };
    const struct f256 out = f256_invert(in);
    const lanes y0 = out.l.l.l, y1 = out.l.l.h, y2 = out.l.h.l, y3 = out.l.h.h;
    const lanes y4 = out.h.l.l, y5 = out.h.l.h, y6 = out.h.h.l, y7 = out.h.h.h;
    const lanes y05 = y0 ^ y5, y14 = y1 ^ y4, y123 = y1 ^ y2 ^ y3, y146 = y14 ^ y6;

    x[0] = ~(y05 ^ y7);
    x[1] = ~(y05 ^ y2 ^ y6);
    x[2] = y123 ^ y4;
    x[3] = y05 ^ y2 ^ y4 ^ y7;
    x[4] = ~y146;
    x[5] = y146 ^ y5;
    x[6] = ~(y0 ^ y123 ^ y4);
    x[7] = ~(y0 ^ y1 ^ y6 ^ y7);
}

/* ---- one word of 32 blocks: x[i] holds bit i of its bytes, lane b those of byte b from the lowest ---- */

struct word { lanes bit[8]; };

/* Bit i of w's bytes, in every block. */
static inline lanes spread(uint32_t w, unsigned i)
{
    const lanes bytes = {w, w >> 8, w >> 16, w >> 24};

    return -(bytes >> i & 1);
}

/* Byte b becomes byte b + by. */
#define TURN1(x) __builtin_shufflevector(x, x, 3, 0, 1, 2)
#define TURN2(x) __builtin_shufflevector(x, x, 2, 3, 0, 1)
#define TURN3(x) __builtin_shufflevector(x, x, 1, 2, 3, 0)

/* a ^= L(S(b ^ c ^ d ^ key)), with L(t) = t ^ t<<<2 ^ t<<<10 ^ t<<<18 ^ t<<<24. */
static inline void round_of(struct word *a, const struct word *b, const struct word *c, const struct word *d, uint32_t key)
{
    lanes t[8];

    for (unsigned i = 0; i < 8; i++)
        t[i] = b->bit[i] ^ c->bit[i] ^ d->bit[i] ^ spread(key, i);
    substitute(t);
    for (unsigned i = 0; i < 8; i++) {
        const lanes by2 = i < 2 ? TURN1(t[i + 6]) : t[i - 2];

        a->bit[i] ^= t[i] ^ by2 ^ TURN1(by2) ^ TURN2(by2) ^ TURN3(t[i]);
    }
}

/* ---- blocks in and out ---- */

/* In each lane, bit j of m[i] changes places with bit i of m[j]. */
static void transpose(lanes m[32])
{
    uint32_t mask = 0x0000ffff;

    for (unsigned by = 16; by; by >>= 1, mask ^= mask << by)
        for (unsigned i = 0; i < 32; i = (i + by + 1) & ~by) {
            const lanes t = (m[i] >> by ^ m[i + by]) & mask;

            m[i + by] ^= t;
            m[i] ^= t << by;
        }
}

/* Row i of the 4 x 4 matrix becomes its column i. */
static inline void transpose4(lanes *a, lanes *b, lanes *c, lanes *d)
{
    const lanes ab_low = __builtin_shufflevector(*a, *b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(*a, *b, 2, 6, 3, 7);
    const lanes cd_low = __builtin_shufflevector(*c, *d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(*c, *d, 2, 6, 3, 7);

    *a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

static uint32_t load(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static void store(uint8_t *out, uint32_t w)
{
    out[0] = (uint8_t)(w >> 24);
    out[1] = (uint8_t)(w >> 16);
    out[2] = (uint8_t)(w >> 8);
    out[3] = (uint8_t)w;
}

static void blocks_in(struct word x[4], const uint8_t in[SM4_BATCH * SM4_BLOCK_BYTES])
{
    lanes m[32];

    for (size_t n = 0; n < SM4_BATCH; n++, in += SM4_BLOCK_BYTES)
        m[n] = (lanes){load(in), load(in + 4), load(in + 8), load(in + 12)};
    transpose(m);
    for (size_t i = 0; i < 8; i++) {
        transpose4(&m[i], &m[8 + i], &m[16 + i], &m[24 + i]);
        for (size_t w = 0; w < 4; w++)
            x[w].bit[i] = m[8 * w + i];
    }
}

/* The standard puts out the last word first. */
static void blocks_out(uint8_t out[SM4_BATCH * SM4_BLOCK_BYTES], const struct word x[4])
{
    lanes m[32];

    for (size_t i = 0; i < 8; i++) {
        for (size_t w = 0; w < 4; w++)
            m[8 * w + i] = x[3 - w].bit[i];
        transpose4(&m[i], &m[8 + i], &m[16 + i], &m[24 + i]);
    }
    transpose(m);
    for (size_t n = 0; n < SM4_BATCH; n++, out += SM4_BLOCK_BYTES)
        for (size_t w = 0; w < 4; w++)
            store(out + 4 * w, m[n][w]);
}

static void encrypt_batch(const struct sm4 *c, uint8_t *out, const uint8_t *in)
{
    struct word x[4];

    blocks_in(x, in);
    for (size_t r = 0; r < 32; r += 4) {
        round_of(&x[0], &x[1], &x[2], &x[3], c->round_key[r]);
        round_of(&x[1], &x[2], &x[3], &x[0], c->round_key[r + 1]);
        round_of(&x[2], &x[3], &x[0], &x[1], c->round_key[r + 2]);
        round_of(&x[3], &x[0], &x[1], &x[2], c->round_key[r + 3]);
    }
    blocks_out(out, x);
}

/* ---- the cipher ---- */

static uint32_t substitute_word(uint32_t w)
{
    lanes t[8], sum = {0};

    for (unsigned i = 0; i < 8; i++)
        t[i] = spread(w, i);
    substitute(t);
    for (unsigned i = 0; i < 8; i++)
        sum |= (t[i] & 1) << i;
    return sum[0] | sum[1] << 8 | sum[2] << 16 | sum[3] << 24;
}

static uint32_t rotate(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

void sm4_init(struct sm4 *c, const uint8_t key[SM4_KEY_BYTES])
{
    static const uint32_t system[4] = {0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc};
    uint32_t k[4];

    for (size_t i = 0; i < 4; i++)
        k[i] = load(key + 4 * i) ^ system[i];
    for (uint32_t r = 0; r < 32; r++) {
        const uint8_t first = (uint8_t)(28 * r), constant[4] = {first, first + 7, first + 14, first + 21};
        const uint32_t t = substitute_word(k[(r + 1) % 4] ^ k[(r + 2) % 4] ^ k[(r + 3) % 4] ^ load(constant));

        k[r % 4] ^= t ^ rotate(t, 13) ^ rotate(t, 23);
        c->round_key[r] = k[r % 4];
    }
    sodium_memzero(k, sizeof k);
}

void sm4_clear(struct sm4 *c)
{
    sodium_memzero(c, sizeof *c);
}

void sm4_encrypt(const struct sm4 *c, uint8_t *out, const uint8_t *in, size_t blocks)
{
    uint8_t part[SM4_BATCH * SM4_BLOCK_BYTES] = {0};
    const size_t rest = blocks % SM4_BATCH;

    for (; blocks >= SM4_BATCH; blocks -= SM4_BATCH, in += sizeof part, out += sizeof part)
        encrypt_batch(c, out, in);
    if (rest) {
        memcpy(part, in, rest * SM4_BLOCK_BYTES);
        encrypt_batch(c, part, part);
        memcpy(out, part, rest * SM4_BLOCK_BYTES);
        sodium_memzero(part, sizeof part);
    }
}

void sm4_counter(const struct sm4 *c, uint8_t *out, const uint8_t *in, size_t len, const uint8_t start[SM4_BLOCK_BYTES])
{
    uint8_t stream[SM4_BATCH * SM4_BLOCK_BYTES];
    uint64_t high = load_u64(start), low = load_u64(start + 8);

    while (len) {
        const size_t n = len < sizeof stream ? len : sizeof stream;

        for (size_t i = 0; i < sizeof stream; i += SM4_BLOCK_BYTES) {
            store_u64(stream + i, high);
            store_u64(stream + i + 8, low);
            high += ++low == 0;
        }
        encrypt_batch(c, stream, stream);
        for (size_t i = 0; i < n; i++)
            out[i] = in ? in[i] ^ stream[i] : stream[i];
        in = in ? in + n : NULL;
        out += n;
        len -= n;
    }
    sodium_memzero(stream, sizeof stream);
}
