#include "certs.h"

#include <openssl/ssl.h>

/* Two ends joined by memory. */
struct pair {
    struct tls *client, *server;
    status client_status, server_status;
    struct fault client_fault, server_fault;
};

static struct test_ca ca, other_ca, twin_ca;
static struct test_cert bank, tax;

static size_t carry(struct tls *from, struct tls *to)
{
    uint8_t bytes[4096];
    size_t total = 0;

    for (size_t len; (len = tls_drain(from, bytes, sizeof bytes)) > 0; total += len)
        assert_int_equal(tls_feed(to, bytes, len), OK);
    return total;
}

static void pair_open(struct pair *p, const struct tls_files *client, const struct tls_files *server)
{
    struct tls_context *c, *s;
    struct fault f = {0};

    memset(p, 0, sizeof *p);
    assert_int_equal(tls_context_new(&c, client, &f), OK);
    assert_int_equal(tls_context_new(&s, server, &f), OK);
    assert_int_equal(tls_new(&p->client, c, TLS_DIALS, "the server"), OK);
    assert_int_equal(tls_new(&p->server, s, TLS_ACCEPTS, "the client"), OK);
    tls_context_free(c);
    tls_context_free(s);
}

/* Runs the handshake, and one read at the client: there it learns the server's verdict. */
static void pair_shake(struct pair *p)
{
    bool client_done = false, server_done = false;
    uint8_t byte;
    size_t got;

    for (int i = 0; i < 10; i++) {
        if (p->client_status == OK && !client_done)
            p->client_status = tls_handshake(p->client, &client_done, &p->client_fault);
        carry(p->client, p->server);
        if (p->server_status == OK && !server_done)
            p->server_status = tls_handshake(p->server, &server_done, &p->server_fault);
        carry(p->server, p->client);
        if (p->client_status == OK && client_done)
            p->client_status = tls_read(p->client, &byte, 1, &got, &p->client_fault);
    }
    if (p->server_status == OK && !server_done)
        p->server_status = STATUS_TIMEOUT;
    if (p->client_status == OK && !client_done)
        p->client_status = STATUS_TIMEOUT;
}

static void pair_close(struct pair *p)
{
    tls_free(p->client);
    tls_free(p->server);
}

static void assert_says(const struct fault *f, const char *words)
{
    if (!strstr(f->message, words))
        fail_msg("expected \"%s\" in: %s", words, f->message);
}

static int setup(void **state)
{
    (void)state;
    test_ca_make(&ca);
    test_ca_make_named(&other_ca, "another consortium");
    test_ca_make(&twin_ca);
    test_issue(&ca, &bank, "bank");
    test_issue(&ca, &tax, "tax");
    test_crl(&ca, NULL, 86400);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_cert_clear(&bank);
    test_cert_clear(&tax);
    test_ca_clear(&ca);
    test_ca_clear(&other_ca);
    test_ca_clear(&twin_ca);
    return 0;
}

/* A client that fails to convince the server; each side must say why. */
static void expect_refused_client(const struct tls_files *client, const char *at_server, const char *at_client)
{
    struct tls_files server = test_files(&ca, &bank);
    struct pair p;

    pair_open(&p, client, &server);
    pair_shake(&p);
    assert_int_equal(p.server_status, STATUS_UNTRUSTED);
    assert_says(&p.server_fault, at_server);
    assert_true(p.server_fault.hint[0] != 0);
    assert_int_equal(p.client_status, STATUS_UNTRUSTED);
    assert_says(&p.client_fault, at_client);
    pair_close(&p);
}

static void two_parties_of_one_ca_connect_and_know_each_other(void **state)
{
    struct tls_files client = test_files(&ca, &tax), server = test_files(&ca, &bank);
    const char text[] = "a message";
    char back[sizeof text];
    struct fault f = {0};
    struct pair p;
    size_t got;

    (void)state;
    pair_open(&p, &client, &server);
    pair_shake(&p);
    assert_int_equal(p.client_status, OK);
    assert_int_equal(p.server_status, OK);
    assert_string_equal(tls_peer(p.client)->name, "bank");
    assert_string_equal(tls_peer(p.server)->name, "tax");
    assert_string_equal(tls_peer(p.server)->role, "node");
    assert_int_equal(tls_check_pin(p.server, "tax", &tax.id.fingerprint, &f), OK);
    assert_int_equal(tls_write(p.client, text, sizeof text, &f), OK);
    carry(p.client, p.server);
    assert_int_equal(tls_read(p.server, back, sizeof back, &got, &f), OK);
    assert_int_equal(got, sizeof text);
    assert_memory_equal(back, text, sizeof text);
    pair_close(&p);
}

