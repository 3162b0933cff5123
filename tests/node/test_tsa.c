/* Web addresses; and authorities that are there, away, slow, endless, somebody else, or no authority at all. */
#include "node/local/timestamp.h"
#include "node/local/url.h"
#include "node/net/tsa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "scratch.h"
#include "tsa_server.h"

enum { NONCE = 4711, DEADLINE_S = 10, SHORT_S = 1 };
static const struct hash digest = {.bytes = {1, 2, 3}};
static struct authority authority;
static char tls_ca[FILES_PATH_BYTES], other_ca[FILES_PATH_BYTES];

/* ---- addresses ---- */

static void reads(const char *text, int tls, const char *host, const char *port, const char *target, const char *place)
{
    struct url u;
    struct fault f = {0};
    char made[URL_PLACE_BYTES];

    if (url_parse(&u, text, &f) != OK)
        fail_msg("%s: %s", text, f.message);
    assert_int_equal(u.tls, tls);
    assert_string_equal(u.host, host);
    assert_string_equal(u.port, port);
    assert_string_equal(u.target, target);
    url_place(made, &u);
    assert_string_equal(made, place);
}

static void an_address_has_host_port_path_and_query(void **state)
{
    (void)state;
    reads("http://tsa.example", 0, "tsa.example", "80", "/", "tsa.example");
    reads("https://tsa.example/tsr", 1, "tsa.example", "443", "/tsr", "tsa.example");
    reads("HTTPS://tsa.example:8443/a/b?c=d&e=%20", 1, "tsa.example", "8443", "/a/b?c=d&e=%20", "tsa.example:8443");
    reads("http://tsa.example?c=d", 0, "tsa.example", "80", "/?c=d", "tsa.example");
    reads("https://127.0.0.1:443/", 1, "127.0.0.1", "443", "/", "127.0.0.1");
    reads("https://[2001:db8::1]:8443/tsr", 1, "2001:db8::1", "8443", "/tsr", "[2001:db8::1]:8443");
    reads("http://[::1]", 0, "::1", "80", "/", "[::1]");
    reads("http://tsa.example/a@b", 0, "tsa.example", "80", "/a@b", "tsa.example");
}

static void an_address_that_cannot_be_used_is_told_why_without_being_repeated(void **state)
{
    static const struct {
        const char *text, *words;
    } wrong[] = {
        {"", "neither http:// nor https://"},
        {"ftp://tsa.example", "neither http:// nor https://"},
        {"tsa.example/tsr", "neither http:// nor https://"},
        {"http://", "names no host"},
        {"https:///tsr", "names no host"},
        {"http://:80/", "names no host"},
        {"https://me:secret@tsa.example/", "has a user name or a password in it"},
        {"https://secret@tsa.example?x", "has a user name or a password in it"},
        {"https://tsa.example/#secret", "has a \"#\""},
        {"https://tsa.example:/", "a port that is not one of 1 to 65535"},
        {"https://tsa.example:0/", "a port that is not one of 1 to 65535"},
        {"https://tsa.example:65536/", "a port that is not one of 1 to 65535"},
        {"https://tsa.example:080/", "a port that is not one of 1 to 65535"},
        {"https://tsa.example:8443x/", "something that no host may have"},
        {"https://tsa%2eexample/", "something that no host may have"},
        {"https://::1/", "names no host"},
        {"https://[::1/", "without its \"]\""},
        {"https://[::1]secret/", "something that no host may have"},
        {"https://[fe80::1%eth0]/", "no ipv6 address"},
        {"https://[tsa.example]/", "no ipv6 address"},
        {"https://tsa.example/a b", "a character that no address has"},
        {"https://tsa.example/a\r\nHost: x", "a character that no address has"},
    };
    char longest[2 * URL_TARGET_BYTES];
    struct url u;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fault f = {0};

        assert_int_equal(url_parse(&u, wrong[i].text, &f), STATUS_CONFIG);
        if (!strstr(f.message, wrong[i].words) || strstr(f.message, "secret"))
            fail_msg("%s: \"%s\" instead of \"%s\"", wrong[i].text, f.message, wrong[i].words);
        assert_false(url_is_valid(wrong[i].text));
    }
    /* the longest target, and one byte more */
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "http://a/", 9);
    longest[8 + URL_TARGET_BYTES - 1] = '\0';
    assert_true(url_is_valid(longest));
    longest[8 + URL_TARGET_BYTES - 1] = 'a';
    longest[8 + URL_TARGET_BYTES] = '\0';
    assert_false(url_is_valid(longest));
    longest[8] = '?';
    longest[8 + URL_TARGET_BYTES - 2] = '\0';
    assert_true(url_is_valid(longest));
    assert_int_equal(url_parse(&u, longest, NULL), OK);
    assert_int_equal(strlen(u.target), URL_TARGET_BYTES - 1);
    longest[8 + URL_TARGET_BYTES - 2] = 'a';
    longest[8 + URL_TARGET_BYTES - 1] = '\0';
    assert_false(url_is_valid(longest));
}

