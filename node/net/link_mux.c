#include "node/net/link_mux.h"
#include "crypto/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum mux_type { MUX_ACK = 1, MUX_DATA = 2, MUX_CLOSE = 3 };

/* A message or a goodbye that waits until the peer has it. */
struct mux_item {
    struct mux_item *next;
    enum mux_type type;
    struct link_channel channel;
    enum link_goodbye goodbye;
    uint32_t len, frames;
    uint64_t first_seq;
    uint64_t charge_before; /* body bytes of everything queued earlier */
    uint8_t bytes[];
};

static void channel_put(uint8_t *out, const struct link_channel *c)
{
    memcpy(out, c->session, sizeof c->session);
    store_u32(out + sizeof c->session, c->attempt);
}

static void channel_get(struct link_channel *c, const uint8_t *in)
{
    memcpy(c->session, in, sizeof c->session);
    c->attempt = load_u32(in + sizeof c->session);
}

static bool channel_equal(const struct link_channel *a, const struct link_channel *b)
{
    return a->attempt == b->attempt && memcmp(a->session, b->session, sizeof a->session) == 0;
}

/* ------------------------------------------------------------------ life -------------------------------------- */

void mux_init(struct mux *m, const char *peer, uint64_t queue_max)
{
    memset(m, 0, sizeof *m);
    m->peer = peer;
    m->queue_max = queue_max;
    m->peer_window = queue_max;
    m->last = &m->first;
}

static void slot_free(struct mux_slot *slot)
{
    while (slot->first) {
        struct mux_message *next = slot->first->next;

        free(slot->first);
        slot->first = next;
    }
    free(slot);
}

static void drop_queue(struct mux *m)
{
    while (m->first) {
        struct mux_item *next = m->first->next;

        free(m->first);
        m->first = next;
    }
    m->last = &m->first;
    m->cursor = NULL;
    m->cursor_frame = 0;
    m->queued = 0;
}

void mux_clear(struct mux *m)
{
    drop_queue(m);
    free(m->partial);
    while (m->slots) {
        struct mux_slot *next = m->slots->next;

        slot_free(m->slots);
        m->slots = next;
    }
    memset(m, 0, sizeof *m);
}

/* ------------------------------------------------------------------ channels ---------------------------------- */

struct mux_slot *mux_find(const struct mux *m, const struct link_channel *channel)
{
    for (struct mux_slot *s = m->slots; s; s = s->next)
        if (channel_equal(&s->channel, channel))
            return s;
    return NULL;
}

static bool is_closed(const struct mux *m, const struct link_channel *channel)
{
    size_t kept = m->num_closed < MUX_CLOSED_KEPT ? m->num_closed : MUX_CLOSED_KEPT;

    for (size_t i = 0; i < kept; i++)
        if (channel_equal(&m->closed[i], channel))
            return true;
    return false;
}

status mux_open(struct mux *m, struct mux_slot **out, const struct link_channel *channel, uint64_t now_ms, struct fault *f)
{
    struct mux_slot *slot = mux_find(m, channel);

    if (!slot) {
        if (is_closed(m, channel))
            return fault_set(f, STATUS_CLOSED, "this node has closed the session");
        if (m->num_slots == LINK_CHANNELS_MAX)
            return fault_set(f, STATUS_LIMIT, "more than %d sessions are open with %s", LINK_CHANNELS_MAX, m->peer);
        TRY(alloc_zeroed(&slot, 1, sizeof *slot));
        slot->channel = *channel;
        slot->last = &slot->first;
        slot->opened_ms = now_ms;
        slot->fresh = !m->linked;
        slot->next = m->slots;
        m->slots = slot;
        m->num_slots++;
    }
    *out = slot;
    return OK;
}

/* The reader is done with a message of the current life. */
static void consume(struct mux *m, uint32_t charge, uint32_t life)
{
    if (life == m->life)
        m->rx_consumed += charge;
}

