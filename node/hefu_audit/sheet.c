#include "node/hefu_audit/sheet.h"

#include "node/local/report_style.h"

#include <string.h>

/* What the report's style sheet does not have: the switch of languages, verdicts, lanes. */
static const char style[] =
    ".switch{position:absolute;opacity:0;width:1px;height:1px;overflow:hidden}\n"
    "#en:checked~* .zh,#zh:checked~* .en{display:none}\n"
    "nav{flex-wrap:wrap}.top .side{display:flex;gap:14px;align-items:center}\n"
    ".tongue{display:inline-flex;border:1px solid var(--line);border-radius:99px;overflow:hidden;font-size:14px}\n"
    ".tongue label{padding:3px 12px;color:var(--soft);cursor:pointer}\n"
    "#en:checked~* label[for=en],#zh:checked~* label[for=zh]{background:var(--track);color:var(--ink);font-weight:600}\n"
    "#en:focus-visible~* label[for=en],#zh:focus-visible~* label[for=zh]{outline:2px solid var(--joint);outline-offset:-2px}\n"
    "th[scope=row]{color:var(--ink);font-size:15px;font-weight:600}\n"
    "tbody tr:last-child th{border-bottom:0}.flows thead th{white-space:normal}.flows td{min-width:70px}\n"
    ".verdict{white-space:nowrap;font-weight:650}.verdict.pass{color:var(--pass)}.verdict.fail{color:var(--fail)}\n"
    ".verdict.none{color:var(--soft)}tr.fail td,tr.fail th{background:var(--fail-bg)}\n"
    ".finding{color:var(--soft);font-size:14px;display:block;overflow-wrap:anywhere}\n"
    "h3{margin-top:26px}.card>h3:first-child{margin-top:0}h4{font-size:15px;margin:18px 0 4px}\n"
    "ul.open,ol.open{margin:0;padding-left:1.2em}ul.open li,ol.open li{padding:3px 0;max-width:92ch}\n"
    "details>summary{cursor:pointer;font-weight:650;padding:10px 0}\n"
    ".lanes{min-width:760px}.lanes .rail{stroke:var(--line);stroke-width:1.5}\n"
    ".lanes .say{stroke:currentColor;fill:none;stroke-linecap:round}.lanes .tip,.lanes .from{fill:currentColor}\n"
    ".lanes .step{fill:var(--ink);font-weight:600}.lanes .sum{fill:var(--ink)}\n"
    ".lanes .seal{stroke:var(--pass);stroke-width:1.5;stroke-dasharray:6 4}.lanes .sealed{fill:var(--pass)}\n"
    "svg.lanes text{font-size:12.5px}svg.lanes .head{font-size:13px;font-weight:650;fill:var(--ink)}\n"
    "@media screen and (max-width:560px){.stack th[scope=row]{display:block;border:0;padding:2px 0}.top .wrap{flex-wrap:wrap;padding-top:8px;padding-bottom:8px}}\n"
    "@media print{.tongue,.switch{display:none}.lanes{min-width:0}tfoot{display:table-row-group}p.why{break-inside:avoid}h3,h4,summary{break-after:avoid}\n"
    ".lanes *,.verdict{-webkit-print-color-adjust:exact;print-color-adjust:exact}.flows{font-size:8pt}\n"
    "@page{size:A4;margin:14mm}}\n";

/* ---- pieces ---- */

void sheet_both(FILE *f, const char *en, const char *zh)
{
    html_tag(f, "span class=\"en\" lang=\"en\"", "%s", en);
    html_tag(f, "span class=\"zh\" lang=\"zh-Hans\"", "%s", zh);
}

void sheet_word(FILE *f, enum word w)
{
    sheet_both(f, word(w, LANGUAGE_EN), word(w, LANGUAGE_ZH));
}

void sheet_tag(FILE *f, const char *open, enum word w)
{
    fprintf(f, "<%s>", open);
    sheet_word(f, w);
    fprintf(f, "</%.*s>", (int)strcspn(open, " "), open);
}

