/* Everything that passes between two nodes, apart from the connection that happens to carry it: the queue of what is to
 * be sent, what has been acknowledged, the channels and their unread messages.  No thread, no socket, no clock; the hub
 * holds its lock around every call.
 *
 * Frame, all big-endian:
 *     0  type u8 (MUX_ACK, MUX_DATA, MUX_CLOSE)  zero u8[3]
 *     4  body length u32
 *     8  sequence number u64      of this frame; for MUX_ACK of the next one
 *    16  acknowledged u64         every frame below this has arrived
 *    24  consumed u64             body bytes that have been read or dropped by this side's user
 * MUX_DATA body:  channel (32 + 4), message length u32, offset u32, bytes
 * MUX_CLOSE body: channel (32 + 4), goodbye u8, zero u8[3]
 *
 * A sender keeps every frame until it is acknowledged, and never sends more body bytes beyond `consumed` than the
 * receiver's window, so neither side can be made to hold more than it agreed to. */
#ifndef HEFU_LINK_MUX_H
#define HEFU_LINK_MUX_H

#include "node/net/link.h"

enum {
    MUX_HEADER = 32,
    MUX_CHANNEL = 36,
    MUX_DATA_HEADER = MUX_CHANNEL + 8,
    MUX_BODY_MAX = LINK_FRAME_MAX - MUX_HEADER,
    MUX_PIECE = MUX_BODY_MAX - MUX_DATA_HEADER, /* message bytes of one frame */
    MUX_CLOSED_KEPT = 1024,                     /* closed channels that are remembered */
};

struct mux_message {
    struct mux_message *next;
    uint32_t len, charge, life;
    uint8_t bytes[];
};

/* One channel with one peer. */
struct mux_slot {
    struct mux_slot *next;
    struct link_channel channel;
    struct mux_message *first, **last;
    uint64_t opened_ms;
    bool fresh; /* opened while there was no link: a restart of the peer takes nothing from it */
    bool ended, told;
    enum link_goodbye goodbye;
    struct fault fault;
};

struct mux_item;

struct mux {
    const char *peer;
    /* sending */
    struct mux_item *first, **last, *cursor;
    uint32_t cursor_frame;
    uint64_t tx_next, tx_sent, tx_charge, tx_consumed, peer_window, queued, queue_max;
    /* receiving */
    uint64_t rx_next, rx_charge, rx_consumed, ack_told, consumed_told;
    struct mux_message *partial;
    struct link_channel partial_channel;
    uint32_t partial_have;
    uint32_t life; /* grows when the peer restarts */
    bool linked, peer_stops; /* it said that it is shutting down */
    uint64_t sent_bytes, received_bytes;
    /* channels */
    struct mux_slot *slots;
    size_t num_slots;
    struct link_channel closed[MUX_CLOSED_KEPT];
    size_t num_closed;
};

void mux_init(struct mux *m, const char *peer, uint64_t queue_max);
void mux_clear(struct mux *m);

/* The slot of a channel, or NULL. */
struct mux_slot *mux_find(const struct mux *m, const struct link_channel *channel);
/* The same, made when missing.  STATUS_CLOSED when this side has closed the channel, STATUS_LIMIT when too many. */
MUST_USE status mux_open(struct mux *m, struct mux_slot **out, const struct link_channel *channel, uint64_t now_ms,
                         struct fault *f);
/* Forget the slot and its unread messages; arrivals are ignored from now on (kept = true) or make a new one. */
void mux_forget(struct mux *m, const struct link_channel *channel, bool ignore_arrivals);
/* No more on this slot; the first reason stays. */
void mux_end(struct mux_slot *slot, enum link_goodbye goodbye, const struct fault *why);
void mux_end_all(struct mux *m, enum link_goodbye goodbye, const struct fault *why);

MUST_USE status mux_queue_message(struct mux *m, const struct link_channel *channel, const void *bytes, size_t len,
                                  struct fault *f);
MUST_USE status mux_queue_close(struct mux *m, const struct link_channel *channel, enum link_goodbye goodbye);
/* A slot with a message to read or an end to tell, each in its turn; or NULL. */
struct mux_slot *mux_ready(struct mux *m);
/* The oldest unread message of a slot, or NULL; the caller frees it. */
struct mux_message *mux_take(struct mux *m, struct mux_slot *slot);

/* The next frame to put on the wire, in LINK_FRAME_MAX bytes; 0 when there is nothing to say. */
size_t mux_next_frame(struct mux *m, uint8_t *frame);
/* A frame that says nothing new. */
size_t mux_heartbeat(struct mux *m, uint8_t *frame);
/* There is news worth a frame of its own: the reader has made room. */
bool mux_owes_news(const struct mux *m);

/* The body length that a header claims, checked before anything is read or stored; STATUS_MALFORMED. */
MUST_USE status mux_check_header(const struct mux *m, const uint8_t header[MUX_HEADER], size_t *body_len,
                                 struct fault *f);
/* One whole frame that has arrived.  STATUS_MALFORMED for what no honest node sends.  *news: something to read or an
 * end has appeared. */
MUST_USE status mux_accept(struct mux *m, const uint8_t *frame, size_t len, uint64_t now_ms, bool *news, struct fault *f);

/* The connection is gone. */
void mux_unlink(struct mux *m);
/* A new connection: the peer has every frame below peer_has; send from there. */
MUST_USE status mux_resume(struct mux *m, uint64_t peer_has, uint64_t peer_window, struct fault *f);
/* Nothing has been acknowledged either way. */
bool mux_is_untouched(const struct mux *m);
/* The peer is a new process: what was between us is gone.  Ends every slot, but for those opened since the last
 * connection, which keep what was queued on them. */
void mux_restart(struct mux *m, const struct fault *why);

#endif
