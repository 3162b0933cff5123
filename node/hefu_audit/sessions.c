#include "node/hefu_audit/sessions.h"

#include "node/local/certificate.h"
#include "protocol/session.h"

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

static status check_certificate(void *ctx, const struct contract_party *p, const uint8_t *pem, size_t len,
                                struct fault *f)
{
    const struct audit_trust *trust = ctx;
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
    if (!trust->ca)
        return OK;
    return certificate_verify(&c, trust->ca, trust->crl ? trust->crl : "", session_time(&trust->report->contract), f);
}

/* ---- one session ---- */

static status verify_files(struct verify_report *out, const struct bundle *bundles, size_t count,
                           const struct verify_report *offline, struct audit_trust *trust)
{
    const struct verify_options how = {.certificate = check_certificate, .ctx = trust, .offline = offline};

    trust->report = out;
    return verify_bundles(out, bundles, count, &how);
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

static struct rule_beside issuer(const struct audit_trust *trust)
{
    if (!trust->ca)
        return (struct rule_beside){.text = "who issued the certificates and whether they were revoked: give --ca and --crl"};
    if (!trust->crl)
        return (struct rule_beside){.text = "issued by the CA and in force then; whether they were revoked: give --crl"};
    return (struct rule_beside){.text = "issued by the CA, in force then and not revoked", .verdict = VERDICT_OK};
}

static void find_rules(struct audit_sessions *s, const struct audit_trust *trust)
{
    const struct verify_report *reports[EVIDENCE_MAX];
    const struct rule_sessions all = {.of = reports, .count = s->count};

    for (size_t i = 0; i < s->count; i++)
        reports[i] = &s->of[i].report;
    s->ok = 1;
    for (size_t i = 0; i < s->count; i++) {
        struct audit_session *me = &s->of[i];
        struct rule_beside beside[RULES] = {
            [RULE_SIGNED] = issuer(trust),
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

status audit_sessions_check(struct audit_sessions *s, const struct evidence *e, struct audit_trust *trust, struct fault *f)
{
    memset(s, 0, sizeof *s);
    TRY(alloc_zeroed(&s->of, e->count, sizeof *s->of));
    sort_files(s, e);
    for (size_t i = 0; i < s->count; i++) {
        struct audit_session *me = &s->of[i];

        TRY(verify_files(&me->report, me->files.bundle, me->files.count, offline_of(s, me), trust));
        TRY(attachments_check(&me->attached, &me->report, &me->files, trust, f));
    }
    find_rules(s, trust);
    return OK;
}
