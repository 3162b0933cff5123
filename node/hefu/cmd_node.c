/* hefu node: make, fill in, show and check a node's directory. */
#include "node/hefu/cmd.h"
#include "node/hefu/trust.h"
#include "node/local/ca.h"
#include "node/local/config.h"
#include "node/local/keyring.h"
#include "node/net/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static status write_node_yaml(const char *dir, const char *name, const char *listen, struct fault *f)
{
    char path[FILES_PATH_BYTES], text[2048];
    int len = snprintf(text, sizeof text, node_yaml, name, name, listen, name);

    TRY(files_join(path, dir, "node.yaml", f));
    return files_create(path, text, (size_t)len, 0600, f);
}

static status copy_into(const char *dir, const char *file, const char *name, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(files_read(&bytes, &len, file, CERTIFICATE_BYTES_MAX, f));
    TRY(files_join(path, dir, name, f));
    return files_write(path, bytes, len, 0644, f);
}

static status run_init(int argc, char **argv, struct fault *f)
{
    const char *dir = NULL, *name = NULL, *listen = "tcp://127.0.0.1:7101", *ca = NULL;
    char key[FILES_PATH_BYTES], csr[FILES_PATH_BYTES], state[FILES_PATH_BYTES];
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
    if (!name_is_valid(name))
        return fault_set(f, STATUS_USAGE, "\"%.40s\" is not a party name: %s", name, NAME_RULE);
    if (!config_address_is_valid(listen))
        return fault_set(f, STATUS_USAGE, "--listen is \"%.80s\", not an address such as tcp://127.0.0.1:7101", listen);
    TRY(files_make_directory(dir, f));
    TRY(files_join(key, dir, "node.key", f));
    TRY(files_join(csr, dir, "node.csr", f));
    TRY(files_join(state, dir, "state", f));
    TRY(write_node_yaml(dir, name, listen, f));
    TRY(ca_make_key(key, f));
    TRY(ca_make_csr(csr, key, name, f));
    TRY(files_make_directory(state, f));
    if (ca)
        TRY(copy_into(dir, ca, "ca.pem", f));
    printf("%s/node.yaml\n", dir);
    fprintf(stderr,
            "next:\n"
            "  1. send %s/node.csr to the consortium, which runs\n"
            "     hefu ca issue CA --name %s --role node --csr node.csr --out DIR\n"
            "  2. put its %s.pem, ca.pem and crl.pem into %s\n"
            "  3. hefu node trust PEER.pem --address tcp://HOST:PORT --node %s   for every peer and coordinator\n"
            "  4. hefu table add NAME FILE --id COLUMN --node %s\n"
            "  5. hefu node check --node %s\n",
            dir, name, name, dir, dir, dir, dir);
    return OK;
}

/* ---- trust ---- */

static status run_trust(int argc, char **argv, struct fault *f)
{
    const char *file = NULL, *dir = ".", *coordinator = NULL, *address = NULL;
    struct certificate c AUTO(certificate_clear) = {0};
    char path[FILES_PATH_BYTES];
    const struct cmd_option options[] = {
        {"address", "ADDRESS", "where that node listens", .text = &address},
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {"coordinator", "FILE", "add the node to this coordinator.yaml instead", .text = &coordinator},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node trust", "CERTIFICATE",
                                     "Pin the certificate of a peer node or of a coordinator in node.yaml.  Its "
                                     "fingerprint should have come by another way too.",
                                     options, {&file}, 1},
                  argc, argv, f));
    TRY(certificate_load(&c, file, f));
    if (address && !config_address_is_valid(address))
        return fault_set(f, STATUS_USAGE, "--address is \"%.80s\", not an address such as tcp://127.0.0.1:7101",
                         address);
    if (c.role == ROLE_NODE && !address)
        return fault_set(f, STATUS_USAGE, "--address is missing: %s is a node", c.name);
    if (coordinator) {
        TRY(trust_in_coordinator_file(coordinator, &c, address, f));
    } else {
        TRY(files_join(path, dir, "node.yaml", f));
        TRY(trust_in_node_file(path, &c, address, f));
    }
    printf("%s %s is trusted\n", certificate_role_name(c.role), c.name);
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
        char fingerprint[2 * HASH_BYTES + 1];

        hash_hex(&peers[i].fingerprint, fingerprint);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", peers[i].name, "address", peers[i].address,
                                              "fingerprint", fingerprint));
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

