#include "protocol/verify_state.h"

#include "crypto/wire.h"

#include <string.h>

void verify_read_contract(struct verify *v, const struct bundle *b, size_t count)
{
    struct verify_report *out = v->out;
    struct wire_writer again AUTO(wire_writer_clear) = {0};
    struct fault f = {0};

    if (count == 0) {
        verify_failed(v, VERIFY_CONTRACT, 0, "no evidence file was given");
        return;
    }
    if (contract_decode(&out->contract, b[0].contract.bytes, b[0].contract.len, &f) != OK ||
        contract_check(&out->contract, v->options->allow_small_keys, &f) != OK) {
        verify_failed(v, VERIFY_CONTRACT, b[0].self, "%.300s", f.message);
        return;
    }
    if (contract_encode(&again, &out->contract) != OK || again.len != b[0].contract.len ||
        memcmp(again.bytes, b[0].contract.bytes, again.len) != 0 ||
        contract_id(&out->contract_id, &out->contract) != OK) {
        verify_failed(v, VERIFY_CONTRACT, b[0].self, "the contract is not written in its one canonical form");
        return;
    }
    out->has_contract = 1;
}

static int same_part(struct bundle_part a, struct bundle_part b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

/* Give each file to its party; a file of another contract or a second one of the same party is put aside. */
void verify_take_files(struct verify *v, const struct bundle *b, size_t count)
{
    struct verify_report *out = v->out;
    char hex[2 * HASH_BYTES + 1];

    for (size_t i = 0; i < count; i++) {
        struct reading *log = &v->log[b[i].self < PARTIES_MAX ? b[i].self : 0];

        if (!same_part(b[i].contract, b[0].contract))
            verify_failed(v, VERIFY_CONTRACT, b[i].self, "file %zu belongs to another contract than file 1", i + 1);
        else if (b[i].self >= out->contract.parties)
            verify_failed(v, VERIFY_CONTRACT, b[i].self, "file %zu is from party %u of a contract of %u", i + 1,
                          b[i].self + 1u, out->contract.parties);
        else if (log->bundle)
            verify_failed(v, VERIFY_CONTRACT, b[i].self, "two files are from %s", verify_name_of(v, b[i].self));
        else {
            log->bundle = &b[i];
            log->self = b[i].self;
            out->party[b[i].self].given = 1;
        }
    }
    hash_hex(&out->contract_id, hex);
    verify_passed(v, VERIFY_CONTRACT,
                  "contract %.16s of %u parties is canonical, the same in all files, with keys of %u bits", hex,
                  out->contract.parties, out->contract.key_bits);
}

/* But for the signature, of which there may be several over the same. */
static int says_the_same(const struct verify *v, const struct approval *a, const struct approval *b)
{
    uint8_t bytes[2][APPROVAL_SIGNED_BYTES];

    approval_signed_bytes(bytes[0], &v->out->contract_id, a);
    approval_signed_bytes(bytes[1], &v->out->contract_id, b);
    return memcmp(bytes[0], bytes[1], APPROVAL_SIGNED_BYTES) == 0;
}

static int read_approvals(struct verify *v, const struct bundle *b)
{
    const struct contract *c = &v->out->contract;

    if (b->approvals != c->parties) {
        verify_failed(v, VERIFY_APPROVALS, b->self, "the file holds %u approvals of %u parties", b->approvals,
                      c->parties);
        return 0;
    }
    for (party p = 0; p < c->parties; p++) {
        struct approval a;

        if (approval_decode(&a, b->approval[p].bytes) != OK || a.who != p) {
            verify_failed(v, VERIFY_APPROVALS, b->self, "the approval of %s is not readable", verify_name_of(v, p));
            return 0;
        }
        if (a.attempt >= c->attempts_max) {
            verify_failed(v, VERIFY_APPROVALS, b->self, "%s approved attempt %u, the contract allows %u", verify_name_of(v, p),
                          a.attempt + 1, c->attempts_max);
            return 0;
        }
        if (approval_check(&a, c, &v->out->contract_id) != OK) {
            verify_failed(v, VERIFY_APPROVALS, b->self, "the approval of %s is not signed by the key in the contract",
                          verify_name_of(v, p));
            return 0;
        }
        if (v->approved && !says_the_same(v, &a, &v->approval[p])) {
            verify_failed(v, VERIFY_APPROVALS, p, "%s signed two approvals for one attempt: that in the file of %s is not that in the first",
                          verify_name_of(v, p), verify_name_of(v, b->self));
            return 0;
        }
        v->approval[p] = a;
        if (a.attempt != v->approval[0].attempt) {
            verify_failed(v, VERIFY_APPROVALS, b->self, "the approvals are for different attempts");
            return 0;
        }
        if (a.stage != v->approval[0].stage || !hash_equal(&a.preparation, &v->approval[0].preparation)) {
            verify_failed(v, VERIFY_APPROVALS, b->self, "the approvals are for different sessions of the attempt");
            return 0;
        }
    }
    return 1;
}

enum stage bundle_stage(const struct bundle *b)
{
    struct approval a;

    return b->approvals && approval_decode(&a, b->approval[0].bytes) == OK ? a.stage : STAGE_WHOLE;
}

status bundle_session(struct hash *out, const struct bundle *b)
{
    struct approval approval[PARTIES_MAX];
    struct contract c;
    struct hash id;

    if (contract_decode(&c, b->contract.bytes, b->contract.len, NULL) != OK || b->approvals != c.parties)
        return STATUS_MISMATCH;
    for (party p = 0; p < c.parties; p++)
        if (approval_decode(&approval[p], b->approval[p].bytes) != OK)
            return STATUS_MISMATCH;
    TRY(contract_id(&id, &c));
    verify_session_id(out, c.suite, &id, approval, c.parties);
    return OK;
}

void verify_session_id(struct hash *out, enum suite s, const struct hash *contract, const struct approval *approvals,
                       uint16_t parties)
{
    struct hasher h;

    hasher_init(&h, s, "hefu/session/v2");
    hasher_add_hash(&h, contract);
    hasher_add_u64(&h, approvals[0].attempt);
    hasher_add_u64(&h, approvals[0].stage);
    hasher_add_hash(&h, &approvals[0].preparation);
    for (party p = 0; p < parties; p++) {
        hasher_add_hash(&h, &approvals[p].approvers);
        hasher_add(&h, approvals[p].card.sign.bytes, SIGN_PUBLIC_BYTES);
        hasher_add(&h, approvals[p].card.kx.bytes, KX_PUBLIC_BYTES);
    }
    hasher_final(&h, out);
}

void verify_check_approvals(struct verify *v, const struct bundle *b, size_t count)
{
    struct verify_report *out = v->out;

    for (size_t i = 0; i < count; i++)
        if (b[i].self < PARTIES_MAX && v->log[b[i].self].bundle == &b[i] && read_approvals(v, &b[i]) && !v->approved)
            v->approved = &b[i];
    if (!v->approved)
        return;
    out->attempt = v->approval[0].attempt;
    out->stage = v->approval[0].stage;
    out->preparation = v->approval[0].preparation;
    verify_session_id(&out->session, out->contract.suite, &out->contract_id, v->approval, out->contract.parties);
    for (party p = 0; p < out->contract.parties; p++)
        out->party[p].approvers = v->approval[p].approvers;
    verify_passed(v, VERIFY_APPROVALS, "all %u parties signed this contract with their identity keys, for attempt %u%s",
                  out->contract.parties, out->attempt + 1,
                  out->stage == STAGE_OFFLINE  ? ", its offline session"
                  : out->stage == STAGE_ONLINE ? ", its online session"
                                               : "");
}

void verify_check_certificates(struct verify *v, const struct bundle *b, size_t count)
{
    const struct contract *c = &v->out->contract;

    if (!v->options->certificate)
        verify_unchecked(v, VERIFY_CERTIFICATES, "this check needs the certificates' program");
    for (size_t i = 0; i < count && v->options->certificate; i++) {
        if (b[i].certificates != c->parties) {
            verify_failed(v, VERIFY_CERTIFICATES, b[i].self, "the file holds %u certificates of %u parties",
                          b[i].certificates, c->parties);
            return;
        }
        for (party p = 0; p < c->parties; p++) {
            struct fault f = {0};

            if (i > 0 && same_part(b[i].certificate[p], b[0].certificate[p]))
                continue;
            if (v->options->certificate(v->options->ctx, &c->party[p], b[i].certificate[p].bytes,
                                        b[i].certificate[p].len, &f) != OK) {
                verify_failed(v, VERIFY_CERTIFICATES, b[i].self, "the certificate of %s: %.250s", verify_name_of(v, p),
                              f.message);
                return;
            }
        }
    }
    verify_passed(v, VERIFY_CERTIFICATES, "the certificates of all %u parties are those of the contract", c->parties);
}
