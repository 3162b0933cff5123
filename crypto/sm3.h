/* SM3 of GB/T 32905, its HMAC (GB/T 15852.2) and the key derivation of GB/T 32918.4.  Plain values: nothing is allocated,
 * nothing fails, and no branch or address depends on what is hashed, only on its length.  Written here and not taken from
 * OpenSSL, whose states live on the heap; tests compare the two. */
#ifndef HEFU_SM3_H
#define HEFU_SM3_H

#include "crypto/hash.h"

enum { SM3_BLOCK_BYTES = 64 };

struct sm3 {
    uint32_t chain[8];
    uint64_t len; /* of all that was added */
    uint8_t block[SM3_BLOCK_BYTES];
};

void sm3_init(struct sm3 *h);
void sm3_add(struct sm3 *h, const void *bytes, size_t len);
void sm3_final(struct sm3 *h, struct hash *out); /* wipes h */

/* Keys of any length. */
struct sm3_hmac {
    struct sm3 inner, outer;
};

void sm3_hmac_init(struct sm3_hmac *m, const void *key, size_t len);
void sm3_hmac_add(struct sm3_hmac *m, const void *bytes, size_t len);
void sm3_hmac_final(struct sm3_hmac *m, struct hash *out); /* wipes m */

/* SM3(z, 1), SM3(z, 2), ... cut to len bytes. */
void sm3_kdf(uint8_t *out, size_t len, const void *z, size_t z_len);

#endif
