/* hefu-audit: what its commands share.  It links no network code. */
#ifndef HEFU_AUDIT_H
#define HEFU_AUDIT_H

#include "node/hefu_audit/builds.h"
#include "protocol/bundle.h"
#include "protocol/verify.h"

#include <jansson.h>

#define AUDIT_VERSION "0.1.0"

/* argv[0] is the command's name.  STATUS_MISMATCH when verification failed and has been said. */
typedef status audit_command(int argc, char **argv, struct fault *f);
audit_command command_verify, command_show, command_statement, command_report, command_replay;

/* ---- arguments ---- */

/* --name VALUE, or --name alone when text is NULL.  The list ends with an entry without name. */
struct audit_option {
    const char *name;
    const char **text;
    int *flag;
};

/* Positional arguments go to file[0..*files), at most max.  STATUS_USAGE in words. */
MUST_USE status audit_arguments(const struct audit_option *options, const char **file, size_t max, size_t *files,
                                int argc, char **argv, struct fault *f);

/* ---- evidence files ---- */

/* Files at most, of all sessions. */
enum { EVIDENCE_MAX = 64 };

struct evidence {
    size_t count;
    const char *path[EVIDENCE_MAX];
    uint8_t *bytes[EVIDENCE_MAX];
    struct bundle bundle[EVIDENCE_MAX];
};

void evidence_clear(struct evidence *e);
/* At most EVIDENCE_MAX paths; STATUS_MISMATCH when a file is damaged. */
MUST_USE status evidence_load(struct evidence *e, const char *const *path, size_t count, struct fault *f);

/* ---- checking ---- */

/* Files of the consortium's CA for contracts of either suite and its revocation list, and of the timestamping authorities' CA; what
 * builds may run.  NULL: not given. */
struct audit_trust {
    struct audit_ca { const char *ca, *crl; } of[SUITE_GM1 + 1];
    const char *tsa_ca;
    const struct builds *builds;
};
MUST_USE status audit_trust_exists(const struct audit_trust *trust, struct fault *f);
/* Reads the builds, when a path is given. */
MUST_USE status audit_trust_builds(struct audit_trust *trust, struct builds *builds, const char *path, struct fault *f);

/* ---- printing ---- */

MUST_USE status audit_print_json(json_t *value, struct fault *f); /* consumes value */
/* 1234567 as "1,234,567". */
const char *audit_number(char out[32], uint64_t v);

#endif
