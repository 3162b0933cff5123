/* The consortium CA: what it issues verifies, and nothing else does. */
#include "node/local/ca.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "node/scratch.h"

enum { DAY = 86400 };

static char ca[FILES_PATH_BYTES], ca_pem[FILES_PATH_BYTES], crl_pem[FILES_PATH_BYTES];

static int make_ca(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    snprintf(ca, sizeof ca, "%s/ca", scratch);
    snprintf(ca_pem, sizeof ca_pem, "%s/ca/ca.pem", scratch);
    snprintf(crl_pem, sizeof crl_pem, "%s/ca/crl.pem", scratch);
    return ca_init(ca, "Credit consortium", SUITE_INT1, NULL) == OK ? 0 : -1;
}

static void issue(struct certificate *c, const char *name, enum certificate_role role, uint32_t days)
{
    char out[FILES_PATH_BYTES];
    struct fault f = {0};
    status code;

    snprintf(out, sizeof out, "%s/%s-%u", scratch, name, days);
    code = ca_issue(ca, &(struct ca_request){.name = name, .role = role, .days = days, .out = out}, c, &f);
    if (code != OK)
        fail_msg("%s", f.message);
}

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

static void issued_certificates_verify_and_say_who(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0}, loaded AUTO(certificate_clear) = {0};
    struct fault f = {0};

    (void)state;
    issue(&c, "bank", ROLE_NODE, 365);
    assert_string_equal(c.name, "bank");
    assert_int_equal(c.role, ROLE_NODE);
    assert_int_equal(c.not_after - c.not_before, 365 * DAY);
    assert_int_equal(strlen(c.serial), 40);
    assert_int_equal(certificate_verify(&c, ca_pem, crl_pem, now(), &f), OK);
    assert_int_equal(certificate_verify(&c, ca_pem, "", now(), &f), OK);
    assert_int_equal(certificate_load(&loaded, in_scratch("bank-365/bank.pem"), &f), OK);
    assert_true(hash_equal(&loaded.fingerprint, &c.fingerprint));
    assert_memory_equal(loaded.key.bytes, c.key.bytes, SIGN_PUBLIC_BYTES);
    assert_string_equal(loaded.serial, c.serial);
}

static void the_der_form_reads_the_same(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0}, der AUTO(certificate_clear) = {0};
    struct fault f = {0};

    (void)state;
    issue(&c, "bank", ROLE_AUDITOR, 1);
    assert_int_equal(certificate_parse(&der, "memory", c.der, c.der_len, &f), OK);
    assert_true(hash_equal(&der.fingerprint, &c.fingerprint));
    assert_int_equal(der.role, ROLE_AUDITOR);
    for (size_t len = 0; len < c.der_len; len += 7) {
        struct certificate cut = {0};

        assert_int_equal(certificate_parse(&cut, "memory", c.der, len, &(struct fault){0}), STATUS_CONFIG);
    }
}

static void expired_and_future_certificates_are_named_with_the_date(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0};
    char date[16], expected[160];
    struct fault f = {0};

    (void)state;
    issue(&c, "bank", ROLE_NODE, 10);
    assert_int_equal(certificate_verify(&c, ca_pem, crl_pem, c.not_after + CERTIFICATE_CLOCK_GRACE_S + 1, &f),
                     STATUS_UNTRUSTED);
    certificate_date(date, c.not_after);
    snprintf(expected, sizeof expected, "the certificate of bank expired on %s", date);
    assert_string_equal(f.message, expected);
    f = (struct fault){0};
    assert_int_equal(certificate_verify(&c, ca_pem, "", c.not_before - CERTIFICATE_CLOCK_GRACE_S - 1, &f),
                     STATUS_UNTRUSTED);
    certificate_date(date, c.not_before);
    snprintf(expected, sizeof expected, "the certificate of bank is not valid before %s", date);
    assert_string_equal(f.message, expected);
    f = (struct fault){0};
    assert_int_equal(certificate_verify(&c, ca_pem, "", c.not_after + CERTIFICATE_CLOCK_GRACE_S - 1, &f), OK);
}

static void certificates_of_another_ca_do_not_verify(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0};
    char other[FILES_PATH_BYTES], other_pem[FILES_PATH_BYTES], other_crl[FILES_PATH_BYTES];
    struct fault f = {0};

    (void)state;
    snprintf(other, sizeof other, "%s/other", scratch);
    snprintf(other_pem, sizeof other_pem, "%s/other/ca.pem", scratch);
    snprintf(other_crl, sizeof other_crl, "%s/other/crl.pem", scratch);
    assert_int_equal(ca_init(other, "Credit consortium", SUITE_INT1, &f), OK); /* the same name, another key */
    issue(&c, "bank", ROLE_NODE, 10);
    assert_int_equal(certificate_verify(&c, other_pem, "", now(), &f), STATUS_UNTRUSTED);
    assert_non_null(strstr(f.message, "the certificate of bank was not issued by "));
    f = (struct fault){0};
    assert_int_equal(certificate_verify(&c, ca_pem, other_crl, now(), &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "not signed by the consortium CA"));
}

