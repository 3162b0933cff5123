/* What the logs of a session prove to somebody who has no data: the auditor's checks.  [SPEC 7.7]
 *
 * Verdicts are results, not errors: verify_bundles fails only when memory does.  Nothing is taken from a log on trust;
 * every length and count comes from the contract. */
#ifndef HEFU_VERIFY_H
#define HEFU_VERIFY_H

#include "protocol/bundle.h"
#include "protocol/record.h"
#include "protocol/stage.h"

enum verify_check {
    VERIFY_CONTRACT,     /* decodes, is canonical, is the same in all files, keys are long enough */
    VERIFY_APPROVALS,    /* signed by every party's identity key, for the same attempt */
    VERIFY_CERTIFICATES, /* are those named in the contract; chain, role, revocation as the caller checks */
    VERIFY_KEYS,         /* Paillier keys have the length of the contract and a proof bound to this session */
    VERIFY_RECORDS,      /* every record is whole and canonical, reserved bytes are zero */
    VERIFY_SESSION,      /* every record names this session, this attempt and its writer */
    VERIFY_CHAIN,        /* every record holds the hash of the one before */
    VERIFY_SIGNATURES,   /* every record is signed by its writer's session key */
    VERIFY_NUMBERS,      /* no gap and no repetition in a log nor in a direction of a pair */
    VERIFY_RECEIPTS,     /* what was received is what the sender signed */
    VERIFY_ORDER,        /* the heads that travel with messages go forward only: one common order exists */
    VERIFY_SCHEDULE,     /* messages, sizes and order are exactly those of the contract */
    VERIFY_FACTS,        /* populations agree with each other and with the limits */
    VERIFY_CHECKPOINTS,  /* one after every pass; sizes, roots and all signatures fit */
    VERIFY_MATCH,        /* what one party sent is what the other received, for every two logs */
    VERIFY_END,          /* every log ends: with its counts, or with a named reason */
    VERIFY_LINK,         /* an online session stands on the offline session whose files were verified before */
    VERIFY_CHECKS,
};

enum verdict { VERDICT_UNCHECKED, VERDICT_OK, VERDICT_FAIL };

struct verify_line {
    enum verdict verdict;
    char text[360];     /* one sentence for a person */
    /* the first failure: */
    party who;          /* whose file */
    int has_seq;
    uint64_t seq;       /* record number in that file */
    const char *field;  /* NULL when it is no field of a record */
    uint16_t phase;     /* VERIFY_SCHEDULE: of the record; else 0 */
};

struct verify_party {
    int given;          /* its file was there */
    uint64_t records, sent, received, checkpoints;
    int ended, aborted;
    status reason;      /* when aborted */
    party blamed;       /* by the abort; itself when nobody */
    struct hash approvers; /* as its approval says, when that is good */
    int unshown_reason; /* nothing is wrong with the refused message as far as the record of it shows */
};

/* A hash in the clear, and the record that holds it. */
struct verify_fact {
    int given;
    party in; /* whose log */
    uint64_t seq;
    struct hash hash;
};

/* The most messages that were on their way from one party to another before a receipt came. */
struct verify_wait {
    uint64_t messages, seq; /* in the log of from */
    party from, to;
};

enum { UNPROVEN_MAX = 2 * PARTIES_MAX + 4 };

struct verify_report {
    int ok;             /* nothing failed */
    int has_contract;   /* the next six are usable */
    struct contract contract;
    struct hash contract_id, session;
    uint32_t attempt;
    enum stage stage;
    struct hash preparation; /* that an offline session left (zero: none) or an online one stands on  [SPEC 2.5.1] */
    struct verify_line line[VERIFY_CHECKS];
    struct verify_party party[PARTIES_MAX];
    struct population population; /* rows 0: not recorded */
    struct verify_fact fact[FACT_KINDS][PARTIES_MAX]; /* by the party they are of; from the first log that has it */
    struct verify_wait wait;
    uint64_t records, checkpoints;
    size_t unproven_count;
    char unproven[UNPROVEN_MAX][240]; /* what these files cannot show, in words */
};

/* Signatures found good, so that none is checked twice: a message's stands in the logs of sender and receiver. */
struct verify_memo {
    struct hash *slot; /* of (key, tag, message, signature); zero: free */
    size_t count, cap;
};
void verify_memo_clear(struct verify_memo *m);

struct verify_options {
    int allow_small_keys; /* tests */
    /* Certificates are checked by the caller, who has X.509: OK, or a fault in words.  NULL: not checked. */
    status (*certificate)(void *ctx, const struct contract_party *p, const uint8_t *pem, size_t len, struct fault *f);
    void *ctx;
    struct verify_memo *memo; /* kept from call to call; NULL: one for this call */
    const struct verify_report *offline; /* of the session that an online one stands on; NULL: not given */
};

MUST_USE status verify_bundles(struct verify_report *out, const struct bundle *bundles, size_t count,
                               const struct verify_options *options);

/* The stage and the session that the file's contract and approvals name, unchecked: which files belong together.
 * bundle_session: STATUS_MISMATCH when they cannot be read. */
enum stage bundle_stage(const struct bundle *b);
MUST_USE status bundle_session(struct hash *out, const struct bundle *b);

const char *verify_check_name(enum verify_check check);

/* The session that a contract and its approvals name.  [SPEC 2.2] */
struct approval;
void verify_session_id(struct hash *out, enum suite s, const struct hash *contract, const struct approval *approvals,
                       uint16_t parties);

#endif
