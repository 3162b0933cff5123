#include "kit/synthetic.h"

#include "kit/suite.h"
#include "protocol/log.h"
#include "protocol/messages.h"
#include "protocol/verify.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void drawn(void *out, size_t len, const char *purpose, uint64_t seed, uint32_t party_number)
{
    static const struct rng_key key = {.bytes = {7}};
    struct rng g;

    rng_init(&g, &key, &(struct rng_address){.purpose = purpose, .index = seed, .peer = party_number});
    rng_fill(&g, out, len);
    rng_clear(&g);
}

void synthetic_contract(struct contract *c, uint16_t parties, uint64_t seed)
{
    memset(c, 0, sizeof *c);
    c->version = CONTRACT_VERSION;
    c->protocol = PROTOCOL_VERSION;
    c->suite = (uint8_t)kit_suite();
    c->test_rule = TEST_DRAWN;
    snprintf(c->job, sizeof c->job, "synthetic");
    snprintf(c->purpose, sizeof c->purpose, "test of the evidence");
    c->not_before = 1;
    c->not_after = 2;
    drawn(c->nonce, sizeof c->nonce, "nonce", seed, 0);
    c->parties = parties;
    c->key_bits = 256;
    contract_training_defaults(c, SIGMOID_LINEAR);
    c->passes = 2;
    c->ridge_micro = 3000;
    c->test_permille = 300;
    c->fraction_bits = 12;
    c->score_bits = 5;
    c->min_rows = 20;
    c->min_positives = 2;
    c->attempts_max = 3;
    c->replay = REPLAY_SEALED;
    for (party p = 0; p < parties; p++) {
        struct contract_party *me = &c->party[p];
        struct sign_secret secret;
        struct rng_key key = {.suite = c->suite};

        snprintf(me->name, sizeof me->name, "party-%u", p + 1u);
        drawn(key.bytes, sizeof key.bytes, "identity", seed, p);
        sign_keypair(&me->identity, &secret, &key);
        drawn(me->certificate.bytes, HASH_BYTES, "certificate", seed, p);
        me->has_label = p == 0;
        me->rows = 40u + p;
        me->columns = (uint16_t)(1 + p % 2);
        memset(me->bins, 2 + p % 3, me->columns);
    }
}

void synthetic_table_sigmoid(struct contract *c)
{
    contract_training_defaults(c, SIGMOID_TABLE);
    c->passes = 2;
    c->table_bits = c->parties > 5 ? 6 : 5;
    c->score_range = 4;
}

/* What is on its way from one party to another, oldest first. */
struct wire_pair {
    struct wire_writer frames; /* SIGNED_BYTES each */
    size_t taken;
    uint64_t sent, received;
    struct hash last_head;
};

struct player {
    struct schedule schedule;
    size_t at;
    uint64_t seq;
    struct hash head;
    struct merkle tree;
    struct log_root shown;
    int done;
};

struct play {
    struct synthetic *s;
    uint64_t seed;
    size_t stop;
    struct player player[PARTIES_MAX];
    struct wire_pair pair[PARTIES_MAX][PARTIES_MAX]; /* [from][to] */
};

static void commit(struct play *play, party self, struct record *r, const void *tail, size_t tail_len)
{
    struct player *me = &play->player[self];
    struct wire_writer *log = &play->s->log[self];
    const size_t start = log->len;
    uint8_t bytes[SIGNED_BYTES];
    struct signature sig;

    r->suite = play->s->contract.suite;
    r->session = play->s->session;
    r->self = self;
    r->attempt = play->s->approval[0].attempt;
    r->seq = me->seq++;
    r->prev_head = me->head;
    record_encode(bytes, r);
    sign_make(&sig, &play->s->sign[self], RECORD_SIGN_TAG, bytes, RECORD_BYTES);
    memcpy(bytes + RECORD_BYTES, sig.bytes, SIGNATURE_BYTES);
    wire_put_bytes(log, bytes, record_is_signed(r->type) ? SIGNED_BYTES : RECORD_BYTES);
    wire_put_bytes(log, tail, tail_len);
    entry_head(&me->head, r->suite, log->bytes + start, log->len - start);
    merkle_append(&me->tree, &me->head);
    if (r->type == RECORD_SEND)
        wire_put_bytes(&play->pair[self][r->peer].frames, bytes, sizeof bytes);
}

/* A checkpoint, or the end. */
static void write_joint(struct play *play, party self, struct record *r)
{
    const struct synthetic *s = play->s;
    struct joint_point joint = {.contract = &s->contract, .session = &s->session,
                          .pass = r->type == RECORD_END ? (uint32_t)NOTE_END : r->pass};
    uint8_t items[PARTIES_MAX][JOINT_ITEM];

    for (party p = 0; p < s->contract.parties; p++)
        joint.log[p] = play->player[p].shown;
    joint_hash(&r->body_tag, &joint);
    for (party p = 0; p < s->contract.parties; p++) {
        struct signature sig;

        note_sign(&sig, &s->sign[p], &joint, p);
        log_root_write(items[p], &joint.log[p]);
        memcpy(items[p] + LOG_ROOT_BYTES, sig.bytes, SIGNATURE_BYTES);
    }
    commit(play, self, r, items[0], (size_t)s->contract.parties * JOINT_ITEM);
}

