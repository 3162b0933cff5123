#include "node/net/jobs_internal.h"

#include "node/local/policy.h"
#include "node/local/preparation_file.h"
#include "node/local/retention.h"

#include <stdio.h>
#include <string.h>

/* The summary of an online session knows nothing of the offline one: add it. */
static void add_offline(json_t *result, struct jobs *j, const char *id)
{
    json_t *prepared AUTO(jobs_release_json) = NULL;
    json_t *seconds;

    if (jobs_load_json(&prepared, j, id, PAPER_PREPARED, NULL) != OK)
        return;
    seconds = json_object_get(prepared, "seconds_offline");
    if (seconds)
        json_object_set(result, "seconds_offline", seconds);
}

static void write_paper(struct jobs *j, const char *id, enum job_paper kind, const json_t *value)
{
    char *text AUTO(auto_free) = value ? json_dumps(value, JSON_COMPACT) : NULL;

    if (text)
        (void)!store_put_paper(j->c.store, id, kind, text, strlen(text), NULL);
}

static void drop_preparation(struct jobs *j, const struct store_job *job)
{
    char dir[FILES_PATH_BYTES];
    struct fault f = {0};

    if (jobs_session_dir(dir, j->c.node->state_dir, job->id, job->attempt, STAGE_OFFLINE, &f) != OK ||
        preparation_file_destroy(dir, &f) != OK)
        jobs_note(j, job->id, &f);
}

static void settle_session(struct jobs *j, const struct store_job *job, const struct contract *k, const struct hash *id,
                           uint32_t attempt, enum stage stage)
{
    static const char *const said[] = {
        [RETENTION_SEALED] = "seed and start of this session are sealed to the auditor; the node's own copies are destroyed",
        [RETENTION_DESTROYED] = "seed and bodies of this session are destroyed, as its contract says"};
    enum retention what;
    char dir[FILES_PATH_BYTES];
    struct fault f = {0};

    if (jobs_session_dir(dir, j->c.node->state_dir, job->id, attempt, stage, &f) != OK ||
        retention_settle(&what, dir, k, id, contract_party_named(k, j->c.node->name), attempt, j->c.keys, j->c.clock(), &f) != OK)
        jobs_note(j, job->id, &f);
    else if (said[what])
        (void)!store_note(j->c.store, job->id, "node", said[what], NULL);
}

/* "sealed to the auditor" and "destroyed after the session": here and not in the worker, which may be killed.  Of every stage: an
 * offline session's secrets make its preparation again. */
static void settle_secrets(struct jobs *j, const struct store_job *job)
{
    struct contract *k AUTO(auto_free) = NULL;
    struct hash id;

    if (jobs_load_contract(&k, &id, j, job->id, NULL) != OK)
        return;
    for (uint32_t attempt = 0; attempt <= job->attempt; attempt++)
        for (int stage = STAGE_WHOLE; stage <= STAGE_ONLINE; stage++)
            settle_session(j, job, k, &id, attempt, (enum stage)stage);
}

void jobs_drop_files(struct jobs *j, const struct store_job *job)
{
    if (job->stage != STAGE_WHOLE)
        drop_preparation(j, job);
    settle_secrets(j, job);
}

