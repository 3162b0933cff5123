/* The life of a job at one node, bank, with a worker that does nothing: offers, contracts, policy, approvals, ends. */
#include "node/net/jobs.h"

#include "node/local/ca.h"
#include "node/local/commitment.h"
#include "node/local/session_files.h"
#include "protocol/approver.h"
#include "training/preparation.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "kit/suite.h"
#include "node/scratch.h"

enum { NOW = 1900000000, DAYS = 3650 };

static const struct control_caller operator = {CONTROL_OPERATOR, "operator"};
static const struct control_caller acme = {CONTROL_COORDINATOR, "acme"};
static const struct control_caller other = {CONTROL_COORDINATOR, "other"};

/* ---- bank and what surrounds it ---- */

struct worker {
    int started, cancelled;
    status start_result;
    struct fault why;
    char session_dir[FILES_PATH_BYTES];
    uint32_t attempt;
    enum stage stage;
    party self;
};

static struct node_config config;
static struct keyring *keys, *tax_keys;
static struct certificate bank, tax;
static char *bank_pem, *tax_pem;
static enum suite suite; /* of the contracts, and of these certificates */
static struct store *store;
static struct jobs *jobs;
static struct worker worker;
static char logged[2000]; /* the last line of hefud's log */
static int64_t now = NOW;
static uint8_t replay; /* of the contracts that acme makes */
static const char *auditor; /* likewise; "": none */

static int no_memory; /* of OpenSSL, which checks SM2 signatures */

static void *scarce_malloc(size_t len, const char *file, int line)
{
    (void)file, (void)line;
    return no_memory ? NULL : malloc(len);
}

static void *scarce_realloc(void *p, size_t len, const char *file, int line)
{
    (void)file, (void)line;
    return no_memory ? NULL : realloc(p, len);
}

static void scarce_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

static int64_t fake_clock(void)
{
    return now;
}

static status fake_start(void *ctx, const struct jobs_attempt *a, struct fault *f)
{
    struct worker *w = ctx;

    if (w->start_result != OK)
        return fault_set(f, w->start_result, "no room for another process");
    w->started++;
    w->attempt = a->attempt;
    w->stage = a->stage;
    w->self = a->self;
    snprintf(w->session_dir, sizeof w->session_dir, "%s", a->session_dir);
    return OK;
}

static void fake_cancel(void *ctx, const char *id, const struct fault *why)
{
    struct worker *w = ctx;

    (void)id;
    w->cancelled++;
    w->why = *why;
}

static json_t *fake_progress(void *ctx, const char *id)
{
    (void)ctx, (void)id;
    return json_pack("{s:s, s:i, s:i, s:I}", "phase", "train", "pass", 3, "passes", 16, "bytes_sent", (json_int_t)12345);
}

static json_t *fake_peers(void *ctx)
{
    (void)ctx;
    return json_pack("[{s:s, s:s}]", "name", "tax", "state", "connected");
}

static int fake_running(void *ctx)
{
    return ((struct worker *)ctx)->started;
}

static void keep_line(const char *line)
{
    snprintf(logged, sizeof logged, "%s", line);
}

static void open_jobs(void)
{
    const struct jobs_config c = {
        .node = &config,
        .store = store,
        .keys = keys,
        .clock = fake_clock,
        .log = keep_line,
        .workers = {.ctx = &worker, .start = fake_start, .cancel = fake_cancel, .progress = fake_progress,
                    .peers = fake_peers, .running = fake_running},
    };
    struct fault f = {0};

    if (jobs_open(&jobs, &c, &f) != OK)
        fail_msg("%s", f.message);
}

static void issue(struct certificate *out, char **pem, struct keyring **k, const char *name, struct fault *f)
{
    char ca[FILES_PATH_BYTES], dir[200], path[FILES_PATH_BYTES];
    size_t len;

    snprintf(ca, sizeof ca, "%s/ca", scratch);
    snprintf(dir, sizeof dir, "%s/%s", scratch, name);
    assert_int_equal(files_make_directory(dir, f), OK);
    assert_int_equal(ca_issue(ca, &(struct ca_request){.name = name, .role = ROLE_NODE, .days = DAYS, .out = dir}, out, f), OK);
    snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    assert_int_equal(files_read((uint8_t **)pem, &len, path, 1 << 16, f), OK);
    snprintf(path, sizeof path, "%s/%s.key", dir, name);
    snprintf(ca, sizeof ca, "%s/state", dir);
    assert_int_equal(files_make_directory(ca, f), OK);
    assert_int_equal(keyring_new(k, path, ca, f), OK);
}

/* The second identity, in its place from now on. */
static void issue_gm(struct certificate *out, char **pem, struct keyring *k, const char *name, struct fault *f)
{
    char dir[200], path[FILES_PATH_BYTES];
    size_t len;

    snprintf(dir, sizeof dir, "%s/%s", scratch, name);
    certificate_clear(out);
    free(*pem);
    assert_int_equal(ca_issue(in_scratch("ca-gm"), &(struct ca_request){.name = name, .role = ROLE_NODE, .days = DAYS, .out = dir}, out, f), OK);
    snprintf(path, sizeof path, "%s/%s-gm.pem", dir, name);
    assert_int_equal(files_read((uint8_t **)pem, &len, path, 1 << 16, f), OK);
    snprintf(path, sizeof path, "%s/%s-gm.key", dir, name);
    assert_int_equal(keyring_add(k, path, f), OK);
}

static void set_up_gm(struct fault *f)
{
    assert_int_equal(ca_init(in_scratch("ca-gm"), "test consortium", SUITE_GM1, f), OK);
    issue_gm(&bank, &bank_pem, keys, "bank", f);
    issue_gm(&tax, &tax_pem, tax_keys, "tax", f);
    snprintf(config.gm.certificate, sizeof config.gm.certificate, "%s/bank/bank-gm.pem", scratch);
    snprintf(config.gm.key, sizeof config.gm.key, "%s/bank/bank-gm.key", scratch);
    snprintf(config.gm.ca, sizeof config.gm.ca, "%s/ca-gm/ca.pem", scratch);
    snprintf(config.gm.crl, sizeof config.gm.crl, "%s/ca-gm/crl.pem", scratch);
    config.peers[0].gm_fingerprint = tax.fingerprint;
}

/* One label in every is 1, the ages are shifted by that much. */
static void write_table_of(const char *name, int every, int shift)
{
    FILE *out = fopen(in_scratch(name), "w");

    assert_non_null(out);
    fprintf(out, "id,secret_age,secret_limit,label\n");
    for (int i = 0; i < 200; i++)
        fprintf(out, "p%04d,%d,%d,%d\n", i, (i * 37 + shift) % 83, (i * 53) % 997, i % every == 0);
    fclose(out);
}

static void write_table(const char *name)
{
    write_table_of(name, 4, 0);
}

static int set_up(void **state)
{
    struct fault f = {0};
    struct store_table t = {.name = "loans", .kind = "csv", .id_column = "id", .label_column = "label"};
    char ca[FILES_PATH_BYTES];

    if (scratch_make(state))
        return -1;
    now = NOW;
    replay = REPLAY_SEALED;
    auditor = "";
    no_memory = 0;
    worker = (struct worker){0};
    config = (struct node_config){.name = "bank", .num_peers = 1, .num_coordinators = 1};
    snprintf(ca, sizeof ca, "%s/ca", scratch);
    assert_int_equal(ca_init(ca, "test consortium", SUITE_INT1, &f), OK);
    issue(&bank, &bank_pem, &keys, "bank", &f);
    issue(&tax, &tax_pem, &tax_keys, "tax", &f);
    now = (int64_t)time(NULL); /* the certificates are valid now */
    snprintf(config.state_dir, sizeof config.state_dir, "%s/bank/state", scratch);
    snprintf(config.certificate, sizeof config.certificate, "%s/bank/bank.pem", scratch);
    snprintf(config.key, sizeof config.key, "%s/bank/bank.key", scratch);
    snprintf(config.ca, sizeof config.ca, "%s/ca/ca.pem", scratch);
    strcpy(config.peers[0].name, "tax");
    strcpy(config.peers[0].address, "tcp://127.0.0.1:1");
    config.peers[0].fingerprint = tax.fingerprint;
    if (suite == SUITE_GM1)
        set_up_gm(&f);
    config.policy = (struct config_policy){.approve = APPROVE_ASK, .min_rows = 100, .max_passes = 20, .min_key_bits = 2048,
                                           .outputs = OUTPUT_WEIGHTS | OUTPUT_SCORES | OUTPUT_METRICS};
    config.deadlines = (struct config_deadlines){.handshake_s = 5, .peer_s = 10, .step_s = 60, .approval_s = 3600, .job_s = 600};
    assert_int_equal(store_open(&store, config.state_dir, &f), OK);
    write_table("loans.csv");
    snprintf(t.path, sizeof t.path, "%s/loans.csv", scratch);
    assert_int_equal(store_add_table(store, &t, &f), OK);
    open_jobs();
    return 0;
}

static int tear_down(void **state)
{
    jobs_close(jobs);
    store_close(store);
    keyring_free(keys);
    keyring_free(tax_keys);
    certificate_clear(&bank);
    certificate_clear(&tax);
    free(bank_pem);
    free(tax_pem);
    return scratch_remove(state);
}

/* ---- asking ---- */

static json_t *ask(const struct control_caller *who, json_t *request)
{
    char *text = json_dumps(request, 0);
    json_t *answer = control_answer(jobs_control(jobs), who, text, strlen(text));

    free(text);
    json_decref(request);
    assert_non_null(answer);
    return answer;
}

static json_t *must(const struct control_caller *who, json_t *request)
{
    json_t *answer = ask(who, request);

    if (!json_is_true(json_object_get(answer, "ok")))
        fail_msg("%s", json_string_value(json_object_get(json_object_get(answer, "error"), "message")));
    return answer;
}

/* The request is turned down with this code, in words that hold this text. */
static void must_fail(const struct control_caller *who, json_t *request, const char *code, const char *words)
{
    json_t *answer = ask(who, request), *error = json_object_get(answer, "error");
    const char *message = json_string_value(json_object_get(error, "message"));

    if (!error)
        fail_msg("it was allowed, expected: %s", words);
    if (strcmp(json_string_value(json_object_get(error, "code")), code) || !strstr(message, words))
        fail_msg("%s: %s; expected: %s: %s", json_string_value(json_object_get(error, "code")), message, code, words);
    json_decref(answer);
}

static json_t *propose_request(int key_bits, int passes, int min_rows)
{
    return json_pack("{s:s, s:{s:s, s:i, s:[{s:s, s:s}, {s:s, s:s}], s:i, s:{s:i}, s:{s:i}, s:{s:i}}}", "op", "propose", "job",
                     "name", "risk", "suite", (int)suite, "tables", "party", "bank", "table", "loans", "party", "tax", "table", "incomes", "key_bits",
                     key_bits, "training", "passes", passes, "limits", "min_rows", min_rows, "test", "rule", TEST_DRAWN);
}

static void read_hash(struct hash *out, const json_t *offer, const char *field)
{
    uint8_t *bytes = NULL;
    size_t len = 0;

    assert_int_equal(control_bytes(&bytes, &len, json_object_get(offer, field), field, HASH_BYTES, NULL), OK);
    assert_int_equal(len, HASH_BYTES);
    memcpy(out->bytes, bytes, HASH_BYTES);
    free(bytes);
}

