#include "protocol/handshake.h"

#include "crypto/keyproof.h"

#include <stdlib.h>
#include <string.h>

/* What one party commits to and later shows. */
struct promise {
    struct hash seed, nonce, data;
};

static void commit_to(struct hash *out, const char *tag, const struct session *ss, party p, const void *bytes, size_t len)
{
    struct hasher h;

    hasher_init(&h, ss->contract->suite, tag);
    hasher_add_hash(&h, &ss->id);
    hasher_add_u64(&h, p);
    hasher_add(&h, bytes, len);
    hasher_final(&h, out);
}

void handshake_seed_commitment(struct hash *out, const struct session *ss)
{
    struct rng_key blinded AUTO(rng_key_clear) = {0};

    rng_key_derive(&blinded, &ss->seed, "hefu/seed commitment", ss->id.bytes, HASH_BYTES); /* one-way and blinding */
    commit_to(out, "hefu/commit seed/v1", ss, ss->self, blinded.bytes, sizeof blinded.bytes);
}

/* [SPEC 2.3.1] seed, nonce and data are fixed before anyone shows anything. */
static status send_promises(struct session *ss, struct promise *all, struct rng_key *nonce, const struct hash *data)
{
    uint8_t bodies[PARTIES_MAX][BODY_COMMIT];

    rng_key_derive(nonce, &ss->seed, "hefu/nonce", ss->id.bytes, HASH_BYTES);
    handshake_seed_commitment(&all[ss->self].seed, ss);
    commit_to(&all[ss->self].nonce, "hefu/commit nonce/v1", ss, ss->self, nonce->bytes, sizeof nonce->bytes);
    all[ss->self].data = *data;
    memcpy(bodies[ss->self], all[ss->self].seed.bytes, HASH_BYTES);
    memcpy(bodies[ss->self] + 32, all[ss->self].nonce.bytes, HASH_BYTES);
    memcpy(bodies[ss->self] + 64, all[ss->self].data.bytes, HASH_BYTES);
    TRY(session_exchange(ss, MESSAGE_commit, 0, bodies, BODY_COMMIT));
    for (party p = 0; p < ss->parties; p++) {
        memcpy(all[p].seed.bytes, bodies[p], HASH_BYTES);
        memcpy(all[p].nonce.bytes, bodies[p] + 32, HASH_BYTES);
        memcpy(all[p].data.bytes, bodies[p] + 64, HASH_BYTES);
        TRY(session_fact_hash(ss, FACT_SEED, p, &all[p].seed));
        TRY(session_fact_hash(ss, FACT_DATA, p, &all[p].data));
    }
    return OK;
}

/* What everybody committed to, as we heard it. */
static void hash_of_promises(struct hash *out, const struct session *ss, const struct promise *all)
{
    struct hasher h;

    hasher_init(&h, ss->contract->suite, "hefu/promises/v1");
    for (party p = 0; p < ss->parties; p++) {
        hasher_add_hash(&h, &all[p].seed);
        hasher_add_hash(&h, &all[p].nonce);
        hasher_add_hash(&h, &all[p].data);
    }
    hasher_final(&h, out);
}

/* [SPEC 2.3.2] all nonces, checked against the commitments; then the session's keys. */
static status open_nonces(struct session *ss, const struct promise *all, const struct rng_key *nonce)
{
    struct { uint8_t nonce[32]; struct hash heard; } body[PARTIES_MAX];
    struct hasher h;
    struct hash digest;

    _Static_assert(sizeof body[0] == BODY_NONCE, "the message is its two parts");
    memcpy(body[ss->self].nonce, nonce->bytes, sizeof nonce->bytes);
    hash_of_promises(&body[ss->self].heard, ss, all);
    TRY(session_exchange(ss, MESSAGE_nonce, 0, body, BODY_NONCE));
    for (party p = 0; p < ss->parties; p++)
        if (!hash_equal(&body[p].heard, &body[ss->self].heard))
            return session_equivocation(ss, p, "%s heard other commitments than we did", ss->contract->party[p].name);
    for (party p = 0; p < ss->parties; p++) {
        struct hash expected;

        commit_to(&expected, "hefu/commit nonce/v1", ss, p, body[p].nonce, sizeof body[p].nonce);
        if (!hash_equal(&expected, &all[p].nonce))
            return session_blame(ss, p, STATUS_UNTRUSTED, "the nonce of %s does not open its commitment",
                                 ss->contract->party[p].name);
    }
    hasher_init(&h, ss->contract->suite, "hefu/joint/v1");
    hasher_add_hash(&h, &ss->id);
    for (party p = 0; p < ss->parties; p++) {
        hasher_add(&h, body[p].nonce, sizeof body[p].nonce);
        hasher_add_hash(&h, &all[p].seed);
        hasher_add_hash(&h, &all[p].data);
    }
    hasher_final(&h, &digest);
    rng_key_from_hash(&ss->joint, ss->contract->suite, &digest);
    /* working key = KDF(seed, all nonces, contract): nobody can grind or plant randomness */
    rng_key_derive(&ss->key, &ss->seed, "hefu/working key", digest.bytes, HASH_BYTES);
    hasher_init(&h, ss->contract->suite, "hefu/run/v1");
    hasher_add_hash(&h, &digest);
    hasher_final(&h, &ss->run);
    return session_fact_hash(ss, FACT_RUN, 0, &ss->run);
}

