/* A contract in plain words, for the people who decide on it. */
#include "protocol/contract.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say(struct wire_writer *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct wire_writer *w, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    wire_put_bytes(w, line, strlen(line));
}

/* One more line of the list; its text is to be filled in. */
static struct disclosure *disclose(struct disclosure *list, size_t *count, party to, enum contract_output output)
{
    struct disclosure *d = &list[(*count)++];

    d->to = to;
    d->output = output;
    return d;
}

size_t contract_disclosures(const struct contract *c, struct disclosure out[DISCLOSURES_MAX])
{
    size_t count = 0;
    party label = contract_label_party(c);

    for (party p = 0; p < c->parties; p++) {
        struct disclosure *d;

        d = disclose(out, &count, p, OUTPUT_SIZES);
        snprintf(d->what, sizeof d->what, "sizes: rows, columns and bins of every party");
        snprintf(d->learns, sizeof d->learns, "how large each party's table is; no value, no column name");
        d = disclose(out, &count, p, OUTPUT_INTERSECTION);
        snprintf(d->what, sizeof d->what, "the intersection: which of its own people are known to all %u parties",
                 c->parties);
        snprintf(d->learns, sizeof d->learns, "that these people are customers of all parties; %s how many people lie in "
                 "each overlap of the sets, never which",
                 p == c->parties - 1 ? "as the comparer, also" : "together with another party, also");
        d = disclose(out, &count, p, OUTPUT_SPLIT);
        snprintf(d->what, sizeof d->what, "which of these people are training and which are test rows");
        snprintf(d->learns, sizeof d->learns, "%s", c->test_rule == TEST_DRAWN
                     ? "nothing: the rows are drawn at random by all parties"
                     : "what the label party's list says");
        if (c->sigmoid == SIGMOID_TABLE) {
            d = disclose(out, &count, p, OUTPUT_RANGE);
            snprintf(d->what, sizeof d->what, "in the last pass: how many training rows have a score near or beyond +-%u",
                     c->score_range);
            snprintf(d->learns, sizeof d->learns, "that it is none; otherwise their number, and the job stops");
        }
        d = disclose(out, &count, p, OUTPUT_WEIGHTS);
        snprintf(d->what, sizeof d->what, "its own weights: one number for each bin of its own columns");
        snprintf(d->learns, sizeof d->learns, "how its own bins relate to the label in the joint model: an average over "
                 "at least %u training rows for each bin it brings", c->rows_per_bin);
        if (p == label) {
            d = disclose(out, &count, p, OUTPUT_SCORES);
            snprintf(d->what, sizeof d->what, "per test row: the sum of the other parties' partial scores, in steps of 1/%u",
                     1u << c->score_bits);
            snprintf(d->learns, sizeof d->learns, c->parties == 2
                         ? "with two parties this sum is the partner's partial score: equal scores suggest equal bins"
                         : "a total only, unless all but one of the parties pool what they saw");
        } else {
            d = disclose(out, &count, p, OUTPUT_METRICS);
            snprintf(d->what, sizeof d->what, "the agreed metrics: AUC, KS and log-loss of the joint model and of the label party's own, positives in the test rows");
            snprintf(d->learns, sizeof d->learns, "how well the model separates; nothing about a person");
        }
    }
    return count;
}

/* ---- words of single fields ---- */

static int is_zero(const uint8_t bytes[HASH_BYTES])
{
    static const uint8_t zero[HASH_BYTES];

    return memcmp(bytes, zero, HASH_BYTES) == 0;
}

/* A hash or a key in hexadecimal; zero is "none". */
struct hex { char text[2 * SIGN_PUBLIC_BYTES + 1]; };
static struct hex hex(const uint8_t *bytes, size_t len)
{
    struct hex out = {"none"};

    if (!sodium_is_zero(bytes, len))
        sodium_bin2hex(out.text, sizeof out.text, bytes, len);
    return out;
}
#define HEX_OF(x) hex((x).bytes, sizeof (x).bytes).text

