#include "node/net/jobs.h"

#include "node/local/certificate.h"
#include "node/local/policy.h"
#include "node/local/session_files.h"
#include "node/local/version.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

enum { OFFERS_MAX = 32, ID_SHOWN = 16 };

/* What this node offered to a coordinator, until a contract takes it up. */
struct offer {
    char coordinator[CONTROL_NAME_BYTES], job[64];
    struct store_table table;
    struct contract_party facts; /* rows, columns, bins, has_label */
    struct wire_writer dictionary;
};

struct jobs {
    struct jobs_config c;
    struct control_ops ops;
    struct certificate certificate;
    char *pem;
    pthread_mutex_t lock;
    struct offer offer[OFFERS_MAX]; /* a ring; next is overwritten first */
    uint32_t next;
};

static void lock_release(pthread_mutex_t **m)
{
    pthread_mutex_unlock(*m);
}

#define HOLD(j)                                                \
    pthread_mutex_t *held AUTO(lock_release) = &(j)->lock;     \
    pthread_mutex_lock(held)

static void json_release(json_t **v)
{
    json_decref(*v);
}

static int64_t system_clock(void)
{
    return (int64_t)time(NULL);
}

static void offer_clear(struct offer *o)
{
    wire_writer_clear(&o->dictionary);
    memset(o, 0, sizeof *o);
}

status jobs_session_dir(char out[FILES_PATH_BYTES], const char *state_dir, const char *id, uint32_t attempt,
                        struct fault *f)
{
    char name[64];

    snprintf(name, sizeof name, "sessions/%.16s-%u", id, attempt);
    return files_join(out, state_dir, name, f);
}

/* ---- proposals ---- */

static uint32_t count_of(const json_t *object, const char *field)
{
    json_int_t v = json_integer_value(json_object_get(object, field));

    return v > 0 && v <= UINT32_MAX ? (uint32_t)v : 0;
}

/* The table that the job wants of this node. */
static status find_own_table(const char **table, const struct jobs *j, const json_t *job, struct fault *f)
{
    const struct node_config *node = j->c.node;
    const json_t *tables = json_object_get(job, "tables"), *entry;
    size_t i;

    *table = NULL;
    json_array_foreach(tables, i, entry) {
        const char *who = NULL, *name = NULL;

        TRY(control_text(&who, entry, "party", f));
        TRY(control_text(&name, entry, "table", f));
        if (!strcmp(who, node->name)) {
            *table = name;
        } else if (!config_find_peer(node->peers, node->num_peers, who)) {
            fault_hint(f, "its operator may add %.31s, with address and fingerprint, to peers in node.yaml", who);
            return fault_set(f, STATUS_REFUSED, "%s does not know the party %.31s", node->name, who);
        }
    }
    if (!*table)
        return fault_set(f, STATUS_REFUSED, "the job names no table of %s", node->name);
    return policy_check_table(node, *table, f);
}

static status check_terms_of_job(const struct jobs *j, const char *coordinator, const json_t *job, struct fault *f)
{
    const struct policy_terms terms = {
        .coordinator = coordinator,
        .key_bits = count_of(job, "key_bits"),
        .passes = count_of(json_object_get(job, "training"), "passes"),
        .min_rows = count_of(json_object_get(job, "limits"), "min_rows"),
    };

    return policy_check_terms(j->c.node, &terms, f);
}

static struct source source_of(const struct store_table *t)
{
    return (struct source){.kind = SOURCE_CSV,
                           .path = t->path,
                           .id_column = t->id_column,
                           .label_column = t->label_column[0] ? t->label_column : NULL,
                           .split_path = t->split_path[0] ? t->split_path : NULL,
                           .on_duplicate = t->refuse_duplicates ? TABLE_DUPLICATE_REFUSE : TABLE_DUPLICATE_FIRST};
}

