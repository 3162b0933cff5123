/* Hubs in one process, over loopback, with real certificates. */
#include "nodes.h"
#include "proxy.h"
#include "crypto/wire.h"
#include "node/net/link_mux.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>

enum { MIB = 1 << 20 };

static struct test_ca ca, other_ca;
static struct test_cert bank_cert, social_cert, tax_cert, clerk_cert;

/* ------------------------------------------------------------------ small things ------------------------------ */

static struct link_channel channel(uint32_t number)
{
    struct link_channel c = {.attempt = number};

    memset(c.session, (int)(number + 1), sizeof c.session);
    return c;
}

static void send_text(struct node *n, const char *peer, uint32_t number, const char *text)
{
    struct link_channel c = channel(number);
    struct fault f = {0};

    assert_ok(link_send(n->hub, peer, &c, text, strlen(text), &f), &f);
}

static void expect_text(struct node *n, const char *peer, uint32_t number, const char *text)
{
    struct link_channel c = channel(number);
    struct fault f = {0};
    char got[256] = "";
    size_t len;

    assert_ok(link_recv(n->hub, peer, &c, got, sizeof got - 1, &len, WAIT_MS, &f), &f);
    assert_string_equal(got, text);
}

static status recv_fault(struct node *n, const char *peer, uint32_t number, struct fault *f)
{
    struct link_channel c = channel(number);
    char got[256];
    size_t len;

    memset(f, 0, sizeof *f);
    return link_recv(n->hub, peer, &c, got, sizeof got, &len, WAIT_MS, f);
}

/* bank listens, tax dials it. */
static void two_nodes(struct node *bank, struct node *tax)
{
    node_init(bank, &ca, "bank", &bank_cert, 0);
    node_peer(bank, "tax", &tax_cert, 1);
    node_start(bank);
    node_init(tax, &ca, "tax", &tax_cert, 0);
    node_peer(tax, "bank", &bank_cert, node_port(bank));
    node_start(tax);
}

static void assert_link_works(struct node *a, struct node *b)
{
    send_text(a, b->name, 99, "are you there?");
    expect_text(b, a->name, 99, "are you there?");
    send_text(b, a->name, 99, "I am");
    expect_text(a, b->name, 99, "I am");
}

/* Waits until a connection was turned away for this reason. */
static void await_turned_away(struct node *n, const char *words)
{
    uint64_t until = now_ms() + WAIT_MS;
    struct fault last = {0};

    while (now_ms() < until) {
        link_turned_away(n->hub, &last);
        if (strstr(last.message, words))
            return;
        sleep_ms(10);
    }
    fail_msg("expected \"%s\" as reason, not: %s", words, last.message);
}

/* Waits until the peer's state gives this reason. */
static void await_last_error(struct node *n, const char *peer, const char *words)
{
    uint64_t until = now_ms() + WAIT_MS;
    struct link_peer_state state = {0};

    while (now_ms() < until) {
        assert_int_equal(link_peer_state(n->hub, peer, &state, NULL), OK);
        if (strstr(state.last.message, words)) {
            assert_int_not_equal(state.state, LINK_CONNECTED);
            return;
        }
        sleep_ms(10);
    }
    fail_msg("expected \"%s\" as last error, not: %s", words, state.last.message);
}

/* ------------------------------------------------------------------ raw TLS ends ------------------------------ */

/* A blocking TLS end that can say anything. */
struct raw {
    int fd;
    struct tls *tls;
};

static void raw_push(struct raw *r)
{
    uint8_t bytes[4096];

    for (size_t len; (len = tls_drain(r->tls, bytes, sizeof bytes)) > 0;)
        if (send(r->fd, bytes, len, MSG_NOSIGNAL) < 0)
            return;
}

static bool raw_pull(struct raw *r)
{
    uint8_t bytes[4096];
    ssize_t len = recv(r->fd, bytes, sizeof bytes, 0);

    return len > 0 && tls_feed(r->tls, bytes, (size_t)len) == OK;
}

static bool raw_shake(struct raw *r, int fd, const struct tls_files *files, enum tls_side side)
{
    struct timeval wait = {.tv_sec = WAIT_MS / 1000};
    struct tls_context *c;
    bool done = false;

    assert_int_equal(tls_context_new(&c, files, NULL), OK);
    assert_int_equal(tls_new(&r->tls, c, side, "the other end"), OK);
    tls_context_free(c);
    r->fd = fd;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    while (!done) {
        bool failed = tls_handshake(r->tls, &done, NULL) != OK;

        raw_push(r);
        if (failed || (!done && !raw_pull(r)))
            return false;
    }
    return true;
}

static void raw_write(struct raw *r, const void *bytes, size_t len)
{
    assert_int_equal(tls_write(r->tls, bytes, len, NULL), OK);
    raw_push(r);
}

/* Exactly len bytes, or false when the other side ended it. */
static bool raw_read(struct raw *r, void *out, size_t len)
{
    for (size_t have = 0, got; have < len; have += got) {
        if (tls_read(r->tls, (uint8_t *)out + have, len - have, &got, NULL) != OK)
            return false;
        if (got == 0 && !raw_pull(r))
            return false;
    }
    return true;
}

static void raw_close(struct raw *r)
{
    tls_free(r->tls);
    close(r->fd);
}

static void put_prelude(uint8_t out[8], uint16_t version, uint8_t kind)
{
    memcpy(out, "HEFU", 4);
    store_u16(out + 4, version);
    out[6] = kind;
    out[7] = 0;
}

/* Poses as the peer whose certificate it holds, up to an accepted link. */
static void raw_link(struct raw *r, uint16_t port, const struct test_cert *cert)
{
    struct tls_files files = test_files(&ca, cert);
    uint8_t words[8 + 48] = {0}, back[8 + 48];
    int fd = connect_socket(port);

    assert_true(fd >= 0);
    assert_true(raw_shake(r, fd, &files, TLS_DIALS));
    put_prelude(words, LINK_VERSION, 1);
    memset(words + 8, 0xab, 16); /* its epoch */
    store_u64(words + 8 + 40, 1ull << 30);
    raw_write(r, words, sizeof words);
    assert_true(raw_read(r, back, sizeof back));
    assert_int_equal(back[7], 0);
}

/* ------------------------------------------------------------------ messages ---------------------------------- */

static void messages_of_every_size_arrive_whole_and_in_order(void **state)
{
    static const size_t sizes[] = {0, 1, 44, MUX_PIECE - 1, MUX_PIECE, MUX_PIECE + 1, 2 * MUX_PIECE, MIB - 1, MIB};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    uint8_t *bytes = malloc(MIB), *got = malloc(MIB);
    struct link_channel c = channel(1);
    struct fault f = {0};
    struct node bank, tax;

    (void)state;
    two_nodes(&bank, &tax);
    for (size_t i = 0; i < COUNT; i++) { /* queued before there is any link */
        memset(bytes, (int)i + 1, sizes[i]);
        assert_ok(link_send(bank.hub, "tax", &c, bytes, sizes[i], &f), &f);
        assert_ok(link_send(tax.hub, "bank", &c, bytes, sizes[i], &f), &f);
    }
    for (size_t i = 0; i < 2 * COUNT; i++) {
        size_t len = 1;

        assert_ok(link_recv(i < COUNT ? tax.hub : bank.hub, i < COUNT ? "bank" : "tax", &c, got, MIB, &len, WAIT_MS, &f), &f);
        assert_int_equal(len, sizes[i % COUNT]);
        memset(bytes, (int)(i % COUNT) + 1, len);
        assert_memory_equal(got, bytes, len);
    }
    assert_int_equal(link_send(bank.hub, "tax", &c, bytes, MIB + 1, &f), STATUS_LIMIT);
    node_stop(&tax);
    node_stop(&bank);
    free(bytes);
    free(got);
}

