#include "protocol/approver.h"

#include <string.h>

void approver_statement(struct wire_writer *w, const struct hash *contract_id, uint32_t attempt, const char *party_name,
                        const char *approver)
{
    wire_put_bytes(w, contract_id->bytes, HASH_BYTES);
    wire_put_u32(w, attempt);
    wire_put_string(w, party_name);
    wire_put_string(w, approver);
}

status approver_check(const struct signature *sig, const struct sign_public *key, const struct hash *contract_id,
                      uint32_t attempt, const char *party_name, const char *approver)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    approver_statement(&w, contract_id, attempt, party_name, approver);
    TRY(wire_writer_status(&w));
    return sign_check(sig, key, APPROVER_SIGN_TAG, w.bytes, w.len);
}

/* ---- the list ---- */

void approvers_encode(struct wire_writer *w, const struct approvers *a)
{
    wire_put_u16(w, a->count);
    for (uint16_t i = 0; i < a->count; i++) {
        wire_put_string(w, a->of[i].name);
        wire_put_bytes(w, a->of[i].key.bytes, SIGN_PUBLIC_BYTES);
        wire_put_bytes(w, a->of[i].signature.bytes, SIGNATURE_BYTES);
    }
}

status approvers_decode(struct approvers *out, const uint8_t *bytes, size_t len)
{
    struct wire_reader r;

    wire_reader_init(&r, bytes, len);
    out->count = wire_get_u16(&r);
    if (out->count == 0 || out->count > APPROVERS_MAX)
        return STATUS_MALFORMED;
    for (uint16_t i = 0; i < out->count; i++) {
        wire_get_string(&r, out->of[i].name, sizeof out->of[i].name);
        wire_get_bytes(&r, out->of[i].key.bytes, SIGN_PUBLIC_BYTES);
        wire_get_bytes(&r, out->of[i].signature.bytes, SIGNATURE_BYTES);
    }
    TRY(wire_finish(&r));
    for (uint16_t i = 0; i < out->count; i++)
        if (!contract_name_ok(out->of[i].name))
            return STATUS_MALFORMED;
    return OK;
}

void approvers_hash(struct hash *out, enum suite s, const uint8_t *bytes, size_t len)
{
    struct hasher h;

    memset(out, 0, sizeof *out);
    if (len == 0)
        return;
    hasher_init(&h, s, "hefu/approvers/v1");
    hasher_add(&h, bytes, len);
    hasher_final(&h, out);
}

const char *approvers_wrong(const struct approvers *a, const struct hash *contract_id, uint32_t attempt, const char *party_name)
{
    for (uint16_t i = 0; i < a->count; i++) {
        const struct approver *p = &a->of[i];

        for (uint16_t j = 0; j < i; j++)
            if (strcmp(p->name, a->of[j].name) == 0 || memcmp(&p->key, &a->of[j].key, sizeof p->key) == 0)
                return "one person stands in it twice";
        if (approver_check(&p->signature, &p->key, contract_id, attempt, party_name, p->name) != OK)
            return "a signature in it is not that person's on this attempt";
    }
    return NULL;
}
