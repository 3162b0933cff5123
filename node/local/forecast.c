#include "node/local/forecast.h"

#include "crypto/blind.h"
#include "protocol/correlate.h"
#include "protocol/schedule.h"
#include "training/precondition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS_MAX = 100 * 1000 * 1000, DRAW_BASES = 6, SLOT_BYTES = 16, BASE_BYTES = 24 << 20, PERSON_BYTES = 96 };

static const struct { const char *name; unsigned phase; } steps[FORECAST_ALL] = {
#define S(name, phase, words) {#name, phase},
    FORECAST_STEPS(S)
#undef S
};

const char *forecast_step_name(enum forecast_step s)
{
    return steps[s].name;
}

unsigned forecast_step_phase(enum forecast_step s)
{
    return steps[s].phase;
}

uint32_t forecast_rows_max(const struct contract *c)
{
    uint32_t least = UINT32_MAX;

    for (party p = 0; p < c->parties; p++)
        if (c->party[p].rows < least)
            least = c->party[p].rows;
    return least;
}

struct population forecast_population(const struct contract *c, uint32_t rows)
{
    const uint32_t permille = c->test_rule == TEST_DRAWN ? c->test_permille : 300;
    const uint32_t test = (uint32_t)((uint64_t)rows * permille / 1000);

    return (struct population){rows, rows - test, test};
}

/* ---- the work of one party ---- */

struct work {
    const struct contract *c;
    const struct rates *r;
    const struct rates_of_key *k;
    const struct plan *plan;
    const struct population *population;
    party self;
    double *cpu; /* [FORECAST_ALL] nanoseconds */
    double memory, peers, look_ups;
    struct matrix own;
    struct bins_work bins;
};

/* Words of a number of the pair arithmetic, in bytes. */
static double number_bytes(const struct work *w)
{
    const uint32_t radix = rates_lanes(w->r) == 1 ? 64 : rates_lanes(w->r) == 4 ? 29 : 52;

    return 2.0 * ((w->c->key_bits + radix - 1) / radix) * 8;
}

static void count_start(struct work *w)
{
    const struct contract_party *me = &w->c->party[w->self];

    w->cpu[FORECAST_start] = w->r->load * me->rows * (me->columns + 1.0);
    w->cpu[FORECAST_handshake] = w->k->key + w->k->key_check * w->peers;
}

/* Every set is raised once by everybody; those that the comparer gets when all have raised them it checks. */
static void count_align(struct work *w)
{
    const struct contract *c = w->c;
    double points = w->r->point_hash * c->party[w->self].rows, held = 0;

    for (party set = 0; set < c->parties; set++) {
        const party last = (party)((set + c->parties - 1) % c->parties);

        held += c->party[set].rows;
        if (set != w->self)
            points += w->r->point_scale * c->party[set].rows;
        if (w->self == c->parties - 1 && last != w->self)
            points += w->r->point_check * c->party[set].rows;
    }
    w->cpu[FORECAST_align] = points;
    w->memory = held * (ITEM_PSI_SET * 2 + ITEM_PSI_LIST);
}

static void count_matrix(struct work *w)
{
    const double n = w->own.n, columns = w->own.columns, width = w->own.width;

    if (width <= PRECONDITION_DENSE_MAX)
        w->cpu[FORECAST_matrix] = w->r->gram * n * columns * width + w->r->solve * width * width * width;
}

/* Randomisers of one key: residues for tables, or each drawn directly. */
static double residues(const struct work *w, int own, uint64_t uses)
{
    const uint32_t tables = blind_table_residues(w->c->key_bits, own, uses);
    const double each = own ? w->k->own_residue : w->k->foreign_residue;

    return each * (tables ? tables : (double)uses * (own ? 2 : 1));
}

static void count_encrypt(struct work *w)
{
    const uint64_t count = correlate_encryptions(w->c, w->plan, w->self);
    const double passes = w->c->passes;
    double slots = w->plan->n * passes;

    for (party p = 0; p < w->c->parties; p++)
        if (p != w->self)
            slots += contract_width(w->c, p) * (w->plan->fore[p].rows + 1.0) * passes;
    w->cpu[FORECAST_encrypt] = w->k->own_encrypt * (double)count + residues(w, 1, count) + w->k->slot * slots;
}

