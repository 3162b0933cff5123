#include "kit/suite.h"
#include "kit/synthetic.h"
#include "protocol/log.h"
#include "protocol/messages.h"
#include "protocol/verify_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Signatures found good once stay good: the thousands of edits below would else check them again and again. */
static struct verify_memo memo;
static struct synthetic two, three, other;
static struct verify_report report;
static struct rule_line rule[RULES]; /* of that report */
static unsigned edits;               /* verified in all */

static const struct verify_options options = {.allow_small_keys = 1, .memo = &memo};

static int set_up(void **state)
{
    (void)state;
    return synthetic_make(&two, 2, 11, SIZE_MAX) == OK && synthetic_make(&three, 3, 12, SIZE_MAX) == OK &&
                   synthetic_make(&other, 2, 13, SIZE_MAX) == OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    synthetic_clear(&two);
    synthetic_clear(&three);
    synthetic_clear(&other);
    verify_memo_clear(&memo);
    return 0;
}

/* Finds the rules of the report too: one of them fails when anything does. */
static void find_rules(void)
{
    static const struct rule_beside nothing[RULES];
    const struct verify_report *all[] = {&report};
    int failed = 0;

    rules_of_session(rule, &report, nothing, (struct rule_sessions){all, 1});
    rules_across(rule, (struct rule_sessions){all, 1});
    for (int v = 1; v < RULES; v++)
        failed |= rule[v].verdict == RULE_FAIL;
    assert_int_equal(failed, !report.ok);
    assert_int_equal(verify_first_failure(&report) == VERIFY_CHECKS, report.ok);
}

static void verified(const struct bundle *b, size_t count)
{
    assert_int_equal(verify_bundles(&report, b, count, &options), OK);
    find_rules();
    edits++;
}

static int fails(enum verify_check check)
{
    return report.line[check].verdict == VERDICT_FAIL;
}

static void must_pass(void)
{
    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (report.line[i].verdict == VERDICT_FAIL)
            fail_msg("%s: %s", verify_check_name((enum verify_check)i), report.line[i].text);
    assert_true(report.ok);
}

static void must_fail(enum verify_check check, const char *what)
{
    if (report.ok || !fails(check)) {
        for (int i = 0; i < VERIFY_CHECKS; i++)
            print_error("%-12s %d %s\n", verify_check_name((enum verify_check)i), report.line[i].verdict,
                        report.line[i].text);
        fail_msg("%s: check %s did not fail", what, verify_check_name(check));
    }
}

/* A copy of a party's file whose log can be changed. */
struct edit {
    struct bundle bundle[PARTIES_MAX];
    struct wire_writer log;
};

static void edit_begin(struct edit *e, const struct synthetic *s, party p)
{
    memset(&e->log, 0, sizeof e->log);
    memcpy(e->bundle, s->bundle, sizeof e->bundle);
    wire_put_bytes(&e->log, s->log[p].bytes, s->log[p].len);
    e->bundle[p].log = (struct bundle_part){e->log.bytes, e->log.len};
}

static void edit_end(struct edit *e, party p)
{
    e->bundle[p].log = (struct bundle_part){e->log.bytes, e->log.len};
}

static void thousands_of_edits_were_tried(void **state)
{
    (void)state;
    print_message("edits\t%u\n", edits);
    assert_true(edits > 4000);
}

/* ---- honest sessions ---- */

static void complete_sessions_of_two_to_five_parties_verify(void **state)
{
    (void)state;
    for (uint16_t parties = 2; parties <= 5; parties++) {
        struct synthetic s;

        assert_int_equal(synthetic_make(&s, parties, parties, SIZE_MAX), OK);
        verified(s.bundle, parties);
        must_pass();
        assert_int_equal(report.checkpoints, 3);
        assert_int_equal(report.population.train, 21);
        for (int i = 0; i < VERIFY_CHECKS; i++)
            assert_int_equal(report.line[i].verdict, i == VERIFY_CERTIFICATES || i == VERIFY_KEYS ? VERDICT_UNCHECKED : VERDICT_OK);
        synthetic_clear(&s);
    }
}

static void one_file_alone_verifies_and_says_what_it_leaves_open(void **state)
{
    (void)state;
    verified(&three.bundle[2], 1);
    must_pass();
    assert_int_equal(report.line[VERIFY_MATCH].verdict, VERDICT_UNCHECKED);
    assert_non_null(strstr(report.unproven[0], "party-1"));
    assert_non_null(strstr(report.unproven[1], "party-2"));
}

static void the_order_of_the_files_does_not_matter(void **state)
{
    struct bundle b[3] = {three.bundle[2], three.bundle[0], three.bundle[1]};

    (void)state;
    verified(b, 3);
    must_pass();
}

/* Stopped anywhere, the log is a prefix of the schedule and verifies as one. */
static void a_session_that_stopped_verifies_as_far_as_it_went(void **state)
{
    (void)state;
    for (size_t stop = 0; stop < 100; stop += 3) {
        struct synthetic s;

        assert_int_equal(synthetic_make(&s, 3, 14, stop), OK);
        verified(s.bundle, 3);
        must_pass();
        assert_true(report.party[0].aborted);
        assert_int_equal(report.party[0].reason, STATUS_TIMEOUT);
        assert_non_null(strstr(report.line[VERIFY_END].text, "the session stopped"));
        assert_non_null(strstr(report.line[VERIFY_SCHEDULE].text, "up to where"));
        assert_non_null(strstr(rule[12].text, "the session stopped"));
        assert_non_null(strstr(rule[RULE_OUTPUTS].text, "opened nothing else until then"));
        assert_non_null(strstr(rule[RULE_ATTEMPTS].text, "party-1 stopped with code 3 (timeout)"));
        synthetic_clear(&s);
    }
}

