/* The SM2 certificates of suite GM1: what an SM2 CA issues verifies, and no mixture, no other identity, no forged list does. */
#include "crypto/sm2.h"
#include "node/local/ca.h"
#include "node/local/keyring.h"
#include "node/local/openssl.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "node/scratch.h"

enum { DAY = 86400 };

static char sm2_ca[FILES_PATH_BYTES], sm2_pem[FILES_PATH_BYTES], sm2_crl[FILES_PATH_BYTES];
static char ed_ca[FILES_PATH_BYTES], ed_pem[FILES_PATH_BYTES], ed_crl[FILES_PATH_BYTES];

static int make_cas(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    strcpy(sm2_ca, in_scratch("sm2"));
    strcpy(sm2_pem, in_scratch("sm2/ca.pem"));
    strcpy(sm2_crl, in_scratch("sm2/crl.pem"));
    strcpy(ed_ca, in_scratch("ed"));
    strcpy(ed_pem, in_scratch("ed/ca.pem"));
    strcpy(ed_crl, in_scratch("ed/crl.pem"));
    return ca_init(sm2_ca, "Credit consortium", SUITE_GM1, NULL) == OK && ca_init(ed_ca, "Credit consortium", SUITE_INT1, NULL) == OK
               ? 0
               : -1;
}

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

static void issue(struct certificate *c, const char *ca, const char *name)
{
    char out[FILES_PATH_BYTES];
    struct fault f = {0};

    strcpy(out, in_scratch("issued"));
    if (ca_issue(ca, &(struct ca_request){.name = name, .role = ROLE_NODE, .days = 30, .out = out}, c, &f) != OK)
        fail_msg("%s", f.message);
}

static void expect_refused(const struct certificate *c, const char *ca, const char *crl, int64_t at, status code, const char *said)
{
    struct fault f = {0};

    assert_int_equal(certificate_verify(c, ca, crl, at, &f), code);
    if (!strstr(f.message, said))
        fail_msg("said \"%s\", expected \"%s\"", f.message, said);
}

/* ---- what the CA makes ---- */

static void an_sm2_ca_issues_certificates_that_verify(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0}, loaded AUTO(certificate_clear) = {0};
    struct fault f = {0};

    (void)state;
    issue(&c, sm2_ca, "bank");
    assert_int_equal(sign_public_suite(&c.key), SUITE_GM1);
    assert_int_equal(certificate_verify(&c, sm2_pem, "", now(), &f), OK);
    assert_int_equal(certificate_verify(&c, sm2_pem, sm2_crl, now(), &f), OK);
    assert_int_equal(certificate_load(&loaded, in_scratch("issued/bank-gm.pem"), &f), OK);
    assert_true(hash_equal(&loaded.fingerprint, &c.fingerprint));
    assert_memory_equal(loaded.key.bytes, c.key.bytes, SIGN_PUBLIC_BYTES);
    assert_int_equal(certificate_verify(&loaded, in_scratch("issued/ca-gm.pem"), "", now(), &f), OK);
    assert_int_equal(certificate_verify(&loaded, sm2_pem, in_scratch("issued/crl-gm.pem"), now(), &f), OK);
}

static void the_ca_signs_itself_under_the_default_identity(void **state)
{
    X509 *ca AUTO(openssl_x509_clear) = NULL;

    (void)state;
    assert_int_equal(openssl_load_x509(&ca, sm2_pem, NULL), OK);
    assert_int_not_equal(X509_verify(ca, X509_get0_pubkey(ca)), 1); /* the empty one */
    assert_int_equal(openssl_expect_sm2(ca), OK);
    assert_int_equal(X509_verify(ca, X509_get0_pubkey(ca)), 1);
}

static void both_kinds_of_certificates_fit_into_one_directory(void **state)
{
    struct certificate sm2 AUTO(certificate_clear) = {0}, ed AUTO(certificate_clear) = {0}, again AUTO(certificate_clear) = {0};
    struct fault f = {0};

    (void)state;
    issue(&sm2, sm2_ca, "bank");
    issue(&ed, ed_ca, "bank");
    assert_int_equal(sign_public_suite(&ed.key), SUITE_INT1);
    assert_int_equal(certificate_load(&again, in_scratch("issued/bank-gm.pem"), &f), OK);
    assert_true(hash_equal(&again.fingerprint, &sm2.fingerprint));
    assert_int_equal(certificate_verify(&ed, ed_pem, ed_crl, now(), &f), OK);
}