static void right_ca_but_wrong_party_fails_the_pin(void **state)
{
    struct tls_files client = test_files(&ca, &tax), server = test_files(&ca, &bank);
    struct fault wrong_name = {0}, wrong_certificate = {0};
    struct pair p;

    (void)state;
    pair_open(&p, &client, &server);
    pair_shake(&p);
    assert_int_equal(tls_check_pin(p.server, "social", &tax.id.fingerprint, &wrong_name), STATUS_UNTRUSTED);
    assert_says(&wrong_name, "wrong name: the client has the certificate of tax, not of social");
    assert_int_equal(tls_check_pin(p.server, "tax", &bank.id.fingerprint, &wrong_certificate), STATUS_UNTRUSTED);
    assert_says(&wrong_certificate, "shows another certificate for tax than the pinned one");
    pair_close(&p);
}

static void an_expired_certificate_is_named_on_both_sides(void **state)
{
    struct test_cert old;
    struct tls_files files;

    (void)state;
    test_issue_dated(&ca, &old, "tax", "node", -7200, -3600);
    files = test_files(&ca, &old);
    expect_refused_client(&files, "calls itself tax, has expired on 2", "refused this node's certificate: it has expired");
    test_cert_clear(&old);
}

static void a_certificate_not_yet_valid_is_named_on_both_sides(void **state)
{
    struct test_cert early;
    struct tls_files files;

    (void)state;
    test_issue_dated(&ca, &early, "tax", "node", 3600, 7200);
    files = test_files(&ca, &early);
    expect_refused_client(&files, "is not valid yet before 2", "refused this node's certificate");
    test_cert_clear(&early);
}

static void a_revoked_certificate_is_named_on_both_sides(void **state)
{
    struct test_cert bad;
    struct tls_files files;

    (void)state;
    test_issue(&ca, &bad, "tax");
    test_crl(&ca, &bad, 86400);
    files = test_files(&ca, &bad);
    expect_refused_client(&files, "has been revoked", "refused this node's certificate: it has been revoked");
    test_cert_clear(&bad);
}

static void an_expired_revocation_list_refuses_everybody(void **state)
{
    struct tls_files files = test_files(&ca, &tax);

    (void)state;
    test_crl(&ca, NULL, -60);
    files.crl = NULL; /* the client looks away */
    expect_refused_client(&files, "the revocation list has expired", "refused this node's certificate");
    test_crl(&ca, NULL, 86400);
}

static void a_certificate_of_another_ca_is_named_on_both_sides(void **state)
{
    struct test_cert foreign;
    struct tls_files files;

    (void)state;
    test_issue(&other_ca, &foreign, "tax");
    files = test_files(&ca, &foreign);
    expect_refused_client(&files, "was issued by another CA", "refused this node's certificate: it was issued by another CA");
    test_cert_clear(&foreign);
}

static void another_ca_of_the_same_name_does_not_help(void **state)
{
    struct test_cert foreign;
    struct tls_files files;

    (void)state;
    test_issue(&twin_ca, &foreign, "tax");
    files = test_files(&ca, &foreign);
    expect_refused_client(&files, "was issued by another CA", "it was issued by another CA of the same name");
    test_cert_clear(&foreign);
}

static void a_server_of_another_ca_is_refused_by_the_client(void **state)
{
    struct tls_files client = test_files(&ca, &tax), server;
    struct test_cert foreign;
    struct pair p;

    (void)state;
    test_issue(&other_ca, &foreign, "bank");
    server = test_files(&ca, &foreign);
    pair_open(&p, &client, &server);
    pair_shake(&p);
    assert_int_equal(p.client_status, STATUS_UNTRUSTED);
    assert_says(&p.client_fault, "the certificate of the server was issued by another CA");
    assert_int_equal(p.server_status, STATUS_UNTRUSTED);
    assert_says(&p.server_fault, "refused this node's certificate: it was issued by another CA");
    pair_close(&p);
    test_cert_clear(&foreign);
}

