/* What the tests of crypto/ share: cmocka, seeded generators, hexadecimal. */
#ifndef HEFU_TESTS_CRYPTO_TESTING_H
#define HEFU_TESTS_CRYPTO_TESTING_H

#include "crypto/bignum.h"
#include "crypto/rng.h"
#include "crypto/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* The seed of the random inputs: HEFU_TEST_SEED or 1; printed, so that a failure can be run again. */
static inline uint64_t test_seed(void)
{
    static uint64_t seed;

    if (!seed) {
        const char *text = getenv("HEFU_TEST_SEED");

        seed = text ? strtoull(text, NULL, 10) : 1;
        printf("HEFU_TEST_SEED=%llu\n", (unsigned long long)seed);
    }
    return seed;
}

/* A generator of its own for each purpose. */
static inline void test_rng(struct rng *g, const char *purpose)
{
    struct rng_key key = {.bytes = {0}};

    store_u64(key.bytes, test_seed());
    rng_init(g, &key, &(struct rng_address){.purpose = purpose});
}

/* The generator of the vectors: key 00 01 .. 1f. */
static inline void vector_rng(struct rng *g, const char *purpose, uint64_t index)
{
    struct rng_key key;

    for (uint8_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = i;
    rng_init(g, &key, &(struct rng_address){.purpose = purpose, .index = index});
}

static inline void unhex(uint8_t *out, size_t len, const char *hex)
{
    assert_int_equal(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static inline void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    uint8_t expected[4096];

    assert_true(len <= sizeof expected);
    unhex(expected, len, hex);
    assert_memory_equal(bytes, expected, len);
}

static inline void assert_mpz_hex(const mpz_t x, const char *hex)
{
    BIGNUM(expected);

    assert_int_equal(mpz_set_str(expected, hex, 16), 0);
    assert_int_equal(mpz_cmp(x, expected), 0);
}

#define assert_mpz_equal(a, b) assert_int_equal(mpz_cmp(a, b), 0)

/* Pearson's statistic of counts that should all be total / count. */
static inline double chi_square(const uint64_t *counts, size_t count)
{
    double total = 0, sum = 0;

    for (size_t i = 0; i < count; i++)
        total += (double)counts[i];
    for (size_t i = 0; i < count; i++) {
        double off = (double)counts[i] - total / (double)count;

        sum += off * off / (total / (double)count);
    }
    return sum;
}

/* Uses that make a blind draw directly, and from tables, at any key size. */
enum { USES_DIRECT = 1, USES_TABLE = 100000 };

#endif