void mux_forget(struct mux *m, const struct link_channel *channel, bool ignore_arrivals)
{
    for (struct mux_slot **at = &m->slots; *at; at = &(*at)->next)
        if (channel_equal(&(*at)->channel, channel)) {
            struct mux_slot *slot = *at;

            for (const struct mux_message *msg = slot->first; msg; msg = msg->next)
                consume(m, msg->charge, msg->life);
            *at = slot->next;
            slot_free(slot);
            m->num_slots--;
            break;
        }
    if (ignore_arrivals && !is_closed(m, channel))
        m->closed[m->num_closed++ % MUX_CLOSED_KEPT] = *channel;
}

void mux_end(struct mux_slot *slot, enum link_goodbye goodbye, const struct fault *why)
{
    if (slot->ended)
        return;
    slot->ended = true;
    slot->goodbye = goodbye;
    slot->fault = *why;
}

void mux_end_all(struct mux *m, enum link_goodbye goodbye, const struct fault *why)
{
    for (struct mux_slot *s = m->slots; s; s = s->next)
        mux_end(s, goodbye, why);
}

struct mux_slot *mux_ready(struct mux *m)
{
    struct mux_slot **at = &m->slots, *slot;

    while (*at && !(*at)->first && (!(*at)->ended || (*at)->told))
        at = &(*at)->next;
    if (!(slot = *at))
        return NULL;
    *at = slot->next;
    while (*at)
        at = &(*at)->next;
    slot->next = NULL;
    *at = slot;
    return slot;
}

struct mux_message *mux_take(struct mux *m, struct mux_slot *slot)
{
    struct mux_message *msg = slot->first;

    if (!msg)
        return NULL;
    slot->first = msg->next;
    if (!slot->first)
        slot->last = &slot->first;
    consume(m, msg->charge, msg->life);
    return msg;
}

/* ------------------------------------------------------------------ sending ----------------------------------- */

static uint32_t frames_of(size_t len)
{
    return len == 0 ? 1 : (uint32_t)((len + MUX_PIECE - 1) / MUX_PIECE);
}

/* What an item weighs against queue_max: empty messages are not free. */
static uint64_t weight(const struct mux_item *item)
{
    return item->len + sizeof *item;
}

/* Puts an item at the end of the queue, with the next numbers. */
static void append(struct mux *m, struct mux_item *item)
{
    item->next = NULL;
    item->first_seq = m->tx_next;
    item->charge_before = m->tx_charge;
    m->tx_next += item->frames;
    m->tx_charge += item->type == MUX_DATA ? item->len + (uint64_t)item->frames * MUX_DATA_HEADER : MUX_CHANNEL + 4;
    m->queued += weight(item);
    *m->last = item;
    m->last = &item->next;
    if (!m->cursor) {
        m->cursor = item;
        m->cursor_frame = 0;
    }
}

static status queue(struct mux *m, struct mux_item **out, enum mux_type type, const struct link_channel *channel,
                    const void *bytes, size_t len)
{
    struct mux_item *item = malloc(sizeof *item + len);

    if (!item)
        return STATUS_NO_MEMORY;
    memset(item, 0, sizeof *item);
    item->type = type;
    item->channel = *channel;
    item->len = (uint32_t)len;
    item->frames = frames_of(len);
    if (len > 0)
        memcpy(item->bytes, bytes, len);
    append(m, item);
    *out = item;
    return OK;
}

status mux_queue_message(struct mux *m, const struct link_channel *channel, const void *bytes, size_t len, struct fault *f)
{
    struct mux_item *item;

    if (len > LINK_MESSAGE_MAX)
        return fault_set(f, STATUS_LIMIT, "a message of %zu bytes is longer than the %d that a link carries", len,
                         LINK_MESSAGE_MAX);
    if (m->queued + len + sizeof *item > m->queue_max) {
        fault_hint(f, "%s does not take what is sent to it; is it running, and reachable fast enough?", m->peer);
        return fault_set(f, STATUS_LIMIT, "%llu bytes wait for %s, and not more than %llu may",
                         (unsigned long long)m->queued, m->peer, (unsigned long long)m->queue_max);
    }
    TRY(queue(m, &item, MUX_DATA, channel, bytes, len));
    m->sent_bytes += len;
    return OK;
}

