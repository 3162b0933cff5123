#include "training/table.h"

#include "training/column.h"
#include "training/ids.h"
#include "training/roster.h"
#include "training/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The columns of a table by what they are for. */
struct layout {
    uint32_t id, label; /* label: cells->columns when there is none */
};

static status find_layout(struct layout *l, const struct cells *c, const struct table_roles *roles, struct fault *f)
{
    if (roles->id_rule && !ids_rule_known(roles->id_rule)) {
        fault_hint(f, "the rule this version knows is \"%s\"", IDS_RULE_DEFAULT);
        return fault_set(f, STATUS_CONFIG, "unknown rule for ids \"%s\"", roles->id_rule);
    }
    TRY(cells_require(&l->id, c, roles->id_column, "id", f));
    l->label = c->columns;
    if (!roles->label_column)
        return OK;
    TRY(cells_require(&l->label, c, roles->label_column, "label", f));
    if (l->id == l->label)
        return fault_set(f, STATUS_CONFIG, "%s:%u: column \"%s\" cannot be both id and label", c->origin,
                         c->header_line, roles->id_column);
    return OK;
}

static status bad_label(const struct cells *c, uint32_t row, uint32_t column, struct fault *f)
{
    const char *text = cells_get(c, row, column);
    char shape[TEXT_SHAPE_MAX];

    fault_hint(f, "write 1 for default and 0 for none in every row; leave people without a label out of the table");
    if (text_missing(text))
        return fault_set(f, STATUS_CONFIG, "%s:%u: column \"%s\": the label is empty", c->origin, c->line[row],
                         cells_name(c, column));
    text_shape(shape, text);
    return fault_set(f, STATUS_CONFIG, "%s:%u: column \"%s\": the label must be 0 or 1, but has the shape %s", c->origin,
                     c->line[row], cells_name(c, column), shape);
}

static status read_labels(struct dataset *data, struct table_notes *notes, const struct cells *c, uint32_t column,
                          const struct roster *roster, struct fault *f)
{
    uint32_t bad = UINT32_MAX, positives = 0;

    TRY(alloc_zeroed(&data->label, roster->rows, 1));
    for (uint32_t i = 0; i < roster->rows; i++) {
        double x;

        if (!text_number(&x, cells_get(c, roster->row[i], column)) || (x != 0 && x != 1))
            bad = roster->row[i] < bad ? roster->row[i] : bad;
        else
            positives += data->label[i] = x == 1;
    }
    if (bad != UINT32_MAX)
        return bad_label(c, bad, column, f);
    if (positives == 0 || positives == roster->rows) {
        fault_hint(f, "training needs people with and without a default; check that \"%s\" is the label",
                   cells_name(c, column));
        return fault_set(f, STATUS_CONFIG, "%s: column \"%s\": the label is %d in all %u rows", c->origin,
                         cells_name(c, column), positives > 0, roster->rows);
    }
    notes->positives = positives;
    return OK;
}

static status no_column_left(const struct cells *c, const struct table_notes *notes, size_t first_note, struct fault *f)
{
    fault_hint(f, "the table needs a column of numbers, or of text with few different values, besides id and label");
    if (notes->count > first_note)
        return fault_set(f, STATUS_CONFIG, "%s: no usable column is left: %s%s", c->origin,
                         notes->list[first_note].text, notes->count > first_note + 1 ? "; and others" : "");
    return fault_set(f, STATUS_CONFIG, "%s: no usable column: there is none besides id and label", c->origin);
}

/* Describe every column that can be used.  used[k] is the column of the table behind the k-th one of d. */
static status learn_columns(struct dictionary *d, uint32_t *used, struct table_notes *notes, const struct cells *c,
                            const struct layout *l, const struct roster *roster, struct fault *f)
{
    size_t first_note = notes->count;

    TRY(alloc_zeroed(&d->columns, c->columns < DATASET_COLUMNS_MAX ? c->columns : DATASET_COLUMNS_MAX,
                     sizeof *d->columns));
    for (uint32_t i = 0; i < c->columns; i++) {
        struct column_view view = {.cells = c, .column = i, .rows = roster->rows, .place = roster->place};
        struct dictionary_column column AUTO(dictionary_column_clear) = {0};
        char reason[COLUMN_REASON_MAX] = "it has no name";

        if (i == l->id || i == l->label)
            continue;
        if (cells_name(c, i)[0])
            TRY(column_learn(&column, reason, &view, f));
        if (column.bins == 0) {
            notes->columns_left_out++;
            if (cells_name(c, i)[0])
                TRY(table_notes_add(notes, false, "column \"%s\" left out: %s", cells_name(c, i), reason));
            else
                TRY(table_notes_add(notes, false, "column %u left out: %s", i + 1, reason));
            continue;
        }
        if (d->num_columns == DATASET_COLUMNS_MAX) {
            fault_hint(f, "remove the columns that are not needed");
            return fault_set(f, STATUS_CONFIG, "%s: more than %d usable columns", c->origin, DATASET_COLUMNS_MAX);
        }
        used[d->num_columns] = i;
        d->columns[d->num_columns++] = column;
        memset(&column, 0, sizeof column);
    }
    return d->num_columns ? OK : no_column_left(c, notes, first_note, f);
}

