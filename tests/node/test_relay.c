#include "node/local/relay.h"
#include "node/local/worker_channel.h"

#include "crypto/wire.h"

#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct worker_peer_name names[3] = {{"bank"}, {"tax"}, {"social"}};

static void socket_pair(int fd[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
}

/* The next message, waiting for it. */
static struct relay_item *next_message(struct relay *r)
{
    struct relay_item *m = NULL;

    for (int i = 0; i < 1000 && !m; i++) {
        struct pollfd p = {.fd = r->fd, .events = POLLIN};

        assert_int_equal(relay_read(r, &m), OK);
        if (!m)
            poll(&p, 1, 20);
        if (relay_wants_write(r))
            assert_int_equal(relay_write(r), OK);
    }
    assert_non_null(m);
    return m;
}

static void a_frame_arrives_whole_however_the_bytes_are_cut(void **state)
{
    int fd[2];
    struct relay r;
    struct relay_item *m = NULL;
    uint8_t bytes[RELAY_HEADER + 5] = {RELAY_FRAME, 0, 2, 0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o'};

    (void)state;
    socket_pair(fd);
    assert_int_equal(relay_init(&r, fd[0], RELAY_DAEMON, 3), OK);
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_null(m);
        assert_int_equal(write(fd[1], bytes + i, 1), 1);
        assert_int_equal(relay_read(&r, &m), OK);
    }
    assert_non_null(m);
    assert_int_equal(m->who, 2);
    assert_int_equal(m->len, 5);
    assert_memory_equal(relay_body(m), "hello", 5);
    free(m);
    close(fd[1]);
    assert_int_equal(relay_read(&r, &m), STATUS_CLOSED);
    relay_clear(&r);
}

static void what_the_other_end_never_says_is_malformed(void **state)
{
    static const uint8_t bad[][RELAY_HEADER] = {
        {0, 0, 0, 0, 0, 0, 0},                     /* no such type */
        {9, 0, 0, 0, 0, 0, 0},
        {RELAY_CANCEL, 0, 0, 0, 0, 0, 0},          /* only the daemon says it */
        {RELAY_PEER_LOST, 0, 1, 0, 0, 0, 0},
        {RELAY_FRAME, 0, 3, 0, 0, 0, 1},           /* no such party */
        {RELAY_FRAME, 0, 1, 0, 4, 0, 1},           /* longer than a frame */
        {RELAY_DONE, 0, 1, 0, 0, 0, 0},            /* a party where none belongs */
        {RELAY_DONE, 0, 0, 0xff, 0, 0, 0},         /* longer than a text */
        {RELAY_HOLD, 0, 1, 0, 0, 0, 1},            /* a body where none belongs */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int fd[2];
        struct relay r;
        struct relay_item *m = NULL;

        socket_pair(fd);
        assert_int_equal(relay_init(&r, fd[0], RELAY_DAEMON, 3), OK);
        assert_int_equal(write(fd[1], bad[i], RELAY_HEADER), RELAY_HEADER);
        assert_int_equal(relay_read(&r, &m), STATUS_MALFORMED);
        relay_clear(&r);
        close(fd[1]);
    }
}

static void a_held_party_does_not_hold_up_the_others(void **state)
{
    int fd[2];
    struct relay worker, daemon;
    struct relay_item *m;

    (void)state;
    socket_pair(fd);
    assert_int_equal(relay_init(&daemon, fd[0], RELAY_DAEMON, 3), OK);
    assert_int_equal(relay_init(&worker, fd[1], RELAY_WORKER, 3), OK);
    assert_int_equal(relay_hold(&daemon, 1, 1), OK);
    assert_int_equal(relay_write(&daemon), OK);
    assert_int_equal(relay_read(&worker, &m), OK);
    assert_null(m);
    assert_int_equal(relay_put(&worker, RELAY_FRAME, 1, "one", 3), OK);
    assert_int_equal(relay_put(&worker, RELAY_FRAME, 2, "two", 3), OK);
    assert_int_equal(relay_put(&worker, RELAY_DONE, 0, "{}", 2), OK);
    assert_int_equal(relay_write(&worker), OK);
    m = next_message(&daemon);
    assert_int_equal(m->who, 2);
    free(m);
    assert_int_equal(relay_read(&daemon, &m), OK);
    assert_null(m); /* neither the held frame, nor the end that must come after it */
    assert_int_equal(relay_waiting(&worker, 1), 3);

    assert_int_equal(relay_hold(&daemon, 1, 0), OK);
    assert_int_equal(relay_write(&daemon), OK);
    assert_int_equal(relay_read(&worker, &m), OK);
    assert_int_equal(relay_write(&worker), OK);
    m = next_message(&daemon);
    assert_int_equal(m->type, RELAY_FRAME);
    assert_int_equal(m->who, 1);
    free(m);
    m = next_message(&daemon);
    assert_int_equal(m->type, RELAY_DONE);
    free(m);
    assert_true(relay_drained(&worker));
    relay_clear(&daemon);
    relay_clear(&worker);
}

/* ---- two workers, a bridge between them that plays both daemons and the network ---- */

struct bridge {
    struct relay end[2]; /* 0: of the worker that is party 0; 1: of party 1 */
    int stop[2];
    pthread_t thread;
};

static void *run_bridge(void *arg)
{
    struct bridge *b = arg;

    for (;;) {
        struct pollfd p[3] = {{.fd = b->end[0].fd, .events = POLLIN},
                              {.fd = b->end[1].fd, .events = POLLIN},
                              {.fd = b->stop[0], .events = POLLIN}};

        for (int i = 0; i < 2; i++) {
            if (relay_wants_write(&b->end[i]))
                p[i].events |= POLLOUT;
        }
        poll(p, 3, -1);
        if (p[2].revents)
            return NULL;
        for (int i = 0; i < 2; i++) {
            struct relay *from = &b->end[i], *to = &b->end[1 - i];
            struct relay_item *m = NULL;

            while (relay_read(from, &m) == OK && m) {
                if (m->type == RELAY_FRAME && relay_put(to, RELAY_FRAME, (party)i, relay_body(m), m->len) != OK)
                    abort();
                free(m);
            }
            /* A narrow network: 1 MB on its way, then the sender is held. */
            if (relay_hold(from, (party)(1 - i), relay_waiting(to, (party)i) > (1 << 20)) != OK)
                abort();
            (void)!relay_write(to);
            (void)!relay_write(from);
        }
    }
}

enum { FLOOD_FRAMES = 400 };

struct flooder {
    struct worker_channel *w;
    party other;
    int wrong;
    status result;
};

/* Sends everything before it reads anything: 100 MB each way. */
static void *flood(void *arg)
{
    struct flooder *x = arg;
    struct channel c = worker_channel_frames(x->w);
    uint8_t *frame = calloc(1, FRAME_MAX);
    struct fault f = {0};
    size_t len = 0;

    for (uint32_t i = 0; i < FLOOD_FRAMES && x->result == OK; i++) {
        store_u32(frame, i);
        x->result = c.send(c.ctx, x->other, frame, FRAME_MAX - i, &f);
    }
    for (uint32_t i = 0; i < FLOOD_FRAMES && x->result == OK; i++) {
        x->result = c.recv(c.ctx, x->other, frame, &len, &f);
        x->wrong += len != FRAME_MAX - i || load_u32(frame) != i;
    }
    free(frame);
    return NULL;
}

static void both_ways_flooded_at_once_everything_arrives_in_order(void **state)
{
    struct bridge b = {0};
    struct flooder x[2] = {{.other = 1}, {.other = 0}};
    pthread_t thread[2];

    (void)state;
    assert_int_equal(pipe(b.stop), 0);
    for (int i = 0; i < 2; i++) {
        int fd[2];

        socket_pair(fd);
        assert_int_equal(relay_init(&b.end[i], fd[0], RELAY_DAEMON, 2), OK);
        assert_int_equal(worker_channel_open(&x[i].w, fd[1], names, 2, 16, STAGE_WHOLE, (struct worker_patience){60, 60}), OK);
    }
    assert_int_equal(pthread_create(&b.thread, NULL, run_bridge, &b), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, flood, &x[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(write(b.stop[1], "", 1), 1);
    pthread_join(b.thread, NULL);
    for (int i = 0; i < 2; i++) {
        struct worker_costs costs;

        assert_int_equal(x[i].result, OK);
        assert_int_equal(x[i].wrong, 0);
        worker_channel_costs(x[i].w, &costs);
        assert_int_equal(costs.sent[x[i].other], costs.received[x[i].other]);
        worker_channel_close(x[i].w);
        relay_clear(&b.end[i]);
        close(b.stop[i]);
    }
}

/* ---- one worker, the test plays the daemon ---- */

struct pair {
    struct relay daemon;
    struct worker_channel *w;
    struct channel c;
};

static void pair_open(struct pair *p, uint32_t step_s)
{
    int fd[2];

    socket_pair(fd);
    assert_int_equal(relay_init(&p->daemon, fd[0], RELAY_DAEMON, 3), OK);
    assert_int_equal(worker_channel_open(&p->w, fd[1], names, 3, 16, STAGE_WHOLE, (struct worker_patience){step_s, step_s}), OK);
    p->c = worker_channel_frames(p->w);
}

static void pair_close(struct pair *p)
{
    worker_channel_close(p->w);
    relay_clear(&p->daemon);
}

static void say(struct pair *p, enum relay_type type, party who, const char *text)
{
    assert_int_equal(relay_put(&p->daemon, type, who, text, strlen(text)), OK);
    assert_int_equal(relay_write(&p->daemon), OK);
}

static void a_lost_peer_is_named_after_its_last_frame(void **state)
{
    struct pair p;
    struct fault f = {0};
    uint8_t *frame = malloc(FRAME_MAX);
    size_t len = 0;

    (void)state;
    pair_open(&p, 60);
    say(&p, RELAY_FRAME, 1, "last words");
    say(&p, RELAY_PEER_LOST, 1, "{\"code\":\"timeout\",\"message\":\"tax cannot be reached\",\"hint\":\"look there\"}");
    assert_int_equal(p.c.recv(p.c.ctx, 1, frame, &len, &f), OK);
    assert_int_equal(len, 10);
    assert_int_equal(p.c.recv(p.c.ctx, 1, frame, &len, &f), STATUS_TIMEOUT);
    assert_string_equal(f.message, "tax cannot be reached");
    assert_string_equal(f.hint, "look there");
    f = (struct fault){0};
    assert_int_equal(p.c.send(p.c.ctx, 1, frame, 1, &f), STATUS_TIMEOUT);
    /* The others will notice as well: no use in waiting for them. */
    f = (struct fault){0};
    assert_int_equal(p.c.recv(p.c.ctx, 2, frame, &len, &f), STATUS_TIMEOUT);
    free(frame);
    pair_close(&p);
}

static void a_peer_that_ended_in_order_does_not_disturb_the_others(void **state)
{
    struct pair p;
    struct fault f = {0};
    uint8_t *frame = malloc(FRAME_MAX);
    size_t len = 0;

    (void)state;
    pair_open(&p, 60);
    say(&p, RELAY_PEER_LOST, 1, "{\"code\":\"connection closed\",\"message\":\"tax has finished\",\"finished\":true}");
    say(&p, RELAY_FRAME, 2, "on time");
    assert_int_equal(p.c.recv(p.c.ctx, 2, frame, &len, &f), OK);
    assert_int_equal(p.c.recv(p.c.ctx, 1, frame, &len, &f), STATUS_CLOSED);
    free(frame);
    pair_close(&p);
}

static void the_cause_is_named_before_its_effects(void **state)
{
    static const char effect[] = "{\"code\":\"connection closed\",\"message\":\"tax stopped: x\",\"followed\":true}";
    struct pair p;
    struct fault f = {0};
    uint8_t *frame = malloc(FRAME_MAX);
    size_t len = 0;

    (void)state;
    pair_open(&p, 60);
    say(&p, RELAY_PEER_LOST, 1, effect);
    say(&p, RELAY_FRAME, 2, "so that the effect has arrived");
    assert_int_equal(p.c.recv(p.c.ctx, 2, frame, &len, &f), OK);
    assert_int_equal(p.c.send(p.c.ctx, 1, frame, 1, &f), OK); /* to nobody: the cause may still come */
    say(&p, RELAY_PEER_LOST, 2, "{\"code\":\"connection closed\",\"message\":\"social stopped: y\"}");
    assert_int_equal(p.c.recv(p.c.ctx, 1, frame, &len, &f), STATUS_CLOSED);
    assert_string_equal(f.message, "social stopped: y");
    f = (struct fault){0};
    assert_int_equal(p.c.send(p.c.ctx, 1, frame, 1, &f), STATUS_CLOSED);
    assert_string_equal(f.message, "social stopped: y");
    pair_close(&p);
    /* Without a cause the effect must do. */
    pair_open(&p, 60);
    say(&p, RELAY_PEER_LOST, 1, effect);
    f = (struct fault){0};
    assert_int_equal(p.c.recv(p.c.ctx, 2, frame, &len, &f), STATUS_CLOSED);
    assert_string_equal(f.message, "tax stopped: x");
    free(frame);
    pair_close(&p);
}

static void a_silent_peer_is_a_timeout_that_names_it_and_the_phase(void **state)
{
    struct pair p;
    struct fault f = {0};
    struct progress progress;
    uint8_t *frame = malloc(FRAME_MAX);
    size_t len = 0;

    (void)state;
    pair_open(&p, 1);
    assert_int_equal(p.c.recv(p.c.ctx, 2, frame, &len, &f), STATUS_TIMEOUT);
    assert_non_null(strstr(f.message, "social"));
    assert_non_null(strstr(f.message, "not begun"));
    f = (struct fault){0};
    say(&p, RELAY_FRAME, 2, "a beginning");
    assert_int_equal(p.c.recv(p.c.ctx, 2, frame, &len, &f), OK);
    progress = worker_channel_progress(p.w);
    progress.step(progress.ctx, PHASE_ALIGN, 0, 1, 2);
    assert_int_equal(p.c.recv(p.c.ctx, 2, frame, &len, &f), STATUS_TIMEOUT);
    assert_non_null(strstr(f.message, "social"));
    assert_non_null(strstr(f.message, phase_name(PHASE_ALIGN)));
    assert_true(f.hint[0]);
    free(frame);
    pair_close(&p);
}

static void cancellation_and_the_daemons_death_end_every_wait(void **state)
{
    struct pair p;
    struct fault f = {0};
    uint8_t *frame = malloc(FRAME_MAX);
    size_t len = 0;

    (void)state;
    pair_open(&p, 60);
    say(&p, RELAY_CANCEL, 0, "");
    assert_int_equal(p.c.recv(p.c.ctx, 1, frame, &len, &f), STATUS_CANCELLED);
    pair_close(&p);

    pair_open(&p, 60);
    shutdown(p.daemon.fd, SHUT_RDWR);
    f = (struct fault){0};
    assert_int_equal(p.c.recv(p.c.ctx, 1, frame, &len, &f), STATUS_CLOSED);
    f = (struct fault){0};
    assert_int_equal(p.c.send(p.c.ctx, 1, frame, 1, &f), STATUS_CLOSED);
    assert_non_null(strstr(f.message, "daemon"));
    free(frame);
    pair_close(&p);
}

static void the_end_comes_after_the_last_frame(void **state)
{
    struct pair p;
    struct fault f = {0};
    struct relay_item *m;
    uint8_t frame[100] = {7};

    (void)state;
    pair_open(&p, 60);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p.c.send(p.c.ctx, (party)(1 + i % 2), frame, sizeof frame, &f), OK);
    assert_int_equal(worker_channel_done(p.w, "{\"auc\":0.75}", &f), OK);
    for (int i = 0; i < 100; i++) {
        m = next_message(&p.daemon);
        assert_int_equal(m->type, RELAY_FRAME);
        free(m);
    }
    m = next_message(&p.daemon);
    assert_int_equal(m->type, RELAY_DONE);
    assert_string_equal((char *)relay_body(m), "{\"auc\":0.75}");
    free(m);
    pair_close(&p);
}

static void a_failure_says_why_and_by_whom(void **state)
{
    struct pair p;
    struct fault f = {.code = STATUS_EQUIVOCATION, .message = "tax told two stories", .hint = "ask"};
    struct relay_item *m;
    json_t *said;

    (void)state;
    pair_open(&p, 60);
    worker_channel_failed(p.w, &f, 1);
    m = next_message(&p.daemon);
    assert_int_equal(m->type, RELAY_FAILED);
    said = json_loads((char *)relay_body(m), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(said, "code")), "equivocation");
    assert_string_equal(json_string_value(json_object_get(said, "message")), "tax told two stories");
    assert_string_equal(json_string_value(json_object_get(said, "blamed")), "tax");
    json_decref(said);
    free(m);
    pair_close(&p);
}

static void progress_tells_phase_pass_and_bytes_and_every_new_phase(void **state)
{
    struct pair p;
    struct fault f = {0};
    struct progress progress;
    struct worker_costs costs;
    uint8_t frame[50] = {0};

    (void)state;
    pair_open(&p, 60);
    progress = worker_channel_progress(p.w);
    for (uint16_t phase = PHASE_HANDSHAKE; phase < PHASES; phase++) {
        struct relay_item *m;
        json_t *said;

        progress.step(progress.ctx, phase, 3, 5, 10);
        m = next_message(&p.daemon);
        assert_int_equal(m->type, RELAY_PROGRESS);
        said = json_loads((char *)relay_body(m), 0, NULL);
        assert_string_equal(json_string_value(json_object_get(said, "phase")), phase_name(phase));
        assert_int_equal(json_integer_value(json_object_get(said, "pass")), 3);
        assert_int_equal(json_integer_value(json_object_get(said, "passes")), 16);
        assert_int_equal(json_integer_value(json_object_get(said, "bytes_sent")), (phase - 1) * 50);
        json_decref(said);
        free(m);
        assert_int_equal(p.c.send(p.c.ctx, 1, frame, sizeof frame, &f), OK);
        m = next_message(&p.daemon);
        free(m);
    }
    worker_channel_costs(p.w, &costs);
    for (int phase = 1; phase < PHASES; phase++)
        assert_int_equal(costs.phase[phase].bytes_sent, 50);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_arrives_whole_however_the_bytes_are_cut),
        cmocka_unit_test(what_the_other_end_never_says_is_malformed),
        cmocka_unit_test(a_held_party_does_not_hold_up_the_others),
        cmocka_unit_test(both_ways_flooded_at_once_everything_arrives_in_order),
        cmocka_unit_test(a_lost_peer_is_named_after_its_last_frame),
        cmocka_unit_test(a_peer_that_ended_in_order_does_not_disturb_the_others),
        cmocka_unit_test(the_cause_is_named_before_its_effects),
        cmocka_unit_test(a_silent_peer_is_a_timeout_that_names_it_and_the_phase),
        cmocka_unit_test(cancellation_and_the_daemons_death_end_every_wait),
        cmocka_unit_test(the_end_comes_after_the_last_frame),
        cmocka_unit_test(a_failure_says_why_and_by_whom),
        cmocka_unit_test(progress_tells_phase_pass_and_bytes_and_every_new_phase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
