#include "node/local/report_page.h"

#include "node/local/report_html.h"

#include <math.h>
#include <string.h>

static const char *const PHASE_TITLES[PHASES] = {
    [PHASE_HANDSHAKE] = "Handshake", [PHASE_ALIGN] = "Align",   [PHASE_PREPARE] = "Prepare",
    [PHASE_TRAIN] = "Train",         [PHASE_REVEAL] = "Reveal", [PHASE_EVALUATE] = "Evaluate",
    [PHASE_FINISH] = "Finish",
};
static const char *const PHASE_WORDS[PHASES] = {
    [PHASE_HANDSHAKE] = "keys, proofs, commitments",
    [PHASE_ALIGN] = "who is common to all, over blinded ids",
    [PHASE_PREPARE] = "all encrypted work, once for all passes",
    [PHASE_TRAIN] = "passes on secret shares",
    [PHASE_REVEAL] = "each block of weights to its owner only",
    [PHASE_EVALUATE] = "test rows scored and measured once",
    [PHASE_FINISH] = "transcripts closed and cosigned",
};

/* ---- time and bytes ---- */

static void bytes_cell(FILE *f, uint64_t bytes)
{
    html_tag(f, "td class=\"n\"", "%s", bytes == REPORT_UNKNOWN ? "–" : fmt_bytes(bytes).s);
}

static int phase_shown(const struct report *r, unsigned phase)
{
    int shown = r->phase_seconds[phase] > 0;

    for (party p = 0; p < r->parties; p++)
        shown |= r->party[p].phase_bytes[phase] != 0 && r->party[p].phase_bytes[phase] != REPORT_UNKNOWN;
    return shown;
}

static void phase_strip(FILE *f, const struct report *r, double total)
{
    fputs("<div class=\"strip\" role=\"img\" aria-label=\"Seconds by phase\">", f);
    for (unsigned phase = 1; phase < PHASES; phase++)
        if (phase_shown(r, phase))
            fprintf(f, "<i class=\"f%u\" style=\"flex:%.4f 1 0\"></i>", phase,
                    fmax(0.0005, r->phase_seconds[phase] / total));
    fputs("</div>", f);
}

/* What was predicted of the viewer's own node beside what came; phases that cost nothing are left out. */
static void forecast_table(FILE *f, const struct report *r)
{
    html_tag(f, "p class=\"note\"", "The node of %s, predicted by hefu plan and measured. Rates: %s.", r->viewer_name,
             r->forecast.rates);
    fputs("<div class=\"scroll\"><table class=\"wide\"><thead><tr><th>Phase</th><th class=\"n\">CPU predicted</th><th "
          "class=\"n\">actual</th><th class=\"n\">Sent predicted</th><th class=\"n\">actual</th></tr></thead><tbody>\n", f);
    for (unsigned phase = 1; phase < PHASES; phase++) {
        if (r->forecast.sent[phase] == 0 && r->forecast.sent_actual[phase] == 0)
            continue;
        fputs("<tr>", f);
        html_tag(f, "td", "%s", PHASE_TITLES[phase]);
        html_tag(f, "td class=\"n\"", "%s", fmt_seconds(r->forecast.cpu_seconds[phase]).s);
        html_tag(f, "td class=\"n\"", "%s", fmt_seconds(r->forecast.cpu_seconds_actual[phase]).s);
        bytes_cell(f, r->forecast.sent[phase]);
        bytes_cell(f, r->forecast.sent_actual[phase]);
        fputs("</tr>\n", f);
    }
    fputs("</tbody></table></div>", f);
}

