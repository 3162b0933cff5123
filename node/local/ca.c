#include "node/local/ca.h"

#include "node/local/keyring.h"
#include "node/local/openssl.h"
#include "node/local/schema.h"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INDEX_BYTES_MAX = 64 * 1024 * 1024, LINE_BYTES = 320, DAY_S = 86400 };

static const char index_head[] = "serial\tname\trole\tfingerprint\tnot_before\tnot_after\trevoked\n";

/* The opened CA: its lock, key and certificate. */
struct ca {
    const char *dir;
    int lock;
    EVP_PKEY *key;
    X509 *certificate;
};

static void ca_close(struct ca *ca)
{
    EVP_PKEY_free(ca->key);
    X509_free(ca->certificate);
    files_unlock(&ca->lock);
}

static status ca_open(struct ca *ca, const char *dir, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    ca->dir = dir;
    TRY(files_join(path, dir, "ca.key", f));
    if (!files_exist(path)) {
        fault_hint(f, "hefu ca init %s --name TITLE makes one", dir);
        return fault_set(f, STATUS_CONFIG, "%s: no consortium CA in this directory", dir);
    }
    TRY(files_lock(&ca->lock, dir, f));
    TRY(openssl_load_key(&ca->key, path, f));
    TRY(files_join(path, dir, "ca.pem", f));
    return openssl_load_x509(&ca->certificate, path, f);
}

static enum suite suite_of(const struct ca *ca)
{
    return openssl_key_suite(ca->key);
}

const char *ca_file_mark(enum suite s)
{
    return s == SUITE_GM1 ? "-gm" : "";
}

/* What is left when one of many encoding steps of the library fails. */
static status library_failed(struct fault *f)
{
    return fault_set(f, STATUS_NO_MEMORY, "the certificate could not be built");
}

static status write_pem(const char *path, BIO *pem, unsigned mode, struct fault *f)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(pem, &bytes);

    return files_write(path, bytes, (size_t)len, mode, f);
}

static status write_certificate(const char *path, X509 *x, struct fault *f)
{
    BIO *pem AUTO(openssl_bio_clear) = BIO_new(BIO_s_mem());

    if (!pem || PEM_write_bio_X509(pem, x) != 1)
        return library_failed(f);
    return write_pem(path, pem, 0644, f);
}

/* 159 random bits: positive, at most 20 bytes as RFC 5280 asks. */
static int set_random_serial(X509 *x)
{
    uint8_t bytes[20];
    BIGNUM *number;
    int ok;

    keyring_random(bytes, sizeof bytes);
    bytes[0] = (bytes[0] & 0x7F) | 0x40; /* never short: every serial prints as 40 digits */
    number = BN_bin2bn(bytes, sizeof bytes, NULL);
    ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
    BN_free(number);
    return ok;
}

static int add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX ctx;
    int ok;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = extension && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static int add_name(X509_NAME *name, int nid, const char *text)
{
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) == 1;
}

static int set_validity(X509 *x, int64_t from, uint32_t days)
{
    return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from) &&
           ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(from + (int64_t)days * DAY_S));
}

static int sign_certificate(X509 *x, EVP_PKEY *key)
{
    EVP_MD_CTX *digest AUTO(openssl_digest_clear) = openssl_signing(key);

    return digest && X509_sign_ctx(x, digest) > 0;
}

static status self_sign(X509 **out, EVP_PKEY *key, const char *title, struct fault *f)
{
    X509 *x AUTO(openssl_x509_clear) = X509_new();

    if (!x || !X509_set_version(x, X509_VERSION_3) || !set_random_serial(x) ||
        !add_name(X509_get_subject_name(x), NID_commonName, title) ||
        !X509_set_issuer_name(x, X509_get_subject_name(x)) ||
        !set_validity(x, (int64_t)time(NULL) - CERTIFICATE_CLOCK_GRACE_S, CA_YEARS * 365 + 3) ||
        !X509_set_pubkey(x, key) || !add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(x, x, NID_subject_key_identifier, "hash") || !sign_certificate(x, key))
        return library_failed(f);
    *out = x;
    x = NULL;
    return OK;
}

static int is_title(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            return 0;
    }
    return len >= 1 && len < CA_TITLE_BYTES;
}

