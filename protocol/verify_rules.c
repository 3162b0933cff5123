#include "protocol/verify_rules.h"

#include "protocol/messages.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the catalogue ---- */

static const char *const sentences[RULES] = {
    [1] = "The contract is whole, the same in every file, and the one that was signed",
    [RULE_SIGNED] = "All signatures are good; their keys were certified and not revoked",
    [RULE_WINDOW] = "The session ran within the contract's window and stands on the work that it names",
    [RULE_KEYS] = "Every encryption key is as long as agreed, proven sound, and bound to this session",
    [5] = "Every record can be read, in its one canonical form",
    [6] = "Every record holds the hash of the one before: none was changed, taken out or put in",
    [7] = "The roots that were signed are those of the logs",
    [8] = "Every joint checkpoint contains all that the earlier ones did",
    [9] = "What was sent is what was received, and every receipt is signed",
    [10] = "No number is missing or used twice; every record is of this session and attempt",
    [11] = "There is one common order of all that was said",
    [12] = "Exactly the messages that the contract implies were sent, none extra and none missing",
    [13] = "Every message is as long as the contract implies",
    [14] = "All parties signed the same joint checkpoint after every pass",
    [15] = "Seeds and data were committed to before any nonce, nonces before any ciphertext, alike for all",
    [RULE_OUTPUTS] = "Nothing was opened but the agreed outputs, to the agreed receivers",
    [RULE_LIMITS] = "The numbers of people are within the contract's limits",
    [RULE_SETS] = "Every set had its agreed size, and enough people are common to all",
    [RULE_REUSE] = "No data stand under more contracts than their owner allows",
    [RULE_GRADIENTS] = "Openings of gradients are within their limit",
    [RULE_ATTEMPTS] = "Attempts are within their limit, and a stop has a code of the fixed list",
    [RULE_TIMESTAMPS] = "Outside authorities put a date on the agreement and on the end",
    [RULE_DEPOSITS] = "The end was deposited with a third party",
    [RULE_VERSION] = "The programs that ran are builds that the auditor allows",
    [RULE_PERSONS] = "People signed for every party whose policy asks for them, each with a key of their own",
    [RULE_DESTROYED] = "Seeds were destroyed when that was due, and not before",
    [RULE_UNUSUAL] = "Anything unusual in delay and order (told, never a failure)",
    [RULE_REPEATS] = "No session, seed, joint value or encryption key was used twice",
};

/* Which checks a rule rests on.  A check that fails in one of the fields, or at a record of one of the phases, breaks the
 * rule; when it fails elsewhere the rule is left open.  "none": it fails at no record. */
static const struct basis {
    int rule;
    enum verify_check check;
    const char *fields; /* NULL: any */
    unsigned phases;    /* bits; 0: any */
    int said;           /* its words are the rule's */
} bases[] = {
    {1, VERIFY_CONTRACT, NULL, 0, 1},
    {RULE_SIGNED, VERIFY_APPROVALS, NULL, 0, 0},
    {RULE_SIGNED, VERIFY_CERTIFICATES, NULL, 0, 0},
    {RULE_SIGNED, VERIFY_SIGNATURES, NULL, 0, 1},
    {RULE_WINDOW, VERIFY_LINK, NULL, 0, 0},
    {RULE_KEYS, VERIFY_KEYS, NULL, 0, 1},
    {5, VERIFY_RECORDS, NULL, 0, 1},
    {6, VERIFY_CHAIN, NULL, 0, 0},
    {7, VERIFY_CHECKPOINTS, "size root body_tag", 0, 0},
    {8, VERIFY_CHECKPOINTS, "size root", 0, 0},
    {9, VERIFY_RECEIPTS, NULL, 0, 0},
    {9, VERIFY_MATCH, NULL, 0, 1},
    {10, VERIFY_SESSION, NULL, 0, 0},
    {10, VERIFY_NUMBERS, NULL, 0, 0},
    {11, VERIFY_ORDER, NULL, 0, 0},
    {12, VERIFY_SCHEDULE, NULL, 0, 0},
    {12, VERIFY_END, NULL, 0, 1},
    {13, VERIFY_SCHEDULE, "body_len", 0, 0},
    {14, VERIFY_CHECKPOINTS, "none pass cosignature joint", 0, 1},
    {15, VERIFY_SCHEDULE, NULL, 1u << PHASE_HANDSHAKE, 0},
    {15, VERIFY_FACTS, "body_tag", 0, 0},
    {RULE_OUTPUTS, VERIFY_SCHEDULE, NULL, 1u << PHASE_REVEAL | 1u << PHASE_EVALUATE, 0},
    {RULE_LIMITS, VERIFY_FACTS, "none a", 0, 1},
    {RULE_SETS, VERIFY_SCHEDULE, NULL, 1u << PHASE_ALIGN, 0},
    {RULE_SETS, VERIFY_FACTS, "none a", 0, 0},
    {RULE_ATTEMPTS, VERIFY_END, "", 0, 0},
};

