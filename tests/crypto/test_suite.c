/* Every law on both suites; INT1 gives the bytes of the functions it stands for, GM1 those of another implementation. */
#include "crypto/suite.h"

#include "testing.h"
#include "vectors/gm_vectors.h"
#include "vectors/vectors.h"

static const enum suite suites[] = {SUITE_INT1, SUITE_GM1};

#define EACH_SUITE(s) enum suite s = SUITE_INT1; s <= SUITE_GM1; s++

static void vector_key(struct rng_key *key)
{
    for (uint8_t i = 0; i < sizeof key->bytes; i++)
        key->bytes[i] = i;
}

static void both_have_names_and_nothing_else_has(void **state)
{
    (void)state;
    assert_string_equal(suite_name(SUITE_INT1), "INT1");
    assert_string_equal(suite_name(SUITE_GM1), "GM1");
    for (int other = -1; other < 300; other++)
        if (other != SUITE_INT1 && other != SUITE_GM1)
            assert_null(suite_name((enum suite)other));
}

/* ---- hashes ---- */

static void tuples_hash_as_their_vectors(void **state)
{
    static const char *const expected[] = {HASH_TUPLE, GM_HASH_TUPLE};
    struct rng_key key;
    uint8_t seven[8];

    (void)state;
    vector_key(&key);
    store_u64(seven, 7);
    for (size_t i = 0; i < COUNT_OF(suites); i++) {
        struct suite_hasher h;
        struct hash peeked, out;

        suite_hash_init(&h, suites[i], "hefu/test/v1");
        suite_hash_add(&h, "abc", 3);
        suite_hash_add(&h, "", 0);
        suite_hash_add(&h, seven, sizeof seven);
        suite_hash_peek(&h, &peeked);
        suite_hash_add(&h, key.bytes, sizeof key.bytes);
        suite_hash_final(&h, &out);
        assert_hex(out.bytes, HASH_BYTES, expected[i]);
        assert_false(hash_equal(&out, &peeked));
    }
}

static void a_peek_is_the_final_hash_of_what_was_added(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct suite_hasher h;
        struct hash peeked, out;

        suite_hash_init(&h, s, "tag");
        suite_hash_add(&h, "abc", 3);
        suite_hash_peek(&h, &peeked);
        suite_hash_final(&h, &out);
        assert_true(hash_equal(&out, &peeked));
    }
}

static void keyed_hashes_and_keys_match_their_vectors(void **state)
{
    static const char *const expected[] = {HASH_KEYED, GM_HASH_KEYED};
    struct rng_key key, derived;

    (void)state;
    vector_key(&key);
    for (size_t i = 0; i < COUNT_OF(suites); i++) {
        struct hash out;

        suite_hash_keyed(&out, suites[i], key.bytes, "body", "hello", 5);
        assert_hex(out.bytes, HASH_BYTES, expected[i]);
        suite_key_derive(&derived, suites[i], &key, "body", "hello", 5);
        assert_memory_equal(derived.bytes, out.bytes, HASH_BYTES);
    }
}

