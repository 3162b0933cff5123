#include "kit/cmocka.h"
#include "kit/sim.h"
#include "kit/suite.h"

#include <stdlib.h>
#include <string.h>

/* Some key of the suite; SUITE_INT1: of that kind. */
static void key_of(uint8_t out[SIGN_PUBLIC_BYTES], uint8_t kind, uint8_t number)
{
    const struct rng_key seed = {.bytes = {number}, .suite = (uint8_t)kit_suite()};
    struct sign_secret secret;
    struct sign_public key;

    sign_keypair(&key, &secret, &seed);
    memcpy(out, key.bytes, SIGN_PUBLIC_BYTES);
    if (seed.suite == SUITE_INT1)
        out[0] = kind;
}

static void sample(struct contract *c)
{
    *c = (struct contract){.version = CONTRACT_VERSION, .protocol = PROTOCOL_VERSION, .suite = (uint8_t)kit_suite(), .sigmoid = SIGMOID_LINEAR, .test_rule = TEST_DRAWN,
                           .job = "autumn scorecard", .purpose = "credit default model", .not_before = 10, .not_after = 20,
                           .parties = 3, .key_bits = 3072, .passes = 16, .ridge_micro = 3000, .optimiser = OPTIMISER_NESTEROV, .step_1024 = 1331,
                           .momentum_1024 = 717, .test_permille = 300, .fraction_bits = 18, .score_bits = 6,
                           .min_rows = 1000, .min_positives = 50, .rows_per_bin = 10, .attempts_max = 3,
                           .data_level = 3, .authorisations = "A-17", .replay = REPLAY_SEALED, .auditor = "Auditor",
                           .retention_days = 30};
    static const char *const names[] = {"bank", "tax", "social"};

    c->outputs = contract_outputs(c);
    memset(&c->consent_root, 0x44, HASH_BYTES);
    memset(&c->assessment_hash, 0x55, HASH_BYTES);
    key_of(c->auditor_key.bytes, KEY_X25519, 7);
    memset(&c->previous, 0x77, HASH_BYTES);
    for (party p = 0; p < 3; p++) {
        struct contract_party *cp = &c->party[p];

        strcpy(cp->name, names[p]);
        memset(cp->data_root.bytes, 0x33 * (p + 1), HASH_BYTES);
        memset(cp->schema_hash.bytes, 0x10 + p, HASH_BYTES);
        cp->has_label = p == 0;
        cp->rows = 30000 + p;
        cp->columns = (uint16_t)(8 + p);
        memset(cp->bins, 10 + p, cp->columns);
        memset(cp->certificate.bytes, 0x11 * (p + 1), HASH_BYTES);
        key_of(cp->identity.bytes, KEY_ED25519, (uint8_t)(p + 1));
    }
}

static void what_is_encoded_decodes_to_the_same_and_one_encoding_only(void **state)
{
    struct wire_writer w = {0}, again = {0};
    struct contract c, back;

    (void)state;
    sample(&c);
    assert_int_equal(contract_encode(&w, &c), OK);
    assert_int_equal(contract_decode(&back, w.bytes, w.len, NULL), OK);
    assert_int_equal(contract_encode(&again, &back), OK);
    assert_int_equal(w.len, again.len);
    assert_memory_equal(w.bytes, again.bytes, w.len);
    wire_writer_clear(&w);
    wire_writer_clear(&again);
}

static void every_cut_and_every_extension_is_refused(void **state)
{
    struct wire_writer w = {0};
    struct contract c, back;

    (void)state;
    sample(&c);
    assert_int_equal(contract_encode(&w, &c), OK);
    for (size_t len = 0; len < w.len; len++)
        assert_int_not_equal(contract_decode(&back, w.bytes, len, NULL), OK);
    wire_put_u8(&w, 0);
    assert_int_not_equal(contract_decode(&back, w.bytes, w.len, NULL), OK);
    wire_writer_clear(&w);
}