/* Read the table as it is now.  What is wrong with it is for its operator: the coordinator learns that it is not usable. */
static status describe_table(struct offer *o, const struct jobs *j, struct fault *f)
{
    struct dataset data AUTO(dataset_clear) = {0};
    struct dictionary dictionary AUTO(dictionary_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct source source = source_of(&o->table);
    struct fault own = {0};
    status result = source_open(&data, &dictionary, &notes, &source, &own);

    if (result == OK && data.columns > CONTRACT_COLUMNS_MAX)
        result = fault_set(&own, STATUS_CONFIG, "%u columns, a contract takes %d", data.columns, CONTRACT_COLUMNS_MAX);
    if (result != OK) {
        (void)!store_note(j->c.store, "", "node", own.message[0] ? own.message : status_name(result), NULL);
        fault_hint(f, "its operator finds the reason in the log of hefud, or by registering the file again: hefu table add %s", o->table.name);
        return fault_set(f, STATUS_CONFIG, "%s cannot use its table %s", j->c.node->name, o->table.name);
    }
    o->facts.has_label = data.label != NULL;
    o->facts.rows = data.rows;
    o->facts.columns = data.columns;
    memcpy(o->facts.bins, data.bins, data.columns);
    dictionary_encode(&o->dictionary, &dictionary);
    return wire_writer_status(&o->dictionary);
}

static status op_propose(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                         struct fault *f)
{
    struct jobs *j = node;
    const json_t *job = json_object_get(request, "job");
    const char *name = NULL, *table = NULL;
    struct offer o AUTO(offer_clear) = {0};
    json_t *offer;

    TRY(control_text(&name, job, "name", f));
    if (strlen(name) >= sizeof o.job)
        return fault_set(f, STATUS_USAGE, "the name of the job is too long");
    TRY(find_own_table(&table, j, job, f));
    TRY(check_terms_of_job(j, who->name, job, f));
    if (store_get_table(j->c.store, &o.table, table, NULL) != OK) {
        fault_hint(f, "its operator registers it with: hefu table add %.31s", table);
        return fault_set(f, STATUS_REFUSED, "%s has no table %.31s", j->c.node->name, table);
    }
    TRY(describe_table(&o, j, f));
    if (o.facts.has_label && count_of(json_object_get(job, "test"), "rule") == TEST_LISTED && !o.table.split_path[0])
        return fault_set(f, STATUS_REFUSED, "table %s of %s has no list of test rows", table, j->c.node->name);
    snprintf(o.job, sizeof o.job, "%s", name);
    snprintf(o.coordinator, sizeof o.coordinator, "%s", who->name);
    offer = json_pack("{s:s, s:o, s:o, s:b, s:I, s:I, s:o, s:s}", "name", j->c.node->name, "certificate",
                      control_hex(j->certificate.fingerprint.bytes, HASH_BYTES), "identity",
                      control_hex(keyring_public(j->c.keys)->bytes, SIGN_PUBLIC_BYTES), "has_label",
                      o.facts.has_label, "rows", (json_int_t)o.facts.rows, "columns", (json_int_t)o.facts.columns,
                      "bins", control_hex(o.facts.bins, o.facts.columns), "pem", j->pem);
    if (!offer || json_object_set_new(answer, "offer", offer))
        return STATUS_NO_MEMORY;
    {
        HOLD(j);
        offer_clear(&j->offer[j->next]);
        j->offer[j->next] = o;
        j->next = (j->next + 1) % OFFERS_MAX;
        o = (struct offer){0};
    }
    return OK;
}

/* ---- contracts ---- */

/* The latest offer to this coordinator that the contract repeats word for word. */
static const struct offer *find_offer(const struct jobs *j, const char *coordinator, const struct contract *k, party self)
{
    const struct contract_party *own = &k->party[self];

    for (uint32_t i = 1; i <= OFFERS_MAX; i++) {
        const struct offer *o = &j->offer[(j->next + OFFERS_MAX - i) % OFFERS_MAX];

        if (o->job[0] && !strcmp(o->coordinator, coordinator) && !strcmp(o->job, k->job) &&
            o->facts.has_label == own->has_label && o->facts.rows == own->rows && o->facts.columns == own->columns &&
            !memcmp(o->facts.bins, own->bins, own->columns))
            return o;
    }
    return NULL;
}

/* Every party's certificate is the one that the contract names by its hash, and holds the identity key it names. */
static status check_certificates(const struct jobs *j, const json_t *list, const struct contract *k, struct fault *f)
{
    const struct node_config *node = j->c.node;

    if (json_array_size(list) != k->parties)
        return fault_set(f, STATUS_USAGE, "the request does not hold a certificate for each party");
    for (party p = 0; p < k->parties; p++) {
        struct certificate c AUTO(certificate_clear) = {0};
        const json_t *item = json_array_get(list, p);
        const char *pem = json_string_value(item);

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
        if (certificate_verify(&c, node->ca, node->crl, j->c.clock(), f) != OK) {
            f->code = STATUS_REFUSED;
            return STATUS_REFUSED;
        }
    }
    return OK;
}

static status check_contract(const struct offer **o, const struct jobs *j, const struct control_caller *who,
                             const struct contract *k, const json_t *certificates, struct fault *f)
{
    party self = contract_party_named(k, j->c.node->name);

    TRY(contract_check(k, 0, f));
    TRY(policy_check_contract(j->c.node, k, who->name, &j->certificate.fingerprint, keyring_public(j->c.keys),
                              j->c.clock(), f));
    TRY(check_certificates(j, certificates, k, f));
    *o = find_offer(j, who->name, k, self);
    if (!*o) {
        fault_hint(f, "propose the job again: tables may have changed, or the node was restarted");
        return fault_set(f, STATUS_REFUSED, "the contract says of %s what it has not offered", j->c.node->name);
    }
    return OK;
}

/* What the daemon must remember of the table and the others, beside the contract. */
static status keep_proposal(struct jobs *j, const char *id, const struct offer *o, const json_t *certificates,
                            struct fault *f)
{
    json_t *all AUTO(json_release) =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:O}", "table", o->table.name, "path", o->table.path,
                  "split_path", o->table.split_path, "id_column", o->table.id_column, "label_column",
                  o->table.label_column, "refuse_duplicates", (int)o->table.refuse_duplicates, "dictionary",
                  control_hex(o->dictionary.bytes, o->dictionary.len), "certificates", certificates);
    char *text AUTO(auto_free) = all ? json_dumps(all, JSON_COMPACT) : NULL;

    if (!text)
        return fault_set(f, STATUS_CONFIG, "the description of table %s is not UTF-8", o->table.name);
    return store_put_paper(j->c.store, id, PAPER_PROPOSAL, text, strlen(text), f);
}

