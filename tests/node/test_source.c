#include "node/local/source.h"

#include "kit/cmocka.h"

#include "node/local/csv.h"
#include "training/metrics.h"
#include "training/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct loaded {
    struct dataset data;
    struct dictionary dictionary;
    struct table_notes notes;
    struct fault fault;
};

static void loaded_clear(struct loaded *l)
{
    dataset_clear(&l->data);
    dictionary_clear(&l->dictionary);
    table_notes_clear(&l->notes);
}

static status load(struct loaded *l, const struct source *s)
{
    return source_open(&l->data, &l->dictionary, &l->notes, s, &l->fault);
}

static void load_sample(struct loaded *l, const char *name, const char *label)
{
    char path[512];
    struct source s = {.kind = SOURCE_CSV, .path = path, .id_column = "id", .label_column = label};

    snprintf(path, sizeof path, "%s/configs/sample/%s.csv", HEFU_SOURCE_DIR, name);
    if (load(l, &s) != OK)
        fail_msg("%s", l->fault.message);
}

/* A directory with the files that a test writes. */
static char directory[64];

static const char *file(const char *name, const char *text)
{
    static char path[4][96];
    static int next;
    char *p = path[next++ % 4];
    FILE *out;

    snprintf(p, sizeof path[0], "%s/%s", directory, name);
    out = fopen(p, "wb");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    return p;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/hefu_source_XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"a.csv", "split.csv", "bank.csv", "tax.csv", "social.csv"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[96];

        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    return rmdir(directory);
}

static void a_file_as_in_life_becomes_a_data_set(void **state)
{
    struct loaded l AUTO(loaded_clear) = {0};
    struct source s = {.kind = SOURCE_CSV, .id_column = "id", .label_column = "default"};

    (void)state;
    s.path = file("a.csv", "\xef\xbb\xbf\"job\",default,\"id\"\r\nclerk,1, 12x \r\nclerk,0,11X\r\n\r\n\"cook\",0,"
                           "\"\xef\xbc\x93\"\r\n,1,4\r\n");
    s.split_path = file("split.csv", "id,split\n11x,train\n12X,test\n3,train\n4,test\n");
    if (load(&l, &s) != OK)
        fail_msg("%s", l.fault.message);
    assert_int_equal(l.data.rows, 4);
    assert_string_equal(l.data.ids[0], "11X");
    assert_string_equal(l.data.ids[2], "3");
    assert_memory_equal(l.data.codes, "\0\0\1\2", 4);
    assert_memory_equal(l.data.label, "\0\1\0\1", 4);
    assert_memory_equal(l.data.split, "\1\2\1\2", 4);
    assert_string_equal(l.dictionary.columns[0].levels[1], "cook");
    assert_string_equal(l.dictionary.label_column, "default");
}

static void faults_name_the_file_that_is_at_fault(void **state)
{
    struct loaded l AUTO(loaded_clear) = {0}, m AUTO(loaded_clear) = {0}, n AUTO(loaded_clear) = {0};
    struct source s = {.kind = SOURCE_CSV, .id_column = "id", .label_column = "default"};

    (void)state;
    s.path = file("a.csv", "id,x,default\n1,1,0\n2,2,1\n");
    s.split_path = "missing-split.csv";
    assert_int_equal(load(&l, &s), STATUS_CONFIG);
    assert_non_null(strstr(l.fault.message, "missing-split.csv: there is no such file"));
    assert_null(l.data.ids);
    s.split_path = file("split.csv", "id,split\n1,train\n2,exam\n");
    assert_int_equal(load(&m, &s), STATUS_CONFIG);
    assert_non_null(strstr(m.fault.message, "split.csv:3: column \"split\": expected train or test"));
    s.split_path = NULL;
    s.path = file("a.csv", "id,x,default\n1,1,0\n2,2,maybe\n");
    assert_int_equal(load(&n, &s), STATUS_CONFIG);
    assert_non_null(strstr(n.fault.message, "a.csv:3: column \"default\": the label must be 0 or 1"));
}

static void the_party_with_the_label_is_found_by_the_header(void **state)
{
    struct fault f = {0};
    bool has = false;

    (void)state;
    assert_int_equal(source_has_column(&has, file("a.csv", "id,default\nrest is not read\n"), "default", &f), OK);
    assert_true(has);
    assert_int_equal(source_has_column(&has, file("a.csv", "id,x\n1,2\n"), "default", &f), OK);
    assert_false(has);
    assert_int_equal(source_has_column(&has, "nowhere.csv", "default", &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "nowhere.csv: there is no such file"));
}

