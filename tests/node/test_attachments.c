/* hefu-audit on what outsiders said of a session: honest tokens and deposits, and those that were swapped, back-dated,
 * taken from elsewhere or made up. */
#include "kit/suite.h"
#include "kit/synthetic.h"
#include "node/local/ca.h"
#include "node/local/deposit.h"
#include "node/local/openssl.h"
#include "node/local/timestamp.h"
#include "protocol/approver.h"
#include "protocol/build.h"
#include "protocol/destroyed.h"
#include "protocol/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sodium.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "authority.h"
#include "scratch.h"

static struct synthetic session, other;
static struct stamps stamps, other_stamps;
static struct authority authority;
static int64_t before, after; /* the contract's window */
static char said[65536];

struct part {
    uint8_t *bytes;
    size_t len;
};

static void part_clear(struct part *p)
{
    free(p->bytes);
}

/* A token over a digest, made at a time. */
static struct part token(struct authority *a, const struct hash *digest, int64_t at, enum evil evil)
{
    uint8_t *request AUTO(auto_free) = NULL;
    unsigned char *reply = NULL;
    const unsigned char *in;
    struct fault f = {0};
    struct part out = {0};
    size_t len = 0;
    TS_RESP *resp;
    int n;

    a->at = at;
    assert_int_equal(timestamp_request(&request, &len, stamps.suite, digest, 99, "", &f), OK);
    n = authority_reply(a, &reply, request, len, evil);
    in = reply;
    resp = d2i_TS_RESP(NULL, &in, n);
    assert_non_null(resp);
    out.len = (size_t)i2d_PKCS7(TS_RESP_get_token(resp), NULL);
    out.bytes = calloc(out.len, 1);
    in = out.bytes;
    i2d_PKCS7(TS_RESP_get_token(resp), &(unsigned char *){out.bytes});
    TS_RESP_free(resp);
    OPENSSL_free(reply);
    return out;
}

static void write_bundle(const char *name, const struct bundle *b)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct fault f = {0};

    assert_int_equal(bundle_encode(&w, b), OK);
    assert_int_equal(files_write(in_scratch(name), w.bytes, w.len, 0600, &f), OK);
}

enum { PARTIES_HERE = 2 };
static struct wire_writer pem[PARTIES_HERE];
static struct sign_secret identity[PARTIES_HERE];
static struct certificate certificate[PARTIES_HERE];

/* The certificate of a party, and its secret key to sign with as a keyring would. */
static void make_party(party p)
{
    uint8_t *text AUTO(auto_free) = NULL;
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    struct rng_key seed = {.suite = (uint8_t)kit_suite()};
    char name[16], path[FILES_PATH_BYTES], dir[FILES_PATH_BYTES];
    struct sign_public pub;
    struct fault f = {0};
    size_t len = 0;

    snprintf(name, sizeof name, "party-%u", p + 1);
    snprintf(dir, sizeof dir, "%s/ca", scratch);
    assert_int_equal(
        ca_issue(dir, &(struct ca_request){.name = name, .role = ROLE_NODE, .days = 30, .out = scratch}, &certificate[p], &f),
        OK);
    snprintf(path, sizeof path, "%s/%s%s.key", scratch, name, ca_file_mark(kit_suite()));
    assert_int_equal(openssl_load_key(&key, path, &f), OK);
    assert_true(openssl_key_secret(seed.bytes, key));
    if (kit_suite() == SUITE_GM1)
        assert_int_equal(sign_keypair_sm2(&pub, &identity[p], seed.bytes), OK);
    else
        sign_keypair(&pub, &identity[p], &seed);
    snprintf(path, sizeof path, "%s/%s%s.pem", scratch, name, ca_file_mark(kit_suite()));
    assert_int_equal(files_read(&text, &len, path, CERTIFICATE_BYTES_MAX, &f), OK);
    wire_put_bytes(&pem[p], text, len);
}

