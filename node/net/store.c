#include "node/net/store.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { STORE_VERSION = 1, BUSY_MS = 10000 };

struct store {
    sqlite3 *db;
    char path[FILES_PATH_BYTES];
};

static const char schema[] =
    "CREATE TABLE tables (name TEXT PRIMARY KEY, kind TEXT NOT NULL, path TEXT NOT NULL, id_column TEXT NOT NULL,"
    " label_column TEXT NOT NULL, split_path TEXT NOT NULL, refuse_duplicates INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " columns INTEGER NOT NULL, added INTEGER NOT NULL) STRICT;"
    "CREATE TABLE jobs (id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, proposer TEXT NOT NULL,"
    " state INTEGER NOT NULL, attempt INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,"
    " error TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '', phase TEXT NOT NULL DEFAULT '',"
    " done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE papers (job TEXT NOT NULL REFERENCES jobs(id), kind INTEGER NOT NULL, bytes BLOB NOT NULL,"
    " PRIMARY KEY (job, kind)) STRICT;"
    "CREATE TABLE approvals (job TEXT NOT NULL REFERENCES jobs(id), attempt INTEGER NOT NULL, party TEXT NOT NULL,"
    " bytes BLOB NOT NULL, PRIMARY KEY (job, attempt, party)) STRICT;"
    "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, time INTEGER NOT NULL,"
    " actor TEXT NOT NULL, action TEXT NOT NULL) STRICT;"
    "CREATE INDEX events_of_job ON events(job);"
    "PRAGMA user_version = 1;";

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- talking to SQLite ---- */

static status failed(struct store *s, struct fault *f)
{
    switch (sqlite3_errcode(s->db) & 0xFF) {
    case SQLITE_NOMEM:
        return STATUS_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        fault_hint(f, "another hefu program holds it; try again when that has ended");
        return fault_set(f, STATUS_IO, "%s: the state database is locked", s->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        fault_hint(f, "stop the node and restore the state directory from a backup");
        return fault_set(f, STATUS_IO, "%s: the state database is damaged", s->path);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return fault_set(f, STATUS_CONFIG, "%s: the state database cannot be written", s->path);
    case SQLITE_FULL:
        return fault_set(f, STATUS_IO, "%s: the disk is full", s->path);
    default:
        return fault_set(f, STATUS_IO, "%s: the state database failed: %s", s->path, sqlite3_errmsg(s->db));
    }
}

static status execute(struct store *s, const char *sql, struct fault *f)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : failed(s, f);
}

/* Threads of one process share the connection: one operation at a time, so that nobody joins another's transaction. */
#define HOLD(s) \
    sqlite3_mutex *held AUTO(release) = hold(s); \
    (void)held

static sqlite3_mutex *hold(struct store *s)
{
    sqlite3_mutex *m = sqlite3_db_mutex(s->db);

    sqlite3_mutex_enter(m); /* recursive */
    return m;
}

static void release(sqlite3_mutex **m)
{
    sqlite3_mutex_leave(*m);
}

/* A prepared statement, its parameters bound one after the other. */
struct query {
    struct store *store;
    sqlite3_stmt *stmt;
    int bound, broken;
};

static void query_clear(struct query *q)
{
    sqlite3_finalize(q->stmt);
}

static void query_init(struct query *q, struct store *s, const char *sql)
{
    *q = (struct query){.store = s};
    q->broken = sqlite3_prepare_v2(s->db, sql, -1, &q->stmt, NULL) != SQLITE_OK;
}

static void bind_text(struct query *q, const char *text)
{
    q->broken |= q->broken || sqlite3_bind_text(q->stmt, ++q->bound, text, -1, SQLITE_TRANSIENT) != SQLITE_OK;
}

static void bind_count(struct query *q, uint64_t v)
{
    q->broken |= q->broken || sqlite3_bind_int64(q->stmt, ++q->bound, (sqlite3_int64)v) != SQLITE_OK;
}

static void bind_bytes(struct query *q, const void *bytes, size_t len)
{
    /* A NULL pointer would bind NULL, not an empty blob. */
    q->broken |= q->broken ||
                 sqlite3_bind_blob64(q->stmt, ++q->bound, len ? bytes : "", len, SQLITE_TRANSIENT) != SQLITE_OK;
}

