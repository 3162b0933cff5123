/* One frame from a hostile peer, through session_recv_part, and its body through whatever reads such a body.
 *
 * Input: kind (index in the table of messages), flags, expected pass, expected part, then the frame.  The flags let the
 * fuzzer go on where it would have to forge: the peer does have its keys, so it may sign what it likes. */
#include "crypto/group.h"
#include "crypto/keyproof.h"
#include "crypto/ot.h"
#include "crypto/ring.h"
#include "fuzz/stage.h"
#include "protocol/log.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum {
    FLAG_REWRITE = 1,   /* the record is written anew, as an honest peer would for this body */
    FLAG_TAG = 2,       /* its tag is computed for this body */
    FLAG_SIGN = 4,      /* it is signed */
    FLAG_SHORT = 8,     /* one byte less is expected */
    HEADER = 4,
    SELF = 0, PEER = 1,
};

static struct {
    struct session me, peer;
    struct paillier_public key;
    struct paillier_secret secret;
    struct group_scalar scalar;
    uint8_t frame[FRAME_MAX];
    size_t frame_len;
    struct wire_writer log;
    uint64_t bodies;
} at;

static status refuse_send(void *ctx, party to, const uint8_t *frame, size_t len, struct fault *f)
{
    (void)ctx, (void)to, (void)frame, (void)len, (void)f;
    return STATUS_CLOSED;
}

static status give_frame(void *ctx, party from, uint8_t *frame, size_t *len, struct fault *f)
{
    (void)ctx, (void)from, (void)f;
    memcpy(frame, at.frame, at.frame_len);
    *len = at.frame_len;
    return OK;
}

static status keep_entry(void *ctx, const uint8_t *entry, size_t len, struct fault *f)
{
    (void)ctx, (void)f;
    wire_put_bytes(&at.log, entry, len);
    return wire_writer_status(&at.log);
}

static status count_body(void *ctx, uint64_t seq, const uint8_t *body, size_t len, struct fault *f)
{
    (void)ctx, (void)seq, (void)body, (void)len, (void)f;
    at.bodies++;
    return OK;
}

static status sync_nothing(void *ctx, struct fault *f)
{
    (void)ctx, (void)f;
    return OK;
}

static void open_sessions(void)
{
    const struct rng_key seed = {.bytes = {3}};
    struct rng g;
    status code;

    stage_open();
    stage_begin();
    at.me = stage.party[SELF].ss;
    at.peer = stage.party[PEER].ss;
    at.me.channel = (struct channel){.send = refuse_send, .recv = give_frame};
    at.me.journal = (struct journal){.append = keep_entry, .body = count_body, .sync = sync_nothing};
    rng_init(&g, &seed, &(struct rng_address){.purpose = "fuzz"});
    code = paillier_keygen(&at.key, &at.secret, STAGE_KEY_BITS, &g);
    assert(code == OK);
    group_scalar_random(&at.scalar, &g);
}

/* at.frame, as the flags say. */
static void prepare_frame(const struct message_info *info, uint8_t flags, uint8_t pass, uint8_t part)
{
    const size_t body_len = at.frame_len - SIGNED_BYTES;
    struct record r = {.suite = SUITE_INT1, .type = RECORD_SEND, .session = at.me.id, .self = PEER, .peer = SELF,
                       .kind = (uint16_t)info->kind, .phase = (uint16_t)info->phase, .pass = pass, .index = part,
                       .body_len = body_len};

    if (flags & FLAG_REWRITE)
        record_encode(at.frame, &r);
    if ((flags & FLAG_TAG) && record_decode(&r, at.frame) == OK) {
        body_tag(&r.body_tag, &at.peer.peer[SELF].pair, PEER, r.pair_seq, at.frame + SIGNED_BYTES, body_len);
        record_encode(at.frame, &r);
    }
    if (flags & FLAG_SIGN)
        stage_sign(at.frame, &at.peer.sign);
}

/* ---- bodies ---- */

static void check_key(const uint8_t *body, size_t len)
{
    struct paillier_public key = {0};
    struct fault f = {0};
    uint8_t again[STAGE_KEY_BITS / 8];
    const struct hash binding = {{9}};
    const size_t n_len = sizeof again;
    status code;

    if (len < n_len || paillier_public_get(&key, STAGE_KEY_BITS, body, n_len) != OK)
        return;
    bignum_put(again, n_len, key.n);
    assert(memcmp(again, body, n_len) == 0 && mpz_odd_p(key.n));
    code = keyproof_check(&key, body + n_len, len - n_len, SUITE_INT1, &binding, &f);
    assert(code == OK || (code == STATUS_UNTRUSTED && f.code == code && f.message[0]));
    paillier_public_clear(&key);
}

