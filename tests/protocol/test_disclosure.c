/* What the disclosure statement says: every sentence in both languages, and counts that are those of real sessions. */
#include "protocol/disclosure.h"

#include "kit/cmocka.h"
#include "kit/sim.h"
#include "kit/synthetic.h"
#include "protocol/log.h"

#include <stdio.h>
#include <string.h>

/* ---- sentences ---- */

/* How many characters of the sentence are not ASCII; fails unless it is whole UTF-8. */
static size_t foreign(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t n = 0;

    while (*at) {
        const size_t more = *at < 0x80 ? 0 : *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : *at >= 0xc2 ? 1 : 99;

        if (more == 99)
            fail_msg("not UTF-8, or cut short: %s", text);
        for (size_t i = 1; i <= more; i++)
            if ((at[i] & 0xc0) != 0x80)
                fail_msg("not UTF-8, or cut short: %s", text);
        n += more != 0;
        at += 1 + more;
    }
    return n;
}

static void every_message_has_a_sentence_in_english_and_in_chinese(void **state)
{
    size_t count;
    const struct message_info *info = message_list(&count);

    (void)state;
    assert_int_equal(count, DISCLOSURE_KINDS);
    for (size_t i = 0; i < count; i++) {
        const struct disclosure_sentence en = disclosure_sentence(info[i].kind, LANGUAGE_EN),
                                         zh = disclosure_sentence(info[i].kind, LANGUAGE_ZH);

        if (!en.what || !en.learns || !en.what[0] || !en.learns[0])
            fail_msg("%s has no English sentence", info[i].name);
        if (!zh.what || !zh.learns)
            fail_msg("%s has no Chinese sentence", info[i].name);
        if (!en.shield || en.shield != zh.shield)
            fail_msg("it is not said what protects the data of %s", info[i].name);
        assert_int_equal(foreign(en.what) + foreign(en.learns), 0);
        assert_true(foreign(zh.what) >= 5);
        assert_true(foreign(zh.learns) >= 2 || strstr(zh.learns, "AUC"));
        for (size_t j = 0; j < i; j++) /* a line copied and not translated anew */
            assert_string_not_equal(zh.what, disclosure_sentence(info[j].kind, LANGUAGE_ZH).what);
    }
    assert_null(disclosure_sentence(9999, LANGUAGE_EN).what);
    assert_null(disclosure_sentence(9999, LANGUAGE_ZH).what);
    for (int s = 1; s < SHIELDS; s++) {
        assert_int_equal(foreign(disclosure_shield((enum shield)s, LANGUAGE_EN)), 0);
        assert_true(foreign(disclosure_shield((enum shield)s, LANGUAGE_ZH)) > 0);
    }
    for (int p = PHASE_HANDSHAKE; p < PHASES; p++) {
        assert_int_equal(foreign(disclosure_phase((enum phase)p, LANGUAGE_EN)), 0);
        assert_true(foreign(disclosure_phase((enum phase)p, LANGUAGE_ZH)) > 0);
    }
}

/* Both say the same numbers, in the same order: nothing was lost on the way. */
static void assert_same_numbers(const char *en, const char *zh)
{
    for (;;) {
        unsigned a, b;

        en += strcspn(en, "0123456789");
        zh += strcspn(zh, "0123456789");
        assert_int_equal(*en == '\0', *zh == '\0');
        if (!*en)
            return;
        assert_int_equal(sscanf(en, "%u", &a), 1);
        assert_int_equal(sscanf(zh, "%u", &b), 1);
        assert_int_equal(a, b);
        en += strspn(en, "0123456789");
        zh += strspn(zh, "0123456789");
    }
}