/* The Gregorian calendar in eras of 400 years that begin on 1 March, so that leap days come last. */
void contract_time_text(char out[CONTRACT_TIME_BYTES], uint64_t unix_seconds)
{
    const uint64_t days = unix_seconds / 86400 + 719468; /* since 0000-03-01 */
    const uint32_t second = (uint32_t)(unix_seconds % 86400), day_of_era = (uint32_t)(days % 146097);
    const uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const uint32_t march_month = (5 * day_of_year + 2) / 153;
    const uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    const uint64_t year = days / 146097 * 400 + year_of_era + (month <= 2);

    snprintf(out, CONTRACT_TIME_BYTES, "%04llu-%02u-%02u %02u:%02u:%02u UTC", (unsigned long long)year, month,
             day_of_year - (153 * march_month + 2) / 5 + 1, second / 3600, second / 60 % 60, second % 60);
}

static const struct { enum contract_output bit; const char *word; } output_words[] = {
    {OUTPUT_WEIGHTS, "weights"}, {OUTPUT_SCORES, "scores"}, {OUTPUT_METRICS, "metrics"}, {OUTPUT_SIZES, "sizes"},
    {OUTPUT_INTERSECTION, "intersection"}, {OUTPUT_SPLIT, "split"}, {OUTPUT_RANGE, "range"}};

/* ---- field by field ---- */