status ca_init(const char *dir, const char *title, enum suite s, struct fault *f)
{
    char key_path[FILES_PATH_BYTES], path[FILES_PATH_BYTES];
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    X509 *x AUTO(openssl_x509_clear) = NULL;

    if (!is_title(title))
        return fault_set(f, STATUS_USAGE, "the name of a consortium has 1 to %d bytes and no control characters",
                         CA_TITLE_BYTES - 1);
    TRY(files_make_directory(dir, f));
    TRY(files_join(key_path, dir, "ca.key", f));
    TRY(openssl_new_key(&key, s));
    TRY(self_sign(&x, key, title, f));
    TRY(openssl_create_key_file(key_path, key, f)); /* refuses where there is a CA already */
    TRY(files_join(path, dir, "ca.pem", f));
    TRY(write_certificate(path, x, f));
    TRY(files_join(path, dir, "index.tsv", f));
    TRY(files_write(path, index_head, sizeof index_head - 1, 0600, f));
    return ca_crl(dir, NULL, CA_CRL_DAYS, f);
}

/* ---- the index ---- */

static int parse_line(struct ca_entry *e, char *line)
{
    char *column[7], *save = NULL;
    size_t n = 0;

    for (char *at = strtok_r(line, "\t", &save); at && n < 7; at = strtok_r(NULL, "\t", &save))
        column[n++] = at;
    if (n != 7 || strlen(column[0]) >= sizeof e->serial || !name_is_valid(column[1]) ||
        !certificate_role_from_name(column[2]) || !schema_hash_from_text(&e->fingerprint, column[3]))
        return 0;
    strcpy(e->serial, column[0]);
    strcpy(e->name, column[1]);
    e->role = certificate_role_from_name(column[2]);
    e->not_before = strtoll(column[4], NULL, 10);
    e->not_after = strtoll(column[5], NULL, 10);
    e->revoked = strtoll(column[6], NULL, 10);
    return 1;
}

status ca_list(const char *dir, struct ca_entry **entries, size_t *count, struct fault *f)
{
    uint8_t *text AUTO(auto_free) = NULL;
    struct ca_entry *list AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES], *save = NULL, *line;
    size_t len = 0, lines = 0, n = 0;

    TRY(files_join(path, dir, "index.tsv", f));
    TRY(files_read(&text, &len, path, INDEX_BYTES_MAX, f));
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    TRY(alloc_zeroed(&list, lines + 1, sizeof *list));
    line = strtok_r((char *)text, "\n", &save);
    if (!line || strncmp(line, index_head, strlen(line)) != 0)
        return fault_set(f, STATUS_CONFIG, "%s:1: not an index of this program", path);
    while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
        if (!parse_line(&list[n], line))
            return fault_set(f, STATUS_CONFIG, "%s:%zu: not a line of the index", path, n + 2);
        n++;
    }
    *entries = list;
    *count = n;
    list = NULL;
    return OK;
}

static status write_index(const char *dir, const struct ca_entry *entries, size_t count, struct fault *f)
{
    size_t cap = sizeof index_head + count * LINE_BYTES, len = sizeof index_head - 1;
    char *text AUTO(auto_free) = NULL, path[FILES_PATH_BYTES];

    TRY(alloc_zeroed(&text, cap, 1));
    memcpy(text, index_head, len);
    for (size_t i = 0; i < count; i++) {
        char fingerprint[2 * HASH_BYTES + 1];

        hash_hex(&entries[i].fingerprint, fingerprint);
        len += (size_t)snprintf(text + len, cap - len, "%s\t%s\t%s\t%s\t%lld\t%lld\t%lld\n", entries[i].serial,
                                entries[i].name, certificate_role_name(entries[i].role), fingerprint,
                                (long long)entries[i].not_before, (long long)entries[i].not_after,
                                (long long)entries[i].revoked);
    }
    TRY(files_join(path, dir, "index.tsv", f));
    return files_write(path, text, len, 0600, f);
}

static status add_to_index(const char *dir, const struct certificate *c, struct fault *f)
{
    struct ca_entry *old AUTO(auto_free) = NULL, *all AUTO(auto_free) = NULL;
    size_t count = 0;

    TRY(ca_list(dir, &old, &count, f));
    TRY(alloc_zeroed(&all, count + 1, sizeof *all));
    memcpy(all, old, count * sizeof *all);
    strcpy(all[count].serial, c->serial);
    strcpy(all[count].name, c->name);
    all[count].role = c->role;
    all[count].fingerprint = c->fingerprint;
    all[count].not_before = c->not_before;
    all[count].not_after = c->not_after;
    return write_index(dir, all, count + 1, f);
}

