/* Why a link is nng's byte stream and not one of its pair sockets.  A pair has place for one peer and gives it to whoever
 * connects first, before a certificate could be asked for: a stranger that speaks nng's few opening bytes and then is
 * silent shuts the peer out for as long as it likes.  On a byte stream we decide who stays. */
#include "nodes.h"

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <signal.h>
#include <stdatomic.h>

static struct test_ca ca;
static struct test_cert bank_cert, tax_cert;

static void count(nng_pipe pipe, nng_pipe_ev event, void *counter)
{
    (void)pipe;
    (void)event;
    (*(atomic_int *)counter)++;
}

static void await_count(const atomic_int *counter, int wanted)
{
    for (uint64_t until = now_ms() + WAIT_MS; *counter < wanted; sleep_ms(5))
        if (now_ms() > until)
            fail_msg("%d of %d", (int)*counter, wanted);
}

/* Says these few bytes, and then nothing. */
static int silent_stranger(uint16_t port, const void *greeting, size_t len)
{
    int fd = connect_socket(port);

    assert_true(fd >= 0);
    assert_int_equal(send(fd, greeting, len, MSG_NOSIGNAL), len);
    return fd;
}

static void a_silent_stranger_shuts_the_peer_out_of_a_pair_socket(void **state)
{
    static const uint8_t pair_socket[8] = {0, 'S', 'P', 0, 0, 0x10};
    atomic_int taken = 0, refused = 0;
    nng_socket bank, tax;
    nng_listener listener;
    char url[64], got[16];
    size_t len = sizeof got;
    int port, stranger;

    (void)state;
    assert_int_equal(nng_pair0_open(&bank), 0);
    assert_int_equal(nng_pipe_notify(bank, NNG_PIPE_EV_ADD_POST, count, &taken), 0);
    assert_int_equal(nng_listen(bank, "tcp://127.0.0.1:0", &listener, 0), 0);
    assert_int_equal(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    stranger = silent_stranger((uint16_t)port, pair_socket, sizeof pair_socket);
    await_count(&taken, 1);

    assert_int_equal(nng_pair0_open(&tax), 0);
    assert_int_equal(nng_pipe_notify(tax, NNG_PIPE_EV_REM_POST, count, &refused), 0);
    assert_int_equal(nng_socket_set_ms(tax, NNG_OPT_RECONNMINT, 5), 0);
    assert_int_equal(nng_socket_set_ms(tax, NNG_OPT_RECONNMAXT, 20), 0);
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
    assert_int_equal(nng_dial(tax, url, NULL, NNG_FLAG_NONBLOCK), 0);
    await_count(&refused, 5); /* it tries and tries */
    assert_int_equal(taken, 1);

    close(stranger); /* only its leave lets the peer in */
    await_count(&taken, 2);
    assert_int_equal(nng_socket_set_ms(tax, NNG_OPT_SENDTIMEO, WAIT_MS), 0);
    assert_int_equal(nng_socket_set_ms(bank, NNG_OPT_RECVTIMEO, WAIT_MS), 0);
    assert_int_equal(nng_send(tax, "at last", 8, 0), 0);
    assert_int_equal(nng_recv(bank, got, &len, 0), 0);
    assert_string_equal(got, "at last");
    nng_close(tax);
    nng_close(bank);
}

static void such_strangers_do_not_shut_the_peer_out_of_a_link(void **state)
{
    static const uint8_t client_hello[5] = {22, 3, 1, 2, 0};
    struct node bank, tax;
    struct fault last = {0};
    int stranger[2];

    (void)state;
    node_init(&bank, &ca, "bank", &bank_cert, 0);
    node_peer(&bank, "tax", &tax_cert, 1);
    bank.config.strangers_max = 2;      /* here too they take every place */
    bank.config.handshake_ms = WAIT_MS; /* and no deadline frees one */
    node_start(&bank);
    for (int i = 0; i < 2; i++)
        stranger[i] = silent_stranger(node_port(&bank), client_hello, sizeof client_hello);
    node_init(&tax, &ca, "tax", &tax_cert, 0);
    node_peer(&tax, "bank", &bank_cert, node_port(&bank));
    node_start(&tax);
    await_link(&bank, "tax");
    await_link(&tax, "bank");
    assert_true(link_turned_away(bank.hub, &last) > 0);
    assert_says(&last, "too many connections that say nothing");
    for (int i = 0; i < 2; i++)
        close(stranger[i]);
    node_stop(&tax);
    node_stop(&bank);
}

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    test_ca_make(&ca);
    test_issue(&ca, &bank_cert, "bank");
    test_issue(&ca, &tax_cert, "tax");
    test_crl(&ca, NULL, 86400);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_cert_clear(&bank_cert);
    test_cert_clear(&tax_cert);
    test_ca_clear(&ca);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_stranger_shuts_the_peer_out_of_a_pair_socket),
        cmocka_unit_test(such_strangers_do_not_shut_the_peer_out_of_a_link),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
