#include "node/local/schema.h"

#include "node/local/name.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { FIELDS_MAX = 32 };

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    char path[SCHEMA_PATH_BYTES];
    struct schema_marks *marks;
    struct fault *fault;
};

static void reader_clear(struct reader *r)
{
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
}

static uint32_t line_of(const yaml_mark_t *mark)
{
    return (uint32_t)mark->line + 1;
}

static uint32_t column_of(const yaml_mark_t *mark)
{
    return (uint32_t)mark->column + 1;
}

static status PRINTF_LIKE(3, 4) fail_at(struct reader *r, const yaml_mark_t *mark, const char *fmt, ...)
{
    char text[360];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fault_set(r->fault, STATUS_CONFIG, "%s:%u:%u: %s", r->marks->file, line_of(mark), column_of(mark), text);
}

#define FAIL(r, ...) return fail_at(r, &(r)->event.start_mark, __VA_ARGS__)

/* What was found, short and printable. */
struct shown {
    char text[44];
};

static struct shown shown(const yaml_event_t *e)
{
    struct shown s;
    size_t i, len = e->data.scalar.length;

    for (i = 0; i < len && i < 40; i++) {
        unsigned char c = e->data.scalar.value[i];

        s.text[i] = c >= ' ' && c < 127 ? (char)c : '?';
    }
    strcpy(s.text + i, len > 40 ? "..." : "");
    return s;
}

static const char *text_of(const yaml_event_t *e)
{
    return (const char *)e->data.scalar.value;
}

static status next(struct reader *r)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;

    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        if (r->parser.error == YAML_MEMORY_ERROR)
            return STATUS_NO_MEMORY;
        return fail_at(r, &r->parser.problem_mark, "not valid yaml: %s", r->parser.problem ? r->parser.problem : "?");
    }
    if (r->event.type == YAML_SCALAR_EVENT) {
        anchor = r->event.data.scalar.anchor;
        tag = r->event.data.scalar.tag;
    } else if (r->event.type == YAML_MAPPING_START_EVENT) {
        anchor = r->event.data.mapping_start.anchor;
        tag = r->event.data.mapping_start.tag;
    } else if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        anchor = r->event.data.sequence_start.anchor;
        tag = r->event.data.sequence_start.tag;
    }
    if (r->event.type == YAML_SCALAR_EVENT &&
        memchr(r->event.data.scalar.value, 0, r->event.data.scalar.length) != NULL)
        FAIL(r, "a text holds a NUL character");
    if (r->event.type == YAML_ALIAS_EVENT || anchor)
        FAIL(r, "anchors and aliases are not accepted");
    if (tag)
        FAIL(r, "tags are not accepted");
    return OK;
}

static int is_scalar(const struct reader *r)
{
    return r->event.type == YAML_SCALAR_EVENT;
}