static void listed_test_rows_and_long_vectors_verify(void **state)
{
    struct contract c;
    struct synthetic s;

    (void)state;
    synthetic_contract(&c, 2, 3);
    c.test_rule = TEST_LISTED;
    c.test_permille = 0;
    for (party p = 0; p < 2; p++)
        c.party[p].rows = 200000;
    assert_int_equal(
        synthetic_play(&s, &c, (struct population){.rows = 150000, .train = 100000, .test = 40000}, 3, SIZE_MAX, NULL),
        OK);
    verified(s.bundle, 2);
    must_pass();
    assert_true(report.records > 500);
    synthetic_clear(&s);
    /* and stopped within the list of positions, before the population was recorded */
    for (size_t stop = 60; stop < 130; stop += 5) {
        assert_int_equal(
            synthetic_play(&s, &c, (struct population){.rows = 150000, .train = 100000, .test = 40000}, 3, stop, NULL),
            OK);
        verified(s.bundle, 2);
        must_pass();
        synthetic_clear(&s);
    }
}

/* ---- edits ---- */

static void every_flipped_byte_of_a_log_is_flagged(void **state)
{
    struct edit e;
    size_t at = 0;
    unsigned tried = 0;

    (void)state;
    edit_begin(&e, &two, 0);
    while (at < e.log.len) {
        const uint8_t was = e.log.bytes[at];

        e.log.bytes[at] ^= (uint8_t)(1u << (at % 8));
        verified(e.bundle, 2);
        if (report.ok)
            fail_msg("byte %zu", at);
        e.log.bytes[at] = was;
        tried++;
        at += 1 + at % 37;
    }
    verified(e.bundle, 2);
    must_pass();
    assert_true(tried > 1000);
    wire_writer_clear(&e.log);
}

/* Each field of each kind of record: the check that names it, at the record that was changed. */
static void a_changed_field_is_named_with_its_record(void **state)
{
    static const struct {
        size_t offset;
        enum verify_check check;
        const char *field;
    } fields[] = {
        {0, VERIFY_RECORDS, "magic"},          {4, VERIFY_RECORDS, "version"},
        {5, VERIFY_RECORDS, "suite"},          {7, VERIFY_RECORDS, "reserved"},
        {230, VERIFY_RECORDS, "reserved"},     {255, VERIFY_RECORDS, "reserved"},
        {8, VERIFY_SESSION, "session"},        {39, VERIFY_SESSION, "session"},
        {47, VERIFY_SESSION, "attempt"},       {55, VERIFY_NUMBERS, "seq"},
        {175, VERIFY_CHAIN, "prev_head"},      {256, VERIFY_SIGNATURES, "signature"},
        {319, VERIFY_SIGNATURES, "signature"}, {100, VERIFY_SIGNATURES, "signature"},
    };
    const uint64_t count = synthetic_entries(&three, 1);

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (uint64_t seq = 0; seq < count; seq += 7) {
            struct edit e;
            size_t len, at;
            struct record r;

            edit_begin(&e, &three, 1);
            at = synthetic_entry(&three, 1, seq, &len);
            if (record_decode(&r, e.log.bytes + at) != OK || (fields[i].check == VERIFY_SIGNATURES && r.type != RECORD_SEND)) {
                wire_writer_clear(&e.log);
                continue;
            }
            e.log.bytes[at + fields[i].offset] ^= 1;
            verified(e.bundle, 3);
            must_fail(fields[i].check, fields[i].field);
            assert_int_equal(report.line[fields[i].check].who, 1);
            assert_int_equal(report.line[fields[i].check].seq, seq);
            assert_string_equal(report.line[fields[i].check].field, fields[i].field);
            wire_writer_clear(&e.log);
        }
}

static void splice(struct edit *e, party p, size_t from, size_t cut, const uint8_t *put, size_t put_len)
{
    struct wire_writer w = {0};

    wire_put_bytes(&w, e->log.bytes, from);
    wire_put_bytes(&w, put, put_len);
    wire_put_bytes(&w, e->log.bytes + from + cut, e->log.len - from - cut);
    wire_writer_clear(&e->log);
    e->log = w;
    edit_end(e, p);
}

static void dropped_repeated_and_reordered_records_are_flagged(void **state)
{
    const uint64_t count = synthetic_entries(&two, 1);

    (void)state;
    for (uint64_t seq = 0; seq < count; seq++) {
        struct edit e;
        size_t len, next_len, at = synthetic_entry(&two, 1, seq, &len);
        uint8_t saved[2048];

        memcpy(saved, two.log[1].bytes + at, len);
        edit_begin(&e, &two, 1);
        splice(&e, 1, at, len, NULL, 0);
        verified(e.bundle, 2);
        must_fail(seq + 1 < count ? VERIFY_NUMBERS : VERIFY_END, "dropped");
        if (seq + 1 < count) {
            must_fail(VERIFY_CHAIN, "dropped");
            assert_int_equal(report.line[VERIFY_CHAIN].seq, seq);
        }
        wire_writer_clear(&e.log);

        edit_begin(&e, &two, 1);
        splice(&e, 1, at, 0, saved, len);
        verified(e.bundle, 2);
        must_fail(VERIFY_NUMBERS, "repeated");
        assert_int_equal(report.line[VERIFY_NUMBERS].seq, seq + 1);
        wire_writer_clear(&e.log);

        if (seq + 1 == count)
            continue;
        synthetic_entry(&two, 1, seq + 1, &next_len);
        edit_begin(&e, &two, 1);
        splice(&e, 1, at, len, NULL, 0);
        splice(&e, 1, at + next_len, 0, saved, len);
        verified(e.bundle, 2);
        must_fail(VERIFY_NUMBERS, "reordered");
        must_fail(VERIFY_CHAIN, "reordered");
        assert_int_equal(report.line[VERIFY_CHAIN].seq, seq);
        wire_writer_clear(&e.log);
    }
}

