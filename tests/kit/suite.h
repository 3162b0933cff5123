/* The suite that tests run in: what HEFU_SUITE in the environment says, or INT1.  tests/run.sh runs them in both. */
#ifndef HEFU_TEST_SUITE_H
#define HEFU_TEST_SUITE_H

#include "crypto/suite.h"

#include <stdlib.h>

static inline enum suite kit_suite(void)
{
    const char *asked = getenv("HEFU_SUITE");
    const enum suite s = asked ? suite_from_name(asked) : SUITE_INT1;

    if (!s)
        abort();
    return s;
}

#endif
