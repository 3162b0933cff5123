#include "crypto/ot_parts.h"

#include "testing.h"
#include "vectors/ot_vectors.h"
#include "vectors/vectors.h"

#include <sodium.h>

/* A pair after set-up, and what the set-up said. */
struct pair {
    struct ot_sender *s;
    struct ot_receiver *r;
    uint8_t offer[OT_OFFER_BYTES], answer[OT_ANSWER_BYTES];
};

static const struct hash session = {{1, 2, 3}};
static const struct ot_context usual = {.session = &session, .sender = 0, .receiver = 1, .purpose = "test"};

static void pair_clear(struct pair *p)
{
    ot_sender_free(p->s);
    ot_receiver_free(p->r);
}

/* Each side with a context of its own. */
static void pair_set_up(struct pair *p, const struct ot_context *at_sender, const struct ot_context *at_receiver)
{
    struct rng g AUTO(rng_clear), h AUTO(rng_clear);

    test_rng(&g, "ot sender");
    test_rng(&h, "ot receiver");
    assert_int_equal(ot_sender_new(&p->s, p->offer, at_sender, &g), OK);
    assert_int_equal(ot_receiver_new(&p->r, p->answer, p->offer, at_receiver, &h), OK);
    assert_int_equal(ot_sender_finish(p->s, p->answer), OK);
}

static void *grab(size_t len)
{
    void *p = calloc(len ? len : 1, 1);

    assert_non_null(p);
    return p;
}

/* OTs of both sides. */
struct made {
    struct ot_block *t, *q;
    uint8_t *choices, *message;
    size_t count;
};

static void made_clear(struct made *m)
{
    free(m->t);
    free(m->q);
    free(m->choices);
    free(m->message);
}

static void made_extend(struct made *m, struct pair *p)
{
    m->t = grab(m->count * sizeof *m->t);
    m->q = grab(m->count * sizeof *m->q);
    m->message = grab(ot_message_bytes(m->count));
    ot_receiver_extend(p->r, m->t, m->message, m->choices, m->count);
    ot_sender_extend(p->s, m->q, m->message, m->count);
}

static void made_random(struct made *m, struct pair *p, size_t count, const char *purpose)
{
    struct rng g AUTO(rng_clear);

    test_rng(&g, purpose);
    m->count = count;
    m->choices = grab(ot_choices_bytes(count));
    rng_fill(&g, m->choices, ot_choices_bytes(count));
    made_extend(m, p);
}

static unsigned choice(const struct made *m, size_t i)
{
    return m->choices[i / 8] >> i % 8 & 1;
}

static struct ot_block plus(struct ot_block a, const struct ot_block *b, unsigned times)
{
    for (size_t i = 0; times && i < sizeof a.bytes; i++)
        a.bytes[i] ^= b->bytes[i];
    return a;
}

static size_t correct(const struct made *m, const struct ot_block *delta)
{
    size_t right = 0;

    for (size_t i = 0; i < m->count; i++) {
        struct ot_block expected = plus(m->t[i], delta, choice(m, i));

        right += memcmp(&expected, &m->q[i], sizeof expected) == 0;
    }
    return right;
}

static void assert_sha256(const void *bytes, size_t len, const char *hex)
{
    uint8_t digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, bytes, len);
    assert_hex(digest, sizeof digest, hex);
}

/* --- another implementation ----------------------------------------------------------------------------------------- */