static void expect_refused_raw_client(SSL_CTX *raw, const char *at_server)
{
    struct tls_files files = test_files(&ca, &bank);
    struct fault f = {0};
    struct tls_context *context;
    struct tls *server;
    SSL *ssl = SSL_new(raw);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    status st = OK;
    bool done = false;

    assert_int_equal(tls_context_new(&context, &files, &f), OK);
    assert_int_equal(tls_new(&server, context, TLS_ACCEPTS, "the client"), OK);
    tls_context_free(context);
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    for (int i = 0; i < 10 && st == OK && !done; i++) {
        uint8_t bytes[8192];
        size_t len;
        int n;

        SSL_do_handshake(ssl);
        if ((n = BIO_read(out, bytes, sizeof bytes)) > 0)
            assert_int_equal(tls_feed(server, bytes, (size_t)n), OK);
        st = tls_handshake(server, &done, &f);
        if ((len = tls_drain(server, bytes, sizeof bytes)) > 0)
            BIO_write(in, bytes, (int)len);
    }
    assert_int_equal(st, STATUS_UNTRUSTED);
    assert_false(done);
    assert_says(&f, at_server);
    SSL_free(ssl);
    tls_free(server);
}

static void a_client_without_certificate_is_refused(void **state)
{
    SSL_CTX *raw = SSL_CTX_new(TLS_client_method());

    (void)state;
    expect_refused_raw_client(raw, "the client sent no certificate");
    SSL_CTX_free(raw);
}

static void a_tls_1_2_client_is_refused(void **state)
{
    SSL_CTX *raw = SSL_CTX_new(TLS_client_method());

    (void)state;
    SSL_CTX_set_max_proto_version(raw, TLS1_2_VERSION);
    expect_refused_raw_client(raw, "TLS version too low");
    SSL_CTX_free(raw);
}

static void garbage_is_not_tls(void **state)
{
    static const char *const words[] = {"GET / HTTP/1.1\r\nHost: bank\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
                                        "\x16\x03\x01\xff\xff\xff\xff\xff\xff", "\x17\x03\x03\x00\x05hello"};
    struct tls_files files = test_files(&ca, &bank);
    struct tls_context *context;
    struct fault f = {0};

    (void)state;
    assert_int_equal(tls_context_new(&context, &files, &f), OK);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct fault named = {0};
        struct tls *server;
        bool done;

        assert_int_equal(tls_new(&server, context, TLS_ACCEPTS, "the client"), OK);
        assert_int_equal(tls_feed(server, words[i], strlen(words[i]) + (i == 3 ? 7 : 0)), OK);
        assert_int_equal(tls_handshake(server, &done, &named), STATUS_UNTRUSTED);
        assert_says(&named, "the client sent bytes that are not TLS");
        assert_int_equal(tls_handshake(server, &done, NULL), STATUS_UNTRUSTED);
        tls_free(server);
    }
    tls_context_free(context);
}

static void changed_bytes_break_the_connection(void **state)
{
    struct tls_files client = test_files(&ca, &tax), server = test_files(&ca, &bank);
    uint8_t bytes[256], back[16];
    struct fault f = {0};
    struct pair p;
    size_t len, got;

    (void)state;
    pair_open(&p, &client, &server);
    pair_shake(&p);
    assert_int_equal(tls_write(p.client, "hello", 5, &f), OK);
    len = tls_drain(p.client, bytes, sizeof bytes);
    bytes[len - 1] ^= 1;
    assert_int_equal(tls_feed(p.server, bytes, len), OK);
    assert_int_equal(tls_read(p.server, back, sizeof back, &got, &f), STATUS_UNTRUSTED);
    assert_says(&f, "changed on the way");
    pair_close(&p);
}

static void a_large_transfer_survives_the_change_of_keys(void **state)
{
    enum { PIECE = 1 << 20, PIECES = 1040 };
    struct tls_files client = test_files(&ca, &tax), server = test_files(&ca, &bank);
    uint8_t *piece = malloc(PIECE), *back = malloc(PIECE);
    struct fault f = {0};
    struct pair p;

    (void)state;
    memset(piece, 7, PIECE);
    pair_open(&p, &client, &server);
    pair_shake(&p);
    for (int i = 0; i < PIECES; i++) {
        size_t have = 0, got;

        piece[0] = (uint8_t)i;
        assert_int_equal(tls_write(p.client, piece, PIECE, &f), OK);
        carry(p.client, p.server);
        do {
            assert_int_equal(tls_read(p.server, back + have, PIECE - have, &got, &f), OK);
            have += got;
        } while (got > 0 && have < PIECE);
        assert_int_equal(have, PIECE);
        assert_int_equal(back[0], (uint8_t)i);
    }
    pair_close(&p);
    free(piece);
    free(back);
}

