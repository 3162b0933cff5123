#include "crypto/sm4_seal.h"

#include "testing.h"
#include "vectors/gm_vectors.h"

#include <openssl/evp.h>

static const char example[] = "0123456789abcdeffedcba9876543210"; /* key and text of the standard */

static void a_block_encrypts_to_that_of_gb_t_32907(void **state)
{
    uint8_t block[SM4_BLOCK_BYTES];
    struct sm4 c AUTO(sm4_clear);

    (void)state;
    unhex(block, sizeof block, example);
    sm4_init(&c, block);
    sm4_encrypt(&c, block, block, 1);
    assert_hex(block, sizeof block, "681edf34d206965e86b3e94f536e4246");
}

/* Ten thousand where nothing is optimised: a million of them would take minutes. */
static void a_million_encryptions_end_as_in_gb_t_32907(void **state)
{
#ifdef __OPTIMIZE__
    const size_t times = 1000000;
    const char *const expected = "595298c7c6fd271f0402f804c33d3f66";
#else
    const size_t times = 10000;
    const char *const expected = "2d8bfc27381c68ecb316320ee72ba074";
#endif
    uint8_t block[SM4_BLOCK_BYTES];
    struct sm4 c AUTO(sm4_clear);

    (void)state;
    unhex(block, sizeof block, example);
    sm4_init(&c, block);
    for (size_t i = 0; i < times; i++)
        sm4_encrypt(&c, block, block, 1);
    assert_hex(block, sizeof block, expected);
}

static EVP_CIPHER_CTX *openssl(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    assert_non_null(ctx);
    assert_int_equal(EVP_EncryptInit_ex(ctx, cipher, NULL, key, iv), 1);
    assert_int_equal(EVP_CIPHER_CTX_set_padding(ctx, 0), 1);
    return ctx;
}

static void every_number_of_blocks_encrypts_as_openssl_has_it(void **state)
{
    enum { BLOCKS = 3 * SM4_BATCH + 1 };
    uint8_t key[SM4_KEY_BYTES], in[BLOCKS * SM4_BLOCK_BYTES], out[sizeof in], expected[sizeof in];
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "sm4 blocks");
    for (size_t blocks = 0; blocks <= BLOCKS; blocks++) {
        const size_t len = blocks * SM4_BLOCK_BYTES;
        struct sm4 c AUTO(sm4_clear);
        EVP_CIPHER_CTX *ctx;
        int written;

        rng_fill(&g, key, sizeof key);
        rng_fill(&g, in, sizeof in);
        ctx = openssl(EVP_sm4_ecb(), key, NULL);
        assert_int_equal(EVP_EncryptUpdate(ctx, expected, &written, in, (int)len), 1);
        EVP_CIPHER_CTX_free(ctx);
        sm4_init(&c, key);
        memset(out, 0xee, sizeof out);
        sm4_encrypt(&c, out, in, blocks);
        assert_memory_equal(out, expected, len);
        assert_true(len == sizeof out || out[len] == 0xee);
        sm4_encrypt(&c, in, in, blocks);
        assert_memory_equal(in, expected, len);
    }
}