static void the_keyring_signs_with_the_key_of_the_certificate(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0};
    struct keyring *k AUTO(keyring_clear) = NULL;
    struct signature sig;
    struct fault f = {0};

    (void)state;
    issue(&c, sm2_ca, "bank");
    assert_int_equal(keyring_new(&k, in_scratch("issued/bank-gm.key"), NULL, &f), OK);
    assert_int_equal(keyring_suite(k), SUITE_GM1);
    assert_null(keyring_public(k, SUITE_INT1));
    assert_memory_equal(keyring_public(k, SUITE_GM1)->bytes, c.key.bytes, SIGN_PUBLIC_BYTES);
    keyring_sign(k, &sig, SUITE_GM1, "hefu/test/v1", "bytes", 5);
    assert_int_equal(sign_check(&sig, &c.key, "hefu/test/v1", "bytes", 5), OK);
    assert_int_equal(sign_check(&sig, &c.key, "hefu/test/v1", "bytEs", 5), STATUS_UNTRUSTED);
}

static void expired_and_future_certificates_are_refused(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0};
    struct fault f = {0};

    (void)state;
    issue(&c, sm2_ca, "bank");
    expect_refused(&c, sm2_pem, "", c.not_after + CERTIFICATE_CLOCK_GRACE_S + 1, STATUS_UNTRUSTED, "the certificate of bank expired on");
    expect_refused(&c, sm2_pem, "", c.not_before - CERTIFICATE_CLOCK_GRACE_S - 1, STATUS_UNTRUSTED, "is not valid before");
    assert_int_equal(certificate_verify(&c, sm2_pem, "", c.not_after + CERTIFICATE_CLOCK_GRACE_S - 1, &f), OK);
}

static void another_ca_of_the_same_name_did_not_issue_it(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0};
    char other[FILES_PATH_BYTES];

    (void)state;
    issue(&c, sm2_ca, "bank");
    strcpy(other, in_scratch("other"));
    assert_int_equal(ca_init(other, "Credit consortium", SUITE_GM1, NULL), OK);
    expect_refused(&c, in_scratch("other/ca.pem"), "", now(), STATUS_UNTRUSTED, "the certificate of bank was not issued by");
}

/* ---- requests ---- */

static status issue_for(const char *ca, const char *csr, struct fault *f)
{
    struct certificate c AUTO(certificate_clear) = {0};
    char out[FILES_PATH_BYTES];

    strcpy(out, in_scratch("issued"));
    return ca_issue(ca, &(struct ca_request){.name = "tax", .role = ROLE_NODE, .days = 30, .csr = csr, .out = out}, &c, f);
}

static void make_request(char csr[FILES_PATH_BYTES], enum suite s)
{
    char key[FILES_PATH_BYTES];

    strcpy(key, in_scratch(s == SUITE_GM1 ? "tax-gm.key" : "tax.key"));
    strcpy(csr, in_scratch(s == SUITE_GM1 ? "tax-gm.csr" : "tax.csr"));
    assert_int_equal(ca_make_key(key, s, NULL), OK);
    assert_int_equal(ca_make_csr(csr, key, "tax", NULL), OK);
}

static void requests_are_taken_for_keys_of_the_cas_kind_only(void **state)
{
    char sm2[FILES_PATH_BYTES], ed[FILES_PATH_BYTES];
    struct fault f = {0};

    (void)state;
    make_request(sm2, SUITE_GM1);
    make_request(ed, SUITE_INT1);
    assert_int_equal(issue_for(sm2_ca, sm2, &f), OK);
    assert_int_equal(issue_for(ed_ca, ed, &f), OK);
    assert_int_equal(issue_for(sm2_ca, ed, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "the key of the request is not sm2"));
    f = (struct fault){0};
    assert_int_equal(issue_for(ed_ca, sm2, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "the key of the request is not ed25519"));
}

