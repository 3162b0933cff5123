/* A wide-area network on one machine, in user space: access lines of one rate to a core of one delay, between network
 * namespaces that are joined by nothing else; and two probes that measure it.
 *
 *     wan link RATE_MBIT RTT_MS NAMESPACE...   node i is 10.77.0.i: the TUN device wan0 in its namespace
 *     wan serve PORT                           answers the probes
 *     wan ping ADDRESS PORT COUNT              round-trip times of one byte over TCP
 *     wan bulk ADDRESS PORT MEGABYTES          sends known bytes, which the far side compares
 *
 * Every node has a line up and a line down.  A packet waits until the line up is free, takes length / rate to pass it,
 * half a round trip to cross, waits for the receiver's line down and passes it at the same rate.  A line keeps one
 * bandwidth-delay product waiting, 10 ms and 64 KiB at least (a busy machine may keep this program waiting, and then
 * packets come in bursts), and drops what comes on top, as a router does.  Rates count whole
 * IP packets.  `wan link` says "ready" when the lines are up and what it carried when it is told to end. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NODES_MAX = 8, PACKET_MAX = 65536, QUEUE_MIN = 64 << 10, QUEUE_MS = 10, IP_SOURCE = 12, IP_TARGET = 16, IP_HEADER = 20 };

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "wan: error: %s: %s\n", what, strerror(errno));
    exit(4);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- the network ---- */

struct packet {
    struct packet *next;
    uint64_t due_ns; /* when it has passed the line and crossed what lies behind it */
    int from, to;
    size_t len;
    uint8_t bytes[];
};

/* One direction of one node's access. */
struct line {
    struct packet *first, **last;
    uint64_t free_ns;  /* when the last of its packets has passed */
    uint64_t cross_ns; /* from the end of this line to the next */
};

struct network {
    int nodes, tun[NODES_MAX];
    uint64_t rate_mbit, queue_max;
    struct line up[NODES_MAX], down[NODES_MAX];
    uint64_t bytes[NODES_MAX][NODES_MAX], packets[NODES_MAX][NODES_MAX], dropped[NODES_MAX][NODES_MAX];
};

/* A packet that reaches a line at this time waits there, or is dropped. */
static void line_take(struct network *net, struct line *line, struct packet *p, uint64_t at_ns)
{
    const uint64_t begin = line->free_ns > at_ns ? line->free_ns : at_ns;

    if ((begin - at_ns) * net->rate_mbit / 8000 + p->len > net->queue_max) {
        net->dropped[p->from][p->to]++;
        free(p);
        return;
    }
    line->free_ns = begin + p->len * 8000 / net->rate_mbit;
    p->due_ns = line->free_ns + line->cross_ns;
    p->next = NULL;
    *line->last = p;
    line->last = &p->next;
}

static struct packet *line_give(struct line *line)
{
    struct packet *p = line->first;

    line->first = p->next;
    if (!line->first)
        line->last = &line->first;
    return p;
}

/* The line whose next packet is due first; NULL when nothing is under way. */
static struct line *next_line(struct network *net)
{
    struct line *first = NULL;

    for (int i = 0; i < 2 * net->nodes; i++) {
        struct line *line = i < net->nodes ? &net->up[i] : &net->down[i - net->nodes];

        if (line->first && (!first || line->first->due_ns < first->first->due_ns))
            first = line;
    }
    return first;
}

/* Moves everything that is due; returns when the next packet will be. */
static uint64_t move_packets(struct network *net)
{
    const uint64_t now = now_ns();
    struct line *line;

    while ((line = next_line(net)) && line->first->due_ns <= now) {
        struct packet *p = line_give(line);

        if (line == &net->up[p->from]) {
            line_take(net, &net->down[p->to], p, p->due_ns);
            continue;
        }
        if (write(net->tun[p->to], p->bytes, p->len) == (ssize_t)p->len) {
            net->bytes[p->from][p->to] += p->len;
            net->packets[p->from][p->to]++;
        } else {
            net->dropped[p->from][p->to]++;
        }
        free(p);
    }
    return line ? line->first->due_ns : UINT64_MAX;
}

/* The node that an address of 10.77.0.0/24 belongs to; -1 for others. */
static int node_of(const struct network *net, const uint8_t address[4])
{
    const int node = address[3] - 1;

    return address[0] == 10 && address[1] == 77 && address[2] == 0 && node >= 0 && node < net->nodes ? node : -1;
}