void page_phases(FILE *f, const struct report *r)
{
    double total = 0;

    for (unsigned phase = 1; phase < PHASES; phase++)
        total += r->phase_seconds[phase];
    total = total > 0 ? total : 1;
    page_heading(f, "phases", "Time and bytes",
            r->stage == STAGE_ONLINE
                ? "Encrypted work was done before, in a session of its own; here are the passes, plain arithmetic on secret "
                  "shares."
                : "Encrypted work happens once, before the passes; the passes themselves are plain arithmetic on secret "
                  "shares.");
    fputs("<div class=\"card\">", f);
    phase_strip(f, r, total);
    fputs("<div class=\"scroll gap\"><table class=\"wide\"><thead><tr><th>Phase</th><th class=\"n\">Time</th><th "
          "class=\"n\">Share</th>", f);
    for (party p = 0; p < r->parties; p++)
        html_tag(f, "th class=\"n\"", "%s sent", r->party[p].name);
    fputs("</tr></thead><tbody>\n", f);
    for (unsigned phase = 1; phase < PHASES; phase++) {
        if (!phase_shown(r, phase))
            continue;
        fprintf(f, "<tr><td><span class=\"one\"><i class=\"chip f%u\"></i>", phase);
        html_text(f, PHASE_TITLES[phase]);
        fputs("</span> <small>", f);
        if (phase == PHASE_TRAIN && r->passes)
            html_textf(f, "%u ", r->passes);
        html_text(f, PHASE_WORDS[phase]);
        fputs("</small></td>", f);
        html_tag(f, "td class=\"n\"", "%s", fmt_seconds(r->phase_seconds[phase]).s);
        html_tag(f, "td class=\"n\"", "%s", fmt_percent(r->phase_seconds[phase] / total).s);
        for (party p = 0; p < r->parties; p++)
            bytes_cell(f, r->party[p].phase_bytes[phase]);
        fputs("</tr>\n", f);
    }
    fputs("</tbody><tfoot><tr><td>Total, bytes sent</td>", f);
    html_tag(f, "td class=\"n\"", "%s", fmt_seconds(r->seconds_total).s);
    fputs("<td></td>", f);
    for (party p = 0; p < r->parties; p++)
        bytes_cell(f, r->party[p].bytes_sent);
    fputs("</tr><tr><td>Bytes received</td><td></td><td></td>", f);
    for (party p = 0; p < r->parties; p++)
        bytes_cell(f, r->party[p].bytes_received);
    fputs("</tr></tfoot></table></div>", f);
    if (r->forecast.rates)
        forecast_table(f, r);
    html_tag(f, "p class=\"note\"", "There is no loss per pass to plot: the loss, gradient or scores of an unfinished "
                                    "model would tell a party about the others’ rows, so nothing is opened between "
                                    "passes. The model is measured once, on the test rows.");
    fputs("</div></section>\n", f);
}

/* ---- disclosures, audit, contract ---- */

static void known_party(FILE *f, const struct report *r, const char *name)
{
    for (party p = 0; p < r->parties; p++)
        if (!strcmp(r->party[p].name, name)) {
            page_party(f, r, p);
            return;
        }
    fputs("<i class=\"chip c-alone\"></i>", f);
    html_text(f, name);
}

static void labelled_cell(FILE *f, const char *label, const char *text)
{
    fprintf(f, "<td data-label=\"%s\">", label);
    html_text(f, text);
    fputs("</td>", f);
}

void page_disclosures(FILE *f, const struct report *r)
{
    int amounts = 0;

    page_heading(f, "disclosures", "What each party received",
            "Parties that follow the protocol learn nothing beyond these lines, even if all but one of them pool what "
            "they saw. A party that deviates is detected, not prevented.");
    for (size_t i = 0; i < r->disclosures; i++)
        amounts |= r->disclosure[i].amount != NULL;
    fputs("<div class=\"card\">", f);
    if (!r->disclosures)
        html_tag(f, "p", "Left out: this viewer was not given the contract’s disclosures.");
    else
        fprintf(f, "<table class=\"stack\"><thead><tr><th>Who</th><th>Receives</th>%s<th>And so "
                   "learns</th></tr></thead><tbody>\n", amounts ? "<th>How much</th>" : "");
    for (size_t i = 0; i < r->disclosures; i++) {
        const struct report_disclosure *d = &r->disclosure[i];

        fputs("<tr><td class=\"who\"><b>", f);
        known_party(f, r, d->to);
        fputs("</b></td>", f);
        labelled_cell(f, "Receives", d->what);
        if (amounts)
            labelled_cell(f, "How much", d->amount ? d->amount : "");
        labelled_cell(f, "And so learns", d->learns);
        fputs("</tr>\n", f);
    }
    fputs(r->disclosures ? "</tbody></table></div></section>\n" : "</div></section>\n", f);
}

