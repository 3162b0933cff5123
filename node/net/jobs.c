#include "node/net/jobs_internal.h"

#include "node/local/session_files.h"
#include "node/local/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ID_SHOWN = 16, SWEEP_S = 86400 };

void jobs_unlock(pthread_mutex_t **m)
{
    pthread_mutex_unlock(*m);
}

void jobs_release_json(json_t **v)
{
    json_decref(*v);
}

uint32_t jobs_count(const json_t *object, const char *field)
{
    json_int_t v = json_integer_value(json_object_get(object, field));

    return v > 0 && v <= UINT32_MAX ? (uint32_t)v : 0;
}

const char *jobs_text(const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));

    return text ? text : "";
}

void jobs_note(struct jobs *j, const char *job, const struct fault *f)
{
    (void)!store_note(j->c.store, job, "node", f->message, NULL);
    if (j->c.log)
        j->c.log(f->message);
}

static void note_untold(void *node, const struct fault *f)
{
    jobs_note(node, "", f);
}

static int64_t system_clock(void)
{
    return (int64_t)time(NULL);
}

status jobs_session_dir(char out[FILES_PATH_BYTES], const char *state_dir, const char *id, uint32_t attempt,
                        enum stage stage, struct fault *f)
{
    char name[SESSION_NAME_BYTES], path[SESSION_NAME_BYTES + 16];

    session_name(name, id, attempt, stage);
    snprintf(path, sizeof path, "sessions/%s", name);
    return files_join(out, state_dir, path, f);
}

/* ---- what is stored of a job ---- */

status jobs_load_contract(struct contract **out, struct hash *id, struct jobs *j, const char *job, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    struct contract *k AUTO(auto_free) = NULL;

    TRY(store_get_paper(j->c.store, job, PAPER_CONTRACT, &bytes, &len, f));
    TRY(alloc_zeroed(&k, 1, sizeof *k));
    TRY(contract_decode(k, bytes, len, f));
    TRY(contract_id(id, k));
    *out = k;
    k = NULL;
    return OK;
}

status jobs_load_json(json_t **out, struct jobs *j, const char *job, enum job_paper kind, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    *out = NULL;
    TRY(store_get_paper(j->c.store, job, kind, &bytes, &len, f));
    if (len)
        *out = json_loadb((const char *)bytes, len, 0, NULL);
    return OK;
}

/* The job that a request means, if the caller may see it. */
status jobs_find(struct store_job *out, struct jobs *j, const struct control_caller *who, const json_t *request,
                 struct fault *f)
{
    const char *id = NULL;

    TRY(control_text(&id, request, "job", f));
    TRY(store_get_job(j->c.store, out, id, f));
    if (who->role == CONTROL_COORDINATOR && strcmp(out->proposer, who->name) != 0) {
        *out = (struct store_job){0};
        fault_hint(f, "hefu jobs lists them");
        return fault_set(f, STATUS_USAGE, "no job %.64s is known here", id);
    }
    return OK;
}

status jobs_tell_state(json_t *answer, const struct jobs *j, const char *id, struct fault *f)
{
    struct store_job job;
    char word[32];

    TRY(store_get_job(j->c.store, &job, id, f));
    snprintf(word, sizeof word, "%s", job_state_name(job.state));
    for (char *c = word; *c; c++)
        *c = *c == ' ' ? '_' : *c;
    if (json_object_set_new(answer, "state", json_string(word)) ||
        json_object_set_new(answer, "job", json_stringn(job.id, ID_SHOWN)))
        return STATUS_NO_MEMORY;
    return OK;
}

/* ---- questions ---- */

static status op_hello(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                       struct fault *f)
{
    struct jobs *j = node;
    struct store_table *tables AUTO(auto_free) = NULL;
    size_t count = 0;
    json_t *names = NULL, *peers = j->c.workers.peers(j->c.workers.ctx);

    (void)request;
    json_object_set_new(answer, "name", json_string(j->c.node->name));
    json_object_set_new(answer, "version", json_string(HEFU_VERSION));
    json_object_set_new(answer, "jobs_running", json_integer(j->c.workers.running(j->c.workers.ctx)));
    json_object_set_new(answer, "peers", peers ? peers : json_array());
    if (who->role != CONTROL_OPERATOR)
        return OK;
    TRY(store_list_tables(j->c.store, &tables, &count, f));
    names = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(names, json_string(tables[i].name));
    return json_object_set_new(answer, "tables", names) ? STATUS_NO_MEMORY : OK;
}

