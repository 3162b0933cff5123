/* The disclosure statement of a party as part of a page. */
#include "node/hefu_audit/sheet.h"

#include "protocol/messages.h"

static void peers(FILE *f, const struct contract *c, uint32_t bits)
{
    const char *before = "";

    for (party p = 0; p < c->parties; p++)
        if (bits >> p & 1) {
            fputs(before, f);
            sheet_free(f, story_party(c, p));
            before = ", ";
        }
}

static void flow_row(FILE *f, const struct contract *c, const struct message_info *info, const struct disclosure_flow *flow)
{
    const struct disclosure_sentence en = disclosure_sentence(info->kind, LANGUAGE_EN),
                                     zh = disclosure_sentence(info->kind, LANGUAGE_ZH);

    fputs("<tr><th scope=\"row\">", f);
    html_text(f, info->name);
    fputs("</th><td>", f);
    sheet_both(f, en.what ? en.what : info->name, zh.what ? zh.what : info->name);
    fputs("</td><td>", f);
    peers(f, c, flow->peers);
    fputs("</td>", f);
    html_tag(f, "td class=\"n\"", "%s", fmt_count(flow->messages).s);
    html_tag(f, "td class=\"n\"", "%s", fmt_bytes(flow->bytes).s);
    html_tag(f, "td class=\"n\"", "%llu–%llu", (unsigned long long)flow->first, (unsigned long long)flow->last);
    fputs("<td>", f);
    if (en.shield)
        sheet_both(f, disclosure_shield(en.shield, LANGUAGE_EN), disclosure_shield(en.shield, LANGUAGE_ZH));
    fputs("</td><td>", f);
    sheet_both(f, en.learns ? en.learns : "?", zh.learns ? zh.learns : "?");
    fputs("</td></tr>\n", f);
}

static void flows(FILE *f, const struct contract *c, const struct disclosure_flow flow[DISCLOSURE_KINDS], enum word title,
                  enum word peer)
{
    size_t count;
    const struct message_info *info = message_list(&count);
    uint64_t messages = 0, bytes = 0;

    fputs("<details open><summary>", f);
    sheet_word(f, title);
    fputs("</summary><div class=\"scroll\"><table class=\"wide flows\"><thead><tr>", f);
    sheet_column(f, "", WORD_KIND);
    sheet_column(f, "", WORD_MESSAGE);
    sheet_column(f, "", peer);
    sheet_column(f, "n", WORD_MESSAGES_COUNT);
    sheet_column(f, "n", WORD_BYTES);
    sheet_column(f, "n", WORD_RECORD_NUMBERS);
    sheet_column(f, "", WORD_SHIELD);
    sheet_column(f, "", WORD_LEARNS);
    fputs("</tr></thead><tbody>\n", f);
    for (size_t i = 0; i < count; i++)
        if (flow[i].messages) {
            flow_row(f, c, &info[i], &flow[i]);
            messages += flow[i].messages;
            bytes += flow[i].bytes;
        }
    fputs("</tbody><tfoot><tr><td></td><td>", f);
    sheet_word(f, WORD_TOTAL);
    fputs("</td><td></td>", f);
    html_tag(f, "td class=\"n\"", "%s", fmt_count(messages).s);
    html_tag(f, "td class=\"n\"", "%s", fmt_bytes(bytes).s);
    fputs("<td></td><td></td><td></td></tr></tfoot></table></div></details>\n", f);
}

/* What p receives, or with others what all but p receive. */
static void outputs(FILE *f, const struct contract *c, party p, int others)
{
    struct disclosure en[DISCLOSURES_MAX], zh[DISCLOSURES_MAX];
    const size_t count = disclosure_outputs(en, c, LANGUAGE_EN);

    (void)disclosure_outputs(zh, c, LANGUAGE_ZH);
    sheet_tag(f, "h4", others ? WORD_OUTPUTS_OTHERS : WORD_OUTPUTS_TO);
    fputs("<table class=\"stack\"><thead><tr>", f);
    sheet_column(f, "", WORD_PARTY);
    sheet_column(f, "", WORD_RECEIVES);
    sheet_column(f, "", WORD_AND_LEARNS);
    fputs("</tr></thead><tbody>\n", f);
    for (size_t i = 0; i < count; i++) {
        if ((en[i].to == p) == others)
            continue;
        fputs("<tr><th scope=\"row\">", f);
        sheet_party(f, c, en[i].to);
        fputs("</th><td>", f);
        sheet_both(f, en[i].what, zh[i].what);
        fputs("</td><td>", f);
        sheet_both(f, en[i].learns, zh[i].learns);
        fputs("</td></tr>\n", f);
    }
    fputs("</tbody></table>\n", f);
}

enum word sheet_basis(enum basis basis, int checked)
{
    switch (basis) {
    case BASIS_LOG:
        return checked ? WORD_BASIS_CHECKED : WORD_BASIS_LOG;
    case BASIS_TORN:
        return WORD_BASIS_TORN;
    case BASIS_CONTRACT:
        return WORD_BASIS_CONTRACT;
    case BASIS_PART:
        break;
    }
    return WORD_BASIS_PART;
}

status sheet_statement(const struct sheet *s, const struct story *told, party p)
{
    struct disclosure_traffic traffic;
    enum basis basis;
    FILE *f = s->f;

    TRY(stories_traffic(&traffic, &basis, s->all, told, p));
    fputs("<h3>", f);
    sheet_party(f, &told->contract, p);
    fputs("</h3><p class=\"why\">", f);
    sheet_word(f, WORD_BASIS);
    sheet_word(f, WORD_COLON);
    sheet_word(f, sheet_basis(basis, s->checked != NULL));
    fputs("</p>\n", f);
    flows(f, &told->contract, traffic.sent, WORD_LEFT, WORD_TO);
    flows(f, &told->contract, traffic.received, WORD_CAME_IN, WORD_FROM);
    outputs(f, &told->contract, p, 0);
    outputs(f, &told->contract, p, 1);
    return OK;
}

/* ---- what it rests on ---- */

void sheet_grounds(const struct sheet *s, const struct contract *c)
{
    char en[DISCLOSURE_SENTENCE_MAX], zh[DISCLOSURE_SENTENCE_MAX];

    fputs("<section id=\"grounds\">", s->f);
    sheet_tag(s->f, "h2", WORD_GROUNDS);
    fputs("<div class=\"card\"><ol class=\"open\">\n", s->f);
    for (size_t i = 0; disclosure_ground(en, c, i, LANGUAGE_EN) && disclosure_ground(zh, c, i, LANGUAGE_ZH); i++) {
        fputs("<li>", s->f);
        sheet_both(s->f, en, zh);
        fputs("</li>\n", s->f);
    }
    fputs("</ol></div></section>\n", s->f);
}

void sheet_limits(const struct sheet *s)
{
    char en[DISCLOSURE_SENTENCE_MAX], zh[DISCLOSURE_SENTENCE_MAX];

    sheet_section(s, "limits", WORD_LIMITS, WORD_LIMITS_WHY);
    fputs("<div class=\"card\"><ol class=\"open\">\n", s->f);
    for (size_t i = 0; disclosure_limit(en, i, LANGUAGE_EN) && disclosure_limit(zh, i, LANGUAGE_ZH); i++) {
        fputs("<li>", s->f);
        sheet_both(s->f, en, zh);
        fputs("</li>\n", s->f);
    }
    fputs("</ol></div></section>\n", s->f);
}
