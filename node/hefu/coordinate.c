#include "node/hefu/coordinate.h"

#include "crypto/wire.h"
#include "node/local/keyring.h"
#include "node/net/control.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 300, CLOCK_SLACK_S = 300 };
enum { FRACTION_BITS = 16 };
static const double REMIND_SECONDS = 60;

void coordinate_clear(struct coordination *c)
{
    job_view_clear(&c->view);
}

/* ---- offers ---- */

/* What each node judges of the job before it offers anything; the rest stands in the contract, for the people who approve. */
static json_t *propose_request(const struct job_file *job, int prepare)
{
    json_t *tables = json_array();

    for (uint32_t i = 0; i < job->num_tables; i++)
        json_array_append_new(tables,
                              json_pack("{s:s,s:s}", "party", job->tables[i].party, "table", job->tables[i].table));
    return json_pack(
        "{s:s,s:b,s:{s:s,s:s,s:o,s:{s:I,s:I,s:I,s:I,s:I},s:I,s:I,s:{s:I,s:I},s:{s:I,s:I,s:I,s:I},s:I,s:I}}", "op", "propose", "prepare", prepare, "job",
        "name", job->name, "purpose", job->purpose, "tables", tables,
        "training", "passes", (json_int_t)job->training.passes, "ridge_micro", (json_int_t)job->training.ridge_micro,
        "sigmoid", (json_int_t)job->training.sigmoid, "table_bits", (json_int_t)job->training.table_bits,
        "score_range", (json_int_t)job->training.score_range,
        "suite", (json_int_t)job->suite, "key_bits", (json_int_t)job->key_bits,
        "test", "rule", (json_int_t)job->test.rule, "permille", (json_int_t)job->test.permille,
        "limits", "min_rows", (json_int_t)job->limits.min_rows, "min_positives", (json_int_t)job->limits.min_positives,
        "rows_per_bin", (json_int_t)job->limits.rows_per_bin, "attempts", (json_int_t)job->limits.attempts,
        "score_bits", (json_int_t)job->score_bits, "window_hours", (json_int_t)job->window_hours);
}

static status read_fixed(uint8_t *out, size_t len, const json_t *offer, const char *field, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t got = 0;

    TRY(control_bytes(&bytes, &got, json_object_get(offer, field), field, len, f));
    if (got != len)
        return fault_set(f, STATUS_MALFORMED, "an offer has a %s of %zu bytes, expected %zu", field, got, len);
    memcpy(out, bytes, len);
    return OK;
}

static status read_offer(struct contract_party *out, const json_t *offer, const struct config_peer *node, enum suite s,
                         struct fault *f)
{
    const struct hash *pin = config_peer_pin(node, s);
    uint8_t *bins AUTO(auto_free) = NULL;
    size_t columns = 0;

    if (strcmp(json_text(offer, "name"), node->name) != 0 || strlen(node->name) >= sizeof out->name)
        return fault_set(f, STATUS_UNEXPECTED, "%s made an offer under another name", node->name);
    strcpy(out->name, node->name);
    TRY(read_fixed(out->certificate.bytes, HASH_BYTES, offer, "certificate", f));
    TRY(read_fixed(out->identity.bytes, SIGN_PUBLIC_BYTES, offer, "identity", f));
    if (!pin) {
        fault_hint(f, "hefu node trust %s-gm.pem --coordinator FILE pins it", node->name);
        return fault_set(f, STATUS_CONFIG, "this coordinator does not know the sm2 certificate of %s, which a contract of suite %s "
                         "needs", node->name, suite_name(s));
    }
    if (!hash_equal(&out->certificate, pin))
        return fault_set(f, STATUS_UNTRUSTED, "%s made an offer for another certificate", node->name);
    out->has_label = json_is_true(json_object_get(offer, "has_label")) || json_count(offer, "has_label") == 1;
    out->rows = (uint32_t)json_count(offer, "rows");
    TRY(read_fixed(out->data_root.bytes, HASH_BYTES, offer, "data_root", f));
    TRY(read_fixed(out->schema_hash.bytes, HASH_BYTES, offer, "schema_hash", f));
    TRY(control_bytes(&bins, &columns, json_object_get(offer, "bins"), "bins", CONTRACT_COLUMNS_MAX, f));
    if (columns != json_count(offer, "columns"))
        return fault_set(f, STATUS_MALFORMED, "%s offers %zu bins for %u columns", node->name, columns,
                         (unsigned)json_count(offer, "columns"));
    out->columns = (uint16_t)columns;
    memcpy(out->bins, bins, columns);
    return OK;
}

