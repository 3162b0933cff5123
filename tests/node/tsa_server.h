/* The timestamping authority of authority.h behind http or https on this machine, well-behaved and otherwise. */
#ifndef HEFU_TEST_TSA_SERVER_H
#define HEFU_TEST_TSA_SERVER_H

#include "authority.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* How a server behaves, whatever the authority says. */
enum manner {
    MANNER_GOOD,
    MANNER_HTML,      /* a web server of another kind */
    MANNER_REDIRECT,
    MANNER_BROKEN,    /* HTTP 503 */
    MANNER_CUT,       /* half a reply */
    MANNER_BIG,       /* a reply that claims to be long */
    MANNER_FLOOD,     /* headers without end */
    MANNER_SLOW,      /* headers, a byte at a time */
    MANNER_SILENT,    /* takes the request and says nothing */
    MANNER_MUTE,      /* takes the connection and says nothing */
    MANNER_GARBAGE,   /* neither HTTP nor TLS */
    MANNER_PROXY,     /* passes on what is to go to another host: to itself */
    /* of TLS */
    MANNER_HOST,      /* a certificate for another host */
    MANNER_EXPIRED,
    MANNER_STRANGER,  /* of a CA that nobody knows */
    MANNER_NAMELESS,  /* the host in the subject alone */
    MANNER_OLD,       /* TLS 1.1 at most */
    MANNERS,
};
static const char *const manner_name[MANNERS] = {"good",   "html",    "redirect", "broken", "cut",     "big",
                                                 "flood",  "slow",    "silent",   "mute",   "garbage", "proxy",
                                                 "host",   "expired", "stranger", "nameless", "old"};

struct tsa_server {
    struct authority *authority;
    enum evil evil;
    enum manner manner;
    int status;         /* of a redirect; 0: 302 */
    const char *expect; /* a request without this text gets an HTTP error */
    int listener;
    unsigned port;
    SSL_CTX *tls;       /* NULL: plain */
};

enum { SERVER_REQUEST_MAX = 64 * 1024 };

/* Listens on a free port of 127.0.0.1 or ::1; 0 when there is no such address here. */
static inline int tsa_listen(struct tsa_server *s, int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *at = family == AF_INET6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t len = family == AF_INET6 ? sizeof v6 : sizeof v4;

    s->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, at, len) || listen(s->listener, 8) || getsockname(s->listener, at, &len))
        return 0;
    s->port = ntohs(family == AF_INET6 ? v6.sin6_port : v4.sin_port);
    return 1;
}

/* A key and a certificate of a new CA, which is written to ca_path; of the manner's kind. */
static inline void tsa_make_tls(struct tsa_server *s, const char *ca_path)
{
    const int64_t now = (int64_t)time(NULL), to = s->manner == MANNER_EXPIRED ? now - 3600 : now + 86400;
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *stranger_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = authority_x509("test web CA", ca_key, 1, now - 86400, now + 86400);
    X509 *cert = authority_x509("localhost", key, 2, now - 86400, to);

    X509_set_issuer_name(ca, X509_get_subject_name(ca));
    authority_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
    assert(X509_sign(ca, ca_key, EVP_sha256()));
    authority_write(ca_path, ca);
    X509_set_issuer_name(cert, X509_get_subject_name(ca));
    if (s->manner == MANNER_HOST)
        authority_extension(cert, ca, NID_subject_alt_name, "DNS:other.example,IP:127.0.0.2");
    else if (s->manner != MANNER_NAMELESS)
        authority_extension(cert, ca, NID_subject_alt_name, "DNS:localhost,DNS:tsa.invalid,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1");
    assert(X509_sign(cert, s->manner == MANNER_STRANGER ? stranger_key : ca_key, EVP_sha256()));
    s->tls = SSL_CTX_new(TLS_server_method());
    assert(s->tls && SSL_CTX_use_certificate(s->tls, cert) && SSL_CTX_use_PrivateKey(s->tls, key));
    if (s->manner == MANNER_OLD) {
        SSL_CTX_set_security_level(s->tls, 0);
        assert(SSL_CTX_set_min_proto_version(s->tls, TLS1_VERSION) && SSL_CTX_set_max_proto_version(s->tls, TLS1_1_VERSION));
    }
    X509_free(ca);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(stranger_key);
    EVP_PKEY_free(key);
}

