#include "crypto/wire.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void store_u16(uint8_t *out, uint16_t v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

void store_u32(uint8_t *out, uint32_t v)
{
    store_u16(out, (uint16_t)(v >> 16));
    store_u16(out + 2, (uint16_t)v);
}

void store_u64(uint8_t *out, uint64_t v)
{
    store_u32(out, (uint32_t)(v >> 32));
    store_u32(out + 4, (uint32_t)v);
}

uint16_t load_u16(const uint8_t *in)
{
    return (uint16_t)((in[0] << 8) | in[1]);
}

uint32_t load_u32(const uint8_t *in)
{
    return ((uint32_t)load_u16(in) << 16) | load_u16(in + 2);
}

uint64_t load_u64(const uint8_t *in)
{
    return ((uint64_t)load_u32(in) << 32) | load_u32(in + 4);
}

void wire_writer_clear(struct wire_writer *w)
{
    if (w->bytes)
        sodium_memzero(w->bytes, w->cap);
    free(w->bytes);
    memset(w, 0, sizeof *w);
}

status wire_writer_status(const struct wire_writer *w)
{
    return w->state;
}

/* Room for len more bytes; the old buffer is wiped when it moves. */
static uint8_t *writer_room(struct wire_writer *w, size_t len)
{
    if (w->state != OK)
        return NULL;
    if (len > w->cap - w->len) {
        size_t cap = w->cap ? w->cap : 256;
        uint8_t *bytes;

        while (cap - w->len < len) {
            if (cap > SIZE_MAX / 2) {
                w->state = STATUS_NO_MEMORY;
                return NULL;
            }
            cap *= 2;
        }
        bytes = malloc(cap);
        if (!bytes) {
            w->state = STATUS_NO_MEMORY;
            return NULL;
        }
        if (w->bytes) {
            memcpy(bytes, w->bytes, w->len);
            sodium_memzero(w->bytes, w->cap);
            free(w->bytes);
        }
        w->bytes = bytes;
        w->cap = cap;
    }
    w->len += len;
    return w->bytes + w->len - len;
}

void wire_put_u8(struct wire_writer *w, uint8_t v)
{
    wire_put_bytes(w, &v, 1);
}

void wire_put_u16(struct wire_writer *w, uint16_t v)
{
    uint8_t b[2];

    store_u16(b, v);
    wire_put_bytes(w, b, sizeof b);
}

void wire_put_u32(struct wire_writer *w, uint32_t v)
{
    uint8_t b[4];

    store_u32(b, v);
    wire_put_bytes(w, b, sizeof b);
}

void wire_put_u64(struct wire_writer *w, uint64_t v)
{
    uint8_t b[8];

    store_u64(b, v);
    wire_put_bytes(w, b, sizeof b);
}

void wire_put_bytes(struct wire_writer *w, const void *bytes, size_t len)
{
    uint8_t *room = len ? writer_room(w, len) : NULL; /* nothing put into nothing: no buffer to point into */

    if (room)
        memcpy(room, bytes, len);
}

void wire_put_string(struct wire_writer *w, const char *text)
{
    size_t len = strlen(text);

    if (len > UINT16_MAX) {
        w->state = w->state == OK ? STATUS_LIMIT : w->state;
        return;
    }
    wire_put_u16(w, (uint16_t)len);
    wire_put_bytes(w, text, len);
}

void wire_put_blob(struct wire_writer *w, const void *bytes, size_t len)
{
    if (len > UINT32_MAX) {
        w->state = w->state == OK ? STATUS_LIMIT : w->state;
        return;
    }
    wire_put_u32(w, (uint32_t)len);
    wire_put_bytes(w, bytes, len);
}

void wire_reader_init(struct wire_reader *r, const void *bytes, size_t len)
{
    r->at = bytes;
    r->left = len;
    r->state = OK;
}

/* The next len bytes, or NULL with the error latched. */
static const uint8_t *reader_take(struct wire_reader *r, size_t len)
{
    const uint8_t *at = r->at;

    if (r->state != OK || len > r->left) {
        r->state = STATUS_MALFORMED;
        return NULL;
    }
    r->at += len;
    r->left -= len;
    return at;
}

uint8_t wire_get_u8(struct wire_reader *r)
{
    const uint8_t *at = reader_take(r, 1);

    return at ? at[0] : 0;
}

uint16_t wire_get_u16(struct wire_reader *r)
{
    const uint8_t *at = reader_take(r, 2);

    return at ? load_u16(at) : 0;
}

uint32_t wire_get_u32(struct wire_reader *r)
{
    const uint8_t *at = reader_take(r, 4);

    return at ? load_u32(at) : 0;
}

uint64_t wire_get_u64(struct wire_reader *r)
{
    const uint8_t *at = reader_take(r, 8);

    return at ? load_u64(at) : 0;
}

void wire_get_bytes(struct wire_reader *r, void *out, size_t len)
{
    const uint8_t *at = reader_take(r, len);

    if (at && len)
        memcpy(out, at, len);
    else if (len)
        memset(out, 0, len);
}

void wire_get_string(struct wire_reader *r, char *out, size_t cap)
{
    size_t len = wire_get_u16(r);
    const uint8_t *at = reader_take(r, len);

    out[0] = '\0';
    if (!at)
        return;
    if (len >= cap) {
        r->state = STATUS_MALFORMED;
        return;
    }
    for (size_t i = 0; i < len; i++)
        if (at[i] < 0x20 || at[i] == 0x7f) {
            r->state = STATUS_MALFORMED;
            return;
        }
    memcpy(out, at, len);
    out[len] = '\0';
}

const uint8_t *wire_get_blob(struct wire_reader *r, size_t max, size_t *len)
{
    size_t n = wire_get_u32(r);
    const uint8_t *at = n <= max ? reader_take(r, n) : NULL;

    if (!at)
        r->state = STATUS_MALFORMED;
    *len = at ? n : 0;
    return at;
}

status wire_finish(const struct wire_reader *r)
{
    return r->state == OK && r->left == 0 ? OK : STATUS_MALFORMED;
}
