/* The inside of a hub, shared by link.c (its life), link_channel.c (channels and state), link_conn.c
 * (connections) and link_control.c. */
#ifndef HEFU_LINK_HUB_H
#define HEFU_LINK_HUB_H

#include "node/net/link_mux.h"
#include "node/net/link_pipe.h"

#include <pthread.h>

enum { LINK_EPOCH = 16, LINK_ADDRESS = 256, LINK_WHO = NAME_BYTES + LINK_ADDRESS + 8, LINK_TICK_MS = 50 };

/* The first bytes of each side of a connection say what it is to be. */
enum link_kind { LINK_KIND_PEER = 1, LINK_KIND_CONTROL = 2 };
enum link_verdict {
    VERDICT_OK = 0,
    VERDICT_VERSION,
    VERDICT_NOT_A_PEER,
    VERDICT_PIN,
    VERDICT_WRONG_WAY, /* it is the other side that dials */
    VERDICT_NO_CONTROL,
    VERDICT_BUSY,
    VERDICT_KIND,
};
enum { LINK_PRELUDE = 8, LINK_HELLO = 2 * LINK_EPOCH + 16 };

struct link_prelude {
    uint16_t version;
    uint8_t kind, verdict;
};

struct peer {
    char name[NAME_BYTES], address[LINK_ADDRESS];
    struct hash fingerprint;
    bool we_dial;
    struct mux mux;
    struct conn *conn; /* the connection that carries the link now */
    bool met;          /* epoch is known */
    uint8_t epoch[LINK_EPOCH];
    uint64_t since_ms, reconnects;
    struct fault last;
};

enum conn_stage { CONN_STRANGER, CONN_PEER, CONN_CONTROL };

/* One thread: an accepted connection, or the dialling of one peer for ever. */
struct conn {
    struct conn *next;
    struct link_hub *hub;
    struct peer *peer;  /* whom it dials; for an accepted one, whom it turned out to be */
    nng_stream *stream; /* accepted */
    pthread_t thread;
    /* Guarded by the hub's lock. */
    struct pipe *pipe;
    enum conn_stage stage;
    uint64_t started_ms;
    bool evicted, done;
};

struct link_hub {
    struct link_config config; /* strings below are copies */
    char name[NAME_BYTES], address[LINK_ADDRESS];
    char ca[1024], crl[1024], certificate[1024], key[1024];
    uint8_t epoch[LINK_EPOCH];
    int event_fd;

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t changed; /* for callers and dialling threads */
    pthread_cond_t chores;  /* for the listening thread */
    struct tls_context *tls;
    struct peer *peers;
    size_t num_peers, turn;
    struct conn *conns;
    size_t strangers, controls;
    bool stopping;
    uint64_t turned_away, log_second;
    uint32_t log_lines;
    struct fault last_turned_away;

    nng_stream_listener *listener;
    nng_aio *accept;
    bool accept_ended;
    pthread_t thread;
    bool thread_runs;
};

void hub_log(struct link_hub *hub, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Something to read has appeared; lock held. */
void hub_news(struct link_hub *hub);
/* Waits on one of the hub's conditions; lock held. */
void hub_wait(struct link_hub *hub, pthread_cond_t *what, uint64_t until_ms);
/* A thread that takes no signals; false when there is none to be had. */
bool hub_thread(pthread_t *out, void *(*run)(void *), void *arg);
struct peer *hub_find(const struct link_hub *hub, const char *name);
void hub_poke(struct peer *peer);

/* link_conn.c */
MUST_USE status conn_start_dialling(struct link_hub *hub, struct peer *peer);
void conn_start_accepted(struct link_hub *hub, nng_stream *stream);
/* Joins threads that have ended (all of them when stopping) and makes room among strangers; lock held. */
void conn_reap(struct link_hub *hub);
void conn_evict_stranger(struct link_hub *hub);

void prelude_put(uint8_t out[LINK_PRELUDE], enum link_kind kind, enum link_verdict verdict);
/* Reads the far side's first bytes: STATUS_UNEXPECTED for another protocol or version, or its refusal. */
MUST_USE status prelude_read(struct pipe *p, struct link_prelude *out, const char *who, uint64_t until_ms, struct fault *f);

/* link_control.c: requests of one client until it goes or idles. */
void control_serve(struct link_hub *hub, struct pipe *p);

#endif
