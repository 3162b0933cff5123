#include "crypto/suite.h"

#include <string.h>

const char *suite_name(enum suite s)
{
    switch (s) {
    case SUITE_INT1:
        return "INT1";
    case SUITE_GM1:
        return "GM1";
    }
    return NULL;
}

enum suite suite_from_name(const char *text)
{
    for (enum suite s = SUITE_INT1; s <= SUITE_GM1; s++) {
        if (strcmp(text, suite_name(s)) == 0)
            return s;
    }
    return (enum suite)0;
}
