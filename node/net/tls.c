#include "node/net/tls.h"
#include "node/local/files.h"
#include "node/local/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    FILE_BYTES_MAX = 16 << 20,                 /* a CRL can be long */
    REMOTE_BYTES = 352,
    REKEY_BYTES = 1 << 30,                     /* far below the 2^24.5 records that AES-GCM may protect with one key */
};

struct tls_context {
    SSL_CTX *ssl;
    struct tls_identity self;
    char certificate_file[FILES_PATH_BYTES];
};

struct tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    enum tls_side side;
    bool has_peer, failed;
    struct tls_identity peer;
    X509 *faulty; /* the certificate that did not verify */
    uint64_t since_rekey;
    char remote[REMOTE_BYTES];
};

/* ------------------------------------------------------------------ certificates ------------------------------ */

static void context_clear(struct tls_context **c)
{
    tls_context_free(*c);
}

/* "" unless there is exactly one such entry and it is a name. */
static void subject_entry(const X509 *x, int nid, char out[NAME_BYTES])
{
    if (!openssl_name_entry(out, NAME_BYTES, X509_get_subject_name(x), nid) || !name_is_valid(out))
        out[0] = 0;
}

static status identity_of(struct tls_identity *out, const X509 *x)
{
    unsigned len = 0;

    memset(out, 0, sizeof *out);
    subject_entry(x, NID_commonName, out->name);
    subject_entry(x, NID_organizationalUnitName, out->role);
    if (!X509_digest(x, EVP_sha256(), out->fingerprint.bytes, &len) || len != HASH_BYTES)
        return STATUS_NO_MEMORY;
    return OK;
}

/* A PEM file as a memory BIO; *bytes must outlive it. */
static status open_pem(BIO **out, uint8_t **bytes, const char *path, struct fault *f)
{
    size_t len;

    TRY(files_read(bytes, &len, path, FILE_BYTES_MAX, f));
    *out = BIO_new_mem_buf(*bytes, (int)len);
    return *out ? OK : STATUS_NO_MEMORY;
}

static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

static status read_certificate(X509 **out, const char *path, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    BIO *pem AUTO(openssl_bio_clear) = NULL;

    TRY(open_pem(&pem, &bytes, path, f));
    *out = PEM_read_bio_X509(pem, NULL, no_password, NULL);
    ERR_clear_error();
    if (!*out)
        return fault_set(f, STATUS_CONFIG, "%s: no PEM certificate in this file", path);
    return OK;
}

status tls_read_identity(struct tls_identity *out, const char *certificate_file, struct fault *f)
{
    X509 *x AUTO(openssl_x509_clear) = NULL;

    TRY(read_certificate(&x, certificate_file, f));
    TRY(identity_of(out, x));
    if (!out->name[0])
        return fault_set(f, STATUS_CONFIG, "%s: the certificate's CN is not a party name (%s)", certificate_file, NAME_RULE);
    return OK;
}

/* ------------------------------------------------------------------ context ----------------------------------- */

static status load_ca(SSL_CTX *ssl, const char *path, struct fault *f)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    uint8_t *bytes AUTO(auto_free) = NULL;
    BIO *pem AUTO(openssl_bio_clear) = NULL;
    size_t count = 0;

    TRY(open_pem(&pem, &bytes, path, f));
    for (;;) {
        X509 *x AUTO(openssl_x509_clear) = PEM_read_bio_X509(pem, NULL, no_password, NULL);

        ERR_clear_error();
        if (!x)
            break;
        if (X509_check_ca(x) == 0)
            return fault_set(f, STATUS_CONFIG, "%s: holds a certificate that is not a CA's", path);
        if (!X509_STORE_add_cert(store, x) || !SSL_CTX_add_client_CA(ssl, x))
            return STATUS_NO_MEMORY;
        count++;
    }
    if (count == 0)
        return fault_set(f, STATUS_CONFIG, "%s: no PEM certificate in this file", path);
    return OK;
}

