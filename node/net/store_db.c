#include "node/net/store_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t store_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

status store_failed(struct store *s, struct fault *f)
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

status store_execute(struct store *s, const char *sql, struct fault *f)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : store_failed(s, f);
}

sqlite3_mutex *store_hold(struct store *s)
{
    sqlite3_mutex *m = sqlite3_db_mutex(s->db);

    sqlite3_mutex_enter(m); /* recursive */
    return m;
}

void store_release(sqlite3_mutex **m)
{
    sqlite3_mutex_leave(*m);
}

void query_clear(struct query *q)
{
    sqlite3_finalize(q->stmt);
}

void query_init(struct query *q, struct store *s, const char *sql)
{
    *q = (struct query){.store = s};
    q->broken = sqlite3_prepare_v2(s->db, sql, -1, &q->stmt, NULL) != SQLITE_OK;
}

void query_bind_text(struct query *q, const char *text)
{
    q->broken |= q->broken || sqlite3_bind_text(q->stmt, ++q->bound, text, -1, SQLITE_TRANSIENT) != SQLITE_OK;
}

void query_bind_count(struct query *q, uint64_t v)
{
    q->broken |= q->broken || sqlite3_bind_int64(q->stmt, ++q->bound, (sqlite3_int64)v) != SQLITE_OK;
}

void query_bind_bytes(struct query *q, const void *bytes, size_t len)
{
    /* A NULL pointer would bind NULL, not an empty blob. */
    q->broken |= q->broken ||
                 sqlite3_bind_blob64(q->stmt, ++q->bound, len ? bytes : "", len, SQLITE_TRANSIENT) != SQLITE_OK;
}

status query_step(struct query *q, int *row, struct fault *f)
{
    int result = q->broken ? SQLITE_ERROR : sqlite3_step(q->stmt);

    *row = result == SQLITE_ROW;
    return result == SQLITE_ROW || result == SQLITE_DONE ? OK : store_failed(q->store, f);
}

status query_run(struct query *q, struct fault *f)
{
    int row;

    return query_step(q, &row, f);
}

void query_text(struct query *q, int column, char *out, size_t cap)
{
    const unsigned char *text = sqlite3_column_text(q->stmt, column);

    snprintf(out, cap, "%s", text ? (const char *)text : "");
}

uint64_t query_count(struct query *q, int column)
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

void transaction_clear(struct transaction *t)
{
    if (t->store)
        sqlite3_exec(t->store->db, "ROLLBACK", NULL, NULL, NULL);
}

status transaction_begin(struct transaction *t, struct store *s, struct fault *f)
{
    TRY(store_execute(s, "BEGIN IMMEDIATE", f));
    t->store = s;
    return OK;
}

status transaction_commit(struct transaction *t, struct fault *f)
{
    TRY(store_execute(t->store, "COMMIT", f));
    t->store = NULL;
    return OK;
}

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

status query_blob(struct query *q, uint8_t **bytes, size_t *len, struct fault *f)
{
    int row;

    *bytes = NULL;
    *len = 0;
    TRY(query_step(q, &row, f));
    return row ? column_bytes(q, 0, bytes, len) : OK;
}

status query_all(struct query *q, void *array, size_t *count, size_t size, void (*read)(struct query *, void *),
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
