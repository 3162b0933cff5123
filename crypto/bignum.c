#include "crypto/bignum.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void *wiping_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);

    if (!p)
        abort(); /* GMP has no way to report it */
    return p;
}

static void wiping_free(void *p, size_t size)
{
    sodium_memzero(p, size);
    free(p);
}

static void *wiping_realloc(void *p, size_t old_size, size_t new_size)
{
    void *fresh = wiping_alloc(new_size);

    memcpy(fresh, p, old_size < new_size ? old_size : new_size);
    wiping_free(p, old_size);
    return fresh;
}

void bignum_wipe_freed_memory(void)
{
    mp_set_memory_functions(wiping_alloc, wiping_realloc, wiping_free);
}

void bignum_clear(mpz_t *x)
{
    const size_t limbs = mpz_size(*x);

    if (limbs)
        sodium_memzero(mpz_limbs_modify(*x, (mp_size_t)limbs), limbs * sizeof(mp_limb_t));
    mpz_clear(*x);
}

void bignum_batch_init(struct bignum_batch *b)
{
    for (size_t i = 0; i < BIGNUM_BATCH_MAX; i++)
        mpz_init(b->x[i]);
}

void bignum_batch_clear(struct bignum_batch *b)
{
    for (size_t i = 0; i < BIGNUM_BATCH_MAX; i++)
        bignum_clear(&b->x[i]);
}

void bignum_put(uint8_t *out, size_t len, const mpz_t x)
{
    size_t used = (mpz_sizeinbase(x, 2) + 7) / 8;

    assert(mpz_sgn(x) >= 0);
    memset(out, 0, len);
    if (mpz_sgn(x) == 0)
        return;
    assert(used <= len);
    mpz_export(out + len - used, NULL, 1, 1, 1, 0, x);
}

void bignum_get(mpz_t out, const uint8_t *bytes, size_t len)
{
    mpz_import(out, len, 1, 1, 1, 0, bytes);
}

void bignum_limbs_put(mp_limb_t *out, size_t limbs, const mpz_t x)
{
    size_t used = mpz_size(x);

    assert(mpz_sgn(x) >= 0 && used <= limbs);
    memset(out, 0, limbs * sizeof *out);
    if (used)
        memcpy(out, mpz_limbs_read(x), used * sizeof *out);
}

void bignum_limbs_get(mpz_t out, const mp_limb_t *in, size_t limbs)
{
    memcpy(mpz_limbs_write(out, (mp_size_t)limbs), in, limbs * sizeof *in);
    mpz_limbs_finish(out, (mp_size_t)limbs);
}

status bignum_array_new(mpz_t **out, size_t count)
{
    mpz_t *array;

    TRY(alloc_zeroed(&array, count, sizeof *array));
    for (size_t i = 0; i < count; i++)
        mpz_init(array[i]);
    *out = array;
    return OK;
}

void bignum_array_free(mpz_t *array, size_t count)
{
    if (!array)
        return;
    for (size_t i = 0; i < count; i++)
        mpz_clear(array[i]);
    free(array);
}
