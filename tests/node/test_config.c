/* node.yaml and coordinator.yaml: what is read, and what every mistake is told like. */
#include "node/local/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PIN_A "1111111111111111111111111111111111111111111111111111111111111111"
#define PIN_B "2222222222222222222222222222222222222222222222222222222222222222"
#define HEAD                             \
    "name: bank\n"                       \
    "listen: tcp://127.0.0.1:7101\n"     \
    "state_dir: state\n"                 \
    "certificate: bank.pem\n"            \
    "key: node.key\n"                    \
    "ca: /etc/hefu/ca.pem\n"

static struct node_config config;

static status parse(const char *text, struct fault *f)
{
    return config_parse_node(&config, "dir/node.yaml", text, strlen(text), f);
}

static void assert_refused(const char *text, const char *message)
{
    struct fault f = {0};

    assert_int_equal(parse(text, &f), STATUS_CONFIG);
    assert_string_equal(f.message, message);
}

static void the_short_file_reads_with_defaults(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD, &f), OK);
    assert_string_equal(config.name, "bank");
    assert_string_equal(config.listen, "tcp://127.0.0.1:7101");
    assert_string_equal(config.state_dir, "dir/state");
    assert_string_equal(config.certificate, "dir/bank.pem");
    assert_string_equal(config.ca, "/etc/hefu/ca.pem");
    assert_string_equal(config.crl, "");
    assert_int_equal(config.num_peers, 0);
    assert_int_equal(config.deadlines.peer_s, 120);
    assert_int_equal(config.policy.approve, APPROVE_ASK);
    assert_int_equal(config.policy.outputs, OUTPUT_WEIGHTS | OUTPUT_SCORES | OUTPUT_METRICS);
    assert_int_equal(config.policy.contracts_per_table, 20);
    assert_int_equal(config.policy.approvals, 1);
    assert_int_equal(config.limits.threads, 0);
    assert_int_equal(config.log, LOG_INFO);
}

static void a_node_may_insist_on_a_suite_it_has_an_identity_for(void **state)
{
    static const char gm[] = HEAD "gm: {certificate: a, key: b, ca: c}\npolicy: {suites: [GM1]}\n";
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD, &f), OK);
    assert_int_equal(config.policy.suites, 0);
    assert_int_equal(parse(gm, &f), OK);
    assert_int_equal(config.policy.suites, CONFIG_SUITE(SUITE_GM1));
    assert_int_equal(parse(HEAD "policy: {suites: [INT1]}\n", &f), OK);
    assert_int_equal(config.policy.suites, CONFIG_SUITE(SUITE_INT1));
    assert_refused(HEAD "policy:\n  suites: [INT1, GM1]\n",
                   "dir/node.yaml:8:11: policy.suites: has GM1, but there is no sm2 certificate under gm");
    assert_refused(HEAD "policy:\n  suites: []\n", "dir/node.yaml:8:11: policy.suites needs at least 1 item");
    assert_refused(HEAD "policy:\n  suites: [GM2]\n", "dir/node.yaml:8:12: policy.suites[1] is \"GM2\", not one of: INT1, GM1");
}

