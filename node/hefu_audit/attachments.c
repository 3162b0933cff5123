#include "node/hefu_audit/attachments.h"

#include "node/local/deposit.h"
#include "node/local/timestamp.h"
#include "protocol/approver.h"
#include "protocol/build.h"
#include "protocol/destroyed.h"
#include "protocol/session.h"
#include "protocol/stamp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What the tokens of all files come to. */
struct dates {
    size_t starts, ends;
    int64_t start, end; /* the earliest of each: the most that is shown */
    char signer[TIMESTAMP_SIGNER_BYTES];
};

static void say(struct attachment_line *l, enum verdict v, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct attachment_line *l, enum verdict v, const char *fmt, ...)
{
    va_list ap;

    if (l->verdict == VERDICT_FAIL)
        return; /* the first failure stays */
    l->verdict = v;
    va_start(ap, fmt);
    vsnprintf(l->text, sizeof l->text, fmt, ap);
    va_end(ap);
}

static const char *owner(const struct verify_report *r, const struct bundle *b)
{
    return b->self < r->contract.parties ? r->contract.party[b->self].name : "nobody";
}

/* ---- timestamps ---- */

static const char *kind_name(enum attachment_kind kind)
{
    return kind == ATTACHMENT_TIMESTAMP_START ? "START" : "END";
}

/* [SPEC 7.6] */
static const char *outside_window(const struct timestamp *t, const struct stamps *s)
{
    if (t->at < (int64_t)s->not_before - TIMESTAMP_DRIFT_S)
        return "its time is before the contract's window";
    if (t->at > (int64_t)s->not_after + STAMP_DEADLINE_S)
        return "its time is more than a day after the contract's window";
    return NULL;
}

/* Its words are those of a failure; STATUS_UNTRUSTED. */
static status check_token(struct timestamp *out, const struct bundle *b, enum attachment_kind kind, const struct stamps *s,
                          const char *tsa_ca, struct fault *f)
{
    const struct bundle_part *a = &b->attachment[kind];
    const struct timestamp_wanted wanted = {.suite = s->suite,
                                            .digest = kind == ATTACHMENT_TIMESTAMP_START ? &s->start : &s->end};
    const char *wrong;

    if (kind == ATTACHMENT_TIMESTAMP_END && !s->joints)
        return fault_set(f, STATUS_UNTRUSTED, "the log has no joint checkpoint that it could be over");
    TRY(timestamp_read(out, a->bytes, a->len, f));
    wrong = timestamp_difference(out, &wanted);
    if (!wrong)
        wrong = outside_window(out, s);
    if (wrong)
        return fault_set(f, STATUS_UNTRUSTED, "%s", wrong);
    return tsa_ca ? timestamp_check(out, a->bytes, a->len, &wanted, &(struct timestamp_trust){.ca = tsa_ca}, f) : OK;
}

static void note_date(struct dates *d, enum attachment_kind kind, const struct timestamp *t)
{
    size_t *count = kind == ATTACHMENT_TIMESTAMP_START ? &d->starts : &d->ends;
    int64_t *first = kind == ATTACHMENT_TIMESTAMP_START ? &d->start : &d->end;

    if ((*count)++ == 0 || t->at < *first)
        *first = t->at;
    memcpy(d->signer, t->signer, sizeof d->signer);
}

/* The tokens of one file.  STATUS_CONFIG when the CA cannot be read. */
static status check_dates(struct attachment_line *l, struct dates *d, const struct verify_report *r, const struct bundle *b,
                          const struct stamps *s, const char *tsa_ca, struct fault *f)
{
    struct timestamp at[ATTACHMENT_KINDS] = {0};

    for (enum attachment_kind kind = ATTACHMENT_TIMESTAMP_START; kind <= ATTACHMENT_TIMESTAMP_END; kind++) {
        struct fault why = {0};
        status result;

        if (!b->attachment[kind].bytes)
            continue;
        result = check_token(&at[kind], b, kind, s, tsa_ca, &why);
        if (result != OK && result != STATUS_UNTRUSTED)
            return why.code ? fault_set(f, result, "%s", why.message) : result;
        if (result != OK)
            say(l, VERDICT_FAIL, "the %s timestamp of %s: %s", kind_name(kind), owner(r, b), why.message);
        else
            note_date(d, kind, &at[kind]);
    }
    if (b->attachment[ATTACHMENT_TIMESTAMP_START].bytes && b->attachment[ATTACHMENT_TIMESTAMP_END].bytes &&
        at[ATTACHMENT_TIMESTAMP_END].at < at[ATTACHMENT_TIMESTAMP_START].at)
        say(l, VERDICT_FAIL, "the END timestamp of %s is older than its START timestamp", owner(r, b));
    return OK;
}

