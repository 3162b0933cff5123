#include "node/local/timestamp.h"

#include "node/local/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AUTH_LEVEL = 2 /* 112 bits: no SHA-1 in the chain */ };

static void req_clear(TS_REQ **r)
{
    TS_REQ_free(*r);
}

static void resp_clear(TS_RESP **r)
{
    TS_RESP_free(*r);
}

static void token_clear(PKCS7 **t)
{
    PKCS7_free(*t);
}

static void info_clear(TS_TST_INFO **i)
{
    TS_TST_INFO_free(*i);
}

static void imprint_clear(TS_MSG_IMPRINT **i)
{
    TS_MSG_IMPRINT_free(*i);
}

static void algorithm_clear(X509_ALGOR **a)
{
    X509_ALGOR_free(*a);
}

static void integer_clear(ASN1_INTEGER **i)
{
    ASN1_INTEGER_free(*i);
}

static void object_clear(ASN1_OBJECT **o)
{
    ASN1_OBJECT_free(*o);
}

static void certificates_clear(STACK_OF(X509) **s)
{
    sk_X509_pop_free(*s, X509_free);
}

static void der_clear(uint8_t **der)
{
    OPENSSL_free(*der);
}

void timestamp_text(char out[TIMESTAMP_TEXT_BYTES], int64_t at)
{
    time_t seconds = (time_t)at;
    struct tm t;

    if (!gmtime_r(&seconds, &t) || strftime(out, TIMESTAMP_TEXT_BYTES, "%Y-%m-%d %H:%M:%S UTC", &t) == 0)
        snprintf(out, TIMESTAMP_TEXT_BYTES, "%lld", (long long)at);
}

/* ---- digests ---- */

static int digest_nid(enum suite s)
{
    switch (s) {
    case SUITE_INT1:
        return NID_sha256;
    case SUITE_GM1:
        return NID_sm3;
    }
    return NID_undef;
}

static const char *digest_name(enum suite s)
{
    switch (s) {
    case SUITE_INT1:
        return "SHA-256";
    case SUITE_GM1:
        return "SM3";
    }
    return "no";
}

/* ---- request ---- */

static int set_imprint(TS_REQ *req, enum suite s, const struct hash *digest)
{
    TS_MSG_IMPRINT *imprint AUTO(imprint_clear) = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm AUTO(algorithm_clear) = X509_ALGOR_new();
    uint8_t bytes[HASH_BYTES];

    memcpy(bytes, digest->bytes, sizeof bytes);
    return imprint && algorithm && X509_ALGOR_set0(algorithm, OBJ_nid2obj(digest_nid(s)), V_ASN1_NULL, NULL) &&
           TS_MSG_IMPRINT_set_algo(imprint, algorithm) && TS_MSG_IMPRINT_set_msg(imprint, bytes, sizeof bytes) &&
           TS_REQ_set_msg_imprint(req, imprint);
}

static int set_nonce(TS_REQ *req, uint64_t nonce)
{
    ASN1_INTEGER *number AUTO(integer_clear) = ASN1_INTEGER_new();

    return number && ASN1_INTEGER_set_uint64(number, nonce) && TS_REQ_set_nonce(req, number);
}

/* A copy that free() frees. */
static status copy_der(uint8_t **out, size_t *len, const uint8_t *der, int der_len)
{
    TRY(alloc_zeroed(out, (size_t)der_len, 1));
    memcpy(*out, der, (size_t)der_len);
    *len = (size_t)der_len;
    return OK;
}