static void the_whole_protocol_agrees_with_another_implementation(void **state)
{
    static const char *const messages[] = OT_MESSAGE_SHA256, *const ts[] = OT_T_SHA256, *const qs[] = OT_Q_SHA256;
    static const char *const entries[] = OT_ENTRIES_SHA256;
    static const uint32_t shapes[][2] = {{1, 1}, {3, 2}, {4, 16}, {7, 1}, {8, 2}};
    struct made m[2] = {{.count = 300}, {.count = 5}};
    struct pair p AUTO(pair_clear) = {0};
    struct hash at;
    struct ot_context where = {.session = &at, .sender = 2, .receiver = 1, .purpose = "vectors"};
    struct rng g AUTO(rng_clear), h AUTO(rng_clear);
    struct ot_hash *hash = NULL;
    uint8_t pad[40];

    (void)state;
    unhex(at.bytes, HASH_BYTES, OT_SESSION);
    vector_rng(&g, "ot sender", 0);
    vector_rng(&h, "ot receiver", 0);
    assert_int_equal(ot_sender_new(&p.s, p.offer, &where, &g), OK);
    assert_hex(ot_sender_delta(p.s)->bytes, sizeof(struct ot_block), OT_DELTA);
    assert_hex(p.offer + OT_OFFER_BYTES - 64, 64, OT_OFFER_END);
    assert_sha256(p.offer, OT_OFFER_BYTES, OT_OFFER_SHA256);
    assert_int_equal(ot_receiver_new(&p.r, p.answer, p.offer, &where, &h), OK);
    assert_hex(p.answer + OT_ANSWER_BYTES - 64, 64, OT_ANSWER_END);
    assert_sha256(p.answer, OT_ANSWER_BYTES, OT_ANSWER_SHA256);
    assert_int_equal(ot_sender_finish(p.s, p.answer), OK);

    for (size_t i = 0; i < COUNT_OF(m); i++) {
        struct rng c AUTO(rng_clear);

        vector_rng(&c, "ot choices", i);
        m[i].choices = grab(ot_choices_bytes(m[i].count));
        rng_fill(&c, m[i].choices, ot_choices_bytes(m[i].count));
        made_extend(&m[i], &p);
        assert_sha256(m[i].message, ot_message_bytes(m[i].count), messages[i]);
        assert_sha256(m[i].t, m[i].count * sizeof *m[i].t, ts[i]);
        assert_sha256(m[i].q, m[i].count * sizeof *m[i].q, qs[i]);
    }
    assert_hex(m[0].t[0].bytes, sizeof(struct ot_block), OT_FIRST_T);

    assert_int_equal(ot_hash_new(&hash, &where), OK);
    ot_expand(hash, pad, sizeof pad, &m[0].q[7], NULL, 7, 1);
    assert_hex(pad, sizeof pad, OT_EXPAND_0);
    ot_expand(hash, pad, sizeof pad, &m[0].q[7], ot_sender_delta(p.s), 7, 1);
    assert_hex(pad, sizeof pad, OT_EXPAND_1);
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        uint32_t bits = shapes[i][0], bytes = shapes[i][1];
        size_t rows = m[0].count / bits, len = (rows << bits) * bytes;
        uint8_t *pads = grab(len);

        ot_sender_entries(hash, pads, bits, bytes, m[0].q, ot_sender_delta(p.s), 0, rows);
        assert_sha256(pads, len, entries[i]);
        free(pads);
    }
    ot_hash_free(hash);
    made_clear(&m[0]);
    made_clear(&m[1]);
}

/* --- correlated OTs ------------------------------------------------------------------------------------------------- */

static void every_count_of_ots_is_correlated_one_extension_after_another(void **state)
{
    static const size_t counts[] = {1, 127, 128, 129, 10000, 0, 8191, 8192, 8193, 20000};
    struct pair p AUTO(pair_clear) = {0};
    uint64_t next = 0;

    (void)state;
    pair_set_up(&p, &usual, &usual);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct made m AUTO(made_clear) = {0};

        assert_true(ot_sender_next(p.s) == next && ot_receiver_next(p.r) == next);
        made_random(&m, &p, counts[i], "choices");
        assert_int_equal(correct(&m, ot_sender_delta(p.s)), counts[i]);
        next += ot_padded(counts[i]);
    }
    assert_int_equal(ot_message_bytes(1), 512);
    assert_int_equal(ot_message_bytes(12800), 4 * 12800);
}

