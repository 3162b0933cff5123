#include "kit/sim.h"

#include "crypto/pair.h"
#include "kit/suite.h"
#include "node/local/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct frame {
    struct frame *next;
    size_t len;
    uint8_t bytes[];
};

struct queue {
    struct frame *head, *tail;
    uint64_t sent;
};

struct sim_net {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct queue queue[PARTIES_MAX][PARTIES_MAX]; /* [from][to] */
    int ended[PARTIES_MAX];
};

/* HEFU_TIER=scalar and the like: the same tests on another tier of the arithmetic. */
__attribute__((constructor)) static void choose_tier(void)
{
    const char *name = getenv("HEFU_TIER");

    if (name && pair_tier_use(name) != OK) {
        fprintf(stderr, "HEFU_TIER: this processor has no %s\n", name);
        exit(77);
    }
}

static void enqueue(struct sim_net *net, party from, party to, const uint8_t *bytes, size_t len)
{
    struct frame *f = malloc(sizeof *f + len);
    struct queue *q = &net->queue[from][to];

    assert(f);
    f->next = NULL;
    f->len = len;
    memcpy(f->bytes, bytes, len);
    if (q->tail)
        q->tail->next = f;
    else
        q->head = f;
    q->tail = f;
}

static status net_send(void *ctx, party to, const uint8_t *bytes, size_t len, struct fault *fault)
{
    struct sim_party *me = ctx;
    struct sim_net *net = me->sim->net;
    enum sim_fate fate = SIM_DELIVER;
    uint8_t *copy = malloc(FRAME_MAX);

    (void)fault;
    assert(copy && len <= FRAME_MAX);
    memcpy(copy, bytes, len);
    pthread_mutex_lock(&net->lock);
    if (me->sim->disturb)
        fate = me->sim->disturb(me->sim->disturb_ctx, me->self, to, net->queue[me->self][to].sent, copy, &len);
    net->queue[me->self][to].sent++;
    for (int i = 0; i < (fate == SIM_TWICE ? 2 : fate == SIM_DROP ? 0 : 1); i++)
        enqueue(net, me->self, to, copy, len);
    pthread_cond_broadcast(&net->moved);
    pthread_mutex_unlock(&net->lock);
    free(copy);
    return OK;
}

static status net_recv(void *ctx, party from, uint8_t *bytes, size_t *len, struct fault *fault)
{
    struct sim_party *me = ctx;
    struct sim_net *net = me->sim->net;
    struct queue *q = &net->queue[from][me->self];
    struct frame *f;

    (void)fault;
    pthread_mutex_lock(&net->lock);
    while (!q->head && !net->ended[from])
        pthread_cond_wait(&net->moved, &net->lock);
    f = q->head;
    if (f) {
        q->head = f->next;
        if (!q->head)
            q->tail = NULL;
    }
    pthread_mutex_unlock(&net->lock);
    if (!f)
        return STATUS_CLOSED;
    memcpy(bytes, f->bytes, f->len);
    *len = f->len;
    free(f);
    return OK;
}

static status journal_append(void *ctx, const uint8_t *entry, size_t len, struct fault *fault)
{
    struct sim_party *me = ctx;

    (void)fault;
    wire_put_bytes(&me->log, entry, len);
    return wire_writer_status(&me->log);
}

static status journal_body(void *ctx, uint64_t seq, const uint8_t *body, size_t len, struct fault *fault)
{
    struct sim_party *me = ctx;

    (void)fault;
    wire_put_u64(&me->bodies, seq);
    wire_put_blob(&me->bodies, body, len);
    return wire_writer_status(&me->bodies);
}

status sim_find_body(void *ctx, uint64_t seq, uint8_t *out, size_t cap, size_t *len, struct fault *f)
{
    const struct wire_writer *bodies = ctx;
    struct wire_reader r;

    wire_reader_init(&r, bodies->bytes, bodies->len);
    while (r.left) {
        uint64_t at = wire_get_u64(&r);
        size_t n;
        const uint8_t *bytes = wire_get_blob(&r, cap, &n);

        if (at != seq)
            continue;
        memcpy(out, bytes, n);
        *len = n;
        return OK;
    }
    return fault_set(f, STATUS_MISMATCH, "the body is not there");
}

