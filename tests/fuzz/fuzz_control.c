/* What a coordinator, the operator or a stranger may ask a node: lines of JSON through control_answer to the jobs of a
 * node that has a table, a peer and a worker that does nothing.
 *
 * The first byte of a line says who asks: o the operator, c the coordinator, x another coordinator, anything else a
 * certificate that no rule knows.  $K stands for the contract that fits the node's offer, $I for its job, $A and $B for
 * the certificates of the node and its peer, $P and $Q for their approvals.  The claim: always an answer in good form,
 * and nothing runs that the operator has not approved. */
#include "node/local/ca.h"
#include "node/net/jobs.h"
#include "node/scratch.h"
#include "protocol/session.h"

#include <assert.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { DAYS = 30, LINES_MAX = 16 };

static struct {
    struct node_config config;
    struct keyring *keys, *tax_keys;
    struct certificate bank, tax;
    char *bank_pem, *tax_pem; /* as in a JSON string */
    struct store *store;
    struct jobs *jobs;
    int64_t now;
    char *contract, job[17];  /* in hexadecimal */
    char *tax_approval;
    char cancelled[STORE_ID_BYTES]; /* the job whose worker has just been told to stop, or "" */
    int approved;             /* the operator has said yes to something */
} node;

static const struct control_caller operator = {CONTROL_OPERATOR, "operator"}, acme = {CONTROL_COORDINATOR, "acme"},
                                   other = {CONTROL_COORDINATOR, "other"}, nobody = {CONTROL_NOBODY, ""};

/* ---- the node ---- */

static char *hex_of(const void *bytes, size_t len)
{
    json_t *value = control_hex(bytes, len);
    char *text = strdup(json_string_value(value));

    json_decref(value);
    assert(text);
    return text;
}

static int64_t fixed_clock(void)
{
    return node.now;
}

static status start_worker(void *ctx, const struct jobs_attempt *a, struct fault *f)
{
    (void)ctx, (void)f;
    assert(node.approved && a->self == 0 && contract_check(a->contract, 0, NULL) == OK);
    return OK;
}

/* The worker has ended when the jobs have let go of their lock. */
static void cancel_worker(void *ctx, const char *id, const struct fault *why)
{
    (void)ctx, (void)why;
    snprintf(node.cancelled, sizeof node.cancelled, "%s", id);
}

static json_t *no_json(void *ctx)
{
    (void)ctx;
    return NULL;
}

static json_t *no_progress(void *ctx, const char *id)
{
    (void)ctx, (void)id;
    return NULL;
}

static int none_running(void *ctx)
{
    (void)ctx;
    return 0;
}

static void must(status code, const struct fault *f)
{
    if (code == OK)
        return;
    fprintf(stderr, "fuzz_control: %s\n", f->message);
    abort();
}

/* A text file as the inside of a JSON string. */
static char *read_escaped(const char *path)
{
    uint8_t *text = NULL;
    size_t len = 0;
    struct fault f = {0};
    char *out, *at;

    must(files_read(&text, &len, path, CERTIFICATE_BYTES_MAX, &f), &f);
    out = at = malloc(2 * len + 1);
    assert(out);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            *at++ = '\\';
        *at++ = (char)(text[i] == '\n' ? 'n' : text[i]);
    }
    *at = '\0';
    free(text);
    return out;
}

static void issue(struct certificate *c, char **pem, struct keyring **keys, const char *name)
{
    char ca[FILES_PATH_BYTES], dir[200], path[FILES_PATH_BYTES];
    struct ca_request request = {.name = name, .role = ROLE_NODE, .days = DAYS, .out = dir};
    struct fault f = {0};

    snprintf(ca, sizeof ca, "%s/ca", scratch);
    snprintf(dir, sizeof dir, "%s/%s", scratch, name);
    must(files_make_directory(dir, &f), &f);
    must(ca_issue(ca, &request, c, &f), &f);
    snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    *pem = read_escaped(path);
    snprintf(path, sizeof path, "%s/%s.key", dir, name);
    snprintf(ca, sizeof ca, "%s/state", dir);
    must(files_make_directory(ca, &f), &f);
    must(keyring_new(keys, path, ca, &f), &f);
}

