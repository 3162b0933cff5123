#include "node/net/link_hub.h"
#include "crypto/wire.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_PER_TURN = 4, LINGER_MS = 500 };

/* ------------------------------------------------------------------ first words ------------------------------- */

static const uint8_t magic[4] = {'H', 'E', 'F', 'U'};

/* What each side tells the other once both know that it is a link. */
struct hello {
    uint8_t epoch[LINK_EPOCH];
    uint8_t knows[LINK_EPOCH]; /* the epoch of the other side that it has been talking to; zeros when none */
    uint64_t has, window;
};

void prelude_put(uint8_t out[LINK_PRELUDE], enum link_kind kind, enum link_verdict verdict)
{
    memcpy(out, magic, sizeof magic);
    store_u16(out + 4, LINK_VERSION);
    out[6] = (uint8_t)kind;
    out[7] = (uint8_t)verdict;
}

static status check_version(const struct link_prelude *prelude, const char *who, struct fault *f)
{
    if (prelude->version == LINK_VERSION)
        return OK;
    fault_hint(f, "all nodes of a consortium need releases that speak the same link version; update the older one");
    return fault_set(f, STATUS_UNEXPECTED, "%s speaks link version %u, this node %d", who, prelude->version, LINK_VERSION);
}

static status check_verdict(const struct link_prelude *prelude, const char *who, struct fault *f)
{
    switch ((enum link_verdict)prelude->verdict) {
    case VERDICT_OK:
        return OK;
    case VERDICT_VERSION:
        return fault_set(f, STATUS_UNEXPECTED, "%s refused: it speaks another link version", who);
    case VERDICT_NOT_A_PEER:
        fault_hint(f, "its operator must add this node to its list of peers");
        return fault_set(f, STATUS_REFUSED, "%s refused: this node is not among its peers", who);
    case VERDICT_PIN:
        fault_hint(f, "if this node's certificate was renewed, its operator must update the pinned fingerprint");
        return fault_set(f, STATUS_REFUSED, "%s refused: it has pinned another certificate for this node", who);
    case VERDICT_WRONG_WAY:
        return fault_set(f, STATUS_UNEXPECTED, "%s refused: by the order of names it is the one that dials", who);
    case VERDICT_NO_CONTROL:
        return fault_set(f, STATUS_REFUSED, "%s takes no control requests", who);
    case VERDICT_BUSY:
        fault_hint(f, "try again in a minute");
        return fault_set(f, STATUS_LIMIT, "%s is serving as many control connections as it may", who);
    case VERDICT_KIND:
        return fault_set(f, STATUS_UNEXPECTED, "%s does not know this kind of connection", who);
    }
    return fault_set(f, STATUS_MALFORMED, "%s refused for an unknown reason", who);
}

static status read_prelude_raw(struct pipe *p, struct link_prelude *out, const char *who, uint64_t until_ms, struct fault *f)
{
    uint8_t bytes[LINK_PRELUDE];

    TRY(pipe_read(p, bytes, sizeof bytes, until_ms, f));
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return fault_set(f, STATUS_UNEXPECTED, "%s does not speak the protocol of these nodes", who);
    *out = (struct link_prelude){.version = load_u16(bytes + 4), .kind = bytes[6], .verdict = bytes[7]};
    return OK;
}

status prelude_read(struct pipe *p, struct link_prelude *out, const char *who, uint64_t until_ms, struct fault *f)
{
    TRY(read_prelude_raw(p, out, who, until_ms, f));
    TRY(check_version(out, who, f));
    return check_verdict(out, who, f);
}

/* Lock held. */
static void hello_put(uint8_t out[LINK_HELLO], const struct link_hub *hub, const struct peer *peer)
{
    memcpy(out, hub->epoch, LINK_EPOCH);
    memcpy(out + LINK_EPOCH, peer->epoch, LINK_EPOCH); /* zeros before the first meeting */
    store_u64(out + 2 * LINK_EPOCH, peer->mux.rx_next);
    store_u64(out + 2 * LINK_EPOCH + 8, peer->mux.queue_max);
}