enum { FIRST_OF_LOGS = 5, LAST_OF_LOGS = 16 }; /* rules that are as good as the logs are many */

const char *rule_sentence(int rule)
{
    return sentences[rule];
}

const char *rule_verdict_name(enum rule_verdict v)
{
    switch (v) {
    case RULE_OK:
        return "OK";
    case RULE_FAIL:
        return "FAIL";
    case RULE_NOT_APPLICABLE:
        return "not applicable";
    case RULE_UNCHECKED:
        break;
    }
    return "not checked";
}

/* ---- writing ---- */

/* More words behind those that are there. */
static void add(struct rule_line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct rule_line *l, const char *fmt, ...)
{
    size_t len = strlen(l->text);
    va_list ap;

    if (len)
        len += (size_t)snprintf(l->text + len, sizeof l->text - len, "; ");
    if (len >= sizeof l->text)
        return;
    va_start(ap, fmt);
    vsnprintf(l->text + len, sizeof l->text - len, fmt, ap);
    va_end(ap);
}

/* Failing stays; what is open is not made good by what holds. */
static void lower(struct rule_line *l, enum rule_verdict v)
{
    if (l->verdict != RULE_FAIL && (v == RULE_FAIL || v == RULE_UNCHECKED))
        l->verdict = v;
}

static int names(const char *list, const char *field)
{
    const size_t len = strlen(field);

    for (const char *at = list; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strncmp(at, field, len) == 0 && (at[len] == ' ' || at[len] == '\0'))
            return 1;
    return 0;
}

static int breaks(const struct basis *b, const struct verify_line *line)
{
    return (!b->fields || names(b->fields, line->field ? line->field : "none")) &&
           (!b->phases || b->phases >> line->phase & 1);
}

static void rest_on(struct rule_line *l, const struct basis *b, const struct verify_line *line)
{
    static const char open[] = "not checked: ";

    switch (line->verdict) {
    case VERDICT_OK:
        if (b->said && l->verdict == RULE_OK)
            add(l, "%s", line->text);
        break;
    case VERDICT_UNCHECKED:
        lower(l, RULE_UNCHECKED);
        add(l, "%s", line->text + (strncmp(line->text, open, sizeof open - 1) == 0 ? sizeof open - 1 : 0));
        break;
    case VERDICT_FAIL:
        if (!breaks(b, line)) {
            lower(l, RULE_UNCHECKED);
            add(l, "the check of the %s fails elsewhere", verify_check_name(b->check));
        } else if (l->verdict != RULE_FAIL) {
            l->verdict = RULE_FAIL;
            snprintf(l->text, sizeof l->text, "%s", line->text);
        }
        break;
    }
}

/* What outsiders and their programs say; without a finding, why. */
static void stand_beside(struct rule_line *l, const struct rule_beside *b, const char *otherwise)
{
    const char *text = b->text ? b->text : otherwise;

    l->verdict = !b->text || b->verdict == VERDICT_UNCHECKED ? RULE_UNCHECKED : b->verdict == VERDICT_OK ? RULE_OK : RULE_FAIL;
    snprintf(l->text, sizeof l->text, "%s", text);
}

/* ---- rules that are more than their checks ---- */

static const char *short_hash(char out[2 * HASH_BYTES + 1], const struct hash *h)
{
    hash_hex(h, out);
    out[16] = '\0';
    return out;
}

static int is_zero(const struct hash *h)
{
    static const struct hash zero = {{0}};

    return hash_equal(h, &zero);
}

/* The contract before that of r, if its session is given. */
static const struct verify_report *report_before(const struct verify_report *r, struct rule_sessions all)
{
    for (size_t i = 0; i < all.count; i++)
        if (all.of[i]->has_contract && hash_equal(&all.of[i]->contract_id, &r->contract.previous))
            return all.of[i];
    return NULL;
}

