/* job.yaml: what is read, and what every mistake is told like. */
#include "node/local/job_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                  \
    "name: default-2024\n"                    \
    "purpose: risk of default\n"              \
    "tables:\n"                               \
    "  - {party: bank, table: customers}\n"   \
    "  - {party: tax, table: filings}\n"

static struct job_file job;

static status parse(const char *text, struct fault *f)
{
    return job_file_parse(&job, "job.yaml", text, strlen(text), f);
}

static void assert_refused(const char *text, const char *message)
{
    struct fault f = {0};

    assert_int_equal(parse(text, &f), STATUS_CONFIG);
    assert_string_equal(f.message, message);
}

static int all_zero(const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((const uint8_t *)bytes)[i])
            return 0;
    return 1;
}

static void the_short_file_reads_with_defaults(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD, &f), OK);
    assert_string_equal(job.name, "default-2024");
    assert_int_equal(job.num_tables, 2);
    assert_string_equal(job.tables[1].party, "tax");
    assert_string_equal(job.tables[1].table, "filings");
    assert_int_equal(job.training.passes, PASSES_EXACT);
    assert_int_equal(job.training.ridge_micro, 3000);
    assert_int_equal(job.training.sigmoid, SIGMOID_TABLE);
    assert_int_equal(job.training.table_bits, TABLE_BITS_DEFAULT);
    assert_int_equal(job.training.score_range, SCORE_RANGE_DEFAULT);
    assert_int_equal(job.key_bits, 3072);
    assert_int_equal(job.test.rule, TEST_DRAWN);
    assert_int_equal(job.test.permille, 300);
    assert_int_equal(job.limits.min_rows, 1000);
    assert_int_equal(job.limits.min_positives, 50);
    assert_int_equal(job.limits.rows_per_bin, 10);
    assert_int_equal(job.limits.attempts, 3);
    assert_int_equal(job.score_bits, 6);
    assert_int_equal(job.window_hours, 72);
    assert_true(all_zero(&job.previous, sizeof job.previous));
    assert_true(all_zero(&job.law, sizeof job.law));
    assert_true(all_zero(&job.audit, sizeof job.audit)); /* replay: off */
}

static void every_key_reads_into_its_field(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD "training: {passes: 8, ridge: 0.0125, sigmoid: exact, sigmoid_table: 64, score_range: 16}\n"
                                "key_bits: 2048\n"
                                "test: {share: 0.25}\n"
                                "limits: {min_rows: 5, min_positives: 6, rows_per_bin: 4, attempts: 1}\n"
                                "score_bits: 4\n"
                                "window_hours: 24\n",
                           &f), OK);
    assert_int_equal(job.training.passes, 8);
    assert_int_equal(job.training.ridge_micro, 12500);
    assert_int_equal(job.training.sigmoid, SIGMOID_TABLE);
    assert_int_equal(job.training.table_bits, 6);
    assert_int_equal(job.training.score_range, 16);
    assert_int_equal(job.key_bits, 2048);
    assert_int_equal(job.test.permille, 250);
    assert_int_equal(job.limits.min_rows, 5);
    assert_int_equal(job.limits.min_positives, 6);
    assert_int_equal(job.limits.rows_per_bin, 4);
    assert_int_equal(job.limits.attempts, 1);
    assert_int_equal(job.score_bits, 4);
    assert_int_equal(job.window_hours, 24);
}

/* An X25519 key, and the generator of SM2, as hefu-audit keygen prints them. */
#define POINT "0232c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
#define KEY "ec080000000000000000000000000000000000000000000000000000000000000f"
#define HEX "abababababababababababababababababababababababababababababababab"