static status journal_reread(void *ctx, uint64_t from, uint8_t *out, size_t len, struct fault *fault)
{
    const struct sim_party *me = ctx;

    if (from > me->log.len || len > me->log.len - from)
        return fault_set(fault, STATUS_IO, "the log is shorter");
    memcpy(out, me->log.bytes + from, len);
    return OK;
}

static status journal_sync(void *ctx, struct fault *fault)
{
    (void)ctx;
    (void)fault;
    return OK;
}

void sim_contract(struct sim *sim, party parties, const struct dataset *data, uint32_t key_bits, uint16_t passes)
{
    struct contract *c = &sim->contract;

    memset(sim, 0, sizeof *sim);
    *c = (struct contract){.version = CONTRACT_VERSION, .protocol = PROTOCOL_VERSION, .suite = (uint8_t)kit_suite(), .test_rule = TEST_DRAWN,
                           .job = "simulation", .purpose = "test", .not_before = 1, .not_after = 2, .parties = parties,
                           .key_bits = key_bits, .ridge_micro = 3000, .test_permille = 300, .fraction_bits = 16, .score_bits = 6,
                           .min_rows = 10, .min_positives = 1, .attempts_max = 3, .replay = REPLAY_SEALED};
    contract_training_defaults(c, SIGMOID_LINEAR);
    c->passes = passes;
    for (party p = 0; p < parties; p++) {
        struct contract_party *cp = &c->party[p];

        snprintf(cp->name, sizeof cp->name, "p%u", p);
        cp->has_label = data[p].label != NULL;
        cp->rows = data[p].rows;
        cp->columns = data[p].columns;
        memcpy(cp->bins, data[p].bins, data[p].columns);
        sim->party[p].data = &data[p];
    }
}

void sim_exact_sigmoid(struct sim *sim)
{
    const uint16_t passes = sim->contract.passes;

    contract_training_defaults(&sim->contract, SIGMOID_TABLE);
    sim->contract.passes = passes;
}

void sim_approve(struct sim *sim, uint64_t seed)
{
    struct contract *c = &sim->contract;
    static const char *const seed_of[] = {"seed", "offline seed", "online seed"};
    static const char *const start_of[] = {"start", "offline start", "online start"};
    struct rng_key base = {.suite = c->suite}, sub;

    memcpy(base.bytes, &seed, sizeof seed);
    for (party p = 0; p < c->parties; p++) {
        rng_key_derive(&sub, &base, "identity", &p, sizeof p);
        sign_keypair(&c->party[p].identity, &sim->identity[p], &sub);
        memcpy(c->party[p].certificate.bytes, c->party[p].identity.bytes, HASH_BYTES);
    }
    assert(contract_check(c, 1, NULL) == OK);
    assert(contract_id(&sim->contract_id, c) == OK);
    for (party p = 0; p < c->parties; p++) {
        struct sim_party *me = &sim->party[p];
        uint8_t bytes[APPROVAL_SIGNED_BYTES];

        me->sim = sim;
        me->self = p;
        rng_key_derive(&me->seed, &base, seed_of[sim->stage], &p, sizeof p);
        rng_key_derive(&me->start, &base, start_of[sim->stage], &p, sizeof p);
        sim->approvals[p] = (struct approval){.who = p, .stage = sim->stage, .preparation = sim->preparation};
        session_card_of_seed(&sim->approvals[p].card, c->suite, &me->seed);
        approval_signed_bytes(bytes, &sim->contract_id, &sim->approvals[p]);
        sign_make(&sim->approvals[p].signature, &sim->identity[p], APPROVAL_SIGN_TAG, bytes, sizeof bytes);
    }
}

void sim_play(struct sim_party *me, struct channel channel, sim_body *body)
{
    struct journal journal = {.ctx = me, .append = journal_append, .body = journal_body, .sync = journal_sync, .reread = journal_reread};
    struct pool *pool = NULL;

    if (me->sim->threads)
        assert(pool_new(&pool, me->sim->threads, NULL) == OK);
    me->outcome = session_init(&me->ss, &me->sim->contract, me->self, 0, me->sim->approvals, &me->seed, &me->start, channel,
                               journal, (struct progress){0});
    if (pool)
        me->ss.parallel = pool_parallel(pool);
    if (me->outcome == OK)
        me->outcome = body ? body(me) : party_run(&me->result, &me->ss, me->data);
    if (me->outcome != OK)
        session_log_abort(&me->ss);
    me->ss.parallel = (struct parallel){0};
    pool_free(pool);
}

