#include "node/net/link_hub.h"
#include "crypto/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Request: length u32, bytes.  Response: status u8, length u32, bytes; for a status other than OK the bytes are two
 * strings, message and hint. */
enum { REQUEST_HEADER = 4, RESPONSE_HEADER = 5, TRANSFER_MS = 30000 };

static void writer_clear(struct wire_writer *w)
{
    wire_writer_clear(w);
}

/* ------------------------------------------------------------------ the node's side --------------------------- */

static status send_response(struct pipe *p, status code, const uint8_t *bytes, size_t len, struct fault *f)
{
    uint8_t header[RESPONSE_HEADER];
    uint64_t until = clock_ms() + TRANSFER_MS;

    header[0] = (uint8_t)code;
    store_u32(header + 1, (uint32_t)len);
    TRY(pipe_write(p, header, sizeof header, until, f));
    return pipe_write(p, bytes, len, until, f);
}

static status send_refusal(struct pipe *p, const struct fault *why, status code, struct fault *f)
{
    struct wire_writer w AUTO(writer_clear) = {0};

    wire_put_string(&w, why->message[0] ? why->message : status_name(code));
    wire_put_string(&w, why->hint);
    TRY(wire_writer_status(&w));
    return send_response(p, code, w.bytes, w.len, f);
}

static status serve_one(struct link_hub *hub, struct pipe *p, struct fault *f)
{
    uint8_t header[REQUEST_HEADER], *request AUTO(auto_free) = NULL, *response AUTO(auto_free) = NULL;
    size_t len, response_len = 0;
    struct fault why = {0};
    status st;

    TRY(pipe_read(p, header, sizeof header, clock_ms() + hub->config.control_idle_ms, f));
    len = load_u32(header);
    if (len > LINK_REQUEST_MAX) {
        fault_set(&why, STATUS_MALFORMED, "a request of %zu bytes is longer than the %d allowed", len, LINK_REQUEST_MAX);
        TRY(send_refusal(p, &why, STATUS_MALFORMED, f));
        pipe_linger(p, clock_ms() + 500);
        return fault_set(f, STATUS_MALFORMED, "%s", why.message);
    }
    TRY(alloc_zeroed(&request, len + 1, 1));
    TRY(pipe_read(p, request, len, clock_ms() + TRANSFER_MS, f));
    st = hub->config.control(hub->config.control_context, tls_peer(pipe_tls(p)), request, len, &response, &response_len, &why);
    if (st == OK && response_len > LINK_RESPONSE_MAX)
        st = fault_set(&why, STATUS_LIMIT, "the response is longer than %d bytes", LINK_RESPONSE_MAX);
    if (st != OK)
        return send_refusal(p, &why, st, f);
    return send_response(p, OK, response, response_len, f);
}

void control_serve(struct link_hub *hub, struct pipe *p)
{
    struct fault f = {0};

    while (serve_one(hub, p, &f) == OK)
        ;
}

/* ------------------------------------------------------------------ the asking side --------------------------- */

struct link_client {
    struct tls_context *tls;
    struct pipe *pipe;
    char who[LINK_WHO];
    bool failed;
};

static status client_connect(struct link_client *c, const struct tls_files *files, const char *address, const char *name,
                             const struct hash *fingerprint, uint64_t until, struct fault *f)
{
    uint8_t words[LINK_PRELUDE];
    struct link_prelude prelude = {0};
    const struct hash *pin = fingerprint;

    TRY(tls_context_new(&c->tls, files, f));
    TRY(pipe_new(&c->pipe, c->who));
    TRY(pipe_dial(c->pipe, address, until, f));
    TRY(pipe_secure(c->pipe, c->tls, TLS_DIALS));
    TRY(pipe_handshake(c->pipe, until, f));
    if (!pin)
        pin = &tls_peer(pipe_tls(c->pipe))->fingerprint;
    TRY(tls_check_pin(pipe_tls(c->pipe), name, pin, f));
    prelude_put(words, LINK_KIND_CONTROL, VERDICT_OK);
    TRY(pipe_write(c->pipe, words, sizeof words, until, f));
    return prelude_read(c->pipe, &prelude, c->who, until, f);
}

status link_client_open(struct link_client **out, const struct tls_files *files, const char *address, const char *name,
                        const struct hash *fingerprint, uint32_t wait_ms, struct fault *f)
{
    struct link_client *c;
    status st;

    TRY(alloc_zeroed(&c, 1, sizeof *c));
    snprintf(c->who, sizeof c->who, "%s at %s", name, address);
    st = client_connect(c, files, address, name, fingerprint, clock_ms() + wait_ms, f);
    if (st == OK)
        *out = c;
    else
        link_client_close(c);
    return st;
}

static status read_refusal(struct link_client *c, status code, const uint8_t *bytes, size_t len, struct fault *f)
{
    char message[sizeof f->message], hint[sizeof f->hint];
    struct wire_reader r;

    wire_reader_init(&r, bytes, len);
    wire_get_string(&r, message, sizeof message);
    wire_get_string(&r, hint, sizeof hint);
    if (wire_finish(&r) != OK || code < OK || code > STATUS_MISMATCH)
        return fault_set(f, STATUS_MALFORMED, "%s sent a refusal that cannot be read", c->who);
    if (hint[0])
        fault_hint(f, "%s", hint);
    return fault_set(f, code, "%s", message);
}

static status call(struct link_client *c, const void *request, size_t len, uint8_t *code, uint8_t **response,
                   size_t *response_len, uint64_t until, struct fault *f)
{
    uint8_t header[RESPONSE_HEADER];

    store_u32(header, (uint32_t)len);
    TRY(pipe_write(c->pipe, header, REQUEST_HEADER, until, f));
    TRY(pipe_write(c->pipe, request, len, until, f));
    TRY(pipe_read(c->pipe, header, sizeof header, until, f));
    *code = header[0];
    *response_len = load_u32(header + 1);
    if (*response_len > LINK_RESPONSE_MAX)
        return fault_set(f, STATUS_MALFORMED, "%s claims a response of %zu bytes, more than the %d allowed", c->who,
                         *response_len, LINK_RESPONSE_MAX);
    TRY(alloc_zeroed(response, *response_len + 1, 1));
    return pipe_read(c->pipe, *response, *response_len, until, f);
}

status link_client_call(struct link_client *c, const void *request, size_t len, uint8_t **response, size_t *response_len,
                        uint32_t wait_ms, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    uint8_t code = 0;
    size_t bytes_len = 0;
    status st;

    if (len > LINK_REQUEST_MAX)
        return fault_set(f, STATUS_LIMIT, "a request of %zu bytes is longer than the %d allowed", len, LINK_REQUEST_MAX);
    if (c->failed)
        return fault_set(f, STATUS_CLOSED, "the connection to %s has failed before", c->who);
    st = call(c, request, len, &code, &bytes, &bytes_len, clock_ms() + wait_ms, f);
    if (st != OK) {
        c->failed = true;
        return st;
    }
    if (code != OK)
        return read_refusal(c, (status)code, bytes, bytes_len, f);
    *response = bytes;
    *response_len = bytes_len;
    bytes = NULL;
    return OK;
}

void link_client_close(struct link_client *c)
{
    if (!c)
        return;
    pipe_free(c->pipe);
    tls_context_free(c->tls);
    free(c);
}
