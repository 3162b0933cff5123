#include "node/local/report_page.h"

#include "node/local/report_html.h"

#include <math.h>

static const char LOGO[] =
    "<svg viewBox=\"0 0 32 32\" aria-hidden=\"true\"><path class=\"c-joint\" fill=\"currentColor\" d=\"M4 7a3 3 0 0 1 "
    "3-3h10v6h-4v6h6v6h-4v6H7a3 3 0 0 1-3-3z\"/><path class=\"c-joint\" opacity=\".5\" fill=\"currentColor\" d=\"M19 "
    "4h6a3 3 0 0 1 3 3v18a3 3 0 0 1-3 3h-8v-4h4v-6h0v-4h-6v-2h4z\"/></svg>";

const char *page_check_class(enum report_check check)
{
    return check == REPORT_PASSED ? "pass" : check == REPORT_FAILED ? "fail" : "none";
}

const char *page_check_mark(enum report_check check)
{
    return check == REPORT_PASSED ? "✓" : check == REPORT_FAILED ? "✗" : "–";
}

void page_heading(FILE *f, const char *id, const char *title, const char *why)
{
    fprintf(f, "<section id=\"%s\">", id);
    html_tag(f, "h2", "%s", title);
    html_tag(f, "p class=\"why\"", "%s", why);
}

void page_party(FILE *f, const struct report *r, party p)
{
    fprintf(f, "<i class=\"chip c%u\"></i>", p % PARTIES_MAX);
    html_text(f, r->party[p].name);
}

/* "bank, tax and social" */
static void party_list(FILE *f, const struct report *r)
{
    for (party p = 0; p < r->parties; p++)
        html_textf(f, "%s%s", p == 0 ? "" : p + 1 == r->parties ? " and " : ", ", r->party[p].name);
}

const char *page_label_name(const struct report *r)
{
    return r->party[report_label_party(r)].name;
}

/* ---- headline ---- */

static void tile(FILE *f, const struct report *r, const char *name, double joint, double alone, int lower_is_better)
{
    double change = joint - alone;

    fputs("<div class=\"tile\">", f);
    html_tag(f, "div class=\"k\"", "%s", name);
    html_tag(f, "div class=\"v\"", "%s", fmt_figure(joint).s);
    fputs("<div class=\"s\">", f);
    if (!isnan(alone)) {
        html_textf(f, "%s alone %s ", page_label_name(r), fmt_figure(alone).s);
        if (!isnan(change))
            html_tag(f, (lower_is_better ? -change : change) > 0 ? "b class=\"better\"" : "b class=\"worse\"", "%s",
                     fmt_change(change).s);
    }
    fputs("</div></div>\n", f);
}

static void lead_sentence(FILE *f, const struct report *r)
{
    double gain = r->joint.auc - r->alone.auc;
    double error = hypot(report_auc_error(r->joint.auc, r->rows_test, r->test_positives),
                         report_auc_error(r->alone.auc, r->rows_test, r->test_positives));

    fputs("<p class=\"lead\">", f);
    if (isnan(r->joint.auc)) {
        html_textf(f, "The figures of the joint model were not agreed for this viewer. %s holds them.",
                   page_label_name(r));
    } else if (isnan(gain)) {
        html_textf(f, "The joint model reaches an AUC of %s", fmt_figure(r->joint.auc).s);
        html_textf(f, " on %s test rows that it was not trained on.", fmt_count(r->rows_test).s);
    } else if (gain <= 0) {
        html_textf(f, "On %s test rows the joint model does not rank defaults better than ", fmt_count(r->rows_test).s);
        html_textf(f, "%s’s own columns: AUC %s", page_label_name(r), fmt_figure(r->joint.auc).s);
        html_textf(f, " against %s.", fmt_figure(r->alone.auc).s);
    } else {
        html_textf(f, "Together the parties rank defaults better than %s can alone: AUC %s", page_label_name(r),
                   fmt_figure(r->joint.auc).s);
        html_textf(f, " against %s, on %s test rows that neither model was trained on%s.", fmt_figure(r->alone.auc).s,
                   fmt_count(r->rows_test).s,
                   gain < 2 * error ? ". The gain is within what a test set of this size can show by chance" : "");
    }
    fputs("</p>\n", f);
}