static void all_four_pairs_of_choice_and_bit_of_delta_occur_and_are_right(void **state)
{
    struct pair p AUTO(pair_clear) = {0};
    struct made m AUTO(made_clear) = {0};
    size_t seen[2][2] = {{0}};

    (void)state;
    pair_set_up(&p, &usual, &usual);
    made_random(&m, &p, 1000, "choices");
    for (size_t i = 0; i < m.count; i++)
        for (size_t j = 0; j < OT_BITS; j++) {
            unsigned c = choice(&m, i), d = ot_bit(ot_sender_delta(p.s), j);

            seen[c][d]++;
            assert_int_equal(ot_bit(&m.q[i], j), ot_bit(&m.t[i], j) ^ (c & d));
        }
    for (size_t c = 0; c < 2; c++)
        for (size_t d = 0; d < 2; d++)
            assert_true(seen[c][d] > 10000);
}

static void blocks_look_random_and_never_come_back(void **state)
{
    struct pair p AUTO(pair_clear) = {0};
    uint64_t ones[2] = {0};
    struct made m[2] = {{0}, {0}};

    (void)state;
    pair_set_up(&p, &usual, &usual);
    made_random(&m[0], &p, 1000, "choices");
    made_random(&m[1], &p, 1000, "choices");
    for (size_t i = 0; i < 1000; i++) {
        for (size_t j = 0; j < 1000; j++)
            assert_memory_not_equal(&m[0].t[i], &m[1].t[j], sizeof(struct ot_block));
        for (size_t j = 0; j < OT_BITS; j++)
            ones[ot_bit(&m[0].t[i], j)]++;
    }
    assert_true(chi_square(ones, 2) < 25); /* one degree of freedom: 5 sigma */
    assert_memory_not_equal(m[0].message, m[1].message, ot_message_bytes(1000)); /* the same choices both times */
    made_clear(&m[0]);
    made_clear(&m[1]);
}

static void ots_do_not_depend_on_how_they_are_divided(void **state)
{
    struct pair p AUTO(pair_clear) = {0}, again AUTO(pair_clear) = {0};
    struct made whole AUTO(made_clear) = {0}, parts[2] = {{.count = 8320}, {.count = 1680}};

    (void)state;
    pair_set_up(&p, &usual, &usual);
    pair_set_up(&again, &usual, &usual);
    assert_memory_equal(p.offer, again.offer, sizeof p.offer);
    assert_memory_equal(p.answer, again.answer, sizeof p.answer);
    made_random(&whole, &p, 10000, "choices");
    for (size_t i = 0, at = 0; i < COUNT_OF(parts); at += parts[i++].count) {
        parts[i].choices = grab(ot_choices_bytes(parts[i].count));
        memcpy(parts[i].choices, whole.choices + at / 8, ot_choices_bytes(parts[i].count));
        made_extend(&parts[i], &again);
        assert_memory_equal(parts[i].t, whole.t + at, parts[i].count * sizeof *whole.t);
        assert_memory_equal(parts[i].q, whole.q + at, parts[i].count * sizeof *whole.q);
        made_clear(&parts[i]);
    }
}

static void bits_after_the_last_choice_are_ignored(void **state)
{
    struct pair p AUTO(pair_clear) = {0}, again AUTO(pair_clear) = {0};
    struct made a AUTO(made_clear) = {.count = 3}, b AUTO(made_clear) = {.count = 3};

    (void)state;
    pair_set_up(&p, &usual, &usual);
    pair_set_up(&again, &usual, &usual);
    a.choices = grab(1);
    b.choices = grab(1);
    a.choices[0] = 0x05;
    b.choices[0] = 0xfd;
    made_extend(&a, &p);
    made_extend(&b, &again);
    assert_memory_equal(a.message, b.message, ot_message_bytes(3));
}