static status hello_read(struct pipe *p, struct hello *out, uint64_t until_ms, struct fault *f)
{
    uint8_t bytes[LINK_HELLO];

    TRY(pipe_read(p, bytes, sizeof bytes, until_ms, f));
    memcpy(out->epoch, bytes, LINK_EPOCH);
    memcpy(out->knows, bytes + LINK_EPOCH, LINK_EPOCH);
    out->has = load_u64(bytes + 2 * LINK_EPOCH);
    out->window = load_u64(bytes + 2 * LINK_EPOCH + 8);
    if (out->window < 2 * LINK_MESSAGE_MAX)
        return fault_set(f, STATUS_MALFORMED, "a link with room for less than a message");
    return OK;
}

/* ------------------------------------------------------------------ the link of a peer ------------------------ */

/* This connection becomes the one that carries the link; lock held. */
static status take_over(struct conn *conn, struct peer *peer, const struct hello *theirs, struct fault *f)
{
    struct link_hub *hub = conn->hub;
    bool same = peer->met && memcmp(theirs->epoch, peer->epoch, LINK_EPOCH) == 0;
    bool knows_us = memcmp(theirs->knows, hub->epoch, LINK_EPOCH) == 0;

    if (hub->stopping)
        return STATUS_CANCELLED;
    if (peer->met && (!same || (!knows_us && !mux_is_untouched(&peer->mux)))) {
        struct fault why = {0};

        fault_hint(&why, "the job ends here; start it again when %s's node is steady", peer->name);
        fault_set(&why, STATUS_CLOSED, "%s was restarted: what it had received or was working on is gone", peer->name);
        mux_restart(&peer->mux, &why);
        hub_news(hub);
    }
    memcpy(peer->epoch, theirs->epoch, LINK_EPOCH);
    peer->met = true;
    if (mux_resume(&peer->mux, same && knows_us ? theirs->has : 0, theirs->window, f) != OK) {
        mux_end_all(&peer->mux, LINK_LOST, f);
        hub_news(hub);
        return STATUS_MALFORMED;
    }
    if (peer->conn && peer->conn != conn && peer->conn->pipe)
        pipe_kill(peer->conn->pipe);
    if (conn->stage == CONN_STRANGER) {
        conn->stage = CONN_PEER;
        hub->strangers--;
    }
    peer->conn = conn;
    peer->since_ms = clock_ms();
    peer->reconnects++;
    pthread_cond_broadcast(&hub->changed);
    return OK;
}