static json_t *config_json(const struct node_config *c)
{
    const struct config_deadlines *d = &c->deadlines;

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:{s:i, s:i, s:i, s:i},"
                     " s:{s:s, s:i, s:i, s:i, s:o, s:o}, s:{s:i, s:i}}",
                     "name", c->name, "listen", c->listen, "state_dir", c->state_dir, "certificate", c->certificate,
                     "key", "(hidden)", "ca", c->ca, "crl", c->crl, "peers", peers_json(c->peers, c->num_peers),
                     "coordinators", coordinators_json(c), "deadlines", "handshake_s", (int)d->handshake_s, "peer_s",
                     (int)d->peer_s, "approval_s", (int)d->approval_s, "job_s", (int)d->job_s, "policy", "approve",
                     c->policy.approve == APPROVE_AUTO ? "auto" : "ask", "min_rows", (int)c->policy.min_rows,
                     "max_passes", (int)c->policy.max_passes, "min_key_bits", (int)c->policy.min_key_bits,
                     "coordinators", texts_json(c->policy.coordinators, c->policy.num_coordinators), "tables",
                     texts_json(c->policy.tables, c->policy.num_tables), "limits", "memory_mb",
                     (int)c->limits.memory_mb, "queue_mb", (int)c->limits.queue_mb);
}

static void print_own_certificate(const struct node_config *config)
{
    struct certificate c AUTO(certificate_clear) = {0};
    struct fault f = {0};
    char fingerprint[2 * HASH_BYTES + 1], until[16];

    if (certificate_load(&c, config->certificate, &f) != OK) {
        printf("certificate   none yet (%s)\n", f.message);
        return;
    }
    hash_hex(&c.fingerprint, fingerprint);
    certificate_date(until, c.not_after);
    printf("certificate   %s, valid until %s\nfingerprint   %s\n", config->certificate, until, fingerprint);
}

static void print_config(const struct node_config *c)
{
    printf("name          %s\nlistens at    %s\nstate         %s\n", c->name, c->listen, c->state_dir);
    print_own_certificate(c);
    for (uint32_t i = 0; i < c->num_peers; i++)
        printf("%s%-12s  %s\n", i ? "              " : "peers         ", c->peers[i].name, c->peers[i].address);
    for (uint32_t i = 0; i < c->num_coordinators; i++)
        printf("%s%s\n", i ? "              " : "coordinators  ", c->coordinators[i].name);
    printf("approval      %s\n", c->policy.approve == APPROVE_AUTO ? "automatic within policy" : "asks the operator");
    printf("policy        at least %u common people, at most %u passes, keys of at least %u bits\n",
           c->policy.min_rows, c->policy.max_passes, c->policy.min_key_bits);
    printf("deadlines     handshake %u s, silent peer %u s, approval %u s, job %u s\n", c->deadlines.handshake_s,
           c->deadlines.peer_s, c->deadlines.approval_s, c->deadlines.job_s);
}

static status load_config(struct node_config **out, const char *dir, struct fault *f)
{
    struct node_config *c AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES];

    TRY(alloc_zeroed(&c, 1, sizeof *c));
    TRY(files_join(path, dir, "node.yaml", f));
    TRY(config_load_node(c, path, f));
    *out = c;
    c = NULL;
    return OK;
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

enum finding_level { FINDING_OK, FINDING_WARNING, FINDING_BAD };
static const char *const level_names[] = {"ok", "warning", "bad"};

struct findings {
    json_t *list;
    size_t bad, warnings;
    int json;
};

static void PRINTF_LIKE(4, 5) found(struct findings *all, enum finding_level level, const char *what, const char *fmt,
                                    ...)
{
    char text[900];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    all->bad += level == FINDING_BAD;
    all->warnings += level == FINDING_WARNING;
    if (all->json)
        json_array_append_new(all->list, json_pack("{s:s, s:s, s:s}", "state", level_names[level], "what", what, "text",
                                                   text));
    else
        printf("%-7s  %-13s  %s\n", level_names[level], what, text);
}

static void found_fault(struct findings *all, const char *what, const struct fault *f)
{
    found(all, FINDING_BAD, what, "%s%s%s%s", f->message[0] ? f->message : status_name(f->code), f->hint[0] ? " (" : "",
          f->hint, f->hint[0] ? ")" : "");
}

/* The certificate against the CA, the revocation list, the clock, the name, the role and the key. */
static void check_own_certificate(struct findings *all, const struct node_config *config, const struct keyring *key)
{
    struct certificate c AUTO(certificate_clear) = {0};
    int64_t now = (int64_t)time(NULL);
    struct fault f = {0};
    char until[16];

    if (certificate_load(&c, config->certificate, &f) != OK ||
        certificate_verify(&c, config->ca, config->crl, now, &f) != OK) {
        found_fault(all, "certificate", &f);
        return;
    }
    certificate_date(until, c.not_after);
    if (strcmp(c.name, config->name) != 0)
        found(all, FINDING_BAD, "certificate", "%s is for %s, and this node is %s", config->certificate, c.name,
              config->name);
    else if (c.role != ROLE_NODE)
        found(all, FINDING_BAD, "certificate", "%s has the role %s, not node", config->certificate,
              certificate_role_name(c.role));
    else if (key && memcmp(c.key.bytes, keyring_public(key)->bytes, SIGN_PUBLIC_BYTES) != 0)
        found(all, FINDING_BAD, "certificate", "%s belongs to another key than %s", config->certificate, config->key);
    else if (c.not_after - now < (int64_t)CERTIFICATE_WARN_DAYS * 86400)
        found(all, FINDING_WARNING, "certificate", "expires on %s; ask the consortium for a new one", until);
    else
        found(all, FINDING_OK, "certificate", "%s, issued by the consortium, until %s", config->name, until);
}

