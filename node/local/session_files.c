#include "node/local/session_files.h"

#include "protocol/bundle.h"
#include "protocol/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_FILE_MAX = 16 << 20 };

void session_table_clear(struct session_table *t)
{
    dictionary_clear(&t->dictionary);
    for (uint16_t i = 0; i < t->certificates; i++)
        free(t->certificate[i]);
    *t = (struct session_table){0};
}

struct source session_table_source(const struct session_table *t)
{
    struct source s = source_stored(t->path, t->id_column, t->label_column, t->split_path, t->refuse_duplicates != 0);

    s.labels_pending = t->stage == STAGE_OFFLINE;
    return s;
}

status session_table_open(struct dataset *data, struct table_notes *notes, const struct session_table *t, const struct contract *k,
                          struct fault *f)
{
    const struct contract_party *me = &k->party[t->self];
    struct source source = session_table_source(t);

    TRY(source_open_with(data, notes, &t->dictionary, &source, f));
    if (data->rows == me->rows && data->columns == me->columns && !memcmp(data->bins, me->bins, me->columns) &&
        (t->stage == STAGE_OFFLINE || (data->label != NULL) == (me->has_label != 0)) && !notes->cells_unknown)
        return OK;
    fault_hint(f, "propose the job again; keep the file as it is until the job is done");
    return fault_set(f, STATUS_CONFIG, "the table has changed since the job was proposed: %u rows and %u columns, the contract "
                     "says %u and %u", data->rows, data->columns, me->rows, me->columns);
}

static char *hex_text(const uint8_t *bytes, size_t len)
{
    char *out = malloc(2 * len + 1);

    for (size_t i = 0; out && i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    if (out)
        out[2 * len] = '\0';
    return out;
}

status session_table_write(const char *session_dir, const struct session_table *t, struct fault *f)
{
    struct wire_writer dictionary AUTO(wire_writer_clear) = {0};
    char path[FILES_PATH_BYTES], *hex AUTO(auto_free) = NULL, *text AUTO(auto_free) = NULL;
    json_t *certificates = json_array(), *all;

    dictionary_encode(&dictionary, &t->dictionary);
    TRY(wire_writer_status(&dictionary));
    hex = hex_text(dictionary.bytes, dictionary.len);
    for (uint16_t i = 0; i < t->certificates; i++)
        json_array_append_new(certificates, json_string(t->certificate[i]));
    all = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:o}", "name", t->name, "kind", "csv", "path", t->path, "split_path",
                    t->split_path, "id_column", t->id_column, "label_column", t->label_column, "refuse_duplicates",
                    (int)t->refuse_duplicates, "attempt", (int)t->attempt, "stage", (int)t->stage, "party", (int)t->self, "dictionary",
                    hex ? hex : "", "certificates", certificates);
    text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    json_decref(all);
    if (!text || !hex)
        return fault_set(f, STATUS_CONFIG, "the description of the table cannot be written: a name in it is not UTF-8");
    TRY(files_join(path, session_dir, "table.json", f));
    return files_write(path, text, strlen(text), 0600, f);
}

static status copy_text(char *out, size_t cap, const json_t *all, const char *field)
{
    const char *text = json_string_value(json_object_get(all, field));

    if (!text || strlen(text) >= cap)
        return STATUS_MALFORMED;
    strcpy(out, text);
    return OK;
}

static status read_dictionary(struct dictionary *d, const json_t *all)
{
    const json_t *value = json_object_get(all, "dictionary");
    const char *hex = json_string_value(value);
    size_t len = hex ? json_string_length(value) / 2 : 0;
    uint8_t *bytes AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&bytes, len, 1));
    for (size_t i = 0; i < len; i++) {
        unsigned byte;

        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return STATUS_MALFORMED;
        bytes[i] = (uint8_t)byte;
    }
    return dictionary_decode(d, bytes, len);
}

