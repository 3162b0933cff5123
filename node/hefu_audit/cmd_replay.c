/* hefu-audit replay: one party's part again, from the sealed seed, the table and what was received.  Read-only; the
 * verdict is all that comes out. */
#include "crypto/pair.h"
#include "node/hefu_audit/premises.h"
#include "node/hefu_audit/sample.h"
#include "node/local/bar.h"
#include "node/local/outputs.h"
#include "node/local/pool.h"
#include "training/table_findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is found, and on what machine. */
struct finding {
    struct replay_verdict replay;
    struct table_findings table;
    struct fault root, outputs; /* code OK: as it should be */
    int delivered;              /* files of outputs that were there */
    uint32_t sampled;           /* rows written for a comparison with their source; 0: none were asked for */
    uint32_t threads;
};

/* A bar on a terminal; a replay takes about as long as the party's own part did. */
struct watch {
    struct bar bar;
    uint32_t passes;
    enum stage stage;
};

static void watch_step(void *ctx, uint16_t phase, uint32_t pass, uint64_t done, uint64_t total)
{
    struct watch *w = ctx;

    bar_show(&w->bar,
             &(struct bar_state){.stage = stage_name(stage_of_phase(w->stage, (enum phase)phase)),
                                 .phase = phase_name((enum phase)phase),
                                 .pass = pass,
                                 .passes = pass ? w->passes : 0,
                                 .done = done,
                                 .total = total},
             bar_clock());
}

/* ---- arguments ---- */

struct arguments {
    const char *node, *session, *key, *table, *threads, *kernel, *sample, *sample_file;
    uint32_t rows; /* of the sample */
    int as_json;
};

/* The sample holds rows of people, so it goes to a file, and only where one is named. */
static status read_sample(struct arguments *a, struct fault *f)
{
    char *end = NULL;
    unsigned long rows;

    if (!a->sample && !a->sample_file)
        return OK;
    if (!a->sample || !a->sample_file)
        return fault_set(f, STATUS_USAGE, "--sample N and --sample-file FILE go together");
    rows = strtoul(a->sample, &end, 10);
    if (*end || rows < 1 || rows > SAMPLE_MAX)
        return fault_set(f, STATUS_USAGE, "--sample is %.40s, accepted is 1 to %d", a->sample, SAMPLE_MAX);
    a->rows = (uint32_t)rows;
    return OK;
}

static status read_arguments(struct arguments *a, int argc, char **argv, struct fault *f)
{
    const struct audit_option options[] = {
        {"node", &a->node, NULL},       {"session", &a->session, NULL}, {"audit-key", &a->key, NULL}, {"table", &a->table, NULL},
        {"threads", &a->threads, NULL}, {"kernel", &a->kernel, NULL},   {"sample", &a->sample, NULL},   {"sample-file", &a->sample_file, NULL},
        {"json", NULL, &a->as_json},    {0}};
    const char *given[1];
    size_t files = 0;

    TRY(audit_arguments(options, given, 1, &files, argc, argv, f));
    a->session = a->session ? a->session : files ? given[0] : NULL;
    TRY(read_sample(a, f));
    if (a->node && a->session)
        return OK;
    fault_set(f, STATUS_USAGE, "replay needs --node and --session");
    fault_hint(f, "hefu-audit replay --node DIR --session ID");
    return STATUS_USAGE;
}

/* Another machine must come to the same verdict: the number of threads and the arithmetic may be chosen.  [AUDIT R10] */
static status choose_machine(struct pool **pool, uint32_t *threads, const struct arguments *a, struct fault *f)
{
    char *end = NULL;
    const unsigned long given = a->threads ? strtoul(a->threads, &end, 10) : 1;

    if (a->threads && (*end || given < 1 || given > POOL_THREADS_MAX))
        return fault_set(f, STATUS_USAGE, "--threads is %.40s, accepted is 1 to %d", a->threads, POOL_THREADS_MAX);
    if (a->kernel && pair_tier_use(a->kernel) != OK) {
        fault_hint(f, "without it the fastest is chosen; scalar is everywhere");
        return fault_set(f, STATUS_USAGE, "--kernel is %.40s, which this processor or this program does not have", a->kernel);
    }
    (void)pair_tier_name(); /* chosen before there are threads */
    *threads = (uint32_t)given;
    return pool_new(pool, *threads, f);
}