static void conclude_dates(struct attachment_line *l, const struct dates *d, const char *tsa_ca)
{
    char start[TIMESTAMP_TEXT_BYTES] = "", end[TIMESTAMP_TEXT_BYTES] = "", shown[160];

    if (d->starts + d->ends == 0) {
        say(l, VERDICT_UNCHECKED, "not given");
        return;
    }
    timestamp_text(start, d->start);
    timestamp_text(end, d->end);
    snprintf(shown, sizeof shown, "%s%s%s%s%s", d->starts ? "agreed by " : "", d->starts ? start : "",
             d->starts && d->ends ? ", " : "", d->ends ? "over by " : "", d->ends ? end : "");
    if (tsa_ca)
        say(l, VERDICT_OK, "%s (%zu START, %zu END, of %s)", shown, d->starts, d->ends, d->signer);
    else
        say(l, VERDICT_UNCHECKED, "%s, if whoever signed the %zu START and %zu END tokens can be trusted: give --tsa-ca", shown,
            d->starts, d->ends);
}

/* ---- deposits ---- */

/* Returns 1 when there is one and it is of this session. */
static int check_deposit(struct attachment_line *l, const struct verify_report *r, const struct bundle *b,
                         const struct stamps *s)
{
    const struct bundle_part *a = &b->attachment[ATTACHMENT_DEPOSIT];
    char line[STAMP_LINE_BYTES];
    const size_t len = stamp_line(line, s);
    struct deposit d;

    if (!a->bytes)
        return 0;
    if (deposit_decode(&d, a->bytes, a->len) != OK)
        say(l, VERDICT_FAIL, "the deposit of %s is damaged", owner(r, b));
    else if (len == 0 || d.line.len != len || memcmp(d.line.bytes, line, len) != 0)
        say(l, VERDICT_FAIL, "what %s deposited is not what its log comes to", owner(r, b));
    else if (d.receipt.len == 0)
        say(l, VERDICT_FAIL, "the deposit of %s has no receipt", owner(r, b));
    else
        return 1;
    return 0;
}

static void conclude_deposits(struct attachment_line *l, size_t good)
{
    if (good)
        say(l, VERDICT_OK, "%zu of this session's ids, end and counts; the receipt%s for whoever issued %s to confirm", good,
            good == 1 ? " is" : "s are", good == 1 ? "it" : "them");
    else
        say(l, VERDICT_UNCHECKED, "not given");
}

/* ---- what each party says of itself ---- */

