/* hefu-audit show: what one evidence file tells. */
#include "node/hefu_audit/audit.h"
#include "node/local/bar.h"
#include "protocol/log.h"
#include "protocol/messages.h"
#include "protocol/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Records of one kind that follow each other; in training, of one pass. */
struct stretch {
    uint64_t first, last;
    struct record record; /* the first */
    uint64_t sent, received, bytes_sent, bytes_received;
};

struct story {
    const struct bundle *bundle;
    struct contract contract;
    struct hash contract_id;
    struct stretch *stretch;
    size_t count, cap;
    uint64_t entries;
    enum log_state end;
};

static void story_clear(struct story *s)
{
    free(s->stretch);
}

static int is_message(const struct record *r)
{
    return r->type == RECORD_SEND || r->type == RECORD_RECV;
}

static const char *message_name(const struct record *r)
{
    const struct message_info *info = message_info(r->kind);

    return info ? info->name : "unknown";
}

static const char *party_name(const struct contract *c, party p)
{
    return p < c->parties ? c->party[p].name : "nobody";
}

static status add_entry(struct story *s, const struct record *r)
{
    struct stretch *now = s->count ? &s->stretch[s->count - 1] : NULL;

    if (!now || !is_message(r) || !is_message(&now->record) || now->record.kind != r->kind ||
        (r->phase == PHASE_TRAIN && now->record.pass != r->pass)) {
        if (s->count == s->cap) {
            size_t cap = s->cap ? 2 * s->cap : 64;

            now = reallocarray(s->stretch, cap, sizeof *now);
            if (!now)
                return STATUS_NO_MEMORY;
            s->stretch = now;
            s->cap = cap;
        }
        now = &s->stretch[s->count++];
        *now = (struct stretch){.first = s->entries, .record = *r};
    }
    now->last = s->entries++;
    if (r->type == RECORD_SEND) {
        now->sent++;
        now->bytes_sent += r->body_len;
    } else if (r->type == RECORD_RECV) {
        now->received++;
        now->bytes_received += r->body_len;
    }
    return OK;
}

static status read_story(struct story *s, const struct bundle *b, struct fault *f)
{
    struct log_reader r;
    struct log_entry e;

    s->bundle = b;
    TRY(contract_decode(&s->contract, b->contract.bytes, b->contract.len, f));
    TRY(contract_id(&s->contract_id, &s->contract));
    log_reader_init(&r, b->log.bytes, b->log.len, s->contract.parties);
    while ((s->end = log_next(&r, &e)) == LOG_ENTRY)
        TRY(add_entry(s, &e.record));
    return OK;
}

/* ---- for people ---- */

static void print_contract(const struct story *s)
{
    const struct contract *c = &s->contract;
    char hex[2 * HASH_BYTES + 1];
    struct approval a;

    hash_hex(&s->contract_id, hex);
    printf("evidence of %s\n\njob        %s\npurpose    %s\ncontract   %s\n", party_name(c, s->bundle->self), c->job,
           c->purpose, hex);
    if (s->bundle->approvals && approval_decode(&a, s->bundle->approval[0].bytes) == OK)
        printf("attempt    %u%s%s\n", a.attempt + 1, a.stage == STAGE_WHOLE ? "" : ", the session of stage ",
               a.stage == STAGE_WHOLE ? "" : stage_name(a.stage));
    printf("method     logistic regression, %u passes, Paillier %u bits\n", c->passes, c->key_bits);
    for (party p = 0; p < c->parties; p++)
        printf("%-10s %-16s %9u people %5u columns%s\n", p ? "" : "parties", c->party[p].name, c->party[p].rows,
               c->party[p].columns, c->party[p].has_label ? "   label" : "");
}

static void print_event(const struct story *s, const struct record *r)
{
    switch (r->type) {
    case RECORD_FACT:
        if (r->kind == FACT_POPULATION)
            printf("%llu common people, %llu training rows", (unsigned long long)r->a, (unsigned long long)r->b);
        else
            printf("%llu test rows", (unsigned long long)r->a);
        break;
    case RECORD_CHECKPOINT:
        printf("joint checkpoint after pass %u, signed by all", r->pass);
        break;
    case RECORD_END:
        printf("end: %llu records sent, %llu received", (unsigned long long)r->a, (unsigned long long)r->b);
        break;
    case RECORD_ABORT:
        printf("stopped: %s", status_name((status)r->kind));
        if (r->peer != r->self)
            printf(", naming %s", party_name(&s->contract, r->peer));
        break;
    case RECORD_SEND:
    case RECORD_RECV:
        break;
    }
}

