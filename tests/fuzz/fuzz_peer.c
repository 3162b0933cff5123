/* A whole session with a hostile peer that has its own keys: one of its bodies is another, well signed.
 *
 * Honest runs are recorded once, as each party hears them.  Input: who plays (bit 0) and how the body changes (bit 1:
 * the rest is written over it at an offset, else it replaces it), number of the message, offset (2 bytes), bytes.  The
 * claim: an end in good order, or a fault in words that blames the peer. */
#include "fuzz/stage.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { FRAMES_MAX = 256, HEADER = 4, FLAG_OTHER = 1, FLAG_OVER = 2 };

static struct recording {
    struct { uint8_t *bytes; size_t len; } frame[FRAMES_MAX]; /* to the party, in order */
    size_t count;
    struct sign_secret sign;  /* of the one who sends them */
    struct rng_key pair;
} heard[STAGE_PARTIES];

static enum sim_fate keep_frame(void *ctx, party from, party to, uint64_t number, uint8_t *frame, size_t *len)
{
    struct recording *r = &heard[to];

    (void)ctx, (void)from;
    assert(number == r->count && r->count < FRAMES_MAX);
    r->frame[r->count].bytes = malloc(*len);
    assert(r->frame[r->count].bytes);
    memcpy(r->frame[r->count].bytes, frame, *len);
    r->frame[r->count++].len = *len;
    return SIM_DELIVER;
}

static void record_honest_runs(void)
{
    status code;

    stage_open();
    stage.disturb = keep_frame;
    code = sim_run(&stage, NULL);
    assert(code == OK);
    stage_close();
    stage_open(); /* the same again, for the changed runs */
    stage_begin();
    for (party p = 0; p < STAGE_PARTIES; p++) {
        const party peer = STAGE_PARTIES - 1 - p;

        heard[p].sign = stage.party[peer].ss.sign;
        heard[p].pair = stage.party[peer].ss.peer[p].pair;
    }
}

/* One party, the frames it hears, and which of them is replaced by what. */
struct play {
    const struct recording *heard;
    size_t next, changed;
    const uint8_t *body;
    size_t body_len, offset;
    int over;
};

static size_t changed_body(uint8_t *body, size_t len, const struct play *p)
{
    if (!p->over) {
        memcpy(body, p->body, p->body_len);
        return p->body_len;
    }
    for (size_t i = 0; i < p->body_len && len; i++)
        body[(p->offset + i) % len] = p->body[i];
    return len;
}

static status hear(void *ctx, party from, uint8_t *frame, size_t *len, struct fault *f)
{
    struct play *p = ctx;
    const size_t number = p->next++;
    struct record r;
    size_t body_len;
    status code;

    (void)f;
    if (number >= p->heard->count)
        return STATUS_CLOSED;
    *len = p->heard->frame[number].len;
    memcpy(frame, p->heard->frame[number].bytes, *len);
    if (number != p->changed)
        return OK;
    code = record_decode(&r, frame);
    assert(code == OK && r.self == from);
    body_len = changed_body(frame + SIGNED_BYTES, *len - SIGNED_BYTES, p);
    r.body_len = body_len;
    body_tag(&r.body_tag, &p->heard->pair, from, r.pair_seq, frame + SIGNED_BYTES, body_len);
    record_encode(frame, &r);
    stage_sign(frame, &p->heard->sign);
    *len = SIGNED_BYTES + body_len;
    return OK;
}

static status say(void *ctx, party to, const uint8_t *frame, size_t len, struct fault *f)
{
    (void)ctx, (void)to, (void)frame, (void)len, (void)f;
    return OK;
}

static status drop_entry(void *ctx, const uint8_t *entry, size_t len, struct fault *f)
{
    (void)ctx, (void)entry, (void)len, (void)f;
    return OK;
}

static status drop_body(void *ctx, uint64_t seq, const uint8_t *body, size_t len, struct fault *f)
{
    (void)ctx, (void)seq, (void)body, (void)len, (void)f;
    return OK;
}

static status drop_nothing(void *ctx, struct fault *f)
{
    (void)ctx, (void)f;
    return OK;
}

static void check_end(const struct session *ss, status code, const struct party_result *r)
{
    const struct population *pop = &r->population;

    if (code != OK) {
        assert(ss->fault.code == code && ss->fault.message[0]);
        if (status_exit_code(code) == 3)
            assert(ss->blamed == STAGE_PARTIES - 1 - ss->self);
        else
            assert(code == STATUS_LIMIT || code == STATUS_CLOSED);
        return;
    }
    assert(ss->fault.code == OK && ss->blamed == STAGE_PARTIES);
    assert(pop->rows <= STAGE_ROWS && pop->train + pop->test <= pop->rows);
    for (uint32_t i = 0; i < pop->rows; i++)
        assert(r->position[i] < STAGE_ROWS && r->role[i] <= 2);
    for (uint32_t j = 0; j < contract_width(ss->contract, ss->self); j++)
        assert(isfinite(r->weight[j]));
    assert(isfinite(r->auc) && isfinite(r->ks) && isfinite(r->logloss));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct party_result result = {0};
    struct session ss;
    struct play play;
    party self;
    status code;

    if (!heard[0].count)
        record_honest_runs();
    if (len < HEADER || len - HEADER > MESSAGE_BODY_MAX)
        return 0;
    self = bytes[0] & FLAG_OTHER;
    play = (struct play){.heard = &heard[self], .changed = bytes[1] % heard[self].count, .body = bytes + HEADER,
                         .body_len = len - HEADER, .offset = load_u16(bytes + 2), .over = bytes[0] & FLAG_OVER};
    ss = stage.party[self].ss;
    ss.channel = (struct channel){.ctx = &play, .send = say, .recv = hear};
    ss.journal = (struct journal){.append = drop_entry, .body = drop_body, .sync = drop_nothing};
    ss.frame = malloc(FRAME_MAX);
    assert(ss.frame);
    code = party_run(&result, &ss, &stage_data[self]);
    check_end(&ss, code, &result);
    party_result_clear(&result);
    session_clear(&ss);
    return 0;
}