static void fact(FILE *f, const char *name, const char *value)
{
    html_tag(f, "dt", "%s", name);
    fputs("<dd>", f);
    html_tag(f, "code", "%s", value);
    fputs("</dd>\n", f);
}

void page_audit(FILE *f, const struct report *r)
{
    static const char *const words[] = {
        "The transcripts have not been checked. Run hefu-audit verify on the evidence files.",
        "Every message that was said is in the parties’ signed, hash-chained transcripts, and they agree.",
        "The transcripts do not agree. Do not use this model before the lines below are explained.",
    };

    page_heading(f, "audit", "Audit", words[r->audit.verified]);
    fputs("<div class=\"card\">", f);
    if (r->audit.verdicts) {
        fputs("<ul class=\"plain\">", f);
        for (size_t i = 0; i < r->audit.verdicts; i++) {
            fprintf(f, "<li><span class=\"mark %s\">%s</span>", page_check_class(r->audit.verdict[i].result),
                    page_check_mark(r->audit.verdict[i].result));
            html_tag(f, "span", "%s", r->audit.verdict[i].text);
            fputs("</li>\n", f);
        }
        fputs("</ul>", f);
    }
    fputs("<dl class=\"gap\">", f);
    if (r->audit.contract_id)
        fact(f, "Contract", r->audit.contract_id);
    if (r->audit.session_id)
        fact(f, "Session", r->audit.session_id);
    if (r->audit.attempt)
        html_tag(f, "dt", "Attempt"), html_tag(f, "dd", "%u", r->audit.attempt);
    if (r->audit.checkpoints)
        html_tag(f, "dt", "Joint checkpoints"), html_tag(f, "dd", "%s", fmt_count(r->audit.checkpoints).s);
    for (party p = 0; p < r->parties; p++) {
        if (!r->party[p].head)
            continue;
        fputs("<dt>", f);
        page_party(f, r, p);
        fputs("</dt><dd>", f);
        if (r->party[p].records != REPORT_UNKNOWN)
            html_textf(f, "%s records, last head ", fmt_count(r->party[p].records).s);
        html_tag(f, "code", "%s", r->party[p].head);
        fputs("</dd>\n", f);
    }
    fputs("</dl></div></section>\n", f);
}

void page_contract(FILE *f, const struct report *r)
{
    page_heading(f, "contract", "Contract", "What every party signed before anything ran.");
    fputs("<div class=\"card\"><dl>", f);
    if (r->purpose)
        html_tag(f, "dt", "Purpose"), html_tag(f, "dd", "%s", r->purpose);
    for (party p = 0; p < r->parties; p++) {
        fputs("<dt>", f);
        page_party(f, r, p);
        fputs("</dt><dd>", f);
        html_textf(f, "%s rows", fmt_count(r->party[p].rows).s);
        if (r->party[p].columns)
            html_textf(f, ", %s columns in %s bins", fmt_count(r->party[p].columns).s, fmt_count(r->party[p].bins).s);
        fputs(r->party[p].has_label ? ", and the label</dd>\n" : "</dd>\n", f);
    }
    html_tag(f, "dt", "Passes"), html_tag(f, "dd", "%u", r->passes);
    html_tag(f, "dt", "Paillier keys"), html_tag(f, "dd", "%u bits", r->key_bits);
    for (size_t i = 0; i < r->parameters; i++) {
        html_tag(f, "dt", "%s", r->parameter[i].name);
        html_tag(f, "dd", "%s", r->parameter[i].value);
    }
    fputs("</dl></div></section>\n", f);
    if (!r->notices)
        return;
    page_heading(f, "notices", "Notices", "What the programs noticed on the way.");
    fputs("<div class=\"card\"><ul class=\"plain\">", f);
    for (size_t i = 0; i < r->notices; i++) {
        fprintf(f, "<li><span class=\"mark %s\">%s</span>", r->notice[i].warning ? "warn" : "none",
                r->notice[i].warning ? "!" : "i");
        html_tag(f, "span", "%s", r->notice[i].text);
        fputs("</li>\n", f);
    }
    fputs("</ul></div></section>\n", f);
}
