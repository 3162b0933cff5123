/* Writes the committed corpora that need signatures or exact lengths: make_corpus tests/fuzz/corpus
 * Contracts, evidence files, frames of every kind, and changes to the messages of a session.  Run it again when the
 * format of contracts changes: an old corpus is refused at once, and then replaying it shows little. */
#include "fuzz/stage.h"
#include "kit/synthetic.h"
#include "protocol/approver.h"
#include "protocol/build.h"

#include <stdio.h>
#include <stdlib.h>

static const char *root;

static void write_file(const char *corpus, const char *name, const void *bytes, size_t len)
{
    char path[1024];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s/%s", root, corpus, name);
    out = fopen(path, "wb");
    if (!out || fwrite(bytes, 1, len, out) != len || fclose(out)) {
        perror(path);
        exit(4);
    }
}

/* ---- contracts ---- */

static void write_contract(const char *name, const struct contract *c)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    status code = contract_encode(&w, c);

    assert(code == OK);
    write_file("contract", name, w.bytes, w.len);
}

static void write_contracts(void)
{
    static struct contract c;

    synthetic_contract(&c, 2, 1);
    write_contract("two", &c);
    c.test_rule = TEST_LISTED;
    c.test_permille = 0;
    write_contract("listed", &c);
    synthetic_contract(&c, 8, 1);
    c.key_bits = 3072;
    c.passes = PASSES_MAX;
    for (party p = 0; p < 8; p++)
        c.party[p].rows = 30000;
    write_contract("eight", &c);
    synthetic_contract(&c, 3, 1);
    c.key_bits = 2048;
    c.fraction_bits = 20;
    c.party[1].columns = 100;
    memset(c.party[1].bins, 64, 100);
    c.party[2].rows = UINT32_MAX / 2;
    write_contract("wide", &c);
    c.party[1].bins[99] = 65;
    write_contract("bins_out_of_range", &c);
    synthetic_contract(&c, 2, 1);
    snprintf(c.party[1].name, sizeof c.party[1].name, "%s", c.party[0].name);
    write_contract("named_twice", &c);
    synthetic_contract(&c, 2, 1);
    c.party[1].has_label = 1;
    write_contract("two_labels", &c);
    synthetic_contract(&c, 2, 1);
    snprintf(c.purpose, sizeof c.purpose, "\xe4\xbf\xa1\xe8\xb4\xb7");
    write_contract("chinese", &c);
    c.replay = 2;
    write_contract("replay_out_of_range", &c);
    synthetic_contract(&c, 2, 1);
    c.data_level = DATA_LEVEL_MAX;
    memset(&c.consent_root, 0x11, sizeof c.consent_root);
    memset(&c.assessment_hash, 0x22, sizeof c.assessment_hash);
    memset(&c.previous, 0x33, sizeof c.previous);
    snprintf(c.authorisations, sizeof c.authorisations, "A-17, B-4");
    snprintf(c.auditor, sizeof c.auditor, "Auditor and Sons");
    memset(&c.auditor_key, 0x44, sizeof c.auditor_key);
    c.auditor_key.bytes[0] = KEY_X25519;
    c.retention_days = RETENTION_DAYS_MAX;
    write_contract("audited", &c);
    c.replay = REPLAY_OFF;
    write_contract("auditor_without_seeds", &c);
    synthetic_contract(&c, 2, 1);
    c.outputs ^= OUTPUT_SCORES;
    write_contract("other_outputs", &c);
    setenv("HEFU_SUITE", "GM1", 1); /* kit/suite.h */
    synthetic_contract(&c, 2, 1);
    write_contract("gm1", &c);
    unsetenv("HEFU_SUITE");
}

/* ---- evidence ---- */

/* One person, and a build; signed so that whoever reads them gets as far as the signature. */
static void sign_beside(struct wire_writer *list, uint8_t stated[BUILD_BYTES], const struct synthetic *s)
{
    static struct approvers people = {1, {{.name = "ada"}}};
    struct build b = {.contract = s->id, .session = s->session, .executable = {{1}}, .version = "0.1.0"};
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct sign_secret secret;
    uint8_t bytes[BUILD_SIGNED_BYTES];

    sign_keypair(&people.of[0].key, &secret, &(struct rng_key){.bytes = {1}, .suite = s->contract.suite});
    approver_statement(&w, &s->id, s->approval[0].attempt, s->contract.party[0].name, "ada");
    sign_make(&people.of[0].signature, &secret, APPROVER_SIGN_TAG, w.bytes, w.len);
    approvers_encode(list, &people);
    build_signed_bytes(bytes, &b);
    sign_make(&b.signature, &s->identity[0], BUILD_SIGN_TAG, bytes, sizeof bytes);
    build_encode(stated, &b);
}

static void write_evidence(const char *name, const struct contract *c, uint64_t seed, struct population population,
                           size_t stop)
{
    static struct synthetic s;
    struct wire_writer w AUTO(wire_writer_clear) = {0}, list AUTO(wire_writer_clear) = {0};
    uint8_t stated[BUILD_BYTES];
    status code = synthetic_play(&s, c, population, seed, stop, NULL);

    assert(code == OK);
    s.bundle[0].attachment[ATTACHMENT_TIMESTAMP_END] = (struct bundle_part){(const uint8_t *)"token", 5};
    s.bundle[0].attachment[ATTACHMENT_DEPOSIT] = (struct bundle_part){(const uint8_t *)"\0\0\0\1a\0\0\0\1b", 10};
    sign_beside(&list, stated, &s);
    s.bundle[0].attachment[ATTACHMENT_APPROVERS] = (struct bundle_part){list.bytes, list.len};
    s.bundle[0].attachment[ATTACHMENT_BUILD] = (struct bundle_part){stated, sizeof stated};
    code = bundle_encode(&w, &s.bundle[0]);
    assert(code == OK);
    write_file("bundle", name, w.bytes, w.len);
    synthetic_clear(&s);
}

