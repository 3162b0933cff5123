#include "node/hefu/ask.h"

#include "node/hefu/identity.h"
#include "node/net/control.h"
#include "node/net/link.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_DEADLINE_MS = 60000 };

void auto_json(json_t **value)
{
    json_decref(*value);
}

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

uint64_t json_count(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 ? (uint64_t)value : 0;
}

double json_decimal(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

status audience_of_node(struct audience *out, const char *dir, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES];

    *out = (struct audience){0};
    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(identity_config(path, dir, "node.yaml", f));
    TRY(config_load_node(config, path, f));
    out->node = config;
    out->count = 1;
    out->name[0] = config->name;
    if (strcmp(dir, ".") != 0)
        snprintf(out->option, sizeof out->option, " --node %s", dir);
    config = NULL;
    return OK;
}

status audience_of_coordinator(struct audience *out, const char *file, struct fault *f)
{
    struct coordinator_config *config AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES];

    *out = (struct audience){0};
    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(identity_config(path, file, "coordinator.yaml", f));
    TRY(config_load_coordinator(config, path, f));
    if (config->num_nodes == 0) {
        fault_set(f, STATUS_CONFIG, "%s lists no node", path);
        fault_hint(f, "hefu node trust NODE.pem --address tcp://HOST:PORT --coordinator %s adds one", path);
        return STATUS_CONFIG;
    }
    out->coordinator = config;
    out->count = config->num_nodes;
    if (strcmp(file, "coordinator.yaml") != 0)
        snprintf(out->option, sizeof out->option, " --coordinator %s", file);
    for (uint32_t i = 0; i < config->num_nodes; i++)
        out->name[i] = config->nodes[i].name;
    config = NULL;
    return OK;
}

status audience_find(struct audience *out, const char *node_dir, const char *coordinator_file, struct fault *f)
{
    *out = (struct audience){0};
    if (node_dir && coordinator_file) {
        fault_set(f, STATUS_USAGE, "--node and --coordinator do not go together");
        fault_hint(f, "an operator speaks to the own node, a coordinator to all of them");
        return STATUS_USAGE;
    }
    if (node_dir)
        return audience_of_node(out, node_dir, f);
    if (coordinator_file)
        return audience_of_coordinator(out, coordinator_file, f);
    if (files_exist("node.yaml"))
        return audience_of_node(out, ".", f);
    if (files_exist("coordinator.yaml"))
        return audience_of_coordinator(out, "coordinator.yaml", f);
    fault_set(f, STATUS_USAGE, "whom to ask is not clear: there is no node.yaml and no coordinator.yaml here");
    fault_hint(f, "add --node DIR at an institution, or --coordinator FILE as the coordinator");
    return STATUS_USAGE;
}

void audience_clear(struct audience *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        link_client_close(a->client[i]);
    free(a->node);
    free(a->coordinator);
    *a = (struct audience){0};
}

status audience_index(uint32_t *out, const struct audience *a, const char *name, struct fault *f)
{
    const char *near;

    for (uint32_t i = 0; i < a->count; i++) {
        if (strcmp(a->name[i], name) == 0) {
            *out = i;
            return OK;
        }
    }
    near = name_nearest(name, a->name, a->count);
    fault_set(f, STATUS_CONFIG, "there is no node \"%s\" in the coordinator's file", name);
    if (near)
        fault_hint(f, "did you mean \"%s\"?", near);
    else
        fault_hint(f, "list it under nodes, with its address and fingerprint");
    return STATUS_CONFIG;
}

/* One request over TLS; a connection that fails is made anew next time. */
static status ask_over_tls(struct audience *a, uint32_t node, const json_t *request, json_t **answer, struct fault *f)
{
    const struct coordinator_config *own = a->coordinator;
    const struct config_peer *peer = &own->nodes[node];
    const struct tls_files files = {.ca = own->ca,
                                    .crl = own->crl[0] ? own->crl : NULL,
                                    .certificate = own->certificate,
                                    .key = own->key};
    char *text AUTO(auto_free) = json_dumps(request, JSON_COMPACT);
    uint8_t *response AUTO(auto_free) = NULL;
    size_t len = 0;
    status code;

    if (!text)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    if (!a->client[node])
        TRY(link_client_open(&a->client[node], &files, peer->address, peer->name, &peer->fingerprint,
                             own->deadlines.handshake_s * 1000, f));
    code = link_client_call(a->client[node], text, strlen(text), &response, &len, ASK_DEADLINE_MS, f);
    if (code != OK) {
        link_client_close(a->client[node]);
        a->client[node] = NULL;
        return code;
    }
    return control_read_answer(answer, response, len, f);
}

/* Whether a sentence names it, as a word. */
static int mentions(const char *text, const char *name)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t len = strlen(name);

    for (const char *at = text; (at = strstr(at, name)) != NULL; at++) {
        if ((at == text || !strchr(word, at[-1])) && (!at[len] || !strchr(word, at[len])))
            return 1;
    }
    return 0;
}

status audience_ask(struct audience *a, uint32_t node, json_t *request, json_t **answer, struct fault *f)
{
    struct fault theirs = {0};
    status code;

    if (!request)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    if (a->node)
        code = control_call_local(a->node->state_dir, request, answer, ASK_DEADLINE_MS, &theirs);
    else
        code = ask_over_tls(a, node, request, answer, &theirs);
    json_decref(request);
    if (code == OK)
        return OK;
    /* A sentence that names the node already needs no second name. */
    if (a->node || mentions(theirs.message, a->name[node]))
        fault_set(f, code, "%s", theirs.message);
    else
        fault_set(f, code, "%s: %s", a->name[node], theirs.message);
    if (theirs.hint[0])
        fault_hint(f, "%s", theirs.hint);
    return code;
}
