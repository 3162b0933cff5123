/* Contracts from any bytes: what is accepted is canonical, can be told in plain words, and its plan holds together. */
#include "protocol/contract.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Lines of text: no bytes that move a terminal's cursor. */
static void check_words(const struct contract *c)
{
    static const char *columns[CONTRACT_COLUMNS_MAX];

    for (uint16_t i = 0; i < CONTRACT_COLUMNS_MAX; i++)
        columns[i] = "income";
    for (party self = 0; self <= c->parties; self++) {
        struct wire_writer text AUTO(wire_writer_clear) = {0};

        contract_explain(&text, c, self, self % 2 ? columns : NULL);
        assert(wire_writer_status(&text) == OK && text.len && text.bytes[text.len - 1] == '\n');
        for (size_t i = 0; i < text.len; i++)
            assert(text.bytes[i] == '\n' || (text.bytes[i] >= 0x20 && text.bytes[i] != 0x7f));
    }
}

/* A field and its value on each line. */
static void check_facts(const struct contract *c)
{
    struct wire_writer text AUTO(wire_writer_clear) = {0};
    size_t tabs = 0;

    contract_facts(&text, c);
    assert(wire_writer_status(&text) == OK && text.len && text.bytes[text.len - 1] == '\n');
    for (size_t i = 0; i < text.len; i++) {
        tabs += text.bytes[i] == '\t';
        assert(text.bytes[i] == '\n' || text.bytes[i] == '\t' || (text.bytes[i] >= 0x20 && text.bytes[i] != 0x7f));
        if (text.bytes[i] == '\n')
            assert(tabs == 1), tabs = 0;
    }
}

static void check_plan(const struct contract *c, uint32_t n)
{
    const uint32_t usable = c->key_bits - 65;
    struct plan plan;
    struct fault f = {0};

    if (plan_make(&plan, c, n, &f) != OK) {
        assert(f.code == STATUS_LIMIT && f.message[0]);
        return;
    }
    assert(plan.n == n && plan.k <= 126 && plan.value_bits < plan.k);
    assert(plan.back_passes >= 1 && plan.back_passes * plan.back_width <= usable);
    assert(plan.back_groups * plan.back_passes >= c->passes);
    for (party p = 0; p < c->parties; p++) {
        assert(plan.fore[p].passes >= 1 && plan.fore[p].rows >= 1);
        assert(plan.fore[p].passes * plan.fore[p].rows * plan.fore[p].width <= usable);
        assert(plan.fore[p].groups * plan.fore[p].passes >= c->passes - 1u);
        assert((uint64_t)plan.fore[p].replies * plan.fore[p].rows >= n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct contract c;
    struct wire_writer again AUTO(wire_writer_clear) = {0};
    struct disclosure list[DISCLOSURES_MAX];
    struct fault f = {0};
    struct hash id;
    status code = contract_decode(&c, bytes, len, &f);

    if (code != OK) {
        assert(f.code == code && f.message[0]);
        assert(code == STATUS_MALFORMED || code == STATUS_CONFIG);
        return 0;
    }
    assert(contract_encode(&again, &c) == OK);
    assert(again.len == len && memcmp(again.bytes, bytes, len) == 0);
    assert(contract_id(&id, &c) == OK);
    assert(contract_label_party(&c) < c.parties);
    assert(contract_disclosures(&c, list) <= DISCLOSURES_MAX);
    check_words(&c);
    check_facts(&c);
    for (uint32_t n = 1; n < UINT32_MAX / 4; n *= 3)
        check_plan(&c, n);
    check_plan(&c, c.party[0].rows);
    return 0;
}