/* The connection no longer carries the link. */
static void let_go(struct conn *conn, struct peer *peer, const struct fault *why)
{
    struct link_hub *hub = conn->hub;

    pthread_mutex_lock(&hub->lock);
    if (peer->conn == conn) {
        peer->conn = NULL;
        peer->since_ms = clock_ms();
        mux_unlink(&peer->mux);
    }
    if (!peer->conn && why->message[0])
        peer->last = *why;
    pthread_cond_broadcast(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
}

static status accept_frame(struct conn *conn, struct peer *peer, const uint8_t *frame, size_t len, struct fault *f)
{
    struct link_hub *hub = conn->hub;
    bool news = false;
    status st = STATUS_CANCELLED;

    pthread_mutex_lock(&hub->lock);
    if (peer->conn == conn) { /* not replaced by a newer connection */
        st = mux_accept(&peer->mux, frame, len, clock_ms(), &news, f);
        if (news)
            hub_news(hub);
    }
    pthread_mutex_unlock(&hub->lock);
    return st;
}

struct frame_in {
    uint8_t *bytes;
    size_t have, need;
};

/* Takes in what has arrived, up to a few frames; *busy when there may be more. */
static status take_in(struct conn *conn, struct peer *peer, struct frame_in *in, bool *busy, struct fault *f)
{
    for (int frames = 0; frames < FRAMES_PER_TURN;) {
        size_t got, body_len = 0;

        TRY(pipe_read_some(conn->pipe, in->bytes + in->have, in->need - in->have, &got, f));
        if (got == 0) {
            *busy = false;
            return OK;
        }
        in->have += got;
        if (in->have < in->need)
            continue;
        if (in->need == MUX_HEADER) {
            TRY(mux_check_header(&peer->mux, in->bytes, &body_len, f));
            in->need += body_len;
            if (body_len > 0)
                continue;
        }
        TRY(accept_frame(conn, peer, in->bytes, in->need, f));
        in->have = 0;
        in->need = MUX_HEADER;
        frames++;
    }
    *busy = true;
    return OK;
}

/* Puts out frames while there is room. */
static status put_out(struct conn *conn, struct peer *peer, uint8_t *frame, uint64_t *spoke_ms, struct fault *f)
{
    struct link_hub *hub = conn->hub;

    TRY(pipe_push(conn->pipe, f));
    while (pipe_has_room(conn->pipe)) {
        size_t len = 0;
        bool ours;

        pthread_mutex_lock(&hub->lock);
        ours = peer->conn == conn;
        if (ours)
            len = mux_next_frame(&peer->mux, frame);
        if (ours && len == 0 && clock_ms() >= *spoke_ms + hub->config.idle_ms)
            len = mux_heartbeat(&peer->mux, frame);
        pthread_mutex_unlock(&hub->lock);
        if (!ours)
            return STATUS_CANCELLED;
        if (len == 0)
            break;
        TRY(pipe_put(conn->pipe, frame, len, f));
        *spoke_ms = clock_ms();
    }
    return OK;
}

static status carry_frames(struct conn *conn, struct peer *peer, struct frame_in *in, uint8_t *out, struct fault *f)
{
    const struct link_config *config = &conn->hub->config;
    uint64_t spoke_ms = clock_ms();

    for (;;) {
        uint64_t silent_at, next_at;
        bool busy = false;

        TRY(take_in(conn, peer, in, &busy, f));
        TRY(put_out(conn, peer, out, &spoke_ms, f));
        silent_at = pipe_heard_ms(conn->pipe) + config->silence_ms;
        if (clock_ms() >= silent_at)
            return fault_set(f, STATUS_TIMEOUT, "%s at %s has been silent for %.1f s", peer->name, peer->address,
                             config->silence_ms / 1000.0);
        next_at = spoke_ms + config->idle_ms;
        if (!pipe_has_room(conn->pipe) || next_at > silent_at)
            next_at = silent_at;
        if (!busy)
            pipe_wait(conn->pipe, next_at);
        TRY(pipe_alive(conn->pipe));
    }
}

/* Carries the link over this connection until it ends; always fails, with the reason. */
static status serve_link(struct conn *conn, struct peer *peer, struct fault *f)
{
    uint8_t *in_bytes AUTO(auto_free) = malloc(LINK_FRAME_MAX), *out AUTO(auto_free) = malloc(LINK_FRAME_MAX);
    struct frame_in in = {.bytes = in_bytes, .need = MUX_HEADER};
    status st;

    if (!in_bytes || !out)
        return STATUS_NO_MEMORY;
    hub_log(conn->hub, "linked with %s at %s", peer->name, peer->address);
    st = carry_frames(conn, peer, &in, out, f);
    if (st == STATUS_MALFORMED) { /* it would only send the same again */
        pthread_mutex_lock(&conn->hub->lock);
        mux_end_all(&peer->mux, LINK_LOST, f);
        hub_news(conn->hub);
        pthread_mutex_unlock(&conn->hub->lock);
    }
    if (f->message[0])
        hub_log(conn->hub, "link with %s broke: %s", peer->name, f->message);
    return st;
}

/* ------------------------------------------------------------------ a pipe in its hub ------------------------- */

/* The hub can kill the pipe from now on. */
static status attach(struct conn *conn, struct pipe *p)
{
    struct link_hub *hub = conn->hub;
    bool stopping;

    pthread_mutex_lock(&hub->lock);
    stopping = hub->stopping || conn->evicted;
    conn->pipe = p;
    pthread_mutex_unlock(&hub->lock);
    return stopping ? STATUS_CANCELLED : OK;
}

static void detach(struct conn *conn)
{
    struct pipe *p = conn->pipe;

    pthread_mutex_lock(&conn->hub->lock);
    conn->pipe = NULL;
    pthread_mutex_unlock(&conn->hub->lock);
    pipe_free(p);
}

static status secure(struct conn *conn, enum tls_side side)
{
    status st;

    pthread_mutex_lock(&conn->hub->lock); /* the context may be replaced by a reload */
    st = pipe_secure(conn->pipe, conn->hub->tls, side);
    pthread_mutex_unlock(&conn->hub->lock);
    return st;
}

/* ------------------------------------------------------------------ dialling ---------------------------------- */

static status dial_and_serve(struct conn *conn, struct fault *f)
{
    struct link_hub *hub = conn->hub;
    struct peer *peer = conn->peer;
    uint64_t until = clock_ms() + hub->config.handshake_ms;
    uint8_t words[LINK_PRELUDE + LINK_HELLO];
    struct link_prelude prelude = {0};
    struct hello theirs = {0};
    char who[LINK_WHO];
    struct pipe *p;
    status st;

    snprintf(who, sizeof who, "%s at %s", peer->name, peer->address);
    TRY(pipe_new(&p, who));
    st = attach(conn, p);
    if (st == OK)
        st = pipe_dial(p, peer->address, until, f);
    if (st == OK)
        st = secure(conn, TLS_DIALS);
    if (st == OK)
        st = pipe_handshake(p, until, f);
    if (st == OK)
        st = tls_check_pin(pipe_tls(p), peer->name, &peer->fingerprint, f);
    if (st == OK) {
        prelude_put(words, LINK_KIND_PEER, VERDICT_OK);
        pthread_mutex_lock(&hub->lock);
        hello_put(words + LINK_PRELUDE, hub, peer);
        pthread_mutex_unlock(&hub->lock);
        st = pipe_write(p, words, sizeof words, until, f);
    }
    if (st == OK)
        st = prelude_read(p, &prelude, who, until, f);
    if (st == OK)
        st = hello_read(p, &theirs, until, f);
    if (st == OK) {
        pthread_mutex_lock(&hub->lock);
        st = take_over(conn, peer, &theirs, f);
        pthread_mutex_unlock(&hub->lock);
    }
    if (st == OK)
        st = serve_link(conn, peer, f);
    let_go(conn, peer, f);
    detach(conn);
    return st;
}

static void conn_done(struct conn *conn)
{
    pthread_mutex_lock(&conn->hub->lock);
    if (conn->stage == CONN_STRANGER)
        conn->hub->strangers--;
    if (conn->stage == CONN_CONTROL)
        conn->hub->controls--;
    conn->done = true;
    pthread_cond_broadcast(&conn->hub->chores);
    pthread_mutex_unlock(&conn->hub->lock);
}

static void *dial_thread(void *arg)
{
    struct conn *conn = arg;
    struct link_hub *hub = conn->hub;
    uint32_t pause_ms = hub->config.redial_min_ms;
    char said[sizeof((struct fault *)0)->message] = "";

    pthread_mutex_lock(&hub->lock);
    while (!hub->stopping) {
        uint64_t links = conn->peer->reconnects, until;
        struct fault f = {0};
        bool steady;
        status st;

        pthread_mutex_unlock(&hub->lock);
        st = dial_and_serve(conn, &f);
        if (f.message[0] && strcmp(said, f.message) != 0) { /* the same reason again and again is said once */
            hub_log(hub, "%s", f.message);
            memcpy(said, f.message, sizeof said);
        }
        pthread_mutex_lock(&hub->lock);
        steady = conn->peer->reconnects > links && st != STATUS_MALFORMED;
        pause_ms = steady ? hub->config.redial_min_ms : pause_ms;
        until = clock_ms() + pause_ms;
        while (!hub->stopping && clock_ms() < until)
            hub_wait(hub, &hub->changed, until);
        if (!steady)
            pause_ms = pause_ms > hub->config.redial_max_ms / 2 ? hub->config.redial_max_ms : 2 * pause_ms;
    }
    pthread_mutex_unlock(&hub->lock);
    conn_done(conn);
    return NULL;
}

/* ------------------------------------------------------------------ being dialled ----------------------------- */

static void refuse(struct conn *conn, enum link_kind kind, enum link_verdict verdict, uint64_t until_ms)
{
    uint8_t words[LINK_PRELUDE];
    uint64_t linger = clock_ms() + LINGER_MS;

    prelude_put(words, kind, verdict);
    if (pipe_write(conn->pipe, words, sizeof words, until_ms, NULL) == OK)
        pipe_linger(conn->pipe, linger);
}

static status answer_peer(struct conn *conn, uint64_t until, struct fault *f)
{
    struct link_hub *hub = conn->hub;
    const struct tls *tls = pipe_tls(conn->pipe);
    const struct tls_identity *who = tls_peer(tls);
    struct peer *peer = hub_find(hub, who->name); /* the list never changes */
    uint8_t words[LINK_PRELUDE + LINK_HELLO];
    struct hello theirs = {0};
    status st;

    if (!peer) {
        refuse(conn, LINK_KIND_PEER, VERDICT_NOT_A_PEER, until);
        fault_hint(f, "add it to the list of peers, with its fingerprint, if it should be one");
        return fault_set(f, STATUS_UNTRUSTED, "%s is not among the peers of this node", who->name[0] ? who->name : "a nameless node");
    }
    st = tls_check_pin(tls, peer->name, &peer->fingerprint, f);
    if (st == OK && peer->we_dial)
        st = fault_set(f, STATUS_UNEXPECTED, "%s dialled, but by the order of names it is dialled by this node", peer->name);
    if (st != OK) {
        refuse(conn, LINK_KIND_PEER, st == STATUS_UNTRUSTED ? VERDICT_PIN : VERDICT_WRONG_WAY, until);
        return st;
    }
    conn->peer = peer;
    TRY(hello_read(conn->pipe, &theirs, until, f));
    prelude_put(words, LINK_KIND_PEER, VERDICT_OK);
    pthread_mutex_lock(&hub->lock);
    st = take_over(conn, peer, &theirs, f);
    if (st == OK)
        hello_put(words + LINK_PRELUDE, hub, peer);
    pthread_mutex_unlock(&hub->lock);
    if (st == OK)
        st = pipe_write(conn->pipe, words, sizeof words, until, f);
    if (st == OK)
        st = serve_link(conn, peer, f);
    let_go(conn, peer, f);
    return st;
}

static status answer_control(struct conn *conn, uint64_t until, struct fault *f)
{
    struct link_hub *hub = conn->hub;
    uint8_t words[LINK_PRELUDE];
    bool room;

    pthread_mutex_lock(&hub->lock);
    room = hub->controls < hub->config.controls_max;
    if (room && hub->config.control) {
        hub->controls++;
        hub->strangers--;
        conn->stage = CONN_CONTROL;
    }
    pthread_mutex_unlock(&hub->lock);
    if (!hub->config.control || !room) {
        refuse(conn, LINK_KIND_CONTROL, room ? VERDICT_NO_CONTROL : VERDICT_BUSY, until);
        return fault_set(f, STATUS_REFUSED, "a control connection was refused: %s",
                         room ? "this node takes none" : "too many are open");
    }
    prelude_put(words, LINK_KIND_CONTROL, VERDICT_OK);
    TRY(pipe_write(conn->pipe, words, sizeof words, until, f));
    control_serve(hub, conn->pipe);
    return OK;
}

static status answer(struct conn *conn, struct fault *f)
{
    uint64_t until = clock_ms() + conn->hub->config.handshake_ms;
    struct link_prelude prelude = {0};
    const struct tls_identity *who;
    char name[NAME_BYTES + 16];

    TRY(secure(conn, TLS_ACCEPTS));
    TRY(pipe_handshake(conn->pipe, until, f));
    who = tls_peer(pipe_tls(conn->pipe));
    snprintf(name, sizeof name, "%s", who->name[0] ? who->name : "a nameless node");
    TRY(read_prelude_raw(conn->pipe, &prelude, name, until, f));
    if (check_version(&prelude, name, f) != OK) {
        refuse(conn, (enum link_kind)prelude.kind, VERDICT_VERSION, until);
        return STATUS_UNEXPECTED;
    }
    switch (prelude.kind) {
    case LINK_KIND_PEER:
        return answer_peer(conn, until, f);
    case LINK_KIND_CONTROL:
        return answer_control(conn, until, f);
    }
    refuse(conn, LINK_KIND_PEER, VERDICT_KIND, until);
    return fault_set(f, STATUS_UNEXPECTED, "%s asks for an unknown kind of connection", name);
}

/* Keep the reason for the log, and for the peer whose certificate was shown, if it was one. */
static void note_turned_away(struct conn *conn, status st, const char *remote, struct fault *f)
{
    struct link_hub *hub = conn->hub;
    const struct tls *tls = conn->pipe ? pipe_tls(conn->pipe) : NULL;
    const struct tls_identity *who = tls ? tls_peer(tls) : NULL;

    pthread_mutex_lock(&hub->lock);
    if (conn->evicted)
        *f = (struct fault){0};
    fault_set(f, st, "%s: %s", remote, conn->evicted ? "too many connections that say nothing" : status_name(st));
    hub->turned_away++;
    hub->last_turned_away = *f;
    for (size_t i = 0; who && i < hub->num_peers; i++) {
        struct peer *peer = &hub->peers[i];

        if (!peer->conn && (hash_equal(&peer->fingerprint, &who->fingerprint) || strcmp(peer->name, who->name) == 0))
            peer->last = *f;
    }
    pthread_mutex_unlock(&hub->lock);
    hub_log(hub, "turned away: %s", f->message);
}

static void remote_text(nng_stream *stream, char out[64])
{
    nng_sockaddr address;
    char host[INET6_ADDRSTRLEN];

    if (nng_stream_get_addr(stream, NNG_OPT_REMADDR, &address) != 0)
        snprintf(out, 64, "a stranger");
    else if (address.s_family == NNG_AF_INET && inet_ntop(AF_INET, &address.s_in.sa_addr, host, sizeof host))
        snprintf(out, 64, "%s:%u", host, ntohs(address.s_in.sa_port));
    else if (address.s_family == NNG_AF_INET6 && inet_ntop(AF_INET6, address.s_in6.sa_addr, host, sizeof host))
        snprintf(out, 64, "[%s]:%u", host, ntohs(address.s_in6.sa_port));
    else
        snprintf(out, 64, "a stranger");
}

static void *accepted_thread(void *arg)
{
    struct conn *conn = arg;
    struct fault f = {0};
    struct pipe *p = NULL;
    char remote[64];
    status st;

    remote_text(conn->stream, remote);
    st = pipe_new(&p, remote);
    if (st == OK) {
        pipe_adopt(p, conn->stream);
        st = attach(conn, p);
        if (st == OK)
            st = answer(conn, &f);
        if (st != OK && conn->stage == CONN_STRANGER)
            note_turned_away(conn, st, remote, &f);
        detach(conn);
    } else {
        nng_stream_free(conn->stream);
    }
    conn_done(conn);
    return NULL;
}

/* ------------------------------------------------------------------ threads ----------------------------------- */

static status start_thread(struct conn *conn, void *(*run)(void *))
{
    struct link_hub *hub = conn->hub;
    bool failed;

    pthread_mutex_lock(&hub->lock);
    conn->started_ms = clock_ms();
    failed = hub->stopping || !hub_thread(&conn->thread, run, conn);
    if (!failed) {
        conn->next = hub->conns;
        hub->conns = conn;
        if (conn->stage == CONN_STRANGER)
            hub->strangers++;
    }
    pthread_mutex_unlock(&hub->lock);
    return failed ? STATUS_IO : OK;
}

status conn_start_dialling(struct link_hub *hub, struct peer *peer)
{
    struct conn *conn;
    status st;

    TRY(alloc_zeroed(&conn, 1, sizeof *conn));
    conn->hub = hub;
    conn->peer = peer;
    conn->stage = CONN_PEER;
    st = start_thread(conn, dial_thread);
    if (st != OK)
        free(conn);
    return st;
}

void conn_start_accepted(struct link_hub *hub, nng_stream *stream)
{
    struct conn *conn;

    if (alloc_zeroed(&conn, 1, sizeof *conn) != OK) {
        nng_stream_free(stream);
        return;
    }
    conn->hub = hub;
    conn->stream = stream;
    conn->stage = CONN_STRANGER;
    if (start_thread(conn, accepted_thread) != OK) {
        nng_stream_free(stream);
        free(conn);
    }
}

void conn_reap(struct link_hub *hub)
{
    for (struct conn **at = &hub->conns; *at;) {
        struct conn *conn = *at;

        if (!conn->done) {
            at = &conn->next;
            continue;
        }
        *at = conn->next;
        pthread_join(conn->thread, NULL); /* it has let go of the lock and only returns */
        free(conn);
    }
}

void conn_evict_stranger(struct link_hub *hub)
{
    struct conn *oldest = NULL;

    for (struct conn *c = hub->conns; c; c = c->next)
        if (c->stage == CONN_STRANGER && !c->done) {
            if (c->evicted)
                return; /* one is on its way out */
            oldest = c; /* the list has the newest first */
        }
    if (!oldest)
        return;
    oldest->evicted = true;
    if (oldest->pipe)
        pipe_kill(oldest->pipe);
}