static void every_output_has_its_words_in_chinese(void **state)
{
    (void)state;
    for (uint16_t parties = 2; parties <= PARTIES_MAX; parties++)
        for (int table = 0; table < 2; table++)
            for (int rule = TEST_DRAWN; rule <= TEST_LISTED; rule++) {
                struct disclosure en[DISCLOSURES_MAX], zh[DISCLOSURES_MAX];
                struct contract c;
                size_t count;

                synthetic_contract(&c, parties, 3);
                if (table)
                    synthetic_table_sigmoid(&c);
                c.test_rule = (uint8_t)rule;
                count = disclosure_outputs(en, &c, LANGUAGE_EN);
                assert_int_equal(disclosure_outputs(zh, &c, LANGUAGE_ZH), count);
                for (size_t i = 0; i < count; i++) {
                    assert_int_equal(zh[i].to, en[i].to);
                    assert_int_equal(zh[i].output, en[i].output);
                    assert_true(foreign(zh[i].what) > 5);
                    assert_true(foreign(zh[i].learns) > 5);
                    assert_same_numbers(en[i].what, zh[i].what);
                    assert_same_numbers(en[i].learns, zh[i].learns);
                }
            }
}

static void what_it_rests_on_and_what_stays_open_is_said_in_both_languages(void **state)
{
    char en[DISCLOSURE_SENTENCE_MAX], zh[DISCLOSURE_SENTENCE_MAX];
    size_t i;

    (void)state;
    for (uint16_t parties = 2; parties <= 3; parties++)
        for (int replay = REPLAY_OFF; replay <= REPLAY_SEALED; replay++) {
            struct contract c;

            synthetic_contract(&c, parties, 3);
            c.replay = (uint8_t)replay;
            for (i = 0;; i++) {
                const int a = disclosure_ground(en, &c, i, LANGUAGE_EN), b = disclosure_ground(zh, &c, i, LANGUAGE_ZH);

                assert_int_equal(a == 0, b == 0);
                if (!a)
                    break;
                assert_true(a < DISCLOSURE_SENTENCE_MAX && b < DISCLOSURE_SENTENCE_MAX); /* not cut */
                (void)foreign(en);
                assert_true(foreign(zh) > 20);
            }
            assert_true(i >= 8);
        }
    for (i = 0;; i++) {
        const int a = disclosure_limit(en, i, LANGUAGE_EN), b = disclosure_limit(zh, i, LANGUAGE_ZH);

        assert_int_equal(a == 0, b == 0);
        if (!a)
            break;
        assert_true(a < DISCLOSURE_SENTENCE_MAX && b < DISCLOSURE_SENTENCE_MAX);
        assert_int_equal(foreign(en), 0);
        assert_true(foreign(zh) > 5);
    }
    assert_int_equal(i, 13);
}

/* ---- traffic ---- */

static void count_log(struct disclosure_traffic *t, uint64_t bytes[2], const struct wire_writer *log, uint16_t parties)
{
    struct log_reader r;
    struct log_entry e;

    memset(t, 0, sizeof *t);
    bytes[0] = bytes[1] = 0;
    log_reader_init(&r, log->bytes, log->len, parties);
    while (log_next(&r, &e) == LOG_ENTRY) {
        disclosure_count(t, &e.record);
        if (e.record.type == RECORD_SEND || e.record.type == RECORD_RECV)
            bytes[e.record.type == RECORD_RECV] += e.record.body_len;
    }
}

static struct disclosure_flow total(const struct disclosure_flow *flow)
{
    struct disclosure_flow sum = {0};

    for (size_t i = 0; i < DISCLOSURE_KINDS; i++) {
        sum.messages += flow[i].messages;
        sum.bytes += flow[i].bytes;
        sum.peers |= flow[i].peers;
    }
    return sum;
}

/* What the logs of a real session hold is what the contract implies, kind by kind, to the record number; and what all
 * parties sent is what all parties received. */
