/* What a node takes part in: the limits of node.yaml, applied to a proposal and to the contract made from it.  Every
 * refusal is a sentence that the coordinator may see: it names the rule, never data. */
#ifndef HEFU_POLICY_H
#define HEFU_POLICY_H

#include "node/local/config.h"

enum { POLICY_USES_DAYS = 90 }; /* over which policy.contracts_per_table counts */

/* What decides about a job, whether it is still a proposal or already a contract. */
struct policy_terms {
    const char *coordinator;
    uint32_t key_bits, passes, min_rows;
};

/* STATUS_REFUSED with the rule that says no. */
MUST_USE status policy_check_terms(const struct node_config *c, const struct policy_terms *t, struct fault *f);
/* Whether this node takes contracts of that suite, and has what they are signed with. */
MUST_USE status policy_check_suite(const struct node_config *c, enum suite s, struct fault *f);
/* Whether it knows that party, with a certificate of that suite. */
MUST_USE status policy_check_peer(const struct node_config *c, enum suite s, const char *name, struct fault *f);
MUST_USE status policy_check_table(const struct node_config *c, const char *table, struct fault *f);

/* The contract against this node: it takes part, as itself (certificate and identity key of the contract's suite); everyone else
 * is a known peer under the pinned certificate of that suite; the window is open at time now (Unix seconds); the terms are within the limits. */
MUST_USE status policy_check_contract(const struct node_config *c, const struct contract *k, const char *coordinator,
                                      const struct hash *own_certificate, const struct sign_public *own_identity,
                                      int64_t now, struct fault *f);

/* Whether one more contract may use a table that so many others used within POLICY_USES_DAYS: each model trained on the same rows
 * tells a little of the difference to the others.  STATUS_REFUSED with the rule. */
MUST_USE status policy_check_uses(const struct node_config *c, uint64_t used, struct fault *f);

/* STATUS_REFUSED before and after the contract's window. */
MUST_USE status policy_check_window(const struct contract *k, int64_t now, struct fault *f);

#endif
