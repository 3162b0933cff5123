/* Canonical byte encoding: fixed-width big-endian integers and length-prefixed strings.
 *
 * There is one encoding of every value.  A reader latches the first error and then returns zeros, so a decoder reads
 * all its fields and checks once, with wire_finish, that every byte was used and none was missing. */
#ifndef HEFU_WIRE_H
#define HEFU_WIRE_H

#include "crypto/status.h"

/* Writer: appends to a buffer it owns and grows.  Errors latch; wire_writer_status tells. */
struct wire_writer {
    uint8_t *bytes;
    size_t len, cap;
    status state;
};

void wire_writer_clear(struct wire_writer *w); /* wipes and frees */
MUST_USE status wire_writer_status(const struct wire_writer *w);
void wire_put_u8(struct wire_writer *w, uint8_t v);
void wire_put_u16(struct wire_writer *w, uint16_t v);
void wire_put_u32(struct wire_writer *w, uint32_t v);
void wire_put_u64(struct wire_writer *w, uint64_t v);
void wire_put_bytes(struct wire_writer *w, const void *bytes, size_t len);  /* no prefix */
void wire_put_string(struct wire_writer *w, const char *text);              /* u16 length, then bytes, at most 65,535 */
void wire_put_blob(struct wire_writer *w, const void *bytes, size_t len);   /* u32 length, then bytes */

/* Reader: over bytes it does not own. */
struct wire_reader {
    const uint8_t *at;
    size_t left;
    status state;
};

void wire_reader_init(struct wire_reader *r, const void *bytes, size_t len);
uint8_t wire_get_u8(struct wire_reader *r);
uint16_t wire_get_u16(struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
void wire_get_bytes(struct wire_reader *r, void *out, size_t len);          /* zeros on error */
/* Text without NUL or control bytes, shorter than cap; always terminates out. */
void wire_get_string(struct wire_reader *r, char *out, size_t cap);
/* A view of the blob's bytes, at most max of them; NULL and 0 on error. */
const uint8_t *wire_get_blob(struct wire_reader *r, size_t max, size_t *len);
/* OK when nothing failed and nothing is left over, else STATUS_MALFORMED. */
MUST_USE status wire_finish(const struct wire_reader *r);

/* Plain stores and loads for fixed layouts. */
void store_u16(uint8_t *out, uint16_t v);
void store_u32(uint8_t *out, uint32_t v);
void store_u64(uint8_t *out, uint64_t v);
uint16_t load_u16(const uint8_t *in);
uint32_t load_u32(const uint8_t *in);
uint64_t load_u64(const uint8_t *in);

#endif