static void every_changed_byte_is_refused_or_changes_the_id(void **state)
{
    struct wire_writer w = {0};
    struct contract c, back;
    struct hash id, other;

    (void)state;
    sample(&c);
    assert_int_equal(contract_encode(&w, &c), OK);
    assert_int_equal(contract_id(&id, &c), OK);
    for (size_t i = 0; i < w.len; i++) {
        w.bytes[i] ^= 1;
        if (contract_decode(&back, w.bytes, w.len, NULL) == OK) {
            assert_int_equal(contract_id(&other, &back), OK);
            assert_false(hash_equal(&id, &other));
        }
        w.bytes[i] ^= 1;
    }
    wire_writer_clear(&w);
}

static void assert_refused(const struct contract *c, const char *words)
{
    struct fault f = {0};

    assert_int_equal(contract_check(c, 0, &f), STATUS_CONFIG);
    if (!strstr(f.message, words))
        fail_msg("\"%s\" does not say \"%s\"", f.message, words);
}

#define REFUSED(change, words)       \
    do {                             \
        c = good;                    \
        change;                      \
        assert_refused(&c, words);   \
    } while (0)

static void every_rule_names_its_field(void **state)
{
    struct contract good, c;

    (void)state;
    sample(&good);
    assert_int_equal(contract_check(&good, 0, NULL), OK);
    strcpy(good.purpose, "\xe8\xb4\xb7\xe6\xac\xbe\xe8\xbf\x9d\xe7\xba\xa6 \xf0\x9f\xa4\x9d caf\xc3\xa9");
    assert_int_equal(contract_check(&good, 0, NULL), OK);
    REFUSED(c.key_bits = 1024, "key_bits is 1024");
    REFUSED(c.key_bits = 2047, "key_bits is 2047");
    REFUSED(c.passes = 1, "passes is 1");
    REFUSED(c.passes = 65, "passes is 65");
    REFUSED(strcpy(c.purpose, "bell \a"), "UTF-8");
    REFUSED(strcpy(c.purpose, "cut \xe5\xad"), "UTF-8");
    REFUSED(strcpy(c.purpose, "overlong \xc0\xaf"), "UTF-8");
    REFUSED(strcpy(c.purpose, "surrogate \xed\xa0\x80"), "UTF-8");
    REFUSED(strcpy(c.job, "control \xc2\x85"), "UTF-8");
    REFUSED((contract_training_defaults(&c, SIGMOID_TABLE), c.table_bits = 5, c.parties = 6), "too coarse for 6 parties");
    REFUSED((contract_training_defaults(&c, SIGMOID_TABLE), c.slope_1024 = 257), "slope");
    REFUSED((contract_training_defaults(&c, SIGMOID_TABLE), c.momentum_1024 = 1), "momentum");
    REFUSED(c.optimiser = 3, "optimiser is 3");
    REFUSED(c.step_1024 = 2048, "diverges");
    REFUSED((c.step_1024 = 1400, c.momentum_1024 = 1000), "diverges");
    REFUSED(c.rows_per_bin = 1, "rows_per_bin is 1");
    REFUSED(c.key_bits = 2112, "key_bits is 2112");
    REFUSED(c.ridge_micro = 0, "ridge");
    REFUSED(c.parties = 1, "parties is 1");
    REFUSED(c.parties = 9, "parties is 9");
    REFUSED(c.suite = 3, "suite is 3, accepted is 1 to 2");
    REFUSED(c.suite ^= 3, "auditor_key is no ");
    REFUSED(c.sigmoid = 3, "sigmoid is 3");
    REFUSED(c.sigmoid = SIGMOID_TABLE, "table_bits is 0, accepted is 5 to 8");
    REFUSED((c.sigmoid = SIGMOID_TABLE, c.table_bits = 9), "table_bits is 9");
    REFUSED((c.sigmoid = SIGMOID_TABLE, c.table_bits = 7, c.score_range = 6), "score_range is 6, accepted is 4, 8, 16 or 32");
    REFUSED(c.table_bits = 7, "table_bits is 7, accepted is 0 to 0");
    REFUSED(c.score_range = 8, "score_range is 8, accepted is 0 with the linear sigmoid");
    REFUSED(c.fraction_bits = 30, "fraction_bits");
    REFUSED(c.score_bits = 20, "score_bits");
    REFUSED(c.test_permille = 0, "test share");
    REFUSED(c.min_rows = 1, "min_rows");
    REFUSED(c.attempts_max = 4, "attempts_max");
    REFUSED(c.not_after = 10, "window");
    REFUSED(c.not_after = UINT64_MAX, "window");
    REFUSED(c.version = 1, "version is 1, accepted is 2 to 2");
    REFUSED(c.protocol++, "protocol is ");
    REFUSED(c.outputs ^= OUTPUT_SCORES, "outputs is 61, accepted is 63 to 63");
    REFUSED(c.outputs |= OUTPUT_RANGE, "outputs is 127");
    REFUSED(c.outputs |= 0x8000, "outputs");
    REFUSED(c.data_level = 6, "data_level is 6, accepted is 0 to 5");
    REFUSED(strcpy(c.authorisations, "A\x7f"), "authorisations");
    REFUSED(c.replay = 2, "replay is 2, accepted is 0 to 1");
    REFUSED(c.retention_days = 3651, "retention_days is 3651, accepted is 0 to 3650");
    REFUSED(c.replay = REPLAY_OFF, "retention_days is 30, accepted is 0 to 0");
    REFUSED((c.replay = REPLAY_OFF, c.retention_days = 0), "auditor is given with replay off");
    REFUSED(c.auditor[0] = '\0', "auditor_key is given without auditor");
    REFUSED(memset(&c.auditor_key, 0, SEAL_PUBLIC_BYTES), "auditor is given without auditor_key");
    REFUSED(strcpy(c.auditor, "\xff"), "auditor is not plain UTF-8");
    REFUSED((memset(&c.auditor_key, 0, SEAL_PUBLIC_BYTES), c.auditor_key.bytes[0] = KEY_X25519), "that secrets can be sealed to");
    REFUSED(c.auditor_key.bytes[0] = 9, "auditor_key is no ");
    REFUSED(c.party[1].identity.bytes[0] ^= 0x10, "the identity of tax is no key of suite");
    REFUSED(memset(&c.party[1].data_root, 0, HASH_BYTES), "party tax commits to no data");
    REFUSED(memset(&c.party[2].schema_hash, 0, HASH_BYTES), "party social commits to no columns");
    REFUSED(c.party[1].has_label = 1, "2 parties bring a label");
    REFUSED(c.party[0].has_label = 0, "0 parties bring a label");
    REFUSED(c.party[2].bins[0] = 1, "bins");
    REFUSED(c.party[2].bins[0] = 65, "bins");
    REFUSED(c.party[2].columns = 0, "columns");
    REFUSED(strcpy(c.party[1].name, "bank"), "named twice");
    REFUSED(strcpy(c.party[1].name, "Ta x"), "name of party 2");
}