static status approve(struct jobs *j, const char *id, const char *actor, struct fault *f);

static status state_answer(json_t *answer, const struct jobs *j, const char *id, struct fault *f)
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

static status op_contract(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
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
    HOLD(j);
    if (store_get_job(j->c.store, &job, job.id, NULL) == OK) { /* said twice: a lost answer, perhaps */
        if (job.state == JOB_REFUSED || strcmp(job.proposer, who->name) != 0)
            return fault_set(f, STATUS_REFUSED, "%s", job.error[0] ? job.error : "the contract is known already");
        return state_answer(answer, j, job.id, f);
    }
    verdict = check_contract(&o, j, who, k, certificates, f);
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
        TRY(approve(j, job.id, "policy", f));
    return state_answer(answer, j, job.id, f);
}

/* ---- what is stored of a job ---- */

static status load_contract(struct contract **out, struct hash *id, struct jobs *j, const char *job, struct fault *f)
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

static status load_json(json_t **out, struct jobs *j, const char *job, enum job_paper kind, struct fault *f)
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
static status find_job(struct store_job *out, struct jobs *j, const struct control_caller *who, const json_t *request,
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

/* ---- approval ---- */

static const char *text_of(const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));

    return text ? text : "";
}

static status table_of_proposal(struct session_table *t, const json_t *proposal, struct fault *f)
{
    const json_t *list = json_object_get(proposal, "certificates"), *pem;
    uint8_t *dictionary AUTO(auto_free) = NULL;
    size_t len = 0, i;

    snprintf(t->path, sizeof t->path, "%s", text_of(proposal, "path"));
    snprintf(t->split_path, sizeof t->split_path, "%s", text_of(proposal, "split_path"));
    snprintf(t->id_column, sizeof t->id_column, "%s", text_of(proposal, "id_column"));
    snprintf(t->label_column, sizeof t->label_column, "%s", text_of(proposal, "label_column"));
    t->refuse_duplicates = count_of(proposal, "refuse_duplicates");
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
static status prepare_session(char dir[FILES_PATH_BYTES], struct jobs *j, const struct store_job *job, party self,
                              struct fault *f)
{
    struct session_table t AUTO(session_table_clear) = {0};
    json_t *proposal AUTO(json_release) = NULL;
    uint8_t *contract AUTO(auto_free) = NULL;
    size_t len = 0;
    char path[FILES_PATH_BYTES];

    TRY(jobs_session_dir(dir, j->c.node->state_dir, job->id, job->attempt, f));
    TRY(files_make_directory(dir, f));
    TRY(store_get_paper(j->c.store, job->id, PAPER_CONTRACT, &contract, &len, f));
    TRY(check_fresh(dir, contract, len, f));
    TRY(load_json(&proposal, j, job->id, PAPER_PROPOSAL, f));
    TRY(table_of_proposal(&t, proposal, f));
    t.self = self;
    t.attempt = job->attempt;
    TRY(session_table_write(dir, &t, f));
    TRY(files_join(path, dir, "contract", f));
    return files_write(path, contract, len, 0600, f);
}

/* A fresh seed, sealed on disk before its public card is known to anybody; the card, signed. */
static status draw_and_sign(uint8_t out[APPROVAL_BYTES], struct jobs *j, const char *dir, const struct hash *id,
                            party self, uint32_t attempt, struct fault *f)
{
    struct rng_key seed AUTO(rng_key_clear) = {0};
    struct approval a = {.who = self, .attempt = attempt};
    uint8_t to_sign[APPROVAL_SIGNED_BYTES];

    keyring_random(seed.bytes, sizeof seed.bytes);
    TRY(session_secret_create(&seed, "seed", dir, j->c.keys, id, attempt, f));
    session_card_of_seed(&a.card, &seed);
    approval_signed_bytes(to_sign, id, &a);
    keyring_sign(j->c.keys, &a.signature, APPROVAL_SIGN_TAG, to_sign, sizeof to_sign);
    approval_encode(out, &a);
    return OK;
}

/* [SPEC 4.7] test rows are scored once per contract: another attempt would draw others and show more people's scores. */
static status check_unscored(struct jobs *j, const struct store_job *job, const struct contract *k, struct fault *f)
{
    char dir[FILES_PATH_BYTES];
    int scored = 0;

    TRY(jobs_session_dir(dir, j->c.node->state_dir, job->id, job->attempt, f));
    TRY(session_was_scored(&scored, dir, k->parties, f));
    if (!scored)
        return OK;
    fault_hint(f, "a new contract is needed: the coordinator proposes the job again");
    return fault_set(f, STATUS_REFUSED, "test rows of job %.16s were scored already, a contract scores once", job->id);
}

/* Under the lock.  A job that failed is approved for another attempt. */
static status approve(struct jobs *j, const char *id, const char *actor, struct fault *f)
{
    struct store_job job;
    struct contract *k AUTO(auto_free) = NULL;
    struct hash contract_hash;
    char dir[FILES_PATH_BYTES];
    uint8_t approval[APPROVAL_BYTES];
    party self;

    TRY(store_get_job(j->c.store, &job, id, f));
    TRY(load_contract(&k, &contract_hash, j, job.id, f));
    self = contract_party_named(k, j->c.node->name);
    if (job.state != JOB_AWAITING_APPROVAL && job.state != JOB_FAILED)
        return fault_set(f, STATUS_USAGE, "job %.16s is %s and cannot be approved", job.id, job_state_name(job.state));
    TRY(policy_check_window(k, j->c.clock(), f));
    if (job.state == JOB_FAILED) {
        TRY(check_unscored(j, &job, k, f));
        if (job.attempt + 1 >= k->attempts_max) {
            fault_hint(f, "a new contract is needed: the coordinator proposes the job again");
            return fault_set(f, STATUS_REFUSED, "all %u attempts of job %.16s are used up", k->attempts_max, job.id);
        }
        job.attempt++;
        TRY(store_set_attempt(j->c.store, job.id, job.attempt, f));
    }
    TRY(prepare_session(dir, j, &job, self, f));
    TRY(draw_and_sign(approval, j, dir, &contract_hash, self, job.attempt, f));
    TRY(store_put_approval(j->c.store, job.id, job.attempt, j->c.node->name, approval, sizeof approval, f));
    return store_set_state(j->c.store, job.id, JOB_APPROVED, actor, NULL, f);
}

static status op_approve(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                         struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;

    HOLD(j);
    TRY(find_job(&job, j, who, request, f));
    TRY(approve(j, job.id, who->name, f));
    return state_answer(answer, j, job.id, f);
}

static status op_refuse(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                        struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    const char *reason = text_of(request, "reason");
    struct fault why = {.code = STATUS_REFUSED};

    HOLD(j);
    TRY(find_job(&job, j, who, request, f));
    snprintf(why.message, sizeof why.message, "%.400s", reason[0] ? reason : "the operator said no");
    TRY(store_set_state(j->c.store, job.id, JOB_REFUSED, who->name, &why, f));
    return state_answer(answer, j, job.id, f);
}

static status own_columns(const char ***out, struct dictionary *d, struct jobs *j, const char *id, struct fault *f)
{
    json_t *proposal AUTO(json_release) = NULL;
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(load_json(&proposal, j, id, PAPER_PROPOSAL, f));
    if (!proposal)
        return OK; /* refused before it came to that */
    TRY(control_bytes(&bytes, &len, json_object_get(proposal, "dictionary"), "dictionary", STORE_BLOB_MAX, f));
    TRY(dictionary_decode(d, bytes, len));
    TRY(alloc_zeroed(out, d->num_columns, sizeof **out));
    for (uint16_t i = 0; i < d->num_columns; i++)
        (*out)[i] = d->columns[i].name;
    return OK;
}

static status op_explain(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
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
    TRY(find_job(&job, j, who, request, f));
    TRY(load_contract(&k, &id, j, job.id, f));
    TRY(own_columns(&columns, &dictionary, j, job.id, f));
    contract_explain(&text, k, contract_party_named(k, j->c.node->name), columns);
    TRY(wire_writer_status(&text));
    value = json_stringn((const char *)text.bytes, text.len);
    if (!value)
        return fault_set(f, STATUS_CONFIG, "a column name is not UTF-8");
    return json_object_set_new(answer, "text", value) ? STATUS_NO_MEMORY : OK;
}

/* ---- start, cancel, end ---- */

/* Under the lock.  The state and, in the paper, what the state alone does not tell. */
static void end_job(struct jobs *j, const char *id, const struct fault *why, const char *blamed,
                    const json_t *progress, const json_t *result)
{
    enum job_state state = why->code == OK ? JOB_DONE : why->code == STATUS_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
    json_t *error = why->code == OK ? json_null() : control_fault_json(why);
    json_t *all AUTO(json_release) = NULL;
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

static status op_start(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                       struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    struct contract *k AUTO(auto_free) = NULL;
    struct hash id;
    uint8_t approvals[PARTIES_MAX * APPROVAL_BYTES];
    char dir[FILES_PATH_BYTES], path[FILES_PATH_BYTES];

    HOLD(j);
    TRY(find_job(&job, j, who, request, f));
    if (job.state == JOB_RUNNING)
        return state_answer(answer, j, job.id, f);
    if (job.state != JOB_APPROVED)
        return fault_set(f, STATUS_REFUSED, "job %.16s is %s at %s and cannot start", job.id,
                         job_state_name(job.state), j->c.node->name);
    TRY(load_contract(&k, &id, j, job.id, f));
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
            end_job(j, job.id, f, NULL, NULL, NULL);
            return result;
        }
    }
    return state_answer(answer, j, job.id, f);
}

