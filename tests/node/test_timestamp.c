/* RFC 3161: our requests as OpenSSL's command reads them, and every way in which a token may be wrong. */
#include "node/local/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "authority.h"
#include "scratch.h"

enum { NONCE = 0x1234567 };
static const int64_t NOW = 1790000000;
static const struct hash digest = {.bytes = {1, 2, 3}}, other_digest = {.bytes = {4}};
static const char policy[] = "1.2.3.4";

static const enum suite suites[] = {SUITE_INT1, SUITE_GM1};

static enum suite suite = SUITE_INT1; /* what is asked for */
static struct authority good;
static char ca_file[FILES_PATH_BYTES];
static struct timestamp_trust trust = {.ca = ca_file};

static int set_up(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    authority_make(&good, EVIL_NONE, NOW);
    good.at = NOW;
    snprintf(ca_file, sizeof ca_file, "%s/ca.pem", scratch);
    authority_write(ca_file, good.ca);
    return 0;
}

static int tear_down(void **state)
{
    authority_clear(&good);
    return scratch_remove(state);
}

struct token {
    uint8_t *request, *reply, *bytes;
    size_t request_len, reply_len, len;
    struct timestamp said;
};

static void token_clear(struct token *t)
{
    free(t->request);
    OPENSSL_free(t->reply);
    free(t->bytes);
}

/* Request, reply and what timestamp_accept makes of it. */
static status ask(struct token *t, struct authority *a, enum evil evil, struct fault *f)
{
    int n;

    assert_int_equal(timestamp_request(&t->request, &t->request_len, suite, &digest, NONCE, policy, f), OK);
    n = authority_reply(a, &t->reply, t->request, t->request_len, evil);
    t->reply_len = (size_t)n;
    return timestamp_accept(&t->bytes, &t->len, &t->said, t->reply, t->reply_len, t->request, t->request_len, &trust, f);
}

static void refused(struct authority *a, enum evil evil, status code, const char *words)
{
    struct token t AUTO(token_clear) = {0};
    struct fault f = {0};

    assert_int_equal(ask(&t, a, evil, &f), code);
    if (!strstr(f.message, words))
        fail_msg("\"%s\" instead of \"%s\"", f.message, words);
    assert_null(t.bytes);
}

static void accept_honest(void)
{
    struct token t AUTO(token_clear) = {0};
    struct timestamp again;
    struct fault f = {0};
    const uint64_t nonce = NONCE;
    char text[TIMESTAMP_TEXT_BYTES];

    assert_int_equal(ask(&t, &good, EVIL_NONE, &f), OK);
    assert_int_equal(t.said.at, NOW);
    assert_int_equal(t.said.suite, suite);
    assert_true(hash_equal(&t.said.digest, &digest));
    assert_int_equal(t.said.nonce, NONCE);
    assert_string_equal(t.said.policy, policy);
    assert_string_equal(t.said.signer, "test time");
    assert_int_equal(
        timestamp_check(&again, t.bytes, t.len, &(struct timestamp_wanted){suite, &digest, &nonce, policy}, &trust, &f), OK);
    assert_memory_equal(&again, &t.said, sizeof again);
    timestamp_text(text, again.at);
    assert_string_equal(text, "2026-09-21 14:13:20 UTC");
}

static void an_honest_token_of_either_suite_is_accepted_and_says_its_time(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        suite = suites[i];
        accept_honest();
    }
    suite = SUITE_INT1;
}

/* The digest is the same bytes: what tells them apart is the algorithm beside it. */
static void a_token_over_the_other_suites_hash_is_refused(void **state)
{
    static const char *const words[] = {"over an SM3 digest, and the contract's suite has SHA-256",
                                        "over a SHA-256 digest, and the contract's suite has SM3"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct token t AUTO(token_clear) = {0};
        const struct timestamp_wanted wanted = {.suite = suites[!i], .digest = &digest};
        struct timestamp said;
        struct fault f = {0};

        suite = suites[i];
        refused(&good, EVIL_OTHER, STATUS_UNTRUSTED, words[i]);
        assert_int_equal(ask(&t, &good, EVIL_NONE, &f), OK);
        assert_int_equal(timestamp_check(&said, t.bytes, t.len, &wanted, &trust, &f), STATUS_UNTRUSTED);
        assert_non_null(strstr(f.message, words[!i]));
    }
    suite = SUITE_INT1;
}

static void run(const char *command)
{
    char line[2048];

    snprintf(line, sizeof line, "cd %s && { %s; } >said 2>&1", scratch, command);
    if (system(line) != 0) {
        snprintf(line, sizeof line, "cat %s/said >&2", scratch);
        (void)!system(line);
        fail_msg("%s", command);
    }
}

