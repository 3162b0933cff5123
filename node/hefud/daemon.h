/* The daemon: one node of the consortium, in the foreground until it is told to stop. */
#ifndef HEFU_DAEMON_H
#define HEFU_DAEMON_H

#include "crypto/status.h"

/* Returns after SIGTERM or SIGINT, when all jobs are stopped and the peers know; or with what kept it from starting. */
MUST_USE status daemon_run(const char *config_path, struct fault *f);

/* Everything that daemon_run needs is there and fits together; nothing is started, no port is opened. */
MUST_USE status daemon_check(const char *config_path, struct fault *f);

#endif
