/* A contract in plain words, for the people who decide on it. */
#include "protocol/contract.h"

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

size_t contract_disclosures(const struct contract *c, struct disclosure out[DISCLOSURES_MAX])
{
    size_t count = 0;
    party label = contract_label_party(c);

    for (party p = 0; p < c->parties; p++) {
        struct disclosure *d;

        d = &out[count++];
        d->to = p;
        snprintf(d->what, sizeof d->what, "sizes: rows, columns and bins of every party");
        snprintf(d->learns, sizeof d->learns, "how large each party's table is; no value, no column name");
        d = &out[count++];
        d->to = p;
        snprintf(d->what, sizeof d->what, "the intersection: which of its own people are known to all %u parties",
                 c->parties);
        snprintf(d->learns, sizeof d->learns, "that these people are customers of all parties; %s how many people lie in "
                 "each overlap of the sets, never which",
                 p == c->parties - 1 ? "as the comparer, also" : "together with another party, also");
        d = &out[count++];
        d->to = p;
        snprintf(d->what, sizeof d->what, "which of these people are training and which are test rows");
        snprintf(d->learns, sizeof d->learns, "%s", c->test_rule == TEST_DRAWN
                     ? "nothing: the rows are drawn at random by all parties"
                     : "what the label party's list says");
        if (c->sigmoid == SIGMOID_TABLE) {
            d = &out[count++];
            d->to = p;
            snprintf(d->what, sizeof d->what, "in the last pass: how many training rows have a score near or beyond +-%u",
                     c->score_range);
            snprintf(d->learns, sizeof d->learns, "that it is none; otherwise their number, and the job stops");
        }
        d = &out[count++];
        d->to = p;
        snprintf(d->what, sizeof d->what, "its own weights: one number for each bin of its own columns");
        snprintf(d->learns, sizeof d->learns, "how its own bins relate to the label in the joint model: an average over "
                 "at least %u training rows for each bin it brings", c->rows_per_bin);
        if (p == label) {
            d = &out[count++];
            d->to = p;
            snprintf(d->what, sizeof d->what, "per test row: the sum of the other parties' partial scores, in steps of 1/%u",
                     1u << c->score_bits);
            snprintf(d->learns, sizeof d->learns, c->parties == 2
                         ? "with two parties this sum is the partner's partial score: equal scores suggest equal bins"
                         : "a total only, unless all but one of the parties pool what they saw");
        } else {
            d = &out[count++];
            d->to = p;
            snprintf(d->what, sizeof d->what, "the agreed metrics: AUC, KS and log-loss of the joint model and of the label party's own, positives in the test rows");
            snprintf(d->learns, sizeof d->learns, "how well the model separates; nothing about a person");
        }
    }
    return count;
}

void contract_explain(struct wire_writer *w, const struct contract *c, party self, const char *const *own_columns)
{
    struct disclosure list[DISCLOSURES_MAX];
    size_t count = contract_disclosures(c, list);

    say(w, "Job        %s\n", c->job);
    say(w, "Purpose    %s\n", c->purpose);
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
    say(w, "\nWhat each party receives\n");
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
    say(w, "  seeds are %s\n", c->retention ? "kept sealed at each owner, for replay" : "destroyed after the session");
}
