#include "training/preparation.h"

#include "crypto/wire.h"

#include <stdlib.h>
#include <string.h>

static const char magic[8] = {'H', 'E', 'F', 'U', 'P', 'R', 'E', 'P'};
enum { VERSION = 1, HEAD_BYTES = sizeof magic + 2 + 2 * HASH_BYTES + 3 * 4 + 1, PIECE = 1024 };

void preparation_clear(struct preparation *p)
{
    free(p->position);
    free(p->role);
    precondition_clear(&p->precondition);
    correlation_clear(&p->correlation);
    memset(p, 0, sizeof *p);
}

void preparation_table(struct hash *out, enum suite s, const struct dataset *d)
{
    struct hasher h;

    hasher_init(&h, s, "hefu/prepared table/v1");
    hasher_add(&h, d->bins, d->columns);
    hasher_add_u64(&h, d->rows);
    for (uint32_t r = 0; r < d->rows; r++) {
        hasher_add(&h, d->ids[r], strlen(d->ids[r]));
        hasher_add(&h, d->codes + (size_t)r * d->columns, d->columns);
        hasher_add(&h, d->split ? &d->split[r] : NULL, d->split ? 1 : 0);
    }
    hasher_final(&h, out);
}

static status put_words(const struct byte_sink *to, const uint32_t *x, size_t count, struct fault *f)
{
    uint8_t piece[PIECE * 4];

    for (size_t done = 0; done < count; done += PIECE) {
        const size_t items = count - done < PIECE ? count - done : PIECE;

        for (size_t i = 0; i < items; i++)
            store_u32(piece + 4 * i, x[done + i]);
        TRY(to->put(to->ctx, piece, 4 * items, f));
    }
    return OK;
}

static status get_words(const struct byte_source *from, uint32_t *x, size_t count, struct fault *f)
{
    uint8_t piece[PIECE * 4];

    for (size_t done = 0; done < count; done += PIECE) {
        const size_t items = count - done < PIECE ? count - done : PIECE;

        TRY(from->get(from->ctx, piece, 4 * items, f));
        for (size_t i = 0; i < items; i++)
            x[done + i] = load_u32(piece + 4 * i);
    }
    return OK;
}

static size_t entries(const struct precondition *m)
{
    return (size_t)m->width * (m->diagonal ? 1 : m->width);
}

status preparation_write(const struct preparation *p, const struct byte_sink *to, struct fault *f)
{
    uint8_t head[HEAD_BYTES], *at = head + sizeof magic;

    memcpy(head, magic, sizeof magic);
    store_u16(at, VERSION);
    memcpy(at + 2, p->name.bytes, HASH_BYTES);
    memcpy(at + 34, p->table.bytes, HASH_BYTES);
    store_u32(at + 66, p->population.rows);
    store_u32(at + 70, p->population.train);
    store_u32(at + 74, p->population.test);
    at[78] = (uint8_t)p->precondition.diagonal;
    TRY(to->put(to->ctx, head, sizeof head, f));
    TRY(put_words(to, p->position, p->population.rows, f));
    TRY(to->put(to->ctx, p->role, p->population.rows, f));
    TRY(put_words(to, (const uint32_t *)p->precondition.entry, entries(&p->precondition), f));
    return correlation_write(&p->correlation, to, f);
}

static status damaged(struct fault *f)
{
    return fault_set(f, STATUS_MISMATCH, "it is not a preparation of this job in the form of this release");
}

static status read_head(struct preparation *p, const struct contract_party *me, const struct byte_source *from,
                        struct fault *f)
{
    uint8_t head[HEAD_BYTES], *at = head + sizeof magic;

    TRY(from->get(from->ctx, head, sizeof head, f));
    if (memcmp(head, magic, sizeof magic) != 0 || load_u16(at) != VERSION)
        return damaged(f);
    memcpy(p->name.bytes, at + 2, HASH_BYTES);
    memcpy(p->table.bytes, at + 34, HASH_BYTES);
    p->population = (struct population){load_u32(at + 66), load_u32(at + 70), load_u32(at + 74)};
    p->precondition.diagonal = at[78];
    if (at[78] > 1 || p->population.rows > me->rows || p->population.train < 2 ||
        (uint64_t)p->population.train + p->population.test > p->population.rows)
        return damaged(f);
    return OK;
}

static status read_rows(struct preparation *p, const struct contract_party *me, const struct byte_source *from,
                        struct fault *f)
{
    struct population seen = {.rows = p->population.rows};

    TRY(alloc_zeroed(&p->position, seen.rows, sizeof *p->position));
    TRY(alloc_zeroed(&p->role, seen.rows, 1));
    TRY(get_words(from, p->position, seen.rows, f));
    TRY(from->get(from->ctx, p->role, seen.rows, f));
    for (uint32_t i = 0; i < seen.rows; i++) {
        if (p->position[i] >= me->rows || p->role[i] > 2)
            return damaged(f);
        seen.train += p->role[i] == 0;
        seen.test += p->role[i] == 1;
    }
    return seen.train == p->population.train && seen.test == p->population.test ? OK : damaged(f);
}

static status read_all(struct preparation *p, const struct contract *c, party self, const struct byte_source *from,
                       struct fault *f)
{
    TRY(read_head(p, &c->party[self], from, f));
    TRY(read_rows(p, &c->party[self], from, f));
    p->precondition.width = contract_width(c, self);
    TRY(alloc_zeroed(&p->precondition.entry, entries(&p->precondition), sizeof *p->precondition.entry));
    TRY(get_words(from, (uint32_t *)p->precondition.entry, entries(&p->precondition), f));
    return correlation_read(&p->correlation, c, self, p->population.train, from, f);
}

status preparation_read(struct preparation *out, const struct contract *c, party self, const struct byte_source *from,
                        struct fault *f)
{
    status result;

    memset(out, 0, sizeof *out);
    result = read_all(out, c, self, from, f);
    if (result != OK)
        preparation_clear(out);
    return result;
}