static struct contract contract_of_offer(const json_t *offer)
{
    struct contract k = {
        .version = CONTRACT_VERSION, .protocol = PROTOCOL_VERSION, .suite = (uint8_t)suite, .sigmoid = SIGMOID_LINEAR, .test_rule = TEST_DRAWN, .job = "risk",
        .purpose = "to test", .not_before = (uint64_t)now - 10, .not_after = (uint64_t)now + 7200, .nonce = {1}, .parties = 2,
        .key_bits = 2048, .passes = 16, .ridge_micro = 3000, .optimiser = OPTIMISER_NESTEROV, .step_1024 = 1331, .momentum_1024 = 717, .test_permille = 300,
        .fraction_bits = 16, .score_bits = 6, .min_rows = 100, .min_positives = 10, .rows_per_bin = 5, .attempts_max = 2, .replay = replay};
    uint8_t *bins = NULL;
    size_t columns = 0;

    strcpy(k.auditor, auditor);
    if (k.auditor[0])
        assert_int_equal(seal_public_of(&k.auditor_key, &(struct seal_secret){.bytes = {9, 9}, .suite = suite}), OK);
    strcpy(k.party[0].name, "bank");
    k.party[0].certificate = bank.fingerprint;
    k.party[0].identity = bank.key;
    k.party[0].has_label = 1;
    k.party[0].rows = (uint32_t)json_integer_value(json_object_get(offer, "rows"));
    assert_int_equal(control_bytes(&bins, &columns, json_object_get(offer, "bins"), "bins", CONTRACT_COLUMNS_MAX, NULL), OK);
    k.party[0].columns = (uint16_t)columns;
    memcpy(k.party[0].bins, bins, columns);
    free(bins);
    read_hash(&k.party[0].data_root, offer, "data_root");
    read_hash(&k.party[0].schema_hash, offer, "schema_hash");
    k.outputs = contract_outputs(&k);
    strcpy(k.party[1].name, "tax");
    memset(&k.party[1].data_root, 1, HASH_BYTES);
    memset(&k.party[1].schema_hash, 2, HASH_BYTES);
    k.party[1].certificate = tax.fingerprint;
    k.party[1].identity = tax.key;
    k.party[1].rows = 300;
    k.party[1].columns = 2;
    k.party[1].bins[0] = 5;
    k.party[1].bins[1] = 3;
    return k;
}

static json_t *contract_request(const struct contract *k, const char *first, const char *second)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    assert_int_equal(contract_encode(&w, k), OK);
    return json_pack("{s:s, s:o, s:[s, s]}", "op", "contract", "contract", control_hex(w.bytes, w.len), "certificates", first,
                     second);
}

static struct contract proposed(void)
{
    json_t *answer = must(&acme, propose_request(2048, 16, 100));
    struct contract k = contract_of_offer(json_object_get(answer, "offer"));

    json_decref(answer);
    return k;
}

static void job_id(char out[17], const struct contract *k)
{
    struct hash id;
    char hex[65];

    assert_int_equal(contract_id(&id, k), OK);
    hash_hex(&id, hex);
    memcpy(out, hex, 16);
    out[16] = '\0';
}

static json_t *about(const char *op, const char *id)
{
    return json_pack("{s:s, s:s}", "op", op, "job", id);
}

static void state_is(const char *id, const char *state)
{
    json_t *answer = must(&acme, about("job", id));

    assert_string_equal(json_string_value(json_object_get(answer, "state")), state);
    json_decref(answer);
}

/* A contract that bank has and its operator has approved. */
static struct contract approved(char id[17])
{
    struct contract k = proposed();

    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(id, &k);
    json_decref(must(&operator, about("approve", id)));
    return k;
}

static struct approval approval_of_bank(const char *id)
{
    json_t *answer = must(&acme, about("job", id));
    struct approval a;
    uint8_t *bytes = NULL;
    size_t len = 0;

    assert_int_equal(control_bytes(&bytes, &len, json_object_get(answer, "approval"), "approval", APPROVAL_BYTES, NULL), OK);
    assert_int_equal(len, APPROVAL_BYTES);
    assert_int_equal(approval_decode(&a, bytes), OK);
    free(bytes);
    json_decref(answer);
    return a;
}

static struct approval approval_of_tax_for(const struct contract *k, uint32_t attempt, enum stage stage,
                                           const struct hash *preparation)
{
    struct approval a = {.who = 1, .attempt = attempt, .stage = stage};
    struct rng_key seed = {.bytes = {7}, .suite = (uint8_t)suite};
    uint8_t bytes[APPROVAL_SIGNED_BYTES];
    struct hash id;

    if (preparation)
        a.preparation = *preparation;
    assert_int_equal(contract_id(&id, k), OK);
    session_card_of_seed(&a.card, suite, &seed);
    approval_signed_bytes(bytes, &id, &a);
    keyring_sign(tax_keys, &a.signature, suite, APPROVAL_SIGN_TAG, bytes, sizeof bytes);
    return a;
}

static struct approval approval_of_tax(const struct contract *k, uint32_t attempt)
{
    return approval_of_tax_for(k, attempt, STAGE_WHOLE, NULL);
}

static json_t *start_request(const char *id, struct approval first, struct approval second)
{
    uint8_t one[APPROVAL_BYTES], two[APPROVAL_BYTES];

    approval_encode(one, &first);
    approval_encode(two, &second);
    return json_pack("{s:s, s:s, s:[o, o]}", "op", "start", "job", id, "approvals", control_hex(one, sizeof one),
                     control_hex(two, sizeof two));
}

static void start(const char *id, const struct contract *k)
{
    struct approval own = approval_of_bank(id);

    json_decref(must(&acme, start_request(id, own, approval_of_tax(k, own.attempt))));
}

/* ---- tests ---- */

static void a_job_goes_from_proposal_to_result(void **state)
{
    char id[17];
    struct contract k = proposed();
    const struct fault done = {0};
    json_t *answer, *result = json_pack("{s:f}", "auc_test", 0.75);

    (void)state;
    answer = must(&acme, contract_request(&k, bank_pem, tax_pem));
    job_id(id, &k);
    assert_string_equal(json_string_value(json_object_get(answer, "job")), id);
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "awaiting_approval");
    json_decref(answer);
    json_decref(must(&operator, about("approve", id)));
    state_is(id, "approved");
    start(id, &k);
    state_is(id, "running");
    assert_int_equal(worker.started, 1);
    assert_int_equal(worker.self, 0);
    answer = must(&acme, about("job", id));
    assert_string_equal(json_string_value(json_object_get(answer, "phase")), "train");
    assert_int_equal(json_integer_value(json_object_get(answer, "bytes_sent")), 12345);
    json_decref(answer);
    jobs_ended(jobs, id, &done, "", NULL, result);
    answer = must(&acme, about("job", id));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "done");
    assert_true(json_equal(json_object_get(answer, "result"), result));
    assert_true(json_is_null(json_object_get(answer, "error")));
    json_decref(answer);
    json_decref(result);
}

static void the_session_directory_holds_what_the_worker_needs(void **state)
{
    char id[17];
    struct contract k = approved(id);
    struct session_papers papers AUTO(session_papers_clear) = {0};
    struct session_table table AUTO(session_table_clear) = {0};
    struct session_card card;
    struct rng_key seed;
    struct fault f = {0};

    (void)state;
    start(id, &k);
    assert_int_equal(session_papers_read(&papers, worker.session_dir, &f), OK);
    assert_memory_equal(&papers.contract, &k, sizeof k);
    assert_int_equal(session_table_read(&table, worker.session_dir, &f), OK);
    assert_string_equal(table.path, in_scratch("loans.csv"));
    assert_string_equal(table.label_column, "label");
    assert_int_equal(table.dictionary.num_columns, 2);
    assert_string_equal(table.certificate[1], tax_pem);
    /* The sealed seed gives the card that was approved, and opens under its own label only. */
    assert_int_equal(session_secret_read(&seed, suite, "seed", worker.session_dir, keys, &papers.contract_id, 1, NULL), STATUS_MISMATCH);
    assert_int_equal(session_secret_read(&seed, suite, "seed", worker.session_dir, keys, &papers.contract_id, 0, &f), OK);
    /* It is never written again. */
    assert_int_not_equal(session_secret_create(&seed, "seed", worker.session_dir, keys, &papers.contract_id, 0, NULL), OK);
    session_card_of_seed(&card, suite, &seed);
    assert_memory_equal(&card, &papers.approval[0].card, sizeof card);
}

static void the_coordinator_never_sees_a_column_name(void **state)
{
    char id[17];
    struct contract k = proposed();
    static const char *const ops[] = {"job", "jobs", "hello"};

    (void)state;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(id, &k);
    for (size_t i = 0; i < 3; i++) {
        json_t *answer = must(&acme, about(ops[i], id));
        char *text = json_dumps(answer, 0);

        assert_null(strstr(text, "secret"));
        assert_null(strstr(text, "loans"));
        free(text);
        json_decref(answer);
    }
    {
        json_t *answer = must(&operator, about("explain", id));
        const char *text = json_string_value(json_object_get(answer, "text"));

        assert_non_null(strstr(text, "secret_age")); /* ... the operator does */
        assert_non_null(strstr(text, "tax"));
        json_decref(answer);
        must_fail(&acme, about("explain", id), "refused", "may not ask");
    }
}

static void policy_refuses_a_proposal_and_names_the_rule(void **state)
{
    (void)state;
    must_fail(&acme, propose_request(1024, 16, 100), "refused", "key_bits is 1024, bank takes 2048 or more");
    must_fail(&acme, propose_request(2048, 21, 100), "refused", "passes is 21, bank takes 20 or fewer");
    must_fail(&acme, propose_request(2048, 16, 99), "refused", "limits.min_rows is 99");
    config.policy.min_key_bits = 3072;
    must_fail(&acme, propose_request(2048, 16, 100), "refused", "bank takes 3072 or more");
    config.policy.min_key_bits = 1024; /* a floor that no file lowers */
    must_fail(&acme, propose_request(1024, 16, 100), "refused", "bank takes 2048 or more");
    config.policy.outputs = OUTPUT_WEIGHTS | OUTPUT_METRICS;
    must_fail(&acme, propose_request(2048, 16, 100), "refused", "the scores of the test rows");
    config.policy.outputs |= OUTPUT_SCORES;
    strcpy(config.policy.coordinators[0], "other");
    config.policy.num_coordinators = 1;
    must_fail(&acme, propose_request(2048, 16, 100), "refused", "no jobs from coordinator acme");
    config.policy.num_coordinators = 0;
    strcpy(config.policy.tables[0], "cards");
    config.policy.num_tables = 1;
    must_fail(&acme, propose_request(2048, 16, 100), "refused", "table loans");
    config.policy.num_tables = 0;
    strcpy(config.peers[0].name, "toll");
    must_fail(&acme, propose_request(2048, 16, 100), "refused", "does not know the party tax");
    strcpy(config.peers[0].name, "tax");
    json_decref(must(&acme, propose_request(2048, 16, 100)));
}

