/* What outsiders are asked to put a date on: one digest when a session begins, one when it is over, and the line that a
 * notary is given.  All of it follows from an evidence file, so an auditor computes it again.  [SPEC 7.6] */
#ifndef HEFU_STAMP_H
#define HEFU_STAMP_H

#include "protocol/bundle.h"

/* START = H("hefu/stamp start/v1", contract id, session id).
 * END = H("hefu/stamp end/v1", session id, joint): joint is the last joint vector of the log, for each party in order
 * size (u64) and root of its log. */
void stamp_start(struct hash *out, enum suite s, const struct hash *contract, const struct hash *session);
void stamp_end(struct hash *out, enum suite s, const struct hash *session, const uint8_t *joint, size_t joint_len);

/* An authority may be away: a stamp counts this long after the contract's window. */
enum { STAMP_DEADLINE_S = 86400 };

struct stamps {
    enum suite suite;              /* whose hashes all of these are */
    struct hash contract, session; /* ids */
    struct hash start, end;
    uint64_t not_before, not_after; /* the contract's window, Unix seconds */
    uint16_t parties;
    uint64_t joints;  /* joint vectors in the log; 0: there is no END yet, and end is zero */
    uint64_t records; /* of all parties, by the last joint vector */
};

/* Nothing in the file is checked beyond what is needed to read it; protocol/verify.h does that.  STATUS_MISMATCH in words
 * when the contract or the approvals cannot be read. */
MUST_USE status stamps_of_bundle(struct stamps *out, const struct bundle *b, struct fault *f);

/* The line that is deposited: JSON without spaces, ended by a newline; the same at every party.  It names no party and no
 * data.  Returns its length, less than STAMP_LINE_BYTES; 0 when there is no END. */
enum { STAMP_LINE_BYTES = 300 };
size_t stamp_line(char out[STAMP_LINE_BYTES], const struct stamps *s);

#endif