static void a_cut_log_is_flagged_at_its_last_record(void **state)
{
    const uint64_t count = synthetic_entries(&two, 0);

    (void)state;
    for (uint64_t seq = 0; seq < count; seq++) {
        struct edit e;
        size_t len, at = synthetic_entry(&two, 0, seq, &len);

        edit_begin(&e, &two, 0);
        e.bundle[0].log.len = at;
        verified(e.bundle, 2);
        must_fail(VERIFY_END, "cut");
        e.bundle[0].log.len = at + 1 + (size_t)(seq * 37) % (len - 1);
        verified(e.bundle, 2);
        must_fail(VERIFY_RECORDS, "cut within a record");
        assert_int_equal(report.line[VERIFY_RECORDS].seq, seq);
        wire_writer_clear(&e.log);
    }
}

static void records_of_another_session_are_flagged(void **state)
{
    const uint64_t count = synthetic_entries(&two, 0);

    (void)state;
    for (uint64_t seq = 0; seq < count; seq++) {
        struct edit e;
        size_t len, at = synthetic_entry(&two, 0, seq, &len);

        edit_begin(&e, &two, 0);
        memcpy(e.log.bytes + at, other.log[0].bytes + at, len);
        verified(e.bundle, 2);
        must_fail(VERIFY_SESSION, "record of another session");
        assert_int_equal(report.line[VERIFY_SESSION].seq, seq);
        wire_writer_clear(&e.log);
    }
}

static void files_that_do_not_belong_together_are_flagged(void **state)
{
    struct bundle b[2] = {two.bundle[0], other.bundle[1]};

    (void)state;
    verified(b, 2);
    must_fail(VERIFY_CONTRACT, "another contract");
    b[1] = two.bundle[0];
    verified(b, 2);
    must_fail(VERIFY_CONTRACT, "the same party twice");
    b[0] = two.bundle[0];
    b[0].self = 1; /* somebody else's log under our name */
    verified(b, 1);
    must_fail(VERIFY_SESSION, "another party's log");
    b[0].self = 5;
    verified(b, 1);
    must_fail(VERIFY_CONTRACT, "no such party");
    verified(b, 0);
    must_fail(VERIFY_CONTRACT, "no file");
}

static void changed_contracts_and_approvals_are_flagged(void **state)
{
    struct edit e;
    uint8_t *contract = malloc(two.contract_bytes.len), approval[APPROVAL_BYTES];

    (void)state;
    edit_begin(&e, &two, 0);
    for (size_t i = 0; i < two.contract_bytes.len; i++) {
        memcpy(contract, two.contract_bytes.bytes, two.contract_bytes.len);
        contract[i] ^= 1;
        e.bundle[0].contract.bytes = e.bundle[1].contract.bytes = contract;
        verified(e.bundle, 2);
        assert_false(report.ok);
        assert_true(fails(VERIFY_CONTRACT) || fails(VERIFY_APPROVALS));
    }
    for (size_t i = 0; i < APPROVAL_BYTES; i++) {
        e.bundle[0].contract = e.bundle[1].contract = two.bundle[0].contract;
        memcpy(approval, two.approval_bytes[1], APPROVAL_BYTES);
        approval[i] ^= 1;
        e.bundle[0].approval[1].bytes = approval;
        verified(e.bundle, 2);
        must_fail(VERIFY_APPROVALS, "changed approval");
    }
    free(contract);
    wire_writer_clear(&e.log);
}

static void short_keys_are_refused_outside_of_tests(void **state)
{
    (void)state;
    assert_int_equal(verify_bundles(&report, two.bundle, 2, &(struct verify_options){0}), OK);
    must_fail(VERIFY_CONTRACT, "256-bit keys");
}

static void records_signed_with_another_key_are_flagged(void **state)
{
    const uint64_t count = synthetic_entries(&two, 0);

    (void)state;
    for (uint64_t seq = 0; seq < count; seq += 3) {
        uint64_t first = seq; /* that is signed */
        struct edit e;
        struct record r;
        size_t len;

        edit_begin(&e, &two, 0);
        synthetic_resign(&e.log, seq, 2, &two.sign[1]);
        edit_end(&e, 0);
        while (record_decode(&r, two.log[0].bytes + synthetic_entry(&two, 0, first, &len)) == OK && !record_is_signed(r.type))
            first++;
        verified(e.bundle, 2);
        must_fail(VERIFY_SIGNATURES, "signed by the other party");
        assert_int_equal(report.line[VERIFY_SIGNATURES].seq, first);
        wire_writer_clear(&e.log);
    }
}

/* ---- a party that rewrites its own history, with its own key ---- */

/* Change one thing in record seq of party p, then chain and sign everything after it again. */
static void rewrite(struct edit *e, const struct synthetic *s, party p, uint64_t seq, size_t offset, uint8_t flip)
{
    size_t len, at = synthetic_entry(s, p, seq, &len);

    edit_begin(e, s, p);
    e->log.bytes[at + offset] ^= flip;
    synthetic_resign(&e->log, seq, s->contract.parties, &s->sign[p]);
    edit_end(e, p);
}

static void a_rewritten_message_does_not_match_what_the_peer_received(void **state)
{
    const uint64_t count = synthetic_entries(&three, 0);

    (void)state;
    for (uint64_t seq = 0; seq < count; seq++) {
        struct edit e;
        struct record r;
        size_t len, at = synthetic_entry(&three, 0, seq, &len);

        assert_int_equal(record_decode(&r, three.log[0].bytes + at), OK);
        if (r.type != RECORD_SEND)
            continue;
        rewrite(&e, &three, 0, seq, 90, 4); /* another body */
        verified(e.bundle, 3);
        assert_false(fails(VERIFY_SIGNATURES) || fails(VERIFY_CHAIN) || fails(VERIFY_SCHEDULE));
        must_fail(VERIFY_MATCH, "rewritten body");
        wire_writer_clear(&e.log);
    }
}