static status load_crl(SSL_CTX *ssl, const char *path, struct fault *f)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    uint8_t *bytes AUTO(auto_free) = NULL;
    BIO *pem AUTO(openssl_bio_clear) = NULL;
    size_t count = 0;

    TRY(open_pem(&pem, &bytes, path, f));
    for (X509_CRL *crl; (crl = PEM_read_bio_X509_CRL(pem, NULL, no_password, NULL)) != NULL; count++) {
        int added = X509_STORE_add_crl(store, crl);

        X509_CRL_free(crl);
        if (!added)
            return STATUS_NO_MEMORY;
    }
    ERR_clear_error();
    if (count == 0)
        return fault_set(f, STATUS_CONFIG, "%s: no PEM revocation list in this file", path);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return OK;
}

static status load_self(struct tls_context *c, const struct tls_files *files, struct fault *f)
{
    uint8_t *chain_bytes AUTO(auto_free) = NULL;
    BIO *chain AUTO(openssl_bio_clear) = NULL;
    X509 *own AUTO(openssl_x509_clear) = NULL;
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;

    TRY(tls_read_identity(&c->self, files->certificate, f));
    TRY(open_pem(&chain, &chain_bytes, files->certificate, f));
    own = PEM_read_bio_X509(chain, NULL, no_password, NULL);
    if (own && !EVP_PKEY_is_a(X509_get0_pubkey(own), "ED25519")) {
        fault_hint(f, "the sm2 certificate of a node belongs under gm in node.yaml");
        return fault_set(f, STATUS_CONFIG, "%s: the certificate's key is not ed25519, which TLS takes", files->certificate);
    }
    if (!own || SSL_CTX_use_certificate(c->ssl, own) != 1)
        return fault_set(f, STATUS_CONFIG, "%s: this certificate cannot be used", files->certificate);
    for (X509 *x; (x = PEM_read_bio_X509(chain, NULL, no_password, NULL)) != NULL;)
        if (!SSL_CTX_add0_chain_cert(c->ssl, x)) {
            X509_free(x);
            return STATUS_NO_MEMORY;
        }
    ERR_clear_error();

    TRY(openssl_load_key(&key, files->key, f));
    if (X509_check_private_key(own, key) != 1 || SSL_CTX_use_PrivateKey(c->ssl, key) != 1) {
        ERR_clear_error();
        fault_hint(f, "a renewed certificate needs the key it was requested with");
        return fault_set(f, STATUS_CONFIG, "%s: not the key of the certificate %s", files->key, files->certificate);
    }
    return OK;
}

/* OpenSSL forgets a certificate that does not verify; its name and dates are what the operator needs to hear. */
static int note_certificate(int verified, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *t = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store), *at = X509_STORE_CTX_get_current_cert(store);

    if (!t->has_peer && leaf)
        t->has_peer = identity_of(&t->peer, leaf) == OK;
    if (!verified && at && !t->faulty && X509_up_ref(at))
        t->faulty = at;
    return verified;
}

status tls_context_new(struct tls_context **out, const struct tls_files *files, struct fault *f)
{
    struct tls_context *c AUTO(context_clear) = NULL;

    if (!files->ca || !files->certificate || !files->key)
        return fault_set(f, STATUS_CONFIG, "a TLS connection needs a CA file, a certificate file and a key file");
    TRY(alloc_zeroed(&c, 1, sizeof *c));
    snprintf(c->certificate_file, sizeof c->certificate_file, "%s", files->certificate);
    c->ssl = SSL_CTX_new(TLS_method());
    if (!c->ssl)
        return STATUS_NO_MEMORY;
    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, note_certificate);
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_AUTO_RETRY);
    if (!SSL_CTX_set_min_proto_version(c->ssl, TLS1_3_VERSION) || !SSL_CTX_set_max_proto_version(c->ssl, TLS1_3_VERSION) ||
        !SSL_CTX_set_num_tickets(c->ssl, 0) || !SSL_CTX_set1_sigalgs_list(c->ssl, "ed25519") ||
        !SSL_CTX_set1_client_sigalgs_list(c->ssl, "ed25519") || !SSL_CTX_set1_groups_list(c->ssl, "X25519"))
        return fault_set(f, STATUS_IO, "this OpenSSL cannot do TLS 1.3 with Ed25519 and X25519");
    TRY(load_ca(c->ssl, files->ca, f));
    if (files->crl)
        TRY(load_crl(c->ssl, files->crl, f));
    TRY(load_self(c, files, f));
    *out = c;
    c = NULL;
    return OK;
}

