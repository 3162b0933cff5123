/* The builds that an auditor accepts: SHA-256 of executables, from a file of lines of 64 hexadecimal digits; # begins a comment. */
#ifndef HEFU_AUDIT_BUILDS_H
#define HEFU_AUDIT_BUILDS_H

#include "crypto/hash.h"

struct builds {
    struct hash *of;
    size_t count;
};

void builds_clear(struct builds *b);
/* STATUS_CONFIG in words with the line. */
MUST_USE status builds_read(struct builds *b, const char *path, struct fault *f);
int builds_have(const struct builds *b, const struct hash *executable);

#endif
