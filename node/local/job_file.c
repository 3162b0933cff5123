#include "node/local/job_file.h"

#include "node/local/schema.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As written; the rest of the programs see struct job_test. */
struct written {
    struct job_file job;
    struct {
        uint32_t share_micro, listed;
    } test;
    char auditor_key[2 * SEAL_PUBLIC_BYTES + 1];
};

static const struct schema_field table_fields[] = {
    {"party", SCHEMA_TEXT, 1, SCHEMA_AT(struct job_table, party), .check = name_is_valid, .expects = NAME_RULE},
    {"table", SCHEMA_TEXT, 1, SCHEMA_AT(struct job_table, table), .check = name_is_valid, .expects = NAME_RULE},
    {0},
};

static const struct schema_choice sigmoid_words[] = {{"exact", SIGMOID_TABLE}, {"linear", SIGMOID_LINEAR}, {0}};
static const struct schema_choice table_words[] = {{"32", 5}, {"64", 6}, {"128", 7}, {"256", 8}, {0}};
static const struct schema_choice range_words[] = {{"4", 4}, {"8", 8}, {"16", 16}, {"32", 32}, {0}};

static const struct schema_field training_fields[] = {
    {"passes", SCHEMA_COUNT, 0, SCHEMA_AT(struct job_training, passes), .min = 2, .max = PASSES_MAX},
    {"ridge", SCHEMA_DECIMAL, 0, SCHEMA_AT(struct job_training, ridge_micro), .min = 100, .max = 1000000},
    {"sigmoid", SCHEMA_CHOICE, 0, SCHEMA_AT(struct job_training, sigmoid), .choices = sigmoid_words},
    {"sigmoid_table", SCHEMA_CHOICE, 0, SCHEMA_AT(struct job_training, table_bits), .choices = table_words},
    {"score_range", SCHEMA_CHOICE, 0, SCHEMA_AT(struct job_training, score_range), .choices = range_words},
    {0},
};

static const struct schema_choice suite_words[] = {{"INT1", SUITE_INT1}, {"GM1", SUITE_GM1}, {0}};
static const struct schema_choice key_bits_words[] = {{"2048", 2048}, {"3072", 3072}, {"4096", 4096}, {0}};
static const struct schema_choice boolean_words[] = {{"true", 1}, {"false", 0}, {0}};

static const struct schema_field test_fields[] = {
    {"share", SCHEMA_DECIMAL, 0, SCHEMA_AT(struct written, test.share_micro), .min = 50000, .max = 900000},
    {"listed", SCHEMA_CHOICE, 0, SCHEMA_AT(struct written, test.listed), .choices = boolean_words},
    {0},
};

static const struct schema_field limit_fields[] = {
    {"min_rows", SCHEMA_COUNT, 0, SCHEMA_AT(struct job_limits, min_rows), .min = 1, .max = 1000000000},
    {"min_positives", SCHEMA_COUNT, 0, SCHEMA_AT(struct job_limits, min_positives), .min = 1, .max = 1000000000},
    {"rows_per_bin", SCHEMA_COUNT, 0, SCHEMA_AT(struct job_limits, rows_per_bin), .min = 2, .max = 100},
    {"attempts", SCHEMA_COUNT, 0, SCHEMA_AT(struct job_limits, attempts), .min = 1, .max = ATTEMPTS_MAX},
    {0},
};

static const struct schema_field law_fields[] = {
    {"consent_root", SCHEMA_HASH, 0, SCHEMA_AT(struct job_law, consent_root),
     .expects = "the root of the batch of consents"},
    {"assessment", SCHEMA_HASH, 0, SCHEMA_AT(struct job_law, assessment),
     .expects = "the sha-256 of the impact assessment"},
    {"data_level", SCHEMA_COUNT, 0, SCHEMA_AT(struct job_law, data_level), .min = 1, .max = DATA_LEVEL_MAX},
    {"authorisations", SCHEMA_TEXT, 0, SCHEMA_AT(struct job_law, authorisations)},
    {0},
};

static const struct schema_choice replay_words[] = {{"off", REPLAY_OFF}, {"sealed", REPLAY_SEALED}, {0}};

