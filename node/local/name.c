#include "node/local/name.h"

#include <string.h>

int name_is_valid(const char *text)
{
    return contract_name_ok(text);
}

/* Levenshtein distance; words longer than the table count as far. */
static size_t distance(const char *a, const char *b)
{
    size_t row[33], la = strlen(a), lb = strlen(b);

    if (la > 32 || lb > 32)
        return 99;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[lb];
}

const char *name_nearest(const char *typed, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t best = 4, len = strlen(typed);

    for (size_t i = 0; i < count; i++) {
        size_t d = distance(typed, candidates[i]);

        if (len >= 3 && strncmp(typed, candidates[i], len) == 0)
            d = 1; /* the beginning of a longer name */
        if (d < best && d < strlen(candidates[i])) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}
