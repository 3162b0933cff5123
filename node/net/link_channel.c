#include "node/net/link_hub.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static status find_peer(const struct link_hub *hub, struct peer **out, const char *name, struct fault *f)
{
    *out = hub_find(hub, name);
    if (!*out)
        return fault_set(f, STATUS_CONFIG, "%s is not a peer of this node", name);
    return OK;
}

/* ------------------------------------------------------------------ channels ---------------------------------- */

/* The slot of a channel, made when missing; lock held. */
static status open_slot(struct link_hub *hub, struct peer **p, struct mux_slot **slot, const char *peer,
                        const struct link_channel *channel, struct fault *f)
{
    TRY(find_peer(hub, p, peer, f));
    return mux_open(&(*p)->mux, slot, channel, clock_ms(), f);
}

static status report_end(const struct mux_slot *slot, struct fault *f)
{
    fault_set(f, slot->fault.code, "%s", slot->fault.message);
    if (slot->fault.hint[0])
        fault_hint(f, "%s", slot->fault.hint);
    return slot->fault.code;
}

status link_open_channel(struct link_hub *hub, const char *peer, const struct link_channel *channel, struct fault *f)
{
    struct peer *p;
    struct mux_slot *slot;
    status st;

    pthread_mutex_lock(&hub->lock);
    st = open_slot(hub, &p, &slot, peer, channel, f);
    pthread_mutex_unlock(&hub->lock);
    return st;
}

status link_send(struct link_hub *hub, const char *peer, const struct link_channel *channel, const void *bytes, size_t len,
                 struct fault *f)
{
    struct peer *p;
    struct mux_slot *slot;
    status st;

    pthread_mutex_lock(&hub->lock);
    st = open_slot(hub, &p, &slot, peer, channel, f);
    if (st == OK && slot->ended)
        st = report_end(slot, f);
    if (st == OK)
        st = mux_queue_message(&p->mux, channel, bytes, len, f);
    if (st == OK)
        hub_poke(p);
    pthread_mutex_unlock(&hub->lock);
    return st;
}

static status hand_over(struct peer *p, struct mux_slot *slot, void *out, size_t cap, size_t *len, struct fault *f)
{
    struct mux_message *msg = slot->first;

    *len = msg->len;
    if (msg->len > cap)
        return fault_set(f, STATUS_UNEXPECTED, "%s sent %u bytes where at most %zu were expected", p->name, msg->len, cap);
    mux_take(&p->mux, slot);
    if (msg->len > 0)
        memcpy(out, msg->bytes, msg->len);
    free(msg);
    if (mux_owes_news(&p->mux))
        hub_poke(p);
    return OK;
}

status link_recv(struct link_hub *hub, const char *peer, const struct link_channel *channel, void *out, size_t cap,
                 size_t *len, uint32_t wait_ms, struct fault *f)
{
    uint64_t until = clock_ms() + wait_ms;
    struct peer *p;
    struct mux_slot *slot;
    status st;

    *len = 0;
    pthread_mutex_lock(&hub->lock);
    for (;;) {
        st = open_slot(hub, &p, &slot, peer, channel, f); /* again each time: another thread may have closed it */
        if (st != OK)
            break;
        if (slot->first) {
            st = hand_over(p, slot, out, cap, len, f);
            break;
        }
        if (slot->ended) {
            st = report_end(slot, f);
            break;
        }
        if (clock_ms() >= until) {
            fault_hint(f, p->conn ? "its node is linked but its side of the job is slow or stuck; see its log"
                                  : "is its node running, and do both sides reach each other?");
            st = fault_set(f, STATUS_TIMEOUT, "no message from %s at %s within %.1f s%s%.200s", p->name, p->address,
                           wait_ms / 1000.0, p->conn ? "" : "; not linked: ",
                           p->conn ? "" : p->last.message[0] ? p->last.message : "it has not connected");
            break;
        }
        hub_wait(hub, &hub->changed, until);
    }
    pthread_mutex_unlock(&hub->lock);
    return st;
}

