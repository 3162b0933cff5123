#include "node/local/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

static status wrong(struct fault *f, const char *what)
{
    return fault_set(f, STATUS_CONFIG, "the web address %s", what);
}

/* Visible ASCII, and nothing that would have to be escaped in a request. */
static int is_plain(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || strchr("\"<>\\^`{|}", *text))
            return 0;
    return 1;
}

static status take_scheme(struct url *out, const char **at, struct fault *f)
{
    out->tls = strncasecmp(*at, "https://", 8) == 0;
    if (!out->tls && strncasecmp(*at, "http://", 7) != 0)
        return wrong(f, "begins with neither http:// nor https://");
    *at += out->tls ? 8 : 7;
    return OK;
}

static status copy_part(char *out, size_t cap, const char *from, size_t len, const char *too_long, struct fault *f)
{
    if (len >= cap)
        return wrong(f, too_long);
    memcpy(out, from, len);
    out[len] = '\0';
    return OK;
}

/* "[2001:db8::1]"; no zone: it names an interface of this machine. */
static status take_ipv6(struct url *out, const char **at, struct fault *f)
{
    const char *end = strchr(*at, ']');
    struct in6_addr ip;

    if (!end)
        return wrong(f, "has a \"[\" without its \"]\"");
    TRY(copy_part(out->host, sizeof out->host, *at + 1, (size_t)(end - *at - 1), "has too long a host", f));
    if (inet_pton(AF_INET6, out->host, &ip) != 1)
        return wrong(f, "has no ipv6 address between \"[\" and \"]\"");
    out->is_address = 1;
    *at = end + 1;
    return OK;
}

static status take_host(struct url *out, const char **at, struct fault *f)
{
    const size_t len = strspn(*at, letters);
    struct in_addr ip;

    if (**at == '[')
        return take_ipv6(out, at, f);
    if (len == 0)
        return wrong(f, "names no host");
    TRY(copy_part(out->host, sizeof out->host, *at, len, "has too long a host", f));
    out->is_address = inet_pton(AF_INET, out->host, &ip) == 1;
    *at += len;
    return OK;
}

static status take_port(struct url *out, const char **at, struct fault *f)
{
    size_t len;

    snprintf(out->port, sizeof out->port, "%s", out->tls ? "443" : "80");
    if (**at != ':')
        return OK;
    ++*at;
    len = strspn(*at, "0123456789");
    if (len == 0 || len > 5 || **at == '0' || strtoul(*at, NULL, 10) > 65535)
        return wrong(f, "has a port that is not one of 1 to 65535");
    *at += len;
    return copy_part(out->port, sizeof out->port, *at - len, len, "has too long a port", f);
}

static status take_target(struct url *out, const char *at, struct fault *f)
{
    if (*at && *at != '/' && *at != '?')
        return wrong(f, "has something that no host may have");
    out->target[0] = '/'; /* also before a query alone */
    return copy_part(out->target + (*at != '/'), sizeof out->target - (*at != '/'), at, strlen(at), "is too long", f);
}

status url_parse(struct url *out, const char *text, struct fault *f)
{
    const char *at = text;

    *out = (struct url){0};
    if (!is_plain(text))
        return wrong(f, "has a character that no address has");
    TRY(take_scheme(out, &at, f));
    if (memchr(at, '@', strcspn(at, "/?#")))
        return wrong(f, "has a user name or a password in it, which is not supported");
    if (strchr(at, '#'))
        return wrong(f, "has a \"#\", and what follows it is never sent");
    TRY(take_host(out, &at, f));
    TRY(take_port(out, &at, f));
    return take_target(out, at, f);
}

int url_is_valid(const char *text)
{
    struct url u;

    return url_parse(&u, text, NULL) == OK;
}

void url_place(char out[URL_PLACE_BYTES], const struct url *u)
{
    const int v6 = strchr(u->host, ':') != NULL, own = strcmp(u->port, u->tls ? "443" : "80") == 0;

    snprintf(out, URL_PLACE_BYTES, "%s%s%s%s%s", v6 ? "[" : "", u->host, v6 ? "]" : "", own ? "" : ":", own ? "" : u->port);
}
