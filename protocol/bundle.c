#include "protocol/bundle.h"

#include "crypto/wire.h"
#include "protocol/session.h"

#include <assert.h>
#include <string.h>

static const char magic[8] = {'H', 'E', 'F', 'U', 'E', 'V', 'I', 'D'};

static status put_attachments(struct wire_writer *w, const struct bundle *b)
{
    uint16_t count = 0;

    for (uint16_t kind = 0; kind < ATTACHMENT_KINDS; kind++)
        count = (uint16_t)(count + (b->attachment[kind].bytes != NULL));
    wire_put_u16(w, count);
    for (uint16_t kind = 0; kind < ATTACHMENT_KINDS; kind++) {
        const struct bundle_part *a = &b->attachment[kind];

        if (!a->bytes)
            continue;
        assert(kind != 0);
        if (a->len > BUNDLE_ATTACHMENT_MAX)
            return STATUS_LIMIT;
        wire_put_u16(w, kind);
        wire_put_blob(w, a->bytes, a->len);
    }
    return wire_writer_status(w);
}

status bundle_encode(struct wire_writer *w, const struct bundle *b)
{
    assert(b->approvals <= PARTIES_MAX && b->certificates <= PARTIES_MAX && b->self < PARTIES_MAX);
    if (b->contract.len > CONTRACT_BYTES_MAX || b->log.len > BUNDLE_LOG_MAX)
        return STATUS_LIMIT;
    wire_put_bytes(w, magic, sizeof magic);
    wire_put_u16(w, BUNDLE_VERSION);
    wire_put_u16(w, b->self);
    wire_put_blob(w, b->contract.bytes, b->contract.len);
    wire_put_u16(w, b->approvals);
    for (uint16_t p = 0; p < b->approvals; p++) {
        assert(b->approval[p].len == APPROVAL_BYTES);
        wire_put_bytes(w, b->approval[p].bytes, APPROVAL_BYTES);
    }
    wire_put_u16(w, b->certificates);
    for (uint16_t p = 0; p < b->certificates; p++) {
        if (b->certificate[p].len > BUNDLE_CERTIFICATE_MAX)
            return STATUS_LIMIT;
        wire_put_blob(w, b->certificate[p].bytes, b->certificate[p].len);
    }
    wire_put_blob(w, b->log.bytes, b->log.len);
    return put_attachments(w, b);
}

/* A count of parties, or 0 with the error latched. */
static uint16_t get_count(struct wire_reader *r)
{
    uint16_t count = wire_get_u16(r);

    if (count > PARTIES_MAX)
        r->state = STATUS_MALFORMED;
    return r->state == OK ? count : 0;
}

/* Kinds ascend, so that there is one order and none comes twice. */
static void get_attachments(struct bundle *out, struct wire_reader *r)
{
    uint16_t count = wire_get_u16(r), last = 0;

    for (uint16_t i = 0; i < count && r->state == OK; i++) {
        uint16_t kind = wire_get_u16(r);

        if (kind <= last || kind >= ATTACHMENT_KINDS) {
            r->state = STATUS_MALFORMED;
            return;
        }
        out->attachment[kind].bytes = wire_get_blob(r, BUNDLE_ATTACHMENT_MAX, &out->attachment[kind].len);
        last = kind;
    }
}

static status not_evidence(struct fault *f, const char *what)
{
    fault_set(f, STATUS_MISMATCH, "%s", what);
    fault_hint(f, "ask the party for its evidence file again and compare the two copies");
    return STATUS_MISMATCH;
}

status bundle_decode(struct bundle *out, const uint8_t *bytes, size_t len, struct fault *f)
{
    struct wire_reader r;
    char start[sizeof magic];
    uint16_t version;

    memset(out, 0, sizeof *out);
    wire_reader_init(&r, bytes, len);
    wire_get_bytes(&r, start, sizeof start);
    if (r.state != OK || memcmp(start, magic, sizeof magic) != 0)
        return not_evidence(f, "this is not an evidence file: it does not begin with HEFUEVID");
    version = wire_get_u16(&r);
    if (r.state == OK && version != BUNDLE_VERSION) {
        fault_set(f, STATUS_MISMATCH, "the evidence file has version %u, this program reads version %d", version,
                  BUNDLE_VERSION);
        fault_hint(f, "use the hefu-audit of the release that wrote it");
        return STATUS_MISMATCH;
    }
    out->self = wire_get_u16(&r);
    if (out->self >= PARTIES_MAX)
        r.state = STATUS_MALFORMED;
    out->contract.bytes = wire_get_blob(&r, CONTRACT_BYTES_MAX, &out->contract.len);
    out->approvals = get_count(&r);
    for (uint16_t p = 0; p < out->approvals && r.state == OK; p++) {
        uint8_t skipped[APPROVAL_BYTES];

        out->approval[p] = (struct bundle_part){r.at, APPROVAL_BYTES};
        wire_get_bytes(&r, skipped, sizeof skipped);
    }
    out->certificates = get_count(&r);
    for (uint16_t p = 0; p < out->certificates; p++)
        out->certificate[p].bytes = wire_get_blob(&r, BUNDLE_CERTIFICATE_MAX, &out->certificate[p].len);
    out->log.bytes = wire_get_blob(&r, BUNDLE_LOG_MAX, &out->log.len);
    get_attachments(out, &r);
    if (r.state != OK)
        return not_evidence(f, "the evidence file is cut short or damaged: a part is missing or longer than it may be");
    if (wire_finish(&r) != OK)
        return not_evidence(f, "the evidence file goes on after its end");
    return OK;
}
