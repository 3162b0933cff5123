/* The keys that stand beside a log: an auditor checks them as the peers did. */
#include "kit/cmocka.h"
#include "kit/sim.h"

#include "protocol/log.h"
#include "protocol/verify.h"

#include <string.h>

enum { PARTIES_HERE = 3, BITS = 512 };

static struct dataset data[PARTIES_HERE];
static struct sim sim;
static struct wire_writer contract, keys[PARTIES_HERE];
static uint8_t approvals[PARTIES_HERE][APPROVAL_BYTES];
static struct bundle file[PARTIES_HERE];
static struct verify_report report;

/* As a node collects them: the body kept with each record of a key, in the order of the parties. */
static void collect(party self)
{
    const struct sim_party *me = &sim.party[self];

    for (party p = 0; p < PARTIES_HERE; p++) {
        struct log_reader r;
        struct log_entry e;

        log_reader_init(&r, me->log.bytes, me->log.len, PARTIES_HERE);
        while (log_next(&r, &e) == LOG_ENTRY) {
            uint8_t body[8192];
            struct fault f = {0};
            size_t len;

            if (e.record.type != RECORD_FACT || e.record.kind != FACT_KEY || e.record.a != p)
                continue;
            assert_int_equal(sim_find_body((void *)(uintptr_t)&me->bodies, e.record.seq, body, sizeof body, &len, &f), OK);
            wire_put_bytes(&keys[self], body, len);
        }
    }
    assert_int_equal(keys[self].len, PARTIES_HERE * body_key(BITS));
}

static int set_up(void **state)
{
    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++)
        sim_dataset(&data[p], 3, p, 150, 180, 2, 4, p == 0);
    sim_contract(&sim, PARTIES_HERE, data, BITS, 2);
    sim_approve(&sim, 5);
    if (sim_run(&sim, NULL) != OK || contract_encode(&contract, &sim.contract) != OK)
        return -1;
    for (party p = 0; p < PARTIES_HERE; p++)
        approval_encode(approvals[p], &sim.approvals[p]);
    for (party p = 0; p < PARTIES_HERE; p++) {
        collect(p);
        file[p] = (struct bundle){.self = p, .approvals = PARTIES_HERE, .contract = {contract.bytes, contract.len},
                                  .log = {sim.party[p].log.bytes, sim.party[p].log.len}};
        for (party q = 0; q < PARTIES_HERE; q++)
            file[p].approval[q] = (struct bundle_part){approvals[q], APPROVAL_BYTES};
        file[p].attachment[ATTACHMENT_KEYS] = (struct bundle_part){keys[p].bytes, keys[p].len};
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sim_clear(&sim);
    wire_writer_clear(&contract);
    for (party p = 0; p < PARTIES_HERE; p++) {
        wire_writer_clear(&keys[p]);
        dataset_clear(&data[p]);
    }
    return 0;
}

static const struct verify_line *verified(size_t files)
{
    const struct verify_options options = {.allow_small_keys = 1};

    assert_int_equal(verify_bundles(&report, file, files, &options), OK);
    return &report.line[VERIFY_KEYS];
}

static void every_file_shows_the_same_keys_and_they_are_sound(void **state)
{
    (void)state;
    for (party p = 1; p < PARTIES_HERE; p++)
        assert_memory_equal(keys[0].bytes, keys[p].bytes, keys[0].len);
    assert_int_equal(verified(PARTIES_HERE)->verdict, VERDICT_OK);
    assert_true(report.ok);
    assert_int_equal(verified(1)->verdict, VERDICT_OK);
}

static void without_keys_the_check_is_not_made(void **state)
{
    const struct bundle_part kept = file[0].attachment[ATTACHMENT_KEYS];

    (void)state;
    file[0].attachment[ATTACHMENT_KEYS] = (struct bundle_part){0};
    assert_int_equal(verified(1)->verdict, VERDICT_UNCHECKED);
    assert_true(report.ok);
    file[0].attachment[ATTACHMENT_KEYS] = kept;
}

/* Modulus and every root, of every party, in a file that the log of its party, the others' files or nobody else is beside. */
static void a_changed_byte_is_flagged(void **state)
{
    const size_t body = body_key(BITS);

    (void)state;
    for (size_t files = 1; files <= PARTIES_HERE; files += 2)
        for (size_t at = 0; at < keys[0].len; at += 29) {
            keys[0].bytes[at] ^= 1;
            assert_int_equal(verified(files)->verdict, VERDICT_FAIL);
            assert_false(report.ok);
            assert_non_null(strstr(report.line[VERIFY_KEYS].text, sim.contract.party[at / body].name));
            keys[0].bytes[at] ^= 1;
        }
}

static void keys_of_another_length_or_order_are_flagged(void **state)
{
    const size_t body = body_key(BITS);
    uint8_t first[8192];

    (void)state;
    file[0].attachment[ATTACHMENT_KEYS].len -= body;
    assert_int_equal(verified(1)->verdict, VERDICT_FAIL);
    file[0].attachment[ATTACHMENT_KEYS].len += body;
    memcpy(first, keys[0].bytes, body);
    memcpy(keys[0].bytes, keys[0].bytes + body, body);
    memcpy(keys[0].bytes + body, first, body);
    assert_int_equal(verified(1)->verdict, VERDICT_FAIL);
    memcpy(keys[0].bytes + body, keys[0].bytes, body);
    memcpy(keys[0].bytes, first, body);
    assert_int_equal(verified(1)->verdict, VERDICT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_shows_the_same_keys_and_they_are_sound),
        cmocka_unit_test(without_keys_the_check_is_not_made),
        cmocka_unit_test(a_changed_byte_is_flagged),
        cmocka_unit_test(keys_of_another_length_or_order_are_flagged),
    };

    return cmocka_run_group_tests_name("keys shown", tests, set_up, tear_down);
}
