#include "training/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int32_t text_next(const char **at, const char *end)
{
    const unsigned char *p = (const unsigned char *)*at;
    size_t left = (size_t)(end - *at), more;
    int32_t point, least;

    if (p[0] < 0x80) {
        (*at)++;
        return p[0];
    }
    if (p[0] >= 0xc2 && p[0] < 0xe0) {
        more = 1, least = 0x80, point = p[0] & 0x1f;
    } else if (p[0] >= 0xe0 && p[0] < 0xf0) {
        more = 2, least = 0x800, point = p[0] & 0x0f;
    } else if (p[0] >= 0xf0 && p[0] < 0xf5) {
        more = 3, least = 0x10000, point = p[0] & 0x07;
    } else {
        return -1;
    }
    if (more >= left)
        return -1;
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return -1;
        point = point << 6 | (p[i] & 0x3f);
    }
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return -1;
    *at += more + 1;
    return point;
}

bool text_blank(int32_t point)
{
    return point <= 0x20 || (point >= 0x7f && point <= 0xa0) || point == 0x1680 ||
           (point >= 0x2000 && point <= 0x200d) || point == 0x2028 || point == 0x2029 || point == 0x202f ||
           point == 0x205f || point == 0x2060 || point == 0x3000 || point == 0xfeff;
}

/* Most cells are plain printable ASCII without blanks, and clean already. */
static bool plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] == 0x7f) /* char is signed here: bytes above 0x7f are negative */
            return false;
    return true;
}

_Static_assert((char)-1 < 0, "plain() reads bytes above 0x7f as negative");

bool text_clean(char *out, size_t *out_len, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    char *to = out;
    bool gap = false;

    if (plain(text, len)) {
        memcpy(out, text, len);
        out[len] = '\0';
        *out_len = len;
        return true;
    }
    while (at < end) {
        const char *from = at;
        int32_t point = text_next(&at, end);

        if (point < 0)
            return false;
        if (text_blank(point)) {
            gap = to > out;
            continue;
        }
        if (gap)
            *to++ = ' ';
        gap = false;
        memcpy(to, from, (size_t)(at - from));
        to += at - from;
    }
    *to = '\0';
    *out_len = (size_t)(to - out);
    return true;
}

bool text_missing(const char *clean)
{
    static const char *const words[] = {"na", "n/a", "null", "nan", "\\n"};

    if (!clean[0])
        return true;
    if (clean[0] != '\\' && (clean[0] | 0x20) != 'n')
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(clean, words[i]) == 0)
            return true;
    return false;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The exponent after e or E, capped where every double is 0 or infinite anyway. */
static bool exponent(int *out, const char **at)
{
    const char *p = *at;
    bool negative = *p == '-';
    int value = 0;

    p += *p == '-' || *p == '+';
    if (!digit(*p))
        return false;
    for (; digit(*p); p++)
        value = value < 100000 ? value * 10 + (*p - '0') : value;
    *out = negative ? -value : value;
    *at = p;
    return true;
}

bool text_number(double *out, const char *clean)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = clean;
    uint64_t digits = 0;
    int scale = 0, power = 0;
    bool any = false, point = false, exact = true;
    double x;

    p += *p == '-' || *p == '+';
    for (; digit(*p) || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        any = true;
        if (digits < UINT64_C(100000000000000000)) {
            digits = digits * 10 + (uint64_t)(*p - '0');
            scale -= point;
        } else {
            exact = false;
        }
    }
    if (!any)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (!exponent(&power, &p))
            return false;
    }
    if (*p)
        return false;
    scale += power;
    /* Two exact doubles and one rounding give the nearest double; the long way only for what does not fit. */
    if (exact && digits <= UINT64_C(1) << 53 && scale >= -22 && scale <= 22) {
        x = scale < 0 ? (double)digits / tens[-scale] : (double)digits * tens[scale];
        x = clean[0] == '-' ? -x : x;
    } else {
        x = strtod(clean, NULL);
    }
    if (!isfinite(x))
        return false;
    *out = x + 0.0; /* -0 + 0 is 0 */
    return true;
}

void text_shape(char out[TEXT_SHAPE_MAX], const char *clean)
{
    const char *at = clean, *end = clean + strlen(clean);
    size_t n = 0;

    while (at < end) {
        int32_t point = text_next(&at, end);
        char c = 'x';

        if (point < 0)
            break;
        if (n == TEXT_SHAPE_MAX - 4) {
            memcpy(out + n, "...", 3);
            n += 3;
            break;
        }
        if (point >= '0' && point <= '9')
            c = '9';
        else if ((point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z'))
            c = 'a';
        else if (point < 0x7f)
            c = (char)point;
        out[n++] = c;
    }
    out[n] = '\0';
}

/* Letters that count for text_distance, at most cap of them. */
static size_t letters(unsigned char *out, size_t cap, const char *name)
{
    size_t n = 0;

    for (; *name && n < cap; name++) {
        unsigned char c = (unsigned char)*name;

        if (c == '_' || c == '-' || c == ' ')
            continue;
        out[n++] = c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
    }
    return n;
}

size_t text_distance(const char *a, const char *b)
{
    enum { CAP = 64 };
    unsigned char x[CAP], y[CAP];
    size_t row[CAP + 1], xs = letters(x, CAP, a), ys = letters(y, CAP, b);

    for (size_t j = 0; j <= ys; j++)
        row[j] = j;
    for (size_t i = 1; i <= xs; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= ys; j++) {
            size_t best = diagonal + (x[i - 1] != y[j - 1]);

            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[ys];
}