static void configure(void)
{
    struct node_config *c = &node.config;

    *c = (struct node_config){.name = "bank", .num_peers = 1, .num_coordinators = 2};
    snprintf(c->state_dir, sizeof c->state_dir, "%s/bank/state", scratch);
    snprintf(c->certificate, sizeof c->certificate, "%s/bank/bank.pem", scratch);
    snprintf(c->key, sizeof c->key, "%s/bank/bank.key", scratch);
    snprintf(c->ca, sizeof c->ca, "%s/ca/ca.pem", scratch);
    snprintf(c->peers[0].name, sizeof c->peers[0].name, "tax");
    snprintf(c->peers[0].address, sizeof c->peers[0].address, "tcp://127.0.0.1:1");
    c->peers[0].fingerprint = node.tax.fingerprint;
    c->policy = (struct config_policy){.approve = APPROVE_ASK, .min_rows = 100, .max_passes = 20, .min_key_bits = 2048,
                                       .outputs = OUTPUT_WEIGHTS | OUTPUT_SCORES | OUTPUT_METRICS};
    c->deadlines =
        (struct config_deadlines){.handshake_s = 5, .peer_s = 10, .step_s = 60, .approval_s = 3600, .job_s = 600};
}

static void write_table(struct store_table *t)
{
    FILE *out;

    *t = (struct store_table){.name = "loans", .kind = "csv", .id_column = "id", .label_column = "label"};
    snprintf(t->path, sizeof t->path, "%s/loans.csv", scratch);
    out = fopen(t->path, "w");
    assert(out);
    fprintf(out, "id,age,label\n");
    for (int i = 0; i < 120; i++)
        fprintf(out, "p%04d,%d,%d\n", i, (i * 37) % 83, i % 4 == 0);
    fclose(out);
}

static void open_node(void)
{
    const struct jobs_config c = {
        .node = &node.config,
        .store = node.store,
        .keys = node.keys,
        .clock = fixed_clock,
        .workers = {NULL, start_worker, cancel_worker, no_progress, no_json, none_running},
    };
    struct fault f = {0};

    must(jobs_open(&node.jobs, &c, &f), &f);
}

static void read_hash(struct hash *out, const json_t *offer, const char *field)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    struct fault f = {0};

    must(control_bytes(&bytes, &len, json_object_get(offer, field), field, HASH_BYTES, &f), &f);
    assert(len == HASH_BYTES);
    memcpy(out->bytes, bytes, HASH_BYTES);
}

