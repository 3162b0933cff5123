/* The people who sign an approval where a node's policy asks for more than its operator: what each of them signs, and the list of
 * them, whose hash stands in the approval and which is in the evidence.  [SPEC 2.1.1] */
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

/* ---- the list ---- */

enum { APPROVERS_MAX = 32 };

struct approver {
    char name[PARTY_NAME_MAX];
    struct sign_public key;
    struct signature signature;
};

/* In the order in which they signed. */
struct approvers {
    uint16_t count;
    struct approver of[APPROVERS_MAX];
};

/* u16 count | for each: string name, key, signature.  Appends to w. */
enum { APPROVERS_BYTES_MAX = 2 + APPROVERS_MAX * (2 + PARTY_NAME_MAX + SIGN_PUBLIC_BYTES + SIGNATURE_BYTES) };
void approvers_encode(struct wire_writer *w, const struct approvers *a);
/* STATUS_MALFORMED unless the bytes are exactly what approvers_encode writes of one person or more. */
MUST_USE status approvers_decode(struct approvers *out, const uint8_t *bytes, size_t len);
/* What an approval says of a list that was encoded; len 0: nobody, zero. */
void approvers_hash(struct hash *out, enum suite s, const uint8_t *bytes, size_t len);

/* Different people, with different keys, who all signed this attempt at this party: NULL, or what is wrong, in words. */
const char *approvers_wrong(const struct approvers *a, const struct hash *contract_id, uint32_t attempt, const char *party_name);

#endif
