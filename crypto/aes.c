#include "crypto/aes.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>

status aes_init(struct aes *a, const uint8_t key[AES_BYTES])
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();

    if (!cipher || EVP_EncryptInit_ex(cipher, EVP_aes_128_ecb(), NULL, key, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(cipher, 0) != 1) {
        EVP_CIPHER_CTX_free(cipher);
        return STATUS_NO_MEMORY;
    }
    a->cipher = cipher;
    return OK;
}

void aes_clear(struct aes *a)
{
    EVP_CIPHER_CTX_free(a->cipher); /* OpenSSL wipes the key schedule */
    a->cipher = NULL;
}

void aes_encrypt(struct aes *a, uint8_t *out, const uint8_t *in, size_t blocks)
{
    int written = 0, done;

    assert(blocks <= INT_MAX / AES_BYTES);
    done = EVP_EncryptUpdate(a->cipher, out, &written, in, (int)(blocks * AES_BYTES));
    assert(done == 1 && (size_t)written == blocks * AES_BYTES);
}