static void a_table_that_is_missing_or_broken_is_said_without_its_path(void **state)
{
    json_t *answer;
    char *text;

    (void)state;
    assert_int_equal(remove(in_scratch("loans.csv")), 0);
    answer = ask(&acme, propose_request(2048, 16, 100));
    text = json_dumps(answer, 0);
    assert_non_null(strstr(text, "bank cannot use its table loans"));
    assert_null(strstr(text, scratch));
    free(text);
    json_decref(answer);
    assert_int_equal(store_remove_table(store, "loans", NULL), OK);
    must_fail(&acme, propose_request(2048, 16, 100), "refused", "bank has no table loans");
}

static void a_contract_that_departs_from_the_offer_or_the_pins_is_refused(void **state)
{
    const struct contract good = proposed();
    struct contract k;

    (void)state;
#define REFUSED(words, ...)                                                                     \
    k = good;                                                                                   \
    __VA_ARGS__;                                                                                \
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", words)
    REFUSED("what it has not offered", k.party[0].rows++);
    REFUSED("what it has not offered", k.party[0].columns--);
    REFUSED("what it has not offered", k.party[0].bins[1]++);
    REFUSED("what it has not offered", k.party[0].data_root.bytes[0] ^= 1);
    REFUSED("what it has not offered", k.party[0].schema_hash.bytes[0] ^= 1);
    REFUSED("what it has not offered", k.party[0].has_label = 0; k.party[1].has_label = 1);
    REFUSED("what it has not offered", strcpy(k.job, "another"));
    REFUSED("bank than its own", k.party[0].certificate.bytes[3] ^= 1);
    REFUSED("bank than its own", k.party[0].identity = tax.key);
    REFUSED("another certificate of tax", k.party[1].certificate.bytes[3] ^= 1);
    REFUSED("another identity key of tax", k.party[1].identity = bank.key);
    REFUSED("does not know the party toll", strcpy(k.party[1].name, "toll"));
    REFUSED("not a party of this contract", strcpy(k.party[0].name, "bonk"));
    REFUSED("window of the contract is over", k.not_before = (uint64_t)now - 100; k.not_after = (uint64_t)now - 1);
    REFUSED("has not begun", k.not_before = (uint64_t)now + 60);
    REFUSED("passes is 21", k.passes = 21);
    REFUSED("limits.min_rows is 99", k.min_rows = 99);
#undef REFUSED
    k = good;
    must_fail(&acme, contract_request(&k, bank_pem, bank_pem), "refused", "certificate given for tax");
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "certificate given for tax"); /* it stays so */
    k.nonce[0]++;
    must_fail(&acme, contract_request(&k, bank_pem, "nonsense"), "refused", "certificate of tax cannot be read");
    k.nonce[0]++;
    must_fail(&other, contract_request(&k, bank_pem, tax_pem), "refused", "what it has not offered");
    k.nonce[0]++;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    must_fail(&other, contract_request(&k, bank_pem, tax_pem), "refused", "known already");
}

static void a_key_below_2048_bits_is_refused_in_a_contract_as_well(void **state)
{
    struct contract k = proposed();

    (void)state;
    k.key_bits = 1024;
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "configuration", "key_bits is 1024");
}

static void a_refused_contract_stays_on_record(void **state)
{
    struct contract k = proposed();
    char id[17];
    json_t *answer;

    (void)state;
    k.passes = 21;
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "passes is 21");
    job_id(id, &k);
    answer = must(&acme, about("job", id));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "refused");
    assert_non_null(strstr(json_string_value(json_object_get(answer, "reason")), "passes is 21"));
    assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "error"), "code")), "refused");
    json_decref(answer);
    must_fail(&operator, about("approve", id), "usage", "cannot be approved");
}

static void a_standing_rule_approves_by_itself(void **state)
{
    struct contract k;
    char id[17];
    json_t *answer;

    (void)state;
    config.policy.approve = APPROVE_AUTO;
    k = proposed();
    answer = must(&acme, contract_request(&k, bank_pem, tax_pem));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "approved");
    json_decref(answer);
    job_id(id, &k);
    start(id, &k);
    assert_int_equal(worker.started, 1);
}

static void a_contract_said_twice_is_one_job(void **state)
{
    struct contract k = proposed();
    json_t *answer;

    (void)state;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    answer = must(&acme, json_pack("{s:s}", "op", "jobs"));
    assert_int_equal(json_array_size(json_object_get(answer, "jobs")), 1);
    json_decref(answer);
}

static void only_approvals_of_everyone_for_this_attempt_start_it(void **state)
{
    char id[17];
    struct contract k = approved(id), another = k;
    struct approval own = approval_of_bank(id), theirs = approval_of_tax(&k, 0), bad;

    (void)state;
    bad = theirs;
    bad.signature.bytes[0] ^= 1;
    must_fail(&acme, start_request(id, own, bad), "not trusted", "approval of tax does not verify");
    another.nonce[0] ^= 1;
    must_fail(&acme, start_request(id, own, approval_of_tax(&another, 0)), "not trusted", "approval of tax");
    must_fail(&acme, start_request(id, own, approval_of_tax(&k, 1)), "refused", "tax approved attempt 1");
    must_fail(&acme, start_request(id, theirs, own), "not trusted", "approval of bank");
    must_fail(&acme, start_request(id, own, own), "not trusted", "approval of tax");
    must_fail(&acme, json_pack("{s:s, s:s, s:[]}", "op", "start", "job", id, "approvals"), "usage", "approval of each party");
    assert_int_equal(worker.started, 0);
    state_is(id, "approved");
    json_decref(must(&acme, start_request(id, own, theirs)));
    json_decref(must(&acme, start_request(id, own, theirs))); /* a lost answer, asked again */
    assert_int_equal(worker.started, 1);
}

static void nothing_starts_that_was_not_approved_here(void **state)
{
    struct contract k = proposed();
    struct approval forged = approval_of_tax(&k, 0);
    char id[17];

    (void)state;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(id, &k);
    forged.who = 0;
    must_fail(&acme, start_request(id, forged, approval_of_tax(&k, 0)), "refused", "cannot start");
    json_decref(must(&operator, json_pack("{s:s, s:s, s:s}", "op", "refuse", "job", id, "reason", "no legal basis")));
    must_fail(&acme, start_request(id, forged, approval_of_tax(&k, 0)), "refused", "refused at bank");
    assert_int_equal(worker.started, 0);
}

static void attempts_are_counted_and_limited(void **state)
{
    char id[17];
    struct contract k = approved(id);
    struct fault why = {.code = STATUS_EQUIVOCATION, .message = "tax told two stories", .hint = "ask it"};
    struct session_card first = approval_of_bank(id).card, second;
    json_t *answer;

    (void)state;
    start(id, &k);
    jobs_ended(jobs, id, &why, "tax", NULL, NULL);
    answer = must(&acme, about("job", id));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "failed");
    assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "error"), "code")), "equivocation");
    assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "error"), "blamed")), "tax");
    json_decref(answer);
    json_decref(must(&operator, about("approve", id)));
    second = approval_of_bank(id).card;
    assert_int_equal(approval_of_bank(id).attempt, 1);
    assert_memory_not_equal(&first, &second, sizeof first); /* a new seed */
    start(id, &k);
    assert_int_equal(worker.attempt, 1);
    jobs_ended(jobs, id, &why, "tax", NULL, NULL);
    must_fail(&operator, about("approve", id), "refused", "all 2 attempts");
}

/* Leaves a log behind in which scores of test rows left the node. */
static void write_a_log_with_scores(const char *session_dir)
{
    uint8_t entry[SIGNED_BYTES] = {0};
    struct record r = {.suite = (uint8_t)suite, .type = RECORD_SEND, .peer = 1, .kind = MESSAGE_score, .phase = PHASE_EVALUATE};
    char path[FILES_PATH_BYTES];

    record_encode(entry, &r);
    assert_int_equal(files_join(path, session_dir, "log", NULL), OK);
    assert_int_equal(files_write(path, entry, sizeof entry, 0600, NULL), OK);
}

static void a_contract_whose_test_rows_were_scored_has_no_further_attempt(void **state)
{
    char id[17];
    struct contract k = approved(id);
    struct fault why = {.code = STATUS_CLOSED, .message = "bank went away"};

    (void)state;
    start(id, &k);
    write_a_log_with_scores(worker.session_dir);
    jobs_ended(jobs, id, &why, "bank", NULL, NULL);
    must_fail(&operator, about("approve", id), "refused", "scored already");
}

static void an_approval_writes_over_no_session_that_has_run_or_belongs_to_another_contract(void **state)
{
    static const struct { const char *file, *says; } cases[] = {{"start.sealed", "has run already"}, {"contract", "another contract"}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct contract k = proposed();
        char id[17], dir[FILES_PATH_BYTES], path[FILES_PATH_BYTES];

        k.passes = (uint16_t)(5 + i); /* another job each time */
        json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
        job_id(id, &k);
        assert_int_equal(jobs_session_dir(dir, config.state_dir, id, 0, STAGE_WHOLE, NULL), OK);
        assert_int_equal(files_make_directory(dir, NULL), OK);
        assert_int_equal(files_join(path, dir, cases[i].file, NULL), OK);
        assert_int_equal(files_write(path, "x", 1, 0600, NULL), OK);
        must_fail(&operator, about("approve", id), "refused", cases[i].says);
    }
}

static void jobs_of_another_coordinator_do_not_exist(void **state)
{
    char id[17];
    json_t *answer;
    static const char *const ops[] = {"job", "cancel", "start"};

    (void)state;
    approved(id);
    for (size_t i = 0; i < 3; i++)
        must_fail(&other, about(ops[i], id), "usage", "no job");
    answer = must(&other, json_pack("{s:s}", "op", "jobs"));
    assert_int_equal(json_array_size(json_object_get(answer, "jobs")), 0);
    json_decref(answer);
    answer = must(&operator, json_pack("{s:s}", "op", "jobs"));
    assert_int_equal(json_array_size(json_object_get(answer, "jobs")), 1);
    json_decref(answer);
}

static void a_restart_ends_what_was_running(void **state)
{
    char id[17];
    struct contract k = approved(id);
    json_t *answer;

    (void)state;
    start(id, &k);
    jobs_close(jobs);
    open_jobs();
    answer = must(&acme, about("job", id));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "failed");
    assert_non_null(strstr(json_string_value(json_object_get(answer, "reason")), "this node restarted"));
    json_decref(answer);
}

static void what_nobody_approves_or_starts_expires(void **state)
{
    struct contract k = proposed();
    char waiting[17], ready[17];

    (void)state;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(waiting, &k);
    k.nonce[0] ^= 1;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(ready, &k);
    json_decref(must(&operator, about("approve", ready)));
    jobs_expire(jobs);
    state_is(waiting, "awaiting_approval");
    state_is(ready, "approved");
    now += config.deadlines.approval_s + 2;
    jobs_expire(jobs);
    state_is(waiting, "failed");
    state_is(ready, "failed");
    for (int i = 0; i < 2; i++) {
        json_t *answer = must(&acme, about("job", i ? ready : waiting)), *error = json_object_get(answer, "error");

        assert_string_equal(json_string_value(json_object_get(error, "code")), "timeout");
        assert_non_null(strstr(json_string_value(json_object_get(error, "message")), i ? "not started" : "nobody at bank"));
        json_decref(answer);
    }
}