static void take_packets(struct network *net, int from)
{
    static uint8_t bytes[PACKET_MAX];
    ssize_t len;

    while ((len = read(net->tun[from], bytes, sizeof bytes)) > 0) {
        const int to = len >= IP_HEADER && bytes[0] >> 4 == 4 ? node_of(net, bytes + IP_TARGET) : -1;
        struct packet *p;

        if (to < 0 || to == from || node_of(net, bytes + IP_SOURCE) != from)
            continue;
        if (!(p = malloc(sizeof *p + (size_t)len)))
            die("memory");
        *p = (struct packet){.from = from, .to = to, .len = (size_t)len};
        memcpy(p->bytes, bytes, p->len);
        line_take(net, &net->up[from], p, now_ns());
    }
}

/* The device wan0 of a namespace.  A process may go from one namespace to the next; what it has opened stays. */
static int open_tun(const char *namespace)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "wan0"};
    char path[256];
    int ns, tun;

    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    ns = open(path, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET) != 0)
        die(path);
    close(ns);
    tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0)
        die("the device wan0");
    return tun;
}

static volatile sig_atomic_t ending;

static void end(int signal)
{
    (void)signal;
    ending = 1;
}

static void print_counts(const struct network *net)
{
    puts("from\tto\tpackets\tbytes\tdropped");
    for (int i = 0; i < net->nodes; i++)
        for (int j = 0; j < net->nodes; j++)
            if (i != j)
                printf("%d\t%d\t%llu\t%llu\t%llu\n", i + 1, j + 1, (unsigned long long)net->packets[i][j],
                       (unsigned long long)net->bytes[i][j], (unsigned long long)net->dropped[i][j]);
}

static int run_link(uint64_t rate_mbit, uint64_t rtt_ms, char **namespaces, int nodes)
{
    static struct network net;
    struct pollfd ready[NODES_MAX];
    sigset_t term, none;

    net.nodes = nodes;
    net.rate_mbit = rate_mbit;
    net.queue_max = rate_mbit * 125 * (rtt_ms > QUEUE_MS ? rtt_ms : QUEUE_MS);
    net.queue_max = net.queue_max > QUEUE_MIN ? net.queue_max : QUEUE_MIN;
    for (int i = 0; i < nodes; i++) {
        net.tun[i] = open_tun(namespaces[i]);
        net.up[i] = (struct line){.last = &net.up[i].first, .cross_ns = rtt_ms * 500000};
        net.down[i] = (struct line){.last = &net.down[i].first};
        ready[i] = (struct pollfd){.fd = net.tun[i], .events = POLLIN};
    }
    prctl(PR_SET_TIMERSLACK, 1L);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);
    sigemptyset(&none);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL); /* it comes in ppoll only */
    puts("ready");
    fflush(stdout);

    while (!ending) {
        const uint64_t due = move_packets(&net), now = now_ns(), wait = due > now ? due - now : 0;
        const struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000)};

        if (ppoll(ready, (nfds_t)nodes, due == UINT64_MAX ? NULL : &timeout, &none) > 0)
            for (int i = 0; i < nodes; i++)
                if (ready[i].revents)
                    take_packets(&net, i);
    }
    print_counts(&net);
    return 0;
}

/* ---- the probes ---- */

/* Request: byte count u64 of this machine.  0: every byte comes back at once.  Else so many bytes of the pattern, and
 * the answer when all have come: how many were right, and how long how many of them took once a quarter was there. */
struct answer {
    uint64_t right, late, late_ns;
};

static uint8_t pattern(uint64_t i)
{
    return (uint8_t)((i * 0x9e3779b97f4a7c15u) >> 56);
}

static void write_all(int s, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(s, (const uint8_t *)bytes + done, len - done);

        if (n <= 0)
            die("send");
        done += (size_t)n;
    }
}

