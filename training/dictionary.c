#include "training/dictionary.h"

#include "training/text.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dictionary_column_clear(struct dictionary_column *c)
{
    if (c->levels)
        for (uint32_t i = 0; i < c->bins; i++)
            free(c->levels[i]);
    free(c->levels);
    if (c->edges)
        sodium_memzero(c->edges, c->num_edges * sizeof *c->edges);
    free(c->edges);
    free(c->name);
    memset(c, 0, sizeof *c);
}

void dictionary_clear(struct dictionary *d)
{
    if (d->columns)
        for (uint32_t i = 0; i < d->num_columns; i++)
            dictionary_column_clear(&d->columns[i]);
    free(d->columns);
    free(d->id_column);
    free(d->label_column);
    memset(d, 0, sizeof *d);
}

/* Codes that are levels: all but "other" and missing. */
static uint32_t num_levels(const struct dictionary_column *c)
{
    uint32_t n = (uint32_t)(c->bins - c->has_missing);

    return n && !c->levels[n - 1] ? n - 1 : n;
}

static uint8_t number_code(const struct dictionary_column *c, double x)
{
    uint32_t code = 0;

    for (uint32_t i = 0; i < c->num_edges; i++)
        code += c->edges[i] < x;
    return (uint8_t)code;
}

static uint8_t level_code(const struct dictionary_column *c, const char *cell, bool *unknown)
{
    uint32_t low = 0, high = num_levels(c);

    while (low < high) {
        uint32_t mid = (low + high) / 2;
        int order = strcmp(cell, c->levels[mid]);

        if (order == 0)
            return (uint8_t)mid;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    if (num_levels(c) + c->has_missing < c->bins)
        return (uint8_t)num_levels(c); /* other */
    *unknown = true;
    return c->fallback;
}

uint8_t dictionary_code(const struct dictionary_column *c, const char *cell, bool *unknown)
{
    double x;

    *unknown = false;
    if (text_missing(cell)) {
        *unknown = !c->has_missing;
        return c->has_missing ? (uint8_t)(c->bins - 1) : c->fallback;
    }
    if (c->kind == COLUMN_CATEGORY)
        return level_code(c, cell, unknown);
    if (text_number(&x, cell))
        return number_code(c, x);
    *unknown = true;
    return c->fallback;
}

/* The shortest decimal that reads back as x. */
static void number_text(char *out, size_t cap, double x)
{
    if (fabs(x) < 1e15 && x == floor(x)) {
        snprintf(out, cap, "%.0f", x);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, cap, "%.*g", digits, x);
        if (strtod(out, NULL) == x)
            return;
    }
}

void dictionary_bin_text(const struct dictionary_column *c, uint8_t code, char *out, size_t cap)
{
    char low[40], high[40];

    if (c->has_missing && code == c->bins - 1) {
        snprintf(out, cap, "missing");
    } else if (c->kind == COLUMN_CATEGORY) {
        snprintf(out, cap, "%s", code < c->bins && c->levels[code] ? c->levels[code] : "other");
    } else if (c->num_edges == 0) {
        snprintf(out, cap, "any value");
    } else if (code == 0) {
        number_text(high, sizeof high, c->edges[0]);
        snprintf(out, cap, "<= %s", high);
    } else if (code >= c->num_edges) {
        number_text(low, sizeof low, c->edges[c->num_edges - 1]);
        snprintf(out, cap, "> %s", low);
    } else {
        number_text(low, sizeof low, c->edges[code - 1]);
        number_text(high, sizeof high, c->edges[code]);
        snprintf(out, cap, "(%s, %s]", low, high);
    }
}

static void encode_column(struct wire_writer *w, const struct dictionary_column *c)
{
    wire_put_string(w, c->name);
    wire_put_u8(w, (uint8_t)c->kind);
    wire_put_u8(w, c->bins);
    wire_put_u8(w, c->has_missing);
    wire_put_u8(w, c->fallback);
    if (c->kind == COLUMN_NUMERIC) {
        for (uint32_t i = 0; i < c->num_edges; i++) {
            uint64_t bits;

            memcpy(&bits, &c->edges[i], sizeof bits);
            wire_put_u64(w, bits);
        }
    } else {
        uint32_t levels = num_levels(c);

        wire_put_u8(w, (uint8_t)levels);
        for (uint32_t i = 0; i < levels; i++)
            wire_put_string(w, c->levels[i]);
    }
}

