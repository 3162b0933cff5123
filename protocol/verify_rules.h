/* The verifier's findings as an auditor's catalogue has them: V1 to V28, each a sentence that a lawyer can read, and its
 * verdict.  A check of verify.h may bear on several rules, and a rule may rest on several checks.  [SPEC 7.7] */
#ifndef HEFU_VERIFY_RULES_H
#define HEFU_VERIFY_RULES_H

#include "protocol/verify.h"

enum {
    RULE_SIGNED = 2, RULE_WINDOW = 3, RULE_KEYS = 4, RULE_OUTPUTS = 16, RULE_LIMITS = 17, RULE_SETS = 18, RULE_REUSE = 19,
    RULE_GRADIENTS = 20, RULE_ATTEMPTS = 21, RULE_TIMESTAMPS = 22, RULE_DEPOSITS = 23, RULE_VERSION = 24, RULE_PERSONS = 25,
    RULE_DESTROYED = 26, RULE_UNUSUAL = 27, RULE_REPEATS = 28,
    RULES = 29, /* numbered from 1 */
};

enum rule_verdict { RULE_UNCHECKED, RULE_OK, RULE_FAIL, RULE_NOT_APPLICABLE };

struct rule_line {
    enum rule_verdict verdict;
    char text[1024]; /* what was found, or why nothing was checked; may be empty */
};

/* What stands beside the logs, as whoever can judge it found it: timestamps, deposits, who issued the certificates. */
struct rule_beside {
    const char *text; /* NULL: there is no finding */
    enum verdict verdict;
};

/* Every session given: those of rules_across, and for the links between them. */
struct rule_sessions {
    const struct verify_report *const *of;
    size_t count;
};

/* The rules of the session of r, one of all; beside[i] goes with rule i. */
void rules_of_session(struct rule_line line[RULES], const struct verify_report *r, const struct rule_beside beside[RULES],
                      struct rule_sessions all);
/* RULE_REUSE and RULE_REPEATS, which are about all of them together; the other lines stay. */
void rules_across(struct rule_line line[RULES], struct rule_sessions all);

const char *rule_sentence(int rule);
const char *rule_verdict_name(enum rule_verdict v); /* "OK", "FAIL", "not checked", "not applicable" */

/* Where a session fails first: in what was there before its first record, else at the lowest record, else in the first
 * check that fails.  VERIFY_CHECKS when none does. */
enum verify_check verify_first_failure(const struct verify_report *r);

#endif