static void count_answer(struct work *w)
{
    const struct plan *plan = w->plan;
    const uint64_t replies = correlate_replies(w->c, plan, w->self);
    const double groups = plan->fore[w->self].groups, back = plan->back_groups, width = w->own.width;
    const double read = plan->n * back + width * (plan->fore[w->self].rows * groups + back);
    const double products = back * (double)(w->bins.scatter + w->bins.powers) + groups * (double)w->bins.tables;
    const double chains = groups * (double)w->bins.gather + back * (double)w->bins.raise;
    const double slots = (plan->n + width) * w->c->passes;

    w->cpu[FORECAST_answer] =
        w->peers * (w->k->import * read + w->k->product * products + w->k->chain * chains +
                    w->k->foreign_hide * (double)replies + residues(w, 0, replies) + w->k->slot * slots);
}

static void count_open(struct work *w)
{
    double slots = 0, replies = 0;

    for (party p = 0; p < w->c->parties; p++) {
        if (p == w->self)
            continue;
        replies += (double)correlate_replies(w->c, w->plan, p);
        slots += ((double)w->plan->n + contract_width(w->c, p)) * w->c->passes;
    }
    w->cpu[FORECAST_open] = (w->k->import + w->k->decrypt) * replies + w->k->slot * slots;
}

/* What one row costs at our place of the sigmoid's chain, in one look-up. */
static double look_up(const struct work *w)
{
    const uint32_t bits = w->plan->table_bits, last = w->c->parties - 1u;
    const double entries = 1 << bits, transfers = bits + sigmoid_share_bits(w->c->parties);
    party chain[PARTIES_MAX];
    uint32_t me = 0;
    double row;

    contract_chain(chain, w->c);
    while (chain[me] != w->self)
        me++;
    row = w->peers * w->r->transfer * transfers + w->r->opening * sigmoid_share_bits(w->c->parties) / 2;
    if (last == 1)
        return row + (me == 0 ? w->r->pair_send * entries : w->r->pair_receive);
    if (me == last)
        return row + last * w->r->fetch_receive;
    row += w->r->fetch_send * entries + (last - 1 - me) * w->r->turn_send * entries * bits;
    return row + me * w->r->turn_receive * entries * bits;
}

static void count_train(struct work *w)
{
    const double n = w->own.n, passes = w->c->passes, width = w->own.width;
    const double matrix = w->own.diagonal ? width : width * width;
    double all = 0;

    for (party p = 0; p < w->c->parties; p++)
        all += contract_width(w->c, p);
    w->cpu[FORECAST_train] = passes * (w->r->cell * (n * w->own.columns + matrix) +
                                       w->r->opening * (n * (w->peers + 1) + 4 * all));
    if (w->plan->table_bits) {
        w->cpu[FORECAST_train] += w->look_ups * n * look_up(w);
        w->cpu[FORECAST_open] += w->peers * w->r->transfer_set_up;
    }
}

static void count_evaluate(struct work *w)
{
    const struct contract_party *me = &w->c->party[w->self];
    const double n = w->own.n, columns = w->own.columns, width = w->own.width;

    w->cpu[FORECAST_evaluate] = w->r->cell * w->population->test * columns;
    if (me->has_label)
        w->cpu[FORECAST_reveal] += w->r->fit * n * columns * (columns + 8) / 2 + w->r->solve * width * width * width;
}

/* What is held at a time: the larger of the preparation and the passes, on top of table and shares. */
static void count_memory(struct work *w, uint64_t *out)
{
    const struct contract_party *me = &w->c->party[w->self];
    const struct plan *plan = w->plan;
    const double n = plan->n, passes = w->c->passes, number = number_bytes(w), width = w->own.width;
    const double table = (double)me->rows * (me->columns + PERSON_BYTES) + n * me->columns;
    const double bases = (w->c->key_bits + 192.0) / DRAW_BASES * (1 << DRAW_BASES);
    const double request = width * (plan->fore[w->self].rows * (double)plan->fore[w->self].groups + 3.0 * plan->back_groups);
    const double cells = fmax((double)w->bins.scatter_cells, (double)w->bins.gather_cells);
    const double waiting = w->peers * n * plan->back_groups * (double)item_cipher(w->c->key_bits); /* masks come early */
    const double prepare = bases * number + (request + cells) * number + waiting;
    const double shares = 2 * n * passes * SLOT_BYTES;
    const double bits = plan->table_bits ? plan->table_bits + sigmoid_share_bits(w->c->parties) : 0;
    const double lookups = plan->table_bits ? n * ((w->peers + 1) * bits * SLOT_BYTES + (1 << plan->table_bits)) : 0;
    const double busy = fmax(w->memory, shares + fmax(prepare, lookups));

    *out = (uint64_t)(BASE_BYTES + table + busy + 4 * width * width);
}