status mux_queue_close(struct mux *m, const struct link_channel *channel, enum link_goodbye goodbye)
{
    struct mux_item *item;

    TRY(queue(m, &item, MUX_CLOSE, channel, NULL, 0));
    item->goodbye = goodbye;
    return OK;
}

static void put_header(struct mux *m, uint8_t *frame, enum mux_type type, size_t body_len, uint64_t seq)
{
    memset(frame, 0, MUX_HEADER);
    frame[0] = (uint8_t)type;
    store_u32(frame + 4, (uint32_t)body_len);
    store_u64(frame + 8, seq);
    store_u64(frame + 16, m->rx_next);
    store_u64(frame + 24, m->rx_consumed);
    m->ack_told = m->rx_next;
    m->consumed_told = m->rx_consumed;
}

static uint64_t cursor_seq(const struct mux *m)
{
    return m->cursor ? m->cursor->first_seq + m->cursor_frame : m->tx_next;
}

size_t mux_heartbeat(struct mux *m, uint8_t *frame)
{
    put_header(m, frame, MUX_ACK, 0, cursor_seq(m));
    return MUX_HEADER;
}

bool mux_owes_news(const struct mux *m)
{
    return m->rx_consumed - m->consumed_told >= m->queue_max / 8;
}

static size_t put_item_frame(struct mux *m, uint8_t *frame, const struct mux_item *item, uint32_t index)
{
    uint8_t *body = frame + MUX_HEADER;
    size_t offset = (size_t)index * MUX_PIECE, piece, body_len;

    channel_put(body, &item->channel);
    if (item->type == MUX_CLOSE) {
        body_len = MUX_CHANNEL + 4;
        store_u32(body + MUX_CHANNEL, (uint32_t)item->goodbye << 24);
    } else {
        piece = item->len - offset < MUX_PIECE ? item->len - offset : MUX_PIECE;
        body_len = MUX_DATA_HEADER + piece;
        if (item->charge_before + offset + (uint64_t)index * MUX_DATA_HEADER + body_len - m->tx_consumed > m->peer_window)
            return 0; /* the peer has not read enough yet */
        store_u32(body + MUX_CHANNEL, item->len);
        store_u32(body + MUX_CHANNEL + 4, (uint32_t)offset);
        memcpy(body + MUX_DATA_HEADER, item->bytes + offset, piece);
    }
    put_header(m, frame, item->type, body_len, item->first_seq + index);
    return MUX_HEADER + body_len;
}

size_t mux_next_frame(struct mux *m, uint8_t *frame)
{
    size_t len = m->cursor ? put_item_frame(m, frame, m->cursor, m->cursor_frame) : 0;

    if (len > 0) {
        if (++m->cursor_frame == m->cursor->frames) {
            m->cursor = m->cursor->next;
            m->cursor_frame = 0;
        }
        if (m->tx_sent < cursor_seq(m))
            m->tx_sent = cursor_seq(m);
        return len;
    }
    return m->ack_told != m->rx_next || mux_owes_news(m) ? mux_heartbeat(m, frame) : 0;
}

/* The peer has every frame below seq. */
static void acknowledge(struct mux *m, uint64_t seq)
{
    while (m->first && m->first->first_seq + m->first->frames <= seq) {
        struct mux_item *item = m->first;

        if (m->cursor == item) {
            m->cursor = item->next;
            m->cursor_frame = 0;
        }
        m->queued -= weight(item);
        m->first = item->next;
        if (!m->first)
            m->last = &m->first;
        free(item);
    }
}

