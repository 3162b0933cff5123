#include "node/net/jobs_internal.h"

#include "node/local/commitment.h"
#include "node/local/policy.h"
#include "node/local/source.h"

#include <stdio.h>
#include <string.h>

void jobs_clear_offer(struct offer *o)
{
    wire_writer_clear(&o->dictionary);
    memset(o, 0, sizeof *o);
}

/* ---- proposals ---- */

/* The table that the job wants of this node, which knows all the others. */
static status find_own_table(const char **table, const struct jobs *j, enum suite s, const json_t *job, struct fault *f)
{
    const struct node_config *node = j->c.node;
    const json_t *tables = json_object_get(job, "tables"), *entry;
    size_t i;

    *table = NULL;
    json_array_foreach(tables, i, entry) {
        const char *who = NULL, *name = NULL;

        TRY(control_text(&who, entry, "party", f));
        TRY(control_text(&name, entry, "table", f));
        if (!strcmp(who, node->name))
            *table = name;
        else
            TRY(policy_check_peer(node, s, who, f));
    }
    if (!*table)
        return fault_set(f, STATUS_REFUSED, "the job names no table of %s", node->name);
    return policy_check_table(node, *table, f);
}

static status check_terms_of_job(const struct jobs *j, const char *coordinator, const json_t *job, struct fault *f)
{
    const struct policy_terms terms = {
        .coordinator = coordinator,
        .key_bits = jobs_count(job, "key_bits"),
        .passes = jobs_count(json_object_get(job, "training"), "passes"),
        .min_rows = jobs_count(json_object_get(job, "limits"), "min_rows"),
    };

    return policy_check_terms(j->c.node, &terms, f);
}