/* *row: whether there is one more. */
static status query_step(struct query *q, int *row, struct fault *f)
{
    int result = q->broken ? SQLITE_ERROR : sqlite3_step(q->stmt);

    *row = result == SQLITE_ROW;
    return result == SQLITE_ROW || result == SQLITE_DONE ? OK : failed(q->store, f);
}

static status query_run(struct query *q, struct fault *f)
{
    int row;

    return query_step(q, &row, f);
}

static void column_text(struct query *q, int column, char *out, size_t cap)
{
    const unsigned char *text = sqlite3_column_text(q->stmt, column);

    snprintf(out, cap, "%s", text ? (const char *)text : "");
}

static uint64_t column_count(struct query *q, int column)
{
    return (uint64_t)sqlite3_column_int64(q->stmt, column);
}

static status column_bytes(struct query *q, int column, uint8_t **out, size_t *len)
{
    size_t n = (size_t)sqlite3_column_bytes(q->stmt, column);
    uint8_t *bytes;

    TRY(alloc_zeroed(&bytes, n + 1, 1));
    if (n)
        memcpy(bytes, sqlite3_column_blob(q->stmt, column), n);
    *out = bytes;
    *len = n;
    return OK;
}

/* Reads and writes between begin and commit are one step for every other process; leaving early undoes them. */
struct transaction {
    struct store *store;
};

static void transaction_clear(struct transaction *t)
{
    if (t->store)
        sqlite3_exec(t->store->db, "ROLLBACK", NULL, NULL, NULL);
}

static status begin(struct transaction *t, struct store *s, struct fault *f)
{
    TRY(execute(s, "BEGIN IMMEDIATE", f));
    t->store = s;
    return OK;
}

static status commit(struct transaction *t, struct fault *f)
{
    TRY(execute(t->store, "COMMIT", f));
    t->store = NULL;
    return OK;
}

/* ---- opening ---- */

static status read_version(struct store *s, uint64_t *version, struct fault *f)
{
    struct query q AUTO(query_clear) = {0};
    int row;

    query_init(&q, s, "PRAGMA user_version");
    TRY(query_step(&q, &row, f));
    *version = column_count(&q, 0);
    return OK;
}

static status migrate(struct store *s, struct fault *f)
{
    struct transaction t AUTO(transaction_clear) = {0};
    uint64_t version = 0;

    TRY(read_version(s, &version, f));
    if (version == STORE_VERSION)
        return OK;
    TRY(begin(&t, s, f));
    TRY(read_version(s, &version, f)); /* another process may have been first */
    if (version > STORE_VERSION) {
        fault_hint(f, "use the newer program, or another state directory");
        return fault_set(f, STATUS_CONFIG, "%s: written by a newer hefu (form %llu, this one knows %d)", s->path,
                         (unsigned long long)version, STORE_VERSION);
    }
    if (version == 0)
        TRY(execute(s, schema, f));
    return commit(&t, f);
}

status store_open(struct store **out, const char *state_dir, struct fault *f)
{
    struct store *s AUTO(store_clear) = NULL;

    TRY(files_make_directory(state_dir, f));
    TRY(alloc_zeroed(&s, 1, sizeof *s));
    TRY(files_join(s->path, state_dir, "state.db", f));
    mode_t old_mask = umask(077);
    int opened = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
                                 NULL);
    umask(old_mask);
    if (!s->db)
        return STATUS_NO_MEMORY;
    if (opened != SQLITE_OK)
        return failed(s, f);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    TRY(execute(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                   " PRAGMA trusted_schema = OFF;", f));
    TRY(migrate(s, f));
    *out = s;
    s = NULL;
    return OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    sqlite3_close(s->db);
    free(s);
}

void store_clear(struct store **s)
{
    store_close(*s);
}

/* ---- lists ---- */

/* Grows an array by one zeroed item. */
static status append(void *array, size_t *count, size_t size, void **item)
{
    void *old, *grown;

    memcpy(&old, array, sizeof old);
    grown = realloc(old, (*count + 1) * size);
    if (!grown)
        return STATUS_NO_MEMORY;
    memcpy(array, &grown, sizeof grown);
    *item = (char *)grown + *count * size;
    memset(*item, 0, size);
    (*count)++;
    return OK;
}