static void cancelling_asks_the_worker_and_ends_what_waits(void **state)
{
    char id[17], waiting[17];
    struct contract k = approved(id), later;
    struct fault why;

    (void)state;
    start(id, &k);
    json_decref(must(&acme, about("cancel", id)));
    assert_int_equal(worker.cancelled, 1);
    assert_non_null(strstr(worker.why.message, "the coordinator acme"));
    state_is(id, "running"); /* until the worker has ended */
    why = worker.why;
    jobs_ended(jobs, id, &why, "", NULL, NULL);
    state_is(id, "cancelled");

    later = k;
    later.nonce[1] ^= 1;
    json_decref(must(&acme, contract_request(&later, bank_pem, tax_pem)));
    job_id(waiting, &later);
    json_decref(must(&operator, about("cancel", waiting)));
    state_is(waiting, "cancelled");
    must_fail(&operator, about("approve", waiting), "usage", "cannot be approved");
}

static void a_worker_that_cannot_start_is_a_failed_job(void **state)
{
    char id[17];
    struct contract k = approved(id);

    (void)state;
    worker.start_result = STATUS_NO_MEMORY;
    must_fail(&acme, start_request(id, approval_of_bank(id), approval_of_tax(&k, 0)), "out of memory", "no room");
    state_is(id, "failed");
}

static void hello_tells_tables_to_the_operator_only(void **state)
{
    json_t *own = must(&operator, json_pack("{s:s}", "op", "hello")), *theirs = must(&acme, json_pack("{s:s}", "op", "hello"));

    (void)state;
    assert_string_equal(json_string_value(json_array_get(json_object_get(own, "tables"), 0)), "loans");
    assert_null(json_object_get(theirs, "tables"));
    assert_string_equal(json_string_value(json_object_get(theirs, "name")), "bank");
    assert_int_equal(json_array_size(json_object_get(theirs, "peers")), 1);
    json_decref(own);
    json_decref(theirs);
}

/* ---- what the coordinator reads ---- */

static void the_coordinator_reads_no_path_or_column_of_a_failure_but_the_operator_does(void **state)
{
    struct fault why = {.code = STATUS_CONFIG, .message = "/srv/bank/loans.csv:7: no label column \"label\"; the columns are "
                        "\"id\", \"secret_age\"", .hint = "look into /srv/bank"};
    char id[17];
    struct contract k = approved(id);
    json_t *answer;
    char *text;

    (void)state;
    start(id, &k);
    jobs_ended(jobs, id, &why, "tax", NULL, NULL);
    answer = must(&acme, about("job", id));
    text = json_dumps(answer, 0);
    assert_null(strstr(text, "srv"));
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "a file of its own"));
    assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "error"), "code")), "configuration");
    assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "error"), "blamed")), "tax");
    free(text);
    json_decref(answer);
    answer = must(&operator, about("job", id));
    assert_string_equal(json_string_value(json_object_get(answer, "reason")), why.message);
    assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "error"), "hint")), why.hint);
    json_decref(answer);
}

static void a_request_that_fails_at_a_file_is_logged_and_told_without_it(void **state)
{
    char id[17], dir[FILES_PATH_BYTES], path[FILES_PATH_BYTES];
    struct contract k = approved(id);

    (void)state;
    assert_int_equal(jobs_session_dir(dir, config.state_dir, id, 0, STAGE_WHOLE, NULL), OK);
    assert_int_equal(files_join(path, dir, "approvals", NULL), OK);
    assert_int_equal(mkdir(path, 0700), 0); /* where a file must be written */
    must_fail(&acme, start_request(id, approval_of_bank(id), approval_of_tax(&k, 0)), "input or output failed",
              "this node failed at a file of its own");
    assert_non_null(strstr(logged, path));
}

/* ---- what stays on the disk ---- */

static const char *const secret_files[] = {"seed.sealed", "start.sealed", "bodies"};

/* As the worker leaves them when it is killed. */
static void write_secrets(const char *session_dir)
{
    for (size_t i = 0; i < 3; i++) {
        char path[FILES_PATH_BYTES];

        assert_int_equal(files_join(path, session_dir, secret_files[i], NULL), OK);
        assert_int_equal(files_write(path, "secret", 6, 0600, NULL), OK);
    }
}

static int secrets_in(const char *session_dir)
{
    int count = 0;

    for (size_t i = 0; i < 3; i++) {
        char path[FILES_PATH_BYTES];

        assert_int_equal(files_join(path, session_dir, secret_files[i], NULL), OK);
        count += files_exist(path);
    }
    return count;
}

static void with_replay_off_a_killed_worker_leaves_no_secret(void **state)
{
    struct fault killed = {.code = STATUS_IO, .message = "the worker of this job was ended by signal 9"};
    char id[17];
    struct contract k;

    (void)state;
    replay = REPLAY_OFF;
    k = approved(id);
    start(id, &k);
    write_secrets(worker.session_dir);
    jobs_ended(jobs, id, &killed, "", NULL, NULL);
    state_is(id, "failed");
    assert_int_equal(secrets_in(worker.session_dir), 0);
}

static void with_sealed_replay_they_stay(void **state)
{
    struct fault killed = {.code = STATUS_IO, .message = "the worker of this job was ended by signal 9"};
    char id[17];
    struct contract k = approved(id);

    (void)state;
    start(id, &k);
    write_secrets(worker.session_dir);
    jobs_ended(jobs, id, &killed, "", NULL, NULL);
    assert_int_equal(secrets_in(worker.session_dir), 3);
}

static void with_replay_off_a_restart_leaves_no_secret(void **state)
{
    char id[17];
    struct contract k;

    (void)state;
    replay = REPLAY_OFF;
    k = approved(id);
    start(id, &k);
    write_secrets(worker.session_dir);
    jobs_close(jobs);
    open_jobs();
    assert_int_equal(secrets_in(worker.session_dir), 0);
}

/* A running job whose worker has begun, with the secrets that it has. */
static struct contract begun(char id[17])
{
    const struct rng_key start_of = {.bytes = {1}, .suite = (uint8_t)suite};
    struct contract k = approved(id);
    struct hash hash;
    char path[FILES_PATH_BYTES];

    start(id, &k);
    assert_int_equal(contract_id(&hash, &k), OK);
    assert_int_equal(session_secret_create(&start_of, "start", worker.session_dir, keys, &hash, 0, NULL), OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(files_join(path, worker.session_dir, (const char *[]){"bodies", "log"}[i], NULL), OK);
        assert_int_equal(files_write(path, "x", 1, 0600, NULL), OK);
    }
    return k;
}

static int left_in(const char *session_dir, const char *name)
{
    char path[FILES_PATH_BYTES];

    assert_int_equal(files_join(path, session_dir, name, NULL), OK);
    return files_exist(path);
}

static void with_an_auditor_the_node_keeps_no_seed_of_its_own(void **state)
{
    const struct fault done = {0};
    char id[17];

    (void)state;
    auditor = "Auditor";
    (void)begun(id);
    assert_false(left_in(worker.session_dir, "seed.audit"));
    jobs_ended(jobs, id, &done, "", NULL, NULL);
    state_is(id, "done");
    assert_true(left_in(worker.session_dir, "seed.audit") && left_in(worker.session_dir, "bodies"));
    assert_int_equal(secrets_in(worker.session_dir), 1); /* the bodies */
}

static void kept_secrets_are_destroyed_when_the_contract_says_so(void **state)
{
    const struct fault done = {0};
    char id[17];
    struct contract k;

    (void)state;
    k = begun(id);
    jobs_ended(jobs, id, &done, "", NULL, NULL);
    now = (int64_t)contract_destroy_after(&k) - 1;
    jobs_expire(jobs);
    assert_int_equal(secrets_in(worker.session_dir), 3);
    assert_false(left_in(worker.session_dir, "destroyed"));
    now += 86400;
    jobs_expire(jobs);
    assert_int_equal(secrets_in(worker.session_dir), 0);
    assert_true(left_in(worker.session_dir, "destroyed"));
}

static void a_job_that_runs_keeps_its_secrets_whatever_the_date(void **state)
{
    char id[17];
    struct contract k;

    (void)state;
    k = begun(id);
    now = (int64_t)contract_destroy_after(&k) + 86400;
    jobs_expire(jobs);
    assert_int_equal(secrets_in(worker.session_dir), 3);
}

/* ---- two sessions ---- */

