#include "kit/signed_note.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { KEY_BYTES = 1 + crypto_sign_PUBLICKEYBYTES, ID_BYTES = 4, NAME_BYTES = 256 };

static int from_base64(unsigned char *out, size_t want, const char *text, size_t len)
{
    size_t got = 0;

    return sodium_base642bin(out, want, text, len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 && got == want;
}

static void key_id(unsigned char digest[crypto_hash_sha256_BYTES], const char *name, const unsigned char typed[KEY_BYTES])
{
    crypto_hash_sha256_state h;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const unsigned char *)name, strlen(name));
    crypto_hash_sha256_update(&h, (const unsigned char *)"\n", 1);
    crypto_hash_sha256_update(&h, typed, KEY_BYTES);
    crypto_hash_sha256_final(&h, digest);
}

int signed_note_is_good(const char *note, const char *key, char text[SIGNED_NOTE_TEXT_MAX])
{
    const char *first = strchr(key, '+'), *second = first ? strchr(first + 1, '+') : NULL, *blank = strstr(note, "\n\n"), *at;
    unsigned char typed[KEY_BYTES], signature[ID_BYTES + crypto_sign_BYTES], digest[crypto_hash_sha256_BYTES];
    char name[NAME_BYTES], prefix[NAME_BYTES + 8], hash[2 * ID_BYTES + 1];

    if (!second || !blank || first - key >= NAME_BYTES || blank + 1 - note >= SIGNED_NOTE_TEXT_MAX)
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)(first - key), key);
    if (!from_base64(typed, sizeof typed, second + 1, strcspn(second + 1, "\n")) || typed[0] != 1)
        return 0;
    key_id(digest, name, typed);
    sodium_bin2hex(hash, sizeof hash, digest, ID_BYTES);
    snprintf(prefix, sizeof prefix, "\xe2\x80\x94 %s ", name);
    at = blank + 2 + strlen(prefix);
    if (strncmp(hash, first + 1, 2 * ID_BYTES) != 0 || strncmp(blank + 2, prefix, strlen(prefix)) != 0 ||
        !from_base64(signature, sizeof signature, at, strcspn(at, "\n")) || memcmp(signature, digest, ID_BYTES) != 0)
        return 0;
    snprintf(text, SIGNED_NOTE_TEXT_MAX, "%.*s", (int)(blank + 1 - note), note);
    return crypto_sign_verify_detached(signature + ID_BYTES, (const unsigned char *)text, strlen(text), typed + 1) == 0;
}
