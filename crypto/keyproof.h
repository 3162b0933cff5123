/* Proof that gcd(N, phi(N)) = 1: N-th roots of hashed challenges (Goldberg, Reyzin, Sagga, Baldimtsi, ePrint 2018/057).
 * With no prime factor below 2^16, a key that breaks the claim passes with probability at most 2^-208.  [SPEC 3.2] */
#ifndef HEFU_KEYPROOF_H
#define HEFU_KEYPROOF_H

#include "crypto/paillier.h"

enum { KEYPROOF_ROOTS = 13, KEYPROOF_FACTOR_FLOOR = 1 << 16 };

/* Challenges are hashes of the suite.  What the proof is bound to: contract, session, party and both commitments are hashed by the caller. */
static inline size_t keyproof_bytes(uint32_t bits) { return (size_t)KEYPROOF_ROOTS * (bits / 8); }

/* out is keyproof_bytes long: the roots, each |N|/8 bytes big-endian. */
void keyproof_make(uint8_t *out, const struct paillier_public *pub, const struct paillier_secret *sec,
                   enum suite s, const struct hash *binding);

/* OK, or STATUS_UNTRUSTED with a reason in f: wrong bit length, even, a prime or a perfect power, a prime factor below
 * 2^16, a root not canonical in (0, N), or a root that does not match its challenge. */
MUST_USE status keyproof_check(const struct paillier_public *pub, const uint8_t *proof, size_t len, enum suite s,
                               const struct hash *binding, struct fault *f);

#endif
