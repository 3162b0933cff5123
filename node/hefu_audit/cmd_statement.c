/* hefu-audit statement: what left a party's building and what came in, as text or as a page. */
#include "node/hefu_audit/sheet.h"
#include "node/local/files.h"
#include "protocol/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

static void print_peers(const struct contract *c, uint32_t bits)
{
    const char *before = "";

    for (party p = 0; p < c->parties; p++)
        if (bits >> p & 1) {
            printf("%s%s", before, story_party(c, p));
            before = ", ";
        }
}

static void print_flows(const struct contract *c, const struct disclosure_flow flow[DISCLOSURE_KINDS], enum word title,
                        enum word peer, enum language l)
{
    size_t count;
    const struct message_info *info = message_list(&count);
    uint64_t messages = 0, bytes = 0;

    printf("\n%s\n", word(title, l));
    for (size_t i = 0; i < count; i++) {
        const struct disclosure_sentence s = disclosure_sentence(info[i].kind, l);

        if (!flow[i].messages)
            continue;
        printf("  %-11s %s\n", info[i].name, s.what ? s.what : "?");
        printf("              %s%s", word(peer, l), word(WORD_COLON, l));
        print_peers(c, flow[i].peers);
        printf("; %s %s, %s; %s%s%llu-%llu\n", fmt_count(flow[i].messages).s, word(WORD_MESSAGES_UNIT, l),
               fmt_bytes(flow[i].bytes).s, word(WORD_RECORD_NUMBERS, l), word(WORD_COLON, l),
               (unsigned long long)flow[i].first, (unsigned long long)flow[i].last);
        printf("              %s%s%s (%s)\n", word(WORD_LEARNS, l), word(WORD_COLON, l), s.learns ? s.learns : "?",
               s.shield ? disclosure_shield(s.shield, l) : "?");
        messages += flow[i].messages;
        bytes += flow[i].bytes;
    }
    printf("  %s%s%s %s, %s\n", word(WORD_TOTAL, l), word(WORD_COLON, l), fmt_count(messages).s, word(WORD_MESSAGES_UNIT, l),
           fmt_bytes(bytes).s);
}

/* What p receives, or with others what all but p receive. */
static void print_outputs(const struct contract *c, party p, int others, enum language l)
{
    struct disclosure d[DISCLOSURES_MAX];
    const size_t count = disclosure_outputs(d, c, l);

    printf("\n%s\n", word(others ? WORD_OUTPUTS_OTHERS : WORD_OUTPUTS_TO, l));
    for (size_t i = 0; i < count; i++)
        if ((d[i].to == p) != others)
            printf("  %-11s %s\n              %s%s%s\n", story_party(c, d[i].to), d[i].what, word(WORD_AND_LEARNS, l),
                   word(WORD_COLON, l), d[i].learns);
}

static void print_sentences(const struct contract *c, enum language l)
{
    char text[DISCLOSURE_SENTENCE_MAX];

    printf("\n%s\n", word(WORD_GROUNDS, l));
    for (size_t i = 0; disclosure_ground(text, c, i, l); i++)
        printf("  %zu. %s\n", i + 1, text);
    printf("\n%s\n", word(WORD_LIMITS, l));
    for (size_t i = 0; disclosure_limit(text, i, l); i++)
        printf("  %zu. %s\n", i + 1, text);
}

static void print_line(enum word name, const char *text, enum language l)
{
    printf("%s%s%s\n", word(name, l), word(WORD_COLON, l), text);
}

static status print_statement(const struct stories *all, const struct story *told, party p, enum language l)
{
    const struct contract *c = &told->contract;
    struct disclosure_traffic traffic;
    char hex[2 * HASH_BYTES + 1];
    enum basis basis;

    TRY(stories_traffic(&traffic, &basis, all, told, p));
    hash_hex(&told->contract_id, hex);
    printf("%s%s\n\n", word(WORD_STATEMENT_OF, l), story_party(c, p));
    print_line(WORD_JOB, c->job, l);
    print_line(WORD_PURPOSE, c->purpose, l);
    print_line(WORD_CONTRACT_ID, hex, l);
    if (told->stage != STAGE_WHOLE)
        print_line(WORD_STAGE, word(stage_word(told->stage), l), l);
    print_line(WORD_BASIS, word(sheet_basis(basis, 0), l), l);
    print_flows(c, traffic.sent, WORD_LEFT, WORD_TO, l);
    print_flows(c, traffic.received, WORD_CAME_IN, WORD_FROM, l);
    print_outputs(c, p, 0, l);
    print_outputs(c, p, 1, l);
    return OK;
}

