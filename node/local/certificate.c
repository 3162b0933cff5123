#include "node/local/certificate.h"

#include "crypto/sm2.h"
#include "node/local/files.h"
#include "node/local/openssl.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const role_names[] = {[ROLE_NODE] = "node", [ROLE_COORDINATOR] = "coordinator",
                                         [ROLE_AUDITOR] = "auditor"};

const char *certificate_role_name(enum certificate_role role)
{
    return role >= ROLE_NODE && role <= ROLE_AUDITOR ? role_names[role] : "unknown";
}

enum certificate_role certificate_role_from_name(const char *text)
{
    for (enum certificate_role r = ROLE_NODE; r <= ROLE_AUDITOR; r++) {
        if (strcmp(text, role_names[r]) == 0)
            return r;
    }
    return (enum certificate_role)0;
}

void certificate_date(char out[16], int64_t at)
{
    time_t t = (time_t)at;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
        strcpy(out, "?");
}

void certificate_clear(struct certificate *c)
{
    free(c->der);
    memset(c, 0, sizeof *c);
}

static status read_subject(struct certificate *c, X509 *x, const char *source, struct fault *f)
{
    X509_NAME *subject = X509_get_subject_name(x);
    char role[32];

    if (openssl_name_entry(c->name, sizeof c->name, subject, NID_commonName) != 1 || !name_is_valid(c->name))
        return fault_set(f, STATUS_CONFIG, "%s: the certificate's common name is not a party name: %s", source,
                         NAME_RULE);
    if (openssl_name_entry(role, sizeof role, subject, NID_organizationalUnitName) != 1 ||
        !certificate_role_from_name(role))
        return fault_set(f, STATUS_CONFIG,
                         "%s: the certificate's unit (OU) is not a role: node, coordinator or auditor", source);
    c->role = certificate_role_from_name(role);
    return OK;
}

static int read_ed25519(struct sign_public *out, EVP_PKEY *key)
{
    size_t len = SIGN_PUBLIC_BYTES - 1;

    out->bytes[0] = KEY_ED25519;
    return EVP_PKEY_get_raw_public_key(key, out->bytes + 1, &len) == 1 && len == SIGN_PUBLIC_BYTES - 1;
}

static int read_sm2(struct sign_public *out, EVP_PKEY *key)
{
    unsigned char *point = NULL;
    struct sm2_public compressed;
    const int ok = EVP_PKEY_get1_encoded_public_key(key, &point) == 65 && sm2_public_from_point(&compressed, point) == OK;

    if (ok)
        memcpy(out->bytes, compressed.bytes, SIGN_PUBLIC_BYTES);
    OPENSSL_free(point);
    return ok;
}

static int read_key(struct sign_public *out, EVP_PKEY *key)
{
    if (!key)
        return 0;
    if (openssl_key_suite(key) == SUITE_GM1)
        return read_sm2(out, key);
    return EVP_PKEY_is_a(key, "ED25519") && read_ed25519(out, key);
}

static status read_certificate(struct certificate *c, X509 *x, const char *source, struct fault *f)
{
    unsigned fingerprint_len = 0;
    int der_len;

    TRY(read_subject(c, x, source, f));
    if (!read_key(&c->key, X509_get0_pubkey(x)))
        return fault_set(f, STATUS_CONFIG, "%s: the certificate's key is neither ed25519 nor sm2", source);
    if (X509_digest(x, EVP_sha256(), c->fingerprint.bytes, &fingerprint_len) != 1 ||
        !openssl_time(&c->not_before, X509_get0_notBefore(x)) || !openssl_time(&c->not_after, X509_get0_notAfter(x)) ||
        !openssl_serial(c->serial, sizeof c->serial, X509_get0_serialNumber(x)))
        return fault_set(f, STATUS_CONFIG, "%s: the certificate's dates or serial number cannot be read", source);
    der_len = i2d_X509(x, &c->der);
    if (der_len <= 0)
        return STATUS_NO_MEMORY;
    c->der_len = (size_t)der_len;
    return OK;
}