/* Of loans.csv as it is, in hexadecimal: what the offline worker tells. */
static void hash_table(char hex[65], const char *session_dir, const struct contract *k)
{
    struct session_table t AUTO(session_table_clear) = {0};
    struct dataset data AUTO(dataset_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    struct hash hash;

    assert_int_equal(session_table_read(&t, session_dir, NULL), OK);
    assert_int_equal(session_table_open(&data, &notes, &t, k, NULL), OK);
    preparation_table(&hash, suite, &data);
    hash_hex(&hash, hex);
}

/* A job whose offline session has ended well, its preparation named by one byte. */
static struct contract prepared(char id[17], uint8_t name)
{
    struct contract k = proposed();
    struct hash preparation = {{name}};
    const struct fault done = {0};
    char hex[65], table[65], dir[FILES_PATH_BYTES], path[FILES_PATH_BYTES];
    json_t *request = contract_request(&k, bank_pem, tax_pem), *result;
    struct approval own, theirs;

    json_object_set_new(request, "prepare", json_true());
    json_decref(must(&acme, request));
    job_id(id, &k);
    json_decref(must(&operator, about("approve", id)));
    own = approval_of_bank(id);
    assert_int_equal(own.stage, STAGE_OFFLINE);
    theirs = approval_of_tax_for(&k, 0, STAGE_OFFLINE, NULL);
    json_decref(must(&acme, start_request(id, own, theirs)));
    assert_int_equal(worker.stage, STAGE_OFFLINE);
    /* what the worker would leave */
    assert_int_equal(jobs_session_dir(dir, config.state_dir, id, 0, STAGE_OFFLINE, NULL), OK);
    assert_string_equal(worker.session_dir, dir);
    write_secrets(dir);
    assert_int_equal(files_join(path, dir, "preparation.sealed", NULL), OK);
    assert_int_equal(files_write(path, "key", 3, 0600, NULL), OK);
    hash_hex(&preparation, hex);
    hash_table(table, dir, &k);
    result = json_pack("{s:s, s:s, s:i, s:i, s:f}", "preparation", hex, "preparation_table", table, "preparation_bytes", 4321,
                       "rows_aligned", 150, "seconds_offline", 12.5);
    jobs_ended(jobs, id, &done, "", NULL, result);
    json_decref(result);
    return k;
}

/* From here on the database refuses that state. */
static void forbid_cancelling(void)
{
    char path[FILES_PATH_BYTES], sql[160];
    sqlite3 *db;

    assert_int_equal(files_join(path, config.state_dir, "state.db", NULL), OK);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    snprintf(sql, sizeof sql, "CREATE TRIGGER no BEFORE UPDATE ON jobs WHEN NEW.state = %d BEGIN SELECT RAISE(ABORT, 'no'); END",
             JOB_CANCELLED);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int preparation_is_on_disk(const char *id)
{
    char dir[FILES_PATH_BYTES], path[FILES_PATH_BYTES];

    assert_int_equal(jobs_session_dir(dir, config.state_dir, id, 0, STAGE_OFFLINE, NULL), OK);
    assert_int_equal(files_join(path, dir, "preparation.sealed", NULL), OK);
    return files_exist(path);
}

static void a_prepared_job_waits_and_is_trained_once(void **state)
{
    char id[17];
    struct contract k = prepared(id, 9);
    const struct hash preparation = {{9}};
    const struct fault done = {0};
    struct approval own, theirs;
    json_t *answer, *told, *result = json_pack("{s:f, s:f}", "auc_test", 0.75, "seconds_online", 2.0);

    (void)state;
    state_is(id, "prepared");
    answer = must(&acme, about("job", id));
    told = json_object_get(answer, "preparation");
    assert_int_equal(json_integer_value(json_object_get(told, "rows")), 150);
    assert_int_equal(json_integer_value(json_object_get(told, "bytes")), 4321);
    assert_int_equal(json_integer_value(json_object_get(told, "spent")), 0);
    assert_int_equal(json_integer_value(json_object_get(told, "expires")), (json_int_t)k.not_after);
    json_decref(answer);
    must_fail(&operator, about("approve", id), "usage", "its training was approved with it");

    own = approval_of_bank(id);
    assert_int_equal(own.stage, STAGE_ONLINE);
    assert_true(hash_equal(&own.preparation, &preparation));
    theirs = approval_of_tax_for(&k, 0, STAGE_ONLINE, &preparation);
    json_decref(must(&acme, start_request(id, own, theirs)));
    assert_int_equal(worker.stage, STAGE_ONLINE);
    assert_int_equal(worker.started, 2);
    jobs_ended(jobs, id, &done, "", NULL, result);
    json_decref(result);
    answer = must(&acme, about("job", id));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "done");
    result = json_object_get(answer, "result");
    assert_true(json_real_value(json_object_get(result, "seconds_offline")) == 12.5);
    assert_true(json_real_value(json_object_get(result, "seconds_online")) == 2.0);
    assert_true(json_integer_value(json_object_get(json_object_get(answer, "preparation"), "spent")) > 0);
    json_decref(answer);
    assert_false(preparation_is_on_disk(id));
    must_fail(&acme, start_request(id, own, theirs), "refused", "is done at bank and cannot start");
}

static void a_party_on_another_preparation_is_named_and_nothing_is_spent(void **state)
{
    char id[17];
    struct contract k = prepared(id, 9);
    const struct hash another = {{8}};

    (void)state;
    must_fail(&acme, start_request(id, approval_of_bank(id), approval_of_tax_for(&k, 0, STAGE_ONLINE, &another)), "refused",
              "tax stands on another preparation than bank");
    must_fail(&acme, start_request(id, approval_of_bank(id), approval_of_tax(&k, 0)), "refused",
              "tax approved the whole session of the attempt, bank the online one");
    state_is(id, "prepared");
    assert_true(preparation_is_on_disk(id));
}

/* The table of a prepared job is looked at before the preparation is used: nothing is lost by a wrong one. */
static void a_table_that_is_wrong_by_now_uses_no_preparation_up(void **state)
{
    char id[17];
    struct contract k = prepared(id, 9);
    const struct hash preparation = {{9}};
    struct approval own = approval_of_bank(id), theirs = approval_of_tax_for(&k, 0, STAGE_ONLINE, &preparation);

    (void)state;
    write_table_of("loans.csv", 50, 0);
    must_fail(&acme, start_request(id, own, theirs), "limit not met", "fewer than 10 positives");
    write_table_of("loans.csv", 4, 40);
    must_fail(&acme, start_request(id, own, theirs), "configuration", "changed since it was prepared");
    assert_int_equal(remove(in_scratch("loans.csv")), 0);
    must_fail(&acme, start_request(id, own, theirs), "configuration", "a file of its own");
    assert_int_equal(worker.started, 1);
    state_is(id, "prepared");
    assert_true(preparation_is_on_disk(id));
    write_table_of("loans.csv", 5, 0); /* other labels */
    json_decref(must(&acme, start_request(id, own, theirs)));
    state_is(id, "running");
}

/* The hint says how a job ends that is prepared here and failed elsewhere. */
static void must_hint_at_cancel(json_t *answer, const char *id)
{
    const char *hint = json_string_value(json_object_get(json_object_get(answer, "error"), "hint"));
    char words[64];

    snprintf(words, sizeof words, "hefu job cancel %s", id);
    assert_non_null(hint);
    assert_non_null(strstr(hint, words));
    json_decref(answer);
}

static void a_job_that_another_party_failed_to_prepare_says_how_it_ends(void **state)
{
    char id[17];
    struct contract k = prepared(id, 9);

    (void)state;
    must_hint_at_cancel(ask(&operator, about("approve", id)), id);
    must_hint_at_cancel(ask(&acme, start_request(id, approval_of_bank(id), approval_of_tax(&k, 1))), id);
}

static void a_start_that_only_checks_starts_nothing(void **state)
{
    char id[17];
    struct contract k = prepared(id, 9);
    const struct hash preparation = {{9}}, another = {{8}};
    struct approval own = approval_of_bank(id), theirs = approval_of_tax_for(&k, 0, STAGE_ONLINE, &preparation);
    json_t *request = start_request(id, own, theirs);

    (void)state;
    json_object_set_new(request, "check", json_true());
    json_decref(must(&acme, request));
    state_is(id, "prepared");
    assert_int_equal(worker.started, 1);
    write_table_of("loans.csv", 50, 0); /* a check looks each time */
    request = start_request(id, own, theirs);
    json_object_set_new(request, "check", json_true());
    must_fail(&acme, request, "limit not met", "fewer than 10 positives");
    write_table("loans.csv");
    request = start_request(id, own, approval_of_tax_for(&k, 0, STAGE_ONLINE, &another));
    json_object_set_new(request, "check", json_true());
    must_fail(&acme, request, "refused", "another preparation");
    json_decref(must(&acme, start_request(id, own, theirs)));
    assert_int_equal(worker.started, 2);
}

static void the_hash_of_a_prepared_table_is_for_its_node_alone(void **state)
{
    char id[17], table[65], *text;
    struct contract k = prepared(id, 9);
    json_t *answer = must(&acme, about("job", id));

    (void)state;
    hash_table(table, worker.session_dir, &k);
    text = json_dumps(answer, 0);
    assert_non_null(strstr(text, "seconds_offline"));
    assert_null(strstr(text, table));
    free(text);
    json_decref(answer);
}

static void a_failed_online_session_uses_the_preparation_up_and_the_next_attempt_is_whole(void **state)
{
    char id[17];
    struct contract k = prepared(id, 9);
    const struct hash preparation = {{9}};
    struct approval own;

    (void)state;
    json_decref(must(&acme, start_request(id, approval_of_bank(id), approval_of_tax_for(&k, 0, STAGE_ONLINE, &preparation))));
    jobs_ended(jobs, id, &(struct fault){.code = STATUS_CLOSED, .message = "tax went away"}, "tax", NULL, NULL);
    state_is(id, "failed");
    assert_false(preparation_is_on_disk(id));
    json_decref(must(&operator, about("approve", id)));
    own = approval_of_bank(id);
    assert_int_equal(own.attempt, 1);
    assert_int_equal(own.stage, STAGE_WHOLE);
}

static void a_preparation_goes_with_its_job(void **state)
{
    char id[17];

    (void)state;
    (void)prepared(id, 9);
    assert_true(preparation_is_on_disk(id));
    json_decref(must(&operator, about("cancel", id)));
    state_is(id, "cancelled");
    assert_false(preparation_is_on_disk(id));
}

static void with_replay_off_the_secrets_of_both_sessions_go(void **state)
{
    char id[17], offline[FILES_PATH_BYTES];
    struct contract k;
    const struct hash preparation = {{9}};

    (void)state;
    replay = REPLAY_OFF;
    k = prepared(id, 9);
    strcpy(offline, worker.session_dir);
    assert_int_equal(secrets_in(offline), 0); /* of which the preparation could be made again */
    json_decref(must(&acme, start_request(id, approval_of_bank(id), approval_of_tax_for(&k, 0, STAGE_ONLINE, &preparation))));
    write_secrets(offline);
    write_secrets(worker.session_dir);
    jobs_ended(jobs, id, &(struct fault){.code = STATUS_CLOSED, .message = "tax went away"}, "tax", NULL, NULL);
    assert_int_equal(secrets_in(offline), 0);
    assert_int_equal(secrets_in(worker.session_dir), 0);
}

/* A power cut between the two steps of an end. */
static void a_start_removes_the_preparation_of_a_job_that_has_ended(void **state)
{
    char id[17];

    (void)state;
    (void)prepared(id, 9);
    assert_int_equal(store_set_state(store, id, JOB_CANCELLED, "operator", NULL, NULL), OK);
    jobs_close(jobs);
    assert_true(preparation_is_on_disk(id));
    open_jobs();
    assert_false(preparation_is_on_disk(id));
}

/* The store cannot be written: the job stays prepared, the files are gone.  Never the other way round. */
static void a_cancelled_preparation_is_removed_before_it_is_cancelled(void **state)
{
    char id[17];

    (void)state;
    (void)prepared(id, 9);
    forbid_cancelling();
    json_decref(ask(&operator, about("cancel", id)));
    state_is(id, "prepared");
    assert_false(preparation_is_on_disk(id));
}

static void a_preparation_ends_with_the_window_of_its_contract(void **state)
{
    char id[17];
    struct contract k = prepared(id, 9);

    (void)state;
    now = (int64_t)k.not_after - 1;
    jobs_expire(jobs);
    state_is(id, "prepared");
    now = (int64_t)k.not_after + 1;
    jobs_expire(jobs);
    state_is(id, "failed");
    assert_false(preparation_is_on_disk(id));
}

static void a_restart_keeps_what_is_prepared(void **state)
{
    char id[17];

    (void)state;
    (void)prepared(id, 9);
    jobs_close(jobs);
    open_jobs();
    state_is(id, "prepared");
    assert_true(preparation_is_on_disk(id));
}

static void a_table_without_labels_is_offered_for_a_preparation_only(void **state)
{
    json_t *request = propose_request(2048, 16, 100), *answer;
    FILE *out = fopen(in_scratch("loans.csv"), "w");

    (void)state;
    assert_non_null(out);
    fprintf(out, "id,secret_age,secret_limit,label\n");
    for (int i = 0; i < 200; i++)
        fprintf(out, "p%04d,%d,%d,\n", i, (i * 37) % 83, (i * 53) % 997);
    fclose(out);
    must_fail(&acme, propose_request(2048, 16, 100), "configuration", "cannot use its table");
    json_object_set_new(request, "prepare", json_true());
    answer = must(&acme, request);
    assert_true(json_is_true(json_object_get(json_object_get(answer, "offer"), "has_label")));
    json_decref(answer);
}

/* ---- the data that a contract commits to: commitment.h ---- */

static void a_table_that_has_changed_is_not_approved_but_new_labels_are_no_change(void **state)
{
    struct contract k = proposed();
    char id[17];

    (void)state;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(id, &k);
    write_table_of("loans.csv", 4, 1); /* as many rows, the same bins, other people in them: only the data root tells */
    must_fail(&operator, about("approve", id), "configuration", "its rows are not those that the contract commits to");
    state_is(id, "awaiting_approval");
    write_table_of("loans.csv", 5, 0);
    json_decref(must(&operator, about("approve", id)));
}

static void the_same_table_is_committed_to_alike_and_another_name_or_node_otherwise(void **state)
{
    const struct contract first = proposed(), second = proposed();
    struct store_table copy;
    struct contract_party a = {0}, b = {0};
    uint8_t codes[] = {1}, bins[] = {2};
    char name[] = "p1", *ids[] = {name};
    struct dataset data = {.rows = 1, .columns = 1, .bins = bins, .codes = codes, .ids = ids};
    struct dictionary none = {.id_column = name};

    (void)state;
    assert_true(hash_equal(&first.party[0].data_root, &second.party[0].data_root));
    assert_true(hash_equal(&first.party[0].schema_hash, &second.party[0].schema_hash));
    assert_int_equal(store_get_table(store, &copy, "loans", NULL), OK);
    assert_int_equal(commitment_make(&a, suite, keys, "loans", &data, &none), OK);
    assert_int_equal(commitment_make(&b, suite, keys, "cards", &data, &none), OK);
    assert_false(hash_equal(&a.data_root, &b.data_root));
    assert_int_equal(commitment_make(&b, suite, tax_keys, "loans", &data, &none), OK);
    assert_false(hash_equal(&a.data_root, &b.data_root));
    assert_false(hash_equal(&a.schema_hash, &b.schema_hash));
    assert_int_equal(commitment_check(&a, suite, keys, "loans", &data, NULL), OK);
    assert_int_equal(commitment_check(&b, suite, keys, "loans", &data, NULL), STATUS_CONFIG);
}

static void a_table_serves_only_so_many_contracts_within_90_days(void **state)
{
    char id[17];
    struct contract k;

    (void)state;
    config.policy.contracts_per_table = 2;
    for (uint8_t i = 0; i < 2; i++) {
        k = proposed();
        k.nonce[0] = i;
        json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
        job_id(id, &k);
        json_decref(must(&operator, about("approve", id)));
    }
    start(id, &k); /* another attempt at the second contract is no third one */
    jobs_ended(jobs, id, &(struct fault){.code = STATUS_CLOSED, .message = "tax went away"}, "tax", NULL, NULL);
    json_decref(must(&operator, about("approve", id)));
    k = proposed();
    k.nonce[0] = 2;
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "used by 2 contracts in 90 days, and it was by 2");
    now += 91 * 86400;
    k = proposed();
    k.nonce[0] = 3;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(id, &k);
    config.policy.contracts_per_table = 0; /* no limit */
    json_decref(must(&operator, about("approve", id)));
}

