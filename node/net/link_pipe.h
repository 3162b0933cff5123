/* One TLS connection over one nng byte stream.
 *
 * A pipe belongs to the thread that made it; only pipe_poke and pipe_kill may come from others.  nng's callbacks do
 * nothing but record that an operation has ended and wake that thread, so TLS is never touched by two threads and
 * receiving never waits for sending.  Every wait takes a point in time (clock_ms) at which it gives up. */
#ifndef HEFU_LINK_PIPE_H
#define HEFU_LINK_PIPE_H

#include "node/net/tls.h"

#include <nng/nng.h>

struct pipe;

uint64_t clock_ms(void); /* monotonic */

/* The words of an nng error, without the jargon: "connection refused". */
const char *pipe_error_text(int nng_error);

/* A pipe with no connection yet.  label names the far side in messages: "tax at tcp://10.0.0.2:7700". */
MUST_USE status pipe_new(struct pipe **out, const char *label);
/* Connects to tcp://host:port. */
MUST_USE status pipe_dial(struct pipe *p, const char *address, uint64_t until_ms, struct fault *f);
/* Takes over an accepted stream. */
void pipe_adopt(struct pipe *p, nng_stream *stream);
/* Once, before any of the calls below. */
MUST_USE status pipe_secure(struct pipe *p, const struct tls_context *c, enum tls_side side);
/* On failure the peer is told why (a TLS alert) before this returns. */
MUST_USE status pipe_handshake(struct pipe *p, uint64_t until_ms, struct fault *f);
const struct tls *pipe_tls(const struct pipe *p);

/* Exactly len bytes. */
MUST_USE status pipe_read(struct pipe *p, void *out, size_t len, uint64_t until_ms, struct fault *f);
/* All of it has been handed to the kernel. */
MUST_USE status pipe_write(struct pipe *p, const void *bytes, size_t len, uint64_t until_ms, struct fault *f);
/* Sends what is queued, then takes and discards what comes until the far side closes: so it can read our last words.
 * (nng drops unread input when the connection is reset.) */
void pipe_linger(struct pipe *p, uint64_t until_ms);

/* Without waiting.  *got is 0 when nothing has arrived. */
MUST_USE status pipe_read_some(struct pipe *p, void *out, size_t cap, size_t *got, struct fault *f);
/* Is there room to put another frame? */
bool pipe_has_room(const struct pipe *p);
MUST_USE status pipe_put(struct pipe *p, const void *bytes, size_t len, struct fault *f);
/* Hands queued bytes to nng when it is ready for them. */
MUST_USE status pipe_push(struct pipe *p, struct fault *f);
/* Until bytes come in, queued bytes have gone out, somebody pokes, or the time is up. */
void pipe_wait(struct pipe *p, uint64_t until_ms);
uint64_t pipe_heard_ms(const struct pipe *p); /* when bytes last came in */

MUST_USE status pipe_alive(struct pipe *p);    /* STATUS_CANCELLED once killed */

void pipe_poke(struct pipe *p); /* any thread: wake the owner */
void pipe_kill(struct pipe *p); /* any thread: the owner's calls return STATUS_CANCELLED from now on */

void pipe_free(struct pipe *p);

#endif