static void law_and_audit_read_into_their_fields(void **state)
{
    struct fault f = {0};
    struct hash hex;

    (void)state;
    memset(&hex, 0xab, sizeof hex);
    assert_int_equal(parse(HEAD "previous: " HEX "\n"
                                "law: {consent_root: " HEX ", assessment: " HEX ", data_level: 3, authorisations: A-17}\n"
                                "audit: {replay: sealed, auditor: Auditor and Sons, auditor_key: " KEY ", retention_days: 365}\n",
                           &f), OK);
    assert_true(hash_equal(&job.previous, &hex));
    assert_true(hash_equal(&job.law.consent_root, &hex));
    assert_true(hash_equal(&job.law.assessment, &hex));
    assert_int_equal(job.law.data_level, 3);
    assert_string_equal(job.law.authorisations, "A-17");
    assert_int_equal(job.audit.replay, REPLAY_SEALED);
    assert_string_equal(job.audit.auditor, "Auditor and Sons");
    assert_int_equal(job.audit.auditor_key.bytes[0], KEY_X25519);
    assert_int_equal(job.audit.auditor_key.bytes[1], 8);
    assert_int_equal(job.audit.retention_days, 365);
    assert_int_equal(parse(HEAD "audit: {replay: sealed}\n", &f), OK);
    assert_int_equal(job.audit.retention_days, RETENTION_DAYS_DEFAULT);
    assert_int_equal(parse(HEAD "audit: {replay: sealed, retention_days: 0}\n", &f), OK);
    assert_int_equal(job.audit.retention_days, 0);
    assert_int_equal(parse(HEAD "audit: {replay: off}\n", &f), OK);
    assert_int_equal(job.suite, SUITE_INT1);
    assert_int_equal(parse(HEAD "suite: GM1\naudit: {replay: sealed, auditor: A, auditor_key: " POINT "}\n", &f), OK);
    assert_int_equal(job.suite, SUITE_GM1);
    assert_int_equal(job.audit.auditor_key.bytes[0], 2);
}

static void mistakes_in_law_and_audit_are_named_with_line_and_range(void **state)
{
    (void)state;
    assert_refused(HEAD "law: {data_level: 6}\n", "job.yaml:6:19: law.data_level is 6, outside 1 to 5");
    assert_refused(HEAD "law:\n  consent_root: abc\n",
                   "job.yaml:7:17: law.consent_root must be the root of the batch of consents: 64 hexadecimal digits");
    assert_refused(HEAD "audit: {replay: maybe}\n", "job.yaml:6:17: audit.replay is \"maybe\", not one of: off, sealed");
    assert_refused(HEAD "audit: {replay: sealed, retention_days: 3651}\n",
                   "job.yaml:6:41: audit.retention_days is 3651, outside 0 to 3650");
    assert_refused(HEAD "audit: {retention_days: 5}\n",
                   "job.yaml:6:25: audit.retention_days: does not go together with replay: off");
    assert_refused(HEAD "audit: {replay: off, auditor: A, auditor_key: " KEY "}\n",
                   "job.yaml:6:31: audit.auditor: does not go together with replay: off");
    assert_refused(HEAD "audit: {replay: sealed, auditor: A}\n", "job.yaml:6:34: audit.auditor: needs audit.auditor_key too");
    assert_refused(HEAD "audit: {replay: sealed, auditor_key: " KEY "}\n",
                   "job.yaml:6:38: audit.auditor_key: needs audit.auditor too");
    assert_refused(HEAD "audit: {replay: sealed, auditor: A, auditor_key: " POINT "}\n",
                   "job.yaml:6:50: audit.auditor_key: no key of suite INT1 that secrets can be sealed to");
    assert_refused(HEAD "suite: GM1\naudit: {replay: sealed, auditor: A, auditor_key: " KEY "}\n",
                   "job.yaml:7:50: audit.auditor_key: no key of suite GM1 that secrets can be sealed to");
    assert_refused(HEAD "audit: {replay: sealed, auditor: A, auditor_key: " HEX "}\n",
                   "job.yaml:6:50: audit.auditor_key is \"abababababababababababababababababababab...\", not the auditor's public key as "
                   "hefu-audit keygen prints it: 66 hexadecimal digits");
    assert_refused(HEAD "suite: GM2\n", "job.yaml:6:8: suite is \"GM2\", not one of: INT1, GM1");
}

