/* hefu ca: the consortium's certificates. */
#include "node/hefu/cmd.h"
#include "node/local/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static status run_init(int argc, char **argv, struct fault *f)
{
    const char *dir = NULL, *name = NULL, *suite = "INT1";
    enum suite s;
    const struct cmd_option options[] = {
        {"name", "TITLE", "the consortium's name, such as \"Credit consortium\"", .text = &name, .required = 1},
        {"suite", "SUITE", "INT1 (default): Ed25519, for TLS and all contracts of INT1; GM1: SM2, for those of GM1", .text = &suite},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu ca init", "DIR", "Make a consortium CA in DIR.", options, {&dir}, 1}, argc,
                  argv, f));
    TRY(cmd_suite(&s, suite, f));
    TRY(ca_init(dir, name, s, f));
    printf("%s/ca.pem\n", dir);
    fprintf(stderr, "made a CA; keep %s/ca.key where only its keeper can read it\n"
                    "next: hefu ca issue %s --name PARTY --role node --csr PARTY%s.csr --out DIR\n",
            dir, dir, ca_file_mark(s));
    return OK;
}

static json_t *certificate_json(const struct certificate *c)
{
    char fingerprint[2 * HASH_BYTES + 1], from[16], until[16];

    hash_hex(&c->fingerprint, fingerprint);
    certificate_date(from, c->not_before);
    certificate_date(until, c->not_after);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name", c->name, "role", certificate_role_name(c->role),
                     "suite", suite_name(sign_public_suite(&c->key)), "fingerprint", fingerprint, "serial", c->serial, "not_before", from, "not_after", until);
}

static status run_issue(int argc, char **argv, struct fault *f)
{
    const char *dir = NULL, *role = NULL;
    struct ca_request request = {.days = 365};
    struct certificate issued AUTO(certificate_clear) = {0};
    char fingerprint[2 * HASH_BYTES + 1], until[16];
    int json = 0;
    const struct cmd_option options[] = {
        {"name", "PARTY", "whose certificate: becomes its subject and DNS name", .text = &request.name, .required = 1},
        {"role", "ROLE", "node, coordinator or auditor", .text = &role, .required = 1},
        {"days", "N", "how long it is valid (365)", .count = &request.days, .min = 1, .max = CA_DAYS_MAX},
        {"csr", "FILE", "sign this request; without it a key is made here too", .text = &request.csr},
        {"out", "DIR", "where PARTY.pem, ca.pem and crl.pem go", .text = &request.out, .required = 1},
        {"json", NULL, "one JSON object on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu ca issue", "DIR", "Issue a certificate by the CA in DIR.", options, {&dir},
                                     1},
                  argc, argv, f));
    request.role = certificate_role_from_name(role);
    if (!request.role)
        return fault_set(f, STATUS_USAGE, "--role is \"%.40s\", not node, coordinator or auditor", role);
    TRY(ca_issue(dir, &request, &issued, f));
    if (json)
        return cmd_print_json(certificate_json(&issued), f);
    hash_hex(&issued.fingerprint, fingerprint);
    certificate_date(until, issued.not_after);
    printf("%s/%s%s.pem\nfingerprint  %s\nserial       %s\nvalid until  %s\n", request.out, request.name,
           ca_file_mark(sign_public_suite(&issued.key)), fingerprint, issued.serial, until);
    return OK;
}

static status run_revoke(int argc, char **argv, struct fault *f)
{
    const char *dir = NULL, *serial = NULL, *name = NULL;
    size_t count = 0;
    const struct cmd_option options[] = {
        {"name", "PARTY", "revoke every certificate of this party", .text = &name},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu ca revoke", "DIR [SERIAL]", "Revoke certificates and renew DIR/crl.pem.",
                                     options, {&dir, &serial}, 1},
                  argc, argv, f));
    if (!serial == !name)
        return fault_set(f, STATUS_USAGE, "give a serial number or --name, one of the two");
    TRY(ca_revoke(dir, serial, name, &count, f));
    printf("%zu certificate%s revoked\n", count, cmd_plural(count));
    fprintf(stderr, "next: send %s/crl.pem to every node; crl in node.yaml names it\n", dir);
    return OK;
}

