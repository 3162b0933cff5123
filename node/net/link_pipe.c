#include "node/net/link_pipe.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RX_BYTES = 256 << 10,
    TX_BYTES = 320 << 10,  /* a frame of 256 KiB in TLS records fits */
    LABEL_BYTES = 352,
    LINGER_MS = 1000,
};

/* One nng operation at a time: idle, under way, or ended and not yet looked at. */
enum phase { IDLE, BUSY, ENDED };

struct operation {
    struct pipe *pipe;
    nng_aio *aio;
    enum phase phase; /* guarded by pipe->lock */
    int error;
    size_t count;
};

struct pipe {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool poked, killed; /* guarded by lock */
    struct operation rx, tx;

    /* The owner's alone. */
    nng_stream *stream;
    struct tls *tls;
    int broken; /* nng error that ended the stream */
    uint64_t heard_ms;
    uint8_t *rx_bytes, *tx_bytes;
    size_t tx_at, tx_len;
    char label[LABEL_BYTES];
};

uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

const char *pipe_error_text(int nng_error)
{
    switch (nng_error) {
    case NNG_ECONNREFUSED: return "connection refused";
    case NNG_ECONNRESET: return "connection reset";
    case NNG_ECONNSHUT:
    case NNG_ECONNABORTED:
    case NNG_ECLOSED: return "the connection was closed";
    case NNG_EADDRINUSE: return "the port is in use";
    case NNG_EADDRINVAL: return "not a usable address";
    case NNG_EUNREACHABLE: return "no route to the host";
    case NNG_ETIMEDOUT: return "no answer in time";
    case NNG_EPERM: return "not permitted";
    default: return nng_strerror(nng_error);
    }
}

/* ------------------------------------------------------------------ operations -------------------------------- */

static void operation_ended(void *arg)
{
    struct operation *op = arg;
    struct pipe *p = op->pipe;

    pthread_mutex_lock(&p->lock);
    op->error = nng_aio_result(op->aio);
    op->count = nng_aio_count(op->aio);
    op->phase = ENDED;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

/* The lock is never held while calling into nng. */
static void operation_begin(struct operation *op)
{
    pthread_mutex_lock(&op->pipe->lock);
    op->phase = BUSY;
    pthread_mutex_unlock(&op->pipe->lock);
}

static enum phase operation_phase(struct operation *op)
{
    enum phase phase;

    pthread_mutex_lock(&op->pipe->lock);
    phase = op->phase;
    if (phase == ENDED)
        op->phase = IDLE;
    pthread_mutex_unlock(&op->pipe->lock);
    return phase;
}

static void pipe_clear(struct pipe **p)
{
    pipe_free(*p);
}

status pipe_new(struct pipe **out, const char *label)
{
    struct pipe *p AUTO(pipe_clear) = NULL;
    pthread_condattr_t monotonic;

    TRY(alloc_zeroed(&p, 1, sizeof *p));
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    p->rx.pipe = p->tx.pipe = p;
    snprintf(p->label, sizeof p->label, "%s", label);
    p->rx_bytes = malloc(RX_BYTES);
    p->tx_bytes = malloc(TX_BYTES);
    if (!p->rx_bytes || !p->tx_bytes || nng_aio_alloc(&p->rx.aio, operation_ended, &p->rx) != 0 ||
        nng_aio_alloc(&p->tx.aio, operation_ended, &p->tx) != 0)
        return STATUS_NO_MEMORY;
    nng_aio_set_timeout(p->rx.aio, NNG_DURATION_INFINITE);
    nng_aio_set_timeout(p->tx.aio, NNG_DURATION_INFINITE);
    *out = p;
    p = NULL;
    return OK;
}

void pipe_free(struct pipe *p)
{
    if (!p)
        return;
    if (p->stream)
        nng_stream_close(p->stream);
    if (p->rx.aio) {
        nng_aio_stop(p->rx.aio); /* after this its callback has run */
        nng_aio_free(p->rx.aio);
    }
    if (p->tx.aio) {
        nng_aio_stop(p->tx.aio);
        nng_aio_free(p->tx.aio);
    }
    if (p->stream)
        nng_stream_free(p->stream);
    tls_free(p->tls);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p->rx_bytes);
    free(p->tx_bytes);
    free(p);
}

static bool pipe_killed(struct pipe *p)
{
    bool killed;

    pthread_mutex_lock(&p->lock);
    killed = p->killed;
    pthread_mutex_unlock(&p->lock);
    return killed;
}

status pipe_alive(struct pipe *p)
{
    return pipe_killed(p) ? STATUS_CANCELLED : OK;
}