static void decimals_are_exact_at_both_ends_of_their_range(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD "training: {ridge: 0.0001}\n", &f), OK);
    assert_int_equal(job.training.ridge_micro, 100);
    assert_int_equal(parse(HEAD "training: {ridge: 1}\n", &f), OK);
    assert_int_equal(job.training.ridge_micro, 1000000);
    assert_int_equal(parse(HEAD "test: {share: 0.9}\n", &f), OK);
    assert_int_equal(job.test.permille, 900);
    assert_refused(HEAD "training: {ridge: 0.000099}\n",
                   "job.yaml:6:19: training.ridge is 0.000099, outside 0.0001 to 1");
    assert_refused(HEAD "training: {ridge: 1.000001}\n",
                   "job.yaml:6:19: training.ridge is 1.000001, outside 0.0001 to 1");
    assert_refused(HEAD "training: {ridge: 3e-3}\n",
                   "job.yaml:6:19: training.ridge is \"3e-3\", not a decimal number from 0.0001 to 1");
    assert_refused(HEAD "training: {ridge: nan}\n",
                   "job.yaml:6:19: training.ridge is \"nan\", not a decimal number from 0.0001 to 1");
    assert_refused(HEAD "training: {ridge: 0.0030000}\n",
                   "job.yaml:6:19: training.ridge is \"0.0030000\", not a decimal number from 0.0001 to 1");
    assert_refused(HEAD "training: {ridge: 1.}\n",
                   "job.yaml:6:19: training.ridge is \"1.\", not a decimal number from 0.0001 to 1");
}

static void test_rows_are_drawn_or_listed_but_not_both(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD "test: {listed: true}\n", &f), OK);
    assert_int_equal(job.test.rule, TEST_LISTED);
    assert_int_equal(job.test.permille, 0);
    assert_int_equal(parse(HEAD "test: {listed: false, share: 0.2}\n", &f), OK);
    assert_int_equal(job.test.rule, TEST_DRAWN);
    assert_int_equal(job.test.permille, 200);
    assert_refused(HEAD "test: {share: 0.2, listed: true}\n",
                   "job.yaml:6:15: test.share: does not go together with listed");
    assert_refused(HEAD "test: {share: 0.2505}\n", "job.yaml:6:15: test.share: finer than 0.001");
    assert_refused(HEAD "test: {listed: yes}\n", "job.yaml:6:16: test.listed is \"yes\", not one of: true, false");
    assert_refused(HEAD "test: {share: 0.99}\n", "job.yaml:6:15: test.share is 0.99, outside 0.05 to 0.9");
}

static void mistakes_are_named_with_line_and_range(void **state)
{
    (void)state;
    assert_refused(HEAD "key_bits: 1024\n", "job.yaml:6:11: key_bits is \"1024\", not one of: 2048, 3072, 4096");
    assert_refused(HEAD "training:\n  passes: 1\n", "job.yaml:7:11: training.passes is 1, outside 2 to 64");
    assert_refused(HEAD "training:\n  passes: 65\n", "job.yaml:7:11: training.passes is 65, outside 2 to 64");
    assert_refused(HEAD "training: {sigmoid: cubic}\n",
                   "job.yaml:6:21: training.sigmoid is \"cubic\", not one of: exact, linear");
    assert_refused(HEAD "training: {sigmoid_table: 100}\n",
                   "job.yaml:6:27: training.sigmoid_table is \"100\", not one of: 32, 64, 128, 256");
    assert_refused(HEAD "score_bits: 11\n", "job.yaml:6:13: score_bits is 11, outside 4 to 10");
    assert_refused(HEAD "pases: 3\n", "job.yaml:6:1: unknown key \"pases\"");
    assert_refused(HEAD "name: again\n", "job.yaml:6:1: name appears twice");
    assert_refused("name: x\npurpose: y\n", "job.yaml:1:1: missing key \"tables\"");
    assert_refused("name: x\ntables:\n  - {party: a, table: t}\n  - {party: b, table: t}\n",
                   "job.yaml:1:1: missing key \"purpose\"");
    assert_refused("name: x\npurpose: y\ntables: [{party: a, table: t}]\n",
                   "job.yaml:3:9: tables needs at least 2 items");
    assert_refused("name: x\npurpose: y\ntables:\n  - {party: a, table: t}\n  - {party: a, table: u}\n",
                   "job.yaml:5:13: tables[2].party: \"a\" is listed twice");
    assert_refused("name: x\npurpose: y\ntables:\n  - {party: a}\n",
                   "job.yaml:4:5: missing key \"table\" in tables[1]");
    assert_refused("name: x\npurpose: \"two\\nlines\"\n",
                   "job.yaml:2:10: purpose holds a control character or a line break");
}