/* The offline session ended well: write down what it left, and approve the session that will use it. */
static status take_preparation(struct jobs *j, const struct store_job *job, const json_t *result, struct fault *f)
{
    struct store_preparation p = {.made = j->c.clock(), .rows = jobs_count(result, "rows_aligned"),
                                  .bytes = (uint64_t)json_integer_value(json_object_get(result, "preparation_bytes"))};
    json_t *told AUTO(jobs_release_json) = json_deep_copy(result); /* all but the table's hash, which is nobody else's */
    const char *table = jobs_text(result, "preparation_table");
    struct contract *k AUTO(auto_free) = NULL;
    uint8_t *name AUTO(auto_free) = NULL;
    struct hash id, preparation;
    size_t len = 0;

    json_object_del(told, "preparation_table");

    TRY(control_bytes(&name, &len, json_object_get(result, "preparation"), "preparation", HASH_BYTES, f));
    if (len != HASH_BYTES)
        return fault_set(f, STATUS_IO, "the worker of this job did not name what it prepared");
    memcpy(preparation.bytes, name, HASH_BYTES);
    hash_hex(&preparation, p.name);
    TRY(jobs_load_contract(&k, &id, j, job->id, f));
    TRY(store_put_paper(j->c.store, job->id, PAPER_TABLE, table, strlen(table), f));
    TRY(store_add_preparation(j->c.store, job->id, job->attempt, &p, f));
    settle_secrets(j, job);
    TRY(jobs_approve_session(j, job, k, &id, STAGE_ONLINE, &preparation, f));
    write_paper(j, job->id, PAPER_PREPARED, told);
    return store_set_state(j->c.store, job->id, JOB_PREPARED, "node", NULL, f);
}

/* Under the lock.  The state and, in the paper, what the state alone does not tell. */
void jobs_end(struct jobs *j, const char *id, const struct fault *why, const char *blamed, const json_t *progress,
              const json_t *result)
{
    struct store_job job;
    struct fault own = {0};
    json_t *error, *known AUTO(jobs_release_json) = result ? json_deep_copy(result) : NULL;
    json_t *all AUTO(jobs_release_json) = NULL;

    if (store_get_job(j->c.store, &job, id, NULL) != OK)
        return;
    if (job.stage == STAGE_ONLINE && known)
        add_offline(known, j, job.id);
    if (job.stage == STAGE_OFFLINE && why->code == OK) {
        if (take_preparation(j, &job, result, &own) == OK)
            return;
        why = &own;
    }
    jobs_drop_files(j, &job); /* before the end is written down: after a crash between the two it is tried again */
    error = why->code == OK ? json_null() : control_fault_json(why);
    if (blamed && blamed[0])
        json_object_set_new(error, "blamed", json_string(blamed));
    all = json_pack("{s:o, s:O?, s:O?}", "error", error, "progress", progress, "result", known);
    write_paper(j, job.id, PAPER_RESULT, all);
    (void)!store_set_state(j->c.store, job.id,
                           why->code == OK                 ? JOB_DONE
                           : why->code == STATUS_CANCELLED ? JOB_CANCELLED
                                                           : JOB_FAILED,
                           "node", why->code == OK ? NULL : why, NULL);
}

/* The approvals of a request: one of each party, all of them for this contract, attempt and stage, on the preparation that
 * we hold, our own as we gave it. */
