/* Sessions in which a party cheats, and what is found out about them: by its peers, by the auditor's checks, by replay. */
#ifndef HEFU_KIT_TRIAL_H
#define HEFU_KIT_TRIAL_H

#include "kit/cheat.h"
#include "kit/cmocka.h"
#include "protocol/log.h"
#include "protocol/verify.h"
#include "training/replay.h"

enum { TRIAL_PARTIES = 3, TRIAL_LABEL = 1, TRIAL_PASSES = 4 };

/* A session and the place of the one that cheats.  Lists of them end with zeros. */
struct shape {
    party parties, who;
    int exact, listed; /* sigmoid and test rows; 0: linear and drawn */
};

/* The last session: as it ended, and what was found.  Every part was replayed from the party's seed, its table and the bodies
 * it received. */
struct trial {
    struct shape shape;
    struct sim sim;
    struct verify_report report;
    struct replay_verdict verdict[PARTIES_MAX];
    /* The cheat's first record that is not the one it writes in a session of the same seeds in which nobody cheats. */
    uint64_t first;
    struct record record; /* type 0: there is none */
};
extern struct trial trial;

int trial_set_up(void **state);
int trial_tear_down(void **state);
/* Plays, and fails the test when replay convicts an honest party.  Clears the trial before.  disturb: NULL, or what happens
 * on the wires. */
void trial_run(const struct shape *shape, const struct cheat *how, sim_disturb *disturb);

/* The session of the same seeds in which nobody cheats. */
const struct sim *trial_without_cheat(const struct shape *s);

/* A way to cheat and what becomes of it, in every one of the shapes. */
enum trial_end {
    UNSEEN,  /* all parties end well */
    UNNAMED, /* all parties end alike, well or at a limit, and name nobody */
    REFUSED, /* a peer ends the session and names the cheat: code and words */
};

struct way {
    const char *name; /* of the test, the sentence that it proves */
    const struct shape *shapes;
    struct cheat how;
    enum trial_end end;
    status code;
    const char *words;
    int flagged;             /* by this check of verify, at the record of the first change; else the logs verify */
    enum verify_check check;
    enum message_kind kind;  /* of the first change, which is where replay says it is; 0: of any kind */
    uint32_t pass;           /* or ANY_PASS */
};
#define ANY_PASS UINT32_MAX

/* A test of cmocka: state is the way. */
void trial_of_way(void **state);

/* Its parts. */
void assert_verifies(void);
void assert_all_end_well(void);
void assert_refused(status code, const char *words);
void assert_flagged(enum verify_check check, party in, uint64_t seq);
void assert_convicted(enum record_type type);
/* The first peer, which most hear from first. */
party witness(void);

#endif
