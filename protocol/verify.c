#include "protocol/verify_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void unproven(struct verify *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void unproven(struct verify *v, const char *fmt, ...)
{
    va_list ap;

    if (v->out->unproven_count == UNPROVEN_MAX)
        return;
    va_start(ap, fmt);
    vsnprintf(v->out->unproven[v->out->unproven_count++], sizeof v->out->unproven[0], fmt, ap);
    va_end(ap);
}

static void conclude(struct verify *v)
{
    struct verify_report *out = v->out;
    const struct contract *c = &out->contract;
    unsigned given = 0, stopped = 0;

    for (party p = 0; p < c->parties; p++) {
        given += out->party[p].given != 0;
        stopped += out->party[p].aborted != 0;
        out->records += out->party[p].records;
        out->checkpoints = out->party[p].checkpoints > out->checkpoints ? out->party[p].checkpoints : out->checkpoints;
    }
    verify_passed(v, VERIFY_RECORDS, "%llu records in %u %s are whole and canonical", (unsigned long long)out->records,
                  given, given == 1 ? "log" : "logs");
    verify_passed(v, VERIFY_SESSION, "every record names this session, this attempt and its writer");
    verify_passed(v, VERIFY_CHAIN, "every record holds the hash of the record before it");
    verify_passed(v, VERIFY_SIGNATURES,
                  "every record is covered by a signature of a session key that the parties approved: %llu were checked, "
                  "%llu messages stand alike in the signed logs of both sides", (unsigned long long)v->signatures,
                  (unsigned long long)v->matched);
    verify_passed(v, VERIFY_NUMBERS, "no gap and no repetition in any log or between any two parties");
    verify_passed(v, VERIFY_RECEIPTS,
                  "%llu received messages carry the record that their sender signed, and each sent one is followed by a "
                  "signed receipt", (unsigned long long)v->receipts);
    verify_passed(v, VERIFY_ORDER, "the heads that travel with messages go forward only: one common order exists");
    if (stopped)
        verify_passed(
            v, VERIFY_SCHEDULE,
            "messages, sizes and order are those of the contract up to where the session stopped; commitments came "
            "before nonces, nonces before ciphertexts");
    else
        verify_passed(v, VERIFY_SCHEDULE,
                      "messages, sizes and order are exactly those of the contract, nothing extra and nothing missing; "
                      "commitments "
                      "came before nonces, nonces before ciphertexts");
    verify_passed(v, VERIFY_CHECKPOINTS, "%llu joint checkpoints are signed by all %u parties and fit the logs",
                  (unsigned long long)out->checkpoints, c->parties);
    verify_passed(v, VERIFY_MATCH, "%llu messages are the same at sender and receiver", (unsigned long long)v->matched);
    if (v->partly_read)
        verify_unchecked(v, VERIFY_END, "a log cannot be read to its end");
    if (!stopped)
        verify_passed(v, VERIFY_END, "every log ends with the counts of what it holds");
    for (party p = 0; p < c->parties; p++)
        if (out->party[p].aborted)
            verify_passed(v, VERIFY_END, "the session stopped: %s ended it after record %llu (%s)%s%s",
                          verify_name_of(v, p), (unsigned long long)out->party[p].records - 1,
                          status_name(out->party[p].reason), out->party[p].blamed != p ? ", naming " : "",
                          out->party[p].blamed != p ? verify_name_of(v, out->party[p].blamed) : "");
    for (party p = 0; p < c->parties; p++)
        if (!out->party[p].given)
            unproven(v,
                     "the log of %s was not given: what it sent to the others is shown by its signatures in their "
                     "logs, what it "
                     "received and said to other absent parties is not shown",
                     verify_name_of(v, p));
    if (out->stage == STAGE_ONLINE && !v->options->offline)
        unproven(v, "the offline phase: this session stands on preparation %02x%02x%02x%02x%02x%02x%02x%02x, whose files were "
                 "not given", out->preparation.bytes[0], out->preparation.bytes[1], out->preparation.bytes[2],
                 out->preparation.bytes[3], out->preparation.bytes[4], out->preparation.bytes[5],
                 out->preparation.bytes[6], out->preparation.bytes[7]);
    if (out->stage == STAGE_OFFLINE)
        unproven(v, "whether anything was trained on this preparation, and that only once: the files of the online session");
    for (party p = 0; p < c->parties; p++)
        if (out->party[p].unshown_reason)
            unproven(v, "whether the message that %s refused was wrong: a replay at %s shows it", verify_name_of(v, p),
                     verify_name_of(v, p));
    if (stopped)
        unproven(v, "the session stopped: messages on their way at that moment may be missing at their receivers");
    unproven(
        v, "whether well-formed messages hold right values: hefu-audit replay shows it, at the premises of each party");
    unproven(v, "whether the data that the parties brought is true");
}

static void nothing_more(struct verify *v, const char *why)
{
    for (int i = 0; i < VERIFY_CHECKS; i++)
        verify_unchecked(v, (enum verify_check)i, why);
}

static status run(struct verify *v, const struct bundle *bundles, size_t count)
{
    v->out->ok = 1;
    verify_read_contract(v, bundles, count);
    if (!v->out->has_contract) {
        nothing_more(v, "the contract is not usable");
        return OK;
    }
    verify_take_files(v, bundles, count);
    verify_check_approvals(v, bundles, count);
    verify_check_certificates(v, bundles, count);
    if (!v->approved) {
        nothing_more(v, "without approvals no session key is known");
        return OK;
    }
    for (party p = 0; p < v->out->contract.parties; p++)
        if (v->log[p].bundle) {
            TRY(verify_read_log(v, &v->log[p]));
            TRY(verify_check_log(v, &v->log[p]));
        }
    verify_check_together(v);
    conclude(v);
    return OK;
}

status verify_bundles(struct verify_report *out, const struct bundle *bundles, size_t count,
                      const struct verify_options *options)
{
    struct verify *v;
    status done;

    memset(out, 0, sizeof *out);
    TRY(alloc_zeroed(&v, 1, sizeof *v));
    v->out = out;
    v->options = options;
    v->memo = options->memo ? options->memo : &v->own_memo;
    done = run(v, bundles, count);
    if (done == OK && v->no_memory)
        done = STATUS_NO_MEMORY;
    verify_memo_clear(&v->own_memo);
    for (party p = 0; p < PARTIES_MAX; p++)
        free(v->log[p].entry);
    free(v);
    return done;
}