void handshake_key_binding(struct hash *out, enum suite s, const struct hash *contract, const struct hash *session, const struct hash *run,
                           party p)
{
    struct hasher h;

    hasher_init(&h, s, "hefu/key proof/v2");
    hasher_add_hash(&h, contract);
    hasher_add_hash(&h, session);
    hasher_add_hash(&h, run);
    hasher_add_u64(&h, p);
    hasher_final(&h, out);
}

void handshake_key_hash(struct hash *out, enum suite s, const uint8_t *modulus, size_t len)
{
    struct hasher h;

    hasher_init(&h, s, "hefu/key/v1");
    hasher_add(&h, modulus, len);
    hasher_final(&h, out);
}

/* A key in the clear, with its proof beside the log. */
static status note_key_of(struct session *ss, party p, const uint8_t *body, size_t len)
{
    struct hash tag;

    handshake_key_hash(&tag, ss->contract->suite, body, paillier_modulus_bytes(ss->contract->key_bits));
    TRY(ss->journal.body(ss->journal.ctx, ss->seq, body, len, &ss->fault));
    return session_fact_hash(ss, FACT_KEY, p, &tag);
}

/* [SPEC 2.3.3] a fresh Paillier key with the proof that gcd(N, phi(N)) = 1, from everyone. */
static status exchange_keys(struct session *ss)
{
    const uint32_t bits = ss->contract->key_bits;
    const size_t n_len = paillier_modulus_bytes(bits), len = body_key(bits);
    uint8_t *body AUTO(auto_free) = NULL;
    struct rng g AUTO(rng_clear);
    struct hash binding;

    TRY(alloc_zeroed(&body, 1, len));
    session_pad_rng(ss, &g, "paillier key", ss->self, 0, 0);
    TRY(paillier_keygen(&ss->paillier, &ss->paillier_secret, bits, &g));
    bignum_put(body, n_len, ss->paillier.n);
    handshake_key_binding(&binding, ss->contract->suite, &ss->contract_id, &ss->id, &ss->run, ss->self);
    keyproof_make(body + n_len, &ss->paillier, &ss->paillier_secret, ss->contract->suite, &binding);
    for (party p = 0; p < ss->parties; p++)
        if (p != ss->self)
            TRY(session_send(ss, p, MESSAGE_key, 0, body, len));
    TRY(note_key_of(ss, ss->self, body, len));
    for (party p = 0; p < ss->parties; p++) {
        struct fault why = {0};

        if (p == ss->self)
            continue;
        TRY(session_recv(ss, p, MESSAGE_key, 0, body, len));
        handshake_key_binding(&binding, ss->contract->suite, &ss->contract_id, &ss->id, &ss->run, p);
        if (paillier_public_get(&ss->peer[p].key, bits, body, n_len) != OK)
            return session_blame(ss, p, STATUS_UNTRUSTED, "the Paillier key of %s is not an odd number of %u bits",
                                 ss->contract->party[p].name, bits);
        if (keyproof_check(&ss->peer[p].key, body + n_len, len - n_len, ss->contract->suite, &binding, &why) != OK)
            return session_blame(ss, p, STATUS_UNTRUSTED, "the Paillier key of %s is refused: %s",
                                 ss->contract->party[p].name, why.message);
        TRY(note_key_of(ss, p, body, len));
    }
    return OK;
}

status handshake_run(struct session *ss, const struct hash *data)
{
    struct promise all[PARTIES_MAX];
    struct rng_key nonce AUTO(rng_key_clear) = {0};

    session_progress(ss, PHASE_HANDSHAKE, 0, 0, 3);
    TRY(send_promises(ss, all, &nonce, data));
    session_progress(ss, PHASE_HANDSHAKE, 0, 1, 3);
    TRY(open_nonces(ss, all, &nonce));
    session_progress(ss, PHASE_HANDSHAKE, 0, 2, 3);
    if (ss->stage != STAGE_ONLINE)
        TRY(exchange_keys(ss));
    session_progress(ss, PHASE_HANDSHAKE, 0, 3, 3);
    return OK;
}

status handshake_link(struct session *ss, const struct hash *rows)
{
    struct hash link[PARTIES_MAX];
    struct hasher h;

    hasher_init(&h, ss->contract->suite, "hefu/link/v1");
    hasher_add(&h, ss->joint.bytes, sizeof ss->joint.bytes);
    hasher_add_hash(&h, &ss->preparation);
    hasher_add_hash(&h, rows);
    hasher_final(&h, &link[ss->self]);
    TRY(session_exchange(ss, MESSAGE_link, 0, link, BODY_LINK));
    for (party p = 0; p < ss->parties; p++)
        if (!hash_equal(&link[p], &link[ss->self]))
            return session_blame(ss, p, STATUS_UNEXPECTED, "%s does not hold the preparation that this session stands on",
                                 ss->contract->party[p].name);
    ss->openings = link[ss->self]; /* where the running hash of what all have seen begins */
    return OK;
}
