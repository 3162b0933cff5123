#include "node/local/report.h"

#include "node/local/report_html.h"
#include "node/local/report_svg.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- a sample: realistic figures from a seeded generator ---- */

enum { TEST_ROWS = 6448, TRAIN_ROWS = 15222 };

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static double normal(uint64_t *state)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += (double)(draw(state) >> 11) * 0x1p-53;
    return sum;
}

static struct metrics joint_metrics, alone_metrics;
static struct calibration joint_calibration;

/* Scores whose classes stand gap deviations apart; 22 % default. */
static void make_metrics(struct metrics *m, struct calibration *c, double gap, uint64_t seed)
{
    static double score[TEST_ROWS], prob[TEST_ROWS];
    static uint8_t label[TEST_ROWS];

    for (size_t i = 0; i < TEST_ROWS; i++) {
        label[i] = draw(&seed) % 1000 < 221;
        score[i] = round(64 * (-1.2 + 0.55 * (normal(&seed) + label[i] * gap * (1 + 0.3 * normal(&seed))))) / 64;
    }
    assert_int_equal(calibration_cross_fit(prob, c, score, label, TEST_ROWS), OK);
    assert_int_equal(metrics_compute(m, score, prob, label, TEST_ROWS), OK);
}

static const struct report_bin status_bins[] = {
    {"<= -1", -0.214, 2890}, {"(-1, 0]", -0.388, 8127}, {"(0, 1]", 0.296, 1852}, {"(1, 2]", 1.412, 1361},
    {"> 2", 1.688, 168}, {"missing", 0.02, 824}};
static const struct report_bin limit_bins[] = {
    {"<= 30000", 0.421, 1544}, {"(30000, 50000]", 0.263, 1873}, {"(50000, 80000]", 0.118, 1612},
    {"(80000, 120000]", 0.034, 1498}, {"(120000, 160000]", -0.046, 1571}, {"(160000, 200000]", -0.077, 1702},
    {"(200000, 240000]", -0.131, 1389}, {"(240000, 310000]", -0.176, 1480}, {"(310000, 400000]", -0.262, 1391},
    {"> 400000", -0.349, 1162}};
static const struct report_bin age_bins[] = {
    {"<= 24", 0.083, 1402}, {"(24, 28]", -0.034, 3120}, {"(28, 33]", -0.061, 3544}, {"(33, 39]", -0.028, 3188},
    {"(39, 45]", 0.031, 2241}, {"> 45", 0.066, 1727}};
static const struct report_bin school_bins[] = {
    {"graduate school", -0.052, 5371}, {"university", 0.047, 7104}, {"high school", 0.071, 2502},
    {"other", -0.31, 245}, {"never seen", 0, 0}};
static const struct report_column columns[] = {
    {"AGE", age_bins, COUNT(age_bins)},
    {"LIMIT_BAL", limit_bins, COUNT(limit_bins)},
    {"授信状态 (latest repayment status)", status_bins, COUNT(status_bins)},
    {"EDUCATION", school_bins, COUNT(school_bins)},
};
static const struct report_disclosure disclosures[] = {
    {"bank", "its own weights of the joint model", "95 numbers", "how each bin of its columns relates to the label"},
    {"bank", "the sum of the other parties' partial scores of each test row, rounded to 6 fractional bits",
     "6,448 numbers", "per test row, how risky the other parties together find it"},
    {"tax", "its own weights of the joint model", "80 numbers", "how each bin of its columns relates to the label"},
    {"social", "its own weights of the joint model", "51 numbers", "how each bin of its columns relates to the label"},
    {"every party", "sizes of all tables and of the intersection", "4 numbers",
     "that the 21,670 people of the intersection are customers of all parties"},
    {"every party", "the agreed metrics", "6 numbers", "AUC, KS and log-loss of the joint model and of bank alone"},
};
static const struct report_verdict verdicts[] = {
    {REPORT_PASSED, "hash chains of all 3 logs are complete"},
    {REPORT_PASSED, "35,112 signatures are valid"},
    {REPORT_PASSED, "every message sent was received, in order, with the same body"},
    {REPORT_PASSED, "messages and sizes are exactly those that the contract implies"},
    {REPORT_NOT_CHECKED, "no party's part was replayed"},
};
static const struct report_fact parameters[] = {
    {"Ridge", "0.003"}, {"Sigmoid", "linear, calibrated afterwards"},
    {"Optimiser", "Nesterov, step 1.3 / 3, momentum 0.70"},
    {"Test rows", "listed by the label party"}, {"Fraction bits", "20, scores rounded to 6"},
    {"Limits", "at least 200 common people, at most 3 attempts"}, {"Retention", "seeds are kept sealed for replay"},
};
static const struct report_notice notices[] = {
    {true, "bank.csv: 3 ids occur twice with different values; the first row of each was kept"},
    {false, "bank.csv: column branch_code left out: one value only"},
};