/* False when the far side ends first. */
static bool read_all(int s, void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = read(s, (uint8_t *)bytes + done, len - done);

        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static struct answer compare_bulk(int s, uint64_t count)
{
    static uint8_t bytes[1 << 16];
    uint64_t have = 0, quarter_ns = 0;
    struct answer a = {0};

    while (have < count) {
        ssize_t n = read(s, bytes, sizeof bytes);

        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            a.right += bytes[i] == pattern(have + (uint64_t)i);
        have += (uint64_t)n;
        if (!quarter_ns && have >= count / 4) {
            quarter_ns = now_ns();
            a.late = count - have;
        }
    }
    a.late_ns = now_ns() - quarter_ns;
    return a;
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

    if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
        die(host);
    return a;
}

static void no_delay(int s)
{
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static int serve(const char *port)
{
    const struct sockaddr_in a = address_of("0.0.0.0", port);
    int listening = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listening, (const struct sockaddr *)&a, sizeof a) != 0 || listen(listening, 4) != 0)
        die("listen");
    for (;;) {
        int s = accept(listening, NULL, NULL);
        uint64_t count;
        uint8_t byte;

        if (s < 0)
            die("accept");
        no_delay(s);
        if (read_all(s, &count, sizeof count) && count > 0) {
            const struct answer answer = compare_bulk(s, count);

            write_all(s, &answer, sizeof answer);
        } else {
            while (read_all(s, &byte, 1))
                write_all(s, &byte, 1);
        }
        close(s);
    }
}

/* Connects, and waits a little for a server that is not there yet. */
static int ask(const char *host, const char *port, uint64_t count)
{
    const struct sockaddr_in a = address_of(host, port);
    int s = -1;

    for (int tries = 0; s < 0; tries++) {
        s = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(s, (const struct sockaddr *)&a, sizeof a) == 0)
            break;
        if (errno != ECONNREFUSED || tries == 100)
            die(host);
        close(s);
        s = -1;
        usleep(100000);
    }
    no_delay(s);
    write_all(s, &count, sizeof count);
    return s;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int ping(const char *host, const char *port, int count)
{
    uint64_t took[1000];
    int s = ask(host, port, 0);

    count = count < 1 ? 1 : count > 1000 ? 1000 : count;
    for (int i = 0; i < count; i++) {
        const uint64_t began = now_ns();
        uint8_t byte = (uint8_t)i, back = 0;

        write_all(s, &byte, 1);
        if (!read_all(s, &back, 1) || back != byte)
            die("the echo");
        took[i] = now_ns() - began;
    }
    qsort(took, (size_t)count, sizeof *took, by_size);
    printf("rtt_min_ms\t%.3f\nrtt_median_ms\t%.3f\n", (double)took[0] / 1e6, (double)took[count / 2] / 1e6);
    return 0;
}

static int bulk(const char *host, const char *port, uint64_t count)
{
    static uint8_t bytes[1 << 16];
    const uint64_t began = now_ns();
    int s = ask(host, port, count);
    struct answer a;

    for (uint64_t at = 0; at < count;) {
        const size_t len = count - at < sizeof bytes ? (size_t)(count - at) : sizeof bytes;

        for (size_t i = 0; i < len; i++)
            bytes[i] = pattern(at + i);
        write_all(s, bytes, len);
        at += len;
    }
    if (!read_all(s, &a, sizeof a))
        die("the answer");
    printf("seconds\t%.3f\nbytes_right\t%llu\nrate_mbit\t%.2f\n", (double)(now_ns() - began) / 1e9,
           (unsigned long long)a.right, (double)a.late * 8000.0 / (double)a.late_ns);
    return a.right == count ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(what, "link") && argc >= 6 && argc <= 4 + NODES_MAX && atoi(argv[2]) > 0 && atoi(argv[3]) >= 0)
        return run_link((uint64_t)atoi(argv[2]), (uint64_t)atoi(argv[3]), argv + 4, argc - 4);
    if (!strcmp(what, "serve") && argc == 3)
        return serve(argv[2]);
    if (!strcmp(what, "ping") && argc == 5)
        return ping(argv[2], argv[3], atoi(argv[4]));
    if (!strcmp(what, "bulk") && argc == 5 && atoi(argv[4]) > 0)
        return bulk(argv[2], argv[3], (uint64_t)atoi(argv[4]) * 1000000);
    fputs("usage: wan link RATE_MBIT RTT_MS NAMESPACE... | serve PORT | ping ADDRESS PORT COUNT | bulk ADDRESS PORT MEGABYTES\n",
          stderr);
    return 2;
}
