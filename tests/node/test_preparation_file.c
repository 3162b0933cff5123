/* A preparation on disk: it comes back once, as it was; and what was changed, cut or belongs elsewhere does not. */
#include "kit/cmocka.h"
#include "kit/suite.h"
#include "kit/sim.h"

#include "node/local/files.h"
#include "node/local/preparation_file.h"
#include "node/keys.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 900, TRAIN = 700, SELF = 1 };

static struct dataset data[2];
static struct sim sim;
static struct preparation made;
static struct keyring *keys, *others;
static const struct hash contract = {{7}};

static void fill(ring **x, size_t count, uint32_t bits)
{
    assert_int_equal(alloc_zeroed(x, count, sizeof **x), OK);
    for (size_t i = 0; i < count; i++)
        (*x)[i] = ((ring)(i + 1) * 0x9e3779b97f4a7c15u * 0x2545f4914f6cdd1du) & ring_mask(bits);
}

/* More than two chunks of some numbers: no session is needed for this. */
static void make_preparation(struct preparation *p, const struct contract *c)
{
    struct correlation *k = &p->correlation;

    memset(p, 0, sizeof *p);
    p->name.bytes[0] = 1;
    p->population = (struct population){ROWS, TRAIN, ROWS - TRAIN};
    assert_int_equal(alloc_zeroed(&p->position, ROWS, sizeof *p->position), OK);
    assert_int_equal(alloc_zeroed(&p->role, ROWS, 1), OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        p->position[i] = ROWS - 1 - i;
        p->role[i] = i >= TRAIN;
    }
    p->precondition.width = contract_width(c, SELF);
    p->precondition.diagonal = 1;
    assert_int_equal(alloc_zeroed(&p->precondition.entry, p->precondition.width, sizeof *p->precondition.entry), OK);
    p->precondition.entry[0] = -5;
    assert_int_equal(plan_make(&k->plan, c, TRAIN, NULL), OK);
    k->passes = c->passes;
    fill(&k->fore, (size_t)k->passes * TRAIN, k->plan.fore_bits);
    fill(&k->pad_residual, (size_t)k->passes * TRAIN, k->plan.k);
    for (party q = 0; q < c->parties; q++) {
        k->block[q].width = contract_width(c, q);
        fill(&k->block[q].back, (size_t)k->passes * k->block[q].width, k->plan.k);
        if (q != SELF)
            fill(&k->block[q].pad_weight, (size_t)k->passes * k->block[q].width, k->plan.k);
    }
}