static struct report sample(enum report_viewer viewer)
{
    struct report r = {
        .viewer = viewer,
        .viewer_name = viewer == REPORT_LABEL_PARTY ? "bank" : viewer == REPORT_FEATURE_PARTY ? "tax" : "desk",
        .job = "Consumer default, autumn", .purpose = "credit risk of new consumer loans, with the customers' consent",
        .finished = "2024-11-30 14:05 UTC", .version = "0.1.0", .parties = 3,
        .party = {{.name = "bank", .has_label = true, .rows = 30000, .columns = 10, .bins = 95},
                  {.name = "tax", .rows = 28500, .columns = 8, .bins = 80},
                  {.name = "social", .rows = 28500, .columns = 5, .bins = 51}},
        .rows_aligned = TEST_ROWS + TRAIN_ROWS, .rows_train = TRAIN_ROWS, .rows_test = TEST_ROWS,
        .test_positives = joint_metrics.positives, .passes = 16, .key_bits = 2048,
        .joint = {joint_metrics.auc, joint_metrics.ks, joint_metrics.logloss, NULL},
        .alone = {alone_metrics.auc, alone_metrics.ks, alone_metrics.logloss, NULL},
        .logloss_raw = NAN, .calibration = {NAN, NAN},
        .phase_seconds = {[PHASE_HANDSHAKE] = 1.34, [PHASE_ALIGN] = 9.81, [PHASE_PREPARE] = 61.7, [PHASE_TRAIN] = 4.92,
                          [PHASE_REVEAL] = 0.04, [PHASE_EVALUATE] = 0.21, [PHASE_FINISH] = 0.05},
        .seconds_total = 78.3,
        .disclosure = disclosures, .disclosures = COUNT(disclosures),
        .audit = {.verified = REPORT_PASSED, .sessions = 3, .attempt = 1, .checkpoints = 17,
                  .contract_id = "9f2c4be07d6a15c3e8820b41d97f36a05c1be2748f90d3a6b5e4c7281f0a9d63",
                  .session_id = "41d97f36a05c1be2748f90d3a6b5e4c7281f0a9d639f2c4be07d6a15c3e8820b",
                  .verdict = verdicts, .verdicts = COUNT(verdicts)},
        .parameter = parameters, .parameters = COUNT(parameters), .notice = notices, .notices = COUNT(notices),
    };

    for (party p = 0; p < 3; p++) {
        struct report_party *at = &r.party[p];

        at->phase_bytes[PHASE_HANDSHAKE] = 7421;
        at->phase_bytes[PHASE_ALIGN] = 5700000 + 812345u * p;
        at->phase_bytes[PHASE_PREPARE] = 41200000 - 1712345u * p;
        at->phase_bytes[PHASE_TRAIN] = 8112345;
        at->phase_bytes[PHASE_REVEAL] = 3344;
        at->phase_bytes[PHASE_EVALUATE] = p ? 51584 : 1100;
        at->phase_bytes[PHASE_FINISH] = 720;
        for (unsigned phase = 0; phase < PHASES; phase++)
            at->bytes_sent += at->phase_bytes[phase];
        at->bytes_received = viewer == REPORT_LABEL_PARTY ? at->bytes_sent - 120000u * p : REPORT_UNKNOWN;
        at->records = 11704 - 12u * p;
        at->head = "c3e8820b41d97f36a05c1be2748f90d3a6b5e4c7281f0a9d639f2c4be07d6a15";
    }
    if (viewer != REPORT_COORDINATOR) {
        r.column = columns;
        r.columns = COUNT(columns);
    }
    if (viewer == REPORT_LABEL_PARTY) {
        r.joint.detail = &joint_metrics;
        r.alone.detail = &alone_metrics;
        r.logloss_raw = 0.4611;
        r.calibration = joint_calibration;
    }
    return r;
}

