/* hefu jobs; hefu job show, approve, refuse, cancel: what an operator decides at the own node, and what a coordinator
 * may see of its jobs. */
#include "crypto/wire.h"
#include "node/hefu/cmd.h"
#include "node/hefu/contracts.h"
#include "node/hefu/coordinate.h"
#include "node/local/keyring.h"
#include "node/net/control.h"
#include "protocol/approver.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- jobs ---- */

/* When: seconds or milliseconds since 1970, as nodes write it. */
static void time_text(char out[32], uint64_t at)
{
    time_t seconds = (time_t)(at > 100000000000u ? at / 1000 : at);
    struct tm t;

    localtime_r(&seconds, &t);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &t);
}

static void print_jobs(const struct audience *a, const json_t *all)
{
    size_t i;
    json_t *job;
    int many = a->coordinator != NULL;

    if (json_array_size(all) == 0) {
        fprintf(stderr, "hefu: no jobs\n");
        return;
    }
    printf("%-16s  %-17s  %-20s  %-19s  %s%s\n", "JOB", "STATE", "NAME", "UPDATED", many ? "NODE  " : "", "PHASE");
    json_array_foreach(all, i, job) {
        char when[32], prepared[COORDINATE_TEXT_BYTES];

        time_text(when, json_count(job, "updated"));
        coordinate_preparation_text(prepared, json_object_get(job, "preparation"));
        printf("%-16s  %-17s  %-20s  %-19s  %s%s%s\n", json_text(job, "job"), json_text(job, "state"),
               json_text(job, "name"), when, many ? json_text(job, "node") : "", many ? "  " : "",
               strcmp(json_text(job, "state"), "prepared") == 0 ? prepared : json_text(job, "phase"));
    }
}

status cmd_jobs(int argc, char **argv, struct fault *f)
{
    const char *node = NULL, *coordinator = NULL;
    int as_json = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "as the operator of the node in DIR", .text = &node},
        {"coordinator", "FILE", "as the coordinator (default: what is in this directory)", .text = &coordinator},
        {"json", NULL, "one JSON array on stdout", .flag = &as_json},
        {0},
    };
    struct audience audience AUTO(audience_clear) = {0};
    json_t *all AUTO(auto_json) = json_array();
    uint32_t silent = 0;

    TRY(cmd_parse(&(struct cmd_line){"hefu jobs", NULL, "List the jobs of a node, or of a coordinator at its nodes.",
                                     options, {0}, 0},
                  argc, argv, f));
    TRY(audience_find(&audience, node, coordinator, f));
    for (uint32_t n = 0; n < audience.count; n++) {
        json_t *answer AUTO(auto_json) = NULL;
        json_t *job;
        size_t i;
        struct fault one = {0};
        status code = audience_ask(&audience, n, json_pack("{s:s}", "op", "jobs"), &answer, &one);

        silent += code != OK;
        if (silent == audience.count) { /* nobody has answered */
            *f = one;
            return code;
        }
        if (code != OK)
            cmd_warn("%s", one.message);
        json_array_foreach(json_object_get(answer, "jobs"), i, job) {
            if (audience.coordinator)
                json_object_set_new(job, "node", json_string(audience.name[n]));
            json_array_append(all, job);
        }
    }
    if (as_json)
        return cmd_print_json(json_incref(all), f);
    print_jobs(&audience, all);
    return OK;
}

/* ---- job show ---- */

/* A coordinator has no columns of its own: it reads the contract as an outsider. */
static status print_contract(const struct contract *contract)
{
    struct wire_writer text AUTO(wire_writer_clear) = {0};

    contract_explain(&text, contract, contract->parties, NULL);
    TRY(wire_writer_status(&text));
    fwrite(text.bytes, 1, text.len, stdout);
    return OK;
}

static void print_states(const struct job_view *v)
{
    printf("\nWhere it stands\n");
    for (uint32_t i = 0; i < v->count; i++) {
        const json_t *state = v->state[i], *error = json_object_get(state, "error");

        printf("  %-16s %s", job_view_name(v, i), job_view_state(v, i));
        if (json_text(state, "phase")[0] && strcmp(job_view_state(v, i), "running") == 0)
            printf(", %s", json_text(state, "phase"));
        if (json_count(state, "attempt")) /* they count from 0 */
            printf(", attempt %u", (unsigned)json_count(state, "attempt") + 1);
        if (strcmp(job_view_state(v, i), "prepared") == 0) {
            char prepared[COORDINATE_TEXT_BYTES];

            coordinate_preparation_text(prepared, json_object_get(state, "preparation"));
            printf(": %s", prepared);
        }
        if (json_text(state, "reason")[0])
            printf(": %s", json_text(state, "reason"));
        else if (json_text(error, "message")[0])
            printf(": %s", json_text(error, "message"));
        putchar('\n');
    }
}