static status read_approvals(uint8_t *out, struct jobs *j, const struct store_job *job, const struct contract *k,
                             const struct hash *id, const json_t *list, struct fault *f)
{
    party self = contract_party_named(k, j->c.node->name);
    uint8_t *own AUTO(auto_free) = NULL;
    struct approval ours = {0};
    size_t own_len = 0;

    if (json_array_size(list) != k->parties)
        return fault_set(f, STATUS_USAGE, "the request does not hold an approval of each party");
    TRY(store_get_approval(j->c.store, job->id, job->attempt, job->stage, j->c.node->name, &own, &own_len, f));
    if (own_len != APPROVAL_BYTES || approval_decode(&ours, own) != OK)
        return fault_set(f, STATUS_REFUSED, "%s has not approved job %.16s", j->c.node->name, job->id);
    for (party p = 0; p < k->parties; p++) {
        uint8_t *bytes AUTO(auto_free) = NULL;
        size_t len = 0;
        struct approval a;
        status signature = STATUS_UNTRUSTED;

        TRY(control_bytes(&bytes, &len, json_array_get(list, p), "approvals", APPROVAL_BYTES, f));
        if (len == APPROVAL_BYTES && approval_decode(&a, bytes) == OK && a.who == p)
            signature = approval_check(&a, k, id);
        if (signature == STATUS_NO_MEMORY)
            return signature;
        if (signature != OK)
            return fault_set(f, STATUS_UNTRUSTED, "the approval of %s does not verify", k->party[p].name);
        if (a.attempt != job->attempt || a.stage != ours.stage)
            fault_hint(f, "perhaps it was prepared at some parties and failed at others: hefu job cancel %.16s ends it everywhere, "
                       "then propose it again", job->id);
        if (a.attempt != job->attempt)
            return fault_set(f, STATUS_REFUSED, "%s approved attempt %u, %s is at attempt %u", k->party[p].name, a.attempt,
                             j->c.node->name, job->attempt);
        if (a.stage != ours.stage)
            return fault_set(f, STATUS_REFUSED, "%s approved the %s session of the attempt, %s the %s one", k->party[p].name,
                             stage_name(a.stage), j->c.node->name, stage_name(ours.stage));
        if (!hash_equal(&a.preparation, &ours.preparation)) {
            fault_hint(f, "perhaps its state was restored from a backup; propose the job again");
            return fault_set(f, STATUS_REFUSED, "%s stands on another preparation than %s", k->party[p].name,
                             j->c.node->name);
        }
        if (p == self && (own_len != len || memcmp(own, bytes, len) != 0))
            return fault_set(f, STATUS_UNTRUSTED, "the approval of %s is not the one it gave", j->c.node->name);
        memcpy(out + (size_t)p * APPROVAL_BYTES, bytes, APPROVAL_BYTES);
    }
    return OK;
}

/* As far as this can be said before the rows common to all are read from the preparation. */
static status check_labels(const struct dataset *data, const struct contract *k, struct fault *f)
{
    uint32_t positives = 0;

    if (!data->label)
        return OK;
    for (uint32_t i = 0; i < data->rows; i++)
        positives += data->label[i];
    if (positives >= k->min_positives && data->rows - positives >= k->min_positives)
        return OK;
    fault_hint(f, "bring more rows with a label; the preparation stays");
    return fault_set(f, STATUS_LIMIT, "the table holds fewer than %u positives or negatives", k->min_positives);
}

