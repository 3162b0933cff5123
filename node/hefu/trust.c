#include "node/hefu/trust.h"

#include "node/local/config.h"
#include "node/local/openssl.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *copies(enum suite s)
{
    return s == SUITE_GM1 ? "peers-gm" : "peers";
}

status trust_certificate_path(char out[FILES_PATH_BYTES], const char *dir, const char *name, enum suite s, struct fault *f)
{
    char file[NAME_BYTES + 16];

    snprintf(file, sizeof file, "%s/%s.pem", copies(s), name);
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

status trust_insert_key(char **out, const char *text, const struct hash *fingerprint, const char *line)
{
    static const char key[] = "fingerprint:";
    char hex[2 * HASH_BYTES + 1];
    const char *pin, *at = text, *own;
    size_t len = 0;
    FILE *stream;

    hash_hex(fingerprint, hex);
    pin = strstr(text, hex);
    if (!pin)
        return STATUS_CONFIG;
    while (next_line(at) <= pin)
        at = next_line(at);
    own = at + strspn(at, " -"); /* where the keys of this item begin */
    if (strncmp(own, key, sizeof key - 1) != 0)
        return STATUS_CONFIG;
    stream = open_memstream(out, &len);
    if (!stream)
        return STATUS_NO_MEMORY;
    fwrite(text, 1, (size_t)(next_line(at) - text), stream);
    fprintf(stream, "%s%*s%s\n%s", next_line(at)[-1] == '\n' ? "" : "\n", (int)(own - at), "", line, next_line(at));
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
    const struct hash *old;  /* NULL: nobody */
    const struct hash *peer; /* of an SM2 certificate: the other one of that peer */
};

/* Whether the changed text says what it should; the file is left alone unless it does. */
typedef status check_text(const char *path, const char *text, const struct certificate *c, struct fault *f);

static status replaced(char **out, const char *text, const struct hash *old, const char *new)
{
    char hex[2 * HASH_BYTES + 1];

    hash_hex(old, hex);
    *out = strdup(text);
    if (!*out)
        return STATUS_NO_MEMORY;
    (void)replace_once(*out, hex, new);
    return OK;
}

static status with_item(char **out, const char *text, const char *key, const struct certificate *c, const char *pin_line,
                        const char *address)
{
    char name_line[NAME_BYTES + 16], address_line[CONFIG_ADDRESS_BYTES + 16];
    const char *lines[3] = {name_line, pin_line, NULL};

    snprintf(name_line, sizeof name_line, "name: %s", c->name);
    if (address) {
        snprintf(address_line, sizeof address_line, "address: %s", address);
        lines[1] = address_line;
        lines[2] = pin_line;
    }
    return trust_insert_item(out, text, key, lines, address ? 3 : 2);
}

static status edit(const char *path, const char *text, const struct pin *pin, const struct certificate *c,
                   const char *address, check_text *check, struct fault *f)
{
    char new[2 * HASH_BYTES + 1], pin_line[2 * HASH_BYTES + 32];
    char *changed AUTO(auto_free) = NULL;
    struct fault why = {0};
    status code;

    hash_hex(&c->fingerprint, new);
    snprintf(pin_line, sizeof pin_line, "%sfingerprint: %s", pin->peer ? "gm_" : "", new);
    if (pin->old)
        code = replaced(&changed, text, pin->old, new);
    else if (pin->peer)
        code = trust_insert_key(&changed, text, pin->peer, pin_line);
    else
        code = with_item(&changed, text, pin->key, c, pin_line, address);
    if (code == STATUS_NO_MEMORY)
        return code;
    if (code != OK || check(path, changed, c, &why) != OK) {
        fault_hint(f, "write name: %s, %s under %s by hand", c->name, pin_line, pin->key);
        return fault_set(f, STATUS_CONFIG, "%s is written in a way that cannot be added to", path);
    }
    return files_write(path, changed, strlen(changed), 0600, f);
}

static void pin_of_peer(struct pin *pin, const struct config_peer *peers, uint32_t count, const struct certificate *c)
{
    const enum suite s = sign_public_suite(&c->key);
    const struct config_peer *peer = config_find_peer(peers, count, c->name);

    pin->old = peer ? config_peer_pin(peer, s) : NULL;
    pin->peer = peer && s == SUITE_GM1 ? &peer->fingerprint : NULL;
}

static const struct hash *find_coordinator(const struct node_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->num_coordinators; i++) {
        if (strcmp(config->coordinators[i].name, name) == 0)
            return &config->coordinators[i].fingerprint;
    }
    return NULL;
}

