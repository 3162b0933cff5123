#include "node/local/outputs.h"

#include "node/local/forecast.h"
#include "node/local/journal.h"
#include "node/local/report.h"
#include "node/local/version.h"
#include "protocol/log.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BIN_TEXT = 96, FACT_TEXT = 64, FACTS_MAX = 16, OUTPUT_FILE_MAX = 64 << 20, MODEL_PRECISION = 17 };

/* ---- evidence ---- */

static void reader_clear(struct journal_reader *r)
{
    journal_reader_clear(r);
}

static struct bundle_part part_of(const void *bytes, size_t len)
{
    return (struct bundle_part){.bytes = bytes, .len = len};
}

static void fill_bundle(struct bundle *b, const struct session_papers *papers, const struct session_table *table,
                        const struct journal_reader *log, uint8_t (*approvals)[APPROVAL_BYTES])
{
    *b = (struct bundle){.self = table->self,
                         .contract = part_of(papers->contract_bytes, papers->contract_len),
                         .approvals = papers->contract.parties,
                         .certificates = table->certificates,
                         .log = part_of(log->log, log->log_len)};
    for (party p = 0; p < papers->contract.parties; p++) {
        approval_encode(approvals[p], &papers->approval[p]);
        b->approval[p] = part_of(approvals[p], APPROVAL_BYTES);
    }
    for (uint16_t i = 0; i < table->certificates; i++)
        b->certificate[i] = part_of(table->certificate[i], strlen(table->certificate[i]));
}

/* The keys of all parties as the journal kept them, len bytes each, in their order; *all says whether the session made them. */
static status collect_keys(uint8_t *out, int *all, size_t len, const struct journal_reader *log, uint16_t parties, struct fault *f)
{
    unsigned found = 0;
    struct log_reader r;
    struct log_entry e;

    log_reader_init(&r, log->log, log->log_len, parties);
    while (found < parties && log_next(&r, &e) == LOG_ENTRY) {
        size_t got;

        if (e.record.type != RECORD_FACT || e.record.kind != FACT_KEY || e.record.a >= parties)
            continue;
        TRY(journal_read_body(log, e.record.seq, out + e.record.a * len, len, &got, f));
        found += got == len;
    }
    *all = found == parties;
    return OK;
}

/* The offline session that an online one stands on, as its own file shows it. */
static status verify_offline(struct verify_report *out, const char *session_dir, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    struct bundle bundle;
    const struct verify_options options = {0};
    char dir[FILES_PATH_BYTES], path[FILES_PATH_BYTES];
    size_t len = 0;

    TRY(session_offline_dir(dir, session_dir, f));
    TRY(files_join(path, dir, "evidence.hefu", f));
    TRY(files_read(&bytes, &len, path, BUNDLE_LOG_MAX, f));
    TRY(bundle_decode(&bundle, bytes, len, f));
    return verify_bundles(out, &bundle, 1, &options);
}

status outputs_write_evidence(struct verify_report *verdict, const char *session_dir,
                              const struct session_papers *papers, const struct session_table *table, struct fault *f)
{
    struct journal_reader log AUTO(reader_clear) = {0};
    const uint16_t parties = papers->contract.parties;
    const size_t key_len = body_key(papers->contract.key_bits);
    struct wire_writer file AUTO(wire_writer_clear) = {0};
    uint8_t *keys AUTO(auto_free) = NULL, *approvers AUTO(auto_free) = NULL, *build AUTO(auto_free) = NULL;
    size_t approvers_len, build_len;
    int has_keys;
    uint8_t approvals[PARTIES_MAX][APPROVAL_BYTES];
    struct bundle bundle;
    struct verify_report *offline AUTO(auto_free) = NULL;
    struct verify_options options = {0};
    char path[FILES_PATH_BYTES];

    TRY(journal_read(&log, session_dir, parties, f));
    fill_bundle(&bundle, papers, table, &log, approvals);
    TRY(alloc_zeroed(&keys, parties, key_len));
    TRY(collect_keys(keys, &has_keys, key_len, &log, parties, f));
    if (has_keys)
        bundle.attachment[ATTACHMENT_KEYS] = part_of(keys, parties * key_len);
    TRY(session_beside_read(&approvers, &approvers_len, session_dir, BESIDE_APPROVERS, f));
    bundle.attachment[ATTACHMENT_APPROVERS] = part_of(approvers, approvers_len);
    TRY(session_beside_read(&build, &build_len, session_dir, BESIDE_BUILD, f));
    bundle.attachment[ATTACHMENT_BUILD] = part_of(build, build_len);
    TRY(bundle_encode(&file, &bundle));
    TRY(files_join(path, session_dir, "evidence.hefu", f));
    TRY(files_write(path, file.bytes, file.len, 0600, f));
    /* Read back as an auditor would. */
    TRY(bundle_decode(&bundle, file.bytes, file.len, f));
    if (table->stage == STAGE_ONLINE) {
        TRY(alloc_zeroed(&offline, 1, sizeof *offline));
        if (verify_offline(offline, session_dir, NULL) == OK)
            options.offline = offline;
    }
    return verify_bundles(verdict, &bundle, 1, &options);
}

