/* The keyring signs and seals, and keeps its keys to itself. */
#include "node/local/keyring.h"

#include "node/local/ca.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "node/scratch.h"

static char key_path[FILES_PATH_BYTES], state_path[FILES_PATH_BYTES];

static int make_node(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    snprintf(key_path, sizeof key_path, "%s/node.key", scratch);
    snprintf(state_path, sizeof state_path, "%s/state", scratch);
    return ca_make_key(key_path, SUITE_INT1, NULL) == OK ? 0 : -1;
}

static struct keyring *open_keyring(void)
{
    struct keyring *k = NULL;
    struct fault f = {0};

    assert_int_equal(keyring_new(&k, key_path, state_path, &f), OK);
    return k;
}

static void signatures_verify_with_the_key_in_the_certificate(void **state)
{
    struct keyring *k AUTO(keyring_clear) = open_keyring();
    struct ca_request request = {.name = "bank", .role = ROLE_NODE, .days = 10};
    struct certificate c AUTO(certificate_clear) = {0};
    char ca[FILES_PATH_BYTES], csr[FILES_PATH_BYTES];
    struct signature sig;
    struct fault f = {0};

    (void)state;
    snprintf(ca, sizeof ca, "%s/ca", scratch);
    snprintf(csr, sizeof csr, "%s/node.csr", scratch);
    request.csr = csr;
    request.out = scratch;
    assert_int_equal(ca_init(ca, "Test", SUITE_INT1, &f), OK);
    assert_int_equal(ca_make_csr(csr, key_path, "bank", &f), OK);
    assert_int_equal(ca_issue(ca, &request, &c, &f), OK);
    assert_memory_equal(c.key.bytes, keyring_public(k, SUITE_INT1)->bytes, SIGN_PUBLIC_BYTES);
    keyring_sign(k, &sig, SUITE_INT1, "hefu/test/v1", "bytes", 5);
    assert_int_equal(sign_check(&sig, &c.key, "hefu/test/v1", "bytes", 5), OK);
    assert_int_equal(sign_check(&sig, &c.key, "hefu/test/v2", "bytes", 5), STATUS_UNTRUSTED);
    assert_int_equal(sign_check(&sig, &c.key, "hefu/test/v1", "bytez", 5), STATUS_UNTRUSTED);
    sig.bytes[0] ^= 1;
    assert_int_equal(sign_check(&sig, &c.key, "hefu/test/v1", "bytes", 5), STATUS_UNTRUSTED);
}

static void sealed_bytes_open_after_a_restart(void **state)
{
    struct keyring *k = open_keyring(), *again;
    uint8_t sealed[5 + KEYRING_SEAL_BYTES], opened[5];

    (void)state;
    keyring_seal(k, sealed, SUITE_INT1, "seed/abc/1", "12345", 5);
    assert_null(memmem(sealed, sizeof sealed, "12345", 5));
    keyring_free(k);
    again = open_keyring();
    assert_int_equal(keyring_unseal(again, opened, SUITE_INT1, "seed/abc/1", sealed, sizeof sealed), OK);
    assert_memory_equal(opened, "12345", 5);
    keyring_free(again);
}

static void sealing_the_same_twice_gives_different_bytes(void **state)
{
    struct keyring *k AUTO(keyring_clear) = open_keyring();
    uint8_t a[5 + KEYRING_SEAL_BYTES], b[5 + KEYRING_SEAL_BYTES];

    (void)state;
    keyring_seal(k, a, SUITE_INT1, "label", "12345", 5);
    keyring_seal(k, b, SUITE_INT1, "label", "12345", 5);
    assert_memory_not_equal(a, b, sizeof a);
}

