#include "protocol/stamp.h"

#include "protocol/log.h"
#include "protocol/session.h"
#include "protocol/verify.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void stamp_start(struct hash *out, enum suite s, const struct hash *contract, const struct hash *session)
{
    struct hasher h;

    hasher_init(&h, s, "hefu/stamp start/v1");
    hasher_add_hash(&h, contract);
    hasher_add_hash(&h, session);
    hasher_final(&h, out);
}

void stamp_end(struct hash *out, enum suite s, const struct hash *session, const uint8_t *joint, size_t joint_len)
{
    struct hasher h;

    hasher_init(&h, s, "hefu/stamp end/v1");
    hasher_add_hash(&h, session);
    hasher_add(&h, joint, joint_len);
    hasher_final(&h, out);
}

/* The last joint vector of the log as it stands: a log that was cut has an older one, and another END. */
static void read_joint(struct stamps *out, const struct bundle_part *log)
{
    uint8_t joint[PARTIES_MAX * LOG_ROOT_BYTES];
    struct log_reader r;
    struct log_entry e;

    log_reader_init(&r, log->bytes, log->len, out->parties);
    while (log_next(&r, &e) == LOG_ENTRY) {
        if (!e.joint)
            continue;
        out->joints++;
        out->records = 0;
        for (party p = 0; p < out->parties; p++) {
            struct joint_item item;

            joint_item_read(&item, e.joint, p);
            log_root_write(joint + (size_t)p * LOG_ROOT_BYTES, &item.log);
            out->records += item.log.size;
        }
    }
    if (out->joints)
        stamp_end(&out->end, out->suite, &out->session, joint, (size_t)out->parties * LOG_ROOT_BYTES);
}

status stamps_of_bundle(struct stamps *out, const struct bundle *b, struct fault *f)
{
    struct contract *c AUTO(auto_free) = NULL;
    struct approval approval[PARTIES_MAX];

    memset(out, 0, sizeof *out);
    TRY(alloc_zeroed(&c, 1, sizeof *c));
    if (contract_decode(c, b->contract.bytes, b->contract.len, NULL) != OK || contract_id(&out->contract, c) != OK)
        return fault_set(f, STATUS_MISMATCH, "the contract of the evidence file cannot be read");
    out->suite = c->suite;
    out->parties = c->parties;
    out->not_before = c->not_before;
    out->not_after = c->not_after;
    if (b->approvals != c->parties)
        return fault_set(f, STATUS_MISMATCH, "the evidence file holds %u approvals of %u parties", b->approvals, c->parties);
    for (party p = 0; p < c->parties; p++)
        if (approval_decode(&approval[p], b->approval[p].bytes) != OK)
            return fault_set(f, STATUS_MISMATCH, "an approval of the evidence file cannot be read");
    verify_session_id(&out->session, out->suite, &out->contract, approval, c->parties);
    stamp_start(&out->start, out->suite, &out->contract, &out->session);
    read_joint(out, &b->log);
    return OK;
}

size_t stamp_line(char out[STAMP_LINE_BYTES], const struct stamps *s)
{
    char contract[2 * HASH_BYTES + 1], session[2 * HASH_BYTES + 1], end[2 * HASH_BYTES + 1];
    int len;

    if (!s->joints)
        return 0;
    hash_hex(&s->contract, contract);
    hash_hex(&s->session, session);
    hash_hex(&s->end, end);
    len = snprintf(out, STAMP_LINE_BYTES,
                   "{\"contract\":\"%s\",\"session\":\"%s\",\"end\":\"%s\",\"parties\":%u,\"records\":%llu,\"checkpoints\":%llu}\n",
                   contract, session, end, s->parties, (unsigned long long)s->records, (unsigned long long)s->joints);
    /* A log of BUNDLE_LOG_MAX bytes has fewer than 10^7 entries; sizes in a joint vector are anything in a false log. */
    return len < STAMP_LINE_BYTES ? (size_t)len : 0;
}