static int make_samples(void **state)
{
    struct calibration unused;

    (void)state;
    make_metrics(&joint_metrics, &joint_calibration, 1.15, 1);
    make_metrics(&alone_metrics, &unused, 0.67, 2);
    return 0;
}

/* Static: gcc 12 takes a local that open_memstream fills for a dangling one. */
static char *printed;
static size_t printed_bytes;

static char *html_of(const struct report *r)
{
    FILE *f = open_memstream(&printed, &printed_bytes);

    report_print_html(f, r);
    fclose(f);
    return printed;
}

static char *text_of(const struct report *r)
{
    FILE *f = open_memstream(&printed, &printed_bytes);

    report_print_text(f, r, "out/report.html");
    fclose(f);
    return printed;
}

/* Every element is closed in the right order. */
static void assert_balanced(const char *html)
{
    char open[64][24];
    size_t depth = 0;

    for (const char *at = strchr(html, '<'); at; at = strchr(at + 1, '<')) {
        const char *end = strchr(at, '>');
        size_t len;

        assert_non_null(end);
        if (at[1] == '!' || !strncmp(at, "<meta ", 6) || end[-1] == '/')
            continue;
        if (at[1] != '/') {
            len = strcspn(at + 1, " >");
            assert_true(depth < COUNT(open) && len < sizeof open[0]);
            snprintf(open[depth++], sizeof open[0], "%.*s", (int)len, at + 1);
        } else {
            assert_true(depth > 0);
            depth--;
            len = strlen(open[depth]);
            if (strncmp(at + 2, open[depth], len) || at[2 + len] != '>')
                fail_msg("<%s> is closed by %.20s", open[depth], at);
        }
    }
    assert_int_equal(depth, 0);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("missing: %s", part);
}

static void assert_lacks(const char *text, const char *part)
{
    const char *at = strstr(text, part);

    if (at)
        fail_msg("unexpected: %.60s", at);
}

static void assert_no_broken_number(const char *text)
{
    assert_lacks(text, "nan ");
    assert_lacks(text, "nan<");
    assert_lacks(text, ">nan");
    assert_lacks(text, "\"nan");
    assert_lacks(text, ":nan");
    assert_lacks(text, "inf<");
    assert_lacks(text, ">inf");
    assert_lacks(text, ":inf");
    assert_lacks(text, "18446744");
}

/* ---- tests ---- */

static void every_viewers_page_is_well_formed_and_self_contained(void **state)
{
    static const char *const outside[] = {"http:", "https:", "//", "src=", "url(", "@import", "<script", "<link"};

    (void)state;
    for (int viewer = REPORT_LABEL_PARTY; viewer <= REPORT_COORDINATOR; viewer++) {
        struct report r = sample((enum report_viewer)viewer);
        char *html = html_of(&r);

        assert_balanced(html);
        assert_no_broken_number(html);
        for (size_t i = 0; i < COUNT(outside); i++)
            assert_lacks(html, outside[i]);
        free(html);
    }
}

static void every_way_mark_leads_to_a_section(void **state)
{
    (void)state;
    for (int viewer = REPORT_LABEL_PARTY; viewer <= REPORT_COORDINATOR; viewer++) {
        struct report r = sample((enum report_viewer)viewer);
        char *html = html_of(&r);

        for (const char *at = strstr(html, "href=\"#"); at; at = strstr(at + 1, "href=\"#")) {
            char id[64];

            snprintf(id, sizeof id, "id=\"%.*s\"", (int)strcspn(at + 7, "\""), at + 7);
            assert_has(html, id);
        }
        free(html);
    }
}