static void requests_that_their_key_did_not_sign_are_refused(void **state)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL, *other AUTO(openssl_key_clear) = NULL;
    struct fault f = {0};

    (void)state;
    assert_int_equal(openssl_new_key(&key, SUITE_GM1), OK);
    assert_int_equal(openssl_new_key(&other, SUITE_GM1), OK);
    for (int which = 0; which < 3; which++) {
        X509_REQ *req AUTO(openssl_req_clear) = X509_REQ_new();
        EVP_MD_CTX *by AUTO(openssl_digest_clear) = openssl_signing(which == 0 ? key : other);
        char path[FILES_PATH_BYTES];
        FILE *file;

        strcpy(path, in_scratch("made.csr"));
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_UTF8, (const unsigned char *)"tax", -1, -1, 0);
        assert_true(X509_REQ_set_pubkey(req, key));
        if (which < 2)
            assert_true(X509_REQ_sign_ctx(req, by) > 0);
        else
            assert_true(X509_REQ_sign(req, key, EVP_sm3()) > 0); /* with the empty identity */
        file = fopen(path, "w");
        PEM_write_X509_REQ(file, req);
        fclose(file);
        assert_int_equal(issue_for(sm2_ca, path, &f), which == 0 ? OK : STATUS_CONFIG);
        if (which)
            assert_non_null(strstr(f.message, "the request is not signed by its own key"));
    }
}

/* ---- certificates made by hand ---- */

struct hand {
    EVP_PKEY *ca_key;
    X509 *ca;
};

static void hand_clear(struct hand *h)
{
    EVP_PKEY_free(h->ca_key);
    X509_free(h->ca);
}

static void hand_open(struct hand *h, const char *ca)
{
    char path[FILES_PATH_BYTES];

    snprintf(path, sizeof path, "%s/ca.key", ca);
    assert_int_equal(openssl_load_key(&h->ca_key, path, NULL), OK);
    snprintf(path, sizeof path, "%s/ca.pem", ca);
    assert_int_equal(openssl_load_x509(&h->ca, path, NULL), OK);
}

/* As openssl_signing, but under another identity; NULL: none is set. */
static EVP_MD_CTX *signing_as(EVP_PKEY *key, const char *id)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;

    assert_int_equal(EVP_DigestSignInit(digest, &ctx, openssl_key_suite(key) == SUITE_GM1 ? EVP_sm3() : NULL, NULL, key), 1);
    if (id)
        assert_int_equal(EVP_PKEY_CTX_set1_id(ctx, id, (int)strlen(id)), 1);
    return digest;
}

/* A certificate of "bank" with a new key of that suite, signed by the CA in h. */
static void hand_issue(struct certificate *out, const struct hand *h, enum suite s, const char *id)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    EVP_MD_CTX *by AUTO(openssl_digest_clear) = signing_as(h->ca_key, id);
    X509 *x AUTO(openssl_x509_clear) = X509_new();
    uint8_t *der AUTO(auto_free) = NULL;
    struct fault f = {0};
    int len;

    assert_int_equal(openssl_new_key(&key, s), OK);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "OU", MBSTRING_UTF8, (const unsigned char *)"node", -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)"bank", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(h->ca));
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), DAY);
    X509_set_pubkey(x, key);
    assert_true(X509_sign_ctx(x, by) > 0);
    len = i2d_X509(x, &der);
    if (certificate_parse(out, "made", der, (size_t)len, &f) != OK)
        fail_msg("%s", f.message);
}

static void a_certificate_by_hand_verifies_under_the_default_identity_only(void **state)
{
    static const char *const ids[] = {SM2_DEFAULT_ID, NULL, "1234567812345679", "bank@consortium"};
    struct hand h AUTO(hand_clear) = {0};
    struct fault f = {0};

    (void)state;
    hand_open(&h, sm2_ca);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct certificate c AUTO(certificate_clear) = {0};

        hand_issue(&c, &h, SUITE_GM1, ids[i]);
        if (i == 0)
            assert_int_equal(certificate_verify(&c, sm2_pem, sm2_crl, now(), &f), OK);
        else
            expect_refused(&c, sm2_pem, "", now(), STATUS_UNTRUSTED, "the certificate of bank was not issued by");
    }
}

