#include "node/hefu_audit/sample.h"

#include "node/local/files.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { BIN_TEXT = 64 };

static void put(struct wire_writer *w, const char *text)
{
    wire_put_bytes(w, text, strlen(text));
}

/* A cell of the file: what would end it is a space. */
static void put_cell(struct wire_writer *w, const char *before, const char *text)
{
    put(w, before);
    for (; *text; text++) {
        const char c = (unsigned char)*text < ' ' ? ' ' : *text;

        wire_put_bytes(w, &c, 1);
    }
}

static void put_head(struct wire_writer *w, const struct premises *p)
{
    const struct dictionary *d = &p->table.dictionary;

    put_cell(w, "", d->id_column);
    if (p->data.label)
        put_cell(w, "\t", d->label_column);
    for (uint16_t c = 0; c < d->num_columns; c++)
        put_cell(w, "\t", d->columns[c].name);
    put(w, "\n");
}

static void put_row(struct wire_writer *w, const struct premises *p, uint32_t row)
{
    const struct dictionary *d = &p->table.dictionary;
    char text[BIN_TEXT];

    put_cell(w, "", p->data.ids[row]);
    if (p->data.label)
        put(w, p->data.label[row] ? "\t1" : "\t0");
    for (uint16_t c = 0; c < d->num_columns; c++) {
        dictionary_bin_text(&d->columns[c], p->data.codes[(size_t)row * p->data.columns + c], text, sizeof text);
        put_cell(w, "\t", text);
    }
    put(w, "\n");
}

/* The rows in a random order. */
static status draw(uint32_t **rows, const struct premises *p)
{
    const enum suite suite = p->papers.contract.suite;
    struct rng_key key AUTO(rng_key_clear) = {0};
    struct rng g AUTO(rng_clear) = {0};
    struct hasher h;
    struct hash of_log;

    TRY(alloc_zeroed(rows, p->data.rows, sizeof **rows));
    hasher_init(&h, suite, "hefu/sample/v1");
    hasher_add(&h, p->journal.log, p->journal.log_len);
    hasher_final(&h, &of_log);
    rng_key_from_hash(&key, suite, &of_log);
    rng_init(&g, &key, &(struct rng_address){.purpose = "rows"});
    rng_permutation(&g, *rows, p->data.rows);
    return OK;
}

status sample_write(uint32_t *written, const struct premises *p, uint32_t count, const char *path, struct fault *f)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    uint32_t *rows AUTO(auto_free) = NULL;

    TRY(draw(&rows, p));
    *written = count < p->data.rows ? count : p->data.rows;
    put_head(&w, p);
    for (uint32_t i = 0; i < *written; i++)
        put_row(&w, p, rows[i]);
    TRY(wire_writer_status(&w));
    return files_create(path, w.bytes, w.len, 0600, f);
}
