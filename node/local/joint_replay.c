#include "node/local/joint_replay.h"

#include "crypto/pair.h"

#include <pthread.h>
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
};

/* The wires of one session. */
struct wires {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct queue queue[PARTIES_MAX][PARTIES_MAX]; /* [from][to] */
    int ended[PARTIES_MAX];
};

/* One party's end of them. */
struct end {
    struct wires *wires;
    party self;
};

struct player {
    struct end end, offline_end;
    struct channel channel, offline_channel;
    struct replay_input in, offline;
    struct replay_verdict *out;
    pthread_t thread;
    status result;
    struct fault fault;
};

struct joint {
    struct wires wires, offline_wires;
    struct player player[PARTIES_MAX];
};

/* ---- wires ---- */

static status end_send(void *ctx, party to, const uint8_t *bytes, size_t len, struct fault *f)
{
    struct end *e = ctx;
    struct queue *q = &e->wires->queue[e->self][to];
    struct frame *frame = malloc(sizeof *frame + len);

    if (!frame)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    frame->next = NULL;
    frame->len = len;
    memcpy(frame->bytes, bytes, len);
    pthread_mutex_lock(&e->wires->lock);
    if (q->tail)
        q->tail->next = frame;
    else
        q->head = frame;
    q->tail = frame;
    pthread_cond_broadcast(&e->wires->moved);
    pthread_mutex_unlock(&e->wires->lock);
    return OK;
}

static status end_recv(void *ctx, party from, uint8_t *bytes, size_t *len, struct fault *f)
{
    struct end *e = ctx;
    struct queue *q = &e->wires->queue[from][e->self];
    struct frame *frame;

    (void)f;
    pthread_mutex_lock(&e->wires->lock);
    while (!q->head && !e->wires->ended[from])
        pthread_cond_wait(&e->wires->moved, &e->wires->lock);
    frame = q->head;
    if (frame) {
        q->head = frame->next;
        if (!q->head)
            q->tail = NULL;
    }
    pthread_mutex_unlock(&e->wires->lock);
    if (!frame)
        return STATUS_CLOSED;
    memcpy(bytes, frame->bytes, frame->len);
    *len = frame->len;
    free(frame);
    return OK;
}

static void end_close(struct end *e)
{
    pthread_mutex_lock(&e->wires->lock);
    e->wires->ended[e->self] = 1;
    pthread_cond_broadcast(&e->wires->moved);
    pthread_mutex_unlock(&e->wires->lock);
}

static void wires_init(struct wires *w)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->moved, NULL);
}

static void wires_clear(struct wires *w)
{
    for (party a = 0; a < PARTIES_MAX; a++)
        for (party b = 0; b < PARTIES_MAX; b++)
            for (struct frame *f = w->queue[a][b].head, *next; f; f = next) {
                next = f->next;
                free(f);
            }
    pthread_cond_destroy(&w->moved);
    pthread_mutex_destroy(&w->lock);
}

/* ---- players ---- */

static void player_init(struct joint *j, party p, const struct replay_input *in, struct replay_verdict *out)
{
    struct player *me = &j->player[p];

    me->end = (struct end){&j->wires, p};
    me->offline_end = (struct end){&j->offline_wires, p};
    me->channel = (struct channel){.ctx = &me->end, .send = end_send, .recv = end_recv};
    me->offline_channel = (struct channel){.ctx = &me->offline_end, .send = end_send, .recv = end_recv};
    me->out = out;
    me->in = *in;
    me->in.peers = &me->channel;
    if (in->offline) {
        me->offline = *in->offline;
        me->offline.peers = &me->offline_channel;
        me->in.offline = &me->offline;
    }
}

static void *play(void *ctx)
{
    struct player *me = ctx;

    me->result = replay_run(me->out, &me->in, &me->fault);
    end_close(&me->offline_end);
    end_close(&me->end);
    return NULL;
}

/* Nobody's log differs from what is sent again, but some hold more from a peer than that peer's log has sent. */
static void settle_waits(struct replay_verdict *out, const struct contract *c)
{
    for (party p = 0; p < c->parties; p++)
        if (!out[p].same)
            return;
    for (party p = 0; p < c->parties; p++) {
        struct replay_verdict *v = &out[p];

        if (!v->waits)
            continue;
        v->same = 0;
        snprintf(v->field, sizeof v->field, "frame");
        snprintf(v->words, sizeof v->words, "here a message from %s was received that is not in %s's own log, which ends before",
                 c->party[v->who].name, c->party[v->who].name);
    }
}

static void joint_free(struct joint **j)
{
    if (!*j)
        return;
    wires_clear(&(*j)->wires);
    wires_clear(&(*j)->offline_wires);
    free(*j);
}

status joint_replay_run(struct replay_verdict out[PARTIES_MAX], struct replay_input in[PARTIES_MAX], struct fault *f)
{
    const struct contract *c = in[0].contract;
    struct joint *j AUTO(joint_free) = NULL;
    party started = 0;

    (void)pair_tier_name(); /* chosen before there are threads */
    TRY(alloc_zeroed(&j, 1, sizeof *j));
    wires_init(&j->wires);
    wires_init(&j->offline_wires);
    for (party p = 0; p < c->parties; p++)
        player_init(j, p, &in[p], &out[p]);
    while (started < c->parties && pthread_create(&j->player[started].thread, NULL, play, &j->player[started]) == 0)
        started++;
    for (party p = started; p < c->parties; p++) { /* nobody waits for those who do not play */
        end_close(&j->player[p].offline_end);
        end_close(&j->player[p].end);
    }
    for (party p = 0; p < started; p++)
        pthread_join(j->player[p].thread, NULL);
    if (started < c->parties)
        return fault_set(f, STATUS_IO, "a thread cannot be started");
    for (party p = 0; p < c->parties; p++)
        if (j->player[p].result != OK)
            return fault_set(f, j->player[p].result, "%s", j->player[p].fault.message);
    settle_waits(out, c);
    return OK;
}
