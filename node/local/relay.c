#include "node/local/relay.h"

#include "crypto/wire.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void relay_push(struct relay_queue *q, struct relay_item *m)
{
    m->next = NULL;
    if (q->tail)
        q->tail->next = m;
    else
        q->head = m;
    q->tail = m;
    q->bytes += m->len;
}

struct relay_item *relay_pop(struct relay_queue *q)
{
    struct relay_item *m = q->head;

    if (!m)
        return NULL;
    q->head = m->next;
    if (!q->head)
        q->tail = NULL;
    q->bytes -= m->len;
    return m;
}

void relay_drop(struct relay_queue *q)
{
    struct relay_item *m;

    while ((m = relay_pop(q)))
        free(m);
}

status relay_init(struct relay *r, int fd, enum relay_end self, party parties)
{
    int flags = fcntl(fd, F_GETFL);

    assert(parties <= PARTIES_MAX);
    *r = (struct relay){.fd = fd, .self = self, .parties = parties};
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return STATUS_IO;
    return OK;
}

void relay_clear(struct relay *r)
{
    relay_forget_frames(r);
    relay_drop(&r->now);
    relay_drop(&r->last);
    free(r->writing);
    free(r->reading);
    if (r->fd >= 0)
        close(r->fd);
    *r = (struct relay){.fd = -1};
}

/* Which end says it, how long it may be, whether it names a party. */
static int relay_allows(const struct relay *r, enum relay_end from, uint8_t type, party who, size_t len)
{
    int by_worker = from == RELAY_WORKER;

    switch ((enum relay_type)type) {
    case RELAY_FRAME:
        return who < r->parties && len <= FRAME_MAX;
    case RELAY_PROGRESS:
    case RELAY_DONE:
    case RELAY_FAILED:
        return by_worker && !who && len <= RELAY_TEXT_MAX;
    case RELAY_PEER_LOST:
        return !by_worker && who < r->parties && len <= RELAY_TEXT_MAX;
    case RELAY_CANCEL:
        return !by_worker && !who && !len;
    case RELAY_HOLD:
    case RELAY_GO:
        return who < r->parties && !len;
    }
    return 0;
}

static struct relay_item *item_new(uint8_t type, party who, size_t len)
{
    struct relay_item *m = malloc(sizeof *m + RELAY_HEADER + len + 1);

    if (!m)
        return NULL;
    m->next = NULL;
    m->type = (enum relay_type)type;
    m->who = who;
    m->len = len;
    m->bytes[0] = type;
    store_u16(m->bytes + 1, who);
    store_u32(m->bytes + 3, (uint32_t)len);
    m->bytes[RELAY_HEADER + len] = 0;
    return m;
}

status relay_put(struct relay *r, enum relay_type type, party who, const void *body, size_t len)
{
    struct relay_item *m;

    assert(relay_allows(r, r->self, (uint8_t)type, who, len));
    m = item_new((uint8_t)type, who, len);
    if (!m)
        return STATUS_NO_MEMORY;
    if (len)
        memcpy(relay_body(m), body, len);
    if (type == RELAY_FRAME || type == RELAY_PEER_LOST)
        relay_push(&r->frames[who], m);
    else
        relay_push(type == RELAY_DONE ? &r->last : &r->now, m);
    return OK;
}

status relay_hold(struct relay *r, party who, int on)
{
    if (r->holding[who] == (on != 0))
        return OK;
    TRY(relay_put(r, on ? RELAY_HOLD : RELAY_GO, who, NULL, 0));
    r->holding[who] = on != 0;
    return OK;
}

void relay_forget_frames(struct relay *r)
{
    for (party p = 0; p < PARTIES_MAX; p++)
        relay_drop(&r->frames[p]);
}

size_t relay_waiting(const struct relay *r, party who)
{
    return r->frames[who].bytes;
}

int relay_drained(const struct relay *r)
{
    if (r->writing || r->now.head || r->last.head)
        return 0;
    for (party p = 0; p < r->parties; p++) {
        if (r->frames[p].head)
            return 0;
    }
    return 1;
}

/* The next message in turn; frames of a party that is held stay where they are, the news that it is gone does not. */
static struct relay_queue *next_queue(const struct relay *r)
{
    int waiting = 0;

    if (r->now.head)
        return (struct relay_queue *)&r->now;
    for (party i = 0; i < r->parties; i++) {
        party p = (party)((r->turn + i) % r->parties);
        const struct relay_item *head = r->frames[p].head;

        waiting |= head != NULL;
        if (head && (!r->held[p] || head->type != RELAY_FRAME))
            return (struct relay_queue *)&r->frames[p];
    }
    return !waiting && r->last.head ? (struct relay_queue *)&r->last : NULL;
}

int relay_wants_write(const struct relay *r)
{
    return !r->closed && (r->writing || next_queue(r));
}

status relay_write(struct relay *r)
{
    while (!r->closed) {
        size_t total;
        ssize_t n;

        if (!r->writing) {
            struct relay_queue *q = next_queue(r);

            if (!q)
                return OK;
            r->writing = relay_pop(q);
            r->written = 0;
            if (r->writing->type == RELAY_FRAME)
                r->turn = (party)((r->writing->who + 1) % r->parties);
        }
        total = RELAY_HEADER + r->writing->len;
        n = send(r->fd, r->writing->bytes + r->written, total - r->written, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return OK;
        if (n < 0) {
            r->closed = 1;
            break;
        }
        r->written += (size_t)n;
        if (r->written == total) {
            free(r->writing);
            r->writing = NULL;
        }
    }
    return STATUS_CLOSED;
}

/* Fill up to want bytes at out, of which *got are there.  OK with *got < want when the socket has no more for now. */
static status fill(struct relay *r, uint8_t *out, size_t want)
{
    while (r->got < want) {
        ssize_t n = recv(r->fd, out + r->got, want - r->got, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return OK;
        if (n <= 0) {
            r->closed = 1;
            return STATUS_CLOSED;
        }
        r->got += (size_t)n;
    }
    return OK;
}

static status read_one(struct relay *r, struct relay_item **out)
{
    struct relay_item *m;

    if (!r->reading) {
        uint8_t type;
        party who;
        size_t len;

        TRY(fill(r, r->header, RELAY_HEADER));
        if (r->got < RELAY_HEADER)
            return OK;
        type = r->header[0];
        who = load_u16(r->header + 1);
        len = load_u32(r->header + 3);
        if (!relay_allows(r, r->self == RELAY_WORKER ? RELAY_DAEMON : RELAY_WORKER, type, who, len))
            return STATUS_MALFORMED;
        r->reading = item_new(type, who, len);
        if (!r->reading)
            return STATUS_NO_MEMORY;
        r->got = 0;
    }
    m = r->reading;
    TRY(fill(r, relay_body(m), m->len));
    if (r->got < m->len)
        return OK;
    r->reading = NULL;
    r->got = 0;
    *out = m;
    return OK;
}

status relay_read(struct relay *r, struct relay_item **out)
{
    *out = NULL;
    for (;;) {
        struct relay_item *m = NULL;

        TRY(read_one(r, &m));
        if (!m || (m->type != RELAY_HOLD && m->type != RELAY_GO)) {
            *out = m;
            return OK;
        }
        r->held[m->who] = m->type == RELAY_HOLD;
        free(m);
    }
}
