#include "node/net/web.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void addresses_clear(struct addrinfo **a)
{
    if (*a)
        freeaddrinfo(*a);
}

static void context_clear(SSL_CTX **c)
{
    SSL_CTX_free(*c);
}

void web_clear(struct web *w)
{
    BIO_free_all(w->bio);
    w->bio = NULL;
}

/* ---- what goes wrong ---- */

static status too_late(const struct web *w, struct fault *f)
{
    return fault_set(f, STATUS_TIMEOUT, "%s does not answer within %d s", w->peer, w->deadline_s);
}

status web_wait(struct web *w, struct fault *f)
{
    struct pollfd p = {.fd = -1, .events = BIO_should_write(w->bio) ? POLLOUT : POLLIN};
    int ready;

    BIO_get_fd(w->bio, &p.fd);
    do {
        const int64_t left = w->until - clock_ms();

        ready = left > 0 ? poll(&p, 1, (int)left) : 0;
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ? OK : too_late(w, f);
}

status web_failed(struct web *w, struct fault *f)
{
    const unsigned long code = ERR_peek_error(); /* the first says most */
    const char *words = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

    ERR_clear_error();
    if (w->left == 0)
        return fault_set(f, STATUS_UNTRUSTED, "%s sends too much", w->peer);
    if (clock_ms() >= w->until)
        return too_late(w, f);
    return fault_set(f, STATUS_CLOSED, "%s does not answer: %s", w->peer, words ? words : "it closes the connection");
}

/* Whoever reads from the socket, TLS too, reads no more than is allowed, and not after the deadline. */
static long guard(BIO *b, int what, const char *bytes, size_t len, int i, long l, int ret, size_t *got)
{
    struct web *w = (struct web *)BIO_get_callback_arg(b);

    (void)bytes, (void)len, (void)i, (void)l;
    if (what == (BIO_CB_READ | BIO_CB_RETURN) && ret > 0)
        w->left -= *got < w->left ? *got : w->left;
    if (what == BIO_CB_READ && (w->left == 0 || clock_ms() >= w->until)) {
        BIO_clear_retry_flags(b);
        return 0;
    }
    return ret;
}

/* ---- TCP ---- */

/* The socket, connected, or -1 and errno. */
static int connect_to(const struct addrinfo *a, int64_t until)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol), failed = 0;
    socklen_t len = sizeof failed;
    int64_t left;

    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        failed = errno;
        while (failed == EINPROGRESS || failed == EINTR) {
            left = until - clock_ms();
            if (left <= 0 || poll(&(struct pollfd){fd, POLLOUT, 0}, 1, (int)left) == 0)
                failed = ETIMEDOUT;
            else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
                failed = errno;
        }
    }
    if (failed) {
        close(fd);
        errno = failed;
        return -1;
    }
    return fd;
}

/* Every address that the name has gets its share of the time. */
static status open_socket(struct web *w, const struct url *at, struct fault *f)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *all AUTO(addresses_clear) = NULL;
    const int failed = getaddrinfo(at->host, at->port, &hints, &all);
    int left = 0, fd = -1;

    if (failed)
        return fault_set(f, STATUS_CLOSED, "%s does not answer: its name is not found (%s)", w->peer, gai_strerror(failed));
    for (const struct addrinfo *a = all; a; a = a->ai_next)
        left++;
    errno = 0;
    for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next, left--)
        fd = connect_to(a, clock_ms() + (w->until - clock_ms()) / left);
    if (fd < 0)
        return errno == ETIMEDOUT ? too_late(w, f)
                                  : fault_set(f, STATUS_CLOSED, "%s does not answer: %s", w->peer, strerror(errno));
    w->bio = BIO_new_socket(fd, BIO_CLOSE);
    if (!w->bio) {
        close(fd);
        return STATUS_NO_MEMORY;
    }
    BIO_set_callback_ex(w->bio, guard);
    BIO_set_callback_arg(w->bio, (char *)w);
    return OK;
}

/* ---- a proxy ---- */