/* Alone, its log is consistent up to the checkpoint that the others signed. */
static void a_rewritten_history_breaks_the_checkpoint_that_all_signed(void **state)
{
    (void)state;
    for (uint64_t seq = 0; seq < 60; seq += 4) {
        struct edit e;
        struct record r;
        size_t len, at = synthetic_entry(&three, 0, seq, &len);

        assert_int_equal(record_decode(&r, three.log[0].bytes + at), OK);
        if (r.type != RECORD_SEND || r.kind == MESSAGE_checkpoint || r.kind == MESSAGE_cosign)
            continue;
        rewrite(&e, &three, 0, seq, 90, 4);
        verified(&e.bundle[0], 1);
        must_fail(VERIFY_CHECKPOINTS, "root of a rewritten log");
        assert_string_equal(report.line[VERIFY_CHECKPOINTS].field, "root");
        wire_writer_clear(&e.log);
    }
}

static void a_message_outside_the_contract_breaks_the_schedule(void **state)
{
    static const struct {
        size_t offset;
        const char *field;
    } fields[] = {{65, "kind"}, {67, "phase"}, {71, "pass"}, {79, "index"}, {87, "body_len"}};

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (uint64_t seq = 1; seq < 50; seq += 5) {
            struct edit e;
            struct record r;
            size_t len, at = synthetic_entry(&three, 0, seq, &len);

            assert_int_equal(record_decode(&r, three.log[0].bytes + at), OK);
            if (r.type != RECORD_SEND)
                continue;
            rewrite(&e, &three, 0, seq, fields[i].offset, 8);
            verified(&e.bundle[0], 1);
            if (!fails(VERIFY_RECORDS)) { /* phase 9 is no phase */
                must_fail(VERIFY_SCHEDULE, fields[i].field);
                assert_string_equal(report.line[VERIFY_SCHEDULE].field, fields[i].field);
                assert_int_equal(report.line[VERIFY_SCHEDULE].seq, seq);
            }
            wire_writer_clear(&e.log);
        }
}

static void a_forged_receipt_is_flagged(void **state)
{
    const uint64_t count = synthetic_entries(&two, 0);
    unsigned tried = 0;

    (void)state;
    for (uint64_t seq = 0; seq < count; seq++) {
        struct record r;
        size_t len, at = synthetic_entry(&two, 0, seq, &len);

        assert_int_equal(record_decode(&r, two.log[0].bytes + at), OK);
        if (r.type != RECORD_RECV)
            continue;
        for (size_t i = 0; i < RECORD_BYTES + SIGNATURE_BYTES; i += 11, tried++) {
            struct edit e;

            edit_begin(&e, &two, 0);
            e.log.bytes[at + RECORD_BYTES + i] ^= 2;
            verified(e.bundle, 2);
            must_fail(VERIFY_RECEIPTS, "the peer's record inside");
            assert_int_equal(report.line[VERIFY_RECEIPTS].seq, seq);
            must_fail(VERIFY_MATCH, "the peer's record inside");
            wire_writer_clear(&e.log);
        }
    }
    assert_true(tried > 500);
}

static void a_forged_checkpoint_is_flagged(void **state)
{
    const uint64_t count = synthetic_entries(&three, 0);

    (void)state;
    for (uint64_t seq = 0; seq < count; seq++) {
        struct record r;
        size_t len, at = synthetic_entry(&three, 0, seq, &len);

        assert_int_equal(record_decode(&r, three.log[0].bytes + at), OK);
        if (r.type != RECORD_CHECKPOINT && r.type != RECORD_END)
            continue;
        for (size_t i = 0; i < 3 * JOINT_ITEM; i += 3) {
            struct edit e;

            edit_begin(&e, &three, 0);
            e.log.bytes[at + (r.type == RECORD_END ? SIGNED_BYTES : RECORD_BYTES) + i] ^= 2;
            verified(&e.bundle[0], 1);
            must_fail(VERIFY_CHECKPOINTS, "an item of the joint checkpoint");
            assert_int_equal(report.line[VERIFY_CHECKPOINTS].seq, seq);
            wire_writer_clear(&e.log);
        }
    }
}

static void heads_that_go_backward_break_the_order(void **state)
{
    struct edit e;
    struct record r;
    uint64_t seq = synthetic_entries(&three, 0) - 1;
    size_t len, at;

    (void)state;
    do {
        at = synthetic_entry(&three, 0, --seq, &len);
        assert_int_equal(record_decode(&r, three.log[0].bytes + at), OK);
    } while (r.type != RECORD_SEND);
    rewrite(&e, &three, 0, seq, 125, 1);
    verified(&e.bundle[0], 1);
    must_fail(VERIFY_ORDER, "a head that was never seen");
    assert_int_equal(report.line[VERIFY_ORDER].seq, seq);
    wire_writer_clear(&e.log);
}

static void populations_that_differ_are_flagged(void **state)
{
    struct edit e;
    struct record r;
    uint64_t seq = 0;
    size_t len, at;

    (void)state;
    do {
        at = synthetic_entry(&two, 1, ++seq, &len);
        assert_int_equal(record_decode(&r, two.log[1].bytes + at), OK);
    } while (r.type != RECORD_FACT || r.kind != FACT_POPULATION);
    rewrite(&e, &two, 1, seq, 159, 2); /* rows 30 to 28 */
    verified(e.bundle, 2);
    must_fail(VERIFY_FACTS, "another population");
    wire_writer_clear(&e.log);
}

