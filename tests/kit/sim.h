/* N parties of one session in one process: a thread each, frames through memory, everything from a seed.
 * A party that ends closes its queues, so nobody waits for ever. */
#ifndef HEFU_SIM_H
#define HEFU_SIM_H

#include "training/party.h"
#include "crypto/wire.h"

/* What to do with a frame on its way.  May change the bytes and the length (up to FRAME_MAX). */
enum sim_fate { SIM_DELIVER = 0, SIM_DROP, SIM_TWICE };
typedef enum sim_fate sim_disturb(void *ctx, party from, party to, uint64_t number, uint8_t *frame, size_t *len);

struct sim;

struct sim_party {
    struct sim *sim;
    party self;
    struct rng_key seed, start;
    struct session ss;
    struct party_result result;
    status outcome;
    struct wire_writer log;    /* the entries of its transcript */
    struct wire_writer bodies; /* u64 seq, u32 length, bytes: bodies received */
    const struct dataset *data;
};

struct sim_net;

struct sim {
    struct contract contract;
    struct hash contract_id;
    enum stage stage;         /* what sim_approve approves; STAGE_ONLINE stands on */
    struct hash preparation;
    struct approval approvals[PARTIES_MAX];
    struct sign_secret identity[PARTIES_MAX];
    struct sim_party party[PARTIES_MAX];
    uint32_t threads; /* of each party; 0: loops run in line */
    sim_disturb *disturb;
    void *disturb_ctx;
    struct sim_net *net;
};

/* A contract with test-sized defaults for these tables (suite as kit/suite.h says, names p0, p1, ...): key_bits, passes, 30 % test rows,
 * min_rows 10, min_positives 1.  Change sim->contract afterwards if need be, before sim_approve. */
void sim_contract(struct sim *sim, party parties, const struct dataset *data, uint32_t key_bits, uint16_t passes);
/* The contract has the linear sigmoid; this makes it the exact one, as job files have it by default. */
void sim_exact_sigmoid(struct sim *sim);
/* Identities, seeds and approvals, all from seed: the same identities for every stage, other seeds for each.  Call after the
 * last change of the contract. */
void sim_approve(struct sim *sim, uint64_t seed);
typedef status sim_body(struct sim_party *me);
/* One party's part over a channel of the caller's: me->outcome says how it ended.  body NULL: party_run. */
void sim_play(struct sim_party *me, struct channel channel, sim_body *body);
/* Every party plays in its own thread.  Returns the first failure in party order, or OK. */
status sim_run(struct sim *sim, sim_body *body);
/* What replay calls to get a body that was received: ctx is the bodies of a party. */
status sim_find_body(void *ctx, uint64_t seq, uint8_t *out, size_t cap, size_t *len, struct fault *f);
void sim_clear(struct sim *sim);

/* A random table: rows people out of a population of pool, columns with bins 2..bins_max, label driven by codes. */
void sim_dataset(struct dataset *d, uint64_t seed, party who, uint32_t rows, uint32_t pool, uint16_t columns,
                 uint8_t bins_max, int has_label);

#endif
