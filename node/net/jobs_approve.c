#include "node/net/jobs_internal.h"

#include "node/local/commitment.h"
#include "node/local/policy.h"
#include "node/local/session_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static status table_of_proposal(struct session_table *t, const json_t *proposal, struct fault *f)
{
    const json_t *list = json_object_get(proposal, "certificates"), *pem;
    uint8_t *dictionary AUTO(auto_free) = NULL;
    size_t len = 0, i;

    snprintf(t->name, sizeof t->name, "%s", jobs_text(proposal, "table"));
    snprintf(t->path, sizeof t->path, "%s", jobs_text(proposal, "path"));
    snprintf(t->split_path, sizeof t->split_path, "%s", jobs_text(proposal, "split_path"));
    snprintf(t->id_column, sizeof t->id_column, "%s", jobs_text(proposal, "id_column"));
    snprintf(t->label_column, sizeof t->label_column, "%s", jobs_text(proposal, "label_column"));
    t->refuse_duplicates = jobs_count(proposal, "refuse_duplicates");
    json_array_foreach(list, i, pem) {
        if (i == PARTIES_MAX)
            return STATUS_MALFORMED;
        t->certificate[i] = strdup(json_is_string(pem) ? json_string_value(pem) : "");
        if (!t->certificate[i])
            return STATUS_NO_MEMORY;
        t->certificates++;
    }
    TRY(control_bytes(&dictionary, &len, json_object_get(proposal, "dictionary"), "dictionary", STORE_BLOB_MAX, f));
    return dictionary_decode(&t->dictionary, dictionary, len);
}

/* A directory of an earlier attempt is never written over; what an approval left that was cut short is. */
static status check_fresh(const char *dir, const uint8_t *contract, size_t len, struct fault *f)
{
    uint8_t *there AUTO(auto_free) = NULL;
    size_t there_len = 0;
    char path[FILES_PATH_BYTES];

    TRY(files_join(path, dir, "start.sealed", f));
    if (files_exist(path))
        return fault_set(f, STATUS_REFUSED, "%s holds a session that has run already", dir);
    TRY(files_join(path, dir, "contract", f));
    if (!files_exist(path))
        return OK;
    TRY(files_read(&there, &there_len, path, CONTRACT_BYTES_MAX, f));
    if (there_len != len || memcmp(there, contract, len) != 0)
        return fault_set(f, STATUS_REFUSED, "%s belongs to another contract", dir);
    TRY(files_join(path, dir, "seed.sealed", f));
    (void)!unlink(path); /* nobody has seen its card: the approval did not get that far */
    return OK;
}

/* The session directory with everything that is known before the other approvals are. */
static status prepare_session(char dir[FILES_PATH_BYTES], struct jobs *j, const struct store_job *job, enum stage stage,
                              party self, struct fault *f)
{
    struct session_table t AUTO(session_table_clear) = {0};
    json_t *proposal AUTO(jobs_release_json) = NULL;
    uint8_t *contract AUTO(auto_free) = NULL;
    size_t len = 0;
    char path[FILES_PATH_BYTES];

    TRY(jobs_session_dir(dir, j->c.node->state_dir, job->id, job->attempt, stage, f));
    TRY(files_make_directory(dir, f));
    TRY(store_get_paper(j->c.store, job->id, PAPER_CONTRACT, &contract, &len, f));
    TRY(check_fresh(dir, contract, len, f));
    TRY(jobs_load_json(&proposal, j, job->id, PAPER_PROPOSAL, f));
    TRY(table_of_proposal(&t, proposal, f));
    t.self = self;
    t.attempt = job->attempt;
    t.stage = stage;
    TRY(session_table_write(dir, &t, f));
    TRY(files_join(path, dir, "contract", f));
    return files_write(path, contract, len, 0600, f);
}

/* A fresh seed, sealed on disk before its public card is known to anybody; the card, signed. */
static status draw_and_sign(uint8_t out[APPROVAL_BYTES], struct jobs *j, const char *dir, const struct hash *id,
                            enum suite suite, struct approval *a, struct fault *f)
{
    struct rng_key seed AUTO(rng_key_clear) = {.suite = (uint8_t)suite};
    uint8_t to_sign[APPROVAL_SIGNED_BYTES];

