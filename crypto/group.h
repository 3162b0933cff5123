/* The prime-order group ristretto255, for private set intersection.  libsodium.  [SPEC 5.1] */
#ifndef HEFU_GROUP_H
#define HEFU_GROUP_H

#include "crypto/parallel.h"
#include "crypto/rng.h"

enum { GROUP_BYTES = 32 };

struct group_element { uint8_t bytes[GROUP_BYTES]; };
struct group_scalar { uint8_t bytes[32]; };

void group_scalar_clear(struct group_scalar *s);
/* Uniform in [1, order - 1]. */
void group_scalar_random(struct group_scalar *s, struct rng *g);
/* hash_to_ristretto255 of SHA-512("hefu-psi" | contract | attempt | len | id). */
void group_hash(struct group_element *out, const struct hash *contract, uint32_t attempt, const char *id, size_t len);
/* Canonical and not the identity, else STATUS_MALFORMED. */
MUST_USE status group_check(const struct group_element *e);
/* out = s * e; STATUS_MALFORMED when e is invalid or the result is the identity. */
MUST_USE status group_scale(struct group_element *out, const struct group_scalar *s, const struct group_element *e);

/* The same for many, over the threads of p, and eight at a time where pair_tier_name() is "ifma": the same bytes, and
 * STATUS_MALFORMED when any one fails. */
MUST_USE status group_check_all(const struct group_element *e, size_t count, const struct parallel *p);
/* e[i] = s * e[i]; what e holds after a failure is of no use. */
MUST_USE status group_scale_all(struct group_element *e, const struct group_scalar *s, size_t count, const struct parallel *p);
/* out[i] = s * hash of ids[i]. */
MUST_USE status group_hash_scale_all(struct group_element *out, const struct group_scalar *s, const struct hash *contract,
                                     uint32_t attempt, char *const *ids, size_t count, const struct parallel *p);

#endif
