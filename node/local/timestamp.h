/* RFC 3161 timestamps: the request for one, and what a token must be to count.  What is stamped is a digest of a contract's
 * suite: SHA-256 for INT1, SM3 for GM1, and no other.
 *
 * A token is a timestamping authority's signature over a digest and a time.  It shows that what was hashed existed by
 * then, whoever asks, and goes on doing so when the certificate of the authority has ended. */
#ifndef HEFU_TIMESTAMP_H
#define HEFU_TIMESTAMP_H

#include "crypto/hash.h"

enum {
    TIMESTAMP_REQUEST_MAX = 256,
    TIMESTAMP_REPLY_MAX = 64 * 1024,
    TIMESTAMP_TOKEN_MAX = 32 * 1024,
    TIMESTAMP_POLICY_BYTES = 64, /* "1.2.3.4" with its NUL */
    TIMESTAMP_SIGNER_BYTES = 128,
    TIMESTAMP_DRIFT_S = 120,     /* an honest clock and the authority's may differ by this much */
};

/* What a token says. */
struct timestamp {
    enum suite suite;            /* whose digest it is */
    struct hash digest;
    int64_t at;                  /* genTime, Unix seconds; fractions are dropped */
    int has_nonce;
    uint64_t nonce;
    char policy[TIMESTAMP_POLICY_BYTES];
    char signer[TIMESTAMP_SIGNER_BYTES]; /* CN of the certificate, ASCII; "" before it is checked */
};

/* Whose tokens count. */
struct timestamp_trust {
    const char *ca;        /* PEM: the authority's CA, or several */
    const char *untrusted; /* PEM: certificates between, for tokens that do not bring them; NULL: none */
};

/* What a token must be over; a NULL member is not compared, the suite when the digest is. */
struct timestamp_wanted {
    enum suite suite;
    const struct hash *digest;
    const uint64_t *nonce;
    const char *policy;
};

/* A request in DER that asks for the certificates too.  policy: NULL or "" leaves it to the authority. */
MUST_USE status timestamp_request(uint8_t **out, size_t *len, enum suite s, const struct hash *digest, uint64_t nonce,
                                  const char *policy, struct fault *f);
/* The digest that such a request is about, and its suite. */
MUST_USE status timestamp_request_digest(struct hash *out, enum suite *s, const uint8_t *request, size_t len, struct fault *f);

/* The token of an authority's reply, when it answers this request and timestamp_check accepts it.  The caller frees it.
 * STATUS_UNTRUSTED in words otherwise; STATUS_REFUSED when the authority declines for good, STATUS_CLOSED when it cannot now. */
MUST_USE status timestamp_accept(uint8_t **token, size_t *token_len, struct timestamp *out, const uint8_t *reply,
                                 size_t reply_len, const uint8_t *request, size_t request_len,
                                 const struct timestamp_trust *trust, struct fault *f);

/* A token that was kept: what is wanted, the authority's signature with SHA-256 or longer, a certificate for timestamping
 * and nothing else, and its chain to the CA, all as of the token's own time.  STATUS_UNTRUSTED in words otherwise;
 * STATUS_CONFIG when a file of trust cannot be read. */
MUST_USE status timestamp_check(struct timestamp *out, const uint8_t *token, size_t len,
                                const struct timestamp_wanted *wanted, const struct timestamp_trust *trust,
                                struct fault *f);

/* What a token says, whoever signed it.  STATUS_UNTRUSTED unless it is one whole token in DER over a digest of
 * either suite. */
MUST_USE status timestamp_read(struct timestamp *out, const uint8_t *token, size_t len, struct fault *f);

/* The first thing wanted that a token does not say, in words, or NULL. */
const char *timestamp_difference(const struct timestamp *t, const struct timestamp_wanted *wanted);

/* "2026-11-22 10:23:14 UTC" */
enum { TIMESTAMP_TEXT_BYTES = 32 };
void timestamp_text(char out[TIMESTAMP_TEXT_BYTES], int64_t at);

#endif
