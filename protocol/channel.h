/* How frames reach peers: over the network, in a simulation, from a recording.  A frame is at most FRAME_MAX bytes.
 * send queues and never waits for the peer's reader.  recv names its party and has a deadline of its own. */
#ifndef HEFU_CHANNEL_H
#define HEFU_CHANNEL_H

#include "protocol/contract.h"

enum { FRAME_MAX = 262144 };

struct channel {
    void *ctx;
    status (*send)(void *ctx, party to, const uint8_t *frame, size_t len, struct fault *f);
    /* The next frame from that party, into a buffer of FRAME_MAX bytes. */
    status (*recv)(void *ctx, party from, uint8_t *frame, size_t *len, struct fault *f);
    /* After recv failed: the party that went away, which may be another one; NULL when it is always the one waited for. */
    party (*culprit)(void *ctx, party from);
};

/* Where a session writes its evidence.  append adds an entry of the log; body keeps a received body (sent bodies can
 * be computed again); both are durable when sync returns.  [SPEC 7.3: write, sync, then send] */
struct journal {
    void *ctx;
    status (*append)(void *ctx, const uint8_t *entry, size_t len, struct fault *f);
    status (*body)(void *ctx, uint64_t seq, const uint8_t *body, size_t len, struct fault *f);
    status (*sync)(void *ctx, struct fault *f);
    /* len bytes of the log from byte `from` on, as they are kept: read back before they are signed.  NULL: nothing is kept
     * that could be read back. */
    status (*reread)(void *ctx, uint64_t from, uint8_t *out, size_t len, struct fault *f);
};

/* How far a session is; called often, must be cheap.  total 0 = unknown. */
struct progress {
    void *ctx;
    void (*step)(void *ctx, uint16_t phase, uint32_t pass, uint64_t done, uint64_t total);
};

#endif