/* ---- tables ---- */

#define TABLE_COLUMNS "name, kind, path, id_column, label_column, split_path, refuse_duplicates, rows, columns, added"

static void read_table(struct query *q, void *item)
{
    struct store_table *t = item;

    column_text(q, 0, t->name, sizeof t->name);
    column_text(q, 1, t->kind, sizeof t->kind);
    column_text(q, 2, t->path, sizeof t->path);
    column_text(q, 3, t->id_column, sizeof t->id_column);
    column_text(q, 4, t->label_column, sizeof t->label_column);
    column_text(q, 5, t->split_path, sizeof t->split_path);
    t->refuse_duplicates = (uint32_t)column_count(q, 6);
    t->rows = column_count(q, 7);
    t->columns = column_count(q, 8);
    t->added = (int64_t)column_count(q, 9);
}

status store_add_table(struct store *s, const struct store_table *t, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "INSERT OR IGNORE INTO tables (" TABLE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind_text(&q, t->name);
    bind_text(&q, t->kind);
    bind_text(&q, t->path);
    bind_text(&q, t->id_column);
    bind_text(&q, t->label_column);
    bind_text(&q, t->split_path);
    bind_count(&q, t->refuse_duplicates);
    bind_count(&q, t->rows);
    bind_count(&q, t->columns);
    bind_count(&q, (uint64_t)now_ms());
    TRY(query_run(&q, f));
    if (sqlite3_changes(s->db) == 1)
        return OK;
    fault_hint(f, "remove it first (hefu table remove %s), or choose another name", t->name);
    return fault_set(f, STATUS_USAGE, "there is a table \"%s\" already", t->name);
}

static status no_table(struct store *s, const char *name, struct fault *f)
{
    struct store_table *tables AUTO(auto_free) = NULL;
    const char *names[64], *nearest;
    size_t count = 0;

    if (store_list_tables(s, &tables, &count, NULL) == OK) {
        for (size_t i = 0; i < count && i < 64; i++)
            names[i] = tables[i].name;
        nearest = name_nearest(name, names, count < 64 ? count : 64);
        if (nearest)
            fault_hint(f, "did you mean \"%s\"?", nearest);
    }
    fault_hint(f, count ? "hefu table list shows what there is" : "hefu table add registers one");
    return fault_set(f, STATUS_USAGE, "no table \"%.40s\" is registered", name);
}

status store_get_table(struct store *s, struct store_table *out, const char *name, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};
    int row;

    query_init(&q, s, "SELECT " TABLE_COLUMNS " FROM tables WHERE name = ?");
    bind_text(&q, name);
    TRY(query_step(&q, &row, f));
    if (!row)
        return no_table(s, name, f);
    memset(out, 0, sizeof *out);
    read_table(&q, out);
    return OK;
}

status store_remove_table(struct store *s, const char *name, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "DELETE FROM tables WHERE name = ?");
    bind_text(&q, name);
    TRY(query_run(&q, f));
    return sqlite3_changes(s->db) == 1 ? OK : no_table(s, name, f);
}

/* All rows of a query, each read into one item of an array. */
static status read_all(struct query *q, void *array, size_t *count, size_t size, void (*read)(struct query *, void *),
                       struct fault *f)
{
    void *items AUTO(auto_free) = NULL, *item;
    size_t n = 0;
    int row;

    for (;;) {
        TRY(query_step(q, &row, f));
        if (!row)
            break;
        TRY(append(&items, &n, size, &item));
        read(q, item);
    }
    memcpy(array, &items, sizeof items);
    *count = n;
    items = NULL;
    return OK;
}

status store_list_tables(struct store *s, struct store_table **tables, size_t *count, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT " TABLE_COLUMNS " FROM tables ORDER BY name");
    return read_all(&q, tables, count, sizeof **tables, read_table, f);
}

