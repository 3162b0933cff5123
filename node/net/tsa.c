#include "node/net/tsa.h"

#include "node/local/timestamp.h"
#include "node/local/url.h"
#include "node/net/web.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/httperr.h>
#include <stdlib.h>
#include <string.h>

enum { OVERHEAD_MAX = 64 * 1024 /* certificates, headers, records */, REDIRECTS = 300, ERRORS = 400 };

static void exchange_clear(OSSL_HTTP_REQ_CTX **x)
{
    OSSL_HTTP_REQ_CTX_free(*x);
}

static void value_clear(ASN1_TYPE **v)
{
    ASN1_TYPE_free(*v);
}

/* ---- what goes wrong ---- */

/* The status of the answer, from the library's list of errors; 0 when it holds none. */
static long http_status(void)
{
    const char *data = "";
    int flags = 0;

    ERR_peek_last_error_data(&data, &flags);
    data = flags & ERR_TXT_STRING ? strstr(data, "code=") : NULL;
    return data ? strtol(data + 5, NULL, 10) : 0;
}

static status no_reply(struct web *w, struct fault *f)
{
    const unsigned long code = ERR_peek_error(); /* the first says most */
    const int reason = ERR_GET_LIB(code) == ERR_LIB_HTTP ? ERR_GET_REASON(code) : 0;
    const long answer = http_status();

    if (w->left == 0 || reason == 0 || reason == HTTP_R_FAILED_READING_DATA || reason == HTTP_R_SERVER_CANCELED_CONNECTION)
        return web_failed(w, f);
    ERR_clear_error();
    if (reason == HTTP_R_REDIRECTION_NOT_ENABLED || (answer >= REDIRECTS && answer < ERRORS)) {
        fault_hint(f, "write the address itself into evidence.tsa_url of node.yaml");
        return fault_set(f, STATUS_CONFIG, "%s sends us to another address, which is not followed", w->peer);
    }
    if (answer >= ERRORS)
        return fault_set(f, STATUS_CLOSED, "%s answers with an HTTP error (%ld)", w->peer, answer);
    return fault_set(f, STATUS_UNTRUSTED, "%s does not answer like a timestamping authority", w->peer);
}

/* ---- the exchange ---- */

/* The library takes values, not bytes. */
static status set_request(OSSL_HTTP_REQ_CTX *x, const struct web *w, const struct url *to, const uint8_t *request, size_t len)
{
    const uint8_t *at = request;
    ASN1_TYPE *value AUTO(value_clear) = d2i_ASN1_TYPE(NULL, &at, (long)len);
    char place[URL_PLACE_BYTES];

    url_place(place, to);
    if (!value || !OSSL_HTTP_REQ_CTX_set_request_line(x, 1, w->proxied ? place : NULL, NULL, to->target) ||
        !OSSL_HTTP_REQ_CTX_add1_header(x, "Host", place) ||
        !OSSL_HTTP_REQ_CTX_set_expected(x, "application/timestamp-reply", 1, 0, 0) ||
        !OSSL_HTTP_REQ_CTX_set1_req(x, "application/timestamp-query", ASN1_ITEM_rptr(ASN1_ANY), (const ASN1_VALUE *)value))
        return STATUS_NO_MEMORY;
    OSSL_HTTP_REQ_CTX_set_max_response_length(x, TIMESTAMP_REPLY_MAX);
    return OK;
}

static status take_reply(uint8_t **reply, size_t *len, OSSL_HTTP_REQ_CTX *x)
{
    char *bytes;
    const long got = BIO_get_mem_data(OSSL_HTTP_REQ_CTX_get0_mem_bio(x), &bytes);

    TRY(alloc_zeroed(reply, (size_t)got + 1, 1));
    memcpy(*reply, bytes, (size_t)got);
    *len = (size_t)got;
    return OK;
}

status tsa_ask(uint8_t **reply, size_t *len, const struct config_evidence *how, const uint8_t *request, size_t request_len,
               int deadline_s, struct fault *f)
{
    struct web web AUTO(web_clear) = {
        .peer = how->tsa_url, .deadline_s = deadline_s, .left = TIMESTAMP_REPLY_MAX + OVERHEAD_MAX};
    OSSL_HTTP_REQ_CTX *x AUTO(exchange_clear) = NULL;
    struct url to;
    int done;

    TRY(url_parse(&to, how->tsa_url, f));
    TRY(web_open(&web, &to, how->tsa_tls_ca, f));
    ERR_clear_error();
    x = OSSL_HTTP_REQ_CTX_new(web.bio, web.bio, 0);
    if (!x)
        return STATUS_NO_MEMORY;
    TRY(set_request(x, &web, &to, request, request_len));
    while ((done = OSSL_HTTP_REQ_CTX_nbio(x)) < 0)
        TRY(web_wait(&web, f));
    return done ? take_reply(reply, len, x) : no_reply(&web, f);
}