/* certificates: their PEM texts in party order, for every node to see whose keys the contract names. */
static status collect_offers(struct coordination *c, json_t *certificates, const struct job_file *job, int prepare,
                             struct fault *f)
{
    struct job_view *v = &c->view;

    for (uint32_t i = 0; i < job->num_tables; i++)
        TRY(audience_index(&v->node[i], v->audience, job->tables[i].party, f));
    v->count = job->num_tables;
    for (uint32_t i = 0; i < v->count; i++) {
        json_t *answer AUTO(auto_json) = NULL;

        json_t *offer;

        TRY(audience_ask(v->audience, v->node[i], propose_request(job, prepare), &answer, f));
        offer = json_object_get(answer, "offer");
        TRY(read_offer(&c->contract.party[i], offer, &v->audience->coordinator->nodes[v->node[i]], job->suite, f));
        if (json_array_append(certificates, json_object_get(offer, "pem")) != 0)
            return fault_set(f, STATUS_MALFORMED, "%s made an offer without its certificate", job_view_name(v, i));
    }
    c->contract.parties = (party)v->count;
    return OK;
}

/* Exactly one table has the label; with none or two, say which. */
static status check_labels(const struct contract *c, const struct job_file *job, struct fault *f)
{
    party first = c->parties;

    for (party p = 0; p < c->parties; p++) {
        if (!c->party[p].has_label)
            continue;
        if (first < c->parties) {
            fault_set(f, STATUS_CONFIG, "two tables have a label: %s of %s and %s of %s", job->tables[first].table,
                      c->party[first].name, job->tables[p].table, c->party[p].name);
            fault_hint(f, "exactly one party brings the label; the other registers its table without --label");
            return STATUS_CONFIG;
        }
        first = p;
    }
    if (first == c->parties) {
        fault_set(f, STATUS_CONFIG, "no table of the job has a label");
        fault_hint(f, "the party that knows who defaulted registers its table with --label COLUMN");
        return STATUS_CONFIG;
    }
    return OK;
}

/* ---- the contract ---- */

status coordinate_terms(struct contract *k, const struct job_file *job, struct fault *f)
{
    uint64_t now = (uint64_t)time(NULL);

    k->version = CONTRACT_VERSION;
    k->protocol = PROTOCOL_VERSION;
    k->suite = (uint8_t)job->suite;
    contract_training_defaults(k, job->training.sigmoid);
    k->test_rule = (uint8_t)job->test.rule;
    if (strlen(job->name) >= sizeof k->job || strlen(job->purpose) >= sizeof k->purpose)
        return fault_set(f, STATUS_CONFIG, "the job's name or purpose is too long");
    strcpy(k->job, job->name);
    strcpy(k->purpose, job->purpose);
    k->not_before = now - CLOCK_SLACK_S;
    k->not_after = now + (uint64_t)job->window_hours * 3600;
    keyring_random(k->nonce, sizeof k->nonce);
    k->key_bits = job->key_bits;
    k->passes = (uint16_t)job->training.passes;
    k->ridge_micro = job->training.ridge_micro;
    k->test_permille = (uint16_t)job->test.permille;
    k->fraction_bits = FRACTION_BITS;
    k->score_bits = (uint8_t)job->score_bits;
    k->table_bits = (uint8_t)job->training.table_bits;
    k->score_range = (uint8_t)job->training.score_range;
    k->min_rows = job->limits.min_rows;
    k->min_positives = job->limits.min_positives;
    k->rows_per_bin = (uint8_t)job->limits.rows_per_bin;
    k->attempts_max = (uint8_t)job->limits.attempts;
    k->previous = job->previous;
    k->consent_root = job->law.consent_root;
    k->assessment_hash = job->law.assessment;
    k->data_level = (uint8_t)job->law.data_level;
    strcpy(k->authorisations, job->law.authorisations);
    k->replay = (uint8_t)job->audit.replay;
    strcpy(k->auditor, job->audit.auditor);
    k->auditor_key = job->audit.auditor_key;
    k->retention_days = (uint16_t)job->audit.retention_days;
    return OK;
}

