#include "node/local/approver.h"

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