static void both_sides_can_send_64_mib_before_reading_any(void **state)
{
    enum { COUNT = 64 };
    uint8_t *bytes = malloc(MIB), *got = malloc(MIB);
    struct link_channel c = channel(1);
    struct fault f = {0};
    struct node bank, tax;

    (void)state;
    two_nodes(&bank, &tax);
    await_link(&bank, "tax");
    for (uint32_t i = 0; i < COUNT; i++) {
        memset(bytes, (int)i, MIB);
        assert_ok(link_send(bank.hub, "tax", &c, bytes, MIB, &f), &f);
        assert_ok(link_send(tax.hub, "bank", &c, bytes, MIB, &f), &f);
    }
    for (uint32_t i = 0; i < 2 * COUNT; i++) {
        size_t len;

        assert_ok(link_recv(i < COUNT ? tax.hub : bank.hub, i < COUNT ? "bank" : "tax", &c, got, MIB, &len, WAIT_MS, &f), &f);
        memset(bytes, (int)(i % COUNT), MIB);
        assert_int_equal(len, MIB);
        assert_memory_equal(got, bytes, MIB);
    }
    node_stop(&tax);
    node_stop(&bank);
    free(bytes);
    free(got);
}

static void three_nodes_run_several_sessions_side_by_side(void **state)
{
    enum { CHANNELS = 5 };
    struct node n[3];
    static const char *const names[] = {"bank", "social", "tax"};

    (void)state;
    node_init(&n[0], &ca, "bank", &bank_cert, 0);
    node_peer(&n[0], "social", &social_cert, 1);
    node_peer(&n[0], "tax", &tax_cert, 1);
    node_start(&n[0]);
    node_init(&n[1], &ca, "social", &social_cert, 0);
    node_peer(&n[1], "bank", &bank_cert, node_port(&n[0]));
    node_peer(&n[1], "tax", &tax_cert, 1);
    node_start(&n[1]);
    node_init(&n[2], &ca, "tax", &tax_cert, 0);
    node_peer(&n[2], "bank", &bank_cert, node_port(&n[0]));
    node_peer(&n[2], "social", &social_cert, node_port(&n[1]));
    node_start(&n[2]);
    for (uint32_t c = 0; c < CHANNELS; c++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                char text[64];

                snprintf(text, sizeof text, "%s to %s on %u", names[i], names[j], c);
                if (i != j)
                    send_text(&n[i], names[j], c, text);
            }
    for (uint32_t c = CHANNELS; c-- > 0;) /* read in another order than sent */
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                char text[64];

                snprintf(text, sizeof text, "%s to %s on %u", names[i], names[j], c);
                if (i != j)
                    expect_text(&n[j], names[i], c, text);
            }
    for (int i = 0; i < 3; i++)
        node_stop(&n[i]);
}

static void a_message_longer_than_expected_stays(void **state)
{
    struct link_channel c = channel(1);
    struct fault f = {0};
    struct node bank, tax;
    char got[64] = "";
    size_t len;

    (void)state;
    two_nodes(&bank, &tax);
    send_text(&bank, "tax", 1, "rather long");
    assert_int_equal(link_recv(tax.hub, "bank", &c, got, 4, &len, WAIT_MS, &f), STATUS_UNEXPECTED);
    assert_int_equal(len, 11);
    assert_says(&f, "bank sent 11 bytes where at most 4 were expected");
    expect_text(&tax, "bank", 1, "rather long");
    node_stop(&tax);
    node_stop(&bank);
}

/* ------------------------------------------------------------------ chaos ------------------------------------- */

enum { CHAOS_CHANNELS = 3, CHAOS_SIZE_MAX = 600000, CHAOS_HEADER = 16 };

/* One direction of traffic: numbered messages until the proxy has done its worst. */
struct flow {
    struct node *node;
    const char *peer;
    const struct proxy *proxy;
    uint32_t seed, number; /* channel */
    uint64_t count;        /* sent, or received */
    char error[640];
    pthread_t thread;
};

static void chaos_fill(uint8_t *bytes, size_t len, uint64_t index, uint32_t number)
{
    store_u64(bytes, index);
    store_u64(bytes + 8, len);
    for (size_t i = CHAOS_HEADER; i < len; i++)
        bytes[i] = (uint8_t)(index * 31 + number * 7 + i);
}

static void *chaos_send(void *arg)
{
    struct flow *flow = arg;
    uint8_t *bytes = malloc(CHAOS_SIZE_MAX);
    uint64_t next[CHAOS_CHANNELS] = {0}, until = now_ms() + 120000;
    bool last = false;

    while (!flow->error[0]) {
        uint32_t number = draw(&flow->seed, CHAOS_CHANNELS);
        size_t len = CHAOS_HEADER + (draw(&flow->seed, 8) ? draw(&flow->seed, 3000) : draw(&flow->seed, CHAOS_SIZE_MAX - 100));

        if (last || now_ms() > until)
            break;
        last = flow->proxy->cuts >= flow->proxy->cuts_wanted;
        for (uint32_t c = last ? 0 : number; c < (last ? CHAOS_CHANNELS : number + 1); c++) {
            struct link_channel ch = channel(c);
            struct fault f = {0};
            status st;

            chaos_fill(bytes, len, next[c]++, c);
            if (last) /* the end of this channel */
                store_u64(bytes, UINT64_MAX), len = CHAOS_HEADER;
            do {
                f = (struct fault){0};
                st = link_send(flow->node->hub, flow->peer, &ch, bytes, len, &f);
                if (st == STATUS_LIMIT)
                    sleep_ms(2);
            } while (st == STATUS_LIMIT && now_ms() < until);
            if (st != OK)
                snprintf(flow->error, sizeof flow->error, "send: %s", f.message);
            flow->count++;
        }
    }
    free(bytes);
    return NULL;
}

static void *chaos_receive(void *arg)
{
    struct flow *flow = arg;
    struct link_channel ch = channel(flow->number);
    uint8_t *bytes = malloc(CHAOS_SIZE_MAX), *expected = malloc(CHAOS_SIZE_MAX);

    for (uint64_t index = 0;; index++) {
        struct fault f = {0};
        size_t len;

        if (link_recv(flow->node->hub, flow->peer, &ch, bytes, CHAOS_SIZE_MAX, &len, 60000, &f) != OK) {
            snprintf(flow->error, sizeof flow->error, "receive: %s", f.message);
            break;
        }
        flow->count++;
        if (load_u64(bytes) == UINT64_MAX)
            break;
        chaos_fill(expected, len, index, flow->number);
        if (memcmp(bytes, expected, len) != 0) {
            snprintf(flow->error, sizeof flow->error, "message %llu came where %llu was due, or was changed",
                     (unsigned long long)load_u64(bytes), (unsigned long long)index);
            break;
        }
    }
    free(bytes);
    free(expected);
    return NULL;
}