static void print_timeline(const struct story *s)
{
    printf("\n%-15s %-10s %4s  %-12s %18s %18s\n", "records", "phase", "pass", "message", "sent", "received");
    for (size_t i = 0; i < s->count; i++) {
        const struct stretch *t = &s->stretch[i];
        char range[48], sent[BAR_SIZE_BYTES], received[BAR_SIZE_BYTES];

        snprintf(range, sizeof range, t->first == t->last ? "%llu" : "%llu-%llu", (unsigned long long)t->first,
                 (unsigned long long)t->last);
        printf("%-15s ", range);
        if (!is_message(&t->record)) {
            print_event(s, &t->record);
            putchar('\n');
            continue;
        }
        bar_bytes_text(sent, t->bytes_sent);
        bar_bytes_text(received, t->bytes_received);
        printf("%-10s ", phase_name((enum phase)t->record.phase));
        if (t->record.phase == PHASE_TRAIN)
            printf("%4u", t->record.pass);
        else
            printf("%4s", "");
        printf("  %-12s %5llu  %11s %5llu  %11s\n", message_name(&t->record), (unsigned long long)t->sent, sent,
               (unsigned long long)t->received, received);
    }
    if (s->end != LOG_DONE)
        printf("%-15llu the log cannot be read from here on\n", (unsigned long long)s->entries);
}

static void print_disclosures(const struct contract *c)
{
    struct disclosure *d AUTO(auto_free) = NULL;
    size_t count;

    if (alloc_zeroed(&d, (size_t)DISCLOSURES_MAX * PARTIES_MAX, sizeof *d) != OK)
        return;
    count = contract_disclosures(c, d);
    printf("\nwhat each party learns\n");
    for (size_t i = 0; i < count; i++)
        printf("  %-16s %s: %s\n", i && d[i].to == d[i - 1].to ? "" : party_name(c, d[i].to), d[i].what, d[i].learns);
}

/* ---- for machines ---- */

static status dump(const struct story *s)
{
    struct log_reader r;
    struct log_entry e;

    puts("seq\ttype\tpeer\tmessage\tphase\tpass\tindex\tbytes\ta\tb\ttag\thead");
    log_reader_init(&r, s->bundle->log.bytes, s->bundle->log.len, s->contract.parties);
    while (log_next(&r, &e) == LOG_ENTRY) {
        const struct record *x = &e.record;
        char tag[2 * HASH_BYTES + 1], hex[2 * HASH_BYTES + 1];
        struct hash head;

        record_head(&head, e.bytes);
        hash_hex(&head, hex);
        hash_hex(&x->body_tag, tag);
        printf("%llu\t%s\t%s\t%s\t%s\t%u\t%llu\t%llu\t%llu\t%llu\t%s\t%s\n", (unsigned long long)x->seq,
               record_type_name(x->type), x->peer == x->self ? "" : party_name(&s->contract, x->peer),
               is_message(x) ? message_name(x) : "", x->phase ? phase_name((enum phase)x->phase) : "", x->pass,
               (unsigned long long)x->index, (unsigned long long)x->body_len, (unsigned long long)x->a,
               (unsigned long long)x->b, tag, hex);
    }
    return s->end == LOG_DONE ? OK : STATUS_MISMATCH;
}

