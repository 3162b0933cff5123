/* node.yaml, job.yaml and coordinator.yaml from any bytes: what is accepted keeps its promises, what is refused is told
 * in words with the file's name.  The first byte chooses which of the three it is. */
#include "node/local/config.h"
#include "node/local/job_file.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_node(const uint8_t *bytes, size_t len, struct fault *f, status *code)
{
    static struct node_config c;

    *code = config_parse_node(&c, "etc/fuzz.yaml", bytes, len, f);
    if (*code != OK)
        return;
    assert(name_is_valid(c.name) && config_address_is_valid(c.listen));
    assert(c.num_peers <= CONFIG_PEERS_MAX && c.num_coordinators <= CONFIG_COORDINATORS_MAX);
    assert(c.policy.num_tables <= CONFIG_TABLES_MAX && c.policy.num_coordinators <= c.num_coordinators);
    for (uint32_t i = 0; i < c.num_peers; i++)
        assert(name_is_valid(c.peers[i].name) && strcmp(c.peers[i].name, c.name) != 0);
    assert(c.deadlines.handshake_s >= 1 && c.deadlines.peer_s >= 1 && c.deadlines.job_s >= 10);
    assert(c.policy.min_key_bits >= 2048 && c.policy.max_passes <= PASSES_MAX);
    assert(c.policy.approve == APPROVE_ASK || c.policy.approve == APPROVE_AUTO);
}

static void check_job(const uint8_t *bytes, size_t len, struct fault *f, status *code)
{
    static struct job_file j;

    *code = job_file_parse(&j, "etc/fuzz.yaml", bytes, len, f);
    if (*code != OK)
        return;
    assert(j.num_tables >= 2 && j.num_tables <= PARTIES_MAX && j.purpose[0]);
    assert(j.training.passes >= 2 && j.training.passes <= PASSES_MAX && j.training.ridge_micro >= 100);
    assert(j.key_bits == 2048 || j.key_bits == 3072 || j.key_bits == 4096);
    assert(j.test.rule == TEST_LISTED ? j.test.permille == 0 : j.test.permille >= 50 && j.test.permille <= 900);
}

static void check_coordinator(const uint8_t *bytes, size_t len, struct fault *f, status *code)
{
    static struct coordinator_config c;

    *code = config_parse_coordinator(&c, "etc/fuzz.yaml", bytes, len, f);
    assert(*code != OK || c.num_nodes <= CONFIG_PEERS_MAX); /* none yet in a fresh directory */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fault f = {0};
    status code = OK;

    if (len == 0)
        return 0;
    if (bytes[0] == 'j')
        check_job(bytes + 1, len - 1, &f, &code);
    else if (bytes[0] == 'c')
        check_coordinator(bytes + 1, len - 1, &f, &code);
    else
        check_node(bytes + 1, len - 1, &f, &code);
    assert(code == OK || code == STATUS_CONFIG);
    assert(code == OK || strstr(f.message, "fuzz.yaml") != NULL);
    return 0;
}
