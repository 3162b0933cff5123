/* Sockets on loopback and a clock, for tests. */
#ifndef HEFU_TEST_LOOPBACK_H
#define HEFU_TEST_LOOPBACK_H

#include "certs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>

static UNUSED_FUNCTION uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static UNUSED_FUNCTION void sleep_ms(uint32_t ms)
{
    usleep(ms * 1000);
}

static UNUSED_FUNCTION int listen_socket(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 128), 0);
    return fd;
}

static UNUSED_FUNCTION uint16_t port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static UNUSED_FUNCTION uint16_t free_port(void)
{
    int fd = listen_socket(0);
    uint16_t port = port_of(fd);

    close(fd);
    return port;
}

static UNUSED_FUNCTION int connect_socket(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

#endif