static void what_a_contract_need_not_name_may_be_none(void **state)
{
    struct contract c;

    (void)state;
    sample(&c);
    memset(&c.consent_root, 0, HASH_BYTES);
    memset(&c.assessment_hash, 0, HASH_BYTES);
    memset(&c.previous, 0, HASH_BYTES);
    memset(&c.auditor_key, 0, SEAL_PUBLIC_BYTES);
    c.data_level = 0;
    c.authorisations[0] = c.auditor[0] = '\0';
    assert_int_equal(contract_check(&c, 0, NULL), OK);
    assert_int_equal(contract_destroy_after(&c), 20 + 30 * 86400);
    c.replay = REPLAY_OFF;
    c.retention_days = 0;
    assert_int_equal(contract_check(&c, 0, NULL), OK);
    assert_int_equal(contract_destroy_after(&c), 0);
}

/* Each disclosure has its bit, and each bit a disclosure: the mask says what the list says. */
static void the_outputs_of_the_contract_are_those_of_the_list(void **state)
{
    static const enum sigmoid sigmoids[] = {SIGMOID_LINEAR, SIGMOID_TABLE};

    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct disclosure list[DISCLOSURES_MAX];
        struct contract c;
        unsigned listed = 0;

        sample(&c);
        contract_training_defaults(&c, sigmoids[s]);
        for (size_t i = 0, count = contract_disclosures(&c, list); i < count; i++)
            listed |= list[i].output;
        assert_int_equal(listed, c.outputs);
        assert_int_equal(contract_check(&c, 0, NULL), OK);
    }
}

