/* Asking a timestamping authority over http or https (RFC 3161, 3.4).  The reply is signed whatever it comes through. */
#ifndef HEFU_TSA_H
#define HEFU_TSA_H

#include "node/local/config.h"

/* One request, one reply; the caller frees it and checks it (node/local/timestamp.h).  Of how, tsa_url and tsa_tls_ca count.
 *
 * STATUS_TIMEOUT or STATUS_CLOSED when the authority is away, STATUS_UNTRUSTED when what answers is none, or its certificate does
 * not count, STATUS_CONFIG when the address, a proxy or tsa_tls_ca is of no use, or it sends us elsewhere. */
MUST_USE status tsa_ask(uint8_t **reply, size_t *len, const struct config_evidence *how, const uint8_t *request,
                        size_t request_len, int deadline_s, struct fault *f);

#endif