/* ---- what is looked at ---- */

static void check_outputs(struct finding *found, struct premises *p, const struct party_result *result)
{
    const struct outputs o = {
        .session_dir = p->session_dir, .papers = &p->papers, .table = &p->table, .data = &p->data, .result = result};

    if (result->weight) /* else the session stopped before, or was an offline one */
        (void)!outputs_check(&found->delivered, &o, &found->outputs);
}

static status look(struct finding *found, struct premises *p, struct pool *pool, int quiet, struct fault *f)
{
    struct watch watch = {.passes = p->papers.contract.passes,
                          .stage = p->table.stage == STAGE_OFFLINE ? STAGE_OFFLINE : STAGE_WHOLE}; /* online: as a whole */
    struct party_result result AUTO(party_result_clear) = {0};
    struct replay_input in = premises_input(p), before;
    status ran;

    if (premises_check_root(p, &found->root) != OK && found->root.code != STATUS_MISMATCH)
        return fault_set(f, found->root.code, "%s", found->root.message);
    table_findings_make(&found->table, &p->papers.contract.party[p->table.self], &p->data, p->table.stage != STAGE_OFFLINE);
    in.progress = (struct progress){&watch, watch_step};
    in.parallel = pool_parallel(pool);
    in.result = &result;
    if (p->offline) {
        before = premises_input(p->offline);
        before.progress = in.progress;
        before.parallel = in.parallel;
        in.offline = &before;
    }
    bar_init(&watch.bar, stderr, quiet);
    ran = replay_run(&found->replay, &in, f);
    bar_end(&watch.bar, ran == OK && found->replay.same, bar_clock());
    TRY(ran);
    check_outputs(found, p, &result);
    return OK;
}

static int agrees(const struct finding *found)
{
    return found->replay.same && found->root.code == OK && !found->table.wrong[0] && found->outputs.code == OK;
}

/* ---- what is said ---- */

static void print_columns(const char *what, uint16_t count, uint16_t first)
{
    if (count)
        printf("; %u column%s %s, the first is number %u", count, count == 1 ? "" : "s", what, first + 1u);
}

static void print_rules(const struct finding *found, const struct premises *p)
{
    const struct contract_party *me = &p->papers.contract.party[p->table.self];
    char when[CONTRACT_TIME_BYTES];

    printf("  R1           seed and table open their commitments, in the log and in the contract");
    if (p->sealed_at) {
        contract_time_text(when, p->sealed_at);
        printf("; sealed to %s on %s", p->papers.contract.auditor, when);
    }
    printf("\n  R2           %u rows and %u columns with the bins of the contract", me->rows, me->columns);
    print_columns("constant", found->table.constant, found->table.first_constant);
    print_columns("nearly constant", found->table.sparse, found->table.first_sparse);
    printf("\n  R3 to R6, R9 every message, state, own plaintext, key and draw of rows is the same bit for bit\n");
    if (found->delivered)
        printf("  R7           the outputs that are kept, %d file%s, hold what is computed again\n", found->delivered,
               found->delivered == 1 ? "" : "s");
    else
        printf("  R7           no outputs are kept here\n");
    if (found->sampled)
        printf("  R8           %u row%s written, drawn by the log: whether the sources say the same is for people to compare\n",
               found->sampled, found->sampled == 1 ? " is" : "s are");
    else
        printf("  R8           whether the data are true no replay can show: --sample N --sample-file FILE draws rows to compare\n");
    printf("  R10          %u thread%s, %s arithmetic: any other machine comes to the same\n", found->threads,
           found->threads == 1 ? "" : "s", pair_tier_name());
}

