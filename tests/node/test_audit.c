/* The auditor's program on evidence files with real certificates, and with every kind of damage. */
#include "kit/signed_note.h"
#include "kit/suite.h"
#include "kit/synthetic.h"
#include "node/local/ca.h"
#include "node/local/keyring.h"
#include "node/local/openssl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <cmocka.h>

#include "scratch.h"

enum { PARTIES_HERE = 3 };

static struct synthetic session, again, next; /* another attempt at the same contract, and another contract on the same data */
static struct synthetic past;                 /* its window is over */
static uint8_t *pem[PARTIES_HERE];
static size_t pem_len[PARTIES_HERE];
static char said[65536];

/* The secret half of a key file, to sign with as a keyring would. */
static void read_key(struct sign_secret *out, const char *path)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    struct rng_key seed = {.suite = SUITE_INT1};
    struct sign_public pub;

    assert_int_equal(openssl_load_key(&key, path, NULL), OK);
    assert_int_equal(openssl_key_secret(seed.bytes, key), 1);
    if (openssl_key_suite(key) == SUITE_GM1)
        assert_int_equal(sign_keypair_sm2(&pub, out, seed.bytes), OK);
    else
        sign_keypair(&pub, out, &seed);
}

/* The path of a file in the scratch directory, in a buffer of the caller's. */
static const char *at(char out[FILES_PATH_BYTES], const char *name)
{
    snprintf(out, FILES_PATH_BYTES, "%s/%s", scratch, name);
    return out;
}

static void write_bundle(const char *name, const struct bundle *b)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct fault f = {0};
    char path[FILES_PATH_BYTES];

    assert_int_equal(bundle_encode(&w, b), OK);
    assert_int_equal(files_write(at(path, name), w.bytes, w.len, 0600, &f), OK);
}

/* Another session of the same parties, with the same certificates: files name-1.hefu and so on. */
static void make_other(struct synthetic *s, const struct contract *c, uint64_t seed, const char *name,
                       const struct sign_secret *identity)
{
    char file[64];

    assert_int_equal(
        synthetic_play(s, c, (struct population){.rows = 30, .train = 21, .test = 9}, seed, SIZE_MAX, identity), OK);
    for (party p = 0; p < PARTIES_HERE; p++) {
        s->bundle[p].certificates = PARTIES_HERE;
        for (party q = 0; q < PARTIES_HERE; q++)
            s->bundle[p].certificate[q] = (struct bundle_part){pem[q], pem_len[q]};
        snprintf(file, sizeof file, "%s-%u.hefu", name, p + 1u);
        write_bundle(file, &s->bundle[p]);
    }
}

static int set_up(void **state)
{
    struct contract c;
    struct sign_secret identity[PARTIES_HERE];
    struct fault f = {0};
    char dir[FILES_PATH_BYTES], out[FILES_PATH_BYTES], path[FILES_PATH_BYTES];

    scratch_make(state);
    synthetic_contract(&c, PARTIES_HERE, 31);
    c.key_bits = 2048;
    c.rows_per_bin = 2;
    c.not_before = (uint64_t)time(NULL);
    c.not_after = c.not_before + 86400;
    assert_int_equal(ca_init(at(dir, "ca"), "audit test", kit_suite(), &f), OK);
    for (party p = 0; p < PARTIES_HERE; p++) {
        struct certificate issued AUTO(certificate_clear) = {0};
        char name[64];

        at(out, "keys");
        assert_int_equal(files_make_directory(out, &f), OK);
        assert_int_equal(
            ca_issue(dir, &(struct ca_request){.name = c.party[p].name, .role = ROLE_NODE, .days = 30, .out = out},
                     &issued, &f),
            OK);
        c.party[p].certificate = issued.fingerprint;
        c.party[p].identity = issued.key;
        memset(c.party[p].data_root.bytes, 1 + p, HASH_BYTES);
        memset(c.party[p].schema_hash.bytes, 11 + p, HASH_BYTES);
        snprintf(name, sizeof name, "keys/%s%s.key", c.party[p].name, ca_file_mark(kit_suite()));
        read_key(&identity[p], at(path, name));
        snprintf(name, sizeof name, "keys/%s%s.pem", c.party[p].name, ca_file_mark(kit_suite()));
        assert_int_equal(files_read(&pem[p], &pem_len[p], at(path, name), CERTIFICATE_BYTES_MAX, &f), OK);
    }
    assert_int_equal(
        synthetic_play(&session, &c, (struct population){.rows = 30, .train = 21, .test = 9}, 31, SIZE_MAX, identity),
        OK);
    for (party p = 0; p < PARTIES_HERE; p++) {
        char name[64];

        session.bundle[p].certificates = PARTIES_HERE;
        for (party q = 0; q < PARTIES_HERE; q++)
            session.bundle[p].certificate[q] = (struct bundle_part){pem[q], pem_len[q]};
        snprintf(name, sizeof name, "%s.hefu", c.party[p].name);
        write_bundle(name, &session.bundle[p]);
    }
    make_other(&again, &c, 32, "again", identity);
    c.nonce[0] ^= 1;
    c.previous = session.id;
    make_other(&next, &c, 33, "next", identity);
    c.nonce[1] ^= 1;
    c.not_before -= 86400;
    c.not_after = c.not_before + 86400 - CERTIFICATE_CLOCK_GRACE_S / 2; /* just not before the certificates */
    make_other(&past, &c, 34, "past", identity);
    return 0;
}

