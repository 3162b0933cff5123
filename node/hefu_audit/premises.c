#include "node/hefu_audit/premises.h"

#include "node/local/commitment.h"
#include "node/local/keyring.h"
#include "node/local/retention.h"
#include "protocol/log.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void premises_free(struct premises **out)
{
    struct premises *p = *out;

    if (!p)
        return;
    premises_free(&p->offline);
    session_papers_clear(&p->papers);
    session_table_clear(&p->table);
    rng_key_clear(&p->seed);
    rng_key_clear(&p->start);
    dataset_clear(&p->data);
    journal_reader_clear(&p->journal);
    free(p);
}

/* ---- which session ---- */

static int is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int is_offline(const char *name)
{
    const size_t len = strlen(name), tail = strlen("-offline");

    return len > tail && strcmp(name + len - tail, "-offline") == 0;
}

/* The one session whose name begins so; of two that belong together the online one, which is replayed with the other. */
static status find_session(char out[FILES_PATH_BYTES], const char *sessions, const char *begin, struct fault *f)
{
    DIR *dir = opendir(sessions);
    struct dirent *entry;
    char found[256] = "", before[256] = "";
    unsigned count = 0, offline = 0;

    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, begin, strlen(begin)) == 0 &&
            strlen(entry->d_name) < sizeof found) {
            strcpy(is_offline(entry->d_name) ? before : found, entry->d_name);
            *(is_offline(entry->d_name) ? &offline : &count) += 1;
        }
    if (dir)
        closedir(dir);
    if (count == 0) {
        strcpy(found, before);
        count = offline;
    }
    if (count == 1)
        return files_join(out, sessions, found, f);
    if (count > 1)
        return fault_set(f, STATUS_USAGE, "%u sessions in %s begin with %s", count, sessions, begin);
    fault_set(f, STATUS_USAGE, "%s has no session %s", sessions, begin);
    fault_hint(f, "it is named after its job, as the contract of the evidence begins; ls %s lists what is kept", sessions);
    return STATUS_USAGE;
}

static status open_session(struct premises *p, const struct premises_place *place, struct fault *f)
{
    char path[FILES_PATH_BYTES], sessions[FILES_PATH_BYTES];

    TRY(files_join(path, place->node, "node.yaml", f));
    TRY(config_load_node(&p->config, path, f));
    TRY(files_join(sessions, p->config.state_dir, "sessions", f));
    if (strchr(place->session, '/') && is_directory(place->session))
        return files_join(p->session_dir, ".", place->session, f);
    return find_session(p->session_dir, sessions, place->session, f);
}

/* ---- what it holds ---- */

static status open_sealed_to_auditor(struct premises *p, const struct audit_key *key, struct fault *f)
{
    struct audit_secrets s AUTO(audit_secrets_clear) = {0};

    TRY(retention_open(&s, p->session_dir, &p->papers, p->table.self, p->table.attempt, key, f));
    p->seed = s.seed;
    p->start = s.start;
    p->sealed_at = s.place.sealed_at;
    return OK;
}

static status open_secrets(struct premises *p, const struct audit_key *key, struct fault *f)
{
    struct keyring *keys AUTO(keyring_clear) = NULL;
    char path[FILES_PATH_BYTES];

    if (key)
        return open_sealed_to_auditor(p, key, f);
    TRY(files_join(path, p->session_dir, "seed.audit", f));
    if (files_exist(path)) {
        fault_hint(f, "the auditor gives its key on these premises: --audit-key FILE");
        return fault_set(f, STATUS_CONFIG, "%s: the seed is sealed to %s", path, p->papers.contract.auditor);
    }
    TRY(keyring_new(&keys, p->config.key, p->config.state_dir, f));
    TRY(session_secret_read(&p->seed, p->papers.contract.suite, "seed", p->session_dir, keys, &p->papers.contract_id, p->table.attempt, f));
    return session_secret_read(&p->start, p->papers.contract.suite, "start", p->session_dir, keys, &p->papers.contract_id, p->table.attempt, f);
}

/* Whole entries only, as journal_read takes them. */
static status read_log(struct journal_reader *out, const char *dir, uint16_t parties, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    struct log_reader r;
    struct log_entry e;

    out->bodies = -1;
    TRY(files_join(path, dir, "log", f));
    TRY(files_read(&out->log, &out->log_len, path, BUNDLE_LOG_MAX, f));
    log_reader_init(&r, out->log, out->log_len, parties);
    while (log_next(&r, &e) == LOG_ENTRY)
        ;
    out->log_len -= r.left;
    return OK;
}

