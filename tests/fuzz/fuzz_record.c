/* Records and logs from any bytes: what decodes encodes to the same bytes, and a log is read without a step outside.
 * The first byte chooses the number of parties. */
#include "protocol/log.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct log_reader r;
    struct log_entry e;
    enum log_state state;
    size_t read = 0;

    if (len == 0)
        return 0;
    log_reader_init(&r, bytes + 1, len - 1, (uint16_t)(2 + bytes[0] % (PARTIES_MAX - 1)));
    while ((state = log_next(&r, &e)) == LOG_ENTRY) {
        uint8_t again[RECORD_BYTES];
        struct record peer;

        record_encode(again, &e.record);
        assert(memcmp(again, e.bytes, RECORD_BYTES) == 0);
        assert(record_difference(&e.record, &e.record) == NULL);
        assert(e.at == bytes + 1 + read && e.len >= RECORD_BYTES);
        read += e.len;
        if (e.peer_bytes && record_decode(&peer, e.peer_bytes) == OK) {
            record_encode(again, &peer);
            assert(memcmp(again, e.peer_bytes, RECORD_BYTES) == 0);
        }
        for (party p = 0; e.joint && p < r.parties; p++) {
            struct joint_item item;

            joint_item_read(&item, e.joint, p);
        }
    }
    assert(read + r.left == len - 1);
    assert(state != LOG_DONE || r.left == 0);
    return 0;
}
