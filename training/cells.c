#include "training/cells.h"

#include "training/text.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` elements behind the first `used`; what moves is wiped where it was. */
static status grow(void *array, size_t *cap, size_t used, size_t more, size_t size)
{
    char *old, *moved;
    size_t want = *cap ? *cap : 64;

    if (more <= *cap - used)
        return OK;
    while (want - used < more) {
        if (want > SIZE_MAX / 2 / size)
            return STATUS_NO_MEMORY;
        want *= 2;
    }
    moved = malloc(want * size);
    if (!moved)
        return STATUS_NO_MEMORY;
    memcpy(&old, array, sizeof old);
    if (old) {
        memcpy(moved, old, used * size);
        sodium_memzero(old, used * size);
        free(old);
    }
    memcpy(array, &moved, sizeof moved);
    *cap = want;
    return OK;
}

status cells_init(struct cells *c, const char *origin)
{
    memset(c, 0, sizeof *c);
    c->origin = strdup(origin);
    return c->origin ? OK : STATUS_NO_MEMORY;
}

void cells_clear(struct cells *c)
{
    for (size_t i = 0; i < c->num_column; i++) {
        if (c->column[i].text)
            sodium_memzero(c->column[i].text, c->column[i].text_len);
        free(c->column[i].text);
        free(c->column[i].at);
    }
    free(c->column);
    free(c->line);
    free(c->origin);
    memset(c, 0, sizeof *c);
}

static status append(struct cells_column *column, const char *text, size_t len)
{
    size_t clean_len;

    TRY(grow(&column->text, &column->text_cap, column->text_len, len + 1, 1));
    TRY(grow(&column->at, &column->cap_at, column->num_at, 1, sizeof *column->at));
    if (!text_clean(column->text + column->text_len, &clean_len, text, len))
        return STATUS_CONFIG;
    column->at[column->num_at++] = column->text_len;
    column->text_len += clean_len + 1;
    return OK;
}

status cells_add(struct cells *c, const char *text, size_t len)
{
    size_t column = c->pending;

    if (column >= (c->columns ? c->columns : CELLS_COLUMNS_MAX)) { /* too many: counted for cells_end_row to say so */
        c->pending++;
        return OK;
    }
    if (c->columns == 0) {
        TRY(grow(&c->column, &c->cap_column, c->num_column, 1, sizeof *c->column));
        memset(&c->column[c->num_column++], 0, sizeof *c->column);
    }
    TRY(append(&c->column[column], text, len));
    c->pending++;
    return OK;
}

static status check_header(const struct cells *c, struct fault *f)
{
    for (uint32_t i = 0; i < c->columns; i++) {
        const char *name = cells_name(c, i);

        if (strlen(name) > TEXT_NAME_MAX) {
            fault_hint(f, "the first line must name the columns; shorten the name, or check that the header is there");
            return fault_set(f, STATUS_CONFIG, "%s:%u: the name of column %u is longer than %d bytes", c->origin,
                             c->header_line, i + 1, TEXT_NAME_MAX);
        }
        for (uint32_t j = 0; name[0] && j < i; j++)
            if (strcmp(name, cells_name(c, j)) == 0) {
                fault_hint(f, "rename or remove one of the two columns");
                return fault_set(f, STATUS_CONFIG, "%s:%u: columns %u and %u are both named \"%s\"", c->origin,
                                 c->header_line, j + 1, i + 1, name);
            }
    }
    return OK;
}

status cells_end_row(struct cells *c, uint32_t line, struct fault *f)
{
    size_t got = c->pending;

    c->pending = 0;
    if (c->columns == 0) {
        if (got > CELLS_COLUMNS_MAX) {
            fault_hint(f, "check that the first line is the header, or remove columns that are not needed");
            return fault_set(f, STATUS_CONFIG, "%s:%u: %zu columns, at most %d are possible", c->origin, line, got,
                             CELLS_COLUMNS_MAX);
        }
        c->columns = (uint32_t)got;
        c->header_line = line;
        return check_header(c, f);
    }
    if (got != c->columns) {
        fault_hint(f, "a comma inside a value needs quotes around the value; look for a missing or extra comma");
        return fault_set(f, STATUS_CONFIG, "%s:%u: expected %u fields as in the header, got %zu", c->origin, line,
                         c->columns, got);
    }
    if (c->rows == CELLS_ROWS_MAX)
        return fault_set(f, STATUS_CONFIG, "%s: more than %d rows", c->origin, CELLS_ROWS_MAX);
    TRY(grow(&c->line, &c->cap_line, c->rows, 1, sizeof *c->line));
    c->line[c->rows++] = line;
    return OK;
}

const char *cells_name(const struct cells *c, uint32_t column)
{
    assert(column < c->columns);
    return c->column[column].text; /* its first cell */
}

const char *cells_get(const struct cells *c, uint32_t row, uint32_t column)
{
    const struct cells_column *from = &c->column[column];

    return from->text + from->at[(size_t)row + 1];
}

uint32_t cells_find(const struct cells *c, const char *name)
{
    uint32_t i = 0;

    while (i < c->columns && (!cells_name(c, i)[0] || strcmp(cells_name(c, i), name) != 0))
        i++;
    return i;
}

/* "a, b, c and 12 more" in at most cap bytes. */
static void list_names(char *out, size_t cap, const struct cells *c)
{
    size_t used = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < c->columns; i++) {
        const char *name = cells_name(c, i)[0] ? cells_name(c, i) : "(no name)";

        if (used + strlen(name) + 24 > cap) {
            snprintf(out + used, cap - used, " and %u more", c->columns - i);
            return;
        }
        used += (size_t)snprintf(out + used, cap - used, "%s%s", i ? ", " : "", name);
    }
}

status cells_require(uint32_t *column, const struct cells *c, const char *name, const char *what, struct fault *f)
{
    uint32_t nearest = 0;
    size_t least = SIZE_MAX;
    char names[240];

    *column = cells_find(c, name);
    if (*column < c->columns)
        return OK;
    for (uint32_t i = 0; i < c->columns; i++) {
        size_t distance = cells_name(c, i)[0] ? text_distance(name, cells_name(c, i)) : SIZE_MAX;

        if (distance < least)
            least = distance, nearest = i;
    }
    if (least <= strlen(name) / 3 || least <= 1)
        fault_hint(f, "did you mean \"%s\"?", cells_name(c, nearest));
    else
        fault_hint(f, "name the %s column as the header of the file writes it", what);
    list_names(names, sizeof names, c);
    return fault_set(f, STATUS_CONFIG, "%s:%u: no %s column \"%s\"; the columns are %s", c->origin, c->header_line,
                     what, name, names);
}
