/* hefu node approver: whose signatures count where node.yaml asks for several (policy: approvals). */
#include "node/hefu/cmd.h"
#include "node/hefu/identity.h"
#include "node/local/ca.h"
#include "node/local/config.h"
#include "node/local/keyring.h"
#include "node/net/store.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static status open_store(struct store **out, const char *dir, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES];

    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(identity_config(path, dir, "node.yaml", f));
    TRY(config_load_node(config, path, f));
    return store_open(out, config->state_dir, f);
}

enum { PUBLIC_HEX = 2 * SIGN_PUBLIC_BYTES + 1 };

static void public_hex(char out[PUBLIC_HEX], const struct sign_public *key)
{
    sodium_bin2hex(out, PUBLIC_HEX, key->bytes, SIGN_PUBLIC_BYTES);
}

static int public_from_hex(struct sign_public *out, const char *text)
{
    size_t len = 0;

    return sodium_hex2bin(out->bytes, SIGN_PUBLIC_BYTES, text, strlen(text), NULL, &len, NULL) == 0 && len == SIGN_PUBLIC_BYTES &&
           sign_public_check(out, sign_public_suite(out)) == OK;
}

static status run_key(int argc, char **argv, struct fault *f)
{
    const char *file = NULL, *suite = "INT1";
    struct keyring *key AUTO(keyring_clear) = NULL;
    char hex[PUBLIC_HEX];
    enum suite s;
    const struct cmd_option options[] = {
        {"suite", "SUITE", "INT1 (default) for an Ed25519 key, GM1 for an SM2 key", .text = &suite},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node approver key", "FILE",
                                     "Make a person's own key in a new file, and print its public part.  The file stays with the "
                                     "person, not with the node.",
                                     options, {&file}, 1},
                  argc, argv, f));
    TRY(cmd_suite(&s, suite, f));
    TRY(ca_make_key(file, s, f));
    TRY(keyring_new(&key, file, NULL, f));
    public_hex(hex, keyring_public(key, keyring_suite(key)));
    printf("%s\n", hex);
    return OK;
}

static status run_add(int argc, char **argv, struct fault *f)
{
    const char *name = NULL, *text = NULL, *dir = ".";
    struct store *store AUTO(store_clear) = NULL;
    struct sign_public key;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node approver add", "NAME PUBLIC",
                                     "From now on this person's signature counts.  PUBLIC is what hefu node approver key printed.",
                                     options, {&name, &text}, 2},
                  argc, argv, f));
    if (!name_is_valid(name))
        return fault_set(f, STATUS_USAGE, "\"%.40s\" is not a name: %s", name, NAME_RULE);
    if (!public_from_hex(&key, text))
        return fault_set(f, STATUS_USAGE, "PUBLIC is \"%.80s\", not a public key of 66 hexadecimal digits", text);
    TRY(open_store(&store, dir, f));
    TRY(store_add_approver(store, name, &key, f));
    printf("approver %s is registered\n", name);
    return OK;
}

static status run_remove(int argc, char **argv, struct fault *f)
{
    const char *name = NULL, *dir = ".";
    struct store *store AUTO(store_clear) = NULL;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node approver remove", "NAME",
                                     "From now on this person's signatures do not count, earlier ones included.", options,
                                     {&name}, 1},
                  argc, argv, f));
    TRY(open_store(&store, dir, f));
    TRY(store_remove_approver(store, name, f));
    printf("approver %s is removed\n", name);
    return OK;
}

static status run_list(int argc, char **argv, struct fault *f)
{
    const char *dir = ".";
    struct store *store AUTO(store_clear) = NULL;
    struct store_approver *list AUTO(auto_free) = NULL;
    json_t *all = NULL;
    size_t count = 0;
    int json = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {"json", NULL, "one JSON array on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu node approver list", "", "Who may sign for this node's approvals.", options, {0}, 0},
                  argc, argv, f));
    TRY(open_store(&store, dir, f));
    TRY(store_list_approvers(store, &list, &count, f));
    all = json ? json_array() : NULL;
    for (size_t i = 0; i < count; i++) {
        char hex[PUBLIC_HEX];

        public_hex(hex, &list[i].key);
        if (json)
            json_array_append_new(all, json_pack("{s:s, s:s, s:I}", "name", list[i].name, "key", hex, "added",
                                                 (json_int_t)(list[i].added / 1000)));
        else
            printf("%-16s  %s\n", list[i].name, hex);
    }
    if (json)
        return cmd_print_json(all, f);
    if (!count)
        fprintf(stderr, "hefu: no approvers\n");
    return OK;
}

status cmd_approver(int argc, char **argv, struct fault *f)
{
    static const struct cmd actions[] = {
        {"key", "make a person's own key", run_key},
        {"add", "let a person's signature count", run_add},
        {"list", "who is registered", run_list},
        {"remove", "let a person's signature count no more", run_remove},
        {0},
    };

    return cmd_dispatch("hefu node approver", "Whose signatures count where node.yaml asks for several.", actions, argc, argv, f);
}
