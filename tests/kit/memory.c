#include "kit/memory.h"

static status put(void *ctx, const void *bytes, size_t len, struct fault *f)
{
    (void)f;
    wire_put_bytes(ctx, bytes, len);
    return wire_writer_status(ctx);
}

static status get(void *ctx, void *bytes, size_t len, struct fault *f)
{
    struct wire_reader *r = ctx;

    wire_get_bytes(r, bytes, len);
    return r->state == OK ? OK : fault_set(f, STATUS_MISMATCH, "it is cut short");
}

struct byte_sink memory_sink(struct wire_writer *w)
{
    return (struct byte_sink){w, put};
}

struct byte_source memory_source(struct wire_reader *r)
{
    return (struct byte_source){r, get};
}