static void every_text_of_an_operator_is_escaped(void **state)
{
    static const char evil[] = "<script>alert('x')</script>&\"\n\x01";
    static const char escaped[] = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot; ?";
    const struct report_bin bin = {evil, 1, 1};
    const struct report_column column = {evil, &bin, 1};
    const struct report_disclosure disclosure = {evil, evil, evil, evil};
    const struct report_verdict verdict = {REPORT_FAILED, evil};
    const struct report_fact parameter = {evil, evil};
    const struct report_notice notice = {true, evil};

    (void)state;
    for (int viewer = REPORT_LABEL_PARTY; viewer <= REPORT_COORDINATOR; viewer++) {
        struct report r = sample((enum report_viewer)viewer);
        char *html;
        size_t count = 0;

        r.viewer_name = r.job = r.purpose = r.finished = r.version = evil;
        r.audit.contract_id = r.audit.session_id = evil;
        for (party p = 0; p < r.parties; p++)
            r.party[p].name = r.party[p].head = evil;
        r.column = &column, r.columns = 1;
        r.disclosure = &disclosure, r.disclosures = 1;
        r.audit.verdict = &verdict, r.audit.verdicts = 1;
        r.parameter = &parameter, r.parameters = 1;
        r.notice = &notice, r.notices = 1;
        html = html_of(&r);
        assert_balanced(html);
        assert_lacks(html, "<script");
        assert_lacks(html, "\x01");
        for (const char *at = html; (at = strstr(at, escaped)); at++)
            count++;
        assert_true(count >= 30);
        free(html);
    }
}

static void the_label_party_sees_every_section(void **state)
{
    static const char *const parts[] = {
        "transcript verified", "ROC curve", "KS curve", "Lift by decile", "Score distribution", "Calibration",
        "Deciles", "Scorecard of the own columns", "What each party received", "Joint checkpoints",
        "What the partners add",
        "21,670", "15,222 to train, 6,448 to test", "30,000", "授信状态", "(30000, 50000]", "95 numbers", "Ridge",
        "one value only", "Bytes received", "rank defaults better than bank can alone"};
    struct report r = sample(REPORT_LABEL_PARTY);
    char *html = html_of(&r), figure[32];

    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++)
        assert_has(html, parts[i]);
    snprintf(figure, sizeof figure, ">%.4f<", joint_metrics.auc);
    assert_has(html, figure);
    assert_lacks(html, "Left out");
    free(html);
}

static void the_exact_sigmoid_has_no_calibration_to_tell_of(void **state)
{
    struct report r = sample(REPORT_LABEL_PARTY);
    char *html = html_of(&r);

    (void)state;
    assert_has(html, "What calibration did");
    assert_has(html, "Log-loss, calibrated");
    free(html);
    r.exact = 1;
    html = html_of(&r);
    assert_lacks(html, "What calibration did");
    assert_lacks(html, "Log-loss, calibrated");
    assert_has(html, "a score is the log-odds of default as it stands");
    free(html);
}

static void what_a_feature_party_cannot_know_is_left_out_with_a_reason(void **state)
{
    struct report r = sample(REPORT_FEATURE_PARTY);
    char *html = html_of(&r);

    (void)state;
    assert_lacks(html, "ROC curve");
    assert_lacks(html, "Deciles");
    assert_has(html, "which only bank sees");
    assert_has(html, "Scorecard of the own columns");
    assert_has(html, "calibration is not known here");
    free(html);
}

static void the_coordinator_sees_no_weight(void **state)
{
    struct report r = sample(REPORT_COORDINATOR);
    char *html = html_of(&r);

    (void)state;
    assert_lacks(html, "LIMIT_BAL");
    assert_lacks(html, "ROC curve");
    assert_has(html, "a weight belongs to the party whose column it is of");
    free(html);
}

static void a_report_of_nothing_but_parties_still_stands(void **state)
{
    struct report r = {.viewer = REPORT_COORDINATOR, .viewer_name = "desk", .job = "empty", .parties = 2,
                       .party = {{.name = "a", .bytes_sent = REPORT_UNKNOWN, .bytes_received = REPORT_UNKNOWN,
                                  .records = REPORT_UNKNOWN, .phase_bytes = {[PHASE_TRAIN] = REPORT_UNKNOWN}},
                                 {.name = "b", .has_label = true}},
                       .joint = {NAN, NAN, NAN, NULL}, .alone = {NAN, NAN, NAN, NULL}, .logloss_raw = NAN,
                       .calibration = {NAN, NAN}};
    char *html = html_of(&r), *text = text_of(&r);

    (void)state;
    assert_balanced(html);
    assert_no_broken_number(html);
    assert_no_broken_number(text);
    assert_has(html, "transcript not checked");
    assert_has(html, "not agreed for this viewer");
    free(html);
    free(text);
}

