/* The evidence file PARTY.hefu: everything an auditor without data needs from one party.  It holds no message body,
 * no seed and no data.  [SPEC 7.6]
 *
 * Layout, big-endian: "HEFUEVID" | u16 version | u16 party | u32 length, contract | u16 count, approvals of
 * APPROVAL_BYTES each | u16 count, certificates in PEM, each with its u32 length | u32 length, log | u16 count,
 * attachments: u16 kind, u32 length, bytes; at most one of each kind, kinds ascending. */
#ifndef HEFU_BUNDLE_H
#define HEFU_BUNDLE_H

#include "protocol/contract.h"

enum {
    BUNDLE_VERSION = 2,
    BUNDLE_CERTIFICATE_MAX = 16 * 1024,
    BUNDLE_LOG_MAX = 1 << 30,
    BUNDLE_ATTACHMENT_MAX = 64 * 1024,
};

/* What stands beside the log: the keys of the session, who signed for the party and what program it ran; and what came after it,
 * which the party adds when it exports the file: what outsiders said, and that its secrets are destroyed.  No signature of the
 * log covers it, so each kind is checked by what is in it. */
enum attachment_kind {
    ATTACHMENT_TIMESTAMP_START = 1, /* an RFC 3161 token in DER over the START digest of protocol/stamp.h */
    ATTACHMENT_TIMESTAMP_END = 2,   /* one over the END digest */
    ATTACHMENT_DEPOSIT = 3,         /* blob: the line of protocol/stamp.h that was deposited | blob: the receipt */
    ATTACHMENT_KEYS = 4,            /* the Paillier keys of all parties, in their order, each with its proof: bodies of `key` */
    ATTACHMENT_DESTROYED = 5,       /* that the party destroyed what a replay needs: protocol/destroyed.h */
    ATTACHMENT_APPROVERS = 6,       /* the people who signed for the party: protocol/approver.h; its hash is in the approval */
    ATTACHMENT_BUILD = 7,           /* the build of the program that ran: protocol/build.h */
    ATTACHMENT_KINDS = 8,
};

/* Views of bytes that somebody else owns. */
struct bundle_part {
    const uint8_t *bytes;
    size_t len;
};

struct bundle {
    party self;
    struct bundle_part contract;                 /* as encoded; not yet checked */
    uint16_t approvals;
    struct bundle_part approval[PARTIES_MAX];    /* APPROVAL_BYTES each */
    uint16_t certificates;
    struct bundle_part certificate[PARTIES_MAX]; /* PEM text */
    struct bundle_part log;
    struct bundle_part attachment[ATTACHMENT_KINDS]; /* by kind; bytes NULL: none */
};

/* Appends to out.  The caller's parts must be within the caps. */
MUST_USE status bundle_encode(struct wire_writer *out, const struct bundle *b);
/* The parts of out point into bytes.  Only the container is checked; protocol/verify.h checks what is inside.
 * STATUS_MISMATCH with words unless the bytes are exactly what bundle_encode writes. */
MUST_USE status bundle_decode(struct bundle *out, const uint8_t *bytes, size_t len, struct fault *f);

#endif
