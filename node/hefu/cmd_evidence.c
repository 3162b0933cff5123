/* hefu evidence: what a node has to show of its sessions, and what outsiders said of them. */
#include "node/hefu/cmd.h"
#include "node/hefu/identity.h"
#include "node/local/bar.h"
#include "node/local/config.h"
#include "node/local/keyring.h"
#include "node/local/proof.h"
#include "node/local/retention.h"
#include "node/net/tsa.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RETRY_S = 60, REPLY_S = 15, NAMES_TOLD = 6, WORDS_BYTES = 640 };

struct premises {
    struct node_config *config;
    char sessions[FILES_PATH_BYTES];
    struct dirent **entry; /* by name */
    int count;
};

static void premises_clear(struct premises *p)
{
    for (int i = 0; i < p->count; i++)
        free(p->entry[i]);
    free(p->entry);
    free(p->config);
}

static int is_session(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Its sessions are listed again; a node may have none yet. */
static void list_sessions(struct premises *p)
{
    for (int i = 0; i < p->count; i++)
        free(p->entry[i]);
    free(p->entry);
    p->entry = NULL;
    p->count = scandir(p->sessions, &p->entry, is_session, alphasort);
    if (p->count < 0)
        p->count = 0;
}

static status open_premises(struct premises *p, const char *node, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    TRY(alloc_zeroed(&p->config, 1, sizeof *p->config));
    TRY(identity_config(path, node, "node.yaml", f));
    TRY(config_load_node(p->config, path, f));
    TRY(files_join(p->sessions, p->config->state_dir, "sessions", f));
    list_sessions(p);
    return OK;
}

/* A session by its name, or by the beginning of it, such as the id of its job; its place in the list. */
static status find_session(const struct premises *p, int *out, const char *given, struct fault *f)
{
    char told[FILES_PATH_BYTES] = "";
    const size_t len = strchr(given, '-') || strlen(given) < 16 ? strlen(given) : 16;
    int found = 0;

    for (int i = 0; i < p->count; i++) {
        const char *name = p->entry[i]->d_name;

        if (strncmp(name, given, len) != 0)
            continue;
        *out = i;
        if (strcmp(name, given) == 0)
            return OK;
        if (found++ < NAMES_TOLD)
            snprintf(told + strlen(told), sizeof told - strlen(told), "%s%.64s", found > 1 ? ", " : "", name);
    }
    if (found == 1)
        return OK;
    if (found)
        fault_hint(f, "say which: %.300s", told);
    else
        fault_hint(f, "hefu evidence list tells which there are");
    return found ? fault_set(f, STATUS_USAGE, "%d sessions begin with %.80s", found, given)
                 : fault_set(f, STATUS_USAGE, "there is no session %.80s", given);
}

static status session_path(char out[FILES_PATH_BYTES], const struct premises *p, int i, struct fault *f)
{
    return files_join(out, p->sessions, p->entry[i]->d_name, f);
}

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

/* ---- what there is ---- */

static void held_words(char out[WORDS_BYTES], enum proof_kind kind, const struct proof *p)
{
    struct timestamp t;

    if (kind == PROOF_DEPOSIT)
        snprintf(out, WORDS_BYTES, "receipt of %zu bytes", p->answer_len);
    else if (timestamp_read(&t, p->answer, p->answer_len, NULL) == OK)
        timestamp_text(out, t.at);
    else
        snprintf(out, WORDS_BYTES, "damaged");
}

static void waiting_words(char out[WORDS_BYTES], const struct proof *p)
{
    const int64_t due = p->queued + STAMP_DEADLINE_S;
    char when[TIMESTAMP_TEXT_BYTES];
    size_t len;

    timestamp_text(when, due);
    len = (size_t)snprintf(out, WORDS_BYTES, "waiting, %s %s", now() > due ? "overdue since" : "due by", when);
    if (p->tries)
        snprintf(out + len, WORDS_BYTES - len, "; tried %u time%s: %s", p->tries, cmd_plural(p->tries), p->error);
}

static void proof_words(char out[WORDS_BYTES], enum proof_kind kind, const struct proof *p)
{
    switch (p->state) {
    case PROOF_NONE:
        snprintf(out, WORDS_BYTES, "none");
        return;
    case PROOF_WAITING:
        waiting_words(out, p);
        return;
    case PROOF_REFUSED:
        snprintf(out, WORDS_BYTES, "%s", p->error);
        return;
    case PROOF_HELD:
        held_words(out, kind, p);
        return;
    }
}

static const char *state_name(enum proof_state s)
{
    static const char *const names[] = {
        [PROOF_NONE] = "none", [PROOF_WAITING] = "waiting", [PROOF_REFUSED] = "refused", [PROOF_HELD] = "held"};

    return names[s];
}

static json_t *proof_json(enum proof_kind kind, const struct proof *p)
{
    json_t *o = json_pack("{s:s}", "state", state_name(p->state));
    struct timestamp t;

    if (p->state == PROOF_WAITING || p->state == PROOF_REFUSED)
        json_object_update_new(o, json_pack("{s:I, s:I, s:i, s:s}", "queued", (json_int_t)p->queued, "due",
                                            (json_int_t)(p->queued + STAMP_DEADLINE_S), "tries", (int)p->tries, "error",
                                            p->error));
    if (p->state == PROOF_HELD && kind != PROOF_DEPOSIT && timestamp_read(&t, p->answer, p->answer_len, NULL) == OK)
        json_object_set_new(o, "at", json_integer(t.at));
    return o;
}

/* The name that the contract gives its job, and until when it keeps secrets; "" and 0 when it cannot be read. */
static void read_job(char out[64], uint64_t *due, const char *dir)
{
    struct session_papers *papers AUTO(auto_free) = NULL;

    out[0] = '\0';
    *due = 0;
    if (alloc_zeroed(&papers, 1, sizeof *papers) != OK)
        return;
    if (session_papers_read(papers, dir, NULL) == OK) {
        snprintf(out, 64, "%s", papers->contract.job);
        *due = contract_destroy_after(&papers->contract);
    }
    session_papers_clear(papers);
}

static int holds(const char *dir, const char *name)
{
    char path[FILES_PATH_BYTES];

    return files_join(path, dir, name, NULL) == OK && files_exist(path);
}

/* Whether the session can be replayed, by whom and until when. */
static void secrets_words(char out[WORDS_BYTES], const char *dir, uint64_t due)
{
    const int own = holds(dir, "seed.sealed"), sealed = holds(dir, "seed.audit");
    char until[CONTRACT_TIME_BYTES];

    contract_time_text(until, due);
    if (own || sealed)
        snprintf(out, WORDS_BYTES, "%s%s%s", own ? "sealed for this node" : "sealed to the auditor", due ? ", until " : "",
                 due ? until : "");
    else
        snprintf(out, WORDS_BYTES, "%s", holds(dir, "destroyed") ? "destroyed" : "none");
}

static int has_evidence(const char *dir)
{
    return holds(dir, "evidence.hefu");
}

static status show_session(json_t *list, const struct premises *p, int i, struct fault *f)
{
    char dir[FILES_PATH_BYTES], job[64], secrets[WORDS_BYTES];
    const char *name = p->entry[i]->d_name;
    uint64_t due;
    json_t *o;

    TRY(session_path(dir, p, i, f));
    read_job(job, &due, dir);
    secrets_words(secrets, dir, due);
    o = json_pack("{s:s, s:s, s:b, s:s}", "session", name, "job", job, "evidence", has_evidence(dir), "secrets", secrets);
    if (!list)
        printf("%s%s%s%s\n  %-8s %s\n", name, job[0] ? "  " : "", job, has_evidence(dir) ? "" : "  (no evidence yet)", "secrets",
               secrets);
    for (enum proof_kind kind = 0; kind < PROOF_KINDS; kind++) {
        struct proof proof AUTO(proof_clear) = {0};
        char words[WORDS_BYTES];

        if (proof_read(&proof, dir, kind, f) != OK) {
            json_decref(o);
            return f->code;
        }
        proof_words(words, kind, &proof);
        if (!list && proof.state != PROOF_NONE)
            printf("  %-8s %s\n", proof_name(kind), words);
        json_object_set_new(o, proof_name(kind), proof_json(kind, &proof));
    }
    if (list)
        json_array_append(list, o);
    json_decref(o);
    return OK;
}

static status run_list(int argc, char **argv, struct fault *f)
{
    const char *node = ".";
    int as_json = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &node},
        {"json", NULL, "one JSON array on stdout", .flag = &as_json},
        {0},
    };
    struct premises p AUTO(premises_clear) = {0};
    json_t *list = NULL;

    TRY(cmd_parse(&(struct cmd_line){"hefu evidence list", NULL,
                                     "The sessions of a node, when outsiders dated them, and what still waits for an answer.",
                                     options, {0}, 0},
                  argc, argv, f));
    TRY(open_premises(&p, node, f));
    list = as_json ? json_array() : NULL;
    for (int i = 0; i < p.count; i++) {
        status code = show_session(list, &p, i, f);

        if (code != OK) {
            json_decref(list);
            return code;
        }
    }
    if (!as_json && p.count == 0)
        fprintf(stderr, "hefu: no sessions\n");
    return as_json ? cmd_print_json(list, f) : OK;
}