static int tear_down(void **state)
{
    synthetic_clear(&session);
    synthetic_clear(&again);
    synthetic_clear(&next);
    synthetic_clear(&past);
    for (party p = 0; p < PARTIES_HERE; p++)
        free(pem[p]);
    return scratch_remove(state);
}

/* Runs hefu-audit in the scratch directory, $CA and $CRL the options for the suite; what it says on both streams is in said.  Returns the exit code. */
static int audit(const char *arguments)
{
    char command[2048];
    FILE *out;
    size_t len;
    int ended;

    snprintf(command, sizeof command, "cd %s && %s/hefu-audit %s 2>&1", scratch, HEFU_BIN_DIR, arguments);
    out = popen(command, "r");
    assert_non_null(out);
    len = fread(said, 1, sizeof said - 1, out);
    said[len] = '\0';
    ended = pclose(out);
    assert_true(WIFEXITED(ended));
    return WEXITSTATUS(ended);
}

static void expect(const char *arguments, int code, const char *text)
{
    int got = audit(arguments);

    if (got != code || !strstr(said, text))
        fail_msg("hefu-audit %s: exit %d instead of %d, or it did not say \"%s\":\n%s", arguments, got, code, text,
                 said);
}

static void honest_evidence_verifies(void **state)
{
    (void)state;
    expect("verify party-1.hefu party-2.hefu party-3.hefu $CA ca/ca.pem $CRL ca/crl.pem", 0,
           "transcript verified: 3 logs");
    assert_null(strstr(said, "FAIL"));
    for (int v = 1; v <= 28; v++) {
        char name[16];

        snprintf(name, sizeof name, "\nV%-2d  ", v);
        if (!strstr(said, name))
            fail_msg("there is no line V%d", v);
    }
    assert_non_null(strstr(said, "\nV2   OK "));
    assert_non_null(strstr(said, "not checked     Every encryption key is as long as agreed, proven sound, and bound to this session: "
                                 "the files hold no keys")); /* this evidence is made without */
    expect("verify party-2.hefu", 0, "the log of party-1 was not given");
    expect("verify --json party-1.hefu party-2.hefu", 0, "\"verified\": true");
}

/* How often text is in what was said last. */
static int count_said(const char *text)
{
    int count = 0;

    for (const char *here = said; (here = strstr(here, text)); here++)
        count++;
    return count;
}

static void files_of_several_sessions_are_told_apart_and_compared(void **state)
{
    (void)state;
    expect("verify next-2.hefu party-1.hefu again-3.hefu party-3.hefu next-1.hefu party-2.hefu again-1.hefu $CA ca/ca.pem "
           "$CRL ca/crl.pem",
           0, "all 3 sessions together");
    assert_int_equal(count_said("transcript verified: 3 logs"), 1);
    assert_int_equal(count_said("transcript verified: 2 logs"), 2);
    assert_int_equal(count_said("is among the files"), 1);
    assert_int_equal(count_said("\nV18 "), 3);
    assert_int_equal(count_said("\nV28  OK "), 1);
    assert_int_equal(count_said("data of party-1 stand under 2 of the contracts given"), 1);
    assert_non_null(strstr(said, "\nall sessions verified\n"));
    expect("verify party-1.hefu again-1.hefu --json", 0, "\"sessions\": [");
    assert_int_equal(count_said("\"rule\": \"V28\""), 2);
}

