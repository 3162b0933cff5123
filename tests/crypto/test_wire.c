#include "testing.h"

static void put_sample(struct wire_writer *w)
{
    wire_put_u8(w, 0x01);
    wire_put_u16(w, 0x0203);
    wire_put_u32(w, 0x04050607);
    wire_put_u64(w, 0x08090a0b0c0d0e0f);
    wire_put_string(w, "id");
    wire_put_blob(w, "\xff\x00", 2);
    wire_put_bytes(w, "xyz", 3);
}

/* Reads the sample and says whether the reader found it whole. */
static status get_sample(const uint8_t *bytes, size_t len)
{
    struct wire_reader r;
    char text[8];
    uint8_t tail[3];
    size_t blob_len;

    wire_reader_init(&r, bytes, len);
    (void)wire_get_u8(&r);
    (void)wire_get_u16(&r);
    (void)wire_get_u32(&r);
    (void)wire_get_u64(&r);
    wire_get_string(&r, text, sizeof text);
    (void)wire_get_blob(&r, 2, &blob_len);
    wire_get_bytes(&r, tail, sizeof tail);
    return wire_finish(&r);
}

static void encoding_is_fixed_width_and_big_endian(void **state)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    (void)state;
    put_sample(&w);
    assert_int_equal(wire_writer_status(&w), OK);
    assert_hex(w.bytes, w.len, "0102030405060708090a0b0c0d0e0f0002696400000002ff0078797a");
}

static void reader_returns_what_was_written(void **state)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct wire_reader r;
    char text[3];
    uint8_t tail[3];
    const uint8_t *blob;
    size_t blob_len;

    (void)state;
    put_sample(&w);
    wire_reader_init(&r, w.bytes, w.len);
    assert_int_equal(wire_get_u8(&r), 0x01);
    assert_int_equal(wire_get_u16(&r), 0x0203);
    assert_int_equal(wire_get_u32(&r), 0x04050607);
    assert_int_equal(wire_get_u64(&r), 0x08090a0b0c0d0e0f);
    wire_get_string(&r, text, sizeof text);
    assert_string_equal(text, "id");
    blob = wire_get_blob(&r, 2, &blob_len);
    assert_int_equal(blob_len, 2);
    assert_memory_equal(blob, "\xff\x00", 2);
    wire_get_bytes(&r, tail, sizeof tail);
    assert_memory_equal(tail, "xyz", 3);
    assert_int_equal(wire_finish(&r), OK);
}

static void every_shorter_or_longer_encoding_is_malformed(void **state)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    (void)state;
    put_sample(&w);
    assert_int_equal(get_sample(w.bytes, w.len), OK);
    for (size_t len = 0; len < w.len; len++)
        assert_int_equal(get_sample(w.bytes, len), STATUS_MALFORMED);
    wire_put_u8(&w, 0);
    assert_int_equal(get_sample(w.bytes, w.len), STATUS_MALFORMED);
}

static void a_failed_reader_returns_zeros_for_ever(void **state)
{
    const uint8_t bytes[] = {1, 2, 3, 4, 5};
    uint8_t out[2] = {9, 9};
    char text[4] = "old";
    size_t blob_len = 7;
    struct wire_reader r;

    (void)state;
    wire_reader_init(&r, bytes, sizeof bytes);
    assert_int_equal(wire_get_u64(&r), 0);
    assert_int_equal(wire_get_u8(&r), 0);
    wire_get_bytes(&r, out, sizeof out);
    assert_memory_equal(out, "\0\0", 2);
    wire_get_string(&r, text, sizeof text);
    assert_string_equal(text, "");
    assert_null(wire_get_blob(&r, 5, &blob_len));
    assert_int_equal(blob_len, 0);
    assert_int_equal(wire_finish(&r), STATUS_MALFORMED);
}

