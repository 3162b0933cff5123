/* The evidence of a session on disk, as it grows: `log`, the signed entries, and `bodies`, what was received.
 * Written and synced before anything leaves; read again for the evidence file and for replay.  [SPEC 7.3] */
#ifndef HEFU_JOURNAL_H
#define HEFU_JOURNAL_H

#include "protocol/channel.h"

/* ---- writing ---- */

struct journal_file;

/* Makes both files in dir (0600).  Refused when one exists: a session is never continued, the next attempt has a
 * directory of its own. */
MUST_USE status journal_open(struct journal_file **out, const char *dir, struct fault *f);
/* The functions that a session takes.  After the first failure every call fails: nothing is signed beyond what is on
 * disk. */
struct journal journal_functions(struct journal_file *j);
/* Syncs what is left and closes. */
MUST_USE status journal_close(struct journal_file *j, struct fault *f);

/* ---- reading ---- */

struct journal_body { uint64_t seq, offset; uint32_t len; };

struct journal_reader {
    uint8_t *log;
    size_t log_len;           /* whole entries only */
    uint64_t entries;
    size_t torn;              /* bytes after the last whole entry: the node stopped while it wrote */
    int damaged;              /* those bytes are no record at all */
    int bodies;               /* file */
    struct journal_body *body; /* ascending seq */
    size_t num_bodies;
    int torn_body;
};

MUST_USE status journal_read(struct journal_reader *out, const char *dir, uint16_t parties, struct fault *f);
void journal_reader_clear(struct journal_reader *r);

/* OK when log and bodies are whole, else STATUS_MISMATCH with the entry that is cut in words. */
MUST_USE status journal_whole(const struct journal_reader *r, const char *dir, struct fault *f);

/* The body received with record seq, at most cap bytes.  STATUS_MISMATCH when it is not there. */
MUST_USE status journal_read_body(const struct journal_reader *r, uint64_t seq, uint8_t *out, size_t cap, size_t *len,
                                  struct fault *f);

#endif
