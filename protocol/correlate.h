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
#include "protocol/session.h"

/* A party's own side of the matrices. */
struct matrix {
    uint32_t n;              /* training rows */
    uint16_t columns;
    uint32_t width;          /* D: one entry per bin */
    const uint8_t *bins;     /* [columns] */
    const uint8_t *codes;    /* [n * columns] row-major */
    int diagonal;            /* precondition holds the diagonal only: [width] */
    const int32_t *precondition; /* [width * width] row-major, or the diagonal; |entry| < 2^20 */
};

struct correlation {
    struct plan plan;
    uint16_t passes;
    ring *fore;              /* [passes * n]: our share of sum over pairs of X u, pass-major; zero for pass 1 */
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

/* ---- the pieces, for tests and benchmarks ---- */

/* reply = product over rows of the ciphertexts that the codes choose; masks holds D * G ciphertexts, entry (j, g) at
 * j * G + g. */
void correlate_gather(mpz_t reply, const struct paillier_public *key, mpz_t *const masks, uint32_t group_rows,
                      const struct matrix *own, uint32_t first_row);
/* sums[offset of column + code] *= c, for row's code in every column. */
void correlate_scatter(mpz_t *sums, const struct paillier_public *key, const mpz_t c, const struct matrix *own, uint32_t row);
/* out[a] = prod_j (sums[j] * ridge[j]^Lam)^(M[a][j]).  sums is overwritten. */
MUST_USE status correlate_precondition(mpz_t *out, const struct paillier_public *key, mpz_t *sums, mpz_t *const ridge,
                                       uint64_t lam, const struct matrix *own);

#endif