static status op_cancel(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                        struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    struct fault why = {.code = STATUS_CANCELLED};

    HOLD(j);
    TRY(find_job(&job, j, who, request, f));
    snprintf(why.message, sizeof why.message, "cancelled by %s%s",
             who->role == CONTROL_COORDINATOR ? "the coordinator " : "the operator of ",
             who->role == CONTROL_COORDINATOR ? who->name : j->c.node->name);
    if (job.state == JOB_RUNNING)
        j->c.workers.cancel(j->c.workers.ctx, job.id, &why); /* the state follows when the worker has ended */
    else if (job.state != JOB_CANCELLED)
        TRY(store_set_state(j->c.store, job.id, JOB_CANCELLED, who->name, &why, f));
    return state_answer(answer, j, job.id, f);
}

void jobs_ended(struct jobs *j, const char *id, const struct fault *why, const char *blamed, const json_t *progress,
                const json_t *result)
{
    HOLD(j);
    end_job(j, id, why, blamed, progress, result);
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
    json_t *live AUTO(json_release) =
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
    if (job->state == JOB_APPROVED || job->state == JOB_RUNNING || job->state == JOB_DONE)
        TRY(store_get_approval(j->c.store, job->id, job->attempt, j->c.node->name, &approval, &approval_len, f));
    json_object_set_new(answer, "contract", control_hex(contract, contract_len));
    json_object_set_new(answer, "approval", approval ? control_hex(approval, approval_len) : json_null());
    return OK;
}