static void the_linear_sigmoid_has_no_table(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD "training: {sigmoid: linear}\n", &f), OK);
    assert_int_equal(job.training.sigmoid, SIGMOID_LINEAR);
    assert_int_equal(job.training.table_bits, 0);
    assert_int_equal(job.training.score_range, 0);
    assert_refused(HEAD "training: {sigmoid: linear, score_range: 8}\n",
                   "job.yaml:6:42: training.score_range: does not go together with the linear sigmoid");
}

static void nine_parties_are_one_too_many(void **state)
{
    char text[1024] = "name: x\npurpose: y\ntables:\n";
    struct fault f = {0};
    size_t len = strlen(text);

    (void)state;
    for (int i = 0; i < 8; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "  - {party: p%d, table: t}\n", i);
    assert_int_equal(parse(text, &f), OK);
    assert_int_equal(job.num_tables, 8);
    snprintf(text + len, sizeof text - len, "  - {party: p8, table: t}\n");
    assert_refused(text, "job.yaml:12:5: tables has more than 8 items");
}

static void the_sample_reads_and_says_the_defaults(void **state)
{
    struct job_file sample;
    struct fault f = {0};

    (void)state;
    assert_int_equal(job_file_load(&sample, HEFU_SOURCE_DIR "/configs/job.yaml", &f), OK);
    assert_int_equal(sample.num_tables, 3);
    assert_int_equal(parse(HEAD, &f), OK);
    assert_memory_equal(&sample.training, &job.training, sizeof job.training);
    assert_memory_equal(&sample.limits, &job.limits, sizeof job.limits);
    assert_memory_equal(&sample.test, &job.test, sizeof job.test);
    assert_int_equal(sample.key_bits, job.key_bits);
    assert_int_equal(sample.window_hours, job.window_hours);
    assert_memory_equal(&sample.audit, &job.audit, sizeof job.audit);
    f = (struct fault){0};
    assert_int_equal(job_file_load(&sample, "/nonexistent.yaml", &f), STATUS_CONFIG);
    assert_string_equal(f.message, "/nonexistent.yaml: cannot be read: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_file_reads_with_defaults),
        cmocka_unit_test(every_key_reads_into_its_field),
        cmocka_unit_test(law_and_audit_read_into_their_fields),
        cmocka_unit_test(mistakes_in_law_and_audit_are_named_with_line_and_range),
        cmocka_unit_test(decimals_are_exact_at_both_ends_of_their_range),
        cmocka_unit_test(test_rows_are_drawn_or_listed_but_not_both),
        cmocka_unit_test(mistakes_are_named_with_line_and_range),
        cmocka_unit_test(the_linear_sigmoid_has_no_table),
        cmocka_unit_test(nine_parties_are_one_too_many),
        cmocka_unit_test(the_sample_reads_and_says_the_defaults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
