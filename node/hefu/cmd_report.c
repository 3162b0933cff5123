/* hefu report: at an institution its own report of a finished job, as its worker wrote it; for a coordinator a report of
 * what the parties agreed to tell. */
#include "node/hefu/cmd.h"
#include "node/hefu/coordinate.h"
#include "node/local/certificate.h"
#include "node/local/report.h"
#include "node/local/session_files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { REPORT_BYTES_MAX = 64 << 20 };

static status job_is_done(const struct job_view *v, struct fault *f)
{
    if (job_view_all(v, "done"))
        return OK;
    TRY(job_view_verdict(v, f));
    fault_set(f, STATUS_USAGE, "job %s is not done: at %s it is %s", v->id, job_view_name(v, 0), job_view_state(v, 0));
    fault_hint(f, "hefu watch %s%s waits for its end", v->id, v->audience->option);
    return STATUS_USAGE;
}

/* The operator's own, out of the session directory. */
static status copy_own_report(struct audience *a, const char *id, const char *out, struct fault *f)
{
    struct job_view view AUTO(job_view_clear) = {0};
    char name[SESSION_NAME_BYTES], session[FILES_PATH_BYTES + 80], path[FILES_PATH_BYTES + 112];
    uint8_t *html AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(job_view_open(&view, a, id, NULL, f));
    TRY(job_is_done(&view, f));
    session_name(name, view.id, (uint32_t)json_count(view.state[0], "attempt"),
                 strcmp(json_text(view.state[0], "session"), stage_name(STAGE_ONLINE)) == 0 ? STAGE_ONLINE : STAGE_WHOLE);
    snprintf(session, sizeof session, "%s/sessions/%s", a->node->state_dir, name);
    snprintf(path, sizeof path, "%s/report.html", session);
    TRY(files_read(&html, &len, path, REPORT_BYTES_MAX, f));
    TRY(files_write(out, html, len, 0600, f));
    fprintf(stderr, "hefu: model.json and evidence.hefu are in %s\n", session);
    return OK;
}

static void fill_parties(struct report *r, const struct coordination *c, const json_t *outcome)
{
    const json_t *sent = json_object_get(outcome, "bytes_sent"), *received = json_object_get(outcome, "bytes_received");

    r->parties = c->contract.parties;
    for (party p = 0; p < r->parties; p++) {
        const struct contract_party *from = &c->contract.party[p];

        r->party[p] = (struct report_party){.name = from->name, .has_label = from->has_label, .rows = from->rows,
                                            .columns = from->columns, .bins = contract_width(&c->contract, p),
                                            .bytes_sent = json_count(sent, from->name),
                                            .bytes_received = json_count(received, from->name),
                                            .records = json_count(json_object_get(outcome, "records"), from->name),
                                            .head = json_text(json_object_get(outcome, "head"), from->name)};
        for (int phase = 0; phase < PHASES; phase++)
            r->party[p].phase_bytes[phase] = REPORT_UNKNOWN;
    }
}

static void fill_results(struct report *r, const struct coordination *c, const json_t *outcome)
{
    const json_t *seconds = json_object_get(outcome, "seconds");

    if (strcmp(json_text(c->view.state[0], "session"), stage_name(STAGE_ONLINE)) == 0)
        r->stage = STAGE_ONLINE;
    r->rows_aligned = (uint32_t)json_count(outcome, "rows_aligned");
    r->rows_train = (uint32_t)json_count(outcome, "rows_train");
    r->rows_test = (uint32_t)json_count(outcome, "rows_test");
    r->test_positives = (uint32_t)json_count(outcome, "test_positives");
    r->passes = c->contract.passes;
    r->key_bits = c->contract.key_bits;
    r->exact = c->contract.sigmoid == SIGMOID_TABLE;
    r->joint = (struct report_model){json_decimal(outcome, "auc_test"), json_decimal(outcome, "ks_test"),
                                     json_decimal(outcome, "logloss_test"), NULL};
    r->alone = (struct report_model){json_decimal(outcome, "auc_label_party_alone"),
                                     json_decimal(outcome, "ks_label_party_alone"),
                                     json_decimal(outcome, "logloss_label_party_alone"), NULL};
    r->logloss_raw = NAN;
    r->calibration = (struct calibration){NAN, NAN};
    for (int phase = 1; phase < PHASES; phase++) {
        double s = json_decimal(seconds, phase_name((enum phase)phase));

        r->phase_seconds[phase] = isnan(s) ? 0 : s;
    }
    r->seconds_total = json_decimal(seconds, "total");
}

/* What the contract lets each party learn. */
static size_t fill_disclosures(struct report_disclosure *out, const struct disclosure *list, size_t count,
                               const struct contract *c)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (struct report_disclosure){.to = c->party[list[i].to].name, .what = list[i].what,
                                            .learns = list[i].learns};
    return count;
}

static status write_agreed_report(struct audience *a, const char *id, const char *out, struct fault *f)
{
    static struct disclosure list[DISCLOSURES_MAX * PARTIES_MAX];
    static struct report_disclosure disclosures[DISCLOSURES_MAX * PARTIES_MAX];
    struct coordination c AUTO(coordinate_clear) = {0};
    struct certificate own AUTO(certificate_clear) = {0};
    json_t *outcome AUTO(auto_json) = NULL;
    struct report *r AUTO(auto_free) = NULL;

    TRY(certificate_load(&own, a->coordinator->certificate, f));
    TRY(coordinate_resume(&c, a, id, NULL, f));
    TRY(job_is_done(&c.view, f));
    outcome = coordinate_outcome(&c);
    if (!outcome)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    TRY(alloc_zeroed(&r, 1, sizeof *r));
    r->viewer = REPORT_COORDINATOR;
    r->viewer_name = own.name;
    r->job = c.contract.job;
    r->purpose = c.contract.purpose;
    r->version = HEFU_VERSION;
    fill_parties(r, &c, outcome);
    fill_results(r, &c, outcome);
    r->disclosure = disclosures;
    r->disclosures = fill_disclosures(disclosures, list, contract_disclosures(&c.contract, list), &c.contract);
    r->audit.verified = REPORT_NOT_CHECKED;
    r->audit.contract_id = id;
    return report_write_html(out, r, f);
}

status cmd_report(int argc, char **argv, struct fault *f)
{
    const char *id = NULL, *node = NULL, *coordinator = NULL, *out = "report.html";
    const struct cmd_option options[] = {
        {"out", "FILE", "where to write it (report.html)", .text = &out},
        {"node", "DIR", "as the operator of the node in DIR: its own, full report", .text = &node},
        {"coordinator", "FILE", "as the coordinator: what the parties agreed to tell", .text = &coordinator},
        {0},
    };
    struct audience audience AUTO(audience_clear) = {0};

    TRY(cmd_parse(&(struct cmd_line){"hefu report", "JOB", "Write the report of a finished job as one HTML file.",
                                     options, {&id}, 1},
                  argc, argv, f));
    TRY(audience_find(&audience, node, coordinator, f));
    if (audience.node)
        TRY(copy_own_report(&audience, id, out, f));
    else
        TRY(write_agreed_report(&audience, id, out, f));
    printf("%s\n", out);
    return OK;
}
