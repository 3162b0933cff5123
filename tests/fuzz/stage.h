/* What fuzz_message, fuzz_peer and make_corpus share: one small contract of two parties with 256-bit keys, and the
 * hostile party's pen: it writes and signs any record it likes. */
#ifndef HEFU_FUZZ_STAGE_H
#define HEFU_FUZZ_STAGE_H

#include "kit/sim.h"

#include <assert.h>
#include <string.h>

enum { STAGE_PARTIES = 2, STAGE_ROWS = 40, STAGE_COLUMNS = 1, STAGE_BINS = 3, STAGE_KEY_BITS = 256, STAGE_PASSES = 2 };

static struct sim stage;
static struct dataset stage_data[STAGE_PARTIES];

/* Both parties are ready to begin, every time in the same way. */
static inline void stage_open(void)
{
    for (party p = 0; p < STAGE_PARTIES; p++)
        sim_dataset(&stage_data[p], 5, p, STAGE_ROWS, STAGE_ROWS, STAGE_COLUMNS, STAGE_BINS, p == 0);
    sim_contract(&stage, STAGE_PARTIES, stage_data, STAGE_KEY_BITS, STAGE_PASSES);
    sim_exact_sigmoid(&stage);
    stage.contract.ridge_micro = 100000; /* scores of a few rows stay inside of the table */
    sim_approve(&stage, 5);
}

static inline status stage_say_nothing(struct sim_party *me)
{
    (void)me;
    return OK;
}

/* Leaves in stage.party[p].ss sessions that have said nothing yet. */
static inline void stage_begin(void)
{
    status code = sim_run(&stage, stage_say_nothing);

    assert(code == OK);
}

static inline void stage_close(void)
{
    sim_clear(&stage);
    for (party p = 0; p < STAGE_PARTIES; p++)
        dataset_clear(&stage_data[p]);
}

/* frame: a record, room for its signature, body_len bytes.  Signs whatever the record's bytes are. */
static inline void stage_sign(uint8_t *frame, const struct sign_secret *key)
{
    struct signature sig;

    sign_make(&sig, key, RECORD_SIGN_TAG, frame, RECORD_BYTES);
    memcpy(frame + RECORD_BYTES, sig.bytes, SIGNATURE_BYTES);
}

#endif
