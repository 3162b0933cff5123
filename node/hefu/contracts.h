/* Contracts as commands meet them: in files, and in what nodes say of their jobs. */
#ifndef HEFU_CONTRACTS_H
#define HEFU_CONTRACTS_H

#include "protocol/contract.h"

#include <jansson.h>

/* The contract of a job as a node tells it.  The caller frees it. */
MUST_USE status contracts_of_state(struct contract **out, const json_t *state, struct fault *f);

/* What a word on the command line names: a file with a contract's bytes, or a job of the node or coordinator. */
MUST_USE status contracts_find(struct contract **out, const char *word, const char *node, const char *coordinator,
                               struct fault *f);

/* A suite with its algorithms, in words. */
const char *contracts_suite(enum suite s);

/* Every field in words: an object of texts, as contract_facts orders them.  NULL when memory is out. */
json_t *contracts_terms(const struct contract *c);

#endif