/* Of the progress, or its last picture. */
static void add_progress(json_t *answer, struct jobs *j, const struct store_job *job, const json_t *ended)
{
    json_t *live AUTO(jobs_release_json) =
        job->state == JOB_RUNNING ? j->c.workers.progress(j->c.workers.ctx, job->id) : NULL;
    json_t *progress = live ? live : json_object_get(ended, "progress");

    if (json_is_object(progress))
        json_object_update_missing(answer, progress);
}

static status add_papers(json_t *answer, struct jobs *j, const struct store_job *job, struct fault *f)
{
    uint8_t *contract AUTO(auto_free) = NULL, *approval AUTO(auto_free) = NULL;
    size_t contract_len = 0, approval_len = 0;

    TRY(store_get_paper(j->c.store, job->id, PAPER_CONTRACT, &contract, &contract_len, f));
    if (job->state == JOB_APPROVED || job->state == JOB_RUNNING || job->state == JOB_DONE || job->state == JOB_PREPARED)
        TRY(store_get_approval(j->c.store, job->id, job->attempt,
                               job->state == JOB_PREPARED ? STAGE_ONLINE : job->stage, j->c.node->name, &approval,
                               &approval_len, f));
    json_object_set_new(answer, "contract", control_hex(contract, contract_len));
    json_object_set_new(answer, "approval", approval ? control_hex(approval, approval_len) : json_null());
    return OK;
}

/* What the offline session of the job's attempt left, if it had one. */
static status add_preparation(json_t *answer, struct jobs *j, const struct store_job *job, struct fault *f)
{
    struct contract *k AUTO(auto_free) = NULL;
    struct store_preparation p;
    struct hash id;
    json_t *told;

    if (store_get_preparation(j->c.store, &p, job->id, job->attempt, NULL) != OK)
        return OK;
    TRY(jobs_load_contract(&k, &id, j, job->id, f));
    told = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "name", p.name, "made", (json_int_t)p.made, "expires",
                     (json_int_t)k->not_after, "rows", (json_int_t)p.rows, "bytes", (json_int_t)p.bytes, "spent",
                     (json_int_t)(p.spent / 1000));
    return json_object_set_new(answer, "preparation", told) ? STATUS_NO_MEMORY : OK;
}

/* The words of a failure, as written down when it happened, and as much of them as the caller may read. */
static void add_error(json_t *answer, const struct store_job *job, const json_t *ended, const struct control_caller *who)
{
    const json_t *told = json_object_get(ended, "error");
    struct fault f = {0};
    json_t *error = json_null();

    f.code = job->state == JOB_REFUSED ? STATUS_REFUSED : job->state == JOB_CANCELLED ? STATUS_CANCELLED : STATUS_IO;
    if (strcmp(jobs_text(told, "message"), job->error) != 0)
        told = NULL;
    else if (told)
        f.code = control_status_named(jobs_text(told, "code"));
    snprintf(f.message, sizeof f.message, "%s", job->error);
    snprintf(f.hint, sizeof f.hint, "%s", job->hint);
    if (who->role != CONTROL_OPERATOR)
        control_fault_hide(&f);
    if (job->state == JOB_FAILED || job->state == JOB_REFUSED || job->state == JOB_CANCELLED) {
        error = control_fault_json(&f);
        if (jobs_text(told, "blamed")[0])
            json_object_set(error, "blamed", json_object_get(told, "blamed"));
    }
    json_object_set_new(answer, "reason", json_string(f.message));
    json_object_set_new(answer, "error", error);
}

static status op_job(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                     struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    json_t *ended AUTO(jobs_release_json) = NULL, *prepared AUTO(jobs_release_json) = NULL, *result;

    HOLD(j);
    TRY(jobs_find(&job, j, who, request, f));
    TRY(jobs_load_json(&ended, j, job.id, PAPER_RESULT, f));
    TRY(jobs_tell_state(answer, j, job.id, f));
    json_object_set_new(answer, "name", json_string(job.name));
    json_object_set_new(answer, "coordinator", json_string(job.proposer));
    json_object_set_new(answer, "attempt", json_integer(job.attempt));
    json_object_set_new(answer, "session", json_string(stage_name(job.stage)));
    json_object_set_new(answer, "updated", json_integer(job.updated / 1000));
    add_error(answer, &job, ended, who);
    if (job.state == JOB_PREPARED)
        TRY(jobs_load_json(&prepared, j, job.id, PAPER_PREPARED, f));
    result = job.state == JOB_DONE ? json_object_get(ended, "result") : prepared;
    json_object_set_new(answer, "result", result ? json_incref(result) : json_null());
    add_progress(answer, j, &job, ended);
    TRY(add_preparation(answer, j, &job, f));
    if (who->role == CONTROL_OPERATOR)
        TRY(jobs_tell_signatures(answer, j, &job, f));
    return add_papers(answer, j, &job, f);
}