static void an_end_with_wrong_counts_or_something_after_it_is_flagged(void **state)
{
    struct edit e;
    const uint64_t last = synthetic_entries(&two, 0) - 1;
    size_t len, at = synthetic_entry(&two, 0, last, &len);

    (void)state;
    rewrite(&e, &two, 0, last, 159, 1);
    verified(e.bundle, 2);
    must_fail(VERIFY_END, "records sent");
    assert_string_equal(report.line[VERIFY_END].field, "a");
    wire_writer_clear(&e.log);
    edit_begin(&e, &two, 0);
    splice(&e, 0, e.log.len, 0, two.log[0].bytes + at, len);
    synthetic_resign(&e.log, last, 2, &two.sign[0]);
    edit_end(&e, 0);
    verified(e.bundle, 2);
    must_fail(VERIFY_END, "a second end");
    must_fail(VERIFY_SCHEDULE, "a second end");
    wire_writer_clear(&e.log);
}

/* An invented abort does not hide what was cut off: the peer holds the receipts. */
static void an_invented_abort_does_not_hide_the_rest(void **state)
{
    const uint64_t count = synthetic_entries(&two, 0);

    (void)state;
    for (uint64_t seq = 0; seq + 10 < count; seq += 3) {
        struct edit e;
        struct record abort = {.suite = (uint8_t)kit_suite(),
                               .type = RECORD_ABORT,
                               .kind = STATUS_TIMEOUT,
                               .session = two.session,
                               .attempt = two.approval[0].attempt,
                               .peer = 1};
        uint8_t entry[SIGNED_BYTES] = {0};
        size_t len, at = synthetic_entry(&two, 0, seq, &len);

        record_encode(entry, &abort);
        edit_begin(&e, &two, 0);
        splice(&e, 0, at, e.log.len - at, entry, sizeof entry);
        synthetic_resign(&e.log, seq, 2, &two.sign[0]);
        edit_end(&e, 0);
        verified(&e.bundle[0], 1);
        must_pass(); /* alone it looks like a session that stopped */
        verified(e.bundle, 2);
        must_fail(VERIFY_MATCH, "receipts of messages that are not in the log");
        wire_writer_clear(&e.log);
    }
}

/* What is the same in both logs needs no signature of its own; nothing else gets through without one. */
static void a_signature_is_checked_wherever_no_other_log_vouches(void **state)
{
    const uint64_t count = synthetic_entries(&two, 0);
    unsigned tried = 0;

    (void)state;
    for (uint64_t seq = 0; seq < count; seq++) {
        struct record r;
        struct edit e;
        size_t len, at = synthetic_entry(&two, 0, seq, &len);

        assert_int_equal(record_decode(&r, two.log[0].bytes + at), OK);
        if (r.type != RECORD_RECV)
            continue;
        edit_begin(&e, &two, 0); /* a log that its writer signs, with a message that nobody signed */
        e.log.bytes[at + len - 1] ^= 1;
        entry_head(&r.peer_head, kit_suite(), e.log.bytes + at + RECORD_BYTES, SIGNED_BYTES);
        record_encode(e.log.bytes + at, &r);
        synthetic_resign(&e.log, seq, 2, &two.sign[0]);
        edit_end(&e, 0);
        verified(&e.bundle[0], 1);
        must_fail(VERIFY_SIGNATURES, "an unsigned message, alone");
        assert_int_equal(report.line[VERIFY_SIGNATURES].seq, seq);
        assert_string_equal(report.line[VERIFY_SIGNATURES].field, "peer signature");
        verified(e.bundle, 2);
        must_fail(VERIFY_SIGNATURES, "an unsigned message, with the log of its sender");
        tried++;
        wire_writer_clear(&e.log);
    }
    assert_true(tried > 10);
}

/* A data commitment, or a list of common people, that one log shows otherwise. */
static void commitments_that_differ_are_flagged(void **state)
{
    const uint64_t count = synthetic_entries(&two, 1);
    unsigned tried = 0;

    (void)state;
    for (uint64_t seq = 0; seq < count; seq++) {
        struct record r;
        struct edit e;
        size_t len, at = synthetic_entry(&two, 1, seq, &len);

        assert_int_equal(record_decode(&r, two.log[1].bytes + at), OK);
        if (r.type != RECORD_FACT || r.kind == FACT_POPULATION || r.kind == FACT_TEST_ROWS)
            continue;
        rewrite(&e, &two, 1, seq, 90, 1);
        verified(e.bundle, 2);
        must_fail(VERIFY_FACTS, "another commitment");
        wire_writer_clear(&e.log);
        tried++;
    }
    assert_int_equal(tried, 3 * 2 + 2); /* seed, data and key of both, the joint value, the common people */
}

static status refuse_second(void *ctx, const struct contract_party *p, const uint8_t *pem, size_t len, struct fault *f)
{
    (void)ctx, (void)pem, (void)len;
    return strcmp(p->name, "party-2") == 0 ? fault_set(f, STATUS_UNTRUSTED, "it is revoked") : OK;
}

static void a_certificate_that_the_caller_refuses_is_named(void **state)
{
    struct verify_options with = options;
    struct bundle b[2] = {two.bundle[0], two.bundle[1]};

    (void)state;
    with.certificate = refuse_second;
    b[0].certificates = b[1].certificates = 2;
    assert_int_equal(verify_bundles(&report, b, 2, &with), OK);
    must_fail(VERIFY_CERTIFICATES, "revoked");
    assert_non_null(strstr(report.line[VERIFY_CERTIFICATES].text, "party-2: it is revoked"));
    b[1].certificates = 0;
    assert_int_equal(verify_bundles(&report, b, 2, &with), OK);
    must_fail(VERIFY_CERTIFICATES, "missing");
}

/* ---- rules ---- */

/* V1 on, a letter each: + holds, F fails, o open, n not applicable. */
static const char *verdicts(void)
{
    static char text[RULES];

    for (int v = 1; v < RULES; v++)
        text[v - 1] = "o+Fn"[rule[v].verdict];
    return text;
}

