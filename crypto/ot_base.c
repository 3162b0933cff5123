/* Endemic OT of Masny and Rindal (CCS 2019, ePrint 2019/706), over Diffie-Hellman in ristretto255.  [SPEC 3.5] */
#include "crypto/ot_parts.h"
#include "crypto/wire.h"

#include <sodium.h>
#include <string.h>

void ot_context_hash(struct hash *out, const struct ot_context *where)
{
    struct hasher h;

    hasher_init(&h, SUITE_INT1, "hefu/ot/v1");
    hasher_add_hash(&h, where->session);
    hasher_add_u64(&h, where->sender);
    hasher_add_u64(&h, where->receiver);
    hasher_add(&h, where->purpose, strlen(where->purpose));
    hasher_final(&h, out);
}

/* What offset is added to the point of choice bit, given the point beside it: a random oracle into the group. */
static void offset_of(struct group_element *out, const struct hash *context, uint32_t index, uint8_t bit,
                      const struct group_element *beside)
{
    static const uint8_t domain[] = {'h', 'e', 'f', 'u', '-', 'o', 't', '-', 'p', 'o', 'i', 'n', 't'};
    uint8_t place[4 + 1], wide[crypto_core_ristretto255_HASHBYTES];
    crypto_hash_sha512_state st;

    store_u32(place, index);
    place[4] = bit;
    crypto_hash_sha512_init(&st);
    crypto_hash_sha512_update(&st, domain, sizeof domain);
    crypto_hash_sha512_update(&st, context->bytes, HASH_BYTES);
    crypto_hash_sha512_update(&st, place, sizeof place);
    crypto_hash_sha512_update(&st, beside->bytes, GROUP_BYTES);
    crypto_hash_sha512_final(&st, wide);
    crypto_core_ristretto255_from_hash(out->bytes, wide);
    sodium_memzero(&st, sizeof st); /* which of the two points is the offset of the other is the choice */
    sodium_memzero(wide, sizeof wide);
}

static void element_clear(struct group_element *e)
{
    sodium_memzero(e, sizeof *e);
}

static void offer_hash(struct hash *out, const uint8_t offer[OT_OFFER_BYTES])
{
    struct hasher h;

    hasher_init(&h, SUITE_INT1, "hefu/ot/offer/v1");
    hasher_add(&h, offer, OT_OFFER_BYTES);
    hasher_final(&h, out);
}

static void pad_of(struct ot_block *out, const struct hash *context, const struct hash *offer,
                   const struct group_element *answer, uint32_t index, uint8_t bit, const struct group_element *shared)
{
    struct hasher h;
    struct hash full;

    hasher_init(&h, SUITE_INT1, "hefu/ot/pad/v1");
    hasher_add_hash(&h, context);
    hasher_add_hash(&h, offer);
    hasher_add(&h, answer->bytes, GROUP_BYTES);
    hasher_add_u64(&h, index);
    hasher_add_u64(&h, bit);
    hasher_add(&h, shared->bytes, GROUP_BYTES);
    hasher_final(&h, &full);
    memcpy(out->bytes, full.bytes, sizeof out->bytes);
    sodium_memzero(&h, sizeof h);
    sodium_memzero(&full, sizeof full);
}

void ot_base_offer(struct ot_chooser *c, uint8_t offer[OT_OFFER_BYTES], const struct hash *context,
                   const struct ot_block *choices, struct rng *g)
{
    c->choices = *choices;
    c->context = *context;
    for (uint32_t i = 0; i < OT_BITS; i++) {
        uint8_t bit = (uint8_t)ot_bit(choices, i), wide[crypto_core_ristretto255_HASHBYTES];
        struct group_element known, offset, random;

        /* The point of the other choice is random: nobody knows its logarithm plus that of its offset. */
        rng_fill(g, wide, sizeof wide);
        crypto_core_ristretto255_from_hash(random.bytes, wide);
        group_scalar_random(&c->secret[i], g);
        crypto_scalarmult_ristretto255_base(known.bytes, c->secret[i].bytes); /* the scalar is not 0: cannot fail */
        offset_of(&offset, context, i, bit, &random);
        crypto_core_ristretto255_sub(known.bytes, known.bytes, offset.bytes); /* both valid: cannot fail */
        for (size_t b = 0; b < GROUP_BYTES; b++) {
            uint8_t swap = (uint8_t)((known.bytes[b] ^ random.bytes[b]) & ot_mask(bit));

            offer[i * 2 * GROUP_BYTES + b] = known.bytes[b] ^ swap;
            offer[(i * 2 + 1) * GROUP_BYTES + b] = random.bytes[b] ^ swap;
        }
        sodium_memzero(wide, sizeof wide);
        sodium_memzero(&known, sizeof known);
        sodium_memzero(&offset, sizeof offset);
        sodium_memzero(&random, sizeof random);
    }
    offer_hash(&c->offer, offer);
}

status ot_base_answer(struct ot_block pads[OT_BITS][2], struct group_element *answer,
                      const uint8_t offer[OT_OFFER_BYTES], const struct hash *context, struct rng *g)
{
    struct group_scalar secret AUTO(group_scalar_clear) = {{0}};
    struct group_element shared AUTO(element_clear) = {{0}};
    struct hash offered;

    for (uint32_t i = 0; i < 2 * OT_BITS; i++) {
        struct group_element point;

        memcpy(&point, offer + i * GROUP_BYTES, GROUP_BYTES);
        TRY(group_check(&point));
    }
    group_scalar_random(&secret, g);
    crypto_scalarmult_ristretto255_base(answer->bytes, secret.bytes);
    offer_hash(&offered, offer);
    for (uint32_t i = 0; i < OT_BITS; i++) {
        struct group_element point[2], offset, sum;

        memcpy(point, offer + i * sizeof point, sizeof point);
        for (uint8_t bit = 0; bit < 2; bit++) {
            offset_of(&offset, context, i, bit, &point[!bit]);
            crypto_core_ristretto255_add(sum.bytes, point[bit].bytes, offset.bytes);
            TRY(group_scale(&shared, &secret, &sum)); /* refuses the identity */
            pad_of(&pads[i][bit], context, &offered, answer, i, bit, &shared);
        }
    }
    return OK;
}

status ot_base_finish(struct ot_block pads[OT_BITS], const struct ot_chooser *c, const struct group_element *answer)
{
    struct group_element shared AUTO(element_clear);

    for (uint32_t i = 0; i < OT_BITS; i++) {
        TRY(group_scale(&shared, &c->secret[i], answer)); /* refuses a bad point */
        pad_of(&pads[i], &c->context, &c->offer, answer, i, (uint8_t)ot_bit(&c->choices, i), &shared);
    }
    return OK;
}
