/* hefu try: any CSV files, one command.  Brings up a real consortium on this machine, trains, verifies, and leaves the
 * results in a directory. */
#include "node/hefu/cmd.h"
#include "node/hefu/consortium.h"
#include "node/hefu/coordinate.h"
#include "node/hefu/try_output.h"
#include "node/local/csv.h"
#include "node/local/rates.h"
#include "node/local/source.h"
#include "node/net/store.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BITS_DEFAULT = 3072, MIN_ROWS_DEFAULT = 100, MIN_POSITIVES = 10, ROWS_PER_BIN = 2,
       RIDGE_MICRO = 3000, SCORE_BITS = 6, TEST_PERMILLE = 300 };
#define TABLE_NAME "people"

struct trial {
    struct cmd_list parties;
    const char *id, *label, *split, *out, *on_duplicate, *sigmoid, *suite;
    uint32_t passes, key_bits, min_rows;
    int as_json, quiet, keep, force;

    char name[PARTIES_MAX][PARTY_NAME_MAX];
    char file[PARTIES_MAX][FILES_PATH_BYTES];
    struct store_table table[PARTIES_MAX];
    uint32_t label_party;
    struct consortium consortium;
};

/* ---- arguments ---- */

static status check_party_name(const char *given, size_t len, struct fault *f)
{
    char name[PARTY_NAME_MAX] = "";

    if (len < sizeof name)
        memcpy(name, given, len);
    if (name_is_valid(name))
        return OK;
    fault_set(f, STATUS_USAGE, "--party %.*s: not a party name", (int)(len > 40 ? 40 : len), given);
    fault_hint(f, "a name has 1 to %d bytes of letters, digits, -, _ and ., and begins with a letter or digit", PARTY_NAME_MAX - 1);
    return STATUS_USAGE;
}

static status take_parties(struct trial *t, struct fault *f)
{
    struct consortium *c = &t->consortium;

    if (t->parties.count < 2 || t->parties.count > PARTIES_MAX) {
        fault_set(f, STATUS_USAGE, "%zu parties are given, accepted are 2 to %d", t->parties.count, PARTIES_MAX);
        fault_hint(f, "name each with --party NAME=FILE.csv");
        return STATUS_USAGE;
    }
    for (size_t i = 0; i < t->parties.count; i++) {
        const char *given = t->parties.item[i], *equals = strchr(given, '=');

        if (!equals || !equals[1]) {
            fault_set(f, STATUS_USAGE, "--party %.80s: expected NAME=FILE", given);
            fault_hint(f, "such as --party bank=bank.csv");
            return STATUS_USAGE;
        }
        TRY(check_party_name(given, (size_t)(equals - given), f));
        memcpy(t->name[i], given, (size_t)(equals - given));
        for (size_t j = 0; j < i; j++)
            if (strcmp(t->name[i], t->name[j]) == 0)
                return fault_set(f, STATUS_USAGE, "party %s is given twice", t->name[i]);
        if (strlen(equals + 1) >= FILES_PATH_BYTES)
            return fault_set(f, STATUS_USAGE, "party %s: the path is too long", t->name[i]);
        strcpy(t->file[i], equals + 1);
        c->party[i].name = t->name[i];
    }
    c->parties = (uint32_t)t->parties.count;
    return OK;
}

static status check_key_bits(uint32_t bits, struct fault *f)
{
    if (bits == 2048 || bits == 3072 || bits == 4096)
        return OK;
    fault_set(f, STATUS_USAGE, "--key-bits is %u, accepted is 2048, 3072 or 4096", bits);
    fault_hint(f, bits < 2048 ? "keys below 2048 bits can be factored; 3072 is the default" : "3072 is the default");
    return STATUS_USAGE;
}

/* A column of any of the files whose name is near the label's: "did you mean". */
static status hint_at_label(const struct trial *t, struct fault *f)
{
    char best[STORE_COLUMN_BYTES] = "";
    const char *best_file = "";

    for (uint32_t p = 0; p < t->consortium.parties; p++) {
        struct cells header AUTO(cells_clear) = {0};

        TRY(csv_read_header(&header, t->file[p], f));
        for (uint32_t i = 0; i < header.columns; i++) {
            const char *two[2] = {best, cells_name(&header, i)};

            if (name_nearest(t->label, two, 2) != two[1] || strlen(two[1]) >= sizeof best)
                continue;
            strcpy(best, two[1]);
            best_file = t->file[p];
        }
    }
    if (best[0])
        fault_hint(f, "did you mean \"%s\" of %s?", best, best_file);
    fault_hint(f, "--label names the column with 1 for default and 0 for none, as the header of one file spells it");
    return OK;
}

