#include "node/local/policy.h"

#include <string.h>

enum { KEY_BITS_FLOOR = 2048 }; /* whatever node.yaml says */

static int listed(const char (*names)[NAME_BYTES], uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!strcmp(names[i], name))
            return 1;
    }
    return 0;
}

static status refuse_output(const struct node_config *c, enum contract_output output, const char *words, struct fault *f)
{
    if (c->policy.outputs & output)
        return OK;
    (void)fault_set(f, STATUS_REFUSED, "the policy of %s does not let %s be a result", c->name, words);
    fault_hint(f, "every job of this kind has this result; its operator may add it to policy.outputs");
    return STATUS_REFUSED;
}

status policy_check_terms(const struct node_config *c, const struct policy_terms *t, struct fault *f)
{
    const struct config_policy *p = &c->policy;
    uint32_t key_bits = p->min_key_bits > KEY_BITS_FLOOR ? p->min_key_bits : KEY_BITS_FLOOR;

    if (p->num_coordinators && !listed(p->coordinators, p->num_coordinators, t->coordinator))
        return fault_set(f, STATUS_REFUSED, "the policy of %s takes no jobs from coordinator %s", c->name,
                         t->coordinator);
    if (t->key_bits < key_bits) {
        fault_hint(f, "set key_bits in the job file to %u or more", key_bits);
        return fault_set(f, STATUS_REFUSED, "key_bits is %u, %s takes %u or more", t->key_bits, c->name, key_bits);
    }
    if (t->passes > p->max_passes) {
        fault_hint(f, "set training.passes in the job file to %u or less", p->max_passes);
        return fault_set(f, STATUS_REFUSED, "passes is %u, %s takes %u or fewer", t->passes, c->name, p->max_passes);
    }
    if (t->min_rows < p->min_rows) {
        fault_hint(f, "set limits.min_rows in the job file to %u or more, or ask its operator to lower policy.min_rows",
                   p->min_rows);
        return fault_set(f, STATUS_REFUSED, "limits.min_rows is %u, %s takes jobs with %u common people or more",
                         t->min_rows, c->name, p->min_rows);
    }
    TRY(refuse_output(c, OUTPUT_WEIGHTS, "the weights of a party's own columns", f));
    TRY(refuse_output(c, OUTPUT_SCORES, "the scores of the test rows", f));
    return refuse_output(c, OUTPUT_METRICS, "the agreed metrics", f);
}

status policy_check_table(const struct node_config *c, const char *table, struct fault *f)
{
    const struct config_policy *p = &c->policy;

    if (!p->num_tables || listed(p->tables, p->num_tables, table))
        return OK;
    fault_hint(f, "its operator may add it to policy.tables");
    return fault_set(f, STATUS_REFUSED, "the policy of %s does not let jobs use table %.31s", c->name, table);
}

status policy_check_uses(const struct node_config *c, uint64_t used, struct fault *f)
{
    const uint32_t limit = c->policy.contracts_per_table;

    if (!limit || used < limit)
        return OK;
    fault_hint(f, "wait, or let its operator raise policy.contracts_per_table in node.yaml");
    return fault_set(f, STATUS_REFUSED, "%s lets a table be used by %u contracts in %d days, and it was by %llu", c->name, limit,
                     POLICY_USES_DAYS, (unsigned long long)used);
}

status policy_check_window(const struct contract *k, int64_t now, struct fault *f)
{
    if (now >= 0 && (uint64_t)now > k->not_after) {
        fault_hint(f, "propose the job again; window_hours in the job file says how long it may take");
        return fault_set(f, STATUS_REFUSED, "the window of the contract is over");
    }
    if (now < 0 || (uint64_t)now < k->not_before) {
        fault_hint(f, "compare the clocks of the coordinator and of this node");
        return fault_set(f, STATUS_REFUSED, "the window of the contract has not begun");
    }
    return OK;
}

status policy_check_suite(const struct node_config *c, enum suite s, struct fault *f)
{
    if (!config_identity(c, s).certificate[0]) {
        fault_hint(f, "its operator makes a key and a request for one with hefu node gm");
        return fault_set(f, STATUS_REFUSED, "%s takes no part in contracts of suite %s: it has no sm2 certificate", c->name,
                         suite_name(s));
    }
    if (!c->policy.suites || c->policy.suites & CONFIG_SUITE(s))
        return OK;
    fault_hint(f, "set another suite in the job file, or ask its operator to add %s to policy.suites", suite_name(s));
    return fault_set(f, STATUS_REFUSED, "the policy of %s takes no contracts of suite %s", c->name, suite_name(s));
}

status policy_check_peer(const struct node_config *c, enum suite s, const char *name, struct fault *f)
{
    const struct config_peer *peer = config_find_peer(c->peers, c->num_peers, name);

    if (!peer) {
        fault_hint(f, "its operator may add %.31s, with address and fingerprint, to peers in node.yaml", name);
        return fault_set(f, STATUS_REFUSED, "%s does not know the party %.31s", c->name, name);
    }
    if (!config_peer_pin(peer, s)) {
        fault_hint(f, "its operator pins it: hefu node trust %s-gm.pem", peer->name);
        return fault_set(f, STATUS_REFUSED, "%s does not know the sm2 certificate of %s, which a contract of suite %s needs",
                         c->name, peer->name, suite_name(s));
    }
    return OK;
}

static status check_other(const struct node_config *c, enum suite s, const struct contract_party *other, struct fault *f)
{
    TRY(policy_check_peer(c, s, other->name, f));
    if (!hash_equal(config_peer_pin(config_find_peer(c->peers, c->num_peers, other->name), s), &other->certificate)) {
        fault_hint(f, "if %s has a new certificate, every peer must learn its new fingerprint", other->name);
        return fault_set(f, STATUS_REFUSED, "the contract has another certificate of %s than %s knows", other->name,
                         c->name);
    }
    return OK;
}

status policy_check_contract(const struct node_config *c, const struct contract *k, const char *coordinator,
                             const struct hash *own_certificate, const struct sign_public *own_identity, int64_t now,
                             struct fault *f)
{
    const struct policy_terms terms = {
        .coordinator = coordinator, .key_bits = k->key_bits, .passes = k->passes, .min_rows = k->min_rows};
    party self = contract_party_named(k, c->name);

    if (self == k->parties)
        return fault_set(f, STATUS_REFUSED, "%s is not a party of this contract", c->name);
    TRY(policy_check_suite(c, k->suite, f));
    if (!hash_equal(&k->party[self].certificate, own_certificate) ||
        memcmp(k->party[self].identity.bytes, own_identity->bytes, SIGN_PUBLIC_BYTES) != 0)
        return fault_set(f, STATUS_REFUSED, "the contract has another certificate or identity key of %s than its own",
                         c->name);
    for (party p = 0; p < k->parties; p++) {
        if (p != self)
            TRY(check_other(c, k->suite, &k->party[p], f));
    }
    TRY(policy_check_window(k, now, f));
    return policy_check_terms(c, &terms, f);
}