static status op_jobs(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                      struct fault *f)
{
    struct jobs *j = node;
    struct store_job *list AUTO(auto_free) = NULL;
    size_t count = 0;
    json_t *jobs = json_array();

    (void)request;
    HOLD(j);
    if (!jobs || json_object_set_new(answer, "jobs", jobs))
        return STATUS_NO_MEMORY;
    TRY(store_list_jobs(j->c.store, &list, &count, f));
    for (size_t i = 0; i < count; i++) {
        json_t *item;

        if (who->role == CONTROL_COORDINATOR && strcmp(list[i].proposer, who->name) != 0)
            continue;
        item = json_object();
        if (!item || json_array_append_new(jobs, item) != 0)
            return STATUS_NO_MEMORY;
        TRY(jobs_tell_state(item, j, list[i].id, f));
        json_object_set_new(item, "name", json_string(list[i].name));
        json_object_set_new(item, "coordinator", json_string(list[i].proposer));
        json_object_set_new(item, "attempt", json_integer(list[i].attempt));
        json_object_set_new(item, "session", json_string(stage_name(list[i].stage)));
        if (list[i].state == JOB_PREPARED)
            TRY(add_preparation(item, j, &list[i], f));
        json_object_set_new(item, "updated", json_integer(list[i].updated / 1000));
        add_progress(item, j, &list[i], NULL);
    }
    return OK;
}

/* ---- begin, end, time ---- */

/* Jobs in this state fail for this reason when they are older than that (0: all). */
static void fail_jobs(struct jobs *j, enum job_state state, int64_t older_ms, const struct fault *why)
{
    struct store_job *list AUTO(auto_free) = NULL;
    size_t count = 0;

    if (store_list_jobs(j->c.store, &list, &count, NULL) != OK)
        return;
    for (size_t i = 0; i < count; i++) {
        if (list[i].state == state && (!older_ms || list[i].updated < older_ms))
            jobs_end(j, list[i].id, why, NULL, NULL, NULL);
    }
}

static int has_ended(enum job_state state)
{
    return state == JOB_DONE || state == JOB_FAILED || state == JOB_REFUSED || state == JOB_CANCELLED;
}

/* A job's end and its files are two things: what a crash left of the second is removed when the node starts; and secrets that
 * were kept go when the contract says so. */