status certificate_parse(struct certificate *out, const char *source, const void *bytes, size_t len, struct fault *f)
{
    X509 *x AUTO(openssl_x509_clear) = NULL;
    struct certificate c AUTO(certificate_clear) = {0};

    if (len <= CERTIFICATE_BYTES_MAX)
        x = openssl_x509_from_bytes(bytes, len);
    if (!x)
        return fault_set(f, STATUS_CONFIG, "%s: not a certificate in pem or der form", source);
    TRY(read_certificate(&c, x, source, f));
    *out = c;
    c.der = NULL;
    return OK;
}

status certificate_load(struct certificate *out, const char *path, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(files_read(&bytes, &len, path, CERTIFICATE_BYTES_MAX, f));
    return certificate_parse(out, path, bytes, len, f);
}

/* ---- revocation ---- */

static status load_crl(X509_CRL **out, X509 *ca, const char *path, struct fault *f)
{
    X509_CRL *crl AUTO(openssl_crl_clear) = NULL;

    TRY(openssl_load_crl(&crl, path, f));
    if (!openssl_crl_is_signed(crl, X509_get0_pubkey(ca))) {
        fault_hint(f, "get the current list from the consortium: hefu ca crl DIR --out FILE");
        return fault_set(f, STATUS_CONFIG, "%s: the revocation list is not signed by the consortium CA", path);
    }
    *out = crl;
    crl = NULL;
    return OK;
}

/* Nothing that would change what the list means, such as that it is a part of one. */
static int has_critical_extension(const X509_CRL *crl)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)))
            return 1;
    return 0;
}

/* What the library would check of a list, which it cannot for SM2 nor for a list later than the certificate's time.  The list is
 * signed by the CA; one past its next update still counts, for what it revokes stays revoked. */
static status check_crl(const X509_CRL *crl, X509 *ca, const char *path, int64_t now, struct fault *f)
{
    int64_t from = 0, next = 0;

    if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) != 0 || has_critical_extension(crl))
        return fault_set(f, STATUS_CONFIG, "%s: not a whole revocation list of the consortium CA", path);
    if (!openssl_time(&from, X509_CRL_get0_lastUpdate(crl)) || !X509_CRL_get0_nextUpdate(crl) ||
        !openssl_time(&next, X509_CRL_get0_nextUpdate(crl)) || next < from)
        return fault_set(f, STATUS_CONFIG, "%s: the revocation list has no acceptable dates", path);
    if (from > now + CERTIFICATE_CLOCK_GRACE_S) {
        fault_hint(f, "check the clock of this machine");
        return fault_set(f, STATUS_UNTRUSTED, "%s: the revocation list is of a later time", path);
    }
    return OK;
}

/* Since when the list revokes it, and before any time when it does not say; 0 when it does not revoke it. */
static int64_t revoked_since(X509_CRL *crl, X509 *x)
{
    X509_REVOKED *entry = NULL;
    ASN1_GENERALIZEDTIME *invalid;
    int64_t since = 0, earlier = 0;

    if (X509_CRL_get0_by_cert(crl, &entry, x) == 0)
        return 0;
    if (!openssl_time(&since, X509_REVOKED_get0_revocationDate(entry)) || since <= 0)
        since = 1;
    invalid = X509_REVOKED_get_ext_d2i(entry, NID_invalidity_date, NULL, NULL);
    if (invalid && openssl_time(&earlier, invalid) && earlier < since)
        since = earlier > 0 ? earlier : 1;
    ASN1_GENERALIZEDTIME_free(invalid);
    return since;
}

/* ---- verification ---- */

/* X.509 verification at one moment: OK, or the library's error number. */
static status verify_at(X509_STORE *store, X509 *x, int64_t at, int *error)
{
    X509_STORE_CTX *ctx AUTO(openssl_store_ctx_clear) = X509_STORE_CTX_new();

    if (!ctx || X509_STORE_CTX_init(ctx, store, x, NULL) != 1)
        return STATUS_NO_MEMORY;
    X509_STORE_CTX_set_time(ctx, 0, (time_t)at);
    *error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    if (*error == X509_V_OK && X509_STORE_CTX_get0_chain(ctx) == NULL)
        *error = X509_V_ERR_UNSPECIFIED;
    return OK;
}