/* ---- what is said ---- */

struct said {
    double cpu[PHASES];     /* nanoseconds, of records and bytes */
    double line[PHASES];    /* of the daemon */
    double syncs[PHASES];
    double look_ups;        /* of the sigmoid, with each peer */
};

static status count_records(struct forecast_party *out, struct said *said, const struct contract *c, party self,
                            const struct population *population, const struct rates *r, struct fault *f)
{
    struct schedule list AUTO(schedule_clear) = {0};
    int sent_since[PHASES] = {0};

    TRY(schedule_make(&list, c, STAGE_WHOLE, self, RECORDS_MAX, KNOWN_ALL, population, f));
    if (!list.complete)
        return fault_set(f, STATUS_LIMIT, "a training of that size has more than %d records", RECORDS_MAX);
    for (size_t i = 0; i < list.count; i++) {
        const struct schedule_step *s = &list.step[i];
        const double len = (double)s->body_len + SIGNED_BYTES;

        if (s->type != RECORD_SEND && s->type != RECORD_RECV)
            continue;
        out->records[s->phase]++;
        said->look_ups += s->kind == MESSAGE_choice && s->index == 0 ? 1 / (c->parties - 1.0) : 0;
        said->line[s->phase] += r->byte_line * len;
        if (s->type == RECORD_SEND) {
            out->sent[s->phase] += s->body_len + SIGNED_BYTES;
            said->cpu[s->phase] += r->record_send + r->byte_send * len;
            said->syncs[s->phase]++;
            sent_since[s->phase] = 1;
            continue;
        }
        out->received[s->phase] += s->body_len + SIGNED_BYTES;
        said->cpu[s->phase] += r->record_receive + r->byte_receive * len;
        out->waits[s->phase] += (uint32_t)sent_since[s->phase] || out->records[s->phase] == 1;
        sent_since[s->phase] = 0;
    }
    return OK;
}

/* The step that a phase's records belong to. */
static enum forecast_step step_of(unsigned phase)
{
    enum forecast_step s = FORECAST_start;

    if (phase == PHASE_PREPARE)
        return FORECAST_answer;
    while (steps[s].phase != phase)
        s++;
    return s;
}

static status count_party(struct forecast *out, struct said *said, const struct contract *c, const struct plan *plan,
                          const struct rates *r, party self, struct fault *f)
{
    struct forecast_party *me = &out->party[self];
    struct work w = {.c = c, .r = r, .k = rates_key(r, c->key_bits), .plan = plan, .population = &out->population,
                     .self = self, .cpu = me->cpu_s, .peers = c->parties - 1.0};

    TRY(count_records(me, said, c, self, &out->population, r, f));
    w.look_ups = said->look_ups;
    w.own = (struct matrix){.n = plan->n, .columns = c->party[self].columns, .width = contract_width(c, self),
                            .bins = c->party[self].bins};
    w.own.diagonal = w.own.width > PRECONDITION_DENSE_MAX;
    bins_count(&w.bins, &w.own, plan->fore[self].rows, plan->ridge, c->key_bits, rates_lanes(r));
    count_start(&w);
    count_align(&w);
    count_matrix(&w);
    count_encrypt(&w);
    count_answer(&w);
    count_open(&w);
    count_train(&w);
    count_evaluate(&w);
    count_memory(&w, &me->memory);
    for (unsigned phase = 1; phase < PHASES; phase++)
        me->cpu_s[step_of(phase)] += said->cpu[phase];
    for (int s = 0; s < FORECAST_ALL; s++)
        me->cpu_s[s] *= 1e-9;
    return OK;
}

/* ---- time on the clock ---- */

/* Loops over threads are all but reading the table, keys, the preconditioner and the label party's own model. */
static double step_wall_s(const struct forecast_party *p, int step, double threads)
{
    const int in_line = step == FORECAST_start || step == FORECAST_handshake || step == FORECAST_matrix ||
                        step == FORECAST_reveal;

    return p->cpu_s[step] / (in_line ? 1 : threads);
}