/* More words, of each party its own. */
static void more(struct attachment_line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void more(struct attachment_line *l, const char *fmt, ...)
{
    size_t len = strlen(l->text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(l->text + len, sizeof l->text - len, fmt, ap);
    va_end(ap);
}

/* The file of a party of this session; NULL when it was not given. */
static const struct bundle *file_of(const struct verify_report *r, const struct evidence *e, party p)
{
    struct hash session;

    for (size_t i = 0; i < e->count; i++)
        if (e->bundle[i].self == p && bundle_session(&session, &e->bundle[i]) == OK && hash_equal(&session, &r->session))
            return &e->bundle[i];
    return NULL;
}

/* ---- builds ---- */

/* What the parties state; of those without a word the file is there or not. */
struct stated {
    int given[PARTIES_MAX], here[PARTIES_MAX];
    struct build of[PARTIES_MAX];
};

static const char *read_build(struct stated *all, const struct verify_report *r, party p, const struct bundle_part *a)
{
    if (build_decode(&all->of[p], a->bytes, a->len) != OK)
        return "it is damaged";
    all->here[p] = 1;
    return build_wrong(&all->of[p], &r->contract, &r->contract_id, &r->session, p);
}

static int same_build(const struct build *a, const struct build *b)
{
    return hash_equal(&a->executable, &b->executable) && strcmp(a->version, b->version) == 0;
}

/* "bank, tax: 2f1c... (0.1.0)", each build once; then who states none. */
static void tell_builds(struct attachment_line *l, const struct stated *all, const struct contract *c)
{
    int told[PARTIES_MAX] = {0};
    char hex[2 * HASH_BYTES + 1];

    for (party p = 0; p < c->parties; p++) {
        if (told[p] || !all->here[p])
            continue;
        more(l, "%s%s", l->text[0] ? "; " : "", c->party[p].name);
        for (party q = (party)(p + 1); q < c->parties; q++)
            if (all->here[q] && same_build(&all->of[p], &all->of[q])) {
                more(l, ", %s", c->party[q].name);
                told[q] = 1;
            }
        hash_hex(&all->of[p].executable, hex);
        more(l, ": %s (%s)", hex, all->of[p].version);
    }
    for (party p = 0; p < c->parties; p++)
        if (!all->here[p])
            more(l, "%s%s: %s", l->text[0] ? "; " : "", c->party[p].name,
                 all->given[p] ? "not stated" : "its file, which would state it, was not given");
}

static void check_builds(struct attachment_line *l, const struct verify_report *r, const struct evidence *e,
                         const struct builds *allowed)
{
    const struct contract *c = &r->contract;
    struct stated all = {0};
    int open = 0;

    if (r->line[VERIFY_APPROVALS].verdict != VERDICT_OK) {
        say(l, VERDICT_UNCHECKED, "the approvals are not usable");
        return;
    }
    for (party p = 0; p < c->parties; p++) {
        const struct bundle *b = file_of(r, e, p);
        const struct bundle_part *a = b ? &b->attachment[ATTACHMENT_BUILD] : NULL;
        const char *wrong = a && a->bytes ? read_build(&all, r, p, a) : NULL;

        all.given[p] = b != NULL;
        open |= b == NULL;
        if (wrong)
            say(l, VERDICT_FAIL, "what %s states of its build: %s", c->party[p].name, wrong);
        else if (allowed && b && !all.here[p])
            say(l, VERDICT_FAIL, "%s states no build", c->party[p].name);
        else if (allowed && b && !builds_have(allowed, &all.of[p].executable))
            say(l, VERDICT_FAIL, "the build of %s is not on the list", c->party[p].name);
    }
    tell_builds(l, &all, c);
    if (!allowed)
        more(l, "; compared with nothing: give --builds");
    else if (l->verdict != VERDICT_FAIL && !open)
        l->verdict = VERDICT_OK;
}

/* ---- approvers ---- */

static const char *list_wrong(struct approvers *people, const struct verify_report *r, party p, const struct bundle_part *a)
{
    struct hash hash;

    approvers_hash(&hash, r->contract.suite, a->bytes, a->len);
    if (!hash_equal(&hash, &r->party[p].approvers))
        return "the list is not the one that its approval names";
    if (approvers_decode(people, a->bytes, a->len) != OK)
        return "the list is damaged";
    return approvers_wrong(people, &r->contract_id, r->attempt, r->contract.party[p].name);
}

/* Who signed for party p.  Returns 1 when that is shown. */
static int check_people(struct attachment_line *l, const struct verify_report *r, const struct bundle *b, party p)
{
    static const struct hash nobody;
    const char *name = r->contract.party[p].name, *wrong;
    struct approvers people;

    if (!b || !b->attachment[ATTACHMENT_APPROVERS].bytes) {
        const int none = hash_equal(&r->party[p].approvers, &nobody);

        more(l, "%s%s: %s", p ? "; " : "", name,
             none ? "one operator's policy, no personal signatures"
             : b  ? "people signed, but the list of them is not in its file"
                  : "people signed, the list of them is in its file, which was not given");
        return none;
    }
    wrong = list_wrong(&people, r, p, &b->attachment[ATTACHMENT_APPROVERS]);
    if (wrong) {
        say(l, VERDICT_FAIL, "who signed for %s: %s", name, wrong);
        return 0;
    }
    more(l, "%s%s: %u signed (", p ? "; " : "", name, people.count);
    for (uint16_t i = 0; i < people.count; i++)
        more(l, "%s%s", i ? ", " : "", people.of[i].name);
    more(l, ")");
    return 1;
}

static void check_approvers(struct attachment_line *l, const struct verify_report *r, const struct evidence *e)
{
    int shown = 1;

    if (r->line[VERIFY_APPROVALS].verdict != VERDICT_OK) {
        say(l, VERDICT_UNCHECKED, "the approvals are not usable");
        return;
    }
    for (party p = 0; p < r->contract.parties && l->verdict != VERDICT_FAIL; p++)
        shown &= check_people(l, r, file_of(r, e, p), p);
    if (shown)
        l->verdict = VERDICT_OK;
}

/* ---- destruction ---- */

/* The statements of all files. */
struct statements {
    size_t count;
    uint64_t last; /* the latest time */
};

static void check_destroyed(struct attachment_line *l, struct statements *all, const struct verify_report *r,
                            const struct bundle *b, const struct stamps *s)
{
    const struct bundle_part *a = &b->attachment[ATTACHMENT_DESTROYED];
    struct destroyed d;
    const char *wrong;

    if (!a->bytes)
        return;
    if (destroyed_decode(&d, a->bytes, a->len) != OK) {
        say(l, VERDICT_FAIL, "what %s says of destroying its secrets is damaged", owner(r, b));
        return;
    }
    wrong = destroyed_wrong(&d, &r->contract, &s->contract, &s->session, b->self);
    if (wrong) {
        say(l, VERDICT_FAIL, "what %s says of destroying its secrets: %s", owner(r, b), wrong);
        return;
    }
    all->count++;
    if (d.when > all->last)
        all->last = d.when;
}

static void conclude_destroyed(struct attachment_line *l, const struct statements *all, const struct verify_report *r)
{
    char when[CONTRACT_TIME_BYTES];
    uint64_t due;

    if (all->count) {
        contract_time_text(when, all->last);
        say(l, VERDICT_OK, "%zu signed that seed and bodies are gone, the last on %s, not before the contract allows", all->count,
            when);
        return;
    }
    due = r->has_contract ? contract_destroy_after(&r->contract) : 0;
    if (due)
        contract_time_text(when, due);
    say(l, VERDICT_UNCHECKED, "not given%s%s", due ? "; seeds are kept until " : "", due ? when : "");
}

/* ---- all ---- */

/* Whether the file belongs to the session and brings anything along. */
static int has_any(const struct verify_report *r, const struct bundle *b)
{
    int any = 0;

    for (int kind = ATTACHMENT_TIMESTAMP_START; kind <= ATTACHMENT_DEPOSIT; kind++)
        any |= b->attachment[kind].bytes != NULL;
    any |= b->attachment[ATTACHMENT_DESTROYED].bytes != NULL;
    return any && (bundle_stage(b) == STAGE_OFFLINE) == (r->stage == STAGE_OFFLINE);
}

status attachments_check(struct attachments *out, struct verify_report *r, const struct evidence *e,
                         const struct audit_trust *trust, struct fault *f)
{
    struct dates dates = {0};
    struct statements destroyed = {0};
    size_t deposits = 0;

    *out = (struct attachments){.line = {[ATTACHED_TIMESTAMPS] = {.name = "timestamps"},
                                         [ATTACHED_DEPOSITS] = {.name = "deposits"},
                                         [ATTACHED_BUILDS] = {.name = "builds"},
                                         [ATTACHED_APPROVERS] = {.name = "approvers"},
                                         [ATTACHED_DESTRUCTION] = {.name = "destruction"}}};
    for (size_t i = 0; i < e->count; i++) {
        const struct bundle *b = &e->bundle[i];
        struct fault why = {0};
        struct stamps s;

        if (!has_any(r, b))
            continue;
        if (stamps_of_bundle(&s, b, &why) != OK) {
            static const int dated[] = {ATTACHED_TIMESTAMPS, ATTACHED_DEPOSITS, ATTACHED_DESTRUCTION};

            for (size_t l = 0; l < sizeof dated / sizeof dated[0]; l++)
                say(&out->line[dated[l]], VERDICT_FAIL, "%s: %s", e->path[i], why.message);
            continue;
        }
        TRY(check_dates(&out->line[ATTACHED_TIMESTAMPS], &dates, r, b, &s, trust->tsa_ca, f));
        deposits += (size_t)check_deposit(&out->line[ATTACHED_DEPOSITS], r, b, &s);
        check_destroyed(&out->line[ATTACHED_DESTRUCTION], &destroyed, r, b, &s);
    }
    conclude_dates(&out->line[ATTACHED_TIMESTAMPS], &dates, trust->tsa_ca);
    conclude_deposits(&out->line[ATTACHED_DEPOSITS], deposits);
    check_builds(&out->line[ATTACHED_BUILDS], r, e, trust->builds);
    check_approvers(&out->line[ATTACHED_APPROVERS], r, e);
    conclude_destroyed(&out->line[ATTACHED_DESTRUCTION], &destroyed, r);
    for (int l = 0; l < ATTACHMENT_LINES; l++)
        r->ok &= out->line[l].verdict != VERDICT_FAIL;
    return OK;
}

const char *attachment_words(char out[128], const struct bundle *b, enum attachment_kind kind)
{
    const struct bundle_part *a = &b->attachment[kind];
    char when[TIMESTAMP_TEXT_BYTES] = "no time that can be read";
    struct timestamp t;

    if (!a->bytes)
        return NULL;
    if (kind == ATTACHMENT_DEPOSIT) {
        snprintf(out, 128, "receipt of a deposit, %zu bytes", a->len);
        return out;
    }
    if (kind != ATTACHMENT_TIMESTAMP_START && kind != ATTACHMENT_TIMESTAMP_END)
        return NULL; /* not from outside */
    if (timestamp_read(&t, a->bytes, a->len, NULL) == OK)
        timestamp_text(when, t.at);
    snprintf(out, 128, "%s timestamp of %s", kind_name(kind), when);
    return out;
}
