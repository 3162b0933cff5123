#include "kit/signed_note.h"

#include "crypto/sm2.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Ed25519, and the type that Hefu gives itself as the format provides for. */
static const char sm2_type[] = "\xff" "sm2-with-sm3";

enum { ED25519_BYTES = 1 + crypto_sign_PUBLICKEYBYTES, SM2_TYPE = sizeof sm2_type - 1, SM2_BYTES = SM2_TYPE + SM2_PUBLIC_BYTES,
       KEY_BYTES_MAX = SM2_BYTES, ID_BYTES = 4, NAME_BYTES = 256 };

static size_t from_base64(unsigned char *out, size_t cap, const char *text, size_t len)
{
    size_t got = 0;

    return sodium_base642bin(out, cap, text, len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 ? got : 0;
}

static int is_signed(const unsigned char *typed, size_t typed_len, const unsigned char *signature, const char *text)
{
    struct sm2_signature sig;
    struct sm2_public key;

    if (typed_len == ED25519_BYTES && typed[0] == 1)
        return crypto_sign_verify_detached(signature, (const unsigned char *)text, strlen(text), typed + 1) == 0;
    if (typed_len != SM2_BYTES || memcmp(typed, sm2_type, SM2_TYPE) != 0)
        return 0;
    memcpy(key.bytes, typed + SM2_TYPE, sizeof key.bytes);
    memcpy(sig.bytes, signature, sizeof sig.bytes);
    return sm2_verify(&sig, &key, SM2_DEFAULT_ID, text, strlen(text)) == OK;
}

static void key_id(unsigned char digest[crypto_hash_sha256_BYTES], const char *name, const unsigned char *typed, size_t len)
{
    crypto_hash_sha256_state h;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const unsigned char *)name, strlen(name));
    crypto_hash_sha256_update(&h, (const unsigned char *)"\n", 1);
    crypto_hash_sha256_update(&h, typed, len);
    crypto_hash_sha256_final(&h, digest);
}

int signed_note_is_good(const char *note, const char *key, char text[SIGNED_NOTE_TEXT_MAX])
{
    const char *first = strchr(key, '+'), *second = first ? strchr(first + 1, '+') : NULL, *blank = strstr(note, "\n\n"), *at;
    unsigned char typed[KEY_BYTES_MAX], signature[ID_BYTES + crypto_sign_BYTES], digest[crypto_hash_sha256_BYTES];
    size_t typed_len;
    char name[NAME_BYTES], prefix[NAME_BYTES + 8], hash[2 * ID_BYTES + 1];

    if (!second || !blank || first - key >= NAME_BYTES || blank + 1 - note >= SIGNED_NOTE_TEXT_MAX)
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)(first - key), key);
    typed_len = from_base64(typed, sizeof typed, second + 1, strcspn(second + 1, "\n"));
    key_id(digest, name, typed, typed_len);
    sodium_bin2hex(hash, sizeof hash, digest, ID_BYTES);
    snprintf(prefix, sizeof prefix, "\xe2\x80\x94 %s ", name);
    at = blank + 2 + strlen(prefix);
    if (strncmp(hash, first + 1, 2 * ID_BYTES) != 0 || strncmp(blank + 2, prefix, strlen(prefix)) != 0 ||
        from_base64(signature, sizeof signature, at, strcspn(at, "\n")) != sizeof signature || memcmp(signature, digest, ID_BYTES) != 0)
        return 0;
    snprintf(text, SIGNED_NOTE_TEXT_MAX, "%.*s", (int)(blank + 1 - note), note);
    return is_signed(typed, typed_len, signature + ID_BYTES, text);
}
