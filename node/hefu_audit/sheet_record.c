/* Sections that list what stands in the files: checkpoints, approvals, what outsiders said, the contract. */
#include "node/hefu_audit/sheet.h"

#include "protocol/approver.h"

#include <string.h>

/* ---- joint checkpoints ---- */

static const struct milestone *same_point(const struct story *s, const struct milestone *m)
{
    for (size_t i = 0; s && i < s->milestones; i++)
        if (s->milestone[i].end == m->end && (m->end || s->milestone[i].pass == m->pass))
            return &s->milestone[i];
    return NULL;
}

static void name_in_list(FILE *f, const struct contract *c, party p, unsigned *n)
{
    if ((*n)++)
        fputs(", ", f);
    sheet_free(f, story_party(c, p));
}

static void checkpoint_row(const struct sheet *s, const struct story *told, const struct milestone *m)
{
    static const struct signature unsigned_;
    const struct contract *c = &told->contract;
    struct joint_item item;
    unsigned n = 0;
    FILE *f = s->f;

    fputs("<tr><th scope=\"row\">", f);
    if (m->end)
        sheet_word(f, WORD_AT_END);
    else
        fprintf(f, "%u", m->pass);
    fputs("</th>", f);
    for (party p = 0; p < c->parties; p++) {
        joint_item_read(&item, m->joint, p);
        html_tag(f, "td class=\"n\"", "%s", fmt_count(item.log.size).s);
        fputs("<td>", f);
        sheet_hex(f, item.log.root.bytes, 12);
        fputs("</td>", f);
    }
    fputs("<td>", f);
    for (party p = 0; p < c->parties; p++) {
        joint_item_read(&item, m->joint, p);
        if (memcmp(&item.signature, &unsigned_, sizeof unsigned_) != 0)
            name_in_list(f, c, p, &n);
    }
    fputs("</td>", f);
    fputs("<td>", f);
    n = 0;
    for (party p = 0; p < c->parties; p++) {
        const struct milestone *other = same_point(stories_of(s->all, told, p), m);

        if (other && memcmp(other->joint, m->joint, (size_t)c->parties * JOINT_ITEM) == 0)
            name_in_list(f, c, p, &n);
    }
    fputs("</td></tr>\n", f);
}

/* The file of the session that holds the most of them. */
static const struct story *fullest(const struct sheet *s, const struct story *told)
{
    const struct story *best = told;

    for (party p = 0; p < told->contract.parties; p++) {
        const struct story *other = stories_of(s->all, told, p);

        if (other && other->milestones > best->milestones)
            best = other;
    }
    return best;
}

void sheet_checkpoints(const struct sheet *s, const struct story *told)
{
    const struct story *best = fullest(s, told);
    FILE *f = s->f;

    if (!best->milestones) {
        sheet_tag(f, "p", WORD_NO_CHECKPOINTS);
        return;
    }
    fputs("<div class=\"scroll\"><table class=\"wide\"><thead><tr>", f);
    sheet_column(f, "", WORD_AFTER_PASS);
    for (party p = 0; p < told->contract.parties; p++) {
        fputs("<th scope=\"colgroup\" colspan=\"2\">", f);
        sheet_party(f, &told->contract, p);
        fputs(", ", f);
        sheet_word(f, WORD_ENTRIES);
        fputs("</th>", f);
    }
    sheet_column(f, "", WORD_SIGNED_BY);
    sheet_column(f, "", WORD_HELD_BY);
    fputs("</tr></thead><tbody>\n", f);
    for (size_t i = 0; i < best->milestones; i++)
        checkpoint_row(s, best, &best->milestone[i]);
    fputs("</tbody></table></div>", f);
}

/* ---- approvals ---- */

/* As the party's own file has it, unchecked. */
static void in_person(const struct sheet *s, const struct story *told, const struct approval *a)
{
    static const struct hash nobody;
    const struct story *own = stories_of(s->all, told, a->who);
    const struct bundle_part *list = own ? &own->bundle->attachment[ATTACHMENT_APPROVERS] : NULL;
    struct approvers people;

    if (hash_equal(&a->approvers, &nobody)) {
        fputs("–", s->f);
    } else if (!list || !list->bytes) {
        sheet_word(s->f, WORD_NOT_GIVEN);
    } else if (approvers_decode(&people, list->bytes, list->len) != OK) {
        sheet_word(s->f, WORD_UNREADABLE);
    } else {
        for (uint16_t i = 0; i < people.count; i++) {
            fputs(i ? ", " : "", s->f);
            sheet_free(s->f, people.of[i].name);
        }
    }
}

