/* Eight points of ristretto255 at a time, by AVX-512 IFMA.  Same bytes as one by one; group.c chooses. */
#ifndef HEFU_GROUP_LANES_H
#define HEFU_GROUP_LANES_H

#include "crypto/group.h"

enum { GROUP_LANES = 8, GROUP_WIDE_BYTES = 64 };

/* Each function answers 1 when every lane went well, else 0.
 *   check       every in[i] is canonical and not the identity
 *   scale       out[i] = s * in[i], in and out so
 *   map_scale   out[i] = s * (the element that hash_to_ristretto255 makes of the 64 bytes), out so
 * out may be in.  Constant time in s. */
int group_lanes_check(const struct group_element in[GROUP_LANES]);
int group_lanes_scale(struct group_element out[GROUP_LANES], const struct group_scalar *s,
                      const struct group_element in[GROUP_LANES]);
int group_lanes_map_scale(struct group_element out[GROUP_LANES], const struct group_scalar *s,
                          const uint8_t wide[GROUP_LANES][GROUP_WIDE_BYTES]);

#endif