static void every_part_of_the_context_separates_set_ups(void **state)
{
    static const struct hash elsewhere = {{1, 2, 4}};
    const struct ot_context others[] = {
        {.session = &elsewhere, .sender = 0, .receiver = 1, .purpose = "test"},
        {.session = &session, .sender = 2, .receiver = 1, .purpose = "test"},
        {.session = &session, .sender = 0, .receiver = 2, .purpose = "test"},
        {.session = &session, .sender = 1, .receiver = 0, .purpose = "test"},
        {.session = &session, .sender = 0, .receiver = 1, .purpose = "tes"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct pair p AUTO(pair_clear) = {0};
        struct made m AUTO(made_clear) = {0};
        struct ot_hash *mine = NULL, *theirs = NULL;
        uint8_t a[16], b[16];

        pair_set_up(&p, &usual, &others[i]);
        made_random(&m, &p, 256, "choices");
        assert_int_equal(correct(&m, ot_sender_delta(p.s)), 0);
        assert_int_equal(ot_hash_new(&mine, &usual), OK);
        assert_int_equal(ot_hash_new(&theirs, &others[i]), OK);
        ot_expand(mine, a, sizeof a, m.t, NULL, 0, 1);
        ot_expand(theirs, b, sizeof b, m.t, NULL, 0, 1);
        assert_memory_not_equal(a, b, sizeof a);
        ot_hash_free(mine);
        ot_hash_free(theirs);
    }
}

static void a_changed_answer_spoils_only_what_it_carries(void **state)
{
    struct pair p AUTO(pair_clear) = {0};
    struct made m AUTO(made_clear) = {0};
    struct rng g AUTO(rng_clear), h AUTO(rng_clear);
    size_t rows = 0;

    (void)state;
    test_rng(&g, "ot sender");
    test_rng(&h, "ot receiver");
    assert_int_equal(ot_sender_new(&p.s, p.offer, &usual, &g), OK);
    assert_int_equal(ot_receiver_new(&p.r, p.answer, p.offer, &usual, &h), OK);
    p.answer[GROUP_BYTES] ^= 1; /* both pads of base OT 0, of tree 0 */
    p.answer[GROUP_BYTES + 16] ^= 1;
    assert_int_equal(ot_sender_finish(p.s, p.answer), OK);
    made_random(&m, &p, 256, "choices");
    for (size_t j = 0; j < OT_BITS; j++) {
        size_t wrong = 0;

        for (size_t i = 0; i < m.count; i++)
            wrong += ot_bit(&m.q[i], j) != (ot_bit(&m.t[i], j) ^ (choice(&m, i) & ot_bit(ot_sender_delta(p.s), j)));
        rows += wrong > 64;
        assert_true(wrong == 0 || j < OT_FIELD_BITS);
    }
    assert_true(rows > 0);
}

/* --- what a peer may send ------------------------------------------------------------------------------------------- */

static void an_offer_with_a_bad_point_is_refused_wherever_it_stands(void **state)
{
    static const char *const bad[] = GROUP_BAD; /* the identity comes first */
    struct pair p AUTO(pair_clear) = {0};
    uint8_t answer[OT_ANSWER_BYTES] = {0}, before[OT_ANSWER_BYTES] = {0}, offer[OT_OFFER_BYTES];
    struct ot_receiver *r = NULL;
    struct rng h AUTO(rng_clear);

    (void)state;
    pair_set_up(&p, &usual, &usual);
    test_rng(&h, "ot receiver");
    for (size_t at = 0; at < 2 * OT_BITS; at++)
        for (size_t which = 0; which < 2; which++) {
            memcpy(offer, p.offer, sizeof offer);
            unhex(offer + at * GROUP_BYTES, GROUP_BYTES, bad[which ? 1 + at % (COUNT_OF(bad) - 1) : 0]);
            assert_int_equal(ot_receiver_new(&r, answer, offer, &usual, &h), STATUS_MALFORMED);
            assert_null(r);
            assert_memory_equal(answer, before, sizeof answer);
        }
}

static void an_offer_whose_sum_is_the_identity_is_refused(void **state)
{
    /* point 0 = -offset(point 1): the pad of choice 0 would be known to everybody. */
    static const uint32_t places[] = {0, 77, 127};
    struct pair p AUTO(pair_clear) = {0};
    uint8_t answer[OT_ANSWER_BYTES], offer[OT_OFFER_BYTES], wide[64], place[5], zero[GROUP_BYTES] = {0}, offset[GROUP_BYTES];
    struct ot_receiver *r = NULL;
    struct rng h AUTO(rng_clear);
    struct hash context;

    (void)state;
    pair_set_up(&p, &usual, &usual);
    test_rng(&h, "ot receiver");
    ot_context_hash(&context, &usual);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        crypto_hash_sha512_state st;
        uint8_t *at = offer + places[i] * 2 * GROUP_BYTES;

        memcpy(offer, p.offer, sizeof offer);
        store_u32(place, places[i]);
        place[4] = 0;
        crypto_hash_sha512_init(&st);
        crypto_hash_sha512_update(&st, (const uint8_t *)"hefu-ot-point", 13);
        crypto_hash_sha512_update(&st, context.bytes, HASH_BYTES);
        crypto_hash_sha512_update(&st, place, sizeof place);
        crypto_hash_sha512_update(&st, at + GROUP_BYTES, GROUP_BYTES);
        crypto_hash_sha512_final(&st, wide);
        crypto_core_ristretto255_from_hash(offset, wide);
        assert_int_equal(crypto_core_ristretto255_sub(at, zero, offset), 0);
        assert_int_equal(ot_receiver_new(&r, answer, offer, &usual, &h), STATUS_MALFORMED);
        assert_null(r);
    }
}

