/* What a node remembers: registered tables, jobs with their papers and approvals, and who did what when.  One SQLite
 * file, used by the daemon and by commands at the same time; every operation is one transaction that is on disk when
 * the function returns.  Any thread may call.  Times are Unix milliseconds. */
#ifndef HEFU_STORE_H
#define HEFU_STORE_H

#include "node/local/files.h"
#include "node/local/name.h"
#include "protocol/stage.h"

struct store;

enum {
    STORE_ID_BYTES = 65,       /* a contract id in hexadecimal, with its NUL */
    STORE_COLUMN_BYTES = 256,
    STORE_ACTOR_BYTES = 64,
    STORE_BLOB_MAX = 64 * 1024 * 1024,
};

/* Opens or makes STATE_DIR/state.db.  A file of a newer version, one that is no database and one that another process
 * keeps locked are each told apart. */
MUST_USE status store_open(struct store **out, const char *state_dir, struct fault *f);
void store_close(struct store *s);
void store_clear(struct store **s); /* for AUTO */

/* ---- tables ---- */

struct store_table {
    char name[NAME_BYTES];
    char kind[16];                         /* "csv" */
    char path[FILES_PATH_BYTES];
    char id_column[STORE_COLUMN_BYTES];
    char label_column[STORE_COLUMN_BYTES]; /* "" at a feature party */
    char split_path[FILES_PATH_BYTES];     /* "": none */
    uint32_t refuse_duplicates;            /* 1: conflicting rows of one id are an error */
    uint64_t rows, columns;                /* as found when it was added; 0: not read */
    int64_t added;
};

/* Fails with STATUS_USAGE when there is a table of that name; added is set here. */
MUST_USE status store_add_table(struct store *s, const struct store_table *t, struct fault *f);
MUST_USE status store_get_table(struct store *s, struct store_table *out, const char *name, struct fault *f);
MUST_USE status store_remove_table(struct store *s, const char *name, struct fault *f);
/* By name; the caller frees tables. */
MUST_USE status store_list_tables(struct store *s, struct store_table **tables, size_t *count, struct fault *f);

/* ---- jobs ---- */

enum job_state {
    JOB_PROPOSED = 1,
    JOB_AWAITING_APPROVAL,
    JOB_APPROVED,
    JOB_RUNNING,
    JOB_DONE,      /* final */
    JOB_FAILED,    /* may run again while attempts are left */
    JOB_REFUSED,   /* final */
    JOB_CANCELLED, /* final */
    JOB_PREPARED,  /* the offline session of the attempt has ended well, the online one may start */
};

const char *job_state_name(enum job_state state); /* "awaiting approval" */

struct store_job {
    char id[STORE_ID_BYTES];     /* contract id; a proposal without contract has an id of its own */
    char name[64];
    char role[16];               /* what this node is in it: "label", "feature" or "coordinator" */
    char proposer[STORE_ACTOR_BYTES];
    enum job_state state;
    uint32_t attempt;
    enum stage stage;            /* of the session that is to run, runs or has run */
    int64_t created, updated;
    char error[480], hint[320];  /* of the last failure; "" */
    char phase[64];              /* progress */
    uint64_t done, total;
};

/* The large parts of a job. */
enum job_paper { PAPER_PROPOSAL = 1, PAPER_CONTRACT = 2, PAPER_RESULT = 3, PAPER_PREPARED = 4, PAPER_TABLE = 5 };

/* New, in state, attempt, stage, name, role and proposer as given.  STATUS_USAGE when the id exists. */
MUST_USE status store_add_job(struct store *s, const struct store_job *job, struct fault *f);
/* id may be the beginning of an id when only one job begins so (at least 4 characters); elsewhere it is whole. */
MUST_USE status store_get_job(struct store *s, struct store_job *out, const char *id, struct fault *f);
/* Latest first. */
MUST_USE status store_list_jobs(struct store *s, struct store_job **jobs, size_t *count, struct fault *f);

/* To another state, when that is a possible next step; STATUS_USAGE otherwise, and nothing changes.  Notes the actor
 * ("operator", "coordinator acme", "node") in the events.  why may be NULL; its words become error and hint. */
MUST_USE status store_set_state(struct store *s, const char *id, enum job_state state, const char *actor,
                                const struct fault *why, struct fault *f);
