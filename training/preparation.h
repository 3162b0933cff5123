/* What the offline phase leaves to the online one: the rows that all parties share, the own preconditioner, the correlation.
 * In a whole session it never leaves memory; between two sessions the caller keeps its bytes, sealed, and hands them out
 * once.  [SPEC 2.5] */
#ifndef HEFU_PREPARATION_H
#define HEFU_PREPARATION_H

#include "protocol/correlate_store.h"
#include "training/dataset.h"
#include "training/precondition.h"

struct preparation {
    struct hash name;          /* [SPEC 2.5.1]; zero until all have signed */
    struct hash table;         /* of ids, codes and split, which must be the same online */
    struct population population;
    uint32_t *position;        /* [population.rows] own table row of each common person, in joint order */
    uint8_t *role;             /* [population.rows] 0 train, 1 test, 2 unused */
    struct precondition precondition;
    struct correlation correlation;
};

void preparation_clear(struct preparation *p); /* wipes */

/* Of all of a table but its labels. */
void preparation_table(struct hash *out, enum suite s, const struct dataset *d);

MUST_USE status preparation_write(const struct preparation *p, const struct byte_sink *to, struct fault *f);
/* Of party self under this contract.  STATUS_MISMATCH for bytes that preparation_write did not make. */
MUST_USE status preparation_read(struct preparation *out, const struct contract *c, party self,
                                 const struct byte_source *from, struct fault *f);

#endif
