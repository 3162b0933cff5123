#include "node/local/report_page.h"

#include "node/local/report_html.h"

#include <math.h>
#include <string.h>

enum { SCORE_TABLES_OPEN = 12, SCORE_COLUMNS_MAX = CONTRACT_COLUMNS_MAX, BIN_TEXT_SHORT = 22 /* bytes on one line */ };

/* 20 points halve the odds of default, counted from the riskiest bin of a column that has rows. */
static double points_per_weight(const struct report *r)
{
    return 20 / log(2) * (r->calibration.a > 0 ? r->calibration.a : 1);
}

struct column_range {
    size_t column;
    double low, high;
};

static struct column_range range_of(const struct report *r, size_t column)
{
    const struct report_column *c = &r->column[column];
    struct column_range out = {.column = column, .low = INFINITY, .high = -INFINITY};

    for (size_t b = 0; b < c->bins; b++)
        if (c->bin[b].rows) {
            out.low = fmin(out.low, c->bin[b].weight);
            out.high = fmax(out.high, c->bin[b].weight);
        }
    if (out.low > out.high)
        out.low = out.high = 0;
    return out;
}

static void score_table(FILE *f, const struct report *r, const struct column_range *range, double widest)
{
    const struct report_column *c = &r->column[range->column];

    fputs("<article class=\"card score\"><header>", f);
    html_tag(f, "h3", "%s", c->name);
    html_tag(f, "small", "up to %.0f points", points_per_weight(r) * (range->high - range->low));
    fputs("</header><div class=\"scroll\"><table><thead><tr><th>Bin</th><th class=\"n\">Rows</th><th>Risk</th><th "
          "class=\"n\">Weight</th><th class=\"n\">Points</th></tr></thead><tbody>\n", f);
    for (size_t b = 0; b < c->bins; b++) {
        const struct report_bin *bin = &c->bin[b];
        double width = 50 * fmin(1, fabs(bin->weight) / widest);

        fputs("<tr>", f);
        html_tag(f, strlen(bin->text) <= BIN_TEXT_SHORT ? "td class=\"one\"" : "td", "%s", bin->text);
        html_tag(f, "td class=\"n\"", "%s", r->rows_train ? fmt_percent((double)bin->rows / r->rows_train).s : "");
        fprintf(f, "<td><div class=\"lean\"><i class=\"%s\" style=\"%s:50%%;width:%.1f%%\"></i></div></td>",
                bin->weight > 0 ? "c-bad" : "c-good", bin->weight > 0 ? "left" : "right", width);
        html_tag(f, "td class=\"n\"", "%s%.3f", bin->weight < -0.0005 ? "−" : "", fabs(bin->weight));
        if (bin->rows)
            html_tag(f, "td class=\"n\"", "%.0f", points_per_weight(r) * (range->high - bin->weight));
        else
            html_tag(f, "td class=\"n\"", "–");
        fputs("</tr>\n", f);
    }
    fputs("</tbody></table></div></article>\n", f);
}

void page_scorecard(FILE *f, const struct report *r)
{
    struct column_range range[SCORE_COLUMNS_MAX];
    size_t count = r->columns < SCORE_COLUMNS_MAX ? r->columns : SCORE_COLUMNS_MAX;
    double widest = 1e-9;

    if (!r->columns) {
        if (r->viewer == REPORT_COORDINATOR) {
            page_heading(f, "scorecard", "Scorecard",
                         "Left out: a weight belongs to the party whose column it is of. The coordinator sees none; "
                         "each party’s own report shows its own.");
            fputs("</section>\n", f);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) { /* widest range first; equal ones in column order */
        struct column_range at = range_of(r, i);
        size_t place = i;

        for (; place > 0 && range[place - 1].high - range[place - 1].low < at.high - at.low; place--)
            range[place] = range[place - 1];
        range[place] = at;
        for (size_t b = 0; b < r->column[i].bins; b++)
            widest = fmax(widest, fabs(r->column[i].bin[b].weight));
    }
    page_heading(f, "scorecard", "Scorecard of the own columns",
            "The joint model’s weight of every bin of this party’s columns, most influential column first. No other "
            "party has seen these numbers.");
    html_tag(f, "p class=\"why\"",
             "A weight above zero (bar to the right) raises the score, that is the risk. Points turn it round: the "
             "riskiest bin of a column gets 0, and 20 points halve the odds of default%s.",
             r->calibration.a > 0 ? "" : " on the scale of the raw score, because the calibration is not known here");
    fputs("<div class=\"cols\">\n", f);
    for (size_t i = 0; i < count; i++) {
        if (i == SCORE_TABLES_OPEN) {
            fputs("</div><details class=\"more\">", f);
            html_tag(f, "summary", "The other %zu columns", count - i);
            fputs("<div class=\"cols\">\n", f);
        }
        score_table(f, r, &range[i], widest);
    }
    fputs(count > SCORE_TABLES_OPEN ? "</div></details></section>\n" : "</div></section>\n", f);
}