static void what_was_proposed_in_time_is_still_counted_when_it_is_approved(void **state)
{
    char id[2][17];

    (void)state;
    config.policy.contracts_per_table = 1;
    for (uint8_t i = 0; i < 2; i++) {
        struct contract k = proposed();

        k.nonce[0] = i;
        json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
        job_id(id[i], &k);
    }
    json_decref(must(&operator, about("approve", id[0])));
    must_fail(&operator, about("approve", id[1]), "refused", "used by 1 contracts");
    state_is(id[1], "awaiting_approval");
}

/* ---- several approvers ---- */

struct person {
    const char *name;
    struct sign_public key;
    struct sign_secret secret;
};

static struct person new_person(const char *name, uint8_t seed)
{
    struct person p = {.name = name};
    struct rng_key key = {.bytes = {seed}};

    sign_keypair(&p.key, &p.secret, &key);
    return p;
}

static struct person registered(const char *name, uint8_t seed)
{
    struct person p = new_person(name, seed);

    assert_int_equal(store_add_approver(store, name, &p.key, NULL), OK);
    return p;
}

/* What the person signs, at that party, under that name. */
static json_t *signed_for(const char *id, const struct contract *k, uint32_t attempt, const char *party_name, const struct person *p,
                          const char *as)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct signature sig;
    struct hash contract;

    assert_int_equal(contract_id(&contract, k), OK);
    approver_statement(&w, &contract, attempt, party_name, p->name);
    sign_make(&sig, &p->secret, APPROVER_SIGN_TAG, w.bytes, w.len);
    return json_pack("{s:s, s:s, s:s, s:o}", "op", "approve", "job", id, "as", as, "signature", control_hex(sig.bytes, sizeof sig));
}

static json_t *signed_by(const char *id, const struct contract *k, uint32_t attempt, const struct person *p)
{
    return signed_for(id, k, attempt, "bank", p, p->name);
}

/* A job that waits for two approvers. */
static struct contract waiting_for_two(char id[17])
{
    struct contract k = proposed();

    config.policy.approvals = 2;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(id, &k);
    return k;
}

static void two_approvers_sign_before_the_node_does(void **state)
{
    char id[17];
    const struct contract k = waiting_for_two(id);
    const struct person ada = registered("ada", 1), bob = registered("bob", 2);
    json_t *answer, *approvals;

    (void)state;
    must_fail(&operator, about("approve", id), "refused", "the policy of bank asks for 2 approvers, and 0 of them signed");
    answer = must(&operator, signed_by(id, &k, 0, &ada));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "awaiting_approval");
    json_decref(answer);
    must_fail(&operator, about("approve", id), "refused", "1 of them signed");
    answer = must(&operator, signed_by(id, &k, 0, &bob));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "approved");
    json_decref(answer);
    answer = must(&operator, about("job", id)); /* both signatures are evidence */
    approvals = json_object_get(answer, "approvals");
    assert_int_equal(json_integer_value(json_object_get(approvals, "needed")), 2);
    assert_int_equal(json_array_size(json_object_get(approvals, "signed")), 2);
    json_decref(answer);
    answer = must(&acme, about("job", id)); /* ... and nobody else's business */
    assert_null(json_object_get(answer, "approvals"));
    json_decref(answer);
    start(id, &k);
    assert_int_equal(worker.started, 1);
}

/* The list beside the log, and what the approval says of it. */
static struct approvers approvers_in(struct hash *hash, const char *id, uint32_t attempt, enum stage stage)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    char dir[FILES_PATH_BYTES];
    struct approvers a = {0};
    size_t len = 0;

    assert_int_equal(jobs_session_dir(dir, config.state_dir, id, attempt, stage, NULL), OK);
    assert_int_equal(session_beside_read(&bytes, &len, dir, BESIDE_APPROVERS, NULL), OK);
    approvers_hash(hash, suite, bytes, len);
    if (bytes)
        assert_int_equal(approvers_decode(&a, bytes, len), OK);
    return a;
}

static void the_approval_says_who_signed(void **state)
{
    char id[17];
    const struct contract k = waiting_for_two(id);
    const struct person ada = registered("ada", 1), bob = registered("bob", 2);
    struct approvers people;
    struct approval a;
    struct hash hash, contract;

    (void)state;
    assert_int_equal(contract_id(&contract, &k), OK);
    json_decref(must(&operator, signed_by(id, &k, 0, &bob)));
    json_decref(must(&operator, signed_by(id, &k, 0, &ada)));
    a = approval_of_bank(id);
    people = approvers_in(&hash, id, 0, STAGE_WHOLE);
    assert_int_equal(people.count, 2); /* as they signed */
    assert_string_equal(people.of[0].name, "bob");
    assert_string_equal(people.of[1].name, "ada");
    assert_null(approvers_wrong(&people, &contract, 0, "bank"));
    assert_true(hash_equal(&a.approvers, &hash));
    assert_int_equal(approval_check(&a, &k, &contract), OK);
    a.approvers.bytes[0] ^= 1; /* which is signed with the rest */
    assert_int_equal(approval_check(&a, &k, &contract), STATUS_UNTRUSTED);
}

static void an_operator_alone_is_nobody_in_person(void **state)
{
    static const struct hash zero;
    struct approval a;
    struct hash hash;
    char id[17];

    (void)state;
    (void)approved(id);
    a = approval_of_bank(id);
    assert_int_equal(approvers_in(&hash, id, 0, STAGE_WHOLE).count, 0);
    assert_true(hash_equal(&hash, &zero));
    assert_true(hash_equal(&a.approvers, &zero));
}

/* Both sessions of a prepared job were approved at once; who left since has signed all the same. */
static struct contract preparing_for_two(char id[17])
{
    const struct person ada = registered("ada", 1), bob = registered("bob", 2);
    struct contract k = proposed();
    json_t *request = contract_request(&k, bank_pem, tax_pem);

    config.policy.approvals = 2;
    json_object_set_new(request, "prepare", json_true());
    json_decref(must(&acme, request));
    job_id(id, &k);
    json_decref(must(&operator, signed_by(id, &k, 0, &ada)));
    json_decref(must(&operator, signed_by(id, &k, 0, &bob)));
    json_decref(must(&acme, start_request(id, approval_of_bank(id), approval_of_tax_for(&k, 0, STAGE_OFFLINE, NULL))));
    return k;
}

/* Its offline session ends well. */
static void end_offline(const char *id, const struct contract *k)
{
    const struct hash preparation = {{9}};
    char dir[FILES_PATH_BYTES], hex[65], table[65];
    json_t *result;

    assert_int_equal(jobs_session_dir(dir, config.state_dir, id, 0, STAGE_OFFLINE, NULL), OK);
    hash_hex(&preparation, hex);
    hash_table(table, dir, k);
    result = json_pack("{s:s, s:s, s:i, s:i, s:f}", "preparation", hex, "preparation_table", table, "preparation_bytes", 1,
                       "rows_aligned", 150, "seconds_offline", 1.0);
    jobs_ended(jobs, id, &(struct fault){0}, "", NULL, result);
    json_decref(result);
}

static void an_online_session_names_those_who_signed_before_the_offline_one(void **state)
{
    char id[17];
    const struct contract k = preparing_for_two(id);
    struct hash offline, online;
    struct approvers people;
    struct approval a;

    (void)state;
    assert_int_equal(approvers_in(&offline, id, 0, STAGE_OFFLINE).count, 2);
    assert_int_equal(store_remove_approver(store, "ada", NULL), OK);
    end_offline(id, &k);
    people = approvers_in(&online, id, 0, STAGE_ONLINE);
    assert_int_equal(people.count, 2);
    assert_true(hash_equal(&offline, &online));
    a = approval_of_bank(id);
    assert_int_equal(a.stage, STAGE_ONLINE);
    assert_true(hash_equal(&a.approvers, &online));
}

/* The offline session ends, and its job for this reason too. */
static void ends_with(const char *id, const struct contract *k, const char *words)
{
    json_t *answer;

    end_offline(id, k);
    state_is(id, "failed");
    answer = must(&operator, about("job", id));
    assert_non_null(strstr(json_string_value(json_object_get(answer, "reason")), words));
    json_decref(answer);
}

