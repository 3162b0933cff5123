/* hefu-audit show: what evidence files tell. */
#include "node/hefu_audit/attachments.h"
#include "node/hefu_audit/notes.h"
#include "node/local/bar.h"
#include "protocol/messages.h"

#include <stdio.h>
#include <string.h>

/* ---- for people ---- */

static void print_contract(const struct story *s)
{
    const struct contract *c = &s->contract;
    char hex[2 * HASH_BYTES + 1];
    struct approval a;

    hash_hex(&s->contract_id, hex);
    printf("evidence of %s\n\njob        %s\npurpose    %s\ncontract   %s\n", story_party(c, s->bundle->self), c->job,
           c->purpose, hex);
    if (s->bundle->approvals && approval_decode(&a, s->bundle->approval[0].bytes) == OK)
        printf("attempt    %u%s%s\n", a.attempt + 1, a.stage == STAGE_WHOLE ? "" : ", the session of stage ",
               a.stage == STAGE_WHOLE ? "" : stage_name(a.stage));
    printf("method     logistic regression, %u passes, Paillier %u bits\n", c->passes, c->key_bits);
    for (party p = 0; p < c->parties; p++)
        printf("%-10s %-16s %9u people %5u columns%s\n", p ? "" : "parties", c->party[p].name, c->party[p].rows,
               c->party[p].columns, c->party[p].has_label ? "   label" : "");
}

/* Facts whose value is a hash: their name for machines, what they are for people, and whether they are of a party. */
static const struct {
    const char *name, *words;
    int of_party;
} hash_facts[FACT_KINDS] = {
    [FACT_DATA] = {"data", "commitment to its data", 1},
    [FACT_ALIGNED] = {"aligned", "root of the common people's keyed ids", 0},
    [FACT_SEED] = {"seed", "commitment to its seed", 1},
    [FACT_RUN] = {"run", "hash of the joint value of all nonces", 0},
    [FACT_KEY] = {"key", "hash of its Paillier modulus", 1},
};

static int is_hash_fact(const struct record *r)
{
    return r->kind < FACT_KINDS && hash_facts[r->kind].name;
}

static void print_fact(const struct story *s, const struct record *r)
{
    char hex[2 * HASH_BYTES + 1];

    hash_hex(&r->body_tag, hex);
    if (r->kind == FACT_POPULATION)
        printf("%llu common people, %llu training rows", (unsigned long long)r->a, (unsigned long long)r->b);
    else if (r->kind == FACT_TEST_ROWS)
        printf("%llu test rows", (unsigned long long)r->a);
    else if (is_hash_fact(r))
        printf("%s%s%s %.16s", hash_facts[r->kind].of_party ? story_party(&s->contract, (party)r->a) : "",
               hash_facts[r->kind].of_party ? ": " : "", hash_facts[r->kind].words, hex);
}