status timestamp_request(uint8_t **out, size_t *len, enum suite s, const struct hash *digest, uint64_t nonce,
                         const char *policy, struct fault *f)
{
    TS_REQ *req AUTO(req_clear) = TS_REQ_new();
    ASN1_OBJECT *id AUTO(object_clear) = NULL;
    uint8_t *der AUTO(der_clear) = NULL;
    int n;

    if (!req || !TS_REQ_set_version(req, 1) || !set_imprint(req, s, digest) || !set_nonce(req, nonce) ||
        !TS_REQ_set_cert_req(req, 1))
        return STATUS_NO_MEMORY;
    if (policy && policy[0]) {
        id = OBJ_txt2obj(policy, 1);
        if (!id)
            return fault_set(f, STATUS_CONFIG, "%s is not an object identifier such as 1.2.3.4", policy);
        if (!TS_REQ_set_policy_id(req, id))
            return STATUS_NO_MEMORY;
    }
    n = i2d_TS_REQ(req, &der);
    return n > 0 ? copy_der(out, len, der, n) : STATUS_NO_MEMORY;
}

/* ---- what a request or a token says ---- */

static int read_imprint(struct hash *out, enum suite *s, TS_MSG_IMPRINT *imprint)
{
    const ASN1_OBJECT *algorithm;
    const ASN1_OCTET_STRING *digest = TS_MSG_IMPRINT_get_msg(imprint);
    int nid;

    X509_ALGOR_get0(&algorithm, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
    nid = OBJ_obj2nid(algorithm);
    if ((nid != NID_sha256 && nid != NID_sm3) || ASN1_STRING_length(digest) != HASH_BYTES)
        return 0;
    *s = nid == NID_sm3 ? SUITE_GM1 : SUITE_INT1;
    memcpy(out->bytes, ASN1_STRING_get0_data(digest), HASH_BYTES);
    return 1;
}

static int read_nonce(uint64_t *out, const ASN1_INTEGER *nonce)
{
    return nonce && ASN1_INTEGER_get_uint64(out, nonce);
}

static int read_policy(char out[TIMESTAMP_POLICY_BYTES], const ASN1_OBJECT *policy)
{
    int len = policy ? OBJ_obj2txt(out, TIMESTAMP_POLICY_BYTES, policy, 1) : 0;

    return len > 0 && len < TIMESTAMP_POLICY_BYTES;
}

static TS_REQ *parse_request(const uint8_t *request, size_t len)
{
    const uint8_t *at = request;
    TS_REQ *req = len <= TIMESTAMP_REQUEST_MAX ? d2i_TS_REQ(NULL, &at, (long)len) : NULL;

    if (req && at == request + len)
        return req;
    ERR_clear_error();
    TS_REQ_free(req);
    return NULL;
}

status timestamp_request_digest(struct hash *out, enum suite *s, const uint8_t *request, size_t len, struct fault *f)
{
    TS_REQ *req AUTO(req_clear) = parse_request(request, len);

    if (!req || !read_imprint(out, s, TS_REQ_get_msg_imprint(req)))
        return fault_set(f, STATUS_MISMATCH, "the request for a timestamp is damaged");
    return OK;
}

static status read_info(struct timestamp *out, PKCS7 *token, struct fault *f)
{
    TS_TST_INFO *info AUTO(info_clear) = PKCS7_to_TS_TST_INFO(token);

    *out = (struct timestamp){0};
    ERR_clear_error();
    if (!info || TS_TST_INFO_get_version(info) != 1)
        return fault_set(f, STATUS_UNTRUSTED, "it is not a timestamp token of RFC 3161");
    if (TS_TST_INFO_get_ext_by_critical(info, 1, -1) >= 0)
        return fault_set(f, STATUS_UNTRUSTED, "it has a critical extension that is not known here");
    if (!read_imprint(&out->digest, &out->suite, TS_TST_INFO_get_msg_imprint(info)))
        return fault_set(f, STATUS_UNTRUSTED, "it is over neither a SHA-256 nor an SM3 digest");
    if (!openssl_time(&out->at, TS_TST_INFO_get_time(info)))
        return fault_set(f, STATUS_UNTRUSTED, "its time cannot be read");
    if (!read_policy(out->policy, TS_TST_INFO_get_policy_id(info)))
        return fault_set(f, STATUS_UNTRUSTED, "its policy cannot be read");
    out->has_nonce = read_nonce(&out->nonce, TS_TST_INFO_get_nonce(info));
    ERR_clear_error();
    return OK;
}

/* One encoding of every token: what would be written differently is none. */
static PKCS7 *parse_token(const uint8_t *bytes, size_t len)
{
    const uint8_t *at = bytes;
    PKCS7 *token = len <= TIMESTAMP_TOKEN_MAX ? d2i_PKCS7(NULL, &at, (long)len) : NULL;
    uint8_t *again AUTO(der_clear) = NULL;
    int again_len = token ? i2d_PKCS7(token, &again) : -1;

    ERR_clear_error();
    if (again_len > 0 && (size_t)again_len == len && memcmp(again, bytes, len) == 0)
        return token;
    PKCS7_free(token);
    return NULL;
}

static status read_token(PKCS7 **out, struct timestamp *said, const uint8_t *bytes, size_t len, struct fault *f)
{
    *said = (struct timestamp){0};
    *out = parse_token(bytes, len);
    if (!*out)
        return fault_set(f, STATUS_UNTRUSTED, "it is not one whole token in DER");
    return read_info(said, *out, f);
}

status timestamp_read(struct timestamp *out, const uint8_t *token, size_t len, struct fault *f)
{
    PKCS7 *parsed AUTO(token_clear) = NULL;

    return read_token(&parsed, out, token, len, f);
}

const char *timestamp_difference(const struct timestamp *t, const struct timestamp_wanted *wanted)
{
    if (wanted->digest && t->suite != wanted->suite)
        return t->suite == SUITE_GM1 ? "it is over an SM3 digest, and the contract's suite has SHA-256"
                                     : "it is over a SHA-256 digest, and the contract's suite has SM3";
    if (wanted->digest && !hash_equal(&t->digest, wanted->digest))
        return "it is over another digest";
    if (wanted->nonce && (!t->has_nonce || t->nonce != *wanted->nonce))
        return "its nonce is not that of the request";
    if (wanted->policy && wanted->policy[0] && strcmp(t->policy, wanted->policy) != 0)
        return "it was issued under another policy than the one asked for";
    return NULL;
}

/* ---- whether it counts ---- */

/* Certificates are judged as of the token's time. */
static status open_store(X509_STORE **out, const char *ca, int64_t at, struct fault *f)
{
    X509_STORE *store = X509_STORE_new();
    X509_VERIFY_PARAM *param = store ? X509_STORE_get0_param(store) : NULL;

    *out = store;
    if (!param)
        return STATUS_NO_MEMORY;
    if (X509_STORE_load_file(store, ca) != 1) {
        ERR_clear_error();
        return fault_set(f, STATUS_CONFIG, "%s: no certificate in pem form can be read", ca);
    }
    X509_VERIFY_PARAM_set_time(param, (time_t)at);
    X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
    return OK;
}

static status load_untrusted(STACK_OF(X509) **out, const char *path, struct fault *f)
{
    STACK_OF(X509_INFO) *all;
    BIO *in AUTO(openssl_bio_clear) = BIO_new_file(path, "r");

    all = in ? PEM_X509_INFO_read_bio(in, NULL, NULL, NULL) : NULL;
    ERR_clear_error();
    *out = sk_X509_new_null();
    for (int i = 0; *out && i < sk_X509_INFO_num(all); i++) {
        X509_INFO *one = sk_X509_INFO_value(all, i);

        if (one->x509 && sk_X509_push(*out, one->x509))
            one->x509 = NULL; /* it is in the other list now */
    }
    sk_X509_INFO_pop_free(all, X509_INFO_free);
    if (!*out)
        return STATUS_NO_MEMORY;
    if (sk_X509_num(*out) == 0)
        return fault_set(f, STATUS_CONFIG, "%s: no certificate in pem form can be read", path);
    return OK;
}

/* OpenSSL's reason: that of a certificate as X.509 says it, else the last one. */
static void take_reason(char *out, size_t cap)
{
    const char *data, *reason = NULL;
    int flags;
    unsigned long code;

    snprintf(out, cap, "it cannot be verified");
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        static const char prefix[] = "Verify error:";

        if ((flags & ERR_TXT_STRING) && strncmp(data, prefix, sizeof prefix - 1) == 0) {
            snprintf(out, cap, "the authority's certificate does not count: %s", data + sizeof prefix - 1);
            ERR_clear_error();
            return;
        }
        reason = ERR_reason_error_string(code);
        if (reason)
            snprintf(out, cap, "its signature does not count: %s", reason);
    }
}

