#include "node/local/audit_seal.h"

#include "node/local/files.h"
#include "node/local/openssl.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum { SEAL_VERSION = 1 };

static_assert(AUDIT_SEAL_BYTES == AUDIT_SEAL_CONTENT + crypto_box_SEALBYTES && KX_BYTES == crypto_box_PUBLICKEYBYTES &&
                  KX_BYTES == crypto_box_SECRETKEYBYTES,
              "what sealing adds, and to which keys");

static const char magic[8] = {'H', 'E', 'F', 'U', 'S', 'E', 'A', 'L'};

/* ---- keys ---- */

void audit_key_clear(struct audit_key *k)
{
    sodium_memzero(k, sizeof *k);
}

void audit_secrets_clear(struct audit_secrets *s)
{
    sodium_memzero(s, sizeof *s);
}

status audit_key_create(struct kx_public *pub, const char *path, struct fault *f)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    size_t len = KX_BYTES;

    TRY(openssl_new_exchange_key(&key));
    if (EVP_PKEY_get_raw_public_key(key, pub->bytes, &len) != 1 || len != KX_BYTES)
        return STATUS_NO_MEMORY;
    return openssl_create_key_file(path, key, f);
}

status audit_key_load(struct audit_key *out, const char *path, struct fault *f)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    size_t pub_len = KX_BYTES, secret_len = KX_BYTES;

    TRY(openssl_load_exchange_key(&key, path, f));
    if (EVP_PKEY_get_raw_public_key(key, out->pub.bytes, &pub_len) != 1 || pub_len != KX_BYTES ||
        EVP_PKEY_get_raw_private_key(key, out->secret.bytes, &secret_len) != 1 || secret_len != KX_BYTES)
        return fault_set(f, STATUS_CONFIG, "%s: the key cannot be used", path);
    return OK;
}

/* ---- seals ---- */

/* The one layout of the content; what it is read with must give the same bytes again. */
static void content_encode(uint8_t out[AUDIT_SEAL_CONTENT], const struct audit_secrets *s)
{
    memcpy(out, magic, sizeof magic);
    store_u16(out + 8, SEAL_VERSION);
    store_u16(out + 10, s->place.who);
    store_u32(out + 12, s->place.attempt);
    memcpy(out + 16, s->place.contract.bytes, HASH_BYTES);
    memcpy(out + 48, s->place.session.bytes, HASH_BYTES);
    store_u64(out + 80, s->place.sealed_at);
    memcpy(out + 88, s->seed.bytes, sizeof s->seed.bytes);
    memcpy(out + 120, s->start.bytes, sizeof s->start.bytes);
}

static status content_decode(struct audit_secrets *out, const uint8_t in[AUDIT_SEAL_CONTENT])
{
    if (memcmp(in, magic, sizeof magic) != 0 || load_u16(in + 8) != SEAL_VERSION)
        return STATUS_MALFORMED;
    out->place.who = load_u16(in + 10);
    out->place.attempt = load_u32(in + 12);
    memcpy(out->place.contract.bytes, in + 16, HASH_BYTES);
    memcpy(out->place.session.bytes, in + 48, HASH_BYTES);
    out->place.sealed_at = load_u64(in + 80);
    memcpy(out->seed.bytes, in + 88, sizeof out->seed.bytes);
    memcpy(out->start.bytes, in + 120, sizeof out->start.bytes);
    return OK;
}

status audit_seal_make(uint8_t out[AUDIT_SEAL_BYTES], const struct kx_public *auditor, const struct audit_secrets *s,
                       struct fault *f)
{
    uint8_t content[AUDIT_SEAL_CONTENT];
    int sealed;

    content_encode(content, s);
    sealed = crypto_box_seal(out, content, sizeof content, auditor->bytes);
    sodium_memzero(content, sizeof content);
    return sealed == 0 ? OK : fault_set(f, STATUS_CONFIG, "nothing can be sealed to the auditor's key: it is of low order");
}

static const char *difference(const struct audit_place *is, const struct audit_place *expected)
{
    return !hash_equal(&is->contract, &expected->contract) ? "another contract"
           : is->who != expected->who                      ? "another party"
           : is->attempt != expected->attempt              ? "another attempt"
           : !hash_equal(&is->session, &expected->session) ? "another session of this contract"
                                                           : NULL;
}

status audit_seal_open(struct audit_secrets *out, const struct audit_key *key, const uint8_t *sealed, size_t len,
                       const struct audit_place *expected, struct fault *f)
{
    uint8_t content[AUDIT_SEAL_CONTENT];
    struct audit_secrets s AUTO(audit_secrets_clear) = {0};
    const char *other;
    status read;

    if (len != AUDIT_SEAL_BYTES)
        return fault_set(f, STATUS_MISMATCH, "the seal has %zu bytes instead of %d", len, AUDIT_SEAL_BYTES);
    if (crypto_box_seal_open(content, sealed, len, key->pub.bytes, key->secret.bytes) != 0)
        return fault_set(f, STATUS_MISMATCH, "the seal was changed, or made for another key than this one");
    read = content_decode(&s, content);
    sodium_memzero(content, sizeof content);
    if (read != OK)
        return fault_set(f, STATUS_MISMATCH, "what is sealed are not the secrets of a session");
    other = difference(&s.place, expected);
    if (other)
        return fault_set(f, STATUS_MISMATCH, "the seal is of %s", other);
    *out = s;
    return OK;
}