static status read_table(struct session_table *t, const json_t *all)
{
    const json_t *certificates = json_object_get(all, "certificates"), *pem;
    size_t i;

    TRY(copy_text(t->name, sizeof t->name, all, "name"));
    TRY(copy_text(t->path, sizeof t->path, all, "path"));
    TRY(copy_text(t->split_path, sizeof t->split_path, all, "split_path"));
    TRY(copy_text(t->id_column, sizeof t->id_column, all, "id_column"));
    TRY(copy_text(t->label_column, sizeof t->label_column, all, "label_column"));
    t->refuse_duplicates = (uint32_t)json_integer_value(json_object_get(all, "refuse_duplicates"));
    t->attempt = (uint32_t)json_integer_value(json_object_get(all, "attempt"));
    t->self = (party)json_integer_value(json_object_get(all, "party"));
    t->stage = (enum stage)json_integer_value(json_object_get(all, "stage"));
    if (t->stage > STAGE_ONLINE)
        return STATUS_MALFORMED;
    json_array_foreach(certificates, i, pem) {
        if (i == PARTIES_MAX || !json_is_string(pem))
            return STATUS_MALFORMED;
        t->certificate[i] = strdup(json_string_value(pem));
        if (!t->certificate[i])
            return STATUS_NO_MEMORY;
        t->certificates++;
    }
    return read_dictionary(&t->dictionary, all);
}

status session_table_read(struct session_table *t, const char *session_dir, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    uint8_t *text AUTO(auto_free) = NULL;
    size_t len = 0;
    json_t *all;
    status result;

    *t = (struct session_table){0};
    TRY(files_join(path, session_dir, "table.json", f));
    TRY(files_read(&text, &len, path, TABLE_FILE_MAX, f));
    all = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
    result = all ? read_table(t, all) : STATUS_MALFORMED;
    json_decref(all);
    if (result != OK) {
        session_table_clear(t);
        return fault_set(f, result == STATUS_NO_MEMORY ? result : STATUS_CONFIG, "%s is damaged", path);
    }
    return OK;
}

void session_papers_clear(struct session_papers *p)
{
    free(p->contract_bytes);
    memset(p, 0, sizeof *p);
}

status session_papers_read(struct session_papers *p, const char *session_dir, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    memset(p, 0, sizeof *p);
    TRY(files_join(path, session_dir, "contract", f));
    TRY(files_read(&p->contract_bytes, &p->contract_len, path, CONTRACT_BYTES_MAX, f));
    TRY(contract_decode(&p->contract, p->contract_bytes, p->contract_len, f));
    TRY(contract_id(&p->contract_id, &p->contract));
    TRY(files_join(path, session_dir, "approvals", f));
    TRY(files_read(&bytes, &len, path, (size_t)PARTIES_MAX * APPROVAL_BYTES, f));
    if (len != (size_t)p->contract.parties * APPROVAL_BYTES)
        return fault_set(f, STATUS_CONFIG, "%s does not hold one approval for each party", path);
    for (party i = 0; i < p->contract.parties; i++) {
        if (approval_decode(&p->approval[i], bytes + (size_t)i * APPROVAL_BYTES) != OK)
            return fault_set(f, STATUS_CONFIG, "%s is damaged", path);
    }
    return OK;
}

void session_name(char out[SESSION_NAME_BYTES], const char *id, uint32_t attempt, enum stage stage)
{
    snprintf(out, SESSION_NAME_BYTES, "%.16s-%u%s%s", id, attempt, stage == STAGE_WHOLE ? "" : "-",
             stage == STAGE_WHOLE ? "" : stage_name(stage));
}

status session_offline_dir(char out[FILES_PATH_BYTES], const char *online_dir, struct fault *f)
{
    size_t len = strlen(online_dir), tail = strlen("-online");

    if (len < tail || strcmp(online_dir + len - tail, "-online") != 0)
        return fault_set(f, STATUS_CONFIG, "%s is not the directory of an online session", online_dir);
    if (snprintf(out, FILES_PATH_BYTES, "%.*s-offline", (int)(len - tail), online_dir) >= FILES_PATH_BYTES)
        return fault_set(f, STATUS_CONFIG, "%s: the path is too long", online_dir);
    return OK;
}

/* KIND/CONTRACT-ID/ATTEMPT: what a secret is sealed under; and its file. */
enum { LABEL_BYTES = 96 };

static status secret_place(char label[LABEL_BYTES], char path[FILES_PATH_BYTES], const char *kind, const char *session_dir,
                           const struct hash *id, uint32_t attempt, struct fault *f)
{
    char hex[2 * HASH_BYTES + 1], name[32];

    hash_hex(id, hex);
    snprintf(label, LABEL_BYTES, "%s/%s/%u", kind, hex, attempt);
    snprintf(name, sizeof name, "%s.sealed", kind);
    return files_join(path, session_dir, name, f);
}

