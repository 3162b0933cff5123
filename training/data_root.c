#include "training/data_root.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum { SALT_BYTES = 32, ROW_BYTES_MAX = SALT_BYTES + 2 + DATASET_ID_MAX + 2 + DATASET_COLUMNS_MAX + 1 };

/* salt | id length, id | columns, codes | split: one encoding of each row. */
void data_root_leaf(struct hash *out, const struct dataset *d, uint32_t row, const struct rng_key *blind)
{
    struct rng_key salt AUTO(rng_key_clear) = {0};
    uint8_t bytes[ROW_BYTES_MAX], index[8], *at = bytes;
    const size_t id_len = strlen(d->ids[row]);

    assert(id_len <= DATASET_ID_MAX && d->columns <= DATASET_COLUMNS_MAX);
    store_u64(index, row);
    rng_key_derive(&salt, blind, "hefu/row-salt", index, sizeof index);
    memcpy(at, salt.bytes, SALT_BYTES);
    at += SALT_BYTES;
    store_u16(at, (uint16_t)id_len);
    memcpy(at + 2, d->ids[row], id_len);
    at += 2 + id_len;
    store_u16(at, d->columns);
    memcpy(at + 2, d->codes + (size_t)row * d->columns, d->columns);
    at += 2 + d->columns;
    *at++ = d->split ? d->split[row] : SPLIT_UNLISTED;
    merkle_leaf(out, blind->suite, bytes, (size_t)(at - bytes));
    sodium_memzero(bytes, sizeof bytes);
}

void data_root(struct hash *out, const struct dataset *d, const struct rng_key *blind)
{
    struct merkle tree = {.suite = blind->suite};

    for (uint32_t row = 0; row < d->rows; row++) {
        struct hash leaf;

        data_root_leaf(&leaf, d, row, blind);
        merkle_append(&tree, &leaf);
    }
    merkle_root(&tree, out);
}

status data_root_schema(struct hash *out, const struct dictionary *dictionary, const struct rng_key *blind)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct rng_key salt AUTO(rng_key_clear) = {0};

    wire_put_string(&w, dictionary->id_column);
    wire_put_string(&w, dictionary->label_column ? dictionary->label_column : "");
    wire_put_u16(&w, dictionary->num_columns);
    for (uint16_t i = 0; i < dictionary->num_columns; i++) {
        const struct dictionary_column *c = &dictionary->columns[i];

        wire_put_string(&w, c->name);
        wire_put_u8(&w, (uint8_t)c->kind);
        wire_put_u8(&w, c->bins);
        wire_put_u8(&w, c->has_missing);
    }
    TRY(wire_writer_status(&w));
    rng_key_derive(&salt, blind, "hefu/schema-salt", NULL, 0);
    hash_keyed(out, salt.suite, salt.bytes, "hefu/schema/v1", w.bytes, w.len);
    return OK;
}
