/* The disclosure statement of a party: what left its building, what came in, what the outputs tell, and what all of it
 * rests on, in English and in Chinese.  Sentences come from the message table and from the contract's outputs, counts from
 * the party's log or, without it, from the schedule that the contract implies.  [SPEC 5.4, 6, 7.5] */
#ifndef HEFU_DISCLOSURE_H
#define HEFU_DISCLOSURE_H

#include "protocol/contract.h"
#include "protocol/record.h"
#include "protocol/schedule.h"

enum language { LANGUAGE_EN, LANGUAGE_ZH, LANGUAGES };

const char *language_tag(enum language l); /* "en", "zh" */

/* ---- sentences ---- */

/* What keeps the data of the sender from the receiver of a message. */
enum shield {
    SHIELD_NONE = 1,    /* an output or a fact that the contract agrees to */
    SHIELD_CONTROL,     /* nothing needs to: keys, random numbers, hashes, signatures, sizes of logs */
    SHIELD_CIPHER,      /* encryption or commitment: hidden from whoever cannot solve a hard problem */
    SHIELD_MASK,        /* a one-time mask: every value is uniform for its receiver */
    SHIELD_STATISTICAL, /* a wide mask: hidden up to a small chance */
    SHIELDS,
};

/* All NULL or 0 for a kind that has no sentence. */
struct disclosure_sentence {
    const char *what;   /* who says what to whom */
    const char *learns; /* what its receiver learns from it */
    enum shield shield;
};
struct disclosure_sentence disclosure_sentence(uint32_t kind, enum language l);
const char *disclosure_shield(enum shield s, enum language l); /* a few words */

const char *disclosure_phase(enum phase p, enum language l); /* for people: "secret-shared training" */

/* contract_disclosures in that language: the same outputs, in the same order. */
size_t disclosure_outputs(struct disclosure out[DISCLOSURES_MAX], const struct contract *c, enum language l);

/* Sentence i of what a statement rests on, and of what no transcript can show; 0 past the last. */
enum { DISCLOSURE_SENTENCE_MAX = 640 };
int disclosure_ground(char out[DISCLOSURE_SENTENCE_MAX], const struct contract *c, size_t i, enum language l);
int disclosure_limit(char out[DISCLOSURE_SENTENCE_MAX], size_t i, enum language l);

/* ---- traffic ---- */

enum {
#define MSG(name, id, phase, shape, when, learns) +1
    DISCLOSURE_KINDS = 0 MESSAGES(MSG),
#undef MSG
};

/* All messages of one kind in one direction. */
struct disclosure_flow {
    uint64_t messages, bytes;
    uint64_t first, last; /* record numbers in the party's log */
    uint32_t peers;       /* bit p: to or from party p */
};

/* In the order of the message table. */
struct disclosure_traffic {
    struct disclosure_flow sent[DISCLOSURE_KINDS], received[DISCLOSURE_KINDS];
};

/* Adds a SEND or RECV; other records are left alone. */
void disclosure_count(struct disclosure_traffic *t, const struct record *r);
/* What the contract implies for self, up to where the schedule is known or a million records.  complete: to the end of the
 * session.  STATUS_LIMIT as schedule_make. */
MUST_USE status disclosure_implied(struct disclosure_traffic *t, int *complete, const struct contract *c, enum stage stage,
                                   party self, enum schedule_known known, const struct population *population,
                                   struct fault *f);

#endif