/* ---- authorities ---- */

struct running {
    struct tsa_server server;
    pid_t pid;
};

static void running_clear(struct running *r)
{
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    SSL_CTX_free(r->server.tls);
}

/* A server in a process of its own; 0 when the family is not here. */
static int run(struct running *r, int tls, int family)
{
    r->server.authority = &authority;
    if (tls)
        tsa_make_tls(&r->server, tls_ca);
    if (!tsa_listen(&r->server, family))
        return 0;
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        tsa_serve_all(&r->server);
    }
    close(r->server.listener);
    return 1;
}

/* One request to it.  The reply is checked whole. */
static status ask(const char *url, const char *ca, int deadline_s, struct fault *f)
{
    static struct config_evidence how;
    uint8_t *request AUTO(auto_free) = NULL, *reply AUTO(auto_free) = NULL, *token AUTO(auto_free) = NULL;
    char authority_ca[FILES_PATH_BYTES];
    struct timestamp said;
    size_t len = 0, reply_len = 0, token_len = 0;

    snprintf(authority_ca, sizeof authority_ca, "%s/authority.pem", scratch);
    snprintf(how.tsa_url, sizeof how.tsa_url, "%s", url);
    snprintf(how.tsa_tls_ca, sizeof how.tsa_tls_ca, "%s", ca);
    TRY(timestamp_request(&request, &len, SUITE_GM1, &digest, NONCE, "", f));
    TRY(tsa_ask(&reply, &reply_len, &how, request, len, deadline_s, f));
    assert_int_equal(timestamp_accept(&token, &token_len, &said, reply, reply_len, request, len,
                                      &(struct timestamp_trust){.ca = authority_ca}, f),
                     OK);
    return OK;
}

static status ask_host(const struct running *r, const char *host, const char *ca, int deadline_s, struct fault *f)
{
    char url[128];

    snprintf(url, sizeof url, "%s://%s:%u/tsr?a=b", r->server.tls ? "https" : "http", host, r->server.port);
    return ask(url, ca, deadline_s, f);
}

static void answers(const struct running *r, const char *host)
{
    struct fault f = {0};

    if (ask_host(r, host, tls_ca, DEADLINE_S, &f) != OK)
        fail_msg("%s: %s", host, f.message);
}

/* What a server of a manner is refused with. */
static void refused(struct tsa_server server, int tls, int deadline_s, status code, const char *words)
{
    struct running r AUTO(running_clear) = {.server = server};
    struct fault f = {0};

    assert_true(run(&r, tls, AF_INET));
    if (ask_host(&r, "127.0.0.1", tls_ca, deadline_s, &f) != code || !strstr(f.message, words))
        fail_msg("%s: \"%s\" (%s) instead of \"%s\"", manner_name[server.manner], f.message, status_name(f.code), words);
}

/* In both, plain and TLS. */
static void refused_in_both(struct tsa_server server, int deadline_s, status code, const char *words)
{
    refused(server, 0, deadline_s, code, words);
    refused(server, 1, deadline_s, code, words);
}

static void an_authority_answers_over_http_and_https(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        struct running r AUTO(running_clear) = {.server = {.expect = "POST /tsr?a=b HTTP/1.0\r\nHost: "}};

        assert_true(run(&r, tls, AF_INET));
        answers(&r, "127.0.0.1");
        answers(&r, "localhost");
    }
}

static void an_authority_answers_at_an_ipv6_address(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        struct running r AUTO(running_clear) = {.server = {.expect = "\r\nHost: [::1]:"}};

        if (!run(&r, tls, AF_INET6))
            skip();
        answers(&r, "[::1]");
    }
}

static void a_server_for_another_host_is_refused(void **state)
{
    static const enum manner manners[] = {MANNER_HOST, MANNER_NAMELESS};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct running r AUTO(running_clear) = {.server = {.manner = manners[i]}};
        struct fault by_address = {0}, by_name = {0};

        assert_true(run(&r, 1, AF_INET));
        assert_int_equal(ask_host(&r, "127.0.0.1", tls_ca, DEADLINE_S, &by_address), STATUS_UNTRUSTED);
        assert_non_null(strstr(by_address.message, "does not count: IP address mismatch"));
        assert_int_equal(ask_host(&r, "localhost", tls_ca, DEADLINE_S, &by_name), STATUS_UNTRUSTED);
        assert_non_null(strstr(by_name.message, "does not count: hostname mismatch"));
    }
}

