/* hefu-audit verify: one line for each check, then the verdict. */
#include "node/hefu_audit/attachments.h"
#include "node/local/certificate.h"
#include "node/local/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static const char *verdict_name(enum verdict v)
{
    switch (v) {
    case VERDICT_OK:
        return "ok";
    case VERDICT_FAIL:
        return "FAIL";
    case VERDICT_UNCHECKED:
        break;
    }
    return "-";
}

const char *audit_issued(const struct audit_trust *trust)
{
    return !trust->ca   ? ""
           : trust->crl ? ", issued by the CA, in force then and not revoked"
                        : ", issued by the CA and in force then";
}

static const char *end_name(const struct verify_party *p)
{
    return !p->given ? "not given" : p->ended ? "complete" : p->aborted ? "stopped" : "cut";
}

static void print_head(const struct verify_report *r)
{
    char hex[2 * HASH_BYTES + 1], number[32];

    if (!r->has_contract)
        return;
    hash_hex(&r->contract_id, hex);
    printf("job        %s\ncontract   %s\n", r->contract.job, hex);
    hash_hex(&r->session, hex);
    printf("session    %s, attempt %u%s%s\n", hex, r->attempt + 1, r->stage == STAGE_WHOLE ? "" : ", ",
           r->stage == STAGE_WHOLE ? "" : stage_name(r->stage));
    for (party p = 0; p < r->contract.parties; p++)
        printf("%-10s %-16s %10s records   %s\n", p ? "" : "parties", r->contract.party[p].name,
               audit_number(number, r->party[p].records), end_name(&r->party[p]));
    putchar('\n');
}

/* The first failure, after everything else. */
static void print_failure(const struct verify_report *r, const struct attachments *a)
{
    static const char words[] = "\ntranscript NOT verified: %s: %s\n";

    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (r->line[i].verdict == VERDICT_FAIL) {
            printf(words, verify_check_name((enum verify_check)i), r->line[i].text);
            return;
        }
    for (size_t i = 0; i < ATTACHMENT_LINES; i++)
        if (a->line[i].verdict == VERDICT_FAIL) {
            printf(words, a->line[i].name, a->line[i].text);
            return;
        }
}

static void print_report(const struct verify_report *r, const struct attachments *a, const struct audit_trust *trust,
                         size_t files)
{
    char records[32];

    print_head(r);
    for (int i = 0; i < VERIFY_CHECKS; i++)
        printf("%-12s  %-4s  %s%s\n", verify_check_name((enum verify_check)i), verdict_name(r->line[i].verdict),
               r->line[i].text,
               i == VERIFY_CERTIFICATES && r->line[i].verdict == VERDICT_OK ? audit_issued(trust) : "");
    for (size_t l = 0; l < ATTACHMENT_LINES; l++)
        printf("%-12s  %-4s  %s\n", a->line[l].name, verdict_name(a->line[l].verdict), a->line[l].text);
    if (r->unproven_count)
        printf("\nnot shown by these files:\n");
    for (size_t i = 0; i < r->unproven_count; i++)
        printf("  - %s\n", r->unproven[i]);
    if (r->unproven_count && !trust->ca)
        printf("  - who issued the certificates and whether they were revoked: give --ca and --crl\n");
    if (r->ok)
        printf("\ntranscript verified: %zu %s, %s signed records, %llu joint checkpoints\n", files,
               files == 1 ? "log" : "logs", audit_number(records, r->records), (unsigned long long)r->checkpoints);
    print_failure(r, a);
}

static const char *verdict_word(enum verdict v)
{
    return v == VERDICT_OK ? "ok" : v == VERDICT_FAIL ? "fail" : "unchecked";
}

static json_t *check_json(const struct verify_report *r, enum verify_check check)
{
    const struct verify_line *line = &r->line[check];
    json_t *o = json_pack("{s:s, s:s, s:s}", "check", verify_check_name(check), "verdict",
                          verdict_word(line->verdict), "text", line->text);

    if (line->verdict == VERDICT_FAIL && r->has_contract && line->who < r->contract.parties)
        json_object_set_new(o, "party", json_string(r->contract.party[line->who].name));
    if (line->verdict == VERDICT_FAIL && line->has_seq) {
        json_object_set_new(o, "record", json_integer((json_int_t)line->seq));
        json_object_set_new(o, "field", json_string(line->field));
    }
    return o;
}

static json_t *party_json(const struct verify_report *r, party p)
{
    const struct verify_party *v = &r->party[p];
    json_t *o = json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:s}", "name", r->contract.party[p].name, "given", v->given,
                          "records", (json_int_t)v->records, "sent", (json_int_t)v->sent, "received",
                          (json_int_t)v->received, "checkpoints", (json_int_t)v->checkpoints, "end", end_name(v));

    if (v->aborted) {
        json_object_set_new(o, "reason", json_string(status_name(v->reason)));
        if (v->blamed != p && v->blamed < r->contract.parties)
            json_object_set_new(o, "blamed", json_string(r->contract.party[v->blamed].name));
    }
    return o;
}

