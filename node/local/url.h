/* Web addresses: http:// or https://, a name or an address, and what comes behind it. */
#ifndef HEFU_URL_H
#define HEFU_URL_H

#include "crypto/status.h"

enum { URL_HOST_BYTES = 256, URL_TARGET_BYTES = 256 };

struct url {
    int tls;
    int is_address;              /* host is an IPv4 or IPv6 literal */
    char host[URL_HOST_BYTES];   /* an IPv6 literal without its brackets */
    char port[6];                /* "1" to "65535"; 80 or 443 when the address names none */
    char target[URL_TARGET_BYTES]; /* path and query, from its "/" on */
};

/* STATUS_CONFIG in words that quote nothing of it: who writes a password into an address does not find it in a log. */
MUST_USE status url_parse(struct url *out, const char *text, struct fault *f);
/* The same for a .check of node/local/schema.h. */
int url_is_valid(const char *text);

/* Host and port as they stand in a request: "[::1]:8443", without the port when it is the scheme's own. */
enum { URL_PLACE_BYTES = URL_HOST_BYTES + 8 };
void url_place(char out[URL_PLACE_BYTES], const struct url *u);

#endif