static void fact(struct wire_writer *w, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void fact(struct wire_writer *w, const char *field, const char *fmt, ...)
{
    char value[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    say(w, "%s\t%s\n", field, value);
}

static void fact_time(struct wire_writer *w, const char *field, uint64_t unix_seconds)
{
    char text[CONTRACT_TIME_BYTES];

    contract_time_text(text, unix_seconds);
    fact(w, field, "%s", text);
}

static void facts_of_training(struct wire_writer *w, const struct contract *c)
{
    const int table = c->sigmoid == SIGMOID_TABLE;

    fact(w, "key bits", "%u", c->key_bits);
    fact(w, "passes", "%u", c->passes);
    fact(w, "ridge", "%u.%06u", c->ridge_micro / 1000000, c->ridge_micro % 1000000);
    fact(w, "optimiser", "%s", c->optimiser == OPTIMISER_JACOBI ? "heavy ball with Jacobi's coefficients" : "Nesterov");
    fact(w, "step", "%u/1024", c->step_1024);
    fact(w, "momentum", "%u/1024", c->momentum_1024);
    fact(w, "share of test rows", "%u.%u %%", c->test_permille / 10, c->test_permille % 10);
    fact(w, "fraction bits", "%u", c->fraction_bits);
    fact(w, "score bits", "%u", c->score_bits);
    fact(w, "entries of the sigmoid's table", "%u", table ? 1u << c->table_bits : 0);
    fact(w, "score range", "%u", c->score_range);
    fact(w, "slope", "%u/1024", c->slope_1024);
    fact(w, "fewest common people", "%u", c->min_rows);
    fact(w, "fewest positives and negatives", "%u", c->min_positives);
    fact(w, "fewest training rows a bin", "%u", c->rows_per_bin);
    fact(w, "attempts", "%u", c->attempts_max);
}

static void facts_of_law_and_audit(struct wire_writer *w, const struct contract *c)
{
    say(w, "outputs\t");
    for (size_t i = 0, said = 0; i < sizeof output_words / sizeof output_words[0]; i++)
        if (c->outputs & output_words[i].bit)
            say(w, "%s%s", said++ ? ", " : "", output_words[i].word);
    say(w, "\n");
    fact(w, "consent batch root", "%s", HEX_OF(c->consent_root));
    fact(w, "impact assessment", "%s", HEX_OF(c->assessment_hash));
    if (c->data_level)
        fact(w, "data level", "%u of %d", c->data_level, DATA_LEVEL_MAX);
    else
        fact(w, "data level", "not stated");
    fact(w, "authorisations", "%s", c->authorisations);
    fact(w, "replay", "%s", c->replay == REPLAY_SEALED ? "sealed" : "off");
    fact(w, "auditor", "%s", c->auditor);
    fact(w, "auditor's key", "%s", HEX_OF(c->auditor_key));
    fact(w, "days of retention", "%u", c->retention_days);
}

static void facts_of_party(struct wire_writer *w, const struct contract_party *p)
{
    char field[PARTY_NAME_MAX + 32];

#define OF_PARTY(what) (snprintf(field, sizeof field, "%s: " what, p->name), field)
    fact(w, OF_PARTY("certificate"), "%s", HEX_OF(p->certificate));
    fact(w, OF_PARTY("identity key"), "%s", HEX_OF(p->identity));
    fact(w, OF_PARTY("label"), "%s", p->has_label ? "yes" : "no");
    fact(w, OF_PARTY("people"), "%u", p->rows);
    fact(w, OF_PARTY("columns"), "%u", p->columns);
    say(w, "%s: bins\t", p->name);
    for (uint16_t i = 0; i < p->columns; i++)
        say(w, "%s%u", i ? " " : "", p->bins[i]);
    say(w, "\n");
    fact(w, OF_PARTY("data root"), "%s", HEX_OF(p->data_root));
    fact(w, OF_PARTY("schema hash"), "%s", HEX_OF(p->schema_hash));
#undef OF_PARTY
}

void contract_facts(struct wire_writer *w, const struct contract *c)
{
    fact(w, "form of the contract", "%u", c->version);
    fact(w, "protocol version", "%u", c->protocol);
    fact(w, "suite", "%s", suite_name(c->suite));
    fact(w, "sigmoid", "%s", c->sigmoid == SIGMOID_TABLE ? "exact" : "linear");
    fact(w, "test rows", "%s", c->test_rule == TEST_DRAWN ? "drawn" : "listed");
    fact(w, "job", "%s", c->job);
    fact(w, "purpose", "%s", c->purpose);
    fact_time(w, "window begins", c->not_before);
    fact_time(w, "window ends", c->not_after);
    say(w, "nonce\t");
    for (size_t i = 0; i < sizeof c->nonce; i++)
        say(w, "%02x", c->nonce[i]);
    say(w, "\n");
    fact(w, "previous contract", "%s", HEX_OF(c->previous));
    facts_of_training(w, c);
    facts_of_law_and_audit(w, c);
    say(w, "parties\t");
    for (party p = 0; p < c->parties; p++)
        say(w, "%s%s", p ? ", " : "", c->party[p].name);
    say(w, "\n");
    for (party p = 0; p < c->parties; p++)
        facts_of_party(w, &c->party[p]);
}

/* ---- the whole, for the people who decide ---- */

static void explain_commitments(struct wire_writer *w, const struct contract *c)
{
    say(w, "\nWhat each party has committed to (salted: it says nothing of the data, and only the same data fits it)\n");
    for (party p = 0; p < c->parties; p++) {
        say(w, "  %-16s rows    %s\n", c->party[p].name, HEX_OF(c->party[p].data_root));
        say(w, "  %-16s columns %s\n", "", HEX_OF(c->party[p].schema_hash));
    }
    if (!is_zero(c->previous.bytes))
        say(w, "  %-16s contract %s was about the same data\n", "before this one", HEX_OF(c->previous));
}

static void explain_law(struct wire_writer *w, const struct contract *c)
{
    say(w, "\nLegal basis, as its proposer states it\n");
    say(w, "  %-16s %s\n", "consents", is_zero(c->consent_root.bytes) ? "no batch is named" : HEX_OF(c->consent_root));
    say(w, "  %-16s %s\n", "assessment",
        is_zero(c->assessment_hash.bytes) ? "no impact assessment is named" : HEX_OF(c->assessment_hash));
    if (c->data_level)
        say(w, "  %-16s up to level %u of %d\n", "data", c->data_level, DATA_LEVEL_MAX);
    else
        say(w, "  %-16s its level is not stated\n", "data");
    say(w, "  %-16s %s\n", "authorisations", c->authorisations[0] ? c->authorisations : "none is named");
}

static void explain_audit(struct wire_writer *w, const struct contract *c)
{
    char when[CONTRACT_TIME_BYTES];

    say(w, "\nAudit\n");
    say(w, "  the signed log of every message stays at each party and can be verified without data\n");
    if (c->replay == REPLAY_OFF) {
        say(w, "  seeds are destroyed after the session: nobody can replay it, not even its own party\n");
        return;
    }
    contract_time_text(when, contract_destroy_after(c));
    if (c->auditor[0])
        say(w, "  seeds are kept sealed at each owner, for replay on its premises by %s alone,\n  who has the key %s\n", c->auditor,
            HEX_OF(c->auditor_key));
    else
        say(w, "  seeds are kept sealed at each owner, for replay on its premises by itself\n");
    say(w, "  they are to be destroyed after %s, %u days beyond the window\n", when, c->retention_days);
}

void contract_explain(struct wire_writer *w, const struct contract *c, party self, const char *const *own_columns)
{
    struct disclosure list[DISCLOSURES_MAX];
    size_t count = contract_disclosures(c, list);
    char from[CONTRACT_TIME_BYTES], until[CONTRACT_TIME_BYTES];

    say(w, "Job        %s\n", c->job);
    say(w, "Purpose    %s\n", c->purpose);
    contract_time_text(from, c->not_before);
    contract_time_text(until, c->not_after);
    say(w, "Window     from %s until %s\n", from, until);
    say(w, "Method     logistic regression on binned columns, %u passes, ridge %u.%06u\n", c->passes,
        c->ridge_micro / 1000000, c->ridge_micro % 1000000);
    if (c->sigmoid == SIGMOID_TABLE)
        say(w, "           exact sigmoid, from tables of %u entries for scores within +-%u of the base rate's, slope %u/1024\n",
            1u << c->table_bits, c->score_range, c->slope_1024);
    else
        say(w, "           linear sigmoid\n");
    if (c->optimiser == OPTIMISER_JACOBI)
        say(w, "           heavy ball with Jacobi's coefficients");
    else
        say(w, "           Nesterov, step %u/1024, momentum %u/1024", c->step_1024, c->momentum_1024);
    say(w, ", %u fraction bits, scores in steps of 1/%u\n", c->fraction_bits, 1u << c->score_bits);
    say(w, "Keys       Paillier %u bits, a fresh key per party and session\n", c->key_bits);
    if (c->test_rule == TEST_DRAWN)
        say(w, "Test rows  %u.%u %% of the common people, drawn by all parties together\n", c->test_permille / 10,
            c->test_permille % 10);
    else
        say(w, "Test rows  as listed by %s\n", c->party[contract_label_party(c)].name);
    say(w, "\nWho takes part\n");
    for (party p = 0; p < c->parties; p++)
        say(w, "  %-16s %9u people  %4u columns  %5u bins%s%s\n", c->party[p].name, c->party[p].rows,
            c->party[p].columns, contract_width(c, p), c->party[p].has_label ? "  label" : "",
            p == self ? "  (this node)" : "");
    if (self < c->parties && own_columns) {
        say(w, "\nColumns this node brings (peers see only their number)\n ");
        for (uint16_t i = 0; i < c->party[self].columns; i++)
            say(w, " %s(%u)", own_columns[i], c->party[self].bins[i]);
        say(w, "\n");
    }
    explain_commitments(w, c);
    explain_law(w, c);
    say(w, "\nWhat each party receives, and nothing else\n");
    for (size_t i = 0; i < count; i++)
        say(w, "  %-16s %s\n  %-16s   learns: %s\n", c->party[list[i].to].name, list[i].what, "", list[i].learns);
    say(w, "  %-16s %s\n", "the coordinator", "numbers of people (also when they are too few), progress, the agreed metrics");
    say(w, "\nWhat this rests on\n");
    say(w, "  parties that follow the protocol learn nothing else, even if all but one pool what they saw;\n");
    say(w, "  what masks hide statistically stays hidden up to a chance of 2^-40 in all\n");
    say(w, "  a party that deviates is detected, by its peers, an auditor or a replay; it is not prevented\n");
    say(w, "\nLimits\n");
    say(w, "  fewer than %u common people, %u positives or %u negatives: the job stops\n", c->min_rows,
        c->min_positives, c->min_positives);
    say(w, "  fewer than %u training rows for each bin of a party: the job stops\n", c->rows_per_bin);
    if (c->sigmoid == SIGMOID_TABLE)
        say(w, "  a training row with a score near or beyond +-%u in the last pass: the job stops\n", c->score_range);
    say(w, "  at most %u attempts, none after test rows were scored; everything else is forbidden\n", c->attempts_max);
    explain_audit(w, c);
}