/* Read the table as it is now.  What is wrong with it is for its operator: the coordinator learns that it is not usable. */
static status describe_table(struct offer *o, struct jobs *j, enum suite s, bool labels_pending, struct fault *f)
{
    struct dataset data AUTO(dataset_clear) = {0};
    struct dictionary dictionary AUTO(dictionary_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    const struct store_table *t = &o->table;
    struct source source =
        source_stored(t->path, t->id_column, t->label_column, t->split_path, t->refuse_duplicates != 0);
    struct fault own = {0};
    status result;

    source.labels_pending = labels_pending;
    result = source_open(&data, &dictionary, &notes, &source, &own);
    if (result == OK && data.columns > CONTRACT_COLUMNS_MAX)
        result = fault_set(&own, STATUS_CONFIG, "%u columns, a contract takes %d", data.columns, CONTRACT_COLUMNS_MAX);
    if (result != OK) {
        (void)fault_set(&own, result, "table %s: %s", o->table.name, status_name(result));
        jobs_note(j, "", &own);
        fault_hint(f, "its operator finds the reason in the log of hefud, or by registering the file again: hefu table add %s", o->table.name);
        return fault_set(f, STATUS_CONFIG, "%s cannot use its table %s", j->c.node->name, o->table.name);
    }
    o->facts.has_label = t->label_column[0] != '\0';
    o->facts.rows = data.rows;
    o->facts.columns = data.columns;
    memcpy(o->facts.bins, data.bins, data.columns);
    TRY(commitment_make(&o->facts, s, j->c.keys, t->name, &data, &dictionary));
    dictionary_encode(&o->dictionary, &dictionary);
    return wire_writer_status(&o->dictionary);
}

/* Under the lock. */
static status tell_offer(json_t *answer, const struct jobs *j, enum suite s, const struct offer *o)
{
    const struct jobs_identity *own = &j->identity[s];
    const struct contract_party *facts = &o->facts;
    json_t *offer = json_pack("{s:s, s:o, s:o, s:b, s:I, s:I, s:o, s:o, s:o, s:s}", "name", j->c.node->name, "certificate",
                              control_hex(own->certificate.fingerprint.bytes, HASH_BYTES), "identity",
                              control_hex(own->certificate.key.bytes, SIGN_PUBLIC_BYTES), "has_label", facts->has_label,
                              "rows", (json_int_t)facts->rows, "columns", (json_int_t)facts->columns, "bins",
                              control_hex(facts->bins, facts->columns), "data_root",
                              control_hex(facts->data_root.bytes, HASH_BYTES), "schema_hash",
                              control_hex(facts->schema_hash.bytes, HASH_BYTES), "pem", own->pem);

    return offer && json_object_set_new(answer, "offer", offer) == 0 ? OK : STATUS_NO_MEMORY;
}

status jobs_op_propose(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                       struct fault *f)
{
    struct jobs *j = node;
    const json_t *job = json_object_get(request, "job");
    const enum suite suite = (enum suite)jobs_count(job, "suite");
    const char *name = NULL, *table = NULL;
    struct offer o AUTO(jobs_clear_offer) = {0};

    TRY(control_text(&name, job, "name", f));
    if (strlen(name) >= sizeof o.job)
        return fault_set(f, STATUS_USAGE, "the name of the job is too long");
    if (!suite_name(suite))
        return fault_set(f, STATUS_USAGE, "the job's suite is neither INT1 nor GM1");
    TRY(policy_check_suite(j->c.node, suite, f));
    TRY(find_own_table(&table, j, suite, job, f));
    TRY(check_terms_of_job(j, who->name, job, f));
    if (store_get_table(j->c.store, &o.table, table, NULL) != OK) {
        fault_hint(f, "its operator registers it with: hefu table add %.31s", table);
        return fault_set(f, STATUS_REFUSED, "%s has no table %.31s", j->c.node->name, table);
    }
    TRY(describe_table(&o, j, suite, json_is_true(json_object_get(request, "prepare")), f));
    if (o.facts.has_label && jobs_count(json_object_get(job, "test"), "rule") == TEST_LISTED && !o.table.split_path[0])
        return fault_set(f, STATUS_REFUSED, "table %s of %s has no list of test rows", table, j->c.node->name);
    o.suite = suite;
    snprintf(o.job, sizeof o.job, "%s", name);
    snprintf(o.coordinator, sizeof o.coordinator, "%s", who->name);
    HOLD(j);
    TRY(tell_offer(answer, j, suite, &o));
    jobs_clear_offer(&j->offer[j->next]);
    j->offer[j->next] = o;
    j->next = (j->next + 1) % OFFERS_MAX;
    o = (struct offer){0};
    return OK;
}

/* ---- contracts ---- */

/* The latest offer to this coordinator that the contract repeats word for word. */
static const struct offer *find_offer(const struct jobs *j, const char *coordinator, const struct contract *k, party self)
{
    const struct contract_party *own = &k->party[self];

    for (uint32_t i = 1; i <= OFFERS_MAX; i++) {
        const struct offer *o = &j->offer[(j->next + OFFERS_MAX - i) % OFFERS_MAX];

        if (o->job[0] && o->suite == k->suite && !strcmp(o->coordinator, coordinator) && !strcmp(o->job, k->job) &&
            o->facts.has_label == own->has_label && o->facts.rows == own->rows && o->facts.columns == own->columns &&
            !memcmp(o->facts.bins, own->bins, own->columns) && hash_equal(&o->facts.data_root, &own->data_root) &&
            hash_equal(&o->facts.schema_hash, &own->schema_hash))
            return o;
    }
    return NULL;
}

status jobs_check_certificates(const struct jobs *j, const json_t *list, const struct contract *k, struct fault *f)
{
    const struct config_identity files = config_identity(j->c.node, k->suite);

    if (json_array_size(list) != k->parties)
        return fault_set(f, STATUS_USAGE, "the request does not hold a certificate for each party");
    for (party p = 0; p < k->parties; p++) {
        struct certificate c AUTO(certificate_clear) = {0};
        const json_t *item = json_array_get(list, p);
        const char *pem = json_string_value(item);
        status verdict;

        if (!pem || json_string_length(item) > CERTIFICATE_BYTES_MAX ||
            certificate_parse(&c, k->party[p].name, pem, strlen(pem), NULL) != OK)
            return fault_set(f, STATUS_REFUSED, "the certificate of %s cannot be read", k->party[p].name);
        if (!hash_equal(&c.fingerprint, &k->party[p].certificate) || strcmp(c.name, k->party[p].name) != 0 ||
            c.role != ROLE_NODE)
            return fault_set(f, STATUS_REFUSED, "the certificate given for %s is not the one of the contract",
                             k->party[p].name);
        if (memcmp(c.key.bytes, k->party[p].identity.bytes, SIGN_PUBLIC_BYTES) != 0)
            return fault_set(f, STATUS_REFUSED, "the contract has another identity key of %s than its certificate",
                             k->party[p].name);
        verdict = certificate_verify(&c, files.ca, files.crl, j->c.clock(), f);
        if (verdict == STATUS_NO_MEMORY)
            return verdict;
        if (verdict != OK) {
            f->code = STATUS_REFUSED;
            return STATUS_REFUSED;
        }
    }
    return OK;
}

status jobs_check_parties(struct jobs *j, const char *id, const struct contract *k, struct fault *f)
{
    json_t *proposal AUTO(jobs_release_json) = NULL;

    TRY(jobs_load_json(&proposal, j, id, PAPER_PROPOSAL, f));
    return jobs_check_certificates(j, json_object_get(proposal, "certificates"), k, f);
}

static status check_contract(const struct offer **o, struct jobs *j, const struct control_caller *who,
                             const struct contract *k, const char *id, const json_t *certificates, struct fault *f)
{
    const struct certificate *own;
    party self = contract_party_named(k, j->c.node->name);

    TRY(contract_check(k, 0, f));
    own = &j->identity[k->suite].certificate;
    TRY(policy_check_contract(j->c.node, k, who->name, &own->fingerprint, &own->key, j->c.clock(), f));
    TRY(jobs_check_certificates(j, certificates, k, f));
    *o = find_offer(j, who->name, k, self);
    if (!*o) {
        fault_hint(f, "propose the job again: tables may have changed, or the node was restarted");
        return fault_set(f, STATUS_REFUSED, "the contract says of %s what it has not offered", j->c.node->name);
    }
    return jobs_check_uses(j, id, (*o)->table.name, &k->party[self].data_root, f);
}

/* What the daemon must remember of the table and the others, beside the contract. */
static status keep_proposal(struct jobs *j, const char *id, const struct offer *o, const json_t *certificates,
                            struct fault *f)
{
    json_t *all AUTO(jobs_release_json) =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:O}", "table", o->table.name, "path", o->table.path,
                  "split_path", o->table.split_path, "id_column", o->table.id_column, "label_column",
                  o->table.label_column, "refuse_duplicates", (int)o->table.refuse_duplicates, "dictionary",
                  control_hex(o->dictionary.bytes, o->dictionary.len), "certificates", certificates);
    char *text AUTO(auto_free) = all ? json_dumps(all, JSON_COMPACT) : NULL;

    if (!text)
        return fault_set(f, STATUS_CONFIG, "the description of table %s is not UTF-8", o->table.name);
    return store_put_paper(j->c.store, id, PAPER_PROPOSAL, text, strlen(text), f);
}