static status read_journal(struct premises *p, int without_bodies, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    if (without_bodies)
        return read_log(&p->journal, p->session_dir, p->papers.contract.parties, f);
    TRY(files_join(path, p->session_dir, "bodies", f));
    if (!files_exist(path)) {
        fault_hint(f, "hefu-audit joint-replay does without, when all parties replay together");
        return fault_set(f, STATUS_CONFIG, "%s: what was received was not kept", path);
    }
    return journal_read(&p->journal, p->session_dir, p->papers.contract.parties, f);
}

static status read_table(struct premises *p, const char *elsewhere, struct fault *f)
{
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct source source;

    if (elsewhere)
        TRY(files_join(p->table.path, ".", elsewhere, f));
    source = session_table_source(&p->table);
    return source_open_with(&p->data, &notes, &p->table.dictionary, &source, f);
}

static status open_files(struct premises *p, const struct premises_place *place, struct fault *f)
{
    TRY(session_papers_read(&p->papers, p->session_dir, f));
    TRY(session_table_read(&p->table, p->session_dir, f));
    if (p->table.self >= p->papers.contract.parties)
        return fault_set(f, STATUS_MISMATCH, "%s: table.json and contract do not belong together", p->session_dir);
    TRY(open_secrets(p, place->key, f));
    TRY(read_table(p, place->table, f));
    return read_journal(p, place->without_bodies, f);
}

/* The offline session that an online one stands on lies beside it. */
static status open_offline(struct premises *online, const struct premises_place *place, struct fault *f)
{
    TRY(alloc_zeroed(&online->offline, 1, sizeof *online->offline));
    online->offline->config = online->config;
    TRY(session_offline_dir(online->offline->session_dir, online->session_dir, f));
    return open_files(online->offline, place, f);
}

status premises_open(struct premises **out, const struct premises_place *place, struct fault *f)
{
    struct premises *p AUTO(premises_free) = NULL;

    TRY(alloc_zeroed(&p, 1, sizeof *p));
    TRY(open_session(p, place, f));
    TRY(open_files(p, place, f));
    if (p->table.stage == STAGE_ONLINE)
        TRY(open_offline(p, place, f));
    *out = p;
    p = NULL;
    return OK;
}

status premises_check_root(const struct premises *p, struct fault *f)
{
    struct keyring *keys AUTO(keyring_clear) = NULL;

    TRY(keyring_new(&keys, p->config.key, p->config.state_dir, f));
    if (commitment_check(&p->papers.contract.party[p->table.self], p->papers.contract.suite, keys, p->table.name, &p->data, NULL) == OK)
        return OK;
    return fault_set(f, STATUS_MISMATCH, "the table does not open the contract's commitment to it");
}

/* ---- the replay of it ---- */

static status body_from_journal(void *ctx, uint64_t seq, uint8_t *out, size_t cap, size_t *len, struct fault *f)
{
    const struct premises *p = ctx;

    return journal_read_body(&p->journal, seq, out, cap, len, f);
}

struct replay_input premises_input(struct premises *p)
{
    return (struct replay_input){.contract = &p->papers.contract,
                                 .self = p->table.self,
                                 .attempt = p->table.attempt,
                                 .approvals = p->papers.approval,
                                 .seed = &p->seed,
                                 .start = &p->start,
                                 .data = &p->data,
                                 .log = p->journal.log,
                                 .log_len = p->journal.log_len,
                                 .body = body_from_journal,
                                 .ctx = p};
}

const char *premises_joint_words(char out[PREMISES_JOINT_BYTES], const struct replay_verdict *v)
{
    const unsigned long long seq = v->joint_seq;

    if (v->joints == 0)
        snprintf(out, PREMISES_JOINT_BYTES, "; it is before any joint checkpoint");
    else if (v->joint_pass == 0)
        snprintf(out, PREMISES_JOINT_BYTES, "; the last joint checkpoint that agrees is record %llu, before the first pass", seq);
    else
        snprintf(out, PREMISES_JOINT_BYTES, "; the last joint checkpoint that agrees is record %llu, after pass %u", seq, v->joint_pass);
    return out;
}
