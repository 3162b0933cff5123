#include "training/column.h"

#include "training/text.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a first look at the cells finds. */
struct census {
    double *values; /* [numbers] */
    uint32_t rows, numbers, texts, missing;
    uint32_t first_text; /* the first row of the table with text, when texts > 0 */
};

static void census_clear(struct census *s)
{
    if (s->values)
        sodium_memzero(s->values, s->rows * sizeof *s->values);
    free(s->values);
}

static status take_census(struct census *s, const struct column_view *view)
{
    TRY(alloc_zeroed(&s->values, view->rows, sizeof *s->values));
    s->rows = view->rows;
    for (uint32_t row = 0; row < view->cells->rows; row++) {
        const char *text = cells_get(view->cells, row, view->column);

        if (view->place[row] == COLUMN_NO_PLACE)
            continue;
        if (text_missing(text)) {
            s->missing++;
        } else if (text_number(&s->values[s->numbers], text)) {
            s->numbers++;
        } else {
            if (s->texts++ == 0)
                s->first_text = row;
        }
    }
    return OK;
}

static uint32_t least_rows(uint32_t rows)
{
    return (uint32_t)(((uint64_t)rows * COLUMN_SHARE_MIN + 99) / 100);
}

/* Sort finite doubles: radix sort, a byte at a time, on bits whose order is the numbers' order.  Bytes that are equal
 * in all of them cost one count only. */
static status sort_values(double *values, uint32_t n)
{
    uint64_t *from = NULL, *to = NULL, *spare;
    status code = alloc_zeroed(&from, 2 * (size_t)n, sizeof *from);

    if (code != OK)
        return code;
    spare = from;
    to = from + n;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bits;

        memcpy(&bits, &values[i], sizeof bits);
        from[i] = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
    }
    for (unsigned shift = 0; shift < 64; shift += 8) {
        uint32_t start[257] = {0};
        uint64_t *swap = from;

        for (uint32_t i = 0; i < n; i++)
            start[(from[i] >> shift & 0xff) + 1]++;
        if (n == 0 || start[(from[0] >> shift & 0xff) + 1] == n)
            continue;
        for (unsigned b = 1; b < 256; b++)
            start[b] += start[b - 1];
        for (uint32_t i = 0; i < n; i++)
            to[start[from[i] >> shift & 0xff]++] = from[i];
        from = to;
        to = swap;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bits = from[i] >> 63 ? from[i] ^ UINT64_C(1) << 63 : ~from[i];

        memcpy(&values[i], &bits, sizeof bits);
    }
    sodium_memzero(spare, 2 * (size_t)n * sizeof *spare);
    free(spare);
    return OK;
}

/* Where bins may end: end[k] sorted values lie at or below the k-th upper bound.  The last end is n. */
static uint32_t bin_ends(uint32_t end[COLUMN_VALUES_MAX], const double *sorted, uint32_t n)
{
    uint32_t count = 0;

    for (uint32_t i = 1; i <= n; i++) {
        if (i < n && sorted[i] == sorted[i - 1])
            continue;
        if (count == COLUMN_VALUES_MAX)
            break;
        end[count++] = i;
        if (i == n)
            return count;
    }
    count = 0;
    for (uint32_t k = 1; k <= COLUMN_QUANTILES; k++) {
        uint32_t i = (uint32_t)(((uint64_t)n * k + COLUMN_QUANTILES - 1) / COLUMN_QUANTILES);

        while (i < n && sorted[i] == sorted[i - 1])
            i++;
        if (count == 0 || end[count - 1] < i)
            end[count++] = i;
    }
    return count;
}

static status learn_numbers(struct dictionary_column *c, struct census *s)
{
    uint32_t end[COLUMN_VALUES_MAX], kept = 0, ends, least = least_rows(s->rows);

    _Static_assert((int)COLUMN_QUANTILES <= (int)COLUMN_VALUES_MAX, "end has room for both");
    TRY(sort_values(s->values, s->numbers));
    ends = bin_ends(end, s->values, s->numbers);
    for (uint32_t i = 0; i < ends; i++)
        if (end[i] - (kept ? end[kept - 1] : 0) >= least || i + 1 == ends)
            end[kept++] = end[i];
    if (kept > 1 && end[kept - 1] - end[kept - 2] < least) {
        end[kept - 2] = end[kept - 1];
        kept--;
    }
    TRY(alloc_zeroed(&c->edges, kept, sizeof *c->edges));
    c->kind = COLUMN_NUMERIC;
    c->num_edges = kept - 1;
    c->bins = (uint8_t)(kept + c->has_missing);
    for (uint32_t i = 0; i + 1 < kept; i++)
        c->edges[i] = s->values[end[i] - 1];
    return OK;
}

struct level {
    const char *text;
    uint32_t rows;
};

struct levels {
    struct level list[COLUMN_LEVELS_MAX];
    uint32_t count;
    uint8_t slot[256]; /* open addressing by hash: index into list plus one */
};

