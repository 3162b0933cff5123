/* One party of a simulated session that deviates from the protocol, and signs all that it says as an honest one does.
 *
 * Product code has no place for this.  A test that uses it is linked so that calls of the functions in cheat_hooks.h, from one
 * source file to another, come here first (ld --wrap); on the thread of the party that cheats, while it plays, its own
 * version is called instead, and everywhere else the real one. */
#ifndef HEFU_KIT_CHEAT_H
#define HEFU_KIT_CHEAT_H

#include "crypto/blind.h"
#include "crypto/group.h"
#include "kit/sim.h"
#include "protocol/align.h"
#include "protocol/handshake.h"
#include "training/sigmoid_table.h"
#include "training/train.h"

struct cheat {
    /* What it does in its own way; NULL: honestly.  With session_send_part all messages but those of session.c itself go
     * through it, record by record, and the three after it in the list are not used. */
#define HOOK(type, back, name, parameters, arguments) type(*name) parameters;
#include "kit/cheat_hooks.h"
#undef HOOK
};

/* The honest functions, for the cheat's own use. */
#define HOOK(type, back, name, parameters, arguments) type __real_##name parameters;
#include "kit/cheat_hooks.h"
#undef HOOK

/* What a hook may know and change, while it plays. */
struct cheating {
    party who;
    struct session *ss;
    struct dataset *table; /* its codes and labels; what it committed to, and a replay is given, stays as it is */
    unsigned calls;        /* for the hooks to count by */
    uint64_t noted;        /* number of the record that a hook first changed by hand; UINT64_MAX: none */
};
extern struct cheating cheating;

/* sim_run with party_run at all parties, one of which cheats.  cheating is filled, but for ss; afterwards it says what
 * happened. */
void cheat_run(struct sim *sim, const struct cheat *how, party who);
/* The record that comes next is not what it should be. */
void cheat_note(void);

#endif