static void nothing_is_lost_doubled_reordered_or_hung_through_300_cuts(void **state)
{
    enum { CUTS = 300, SIDES = 2 };
    struct flow out[SIDES] = {0}, in[SIDES][CHAOS_CHANNELS] = {0};
    struct node node[SIDES];
    struct link_peer_state end = {0};
    struct proxy proxy;
    uint64_t sent = 0, received = 0;
    uint32_t seed = 20240607;

    (void)state;
    node_init(&node[0], &ca, "bank", &bank_cert, 0);
    node_peer(&node[0], "tax", &tax_cert, 1);
    node[0].config.redial_min_ms = 2;
    node[0].config.queue_max = 8 * MIB;
    node[0].config.silence_ms = 500;
    node[0].config.peer_deadline_ms = 60000;
    node_start(&node[0]);
    proxy_start(&proxy, node_port(&node[0]), seed, CUTS, 0);
    node_init(&node[1], &ca, "tax", &tax_cert, 0);
    node_peer(&node[1], "bank", &bank_cert, port_of(proxy.listen_fd));
    node[1].config.redial_min_ms = 2;
    node[1].config.redial_max_ms = 10;
    node[1].config.queue_max = 8 * MIB;
    node[1].config.silence_ms = 500;
    node[1].config.peer_deadline_ms = 60000;
    node_start(&node[1]);
    for (int s = 0; s < SIDES; s++) {
        out[s] = (struct flow){.node = &node[s], .peer = node[1 - s].name, .proxy = &proxy, .seed = seed + (uint32_t)s};
        assert_int_equal(pthread_create(&out[s].thread, NULL, chaos_send, &out[s]), 0);
        for (uint32_t c = 0; c < CHAOS_CHANNELS; c++) {
            in[s][c] = (struct flow){.node = &node[s], .peer = node[1 - s].name, .number = c};
            assert_int_equal(pthread_create(&in[s][c].thread, NULL, chaos_receive, &in[s][c]), 0);
        }
    }
    for (int s = 0; s < SIDES; s++) {
        pthread_join(out[s].thread, NULL);
        sent += out[s].count;
        for (uint32_t c = 0; c < CHAOS_CHANNELS; c++) {
            pthread_join(in[s][c].thread, NULL);
            received += in[s][c].count;
        }
    }
    assert_int_equal(link_peer_state(node[1].hub, "bank", &end, NULL), OK);
    node_stop(&node[1]);
    node_stop(&node[0]);
    proxy_stop(&proxy);
    for (int s = 0; s < SIDES; s++) {
        assert_string_equal(out[s].error, "");
        for (uint32_t c = 0; c < CHAOS_CHANNELS; c++)
            assert_string_equal(in[s][c].error, "");
    }
    assert_true(proxy.cuts >= CUTS);
    assert_int_equal(sent, received);
    print_message("seed %u: %d cuts, %llu links, %llu messages, %llu MiB received at one side\n", seed, (int)proxy.cuts,
                  (unsigned long long)end.reconnects, (unsigned long long)sent, (unsigned long long)end.received >> 20);
}

/* ------------------------------------------------------------------ peers that fail --------------------------- */

/* The same with nodes that vanish when stopped, as after kill -9. */
static void two_mortal_nodes(struct node *bank, struct node *tax)
{
    node_init(bank, &ca, "bank", &bank_cert, 0);
    node_peer(bank, "tax", &tax_cert, 1);
    bank->config.goodbye_ms = 0;
    node_start(bank);
    snprintf(bank->listen, sizeof bank->listen, "%s", link_hub_address(bank->hub)); /* the same port after a restart */
    node_init(tax, &ca, "tax", &tax_cert, 0);
    node_peer(tax, "bank", &bank_cert, node_port(bank));
    tax->config.goodbye_ms = 0;
    node_start(tax);
}

static void a_restarted_peer_ends_the_sessions_with_its_name(void **state)
{
    struct link_channel new_one = channel(2);
    struct node bank, tax;
    struct fault f;

    (void)state;
    two_mortal_nodes(&bank, &tax);
    send_text(&tax, "bank", 1, "before");
    expect_text(&bank, "tax", 1, "before");
    node_stop(&tax);
    node_start(&tax);
    assert_int_equal(recv_fault(&bank, "tax", 1, &f), STATUS_CLOSED);
    assert_says(&f, "tax was restarted");
    assert_int_equal(link_send(bank.hub, "tax", &new_one, "", 0, NULL), OK);

    /* The side that dials notices as well. */
    send_text(&tax, "bank", 7, "anything");
    expect_text(&bank, "tax", 7, "anything");
    node_stop(&bank);
    node_start(&bank);
    assert_int_equal(recv_fault(&tax, "bank", 7, &f), STATUS_CLOSED);
    assert_says(&f, "bank was restarted");
    send_text(&tax, "bank", 8, "a new session works");
    expect_text(&bank, "tax", 8, "a new session works");
    node_stop(&tax);
    node_stop(&bank);
}

static void a_session_opened_while_the_peer_restarts_goes_on(void **state)
{
    struct link_peer_state s;
    struct node bank, tax;
    struct fault f;

    (void)state;
    two_mortal_nodes(&bank, &tax);
    send_text(&bank, "tax", 1, "old session");
    expect_text(&tax, "bank", 1, "old session");
    node_stop(&tax);
    do
        assert_int_equal(link_peer_state(bank.hub, "tax", &s, NULL), OK);
    while (s.state == LINK_CONNECTED);
    send_text(&bank, "tax", 1, "more of the old session"); /* must not reach the new process */
    send_text(&bank, "tax", 2, "new session");
    send_text(&bank, "tax", 2, "and more of it");
    node_start(&tax);
    expect_text(&tax, "bank", 2, "new session");
    expect_text(&tax, "bank", 2, "and more of it");
    send_text(&tax, "bank", 2, "good");
    expect_text(&bank, "tax", 2, "good");
    assert_int_equal(recv_fault(&bank, "tax", 1, &f), STATUS_CLOSED);
    assert_says(&f, "tax was restarted");
    node_stop(&tax);
    node_stop(&bank);
}

static void an_unreachable_peer_is_named_with_address_and_reason(void **state)
{
    struct node tax;
    struct fault f;
    char address[64];

    (void)state;
    node_init(&tax, &ca, "tax", &tax_cert, 0);
    node_peer(&tax, "bank", &bank_cert, free_port());
    node_peer(&tax, "zollamt", &social_cert, 1); /* dials us, and never does */
    tax.config.peer_deadline_ms = 300;
    snprintf(address, sizeof address, "%s", tax.peers[0].address);
    node_start(&tax);
    assert_int_equal(recv_fault(&tax, "bank", 1, &f), STATUS_TIMEOUT);
    assert_says(&f, "no link to bank at ");
    assert_says(&f, address);
    assert_says(&f, "connection refused");
    assert_true(f.hint[0] != 0);
    assert_int_equal(recv_fault(&tax, "zollamt", 1, &f), STATUS_TIMEOUT);
    assert_says(&f, "no link to zollamt at ");
    assert_says(&f, "it has not connected");
    assert_int_equal(recv_fault(&tax, "nobody", 1, &f), STATUS_CONFIG);
    node_stop(&tax);
}