static void who_signed_before_the_offline_session_is_not_lost_unsaid(void **state)
{
    char id[17], dir[FILES_PATH_BYTES];
    const struct contract k = preparing_for_two(id);

    (void)state;
    assert_int_equal(jobs_session_dir(dir, config.state_dir, id, 0, STAGE_OFFLINE, NULL), OK);
    assert_int_equal(session_beside_write(dir, BESIDE_APPROVERS, NULL, 0, NULL), OK);
    ends_with(id, &k, "the list of who signed for bank before the offline session");
}

static void who_signed_before_the_offline_session_does_not_change_unsaid(void **state)
{
    char id[17], dir[FILES_PATH_BYTES];
    const struct contract k = preparing_for_two(id);

    (void)state;
    assert_int_equal(jobs_session_dir(dir, config.state_dir, id, 0, STAGE_OFFLINE, NULL), OK);
    assert_int_equal(session_beside_write(dir, BESIDE_APPROVERS, (const uint8_t *)"nobody", 6, NULL), OK);
    ends_with(id, &k, "is another by now");
}

static void one_person_does_not_sign_twice(void **state)
{
    char id[17];
    const struct contract k = waiting_for_two(id);
    const struct person ada = registered("ada", 1), bob = registered("bob", 2);

    (void)state;
    json_decref(must(&operator, signed_by(id, &k, 0, &ada)));
    must_fail(&operator, signed_by(id, &k, 0, &ada), "refused", "ada has signed attempt 1");
    must_fail(&operator, signed_for(id, &k, 0, "bank", &ada, "bob"), "refused", "not the signature of approver bob");
    state_is(id, "awaiting_approval");
    json_decref(must(&operator, signed_by(id, &k, 0, &bob)));
    state_is(id, "approved");
}

static void a_signature_is_good_for_its_contract_attempt_party_and_person_alone(void **state)
{
    char id[17];
    const struct contract k = waiting_for_two(id);
    const struct person ada = registered("ada", 1), eve = new_person("eve", 3);
    struct contract other_contract = k;
    json_t *request;

    (void)state;
    other_contract.nonce[0] ^= 1;
    must_fail(&operator, signed_by(id, &other_contract, 0, &ada), "refused", "not the signature of approver ada");
    must_fail(&operator, signed_by(id, &k, 1, &ada), "refused", "not the signature of approver ada");
    must_fail(&operator, signed_for(id, &k, 0, "tax", &ada, "ada"), "refused", "not the signature of approver ada");
    must_fail(&operator, signed_by(id, &k, 0, &eve), "usage", "no approver \"eve\" is registered");
    must_fail(&operator, signed_for(id, &k, 0, "bank", &eve, "ada"), "refused", "not the signature of approver ada");
    request = signed_by(id, &k, 0, &ada);
    json_object_set_new(request, "signature", json_string("00"));
    must_fail(&operator, request, "refused", "not the signature of approver ada");
    must_fail(&operator, about("approve", id), "refused", "0 of them signed");
    must_fail(&acme, signed_by(id, &k, 0, &ada), "refused", "may not ask");
}

static void signatures_of_one_attempt_do_not_approve_the_next(void **state)
{
    char id[17];
    const struct contract k = waiting_for_two(id);
    const struct person ada = registered("ada", 1), bob = registered("bob", 2);

    (void)state;
    json_decref(must(&operator, signed_by(id, &k, 0, &ada)));
    json_decref(must(&operator, signed_by(id, &k, 0, &bob)));
    start(id, &k);
    jobs_ended(jobs, id, &(struct fault){.code = STATUS_CLOSED, .message = "tax went away"}, "tax", NULL, NULL);
    must_fail(&operator, about("approve", id), "refused", "0 of them signed");
    must_fail(&operator, signed_by(id, &k, 0, &ada), "refused", "on attempt 2"); /* replayed */
    json_decref(must(&operator, signed_by(id, &k, 1, &ada)));
    json_decref(must(&operator, signed_by(id, &k, 1, &bob)));
    assert_int_equal(approval_of_bank(id).attempt, 1);
}

static void who_was_removed_has_not_signed(void **state)
{
    char id[17];
    const struct contract k = waiting_for_two(id);
    const struct person ada = registered("ada", 1), bob = registered("bob", 2);
    struct person second;

    (void)state;
    json_decref(must(&operator, signed_by(id, &k, 0, &ada)));
    assert_int_equal(store_remove_approver(store, "ada", NULL), OK);
    json_decref(must(&operator, signed_by(id, &k, 0, &bob)));
    state_is(id, "awaiting_approval");
    second = registered("ada", 9); /* another key: she signs again */
    json_decref(must(&operator, signed_by(id, &k, 0, &second)));
    state_is(id, "approved");
}

static void a_signature_that_could_not_be_looked_at_is_not_called_missing_or_false(void **state)
{
    char id[17];
    const struct contract k = waiting_for_two(id);
    struct rng_key secret = {.bytes = {5}};
    struct person ada = {.name = "ada"};
    const struct person bob = registered("bob", 2);
    json_t *again;

    (void)state;
    assert_int_equal(sign_keypair_sm2(&ada.key, &ada.secret, secret.bytes), OK);
    assert_int_equal(store_add_approver(store, "ada", &ada.key, NULL), OK);
    json_decref(must(&operator, signed_by(id, &k, 0, &ada)));
    again = signed_by(id, &k, 0, &ada);
    no_memory = 1;
    must_fail(&operator, about("approve", id), "out of memory", "");
    must_fail(&operator, again, "out of memory", "");
    no_memory = 0;
    state_is(id, "awaiting_approval");
    json_decref(must(&operator, signed_by(id, &k, 0, &bob)));
    state_is(id, "approved");
}

static void enough_signatures_approve_when_what_was_in_the_way_is_gone(void **state)
{
    char id[17];
    const struct contract k = waiting_for_two(id);
    const struct person ada = registered("ada", 1), bob = registered("bob", 2);
    char dir[FILES_PATH_BYTES], path[FILES_PATH_BYTES];

    (void)state;
    assert_int_equal(jobs_session_dir(dir, config.state_dir, id, 0, STAGE_WHOLE, NULL), OK);
    assert_int_equal(files_make_directory(dir, NULL), OK);
    assert_int_equal(files_join(path, dir, "start.sealed", NULL), OK);
    assert_int_equal(files_write(path, "x", 1, 0600, NULL), OK);
    json_decref(must(&operator, signed_by(id, &k, 0, &ada)));
    must_fail(&operator, signed_by(id, &k, 0, &bob), "refused", "has run already");
    assert_int_equal(remove(path), 0);
    json_decref(must(&operator, about("approve", id)));
    state_is(id, "approved");
}

/* ---- certificates, again ---- */

/* From here on bank's revocation list has tax. */
static void revoke_tax(void)
{
    const char *ca = suite == SUITE_GM1 ? "ca-gm" : "ca";
    char *list = suite == SUITE_GM1 ? config.gm.crl : config.crl;
    struct fault f = {0};
    size_t count = 0;

    assert_int_equal(ca_revoke(in_scratch(ca), tax.serial, NULL, &count, &f), OK);
    snprintf(list, FILES_PATH_BYTES, "%s/%s/crl.pem", scratch, ca);
}

static void a_party_that_was_revoked_since_the_contract_is_not_approved_with(void **state)
{
    struct contract k = proposed();
    char id[17];

    (void)state;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(id, &k);
    revoke_tax();
    must_fail(&operator, about("approve", id), "refused", "the certificate of tax (serial ");
    must_fail(&operator, about("approve", id), "refused", "is revoked");
    state_is(id, "awaiting_approval");
}

static void nor_does_a_session_start_with_one_that_was_revoked_since_it_was_approved(void **state)
{
    char id[17];
    const struct contract k = approved(id);

    (void)state;
    revoke_tax();
    must_fail(&acme, start_request(id, approval_of_bank(id), approval_of_tax(&k, 0)), "refused", "the certificate of tax (serial ");
    assert_int_equal(worker.started, 0);
    state_is(id, "approved");
}

static void a_preparation_is_not_spent_with_a_party_that_was_revoked_since(void **state)
{
    const struct hash preparation = {{5}};
    struct approval theirs;
    char id[17];
    const struct contract k = prepared(id, 5);

    (void)state;
    worker.started = 0;
    theirs = approval_of_tax_for(&k, 0, STAGE_ONLINE, &preparation);
    revoke_tax();
    must_fail(&acme, start_request(id, approval_of_bank(id), theirs), "refused", "the certificate of tax (serial ");
    assert_int_equal(worker.started, 0);
    state_is(id, "prepared");
    assert_true(preparation_is_on_disk(id));
}

static void a_party_whose_certificate_expires_before_the_next_attempt_ends_it(void **state)
{
    char id[17];
    struct contract k = proposed();

    (void)state;
    k.not_after = (uint64_t)tax.not_after + 86400;
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    job_id(id, &k);
    now = tax.not_after + 3600;
    must_fail(&operator, about("approve", id), "refused", "expired on");
}

/* ---- suites ---- */

static void a_suite_that_is_none_is_refused(void **state)
{
    json_t *request = propose_request(2048, 16, 100);

    (void)state;
    json_object_set_new(json_object_get(request, "job"), "suite", json_integer(3));
    must_fail(&acme, request, "usage", "neither INT1 nor GM1");
}

static void a_suite_that_the_policy_does_not_list_is_refused(void **state)
{
    const enum suite other_suite = suite == SUITE_GM1 ? SUITE_INT1 : SUITE_GM1;
    struct contract k;

    (void)state;
    config.policy.suites = CONFIG_SUITE(suite);
    k = proposed();
    config.policy.suites = CONFIG_SUITE(other_suite);
    must_fail(&acme, propose_request(2048, 16, 100), "refused", "the policy of bank takes no contracts of suite ");
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "the policy of bank takes no contracts of suite ");
}

static void the_node_signs_with_the_identity_of_the_suite(void **state)
{
    struct contract k = proposed();
    uint8_t *bytes AUTO(auto_free) = NULL, to_sign[APPROVAL_SIGNED_BYTES];
    struct approval a;
    struct hash id;
    json_t *answer;
    size_t len = 0;
    char job[17];

    (void)state;
    job_id(job, &k);
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    json_decref(must(&operator, about("approve", job)));
    answer = must(&acme, about("job", job));
    assert_int_equal(control_bytes(&bytes, &len, json_object_get(answer, "approval"), "approval", APPROVAL_BYTES, NULL), OK);
    assert_int_equal(approval_decode(&a, bytes), OK);
    assert_int_equal(contract_id(&id, &k), OK);
    approval_signed_bytes(to_sign, &id, &a);
    assert_int_equal(sign_check(&a.signature, &bank.key, APPROVAL_SIGN_TAG, to_sign, sizeof to_sign), OK);
    assert_int_equal(sign_public_suite(&bank.key), suite);
    json_decref(answer);
}

/* The certificate that bank offers. */
static void assert_offered(const struct hash *fingerprint)
{
    json_t *answer = must(&acme, propose_request(2048, 16, 100));
    struct hash offered;

    read_hash(&offered, json_object_get(answer, "offer"), "certificate");
    assert_true(hash_equal(&offered, fingerprint));
    json_decref(answer);
}