void dictionary_encode(struct wire_writer *w, const struct dictionary *d)
{
    wire_put_string(w, d->id_column);
    wire_put_u8(w, d->label_column != NULL);
    if (d->label_column)
        wire_put_string(w, d->label_column);
    wire_put_u16(w, d->num_columns);
    for (uint32_t i = 0; i < d->num_columns; i++)
        encode_column(w, &d->columns[i]);
}

static status get_text(char **out, struct wire_reader *r)
{
    char text[TEXT_NAME_MAX + 1];

    wire_get_string(r, text, sizeof text);
    if (r->state != OK)
        return STATUS_MALFORMED;
    *out = strdup(text);
    return *out ? OK : STATUS_NO_MEMORY;
}

static status decode_edges(struct dictionary_column *c, struct wire_reader *r)
{
    c->num_edges = (uint32_t)(c->bins - c->has_missing - 1);
    TRY(alloc_zeroed(&c->edges, c->num_edges, sizeof *c->edges));
    for (uint32_t i = 0; i < c->num_edges; i++) {
        uint64_t bits = wire_get_u64(r);

        memcpy(&c->edges[i], &bits, sizeof bits);
        if (!isfinite(c->edges[i]) || bits == UINT64_C(1) << 63 || (i && c->edges[i] <= c->edges[i - 1]))
            return STATUS_MALFORMED;
    }
    return OK;
}

static status decode_levels(struct dictionary_column *c, struct wire_reader *r)
{
    uint32_t levels = wire_get_u8(r), room = (uint32_t)(c->bins - c->has_missing);

    if (levels > room || levels + 1 < room)
        return STATUS_MALFORMED;
    for (uint32_t i = 0; i < levels; i++) {
        TRY(get_text(&c->levels[i], r));
        if (text_missing(c->levels[i]) || (i && strcmp(c->levels[i - 1], c->levels[i]) >= 0))
            return STATUS_MALFORMED;
    }
    return OK;
}

static status decode_column(struct dictionary_column *c, struct wire_reader *r)
{
    TRY(get_text(&c->name, r));
    c->kind = wire_get_u8(r);
    c->bins = wire_get_u8(r);
    TRY(alloc_zeroed(&c->levels, c->bins, sizeof *c->levels));
    c->has_missing = wire_get_u8(r);
    c->fallback = wire_get_u8(r);
    if (r->state != OK || !c->name[0] || c->bins < 2 || c->bins > DATASET_BINS_MAX || c->has_missing > 1 ||
        c->fallback >= c->bins)
        return STATUS_MALFORMED;
    if (c->kind == COLUMN_CATEGORY)
        return decode_levels(c, r);
    if (c->kind != COLUMN_NUMERIC)
        return STATUS_MALFORMED;
    free(c->levels);
    c->levels = NULL;
    return decode_edges(c, r);
}

status dictionary_decode(struct dictionary *d, const void *bytes, size_t len)
{
    struct dictionary made AUTO(dictionary_clear) = {0};
    struct wire_reader r;
    uint8_t has_label;
    uint16_t columns;

    wire_reader_init(&r, bytes, len);
    TRY(get_text(&made.id_column, &r));
    has_label = wire_get_u8(&r);
    if (has_label > 1)
        return STATUS_MALFORMED;
    if (has_label)
        TRY(get_text(&made.label_column, &r));
    columns = wire_get_u16(&r);
    if (r.state != OK || columns == 0 || columns > DATASET_COLUMNS_MAX)
        return STATUS_MALFORMED;
    TRY(alloc_zeroed(&made.columns, columns, sizeof *made.columns));
    made.num_columns = columns;
    for (uint32_t i = 0; i < columns; i++)
        TRY(decode_column(&made.columns[i], &r));
    TRY(wire_finish(&r));
    *d = made;
    memset(&made, 0, sizeof made);
    return OK;
}