static void every_key_reads_into_its_field(void **state)
{
    static const char text[] = HEAD
        "crl: crl.pem\n"
        "peers:\n"
        "- name: tax\n"
        "  address: tcp://tax.example:7102\n"
        "  fingerprint: " PIN_A "\n"
        "- {name: social, address: 'tcp://[::1]:7103', fingerprint: \"" PIN_B "\"}\n"
        "coordinators: [{name: office, fingerprint: AB:" "CD:11:11:11:11:11:11:11:11:11:11:11:11:11:11:"
        "11:11:11:11:11:11:11:11:11:11:11:11:11:11:11:11}]\n"
        "deadlines: {handshake_s: 5, peer_s: 6, approval_s: 7, job_s: 11}\n"
        "policy:\n"
        "  approve: auto\n"
        "  min_rows: 12\n"
        "  max_passes: 13\n"
        "  min_key_bits: 3072\n"
        "  outputs: [metrics, weights]\n"
        "  coordinators: [office]\n"
        "  tables: [customers, loans]\n"
        "limits: {memory_mb: 99, queue_mb: 3, threads: 5}\n"
        "log: debug\n";
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(text, &f), OK);
    assert_string_equal(config.crl, "dir/crl.pem");
    assert_int_equal(config.num_peers, 2);
    assert_string_equal(config.peers[1].name, "social");
    assert_string_equal(config.peers[1].address, "tcp://[::1]:7103");
    assert_int_equal(config.peers[1].fingerprint.bytes[31], 0x22);
    assert_int_equal(config.coordinators[0].fingerprint.bytes[1], 0xCD);
    assert_int_equal(config.deadlines.handshake_s, 5);
    assert_int_equal(config.deadlines.job_s, 11);
    assert_int_equal(config.policy.approve, APPROVE_AUTO);
    assert_int_equal(config.policy.min_rows, 12);
    assert_int_equal(config.policy.max_passes, 13);
    assert_int_equal(config.policy.min_key_bits, 3072);
    assert_int_equal(config.policy.outputs, OUTPUT_METRICS | OUTPUT_WEIGHTS);
    assert_int_equal(config.policy.num_coordinators, 1);
    assert_int_equal(config.policy.num_tables, 2);
    assert_string_equal(config.policy.tables[1], "loans");
    assert_int_equal(config.limits.memory_mb, 99);
    assert_int_equal(config.limits.queue_mb, 3);
    assert_int_equal(config.limits.threads, 5);
    assert_int_equal(config.log, LOG_DEBUG);
}

static void an_authority_has_an_address_and_a_ca(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD, &f), OK);
    assert_string_equal(config.evidence.tsa_url, "");
    assert_int_equal(parse(HEAD "evidence: {tsa_url: 'http://time.example:318/tsr', tsa_ca: tsa.pem, tsa_policy: 1.2.3}\n", &f), OK);
    assert_string_equal(config.evidence.tsa_url, "http://time.example:318/tsr");
    assert_string_equal(config.evidence.tsa_ca, "dir/tsa.pem");
    assert_string_equal(config.evidence.tsa_policy, "1.2.3");
    assert_string_equal(config.evidence.tsa_tls_ca, "");
    assert_int_equal(parse(HEAD "evidence: {tsa_url: 'https://time.example/tsr?a=b', tsa_ca: tsa.pem, tsa_tls_ca: tls.pem}\n", &f), OK);
    assert_string_equal(config.evidence.tsa_url, "https://time.example/tsr?a=b");
    assert_string_equal(config.evidence.tsa_tls_ca, "dir/tls.pem");
    assert_refused(HEAD "evidence:\n  tsa_url: http://time.example\n", "dir/node.yaml:8:3: missing key \"tsa_ca\" in evidence");
    f = (struct fault){0};
    assert_int_equal(parse(HEAD "evidence:\n  tsa_url: https://me:secret@time.example\n  tsa_ca: a\n", &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "dir/node.yaml:8:12: evidence.tsa_url"));
    f = (struct fault){0};
    assert_int_equal(parse(HEAD "evidence: {tsa_url: 'http://a', tsa_ca: a, tsa_policy: mine}\n", &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "evidence.tsa_policy"));
    assert_refused(HEAD "evidence:\n  tsa: x\n", "dir/node.yaml:8:3: unknown key \"tsa\" in evidence");
}

