/* A node's transport: authenticated links to its peers, many sessions over each, and control requests.
 *
 * One listening address per node.  Of every two nodes the one whose name sorts later (bytewise) dials the other, and
 * redials for ever.  A link is nng's byte stream over TCP with TLS 1.3 inside; the peer's certificate must come from the
 * consortium's CA, be unrevoked, and be the pinned one.
 *
 * A channel is one attempt of one session.  On a channel messages from a peer arrive whole, once, and in the order they
 * were sent, whatever happens to connections in between; what was queued is sent again after a reconnect.  Only two
 * things break that, and both are named: the peer's process was started anew ("restarted"), or it stayed away longer
 * than peer_deadline_ms.  Then every open channel with it ends (but for a restart, those that were opened while it was
 * away go on).  Sending never waits for the peer's reader.
 *
 * Any thread may call.  Do not use a hub after fork without exec (nng). */
#ifndef HEFU_LINK_H
#define HEFU_LINK_H

#include "node/net/tls.h"

enum {
    LINK_VERSION = 1,
    LINK_MESSAGE_MAX = 1 << 20,        /* bytes of one message */
    LINK_FRAME_MAX = 256 << 10,        /* bytes of one frame on the wire, headers included */
    LINK_REQUEST_MAX = 1 << 20,        /* bytes of a control request */
    LINK_RESPONSE_MAX = 64 << 20,      /* bytes of its response */
    LINK_CHANNELS_MAX = 256,           /* channels in use at a time with one peer */
    LINK_PEERS_MAX = 64,
};

struct link_channel {
    uint8_t session[32];
    uint32_t attempt;
};

/* Why a channel was closed, as the peers learn it. */
enum link_goodbye {
    LINK_DONE = 1,     /* the session ended well           */
    LINK_CANCELLED,    /* an operator stopped it           */
    LINK_REFUSED,      /* policy or an operator said no    */
    LINK_FAILED,       /* this side could not go on        */
    LINK_PROTOCOL,     /* a peer broke the protocol        */
    LINK_LIMIT,        /* a limit of the contract          */
    LINK_TIMED_OUT,    /* a deadline passed                */
    LINK_STOPPED,      /* the node is shutting down        */
    LINK_FOLLOWED,     /* because another party had ended  */
    LINK_LOST,         /* never sent by a healthy peer: it restarted, stayed away or sent nonsense */
};

const char *link_goodbye_text(enum link_goodbye code);

struct link_peer {
    const char *name;
    const char *address;          /* tcp://host:port */
    struct hash fingerprint;      /* of its certificate */
};

/* Answers one control request; *response is malloc'd here and freed by the hub.  Called on a thread of the connection,
 * so possibly several at a time.  The caller is authenticated; whether it may ask is for this function to decide.
 * Anything but OK reaches the client as that status with f's message and hint. */
typedef status link_control(void *context, const struct tls_identity *client, const uint8_t *request, size_t len,
                            uint8_t **response, size_t *response_len, struct fault *f);

/* Something for the node's log: a link came up or went down, a stranger was turned away.  Any thread. */
typedef void link_log(void *context, const char *line);

struct link_config {
    const char *name;             /* this node; must be the CN of its certificate */
    const char *listen;           /* tcp://host:port; port 0 picks a free one */
    struct tls_files tls;
    const struct link_peer *peers;
    size_t num_peers;

    uint64_t queue_max;           /* bytes queued for, and held unread from, each peer; at least 2 MiB */
    uint32_t idle_ms;             /* a heartbeat after this long without sending */
    uint32_t silence_ms;          /* a peer silent this long: reconnect */
    uint32_t peer_deadline_ms;    /* a peer away this long: its channels end */
    uint32_t handshake_ms;        /* from TCP connection to authenticated link */
    uint32_t redial_min_ms, redial_max_ms;
    uint32_t goodbye_ms;          /* longest wait for queued messages in link_hub_free; 0: vanish, as a crash would */
    uint32_t control_idle_ms;     /* an idle control connection is closed */
    uint32_t strangers_max;       /* connections not yet authenticated; the oldest gives way */
    uint32_t controls_max;        /* control connections at a time */

    link_control *control;        /* NULL: none */
    void *control_context;
    link_log *log;                /* NULL: silent */
    void *log_context;
};

/* Sets every number; the caller fills in the rest. */
void link_config_defaults(struct link_config *c);

struct link_hub;

/* Starts listening and dialling; returns at once, peers connect as they come.  STATUS_CONFIG with a sentence when the
 * port is in use, the address unusable, the name not the certificate's, two peers alike, a number out of range. */