static void write_bundles(void)
{
    static struct contract c;
    const struct population drawn = {.rows = 40, .train = 28, .test = 12};

    synthetic_contract(&c, 2, 1);
    write_evidence("whole", &c, 1, drawn, SIZE_MAX);
    write_evidence("stopped", &c, 1, drawn, 9);
    write_evidence("empty", &c, 1, drawn, 0);
    c.test_rule = TEST_LISTED;
    c.test_permille = 0;
    write_evidence("listed", &c, 1, (struct population){.rows = 40, .train = 20, .test = 10}, SIZE_MAX);
    synthetic_contract(&c, 3, 1);
    write_evidence("three", &c, 1, drawn, SIZE_MAX);
    setenv("HEFU_SUITE", "GM1", 1); /* kit/suite.h */
    synthetic_contract(&c, 2, 1);
    write_evidence("gm1", &c, 1, drawn, SIZE_MAX);
    unsetenv("HEFU_SUITE");
}

/* ---- frames of an honest session ---- */

enum { MESSAGE_HEADER = 4, FLAG_REWRITE = 1, FLAG_TAG = 2, FLAG_SIGN = 4, ALL_FLAGS = 7, LONGEST = 12288 };

static uint8_t seen[64]; /* kinds that have been written */

static int index_of_kind(uint16_t kind)
{
    size_t count;
    const struct message_info *list = message_list(&count);

    for (size_t i = 0; i < count; i++)
        if (list[i].kind == kind)
            return (int)i;
    return -1;
}

static enum sim_fate write_frame(void *ctx, party from, party to, uint64_t number, uint8_t *frame, size_t *len)
{
    uint8_t bytes[MESSAGE_HEADER + LONGEST];
    struct record r;
    status code = record_decode(&r, frame);
    const int kind = index_of_kind(r.kind);

    (void)ctx, (void)number, (void)to;
    assert(code == OK && kind >= 0);
    /* what only party 0 says is rewritten by the fuzz target as if party 1 had said it */
    if ((from != 1 && r.kind != MESSAGE_ot_offer && r.kind != MESSAGE_table && r.kind != MESSAGE_metric) || seen[kind] ||
        *len > LONGEST)
        return SIM_DELIVER;
    seen[kind] = 1;
    bytes[0] = (uint8_t)kind;
    bytes[1] = ALL_FLAGS;
    bytes[2] = (uint8_t)r.pass;
    bytes[3] = (uint8_t)r.index;
    memcpy(bytes + MESSAGE_HEADER, frame, *len);
    write_file("message", message_info(r.kind)->name, bytes, MESSAGE_HEADER + *len);
    if (r.kind == MESSAGE_commit) { /* the session's first: valid as it stands */
        bytes[1] = 0;
        write_file("message", "first_as_sent", bytes, MESSAGE_HEADER + *len);
        bytes[MESSAGE_HEADER + 9] ^= 1;
        write_file("message", "session_changed", bytes, MESSAGE_HEADER + *len);
        bytes[1] = FLAG_SIGN;
        write_file("message", "session_changed_and_signed", bytes, MESSAGE_HEADER + *len);
        write_file("message", "cut", bytes, MESSAGE_HEADER + SIGNED_BYTES - 1);
    }
    return SIM_DELIVER;
}

static void write_approval(void)
{
    uint8_t bytes[MESSAGE_HEADER + SIGNED_BYTES + APPROVAL_BYTES] = {0, ALL_FLAGS};

    approval_encode(bytes + MESSAGE_HEADER + SIGNED_BYTES, &stage.approvals[1]);
    write_file("message", "approval", bytes, sizeof bytes);
}

static void write_messages(void)
{
    status code;

    stage_open();
    write_approval();
    stage.disturb = write_frame;
    code = sim_run(&stage, NULL);
    assert(code == OK);
    stage_close();
}

/* ---- a session with one message changed ---- */

static void write_changes(void)
{
    for (unsigned number = 0; number < 48; number += 3)
        for (unsigned self = 0; self < 2; self++) {
            uint8_t bytes[4 + 8] = {(uint8_t)(2 | self), (uint8_t)number, 0, (uint8_t)(number * 5)};
            char name[64];

            bytes[4] = 1; /* one byte, then a run of eight */
            snprintf(name, sizeof name, "byte_%u_%u", self, number);
            write_file("peer", name, bytes, 5);
            memset(bytes + 4, 0xff, 8);
            snprintf(name, sizeof name, "ones_%u_%u", self, number);
            write_file("peer", name, bytes, sizeof bytes);
        }
    write_file("peer", "empty_body", "\0\5\0\0", 4);
    write_file("peer", "short_body", "\1\5\0\0ab", 6);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_corpus tests/fuzz/corpus\n");
        return 2;
    }
    root = argv[1];
    write_contracts();
    write_bundles();
    write_messages();
    write_changes();
    return 0;
}
