#include "node/local/openssl.h"

#include "crypto/sm2.h"
#include "node/local/certificate.h"
#include "node/local/files.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
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

/* Of the type, or sm2. */
static status load_key(EVP_PKEY **out, const char *path, const char *type, const char *makers, struct fault *f)
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
    if (!EVP_PKEY_is_a(key, type) && openssl_key_suite(key) != SUITE_GM1) {
        EVP_PKEY_free(key);
        fault_hint(f, "%s", makers);
        return fault_set(f, STATUS_CONFIG, "%s: the key is neither %s nor sm2", path, type);
    }
    *out = key;
    return OK;
}

status openssl_load_key(EVP_PKEY **out, const char *path, struct fault *f)
{
    return load_key(out, path, "ed25519", "hefu node init and hefu ca issue make such keys", f);
}

status openssl_load_exchange_key(EVP_PKEY **out, const char *path, struct fault *f)
{
    return load_key(out, path, "x25519", "hefu-audit keygen makes such keys", f);
}

status openssl_new_key(EVP_PKEY **out, enum suite s)
{
    *out = EVP_PKEY_Q_keygen(NULL, NULL, s == SUITE_GM1 ? "SM2" : "ED25519");
    return *out ? OK : STATUS_NO_MEMORY;
}

status openssl_new_exchange_key(EVP_PKEY **out, enum suite s)
{
    *out = EVP_PKEY_Q_keygen(NULL, NULL, s == SUITE_GM1 ? "SM2" : "X25519");
    return *out ? OK : STATUS_NO_MEMORY;
}

enum suite openssl_key_suite(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "SM2") ? SUITE_GM1 : SUITE_INT1;
}

int openssl_key_secret(uint8_t out[32], const EVP_PKEY *key)
{
    BIGNUM *d = NULL;
    size_t len = 32;
    int ok;

    if (openssl_key_suite(key) != SUITE_GM1)
        return EVP_PKEY_get_raw_private_key(key, out, &len) == 1 && len == 32;
    ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1 && BN_bn2binpad(d, out, 32) == 32;
    BN_clear_free(d);
    return ok;
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

const char *openssl_key_name(enum suite s)
{
    return s == SUITE_GM1 ? "sm2" : "ed25519";
}

/* ---- signatures ---- */

void openssl_digest_clear(EVP_MD_CTX **x)
{
    EVP_MD_CTX_free(*x);
}

/* After the start, before the first byte. */
static int set_identity(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set1_id(ctx, SM2_DEFAULT_ID, (int)strlen(SM2_DEFAULT_ID)) == 1;
}

EVP_MD_CTX *openssl_signing(EVP_PKEY *key)
{
    const int sm2 = openssl_key_suite(key) == SUITE_GM1;
    EVP_MD_CTX *digest AUTO(openssl_digest_clear) = EVP_MD_CTX_new(), *out;
    EVP_PKEY_CTX *ctx = NULL; /* of the digest */

    if (!digest || EVP_DigestSignInit(digest, &ctx, sm2 ? EVP_sm3() : NULL, NULL, key) != 1 || (sm2 && !set_identity(ctx)))
        return NULL;
    out = digest;
    digest = NULL;
    return out;
}

static ASN1_OCTET_STRING *new_identity(void)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

    if (id && ASN1_OCTET_STRING_set(id, (const unsigned char *)SM2_DEFAULT_ID, (int)strlen(SM2_DEFAULT_ID)))
        return id;
    ASN1_OCTET_STRING_free(id);
    return NULL;
}

status openssl_expect_sm2(X509 *x)
{
    ASN1_OCTET_STRING *id = new_identity();

    if (!id)
        return STATUS_NO_MEMORY;
    X509_set0_distinguishing_id(x, id);
    return OK;
}

int openssl_req_is_signed(X509_REQ *req)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(req);

    if (!key)
        return 0;
    if (openssl_key_suite(key) == SUITE_GM1) {
        ASN1_OCTET_STRING *id = new_identity();

        if (!id)
            return 0;
        X509_REQ_set0_distinguishing_id(req, id);
    }
    return X509_REQ_verify(req, key) == 1;
}

/* Over the list's bytes without their signature; what was not in DER does not verify. */
static int sm2_signed_crl(X509_CRL *crl, EVP_PKEY *issuer)
{
    EVP_MD_CTX *digest AUTO(openssl_digest_clear) = EVP_MD_CTX_new();
    const ASN1_BIT_STRING *signature = NULL;
    EVP_PKEY_CTX *ctx = NULL; /* of the digest */
    unsigned char *bytes = NULL;
    int len, ok;

    X509_CRL_get0_signature(crl, &signature, NULL);
    len = i2d_re_X509_CRL_tbs(crl, &bytes);
    ok = digest && len > 0 && (signature->flags & 7) == 0 /* whole bytes */ && X509_CRL_get_signature_nid(crl) == NID_SM2_with_SM3 &&
         EVP_DigestVerifyInit(digest, &ctx, EVP_sm3(), NULL, issuer) == 1 && set_identity(ctx) &&
         EVP_DigestVerify(digest, ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature), bytes, (size_t)len) == 1;
    OPENSSL_free(bytes);
    return ok;
}

int openssl_crl_is_signed(X509_CRL *crl, EVP_PKEY *issuer)
{
    return openssl_key_suite(issuer) == SUITE_GM1 ? sm2_signed_crl(crl, issuer) : X509_CRL_verify(crl, issuer) == 1;
}

/* ---- fields ---- */

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