static void a_changed_bit_is_refused(void **state)
{
    struct certificate c AUTO(certificate_clear) = {0};
    size_t verified = 0;

    (void)state;
    issue(&c, sm2_ca, "bank");
    for (size_t at = 0; at < c.der_len; at += 3) {
        struct certificate changed AUTO(certificate_clear) = {0};

        c.der[at] ^= 1;
        verified += certificate_parse(&changed, "changed", c.der, c.der_len, NULL) == OK &&
                    certificate_verify(&changed, sm2_pem, "", now(), NULL) == OK;
        c.der[at] ^= 1;
    }
    assert_int_equal(verified, 0);
}

static void keys_and_cas_of_different_kinds_do_not_mix(void **state)
{
    struct hand sm2 AUTO(hand_clear) = {0}, ed AUTO(hand_clear) = {0};
    struct certificate plain_sm2 AUTO(certificate_clear) = {0}, plain_ed AUTO(certificate_clear) = {0};
    struct certificate ed_by_sm2 AUTO(certificate_clear) = {0}, sm2_by_ed AUTO(certificate_clear) = {0};

    (void)state;
    hand_open(&sm2, sm2_ca);
    hand_open(&ed, ed_ca);
    issue(&plain_sm2, sm2_ca, "bank");
    issue(&plain_ed, ed_ca, "bank");
    hand_issue(&ed_by_sm2, &sm2, SUITE_INT1, SM2_DEFAULT_ID);
    hand_issue(&sm2_by_ed, &ed, SUITE_GM1, NULL);
    expect_refused(&plain_sm2, ed_pem, "", now(), STATUS_UNTRUSTED, "holds an sm2 key, was not issued by");
    expect_refused(&plain_ed, sm2_pem, "", now(), STATUS_UNTRUSTED, "holds an ed25519 key, was not issued by");
    expect_refused(&ed_by_sm2, sm2_pem, "", now(), STATUS_UNTRUSTED, "holds an ed25519 key, was not issued by");
    expect_refused(&sm2_by_ed, ed_pem, "", now(), STATUS_UNTRUSTED, "holds an sm2 key, was not issued by");
    expect_refused(&sm2_by_ed, sm2_pem, "", now(), STATUS_UNTRUSTED, "is not signed with sm2 and sm3");
}

static void other_curves_are_no_keys_of_a_party(void **state)
{
    EVP_PKEY *p256 AUTO(openssl_key_clear) = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    struct certificate c AUTO(certificate_clear) = {0}, other AUTO(certificate_clear) = {0};
    X509 *x AUTO(openssl_x509_clear) = NULL;
    uint8_t *der AUTO(auto_free) = NULL;
    struct fault f = {0};
    int len;

    (void)state;
    issue(&c, sm2_ca, "bank");
    x = openssl_x509_from_bytes(c.der, c.der_len);
    assert_true(X509_set_pubkey(x, p256));
    assert_true(i2d_re_X509_tbs(x, NULL) > 0); /* or the old bytes would be written */
    len = i2d_X509(x, &der);
    assert_int_equal(certificate_parse(&other, "made", der, (size_t)len, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "neither ed25519 nor sm2"));
}

/* ---- revocation ---- */

static void revoked_certificates_stop_verifying_and_others_do_not(void **state)
{
    struct certificate bank AUTO(certificate_clear) = {0}, tax AUTO(certificate_clear) = {0};
    struct fault f = {0};
    int64_t next = 0;
    size_t count = 0;

    (void)state;
    issue(&bank, sm2_ca, "bank");
    issue(&tax, sm2_ca, "tax");
    assert_int_equal(ca_revoke(sm2_ca, bank.serial, NULL, &count, &f), OK);
    assert_int_equal(count, 1);
    expect_refused(&bank, sm2_pem, sm2_crl, now(), STATUS_UNTRUSTED, ") is revoked");
    assert_int_equal(certificate_verify(&tax, sm2_pem, sm2_crl, now(), &f), OK);
    assert_int_equal(certificate_verify(&bank, sm2_pem, "", now(), &f), OK);
    assert_int_equal(certificate_crl_next_update(&next, sm2_crl, &f), OK);
    assert_in_range(next, now() + 29 * DAY, now() + 31 * DAY);
}

