/* hefu-audit keygen: the key of an auditor, to whom nodes seal their seeds. */
#include "node/hefu_audit/premises.h"

#include <sodium.h>
#include <stdio.h>

status command_keygen(int argc, char **argv, struct fault *f)
{
    const struct audit_option options[] = {{0}};
    const char *file[1];
    char hex[2 * KX_BYTES + 1];
    struct kx_public pub;
    size_t files = 0;

    TRY(audit_arguments(options, file, 1, &files, argc, argv, f));
    if (files != 1) {
        fault_set(f, STATUS_USAGE, "keygen needs a file to write");
        fault_hint(f, "hefu-audit keygen FILE");
        return STATUS_USAGE;
    }
    TRY(audit_key_create(&pub, file[0], f));
    printf("auditor_key: %s\n", sodium_bin2hex(hex, sizeof hex, pub.bytes, sizeof pub.bytes));
    fprintf(stderr, "hefu-audit: %s is secret and stays with you; auditor and auditor_key go into the job's audit section\n", file[0]);
    return OK;
}