void tls_context_free(struct tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ssl);
    free(c);
}

const struct tls_identity *tls_context_self(const struct tls_context *c)
{
    return &c->self;
}

/* ------------------------------------------------------------------ naming what went wrong -------------------- */

struct reason {
    int code;
    const char *text, *hint;
};

/* What is wrong with a certificate: "the certificate of X ..." */
static const struct reason certificate_reasons[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, "has expired", "renew it with the consortium's CA; check both machines' clocks"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "is not valid yet", "check the clocks of both machines"},
    {X509_V_ERR_CERT_REVOKED, "has been revoked", "ask the consortium's CA why; a new certificate is needed"},
    {X509_V_ERR_CRL_HAS_EXPIRED, "cannot be checked: the revocation list has expired", "get the CA's current revocation list"},
    {X509_V_ERR_CRL_NOT_YET_VALID, "cannot be checked: the revocation list is not valid yet", "check this machine's clock"},
    {X509_V_ERR_UNABLE_TO_GET_CRL, "cannot be checked: there is no revocation list of the CA that issued it",
     "get the CA's current revocation list"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "was issued by another CA", "both sides must use the same consortium CA file"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "was issued by another CA", "both sides must use the same consortium CA file"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "was issued by another CA", "both sides must use the same consortium CA file"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "was issued by another CA", "both sides must use the same consortium CA file"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "is self-signed, not issued by the consortium's CA",
     "use the certificate that the consortium's CA issued"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "was issued by another CA", "both sides must use the same consortium CA file"},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, "cannot be checked: the revocation list was not signed by its CA",
     "get the CA's current revocation list"},
    {X509_V_ERR_INVALID_PURPOSE, "is not meant for this side of a TLS connection", "use the certificate issued for this node"},
};

/* What the peer says of our certificate, or of us, in an alert. */
static const struct reason alert_reasons[] = {
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "refused this node's certificate: it has expired, or that node's revocation list has",
     "renew it with the consortium's CA; check both machines' clocks"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "refused this node's certificate: it has been revoked",
     "ask the consortium's CA why; a new certificate is needed"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "refused this node's certificate: it was issued by another CA",
     "both sides must use the same consortium CA file"},
    {SSL_R_TLSV1_ALERT_DECRYPT_ERROR, "refused this node's certificate: it was issued by another CA of the same name",
     "both sides must use the same consortium CA file"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "refused this node's certificate: it is not valid", "the other node's log says why"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "refused this node's certificate", "the other node's log says why"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "refused this node's certificate: it is of an unsupported kind",
     "use the Ed25519 certificate that the consortium's CA issued"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "refused the connection: no certificate was sent", "give this side a certificate"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "refused the connection: it does not speak TLS 1.3", "update that side"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "refused the connection: no common TLS parameters",
     "both sides need TLS 1.3 with Ed25519 certificates"},
};

static const struct reason protocol_reasons[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "sent no certificate", "only nodes and coordinators of the consortium may connect"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "offered only TLS versions below 1.3: TLS version too low", "TLS 1.3 is required"},
    {SSL_R_VERSION_TOO_LOW, "offered only TLS versions below 1.3: TLS version too low", "TLS 1.3 is required"},
    {SSL_R_WRONG_SSL_VERSION, "offered only TLS versions below 1.3: TLS version too low", "TLS 1.3 is required"},
    {SSL_R_NO_SHARED_CIPHER, "has no cipher in common with this node", "TLS 1.3 is required"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "does not accept Ed25519 certificates", "both sides need Ed25519 certificates"},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "does not accept Ed25519 certificates", "both sides need Ed25519 certificates"},
    {SSL_R_WRONG_SIGNATURE_TYPE, "has a certificate that is not Ed25519", "both sides need Ed25519 certificates"},
    {SSL_R_UNKNOWN_CERTIFICATE_TYPE, "has a certificate that is not Ed25519", "both sides need Ed25519 certificates"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "sent bytes that were changed on the way", NULL},
};

static const struct reason *find_reason(const struct reason *table, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].code == code)
            return &table[i];
    return NULL;
}

#define FIND(table, code) find_reason(table, sizeof(table) / sizeof((table)[0]), code)

