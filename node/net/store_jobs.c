#include "node/net/store_db.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *job_state_name(enum job_state state)
{
    switch (state) {
    case JOB_PROPOSED: return "proposed";
    case JOB_AWAITING_APPROVAL: return "awaiting approval";
    case JOB_APPROVED: return "approved";
    case JOB_RUNNING: return "running";
    case JOB_DONE: return "done";
    case JOB_FAILED: return "failed";
    case JOB_REFUSED: return "refused";
    case JOB_CANCELLED: return "cancelled";
    case JOB_PREPARED: return "prepared";
    }
    return "unknown";
}

/* What may come next.  The same state again is no step. */
static int may_follow(enum job_state from, enum job_state to)
{
    switch (from) {
    case JOB_PROPOSED:
        return to == JOB_AWAITING_APPROVAL || to == JOB_APPROVED || to == JOB_REFUSED || to == JOB_CANCELLED ||
               to == JOB_FAILED;
    case JOB_AWAITING_APPROVAL:
        return to == JOB_APPROVED || to == JOB_REFUSED || to == JOB_CANCELLED || to == JOB_FAILED;
    case JOB_APPROVED:
        return to == JOB_RUNNING || to == JOB_REFUSED || to == JOB_CANCELLED || to == JOB_FAILED;
    case JOB_RUNNING:
        return to == JOB_DONE || to == JOB_PREPARED || to == JOB_FAILED || to == JOB_CANCELLED;
    case JOB_PREPARED:
        return to == JOB_RUNNING || to == JOB_FAILED || to == JOB_CANCELLED;
    case JOB_FAILED:
        return to == JOB_AWAITING_APPROVAL || to == JOB_APPROVED || to == JOB_RUNNING || to == JOB_CANCELLED;
    case JOB_DONE:
    case JOB_REFUSED:
    case JOB_CANCELLED:
        return 0;
    }
    return 0;
}

#define JOB_COLUMNS "id, name, role, proposer, state, attempt, created, updated, error, hint, phase, done, total, stage"

static void read_job(struct query *q, void *item)
{
    struct store_job *j = item;

    query_text(q, 0, j->id, sizeof j->id);
    query_text(q, 1, j->name, sizeof j->name);
    query_text(q, 2, j->role, sizeof j->role);
    query_text(q, 3, j->proposer, sizeof j->proposer);
    j->state = (enum job_state)query_count(q, 4);
    j->attempt = (uint32_t)query_count(q, 5);
    j->created = (int64_t)query_count(q, 6);
    j->updated = (int64_t)query_count(q, 7);
    query_text(q, 8, j->error, sizeof j->error);
    query_text(q, 9, j->hint, sizeof j->hint);
    query_text(q, 10, j->phase, sizeof j->phase);
    j->done = query_count(q, 11);
    j->total = query_count(q, 12);
    j->stage = (enum stage)query_count(q, 13);
}

status store_add_job(struct store *s, const struct store_job *job, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};
    struct query q AUTO(query_clear) = {0};
    uint64_t now = (uint64_t)store_now_ms();
    char action[64];

    TRY(transaction_begin(&t, s, f));
    query_init(&q, s,
               "INSERT OR IGNORE INTO jobs (id, name, role, proposer, state, attempt, stage, created, updated)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    query_bind_text(&q, job->id);
    query_bind_text(&q, job->name);
    query_bind_text(&q, job->role);
    query_bind_text(&q, job->proposer);
    query_bind_count(&q, job->state);
    query_bind_count(&q, job->attempt);
    query_bind_count(&q, job->stage);
    query_bind_count(&q, now);
    query_bind_count(&q, now);
    TRY(query_run(&q, f));
    if (sqlite3_changes(s->db) != 1)
        return fault_set(f, STATUS_USAGE, "there is a job %.16s already", job->id);
    snprintf(action, sizeof action, "job is %s", job_state_name(job->state));
    TRY(store_add_event(s, job->id, job->proposer, action, f));
    return transaction_commit(&t, f);
}

static status no_job(const char *id, struct fault *f)
{
    fault_hint(f, "hefu jobs lists them");
    return fault_set(f, STATUS_USAGE, "no job %.64s is known here", id);
}

static int is_hex(const char *text)
{
    return strspn(text, "0123456789abcdef") == strlen(text);
}