static int read_seal_public(struct seal_public *out, const char *text)
{
    size_t len = 0;

    return sodium_hex2bin(out->bytes, sizeof out->bytes, text, strlen(text), NULL, &len, NULL) == 0 && len == sizeof out->bytes;
}

static int is_seal_public(const char *text)
{
    struct seal_public key;

    return read_seal_public(&key, text);
}

/* Offsets into struct written. */
static const struct schema_field audit_fields[] = {
    {"replay", SCHEMA_CHOICE, 0, SCHEMA_AT(struct written, job.audit.replay), .choices = replay_words},
    {"auditor", SCHEMA_TEXT, 0, SCHEMA_AT(struct written, job.audit.auditor)},
    {"auditor_key", SCHEMA_TEXT, 0, SCHEMA_AT(struct written, auditor_key), .check = is_seal_public,
     .expects = "the auditor's public key as hefu-audit keygen prints it: 66 hexadecimal digits"},
    {"retention_days", SCHEMA_COUNT, 0, SCHEMA_AT(struct written, job.audit.retention_days), .min = 0, .max = RETENTION_DAYS_MAX},
    {0},
};

static const struct schema_field job_fields[] = {
    {"name", SCHEMA_TEXT, 1, SCHEMA_AT(struct written, job.name), .check = name_is_valid, .expects = NAME_RULE},
    {"purpose", SCHEMA_TEXT, 1, SCHEMA_AT(struct written, job.purpose),
     .expects = "a sentence that each operator reads before approving"},
    {"tables", SCHEMA_LIST_AT(struct written, job.tables, job.num_tables), .required = 1, .min = 2,
     .fields = table_fields, .expects = "a party and a table for each participant"},
    {"training", SCHEMA_MAP, 0, SCHEMA_AT(struct written, job.training), .fields = training_fields},
    {"suite", SCHEMA_CHOICE, 0, SCHEMA_AT(struct written, job.suite), .choices = suite_words},
    {"key_bits", SCHEMA_CHOICE, 0, SCHEMA_AT(struct written, job.key_bits), .choices = key_bits_words},
    {"test", SCHEMA_MAP, 0, .offset = 0, .fields = test_fields}, /* its fields are offsets into struct written */
    {"limits", SCHEMA_MAP, 0, SCHEMA_AT(struct written, job.limits), .fields = limit_fields},
    {"score_bits", SCHEMA_COUNT, 0, SCHEMA_AT(struct written, job.score_bits), .min = 4, .max = 10},
    {"window_hours", SCHEMA_COUNT, 0, SCHEMA_AT(struct written, job.window_hours), .min = 1, .max = 8760},
    {"previous", SCHEMA_HASH, 0, SCHEMA_AT(struct written, job.previous), .expects = "the id of an earlier contract"},
    {"law", SCHEMA_MAP, 0, SCHEMA_AT(struct written, job.law), .fields = law_fields},
    {"audit", SCHEMA_MAP, 0, .offset = 0, .fields = audit_fields},
    {0},
};

/* One rule only: a share that is drawn, or rows that the label party lists. */
static status decide_test_rule(struct written *w, const struct schema_marks *marks, struct fault *f)
{
    if (w->test.listed && schema_present(marks, "test.share")) {
        fault_hint(f, "keep share to draw test rows from the joint nonces, or listed to use the label party's list");
        return schema_fault(marks, "test.share", f, "does not go together with listed");
    }
    if (w->test.share_micro % 1000 != 0) {
        fault_hint(f, "test.share takes at most 3 decimal places");
        return schema_fault(marks, "test.share", f, "finer than 0.001");
    }
    w->job.test.rule = w->test.listed ? TEST_LISTED : TEST_DRAWN;
    w->job.test.permille = w->test.listed ? 0 : w->test.share_micro / 1000;
    return OK;
}

/* The linear sigmoid has no table. */
static status check_sigmoid(struct job_training *t, const struct schema_marks *marks, struct fault *f)
{
    static const char *const keys[] = {"training.sigmoid_table", "training.score_range"};

    if (t->sigmoid != SIGMOID_LINEAR)
        return OK;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (schema_present(marks, keys[i])) {
            fault_hint(f, "take it out, or use the exact sigmoid");
            return schema_fault(marks, keys[i], f, "does not go together with the linear sigmoid");
        }
    t->table_bits = t->score_range = 0;
    return OK;
}