static void one_bad_session_of_several_fails_them_all_and_is_named(void **state)
{
    struct bundle b = again.bundle[1];

    (void)state;
    b.log.len = 3000;
    write_bundle("again-cut.hefu", &b);
    expect("verify party-1.hefu party-2.hefu again-1.hefu again-cut.hefu", 1, "NOT all sessions verified");
    assert_int_equal(count_said("transcript verified: 2 logs"), 1);
    assert_int_equal(count_said("transcript NOT verified: records: log of party-2, record "), 1);
    expect("verify --json again-1.hefu again-cut.hefu", 1, "\"first_failure\": {");
}

/* An approval that was changed in one file makes it a session of its own, which fails. */
static void an_approval_of_another_attempt_does_not_pass_for_a_session(void **state)
{
    struct bundle b = session.bundle[0];

    (void)state;
    b.approval[1] = again.bundle[0].approval[1];
    write_bundle("mixed.hefu", &b);
    expect("verify mixed.hefu party-2.hefu", 1, "approvals: the approvals are for different attempts");
    b.contract = next.bundle[0].contract;
    write_bundle("mixed.hefu", &b);
    expect("verify mixed.hefu party-2.hefu", 1, "approvals: the approval of party-1 is not signed");
}

/* The same session key, joint value or encryption key in two sessions: its record is named. */
static void a_seed_that_is_used_again_is_found(void **state)
{
    struct synthetic twice;
    struct contract c = session.contract;
    struct sign_secret identity[PARTIES_HERE];

    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++)
        identity[p] = session.identity[p];
    c.nonce[1] ^= 1;
    make_other(&twice, &c, 31, "twice", identity);
    synthetic_clear(&twice);
    expect("verify party-1.hefu twice-1.hefu", 1, "\nV28  FAIL ");
    assert_non_null(strstr(said, "log of party-1, record "));
    assert_non_null(strstr(said, "its commitment to a seed is that of record "));
    assert_int_equal(count_said("transcript NOT verified: V28"), 2);
}

static void the_program_links_no_network_library_and_no_database(void **state)
{
    char command[1024];

    (void)state;
    snprintf(command, sizeof command, "ldd %s/hefu-audit | grep -E 'libnng|libssl|sqlite|mbedtls|curl'", HEFU_BIN_DIR);
    assert_int_not_equal(system(command), 0);
    /* A sanitizer brings calls of its own. */
    snprintf(command, sizeof command,
             "nm -D %s/hefu-audit | grep -q __asan_init || "
             "! nm -D --undefined-only %s/hefu-audit | grep -wE 'socket|connect|bind|listen'",
             HEFU_BIN_DIR, HEFU_BIN_DIR);
    assert_int_equal(system(command), 0);
}

static char *text_of(const char *name)
{
    struct fault f = {0};
    uint8_t *bytes = NULL;
    size_t len = 0;
    char path[FILES_PATH_BYTES];

    assert_int_equal(files_read(&bytes, &len, at(path, name), 65536, &f), OK);
    return (char *)bytes;
}

static void notes_of_every_joint_point_are_good_elsewhere(void **state)
{
    static const char *const points[] = {"pass-0", "pass-1", "pass-2", "end"};
    char text[SIGNED_NOTE_TEXT_MAX], name[64];

    (void)state;
    expect("show --notes party-2.hefu --out notes", 0, "notes: 12 notes of 3 parties, and their keys");
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (party p = 0; p < PARTIES_HERE; p++) {
            char *note, *key;

            snprintf(name, sizeof name, "notes/%s-party-%u.note", points[i], p + 1u);
            note = text_of(name);
            snprintf(name, sizeof name, "notes/party-%u.key", p + 1u);
            key = text_of(name);
            assert_true(signed_note_is_good(note, key, text));
            assert_non_null(strstr(text, "\nlog party-3 "));
            note[strlen("hefu/") + 3] ^= 1;
            assert_false(signed_note_is_good(note, key, text));
            free(note);
            free(key);
        }
    expect("show party-2.hefu --notes", 0, "--- end-party-3.note\nhefu/");
    assert_int_equal(count_said("\n\xe2\x80\x94 hefu/"), 12);
    expect("show party-1.hefu party-2.hefu --notes", 2, "--notes takes one evidence file");
    expect("show party-1.hefu --out notes", 2, "--out needs --notes");
}