static void a_peer_that_falls_silent_ends_the_sessions_with_its_name(void **state)
{
    struct node bank, tax;
    struct proxy proxy;
    struct fault f;

    (void)state;
    node_init(&bank, &ca, "bank", &bank_cert, 0);
    node_peer(&bank, "tax", &tax_cert, 1);
    bank.config.peer_deadline_ms = 600;
    bank.config.silence_ms = 400;
    node_start(&bank);
    proxy_start(&proxy, node_port(&bank), 1, 0, 0);
    node_init(&tax, &ca, "tax", &tax_cert, 0);
    node_peer(&tax, "bank", &bank_cert, port_of(proxy.listen_fd));
    tax.config.peer_deadline_ms = 600;
    tax.config.handshake_ms = 300;
    tax.config.silence_ms = 400;
    node_start(&tax);
    assert_link_works(&bank, &tax);
    proxy.hold = true; /* connections stay up and carry nothing */
    assert_int_equal(recv_fault(&bank, "tax", 1, &f), STATUS_TIMEOUT);
    assert_says(&f, "no link to tax at ");
    assert_says(&f, "has been silent for 0.4 s");
    assert_int_equal(recv_fault(&tax, "bank", 1, &f), STATUS_TIMEOUT);
    assert_says(&f, "no link to bank at ");
    assert_int_equal(recv_fault(&bank, "tax", 1, &f), STATUS_TIMEOUT); /* and stays so */

    /* After that the link heals and new sessions run; the other side was told about the old one. */
    proxy.hold = false;
    send_text(&tax, "bank", 2, "again");
    expect_text(&bank, "tax", 2, "again");
    node_stop(&tax);
    node_stop(&bank);
    proxy_stop(&proxy);
}

static void a_slow_session_is_told_apart_from_a_lost_peer(void **state)
{
    struct link_channel c = channel(1);
    struct node bank, tax;
    struct fault f = {0};
    char got[8];
    size_t len;

    (void)state;
    two_nodes(&bank, &tax);
    assert_link_works(&bank, &tax);
    assert_int_equal(link_recv(bank.hub, "tax", &c, got, sizeof got, &len, 50, &f), STATUS_TIMEOUT);
    assert_says(&f, "no message from tax at ");
    assert_says(&f, "within 0.1 s");
    assert_null(strstr(f.message, "not linked"));
    node_stop(&tax);
    node_stop(&bank);
}

/* ------------------------------------------------------------------ ends and bounds --------------------------- */

static void peers_learn_why_a_session_was_closed(void **state)
{
    static const struct {
        enum link_goodbye code;
        const char *words;
    } cases[] = {{LINK_DONE, "it is done"}, {LINK_CANCELLED, "cancelled by its operator"}, {LINK_REFUSED, "refused there"},
                 {LINK_PROTOCOL, "a party broke the protocol"}, {LINK_TIMED_OUT, "a deadline passed there"}};
    struct node bank, tax;
    struct fault f;

    (void)state;
    two_nodes(&bank, &tax);
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct link_channel c = channel(i);

        send_text(&bank, "tax", i, "last words");
        link_close_channel(bank.hub, &c, cases[i].code);
        expect_text(&tax, "bank", i, "last words");
        assert_int_equal(recv_fault(&tax, "bank", i, &f), STATUS_CLOSED);
        assert_says(&f, "bank closed the session: ");
        assert_says(&f, cases[i].words);
        f = (struct fault){0};
        assert_int_equal(link_send(tax.hub, "bank", &c, "x", 1, &f), STATUS_CLOSED);
        assert_int_equal(link_send(bank.hub, "tax", &c, "x", 1, NULL), STATUS_CLOSED);
        assert_int_equal(recv_fault(&bank, "tax", i, &f), STATUS_CLOSED);
        link_close_channel(tax.hub, &c, LINK_DONE);
    }
    assert_link_works(&bank, &tax);
    node_stop(&tax);
    node_stop(&bank);
}

static void a_peer_that_has_not_spoken_yet_learns_of_the_end_too(void **state)
{
    struct link_channel c = channel(1);
    struct node bank, tax;
    struct fault f = {0};

    (void)state;
    two_nodes(&bank, &tax);
    assert_ok(link_open_channel(bank.hub, "tax", &c, &f), &f);
    link_close_channel(bank.hub, &c, LINK_CANCELLED);
    assert_int_equal(recv_fault(&tax, "bank", 1, &f), STATUS_CLOSED);
    assert_says(&f, "cancelled by its operator");
    node_stop(&tax);
    node_stop(&bank);
}

static void what_arrives_after_closing_is_ignored(void **state)
{
    struct link_channel c = channel(1);
    struct link_event event;
    struct node bank, tax;

    (void)state;
    two_nodes(&bank, &tax);
    await_link(&bank, "tax");
    link_close_channel(bank.hub, &c, LINK_CANCELLED); /* tax does not know of it */
    send_text(&tax, "bank", 1, "too late");
    assert_link_works(&bank, &tax); /* later on the same link */
    while (link_next(bank.hub, &event) == OK) {
        assert_int_not_equal(event.channel.attempt, 1);
        link_event_clear(&event);
    }
    node_stop(&tax);
    node_stop(&bank);
}

static void a_node_that_stops_first_delivers_what_was_queued(void **state)
{
    enum { COUNT = 24 };
    uint8_t *bytes = calloc(1, MIB);
    struct link_channel c = channel(1);
    struct fault f = {0};
    struct node bank, tax;

    (void)state;
    two_nodes(&bank, &tax);
    await_link(&bank, "tax");
    bank.config.goodbye_ms = WAIT_MS;
    for (int i = 0; i < COUNT; i++)
        assert_ok(link_send(bank.hub, "tax", &c, bytes, MIB, &f), &f);
    node_stop(&bank);
    for (int i = 0; i < COUNT; i++) {
        size_t len;

        assert_ok(link_recv(tax.hub, "bank", &c, bytes, MIB, &len, WAIT_MS, &f), &f);
    }
    assert_int_equal(recv_fault(&tax, "bank", 1, &f), STATUS_CLOSED);
    assert_says(&f, "bank closed the session: its node is shutting down");
    tax.config.goodbye_ms = 0;
    node_stop(&tax);
    free(bytes);
}

static void queues_are_bounded_and_a_slow_reader_is_named(void **state)
{
    uint8_t *bytes = calloc(1, MIB);
    struct link_channel c = channel(1);
    struct node bank, tax;
    struct fault f = {0};
    uint64_t until = now_ms() + WAIT_MS;
    status st = OK;
    int sent = 0;

    (void)state;
    node_init(&bank, &ca, "bank", &bank_cert, 0);
    node_peer(&bank, "tax", &tax_cert, 1);
    bank.config.queue_max = 4 * MIB;
    node_start(&bank);
    node_init(&tax, &ca, "tax", &tax_cert, 0);
    node_peer(&tax, "bank", &bank_cert, node_port(&bank));
    tax.config.queue_max = 6 * MIB; /* what it keeps unread */
    node_start(&tax);
    await_link(&bank, "tax");
    for (; now_ms() < until && sent < 100; sent += st == OK) { /* tax does not read */
        struct link_peer_state s;
        struct fault g = {0};

        bytes[0] = (uint8_t)sent;
        st = link_send(bank.hub, "tax", &c, bytes, MIB, &g);
        f = g;
        assert_ok(link_peer_state(bank.hub, "tax", &s, &g), &g);
        if (st == STATUS_LIMIT && sent >= 8)
            break;
        if (st != OK)
            sleep_ms(5);
    }
    assert_int_equal(st, STATUS_LIMIT);
    assert_says(&f, "bytes wait for tax");
    assert_true(sent <= 10);
    for (int i = 0; i < sent; i++) { /* nothing of it is lost, and reading makes room again */
        size_t len;

        assert_ok(link_recv(tax.hub, "bank", &c, bytes, MIB, &len, WAIT_MS, &f), &f);
        assert_int_equal(bytes[0], i);
    }
    assert_link_works(&bank, &tax);
    node_stop(&tax);
    node_stop(&bank);
    free(bytes);
}