static void an_honest_session_keeps_every_rule_that_can_be_checked(void **state)
{
    (void)state;
    verified(three.bundle, 3);
    assert_string_equal(verdicts(), "+ooo++++++++++++++on+ooooo+o"); /* no keys, no certificates, nothing from outside */
    verified(three.bundle, 2);
    assert_string_equal(verdicts(), "+ooo++++++++++++++on+ooooo+o");
    assert_non_null(strstr(rule[9].text, "as 2 of 3 logs show"));
    verified(three.bundle, 1);
    assert_string_equal(verdicts(), "+ooo++++o+++++++++on+ooooo+o"); /* one log alone has nothing to be compared with */
}

static void what_stands_beside_the_logs_is_taken_as_it_is_told(void **state)
{
    const struct rule_beside good = {.text = "good", .verdict = VERDICT_OK}, bad = {.text = "bad", .verdict = VERDICT_FAIL};
    const struct verify_report *all[] = {&report};

    (void)state;
    verified(two.bundle, 2);
    report.line[VERIFY_CERTIFICATES] = (struct verify_line){.verdict = VERDICT_OK};
    rules_of_session(rule, &report,
                     (struct rule_beside[RULES]){[RULE_SIGNED] = good, [RULE_TIMESTAMPS] = good, [RULE_DEPOSITS] = bad,
                                                 [RULE_VERSION] = good, [RULE_PERSONS] = {.text = "open"}, [RULE_DESTROYED] = good},
                     (struct rule_sessions){all, 1});
    rules_across(rule, (struct rule_sessions){all, 1});
    assert_string_equal(verdicts(), "+++o++++++++++++++on++F+o++o");
    assert_non_null(strstr(rule[RULE_WINDOW].text, "1970-01-01 00:00:01 UTC"));
    assert_string_equal(rule[RULE_DEPOSITS].text, "bad");
    assert_string_equal(rule[RULE_VERSION].text, "good; they speak version 2 of the protocol");
}

static uint64_t record_of(const struct synthetic *s, party p, enum record_type type, uint16_t kind)
{
    const uint64_t count = synthetic_entries(s, p);

    for (uint64_t seq = 0; seq < count; seq++) {
        struct record r;
        size_t len;

        assert_int_equal(record_decode(&r, s->log[p].bytes + synthetic_entry(s, p, seq, &len)), OK);
        if (r.type == type && (r.kind == kind || type == RECORD_CHECKPOINT))
            return seq;
    }
    fail_msg("no such record");
    return 0;
}

/* One thing changed, chained and signed again by its writer: the rules that it breaks, those left open, all others hold. */
static void a_failure_breaks_the_rule_that_it_is_about(void **state)
{
    static const struct {
        enum record_type type;
        uint16_t kind;
        size_t offset;
        int broken[3];
    } changes[] = {
        {RECORD_SEND, MESSAGE_residual, 87, {12, 13}},                           /* body_len */
        {RECORD_SEND, MESSAGE_residual, 71, {12}},                               /* pass */
        {RECORD_SEND, MESSAGE_commit, 71, {12, 15}},
        {RECORD_SEND, MESSAGE_block, 65, {12, RULE_OUTPUTS}},                    /* kind */
        {RECORD_SEND, MESSAGE_psi_set, 87, {12, 13, RULE_SETS}},
        {RECORD_FACT, FACT_SEED, 90, {15}},
        {RECORD_FACT, FACT_TEST_ROWS, 159, {RULE_LIMITS, RULE_SETS}},
        {RECORD_CHECKPOINT, 0, RECORD_BYTES + 20, {7}},                          /* a root */
        {RECORD_CHECKPOINT, 0, RECORD_BYTES + JOINT_ITEM - 1, {14}},             /* a signature */
        {RECORD_END, 0, 159, {12}},                                              /* a count */
    };

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct edit e;

        rewrite(&e, &three, 0, record_of(&three, 0, changes[i].type, changes[i].kind), changes[i].offset, 1);
        verified(e.bundle, 3);
        for (int k = 0; k < 3 && changes[i].broken[k]; k++)
            if (rule[changes[i].broken[k]].verdict != RULE_FAIL)
                fail_msg("change %zu: V%d: %s", i, changes[i].broken[k], verdicts());
        assert_int_equal(rule[5].verdict, RULE_OK);
        assert_int_equal(rule[6].verdict, RULE_OK);
        wire_writer_clear(&e.log);
    }
}

static void the_first_failing_record_is_named(void **state)
{
    struct edit e;
    size_t len, at = synthetic_entry(&two, 0, 20, &len);

    (void)state;
    edit_begin(&e, &two, 0);
    e.log.bytes[at + 100] ^= 1; /* the chain breaks at record 21, the signature at 20 */
    verified(e.bundle, 2);
    assert_int_equal(report.line[VERIFY_CHAIN].seq, 21);
    assert_int_equal(report.line[verify_first_failure(&report)].seq, 20);
    wire_writer_clear(&e.log);
}

/* ---- several sessions ---- */

static struct verify_report reports[3];
static const struct verify_report *const every[] = {&reports[0], &reports[1], &reports[2]};

static void across(size_t count)
{
    static const struct rule_beside nothing[RULES];

    rules_of_session(rule, &reports[count - 1], nothing, (struct rule_sessions){every, count});
    rules_across(rule, (struct rule_sessions){every, count});
}

static void verify_into(struct verify_report *out, const struct bundle *b, size_t count)
{
    assert_int_equal(verify_bundles(out, b, count, &options), OK);
}

static void files_of_a_session_name_the_same_one_and_others_another(void **state)
{
    struct bundle cut = two.bundle[0];
    struct hash a, b;

    (void)state;
    assert_int_equal(bundle_session(&a, &two.bundle[0]), OK);
    assert_true(hash_equal(&a, &two.session));
    assert_int_equal(bundle_session(&b, &two.bundle[1]), OK);
    assert_true(hash_equal(&a, &b));
    assert_int_equal(bundle_session(&b, &other.bundle[0]), OK);
    assert_false(hash_equal(&a, &b));
    cut.approvals = 1;
    assert_int_equal(bundle_session(&b, &cut), STATUS_MISMATCH);
    cut = two.bundle[0];
    cut.contract.len--;
    assert_int_equal(bundle_session(&b, &cut), STATUS_MISMATCH);
}

