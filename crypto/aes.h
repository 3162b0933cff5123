/* AES-128, many blocks under one key: the generator and the permutation of oblivious transfer.  OpenSSL. */
#ifndef HEFU_AES_H
#define HEFU_AES_H

#include "crypto/status.h"

enum { AES_BYTES = 16 }; /* of a block and of a key */

/* A key; one thread at a time. */
struct aes { void *cipher; };

/* STATUS_NO_MEMORY is the only failure. */
MUST_USE status aes_init(struct aes *a, const uint8_t key[AES_BYTES]);
void aes_clear(struct aes *a); /* wipes; fine on zeros */
/* Each block by itself; out may be in. */
void aes_encrypt(struct aes *a, uint8_t *out, const uint8_t *in, size_t blocks);

#endif