static void way_mark(FILE *f, const char *id, const char *title)
{
    fprintf(f, "<a href=\"#%s\">", id);
    html_text(f, title);
    fputs("</a>", f);
}

void page_headline(FILE *f, const struct report *r)
{
    static const char *const viewers[] = {"the label party", "a feature party", "the coordinator"};
    static const char *const badges[] = {"transcript not checked", "transcript verified", "transcript NOT verified"};

    fprintf(f, "<header class=\"top\"><div class=\"wrap\"><div class=\"brand\">%s<div>Hefu <span>&nbsp;joint model "
               "report</span></div></div><div class=\"badge %s\">%s ", LOGO, page_check_class(r->audit.verified),
            page_check_mark(r->audit.verified));
    html_text(f, badges[r->audit.verified]);
    fputs("</div></div></header>\n<main class=\"wrap\">\n<section id=\"summary\">", f);
    html_tag(f, "h1", "%s", r->job);
    fputs("<p class=\"meta\">A model of ", f);
    party_list(f, r);
    html_textf(f, ", as %s sees it (%s)", r->viewer_name, viewers[r->viewer]);
    if (r->finished) {
        fputs(", finished ", f);
        html_tag(f, "span class=\"one\"", "%s", r->finished);
    }
    fputs(".</p>\n", f);
    lead_sentence(f, r);
    fputs("<div class=\"tiles\">", f);
    tile(f, r, "AUC", r->joint.auc, r->alone.auc, 0);
    tile(f, r, "KS", r->joint.ks, r->alone.ks, 0);
    tile(f, r, r->exact ? "Log-loss" : "Log-loss, calibrated", r->joint.logloss, r->alone.logloss, 1);
    fputs("<div class=\"tile\"><div class=\"k\">People in all tables</div>", f);
    html_tag(f, "div class=\"v\"", "%s", fmt_count(r->rows_aligned).s);
    fputs("<div class=\"s\">", f);
    html_textf(f, "%s to train, %s to test", fmt_count(r->rows_train).s, fmt_count(r->rows_test).s);
    if (r->rows_test && r->test_positives)
        html_textf(f, "; %s of these default", fmt_percent((double)r->test_positives / r->rows_test).s);
    fputs("</div></div></div>\n<nav aria-label=\"Sections\">", f);
    way_mark(f, "uplift", "Uplift");
    way_mark(f, "populations", "Populations");
    way_mark(f, "curves", "Curves");
    if (r->columns)
        way_mark(f, "scorecard", "Scorecard");
    way_mark(f, "phases", "Time and bytes");
    way_mark(f, "disclosures", "Disclosures");
    way_mark(f, "audit", "Audit");
    way_mark(f, "contract", "Contract");
    if (r->notices)
        way_mark(f, "notices", "Notices");
    fputs("</nav></section>\n", f);
}

/* ---- uplift ---- */

/* A bar from 0 to 1 of its scale with, for error > 0, the 95 % interval as a thin line. */
static void measure_bar(FILE *f, const char *who, const char *class, double value, double share, double error)
{
    fprintf(f, "<div class=\"who\"><i class=\"chip %s\"></i>", class);
    html_text(f, who);
    fprintf(f, "</div><div class=\"track\"><i class=\"%s\" style=\"width:%.2f%%\"></i>", class,
            100 * fmin(1, fmax(0, share)));
    if (error > 0) {
        double low = fmax(0, share - 1.96 * error), high = fmin(1, share + 1.96 * error);

        fprintf(f, "<i class=\"mark\" style=\"left:%.2f%%;width:%.2f%%\"></i>", 100 * low, 100 * (high - low));
    }
    fputs("</div>", f);
    html_tag(f, "div class=\"num\"", "%s", fmt_figure(value).s);
    fputs("\n", f);
}

