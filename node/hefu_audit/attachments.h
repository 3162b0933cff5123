/* What evidence files bring along beside the log: timestamps and deposits (V22, V23), which builds ran (V24), who signed for a
 * party (V25), and that it destroyed what a replay needs (V26). */
#ifndef HEFU_AUDIT_ATTACHMENTS_H
#define HEFU_AUDIT_ATTACHMENTS_H

#include "node/hefu_audit/audit.h"

enum { ATTACHED_TIMESTAMPS, ATTACHED_DEPOSITS, ATTACHED_BUILDS, ATTACHED_APPROVERS, ATTACHED_DESTRUCTION, ATTACHMENT_LINES };

struct attachments {
    struct attachment_line {
        const char *name;
        enum verdict verdict;
        char text[1000];
    } line[ATTACHMENT_LINES];
};

/* Those in the files of the session that r is about.  Without trust->tsa_ca who signed a token is not checked, without
 * trust->builds what a party states of its build is only told.  What does not hold takes r->ok away. */
MUST_USE status attachments_check(struct attachments *out, struct verify_report *r, const struct evidence *e,
                                  const struct audit_trust *trust, struct fault *f);

/* What one file brings along from outsiders, unchecked: "START timestamp of 2026-11-22 10:23:14 UTC"; NULL when there is none
 * of that kind. */
const char *attachment_words(char out[128], const struct bundle *b, enum attachment_kind kind);

#endif
