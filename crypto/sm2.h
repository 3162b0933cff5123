/* SM2 on the curve of GB/T 32918.5: signatures (GB/T 32918.2) and the key exchange (GB/T 32918.3).
 *
 * Points are multiplied and signatures are checked by OpenSSL; the check goes through its EVP interface, which shares
 * nothing with the signing here but the curve.  What becomes of secrets:
 *
 *   secret times point   OpenSSL's Montgomery ladder (EC_POINT_mul with one scalar).  It swaps by masks and its addresses do not
 *                        depend on the scalar.  Its field arithmetic does branch on coordinates, which it therefore multiplies
 *                        by numbers from its own generator; this changes no result, and is the only randomness read
 *   secrets mod n        GMP's mpn_sec_ functions, constant-time by its manual
 *   nonces               HMAC-SM3 of crypto/sm3 (RFC 6979): equal keys and messages give equal signatures
 *
 * Every public key that comes from outside is a point of the curve other than infinity, in its one encoding, or refused. */
#ifndef HEFU_SM2_H
#define HEFU_SM2_H

#include "crypto/rng.h"

enum { SM2_PUBLIC_BYTES = 33, SM2_SIGNATURE_BYTES = 64, SM2_SECRET_BYTES = 32 };

struct sm2_public { uint8_t bytes[SM2_PUBLIC_BYTES]; };       /* compressed: 2 or 3, then x */
struct sm2_secret { uint8_t bytes[SM2_SECRET_BYTES]; };       /* d in [1, n-2] */
struct sm2_signature { uint8_t bytes[SM2_SIGNATURE_BYTES]; }; /* r, then s, both in [1, n-1] */

/* The identity that GM/T 0009 prescribes when none was agreed. */
#define SM2_DEFAULT_ID "1234567812345678"

void sm2_secret_clear(struct sm2_secret *s);

/* d from the seed, within 2^-127 of uniform.  STATUS_NO_MEMORY is the only failure. */
MUST_USE status sm2_keypair(struct sm2_public *pub, struct sm2_secret *sec, const struct rng_key *seed);
/* The public key of a secret from elsewhere; STATUS_MALFORMED when that is not in [1, n-2]. */
MUST_USE status sm2_public_of(struct sm2_public *pub, const struct sm2_secret *sec);

/* STATUS_MALFORMED when it is no point, STATUS_NO_MEMORY. */
MUST_USE status sm2_public_check(const struct sm2_public *pub);
/* From and to 4, x, y, as certificates have it. */
MUST_USE status sm2_public_from_point(struct sm2_public *out, const uint8_t point[65]);
MUST_USE status sm2_public_to_point(uint8_t point[65], const struct sm2_public *pub);

/* Z of GB/T 32918.2, 5.5: what a signature says about its signer.  An id has at most 8191 bytes. */
MUST_USE status sm2_z(struct hash *z, const struct sm2_public *pub, const char *id);

/* Over SM3(z, bytes).  STATUS_NO_MEMORY is the only failure. */
MUST_USE status sm2_sign(struct sm2_signature *sig, const struct sm2_secret *sec, const struct hash *z, const void *bytes,
                         size_t len);
/* r, s and r + s mod n are in [1, n-1], else STATUS_MALFORMED. */
MUST_USE status sm2_signature_check(const struct sm2_signature *sig);
/* OK, STATUS_UNTRUSTED, or STATUS_NO_MEMORY. */
MUST_USE status sm2_verify(const struct sm2_signature *sig, const struct sm2_public *pub, const char *id, const void *bytes,
                           size_t len);

/* Both keys of a side: the one it keeps and the one it made for this exchange. */
struct sm2_exchange_public { struct sm2_public lasting, fresh; };
struct sm2_exchange_secret { struct sm2_secret lasting, fresh; };

/* GB/T 32918.3 without its optional confirmation, both with the default id.  One side is the initiator, the other is not.
 * STATUS_UNTRUSTED when theirs are no points or lead to infinity. */
MUST_USE status sm2_exchange(uint8_t *key, size_t key_len, int initiator, const struct sm2_exchange_secret *mine,
                             const struct sm2_exchange_public *my_public, const struct sm2_exchange_public *theirs);

#endif
