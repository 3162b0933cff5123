#include "node/local/config.h"

#include "node/local/pool.h"
#include "node/local/schema.h"
#include "node/local/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_RULE "an address such as tcp://127.0.0.1:7101"
#define PATH_RULE "a file, relative to this one"

int config_address_is_valid(const char *text)
{
    const char *host = text + 6, *port;
    size_t host_len;
    unsigned value = 0;

    if (strncmp(text, "tcp://", 6) != 0)
        return 0;
    port = strrchr(host, ':');
    if (!port || port == host)
        return 0;
    host_len = (size_t)(port - host);
    if (host[0] == '[' ? host[host_len - 1] != ']' : memchr(host, ':', host_len) != NULL)
        return 0;
    if (strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_[]:") < host_len)
        return 0;
    port++;
    if (!*port || strlen(port) > 5 || strspn(port, "0123456789") != strlen(port))
        return 0;
    for (; *port; port++)
        value = value * 10 + (unsigned)(*port - '0');
    return value >= 1 && value <= 65535;
}

static const struct schema_field peer_fields[] = {
    {"name", SCHEMA_TEXT, 1, SCHEMA_AT(struct config_peer, name), .check = name_is_valid, .expects = NAME_RULE},
    {"address", SCHEMA_TEXT, 1, SCHEMA_AT(struct config_peer, address), .check = config_address_is_valid,
     .expects = ADDRESS_RULE},
    {"fingerprint", SCHEMA_HASH, 1, SCHEMA_AT(struct config_peer, fingerprint),
     .expects = "the sha-256 fingerprint of its certificate"},
    {"gm_fingerprint", SCHEMA_HASH, 0, SCHEMA_AT(struct config_peer, gm_fingerprint),
     .expects = "the sha-256 fingerprint of its sm2 certificate"},
    {0},
};

static const struct schema_field gm_fields[] = {
    {"certificate", SCHEMA_TEXT, 1, SCHEMA_AT(struct config_gm, certificate), .expects = PATH_RULE},
    {"key", SCHEMA_TEXT, 1, SCHEMA_AT(struct config_gm, key), .expects = PATH_RULE},
    {"ca", SCHEMA_TEXT, 1, SCHEMA_AT(struct config_gm, ca), .expects = PATH_RULE},
    {"crl", SCHEMA_TEXT, 0, SCHEMA_AT(struct config_gm, crl), .expects = PATH_RULE},
    {0},
};

/* It signs nothing, and only looks at the certificates of others. */
static const struct schema_field coordinator_gm_fields[] = {
    {"ca", SCHEMA_TEXT, 1, SCHEMA_AT(struct config_gm, ca), .expects = PATH_RULE},
    {"crl", SCHEMA_TEXT, 0, SCHEMA_AT(struct config_gm, crl), .expects = PATH_RULE},
    {0},
};

static const struct schema_field coordinator_fields[] = {
    {"name", SCHEMA_TEXT, 1, SCHEMA_AT(struct config_coordinator, name), .check = name_is_valid, .expects = NAME_RULE},
    {"fingerprint", SCHEMA_HASH, 1, SCHEMA_AT(struct config_coordinator, fingerprint),
     .expects = "the sha-256 fingerprint of its certificate"},
    {0},
};

static const struct config_deadlines default_deadlines = {
    .handshake_s = 20, .peer_s = 120, .step_s = 1800, .approval_s = 86400, .job_s = 86400};

static const struct schema_field deadline_fields[] = {
    {"handshake_s", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_deadlines, handshake_s), .min = 1, .max = 600},
    {"peer_s", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_deadlines, peer_s), .min = 1, .max = 86400},
    {"step_s", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_deadlines, step_s), .min = 1, .max = 86400},
    {"approval_s", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_deadlines, approval_s), .min = 1, .max = 2592000},
    {"job_s", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_deadlines, job_s), .min = 10, .max = 2592000},
    {0},
};

static const struct schema_choice approve_words[] = {{"ask", APPROVE_ASK}, {"auto", APPROVE_AUTO}, {0}};
static const struct schema_choice output_words[] = {
    {"weights", OUTPUT_WEIGHTS}, {"scores", OUTPUT_SCORES}, {"metrics", OUTPUT_METRICS}, {0}};
static const struct schema_choice suite_words[] = {
    {"INT1", CONFIG_SUITE(SUITE_INT1)}, {"GM1", CONFIG_SUITE(SUITE_GM1)}, {0}};