static void print_pass(const struct finding *found, const struct premises *p)
{
    const struct replay_verdict *v = &found->replay;
    char number[32], bytes[BAR_SIZE_BYTES];

    bar_bytes_text(bytes, v->bytes);
    printf("PASS: replay agrees: %s records of %s and %s sent are what an honest party writes%s%s\n",
           audit_number(number, v->compared), p->papers.contract.party[p->table.self].name, bytes,
           v->stopped ? ", up to where the session stopped" : "",
           v->stage == STAGE_ONLINE ? ", after those of its offline session" : "");
    print_rules(found, p);
}

static void print_mismatch(const struct finding *found, const struct premises *p)
{
    const struct replay_verdict *v = &found->replay;
    char joint[PREMISES_JOINT_BYTES];

    if (!v->same)
        printf("%sfirst mismatch record %llu, field %s: %s%s\n", v->stage == p->table.stage ? "" : "in the offline session: ",
               (unsigned long long)v->seq, v->field, v->words, premises_joint_words(joint, v));
    else if (found->root.code != OK)
        printf("mismatch of the contract, field data_root: %s\n", found->root.message);
    else if (found->table.wrong[0])
        printf("mismatch of the table: %s\n", found->table.wrong);
    else
        printf("mismatch of %s\n", found->outputs.message);
}

static json_t *finding_json(const struct finding *found, const struct premises *p)
{
    const struct replay_verdict *v = &found->replay;
    json_t *o = json_pack("{s:b, s:s, s:s, s:b, s:I, s:I, s:I}", "same", agrees(found), "party",
                          p->papers.contract.party[p->table.self].name, "stage", stage_name(v->stage), "stopped", v->stopped, "compared",
                          (json_int_t)v->compared, "bytes", (json_int_t)v->bytes, "joint_checkpoints", (json_int_t)v->joints);

    if (v->joints)
        json_object_update_new(o, json_pack("{s:I, s:i}", "last_joint", (json_int_t)v->joint_seq, "last_joint_pass", (int)v->joint_pass));
    if (!v->same)
        json_object_update_new(
            o, json_pack("{s:I, s:s, s:s}", "record", (json_int_t)v->seq, "field", v->field, "words", v->words));
    json_object_update_new(
        o, json_pack("{s:b, s:s, s:i, s:i, s:i, s:s, s:i, s:i, s:s}", "data_root", found->root.code == OK, "table", found->table.wrong,
                     "constant_columns", (int)found->table.constant, "nearly_constant_columns", (int)found->table.sparse, "outputs",
                     found->delivered, "outputs_differ", found->outputs.message, "sampled", (int)found->sampled, "threads", (int)found->threads, "kernel",
                     pair_tier_name()));
    return o;
}

static void drop_pool(struct pool **pool)
{
    pool_free(*pool);
}

status command_replay(int argc, char **argv, struct fault *f)
{
    struct arguments a = {0};
    struct audit_key key AUTO(audit_key_clear) = {0};
    struct pool *pool AUTO(drop_pool) = NULL;
    struct premises *p AUTO(premises_free) = NULL;
    struct finding found = {0};
    struct fault torn = {0};

    TRY(read_arguments(&a, argc, argv, f));
    TRY(choose_machine(&pool, &found.threads, &a, f));
    if (a.key)
        TRY(audit_key_load(&key, a.key, f));
    TRY(premises_open(&p, &(struct premises_place){a.node, a.session, a.table, a.key ? &key : NULL, 0}, f));
    if (journal_whole(&p->journal, p->session_dir, &torn) != OK)
        fprintf(stderr, "hefu-audit: warning: %s\n", torn.message);
    TRY(look(&found, p, pool, a.as_json, f));
    if (a.rows)
        TRY(sample_write(&found.sampled, p, a.rows, a.sample_file, f));
    if (a.as_json)
        TRY(audit_print_json(finding_json(&found, p), f));
    else if (agrees(&found))
        print_pass(&found, p);
    else
        print_mismatch(&found, p);
    return agrees(&found) ? OK : STATUS_MISMATCH;
}