static void an_overdue_list_still_revokes(void **state)
{
    struct certificate bank AUTO(certificate_clear) = {0}, tax AUTO(certificate_clear) = {0};
    struct fault f = {0};
    size_t count = 0;

    (void)state;
    issue(&bank, sm2_ca, "bank");
    issue(&tax, sm2_ca, "tax");
    assert_int_equal(ca_revoke(sm2_ca, bank.serial, NULL, &count, &f), OK);
    assert_int_equal(ca_crl(sm2_ca, NULL, 1, &f), OK);
    expect_refused(&bank, sm2_pem, sm2_crl, now() + 5 * DAY, STATUS_UNTRUSTED, ") is revoked");
    assert_int_equal(certificate_verify(&tax, sm2_pem, sm2_crl, now() + 5 * DAY, &f), OK);
}

static void lists_of_other_cas_are_refused(void **state)
{
    struct certificate bank AUTO(certificate_clear) = {0}, ed AUTO(certificate_clear) = {0};
    char other[FILES_PATH_BYTES];

    (void)state;
    issue(&bank, sm2_ca, "bank");
    issue(&ed, ed_ca, "bank");
    strcpy(other, in_scratch("other"));
    assert_int_equal(ca_init(other, "Credit consortium", SUITE_GM1, NULL), OK);
    expect_refused(&bank, sm2_pem, in_scratch("other/crl.pem"), now(), STATUS_CONFIG, "not signed by the consortium CA");
    expect_refused(&bank, sm2_pem, ed_crl, now(), STATUS_CONFIG, "not signed by the consortium CA");
    expect_refused(&ed, ed_pem, sm2_crl, now(), STATUS_CONFIG, "not signed by the consortium CA");
}

/* What a list made by hand is like. */
struct list {
    const char *id;        /* whose signature it bears; NULL: the empty identity */
    long from, next;       /* seconds from now; next 0: none */
    int critical;          /* with an extension that says that it is a part of a list */
    const char *issuer;    /* NULL: the CA's name */
    const struct certificate *revoked;
    int late;              /* revoked is put in after it was signed */
    long since, invalid;   /* seconds from now; 0: a minute ago, and no such date */
};

static void revoke_in(X509_CRL *crl, const struct list *l)
{
    X509 *x AUTO(openssl_x509_clear) = openssl_x509_from_bytes(l->revoked->der, l->revoked->der_len);
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_TIME *when = X509_gmtime_adj(NULL, l->since ? l->since : -60);
    ASN1_GENERALIZEDTIME *invalid = ASN1_GENERALIZEDTIME_adj(NULL, time(NULL), 0, l->invalid);

    if (l->invalid)
        assert_true(X509_REVOKED_add1_ext_i2d(r, NID_invalidity_date, invalid, 0, 0) == 1);
    ASN1_GENERALIZEDTIME_free(invalid);
    X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(x));
    X509_REVOKED_set_revocationDate(r, when);
    assert_true(X509_CRL_add0_revoked(crl, r));
    ASN1_TIME_free(when);
}

static const char *hand_list(const struct hand *h, const struct list *l)
{
    X509_CRL *crl AUTO(openssl_crl_clear) = X509_CRL_new();
    EVP_MD_CTX *by AUTO(openssl_digest_clear) = signing_as(h->ca_key, l->id);
    X509_NAME *issuer = X509_NAME_dup(X509_get_subject_name(h->ca));
    ASN1_TIME *from = X509_gmtime_adj(NULL, l->from), *next = X509_gmtime_adj(NULL, l->next);
    ASN1_INTEGER *base = ASN1_INTEGER_new();
    FILE *file = fopen(in_scratch("made.crl"), "w");

    ASN1_INTEGER_set(base, 1);
    if (l->issuer)
        X509_NAME_add_entry_by_txt(issuer, "O", MBSTRING_UTF8, (const unsigned char *)l->issuer, -1, -1, 0);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, issuer);
    X509_CRL_set1_lastUpdate(crl, from);
    if (l->next)
        X509_CRL_set1_nextUpdate(crl, next);
    if (l->critical)
        assert_true(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, 0) == 1);
    if (l->revoked && !l->late)
        revoke_in(crl, l);
    assert_true(X509_CRL_sign_ctx(crl, by) > 0);
    if (l->late)
        revoke_in(crl, l);
    PEM_write_X509_CRL(file, crl);
    fclose(file);
    X509_NAME_free(issuer);
    ASN1_TIME_free(from);
    ASN1_TIME_free(next);
    ASN1_INTEGER_free(base);
    return in_scratch("made.crl");
}