/* OpenSSL's command line is the other implementation. */
static void openssl_verifies_what_we_accept(const char *algorithm)
{
    struct token t AUTO(token_clear) = {0};
    struct fault f = {0};
    char command[512];

    assert_int_equal(ask(&t, &good, EVIL_NONE, &f), OK);
    assert_int_equal(files_write(in_scratch("a.tsq"), t.request, t.request_len, 0600, &f), OK);
    assert_int_equal(files_write(in_scratch("a.tsr"), t.reply, t.reply_len, 0600, &f), OK);
    assert_int_equal(files_write(in_scratch("a.token"), t.bytes, t.len, 0600, &f), OK);
    snprintf(command, sizeof command,
             "openssl ts -query -in a.tsq -text >query && grep -q 'Hash Algorithm: %s' query && "
             "grep -q 'Nonce: 0x01234567' query && grep -q 'Certificate required: yes' query && "
             "grep -q 'Policy OID: 1.2.3.4' query",
             algorithm);
    run(command);
    snprintf(command, sizeof command, "openssl ts -verify -in a.tsr -queryfile a.tsq -CAfile ca.pem -attime %lld",
             (long long)NOW);
    run(command);
    snprintf(command, sizeof command,
             "openssl ts -verify -token_in -in a.token -queryfile a.tsq -CAfile ca.pem -attime %lld", (long long)NOW);
    run(command);
}

static void openssl_reads_our_requests_and_verifies_what_we_accept(void **state)
{
    (void)state;
    openssl_verifies_what_we_accept("sha256");
    suite = SUITE_GM1;
    openssl_verifies_what_we_accept("sm3");
    suite = SUITE_INT1;
}

static void a_token_over_another_digest_is_refused(void **state)
{
    struct token t AUTO(token_clear) = {0};
    struct timestamp said;
    struct fault f = {0};

    (void)state;
    refused(&good, EVIL_DIGEST, STATUS_UNTRUSTED, "over another digest");
    /* a token kept for START, shown for END */
    assert_int_equal(ask(&t, &good, EVIL_NONE, &f), OK);
    assert_int_equal(
        timestamp_check(&said, t.bytes, t.len, &(struct timestamp_wanted){.suite = suite, .digest = &other_digest}, &trust, &f),
        STATUS_UNTRUSTED);
    assert_string_equal(f.message, "it is over another digest");
}

static void a_token_with_another_nonce_or_policy_is_refused(void **state)
{
    (void)state;
    refused(&good, EVIL_NONCE, STATUS_UNTRUSTED, "nonce");
    refused(&good, EVIL_POLICY, STATUS_UNTRUSTED, "another policy");
}

static void a_key_that_is_not_for_timestamping_is_refused(void **state)
{
    struct authority a;

    (void)state;
    authority_make(&a, EVIL_EKU, NOW);
    a.at = NOW;
    authority_write(in_scratch("eku.pem"), a.ca);
    trust.ca = scratch_file;
    refused(&a, EVIL_EKU, STATUS_UNTRUSTED, "purpose");
    trust.ca = ca_file;
    authority_clear(&a);
}

static void an_authority_of_another_ca_is_refused(void **state)
{
    struct authority a;

    (void)state;
    authority_make(&a, EVIL_NONE, NOW);
    a.at = NOW;
    refused(&a, EVIL_NONE, STATUS_UNTRUSTED, "the authority's certificate does not count");
    authority_clear(&a);
}

/* The certificate is judged as of the token's time: before its end it counts, whatever the time is now. */
static void an_expired_certificate_counts_for_what_it_signed_in_time(void **state)
{
    struct token t AUTO(token_clear) = {0};
    struct fault f = {0};
    struct authority a;

    (void)state;
    authority_make(&a, EVIL_EXPIRED, NOW);
    authority_write(in_scratch("expired.pem"), a.ca);
    trust.ca = scratch_file;
    a.at = NOW;
    refused(&a, EVIL_NONE, STATUS_UNTRUSTED, "expired");
    a.at = NOW - 7200;
    assert_int_equal(ask(&t, &a, EVIL_NONE, &f), OK);
    assert_int_equal(t.said.at, NOW - 7200);
    trust.ca = ca_file;
    authority_clear(&a);
}

static void a_signature_over_sha1_is_refused(void **state)
{
    (void)state;
    refused(&good, EVIL_WEAK, STATUS_UNTRUSTED, "SHA-256 or longer");
}

static void a_refusal_of_the_authority_is_told(void **state)
{
    (void)state;
    refused(&good, EVIL_REFUSE, STATUS_REFUSED, "it does not take SHA-256 (badAlg)");
    suite = SUITE_GM1;
    refused(&good, EVIL_NO_SM3, STATUS_REFUSED, "it does not take SM3 (badAlg)");
    suite = SUITE_INT1;
}