/* As an auditor takes it: no toy. */
static status play(struct synthetic *s, uint64_t seed, const struct hash *approvers)
{
    struct contract c;

    synthetic_contract(&c, PARTIES_HERE, seed);
    c.key_bits = 2048;
    c.rows_per_bin = 2;
    c.not_before = 1790000000;
    c.not_after = c.not_before + 86400;
    c.replay = REPLAY_SEALED;
    c.retention_days = 2;
    for (party p = 0; p < PARTIES_HERE; p++) {
        c.party[p].certificate = certificate[p].fingerprint;
        c.party[p].identity = certificate[p].key;
        memset(c.party[p].data_root.bytes, 1, HASH_BYTES);
        memset(c.party[p].schema_hash.bytes, 1, HASH_BYTES);
    }
    TRY(synthetic_play_for(s, &c, (struct population){.rows = 30, .train = 21, .test = 9}, seed, SIZE_MAX, identity, approvers));
    for (party p = 0; p < PARTIES_HERE; p++) {
        s->bundle[p].certificates = PARTIES_HERE;
        for (party q = 0; q < PARTIES_HERE; q++)
            s->bundle[p].certificate[q] = (struct bundle_part){pem[q].bytes, pem[q].len};
    }
    return OK;
}

static int set_up(void **state)
{
    struct fault f = {0};

    scratch_make(state);
    assert_int_equal(ca_init(in_scratch("ca"), "attachments test", kit_suite(), &f), OK);
    for (party p = 0; p < PARTIES_HERE; p++)
        make_party(p);
    assert_int_equal(play(&session, 31, NULL), OK);
    assert_int_equal(play(&other, 32, NULL), OK);
    assert_int_equal(stamps_of_bundle(&stamps, &session.bundle[0], &f), OK);
    assert_int_equal(stamps_of_bundle(&other_stamps, &other.bundle[0], &f), OK);
    before = (int64_t)stamps.not_before;
    after = (int64_t)stamps.not_after;
    authority_make(&authority, EVIL_NONE, before + 100);
    authority_write(in_scratch("tsa.pem"), authority.ca);
    write_bundle("plain.hefu", &session.bundle[1]);
    return 0;
}

static int tear_down(void **state)
{
    synthetic_clear(&session);
    synthetic_clear(&other);
    authority_clear(&authority);
    for (party p = 0; p < PARTIES_HERE; p++) {
        wire_writer_clear(&pem[p]);
        certificate_clear(&certificate[p]);
    }
    return scratch_remove(state);
}

/* Runs hefu-audit in the scratch directory; the exit code must be this one, and each line must be said. */
static void expect(const char *arguments, int code, const char *first, const char *second)
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
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != code || !strstr(said, first) || !strstr(said, second))
        fail_msg("hefu-audit %s: exit %d instead of %d, or it did not say \"%s\" and \"%s\":\n%s", arguments,
                 WEXITSTATUS(ended), code, first, second, said);
}

/* The evidence of party 0 with these tokens, checked. */
static void with_tokens(const struct part *start, const struct part *end, int code, const char *words)
{
    struct bundle b = session.bundle[0];

    if (start)
        b.attachment[ATTACHMENT_TIMESTAMP_START] = (struct bundle_part){start->bytes, start->len};
    if (end)
        b.attachment[ATTACHMENT_TIMESTAMP_END] = (struct bundle_part){end->bytes, end->len};
    write_bundle("stamped.hefu", &b);
    expect("verify stamped.hefu plain.hefu --tsa-ca tsa.pem", code, words, code ? "NOT verified: timestamps" : "V22  OK ");
}

