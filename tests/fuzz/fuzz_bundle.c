/* Evidence files from any bytes: what is accepted is canonical, and the auditor's checks end with a verdict in words. */
#include "crypto/wire.h"
#include "protocol/approver.h"
#include "protocol/build.h"
#include "protocol/stamp.h"
#include "protocol/verify_rules.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What fails breaks a rule. */
static void check_rules(const struct verify_report *r)
{
    static const struct rule_beside nothing[RULES];
    static struct rule_line line[RULES];
    const struct rule_sessions all = {&r, 1};
    int broken = 0;

    rules_of_session(line, r, nothing, all);
    rules_across(line, all);
    for (int v = 1; v < RULES; v++)
        broken |= line[v].verdict == RULE_FAIL;
    assert(r->ok || broken);
    assert(r->ok == (verify_first_failure(r) == VERIFY_CHECKS));
}

/* What stands beside the log and is read by itself: accepted in one form alone. */
static void check_beside(const struct bundle *b, const struct verify_report *r)
{
    const struct bundle_part *list = &b->attachment[ATTACHMENT_APPROVERS], *stated = &b->attachment[ATTACHMENT_BUILD];
    const char *name = r->contract.party[b->self].name;
    struct wire_writer again AUTO(wire_writer_clear) = {0};
    struct approvers people;
    struct build build;
    uint8_t bytes[BUILD_BYTES];
    const char *wrong;

    if (list->bytes && approvers_decode(&people, list->bytes, list->len) == OK) {
        approvers_encode(&again, &people);
        assert(again.len == list->len && memcmp(again.bytes, list->bytes, list->len) == 0);
        wrong = approvers_wrong(&people, &r->contract_id, r->attempt, name);
        assert(!wrong || wrong[0]);
    }
    if (stated->bytes && build_decode(&build, stated->bytes, stated->len) == OK) {
        build_encode(bytes, &build);
        assert(memcmp(bytes, stated->bytes, BUILD_BYTES) == 0 && strlen(build.version) < BUILD_VERSION_BYTES);
        wrong = build_wrong(&build, &r->contract, &r->contract_id, &r->session, b->self);
        assert(!wrong || wrong[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct verify_memo memo; /* the corpus' good signatures are checked once */
    static struct verify_report report;
    const struct verify_options options = {.allow_small_keys = 1, .memo = &memo};
    struct wire_writer again AUTO(wire_writer_clear) = {0};
    struct fault f = {0};
    char line[STAMP_LINE_BYTES];
    struct stamps stamps;
    struct bundle b;
    int failures = 0;

    if (bundle_decode(&b, bytes, len, &f) != OK) {
        assert(f.code == STATUS_MISMATCH && f.message[0] && f.hint[0]);
        return 0;
    }
    assert(bundle_encode(&again, &b) == OK);
    assert(again.len == len && memcmp(again.bytes, bytes, len) == 0);
    if (stamps_of_bundle(&stamps, &b, NULL) == OK)
        assert(stamp_line(line, &stamps) < STAMP_LINE_BYTES && (stamps.joints || stamp_line(line, &stamps) == 0));
    assert(verify_bundles(&report, &b, 1, &options) == OK);
    for (int i = 0; i < VERIFY_CHECKS; i++) {
        assert(report.line[i].text[0]);
        failures += report.line[i].verdict == VERDICT_FAIL;
    }
    assert(report.ok == (failures == 0));
    check_rules(&report);
    if (report.has_contract)
        check_beside(&b, &report);
    return 0;
}