static void sessions_that_share_nothing_are_told_apart(void **state)
{
    (void)state;
    verify_into(&reports[0], two.bundle, 2);
    verify_into(&reports[1], other.bundle, 2);
    verify_into(&reports[2], three.bundle, 3);
    across(3);
    assert_int_equal(rule[RULE_REPEATS].verdict, RULE_OK);
    assert_int_equal(rule[RULE_REUSE].verdict, RULE_OK);
    assert_int_equal(rule[RULE_ATTEMPTS].verdict, RULE_OK);
}

/* Seeds, the joint value and keys: of another session, and of another party of the same. */
static void what_is_used_twice_is_found(void **state)
{
    static const int kinds[] = {FACT_SEED, FACT_RUN, FACT_KEY};

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        verify_into(&reports[0], two.bundle, 2);
        verify_into(&reports[1], other.bundle, 2);
        reports[1].fact[kinds[k]][0].hash = reports[0].fact[kinds[k]][kinds[k] != FACT_RUN].hash;
        across(2);
        assert_int_equal(rule[RULE_REPEATS].verdict, RULE_FAIL);
        assert_non_null(strstr(rule[RULE_REPEATS].text, "log of party-1, record "));
    }
    verify_into(&reports[0], two.bundle, 2);
    reports[0].fact[FACT_KEY][1].hash = reports[0].fact[FACT_KEY][0].hash;
    across(1);
    assert_int_equal(rule[RULE_REPEATS].verdict, RULE_FAIL);
    verify_into(&reports[0], two.bundle, 1);
    verify_into(&reports[1], two.bundle + 1, 1);
    across(2);
    assert_int_equal(rule[RULE_REPEATS].verdict, RULE_FAIL);
    assert_non_null(strstr(rule[RULE_REPEATS].text, "is there twice"));
}

static void data_under_several_contracts_are_counted(void **state)
{
    (void)state;
    verify_into(&reports[0], two.bundle, 2);
    verify_into(&reports[1], other.bundle, 2);
    verify_into(&reports[2], three.bundle, 3);
    reports[0].contract.party[1].data_root = reports[2].contract.party[2].data_root = (struct hash){{1}};
    across(3);
    assert_int_equal(rule[RULE_REUSE].verdict, RULE_UNCHECKED);
    assert_non_null(strstr(rule[RULE_REUSE].text, "data of party-2 stand under 2 of the contracts given"));
    reports[1].contract_id = reports[0].contract_id; /* another session of the same contract */
    reports[1].contract = reports[0].contract;
    across(3);
    assert_non_null(strstr(rule[RULE_REUSE].text, "stand under 2 of"));
    across(2);
    assert_int_equal(rule[RULE_REUSE].verdict, RULE_UNCHECKED);
    assert_non_null(strstr(rule[RULE_REUSE].text, "one contract was given"));
}

static void an_attempt_that_is_there_twice_is_found(void **state)
{
    (void)state;
    verify_into(&reports[0], two.bundle, 2);
    reports[1] = reports[0];
    reports[1].session.bytes[0] ^= 1;
    across(2);
    assert_int_equal(rule[RULE_ATTEMPTS].verdict, RULE_FAIL);
    reports[1].attempt = reports[0].attempt == 0;
    across(2);
    assert_int_equal(rule[RULE_ATTEMPTS].verdict, RULE_OK);
}

static void an_attempt_beyond_the_limit_is_found(void **state)
{
    uint8_t bytes[APPROVAL_SIGNED_BYTES], approval[2][APPROVAL_BYTES];
    struct synthetic s;
    struct contract c;

    (void)state;
    synthetic_contract(&c, 2, 5);
    c.attempts_max = 1;
    assert_int_equal(synthetic_play(&s, &c, (struct population){.rows = 30, .train = 21, .test = 9}, 5, SIZE_MAX, NULL), OK);
    verified(s.bundle, 2);
    must_pass();
    for (party p = 0; p < 2; p++) {
        struct approval a = s.approval[p];

        a.attempt = 1;
        approval_signed_bytes(bytes, &s.id, &a);
        sign_make(&a.signature, &s.identity[p], APPROVAL_SIGN_TAG, bytes, sizeof bytes);
        approval_encode(approval[p], &a);
        s.bundle[0].approval[p].bytes = s.bundle[1].approval[p].bytes = approval[p];
    }
    verified(s.bundle, 2);
    must_fail(VERIFY_APPROVALS, "an attempt too many");
    assert_string_equal(report.line[VERIFY_APPROVALS].text, "party-1 approved attempt 2, the contract allows 1");
    assert_int_equal(rule[RULE_SIGNED].verdict, RULE_FAIL);
    synthetic_clear(&s);
}

/* Long after the session a party has people sign, and signs its approval again with them in it. */
static void an_approval_cannot_be_signed_anew(void **state)
{
    struct synthetic s;
    struct contract c;
    struct approval a;
    uint8_t bytes[APPROVAL_SIGNED_BYTES], anew[APPROVAL_BYTES];

    (void)state;
    synthetic_contract(&c, 3, 5);
    assert_int_equal(synthetic_play(&s, &c, (struct population){.rows = 30, .train = 21, .test = 9}, 5, SIZE_MAX, NULL), OK);
    a = s.approval[1];
    memset(a.approvers.bytes, 7, HASH_BYTES);
    approval_signed_bytes(bytes, &s.id, &a);
    sign_make(&a.signature, &s.identity[1], APPROVAL_SIGN_TAG, bytes, sizeof bytes);
    approval_encode(anew, &a);
    s.bundle[2].approval[1].bytes = anew;
    verified(s.bundle, 3); /* whoever was handed it */
    must_fail(VERIFY_APPROVALS, "two approvals of one party");
    assert_non_null(strstr(report.line[VERIFY_APPROVALS].text, "party-2 signed two approvals"));
    s.bundle[1].approval[1].bytes = anew;
    verified(&s.bundle[1], 1); /* its own file alone */
    must_fail(VERIFY_SESSION, "an approval made after the session");
    synthetic_clear(&s);
}

