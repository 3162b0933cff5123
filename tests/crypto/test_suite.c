/* Every law on both suites; GM1 gives the bytes of another implementation, INT1 is held to its vectors in the tests beside this
 * one. */
#include "crypto/seal.h"
#include "crypto/sm2.h"

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
        struct hasher h;
        struct hash peeked, out;

        hasher_init(&h, suites[i], "hefu/test/v1");
        hasher_add(&h, "abc", 3);
        hasher_add(&h, "", 0);
        hasher_add(&h, seven, sizeof seven);
        hasher_peek(&h, &peeked);
        hasher_add(&h, key.bytes, sizeof key.bytes);
        hasher_final(&h, &out);
        assert_hex(out.bytes, HASH_BYTES, expected[i]);
        assert_false(hash_equal(&out, &peeked));
    }
}

static void a_peek_is_the_final_hash_of_what_was_added(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct hasher h;
        struct hash peeked, out;

        hasher_init(&h, s, "tag");
        hasher_add(&h, "abc", 3);
        hasher_peek(&h, &peeked);
        hasher_final(&h, &out);
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

        key.suite = (uint8_t)suites[i];
        hash_keyed(&out, suites[i], key.bytes, "body", "hello", 5);
        assert_hex(out.bytes, HASH_BYTES, expected[i]);
        rng_key_derive(&derived, &key, "body", "hello", 5);
        assert_memory_equal(derived.bytes, out.bytes, HASH_BYTES);
    }
}

static void leaves_and_nodes_are_those_of_rfc_6962(void **state)
{
    static const char *const empty[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", GM_MERKLE_EMPTY};
    struct hash leaf, other, node;

    (void)state;
    merkle_leaf(&leaf, SUITE_GM1, "leaf", 4);
    assert_hex(leaf.bytes, HASH_BYTES, GM_MERKLE_LEAF);
    merkle_leaf(&other, SUITE_GM1, "", 0);
    merkle_node(&node, SUITE_GM1, &leaf, &other);
    assert_hex(node.bytes, HASH_BYTES, GM_MERKLE_NODE);
    for (size_t i = 0; i < COUNT_OF(suites); i++) {
        const struct merkle none = {.suite = suites[i]};

        merkle_root(&none, &node);
        assert_hex(node.bytes, HASH_BYTES, empty[i]);
    }
}

static void a_tree_is_of_its_own_suite(void **state)
{
    struct hash leaf = {{1}}, root[2], expected;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(suites); i++) {
        struct merkle tree = {.suite = suites[i]};

        merkle_append(&tree, &leaf);
        merkle_append(&tree, &leaf);
        merkle_root(&tree, &root[i]);
        merkle_node(&expected, suites[i], &leaf, &leaf);
        assert_true(hash_equal(&root[i], &expected));
    }
    assert_false(hash_equal(&root[0], &root[1]));
}

/* ---- signatures ---- */

static void gm1_signs_as_its_vector(void **state)
{
    struct sign_public pub;
    struct sign_secret sec AUTO(sign_secret_clear);
    struct signature sig;
    struct rng_key seed = {.suite = SUITE_GM1};

    (void)state;
    vector_key(&seed);
    sign_keypair(&pub, &sec, &seed);
    assert_hex(pub.bytes, sizeof pub.bytes, GM_PUBLIC);
    assert_int_equal(sign_public_suite(&pub), SUITE_GM1);
    sign_make(&sig, &sec, "hefu/test/v1", "message", 7);
    assert_hex(sig.bytes, sizeof sig.bytes, GM_SIGNATURE);
}

static void a_pair_of_a_secret_from_elsewhere_is_the_same(void **state)
{
    const uint8_t none[32] = {0};
    struct sign_public pub, again;
    struct sign_secret sec AUTO(sign_secret_clear), same AUTO(sign_secret_clear);
    struct rng_key seed = {.suite = SUITE_GM1};

    (void)state;
    vector_key(&seed);
    sign_keypair(&pub, &sec, &seed);
    assert_int_equal(sign_keypair_sm2(&again, &same, sec.bytes), OK);
    assert_memory_equal(&pub, &again, sizeof pub);
    assert_memory_equal(sec.bytes, same.bytes, sizeof sec.bytes);
    assert_int_equal(same.suite, SUITE_GM1);
    assert_int_equal(sign_keypair_sm2(&again, &same, none), STATUS_MALFORMED);
}

