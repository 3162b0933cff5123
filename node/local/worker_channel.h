/* A worker's only way to the world: frames to and from the other parties, progress and the end, all through the daemon
 * over one socket.  A thread carries the bytes, so that frames flow while the protocol computes. */
#ifndef HEFU_WORKER_CHANNEL_H
#define HEFU_WORKER_CHANNEL_H

#include "protocol/channel.h"
#include "protocol/stage.h"

struct worker_channel;

struct worker_peer_name {
    char text[PARTY_NAME_MAX];
};

/* What one phase cost, measured here; for reports, never for the transcript. */
struct phase_cost {
    double seconds, cpu_seconds;
    uint64_t bytes_sent, bytes_received;
};

struct worker_costs {
    struct phase_cost phase[PHASES];
    uint64_t sent[PARTIES_MAX], received[PARTIES_MAX]; /* bytes of frames */
    double seconds, cpu_seconds;
};

/* How long recv waits for a party that can be reached: for its first frame, and for every other. */
struct worker_patience {
    uint32_t first_s, step_s;
};

/* Owns fd.  names: one per party. */
MUST_USE status worker_channel_open(struct worker_channel **out, int fd, const struct worker_peer_name *names,
                                    party parties, uint32_t passes, enum stage stage,
                                    struct worker_patience patience);

/* recv fails with the daemon's words when that party is gone, with STATUS_TIMEOUT when patience is over, with
 * STATUS_CANCELLED when the daemon says so, with STATUS_CLOSED when the daemon is gone; send fails likewise. */
struct channel worker_channel_frames(struct worker_channel *w);
/* Counts the time of each phase and tells the daemon, at most five times a second. */
struct progress worker_channel_progress(struct worker_channel *w);
void worker_channel_costs(struct worker_channel *w, struct worker_costs *out);

/* Wait until every frame has been handed to the daemon, then say that the job is done. */
MUST_USE status worker_channel_done(struct worker_channel *w, const char *json, struct fault *f);
/* Say why it stopped; frames that still wait are dropped.  blamed == parties: nobody. */
void worker_channel_failed(struct worker_channel *w, const struct fault *why, party blamed);

void worker_channel_close(struct worker_channel *w);

#endif
