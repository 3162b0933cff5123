/* What the files of the verifier share: the logs while they are read, and how findings are written down.  Included by
 * protocol/verify*.c only. */
#ifndef HEFU_VERIFY_STATE_H
#define HEFU_VERIFY_STATE_H

#include "protocol/log.h"
#include "protocol/session.h"
#include "protocol/verify.h"

enum { NONE = -1, MARK_END = PASSES_MAX + 1, MARKS }; /* a mark for each pass from 0, and one for the end */

/* An entry of a log; entries of one direction of one pair are linked in order. */
struct seen {
    const uint8_t *at;
    struct hash head;
    int64_t next;
};

struct chain {
    int64_t first, last;
    uint64_t count;
};

/* What a party showed of its own log at a joint point, and the entry of that point. */
struct mark {
    int shown;
    struct log_root own;
    const uint8_t *joint;
    uint64_t seq;
};

/* One party's log while it is read. */
struct reading {
    const struct bundle *bundle;
    party self;
    struct seen *entry;
    size_t count, cap;
    int readable;              /* to its last byte */
    int chained;               /* every record follows the one before it */
    int vouched;               /* its own last signature is good and so covers every entry before it */
    struct merkle tree;
    struct chain sent[PARTIES_MAX], received[PARTIES_MAX];
    int64_t acknowledged[PARTIES_MAX]; /* the last own message that each peer had received */
    uint64_t acknowledgements[PARTIES_MAX]; /* own messages that each had received by then */
    struct hash last_head[PARTIES_MAX]; /* of the last record received from each peer */
    uint64_t last_seq[PARTIES_MAX];     /* its number in the peer's log */
    int order_broken;
    struct mark mark[MARKS];
    int has_population, has_test;
    struct population population;
    struct verify_fact fact[FACT_KINDS][PARTIES_MAX]; /* hashes in the clear, by kind and the party they are of */
    int ended, aborted;
    struct record last;
};

struct verify {
    struct verify_report *out;
    const struct verify_options *options;
    struct verify_memo own_memo, *memo;
    struct approval approval[PARTIES_MAX];
    const struct bundle *approved; /* the file they were taken from; NULL: none is usable */
    int partly_read;               /* some log could not be read to its end */
    struct reading log[PARTIES_MAX];
    const uint8_t *keys; /* of a file whose keys are checked: others that are the same need not be */
    uint64_t signatures, receipts, matched;
    int no_memory;
};

/* ---- verify_say.c ---- */

/* Whether key signed the bytes; a signature that was found good is not computed again. */
int verify_signed_by(struct verify *v, const struct sign_public *key, const char *tag, const uint8_t *bytes, size_t len,
                     const uint8_t signature[SIGNATURE_BYTES]);
/* The same for p's note of a joint point. */
int verify_note_of(struct verify *v, const struct joint_point *j, party p, const struct signature *s);
const char *verify_name_of(const struct verify *v, party p);
/* One sentence for a check.  The first failure stays; passing does not undo it. */
void verify_passed(struct verify *v, enum verify_check check, const char *fmt, ...) PRINTF_LIKE(3, 4);
void verify_unchecked(struct verify *v, enum verify_check check, const char *why);
void verify_failed(struct verify *v, enum verify_check check, party who, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same, at a record: "log of bank, record 17, seq: ...". */
void verify_failed_at(struct verify *v, enum verify_check check, party who, uint64_t seq, const char *field,
                      const char *fmt, ...) PRINTF_LIKE(6, 7);

/* ---- verify_papers.c: contract, approvals, certificates ---- */

void verify_read_contract(struct verify *v, const struct bundle *b, size_t count);
/* Give each file to its party; a file of another contract or a second one of the same party is put aside. */
void verify_take_files(struct verify *v, const struct bundle *b, size_t count);
void verify_check_approvals(struct verify *v, const struct bundle *b, size_t count);
void verify_check_certificates(struct verify *v, const struct bundle *b, size_t count);

/* ---- verify_log.c: one log, record by record ---- */

MUST_USE status verify_read_log(struct verify *v, struct reading *log);

/* ---- verify_signed.c: who signed what, when all logs are read ---- */

void verify_check_signatures(struct verify *v);

/* ---- verify_whole.c: a log as a whole, and all logs together ---- */

MUST_USE status verify_check_log(struct verify *v, struct reading *log);
void verify_check_together(struct verify *v);

#endif
