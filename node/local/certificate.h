/* Certificates of the consortium: who a party is, in which role, with which key: Ed25519 under the CA that TLS and suite INT1 use,
 * SM2 under the CA of suite GM1. */
#ifndef HEFU_CERTIFICATE_H
#define HEFU_CERTIFICATE_H

#include "crypto/sign.h"
#include "node/local/name.h"

enum certificate_role { ROLE_NODE = 1, ROLE_COORDINATOR = 2, ROLE_AUDITOR = 3 };

enum {
    CERTIFICATE_BYTES_MAX = 16 * 1024,
    CERTIFICATE_CLOCK_GRACE_S = 300, /* two honest clocks may differ by this much */
    CERTIFICATE_WARN_DAYS = 30,
    CERTIFICATE_SERIAL_BYTES = 48,   /* hexadecimal text with its NUL */
};

struct certificate {
    char name[NAME_BYTES];           /* subject CN */
    enum certificate_role role;      /* subject OU */
    struct hash fingerprint;         /* SHA-256 of the DER */
    struct sign_public key;          /* Ed25519 or SM2: sign_public_suite */
    int64_t not_before, not_after;   /* Unix seconds */
    char serial[CERTIFICATE_SERIAL_BYTES];
    uint8_t *der;
    size_t der_len;
};

void certificate_clear(struct certificate *c);

/* From a PEM or DER file, or such bytes.  What is no certificate of a consortium (neither an Ed25519 nor an SM2 key, no
 * acceptable name, no known role) is STATUS_CONFIG; source names it in messages. */
MUST_USE status certificate_load(struct certificate *out, const char *path, struct fault *f);
MUST_USE status certificate_parse(struct certificate *out, const char *source, const void *bytes, size_t len,
                                  struct fault *f);

/* Whether the CA, which has a key of the same kind, issued it, it is valid at that time (give or take the grace) and, when
 * crl_path is not "", it is not revoked.  SM2 signatures are over SM3 with the default identity.  STATUS_UNTRUSTED when the
 * certificate fails, STATUS_CONFIG when a file does.  A revocation list past its next update still revokes;
 * certificate_crl_next_update tells. */
MUST_USE status certificate_verify(const struct certificate *c, const char *ca_path, const char *crl_path, int64_t at,
                                   struct fault *f);

/* As an audit asks later, at time now: was it good at time `at`?  Any list up to now will do, the latest is best.  A revocation
 * counts from its own date, or from the earlier one since when the list says that the certificate was invalid: from `at` or before,
 * STATUS_UNTRUSTED; later, OK, and *revoked is when.  0: never.  Whether a signature is older than that only a timestamp shows. */
MUST_USE status certificate_verify_past(int64_t *revoked, const struct certificate *c, const char *ca_path, const char *crl_path,
                                        int64_t at, int64_t now, struct fault *f);

/* When the revocation list should be renewed, in Unix seconds. */
MUST_USE status certificate_crl_next_update(int64_t *out, const char *crl_path, struct fault *f);

const char *certificate_role_name(enum certificate_role role);
/* 0 when the text is no role. */
enum certificate_role certificate_role_from_name(const char *text);

/* "2027-03-01" in UTC. */
void certificate_date(char out[16], int64_t at);

#endif
