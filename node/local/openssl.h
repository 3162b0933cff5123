/* The few libcrypto chores that certificate, ca and keyring share. */
#ifndef HEFU_OPENSSL_H
#define HEFU_OPENSSL_H

#include "crypto/status.h"
#include "crypto/suite.h"

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
/* A private key in PEM that only its owner can read: Ed25519 or SM2. */
MUST_USE status openssl_load_key(EVP_PKEY **out, const char *path, struct fault *f);
/* The same, X25519 or SM2: an auditor's. */
MUST_USE status openssl_load_exchange_key(EVP_PKEY **out, const char *path, struct fault *f);

MUST_USE status openssl_new_key(EVP_PKEY **out, enum suite s);
MUST_USE status openssl_new_exchange_key(EVP_PKEY **out, enum suite s);
/* SUITE_GM1 for SM2, SUITE_INT1 for all else. */
enum suite openssl_key_suite(const EVP_PKEY *key);
/* The 32 bytes that an Ed25519, X25519 or SM2 key consists of; 0 when it has others. */
int openssl_key_secret(uint8_t out[32], const EVP_PKEY *key);
/* A new PEM file, 0600; refuses to replace one. */
MUST_USE status openssl_create_key_file(const char *path, EVP_PKEY *key, struct fault *f);
/* "ed25519" or "sm2". */
const char *openssl_key_name(enum suite s);

/* ---- signatures of certificates, requests and revocation lists ----
 *
 * Ed25519, or SM2 with SM3 and the default identity (SM2_DEFAULT_ID).  For SM2 the library's own X509_sign, X509_REQ_sign and
 * X509_CRL_sign take the empty identity, and its check of revocation lists knows no other: so they are made and checked here. */

void openssl_digest_clear(EVP_MD_CTX **x);
/* For X509_sign_ctx and its like; NULL when memory is out. */
EVP_MD_CTX *openssl_signing(EVP_PKEY *key);
/* The certificate will be verified as one that an SM2 key signed. */
MUST_USE status openssl_expect_sm2(X509 *x);
/* 1 when the request is signed by its own key. */
int openssl_req_is_signed(X509_REQ *req);
/* 1 when that key signed the list; to be asked before it is searched. */
int openssl_crl_is_signed(X509_CRL *crl, EVP_PKEY *issuer);

/* 1 when the name has exactly one such entry, a text without NUL that fits. */
int openssl_name_entry(char *out, size_t cap, const X509_NAME *name, int nid);
int openssl_time(int64_t *out, const ASN1_TIME *t);
int openssl_serial(char *out, size_t cap, const ASN1_INTEGER *serial);

#endif