static void a_worker_with_the_dictionary_gets_the_same_codes(void **state)
{
    struct loaded l AUTO(loaded_clear) = {0};
    struct dictionary decoded AUTO(dictionary_clear) = {0};
    struct dataset again AUTO(dataset_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct source s = {.kind = SOURCE_CSV, .path = HEFU_SOURCE_DIR "/configs/sample/tax.csv", .id_column = "id"};

    (void)state;
    load_sample(&l, "tax", NULL);
    dictionary_encode(&w, &l.dictionary);
    assert_int_equal(dictionary_decode(&decoded, w.bytes, w.len), OK);
    assert_int_equal(source_open_with(&again, &notes, &decoded, &s, &l.fault), OK);
    assert_int_equal(again.rows, l.data.rows);
    assert_memory_equal(again.codes, l.data.codes, (size_t)again.rows * again.columns);
    assert_int_equal(notes.cells_unknown, 0);
}

/* The sample's three tables joined on the common ids, and a third of the rows held back. */
struct joined {
    uint8_t *codes, *label, bins[64];
    uint16_t own, columns; /* the bank's columns come first */
    uint32_t rows, train;
};

static void joined_clear(struct joined *j)
{
    free(j->codes);
    free(j->label);
}

static int by_id(const void *key, const void *element)
{
    return strcmp(key, *(char *const *)element);
}

static void join(struct joined *j, const struct loaded party[3])
{
    for (int p = 0; p < 3; p++) {
        memcpy(j->bins + j->columns, party[p].data.bins, party[p].data.columns);
        j->columns = (uint16_t)(j->columns + party[p].data.columns);
    }
    j->own = party[0].data.columns;
    j->codes = calloc(party[0].data.rows, j->columns);
    j->label = calloc(party[0].data.rows, 1);
    assert_true(j->codes && j->label);
    for (uint32_t r = 0; r < party[0].data.rows; r++) {
        uint8_t *to = j->codes + (size_t)j->rows * j->columns;
        int p;

        for (p = 0; p < 3; p++) {
            const struct dataset *d = &party[p].data;
            char **found = bsearch(party[0].data.ids[r], d->ids, d->rows, sizeof *d->ids, by_id);

            if (!found)
                break;
            memcpy(to, d->codes + (size_t)(found - d->ids) * d->columns, d->columns);
            to += d->columns;
        }
        if (p == 3)
            j->label[j->rows++] = party[0].data.label[r];
    }
    j->train = j->rows * 2 / 3; /* ids are sorted by region and date of birth: no order in the label */
}

/* AUC on the held-back rows of a model of the first `columns` columns. */
static double auc_of(const struct joined *j, uint16_t columns)
{
    double *weight, *score, intercept;
    struct metrics m;
    uint8_t *codes = calloc(j->rows, columns);

    weight = calloc((size_t)columns * DATASET_BINS_MAX, sizeof *weight);
    score = calloc(j->rows, sizeof *score);
    assert_true(codes && weight && score);
    for (uint32_t r = 0; r < j->rows; r++)
        memcpy(codes + (size_t)r * columns, j->codes + (size_t)r * j->columns, columns);
    assert_int_equal(reference_fit(weight, &intercept, codes, j->bins, columns, NULL, j->label, j->train, 3e-3,
                                   REFERENCE_EXACT), OK);
    for (uint32_t r = j->train; r < j->rows; r++)
        score[r - j->train] = reference_score(weight, intercept, codes + (size_t)r * columns, j->bins, columns);
    assert_int_equal(metrics_compute(&m, score, NULL, j->label + j->train, j->rows - j->train), OK);
    free(codes);
    free(weight);
    free(score);
    return m.auc;
}

static void the_sample_shows_a_joint_uplift(void **state)
{
    struct loaded party[3] = {{.fault.code = OK}};
    struct joined j AUTO(joined_clear) = {0};
    uint32_t defaults = 0;
    double alone, joint;

    (void)state;
    load_sample(&party[0], "bank", "default");
    load_sample(&party[1], "tax", NULL);
    load_sample(&party[2], "social", NULL);
    join(&j, party);
    for (int p = 0; p < 3; p++) {
        assert_in_range(party[p].data.rows, 4900, 5100);
        loaded_clear(&party[p]);
    }
    assert_in_range(j.rows, 3500, 3700);
    for (uint32_t r = 0; r < j.rows; r++)
        defaults += j.label[r];
    assert_in_range(defaults * 100 / j.rows, 17, 23);
    alone = auc_of(&j, j.own);
    joint = auc_of(&j, j.columns);
    if (alone < 0.66 || alone > 0.74 || joint < 0.76 || joint > 0.84 || joint - alone < 0.06)
        fail_msg("AUC %.3f alone, %.3f joint", alone, joint);
}

static void the_sample_shows_tables_as_in_life(void **state)
{
    struct loaded bank AUTO(loaded_clear) = {0}, social AUTO(loaded_clear) = {0};

    (void)state;
    load_sample(&bank, "bank", "default");
    load_sample(&social, "social", NULL);
    assert_int_equal(bank.notes.columns_left_out, 1); /* currency */
    assert_true(bank.notes.cells_missing > 0);
    assert_int_equal(social.notes.duplicates, 5);
    assert_int_equal(social.notes.conflicts, 0);
}

static char *contents(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    char *bytes = malloc(1 << 20);

    assert_true(in && bytes);
    *len = fread(bytes, 1, 1 << 20, in);
    fclose(in);
    return bytes;
}

static void the_generator_writes_the_committed_sample(void **state)
{
    static const char *const names[] = {"bank.csv", "tax.csv", "social.csv"};
    char command[512];

    (void)state;
    if (system("python3 -c '' >/dev/null 2>&1") != 0)
        skip();
    snprintf(command, sizeof command, "python3 '%s/configs/sample/generate.py' '%s'", HEFU_SOURCE_DIR, directory);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < 3; i++) {
        char path[512];
        size_t made_len, kept_len;
        char *made, *kept;

        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        made = contents(path, &made_len);
        snprintf(path, sizeof path, "%s/configs/sample/%s", HEFU_SOURCE_DIR, names[i]);
        kept = contents(path, &kept_len);
        assert_int_equal(made_len, kept_len);
        assert_memory_equal(made, kept, kept_len);
        free(made);
        free(kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_as_in_life_becomes_a_data_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_name_the_file_that_is_at_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_party_with_the_label_is_found_by_the_header, set_up, tear_down),
        cmocka_unit_test(a_worker_with_the_dictionary_gets_the_same_codes),
        cmocka_unit_test(the_sample_shows_a_joint_uplift),
        cmocka_unit_test(the_sample_shows_tables_as_in_life),
        cmocka_unit_test_setup_teardown(the_generator_writes_the_committed_sample, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