static void leaves_and_nodes_are_those_of_rfc_6962(void **state)
{
    struct hash leaf, other, node, expected;

    (void)state;
    suite_merkle_leaf(&leaf, SUITE_INT1, "leaf", 4);
    merkle_leaf(&expected, "leaf", 4);
    assert_true(hash_equal(&leaf, &expected));
    suite_merkle_node(&node, SUITE_INT1, &leaf, &expected);
    merkle_node(&expected, &leaf, &leaf);
    assert_true(hash_equal(&node, &expected));
    suite_merkle_empty(&node, SUITE_INT1);
    assert_hex(node.bytes, HASH_BYTES, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

    suite_merkle_leaf(&leaf, SUITE_GM1, "leaf", 4);
    assert_hex(leaf.bytes, HASH_BYTES, GM_MERKLE_LEAF);
    suite_merkle_leaf(&other, SUITE_GM1, "", 0);
    suite_merkle_node(&node, SUITE_GM1, &leaf, &other);
    assert_hex(node.bytes, HASH_BYTES, GM_MERKLE_NODE);
    suite_merkle_empty(&node, SUITE_GM1);
    assert_hex(node.bytes, HASH_BYTES, GM_MERKLE_EMPTY);
}

/* ---- signatures ---- */

static void int1_signs_as_sign_make_does(void **state)
{
    struct suite_public pub;
    struct suite_secret sec AUTO(suite_secret_clear);
    struct signature sig;
    struct rng_key seed;

    (void)state;
    unhex(seed.bytes, sizeof seed.bytes, SIGN_SEED);
    suite_keypair(&pub, &sec, SUITE_INT1, &seed);
    assert_int_equal(suite_public_bytes(SUITE_INT1), 32);
    assert_hex(pub.bytes, 32, SIGN_PUBLIC);
    assert_int_equal(pub.bytes[32], 0);
    suite_sign(&sig, &sec, "hefu/test/v1", "message", 7);
    assert_hex(sig.bytes, sizeof sig.bytes, SIGN_SIGNATURE);
}

static void gm1_signs_as_its_vector(void **state)
{
    struct suite_public pub;
    struct suite_secret sec AUTO(suite_secret_clear);
    struct signature sig;
    struct rng_key seed;

    (void)state;
    vector_key(&seed);
    suite_keypair(&pub, &sec, SUITE_GM1, &seed);
    assert_int_equal(suite_public_bytes(SUITE_GM1), 33);
    assert_hex(pub.bytes, 33, GM_PUBLIC);
    suite_sign(&sig, &sec, "hefu/test/v1", "message", 7);
    assert_hex(sig.bytes, sizeof sig.bytes, GM_SIGNATURE);
}

static void a_signature_is_good_for_one_suite_tag_key_and_text(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct suite_public pub, other;
        struct suite_secret sec AUTO(suite_secret_clear), other_sec AUTO(suite_secret_clear);
        struct rng_key seed = {{1}}, other_seed = {{2}};
        struct signature sig;

        suite_keypair(&pub, &sec, s, &seed);
        suite_keypair(&other, &other_sec, s, &other_seed);
        suite_sign(&sig, &sec, "send", "message", 7);
        assert_int_equal(suite_check(&sig, &pub, "send", "message", 7), OK);
        assert_int_equal(suite_check(&sig, &pub, "recv", "message", 7), STATUS_UNTRUSTED);
        assert_int_equal(suite_check(&sig, &pub, "sendm", "essage", 6), STATUS_UNTRUSTED);
        assert_int_equal(suite_check(&sig, &pub, "send", "", 0), STATUS_UNTRUSTED);
        assert_int_equal(suite_check(&sig, &other, "send", "message", 7), STATUS_UNTRUSTED);
        pub.suite = s == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1;
        assert_int_equal(suite_check(&sig, &pub, "send", "message", 7), STATUS_UNTRUSTED);
        sig.bytes[40] ^= 1;
        pub.suite = s;
        assert_int_equal(suite_check(&sig, &pub, "send", "message", 7), STATUS_UNTRUSTED);
    }
}

/* INT1 as sign_text, GM1 as OpenSSL's tools: sm2_verify is OpenSSL over the text. */
static void a_text_is_signed_as_other_tools_check_it(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct suite_public pub;
        struct suite_secret sec AUTO(suite_secret_clear);
        struct rng_key seed = {{1}};
        struct signature sig;
        struct sign_public int1;
        struct sm2_public gm1;
        struct sm2_signature out;

        suite_keypair(&pub, &sec, s, &seed);
        suite_sign_text(&sig, &sec, "origin\n", 7);
        memcpy(int1.bytes, pub.bytes, sizeof int1.bytes);
        memcpy(gm1.bytes, pub.bytes, sizeof gm1.bytes);
        memcpy(out.bytes, sig.bytes, sizeof out.bytes);
        assert_int_equal(sign_text_check(&sig, &int1, "origin\n", 7), s == SUITE_INT1 ? OK : STATUS_UNTRUSTED);
        assert_int_equal(sm2_verify(&out, &gm1, SM2_DEFAULT_ID, "origin\n", 7), s == SUITE_GM1 ? OK : STATUS_UNTRUSTED);
        assert_int_equal(suite_text_check(&sig, &pub, "origin\n", 7), OK);
        assert_int_equal(suite_text_check(&sig, &pub, "origin ", 7), STATUS_UNTRUSTED);
        assert_int_equal(suite_check(&sig, &pub, "origin\n", "", 0), STATUS_UNTRUSTED);
    }
}

