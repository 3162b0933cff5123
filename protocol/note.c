#include "protocol/note.h"

#include "crypto/wire.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { KEY_ID_BYTES = 4, ALGORITHM_ED25519 = 1, ROOT_TEXT = sodium_base64_ENCODED_LEN(HASH_BYTES, sodium_base64_VARIANT_ORIGINAL),
       NAME_MAX_BYTES = 5 + 2 * HASH_BYTES + 1 + PARTY_NAME_MAX };

void log_root_write(uint8_t out[LOG_ROOT_BYTES], const struct log_root *l)
{
    store_u64(out, l->size);
    memcpy(out + 8, l->root.bytes, HASH_BYTES);
}

void log_root_read(struct log_root *out, const uint8_t in[LOG_ROOT_BYTES])
{
    out->size = load_u64(in);
    memcpy(out->root.bytes, in + 8, HASH_BYTES);
}

void joint_hash(struct hash *out, const struct joint_point *j)
{
    struct hasher h;

    hasher_init(&h, "hefu/checkpoint/v2");
    hasher_add_hash(&h, j->session);
    hasher_add_u64(&h, j->pass);
    for (party p = 0; p < j->contract->parties; p++) {
        hasher_add_u64(&h, j->log[p].size);
        hasher_add_hash(&h, &j->log[p].root);
    }
    hasher_final(&h, out);
}

static void key_name(char out[NAME_MAX_BYTES], const struct joint_point *j, party p)
{
    char hex[2 * HASH_BYTES + 1];

    hash_hex(j->session, hex);
    snprintf(out, NAME_MAX_BYTES, "hefu/%s/%s", hex, j->contract->party[p].name);
}

static void base64(char *out, size_t cap, const void *bytes, size_t len)
{
    sodium_bin2base64(out, cap, bytes, len, sodium_base64_VARIANT_ORIGINAL);
}

size_t note_text(char out[NOTE_TEXT_MAX], const struct joint_point *j, party p)
{
    char name[NAME_MAX_BYTES], root[ROOT_TEXT];
    size_t len;

    key_name(name, j, p);
    base64(root, sizeof root, j->log[p].root.bytes, HASH_BYTES);
    len = (size_t)snprintf(out, NOTE_TEXT_MAX, "%s\n%llu\n%s\n", name, (unsigned long long)j->log[p].size, root);
    if (j->pass == NOTE_END)
        len += (size_t)snprintf(out + len, NOTE_TEXT_MAX - len, "end\n");
    else
        len += (size_t)snprintf(out + len, NOTE_TEXT_MAX - len, "pass %u\n", j->pass);
    for (party q = 0; q < j->contract->parties; q++) {
        base64(root, sizeof root, j->log[q].root.bytes, HASH_BYTES);
        len += (size_t)snprintf(out + len, NOTE_TEXT_MAX - len, "log %s %llu %s\n", j->contract->party[q].name,
                                (unsigned long long)j->log[q].size, root);
    }
    assert(len < NOTE_TEXT_MAX);
    return len;
}

void note_sign(struct signature *out, const struct sign_secret *key, const struct joint_point *j, party self)
{
    char text[NOTE_TEXT_MAX];
    size_t len = note_text(text, j, self);

    sign_text(out, key, text, len);
}

status note_check(const struct signature *s, const struct sign_public *key, const struct joint_point *j, party p)
{
    char text[NOTE_TEXT_MAX];
    size_t len = note_text(text, j, p);

    return sign_text_check(s, key, text, len);
}

/* [c2sp.org/signed-note] the first bytes of SHA-256(name, newline, algorithm, key). */
static void key_id(uint8_t out[KEY_ID_BYTES], const char *name, const struct sign_public *key)
{
    const uint8_t algorithm = ALGORITHM_ED25519;
    crypto_hash_sha256_state h;
    struct hash digest;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const unsigned char *)name, strlen(name));
    crypto_hash_sha256_update(&h, (const unsigned char *)"\n", 1);
    crypto_hash_sha256_update(&h, &algorithm, 1);
    crypto_hash_sha256_update(&h, key->bytes, SIGN_PUBLIC_BYTES);
    crypto_hash_sha256_final(&h, digest.bytes);
    memcpy(out, digest.bytes, KEY_ID_BYTES);
}

size_t note_write(char out[NOTE_TEXT_MAX], const struct joint_point *j, party p, const struct sign_public *key,
                  const struct signature *s)
{
    uint8_t line[KEY_ID_BYTES + SIGNATURE_BYTES];
    char name[NAME_MAX_BYTES], encoded[sodium_base64_ENCODED_LEN(sizeof line, sodium_base64_VARIANT_ORIGINAL)];
    size_t len = note_text(out, j, p);

    key_name(name, j, p);
    key_id(line, name, key);
    memcpy(line + KEY_ID_BYTES, s->bytes, SIGNATURE_BYTES);
    base64(encoded, sizeof encoded, line, sizeof line);
    len += (size_t)snprintf(out + len, NOTE_TEXT_MAX - len, "\n\xe2\x80\x94 %s %s\n", name, encoded);
    assert(len < NOTE_TEXT_MAX);
    return len;
}

void note_key(char out[NOTE_KEY_MAX], const struct joint_point *j, party p, const struct sign_public *key)
{
    uint8_t typed[1 + SIGN_PUBLIC_BYTES] = {ALGORITHM_ED25519}, id[KEY_ID_BYTES];
    char name[NAME_MAX_BYTES], encoded[sodium_base64_ENCODED_LEN(sizeof typed, sodium_base64_VARIANT_ORIGINAL)];

    key_name(name, j, p);
    key_id(id, name, key);
    memcpy(typed + 1, key->bytes, SIGN_PUBLIC_BYTES);
    base64(encoded, sizeof encoded, typed, sizeof typed);
    snprintf(out, NOTE_KEY_MAX, "%s+%02x%02x%02x%02x+%s", name, id[0], id[1], id[2], id[3], encoded);
}
