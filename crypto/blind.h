/* Uniform N-th residues: the randomness of every ciphertext.  [SPEC 3.3]
 *
 * For somebody else's key (foreign): direct form s^N, s uniform in Z*_N; or, for many, the table form: K independent
 * residues g_i = s_i^N, a randomiser is prod g_i^(e_i) with fresh uniform e_i of six bits each, 6 K >= |N| + 192.  R such
 * randomisers are within 2^-202 + R * 2^-96 of uniform for any key of 2048 bits or more without a prime factor below
 * 2^16, honest or not.
 * For one's own key: the same forms modulo p^2 and q^2 apart (g = s^p mod p^2, s uniform in Z*_p; 6 K >= |p| + 192),
 * recombined by CRT: full-length randomness, no short exponent, no assumption about generators.
 *
 * Never a single base, never the owner's base, never a short exponent (attacks C and E of the tests). */
#ifndef HEFU_BLIND_H
#define HEFU_BLIND_H

#include "crypto/paillier.h"
#include "crypto/parallel.h"

/* With this many uses or more tables pay for themselves, else the direct form is drawn.  A fixed rule (an eighth and a
 * quarter of the key's bits, near the measured break-even at 2048 and 3072), so every run agrees. */
static inline uint64_t blind_table_from(uint32_t key_bits, int own)
{
    return own ? key_bits / 8 : key_bits / 4;
}

struct blind; /* opaque; holds tables or not, by uses_expected; keeps pub and sec by reference */

/* Told about every residue made for the tables, so that a program can show progress; blind_table_residues tells how many
 * there will be.  Called on the thread that builds. */
struct blind_watch { void *ctx; void (*step)(void *ctx); };
uint32_t blind_table_residues(uint32_t key_bits, int own, uint64_t uses_expected);

/* sec is NULL for somebody else's key.  tables is the generator for the residues of the tables (a pad drawn ahead).
 * watch and parallel may be NULL. */
MUST_USE status blind_build(struct blind **out, const struct paillier_public *pub, const struct paillier_secret *sec,
                            uint64_t uses_expected, struct rng *tables, const struct blind_watch *watch,
                            const struct parallel *parallel);
MUST_USE status blind_new(struct blind **out, const struct paillier_public *pub, uint64_t uses_expected, struct rng *tables);
MUST_USE status blind_new_own(struct blind **out, const struct paillier_public *pub, const struct paillier_secret *sec,
                              uint64_t uses_expected, struct rng *tables);
void blind_free(struct blind *b); /* wipes */

/* out[i] = a fresh uniform N-th residue mod N^2 (numbers of pub->pair, one after the other) whose randomness comes from
 * g[i] alone.  Table look-ups read the whole table.  b is only read: threads may share it. */
void blind_draw_many(const struct blind *b, uint64_t *out, struct rng *g, size_t count);

#endif