static void check_crl(struct findings *all, const struct node_config *config)
{
    int64_t next = 0;
    struct fault f = {0};
    char date[16];

    if (!config->crl[0]) {
        found(all, FINDING_WARNING, "crl", "node.yaml names no revocation list");
    } else if (certificate_crl_next_update(&next, config->crl, &f) != OK) {
        found_fault(all, "crl", &f);
    } else {
        certificate_date(date, next);
        if (next < (int64_t)time(NULL))
            found(all, FINDING_WARNING, "crl", "a newer revocation list was due on %s", date);
        else
            found(all, FINDING_OK, "crl", "current until %s", date);
    }
}

static void check_peer(struct findings *all, const struct node_config *config, const char *dir, const char *name,
                       const struct hash *pin, enum certificate_role role)
{
    struct certificate c AUTO(certificate_clear) = {0};
    char path[FILES_PATH_BYTES];
    struct fault f = {0};

    if (trust_certificate_path(path, dir, name, &f) != OK || !files_exist(path)) {
        found(all, FINDING_OK, name, "pinned (no copy of its certificate here)");
    } else if (certificate_load(&c, path, &f) != OK ||
               certificate_verify(&c, config->ca, config->crl, (int64_t)time(NULL), &f) != OK) {
        found_fault(all, name, &f);
    } else if (!hash_equal(&c.fingerprint, pin)) {
        found(all, FINDING_BAD, name, "%s is not the certificate pinned in node.yaml", path);
    } else if (strcmp(c.name, name) != 0 || c.role != role) {
        found(all, FINDING_BAD, name, "%s is for the %s %s", path, certificate_role_name(c.role), c.name);
    } else if (c.not_after - (int64_t)time(NULL) < (int64_t)CERTIFICATE_WARN_DAYS * 86400) {
        found(all, FINDING_WARNING, name, "its certificate expires within %d days", CERTIFICATE_WARN_DAYS);
    } else {
        found(all, FINDING_OK, name, "pinned, certificate in order");
    }
}

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

static void check_node(struct findings *all, const struct node_config *config, const char *dir)
{
    struct keyring *key AUTO(keyring_clear) = NULL;
    struct fault f = {0};

    found(all, FINDING_OK, "configuration", "%s/node.yaml", dir);
    if (keyring_new(&key, config->key, NULL, &f) != OK)
        found_fault(all, "key", &f);
    else
        found(all, FINDING_OK, "key", "%s, private to its owner", config->key);
    check_own_certificate(all, config, key);
    check_crl(all, config);
    check_state(all, config);
    if (config->num_peers == 0)
        found(all, FINDING_WARNING, "peers", "none yet (hefu node trust)");
    for (uint32_t i = 0; i < config->num_peers; i++)
        check_peer(all, config, dir, config->peers[i].name, &config->peers[i].fingerprint, ROLE_NODE);
    for (uint32_t i = 0; i < config->num_coordinators; i++)
        check_peer(all, config, dir, config->coordinators[i].name, &config->coordinators[i].fingerprint,
                   ROLE_COORDINATOR);
}

static status run_check(int argc, char **argv, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    struct findings all = {0};
    const char *dir = ".";
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {"json", NULL, "one JSON array on stdout", .flag = &all.json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node check", "",
                                     "Check configuration, keys, certificates, permissions and tables.", options, {0},
                                     0},
                  argc, argv, f));
    TRY(load_config(&config, dir, f));
    if (all.json)
        all.list = json_array();
    check_node(&all, config, dir);
    if (all.json)
        TRY(cmd_print_json(all.list, f));
    if (all.bad) {
        fault_hint(f, "see the lines marked bad");
        return fault_set(f, STATUS_CONFIG, "the node is not ready: %zu problem%s", all.bad, cmd_plural(all.bad));
    }
    return OK;
}

status cmd_node(int argc, char **argv, struct fault *f)
{
    static const struct cmd table[] = {
        {"init", "make a node's directory with a key and a certificate request", run_init},
        {"trust", "pin the certificate of a peer or a coordinator", run_trust},
        {"show", "show the configuration, defaults included", run_show},
        {"check", "check configuration, keys, certificates, permissions, tables", run_check},
        {0},
    };

    return cmd_dispatch("hefu node", "A node's directory.", table, argc, argv, f);
}