/* ---- jobs ---- */

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
        return to == JOB_DONE || to == JOB_FAILED || to == JOB_CANCELLED;
    case JOB_FAILED:
        return to == JOB_AWAITING_APPROVAL || to == JOB_APPROVED || to == JOB_RUNNING || to == JOB_CANCELLED;
    case JOB_DONE:
    case JOB_REFUSED:
    case JOB_CANCELLED:
        return 0;
    }
    return 0;
}

#define JOB_COLUMNS "id, name, role, proposer, state, attempt, created, updated, error, hint, phase, done, total"

static void read_job(struct query *q, void *item)
{
    struct store_job *j = item;

    column_text(q, 0, j->id, sizeof j->id);
    column_text(q, 1, j->name, sizeof j->name);
    column_text(q, 2, j->role, sizeof j->role);
    column_text(q, 3, j->proposer, sizeof j->proposer);
    j->state = (enum job_state)column_count(q, 4);
    j->attempt = (uint32_t)column_count(q, 5);
    j->created = (int64_t)column_count(q, 6);
    j->updated = (int64_t)column_count(q, 7);
    column_text(q, 8, j->error, sizeof j->error);
    column_text(q, 9, j->hint, sizeof j->hint);
    column_text(q, 10, j->phase, sizeof j->phase);
    j->done = column_count(q, 11);
    j->total = column_count(q, 12);
}

static status add_event(struct store *s, const char *id, const char *actor, const char *action, struct fault *f)
{
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "INSERT INTO events (job, time, actor, action) VALUES (?, ?, ?, ?)");
    bind_text(&q, id);
    bind_count(&q, (uint64_t)now_ms());
    bind_text(&q, actor);
    bind_text(&q, action);
    return query_run(&q, f);
}

status store_add_job(struct store *s, const struct store_job *job, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};
    struct query q AUTO(query_clear) = {0};
    uint64_t now = (uint64_t)now_ms();
    char action[64];

    TRY(begin(&t, s, f));
    query_init(&q, s,
               "INSERT OR IGNORE INTO jobs (id, name, role, proposer, state, attempt, created, updated)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    bind_text(&q, job->id);
    bind_text(&q, job->name);
    bind_text(&q, job->role);
    bind_text(&q, job->proposer);
    bind_count(&q, job->state);
    bind_count(&q, job->attempt);
    bind_count(&q, now);
    bind_count(&q, now);
    TRY(query_run(&q, f));
    if (sqlite3_changes(s->db) != 1)
        return fault_set(f, STATUS_USAGE, "there is a job %.16s already", job->id);
    snprintf(action, sizeof action, "job is %s", job_state_name(job->state));
    TRY(add_event(s, job->id, job->proposer, action, f));
    return commit(&t, f);
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
    bind_text(&q, id);
    bind_text(&q, below);
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
    return read_all(&q, jobs, count, sizeof **jobs, read_job, f);
}

static status update_state(struct store *s, const char *id, enum job_state state, const struct fault *why,
                           struct fault *f)
{
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "UPDATE jobs SET state = ?, updated = ?, error = ?, hint = ? WHERE id = ?");
    bind_count(&q, state);
    bind_count(&q, (uint64_t)now_ms());
    bind_text(&q, why ? why->message : "");
    bind_text(&q, why ? why->hint : "");
    bind_text(&q, id);
    return query_run(&q, f);
}

status store_set_state(struct store *s, const char *id, enum job_state state, const char *actor,
                       const struct fault *why, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};
    struct store_job job;
    char action[512];

    TRY(begin(&t, s, f));
    TRY(store_get_job(s, &job, id, f));
    if (!may_follow(job.state, state))
        return fault_set(f, STATUS_USAGE, "job %.16s is %s and cannot become %s", job.id, job_state_name(job.state),
                         job_state_name(state));
    TRY(update_state(s, job.id, state, why, f));
    snprintf(action, sizeof action, "job is %s%s%s", job_state_name(state), why && why->message[0] ? ": " : "",
             why ? why->message : "");
    TRY(add_event(s, job.id, actor, action, f));
    return commit(&t, f);
}

/* One UPDATE of one job; its id is the last parameter. */
static status update_job(struct query *q, const char *id, struct fault *f)
{
    bind_count(q, (uint64_t)now_ms());
    bind_text(q, id);
    TRY(query_run(q, f));
    return sqlite3_changes(q->store->db) == 1 ? OK : no_job(id, f);
}