static void two_to_eight_parties_fit(void **state)
{
    (void)state;
    for (uint16_t parties = 2; parties <= PARTIES_MAX; parties++) {
        struct report r = sample(REPORT_LABEL_PARTY);
        char *html;

        for (party p = 3; p < parties; p++)
            r.party[p] = r.party[1];
        r.parties = parties;
        html = html_of(&r);
        assert_balanced(html);
        free(html);
    }
}

static void a_failed_audit_is_said_at_the_top(void **state)
{
    struct report r = sample(REPORT_LABEL_PARTY);
    char *html, *text;

    (void)state;
    r.audit.verified = REPORT_FAILED;
    html = html_of(&r);
    text = text_of(&r);
    assert_has(html, "transcript NOT verified");
    assert_lacks(html, "transcript verified");
    assert_has(html, "Do not use this model");
    assert_has(text, "NOT VERIFIED");
    free(html);
    free(text);
}

static void no_uplift_is_said_plainly(void **state)
{
    struct report r = sample(REPORT_LABEL_PARTY), near = r;
    char *html, *close;

    (void)state;
    r.joint.auc = r.alone.auc - 0.01;
    near.joint.auc = near.alone.auc + 0.003;
    html = html_of(&r);
    close = html_of(&near);
    assert_has(html, "does not rank defaults better");
    assert_has(html, "−0.0100");
    assert_has(close, "by chance");
    free(html);
    free(close);
}

static void the_scorecard_starts_with_the_widest_column_and_counts_points_from_its_riskiest_bin(void **state)
{
    struct report r = sample(REPORT_LABEL_PARTY);
    const char *order[] = {"授信状态", "LIMIT_BAL", "EDUCATION", "AGE"};
    char *html, *at, best[64];

    (void)state;
    r.calibration = (struct calibration){1.5, 0};
    html = html_of(&r);
    at = strstr(html, "id=\"scorecard\"");
    for (size_t i = 0; i < COUNT(order); i++) {
        assert_non_null(at);
        at = strstr(at, order[i]);
    }
    assert_non_null(at);
    at = strstr(html, "授信状态");
    snprintf(best, sizeof best, "up to %.0f points", 20 / log(2) * 1.5 * (1.688 + 0.388));
    assert_has(at, best);
    at = strstr(at, "&gt; 2</td>");
    assert_non_null(at);
    assert_has(at, "1.688</td><td class=\"n\">0</td>");
    free(html);
}

static void json_holds_the_agreed_keys(void **state)
{
    struct report r = sample(REPORT_LABEL_PARTY);
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    json_t *o, *seconds, *sent;

    (void)state;
    r.party[2].bytes_sent = REPORT_UNKNOWN;
    assert_int_equal(report_print_json(f, &r), OK);
    fclose(f);
    o = json_loads(text, 0, NULL);
    assert_non_null(o);
    assert_int_equal(json_integer_value(json_object_get(o, "rows_aligned")), 21670);
    assert_int_equal(json_integer_value(json_object_get(o, "rows_train")), 15222);
    assert_int_equal(json_integer_value(json_object_get(o, "rows_test")), 6448);
    assert_int_equal(json_integer_value(json_object_get(o, "parties")), 3);
    assert_int_equal(json_integer_value(json_object_get(o, "passes")), 16);
    assert_int_equal(json_integer_value(json_object_get(o, "key_bits")), 2048);
    assert_true(fabs(json_real_value(json_object_get(o, "auc_test")) - joint_metrics.auc) < 1e-9);
    assert_true(fabs(json_real_value(json_object_get(o, "ks_test")) - joint_metrics.ks) < 1e-9);
    assert_true(fabs(json_real_value(json_object_get(o, "logloss_test")) - joint_metrics.logloss) < 1e-9);
    assert_true(fabs(json_real_value(json_object_get(o, "auc_label_party_alone")) - alone_metrics.auc) < 1e-9);
    seconds = json_object_get(o, "seconds");
    assert_true(json_real_value(json_object_get(seconds, "align")) == 9.81);
    assert_true(json_real_value(json_object_get(seconds, "prepare")) == 61.7);
    assert_true(json_real_value(json_object_get(seconds, "train")) == 4.92);
    assert_true(json_real_value(json_object_get(seconds, "evaluate")) == 0.21);
    assert_true(json_real_value(json_object_get(seconds, "total")) == 78.3);
    assert_true(fabs(json_real_value(json_object_get(o, "seconds_offline")) - 72.85) < 1e-9);
    assert_true(json_real_value(json_object_get(o, "seconds_online")) >= 4.92 + 0.21);
    sent = json_object_get(o, "bytes_sent");
    assert_int_equal(json_integer_value(json_object_get(sent, "bank")), r.party[0].bytes_sent);
    assert_true(json_is_null(json_object_get(sent, "social")));
    assert_true(json_is_true(json_object_get(json_object_get(o, "transcript"), "verified")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "transcript"), "sessions")), 3);
    json_decref(o);
    free(text);
}

