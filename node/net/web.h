/* A connection to a web server for one exchange, plain or TLS, under one deadline and with an end to what it may send. */
#ifndef HEFU_WEB_H
#define HEFU_WEB_H

#include "node/local/url.h"

#include <openssl/bio.h>

struct web {
    const char *peer; /* how it is called when something goes wrong: its address */
    int deadline_s;   /* for all of it */
    size_t left;      /* bytes that may still come in, TLS and all */
    int64_t until;    /* ms of the monotonic clock */
    BIO *bio;         /* never blocks: after BIO_should_retry comes web_wait */
    int proxied;      /* a proxy reads the request: its target is the whole address */
};

/* A proxy that the environment names (http_proxy, https_proxy, no_proxy) is used.  With TLS it is 1.2 or newer, and the server's
 * certificate stands for its host by the authorities of ca, a PEM file, or by those that the system trusts when ca is "".
 *
 * STATUS_CLOSED or STATUS_TIMEOUT when it is away, STATUS_UNTRUSTED when its certificate does not count or it does not speak TLS,
 * STATUS_CONFIG when ca or the proxy cannot be used.  The name is looked up under the system's own deadline.
 * The caller sets peer, deadline_s and left, leaves w where it is in memory, and clears it, also on failure. */
MUST_USE status web_open(struct web *w, const struct url *to, const char *ca, struct fault *f);
void web_clear(struct web *w);

/* Until it can go on.  STATUS_TIMEOUT. */
MUST_USE status web_wait(struct web *w, struct fault *f);
/* Why it did not go on, from the library's list of errors, which is cleared.  Never OK. */
MUST_USE status web_failed(struct web *w, struct fault *f);

#endif