status store_get_job(struct store *s, struct store_job *out, const char *id, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};
    struct store_job found;
    size_t len = strlen(id);
    char below[STORE_ID_BYTES + 1];
    int row;

    if (len < 4 || len >= STORE_ID_BYTES || !is_hex(id))
        return no_job(id, f);
    snprintf(below, sizeof below, "%sg", id); /* g sorts after every hexadecimal digit */
    query_init(&q, s, "SELECT " JOB_COLUMNS " FROM jobs WHERE id >= ? AND id < ? ORDER BY id LIMIT 2");
    query_bind_text(&q, id);
    query_bind_text(&q, below);
    TRY(query_step(&q, &row, f));
    if (!row)
        return no_job(id, f);
    memset(&found, 0, sizeof found);
    read_job(&q, &found);
    TRY(query_step(&q, &row, f));
    if (row && strcmp(found.id, id) != 0)
        return fault_set(f, STATUS_USAGE, "more than one job begins with %s", id);
    *out = found;
    return OK;
}

status store_list_jobs(struct store *s, struct store_job **jobs, size_t *count, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT " JOB_COLUMNS " FROM jobs ORDER BY created DESC, rowid DESC");
    return query_all(&q, jobs, count, sizeof **jobs, read_job, f);
}

static status update_state(struct store *s, const char *id, enum job_state state, const struct fault *why,
                           struct fault *f)
{
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "UPDATE jobs SET state = ?, updated = ?, error = ?, hint = ? WHERE id = ?");
    query_bind_count(&q, state);
    query_bind_count(&q, (uint64_t)store_now_ms());
    query_bind_text(&q, why ? why->message : "");
    query_bind_text(&q, why ? why->hint : "");
    query_bind_text(&q, id);
    return query_run(&q, f);
}

/* Inside the caller's transaction. */
static status change_state(struct store *s, const char *id, enum job_state state, const char *actor,
                           const struct fault *why, struct fault *f)
{
    struct store_job job;
    char action[512];

    TRY(store_get_job(s, &job, id, f));
    if (!may_follow(job.state, state))
        return fault_set(f, STATUS_USAGE, "job %.16s is %s and cannot become %s", job.id, job_state_name(job.state),
                         job_state_name(state));
    TRY(update_state(s, job.id, state, why, f));
    snprintf(action, sizeof action, "job is %s%s%s", job_state_name(state), why && why->message[0] ? ": " : "",
             why ? why->message : "");
    return store_add_event(s, job.id, actor, action, f);
}

status store_set_state(struct store *s, const char *id, enum job_state state, const char *actor,
                       const struct fault *why, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};

    TRY(transaction_begin(&t, s, f));
    TRY(change_state(s, id, state, actor, why, f));
    return transaction_commit(&t, f);
}

/* One UPDATE of one job; its id is the last parameter. */
static status update_job(struct query *q, const char *id, struct fault *f)
{
    query_bind_count(q, (uint64_t)store_now_ms());
    query_bind_text(q, id);
    TRY(query_run(q, f));
    return sqlite3_changes(q->store->db) == 1 ? OK : no_job(id, f);
}

status store_set_attempt(struct store *s, const char *id, uint32_t attempt, enum stage stage, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "UPDATE jobs SET attempt = ?, stage = ?, phase = '', done = 0, total = 0, updated = ? WHERE id = ?");
    query_bind_count(&q, attempt);
    query_bind_count(&q, stage);
    return update_job(&q, id, f);
}

status store_set_progress(struct store *s, const char *id, const char *phase, uint64_t done, uint64_t total,
                          struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "UPDATE jobs SET phase = ?, done = ?, total = ?, updated = ? WHERE id = ?");
    query_bind_text(&q, phase);
    query_bind_count(&q, done);
    query_bind_count(&q, total);
    return update_job(&q, id, f);
}

status store_put_paper(struct store *s, const char *id, enum job_paper kind, const void *bytes, size_t len,
                       struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};
    struct query q AUTO(query_clear) = {0};
    struct store_job job;

    assert(len <= STORE_BLOB_MAX);
    TRY(transaction_begin(&t, s, f));
    TRY(store_get_job(s, &job, id, f));
    query_init(&q, s, "INSERT OR REPLACE INTO papers (job, kind, bytes) VALUES (?, ?, ?)");
    query_bind_text(&q, job.id);
    query_bind_count(&q, kind);
    query_bind_bytes(&q, bytes, len);
    TRY(query_run(&q, f));
    return transaction_commit(&t, f);
}

status store_get_paper(struct store *s, const char *id, enum job_paper kind, uint8_t **bytes, size_t *len,
                       struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT bytes FROM papers WHERE job = ? AND kind = ?");
    query_bind_text(&q, id);
    query_bind_count(&q, kind);
    return query_blob(&q, bytes, len, f);
}