/* ASN1 time as "2031-02-03 04:05:06 UTC". */
static void date_text(const ASN1_TIME *time, char out[40])
{
    struct tm tm;

    if (!time || !ASN1_TIME_to_tm(time, &tm) || !strftime(out, 40, "%Y-%m-%d %H:%M:%S UTC", &tm))
        snprintf(out, 40, "an unknown date");
}

static status explain_certificate(const X509 *x, long code, const char *whose, struct fault *f, status as)
{
    const struct reason *why = FIND(certificate_reasons, (int)code);
    char date[40], when[64] = "";

    if (x && code == X509_V_ERR_CERT_HAS_EXPIRED) {
        date_text(X509_get0_notAfter(x), date);
        snprintf(when, sizeof when, " on %s", date);
    } else if (x && code == X509_V_ERR_CERT_NOT_YET_VALID) {
        date_text(X509_get0_notBefore(x), date);
        snprintf(when, sizeof when, " before %s", date);
    }
    if (why)
        fault_hint(f, "%s", why->hint);
    return fault_set(f, as, "the certificate of %s %s%s", whose, why ? why->text : X509_verify_cert_error_string(code), when);
}

status tls_context_check_self(const struct tls_context *c, struct fault *f)
{
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = NULL;
    X509 *own = SSL_CTX_get0_certificate(c->ssl);
    status st = OK;

    SSL_CTX_get0_chain_certs(c->ssl, &chain);
    if (!check || !X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(c->ssl), own, chain)) {
        st = STATUS_NO_MEMORY;
    } else if (X509_verify_cert(check) != 1) {
        char whose[FILES_PATH_BYTES + 32];

        snprintf(whose, sizeof whose, "this node (%.300s)", c->certificate_file);
        st = explain_certificate(own, X509_STORE_CTX_get_error(check), whose, f, STATUS_CONFIG);
    }
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    return st;
}

/* ------------------------------------------------------------------ one connection ---------------------------- */

status tls_new(struct tls **out, const struct tls_context *c, enum tls_side side, const char *remote)
{
    struct tls *t;

    TRY(alloc_zeroed(&t, 1, sizeof *t));
    t->side = side;
    snprintf(t->remote, sizeof t->remote, "%s", remote);
    t->ssl = SSL_new(c->ssl);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out) {
        SSL_free(t->ssl);
        BIO_free(t->in);
        BIO_free(t->out);
        free(t);
        return STATUS_NO_MEMORY;
    }
    BIO_set_mem_eof_return(t->in, -1);
    BIO_set_mem_eof_return(t->out, -1);
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_app_data(t->ssl, t);
    if (side == TLS_DIALS)
        SSL_set_connect_state(t->ssl);
    else
        SSL_set_accept_state(t->ssl);
    *out = t;
    return OK;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    X509_free(t->faulty);
    free(t);
}

status tls_feed(struct tls *t, const void *bytes, size_t len)
{
    size_t written = 0;

    if (len == 0 || t->failed)
        return OK;
    return BIO_write_ex(t->in, bytes, len, &written) && written == len ? OK : STATUS_NO_MEMORY;
}

size_t tls_drain(struct tls *t, void *out, size_t cap)
{
    size_t got = 0;

    return BIO_read_ex(t->out, out, cap, &got) ? got : 0;
}

size_t tls_drainable(const struct tls *t)
{
    return BIO_ctrl_pending(t->out);
}

/* Name the failure of the last call on t->ssl. */
static status explain(struct tls *t, struct fault *f)
{
    unsigned long error = ERR_peek_error();
    long verdict = SSL_get_verify_result(t->ssl);
    bool in_handshake = !SSL_is_init_finished(t->ssl);
    const struct reason *why;
    int reason = ERR_GET_REASON(error);

    ERR_clear_error();
    t->failed = true;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED || verdict != X509_V_OK) {
        char whose[REMOTE_BYTES + NAME_BYTES + 32];

        /* An unverified name is only a claim. */
        snprintf(whose, sizeof whose, "%s", t->remote);
        if (t->has_peer && t->side == TLS_ACCEPTS && t->peer.name[0])
            snprintf(whose, sizeof whose, "%s, which calls itself %s,", t->remote, t->peer.name);
        return explain_certificate(t->faulty, verdict, whose, f, STATUS_UNTRUSTED);
    }
    if ((why = FIND(alert_reasons, reason)) || (why = FIND(protocol_reasons, reason))) {
        if (why->hint)
            fault_hint(f, "%s", why->hint);
        return fault_set(f, STATUS_UNTRUSTED, "%s %s", t->remote, why->text);
    }
    if (reason >= SSL_AD_REASON_OFFSET)
        return fault_set(f, STATUS_UNTRUSTED, "%s ended the TLS connection with alert %d", t->remote, reason - SSL_AD_REASON_OFFSET);
    if (in_handshake) {
        fault_hint(f, "only nodes and coordinators of the consortium may connect to this port");
        return fault_set(f, STATUS_UNTRUSTED, "%s sent bytes that are not TLS", t->remote);
    }
    return fault_set(f, STATUS_UNTRUSTED, "%s broke the TLS connection", t->remote);
}