static void changed_cut_or_relabelled_bytes_do_not_open(void **state)
{
    struct keyring *k AUTO(keyring_clear) = open_keyring();
    uint8_t sealed[5 + KEYRING_SEAL_BYTES], out[5 + KEYRING_SEAL_BYTES] = {0xEE}, before[sizeof out];

    (void)state;
    memcpy(before, out, sizeof out);
    keyring_seal(k, sealed, SUITE_INT1, "label", "12345", 5);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 0x10;
        assert_int_equal(keyring_unseal(k, out, SUITE_INT1, "label", sealed, sizeof sealed), STATUS_MISMATCH);
        sealed[i] ^= 0x10;
    }
    for (size_t len = 0; len < sizeof sealed; len++)
        assert_int_equal(keyring_unseal(k, out, SUITE_INT1, "label", sealed, len), STATUS_MISMATCH);
    assert_int_equal(keyring_unseal(k, out, SUITE_INT1, "labe", sealed, sizeof sealed), STATUS_MISMATCH);
    assert_int_equal(keyring_unseal(k, out, SUITE_INT1, "", sealed, sizeof sealed), STATUS_MISMATCH);
    assert_memory_equal(out, before, sizeof out);
    assert_int_equal(keyring_unseal(k, out, SUITE_INT1, "label", sealed, sizeof sealed), OK);
}

static void another_node_cannot_open(void **state)
{
    struct keyring *k AUTO(keyring_clear) = open_keyring(), *other AUTO(keyring_clear) = NULL;
    uint8_t sealed[5 + KEYRING_SEAL_BYTES], out[5];
    struct fault f = {0};

    (void)state;
    keyring_seal(k, sealed, SUITE_INT1, "label", "12345", 5);
    assert_int_equal(keyring_new(&other, key_path, in_scratch("other"), &f), OK);
    assert_int_equal(keyring_unseal(other, out, SUITE_INT1, "label", sealed, sizeof sealed), STATUS_MISMATCH);
}

static void keys_that_others_can_read_are_refused(void **state)
{
    struct keyring *k = NULL;
    struct fault f = {0};

    (void)state;
    keyring_free(open_keyring());
    assert_int_equal(chmod(key_path, 0640), 0);
    assert_int_equal(keyring_new(&k, key_path, state_path, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "node.key: mode 640 lets others in"));
    assert_non_null(strstr(f.hint, "chmod 600 "));
    assert_int_equal(chmod(key_path, 0600), 0);
    assert_int_equal(chmod(in_scratch("state/storage.key"), 0604), 0);
    f = (struct fault){0};
    assert_int_equal(keyring_new(&k, key_path, state_path, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "storage.key: mode 604 lets others in"));
    assert_null(k);
}

static void the_storage_key_is_private_and_its_damage_is_told(void **state)
{
    struct keyring *k = NULL;
    struct stat st;
    struct fault f = {0};

    (void)state;
    keyring_free(open_keyring());
    assert_int_equal(stat(in_scratch("state/storage.key"), &st), 0);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(truncate(in_scratch("state/storage.key"), 31), 0);
    assert_int_equal(keyring_new(&k, key_path, state_path, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "storage.key: 31 bytes instead of 32"));
}

static void keys_of_another_kind_are_refused(void **state)
{
    struct keyring *k = NULL;
    char command[512];
    struct fault f = {0};

    (void)state;
    assert_int_equal(files_write(in_scratch("junk.key"), "hello\n", 6, 0600, &f), OK);
    assert_int_equal(keyring_new(&k, in_scratch("junk.key"), NULL, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "not a private key in pem form, without passphrase"));
    snprintf(command, sizeof command,
             "umask 077; openssl ecparam -name prime256v1 -genkey -noout -out %s/p256.key 2>/dev/null &&"
             " openssl genpkey -algorithm ed25519 -aes128 -pass pass:x -out %s/locked.key 2>/dev/null",
             scratch, scratch);
    assert_int_equal(system(command), 0);
    f = (struct fault){0};
    assert_int_equal(keyring_new(&k, in_scratch("p256.key"), NULL, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "p256.key: the key is neither ed25519 nor sm2"));
    f = (struct fault){0};
    assert_int_equal(keyring_new(&k, in_scratch("locked.key"), NULL, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "not a private key in pem form, without passphrase"));
    f = (struct fault){0};
    assert_int_equal(keyring_new(&k, in_scratch("none.key"), NULL, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "none.key: cannot be read: No such file or directory"));
    assert_null(k);
}

