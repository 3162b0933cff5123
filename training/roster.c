#include "training/roster.h"

#include "training/column.h"
#include "training/ids.h"
#include "training/text.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const char *id;
    uint32_t row;
};

struct entries {
    struct entry *list;
    uint32_t count;
    char *text; /* all ids */
    size_t text_len;
};

static void entries_clear(struct entries *e)
{
    if (e->text)
        sodium_memzero(e->text, e->text_len);
    free(e->text);
    free(e->list);
}

void roster_clear(struct roster *r)
{
    if (r->ids)
        for (uint32_t i = 0; i < r->rows; i++) {
            if (r->ids[i])
                sodium_memzero(r->ids[i], strlen(r->ids[i]));
            free(r->ids[i]);
        }
    free(r->ids);
    free(r->row);
    free(r->place);
    memset(r, 0, sizeof *r);
}

static bool row_is_empty(const struct cells *c, uint32_t row)
{
    for (uint32_t i = 0; i < c->columns; i++)
        if (cells_get(c, row, i)[0])
            return false;
    return true;
}

static status bad_id(const struct cells *c, uint32_t row, uint32_t column, enum ids_verdict verdict, struct fault *f)
{
    const char *name = cells_name(c, column);

    if (verdict == IDS_EMPTY) {
        fault_hint(f, "every row needs an id: fill it in or remove the row");
        return fault_set(f, STATUS_CONFIG, "%s:%u: column \"%s\": the id is empty", c->origin, c->line[row], name);
    }
    if (verdict == IDS_TOO_LONG) {
        fault_hint(f, "check that \"%s\" is the id column and that no quote is missing", name);
        return fault_set(f, STATUS_CONFIG, "%s:%u: column \"%s\": the id is longer than %d bytes", c->origin,
                         c->line[row], name, DATASET_ID_MAX);
    }
    return fault_set(f, STATUS_CONFIG, "%s:%u: column \"%s\": the id is not UTF-8 text", c->origin, c->line[row], name);
}

/* 9.90138E+17: what a spreadsheet leaves of a long number. */
static bool rounded_by_spreadsheet(const char *id)
{
    double x;

    return strstr(id, "E+") && text_number(&x, id);
}

static status read_entries(struct entries *e, struct table_notes *notes, const struct cells *c, uint32_t column,
                           struct fault *f)
{
    uint32_t rounded = 0, first_rounded = 0;
    size_t room = 0;
    char *to;

    for (uint32_t row = 0; row < c->rows; row++)
        room += strlen(cells_get(c, row, column)) + 1; /* normalising never lengthens */
    TRY(alloc_zeroed(&e->text, room, 1));
    TRY(alloc_zeroed(&e->list, c->rows, sizeof *e->list));
    e->text_len = room;
    to = e->text;
    for (uint32_t row = 0; row < c->rows; row++) {
        const char *text = cells_get(c, row, column);
        char id[DATASET_ID_MAX + 1];
        enum ids_verdict verdict;
        size_t size;

        if (!text[0] && row_is_empty(c, row)) {
            notes->rows_empty++;
            continue;
        }
        verdict = ids_normalise(id, text, strlen(text));
        if (verdict != IDS_OK)
            return bad_id(c, row, column, verdict, f);
        if (rounded_by_spreadsheet(id) && rounded++ == 0)
            first_rounded = row;
        size = strlen(id) + 1;
        memcpy(to, id, size);
        e->list[e->count++] = (struct entry){.id = to, .row = row};
        to += size;
    }
    notes->rows_read = e->count;
    if (rounded)
        TRY(table_notes_add(notes, true, "%u ids look as if a spreadsheet had rounded them, such as 9.9E+17 (first in "
                            "line %u); export the id column as text", rounded, c->line[first_rounded]));
    if (notes->rows_empty)
        TRY(table_notes_add(notes, false, "%u rows without any value skipped", notes->rows_empty));
    return OK;
}

static int by_id_then_row(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->id, y->id);

    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static bool same_values(const struct cells *c, uint32_t a, uint32_t b, uint32_t id_column)
{
    for (uint32_t i = 0; i < c->columns; i++)
        if (i != id_column && strcmp(cells_get(c, a, i), cells_get(c, b, i)) != 0)
            return false;
    return true;
}

static status keep_first(struct roster *r, struct table_notes *notes, const struct entries *e, const struct cells *c,
                         uint32_t id_column, const struct table_roles *roles, struct fault *f)
{
    uint32_t first[2] = {0}; /* lines of the first conflict in file order */

    TRY(alloc_zeroed(&r->ids, e->count, sizeof *r->ids));
    TRY(alloc_zeroed(&r->row, e->count, sizeof *r->row));
    for (uint32_t i = 0; i < e->count; i++) {
        const struct entry *entry = &e->list[i];
        uint32_t last = r->rows ? r->row[r->rows - 1] : 0;

        if (r->rows == 0 || strcmp(r->ids[r->rows - 1], entry->id) != 0) {
            r->ids[r->rows] = strdup(entry->id);
            if (!r->ids[r->rows])
                return STATUS_NO_MEMORY;
            r->row[r->rows++] = entry->row;
        } else if (same_values(c, last, entry->row, id_column)) {
            notes->duplicates++;
        } else {
            if (notes->conflicts++ == 0 || c->line[entry->row] < first[1])
                first[0] = c->line[last], first[1] = c->line[entry->row];
        }
    }
    if (notes->conflicts && roles->on_duplicate == TABLE_DUPLICATE_REFUSE) {
        fault_hint(f, "keep one row per id; in a party's table --on-duplicate first lets the first one win");
        return fault_set(f, STATUS_CONFIG, "%s:%u: the id in column \"%s\" is that of line %u, with other values "
                         "(%u such rows)", c->origin, first[1], cells_name(c, id_column), first[0], notes->conflicts);
    }
    if (notes->duplicates)
        TRY(table_notes_add(notes, false, "%u exact duplicate rows dropped", notes->duplicates));
    if (notes->conflicts)
        TRY(table_notes_add(notes, true, "%u rows dropped whose id came before with other values; the first row of "
                            "each id counts (first case: lines %u and %u)", notes->conflicts, first[0], first[1]));
    return OK;
}

status roster_build(struct roster *r, struct table_notes *notes, const struct cells *cells, uint32_t id_column,
                    const struct table_roles *roles, struct fault *f)
{
    struct roster made AUTO(roster_clear) = {0};
    struct entries entries AUTO(entries_clear) = {0};

    TRY(read_entries(&entries, notes, cells, id_column, f));
    if (entries.count == 0) {
        fault_hint(f, "the table needs a row per person below the header");
        return fault_set(f, STATUS_CONFIG, "%s: there is a header but no row", cells->origin);
    }
    qsort(entries.list, entries.count, sizeof *entries.list, by_id_then_row);
    TRY(keep_first(&made, notes, &entries, cells, id_column, roles, f));
    TRY(alloc_zeroed(&made.place, cells->rows, sizeof *made.place));
    for (uint32_t row = 0; row < cells->rows; row++)
        made.place[row] = COLUMN_NO_PLACE;
    for (uint32_t i = 0; i < made.rows; i++)
        made.place[made.row[i]] = i;
    *r = made;
    memset(&made, 0, sizeof made);
    return OK;
}
