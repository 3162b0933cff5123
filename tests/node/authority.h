/* A timestamping authority for tests, made on the spot with OpenSSL's own: a CA, a certificate for timestamping, and
 * replies to requests, honest ones and others. */
#ifndef HEFU_TEST_AUTHORITY_H
#define HEFU_TEST_AUTHORITY_H

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a made-up authority does wrong. */
enum evil {
    EVIL_NONE,
    EVIL_DIGEST,  /* stamps something else */
    EVIL_NONCE,
    EVIL_EKU,     /* its certificate is for TLS servers */
    EVIL_EXPIRED, /* its certificate had ended by the time it gives */
    EVIL_REFUSE,  /* a reply without a token */
    EVIL_POLICY,  /* under another policy than asked for */
    EVIL_WEAK,    /* signs over SHA-1 */
    EVIL_OTHER,   /* stamps the digest as one of the other suite's hash */
    EVIL_NO_SM3,  /* knows SHA-256 alone */
    EVIL_CLOCK,   /* its clock has stopped */
    EVILS,
};
static const char *const evil_name[EVILS] = {"none", "digest", "nonce", "eku", "expired", "refuse", "policy", "weak",
                                              "other",  "no-sm3", "clock"};

struct authority {
    EVP_PKEY *ca_key, *key;
    X509 *ca, *cert;
    int64_t at; /* the time it gives; 0: now and skew */
    long skew;
    int stopped;
};

static inline void authority_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert(e && X509_add_ext(x, e, -1));
    X509_EXTENSION_free(e);
}

static inline X509 *authority_x509(const char *name, EVP_PKEY *key, long serial, int64_t from, int64_t to)
{
    X509 *x = X509_new();

    assert(x);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_time_adj_ex(X509_getm_notBefore(x), 0, 0, &(time_t){from});
    X509_time_adj_ex(X509_getm_notAfter(x), 0, 0, &(time_t){to});
    X509_set_pubkey(x, key);
    return x;
}

/* now: its certificates are valid for a day before and ten days after, those of EVIL_EXPIRED ended an hour ago. */
static inline void authority_make(struct authority *a, enum evil evil, int64_t now)
{
    static long serial;
    const int64_t from = now - 86400, to = evil == EVIL_EXPIRED ? now - 3600 : now + 10 * 86400;

    memset(a, 0, sizeof *a);
    a->ca_key = EVP_RSA_gen(2048);
    a->key = EVP_RSA_gen(2048);
    assert(a->ca_key && a->key);
    a->ca = authority_x509("test time CA", a->ca_key, ++serial, from, now + 20 * 86400);
    X509_set_issuer_name(a->ca, X509_get_subject_name(a->ca));
    authority_extension(a->ca, a->ca, NID_basic_constraints, "critical,CA:TRUE");
    authority_extension(a->ca, a->ca, NID_key_usage, "critical,keyCertSign,cRLSign");
    assert(X509_sign(a->ca, a->ca_key, EVP_sha256()));
    a->cert = authority_x509("test time", a->key, ++serial, from, to);
    X509_set_issuer_name(a->cert, X509_get_subject_name(a->ca));
    authority_extension(a->cert, a->ca, NID_key_usage, "critical,digitalSignature");
    authority_extension(a->cert, a->ca, NID_ext_key_usage, "critical,timeStamping");
    assert(X509_sign(a->cert, a->ca_key, EVP_sha256()));
    if (evil == EVIL_EKU) { /* OpenSSL signs by what it noted of the certificate before it was changed */
        X509_check_purpose(a->cert, X509_PURPOSE_TIMESTAMP_SIGN, 0);
        X509_EXTENSION_free(X509_delete_ext(a->cert, X509_get_ext_by_NID(a->cert, NID_ext_key_usage, -1)));
        authority_extension(a->cert, a->ca, NID_ext_key_usage, "critical,serverAuth");
        assert(X509_sign(a->cert, a->ca_key, EVP_sha256()));
    }
}

static inline void authority_clear(struct authority *a)
{
    X509_free(a->ca);
    X509_free(a->cert);
    EVP_PKEY_free(a->ca_key);
    EVP_PKEY_free(a->key);
}

static inline void authority_write(const char *path, X509 *cert)
{
    FILE *file = fopen(path, "w");

    assert(file);
    PEM_write_X509(file, cert);
    fclose(file);
}