static void print_event(const struct story *s, const struct record *r)
{
    switch (r->type) {
    case RECORD_FACT:
        print_fact(s, r);
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
            printf(", naming %s", story_party(&s->contract, r->peer));
        break;
    case RECORD_REFUSED:
        printf("refused: %s of %s (%s)", message_info(r->kind) ? message_info(r->kind)->name : "a message",
               story_party(&s->contract, r->peer), status_name((status)r->a));
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
        if (!story_is_message(&t->record)) {
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
        printf("  %-12s %5llu  %11s %5llu  %11s\n", story_message_name(&t->record), (unsigned long long)t->sent, sent,
               (unsigned long long)t->received, received);
    }
    if (s->end != LOG_DONE)
        printf("%-15llu the log cannot be read from here on\n", (unsigned long long)s->entries);
}

static void print_checkpoints(const struct story *s)
{
    const struct contract *c = &s->contract;

    printf("\njoint checkpoints: entries and root of every party's log, signed by all\n");
    for (size_t i = 0; i < s->milestones; i++) {
        const struct milestone *m = &s->milestone[i];
        if (m->end)
            printf("  %-7s", "end");
        else
            printf("  pass %-2u", m->pass);
        for (party p = 0; p < c->parties; p++) {
            struct joint_item item;
            char hex[2 * HASH_BYTES + 1];

            joint_item_read(&item, m->joint, p);
            hash_hex(&item.log.root, hex);
            printf("  %s %llu %.8s", c->party[p].name, (unsigned long long)item.log.size, hex);
        }
        putchar('\n');
    }
}

static void print_approvals(const struct story *s)
{
    printf("\napprovals, each by the key of the party's certificate\n");
    for (uint16_t i = 0; i < s->bundle->approvals; i++) {
        struct hash key;
        char hex[2 * HASH_BYTES + 1];
        struct approval a;

        if (approval_decode(&a, s->bundle->approval[i].bytes) != OK) {
            printf("  approval %u is not readable\n", i + 1u);
            continue;
        }
        memcpy(key.bytes, a.card.sign.bytes, HASH_BYTES);
        hash_hex(&key, hex);
        printf("  %-16s attempt %u, stage %s, session key %.16s\n", story_party(&s->contract, a.who), a.attempt + 1,
               stage_name(a.stage), hex);
    }
}

static void print_disclosures(const struct contract *c)
{
    struct disclosure d[DISCLOSURES_MAX];
    const size_t count = contract_disclosures(c, d);

    printf("\nwhat each party learns\n");
    for (size_t i = 0; i < count; i++)
        printf("  %-16s %s: %s\n", i && d[i].to == d[i - 1].to ? "" : story_party(c, d[i].to), d[i].what, d[i].learns);
}

static void print_outsiders(const struct bundle *b)
{
    char words[128];
    int any = 0;

    for (enum attachment_kind kind = ATTACHMENT_TIMESTAMP_START; kind < ATTACHMENT_KINDS; kind++)
        if (attachment_words(words, b, kind))
            printf("%s  %s\n", any++ ? "" : "\nwhat outsiders said\n", words);
}

static void print_story(const struct story *s)
{
    print_contract(s);
    print_timeline(s);
    print_checkpoints(s);
    print_approvals(s);
    print_outsiders(s->bundle);
    print_disclosures(&s->contract);
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

        entry_head(&head, s->contract.suite, e.at, e.len);
        hash_hex(&head, hex);
        hash_hex(&x->body_tag, tag);
        printf("%llu\t%s\t%s\t%s\t%s\t%u\t%llu\t%llu\t%llu\t%llu\t%s\t%s\n", (unsigned long long)x->seq,
               record_type_name(x->type), x->peer == x->self ? "" : story_party(&s->contract, x->peer),
               story_is_message(x) ? story_message_name(x) : "", x->phase ? phase_name((enum phase)x->phase) : "", x->pass,
               (unsigned long long)x->index, (unsigned long long)x->body_len, (unsigned long long)x->a,
               (unsigned long long)x->b, tag, hex);
    }
    return s->end == LOG_DONE ? OK : STATUS_MISMATCH;
}

static json_t *hex_json(const uint8_t bytes[HASH_BYTES])
{
    struct hash h;
    char hex[2 * HASH_BYTES + 1];

    memcpy(h.bytes, bytes, HASH_BYTES);
    hash_hex(&h, hex);
    return json_string(hex);
}

static void fact_json(const struct story *s, json_t *o, const struct record *r)
{
    if (r->kind == FACT_POPULATION)
        json_object_update_new(o, json_pack("{s:I, s:I}", "rows", (json_int_t)r->a, "train", (json_int_t)r->b));
    else if (r->kind == FACT_TEST_ROWS)
        json_object_set_new(o, "test", json_integer((json_int_t)r->a));
    else if (is_hash_fact(r))
        json_object_update_new(o, json_pack("{s:s, s:o}", "fact", hash_facts[r->kind].name, "hash", hex_json(r->body_tag.bytes)));
    if (is_hash_fact(r) && hash_facts[r->kind].of_party)
        json_object_set_new(o, "party", json_string(story_party(&s->contract, (party)r->a)));
}

static json_t *stretch_json(const struct story *s, const struct stretch *t)
{
    const struct record *r = &t->record;
    json_t *o = json_pack("{s:I, s:I}", "first", (json_int_t)t->first, "last", (json_int_t)t->last);

    if (story_is_message(r)) {
        json_object_update_new(o, json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:I}", "phase",
                                            phase_name((enum phase)r->phase), "message", story_message_name(r), "pass",
                                            (int)r->pass, "sent", (json_int_t)t->sent, "bytes_sent",
                                            (json_int_t)t->bytes_sent, "received", (json_int_t)t->received,
                                            "bytes_received", (json_int_t)t->bytes_received));
        return o;
    }
    json_object_set_new(o, "event", json_string(record_type_name(r->type)));
    switch (r->type) {
    case RECORD_FACT:
        fact_json(s, o, r);
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
            json_object_set_new(o, "blamed", json_string(story_party(&s->contract, r->peer)));
        break;
    case RECORD_REFUSED:
        json_object_update_new(o, json_pack("{s:s, s:s}", "reason", status_name((status)r->a), "blamed",
                                            story_party(&s->contract, r->peer)));
        break;
    case RECORD_SEND:
    case RECORD_RECV:
        break;
    }
    return o;
}

static json_t *parties_json(const struct contract *c)
{
    json_t *list = json_array();

    for (party p = 0; p < c->parties; p++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:i, s:I, s:b}", "name", c->party[p].name, "rows",
                                              (json_int_t)c->party[p].rows, "columns", (int)c->party[p].columns, "bins",
                                              (json_int_t)contract_width(c, p), "label", (int)c->party[p].has_label));
    return list;
}