struct job {
    struct sim_party *me;
    sim_body *body;
};

static void *party_thread(void *arg)
{
    struct job *job = arg;
    struct sim_party *me = job->me;
    struct sim_net *net = me->sim->net;

    sim_play(me, (struct channel){.ctx = me, .send = net_send, .recv = net_recv}, job->body);
    pthread_mutex_lock(&net->lock);
    net->ended[me->self] = 1;
    pthread_cond_broadcast(&net->moved);
    pthread_mutex_unlock(&net->lock);
    return NULL;
}

static void net_free(struct sim_net *net)
{
    for (party a = 0; a < PARTIES_MAX; a++)
        for (party b = 0; b < PARTIES_MAX; b++)
            for (struct frame *f = net->queue[a][b].head, *next; f; f = next) {
                next = f->next;
                free(f);
            }
    pthread_mutex_destroy(&net->lock);
    pthread_cond_destroy(&net->moved);
    free(net);
}

status sim_run(struct sim *sim, sim_body *body)
{
    pthread_t thread[PARTIES_MAX];
    struct job job[PARTIES_MAX];
    const party parties = sim->contract.parties;

    sim->net = calloc(1, sizeof *sim->net);
    assert(sim->net);
    pthread_mutex_init(&sim->net->lock, NULL);
    pthread_cond_init(&sim->net->moved, NULL);
    for (party p = 0; p < parties; p++) {
        job[p] = (struct job){&sim->party[p], body};
        assert(pthread_create(&thread[p], NULL, party_thread, &job[p]) == 0);
    }
    for (party p = 0; p < parties; p++)
        pthread_join(thread[p], NULL);
    net_free(sim->net);
    sim->net = NULL;
    for (party p = 0; p < parties; p++)
        if (sim->party[p].outcome != OK)
            return sim->party[p].outcome;
    return OK;
}

void sim_clear(struct sim *sim)
{
    for (party p = 0; p < sim->contract.parties; p++) {
        struct sim_party *me = &sim->party[p];

        session_clear(&me->ss);
        party_result_clear(&me->result);
        wire_writer_clear(&me->log);
        wire_writer_clear(&me->bodies);
    }
    sodium_memzero(sim, sizeof *sim);
}

static int compare_ids(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

void sim_dataset(struct dataset *d, uint64_t seed, party who, uint32_t rows, uint32_t pool, uint16_t columns,
                 uint8_t bins_max, int has_label)
{
    struct rng_key key = {.bytes = {0}};
    struct rng g;
    uint32_t *people = malloc(pool * sizeof *people);

    assert(people && rows <= pool && bins_max >= 2);
    memcpy(key.bytes, &seed, sizeof seed);
    memset(d, 0, sizeof *d);
    rng_init(&g, &key, &(struct rng_address){.purpose = "table", .peer = who});
    rng_permutation(&g, people, pool);
    d->rows = rows;
    d->columns = columns;
    d->bins = calloc(columns, 1);
    d->codes = calloc((size_t)rows * columns, 1);
    d->ids = calloc(rows, sizeof *d->ids);
    d->label = has_label ? calloc(rows, 1) : NULL;
    assert(d->bins && d->codes && d->ids && (d->label || !has_label));
    for (uint16_t c = 0; c < columns; c++)
        d->bins[c] = (uint8_t)(2 + rng_below(&g, bins_max - 1u));
    for (uint32_t r = 0; r < rows; r++) {
        d->ids[r] = malloc(32);
        assert(d->ids[r]);
        snprintf(d->ids[r], 32, "ID%09u", people[r]);
    }
    qsort(d->ids, rows, sizeof *d->ids, compare_ids);
    for (uint32_t r = 0; r < rows; r++) {
        /* A hidden quality of the person drives every party's codes and the label. */
        struct rng person;
        uint64_t quality;

        rng_init(&person, &key, &(struct rng_address){.purpose = "person", .index = strtoul(d->ids[r] + 2, NULL, 10)});
        quality = rng_below(&person, 1000);
        for (uint16_t c = 0; c < columns; c++) {
            const uint64_t noisy = quality + rng_below(&g, 1000);

            d->codes[(size_t)r * columns + c] = (uint8_t)(noisy * d->bins[c] / 2000);
        }
        if (d->label)
            d->label[r] = rng_below(&person, 1000) * 2 + 300 > quality * 3 ? 0 : 1;
    }
    rng_clear(&g);
    free(people);
}
