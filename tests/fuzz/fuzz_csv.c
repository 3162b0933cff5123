/* CSV reader and table typing on any bytes: a sound data set, or a fault in words.  The first column is the id; a column
 * named y is the label; one named split is read as a split of the table itself. */
#include "node/local/csv.h"
#include "training/table.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_data(const struct dataset *d, const struct dictionary *dictionary)
{
    assert(d->rows && d->columns && d->columns == dictionary->num_columns);
    for (uint16_t c = 0; c < d->columns; c++)
        assert(d->bins[c] >= 2 && d->bins[c] <= DATASET_BINS_MAX && d->bins[c] == dictionary->columns[c].bins);
    for (size_t i = 0; i < (size_t)d->rows * d->columns; i++)
        assert(d->codes[i] < d->bins[i % d->columns]);
    for (uint32_t r = 0; r < d->rows; r++)
        assert(strlen(d->ids[r]) <= DATASET_ID_MAX && (r == 0 || strcmp(d->ids[r - 1], d->ids[r]) < 0));
}

/* A worker that gets the dictionary as bytes sees the same codes. */
static void check_apply(const struct dataset *data, const struct dictionary *dictionary, const struct cells *cells,
                        const struct table_roles *roles)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct dictionary decoded AUTO(dictionary_clear) = {0};
    struct dataset again AUTO(dataset_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct fault f = {0};
    status code;

    dictionary_encode(&w, dictionary);
    assert(wire_writer_status(&w) == OK);
    code = dictionary_decode(&decoded, w.bytes, w.len);
    assert(code == OK);
    code = table_apply(&again, &notes, cells, &decoded, roles, &f);
    assert(code == OK && notes.cells_unknown == 0 && again.rows == data->rows);
    assert(memcmp(again.codes, data->codes, (size_t)data->rows * data->columns) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct cells cells AUTO(cells_clear) = {0};
    struct dataset data AUTO(dataset_clear) = {0};
    struct dictionary dictionary AUTO(dictionary_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct fault f = {0};
    struct table_roles roles = {0};
    status code = csv_read_bytes(&cells, "fuzz.csv", bytes, len, &f);

    if (code == OK) {
        roles.id_column = cells_name(&cells, 0);
        roles.label_column = cells_find(&cells, "y") < cells.columns ? "y" : NULL;
        roles.on_duplicate = len % 2 ? TABLE_DUPLICATE_REFUSE : TABLE_DUPLICATE_FIRST;
        code = table_build(&data, &dictionary, &notes, &cells, &roles, &f);
    }
    if (code == OK) {
        check_data(&data, &dictionary);
        check_apply(&data, &dictionary, &cells, &roles);
        if (cells_find(&cells, "split") < cells.columns)
            code = table_set_split(&data, &notes, &cells, &roles, &f);
    }
    assert(code == OK || f.message[0]);
    assert(code == OK || code == STATUS_CONFIG);
    return 0;
}
