/* hefu node: make, fill in, show and check a node's directory. */
#include "node/hefu/cmd.h"
#include "node/hefu/identity.h"
#include "node/hefu/trust.h"
#include "node/local/config.h"
#include "node/local/policy.h"
#include "node/net/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static status load_config(struct node_config **out, const char *dir, struct fault *f)
{
    struct node_config *c AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES];

    TRY(alloc_zeroed(&c, 1, sizeof *c));
    TRY(identity_config(path, dir, "node.yaml", f));
    TRY(config_load_node(c, path, f));
    *out = c;
    c = NULL;
    return OK;
}

/* ---- init ---- */

static const char node_yaml[] =
    "# The node of %s.  configs/node.yaml explains every key; hefu node check reads this file.\n"
    "name: %s\n"
    "listen: %s\n"
    "state_dir: state\n"
    "certificate: %s.pem\n"
    "key: node.key\n"
    "ca: ca.pem\n"
    "crl: crl.pem\n"
    "\n"
    "# Whom this node speaks to: hefu node trust CERTIFICATE --address tcp://HOST:PORT adds them.\n"
    "peers: []\n"
    "coordinators: []\n"
    "\n"
    "policy:\n"
    "  approve: ask\n"
    "  min_rows: 1000\n";

static status run_init(int argc, char **argv, struct fault *f)
{
    const char *dir = NULL, *name = NULL, *listen = "tcp://127.0.0.1:7101", *ca = NULL;
    char text[2048], state[FILES_PATH_BYTES];
    const struct cmd_option options[] = {
        {"name", "PARTY", "this institution's name in the consortium", .text = &name, .required = 1},
        {"listen", "ADDRESS", "where peers reach it (tcp://127.0.0.1:7101)", .text = &listen},
        {"ca", "FILE", "the consortium's ca.pem, to be copied here", .text = &ca},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node init", "DIR",
                                     "Make a node's directory: node.yaml, a key that never leaves it, a request for "
                                     "its certificate.",
                                     options, {&dir}, 1},
                  argc, argv, f));
    if (!config_address_is_valid(listen))
        return fault_set(f, STATUS_USAGE, "--listen is \"%.80s\", not an address such as tcp://127.0.0.1:7101", listen);
    if (strlen(listen) >= CONFIG_ADDRESS_BYTES)
        return fault_set(f, STATUS_USAGE, "--listen is longer than %d bytes", CONFIG_ADDRESS_BYTES - 1);
    snprintf(text, sizeof text, node_yaml, name, name, listen, name);
    TRY(identity_make(&(struct identity_files){.dir = dir, .name = name, .config = "node.yaml", .text = text,
                                               .key = "node.key", .csr = "node.csr", .ca = ca}, f));
    TRY(files_join(state, dir, "state", f));
    TRY(files_make_directory(state, f));
    printf("%s/node.yaml\n", dir);
    fprintf(stderr,
            "next:\n"
            "  1. send %s/node.csr to the consortium, which runs\n"
            "     hefu ca issue CA --name %s --role node --csr node.csr --out DIR\n"
            "  2. put its %s.pem, ca.pem and crl.pem into %s\n"
            "  3. hefu node trust PEER.pem --address tcp://HOST:PORT --node %s   for every peer\n"
            "     hefu node trust COORDINATOR.pem --node %s   for every coordinator\n"
            "  4. hefu table add NAME FILE --id COLUMN --node %s\n"
            "  5. hefu node check --node %s\n"
            "  6. hefud --config %s/node.yaml\n",
            dir, name, name, dir, dir, dir, dir, dir, dir);
    return OK;
}

/* ---- gm ---- */

static const char gm_yaml[] =
    "\n"
    "# The second identity, SM2: it signs contracts of suite GM1.\n"
    "gm:\n"
    "  certificate: %s-gm.pem\n"
    "  key: node-gm.key\n"
    "  ca: ca-gm.pem\n"
    "  crl: crl-gm.pem\n";

/* node.yaml, read as it would be with these lines at its end, gets them. */
static status add_gm(const char *path, const struct node_config *config, struct fault *f)
{
    struct node_config *changed AUTO(auto_free) = NULL;
    uint8_t *text AUTO(auto_free) = NULL;
    char lines[sizeof gm_yaml + NAME_BYTES], *whole AUTO(auto_free) = NULL;
    size_t len = 0, added;

    added = (size_t)snprintf(lines, sizeof lines, gm_yaml, config->name);
    TRY(alloc_zeroed(&changed, 1, sizeof *changed));
    TRY(files_read(&text, &len, path, CONFIG_FILE_BYTES_MAX, f));
    TRY(alloc_zeroed(&whole, len + added + 1, 1));
    memcpy(whole, text, len);
    memcpy(whole + len, lines, added);
    if (config_parse_node(changed, path, whole, len + added, NULL) != OK || !changed->gm.certificate[0]) {
        fault_hint(f, "add by hand what configs/node.yaml has under gm");
        return fault_set(f, STATUS_CONFIG, "%s is written in a way that cannot be added to", path);
    }
    return files_write(path, whole, len + added, 0600, f);
}