static void a_second_identity_has_files_of_its_own_and_peers_a_second_pin(void **state)
{
    static const char text[] = HEAD
        "gm: {certificate: bank-gm.pem, key: node-gm.key, ca: ca-gm.pem, crl: crl-gm.pem}\n"
        "peers:\n"
        "- {name: tax, address: tcp://a:1, fingerprint: " PIN_A ", gm_fingerprint: " PIN_B "}\n"
        "- {name: social, address: tcp://a:2, fingerprint: " PIN_B "}\n";
    struct config_identity own;
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(text, &f), OK);
    own = config_identity(&config, SUITE_GM1);
    assert_string_equal(own.certificate, "dir/bank-gm.pem");
    assert_string_equal(own.key, "dir/node-gm.key");
    assert_string_equal(own.ca, "dir/ca-gm.pem");
    assert_string_equal(own.crl, "dir/crl-gm.pem");
    own = config_identity(&config, SUITE_INT1);
    assert_string_equal(own.certificate, "dir/bank.pem");
    assert_string_equal(own.crl, "");
    assert_int_equal(config_peer_pin(&config.peers[0], SUITE_INT1)->bytes[0], 0x11);
    assert_int_equal(config_peer_pin(&config.peers[0], SUITE_GM1)->bytes[0], 0x22);
    assert_int_equal(config_peer_pin(&config.peers[1], SUITE_INT1)->bytes[0], 0x22);
    assert_null(config_peer_pin(&config.peers[1], SUITE_GM1));
    assert_int_equal(parse(HEAD, &f), OK);
    assert_string_equal(config_identity(&config, SUITE_GM1).certificate, "");
    assert_refused(HEAD "gm:\n  certificate: a\n  key: b\n", "dir/node.yaml:8:3: missing key \"ca\" in gm");
    assert_refused(HEAD "peers:\n"
                        "  - {name: tax, address: tcp://a:1, fingerprint: " PIN_A ", gm_fingerprint: " PIN_A "}\n"
                        "  - {name: social, address: tcp://b:1, fingerprint: " PIN_B ",\n"
                        "     gm_fingerprint: " PIN_A "}\n",
                   "dir/node.yaml:10:22: peers[2].gm_fingerprint: the same certificate as tax");
}

static void the_samples_read(void **state)
{
    struct coordinator_config *coordinator AUTO(auto_free) = NULL;
    struct fault f = {0};

    (void)state;
    assert_int_equal(config_load_node(&config, HEFU_SOURCE_DIR "/configs/node.yaml", &f), OK);
    assert_int_equal(config.num_peers, 2);
    assert_non_null(config_peer_pin(&config.peers[0], SUITE_GM1));
    assert_non_null(strstr(config.gm.key, "configs/node-gm.key"));
    assert_int_equal(alloc_zeroed(&coordinator, 1, sizeof *coordinator), OK);
    assert_int_equal(config_load_coordinator(coordinator, HEFU_SOURCE_DIR "/configs/coordinator.yaml", &f), OK);
    assert_int_equal(coordinator->num_nodes, 3);
    assert_non_null(config_peer_pin(&coordinator->nodes[0], SUITE_GM1));
    assert_non_null(strstr(coordinator->gm.ca, "configs/ca-gm.pem"));
    assert_string_equal(config_find_peer(coordinator->nodes, coordinator->num_nodes, "tax")->address,
                        "tcp://127.0.0.1:7102");
    assert_null(config_find_peer(coordinator->nodes, coordinator->num_nodes, "nobody"));
}

static void unknown_keys_are_named_with_the_nearest_known_one(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD "lissten: x\n", &f), STATUS_CONFIG);
    assert_string_equal(f.message, "dir/node.yaml:7:1: unknown key \"lissten\"");
    assert_string_equal(f.hint, "did you mean \"listen\"?");
    f = (struct fault){0};
    assert_int_equal(parse(HEAD "policy:\n  approve: ask\n  zzzzzzz: 3\n", &f), STATUS_CONFIG);
    assert_string_equal(f.message, "dir/node.yaml:9:3: unknown key \"zzzzzzz\" in policy");
    assert_string_equal(f.hint,
                        "accepted here: approve, min_rows, max_passes, min_key_bits, outputs, suites, coordinators, tables, "
                        "contracts_per_table, approvals");
    assert_refused(HEAD "peers:\n  - name: tax\n    adress: x\n",
                   "dir/node.yaml:9:5: unknown key \"adress\" in peers[1]");
}

static void missing_keys_are_named(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse("name: bank\nstate_dir: s\n", &f), STATUS_CONFIG);
    assert_string_equal(f.message, "dir/node.yaml:1:1: missing key \"listen\"");
    assert_string_equal(f.hint, "add a line \"listen: ...\" with an address such as tcp://127.0.0.1:7101");
    assert_refused(HEAD "peers:\n  - name: tax\n    address: tcp://a:1\n",
                   "dir/node.yaml:8:5: missing key \"fingerprint\" in peers[1]");
}

static void repeated_keys_are_named_with_both_lines(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD "name: bank\n", &f), STATUS_CONFIG);
    assert_string_equal(f.message, "dir/node.yaml:7:1: name appears twice");
    assert_string_equal(f.hint, "it stands on line 1 already; keep one of the two");
    assert_refused(HEAD "limits:\n  queue_mb: 4\n  queue_mb: 4\n",
                   "dir/node.yaml:9:3: limits.queue_mb appears twice");
}