/* ---- issuing ---- */

status ca_make_key(const char *key_path, enum suite s, struct fault *f)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;

    TRY(openssl_new_key(&key, s));
    return openssl_create_key_file(key_path, key, f);
}

status ca_make_csr(const char *csr_path, const char *key_path, const char *name, struct fault *f)
{
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    EVP_MD_CTX *digest AUTO(openssl_digest_clear) = NULL;
    X509_REQ *req AUTO(openssl_req_clear) = X509_REQ_new();
    BIO *pem AUTO(openssl_bio_clear) = BIO_new(BIO_s_mem());

    TRY(openssl_load_key(&key, key_path, f));
    digest = openssl_signing(key);
    if (!digest || !req || !pem || !X509_REQ_set_version(req, X509_REQ_VERSION_1) ||
        !add_name(X509_REQ_get_subject_name(req), NID_commonName, name) || !X509_REQ_set_pubkey(req, key) ||
        X509_REQ_sign_ctx(req, digest) <= 0 || PEM_write_bio_X509_REQ(pem, req) != 1)
        return library_failed(f);
    return write_pem(csr_path, pem, 0644, f);
}

/* The public key of a request: signed by that key, a key of the CA's kind, for that name. */
static status key_of_request(EVP_PKEY **out, const char *path, const char *name, enum suite s, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    X509_REQ *req AUTO(openssl_req_clear) = NULL;
    BIO *in AUTO(openssl_bio_clear) = NULL;
    char asked[NAME_BYTES];
    size_t len = 0;

    TRY(files_read(&bytes, &len, path, CERTIFICATE_BYTES_MAX, f));
    in = BIO_new_mem_buf(bytes, (int)len);
    req = in ? PEM_read_bio_X509_REQ(in, NULL, NULL, NULL) : NULL;
    if (!req)
        return fault_set(f, STATUS_CONFIG, "%s: not a certificate request in pem form", path);
    if (!openssl_req_is_signed(req))
        return fault_set(f, STATUS_CONFIG, "%s: the request is not signed by its own key", path);
    if (!EVP_PKEY_is_a(X509_REQ_get0_pubkey(req), openssl_key_name(s)))
        return fault_set(f, STATUS_CONFIG, "%s: the key of the request is not %s, as this CA's is", path, openssl_key_name(s));
    if (openssl_name_entry(asked, sizeof asked, X509_REQ_get_subject_name(req), NID_commonName) != 1)
        return fault_set(f, STATUS_CONFIG, "%s: the request names no party", path);
    if (strcmp(asked, name) != 0)
        return fault_set(f, STATUS_CONFIG, "%s: the request is for \"%.31s\", not for %s", path,
                         name_is_valid(asked) ? asked : "?", name);
    *out = X509_REQ_get_pubkey(req);
    return *out ? OK : STATUS_NO_MEMORY;
}

/* DNS names are ASCII; the party's name is the common name in any case. */
static int is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

static status build_certificate(X509 **out, const struct ca *ca, const struct ca_request *r, EVP_PKEY *key,
                                struct fault *f)
{
    X509 *x AUTO(openssl_x509_clear) = X509_new();
    char alternative[NAME_BYTES + 8];

    snprintf(alternative, sizeof alternative, "DNS:%s", r->name);
    if (!x || !X509_set_version(x, X509_VERSION_3) || !set_random_serial(x) ||
        !add_name(X509_get_subject_name(x), NID_organizationalUnitName, certificate_role_name(r->role)) ||
        !add_name(X509_get_subject_name(x), NID_commonName, r->name) ||
        !X509_set_issuer_name(x, X509_get_subject_name(ca->certificate)) ||
        !set_validity(x, (int64_t)time(NULL) - CERTIFICATE_CLOCK_GRACE_S, r->days) || !X509_set_pubkey(x, key) ||
        !add_extension(x, ca->certificate, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(x, ca->certificate, NID_key_usage, "critical,digitalSignature") ||
        (suite_of(ca) == SUITE_INT1 && !add_extension(x, ca->certificate, NID_ext_key_usage, "clientAuth,serverAuth")) ||
        (is_ascii(r->name) && !add_extension(x, ca->certificate, NID_subject_alt_name, alternative)) ||
        !add_extension(x, ca->certificate, NID_subject_key_identifier, "hash") ||
        !add_extension(x, ca->certificate, NID_authority_key_identifier, "keyid:always") ||
        !sign_certificate(x, ca->key))
        return library_failed(f);
    *out = x;
    x = NULL;
    return OK;
}

static status issued_path(char out[FILES_PATH_BYTES], const struct ca *ca, const char *dir, const char *name, const char *kind,
                          struct fault *f)
{
    char file[NAME_BYTES + 8];

