/* TLS 1.3 with certificates on both sides, on bytes that the caller carries: no socket here.
 *
 * A context holds this node's certificate and key, the consortium's CA and its revocation list.  A tls is one
 * connection: network bytes go in with tls_feed and come out with tls_drain, plain bytes with tls_write and tls_read.
 * Only TLS 1.3, Ed25519 and X25519; no tickets, no resumption, no renegotiation, no 0-RTT.  The handshake proves that
 * the peer holds the key of a certificate of this consortium; which party it may be is for the caller, with tls_check_pin. */
#ifndef HEFU_TLS_H
#define HEFU_TLS_H

#include "crypto/hash.h"
#include "node/local/name.h"

#include <stdbool.h>

struct tls_files {
    const char *ca;          /* PEM, the consortium's CA certificate(s) */
    const char *crl;         /* PEM, its revocation list; NULL when there is none */
    const char *certificate; /* PEM, this node's certificate, then intermediates if any */
    const char *key;         /* PEM, its Ed25519 key, unencrypted, private to its owner */
};

struct tls_identity {
    char name[NAME_BYTES];   /* subject CN: the party's name */
    char role[NAME_BYTES];   /* subject OU: such as "node" or "coordinator"; "" when absent */
    struct hash fingerprint; /* SHA-256 of the certificate's DER */
};

struct tls_context;
struct tls;

enum tls_side { TLS_DIALS, TLS_ACCEPTS };

/* STATUS_CONFIG with file and reason: missing, not PEM, not Ed25519, key of another certificate, key readable by others. */
MUST_USE status tls_context_new(struct tls_context **out, const struct tls_files *files, struct fault *f);
void tls_context_free(struct tls_context *c);
const struct tls_identity *tls_context_self(const struct tls_context *c);
/* Would peers accept this node's own certificate now?  STATUS_CONFIG: expired, not yet valid, revoked, of another CA. */
MUST_USE status tls_context_check_self(const struct tls_context *c, struct fault *f);

/* Who a certificate file speaks of, to fill a pin list. */
MUST_USE status tls_read_identity(struct tls_identity *out, const char *certificate_file, struct fault *f);

/* The connection keeps its own reference to what it needs of the context.  remote is for messages: "tax at tcp://..." */
MUST_USE status tls_new(struct tls **out, const struct tls_context *c, enum tls_side side, const char *remote);
void tls_free(struct tls *t);

/* Bytes from the network. */
MUST_USE status tls_feed(struct tls *t, const void *bytes, size_t len);
/* Bytes for the network: up to cap of them; 0 when there are none. */
size_t tls_drain(struct tls *t, void *out, size_t cap);
size_t tls_drainable(const struct tls *t);

/* Goes on with the handshake as far as the bytes so far allow.  Call tls_drain afterwards, on failure too: the alert
 * tells the peer why.  Fails with STATUS_UNTRUSTED and a message that says which: expired, not yet valid, revoked, of
 * another CA, no certificate, TLS version too low, not TLS at all, or the peer's reason for refusing ours. */
MUST_USE status tls_handshake(struct tls *t, bool *done, struct fault *f);
/* The peer's certificate as presented; verified only once the handshake is done.  NULL when there was none. */
const struct tls_identity *tls_peer(const struct tls *t);
/* STATUS_UNTRUSTED unless the peer is `name` with this very certificate. */
MUST_USE status tls_check_pin(const struct tls *t, const char *name, const struct hash *fingerprint, struct fault *f);

/* Plain bytes that have arrived: *got is 0 when more network bytes are needed.  STATUS_CLOSED after the peer's
 * orderly end.  In TLS 1.3 a server's verdict on our certificate arrives here. */
MUST_USE status tls_read(struct tls *t, void *out, size_t cap, size_t *got, struct fault *f);
MUST_USE status tls_write(struct tls *t, const void *bytes, size_t len, struct fault *f);

#endif
