#include "node/local/certificate.h"

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

static status read_certificate(struct certificate *c, X509 *x, const char *source, struct fault *f)
{
    size_t key_len = sizeof c->key.bytes;
    EVP_PKEY *key = X509_get0_pubkey(x);
    unsigned fingerprint_len = 0;
    int der_len;

    TRY(read_subject(c, x, source, f));
    if (!key || EVP_PKEY_id(key) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(key, c->key.bytes, &key_len) != 1 || key_len != sizeof c->key.bytes)
        return fault_set(f, STATUS_CONFIG, "%s: the certificate's key is not ed25519", source);
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

/* A revocation list that is overdue still counts: what it revokes stays revoked. */
static int allow_old_crl(int ok, X509_STORE_CTX *ctx)
{
    return X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CRL_HAS_EXPIRED ? 1 : ok;
}

static status add_crl(X509_STORE *store, X509 *ca, const char *crl_path, struct fault *f)
{
    X509_CRL *crl AUTO(openssl_crl_clear) = NULL;

    TRY(openssl_load_crl(&crl, crl_path, f));
    if (X509_CRL_verify(crl, X509_get0_pubkey(ca)) != 1) {
        fault_hint(f, "get the current list from the consortium: hefu ca crl DIR --out FILE");
        return fault_set(f, STATUS_CONFIG, "%s: the revocation list is not signed by the consortium CA", crl_path);
    }
    return X509_STORE_add_crl(store, crl) == 1 && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1
               ? OK
               : STATUS_NO_MEMORY;
}

/* X.509 verification at one moment: OK, or the library's error number. */
static status verify_at(X509_STORE *store, X509 *x, int64_t at, int *error)
{
    X509_STORE_CTX *ctx AUTO(openssl_store_ctx_clear) = X509_STORE_CTX_new();

    if (!ctx || X509_STORE_CTX_init(ctx, store, x, NULL) != 1)
        return STATUS_NO_MEMORY;
    X509_STORE_CTX_set_time(ctx, 0, (time_t)at);
    X509_STORE_CTX_set_verify_cb(ctx, allow_old_crl);
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

status certificate_verify(const struct certificate *c, const char *ca_path, const char *crl_path, int64_t at,
                          struct fault *f)
{
    X509 *ca AUTO(openssl_x509_clear) = NULL, *x AUTO(openssl_x509_clear) = NULL;
    X509_STORE *store AUTO(openssl_store_clear) = X509_STORE_new();
    int error = X509_V_OK;

    TRY(openssl_load_x509(&ca, ca_path, f));
    x = openssl_x509_from_bytes(c->der, c->der_len);
    if (!store || !x || X509_STORE_add_cert(store, ca) != 1)
        return STATUS_NO_MEMORY;
    if (crl_path[0])
        TRY(add_crl(store, ca, crl_path, f));
    TRY(verify_at(store, x, at, &error));
    if (error == X509_V_ERR_CERT_NOT_YET_VALID)
        TRY(verify_at(store, x, at + CERTIFICATE_CLOCK_GRACE_S, &error));
    else if (error == X509_V_ERR_CERT_HAS_EXPIRED)
        TRY(verify_at(store, x, at - CERTIFICATE_CLOCK_GRACE_S, &error));
    return error == X509_V_OK ? OK : explain(c, error, ca_path, f);
}

status certificate_crl_next_update(int64_t *out, const char *crl_path, struct fault *f)
{
    X509_CRL *crl AUTO(openssl_crl_clear) = NULL;

    TRY(openssl_load_crl(&crl, crl_path, f));
    if (!X509_CRL_get0_nextUpdate(crl) || !openssl_time(out, X509_CRL_get0_nextUpdate(crl)))
        return fault_set(f, STATUS_CONFIG, "%s: the revocation list has no next update", crl_path);
    return OK;
}
