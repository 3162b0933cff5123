/* Logs that no protocol run wrote: made step by step from the schedule, signed with keys that the test knows, so that
 * a test can also write what a cheating party would write. */
#ifndef HEFU_KIT_SYNTHETIC_H
#define HEFU_KIT_SYNTHETIC_H

#include "crypto/wire.h"
#include "protocol/bundle.h"
#include "protocol/schedule.h"
#include "protocol/session.h"

struct synthetic {
    struct contract contract;
    struct hash id, session;
    struct population population;
    struct approval approval[PARTIES_MAX];
    struct sign_secret identity[PARTIES_MAX], sign[PARTIES_MAX];
    struct wire_writer contract_bytes, log[PARTIES_MAX];
    uint8_t approval_bytes[PARTIES_MAX][APPROVAL_BYTES];
    struct bundle bundle[PARTIES_MAX]; /* views of the above */
};

/* A small contract of that many parties, a pass count and 40 to 47 rows each; seed makes it and its keys. */
void synthetic_contract(struct contract *c, uint16_t parties, uint64_t seed);
/* Its sigmoid is linear; this makes it the exact one. */
void synthetic_table_sigmoid(struct contract *c);

/* Play the session of all parties.  stop < SIZE_MAX: every party writes an abort after that many entries (sooner when
 * what it waits for never comes).  STATUS_UNEXPECTED when the parties' schedules do not fit together.
 * The caller clears s, also on failure. */
MUST_USE status synthetic_make(struct synthetic *s, uint16_t parties, uint64_t seed, size_t stop);
/* The same for a contract and a population of the caller's.  identity: the secret keys of the parties in the contract;
 * NULL: those of synthetic_contract with the same seed. */
MUST_USE status synthetic_play(struct synthetic *s, const struct contract *c, struct population population,
                               uint64_t seed, size_t stop, const struct sign_secret *identity);
/* The same, of parties in whose approvals these hashes stand. */
MUST_USE status synthetic_play_for(struct synthetic *s, const struct contract *c, struct population population, uint64_t seed,
                                   size_t stop, const struct sign_secret *identity, const struct hash *approvers);
void synthetic_clear(struct synthetic *s);

/* Entry number at of party p's log: where it begins and how long it is. */
size_t synthetic_entry(const struct synthetic *s, party p, uint64_t at, size_t *len);
uint64_t synthetic_entries(const struct synthetic *s, party p);

/* What a cheating party can do to its own log: chain and sign the records again from entry number at on. */
void synthetic_resign(struct wire_writer *log, uint64_t at, uint16_t parties, const struct sign_secret *key);

#endif