static void counts_of_a_simulated_session_are_those_that_the_contract_implies(void **state)
{
    enum { PARTIES_HERE = 3 };
    struct dataset data[PARTIES_HERE];
    struct disclosure_flow sent[DISCLOSURE_KINDS] = {0}, received[DISCLOSURE_KINDS] = {0};
    struct sim sim;

    (void)state;
    for (party p = 0; p < PARTIES_HERE; p++)
        sim_dataset(&data[p], 11, p, 90, 110, 2, 4, p == 1);
    sim_contract(&sim, PARTIES_HERE, data, 384, 3);
    sim_exact_sigmoid(&sim);
    sim_approve(&sim, 11);
    assert_int_equal(sim_run(&sim, NULL), OK);
    for (party p = 0; p < PARTIES_HERE; p++) {
        struct disclosure_traffic logged, implied = {0};
        struct fault f = {0};
        uint64_t bytes[2];
        int complete;

        count_log(&logged, bytes, &sim.party[p].log, PARTIES_HERE);
        assert_int_equal(disclosure_implied(&implied, &complete, &sim.contract, STAGE_WHOLE, p, KNOWN_ALL,
                                            &sim.party[p].ss.population, &f),
                         OK);
        assert_true(complete);
        assert_memory_equal(&logged, &implied, sizeof logged);
        assert_int_equal(total(logged.sent).bytes, bytes[0]);
        assert_int_equal(total(logged.received).bytes, bytes[1]);
        assert_int_equal(total(logged.sent).peers, 7u & ~(1u << p));
        for (size_t i = 0; i < DISCLOSURE_KINDS; i++) {
            assert_true(logged.sent[i].first <= logged.sent[i].last);
            sent[i].messages += logged.sent[i].messages;
            sent[i].bytes += logged.sent[i].bytes;
            received[i].messages += logged.received[i].messages;
            received[i].bytes += logged.received[i].bytes;
        }
    }
    assert_memory_equal(sent, received, sizeof sent);
    assert_true(total(sent).messages > 100);
    sim_clear(&sim);
    for (party p = 0; p < PARTIES_HERE; p++)
        dataset_clear(&data[p]);
}

static void only_messages_of_the_table_are_counted(void **state)
{
    const struct disclosure_traffic nothing = {0};
    struct disclosure_traffic t = {0};
    struct record r = {.type = RECORD_CHECKPOINT, .kind = MESSAGE_commit, .body_len = 5, .peer = 1};

    (void)state;
    disclosure_count(&t, &r);
    r.type = RECORD_SEND;
    r.kind = 9999;
    disclosure_count(&t, &r);
    assert_memory_equal(&t, &nothing, sizeof t);
    r.kind = MESSAGE_commit;
    r.seq = 7;
    disclosure_count(&t, &r);
    r.seq = 9;
    r.peer = 60000; /* whatever an unchecked log says */
    disclosure_count(&t, &r);
    assert_int_equal(t.sent[0].messages, 2);
    assert_int_equal(t.sent[0].bytes, 10);
    assert_int_equal(t.sent[0].first, 7);
    assert_int_equal(t.sent[0].last, 9);
    assert_int_equal(t.sent[0].peers, 2);
}

static void without_a_population_only_the_beginning_is_implied(void **state)
{
    struct disclosure_traffic t = {0};
    struct population none = {0};
    struct fault f = {0};
    struct contract c;
    int complete = 1;

    (void)state;
    synthetic_contract(&c, 3, 3);
    assert_int_equal(disclosure_implied(&t, &complete, &c, STAGE_WHOLE, 0, KNOWN_NOTHING, &none, &f), OK);
    assert_false(complete);
    assert_int_equal(t.sent[0].messages, 2);
    assert_int_equal(t.sent[DISCLOSURE_KINDS - 1].messages, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_has_a_sentence_in_english_and_in_chinese),
        cmocka_unit_test(every_output_has_its_words_in_chinese),
        cmocka_unit_test(what_it_rests_on_and_what_stays_open_is_said_in_both_languages),
        cmocka_unit_test(counts_of_a_simulated_session_are_those_that_the_contract_implies),
        cmocka_unit_test(only_messages_of_the_table_are_counted),
        cmocka_unit_test(without_a_population_only_the_beginning_is_implied),
    };

    return cmocka_run_group_tests_name("disclosure", tests, NULL, NULL);
}
