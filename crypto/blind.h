/* Uniform N-th residues: the randomness of every ciphertext.  [SPEC 3.3]
 *
 * For somebody else's key (foreign): direct form s^N, s uniform in Z*_N; or, for many, the subset-product form:
 * K = |N| + 192 independent residues g_i = s_i^N, a randomiser is the product of a fresh random subset.
 * b -> prod g_i^b_i is a universal hash (a difference has a +-1 coordinate), so by the leftover hash lemma R
 * randomisers are within R * 2^-96 of uniform, for any key, honest or not.  Tables of 6 residues (64 products each).
 * For one's own key: the same form modulo p^2 and q^2 apart (g = x^p mod p^2, x uniform in Z*_p; K = |p| + 192),
 * recombined by CRT: full-length randomness, no short exponent, no assumption about generators.
 *
 * Never a single base, never the owner's base, never a short exponent (attacks C and E of the tests). */
#ifndef HEFU_BLIND_H
#define HEFU_BLIND_H

#include "crypto/paillier.h"

/* With this many uses or more tables pay for themselves, else the direct form is drawn.  A fixed rule (3/2 and 7/8 of the
 * key's bits, near the measured break-even at 2048 and 3072), so every run agrees. */
static inline uint64_t blind_table_from(uint32_t key_bits, int own)
{
    return own ? (uint64_t)key_bits * 7 / 8 : (uint64_t)key_bits * 3 / 2;
}

struct blind; /* opaque; holds tables or not, by uses_expected; keeps pub and sec by reference */

/* Foreign key.  tables is the generator for the residues of the tables (a pad drawn ahead). */
MUST_USE status blind_new(struct blind **out, const struct paillier_public *pub, uint64_t uses_expected, struct rng *tables);
/* Own key. */
MUST_USE status blind_new_own(struct blind **out, const struct paillier_public *pub, const struct paillier_secret *sec,
                              uint64_t uses_expected, struct rng *tables);
/* Tables of long keys take a minute to build: the same with a call for every residue made, so that a program can show
 * progress.  sec is NULL for somebody else's key.  blind_table_residues tells how many calls there will be. */
struct blind_watch { void *ctx; void (*step)(void *ctx); };
MUST_USE status blind_new_watched(struct blind **out, const struct paillier_public *pub, const struct paillier_secret *sec,
                                  uint64_t uses_expected, struct rng *tables, const struct blind_watch *watch);
uint32_t blind_table_residues(uint32_t key_bits, int own, uint64_t uses_expected);
/* A fresh uniform N-th residue mod N^2.  Its randomness (the subset, or s) comes from g.  Table look-ups scan the whole
 * table.  b is only read: threads may share it. */
void blind_draw(const struct blind *b, mpz_t out, struct rng *g);
void blind_free(struct blind *b); /* wipes */

#endif
