/* hefu contract: read contracts, keep them as files, and see what changed between two. */
#include "node/hefu/ask.h"
#include "node/hefu/cmd.h"
#include "node/hefu/contracts.h"
#include "node/local/files.h"

#include <stdio.h>
#include <string.h>

/* ---- show ---- */

static status run_show(int argc, char **argv, struct fault *f)
{
    const char *word = NULL, *node = NULL, *coordinator = NULL;
    int as_json = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "a job of the node in DIR", .text = &node},
        {"coordinator", "FILE", "a job of this coordinator (default: what is in this directory)", .text = &coordinator},
        {"json", NULL, "one JSON object on stdout: every field in words", .flag = &as_json},
        {0},
    };
    struct contract *c AUTO(auto_free) = NULL;
    struct wire_writer text AUTO(wire_writer_clear) = {0};
    struct hash id;
    char hex[2 * HASH_BYTES + 1];

    TRY(cmd_parse(&(struct cmd_line){"hefu contract show", "FILE|JOB",
                                     "A contract in plain words: who takes part with what, what each party receives, what it "
                                     "rests on, the limits.",
                                     options, {&word}, 1},
                  argc, argv, f));
    TRY(contracts_find(&c, word, node, coordinator, f));
    TRY(contract_id(&id, c));
    hash_hex(&id, hex);
    if (as_json)
        return cmd_print_json(json_pack("{s:s, s:o}", "contract", hex, "terms", contracts_terms(c)), f);
    printf("Contract   %s\nSuite      %s\n", hex, contracts_suite(c->suite));
    contract_explain(&text, c, c->parties, NULL);
    TRY(wire_writer_status(&text));
    fwrite(text.bytes, 1, text.len, stdout);
    return OK;
}

/* ---- export ---- */

static status run_export(int argc, char **argv, struct fault *f)
{
    const char *job = NULL, *file = NULL, *node = NULL, *coordinator = NULL;
    const struct cmd_option options[] = {
        {"node", "DIR", "a job of the node in DIR", .text = &node},
        {"coordinator", "FILE", "a job of this coordinator (default: what is in this directory)", .text = &coordinator},
        {0},
    };
    struct contract *c AUTO(auto_free) = NULL;
    struct wire_writer bytes AUTO(wire_writer_clear) = {0};
    struct hash id;
    char hex[2 * HASH_BYTES + 1];

    TRY(cmd_parse(&(struct cmd_line){"hefu contract export", "JOB FILE",
                                     "Write the contract of a job, byte for byte as the parties sign it, to a new file.", options,
                                     {&job, &file}, 2},
                  argc, argv, f));
    TRY(contracts_find(&c, job, node, coordinator, f));
    TRY(contract_encode(&bytes, c));
    TRY(contract_id(&id, c));
    TRY(files_create(file, bytes.bytes, bytes.len, 0644, f));
    hash_hex(&id, hex);
    printf("%s: contract %s\n", file, hex);
    return OK;
}

/* ---- diff ---- */

static const char *said(const json_t *value)
{
    const char *text = json_string_value(value);

    return !value ? "(not in it)" : text[0] ? text : "(nothing)";
}

/* The fields that differ, in the order of the first contract, then those that only the second has. */
static json_t *changes_of(const json_t *was, const json_t *is)
{
    json_t *changes = json_array();
    const char *field;
    const json_t *value;

    json_object_foreach((json_t *)(uintptr_t)was, field, value) {
        const json_t *other = json_object_get(is, field);

        if (!json_equal(value, other))
            json_array_append_new(changes, json_pack("{s:s, s:O, s:O?}", "field", field, "was", value, "is", other));
    }
    json_object_foreach((json_t *)(uintptr_t)is, field, value) {
        if (!json_object_get(was, field))
            json_array_append_new(changes, json_pack("{s:s, s:n, s:O}", "field", field, "was", "is", value));
    }
    return changes;
}

static void print_changes(const json_t *changes)
{
    const json_t *change;
    size_t i;

    json_array_foreach(changes, i, change) {
        const json_t *was = json_object_get(change, "was"), *is = json_object_get(change, "is");

        printf("%s\n  was  %s\n  is   %s\n", json_text(change, "field"), said(json_is_null(was) ? NULL : was),
               said(json_is_null(is) ? NULL : is));
    }
}

static status run_diff(int argc, char **argv, struct fault *f)
{
    const char *first = NULL, *second = NULL, *node = NULL, *coordinator = NULL;
    int as_json = 0;
    size_t count;
    const struct cmd_option options[] = {
        {"node", "DIR", "jobs of the node in DIR", .text = &node},
        {"coordinator", "FILE", "jobs of this coordinator (default: what is in this directory)", .text = &coordinator},
        {"json", NULL, "one JSON object on stdout", .flag = &as_json},
        {0},
    };
    struct contract *a AUTO(auto_free) = NULL, *b AUTO(auto_free) = NULL;
    json_t *was AUTO(auto_json) = NULL, *is AUTO(auto_json) = NULL, *changes AUTO(auto_json) = NULL;

    TRY(cmd_parse(&(struct cmd_line){"hefu contract diff", "FILE|JOB FILE|JOB",
                                     "What the second contract says otherwise than the first, field by field.  Exit code 0: they "
                                     "are the same; 1: they differ.",
                                     options, {&first, &second}, 2},
                  argc, argv, f));
    TRY(contracts_find(&a, first, node, coordinator, f));
    TRY(contracts_find(&b, second, node, coordinator, f));
    was = contracts_terms(a);
    is = contracts_terms(b);
    changes = was && is ? changes_of(was, is) : NULL;
    if (!changes)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    count = json_array_size(changes);
    if (as_json)
        TRY(cmd_print_json(json_pack("{s:b, s:O}", "same", count == 0, "changes", changes), f));
    else
        print_changes(changes);
    if (count)
        return fault_set(f, STATUS_MISMATCH, "the contracts differ in %zu field%s", count, cmd_plural(count));
    if (!as_json)
        printf("the contracts are the same\n");
    return OK;
}

status cmd_contract(int argc, char **argv, struct fault *f)
{
    static const struct cmd actions[] = {
        {"show", "a contract in plain words", run_show},
        {"diff", "what changed between two, field by field", run_diff},
        {"export", "the contract of a job as a file", run_export},
        {0},
    };

    return cmd_dispatch("hefu contract", "Read contracts, and compare them.", actions, argc, argv, f);
}
