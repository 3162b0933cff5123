#include "protocol/note.h"

#include "crypto/wire.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* [c2sp.org/signed-note] an assigned type, or 0xff and a name of one's own. */
static const char type_ed25519[] = "\x01", type_sm2[] = "\xff" "sm2-with-sm3";

enum { KEY_ID_BYTES = 4, TYPED_KEY_MAX = sizeof type_sm2 - 1 + SIGN_PUBLIC_BYTES, ROOT_TEXT = sodium_base64_ENCODED_LEN(HASH_BYTES, sodium_base64_VARIANT_ORIGINAL),
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

    hasher_init(&h, j->contract->suite, "hefu/checkpoint/v2");
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

/* Type, then key: 32 bytes of Ed25519, or a compressed point. */
static size_t typed_key(uint8_t out[TYPED_KEY_MAX], const struct sign_public *key)
{
    const int ed25519 = sign_public_suite(key) == SUITE_INT1;
    const char *type = ed25519 ? type_ed25519 : type_sm2;
    const size_t type_len = strlen(type), skip = ed25519 ? 1 : 0;

    memcpy(out, type, type_len);
    memcpy(out + type_len, key->bytes + skip, SIGN_PUBLIC_BYTES - skip);
    return type_len + SIGN_PUBLIC_BYTES - skip;
}

/* [c2sp.org/signed-note] the first bytes of SHA-256(name, newline, type, key): a name, not a protection. */
static void key_id(uint8_t out[KEY_ID_BYTES], const char *name, const struct sign_public *key)
{
    uint8_t typed[TYPED_KEY_MAX];
    const size_t len = typed_key(typed, key);
    crypto_hash_sha256_state h;
    struct hash digest;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const unsigned char *)name, strlen(name));
    crypto_hash_sha256_update(&h, (const unsigned char *)"\n", 1);
    crypto_hash_sha256_update(&h, typed, len);
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
    uint8_t typed[TYPED_KEY_MAX], id[KEY_ID_BYTES];
    char name[NAME_MAX_BYTES], encoded[sodium_base64_ENCODED_LEN(sizeof typed, sodium_base64_VARIANT_ORIGINAL)];
    const size_t len = typed_key(typed, key);

    key_name(name, j, p);
    key_id(id, name, key);
    base64(encoded, sizeof encoded, typed, len);
    snprintf(out, NOTE_KEY_MAX, "%s+%02x%02x%02x%02x+%s", name, id[0], id[1], id[2], id[3], encoded);
}
