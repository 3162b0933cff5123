#include "node/hefu_audit/story.h"

#include "protocol/messages.h"

#include <stdlib.h>
#include <string.h>

void story_clear(struct story *s)
{
    free(s->stretch);
    s->stretch = NULL;
    s->count = s->cap = 0;
}

int story_is_message(const struct record *r)
{
    return r->type == RECORD_SEND || r->type == RECORD_RECV;
}

const char *story_message_name(const struct record *r)
{
    const struct message_info *info = message_info(r->kind);

    return info ? info->name : "unknown";
}

const char *story_party(const struct contract *c, party p)
{
    return p < c->parties ? c->party[p].name : "nobody";
}

/* ---- reading ---- */

static status add_stretch(struct story *s, const struct record *r)
{
    struct stretch *now = s->count ? &s->stretch[s->count - 1] : NULL;

    if (!now || !story_is_message(r) || !story_is_message(&now->record) || now->record.kind != r->kind ||
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

static void add_fact(struct story *s, const struct record *r)
{
    if (r->kind == FACT_POPULATION && r->a <= UINT32_MAX && r->b <= UINT32_MAX) {
        s->has_population = 1;
        s->population.rows = (uint32_t)r->a;
        s->population.train = (uint32_t)r->b;
    } else if (r->kind == FACT_TEST_ROWS && r->a <= UINT32_MAX) {
        s->has_test = 1;
        s->population.test = (uint32_t)r->a;
    }
}

static void add_milestone(struct story *s, const struct log_entry *e)
{
    if (!e->joint || s->milestones == sizeof s->milestone / sizeof s->milestone[0])
        return;
    s->milestone[s->milestones++] = (struct milestone){.seq = s->entries - 1,
                                                       .pass = e->record.pass,
                                                       .end = e->record.type == RECORD_END,
                                                       .joint = e->joint};
}

static status add_entry(struct story *s, const struct log_entry *e)
{
    struct record counted = e->record;

    TRY(add_stretch(s, &e->record));
    counted.seq = s->entries - 1; /* where it stands, whatever it says */
    disclosure_count(&s->traffic, &counted);
    if (e->record.type == RECORD_FACT)
        add_fact(s, &e->record);
    add_milestone(s, e);
    return OK;
}

status story_read(struct story *s, const struct bundle *b, const char *path, struct fault *f)
{
    struct log_reader r;
    struct log_entry e;
    status read;

    s->bundle = b;
    s->path = path;
    s->stage = bundle_stage(b);
    (void)!bundle_session(&s->session, b);
    read = contract_decode(&s->contract, b->contract.bytes, b->contract.len, f);
    if (read != OK)
        return read == STATUS_NO_MEMORY ? read : STATUS_MISMATCH; /* a bad contract is the evidence's fault */
    if (b->self >= s->contract.parties)
        return fault_set(f, STATUS_MISMATCH, "%s is from party %u of a contract of %u", path, b->self + 1u,
                         s->contract.parties);
    TRY(contract_id(&s->contract_id, &s->contract));
    log_reader_init(&r, b->log.bytes, b->log.len, s->contract.parties);
    while ((s->end = log_next(&r, &e)) == LOG_ENTRY)
        TRY(add_entry(s, &e));
    return OK;
}

/* ---- several ---- */

void stories_clear(struct stories *all)
{
    for (size_t i = 0; i < all->count; i++)
        story_clear(&all->of[i]);
    free(all->of);
    memset(all, 0, sizeof *all);
}

status stories_read(struct stories *all, const struct evidence *e, struct fault *f)
{
    TRY(alloc_zeroed(&all->of, e->count, sizeof *all->of));
    for (size_t i = 0; i < e->count; i++) {
        all->count = i + 1;
        TRY(story_read(&all->of[i], &e->bundle[i], e->path[i], f));
    }
    return OK;
}

static int same_session(const struct story *a, const struct story *b)
{
    static const struct hash unknown;

    return a->stage == b->stage && hash_equal(&a->contract_id, &b->contract_id) &&
           (hash_equal(&a->session, &b->session) || hash_equal(&a->session, &unknown) || hash_equal(&b->session, &unknown));
}

const struct story *stories_of(const struct stories *all, const struct story *s, party p)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->of[i].bundle->self == p && same_session(&all->of[i], s))
            return &all->of[i];
    return NULL;
}

status stories_traffic(struct disclosure_traffic *t, enum basis *basis, const struct stories *all, const struct story *s,
                       party p)
{
    const struct story *own = stories_of(all, s, p), *told = s;
    struct fault ignored = {0};
    int complete = 0;
    status made;

    memset(t, 0, sizeof *t);
    if (own) {
        *t = own->traffic;
        *basis = own->end == LOG_DONE ? BASIS_LOG : BASIS_TORN;
        return OK;
    }
    for (size_t i = 0; i < all->count; i++)
        if (all->of[i].has_population && all->of[i].has_test && same_session(&all->of[i], s))
            told = &all->of[i];
    made = disclosure_implied(t, &complete, &s->contract, s->stage, p,
                              told->has_population && told->has_test ? KNOWN_ALL : KNOWN_NOTHING, &told->population,
                              &ignored);
    *basis = made == OK && complete ? BASIS_CONTRACT : BASIS_PART;
    return made == STATUS_NO_MEMORY ? made : OK;
}
