/* A session, its verification and its replay use the algorithms of their contract's suite and none of the other's: every call of
 * these is counted.  What oblivious transfer and the intersection hash with is part of their mathematics, the same in both
 * suites, so the sessions here have the linear sigmoid, and crypto_hash_sha512 is not counted. */
#include "kit/cmocka.h"
#include "kit/honest.h"

#include "crypto/sm2.h"
#include "crypto/sm3.h"
#include "crypto/sm4.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <stdatomic.h>

enum counted { INT1_CALLS, GM1_CALLS };
static atomic_ulong calls[2];

/* tests/CMakeLists.txt reads the names. */
#define COUNT(whose, type, name, parameters, arguments) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters \
    { \
        calls[whose]++; \
        return __real_##name arguments; \
    }

COUNT(INT1_CALLS, int, crypto_sign_seed_keypair, (unsigned char *pub, unsigned char *sec, const unsigned char *seed), (pub, sec, seed))
COUNT(INT1_CALLS, int, crypto_sign_detached,
      (unsigned char *sig, unsigned long long *sig_len, const unsigned char *m, unsigned long long len, const unsigned char *sec),
      (sig, sig_len, m, len, sec))
COUNT(INT1_CALLS, int, crypto_sign_verify_detached,
      (const unsigned char *sig, const unsigned char *m, unsigned long long len, const unsigned char *pub), (sig, m, len, pub))
COUNT(INT1_CALLS, int, crypto_scalarmult, (unsigned char *out, const unsigned char *n, const unsigned char *p), (out, n, p))
COUNT(INT1_CALLS, int, crypto_scalarmult_base, (unsigned char *out, const unsigned char *n), (out, n))
COUNT(INT1_CALLS, int, crypto_generichash_init,
      (crypto_generichash_state *st, const unsigned char *key, const size_t key_len, const size_t len), (st, key, key_len, len))
COUNT(INT1_CALLS, int, crypto_stream_chacha20_xor_ic,
      (unsigned char *out, const unsigned char *in, unsigned long long len, const unsigned char *nonce, uint64_t block,
       const unsigned char *key),
      (out, in, len, nonce, block, key))
COUNT(INT1_CALLS, int, SHA256_Init, (SHA256_CTX *c), (c))
COUNT(GM1_CALLS, void, sm3_init, (struct sm3 *h), (h))
COUNT(GM1_CALLS, void, sm4_init, (struct sm4 *c, const uint8_t *key), (c, key))
COUNT(GM1_CALLS, void, sm2_sign,
      (struct sm2_signature *sig, const struct sm2_secret *sec, const struct hash *z, const void *bytes, size_t len),
      (sig, sec, z, bytes, len))
COUNT(GM1_CALLS, status, sm2_verify,
      (const struct sm2_signature *sig, const struct sm2_public *pub, const char *id, const void *bytes, size_t len),
      (sig, pub, id, bytes, len))
COUNT(GM1_CALLS, status, sm2_exchange,
      (uint8_t *key, size_t len, int initiator, const struct sm2_exchange_secret *mine, const struct sm2_exchange_public *my_public,
       const struct sm2_exchange_public *theirs),
      (key, len, initiator, mine, my_public, theirs))

/* Three parties agree, train, are verified and replayed. */
static void play(enum suite s)
{
    static const struct honest_shape shape = {.parties = 3, .rows = 120, .key_bits = 512, .columns = 2, .passes = 3, .bins = 3};
    static struct dataset data[PARTIES_MAX];
    static struct sim sim;
    const char *complaint;

    honest_lay(&sim, data, &shape, 7);
    sim.contract.suite = (uint8_t)s;
    calls[INT1_CALLS] = calls[GM1_CALLS] = 0; /* the tables were drawn in INT1 */
    sim_approve(&sim, 7);
    assert_int_equal(sim_run(&sim, NULL), OK);
    complaint = honest_complaint(&sim, NULL);
    if (complaint)
        fail_msg("%s", complaint);
    for (party p = 0; p < shape.parties; p++)
        dataset_clear(&data[p]);
    sim_clear(&sim);
}

static void a_session_of_gm1_uses_nothing_of_int1(void **state)
{
    (void)state;
    play(SUITE_GM1);
    assert_int_equal(calls[INT1_CALLS], 0);
    assert_true(calls[GM1_CALLS] > 1000);
}

static void a_session_of_int1_uses_nothing_of_gm1(void **state)
{
    (void)state;
    play(SUITE_INT1);
    assert_int_equal(calls[GM1_CALLS], 0);
    assert_true(calls[INT1_CALLS] > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_of_gm1_uses_nothing_of_int1),
        cmocka_unit_test(a_session_of_int1_uses_nothing_of_gm1),
    };

    return cmocka_run_group_tests_name("suites", tests, NULL, NULL);
}