void sheet_column(FILE *f, const char *class, enum word w)
{
    fprintf(f, "<th scope=\"col\" class=\"%s\">", class);
    sheet_word(f, w);
    fputs("</th>", f);
}

void sheet_free(FILE *f, const char *text)
{
    html_tag(f, "bdi", "%s", text);
}

void sheet_party(FILE *f, const struct contract *c, party p)
{
    fprintf(f, "<i class=\"chip c%u\"></i>", p % PARTIES_MAX);
    sheet_free(f, story_party(c, p));
}

void sheet_hex(FILE *f, const uint8_t bytes[HASH_BYTES], size_t digits)
{
    struct hash h;
    char hex[2 * HASH_BYTES + 1];

    memcpy(h.bytes, bytes, HASH_BYTES);
    hash_hex(&h, hex);
    html_tag(f, "code", "%.*s", (int)digits, hex);
}

const char *sheet_file(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

void sheet_section(const struct sheet *s, const char *id, enum word title, enum word why)
{
    fprintf(s->f, "<section id=\"%s\">", id);
    sheet_tag(s->f, "h2", title);
    sheet_tag(s->f, "p class=\"why\"", why);
}

void sheet_session(const struct sheet *s, enum stage stage, const struct hash *session)
{
    if (s->checked->count == 1)
        return;
    fputs("<h3>", s->f);
    sheet_word(s->f, stage_word(stage));
    fputc(' ', s->f);
    sheet_hex(s->f, session->bytes, 16);
    fputs("</h3>", s->f);
}

/* ---- the page around ---- */

void sheet_open(const struct sheet *s, const char *title, enum word kind)
{
    FILE *f = s->f;

    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
          "content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n", f);
    html_tag(f, "title", "%s – %s", title, word(kind, s->first));
    fprintf(f, "\n<style>\n%s%s</style>\n</head>\n<body>\n", report_style, style);
    for (int l = 0; l < LANGUAGES; l++)
        fprintf(f, "<input class=\"switch\" type=\"radio\" name=\"language\" id=\"%s\"%s>\n", language_tag((enum language)l),
                (enum language)l == s->first ? " checked" : "");
    fputs("<header class=\"top\"><div class=\"wrap\"><div class=\"brand\"><div>Hefu <span>&nbsp;", f);
    sheet_word(f, kind);
    fputs("</span></div></div><div class=\"side\"><div class=\"tongue\" role=\"group\" aria-label=\"Language 语言\"><label "
          "for=\"en\" lang=\"en\">English</label><label for=\"zh\" lang=\"zh-Hans\">中文</label></div>", f);
}

void sheet_close(const struct sheet *s)
{
    fputs("<footer>", s->f);
    sheet_word(s->f, WORD_FOOTER);
    html_textf(s->f, " hefu-audit " AUDIT_VERSION);
    fputs("</footer>\n</main>\n</body>\n</html>\n", s->f);
}

/* ---- verdicts ---- */

struct shown {
    const char *class, *mark;
    enum word word;
};

static const struct shown holds = {"pass", "✓", WORD_HOLDS}, fails = {"fail", "✗", WORD_FAILS},
                          unchecked = {"none", "–", WORD_UNCHECKED}, not_applicable = {"none", "–", WORD_NOT_APPLICABLE};

static const struct shown *show_verdict(enum verdict v)
{
    return v == VERDICT_OK ? &holds : v == VERDICT_FAIL ? &fails : &unchecked;
}

static const struct shown *show_rule(enum rule_verdict v)
{
    return v == RULE_OK ? &holds : v == RULE_FAIL ? &fails : v == RULE_NOT_APPLICABLE ? &not_applicable : &unchecked;
}

/* ---- summary ---- */