/* "key:" with nothing behind it. */
static int is_empty(const struct reader *r)
{
    return is_scalar(r) && r->event.data.scalar.length == 0 && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static size_t path_push(struct reader *r, const char *key)
{
    size_t len = strlen(r->path);

    snprintf(r->path + len, sizeof r->path - len, "%s%s", len ? "." : "", key);
    return len;
}

static size_t path_push_item(struct reader *r, uint32_t item)
{
    size_t len = strlen(r->path);

    snprintf(r->path + len, sizeof r->path - len, "[%u]", item + 1);
    return len;
}

static void path_pop(struct reader *r, size_t len)
{
    r->path[len] = 0;
}

static void remember(struct reader *r)
{
    struct schema_marks *m = r->marks;

    if (m->count == SCHEMA_MARKS)
        return;
    strcpy(m->mark[m->count].path, r->path);
    m->mark[m->count].line = line_of(&r->event.start_mark);
    m->mark[m->count].column = column_of(&r->event.start_mark);
    m->count++;
}

static status read_text(struct reader *r, const struct schema_field *field, char *out)
{
    size_t len;

    if (!is_scalar(r))
        FAIL(r, "%s must be a text", r->path);
    len = r->event.data.scalar.length;
    if (len == 0)
        FAIL(r, "%s is empty", r->path);
    if (len >= field->size)
        FAIL(r, "%s is longer than %zu bytes", r->path, field->size - 1);
    for (size_t i = 0; i < len; i++) {
        if (r->event.data.scalar.value[i] < ' ' || r->event.data.scalar.value[i] == 127)
            FAIL(r, "%s holds a control character or a line break", r->path);
    }
    if (field->check && !field->check(text_of(&r->event))) {
        fault_hint(r->fault, "%s is %s", r->path, field->expects);
        FAIL(r, "%s is \"%s\", not %s", r->path, shown(&r->event).text, field->expects);
    }
    memcpy(out, r->event.data.scalar.value, len + 1);
    return OK;
}

/* Digits, with up to `fraction` digits behind a point; the value scaled by 10^fraction. */
static int parse_number(const char *text, int fraction, uint64_t *out)
{
    uint64_t v = 0;
    int seen = 0, behind = -1;

    for (; *text; text++) {
        if (*text == '.' && behind < 0 && seen && fraction > 0) {
            behind = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || v > UINT32_MAX)
            return 0;
        if (behind >= 0 && behind++ >= fraction)
            return 0;
        v = v * 10 + (uint64_t)(*text - '0');
        seen = 1;
    }
    if (!seen || behind == 0)
        return 0;
    for (int i = behind < 0 ? 0 : behind; i < fraction; i++)
        v *= 10;
    *out = v;
    return 1;
}

static void format_decimal(char out[24], uint64_t millionths)
{
    int n = snprintf(out, 24, "%llu.%06llu", (unsigned long long)(millionths / 1000000),
                     (unsigned long long)(millionths % 1000000));

    while (n > 0 && out[n - 1] == '0')
        out[--n] = 0;
    if (n > 0 && out[n - 1] == '.')
        out[n - 1] = 0;
}

static status read_number(struct reader *r, const struct schema_field *field, uint32_t *out)
{
    int decimal = field->kind == SCHEMA_DECIMAL;
    char min[24], max[24];
    uint64_t v = 0;
    int is_number = is_scalar(r) && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                    parse_number(text_of(&r->event), decimal ? 6 : 0, &v);

    if (decimal) {
        format_decimal(min, field->min);
        format_decimal(max, field->max);
    } else {
        snprintf(min, sizeof min, "%llu", (unsigned long long)field->min);
        snprintf(max, sizeof max, "%llu", (unsigned long long)field->max);
    }
    if (is_number && v >= field->min && v <= field->max) {
        *out = (uint32_t)v;
        return OK;
    }
    fault_hint(r->fault, "%s takes a %s from %s to %s", r->path,
               decimal ? "decimal number of at most 6 places" : "whole number", min, max);
    if (is_number)
        FAIL(r, "%s is %s, outside %s to %s", r->path, shown(&r->event).text, min, max);
    if (is_scalar(r))
        FAIL(r, "%s is \"%s\", not a %snumber from %s to %s", r->path, shown(&r->event).text,
             decimal ? "decimal " : "whole ", min, max);
    FAIL(r, "%s must be a %snumber from %s to %s", r->path, decimal ? "decimal " : "whole ", min, max);
}

static void list_words(char *out, size_t cap, const struct schema_choice *choices)
{
    size_t len = 0;

    out[0] = 0;
    for (; choices->word && len < cap; choices++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", len ? ", " : "", choices->word);
}

static status read_choice(struct reader *r, const struct schema_field *field, uint32_t *out)
{
    char words[160];

    for (const struct schema_choice *c = field->choices; is_scalar(r) && c->word; c++) {
        if (strcmp(text_of(&r->event), c->word) == 0) {
            *out = c->value;
            return OK;
        }
    }
    list_words(words, sizeof words, field->choices);
    fault_hint(r->fault, "%s takes %s", r->path, words);
    if (is_scalar(r))
        FAIL(r, "%s is \"%s\", not one of: %s", r->path, shown(&r->event).text, words);
    FAIL(r, "%s must be one of: %s", r->path, words);
}

static status read_hash(struct reader *r, const struct schema_field *field, struct hash *out)
{
    if (!is_scalar(r) || !schema_hash_from_text(out, text_of(&r->event))) {
        if (!strcmp(field->key, "fingerprint"))
            fault_hint(r->fault, "hefu ca show CERTIFICATE prints the fingerprint");
        FAIL(r, "%s must be %s: 64 hexadecimal digits", r->path, field->expects);
    }
    return OK;
}

static status read_value(struct reader *r, const struct schema_field *field, void *base);

/* A list; one given as a map or a scalar is an error, one left empty has no items. */
static status read_list(struct reader *r, const struct schema_field *field, uint8_t *base)
{
    uint32_t count = 0, flags = 0;
    yaml_mark_t start = r->event.start_mark;
    struct schema_field item = *field;

    item.offset = 0;
    item.kind = field->kind == SCHEMA_FLAGS ? SCHEMA_CHOICE : field->fields ? SCHEMA_MAP : SCHEMA_TEXT;
    if (!is_empty(r)) {
        if (r->event.type != YAML_SEQUENCE_START_EVENT)
            FAIL(r, "%s must be a list", r->path);
        TRY(next(r));
        for (; r->event.type != YAML_SEQUENCE_END_EVENT; count++) {
            size_t parent = path_push_item(r, count);
            uint32_t flag = 0;

            if (count >= field->max)
                FAIL(r, "%.*s has more than %u items", (int)parent, r->path, (uint32_t)field->max);
            TRY(read_value(r, &item, field->kind == SCHEMA_FLAGS ? (uint8_t *)&flag
                                                                 : base + field->offset + count * field->size));
            flags |= flag;
            path_pop(r, parent);
            TRY(next(r));
        }
    }
    if (count < field->min)
        return fail_at(r, &start, "%s needs at least %u item%s", r->path, (uint32_t)field->min,
                       field->min == 1 ? "" : "s");
    if (field->kind == SCHEMA_FLAGS)
        memcpy(base + field->offset, &flags, sizeof flags);
    else
        memcpy(base + field->count_offset, &count, sizeof count);
    return OK;
}

static status unknown_key(struct reader *r, const struct schema_field *fields)
{
    const char *keys[FIELDS_MAX], *nearest;
    char all[240];
    size_t count = 0, len = 0;

    all[0] = 0;
    for (; fields[count].key; count++) {
        keys[count] = fields[count].key;
        if (len < sizeof all)
            len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", count ? ", " : "", keys[count]);
    }
    nearest = name_nearest(text_of(&r->event), keys, count);
    if (nearest)
        fault_hint(r->fault, "did you mean \"%s\"?", nearest);
    else
        fault_hint(r->fault, "accepted here: %s", all);
    FAIL(r, "unknown key \"%s\"%s%s", shown(&r->event).text, r->path[0] ? " in " : "", r->path);
}

/* The keys and values of a map up to its end event. */
static status read_map(struct reader *r, const struct schema_field *fields, uint8_t *base)
{
    uint32_t seen_at[FIELDS_MAX] = {0};
    yaml_mark_t start = r->event.start_mark;

    if (!is_empty(r)) {
        if (r->event.type != YAML_MAPPING_START_EVENT)
            FAIL(r, "%s must be a group of keys", r->path[0] ? r->path : "the file");
        TRY(next(r));
        while (r->event.type != YAML_MAPPING_END_EVENT) {
            size_t i = 0, parent;

            if (!is_scalar(r))
                FAIL(r, "a key must be a plain word");
            while (fields[i].key && strcmp(fields[i].key, text_of(&r->event)) != 0)
                i++;
            if (!fields[i].key)
                return unknown_key(r, fields);
            parent = path_push(r, fields[i].key);
            if (seen_at[i]) {
                fault_hint(r->fault, "it stands on line %u already; keep one of the two", seen_at[i]);
                FAIL(r, "%s appears twice", r->path);
            }
            seen_at[i] = line_of(&r->event.start_mark);
            TRY(next(r));
            TRY(read_value(r, &fields[i], base));
            path_pop(r, parent);
            TRY(next(r));
        }
    }
    for (size_t i = 0; fields[i].key; i++) {
        if (fields[i].required && !seen_at[i]) {
            fault_hint(r->fault, "add a line \"%s: ...\"%s%s", fields[i].key, fields[i].expects ? " with " : "",
                       fields[i].expects ? fields[i].expects : "");
            return fail_at(r, &start, "missing key \"%s\"%s%s", fields[i].key, r->path[0] ? " in " : "", r->path);
        }
    }
    return OK;
}

static status read_value(struct reader *r, const struct schema_field *field, void *base)
{
    uint8_t *at = (uint8_t *)base + field->offset;

    remember(r);
    switch (field->kind) {
    case SCHEMA_TEXT: return read_text(r, field, (char *)at);
    case SCHEMA_COUNT:
    case SCHEMA_DECIMAL: return read_number(r, field, (uint32_t *)(void *)at);
    case SCHEMA_CHOICE: return read_choice(r, field, (uint32_t *)(void *)at);
    case SCHEMA_HASH: return read_hash(r, field, (struct hash *)(void *)at);
    case SCHEMA_MAP: return read_map(r, field->fields, at);
    case SCHEMA_FLAGS:
    case SCHEMA_LIST: return read_list(r, field, base);
    }
    return STATUS_CONFIG;
}

status schema_read(void *out, const struct schema_field *fields, const char *file, const void *text, size_t len,
                   struct schema_marks *marks, struct fault *f)
{
    struct schema_marks *own AUTO(auto_free) = NULL;
    struct reader r AUTO(reader_clear) = {.fault = f};

    if (!marks) {
        TRY(alloc_zeroed(&own, 1, sizeof *own));
        marks = own;
    }
    marks->file = file;
    marks->count = 0;
    r.marks = marks;
    if (!yaml_parser_initialize(&r.parser))
        return STATUS_NO_MEMORY;
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, text, len);
    TRY(next(&r)); /* the start of the stream */
    TRY(next(&r));
    if (r.event.type == YAML_STREAM_END_EVENT)
        return fault_set(f, STATUS_CONFIG, "%s:1:1: the file is empty", file);
    TRY(next(&r));
    TRY(read_map(&r, fields, out));
    TRY(next(&r)); /* the end of the document */
    TRY(next(&r));
    if (r.event.type != YAML_STREAM_END_EVENT)
        return fail_at(&r, &r.event.start_mark, "a second document in one file");
    return OK;
}

static const struct schema_mark *find_mark(const struct schema_marks *marks, const char *path)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        if (strcmp(marks->mark[i].path, path) == 0)
            return &marks->mark[i];
    }
    return NULL;
}

int schema_present(const struct schema_marks *marks, const char *path)
{
    return find_mark(marks, path) != NULL;
}

status schema_fault(const struct schema_marks *marks, const char *path, struct fault *f, const char *fmt, ...)
{
    const struct schema_mark *mark = find_mark(marks, path);
    char text[320];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!mark)
        return fault_set(f, STATUS_CONFIG, "%s: %s: %s", marks->file, path, text);
    return fault_set(f, STATUS_CONFIG, "%s:%u:%u: %s: %s", marks->file, mark->line, mark->column, path, text);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int schema_hash_from_text(struct hash *out, const char *text)
{
    struct hash h;

    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high, low;

        if (i > 0 && *text == ':')
            text++;
        high = hex_digit(text[0]);
        low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0)
            return 0;
        h.bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    if (*text)
        return 0;
    *out = h;
    return 1;
}