/* Rules on audits limit how often one auditor follows itself. */
static void add_auditor(struct rule_line *l, const struct verify_report *r, struct rule_sessions all)
{
    const struct verify_report *before = r;
    unsigned running = 0;

    if (!r->contract.auditor[0])
        return;
    while (before && strcmp(before->contract.auditor, r->contract.auditor) == 0 && running <= all.count) {
        running++;
        before = report_before(before, all);
    }
    if (running > 1)
        add(l, "%s is the auditor of %u contracts running", r->contract.auditor, running);
}

static void add_previous(struct rule_line *l, const struct verify_report *r, struct rule_sessions all)
{
    const struct hash *previous = &r->contract.previous;
    char hex[2 * HASH_BYTES + 1];

    if (is_zero(previous))
        add(l, "no contract before it is named");
    else
        add(l, "the contract before it, %s, %s", short_hash(hex, previous),
            report_before(r, all) ? "is among the files" : "was not given");
    add_auditor(l, r, all);
}

static void window(struct rule_line *l, const struct verify_report *r, const struct rule_beside *dates, struct rule_sessions all)
{
    char from[CONTRACT_TIME_BYTES], to[CONTRACT_TIME_BYTES];

    contract_time_text(from, r->contract.not_before);
    contract_time_text(to, r->contract.not_after);
    if (l->verdict == RULE_FAIL)
        return;
    if (r->stage != STAGE_WHOLE && r->line[VERIFY_LINK].verdict == VERDICT_OK)
        add(l, "%s", r->line[VERIFY_LINK].text);
    if (dates->text && dates->verdict == VERDICT_OK) {
        add(l, "the timestamps agree with the window, %s to %s", from, to);
    } else {
        l->verdict = RULE_UNCHECKED;
        add(l, "records hold no clock, only timestamps show when; the window is %s to %s", from, to);
    }
    add_previous(l, r, all);
}

static void outputs(struct rule_line *l, const struct verify_report *r)
{
    int stopped = 0;

    for (party p = 0; p < r->contract.parties; p++)
        stopped |= r->party[p].aborted;
    if (l->verdict != RULE_OK)
        return;
    if (stopped)
        add(l, "the session stopped, and opened nothing else until then");
    else if (r->stage == STAGE_OFFLINE)
        add(l, "an offline session opens nothing but which people are common to all");
    else
        add(l, "weights to their owners, scores of test rows to %s, metrics to all; no other opening is in any log",
            r->contract.party[contract_label_party(&r->contract)].name);
}

static void sets(struct rule_line *l, const struct verify_report *r)
{
    const struct contract *c = &r->contract;

    if (l->verdict != RULE_OK)
        return;
    add(l, "%u common to all, at least %u were agreed, of", r->population.rows, c->min_rows);
    for (party p = 0; p < c->parties; p++) {
        const size_t len = strlen(l->text);

        snprintf(l->text + len, sizeof l->text - len, "%s %u (%s)", p ? "," : "", c->party[p].rows, c->party[p].name);
    }
}

static void limits(struct rule_line *l, const struct verify_report *r)
{
    if (l->verdict == RULE_OK)
        add(l, "whether %u positives and negatives were among them only replay shows", r->contract.min_positives);
}

/* The same attempt and stage of a contract in another session. */
static const struct verify_report *twin(const struct verify_report *r, struct rule_sessions all)
{
    for (size_t i = 0; i < all.count; i++) {
        const struct verify_report *o = all.of[i];

        if (o != r && o->has_contract && hash_equal(&o->contract_id, &r->contract_id) && o->attempt == r->attempt &&
            o->stage == r->stage && !is_zero(&o->session) && !hash_equal(&o->session, &r->session))
            return o;
    }
    return NULL;
}

static void attempts(struct rule_line *l, const struct verify_report *r, struct rule_sessions all)
{
    const struct verify_report *other = twin(r, all);
    char hex[2 * HASH_BYTES + 1];

    if (is_zero(&r->session)) {
        l->verdict = RULE_UNCHECKED;
        add(l, "the approvals are not usable");
        return;
    }
    if (other) {
        l->verdict = RULE_FAIL;
        l->text[0] = '\0';
    }
    add(l, "attempt %u of at most %u", r->attempt + 1, r->contract.attempts_max);
    if (other)
        add(l, "session %s is the same attempt", short_hash(hex, &other->session));
    for (party p = 0; p < r->contract.parties; p++)
        if (r->party[p].aborted)
            add(l, "%s stopped with code %u (%s)", r->contract.party[p].name, (unsigned)r->party[p].reason,
                status_name(r->party[p].reason));
}

