/* Correlated randomness for a fixed matrix: all the encryption of a training, done before it.  [SPEC 4]
 *
 * X_p is the one-hot matrix of party p's codes over the n training rows, M_p its integer preconditioner.  For every
 * ordered pair (p holds codes, q owns the key) and every pass t the parties end with
 *     forward:  u known to q, shares of X_p u         (gather over ciphertexts)
 *     backward: v known to q, shares of M_p (X_p^T v + Lam u)   (scatter over ciphertexts)
 * Shares are exact up to a carry in {-1, 0, 1} units of the last place. */
#ifndef HEFU_CORRELATE_H
#define HEFU_CORRELATE_H

#include "crypto/ring.h"
#include "protocol/bins.h"
#include "protocol/session.h"

struct correlation {
    struct plan plan;
    uint16_t passes;
    ring *fore;              /* [passes * n]: our share of sum over pairs of X u mod 2^fore_bits,
                                pass-major; zero for pass 1 */
    ring *pad_residual;      /* [passes * n]: v of our key */
    struct {
        uint32_t width;
        ring *pad_weight;    /* [passes * width]: u toward this data owner; NULL for self; zero for pass 1 */
        ring *back;          /* [passes * width]: our share of its backward sums (for self: of all pairs) */
    } block[PARTIES_MAX];
};

/* The whole offline phase.  Needs ss->population, keys of all peers. */
MUST_USE status correlate_run(struct correlation *out, struct session *ss, const struct matrix *own);
void correlation_clear(struct correlation *c); /* wipes */

/* Ciphertexts that self encrypts under its own key: the residual pads, and the weight pads toward every other party. */
uint64_t correlate_encryptions(const struct contract *c, const struct plan *plan, party self);
/* Replies that data owner p sends to each key owner. */
uint64_t correlate_replies(const struct contract *c, const struct plan *plan, party p);

#endif