MUST_USE status link_hub_new(struct link_hub **out, const struct link_config *config, struct fault *f);
/* Closes what is still open with LINK_STOPPED, waits at most goodbye_ms for queues to empty, ends all threads. */
void link_hub_free(struct link_hub *hub);

/* The address it listens on, with the real port. */
const char *link_hub_address(const struct link_hub *hub);
/* Read the certificate files again (a new CRL, a renewed certificate); every link reconnects under the new rules and no
 * channel notices.  On failure nothing changes. */
MUST_USE status link_hub_reload(struct link_hub *hub, struct fault *f);

/* Say that a channel is in use with this peer, so that it hears of its end and time counts against an absent peer.
 * Sending and receiving imply it. */
MUST_USE status link_open_channel(struct link_hub *hub, const char *peer, const struct link_channel *channel,
                                  struct fault *f);

/* Queue one message of at most LINK_MESSAGE_MAX bytes; they are copied.  STATUS_LIMIT when more than queue_max bytes
 * would be waiting; when the channel has ended, the reason. */
MUST_USE status link_send(struct link_hub *hub, const char *peer, const struct link_channel *channel, const void *bytes,
                          size_t len, struct fault *f);

/* The next message from this peer.  When it is longer than cap: STATUS_UNEXPECTED, *len says how long, it stays.
 * STATUS_TIMEOUT after wait_ms, or when the peer stayed away too long; STATUS_CLOSED when the peer closed the channel
 * or was restarted; STATUS_MALFORMED when it sent nonsense.  What arrived before an end is still handed out first. */
MUST_USE status link_recv(struct link_hub *hub, const char *peer, const struct link_channel *channel, void *out,
                          size_t cap, size_t *len, uint32_t wait_ms, struct fault *f);

/* For a process that relays: the next message or end of any channel, without waiting. */
struct link_event {
    const char *peer;             /* as long as the hub lives */
    struct link_channel channel;
    bool ended;                   /* no more from this peer on this channel: goodbye and fault say why */
    enum link_goodbye goodbye;
    struct fault fault;
    const uint8_t *bytes;         /* the message, until link_event_clear */
    size_t len;
    void *storage;
};

/* STATUS_TIMEOUT when there is nothing now.  Each end is told once. */
MUST_USE status link_next(struct link_hub *hub, struct link_event *event);
void link_event_clear(struct link_event *event);
/* Readable while link_next may have something.  Do not read from it. */
int link_event_fd(const struct link_hub *hub);

/* Done with a channel at this end: peers learn the code after everything queued before it, unread messages are
 * dropped, and whatever still arrives on it is ignored.  The channel cannot be used again. */
void link_close_channel(struct link_hub *hub, const struct link_channel *channel, enum link_goodbye code);
/* How the channel with this peer ended; 0 while it has not, and when this side has closed it. */
enum link_goodbye link_ended(struct link_hub *hub, const char *peer, const struct link_channel *channel);
/* Forget that a channel with this peer has ended, so that it can be used again: for a channel that outlives sessions. */
MUST_USE status link_reopen_channel(struct link_hub *hub, const char *peer, const struct link_channel *channel,
                                    struct fault *f);

enum link_state { LINK_CONNECTING, LINK_CONNECTED, LINK_AWAY /* longer than peer_deadline_ms */ };

struct link_peer_state {
    enum link_state state;
    uint64_t since_ms;            /* how long it has been so */
    uint64_t reconnects;          /* links made so far */
    uint64_t queued, sent, received; /* bytes: not yet acknowledged, payload in total */
    struct fault last;            /* why it is not connected, or why the previous link broke */
};

MUST_USE status link_peer_state(struct link_hub *hub, const char *peer, struct link_peer_state *out, struct fault *f);
/* Waits until the peer is linked, or says why it is not. */
MUST_USE status link_wait_connected(struct link_hub *hub, const char *peer, uint32_t wait_ms, struct fault *f);
/* How many connections were turned away before they were anybody, and why the last one was. */
uint64_t link_turned_away(struct link_hub *hub, struct fault *last);

/* ---- the asking side of control requests ---- */

struct link_client;

/* fingerprint may be NULL: then any certificate of the consortium with that name will do. */
MUST_USE status link_client_open(struct link_client **out, const struct tls_files *files, const char *address,
                                 const char *name, const struct hash *fingerprint, uint32_t wait_ms, struct fault *f);
/* One request, one response (malloc'd, with a NUL after its last byte).  A refusal of the node comes back as its status
 * and words.  After a failure of the connection every further call fails. */
MUST_USE status link_client_call(struct link_client *client, const void *request, size_t len, uint8_t **response,
                                 size_t *response_len, uint32_t wait_ms, struct fault *f);
void link_client_close(struct link_client *client);

#endif
