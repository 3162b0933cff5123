#include "node/hefu/job_view.h"

#include "node/net/control.h"
#include "protocol/messages.h"

#include <signal.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 200, SETTLE_POLLS = 25 };
static const double SILENT_SECONDS = 60;

static volatile sig_atomic_t interrupts;

static void on_interrupt(int number)
{
    (void)number;
    interrupts = 1;
}

void interrupts_catch(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int interrupted(void)
{
    return interrupts;
}

void job_view_pause(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    if (!interrupts)
        nanosleep(&t, NULL);
}

const char *job_view_name(const struct job_view *v, uint32_t i)
{
    return v->audience->name[v->node[i]];
}

const char *job_view_state(const struct job_view *v, uint32_t i)
{
    return json_text(v->state[i], "state");
}

int job_view_all(const struct job_view *v, const char *state)
{
    for (uint32_t i = 0; i < v->count; i++)
        if (strcmp(job_view_state(v, i), state) != 0)
            return 0;
    return 1;
}

int job_view_any(const struct job_view *v, const char *state)
{
    for (uint32_t i = 0; i < v->count; i++)
        if (strcmp(job_view_state(v, i), state) == 0)
            return 1;
    return 0;
}

static json_t *job_request(const char *id)
{
    return json_pack("{s:s,s:s}", "op", "job", "job", id);
}

status job_view_open(struct job_view *v, struct audience *a, const char *id, struct bar *bar, struct fault *f)
{
    struct fault last = {0};

    *v = (struct job_view){.audience = a, .bar = bar};
    if (strlen(id) != JOB_ID_BYTES - 1 || strspn(id, "0123456789abcdef") != JOB_ID_BYTES - 1) {
        fault_set(f, STATUS_USAGE, "\"%s\" is not a job id", id);
        fault_hint(f, "a job id has 16 hexadecimal digits; hefu jobs lists them");
        return STATUS_USAGE;
    }
    memcpy(v->id, id, JOB_ID_BYTES);
    for (uint32_t n = 0; n < a->count && v->count < PARTIES_MAX; n++) {
        json_t *answer = NULL;
        struct fault one = {0};

        if (audience_ask(a, n, job_request(id), &answer, &one) == OK) {
            v->node[v->count] = n;
            v->state[v->count++] = answer;
        } else if (!last.code) {
            last = one;
        }
    }
    if (!v->count && last.code) {
        if (f)
            *f = last;
        return last.code;
    }
    return OK;
}

void job_view_clear(struct job_view *v)
{
    for (uint32_t i = 0; i < v->count; i++)
        json_decref(v->state[i]);
    *v = (struct job_view){0};
}

/* Nobody was there (yet): ask again later.  Anything else is an answer. */
static int is_silence(status code)
{
    return code == STATUS_IO || code == STATUS_TIMEOUT || code == STATUS_CLOSED;
}

status job_view_poll(struct job_view *v, struct fault *f)
{
    for (uint32_t i = 0; i < v->count; i++) {
        json_t *answer = NULL;
        struct fault one = {0};
        status code = audience_ask(v->audience, v->node[i], job_request(v->id), &answer, &one);

        if (code == OK) {
            json_decref(v->state[i]);
            v->state[i] = answer;
            v->silent[i] = 0;
            continue;
        }
        if (is_silence(code) && v->silent[i] == 0 && v->state[i])
            v->silent[i] = bar_clock();
        if (is_silence(code) && v->state[i] && bar_clock() - v->silent[i] < SILENT_SECONDS)
            continue;
        if (f && !f->code)
            *f = one;
        return code;
    }
    return OK;
}

/* A preparation is an end too: what follows is started by somebody. */
static int ended(const char *state)
{
    return !strcmp(state, "done") || !strcmp(state, "prepared") || !strcmp(state, "failed") || !strcmp(state, "refused") || !strcmp(state, "cancelled");
}

static int ended_badly(const char *state)
{
    return ended(state) && strcmp(state, "done") != 0 && strcmp(state, "prepared") != 0;
}

/* The order in which phases come; a phase that the table does not know comes before all. */
static int phase_rank(const char *name)
{
    for (int p = 1; p < PHASES; p++)
        if (strcmp(phase_name((enum phase)p), name) == 0)
            return p;
    return 0;
}

/* Phase, then pass: -1, 0 or 1. */
static int compare_places(const json_t *a, const json_t *b)
{
    int phases = phase_rank(json_text(a, "phase")) - phase_rank(json_text(b, "phase"));
    uint64_t pass_a = json_count(a, "pass"), pass_b = json_count(b, "pass");

    return phases ? phases : (pass_a > pass_b) - (pass_a < pass_b);
}

/* Where those are who are furthest behind: that is what all wait for.  How far it is done is counted over all parties,
 * because they work by turns, one waiting for what another computes; who is beyond that place has done its part. */
static void show(struct job_view *v)
{
    const json_t *behind = NULL;
    uint64_t bytes = 0, done = 0, total = 0, known = 0, beyond = 0;

    for (uint32_t i = 0; i < v->count; i++) {
        bytes += json_count(v->state[i], "bytes_sent");
        if (strcmp(job_view_state(v, i), "running") == 0 && (!behind || compare_places(v->state[i], behind) < 0))
            behind = v->state[i];
    }
    if (!behind || !json_text(behind, "phase")[0])
        return;
    for (uint32_t i = 0; i < v->count; i++) {
        if (strcmp(job_view_state(v, i), "running") != 0 || compare_places(v->state[i], behind) > 0) {
            beyond++;
        } else if (json_count(v->state[i], "total")) {
            known++;
            done += json_count(v->state[i], "done");
            total += json_count(v->state[i], "total");
        }
    }
    if (known) { /* the others have as much to do as these on average */
        done += beyond * (total / known);
        total += (v->count - known) * (total / known);
    }
    bar_show(v->bar,
             &(struct bar_state){.stage = json_text(behind, "stage"),
                                 .phase = json_text(behind, "phase"),
                                 .pass = (uint32_t)json_count(behind, "pass"),
                                 .passes = (uint32_t)json_count(behind, "passes"),
                                 .done = done,
                                 .total = total,
                                 .bytes = bytes},
             bar_clock());
}

/* A failure that only says that another party stopped is an effect; 0 = a cause. */
static int is_effect(const json_t *state)
{
    const json_t *error = json_object_get(state, "error");
    const char *code = json_text(error, "code");

    return strstr(json_text(error, "message"), " stopped: ") != NULL || strcmp(code, status_name(STATUS_CLOSED)) == 0;
}

/* How good a node's word is as the reason why the job did not end well; 0 = it has none. */
static int reason_rank(const json_t *state)
{
    const char *name = json_text(state, "state");

    if (!ended_badly(name))
        return 0;
    if (strcmp(name, "refused") == 0)
        return 4;
    if (strcmp(name, "failed") == 0)
        return is_effect(state) ? 1 : 3;
    return 2;
}

status job_view_verdict(const struct job_view *v, struct fault *f)
{
    struct fault theirs = {0};
    const char *name, *reason;
    uint32_t best = 0;

    for (uint32_t i = 1; i < v->count; i++)
        if (reason_rank(v->state[i]) > reason_rank(v->state[best]))
            best = i;
    if (!v->count || !reason_rank(v->state[best]))
        return OK;

    if (job_view_any(v, "prepared")) /* those who are cannot go back to another attempt */
        fault_hint(f, "the others have prepared it and can do no more with it: hefu job cancel %s%s ends it, then propose it again",
                   v->id, v->audience->option);
    name = job_view_name(v, best);
    reason = json_text(v->state[best], "reason");
    if (strcmp(job_view_state(v, best), "refused") == 0) {
        fault_set(f, STATUS_REFUSED, "%s refused the job%s%s", name, reason[0] ? ": " : "", reason);
        fault_hint(f, "settle it with the operator of %s, or change the job file, and propose again", name);
        return STATUS_REFUSED;
    }
    if (strcmp(job_view_state(v, best), "cancelled") == 0) {
        fault_set(f, STATUS_CANCELLED, "the job was cancelled at %s%s%s", name, reason[0] ? ": " : "", reason);
        fault_hint(f, "hefu train proposes it again");
        return STATUS_CANCELLED;
    }
    control_fault_read(&theirs, json_object_get(v->state[best], "error"));
    if (theirs.code == OK) {
        theirs.code = STATUS_IO;
        snprintf(theirs.message, sizeof theirs.message, "the job failed%s%s", reason[0] ? ": " : "", reason);
    }
    fault_set(f, theirs.code, "%s: %s", name, theirs.message);
    if (theirs.hint[0])
        fault_hint(f, "%s", theirs.hint);
    return theirs.code;
}

static int all_ended(const struct job_view *v)
{
    for (uint32_t i = 0; i < v->count; i++)
        if (!ended(job_view_state(v, i)))
            return 0;
    return 1;
}

static int any_ended_badly(const struct job_view *v)
{
    for (uint32_t i = 0; i < v->count; i++)
        if (ended_badly(job_view_state(v, i)))
            return 1;
    return 0;
}

status job_view_watch(struct job_view *v, struct fault *f)
{
    unsigned settling = 0;
    status code;

    for (;;) {
        if (interrupted()) {
            bar_end(v->bar, 0, bar_clock());
            return fault_set(f, STATUS_CANCELLED, "stopped watching");
        }
        code = job_view_poll(v, f);
        if (code != OK) {
            bar_end(v->bar, 0, bar_clock());
            return code;
        }
        show(v);
        if (all_ended(v))
            break;
        /* One has stopped; the others will in a moment, and one of them may know the cause better. */
        if (any_ended_badly(v) && ++settling > SETTLE_POLLS)
            break;
        job_view_pause(POLL_MS);
    }
    code = job_view_verdict(v, f);
    bar_end(v->bar, code == OK, bar_clock());
    return code;
}