    snprintf(file, sizeof file, "%s%s.%s", name, ca_file_mark(suite_of(ca)), kind);
    return files_join(out, dir, file, f);
}

/* The CA's own ca.pem or crl.pem. */
static status copy_file(const struct ca *ca, const char *to_dir, const char *name, struct fault *f)
{
    char from[FILES_PATH_BYTES], to[FILES_PATH_BYTES], file[16];
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    snprintf(file, sizeof file, "%s.pem", name);
    TRY(files_join(from, ca->dir, file, f));
    TRY(issued_path(to, ca, to_dir, name, "pem", f));
    TRY(files_read(&bytes, &len, from, INDEX_BYTES_MAX, f));
    return files_write(to, bytes, len, 0644, f);
}

static status check_request(const struct ca_request *r, struct fault *f)
{
    if (!name_is_valid(r->name))
        return fault_set(f, STATUS_USAGE, "\"%.40s\" is not a party name: %s", r->name, NAME_RULE);
    if (r->days < 1 || r->days > CA_DAYS_MAX)
        return fault_set(f, STATUS_USAGE, "a certificate lasts 1 to %d days, not %u", CA_DAYS_MAX, r->days);
    return OK;
}

status ca_issue(const char *dir, const struct ca_request *r, struct certificate *issued, struct fault *f)
{
    struct ca ca AUTO(ca_close) = {.lock = -1};
    EVP_PKEY *key AUTO(openssl_key_clear) = NULL;
    X509 *x AUTO(openssl_x509_clear) = NULL;
    struct certificate c AUTO(certificate_clear) = {0};
    char path[FILES_PATH_BYTES];
    uint8_t *der AUTO(auto_free) = NULL;
    int der_len;

    TRY(check_request(r, f));
    TRY(ca_open(&ca, dir, f));
    if (r->csr)
        TRY(key_of_request(&key, r->csr, r->name, suite_of(&ca), f));
    else
        TRY(openssl_new_key(&key, suite_of(&ca)));
    TRY(build_certificate(&x, &ca, r, key, f));
    der_len = i2d_X509(x, &der);
    if (der_len <= 0)
        return library_failed(f);
    TRY(certificate_parse(&c, r->name, der, (size_t)der_len, f));

    TRY(files_make_directory(r->out, f));
    if (!r->csr) {
        TRY(issued_path(path, &ca, r->out, r->name, "key", f));
        TRY(openssl_create_key_file(path, key, f));
    }
    /* In the index before it is in the world: what exists can be revoked. */
    TRY(add_to_index(dir, &c, f));
    TRY(issued_path(path, &ca, r->out, r->name, "pem", f));
    TRY(write_certificate(path, x, f));
    TRY(copy_file(&ca, r->out, "ca", f));
    TRY(copy_file(&ca, r->out, "crl", f));
    *issued = c;
    c.der = NULL;
    return OK;
}

/* ---- revoking ---- */

static int add_revoked(X509_CRL *crl, const struct ca_entry *e)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)e->revoked);
    ASN1_INTEGER *serial = NULL;
    BIGNUM *number = NULL;
    int ok = revoked && when && BN_hex2bn(&number, e->serial) > 0 &&
             (serial = BN_to_ASN1_INTEGER(number, NULL)) != NULL && X509_REVOKED_set_serialNumber(revoked, serial) &&
             X509_REVOKED_set_revocationDate(revoked, when) && X509_CRL_add0_revoked(crl, revoked);

    if (!ok)
        X509_REVOKED_free(revoked);
    ASN1_TIME_free(when);
    ASN1_INTEGER_free(serial);
    BN_free(number);
    return ok;
}

