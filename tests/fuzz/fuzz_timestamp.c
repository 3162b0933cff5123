/* Timestamp tokens, replies and deposits from any bytes: no crash, and nothing is accepted but what the one authority of
 * timestamp_ca.pem signed.  The first byte chooses which of the three it is. */
#include "crypto/wire.h"
#include "node/local/deposit.h"
#include "node/local/timestamp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct timestamp_trust trust = {.ca = "tests/fuzz/timestamp_ca.pem"};
static const struct hash digest = {.bytes = {1, 2, 3}};
enum { NONCE = 0x1234567, AT = 1790000000 };

/* Its CA signed one token that is in the corpus; what else counts says the same. */
static void check_accepted(const struct timestamp *t)
{
    assert(t->at == AT && t->nonce == NONCE && t->suite == SUITE_INT1 && hash_equal(&t->digest, &digest));
    assert(strcmp(t->policy, "1.2.3.4") == 0 && strcmp(t->signer, "test time") == 0);
}

static void check_token(const uint8_t *bytes, size_t len)
{
    struct fault f = {0}, why = {0};
    struct timestamp t, again;
    char text[TIMESTAMP_TEXT_BYTES];
    status code = timestamp_read(&t, bytes, len, &f);

    assert(code == OK || (code == STATUS_UNTRUSTED && f.message[0]));
    if (code == OK) {
        timestamp_text(text, t.at);
        assert(text[0] && strlen(t.policy) < sizeof t.policy && !t.signer[0]);
    }
    code = timestamp_check(&again, bytes, len, &(struct timestamp_wanted){0}, &trust, &why);
    assert(code == OK || (code == STATUS_UNTRUSTED && why.message[0]));
    if (code == OK)
        check_accepted(&again);
}

static void check_reply(const uint8_t *bytes, size_t len)
{
    static uint8_t *request;
    static size_t request_len;
    uint8_t *token AUTO(auto_free) = NULL;
    struct fault f = {0};
    struct timestamp t;
    size_t token_len = 0;
    status code;

    if (!request) {
        code = timestamp_request(&request, &request_len, SUITE_INT1, &digest, NONCE, "1.2.3.4", NULL);
        assert(code == OK);
    }
    code = timestamp_accept(&token, &token_len, &t, bytes, len, request, request_len, &trust, &f);
    assert((code == OK) == (token != NULL));
    assert(code == OK || code == STATUS_UNTRUSTED || code == STATUS_REFUSED);
    if (code == OK)
        check_accepted(&t);
    else
        assert(f.message[0]);
}

static void check_deposit(const uint8_t *bytes, size_t len)
{
    struct wire_writer again AUTO(wire_writer_clear) = {0};
    struct deposit d;

    if (deposit_decode(&d, bytes, len) != OK)
        return;
    assert(deposit_encode(&again, &d) == OK);
    assert(again.len == len && memcmp(again.bytes, bytes, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t *copy; /* of the exact size, so that one byte too many is seen */

    if (len == 0)
        return 0;
    copy = malloc(len - 1 ? len - 1 : 1);
    memcpy(copy, bytes + 1, len - 1);
    if (bytes[0] == 'r')
        check_reply(copy, len - 1);
    else if (bytes[0] == 'd')
        check_deposit(copy, len - 1);
    else
        check_token(copy, len - 1);
    free(copy);
    return 0;
}
