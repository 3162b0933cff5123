#include "protocol/build.h"

#include <string.h>

enum { BUILD_FORM = 1 };

static const char magic[8] = {'H', 'E', 'F', 'U', 'M', 'A', 'D', 'E'};

void build_signed_bytes(uint8_t out[BUILD_SIGNED_BYTES], const struct build *b)
{
    memset(out, 0, BUILD_SIGNED_BYTES);
    memcpy(out, magic, sizeof magic);
    store_u16(out + 8, BUILD_FORM);
    store_u16(out + 10, b->who);
    memcpy(out + 12, b->contract.bytes, HASH_BYTES);
    memcpy(out + 44, b->session.bytes, HASH_BYTES);
    memcpy(out + 76, b->executable.bytes, HASH_BYTES);
    memcpy(out + 108, b->version, strnlen(b->version, BUILD_VERSION_BYTES - 1));
}

void build_encode(uint8_t out[BUILD_BYTES], const struct build *b)
{
    build_signed_bytes(out, b);
    memcpy(out + BUILD_SIGNED_BYTES, b->signature.bytes, SIGNATURE_BYTES);
}

/* Printable text, then zeros to the end, at least one. */
static int is_version(const char text[BUILD_VERSION_BYTES])
{
    const size_t len = strnlen(text, BUILD_VERSION_BYTES);

    for (size_t i = 0; i < BUILD_VERSION_BYTES; i++)
        if (i < len ? text[i] <= ' ' || text[i] > '~' : text[i] != '\0')
            return 0;
    return len > 0 && len < BUILD_VERSION_BYTES;
}

status build_decode(struct build *out, const uint8_t *bytes, size_t len)
{
    if (len != BUILD_BYTES || memcmp(bytes, magic, sizeof magic) != 0 || load_u16(bytes + 8) != BUILD_FORM)
        return STATUS_MALFORMED;
    out->who = load_u16(bytes + 10);
    memcpy(out->contract.bytes, bytes + 12, HASH_BYTES);
    memcpy(out->session.bytes, bytes + 44, HASH_BYTES);
    memcpy(out->executable.bytes, bytes + 76, HASH_BYTES);
    memcpy(out->version, bytes + 108, BUILD_VERSION_BYTES);
    memcpy(out->signature.bytes, bytes + BUILD_SIGNED_BYTES, SIGNATURE_BYTES);
    return out->who < PARTIES_MAX && is_version(out->version) ? OK : STATUS_MALFORMED;
}

const char *build_wrong(const struct build *b, const struct contract *c, const struct hash *contract_id,
                        const struct hash *session, party who)
{
    uint8_t bytes[BUILD_SIGNED_BYTES];

    if (!hash_equal(&b->contract, contract_id) || !hash_equal(&b->session, session))
        return "it is about another session";
    if (b->who != who || who >= c->parties)
        return "it is of another party";
    build_signed_bytes(bytes, b);
    if (sign_check(&b->signature, &c->party[who].identity, BUILD_SIGN_TAG, bytes, sizeof bytes) != OK)
        return "it is not signed by the identity key in the contract";
    return NULL;
}
