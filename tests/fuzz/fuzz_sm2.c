/* Public keys, points and signatures of SM2 from any bytes: what is accepted has no second encoding, and no bytes are a
 * signature under a key whose secret nobody used.  33 bytes of a key, 65 of a point, 64 of a signature, then a text. */
#include "crypto/sm2.h"

#include <assert.h>
#include <openssl/err.h>
#include <string.h>

enum { POINT_BYTES = 65, FIXED_BYTES = SM2_PUBLIC_BYTES + POINT_BYTES + SM2_SIGNATURE_BYTES };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A key with a known secret; its signature of "fuzz" is in the corpus, and is the only one that may pass. */
static void known(struct sm2_public *pub, struct sm2_signature *sig)
{
    static const struct rng_key seed = {.bytes = {'f', 'u', 'z', 'z'}};
    struct sm2_secret sec;
    struct hash z;
    status code;

    sm2_keypair(pub, &sec, &seed);
    code = sm2_z(&z, pub, SM2_DEFAULT_ID);
    assert(code == OK);
    sm2_sign(sig, &sec, &z, "fuzz", 4);
}

static void try_public(const uint8_t *bytes)
{
    struct sm2_public pub, again;
    uint8_t point[POINT_BYTES];

    memcpy(pub.bytes, bytes, sizeof pub.bytes);
    if (sm2_public_check(&pub) == OK) {
        status code = sm2_public_to_point(point, &pub);

        assert(code == OK);
        code = sm2_public_from_point(&again, point);
        assert(code == OK && memcmp(&again, &pub, sizeof pub) == 0);
    }
}

static void try_point(const uint8_t *bytes)
{
    struct sm2_public pub;
    uint8_t point[POINT_BYTES];

    if (sm2_public_from_point(&pub, bytes) == OK) {
        status code = sm2_public_to_point(point, &pub);

        assert(code == OK && memcmp(point, bytes, sizeof point) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct sm2_public pub;
    static struct sm2_signature expected;
    struct sm2_signature sig;
    status range, verdict;

    if (!pub.bytes[0])
        known(&pub, &expected);
    if (len < FIXED_BYTES)
        return 0;
    try_public(bytes);
    try_point(bytes + SM2_PUBLIC_BYTES);
    memcpy(sig.bytes, bytes + SM2_PUBLIC_BYTES + POINT_BYTES, sizeof sig.bytes);
    range = sm2_signature_check(&sig);
    verdict = sm2_verify(&sig, &pub, SM2_DEFAULT_ID, bytes + FIXED_BYTES, len - FIXED_BYTES);
    assert(range == OK || verdict == STATUS_UNTRUSTED);
    assert((verdict == OK) == (len - FIXED_BYTES == 4 && memcmp(bytes + FIXED_BYTES, "fuzz", 4) == 0 &&
                               memcmp(&sig, &expected, sizeof sig) == 0));
    assert(ERR_peek_error() == 0);
    return 0;
}
