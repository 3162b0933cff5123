#include "node/hefu/identity.h"

#include "node/hefu/cmd.h"
#include "node/hefu/trust.h"
#include "node/local/ca.h"
#include "node/local/keyring.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

status identity_config(char out[FILES_PATH_BYTES], const char *given, const char *name, struct fault *f)
{
    struct stat st;
    int is_file = stat(given, &st) == 0 && !S_ISDIR(st.st_mode);

    /* What is not there is called as it was typed: "x.yaml" is a file, "office" a directory. */
    if (is_file || strstr(given, ".yaml"))
        TRY(files_join(out, ".", given, f));
    else
        TRY(files_join(out, given, name, f));
    if (is_file || files_exist(out))
        return OK;
    if (strcmp(name, "node.yaml") == 0)
        fault_hint(f, "say where it is with --node DIR, or make one: hefu node init DIR --name NAME");
    else
        fault_hint(f, "say where it is with --coordinator DIR, or make one: hefu coordinator init DIR --name NAME");
    return fault_set(f, STATUS_CONFIG, "%s: there is no such file", out);
}

/* ---- make ---- */

status identity_make_key(const char *dir, const char *key, const char *csr, const char *name, enum suite s, struct fault *f)
{
    char key_path[FILES_PATH_BYTES], csr_path[FILES_PATH_BYTES];

    TRY(files_join(key_path, dir, key, f));
    TRY(files_join(csr_path, dir, csr, f));
    TRY(ca_make_key(key_path, s, f));
    return ca_make_csr(csr_path, key_path, name, f);
}

status identity_make(const struct identity_files *files, struct fault *f)
{
    char config[FILES_PATH_BYTES], ca[FILES_PATH_BYTES];
    uint8_t *ca_bytes AUTO(auto_free) = NULL;
    size_t ca_len = 0;

    if (!name_is_valid(files->name))
        return fault_set(f, STATUS_USAGE, "\"%.40s\" is not a party name: %s", files->name, NAME_RULE);
    if (files->ca)
        TRY(files_read(&ca_bytes, &ca_len, files->ca, CERTIFICATE_BYTES_MAX, f));
    TRY(files_join(config, files->dir, files->config, f));
    TRY(files_join(ca, files->dir, "ca.pem", f));
    TRY(files_make_directory(files->dir, f));
    TRY(files_create(config, files->text, strlen(files->text), 0600, f));
    TRY(identity_make_key(files->dir, files->key, files->csr, files->name, SUITE_INT1, f));
    return files->ca ? files_write(ca, ca_bytes, ca_len, 0644, f) : OK;
}

/* ---- show ---- */

void identity_print_certificate(const char *what, const char *path)
{
    struct certificate c AUTO(certificate_clear) = {0};
    struct fault f = {0};
    char fingerprint[2 * HASH_BYTES + 1], until[16];

    if (!files_exist(path)) {
        printf("%-12s  none yet (%s)\n", what, path);
        return;
    }
    if (certificate_load(&c, path, &f) != OK) {
        printf("%-12s  %s\n", what, f.message);
        return;
    }
    hash_hex(&c.fingerprint, fingerprint);
    certificate_date(until, c.not_after);
    printf("%-12s  %s, valid until %s\nfingerprint   %s\n", what, path, until, fingerprint);
}

/* ---- findings ---- */

void found(struct findings *all, enum finding_level level, const char *what, const char *fmt, ...)
{
    static const char *const level_names[] = {"ok", "warning", "bad"};
    char text[900];
    char whole[64];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(whole, sizeof whole, "%s%s", all->gm ? "gm " : "", what);
    all->bad += level == FINDING_BAD;
    if (all->list)
        json_array_append_new(all->list, json_pack("{s:s, s:s, s:s}", "state", level_names[level], "what", whole, "text",
                                                   text));
    else
        printf("%-7s  %-13s  %s\n", level_names[level], whole, text);
}

void found_fault(struct findings *all, const char *what, const struct fault *f)
{
    found(all, FINDING_BAD, what, "%s%s%s%s", f->message[0] ? f->message : status_name(f->code), f->hint[0] ? " (" : "",
          f->hint, f->hint[0] ? ")" : "");
}

status findings_conclude(const struct findings *all, const char *what, struct fault *f)
{
    if (!all->bad)
        return OK;
    fault_hint(f, "see the lines marked bad");
    return fault_set(f, STATUS_CONFIG, "the %s is not ready: %zu problem%s", what, all->bad, cmd_plural(all->bad));
}

static int expires_soon(const struct certificate *c, int64_t now)
{
    return c->not_after - now < (int64_t)CERTIFICATE_WARN_DAYS * 86400;
}

