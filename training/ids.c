#include "training/ids.h"

#include "training/text.h"

#include <string.h>

bool ids_rule_known(const char *rule)
{
    return strcmp(rule, IDS_RULE_DEFAULT) == 0;
}

enum ids_verdict ids_normalise(char out[DATASET_ID_MAX + 1], const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    size_t n = 0;

    while (at < end) {
        const char *from = at;
        int32_t point = text_next(&at, end);
        size_t bytes = (size_t)(at - from);

        if (point < 0)
            return IDS_NOT_TEXT;
        if (text_blank(point))
            continue;
        if (point >= 0xff01 && point <= 0xff5e) {
            point -= 0xff01 - 0x21;
            bytes = 1;
        }
        if (n + bytes > DATASET_ID_MAX)
            return IDS_TOO_LONG;
        if (point < 0x80)
            out[n] = (char)(point >= 'a' && point <= 'z' ? point - 0x20 : point);
        else
            memcpy(out + n, from, bytes);
        n += bytes;
    }
    out[n] = '\0';
    return text_missing(out) ? IDS_EMPTY : IDS_OK;
}
