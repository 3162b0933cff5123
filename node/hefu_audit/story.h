/* What one evidence file tells, read once and not checked. */
#ifndef HEFU_AUDIT_STORY_H
#define HEFU_AUDIT_STORY_H

#include "node/hefu_audit/audit.h"
#include "protocol/disclosure.h"
#include "protocol/log.h"
#include "protocol/session.h"

/* Records of one kind that follow each other; in training, of one pass. */
struct stretch {
    uint64_t first, last;
    struct record record; /* the first */
    uint64_t sent, received, bytes_sent, bytes_received;
};

/* A joint checkpoint, or the joint end, as it stands in the log. */
struct milestone {
    uint64_t seq;
    uint32_t pass;
    int end;
    const uint8_t *joint; /* for joint_item_read */
};

struct story {
    const char *path;
    const struct bundle *bundle;
    struct contract contract;
    struct hash contract_id, session; /* session zero: the approvals cannot be read */
    enum stage stage;
    struct stretch *stretch;
    size_t count, cap;
    struct milestone milestone[PASSES_MAX + 2];
    size_t milestones;
    struct disclosure_traffic traffic;
    int has_population, has_test;
    struct population population;
    uint64_t entries;
    enum log_state end; /* LOG_DONE: read to its last byte */
};

void story_clear(struct story *s);
/* STATUS_MISMATCH in words when the contract cannot be read.  Views of b and path stay in s. */
MUST_USE status story_read(struct story *s, const struct bundle *b, const char *path, struct fault *f);

int story_is_message(const struct record *r);
const char *story_message_name(const struct record *r); /* "unknown" for a kind that is none */
const char *story_party(const struct contract *c, party p);

/* Of several files: those that tell of the same session. */
struct stories {
    struct story *of;
    size_t count;
};
void stories_clear(struct stories *all);
MUST_USE status stories_read(struct stories *all, const struct evidence *e, struct fault *f);
/* The file of party p that tells of the same session as s, s itself included; NULL when none does. */
const struct story *stories_of(const struct stories *all, const struct story *s, party p);

/* What party p of the session of s sent and received: by its own file, or by the contract when there is none. */
enum basis { BASIS_LOG, BASIS_TORN, BASIS_CONTRACT, BASIS_PART };
MUST_USE status stories_traffic(struct disclosure_traffic *t, enum basis *basis, const struct stories *all,
                                const struct story *s, party p);

#endif
