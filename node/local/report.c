#include "node/local/report.h"

#include "node/local/files.h"
#include "node/local/report_html.h"
#include "node/local/report_page.h"
#include "node/local/report_style.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

party report_label_party(const struct report *r)
{
    party p = 0;

    while (p < r->parties && !r->party[p].has_label)
        p++;
    assert(p < r->parties);
    return p;
}

double report_auc_error(double auc, uint32_t rows, uint32_t positives)
{
    double p = positives, n = (double)rows - p, q1 = auc / (2 - auc), q2 = 2 * auc * auc / (1 + auc);

    if (isnan(auc) || positives == 0 || positives >= rows)
        return NAN;
    return sqrt(fmax(0, (auc * (1 - auc) + (p - 1) * (q1 - auc * auc) + (n - 1) * (q2 - auc * auc)) / (p * n)));
}

/* ---- HTML ---- */

void report_print_html(FILE *out, const struct report *r)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
          "content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n", out);
    html_tag(out, "title", "%s – joint model report", r->job);
    fprintf(out, "\n<style>\n%s</style>\n</head>\n<body>\n", report_style);
    page_headline(out, r);
    page_uplift(out, r);
    page_populations(out, r);
    page_curves(out, r);
    page_scorecard(out, r);
    page_phases(out, r);
    page_disclosures(out, r);
    page_audit(out, r);
    page_contract(out, r);
    fputs("<footer>", out);
    html_textf(out, "Written by Hefu%s%s for %s. This file is complete in itself: it loads nothing and holds no row "
                    "of anyone’s data.", r->version ? " " : "", r->version ? r->version : "", r->viewer_name);
    fputs("</footer>\n</main>\n</body>\n</html>\n", out);
}

status report_write_html(const char *path, const struct report *r, struct fault *f)
{
    char *text AUTO(auto_free) = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return STATUS_NO_MEMORY;
    report_print_html(out, r);
    if (fclose(out) != 0)
        return STATUS_NO_MEMORY;
    return files_write(path, text, len, 0600, f);
}

/* ---- JSON ---- */

static const char *const PHASE_KEYS[PHASES] = {
    [PHASE_HANDSHAKE] = "handshake", [PHASE_ALIGN] = "align",   [PHASE_PREPARE] = "prepare",
    [PHASE_TRAIN] = "train",         [PHASE_REVEAL] = "reveal", [PHASE_EVALUATE] = "evaluate",
    [PHASE_FINISH] = "finish",
};

static json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_count(uint64_t value)
{
    return value == REPORT_UNKNOWN ? json_null() : json_integer((json_int_t)value);
}

static json_t *json_text(const char *text)
{
    json_t *out = text ? json_string(text) : json_null();

    return out ? out : json_string("(not UTF-8)");
}

static json_t *json_bytes(const struct report *r, int received)
{
    json_t *out = json_object();

    for (party p = 0; p < r->parties; p++)
        json_object_set_new(out, r->party[p].name,
                            json_count(received ? r->party[p].bytes_received : r->party[p].bytes_sent));
    return out;
}

/* Of one part of the training; null for what ran in another session. */
static json_t *json_stage_seconds(const struct report *r, enum stage part)
{
    double seconds = 0;

    if (r->stage != STAGE_WHOLE && r->stage != part)
        return json_null();
    for (unsigned phase = 1; phase < PHASES; phase++)
        if (stage_of_phase(r->stage, (enum phase)phase) == part)
            seconds += r->phase_seconds[phase];
    return json_number(seconds);
}

static json_t *json_seconds(const struct report *r)
{
    json_t *out = json_object();

    for (unsigned phase = 1; phase < PHASES; phase++)
        json_object_set_new(out, PHASE_KEYS[phase], json_number(r->phase_seconds[phase]));
    json_object_set_new(out, "total", json_number(r->seconds_total));
    return out;
}

/* Predicted and actual of the viewer's own node. */
static json_t *json_forecast(const struct report *r)
{
    json_t *out = r->forecast.rates ? json_object() : json_null();

    for (unsigned phase = 1; phase < PHASES && r->forecast.rates; phase++)
        json_object_set_new(out, PHASE_KEYS[phase],
                            json_pack("{s:o, s:o, s:o, s:o}", "cpu_seconds", json_number(r->forecast.cpu_seconds[phase]),
                                      "cpu_seconds_actual", json_number(r->forecast.cpu_seconds_actual[phase]), "bytes_sent",
                                      json_count(r->forecast.sent[phase]), "bytes_sent_actual",
                                      json_count(r->forecast.sent_actual[phase])));
    return out;
}

static json_t *json_names(const struct report *r)
{
    json_t *out = json_array();

    for (party p = 0; p < r->parties; p++)
        json_array_append_new(out, json_text(r->party[p].name));
    return out;
}

static json_t *json_transcript(const struct report *r)
{
    json_t *out = json_object();

    json_object_set_new(out, "verified", json_boolean(r->audit.verified == REPORT_PASSED));
    json_object_set_new(out, "sessions", json_count(r->audit.sessions));
    json_object_set_new(out, "contract", json_text(r->audit.contract_id));
    json_object_set_new(out, "session", json_text(r->audit.session_id));
    return out;
}