/* The party whose table has the label column: in none and in two are both mistakes. */
static status find_label(struct trial *t, struct fault *f)
{
    uint32_t found = PARTIES_MAX;

    for (uint32_t p = 0; p < t->consortium.parties; p++) {
        bool has = false;

        TRY(source_has_column(&has, t->file[p], t->label, f));
        if (has && found < PARTIES_MAX) {
            fault_set(f, STATUS_CONFIG, "the label column \"%s\" is in two tables: %s of %s and %s of %s", t->label,
                      t->file[found], t->name[found], t->file[p], t->name[p]);
            fault_hint(f, "only one party may bring the label: remove or rename the column in the other file");
            return STATUS_CONFIG;
        }
        if (has)
            found = p;
    }
    if (found == PARTIES_MAX) {
        fault_set(f, STATUS_CONFIG, "no table has the label column \"%s\"", t->label);
        TRY(hint_at_label(t, f));
        return STATUS_CONFIG;
    }
    t->label_party = found;
    return OK;
}

static status read_arguments(struct trial *t, int argc, char **argv, struct fault *f)
{
    const struct cmd_option options[] = {
        {"party", "NAME=FILE", "a party and its CSV file; 2 to 8 of them", .list = &t->parties, .required = 1},
        {"id", "COLUMN", "the column that identifies a person, in every file", .text = &t->id, .required = 1},
        {"label", "COLUMN", "the column to predict, 0 or 1, in one of the files", .text = &t->label, .required = 1},
        {"split", "FILE", "a CSV id,split with train or test; without it 30 % are drawn", .text = &t->split},
        {"passes", "N", "passes over the data (14; linear: 10)", .count = &t->passes, .min = 2, .max = PASSES_MAX},
        {"sigmoid", "KIND", "exact (default), or linear, which costs less", .text = &t->sigmoid},
        {"suite", "SUITE", "INT1 (default), or GM1: SM2, SM3 and SM4", .text = &t->suite},
        {"key-bits", "N", "Paillier keys: 2048, 3072 (default) or 4096", .count = &t->key_bits, .min = 0, .max = 1 << 20},
        {"min-rows", "N", "stop when fewer people are common (100)", .count = &t->min_rows, .min = 10, .max = 1000000000},
        {"on-duplicate", "RULE", "for conflicting rows of one id: first (default) or refuse", .text = &t->on_duplicate},
        {"out", "DIR", "where results go (hefu-out)", .text = &t->out},
        {"force", NULL, "write into a directory that holds other files", .flag = &t->force},
        {"keep", NULL, "leave the nodes running until Ctrl-C", .flag = &t->keep},
        {"json", NULL, "one JSON object on stdout", .flag = &t->as_json},
        {"quiet", NULL, "no progress", .flag = &t->quiet},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu try", "",
                                     "Train one model on the CSV files of several parties: real nodes on this machine, "
                                     "one process and one directory each, TLS between them.  Such as\n\n"
                                     "hefu try --party bank=bank.csv --party tax=tax.csv --id id --label default",
                                     options, {0}, 0},
                  argc, argv, f));
    TRY(check_key_bits(t->key_bits, f));
    if (strcmp(t->on_duplicate, "first") != 0 && strcmp(t->on_duplicate, "refuse") != 0)
        return fault_set(f, STATUS_USAGE, "--on-duplicate is \"%.40s\", not first or refuse", t->on_duplicate);
    if (strcmp(t->sigmoid, "exact") != 0 && strcmp(t->sigmoid, "linear") != 0)
        return fault_set(f, STATUS_USAGE, "--sigmoid is \"%.40s\", not exact or linear", t->sigmoid);
    TRY(cmd_suite(&t->consortium.suite, t->suite, f));
    if (strcmp(t->id, t->label) == 0)
        return fault_set(f, STATUS_USAGE, "--id and --label name the same column, \"%s\"", t->id);
    return take_parties(t, f);
}