/* Sanitizers and debugging make it larger. */
static void the_program_is_small(void **state)
{
    struct stat st;
    char command[1024];

    (void)state;
    snprintf(command, sizeof command, "nm -D %s/hefu-audit | grep -q __asan_init", HEFU_BIN_DIR);
    if (system(command) == 0)
        skip();
    assert_int_equal(stat(HEFU_BIN_DIR "/hefu-audit", &st), 0);
    assert_in_range(st.st_size, 100000, 3000000);
}

static void a_flipped_record_is_named(void **state)
{
    struct bundle b = session.bundle[0];
    size_t len, where = synthetic_entry(&session, 0, 1, &len);

    (void)state;
    session.log[0].bytes[where + 100] ^= 1;
    write_bundle("flipped.hefu", &b);
    session.log[0].bytes[where + 100] ^= 1;
    expect("verify flipped.hefu party-2.hefu party-3.hefu", 1, "log of party-1, record 1, signature");
    expect("verify flipped.hefu", 1, "transcript NOT verified");
    expect("verify flipped.hefu --json", 1, "\"record\": 1");
}

static void a_damaged_file_is_an_audit_failure(void **state)
{
    struct fault f = {0};
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    char path[FILES_PATH_BYTES];

    (void)state;
    assert_int_equal(files_read(&bytes, &len, at(path, "party-1.hefu"), BUNDLE_LOG_MAX, &f), OK);
    assert_int_equal(files_write(at(path, "cut.hefu"), bytes, len - 100, 0600, &f), OK);
    expect("verify cut.hefu", 1, "hefu-audit: error: cut.hefu: the evidence file is cut short");
    assert_non_null(strstr(said, "hefu-audit: hint: "));
    expect("show cut.hefu", 1, "cut short");
    expect("verify ca/ca.pem", 1, "not an evidence file");
}

static void other_certificates_are_refused(void **state)
{
    struct bundle b = session.bundle[0];
    struct certificate issued AUTO(certificate_clear) = {0};
    struct fault f = {0};
    char dir[FILES_PATH_BYTES], out[FILES_PATH_BYTES], path[FILES_PATH_BYTES];
    uint8_t *other AUTO(auto_free) = NULL, *page AUTO(auto_free) = NULL;
    size_t len = 0, count = 0;

    (void)state;
    /* somebody else's certificate in the place of party 2's */
    b.certificate[1] = b.certificate[2];
    write_bundle("swapped.hefu", &b);
    expect("verify swapped.hefu", 1, "fingerprint");
    /* a certificate of the same name from another CA */
    assert_int_equal(ca_init(at(dir, "ca2"), "another", kit_suite(), &f), OK);
    assert_int_equal(files_make_directory(at(out, "keys2"), &f), OK);
    assert_int_equal(
        ca_issue(dir, &(struct ca_request){.name = "party-2", .role = ROLE_NODE, .days = 30, .out = out}, &issued, &f),
        OK);
    assert_int_equal(files_read(&other, &len, at(path, kit_suite() == SUITE_GM1 ? "keys2/party-2-gm.pem" : "keys2/party-2.pem"), CERTIFICATE_BYTES_MAX, &f), OK);
    b.certificate[1] = (struct bundle_part){other, len};
    write_bundle("foreign.hefu", &b);
    expect("verify foreign.hefu", 1, "the certificate of party-2");
    expect("verify party-1.hefu $CA ca2/ca.pem", 1, "the certificate of party-1");
    /* revoked */
    assert_int_equal(ca_revoke(at(dir, "ca"), NULL, "party-3", &count, &f), OK);
    expect("verify party-1.hefu $CA ca/ca.pem $CRL ca/crl.pem", 1, "party-3");
    assert_non_null(strstr(said, "revoked"));
    expect("verify party-1.hefu $CA ca/ca.pem", 0, "transcript verified");
    /* revoked after the session, and told by a list of after the session */
    expect("verify past-1.hefu $CA ca/ca.pem $CRL ca/crl.pem", 0, "issued by the CA and in force then; revoked later: party-3 on 2");
    assert_non_null(strstr(said, "\nV2   OK "));
    expect("report past-1.hefu --html past.html $CA ca/ca.pem $CRL ca/crl.pem", 0, "transcript verified");
    assert_int_equal(files_read(&page, &len, at(path, "past.html"), 1 << 24, &f), OK);
    assert_non_null(strstr((const char *)page, "are those of the contract, issued by the CA and in force then; revoked later: party-3"));
}