static void honest_tokens_are_dated_in_the_verdict(void **state)
{
    struct part start AUTO(part_clear) = token(&authority, &stamps.start, before + 60, EVIL_NONE);
    struct part end AUTO(part_clear) = token(&authority, &stamps.end, before + 90, EVIL_NONE);
    char from[TIMESTAMP_TEXT_BYTES], words[128];

    (void)state;
    timestamp_text(from, before + 60);
    snprintf(words, sizeof words, "agreed by %s, over by ", from);
    with_tokens(&start, &end, 0, words);
    with_tokens(&start, &end, 0, "(1 START, 1 END, of test time)");
    with_tokens(&start, NULL, 0, "(1 START, 0 END");
    with_tokens(NULL, &end, 0, "over by");
    expect("verify stamped.hefu plain.hefu", 0, "V22  not checked ", "give --tsa-ca");
    expect("verify stamped.hefu --json --tsa-ca tsa.pem", 0, "\"check\": \"timestamps\"", "\"check\": \"deposits\"");
    expect("show stamped.hefu", 0, "what outsiders said\n  END timestamp of 2026-09-21 14:14:50 UTC\n\n", "nothing was checked");
    expect("show stamped.hefu --json", 0, "\"attached\": [", "\"END timestamp of 2026-09-21 14:14:50 UTC\"");
    expect("show plain.hefu --json", 0, "\"attached\": []", "");
    expect("verify plain.hefu --tsa-ca tsa.pem", 0, "the end: not given\n", "a third party: not given\n");
    expect("verify plain.hefu --tsa-ca lost.pem", 2, "--tsa-ca lost.pem: there is no such file", "");
}

static void tokens_swapped_between_start_and_end_are_found(void **state)
{
    struct part start AUTO(part_clear) = token(&authority, &stamps.start, before + 60, EVIL_NONE);
    struct part end AUTO(part_clear) = token(&authority, &stamps.end, before + 90, EVIL_NONE);

    (void)state;
    with_tokens(&end, &start, 1, "the START timestamp of party-1: it is over another digest");
    with_tokens(&start, &start, 1, "the END timestamp of party-1: it is over another digest");
}

static void a_token_over_the_other_suites_hash_is_found(void **state)
{
    struct part start AUTO(part_clear) = token(&authority, &stamps.start, before + 60, EVIL_OTHER);

    (void)state;
    with_tokens(&start, NULL, 1, kit_suite() == SUITE_GM1
                                     ? "the START timestamp of party-1: it is over a SHA-256 digest, and the contract's suite has SM3"
                                     : "the START timestamp of party-1: it is over an SM3 digest, and the contract's suite has SHA-256");
}

static void tokens_of_another_session_are_found(void **state)
{
    struct part start AUTO(part_clear) = token(&authority, &other_stamps.start, before + 60, EVIL_NONE);
    struct part end AUTO(part_clear) = token(&authority, &other_stamps.end, before + 60, EVIL_NONE);

    (void)state;
    with_tokens(&start, NULL, 1, "the START timestamp of party-1: it is over another digest");
    with_tokens(NULL, &end, 1, "the END timestamp of party-1: it is over another digest");
}

static void an_end_token_does_not_cover_a_log_that_was_cut_or_changed(void **state)
{
    struct part end AUTO(part_clear) = token(&authority, &stamps.end, before + 60, EVIL_NONE);
    struct bundle b = session.bundle[0];
    size_t len;

    (void)state;
    b.attachment[ATTACHMENT_TIMESTAMP_END] = (struct bundle_part){end.bytes, end.len};
    b.log.len = synthetic_entry(&session, 0, synthetic_entries(&session, 0) - 1, &len);
    write_bundle("cut.hefu", &b);
    expect("verify cut.hefu --tsa-ca tsa.pem", 1, "V22  FAIL ", "over another digest");
}

static void an_end_before_the_start_is_found(void **state)
{
    struct part start AUTO(part_clear) = token(&authority, &stamps.start, before + 60, EVIL_NONE);
    struct part end AUTO(part_clear) = token(&authority, &stamps.end, before + 59, EVIL_NONE);

    (void)state;
    with_tokens(&start, &end, 1, "the END timestamp of party-1 is older than its START timestamp");
}