static void a_second_identity_signs_for_its_own_suite(void **state)
{
    struct keyring *k AUTO(keyring_clear) = open_keyring();
    struct signature sig;
    struct fault f = {0};

    (void)state;
    assert_null(keyring_public(k, SUITE_GM1));
    assert_int_equal(keyring_add(k, "", &f), OK);
    assert_null(keyring_public(k, SUITE_GM1));
    assert_int_equal(ca_make_key(in_scratch("gm.key"), SUITE_GM1, &f), OK);
    assert_int_equal(keyring_add(k, in_scratch("gm.key"), &f), OK);
    assert_int_equal(keyring_suite(k), SUITE_INT1);
    for (enum suite s = SUITE_INT1; s <= SUITE_GM1; s++) {
        assert_int_equal(sign_public_suite(keyring_public(k, s)), s);
        keyring_sign(k, &sig, s, "hefu/test/v1", "bytes", 5);
        assert_int_equal(sign_check(&sig, keyring_public(k, s), "hefu/test/v1", "bytes", 5), OK);
        assert_int_not_equal(sign_check(&sig, keyring_public(k, s == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1), "hefu/test/v1", "bytes", 5), OK);
    }
}

static void two_identities_of_one_kind_are_refused(void **state)
{
    struct keyring *k AUTO(keyring_clear) = open_keyring(), *gm AUTO(keyring_clear) = NULL;
    struct fault f = {0};

    (void)state;
    assert_int_equal(ca_make_key(in_scratch("other.key"), SUITE_INT1, &f), OK);
    assert_int_equal(ca_make_key(in_scratch("gm.key"), SUITE_GM1, &f), OK);
    assert_int_equal(ca_make_key(in_scratch("gm2.key"), SUITE_GM1, &f), OK);
    assert_int_equal(keyring_add(k, in_scratch("other.key"), &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "other.key: this node has an ed25519 key already"));
    f = (struct fault){0};
    assert_int_equal(keyring_new(&gm, in_scratch("gm.key"), NULL, &f), OK);
    assert_int_equal(keyring_add(gm, in_scratch("gm2.key"), &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "gm2.key: this node has an sm2 key already"));
}

static void seals_of_one_suite_do_not_open_in_the_other(void **state)
{
    struct keyring *k AUTO(keyring_clear) = open_keyring();
    uint8_t sealed[5 + KEYRING_SEAL_BYTES], out[5];

    (void)state;
    for (enum suite s = SUITE_INT1; s <= SUITE_GM1; s++) {
        const enum suite other = s == SUITE_INT1 ? SUITE_GM1 : SUITE_INT1;

        keyring_seal(k, sealed, s, "label", "12345", 5);
        assert_int_equal(keyring_unseal(k, out, other, "label", sealed, sizeof sealed), STATUS_MISMATCH);
        assert_int_equal(keyring_unseal(k, out, s, "label", sealed, sizeof sealed), OK);
        sealed[0] = (uint8_t)other;
        assert_int_equal(keyring_unseal(k, out, other, "label", sealed, sizeof sealed), STATUS_MISMATCH);
    }
}

#define WITH_NODE(test) cmocka_unit_test_setup_teardown(test, make_node, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_NODE(signatures_verify_with_the_key_in_the_certificate),
        WITH_NODE(sealed_bytes_open_after_a_restart),
        WITH_NODE(sealing_the_same_twice_gives_different_bytes),
        WITH_NODE(changed_cut_or_relabelled_bytes_do_not_open),
        WITH_NODE(another_node_cannot_open),
        WITH_NODE(keys_that_others_can_read_are_refused),
        WITH_NODE(the_storage_key_is_private_and_its_damage_is_told),
        WITH_NODE(keys_of_another_kind_are_refused),
        WITH_NODE(a_second_identity_signs_for_its_own_suite),
        WITH_NODE(two_identities_of_one_kind_are_refused),
        WITH_NODE(seals_of_one_suite_do_not_open_in_the_other),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