/* ---- the scorecard ---- */

struct scorecard {
    struct report_column *column;
    struct report_bin *bin;
    char (*text)[BIN_TEXT];
    uint32_t *rows; /* training rows of each bin */
};

static void scorecard_clear(struct scorecard *s)
{
    free(s->column);
    free(s->bin);
    free(s->text);
    free(s->rows);
}

static void count_rows(uint32_t *rows, const struct dataset *d, const struct party_result *r)
{
    for (uint32_t i = 0; i < r->population.rows; i++) {
        const uint8_t *codes = d->codes + (size_t)r->position[i] * d->columns;
        uint32_t first = 0;

        for (uint16_t c = 0; c < d->columns; c++) {
            if (r->role[i] == 0)
                rows[first + codes[c]]++;
            first += d->bins[c];
        }
    }
}

static status make_scorecard(struct scorecard *s, const struct outputs *o)
{
    const struct dictionary *d = &o->table->dictionary;
    uint32_t width = dataset_width(o->data), at = 0;

    TRY(alloc_zeroed(&s->column, o->data->columns, sizeof *s->column));
    TRY(alloc_zeroed(&s->bin, width, sizeof *s->bin));
    TRY(alloc_zeroed(&s->text, width, sizeof *s->text));
    TRY(alloc_zeroed(&s->rows, width, sizeof *s->rows));
    count_rows(s->rows, o->data, o->result);
    for (uint16_t c = 0; c < o->data->columns; c++) {
        s->column[c] = (struct report_column){.name = d->columns[c].name, .bin = s->bin + at, .bins = o->data->bins[c]};
        for (uint8_t code = 0; code < o->data->bins[c]; code++, at++) {
            dictionary_bin_text(&d->columns[c], code, s->text[at], sizeof s->text[at]);
            s->bin[at] = (struct report_bin){
                .text = s->text[at], .weight = o->result->weight[at], .rows = s->rows[at]};
        }
    }
    return OK;
}

static status write_json(const struct outputs *o, const char *name, const json_t *value, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    char *text AUTO(auto_free) = value ? json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(MODEL_PRECISION)) : NULL;

    if (!text)
        return fault_set(f, STATUS_CONFIG, "%s cannot be written: a name in it is not UTF-8", name);
    TRY(files_join(path, o->session_dir, name, f));
    return files_write(path, text, strlen(text), 0600, f);
}

/* The own block of the model, and what turns a sum of weights into a probability. */
static json_t *model_of(const struct outputs *o, const struct scorecard *s)
{
    const struct contract *k = &o->papers->contract;
    json_t *columns = json_array(), *model;
    char id[2 * HASH_BYTES + 1];

    hash_hex(&o->papers->contract_id, id);
    for (uint16_t c = 0; c < o->data->columns; c++) {
        json_t *bins = json_array();

        for (size_t i = 0; i < s->column[c].bins; i++)
            json_array_append_new(bins, json_pack("{s:s, s:f, s:i}", "bin", s->column[c].bin[i].text, "weight",
                                                  s->column[c].bin[i].weight, "train_rows",
                                                  (int)s->column[c].bin[i].rows));
        json_array_append_new(columns, json_pack("{s:s, s:o}", "name", s->column[c].name, "bins", bins));
    }
    model = json_pack("{s:s, s:s, s:s, s:i, s:o}", "party", k->party[o->table->self].name, "job", k->job, "contract", id,
                      "attempt", (int)o->table->attempt, "columns", columns);
    if (model && k->party[o->table->self].has_label) {
        json_object_set_new(model, "intercept", json_real(o->result->intercept));
        json_object_set_new(model, "calibration", json_pack("{s:f, s:f}", "a", o->result->calibration.a, "b",
                                                            o->result->calibration.b));
    }
    return model;
}

