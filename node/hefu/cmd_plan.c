/* hefu plan: what a training will cost, party by party and phase by phase, before it runs; and the rates that this is
 * reckoned with. */
#include "node/hefu/cmd.h"
#include "node/hefu/coordinate.h"
#include "node/local/calibrate.h"
#include "node/local/forecast.h"
#include "node/net/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX = 1000000000, BINS_DEFAULT = 16 };

struct request {
    const char *job, *coordinator, *node, *rates_file, *bandwidth, *round_trip, *label;
    struct cmd_list tables;
    uint32_t rows, threads, key_bits;
    int calibrate, quick, one_machine, as_json, as_lines;

    char rates_path[FILES_PATH_BYTES];
    struct rates rates;
    struct contract contract;
    struct forecast_site site;
    struct forecast forecast;
};

static status read_arguments(struct request *q, int argc, char **argv, struct fault *f)
{
    const struct cmd_option options[] = {
        {"coordinator", "FILE", "of a job that was proposed; rates.json lies beside it", .text = &q->coordinator},
        {"node", "DIR", "of a job that it knows; rates.json lies in its state directory", .text = &q->node},
        {"table", "PARTY=SIZE", "for a JOB.yaml: ROWSxCOLUMNS or ROWSxCOLUMNSxBINS", .list = &q->tables},
        {"label", "PARTY", "for a JOB.yaml: who has the label (the first party)", .text = &q->label},
        {"rows", "N", "people common to all (all of the smallest table)", .count = &q->rows, .min = 4, .max = ROWS_MAX},
        {"bandwidth", "RATE", "of each party's line each way, such as 100mbit (10gbit)", .text = &q->bandwidth},
        {"rtt", "TIME", "round trip between parties, such as 20ms (50us)", .text = &q->round_trip},
        {"threads", "N", "of each node (as many as processors were measured)", .count = &q->threads, .min = 1, .max = 1024},
        {"one-machine", NULL, "all nodes on one machine, as hefu try does", .flag = &q->one_machine},
        {"rates", "FILE", "the measured rates (rates.json; see --coordinator, --node)", .text = &q->rates_file},
        {"json", NULL, "one JSON object on stdout", .flag = &q->as_json},
        {"lines", NULL, "tab-separated: step, party, CPU seconds, bytes sent, bytes received", .flag = &q->as_lines},
        {"calibrate", NULL, "measure this machine and write its rates", .flag = &q->calibrate},
        {"quick", NULL, "with --calibrate: one short look", .flag = &q->quick},
        {"key-bits", "N", "with --calibrate: only keys of this length", .count = &q->key_bits, .min = 0, .max = 1 << 20},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu plan", "[JOB]",
                                     "Predict time, bytes and memory of a training for each phase and party.  JOB is "
                                     "the id of a proposed job, a contract file, or a JOB.yaml with --table.  Such as"
                                     "\n\nhefu plan --calibrate\nhefu plan job.yaml --table bank=30000x12 "
                                     "--table tax=50000x8 --bandwidth 100mbit --rtt 20ms",
                                     options, {&q->job}, 0},
                  argc, argv, f));
    if (!q->job == !q->calibrate) {
        fault_set(f, STATUS_USAGE, q->job ? "either a JOB or --calibrate" : "a JOB is missing");
        fault_hint(f, "hefu plan --help");
        return STATUS_USAGE;
    }
    if (q->key_bits && q->key_bits != 2048 && q->key_bits != 3072 && q->key_bits != 4096)
        return fault_set(f, STATUS_USAGE, "--key-bits is %u, accepted is 2048, 3072 or 4096", q->key_bits);
    if ((q->quick || q->key_bits) && !q->calibrate)
        return fault_set(f, STATUS_USAGE, "--quick and --key-bits go with --calibrate");
    q->site = (struct forecast_site){q->threads, FORECAST_BANDWIDTH, FORECAST_ROUND_TRIP_S, q->one_machine};
    if (q->bandwidth)
        TRY(forecast_bandwidth(&q->site.bandwidth, "bandwidth", q->bandwidth, f));
    if (q->round_trip)
        TRY(forecast_duration(&q->site.round_trip_s, "rtt", q->round_trip, f));
    return OK;
}

/* ---- rates ---- */