static void the_text_puts_alone_and_joint_side_by_side(void **state)
{
    struct report r = sample(REPORT_LABEL_PARTY);
    char *text = text_of(&r), line[128];

    (void)state;
    assert_has(text, "bank alone        joint");
    snprintf(line, sizeof line, "AUC%22.4f%13.4f%+13.4f\n", alone_metrics.auc, joint_metrics.auc,
             joint_metrics.auc - alone_metrics.auc);
    assert_has(text, line);
    assert_has(text, "out/report.html");
    assert_has(text, "transcript  verified (3 parties)");
    if (getenv("HEFU_REPORT_DIR"))
        fputs(text, stdout);
    free(text);
}

static void files_appear_whole_or_not_at_all(void **state)
{
    char directory[] = "/tmp/hefu-report-XXXXXX", path[64], wrong[96];
    struct report r = sample(REPORT_LABEL_PARTY);
    struct fault fault = {0};

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/report.html", directory);
    snprintf(wrong, sizeof wrong, "%s/nowhere/report.html", directory);
    assert_int_equal(report_write_html(path, &r, &fault), OK);
    assert_int_equal(report_write_html(path, &r, &fault), OK);
    assert_int_equal(access(path, R_OK), 0);
    unlink(path);
    assert_int_equal(report_write_json(path, &r, &fault), OK);
    unlink(path);
    assert_int_not_equal(report_write_html(wrong, &r, &fault), OK);
    assert_has(fault.message, "nowhere");
    rmdir(directory);
}

static void numbers_read_as_people_write_them(void **state)
{
    (void)state;
    assert_string_equal(fmt_count(0).s, "0");
    assert_string_equal(fmt_count(999).s, "999");
    assert_string_equal(fmt_count(1000).s, "1,000");
    assert_string_equal(fmt_count(21670123).s, "21,670,123");
    assert_string_equal(fmt_bytes(999).s, "999 B");
    assert_string_equal(fmt_bytes(1000).s, "1.00 kB");
    assert_string_equal(fmt_bytes(999600).s, "1.00 MB");
    assert_string_equal(fmt_bytes(137400000).s, "137 MB");
    assert_string_equal(fmt_seconds(0.424).s, "0.42 s");
    assert_string_equal(fmt_seconds(38.14).s, "38.1 s");
    assert_string_equal(fmt_seconds(133).s, "2 min 13 s");
    assert_string_equal(fmt_seconds(3900).s, "1 h 05 min");
    assert_string_equal(fmt_percent(0.2212).s, "22.1\u00a0%");
    assert_string_equal(fmt_figure(-0.5).s, "−0.5000");
    assert_string_equal(fmt_figure(NAN).s, "–");
    assert_string_equal(fmt_change(0.1).s, "+0.1000");
    assert_string_equal(fmt_change(-0.1).s, "−0.1000");
    assert_string_equal(fmt_change(0).s, "±0.0000");
}

static void ticks_stand_at_round_numbers(void **state)
{
    (void)state;
    assert_true(chart_round_step(1, 6) == 0.2);
    assert_true(chart_round_step(3.1, 6) == 1);
    assert_true(fabs(chart_round_step(0.11, 6) - 0.02) < 1e-15);
    assert_true(chart_round_step(1000, 6) == 200);
}