status jobs_op_contract(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                        struct fault *f)
{
    struct jobs *j = node;
    const json_t *certificates = json_object_get(request, "certificates");
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    struct contract *k AUTO(auto_free) = NULL;
    struct hash id;
    struct store_job job = {.state = JOB_PROPOSED}; /* attempts count from 0 */
    const struct offer *o = NULL;
    status verdict;

    TRY(control_bytes(&bytes, &len, json_object_get(request, "contract"), "contract", CONTRACT_BYTES_MAX, f));
    TRY(alloc_zeroed(&k, 1, sizeof *k));
    TRY(contract_decode(k, bytes, len, f));
    TRY(contract_id(&id, k));
    hash_hex(&id, job.id);
    if (json_is_true(json_object_get(request, "prepare")))
        job.stage = STAGE_OFFLINE;
    HOLD(j);
    if (store_get_job(j->c.store, &job, job.id, NULL) == OK) { /* said twice: a lost answer, perhaps */
        if (job.state == JOB_REFUSED || strcmp(job.proposer, who->name) != 0)
            return fault_set(f, STATUS_REFUSED, "%s", job.error[0] ? job.error : "the contract is known already");
        return jobs_tell_state(answer, j, job.id, f);
    }
    verdict = check_contract(&o, j, who, k, job.id, certificates, f);
    if (verdict != OK && contract_party_named(k, j->c.node->name) == k->parties)
        return verdict;
    snprintf(job.name, sizeof job.name, "%s", k->job);
    snprintf(job.proposer, sizeof job.proposer, "%s", who->name);
    snprintf(job.role, sizeof job.role, "%s",
             contract_label_party(k) == contract_party_named(k, j->c.node->name) ? "label" : "feature");
    TRY(store_add_job(j->c.store, &job, f));
    TRY(store_put_paper(j->c.store, job.id, PAPER_CONTRACT, bytes, len, f));
    if (verdict != OK) {
        (void)!store_set_state(j->c.store, job.id, JOB_REFUSED, "policy", f, NULL);
        return verdict;
    }
    TRY(keep_proposal(j, job.id, o, certificates, f));
    TRY(store_set_state(j->c.store, job.id, JOB_AWAITING_APPROVAL, who->name, NULL, f));
    if (j->c.node->policy.approve == APPROVE_AUTO)
        TRY(jobs_approve(j, job.id, "policy", f));
    return jobs_tell_state(answer, j, job.id, f);
}