/* rates.json: in a node's state directory, beside coordinator.yaml, else here. */
static status find_rates(struct request *q, struct fault *f)
{
    struct audience a AUTO(audience_clear) = {0};
    char dir[FILES_PATH_BYTES];

    if (q->rates_file)
        return files_join(q->rates_path, ".", q->rates_file, f);
    if (q->node) {
        TRY(audience_of_node(&a, q->node, f));
        return files_join(q->rates_path, a.node->state_dir, RATES_FILE, f);
    }
    if (!q->coordinator)
        return files_join(q->rates_path, ".", RATES_FILE, f);
    TRY(files_directory(dir, q->coordinator, f));
    return files_join(q->rates_path, dir, RATES_FILE, f);
}

static status load_rates(struct request *q, struct fault *f)
{
    if (q->rates_file || files_exist(q->rates_path))
        return rates_load(&q->rates, q->rates_path, f);
    rates_typical(&q->rates);
    return OK;
}

static void show_step(void *ctx, const char *what, uint32_t done, uint32_t total)
{
    (void)ctx;
    fprintf(stderr, "hefu: measuring %u/%u: %s\n", done, total, what);
}

static status calibrate_here(struct request *q, struct fault *f)
{
    char dir[FILES_PATH_BYTES], words[256];

    if (load_rates(q, NULL) != OK) /* unreadable ones are replaced */
        rates_typical(&q->rates);
    TRY(files_directory(dir, q->rates_path, f));
    TRY(calibrate(&q->rates,
                  &(struct calibration){.quick = q->quick, .key_bits = q->key_bits, .dir = dir, .step = show_step}, f));
    TRY(rates_save(q->rates_path, &q->rates, f));
    rates_describe(words, sizeof words, &q->rates, q->key_bits ? q->key_bits : 2048);
    fprintf(stderr, "hefu: %s\n", words);
    printf("%s\n", q->rates_path);
    return OK;
}

/* ---- the job ---- */

/* "30000x12x16" */
static status read_size(struct contract_party *p, const char *text, struct fault *f)
{
    unsigned long size[3] = {0, 0, BINS_DEFAULT};
    const char *at = text;
    char *end;

    for (int i = 0; i < 3; i++) {
        size[i] = strtoul(at, &end, 10);
        if (end == at || (*end != 'x' && *end))
            break;
        at = end + 1;
        if (!*end)
            break;
    }
    if (*end || size[0] < 1 || size[0] > ROWS_MAX || size[1] < 1 || size[1] > CONTRACT_COLUMNS_MAX || size[2] < 2 ||
        size[2] > 64) {
        fault_set(f, STATUS_USAGE, "--table %s=%.40s: not a size", p->name, text);
        fault_hint(f, "ROWSxCOLUMNS or ROWSxCOLUMNSxBINS, such as 30000x12x16: up to %d columns of 2 to 64 bins",
                   CONTRACT_COLUMNS_MAX);
        return STATUS_USAGE;
    }
    p->rows = (uint32_t)size[0];
    p->columns = (uint16_t)size[1];
    memset(p->bins, (int)size[2], p->columns);
    return OK;
}

/* What a contract has of a party that nobody has asked yet: no figure depends on it. */
static void stand_in(struct contract_party *p, uint8_t suite)
{
    const struct rng_key anybody = {.bytes = {1}, .suite = suite};
    struct sign_secret secret;

    sign_keypair(&p->identity, &secret, &anybody);
    memset(&p->data_root, 0xff, sizeof p->data_root);
    memset(&p->schema_hash, 0xff, sizeof p->schema_hash);
}

static status read_tables(struct request *q, struct fault *f)
{
    struct contract *c = &q->contract;

    for (size_t i = 0; i < q->tables.count; i++) {
        const char *given = q->tables.item[i], *equals = strchr(given, '=');
        char name[PARTY_NAME_MAX] = "";
        party p;

        if (equals && (size_t)(equals - given) < sizeof name)
            memcpy(name, given, (size_t)(equals - given));
        p = contract_party_named(c, name);
        if (p == c->parties)
            return fault_set(f, STATUS_USAGE, "--table %.80s: the job has no such party", given);
        TRY(read_size(&c->party[p], equals + 1, f));
    }
    for (party p = 0; p < c->parties; p++) {
        if (c->party[p].rows)
            continue;
        fault_set(f, STATUS_USAGE, "%s: the size of the table of %s is not known", q->job, c->party[p].name);
        fault_hint(f, "say --table %s=ROWSxCOLUMNS, or propose the job and plan it by its id", c->party[p].name);
        return STATUS_USAGE;
    }
    return OK;
}