static void check_ciphers(const uint8_t *body, size_t len)
{
    const size_t width = paillier_cipher_bytes(STAGE_KEY_BITS), count = len / width;
    uint64_t *list = calloc(count + 1, pair_words(&at.key.pair) * sizeof *list);
    size_t bad = SIZE_MAX;

    assert(list);
    if (paillier_ciphers_read(list, &at.key, body, count, &bad) == OK) {
        uint8_t *again = malloc(len + 1);

        assert(again);
        paillier_ciphers_write(again, &at.key, list, count);
        assert(memcmp(again, body, count * width) == 0);
        free(again);
        if (count) { /* whatever it is, it is a plaintext */
            BIGNUM(plain);

            paillier_decrypt_many(&plain, &at.key, &at.secret, list, 1);
            assert(mpz_sgn(plain) >= 0 && mpz_cmp(plain, at.key.n) < 0);
        }
    } else {
        assert(bad < count);
    }
    free(list);
}

static void check_group(const uint8_t *body, size_t len)
{
    for (; len >= GROUP_BYTES; body += GROUP_BYTES, len -= GROUP_BYTES) {
        struct group_element e, out;
        status valid, scaled;

        memcpy(e.bytes, body, GROUP_BYTES);
        valid = group_check(&e);
        scaled = group_scale(&out, &at.scalar, &e);
        assert(valid == scaled && (valid == OK || valid == STATUS_MALFORMED)); /* the order is prime */
        assert(valid != OK || group_check(&out) == OK);
    }
}

static const struct ot_context transfers = {.session = &(const struct hash){{3}}, .sender = SELF, .receiver = PEER, .purpose = "fuzz"};

static void check_offer(const uint8_t *body, size_t len)
{
    struct ot_receiver *r = NULL;
    uint8_t answer[OT_ANSWER_BYTES];
    struct rng g;
    status code;

    if (len < OT_OFFER_BYTES)
        return;
    session_pad_rng(&at.me, &g, "fuzz", PEER, 0, 0);
    code = ot_receiver_new(&r, answer, body, &transfers, &g);
    assert(code == STATUS_MALFORMED ? !r : code == OK);
    ot_receiver_free(r);
}

static void check_answer(const uint8_t *body, size_t len)
{
    static uint8_t offer[OT_OFFER_BYTES];
    struct ot_sender *s = NULL;
    struct rng g;
    status code;

    if (len < OT_ANSWER_BYTES)
        return;
    session_pad_rng(&at.me, &g, "fuzz", PEER, 0, 0);
    code = ot_sender_new(&s, offer, &transfers, &g);
    assert(code == OK);
    code = ot_sender_finish(s, body);
    assert(code == OK || code == STATUS_MALFORMED);
    ot_sender_free(s);
}

static void check_ring(const uint8_t *body, size_t len)
{
    for (size_t item = 1; item <= 16 && item <= len; item++) {
        uint8_t again[16];

        ring_put(again, item, ring_get(body, item));
        assert(memcmp(again, body, item) == 0);
    }
}

static void check_approval(const uint8_t *body, size_t len)
{
    uint8_t again[APPROVAL_BYTES];
    struct approval a;
    status code;

    if (len < APPROVAL_BYTES || approval_decode(&a, body) != OK)
        return;
    approval_encode(again, &a);
    assert(memcmp(again, body, APPROVAL_BYTES) == 0);
    code = approval_check(&a, &stage.contract, &stage.contract_id);
    assert(code == OK || code == STATUS_UNTRUSTED || code == STATUS_MALFORMED);
}

static void check_body(enum message_kind kind, const uint8_t *body, size_t len)
{
    switch (kind) {
    case MESSAGE_key: check_key(body, len); break;
    case MESSAGE_psi_set: check_group(body, len); break;
    case MESSAGE_ot_offer: check_offer(body, len); break;
    case MESSAGE_ot_answer: check_answer(body, len); break;
    case MESSAGE_fore_mask:
    case MESSAGE_fore_reply:
    case MESSAGE_back_mask:
    case MESSAGE_back_ridge:
    case MESSAGE_back_reply: check_ciphers(body, len); break;
    case MESSAGE_weight:
    case MESSAGE_residual:
    case MESSAGE_gradient:
    case MESSAGE_block:
    case MESSAGE_range:
    case MESSAGE_score: check_ring(body, len); break;
    default: check_approval(body, len); break;
    }
}