static char *facts_of(const struct contract *c)
{
    struct wire_writer w = {0};

    contract_facts(&w, c);
    wire_put_u8(&w, 0);
    assert_int_equal(wire_writer_status(&w), OK);
    return (char *)w.bytes;
}

/* What contract_decode accepts after one byte has changed says so in its facts: nothing of a contract is untold. */
static void every_changed_byte_changes_a_fact(void **state)
{
    struct wire_writer w = {0};
    struct contract c, back;
    char *before, *after;
    int changed = 0;

    (void)state;
    sample(&c);
    before = facts_of(&c);
    assert_int_equal(contract_encode(&w, &c), OK);
    for (size_t i = 0; i < w.len; i++)
        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            w.bytes[i] ^= (uint8_t)bit;
            if (contract_decode(&back, w.bytes, w.len, NULL) == OK) {
                after = facts_of(&back);
                if (strcmp(before, after) == 0)
                    fail_msg("byte %zu is in no fact", i);
                free(after);
                changed++;
            }
            w.bytes[i] ^= (uint8_t)bit;
        }
    assert_true(changed > 500);
    free(before);
    wire_writer_clear(&w);
}

static void no_fact_is_told_twice_and_every_one_is_a_line(void **state)
{
    struct contract c;
    char *text, *line, *seen[128];
    size_t count = 0;

    (void)state;
    sample(&c);
    text = facts_of(&c);
    for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *tab = strchr(line, '\t');

        assert_non_null(tab);
        *tab = '\0';
        for (size_t i = 0; i < count; i++)
            assert_string_not_equal(seen[i], line);
        assert_true(count < 128);
        seen[count++] = line;
    }
    assert_int_equal(count, 37 + 3 * 8);
    free(text);
}

static void times_are_told_by_the_calendar(void **state)
{
    static const struct { uint64_t at; const char *text; } times[] = {
        {0, "1970-01-01 00:00:00 UTC"},          {951782399, "2000-02-28 23:59:59 UTC"},
        {951782400, "2000-02-29 00:00:00 UTC"},  {4107542400, "2100-03-01 00:00:00 UTC"},
        {1795342802, "2026-11-22 10:20:02 UTC"}, {253402300799, "9999-12-31 23:59:59 UTC"}};
    char text[CONTRACT_TIME_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        contract_time_text(text, times[i].at);
        assert_string_equal(text, times[i].text);
    }
}

