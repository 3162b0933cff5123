#include "node/hefu_audit/sessions.h"

#include "node/local/certificate.h"
#include "protocol/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int rule_is_across(int rule)
{
    return rule == RULE_REUSE || rule == RULE_REPEATS;
}

void audit_sessions_clear(struct audit_sessions *s)
{
    free(s->of);
    memset(s, 0, sizeof *s);
}

/* ---- certificates ---- */

/* The latest moment at which the session can have run: certificates are judged as of then. */
static int64_t session_time(const struct contract *c)
{
    const time_t now = time(NULL);

    return c->not_after < (uint64_t)now ? (int64_t)c->not_after : (int64_t)now;
}

/* What certificates are checked for: the session whose report knows the contract by then. */
struct certificate_check {
    struct audit_session *session;
    const struct audit_trust *trust;
};

static const struct audit_ca *trusted_for(const struct audit_trust *trust, const struct verify_report *r)
{
    return &trust->of[r->contract.suite == SUITE_GM1 ? SUITE_GM1 : SUITE_INT1];
}

static status check_certificate(void *ctx, const struct contract_party *p, const uint8_t *pem, size_t len,
                                struct fault *f)
{
    const struct certificate_check *check = ctx;
    const struct contract *k = &check->session->report.contract;
    const struct audit_ca *by = trusted_for(check->trust, &check->session->report);
    struct certificate c AUTO(certificate_clear) = {0};

    TRY(certificate_parse(&c, "it", pem, len, f));
    if (!hash_equal(&c.fingerprint, &p->certificate))
        return fault_set(f, STATUS_UNTRUSTED, "it is not the one whose fingerprint is in the contract");
    if (memcmp(c.key.bytes, p->identity.bytes, SIGN_PUBLIC_BYTES) != 0)
        return fault_set(f, STATUS_UNTRUSTED, "its key is not the one in the contract");
    if (strcmp(c.name, p->name) != 0)
        return fault_set(f, STATUS_UNTRUSTED, "it was issued to %s", c.name);
    if (c.role != ROLE_NODE)
        return fault_set(f, STATUS_UNTRUSTED, "it was issued for the role %s", certificate_role_name(c.role));
    if (!by->ca)
        return OK;
    return certificate_verify_past(&check->session->revoked[p - k->party], &c, by->ca, by->crl ? by->crl : "", session_time(k),
                                   (int64_t)time(NULL), f);
}

/* ---- one session ---- */

static status verify_files(struct audit_session *me, const struct verify_report *offline, const struct audit_trust *trust)
{
    struct certificate_check check = {me, trust};
    const struct verify_options how = {.certificate = check_certificate, .ctx = &check, .offline = offline};

    return verify_bundles(&me->report, me->files.bundle, me->files.count, &how);
}

/* ---- any number of them ---- */

static int same_contract(const struct bundle *a, const struct bundle *b)
{
    return a->contract.len == b->contract.len && memcmp(a->contract.bytes, b->contract.bytes, a->contract.len) == 0;
}

/* The session that a file belongs to; one whose approvals cannot be read goes to the first of its contract. */
static struct audit_session *session_of(struct audit_sessions *s, const struct bundle *b)
{
    struct hash mine, its;
    const int named = bundle_session(&mine, b) == OK;

    for (size_t i = 0; i < s->count; i++) {
        const struct bundle *first = &s->of[i].files.bundle[0];

        if (named ? bundle_session(&its, first) == OK && hash_equal(&mine, &its) : same_contract(b, first))
            return &s->of[i];
    }
    return &s->of[s->count++];
}

static void sort_files(struct audit_sessions *s, const struct evidence *e)
{
    for (int rest = 0; rest < 2; rest++)
        for (size_t i = 0; i < e->count; i++) {
            struct evidence *to;

            if ((bundle_stage(&e->bundle[i]) != STAGE_OFFLINE) != rest)
                continue;
            to = &session_of(s, &e->bundle[i])->files;
            to->path[to->count] = e->path[i];
            to->bundle[to->count++] = e->bundle[i];
        }
}