static const struct schema_choice log_words[] = {
    {"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {0}};

static const struct schema_choice kernel_words[] = {
    {"auto", KERNEL_AUTO}, {"ifma", KERNEL_IFMA}, {"avx2", KERNEL_AVX2}, {"scalar", KERNEL_SCALAR}, {0}};

const char *config_kernel_name(uint32_t kernel)
{
    return kernel_words[kernel].word;
}

static const struct schema_field policy_fields[] = {
    {"approve", SCHEMA_CHOICE, 0, SCHEMA_AT(struct config_policy, approve), .choices = approve_words},
    {"min_rows", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_policy, min_rows), .min = 1, .max = 1000000000},
    {"max_passes", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_policy, max_passes), .min = 2, .max = PASSES_MAX},
    {"min_key_bits", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_policy, min_key_bits), .min = 2048, .max = 4096},
    {"outputs", SCHEMA_FLAGS, 0, SCHEMA_AT(struct config_policy, outputs), .choices = output_words, .max = 3},
    {"suites", SCHEMA_FLAGS, 0, SCHEMA_AT(struct config_policy, suites), .choices = suite_words, .min = 1, .max = 2},
    {"coordinators", SCHEMA_LIST_AT(struct config_policy, coordinators, num_coordinators), .check = name_is_valid,
     .expects = NAME_RULE},
    {"tables", SCHEMA_LIST_AT(struct config_policy, tables, num_tables), .check = name_is_valid, .expects = NAME_RULE},
    {"contracts_per_table", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_policy, contracts_per_table), .min = 0, .max = 100000},
    {"approvals", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_policy, approvals), .min = 1, .max = CONFIG_APPROVALS_MAX},
    {0},
};

static const struct schema_field limit_fields[] = {
    {"memory_mb", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_limits, memory_mb), .min = 64, .max = 16777216},
    {"queue_mb", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_limits, queue_mb), .min = 1, .max = 65536},
    {"threads", SCHEMA_COUNT, 0, SCHEMA_AT(struct config_limits, threads), .min = 0, .max = POOL_THREADS_MAX},
    {"kernel", SCHEMA_CHOICE, 0, SCHEMA_AT(struct config_limits, kernel), .choices = kernel_words},
    {0},
};

static int policy_is_valid(const char *text)
{
    return text[0] && strspn(text, "0123456789.") == strlen(text);
}

static const struct schema_field evidence_fields[] = {
    {"tsa_url", SCHEMA_TEXT, 1, SCHEMA_AT(struct config_evidence, tsa_url), .check = url_is_valid,
     .expects = "an address such as https://tsa.example.org/tsr, without a user name"},
    {"tsa_ca", SCHEMA_TEXT, 1, SCHEMA_AT(struct config_evidence, tsa_ca), .expects = PATH_RULE},
    {"tsa_tls_ca", SCHEMA_TEXT, 0, SCHEMA_AT(struct config_evidence, tsa_tls_ca), .expects = PATH_RULE},
    {"tsa_policy", SCHEMA_TEXT, 0, SCHEMA_AT(struct config_evidence, tsa_policy), .check = policy_is_valid,
     .expects = "an object identifier such as 1.2.3.4"},
    {0},
};

static const struct schema_field node_fields[] = {
    {"name", SCHEMA_TEXT, 1, SCHEMA_AT(struct node_config, name), .check = name_is_valid, .expects = NAME_RULE},
    {"listen", SCHEMA_TEXT, 1, SCHEMA_AT(struct node_config, listen), .check = config_address_is_valid,
     .expects = ADDRESS_RULE},
    {"state_dir", SCHEMA_TEXT, 1, SCHEMA_AT(struct node_config, state_dir),
     .expects = "a directory, relative to this file"},
    {"certificate", SCHEMA_TEXT, 1, SCHEMA_AT(struct node_config, certificate), .expects = PATH_RULE},
    {"key", SCHEMA_TEXT, 1, SCHEMA_AT(struct node_config, key), .expects = PATH_RULE},
    {"ca", SCHEMA_TEXT, 1, SCHEMA_AT(struct node_config, ca), .expects = PATH_RULE},
    {"crl", SCHEMA_TEXT, 0, SCHEMA_AT(struct node_config, crl), .expects = PATH_RULE},
    {"gm", SCHEMA_MAP, 0, SCHEMA_AT(struct node_config, gm), .fields = gm_fields},
    {"peers", SCHEMA_LIST_AT(struct node_config, peers, num_peers), .fields = peer_fields},
    {"coordinators", SCHEMA_LIST_AT(struct node_config, coordinators, num_coordinators), .fields = coordinator_fields},
    {"deadlines", SCHEMA_MAP, 0, SCHEMA_AT(struct node_config, deadlines), .fields = deadline_fields},
    {"policy", SCHEMA_MAP, 0, SCHEMA_AT(struct node_config, policy), .fields = policy_fields},
    {"limits", SCHEMA_MAP, 0, SCHEMA_AT(struct node_config, limits), .fields = limit_fields},
    {"evidence", SCHEMA_MAP, 0, SCHEMA_AT(struct node_config, evidence), .fields = evidence_fields},
    {"log", SCHEMA_CHOICE, 0, SCHEMA_AT(struct node_config, log), .choices = log_words},
    {0},
};

