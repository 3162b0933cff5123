/* hefu-audit keygen: the key of an auditor, to whom nodes seal their seeds. */
#include "node/hefu_audit/premises.h"

#include <sodium.h>
#include <stdio.h>

status command_keygen(int argc, char **argv, struct fault *f)
{
    const char *suite = "INT1", *file[1];
    const struct audit_option options[] = {{"suite", &suite, NULL}, {0}};
    char hex[2 * SEAL_PUBLIC_BYTES + 1];
    struct seal_public pub;
    size_t files = 0;

    TRY(audit_arguments(options, file, 1, &files, argc, argv, f));
    if (files != 1) {
        fault_set(f, STATUS_USAGE, "keygen needs a file to write");
        fault_hint(f, "hefu-audit keygen [--suite INT1|GM1] FILE");
        return STATUS_USAGE;
    }
    if (!suite_from_name(suite))
        return fault_set(f, STATUS_USAGE, "--suite is \"%.40s\", not INT1 or GM1", suite);
    TRY(audit_key_create(&pub, suite_from_name(suite), file[0], f));
    printf("auditor_key: %s\n", sodium_bin2hex(hex, sizeof hex, pub.bytes, sizeof pub.bytes));
    fprintf(stderr, "hefu-audit: %s is secret and stays with you; auditor and auditor_key go into the job's audit section\n", file[0]);
    return OK;
}
