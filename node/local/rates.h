/* How fast one machine does what a training is made of: measured by hefu plan --calibrate, kept as a small file beside
 * coordinator.yaml or in a node's state directory.  For forecasts only; nothing that is said depends on it. */
#ifndef HEFU_RATES_H
#define HEFU_RATES_H

#include "crypto/status.h"

enum { RATES_VERSION = 1, RATES_KEYS = 3, RATES_TEXT = 64 };
#define RATES_FILE "rates.json"

/* Nanoseconds of one thread for one of each. */
/* clang-format off */
#define RATES_OF_KEY(R) \
    R(key)             /* a Paillier key and its proof */ \
    R(key_check)       /* of a peer's key */ \
    R(own_residue)     /* for a table, modulo p^2 or q^2 */ \
    R(own_encrypt)     /* drawn from tables, encrypted, written */ \
    R(foreign_residue) /* for a table */ \
    R(foreign_hide)    /* a reply: drawn from the table, masked, written */ \
    R(import)          /* a ciphertext read and checked */ \
    R(product)         /* of numbers wherever they lie: scatter */ \
    R(chain)           /* of one number after the other: gather */ \
    R(decrypt) \
    R(slot)            /* put into a plaintext, or cut out of one */
#define RATES_OF_ALL(R) \
    R(load)            /* a cell of a CSV file */ \
    R(point_hash)      /* an id hashed and raised */ \
    R(point_scale)     /* a point checked and raised */ \
    R(point_check) \
    R(gram)            /* the preconditioner: row * column * bin */ \
    R(solve)           /* the preconditioner: bin^3 */ \
    R(fit)             /* the label party's own model: row * pair of columns */ \
    R(cell)            /* a pass: row * column */ \
    R(opening)         /* a pass: a ring element written, hashed, read, added */ \
    R(transfer_set_up) /* of oblivious transfers with one peer */ \
    R(transfer)        /* one oblivious transfer, the dearer side */ \
    R(turn_send)       /* the sigmoid's tables: entry of a row, for every bit of its index */ \
    R(turn_receive) \
    R(fetch_send)      /* entry of a row */ \
    R(fetch_receive)   /* row */ \
    R(pair_send)       /* entry of a row */ \
    R(pair_receive)    /* row */ \
    R(record_send)     /* signed, chained, on disk */ \
    R(record_receive)  /* checked, signed, chained */ \
    R(byte_send)       /* tagged and carried to the daemon */ \
    R(byte_receive)    /* carried, checked, absorbed, kept */ \
    R(byte_line)       /* the daemon's: carried, encrypted or decrypted */ \
    R(sync)            /* waiting for the disk, not computing */
/* clang-format on */

struct rates_of_key {
    uint32_t bits;
    int measured; /* 0: typical */
#define R(name) double name;
    RATES_OF_KEY(R)
#undef R
};

struct rates {
    char tier[16];              /* of pair arithmetic (pair.h) */
    char processor[RATES_TEXT]; /* its name */
    char date[16];              /* 2026-01-31; "": never measured, typical figures */
    uint32_t threads;           /* processors there were */
    struct rates_of_key key[RATES_KEYS];
#define R(name) double name;
    RATES_OF_ALL(R)
#undef R
};

/* What a server processor with AVX-512 IFMA does: for who has not measured. */
void rates_typical(struct rates *out);

/* Lanes of the tier; 1 for a name that is none. */
uint32_t rates_lanes(const struct rates *r);
/* Of 2048, 3072 or 4096 bits. */
const struct rates_of_key *rates_key(const struct rates *r, uint32_t bits);

/* Canonical JSON: equal rates, equal bytes; numbers have six digits.  *text is the caller's. */
MUST_USE status rates_encode(char **text, const struct rates *r, struct fault *f);
/* STATUS_CONFIG, with the file and what is wrong, for another version, an unknown tier, a rate that is missing, unknown or
 * not a positive number. */
MUST_USE status rates_decode(struct rates *out, const char *file, const void *text, size_t len, struct fault *f);

MUST_USE status rates_load(struct rates *out, const char *path, struct fault *f);
MUST_USE status rates_save(const char *path, const struct rates *r, struct fault *f);

/* "measured 2026-01-31 on AMD EPYC, ifma, 2 processors", or that they are typical ones. */
void rates_describe(char *out, size_t cap, const struct rates *r, uint32_t key_bits);

#endif
