/* Evidence files of any number of sessions: sorted by the session that they name, checked one by one and together. */
#ifndef HEFU_AUDIT_SESSIONS_H
#define HEFU_AUDIT_SESSIONS_H

#include "node/hefu_audit/attachments.h"
#include "protocol/verify_rules.h"

struct audit_session {
    struct evidence files; /* of this session; views of those that were given */
    struct verify_report report;
    struct attachments attached;
    const struct audit_ca *trusted;  /* for contracts of its suite */
    int64_t revoked[PARTIES_MAX];    /* when a certificate was revoked that was good until the session's end; 0: it was not */
    char issued[1000];               /* who issued the certificates, and whether they were revoked: or what to give to know */
    struct rule_line rule[RULES]; /* RULE_REUSE and RULE_REPEATS are the same in all */
    int ok;                       /* nothing fails */
};

struct audit_sessions {
    struct audit_session *of; /* offline ones first */
    size_t count;
    int ok;
};

/* Whether a rule is about all sessions together. */
int rule_is_across(int rule);

void audit_sessions_clear(struct audit_sessions *s);
/* e and trust stay the caller's, and are used as long as s is. */
MUST_USE status audit_sessions_check(struct audit_sessions *s, const struct evidence *e, const struct audit_trust *trust,
                                     struct fault *f);

#endif