static void id_of_contract(char out[JOB_ID_BYTES], const struct hash *id)
{
    for (size_t i = 0; i < (JOB_ID_BYTES - 1) / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", id->bytes[i]);
}

static status deliver_contract(struct coordination *c, json_t *certificates, int prepare, struct fault *f)
{
    struct job_view *v = &c->view;
    struct wire_writer bytes AUTO(wire_writer_clear) = {0};
    struct hash id;

    TRY(contract_encode(&bytes, &c->contract));
    TRY(contract_id(&id, &c->contract));
    id_of_contract(v->id, &id);
    for (uint32_t i = 0; i < v->count; i++) {
        json_t *answer AUTO(auto_json) = NULL;

        TRY(audience_ask(v->audience, v->node[i],
                         json_pack("{s:s,s:b,s:o,s:O}", "op", "contract", "prepare", prepare, "contract",
                                   control_hex(bytes.bytes, bytes.len), "certificates", certificates),
                         &answer, f));
        if (strcmp(json_text(answer, "job"), v->id) != 0)
            return fault_set(f, STATUS_UNEXPECTED, "%s took the contract for another job", job_view_name(v, i));
    }
    return OK;
}

/* The job will not run: nobody needs to decide on it any more.  Best effort. */
static void call_off(struct coordination *c)
{
    struct job_view *v = &c->view;

    for (uint32_t i = 0; i < v->count; i++) {
        json_t *answer AUTO(auto_json) = NULL;

        (void)!audience_ask(v->audience, v->node[i], json_pack("{s:s,s:s}", "op", "cancel", "job", v->id), &answer,
                            NULL);
    }
}

static status propose(struct coordination *c, struct audience *a, const struct job_file *job, int prepare, struct bar *bar,
                      struct fault *f)
{
    json_t *certificates AUTO(auto_json) = json_array();
    status code;

    *c = (struct coordination){.view = {.audience = a, .bar = bar}, .since = bar_clock()};
    TRY(collect_offers(c, certificates, job, prepare, f));
    TRY(check_labels(&c->contract, job, f));
    TRY(coordinate_terms(&c->contract, job, f));
    TRY(contract_check(&c->contract, 0, f));
    code = deliver_contract(c, certificates, prepare, f);
    if (code != OK)
        call_off(c);
    return code;
}

status coordinate_propose(struct coordination *c, struct audience *a, const struct job_file *job, struct bar *bar,
                          struct fault *f)
{
    return propose(c, a, job, 0, bar, f);
}

status coordinate_propose_offline(struct coordination *c, struct audience *a, const struct job_file *job, struct bar *bar,
                                  struct fault *f)
{
    return propose(c, a, job, 1, bar, f);
}

status coordinate_resume(struct coordination *c, struct audience *a, const char *id, struct bar *bar, struct fault *f)
{
    struct job_view *v = &c->view;
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    json_t *hex;

    *c = (struct coordination){.since = bar_clock()};
    TRY(job_view_open(v, a, id, bar, f));
    hex = json_object_get(v->state[0], "contract");
    TRY(control_bytes(&bytes, &len, hex, "contract", CONTRACT_BYTES_MAX, f));
    TRY(contract_decode(&c->contract, bytes, len, f));

    /* Nodes in the contract's order. */
    for (uint32_t i = 0; i < v->count; i++)
        json_decref(v->state[i]);
    *v = (struct job_view){.audience = a, .bar = bar, .count = c->contract.parties};
    memcpy(v->id, id, JOB_ID_BYTES);
    for (uint32_t i = 0; i < v->count; i++)
        TRY(audience_index(&v->node[i], a, c->contract.party[i].name, f));
    return job_view_poll(v, f);
}

/* ---- prepared jobs ---- */

/* Would the job file make this contract today, but for nonce and window? */
static int fits(const struct contract *prepared, const struct job_file *job)
{
    struct contract again = *prepared, *k = &again;
    struct hash a, b;

    if (job->num_tables != prepared->parties)
        return 0;
    for (party p = 0; p < prepared->parties; p++)
        if (strcmp(job->tables[p].party, prepared->party[p].name) != 0)
            return 0;
    memset(k->job, 0, sizeof k->job);
    memset(k->purpose, 0, sizeof k->purpose);
    memset(k->authorisations, 0, sizeof k->authorisations);
    memset(k->auditor, 0, sizeof k->auditor);
    if (coordinate_terms(k, job, NULL) != OK)
        return 0;
    k->not_before = prepared->not_before;
    k->not_after = prepared->not_after;
    memcpy(k->nonce, prepared->nonce, sizeof k->nonce);
    return contract_id(&a, k) == OK && contract_id(&b, prepared) == OK && hash_equal(&a, &b);
}

status coordinate_find_prepared(struct coordination *c, int *found, struct audience *a, const struct job_file *job,
                                struct bar *bar, struct fault *f)
{
    json_t *answer AUTO(auto_json) = NULL;
    const json_t *one;
    uint32_t first;
    size_t i;

    *found = 0;
    TRY(audience_index(&first, a, job->tables[0].party, f));
    TRY(audience_ask(a, first, json_pack("{s:s}", "op", "jobs"), &answer, f));
    json_array_foreach(json_object_get(answer, "jobs"), i, one) {
        if (strcmp(json_text(one, "state"), "prepared") != 0 || strcmp(json_text(one, "name"), job->name) != 0 ||
            coordinate_resume(c, a, json_text(one, "job"), bar, NULL) != OK)
            continue;
        *found = job_view_all(&c->view, "prepared") && fits(&c->contract, job);
        if (*found)
            return OK;
        bar_note(bar, "the preparation of job %s is not used: %s", c->view.id,
                 job_view_all(&c->view, "prepared") ? "the job file says something else than its contract"
                                                    : "not all parties have it any more");
        coordinate_clear(c);
    }
    return OK;
}

/* ---- approvals and start ---- */

/* "tax and social", "a, b and c": those that have not approved yet; returns how many. */
static uint32_t missing_names(const struct job_view *v, char *out, size_t cap)
{
    uint32_t missing = 0, said = 0;
    size_t len = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < v->count; i++)
        missing += !json_text(v->state[i], "approval")[0];
    for (uint32_t i = 0; i < v->count && len < cap; i++) {
        if (json_text(v->state[i], "approval")[0])
            continue;
        said++;
        len += (size_t)snprintf(out + len, cap - len, "%s%s", said == 1 ? "" : said == missing ? " and " : ", ",
                                job_view_name(v, i));
    }
    return missing;
}