static void a_relay_sees_every_message_and_end_through_one_descriptor(void **state)
{
    struct link_channel one = channel(1), two = channel(2);
    int seen[3] = {0}, ends = 0;
    struct link_event event;
    struct node bank, tax;

    (void)state;
    two_nodes(&bank, &tax);
    for (int i = 0; i < 10; i++) {
        send_text(&tax, "bank", 1, "to one");
        send_text(&tax, "bank", 2, "to two");
    }
    link_close_channel(tax.hub, &one, LINK_DONE);
    link_close_channel(tax.hub, &two, LINK_FAILED);
    while (ends < 2) {
        struct pollfd p = {.fd = link_event_fd(bank.hub), .events = POLLIN};

        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        while (link_next(bank.hub, &event) == OK) {
            uint32_t number = event.channel.attempt;

            assert_string_equal(event.peer, "tax");
            assert_true(number == 1 || number == 2);
            if (event.ended) {
                assert_int_equal(seen[number], 10); /* the end comes last */
                assert_int_equal(event.goodbye, number == 1 ? LINK_DONE : LINK_FAILED);
                ends++;
            } else {
                assert_int_equal(event.len, 6);
                assert_memory_equal(event.bytes, number == 1 ? "to one" : "to two", 6);
                seen[number]++;
            }
            link_event_clear(&event);
        }
    }
    assert_int_equal(link_next(bank.hub, &event), STATUS_TIMEOUT); /* each end is told once */
    node_stop(&tax);
    node_stop(&bank);
}

static void a_standing_channel_can_be_used_again_after_a_restart(void **state)
{
    struct link_channel c = channel(1);
    struct node bank, tax;
    struct fault f;

    (void)state;
    two_mortal_nodes(&bank, &tax);
    send_text(&tax, "bank", 1, "first life");
    expect_text(&bank, "tax", 1, "first life");
    node_stop(&tax);
    node_start(&tax);
    assert_int_equal(recv_fault(&bank, "tax", 1, &f), STATUS_CLOSED);
    f = (struct fault){0};
    assert_ok(link_reopen_channel(bank.hub, "tax", &c, &f), &f);
    send_text(&bank, "tax", 1, "welcome back");
    expect_text(&tax, "bank", 1, "welcome back");
    send_text(&tax, "bank", 1, "second life");
    expect_text(&bank, "tax", 1, "second life");
    node_stop(&tax);
    node_stop(&bank);
}

/* ------------------------------------------------------------------ who may connect --------------------------- */

/* bank runs an honest link with tax; somebody else tries as "social", whose pin is that of `pinned`. */
struct beside {
    struct node bank, tax, intruder;
};

static void beside_start(struct beside *b, const struct test_cert *pinned)
{
    node_init(&b->bank, &ca, "bank", &bank_cert, 0);
    node_peer(&b->bank, "tax", &tax_cert, 1);
    node_peer(&b->bank, "social", pinned, 1);
    b->bank.config.handshake_ms = 1000;
    node_start(&b->bank);
    node_init(&b->tax, &ca, "tax", &tax_cert, 0);
    node_peer(&b->tax, "bank", &bank_cert, node_port(&b->bank));
    node_start(&b->tax);
    assert_link_works(&b->bank, &b->tax);
}

static void beside_stop(struct beside *b)
{
    struct link_peer_state s;

    assert_int_equal(link_peer_state(b->bank.hub, "social", &s, NULL), OK);
    assert_int_equal(s.reconnects, 0); /* never accepted */
    send_text(&b->bank, "tax", 50, "still here");
    expect_text(&b->tax, "bank", 50, "still here");
    node_stop(&b->tax);
    node_stop(&b->bank);
}

/* An intruder with this certificate dials; both nodes must name the reason. */
static void expect_refused(const struct test_cert *cert, const struct test_cert *pinned, const char *at_bank,
                           const char *at_intruder)
{
    struct beside b;

    beside_start(&b, pinned);
    node_init(&b.intruder, &ca, "social", cert, 0);
    b.intruder.config.goodbye_ms = 0;
    b.intruder.name = cert->id.name;
    b.intruder.config.name = cert->id.name;
    node_peer(&b.intruder, "bank", &bank_cert, node_port(&b.bank));
    node_start(&b.intruder);
    await_turned_away(&b.bank, at_bank);
    await_last_error(&b.intruder, "bank", at_intruder);
    if (strcmp(cert->id.name, "social") == 0)
        await_last_error(&b.bank, "social", at_bank);
    node_stop(&b.intruder);
    beside_stop(&b);
}

static void an_expired_certificate_never_links(void **state)
{
    struct test_cert bad;

    (void)state;
    test_issue_dated(&ca, &bad, "social", "node", -7200, -60);
    expect_refused(&bad, &bad, "social, has expired on 2", "refused this node's certificate: it has expired");
    test_cert_clear(&bad);
}

static void a_revoked_certificate_never_links(void **state)
{
    struct test_cert bad;

    (void)state;
    test_issue(&ca, &bad, "social");
    test_crl(&ca, &bad, 86400);
    expect_refused(&bad, &bad, "has been revoked", "refused this node's certificate: it has been revoked");
    test_cert_clear(&bad);
}

static void a_certificate_of_another_ca_never_links(void **state)
{
    struct test_cert bad;

    (void)state;
    test_issue(&other_ca, &bad, "social");
    expect_refused(&bad, &bad, "was issued by another CA", "refused this node's certificate: it was issued by another CA");
    test_cert_clear(&bad);
}

static void a_stolen_name_with_another_certificate_never_links(void **state)
{
    struct test_cert bad;

    (void)state;
    test_issue(&ca, &bad, "social"); /* right CA, right name, not the pinned one */
    expect_refused(&bad, &social_cert, "shows another certificate for social than the pinned one",
                   "it has pinned another certificate for this node");
    test_cert_clear(&bad);
}

static void a_member_that_is_not_a_peer_never_links(void **state)
{
    struct test_cert bad;

    (void)state;
    test_issue(&ca, &bad, "customs");
    expect_refused(&bad, &social_cert, "customs is not among the peers of this node", "this node is not among its peers");
    test_cert_clear(&bad);
}

static void the_wrong_party_at_an_address_is_named(void **state)
{
    struct node social, tax;

    (void)state;
    node_init(&social, &ca, "social", &social_cert, 0);
    node_start(&social);
    node_init(&tax, &ca, "tax", &tax_cert, 0);
    node_peer(&tax, "bank", &bank_cert, node_port(&social)); /* a wrong port in a file */
    tax.config.goodbye_ms = 0;
    node_start(&tax);
    await_last_error(&tax, "bank", "has the certificate of social, not of bank");
    node_stop(&tax);
    node_stop(&social);
}