static status run_crl(int argc, char **argv, struct fault *f)
{
    const char *dir = NULL, *out = NULL;
    uint32_t days = CA_CRL_DAYS;
    const struct cmd_option options[] = {
        {"out", "FILE", "where the list goes", .text = &out, .required = 1},
        {"days", "N", "when the next one is due (30)", .count = &days, .min = 1, .max = CA_DAYS_MAX},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu ca crl", "DIR", "Sign the revocation list anew.", options, {&dir}, 1}, argc,
                  argv, f));
    TRY(ca_crl(dir, out, days, f));
    printf("%s\n", out);
    return OK;
}

static const char *state_of(const struct ca_entry *e)
{
    return e->revoked ? "revoked" : e->not_after < (int64_t)time(NULL) ? "expired" : "valid";
}

static json_t *entries_json(const struct ca_entry *entries, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        const struct ca_entry *e = &entries[i];
        char fingerprint[2 * HASH_BYTES + 1], until[16];

        hash_hex(&e->fingerprint, fingerprint);
        certificate_date(until, e->not_after);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", e->name, "role",
                                              certificate_role_name(e->role), "state", state_of(e), "not_after", until,
                                              "serial", e->serial, "fingerprint", fingerprint));
    }
    return list;
}

static status run_list(int argc, char **argv, struct fault *f)
{
    const char *dir = NULL;
    struct ca_entry *entries AUTO(auto_free) = NULL;
    size_t count = 0;
    int json = 0;
    const struct cmd_option options[] = {
        {"json", NULL, "one JSON array on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu ca list", "DIR", "List what the CA in DIR has issued.", options, {&dir}, 1},
                  argc, argv, f));
    TRY(ca_list(dir, &entries, &count, f));
    if (json)
        return cmd_print_json(entries_json(entries, count), f);
    if (count)
        printf("%-20s  %-11s  %-7s  %-11s  %s\n", "NAME", "ROLE", "STATE", "UNTIL", "SERIAL");
    for (size_t i = 0; i < count; i++) {
        char until[16];

        certificate_date(until, entries[i].not_after);
        printf("%-20s  %-11s  %-7s  %-11s  %s\n", entries[i].name, certificate_role_name(entries[i].role),
               state_of(&entries[i]), until, entries[i].serial);
    }
    return OK;
}

static status run_show(int argc, char **argv, struct fault *f)
{
    const char *path = NULL;
    struct certificate c AUTO(certificate_clear) = {0};
    char fingerprint[2 * HASH_BYTES + 1], from[16], until[16];
    int json = 0;
    const struct cmd_option options[] = {
        {"json", NULL, "one JSON object on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu ca show", "CERTIFICATE",
                                     "Show whose certificate it is and its fingerprint, to be pinned by others.",
                                     options, {&path}, 1},
                  argc, argv, f));
    TRY(certificate_load(&c, path, f));
    if (json)
        return cmd_print_json(certificate_json(&c), f);
    hash_hex(&c.fingerprint, fingerprint);
    certificate_date(from, c.not_before);
    certificate_date(until, c.not_after);
    printf("name         %s\nrole         %s\nsuite        %s\nfingerprint  %s\nserial       %s\nvalid        %s to %s\n", c.name,
           certificate_role_name(c.role), suite_name(sign_public_suite(&c.key)), fingerprint, c.serial, from, until);
    return OK;
}

status cmd_ca(int argc, char **argv, struct fault *f)
{
    static const struct cmd table[] = {
        {"init", "make a CA: key, certificate, empty revocation list", run_init},
        {"issue", "issue a certificate, best for a request made at the node", run_issue},
        {"revoke", "revoke a certificate by serial number or by name", run_revoke},
        {"crl", "sign the revocation list anew", run_crl},
        {"list", "list what was issued", run_list},
        {"show", "show a certificate and its fingerprint", run_show},
        {0},
    };

    return cmd_dispatch("hefu ca", "The consortium's certificates.", table, argc, argv, f);
}
