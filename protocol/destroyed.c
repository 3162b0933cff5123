#include "protocol/destroyed.h"

#include <string.h>

enum { DESTROYED_VERSION = 1 };

static const char magic[8] = {'H', 'E', 'F', 'U', 'G', 'O', 'N', 'E'};

void destroyed_signed_bytes(uint8_t out[DESTROYED_SIGNED_BYTES], const struct destroyed *d)
{
    memcpy(out, magic, sizeof magic);
    store_u16(out + 8, DESTROYED_VERSION);
    store_u16(out + 10, d->who);
    store_u32(out + 12, d->what);
    memcpy(out + 16, d->contract.bytes, HASH_BYTES);
    memcpy(out + 48, d->session.bytes, HASH_BYTES);
    store_u64(out + 80, d->when);
}

void destroyed_encode(uint8_t out[DESTROYED_BYTES], const struct destroyed *d)
{
    destroyed_signed_bytes(out, d);
    memcpy(out + DESTROYED_SIGNED_BYTES, d->signature.bytes, SIGNATURE_BYTES);
}

status destroyed_decode(struct destroyed *out, const uint8_t *bytes, size_t len)
{
    if (len != DESTROYED_BYTES || memcmp(bytes, magic, sizeof magic) != 0 || load_u16(bytes + 8) != DESTROYED_VERSION)
        return STATUS_MALFORMED;
    out->who = load_u16(bytes + 10);
    out->what = load_u32(bytes + 12);
    memcpy(out->contract.bytes, bytes + 16, HASH_BYTES);
    memcpy(out->session.bytes, bytes + 48, HASH_BYTES);
    out->when = load_u64(bytes + 80);
    memcpy(out->signature.bytes, bytes + DESTROYED_SIGNED_BYTES, SIGNATURE_BYTES);
    return out->who < PARTIES_MAX ? OK : STATUS_MALFORMED;
}

uint32_t destroyed_expected(const struct contract *c)
{
    return DESTROYED_SECRETS | DESTROYED_BODIES | (c->auditor[0] ? DESTROYED_SEAL : 0u);
}

const char *destroyed_wrong(const struct destroyed *d, const struct contract *c, const struct hash *contract_id,
                            const struct hash *session, party who)
{
    uint8_t bytes[DESTROYED_SIGNED_BYTES];

    if (!hash_equal(&d->contract, contract_id) || !hash_equal(&d->session, session))
        return "it is about another session";
    if (d->who != who || who >= c->parties)
        return "it is of another party";
    destroyed_signed_bytes(bytes, d);
    if (sign_check(&d->signature, &c->party[who].identity, DESTROYED_SIGN_TAG, bytes, sizeof bytes) != OK)
        return "it is not signed by the identity key in the contract";
    if (d->when < contract_destroy_after(c))
        return "it was destroyed before the contract allows";
    if (d->what != destroyed_expected(c))
        return "it does not say that all of it is gone";
    return NULL;
}