/* Codes of all rows for column k.  rows_of counts the rows of each code. */
static status encode_column(struct dataset *data, uint16_t k, uint32_t rows_of[DATASET_BINS_MAX],
                            struct table_notes *notes, const struct dictionary_column *column, const struct cells *c,
                            uint32_t in_table, const struct roster *roster)
{
    uint32_t missing = 0, unknown = 0;

    for (uint32_t row = 0; row < c->rows; row++) {
        const char *text = cells_get(c, row, in_table);
        bool fell_back;
        uint8_t code;

        if (roster->place[row] == COLUMN_NO_PLACE)
            continue;
        code = dictionary_code(column, text, &fell_back);
        data->codes[(size_t)roster->place[row] * data->columns + k] = code;
        rows_of[code]++;
        missing += text_missing(text);
        unknown += fell_back;
    }
    notes->cells_missing += missing;
    notes->cells_unknown += unknown;
    if (unknown)
        TRY(table_notes_add(notes, true, "column \"%s\": %u of %u values are new to the dictionary and count as the most "
                            "frequent bin", column->name, unknown, roster->rows));
    if (missing)
        TRY(table_notes_add(notes, false, "column \"%s\": %u of %u cells are empty", column->name, missing,
                            roster->rows));
    return OK;
}

/* Ids move from the roster into data; its row numbers stay. */
static void take_ids(struct dataset *data, struct roster *roster)
{
    data->ids = roster->ids;
    data->rows = roster->rows;
    roster->ids = NULL;
}

static status alloc_codes(struct dataset *data, const struct dictionary *d)
{
    TRY(alloc_zeroed(&data->bins, d->num_columns, 1));
    TRY(alloc_zeroed(&data->codes, (size_t)data->rows * d->num_columns, 1));
    data->columns = d->num_columns;
    for (uint16_t k = 0; k < d->num_columns; k++)
        data->bins[k] = d->columns[k].bins;
    return OK;
}

static uint8_t most_frequent(const uint32_t rows_of[DATASET_BINS_MAX])
{
    uint8_t best = 0;

    for (uint8_t code = 1; code < DATASET_BINS_MAX; code++)
        if (rows_of[code] > rows_of[best])
            best = code;
    return best;
}

static status copy_text(char **out, const char *text)
{
    *out = strdup(text);
    return *out ? OK : STATUS_NO_MEMORY;
}

status table_build(struct dataset *data, struct dictionary *dictionary, struct table_notes *notes,
                   const struct cells *cells, const struct table_roles *roles, struct fault *f)
{
    struct dataset made AUTO(dataset_clear) = {0};
    struct dictionary learned AUTO(dictionary_clear) = {0};
    struct roster roster AUTO(roster_clear) = {0};
    uint32_t *used AUTO(auto_free) = NULL;
    struct layout layout;

    TRY(find_layout(&layout, cells, roles, f));
    TRY(roster_build(&roster, notes, cells, layout.id, roles, f));
    take_ids(&made, &roster);
    TRY(copy_text(&learned.id_column, roles->id_column));
    if (roles->label_column)
        TRY(copy_text(&learned.label_column, roles->label_column));
    if (roles->label_column && !roles->labels_pending)
        TRY(read_labels(&made, notes, cells, layout.label, &roster, f));
    TRY(alloc_zeroed(&used, cells->columns, sizeof *used));
    TRY(learn_columns(&learned, used, notes, cells, &layout, &roster, f));
    TRY(alloc_codes(&made, &learned));
    for (uint16_t k = 0; k < learned.num_columns; k++) {
        uint32_t rows_of[DATASET_BINS_MAX] = {0};

        TRY(encode_column(&made, k, rows_of, notes, &learned.columns[k], cells, used[k], &roster));
        learned.columns[k].fallback = most_frequent(rows_of);
    }
    *data = made;
    *dictionary = learned;
    memset(&made, 0, sizeof made);
    memset(&learned, 0, sizeof learned);
    return OK;
}

