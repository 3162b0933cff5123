/* Frames between a node's daemon and the worker of one job, over one stream socket.  [docs: node/hefud]
 *
 * Both ends read and write independently.  Outgoing frames wait in one queue per party, so that a slow party does not
 * hold up the others; an end that has taken in enough from one party asks the other end to hold it.  Nothing here
 * blocks: the owner polls the descriptor and calls relay_read and relay_write. */
#ifndef HEFU_RELAY_H
#define HEFU_RELAY_H

#include "protocol/channel.h"

enum relay_type {
    RELAY_FRAME = 1,     /* both ways: a frame to or from a party                            */
    RELAY_PROGRESS = 2,  /* worker: how far it is                                            */
    RELAY_DONE = 3,      /* worker: finished, with the result; comes after all of its frames */
    RELAY_FAILED = 4,    /* worker: stopped, why and by whose fault                          */
    RELAY_PEER_LOST = 5, /* daemon: that party is gone, why; comes after all of its frames   */
    RELAY_CANCEL = 6,    /* daemon: stop                                                     */
    RELAY_HOLD = 7,      /* both ways: send no more frames of that party for now             */
    RELAY_GO = 8,        /* both ways: go on with them                                       */
};

enum { RELAY_HEADER = 7, RELAY_TEXT_MAX = 1 << 20 };

enum relay_end { RELAY_WORKER, RELAY_DAEMON };

struct relay_item {
    struct relay_item *next;
    enum relay_type type;
    party who;
    size_t len;     /* of the body */
    uint8_t bytes[]; /* header, body, NUL */
};

static inline uint8_t *relay_body(struct relay_item *m) { return m->bytes + RELAY_HEADER; }

struct relay_queue {
    struct relay_item *head, *tail;
    size_t bytes;
};

void relay_push(struct relay_queue *q, struct relay_item *m);
struct relay_item *relay_pop(struct relay_queue *q); /* NULL when empty; free() it */
void relay_drop(struct relay_queue *q);

struct relay {
    int fd; /* non-blocking, closed by relay_clear */
    enum relay_end self;
    party parties;
    struct relay_queue now, frames[PARTIES_MAX], last;
    uint8_t held[PARTIES_MAX];     /* the other end asked us to hold */
    uint8_t holding[PARTIES_MAX];  /* we asked the other end to hold */
    party turn;
    struct relay_item *writing, *reading;
    size_t written, got;
    uint8_t header[RELAY_HEADER];
    int closed;                    /* the other end is gone */
};

/* Makes fd non-blocking and owns it. */
MUST_USE status relay_init(struct relay *r, int fd, enum relay_end self, party parties);
void relay_clear(struct relay *r);

/* Queue one message; the bytes are copied. */
MUST_USE status relay_put(struct relay *r, enum relay_type type, party who, const void *body, size_t len);
/* Ask the other end to hold (1) or go on (0) with frames of that party; nothing when it was asked already. */
MUST_USE status relay_hold(struct relay *r, party who, int on);
/* Forget the frames that wait: the job has failed. */
void relay_forget_frames(struct relay *r);

/* Whether there is something that may be written now; bytes that wait for that party; whether nothing waits at all. */
int relay_wants_write(const struct relay *r);
size_t relay_waiting(const struct relay *r, party who);
int relay_drained(const struct relay *r);

/* Write what the socket takes.  STATUS_CLOSED when the other end is gone. */
MUST_USE status relay_write(struct relay *r);
/* The next whole message in *out (free it), or NULL when there is none yet.  STATUS_CLOSED at the end of the stream,
 * STATUS_MALFORMED for what this other end never sends. */
MUST_USE status relay_read(struct relay *r, struct relay_item **out);

#endif