static void lists_are_checked_before_they_are_believed(void **state)
{
    struct certificate bank AUTO(certificate_clear) = {0}, tax AUTO(certificate_clear) = {0};
    struct hand h AUTO(hand_clear) = {0};
    struct fault f = {0};
    struct list good = {.id = SM2_DEFAULT_ID, .from = -60, .next = DAY}, l;

    (void)state;
    issue(&bank, sm2_ca, "bank");
    issue(&tax, sm2_ca, "tax");
    hand_open(&h, sm2_ca);
    good.revoked = &bank;
    assert_int_equal(certificate_verify(&tax, sm2_pem, hand_list(&h, &good), now(), &f), OK);
    expect_refused(&bank, sm2_pem, hand_list(&h, &good), now(), STATUS_UNTRUSTED, ") is revoked");

    l = good, l.id = NULL; /* what the library's own check would take */
    expect_refused(&tax, sm2_pem, hand_list(&h, &l), now(), STATUS_CONFIG, "not signed by the consortium CA");
    l = good, l.id = "1234567812345679";
    expect_refused(&tax, sm2_pem, hand_list(&h, &l), now(), STATUS_CONFIG, "not signed by the consortium CA");
    l = good, l.revoked = &tax, l.late = 1; /* tax's enemy adds it */
    expect_refused(&tax, sm2_pem, hand_list(&h, &l), now(), STATUS_CONFIG, "not signed by the consortium CA");
    l = good, l.issuer = "another";
    expect_refused(&tax, sm2_pem, hand_list(&h, &l), now(), STATUS_CONFIG, "not a whole revocation list of the consortium CA");
    l = good, l.critical = 1;
    expect_refused(&tax, sm2_pem, hand_list(&h, &l), now(), STATUS_CONFIG, "not a whole revocation list of the consortium CA");
    l = good, l.next = 0;
    expect_refused(&tax, sm2_pem, hand_list(&h, &l), now(), STATUS_CONFIG, "no acceptable dates");
    l = good, l.next = -DAY;
    expect_refused(&tax, sm2_pem, hand_list(&h, &l), now(), STATUS_CONFIG, "no acceptable dates");
    l = good, l.from = 2 * CERTIFICATE_CLOCK_GRACE_S;
    expect_refused(&tax, sm2_pem, hand_list(&h, &l), now(), STATUS_UNTRUSTED, "of a later time");
    l = good, l.from = CERTIFICATE_CLOCK_GRACE_S / 2;
    assert_int_equal(certificate_verify(&tax, sm2_pem, hand_list(&h, &l), now(), &f), OK);
}

/* Judged at `at` by a list as it is at `by`, both in seconds from now. */
static status judge(int64_t *revoked, const struct certificate *c, const char *ca, const char *list, long at, long by, const char *said)
{
    struct fault f = {0};
    const status verdict = certificate_verify_past(revoked, c, ca, list, now() + at, now() + by, &f);

    if (verdict != OK && !strstr(f.message, said))
        fail_msg("said \"%s\", expected \"%s\"", f.message, said);
    return verdict;
}