static void a_ca_certificate_is_no_party(void **state)
{
    struct certificate c = {0};
    struct fault f = {0};

    (void)state;
    assert_int_equal(certificate_load(&c, ca_pem, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "the certificate's common name is not a party name"));
}

static void revoked_certificates_stop_verifying_by_name_and_by_serial(void **state)
{
    struct certificate bank AUTO(certificate_clear) = {0}, bank2 AUTO(certificate_clear) = {0},
                       tax AUTO(certificate_clear) = {0};
    struct fault f = {0};
    size_t count = 0;

    (void)state;
    issue(&bank, "bank", ROLE_NODE, 10);
    issue(&bank2, "bank", ROLE_NODE, 20);
    issue(&tax, "tax", ROLE_NODE, 10);
    assert_int_equal(ca_revoke(ca, bank.serial, NULL, &count, &f), OK);
    assert_int_equal(count, 1);
    assert_int_equal(certificate_verify(&bank, ca_pem, crl_pem, now(), &f), STATUS_UNTRUSTED);
    assert_non_null(strstr(f.message, "the certificate of bank (serial "));
    assert_non_null(strstr(f.message, ") is revoked"));
    f = (struct fault){0};
    assert_int_equal(certificate_verify(&bank2, ca_pem, crl_pem, now(), &f), OK);
    assert_int_equal(ca_revoke(ca, NULL, "bank", &count, &f), OK);
    assert_int_equal(count, 1);
    assert_int_equal(certificate_verify(&bank2, ca_pem, crl_pem, now(), &f), STATUS_UNTRUSTED);
    f = (struct fault){0};
    assert_int_equal(certificate_verify(&tax, ca_pem, crl_pem, now(), &f), OK);
    assert_int_equal(certificate_verify(&tax, ca_pem, crl_pem, now() + 40 * DAY, &f), STATUS_UNTRUSTED); /* expired */
    f = (struct fault){0};
    assert_int_equal(ca_revoke(ca, NULL, "bank", &count, &f), STATUS_USAGE);
    assert_string_equal(f.message, "the certificate of bank is revoked already");
    f = (struct fault){0};
    assert_int_equal(ca_revoke(ca, NULL, "nobody", &count, &f), STATUS_USAGE);
    assert_string_equal(f.message, "no certificate of nobody was issued here");
}

static void an_overdue_revocation_list_still_revokes(void **state)
{
    struct certificate bank AUTO(certificate_clear) = {0}, tax AUTO(certificate_clear) = {0};
    struct fault f = {0};
    int64_t next = 0;
    size_t count = 0;

    (void)state;
    issue(&bank, "bank", ROLE_NODE, 365);
    issue(&tax, "tax", ROLE_NODE, 365);
    assert_int_equal(ca_revoke(ca, bank.serial, NULL, &count, &f), OK);
    assert_int_equal(certificate_crl_next_update(&next, crl_pem, &f), OK);
    assert_in_range(next, now() + 29 * DAY, now() + 31 * DAY);
    assert_int_equal(certificate_verify(&bank, ca_pem, crl_pem, now() + 60 * DAY, &f), STATUS_UNTRUSTED);
    f = (struct fault){0};
    assert_int_equal(certificate_verify(&tax, ca_pem, crl_pem, now() + 60 * DAY, &f), OK);
}

static void the_index_lists_what_was_issued(void **state)
{
    struct certificate a AUTO(certificate_clear) = {0}, b AUTO(certificate_clear) = {0};
    struct ca_entry *entries AUTO(auto_free) = NULL;
    size_t count = 0, revoked = 0;
    struct fault f = {0};

    (void)state;
    issue(&a, "bank", ROLE_NODE, 10);
    issue(&b, "office", ROLE_COORDINATOR, 10);
    assert_int_equal(ca_revoke(ca, a.serial, NULL, &revoked, &f), OK);
    assert_int_equal(ca_list(ca, &entries, &count, &f), OK);
    assert_int_equal(count, 2);
    assert_string_equal(entries[0].serial, a.serial);
    assert_true(entries[0].revoked >= now() - 60);
    assert_string_equal(entries[1].name, "office");
    assert_int_equal(entries[1].role, ROLE_COORDINATOR);
    assert_true(hash_equal(&entries[1].fingerprint, &b.fingerprint));
    assert_int_equal(entries[1].revoked, 0);
    assert_string_not_equal(a.serial, b.serial);
}