static json_t *report_json(const struct verify_report *r, const struct attachments *a)
{
    json_t *o = json_pack("{s:b}", "verified", r->ok), *checks = json_array(), *parties = json_array(),
           *open = json_array();
    char contract[2 * HASH_BYTES + 1], session[2 * HASH_BYTES + 1];

    if (r->has_contract) {
        hash_hex(&r->contract_id, contract);
        hash_hex(&r->session, session);
        json_object_update_new(o, json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I}", "job", r->contract.job, "contract",
                                            contract, "session", session, "stage", stage_name(r->stage), "attempt",
                                            (int)r->attempt, "records", (json_int_t)r->records, "checkpoints",
                                            (json_int_t)r->checkpoints));
        if (r->stage != STAGE_WHOLE) {
            hash_hex(&r->preparation, session);
            json_object_set_new(o, "preparation", json_string(session));
        }
        if (r->population.rows)
            json_object_set_new(o, "population",
                                json_pack("{s:I, s:I, s:I}", "rows", (json_int_t)r->population.rows, "train",
                                          (json_int_t)r->population.train, "test", (json_int_t)r->population.test));
        for (party p = 0; p < r->contract.parties; p++)
            json_array_append_new(parties, party_json(r, p));
    }
    for (int i = 0; i < VERIFY_CHECKS; i++)
        json_array_append_new(checks, check_json(r, (enum verify_check)i));
    for (size_t i = 0; i < ATTACHMENT_LINES; i++)
        json_array_append_new(checks, json_pack("{s:s, s:s, s:s}", "check", a->line[i].name, "verdict",
                                                verdict_word(a->line[i].verdict), "text", a->line[i].text));
    for (size_t i = 0; i < r->unproven_count; i++)
        json_array_append_new(open, json_string(r->unproven[i]));
    json_object_set_new(o, "parties", parties);
    json_object_set_new(o, "checks", checks);
    json_object_set_new(o, "unproven", open);
    return o;
}

/* Files of offline sessions to the front; how many they are. */
static size_t offline_first(struct bundle *sorted, const struct evidence *e)
{
    size_t offline = 0, n = 0;

    for (size_t i = 0; i < e->count; i++)
        if (bundle_stage(&e->bundle[i]) == STAGE_OFFLINE)
            sorted[offline++] = e->bundle[i];
    n = offline;
    for (size_t i = 0; i < e->count; i++)
        if (bundle_stage(&e->bundle[i]) != STAGE_OFFLINE)
            sorted[n++] = e->bundle[i];
    return offline;
}

status audit_verify(struct verify_report r[2], size_t *sessions, struct audit_trust *trust, const struct evidence *e)
{
    struct verify_options how = {.certificate = check_certificate, .ctx = trust};
    struct bundle sorted[EVIDENCE_MAX];
    const size_t offline = offline_first(sorted, e);

    *sessions = 0;
    if (offline) {
        trust->report = &r[0];
        TRY(verify_bundles(&r[0], sorted, offline, &how));
        how.offline = &r[0];
        *sessions = 1;
    }
    if (offline == e->count)
        return OK;
    trust->report = &r[*sessions];
    return verify_bundles(&r[(*sessions)++], sorted + offline, e->count - offline, &how);
}

static status tell(const struct verify_report r[2], const struct attachments a[2], size_t sessions,
                   const struct audit_trust *trust, size_t files, int as_json, struct fault *f)
{
    json_t *all;

    if (!as_json) {
        for (size_t i = 0; i < sessions; i++) {
            size_t given = 0;

            for (party p = 0; p < PARTIES_MAX; p++)
                given += r[i].party[p].given != 0;
            if (i)
                printf("\n");
            print_report(&r[i], &a[i], trust, sessions == 1 ? files : given);
        }
        return OK;
    }
    all = report_json(&r[sessions - 1], &a[sessions - 1]);
    if (all && sessions == 2) {
        json_object_set_new(all, "offline", report_json(&r[0], &a[0]));
        json_object_set_new(all, "verified", json_boolean(r[0].ok && r[1].ok));
    }
    return audit_print_json(all, f);
}

status audit_trust_exists(const struct audit_trust *trust, struct fault *f)
{
    if (trust->crl && !trust->ca)
        return fault_set(f, STATUS_USAGE, "--crl needs --ca");
    if (trust->ca && !files_exist(trust->ca))
        return fault_set(f, STATUS_CONFIG, "--ca %s: there is no such file", trust->ca);
    if (trust->crl && !files_exist(trust->crl))
        return fault_set(f, STATUS_CONFIG, "--crl %s: there is no such file", trust->crl);
    if (trust->tsa_ca && !files_exist(trust->tsa_ca))
        return fault_set(f, STATUS_CONFIG, "--tsa-ca %s: there is no such file", trust->tsa_ca);
    return OK;
}

status command_verify(int argc, char **argv, struct fault *f)
{
    struct audit_trust trust = {0};
    const char *path[EVIDENCE_MAX];
    size_t files = 0, sessions = 0;
    int as_json = 0;
    const struct audit_option options[] = {
        {"ca", &trust.ca, NULL}, {"crl", &trust.crl, NULL}, {"tsa-ca", &trust.tsa_ca, NULL},
        {"json", NULL, &as_json}, {0}};
    struct evidence e AUTO(evidence_clear) = {0};
    struct verify_report *r AUTO(auto_free) = NULL;
    struct attachments a[2];

    TRY(audit_arguments(options, path, EVIDENCE_MAX, &files, argc, argv, f));
    if (files == 0) {
        fault_set(f, STATUS_USAGE, "no evidence file was named");
        fault_hint(f, "hefu-audit verify bank.hefu tax.hefu social.hefu");
        return STATUS_USAGE;
    }
    TRY(audit_trust_exists(&trust, f));
    TRY(evidence_load(&e, path, files, f));
    TRY(alloc_zeroed(&r, 2, sizeof *r));
    TRY(audit_verify(r, &sessions, &trust, &e));
    for (size_t i = 0; i < sessions; i++)
        TRY(attachments_check(&a[i], &r[i], &e, trust.tsa_ca, f));
    TRY(tell(r, a, sessions, &trust, files, as_json, f));
    return r[0].ok && (sessions == 1 || r[1].ok) ? OK : STATUS_MISMATCH;
}
