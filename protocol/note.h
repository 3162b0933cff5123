/* What a party signs about all logs of a session after a pass and at the end: a C2SP checkpoint of its own log
 * (c2sp.org/tlog-checkpoint) in a signed note (c2sp.org/signed-note), so that tools for transparency logs can check it.
 * [SPEC 7.4]
 *
 *     hefu/<session, 64 hex digits>/<party>      the origin, also the name of the key
 *     <size>
 *     <root, base64>
 *     pass <t>                                   or "end"
 *     log <party> <size> <root, base64>          for every party, in the contract's order */
#ifndef HEFU_NOTE_H
#define HEFU_NOTE_H

#include "protocol/contract.h"

enum {
    LOG_ROOT_BYTES = 8 + HASH_BYTES, /* size, root */
    NOTE_END = 0xffff,               /* in place of a pass */
    NOTE_TEXT_MAX = 2048,
    NOTE_KEY_MAX = 256,
};

/* The first size entries of a log. */
struct log_root {
    uint64_t size;
    struct hash root;
};

void log_root_write(uint8_t out[LOG_ROOT_BYTES], const struct log_root *l);
void log_root_read(struct log_root *out, const uint8_t in[LOG_ROOT_BYTES]);

/* One point of a session: the logs of all parties, in their order. */
struct joint_point {
    const struct contract *contract;
    const struct hash *session;
    uint32_t pass; /* or NOTE_END */
    struct log_root log[PARTIES_MAX];
};

/* What the record of that point holds as its tag. */
void joint_hash(struct hash *out, const struct joint_point *j);
/* The text that p signs; returns its length. */
size_t note_text(char out[NOTE_TEXT_MAX], const struct joint_point *j, party p);
void note_sign(struct signature *out, const struct sign_secret *key, const struct joint_point *j, party self);
MUST_USE status note_check(const struct signature *s, const struct sign_public *key, const struct joint_point *j, party p);
/* The whole note, its signature line included; returns its length. */
size_t note_write(char out[NOTE_TEXT_MAX], const struct joint_point *j, party p, const struct sign_public *key,
                  const struct signature *s);
/* The key in the form that verifiers of notes take: name+hash+key. */
void note_key(char out[NOTE_KEY_MAX], const struct joint_point *j, party p, const struct sign_public *key);

#endif