/* ---- export ---- */

static status print_export(const char *out, size_t len, const char *dir, const struct premises *p, struct fault *f)
{
    char size[BAR_SIZE_BYTES], job[64];
    uint64_t due;

    bar_bytes_text(size, len);
    read_job(job, &due, dir);
    printf("%s  %s\n  contract, approvals and certificates of %s\n  every signed record of %s's log; no message, no seed, no "
           "data\n",
           out, size, job, p->config->name);
    for (enum proof_kind kind = 0; kind < PROOF_KINDS; kind++) {
        struct proof proof AUTO(proof_clear) = {0};
        char words[WORDS_BYTES];

        TRY(proof_read(&proof, dir, kind, f));
        proof_words(words, kind, &proof);
        printf("  %s%s: %s%s\n", proof_name(kind), kind == PROOF_DEPOSIT ? "" : " stamp", words,
               proof.state == PROOF_WAITING || proof.state == PROOF_REFUSED ? " (not in this file; hefu evidence stamp)" : "");
    }
    if (holds(dir, "destroyed"))
        printf("  the statement that seed and bodies are destroyed\n");
    printf("Check it:  hefu-audit verify %s --ca %s%s%s\n", out, p->config->ca,
           p->config->evidence.tsa_ca[0] ? " --tsa-ca " : "", p->config->evidence.tsa_ca);
    return OK;
}