static void numbers_outside_their_range_are_named_with_it(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(parse(HEAD "deadlines:\n  handshake_s: 0\n", &f), STATUS_CONFIG);
    assert_string_equal(f.message, "dir/node.yaml:8:16: deadlines.handshake_s is 0, outside 1 to 600");
    assert_string_equal(f.hint, "deadlines.handshake_s takes a whole number from 1 to 600");
    assert_refused(HEAD "deadlines: {handshake_s: 601}\n",
                   "dir/node.yaml:7:26: deadlines.handshake_s is 601, outside 1 to 600");
    assert_refused(HEAD "policy: {min_key_bits: 1024}\n",
                   "dir/node.yaml:7:24: policy.min_key_bits is 1024, outside 2048 to 4096");
    assert_refused(HEAD "policy: {max_passes: 99999999999999999999999}\n",
                   "dir/node.yaml:7:22: policy.max_passes is \"99999999999999999999999\", "
                   "not a whole number from 2 to 64");
}

static void values_of_another_type_are_named(void **state)
{
    (void)state;
    assert_refused(HEAD "limits: {queue_mb: lots}\n",
                   "dir/node.yaml:7:20: limits.queue_mb is \"lots\", not a whole number from 1 to 65536");
    assert_refused(HEAD "limits: {queue_mb: -1}\n",
                   "dir/node.yaml:7:20: limits.queue_mb is \"-1\", not a whole number from 1 to 65536");
    assert_refused(HEAD "limits: {queue_mb: 1.5}\n",
                   "dir/node.yaml:7:20: limits.queue_mb is \"1.5\", not a whole number from 1 to 65536");
    assert_refused(HEAD "limits: {queue_mb: \"3\"}\n",
                   "dir/node.yaml:7:20: limits.queue_mb is \"3\", not a whole number from 1 to 65536");
    assert_refused(HEAD "limits: {queue_mb: [3]}\n",
                   "dir/node.yaml:7:20: limits.queue_mb must be a whole number from 1 to 65536");
    assert_refused(HEAD "limits: [3]\n", "dir/node.yaml:7:9: limits must be a group of keys");
    assert_refused(HEAD "peers: tax\n", "dir/node.yaml:7:8: peers must be a list");
    assert_refused(HEAD "crl: [a]\n", "dir/node.yaml:7:6: crl must be a text");
    assert_refused(HEAD "crl:\n", "dir/node.yaml:7:5: crl is empty");
    assert_refused("- name\n", "dir/node.yaml:1:1: the file must be a group of keys");
    assert_refused(HEAD "? [a]\n: b\n", "dir/node.yaml:7:3: a key must be a plain word");
}

static void words_outside_their_list_are_named_with_it(void **state)
{
    (void)state;
    assert_refused(HEAD "policy: {approve: auto, approvals: 2}\n",
                   "dir/node.yaml:7:36: policy.approvals: does not go together with approve: auto");
    assert_refused(HEAD "policy: {approvals: 9}\n", "dir/node.yaml:7:21: policy.approvals is 9, outside 1 to 8");
    assert_refused(HEAD "policy: {contracts_per_table: 100001}\n",
                   "dir/node.yaml:7:31: policy.contracts_per_table is 100001, outside 0 to 100000");
    assert_refused(HEAD "policy:\n  approve: never\n",
                   "dir/node.yaml:8:12: policy.approve is \"never\", not one of: ask, auto");
    assert_refused(HEAD "policy:\n  outputs: [weights, rows]\n",
                   "dir/node.yaml:8:22: policy.outputs[2] is \"rows\", not one of: weights, scores, metrics");
    assert_refused(HEAD "log: loud\n", "dir/node.yaml:7:6: log is \"loud\", not one of: error, warn, info, debug");
}

static void aliases_anchors_and_tags_are_refused(void **state)
{
    (void)state;
    assert_refused("name: &n bank\n", "dir/node.yaml:1:7: anchors and aliases are not accepted");
    assert_refused("name: bank\nlisten: *n\n", "dir/node.yaml:2:9: anchors and aliases are not accepted");
    assert_refused("name: !!str bank\n", "dir/node.yaml:1:7: tags are not accepted");
    assert_refused(HEAD "peers: &p []\n", "dir/node.yaml:7:8: anchors and aliases are not accepted");
}