/* Counters that carry into the upper half and over the top, too. */
static void the_counter_mode_is_openssls(void **state)
{
    static const char *const starts[] = {"00000000000000000000000000000000", "0000000000000000fffffffffffffff0",
                                         "fffffffffffffffffffffffffffffffe", "0123456789abcdeffedcba9876543210"};
    uint8_t key[SM4_KEY_BYTES], start[SM4_BLOCK_BYTES], in[1500], out[sizeof in], expected[sizeof in], zeros[sizeof in] = {0};
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "sm4 counter");
    for (size_t i = 0; i < 100; i++) {
        const size_t len = (size_t)rng_below(&g, sizeof in) + 1;
        struct sm4 c AUTO(sm4_clear);
        int written;

        rng_fill(&g, key, sizeof key);
        rng_fill(&g, in, sizeof in);
        unhex(start, sizeof start, starts[i % COUNT_OF(starts)]);
        sm4_init(&c, key);
        for (int nothing = 0; nothing < 2; nothing++) {
            EVP_CIPHER_CTX *ctx = openssl(EVP_sm4_ctr(), key, start);

            assert_int_equal(EVP_EncryptUpdate(ctx, expected, &written, nothing ? zeros : in, (int)len), 1);
            EVP_CIPHER_CTX_free(ctx);
            sm4_counter(&c, out, nothing ? NULL : in, len, start);
            assert_memory_equal(out, expected, len);
        }
        sm4_counter(&c, out, out, len, start);
        assert_memory_equal(out, zeros, len);
    }
}

/* ---- seals ---- */

struct sealed {
    uint8_t key[SM4_SEAL_KEY_BYTES], nonce[SM4_SEAL_NONCE_BYTES], plain[1000];
};

static void sealed_init(struct sealed *s)
{
    for (size_t i = 0; i < sizeof s->key; i++)
        s->key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof s->nonce; i++)
        s->nonce[i] = (uint8_t)(100 + i);
    for (size_t i = 0; i < sizeof s->plain; i++)
        s->plain[i] = (uint8_t)(7 * i);
}

static void a_seal_matches_its_vector_and_opens(void **state)
{
    enum { LEN = 100 };
    uint8_t out[LEN + SM4_SEAL_TAG_BYTES], back[LEN];
    struct sealed s;

    (void)state;
    sealed_init(&s);
    sm4_seal(out, s.key, s.nonce, "context", 7, s.plain, LEN);
    assert_hex(out, sizeof out, GM_SEAL);
    assert_int_equal(sm4_unseal(back, s.key, s.nonce, "context", 7, out, sizeof out), OK);
    assert_memory_equal(back, s.plain, LEN);
}

static void whatever_is_changed_a_seal_does_not_open(void **state)
{
    enum { LEN = 40 };
    uint8_t out[LEN + SM4_SEAL_TAG_BYTES], back[LEN], untouched[LEN];
    struct sealed s;

    (void)state;
    sealed_init(&s);
    sm4_seal(out, s.key, s.nonce, "context", 7, s.plain, LEN);
    memset(back, 0xee, sizeof back);
    memset(untouched, 0xee, sizeof untouched);
    for (size_t bit = 0; bit < 8 * sizeof out; bit++) {
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sm4_unseal(back, s.key, s.nonce, "context", 7, out, sizeof out), STATUS_MISMATCH);
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < sizeof out; len++)
        assert_int_equal(sm4_unseal(back, s.key, s.nonce, "context", 7, out, len), STATUS_MISMATCH);
    assert_int_equal(sm4_unseal(back, s.key, s.nonce, "contexu", 7, out, sizeof out), STATUS_MISMATCH);
    assert_int_equal(sm4_unseal(back, s.key, s.nonce, "context", 6, out, sizeof out), STATUS_MISMATCH);
    s.nonce[23] ^= 1;
    assert_int_equal(sm4_unseal(back, s.key, s.nonce, "context", 7, out, sizeof out), STATUS_MISMATCH);
    s.nonce[23] ^= 1;
    s.key[31] ^= 1;
    assert_int_equal(sm4_unseal(back, s.key, s.nonce, "context", 7, out, sizeof out), STATUS_MISMATCH);
    assert_memory_equal(back, untouched, sizeof back);
}

enum { FIRST = 600, SECOND = 400 };

static void push_both(const struct sealed *s, uint8_t *first, uint8_t *second)
{
    struct sm4_stream st AUTO(sm4_stream_clear);

    sm4_stream_init(&st, s->key, s->nonce);
    sm4_stream_push(&st, first, s->plain, FIRST, 0);
    sm4_stream_push(&st, second, s->plain + FIRST, SECOND, 1);
}

