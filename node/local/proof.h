/* What outsiders are asked about a session, and what they answered: a queue of files in the session directory, so that
 * nothing is lost while an authority is away.
 *
 *   NAME.state     JSON: when it was queued, how often it was tried, what went wrong last and whether for good; the adapter of a
 *                  deposit
 *   NAME.request   what is asked: an RFC 3161 request, or the line of a deposit; there once, the proof is wanted
 *   NAME.answer    the token or the receipt; there once, the proof is held
 *
 * NAME is stamp-start, stamp-end or deposit.  A node queues; hefu evidence stamp sends. */
#ifndef HEFU_PROOF_H
#define HEFU_PROOF_H

#include "node/local/deposit.h"
#include "node/local/files.h"
#include "node/local/timestamp.h"

enum proof_kind { PROOF_START, PROOF_END, PROOF_DEPOSIT, PROOF_KINDS };
const char *proof_name(enum proof_kind kind); /* "start", "end", "deposit" */

/* REFUSED: the authority said no, and will say it again; the request is kept, for another authority. */
enum proof_state { PROOF_NONE, PROOF_WAITING, PROOF_REFUSED, PROOF_HELD };

struct proof {
    enum proof_state state;
    int64_t queued, tried; /* Unix seconds; 0: not known, never */
    uint32_t tries;
    char error[480];       /* of the last try */
    char adapter[DEPOSIT_ADAPTER_BYTES];
    uint8_t *request, *answer;
    size_t request_len, answer_len;
};

void proof_clear(struct proof *p);
/* The caller clears it, also on failure. */
MUST_USE status proof_read(struct proof *out, const char *session_dir, enum proof_kind kind, struct fault *f);

/* Ask for START once the session has begun, and for END once its evidence.hefu holds a joint checkpoint; what was asked for
 * before, or would come too late for the contract's window, is left alone.  policy: "" for any. */
MUST_USE status proof_queue_stamps(const char *session_dir, const char *policy, int64_t now, struct fault *f);
/* Ask for a deposit, or change the adapter of one that waits.  STATUS_CONFIG when there is a receipt already, or no
 * evidence to deposit. */
MUST_USE status proof_queue_deposit(const char *session_dir, const char *adapter, int64_t now, struct fault *f);

/* The request of a stamp that waits, made anew under today's policy ("": any), which may not be that of when it was queued. */
MUST_USE status proof_renew(struct proof *p, const char *session_dir, enum proof_kind kind, const char *policy, struct fault *f);

/* A try has failed.  A stamp that failed with STATUS_REFUSED is refused; all else goes on waiting. */
MUST_USE status proof_failed(const char *session_dir, enum proof_kind kind, struct proof *p, int64_t now,
                             const struct fault *why, struct fault *f);
/* It was answered.  An answer that is there already stays. */
MUST_USE status proof_keep(const char *session_dir, enum proof_kind kind, const uint8_t *answer, size_t len,
                           struct fault *f);

/* The session's evidence with what is held attached, and the statement that its secrets are destroyed; the caller clears out. */
MUST_USE status proof_attach(struct wire_writer *out, const char *session_dir, struct fault *f);

#endif
