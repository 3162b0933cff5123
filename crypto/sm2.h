/* SM2 on the curve of GB/T 32918.5: signatures (GB/T 32918.2) and the key exchange (GB/T 32918.3).
 *
 * Keys, signing and the exchange are computed here, over sm2_curve.h: nothing is allocated, no randomness is read, and no branch or
 * address depends on a secret (by construction, and under valgrind).  Nonces are those of RFC 6979 with HMAC-SM3: equal keys and
 * messages give equal signatures.  Signatures are checked by OpenSSL, which shares nothing with their making.
 *
 * Every public key that comes from outside is a point of the curve other than infinity, in its one encoding, or refused. */
#ifndef HEFU_SM2_H
#define HEFU_SM2_H

#include "crypto/rng.h"

#include <string.h>

enum { SM2_PUBLIC_BYTES = 33, SM2_SIGNATURE_BYTES = 64, SM2_SECRET_BYTES = 32 };

struct sm2_public { uint8_t bytes[SM2_PUBLIC_BYTES]; };       /* compressed: 2 or 3, then x */
struct sm2_secret { uint8_t bytes[SM2_SECRET_BYTES]; };       /* d in [1, n-2] */
struct sm2_signature { uint8_t bytes[SM2_SIGNATURE_BYTES]; }; /* r, then s, both in [1, n-1] */

/* The identity that GM/T 0009 prescribes when none was agreed. */
#define SM2_DEFAULT_ID "1234567812345678"

void sm2_secret_clear(struct sm2_secret *s);

/* d from the seed, uniform. */
void sm2_keypair(struct sm2_public *pub, struct sm2_secret *sec, const struct rng_key *seed);
/* The public key of a secret from elsewhere; STATUS_MALFORMED when that is not in [1, n-2]. */
MUST_USE status sm2_public_of(struct sm2_public *pub, const struct sm2_secret *sec);

/* From 33 bytes of a key of either suite; not checked. */
static inline struct sm2_public sm2_public_of_bytes(const uint8_t *bytes)
{
    struct sm2_public out;

    memcpy(out.bytes, bytes, sizeof out.bytes);
    return out;
}

/* STATUS_MALFORMED when it is no point; so everywhere. */
MUST_USE status sm2_public_check(const struct sm2_public *pub);
/* From and to 4, x, y, as certificates have it. */
MUST_USE status sm2_public_from_point(struct sm2_public *out, const uint8_t point[65]);
MUST_USE status sm2_public_to_point(uint8_t point[65], const struct sm2_public *pub);

/* Z of GB/T 32918.2, 5.5: what a signature says about its signer.  An id has at most 8191 bytes. */
MUST_USE status sm2_z(struct hash *z, const struct sm2_public *pub, const char *id);

/* Over SM3(z, bytes). */
void sm2_sign(struct sm2_signature *sig, const struct sm2_secret *sec, const struct hash *z, const void *bytes, size_t len);
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
