/* Nodes for tests: link hubs on loopback, with real certificates and short deadlines. */
#ifndef HEFU_TEST_NODES_H
#define HEFU_TEST_NODES_H

#include "loopback.h"
#include "node/net/link.h"

enum { WAIT_MS = 20000 };

/* nng's library is not instrumented: the count of references that orders the end of its dialler is invisible. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:pthread_mutex_destroy\n";
}

static UNUSED_FUNCTION void assert_says(const struct fault *f, const char *words)
{
    if (!strstr(f->message, words))
        fail_msg("expected \"%s\" in: %s", words, f->message);
}

#define assert_ok(call, f)                                       \
    do {                                                         \
        if ((call) != OK)                                        \
            fail_msg("%s: %s", #call, (f)->message);             \
    } while (0)

static UNUSED_FUNCTION uint16_t port_in(const char *address)
{
    return (uint16_t)atoi(strrchr(address, ':') + 1);
}

struct node {
    const char *name;
    const struct test_cert *cert;
    char listen[64];
    struct link_peer peers[4];
    char peer_address[4][64];
    struct link_config config;
    struct link_hub *hub;
};

/* A node that will listen on the port (0: any). */
static UNUSED_FUNCTION void node_init(struct node *n, const struct test_ca *ca, const char *name,
                                       const struct test_cert *cert, uint16_t port)
{
    memset(n, 0, sizeof *n);
    n->name = name;
    n->cert = cert;
    snprintf(n->listen, sizeof n->listen, "tcp://127.0.0.1:%u", port);
    link_config_defaults(&n->config);
    n->config.name = name;
    n->config.listen = n->listen;
    n->config.tls = test_files(ca, cert);
    n->config.peers = n->peers;
    n->config.idle_ms = 100;
    n->config.silence_ms = 1500;
    n->config.peer_deadline_ms = 3000;
    n->config.handshake_ms = 3000;
    n->config.redial_min_ms = 10;
    n->config.redial_max_ms = 100;
    n->config.goodbye_ms = 3000;
}

static UNUSED_FUNCTION void node_peer(struct node *n, const char *name, const struct test_cert *cert, uint16_t port)
{
    size_t i = n->config.num_peers++;

    snprintf(n->peer_address[i], sizeof n->peer_address[i], "tcp://127.0.0.1:%u", port);
    n->peers[i] = (struct link_peer){.name = name, .address = n->peer_address[i], .fingerprint = cert->id.fingerprint};
}

static UNUSED_FUNCTION void node_start(struct node *n)
{
    struct fault f = {0};

    assert_ok(link_hub_new(&n->hub, &n->config, &f), &f);
}

static UNUSED_FUNCTION void node_stop(struct node *n)
{
    link_hub_free(n->hub);
    n->hub = NULL;
}

static UNUSED_FUNCTION uint16_t node_port(const struct node *n)
{
    return port_in(link_hub_address(n->hub));
}

static UNUSED_FUNCTION void await_link(struct node *n, const char *peer)
{
    struct fault f = {0};

    assert_ok(link_wait_connected(n->hub, peer, WAIT_MS, &f), &f);
}

#endif
