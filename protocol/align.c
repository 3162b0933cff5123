#include "protocol/align.h"

#include "crypto/group.h"
#include "crypto/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 }; /* points between two signs of progress */

/* The state of one set as it passes through us. */
struct leg {
    struct group_element *points; /* what we hold of set i now */
    uint32_t *shuffle;            /* out[j] = in[shuffle[j]] when we passed it on; NULL when we did not shuffle it */
    uint32_t *list;               /* the list of common positions on its way back */
};

struct alignment {
    struct session *ss;
    struct group_scalar key;
    struct leg leg[PARTIES_MAX];
    uint32_t common;
    uint64_t done, total; /* points raised, for progress */
};

static party comparer(const struct session *ss)
{
    return (party)(ss->parties - 1);
}

/* Set i walks i, i+1, ..., i+P-1 (mod P) and ends at the comparer.  [SPEC 5.2] */
static uint32_t path_length(const struct session *ss, party set)
{
    return (party)((set + ss->parties - 1u) % ss->parties) == comparer(ss) ? ss->parties : ss->parties + 1u;
}

static party path_at(const struct session *ss, party set, uint32_t h)
{
    return (party)(h == ss->parties ? comparer(ss) : (set + h) % ss->parties);
}

static void alignment_clear(struct alignment *a)
{
    group_scalar_clear(&a->key);
    for (party p = 0; p < PARTIES_MAX; p++) {
        free(a->leg[p].points);
        free(a->leg[p].shuffle);
        free(a->leg[p].list);
    }
}

/* Raise every point of the set to our key; ids: of our own set, which is hashed first. */
static status raise_set(struct alignment *a, party set, char *const *ids, uint32_t count)
{
    struct session *ss = a->ss;
    struct group_element *points = a->leg[set].points;

    for (uint32_t i = 0; i < count; i += BLOCK) {
        const uint32_t block = count - i < BLOCK ? count - i : BLOCK;

        if (ids)
            TRY(group_hash_scale_all(points + i, &a->key, &ss->contract_id, ss->attempt, ids + i, block, &ss->parallel));
        else
            TRY(group_scale_all(points + i, &a->key, block, &ss->parallel));
        a->done += block;
        session_progress(ss, PHASE_ALIGN, 0, a->done, a->total);
    }
    return OK;
}

static status shuffle_set(struct alignment *a, party set, uint32_t count)
{
    struct leg *leg = &a->leg[set];
    struct group_element *shuffled;
    struct rng g AUTO(rng_clear);

    TRY(alloc_zeroed(&leg->shuffle, count, sizeof *leg->shuffle));
    TRY(alloc_zeroed(&shuffled, count, sizeof *shuffled));
    session_pad_rng(a->ss, &g, "psi shuffle", set, 0, 0);
    rng_permutation(&g, leg->shuffle, count);
    for (uint32_t i = 0; i < count; i++)
        shuffled[i] = leg->points[leg->shuffle[i]];
    free(leg->points);
    leg->points = shuffled;
    return OK;
}

/* Points of a set in the order of their bytes: the first eight of each, which decide nearly always, and where it is. */
struct ranked {
    uint64_t head;
    uint32_t at;
};

static int compare_points(struct ranked a, const struct group_element *of_a, struct ranked b, const struct group_element *of_b)
{
    if (a.head != b.head)
        return a.head < b.head ? -1 : 1;
    return memcmp(of_a[a.at].bytes, of_b[b.at].bytes, GROUP_BYTES);
}

static int compare_ranked(const void *x, const void *y, void *points)
{
    return compare_points(*(const struct ranked *)x, points, *(const struct ranked *)y, points);
}

static status rank_points(struct ranked **out, struct group_element *points, uint32_t count)
{
    TRY(alloc_zeroed(out, count, sizeof **out));
    for (uint32_t i = 0; i < count; i++)
        (*out)[i] = (struct ranked){load_u64(points[i].bytes), i};
    qsort_r(*out, count, sizeof **out, compare_ranked, points);
    return OK;
}

/* Raised to one key, distinct points are distinct and equal ones equal: it may be checked after. */
static status check_distinct(struct alignment *a, party from, party set, uint32_t count)
{
    struct group_element *points = a->leg[set].points;
    struct ranked *ranked AUTO(auto_free) = NULL;

    TRY(rank_points(&ranked, points, count));
    for (uint32_t i = 1; i < count; i++)
        if (compare_ranked(&ranked[i - 1], &ranked[i], points) == 0)
            return session_blame(a->ss, from, STATUS_MALFORMED, "%s sent the same point of set %u twice",
                                 a->ss->contract->party[from].name, set);
    return OK;
}