static void show_tells_the_story_of_a_file(void **state)
{
    (void)state;
    expect("show party-1.hefu", 0, "evidence of party-1");
    assert_non_null(strstr(said, "joint checkpoint after pass 2, signed by all"));
    assert_non_null(strstr(said, "30 common people, 21 training rows"));
    assert_non_null(strstr(said, "psi_set"));
    assert_non_null(strstr(said, "what each party learns"));
    expect("show party-1.hefu --json", 0, "\"message\": \"back_mask\"");
    expect("show party-1.hefu --dump", 0, "0\tsend\tparty-2\tcommit\thandshake\t0\t0\t96\t0\t0\t");
}

static void wrong_usage_is_told_with_what_to_do(void **state)
{
    (void)state;
    expect("", 2, "a command is missing");
    expect("prove", 2, "there is no command prove");
    expect("verify", 2, "no evidence file was named");
    expect("verify --cb x", 2, "--cb is not an option of verify");
    expect("verify party-1.hefu --ca", 2, "--ca needs a value");
    expect("verify nothing.hefu", 2, "nothing.hefu: cannot be read");
    expect("verify party-1.hefu --crl ca/crl.pem", 2, "--crl needs --ca");
    expect("verify party-1.hefu --ca ca/ca.pem --gm-crl ca/crl.pem", 2, "--gm-crl needs --gm-ca");
    expect("verify party-1.hefu --gm-ca lost.pem", 2, "--gm-ca lost.pem: there is no such file");
    expect("show party-1.hefu party-2.hefu --dump", 2, "--dump takes one evidence file");
    expect("show party-1.hefu --json --dump", 2, "exclude each other");
    expect("replay --node nowhere", 2, "replay needs --node and --session");
    expect("replay --node nowhere --session abc", 2, "nowhere/node.yaml");
    expect("--help", 0, "usage: hefu-audit COMMAND");
    expect("replay --help", 0, "premises");
    expect("--version", 0, "hefu-audit 0.1.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_evidence_verifies),
        cmocka_unit_test(files_of_several_sessions_are_told_apart_and_compared),
        cmocka_unit_test(one_bad_session_of_several_fails_them_all_and_is_named),
        cmocka_unit_test(an_approval_of_another_attempt_does_not_pass_for_a_session),
        cmocka_unit_test(a_seed_that_is_used_again_is_found),
        cmocka_unit_test(notes_of_every_joint_point_are_good_elsewhere),
        cmocka_unit_test(the_program_is_small),
        cmocka_unit_test(the_program_links_no_network_library_and_no_database),
        cmocka_unit_test(a_flipped_record_is_named),
        cmocka_unit_test(a_damaged_file_is_an_audit_failure),
        cmocka_unit_test(show_tells_the_story_of_a_file),
        cmocka_unit_test(wrong_usage_is_told_with_what_to_do),
        cmocka_unit_test(other_certificates_are_refused),
    };

    if (sodium_init() < 0)
        return 1;
    setenv("CA", kit_suite() == SUITE_GM1 ? "--gm-ca" : "--ca", 1);
    setenv("CRL", kit_suite() == SUITE_GM1 ? "--gm-crl" : "--crl", 1);
    return cmocka_run_group_tests_name("audit", tests, set_up, tear_down);
}