static void times_outside_the_window_are_found(void **state)
{
    struct authority late;
    struct part early AUTO(part_clear) = token(&authority, &stamps.start, before - TIMESTAMP_DRIFT_S - 1, EVIL_NONE);
    struct part edge AUTO(part_clear) = token(&authority, &stamps.start, before - TIMESTAMP_DRIFT_S, EVIL_NONE);
    struct part end AUTO(part_clear) = {0}, last AUTO(part_clear) = {0};

    (void)state;
    with_tokens(&early, NULL, 1, "its time is before the contract's window");
    with_tokens(&edge, NULL, 0, "agreed by");
    authority_make(&late, EVIL_NONE, after);
    authority_write(in_scratch("tsa.pem"), late.ca);
    end = token(&late, &stamps.end, after + STAMP_DEADLINE_S + 1, EVIL_NONE);
    last = token(&late, &stamps.end, after + STAMP_DEADLINE_S, EVIL_NONE);
    with_tokens(NULL, &end, 1, "more than a day after the contract's window");
    with_tokens(NULL, &last, 0, "over by");
    authority_write(in_scratch("tsa.pem"), authority.ca);
    authority_clear(&late);
}

static void a_token_of_a_wrong_authority_or_a_damaged_one_is_found(void **state)
{
    struct authority stranger, server;
    struct part start AUTO(part_clear) = token(&authority, &stamps.start, before + 60, EVIL_NONE);
    struct part strange AUTO(part_clear) = {0}, eku AUTO(part_clear) = {0};

    (void)state;
    authority_make(&stranger, EVIL_NONE, before + 60);
    strange = token(&stranger, &stamps.start, before + 60, EVIL_NONE);
    with_tokens(&strange, NULL, 1, "the START timestamp of party-1: the authority's certificate does not count");
    authority_make(&server, EVIL_EKU, before + 60);
    eku = token(&server, &stamps.start, before + 60, EVIL_NONE);
    authority_write(in_scratch("tsa.pem"), server.ca);
    with_tokens(&eku, NULL, 1, "purpose");
    authority_write(in_scratch("tsa.pem"), authority.ca);
    with_tokens(&(struct part){start.bytes, start.len - 1}, NULL, 1, "it is not one whole token in DER");
    start.bytes[start.len - 5] ^= 1;
    with_tokens(&start, NULL, 1, "its signature does not count");
    authority_clear(&stranger);
    authority_clear(&server);
}

static void with_deposit(const char *line, size_t len, const char *receipt, int code, const char *words)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct bundle b = session.bundle[0];

    assert_int_equal(deposit_encode(&w, &(struct deposit){{(const uint8_t *)line, len},
                                                          {(const uint8_t *)receipt, strlen(receipt)}}),
                     OK);
    b.attachment[ATTACHMENT_DEPOSIT] = (struct bundle_part){w.bytes, w.len};
    write_bundle("deposited.hefu", &b);
    expect("verify deposited.hefu plain.hefu", code, words, code ? "NOT verified: deposits" : "V23  OK ");
}

static void a_deposit_is_compared_with_the_log(void **state)
{
    char line[STAMP_LINE_BYTES], foreign[STAMP_LINE_BYTES];
    size_t len = stamp_line(line, &stamps), foreign_len = stamp_line(foreign, &other_stamps);

    (void)state;
    with_deposit(line, len, "block 4711", 0, "1 of this session's ids, end and counts");
    with_deposit(foreign, foreign_len, "block 4711", 1, "what party-1 deposited is not what its log comes to");
    line[len - 3] ^= 1; /* a count */
    with_deposit(line, len, "block 4711", 1, "what party-1 deposited is not what its log comes to");
    line[len - 3] ^= 1;
    with_deposit(line, len, "", 1, "has no receipt");
}

/* ---- approvers ---- */

static struct approver person(const char *name, uint8_t key, const struct hash *contract)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct sign_secret secret;
    struct approver a = {.name = ""};

    strcpy(a.name, name);
    sign_keypair(&a.key, &secret, &(struct rng_key){.bytes = {key}});
    approver_statement(&w, contract, session.approval[0].attempt, "party-1", name);
    sign_make(&a.signature, &secret, APPROVER_SIGN_TAG, w.bytes, w.len);
    return a;
}