static status run_gm(int argc, char **argv, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    const char *given = ".";
    char path[FILES_PATH_BYTES], dir[FILES_PATH_BYTES];
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &given},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node gm", "",
                                     "Give the node a second identity, for contracts of suite GM1: an SM2 key that never leaves "
                                     "it, a request for its certificate, and their names in node.yaml.",
                                     options, {0}, 0},
                  argc, argv, f));
    TRY(load_config(&config, given, f));
    TRY(identity_config(path, given, "node.yaml", f));
    TRY(files_directory(dir, path, f));
    if (config->gm.certificate[0])
        return fault_set(f, STATUS_USAGE, "%s names an sm2 certificate already: %s", path, config->gm.certificate);
    TRY(identity_make_key(dir, "node-gm.key", "node-gm.csr", config->name, SUITE_GM1, f));
    TRY(add_gm(path, config, f));
    printf("%s/node-gm.csr\n", dir);
    fprintf(stderr,
            "next:\n"
            "  1. send %s/node-gm.csr to the keeper of the consortium's SM2 CA (hefu ca init CA --suite GM1), who runs\n"
            "     hefu ca issue CA --name %s --role node --csr node-gm.csr --out DIR\n"
            "  2. put its %s-gm.pem, ca-gm.pem and crl-gm.pem into %s, and restart hefud\n"
            "  3. hefu node trust PEER-gm.pem --node %s   for every peer that takes part\n"
            "  4. hefu node check --node %s\n",
            dir, config->name, config->name, dir, dir, dir);
    return OK;
}

/* ---- trust ---- */

static status run_trust(int argc, char **argv, struct fault *f)
{
    const char *file = NULL, *dir = ".", *coordinator = NULL, *address = NULL;
    struct certificate c AUTO(certificate_clear) = {0};
    char path[FILES_PATH_BYTES];
    int gm;
    const struct cmd_option options[] = {
        {"address", "ADDRESS", "where that node listens", .text = &address},
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {"coordinator", "FILE", "add the node to this coordinator.yaml instead", .text = &coordinator},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node trust", "CERTIFICATE",
                                     "Pin the certificate of a peer node or of a coordinator in node.yaml; and then the SM2 "
                                     "certificate of a peer, for contracts of suite GM1.  Its fingerprint should have come by "
                                     "another way too.",
                                     options, {&file}, 1},
                  argc, argv, f));
    TRY(certificate_load(&c, file, f));
    if (address && !config_address_is_valid(address))
        return fault_set(f, STATUS_USAGE, "--address is \"%.80s\", not an address such as tcp://127.0.0.1:7101",
                         address);
    gm = sign_public_suite(&c.key) == SUITE_GM1;
    if (gm && address)
        return fault_set(f, STATUS_USAGE, "--address goes with the first certificate of %s, not with this one", c.name);
    if (c.role == ROLE_NODE && !gm && !address)
        return fault_set(f, STATUS_USAGE, "--address is missing: %s is a node", c.name);
    if (coordinator) {
        TRY(identity_config(path, coordinator, "coordinator.yaml", f));
        TRY(trust_in_coordinator_file(path, &c, address, f));
    } else {
        TRY(identity_config(path, dir, "node.yaml", f));
        TRY(trust_in_node_file(path, &c, address, f));
    }
    printf("%s %s is trusted%s\n", certificate_role_name(c.role), c.name, gm ? " in contracts of suite GM1" : "");
    return OK;
}

/* ---- show ---- */

static json_t *texts_json(const char (*texts)[NAME_BYTES], uint32_t count)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static json_t *peers_json(const struct config_peer *peers, uint32_t count)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++) {
        const struct hash *gm = config_peer_pin(&peers[i], SUITE_GM1);
        char fingerprint[2 * HASH_BYTES + 1], gm_fingerprint[2 * HASH_BYTES + 1];

        hash_hex(&peers[i].fingerprint, fingerprint);
        hash_hex(&peers[i].gm_fingerprint, gm_fingerprint);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "name", peers[i].name, "address", peers[i].address,
                                              "fingerprint", fingerprint, "gm_fingerprint", gm ? gm_fingerprint : NULL));
    }
    return list;
}

static json_t *coordinators_json(const struct node_config *c)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < c->num_coordinators; i++) {
        char fingerprint[2 * HASH_BYTES + 1];

        hash_hex(&c->coordinators[i].fingerprint, fingerprint);
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", c->coordinators[i].name, "fingerprint",
                                              fingerprint));
    }
    return list;
}