/* One step of one party; 0 when it has to wait. */
static int play_step(struct play *play, party self)
{
    struct player *me = &play->player[self];
    const struct schedule_step *step = &me->schedule.step[me->at];
    struct record r = {.type = step->type,
                       .peer = step->peer,
                       .kind = step->kind,
                       .phase = step->phase,
                       .pass = step->pass,
                       .index = step->index,
                       .body_len = step->body_len,
                       .a = step->a,
                       .b = step->b};

    if (step->type == RECORD_SEND) {
        struct wire_pair *out = &play->pair[self][step->peer];

        if ((step->kind == MESSAGE_checkpoint || step->kind == MESSAGE_finish) && step[-1].kind != step->kind) {
            me->shown.size = me->tree.size;
            merkle_root(&me->tree, &me->shown.root);
        }
        r.pair_seq = out->sent++;
        r.peer_head = play->pair[step->peer][self].last_head;
        drawn(r.body_tag.bytes, HASH_BYTES, "tag", play->seed + me->seq * 8, self);
        commit(play, self, &r, NULL, 0);
    } else if (step->type == RECORD_RECV) {
        struct wire_pair *in = &play->pair[step->peer][self];
        uint8_t theirs[SIGNED_BYTES];
        struct record sent;
        status ok;

        if (in->taken == in->frames.len)
            return 0;
        memcpy(theirs, in->frames.bytes + in->taken, SIGNED_BYTES);
        in->taken += SIGNED_BYTES;
        ok = record_decode(&sent, theirs);
        assert(ok == OK);
        if (sent.kind != r.kind || sent.pass != r.pass || sent.index != r.index || sent.body_len != r.body_len) {
            fprintf(stderr, "party %u entry %zu: kind %u pass %u index %llu len %llu, sent was %u %u %llu %llu\n", self,
                    me->at, r.kind, r.pass, (unsigned long long)r.index, (unsigned long long)r.body_len, sent.kind,
                    sent.pass, (unsigned long long)sent.index, (unsigned long long)sent.body_len);
            return -1;
        }
        r.pair_seq = in->received++;
        r.body_tag = sent.body_tag;
        entry_head(&r.peer_head, sent.suite, theirs, sizeof theirs);
        in->last_head = r.peer_head;
        commit(play, self, &r, theirs, sizeof theirs);
    } else if (step->type == RECORD_CHECKPOINT || step->type == RECORD_END) {
        write_joint(play, self, &r);
    } else {
        if (step->kind != FACT_POPULATION && step->kind != FACT_TEST_ROWS) /* a hash that all parties have seen alike */
            drawn(r.body_tag.bytes, HASH_BYTES, "fact", play->seed * FACT_KINDS + step->kind, (uint32_t)step->a);
        commit(play, self, &r, NULL, 0);
    }
    me->at++;
    return 1;
}

static status play_all(struct play *play)
{
    const uint16_t parties = play->s->contract.parties;
    party done = 0;

    for (int moved = 1; moved && done < parties;) {
        moved = 0;
        for (party p = 0; p < parties; p++) {
            struct player *me = &play->player[p];
            int went = 0;

            while (!me->done && me->at < me->schedule.count && me->at < play->stop && (went = play_step(play, p)) == 1)
                moved = 1;
            if (went < 0)
                return STATUS_UNEXPECTED;
            if (!me->done && (me->at == me->schedule.count || me->at == play->stop)) {
                me->done = moved = 1;
                done++;
            }
        }
    }
    for (party p = 0; p < parties; p++) {
        struct player *me = &play->player[p];

        if (me->at == me->schedule.count)
            continue;
        if (play->stop == SIZE_MAX)
            return STATUS_UNEXPECTED; /* they wait for each other */
        commit(play, p,
               &(struct record){.type = RECORD_ABORT, .kind = STATUS_TIMEOUT, .peer = (uint16_t)((p + 1) % parties)},
               NULL, 0);
    }
    for (party a = 0; a < parties && play->stop == SIZE_MAX; a++)
        for (party b = 0; b < parties; b++)
            if (play->pair[a][b].taken != play->pair[a][b].frames.len)
                return STATUS_UNEXPECTED; /* something was sent that nobody receives */
    return OK;
}