static void a_signature_is_good_for_one_suite_tag_key_and_text(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct sign_public pub, other, foreign;
        struct sign_secret sec AUTO(sign_secret_clear), other_sec AUTO(sign_secret_clear);
        struct rng_key seed = {.bytes = {1}, .suite = (uint8_t)s}, other_seed = {.bytes = {2}, .suite = (uint8_t)s};
        struct signature sig;

        sign_keypair(&pub, &sec, &seed);
        sign_keypair(&other, &other_sec, &other_seed);
        sign_make(&sig, &sec, "send", "message", 7);
        assert_int_equal(sign_check(&sig, &pub, "send", "message", 7), OK);
        assert_int_equal(sign_check(&sig, &pub, "recv", "message", 7), STATUS_UNTRUSTED);
        assert_int_equal(sign_check(&sig, &pub, "sendm", "essage", 6), STATUS_UNTRUSTED);
        assert_int_equal(sign_check(&sig, &pub, "send", "", 0), STATUS_UNTRUSTED);
        assert_int_equal(sign_check(&sig, &other, "send", "message", 7), STATUS_UNTRUSTED);
        seed.suite = s == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1;
        sign_keypair(&foreign, &other_sec, &seed);
        assert_int_equal(sign_check(&sig, &foreign, "send", "message", 7), STATUS_UNTRUSTED);
        sig.bytes[40] ^= 1;
        assert_int_equal(sign_check(&sig, &pub, "send", "message", 7), STATUS_UNTRUSTED);
    }
}

/* INT1 as libsodium has it, GM1 as OpenSSL's tools: sm2_verify is OpenSSL over the text. */
static void a_text_is_signed_as_other_tools_check_it(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct sign_public pub;
        struct sign_secret sec AUTO(sign_secret_clear);
        struct rng_key seed = {.bytes = {1}, .suite = (uint8_t)s};
        struct signature sig;
        struct sm2_public gm1;
        struct sm2_signature out;

        sign_keypair(&pub, &sec, &seed);
        sign_text(&sig, &sec, "origin\n", 7);
        memcpy(gm1.bytes, pub.bytes, sizeof gm1.bytes);
        memcpy(out.bytes, sig.bytes, sizeof out.bytes);
        if (s == SUITE_INT1)
            assert_int_equal(crypto_sign_verify_detached(sig.bytes, (const uint8_t *)"origin\n", 7, pub.bytes + 1), 0);
        else
            assert_int_equal(sm2_verify(&out, &gm1, SM2_DEFAULT_ID, "origin\n", 7), OK);
        assert_int_equal(sign_text_check(&sig, &pub, "origin\n", 7), OK);
        assert_int_equal(sign_text_check(&sig, &pub, "origin ", 7), STATUS_UNTRUSTED);
        assert_int_equal(sign_check(&sig, &pub, "origin\n", "", 0), STATUS_UNTRUSTED);
    }
}

static void a_public_key_is_of_one_suite_in_one_form(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        const enum suite other = s == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1;
        struct rng_key seed = {.bytes = {1}, .suite = (uint8_t)s};
        struct sign_secret sec AUTO(sign_secret_clear);
        struct kx_secret kx AUTO(kx_secret_clear);
        struct kx_public exchange;
        struct sign_public pub;

        sign_keypair(&pub, &sec, &seed);
        assert_int_equal(sign_public_check(&pub, s), OK);
        assert_int_equal(sign_public_check(&pub, other), STATUS_MALFORMED);
        pub.bytes[0] = 5;
        assert_int_equal(sign_public_check(&pub, s), STATUS_MALFORMED);
        kx_keypair(&exchange, &kx, &seed);
        assert_int_equal(kx_public_check(&exchange, s), OK);
        assert_int_equal(kx_public_check(&exchange, other), STATUS_MALFORMED);
        exchange.bytes[33] ^= 8; /* behind an X25519 key; the kind of SM2's second point */
        assert_int_equal(kx_public_check(&exchange, s), STATUS_MALFORMED);
    }
}

/* ---- key agreement ---- */

struct end {
    struct kx_public pub;
    struct kx_secret sec;
};

static void two_ends(struct end e[2], enum suite s)
{
    for (size_t i = 0; i < 2; i++) {
        struct rng_key seed = {.suite = (uint8_t)s};

        memset(seed.bytes, (int)i + 1, sizeof seed.bytes);
        kx_keypair(&e[i].pub, &e[i].sec, &seed);
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
        assert_hex(e[i].pub.bytes, KX_PUBLIC_BYTES, publics[i]);
        assert_int_equal(kx_shared(&key, &e[i].sec, &e[1 - i].pub, &e[i].pub, "session", 7), OK);
        assert_hex(key.bytes, sizeof key.bytes, GM_EXCHANGE);
        assert_int_equal(key.suite, SUITE_GM1);
    }
}

