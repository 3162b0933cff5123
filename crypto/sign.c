#include "crypto/sign.h"

#include <sodium.h>
#include <string.h>

void sign_secret_clear(struct sign_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

void kx_secret_clear(struct kx_secret *s)
{
    sodium_memzero(s, sizeof *s);
}

void sign_keypair(struct sign_public *pub, struct sign_secret *sec, const struct rng_key *seed)
{
    crypto_sign_seed_keypair(pub->bytes, sec->bytes, seed->bytes);
}

void kx_keypair(struct kx_public *pub, struct kx_secret *sec, const struct rng_key *seed)
{
    memcpy(sec->bytes, seed->bytes, KX_BYTES);
    crypto_scalarmult_base(pub->bytes, sec->bytes);
}

static void digest(struct hash *out, const char *tag, const void *bytes, size_t len)
{
    struct hasher h;

    hasher_init(&h, tag);
    hasher_add(&h, bytes, len);
    hasher_final(&h, out);
}

void sign_make(struct signature *sig, const struct sign_secret *sec, const char *tag, const void *bytes, size_t len)
{
    struct hash h;

    digest(&h, tag, bytes, len);
    crypto_sign_detached(sig->bytes, NULL, h.bytes, HASH_BYTES, sec->bytes);
}

status sign_check(const struct signature *sig, const struct sign_public *pub, const char *tag, const void *bytes,
                  size_t len)
{
    struct hash h;

    digest(&h, tag, bytes, len);
    return crypto_sign_verify_detached(sig->bytes, h.bytes, HASH_BYTES, pub->bytes) == 0 ? OK : STATUS_UNTRUSTED;
}

void sign_text(struct signature *sig, const struct sign_secret *sec, const char *text, size_t len)
{
    crypto_sign_detached(sig->bytes, NULL, (const unsigned char *)text, len, sec->bytes);
}

status sign_text_check(const struct signature *sig, const struct sign_public *pub, const char *text, size_t len)
{
    return crypto_sign_verify_detached(sig->bytes, (const unsigned char *)text, len, pub->bytes) == 0 ? OK : STATUS_UNTRUSTED;
}

status kx_shared(struct rng_key *out, const struct kx_secret *mine, const struct kx_public *theirs,
                 const struct kx_public *my_public, const void *context, size_t context_len)
{
    uint8_t point[crypto_scalarmult_BYTES];
    const struct kx_public *first = my_public, *second = theirs;
    struct hasher h;
    struct hash digest_out;

    if (crypto_scalarmult(point, mine->bytes, theirs->bytes) != 0)
        return STATUS_UNTRUSTED;
    if (memcmp(first->bytes, second->bytes, KX_BYTES) > 0) {
        first = theirs;
        second = my_public;
    }
    hasher_init(&h, "hefu/pair/v1");
    hasher_add(&h, point, sizeof point);
    hasher_add(&h, first->bytes, KX_BYTES);
    hasher_add(&h, second->bytes, KX_BYTES);
    hasher_add(&h, context, context_len);
    hasher_final(&h, &digest_out);
    memcpy(out->bytes, digest_out.bytes, sizeof out->bytes);
    sodium_memzero(point, sizeof point);
    sodium_memzero(&h, sizeof h);
    sodium_memzero(&digest_out, sizeof digest_out);
    return OK;
}