status mux_resume(struct mux *m, uint64_t peer_has, uint64_t peer_window, struct fault *f)
{
    if (peer_has > m->tx_sent || (m->first && peer_has < m->first->first_seq) || (!m->first && peer_has != m->tx_next))
        return fault_set(f, STATUS_MALFORMED, "%s claims to have other frames than were sent", m->peer);
    acknowledge(m, peer_has);
    m->peer_window = peer_window;
    m->linked = true;
    m->peer_stops = false;
    for (struct mux_slot *s = m->slots; s; s = s->next)
        s->fresh = false;
    m->cursor = m->first;
    m->cursor_frame = m->first ? (uint32_t)(peer_has - m->first->first_seq) : 0;
    return OK;
}

bool mux_is_untouched(const struct mux *m)
{
    return m->rx_next == 0 && (m->first ? m->first->first_seq == 0 : m->tx_next == 0);
}

void mux_unlink(struct mux *m)
{
    m->linked = false;
}

void mux_restart(struct mux *m, const struct fault *why)
{
    struct mux_item *item = m->first;

    for (struct mux_slot *s = m->slots; s; s = s->next)
        if (!s->fresh)
            mux_end(s, LINK_LOST, why);
    free(m->partial);
    m->partial = NULL;
    m->partial_have = 0;
    m->tx_next = m->tx_sent = m->tx_charge = m->tx_consumed = m->queued = 0;
    m->rx_next = m->rx_charge = m->rx_consumed = m->ack_told = m->consumed_told = 0;
    m->life++;
    m->first = m->cursor = NULL;
    m->last = &m->first;
    while (item) {
        struct mux_item *next = item->next;
        const struct mux_slot *slot = mux_find(m, &item->channel);

        if (slot && slot->fresh && !slot->ended)
            append(m, item);
        else
            free(item);
        item = next;
    }
}

/* ------------------------------------------------------------------ receiving --------------------------------- */

static status malformed(const struct mux *m, struct fault *f, const char *what)
{
    fault_hint(f, "update %s's node, or this one: they do not speak alike", m->peer);
    return fault_set(f, STATUS_MALFORMED, "%s sent %s", m->peer, what);
}

status mux_check_header(const struct mux *m, const uint8_t h[MUX_HEADER], size_t *body_len, struct fault *f)
{
    uint32_t len = load_u32(h + 4);

    if (h[1] || h[2] || h[3])
        return malformed(m, f, "a frame with reserved bytes set");
    switch (h[0]) {
    case MUX_ACK:
        if (len != 0)
            return malformed(m, f, "an acknowledgement with a body");
        break;
    case MUX_CLOSE:
        if (len != MUX_CHANNEL + 4)
            return malformed(m, f, "a goodbye of the wrong length");
        break;
    case MUX_DATA:
        if (len < MUX_DATA_HEADER)
            return malformed(m, f, "a frame that is too short");
        if (len > MUX_BODY_MAX)
            return malformed(m, f, "a frame that claims to be longer than any may be");
        break;
    default:
        return malformed(m, f, "a frame of an unknown type");
    }
    *body_len = len;
    return OK;
}

static status accept_close(struct mux *m, const uint8_t *body, uint64_t now_ms, bool *news, struct fault *f)
{
    uint32_t word = load_u32(body + MUX_CHANNEL);
    struct link_channel channel;
    struct mux_slot *slot;
    struct fault why = {0};

    if (word & 0xffffff || word >> 24 < LINK_DONE || word >> 24 > LINK_LOST)
        return malformed(m, f, "a goodbye that is not on the list");
    if (m->partial)
        return malformed(m, f, "a goodbye in the middle of a message");
    channel_get(&channel, body);
    m->rx_consumed += MUX_CHANNEL + 4;
    m->peer_stops = m->peer_stops || word >> 24 == LINK_STOPPED;
    if (is_closed(m, &channel))
        return OK;
    if (mux_open(m, &slot, &channel, now_ms, NULL) != OK)
        return malformed(m, f, "goodbyes to more sessions than may be open");
    fault_set(&why, STATUS_CLOSED, "%s closed the session: %s", m->peer, link_goodbye_text((enum link_goodbye)(word >> 24)));
    mux_end(slot, (enum link_goodbye)(word >> 24), &why);
    *news = true;
    return OK;
}