/* A session of today, judged in two days by the list of then. */
static void judge_with_a_later_list(const char *ca, const char *pem, const char *id)
{
    struct certificate bank AUTO(certificate_clear) = {0}, tax AUTO(certificate_clear) = {0};
    struct hand h AUTO(hand_clear) = {0};
    struct list l = {.id = id, .from = 2 * DAY - 60, .next = 9 * DAY, .since = DAY};
    const char *list;
    int64_t revoked = 1;

    issue(&bank, ca, "bank");
    issue(&tax, ca, "tax");
    hand_open(&h, ca);
    l.revoked = &bank;
    list = hand_list(&h, &l);
    assert_int_equal(judge(&revoked, &tax, pem, list, 0, 2 * DAY, ""), OK);
    assert_int_equal(revoked, 0);
    assert_int_equal(judge(&revoked, &bank, pem, list, 0, 2 * DAY, ""), OK);
    assert_in_range(revoked, now() + DAY - 60, now() + DAY);
    assert_int_equal(judge(&revoked, &bank, pem, list, DAY, 2 * DAY, ") is revoked"), STATUS_UNTRUSTED);
    expect_refused(&bank, pem, list, now() + 2 * DAY, STATUS_UNTRUSTED, ") is revoked"); /* which a node asks today */
    expect_refused(&tax, pem, list, now(), STATUS_UNTRUSTED, "of a later time");
    assert_int_equal(judge(&revoked, &tax, pem, list, 0, DAY, "of a later time"), STATUS_UNTRUSTED);
    l.invalid = -60; /* its key was known before the session, as was found out after it */
    assert_int_equal(judge(&revoked, &bank, pem, hand_list(&h, &l), 0, 2 * DAY, ") is revoked"), STATUS_UNTRUSTED);
    l.invalid = 2 * DAY; /* a date after that of the revocation makes it no later */
    assert_int_equal(judge(&revoked, &bank, pem, hand_list(&h, &l), DAY, 2 * DAY, ") is revoked"), STATUS_UNTRUSTED);
}

static void an_audit_uses_a_later_list_and_a_revocation_counts_from_its_date(void **state)
{
    (void)state;
    judge_with_a_later_list(sm2_ca, sm2_pem, SM2_DEFAULT_ID);
    judge_with_a_later_list(ed_ca, ed_pem, NULL);
}

static void a_list_with_a_changed_bit_is_refused(void **state)
{
    struct certificate bank AUTO(certificate_clear) = {0};
    struct hand h AUTO(hand_clear) = {0};
    X509_CRL *crl AUTO(openssl_crl_clear) = NULL;
    uint8_t *der AUTO(auto_free) = NULL;
    size_t count = 0, believed = 0;
    int len;

    (void)state;
    issue(&bank, sm2_ca, "bank");
    assert_int_equal(ca_revoke(sm2_ca, bank.serial, NULL, &count, NULL), OK);
    hand_open(&h, sm2_ca);
    do { /* until the signature's last bit is 0, so that it can be called unused */
        openssl_crl_clear(&crl);
        free(der);
        der = NULL;
        assert_int_equal(ca_crl(sm2_ca, NULL, 1, NULL), OK);
        assert_int_equal(openssl_load_crl(&crl, sm2_crl, NULL), OK);
        len = i2d_X509_CRL(crl, &der);
    } while (der[len - 1] & 1);
    assert_true(openssl_crl_is_signed(crl, h.ca_key));
    for (int at = 0; at < len; at++) {
        const unsigned char *from = der;
        X509_CRL *changed AUTO(openssl_crl_clear) = NULL;

        der[at] ^= 1;
        changed = d2i_X509_CRL(NULL, &from, len);
        believed += changed && openssl_crl_is_signed(changed, h.ca_key);
        der[at] ^= 1;
    }
    assert_int_equal(believed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_cas, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_sm2_ca_issues_certificates_that_verify),
        TEST(the_ca_signs_itself_under_the_default_identity),
        TEST(both_kinds_of_certificates_fit_into_one_directory),
        TEST(the_keyring_signs_with_the_key_of_the_certificate),
        TEST(expired_and_future_certificates_are_refused),
        TEST(another_ca_of_the_same_name_did_not_issue_it),
        TEST(requests_are_taken_for_keys_of_the_cas_kind_only),
        TEST(requests_that_their_key_did_not_sign_are_refused),
        TEST(a_certificate_by_hand_verifies_under_the_default_identity_only),
        TEST(a_changed_bit_is_refused),
        TEST(keys_and_cas_of_different_kinds_do_not_mix),
        TEST(other_curves_are_no_keys_of_a_party),
        TEST(revoked_certificates_stop_verifying_and_others_do_not),
        TEST(an_overdue_list_still_revokes),
        TEST(lists_of_other_cas_are_refused),
        TEST(lists_are_checked_before_they_are_believed),
        TEST(an_audit_uses_a_later_list_and_a_revocation_counts_from_its_date),
        TEST(a_list_with_a_changed_bit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