status tls_handshake(struct tls *t, bool *done, struct fault *f)
{
    int got;

    *done = false;
    if (t->failed)
        return fault_set(f, STATUS_UNTRUSTED, "%s: the TLS handshake has failed", t->remote);
    ERR_clear_error();
    got = SSL_do_handshake(t->ssl);
    if (got == 1) {
        if (!t->has_peer || SSL_get_verify_result(t->ssl) != X509_V_OK || SSL_version(t->ssl) != TLS1_3_VERSION)
            return fault_set(f, STATUS_UNTRUSTED, "%s sent no valid certificate", t->remote);
        *done = true;
        return OK;
    }
    switch (SSL_get_error(t->ssl, got)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return OK;
    case SSL_ERROR_ZERO_RETURN:
        t->failed = true;
        return fault_set(f, STATUS_CLOSED, "%s ended the connection during the handshake", t->remote);
    default:
        return explain(t, f);
    }
}

const struct tls_identity *tls_peer(const struct tls *t)
{
    return t->has_peer ? &t->peer : NULL;
}

status tls_check_pin(const struct tls *t, const char *name, const struct hash *fingerprint, struct fault *f)
{
    assert(t->has_peer);
    if (strcmp(t->peer.name, name) != 0) {
        fault_hint(f, "check the address of %s in this node's file, and that its port is not somebody else's", name);
        return fault_set(f, STATUS_UNTRUSTED, "wrong name: %s has the certificate of %s, not of %s", t->remote,
                         t->peer.name[0] ? t->peer.name : "nobody", name);
    }
    if (!hash_equal(&t->peer.fingerprint, fingerprint)) {
        char seen[2 * HASH_BYTES + 1];

        hash_hex(&t->peer.fingerprint, seen);
        fault_hint(f, "if %s has renewed its certificate, compare the fingerprint by telephone and update the pin", name);
        return fault_set(f, STATUS_UNTRUSTED, "%s shows another certificate for %s than the pinned one (sha-256 %.16s...)",
                         t->remote, name, seen);
    }
    return OK;
}

status tls_read(struct tls *t, void *out, size_t cap, size_t *got, struct fault *f)
{
    int done;

    *got = 0;
    if (t->failed)
        return fault_set(f, STATUS_CLOSED, "%s: the TLS connection has failed", t->remote);
    ERR_clear_error();
    done = SSL_read_ex(t->ssl, out, cap, got);
    if (done == 1)
        return OK;
    switch (SSL_get_error(t->ssl, done)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return OK;
    case SSL_ERROR_ZERO_RETURN:
        return fault_set(f, STATUS_CLOSED, "%s closed the connection", t->remote);
    default:
        return explain(t, f);
    }
}

status tls_write(struct tls *t, const void *bytes, size_t len, struct fault *f)
{
    size_t written = 0;

    if (len == 0)
        return OK;
    if (t->failed)
        return fault_set(f, STATUS_CLOSED, "%s: the TLS connection has failed", t->remote);
    ERR_clear_error();
    t->since_rekey += len;
    if (t->since_rekey > REKEY_BYTES) {
        t->since_rekey = 0;
        if (!SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED))
            return explain(t, f);
    }
    /* The memory BIO takes everything, so a write is whole or an error. */
    if (!SSL_write_ex(t->ssl, bytes, len, &written) || written != len)
        return explain(t, f);
    return OK;
}