static void a_renewed_certificate_is_offered_once_it_is_read_again(void **state)
{
    const char *ca = suite == SUITE_GM1 ? "ca-gm" : "ca";
    struct certificate renewed AUTO(certificate_clear) = {0}, stranger AUTO(certificate_clear) = {0};
    struct ca_request request = {.name = "bank", .role = ROLE_NODE, .days = DAYS};
    char dir[FILES_PATH_BYTES], csr[FILES_PATH_BYTES], elsewhere[FILES_PATH_BYTES];
    const struct config_identity own = config_identity(&config, suite);
    struct fault f = {0};

    (void)state;
    strcpy(dir, in_scratch("bank"));
    strcpy(csr, in_scratch("bank/again.csr"));
    strcpy(elsewhere, in_scratch("elsewhere"));
    assert_int_equal(ca_make_csr(csr, own.key, "bank", &f), OK);
    request.csr = csr;
    request.out = dir;
    assert_int_equal(ca_issue(in_scratch(ca), &request, &renewed, &f), OK);
    assert_offered(&bank.fingerprint);
    assert_int_equal(jobs_reload(jobs, &f), OK);
    assert_offered(&renewed.fingerprint);
    request.csr = NULL; /* a key that this node has not */
    request.out = elsewhere;
    assert_int_equal(ca_issue(in_scratch(ca), &request, &stranger, &f), OK);
    assert_int_equal(files_write(own.certificate, stranger.der, stranger.der_len, 0644, &f), OK);
    assert_int_equal(jobs_reload(jobs, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "does not belong to"));
    assert_offered(&renewed.fingerprint);
}

/* Takes up what was changed in config or on disk. */
static void reopen_jobs(void)
{
    jobs_close(jobs);
    open_jobs();
}

static void a_node_without_an_sm2_certificate_refuses_gm1(void **state)
{
    struct contract k = proposed();

    (void)state;
    memset(&config.gm, 0, sizeof config.gm);
    reopen_jobs();
    must_fail(&acme, propose_request(2048, 16, 100), "refused", "bank takes no part in contracts of suite GM1: it has no sm2 certificate");
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "bank takes no part in contracts of suite GM1");
}

static void a_node_that_lost_its_sm2_certificate_does_not_approve(void **state)
{
    const struct contract k = proposed();
    struct keyring *all = keys;
    struct fault f = {0};
    char job[17];

    (void)state;
    job_id(job, &k);
    json_decref(must(&acme, contract_request(&k, bank_pem, tax_pem)));
    memset(&config.gm, 0, sizeof config.gm);
    assert_int_equal(keyring_new(&keys, config.key, config.state_dir, &f), OK);
    keyring_free(all);
    reopen_jobs();
    must_fail(&operator, about("approve", job), "refused", "bank takes no part in contracts of suite GM1");
    state_is(job, "awaiting_approval");
}

static void a_peer_whose_sm2_certificate_is_not_pinned_is_refused(void **state)
{
    struct contract k = proposed();

    (void)state;
    memset(&config.peers[0].gm_fingerprint, 0, HASH_BYTES);
    must_fail(&acme, propose_request(2048, 16, 100), "refused", "bank does not know the sm2 certificate of tax");
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "bank does not know the sm2 certificate of tax");
    config.peers[0].gm_fingerprint = config.peers[0].fingerprint;
    k.nonce[0]++;
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "another certificate of tax than bank knows");
}

/* The right fingerprint is pinned, but the CA says no. */
static void certificates_of_a_gm1_contract_are_judged_by_its_ca(void **state)
{
    struct contract k = proposed();
    struct fault f = {0};
    size_t count = 0;

    (void)state;
    snprintf(config.gm.ca, sizeof config.gm.ca, "%s/ca/ca.pem", scratch);
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "failed at a file of its own");
    assert_non_null(strstr(logged, "holds an sm2 key, was not issued by"));
    snprintf(config.gm.ca, sizeof config.gm.ca, "%s/ca-gm/ca.pem", scratch);
    assert_int_equal(ca_revoke(in_scratch("ca-gm"), tax.serial, NULL, &count, &f), OK);
    k.nonce[0]++;
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "the certificate of tax (serial ");
    assert_int_equal(ca_init(in_scratch("forger"), "test consortium", SUITE_GM1, &f), OK); /* a list that revokes nobody */
    snprintf(config.gm.crl, sizeof config.gm.crl, "%s/forger/crl.pem", scratch);
    k.nonce[0]++;
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "failed at a file of its own");
    assert_non_null(strstr(logged, "not signed by the consortium CA"));
}

static void an_sm2_certificate_in_the_place_of_the_first_is_refused_and_the_reverse(void **state)
{
    const struct jobs_config c = {.node = &config, .store = store, .keys = keys, .workers = {.ctx = &worker}};
    const struct config_gm gm = config.gm;
    struct jobs *none = NULL;
    struct fault f = {0};

    (void)state;
    strcpy(config.gm.certificate, config.certificate);
    assert_int_equal(jobs_open(&none, &c, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "bank.pem holds a key of the other kind"));
    config.gm = gm;
    strcpy(config.certificate, gm.certificate);
    f = (struct fault){0};
    assert_int_equal(jobs_open(&none, &c, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "bank-gm.pem holds a key of the other kind"));
}

/* ... in all else like an offer of this suite. */
static void an_offer_in_one_suite_is_none_in_another(void **state)
{
    json_t *request = propose_request(2048, 16, 100), *answer;
    struct contract k;

    (void)state;
    json_object_set_new(json_object_get(request, "job"), "suite", json_integer(SUITE_INT1));
    answer = must(&acme, request);
    k = contract_of_offer(json_object_get(answer, "offer"));
    json_decref(answer);
    must_fail(&acme, contract_request(&k, bank_pem, tax_pem), "refused", "what it has not offered");
}

static int begin_gm1(void **state)
{
    (void)state;
    suite = SUITE_GM1;
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_job_goes_from_proposal_to_result),
        TEST(the_session_directory_holds_what_the_worker_needs),
        TEST(the_coordinator_never_sees_a_column_name),
        TEST(policy_refuses_a_proposal_and_names_the_rule),
        TEST(a_table_that_is_missing_or_broken_is_said_without_its_path),
        TEST(a_contract_that_departs_from_the_offer_or_the_pins_is_refused),
        TEST(a_key_below_2048_bits_is_refused_in_a_contract_as_well),
        TEST(a_refused_contract_stays_on_record),
        TEST(a_standing_rule_approves_by_itself),
        TEST(a_table_that_has_changed_is_not_approved_but_new_labels_are_no_change),
        TEST(the_same_table_is_committed_to_alike_and_another_name_or_node_otherwise),
        TEST(a_table_serves_only_so_many_contracts_within_90_days),
        TEST(what_was_proposed_in_time_is_still_counted_when_it_is_approved),
        TEST(two_approvers_sign_before_the_node_does),
        TEST(the_approval_says_who_signed),
        TEST(an_operator_alone_is_nobody_in_person),
        TEST(an_online_session_names_those_who_signed_before_the_offline_one),
        TEST(who_signed_before_the_offline_session_is_not_lost_unsaid),
        TEST(who_signed_before_the_offline_session_does_not_change_unsaid),
        TEST(one_person_does_not_sign_twice),
        TEST(a_signature_is_good_for_its_contract_attempt_party_and_person_alone),
        TEST(signatures_of_one_attempt_do_not_approve_the_next),
        TEST(who_was_removed_has_not_signed),
        TEST(a_signature_that_could_not_be_looked_at_is_not_called_missing_or_false),
        TEST(enough_signatures_approve_when_what_was_in_the_way_is_gone),
        TEST(a_contract_said_twice_is_one_job),
        TEST(only_approvals_of_everyone_for_this_attempt_start_it),
        TEST(nothing_starts_that_was_not_approved_here),
        TEST(attempts_are_counted_and_limited),
        TEST(a_contract_whose_test_rows_were_scored_has_no_further_attempt),
        TEST(an_approval_writes_over_no_session_that_has_run_or_belongs_to_another_contract),
        TEST(jobs_of_another_coordinator_do_not_exist),
        TEST(a_restart_ends_what_was_running),
        TEST(what_nobody_approves_or_starts_expires),
        TEST(cancelling_asks_the_worker_and_ends_what_waits),
        TEST(a_worker_that_cannot_start_is_a_failed_job),
        TEST(hello_tells_tables_to_the_operator_only),
        TEST(the_coordinator_reads_no_path_or_column_of_a_failure_but_the_operator_does),
        TEST(a_request_that_fails_at_a_file_is_logged_and_told_without_it),
        TEST(with_replay_off_a_killed_worker_leaves_no_secret),
        TEST(with_sealed_replay_they_stay),
        TEST(with_replay_off_a_restart_leaves_no_secret),
        TEST(with_an_auditor_the_node_keeps_no_seed_of_its_own),
        TEST(kept_secrets_are_destroyed_when_the_contract_says_so),
        TEST(a_job_that_runs_keeps_its_secrets_whatever_the_date),
        TEST(a_prepared_job_waits_and_is_trained_once),
        TEST(a_party_on_another_preparation_is_named_and_nothing_is_spent),
        TEST(a_table_that_is_wrong_by_now_uses_no_preparation_up),
        TEST(a_job_that_another_party_failed_to_prepare_says_how_it_ends),
        TEST(a_start_that_only_checks_starts_nothing),
        TEST(the_hash_of_a_prepared_table_is_for_its_node_alone),
        TEST(a_failed_online_session_uses_the_preparation_up_and_the_next_attempt_is_whole),
        TEST(a_preparation_goes_with_its_job),
        TEST(with_replay_off_the_secrets_of_both_sessions_go),
        TEST(a_start_removes_the_preparation_of_a_job_that_has_ended),
        TEST(a_cancelled_preparation_is_removed_before_it_is_cancelled),
        TEST(a_preparation_ends_with_the_window_of_its_contract),
        TEST(a_restart_keeps_what_is_prepared),
        TEST(a_table_without_labels_is_offered_for_a_preparation_only),
        TEST(a_party_that_was_revoked_since_the_contract_is_not_approved_with),
        TEST(nor_does_a_session_start_with_one_that_was_revoked_since_it_was_approved),
        TEST(a_preparation_is_not_spent_with_a_party_that_was_revoked_since),
        TEST(a_party_whose_certificate_expires_before_the_next_attempt_ends_it),
        TEST(a_suite_that_is_none_is_refused),
        TEST(a_suite_that_the_policy_does_not_list_is_refused),
        TEST(the_node_signs_with_the_identity_of_the_suite),
        TEST(a_renewed_certificate_is_offered_once_it_is_read_again),
    };
    const struct CMUnitTest gm1[] = {
        TEST(a_node_without_an_sm2_certificate_refuses_gm1),
        TEST(a_node_that_lost_its_sm2_certificate_does_not_approve),
        TEST(a_peer_whose_sm2_certificate_is_not_pinned_is_refused),
        TEST(certificates_of_a_gm1_contract_are_judged_by_its_ca),
        TEST(an_sm2_certificate_in_the_place_of_the_first_is_refused_and_the_reverse),
        TEST(an_offer_in_one_suite_is_none_in_another),
    };
    int failed;

    if (CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free) != 1)
        return 1;
    suite = kit_suite();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("GM1", gm1, begin_gm1, NULL);
}