/* The words of a failure, as written down when it happened. */
static json_t *error_of(const struct store_job *job, const json_t *ended)
{
    struct fault f = {0};
    json_t *told = json_object_get(ended, "error");

    if (job->state != JOB_FAILED && job->state != JOB_REFUSED && job->state != JOB_CANCELLED)
        return json_null();
    if (json_is_object(told) && !strcmp(text_of(told, "message"), job->error))
        return json_incref(told);
    f.code = job->state == JOB_REFUSED ? STATUS_REFUSED : job->state == JOB_CANCELLED ? STATUS_CANCELLED : STATUS_IO;
    snprintf(f.message, sizeof f.message, "%s", job->error);
    snprintf(f.hint, sizeof f.hint, "%s", job->hint);
    return control_fault_json(&f);
}

static status op_job(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                     struct fault *f)
{
    struct jobs *j = node;
    struct store_job job;
    json_t *ended AUTO(json_release) = NULL, *result;

    HOLD(j);
    TRY(find_job(&job, j, who, request, f));
    TRY(load_json(&ended, j, job.id, PAPER_RESULT, f));
    TRY(state_answer(answer, j, job.id, f));
    json_object_set_new(answer, "name", json_string(job.name));
    json_object_set_new(answer, "coordinator", json_string(job.proposer));
    json_object_set_new(answer, "attempt", json_integer(job.attempt));
    json_object_set_new(answer, "updated", json_integer(job.updated / 1000));
    json_object_set_new(answer, "reason", json_string(job.error));
    json_object_set_new(answer, "error", error_of(&job, ended));
    result = job.state == JOB_DONE ? json_object_get(ended, "result") : NULL;
    json_object_set_new(answer, "result", result ? json_incref(result) : json_null());
    add_progress(answer, j, &job, ended);
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
        TRY(state_answer(item, j, list[i].id, f));
        json_object_set_new(item, "name", json_string(list[i].name));
        json_object_set_new(item, "coordinator", json_string(list[i].proposer));
        json_object_set_new(item, "attempt", json_integer(list[i].attempt));
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
            end_job(j, list[i].id, why, NULL, NULL, NULL);
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
}

