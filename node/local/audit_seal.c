#include "node/local/audit_seal.h"

#include "crypto/sm2_seal.h"
#include "node/local/files.h"
#include "node/local/keyring.h"
#include "node/local/openssl.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum { SEAL_VERSION = 1 };

static_assert(AUDIT_SEAL_MAX == AUDIT_SEAL_CONTENT + SM2_SEAL_BYTES && SM2_SEAL_BYTES > crypto_box_SEALBYTES, "what sealing adds");

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

static status read_key(struct audit_key *out, const EVP_PKEY *key, const char *path, struct fault *f)
{
    out->secret.suite = openssl_key_suite(key);
    if (!openssl_key_secret(out->secret.bytes, key) || seal_public_of(&out->pub, &out->secret) != OK)
        return fault_set(f, STATUS_CONFIG, "%s: the key cannot be used", path);
    return OK;
}

status audit_key_create(struct seal_public *pub, enum suite s, const char *path, struct fault *f)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    struct audit_key made AUTO(audit_key_clear) = {0};

    TRY(openssl_new_exchange_key(&key, s));
    TRY(read_key(&made, key, path, f));
    *pub = made.pub;
    return openssl_create_key_file(path, key, f);
}

status audit_key_load(struct audit_key *out, const char *path, struct fault *f)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;

    TRY(openssl_load_exchange_key(&key, path, f));
    return read_key(out, key, path, f);
}

/* ---- seals ---- */

void audit_secrets_encode(uint8_t out[AUDIT_SEAL_CONTENT], const struct audit_secrets *s)
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

status audit_secrets_decode(struct audit_secrets *out, const uint8_t in[AUDIT_SEAL_CONTENT])
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

size_t audit_seal_bytes(enum suite s)
{
    return AUDIT_SEAL_CONTENT + (s == SUITE_GM1 ? SM2_SEAL_BYTES : crypto_box_SEALBYTES);
}

static status seal_content(uint8_t *out, const struct seal_public *auditor, const uint8_t content[AUDIT_SEAL_CONTENT])
{
    const struct sm2_public point = sm2_public_of_bytes(auditor->bytes);
    struct rng_key fresh AUTO(rng_key_clear) = {0};

    if (seal_public_suite(auditor) == SUITE_INT1)
        return crypto_box_seal(out, content, AUDIT_SEAL_CONTENT, auditor->bytes + 1) == 0 ? OK : STATUS_MALFORMED;
    keyring_random(fresh.bytes, sizeof fresh.bytes);
    return sm2_seal(out, &point, &fresh, content, AUDIT_SEAL_CONTENT);
}

static status open_content(uint8_t content[AUDIT_SEAL_CONTENT], const struct audit_key *key, const uint8_t *sealed, size_t len)
{
    struct sm2_secret d AUTO(sm2_secret_clear);

    if (key->secret.suite == SUITE_INT1)
        return crypto_box_seal_open(content, sealed, len, key->pub.bytes + 1, key->secret.bytes) == 0 ? OK : STATUS_MISMATCH;
    memcpy(d.bytes, key->secret.bytes, sizeof d.bytes);
    return sm2_unseal(content, &d, sealed, len);
}

status audit_seal_make(uint8_t *out, const struct seal_public *auditor, const struct audit_secrets *s, struct fault *f)
{
    uint8_t content[AUDIT_SEAL_CONTENT];
    status sealed;

    audit_secrets_encode(content, s);
    sealed = seal_content(out, auditor, content);
    sodium_memzero(content, sizeof content);
    return sealed == OK ? OK : fault_set(f, STATUS_CONFIG, "nothing can be sealed to the auditor's key");
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

    if (len != audit_seal_bytes(key->secret.suite))
        return fault_set(f, STATUS_MISMATCH, "the seal has %zu bytes instead of %zu", len, audit_seal_bytes(key->secret.suite));
    if (open_content(content, key, sealed, len) != OK)
        return fault_set(f, STATUS_MISMATCH, "the seal was changed, or made for another key than this one");
    read = audit_secrets_decode(&s, content);
    sodium_memzero(content, sizeof content);
    if (read != OK)
        return fault_set(f, STATUS_MISMATCH, "what is sealed are not the secrets of a session");
    other = difference(&s.place, expected);
    if (other)
        return fault_set(f, STATUS_MISMATCH, "the seal is of %s", other);
    *out = s;
    return OK;
}