/* Both files of a session whose approvals say that these people signed for party 0, whose file shows those. */
static void with_people(const struct approvers *approved, const struct approvers *shown, const char *arguments, int code,
                        const char *first, const char *second)
{
    static struct synthetic played;
    struct wire_writer hashed AUTO(wire_writer_clear) = {0}, list AUTO(wire_writer_clear) = {0};
    struct hash approvers[PARTIES_HERE] = {0};

    if (approved)
        approvers_encode(&hashed, approved);
    approvers_hash(&approvers[0], kit_suite(), hashed.bytes, hashed.len);
    assert_int_equal(play(&played, 31, approvers), OK); /* the contract and attempt of session */
    if (shown) {
        approvers_encode(&list, shown);
        played.bundle[0].attachment[ATTACHMENT_APPROVERS] = (struct bundle_part){list.bytes, list.len};
    }
    write_bundle("one.hefu", &played.bundle[0]);
    write_bundle("two.hefu", &played.bundle[1]);
    synthetic_clear(&played);
    expect(arguments, code, first, second);
}

static void people_who_signed_are_named(void **state)
{
    const struct approvers both = {2, {person("ada", 1, &session.id), person("bob", 2, &session.id)}};

    (void)state;
    with_people(&both, &both, "verify one.hefu two.hefu", 0, "V25  OK ",
                "party-1: 2 signed (ada, bob); party-2: one operator's policy, no personal signatures\n");
    with_people(&both, &both, "verify one.hefu", 0, "V25  OK ", "party-1: 2 signed (ada, bob)");
    with_people(&both, &both, "verify two.hefu", 0, "V25  not checked ", "in its file, which was not given");
    with_people(&both, NULL, "verify one.hefu two.hefu", 0, "V25  not checked ", "the list of them is not in its file");
    with_people(NULL, NULL, "verify one.hefu two.hefu", 0, "V25  OK ", "party-1: one operator's policy");
}

/* approved is what the node signed; shown what its file has. */
static void refused(const struct approvers *approved, const struct approvers *shown, const char *words)
{
    with_people(approved, shown, "verify one.hefu two.hefu", 1, "V25  FAIL ", words);
    with_people(approved, shown, "verify one.hefu two.hefu", 1, "NOT verified: approvers: who signed for party-1: ", words);
}

static void a_list_that_was_changed_is_found(void **state)
{
    static const char other_list[] = "the list is not the one that its approval names";
    const struct approvers both = {2, {person("ada", 1, &session.id), person("bob", 2, &session.id)}};
    struct approvers changed = both;

    (void)state;
    strcpy(changed.of[0].name, "eve");
    refused(&both, &changed, other_list);
    changed = both;
    changed.of[0].key = person("eve", 3, &session.id).key;
    refused(&both, &changed, other_list);
    changed = both;
    changed.of[1].signature.bytes[9] ^= 1;
    refused(&both, &changed, other_list);
    changed = (struct approvers){2, {both.of[1], both.of[0]}};
    refused(&both, &changed, other_list);
    changed = (struct approvers){1, {both.of[0]}};
    refused(&both, &changed, other_list);
    refused(NULL, &both, other_list);
}

/* By the node itself, which signed their hash. */
static void a_list_that_was_made_up_is_found(void **state)
{
    struct approvers made_up = {2, {person("ada", 1, &session.id), person("ada", 1, &session.id)}};

    (void)state;
    refused(&made_up, &made_up, "one person stands in it twice");
    made_up.of[1] = person("bob", 1, &session.id);
    refused(&made_up, &made_up, "one person stands in it twice");
    made_up.of[1] = person("bob", 2, &other.id);
    refused(&made_up, &made_up, "a signature in it is not that person's on this attempt");
    made_up.of[1] = person("bob", 2, &session.id);
    strcpy(made_up.of[1].name, "eve");
    refused(&made_up, &made_up, "a signature in it is not that person's on this attempt");
    made_up.of[1].name[0] = '\0';
    refused(&made_up, &made_up, "the list is damaged");
}