static json_t *timeline_json(const struct story *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->count; i++)
        json_array_append_new(list, stretch_json(s, &s->stretch[i]));
    return list;
}

static json_t *checkpoints_json(const struct story *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->milestones; i++) {
        const struct milestone *m = &s->milestone[i];
        json_t *logs = json_array();

        for (party p = 0; p < s->contract.parties; p++) {
            struct joint_item item;

            joint_item_read(&item, m->joint, p);
            json_array_append_new(logs, json_pack("{s:s, s:I, s:o}", "party", s->contract.party[p].name, "size",
                                                  (json_int_t)item.log.size, "root", hex_json(item.log.root.bytes)));
        }
        json_array_append_new(list, json_pack("{s:I, s:b, s:i, s:o}", "record", (json_int_t)m->seq, "end", m->end, "pass",
                                              (int)m->pass, "logs", logs));
    }
    return list;
}

static json_t *approvals_json(const struct story *s)
{
    json_t *list = json_array();

    for (uint16_t i = 0; i < s->bundle->approvals; i++) {
        struct approval a;

        if (approval_decode(&a, s->bundle->approval[i].bytes) == OK)
            json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:o}", "party", story_party(&s->contract, a.who),
                                                  "attempt", (json_int_t)a.attempt, "stage", stage_name(a.stage),
                                                  "session_key", hex_json(a.card.sign.bytes)));
    }
    return list;
}

static json_t *disclosures_json(const struct contract *c)
{
    struct disclosure d[DISCLOSURES_MAX];
    const size_t count = contract_disclosures(c, d);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "to", story_party(c, d[i].to), "what", d[i].what, "learns",
                                              d[i].learns));
    return list;
}

static json_t *outsiders_json(const struct bundle *b)
{
    json_t *list = json_array();
    char words[128];

    for (enum attachment_kind kind = ATTACHMENT_TIMESTAMP_START; kind < ATTACHMENT_KINDS; kind++)
        if (attachment_words(words, b, kind))
            json_array_append_new(list, json_string(words));
    return list;
}

static json_t *story_json(const struct story *s)
{
    const struct contract *c = &s->contract;

    return json_pack("{s:s, s:s, s:s, s:o, s:i, s:i, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "evidence_of",
                     story_party(c, s->bundle->self), "job", c->job, "purpose", c->purpose, "contract",
                     hex_json(s->contract_id.bytes), "passes", (int)c->passes, "key_bits", (int)c->key_bits, "records",
                     (json_int_t)s->entries, "readable", s->end == LOG_DONE, "parties", parties_json(c), "timeline",
                     timeline_json(s), "checkpoints", checkpoints_json(s), "approvals", approvals_json(s), "attached",
                     outsiders_json(s->bundle), "disclosures", disclosures_json(c));
}

/* One object for one file, a list for several. */
static json_t *stories_json(const struct stories *all)
{
    json_t *list = json_array();

    if (all->count == 1) {
        json_decref(list);
        return story_json(&all->of[0]);
    }
    for (size_t i = 0; i < all->count; i++)
        json_array_append_new(list, story_json(&all->of[i]));
    return list;
}

status command_show(int argc, char **argv, struct fault *f)
{
    const char *path[EVIDENCE_MAX], *out = NULL;
    size_t files = 0;
    int as_json = 0, as_dump = 0, as_notes = 0;
    const struct audit_option options[] = {
        {"json", NULL, &as_json}, {"dump", NULL, &as_dump}, {"notes", NULL, &as_notes}, {"out", &out, NULL}, {0}};
    struct evidence e AUTO(evidence_clear) = {0};
    struct stories all AUTO(stories_clear) = {0};

    TRY(audit_arguments(options, path, EVIDENCE_MAX, &files, argc, argv, f));
    if (files == 0)
        return fault_set(f, STATUS_USAGE, "no evidence file was named");
    if (as_json + as_dump + as_notes > 1)
        return fault_set(f, STATUS_USAGE, "--json, --dump and --notes exclude each other");
    if ((as_dump || as_notes) && files > 1)
        return fault_set(f, STATUS_USAGE, "--%s takes one evidence file", as_dump ? "dump" : "notes");
    if (out && !as_notes)
        return fault_set(f, STATUS_USAGE, "--out needs --notes");
    TRY(evidence_load(&e, path, files, f));
    TRY(stories_read(&all, &e, f));
    if (as_dump)
        return dump(&all.of[0]);
    if (as_notes)
        return notes_write(&all.of[0], out, f);
    if (as_json)
        return audit_print_json(stories_json(&all), f);
    for (size_t i = 0; i < all.count; i++) {
        if (i)
            putchar('\n');
        print_story(&all.of[i]);
    }
    printf("\nnothing was checked: hefu-audit verify does\n");
    return OK;
}