static void an_answer_with_a_bad_point_is_refused_and_a_good_one_still_counts(void **state)
{
    static const char *const bad[] = GROUP_BAD;
    struct pair p AUTO(pair_clear) = {0};
    struct made m AUTO(made_clear) = {0};
    struct rng g AUTO(rng_clear), h AUTO(rng_clear);
    uint8_t answer[OT_ANSWER_BYTES];

    (void)state;
    test_rng(&g, "ot sender");
    test_rng(&h, "ot receiver");
    assert_int_equal(ot_sender_new(&p.s, p.offer, &usual, &g), OK);
    assert_int_equal(ot_receiver_new(&p.r, p.answer, p.offer, &usual, &h), OK);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        memcpy(answer, p.answer, sizeof answer);
        unhex(answer, GROUP_BYTES, bad[i]);
        assert_int_equal(ot_sender_finish(p.s, answer), STATUS_MALFORMED);
    }
    assert_int_equal(ot_sender_finish(p.s, p.answer), OK);
    made_random(&m, &p, 128, "choices");
    assert_int_equal(correct(&m, ot_sender_delta(p.s)), 128);
}

/* --- pads ----------------------------------------------------------------------------------------------------------- */

static void pads_agree_for_the_choice_and_for_nothing_else(void **state)
{
    enum { COUNT = 500, BYTES = 24 };
    struct pair p AUTO(pair_clear) = {0};
    struct made m AUTO(made_clear) = {0};
    struct ot_hash *h = NULL;
    uint8_t *mine = grab(COUNT * BYTES), *pad[2] = {grab(COUNT * BYTES), grab(COUNT * BYTES)}, guess[BYTES];

    (void)state;
    pair_set_up(&p, &usual, &usual);
    made_random(&m, &p, COUNT, "choices");
    assert_int_equal(ot_hash_new(&h, &usual), OK);
    ot_expand(h, mine, BYTES, m.t, NULL, 1000, COUNT);
    ot_expand(h, pad[0], BYTES, m.q, NULL, 1000, COUNT);
    ot_expand(h, pad[1], BYTES, m.q, ot_sender_delta(p.s), 1000, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_memory_equal(mine + i * BYTES, pad[choice(&m, i)] + i * BYTES, BYTES);
        assert_memory_not_equal(mine + i * BYTES, pad[!choice(&m, i)] + i * BYTES, 16);
    }
    /* delta with one bit wrong, or none of delta, opens nothing */
    for (size_t j = 0; j <= OT_BITS; j++) {
        struct ot_block wrong = *ot_sender_delta(p.s);

        if (j < OT_BITS)
            wrong.bytes[j / 8] ^= (uint8_t)(1u << j % 8);
        else
            memset(&wrong, 0, sizeof wrong);
        ot_expand(h, guess, BYTES, m.t, &wrong, 1000, 1);
        assert_memory_not_equal(guess, pad[!choice(&m, 0)], 16);
    }
    /* another number, another pad */
    ot_expand(h, guess, BYTES, m.t, NULL, 1001, 1);
    assert_memory_not_equal(guess, mine, 16);
    ot_hash_free(h);
    free(mine);
    free(pad[0]);
    free(pad[1]);
}