/* The number of the next list: one more than that of the last. */
static long next_crl_number(const char *path)
{
    X509_CRL *last AUTO(openssl_crl_clear) = NULL;
    ASN1_INTEGER *number = NULL;
    long next = 1;

    if (files_exist(path) && openssl_load_crl(&last, path, NULL) == OK)
        number = X509_CRL_get_ext_d2i(last, NID_crl_number, NULL, NULL);
    if (number)
        next = ASN1_INTEGER_get(number) + 1;
    ASN1_INTEGER_free(number);
    return next;
}

static int set_crl_head(X509_CRL *crl, const struct ca *ca, long number, uint32_t days)
{
    time_t now = time(NULL);
    ASN1_TIME *from = ASN1_TIME_set(NULL, now - CERTIFICATE_CLOCK_GRACE_S);
    ASN1_TIME *until = ASN1_TIME_set(NULL, now + (time_t)days * DAY_S);
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    X509_EXTENSION *authority = NULL;
    X509V3_CTX ctx;
    int ok;

    X509V3_set_ctx(&ctx, ca->certificate, NULL, NULL, crl, 0);
    authority = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    ok = from && until && n && authority && ASN1_INTEGER_set(n, number) &&
         X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
         X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate)) &&
         X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, until) &&
         X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) && X509_CRL_add_ext(crl, authority, -1);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    ASN1_INTEGER_free(n);
    X509_EXTENSION_free(authority);
    return ok;
}

static status sign_crl(const struct ca *ca, const char *out, uint32_t days, struct fault *f)
{
    struct ca_entry *entries AUTO(auto_free) = NULL;
    X509_CRL *crl AUTO(openssl_crl_clear) = X509_CRL_new();
    EVP_MD_CTX *digest AUTO(openssl_digest_clear) = openssl_signing(ca->key);
    BIO *pem AUTO(openssl_bio_clear) = BIO_new(BIO_s_mem());
    char path[FILES_PATH_BYTES];
    size_t count = 0;

    TRY(files_join(path, ca->dir, "crl.pem", f));
    TRY(ca_list(ca->dir, &entries, &count, f));
    if (!crl || !pem || !digest || !set_crl_head(crl, ca, next_crl_number(path), days))
        return library_failed(f);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].revoked && !add_revoked(crl, &entries[i]))
            return library_failed(f);
    }
    if (!X509_CRL_sort(crl) || X509_CRL_sign_ctx(crl, digest) <= 0 || PEM_write_bio_X509_CRL(pem, crl) != 1)
        return library_failed(f);
    TRY(write_pem(path, pem, 0644, f));
    return out ? write_pem(out, pem, 0644, f) : OK;
}

status ca_crl(const char *dir, const char *out, uint32_t days, struct fault *f)
{
    struct ca ca AUTO(ca_close) = {.lock = -1};

    if (days < 1 || days > CA_DAYS_MAX)
        return fault_set(f, STATUS_USAGE, "a revocation list lasts 1 to %d days, not %u", CA_DAYS_MAX, days);
    TRY(ca_open(&ca, dir, f));
    return sign_crl(&ca, out, days, f);
}

status ca_revoke(const char *dir, const char *serial, const char *name, size_t *count, struct fault *f)
{
    struct ca ca AUTO(ca_close) = {.lock = -1};
    struct ca_entry *entries AUTO(auto_free) = NULL;
    size_t total = 0, found = 0;

    *count = 0;
    TRY(ca_open(&ca, dir, f));
    TRY(ca_list(dir, &entries, &total, f));
    for (size_t i = 0; i < total; i++) {
        if (serial ? strcasecmp(entries[i].serial, serial) != 0 : strcmp(entries[i].name, name) != 0)
            continue;
        found++;
        if (entries[i].revoked)
            continue;
        entries[i].revoked = (int64_t)time(NULL);
        (*count)++;
    }
    if (found == 0 || *count == 0) {
        fault_hint(f, "hefu ca list %s shows what was issued", dir);
        return fault_set(f, STATUS_USAGE, found ? "the certificate of %.64s is revoked already"
                                                : "no certificate of %.64s was issued here",
                         serial ? serial : name);
    }
    TRY(write_index(dir, entries, total, f));
    return sign_crl(&ca, NULL, CA_CRL_DAYS, f);
}
