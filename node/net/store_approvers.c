#include "node/net/store_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- uses of tables ---- */

status store_count_uses(struct store *s, uint64_t *count, const char *id, const char *table, const struct hash *root,
                        int64_t since, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};
    int row;

    query_init(&q, s, "SELECT count(*) FROM uses WHERE job <> ? AND (name = ? OR root = ?) AND time > ?");
    query_bind_text(&q, id);
    query_bind_text(&q, table);
    query_bind_bytes(&q, root->bytes, HASH_BYTES);
    query_bind_count(&q, (uint64_t)since);
    TRY(query_step(&q, &row, f));
    *count = query_count(&q, 0);
    return OK;
}

status store_add_use(struct store *s, const char *id, const char *table, const struct hash *root, int64_t now, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "INSERT OR IGNORE INTO uses (job, name, root, time) VALUES (?, ?, ?, ?)");
    query_bind_text(&q, id);
    query_bind_text(&q, table);
    query_bind_bytes(&q, root->bytes, HASH_BYTES);
    query_bind_count(&q, (uint64_t)now);
    return query_run(&q, f);
}

/* ---- approvers ---- */

static void read_bytes(struct query *q, int column, uint8_t *out, size_t len)
{
    const void *blob = sqlite3_column_blob(q->stmt, column);

    memset(out, 0, len);
    if (blob && (size_t)sqlite3_column_bytes(q->stmt, column) == len)
        memcpy(out, blob, len);
}

static void read_approver(struct query *q, void *item)
{
    struct store_approver *a = item;

    query_text(q, 0, a->name, sizeof a->name);
    read_bytes(q, 1, a->key.bytes, sizeof a->key.bytes);
    a->added = (int64_t)query_count(q, 2);
}

static status note_approver(struct store *s, const char *name, const char *what, struct fault *f)
{
    char action[NAME_BYTES + 32];

    snprintf(action, sizeof action, "approver %s %s", name, what);
    return store_add_event(s, "", "operator", action, f);
}

status store_add_approver(struct store *s, const char *name, const struct sign_public *key, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};
    struct query q AUTO(query_clear) = {0};

    TRY(transaction_begin(&t, s, f));
    query_init(&q, s, "INSERT OR IGNORE INTO approvers (name, key, added) VALUES (?, ?, ?)");
    query_bind_text(&q, name);
    query_bind_bytes(&q, key->bytes, sizeof key->bytes);
    query_bind_count(&q, (uint64_t)store_now_ms());
    TRY(query_run(&q, f));
    if (sqlite3_changes(s->db) != 1) {
        fault_hint(f, "each person has a name and a key; hefu node approver list shows who is there");
        return fault_set(f, STATUS_USAGE, "there is an approver of that name or with that key already");
    }
    TRY(note_approver(s, name, "added", f));
    return transaction_commit(&t, f);
}

static status no_approver(const char *name, struct fault *f)
{
    fault_hint(f, "hefu node approver list shows who is there, hefu node approver add registers one");
    return fault_set(f, STATUS_USAGE, "no approver \"%.40s\" is registered", name);
}

status store_remove_approver(struct store *s, const char *name, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};
    struct query q AUTO(query_clear) = {0};

    TRY(transaction_begin(&t, s, f));
    query_init(&q, s, "DELETE FROM approvers WHERE name = ?");
    query_bind_text(&q, name);
    TRY(query_run(&q, f));
    if (sqlite3_changes(s->db) != 1)
        return no_approver(name, f);
    TRY(note_approver(s, name, "removed", f));
    return transaction_commit(&t, f);
}

status store_get_approver(struct store *s, struct store_approver *out, const char *name, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};
    int row;

    query_init(&q, s, "SELECT name, key, added FROM approvers WHERE name = ?");
    query_bind_text(&q, name);
    TRY(query_step(&q, &row, f));
    if (!row)
        return no_approver(name, f);
    memset(out, 0, sizeof *out);
    read_approver(&q, out);
    return OK;
}

status store_list_approvers(struct store *s, struct store_approver **list, size_t *count, struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT name, key, added FROM approvers ORDER BY name");
    return query_all(&q, list, count, sizeof **list, read_approver, f);
}

/* ---- their signatures ---- */

static void read_signature(struct query *q, void *item)
{
    struct store_signature *sig = item;

    query_text(q, 0, sig->approver, sizeof sig->approver);
    read_bytes(q, 1, sig->key.bytes, sizeof sig->key.bytes);
    read_bytes(q, 2, sig->signature.bytes, sizeof sig->signature.bytes);
    sig->time = (int64_t)query_count(q, 3);
}

status store_put_signature(struct store *s, const char *id, uint32_t attempt, const struct store_signature *sig, struct fault *f)
{
    HOLD(s);
    struct transaction t AUTO(transaction_clear) = {0};
    struct query q AUTO(query_clear) = {0};
    char action[NAME_BYTES + 64];

    TRY(transaction_begin(&t, s, f));
    query_init(&q, s, "INSERT OR REPLACE INTO signatures (job, attempt, approver, key, signature, time) VALUES (?, ?, ?, ?, ?, ?)");
    query_bind_text(&q, id);
    query_bind_count(&q, attempt);
    query_bind_text(&q, sig->approver);
    query_bind_bytes(&q, sig->key.bytes, sizeof sig->key.bytes);
    query_bind_bytes(&q, sig->signature.bytes, sizeof sig->signature.bytes);
    query_bind_count(&q, (uint64_t)sig->time);
    TRY(query_run(&q, f));
    snprintf(action, sizeof action, "attempt %u is signed", attempt + 1);
    TRY(store_add_event(s, id, sig->approver, action, f));
    return transaction_commit(&t, f);
}

status store_list_signatures(struct store *s, const char *id, uint32_t attempt, struct store_signature **list, size_t *count,
                             struct fault *f)
{
    HOLD(s);
    struct query q AUTO(query_clear) = {0};

    query_init(&q, s, "SELECT approver, key, signature, time FROM signatures WHERE job = ? AND attempt = ? ORDER BY time, rowid");
    query_bind_text(&q, id);
    query_bind_count(&q, attempt);
    return query_all(&q, list, count, sizeof **list, read_signature, f);
}