static void a_server_of_an_unknown_ca_is_refused(void **state)
{
    struct running r AUTO(running_clear) = {.server = {.manner = MANNER_GOOD}};
    struct fault f = {0};

    (void)state;
    refused((struct tsa_server){.manner = MANNER_STRANGER}, 1, DEADLINE_S, STATUS_UNTRUSTED, "does not count: certificate signature");
    assert_true(run(&r, 1, AF_INET));
    assert_int_equal(ask_host(&r, "127.0.0.1", other_ca, DEADLINE_S, &f), STATUS_UNTRUSTED);
    assert_non_null(strstr(f.message, "does not count: "));
    assert_non_null(strstr(f.hint, "tsa_tls_ca"));
}

/* The system's trust store is what SSL_CERT_FILE names, for the library and so for us. */
static void without_a_ca_file_the_system_is_asked_whom_it_trusts(void **state)
{
    struct running r AUTO(running_clear) = {.server = {.manner = MANNER_GOOD}};
    struct fault f = {0};

    (void)state;
    assert_true(run(&r, 1, AF_INET));
    assert_int_equal(ask_host(&r, "127.0.0.1", "", DEADLINE_S, &f), STATUS_UNTRUSTED);
    setenv("SSL_CERT_FILE", tls_ca, 1);
    f = (struct fault){0};
    assert_int_equal(ask_host(&r, "127.0.0.1", "", DEADLINE_S, &f), OK);
    unsetenv("SSL_CERT_FILE");
}

static void an_expired_certificate_and_an_old_protocol_are_refused(void **state)
{
    (void)state;
    refused((struct tsa_server){.manner = MANNER_EXPIRED}, 1, DEADLINE_S, STATUS_UNTRUSTED, "does not count: certificate has expired");
    refused((struct tsa_server){.manner = MANNER_OLD}, 1, DEADLINE_S, STATUS_UNTRUSTED, "does not speak TLS 1.2 or newer");
}

static void a_ca_file_that_is_none_is_named(void **state)
{
    struct running r AUTO(running_clear) = {.server = {.manner = MANNER_GOOD}};
    struct fault f = {0};

    (void)state;
    assert_true(run(&r, 1, AF_INET));
    assert_int_equal(ask_host(&r, "127.0.0.1", "/lost/tls.pem", DEADLINE_S, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "/lost/tls.pem"));
}

static void whoever_hangs_is_given_up_at_the_deadline(void **state)
{
    (void)state;
    refused_in_both((struct tsa_server){.manner = MANNER_MUTE}, SHORT_S, STATUS_TIMEOUT, "does not answer within 1 s");
    refused_in_both((struct tsa_server){.manner = MANNER_SILENT}, SHORT_S, STATUS_TIMEOUT, "does not answer within 1 s");
    refused_in_both((struct tsa_server){.manner = MANNER_SLOW}, SHORT_S, STATUS_TIMEOUT, "does not answer within 1 s");
}

static void whoever_sends_without_end_is_stopped(void **state)
{
    (void)state;
    refused_in_both((struct tsa_server){.manner = MANNER_FLOOD}, DEADLINE_S, STATUS_UNTRUSTED, "sends too much");
    refused_in_both((struct tsa_server){.manner = MANNER_BIG}, DEADLINE_S, STATUS_UNTRUSTED,
                    "does not answer like a timestamping authority");
}

static void garbage_is_told_from_an_authority(void **state)
{
    (void)state;
    refused((struct tsa_server){.manner = MANNER_GARBAGE}, 0, DEADLINE_S, STATUS_UNTRUSTED,
            "does not answer like a timestamping authority");
    refused((struct tsa_server){.manner = MANNER_GARBAGE}, 1, DEADLINE_S, STATUS_UNTRUSTED, "does not speak TLS 1.2 or newer");
    refused_in_both((struct tsa_server){.manner = MANNER_HTML}, DEADLINE_S, STATUS_UNTRUSTED,
                    "does not answer like a timestamping authority");
    refused_in_both((struct tsa_server){.manner = MANNER_CUT}, DEADLINE_S, STATUS_CLOSED, "does not answer");
}

static void a_redirect_is_not_followed_and_an_error_is_told(void **state)
{
    static const int codes[] = {301, 302, 303, 307, 308};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        refused_in_both((struct tsa_server){.manner = MANNER_REDIRECT, .status = codes[i]}, DEADLINE_S, STATUS_CONFIG,
                        "sends us to another address, which is not followed");
    refused_in_both((struct tsa_server){.manner = MANNER_BROKEN}, DEADLINE_S, STATUS_CLOSED, "answers with an HTTP error (503)");
}