static void a_pad_depends_on_neither_its_length_nor_its_neighbours(void **state)
{
    static const size_t lengths[] = {1, 15, 16, 17, 128, 1000, 5000, 40000};
    enum { COUNT = 300, LONG = 40000 };
    struct ot_hash *h = NULL;
    struct ot_block *x = grab(COUNT * sizeof *x);
    uint8_t *all = grab((size_t)COUNT * LONG), *one = grab(LONG);
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "blocks");
    rng_fill(&g, x, COUNT * sizeof *x);
    assert_int_equal(ot_hash_new(&h, &usual), OK);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        size_t len = lengths[i];

        ot_expand(h, all, len, x, NULL, 5, COUNT);
        for (size_t k = 0; k < COUNT; k += 37) {
            ot_expand(h, one, LONG, &x[k], NULL, 5 + k, 1);
            assert_memory_equal(all + k * len, one, len);
        }
    }
    for (size_t k = 16; k < LONG; k += 16) /* blocks of one pad differ */
        assert_memory_not_equal(one, one + k, 16);
    ot_hash_free(h);
    free(x);
    free(all);
    free(one);
}

static void one_of_n_gives_the_entry_of_the_index_for_every_shape(void **state)
{
    enum { ROWS = 150 };
    struct pair p AUTO(pair_clear) = {0};
    struct ot_hash *h = NULL;
    struct rng g AUTO(rng_clear);

    (void)state;
    pair_set_up(&p, &usual, &usual);
    test_rng(&g, "indices");
    assert_int_equal(ot_hash_new(&h, &usual), OK);
    for (uint32_t bits = 1; bits <= OT_INDEX_BITS_MAX; bits++)
        for (uint32_t bytes = 1; bytes <= OT_ENTRY_BYTES_MAX; bytes *= 2) {
            struct made m AUTO(made_clear) = {.count = (size_t)ROWS * bits};
            size_t n = (size_t)1 << bits, same = 0;
            uint8_t index[ROWS], *mine = grab(ROWS * bytes), *all = grab(ROWS * n * bytes);
            uint64_t first = ot_sender_next(p.s);

            for (size_t row = 0; row < ROWS; row++)
                index[row] = (uint8_t)rng_below(&g, n);
            m.choices = grab(ot_choices_bytes(m.count));
            ot_index_choices(m.choices, bits, index, ROWS);
            made_extend(&m, &p);
            ot_sender_entries(h, all, bits, bytes, m.q, ot_sender_delta(p.s), first, ROWS);
            ot_receiver_entry(h, mine, bits, bytes, index, m.t, first, ROWS);
            for (size_t row = 0; row < ROWS; row++)
                for (size_t j = 0; j < n; j++) {
                    int equal = memcmp(all + (row * n + j) * bytes, mine + row * bytes, bytes) == 0;

                    if (j == index[row])
                        assert_true(equal);
                    else
                        same += (size_t)equal;
                }
            assert_true(same <= (bytes == 1 ? ROWS * n / 64 + 10 : bytes == 2 ? 20 : 0)); /* by chance */
            free(mine);
            free(all);
        }
    ot_hash_free(h);
}

