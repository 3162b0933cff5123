/* One party's side of one attempt at a contract: who we are, what was said, and every nondeterministic input.
 * [SPEC 2, 7] */
#ifndef HEFU_SESSION_H
#define HEFU_SESSION_H

#include "crypto/paillier.h"
#include "crypto/parallel.h"
#include "protocol/channel.h"
#include "protocol/messages.h"
#include "protocol/note.h"
#include "protocol/record.h"
#include "protocol/stage.h"

/* What a party shows of itself for one attempt, certified by its identity key at approval. */
struct session_card {
    struct sign_public sign;
    struct kx_public kx;
};

/* An approval: the identity key's signature over (contract id, attempt, stage, preparation, party, approvers, card), tag
 * "hefu/approval/v1". */
struct approval {
    party who;
    uint32_t attempt;
    enum stage stage;
    struct hash preparation; /* STAGE_ONLINE: what it stands on; zero otherwise */
    struct hash approvers;   /* approvers_hash of the people who signed for the party; zero: its operator alone decided */
    struct session_card card;
    struct signature signature;
};

enum { APPROVAL_BYTES = 2 + 4 + 1 + 32 + 32 + SIGN_PUBLIC_BYTES + KX_PUBLIC_BYTES + SIGNATURE_BYTES };
void approval_encode(uint8_t out[APPROVAL_BYTES], const struct approval *a);
MUST_USE status approval_decode(struct approval *out, const uint8_t in[APPROVAL_BYTES]);
/* The bytes that are signed. */
enum { APPROVAL_SIGNED_BYTES = 32 + 4 + 1 + 32 + 2 + 32 + SIGN_PUBLIC_BYTES + KX_PUBLIC_BYTES };
#define APPROVAL_SIGN_TAG "hefu/approval/v1"
void approval_signed_bytes(uint8_t out[APPROVAL_SIGNED_BYTES], const struct hash *contract, const struct approval *a);
/* Its keys are of the contract's suite too. */
MUST_USE status approval_check(const struct approval *a, const struct contract *c, const struct hash *contract);

/* The public card that a seed gives in a contract's suite; the secret halves never leave the session. */
void session_card_of_seed(struct session_card *out, enum suite s, const struct rng_key *seed);

struct session_peer {
    struct session_card card;
    struct rng_key pair;            /* shared with that peer */
    struct paillier_public key;     /* after the handshake */
    uint64_t sent, received;        /* pair_seq counters */
    struct hash last_head;          /* head of the last SEND record received from it */
    struct hasher absorbed;         /* the tag of every body received from it, in program order */
    uint64_t bytes_sent, bytes_received;
};

struct session {
    const struct contract *contract;
    struct hash contract_id, id;
    uint32_t attempt;
    enum stage stage;
    struct hash preparation;        /* of an online session: what it stands on; of an offline one: what it leaves, after
                                       its checkpoint */
    party self, parties;
    struct session_peer peer[PARTIES_MAX];
    struct sign_secret sign;
    struct rng_key seed;            /* own secret of this run: from the approval's seed and the run's start */
    struct rng_key key;             /* after the handshake: KDF(seed, all nonces, contract) */
    struct rng_key joint;           /* after the handshake: from all nonces; known to the parties only */
    struct hash run;                /* its hash, for everyone: new in every run */
    struct paillier_public paillier;
    struct paillier_secret paillier_secret;
    struct population population;
    struct channel channel;
    struct journal journal;
    struct progress progress;
    struct parallel parallel;       /* set by the caller after session_init; zero: loops run in line */
    uint64_t seq;
    struct hash head;
    struct merkle tree;
    uint64_t log_bytes;             /* of all entries */
    uint64_t kept_bytes;            /* of those that were read back from the journal */
    struct merkle kept;             /* over those */
    struct log_root shown[PARTIES_MAX]; /* every party's log, at the checkpoint in hand */
    struct hash openings;           /* running hash of what all must have seen alike: the split, residual openings */
    uint64_t checkpoints;
    uint64_t phase_bytes[PHASES];   /* sent */
    uint8_t *frame;                 /* FRAME_MAX */
    struct fault fault;
    party blamed;                   /* == parties when nobody */
    int unshown;                    /* what it is blamed for is signed by nobody: the log names nobody */
};