static void the_plan_fits_its_slots_for_every_allowed_size(void **state)
{
    static const uint32_t sizes[] = {2, 100, 2500, 15222, 30000, 1 << 20}, keys[] = {2048, 3072, 4096};
    static const uint16_t passes[] = {2, 10, 14, 16, 33, 64};

    (void)state;
    for (size_t s = 0; s < 6; s++)
        for (size_t k = 0; k < 3; k++)
            for (size_t t = 0; t < 6; t++) {
                struct contract c;
                struct plan plan;

                sample(&c);
                c.key_bits = keys[k];
                c.passes = passes[t];
                assert_int_equal(plan_make(&plan, &c, sizes[s], NULL), OK);
                assert_true(plan.k <= 126 && plan.k >= plan.value_bits + plan.sigma + 2);
                assert_true(plan.back_passes * plan.back_width + 65 <= c.key_bits);
                assert_true(plan.back_groups * plan.back_passes >= c.passes);
                for (party p = 0; p < c.parties; p++) {
                    assert_true(plan.fore[p].rows * plan.fore[p].passes * plan.fore[p].width + 65 <= c.key_bits);
                    assert_true(plan.fore[p].groups * plan.fore[p].passes >= c.passes - 1u);
                    assert_true((uint64_t)plan.fore[p].rows * plan.fore[p].replies >= sizes[s]);
                    assert_true((1u << (plan.fore[p].width - plan.k)) >= c.party[p].columns);
                }
            }
}

static void the_statistical_loss_stays_below_the_claim(void **state)
{
    struct contract c;
    struct plan plan;
    uint64_t lifted = 0;

    (void)state;
    sample(&c);
    assert_int_equal(plan_make(&plan, &c, 15222, NULL), OK);
    for (party p = 0; p < c.parties; p++)
        lifted += (uint64_t)c.passes * contract_width(&c, p);
    assert_true(lifted <= (uint64_t)1 << (plan.sigma - 41));
}

static void plain_words_name_everyone_and_every_disclosure(void **state)
{
    static const char *const columns[] = {"income", "age", "c", "d", "e", "f", "g", "h"};
    struct wire_writer text = {0};
    struct contract c;

    (void)state;
    sample(&c);
    contract_explain(&text, &c, 0, columns);
    wire_put_u8(&text, 0);
    for (size_t i = 0; i < 8; i++)
        assert_non_null(strstr((char *)text.bytes, columns[i]));
    assert_non_null(strstr((char *)text.bytes, "tax"));
    assert_non_null(strstr((char *)text.bytes, "social"));
    assert_non_null(strstr((char *)text.bytes, "sum of the other parties' partial scores"));
    assert_non_null(strstr((char *)text.bytes, "fewer than 1000 common people"));
    assert_non_null(strstr((char *)text.bytes, "until 1970-01-01 00:00:20 UTC"));
    assert_non_null(strstr((char *)text.bytes, "rows    3333"));
    assert_non_null(strstr((char *)text.bytes, "consents         4444"));
    assert_non_null(strstr((char *)text.bytes, "assessment       5555"));
    assert_non_null(strstr((char *)text.bytes, "up to level 3 of 5"));
    assert_non_null(strstr((char *)text.bytes, "A-17"));
    assert_non_null(strstr((char *)text.bytes, "replay on its premises by Auditor alone"));
    assert_non_null(strstr((char *)text.bytes, "destroyed after 1970-01-31 00:00:20 UTC, 30 days"));
    assert_non_null(strstr((char *)text.bytes, "contract 7777"));
    wire_writer_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_decodes_to_the_same_and_one_encoding_only),
        cmocka_unit_test(every_cut_and_every_extension_is_refused),
        cmocka_unit_test(every_changed_byte_is_refused_or_changes_the_id),
        cmocka_unit_test(every_rule_names_its_field),
        cmocka_unit_test(what_a_contract_need_not_name_may_be_none),
        cmocka_unit_test(the_outputs_of_the_contract_are_those_of_the_list),
        cmocka_unit_test(every_changed_byte_changes_a_fact),
        cmocka_unit_test(no_fact_is_told_twice_and_every_one_is_a_line),
        cmocka_unit_test(times_are_told_by_the_calendar),
        cmocka_unit_test(the_plan_fits_its_slots_for_every_allowed_size),
        cmocka_unit_test(the_statistical_loss_stays_below_the_claim),
        cmocka_unit_test(plain_words_name_everyone_and_every_disclosure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