static inline ASN1_INTEGER *authority_serial(TS_RESP_CTX *ctx, void *data)
{
    static long serial = 1000;
    ASN1_INTEGER *number = ASN1_INTEGER_new();

    (void)ctx, (void)data;
    assert(number && ASN1_INTEGER_set(number, ++serial));
    return number;
}

static inline int authority_time(TS_RESP_CTX *ctx, void *data, long *seconds, long *micros)
{
    const struct authority *a = data;

    if (a->stopped) {
        TS_RESP_CTX_set_status_info(ctx, TS_STATUS_REJECTION, "no time");
        TS_RESP_CTX_add_failure_info(ctx, TS_INFO_TIME_NOT_AVAILABLE);
        return 0;
    }
    *seconds = a->at ? (long)a->at : (long)time(NULL) + a->skew;
    *micros = 0;
    return 1;
}

/* The request as the authority reads it, which is not always what was asked. */
static inline BIO *authority_request(const unsigned char *request, size_t len, enum evil evil)
{
    const unsigned char *at = request;
    TS_REQ *req = d2i_TS_REQ(NULL, &at, (long)len);
    BIO *out = BIO_new(BIO_s_mem());
    ASN1_INTEGER *nonce;

    assert(out);
    if (!req)
        BIO_write(out, request, (int)len);
    if (req && evil == EVIL_DIGEST) {
        ASN1_OCTET_STRING *digest = TS_MSG_IMPRINT_get_msg(TS_REQ_get_msg_imprint(req));
        unsigned char other[64];
        int n = ASN1_STRING_length(digest);

        memcpy(other, ASN1_STRING_get0_data(digest), (size_t)n);
        other[0] ^= 1;
        ASN1_STRING_set(digest, other, n);
    }
    if (req && evil == EVIL_OTHER) {
        X509_ALGOR *algorithm = TS_MSG_IMPRINT_get_algo(TS_REQ_get_msg_imprint(req));
        const ASN1_OBJECT *id;

        X509_ALGOR_get0(&id, NULL, NULL, algorithm);
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(OBJ_obj2nid(id) == NID_sm3 ? NID_sha256 : NID_sm3), V_ASN1_NULL, NULL);
    }
    if (req && evil == EVIL_NONCE) {
        nonce = ASN1_INTEGER_new();
        ASN1_INTEGER_set_uint64(nonce, 4711);
        TS_REQ_set_nonce(req, nonce);
        ASN1_INTEGER_free(nonce);
    }
    if (req && evil == EVIL_POLICY) {
        ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.99", 1);

        TS_REQ_set_policy_id(req, policy);
        ASN1_OBJECT_free(policy);
    }
    if (req)
        i2d_TS_REQ_bio(out, req);
    TS_REQ_free(req);
    return out;
}

/* The reply in DER; the caller frees it with OPENSSL_free. */
static inline int authority_reply(struct authority *a, unsigned char **out, const unsigned char *request, size_t len,
                                  enum evil evil)
{
    TS_RESP_CTX *ctx = TS_RESP_CTX_new();
    ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4", 1), *other = OBJ_txt2obj("1.2.3.99", 1);
    BIO *in = authority_request(request, len, evil);
    TS_RESP *reply;
    int n;

    assert(ctx);
    assert(TS_RESP_CTX_set_signer_cert(ctx, a->cert));
    assert(TS_RESP_CTX_set_signer_key(ctx, a->key));
    assert(TS_RESP_CTX_set_def_policy(ctx, policy));
    assert(TS_RESP_CTX_add_policy(ctx, other));
    assert(TS_RESP_CTX_add_md(ctx, evil == EVIL_REFUSE ? EVP_sha512() : EVP_sha256()));
    assert(evil == EVIL_REFUSE || evil == EVIL_NO_SM3 || TS_RESP_CTX_add_md(ctx, EVP_sm3()));
    a->stopped = evil == EVIL_CLOCK;
    assert(TS_RESP_CTX_set_signer_digest(ctx, evil == EVIL_WEAK ? EVP_sha1() : EVP_sha256()));
    assert(TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()));
    TS_RESP_CTX_set_serial_cb(ctx, authority_serial, a);
    TS_RESP_CTX_set_time_cb(ctx, authority_time, a);
    reply = TS_RESP_create_response(ctx, in);
    assert(reply);
    *out = NULL;
    n = i2d_TS_RESP(reply, out);
    assert(n > 0);
    TS_RESP_free(reply);
    TS_RESP_CTX_free(ctx);
    BIO_free(in);
    ASN1_OBJECT_free(policy);
    ASN1_OBJECT_free(other);
    return n;
}

#endif
