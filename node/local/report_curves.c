#include "node/local/report_page.h"

#include "node/local/report_svg.h"

#include <math.h>

static void figure_open(FILE *f, const char *title)
{
    fputs("<figure class=\"card\"><figcaption>", f);
    html_tag(f, "h3", "%s", title);
    fputs("</figcaption><div class=\"legend\">", f);
}

static void key(FILE *f, const char *class, const char *who, const char *between, const char *figure)
{
    fprintf(f, "<span><i class=\"chip %s\"></i>", class);
    html_textf(f, "%s%s%s", who, between, figure);
    fputs("</span>", f);
}

static void roc(FILE *f, const struct report *r)
{
    const struct metrics *m = r->joint.detail;
    struct chart c;

    figure_open(f, "ROC curve");
    key(f, "c-joint", "joint", ", AUC ", fmt_figure(m->auc).s);
    if (r->alone.detail)
        key(f, "c-alone", page_label_name(r), " alone, AUC ", fmt_figure(r->alone.detail->auc).s);
    fputs("</div>", f);
    c = chart_open(f, 0, 1, 0, 1, "ROC curve: share of defaults caught against share of good payers flagged");
    chart_axis_y(&c, CHART_PERCENT, "defaults caught");
    chart_axis_x(&c, CHART_PERCENT, "good payers flagged");
    chart_segment(&c, "thin", 0, 0, 1, 1);
    if (r->alone.detail)
        chart_line(&c, "c-alone", r->alone.detail->roc_fpr, r->alone.detail->roc_tpr, METRICS_CURVE_POINTS);
    chart_line(&c, "c-joint", m->roc_fpr, m->roc_tpr, METRICS_CURVE_POINTS);
    chart_close(&c);
    fputs("</figure>\n", f);
}

/* Value of a curve over equal steps of 0..1. */
static double curve_at(const double *y, double share)
{
    double at = share * (METRICS_CURVE_POINTS - 1);
    size_t i = (size_t)fmin(METRICS_CURVE_POINTS - 2, floor(at));

    return y[i] + (at - (double)i) * (y[i + 1] - y[i]);
}

static void ks(FILE *f, const struct report *r)
{
    const struct metrics *m = r->joint.detail;
    double share[METRICS_CURVE_POINTS];
    struct chart c;

    for (int i = 0; i < METRICS_CURVE_POINTS; i++)
        share[i] = (double)i / (METRICS_CURVE_POINTS - 1);
    figure_open(f, "KS curve");
    key(f, "c-bad", "defaults", "", "");
    key(f, "c-good", "good payers", "", "");
    fputs("<span>", f);
    html_textf(f, "KS %.4f, at %.0f %% of the rows", m->ks, 100 * m->ks_at);
    fputs("</span></div>", f);
    c = chart_open(f, 0, 1, 0, 1, "KS curve: cumulative share of each class, highest risk first");
    chart_axis_y(&c, CHART_PERCENT, "of the class so far");
    chart_axis_x(&c, CHART_PERCENT, "of all rows, highest risk first");
    chart_line(&c, "c-good", share, m->ks_good, METRICS_CURVE_POINTS);
    chart_line(&c, "c-bad", share, m->ks_bad, METRICS_CURVE_POINTS);
    chart_segment(&c, "mark", m->ks_at, curve_at(m->ks_good, m->ks_at), m->ks_at, curve_at(m->ks_bad, m->ks_at));
    chart_text(&c, "start", m->ks_at, (curve_at(m->ks_good, m->ks_at) + curve_at(m->ks_bad, m->ks_at)) / 2, 7, 4,
               "KS");
    chart_close(&c);
    fputs("</figure>\n", f);
}

