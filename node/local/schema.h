/* Strict reading of YAML files that people write, driven by a table of the keys a file may have.
 *
 * One pass over libyaml's events.  Unknown, missing and repeated keys, wrong types, values out of range, aliases,
 * anchors, tags and second documents are errors that name file, line, column, key and what would be accepted. */
#ifndef HEFU_SCHEMA_H
#define HEFU_SCHEMA_H

#include "crypto/hash.h"

enum schema_kind {
    SCHEMA_TEXT,    /* char[size]                                                    */
    SCHEMA_COUNT,   /* uint32_t, min..max                                            */
    SCHEMA_DECIMAL, /* uint32_t in millionths, min..max in millionths                */
    SCHEMA_CHOICE,  /* uint32_t, one of choices                                      */
    SCHEMA_FLAGS,   /* uint32_t, a list of choices, combined by or                   */
    SCHEMA_HASH,    /* struct hash, 64 hexadecimal digits, colons allowed            */
    SCHEMA_MAP,     /* a structure described by fields                               */
    SCHEMA_LIST,    /* min..max items of size bytes, described by fields, or texts   */
};

struct schema_choice {
    const char *word;
    uint32_t value;
};

/* A table ends with an entry without a key.  What is not in the file keeps the value it had before: the default. */
struct schema_field {
    const char *key;
    enum schema_kind kind;
    int required;
    size_t offset;                      /* of the value in the structure */
    size_t size;                        /* TEXT: its array; LIST: one item */
    uint64_t min, max;
    size_t count_offset;                /* LIST: of the uint32_t number of items */
    int (*check)(const char *text);     /* TEXT: whether the text is acceptable */
    const char *expects;                /* TEXT, HASH: what is acceptable, in words */
    const struct schema_choice *choices; /* ends with an entry without a word */
    const struct schema_field *fields;
};

#define SCHEMA_AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define SCHEMA_LIST_AT(type, member, count)                                                     \
    .kind = SCHEMA_LIST, .offset = offsetof(type, member), .size = sizeof(((type *)0)->member[0]), \
    .max = sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]), .count_offset = offsetof(type, count)

/* Where each value stood, for checks that look at several values together. */
enum { SCHEMA_MARKS = 512, SCHEMA_PATH_BYTES = 72 };
struct schema_marks {
    const char *file;
    uint32_t count;
    struct schema_mark {
        char path[SCHEMA_PATH_BYTES]; /* such as "peers[2].name"; items count from 1 */
        uint32_t line, column;
    } mark[SCHEMA_MARKS];
};

/* Fills the structure at out from the text.  file names it in messages.  marks may be NULL. */
MUST_USE status schema_read(void *out, const struct schema_field *fields, const char *file, const void *text,
                            size_t len, struct schema_marks *marks, struct fault *f);

/* A STATUS_CONFIG fault at the place where path stood: "node.yaml:14:5: peers[2].name: ...". */
status schema_fault(const struct schema_marks *marks, const char *path, struct fault *f, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
int schema_present(const struct schema_marks *marks, const char *path);

/* "AB:CD:..." or "abcd..." to bytes; 0 when it is not exactly 32 bytes in hexadecimal. */
int schema_hash_from_text(struct hash *out, const char *text);

#endif