static void strangers_of_every_kind_are_turned_away(void **state)
{
    SSL_CTX *old = SSL_CTX_new(TLS_client_method()), *bare = SSL_CTX_new(TLS_client_method());
    struct beside b;

    (void)state;
    SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
    beside_start(&b, &social_cert);
    for (int kind = 0; kind < 3; kind++) {
        static const char *const reasons[] = {"sent no certificate", "TLS version too low", "sent bytes that are not TLS"};
        int fd = connect_socket(node_port(&b.bank));
        char byte;

        assert_true(fd >= 0);
        if (kind < 2) {
            SSL *ssl = SSL_new(kind == 0 ? bare : old);

            SSL_set_fd(ssl, fd);
            if (SSL_connect(ssl) == 1) /* in TLS 1.3 the client finishes first, and then reads the refusal */
                assert_true(SSL_read(ssl, &byte, 1) <= 0);
            SSL_free(ssl);
        } else {
            assert_int_equal(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
        }
        close(fd);
        await_turned_away(&b.bank, reasons[kind]);
    }
    beside_stop(&b);
    SSL_CTX_free(old);
    SSL_CTX_free(bare);
}

static void a_peer_of_another_version_is_named_on_both_sides(void **state)
{
    struct tls_files files = test_files(&ca, &social_cert), bank_files = test_files(&ca, &bank_cert);
    uint8_t words[8], back[8];
    struct raw raw;
    struct beside b;
    struct node tax;
    int listener, fd;

    (void)state;
    /* An old node dials a new one. */
    beside_start(&b, &social_cert);
    fd = connect_socket(node_port(&b.bank));
    assert_true(raw_shake(&raw, fd, &files, TLS_DIALS));
    put_prelude(words, LINK_VERSION + 1, 1);
    raw_write(&raw, words, sizeof words);
    assert_true(raw_read(&raw, back, sizeof back)); /* it hears the version it should have */
    assert_int_equal(load_u16(back + 4), LINK_VERSION);
    assert_int_not_equal(back[7], 0);
    raw_close(&raw);
    await_turned_away(&b.bank, "social speaks link version 2, this node 1");
    await_last_error(&b.bank, "social", "social speaks link version 2, this node 1");
    beside_stop(&b);

    /* A new node dials an old one. */
    listener = listen_socket(0);
    node_init(&tax, &ca, "tax", &tax_cert, 0);
    node_peer(&tax, "bank", &bank_cert, port_of(listener));
    tax.config.goodbye_ms = 0;
    node_start(&tax);
    fd = accept(listener, NULL, NULL);
    assert_true(raw_shake(&raw, fd, &bank_files, TLS_ACCEPTS));
    assert_true(raw_read(&raw, back, sizeof back));
    put_prelude(words, LINK_VERSION + 7, 1);
    raw_write(&raw, words, sizeof words);
    await_last_error(&tax, "bank", "speaks link version 8, this node 1");
    raw_close(&raw);
    close(listener);
    node_stop(&tax);
}

/* ------------------------------------------------------------------ peers that lie ---------------------------- */

static void put_frame(uint8_t *frame, uint8_t type, uint32_t body_len, uint64_t seq, uint64_t ack)
{
    memset(frame, 0, MUX_HEADER);
    frame[0] = type;
    store_u32(frame + 4, body_len);
    store_u64(frame + 8, seq);
    store_u64(frame + 16, ack);
}

static void nonsense_from_a_peer_ends_its_sessions_and_no_others(void **state)
{
    static const struct {
        const char *says;
        uint8_t type, reserved;
        uint32_t body_len, message_len, offset;
        uint64_t seq, ack, consumed;
    } cases[] = {
        {"claims to be longer than any may be", 2, 0, 0xffffffff, 0, 0, 0, 0, 0},
        {"claims to be longer than any may be", 2, 0, MUX_BODY_MAX + 1, 0, 0, 0, 0, 0},
        {"a message that claims to be longer", 2, 0, MUX_DATA_HEADER + 8, 0xffffffff, 0, 0, 0, 0},
        {"a piece of a message of the wrong length", 2, 0, MUX_DATA_HEADER + 8, 7, 0, 0, 0, 0},
        {"a piece of a message of the wrong length", 2, 0, MUX_DATA_HEADER + 8, 9, 0, 0, 0, 0},
        {"pieces of a message out of order", 2, 0, MUX_DATA_HEADER + 8, 8, 1, 0, 0, 0},
        {"a frame that is too short", 2, 0, MUX_DATA_HEADER - 1, 0, 0, 0, 0, 0},
        {"frames out of order", 2, 0, MUX_DATA_HEADER + 8, 8, 0, 1, 0, 0},
        {"an acknowledgement of frames that were never sent", 1, 0, 0, 0, 0, 0, 1, 0},
        {"a count of bytes that were never sent", 1, 0, 0, 0, 0, 0, 0, 1},
        {"an acknowledgement with a body", 1, 0, 8, 0, 0, 0, 0, 0},
        {"a goodbye that is not on the list", 3, 0, MUX_CHANNEL + 4, 0, 0, 0, 0, 0},
        {"a frame of an unknown type", 9, 0, 0, 0, 0, 0, 0, 0},
        {"a frame with reserved bytes set", 1, 1, 0, 0, 0, 0, 0, 0},
    };
    struct beside b;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t frame[MUX_HEADER + MUX_DATA_HEADER + 8] = {0}, byte;
        size_t body = cases[i].body_len < sizeof frame - MUX_HEADER ? cases[i].body_len : sizeof frame - MUX_HEADER;
        struct raw raw;
        struct fault f;

        if (i == 0)
            beside_start(&b, &social_cert);
        raw_link(&raw, node_port(&b.bank), &social_cert);
        put_frame(frame, cases[i].type, cases[i].body_len, cases[i].seq, cases[i].ack);
        frame[2] = cases[i].reserved;
        store_u64(frame + 24, cases[i].consumed);
        if (cases[i].type == 2) {
            store_u32(frame + MUX_HEADER + MUX_CHANNEL, cases[i].message_len);
            store_u32(frame + MUX_HEADER + MUX_CHANNEL + 4, cases[i].offset);
        }
        assert_int_equal(link_open_channel(b.bank.hub, "social", &(struct link_channel){.attempt = (uint32_t)i, .session = {5}}, NULL), OK);
        raw_write(&raw, frame, MUX_HEADER + body);
        while (raw_read(&raw, &byte, 1)) /* until bank hangs up */
            ;
        raw_close(&raw);
        memset(&f, 0, sizeof f);
        assert_int_equal(link_recv(b.bank.hub, "social", &(struct link_channel){.attempt = (uint32_t)i, .session = {5}}, &byte, 1,
                                   &(size_t){0}, WAIT_MS, &f), STATUS_MALFORMED);
        assert_says(&f, "social sent ");
        assert_says(&f, cases[i].says);
        assert_link_works(&b.bank, &b.tax);
        /* A well-behaved new process of the same peer may come back. */
        link_close_channel(b.bank.hub, &(struct link_channel){.attempt = (uint32_t)i, .session = {5}}, LINK_PROTOCOL);
        node_init(&b.intruder, &ca, "social", &social_cert, 0);
        node_peer(&b.intruder, "bank", &bank_cert, node_port(&b.bank));
        b.intruder.config.goodbye_ms = 0;
        node_start(&b.intruder);
        await_link(&b.intruder, "bank");
        node_stop(&b.intruder);
    }
    node_stop(&b.tax);
    node_stop(&b.bank);
}

static void two_hundred_silent_strangers_do_not_keep_a_peer_out(void **state)
{
    enum { STRANGERS = 200 };
    int fds[STRANGERS];
    struct node bank, tax;

    (void)state;
    node_init(&bank, &ca, "bank", &bank_cert, 0);
    node_peer(&bank, "tax", &tax_cert, 1);
    bank.config.strangers_max = 16;
    bank.config.handshake_ms = WAIT_MS; /* they would hold their places for long */
    node_start(&bank);
    for (int i = 0; i < STRANGERS; i++)
        assert_true((fds[i] = connect_socket(node_port(&bank))) >= 0);
    node_init(&tax, &ca, "tax", &tax_cert, 0);
    node_peer(&tax, "bank", &bank_cert, node_port(&bank));
    node_start(&tax);
    assert_link_works(&bank, &tax);
    assert_true(link_turned_away(bank.hub, NULL) >= STRANGERS - 16);
    for (int i = 0; i < STRANGERS; i++)
        close(fds[i]);
    node_stop(&tax);
    node_stop(&bank);
}