static void tile(FILE *f, enum word name, uint64_t value, enum word of, uint64_t whole)
{
    fputs("<div class=\"tile\">", f);
    sheet_tag(f, "div class=\"k\"", name);
    html_tag(f, "div class=\"v\"", "%s", fmt_count(value).s);
    fputs("<div class=\"s\">", f);
    if (whole)
        html_textf(f, "/ %s ", fmt_count(whole).s);
    if (of != WORD_COUNT)
        sheet_word(f, of);
    fputs("</div></div>\n", f);
}

static void tiles(const struct sheet *s)
{
    uint64_t rules = 0, held = 0, given = 0, parties = 0, records = 0, checkpoints = 0;

    for (size_t i = 0; i < s->checked->count; i++) {
        const struct audit_session *a = &s->checked->of[i];
        const struct verify_report *r = &a->report;

        for (int v = 1; v < RULES; v++) {
            if (i > 0 && rule_is_across(v))
                continue;
            rules++;
            held += a->rule[v].verdict == RULE_OK;
        }
        for (party p = 0; r->has_contract && p < r->contract.parties; p++)
            given += r->party[p].given != 0;
        parties += r->has_contract ? r->contract.parties : 0;
        records += r->records;
        checkpoints += r->checkpoints;
    }
    fputs("<div class=\"tiles\">", s->f);
    tile(s->f, WORD_RULES_HELD, held, WORD_OF_RULES, rules);
    tile(s->f, WORD_FILES_GIVEN, given, WORD_OF_PARTIES, parties);
    tile(s->f, WORD_SIGNED_RECORDS, records, WORD_COUNT, 0);
    tile(s->f, WORD_JOINT_CHECKPOINTS, checkpoints, WORD_BY_ALL, 0);
    fputs("</div>", s->f);
}

static void way_marks(const struct sheet *s, int told)
{
    static const struct {
        const char *id;
        enum word title;
    } mark[] = {
        {"checks", WORD_CHECKS},           {"parties", WORD_PARTIES},         {"unproven", WORD_UNPROVEN},
        {"timeline", WORD_TIMELINE},       {"checkpoints", WORD_CHECKPOINTS}, {"approvals", WORD_APPROVALS},
        {"disclosures", WORD_DISCLOSURES}, {"outsiders", WORD_OUTSIDERS},     {"contract", WORD_CONTRACT},
        {"limits", WORD_LIMITS},
    };

    fprintf(s->f, "<nav aria-label=\"%s\">", word(WORD_SECTIONS, s->first));
    for (size_t i = 0; told && i < sizeof mark / sizeof *mark; i++) {
        fprintf(s->f, "<a href=\"#%s\">", mark[i].id);
        sheet_word(s->f, mark[i].title);
        fputs("</a>", s->f);
    }
    fputs("</nav>", s->f);
}

static void fact_hash(FILE *f, enum word name, const struct hash *h)
{
    sheet_tag(f, "dt", name);
    fputs("<dd>", f);
    sheet_hex(f, h->bytes, 2 * HASH_BYTES);
    fputs("</dd>", f);
}

static void summary(const struct sheet *s, int told)
{
    const struct verify_report *r = &s->checked->of[s->checked->count - 1].report;
    const char *title = r->has_contract ? r->contract.job : "?";
    const int ok = s->checked->ok;
    FILE *f = s->f;

    sheet_open(s, title, WORD_AUDIT_REPORT);
    fprintf(f, "<div class=\"badge %s\">%s ", ok ? "pass" : "fail", ok ? "✓" : "✗");
    sheet_word(f, ok ? WORD_VERIFIED : WORD_NOT_VERIFIED);
    fputs("</div></div></div></header>\n<main class=\"wrap\">\n<section id=\"summary\"><h1>", f);
    sheet_free(f, title);
    fputs("</h1>", f);
    if (r->has_contract) {
        fputs("<p class=\"meta\">", f);
        sheet_free(f, r->contract.purpose);
        fputs("</p>", f);
    }
    sheet_tag(f, "p class=\"lead\"", ok ? WORD_GOOD : WORD_BAD);
    tiles(s);
    if (r->has_contract) {
        fputs("<dl class=\"gap\">", f);
        fact_hash(f, WORD_CONTRACT_ID, &r->contract_id);
        for (size_t i = 0; i < s->checked->count; i++) {
            fact_hash(f, WORD_SESSION_ID, &s->checked->of[i].report.session);
            sheet_tag(f, "dt", WORD_ATTEMPT);
            fprintf(f, "<dd>%u, ", s->checked->of[i].report.attempt + 1);
            sheet_word(f, stage_word(s->checked->of[i].report.stage));
            fputs("</dd>", f);
        }
        if (r->population.rows) {
            sheet_tag(f, "dt", WORD_POPULATION);
            fprintf(f, "<dd>%s: %s ", fmt_count(r->population.rows).s, fmt_count(r->population.train).s);
            sheet_word(f, WORD_TRAIN_ROWS);
            fprintf(f, ", %s ", fmt_count(r->population.test).s);
            sheet_word(f, WORD_TEST_ROWS);
            fputs("</dd>", f);
        }
        fputs("</dl>", f);
    }
    way_marks(s, told);
    fputs("</section>\n", f);
}

