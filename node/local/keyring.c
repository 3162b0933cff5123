#include "node/local/keyring.h"

#include "node/local/files.h"
#include "node/local/openssl.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* In guarded memory of its own, locked where the system allows. */
struct keyring {
    struct identity {
        struct sign_public public_key;
        struct sign_secret secret; /* suite 0: there is none */
    } identity[SUITE_GM1 + 1];     /* by suite */
    enum suite first;
    uint8_t storage[32];
    int can_seal;
};

void keyring_random(void *out, size_t len)
{
    randombytes_buf(out, len);
}

void keyring_free(struct keyring *k)
{
    sodium_free(k); /* wipes */
}

void keyring_clear(struct keyring **k)
{
    keyring_free(*k);
}

static status load_identity(enum suite *s, struct keyring *k, const char *path, struct fault *f)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    struct rng_key seed AUTO(rng_key_clear) = {.suite = SUITE_INT1};
    struct identity *me;

    TRY(openssl_load_key(&key, path, f));
    *s = openssl_key_suite(key);
    me = &k->identity[*s];
    if (me->secret.suite)
        return fault_set(f, STATUS_CONFIG, "%s: this node has an %s key already; one of the other kind is wanted here", path,
                         openssl_key_name(*s));
    if (!openssl_key_secret(seed.bytes, key))
        return fault_set(f, STATUS_CONFIG, "%s: the key cannot be used", path);
    if (*s == SUITE_INT1)
        sign_keypair(&me->public_key, &me->secret, &seed);
    else if (sign_keypair_sm2(&me->public_key, &me->secret, seed.bytes) != OK)
        return fault_set(f, STATUS_CONFIG, "%s: the key cannot be used", path);
    return OK;
}

static status read_storage_key(struct keyring *k, const char *path, struct fault *f)
{
    uint8_t *bytes = NULL;
    size_t len = 0;

    TRY(files_check_private(path, f));
    TRY(files_read(&bytes, &len, path, sizeof k->storage, f));
    if (len == sizeof k->storage)
        memcpy(k->storage, bytes, len);
    sodium_memzero(bytes, len);
    free(bytes);
    if (len == sizeof k->storage)
        return OK;
    fault_hint(f, "restore it from a backup; without it the seeds sealed so far cannot be replayed");
    return fault_set(f, STATUS_CONFIG, "%s: %zu bytes instead of %zu", path, len, sizeof k->storage);
}

static status load_storage_key(struct keyring *k, const char *state_dir, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    TRY(files_make_directory(state_dir, f));
    TRY(files_join(path, state_dir, "storage.key", f));
    if (!files_exist(path)) {
        struct fault race = {0};

        keyring_random(k->storage, sizeof k->storage);
        /* Of two processes that start together one creates the file; both then read the same key. */
        if (files_create(path, k->storage, sizeof k->storage, 0600, &race) != OK && !files_exist(path))
            return fault_set(f, race.code, "%s", race.message);
    }
    return read_storage_key(k, path, f);
}

status keyring_new(struct keyring **out, const char *key_path, const char *state_dir, struct fault *f)
{
    struct keyring *k AUTO(keyring_clear) = NULL;

    if (sodium_init() < 0)
        return fault_set(f, STATUS_IO, "the system gives no entropy");
    k = sodium_malloc(sizeof *k);
    if (!k)
        return STATUS_NO_MEMORY;
    memset(k, 0, sizeof *k);
    TRY(load_identity(&k->first, k, key_path, f));
    if (state_dir) {
        TRY(load_storage_key(k, state_dir, f));
        k->can_seal = 1;
    }
    sodium_mprotect_readonly(k);
    *out = k;
    k = NULL;
    return OK;
}

status keyring_add(struct keyring *k, const char *key_path, struct fault *f)
{
    enum suite s;
    status code;

    if (!key_path[0])
        return OK;
    sodium_mprotect_readwrite(k);
    code = load_identity(&s, k, key_path, f);
    sodium_mprotect_readonly(k);
    return code;
}

enum suite keyring_suite(const struct keyring *k)
{
    return k->first;
}

const struct sign_public *keyring_public(const struct keyring *k, enum suite s)
{
    return k->identity[s].secret.suite ? &k->identity[s].public_key : NULL;
}

void keyring_sign(const struct keyring *k, struct signature *sig, enum suite s, const char *tag, const void *bytes, size_t len)
{
    assert(k->identity[s].secret.suite == s);
    sign_make(sig, &k->identity[s].secret, tag, bytes, len);
}

/* The associated data: a fixed prefix keeps these uses of the key apart from any later one. */
static void seal_context(struct hash *out, enum suite s, const char *label)
{
    struct hasher h;

    hasher_init(&h, s, "hefu/seal/v1");
    hasher_add(&h, label, strlen(label));
    hasher_final(&h, out);
}

void keyring_seal(const struct keyring *k, uint8_t *out, enum suite s, const char *label, const void *bytes, size_t len)
{
    uint8_t *nonce = out + 1;
    struct hash context;

    assert(k->can_seal);
    seal_context(&context, s, label);
    out[0] = (uint8_t)s;
    keyring_random(nonce, SEAL_NONCE_BYTES);
    seal_make(nonce + SEAL_NONCE_BYTES, s, k->storage, nonce, context.bytes, HASH_BYTES, bytes, len);
}

status keyring_unseal(const struct keyring *k, uint8_t *out, enum suite s, const char *label, const uint8_t *sealed, size_t len)
{
    const uint8_t *nonce = sealed + 1;
    uint8_t *opened AUTO(auto_free) = NULL;
    struct hash context;

    assert(k->can_seal);
    if (len < KEYRING_SEAL_BYTES || sealed[0] != s)
        return STATUS_MISMATCH;
    seal_context(&context, s, label);
    TRY(alloc_zeroed(&opened, len, 1));
    if (seal_open(opened, s, k->storage, nonce, context.bytes, HASH_BYTES, nonce + SEAL_NONCE_BYTES,
                  len - 1 - SEAL_NONCE_BYTES) != OK)
        return STATUS_MISMATCH;
    memcpy(out, opened, len - KEYRING_SEAL_BYTES);
    sodium_memzero(opened, len);
    return OK;
}

void keyring_derive(const struct keyring *k, struct rng_key *out, enum suite s, const char *purpose, const char *name)
{
    struct rng_key storage AUTO(rng_key_clear) = {.suite = (uint8_t)s};

    static_assert(sizeof storage.bytes == sizeof k->storage, "keys are of one size");
    assert(k->can_seal);
    memcpy(storage.bytes, k->storage, sizeof storage.bytes);
    rng_key_derive(out, &storage, purpose, name, strlen(name));
}
