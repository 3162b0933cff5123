/* The store's way of speaking to SQLite: prepared statements, transactions, failures in words. */
#ifndef HEFU_STORE_DB_H
#define HEFU_STORE_DB_H

#include "node/net/store.h"

#include <sqlite3.h>

struct store {
    sqlite3 *db;
    char path[FILES_PATH_BYTES];
};

int64_t store_now_ms(void);

/* What SQLite's last error means for the operator. */
status store_failed(struct store *s, struct fault *f);
MUST_USE status store_execute(struct store *s, const char *sql, struct fault *f);

/* Threads of one process share the connection: one operation at a time, so that nobody joins another's transaction. */
#define HOLD(s) \
    sqlite3_mutex *held AUTO(store_release) = store_hold(s); \
    (void)held
sqlite3_mutex *store_hold(struct store *s);
void store_release(sqlite3_mutex **m);

/* A prepared statement, its parameters bound one after the other. */
struct query {
    struct store *store;
    sqlite3_stmt *stmt;
    int bound, broken;
};

void query_init(struct query *q, struct store *s, const char *sql);
void query_clear(struct query *q);
void query_bind_text(struct query *q, const char *text);
void query_bind_count(struct query *q, uint64_t v);
void query_bind_bytes(struct query *q, const void *bytes, size_t len);

/* *row: whether there is one more. */
MUST_USE status query_step(struct query *q, int *row, struct fault *f);
/* For what gives no rows. */
MUST_USE status query_run(struct query *q, struct fault *f);

void query_text(struct query *q, int column, char *out, size_t cap);
uint64_t query_count(struct query *q, int column);
/* The single blob of a query, or NULL and 0 when there is no row. */
MUST_USE status query_blob(struct query *q, uint8_t **bytes, size_t *len, struct fault *f);
/* All rows, each read into one item of a new array. */
MUST_USE status query_all(struct query *q, void *array, size_t *count, size_t size,
                          void (*read)(struct query *, void *), struct fault *f);

/* Reads and writes between begin and commit are one step for every other process; leaving early undoes them. */
struct transaction {
    struct store *store;
};

void transaction_clear(struct transaction *t);
MUST_USE status transaction_begin(struct transaction *t, struct store *s, struct fault *f);
MUST_USE status transaction_commit(struct transaction *t, struct fault *f);

/* One line of the events, inside the caller's transaction. */
MUST_USE status store_add_event(struct store *s, const char *id, const char *actor, const char *action,
                                struct fault *f);

#endif