static json_t *gm_json(const struct config_gm *gm)
{
    if (!gm->certificate[0])
        return json_null();
    return json_pack("{s:s, s:s, s:s, s:s}", "certificate", gm->certificate, "key", "(hidden)", "ca", gm->ca, "crl", gm->crl);
}

static json_t *config_json(const struct node_config *c)
{
    const struct config_deadlines *d = &c->deadlines;

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:{s:i, s:i, s:i, s:i},"
                     " s:{s:s, s:i, s:i, s:i, s:o, s:o, s:i, s:i}, s:{s:i, s:i, s:i}}",
                     "name", c->name, "listen", c->listen, "state_dir", c->state_dir, "certificate", c->certificate,
                     "key", "(hidden)", "ca", c->ca, "crl", c->crl, "gm", gm_json(&c->gm),
                     "peers", peers_json(c->peers, c->num_peers),
                     "coordinators", coordinators_json(c), "deadlines", "handshake_s", (int)d->handshake_s, "peer_s",
                     (int)d->peer_s, "approval_s", (int)d->approval_s, "job_s", (int)d->job_s, "policy", "approve",
                     c->policy.approve == APPROVE_AUTO ? "auto" : "ask", "min_rows", (int)c->policy.min_rows,
                     "max_passes", (int)c->policy.max_passes, "min_key_bits", (int)c->policy.min_key_bits,
                     "coordinators", texts_json(c->policy.coordinators, c->policy.num_coordinators), "tables",
                     texts_json(c->policy.tables, c->policy.num_tables), "contracts_per_table",
                     (int)c->policy.contracts_per_table, "approvals", (int)c->policy.approvals, "limits", "memory_mb",
                     (int)c->limits.memory_mb, "queue_mb", (int)c->limits.queue_mb, "threads",
                     (int)c->limits.threads);
}

static void print_config(const struct node_config *c)
{
    printf("name          %s\nlistens at    %s\nstate         %s\n", c->name, c->listen, c->state_dir);
    identity_print_certificate("certificate", c->certificate);
    if (c->gm.certificate[0])
        identity_print_certificate("suite GM1", c->gm.certificate);
    else
        printf("suite GM1     not yet (hefu node gm)\n");
    for (uint32_t i = 0; i < c->num_peers; i++)
        printf("%s%-12s  %s%s\n", i ? "              " : "peers         ", c->peers[i].name, c->peers[i].address,
               config_peer_pin(&c->peers[i], SUITE_GM1) ? ", GM1 too" : "");
    for (uint32_t i = 0; i < c->num_coordinators; i++)
        printf("%s%s\n", i ? "              " : "coordinators  ", c->coordinators[i].name);
    printf("approval      %s\n", c->policy.approve == APPROVE_AUTO ? "automatic within policy" : "asks the operator");
    printf("approvers     %u must sign\n", c->policy.approvals > 1 ? c->policy.approvals : 0);
    printf("policy        at least %u common people, at most %u passes, keys of at least %u bits\n",
           c->policy.min_rows, c->policy.max_passes, c->policy.min_key_bits);
    for (enum suite s = SUITE_INT1; s <= SUITE_GM1; s++)
        if (c->policy.suites == CONFIG_SUITE(s))
            printf("              contracts of suite %s alone\n", suite_name(s));
    if (c->policy.contracts_per_table)
        printf("              at most %u contracts a table in %d days\n", c->policy.contracts_per_table, POLICY_USES_DAYS);
    printf("deadlines     handshake %u s, silent peer %u s, approval %u s, job %u s\n", c->deadlines.handshake_s,
           c->deadlines.peer_s, c->deadlines.approval_s, c->deadlines.job_s);
}

static status run_show(int argc, char **argv, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    const char *dir = ".";
    int json = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {"json", NULL, "one JSON object on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node show", "", "Show what node.yaml says, defaults included.", options, {0},
                                     0},
                  argc, argv, f));
    TRY(load_config(&config, dir, f));
    if (json)
        return cmd_print_json(config_json(config), f);
    print_config(config);
    return OK;
}

/* ---- check ---- */

static void check_state(struct findings *all, const struct node_config *config)
{
    struct store *store AUTO(store_clear) = NULL;
    struct store_table *tables AUTO(auto_free) = NULL;
    struct fault f = {0};
    size_t count = 0, missing = 0;

    if (files_make_directory(config->state_dir, &f) != OK || files_check_private(config->state_dir, &f) != OK ||
        store_open(&store, config->state_dir, &f) != OK || store_list_tables(store, &tables, &count, &f) != OK) {
        found_fault(all, "state", &f);
        return;
    }
    found(all, FINDING_OK, "state", "%s", config->state_dir);
    for (size_t i = 0; i < count; i++) {
        if (files_exist(tables[i].path))
            continue;
        missing++;
        found(all, FINDING_BAD, "tables", "%s: its file %s is gone", tables[i].name, tables[i].path);
    }
    if (count == 0)
        found(all, FINDING_WARNING, "tables", "none is registered yet (hefu table add)");
    else if (missing == 0)
        found(all, FINDING_OK, "tables", "%zu registered", count);
}