static void a_public_key_reads_back(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct suite_public pub, again;
        struct suite_secret sec AUTO(suite_secret_clear);
        struct rng_key seed = {{1}};

        suite_keypair(&pub, &sec, s, &seed);
        assert_int_equal(suite_public_read(&again, s, pub.bytes), OK);
        assert_memory_equal(&again, &pub, sizeof pub);
        pub.bytes[0] = 5;
        assert_int_equal(suite_public_read(&again, s, pub.bytes), s == SUITE_INT1 ? OK : STATUS_MALFORMED);
    }
}

/* ---- key agreement ---- */

struct end {
    struct suite_exchange_public pub;
    struct suite_exchange_secret sec;
};

static void two_ends(struct end e[2], enum suite s)
{
    for (size_t i = 0; i < 2; i++) {
        struct rng_key seed;

        memset(seed.bytes, (int)i + 1, sizeof seed.bytes);
        suite_exchange_keypair(&e[i].pub, &e[i].sec, s, &seed);
    }
}

static void int1_agrees_on_the_key_of_kx_shared(void **state)
{
    static const char *const seeds[] = {KX_ALICE, KX_BOB}, *const publics[] = {KX_ALICE_PUBLIC, KX_BOB_PUBLIC};
    struct end e[2];
    struct rng_key key;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rng_key seed;

        unhex(seed.bytes, sizeof seed.bytes, seeds[i]);
        suite_exchange_keypair(&e[i].pub, &e[i].sec, SUITE_INT1, &seed);
        assert_hex(e[i].pub.bytes, suite_exchange_public_bytes(SUITE_INT1), publics[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(suite_exchange(&key, &e[i].sec, &e[i].pub, &e[1 - i].pub, "session", 7), OK);
        assert_hex(key.bytes, sizeof key.bytes, KX_SHARED);
    }
}

static void gm1_agrees_on_the_key_of_its_vector(void **state)
{
    static const char *const publics[] = GM_EXCHANGE_PUBLIC;
    struct end e[2];
    struct rng_key key;

    (void)state;
    two_ends(e, SUITE_GM1);
    for (size_t i = 0; i < 2; i++) {
        assert_hex(e[i].pub.bytes, suite_exchange_public_bytes(SUITE_GM1), publics[i]);
        assert_int_equal(suite_exchange(&key, &e[i].sec, &e[i].pub, &e[1 - i].pub, "session", 7), OK);
        assert_hex(key.bytes, sizeof key.bytes, GM_EXCHANGE);
    }
}

static void an_agreed_key_belongs_to_one_context(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct rng_key a, b;
        struct end e[2];

        two_ends(e, s);
        assert_int_equal(suite_exchange(&a, &e[0].sec, &e[0].pub, &e[1].pub, "session", 7), OK);
        assert_int_equal(suite_exchange(&b, &e[1].sec, &e[1].pub, &e[0].pub, "session", 7), OK);
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(suite_exchange(&b, &e[0].sec, &e[0].pub, &e[1].pub, "session2", 8), OK);
        assert_memory_not_equal(&a, &b, sizeof a);
    }
}

static void keys_that_lead_to_a_known_one_are_refused(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct suite_exchange_public bad;
        struct rng_key key;
        struct end e[2], of_other[2];

        two_ends(e, s);
        two_ends(of_other, s == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1);
        memset(&bad, 0, sizeof bad);
        bad.suite = s;
        assert_int_equal(suite_exchange(&key, &e[0].sec, &e[0].pub, &bad, "session", 7), STATUS_UNTRUSTED);
        assert_int_equal(suite_exchange(&key, &e[0].sec, &e[0].pub, &of_other[1].pub, "session", 7), STATUS_UNTRUSTED);
        if (s == SUITE_GM1)
            assert_int_equal(suite_exchange(&key, &e[0].sec, &e[0].pub, &e[0].pub, "session", 7), STATUS_UNTRUSTED);
    }
}

/* ---- streams ---- */

static void int1_draws_what_crypto_rng_draws(void **state)
{
    struct rng_key key;
    struct rng plain;
    struct suite_rng g AUTO(suite_rng_clear);
    uint8_t expected[1000], out[1000];

    (void)state;
    vector_key(&key);
    rng_init(&plain, &key, &(struct rng_address){.purpose = "mask", .peer = 1, .pass = 2, .index = 3});
    suite_rng_init(&g, SUITE_INT1, &key, &(struct rng_address){.purpose = "mask", .peer = 1, .pass = 2, .index = 3});
    rng_fill(&plain, expected, sizeof expected);
    suite_rng_fill(&g, out, sizeof out);
    assert_memory_equal(out, expected, sizeof out);
}