static void deciles(FILE *f, const struct report *r)
{
    const struct metrics *m = r->joint.detail;
    double top = 1;
    struct chart c;

    for (int d = 0; d < METRICS_DECILES; d++)
        top = fmax(top, m->decile[d].lift);
    figure_open(f, "Lift by decile");
    fputs("<span>default rate of the decile over that of all test rows</span></div>", f);
    c = chart_open(f, 0, METRICS_DECILES, 0, 1.12 * top, "Lift by decile of the score");
    chart_axis_y(&c, CHART_PLAIN, "lift");
    chart_axis_slots(&c, METRICS_DECILES, "decile, highest risk first");
    for (int d = 0; d < METRICS_DECILES; d++)
        chart_bar(&c, m->decile[d].lift >= 1 ? "c-bad" : "c-good", d + 0.16, d + 0.84, m->decile[d].lift);
    chart_segment(&c, "thin", 0, 1, METRICS_DECILES, 1);
    for (int d = 0; d < METRICS_DECILES; d++)
        chart_text(&c, "middle", d + 0.5, m->decile[d].lift, 0, -6, "%.2f", m->decile[d].lift);
    chart_close(&c);
    fputs("</figure>\n", f);
}

static void distribution(FILE *f, const struct report *r)
{
    const struct metrics *m = r->joint.detail;
    double bad[METRICS_HISTOGRAM_BINS], good[METRICS_HISTOGRAM_BINS], top = 0;
    struct chart c;

    for (int b = 0; b < METRICS_HISTOGRAM_BINS; b++) {
        bad[b] = (double)m->hist_bad[b] / m->positives;
        good[b] = (double)m->hist_good[b] / (m->rows - m->positives);
        top = fmax(top, fmax(bad[b], good[b]));
    }
    figure_open(f, "Score distribution");
    key(f, "c-bad", "defaults", ", ", fmt_count(m->positives).s);
    key(f, "c-good", "good payers", ", ", fmt_count(m->rows - m->positives).s);
    fputs("</div>", f);
    c = chart_open(f, m->hist_low, m->hist_high, 0, 1.08 * top, "Distribution of the score in each class");
    chart_axis_y(&c, CHART_PERCENT, "of the class");
    chart_steps(&c, "c-good", good, METRICS_HISTOGRAM_BINS);
    chart_steps(&c, "c-bad", bad, METRICS_HISTOGRAM_BINS);
    chart_axis_x(&c, CHART_PLAIN, "score, raw");
    chart_close(&c);
    fputs("</figure>\n", f);
}

static void reliability(FILE *f, const struct report *r)
{
    const struct metrics *m = r->joint.detail;
    double top = 0;
    struct chart c;

    for (int d = 0; d < METRICS_DECILES; d++)
        if (m->decile[d].rows)
            top = fmax(top, fmax(m->decile[d].prob_mean, (double)m->decile[d].positives / m->decile[d].rows));
    top = fmin(1, fmax(0.01, 1.08 * top));
    figure_open(f, "Calibration");
    fputs("<span>one dot a decile; on the dashed line the prediction is right</span></div>", f);
    c = chart_open(f, 0, top, 0, top, "Observed against predicted default rate by decile");
    chart_axis_y(&c, CHART_PERCENT, "observed default rate");
    chart_axis_x(&c, CHART_PERCENT, "predicted default rate");
    chart_segment(&c, "thin", 0, 0, top, top);
    for (int d = 0; d < METRICS_DECILES; d++)
        if (m->decile[d].rows)
            chart_dot(&c, "c-joint", m->decile[d].prob_mean, (double)m->decile[d].positives / m->decile[d].rows);
    chart_close(&c);
    fputs("</figure>\n", f);
}

static void term(FILE *f, const char *name, double value)
{
    if (isnan(value))
        return;
    html_tag(f, "dt", "%s", name);
    html_tag(f, "dd", "%s", fmt_figure(value).s);
}

static void calibration_summary(FILE *f, const struct report *r)
{
    fputs("<div class=\"card\"><h3>What calibration did</h3><p class=\"why\">", f);
    html_text(f, "The score ranks; a line through it, fitted by the label party on the other half of the test rows, "
                 "makes it a probability. The ranking does not change.");
    fputs("</p><dl>", f);
    term(f, "Log-loss before", r->logloss_raw);
    term(f, "Log-loss after", r->joint.logloss);
    term(f, "Log-loss alone, after", r->alone.logloss);
    if (r->joint.detail)
        term(f, "Brier score after", r->joint.detail->brier);
    html_tag(f, "dt", "Probability");
    if (isnan(r->calibration.a))
        html_tag(f, "dd", "not known to this viewer");
    else
        html_tag(f, "dd", "1 / (1 + exp(−(%.4f · score %s %.4f)))", r->calibration.a,
                 r->calibration.b < 0 ? "−" : "+", fabs(r->calibration.b));
    fputs("</dl></div>\n", f);
}