static status wait_for_approvals(struct coordination *c, struct fault *f)
{
    struct job_view *v = &c->view;
    unsigned approval_s = v->audience->coordinator->deadlines.approval_s;
    char names[PARTIES_MAX * (PARTY_NAME_MAX + 4)], told[sizeof names] = "";
    double told_at = 0;

    for (;;) {
        double now = bar_clock();
        uint32_t missing;
        status code;

        TRY(job_view_poll(v, f));
        code = job_view_verdict(v, f);
        if (code == STATUS_REFUSED)
            call_off(c);
        TRY(code);
        missing = missing_names(v, names, sizeof names);
        if (!missing)
            return OK;
        if (interrupted()) {
            fault_set(f, STATUS_CANCELLED, "stopped waiting for %s to approve", names);
            fault_hint(f, "hefu watch %s%s goes on where this stopped; hefu job cancel %s%s ends the job", v->id,
                       v->audience->option, v->id, v->audience->option);
            return STATUS_CANCELLED;
        }
        if (now - c->since > approval_s) {
            fault_set(f, STATUS_TIMEOUT, "%s did not approve within %u s", names, approval_s);
            fault_hint(f, "ask the operator of %s, or raise deadlines.approval_s in the coordinator's file", names);
            return STATUS_TIMEOUT;
        }
        /* A policy that approves by itself answers at once: wait a moment before asking people for anything. */
        if (now - c->since > 1.5 && (strcmp(names, told) != 0 || now - told_at > REMIND_SECONDS)) {
            bar_note(v->bar, "waiting for %s to approve job %s", names, v->id);
            if (!told[0])
                bar_note(v->bar, "  the operator there reads it:  hefu job show %s --node DIR\n"
                                 "hefu:   and decides:  hefu job approve %s --node DIR", v->id, v->id);
            strcpy(told, names);
            told_at = now;
        }
        job_view_pause(POLL_MS);
    }
}

