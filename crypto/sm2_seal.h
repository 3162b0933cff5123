/* Public-key encryption of GB/T 32918.4: a secret for the one who holds a key, such as a seed for an auditor.  Constant-time in
 * secret key and text, but for whether a key stream is all zeros. */
#ifndef HEFU_SM2_SEAL_H
#define HEFU_SM2_SEAL_H

#include "crypto/sm2.h"

enum { SM2_SEAL_BYTES = 1 + 64 + 32 }; /* what sealing adds, in front: C1, C3 */

/* out[len + SM2_SEAL_BYTES], len > 0.  The seed is drawn for this seal and for nothing else.  STATUS_MALFORMED when pub is no
 * point. */
MUST_USE status sm2_seal(uint8_t *out, const struct sm2_public *pub, const struct rng_key *seed, const void *bytes, size_t len);
/* out[len - SM2_SEAL_BYTES].  STATUS_MISMATCH when anything was changed or sealed for another; out is then zeros. */
MUST_USE status sm2_unseal(uint8_t *out, const struct sm2_secret *sec, const uint8_t *sealed, size_t len);

#endif