static status deliver(struct mux *m, struct mux_message *msg, uint64_t now_ms, bool *news, struct fault *f)
{
    struct mux_slot *slot = NULL;

    if (is_closed(m, &m->partial_channel)) {
        consume(m, msg->charge, msg->life);
        free(msg);
        return OK;
    }
    if (mux_open(m, &slot, &m->partial_channel, now_ms, NULL) != OK) {
        free(msg);
        return malformed(m, f, "messages for more sessions than may be open");
    }
    if (slot->ended) {
        consume(m, msg->charge, msg->life);
        free(msg);
        return OK;
    }
    *slot->last = msg;
    slot->last = &msg->next;
    m->received_bytes += msg->len;
    *news = true;
    return OK;
}

static status accept_data(struct mux *m, const uint8_t *body, size_t body_len, uint64_t now_ms, bool *news, struct fault *f)
{
    uint32_t total = load_u32(body + MUX_CHANNEL), offset = load_u32(body + MUX_CHANNEL + 4);
    size_t piece = body_len - MUX_DATA_HEADER, expected;
    struct link_channel channel;
    struct mux_message *msg;

    channel_get(&channel, body);
    if (total > LINK_MESSAGE_MAX)
        return malformed(m, f, "a message that claims to be longer than any may be");
    if (m->rx_charge + body_len - m->rx_consumed > m->queue_max)
        return malformed(m, f, "more than this node has room for");
    if (offset == 0 && !m->partial) {
        if (!(m->partial = malloc(sizeof *m->partial + total)))
            return STATUS_NO_MEMORY;
        *m->partial = (struct mux_message){.len = total, .life = m->life};
        m->partial_channel = channel;
        m->partial_have = 0;
    }
    msg = m->partial;
    if (!msg || offset != m->partial_have || total != msg->len || !channel_equal(&channel, &m->partial_channel))
        return malformed(m, f, "pieces of a message out of order");
    expected = total - offset < MUX_PIECE ? total - offset : MUX_PIECE;
    if (piece != expected)
        return malformed(m, f, "a piece of a message of the wrong length");
    memcpy(msg->bytes + offset, body + MUX_DATA_HEADER, piece);
    msg->charge += (uint32_t)body_len;
    m->partial_have += (uint32_t)piece;
    if (m->partial_have < total)
        return OK;
    m->partial = NULL;
    return deliver(m, msg, now_ms, news, f);
}

status mux_accept(struct mux *m, const uint8_t *frame, size_t len, uint64_t now_ms, bool *news, struct fault *f)
{
    uint64_t seq = load_u64(frame + 8), ack = load_u64(frame + 16), consumed = load_u64(frame + 24);
    size_t body_len = len - MUX_HEADER;

    *news = false;
    assert(len >= MUX_HEADER);
    if (ack > cursor_seq(m))
        return malformed(m, f, "an acknowledgement of frames that were never sent");
    if (consumed > m->tx_charge)
        return malformed(m, f, "a count of bytes that were never sent");
    acknowledge(m, ack);
    if (consumed > m->tx_consumed)
        m->tx_consumed = consumed;
    if (frame[0] == MUX_ACK || seq < m->rx_next)
        return OK; /* nothing in it, or had it already */
    if (seq > m->rx_next)
        return malformed(m, f, "frames out of order");
    if (frame[0] == MUX_CLOSE)
        TRY(accept_close(m, frame + MUX_HEADER, now_ms, news, f));
    else
        TRY(accept_data(m, frame + MUX_HEADER, body_len, now_ms, news, f));
    m->rx_charge += body_len;
    m->rx_next++;
    return OK;
}
