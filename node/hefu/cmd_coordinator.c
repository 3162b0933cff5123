/* hefu coordinator: make, show and check a coordinator's directory. */
#include "node/hefu/cmd.h"
#include "node/hefu/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- init ---- */

static const char coordinator_yaml[] =
    "# The coordinator %s.  configs/coordinator.yaml explains every key; hefu coordinator check reads this file.\n"
    "certificate: %s.pem\n"
    "key: coordinator.key\n"
    "ca: ca.pem\n"
    "crl: crl.pem\n"
    "\n"
    "# The institutions' nodes: hefu node trust CERTIFICATE --address tcp://HOST:PORT --coordinator FILE adds them.\n"
    "nodes: []\n";

static status run_init(int argc, char **argv, struct fault *f)
{
    const char *dir = NULL, *name = NULL, *ca = NULL;
    char text[2048], csr[NAME_BYTES + 8];
    const struct cmd_option options[] = {
        {"name", "NAME", "the coordinator's name in the consortium", .text = &name, .required = 1},
        {"ca", "FILE", "the consortium's ca.pem, to be copied here", .text = &ca},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu coordinator init", "DIR",
                                     "Make a coordinator's directory: coordinator.yaml, a key that never leaves it, a "
                                     "request for its certificate.",
                                     options, {&dir}, 1},
                  argc, argv, f));
    snprintf(text, sizeof text, coordinator_yaml, name, name);
    snprintf(csr, sizeof csr, "%s.csr", name);
    TRY(identity_make(&(struct identity_files){.dir = dir, .name = name, .config = "coordinator.yaml", .text = text,
                                               .key = "coordinator.key", .csr = csr, .ca = ca}, f));
    printf("%s/coordinator.yaml\n", dir);
    fprintf(stderr,
            "next:\n"
            "  1. send %s/%s to the consortium, which runs\n"
            "     hefu ca issue CA --name %s --role coordinator --csr %s --out DIR\n"
            "  2. put its %s.pem, ca.pem and crl.pem into %s\n"
            "  3. send %s.pem to every node, which runs hefu node trust %s.pem --node DIR\n"
            "  4. hefu node trust NODE.pem --address tcp://HOST:PORT --coordinator %s/coordinator.yaml\n"
            "     for every node\n"
            "  5. hefu coordinator check %s\n"
            "  6. hefu train JOB.yaml --coordinator %s/coordinator.yaml\n",
            dir, csr, name, csr, name, dir, name, name, dir, dir, dir);
    return OK;
}

/* ---- show ---- */

static status load(struct coordinator_config **out, char path[FILES_PATH_BYTES], const char *given, struct fault *f)
{
    struct coordinator_config *c AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&c, 1, sizeof *c));
    TRY(identity_config(path, given, "coordinator.yaml", f));
    TRY(config_load_coordinator(c, path, f));
    *out = c;
    c = NULL;
    return OK;
}

static json_t *config_json(const struct coordinator_config *c)
{
    json_t *nodes = json_array();

    for (uint32_t i = 0; i < c->num_nodes; i++) {
        const struct hash *gm = config_peer_pin(&c->nodes[i], SUITE_GM1);
        char fingerprint[2 * HASH_BYTES + 1], gm_fingerprint[2 * HASH_BYTES + 1];

        hash_hex(&c->nodes[i].fingerprint, fingerprint);
        hash_hex(&c->nodes[i].gm_fingerprint, gm_fingerprint);
        json_array_append_new(nodes, json_pack("{s:s, s:s, s:s, s:s?}", "name", c->nodes[i].name, "address",
                                               c->nodes[i].address, "fingerprint", fingerprint, "gm_fingerprint",
                                               gm ? gm_fingerprint : NULL));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:{s:i, s:i}}", "certificate", c->certificate, "key", "(hidden)", "ca",
                     c->ca, "crl", c->crl, "nodes", nodes, "deadlines", "handshake_s", (int)c->deadlines.handshake_s,
                     "approval_s", (int)c->deadlines.approval_s);
}

static status run_show(int argc, char **argv, struct fault *f)
{
    struct coordinator_config *config AUTO(auto_free) = NULL;
    const char *given = ".";
    char path[FILES_PATH_BYTES];
    int json = 0;
    const struct cmd_option options[] = {
        {"json", NULL, "one JSON object on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu coordinator show", "[DIR]", "Show what coordinator.yaml says, defaults "
                                     "included.", options, {&given}, 0},
                  argc, argv, f));
    TRY(load(&config, path, given, f));
    if (json)
        return cmd_print_json(config_json(config), f);
    identity_print_certificate("certificate", config->certificate);
    for (uint32_t i = 0; i < config->num_nodes; i++)
        printf("%s%-12s  %s%s\n", i ? "              " : "nodes         ", config->nodes[i].name, config->nodes[i].address,
               config_peer_pin(&config->nodes[i], SUITE_GM1) ? ", GM1 too" : "");
    printf("deadlines     handshake %u s, approval %u s\n", config->deadlines.handshake_s,
           config->deadlines.approval_s);
    return OK;
}

/* ---- check ---- */

static void check_coordinator(struct findings *all, const struct coordinator_config *config, const char *path)
{
    const struct identity own = {.config = path, .role = ROLE_COORDINATOR, .suite = SUITE_INT1,
                                 .certificate = config->certificate, .key = config->key, .ca = config->ca,
                                 .crl = config->crl};
    const struct identity gm = {.config = path, .suite = SUITE_GM1, .ca = config->gm.ca, .crl = config->gm.crl};

    found(all, FINDING_OK, "configuration", "%s", path);
    identity_check(all, &own);
    if (config->num_nodes == 0)
        found(all, FINDING_WARNING, "nodes", "none yet (hefu node trust NODE.pem --address ... --coordinator %s)", path);
    for (uint32_t i = 0; i < config->num_nodes; i++)
        identity_check_pinned(all, &own, config->nodes[i].name, &config->nodes[i].fingerprint, ROLE_NODE);
    all->gm = 1;
    for (uint32_t i = 0; gm.ca[0] && i < config->num_nodes; i++)
        if (config_peer_pin(&config->nodes[i], SUITE_GM1))
            identity_check_pinned(all, &gm, config->nodes[i].name, &config->nodes[i].gm_fingerprint, ROLE_NODE);
    all->gm = 0;
}

static status run_check(int argc, char **argv, struct fault *f)
{
    struct coordinator_config *config AUTO(auto_free) = NULL;
    struct findings all = {0};
    const char *given = ".";
    char path[FILES_PATH_BYTES];
    int json = 0;
    const struct cmd_option options[] = {
        {"json", NULL, "one JSON array on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu coordinator check", "[DIR]", "Check configuration, key, certificates and "
                                     "permissions.", options, {&given}, 0},
                  argc, argv, f));
    TRY(load(&config, path, given, f));
    if (json)
        all.list = json_array();
    check_coordinator(&all, config, path);
    if (json)
        TRY(cmd_print_json(all.list, f));
    return findings_conclude(&all, "coordinator", f);
}

status cmd_coordinator(int argc, char **argv, struct fault *f)
{
    static const struct cmd table[] = {
        {"init", "make a coordinator's directory with a key and a certificate request", run_init},
        {"show", "show the configuration, defaults included", run_show},
        {"check", "check configuration, key, certificates, permissions", run_check},
        {0},
    };

    return cmd_dispatch("hefu coordinator", "A coordinator's directory.  hefu node trust adds nodes to it.", table, argc, argv, f);
}
