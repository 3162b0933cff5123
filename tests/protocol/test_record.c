#include "protocol/contract.h"
#include "protocol/record.h"

#include "crypto/wire.h"
#include "protocol/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const uint64_t seed = 20240611;

static void seeded(struct rng *g, uint64_t index)
{
    struct rng_key key = {.bytes = {1, 2, 3}};

    rng_init(g, &key, &(struct rng_address){.purpose = "record test", .index = seed + index});
}

/* A valid record with every field drawn that its type may carry. */
static struct record drawn(struct rng *g, enum record_type type)
{
    struct record r = {.suite = 1, .type = type};

    rng_fill(g, r.session.bytes, HASH_BYTES);
    rng_fill(g, r.prev_head.bytes, HASH_BYTES);
    r.self = (uint16_t)rng_below(g, 8);
    r.peer = r.self;
    r.attempt = (uint32_t)rng_u64(g);
    r.seq = rng_u64(g);
    r.phase = (uint16_t)(1 + rng_below(g, PHASES - 1));
    r.pass = (uint32_t)rng_u64(g);
    switch (type) {
    case RECORD_SEND:
    case RECORD_RECV:
        r.peer = (uint16_t)((r.self + 1 + rng_below(g, 7)) % 8);
        r.pair_seq = rng_u64(g);
        r.kind = (uint16_t)rng_u64(g);
        r.index = rng_u64(g);
        r.body_len = rng_below(g, MESSAGE_BODY_MAX + 1);
        rng_fill(g, r.body_tag.bytes, HASH_BYTES);
        rng_fill(g, r.peer_head.bytes, HASH_BYTES);
        break;
    case RECORD_FACT:
        r.kind = FACT_POPULATION;
        r.a = rng_u64(g);
        r.b = rng_u64(g);
        break;
    case RECORD_CHECKPOINT:
        r.a = rng_u64(g);
        rng_fill(g, r.body_tag.bytes, HASH_BYTES);
        break;
    case RECORD_END:
        r.a = rng_u64(g);
        r.b = rng_u64(g);
        break;
    case RECORD_REFUSED:
        r.peer = (uint16_t)((r.self + 1) % 8);
        r.kind = (uint16_t)rng_u64(g);
        r.body_len = rng_below(g, MESSAGE_BODY_MAX + 1);
        rng_fill(g, r.peer_head.bytes, HASH_BYTES);
        r.a = STATUS_MALFORMED;
        break;
    case RECORD_ABORT:
        r.peer = (uint16_t)rng_below(g, 8);
        r.kind = STATUS_TIMEOUT;
        break;
    }
    return r;
}

static void decode_inverts_encode_for_every_type(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 600; i++) {
        struct rng g;
        struct record r, back;
        uint8_t bytes[RECORD_BYTES], again[RECORD_BYTES];

        seeded(&g, i);
        r = drawn(&g, (enum record_type)(1 + i % 7));
        record_encode(bytes, &r);
        if (record_decode(&back, bytes) != OK)
            fail_msg("seed %llu record %llu refused", (unsigned long long)seed, (unsigned long long)i);
        record_encode(again, &back);
        assert_memory_equal(bytes, again, RECORD_BYTES);
        assert_int_equal(back.seq, r.seq);
        assert_int_equal(back.body_len, r.body_len);
        assert_int_equal(back.a, r.a);
        assert_int_equal(back.kind, r.kind);
        assert_memory_equal(back.peer_head.bytes, r.peer_head.bytes, HASH_BYTES);
        assert_memory_equal(back.prev_head.bytes, r.prev_head.bytes, HASH_BYTES);
    }
}

static void the_layout_is_the_one_of_the_specification(void **state)
{
    struct record r = {.suite = 1, .type = RECORD_SEND, .self = 1, .peer = 2, .attempt = 3, .seq = 4, .pair_seq = 5,
                       .kind = 6, .phase = 7, .pass = 8, .index = 9, .body_len = 10};
    uint8_t bytes[RECORD_BYTES];

    (void)state;
    memset(r.session.bytes, 0x11, HASH_BYTES);
    memset(r.body_tag.bytes, 0x22, HASH_BYTES);
    memset(r.peer_head.bytes, 0x33, HASH_BYTES);
    memset(r.prev_head.bytes, 0x44, HASH_BYTES);
    record_encode(bytes, &r);
    assert_memory_equal(bytes, "HFR1\2\1\1\0", 8);
    assert_int_equal(bytes[8], 0x11);
    assert_int_equal(bytes[39], 0x11);
    assert_memory_equal(bytes + 40, "\0\1\0\2\0\0\0\3", 8);
    assert_int_equal(load_u64(bytes + 48), 4);
    assert_int_equal(load_u64(bytes + 56), 5);
    assert_memory_equal(bytes + 64, "\0\6\0\7\0\0\0\10", 8);
    assert_int_equal(load_u64(bytes + 72), 9);
    assert_int_equal(load_u64(bytes + 80), 10);
    assert_int_equal(bytes[88], 0x22);
    assert_int_equal(bytes[120], 0x33);
    assert_int_equal(bytes[152], 0);
    assert_int_equal(bytes[168], 0x44);
    assert_int_equal(bytes[199], 0x44);
    for (size_t i = 200; i < RECORD_BYTES; i++)
        assert_int_equal(bytes[i], 0);
}