status report_print_json(FILE *out, const struct report *r)
{
    json_t *o = json_object();
    int failed;

    json_object_set_new(o, "job", json_text(r->job));
    json_object_set_new(o, "rows_aligned", json_count(r->rows_aligned));
    json_object_set_new(o, "rows_train", json_count(r->rows_train));
    json_object_set_new(o, "rows_test", json_count(r->rows_test));
    json_object_set_new(o, "parties", json_count(r->parties));
    json_object_set_new(o, "party_names", json_names(r));
    json_object_set_new(o, "label_party", json_text(r->party[report_label_party(r)].name));
    json_object_set_new(o, "passes", json_count(r->passes));
    json_object_set_new(o, "auc_test", json_number(r->joint.auc));
    json_object_set_new(o, "ks_test", json_number(r->joint.ks));
    json_object_set_new(o, "logloss_test", json_number(r->joint.logloss));
    json_object_set_new(o, "logloss_test_uncalibrated", json_number(r->logloss_raw));
    json_object_set_new(o, "auc_label_party_alone", json_number(r->alone.auc));
    json_object_set_new(o, "ks_label_party_alone", json_number(r->alone.ks));
    json_object_set_new(o, "logloss_label_party_alone", json_number(r->alone.logloss));
    json_object_set_new(o, "seconds", json_seconds(r));
    json_object_set_new(o, "seconds_offline", json_stage_seconds(r, STAGE_OFFLINE));
    json_object_set_new(o, "seconds_online", json_stage_seconds(r, STAGE_ONLINE));
    json_object_set_new(o, "forecast", json_forecast(r));
    json_object_set_new(o, "bytes_sent", json_bytes(r, 0));
    json_object_set_new(o, "bytes_received", json_bytes(r, 1));
    json_object_set_new(o, "key_bits", json_count(r->key_bits));
    json_object_set_new(o, "transcript", json_transcript(r));
    failed = !o || json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(REPORT_PRECISION)) != 0;
    json_decref(o);
    fputc('\n', out);
    return failed || ferror(out) ? STATUS_IO : OK;
}

status report_write_json(const char *path, const struct report *r, struct fault *f)
{
    char *text AUTO(auto_free) = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    status printed;

    if (!out)
        return STATUS_NO_MEMORY;
    printed = report_print_json(out, r);
    if (fclose(out) != 0)
        return STATUS_NO_MEMORY;
    TRY(printed);
    return files_write(path, text, len, 0600, f);
}

/* ---- a few lines of text ---- */

static void text_figure(FILE *out, int width, int signed_figure, double value)
{
    char text[32];

    snprintf(text, sizeof text, signed_figure ? "%+.4f" : "%.4f", value);
    fprintf(out, "%*s", width, isnan(value) ? "-" : text);
}

static void text_measure(FILE *out, const char *name, int width, double alone, double joint)
{
    fprintf(out, "  %-12s", name);
    text_figure(out, width, 0, alone);
    text_figure(out, 13, 0, joint);
    text_figure(out, 13, 1, joint - alone);
    fputs("\n", out);
}

void report_print_text(FILE *out, const struct report *r, const char *html_path)
{
    static const char *const verdicts[] = {"not checked", "verified", "NOT VERIFIED"};
    char alone[PARTY_NAME_MAX + 8];
    const char *comma = "";
    int width = snprintf(alone, sizeof alone, "%.*s alone", PARTY_NAME_MAX, r->party[report_label_party(r)].name);

    width = width < 13 ? 13 : width;
    fprintf(out, "\n  %-12s%*s%13s%13s\n", "", width, alone, "joint", "change");
    text_measure(out, "AUC", width, r->alone.auc, r->joint.auc);
    text_measure(out, "KS", width, r->alone.ks, r->joint.ks);
    text_measure(out, "log-loss", width, r->alone.logloss, r->joint.logloss);
    fprintf(out, "\n  people      %s in all %u tables: %s to train", fmt_count(r->rows_aligned).s, r->parties,
            fmt_count(r->rows_train).s);
    fprintf(out, ", %s to test\n", fmt_count(r->rows_test).s);
    fprintf(out, "  time       ");
    for (unsigned phase = 1; phase < PHASES; phase++)
        if (r->phase_seconds[phase] >= 0.005) {
            fprintf(out, "%s %s %s", comma, PHASE_KEYS[phase], fmt_seconds(r->phase_seconds[phase]).s);
            comma = ",";
        }
    fprintf(out, "%s in all %s\n", *comma ? ";" : "", fmt_seconds(r->seconds_total).s);
    fprintf(out, "  sent       ");
    for (party p = 0; p < r->parties; p++)
        fprintf(out, "%s %s %s", p ? "," : "", r->party[p].name,
                r->party[p].bytes_sent == REPORT_UNKNOWN ? "?" : fmt_bytes(r->party[p].bytes_sent).s);
    fprintf(out, "\n  key         %u bits, %u passes\n", r->key_bits, r->passes);
    if (html_path)
        fprintf(out, "  report      %s\n", html_path);
    fprintf(out, "  transcript  %s", verdicts[r->audit.verified]);
    if (r->audit.sessions)
        fprintf(out, " (%u %s)", r->audit.sessions, r->audit.sessions == 1 ? "party" : "parties");
    fputs("\n", out);
}
