/* Asking a timestamping authority over HTTP (RFC 3161, 3.4).  The reply is signed; the connection need not be. */
#ifndef HEFU_TSA_H
#define HEFU_TSA_H

#include "crypto/status.h"

#include <stdint.h>

/* One request, one reply; the caller frees it and checks it (node/local/timestamp.h).  An http proxy in the environment is
 * used.  STATUS_TIMEOUT or STATUS_CLOSED when the authority is away, STATUS_UNTRUSTED when what answers is none. */
MUST_USE status tsa_ask(uint8_t **reply, size_t *len, const char *url, const uint8_t *request, size_t request_len,
                        int deadline_s, struct fault *f);

#endif