static void a_stream_matches_its_vector_and_opens(void **state)
{
    static const char *const expected[] = GM_STREAM;
    uint8_t first[FIRST + SM4_SEAL_CHUNK_BYTES], second[SECOND + SM4_SEAL_CHUNK_BYTES], back[FIRST + SECOND];
    struct sm4_stream st AUTO(sm4_stream_clear);
    struct sealed s;
    int last = -1;

    (void)state;
    sealed_init(&s);
    push_both(&s, first, second);
    assert_hex(first, sizeof first, expected[0]);
    assert_hex(second, sizeof second, expected[1]);
    sm4_stream_init(&st, s.key, s.nonce);
    assert_int_equal(sm4_stream_pull(&st, back, &last, first, sizeof first), OK);
    assert_int_equal(last, 0);
    assert_int_equal(sm4_stream_pull(&st, back + FIRST, &last, second, sizeof second), OK);
    assert_int_equal(last, 1);
    assert_memory_equal(back, s.plain, sizeof back);
}

static void chunks_cut_changed_left_out_or_swapped_are_refused(void **state)
{
    uint8_t first[FIRST + SM4_SEAL_CHUNK_BYTES], second[SECOND + SM4_SEAL_CHUNK_BYTES], back[FIRST], untouched[FIRST];
    struct sm4_stream st AUTO(sm4_stream_clear);
    struct sealed s;
    int last = -1;

    (void)state;
    sealed_init(&s);
    push_both(&s, first, second);
    memset(back, 0xee, sizeof back);
    memset(untouched, 0xee, sizeof untouched);
    sm4_stream_init(&st, s.key, s.nonce);
    for (size_t i = 0; i < sizeof first; i++) {
        first[i] ^= 1;
        assert_int_equal(sm4_stream_pull(&st, back, &last, first, sizeof first), STATUS_MISMATCH);
        first[i] ^= 1;
        assert_int_equal(sm4_stream_pull(&st, back, &last, first, i), STATUS_MISMATCH);
    }
    assert_int_equal(sm4_stream_pull(&st, back, &last, second, sizeof second), STATUS_MISMATCH);
    assert_memory_equal(back, untouched, sizeof back);
    assert_int_equal(last, -1);
    assert_int_equal(sm4_stream_pull(&st, back, &last, first, sizeof first), OK);
    assert_int_equal(sm4_stream_pull(&st, back, &last, first, sizeof first), STATUS_MISMATCH);
}

static void a_seal_is_no_chunk_of_a_stream(void **state)
{
    enum { LEN = 20 };
    uint8_t out[LEN + SM4_SEAL_TAG_BYTES], back[LEN];
    struct sm4_stream st AUTO(sm4_stream_clear);
    struct sealed s;
    int last;

    (void)state;
    sealed_init(&s);
    sm4_seal(out, s.key, s.nonce, NULL, 0, s.plain, LEN);
    sm4_stream_init(&st, s.key, s.nonce);
    assert_int_equal(sm4_stream_pull(&st, back, &last, out, sizeof out), STATUS_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_encrypts_to_that_of_gb_t_32907),
        cmocka_unit_test(a_million_encryptions_end_as_in_gb_t_32907),
        cmocka_unit_test(every_number_of_blocks_encrypts_as_openssl_has_it),
        cmocka_unit_test(the_counter_mode_is_openssls),
        cmocka_unit_test(a_seal_matches_its_vector_and_opens),
        cmocka_unit_test(whatever_is_changed_a_seal_does_not_open),
        cmocka_unit_test(a_stream_matches_its_vector_and_opens),
        cmocka_unit_test(chunks_cut_changed_left_out_or_swapped_are_refused),
        cmocka_unit_test(a_seal_is_no_chunk_of_a_stream),
    };

    return cmocka_run_group_tests_name("sm4", tests, NULL, NULL);
}
