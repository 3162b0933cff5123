/* Paillier encryption with g = 1 + N: E(m) = (1 + mN) s^N mod N^2.  [SPEC 3]
 *
 * A ciphertext is an integer 0 < c < N^2 with gcd(c, N) = 1, written as exactly paillier_cipher_bytes big-endian
 * bytes.  In memory it is a pair (pair.h) of key's own modulus, pair_words(&pub->pair) words.  Plaintexts are integers
 * mod N.  Everything goes in batches, to fill the lanes of the pair arithmetic: the more at once, the better, and no
 * result depends on how many.  Keys are only read: threads may share them. */
#ifndef HEFU_PAILLIER_H
#define HEFU_PAILLIER_H

#include "crypto/pair.h"
#include "crypto/rng.h"

enum { PAILLIER_BITS_FLOOR = 2048, PAILLIER_BITS_DEFAULT = 3072, PAILLIER_BITS_MAX = 4096 };

struct paillier_public {
    uint32_t bits; /* exact length of N */
    mpz_t n, n2;
    struct pair_modulus pair; /* of N */
};

struct paillier_secret {
    mpz_t p, q;           /* same length, p > q */
    mpz_t p2, q2;         /* squares */
    mpz_t p_minus_1, q_minus_1;
    mpz_t hp, hq;         /* L_p((1+N)^(p-1))^-1 mod p, likewise q */
    mpz_t q_inv_p;        /* q^-1 mod p, to recombine mod N */
    mpz_t q2_inv_p2;      /* q^-2 mod p^2, to recombine mod N^2 */
    struct pair_modulus pair_p, pair_q;
};

void paillier_public_clear(struct paillier_public *pub);
void paillier_secret_clear(struct paillier_secret *sec); /* wipes */

/* A fresh key: primes of bits/2 bits drawn by rejection from g, two top bits set, gcd(N, phi(N)) = 1.
 * bits is a multiple of 16 from 256 to 4096, else STATUS_USAGE; that a node uses at least PAILLIER_BITS_FLOOR is the
 * contract's rule, not this one's.  pub and sec are zeroed or cleared before, and cleared by the caller after. */
MUST_USE status paillier_keygen(struct paillier_public *pub, struct paillier_secret *sec, uint32_t bits, struct rng *g);

/* The key of two given primes p > q of the same length with gcd(pq, phi(pq)) = 1 (not checked). */
MUST_USE status paillier_key_from_primes(struct paillier_public *pub, struct paillier_secret *sec, const mpz_t p,
                                         const mpz_t q);

/* A peer's key from its canonical bytes: exact bit length, odd.  STATUS_MALFORMED otherwise.  (keyproof.h says the rest.) */
MUST_USE status paillier_public_get(struct paillier_public *pub, uint32_t bits, const uint8_t *n_bytes, size_t len);

static inline size_t paillier_modulus_bytes(uint32_t bits) { return bits / 8; }
static inline size_t paillier_cipher_bytes(uint32_t bits) { return bits / 4; }

/* out = the ciphertexts that the bytes spell.  Every one must satisfy 0 < c < N^2 and gcd(c, N) = 1 (one gcd for the
 * batch).  STATUS_MALFORMED, and out undefined, otherwise; *bad_index (NULL is allowed) is the first offender. */
MUST_USE status paillier_ciphers_read(uint64_t *out, const struct paillier_public *pub, const uint8_t *bytes, size_t count,
                                      size_t *bad_index);
void paillier_ciphers_write(uint8_t *bytes, const struct paillier_public *pub, const uint64_t *ciphers, size_t count);

/* out[i] = (1 + m[i] N) * residue[i] for uniform N-th residues (see blind.h), which out may overwrite.  0 <= m[i] < N. */
void paillier_encrypt_many(uint64_t *out, const struct paillier_public *pub, mpz_t *const m, const uint64_t *residues,
                           size_t count);

/* out[i] = the plaintext of ciphers[i], by CRT, in constant time for given sizes. */
void paillier_decrypt_many(mpz_t *out, const struct paillier_public *pub, const struct paillier_secret *sec,
                           const uint64_t *ciphers, size_t count);

/* The x mod mk with x = a mod m and x = b mod k, for 0 <= a < m, 0 <= b < k < m and k_inv_m = k^-1 mod m; constant time
 * for given lengths.  m has at most PAILLIER_BITS_MAX bits. */
void paillier_join(mpz_t out, const mpz_t a, const mpz_t m, const mpz_t b, const mpz_t k, const mpz_t k_inv_m);

#endif