    keyring_random(seed.bytes, sizeof seed.bytes);
    TRY(session_secret_create(&seed, "seed", dir, j->c.keys, id, a->attempt, f));
    session_card_of_seed(&a->card, suite, &seed);
    approval_signed_bytes(to_sign, id, a);
    keyring_sign(j->c.keys, &a->signature, suite, APPROVAL_SIGN_TAG, to_sign, sizeof to_sign);
    approval_encode(out, a);
    return OK;
}

/* An online session was approved with its offline one: by the same people, as the node's approval of that one says. */
static status read_offline_approvers(uint8_t **out, size_t *len, struct jobs *j, const struct store_job *job, enum suite suite,
                                     const char *dir, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES];
    struct approval offline;
    struct hash hash;
    size_t approval_len = 0;

    TRY(store_get_approval(j->c.store, job->id, job->attempt, STAGE_OFFLINE, j->c.node->name, &bytes, &approval_len, f));
    if (approval_len != APPROVAL_BYTES || approval_decode(&offline, bytes) != OK)
        return fault_set(f, STATUS_REFUSED, "%s has not approved the offline session of job %.16s", j->c.node->name, job->id);
    TRY(session_offline_dir(path, dir, f));
    TRY(session_beside_read(out, len, path, BESIDE_APPROVERS, f));
    approvers_hash(&hash, suite, *out, *len);
    if (hash_equal(&hash, &offline.approvers))
        return OK;
    fault_hint(f, "perhaps its files were restored from a backup; propose the job again");
    return fault_set(f, STATUS_REFUSED, "the list of who signed for %s before the offline session of job %.16s is %s", j->c.node->name,
                     job->id, *len ? "another by now" : "missing");
}

/* Who signed for this node, beside the approval that says so. */
static status write_approvers(struct hash *out, struct jobs *j, const struct store_job *job, const struct hash *id,
                              enum suite suite, enum stage stage, const char *dir, struct fault *f)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    uint8_t *offline AUTO(auto_free) = NULL;
    struct approvers people;
    size_t len = 0;

    if (stage == STAGE_ONLINE) {
        TRY(read_offline_approvers(&offline, &len, j, job, suite, dir, f));
        wire_put_bytes(&w, offline, len);
    } else {
        TRY(jobs_list_approvers(&people, j, job->id, id, job->attempt, f));
        if (people.count)
            approvers_encode(&w, &people);
    }
    TRY(wire_writer_status(&w));
    approvers_hash(out, suite, w.bytes, w.len);
    return session_beside_write(dir, BESIDE_APPROVERS, w.bytes, w.len, f);
}

status jobs_approve_session(struct jobs *j, const struct store_job *job, const struct contract *k, const struct hash *id,
                            enum stage stage, const struct hash *preparation, struct fault *f)
{
    struct approval a = {.who = contract_party_named(k, j->c.node->name), .attempt = job->attempt, .stage = stage};
    uint8_t approval[APPROVAL_BYTES];
    char dir[FILES_PATH_BYTES];

    if (preparation)
        a.preparation = *preparation;
    TRY(policy_check_suite(j->c.node, k->suite, f)); /* the node may have lost its certificate since it took the contract */
    TRY(jobs_check_parties(j, job->id, k, f));
    TRY(prepare_session(dir, j, job, stage, a.who, f));
    TRY(write_approvers(&a.approvers, j, job, id, k->suite, stage, dir, f));
    TRY(draw_and_sign(approval, j, dir, id, k->suite, &a, f));
    return store_put_approval(j->c.store, job->id, job->attempt, stage, j->c.node->name, approval, sizeof approval, f);
}

/* [SPEC 4.7] test rows are scored once per contract: another attempt would draw others and show more people's scores. */
static status check_unscored(struct jobs *j, const struct store_job *job, const struct contract *k, struct fault *f)
{
    char dir[FILES_PATH_BYTES];
    int scored = 0;

    TRY(jobs_session_dir(dir, j->c.node->state_dir, job->id, job->attempt, job->stage, f));
    TRY(session_was_scored(&scored, dir, k->parties, f));
    if (!scored)
        return OK;
    fault_hint(f, "a new contract is needed: the coordinator proposes the job again");
    return fault_set(f, STATUS_REFUSED, "test rows of job %.16s were scored already, a contract scores once", job->id);
}