/* ---- tables ---- */

static status absolute(char out[FILES_PATH_BYTES], const char *path, struct fault *f)
{
    char *real AUTO(auto_free) = realpath(path, NULL);

    if (!real || strlen(real) >= FILES_PATH_BYTES)
        return fault_set(f, STATUS_CONFIG, "%s: there is no such file", path);
    strcpy(out, real);
    return OK;
}

/* Reads the whole table and tells what is worth knowing of it: before anything is made, or replaced. */
static status read_table(struct trial *t, uint32_t p, struct bar *bar, struct fault *f)
{
    struct dataset data AUTO(dataset_clear) = {0};
    struct dictionary dictionary AUTO(dictionary_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct store_table *table = &t->table[p];
    const int has_label = p == t->label_party;
    const struct source source = {
        .kind = SOURCE_CSV,
        .path = t->file[p],
        .id_column = t->id,
        .label_column = has_label ? t->label : NULL,
        .split_path = has_label ? t->split : NULL,
        .on_duplicate = strcmp(t->on_duplicate, "refuse") == 0 ? TABLE_DUPLICATE_REFUSE : TABLE_DUPLICATE_FIRST,
    };

    TRY(source_open(&data, &dictionary, &notes, &source, f));
    bar_note(bar, "%s: %u people, %u columns%s", t->name[p], data.rows, data.columns, has_label ? ", the label" : "");
    for (size_t i = 0; i < notes.count; i++)
        bar_note(bar, "%s: %s%s", t->name[p], notes.list[i].warning ? "warning: " : "", notes.list[i].text);

    if (strlen(t->id) >= sizeof table->id_column || strlen(t->label) >= sizeof table->label_column)
        return fault_set(f, STATUS_USAGE, "a column name is longer than %d bytes", STORE_COLUMN_BYTES - 1);
    strcpy(table->name, TABLE_NAME);
    strcpy(table->kind, "csv");
    strcpy(table->id_column, t->id);
    strcpy(table->label_column, has_label ? t->label : "");
    TRY(absolute(table->path, t->file[p], f));
    if (source.split_path)
        TRY(absolute(table->split_path, source.split_path, f));
    table->refuse_duplicates = source.on_duplicate == TABLE_DUPLICATE_REFUSE;
    table->rows = data.rows;
    table->columns = data.columns;
    return OK;
}

/* The rates of this machine, when they were measured here (hefu plan --calibrate), so that reports compare with them. */
static status give_rates(const char *state, struct fault *f)
{
    struct rates rates;
    char path[FILES_PATH_BYTES];

    if (!files_exist(RATES_FILE))
        return OK;
    TRY(rates_load(&rates, RATES_FILE, f));
    TRY(files_join(path, state, RATES_FILE, f));
    return rates_save(path, &rates, f);
}

/* Registers it at the party's node. */
static status register_table(const struct trial *t, uint32_t p, struct fault *f)
{
    struct store *store AUTO(store_clear) = NULL;
    char state[FILES_PATH_BYTES];

    TRY(files_join(state, t->consortium.party[p].dir, "state", f));
    TRY(files_make_directory(state, f));
    TRY(give_rates(state, f));
    TRY(store_open(&store, state, f));
    return store_add_table(store, &t->table[p], f);
}

/* ---- the job ---- */

static struct job_file make_job(const struct trial *t)
{
    struct job_file job = {
        .name = "hefu-try",
        .purpose = "to try a joint model on this machine",
        .num_tables = t->consortium.parties,
        .training = {.passes = PASSES_EXACT, .ridge_micro = RIDGE_MICRO, .sigmoid = SIGMOID_TABLE,
                     .table_bits = TABLE_BITS_DEFAULT, .score_range = SCORE_RANGE_DEFAULT},
        .suite = t->consortium.suite,
        .key_bits = t->key_bits,
        .test = {.rule = t->split ? TEST_LISTED : TEST_DRAWN, .permille = t->split ? 0 : TEST_PERMILLE},
        .limits = {.min_rows = t->min_rows, .min_positives = MIN_POSITIVES, .rows_per_bin = ROWS_PER_BIN, .attempts = 1},
        .score_bits = SCORE_BITS,
        .window_hours = 24,
        .audit = {.replay = REPLAY_SEALED, .retention_days = RETENTION_DAYS_DEFAULT}, /* the own files: try a replay as well */
    };

    if (strcmp(t->sigmoid, "linear") == 0)
        job.training = (struct job_training){.passes = PASSES_LINEAR, .ridge_micro = RIDGE_MICRO, .sigmoid = SIGMOID_LINEAR};
    if (t->passes)
        job.training.passes = t->passes;
    for (uint32_t p = 0; p < job.num_tables; p++) {
        strcpy(job.tables[p].party, t->name[p]);
        strcpy(job.tables[p].table, TABLE_NAME);
    }
    return job;
}

static status run_job(struct trial *t, struct bar *bar, struct fault *f)
{
    struct audience audience AUTO(audience_clear) = {0};
    struct coordination job AUTO(coordinate_clear) = {0};
    const struct job_file file = make_job(t);
    struct output_verdict verdict = {0};
    struct fault death = {0};
    status code;

    TRY(audience_of_coordinator(&audience, t->consortium.coordinator, f));
    TRY(coordinate_propose(&job, &audience, &file, bar, f));
    bar_note(bar, "job %s: suite %s, %u passes, %u-bit keys", job.view.id, suite_name(file.suite), file.training.passes,
             file.key_bits);
    code = coordinate_run(&job, f);
    if (code != OK && consortium_check(&t->consortium, &death) != OK) {
        *f = death; /* a node that died explains more than its silence */
        return death.code;
    }
    TRY(code);
    TRY(output_collect(&t->consortium, &job, f));
    TRY(output_verify(&verdict, &t->consortium, f));
    TRY(output_print(&t->consortium, &job, &verdict, t->as_json, f));
    if (!verdict.verified)
        return fault_set(f, STATUS_MISMATCH, "the transcript does not verify");
    return OK;
}

static status run_nodes(struct trial *t, struct bar *bar, struct fault *f)
{
    bar_note(bar, "starting %u nodes on 127.0.0.1", t->consortium.parties);
    TRY(consortium_start(&t->consortium, f));
    TRY(run_job(t, bar, f));
    if (t->keep) {
        bar_note(bar, "the nodes go on in %s/nodes; Ctrl-C stops them", t->consortium.dir);
        while (!interrupted() && consortium_check(&t->consortium, f) == OK)
            job_view_pause(500);
    }
    return OK;
}

status cmd_try(int argc, char **argv, struct fault *f)
{
    struct trial *t AUTO(auto_free) = NULL;
    int lock AUTO(output_close) = -1;
    struct bar bar;
    status code;

    TRY(alloc_zeroed(&t, 1, sizeof *t));
    t->out = "hefu-out";
    t->on_duplicate = "first";
    t->sigmoid = "exact";
    t->suite = "INT1";
    t->key_bits = KEY_BITS_DEFAULT;
    t->min_rows = MIN_ROWS_DEFAULT;
    TRY(read_arguments(t, argc, argv, f));
    TRY(find_label(t, f));

    interrupts_catch();
    bar_init(&bar, stderr, t->quiet);
    for (uint32_t p = 0; p < t->consortium.parties; p++)
        TRY(read_table(t, p, &bar, f));
    TRY(output_open(&lock, t->out, t->force, &bar, f));
    if (strlen(t->out) >= sizeof t->consortium.dir)
        return fault_set(f, STATUS_USAGE, "--out is too long");
    strcpy(t->consortium.dir, t->out);
    t->consortium.min_rows = t->min_rows;
    TRY(consortium_make(&t->consortium, f));
    for (uint32_t p = 0; p < t->consortium.parties; p++)
        TRY(register_table(t, p, f));
    code = run_nodes(t, &bar, f);
    if (interrupted())
        bar_note(&bar, "stopping the nodes");
    consortium_stop(&t->consortium);
    if (interrupted() && code == STATUS_CANCELLED)
        *f = (struct fault){.code = code, .message = "interrupted; the nodes are stopped"};
    else if (code != OK && !f->hint[0])
        fault_hint(f, "the nodes' logs are %s/nodes/PARTY/hefud.log", t->out);
    return code;
}