/* The exact sigmoid's scores need no line through them. */
static void probability_summary(FILE *f, const struct report *r)
{
    fputs("<div class=\"card\"><h3>From score to probability</h3><p class=\"why\">", f);
    html_text(f, "The model was trained with the exact sigmoid, so a score is the log-odds of default as it stands. Nothing "
                 "was fitted to the test rows.");
    fputs("</p><dl>", f);
    term(f, "Log-loss", r->joint.logloss);
    term(f, "Log-loss alone", r->alone.logloss);
    if (r->joint.detail)
        term(f, "Brier score", r->joint.detail->brier);
    html_tag(f, "dt", "Probability");
    html_tag(f, "dd", "1 / (1 + exp(−score))");
    fputs("</dl></div>\n", f);
}

static void decile_table(FILE *f, const struct metrics *m)
{
    double caught = 0;

    fputs("<div class=\"card gap\"><h3>Deciles</h3><div class=\"scroll\"><table class=\"wide\"><thead><tr><th "
          "class=\"n\">Decile</th><th class=\"n\">Score from</th><th class=\"n\">to</th><th class=\"n\">Rows</th><th "
          "class=\"n\">Defaults</th><th class=\"n\">Rate</th><th class=\"n\">Lift</th><th class=\"n\">Cumulative "
          "lift</th><th class=\"n\">Caught so far</th></tr></thead><tbody>\n", f);
    for (int d = 0; d < METRICS_DECILES; d++) {
        const struct metrics_decile *at = &m->decile[d];

        if (!at->rows)
            continue;
        caught += at->positives;
        fputs("<tr>", f);
        html_tag(f, "td class=\"n\"", "%d", d + 1);
        html_tag(f, "td class=\"n\"", "%s", fmt_figure(at->score_low).s);
        html_tag(f, "td class=\"n\"", "%s", fmt_figure(at->score_high).s);
        html_tag(f, "td class=\"n\"", "%s", fmt_count(at->rows).s);
        html_tag(f, "td class=\"n\"", "%s", fmt_count(at->positives).s);
        html_tag(f, "td class=\"n\"", "%s", fmt_percent((double)at->positives / at->rows).s);
        html_tag(f, "td class=\"n\"", "%.2f", at->lift);
        html_tag(f, "td class=\"n\"", "%.2f", at->cumulative_lift);
        html_tag(f, "td class=\"n\"", "%s", fmt_percent(caught / m->positives).s);
        fputs("</tr>\n", f);
    }
    fputs("</tbody></table></div></div>\n", f);
}

void page_curves(FILE *f, const struct report *r)
{
    const struct metrics *m = r->joint.detail;

    fputs("<section id=\"curves\"><h2>How the joint model ranks</h2>", f);
    if (!m) {
        html_tag(f, "p class=\"why\"", "Left out: curves, deciles and distributions are made of scores with their "
                                       "labels, which only %s sees. It published the figures above.",
                 page_label_name(r));
        if (!isnan(r->joint.logloss)) {
            fputs("<div class=\"grid\">", f);
            (r->exact ? probability_summary : calibration_summary)(f, r);
            fputs("</div>", f);
        }
        fputs("</section>\n", f);
        return;
    }
    html_tag(f, "p class=\"why\"", "On the %s test rows, of which %s default (%s).", fmt_count(m->rows).s,
             fmt_count(m->positives).s, fmt_percent((double)m->positives / m->rows).s);
    fputs("<div class=\"grid\">\n", f);
    roc(f, r);
    ks(f, r);
    deciles(f, r);
    distribution(f, r);
    if (!isnan(m->decile[0].prob_mean))
        reliability(f, r);
    (r->exact ? probability_summary : calibration_summary)(f, r);
    fputs("</div>\n", f);
    decile_table(f, m);
    fputs("</section>\n", f);
}