/* Headers and body; the length of the body, which is returned in *body, or -1. */
static inline long tsa_read_request(BIO *peer, char *buffer, char **body)
{
    size_t len = 0;
    const char *length;
    char *end;

    for (;;) {
        int n = BIO_read(peer, buffer + len, (int)(SERVER_REQUEST_MAX - 1 - len));

        if (n <= 0)
            return -1;
        len += (size_t)n;
        buffer[len] = '\0';
        end = strstr(buffer, "\r\n\r\n");
        length = strcasestr(buffer, "Content-Length:");
        if (end && strncmp(buffer, "CONNECT ", 8) == 0)
            return 0;
        if (end && length && len - (size_t)(end + 4 - buffer) >= strtoul(length + 15, NULL, 10)) {
            *body = end + 4;
            return (long)strtoul(length + 15, NULL, 10);
        }
    }
}

static inline void tsa_say(BIO *peer, const char *text)
{
    BIO_write(peer, text, (int)strlen(text));
}

static inline void tsa_reply(struct tsa_server *s, BIO *peer, const char *request, long len)
{
    unsigned char *reply = NULL;
    const int n = authority_reply(s->authority, &reply, (const unsigned char *)request, (size_t)len, s->evil);
    char head[256];

    snprintf(head, sizeof head, "HTTP/1.0 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: %d\r\n\r\n", n);
    tsa_say(peer, head);
    BIO_write(peer, reply, s->manner == MANNER_CUT ? n / 2 : n);
    OPENSSL_free(reply);
}

static inline void tsa_answer(struct tsa_server *s, BIO *peer)
{
    static char buffer[SERVER_REQUEST_MAX];
    char head[256], *body = NULL;
    const long len = tsa_read_request(peer, buffer, &body);

    if (len < 0)
        return;
    if (s->expect && !strstr(buffer, s->expect)) {
        tsa_say(peer, "HTTP/1.0 400 Bad Request\r\n\r\n");
        return;
    }
    switch (s->manner) {
    case MANNER_HTML:
        tsa_say(peer, "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>");
        return;
    case MANNER_REDIRECT:
        snprintf(head, sizeof head, "HTTP/1.0 %d Elsewhere\r\nLocation: http://127.0.0.1:%u/other\r\n\r\n",
                 s->status ? s->status : 302, s->port);
        tsa_say(peer, head);
        return;
    case MANNER_BROKEN:
        tsa_say(peer, "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\nno");
        return;
    case MANNER_BIG:
        tsa_say(peer, "HTTP/1.0 200 OK\r\nContent-Type: application/timestamp-reply\r\n\r\n\x30\x83\x01\x01\x01 and no more");
        return;
    case MANNER_FLOOD:
        tsa_say(peer, "HTTP/1.0 200 OK\r\n");
        while (BIO_write(peer, "X-More: of the same\r\n", 21) > 0)
            ;
        return;
    case MANNER_SLOW:
        while (BIO_write(peer, "H", 1) > 0)
            usleep(100000);
        return;
    case MANNER_SILENT:
        sleep(600);
        return;
    default:
        tsa_reply(s, peer, body, len);
    }
}

/* One connection. */
static inline void tsa_serve(struct tsa_server *s, int fd)
{
    BIO *peer = BIO_new_socket(fd, BIO_CLOSE), *over;

    if (s->manner == MANNER_MUTE)
        sleep(600);
    if (s->manner == MANNER_GARBAGE) {
        tsa_say(peer, "SSH-2.0-not what you think\r\n\r\n");
        usleep(200000); /* to be read before the connection is reset */
    } else if (s->tls) {
        static char head[SERVER_REQUEST_MAX];
        char *body;

        if (s->manner == MANNER_PROXY && (tsa_read_request(peer, head, &body) < 0 || strncmp(head, "CONNECT tsa.invalid:", 20)))
            tsa_say(peer, "HTTP/1.0 403 Forbidden\r\n\r\n");
        else if (s->manner == MANNER_PROXY)
            tsa_say(peer, "HTTP/1.0 200 Connection established\r\n\r\n");
        over = BIO_new_ssl(s->tls, 0);
        peer = BIO_push(over, peer);
        if (BIO_do_handshake(peer) > 0)
            tsa_answer(s, peer);
    } else {
        tsa_answer(s, peer);
    }
    ERR_clear_error();
    BIO_free_all(peer);
}

/* For ever. */
static inline void tsa_serve_all(struct tsa_server *s)
{
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);

        if (fd >= 0)
            tsa_serve(s, fd);
    }
}

#endif
