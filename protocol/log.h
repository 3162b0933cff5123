/* Reading a party's log: the entries of record.h one after the other.  Views only, nothing is copied.  [SPEC 7.1] */
#ifndef HEFU_LOG_H
#define HEFU_LOG_H

#include "protocol/note.h"
#include "protocol/record.h"

struct log_entry {
    const uint8_t *at;                  /* the whole entry */
    size_t len;
    struct record record;               /* decoded */
    const uint8_t *bytes;               /* the record as it stands */
    const uint8_t *signature;           /* SEND, END, ABORT: over it */
    const uint8_t *peer_bytes, *peer_signature; /* RECV, REFUSED: what the peer sent */
    const uint8_t *joint;               /* CHECKPOINT, END: JOINT_ITEM bytes for each party */
};

enum log_state {
    LOG_ENTRY,     /* an entry was read */
    LOG_DONE,      /* nothing is left */
    LOG_TORN,      /* fewer bytes are left than the entry needs */
    LOG_MALFORMED, /* the bytes are not a record */
};

struct log_reader {
    const uint8_t *at;
    size_t left;
    uint16_t parties;
    uint64_t entries; /* read so far */
};

void log_reader_init(struct log_reader *r, const uint8_t *log, size_t len, uint16_t parties);
/* After anything but LOG_ENTRY the reader stays where it is. */
enum log_state log_next(struct log_reader *r, struct log_entry *out);

/* Item p of the joint part of an entry. */
struct joint_item {
    struct log_root log;
    struct signature signature;
};
void joint_item_read(struct joint_item *out, const uint8_t *joint, party p);

const char *record_type_name(enum record_type type);
/* Where two records differ first: the name of the field, or NULL when they are equal. */
const char *record_difference(const struct record *a, const struct record *b);

#endif