static status load_certificate(struct jobs *j, struct fault *f)
{
    uint8_t *pem = NULL;
    size_t len = 0;

    TRY(certificate_load(&j->certificate, j->c.node->certificate, f));
    TRY(files_read(&pem, &len, j->c.node->certificate, CERTIFICATE_BYTES_MAX, f));
    j->pem = (char *)pem;
    if (strcmp(j->certificate.name, j->c.node->name) != 0)
        return fault_set(f, STATUS_CONFIG, "%s is the certificate of %s, the node's name is %s",
                         j->c.node->certificate, j->certificate.name, j->c.node->name);
    if (j->certificate.role != ROLE_NODE)
        return fault_set(f, STATUS_CONFIG, "%s is the certificate of a %s, a node needs one of a node",
                         j->c.node->certificate, certificate_role_name(j->certificate.role));
    if (memcmp(j->certificate.key.bytes, keyring_public(j->c.keys)->bytes, SIGN_PUBLIC_BYTES) != 0)
        return fault_set(f, STATUS_CONFIG, "%s does not belong to %s", j->c.node->key, j->c.node->certificate);
    return OK;
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
        .op = {[CONTROL_HELLO] = op_hello,
               [CONTROL_PROPOSE] = op_propose,
               [CONTROL_CONTRACT] = op_contract,
               [CONTROL_JOB] = op_job,
               [CONTROL_START] = op_start,
               [CONTROL_CANCEL] = op_cancel,
               [CONTROL_JOBS] = op_jobs,
               [CONTROL_APPROVE] = op_approve,
               [CONTROL_REFUSE] = op_refuse,
               [CONTROL_EXPLAIN] = op_explain}};
    result = load_certificate(j, f);
    if (result != OK) {
        jobs_close(j);
        return result;
    }
    fail_jobs(j, JOB_RUNNING, 0, &restarted);
    *out = j;
    return OK;
}

void jobs_close(struct jobs *j)
{
    if (!j)
        return;
    for (uint32_t i = 0; i < OFFERS_MAX; i++)
        offer_clear(&j->offer[i]);
    certificate_clear(&j->certificate);
    free(j->pem);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

const struct control_ops *jobs_control(const struct jobs *j)
{
    return &j->ops;
}