static void bad_fingerprints_are_refused(void **state)
{
    static const char *const bad[] = {"1234", PIN_A "11", PIN_A ":", "g" PIN_A, ":" PIN_A,
                                      "111111111111111111111111111111111111111111111111111111111111111g"};
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[1024];

        snprintf(text, sizeof text, HEAD "coordinators:\n  - name: office\n    fingerprint: \"%s\"\n", bad[i]);
        f = (struct fault){0};
        assert_int_equal(parse(text, &f), STATUS_CONFIG);
        assert_string_equal(f.message, "dir/node.yaml:9:18: coordinators[1].fingerprint must be the sha-256 fingerprint of its certificate: "
                                       "64 hexadecimal digits");
        assert_string_equal(f.hint, "hefu ca show CERTIFICATE prints the fingerprint");
    }
}

static void bad_names_and_addresses_are_refused(void **state)
{
    static const char *const bad_addresses[] = {"127.0.0.1:7101", "tcp://:7101", "tcp://a", "tcp://a:0",
                                                "tcp://a:65536",
                                                "tcp://a:x", "tcp://a b:1", "tcp://::1:80", "tls://a:1", "tcp://a:"};
    static const char *const good_addresses[] = {"tcp://a:1", "tcp://10.0.0.1:65535", "tcp://[::1]:80",
                                                 "tcp://node.tax.example:7101"};

    (void)state;
    for (size_t i = 0; i < sizeof bad_addresses / sizeof *bad_addresses; i++)
        assert_false(config_address_is_valid(bad_addresses[i]));
    for (size_t i = 0; i < sizeof good_addresses / sizeof *good_addresses; i++)
        assert_true(config_address_is_valid(good_addresses[i]));
    assert_refused("name: bank\nlisten: 127.0.0.1:7101\n",
                   "dir/node.yaml:2:9: listen is \"127.0.0.1:7101\", not an address such as tcp://127.0.0.1:7101");
    assert_refused("name: The Bank\n", "dir/node.yaml:1:7: name is \"The Bank\", not " NAME_RULE);
    assert_refused("name: \"ba\\u0007nk\"\n", "dir/node.yaml:1:7: name holds a control character or a line break");
    assert_refused("name: \"ba\\0nk\"\n", "dir/node.yaml:1:7: a text holds a NUL character");
    assert_refused("name: abcdefghijklmnopqrstuvwxyz1234567\n",
                   "dir/node.yaml:1:7: name is longer than 31 bytes");
    assert_refused("name: ../etc\n", "dir/node.yaml:1:7: name is \"../etc\", not " NAME_RULE);
}

static void entries_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    assert_refused(HEAD "peers:\n"
                        "  - {name: tax, address: tcp://a:1, fingerprint: " PIN_A "}\n"
                        "  - {name: tax, address: tcp://b:1, fingerprint: " PIN_B "}\n",
                   "dir/node.yaml:9:12: peers[2].name: \"tax\" is listed twice");
    assert_refused(HEAD "peers:\n"
                        "  - {name: tax, address: tcp://a:1, fingerprint: " PIN_A "}\n"
                        "  - {name: social, address: tcp://b:1, fingerprint: " PIN_A "}\n",
                   "dir/node.yaml:9:53: peers[2].fingerprint: the same certificate as tax");
    assert_refused(HEAD "peers: [{name: bank, address: tcp://a:1, fingerprint: " PIN_A "}]\n",
                   "dir/node.yaml:7:16: peers[1].name: \"bank\" is this node itself");
    assert_refused(HEAD "policy: {coordinators: [office]}\n",
                   "dir/node.yaml:7:25: policy.coordinators[1]: \"office\" is not one of the coordinators above");
}

static void too_many_entries_are_refused(void **state)
{
    char text[4096] = HEAD "policy:\n  tables: [a0";
    size_t len = strlen(text);

    (void)state;
    for (int i = 1; i <= CONFIG_TABLES_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, ", a%d", i);
    snprintf(text + len, sizeof text - len, "]\n");
    assert_refused(text, "dir/node.yaml:8:322: policy.tables has more than 64 items");
}

