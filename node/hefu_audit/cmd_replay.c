/* hefu-audit replay: one party's part again, from the sealed seed, the table and what was received.  Read-only; the
 * verdict is all that comes out. */
#include "node/hefu_audit/audit.h"
#include "node/local/bar.h"
#include "node/local/config.h"
#include "node/local/journal.h"
#include "node/local/keyring.h"
#include "node/local/session_files.h"
#include "node/local/source.h"
#include "protocol/messages.h"
#include "training/replay.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct premises {
    struct node_config config;
    char session_dir[FILES_PATH_BYTES];
    struct session_papers papers;
    struct session_table table;
    struct rng_key seed, start;
    struct dataset data;
    struct journal_reader journal;
};

static void premises_free(struct premises **p)
{
    if (!*p)
        return;
    session_papers_clear(&(*p)->papers);
    session_table_clear(&(*p)->table);
    rng_key_clear(&(*p)->seed);
    rng_key_clear(&(*p)->start);
    dataset_clear(&(*p)->data);
    journal_reader_clear(&(*p)->journal);
    free(*p);
}

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

static status open_session(struct premises *p, const char *node_dir, const char *session, struct fault *f)
{
    char path[FILES_PATH_BYTES], sessions[FILES_PATH_BYTES];

    TRY(files_join(path, node_dir, "node.yaml", f));
    TRY(config_load_node(&p->config, path, f));
    TRY(files_join(sessions, p->config.state_dir, "sessions", f));
    if (strchr(session, '/') && is_directory(session))
        return files_join(p->session_dir, ".", session, f);
    return find_session(p->session_dir, sessions, session, f);
}

static status open_secrets(struct premises *p, struct fault *f)
{
    struct keyring *keys AUTO(keyring_clear) = NULL;

    TRY(keyring_new(&keys, p->config.key, p->config.state_dir, f));
    TRY(session_secret_read(&p->seed, "seed", p->session_dir, keys, &p->papers.contract_id, p->table.attempt, f));
    return session_secret_read(&p->start, "start", p->session_dir, keys, &p->papers.contract_id, p->table.attempt, f);
}

static status body_from_journal(void *ctx, uint64_t seq, uint8_t *out, size_t cap, size_t *len, struct fault *f)
{
    const struct premises *p = ctx;

    return journal_read_body(&p->journal, seq, out, cap, len, f);
}

static status open_files(struct premises *p, struct fault *f)
{
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct source source;

    TRY(session_papers_read(&p->papers, p->session_dir, f));
    TRY(session_table_read(&p->table, p->session_dir, f));
    if (p->table.self >= p->papers.contract.parties)
        return fault_set(f, STATUS_MISMATCH, "%s: table.json and contract do not belong together", p->session_dir);
    TRY(open_secrets(p, f));
    source = session_table_source(&p->table);
    TRY(source_open_with(&p->data, &notes, &p->table.dictionary, &source, f));
    return journal_read(&p->journal, p->session_dir, p->papers.contract.parties, f);
}

static status open_premises(struct premises *p, const char *node_dir, const char *session, struct fault *f)
{
    TRY(open_session(p, node_dir, session, f));
    return open_files(p, f);
}

/* The offline session that an online one stands on lies beside it. */
static status open_offline(struct premises **out, const struct premises *online, struct fault *f)
{
    struct premises *p AUTO(premises_free) = NULL;

    TRY(alloc_zeroed(&p, 1, sizeof *p));
    p->config = online->config;
    TRY(session_offline_dir(p->session_dir, online->session_dir, f));
    TRY(open_files(p, f));
    *out = p;
    p = NULL;
    return OK;
}

/* A bar on a terminal; a replay takes about as long as the party's own part did. */
struct watch {
    struct bar bar;
    uint32_t passes;
    enum stage stage;
};

