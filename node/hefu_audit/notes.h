/* What all parties signed, as C2SP signed notes for other tools.  [SPEC 7.4] */
#ifndef HEFU_AUDIT_NOTES_H
#define HEFU_AUDIT_NOTES_H

#include "node/hefu_audit/story.h"

/* The note of every party at every joint point of the file, unchecked, and the keys that verify them.  Into dir, which is made
 * when it is not there: POINT-PARTY.note and PARTY.key; dir NULL: to stdout. */
MUST_USE status notes_write(const struct story *s, const char *dir, struct fault *f);

#endif
