#include "node/local/executable.h"

#include "node/local/version.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char path[] = "/proc/self/exe";

static status hash_file(struct hash *out, FILE *file, struct fault *f)
{
    uint8_t block[4096];
    crypto_hash_sha256_state h;
    size_t len;

    crypto_hash_sha256_init(&h);
    while ((len = fread(block, 1, sizeof block, file)) > 0)
        crypto_hash_sha256_update(&h, block, len);
    if (ferror(file))
        return fault_set(f, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
    crypto_hash_sha256_final(&h, out->bytes);
    return OK;
}

status executable_hash(struct hash *out, struct fault *f)
{
    FILE *file = fopen(path, "rb");
    status result;

    if (!file)
        return fault_set(f, STATUS_IO, "%s: cannot be opened: %s", path, strerror(errno));
    result = hash_file(out, file, f);
    fclose(file);
    return result;
}

status executable_state(uint8_t out[BUILD_BYTES], const struct keyring *keys, const struct contract *c,
                        const struct hash *contract_id, const struct hash *session, party self, struct fault *f)
{
    struct build b = {.contract = *contract_id, .session = *session, .who = self, .version = HEFU_VERSION};
    uint8_t to_sign[BUILD_SIGNED_BYTES];

    TRY(executable_hash(&b.executable, f));
    build_signed_bytes(to_sign, &b);
    keyring_sign(keys, &b.signature, c->suite, BUILD_SIGN_TAG, to_sign, sizeof to_sign);
    build_encode(out, &b);
    return OK;
}
