#include "node/local/openssl.h"

#include "node/local/certificate.h"
#include "node/local/files.h"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CRL_BYTES_MAX = 4 * 1024 * 1024, KEY_BYTES_MAX = 16 * 1024 };

void openssl_x509_clear(X509 **x)
{
    X509_free(*x);
}

void openssl_crl_clear(X509_CRL **x)
{
    X509_CRL_free(*x);
}

void openssl_req_clear(X509_REQ **x)
{
    X509_REQ_free(*x);
}

void openssl_key_clear(EVP_PKEY **x)
{
    EVP_PKEY_free(*x);
}

void openssl_bio_clear(BIO **x)
{
    char *bytes = NULL;
    long len = *x && BIO_method_type(*x) == BIO_TYPE_MEM ? BIO_get_mem_data(*x, &bytes) : 0;

    if (len > 0 && !BIO_test_flags(*x, BIO_FLAGS_MEM_RDONLY))
        sodium_memzero(bytes, (size_t)len);
    BIO_free(*x);
}

void openssl_store_clear(X509_STORE **x)
{
    X509_STORE_free(*x);
}

void openssl_store_ctx_clear(X509_STORE_CTX **x)
{
    X509_STORE_CTX_free(*x);
}

/* Nobody is asked for a passphrase: an encrypted key is an error, not a prompt. */
static int no_passphrase(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1;
}

X509 *openssl_x509_from_bytes(const void *bytes, size_t len)
{
    BIO *in AUTO(openssl_bio_clear) = BIO_new_mem_buf(bytes, (int)len);
    const unsigned char *at = bytes;
    X509 *x = in ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;

    if (!x) {
        x = d2i_X509(NULL, &at, (long)len);
        if (x && at != (const unsigned char *)bytes + len) {
            X509_free(x);
            x = NULL;
        }
    }
    return x;
}

status openssl_load_x509(X509 **out, const char *path, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(files_read(&bytes, &len, path, CERTIFICATE_BYTES_MAX, f));
    *out = openssl_x509_from_bytes(bytes, len);
    return *out ? OK : fault_set(f, STATUS_CONFIG, "%s: not a certificate in pem or der form", path);
}

status openssl_load_crl(X509_CRL **out, const char *path, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    BIO *in AUTO(openssl_bio_clear) = NULL;
    status code;

    code = files_read(&bytes, &len, path, CRL_BYTES_MAX, f);
    if (code != OK)
        fault_hint(f, "the consortium makes it with hefu ca crl; crl in node.yaml names it");
    TRY(code);
    in = BIO_new_mem_buf(bytes, (int)len);
    if (!in)
        return STATUS_NO_MEMORY;
    *out = PEM_read_bio_X509_CRL(in, NULL, no_passphrase, NULL);
    return *out ? OK : fault_set(f, STATUS_CONFIG, "%s: not a revocation list in pem form", path);
}

static status load_key(EVP_PKEY **out, const char *path, int type, const char *wrong, const char *makers, struct fault *f)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    EVP_PKEY *key = NULL;
    BIO *in;

    TRY(files_check_private(path, f));
    TRY(files_read(&bytes, &len, path, KEY_BYTES_MAX, f));
    in = BIO_new_mem_buf(bytes, (int)len);
    if (in)
        key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
    BIO_free(in);
    sodium_memzero(bytes, len);
    free(bytes);
    if (!key)
        return fault_set(f, STATUS_CONFIG, "%s: not a private key in pem form, without passphrase", path);
    if (EVP_PKEY_id(key) != type) {
        EVP_PKEY_free(key);
        fault_hint(f, "%s", makers);
        return fault_set(f, STATUS_CONFIG, "%s: %s", path, wrong);
    }
    *out = key;
    return OK;
}

status openssl_load_key(EVP_PKEY **out, const char *path, struct fault *f)
{
    return load_key(out, path, EVP_PKEY_ED25519, "the key is not ed25519", "hefu node init and hefu ca issue make such keys", f);
}

status openssl_load_exchange_key(EVP_PKEY **out, const char *path, struct fault *f)
{
    return load_key(out, path, EVP_PKEY_X25519, "the key is not x25519", "hefu-audit keygen makes such keys", f);
}

status openssl_new_key(EVP_PKEY **out)
{
    *out = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return *out ? OK : STATUS_NO_MEMORY;
}

status openssl_new_exchange_key(EVP_PKEY **out)
{
    *out = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    return *out ? OK : STATUS_NO_MEMORY;
}

status openssl_create_key_file(const char *path, EVP_PKEY *key, struct fault *f)
{
    BIO *out AUTO(openssl_bio_clear) = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    long len;

    if (!out || PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1)
        return STATUS_NO_MEMORY;
    len = BIO_get_mem_data(out, &bytes);
    return files_create(path, bytes, (size_t)len, 0600, f);
}

int openssl_name_entry(char *out, size_t cap, const X509_NAME *name, int nid)
{
    int at = X509_NAME_get_index_by_NID(name, nid, -1), len;
    unsigned char *text = NULL;

    if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
        return 0;
    len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (len < 0 || (size_t)len >= cap || memchr(text, 0, (size_t)len)) {
        OPENSSL_free(text);
        return 0;
    }
    memcpy(out, text, (size_t)len);
    out[len] = 0;
    OPENSSL_free(text);
    return 1;
}

int openssl_time(int64_t *out, const ASN1_TIME *t)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    *out = (int64_t)timegm(&tm);
    return 1;
}

int openssl_serial(char *out, size_t cap, const ASN1_INTEGER *serial)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    char *hex = number ? BN_bn2hex(number) : NULL;
    int fits = hex && strlen(hex) < cap;

    if (fits)
        strcpy(out, hex);
    OPENSSL_free(hex);
    BN_free(number);
    return fits;
}