/* A changed byte is refused, or it is read as the change of a field: never ignored. */
static void every_changed_byte_is_refused_or_read(void **state)
{
    (void)state;
    for (int type = 1; type <= 7; type++) {
        struct rng g;
        struct record r, back;
        uint8_t bytes[RECORD_BYTES], again[RECORD_BYTES];

        seeded(&g, 1000 + (uint64_t)type);
        r = drawn(&g, (enum record_type)type);
        record_encode(bytes, &r);
        for (size_t i = 0; i < RECORD_BYTES; i++)
            for (int bit = 0; bit < 8; bit++) {
                bytes[i] ^= (uint8_t)(1 << bit);
                if (record_decode(&back, bytes) == OK) {
                    record_encode(again, &back);
                    assert_memory_equal(bytes, again, RECORD_BYTES);
                    assert_false(i < 5 || i == 7 || i >= 200);
                }
                bytes[i] ^= (uint8_t)(1 << bit);
            }
    }
}

static void refused(struct record r, const char *why)
{
    uint8_t bytes[RECORD_BYTES];
    struct record out;

    record_encode(bytes, &r);
    if (record_decode(&out, bytes) != STATUS_MALFORMED)
        fail_msg("accepted: %s", why);
}

static void impossible_records_are_refused(void **state)
{
    struct rng g;
    struct record r;

    (void)state;
    seeded(&g, 2000);
#define WITH(of, change, why)  \
    r = drawn(&g, of);         \
    change;                    \
    refused(r, why)
    WITH(RECORD_SEND, r.type = (enum record_type)0, "type 0");
    WITH(RECORD_SEND, r.type = (enum record_type)8, "type 8");
    WITH(RECORD_SEND, r.suite = 3, "unknown suite");
    WITH(RECORD_SEND, r.peer = r.self, "a message to oneself");
    WITH(RECORD_SEND, r.peer = 8, "party 8");
    WITH(RECORD_SEND, r.phase = 0, "a message without phase");
    WITH(RECORD_SEND, r.phase = PHASES, "a phase that is not there");
    WITH(RECORD_RECV, r.body_len = MESSAGE_BODY_MAX + 1, "a body that is too long");
    WITH(RECORD_RECV, r.a = 1, "a message with a value");
    WITH(RECORD_FACT, r.peer = (uint16_t)(r.self ^ 1), "a fact with a peer");
    WITH(RECORD_FACT, r.kind = FACT_KINDS, "an unknown fact");
    WITH(RECORD_FACT, r.kind = FACT_DATA; r.a = PARTIES_MAX; r.b = 0, "the data of a party that cannot be");
    WITH(RECORD_FACT, r.kind = FACT_DATA; r.a = 1; r.b = 1, "a commitment with a second value");
    WITH(RECORD_FACT, r.kind = FACT_ALIGNED; r.a = 1; r.b = 0, "a root with a value");
    WITH(RECORD_FACT, r.kind = FACT_TEST_ROWS; r.b = 1, "test rows with a second value");
    WITH(RECORD_FACT, r.body_len = 1, "a fact with a body");
    WITH(RECORD_FACT, r.body_tag.bytes[3] = 1, "a fact with a tag");
    WITH(RECORD_CHECKPOINT, r.b = 1, "a checkpoint with a second value");
    WITH(RECORD_CHECKPOINT, r.pair_seq = 1, "a checkpoint with a pair number");
    WITH(RECORD_END, r.peer_head.bytes[0] = 1, "an end with a peer's head");
    WITH(RECORD_END, r.index = 1, "an end with an index");
    WITH(RECORD_ABORT, r.body_tag.bytes[0] = 1, "an abort with a tag");
    WITH(RECORD_ABORT, r.kind = 0, "an abort without reason");
    WITH(RECORD_ABORT, r.kind = STATUS_MISMATCH + 1, "an abort for an unknown reason");
#undef WITH
}

static void the_head_is_the_leaf_of_the_merkle_tree(void **state)
{
    struct rng g;
    struct record r;
    uint8_t entry[SIGNED_BYTES] = {0};
    struct hash head, leaf;

    (void)state;
    seeded(&g, 3000);
    r = drawn(&g, RECORD_SEND);
    record_encode(entry, &r);
    entry_head(&head, SUITE_INT1, entry, sizeof entry);
    merkle_leaf(&leaf, SUITE_INT1, entry, sizeof entry);
    assert_true(hash_equal(&head, &leaf));
    for (size_t i = 0; i < sizeof entry; i++) { /* the signature is covered too */
        entry[i] ^= 1;
        entry_head(&leaf, SUITE_INT1, entry, sizeof entry);
        assert_false(hash_equal(&head, &leaf));
        entry[i] ^= 1;
    }
}

static void the_length_of_an_entry_follows_from_type_and_parties(void **state)
{
    (void)state;
    assert_int_equal(entry_bytes(RECORD_SEND, 3), 320);
    assert_int_equal(entry_bytes(RECORD_RECV, 3), 576);
    assert_int_equal(entry_bytes(RECORD_FACT, 3), 256);
    assert_int_equal(entry_bytes(RECORD_CHECKPOINT, 3), 256 + 3 * 104);
    assert_int_equal(entry_bytes(RECORD_CHECKPOINT, 8), 256 + 8 * 104);
    assert_int_equal(entry_bytes(RECORD_END, 2), 320 + 2 * 104);
    assert_int_equal(entry_bytes(RECORD_ABORT, 2), 320);
    assert_int_equal(entry_bytes((enum record_type)9, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_inverts_encode_for_every_type),
        cmocka_unit_test(the_layout_is_the_one_of_the_specification),
        cmocka_unit_test(every_changed_byte_is_refused_or_read),
        cmocka_unit_test(impossible_records_are_refused),
        cmocka_unit_test(the_head_is_the_leaf_of_the_merkle_tree),
        cmocka_unit_test(the_length_of_an_entry_follows_from_type_and_parties),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