/* contract_check knows no other version. */
static void version(struct rule_line *l, const struct verify_report *r, const struct rule_beside *builds)
{
    stand_beside(l, builds, "not stated");
    add(l, "they speak version %u of the protocol", r->contract.protocol);
}

static void unusual(struct rule_line *l, const struct verify_report *r)
{
    const struct verify_wait *w = &r->wait;

    l->verdict = RULE_OK;
    if (w->messages)
        add(l, "at most %llu %s on the way without a receipt, from %s to %s, at record %llu; records hold no clock",
            (unsigned long long)w->messages, w->messages == 1 ? "message was" : "messages were", r->contract.party[w->from].name,
            r->contract.party[w->to].name, (unsigned long long)w->seq);
    else
        add(l, "no message was sent");
}

/* Rules about logs say how many there were. */
static void add_missing(struct rule_line *l, const struct verify_report *r)
{
    unsigned given = 0;

    for (party p = 0; p < r->contract.parties; p++)
        given += r->party[p].given != 0;
    if (l->verdict == RULE_OK && given < r->contract.parties)
        add(l, "as %u of %u logs show", given, r->contract.parties);
}

void rules_of_session(struct rule_line line[RULES], const struct verify_report *r, const struct rule_beside beside[RULES],
                      struct rule_sessions all)
{
    memset(line, 0, RULES * sizeof *line);
    for (int i = 1; i < RULES; i++)
        line[i].verdict = RULE_OK;
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++)
        rest_on(&line[bases[i].rule], &bases[i], &r->line[bases[i].check]);
    stand_beside(&line[RULE_TIMESTAMPS], &beside[RULE_TIMESTAMPS], "not given");
    stand_beside(&line[RULE_DEPOSITS], &beside[RULE_DEPOSITS], "not given");
    stand_beside(&line[RULE_PERSONS], &beside[RULE_PERSONS], "not given");
    stand_beside(&line[RULE_DESTROYED], &beside[RULE_DESTROYED], "not given");
    line[RULE_GRADIENTS].verdict = RULE_NOT_APPLICABLE;
    add(&line[RULE_GRADIENTS], "no gradient is opened");
    line[RULE_REUSE].verdict = line[RULE_REPEATS].verdict = RULE_UNCHECKED;
    if (!r->has_contract) {
        for (int i = RULE_SIGNED; i < RULES; i++)
            if (line[i].verdict == RULE_OK)
                line[i] = (struct rule_line){.verdict = RULE_UNCHECKED, .text = "the contract is not usable"};
        return;
    }
    if (beside[RULE_SIGNED].text && line[RULE_SIGNED].verdict == RULE_OK) {
        lower(&line[RULE_SIGNED], beside[RULE_SIGNED].verdict == VERDICT_OK ? RULE_OK : RULE_UNCHECKED);
        add(&line[RULE_SIGNED], "%s", beside[RULE_SIGNED].text);
    }
    if (r->stage == STAGE_ONLINE && line[RULE_KEYS].verdict == RULE_UNCHECKED)
        line[RULE_KEYS].verdict = RULE_NOT_APPLICABLE;
    window(&line[RULE_WINDOW], r, &beside[RULE_TIMESTAMPS], all);
    outputs(&line[RULE_OUTPUTS], r);
    limits(&line[RULE_LIMITS], r);
    sets(&line[RULE_SETS], r);
    attempts(&line[RULE_ATTEMPTS], r, all);
    version(&line[RULE_VERSION], r, &beside[RULE_VERSION]);
    unusual(&line[RULE_UNUSUAL], r);
    for (int i = FIRST_OF_LOGS; i <= LAST_OF_LOGS; i++)
        add_missing(&line[i], r);
}

/* ---- all sessions together ---- */

/* Whether session i is the first of its contract. */
static int is_first(struct rule_sessions all, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (all.of[k]->has_contract && hash_equal(&all.of[k]->contract_id, &all.of[i]->contract_id))
            return 0;
    return all.of[i]->has_contract;
}

static int holds(const struct contract *c, const struct hash *data_root)
{
    for (party p = 0; p < c->parties; p++)
        if (hash_equal(&c->party[p].data_root, data_root))
            return 1;
    return 0;
}

/* Contracts that hold these data. */
static unsigned uses(struct rule_sessions all, const struct hash *data_root)
{
    unsigned found = 0;

    for (size_t i = 0; i < all.count && !is_zero(data_root); i++)
        found += is_first(all, i) && holds(&all.of[i]->contract, data_root);
    return found;
}