/* How many of count 16-byte pads are independent over GF(2); they are used up. */
static size_t rank_of(struct ot_block *x, size_t count)
{
    size_t rank = 0;

    for (size_t bit = 0; bit < OT_BITS && rank < count; bit++) {
        size_t pivot = rank;

        while (pivot < count && !ot_bit(&x[pivot], bit))
            pivot++;
        if (pivot == count)
            continue;
        struct ot_block row = x[pivot];

        x[pivot] = x[rank];
        x[rank] = row;
        for (size_t i = 0; i < count; i++)
            if (i != rank && ot_bit(&x[i], bit))
                x[i] = plus(x[i], &row, 1);
        rank++;
    }
    return rank;
}

static void entries_do_not_cancel_under_xor(void **state)
{
    /* Sums of unhashed blocks would give 2 distinct keys, sums of hashed ones 2^bits of rank bits + 1. */
    struct pair p AUTO(pair_clear) = {0};
    struct made m AUTO(made_clear) = {0};
    struct ot_block pads[64];
    struct ot_hash *h = NULL;

    (void)state;
    pair_set_up(&p, &usual, &usual);
    made_random(&m, &p, 128, "choices");
    assert_int_equal(ot_hash_new(&h, &usual), OK);
    for (uint32_t bits = 4; bits <= 6; bits++) {
        size_t n = (size_t)1 << bits;

        ot_sender_entries(h, pads[0].bytes, bits, sizeof pads[0], m.q, ot_sender_delta(p.s), 0, 1);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++)
                assert_memory_not_equal(&pads[i], &pads[j], sizeof pads[0]);
        assert_int_equal(rank_of(pads, n), n);
    }
    ot_hash_free(h);
}

/* --- transposes ----------------------------------------------------------------------------------------------------- */

static void both_transposes_take_bit_j_of_row_i_to_bit_i_of_block_j(void **state)
{
    enum { BLOCKS = 3, STRIDE = 16 * BLOCKS + 5 };
    static uint8_t rows[OT_BITS * STRIDE];
    static struct ot_block fast[BLOCKS * OT_BITS], plain[BLOCKS * OT_BITS];
    struct rng g AUTO(rng_clear);

    (void)state;
    test_rng(&g, "transpose");
    rng_fill(&g, rows, sizeof rows);
    ot_transpose(fast, rows, STRIDE, BLOCKS);
    ot_transpose_portable(plain, rows, STRIDE, BLOCKS);
    assert_memory_equal(fast, plain, sizeof fast);
    for (size_t i = 0; i < OT_BITS; i++)
        for (size_t j = 0; j < BLOCKS * OT_BITS; j++)
            assert_int_equal(ot_bit(&fast[j], i), rows[i * STRIDE + j / 8] >> j % 8 & 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_protocol_agrees_with_another_implementation),
        cmocka_unit_test(every_count_of_ots_is_correlated_one_extension_after_another),
        cmocka_unit_test(all_four_pairs_of_choice_and_bit_of_delta_occur_and_are_right),
        cmocka_unit_test(blocks_look_random_and_never_come_back),
        cmocka_unit_test(ots_do_not_depend_on_how_they_are_divided),
        cmocka_unit_test(bits_after_the_last_choice_are_ignored),
        cmocka_unit_test(every_part_of_the_context_separates_set_ups),
        cmocka_unit_test(a_changed_answer_spoils_only_what_it_carries),
        cmocka_unit_test(an_offer_with_a_bad_point_is_refused_wherever_it_stands),
        cmocka_unit_test(an_offer_whose_sum_is_the_identity_is_refused),
        cmocka_unit_test(an_answer_with_a_bad_point_is_refused_and_a_good_one_still_counts),
        cmocka_unit_test(pads_agree_for_the_choice_and_for_nothing_else),
        cmocka_unit_test(a_pad_depends_on_neither_its_length_nor_its_neighbours),
        cmocka_unit_test(one_of_n_gives_the_entry_of_the_index_for_every_shape),
        cmocka_unit_test(entries_do_not_cancel_under_xor),
        cmocka_unit_test(both_transposes_take_bit_j_of_row_i_to_bit_i_of_block_j),
    };

    return cmocka_run_group_tests_name("ot", tests, NULL, NULL);
}
