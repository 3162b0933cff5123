/* All parties of a session replayed together, for those that kept no bodies: each from its own seed, table and log, a thread
 * each, frames through memory.  What one sends the others receive, and every record is compared with the log of its party.
 * Nothing is written.  [SPEC 7.8.1] */
#ifndef HEFU_JOINT_REPLAY_H
#define HEFU_JOINT_REPLAY_H

#include "training/replay.h"

/* in[p]: party p's, without body and peers, which are set here; of an online session all have their offline one.
 * out[p]: what is found of p's log.  The first difference ends a replay, and so, in time, all others: those wait, and nothing is
 * said of what comes after.  Where nobody's log differs but one shows more from a peer than the peer's own, it differs there.
 * Fails as replay_run does. */
MUST_USE status joint_replay_run(struct replay_verdict out[PARTIES_MAX], struct replay_input in[PARTIES_MAX], struct fault *f);

#endif