void pipe_poke(struct pipe *p)
{
    pthread_mutex_lock(&p->lock);
    p->poked = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

void pipe_kill(struct pipe *p)
{
    pthread_mutex_lock(&p->lock);
    p->killed = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

/* What a wait returns for. */
enum { ON_RX = 1, ON_TX = 2, ON_POKE = 4 };

static void wait_for(struct pipe *p, unsigned what, uint64_t until_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};

    pthread_mutex_lock(&p->lock);
    while (!p->killed && !((what & ON_RX) && p->rx.phase == ENDED) && !((what & ON_TX) && p->tx.phase == ENDED) &&
           !((what & ON_POKE) && p->poked))
        if (pthread_cond_timedwait(&p->changed, &p->lock, &until) != 0)
            break;
    p->poked = false;
    pthread_mutex_unlock(&p->lock);
}

void pipe_wait(struct pipe *p, uint64_t until_ms)
{
    wait_for(p, ON_RX | ON_TX | ON_POKE, until_ms);
}

uint64_t pipe_heard_ms(const struct pipe *p)
{
    return p->heard_ms;
}

const struct tls *pipe_tls(const struct pipe *p)
{
    return p->tls;
}

/* ------------------------------------------------------------------ connecting -------------------------------- */

void pipe_adopt(struct pipe *p, nng_stream *stream)
{
    p->stream = stream;
    p->heard_ms = clock_ms();
    nng_stream_set_bool(stream, NNG_OPT_TCP_NODELAY, true);
}

status pipe_dial(struct pipe *p, const char *address, uint64_t until_ms, struct fault *f)
{
    nng_stream_dialer *dialer;
    enum phase phase;
    int error = nng_stream_dialer_alloc(&dialer, address);

    if (error != 0)
        return fault_set(f, STATUS_CONFIG, "%s: %s; an address looks like tcp://host:port", address, pipe_error_text(error));
    nng_stream_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
    operation_begin(&p->rx);
    nng_stream_dialer_dial(dialer, p->rx.aio);
    do {
        wait_for(p, ON_RX, until_ms);
        phase = operation_phase(&p->rx);
    } while (phase == BUSY && !pipe_killed(p) && clock_ms() < until_ms);
    if (phase == BUSY) {
        nng_aio_cancel(p->rx.aio);
        nng_aio_wait(p->rx.aio); /* the callback has run */
        operation_phase(&p->rx);
    }
    error = p->rx.error;
    if (error == 0)
        pipe_adopt(p, nng_aio_get_output(p->rx.aio, 0));
    nng_stream_dialer_close(dialer);
    nng_stream_dialer_free(dialer);
    if (pipe_killed(p))
        return STATUS_CANCELLED;
    if (error == NNG_ECANCELED)
        error = NNG_ETIMEDOUT;
    if (error != 0) {
        fault_hint(f, "is the other node running, and is the address right?");
        return fault_set(f, STATUS_CLOSED, "cannot reach %s: %s", p->label, pipe_error_text(error));
    }
    return OK;
}

/* ------------------------------------------------------------------ moving bytes ------------------------------ */

static status broken(struct pipe *p, struct fault *f)
{
    return fault_set(f, STATUS_CLOSED, "%s: %s", p->label, pipe_error_text(p->broken));
}

/* Takes what nng has received, and asks it for more. */
static status pull(struct pipe *p, bool *fed)
{
    nng_iov iov = {.iov_buf = p->rx_bytes, .iov_len = RX_BYTES};
    enum phase phase = operation_phase(&p->rx);

    *fed = false;
    if (phase == BUSY || p->broken)
        return OK;
    if (phase == ENDED) {
        if (p->rx.error != 0) {
            p->broken = p->rx.error;
            return OK;
        }
        TRY(tls_feed(p->tls, p->rx_bytes, p->rx.count));
        p->heard_ms = clock_ms();
        *fed = true;
    }
    nng_aio_set_iov(p->rx.aio, 1, &iov);
    operation_begin(&p->rx);
    nng_stream_recv(p->stream, p->rx.aio);
    return OK;
}

status pipe_push(struct pipe *p, struct fault *f)
{
    nng_iov iov;
    enum phase phase = operation_phase(&p->tx);

    if (phase == BUSY)
        return OK;
    if (phase == ENDED) {
        if (p->tx.error != 0 && !p->broken)
            p->broken = p->tx.error;
        if (p->tx.error == 0)
            p->tx_at += p->tx.count;
    }
    if (p->broken)
        return broken(p, f);
    if (p->tx_at == p->tx_len) {
        p->tx_at = 0;
        p->tx_len = tls_drain(p->tls, p->tx_bytes, TX_BYTES);
    }
    if (p->tx_len == 0)
        return OK;
    iov = (nng_iov){.iov_buf = p->tx_bytes + p->tx_at, .iov_len = p->tx_len - p->tx_at};
    nng_aio_set_iov(p->tx.aio, 1, &iov);
    operation_begin(&p->tx);
    nng_stream_send(p->stream, p->tx.aio);
    return OK;
}

/* Nothing is left to send. */
static bool pushed_all(const struct pipe *p)
{
    return p->tx_len == 0 && tls_drainable(p->tls) == 0;
}

bool pipe_has_room(const struct pipe *p)
{
    return tls_drainable(p->tls) < TX_BYTES;
}

status pipe_put(struct pipe *p, const void *bytes, size_t len, struct fault *f)
{
    TRY(tls_write(p->tls, bytes, len, f));
    return pipe_push(p, f);
}

status pipe_read_some(struct pipe *p, void *out, size_t cap, size_t *got, struct fault *f)
{
    bool fed;

    TRY(tls_read(p->tls, out, cap, got, f));
    if (*got > 0)
        return OK;
    TRY(pull(p, &fed));
    if (fed)
        TRY(tls_read(p->tls, out, cap, got, f));
    if (*got == 0 && p->broken)
        return broken(p, f);
    return OK;
}

void pipe_linger(struct pipe *p, uint64_t until_ms)
{
    uint8_t scrap[4096];

    while (!pipe_killed(p) && clock_ms() < until_ms) {
        size_t got = 0;
        bool fed;

        if (pipe_push(p, NULL) != OK || pull(p, &fed) != OK || p->broken)
            return;
        while (tls_read(p->tls, scrap, sizeof scrap, &got, NULL) == OK && got > 0)
            ;
        wait_for(p, ON_RX | ON_TX, until_ms);
    }
}

static status gave_up(struct pipe *p, const char *doing, struct fault *f)
{
    if (pipe_killed(p))
        return fault_set(f, STATUS_CANCELLED, "%s: stopped", p->label);
    return fault_set(f, STATUS_TIMEOUT, "%s: no answer in time while %s", p->label, doing);
}

status pipe_secure(struct pipe *p, const struct tls_context *c, enum tls_side side)
{
    return tls_new(&p->tls, c, side, p->label);
}

status pipe_handshake(struct pipe *p, uint64_t until_ms, struct fault *f)
{
    for (;;) {
        bool done, fed = false;
        status st = tls_handshake(p->tls, &done, f);

        if (st != OK) {
            uint64_t linger = clock_ms() + LINGER_MS;

            pipe_linger(p, linger < until_ms ? linger : until_ms);
            return st;
        }
        TRY(pipe_push(p, f));
        if (done && pushed_all(p))
            return OK;
        if (!done)
            TRY(pull(p, &fed));
        if (fed)
            continue;
        if (p->broken) {
            fault_hint(f, "is that the port of a node, and does its log say why?");
            return fault_set(f, STATUS_CLOSED, "%s: %s during the TLS handshake", p->label, pipe_error_text(p->broken));
        }
        if (pipe_killed(p) || clock_ms() >= until_ms)
            return gave_up(p, "making the TLS connection", f);
        wait_for(p, done ? ON_TX : ON_RX | ON_TX, until_ms);
    }
}

status pipe_read(struct pipe *p, void *out, size_t len, uint64_t until_ms, struct fault *f)
{
    for (size_t have = 0; have < len;) {
        size_t got;

        TRY(pipe_read_some(p, (uint8_t *)out + have, len - have, &got, f));
        have += got;
        TRY(pipe_push(p, f)); /* TLS may have something of its own to say */
        if (got > 0)
            continue;
        if (pipe_killed(p) || clock_ms() >= until_ms)
            return gave_up(p, "waiting for it to speak", f);
        wait_for(p, ON_RX, until_ms);
    }
    return OK;
}

status pipe_write(struct pipe *p, const void *bytes, size_t len, uint64_t until_ms, struct fault *f)
{
    enum { PIECE = 64 << 10 };

    for (size_t done = 0; done < len || !pushed_all(p);) {
        size_t piece = len - done < PIECE ? len - done : PIECE;

        if (piece > 0 && pipe_has_room(p)) {
            TRY(tls_write(p->tls, (const uint8_t *)bytes + done, piece, f));
            done += piece;
        }
        TRY(pipe_push(p, f));
        if (done < len && pipe_has_room(p))
            continue;
        if (pipe_killed(p) || clock_ms() >= until_ms)
            return gave_up(p, "sending to it", f);
        if (!pushed_all(p))
            wait_for(p, ON_TX, until_ms);
    }
    return OK;
}