static void a_stranger_that_says_nothing_is_dropped_at_the_deadline(void **state)
{
    struct node bank;
    int fd;
    char byte;

    (void)state;
    node_init(&bank, &ca, "bank", &bank_cert, 0);
    bank.config.handshake_ms = 100;
    node_start(&bank);
    fd = connect_socket(node_port(&bank));
    assert_true(recv(fd, &byte, 1, 0) <= 0); /* it hangs up */
    await_turned_away(&bank, "no answer in time while making the TLS connection");
    close(fd);
    node_stop(&bank);
}

/* ------------------------------------------------------------------ configuration ----------------------------- */

static void a_port_in_use_is_named(void **state)
{
    struct node bank, second;
    struct fault f = {0};

    (void)state;
    node_init(&bank, &ca, "bank", &bank_cert, 0);
    node_start(&bank);
    node_init(&second, &ca, "tax", &tax_cert, node_port(&bank));
    assert_int_equal(link_hub_new(&second.hub, &second.config, &f), STATUS_CONFIG);
    assert_says(&f, "cannot listen on tcp://127.0.0.1:");
    assert_says(&f, "the port is in use");
    assert_true(f.hint[0] != 0);
    node_stop(&bank);
}

static void an_unusable_configuration_is_named(void **state)
{
    struct node n;
    struct fault f;

    (void)state;
#define EXPECT(words)                                                             \
    f = (struct fault){0};                                                        \
    assert_int_equal(link_hub_new(&n.hub, &n.config, &f), STATUS_CONFIG);         \
    assert_says(&f, words)

    node_init(&n, &ca, "tax", &bank_cert, 0);
    EXPECT("this certificate is bank's, not tax's");
    node_init(&n, &ca, "bank", &bank_cert, 0);
    n.config.listen = "127.0.0.1:7000";
    EXPECT("cannot listen on 127.0.0.1:7000");
    node_init(&n, &ca, "bank", &bank_cert, 0);
    node_peer(&n, "bank", &bank_cert, 1);
    EXPECT("cannot be its own peer");
    node_init(&n, &ca, "bank", &bank_cert, 0);
    node_peer(&n, "tax", &tax_cert, 1);
    node_peer(&n, "tax", &tax_cert, 1);
    EXPECT("two peers are called tax");
    node_init(&n, &ca, "bank", &bank_cert, 0);
    n.config.queue_max = MIB;
    EXPECT("it must hold at least");
    node_init(&n, &ca, "bank", &bank_cert, 0);
    n.config.silence_ms = 10;
    EXPECT("silence above idle");
#undef EXPECT
}

static void a_program_started_from_a_node_inherits_no_connection(void **state)
{
    struct node bank, tax;
    int open_fds = 0;

    (void)state;
    two_nodes(&bank, &tax);
    assert_link_works(&bank, &tax);
    for (int fd = 3; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);
        struct stat s;

        if (flags < 0 || fstat(fd, &s) != 0 || !S_ISSOCK(s.st_mode))
            continue;
        open_fds++;
        assert_true(flags & FD_CLOEXEC);
    }
    assert_true(open_fds >= 4); /* two that listen, two ends of the link */
    node_stop(&tax);
    node_stop(&bank);
}

static void a_new_revocation_list_takes_effect_without_a_restart(void **state)
{
    struct test_cert fated;
    struct node bank, tax, social;
    struct fault f = {0};

    (void)state;
    test_issue(&ca, &fated, "social");
    node_init(&bank, &ca, "bank", &bank_cert, 0);
    node_peer(&bank, "tax", &tax_cert, 1);
    node_peer(&bank, "social", &fated, 1);
    node_start(&bank);
    node_init(&tax, &ca, "tax", &tax_cert, 0);
    node_peer(&tax, "bank", &bank_cert, node_port(&bank));
    node_start(&tax);
    node_init(&social, &ca, "social", &fated, 0);
    node_peer(&social, "bank", &bank_cert, node_port(&bank));
    social.config.goodbye_ms = 0;
    node_start(&social);
    send_text(&tax, "bank", 1, "part one");
    await_link(&bank, "tax");
    await_link(&bank, "social");
    test_crl(&ca, &fated, 86400);
    assert_ok(link_hub_reload(bank.hub, &f), &f);
    await_turned_away(&bank, "has been revoked");
    send_text(&tax, "bank", 1, "part two"); /* the honest session does not notice */
    expect_text(&bank, "tax", 1, "part one");
    expect_text(&bank, "tax", 1, "part two");
    bank.config.goodbye_ms = 0;
    node_stop(&social);
    node_stop(&tax);
    node_stop(&bank);
    test_cert_clear(&fated);
}

/* ------------------------------------------------------------------ control requests -------------------------- */

static status echo_control(void *context, const struct tls_identity *client, const uint8_t *request, size_t len,
                           uint8_t **response, size_t *response_len, struct fault *f)
{
    (void)context;
    if (strcmp(client->role, "coordinator") != 0) {
        fault_hint(f, "ask with a coordinator's certificate");
        return fault_set(f, STATUS_REFUSED, "%s is a %s, not a coordinator", client->name, client->role);
    }
    if (alloc_zeroed(response, len + 8, 1) != OK)
        return STATUS_NO_MEMORY;
    memcpy(*response, "echo: ", 6);
    memcpy(*response + 6, request, len);
    *response_len = len + 6;
    return OK;
}

static void control_node(struct node *bank)
{
    node_init(bank, &ca, "bank", &bank_cert, 0);
    bank->config.control = echo_control;
    node_start(bank);
}

static status ask(struct node *bank, const struct test_cert *cert, const char *name, const struct hash *pin, struct fault *f)
{
    struct tls_files files = test_files(&ca, cert);
    struct link_client *client;
    uint8_t *response = NULL;
    size_t len = 0;
    status st = link_client_open(&client, &files, link_hub_address(bank->hub), name, pin, WAIT_MS, f);

    if (st != OK)
        return st;
    st = link_client_call(client, "hello", 5, &response, &len, WAIT_MS, f);
    if (st == OK) {
        assert_int_equal(len, 11);
        assert_string_equal((char *)response, "echo: hello");
        free(response);
    }
    link_client_close(client);
    return st;
}

static void a_coordinator_asks_and_is_answered(void **state)
{
    struct tls_files files = test_files(&ca, &clerk_cert);
    uint8_t *big = malloc(LINK_REQUEST_MAX), *response = NULL;
    struct link_client *client;
    struct fault f = {0};
    struct node bank;
    size_t len;

    (void)state;
    control_node(&bank);
    assert_ok(ask(&bank, &clerk_cert, "bank", &bank_cert.id.fingerprint, &f), &f);
    assert_ok(ask(&bank, &clerk_cert, "bank", NULL, &f), &f);

    /* Many requests on one connection, the last as long as may be. */
    assert_ok(link_client_open(&client, &files, link_hub_address(bank.hub), "bank", NULL, WAIT_MS, &f), &f);
    memset(big, 'x', LINK_REQUEST_MAX);
    for (size_t size = 1; size <= LINK_REQUEST_MAX; size *= 4) {
        assert_ok(link_client_call(client, big, size, &response, &len, WAIT_MS, &f), &f);
        assert_int_equal(len, size + 6);
        assert_memory_equal(response + 6, big, size);
        free(response);
    }
    assert_int_equal(link_client_call(client, big, LINK_REQUEST_MAX + 1, &response, &len, WAIT_MS, &f), STATUS_LIMIT);
    link_client_close(client);
    node_stop(&bank);
    free(big);
}

