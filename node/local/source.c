#include "node/local/source.h"

#include "node/local/csv.h"

#include <string.h>

static struct table_roles roles_of(const struct source *s)
{
    return (struct table_roles){.id_column = s->id_column,
                                .label_column = s->label_column,
                                .id_rule = s->id_rule,
                                .on_duplicate = s->on_duplicate,
                                .labels_pending = s->labels_pending};
}

static status read_cells(struct cells *cells, const struct source *s, struct fault *f)
{
    switch (s->kind) {
    case SOURCE_CSV:
        return csv_read_file(cells, s->path, f);
    }
    return fault_set(f, STATUS_CONFIG, "%s: unknown kind of source", s->path);
}

static status add_split(struct dataset *data, struct table_notes *notes, const struct source *s, struct fault *f)
{
    struct cells cells AUTO(cells_clear) = {0};
    struct table_roles roles = roles_of(s);

    if (!s->split_path)
        return OK;
    TRY(csv_read_file(&cells, s->split_path, f));
    return table_set_split(data, notes, &cells, &roles, f);
}

struct source source_stored(const char *path, const char *id_column, const char *label_column, const char *split_path,
                            bool refuse_duplicates)
{
    return (struct source){.kind = SOURCE_CSV,
                           .path = path,
                           .id_column = id_column,
                           .label_column = label_column[0] ? label_column : NULL,
                           .split_path = split_path[0] ? split_path : NULL,
                           .on_duplicate = refuse_duplicates ? TABLE_DUPLICATE_REFUSE : TABLE_DUPLICATE_FIRST};
}

status source_open(struct dataset *data, struct dictionary *dictionary, struct table_notes *notes,
                   const struct source *s, struct fault *f)
{
    struct cells cells AUTO(cells_clear) = {0};
    struct dataset made AUTO(dataset_clear) = {0};
    struct dictionary learned AUTO(dictionary_clear) = {0};
    struct table_roles roles = roles_of(s);

    TRY(read_cells(&cells, s, f));
    TRY(table_build(&made, &learned, notes, &cells, &roles, f));
    TRY(add_split(&made, notes, s, f));
    *data = made;
    *dictionary = learned;
    memset(&made, 0, sizeof made);
    memset(&learned, 0, sizeof learned);
    return OK;
}

status source_open_with(struct dataset *data, struct table_notes *notes, const struct dictionary *dictionary,
                        const struct source *s, struct fault *f)
{
    struct cells cells AUTO(cells_clear) = {0};
    struct dataset made AUTO(dataset_clear) = {0};
    struct table_roles roles = roles_of(s);

    TRY(read_cells(&cells, s, f));
    TRY(table_apply(&made, notes, &cells, dictionary, &roles, f));
    TRY(add_split(&made, notes, s, f));
    *data = made;
    memset(&made, 0, sizeof made);
    return OK;
}

status source_has_column(bool *has, const char *path, const char *column, struct fault *f)
{
    struct cells cells AUTO(cells_clear) = {0};

    TRY(csv_read_header(&cells, path, f));
    *has = cells_find(&cells, column) < cells.columns;
    return OK;
}