static void watch_step(void *ctx, uint16_t phase, uint32_t pass, uint64_t done, uint64_t total)
{
    struct watch *w = ctx;

    bar_show(&w->bar,
             &(struct bar_state){.stage = stage_name(stage_of_phase(w->stage, (enum phase)phase)),
                                 .phase = phase_name((enum phase)phase),
                                 .pass = pass,
                                 .passes = pass ? w->passes : 0,
                                 .done = done,
                                 .total = total},
             bar_clock());
}

static struct replay_input input_of(struct premises *p, struct watch *watch)
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
                                 .ctx = p,
                                 .progress = {watch, watch_step}};
}

static void print_verdict(const struct replay_verdict *v, const struct premises *p)
{
    char number[32], bytes[BAR_SIZE_BYTES];

    bar_bytes_text(bytes, v->bytes);
    if (v->same)
        printf("replay agrees: %s records of %s and %s sent are what an honest party writes%s%s\n",
               audit_number(number, v->compared), p->papers.contract.party[p->table.self].name, bytes,
               v->stopped ? ", up to where the session stopped" : "",
               v->stage == STAGE_ONLINE ? ", after those of its offline session" : "");
    else
        printf("%sfirst mismatch seq=%llu, field=%s: %s\n", v->stage == p->table.stage ? "" : "in the offline session: ", (unsigned long long)v->seq, v->field, v->words);
}

static json_t *verdict_json(const struct replay_verdict *v, const struct premises *p)
{
    json_t *o =
        json_pack("{s:b, s:s, s:s, s:b, s:I, s:I}", "same", v->same, "party", p->papers.contract.party[p->table.self].name,
                  "stage", stage_name(v->stage), "stopped", v->stopped, "compared", (json_int_t)v->compared, "bytes", (json_int_t)v->bytes);

    if (!v->same)
        json_object_update_new(
            o, json_pack("{s:I, s:s, s:s}", "record", (json_int_t)v->seq, "field", v->field, "words", v->words));
    return o;
}

status command_replay(int argc, char **argv, struct fault *f)
{
    const char *node_dir = NULL, *session = NULL, *given[1];
    size_t files = 0;
    int as_json = 0;
    const struct audit_option options[] = {
        {"node", &node_dir, NULL}, {"session", &session, NULL}, {"json", NULL, &as_json}, {0}};
    struct premises *p AUTO(premises_free) = NULL, *offline AUTO(premises_free) = NULL;
    struct replay_input in, before;
    struct replay_verdict v;
    struct fault torn = {0};
    struct watch watch;
    status ran;

    TRY(audit_arguments(options, given, 1, &files, argc, argv, f));
    session = session ? session : files ? given[0] : NULL;
    if (!node_dir || !session) {
        fault_set(f, STATUS_USAGE, "replay needs --node and --session");
        fault_hint(f, "hefu-audit replay --node DIR --session ID");
        return STATUS_USAGE;
    }
    TRY(alloc_zeroed(&p, 1, sizeof *p));
    TRY(open_premises(p, node_dir, session, f));
    if (journal_whole(&p->journal, p->session_dir, &torn) != OK)
        fprintf(stderr, "hefu-audit: warning: %s\n", torn.message);
    in = input_of(p, &watch);
    if (p->table.stage == STAGE_ONLINE) {
        TRY(open_offline(&offline, p, f));
        before = input_of(offline, &watch);
        in.offline = &before;
    }
    watch.passes = p->papers.contract.passes;
    watch.stage = p->table.stage == STAGE_OFFLINE ? STAGE_OFFLINE : STAGE_WHOLE; /* an online one is replayed as a whole */
    bar_init(&watch.bar, stderr, as_json);
    ran = replay_run(&v, &in, f);
    bar_end(&watch.bar, ran == OK && v.same, bar_clock());
    TRY(ran);
    if (as_json)
        TRY(audit_print_json(verdict_json(&v, p), f));
    else
        print_verdict(&v, p);
    return v.same ? OK : STATUS_MISMATCH;
}