static const struct schema_field coordinator_file_fields[] = {
    {"certificate", SCHEMA_TEXT, 1, SCHEMA_AT(struct coordinator_config, certificate), .expects = PATH_RULE},
    {"key", SCHEMA_TEXT, 1, SCHEMA_AT(struct coordinator_config, key), .expects = PATH_RULE},
    {"ca", SCHEMA_TEXT, 1, SCHEMA_AT(struct coordinator_config, ca), .expects = PATH_RULE},
    {"crl", SCHEMA_TEXT, 0, SCHEMA_AT(struct coordinator_config, crl), .expects = PATH_RULE},
    {"gm", SCHEMA_MAP, 0, SCHEMA_AT(struct coordinator_config, gm), .fields = coordinator_gm_fields},
    {"nodes", SCHEMA_LIST_AT(struct coordinator_config, nodes, num_nodes), .required = 1,
     .fields = peer_fields, .expects = "name, address and fingerprint of each node"},
    {"deadlines", SCHEMA_MAP, 0, SCHEMA_AT(struct coordinator_config, deadlines), .fields = deadline_fields},
    {0},
};

const struct config_peer *config_find_peer(const struct config_peer *peers, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(peers[i].name, name) == 0)
            return &peers[i];
    }
    return NULL;
}

const struct hash *config_peer_pin(const struct config_peer *peer, enum suite s)
{
    const struct hash none = {{0}};

    if (s != SUITE_GM1)
        return &peer->fingerprint;
    return hash_equal(&peer->gm_fingerprint, &none) ? NULL : &peer->gm_fingerprint;
}

struct config_identity config_identity(const struct node_config *c, enum suite s)
{
    if (s == SUITE_GM1)
        return (struct config_identity){c->gm.certificate, c->gm.key, c->gm.ca, c->gm.crl};
    return (struct config_identity){c->certificate, c->key, c->ca, c->crl};
}

static status check_peers_distinct(const struct config_peer *peers, uint32_t count, const char *list,
                                   const struct schema_marks *marks, struct fault *f)
{
    char path[SCHEMA_PATH_BYTES];

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(peers[i].name, peers[j].name) == 0) {
                snprintf(path, sizeof path, "%s[%u].name", list, i + 1);
                return schema_fault(marks, path, f, "\"%s\" is listed twice", peers[i].name);
            }
            if (hash_equal(&peers[i].fingerprint, &peers[j].fingerprint)) {
                snprintf(path, sizeof path, "%s[%u].fingerprint", list, i + 1);
                return schema_fault(marks, path, f, "the same certificate as %s", peers[j].name);
            }
            if (config_peer_pin(&peers[i], SUITE_GM1) && hash_equal(&peers[i].gm_fingerprint, &peers[j].gm_fingerprint)) {
                snprintf(path, sizeof path, "%s[%u].gm_fingerprint", list, i + 1);
                return schema_fault(marks, path, f, "the same certificate as %s", peers[j].name);
            }
        }
    }
    return OK;
}

static status check_coordinators(const struct node_config *c, const struct schema_marks *marks, struct fault *f)
{
    char path[SCHEMA_PATH_BYTES];

    for (uint32_t i = 0; i < c->num_coordinators; i++) {
        for (uint32_t j = 0; j < i; j++) {
            snprintf(path, sizeof path, "coordinators[%u].name", i + 1);
            if (strcmp(c->coordinators[i].name, c->coordinators[j].name) == 0)
                return schema_fault(marks, path, f, "\"%s\" is listed twice", c->coordinators[i].name);
        }
    }
    for (uint32_t i = 0; i < c->policy.num_coordinators; i++) {
        uint32_t j = 0;

        while (j < c->num_coordinators && strcmp(c->coordinators[j].name, c->policy.coordinators[i]) != 0)
            j++;
        if (j < c->num_coordinators)
            continue;
        snprintf(path, sizeof path, "policy.coordinators[%u]", i + 1);
        fault_hint(f, "add it with its fingerprint to coordinators");
        return schema_fault(marks, path, f, "\"%s\" is not one of the coordinators above", c->policy.coordinators[i]);
    }
    return OK;
}

/* path := directory of file / path */
static status resolve(char path[FILES_PATH_BYTES], const char *file, struct fault *f)
{
    char directory[FILES_PATH_BYTES], given[FILES_PATH_BYTES];

    if (!path[0])
        return OK;
    strcpy(given, path);
    TRY(files_directory(directory, file, f));
    return files_join(path, directory, given, f);
}

