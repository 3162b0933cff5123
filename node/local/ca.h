/* A small consortium CA in one directory: ca.key, ca.pem, crl.pem and index.tsv, the list of what it issued.
 * Every certificate names one party (CN) in one role (OU).  Its keys are of the kind of the CA's own: Ed25519, or SM2 for suite
 * GM1, whose files have names of their own beside the others: PARTY-gm.pem, ca-gm.pem, crl-gm.pem. */
#ifndef HEFU_CA_H
#define HEFU_CA_H

#include "node/local/certificate.h"
#include "node/local/files.h"

enum { CA_YEARS = 10, CA_DAYS_MAX = 3650, CA_CRL_DAYS = 30, CA_TITLE_BYTES = 65 };

/* Makes the directory, a key, a self-signed certificate and an empty revocation list. */
MUST_USE status ca_init(const char *dir, const char *title, enum suite s, struct fault *f);

struct ca_request {
    const char *name;
    enum certificate_role role;
    uint32_t days;
    const char *csr; /* PEM request made where the key is, or NULL to make a key here too */
    const char *out; /* directory that receives NAME.pem, ca.pem, crl.pem and, without csr, NAME.key; or NAME-gm.pem, ... */
};

/* issued: what was written, to be cleared by the caller. */
MUST_USE status ca_issue(const char *dir, const struct ca_request *request, struct certificate *issued,
                         struct fault *f);

/* A request in PEM for a key that stays where it is. */
MUST_USE status ca_make_csr(const char *csr_path, const char *key_path, const char *name, struct fault *f);

/* A new key file, Ed25519 or SM2, 0600. */
MUST_USE status ca_make_key(const char *key_path, enum suite s, struct fault *f);

/* "" or "-gm": what the names of a suite's files end with, before ".pem". */
const char *ca_file_mark(enum suite s);

/* One line of the index. */
struct ca_entry {
    char serial[CERTIFICATE_SERIAL_BYTES];
    char name[NAME_BYTES];
    enum certificate_role role;
    struct hash fingerprint;
    int64_t not_before, not_after;
    int64_t revoked; /* 0: not revoked */
};

/* Oldest first; the caller frees entries. */
MUST_USE status ca_list(const char *dir, struct ca_entry **entries, size_t *count, struct fault *f);

/* By serial, or every live certificate of a name (the other is NULL).  Renews crl.pem.  count: how many. */
MUST_USE status ca_revoke(const char *dir, const char *serial, const char *name, size_t *count, struct fault *f);

/* Signs the revocation list anew for the coming days, in dir and, unless NULL, at out. */
MUST_USE status ca_crl(const char *dir, const char *out, uint32_t days, struct fault *f);

#endif