/* TS_RESP_verify_signature does not look at how strong the signature's own digest is. */
static int strong_digest(PKCS7 *token)
{
    STACK_OF(PKCS7_SIGNER_INFO) *signers = PKCS7_get_signer_info(token);
    const ASN1_OBJECT *algorithm;
    X509_ALGOR *digest = NULL;
    int nid;

    if (sk_PKCS7_SIGNER_INFO_num(signers) != 1)
        return 0;
    PKCS7_SIGNER_INFO_get0_algs(sk_PKCS7_SIGNER_INFO_value(signers, 0), NULL, &digest, NULL);
    X509_ALGOR_get0(&algorithm, NULL, NULL, digest);
    nid = OBJ_obj2nid(algorithm);
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

static void read_signer(char out[TIMESTAMP_SIGNER_BYTES], const X509 *signer)
{
    if (!openssl_name_entry(out, TIMESTAMP_SIGNER_BYTES, X509_get_subject_name(signer), NID_commonName))
        strcpy(out, "an authority without a name");
    for (char *c = out; *c; c++)
        if ((uint8_t)*c < 0x20 || (uint8_t)*c > 0x7e)
            *c = '?';
}

static status check_token(struct timestamp *said, PKCS7 *token, const struct timestamp_wanted *wanted,
                          const struct timestamp_trust *trust, struct fault *f)
{
    X509_STORE *store AUTO(openssl_store_clear) = NULL;
    STACK_OF(X509) *untrusted AUTO(certificates_clear) = NULL;
    X509 *signer AUTO(openssl_x509_clear) = NULL;
    const char *difference = timestamp_difference(said, wanted);
    char reason[160];

    if (difference)
        return fault_set(f, STATUS_UNTRUSTED, "%s", difference);
    if (!strong_digest(token))
        return fault_set(f, STATUS_UNTRUSTED, "it is not signed once, over SHA-256 or longer");
    TRY(open_store(&store, trust->ca, said->at, f));
    if (trust->untrusted)
        TRY(load_untrusted(&untrusted, trust->untrusted, f));
    ERR_clear_error();
    if (TS_RESP_verify_signature(token, untrusted, store, &signer) != 1) {
        take_reason(reason, sizeof reason);
        return fault_set(f, STATUS_UNTRUSTED, "%s", reason);
    }
    read_signer(said->signer, signer);
    return OK;
}

status timestamp_check(struct timestamp *out, const uint8_t *token, size_t len, const struct timestamp_wanted *wanted,
                       const struct timestamp_trust *trust, struct fault *f)
{
    PKCS7 *parsed AUTO(token_clear) = NULL;

    TRY(read_token(&parsed, out, token, len, f));
    return check_token(out, parsed, wanted, trust, f);
}

/* ---- a reply ---- */

/* RFC 3161, 2.4.2.  What asking again does not mend is refused. */
static status check_status(TS_RESP *resp, enum suite s, struct fault *f)
{
    static const struct {
        int bit;
        status code;
        const char *words;
    } failures[] = {{TS_INFO_BAD_REQUEST, STATUS_REFUSED, "it does not take such a request (badRequest)"},
                    {TS_INFO_BAD_DATA_FORMAT, STATUS_REFUSED, "it could not read the request (badDataFormat)"},
                    {TS_INFO_TIME_NOT_AVAILABLE, STATUS_CLOSED, "its clock is not available (timeNotAvailable)"},
                    {TS_INFO_UNACCEPTED_POLICY, STATUS_REFUSED,
                     "it does not issue under the policy asked for (unacceptedPolicy)"},
                    {TS_INFO_UNACCEPTED_EXTENSION, STATUS_REFUSED, "it does not know an extension (unacceptedExtension)"},
                    {TS_INFO_ADD_INFO_NOT_AVAILABLE, STATUS_REFUSED,
                     "it does not have what was asked for (addInfoNotAvailable)"},
                    {TS_INFO_SYSTEM_FAILURE, STATUS_CLOSED, "it has failed (systemFailure)"}};
    static const char refuses[] = "the timestamping authority refuses";
    TS_STATUS_INFO *info = TS_RESP_get_status_info(resp);
    const ASN1_BIT_STRING *failure = TS_STATUS_INFO_get0_failure_info(info);
    long code = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(info));

    if (code == TS_STATUS_GRANTED || code == TS_STATUS_GRANTED_WITH_MODS)
        return OK;
    fault_hint(f, "when it refuses for good, another authority may not: evidence.tsa_url in node.yaml");
    if (failure && ASN1_BIT_STRING_get_bit(failure, TS_INFO_BAD_ALG))
        return fault_set(f, STATUS_REFUSED, "%s: it does not take %s (badAlg)", refuses, digest_name(s));
    for (size_t i = 0; failure && i < sizeof failures / sizeof failures[0]; i++)
        if (ASN1_BIT_STRING_get_bit(failure, failures[i].bit))
            return fault_set(f, failures[i].code, "%s: %s", refuses, failures[i].words);
    return fault_set(f, STATUS_REFUSED, "%s, with status %ld", refuses, code);
}