static status run_export(int argc, char **argv, struct fault *f)
{
    const char *session = NULL, *node = ".", *out = NULL;
    int force = 0, i = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &node},
        {"out", "FILE", "where to (PARTY-SESSION.hefu in this directory)", .text = &out},
        {"force", NULL, "replace the file", .flag = &force},
        {0},
    };
    struct premises p AUTO(premises_clear) = {0};
    struct wire_writer file AUTO(wire_writer_clear) = {0};
    char dir[FILES_PATH_BYTES], name[FILES_PATH_BYTES];

    TRY(cmd_parse(&(struct cmd_line){"hefu evidence export", "SESSION|JOB",
                                     "Write this party's evidence file, with the timestamps and the deposit that it holds.",
                                     options, {&session}, 1},
                  argc, argv, f));
    TRY(open_premises(&p, node, f));
    TRY(find_session(&p, &i, session, f));
    TRY(session_path(dir, &p, i, f));
    TRY(proof_attach(&file, dir, f));
    snprintf(name, sizeof name, "%s-%s.hefu", p.config->name, p.entry[i]->d_name);
    out = out ? out : name;
    if (!force && files_exist(out)) {
        fault_hint(f, "--force replaces it, --out FILE writes another");
        return fault_set(f, STATUS_CONFIG, "%s is there already", out);
    }
    TRY(files_write(out, file.bytes, file.len, 0600, f));
    return print_export(out, file.len, dir, &p, f);
}

