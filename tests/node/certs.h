/* Certificates for tests, made on the spot: a CA, nodes, a revocation list, good ones and bad ones. */
#ifndef HEFU_TEST_CERTS_H
#define HEFU_TEST_CERTS_H

#include "node/net/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define UNUSED_FUNCTION __attribute__((unused))

struct test_ca {
    char dir[64], file[128], crl_file[128];
    EVP_PKEY *key;
    X509 *cert;
    X509_CRL *crl;
};

struct test_cert {
    char file[128], key_file[128];
    struct tls_identity id;
    ASN1_INTEGER *serial;
};

static inline EVP_PKEY *test_key(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    assert_non_null(key);
    return key;
}

static inline void test_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static inline X509 *test_x509(const char *name, const char *role, EVP_PKEY *key, long from_s, long to_s)
{
    X509 *x = X509_new();
    BIGNUM *serial = BN_new();
    X509_NAME *subject;

    assert_non_null(x);
    X509_set_version(x, 2);
    assert_int_equal(BN_rand(serial, 120, 0, 0), 1);
    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x));
    BN_free(serial);
    subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0);
    if (role)
        X509_NAME_add_entry_by_txt(subject, "OU", MBSTRING_UTF8, (const uint8_t *)role, -1, -1, 0);
    X509_gmtime_adj(X509_getm_notBefore(x), from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), to_s);
    X509_set_pubkey(x, key);
    return x;
}

static inline void test_write_cert(const char *path, X509 *x)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    PEM_write_X509(file, x);
    fclose(file);
}

/* A CA in a new directory under /tmp. */
static UNUSED_FUNCTION void test_ca_make_named(struct test_ca *ca, const char *name)
{
    memset(ca, 0, sizeof *ca);
    strcpy(ca->dir, "/tmp/hefu-test-XXXXXX");
    assert_non_null(mkdtemp(ca->dir));
    snprintf(ca->file, sizeof ca->file, "%s/ca.pem", ca->dir);
    ca->key = test_key();
    ca->cert = test_x509(name, NULL, ca->key, -86400, 86400 * 30);
    X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
    test_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
    test_extension(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    test_extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(ca->cert, ca->key, NULL) > 0);
    test_write_cert(ca->file, ca->cert);
}

static UNUSED_FUNCTION void test_ca_make(struct test_ca *ca)
{
    test_ca_make_named(ca, "test consortium");
}

/* A certificate valid from..to seconds from now. */
static UNUSED_FUNCTION void test_issue_dated(struct test_ca *ca, struct test_cert *out, const char *name, const char *role,
                                             long from_s, long to_s)
{
    static int counter;
    EVP_PKEY *key = test_key();
    X509 *x = test_x509(name, role, key, from_s, to_s);
    FILE *file;
    struct fault f = {0};

    memset(out, 0, sizeof *out);
    snprintf(out->file, sizeof out->file, "%s/%d.pem", ca->dir, ++counter);
    snprintf(out->key_file, sizeof out->key_file, "%s/%d.key", ca->dir, counter);
    X509_set_issuer_name(x, X509_get_subject_name(ca->cert));
    test_extension(x, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
    test_extension(x, ca->cert, NID_key_usage, "critical,digitalSignature");
    test_extension(x, ca->cert, NID_ext_key_usage, "serverAuth,clientAuth");
    assert_true(X509_sign(x, ca->key, NULL) > 0);
    test_write_cert(out->file, x);
    out->serial = ASN1_INTEGER_dup(X509_get0_serialNumber(x));
    umask(077);
    file = fopen(out->key_file, "w");
    assert_non_null(file);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
    assert_int_equal(tls_read_identity(&out->id, out->file, &f), OK);
}

static UNUSED_FUNCTION void test_issue(struct test_ca *ca, struct test_cert *out, const char *name)
{
    test_issue_dated(ca, out, name, "node", -3600, 86400);
}

/* Writes the revocation list, with one certificate more on it when revoked is not NULL.  It ends after valid_s. */
static UNUSED_FUNCTION void test_crl(struct test_ca *ca, const struct test_cert *revoked, long valid_s)
{
    ASN1_TIME *now = X509_gmtime_adj(NULL, -7200), *next = X509_gmtime_adj(NULL, valid_s);
    FILE *file;

    snprintf(ca->crl_file, sizeof ca->crl_file, "%s/crl.pem", ca->dir);
    if (!ca->crl) {
        ca->crl = X509_CRL_new();
        X509_CRL_set_version(ca->crl, 1);
        X509_CRL_set_issuer_name(ca->crl, X509_get_subject_name(ca->cert));
    }
    X509_CRL_set1_lastUpdate(ca->crl, now);
    X509_CRL_set1_nextUpdate(ca->crl, next);
    if (revoked) {
        X509_REVOKED *r = X509_REVOKED_new();

        X509_REVOKED_set_serialNumber(r, revoked->serial);
        X509_REVOKED_set_revocationDate(r, now);
        X509_CRL_add0_revoked(ca->crl, r);
    }
    X509_CRL_sort(ca->crl);
    assert_true(X509_CRL_sign(ca->crl, ca->key, NULL) > 0);
    file = fopen(ca->crl_file, "w");
    assert_non_null(file);
    PEM_write_X509_CRL(file, ca->crl);
    fclose(file);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
}

static UNUSED_FUNCTION struct tls_files test_files(const struct test_ca *ca, const struct test_cert *c)
{
    return (struct tls_files){.ca = ca->file, .crl = ca->crl_file[0] ? ca->crl_file : NULL, .certificate = c->file,
                              .key = c->key_file};
}

static UNUSED_FUNCTION void test_cert_clear(struct test_cert *c)
{
    ASN1_INTEGER_free(c->serial);
    memset(c, 0, sizeof *c);
}

/* Removes the directory with everything made in it. */
static UNUSED_FUNCTION void test_ca_clear(struct test_ca *ca)
{
    DIR *dir = opendir(ca->dir);
    char path[400];

    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", ca->dir, e->d_name);
        unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(ca->dir);
    EVP_PKEY_free(ca->key);
    X509_free(ca->cert);
    X509_CRL_free(ca->crl);
}

#endif
