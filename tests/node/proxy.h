/* A TCP proxy between two ends that cuts, stalls and kills connections at random. */
#ifndef HEFU_TEST_PROXY_H
#define HEFU_TEST_PROXY_H

#include "loopback.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

struct proxy {
    pthread_t thread;
    int listen_fd;
    uint16_t target;
    uint32_t seed;
    int cuts_wanted;    /* until then connections live for some milliseconds only */
    uint32_t bytes_max; /* > 0: they live for less than this many bytes, all the time */
    atomic_int cuts;
    atomic_bool stop, hold; /* hold: pass nothing on */
};

struct lane {
    uint8_t bytes[65536];
    size_t at, len;
};

struct joint {
    int fd[2]; /* -1: unused */
    struct lane lane[2];
    uint64_t cut_ms, stall_from_ms, stall_until_ms;
    int64_t bytes_left;
};

static UNUSED_FUNCTION uint32_t draw(uint32_t *seed, uint32_t bound)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % bound;
}

static UNUSED_FUNCTION void joint_close(struct joint *j, bool hard)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    for (int i = 0; i < 2; i++) {
        if (hard)
            setsockopt(j->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(j->fd[i]);
        j->fd[i] = -1;
    }
}

/* False when an end is gone. */
static UNUSED_FUNCTION bool joint_pass(struct joint *j, int from)
{
    struct lane *lane = &j->lane[from];
    ssize_t n;

    if (lane->len == 0) {
        n = recv(j->fd[from], lane->bytes, sizeof lane->bytes, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        lane->at = 0;
        lane->len = n > 0 ? (size_t)n : 0;
    }
    if (lane->len > 0 && j->bytes_left > 0) {
        const size_t most = (uint64_t)j->bytes_left < lane->len ? (size_t)j->bytes_left : lane->len;

        n = send(j->fd[1 - from], lane->bytes + lane->at, most, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n > 0) {
            lane->at += (size_t)n;
            lane->len -= (size_t)n;
            j->bytes_left -= n;
        }
    }
    return true;
}

static UNUSED_FUNCTION void *proxy_thread(void *arg)
{
    enum { JOINTS = 16 };
    struct proxy *p = arg;
    struct joint *joints = calloc(JOINTS, sizeof *joints);

    for (int i = 0; i < JOINTS; i++)
        joints[i].fd[0] = -1;
    while (!p->stop) {
        struct pollfd polls[1 + 2 * JOINTS];
        nfds_t count = 0;

        polls[count++] = (struct pollfd){.fd = p->listen_fd, .events = POLLIN};
        for (int i = 0; i < JOINTS && !p->hold; i++)
            for (int e = 0; e < 2 && joints[i].fd[0] >= 0 && now_ms() >= joints[i].stall_until_ms; e++)
                polls[count++] = (struct pollfd){.fd = joints[i].fd[e],
                                                 .events = (short)((joints[i].lane[e].len ? 0 : POLLIN) |
                                                                   (joints[i].lane[1 - e].len ? POLLOUT : 0))};
        poll(polls, count, 2);
        for (int i = 0; i < JOINTS && (polls[0].revents & POLLIN); i++)
            if (joints[i].fd[0] < 0) {
                struct joint *j = &joints[i];
                bool chaos = p->cuts < p->cuts_wanted;

                memset(j, 0, sizeof *j);
                j->fd[0] = accept(p->listen_fd, NULL, NULL);
                j->fd[1] = connect_socket(p->target);
                if (j->fd[1] < 0)
                    joint_close(j, false);
                j->bytes_left = p->bytes_max ? draw(&p->seed, p->bytes_max) : INT64_MAX;
                j->cut_ms = chaos ? now_ms() + draw(&p->seed, 60) : UINT64_MAX;
                j->stall_from_ms = chaos && draw(&p->seed, 4) == 0 ? now_ms() + draw(&p->seed, 40) : UINT64_MAX;
                if (chaos && draw(&p->seed, 100) == 0) /* now and then a stall that outlasts everybody's patience */
                    j->cut_ms += 2000, j->stall_from_ms = now_ms() + draw(&p->seed, 40);
                break;
            }
        for (int i = 0; i < JOINTS; i++) {
            struct joint *j = &joints[i];

            if (j->fd[0] < 0 || p->hold)
                continue;
            if (now_ms() >= j->stall_from_ms) {
                j->stall_from_ms = UINT64_MAX;
                j->stall_until_ms = j->cut_ms;
            }
            if (now_ms() >= j->cut_ms || j->bytes_left <= 0) {
                joint_close(j, draw(&p->seed, 2));
                p->cuts++;
            } else if (now_ms() >= j->stall_until_ms && (!joint_pass(j, 0) || !joint_pass(j, 1))) {
                joint_close(j, false);
            }
        }
    }
    for (int i = 0; i < JOINTS; i++)
        if (joints[i].fd[0] >= 0)
            joint_close(&joints[i], false);
    close(p->listen_fd);
    free(joints);
    return NULL;
}

static UNUSED_FUNCTION void proxy_start(struct proxy *p, uint16_t target, uint32_t seed, int cuts,
                                         uint32_t bytes_max)
{
    memset(p, 0, sizeof *p);
    p->listen_fd = listen_socket(0);
    p->target = target;
    p->seed = seed;
    p->cuts_wanted = cuts;
    p->bytes_max = bytes_max;
    assert_int_equal(pthread_create(&p->thread, NULL, proxy_thread, p), 0);
}

static UNUSED_FUNCTION void proxy_stop(struct proxy *p)
{
    p->stop = true;
    pthread_join(p->thread, NULL);
}

#endif
