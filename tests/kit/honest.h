/* Sessions of random shapes in which everybody is honest, and what must then be found: nothing. */
#ifndef HEFU_KIT_HONEST_H
#define HEFU_KIT_HONEST_H

#include "kit/sim.h"

struct honest_shape {
    party parties, label;
    uint32_t rows, key_bits, threads;
    uint16_t columns, passes;
    uint8_t bins;
    int exact;  /* sigmoid; 0: linear */
    int listed; /* test rows; 0: drawn */
    int ahead;  /* an offline session and an online one; 0: one */
};

/* The shape of that number: 2 to parties_max parties, small tables, small keys; twenty numbers in a row have all kinds of
 * session. */
void honest_draw(struct honest_shape *out, uint64_t number, party parties_max);
void honest_print(char out[160], const struct honest_shape *s);
/* Tables and a contract that is not yet approved, so that the caller chooses the stage.  The caller clears both. */
void honest_lay(struct sim *sim, struct dataset data[PARTIES_MAX], const struct honest_shape *s, uint64_t number);

/* What was found against a session, or NULL: all end well, or all stop at a limit; nobody is named but by who waited for it; the files verify, all of
 * them together; every party's part replays.  offline: the session that it stands on, checked with it; or NULL. */
const char *honest_complaint(struct sim *sim, struct sim *offline);

#endif
