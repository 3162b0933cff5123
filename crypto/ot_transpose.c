#include "crypto/ot_parts.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* An 8 x 8 bit matrix, row i in byte i: Warren, Hacker's Delight, 7-3. */
static uint64_t transpose_8x8(uint64_t x)
{
    uint64_t t;

    t = (x ^ x >> 7) & UINT64_C(0x00aa00aa00aa00aa);
    x ^= t ^ t << 7;
    t = (x ^ x >> 14) & UINT64_C(0x0000cccc0000cccc);
    x ^= t ^ t << 14;
    t = (x ^ x >> 28) & UINT64_C(0x00000000f0f0f0f0);
    return x ^ t ^ t << 28;
}

void ot_transpose_portable(struct ot_block *out, const uint8_t *rows, size_t stride, size_t count)
{
    for (size_t column = 0; column < 16 * count; column++)
        for (size_t group = 0; group < OT_BITS / 8; group++) {
            uint64_t x = 0;

            for (size_t i = 0; i < 8; i++)
                x |= (uint64_t)rows[(8 * group + i) * stride + column] << 8 * i;
            x = transpose_8x8(x);
            for (size_t i = 0; i < 8; i++)
                out[8 * column + i].bytes[group] = (uint8_t)(x >> 8 * i);
        }
}

#ifdef __SSE2__

/* 16 rows of 16 bytes become 16 columns. */
static void transpose_bytes(__m128i x[16])
{
    /* Four times: interleave row i with row i + 8. */
    for (int round = 0; round < 4; round++) {
        __m128i y[16];

        for (int i = 0; i < 8; i++) {
            y[2 * i] = _mm_unpacklo_epi8(x[i], x[i + 8]);
            y[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + 8]);
        }
        memcpy(x, y, sizeof y);
    }
}

void ot_transpose(struct ot_block *out, const uint8_t *rows, size_t stride, size_t count)
{
    for (size_t column = 0; column < count; column++)
        for (size_t group = 0; group < OT_BITS / 16; group++) {
            const uint8_t *from = rows + 16 * group * stride + 16 * column;
            struct ot_block *to = out + OT_BITS * column;
            __m128i x[16];

            for (size_t i = 0; i < 16; i++)
                x[i] = _mm_loadu_si128((const __m128i *)(const void *)(from + i * stride));
            transpose_bytes(x);
            for (size_t i = 0; i < 16; i++)
                for (size_t bit = 8; bit-- > 0; x[i] = _mm_add_epi8(x[i], x[i])) {
                    uint16_t top = (uint16_t)_mm_movemask_epi8(x[i]);

                    memcpy(to[8 * i + bit].bytes + 2 * group, &top, sizeof top); /* x86: least significant first */
                }
        }
}

#else

void ot_transpose(struct ot_block *out, const uint8_t *rows, size_t stride, size_t count)
{
    ot_transpose_portable(out, rows, stride, count);
}

#endif
