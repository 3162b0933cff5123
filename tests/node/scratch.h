/* A directory of its own for each test, gone afterwards. */
#ifndef HEFU_TEST_SCRATCH_H
#define HEFU_TEST_SCRATCH_H

#include "node/local/files.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch[64];
static char scratch_file[FILES_PATH_BYTES];

static int scratch_make(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/hefu-test-XXXXXX");
    return mkdtemp(scratch) ? 0 : -1;
}

static int scratch_remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A path in it; good until the next call. */
static inline const char *in_scratch(const char *name)
{
    snprintf(scratch_file, sizeof scratch_file, "%s/%s", scratch, name);
    return scratch_file;
}

#endif
