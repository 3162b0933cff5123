/* What is sealed to an auditor, and statements that it was destroyed, from any bytes: no crash, and nothing is accepted but the
 * one encoding.  The first byte chooses: 0 bytes as they lie on disk, 1 bytes inside of a good seal, 3 and 4 the same in suite GM1,
 * other odd numbers what is inside as it is, other even ones a statement. */
#include "crypto/sm2_seal.h"
#include "node/local/audit_seal.h"
#include "protocol/destroyed.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The corpus has a content of this place. */
static const struct audit_place place = {.contract = {{1}}, .session = {{2}}, .who = 1, .attempt = 0};

static struct audit_key key, gm1_key;

static void open_bytes(const struct audit_key *with, const uint8_t *sealed, size_t len, const uint8_t *content)
{
    struct audit_secrets out = {0}, none = {0};
    struct fault f = {0};
    const status code = audit_seal_open(&out, with, sealed, len, &place, &f);

    assert(code == OK || (code == STATUS_MISMATCH && f.message[0] && memcmp(&out, &none, sizeof out) == 0));
    if (code != OK)
        return;
    assert(content && memcmp(content, "HEFUSEAL\0\1\0\1\0\0\0\0", 16) == 0); /* nobody guesses a box */
    assert(hash_equal(&out.place.contract, &place.contract) && hash_equal(&out.place.session, &place.session));
    assert(memcmp(out.seed.bytes, content + 88, 32) == 0 && memcmp(out.start.bytes, content + 120, 32) == 0);
}

static void read_content(const uint8_t *content, size_t len)
{
    uint8_t again[AUDIT_SEAL_CONTENT];
    struct audit_secrets s = {0};

    if (len != AUDIT_SEAL_CONTENT || audit_secrets_decode(&s, content) != OK)
        return;
    audit_secrets_encode(again, &s);
    assert(memcmp(again, content, len) == 0);
}

/* A box of another length is refused unopened.  Sealing is slow, and what is inside is read below as it is: one in 64, the first
 * among them. */
static int worth_sealing(size_t len)
{
    static unsigned turn;

    return len == AUDIT_SEAL_CONTENT && turn++ % 64 == 0;
}

static void open_content(const uint8_t *content, size_t len)
{
    uint8_t box[AUDIT_SEAL_MAX];

    read_content(content, len);
    if (!worth_sealing(len))
        return;
    (void)crypto_box_seal(box, content, len, key.pub.bytes + 1);
    open_bytes(&key, box, audit_seal_bytes(SUITE_INT1), content);
}

static void open_gm1_content(const uint8_t *content, size_t len)
{
    static const struct rng_key fresh = {.bytes = {3}};
    uint8_t box[AUDIT_SEAL_MAX];
    struct sm2_public point;

    read_content(content, len);
    if (!worth_sealing(len))
        return;
    memcpy(point.bytes, gm1_key.pub.bytes, sizeof point.bytes);
    if (sm2_seal(box, &point, &fresh, content, len) == OK)
        open_bytes(&gm1_key, box, audit_seal_bytes(SUITE_GM1), content);
}

static void make_keys(void)
{
    status made;

    key.secret = (struct seal_secret){.bytes = {1}, .suite = SUITE_INT1};
    gm1_key.secret = (struct seal_secret){.bytes = {1}, .suite = SUITE_GM1};
    made = seal_public_of(&key.pub, &key.secret);
    assert(made == OK);
    made = seal_public_of(&gm1_key.pub, &gm1_key.secret);
    assert(made == OK);
}

static void read_statement(const uint8_t *bytes, size_t len)
{
    const struct contract c = {.parties = 2};
    uint8_t again[DESTROYED_BYTES];
    struct destroyed d;

    if (destroyed_decode(&d, bytes, len) != OK)
        return;
    destroyed_encode(again, &d);
    assert(len == sizeof again && memcmp(bytes, again, len) == 0);
    assert(destroyed_wrong(&d, &c, &place.contract, &place.session, place.who)); /* the key in the contract is nobody's */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!key.secret.bytes[0])
        make_keys();
    if (len == 0)
        return 0;
    if (bytes[0] == 0)
        open_bytes(&key, bytes + 1, len - 1, NULL);
    else if (bytes[0] == 1)
        open_content(bytes + 1, len - 1);
    else if (bytes[0] == 3)
        open_bytes(&gm1_key, bytes + 1, len - 1, NULL);
    else if (bytes[0] == 4)
        open_gm1_content(bytes + 1, len - 1);
    else if (bytes[0] % 2)
        read_content(bytes + 1, len - 1);
    else
        read_statement(bytes + 1, len - 1);
    return 0;
}
