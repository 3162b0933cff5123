/* A timestamping authority on 127.0.0.1 for tests (RFC 3161 over HTTP):  tsa DIR [--evil KIND] [--skew SECONDS]
 *
 * Makes a CA and a key of its own, writes DIR/tsa-ca.pem and then DIR/tsa-port, and answers until it is killed.  --evil: what
 * it does wrong (node/authority.h; "html" answers like a web server); --skew: how far its clock is off. */
#include "node/authority.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 64 * 1024 };

static void die(const char *what)
{
    perror(what);
    exit(4);
}

/* Headers and body; the length of the body, which is returned in *body, or -1. */
static long read_request(int peer, char *buffer, char **body)
{
    size_t len = 0;
    const char *length;
    char *end;

    for (;;) {
        ssize_t n = read(peer, buffer + len, REQUEST_MAX - 1 - len);

        if (n <= 0)
            return -1;
        len += (size_t)n;
        buffer[len] = '\0';
        end = strstr(buffer, "\r\n\r\n");
        length = strcasestr(buffer, "Content-Length:");
        if (end && length && len - (size_t)(end + 4 - buffer) >= strtoul(length + 15, NULL, 10)) {
            *body = end + 4;
            return (long)strtoul(length + 15, NULL, 10);
        }
    }
}

static void write_all(int peer, const void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(peer, (const char *)bytes + at, len - at);

        if (n <= 0)
            return;
        at += (size_t)n;
    }
}

static void answer(int peer, struct authority *a, enum evil evil, int html)
{
    static char buffer[REQUEST_MAX];
    char head[256], *body = NULL;
    long len = read_request(peer, buffer, &body);
    unsigned char *reply = NULL;
    int n;

    if (len < 0)
        return;
    n = html ? 6 : authority_reply(a, &reply, (unsigned char *)body, (size_t)len, evil);
    snprintf(head, sizeof head, "HTTP/1.0 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
             html ? "text/html" : "application/timestamp-reply", n);
    write_all(peer, head, strlen(head));
    write_all(peer, html ? (const void *)"<html>" : reply, (size_t)n);
    OPENSSL_free(reply);
}

static int open_port(const char *dir)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    char path[1024], made[1024];
    int s = socket(AF_INET, SOCK_STREAM, 0);
    FILE *file;

    if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 8) ||
        getsockname(s, (struct sockaddr *)&at, &len))
        die("socket");
    snprintf(made, sizeof made, "%s/tsa-port.new", dir);
    snprintf(path, sizeof path, "%s/tsa-port", dir);
    file = fopen(made, "w");
    if (!file || fprintf(file, "%u\n", ntohs(at.sin_port)) < 0 || fclose(file) || rename(made, path))
        die(path);
    return s;
}

int main(int argc, char **argv)
{
    struct authority a;
    enum evil evil = EVIL_NONE;
    long skew = 0;
    int html = 0, s;
    char path[1024];

    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--skew") == 0)
            skew = strtol(argv[i + 1], NULL, 10);
        html |= strcmp(argv[i + 1], "html") == 0;
        for (int k = 0; k < EVILS; k++)
            if (strcmp(argv[i], "--evil") == 0 && strcmp(argv[i + 1], evil_name[k]) == 0)
                evil = (enum evil)k;
    }
    if (argc < 2) {
        fputs("usage: tsa DIR [--evil KIND] [--skew SECONDS]\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    authority_make(&a, evil, (int64_t)time(NULL));
    snprintf(path, sizeof path, "%s/tsa-ca.pem", argv[1]);
    authority_write(path, a.ca);
    s = open_port(argv[1]);
    for (;;) {
        int peer = accept(s, NULL, NULL);

        if (peer < 0)
            continue;
        a.at = (int64_t)time(NULL) + skew;
        answer(peer, &a, evil, html);
        close(peer);
    }
}