/* Who has signed for this node, as far as its policy asks for approvers. */
static void print_signatures(const json_t *state)
{
    const json_t *approvals = json_object_get(state, "approvals"), *signatures = json_object_get(approvals, "signed"), *one;
    char when[32];
    size_t i;

    if (json_array_size(signatures) == 0 && json_count(approvals, "needed") == 0)
        return;
    printf("\nWho has signed attempt %u (%u needed)\n", (unsigned)json_count(approvals, "attempt") + 1,
           (unsigned)json_count(approvals, "needed"));
    json_array_foreach(signatures, i, one) {
        time_text(when, json_count(one, "time"));
        printf("  %-16s %s  key %s\n", json_text(one, "name"), when, json_text(one, "key"));
    }
}

static status show_job(struct audience *a, const char *id, int as_json, struct fault *f)
{
    struct job_view view AUTO(job_view_clear) = {0};
    struct contract *contract AUTO(auto_free) = NULL;
    json_t *answer AUTO(auto_json) = NULL;
    char until[32];

    TRY(job_view_open(&view, a, id, NULL, f));
    TRY(contracts_of_state(&contract, view.state[0], f));
    if (as_json) {
        json_object_set_new(view.state[0], "node", json_string(job_view_name(&view, 0)));
        json_object_set_new(view.state[0], "terms", contracts_terms(contract));
        return cmd_print_json(json_incref(view.state[0]), f);
    }
    time_text(until, contract->not_after);
    printf("Job id     %s\nProposed   by %s; to be approved and run until %s\nSuite      %s\n", view.id,
           json_text(view.state[0], "coordinator"), until, contracts_suite(contract->suite));
    if (a->node) {
        TRY(audience_ask(a, 0, json_pack("{s:s,s:s}", "op", "explain", "job", id), &answer, f));
        fputs(json_text(answer, "text"), stdout);
    } else {
        TRY(print_contract(contract));
    }
    print_states(&view);
    print_signatures(view.state[0]);
    if (a->node && strncmp(job_view_state(&view, 0), "awaiting", 8) == 0)
        printf("\nTo take part:  hefu job approve %s%s%s\nTo decline:    hefu job refuse %s --reason TEXT%s\n", view.id,
               json_count(json_object_get(view.state[0], "approvals"), "needed") ? " --as NAME --key FILE" : "", a->option,
               view.id, a->option);
    return OK;
}

static status run_show(int argc, char **argv, struct fault *f)
{
    const char *id = NULL, *node = NULL, *coordinator = NULL;
    int as_json = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "as the operator of the node in DIR", .text = &node},
        {"coordinator", "FILE", "as the coordinator (default: what is in this directory)", .text = &coordinator},
        {"json", NULL, "one JSON object on stdout", .flag = &as_json},
        {0},
    };
    struct audience audience AUTO(audience_clear) = {0};

    TRY(cmd_parse(&(struct cmd_line){"hefu job show", "JOB",
                                     "The contract of a job in plain words: who takes part with what, what each party "
                                     "receives, the limits; and where the job stands.",
                                     options, {&id}, 1},
                  argc, argv, f));
    TRY(audience_find(&audience, node, coordinator, f));
    return show_job(&audience, id, as_json, f);
}

/* ---- decisions ---- */

/* "as" and "signature": this person's signature on the attempt that the node wants approved, by the key in that file. */
static status sign_request(json_t *request, const json_t *state, const char *party_name, const char *as, const char *key_file,
                           struct fault *f)
{
    struct contract *contract AUTO(auto_free) = NULL;
    struct keyring *key AUTO(keyring_clear) = NULL;
    struct wire_writer statement AUTO(wire_writer_clear) = {0};
    struct signature sig;
    struct hash id;

    TRY(contracts_of_state(&contract, state, f));
    TRY(contract_id(&id, contract));
    TRY(keyring_new(&key, key_file, NULL, f));
    approver_statement(&statement, &id, (uint32_t)json_count(json_object_get(state, "approvals"), "attempt"), party_name, as);
    TRY(wire_writer_status(&statement));
    keyring_sign(key, &sig, keyring_suite(key), APPROVER_SIGN_TAG, statement.bytes, statement.len);
    json_object_set_new(request, "as", json_string(as));
    json_object_set_new(request, "signature", control_hex(sig.bytes, sizeof sig.bytes));
    return OK;
}