/* ---- check ---- */

static void check_certificate(struct findings *all, const struct identity *own, const struct keyring *key)
{
    struct certificate c AUTO(certificate_clear) = {0};
    int64_t now = (int64_t)time(NULL);
    struct fault f = {0};
    char until[16];

    if (!files_exist(own->certificate)) {
        found(all, FINDING_BAD, "certificate", "%s is not there yet: the consortium issues it for the request made here (hefu ca issue)",
              own->certificate);
        return;
    }
    if (certificate_load(&c, own->certificate, &f) != OK ||
        certificate_verify(&c, own->ca, own->crl, now, &f) != OK) {
        found_fault(all, "certificate", &f);
        return;
    }
    certificate_date(until, c.not_after);
    if (own->name && strcmp(c.name, own->name) != 0)
        found(all, FINDING_BAD, "certificate", "%s is for %s, and this node is %s", own->certificate, c.name, own->name);
    else if (c.role != own->role)
        found(all, FINDING_BAD, "certificate", "%s has the role %s, not %s", own->certificate, certificate_role_name(c.role),
              certificate_role_name(own->role));
    else if (sign_public_suite(&c.key) != own->suite)
        found(all, FINDING_BAD, "certificate", "%s is of suite %s; here belongs one of %s", own->certificate,
              suite_name(sign_public_suite(&c.key)), suite_name(own->suite));
    else if (key && (!keyring_public(key, own->suite) ||
                     memcmp(c.key.bytes, keyring_public(key, own->suite)->bytes, SIGN_PUBLIC_BYTES) != 0))
        found(all, FINDING_BAD, "certificate", "%s belongs to another key than %s", own->certificate, own->key);
    else if (expires_soon(&c, now))
        found(all, FINDING_WARNING, "certificate", "expires on %s; ask the consortium for a new one", until);
    else
        found(all, FINDING_OK, "certificate", "%s, issued by the consortium, until %s", c.name, until);
}

static void check_crl(struct findings *all, const struct identity *own)
{
    int64_t next = 0;
    struct fault f = {0};
    char date[16];

    if (own->crl[0] && !files_exist(own->crl)) {
        found(all, FINDING_BAD, "crl", "%s is not there yet: it comes with the certificate (hefu ca issue, hefu ca crl)",
              own->crl);
    } else if (!own->crl[0]) {
        found(all, FINDING_WARNING, "crl", "%s names no revocation list: revoked certificates are accepted",
              own->config);
    } else if (certificate_crl_next_update(&next, own->crl, &f) != OK) {
        found_fault(all, "crl", &f);
    } else {
        certificate_date(date, next);
        if (next < (int64_t)time(NULL))
            found(all, FINDING_WARNING, "crl", "a newer revocation list was due on %s", date);
        else
            found(all, FINDING_OK, "crl", "current until %s", date);
    }
}

void identity_check(struct findings *all, const struct identity *own)
{
    struct keyring *key AUTO(keyring_clear) = NULL;
    struct fault f = {0};

    if (keyring_new(&key, own->key, NULL, &f) != OK)
        found_fault(all, "key", &f);
    else
        found(all, FINDING_OK, "key", "%s, private to its owner", own->key);
    check_certificate(all, own, key);
    check_crl(all, own);
}

void identity_check_pinned(struct findings *all, const struct identity *own, const char *name, const struct hash *pin,
                           enum certificate_role role)
{
    struct certificate c AUTO(certificate_clear) = {0};
    int64_t now = (int64_t)time(NULL);
    char dir[FILES_PATH_BYTES], path[FILES_PATH_BYTES];
    struct fault f = {0};

    if (files_directory(dir, own->config, &f) != OK || trust_certificate_path(path, dir, name, own->suite, &f) != OK ||
        !files_exist(path)) {
        found(all, FINDING_OK, name, "pinned (no copy of its certificate here)");
    } else if (certificate_load(&c, path, &f) != OK || certificate_verify(&c, own->ca, own->crl, now, &f) != OK) {
        found_fault(all, name, &f);
    } else if (!hash_equal(&c.fingerprint, pin)) {
        found(all, FINDING_BAD, name, "%s is not the certificate pinned in %s", path, own->config);
    } else if (strcmp(c.name, name) != 0 || c.role != role) {
        found(all, FINDING_BAD, name, "%s is for the %s %s", path, certificate_role_name(c.role), c.name);
    } else if (expires_soon(&c, now)) {
        found(all, FINDING_WARNING, name, "its certificate expires within %d days", CERTIFICATE_WARN_DAYS);
    } else {
        found(all, FINDING_OK, name, "pinned, certificate in order");
    }
}