status store_get_approval(struct store *s, const char *id, uint32_t attempt, enum stage stage, const char *from,
                          uint8_t **bytes, size_t *len, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT bytes FROM approvals WHERE job = ? AND attempt = ? AND stage = ? AND party = ?");
    query_bind_text(&q, id);
    query_bind_count(&q, attempt);
    query_bind_count(&q, stage);
    query_bind_text(&q, from);
    return query_blob(&q, bytes, len, f);
}

static status insert_approval(struct store *s, const char *id, uint32_t attempt, enum stage stage, const char *from,
                              const void *bytes, size_t len, struct fault *f)
{
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "INSERT INTO approvals (job, attempt, stage, party, bytes) VALUES (?, ?, ?, ?, ?)");
    query_bind_text(&q, id);
    query_bind_count(&q, attempt);
    query_bind_count(&q, stage);
    query_bind_text(&q, from);
    query_bind_bytes(&q, bytes, len);
    return query_run(&q, f);
}

status store_put_approval(struct store *s, const char *id, uint32_t attempt, enum stage stage, const char *from,
                          const void *bytes, size_t len, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};
    uint8_t *old AUTO(auto_free) = NULL;
    struct store_job job;
    size_t old_len = 0;
    char action[96];

    TRY(transaction_begin(&t, s, f));
    TRY(store_get_job(s, &job, id, f));
    TRY(store_get_approval(s, job.id, attempt, stage, from, &old, &old_len, f));
    if (old) {
        if (old_len == len && memcmp(old, bytes, len) == 0)
            return OK;
        return fault_set(f, STATUS_USAGE, "%.31s approved attempt %u of job %.16s already, otherwise", from, attempt,
                         job.id);
    }
    TRY(insert_approval(s, job.id, attempt, stage, from, bytes, len, f));
    snprintf(action, sizeof action, "approval of attempt %u received", attempt);
    TRY(store_add_event(s, job.id, from, action, f));
    return transaction_commit(&t, f);
}

/* ---- preparations ---- */

status store_add_preparation(struct store *s, const char *id, uint32_t attempt, const struct store_preparation *p,
                             struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "INSERT INTO preparations (job, attempt, name, made, rows, bytes) VALUES (?, ?, ?, ?, ?, ?)");
    query_bind_text(&q, id);
    query_bind_count(&q, attempt);
    query_bind_text(&q, p->name);
    query_bind_count(&q, (uint64_t)p->made);
    query_bind_count(&q, p->rows);
    query_bind_count(&q, p->bytes);
    return query_run(&q, f);
}

status store_get_preparation(struct store *s, struct store_preparation *out, const char *id, uint32_t attempt,
                             struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};
    int row;

    query_init(&q, s, "SELECT name, made, spent, rows, bytes FROM preparations WHERE job = ? AND attempt = ?");
    query_bind_text(&q, id);
    query_bind_count(&q, attempt);
    TRY(query_step(&q, &row, f));
    if (!row)
        return fault_set(f, STATUS_USAGE, "job %.16s has not been prepared", id);
    *out = (struct store_preparation){0};
    query_text(&q, 0, out->name, sizeof out->name);
    out->made = (int64_t)query_count(&q, 1);
    out->spent = (int64_t)query_count(&q, 2);
    out->rows = query_count(&q, 3);
    out->bytes = query_count(&q, 4);
    return OK;
}

static status mark_spent(struct store *s, const char *id, uint32_t attempt, struct fault *f)
{
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "UPDATE preparations SET spent = ? WHERE job = ? AND attempt = ? AND spent = 0");
    query_bind_count(&q, (uint64_t)store_now_ms());
    query_bind_text(&q, id);
    query_bind_count(&q, attempt);
    TRY(query_run(&q, f));
    if (sqlite3_changes(s->db) == 1)
        return OK;
    fault_hint(f, "a preparation is used once; propose the job again");
    return fault_set(f, STATUS_REFUSED, "the preparation of job %.16s has been used already", id);
}

status store_spend_preparation(struct store *s, const char *id, uint32_t attempt, const char *actor, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};

    TRY(transaction_begin(&t, s, f));
    TRY(mark_spent(s, id, attempt, f));
    TRY(change_state(s, id, JOB_RUNNING, actor, NULL, f));
    TRY(store_add_event(s, id, actor, "preparation is used", f));
    {
        struct query q AUTO(query_clear) = {0};

        query_init(&q, s, "UPDATE jobs SET stage = ? WHERE id = ?");
        query_bind_count(&q, STAGE_ONLINE);
        query_bind_text(&q, id);
        TRY(query_run(&q, f));
    }
    return transaction_commit(&t, f);
}
