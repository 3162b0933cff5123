/* What a session does of a training: all of it; what needs neither labels nor weights, ahead of time; or the rest, on
 * what such a session prepared.  [SPEC 2.5] */
#ifndef HEFU_STAGE_H
#define HEFU_STAGE_H

#include "protocol/messages.h"

enum stage {
    STAGE_WHOLE = 0,
    STAGE_OFFLINE = 1,
    STAGE_ONLINE = 2,
};

const char *stage_name(enum stage s); /* "whole", "offline", "online" */

/* Whether a phase of such a session is part of the offline or of the online work of a training. */
enum stage stage_of_phase(enum stage session, enum phase p);

#endif