/* The contract that takes up the node's offer, and what the peer says to it. */
static void write_contract(void)
{
    static struct contract k = {
        .version = CONTRACT_VERSION, .protocol = PROTOCOL_VERSION, .suite = SUITE_INT1, .sigmoid = SIGMOID_LINEAR, .test_rule = TEST_DRAWN, .job = "risk",
        .purpose = "to test", .nonce = {1}, .parties = 2, .key_bits = 2048, .passes = 16, .ridge_micro = 3000,
        .optimiser = OPTIMISER_NESTEROV, .step_1024 = 1331, .momentum_1024 = 717, .test_permille = 300, .fraction_bits = 16, .score_bits = 6,
        .min_rows = 100, .min_positives = 10, .rows_per_bin = 5, .attempts_max = 2, .replay = REPLAY_SEALED};
    static const char request[] =
        "{\"op\":\"propose\",\"job\":{\"name\":\"risk\",\"suite\":1,\"tables\":[{\"party\":\"bank\",\"table\":\"loans\"},"
        "{\"party\":\"tax\",\"table\":\"incomes\"}],\"key_bits\":2048,\"training\":{\"passes\":16},"
        "\"limits\":{\"min_rows\":100},\"test\":{\"rule\":1}}}";
    json_t *answer = control_answer(jobs_control(node.jobs), &acme, request, strlen(request));
    json_t *offer = json_object_get(answer, "offer");
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct approval a = {.who = 1};
    const struct rng_key seed = {.bytes = {7}, .suite = SUITE_INT1};
    uint8_t *bins AUTO(auto_free) = NULL, to_sign[APPROVAL_SIGNED_BYTES], approval[APPROVAL_BYTES];
    size_t columns = 0;
    struct hash id;
    char hex[2 * HASH_BYTES + 1];
    struct fault f = {0};

    must(control_bytes(&bins, &columns, json_object_get(offer, "bins"), "bins", CONTRACT_COLUMNS_MAX, &f), &f);
    k.not_before = (uint64_t)node.now - 10;
    k.not_after = (uint64_t)node.now + 7200;
    k.party[0] = (struct contract_party){.name = "bank", .certificate = node.bank.fingerprint,
                                         .identity = node.bank.key, .has_label = 1, .columns = (uint16_t)columns};
    k.party[0].rows = (uint32_t)json_integer_value(json_object_get(offer, "rows"));
    memcpy(k.party[0].bins, bins, columns);
    read_hash(&k.party[0].data_root, offer, "data_root");
    read_hash(&k.party[0].schema_hash, offer, "schema_hash");
    k.outputs = contract_outputs(&k);
    k.party[1] = (struct contract_party){.name = "tax", .certificate = node.tax.fingerprint, .identity = node.tax.key,
                                         .rows = 300, .columns = 2, .bins = {5, 3}, .data_root = {{1}}, .schema_hash = {{2}}};
    must(contract_encode(&w, &k), &f);
    must(contract_id(&id, &k), &f);
    node.contract = hex_of(w.bytes, w.len);
    hash_hex(&id, hex);
    snprintf(node.job, sizeof node.job, "%.16s", hex);
    session_card_of_seed(&a.card, SUITE_INT1, &seed);
    approval_signed_bytes(to_sign, &id, &a);
    keyring_sign(node.tax_keys, &a.signature, SUITE_INT1, APPROVAL_SIGN_TAG, to_sign, sizeof to_sign);
    approval_encode(approval, &a);
    node.tax_approval = hex_of(approval, sizeof approval);
    json_decref(answer);
}

static void close_node(void)
{
    jobs_close(node.jobs);
    store_close(node.store);
    (void)scratch_remove(NULL);
}

/* In memory where the machine has such a place: the database waits for the disk at every step. */
static void make_scratch(void)
{
    snprintf(scratch, sizeof scratch, "/dev/shm/hefu-fuzz-XXXXXX");
    if (!mkdtemp(scratch) && scratch_make(NULL) != 0)
        abort();
}

static void make_node(void)
{
    char ca[FILES_PATH_BYTES];
    struct store_table t;
    struct fault f = {0};

    make_scratch();
    snprintf(ca, sizeof ca, "%s/ca", scratch);
    must(ca_init(ca, "test consortium", SUITE_INT1, &f), &f);
    issue(&node.bank, &node.bank_pem, &node.keys, "bank");
    issue(&node.tax, &node.tax_pem, &node.tax_keys, "tax");
    node.now = (int64_t)time(NULL);
    configure();
    must(store_open(&node.store, node.config.state_dir, &f), &f);
    write_table(&t);
    must(store_add_table(node.store, &t, &f), &f);
    open_node();
    write_contract();
    atexit(close_node);
}

