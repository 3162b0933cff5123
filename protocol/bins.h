/* gather and scatter over ciphertexts: the two loops that all the encrypted work is made of.  [SPEC 4.3]
 *
 * Columns are fused into groups ("joint bins", the Four Russians' method): gather looks up a product made beforehand for
 * the joint code, scatter adds into joint cells and takes the columns' bins apart at the end.  Exact; how columns are
 * grouped changes the time, never the result. */
#ifndef HEFU_BINS_H
#define HEFU_BINS_H

#include "crypto/pair.h"
#include "crypto/parallel.h"
#include "protocol/contract.h"

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

enum { BINS_FUSE_AUTO = 0 }; /* columns to a group: as few products as possible */

/* Sums of ciphertexts by bin. */
struct scatter;
/* m, own and p are kept by reference.  Memory: at most 64 MiB, or one number per bin. */
MUST_USE status scatter_new(struct scatter **out, const struct pair_modulus *m, const struct matrix *own,
                            const struct parallel *p, uint32_t fuse);
/* The numbers of rows first_row onward, once each, in any order. */
void scatter_add(struct scatter *s, const uint64_t *numbers, uint32_t first_row, size_t count);
/* sums[j] = product of the numbers whose row has bin j; width of them.  Ends the use of s but for scatter_free. */
void scatter_sums(struct scatter *s, uint64_t *sums);
void scatter_free(struct scatter *s);

/* Products of entries chosen by rows. */
struct gather;
/* entry (j, g) of bin j for the g-th row of a reply at entries[(j * group_rows + g) * words]; kept by reference, as are m,
 * own and p. */
MUST_USE status gather_new(struct gather **out, const struct pair_modulus *m, const struct matrix *own,
                           const uint64_t *entries, uint32_t group_rows, const struct parallel *p, uint32_t fuse);
/* out[i] = product over the rows of reply first + i (rows reply * group_rows onward) of their entries. Threads may share g. */
MUST_USE status gather_replies(const struct gather *g, uint64_t *out, uint32_t first, size_t count);
void gather_free(struct gather *g);

/* out[a] = prod_j (sums[j] * ridge[j]^lam)^(M[a][j]), width numbers each; sums is overwritten.
 * STATUS_MALFORMED when a number has no inverse. */
MUST_USE status bins_precondition(uint64_t *out, const struct pair_modulus *m, uint64_t *sums, const uint64_t *ridge,
                                  uint64_t lam, const struct matrix *own, const struct parallel *p);

/* The products that these take, idle lanes of a vector of lanes numbers included, for own->n rows (own->codes and
 * own->precondition are not read; diagonal is).  For forecasts; nothing that is said depends on it. */
struct bins_work {
    uint64_t scatter;            /* the numbers of all rows, and the sums */
    uint64_t tables, gather;     /* gather_new, and all replies: factors of one product after the other */
    uint64_t powers, raise;      /* bins_precondition: single products, and factors one after the other */
    uint64_t scatter_cells, gather_cells; /* numbers that are held */
};
void bins_count(struct bins_work *out, const struct matrix *own, uint32_t group_rows, uint64_t lam, uint32_t key_bits,
                uint32_t lanes);

#endif