status table_apply(struct dataset *data, struct table_notes *notes, const struct cells *cells,
                   const struct dictionary *dictionary, const struct table_roles *roles, struct fault *f)
{
    struct dataset made AUTO(dataset_clear) = {0};
    struct roster roster AUTO(roster_clear) = {0};
    struct layout layout;

    TRY(find_layout(&layout, cells, roles, f));
    TRY(roster_build(&roster, notes, cells, layout.id, roles, f));
    take_ids(&made, &roster);
    if (roles->label_column && !roles->labels_pending)
        TRY(read_labels(&made, notes, cells, layout.label, &roster, f));
    TRY(alloc_codes(&made, dictionary));
    for (uint16_t k = 0; k < dictionary->num_columns; k++) {
        uint32_t rows_of[DATASET_BINS_MAX] = {0}, in_table;

        TRY(cells_require(&in_table, cells, dictionary->columns[k].name, "feature", f));
        TRY(encode_column(&made, k, rows_of, notes, &dictionary->columns[k], cells, in_table, &roster));
    }
    *data = made;
    memset(&made, 0, sizeof made);
    return OK;
}

static int by_id(const void *key, const void *element)
{
    return strcmp(key, *(char *const *)element);
}

static status read_split_word(uint8_t *split, const struct cells *c, uint32_t row, uint32_t column, struct fault *f)
{
    const char *word = cells_get(c, row, column);
    char shape[TEXT_SHAPE_MAX];

    if (strcasecmp(word, "train") == 0) {
        *split = SPLIT_TRAIN;
        return OK;
    }
    if (strcasecmp(word, "test") == 0) {
        *split = SPLIT_TEST;
        return OK;
    }
    text_shape(shape, word);
    fault_hint(f, "every row of a split file says train or test");
    return fault_set(f, STATUS_CONFIG, "%s:%u: column \"%s\": expected train or test, got %s%s", c->origin, c->line[row],
                     cells_name(c, column), word[0] ? "a word of the shape " : "an empty cell", shape);
}

/* Whether the table can be split so at all, and what to know about it. */
static status note_split(struct table_notes *notes, const struct cells *c, uint32_t strangers, struct fault *f)
{
    if (notes->split_train == 0 || notes->split_test == 0) {
        fault_hint(f, "check that the split file uses the same ids as the table and names some as train, some as test");
        return fault_set(f, STATUS_CONFIG, "%s: of its %u ids %u train and %u test ids are in the table; both are needed",
                         c->origin, c->rows, notes->split_train, notes->split_test);
    }
    if (strangers)
        TRY(table_notes_add(notes, false, "%u ids of the split file are not in the table", strangers));
    if (notes->split_unlisted)
        TRY(table_notes_add(notes, true, "%u rows are not listed in the split file and are neither trained on nor tested",
                            notes->split_unlisted));
    return OK;
}

status table_set_split(struct dataset *data, struct table_notes *notes, const struct cells *split,
                       const struct table_roles *roles, struct fault *f)
{
    struct table_roles first = *roles;
    struct roster roster AUTO(roster_clear) = {0};
    struct table_notes own AUTO(table_notes_clear) = {0}; /* duplicates in a split file are of no interest */
    uint8_t *listed AUTO(auto_free) = NULL;
    uint32_t id = cells_find(split, roles->id_column), word, strangers = 0;

    if (id == split->columns)
        TRY(cells_require(&id, split, "id", "id", f));
    TRY(cells_require(&word, split, "split", "split", f));
    for (uint32_t row = 0; row < split->rows; row++) { /* in file order: the first bad line is named */
        uint8_t ignored;

        if (cells_get(split, row, id)[0])
            TRY(read_split_word(&ignored, split, row, word, f));
    }
    first.on_duplicate = TABLE_DUPLICATE_REFUSE;
    TRY(roster_build(&roster, &own, split, id, &first, f));
    TRY(alloc_zeroed(&listed, data->rows, 1));
    for (uint32_t i = 0; i < roster.rows; i++) {
        char **found = bsearch(roster.ids[i], data->ids, data->rows, sizeof *data->ids, by_id);

        if (found)
            TRY(read_split_word(&listed[found - data->ids], split, roster.row[i], word, f));
        else
            strangers++;
    }
    for (uint32_t i = 0; i < data->rows; i++) {
        notes->split_train += listed[i] == SPLIT_TRAIN;
        notes->split_test += listed[i] == SPLIT_TEST;
        notes->split_unlisted += listed[i] == SPLIT_UNLISTED;
    }
    TRY(note_split(notes, split, strangers, f));
    free(data->split);
    data->split = listed;
    listed = NULL;
    return OK;
}
