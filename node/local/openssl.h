/* The few libcrypto chores that certificate, ca and keyring share. */
#ifndef HEFU_OPENSSL_H
#define HEFU_OPENSSL_H

#include "crypto/status.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* For AUTO. */
void openssl_x509_clear(X509 **x);
void openssl_crl_clear(X509_CRL **x);
void openssl_req_clear(X509_REQ **x);
void openssl_key_clear(EVP_PKEY **x);
void openssl_bio_clear(BIO **x); /* a memory BIO is wiped */
void openssl_store_clear(X509_STORE **x);
void openssl_store_ctx_clear(X509_STORE_CTX **x);

/* PEM or DER; NULL when the bytes are neither, or when something follows. */
X509 *openssl_x509_from_bytes(const void *bytes, size_t len);
MUST_USE status openssl_load_x509(X509 **out, const char *path, struct fault *f);
MUST_USE status openssl_load_crl(X509_CRL **out, const char *path, struct fault *f);
/* A private Ed25519 key in PEM that only its owner can read. */
MUST_USE status openssl_load_key(EVP_PKEY **out, const char *path, struct fault *f);
/* The same, X25519: an auditor's. */
MUST_USE status openssl_load_exchange_key(EVP_PKEY **out, const char *path, struct fault *f);

MUST_USE status openssl_new_key(EVP_PKEY **out);
MUST_USE status openssl_new_exchange_key(EVP_PKEY **out);
/* A new PEM file, 0600; refuses to replace one. */
MUST_USE status openssl_create_key_file(const char *path, EVP_PKEY *key, struct fault *f);

/* 1 when the name has exactly one such entry, a text without NUL that fits. */
int openssl_name_entry(char *out, size_t cap, const X509_NAME *name, int nid);
int openssl_time(int64_t *out, const ASN1_TIME *t);
int openssl_serial(char *out, size_t cap, const ASN1_INTEGER *serial);

#endif