/* ---- builds ---- */

#define BUILD_ONE "0100000000000000000000000000000000000000000000000000000000000000"
#define BUILD_TWO "0200000000000000000000000000000000000000000000000000000000000000"

/* What party p states of a session, signed by that party: an executable named by one byte; 0: nothing. */
static void with_build(const char *name, party p, uint8_t executable, const struct hash *of, party signer)
{
    struct build s = {.contract = session.id, .session = *of, .who = p, .executable = {{executable}}, .version = "0.1.0"};
    uint8_t to_sign[BUILD_SIGNED_BYTES], bytes[BUILD_BYTES];
    struct bundle b = session.bundle[p];

    build_signed_bytes(to_sign, &s);
    sign_make(&s.signature, &identity[signer], BUILD_SIGN_TAG, to_sign, sizeof to_sign);
    build_encode(bytes, &s);
    if (executable)
        b.attachment[ATTACHMENT_BUILD] = (struct bundle_part){bytes, sizeof bytes};
    write_bundle(name, &b);
}

static void write_text(const char *name, const char *text)
{
    assert_int_equal(files_write(in_scratch(name), text, strlen(text), 0600, NULL), OK);
}

static void what_parties_state_of_their_builds_is_told(void **state)
{
    (void)state;
    with_build("one.hefu", 0, 1, &session.session, 0);
    with_build("two.hefu", 1, 1, &session.session, 1);
    expect("verify one.hefu two.hefu", 0, "V24  not checked ", ": party-1, party-2: " BUILD_ONE " (0.1.0); compared with nothing");
    with_build("two.hefu", 1, 2, &session.session, 1);
    expect("verify one.hefu two.hefu", 0, "party-1: " BUILD_ONE " (0.1.0); party-2: " BUILD_TWO " (0.1.0); compared", "");
    with_build("two.hefu", 1, 0, &session.session, 1);
    expect("verify one.hefu two.hefu", 0, "V24  not checked ", "party-1: " BUILD_ONE " (0.1.0); party-2: not stated;");
    expect("verify one.hefu", 0, "V24  not checked ", "party-2: its file, which would state it, was not given;");
    expect("verify one.hefu --json", 0, "\"check\": \"builds\"", BUILD_ONE);
}

static void builds_are_compared_with_those_allowed(void **state)
{
    static const char failed[] = "NOT verified: builds: ";

    (void)state;
    with_build("one.hefu", 0, 1, &session.session, 0);
    with_build("two.hefu", 1, 2, &session.session, 1);
    write_text("both", "# ours\n" BUILD_TWO "  # the second\n\n  " BUILD_ONE);
    write_text("first", BUILD_ONE "\n");
    write_text("none", "# none\n");
    expect("verify one.hefu two.hefu --builds both", 0, "V24  OK ", BUILD_TWO " (0.1.0); they speak version");
    expect("verify one.hefu two.hefu --builds first", 1, "V24  FAIL ", "NOT verified: builds: the build of party-2 is not on the list");
    expect("verify one.hefu two.hefu --builds none", 1, "V24  FAIL ", "the build of party-1 is not on the list");
    expect("verify one.hefu --builds both", 0, "V24  not checked ", "was not given");
    with_build("two.hefu", 1, 0, &session.session, 1);
    expect("verify one.hefu two.hefu --builds both", 1, failed, "party-2 states no build");
    expect("report one.hefu two.hefu --builds both --html page.html", 1, "NOT verified", "");
}

static void a_statement_that_is_not_of_this_session_and_party_is_found(void **state)
{
    struct bundle b = session.bundle[0];

    (void)state;
    with_build("one.hefu", 0, 1, &other.session, 0);
    expect("verify one.hefu", 1, "V24  FAIL ", "what party-1 states of its build: it is about another session");
    with_build("one.hefu", 0, 1, &session.session, 1);
    expect("verify one.hefu", 1, "V24  FAIL ", "it is not signed by the identity key in the contract");
    b.attachment[ATTACHMENT_BUILD] = (struct bundle_part){(const uint8_t *)"HEFUMADE", 8};
    write_bundle("one.hefu", &b);
    expect("verify one.hefu", 1, "V24  FAIL ", "it is damaged");
}