/* ---- the session ---- */

static void check_entry(const struct session *ss, enum message_kind kind, size_t body_len)
{
    struct log_reader r;
    struct log_entry e;
    enum log_state state;

    log_reader_init(&r, at.log.bytes, at.log.len, STAGE_PARTIES);
    state = log_next(&r, &e);
    assert(state == LOG_ENTRY && r.left == 0 && ss->seq == 1 && at.bodies == 1);
    assert(e.record.type == RECORD_RECV && e.record.kind == kind && e.record.body_len == body_len);
    assert(memcmp(e.peer_bytes, at.frame, RECORD_BYTES) == 0);
    assert(ss->peer[PEER].received == 1 && ss->peer[PEER].bytes_received == at.frame_len);
}

/* What the peer signed and we refuse is kept as it is; what nobody signed is not. */
static void check_refusal(const struct session *ss, uint64_t before, status code)
{
    struct log_reader r;
    struct log_entry e = {0};

    log_reader_init(&r, at.log.bytes, at.log.len, STAGE_PARTIES);
    for (uint64_t i = 0; i < ss->seq; i++) {
        enum log_state state = log_next(&r, &e);

        assert(state == LOG_ENTRY);
    }
    assert(r.left == 0 && ss->seq == before + !ss->unshown && at.bodies == ss->seq);
    if (ss->unshown)
        return;
    assert(e.record.type == RECORD_REFUSED && e.record.peer == PEER && e.record.a == code);
    assert(memcmp(e.peer_bytes, at.frame, SIGNED_BYTES) == 0);
}

static void receive(enum message_kind kind, uint8_t flags, uint8_t pass, uint8_t part)
{
    static uint8_t body[MESSAGE_BODY_MAX];
    struct session ss = at.me; /* as before its first message */
    const size_t body_len = at.frame_len < SIGNED_BYTES ? 0 : at.frame_len - SIGNED_BYTES;
    const size_t expected = body_len && (flags & FLAG_SHORT) ? body_len - 1 : body_len;
    status code;

    wire_writer_clear(&at.log);
    at.log = (struct wire_writer){0};
    at.bodies = 0;
    memset(body, 0x5a, body_len);
    code = session_recv_part(&ss, PEER, kind, pass, part, body, expected);
    if (code == OK) {
        assert(expected == body_len && ss.fault.code == OK && ss.blamed == STAGE_PARTIES);
        assert(memcmp(body, at.frame + SIGNED_BYTES, body_len) == 0);
        check_entry(&ss, kind, body_len);
        code = session_recv_part(&ss, PEER, kind, pass, part, body, expected); /* the same again */
        assert(code == STATUS_UNEXPECTED && ss.blamed == PEER);
        check_refusal(&ss, 1, code);
        return;
    }
    assert(ss.fault.code == code && ss.fault.message[0] && ss.blamed == PEER);
    assert(code == STATUS_MALFORMED || code == STATUS_UNEXPECTED || code == STATUS_UNTRUSTED);
    assert(ss.peer[PEER].received == 0);
    check_refusal(&ss, 0, code);
    for (size_t i = 0; i < body_len; i++)
        assert(body[i] == 0x5a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct message_info *info;
    size_t kinds;

    if (!at.me.frame)
        open_sessions();
    if (len < HEADER || len - HEADER > FRAME_MAX)
        return 0;
    info = message_list(&kinds);
    info += bytes[0] % kinds;
    at.frame_len = len - HEADER;
    memcpy(at.frame, bytes + HEADER, at.frame_len);
    if (at.frame_len >= SIGNED_BYTES && at.frame_len <= SIGNED_BYTES + MESSAGE_BODY_MAX) {
        prepare_frame(info, bytes[1], bytes[2], bytes[3]);
        check_body(info->kind, at.frame + SIGNED_BYTES, at.frame_len - SIGNED_BYTES);
    }
    if (at.frame_len <= SIGNED_BYTES + MESSAGE_BODY_MAX)
        receive(info->kind, bytes[1], bytes[2], bytes[3]);
    return 0;
}
