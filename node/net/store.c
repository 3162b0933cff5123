#include "node/net/store_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { STORE_VERSION = 3, BUSY_MS = 10000 };

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

/* Version 2: an attempt has one session or two. */
static const char stages[] =
    "ALTER TABLE jobs ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE stage_approvals (job TEXT NOT NULL REFERENCES jobs(id), attempt INTEGER NOT NULL,"
    " stage INTEGER NOT NULL, party TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (job, attempt, stage, party)) STRICT;"
    "INSERT INTO stage_approvals SELECT job, attempt, 0, party, bytes FROM approvals;"
    "DROP TABLE approvals;"
    "ALTER TABLE stage_approvals RENAME TO approvals;"
    "CREATE TABLE preparations (job TEXT NOT NULL REFERENCES jobs(id), attempt INTEGER NOT NULL, name TEXT NOT NULL,"
    " made INTEGER NOT NULL, spent INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " PRIMARY KEY (job, attempt)) STRICT;"
    "PRAGMA user_version = 2;";

/* Version 3: which contracts used which table; approvers and what they signed. */
static const char approvers[] =
    "CREATE TABLE uses (job TEXT PRIMARY KEY REFERENCES jobs(id), name TEXT NOT NULL, root BLOB NOT NULL,"
    " time INTEGER NOT NULL) STRICT;"
    "CREATE TABLE approvers (name TEXT PRIMARY KEY, key BLOB NOT NULL UNIQUE, added INTEGER NOT NULL) STRICT;"
    "CREATE TABLE signatures (job TEXT NOT NULL REFERENCES jobs(id), attempt INTEGER NOT NULL, approver TEXT NOT NULL,"
    " key BLOB NOT NULL, signature BLOB NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (job, attempt, approver)) STRICT;"
    "PRAGMA user_version = 3;";

/* ---- opening ---- */

static status read_version(struct store *s, uint64_t *version, struct fault *f)
{
    struct query q AUTO(query_clear) = {0};
    int row;

    query_init(&q, s, "PRAGMA user_version");
    TRY(query_step(&q, &row, f));
    *version = query_count(&q, 0);
    return OK;
}

static status migrate(struct store *s, struct fault *f)
{
    struct transaction t AUTO(transaction_clear) = {0};
    uint64_t version = 0;

    TRY(read_version(s, &version, f));
    if (version == STORE_VERSION)
        return OK;
    TRY(transaction_begin(&t, s, f));
    TRY(read_version(s, &version, f)); /* another process may have been first */
    if (version > STORE_VERSION) {
        fault_hint(f, "use the newer program, or another state directory");
        return fault_set(f, STATUS_CONFIG, "%s: written by a newer hefu (form %llu, this one knows %d)", s->path,
                         (unsigned long long)version, STORE_VERSION);
    }
    if (version == 0)
        TRY(store_execute(s, schema, f));
    if (version < 2)
        TRY(store_execute(s, stages, f));
    TRY(store_execute(s, approvers, f));
    return transaction_commit(&t, f);
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
        return store_failed(s, f);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    TRY(store_execute(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
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

/* ---- tables ---- */

#define TABLE_COLUMNS "name, kind, path, id_column, label_column, split_path, refuse_duplicates, rows, columns, added"

static void read_table(struct query *q, void *item)
{
    struct store_table *t = item;

    query_text(q, 0, t->name, sizeof t->name);
    query_text(q, 1, t->kind, sizeof t->kind);
    query_text(q, 2, t->path, sizeof t->path);
    query_text(q, 3, t->id_column, sizeof t->id_column);
    query_text(q, 4, t->label_column, sizeof t->label_column);
    query_text(q, 5, t->split_path, sizeof t->split_path);
    t->refuse_duplicates = (uint32_t)query_count(q, 6);
    t->rows = query_count(q, 7);
    t->columns = query_count(q, 8);
    t->added = (int64_t)query_count(q, 9);
}

status store_add_table(struct store *s, const struct store_table *t, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "INSERT OR IGNORE INTO tables (" TABLE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    query_bind_text(&q, t->name);
    query_bind_text(&q, t->kind);
    query_bind_text(&q, t->path);
    query_bind_text(&q, t->id_column);
    query_bind_text(&q, t->label_column);
    query_bind_text(&q, t->split_path);
    query_bind_count(&q, t->refuse_duplicates);
    query_bind_count(&q, t->rows);
    query_bind_count(&q, t->columns);
    query_bind_count(&q, (uint64_t)store_now_ms());
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
    query_bind_text(&q, name);
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
    query_bind_text(&q, name);
    TRY(query_run(&q, f));
    return sqlite3_changes(s->db) == 1 ? OK : no_table(s, name, f);
}

status store_list_tables(struct store *s, struct store_table **tables, size_t *count, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT " TABLE_COLUMNS " FROM tables ORDER BY name");
    return query_all(&q, tables, count, sizeof **tables, read_table, f);
}

/* ---- events ---- */

status store_add_event(struct store *s, const char *id, const char *actor, const char *action, struct fault *f)
{
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "INSERT INTO events (job, time, actor, action) VALUES (?, ?, ?, ?)");
    query_bind_text(&q, id);
    query_bind_count(&q, (uint64_t)store_now_ms());
    query_bind_text(&q, actor);
    query_bind_text(&q, action);
    return query_run(&q, f);
}

status store_note(struct store *s, const char *id, const char *actor, const char *action, struct fault *f)
{
    HOLD(s);
    return store_add_event(s, id, actor, action, f);
}

static void read_event(struct query *q, void *item)
{
    struct store_event *e = item;

    e->time = (int64_t)query_count(q, 0);
    query_text(q, 1, e->actor, sizeof e->actor);
    query_text(q, 2, e->action, sizeof e->action);
}

status store_list_events(struct store *s, const char *id, struct store_event **events, size_t *count, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT time, actor, action FROM events WHERE ? IN ('', job) ORDER BY number");
    query_bind_text(&q, id);
    return query_all(&q, events, count, sizeof **events, read_event, f);
}
