/* The auditor's pages: nothing that stands in an evidence file becomes markup, and a page says everything it must. */
#include "kit/synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <ctype.h>
#include <sodium.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "protocol/verify_rules.h"
#include "scratch.h"

enum { PARTIES_HERE = 3, OUTSIDE_CHECKS = 5 }; /* timestamps, deposits, builds, approvers, destruction */

static struct synthetic session;
static char said[65536];
static char *page;
static size_t page_len;

#define HOSTILE_FILE "<b onmouseover='alert(4)'>&party-1.hefu"

static void write_bundle(const char *name, const struct bundle *b)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct fault f = {0};

    assert_int_equal(bundle_encode(&w, b), OK);
    assert_int_equal(files_write(in_scratch(name), w.bytes, w.len, 0600, &f), OK);
}

static int set_up(void **state)
{
    struct contract c;
    char hostile[FILES_PATH_BYTES];

    scratch_make(state);
    synthetic_contract(&c, PARTIES_HERE, 31);
    synthetic_table_sigmoid(&c);
    c.key_bits = 2048;
    c.rows_per_bin = 2;
    for (party p = 0; p < PARTIES_HERE; p++) {
        memset(c.party[p].data_root.bytes, 1 + p, HASH_BYTES);
        memset(c.party[p].schema_hash.bytes, 11 + p, HASH_BYTES);
    }
    c.replay = REPLAY_SEALED;
    c.retention_days = 30;
    memcpy(c.auditor_key.bytes, c.party[0].identity.bytes, sizeof c.auditor_key.bytes); /* any point of the suite's curve */
    if (c.suite == SUITE_INT1)
        c.auditor_key.bytes[0] = KEY_X25519;
    strcpy(c.purpose, "</title></style><script>alert(1)</script><img src=x onerror=\"alert(2)\">&amp;'");
    strcpy(c.authorisations, "</bdi><iframe srcdoc='<script>alert(3)</script>'></iframe>");
    strcpy(c.auditor, "<svg/onload=alert(5)>");
    assert_int_equal(
        synthetic_play(&session, &c, (struct population){.rows = 30, .train = 21, .test = 9}, 31, SIZE_MAX, NULL), OK);
    write_bundle("party-1.hefu", &session.bundle[0]);
    write_bundle("party-2.hefu", &session.bundle[1]);
    write_bundle("party-3.hefu", &session.bundle[2]);
    write_bundle("hostile.hefu", &session.bundle[0]);
    snprintf(hostile, sizeof hostile, "%s/%s", scratch, HOSTILE_FILE);
    return rename(in_scratch("hostile.hefu"), hostile);
}

static int tear_down(void **state)
{
    free(page);
    synthetic_clear(&session);
    return scratch_remove(state);
}

/* Runs hefu-audit in the scratch directory; returns its exit code, what it says is in said. */
static int audit(const char *arguments)
{
    char command[2048];
    FILE *out;
    int ended;

    snprintf(command, sizeof command, "cd %s && %s/hefu-audit %s 2>&1", scratch, HEFU_BIN_DIR, arguments);
    out = popen(command, "r");
    assert_non_null(out);
    said[fread(said, 1, sizeof said - 1, out)] = '\0';
    ended = pclose(out);
    assert_true(WIFEXITED(ended));
    return WEXITSTATUS(ended);
}

/* The page that such a command writes to page.html. */
static void make_page(const char *arguments, int code)
{
    struct fault f = {0};
    uint8_t *bytes = NULL;
    const int got = audit(arguments);

    if (got != code)
        fail_msg("hefu-audit %s: exit %d instead of %d:\n%s", arguments, got, code, said);
    free(page);
    page = NULL;
    assert_int_equal(files_read(&bytes, &page_len, in_scratch("page.html"), 1 << 24, &f), OK);
    page = (char *)bytes;
}