/* ---- asking outsiders ---- */

static status ask_authority(const struct config_evidence *how, const char *dir, enum proof_kind kind, struct proof *p,
                            char words[WORDS_BYTES], struct fault *f)
{
    const struct timestamp_trust trust = {.ca = how->tsa_ca};
    uint8_t *reply AUTO(auto_free) = NULL, *token AUTO(auto_free) = NULL;
    char when[TIMESTAMP_TEXT_BYTES];
    struct timestamp t;
    size_t len = 0, token_len = 0;

    if (!how->tsa_url[0]) {
        fault_hint(f, "add evidence: {tsa_url: ..., tsa_ca: ...} to node.yaml");
        return fault_set(f, STATUS_CONFIG, "node.yaml names no timestamping authority");
    }
    TRY(proof_renew(p, dir, kind, how->tsa_policy, f));
    TRY(tsa_ask(&reply, &len, how, p->request, p->request_len, REPLY_S, f));
    TRY(timestamp_accept(&token, &token_len, &t, reply, len, p->request, p->request_len, &trust, f));
    TRY(proof_keep(dir, kind, token, token_len, f));
    timestamp_text(when, t.at);
    if (llabs(t.at - now()) > TIMESTAMP_DRIFT_S)
        cmd_warn("the clock of this machine and that of %s differ by %lld s", t.signer, (long long)(t.at - now()));
    snprintf(words, WORDS_BYTES, "%s by %s", when, t.signer);
    return OK;
}

static status ask_adapter(const char *dir, const struct proof *p, char words[WORDS_BYTES], struct fault *f)
{
    uint8_t *receipt AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(deposit_run(&receipt, &len, p->adapter, (const char *)p->request, p->request_len, DEPOSIT_DEADLINE_S, f));
    TRY(proof_keep(dir, PROOF_DEPOSIT, receipt, len, f));
    snprintf(words, WORDS_BYTES, "receipt of %zu bytes", len);
    return OK;
}

/* One proof that waits.  What fails is noted in its state, and it goes on waiting. */
static status ask(const struct premises *p, int i, enum proof_kind kind, struct proof *proof, struct fault *f)
{
    char dir[FILES_PATH_BYTES], words[WORDS_BYTES];
    status result;

    TRY(session_path(dir, p, i, f));
    result = kind == PROOF_DEPOSIT ? ask_adapter(dir, proof, words, f)
                                   : ask_authority(&p->config->evidence, dir, kind, proof, words, f);
    if (result == OK) {
        printf("%s %s: %s\n", p->entry[i]->d_name, proof_name(kind), words);
        return OK;
    }
    fault_set(f, result, "%s", status_name(result)); /* when nothing better was said */
    (void)!proof_failed(dir, kind, proof, now(), f, NULL);
    return result;
}

struct round {
    size_t waiting;     /* after it */
    size_t refused;     /* of these: asking the same authority again does not help */
    int away;           /* the authority does not answer: the others are not tried either */
    struct fault first; /* what went wrong */
};

static void note_failure(struct round *r, const char *session, const char *what, const struct fault *why)
{
    cmd_warn("%s%s%s: %s", session, what[0] ? " " : "", what, why->message);
    if (r->first.code == OK)
        r->first = *why;
}

static status run_proof(struct round *r, const struct premises *p, int i, const char *dir, enum proof_kind kind,
                        struct fault *f)
{
    struct proof proof AUTO(proof_clear) = {0};
    struct fault why = {0};
    status result;

