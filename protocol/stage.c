#include "protocol/stage.h"

const char *stage_name(enum stage s)
{
    switch (s) {
    case STAGE_WHOLE: return "whole";
    case STAGE_OFFLINE: return "offline";
    case STAGE_ONLINE: return "online";
    }
    return "unknown";
}

enum stage stage_of_phase(enum stage session, enum phase p)
{
    if (session != STAGE_WHOLE)
        return session;
    switch (p) {
    case PHASE_HANDSHAKE:
    case PHASE_ALIGN:
    case PHASE_PREPARE:
        return STAGE_OFFLINE;
    case PHASE_TRAIN:
    case PHASE_REVEAL:
    case PHASE_EVALUATE:
    case PHASE_FINISH:
    case PHASES:
        break;
    }
    return STAGE_ONLINE;
}
