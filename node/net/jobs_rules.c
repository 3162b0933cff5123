#include "node/net/jobs_internal.h"

#include "node/local/policy.h"

#include <stdio.h>
#include <string.h>

/* ---- uses of a table ---- */

status jobs_check_uses(struct jobs *j, const char *id, const char *table, const struct hash *root, struct fault *f)
{
    uint64_t used;

    TRY(store_count_uses(j->c.store, &used, id, table, root, j->c.clock() - (int64_t)POLICY_USES_DAYS * 86400, f));
    return policy_check_uses(j->c.node, used, f);
}

/* ---- approvers ---- */

uint32_t jobs_signatures_needed(const struct jobs *j)
{
    return j->c.node->policy.approvals > 1 ? j->c.node->policy.approvals : 0;
}

/* By the key that the approver has today: who was removed, or has another key by now, has not signed.  What could not be looked
 * at is an error, and no verdict on anybody. */
static status check_person(int *valid, struct jobs *j, const struct store_signature *sig, const struct hash *contract, uint32_t attempt)
{
    struct store_approver a;
    status result;

    *valid = 0;
    result = store_get_approver(j->c.store, &a, sig->approver, NULL);
    if (result == STATUS_USAGE)
        return OK;
    TRY(result);
    if (memcmp(&sig->key, &a.key, sizeof a.key) != 0)
        return OK;
    result = approver_check(&sig->signature, &a.key, contract, attempt, j->c.node->name, a.name);
    *valid = result == OK;
    return result == STATUS_NO_MEMORY ? result : OK;
}

static status has_signed(int *signed_already, struct jobs *j, const char *id, const struct hash *contract, uint32_t attempt,
                         const char *name, struct fault *f)
{
    struct store_signature *list AUTO(auto_free) = NULL;
    size_t count = 0;

    *signed_already = 0;
    TRY(store_list_signatures(j->c.store, id, attempt, &list, &count, f));
    for (size_t i = 0; i < count && !*signed_already; i++)
        if (!strcmp(list[i].approver, name))
            TRY(check_person(signed_already, j, &list[i], contract, attempt));
    return OK;
}

status jobs_take_signature(struct jobs *j, const char *id, const struct hash *contract, uint32_t attempt, const json_t *request,
                           struct fault *f)
{
    struct store_signature sig = {.time = j->c.clock()};
    struct store_approver a;
    const char *name = NULL;
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    int signed_already;
    status result;

    if (!json_object_get(request, "as"))
        return OK;
    TRY(control_text(&name, request, "as", f));
    TRY(store_get_approver(j->c.store, &a, name, f));
    TRY(control_bytes(&bytes, &len, json_object_get(request, "signature"), "signature", SIGNATURE_BYTES, f));
    if (len == SIGNATURE_BYTES)
        memcpy(sig.signature.bytes, bytes, len);
    result = approver_check(&sig.signature, &a.key, contract, attempt, j->c.node->name, a.name);
    if (result == STATUS_NO_MEMORY)
        return result;
    if (result != OK) {
        fault_hint(f, "sign attempt %u of this job with the key that hefu node approver list shows for %s", attempt + 1, a.name);
        return fault_set(f, STATUS_REFUSED, "this is not the signature of approver %s on attempt %u of job %.16s", a.name,
                         attempt + 1, id);
    }
    TRY(has_signed(&signed_already, j, id, contract, attempt, a.name, f));
    if (signed_already && jobs_signatures_needed(j) > 1) {
        fault_hint(f, "another approver must sign");
        return fault_set(f, STATUS_REFUSED, "%s has signed attempt %u of job %.16s already", a.name, attempt + 1, id);
    }
    memcpy(sig.approver, a.name, sizeof sig.approver);
    sig.key = a.key;
    return store_put_signature(j->c.store, id, attempt, &sig, f);
}

status jobs_list_approvers(struct approvers *out, struct jobs *j, const char *id, const struct hash *contract, uint32_t attempt,
                           struct fault *f)
{
    struct store_signature *list AUTO(auto_free) = NULL;
    size_t count = 0;

    memset(out, 0, sizeof *out);
    TRY(store_list_signatures(j->c.store, id, attempt, &list, &count, f)); /* one of each name; a key has one name */
    for (size_t i = 0; i < count && out->count < APPROVERS_MAX; i++) {
        struct approver *a = &out->of[out->count];
        int valid;

        TRY(check_person(&valid, j, &list[i], contract, attempt));
        if (!valid)
            continue;
        memcpy(a->name, list[i].approver, sizeof a->name);
        a->key = list[i].key;
        a->signature = list[i].signature;
        out->count++;
    }
    return OK;
}

status jobs_tell_signatures(json_t *answer, struct jobs *j, const struct store_job *job, struct fault *f)
{
    struct store_signature *list AUTO(auto_free) = NULL;
    const uint32_t attempt = job->state == JOB_FAILED ? job->attempt + 1 : job->attempt; /* the one to be signed, or signed last */
    size_t count = 0;
    json_t *signatures = json_array(), *told;

    told = json_pack("{s:I, s:I, s:o}", "needed", (json_int_t)jobs_signatures_needed(j), "attempt", (json_int_t)attempt, "signed",
                     signatures);
    if (!told || json_object_set_new(answer, "approvals", told))
        return STATUS_NO_MEMORY;
    TRY(store_list_signatures(j->c.store, job->id, attempt, &list, &count, f));
    for (size_t i = 0; i < count; i++)
        json_array_append_new(signatures,
                              json_pack("{s:s, s:o, s:o, s:I}", "name", list[i].approver, "key",
                                        control_hex(list[i].key.bytes, SIGN_PUBLIC_BYTES), "signature",
                                        control_hex(list[i].signature.bytes, SIGNATURE_BYTES), "time", (json_int_t)list[i].time));
    return OK;
}