    TRY(proof_read(&proof, dir, kind, f));
    if (proof.state != PROOF_WAITING && proof.state != PROOF_REFUSED)
        return OK;
    r->waiting++;
    if (kind != PROOF_DEPOSIT && r->away)
        return OK;
    result = ask(p, i, kind, &proof, &why);
    if (result == OK) {
        r->waiting--;
        return OK;
    }
    r->refused += kind != PROOF_DEPOSIT && result == STATUS_REFUSED;
    r->away |= kind != PROOF_DEPOSIT && (result == STATUS_CLOSED || result == STATUS_TIMEOUT || result == STATUS_CONFIG);
    note_failure(r, p->entry[i]->d_name, proof_name(kind), &why);
    return OK;
}

static status run_session(struct round *r, const struct premises *p, int i, struct fault *f)
{
    char dir[FILES_PATH_BYTES];

    TRY(session_path(dir, p, i, f));
    if (p->config->evidence.tsa_url[0])
        TRY(proof_queue_stamps(dir, p->config->evidence.tsa_policy, now(), f));
    for (enum proof_kind kind = 0; kind < PROOF_KINDS; kind++)
        TRY(run_proof(r, p, i, dir, kind, f));
    return OK;
}

/* Everything that waits, once.  A session whose files are damaged does not keep the others. */
static void run_round(struct round *r, struct premises *p)
{
    *r = (struct round){0};
    list_sessions(p);
    for (int i = 0; i < p->count; i++) {
        struct fault why = {0};
        status result = run_session(r, p, i, &why);

        if (result == OK)
            continue;
        fault_set(&why, result, "%s", status_name(result));
        note_failure(r, p->entry[i]->d_name, "", &why);
    }
}

static status run_stamp(int argc, char **argv, struct fault *f)
{
    const char *node = ".";
    int once = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &node},
        {"once", NULL, "try each once; by default again every minute until nothing waits", .flag = &once},
        {0},
    };
    struct premises p AUTO(premises_clear) = {0};
    struct round r;

    TRY(cmd_parse(&(struct cmd_line){"hefu evidence stamp", NULL,
                                     "Ask for what waits: timestamps of the authority in node.yaml, and deposits.", options,
                                     {0}, 0},
                  argc, argv, f));
    TRY(open_premises(&p, node, f));
    run_round(&r, &p);
    while (r.waiting > r.refused && !once) {
        fflush(stdout);
        sleep(RETRY_S);
        run_round(&r, &p);
    }
    if (r.first.code == OK)
        return OK;
    fault_hint(f, "%s", r.first.hint[0] ? r.first.hint : "nothing is lost: run it again later");
    return fault_set(f, r.first.code, "%zu still wait%s: %.400s", r.waiting, r.waiting == 1 ? "s" : "", r.first.message);
}

static status run_deposit(int argc, char **argv, struct fault *f)
{
    const char *session = NULL, *node = ".", *adapter = NULL;
    int queue = 0, i = 0;
    const struct cmd_option options[] = {
        {"adapter", "CMD", "reads one line of JSON, writes a receipt", .text = &adapter, .required = 1},
        {"queue", NULL, "leave it to hefu evidence stamp", .flag = &queue},
        {"node", "DIR", "the node's directory (.)", .text = &node},
        {0},
    };
    struct premises p AUTO(premises_clear) = {0};
    struct proof proof AUTO(proof_clear) = {0};
    char dir[FILES_PATH_BYTES];
    status result;

    TRY(cmd_parse(&(struct cmd_line){"hefu evidence deposit", "SESSION|JOB",
                                     "Hand the ids, the final digest and the counts of a session to a notary, and keep the "
                                     "receipt.",
                                     options, {&session}, 1},
                  argc, argv, f));
    TRY(open_premises(&p, node, f));
    TRY(find_session(&p, &i, session, f));
    TRY(session_path(dir, &p, i, f));
    TRY(proof_queue_deposit(dir, adapter, now(), f));
    TRY(proof_read(&proof, dir, PROOF_DEPOSIT, f));
    if (queue) {
        printf("%s deposit: waiting for hefu evidence stamp\n", p.entry[i]->d_name);
        return OK;
    }
    result = ask(&p, i, PROOF_DEPOSIT, &proof, f);
    if (result != OK)
        fault_hint(f, "it waits in the queue: hefu evidence stamp tries again, or deposit it with another adapter");
    return result;
}