static status resolve_gm(struct config_gm *gm, const char *file, struct fault *f)
{
    TRY(resolve(gm->certificate, file, f));
    TRY(resolve(gm->key, file, f));
    TRY(resolve(gm->ca, file, f));
    return resolve(gm->crl, file, f);
}

status config_parse_node(struct node_config *out, const char *file, const void *text, size_t len, struct fault *f)
{
    struct node_config *c AUTO(auto_free) = NULL;
    struct schema_marks *marks AUTO(auto_free) = NULL;
    char path[SCHEMA_PATH_BYTES];

    TRY(alloc_zeroed(&c, 1, sizeof *c));
    TRY(alloc_zeroed(&marks, 1, sizeof *marks));
    c->deadlines = default_deadlines;
    c->policy.approve = APPROVE_ASK;
    c->policy.min_rows = 1000;
    c->policy.max_passes = PASSES_MAX;
    c->policy.min_key_bits = 2048;
    c->policy.contracts_per_table = 20;
    c->policy.approvals = 1;
    c->policy.outputs = OUTPUT_WEIGHTS | OUTPUT_SCORES | OUTPUT_METRICS;
    c->limits = (struct config_limits){.memory_mb = 4096, .queue_mb = 64};
    c->log = LOG_INFO;
    TRY(schema_read(c, node_fields, file, text, len, marks, f));
    TRY(check_peers_distinct(c->peers, c->num_peers, "peers", marks, f));
    for (uint32_t i = 0; i < c->num_peers; i++) {
        snprintf(path, sizeof path, "peers[%u].name", i + 1);
        if (strcmp(c->peers[i].name, c->name) == 0)
            return schema_fault(marks, path, f, "\"%s\" is this node itself", c->name);
    }
    TRY(check_coordinators(c, marks, f));
    if (c->policy.approve == APPROVE_AUTO && c->policy.approvals > 1) {
        fault_hint(f, "with approve: ask each approver signs: hefu job approve JOB --as NAME --key FILE");
        return schema_fault(marks, "policy.approvals", f, "does not go together with approve: auto");
    }
    if (c->policy.suites & CONFIG_SUITE(SUITE_GM1) && !c->gm.certificate[0]) {
        fault_hint(f, "hefu node gm makes a key and a request for a certificate");
        return schema_fault(marks, "policy.suites", f, "has GM1, but there is no sm2 certificate under gm");
    }
    TRY(resolve(c->state_dir, file, f));
    TRY(resolve(c->certificate, file, f));
    TRY(resolve(c->key, file, f));
    TRY(resolve(c->ca, file, f));
    TRY(resolve(c->crl, file, f));
    TRY(resolve_gm(&c->gm, file, f));
    TRY(resolve(c->evidence.tsa_ca, file, f));
    TRY(resolve(c->evidence.tsa_tls_ca, file, f));
    *out = *c;
    return OK;
}

status config_parse_coordinator(struct coordinator_config *out, const char *file, const void *text, size_t len,
                                struct fault *f)
{
    struct coordinator_config *c AUTO(auto_free) = NULL;
    struct schema_marks *marks AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&c, 1, sizeof *c));
    TRY(alloc_zeroed(&marks, 1, sizeof *marks));
    c->deadlines = default_deadlines;
    TRY(schema_read(c, coordinator_file_fields, file, text, len, marks, f));
    TRY(check_peers_distinct(c->nodes, c->num_nodes, "nodes", marks, f));
    TRY(resolve(c->certificate, file, f));
    TRY(resolve(c->key, file, f));
    TRY(resolve(c->ca, file, f));
    TRY(resolve(c->crl, file, f));
    TRY(resolve_gm(&c->gm, file, f));
    *out = *c;
    return OK;
}

status config_load_node(struct node_config *out, const char *path, struct fault *f)
{
    uint8_t *text AUTO(auto_free) = NULL;
    size_t len = 0;
    status code = files_read(&text, &len, path, CONFIG_FILE_BYTES_MAX, f);

    if (code == STATUS_CONFIG)
        fault_hint(f, "hefu node init DIR --name NAME makes a node directory with node.yaml in it");
    TRY(code);
    return config_parse_node(out, path, text, len, f);
}

status config_load_coordinator(struct coordinator_config *out, const char *path, struct fault *f)
{
    uint8_t *text AUTO(auto_free) = NULL;
    size_t len = 0;
    status code = files_read(&text, &len, path, CONFIG_FILE_BYTES_MAX, f);

    if (code == STATUS_CONFIG)
        fault_hint(f, "hefu coordinator init DIR --name NAME makes a coordinator's directory with coordinator.yaml in it");
    TRY(code);
    return config_parse_coordinator(out, path, text, len, f);
}