static void nobody_at_the_port_and_no_such_name_are_told_at_once(void **state)
{
    struct tsa_server gone = {.manner = MANNER_GOOD};
    struct fault f = {0}, g = {0};
    char url[64];

    (void)state;
    assert_true(tsa_listen(&gone, AF_INET));
    close(gone.listener);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/tsr", gone.port);
    assert_int_equal(ask(url, tls_ca, 600, &f), STATUS_CLOSED);
    assert_non_null(strstr(f.message, "Connection refused"));
    assert_int_equal(ask("http://tsa.invalid/tsr", tls_ca, DEADLINE_S, &g), STATUS_CLOSED);
    assert_non_null(strstr(g.message, "its name is not found"));
}

/* The environment names a proxy, and no_proxy who is reached without it. */
static void a_proxy_of_the_environment_is_used(void **state)
{
    struct running plain AUTO(running_clear) = {.server = {.expect = "POST http://tsa.invalid/tsr HTTP/1.0\r\nHost: tsa.invalid\r\n"}};
    struct running tls AUTO(running_clear) = {.server = {.manner = MANNER_PROXY, .expect = "\r\nHost: tsa.invalid\r\n"}};
    struct running direct AUTO(running_clear) = {.server = {.manner = MANNER_GOOD}};
    struct fault f = {0};
    char at[64];

    (void)state;
    assert_true(run(&plain, 0, AF_INET) && run(&direct, 0, AF_INET) && run(&tls, 1, AF_INET));
    snprintf(at, sizeof at, "127.0.0.1:%u", plain.server.port);
    setenv("http_proxy", at, 1);
    snprintf(at, sizeof at, "http://127.0.0.1:%u", tls.server.port);
    setenv("https_proxy", at, 1);
    setenv("no_proxy", "127.0.0.1", 1);
    if (ask("http://tsa.invalid/tsr", tls_ca, DEADLINE_S, &f) != OK || ask("https://tsa.invalid/tsr", tls_ca, DEADLINE_S, &f) != OK)
        fail_msg("%s", f.message);
    answers(&direct, "127.0.0.1");
    assert_int_equal(ask("https://other.invalid/tsr", tls_ca, SHORT_S, &f), STATUS_CLOSED);
    f = (struct fault){0};
    setenv("https_proxy", "http://me:secret@127.0.0.1:1", 1);
    assert_int_equal(ask("https://tsa.invalid/tsr", tls_ca, SHORT_S, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "user name or a password"));
    assert_null(strstr(f.message, "secret"));
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("no_proxy");
}

static int set_up(void **state)
{
    static const char *const proxies[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"};
    struct tsa_server other = {.manner = MANNER_GOOD};

    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++)
        unsetenv(proxies[i]);
    if (scratch_make(state) != 0)
        return -1;
    authority_make(&authority, EVIL_NONE, (int64_t)time(NULL));
    authority_write(in_scratch("authority.pem"), authority.ca);
    snprintf(tls_ca, sizeof tls_ca, "%s/tls.pem", scratch);
    snprintf(other_ca, sizeof other_ca, "%s/other.pem", scratch);
    tsa_make_tls(&other, other_ca);
    SSL_CTX_free(other.tls);
    return 0;
}

static int tear_down(void **state)
{
    authority_clear(&authority);
    return scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_host_port_path_and_query),
        cmocka_unit_test(an_address_that_cannot_be_used_is_told_why_without_being_repeated),
        cmocka_unit_test(an_authority_answers_over_http_and_https),
        cmocka_unit_test(an_authority_answers_at_an_ipv6_address),
        cmocka_unit_test(a_server_for_another_host_is_refused),
        cmocka_unit_test(a_server_of_an_unknown_ca_is_refused),
        cmocka_unit_test(without_a_ca_file_the_system_is_asked_whom_it_trusts),
        cmocka_unit_test(an_expired_certificate_and_an_old_protocol_are_refused),
        cmocka_unit_test(a_ca_file_that_is_none_is_named),
        cmocka_unit_test(whoever_hangs_is_given_up_at_the_deadline),
        cmocka_unit_test(whoever_sends_without_end_is_stopped),
        cmocka_unit_test(garbage_is_told_from_an_authority),
        cmocka_unit_test(a_redirect_is_not_followed_and_an_error_is_told),
        cmocka_unit_test(nobody_at_the_port_and_no_such_name_are_told_at_once),
        cmocka_unit_test(a_proxy_of_the_environment_is_used),
    };

    return cmocka_run_group_tests_name("tsa", tests, set_up, tear_down);
}