static json_t *stretch_json(const struct story *s, const struct stretch *t)
{
    const struct record *r = &t->record;
    json_t *o = json_pack("{s:I, s:I}", "first", (json_int_t)t->first, "last", (json_int_t)t->last);

    if (is_message(r)) {
        json_object_update_new(o, json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:I}", "phase",
                                            phase_name((enum phase)r->phase), "message", message_name(r), "pass",
                                            (int)r->pass, "sent", (json_int_t)t->sent, "bytes_sent",
                                            (json_int_t)t->bytes_sent, "received", (json_int_t)t->received,
                                            "bytes_received", (json_int_t)t->bytes_received));
        return o;
    }
    json_object_set_new(o, "event", json_string(record_type_name(r->type)));
    switch (r->type) {
    case RECORD_FACT:
        if (r->kind == FACT_POPULATION)
            json_object_update_new(o, json_pack("{s:I, s:I}", "rows", (json_int_t)r->a, "train", (json_int_t)r->b));
        else
            json_object_set_new(o, "test", json_integer((json_int_t)r->a));
        break;
    case RECORD_CHECKPOINT:
        json_object_set_new(o, "pass", json_integer((json_int_t)r->pass));
        break;
    case RECORD_END:
        json_object_update_new(o, json_pack("{s:I, s:I}", "sent", (json_int_t)r->a, "received", (json_int_t)r->b));
        break;
    case RECORD_ABORT:
        json_object_set_new(o, "reason", json_string(status_name((status)r->kind)));
        if (r->peer != r->self)
            json_object_set_new(o, "blamed", json_string(party_name(&s->contract, r->peer)));
        break;
    case RECORD_SEND:
    case RECORD_RECV:
        break;
    }
    return o;
}

static json_t *story_json(const struct story *s)
{
    const struct contract *c = &s->contract;
    struct disclosure *d AUTO(auto_free) = NULL;
    json_t *parties = json_array(), *timeline = json_array(), *learns = json_array();
    char hex[2 * HASH_BYTES + 1];

    hash_hex(&s->contract_id, hex);
    for (party p = 0; p < c->parties; p++)
        json_array_append_new(parties,
                              json_pack("{s:s, s:I, s:i, s:I, s:b}", "name", c->party[p].name, "rows",
                                        (json_int_t)c->party[p].rows, "columns", (int)c->party[p].columns, "bins",
                                        (json_int_t)contract_width(c, p), "label", (int)c->party[p].has_label));
    for (size_t i = 0; i < s->count; i++)
        json_array_append_new(timeline, stretch_json(s, &s->stretch[i]));
    if (alloc_zeroed(&d, (size_t)DISCLOSURES_MAX * PARTIES_MAX, sizeof *d) == OK) {
        size_t count = contract_disclosures(c, d);

        for (size_t i = 0; i < count; i++)
            json_array_append_new(learns, json_pack("{s:s, s:s, s:s}", "to", party_name(c, d[i].to), "what", d[i].what,
                                                    "learns", d[i].learns));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:b, s:o, s:o, s:o}", "evidence_of",
                     party_name(c, s->bundle->self), "job", c->job, "purpose", c->purpose, "contract", hex, "passes",
                     (int)c->passes, "key_bits", (int)c->key_bits, "records", (json_int_t)s->entries, "readable",
                     s->end == LOG_DONE, "parties", parties, "timeline", timeline, "disclosures", learns);
}

status command_show(int argc, char **argv, struct fault *f)
{
    const char *path[1];
    size_t files = 0;
    int as_json = 0, as_dump = 0;
    const struct audit_option options[] = {{"json", NULL, &as_json}, {"dump", NULL, &as_dump}, {0}};
    struct evidence e AUTO(evidence_clear) = {0};
    struct story s AUTO(story_clear) = {0};
    status read;

    TRY(audit_arguments(options, path, 1, &files, argc, argv, f));
    if (files == 0)
        return fault_set(f, STATUS_USAGE, "no evidence file was named");
    if (as_json && as_dump)
        return fault_set(f, STATUS_USAGE, "--json and --dump exclude each other");
    TRY(evidence_load(&e, path, 1, f));
    read = read_story(&s, &e.bundle[0], f);
    if (read != OK)
        return read == STATUS_NO_MEMORY ? read : STATUS_MISMATCH; /* a bad contract is the evidence's fault */
    if (as_dump)
        return dump(&s);
    if (as_json)
        return audit_print_json(story_json(&s), f);
    print_contract(&s);
    print_timeline(&s);
    print_disclosures(&s.contract);
    printf("\nnothing was checked: hefu-audit verify does\n");
    return OK;
}