/* Whether the job may be approved as it stands, and which attempt that would be. */
static status next_attempt(uint32_t *attempt, struct jobs *j, const struct store_job *job, const struct contract *k, struct fault *f)
{
    *attempt = job->attempt;
    if (job->state == JOB_PREPARED) {
        fault_hint(f, "its coordinator trains it; if another party failed to prepare it, hefu job cancel %.16s ends it", job->id);
        return fault_set(f, STATUS_USAGE, "job %.16s is prepared: its training was approved with it", job->id);
    }
    if (job->state != JOB_AWAITING_APPROVAL && job->state != JOB_FAILED)
        return fault_set(f, STATUS_USAGE, "job %.16s is %s and cannot be approved", job->id, job_state_name(job->state));
    TRY(policy_check_window(k, j->c.clock(), f));
    if (job->state == JOB_AWAITING_APPROVAL)
        return OK;
    TRY(check_unscored(j, job, k, f));
    if (++*attempt < k->attempts_max)
        return OK;
    fault_hint(f, "a new contract is needed: the coordinator proposes the job again");
    return fault_set(f, STATUS_REFUSED, "all %u attempts of job %.16s are used up", k->attempts_max, job->id);
}

/* The first approval of a contract uses its table once more; further attempts do not. */
static status use_table(struct jobs *j, const char *id, const struct contract *k, struct fault *f)
{
    json_t *proposal AUTO(jobs_release_json) = NULL;
    const struct hash *root = &k->party[contract_party_named(k, j->c.node->name)].data_root;
    const char *table;

    TRY(jobs_load_json(&proposal, j, id, PAPER_PROPOSAL, f));
    table = jobs_text(proposal, "table");
    TRY(jobs_check_uses(j, id, table, root, f));
    return store_add_use(j->c.store, id, table, root, j->c.clock(), f);
}

static status check_signatures(struct jobs *j, const char *id, const struct hash *contract, uint32_t attempt, struct fault *f)
{
    const uint32_t needed = jobs_signatures_needed(j);
    struct approvers people;

    TRY(jobs_list_approvers(&people, j, id, contract, attempt, f));
    if (people.count >= needed)
        return OK;
    fault_hint(f, "each of them: hefu job approve %.16s --as NAME --key FILE", id);
    return fault_set(f, STATUS_REFUSED, "the policy of %s asks for %u approvers, and %u of them signed", j->c.node->name, needed, people.count);
}

/* Under the lock.  A job that failed is approved for another attempt. */
status jobs_approve(struct jobs *j, const char *id, const char *actor, struct fault *f)
{
    struct store_job job;
    struct contract *k AUTO(auto_free) = NULL;
    struct hash contract_hash;
    uint32_t attempt;

    TRY(store_get_job(j->c.store, &job, id, f));
    TRY(jobs_load_contract(&k, &contract_hash, j, job.id, f));
    TRY(next_attempt(&attempt, j, &job, k, f));
    TRY(check_signatures(j, job.id, &contract_hash, attempt, f));
    if (job.state == JOB_FAILED) {
        job.attempt = attempt;
        job.stage = STAGE_WHOLE;
        TRY(store_set_attempt(j->c.store, job.id, job.attempt, job.stage, f));
    } else {
        TRY(use_table(j, job.id, k, f));
    }
    TRY(jobs_approve_session(j, &job, k, &contract_hash, job.stage, NULL, f));
    return store_set_state(j->c.store, job.id, JOB_APPROVED, actor, NULL, f);
}

/* The table gives what the contract commits to, now that it is approved.  Not under the lock, for it may take seconds; a job
 * that cannot be approved is left to those who say why. */