static void a_string_holds_no_control_bytes(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        const uint8_t bytes[] = {0, 3, 'a', (uint8_t)c, 'b'};
        int allowed = c >= 0x20 && c != 0x7f;
        struct wire_reader r;
        char text[8];

        wire_reader_init(&r, bytes, sizeof bytes);
        wire_get_string(&r, text, sizeof text);
        assert_int_equal(wire_finish(&r), allowed ? OK : STATUS_MALFORMED);
        assert_int_equal(strlen(text), allowed ? 3 : 0);
    }
}

static void a_string_or_blob_over_its_limit_is_malformed(void **state)
{
    const uint8_t string[] = {0, 3, 'a', 'b', 'c'}, blob[] = {0, 0, 0, 3, 1, 2, 3},
                  huge[] = {0xff, 0xff, 0xff, 0xff, 1};
    struct wire_reader r;
    char fits[4], tight[3];
    size_t len;

    (void)state;
    wire_reader_init(&r, string, sizeof string);
    wire_get_string(&r, fits, sizeof fits);
    assert_int_equal(wire_finish(&r), OK);
    wire_reader_init(&r, string, sizeof string);
    wire_get_string(&r, tight, sizeof tight);
    assert_int_equal(wire_finish(&r), STATUS_MALFORMED);
    wire_reader_init(&r, blob, sizeof blob);
    assert_non_null(wire_get_blob(&r, 3, &len));
    assert_int_equal(wire_finish(&r), OK);
    wire_reader_init(&r, blob, sizeof blob);
    assert_null(wire_get_blob(&r, 2, &len));
    assert_int_equal(wire_finish(&r), STATUS_MALFORMED);
    wire_reader_init(&r, huge, sizeof huge);
    assert_null(wire_get_blob(&r, SIZE_MAX, &len));
    assert_int_equal(wire_finish(&r), STATUS_MALFORMED);
}

static void a_string_too_long_for_its_prefix_latches_the_writer(void **state)
{
    static char text[65537];
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    (void)state;
    memset(text, 'x', sizeof text - 1);
    wire_put_string(&w, text);
    assert_int_equal(wire_writer_status(&w), STATUS_LIMIT);
    wire_put_u8(&w, 1);
    assert_int_equal(w.len, 0);
    text[65535] = '\0';
    wire_writer_clear(&w);
    wire_put_string(&w, text);
    assert_int_equal(wire_writer_status(&w), OK);
    assert_int_equal(w.len, 65537);
}

static void a_writer_keeps_its_bytes_while_it_grows(void **state)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    (void)state;
    for (uint32_t i = 0; i < 50000; i++)
        wire_put_u32(&w, i);
    assert_int_equal(w.len, 200000);
    for (uint32_t i = 0; i < 50000; i++)
        assert_int_equal(load_u32(w.bytes + 4 * i), i);
}

static void load_inverts_store_on_every_bit(void **state)
{
    uint8_t b[8];

    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t v = UINT64_C(1) << bit;

        store_u64(b, v);
        assert_int_equal(load_u64(b), v);
        assert_int_equal(b[7 - bit / 8], 1 << bit % 8);
        store_u32(b, (uint32_t)v);
        assert_int_equal(load_u32(b), (uint32_t)v);
        store_u16(b, (uint16_t)v);
        assert_int_equal(load_u16(b), (uint16_t)v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_is_fixed_width_and_big_endian),
        cmocka_unit_test(reader_returns_what_was_written),
        cmocka_unit_test(every_shorter_or_longer_encoding_is_malformed),
        cmocka_unit_test(a_failed_reader_returns_zeros_for_ever),
        cmocka_unit_test(a_string_holds_no_control_bytes),
        cmocka_unit_test(a_string_or_blob_over_its_limit_is_malformed),
        cmocka_unit_test(a_string_too_long_for_its_prefix_latches_the_writer),
        cmocka_unit_test(a_writer_keeps_its_bytes_while_it_grows),
        cmocka_unit_test(load_inverts_store_on_every_bit),
    };

    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