static status contract_of_file(struct request *q, struct fault *f)
{
    struct job_file job;
    party label = 0;

    TRY(job_file_load(&job, q->job, f));
    TRY(coordinate_terms(&q->contract, &job, f));
    q->contract.parties = (party)job.num_tables;
    for (uint32_t i = 0; i < job.num_tables; i++) {
        memcpy(q->contract.party[i].name, job.tables[i].party, sizeof q->contract.party[i].name);
        stand_in(&q->contract.party[i], q->contract.suite);
    }
    if (q->label)
        label = contract_party_named(&q->contract, q->label);
    if (label == q->contract.parties)
        return fault_set(f, STATUS_USAGE, "--label %.40s: the job has no such party", q->label);
    q->contract.party[label].has_label = 1;
    TRY(read_tables(q, f));
    return contract_check(&q->contract, 0, f);
}

static status contract_of_job(struct request *q, struct fault *f)
{
    struct audience a AUTO(audience_clear) = {0};
    struct job_view view AUTO(job_view_clear) = {0};
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(audience_find(&a, q->node, q->coordinator, f));
    TRY(job_view_open(&view, &a, q->job, NULL, f));
    TRY(control_bytes(&bytes, &len, json_object_get(view.state[0], "contract"), "contract", CONTRACT_BYTES_MAX, f));
    return contract_decode(&q->contract, bytes, len, f);
}

static int is_contract(const char *path)
{
    static const char mark[] = "HEFU-CONTRACT";
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    return files_read(&bytes, &len, path, CONTRACT_BYTES_MAX, NULL) == OK && len > strlen(mark) &&
           memcmp(bytes, mark, strlen(mark)) == 0;
}

static status find_contract(struct request *q, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    if (is_contract(q->job)) {
        TRY(files_read(&bytes, &len, q->job, CONTRACT_BYTES_MAX, f));
        TRY(contract_decode(&q->contract, bytes, len, f));
    } else if (files_exist(q->job) || strchr(q->job, '.') || strchr(q->job, '/')) {
        return contract_of_file(q, f);
    } else {
        TRY(contract_of_job(q, f));
    }
    if (q->tables.count || q->label)
        return fault_set(f, STATUS_USAGE, "--table and --label are for a JOB.yaml; %s says which tables it has", q->job);
    return OK;
}

/* ---- printing ---- */

static void print_head(const struct request *q)
{
    const struct contract *c = &q->contract;
    const struct population *n = &q->forecast.population;
    char words[256];

    rates_describe(words, sizeof words, &q->rates, c->key_bits);
    printf("job        %s: %u parties, %u-bit keys, %u passes, %s sigmoid\n", c->job, c->parties, c->key_bits, c->passes,
           c->sigmoid == SIGMOID_TABLE ? "exact" : "linear");
    printf("rows       %u common to all%s, %u to train, %u to test\n", n->rows, q->rows ? "" : " at most (--rows)", n->train,
           n->test);
    printf("line       %.4g Mbit/s each way, %.4g ms round trip%s\n", q->site.bandwidth / 1e6, q->site.round_trip_s * 1e3,
           q->one_machine ? ", all on one machine" : "");
    printf("rates      %s\n\n", words);
}

/* A phase; of the preparation the steps too. */
static void print_phase(const struct request *q, const char *name, unsigned phase)
{
    const struct forecast *fc = &q->forecast;
    char bytes[BAR_SIZE_BYTES];

    printf("%-10s%9.2f%7u", name, fc->wall_s[phase], fc->party[0].waits[phase]);
    for (party p = 0; p < fc->parties; p++) {
        bar_bytes_text(bytes, fc->party[p].sent[phase]);
        printf("%10.2f%11s", forecast_phase_cpu_s(&fc->party[p], phase), phase ? bytes : "");
    }
    putchar('\n');
    for (int s = 0; s < FORECAST_ALL && phase == PHASE_PREPARE; s++) {
        if (forecast_step_phase((enum forecast_step)s) != phase)
            continue;
        printf("  %-24s", forecast_step_name((enum forecast_step)s));
        for (party p = 0; p < fc->parties; p++)
            printf("%10.2f%11s", fc->party[p].cpu_s[s], "");
        putchar('\n');
    }
}

static void print_table(const struct request *q)
{
    const struct forecast *fc = &q->forecast;
    char bytes[BAR_SIZE_BYTES];

    print_head(q);
    printf("%-10s%9s%7s", "", "seconds", "waits");
    for (party p = 0; p < fc->parties; p++)
        printf("%21.20s", q->contract.party[p].name);
    printf("\n%-10s%9s%7s", "", "", "");
    for (party p = 0; p < fc->parties; p++)
        printf("%10s%11s", "CPU s", "sent");
    putchar('\n');
    print_phase(q, "start", 0);
    for (unsigned phase = 1; phase < PHASES; phase++)
        print_phase(q, phase_name((enum phase)phase), phase);
    printf("%-10s%9.2f%7s", "total", fc->total_s, "");
    for (party p = 0; p < fc->parties; p++) {
        bar_bytes_text(bytes, forecast_sent(&fc->party[p]));
        printf("%10.2f%11s", forecast_cpu_s(&fc->party[p]), bytes);
    }
    printf("\n%-10s%16s", "memory", "");
    for (party p = 0; p < fc->parties; p++) {
        bar_bytes_text(bytes, fc->party[p].memory);
        printf("%21s", bytes);
    }
    putchar('\n');
}

