#include "node/net/jobs_internal.h"

#include "node/local/policy.h"
#include "node/local/session_files.h"

#include <stdio.h>
#include <string.h>

/* Under the lock.  The state and, in the paper, what the state alone does not tell. */
void jobs_end(struct jobs *j, const char *id, const struct fault *why, const char *blamed, const json_t *progress,
              const json_t *result)
{
    enum job_state state = why->code == OK ? JOB_DONE : why->code == STATUS_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
    json_t *error = why->code == OK ? json_null() : control_fault_json(why);
    json_t *all AUTO(jobs_release_json) = NULL;
    char *text AUTO(auto_free) = NULL;

    if (blamed && blamed[0])
        json_object_set_new(error, "blamed", json_string(blamed));
    all = json_pack("{s:o, s:O?, s:O?}", "error", error, "progress", progress, "result", result);
    text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    if (text)
        (void)!store_put_paper(j->c.store, id, PAPER_RESULT, text, strlen(text), NULL);
    (void)!store_set_state(j->c.store, id, state, "node", why->code == OK ? NULL : why, NULL);
}

/* The approvals of a request: one of each party, all of them for this contract and attempt, our own as we gave it. */
static status read_approvals(uint8_t *out, struct jobs *j, const struct store_job *job, const struct contract *k,
                             const struct hash *id, const json_t *list, struct fault *f)
{
    party self = contract_party_named(k, j->c.node->name);
    uint8_t *own AUTO(auto_free) = NULL;
    size_t own_len = 0;

    if (json_array_size(list) != k->parties)
        return fault_set(f, STATUS_USAGE, "the request does not hold an approval of each party");
    TRY(store_get_approval(j->c.store, job->id, job->attempt, j->c.node->name, &own, &own_len, f));
    for (party p = 0; p < k->parties; p++) {
        uint8_t *bytes AUTO(auto_free) = NULL;
        size_t len = 0;
        struct approval a;

        TRY(control_bytes(&bytes, &len, json_array_get(list, p), "approvals", APPROVAL_BYTES, f));
        if (len != APPROVAL_BYTES || approval_decode(&a, bytes) != OK || a.who != p ||
            approval_check(&a, k, id) != OK)
            return fault_set(f, STATUS_UNTRUSTED, "the approval of %s does not verify", k->party[p].name);
        if (a.attempt != job->attempt)
            return fault_set(f, STATUS_REFUSED, "%s approved attempt %u, %s is at attempt %u", k->party[p].name, a.attempt,
                             j->c.node->name, job->attempt);
        if (p == self && (own_len != len || memcmp(own, bytes, len) != 0))
            return fault_set(f, STATUS_UNTRUSTED, "the approval of %s is not the one it gave", j->c.node->name);
        memcpy(out + (size_t)p * APPROVAL_BYTES, bytes, APPROVAL_BYTES);
    }
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

    HOLD(j);
    TRY(jobs_find(&job, j, who, request, f));
    if (job.state == JOB_RUNNING)
        return jobs_tell_state(answer, j, job.id, f);
    if (job.state != JOB_APPROVED)
        return fault_set(f, STATUS_REFUSED, "job %.16s is %s at %s and cannot start", job.id,
                         job_state_name(job.state), j->c.node->name);
    TRY(jobs_load_contract(&k, &id, j, job.id, f));
    TRY(policy_check_window(k, j->c.clock(), f));
    TRY(read_approvals(approvals, j, &job, k, &id, json_object_get(request, "approvals"), f));
    TRY(jobs_session_dir(dir, j->c.node->state_dir, job.id, job.attempt, f));
    TRY(files_join(path, dir, "approvals", f));
    TRY(files_write(path, approvals, (size_t)k->parties * APPROVAL_BYTES, 0600, f));
    TRY(store_set_state(j->c.store, job.id, JOB_RUNNING, who->name, NULL, f));
    {
        struct jobs_attempt attempt = {.id = job.id,
                                       .session_dir = dir,
                                       .contract = k,
                                       .contract_id = id,
                                       .self = contract_party_named(k, j->c.node->name),
                                       .attempt = job.attempt};
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
    if (job.state == JOB_RUNNING)
        j->c.workers.cancel(j->c.workers.ctx, job.id, &why); /* the state follows when the worker has ended */
    else if (job.state != JOB_CANCELLED)
        TRY(store_set_state(j->c.store, job.id, JOB_CANCELLED, who->name, &why, f));
    return jobs_tell_state(answer, j, job.id, f);
}

void jobs_ended(struct jobs *j, const char *id, const struct fault *why, const char *blamed, const json_t *progress,
                const json_t *result)
{
    HOLD(j);
    jobs_end(j, id, why, blamed, progress, result);
}