static void an_agreed_key_belongs_to_one_context(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        struct rng_key a, b;
        struct end e[2];

        two_ends(e, s);
        assert_int_equal(kx_shared(&a, &e[0].sec, &e[1].pub, &e[0].pub, "session", 7), OK);
        assert_int_equal(kx_shared(&b, &e[1].sec, &e[0].pub, &e[1].pub, "session", 7), OK);
        assert_memory_equal(a.bytes, b.bytes, sizeof a.bytes);
        assert_int_equal(kx_shared(&b, &e[0].sec, &e[1].pub, &e[0].pub, "session2", 8), OK);
        assert_memory_not_equal(a.bytes, b.bytes, sizeof a.bytes);
    }
}

static void keys_that_lead_to_a_known_one_are_refused(void **state)
{
    static const struct kx_public zero;

    (void)state;
    for (EACH_SUITE(s)) {
        struct rng_key key;
        struct end e[2], of_other[2];

        two_ends(e, s);
        two_ends(of_other, s == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1);
        assert_int_equal(kx_shared(&key, &e[0].sec, &zero, &e[0].pub, "session", 7), STATUS_UNTRUSTED);
        assert_int_equal(kx_shared(&key, &e[0].sec, &of_other[1].pub, &e[0].pub, "session", 7), STATUS_UNTRUSTED);
        assert_int_equal(kx_shared(&key, &e[0].sec, &e[0].pub, &e[0].pub, "session", 7), STATUS_UNTRUSTED);
    }
}

/* ---- streams ---- */

static void what_is_derived_from_a_key_is_of_its_suite(void **state)
{
    (void)state;
    for (EACH_SUITE(s)) {
        const struct rng_key key = {.bytes = {1}, .suite = (uint8_t)s};
        struct rng_key derived;

        rng_key_derive(&derived, &key, "label", NULL, 0);
        assert_int_equal(derived.suite, s);
    }
}