status timestamp_accept(uint8_t **token, size_t *token_len, struct timestamp *out, const uint8_t *reply,
                        size_t reply_len, const uint8_t *request, size_t request_len,
                        const struct timestamp_trust *trust, struct fault *f)
{
    TS_REQ *req AUTO(req_clear) = parse_request(request, request_len);
    const uint8_t *at = reply;
    TS_RESP *resp AUTO(resp_clear) =
        reply_len <= TIMESTAMP_REPLY_MAX ? d2i_TS_RESP(NULL, &at, (long)reply_len) : NULL;
    uint8_t *der AUTO(der_clear) = NULL;
    char policy[TIMESTAMP_POLICY_BYTES] = "";
    enum suite suite = SUITE_INT1;
    struct hash digest;
    uint64_t nonce = 0;
    int n;

    ERR_clear_error();
    if (!req || !read_imprint(&digest, &suite, TS_REQ_get_msg_imprint(req)) || !read_nonce(&nonce, TS_REQ_get_nonce(req)) ||
        (TS_REQ_get_policy_id(req) && !read_policy(policy, TS_REQ_get_policy_id(req))))
        return fault_set(f, STATUS_MISMATCH, "the request for a timestamp is damaged");
    if (!resp || at != reply + reply_len)
        return fault_set(f, STATUS_UNTRUSTED, "the reply is not one of RFC 3161");
    TRY(check_status(resp, suite, f));
    n = TS_RESP_get_token(resp) ? i2d_PKCS7(TS_RESP_get_token(resp), &der) : 0;
    if (n <= 0)
        return fault_set(f, STATUS_UNTRUSTED, "the reply holds no token");
    TRY(timestamp_check(out, der, (size_t)n, &(struct timestamp_wanted){suite, &digest, &nonce, policy}, trust, f));
    return copy_der(token, token_len, der, n);
}
