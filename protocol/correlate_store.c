#include "protocol/correlate_store.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum { PIECE = 512, RING_BYTES_MAX = 16 };

static status put_rings(const struct byte_sink *to, const ring *x, size_t count, uint32_t bits, struct fault *f)
{
    const size_t item = item_ring(bits);
    uint8_t piece[PIECE * RING_BYTES_MAX];
    status result = OK;

    for (size_t done = 0; done < count && result == OK; done += PIECE) {
        const size_t items = count - done < PIECE ? count - done : PIECE;

        for (size_t i = 0; i < items; i++) {
            assert((x[done + i] & ~ring_mask(bits)) == 0);
            ring_put(piece + i * item, item, x[done + i]);
        }
        result = to->put(to->ctx, piece, items * item, f);
    }
    sodium_memzero(piece, sizeof piece);
    return result;
}

static status get_rings(const struct byte_source *from, ring *x, size_t count, uint32_t bits, struct fault *f)
{
    const size_t item = item_ring(bits);
    uint8_t piece[PIECE * RING_BYTES_MAX];
    status result = OK;
    ring beyond = 0;

    for (size_t done = 0; done < count && result == OK; done += PIECE) {
        const size_t items = count - done < PIECE ? count - done : PIECE;

        result = from->get(from->ctx, piece, items * item, f);
        for (size_t i = 0; i < items && result == OK; i++) {
            x[done + i] = ring_get(piece + i * item, item);
            beyond |= x[done + i] & ~ring_mask(bits);
        }
    }
    sodium_memzero(piece, sizeof piece);
    return result == OK && beyond ? fault_set(f, STATUS_MISMATCH, "a share is outside the ring") : result;
}

status correlation_write(const struct correlation *c, const struct byte_sink *to, struct fault *f)
{
    const size_t rows = (size_t)c->passes * c->plan.n;

    TRY(put_rings(to, c->fore, rows, c->plan.fore_bits, f));
    TRY(put_rings(to, c->pad_residual, rows, c->plan.k, f));
    for (party p = 0; p < PARTIES_MAX; p++) {
        const size_t entries = (size_t)c->passes * c->block[p].width;

        if (c->block[p].back)
            TRY(put_rings(to, c->block[p].back, entries, c->plan.k, f));
        if (c->block[p].pad_weight)
            TRY(put_rings(to, c->block[p].pad_weight, entries, c->plan.k, f));
    }
    return OK;
}

static status read_all(struct correlation *c, const struct contract *contract, party self, const struct byte_source *from,
                       struct fault *f)
{
    const size_t rows = (size_t)c->passes * c->plan.n;

    TRY(alloc_zeroed(&c->fore, rows, sizeof(ring)));
    TRY(get_rings(from, c->fore, rows, c->plan.fore_bits, f));
    TRY(alloc_zeroed(&c->pad_residual, rows, sizeof(ring)));
    TRY(get_rings(from, c->pad_residual, rows, c->plan.k, f));
    for (party p = 0; p < contract->parties; p++) {
        const uint32_t width = c->block[p].width = contract_width(contract, p);
        const size_t entries = (size_t)c->passes * width;

        TRY(alloc_zeroed(&c->block[p].back, entries, sizeof(ring)));
        TRY(get_rings(from, c->block[p].back, entries, c->plan.k, f));
        if (p == self)
            continue;
        TRY(alloc_zeroed(&c->block[p].pad_weight, entries, sizeof(ring)));
        TRY(get_rings(from, c->block[p].pad_weight, entries, c->plan.k, f));
    }
    return OK;
}

status correlation_read(struct correlation *out, const struct contract *contract, party self, uint32_t n,
                        const struct byte_source *from, struct fault *f)
{
    status result;

    memset(out, 0, sizeof *out);
    TRY(plan_make(&out->plan, contract, n, f));
    out->passes = contract->passes;
    result = read_all(out, contract, self, from, f);
    if (result != OK)
        correlation_clear(out);
    return result;
}
