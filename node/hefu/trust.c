#include "node/hefu/trust.h"

#include "node/local/config.h"
#include "node/local/openssl.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

status trust_certificate_path(char out[FILES_PATH_BYTES], const char *dir, const char *name, struct fault *f)
{
    char file[NAME_BYTES + 16];

    snprintf(file, sizeof file, "peers/%s.pem", name);
    return files_join(out, dir, file, f);
}

/* ---- text ---- */

static const char *next_line(const char *at)
{
    const char *end = strchr(at, '\n');

    return end ? end + 1 : at + strlen(at);
}

/* The line of a top-level key, or NULL. */
static const char *find_key(const char *text, const char *key)
{
    size_t len = strlen(key);

    for (const char *at = text; *at; at = next_line(at)) {
        if (strncmp(at, key, len) == 0 && at[len] == ':')
            return at;
    }
    return NULL;
}

/* How far the items below a key are indented: as those that are there, else 2. */
static int item_indent(const char *at)
{
    for (; *at; at = next_line(at)) {
        size_t blanks = strspn(at, " ");

        if (at[blanks] == '#' || at[blanks] == '\n' || at[blanks] == '\r')
            continue;
        return at[blanks] == '-' && at[blanks + 1] == ' ' ? (int)blanks : 2;
    }
    return 2;
}

static void put_item(FILE *out, int indent, const char *const *lines, size_t num_lines)
{
    for (size_t i = 0; i < num_lines; i++)
        fprintf(out, "%*s%s %s\n", indent, "", i ? " " : "-", lines[i]);
}

status trust_insert_item(char **out, const char *text, const char *key, const char *const *lines, size_t num_lines)
{
    const char *line = find_key(text, key), *rest = line ? next_line(line) : text + strlen(text);
    size_t len = 0;
    FILE *stream = open_memstream(out, &len);

    if (!stream)
        return STATUS_NO_MEMORY;
    fwrite(text, 1, (size_t)((line ? line : rest) - text), stream);
    if (!line && rest > text && rest[-1] != '\n')
        fputc('\n', stream);
    fprintf(stream, "%s:\n", key);
    put_item(stream, item_indent(rest), lines, num_lines);
    fputs(rest, stream);
    return fclose(stream) == 0 ? OK : STATUS_NO_MEMORY;
}

/* Replace the one place where the old fingerprint stands. */
static int replace_once(char *text, const char *old, const char *new)
{
    char *at = strstr(text, old);

    if (!at || strstr(at + 1, old))
        return 0;
    memcpy(at, new, strlen(new));
    return 1;
}

/* ---- node.yaml and coordinator.yaml ---- */

/* Who is pinned now under that name, in which list. */
struct pin {
    const char *key;
    const struct hash *old; /* NULL: nobody */
};

/* Whether the changed text says what it should; the file is left alone unless it does. */
typedef status check_text(const char *path, const char *text, const struct certificate *c, struct fault *f);

static status edit(const char *path, const char *text, const struct pin *pin, const struct certificate *c,
                   const char *address, check_text *check, struct fault *f)
{
    char old[2 * HASH_BYTES + 1], new[2 * HASH_BYTES + 1];
    char name_line[NAME_BYTES + 16], address_line[CONFIG_ADDRESS_BYTES + 16], pin_line[2 * HASH_BYTES + 32];
    const char *lines[3] = {name_line, pin_line, NULL};
    char *changed AUTO(auto_free) = NULL;
    struct fault why = {0};

    hash_hex(&c->fingerprint, new);
    if (pin->old) {
        hash_hex(pin->old, old);
        changed = strdup(text);
        if (!changed)
            return STATUS_NO_MEMORY;
        (void)replace_once(changed, old, new);
    } else {
        snprintf(name_line, sizeof name_line, "name: %s", c->name);
        snprintf(pin_line, sizeof pin_line, "fingerprint: %s", new);
        if (address) {
            snprintf(address_line, sizeof address_line, "address: %s", address);
            lines[1] = address_line;
            lines[2] = pin_line;
        }
        TRY(trust_insert_item(&changed, text, pin->key, lines, address ? 3 : 2));
    }
    if (check(path, changed, c, &why) != OK) {
        fault_hint(f, "write name: %s, fingerprint: %s under %s by hand", c->name, new, pin->key);
        return fault_set(f, STATUS_CONFIG, "%s is written in a way that cannot be added to", path);
    }
    return files_write(path, changed, strlen(changed), 0600, f);
}

