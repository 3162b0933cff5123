#include "protocol/verify_state.h"

#include <string.h>

/* A log is one chain: a good signature over its last record says that its writer stands by every entry before, stored
 * signatures included.  So of the records that two parties hold alike no signature needs to be computed; of all others
 * every one is. */

static int own_signature_is_good(struct verify *v, const struct reading *log, size_t at)
{
    const uint8_t *bytes = log->entry[at].at;

    return verify_signed_by(v, &v->approval[log->self].card.sign, RECORD_SIGN_TAG, bytes, RECORD_BYTES,
                            bytes + RECORD_BYTES);
}

static enum record_type type_of(const struct reading *log, size_t at)
{
    return (enum record_type)log->entry[at].at[6];
}

static void refuse_own(struct verify *v, const struct reading *log, size_t at)
{
    verify_failed_at(v, VERIFY_SIGNATURES, log->self, at, "signature", "it is not signed by the session key that %s approved",
                     verify_name_of(v, log->self));
}

/* The last signed record; when it is not good, or the chain is broken, every one from the first. */
static void check_own(struct verify *v, struct reading *log)
{
    size_t last = log->count;

    while (last && !record_is_signed(type_of(log, last - 1)))
        last--;
    if (last && log->chained && own_signature_is_good(v, log, last - 1)) {
        log->vouched = 1;
        return;
    }
    for (size_t i = 0; i < log->count; i++)
        if (record_is_signed(type_of(log, i)) && !own_signature_is_good(v, log, i)) {
            refuse_own(v, log, i);
            return;
        }
}

/* What to received from party p: as p keeps it in a log that it vouches for, or signed by it. */
static void check_received_from(struct verify *v, struct reading *to, party p)
{
    const struct reading *from = &v->log[p];
    int64_t i = from->bundle && from->vouched ? from->sent[to->self].first : NONE;

    for (int64_t j = to->received[p].first; j != NONE; j = to->entry[j].next) {
        const uint8_t *got = to->entry[j].at + RECORD_BYTES;

        if (i != NONE && memcmp(from->entry[i].at, got, SIGNED_BYTES) == 0) {
            i = from->entry[i].next;
            continue;
        }
        if (i != NONE && !own_signature_is_good(v, from, (size_t)i))
            refuse_own(v, from, (size_t)i);
        if (!verify_signed_by(v, &v->approval[p].card.sign, RECORD_SIGN_TAG, got, RECORD_BYTES, got + RECORD_BYTES)) {
            verify_failed_at(v, VERIFY_SIGNATURES, to->self, (uint64_t)j, "peer signature",
                             "the record inside it is not signed by %s", verify_name_of(v, p));
            return;
        }
        if (i != NONE) /* both versions are signed: that is proof enough, and all later ones stand on them */
            return;
    }
}

/* Whoever answers has received: every message but the last to each peer has a later one of that peer that names it. */
static void check_receipts(struct verify *v, const struct reading *log)
{
    for (party p = 0; p < v->out->contract.parties; p++) {
        int64_t i = p == log->self ? NONE : log->acknowledged[p];

        i = i == NONE ? log->sent[p].first : log->entry[i].next;
        if (i != NONE && log->entry[i].next != NONE)
            verify_failed_at(v, VERIFY_RECEIPTS, log->self, (uint64_t)i, "peer_head",
                             "%s never signed that it had received this message", verify_name_of(v, p));
    }
}

void verify_check_signatures(struct verify *v)
{
    const struct contract *c = &v->out->contract;

    for (party p = 0; p < c->parties; p++)
        if (v->log[p].bundle)
            check_own(v, &v->log[p]);
    for (party p = 0; p < c->parties; p++) {
        if (!v->log[p].bundle)
            continue;
        for (party q = 0; q < c->parties; q++)
            if (q != p)
                check_received_from(v, &v->log[p], q);
        if (v->log[p].ended && !v->log[p].order_broken)
            check_receipts(v, &v->log[p]);
    }
}