static status check_table(struct jobs *j, const struct store_job *job, const struct contract *k, const char *prepared,
                          struct fault *f)
{
    struct session_table t AUTO(session_table_clear) = {0};
    struct dataset data AUTO(dataset_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    char dir[FILES_PATH_BYTES], hex[2 * HASH_BYTES + 1];
    struct hash hash;

    TRY(jobs_session_dir(dir, j->c.node->state_dir, job->id, job->attempt, STAGE_ONLINE, f));
    TRY(session_table_read(&t, dir, f));
    TRY(session_table_open(&data, &notes, &t, k, f));
    preparation_table(&hash, k->suite, &data);
    hash_hex(&hash, hex);
    if (strcmp(hex, prepared) != 0) {
        fault_hint(f, "only labels may change after a preparation, which stays; put the file back, or propose the job again");
        return fault_set(f, STATUS_CONFIG, "the table has changed since it was prepared: its ids, its codes or its list of test "
                         "rows are others");
    }
    return check_labels(&data, k, f);
}

/* A preparation is used up by what is wrong with a table as well as by a training: look first, and not under the lock, for it
 * may take seconds. */
static status check_before_use(struct jobs *j, const struct control_caller *who, const json_t *request, struct fault *f)
{
    struct store_job job;
    struct contract *k AUTO(auto_free) = NULL;
    uint8_t *prepared AUTO(auto_free) = NULL;
    char hex[2 * HASH_BYTES + 1] = "";
    struct hash id;
    size_t len = 0;

    {
        HOLD(j);
        TRY(jobs_find(&job, j, who, request, f));
        if (job.state != JOB_PREPARED || (!json_is_true(json_object_get(request, "check")) && !strcmp(j->checked, job.id)))
            return OK;
        TRY(jobs_load_contract(&k, &id, j, job.id, f));
        TRY(store_get_paper(j->c.store, job.id, PAPER_TABLE, &prepared, &len, f));
    }
    if (len < sizeof hex)
        memcpy(hex, prepared, len);
    TRY(check_table(j, &job, k, hex, f));
    HOLD(j);
    memcpy(j->checked, job.id, sizeof j->checked);
    return OK;
}

status jobs_op_start(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                     struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    struct contract *k AUTO(auto_free) = NULL;
    struct hash id;
    uint8_t approvals[PARTIES_MAX * APPROVAL_BYTES];
    char dir[FILES_PATH_BYTES], path[FILES_PATH_BYTES];

    TRY(check_before_use(j, who, request, f));
    HOLD(j);
    TRY(jobs_find(&job, j, who, request, f));
    if (job.state == JOB_RUNNING)
        return jobs_tell_state(answer, j, job.id, f);
    if (job.state == JOB_PREPARED)
        job.stage = STAGE_ONLINE;
    else if (job.state != JOB_APPROVED)
        return fault_set(f, STATUS_REFUSED, "job %.16s is %s at %s and cannot start", job.id,
                         job_state_name(job.state), j->c.node->name);
    TRY(jobs_load_contract(&k, &id, j, job.id, f));
    TRY(policy_check_window(k, j->c.clock(), f));
    TRY(jobs_check_parties(j, job.id, k, f));
    TRY(read_approvals(approvals, j, &job, k, &id, json_object_get(request, "approvals"), f));
    if (json_is_true(json_object_get(request, "check")))
        return jobs_tell_state(answer, j, job.id, f);
    TRY(jobs_session_dir(dir, j->c.node->state_dir, job.id, job.attempt, job.stage, f));
    TRY(files_join(path, dir, "approvals", f));
    TRY(files_write(path, approvals, (size_t)k->parties * APPROVAL_BYTES, 0600, f));
    j->checked[0] = '\0';
    if (job.stage == STAGE_ONLINE) /* from here on it is used up, whatever happens  [SPEC 2.5.4] */
        TRY(store_spend_preparation(j->c.store, job.id, job.attempt, who->name, f));
    else
        TRY(store_set_state(j->c.store, job.id, JOB_RUNNING, who->name, NULL, f));
    {
        struct jobs_attempt attempt = {.id = job.id,
                                       .session_dir = dir,
                                       .contract = k,
                                       .contract_id = id,
                                       .self = contract_party_named(k, j->c.node->name),
                                       .attempt = job.attempt,
                                       .stage = job.stage};
        status result = j->c.workers.start(j->c.workers.ctx, &attempt, f);

        if (result != OK) {
            (void)fault_set(f, result, "the worker of this job could not be started");
            jobs_end(j, job.id, f, NULL, NULL, NULL);
            return result;
        }
    }
    return jobs_tell_state(answer, j, job.id, f);
}

status jobs_op_cancel(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                      struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    struct fault why = {.code = STATUS_CANCELLED};

    HOLD(j);
    TRY(jobs_find(&job, j, who, request, f));
    snprintf(why.message, sizeof why.message, "cancelled by %s%s",
             who->role == CONTROL_COORDINATOR ? "the coordinator " : "the operator of ",
             who->role == CONTROL_COORDINATOR ? who->name : j->c.node->name);
    if (job.state == JOB_RUNNING) {
        j->c.workers.cancel(j->c.workers.ctx, job.id, &why); /* the state follows when the worker has ended */
    } else if (job.state != JOB_CANCELLED) {
        if (job.state == JOB_PREPARED)
            jobs_drop_files(j, &job);
        TRY(store_set_state(j->c.store, job.id, JOB_CANCELLED, who->name, &why, f));
    }
    return jobs_tell_state(answer, j, job.id, f);
}

void jobs_ended(struct jobs *j, const char *id, const struct fault *why, const char *blamed, const json_t *progress,
                const json_t *result)
{
    HOLD(j);
    jobs_end(j, id, why, blamed, progress, result);
}