static const struct hash *find_coordinator(const struct node_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->num_coordinators; i++) {
        if (strcmp(config->coordinators[i].name, name) == 0)
            return &config->coordinators[i].fingerprint;
    }
    return NULL;
}

static void find_pin(struct pin *pin, const struct node_config *config, const struct certificate *c)
{
    const struct config_peer *peer = config_find_peer(config->peers, config->num_peers, c->name);

    pin->key = c->role == ROLE_NODE ? "peers" : "coordinators";
    pin->old = c->role == ROLE_NODE ? (peer ? &peer->fingerprint : NULL) : find_coordinator(config, c->name);
}

static status check_node_text(const char *path, const char *text, const struct certificate *c, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    struct pin pin;

    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(config_parse_node(config, path, text, strlen(text), f));
    find_pin(&pin, config, c);
    return pin.old && hash_equal(pin.old, &c->fingerprint) ? OK : STATUS_CONFIG;
}

static status check_coordinator_text(const char *path, const char *text, const struct certificate *c, struct fault *f)
{
    struct coordinator_config *config AUTO(auto_free) = NULL;
    const struct config_peer *peer;

    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(config_parse_coordinator(config, path, text, strlen(text), f));
    peer = config_find_peer(config->nodes, config->num_nodes, c->name);
    return peer && hash_equal(&peer->fingerprint, &c->fingerprint) ? OK : STATUS_CONFIG;
}

static status keep_copy(const char *path, const struct certificate *c, struct fault *f)
{
    char dir[FILES_PATH_BYTES], peers[FILES_PATH_BYTES], copy[FILES_PATH_BYTES];

    TRY(files_directory(dir, path, f));
    TRY(files_join(peers, dir, "peers", f));
    TRY(files_make_directory(peers, f));
    TRY(trust_certificate_path(copy, dir, c->name, f));
    return files_write(copy, c->der, c->der_len, 0644, f);
}

status trust_in_node_file(const char *path, const struct certificate *c, const char *address, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    uint8_t *text AUTO(auto_free) = NULL;
    struct pin pin;
    size_t len = 0;

    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(config_load_node(config, path, f));
    if (c->role == ROLE_AUDITOR)
        return fault_set(f, STATUS_USAGE, "%s is an auditor: nodes do not speak to auditors", c->name);
    if (c->role == ROLE_NODE && strcmp(c->name, config->name) == 0)
        return fault_set(f, STATUS_USAGE, "%s is this node itself", c->name);
    TRY(certificate_verify(c, config->ca, config->crl, (int64_t)time(NULL), f));
    find_pin(&pin, config, c);
    TRY(files_read(&text, &len, path, CONFIG_FILE_BYTES_MAX, f));
    TRY(edit(path, (const char *)text, &pin, c, c->role == ROLE_NODE ? address : NULL, check_node_text, f));
    return keep_copy(path, c, f);
}

status trust_in_coordinator_file(const char *path, const struct certificate *c, const char *address, struct fault *f)
{
    struct coordinator_config *config AUTO(auto_free) = NULL;
    uint8_t *text AUTO(auto_free) = NULL;
    const struct config_peer *peer;
    struct pin pin = {"nodes", NULL};
    size_t len = 0;

    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(config_load_coordinator(config, path, f));
    if (c->role != ROLE_NODE)
        return fault_set(f, STATUS_USAGE, "%s is no node: a coordinator speaks to nodes only", c->name);
    TRY(certificate_verify(c, config->ca, config->crl, (int64_t)time(NULL), f));
    peer = config_find_peer(config->nodes, config->num_nodes, c->name);
    if (peer)
        pin.old = &peer->fingerprint;
    TRY(files_read(&text, &len, path, CONFIG_FILE_BYTES_MAX, f));
    TRY(edit(path, (const char *)text, &pin, c, address, check_coordinator_text, f));
    return keep_copy(path, c, f);
}