/* The proxy for a server; 0 when there is none.  What the environment says may hold a password: it is not repeated. */
static status find_proxy(struct url *proxy, int *found, const struct url *to, struct fault *f)
{
    const char *text = OSSL_HTTP_adapt_proxy(NULL, NULL, to->host, to->tls);
    char address[2 * URL_HOST_BYTES];
    struct fault why = {0};
    int len;

    *found = text != NULL;
    if (!text)
        return OK;
    len = snprintf(address, sizeof address, "%s%s", strstr(text, "://") ? "" : "http://", text);
    if (len >= (int)sizeof address || url_parse(proxy, address, &why) != OK)
        return fault_set(f, STATUS_CONFIG, "the proxy that the environment names cannot be used: %s",
                         why.message[0] ? why.message : "its address is too long");
    if (proxy->tls)
        return fault_set(f, STATUS_CONFIG, "the proxy that the environment names is spoken to over TLS, which is not supported");
    return OK;
}

static status pass_proxy(struct web *w, const struct url *to, struct fault *f)
{
    const int v6 = strchr(to->host, ':') != NULL;
    char host[URL_HOST_BYTES + 2];

    snprintf(host, sizeof host, "%s%s%s", v6 ? "[" : "", to->host, v6 ? "]" : "");
    ERR_clear_error();
    if (OSSL_HTTP_proxy_connect(w->bio, host, to->port, NULL, NULL, w->deadline_s, NULL, NULL) == 1)
        return OK;
    fault_hint(f, "it goes through the proxy that https_proxy names");
    return web_failed(w, f);
}

/* ---- TLS ---- */

static status new_context(SSL_CTX **out, const char *ca, struct fault *f)
{
    *out = SSL_CTX_new(TLS_client_method());
    if (!*out || !SSL_CTX_set_min_proto_version(*out, TLS1_2_VERSION))
        return STATUS_NO_MEMORY;
    SSL_CTX_set_security_level(*out, 2); /* 112 bits */
    SSL_CTX_set_verify(*out, SSL_VERIFY_PEER, NULL);
    if (!ca[0] && SSL_CTX_set_default_verify_paths(*out) == 1)
        return OK;
    if (ca[0] && SSL_CTX_load_verify_file(*out, ca) == 1)
        return OK;
    ERR_clear_error();
    return fault_set(f, STATUS_CONFIG, "%s: no certificate in pem form can be read", ca[0] ? ca : "the system's trust store");
}

/* The name that its certificate has to have; a name in the subject alone does not count. */
static int expect_host(SSL *ssl, const struct url *to)
{
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (to->is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), to->host);
    return SSL_set1_host(ssl, to->host) && SSL_set_tlsext_host_name(ssl, to->host);
}

static status tls_failed(struct web *w, const SSL *ssl, struct fault *f)
{
    const long verdict = SSL_get_verify_result(ssl);
    const unsigned long code = ERR_peek_error();

    if (w->left && verdict != X509_V_OK) {
        ERR_clear_error();
        fault_hint(f, "evidence.tsa_tls_ca in node.yaml names the file of those who may vouch for it");
        return fault_set(f, STATUS_UNTRUSTED, "the TLS certificate of %s does not count: %s", w->peer,
                         X509_verify_cert_error_string(verdict));
    }
    if (w->left && ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        return fault_set(f, STATUS_UNTRUSTED, "%s does not speak TLS 1.2 or newer: %s", w->peer, ERR_reason_error_string(code));
    }
    return web_failed(w, f);
}

static status open_tls(struct web *w, const struct url *to, const char *ca, struct fault *f)
{
    SSL_CTX *context AUTO(context_clear) = NULL;
    BIO *over;
    SSL *ssl = NULL;

    TRY(new_context(&context, ca, f));
    over = BIO_new_ssl(context, 1);
    if (!over)
        return STATUS_NO_MEMORY;
    w->bio = BIO_push(over, w->bio);
    BIO_get_ssl(over, &ssl);
    if (!expect_host(ssl, to))
        return STATUS_NO_MEMORY;
    ERR_clear_error();
    while (BIO_do_handshake(w->bio) <= 0) {
        if (!BIO_should_retry(w->bio))
            return tls_failed(w, ssl, f);
        TRY(web_wait(w, f));
    }
    return OK;
}

status web_open(struct web *w, const struct url *to, const char *ca, struct fault *f)
{
    struct url proxy;
    int has_proxy;

    w->until = clock_ms() + (int64_t)w->deadline_s * 1000;
    TRY(find_proxy(&proxy, &has_proxy, to, f));
    w->proxied = has_proxy && !to->tls;
    TRY(open_socket(w, has_proxy ? &proxy : to, f));
    if (!to->tls)
        return OK;
    if (has_proxy)
        TRY(pass_proxy(w, to, f));
    return open_tls(w, to, ca, f);
}