/* The node as if nobody had ever asked it. */
static void forget(void)
{
    struct store_job *jobs AUTO(auto_free) = NULL;
    struct store_table t;
    size_t count = 0;
    struct fault f = {0};
    char path[FILES_PATH_BYTES];

    must(store_list_jobs(node.store, &jobs, &count, &f), &f);
    jobs_close(node.jobs); /* its offers go with it */
    if (count) {
        static const char *const files[] = {"state.db", "state.db-wal", "state.db-shm"};

        store_close(node.store);
        node.store = NULL;
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            snprintf(path, sizeof path, "%s/%s", node.config.state_dir, files[i]);
            remove(path);
        }
        snprintf(path, sizeof path, "%s/sessions", node.config.state_dir);
        nftw(path, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
        must(store_open(&node.store, node.config.state_dir, &f), &f);
        write_table(&t);
        must(store_add_table(node.store, &t, &f), &f);
    }
    node.approved = 0;
    open_node();
}

/* ---- asking ---- */

/* The approval that the node gave, or nothing. */
static void put_own_approval(struct wire_writer *w)
{
    char request[64];
    json_t *answer;
    const char *approval;

    snprintf(request, sizeof request, "{\"op\":\"job\",\"job\":\"%s\"}", node.job);
    answer = control_answer(jobs_control(node.jobs), &acme, request, strlen(request));
    approval = json_string_value(json_object_get(answer, "approval"));
    if (approval)
        wire_put_bytes(w, approval, strlen(approval));
    json_decref(answer);
}

static void put_text(struct wire_writer *w, const char *text)
{
    wire_put_bytes(w, text, strlen(text));
}

/* The request with what the marks stand for. */
static void expand(struct wire_writer *w, const uint8_t *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const uint8_t mark = line[i] == '$' && i + 1 < len ? line[++i] : 0;

        switch (mark) {
        case 'K': put_text(w, node.contract); break;
        case 'I': put_text(w, node.job); break;
        case 'A': put_text(w, node.bank_pem); break;
        case 'B': put_text(w, node.tax_pem); break;
        case 'P': put_own_approval(w); break;
        case 'Q': put_text(w, node.tax_approval); break;
        default: wire_put_bytes(w, line + i, 1); break;
        }
    }
}

static int is_operation(const char *text, size_t len, const char *name)
{
    json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *op = json_string_value(json_object_get(request, "op"));
    int same = op && !strcmp(op, name);

    json_decref(request);
    return same;
}

static void check_answer(const struct control_caller *who, const char *request, size_t request_len)
{
    json_t *answer = NULL;
    struct fault f = {0};
    char *text = control_answer_text(jobs_control(node.jobs), who, request, request_len);
    status code;

    assert(text);
    code = control_read_answer(&answer, text, strlen(text), &f);
    assert(code == OK ? json_is_true(json_object_get(answer, "ok")) : f.code == code && f.message[0]);
    assert(who->role != CONTROL_NOBODY || code == STATUS_REFUSED);
    if (code == OK && is_operation(request, request_len, "approve")) {
        assert(who->role == CONTROL_OPERATOR);
        node.approved = 1;
    }
    json_decref(answer);
    free(text);
}

static void ask(const uint8_t *line, size_t len)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    const uint8_t asks = len ? line[0] : 0;
    const struct control_caller *who = asks == 'o' ? &operator : asks == 'c' ? &acme : asks == 'x' ? &other : &nobody;

    if (len)
        expand(&w, line + 1, len - 1);
    if (wire_writer_status(&w) != OK)
        abort();
    check_answer(who, w.bytes ? (const char *)w.bytes : "", w.len);
    if (node.cancelled[0]) {
        const struct fault why = {.code = STATUS_CANCELLED, .message = "cancelled"};

        jobs_ended(node.jobs, node.cancelled, &why, "", NULL, NULL);
        node.cancelled[0] = '\0';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!node.jobs)
        make_node();
    for (int lines = 0; len && lines < LINES_MAX; lines++) {
        const uint8_t *end = memchr(bytes, '\n', len);
        const size_t line = end ? (size_t)(end - bytes) : len;

        ask(bytes, line);
        bytes += end ? line + 1 : line;
        len -= end ? line + 1 : line;
    }
    forget();
    return 0;
}
