#include "node/net/tsa.h"

#include "node/local/timestamp.h"

#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/httperr.h>
#include <string.h>

struct place {
    char *host, *port, *path;
    int tls;
};

static void place_clear(struct place *p)
{
    OPENSSL_free(p->host);
    OPENSSL_free(p->port);
    OPENSSL_free(p->path);
}

static void bio_clear(BIO **b)
{
    BIO_free_all(*b);
}

/* Everything of a URL behind its host. */
static status find_place(struct place *out, const char *url, struct fault *f)
{
    if (OSSL_HTTP_parse_url(url, &out->tls, NULL, &out->host, &out->port, NULL, &out->path, NULL, NULL) != 1 || out->tls) {
        ERR_clear_error();
        return fault_set(f, STATUS_CONFIG, "%s is not an address such as http://tsa.example.org/tsr", url);
    }
    return OK;
}

/* Away, or there and something else. */
static status no_reply(const char *url, struct fault *f)
{
    const unsigned long code = ERR_peek_error(); /* the first says most */
    const int reason = ERR_GET_LIB(code) == ERR_LIB_HTTP ? ERR_GET_REASON(code) : 0;
    const char *words = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

    ERR_clear_error();
    if (reason == HTTP_R_UNEXPECTED_CONTENT_TYPE || reason == HTTP_R_MISSING_CONTENT_TYPE ||
        reason == HTTP_R_MISSING_ASN1_ENCODING || reason == HTTP_R_MAX_RESP_LEN_EXCEEDED)
        return fault_set(f, STATUS_UNTRUSTED, "%s does not answer like a timestamping authority", url);
    if (reason == HTTP_R_RECEIVED_ERROR || reason == HTTP_R_STATUS_CODE_UNSUPPORTED)
        return fault_set(f, STATUS_CLOSED, "%s answers with an HTTP error", url);
    return fault_set(f, reason == HTTP_R_RETRY_TIMEOUT ? STATUS_TIMEOUT : STATUS_CLOSED,
                     "%s does not answer: %s", url, words ? words : "no connection");
}

/* The whole of a memory BIO, within the cap of a reply. */
static status read_all(uint8_t **out, size_t *len, BIO *in)
{
    int n;

    TRY(alloc_zeroed(out, TIMESTAMP_REPLY_MAX, 1));
    *len = 0;
    while (*len < TIMESTAMP_REPLY_MAX && (n = BIO_read(in, *out + *len, (int)(TIMESTAMP_REPLY_MAX - *len))) > 0)
        *len += (size_t)n;
    return OK;
}

status tsa_ask(uint8_t **reply, size_t *len, const char *url, const uint8_t *request, size_t request_len, int deadline_s,
               struct fault *f)
{
    struct place place AUTO(place_clear) = {0};
    BIO *body AUTO(bio_clear) = NULL, *answer AUTO(bio_clear) = NULL;

    TRY(find_place(&place, url, f));
    body = BIO_new_mem_buf(request, (int)request_len);
    if (!body)
        return STATUS_NO_MEMORY;
    ERR_clear_error();
    answer = OSSL_HTTP_transfer(NULL, place.host, place.port, place.path, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL,
                                "application/timestamp-query", body, "application/timestamp-reply", 1,
                                TIMESTAMP_REPLY_MAX, deadline_s, 0);
    if (!answer)
        return no_reply(url, f);
    return read_all(reply, len, answer);
}
