#include "kit/synthetic.h"

#include "protocol/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct synthetic session;
static struct wire_writer file;

static int set_up(void **state)
{
    struct bundle b;

    (void)state;
    if (synthetic_make(&session, 3, 5, SIZE_MAX) != OK)
        return -1;
    b = session.bundle[1];
    b.certificates = 3;
    for (party p = 0; p < 3; p++)
        b.certificate[p] = (struct bundle_part){(const uint8_t *)"-----BEGIN CERTIFICATE-----\n", 28u - p};
    b.attachment[ATTACHMENT_TIMESTAMP_END] = (struct bundle_part){(const uint8_t *)"token", 5};
    b.attachment[ATTACHMENT_DEPOSIT] = (struct bundle_part){(const uint8_t *)"receipt", 7};
    return bundle_encode(&file, &b) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    synthetic_clear(&session);
    wire_writer_clear(&file);
    return 0;
}

static void decode_inverts_encode(void **state)
{
    struct bundle b;
    struct fault f = {0};
    struct wire_writer again AUTO(wire_writer_clear) = {0};

    (void)state;
    assert_int_equal(bundle_decode(&b, file.bytes, file.len, &f), OK);
    assert_int_equal(b.self, 1);
    assert_int_equal(b.approvals, 3);
    assert_int_equal(b.certificates, 3);
    assert_int_equal(b.certificate[2].len, 26);
    assert_int_equal(b.log.len, session.log[1].len);
    assert_memory_equal(b.log.bytes, session.log[1].bytes, b.log.len);
    assert_null(b.attachment[ATTACHMENT_TIMESTAMP_START].bytes);
    assert_int_equal(b.attachment[ATTACHMENT_TIMESTAMP_END].len, 5);
    assert_memory_equal(b.attachment[ATTACHMENT_DEPOSIT].bytes, "receipt", 7);
    assert_int_equal(bundle_encode(&again, &b), OK);
    assert_int_equal(again.len, file.len);
    assert_memory_equal(again.bytes, file.bytes, file.len);
}

/* The end of the file set up: count, END token, deposit. */
enum { ATTACHED = 2 + (2 + 4 + 5) + (2 + 4 + 7) };

static void attachments_have_one_order_and_known_kinds(void **state)
{
    static const uint16_t kinds[][2] = {{3, 2}, {2, 2}, {0, 3}, {2, ATTACHMENT_KINDS}, {0xffff, 3}};
    uint8_t *copy = malloc(file.len), *at = copy + file.len - ATTACHED;
    struct bundle b;

    (void)state;
    memcpy(copy, file.bytes, file.len);
    assert_int_equal(load_u16(at), 2);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        store_u16(at + 2, kinds[i][0]);
        store_u16(at + 2 + 11, kinds[i][1]);
        assert_int_equal(bundle_decode(&b, copy, file.len, NULL), STATUS_MISMATCH);
    }
    store_u16(at + 2, 1);
    store_u16(at + 2 + 11, 2);
    assert_int_equal(bundle_decode(&b, copy, file.len, NULL), OK);
    free(copy);
}

static void an_attachment_beyond_the_cap_is_refused(void **state)
{
    static uint8_t bytes[BUNDLE_ATTACHMENT_MAX + 1];
    struct bundle b = session.bundle[0];
    struct wire_writer w AUTO(wire_writer_clear) = {0}, fits AUTO(wire_writer_clear) = {0};

    (void)state;
    b.attachment[ATTACHMENT_DEPOSIT] = (struct bundle_part){bytes, sizeof bytes};
    assert_int_equal(bundle_encode(&w, &b), STATUS_LIMIT);
    b.attachment[ATTACHMENT_DEPOSIT].len--;
    assert_int_equal(bundle_encode(&fits, &b), OK);
    store_u32(fits.bytes + fits.len - BUNDLE_ATTACHMENT_MAX - 4, BUNDLE_ATTACHMENT_MAX + 1);
    wire_put_u8(&fits, 0);
    assert_int_equal(bundle_decode(&b, fits.bytes, fits.len, NULL), STATUS_MISMATCH);
}

static void every_cut_of_the_file_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < file.len; len += len < 2000 ? 1 : 997) {
        struct bundle b;
        struct fault f = {0};

        assert_int_equal(bundle_decode(&b, file.bytes, len, &f), STATUS_MISMATCH);
        assert_true(f.message[0] && f.hint[0]);
    }
}

