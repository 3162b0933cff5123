/* Keyrings of nodes that differ, in the scratch directory; they sign in the suite of kit/suite.h. */
#ifndef HEFU_TEST_KEYS_H
#define HEFU_TEST_KEYS_H

#include "kit/suite.h"
#include "node/local/ca.h"
#include "node/local/keyring.h"
#include "node/scratch.h"

static struct keyring *new_keyring(const char *name)
{
    char key[FILES_PATH_BYTES], state[FILES_PATH_BYTES];
    struct keyring *k = NULL;

    snprintf(key, sizeof key, "%s/%s.key", scratch, name);
    snprintf(state, sizeof state, "%s/%s", scratch, name);
    assert_int_equal(ca_make_key(key, kit_suite(), NULL), OK);
    assert_int_equal(keyring_new(&k, key, state, NULL), OK);
    return k;
}

#endif
