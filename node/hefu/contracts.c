#include "node/hefu/contracts.h"

#include "node/hefu/job_view.h"
#include "node/net/control.h"

#include <string.h>

static status decode(struct contract **out, const uint8_t *bytes, size_t len, struct fault *f)
{
    struct contract *c AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&c, 1, sizeof *c));
    TRY(contract_decode(c, bytes, len, f));
    *out = c;
    c = NULL;
    return OK;
}

status contracts_of_state(struct contract **out, const json_t *state, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(control_bytes(&bytes, &len, json_object_get(state, "contract"), "contract", CONTRACT_BYTES_MAX, f));
    return decode(out, bytes, len, f);
}

static status of_file(struct contract **out, const char *path, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    struct fault why = {0};
    status code;

    TRY(files_read(&bytes, &len, path, CONTRACT_BYTES_MAX, f));
    code = decode(out, bytes, len, &why);
    return code == OK ? OK : fault_set(f, STATUS_CONFIG, "%.120s: %.340s", path, why.message);
}

status contracts_find(struct contract **out, const char *word, const char *node, const char *coordinator, struct fault *f)
{
    struct audience a AUTO(audience_clear) = {0};
    struct job_view view AUTO(job_view_clear) = {0};

    if (files_exist(word) || strchr(word, '.') || strchr(word, '/'))
        return of_file(out, word, f);
    TRY(audience_find(&a, node, coordinator, f));
    TRY(job_view_open(&view, &a, word, NULL, f));
    return contracts_of_state(out, view.state[0], f);
}

const char *contracts_suite(enum suite s)
{
    return s == SUITE_GM1 ? "GM1: SM2 signatures and key agreement, SM3 hashes, SM4 streams and seals"
                          : "INT1: Ed25519 signatures, X25519 key agreement, SHA-256 and BLAKE2b hashes, ChaCha20 streams and seals";
}

json_t *contracts_terms(const struct contract *c)
{
    struct wire_writer text AUTO(wire_writer_clear) = {0};
    json_t *terms = json_object();
    char *line, *rest = NULL;

    contract_facts(&text, c);
    wire_put_u8(&text, 0);
    if (wire_writer_status(&text) != OK) {
        json_decref(terms);
        return NULL;
    }
    for (line = strtok_r((char *)text.bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *tab = strchr(line, '\t');

        *tab = '\0';
        json_object_set_new(terms, line, json_string(tab + 1));
    }
    return terms;
}
