/* SM4 of GB/T 32907 in counter mode.  Plain values: nothing is allocated and nothing fails.  Computed bit by bit, 32 blocks
 * side by side, without a table: no branch or address depends on key or text.  (OpenSSL's SM4 reads tables at addresses that
 * depend on both; tests compare the two.)  A call takes the time of a whole number of 32 blocks. */
#ifndef HEFU_SM4_H
#define HEFU_SM4_H

#include "crypto/status.h"

enum { SM4_BLOCK_BYTES = 16, SM4_KEY_BYTES = 16, SM4_BATCH = 32 };

struct sm4 { uint32_t round_key[32]; };

void sm4_init(struct sm4 *c, const uint8_t key[SM4_KEY_BYTES]);
void sm4_clear(struct sm4 *c); /* wipes */

/* Each block by itself; out may be in. */
void sm4_encrypt(const struct sm4 *c, uint8_t *out, const uint8_t *in, size_t blocks);

/* out = in xor the encryptions of start, start + 1, ... (mod 2^128); in NULL stands for zeros; out may be in. */
void sm4_counter(const struct sm4 *c, uint8_t *out, const uint8_t *in, size_t len, const uint8_t start[SM4_BLOCK_BYTES]);

#endif