status link_next(struct link_hub *hub, struct link_event *event)
{
    struct mux_slot *slot = NULL;
    struct peer *p = NULL;
    uint64_t count;

    memset(event, 0, sizeof *event);
    pthread_mutex_lock(&hub->lock);
    for (size_t i = 0; i < hub->num_peers && !slot; i++) {
        p = &hub->peers[hub->turn++ % hub->num_peers];
        slot = mux_ready(&p->mux);
    }
    if (!slot) {
        if (read(hub->event_fd, &count, sizeof count) < 0)
            count = 0; /* was not readable */
        pthread_mutex_unlock(&hub->lock);
        return STATUS_TIMEOUT;
    }
    event->peer = p->name;
    event->channel = slot->channel;
    if (slot->first) {
        struct mux_message *msg = mux_take(&p->mux, slot);

        event->storage = msg;
        event->bytes = msg->bytes;
        event->len = msg->len;
        if (mux_owes_news(&p->mux))
            hub_poke(p);
    } else {
        slot->told = true;
        event->ended = true;
        event->goodbye = slot->goodbye;
        event->fault = slot->fault;
    }
    pthread_mutex_unlock(&hub->lock);
    return OK;
}

void link_event_clear(struct link_event *event)
{
    free(event->storage);
    memset(event, 0, sizeof *event);
}

void link_close_channel(struct link_hub *hub, const struct link_channel *channel, enum link_goodbye code)
{
    pthread_mutex_lock(&hub->lock);
    for (struct peer *p = hub->peers; p < hub->peers + hub->num_peers; p++) {
        struct mux_slot *slot = mux_find(&p->mux, channel);

        if (slot && !slot->ended)
            (void)!mux_queue_close(&p->mux, channel, code); /* without memory the peer's own deadline ends it */
        mux_forget(&p->mux, channel, true);
        hub_poke(p);
    }
    pthread_cond_broadcast(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
}

enum link_goodbye link_ended(struct link_hub *hub, const char *peer, const struct link_channel *channel)
{
    enum link_goodbye goodbye = 0;
    const struct mux_slot *slot;
    const struct peer *p;

    pthread_mutex_lock(&hub->lock);
    p = hub_find(hub, peer);
    slot = p ? mux_find(&p->mux, channel) : NULL;
    if (slot && slot->ended)
        goodbye = slot->goodbye;
    pthread_mutex_unlock(&hub->lock);
    return goodbye;
}

status link_reopen_channel(struct link_hub *hub, const char *peer, const struct link_channel *channel, struct fault *f)
{
    struct peer *p;
    struct mux_slot *slot;
    status st;

    pthread_mutex_lock(&hub->lock);
    st = find_peer(hub, &p, peer, f);
    if (st == OK && (slot = mux_find(&p->mux, channel)) && slot->ended)
        mux_forget(&p->mux, channel, false);
    pthread_mutex_unlock(&hub->lock);
    return st;
}

/* ------------------------------------------------------------------ state ------------------------------------- */

status link_peer_state(struct link_hub *hub, const char *peer, struct link_peer_state *out, struct fault *f)
{
    struct peer *p;
    uint64_t now = clock_ms();
    status st;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&hub->lock);
    st = find_peer(hub, &p, peer, f);
    if (st == OK) {
        out->since_ms = now > p->since_ms ? now - p->since_ms : 0;
        out->state = p->conn ? LINK_CONNECTED : out->since_ms > hub->config.peer_deadline_ms ? LINK_AWAY : LINK_CONNECTING;
        out->reconnects = p->reconnects;
        out->queued = p->mux.queued;
        out->sent = p->mux.sent_bytes;
        out->received = p->mux.received_bytes;
        out->last = p->last;
    }
    pthread_mutex_unlock(&hub->lock);
    return st;
}

status link_wait_connected(struct link_hub *hub, const char *peer, uint32_t wait_ms, struct fault *f)
{
    uint64_t until = clock_ms() + wait_ms;
    struct peer *p;
    status st;

    pthread_mutex_lock(&hub->lock);
    st = find_peer(hub, &p, peer, f);
    while (st == OK && !p->conn) {
        if (clock_ms() < until) {
            hub_wait(hub, &hub->changed, until);
            continue;
        }
        if (p->last.hint[0])
            fault_hint(f, "%s", p->last.hint);
        st = fault_set(f, STATUS_TIMEOUT, "no link to %s at %s within %.1f s: %.300s", p->name, p->address, wait_ms / 1000.0,
                       p->last.message[0] ? p->last.message : "it has not connected");
    }
    pthread_mutex_unlock(&hub->lock);
    return st;
}

uint64_t link_turned_away(struct link_hub *hub, struct fault *last)
{
    uint64_t count;

    pthread_mutex_lock(&hub->lock);
    count = hub->turned_away;
    if (last)
        *last = hub->last_turned_away;
    pthread_mutex_unlock(&hub->lock);
    return count;
}