static status write_model(const struct outputs *o, const struct scorecard *s, struct fault *f)
{
    json_t *model = model_of(o, s);
    status result = write_json(o, "model.json", model, f);

    json_decref(model);
    return result;
}

/* ---- the report ---- */

struct page {
    struct report report;
    struct scorecard scorecard;
    struct disclosure disclosure[DISCLOSURES_MAX];
    struct report_disclosure disclosed[DISCLOSURES_MAX];
    struct report_verdict verdict[VERIFY_CHECKS];
    char verdict_text[VERIFY_CHECKS][480];
    struct report_fact fact[FACTS_MAX];
    char fact_text[FACTS_MAX][FACT_TEXT];
    struct report_notice *notice;
    char contract_id[2 * HASH_BYTES + 1], session_id[2 * HASH_BYTES + 1], head[2 * HASH_BYTES + 1];
    char finished[64], rates[256];
};

static void page_free(struct page **p)
{
    if (!*p)
        return;
    scorecard_clear(&(*p)->scorecard);
    free((*p)->notice);
    free(*p);
}

static void fill_parties(struct page *g, const struct outputs *o)
{
    const struct contract *k = &o->papers->contract;

    g->report.parties = k->parties;
    for (party p = 0; p < k->parties; p++) {
        struct report_party *r = &g->report.party[p];

        *r = (struct report_party){.name = k->party[p].name,
                                   .has_label = k->party[p].has_label,
                                   .rows = k->party[p].rows,
                                   .columns = k->party[p].columns,
                                   .bins = contract_width(k, p),
                                   .bytes_sent = REPORT_UNKNOWN,
                                   .bytes_received = REPORT_UNKNOWN,
                                   .records = REPORT_UNKNOWN};
        for (int phase = 0; phase < PHASES; phase++)
            r->phase_bytes[phase] = REPORT_UNKNOWN;
        if (p != o->table->self)
            continue;
        r->bytes_sent = r->bytes_received = 0;
        for (party q = 0; q < k->parties; q++) {
            r->bytes_sent += o->costs->sent[q];
            r->bytes_received += o->costs->received[q];
        }
        memcpy(r->phase_bytes, o->session->phase_bytes, sizeof r->phase_bytes);
        r->records = o->result->records;
        r->head = g->head;
    }
}

static void fill_results(struct page *g, const struct outputs *o)
{
    const struct party_result *r = o->result;
    struct report *to = &g->report;

    to->stage = o->table->stage;
    to->rows_aligned = r->population.rows;
    to->rows_train = r->population.train;
    to->rows_test = r->population.test;
    to->test_positives = r->test_positives;
    to->passes = o->papers->contract.passes;
    to->key_bits = o->papers->contract.key_bits;
    to->exact = o->papers->contract.sigmoid == SIGMOID_TABLE;
    to->joint = (struct report_model){r->auc, r->ks, r->logloss, r->has_curves ? &r->joint : NULL};
    to->alone = (struct report_model){r->alone_auc, r->alone_ks, r->alone_logloss, r->has_curves ? &r->alone : NULL};
    to->logloss_raw = r->has_curves ? r->logloss_raw : NAN;
    to->calibration = r->has_curves ? r->calibration : (struct calibration){NAN, NAN};
    for (int phase = 1; phase < PHASES; phase++)
        to->phase_seconds[phase] = o->costs->phase[phase].seconds;
    to->seconds_total = o->costs->seconds;
}