static void a_contract_before_this_one_is_looked_for(void **state)
{
    (void)state;
    verify_into(&reports[0], two.bundle, 2);
    verify_into(&reports[1], other.bundle, 2);
    across(2);
    assert_non_null(strstr(rule[RULE_WINDOW].text, "no contract before it is named"));
    reports[1].contract.previous = reports[0].contract_id;
    across(2);
    assert_non_null(strstr(rule[RULE_WINDOW].text, "is among the files"));
    reports[1].contract.previous.bytes[0] ^= 1;
    across(2);
    assert_non_null(strstr(rule[RULE_WINDOW].text, "was not given"));
}

static void data_of_both_suites_cannot_be_compared(void **state)
{
    (void)state;
    verify_into(&reports[0], two.bundle, 2);
    verify_into(&reports[1], other.bundle, 2);
    across(2);
    assert_null(strstr(rule[RULE_REUSE].text, "each suite"));
    reports[1].contract.suite ^= 3;
    across(2);
    assert_int_equal(rule[RULE_REUSE].verdict, RULE_UNCHECKED);
    assert_non_null(strstr(rule[RULE_REUSE].text, "another root in each suite"));
}

static void how_often_one_auditor_follows_itself_is_told(void **state)
{
    (void)state;
    verify_into(&reports[0], two.bundle, 2);
    verify_into(&reports[1], other.bundle, 2);
    reports[1].contract.previous = reports[0].contract_id;
    strcpy(reports[1].contract.auditor, "Auditor and Sons");
    across(2);
    assert_null(strstr(rule[RULE_WINDOW].text, "running"));
    strcpy(reports[0].contract.auditor, "Auditor and Sons");
    across(2);
    assert_non_null(strstr(rule[RULE_WINDOW].text, "Auditor and Sons is the auditor of 2 contracts running"));
    reports[0].contract.previous = reports[1].contract_id; /* a circle, which no two ids can form */
    across(2);
    assert_non_null(strstr(rule[RULE_WINDOW].text, "of 3 contracts running"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_sessions_of_two_to_five_parties_verify),
        cmocka_unit_test(one_file_alone_verifies_and_says_what_it_leaves_open),
        cmocka_unit_test(the_order_of_the_files_does_not_matter),
        cmocka_unit_test(a_session_that_stopped_verifies_as_far_as_it_went),
        cmocka_unit_test(listed_test_rows_and_long_vectors_verify),
        cmocka_unit_test(every_flipped_byte_of_a_log_is_flagged),
        cmocka_unit_test(a_changed_field_is_named_with_its_record),
        cmocka_unit_test(dropped_repeated_and_reordered_records_are_flagged),
        cmocka_unit_test(a_cut_log_is_flagged_at_its_last_record),
        cmocka_unit_test(records_of_another_session_are_flagged),
        cmocka_unit_test(files_that_do_not_belong_together_are_flagged),
        cmocka_unit_test(changed_contracts_and_approvals_are_flagged),
        cmocka_unit_test(short_keys_are_refused_outside_of_tests),
        cmocka_unit_test(records_signed_with_another_key_are_flagged),
        cmocka_unit_test(a_rewritten_message_does_not_match_what_the_peer_received),
        cmocka_unit_test(a_rewritten_history_breaks_the_checkpoint_that_all_signed),
        cmocka_unit_test(a_message_outside_the_contract_breaks_the_schedule),
        cmocka_unit_test(a_forged_receipt_is_flagged),
        cmocka_unit_test(a_forged_checkpoint_is_flagged),
        cmocka_unit_test(heads_that_go_backward_break_the_order),
        cmocka_unit_test(populations_that_differ_are_flagged),
        cmocka_unit_test(an_end_with_wrong_counts_or_something_after_it_is_flagged),
        cmocka_unit_test(an_invented_abort_does_not_hide_the_rest),
        cmocka_unit_test(a_signature_is_checked_wherever_no_other_log_vouches),
        cmocka_unit_test(commitments_that_differ_are_flagged),
        cmocka_unit_test(a_certificate_that_the_caller_refuses_is_named),
        cmocka_unit_test(an_honest_session_keeps_every_rule_that_can_be_checked),
        cmocka_unit_test(what_stands_beside_the_logs_is_taken_as_it_is_told),
        cmocka_unit_test(a_failure_breaks_the_rule_that_it_is_about),
        cmocka_unit_test(the_first_failing_record_is_named),
        cmocka_unit_test(files_of_a_session_name_the_same_one_and_others_another),
        cmocka_unit_test(sessions_that_share_nothing_are_told_apart),
        cmocka_unit_test(what_is_used_twice_is_found),
        cmocka_unit_test(data_under_several_contracts_are_counted),
        cmocka_unit_test(an_attempt_that_is_there_twice_is_found),
        cmocka_unit_test(an_attempt_beyond_the_limit_is_found),
        cmocka_unit_test(an_approval_cannot_be_signed_anew),
        cmocka_unit_test(a_contract_before_this_one_is_looked_for),
        cmocka_unit_test(data_of_both_suites_cannot_be_compared),
        cmocka_unit_test(how_often_one_auditor_follows_itself_is_told),
        cmocka_unit_test(thousands_of_edits_were_tried),
    };

    return cmocka_run_group_tests_name("verify", tests, set_up, tear_down);
}