/* A phase ends when its slowest party does; in the preparation lines carry what comes while all compute. */
static double phase_wall_s(const struct forecast *fc, const struct said *said, unsigned phase, const struct rates *r,
                           const struct forecast_site *site, double threads)
{
    double slowest = 0, together = 0, carried = 0, waits = 0, syncs = 0;

    for (party p = 0; p < fc->parties; p++) {
        const struct forecast_party *me = &fc->party[p];
        const uint64_t more = me->sent[phase] > me->received[phase] ? me->sent[phase] : me->received[phase];
        double own = 0;

        for (int s = 0; s < FORECAST_ALL; s++) {
            own += steps[s].phase == phase ? step_wall_s(me, s, threads) : 0;
            together += steps[s].phase == phase ? me->cpu_s[s] : 0;
        }
        together += said[p].line[phase] * 1e-9;
        slowest = fmax(slowest, own);
        carried = fmax(carried, 8.0 * (double)more / site->bandwidth);
        waits = fmax(waits, me->waits[phase]);
        syncs = fmax(syncs, said[p].syncs[phase]);
    }
    if (site->one_machine)
        slowest = fmax(slowest, together / r->threads);
    waits = waits * site->round_trip_s / 2 + syncs * r->sync * 1e-9;
    return waits + (phase == PHASE_PREPARE ? fmax(slowest, carried) : slowest + carried);
}

status forecast_make(struct forecast *out, const struct contract *c, const struct population *population,
                     const struct rates *rates, const struct forecast_site *site, struct fault *f)
{
    const double threads = site->threads ? site->threads : rates->threads;
    struct said said[PARTIES_MAX] = {0};
    struct plan plan;

    *out = (struct forecast){.population = *population, .parties = c->parties};
    TRY(plan_make(&plan, c, population->train, f));
    for (party p = 0; p < c->parties; p++)
        TRY(count_party(out, &said[p], c, &plan, rates, p, f));
    for (unsigned phase = 0; phase < PHASES; phase++) {
        out->wall_s[phase] = phase_wall_s(out, said, phase, rates, site, threads);
        out->total_s += out->wall_s[phase];
    }
    return OK;
}

/* ---- sums ---- */

double forecast_phase_cpu_s(const struct forecast_party *p, unsigned phase)
{
    double sum = 0;

    for (int s = 0; s < FORECAST_ALL; s++)
        sum += steps[s].phase == phase ? p->cpu_s[s] : 0;
    return sum;
}

double forecast_cpu_s(const struct forecast_party *p)
{
    double sum = 0;

    for (int s = 0; s < FORECAST_ALL; s++)
        sum += p->cpu_s[s];
    return sum;
}

static uint64_t sum_of(const uint64_t *bytes)
{
    uint64_t sum = 0;

    for (unsigned phase = 0; phase < PHASES; phase++)
        sum += bytes[phase];
    return sum;
}

uint64_t forecast_sent(const struct forecast_party *p)
{
    return sum_of(p->sent);
}

uint64_t forecast_received(const struct forecast_party *p)
{
    return sum_of(p->received);
}

/* ---- figures with a unit ---- */

struct unit {
    const char *name;
    double value;
};

static status with_unit(double *out, const struct unit *units, const char *option, const char *text, const char *such,
                        struct fault *f)
{
    char *end;
    const double v = strtod(text, &end);

    for (; units->name && text[0] >= '0' && text[0] <= '9'; units++) {
        if (strcmp(end, units->name) != 0 || !isfinite(v))
            continue;
        *out = v * units->value;
        return OK;
    }
    fault_set(f, STATUS_USAGE, "--%s is \"%.40s\", not a number and a unit", option, text);
    fault_hint(f, "such as %s", such);
    return STATUS_USAGE;
}

status forecast_bandwidth(double *out, const char *option, const char *text, struct fault *f)
{
    static const struct unit units[] = {{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {0}};
    double v;

    TRY(with_unit(&v, units, option, text, "100mbit or 1gbit, each second", f));
    if (v < 1e3)
        return fault_set(f, STATUS_USAGE, "--%s is less than 1kbit", option);
    *out = v;
    return OK;
}

status forecast_duration(double *out, const char *option, const char *text, struct fault *f)
{
    static const struct unit units[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {0}};

    return with_unit(out, units, option, text, "20ms or 0.3s", f);
}