static void drop_leftovers(struct jobs *j)
{
    struct store_job *list AUTO(auto_free) = NULL;
    size_t count = 0;

    j->swept = j->c.clock();
    if (store_list_jobs(j->c.store, &list, &count, NULL) != OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (has_ended(list[i].state))
            jobs_drop_files(j, &list[i]);
}

/* A preparation is worth nothing when its contract's window is over. */
static void expire_prepared(struct jobs *j)
{
    struct store_job *list AUTO(auto_free) = NULL;
    struct fault late = {.code = STATUS_TIMEOUT, .message = "it was prepared, but not trained before the window of its "
                         "contract was over", .hint = "propose the job again; window_hours in the job file sets how long"};
    size_t count = 0;

    if (store_list_jobs(j->c.store, &list, &count, NULL) != OK)
        return;
    for (size_t i = 0; i < count; i++) {
        struct contract *k AUTO(auto_free) = NULL;
        struct hash id;

        if (list[i].state == JOB_PREPARED && jobs_load_contract(&k, &id, j, list[i].id, NULL) == OK &&
            (int64_t)k->not_after < j->c.clock())
            jobs_end(j, list[i].id, &late, NULL, NULL, NULL);
    }
}

void jobs_expire(struct jobs *j)
{
    uint32_t approval_s = j->c.node->deadlines.approval_s;
    int64_t older_ms = (j->c.clock() - (int64_t)approval_s) * 1000;
    struct fault unapproved = {.code = STATUS_TIMEOUT}, unstarted = {.code = STATUS_TIMEOUT};

    snprintf(unapproved.message, sizeof unapproved.message, "nobody at %s approved or refused it within %u s",
             j->c.node->name, approval_s);
    snprintf(unapproved.hint, sizeof unapproved.hint, "deadlines.approval_s in node.yaml sets how long to wait");
    snprintf(unstarted.message, sizeof unstarted.message, "%s approved it, but it was not started within %u s",
             j->c.node->name, approval_s);
    snprintf(unstarted.hint, sizeof unstarted.hint,
             "perhaps another party did not approve, or the coordinator stopped: propose the job again");
    HOLD(j);
    fail_jobs(j, JOB_PROPOSED, older_ms, &unapproved);
    fail_jobs(j, JOB_AWAITING_APPROVAL, older_ms, &unapproved);
    fail_jobs(j, JOB_APPROVED, older_ms, &unstarted);
    expire_prepared(j);
    if (j->c.clock() - j->swept >= SWEEP_S)
        drop_leftovers(j);
}

static void clear_identities(struct jobs_identity identity[SUITE_GM1 + 1])
{
    for (enum suite s = SUITE_INT1; s <= SUITE_GM1; s++) {
        certificate_clear(&identity[s].certificate);
        free(identity[s].pem);
        identity[s].pem = NULL;
    }
}

static status load_identity(struct jobs_identity *out, const struct jobs *j, enum suite s, struct fault *f)
{
    const struct config_identity files = config_identity(j->c.node, s);
    const struct sign_public *key = keyring_public(j->c.keys, s);
    struct certificate *own = &out->certificate;
    uint8_t *pem = NULL;
    size_t len = 0;

    if (!files.certificate[0])
        return OK;
    TRY(certificate_load(own, files.certificate, f));
    TRY(files_read(&pem, &len, files.certificate, CERTIFICATE_BYTES_MAX, f));
    out->pem = (char *)pem;
    if (strcmp(own->name, j->c.node->name) != 0)
        return fault_set(f, STATUS_CONFIG, "%s is the certificate of %s, the node's name is %s", files.certificate, own->name,
                         j->c.node->name);
    if (own->role != ROLE_NODE)
        return fault_set(f, STATUS_CONFIG, "%s is the certificate of a %s, a node needs one of a node", files.certificate,
                         certificate_role_name(own->role));
    if (sign_public_suite(&own->key) != s) {
        fault_hint(f, "the sm2 certificate of a node belongs under gm in node.yaml, and only there");
        return fault_set(f, STATUS_CONFIG, "%s holds a key of the other kind", files.certificate);
    }
    if (!key || memcmp(own->key.bytes, key->bytes, SIGN_PUBLIC_BYTES) != 0)
        return fault_set(f, STATUS_CONFIG, "%s does not belong to %s", files.key, files.certificate);
    return OK;
}

status jobs_reload(struct jobs *j, struct fault *f)
{
    struct jobs_identity fresh[SUITE_GM1 + 1] = {0};
    status result = OK;

    for (enum suite s = SUITE_INT1; s <= SUITE_GM1 && result == OK; s++)
        result = load_identity(&fresh[s], j, s, f);
    if (result == OK) {
        HOLD(j);
        clear_identities(j->identity);
        memcpy(j->identity, fresh, sizeof fresh);
    } else {
        clear_identities(fresh);
    }
    return result;
}

status jobs_open(struct jobs **out, const struct jobs_config *config, struct fault *f)
{
    struct jobs *j = NULL;
    const struct fault restarted = {.code = STATUS_IO,
                                    .message = "this node restarted while the job was running",
                                    .hint = "approve it again for another attempt, or propose it anew"};
    status result;

    TRY(alloc_zeroed(&j, 1, sizeof *j));
    j->c = *config;
    if (!j->c.clock)
        j->c.clock = system_clock;
    pthread_mutex_init(&j->lock, NULL);
    j->ops = (struct control_ops){
        .node = j,
        .log = note_untold,
        .op = {[CONTROL_HELLO] = op_hello,
               [CONTROL_PROPOSE] = jobs_op_propose,
               [CONTROL_CONTRACT] = jobs_op_contract,
               [CONTROL_JOB] = op_job,
               [CONTROL_START] = jobs_op_start,
               [CONTROL_CANCEL] = jobs_op_cancel,
               [CONTROL_JOBS] = op_jobs,
               [CONTROL_APPROVE] = jobs_op_approve,
               [CONTROL_REFUSE] = jobs_op_refuse,
               [CONTROL_EXPLAIN] = jobs_op_explain}};
    result = jobs_reload(j, f);
    if (result != OK) {
        jobs_close(j);
        return result;
    }
    fail_jobs(j, JOB_RUNNING, 0, &restarted);
    drop_leftovers(j);
    *out = j;
    return OK;
}

void jobs_close(struct jobs *j)
{
    if (!j)
        return;
    for (uint32_t i = 0; i < OFFERS_MAX; i++)
        jobs_clear_offer(&j->offer[i]);
    clear_identities(j->identity);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

const struct control_ops *jobs_control(const struct jobs *j)
{
    return &j->ops;
}