/* ---- checks, parties, what is open ---- */

/* en and zh: what is asked, or NULL; more follows the finding. */
static void check_row(FILE *f, const struct shown *v, const char *name, const char *en, const char *zh, const char *finding,
                      const char *more)
{
    fprintf(f, "<tr class=\"%s\"><td class=\"verdict %s\"><span class=\"mark\" aria-hidden=\"true\">%s</span> ", v->class,
            v->class, v->mark);
    sheet_word(f, v->word);
    fputs("</td><th scope=\"row\">", f);
    html_text(f, name);
    fputs("</th><td>", f);
    if (en && zh) {
        fputs("<b class=\"question\">", f);
        sheet_both(f, en, zh);
        fputs("</b>", f);
    }
    html_tag(f, "span class=\"finding\" lang=\"en\"", "%s%s%s", finding, more[0] ? ", " : "", more);
    fputs("</td></tr>\n", f);
}

/* Opens a table of such rows. */
static void check_table(FILE *f, enum word name)
{
    fputs("<table class=\"stack\"><thead><tr>", f);
    sheet_column(f, "", WORD_VERDICT);
    sheet_column(f, "", name);
    sheet_column(f, "", WORD_FINDING);
    fputs("</tr></thead><tbody>\n", f);
}

/* Those of one session; across: those that are about all sessions together. */
static void rule_rows(FILE *f, const struct rule_line line[RULES], int own, int across)
{
    char name[8];

    for (int v = 1; v < RULES; v++) {
        if (!(rule_is_across(v) ? across : own))
            continue;
        snprintf(name, sizeof name, "V%d", v);
        check_row(f, show_rule(line[v].verdict), name, rule_words(v, LANGUAGE_EN), rule_words(v, LANGUAGE_ZH), line[v].text, "");
    }
}

static void check_rows(const struct sheet *s, const struct audit_session *session)
{
    static const enum word outside[ATTACHMENT_LINES] = {[ATTACHED_TIMESTAMPS] = WORD_STAMPS_ASKED,
                                                        [ATTACHED_DEPOSITS] = WORD_DEPOSITS_ASKED,
                                                        [ATTACHED_BUILDS] = WORD_BUILDS_ASKED,
                                                        [ATTACHED_APPROVERS] = WORD_APPROVERS_ASKED,
                                                        [ATTACHED_DESTRUCTION] = WORD_DESTROYED_ASKED};

    for (int i = 0; i < VERIFY_CHECKS; i++) {
        const enum verify_check check = (enum verify_check)i;
        const struct verify_line *line = &session->report.line[check];

        check_row(s->f, show_verdict(line->verdict), verify_check_name(check), check_question(check, LANGUAGE_EN),
                  check_question(check, LANGUAGE_ZH), line->text,
                  check == VERIFY_CERTIFICATES && line->verdict == VERDICT_OK && session->trusted->ca ? session->issued : "");
    }
    for (size_t i = 0; i < ATTACHMENT_LINES; i++) {
        const struct attachment_line *line = &session->attached.line[i];

        check_row(s->f, show_verdict(line->verdict), line->name, word(outside[i], LANGUAGE_EN), word(outside[i], LANGUAGE_ZH),
                  line->text, "");
    }
}