/* [SPEC 5.1] The points of a set as they come in: as many as the contract says, in the group, all distinct.  raise: to our
 * key too. */
static status take_set(struct alignment *a, party from, party set, int raise)
{
    struct session *ss = a->ss;
    struct leg *leg = &a->leg[set];
    const uint32_t count = ss->contract->party[set].rows;
    status result;

    free(leg->points);
    leg->points = NULL;
    TRY(alloc_zeroed(&leg->points, count, GROUP_BYTES));
    TRY(session_recv_vector(ss, from, MESSAGE_psi_set, set, leg->points, ITEM_PSI_SET, count));
    result = raise ? raise_set(a, set, NULL, count) : group_check_all(leg->points, count, &ss->parallel);
    if (result == STATUS_MALFORMED)
        return session_blame(ss, from, STATUS_MALFORMED, "%s sent a point of set %u that is not in the group",
                             ss->contract->party[from].name, set);
    TRY(result);
    return check_distinct(a, from, set, count);
}

static status own_set(struct alignment *a, char *const *ids, uint32_t count)
{
    struct session *ss = a->ss;
    struct leg *leg = &a->leg[ss->self];

    TRY(alloc_zeroed(&leg->points, count, sizeof *leg->points));
    TRY(raise_set(a, ss->self, ids, count));
    return shuffle_set(a, ss->self, count); /* our own too: else a neighbour sees which positions matched */
}

/* [SPEC 5.2] every set goes round the ring, hop by hop; within a hop all sends come first. */
static status walk_forward(struct alignment *a)
{
    struct session *ss = a->ss;

    for (uint32_t h = 0; h < ss->parties; h++) {
        for (party set = 0; set < ss->parties; set++) {
            struct leg *leg = &a->leg[set];

            if (h + 1 >= path_length(ss, set) || path_at(ss, set, h) != ss->self)
                continue;
            TRY(session_send_vector(ss, path_at(ss, set, h + 1), MESSAGE_psi_set, set, leg->points, ITEM_PSI_SET,
                                    ss->contract->party[set].rows));
            free(leg->points);
            leg->points = NULL;
        }
        for (party set = 0; set < ss->parties; set++) {
            if (h + 1 >= path_length(ss, set) || path_at(ss, set, h + 1) != ss->self)
                continue;
            TRY(take_set(a, path_at(ss, set, h), set, h + 1 < ss->parties));
            if (h + 1 < ss->parties && h + 2 < path_length(ss, set))
                TRY(shuffle_set(a, set, ss->contract->party[set].rows));
        }
    }
    return OK;
}

/* Move on in set p to the point wanted, which is one of set 0; 1 when it is there. */
static int advance_to(const struct alignment *a, struct ranked wanted, party p, const struct ranked *ranked, uint32_t *at)
{
    const struct group_element *first = a->leg[0].points, *points = a->leg[p].points;
    int order = -1;

    while (*at < a->ss->contract->party[p].rows && (order = compare_points(ranked[*at], points, wanted, first)) < 0)
        (*at)++;
    return order == 0;
}

/* [SPEC 5.3] The comparer: points in all sets, in the order of their bytes, and their positions in each set. */
static status intersect(struct alignment *a)
{
    struct session *ss = a->ss;
    struct ranked *ranked[PARTIES_MAX] = {0};
    uint32_t at[PARTIES_MAX] = {0};
    status result = OK;

    for (party p = 0; p < ss->parties && result == OK; p++) {
        const uint32_t count = ss->contract->party[p].rows;

        result = rank_points(&ranked[p], a->leg[p].points, count);
        if (result == OK)
            result = alloc_zeroed(&a->leg[p].list, count, sizeof(uint32_t));
    }
    for (uint32_t i = 0; result == OK && i < ss->contract->party[0].rows; i++) {
        int everywhere = 1;

        at[0] = i;
        for (party p = 1; p < ss->parties; p++)
            everywhere &= advance_to(a, ranked[0][i], p, ranked[p], &at[p]);
        if (!everywhere)
            continue;
        for (party p = 0; p < ss->parties; p++)
            a->leg[p].list[a->common] = ranked[p][at[p]].at;
        a->common++;
    }
    for (party p = 0; p < ss->parties; p++)
        free(ranked[p]);
    return result;
}