static void a_request_keeps_its_key_at_home(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0};
    char key[FILES_PATH_BYTES], csr[FILES_PATH_BYTES], out[FILES_PATH_BYTES];
    struct ca_request request = {.name = "bank", .role = ROLE_NODE, .days = 10};
    struct fault f = {0};

    (void)state;
    snprintf(key, sizeof key, "%s/node.key", scratch);
    snprintf(csr, sizeof csr, "%s/node.csr", scratch);
    snprintf(out, sizeof out, "%s/out", scratch);
    request.csr = csr;
    request.out = out;
    assert_int_equal(ca_make_key(key, SUITE_INT1, &f), OK);
    assert_int_equal(ca_make_csr(csr, key, "bank", &f), OK);
    assert_int_equal(ca_issue(ca, &request, &c, &f), OK);
    assert_true(files_exist(in_scratch("out/bank.pem")));
    assert_true(files_exist(in_scratch("out/ca.pem")));
    assert_true(files_exist(in_scratch("out/crl.pem")));
    assert_false(files_exist(in_scratch("out/bank.key")));
    request.name = "tax";
    assert_int_equal(ca_issue(ca, &request, &c, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "node.csr: the request is for \"bank\", not for tax"));
}

static void a_tampered_request_is_refused(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0};
    char key[FILES_PATH_BYTES], csr[FILES_PATH_BYTES];
    struct ca_request request = {.name = "bank", .role = ROLE_NODE, .days = 10, .csr = csr, .out = scratch};
    uint8_t *text AUTO(auto_free) = NULL;
    struct fault f = {0};
    size_t len = 0;

    (void)state;
    snprintf(key, sizeof key, "%s/node.key", scratch);
    snprintf(csr, sizeof csr, "%s/node.csr", scratch);
    assert_int_equal(ca_make_key(key, SUITE_INT1, &f), OK);
    assert_int_equal(ca_make_csr(csr, key, "bank", &f), OK);
    assert_int_equal(files_read(&text, &len, csr, 4096, &f), OK);
    for (size_t i = 60; i + 60 < len; i += 11) {
        uint8_t was = text[i];

        text[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(files_write(csr, text, len, 0600, &f), OK);
        assert_int_equal(ca_issue(ca, &request, &c, &(struct fault){0}), STATUS_CONFIG);
        text[i] = was;
    }
    assert_int_equal(files_write(csr, "nothing", 7, 0600, &f), OK);
    assert_int_equal(ca_issue(ca, &request, &c, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "not a certificate request in pem form"));
}

static void wrong_orders_are_refused(void **state)
{
    struct certificate c = {0};
    struct ca_request request = {.name = "The Bank", .role = ROLE_NODE, .days = 10, .out = scratch};
    size_t count;
    struct fault f = {0};

    (void)state;
    assert_int_equal(ca_issue(ca, &request, &c, &f), STATUS_USAGE);
    assert_non_null(strstr(f.message, "\"The Bank\" is not a party name"));
    request.name = "bank";
    request.days = 3651;
    assert_int_equal(ca_issue(ca, &request, &c, &(struct fault){0}), STATUS_USAGE);
    request.days = 10;
    f = (struct fault){0};
    assert_int_equal(ca_issue(in_scratch("nowhere"), &request, &c, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "no consortium CA in this directory"));
    f = (struct fault){0};
    assert_int_equal(ca_init(ca, "Again", SUITE_INT1, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "ca.key: exists already"));
    assert_int_equal(ca_init(in_scratch("new"), "", SUITE_INT1, &(struct fault){0}), STATUS_USAGE);
    assert_int_equal(ca_init(in_scratch("new"), "a\nb", SUITE_INT1, &(struct fault){0}), STATUS_USAGE);
    f = (struct fault){0};
    assert_int_equal(files_write(in_scratch("ca/index.tsv"), "x\n", 2, 0600, &f), OK);
    assert_int_equal(ca_revoke(ca, NULL, "bank", &count, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "index.tsv:1: not an index of this program"));
}

static void private_keys_are_private(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0};
    struct ca_request request = {.name = "tax", .role = ROLE_NODE, .days = 10, .out = scratch};
    struct stat st;
    struct fault f = {0};

    (void)state;
    issue(&c, "bank", ROLE_NODE, 10);
    assert_int_equal(stat(in_scratch("ca/ca.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_scratch("bank-10/bank.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(in_scratch("ca/ca.key"), 0644), 0);
    assert_int_equal(ca_issue(ca, &request, &c, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "ca.key: mode 644 lets others in"));
}

#define WITH_CA(test) cmocka_unit_test_setup_teardown(test, make_ca, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CA(issued_certificates_verify_and_say_who),
        WITH_CA(the_der_form_reads_the_same),
        WITH_CA(expired_and_future_certificates_are_named_with_the_date),
        WITH_CA(certificates_of_another_ca_do_not_verify),
        WITH_CA(a_ca_certificate_is_no_party),
        WITH_CA(revoked_certificates_stop_verifying_by_name_and_by_serial),
        WITH_CA(an_overdue_revocation_list_still_revokes),
        WITH_CA(the_index_lists_what_was_issued),
        WITH_CA(a_request_keeps_its_key_at_home),
        WITH_CA(a_tampered_request_is_refused),
        WITH_CA(wrong_orders_are_refused),
        WITH_CA(private_keys_are_private),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