/* What an online session stands on, among those before it: by its name; the only one, if there is no other choice. */
static const struct verify_report *offline_of(const struct audit_sessions *s, const struct audit_session *online)
{
    const struct bundle *b = &online->files.bundle[0];
    size_t sessions[2] = {0};
    struct approval a;

    if (!b->approvals || approval_decode(&a, b->approval[0].bytes) != OK || a.stage != STAGE_ONLINE)
        return NULL;
    for (size_t i = 0; i < s->count; i++) {
        const enum stage stage = bundle_stage(&s->of[i].files.bundle[0]);

        if (stage == STAGE_OFFLINE && hash_equal(&s->of[i].report.preparation, &a.preparation))
            return &s->of[i].report;
        sessions[stage == STAGE_ONLINE] += stage != STAGE_WHOLE;
    }
    return sessions[0] == 1 && sessions[1] == 1 ? &s->of[0].report : NULL;
}

static struct rule_beside beside_line(const struct attachments *a, const char *name)
{
    for (size_t i = 0; i < ATTACHMENT_LINES; i++)
        if (strcmp(a->line[i].name, name) == 0)
            return (struct rule_beside){.text = a->line[i].text, .verdict = a->line[i].verdict};
    return (struct rule_beside){0};
}

static void say(struct audit_session *me, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct audit_session *me, const char *format, ...)
{
    const size_t len = strlen(me->issued);
    va_list args;

    va_start(args, format);
    vsnprintf(me->issued + len, sizeof me->issued - len, format, args);
    va_end(args);
}

static void say_issuer(struct audit_session *me)
{
    const char *gm = me->report.contract.suite == SUITE_GM1 ? "gm-" : "";
    int later = 0;
    char date[16];

    if (!me->trusted->ca) {
        say(me, "who issued the certificates and whether they were revoked: give --%sca and --%scrl", gm, gm);
    } else if (!me->trusted->crl) {
        say(me, "issued by the CA and in force then; whether they were revoked: give --%scrl", gm);
    } else {
        for (party p = 0; p < PARTIES_MAX; p++) {
            if (!me->revoked[p])
                continue;
            certificate_date(date, me->revoked[p]);
            say(me, "%s%s on %s", later++ ? ", " : "issued by the CA and in force then; revoked later: ",
                me->report.contract.party[p].name, date);
        }
        if (!later)
            say(me, "issued by the CA, in force then and not revoked");
    }
}

static struct rule_beside issuer(const struct audit_session *me)
{
    return (struct rule_beside){.text = me->issued, .verdict = me->trusted->ca && me->trusted->crl ? VERDICT_OK : VERDICT_UNCHECKED};
}

static void find_rules(struct audit_sessions *s)
{
    const struct verify_report *reports[EVIDENCE_MAX];
    const struct rule_sessions all = {.of = reports, .count = s->count};

    for (size_t i = 0; i < s->count; i++)
        reports[i] = &s->of[i].report;
    s->ok = 1;
    for (size_t i = 0; i < s->count; i++) {
        struct audit_session *me = &s->of[i];
        struct rule_beside beside[RULES] = {
            [RULE_SIGNED] = issuer(me),
            [RULE_TIMESTAMPS] = beside_line(&me->attached, "timestamps"),
            [RULE_DEPOSITS] = beside_line(&me->attached, "deposits"),
            [RULE_VERSION] = beside_line(&me->attached, "builds"),
            [RULE_PERSONS] = beside_line(&me->attached, "approvers"),
            [RULE_DESTROYED] = beside_line(&me->attached, "destruction"),
        };

        rules_of_session(me->rule, &me->report, beside, all);
        rules_across(me->rule, all);
        me->ok = me->report.ok;
        for (int v = 1; v < RULES; v++)
            me->ok &= me->rule[v].verdict != RULE_FAIL;
        s->ok &= me->ok;
    }
}

status audit_sessions_check(struct audit_sessions *s, const struct evidence *e, const struct audit_trust *trust, struct fault *f)
{
    memset(s, 0, sizeof *s);
    TRY(alloc_zeroed(&s->of, e->count, sizeof *s->of));
    sort_files(s, e);
    for (size_t i = 0; i < s->count; i++) {
        struct audit_session *me = &s->of[i];

        TRY(verify_files(me, offline_of(s, me), trust));
        me->trusted = trusted_for(trust, &me->report);
        say_issuer(me);
        TRY(attachments_check(&me->attached, &me->report, &me->files, trust, f));
    }
    find_rules(s);
    return OK;
}