static int has_started(const struct coordination *c)
{
    for (uint32_t i = 0; i < c->view.count; i++) {
        const char *state = job_view_state(&c->view, i);

        if (strcmp(state, "running") != 0 && strcmp(state, "done") != 0 &&
            (c->use_preparation || strcmp(state, "prepared") != 0))
            return 0;
    }
    return 1;
}

static int is_started(const char *state)
{
    return strcmp(state, "running") == 0 || strcmp(state, "done") == 0 || strcmp(state, "failed") == 0;
}

/* check: only ask whether they would. */
static status start_all(struct coordination *c, int check, struct fault *f)
{
    struct job_view *v = &c->view;

    for (uint32_t i = 0; i < v->count; i++) {
        json_t *answer AUTO(auto_json) = NULL;
        json_t *approvals;

        if (is_started(job_view_state(v, i)))
            continue;
        approvals = json_array();
        for (uint32_t p = 0; p < v->count; p++)
            json_array_append(approvals, json_object_get(v->state[p], "approval"));
        TRY(audience_ask(v->audience, v->node[i],
                         json_pack("{s:s,s:s,s:b,s:o}", "op", "start", "job", v->id, "check", check, "approvals", approvals),
                         &answer, f));
    }
    return OK;
}

status coordinate_start(struct coordination *c, struct fault *f)
{
    if (has_started(c))
        return OK;
    TRY(wait_for_approvals(c, f));
    if (c->use_preparation) /* what one party refuses would cost all of them theirs */
        TRY(start_all(c, 1, f));
    return start_all(c, 0, f);
}

status coordinate_run(struct coordination *c, struct fault *f)
{
    status code;

    TRY(coordinate_start(c, f));
    code = job_view_watch(&c->view, f);
    if (code == STATUS_CANCELLED && interrupted())
        fault_hint(f, "the job goes on; hefu watch %s%s shows it, hefu job cancel %s%s ends it", c->view.id,
                   c->view.audience->option, c->view.id, c->view.audience->option);
    return code;
}

/* ---- what came out ---- */