void sheet_approvals(const struct sheet *s, const struct story *told)
{
    FILE *f = s->f;

    fputs("<div class=\"scroll\"><table class=\"wide\"><thead><tr>", f);
    sheet_column(f, "", WORD_PARTY);
    sheet_column(f, "", WORD_ATTEMPT);
    sheet_column(f, "", WORD_STAGE);
    sheet_column(f, "", WORD_IN_PERSON);
    sheet_column(f, "", WORD_SESSION_KEY);
    sheet_column(f, "", WORD_SIGNATURE);
    fputs("</tr></thead><tbody>\n", f);
    for (uint16_t i = 0; i < told->bundle->approvals; i++) {
        struct approval a;

        fputs("<tr>", f);
        if (approval_decode(&a, told->bundle->approval[i].bytes) != OK) {
            sheet_tag(f, "td colspan=\"6\"", WORD_UNREADABLE);
            fputs("</tr>\n", f);
            continue;
        }
        fputs("<th scope=\"row\">", f);
        sheet_party(f, &told->contract, a.who);
        fprintf(f, "</th><td>%u</td>", a.attempt + 1);
        sheet_tag(f, "td", stage_word(a.stage));
        fputs("<td>", f);
        in_person(s, told, &a);
        fputs("</td><td>", f);
        sheet_hex(f, a.card.sign.bytes, 24);
        fputs("</td><td>", f);
        sheet_hex(f, a.signature.bytes, 24);
        fputs("</td></tr>\n", f);
    }
    fputs("</tbody></table></div>", f);
}

/* ---- outsiders ---- */

void sheet_outsiders(const struct sheet *s, const struct story *told)
{
    unsigned n = 0;
    FILE *f = s->f;

    for (party p = 0; p < told->contract.parties; p++) {
        const struct story *own = stories_of(s->all, told, p);

        for (int kind = 1; own && kind <= ATTACHMENT_DEPOSIT; kind++) {
            char words[128];

            if (!attachment_words(words, own->bundle, (enum attachment_kind)kind))
                continue;
            fputs(n++ ? "<li>" : "<ul class=\"open\"><li>", f);
            sheet_party(f, &told->contract, p);
            html_tag(f, "span lang=\"en\"", ": %s", words);
            fputs("</li>", f);
        }
    }
    if (n) {
        fputs("</ul>", f);
        sheet_tag(f, "p class=\"note\"", WORD_STAMP_NOTE);
    } else {
        sheet_tag(f, "p", WORD_NONE_GIVEN);
    }
}

/* ---- contract ---- */

static void said(FILE *f, enum word name, const char *text)
{
    sheet_tag(f, "dt", name);
    fputs("<dd>", f);
    if (text[0])
        sheet_free(f, text);
    else
        sheet_word(f, WORD_NOT_STATED);
    fputs("</dd>\n", f);
}

static void said_hash(FILE *f, enum word name, const struct hash *h)
{
    static const struct hash zero;

    sheet_tag(f, "dt", name);
    fputs("<dd>", f);
    if (hash_equal(h, &zero))
        sheet_word(f, WORD_NOT_STATED);
    else
        sheet_hex(f, h->bytes, 2 * HASH_BYTES);
    fputs("</dd>\n", f);
}

void sheet_contract(const struct sheet *s, const struct story *told)
{
    const struct contract *c = &told->contract;
    char from[CONTRACT_TIME_BYTES], until[CONTRACT_TIME_BYTES], level[16] = "";
    FILE *f = s->f;

    contract_time_text(from, c->not_before);
    contract_time_text(until, c->not_after);
    if (c->data_level)
        snprintf(level, sizeof level, "%u / %d", c->data_level, DATA_LEVEL_MAX);
    sheet_section(s, "contract", WORD_CONTRACT, WORD_CONTRACT_WHY);
    fputs("<div class=\"card\"><dl>", f);
    said(f, WORD_JOB, c->job);
    said(f, WORD_PURPOSE, c->purpose);
    sheet_tag(f, "dt", WORD_WINDOW);
    html_tag(f, "dd", "%s – %s", from, until);
    said_hash(f, WORD_CONSENTS, &c->consent_root);
    said_hash(f, WORD_ASSESSMENT, &c->assessment_hash);
    said(f, WORD_AUTHORISATIONS, c->authorisations);
    said(f, WORD_DATA_LEVEL, level);
    sheet_tag(f, "dt", WORD_REPLAY);
    fputs("<dd>", f);
    sheet_word(f, c->replay == REPLAY_SEALED ? WORD_REPLAY_SEALED : WORD_REPLAY_OFF);
    if (c->replay == REPLAY_SEALED) {
        contract_time_text(until, contract_destroy_after(c));
        html_textf(f, " %s", until);
    }
    fputs("</dd>\n", f);
    said(f, WORD_AUDITOR, c->auditor);
    fputs("</dl></div></section>\n", f);
}