static void print_lines(const struct request *q)
{
    const struct forecast *fc = &q->forecast;

    for (int s = 0; s < FORECAST_ALL; s++) {
        const unsigned phase = forecast_step_phase((enum forecast_step)s);
        const int first = s == 0 || forecast_step_phase((enum forecast_step)(s - 1)) != phase;

        for (party p = 0; p < fc->parties; p++)
            printf("%s\t%s\t%.4f\t%llu\t%llu\n", forecast_step_name((enum forecast_step)s), q->contract.party[p].name,
                   fc->party[p].cpu_s[s], first ? (unsigned long long)fc->party[p].sent[phase] : 0,
                   first ? (unsigned long long)fc->party[p].received[phase] : 0);
    }
}

static json_t *party_json(const struct forecast *fc, party p)
{
    const struct forecast_party *me = &fc->party[p];
    json_t *cpu = json_object(), *sent = json_object(), *received = json_object(), *waits = json_object();

    for (int s = 0; s < FORECAST_ALL; s++)
        json_object_set_new(cpu, forecast_step_name((enum forecast_step)s), json_real(me->cpu_s[s]));
    json_object_set_new(cpu, "total", json_real(forecast_cpu_s(me)));
    for (unsigned phase = 1; phase < PHASES; phase++) {
        const char *name = phase_name((enum phase)phase);

        json_object_set_new(sent, name, json_integer((json_int_t)me->sent[phase]));
        json_object_set_new(received, name, json_integer((json_int_t)me->received[phase]));
        json_object_set_new(waits, name, json_integer((json_int_t)me->waits[phase]));
    }
    json_object_set_new(sent, "total", json_integer((json_int_t)forecast_sent(me)));
    json_object_set_new(received, "total", json_integer((json_int_t)forecast_received(me)));
    return json_pack("{s:o, s:o, s:o, s:o, s:I}", "cpu_seconds", cpu, "bytes_sent", sent, "bytes_received", received,
                     "waits", waits, "memory_bytes", (json_int_t)me->memory);
}

static status print_json(const struct request *q, struct fault *f)
{
    const struct forecast *fc = &q->forecast;
    const struct population *n = &fc->population;
    json_t *seconds = json_object(), *parties = json_object();

    json_object_set_new(seconds, "start", json_real(fc->wall_s[0]));
    for (unsigned phase = 1; phase < PHASES; phase++)
        json_object_set_new(seconds, phase_name((enum phase)phase), json_real(fc->wall_s[phase]));
    json_object_set_new(seconds, "total", json_real(fc->total_s));
    for (party p = 0; p < fc->parties; p++)
        json_object_set_new(parties, q->contract.party[p].name, party_json(fc, p));
    return cmd_print_json(json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:b, s:s, s:o, s:o}", "job", q->contract.job, "key_bits",
                                    (int)q->contract.key_bits, "passes", (int)q->contract.passes, "rows_aligned",
                                    (int)n->rows, "rows_train", (int)n->train, "rows_test", (int)n->test, "rates_measured",
                                    rates_key(&q->rates, q->contract.key_bits)->measured, "rates_date", q->rates.date,
                                    "seconds", seconds, "parties", parties),
                          f);
}

status cmd_plan(int argc, char **argv, struct fault *f)
{
    struct request *q AUTO(auto_free) = NULL;
    struct population population;

    TRY(alloc_zeroed(&q, 1, sizeof *q));
    TRY(read_arguments(q, argc, argv, f));
    TRY(find_rates(q, f));
    if (q->calibrate)
        return calibrate_here(q, f);
    TRY(find_contract(q, f));
    TRY(load_rates(q, f));
    population = forecast_population(&q->contract, q->rows ? q->rows : forecast_rows_max(&q->contract));
    TRY(forecast_make(&q->forecast, &q->contract, &population, &q->rates, &q->site, f));
    if (q->as_json)
        return print_json(q, f);
    if (q->as_lines)
        print_lines(q);
    else
        print_table(q);
    return OK;
}
