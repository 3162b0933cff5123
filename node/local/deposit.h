/* Depositing a session with a notary or a consortium chain: an adapter, any command of the operator's, is given one line
 * (protocol/stamp.h) and answers with a receipt.  What it does with the line is its own affair. */
#ifndef HEFU_DEPOSIT_H
#define HEFU_DEPOSIT_H

#include "protocol/bundle.h"
#include "protocol/stamp.h"

enum {
    DEPOSIT_RECEIPT_MAX = 16 * 1024,
    DEPOSIT_ADAPTER_BYTES = 1024,
    DEPOSIT_DEADLINE_S = 60,
};

/* Runs the adapter by the shell with the line on its standard input.  receipt: what it wrote, at least one byte; the
 * caller frees it.  The adapter and all that it started are killed at the deadline.
 * STATUS_REFUSED when it ends with another code than 0 or without a receipt, STATUS_TIMEOUT, STATUS_LIMIT when it writes
 * more than DEPOSIT_RECEIPT_MAX. */
MUST_USE status deposit_run(uint8_t **receipt, size_t *len, const char *adapter, const char *line, size_t line_len,
                            uint32_t deadline_s, struct fault *f);

/* The attachment of an evidence file. */
struct deposit {
    struct bundle_part line, receipt;
};
MUST_USE status deposit_encode(struct wire_writer *out, const struct deposit *d);
/* The parts point into bytes.  STATUS_MALFORMED unless deposit_encode writes these bytes. */
MUST_USE status deposit_decode(struct deposit *out, const uint8_t *bytes, size_t len);

#endif