static void gm1_draws_its_vector_in_pieces_of_any_size(void **state)
{
    static const char hex[] = GM_RNG;
    struct rng_address where = {.purpose = "addressed", .peer = 3, .pass = 4, .index = 5};
    struct rng_key key;
    struct hash answers;
    uint8_t out[1200];

    (void)state;
    vector_key(&key);
    unhex(answers.bytes, HASH_BYTES, GM_RNG_ANSWERS);
    where.answers = &answers;
    for (size_t piece = 1; piece < sizeof out; piece += 97) {
        struct suite_rng g AUTO(suite_rng_clear);

        suite_rng_init(&g, SUITE_GM1, &key, &where);
        for (size_t at = 0; at < sizeof out; at += piece)
            suite_rng_fill(&g, out + at, at + piece < sizeof out ? piece : sizeof out - at);
        assert_hex(out, sizeof out, hex);
    }
}

static void every_part_of_an_address_changes_the_stream(void **state)
{
    static const struct hash one = {{1}}, two = {{2}};
    static const struct rng_address where[] = {
        {.purpose = "a"},
        {.purpose = "b"},
        {.purpose = "a", .peer = 1},
        {.purpose = "a", .pass = 1},
        {.purpose = "a", .index = 1},
        {.purpose = "a", .answers = &one},
        {.purpose = "a", .answers = &two},
    };
    static const struct rng_key key = {{1}};

    (void)state;
    for (EACH_SUITE(s)) {
        uint8_t out[COUNT_OF(where)][32];

        for (size_t i = 0; i < COUNT_OF(where); i++) {
            struct suite_rng g AUTO(suite_rng_clear);

            suite_rng_init(&g, s, &key, &where[i]);
            suite_rng_fill(&g, out[i], sizeof out[i]);
            for (size_t j = 0; j < i; j++)
                assert_memory_not_equal(out[i], out[j], sizeof out[i]);
        }
    }
}

/* ---- seals ---- */

static void int1_seals_as_libsodium_does(void **state)
{
    const uint8_t key[32] = {1}, nonce[SUITE_SEAL_NONCE_BYTES] = {2};
    uint8_t out[5 + SUITE_SEAL_TAG_BYTES], expected[sizeof out];

    (void)state;
    suite_seal(out, SUITE_INT1, key, nonce, "context", 7, "plain", 5);
    crypto_aead_xchacha20poly1305_ietf_encrypt(expected, NULL, (const uint8_t *)"plain", 5, (const uint8_t *)"context", 7, NULL,
                                               nonce, key);
    assert_memory_equal(out, expected, sizeof out);
}

static void a_seal_opens_unless_anything_was_changed(void **state)
{
    uint8_t key[32] = {1}, nonce[SUITE_SEAL_NONCE_BYTES] = {2};

    (void)state;
    for (EACH_SUITE(s)) {
        uint8_t out[5 + SUITE_SEAL_TAG_BYTES], back[5];

        suite_seal(out, s, key, nonce, "context", 7, "plain", 5);
        assert_int_equal(suite_unseal(back, s, key, nonce, "context", 7, out, sizeof out), OK);
        assert_memory_equal(back, "plain", 5);
        for (size_t i = 0; i < sizeof out; i++) {
            out[i] ^= 0x80;
            assert_int_equal(suite_unseal(back, s, key, nonce, "context", 7, out, sizeof out), STATUS_MISMATCH);
            out[i] ^= 0x80;
            assert_int_equal(suite_unseal(back, s, key, nonce, "context", 7, out, i), STATUS_MISMATCH);
        }
        assert_int_equal(suite_unseal(back, s, key, nonce, "other", 5, out, sizeof out), STATUS_MISMATCH);
        assert_int_equal(suite_unseal(back, s == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1, key, nonce, "context", 7, out, sizeof out),
                         STATUS_MISMATCH);
    }
}