/* What hefu plan says of a training in one session, for the population that there was, against what came. */
static void fill_forecast(struct page *g, const struct outputs *o)
{
    const struct forecast_site here = {.threads = 1, .bandwidth = FORECAST_BANDWIDTH, .round_trip_s = FORECAST_ROUND_TRIP_S};
    const struct contract *k = &o->papers->contract;
    struct forecast fc;

    if (!o->rates || o->table->stage != STAGE_WHOLE ||
        forecast_make(&fc, k, &o->result->population, o->rates, &here, NULL) != OK)
        return;
    rates_describe(g->rates, sizeof g->rates, o->rates, k->key_bits);
    g->report.forecast.rates = g->rates;
    for (unsigned phase = 1; phase < PHASES; phase++) {
        g->report.forecast.cpu_seconds[phase] = forecast_phase_cpu_s(&fc.party[o->table->self], phase);
        g->report.forecast.cpu_seconds_actual[phase] = o->costs->phase[phase].cpu_seconds;
        g->report.forecast.sent[phase] = fc.party[o->table->self].sent[phase];
        g->report.forecast.sent_actual[phase] = o->session->phase_bytes[phase];
    }
}

static void fill_disclosures(struct page *g, const struct contract *k)
{
    size_t count = contract_disclosures(k, g->disclosure);

    for (size_t i = 0; i < count; i++)
        g->disclosed[i] = (struct report_disclosure){.to = k->party[g->disclosure[i].to].name,
                                                     .what = g->disclosure[i].what,
                                                     .learns = g->disclosure[i].learns};
    g->report.disclosure = g->disclosed;
    g->report.disclosures = count;
}

static void fill_audit(struct page *g, const struct outputs *o)
{
    const struct verify_report *v = o->verdict;

    g->report.audit.verified = v->ok ? REPORT_PASSED : REPORT_FAILED;
    g->report.audit.sessions = o->table->stage == STAGE_ONLINE ? 2 : 1;
    g->report.audit.attempt = o->table->attempt;
    g->report.audit.contract_id = g->contract_id;
    g->report.audit.session_id = g->session_id;
    g->report.audit.checkpoints = o->result->checkpoints;
    for (int i = 0; i < VERIFY_CHECKS; i++) {
        static const enum report_check result[] = {REPORT_NOT_CHECKED, REPORT_PASSED, REPORT_FAILED};

        snprintf(g->verdict_text[i], sizeof g->verdict_text[i], "%s: %s", verify_check_name((enum verify_check)i),
                 v->line[i].text);
        g->verdict[i] = (struct report_verdict){result[v->line[i].verdict], g->verdict_text[i]};
    }
    g->report.audit.verdict = g->verdict;
    g->report.audit.verdicts = VERIFY_CHECKS;
}