status session_secret_create(const struct rng_key *secret, const char *kind, const char *session_dir,
                             const struct keyring *keys, const struct hash *contract_id, uint32_t attempt, struct fault *f)
{
    uint8_t sealed[sizeof secret->bytes + KEYRING_SEAL_BYTES];
    char label[LABEL_BYTES], path[FILES_PATH_BYTES];

    TRY(secret_place(label, path, kind, session_dir, contract_id, attempt, f));
    keyring_seal(keys, sealed, secret->suite, label, secret->bytes, sizeof secret->bytes);
    return files_create(path, sealed, sizeof sealed, 0600, f);
}

status session_secret_read(struct rng_key *secret, enum suite s, const char *kind, const char *session_dir, const struct keyring *keys,
                           const struct hash *contract_id, uint32_t attempt, struct fault *f)
{
    uint8_t *sealed AUTO(auto_free) = NULL;
    char label[LABEL_BYTES], path[FILES_PATH_BYTES];
    size_t len = 0;

    TRY(secret_place(label, path, kind, session_dir, contract_id, attempt, f));
    if (!files_exist(path)) {
        fault_set(f, STATUS_CONFIG, "%s: the %s of this session is not there", path, kind);
        fault_hint(f, "without it nothing can be run or replayed; the contract says whether seeds are kept");
        return STATUS_CONFIG;
    }
    TRY(files_read(&sealed, &len, path, sizeof secret->bytes + KEYRING_SEAL_BYTES, f));
    if (len != sizeof secret->bytes + KEYRING_SEAL_BYTES || keyring_unseal(keys, secret->bytes, s, label, sealed, len) != OK)
        return fault_set(f, STATUS_MISMATCH, "%s: the %s was changed, or sealed by another node or for another session", path,
                         kind);
    secret->suite = (uint8_t)s;
    return OK;
}

static status remove_file(const char *session_dir, const char *name, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    TRY(files_join(path, session_dir, name, f));
    if (unlink(path) != 0 && errno != ENOENT)
        return fault_set(f, STATUS_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return OK;
}

status session_destroy_secrets(const char *session_dir, struct fault *f)
{
    static const char *const sealed[] = {"seed.sealed", "start.sealed", "seed.audit"};
    status result = remove_file(session_dir, "bodies", f); /* first: destroying the others syncs the directory */

    for (size_t i = 0; i < sizeof sealed / sizeof sealed[0]; i++) {
        char path[FILES_PATH_BYTES];
        status one = files_join(path, session_dir, sealed[i], f);

        if (one == OK)
            one = files_destroy(path, f);
        if (result == OK)
            result = one;
    }
    return result;
}

status session_beside_write(const char *session_dir, const char *name, const uint8_t *bytes, size_t len, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    if (len == 0)
        return remove_file(session_dir, name, f);
    TRY(files_join(path, session_dir, name, f));
    return files_write(path, bytes, len, 0600, f);
}

status session_beside_read(uint8_t **bytes, size_t *len, const char *session_dir, const char *name, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    *bytes = NULL;
    *len = 0;
    TRY(files_join(path, session_dir, name, f));
    return files_exist(path) ? files_read(bytes, len, path, BUNDLE_ATTACHMENT_MAX, f) : OK;
}

status session_was_scored(int *scored, const char *session_dir, uint16_t parties, struct fault *f)
{
    uint8_t *log AUTO(auto_free) = NULL;
    struct log_reader r;
    struct log_entry e;
    char path[FILES_PATH_BYTES];
    size_t len = 0;

    *scored = 0;
    TRY(files_join(path, session_dir, "log", f));
    if (!files_exist(path))
        return OK; /* it never began */
    TRY(files_read(&log, &len, path, SIZE_MAX / 2, f));
    log_reader_init(&r, log, len, parties);
    while (log_next(&r, &e) == LOG_ENTRY)
        *scored |= e.record.kind == MESSAGE_score && (e.record.type == RECORD_SEND || e.record.type == RECORD_RECV);
    return OK;
}