static void checks(const struct sheet *s)
{
    const struct audit_sessions *all = s->checked;
    FILE *f = s->f;

    sheet_section(s, "checks", WORD_CHECKS, WORD_CHECKS_WHY);
    for (size_t i = 0; i < all->count; i++) {
        fputs("<div class=\"card gap\">", f);
        sheet_session(s, all->of[i].report.stage, &all->of[i].report.session);
        check_table(f, WORD_RULE);
        rule_rows(f, all->of[i].rule, 1, all->count == 1);
        fputs("</tbody></table><details><summary>", f);
        sheet_word(f, WORD_BEHIND);
        fputs("</summary>", f);
        check_table(f, WORD_CHECKS);
        check_rows(s, &all->of[i]);
        fputs("</tbody></table></details></div>\n", f);
    }
    if (all->count > 1) {
        fputs("<div class=\"card gap\">", f);
        sheet_tag(f, "h3", WORD_TOGETHER);
        check_table(f, WORD_RULE);
        rule_rows(f, all->of[0].rule, 0, 1);
        fputs("</tbody></table></div>\n", f);
    }
    fputs("</section>\n", f);
}

static void log_end(FILE *f, const struct verify_report *r, party p)
{
    const struct verify_party *v = &r->party[p];

    if (!v->given) {
        fputs("–", f);
        return;
    }
    sheet_word(f, v->ended ? WORD_COMPLETE : v->aborted ? WORD_STOPPED : WORD_CUT);
    if (v->ended || !v->aborted)
        return;
    html_textf(f, " (%s", status_name(v->reason));
    if (v->blamed != p) {
        fputs(", ", f);
        sheet_word(f, WORD_NAMING);
        fputc(' ', f);
        sheet_free(f, story_party(&r->contract, v->blamed));
    }
    fputc(')', f);
}

static void party_row(const struct sheet *s, const struct verify_report *r, const struct story *told, party p)
{
    const struct contract_party *c = &r->contract.party[p];
    const struct story *own = told ? stories_of(s->all, told, p) : NULL;
    FILE *f = s->f;

    fputs("<tr><th scope=\"row\">", f);
    sheet_party(f, &r->contract, p);
    if (c->has_label) {
        fputs(" <small>", f);
        sheet_word(f, WORD_LABEL);
        fputs("</small>", f);
    }
    fputs("</th>", f);
    html_tag(f, "td class=\"n\"", "%s", fmt_count(c->rows).s);
    html_tag(f, "td class=\"n\"", "%s", fmt_count(c->columns).s);
    html_tag(f, "td class=\"n\"", "%s", fmt_count(contract_width(&r->contract, p)).s);
    fputs("<td>", f);
    if (r->party[p].given && own)
        sheet_free(f, sheet_file(own->path));
    else
        sheet_word(f, WORD_NOT_GIVEN);
    fputs("</td>", f);
    html_tag(f, "td class=\"n\"", "%s", r->party[p].given ? fmt_count(r->party[p].records).s : "–");
    fputs("<td>", f);
    log_end(f, r, p);
    fputs("</td><td>", f);
    sheet_hex(f, c->certificate.bytes, 16);
    fputs("</td><td>", f);
    sheet_hex(f, c->data_root.bytes, 16);
    fputs("</td></tr>\n", f);
}

/* What the first of the session's files tells; NULL when none can be read. */
static const struct story *told_of(const struct sheet *s, const struct audit_session *session)
{
    for (size_t i = 0; session->report.has_contract && i < s->all->count; i++)
        for (size_t k = 0; k < session->files.count; k++)
            if (s->all->of[i].path == session->files.path[k])
                return &s->all->of[i];
    return NULL;
}

