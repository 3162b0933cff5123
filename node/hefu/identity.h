/* Who a directory is in the consortium: a configuration file, a key made in place, a request for its certificate; and
 * whether all of it is in order.  Shared by nodes and coordinators. */
#ifndef HEFU_IDENTITY_H
#define HEFU_IDENTITY_H

#include "node/local/certificate.h"
#include "node/local/config.h"

#include <jansson.h>

/* The file that --node or --coordinator means: given itself, or the file of that name in the directory given.
 * STATUS_CONFIG when it is not there. */
MUST_USE status identity_config(char out[FILES_PATH_BYTES], const char *given, const char *name, struct fault *f);

/* ---- make ---- */

struct identity_files {
    const char *dir;
    const char *name;               /* in the consortium */
    const char *config, *text;      /* "node.yaml" and what is in it */
    const char *key, *csr;          /* "node.key", "node.csr" */
    const char *ca;                 /* copied to ca.pem; NULL: it comes with the certificate */
};

/* Nothing that is there already is overwritten (STATUS_CONFIG). */
MUST_USE status identity_make(const struct identity_files *files, struct fault *f);
/* A new key of that suite in a directory, and the request for its certificate; in the same way. */
MUST_USE status identity_make_key(const char *dir, const char *key, const char *csr, const char *name, enum suite s, struct fault *f);

/* ---- show ---- */

/* The path, last day and fingerprint of the own certificate, or why there is none.  what: "certificate". */
void identity_print_certificate(const char *what, const char *path);

/* ---- check ---- */

enum finding_level { FINDING_OK, FINDING_WARNING, FINDING_BAD };

/* One line each, printed at once; or collected, when list is set, as a JSON array. */
struct findings {
    json_t *list;
    int gm; /* what is found now is of the SM2 identities, and "gm" stands before it */
    size_t bad;
};

void found(struct findings *all, enum finding_level level, const char *what, const char *fmt, ...) PRINTF_LIKE(4, 5);
void found_fault(struct findings *all, const char *what, const struct fault *f);
/* STATUS_CONFIG when anything is bad; what: "node". */
MUST_USE status findings_conclude(const struct findings *all, const char *what, struct fault *f);

struct identity {
    const char *config; /* its file, for messages */
    const char *name;   /* NULL: whatever the certificate says */
    enum certificate_role role;
    enum suite suite;
    const char *certificate, *key, *ca, *crl;
};

/* The key's permissions, the certificate against key, CA, revocation list, clock, name and role; the list itself. */
void identity_check(struct findings *all, const struct identity *own);

/* A pinned party, by the copy of its certificate that trust.h keeps beside the configuration, if there is one. */
void identity_check_pinned(struct findings *all, const struct identity *own, const char *name, const struct hash *pin,
                           enum certificate_role role);

#endif