static void expect_bad_files(const struct tls_files *files, const char *words)
{
    struct tls_context *c = NULL;
    struct fault f = {0};

    assert_int_equal(tls_context_new(&c, files, &f), STATUS_CONFIG);
    assert_says(&f, words);
    assert_null(c);
}

static void unusable_files_are_named(void **state)
{
    struct tls_files files;
    EVP_PKEY *p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    char path[160];
    FILE *file;

    (void)state;
    files = test_files(&ca, &bank);
    files.ca = "/nowhere/ca.pem";
    expect_bad_files(&files, "/nowhere/ca.pem");
    files = test_files(&ca, &bank);
    files.ca = bank.file;
    expect_bad_files(&files, "not a CA's");
    files = test_files(&ca, &bank);
    files.crl = bank.file;
    expect_bad_files(&files, "no PEM revocation list");
    files = test_files(&ca, &bank);
    files.certificate = bank.key_file;
    expect_bad_files(&files, "no PEM certificate");
    files = test_files(&ca, &bank);
    files.key = tax.key_file;
    expect_bad_files(&files, "not the key of the certificate");
    files = test_files(&ca, &bank);
    assert_int_equal(chmod(bank.key_file, 0644), 0);
    expect_bad_files(&files, bank.key_file);
    assert_int_equal(chmod(bank.key_file, 0600), 0);
    snprintf(path, sizeof path, "%s/p256.key", ca.dir);
    file = fopen(path, "w");
    PEM_write_PrivateKey(file, p256, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    files.key = path;
    expect_bad_files(&files, "the key is neither ed25519 nor sm2");
    file = fopen(path, "w");
    PEM_write_PrivateKey(file, p256, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
    fclose(file);
    expect_bad_files(&files, "not a private key in pem form, without passphrase"); /* and does not ask for a password */
    EVP_PKEY_free(p256);
}

static void a_node_finds_fault_with_its_own_certificate(void **state)
{
    struct test_cert old, good;
    struct tls_files files;
    struct tls_context *c;
    struct fault f = {0}, named = {0}, revoked = {0};

    (void)state;
    test_issue(&ca, &good, "tax");
    files = test_files(&ca, &good);
    assert_int_equal(tls_context_new(&c, &files, &f), OK);
    assert_int_equal(tls_context_check_self(c, &f), OK);
    tls_context_free(c);

    test_issue_dated(&ca, &old, "tax", "node", -7200, -3600);
    files = test_files(&ca, &old);
    assert_int_equal(tls_context_new(&c, &files, &f), OK);
    assert_int_equal(tls_context_check_self(c, &named), STATUS_CONFIG);
    assert_says(&named, "has expired on 2");
    tls_context_free(c);

    test_crl(&ca, &good, 86400);
    files = test_files(&ca, &good);
    assert_int_equal(tls_context_new(&c, &files, &f), OK);
    assert_int_equal(tls_context_check_self(c, &revoked), STATUS_CONFIG);
    assert_says(&revoked, "has been revoked");
    tls_context_free(c);
    test_cert_clear(&old);
    test_cert_clear(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_parties_of_one_ca_connect_and_know_each_other),
        cmocka_unit_test(right_ca_but_wrong_party_fails_the_pin),
        cmocka_unit_test(an_expired_certificate_is_named_on_both_sides),
        cmocka_unit_test(a_certificate_not_yet_valid_is_named_on_both_sides),
        cmocka_unit_test(a_revoked_certificate_is_named_on_both_sides),
        cmocka_unit_test(an_expired_revocation_list_refuses_everybody),
        cmocka_unit_test(a_certificate_of_another_ca_is_named_on_both_sides),
        cmocka_unit_test(another_ca_of_the_same_name_does_not_help),
        cmocka_unit_test(a_server_of_another_ca_is_refused_by_the_client),
        cmocka_unit_test(a_client_without_certificate_is_refused),
        cmocka_unit_test(a_tls_1_2_client_is_refused),
        cmocka_unit_test(garbage_is_not_tls),
        cmocka_unit_test(changed_bytes_break_the_connection),
        cmocka_unit_test(a_large_transfer_survives_the_change_of_keys),
        cmocka_unit_test(unusable_files_are_named),
        cmocka_unit_test(a_node_finds_fault_with_its_own_certificate),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