void page_uplift(FILE *f, const struct report *r)
{
    char alone[PARTY_NAME_MAX + 16];

    page_heading(f, "uplift", "What the partners add",
            "A logistic regression on the label party’s own columns only, and the joint model: same bins, measured on "
            "the same test rows.");
    if (isnan(r->joint.auc) || isnan(r->alone.auc)) {
        html_tag(f, "p", "Left out: this viewer does not know both models’ figures.");
        fputs("</section>\n", f);
        return;
    }
    snprintf(alone, sizeof alone, "%.*s alone", PARTY_NAME_MAX, page_label_name(r));
    fputs("<div class=\"card\"><div class=\"bars\"><div class=\"head\">AUC <small>from 0.5, a coin toss, to 1, a "
          "perfect ranking</small></div>", f);
    measure_bar(f, alone, "c-alone", r->alone.auc, 2 * r->alone.auc - 1,
                2 * report_auc_error(r->alone.auc, r->rows_test, r->test_positives));
    measure_bar(f, "joint model", "c-joint", r->joint.auc, 2 * r->joint.auc - 1,
                2 * report_auc_error(r->joint.auc, r->rows_test, r->test_positives));
    fputs("<div class=\"head\">KS <small>largest gap between the two classes, from 0 to 1</small></div>", f);
    measure_bar(f, alone, "c-alone", r->alone.ks, r->alone.ks, 0);
    measure_bar(f, "joint model", "c-joint", r->joint.ks, r->joint.ks, 0);
    fputs("</div><p class=\"note\">", f);
    html_textf(f, "The thin line is the 95 %% interval of an AUC on %s test rows with %s defaults; one standard error "
                  "of the joint AUC is ", fmt_count(r->rows_test).s, fmt_count(r->test_positives).s);
    html_textf(f, "%.4f.", report_auc_error(r->joint.auc, r->rows_test, r->test_positives));
    fputs("</p></div></section>\n", f);
}

/* ---- populations ---- */

void page_populations(FILE *f, const struct report *r)
{
    double scale = 1;
    uint64_t used = (uint64_t)r->rows_train + r->rows_test, unused = r->rows_aligned > used ? r->rows_aligned - used : 0;

    page_heading(f, "populations", "Populations",
            "Only people whom every party knows are modelled. Who they are was found over blinded ids; nobody’s list "
            "was shown to anyone.");
    for (party p = 0; p < r->parties; p++)
        scale = fmax(scale, r->party[p].rows);
    fputs("<div class=\"card\"><div class=\"bars\">", f);
    for (party p = 0; p < r->parties; p++) {
        const struct report_party *at = &r->party[p];

        fputs("<div class=\"who\">", f);
        page_party(f, r, p);
        if (at->has_label)
            fputs(" <small class=\"c-alone\">label</small>", f);
        fprintf(f, "</div><div class=\"track\"><i class=\"pale c%u\" style=\"width:%.2f%%\"></i><i class=\"c%u\" "
                   "style=\"width:%.2f%%\"></i></div><div class=\"num\">", p % PARTIES_MAX, 100.0 * at->rows / scale,
                p % PARTIES_MAX, 100.0 * r->rows_aligned / scale);
        html_text(f, fmt_count(at->rows).s);
        if (at->rows)
            html_tag(f, "small", " · %s common", fmt_percent((double)r->rows_aligned / at->rows).s);
        fputs("</div>\n", f);
    }
    fprintf(f, "<div class=\"who\"><i class=\"chip c-joint\"></i>in all tables</div><div class=\"track\"><i "
               "class=\"pale c-joint\" style=\"width:%.2f%%\"></i><i class=\"half c-joint\" "
               "style=\"width:%.2f%%\"></i><i class=\"c-joint\" style=\"width:%.2f%%\"></i></div><div class=\"num\">",
            100.0 * r->rows_aligned / scale, 100.0 * (double)used / scale, 100.0 * r->rows_train / scale);
    html_text(f, fmt_count(r->rows_aligned).s);
    fputs("</div></div><div class=\"legend gap\"><span>Party bars: full = common to all, pale = not common.</span>", f);
    fputs("<span>Last bar:&nbsp; <i class=\"chip c-joint\"></i>", f);
    html_textf(f, "train %s", fmt_count(r->rows_train).s);
    fputs("</span><span><i class=\"chip c-joint half\"></i>", f);
    html_textf(f, "test %s", fmt_count(r->rows_test).s);
    fputs("</span>", f);
    if (unused) {
        fputs("<span><i class=\"chip c-joint pale\"></i>", f);
        html_textf(f, "not used %s", fmt_count(unused).s);
        fputs("</span>", f);
    }
    fputs("</div></div></section>\n", f);
}
