/* A whole consortium on this machine, for hefu try: a CA, one directory, configuration and hefud process per party, and
 * a coordinator's certificate.  Real nodes that speak TLS over loopback; nothing about them is special but that one
 * person owns them all and that their policy approves this coordinator's jobs by itself. */
#ifndef HEFU_CONSORTIUM_H
#define HEFU_CONSORTIUM_H

#include "node/local/config.h"

#include <sys/types.h>

struct consortium_party {
    const char *name;
    char dir[FILES_PATH_BYTES];   /* node.yaml, certificate, key, state/ */
    struct hash fingerprint, gm_fingerprint;
    unsigned port;
    pid_t pid;                    /* of its hefud; 0 = not running */
};

struct consortium {
    char dir[FILES_PATH_BYTES];
    char coordinator[FILES_PATH_BYTES]; /* coordinator.yaml */
    uint32_t min_rows;                  /* of the nodes' policy */
    enum suite suite;                   /* SUITE_GM1: every node has an SM2 certificate too, by a CA of its own */
    uint32_t parties;
    struct consortium_party party[PARTIES_MAX];
};

/* Writes DIR/ca, DIR/nodes/PARTY and DIR/coordinator, for GM1 also DIR/ca-gm.  The caller has filled in dir, min_rows, suite and
 * the parties' names. */
MUST_USE status consortium_make(struct consortium *c, struct fault *f);

/* Starts every hefud and waits until each answers.  A node that does not come up is a fault in its own last words.
 * Nodes die with this process, however it ends. */
MUST_USE status consortium_start(struct consortium *c, struct fault *f);

/* Asks every node to stop, waits a bounded time, then kills.  No node is left afterwards. */
void consortium_stop(struct consortium *c);

/* STATUS_IO, with the node's last words, when one of them has ended by itself. */
MUST_USE status consortium_check(struct consortium *c, struct fault *f);

/* The program of that name beside this one. */
MUST_USE status consortium_program(char out[FILES_PATH_BYTES], const char *name, struct fault *f);

#endif