static struct pin pin_in_node(const struct node_config *config, const struct certificate *c)
{
    struct pin pin = {.key = c->role == ROLE_NODE ? "peers" : "coordinators"};

    if (c->role == ROLE_NODE)
        pin_of_peer(&pin, config->peers, config->num_peers, c);
    else
        pin.old = find_coordinator(config, c->name);
    return pin;
}

static struct pin pin_in_coordinator(const struct coordinator_config *config, const struct certificate *c)
{
    struct pin pin = {.key = "nodes"};

    pin_of_peer(&pin, config->nodes, config->num_nodes, c);
    return pin;
}

static status is_pinned(const struct pin *pin, const struct certificate *c)
{
    return pin->old && hash_equal(pin->old, &c->fingerprint) ? OK : STATUS_CONFIG;
}

static status check_node_text(const char *path, const char *text, const struct certificate *c, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    struct pin pin;

    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(config_parse_node(config, path, text, strlen(text), f));
    pin = pin_in_node(config, c);
    return is_pinned(&pin, c);
}

static status check_coordinator_text(const char *path, const char *text, const struct certificate *c, struct fault *f)
{
    struct coordinator_config *config AUTO(auto_free) = NULL;
    struct pin pin;

    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(config_parse_coordinator(config, path, text, strlen(text), f));
    pin = pin_in_coordinator(config, c);
    return is_pinned(&pin, c);
}

static status keep_copy(const char *path, const struct certificate *c, struct fault *f)
{
    char dir[FILES_PATH_BYTES], peers[FILES_PATH_BYTES], copy[FILES_PATH_BYTES];

    TRY(files_directory(dir, path, f));
    TRY(files_join(peers, dir, copies(sign_public_suite(&c->key)), f));
    TRY(files_make_directory(peers, f));
    TRY(trust_certificate_path(copy, dir, c->name, sign_public_suite(&c->key), f));
    return files_write(copy, c->der, c->der_len, 0644, f);
}

/* Issued by the CA of its kind; that of GM1 must be named, and the peer must have been trusted before. */
static status check_issued(const struct certificate *c, const struct config_gm *gm, const char *ca, const char *crl,
                           const struct pin *pin, const char *path, struct fault *f)
{
    const int64_t now = (int64_t)time(NULL);

    if (sign_public_suite(&c->key) != SUITE_GM1)
        return certificate_verify(c, ca, crl, now, f);
    if (c->role != ROLE_NODE)
        return fault_set(f, STATUS_USAGE, "the sm2 certificate of %s is of no use here: only nodes sign with theirs", c->name);
    if (!gm->ca[0]) {
        fault_hint(f, "gm names the CA that issues sm2 certificates; hefu node gm adds it to node.yaml");
        return fault_set(f, STATUS_CONFIG, "%s has no gm, and this is an sm2 certificate", path);
    }
    TRY(certificate_verify(c, gm->ca, gm->crl, now, f));
    if (pin->peer)
        return OK;
    fault_hint(f, "first hefu node trust %s.pem --address tcp://HOST:PORT", c->name);
    return fault_set(f, STATUS_USAGE, "%s is not known yet by its first certificate, which TLS needs", c->name);
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
    pin = pin_in_node(config, c);
    TRY(check_issued(c, &config->gm, config->ca, config->crl, &pin, path, f));
    TRY(files_read(&text, &len, path, CONFIG_FILE_BYTES_MAX, f));
    TRY(edit(path, (const char *)text, &pin, c, c->role == ROLE_NODE ? address : NULL, check_node_text, f));
    return keep_copy(path, c, f);
}

status trust_in_coordinator_file(const char *path, const struct certificate *c, const char *address, struct fault *f)
{
    struct coordinator_config *config AUTO(auto_free) = NULL;
    uint8_t *text AUTO(auto_free) = NULL;
    struct pin pin;
    size_t len = 0;

    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(config_load_coordinator(config, path, f));
    if (c->role != ROLE_NODE)
        return fault_set(f, STATUS_USAGE, "%s is no node: a coordinator speaks to nodes only", c->name);
    pin = pin_in_coordinator(config, c);
    TRY(check_issued(c, &config->gm, config->ca, config->crl, &pin, path, f));
    TRY(files_read(&text, &len, path, CONFIG_FILE_BYTES_MAX, f));
    TRY(edit(path, (const char *)text, &pin, c, address, check_coordinator_text, f));
    return keep_copy(path, c, f);
}