static void a_list_of_builds_that_is_none_is_refused(void **state)
{
    (void)state;
    write_text("list", "# ours\n" BUILD_ONE "0\n");
    expect("verify plain.hefu --builds list", 2, "list:2: this is no build", "hint: ");
    write_text("list", BUILD_ONE " hefud\n");
    expect("verify plain.hefu --builds list", 2, "list:1: this is no build", "");
    expect("verify plain.hefu --builds lost", 2, "lost", "");
}

/* ---- destruction ---- */

/* Party 0 says that it destroyed its secrets then; signed by that party. */
static void with_statement(const struct hash *of, int64_t when, uint32_t what, party signer, int code, const char *words)
{
    struct destroyed d = {.contract = session.id, .session = *of, .what = what, .when = (uint64_t)when};
    uint8_t to_sign[DESTROYED_SIGNED_BYTES], bytes[DESTROYED_BYTES];
    struct bundle b = session.bundle[0];

    destroyed_signed_bytes(to_sign, &d);
    sign_make(&d.signature, &identity[signer], DESTROYED_SIGN_TAG, to_sign, sizeof to_sign);
    destroyed_encode(bytes, &d);
    b.attachment[ATTACHMENT_DESTROYED] = (struct bundle_part){bytes, sizeof bytes};
    write_bundle("destroyed.hefu", &b);
    expect("verify destroyed.hefu plain.hefu", code, words, code ? "NOT verified: destruction" : "V26  OK ");
}

static void what_was_destroyed_counts_when_it_is_signed_and_not_too_early(void **state)
{
    const int64_t due = after + 2 * 86400;
    const uint32_t all = DESTROYED_SECRETS | DESTROYED_BODIES;

    (void)state;
    expect("verify plain.hefu", 0, "V26  not checked ", "not given; seeds are kept until 2026-09-24");
    with_statement(&session.session, due, all, 0, 0, "1 signed that seed and bodies are gone, the last on 2026-09-24");
    with_statement(&session.session, due - 1, all, 0, 1, "it was destroyed before the contract allows");
    with_statement(&session.session, due, all, 1, 1, "it is not signed by the identity key in the contract");
    with_statement(&other.session, due, all, 0, 1, "it is about another session");
    with_statement(&session.session, due, DESTROYED_SECRETS, 0, 1, "it does not say that all of it is gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_tokens_are_dated_in_the_verdict),
        cmocka_unit_test(tokens_swapped_between_start_and_end_are_found),
        cmocka_unit_test(a_token_over_the_other_suites_hash_is_found),
        cmocka_unit_test(tokens_of_another_session_are_found),
        cmocka_unit_test(an_end_token_does_not_cover_a_log_that_was_cut_or_changed),
        cmocka_unit_test(an_end_before_the_start_is_found),
        cmocka_unit_test(times_outside_the_window_are_found),
        cmocka_unit_test(a_token_of_a_wrong_authority_or_a_damaged_one_is_found),
        cmocka_unit_test(a_deposit_is_compared_with_the_log),
        cmocka_unit_test(people_who_signed_are_named),
        cmocka_unit_test(a_list_that_was_changed_is_found),
        cmocka_unit_test(a_list_that_was_made_up_is_found),
        cmocka_unit_test(what_parties_state_of_their_builds_is_told),
        cmocka_unit_test(builds_are_compared_with_those_allowed),
        cmocka_unit_test(a_statement_that_is_not_of_this_session_and_party_is_found),
        cmocka_unit_test(a_list_of_builds_that_is_none_is_refused),
        cmocka_unit_test(what_was_destroyed_counts_when_it_is_signed_and_not_too_early),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("attachments", tests, set_up, tear_down);
}