/* What is not written follows from the sigmoid. */
static void decide_passes(struct job_training *t)
{
    if (!t->passes)
        t->passes = t->sigmoid == SIGMOID_TABLE ? PASSES_EXACT : PASSES_LINEAR;
}

/* Without sealed seeds there is nothing that an auditor could open or that would be kept; an auditor has a name and a key, of the
 * job's suite. */
static status check_audit(struct written *w, const struct schema_marks *marks, struct fault *f)
{
    struct job_audit *a = &w->job.audit;
    static const char *const keys[] = {"audit.auditor", "audit.auditor_key", "audit.retention_days"};
    const int named = schema_present(marks, "audit.auditor"), keyed = schema_present(marks, "audit.auditor_key");

    for (size_t i = 0; a->replay == REPLAY_OFF && i < sizeof keys / sizeof keys[0]; i++)
        if (schema_present(marks, keys[i])) {
            fault_hint(f, "take it out, or write replay: sealed");
            return schema_fault(marks, keys[i], f, "does not go together with replay: off");
        }
    if (named != keyed) {
        fault_hint(f, "without both, each owner's node keeps its own seeds sealed for itself");
        return schema_fault(marks, named ? keys[0] : keys[1], f, "needs %s too", named ? keys[1] : keys[0]);
    }
    if (keyed && (!read_seal_public(&a->auditor_key, w->auditor_key) || seal_public_check(&a->auditor_key, w->job.suite) != OK)) {
        fault_hint(f, "hefu-audit keygen --suite %s FILE makes one", suite_name(w->job.suite));
        return schema_fault(marks, "audit.auditor_key", f, "no key of suite %s that secrets can be sealed to",
                            suite_name(w->job.suite));
    }
    if (a->replay == REPLAY_SEALED && !schema_present(marks, "audit.retention_days"))
        a->retention_days = RETENTION_DAYS_DEFAULT;
    return OK;
}

static status check_parties_distinct(const struct job_file *job, const struct schema_marks *marks, struct fault *f)
{
    char path[SCHEMA_PATH_BYTES];

    for (uint32_t i = 0; i < job->num_tables; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(job->tables[i].party, job->tables[j].party) != 0)
                continue;
            snprintf(path, sizeof path, "tables[%u].party", i + 1);
            fault_hint(f, "a party takes part with one table");
            return schema_fault(marks, path, f, "\"%s\" is listed twice", job->tables[i].party);
        }
    }
    return OK;
}

status job_file_parse(struct job_file *out, const char *file, const void *text, size_t len, struct fault *f)
{
    struct schema_marks *marks AUTO(auto_free) = NULL;
    struct written w = {
        .job = {
            .training = {.ridge_micro = 3000, .sigmoid = SIGMOID_TABLE,
                         .table_bits = TABLE_BITS_DEFAULT, .score_range = SCORE_RANGE_DEFAULT},
            .suite = SUITE_INT1,
            .key_bits = 3072,
            .limits = {.min_rows = 1000, .min_positives = 50, .rows_per_bin = 10, .attempts = ATTEMPTS_MAX},
            .score_bits = 6,
            .window_hours = 72,
        },
        .test = {.share_micro = 300000},
    };

    TRY(alloc_zeroed(&marks, 1, sizeof *marks));
    TRY(schema_read(&w, job_fields, file, text, len, marks, f));
    TRY(check_parties_distinct(&w.job, marks, f));
    TRY(check_sigmoid(&w.job.training, marks, f));
    decide_passes(&w.job.training);
    TRY(check_audit(&w, marks, f));
    TRY(decide_test_rule(&w, marks, f));
    *out = w.job;
    return OK;
}

status job_file_load(struct job_file *out, const char *path, struct fault *f)
{
    uint8_t *text AUTO(auto_free) = NULL;
    size_t len = 0;
    status code = files_read(&text, &len, path, CONFIG_FILE_BYTES_MAX, f);

    if (code == STATUS_CONFIG)
        fault_hint(f, "configs/job.yaml is a commented sample");
    TRY(code);
    return job_file_parse(out, path, text, len, f);
}