static void add_fact(struct page *g, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void add_fact(struct page *g, const char *name, const char *fmt, ...)
{
    size_t i = g->report.parameters++;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(g->fact_text[i], sizeof g->fact_text[i], fmt, ap);
    va_end(ap);
    g->fact[i] = (struct report_fact){name, g->fact_text[i]};
    g->report.parameter = g->fact;
}

static void fill_facts(struct page *g, const struct contract *k)
{
    add_fact(g, "passes", "%u", k->passes);
    add_fact(g, "ridge", "%g", k->ridge_micro / 1e6);
    if (k->sigmoid == SIGMOID_TABLE)
        add_fact(g, "sigmoid", "exact, tables of %u for scores within ±%u", 1u << k->table_bits, k->score_range);
    else
        add_fact(g, "sigmoid", "linear, calibrated afterwards");
    if (k->optimiser == OPTIMISER_JACOBI)
        add_fact(g, "optimiser", "heavy ball with Jacobi's coefficients");
    else
        add_fact(g, "optimiser", "Nesterov, step %.3f, momentum %.3f", k->step_1024 / 1024.0, k->momentum_1024 / 1024.0);
    add_fact(g, "Paillier key", "%u bits, one per party and session", k->key_bits);
    if (k->test_rule == TEST_DRAWN)
        add_fact(g, "test rows", "%.1f %%, drawn by all parties together", k->test_permille / 10.0);
    else
        add_fact(g, "test rows", "listed by %s", k->party[contract_label_party(k)].name);
    add_fact(g, "score steps", "1/%u", 1u << k->score_bits);
    add_fact(g, "smallest intersection", "%u people", k->min_rows);
    add_fact(g, "attempts allowed", "%u", k->attempts_max);
}

static status fill_notices(struct page *g, const struct table_notes *notes)
{
    TRY(alloc_zeroed(&g->notice, notes->count, sizeof *g->notice));
    for (size_t i = 0; i < notes->count; i++)
        g->notice[i] = (struct report_notice){notes->list[i].warning, notes->list[i].text};
    g->report.notice = g->notice;
    g->report.notices = notes->count;
    return OK;
}

static void fill_names(struct page *g, const struct outputs *o)
{
    const struct contract *k = &o->papers->contract;
    time_t at = (time_t)o->finished;
    struct tm t;

    localtime_r(&at, &t);
    strftime(g->finished, sizeof g->finished, "%Y-%m-%d %H:%M %Z", &t);
    hash_hex(&o->papers->contract_id, g->contract_id);
    hash_hex(&o->session->id, g->session_id);
    hash_hex(&o->result->head, g->head);
    g->report.viewer = k->party[o->table->self].has_label ? REPORT_LABEL_PARTY : REPORT_FEATURE_PARTY;
    g->report.viewer_name = k->party[o->table->self].name;
    g->report.job = k->job;
    g->report.purpose = k->purpose;
    g->report.finished = g->finished;
    g->report.version = HEFU_VERSION;
}

status outputs_write(const struct outputs *o, struct fault *f)
{
    struct page *g AUTO(page_free) = NULL;
    char path[FILES_PATH_BYTES];

    TRY(alloc_zeroed(&g, 1, sizeof *g));
    fill_names(g, o);
    fill_parties(g, o);
    fill_results(g, o);
    fill_forecast(g, o);
    fill_disclosures(g, &o->papers->contract);
    fill_audit(g, o);
    fill_facts(g, &o->papers->contract);
    TRY(fill_notices(g, o->notes));
    TRY(make_scorecard(&g->scorecard, o));
    g->report.column = g->scorecard.column;
    g->report.columns = o->data->columns;
    TRY(write_model(o, &g->scorecard, f));
    TRY(files_join(path, o->session_dir, "result.json", f));
    TRY(report_write_json(path, &g->report, f));
    TRY(files_join(path, o->session_dir, "report.html", f));
    return report_write_html(path, &g->report, f);
}

/* ---- the summary ---- */

static json_t *seconds_of(const struct worker_costs *costs)
{
    json_t *out = json_object();

    for (int phase = 1; phase < PHASES; phase++)
        json_object_set_new(out, phase_name((enum phase)phase), json_real(costs->phase[phase].seconds));
    json_object_set_new(out, "total", json_real(costs->seconds));
    return out;
}

/* Of the phases of this session that are offline or online work. */
static json_t *seconds_of_stage(const struct outputs *o, enum stage part)
{
    double seconds = 0;

    for (int phase = 1; phase < PHASES; phase++)
        if (stage_of_phase(o->table->stage, (enum phase)phase) == part)
            seconds += o->costs->phase[phase].seconds;
    return json_real(seconds);
}

static void add_metrics(json_t *out, const struct party_result *r)
{
    json_object_set_new(out, "test_positives", json_integer(r->test_positives));
    json_object_set_new(out, "auc_test", json_real(r->auc));
    json_object_set_new(out, "ks_test", json_real(r->ks));
    json_object_set_new(out, "logloss_test", json_real(r->logloss));
    json_object_set_new(out, "auc_label_party_alone", json_real(r->alone_auc));
    json_object_set_new(out, "ks_label_party_alone", json_real(r->alone_ks));
    json_object_set_new(out, "logloss_label_party_alone", json_real(r->alone_logloss));
}

static void add_preparation(json_t *out, const struct outputs *o)
{
    char name[2 * HASH_BYTES + 1];
    struct hash table;

    hash_hex(&o->session->preparation, name);
    json_object_set_new(out, "preparation", json_string(name));
    preparation_table(&table, o->papers->contract.suite, o->data);
    hash_hex(&table, name);
    json_object_set_new(out, "preparation_table", json_string(name));
    json_object_set_new(out, "preparation_bytes", json_integer((json_int_t)o->preparation_bytes));
}

json_t *outputs_summary(const struct outputs *o)
{
    const struct contract *k = &o->papers->contract;
    const struct party_result *r = o->result;
    json_int_t sent = 0, received = 0;
    char head[2 * HASH_BYTES + 1];
    json_t *out = json_object();

    for (party p = 0; p < k->parties; p++) {
        sent += (json_int_t)o->costs->sent[p];
        received += (json_int_t)o->costs->received[p];
    }
    hash_hex(&r->head, head);
    json_object_set_new(out, "rows_aligned", json_integer(r->population.rows));
    json_object_set_new(out, "rows_train", json_integer(r->population.train));
    json_object_set_new(out, "rows_test", json_integer(r->population.test));
    json_object_set_new(out, "parties", json_integer(k->parties));
    json_object_set_new(out, "passes", json_integer(k->passes));
    if (o->table->stage == STAGE_OFFLINE)
        add_preparation(out, o);
    else
        add_metrics(out, r);
    json_object_set_new(out, "seconds", seconds_of(o->costs));
    if (o->table->stage != STAGE_ONLINE)
        json_object_set_new(out, "seconds_offline", seconds_of_stage(o, STAGE_OFFLINE));
    if (o->table->stage != STAGE_OFFLINE)
        json_object_set_new(out, "seconds_online", seconds_of_stage(o, STAGE_ONLINE));
    json_object_set_new(out, "cpu_seconds", json_real(o->costs->cpu_seconds));
    json_object_set_new(out, "bytes_sent", json_integer(sent));
    json_object_set_new(out, "bytes_received", json_integer(received));
    json_object_set_new(out, "key_bits", json_integer(k->key_bits));
    json_object_set_new(out, "attempt", json_integer(o->table->attempt));
    json_object_set_new(out, "records", json_integer(r->records));
    json_object_set_new(out, "checkpoints", json_integer(r->checkpoints));
    json_object_set_new(out, "head", json_string(head));
    json_object_set_new(out, "transcript",
                        json_pack("{s:b, s:i}", "verified", o->verdict->ok, "sessions", o->table->stage == STAGE_ONLINE ? 2 : 1));
    return out;
}

/* ---- what was delivered, against what is computed again ---- */

static void json_clear(json_t **j)
{
    json_decref(*j);
}

/* NULL when there is no such file. */
static status read_output(json_t **out, const struct outputs *o, const char *name, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    uint8_t *text AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(files_join(path, o->session_dir, name, f));
    if (!files_exist(path))
        return OK;
    TRY(files_read(&text, &len, path, OUTPUT_FILE_MAX, f));
    *out = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
    return *out ? OK : fault_set(f, STATUS_MISMATCH, "%s is damaged", name);
}

/* Every field of ours is as delivered: written and read again, so that both are rounded alike. */
static status compare_output(const json_t *delivered, const char *name, const json_t *own, size_t precision, struct fault *f)
{
    char *text AUTO(auto_free) = own ? json_dumps(own, JSON_REAL_PRECISION(precision)) : NULL;
    json_t *again AUTO(json_clear) = text ? json_loads(text, 0, NULL) : NULL, *value;
    const char *field;

    if (!again)
        return STATUS_NO_MEMORY;
    json_object_foreach(again, field, value)
        if (!json_equal(json_object_get(delivered, field), value))
            return fault_set(f, STATUS_MISMATCH, "%s, field %s: it is not what the replay computes", name, field);
    return OK;
}

static json_t *number_of(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* The part of result.json that follows from the session alone; times and bytes do not. */
static json_t *results_of(const struct party_result *r)
{
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "rows_aligned", (json_int_t)r->population.rows, "rows_train",
                     (json_int_t)r->population.train, "rows_test", (json_int_t)r->population.test, "auc_test", number_of(r->auc),
                     "ks_test", number_of(r->ks), "logloss_test", number_of(r->logloss), "auc_label_party_alone",
                     number_of(r->alone_auc), "ks_label_party_alone", number_of(r->alone_ks), "logloss_label_party_alone",
                     number_of(r->alone_logloss));
}

status outputs_check(int *found, const struct outputs *o, struct fault *f)
{
    json_t *result AUTO(json_clear) = NULL, *model AUTO(json_clear) = NULL, *own AUTO(json_clear) = NULL;
    struct scorecard scorecard AUTO(scorecard_clear) = {0};

    *found = 0;
    TRY(read_output(&result, o, "result.json", f));
    TRY(read_output(&model, o, "model.json", f));
    if (result) {
        own = results_of(o->result);
        TRY(compare_output(result, "result.json", own, REPORT_PRECISION, f));
        json_decref(own);
        own = NULL;
    }
    if (model) {
        TRY(make_scorecard(&scorecard, o));
        own = model_of(o, &scorecard);
        TRY(compare_output(model, "model.json", own, MODEL_PRECISION, f));
    }
    *found = (result != NULL) + (model != NULL);
    return OK;
}