static struct level *level_find(struct levels *l, const char *text)
{
    uint32_t hash = 2166136261u;
    uint8_t *slot;

    for (const char *p = text; *p; p++)
        hash = (hash ^ (uint8_t)*p) * 16777619u;
    hash ^= hash >> 16;
    while (*(slot = &l->slot[hash++ % 256]))
        if (strcmp(l->list[*slot - 1].text, text) == 0)
            return &l->list[*slot - 1];
    if (l->count == COLUMN_LEVELS_MAX)
        return NULL;
    l->list[l->count].text = text;
    *slot = (uint8_t)++l->count;
    return &l->list[l->count - 1];
}

/* False when there are too many levels, or one is too long to be a level. */
static bool collect_levels(struct levels *l, const struct column_view *view)
{
    for (uint32_t row = 0; row < view->cells->rows; row++) {
        const char *text = cells_get(view->cells, row, view->column);
        struct level *level;

        if (view->place[row] == COLUMN_NO_PLACE || text_missing(text))
            continue;
        level = strlen(text) <= TEXT_NAME_MAX ? level_find(l, text) : NULL;
        if (!level)
            return false;
        level->rows++;
    }
    return l->count <= 2 || (uint64_t)l->count * 5 <= view->rows;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct level *)a)->text, ((const struct level *)b)->text);
}

static status learn_levels(struct dictionary_column *c, struct levels *l, uint32_t rows)
{
    uint32_t kept = 0, least = least_rows(rows);

    qsort(l->list, l->count, sizeof l->list[0], by_text);
    for (uint32_t i = 0; i < l->count; i++)
        kept += l->list[i].rows >= least;
    c->kind = COLUMN_CATEGORY;
    c->bins = (uint8_t)(kept + (kept < l->count) + c->has_missing);
    TRY(alloc_zeroed(&c->levels, c->bins, sizeof *c->levels));
    kept = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->list[i].rows < least)
            continue;
        c->levels[kept] = strdup(l->list[i].text);
        if (!c->levels[kept++])
            return STATUS_NO_MEMORY;
    }
    return OK;
}

static status text_among_numbers(const struct census *s, const struct column_view *view, struct fault *f)
{
    const struct cells *t = view->cells;
    char shape[TEXT_SHAPE_MAX];

    text_shape(shape, cells_get(t, s->first_text, view->column));
    fault_hint(f, "write numbers like 12500.75 or 1.2e4, without thousands separators, units or currency signs; "
                  "leave an unknown value empty");
    return fault_set(f, STATUS_CONFIG,
                     "%s:%u: column \"%s\" holds numbers, but here a text of the shape %s (%u of %u cells are text)",
                     t->origin, t->line[s->first_text], cells_name(t, view->column), shape, s->texts,
                     s->texts + s->numbers);
}

static status learn(struct dictionary_column *c, char reason[COLUMN_REASON_MAX], const struct column_view *view,
                    struct fault *f)
{
    struct census s AUTO(census_clear) = {0};
    struct levels levels = {.count = 0};
    uint64_t filled;

    TRY(take_census(&s, view));
    c->has_missing = s.missing > 0;
    filled = (uint64_t)s.numbers + s.texts;
    if (filled == 0) {
        snprintf(reason, COLUMN_REASON_MAX, "every cell is empty");
        return OK;
    }
    if (s.texts == 0) {
        TRY(learn_numbers(c, &s));
    } else if (s.numbers * UINT64_C(100) >= filled * 95) {
        return text_among_numbers(&s, view, f);
    } else if (collect_levels(&levels, view)) {
        TRY(learn_levels(c, &levels, view->rows));
    } else if (s.numbers * UINT64_C(100) >= filled * 80) {
        return text_among_numbers(&s, view, f);
    } else {
        char shape[TEXT_SHAPE_MAX];

        text_shape(shape, cells_get(view->cells, s.first_text, view->column));
        snprintf(reason, COLUMN_REASON_MAX, "text with too many different values (the first has the shape %s)", shape);
        return OK;
    }
    if (c->bins < 2) {
        bool constant = s.texts ? levels.count == 1 : s.values[0] == s.values[s.numbers - 1];

        snprintf(reason, COLUMN_REASON_MAX, "%s",
                 constant    ? "the same value in every row"
                 : s.texts   ? "no value is shared by 2 % of the rows"
                             : "the same value in all but a few rows");
    }
    return OK;
}

status column_learn(struct dictionary_column *out, char reason[COLUMN_REASON_MAX], const struct column_view *view,
                    struct fault *f)
{
    struct dictionary_column c AUTO(dictionary_column_clear) = {0};

    reason[0] = '\0';
    TRY(learn(&c, reason, view, f));
    memset(out, 0, sizeof *out);
    if (reason[0])
        return OK;
    c.name = strdup(cells_name(view->cells, view->column));
    if (!c.name)
        return STATUS_NO_MEMORY;
    *out = c;
    memset(&c, 0, sizeof c);
    return OK;
}