static void an_authority_that_cannot_now_may_be_asked_again(void **state)
{
    (void)state;
    refused(&good, EVIL_CLOCK, STATUS_CLOSED, "its clock is not available (timeNotAvailable)");
}

static void every_cut_is_refused_and_no_changed_byte_changes_what_a_token_says(void **state)
{
    const uint64_t nonce = NONCE;
    const struct timestamp_wanted wanted = {suite, &digest, &nonce, policy};
    struct token t AUTO(token_clear) = {0};
    struct timestamp said;
    struct fault f = {0};

    (void)state;
    assert_int_equal(ask(&t, &good, EVIL_NONE, &f), OK);
    for (size_t len = 0; len < t.len; len += len < 300 ? 1 : 13)
        assert_int_equal(timestamp_check(&said, t.bytes, len, &wanted, &trust, NULL), STATUS_UNTRUSTED);
    /* What is left unsigned, such as the issuer's name in capitals beside the signature, tells nothing. */
    for (size_t i = 0; i < t.len; i += 3) {
        t.bytes[i] ^= 0x20;
        if (timestamp_check(&said, t.bytes, t.len, &wanted, &trust, NULL) == OK)
            assert_memory_equal(&said, &t.said, sizeof said);
        t.bytes[i] ^= 0x20;
    }
}

static void bytes_after_a_token_or_a_reply_are_refused(void **state)
{
    struct token t AUTO(token_clear) = {0};
    struct timestamp said;
    struct fault f = {0};
    uint8_t longer[TIMESTAMP_TOKEN_MAX];

    (void)state;
    assert_int_equal(ask(&t, &good, EVIL_NONE, &f), OK);
    memcpy(longer, t.bytes, t.len);
    longer[t.len] = 0;
    assert_int_equal(timestamp_read(&said, longer, t.len + 1, &f), STATUS_UNTRUSTED);
    assert_string_equal(f.message, "it is not one whole token in DER");
    memcpy(longer, t.reply, t.reply_len);
    longer[t.reply_len] = 0;
    free(t.bytes);
    t.bytes = NULL;
    f = (struct fault){0};
    assert_int_equal(timestamp_accept(&t.bytes, &t.len, &said, longer, t.reply_len + 1, t.request, t.request_len, &trust, &f),
                     STATUS_UNTRUSTED);
    assert_int_equal(timestamp_accept(&t.bytes, &t.len, &said, (const uint8_t *)"<html>", 6, t.request, t.request_len, &trust,
                                      NULL),
                     STATUS_UNTRUSTED);
}

/* Certificates between, for a token that does not bring them. */
static void an_untrusted_chain_helps_and_a_lost_ca_file_is_named(void **state)
{
    struct token t AUTO(token_clear) = {0};
    struct timestamp said;
    struct fault f = {0};
    const struct timestamp_trust with = {.ca = ca_file, .untrusted = ca_file}, lost = {.ca = "/lost/ca.pem"};

    (void)state;
    assert_int_equal(ask(&t, &good, EVIL_NONE, &f), OK);
    assert_int_equal(timestamp_check(&said, t.bytes, t.len, &(struct timestamp_wanted){0}, &with, &f), OK);
    assert_int_equal(timestamp_check(&said, t.bytes, t.len, &(struct timestamp_wanted){0}, &lost, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "/lost/ca.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_token_of_either_suite_is_accepted_and_says_its_time),
        cmocka_unit_test(openssl_reads_our_requests_and_verifies_what_we_accept),
        cmocka_unit_test(a_token_over_the_other_suites_hash_is_refused),
        cmocka_unit_test(a_token_over_another_digest_is_refused),
        cmocka_unit_test(a_token_with_another_nonce_or_policy_is_refused),
        cmocka_unit_test(a_key_that_is_not_for_timestamping_is_refused),
        cmocka_unit_test(an_authority_of_another_ca_is_refused),
        cmocka_unit_test(an_expired_certificate_counts_for_what_it_signed_in_time),
        cmocka_unit_test(a_signature_over_sha1_is_refused),
        cmocka_unit_test(a_refusal_of_the_authority_is_told),
        cmocka_unit_test(an_authority_that_cannot_now_may_be_asked_again),
        cmocka_unit_test(every_cut_is_refused_and_no_changed_byte_changes_what_a_token_says),
        cmocka_unit_test(bytes_after_a_token_or_a_reply_are_refused),
        cmocka_unit_test(an_untrusted_chain_helps_and_a_lost_ca_file_is_named),
    };

    return cmocka_run_group_tests_name("timestamp", tests, set_up, tear_down);
}
