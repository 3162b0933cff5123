/* Joint points as C2SP signed notes: a verifier written from c2sp.org/signed-note alone takes them, and the published
 * example of that format. */
#include "kit/cmocka.h"
#include "kit/signed_note.h"
#include "kit/suite.h"
#include "kit/synthetic.h"

#include "protocol/note.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct contract contract;
static const struct hash session = {{0xab, 0xcd}};
static struct sign_public public;
static struct sign_secret secret;

static int set_up(void **state)
{
    const struct rng_key seed = {.bytes = {9}, .suite = (uint8_t)kit_suite()};

    (void)state;
    synthetic_contract(&contract, 3, 1);
    sign_keypair(&public, &secret, &seed);
    return 0;
}

static void joint_make(struct joint_point *j, uint32_t pass)
{
    *j = (struct joint_point){.contract = &contract, .session = &session, .pass = pass};
    for (party p = 0; p < 3; p++)
        j->log[p] = (struct log_root){.size = 100u + p, .root = {{(uint8_t)(p + 1)}}};
}

static void the_verifier_takes_the_published_example(void **state)
{
    char text[SIGNED_NOTE_TEXT_MAX];

    (void)state;
    assert_true(signed_note_is_good("If you think cryptography is the answer to your problem,\n"
                             "then you don't know what your problem is.\n\n"
                             "\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
                             "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", text));
}

static void a_written_note_is_a_signed_note(void **state)
{
    static const uint32_t points[] = {0, 1, 64, NOTE_END};

    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (party p = 0; p < 3; p++) {
            char note[NOTE_TEXT_MAX], key[NOTE_KEY_MAX], text[SIGNED_NOTE_TEXT_MAX], own[NOTE_TEXT_MAX];
            struct signature s;
            struct joint_point j;
            size_t len;

            joint_make(&j, points[i]);
            note_sign(&s, &secret, &j, p);
            assert_int_equal(note_check(&s, &public, &j, p), OK);
            len = note_write(note, &j, p, &public, &s);
            assert_int_equal(len, strlen(note));
            note_key(key, &j, p, &public);
            assert_true(signed_note_is_good(note, key, text));
            assert_int_equal(note_text(own, &j, p), strlen(text));
            assert_string_equal(own, text);
        }
}

/* [c2sp.org/tlog-checkpoint] origin, size, root, and lines of our own after them. */
static void its_text_is_a_checkpoint(void **state)
{
    char text[SIGNED_NOTE_TEXT_MAX];
    struct joint_point j;

    (void)state;
    joint_make(&j, 7);
    note_text(text, &j, 1);
    assert_string_equal(text,
                        "hefu/abcd000000000000000000000000000000000000000000000000000000000000/party-2\n"
                        "101\n"
                        "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                        "pass 7\n"
                        "log party-1 100 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                        "log party-2 101 AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                        "log party-3 102 AwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    joint_make(&j, NOTE_END);
    note_text(text, &j, 1);
    assert_non_null(strstr(text, "\nend\n"));
}

static void a_signature_is_of_one_point_and_one_party(void **state)
{
    struct joint_point j, changed;
    struct signature s;
    struct hash before, after, another = {{0xab, 0xce}};

    (void)state;
    joint_make(&j, 3);
    note_sign(&s, &secret, &j, 0);
    joint_hash(&before, &j);
    assert_int_equal(note_check(&s, &public, &j, 1), STATUS_UNTRUSTED);
    for (int i = 0; i < 4; i++) {
        changed = j;
        switch (i) {
        case 0: changed.pass = 4; break;
        case 1: changed.session = &another; break;
        case 2: changed.log[2].size++; break;
        case 3: changed.log[2].root.bytes[31] ^= 1; break;
        }
        assert_int_equal(note_check(&s, &public, &changed, 0), STATUS_UNTRUSTED);
        joint_hash(&after, &changed);
        assert_false(hash_equal(&before, &after));
    }
}

/* Eight parties with the longest names, the largest sizes. */
static void the_longest_note_fits(void **state)
{
    char note[NOTE_TEXT_MAX], key[NOTE_KEY_MAX];
    struct contract wide = contract;
    struct signature s = {{0}};
    struct joint_point j = {.contract = &wide, .session = &session, .pass = NOTE_END};
    size_t len;

    (void)state;
    wide.parties = PARTIES_MAX;
    for (party p = 0; p < PARTIES_MAX; p++) {
        memset(wide.party[p].name, 'a' + p, PARTY_NAME_MAX - 1);
        wide.party[p].name[PARTY_NAME_MAX - 1] = '\0';
        j.log[p] = (struct log_root){.size = UINT64_MAX, .root = {{255}}};
    }
    len = note_write(note, &j, 7, &public, &s);
    assert_int_equal(len, strlen(note));
    note_key(key, &j, 7, &public);
    assert_true(strlen(key) > 100 && strlen(key) < NOTE_KEY_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verifier_takes_the_published_example),
        cmocka_unit_test(a_written_note_is_a_signed_note),
        cmocka_unit_test(its_text_is_a_checkpoint),
        cmocka_unit_test(a_signature_is_of_one_point_and_one_party),
        cmocka_unit_test(the_longest_note_fits),
    };

    return cmocka_run_group_tests_name("note", tests, set_up, NULL);
}
