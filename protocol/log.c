#include "protocol/log.h"

#include "crypto/wire.h"

#include <string.h>

void log_reader_init(struct log_reader *r, const uint8_t *log, size_t len, uint16_t parties)
{
    *r = (struct log_reader){.at = log, .left = len, .parties = parties};
}

enum log_state log_next(struct log_reader *r, struct log_entry *out)
{
    if (r->left == 0)
        return LOG_DONE;
    if (r->left < RECORD_BYTES)
        return LOG_TORN;
    memset(out, 0, sizeof *out);
    if (record_decode(&out->record, r->at) != OK)
        return LOG_MALFORMED;
    out->at = r->at;
    out->len = entry_bytes(out->record.type, r->parties);
    if (r->left < out->len)
        return LOG_TORN;
    out->bytes = r->at;
    if (record_is_signed(out->record.type))
        out->signature = r->at + RECORD_BYTES;
    if (out->record.type == RECORD_RECV || out->record.type == RECORD_REFUSED) {
        out->peer_bytes = r->at + RECORD_BYTES;
        out->peer_signature = out->peer_bytes + RECORD_BYTES;
    }
    if (out->record.type == RECORD_CHECKPOINT || out->record.type == RECORD_END)
        out->joint = r->at + (out->signature ? SIGNED_BYTES : RECORD_BYTES);
    r->at += out->len;
    r->left -= out->len;
    r->entries++;
    return LOG_ENTRY;
}

void joint_item_read(struct joint_item *out, const uint8_t *joint, party p)
{
    const uint8_t *at = joint + (size_t)p * JOINT_ITEM;

    log_root_read(&out->log, at);
    memcpy(out->signature.bytes, at + LOG_ROOT_BYTES, SIGNATURE_BYTES);
}

const char *record_type_name(enum record_type type)
{
    switch (type) {
    case RECORD_SEND:
        return "send";
    case RECORD_RECV:
        return "receive";
    case RECORD_FACT:
        return "fact";
    case RECORD_CHECKPOINT:
        return "checkpoint";
    case RECORD_END:
        return "end";
    case RECORD_ABORT:
        return "abort";
    case RECORD_REFUSED:
        return "refuse";
    }
    return "unknown";
}

const char *record_difference(const struct record *a, const struct record *b)
{
    if (a->suite != b->suite)
        return "suite";
    if (a->type != b->type)
        return "type";
    if (!hash_equal(&a->session, &b->session))
        return "session";
    if (a->self != b->self)
        return "self";
    if (a->peer != b->peer)
        return "peer";
    if (a->attempt != b->attempt)
        return "attempt";
    if (a->seq != b->seq)
        return "seq";
    if (a->pair_seq != b->pair_seq)
        return "pair_seq";
    if (a->kind != b->kind)
        return "kind";
    if (a->phase != b->phase)
        return "phase";
    if (a->pass != b->pass)
        return "pass";
    if (a->index != b->index)
        return "index";
    if (a->body_len != b->body_len)
        return "body_len";
    if (!hash_equal(&a->body_tag, &b->body_tag))
        return "body_tag";
    if (!hash_equal(&a->peer_head, &b->peer_head))
        return "peer_head";
    if (a->a != b->a)
        return "a";
    if (a->b != b->b)
        return "b";
    if (!hash_equal(&a->prev_head, &b->prev_head))
        return "prev_head";
    return NULL;
}