/* Fewer approvers than the policy asks for: nothing can ever be approved. */
static void check_approvers(struct findings *all, const struct node_config *config)
{
    struct store *store AUTO(store_clear) = NULL;
    struct store_approver *list AUTO(auto_free) = NULL;
    size_t count = 0;

    if (config->policy.approvals < 2 || store_open(&store, config->state_dir, NULL) != OK ||
        store_list_approvers(store, &list, &count, NULL) != OK)
        return;
    found(all, count < config->policy.approvals ? FINDING_BAD : FINDING_OK, "approvers", "%zu registered, policy.approvals is %u",
          count, config->policy.approvals);
}

/* The other identity, and who is known by theirs. */
static void check_gm(struct findings *all, const struct node_config *config, const char *path)
{
    const struct config_gm *gm = &config->gm;
    const struct identity own = {.config = path, .name = config->name, .role = ROLE_NODE, .suite = SUITE_GM1, .key = gm->key,
                                 .certificate = gm->certificate, .ca = gm->ca, .crl = gm->crl};

    if (!gm->certificate[0]) {
        found(all, FINDING_OK, "gm", "none: contracts of suite GM1 are refused (hefu node gm)");
        return;
    }
    all->gm = 1;
    identity_check(all, &own);
    for (uint32_t i = 0; i < config->num_peers; i++) {
        const struct config_peer *peer = &config->peers[i];

        if (config_peer_pin(peer, SUITE_GM1))
            identity_check_pinned(all, &own, peer->name, &peer->gm_fingerprint, ROLE_NODE);
        else
            found(all, FINDING_WARNING, peer->name, "its sm2 certificate is not known: contracts of suite GM1 with it are refused "
                                                    "(hefu node trust %s-gm.pem)", peer->name);
    }
    all->gm = 0;
}

static void check_node(struct findings *all, const struct node_config *config, const char *path)
{
    const struct identity own = {.config = path, .name = config->name, .role = ROLE_NODE, .suite = SUITE_INT1,
                                 .key = config->key, .certificate = config->certificate, .ca = config->ca,
                                 .crl = config->crl};

    found(all, FINDING_OK, "configuration", "%s", path);
    identity_check(all, &own);
    check_state(all, config);
    check_approvers(all, config);
    if (config->num_peers == 0)
        found(all, FINDING_WARNING, "peers", "none yet (hefu node trust)");
    for (uint32_t i = 0; i < config->num_peers; i++)
        identity_check_pinned(all, &own, config->peers[i].name, &config->peers[i].fingerprint, ROLE_NODE);
    if (config->num_coordinators == 0)
        found(all, FINDING_WARNING, "coordinators", "none yet (hefu node trust): nobody can propose a job");
    for (uint32_t i = 0; i < config->num_coordinators; i++)
        identity_check_pinned(all, &own, config->coordinators[i].name, &config->coordinators[i].fingerprint,
                              ROLE_COORDINATOR);
    check_gm(all, config, path);
}

static status run_check(int argc, char **argv, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    struct findings all = {0};
    const char *dir = ".";
    char path[FILES_PATH_BYTES];
    int json = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {"json", NULL, "one JSON array on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node check", "",
                                     "Check configuration, keys, certificates, permissions and tables.", options, {0},
                                     0},
                  argc, argv, f));
    TRY(load_config(&config, dir, f));
    TRY(identity_config(path, dir, "node.yaml", f));
    if (json)
        all.list = json_array();
    check_node(&all, config, path);
    if (json)
        TRY(cmd_print_json(all.list, f));
    return findings_conclude(&all, "node", f);
}

status cmd_node(int argc, char **argv, struct fault *f)
{
    static const struct cmd table[] = {
        {"init", "make a node's directory with a key and a certificate request", run_init},
        {"gm", "a second identity, SM2, for contracts of suite GM1", run_gm},
        {"trust", "pin the certificate of a peer or a coordinator", run_trust},
        {"approver", "whose signatures count where the policy asks for several", cmd_approver},
        {"show", "show the configuration, defaults included", run_show},
        {"check", "check configuration, keys, certificates, permissions, tables", run_check},
        {0},
    };

    return cmd_dispatch("hefu node", "A node's directory.", table, argc, argv, f);
}