MUST_USE status store_set_attempt(struct store *s, const char *id, uint32_t attempt, enum stage stage, struct fault *f);
MUST_USE status store_set_progress(struct store *s, const char *id, const char *phase, uint64_t done, uint64_t total,
                                   struct fault *f);

MUST_USE status store_put_paper(struct store *s, const char *id, enum job_paper kind, const void *bytes, size_t len,
                                struct fault *f);
/* NULL and 0 when there is none; the caller frees bytes. */
MUST_USE status store_get_paper(struct store *s, const char *id, enum job_paper kind, uint8_t **bytes, size_t *len,
                                struct fault *f);

/* One approval of each party, attempt and stage; a second one must be the same bytes (STATUS_USAGE). */
MUST_USE status store_put_approval(struct store *s, const char *id, uint32_t attempt, enum stage stage, const char *from,
                                   const void *bytes, size_t len, struct fault *f);
MUST_USE status store_get_approval(struct store *s, const char *id, uint32_t attempt, enum stage stage, const char *from,
                                   uint8_t **bytes, size_t *len, struct fault *f);

/* ---- preparations: what the offline session of an attempt left ---- */

enum { STORE_NAME_BYTES = 65 };

struct store_preparation {
    char name[STORE_NAME_BYTES]; /* [SPEC 2.5.1] in hexadecimal */
    int64_t made, spent;         /* spent 0: not yet */
    uint64_t rows, bytes;        /* common rows; on disk */
};

MUST_USE status store_add_preparation(struct store *s, const char *id, uint32_t attempt,
                                      const struct store_preparation *p, struct fault *f);
/* STATUS_USAGE when there is none. */
MUST_USE status store_get_preparation(struct store *s, struct store_preparation *out, const char *id, uint32_t attempt,
                                      struct fault *f);
/* Use it up and let its job run, in one step; the second time, and when there is none, STATUS_REFUSED and nothing happens. */
MUST_USE status store_spend_preparation(struct store *s, const char *id, uint32_t attempt, const char *actor,
                                        struct fault *f);

/* ---- what bounds approvals ---- */

/* Contracts approved since then (Unix seconds), other than that of job id, on the table of that name or with that root. */
MUST_USE status store_count_uses(struct store *s, uint64_t *count, const char *id, const char *table, const struct hash *root,
                                 int64_t since, struct fault *f);
/* The contract of the job is approved at time now (Unix seconds); said again it stays as it was. */
MUST_USE status store_add_use(struct store *s, const char *id, const char *table, const struct hash *root, int64_t now,
                              struct fault *f);

/* A person whose signature counts for an approval where the policy asks for several. */
struct store_approver {
    char name[NAME_BYTES];
    struct sign_public key;
    int64_t added;
};

/* STATUS_USAGE when the name or the key is there already: one key is one person. */
MUST_USE status store_add_approver(struct store *s, const char *name, const struct sign_public *key, struct fault *f);
MUST_USE status store_remove_approver(struct store *s, const char *name, struct fault *f);
MUST_USE status store_get_approver(struct store *s, struct store_approver *out, const char *name, struct fault *f);
/* By name; the caller frees approvers. */
MUST_USE status store_list_approvers(struct store *s, struct store_approver **approvers, size_t *count, struct fault *f);

struct store_signature {
    char approver[NAME_BYTES];
    struct sign_public key;     /* as it was then */
    struct signature signature; /* approver.h */
    int64_t time;
};

/* One of each approver, attempt and job; a later one takes the place of one under another key. */
MUST_USE status store_put_signature(struct store *s, const char *id, uint32_t attempt, const struct store_signature *sig,
                                    struct fault *f);
/* In the order in which they came; the caller frees signatures. */
MUST_USE status store_list_signatures(struct store *s, const char *id, uint32_t attempt, struct store_signature **signatures,
                                      size_t *count, struct fault *f);

/* ---- events ---- */

struct store_event {
    int64_t time;
    char actor[STORE_ACTOR_BYTES];
    char action[512];
};

/* id may be "" for what concerns no job. */
MUST_USE status store_note(struct store *s, const char *id, const char *actor, const char *action, struct fault *f);
/* In order; id "" lists all. */
MUST_USE status store_list_events(struct store *s, const char *id, struct store_event **events, size_t *count,
                                  struct fault *f);

#endif