static status approve(struct synthetic *s, uint64_t seed, const struct sign_secret *identity, const struct hash *approvers)
{
    struct fault f = {0};

    if (contract_check(&s->contract, 1, &f) != OK) {
        fprintf(stderr, "%s\n", f.message);
        return f.code;
    }
    TRY(contract_id(&s->id, &s->contract));
    TRY(contract_encode(&s->contract_bytes, &s->contract));
    for (party p = 0; p < s->contract.parties; p++) {
        struct approval *a = &s->approval[p];
        uint8_t bytes[APPROVAL_SIGNED_BYTES];
        struct rng_key key = {.suite = s->contract.suite};
        struct kx_secret kx;

        if (identity) {
            s->identity[p] = identity[p];
        } else {
            struct sign_public known;

            drawn(key.bytes, sizeof key.bytes, "identity", seed, p);
            sign_keypair(&known, &s->identity[p], &key);
        }
        drawn(key.bytes, sizeof key.bytes, "session", seed, p);
        sign_keypair(&a->card.sign, &s->sign[p], &key);
        kx_keypair(&a->card.kx, &kx, &key);
        a->who = p;
        a->attempt = (uint32_t)(seed % s->contract.attempts_max);
        if (approvers)
            a->approvers = approvers[p];
        approval_signed_bytes(bytes, &s->id, a);
        sign_make(&a->signature, &s->identity[p], APPROVAL_SIGN_TAG, bytes, sizeof bytes);
        approval_encode(s->approval_bytes[p], a);
    }
    verify_session_id(&s->session, s->contract.suite, &s->id, s->approval, s->contract.parties);
    return OK;
}

status synthetic_play(struct synthetic *s, const struct contract *c, struct population population, uint64_t seed,
                      size_t stop, const struct sign_secret *identity)
{
    return synthetic_play_for(s, c, population, seed, stop, identity, NULL);
}

status synthetic_play_for(struct synthetic *s, const struct contract *c, struct population population, uint64_t seed,
                          size_t stop, const struct sign_secret *identity, const struct hash *approvers)
{
    struct play *play;
    struct fault f = {0};
    status result;

    memset(s, 0, sizeof *s);
    s->contract = *c;
    s->population = population;
    TRY(approve(s, seed, identity, approvers));
    TRY(alloc_zeroed(&play, 1, sizeof *play));
    play->s = s;
    play->seed = seed;
    play->stop = stop;
    for (party p = 0; p < c->parties; p++)
        play->player[p].tree.suite = c->suite;
    result = OK;
    for (party p = 0; p < c->parties && result == OK; p++)
        result = schedule_make(&play->player[p].schedule, c, STAGE_WHOLE, p, SIZE_MAX, KNOWN_ALL, &population, &f);
    if (result == OK)
        result = play_all(play);
    else
        fprintf(stderr, "%s\n", f.message);
    for (party p = 0; p < c->parties; p++) {
        struct bundle *b = &s->bundle[p];

        schedule_clear(&play->player[p].schedule);
        for (party q = 0; q < c->parties; q++)
            wire_writer_clear(&play->pair[p][q].frames);
        b->self = p;
        b->contract = (struct bundle_part){s->contract_bytes.bytes, s->contract_bytes.len};
        b->approvals = c->parties;
        for (party q = 0; q < c->parties; q++)
            b->approval[q] = (struct bundle_part){s->approval_bytes[q], APPROVAL_BYTES};
        b->log = (struct bundle_part){s->log[p].bytes, s->log[p].len};
    }
    free(play);
    return result;
}

status synthetic_make(struct synthetic *s, uint16_t parties, uint64_t seed, size_t stop)
{
    struct contract c;

    synthetic_contract(&c, parties, seed);
    return synthetic_play(s, &c, (struct population){.rows = 30, .train = 21, .test = 9}, seed, stop, NULL);
}

void synthetic_clear(struct synthetic *s)
{
    wire_writer_clear(&s->contract_bytes);
    for (party p = 0; p < PARTIES_MAX; p++)
        wire_writer_clear(&s->log[p]);
    memset(s, 0, sizeof *s);
}

size_t synthetic_entry(const struct synthetic *s, party p, uint64_t at, size_t *len)
{
    struct log_reader r;
    struct log_entry e = {0};

    log_reader_init(&r, s->log[p].bytes, s->log[p].len, s->contract.parties);
    for (uint64_t i = 0; i <= at; i++) {
        enum log_state state = log_next(&r, &e);

        assert(state == LOG_ENTRY);
    }
    *len = e.len;
    return (size_t)(e.at - s->log[p].bytes);
}

uint64_t synthetic_entries(const struct synthetic *s, party p)
{
    struct log_reader r;
    struct log_entry e;

    log_reader_init(&r, s->log[p].bytes, s->log[p].len, s->contract.parties);
    while (log_next(&r, &e) == LOG_ENTRY)
        ;
    return r.entries;
}

void synthetic_resign(struct wire_writer *log, uint64_t at, uint16_t parties, const struct sign_secret *key)
{
    struct log_reader r;
    struct log_entry e;
    struct hash head = {{0}};

    log_reader_init(&r, log->bytes, log->len, parties);
    for (uint64_t i = 0; log_next(&r, &e) == LOG_ENTRY; i++) {
        uint8_t *bytes = log->bytes + (e.at - log->bytes);
        struct signature sig;

        if (i >= at) {
            e.record.prev_head = head;
            e.record.seq = i;
            record_encode(bytes, &e.record);
            if (record_is_signed(e.record.type)) {
                sign_make(&sig, key, RECORD_SIGN_TAG, bytes, RECORD_BYTES);
                memcpy(bytes + RECORD_BYTES, sig.bytes, SIGNATURE_BYTES);
            }
        }
        entry_head(&head, e.record.suite, bytes, e.len);
    }
}
