/* What is sealed to an auditor opens with that key alone, as what it is, and whatever was changed is refused by name. */
#include "kit/cmocka.h"

#include "crypto/sm2_seal.h"
#include "kit/suite.h"
#include "node/local/audit_seal.h"
#include "node/local/ca.h"
#include "node/scratch.h"

#include <sodium.h>
#include <sys/stat.h>

static struct audit_key key, other;
static const struct audit_secrets secrets = {.place = {{{1}}, {{2}}, 3, 1, 1900000000}, .seed = {.bytes = {4, 5}},
                                            .start = {.bytes = {6, 7}}};
static uint8_t sealed[AUDIT_SEAL_MAX];
static size_t len; /* of sealed */

static void make_key(struct audit_key *out, const char *name)
{
    struct seal_public pub;

    assert_int_equal(audit_key_create(&pub, kit_suite(), in_scratch(name), NULL), OK);
    assert_int_equal(audit_key_load(out, in_scratch(name), NULL), OK);
    assert_memory_equal(&pub, &out->pub, sizeof pub);
}

static int set_up(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    make_key(&key, "audit.key");
    make_key(&other, "other.key");
    len = audit_seal_bytes(kit_suite());
    return audit_seal_make(sealed, &key.pub, &secrets, NULL) == OK ? 0 : -1;
}

static void assert_refused(const struct audit_key *with, const uint8_t *bytes, size_t bytes_len, const struct audit_place *expected,
                           const char *words)
{
    struct audit_secrets out = {0};
    const struct audit_secrets none = {0};
    struct fault f = {0};

    assert_int_equal(audit_seal_open(&out, with, bytes, bytes_len, expected, &f), STATUS_MISMATCH);
    if (!strstr(f.message, words))
        fail_msg("%s; expected: %s", f.message, words);
    assert_memory_equal(&out, &none, sizeof out);
}

static void the_auditor_opens_what_was_sealed(void **state)
{
    struct audit_secrets out = {0};

    (void)state;
    assert_int_equal(audit_seal_open(&out, &key, sealed, len, &secrets.place, NULL), OK);
    assert_memory_equal(out.seed.bytes, secrets.seed.bytes, sizeof out.seed.bytes);
    assert_memory_equal(out.start.bytes, secrets.start.bytes, sizeof out.start.bytes);
    assert_int_equal(out.place.sealed_at, secrets.place.sealed_at);
}

static void another_key_does_not_open_it(void **state)
{
    (void)state;
    assert_refused(&other, sealed, len, &secrets.place, "another key");
}

static void a_changed_byte_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < len; i++) {
        uint8_t changed[AUDIT_SEAL_MAX];

        memcpy(changed, sealed, sizeof changed);
        changed[i] ^= (uint8_t)(1u << i % 8);
        assert_refused(&key, changed, len, &secrets.place, "was changed");
    }
    assert_refused(&key, sealed, len - 1, &secrets.place, kit_suite() == SUITE_INT1 ? "199 bytes instead of 200" : "248 bytes instead of 249");
}

static void the_seal_of_another_session_is_refused_by_name(void **state)
{
    struct audit_place place = secrets.place;

    (void)state;
    place.contract.bytes[31] ^= 1;
    assert_refused(&key, sealed, len, &place, "another contract");
    place = secrets.place;
    place.session.bytes[0] ^= 1;
    assert_refused(&key, sealed, len, &place, "another session");
    place = secrets.place;
    place.who = 0;
    assert_refused(&key, sealed, len, &place, "another party");
    place = secrets.place;
    place.attempt = 0;
    assert_refused(&key, sealed, len, &place, "another attempt");
}

/* Whoever has the public key can seal anything: what is inside is still read strictly. */
static void what_is_no_seal_inside_is_refused(void **state)
{
    uint8_t content[AUDIT_SEAL_CONTENT] = "HEFUSEAL", box[AUDIT_SEAL_MAX];
    struct sm2_public point;

    (void)state;
    content[9] = 2; /* a version that does not exist */
    memcpy(point.bytes, key.pub.bytes, sizeof point.bytes);
    if (kit_suite() == SUITE_INT1)
        assert_int_equal(crypto_box_seal(box, content, sizeof content, key.pub.bytes + 1), 0);
    else
        assert_int_equal(sm2_seal(box, &point, &secrets.seed, content, sizeof content), OK);
    assert_refused(&key, box, len, &secrets.place, "not the secrets of a session");
}

static void a_seal_is_new_every_time_and_does_not_show_what_it_holds(void **state)
{
    uint8_t again[AUDIT_SEAL_MAX];

    (void)state;
    assert_int_equal(audit_seal_make(again, &key.pub, &secrets, NULL), OK);
    assert_memory_not_equal(again, sealed, len);
    assert_null(memmem(again, len, "HEFUSEAL", 8));
    assert_null(memmem(again, len, secrets.place.session.bytes, HASH_BYTES));
}

static void nothing_is_sealed_to_what_is_no_key(void **state)
{
    const struct seal_public low = {{kit_suite() == SUITE_INT1 ? KEY_X25519 : 5}}; /* of low order; no point */
    uint8_t box[AUDIT_SEAL_MAX];
    struct fault f = {0};

    (void)state;
    assert_int_equal(audit_seal_make(box, &low, &secrets, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "nothing can be sealed to"));
}

static void a_key_file_is_private_never_replaced_and_of_its_kind(void **state)
{
    struct audit_key k;
    struct seal_public pub;
    struct fault f = {0};
    struct stat st;

    (void)state;
    assert_int_equal(stat(in_scratch("audit.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(audit_key_create(&pub, kit_suite(), in_scratch("audit.key"), NULL), STATUS_CONFIG);
    assert_int_equal(chmod(in_scratch("audit.key"), 0640), 0);
    assert_int_equal(audit_key_load(&k, in_scratch("audit.key"), &f), STATUS_CONFIG);
    assert_int_equal(chmod(in_scratch("audit.key"), 0600), 0);
    assert_int_equal(ca_make_key(in_scratch("identity.key"), SUITE_INT1, NULL), OK);
    f = (struct fault){0};
    assert_int_equal(audit_key_load(&k, in_scratch("identity.key"), &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "neither x25519 nor sm2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_auditor_opens_what_was_sealed),
        cmocka_unit_test(another_key_does_not_open_it),
        cmocka_unit_test(a_changed_byte_anywhere_is_refused),
        cmocka_unit_test(the_seal_of_another_session_is_refused_by_name),
        cmocka_unit_test(what_is_no_seal_inside_is_refused),
        cmocka_unit_test(a_seal_is_new_every_time_and_does_not_show_what_it_holds),
        cmocka_unit_test(nothing_is_sealed_to_what_is_no_key),
        cmocka_unit_test(a_key_file_is_private_never_replaced_and_of_its_kind),
    };

    return cmocka_run_group_tests_name("audit seal", tests, set_up, scratch_remove);
}