status store_set_attempt(struct store *s, const char *id, uint32_t attempt, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "UPDATE jobs SET attempt = ?, phase = '', done = 0, total = 0, updated = ? WHERE id = ?");
    bind_count(&q, attempt);
    return update_job(&q, id, f);
}

status store_set_progress(struct store *s, const char *id, const char *phase, uint64_t done, uint64_t total,
                          struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "UPDATE jobs SET phase = ?, done = ?, total = ?, updated = ? WHERE id = ?");
    bind_text(&q, phase);
    bind_count(&q, done);
    bind_count(&q, total);
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
    TRY(begin(&t, s, f));
    TRY(store_get_job(s, &job, id, f));
    query_init(&q, s, "INSERT OR REPLACE INTO papers (job, kind, bytes) VALUES (?, ?, ?)");
    bind_text(&q, job.id);
    bind_count(&q, kind);
    bind_bytes(&q, bytes, len);
    TRY(query_run(&q, f));
    return commit(&t, f);
}

/* The single blob of a query, or NULL and 0. */
static status read_blob(struct query *q, uint8_t **bytes, size_t *len, struct fault *f)
{
    int row;

    *bytes = NULL;
    *len = 0;
    TRY(query_step(q, &row, f));
    return row ? column_bytes(q, 0, bytes, len) : OK;
}

status store_get_paper(struct store *s, const char *id, enum job_paper kind, uint8_t **bytes, size_t *len,
                       struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT bytes FROM papers WHERE job = ? AND kind = ?");
    bind_text(&q, id);
    bind_count(&q, kind);
    return read_blob(&q, bytes, len, f);
}

status store_get_approval(struct store *s, const char *id, uint32_t attempt, const char *from, uint8_t **bytes,
                          size_t *len, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT bytes FROM approvals WHERE job = ? AND attempt = ? AND party = ?");
    bind_text(&q, id);
    bind_count(&q, attempt);
    bind_text(&q, from);
    return read_blob(&q, bytes, len, f);
}

static status insert_approval(struct store *s, const char *id, uint32_t attempt, const char *from, const void *bytes,
                              size_t len, struct fault *f)
{
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "INSERT INTO approvals (job, attempt, party, bytes) VALUES (?, ?, ?, ?)");
    bind_text(&q, id);
    bind_count(&q, attempt);
    bind_text(&q, from);
    bind_bytes(&q, bytes, len);
    return query_run(&q, f);
}

status store_put_approval(struct store *s, const char *id, uint32_t attempt, const char *from, const void *bytes,
                          size_t len, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};
    uint8_t *old AUTO(auto_free) = NULL;
    struct store_job job;
    size_t old_len = 0;
    char action[96];

    TRY(begin(&t, s, f));
    TRY(store_get_job(s, &job, id, f));
    TRY(store_get_approval(s, job.id, attempt, from, &old, &old_len, f));
    if (old) {
        if (old_len == len && memcmp(old, bytes, len) == 0)
            return OK;
        return fault_set(f, STATUS_USAGE, "%.31s approved attempt %u of job %.16s already, otherwise", from, attempt,
                         job.id);
    }
    TRY(insert_approval(s, job.id, attempt, from, bytes, len, f));
    snprintf(action, sizeof action, "approval of attempt %u received", attempt);
    TRY(add_event(s, job.id, from, action, f));
    return commit(&t, f);
}

/* ---- events ---- */

status store_note(struct store *s, const char *id, const char *actor, const char *action, struct fault *f)
{
    HOLD(s);
    return add_event(s, id, actor, action, f);
}

static void read_event(struct query *q, void *item)
{
    struct store_event *e = item;

    e->time = (int64_t)column_count(q, 0);
    column_text(q, 1, e->actor, sizeof e->actor);
    column_text(q, 2, e->action, sizeof e->action);
}

status store_list_events(struct store *s, const char *id, struct store_event **events, size_t *count, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT time, actor, action FROM events WHERE ? IN ('', job) ORDER BY number");
    bind_text(&q, id);
    return read_all(&q, events, count, sizeof **events, read_event, f);
}