static status check_own_table(struct jobs *j, const struct control_caller *who, const json_t *request, struct fault *f)
{
    struct store_job job;
    struct contract *k AUTO(auto_free) = NULL;
    json_t *proposal AUTO(jobs_release_json) = NULL;
    struct session_table t AUTO(session_table_clear) = {0};
    struct dataset data AUTO(dataset_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct hash id;

    {
        HOLD(j);
        TRY(jobs_find(&job, j, who, request, f));
        if (job.state != JOB_AWAITING_APPROVAL && job.state != JOB_FAILED)
            return OK;
        TRY(jobs_load_contract(&k, &id, j, job.id, f));
        TRY(jobs_load_json(&proposal, j, job.id, PAPER_PROPOSAL, f));
        TRY(table_of_proposal(&t, proposal, f));
    }
    t.self = contract_party_named(k, j->c.node->name);
    t.stage = job.state == JOB_FAILED ? STAGE_WHOLE : job.stage;
    TRY(session_table_open(&data, &notes, &t, k, f));
    return commitment_check(&k->party[t.self], k->suite, j->c.keys, t.name, &data, f);
}

/* Of several approvers all but the last leave their signatures, and the job waits on. */
status jobs_op_approve(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                       struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    struct contract *k AUTO(auto_free) = NULL;
    struct hash id;
    struct approvers people;
    uint32_t attempt;

    TRY(check_own_table(j, who, request, f));
    HOLD(j);
    TRY(jobs_find(&job, j, who, request, f));
    TRY(jobs_load_contract(&k, &id, j, job.id, f));
    TRY(next_attempt(&attempt, j, &job, k, f));
    TRY(jobs_take_signature(j, job.id, &id, attempt, request, f));
    TRY(jobs_list_approvers(&people, j, job.id, &id, attempt, f));
    if (people.count >= jobs_signatures_needed(j) || !json_object_get(request, "as"))
        TRY(jobs_approve(j, job.id, who->name, f));
    TRY(store_get_job(j->c.store, &job, job.id, f));
    TRY(jobs_tell_signatures(answer, j, &job, f));
    return jobs_tell_state(answer, j, job.id, f);
}

status jobs_op_refuse(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                      struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    const char *reason = jobs_text(request, "reason");
    struct fault why = {.code = STATUS_REFUSED};

    HOLD(j);
    TRY(jobs_find(&job, j, who, request, f));
    snprintf(why.message, sizeof why.message, "%.400s", reason[0] ? reason : "the operator said no");
    TRY(store_set_state(j->c.store, job.id, JOB_REFUSED, who->name, &why, f));
    return jobs_tell_state(answer, j, job.id, f);
}

static status own_columns(const char ***out, struct dictionary *d, struct jobs *j, const char *id, struct fault *f)
{
    json_t *proposal AUTO(jobs_release_json) = NULL;
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(jobs_load_json(&proposal, j, id, PAPER_PROPOSAL, f));
    if (!proposal)
        return OK; /* refused before it came to that */
    TRY(control_bytes(&bytes, &len, json_object_get(proposal, "dictionary"), "dictionary", STORE_BLOB_MAX, f));
    TRY(dictionary_decode(d, bytes, len));
    TRY(alloc_zeroed(out, d->num_columns, sizeof **out));
    for (uint16_t i = 0; i < d->num_columns; i++)
        (*out)[i] = d->columns[i].name;
    return OK;
}

status jobs_op_explain(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                       struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    struct contract *k AUTO(auto_free) = NULL;
    struct dictionary dictionary AUTO(dictionary_clear) = {0};
    const char **columns AUTO(auto_free) = NULL;
    struct wire_writer text AUTO(wire_writer_clear) = {0};
    struct hash id;
    json_t *value;

    HOLD(j);
    TRY(jobs_find(&job, j, who, request, f));
    TRY(jobs_load_contract(&k, &id, j, job.id, f));
    TRY(own_columns(&columns, &dictionary, j, job.id, f));
    contract_explain(&text, k, contract_party_named(k, j->c.node->name), columns);
    TRY(wire_writer_status(&text));
    value = json_stringn((const char *)text.bytes, text.len);
    if (!value)
        return fault_set(f, STATUS_CONFIG, "a column name is not UTF-8");
    return json_object_set_new(answer, "text", value) ? STATUS_NO_MEMORY : OK;
}