/* ---- which ---- */

/* Calls say for every statement that is wanted: of the party named, in every session, or of every file's party. */
typedef status sayer(void *ctx, const struct story *told, party p);

static int first_of_session(const struct stories *all, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (all->of[i].stage == all->of[at].stage && hash_equal(&all->of[i].contract_id, &all->of[at].contract_id))
            return 0;
    return 1;
}

static status each_statement(const struct stories *all, const char *name, sayer *say, void *ctx, struct fault *f)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct story *s = &all->of[i];
        const party p = name ? contract_party_named(&s->contract, name) : s->bundle->self;

        if (name && p == s->contract.parties)
            return fault_set(f, STATUS_USAGE, "--party %s: the contract of %s has no such party", name, s->path);
        if (!name || first_of_session(all, i))
            TRY(say(ctx, s, p));
    }
    return OK;
}

struct printing {
    const struct stories *all;
    enum language language;
    size_t said;
};

static status say_text(void *ctx, const struct story *told, party p)
{
    struct printing *printing = ctx;

    if (printing->said++)
        puts("\n");
    return print_statement(printing->all, told, p, printing->language);
}

static status say_html(void *ctx, const struct story *told, party p)
{
    const struct sheet *s = ctx;

    fputs("<section class=\"card gap\">", s->f);
    if (told->stage != STAGE_WHOLE)
        sheet_tag(s->f, "p class=\"why\"", stage_word(told->stage));
    TRY(sheet_statement(s, told, p));
    fputs("</section>\n", s->f);
    return OK;
}

static status write_page(const char *path, struct sheet *s, const char *name, struct fault *f)
{
    const struct story *first = &s->all->of[0];
    char *text AUTO(auto_free) = NULL;
    size_t len = 0;
    status said;

    s->f = open_memstream(&text, &len);
    if (!s->f)
        return STATUS_NO_MEMORY;
    sheet_open(s, first->contract.job, WORD_STATEMENT);
    fputs("<div class=\"badge none\">– ", s->f);
    sheet_word(s->f, WORD_UNVERIFIED);
    fputs("</div></div></div></header>\n<main class=\"wrap\">\n<h1>", s->f);
    sheet_word(s->f, WORD_STATEMENT);
    fputs("</h1><p class=\"meta\">", s->f);
    sheet_free(s->f, first->contract.job);
    fputs("</p><p class=\"meta\">", s->f);
    sheet_hex(s->f, first->contract_id.bytes, 2 * HASH_BYTES);
    fputs("</p>\n", s->f);
    said = each_statement(s->all, name, say_html, s, f);
    if (said == OK) {
        sheet_grounds(s, &first->contract);
        sheet_contract(s, first);
        sheet_limits(s);
        sheet_close(s);
    }
    if (fclose(s->f) != 0 && said == OK)
        return STATUS_NO_MEMORY;
    TRY(said);
    return files_write(path, text, len, 0600, f);
}

status command_statement(int argc, char **argv, struct fault *f)
{
    const char *path[EVIDENCE_MAX], *html = NULL, *lang = NULL, *name = NULL;
    size_t files = 0;
    const struct audit_option options[] = {{"party", &name, NULL}, {"lang", &lang, NULL}, {"html", &html, NULL}, {0}};
    struct evidence e AUTO(evidence_clear) = {0};
    struct stories all AUTO(stories_clear) = {0};
    struct sheet sheet = {.all = &all};

    TRY(audit_arguments(options, path, EVIDENCE_MAX, &files, argc, argv, f));
    if (files == 0)
        return fault_set(f, STATUS_USAGE, "no evidence file was named");
    TRY(language_named(&sheet.first, lang, f));
    TRY(evidence_load(&e, path, files, f));
    TRY(stories_read(&all, &e, f));
    if (html)
        return write_page(html, &sheet, name, f);
    TRY(each_statement(&all, name, say_text, &(struct printing){.all = &all, .language = sheet.first}, f));
    print_sentences(&all.of[0].contract, sheet.first);
    return OK;
}