static void a_refused_request_comes_back_with_its_words(void **state)
{
    struct fault role = {0}, pin = {0}, name = {0};
    struct node bank;

    (void)state;
    control_node(&bank);
    assert_int_equal(ask(&bank, &tax_cert, "bank", NULL, &role), STATUS_REFUSED);
    assert_says(&role, "tax is a node, not a coordinator");
    assert_string_equal(role.hint, "ask with a coordinator's certificate");
    assert_int_equal(ask(&bank, &clerk_cert, "bank", &tax_cert.id.fingerprint, &pin), STATUS_UNTRUSTED);
    assert_says(&pin, "shows another certificate for bank than the pinned one");
    assert_int_equal(ask(&bank, &clerk_cert, "tax", NULL, &name), STATUS_UNTRUSTED);
    assert_says(&name, "wrong name");
    node_stop(&bank);
}

static void a_node_that_takes_no_requests_says_so(void **state)
{
    struct fault f = {0}, gone = {0};
    struct node bank;
    char address[64];
    struct tls_files files = test_files(&ca, &clerk_cert);
    struct link_client *client;

    (void)state;
    node_init(&bank, &ca, "bank", &bank_cert, 0);
    node_start(&bank);
    assert_int_equal(ask(&bank, &clerk_cert, "bank", NULL, &f), STATUS_REFUSED);
    assert_says(&f, "takes no control requests");
    snprintf(address, sizeof address, "%s", link_hub_address(bank.hub));
    node_stop(&bank);
    assert_int_equal(link_client_open(&client, &files, address, "bank", NULL, WAIT_MS, &gone), STATUS_CLOSED);
    assert_says(&gone, "cannot reach bank at tcp://127.0.0.1:");
    assert_says(&gone, "connection refused");
}

static void an_oversized_request_is_refused_before_it_is_read(void **state)
{
    struct tls_files files = test_files(&ca, &clerk_cert);
    uint8_t words[8], length[4], answer[5], text[256] = {0};
    struct node bank;
    struct raw raw;

    (void)state;
    control_node(&bank);
    assert_true(raw_shake(&raw, connect_socket(node_port(&bank)), &files, TLS_DIALS));
    put_prelude(words, LINK_VERSION, 2);
    raw_write(&raw, words, sizeof words);
    assert_true(raw_read(&raw, words, sizeof words));
    store_u32(length, 0xffffffff);
    raw_write(&raw, length, sizeof length);
    assert_true(raw_read(&raw, answer, sizeof answer));
    assert_int_equal(answer[0], STATUS_MALFORMED);
    assert_true(load_u32(answer + 1) < sizeof text);
    assert_true(raw_read(&raw, text, load_u32(answer + 1)));
    assert_non_null(strstr((char *)text + 2, "a request of 4294967295 bytes is longer than"));
    raw_close(&raw);
    node_stop(&bank);
}

static void an_idle_control_connection_is_closed(void **state)
{
    struct tls_files files = test_files(&ca, &clerk_cert);
    struct link_client *client;
    uint8_t *response;
    struct fault f = {0};
    struct node bank;
    size_t len;

    (void)state;
    node_init(&bank, &ca, "bank", &bank_cert, 0);
    bank.config.control = echo_control;
    bank.config.control_idle_ms = 20;
    node_start(&bank);
    assert_ok(link_client_open(&client, &files, link_hub_address(bank.hub), "bank", NULL, WAIT_MS, &f), &f);
    sleep_ms(400);
    assert_int_equal(link_client_call(client, "hello", 5, &response, &len, WAIT_MS, &f), STATUS_CLOSED);
    assert_int_equal(link_client_call(client, "hello", 5, &response, &len, WAIT_MS, &f), STATUS_CLOSED);
    link_client_close(client);
    node_stop(&bank);
}

/* ------------------------------------------------------------------ main -------------------------------------- */

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    test_ca_make(&ca);
    test_ca_make_named(&other_ca, "another consortium");
    test_issue(&ca, &bank_cert, "bank");
    test_issue(&ca, &social_cert, "social");
    test_issue(&ca, &tax_cert, "tax");
    test_issue_dated(&ca, &clerk_cert, "clerk", "coordinator", -3600, 86400);
    test_crl(&ca, NULL, 86400);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_cert_clear(&bank_cert);
    test_cert_clear(&social_cert);
    test_cert_clear(&tax_cert);
    test_cert_clear(&clerk_cert);
    test_ca_clear(&ca);
    test_ca_clear(&other_ca);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_size_arrive_whole_and_in_order),
        cmocka_unit_test(both_sides_can_send_64_mib_before_reading_any),
        cmocka_unit_test(three_nodes_run_several_sessions_side_by_side),
        cmocka_unit_test(a_message_longer_than_expected_stays),
        cmocka_unit_test(nothing_is_lost_doubled_reordered_or_hung_through_300_cuts),
        cmocka_unit_test(a_restarted_peer_ends_the_sessions_with_its_name),
        cmocka_unit_test(a_session_opened_while_the_peer_restarts_goes_on),
        cmocka_unit_test(an_unreachable_peer_is_named_with_address_and_reason),
        cmocka_unit_test(a_peer_that_falls_silent_ends_the_sessions_with_its_name),
        cmocka_unit_test(a_slow_session_is_told_apart_from_a_lost_peer),
        cmocka_unit_test(peers_learn_why_a_session_was_closed),
        cmocka_unit_test(a_peer_that_has_not_spoken_yet_learns_of_the_end_too),
        cmocka_unit_test(what_arrives_after_closing_is_ignored),
        cmocka_unit_test(a_node_that_stops_first_delivers_what_was_queued),
        cmocka_unit_test(queues_are_bounded_and_a_slow_reader_is_named),
        cmocka_unit_test(a_relay_sees_every_message_and_end_through_one_descriptor),
        cmocka_unit_test(a_standing_channel_can_be_used_again_after_a_restart),
        cmocka_unit_test(an_expired_certificate_never_links),
        cmocka_unit_test(a_revoked_certificate_never_links),
        cmocka_unit_test(a_certificate_of_another_ca_never_links),
        cmocka_unit_test(a_stolen_name_with_another_certificate_never_links),
        cmocka_unit_test(a_member_that_is_not_a_peer_never_links),
        cmocka_unit_test(the_wrong_party_at_an_address_is_named),
        cmocka_unit_test(strangers_of_every_kind_are_turned_away),
        cmocka_unit_test(a_peer_of_another_version_is_named_on_both_sides),
        cmocka_unit_test(nonsense_from_a_peer_ends_its_sessions_and_no_others),
        cmocka_unit_test(two_hundred_silent_strangers_do_not_keep_a_peer_out),
        cmocka_unit_test(a_stranger_that_says_nothing_is_dropped_at_the_deadline),
        cmocka_unit_test(a_port_in_use_is_named),
        cmocka_unit_test(an_unusable_configuration_is_named),
        cmocka_unit_test(a_program_started_from_a_node_inherits_no_connection),
        cmocka_unit_test(a_new_revocation_list_takes_effect_without_a_restart),
        cmocka_unit_test(a_coordinator_asks_and_is_answered),
        cmocka_unit_test(a_refused_request_comes_back_with_its_words),
        cmocka_unit_test(a_node_that_takes_no_requests_says_so),
        cmocka_unit_test(an_oversized_request_is_refused_before_it_is_read),
        cmocka_unit_test(an_idle_control_connection_is_closed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