static size_t occurrences(const char *text)
{
    size_t n = 0;

    for (const char *at = page; (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

static int is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return 1;
    return 0;
}

static const char *const own_tags[] = {
    "!doctype", "html", "head", "meta", "title", "style", "body", "input", "header", "div",  "span",  "label", "main",
    "section",  "h1",   "h2",   "h3",   "h4",    "p",     "nav",  "a",     "dl",     "dt",   "dd",    "code",  "table",
    "thead",    "tbody", "tfoot", "tr", "th",    "td",    "ul",   "ol",    "li",     "bdi",  "small", "b",     "i",
    "details",  "summary", "svg", "path", "circle", "g", "text",  "footer", NULL};
static const char *const void_tags[] = {"!doctype", "meta", "input", NULL};

/* One tag of the page: its name is ours, and it has no attribute that runs anything.  Returns what follows it. */
static const char *read_tag(char name[16], int *closing, int *empty, const char *at)
{
    const char *end = strchr(at, '>');
    size_t n = 0;

    assert_non_null(end);
    *closing = at[1] == '/';
    *empty = end[-1] == '/';
    for (at += 1 + *closing; n < 15 && (isalnum((unsigned char)*at) || *at == '!'); at++)
        name[n++] = *at;
    name[n] = '\0';
    if (!is_one_of(name, own_tags))
        fail_msg("the page has a tag <%s>", name);
    for (; at < end; at++)
        if (*at == ' ' && strncmp(at + 1, "on", 2) == 0)
            fail_msg("the page has a handler of events: %.40s", at);
    return end + 1;
}

/* Every tag is one of ours, closed by its own end and in turn. */
static void assert_well_formed(void)
{
    char open[64][16], name[16];
    size_t depth = 0;

    for (const char *at = page; (at = strchr(at, '<'));) {
        int closing, empty;

        at = read_tag(name, &closing, &empty, at);
        if (is_one_of(name, void_tags) || empty)
            continue;
        if (!closing) {
            assert_true(depth < 64);
            strcpy(open[depth++], name);
        } else if (depth == 0 || strcmp(open[depth - 1], name) != 0) {
            fail_msg("</%s> closes <%s>", name, depth ? open[depth - 1] : "nothing");
        } else {
            depth--;
        }
    }
    assert_int_equal(depth, 0);
}

static void assert_loads_nothing(void)
{
    static const char *const reaches_out[] = {"http:", "https:", "src=", "url(", "@import", "<link", "<script", "<img",
                                              "<iframe", "<object", "javascript:", NULL};

    for (const char *const *word = reaches_out; *word; word++) {
        const char *found = strstr(page, *word);

        /* an escaped word of the contract is text, not an attribute */
        if (found && !(strcmp(*word, "src=") == 0 && strncmp(found - 8, "&lt;img ", 8) == 0))
            fail_msg("the page holds %s: %.60s", *word, found);
    }
    assert_non_null(strstr(page, "content=\"default-src 'none'; style-src 'unsafe-inline'\""));
}

static void hostile_words_do_not_become_markup(void **state)
{
    (void)state;
    make_page("report \"" HOSTILE_FILE "\" party-2.hefu --html page.html", 1);
    assert_well_formed();
    assert_loads_nothing();
    assert_non_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&quot;alert(2)&quot;&gt;&amp;amp;&#39;"));
    assert_non_null(strstr(page, "&lt;iframe srcdoc=&#39;"));
    assert_non_null(strstr(page, "&lt;svg/onload=alert(5)&gt;"));
    assert_non_null(strstr(page, "&lt;b onmouseover=&#39;alert(4)&#39;&gt;&amp;party-1.hefu"));
    make_page("statement party-1.hefu --html page.html", 0);
    assert_well_formed();
    assert_loads_nothing();
    make_page("statement party-1.hefu --party party-3 --lang zh --html page.html", 0);
    assert_well_formed();
}

static void every_check_is_on_the_page_with_its_question_in_both_languages(void **state)
{
    (void)state;
    make_page("report party-1.hefu party-2.hefu party-3.hefu --html page.html", 1);
    assert_int_equal(occurrences("<b class=\"question\"><span class=\"en\""), RULES - 1 + VERIFY_CHECKS + OUTSIDE_CHECKS);
    assert_int_equal(occurrences("<span class=\"finding\""), RULES - 1 + VERIFY_CHECKS + OUTSIDE_CHECKS);
    for (int i = 0; i < VERIFY_CHECKS; i++) {
        char name[64];

        snprintf(name, sizeof name, "<th scope=\"row\">%s</th>", verify_check_name((enum verify_check)i));
        assert_int_equal(occurrences(name) >= 1, 1);
    }
    assert_true(occurrences(" lang=\"en\"") > 200);
    assert_int_equal(occurrences("<span class=\"en\""), occurrences("<span class=\"zh\""));
}

/* What verify says of a rule: its verdict, and its finding as far as it needs no escape on the page. */
static void read_rule(char verdict[16], char finding[1024], int rule)
{
    char name[8];
    const char *at, *end;

    snprintf(name, sizeof name, "\nV%-2d ", rule);
    at = strstr(said, name);
    assert_non_null(at);
    at += strlen(name) + 1;
    end = strstr(at, rule_sentence(rule));
    assert_non_null(end);
    snprintf(verdict, 16, "%.*s", (int)(end - at), at);
    verdict[strcspn(verdict, " ") + (strncmp(verdict, "not ", 4) == 0 ? strcspn(verdict + 4, " ") + 1 : 0)] = '\0';
    at = end + strlen(rule_sentence(rule));
    at += strncmp(at, ": ", 2) == 0 ? 2 : 0;
    snprintf(finding, 1024, "%.*s", (int)strcspn(at, "\n\"'&<>"), at);
}

static void assert_rules_are_those_of_verify(const char *files, int code)
{
    static const char *const shown[][2] = {{"OK", "holds"}, {"FAIL", "FAILS"}, {"not checked", "not checked"},
                                           {"not applicable", "not applicable"}};
    char arguments[512];

    snprintf(arguments, sizeof arguments, "report %s --html page.html", files);
    make_page(arguments, code);
    assert_well_formed();
    snprintf(arguments, sizeof arguments, "verify %s", files);
    assert_int_equal(audit(arguments), code);
    for (int v = 1; v < RULES; v++) {
        char verdict[16], finding[1024], row[64], words[64] = "";
        const char *name, *start;

        read_rule(verdict, finding, v);
        for (size_t i = 0; i < 4; i++)
            if (strcmp(verdict, shown[i][0]) == 0)
                snprintf(words, sizeof words, "<span class=\"en\" lang=\"en\">%s</span>", shown[i][1]);
        assert_true(words[0]);
        snprintf(row, sizeof row, "<th scope=\"row\">V%d</th>", v);
        assert_int_equal(occurrences(row), 1);
        name = strstr(page, row);
        for (start = name; strncmp(start, "<tr ", 4) != 0; start--)
            ;
        if (!strstr(start, words) || strstr(start, words) > name)
            fail_msg("V%d: verify says %s, the page does not", v, verdict);
        start = strstr(name, "<span class=\"finding\" lang=\"en\">") + strlen("<span class=\"finding\" lang=\"en\">");
        if (strncmp(start, finding, strlen(finding)) != 0)
            fail_msg("V%d: verify says \"%s\", the page: %.100s", v, finding, start);
    }
}

static void every_rule_stands_on_the_page_as_verify_prints_it(void **state)
{
    struct bundle b = session.bundle[0];
    size_t len, where = synthetic_entry(&session, 0, 1, &len);

    (void)state;
    assert_rules_are_those_of_verify("party-1.hefu party-2.hefu party-3.hefu", 1); /* certificates, which are none */
    assert_rules_are_those_of_verify("party-2.hefu", 1);
    session.log[0].bytes[where + 100] ^= 1;
    write_bundle("flipped.hefu", &b);
    session.log[0].bytes[where + 100] ^= 1;
    assert_rules_are_those_of_verify("flipped.hefu party-2.hefu", 1);
    for (int v = 1; v < RULES; v++) {
        char words[128];

        snprintf(words, sizeof words, "%.*s", (int)strcspn(rule_sentence(v), "'"), rule_sentence(v)); /* that is escaped */
        assert_non_null(strstr(page, words));
    }
}

static void several_sessions_each_have_their_rules_and_share_two(void **state)
{
    static struct synthetic second;

    (void)state;
    assert_int_equal(synthetic_play(&second, &session.contract, session.population, 32, SIZE_MAX, session.identity), OK);
    write_bundle("second.hefu", &second.bundle[0]);
    make_page("report party-1.hefu second.hefu --html page.html", 1);
    assert_well_formed();
    assert_int_equal(occurrences("<th scope=\"row\">V1</th>"), 2);
    assert_int_equal(occurrences("<th scope=\"row\">V28</th>"), 1);
    assert_int_equal(occurrences("2 sessions were compared"), 1);
    assert_int_equal(occurrences("What left this building"), 2 * PARTIES_HERE); /* each session's own statements */
    synthetic_clear(&second);
}

static void every_party_has_its_statement_and_every_section_is_there(void **state)
{
    static const char *const sections[] = {"summary",   "checks",      "parties", "unproven",  "timeline", "checkpoints",
                                           "approvals", "disclosures", "grounds", "outsiders", "contract", "limits", NULL};

    (void)state;
    make_page("report party-2.hefu --html page.html", 1);
    assert_well_formed();
    for (const char *const *id = sections; *id; id++) {
        char tag[64];

        snprintf(tag, sizeof tag, "<section id=\"%s\">", *id);
        assert_int_equal(occurrences(tag), 1);
    }
    assert_int_equal(occurrences("离开本机构的内容"), PARTIES_HERE);
    assert_int_equal(occurrences("what the contract implies for a session that ran to its end"), 2);
    assert_int_equal(occurrences("the signed log of this party, checked above"), 1);
    assert_non_null(strstr(page, "None given."));
    assert_non_null(strstr(page, "Messages of parties whose file was not given"));
}

static void a_failed_check_stands_out_and_the_page_is_written_all_the_same(void **state)
{
    struct bundle b = session.bundle[0];
    size_t len, where = synthetic_entry(&session, 0, 1, &len);

    (void)state;
    session.log[0].bytes[where + 100] ^= 1;
    write_bundle("flipped.hefu", &b);
    session.log[0].bytes[where + 100] ^= 1;
    make_page("report flipped.hefu party-2.hefu --html page.html", 1);
    assert_well_formed();
    assert_true(occurrences("<tr class=\"fail\">") >= 2); /* the certificates, which are none, and the flipped record */
    assert_non_null(strstr(page, "log of party-1, record 1"));
    assert_non_null(strstr(page, "<div class=\"badge fail\">✗"));
}

static void a_cut_log_gives_a_page_of_what_can_be_read(void **state)
{
    struct bundle b = session.bundle[0];

    (void)state;
    b.log.len -= 100;
    write_bundle("cut.hefu", &b);
    make_page("report cut.hefu --html page.html", 1);
    assert_well_formed();
    assert_non_null(strstr(page, "the part of this party’s log that can be read"));
    b.log.len = 0;
    write_bundle("cut.hefu", &b);
    make_page("report cut.hefu --html page.html", 1);
    assert_well_formed();
    assert_non_null(strstr(page, "The files hold no message."));
}

static void a_contract_that_cannot_be_read_gives_a_page_of_verdicts(void **state)
{
    struct bundle b = session.bundle[0];

    (void)state;
    b.contract.len -= 1;
    write_bundle("bad.hefu", &b);
    make_page("report bad.hefu --html page.html", 1);
    assert_well_formed();
    assert_int_equal(occurrences("<section id=\"disclosures\">"), 0);
    assert_true(occurrences("<tr class=\"fail\">") >= 1);
    assert_int_equal(audit("statement bad.hefu"), 1);
}

static void a_statement_in_words_says_what_left_and_what_came_in(void **state)
{
    (void)state;
    assert_int_equal(audit("statement party-1.hefu"), 0);
    assert_non_null(strstr(said, "Disclosure statement of party-1"));
    assert_non_null(strstr(said, "What left this building"));
    assert_non_null(strstr(said, "What came in"));
    assert_non_null(strstr(said, "To: party-2, party-3; 2 messages, 192 B; First and last record: 0-1"));
    assert_non_null(strstr(said, "What no transcript can show"));
    assert_int_equal(audit("statement party-1.hefu --party party-2 --lang zh"), 0);
    assert_non_null(strstr(said, "披露声明——party-2"));
    assert_non_null(strstr(said, "合同对完整会话所规定的内容；未提供本方日志"));
    assert_non_null(strstr(said, "半诚实模型"));
}

/* Without a party's file its statement is made from the contract; it is the one that its file gives. */
static void the_statement_from_the_contract_is_that_from_the_log(void **state)
{
    char from_log[sizeof said];
    const char *a, *b;

    (void)state;
    assert_int_equal(audit("statement party-2.hefu"), 0);
    strcpy(from_log, said);
    assert_int_equal(audit("statement party-1.hefu --party party-2"), 0);
    a = strstr(from_log, "What left this building");
    b = strstr(said, "What left this building");
    assert_true(a && b);
    assert_string_equal(a, b);
}

static void wrong_usage_is_told(void **state)
{
    static const struct {
        const char *arguments, *text;
    } wrong[] = {
        {"report", "no evidence file was named"},
        {"report party-1.hefu", "report needs --html"},
        {"report party-1.hefu --html page.html --lang fr", "--lang fr: it is en or zh"},
        {"report party-1.hefu --html page.html --crl x", "--crl needs --ca"},
        {"report party-1.hefu --html no/such/place.html", "no/such"},
        {"statement", "no evidence file was named"},
        {"statement party-1.hefu --party nobody", "--party nobody: the contract of party-1.hefu has no such party"},
        {"show party-1.hefu party-2.hefu --dump", "--dump takes one evidence file"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const int code = audit(wrong[i].arguments);

        if (code == 0 || code == 1 || !strstr(said, wrong[i].text))
            fail_msg("hefu-audit %s: exit %d:\n%s", wrong[i].arguments, code, said);
    }
}

static void show_tells_of_several_files(void **state)
{
    (void)state;
    assert_int_equal(audit("show party-1.hefu party-2.hefu"), 0);
    assert_non_null(strstr(said, "evidence of party-1"));
    assert_non_null(strstr(said, "evidence of party-2"));
    assert_non_null(strstr(said, "joint checkpoints: entries and root of every party's log"));
    assert_non_null(strstr(said, "attempt 2, stage whole, session key "));
    assert_int_equal(audit("show --json party-1.hefu | tr -d ' \\n' | cut -c 1-24"), 0);
    assert_non_null(strstr(said, "{\"evidence_of\":\"party-1\""));
    assert_int_equal(audit("show --json party-1.hefu party-2.hefu | tr -d ' \\n' | cut -c 1-24"), 0);
    assert_non_null(strstr(said, "[{\"evidence_of\":\"party-1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_words_do_not_become_markup),
        cmocka_unit_test(every_check_is_on_the_page_with_its_question_in_both_languages),
        cmocka_unit_test(every_rule_stands_on_the_page_as_verify_prints_it),
        cmocka_unit_test(several_sessions_each_have_their_rules_and_share_two),
        cmocka_unit_test(every_party_has_its_statement_and_every_section_is_there),
        cmocka_unit_test(a_failed_check_stands_out_and_the_page_is_written_all_the_same),
        cmocka_unit_test(a_cut_log_gives_a_page_of_what_can_be_read),
        cmocka_unit_test(a_contract_that_cannot_be_read_gives_a_page_of_verdicts),
        cmocka_unit_test(a_statement_in_words_says_what_left_and_what_came_in),
        cmocka_unit_test(the_statement_from_the_contract_is_that_from_the_log),
        cmocka_unit_test(wrong_usage_is_told),
        cmocka_unit_test(show_tells_of_several_files),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("audit page", tests, set_up, tear_down);
}