static void gm1_draws_its_vector_in_pieces_of_any_size(void **state)
{
    static const char hex[] = GM_RNG;
    struct rng_address where = {.purpose = "addressed", .peer = 3, .pass = 4, .index = 5};
    struct rng_key key = {.suite = SUITE_GM1};
    struct hash answers;
    uint8_t out[1200];

    (void)state;
    vector_key(&key);
    unhex(answers.bytes, HASH_BYTES, GM_RNG_ANSWERS);
    where.answers = &answers;
    for (size_t piece = 1; piece < sizeof out; piece += 97) {
        struct rng g AUTO(rng_clear);

        rng_init(&g, &key, &where);
        for (size_t at = 0; at < sizeof out; at += piece)
            rng_fill(&g, out + at, at + piece < sizeof out ? piece : sizeof out - at);
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
    (void)state;
    for (EACH_SUITE(s)) {
        const struct rng_key key = {.bytes = {1}, .suite = (uint8_t)s};
        uint8_t out[COUNT_OF(where)][32];

        for (size_t i = 0; i < COUNT_OF(where); i++) {
            struct rng g AUTO(rng_clear);

            rng_init(&g, &key, &where[i]);
            rng_fill(&g, out[i], sizeof out[i]);
            for (size_t j = 0; j < i; j++)
                assert_memory_not_equal(out[i], out[j], sizeof out[i]);
        }
    }
}

/* ---- seals ---- */

static void int1_seals_as_libsodium_does(void **state)
{
    const uint8_t key[32] = {1}, nonce[SEAL_NONCE_BYTES] = {2};
    uint8_t out[5 + SEAL_TAG_BYTES], expected[sizeof out];

    (void)state;
    seal_make(out, SUITE_INT1, key, nonce, "context", 7, "plain", 5);
    crypto_aead_xchacha20poly1305_ietf_encrypt(expected, NULL, (const uint8_t *)"plain", 5, (const uint8_t *)"context", 7, NULL,
                                               nonce, key);
    assert_memory_equal(out, expected, sizeof out);
}

static void a_seal_opens_unless_anything_was_changed(void **state)
{
    uint8_t key[32] = {1}, nonce[SEAL_NONCE_BYTES] = {2};

    (void)state;
    for (EACH_SUITE(s)) {
        uint8_t out[5 + SEAL_TAG_BYTES], back[5];

        seal_make(out, s, key, nonce, "context", 7, "plain", 5);
        assert_int_equal(seal_open(back, s, key, nonce, "context", 7, out, sizeof out), OK);
        assert_memory_equal(back, "plain", 5);
        for (size_t i = 0; i < sizeof out; i++) {
            out[i] ^= 0x80;
            assert_int_equal(seal_open(back, s, key, nonce, "context", 7, out, sizeof out), STATUS_MISMATCH);
            out[i] ^= 0x80;
            assert_int_equal(seal_open(back, s, key, nonce, "context", 7, out, i), STATUS_MISMATCH);
        }
        assert_int_equal(seal_open(back, s, key, nonce, "other", 5, out, sizeof out), STATUS_MISMATCH);
        assert_int_equal(seal_open(back, s == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1, key, nonce, "context", 7, out, sizeof out),
                         STATUS_MISMATCH);
    }
}

static void int1_streams_are_libsodiums_in_both_directions(void **state)
{
    const uint8_t key[32] = {1};
    crypto_secretstream_xchacha20poly1305_state theirs;
    uint8_t header[crypto_secretstream_xchacha20poly1305_HEADERBYTES], sealed[5 + SEAL_CHUNK_BYTES], back[5], tag;
    struct seal_stream st AUTO(seal_stream_clear);
    int last = -1;

    (void)state;
    crypto_secretstream_xchacha20poly1305_init_push(&theirs, header, key);
    crypto_secretstream_xchacha20poly1305_push(&theirs, sealed, NULL, (const uint8_t *)"plain", 5, NULL, 0,
                                               crypto_secretstream_xchacha20poly1305_TAG_FINAL);
    seal_stream_init(&st, SUITE_INT1, key, header);
    assert_int_equal(seal_stream_pull(&st, back, &last, sealed, sizeof sealed), OK);
    assert_memory_equal(back, "plain", 5);
    assert_int_equal(last, 1);

    seal_stream_init(&st, SUITE_INT1, key, header);
    seal_stream_push(&st, sealed, "other", 5, 0);
    assert_int_equal(crypto_secretstream_xchacha20poly1305_init_pull(&theirs, header, key), 0);
    assert_int_equal(crypto_secretstream_xchacha20poly1305_pull(&theirs, back, NULL, &tag, sealed, sizeof sealed, NULL, 0), 0);
    assert_memory_equal(back, "other", 5);
    assert_int_equal(tag, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
}

static void a_stream_gives_back_its_chunks_in_their_order_only(void **state)
{
    enum { CHUNKS = 4, LEN = 700 };
    const uint8_t key[32] = {1}, nonce[SEAL_NONCE_BYTES] = {2};
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "streams");
    for (EACH_SUITE(s)) {
        uint8_t plain[CHUNKS][LEN], sealed[CHUNKS][LEN + SEAL_CHUNK_BYTES], back[LEN];
        struct seal_stream st AUTO(seal_stream_clear);
        int last = -1;

        seal_stream_init(&st, s, key, nonce);
        for (int i = 0; i < CHUNKS; i++) {
            rng_fill(&g, plain[i], LEN);
            seal_stream_push(&st, sealed[i], plain[i], LEN, i == CHUNKS - 1);
        }
        seal_stream_init(&st, s, key, nonce);
        for (int i = 0; i < CHUNKS; i++) {
            for (int wrong = 0; wrong < CHUNKS; wrong++)
                if (wrong != i)
                    assert_int_equal(seal_stream_pull(&st, back, &last, sealed[wrong], sizeof sealed[wrong]), STATUS_MISMATCH);
            assert_int_equal(seal_stream_pull(&st, back, &last, sealed[i], sizeof sealed[i]), OK);
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
        cmocka_unit_test(a_tree_is_of_its_own_suite),
        cmocka_unit_test(gm1_signs_as_its_vector),
        cmocka_unit_test(a_pair_of_a_secret_from_elsewhere_is_the_same),
        cmocka_unit_test(a_signature_is_good_for_one_suite_tag_key_and_text),
        cmocka_unit_test(a_text_is_signed_as_other_tools_check_it),
        cmocka_unit_test(a_public_key_is_of_one_suite_in_one_form),
        cmocka_unit_test(gm1_agrees_on_the_key_of_its_vector),
        cmocka_unit_test(an_agreed_key_belongs_to_one_context),
        cmocka_unit_test(keys_that_lead_to_a_known_one_are_refused),
        cmocka_unit_test(what_is_derived_from_a_key_is_of_its_suite),
        cmocka_unit_test(gm1_draws_its_vector_in_pieces_of_any_size),
        cmocka_unit_test(every_part_of_an_address_changes_the_stream),
        cmocka_unit_test(int1_seals_as_libsodium_does),
        cmocka_unit_test(a_seal_opens_unless_anything_was_changed),
        cmocka_unit_test(int1_streams_are_libsodiums_in_both_directions),
        cmocka_unit_test(a_stream_gives_back_its_chunks_in_their_order_only),
    };

    return cmocka_run_group_tests_name("suite", tests, NULL, NULL);
}