/* The count goes to everyone; below the contract's minimum everyone stops. */
static status publish_count(struct alignment *a)
{
    struct session *ss = a->ss;
    uint8_t body[BODY_PSI_COUNT];
    uint32_t least = UINT32_MAX;

    store_u32(body, a->common);
    for (party p = 0; p < ss->parties; p++)
        if (ss->self == comparer(ss) && p != ss->self)
            TRY(session_send(ss, p, MESSAGE_psi_count, 0, body, sizeof body));
    if (ss->self != comparer(ss)) {
        TRY(session_recv(ss, comparer(ss), MESSAGE_psi_count, 0, body, sizeof body));
        a->common = load_u32(body);
    }
    for (party p = 0; p < ss->parties; p++)
        if (ss->contract->party[p].rows < least)
            least = ss->contract->party[p].rows;
    if (a->common > least)
        return session_blame(ss, comparer(ss), STATUS_MALFORMED, "%s reports %u common people of at most %u",
                             ss->contract->party[comparer(ss)].name, a->common, least);
    if (a->common < ss->contract->min_rows) {
        if (a->common == 0) {
            session_fail(ss, STATUS_LIMIT, "the parties have no person in common");
            fault_hint(&ss->fault, "check that every table uses the same kind of id, and that the id columns are right");
        } else {
            session_fail(ss, STATUS_LIMIT, "%u people are common to all parties, the contract asks for at least %u",
                         a->common, ss->contract->min_rows);
            fault_hint(&ss->fault, "lower min_rows in the job (--min-rows of hefu try) if such a small group is acceptable, or bring more rows");
        }
        return STATUS_LIMIT;
    }
    return OK;
}

/* The list of set: positions in the order we were given; undo our shuffle so that they fit the order before us. */
static status undo_shuffle(struct alignment *a, party from, party set)
{
    struct leg *leg = &a->leg[set];
    const uint32_t count = a->ss->contract->party[set].rows;
    uint8_t *seen AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&seen, count, 1));
    for (uint32_t i = 0; i < a->common; i++) {
        if (leg->list[i] >= count || seen[leg->list[i]])
            return session_blame(a->ss, from, STATUS_MALFORMED, "%s sent a list of common people that is not one",
                                 a->ss->contract->party[from].name);
        seen[leg->list[i]] = 1;
        if (leg->shuffle)
            leg->list[i] = leg->shuffle[leg->list[i]];
    }
    return OK;
}

/* [SPEC 5.3] every list walks back along the path of its set. */
static status walk_back(struct alignment *a)
{
    struct session *ss = a->ss;
    uint8_t *bytes AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&bytes, a->common, ITEM_PSI_LIST));
    for (uint32_t h = 0; h < ss->parties; h++) {
        for (party set = 0; set < ss->parties; set++) {
            uint32_t last = path_length(ss, set) - 1;

            if (h >= last || path_at(ss, set, last - h) != ss->self)
                continue;
            for (uint32_t i = 0; i < a->common; i++)
                store_u32(bytes + (size_t)i * ITEM_PSI_LIST, a->leg[set].list[i]);
            TRY(session_send_vector(ss, path_at(ss, set, last - h - 1), MESSAGE_psi_list, set, bytes, ITEM_PSI_LIST, a->common));
        }
        for (party set = 0; set < ss->parties; set++) {
            uint32_t last = path_length(ss, set) - 1;
            party from;

            if (h >= last || path_at(ss, set, last - h - 1) != ss->self)
                continue;
            from = path_at(ss, set, last - h);
            TRY(session_recv_vector(ss, from, MESSAGE_psi_list, set, bytes, ITEM_PSI_LIST, a->common));
            free(a->leg[set].list);
            a->leg[set].list = NULL;
            TRY(alloc_zeroed(&a->leg[set].list, a->common, sizeof(uint32_t)));
            for (uint32_t i = 0; i < a->common; i++)
                a->leg[set].list[i] = load_u32(bytes + (size_t)i * ITEM_PSI_LIST);
            TRY(undo_shuffle(a, from, set));
        }
    }
    return OK;
}

/* [SPEC 5.5] the root of a tree over the aligned ids, each hashed under the key of the run: equal at all parties. */
static status compare_roots(struct alignment *a, char *const *ids)
{
    struct session *ss = a->ss;
    struct merkle tree = {.suite = ss->contract->suite};
    struct hash root;

    for (uint32_t i = 0; i < a->common; i++) {
        const char *id = ids[a->leg[ss->self].list[i]];
        struct hash keyed, leaf;

        hash_keyed(&keyed, ss->joint.suite, ss->joint.bytes, "hefu/aligned id/v1", id, strlen(id));
        merkle_leaf(&leaf, ss->joint.suite, keyed.bytes, HASH_BYTES);
        merkle_append(&tree, &leaf);
    }
    merkle_root(&tree, &root);
    TRY(session_agree(ss, MESSAGE_psi_root, 0, &root, "holds another list of common people than we do"));
    return session_fact_hash(ss, FACT_ALIGNED, 0, &root);
}

