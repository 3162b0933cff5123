/* hefu-audit verify: one line for each rule, then the verdict. */
#include "node/hefu_audit/sessions.h"
#include "node/local/files.h"

#include <stdio.h>

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
static void print_failure(const struct audit_session *s)
{
    static const char words[] = "\ntranscript NOT verified: %s: %s\n";
    const enum verify_check first = verify_first_failure(&s->report);

    if (first != VERIFY_CHECKS) {
        printf(words, verify_check_name(first), s->report.line[first].text);
        return;
    }
    for (size_t i = 0; i < ATTACHMENT_LINES; i++)
        if (s->attached.line[i].verdict == VERDICT_FAIL) {
            printf(words, s->attached.line[i].name, s->attached.line[i].text);
            return;
        }
    for (int v = 1; v < RULES; v++)
        if (s->rule[v].verdict == RULE_FAIL) {
            printf("\ntranscript NOT verified: V%d: %s\n", v, s->rule[v].text);
            return;
        }
}

static void print_rule(const struct rule_line line[RULES], int v)
{
    const struct rule_line *l = &line[v];

    printf("V%-2d  %-14s  %s%s%s\n", v, rule_verdict_name(l->verdict), rule_sentence(v), l->text[0] ? ": " : "", l->text);
}

static void print_session(const struct audit_session *s, int alone)
{
    const struct verify_report *r = &s->report;
    const size_t files = s->files.count;
    char records[32];

    print_head(r);
    for (int v = 1; v < RULES; v++)
        if (alone || !rule_is_across(v))
            print_rule(s->rule, v);
    if (r->unproven_count)
        printf("\nnot shown by these files:\n");
    for (size_t i = 0; i < r->unproven_count; i++)
        printf("  - %s\n", r->unproven[i]);
    if (r->unproven_count && !s->trusted->ca)
        printf("  - %s\n", s->issued);
    if (s->ok)
        printf("\ntranscript verified: %zu %s, %s signed records, %llu joint checkpoints\n", files,
               files == 1 ? "log" : "logs", audit_number(records, r->records), (unsigned long long)r->checkpoints);
    else
        print_failure(s);
}

static void print_all(const struct audit_sessions *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (i)
            putchar('\n');
        print_session(&all->of[i], all->count == 1);
    }
    if (all->count == 1)
        return;
    printf("\nall %zu sessions together\n\n", all->count);
    for (int v = 1; v < RULES; v++)
        if (rule_is_across(v))
            print_rule(all->of[0].rule, v);
    printf("\n%s\n", all->ok ? "all sessions verified" : "NOT all sessions verified");
}

static const char *verdict_word(enum verdict v)
{
    return v == VERDICT_OK ? "ok" : v == VERDICT_FAIL ? "fail" : "unchecked";
}

static const char *rule_word(enum rule_verdict v)
{
    return v == RULE_OK ? "ok" : v == RULE_FAIL ? "fail" : v == RULE_UNCHECKED ? "unchecked" : "not applicable";
}

static json_t *rules_json(const struct rule_line line[RULES])
{
    json_t *list = json_array();
    char name[8];

    for (int v = 1; v < RULES; v++) {
        snprintf(name, sizeof name, "V%d", v);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "rule", name, "verdict", rule_word(line[v].verdict),
                                              "sentence", rule_sentence(v), "text", line[v].text));
    }
    return list;
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

static json_t *session_json(const struct audit_session *s)
{
    const struct verify_report *r = &s->report;
    const struct attachments *a = &s->attached;
    const enum verify_check first = verify_first_failure(r);
    json_t *o = json_pack("{s:b}", "verified", s->ok), *checks = json_array(), *parties = json_array(),
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
    json_object_set_new(o, "rules", rules_json(s->rule));
    json_object_set_new(o, "checks", checks);
    if (first != VERIFY_CHECKS)
        json_object_set_new(o, "first_failure", check_json(r, first));
    json_object_set_new(o, "unproven", open);
    return o;
}

/* One object for one session; an online one with its offline one inside it; else a list of them. */
static json_t *all_json(const struct audit_sessions *all)
{
    const struct audit_session *first = &all->of[0], *last = &all->of[all->count - 1];
    json_t *o, *list;

    if (all->count == 1 || (all->count == 2 && first->report.stage == STAGE_OFFLINE && last->report.stage != STAGE_OFFLINE)) {
        o = session_json(last);
        if (all->count == 2) {
            json_object_set_new(o, "offline", session_json(first));
            json_object_set_new(o, "verified", json_boolean(all->ok));
        }
        return o;
    }
    list = json_array();
    for (size_t i = 0; i < all->count; i++)
        json_array_append_new(list, session_json(&all->of[i]));
    return json_pack("{s:b, s:o}", "verified", all->ok, "sessions", list);
}

static status exists(const char *option, const char *path, struct fault *f)
{
    return !path || files_exist(path) ? OK : fault_set(f, STATUS_CONFIG, "--%s %s: there is no such file", option, path);
}

status audit_trust_exists(const struct audit_trust *trust, struct fault *f)
{
    const struct audit_ca *ca = &trust->of[SUITE_INT1], *gm = &trust->of[SUITE_GM1];

    if (ca->crl && !ca->ca)
        return fault_set(f, STATUS_USAGE, "--crl needs --ca");
    if (gm->crl && !gm->ca)
        return fault_set(f, STATUS_USAGE, "--gm-crl needs --gm-ca");
    TRY(exists("ca", ca->ca, f));
    TRY(exists("crl", ca->crl, f));
    TRY(exists("gm-ca", gm->ca, f));
    TRY(exists("gm-crl", gm->crl, f));
    return exists("tsa-ca", trust->tsa_ca, f);
}

status audit_trust_builds(struct audit_trust *trust, struct builds *builds, const char *path, struct fault *f)
{
    if (!path)
        return OK;
    TRY(builds_read(builds, path, f));
    trust->builds = builds;
    return OK;
}

status command_verify(int argc, char **argv, struct fault *f)
{
    struct audit_trust trust = {0};
    const char *path[EVIDENCE_MAX], *builds_path = NULL;
    size_t files = 0;
    int as_json = 0;
    const struct audit_option options[] = {
        {"ca", &trust.of[SUITE_INT1].ca, NULL}, {"crl", &trust.of[SUITE_INT1].crl, NULL},
        {"gm-ca", &trust.of[SUITE_GM1].ca, NULL}, {"gm-crl", &trust.of[SUITE_GM1].crl, NULL},
        {"tsa-ca", &trust.tsa_ca, NULL}, {"builds", &builds_path, NULL}, {"json", NULL, &as_json}, {0}};
    struct builds builds AUTO(builds_clear) = {0};
    struct evidence e AUTO(evidence_clear) = {0};
    struct audit_sessions all AUTO(audit_sessions_clear) = {0};

    TRY(audit_arguments(options, path, EVIDENCE_MAX, &files, argc, argv, f));
    if (files == 0) {
        fault_set(f, STATUS_USAGE, "no evidence file was named");
        fault_hint(f, "hefu-audit verify bank.hefu tax.hefu social.hefu");
        return STATUS_USAGE;
    }
    TRY(audit_trust_exists(&trust, f));
    TRY(audit_trust_builds(&trust, &builds, builds_path, f));
    TRY(evidence_load(&e, path, files, f));
    TRY(audit_sessions_check(&all, &e, &trust, f));
    if (as_json)
        TRY(audit_print_json(all_json(&all), f));
    else
        print_all(&all);
    return all.ok ? OK : STATUS_MISMATCH;
}