static void files_that_are_not_yaml_are_refused(void **state)
{
    (void)state;
    assert_refused("", "dir/node.yaml:1:1: the file is empty");
    assert_refused("# nothing\n", "dir/node.yaml:1:1: the file is empty");
    assert_refused("name: bank\n\tlisten: x\n",
                   "dir/node.yaml:2:1: not valid yaml: found a tab character that violates indentation");
    assert_refused("name: \"bank\n", "dir/node.yaml:2:1: not valid yaml: found unexpected end of stream");
    assert_refused(HEAD "---\nname: b\n", "dir/node.yaml:7:1: a second document in one file");
    assert_refused("name: \xff\xfe\n", "dir/node.yaml:1:1: not valid yaml: invalid leading UTF-8 octet");
}

static void a_refused_file_leaves_the_configuration_as_it_was(void **state)
{
    struct node_config before;
    struct fault f = {0};

    (void)state;
    memset(&config, 0x5A, sizeof config);
    before = config;
    assert_int_equal(parse(HEAD "log: loud\n", &f), STATUS_CONFIG);
    assert_memory_equal(&before, &config, sizeof config);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(config_load_node(&config, "/nonexistent/node.yaml", &f), STATUS_CONFIG);
    assert_string_equal(f.message, "/nonexistent/node.yaml: cannot be read: No such file or directory");
    assert_non_null(strstr(f.hint, "hefu node init"));
    f = (struct fault){0};
    assert_int_equal(config_load_node(&config, "/tmp", &f), STATUS_CONFIG);
    assert_string_equal(f.message, "/tmp: not a regular file");
}

static void a_coordinator_lists_its_nodes_if_only_an_empty_list(void **state)
{
    static const char head[] = "certificate: c.pem\nkey: c.key\nca: ca.pem\n";
    struct coordinator_config *c AUTO(auto_free) = NULL;
    struct fault f = {0};
    char text[512];

    (void)state;
    assert_int_equal(alloc_zeroed(&c, 1, sizeof *c), OK);
    assert_int_equal(config_parse_coordinator(c, "c.yaml", head, strlen(head), &f), STATUS_CONFIG);
    assert_string_equal(f.message, "c.yaml:1:1: missing key \"nodes\"");
    f = (struct fault){0};
    snprintf(text, sizeof text, "%snodes: []\n", head); /* as hefu coordinator init writes it */
    assert_int_equal(config_parse_coordinator(c, "c.yaml", text, strlen(text), &f), OK);
    assert_int_equal(c->num_nodes, 0);
    snprintf(text, sizeof text, "%snodes: [{name: tax, address: tcp://a:1, fingerprint: " PIN_A "}]\n", head);
    assert_int_equal(config_parse_coordinator(c, "c.yaml", text, strlen(text), &f), OK);
    assert_string_equal(c->key, "c.key");
    assert_int_equal(c->deadlines.handshake_s, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_file_reads_with_defaults),
        cmocka_unit_test(a_node_may_insist_on_a_suite_it_has_an_identity_for),
        cmocka_unit_test(every_key_reads_into_its_field),
        cmocka_unit_test(an_authority_has_an_address_and_a_ca),
        cmocka_unit_test(a_second_identity_has_files_of_its_own_and_peers_a_second_pin),
        cmocka_unit_test(the_samples_read),
        cmocka_unit_test(unknown_keys_are_named_with_the_nearest_known_one),
        cmocka_unit_test(missing_keys_are_named),
        cmocka_unit_test(repeated_keys_are_named_with_both_lines),
        cmocka_unit_test(numbers_outside_their_range_are_named_with_it),
        cmocka_unit_test(values_of_another_type_are_named),
        cmocka_unit_test(words_outside_their_list_are_named_with_it),
        cmocka_unit_test(aliases_anchors_and_tags_are_refused),
        cmocka_unit_test(bad_fingerprints_are_refused),
        cmocka_unit_test(bad_names_and_addresses_are_refused),
        cmocka_unit_test(entries_that_contradict_each_other_are_refused),
        cmocka_unit_test(too_many_entries_are_refused),
        cmocka_unit_test(files_that_are_not_yaml_are_refused),
        cmocka_unit_test(a_refused_file_leaves_the_configuration_as_it_was),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(a_coordinator_lists_its_nodes_if_only_an_empty_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