static void parties(const struct sheet *s)
{
    static const enum word columns[] = {WORD_PARTY,   WORD_PEOPLE,   WORD_COLUMNS,     WORD_BINS,     WORD_EVIDENCE_FILE,
                                        WORD_RECORDS, WORD_LOG_ENDS, WORD_CERTIFICATE, WORD_DATA_ROOT};
    FILE *f = s->f;

    sheet_section(s, "parties", WORD_PARTIES, WORD_PARTIES_WHY);
    for (size_t i = 0; i < s->checked->count; i++) {
        const struct verify_report *r = &s->checked->of[i].report;
        const struct story *told = told_of(s, &s->checked->of[i]);

        fputs("<div class=\"card gap\">", f);
        sheet_session(s, r->stage, &r->session);
        fputs("<div class=\"scroll\"><table class=\"wide\"><thead><tr>", f);
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
            sheet_column(f, (c >= 1 && c <= 3) || c == 5 ? "n" : "", columns[c]);
        fputs("</tr></thead><tbody>\n", f);
        for (party p = 0; r->has_contract && p < r->contract.parties; p++)
            party_row(s, r, told, p);
        fputs("</tbody></table></div></div>\n", f);
    }
    fputs("</section>\n", f);
}

static void unproven(const struct sheet *s)
{
    FILE *f = s->f;

    sheet_section(s, "unproven", WORD_UNPROVEN, WORD_UNPROVEN_WHY);
    for (size_t i = 0; i < s->checked->count; i++) {
        const struct verify_report *r = &s->checked->of[i].report;

        fputs("<div class=\"card gap\">", f);
        sheet_session(s, r->stage, &r->session);
        fputs("<ul class=\"open\">", f);
        for (size_t u = 0; u < r->unproven_count; u++)
            html_tag(f, "li lang=\"en\"", "%s", r->unproven[u]);
        if (!s->checked->of[i].trusted->ca)
            sheet_tag(f, "li", WORD_CA_UNPROVEN);
        fputs("</ul></div>\n", f);
    }
    fputs("</section>\n", f);
}

/* ---- the whole ---- */

static void for_sessions(const struct sheet *s, void (*section)(const struct sheet *, const struct story *))
{
    for (size_t i = 0; i < s->checked->count; i++) {
        const struct story *told = told_of(s, &s->checked->of[i]);

        if (!told)
            continue;
        fputs("<div class=\"card gap\">", s->f);
        sheet_session(s, told->stage, &told->session);
        section(s, told);
        fputs("</div>\n", s->f);
    }
    fputs("</section>\n", s->f);
}

static void disclosures_of(const struct sheet *s, const struct story *told)
{
    for (party p = 0; p < told->contract.parties; p++)
        if (sheet_statement(s, told, p) != OK)
            return; /* memory is gone; the stream will say so too */
}

void sheet_report(const struct sheet *s)
{
    const struct story *told = told_of(s, &s->checked->of[s->checked->count - 1]);

    summary(s, told != NULL);
    checks(s);
    parties(s);
    unproven(s);
    if (told) {
        sheet_section(s, "timeline", WORD_TIMELINE, WORD_TIMELINE_WHY);
        for_sessions(s, sheet_timeline);
        sheet_section(s, "checkpoints", WORD_CHECKPOINTS, WORD_CHECKPOINTS_WHY);
        for_sessions(s, sheet_checkpoints);
        sheet_section(s, "approvals", WORD_APPROVALS, WORD_APPROVALS_WHY);
        for_sessions(s, sheet_approvals);
        sheet_section(s, "disclosures", WORD_DISCLOSURES, WORD_DISCLOSURES_WHY);
        for_sessions(s, disclosures_of);
        sheet_grounds(s, &told->contract);
        sheet_section(s, "outsiders", WORD_OUTSIDERS, WORD_OUTSIDERS_WHY);
        for_sessions(s, sheet_outsiders);
        sheet_contract(s, told);
    }
    sheet_limits(s);
    sheet_close(s);
}