static void check_reuse(struct rule_line *l, struct rule_sessions all)
{
    unsigned most = 0, contracts = 0, suites = 0;
    const char *whose = "";

    *l = (struct rule_line){.verdict = RULE_UNCHECKED};
    for (size_t i = 0; i < all.count; i++) {
        const struct contract *c = &all.of[i]->contract;

        if (!is_first(all, i))
            continue;
        contracts++;
        suites |= 1u << c->suite;
        for (party p = 0; p < c->parties; p++) {
            const unsigned found = uses(all, &c->party[p].data_root);

            if (found > most) {
                most = found;
                whose = c->party[p].name;
            }
        }
    }
    if (most > 1) {
        add(l, "data of %s stand under %u of the contracts given; how many are allowed is its own rule, which is not in the "
               "evidence", whose, most);
    } else if (contracts < 2) {
        add(l, "one contract was given; give the files of all that the parties know");
    } else {
        l->verdict = RULE_OK;
        add(l, "no data stand under two of the contracts given");
    }
    if (suites == (1u << SUITE_INT1 | 1u << SUITE_GM1)) {
        lower(l, RULE_UNCHECKED);
        add(l, "the same rows have another root in each suite: what stands under contracts of both is not seen");
    }
}

static const char *fact_words(int kind)
{
    return kind == FACT_SEED ? "commitment to a seed" : kind == FACT_RUN ? "joint value" : "encryption key";
}

/* Whether a fact of session a stands in session b, which may be the same. */
static int check_fact(struct rule_line *l, const struct verify_report *a, const struct verify_report *b, int kind, party p, party q)
{
    const struct verify_fact *x = &a->fact[kind][p], *y = &b->fact[kind][q];
    char hex[2 * HASH_BYTES + 1], other[2 * HASH_BYTES + 1];

    if (!x->given || !y->given || !hash_equal(&x->hash, &y->hash))
        return 0;
    *l = (struct rule_line){.verdict = RULE_FAIL};
    add(l, "session %s, log of %s, record %llu: its %s is that of record %llu of session %s", short_hash(hex, &b->session),
        b->contract.party[y->in].name, (unsigned long long)y->seq, fact_words(kind), (unsigned long long)x->seq,
        short_hash(other, &a->session));
    return 1;
}

/* Returns 1 when something in b stands in a too. */
static int check_repeat(struct rule_line *l, const struct verify_report *a, const struct verify_report *b)
{
    static const int kinds[] = {FACT_SEED, FACT_RUN, FACT_KEY};
    char hex[2 * HASH_BYTES + 1];

    if (a != b && !is_zero(&a->session) && hash_equal(&a->session, &b->session)) {
        *l = (struct rule_line){.verdict = RULE_FAIL};
        add(l, "session %s is there twice", short_hash(hex, &a->session));
        return 1;
    }
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (party q = 0; q < PARTIES_MAX; q++)
            for (party p = 0; p < (a == b ? q : PARTIES_MAX); p++)
                if (check_fact(l, a, b, kinds[k], p, q))
                    return 1;
    return 0;
}

static void check_repeats(struct rule_line *l, struct rule_sessions all)
{
    size_t usable = 0;

    *l = (struct rule_line){.verdict = RULE_UNCHECKED};
    for (size_t j = 0; j < all.count; j++) {
        usable += !is_zero(&all.of[j]->session);
        for (size_t i = 0; i <= j; i++)
            if (check_repeat(l, all.of[i], all.of[j]))
                return;
    }
    if (usable < 2) {
        add(l, "one session was given, and nothing repeats within it; give the files of all that the parties know");
    } else {
        l->verdict = RULE_OK;
        add(l, "%zu sessions were compared", usable);
    }
}

void rules_across(struct rule_line line[RULES], struct rule_sessions all)
{
    check_reuse(&line[RULE_REUSE], all);
    check_repeats(&line[RULE_REPEATS], all);
}

/* ---- where it fails ---- */

enum verify_check verify_first_failure(const struct verify_report *r)
{
    int first = VERIFY_CHECKS;

    for (int i = 0; i < VERIFY_CHECKS; i++) {
        const struct verify_line *line = &r->line[i];

        if (line->verdict != VERDICT_FAIL)
            continue;
        if (i < VERIFY_RECORDS)
            return (enum verify_check)i;
        if (first == VERIFY_CHECKS || (line->has_seq && (!r->line[first].has_seq || line->seq < r->line[first].seq)))
            first = i;
    }
    return (enum verify_check)first;
}