static void the_error_of_an_auc_equals_that_of_the_metrics(void **state)
{
    (void)state;
    assert_true(fabs(report_auc_error(joint_metrics.auc, joint_metrics.rows, joint_metrics.positives) -
                     joint_metrics.auc_se) < 1e-12);
    assert_true(isnan(report_auc_error(0.7, 10, 0)) && isnan(report_auc_error(NAN, 10, 5)));
}

/* For tests/cli/report_shots.sh: leaves the samples in $HEFU_REPORT_DIR. */
static void samples_are_left_where_asked(void **state)
{
    static const char *const names[] = {"label", "feature", "coordinator"};
    const char *directory = getenv("HEFU_REPORT_DIR");

    (void)state;
    if (!directory)
        skip();
    for (int viewer = REPORT_LABEL_PARTY; viewer <= REPORT_COORDINATOR; viewer++) {
        struct report r = sample((enum report_viewer)viewer);
        char path[512];

        snprintf(path, sizeof path, "%s/%s.html", directory, names[viewer]);
        assert_int_equal(report_write_html(path, &r, NULL), OK);
    }
}

static json_t *json_of(const struct report *r)
{
    FILE *f = open_memstream(&printed, &printed_bytes);
    json_t *out;

    assert_int_equal(report_print_json(f, r), OK);
    fclose(f);
    out = json_loads(printed, 0, NULL);
    assert_non_null(out);
    free(printed);
    return out;
}

static void what_was_predicted_stands_beside_what_came(void **state)
{
    struct report r = sample(REPORT_LABEL_PARTY);
    json_t *o, *prepare;

    (void)state;
    o = json_of(&r);
    assert_true(json_is_null(json_object_get(o, "forecast")));
    json_decref(o);
    r.forecast.rates = "measured 2026-01-31 on <a machine>";
    r.forecast.cpu_seconds[PHASE_PREPARE] = 9.5;
    r.forecast.cpu_seconds_actual[PHASE_PREPARE] = 10.25;
    r.forecast.sent[PHASE_PREPARE] = r.forecast.sent_actual[PHASE_PREPARE] = 123456789;
    o = json_of(&r);
    prepare = json_object_get(json_object_get(o, "forecast"), "prepare");
    assert_true(json_real_value(json_object_get(prepare, "cpu_seconds")) == 9.5);
    assert_true(json_real_value(json_object_get(prepare, "cpu_seconds_actual")) == 10.25);
    assert_int_equal(json_integer_value(json_object_get(prepare, "bytes_sent_actual")), 123456789);
    json_decref(o);
    html_of(&r);
    assert_non_null(strstr(printed, "on &lt;a machine&gt;"));
    assert_non_null(strstr(printed, "CPU predicted"));
    assert_balanced(printed);
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_viewers_page_is_well_formed_and_self_contained),
        cmocka_unit_test(every_way_mark_leads_to_a_section),
        cmocka_unit_test(every_text_of_an_operator_is_escaped),
        cmocka_unit_test(the_label_party_sees_every_section),
        cmocka_unit_test(the_exact_sigmoid_has_no_calibration_to_tell_of),
        cmocka_unit_test(what_a_feature_party_cannot_know_is_left_out_with_a_reason),
        cmocka_unit_test(the_coordinator_sees_no_weight),
        cmocka_unit_test(a_report_of_nothing_but_parties_still_stands),
        cmocka_unit_test(two_to_eight_parties_fit),
        cmocka_unit_test(a_failed_audit_is_said_at_the_top),
        cmocka_unit_test(no_uplift_is_said_plainly),
        cmocka_unit_test(the_scorecard_starts_with_the_widest_column_and_counts_points_from_its_riskiest_bin),
        cmocka_unit_test(json_holds_the_agreed_keys),
        cmocka_unit_test(what_was_predicted_stands_beside_what_came),
        cmocka_unit_test(the_text_puts_alone_and_joint_side_by_side),
        cmocka_unit_test(files_appear_whole_or_not_at_all),
        cmocka_unit_test(numbers_read_as_people_write_them),
        cmocka_unit_test(ticks_stand_at_round_numbers),
        cmocka_unit_test(the_error_of_an_auc_equals_that_of_the_metrics),
        cmocka_unit_test(samples_are_left_where_asked),
    };

    return cmocka_run_group_tests(tests, make_samples, NULL);
}