static int set_up(void **state)
{
    uint64_t bytes = 0;
    struct fault f = {0};

    if (scratch_make(state) != 0)
        return -1;
    keys = new_keyring("mine");
    others = new_keyring("other");
    for (party p = 0; p < 2; p++)
        sim_dataset(&data[p], 3, p, ROWS, ROWS, 2, 4, p == 0);
    sim_contract(&sim, 2, data, 384, 16);
    make_preparation(&made, &sim.contract);
    if (preparation_file_write(&bytes, &made, kit_suite(), scratch, keys, &contract, 0, &f) != OK)
        fail_msg("%s", f.message);
    assert_true(bytes > 2 * 64 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    keyring_free(keys);
    keyring_free(others);
    preparation_clear(&made);
    for (party p = 0; p < 2; p++)
        dataset_clear(&data[p]);
    return scratch_remove(state);
}

static status take(struct preparation *out, const struct keyring *k, uint32_t attempt, struct fault *f)
{
    return preparation_file_take(out, &sim.contract, SELF, scratch, k, &contract, attempt, f);
}

static void nothing_is_left(void)
{
    assert_false(files_exist(in_scratch("preparation")));
    assert_false(files_exist(in_scratch("preparation.sealed")));
}

static void it_comes_back_as_it_was_and_only_once(void **state)
{
    struct preparation back;
    struct fault f = {0};

    (void)state;
    assert_int_equal(take(&back, keys, 0, &f), OK);
    assert_true(hash_equal(&back.name, &made.name));
    assert_memory_equal(back.position, made.position, ROWS * sizeof *made.position);
    assert_memory_equal(back.role, made.role, ROWS);
    assert_int_equal(back.precondition.entry[0], -5);
    assert_memory_equal(back.correlation.fore, made.correlation.fore, 16 * TRAIN * sizeof(ring));
    assert_memory_equal(back.correlation.pad_residual, made.correlation.pad_residual, 16 * TRAIN * sizeof(ring));
    preparation_clear(&back);
    nothing_is_left();
    assert_int_equal(take(&back, keys, 0, &f), STATUS_CONFIG);
}

/* Flip a byte, cut, or add to the stream; after a refusal nothing is left either. */
static void refused_when(long at, int flip, long cut, int more)
{
    uint8_t *bytes = NULL;
    struct preparation back;
    struct fault f = {0};
    size_t len = 0;

    assert_int_equal(files_read(&bytes, &len, in_scratch("preparation"), 1 << 24, NULL), OK);
    if (flip)
        bytes[at >= 0 ? (size_t)at : len - (size_t)-at] ^= 1;
    len -= (size_t)cut;
    assert_int_equal(files_write(in_scratch("preparation"), bytes, len + (size_t)more, 0600, NULL), OK); /* more: the NUL */
    free(bytes);
    assert_int_equal(take(&back, keys, 0, &f), STATUS_MISMATCH);
    nothing_is_left();
}

static void a_changed_header_is_refused(void **state) { (void)state; refused_when(3, 1, 0, 0); }
static void a_changed_first_chunk_is_refused(void **state) { (void)state; refused_when(100, 1, 0, 0); }
static void a_changed_last_byte_is_refused(void **state) { (void)state; refused_when(-1, 1, 0, 0); }
static void a_cut_byte_is_refused(void **state) { (void)state; refused_when(0, 0, 1, 0); }
static void a_byte_too_many_is_refused(void **state) { (void)state; refused_when(0, 0, 0, 1); }

/* Whole chunks that go missing at the end leave one without the last one's mark. */
static void a_cut_at_a_chunk_is_refused(void **state)
{
    uint8_t *bytes = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(files_read(&bytes, &len, in_scratch("preparation"), 1 << 24, NULL), OK);
    free(bytes);
    refused_when(0, 0, (long)(len - 24 - (64 * 1024 + 17)), 0);
}

static void another_node_cannot_open_it(void **state)
{
    struct preparation back;
    struct fault f = {0};

    (void)state;
    assert_int_equal(take(&back, others, 0, &f), STATUS_MISMATCH);
    nothing_is_left();
}

static void another_attempt_cannot_open_it(void **state)
{
    struct preparation back;
    struct fault f = {0};

    (void)state;
    assert_int_equal(take(&back, keys, 1, &f), STATUS_MISMATCH);
    nothing_is_left();
}

static void nothing_of_it_is_in_the_clear(void **state)
{
    uint8_t *bytes = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(files_read(&bytes, &len, in_scratch("preparation"), 1 << 24, NULL), OK);
    assert_null(memmem(bytes, len, "HEFUPREP", 8));
    free(bytes);
}

static void one_that_is_there_is_never_written_over(void **state)
{
    uint64_t bytes;
    struct fault f = {0};

    (void)state;
    assert_int_equal(preparation_file_write(&bytes, &made, kit_suite(), scratch, keys, &contract, 0, &f), STATUS_IO);
}

static void it_can_be_destroyed_unread_and_twice(void **state)
{
    (void)state;
    assert_int_equal(preparation_file_destroy(scratch, NULL), OK);
    nothing_is_left();
    assert_int_equal(preparation_file_destroy(scratch, NULL), OK);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FRESH(it_comes_back_as_it_was_and_only_once),
        FRESH(a_changed_header_is_refused),
        FRESH(a_changed_first_chunk_is_refused),
        FRESH(a_changed_last_byte_is_refused),
        FRESH(a_cut_byte_is_refused),
        FRESH(a_byte_too_many_is_refused),
        FRESH(a_cut_at_a_chunk_is_refused),
        FRESH(another_node_cannot_open_it),
        FRESH(another_attempt_cannot_open_it),
        FRESH(nothing_of_it_is_in_the_clear),
        FRESH(one_that_is_there_is_never_written_over),
        FRESH(it_can_be_destroyed_unread_and_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