/* approvals: one per party, in party order, all checked here; our own says which stage this session is.
 *
 * seed   behind our approval: gives the card, nothing else
 * start  32 bytes that the caller drew from the operating system when this run began and stored before anything was
 *        sent.  Every pad, key and mask comes from both, so a node whose disk was rolled back, or copied, never hides two
 *        values under one pad: a second run draws another start.  [SPEC 2.4]
 * Both are copied in derived form. */
MUST_USE status session_init(struct session *ss, const struct contract *c, party self, uint32_t attempt,
                             const struct approval *approvals, const struct rng_key *seed, const struct rng_key *start,
                             struct channel channel, struct journal journal, struct progress progress);
void session_clear(struct session *ss); /* wipes */

/* End the session by peer p's fault.  The first blame stays. */
status session_blame(struct session *ss, party p, status code, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* End it because p was told, or saw, something else than we: of two parties p is to blame, among more nobody can say who told
 * two ways, and replay shows it. */
status session_equivocation(struct session *ss, party p, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Everybody tells everybody the same hash (a plain message of HASH_BYTES), or it is equivocation: "NAME does_what". */
MUST_USE status session_agree(struct session *ss, enum message_kind kind, uint32_t pass, const struct hash *ours,
                              const char *does_what);
/* End it for a reason of our own or the world's. */
status session_fail(struct session *ss, status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A plain message.  recv fails unless exactly this kind, pass and length comes next from that peer. */
MUST_USE status session_send(struct session *ss, party to, enum message_kind kind, uint32_t pass, const void *body,
                             size_t len);
MUST_USE status session_recv(struct session *ss, party from, enum message_kind kind, uint32_t pass, void *body,
                             size_t len);
/* A plain message from everyone to everyone: bodies holds len bytes of each party, ours filled in, the others' received. */
MUST_USE status session_exchange(struct session *ss, enum message_kind kind, uint32_t pass, void *bodies, size_t len);
/* One record of a vector: items [index * per, ...) as vector_items_per_record says.  For streams. */
MUST_USE status session_send_part(struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index,
                                  const void *body, size_t len);
MUST_USE status session_recv_part(struct session *ss, party from, enum message_kind kind, uint32_t pass,
                                  uint64_t index, void *body, size_t len);
/* A whole vector. */
MUST_USE status session_send_vector(struct session *ss, party to, enum message_kind kind, uint32_t pass,
                                    const void *items, size_t item_bytes, size_t count);
MUST_USE status session_recv_vector(struct session *ss, party from, enum message_kind kind, uint32_t pass, void *items,
                                    size_t item_bytes, size_t count);

/* Randomness.  pad: drawn ahead, used once at its address.  reply: bound to everything received from that peer so far
 * (so to the whole request it answers).  pair: the same at both ends.  joint: the same at all parties. [SPEC 2.4] */
void session_pad_rng(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                     uint64_t index);
void session_reply_rng(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                       uint64_t index);
void session_pair_rng(const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass,
                      uint64_t index);
void session_joint_rng(const struct session *ss, struct rng *g, const char *purpose, uint64_t index);

/* A fact in the clear in our own log, for the auditor: two numbers, or a number and a hash. */
MUST_USE status session_fact(struct session *ss, enum fact kind, uint64_t a, uint64_t b);
MUST_USE status session_fact_hash(struct session *ss, enum fact kind, uint64_t a, const struct hash *tag);
/* Joint checkpoint: exchange sizes and roots, sign them all, check everyone's signature.  [SPEC 7.4] */
MUST_USE status session_checkpoint(struct session *ss, uint32_t pass);
/* The same in three steps, whose messages travel together with others: show sends our root; sign receives everyone's and
 * sends our signature; close receives and checks everyone's, and logs the checkpoint. */
MUST_USE status session_checkpoint_show(struct session *ss, uint32_t pass);
MUST_USE status session_checkpoint_sign(struct session *ss, uint32_t pass);
MUST_USE status session_checkpoint_close(struct session *ss, uint32_t pass);
/* The END of the log after the last checkpoint, signed by all likewise. */
MUST_USE status session_end(struct session *ss);
/* Log the abort (best effort) so that the evidence says why a session stopped. */
void session_log_abort(struct session *ss);
void session_progress(struct session *ss, enum phase phase, uint32_t pass, uint64_t done, uint64_t total);

#endif
