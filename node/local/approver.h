/* What a person signs who approves a job where the node's policy asks for more than one.  The node counts these signatures
 * before it signs its own approval, and keeps them as evidence.  [SPEC 2.1.1] */
#ifndef HEFU_APPROVER_H
#define HEFU_APPROVER_H

#include "protocol/contract.h"

#define APPROVER_SIGN_TAG "hefu/approver/v1"

/* This contract, this attempt, at this party, by this person: so a signature is good for nothing else.  Appends to w. */
void approver_statement(struct wire_writer *w, const struct hash *contract_id, uint32_t attempt, const char *party_name,
                        const char *approver);

/* STATUS_UNTRUSTED unless it is the signature of that key on the statement. */
MUST_USE status approver_check(const struct signature *sig, const struct sign_public *key, const struct hash *contract_id,
                               uint32_t attempt, const char *party_name, const char *approver);

#endif
