/* Whom a command speaks to: the daemon of this machine over its Unix socket, or, as coordinator, the nodes of a
 * consortium over TLS.  One request, one answer; the form of both is in node/net/control.h. */
#ifndef HEFU_ASK_H
#define HEFU_ASK_H

#include "node/local/config.h"

#include <jansson.h>

struct link_client;

struct audience {
    uint32_t count;
    const char *name[CONFIG_PEERS_MAX]; /* of each node */
    char option[FILES_PATH_BYTES + 16]; /* to be typed again: " --node DIR", or "" in that directory */
    struct node_config *node;           /* as operator; NULL as coordinator */
    struct coordinator_config *coordinator;
    struct link_client *client[CONFIG_PEERS_MAX]; /* opened when first asked */
};

/* DIR holds node.yaml, or is that file itself; so with coordinator.yaml.  A coordinator without nodes is refused. */
MUST_USE status audience_of_node(struct audience *out, const char *dir, struct fault *f);
MUST_USE status audience_of_coordinator(struct audience *out, const char *file, struct fault *f);
/* What the options say; with neither: ./node.yaml, else ./coordinator.yaml.  STATUS_USAGE when there is none. */
MUST_USE status audience_find(struct audience *out, const char *node_dir, const char *coordinator_file,
                              struct fault *f);
void audience_clear(struct audience *a);

/* STATUS_CONFIG when there is no such node. */
MUST_USE status audience_index(uint32_t *out, const struct audience *a, const char *name, struct fault *f);

/* The request is consumed, also on failure; *answer is the caller's (json_decref).  A node's refusal is a fault in its
 * words, with its name in front. */
MUST_USE status audience_ask(struct audience *a, uint32_t node, json_t *request, json_t **answer, struct fault *f);

/* For AUTO. */
void auto_json(json_t **value);
/* A text of an object, or "" when it has none of that name. */
const char *json_text(const json_t *object, const char *key);
uint64_t json_count(const json_t *object, const char *key);
double json_decimal(const json_t *object, const char *key); /* NAN when there is none */

#endif