status align_run(struct session *ss, uint32_t **positions, uint32_t *common, char *const *ids, uint32_t count)
{
    struct alignment a AUTO(alignment_clear) = {.ss = ss};
    struct rng g AUTO(rng_clear);

    assert(count == ss->contract->party[ss->self].rows);
    for (party p = 0; p < ss->parties; p++)
        a.total += ss->contract->party[p].rows;
    session_pad_rng(ss, &g, "psi key", ss->self, 0, 0);
    group_scalar_random(&a.key, &g);
    TRY(own_set(&a, ids, count));
    TRY(walk_forward(&a));
    if (ss->self == comparer(ss))
        TRY(intersect(&a));
    TRY(publish_count(&a));
    TRY(walk_back(&a));
    TRY(compare_roots(&a, ids));
    *positions = a.leg[ss->self].list;
    a.leg[ss->self].list = NULL;
    *common = a.common;
    return OK;
}

/* 1 for exactly floor(common * permille / 1000) rows, by the joint randomness. */
static status draw_test_rows(struct session *ss, uint8_t *out, uint32_t common)
{
    uint32_t *order AUTO(auto_free) = NULL;
    uint32_t tests = (uint32_t)((uint64_t)common * ss->contract->test_permille / 1000);
    struct rng g AUTO(rng_clear);

    TRY(alloc_zeroed(&order, common, sizeof *order));
    session_joint_rng(ss, &g, "test rows", 0);
    rng_permutation(&g, order, common);
    memset(out, 0, common);
    for (uint32_t i = 0; i < tests; i++)
        out[order[i]] = 1;
    return OK;
}

static status list_test_rows(struct session *ss, uint8_t *out, uint32_t common, const uint8_t *listed)
{
    static const uint8_t role_of[] = {2, 0, 1}; /* enum dataset_split: unlisted, train, test */
    party label = contract_label_party(ss->contract);

    if (ss->self == label) {
        for (uint32_t i = 0; i < common; i++)
            out[i] = role_of[listed ? listed[i] : 0];
        for (party p = 0; p < ss->parties; p++)
            if (p != label)
                TRY(session_send_vector(ss, p, MESSAGE_split, 0, out, ITEM_SPLIT, common));
        return OK;
    }
    TRY(session_recv_vector(ss, label, MESSAGE_split, 0, out, ITEM_SPLIT, common));
    for (uint32_t i = 0; i < common; i++)
        if (out[i] > 2)
            return session_blame(ss, label, STATUS_MALFORMED, "%s sent a test list with an entry %u",
                                 ss->contract->party[label].name, out[i]);
    return OK;
}

/* A block with a bin for every few rows learns the labels of its own people from its own weights. */
static status check_widths(struct session *ss)
{
    for (party p = 0; p < ss->parties; p++) {
        const uint32_t width = contract_width(ss->contract, p);

        if ((uint64_t)width * ss->contract->rows_per_bin <= ss->population.train)
            continue;
        session_fail(ss, STATUS_LIMIT, "%s brings %u bins for %u training rows, the contract asks for %u rows a bin",
                     ss->contract->party[p].name, width, ss->population.train, ss->contract->rows_per_bin);
        fault_hint(&ss->fault, "bring fewer columns or more rows, or lower rows_per_bin in the job if so few rows a bin are acceptable");
        return STATUS_LIMIT;
    }
    return OK;
}

status align_split(struct session *ss, uint8_t *out, uint32_t common, const uint8_t *listed)
{
    struct population *pop = &ss->population;
    struct hasher h;

    if (ss->contract->test_rule == TEST_DRAWN)
        TRY(draw_test_rows(ss, out, common));
    else
        TRY(list_test_rows(ss, out, common, listed));
    hasher_init(&h, ss->contract->suite, "hefu/split/v1");
    hasher_add(&h, out, common);
    hasher_final(&h, &ss->openings); /* where the running hash of what all must have seen alike begins */
    if (ss->contract->test_rule == TEST_LISTED)
        TRY(session_agree(ss, MESSAGE_split_root, 0, &ss->openings, "holds another list of test rows than we do"));
    *pop = (struct population){.rows = common};
    for (uint32_t i = 0; i < common; i++) {
        pop->train += out[i] == 0;
        pop->test += out[i] == 1;
    }
    TRY(session_fact(ss, FACT_POPULATION, pop->rows, pop->train));
    TRY(session_fact(ss, FACT_TEST_ROWS, pop->test, 0));
    if (pop->train < 2 || pop->test < 2)
        return session_fail(ss, STATUS_LIMIT, "of %u common people %u are training rows and %u test rows", common,
                            pop->train, pop->test);
    return check_widths(ss);
}