struct decision {
    const char *op, *id;
    const char *reason;   /* or NULL */
    const char *as, *key; /* of an approver, or NULL */
};

static status decide(struct audience *a, const struct decision *d, struct fault *f)
{
    struct job_view view AUTO(job_view_clear) = {0};

    TRY(job_view_open(&view, a, d->id, NULL, f));
    for (uint32_t i = 0; i < view.count; i++) {
        json_t *answer AUTO(auto_json) = NULL, *request AUTO(auto_json) = json_pack("{s:s,s:s}", "op", d->op, "job", d->id);
        const json_t *approvals;
        size_t have;

        if (request && d->reason)
            json_object_set_new(request, "reason", json_string(d->reason));
        if (request && d->as)
            TRY(sign_request(request, view.state[i], job_view_name(&view, i), d->as, d->key, f));
        TRY(audience_ask(a, view.node[i], json_incref(request), &answer, f));
        approvals = json_object_get(answer, "approvals");
        have = json_array_size(json_object_get(approvals, "signed"));
        printf("%s: job %s is %s\n", job_view_name(&view, i), d->id, json_text(answer, "state"));
        if (have < json_count(approvals, "needed"))
            printf("%s: signed by %zu of %u approvers\n", job_view_name(&view, i), have, (unsigned)json_count(approvals, "needed"));
    }
    return OK;
}

static status run_approve(int argc, char **argv, struct fault *f)
{
    struct decision d = {.op = "approve"};
    const char *node = ".";
    const struct cmd_option options[] = {
        {"as", "NAME", "sign as this approver, where the node asks for several", .text = &d.as},
        {"key", "FILE", "the approver's own key", .text = &d.key},
        {"node", "DIR", "the node in DIR (.)", .text = &node},
        {0},
    };
    struct audience audience AUTO(audience_clear) = {0};

    TRY(cmd_parse(&(struct cmd_line){"hefu job approve", "JOB", "Sign the contract: this node will take part.", options,
                                     {&d.id}, 1},
                  argc, argv, f));
    if (!d.as != !d.key)
        return fault_set(f, STATUS_USAGE, "--as and --key go together");
    TRY(audience_of_node(&audience, node, f));
    return decide(&audience, &d, f);
}

static status run_refuse(int argc, char **argv, struct fault *f)
{
    const char *id = NULL, *node = ".", *reason = NULL;
    const struct cmd_option options[] = {
        {"reason", "TEXT", "why; the coordinator is told it", .text = &reason, .required = 1},
        {"node", "DIR", "the node in DIR (.)", .text = &node},
        {0},
    };
    struct audience audience AUTO(audience_clear) = {0};

    TRY(cmd_parse(&(struct cmd_line){"hefu job refuse", "JOB", "Say no: this node will not take part.", options, {&id}, 1},
                  argc, argv, f));
    TRY(audience_of_node(&audience, node, f));
    return decide(&audience, &(struct decision){.op = "refuse", .id = id, .reason = reason}, f);
}

static status run_cancel(int argc, char **argv, struct fault *f)
{
    const char *id = NULL, *node = NULL, *coordinator = NULL;
    const struct cmd_option options[] = {
        {"node", "DIR", "as the operator of the node in DIR", .text = &node},
        {"coordinator", "FILE", "as the coordinator (default: what is in this directory)", .text = &coordinator},
        {0},
    };
    struct audience audience AUTO(audience_clear) = {0};

    TRY(cmd_parse(&(struct cmd_line){"hefu job cancel", "JOB", "Stop a job, wherever it is.", options, {&id}, 1}, argc,
                  argv, f));
    TRY(audience_find(&audience, node, coordinator, f));
    return decide(&audience, &(struct decision){.op = "cancel", .id = id}, f);
}

status cmd_job(int argc, char **argv, struct fault *f)
{
    static const struct cmd actions[] = {
        {"show", "the contract in plain words, and where the job stands", run_show},
        {"approve", "sign the contract: this node will take part", run_approve},
        {"refuse", "say no, with a reason", run_refuse},
        {"cancel", "stop a job, wherever it is", run_cancel},
        {0},
    };

    return cmd_dispatch("hefu job", "Read a job, and decide on it.", actions, argc, argv, f);
}