/* A figure that each party has of its own, as an object by name. */
static json_t *by_party(const struct job_view *v, const char *key)
{
    json_t *out = json_object();

    for (uint32_t i = 0; i < v->count; i++) {
        json_t *own = json_object_get(json_object_get(v->state[i], "result"), key);

        json_object_set(out, job_view_name(v, i), own ? own : json_object_get(v->state[i], key));
    }
    return out;
}

json_t *coordinate_outcome(const struct coordination *c)
{
    static const char *const own[] = {"bytes_sent", "bytes_received", "cpu_seconds", "records", "head"};
    const struct job_view *v = &c->view;
    json_t *out = json_deep_copy(json_object_get(v->state[contract_label_party(&c->contract)], "result"));

    if (!json_is_object(out)) {
        json_decref(out);
        out = json_object();
    }
    json_object_set_new(out, "job_id", json_string(v->id));
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        json_object_set_new(out, own[i], by_party(v, own[i]));
    return out;
}

static void time_text(char out[32], uint64_t seconds)
{
    time_t at = (time_t)seconds;
    struct tm t;

    localtime_r(&at, &t);
    strftime(out, 32, "%Y-%m-%d %H:%M", &t);
}

/* "12,345 people, 4.1 MB on disk, made 2026-01-31 12:00, to be used until 2026-02-01 12:00" */
void coordinate_preparation_text(char out[COORDINATE_TEXT_BYTES], const json_t *preparation)
{
    char made[32], until[32], bytes[BAR_SIZE_BYTES];

    time_text(made, json_count(preparation, "made"));
    time_text(until, json_count(preparation, "expires"));
    bar_bytes_text(bytes, json_count(preparation, "bytes"));
    snprintf(out, COORDINATE_TEXT_BYTES, "%llu people, %s on disk, made %s, to be used until %s",
             (unsigned long long)json_count(preparation, "rows"), bytes, made, until);
}

static void print_prepared(const struct coordination *c, const json_t *o)
{
    const struct job_view *v = &c->view;

    printf("job %s is prepared: %llu people common to %u parties, %llu to train on, %llu to test\n", v->id,
           (unsigned long long)json_count(o, "rows_aligned"), c->contract.parties,
           (unsigned long long)json_count(o, "rows_train"), (unsigned long long)json_count(o, "rows_test"));
    for (uint32_t i = 0; i < v->count; i++) {
        char text[COORDINATE_TEXT_BYTES];

        coordinate_preparation_text(text, json_object_get(v->state[i], "preparation"));
        printf("  %-12s  %s\n", job_view_name(v, i), text);
    }
    printf("train it: hefu train %s%s\n", v->id, v->audience->option);
}

static void print_model(const char *name, double auc, double ks, double logloss)
{
    printf("  %-12s  AUC %.4f   KS %.4f   log-loss %.4f\n", name, auc, ks, logloss);
}

status coordinate_print(const struct coordination *c, int as_json, struct fault *f)
{
    json_t *o AUTO(auto_json) = coordinate_outcome(c);
    const char *label = c->contract.party[contract_label_party(&c->contract)].name;

    if (!o)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    if (as_json) {
        json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
        putchar('\n');
        return OK;
    }
    if (job_view_all(&c->view, "prepared")) {
        print_prepared(c, o);
        return OK;
    }
    printf("job %s is done: %llu people common to %u parties, %llu trained on, %llu tested\n", c->view.id,
           (unsigned long long)json_count(o, "rows_aligned"), c->contract.parties,
           (unsigned long long)json_count(o, "rows_train"), (unsigned long long)json_count(o, "rows_test"));
    print_model(label, json_decimal(o, "auc_label_party_alone"), json_decimal(o, "ks_label_party_alone"),
                json_decimal(o, "logloss_label_party_alone"));
    print_model("joint", json_decimal(o, "auc_test"), json_decimal(o, "ks_test"), json_decimal(o, "logloss_test"));
    printf("report: hefu report %s%s\n", c->view.id, c->view.audience->option);
    return OK;
}