static status explain(const struct certificate *c, int error, const char *ca_path, struct fault *f)
{
    char date[16];

    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        certificate_date(date, c->not_after);
        fault_hint(f, "issue a new one: hefu ca issue DIR --name %s --role %s ...", c->name,
                   certificate_role_name(c->role));
        return fault_set(f, STATUS_UNTRUSTED, "the certificate of %s expired on %s", c->name, date);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        certificate_date(date, c->not_before);
        fault_hint(f, "check the clock of this machine");
        return fault_set(f, STATUS_UNTRUSTED, "the certificate of %s is not valid before %s", c->name, date);
    case X509_V_ERR_CERT_REVOKED:
        return fault_set(f, STATUS_UNTRUSTED, "the certificate of %s (serial %s) is revoked", c->name, c->serial);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return fault_set(f, STATUS_UNTRUSTED, "the certificate of %s was not issued by %s", c->name, ca_path);
    default:
        return fault_set(f, STATUS_UNTRUSTED, "the certificate of %s does not verify: %s", c->name,
                         X509_verify_cert_error_string(error));
    }
}

/* The CA's key is of the leaf's kind, and so is its signature. */
static status check_kind(const struct certificate *c, X509 *x, X509 *ca, const char *ca_path, struct fault *f)
{
    const enum suite mine = sign_public_suite(&c->key);
    const EVP_PKEY *key = X509_get0_pubkey(ca);

    if (!key || openssl_key_suite(key) != mine) {
        fault_hint(f, "a consortium has a CA for either suite; this one has another kind of key");
        return fault_set(f, STATUS_UNTRUSTED, "the certificate of %s, which holds an %s key, was not issued by %s", c->name,
                         openssl_key_name(mine), ca_path);
    }
    if (mine == SUITE_GM1 && X509_get_signature_nid(x) != NID_SM2_with_SM3)
        return fault_set(f, STATUS_UNTRUSTED, "the certificate of %s is not signed with sm2 and sm3", c->name);
    return mine == SUITE_GM1 ? openssl_expect_sm2(x) : OK;
}

status certificate_verify_past(int64_t *revoked, const struct certificate *c, const char *ca_path, const char *crl_path, int64_t at,
                               int64_t now, struct fault *f)
{
    X509 *ca AUTO(openssl_x509_clear) = NULL, *x AUTO(openssl_x509_clear) = NULL;
    X509_STORE *store AUTO(openssl_store_clear) = X509_STORE_new();
    X509_CRL *crl AUTO(openssl_crl_clear) = NULL;
    int error = X509_V_OK;

    *revoked = 0;
    TRY(openssl_load_x509(&ca, ca_path, f));
    x = openssl_x509_from_bytes(c->der, c->der_len);
    if (!store || !x || X509_STORE_add_cert(store, ca) != 1)
        return STATUS_NO_MEMORY;
    TRY(check_kind(c, x, ca, ca_path, f));
    if (crl_path[0]) {
        TRY(load_crl(&crl, ca, crl_path, f));
        TRY(check_crl(crl, ca, crl_path, now, f));
        *revoked = revoked_since(crl, x);
    }
    TRY(verify_at(store, x, at, &error));
    if (error == X509_V_ERR_CERT_NOT_YET_VALID)
        TRY(verify_at(store, x, at + CERTIFICATE_CLOCK_GRACE_S, &error));
    else if (error == X509_V_ERR_CERT_HAS_EXPIRED)
        TRY(verify_at(store, x, at - CERTIFICATE_CLOCK_GRACE_S, &error));
    if (error == X509_V_OK && *revoked && *revoked <= at)
        error = X509_V_ERR_CERT_REVOKED;
    return error == X509_V_OK ? OK : explain(c, error, ca_path, f);
}

status certificate_verify(const struct certificate *c, const char *ca_path, const char *crl_path, int64_t at, struct fault *f)
{
    int64_t revoked;

    TRY(certificate_verify_past(&revoked, c, ca_path, crl_path, at, at, f));
    return revoked ? explain(c, X509_V_ERR_CERT_REVOKED, ca_path, f) : OK;
}

status certificate_crl_next_update(int64_t *out, const char *crl_path, struct fault *f)
{
    X509_CRL *crl AUTO(openssl_crl_clear) = NULL;

    TRY(openssl_load_crl(&crl, crl_path, f));
    if (!X509_CRL_get0_nextUpdate(crl) || !openssl_time(out, X509_CRL_get0_nextUpdate(crl)))
        return fault_set(f, STATUS_CONFIG, "%s: the revocation list has no next update", crl_path);
    return OK;
}