static void bytes_after_the_end_are_refused(void **state)
{
    struct wire_writer longer AUTO(wire_writer_clear) = {0};
    struct bundle b;
    struct fault f = {0};

    (void)state;
    wire_put_bytes(&longer, file.bytes, file.len);
    wire_put_u8(&longer, 0);
    assert_int_equal(bundle_decode(&b, longer.bytes, longer.len, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "after its end"));
}

/* What is accepted is what bundle_encode writes: no two files say the same. */
static void every_flipped_byte_is_refused_or_kept(void **state)
{
    uint8_t *copy = malloc(file.len);

    (void)state;
    for (size_t i = 0; i < file.len; i += i < 1200 ? 1 : 101) {
        struct wire_writer again AUTO(wire_writer_clear) = {0};
        struct bundle b;

        memcpy(copy, file.bytes, file.len);
        copy[i] ^= 0x41;
        if (bundle_decode(&b, copy, file.len, NULL) != OK)
            continue;
        assert_true(i >= 10); /* magic and version are never accepted */
        assert_int_equal(bundle_encode(&again, &b), OK);
        assert_int_equal(again.len, file.len);
        assert_memory_equal(again.bytes, copy, file.len);
    }
    free(copy);
}

static void another_version_is_named(void **state)
{
    uint8_t start[12] = "HEFUEVID\0\1";
    struct bundle b;
    struct fault f = {0};

    (void)state;
    assert_int_equal(bundle_decode(&b, start, sizeof start, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "version 1"));
}

static void counts_and_lengths_beyond_the_caps_are_refused(void **state)
{
    struct bundle b = session.bundle[0];
    struct wire_writer w AUTO(wire_writer_clear) = {0}, bad AUTO(wire_writer_clear) = {0};

    (void)state;
    b.contract.len = CONTRACT_BYTES_MAX + 1;
    assert_int_equal(bundle_encode(&w, &b), STATUS_LIMIT);
    wire_put_bytes(&bad, "HEFUEVID", 8);
    wire_put_u16(&bad, BUNDLE_VERSION);
    wire_put_u16(&bad, 0);
    wire_put_blob(&bad, "x", 1);
    wire_put_u16(&bad, PARTIES_MAX + 1); /* approvals */
    for (int i = 0; i < 4096; i++)
        wire_put_u64(&bad, 0);
    assert_int_equal(bundle_decode(&b, bad.bytes, bad.len, NULL), STATUS_MISMATCH);
}

static void a_log_reads_back_entry_by_entry(void **state)
{
    struct log_reader r;
    struct log_entry e;
    uint64_t at = 0;
    enum log_state got;

    (void)state;
    log_reader_init(&r, session.log[2].bytes, session.log[2].len, 3);
    while ((got = log_next(&r, &e)) == LOG_ENTRY) {
        assert_int_equal(e.record.seq, at++);
        assert_int_equal(e.record.type == RECORD_RECV, e.peer_bytes != NULL);
        assert_int_equal(e.record.type == RECORD_CHECKPOINT || e.record.type == RECORD_END, e.joint != NULL);
    }
    assert_int_equal(got, LOG_DONE);
    log_reader_init(&r, session.log[2].bytes, session.log[2].len - 1, 3);
    while ((got = log_next(&r, &e)) == LOG_ENTRY)
        ;
    assert_int_equal(got, LOG_TORN);
    assert_int_equal(r.entries, at - 1);
    session.log[2].bytes[SIGNED_BYTES + 7] ^= 1;
    log_reader_init(&r, session.log[2].bytes, session.log[2].len, 3);
    while ((got = log_next(&r, &e)) == LOG_ENTRY)
        ;
    session.log[2].bytes[SIGNED_BYTES + 7] ^= 1;
    assert_int_equal(got, LOG_MALFORMED);
    assert_int_equal(r.entries, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_inverts_encode),
        cmocka_unit_test(attachments_have_one_order_and_known_kinds),
        cmocka_unit_test(an_attachment_beyond_the_cap_is_refused),
        cmocka_unit_test(every_cut_of_the_file_is_refused),
        cmocka_unit_test(bytes_after_the_end_are_refused),
        cmocka_unit_test(every_flipped_byte_is_refused_or_kept),
        cmocka_unit_test(another_version_is_named),
        cmocka_unit_test(counts_and_lengths_beyond_the_caps_are_refused),
        cmocka_unit_test(a_log_reads_back_entry_by_entry),
    };

    return cmocka_run_group_tests_name("bundle", tests, set_up, tear_down);
}