/* ---- destroying ---- */

struct kept {
    struct session_papers papers;
    struct session_table table;
    struct keyring *keys;
};

static void kept_free(struct kept **k)
{
    if (!*k)
        return;
    session_papers_clear(&(*k)->papers);
    session_table_clear(&(*k)->table);
    keyring_free((*k)->keys);
    free(*k);
}

static status check_due(const struct contract *c, const char *session, const char *dir, struct fault *f)
{
    const uint64_t due = contract_destroy_after(c);
    char when[CONTRACT_TIME_BYTES];

    if (!has_evidence(dir)) {
        fault_hint(f, "while it runs nothing is destroyed; of a worker that was killed the node destroys what is left");
        return fault_set(f, STATUS_REFUSED, "%s has not ended: it has no evidence yet", session);
    }
    if (now() >= (int64_t)due)
        return OK;
    contract_time_text(when, due);
    fault_hint(f, "every party signed that; from then on this works, and a node that runs does it by itself once a day");
    return fault_set(f, STATUS_REFUSED, "%s is kept until %s, as its contract says", session, when);
}

static status destroy_session(enum retention *what, const struct premises *p, const char *session, const char *dir, struct fault *f)
{
    struct kept *k AUTO(kept_free) = NULL;

    TRY(alloc_zeroed(&k, 1, sizeof *k));
    TRY(session_papers_read(&k->papers, dir, f));
    TRY(session_table_read(&k->table, dir, f));
    TRY(check_due(&k->papers.contract, session, dir, f));
    TRY(keyring_new(&k->keys, p->config->key, p->config->state_dir, f));
    TRY(keyring_add(k->keys, p->config->gm.key, f));
    return retention_settle(what, dir, &k->papers.contract, &k->papers.contract_id, k->table.self, k->table.attempt, k->keys, now(),
                            f);
}

static status run_destroy(int argc, char **argv, struct fault *f)
{
    const char *session = NULL, *node = ".";
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &node},
        {0},
    };
    struct premises p AUTO(premises_clear) = {0};
    enum retention what = RETENTION_KEPT;
    char dir[FILES_PATH_BYTES];
    int i = 0;

    TRY(cmd_parse(&(struct cmd_line){"hefu evidence destroy", "SESSION|JOB",
                                     "Destroy the seed and the bodies of a session when its contract says so, and sign that. "
                                     "After that nobody can replay it.",
                                     options, {&session}, 1},
                  argc, argv, f));
    TRY(open_premises(&p, node, f));
    TRY(find_session(&p, &i, session, f));
    TRY(session_path(dir, &p, i, f));
    TRY(destroy_session(&what, &p, p.entry[i]->d_name, dir, f));
    printf("%s: seed and bodies %s destroyed; hefu evidence export adds the signed statement\n", p.entry[i]->d_name,
           what == RETENTION_DESTROYED ? "are" : "were already");
    return OK;
}

status cmd_evidence(int argc, char **argv, struct fault *f)
{
    static const struct cmd actions[] = {
        {"list", "the sessions, and what outsiders said of them", run_list},
        {"export", "write the evidence file of a session", run_export},
        {"stamp", "fetch timestamps and deposits that wait", run_stamp},
        {"deposit", "hand a session to a notary", run_deposit},
        {"destroy", "destroy what replays a session, when its contract says so", run_destroy},
        {0},
    };

    return cmd_dispatch("hefu evidence", "What this node has to show of its sessions.", actions, argc, argv, f);
}