static void int1_streams_are_libsodiums_in_both_directions(void **state)
{
    const uint8_t key[32] = {1};
    crypto_secretstream_xchacha20poly1305_state theirs;
    uint8_t header[crypto_secretstream_xchacha20poly1305_HEADERBYTES], sealed[5 + SUITE_SEAL_CHUNK_BYTES], back[5], tag;
    struct suite_stream st AUTO(suite_stream_clear);
    int last = -1;

    (void)state;
    crypto_secretstream_xchacha20poly1305_init_push(&theirs, header, key);
    crypto_secretstream_xchacha20poly1305_push(&theirs, sealed, NULL, (const uint8_t *)"plain", 5, NULL, 0,
                                               crypto_secretstream_xchacha20poly1305_TAG_FINAL);
    suite_stream_init(&st, SUITE_INT1, key, header);
    assert_int_equal(suite_stream_pull(&st, back, &last, sealed, sizeof sealed), OK);
    assert_memory_equal(back, "plain", 5);
    assert_int_equal(last, 1);

    suite_stream_init(&st, SUITE_INT1, key, header);
    suite_stream_push(&st, sealed, "other", 5, 0);
    assert_int_equal(crypto_secretstream_xchacha20poly1305_init_pull(&theirs, header, key), 0);
    assert_int_equal(crypto_secretstream_xchacha20poly1305_pull(&theirs, back, NULL, &tag, sealed, sizeof sealed, NULL, 0), 0);
    assert_memory_equal(back, "other", 5);
    assert_int_equal(tag, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
}

static void a_stream_gives_back_its_chunks_in_their_order_only(void **state)
{
    enum { CHUNKS = 4, LEN = 700 };
    const uint8_t key[32] = {1}, nonce[SUITE_SEAL_NONCE_BYTES] = {2};
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "streams");
    for (EACH_SUITE(s)) {
        uint8_t plain[CHUNKS][LEN], sealed[CHUNKS][LEN + SUITE_SEAL_CHUNK_BYTES], back[LEN];
        struct suite_stream st AUTO(suite_stream_clear);
        int last = -1;

        suite_stream_init(&st, s, key, nonce);
        for (int i = 0; i < CHUNKS; i++) {
            rng_fill(&g, plain[i], LEN);
            suite_stream_push(&st, sealed[i], plain[i], LEN, i == CHUNKS - 1);
        }
        suite_stream_init(&st, s, key, nonce);
        for (int i = 0; i < CHUNKS; i++) {
            for (int wrong = 0; wrong < CHUNKS; wrong++)
                if (wrong != i)
                    assert_int_equal(suite_stream_pull(&st, back, &last, sealed[wrong], sizeof sealed[wrong]), STATUS_MISMATCH);
            assert_int_equal(suite_stream_pull(&st, back, &last, sealed[i], sizeof sealed[i]), OK);
            assert_memory_equal(back, plain[i], LEN);
            assert_int_equal(last, i == CHUNKS - 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_have_names_and_nothing_else_has),
        cmocka_unit_test(tuples_hash_as_their_vectors),
        cmocka_unit_test(a_peek_is_the_final_hash_of_what_was_added),
        cmocka_unit_test(keyed_hashes_and_keys_match_their_vectors),
        cmocka_unit_test(leaves_and_nodes_are_those_of_rfc_6962),
        cmocka_unit_test(int1_signs_as_sign_make_does),
        cmocka_unit_test(gm1_signs_as_its_vector),
        cmocka_unit_test(a_signature_is_good_for_one_suite_tag_key_and_text),
        cmocka_unit_test(a_text_is_signed_as_other_tools_check_it),
        cmocka_unit_test(a_public_key_reads_back),
        cmocka_unit_test(int1_agrees_on_the_key_of_kx_shared),
        cmocka_unit_test(gm1_agrees_on_the_key_of_its_vector),
        cmocka_unit_test(an_agreed_key_belongs_to_one_context),
        cmocka_unit_test(keys_that_lead_to_a_known_one_are_refused),
        cmocka_unit_test(int1_draws_what_crypto_rng_draws),
        cmocka_unit_test(gm1_draws_its_vector_in_pieces_of_any_size),
        cmocka_unit_test(every_part_of_an_address_changes_the_stream),
        cmocka_unit_test(int1_seals_as_libsodium_does),
        cmocka_unit_test(a_seal_opens_unless_anything_was_changed),
        cmocka_unit_test(int1_streams_are_libsodiums_in_both_directions),
        cmocka_unit_test(a_stream_gives_back_its_chunks_in_their_order_only),
    };

    return cmocka_run_group_tests_name("suite", tests, NULL, NULL);
}
