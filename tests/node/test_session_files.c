/* The secrets of an attempt are written once, open only where they belong, and go when the contract says so. */
#include "kit/cmocka.h"

#include "node/local/session_files.h"
#include "node/keys.h"

#include <sys/stat.h>
#include <unistd.h>

static struct keyring *keys, *others;
static const struct hash contract = {{7}};
static const struct rng_key secret = {.bytes = {1, 2, 3}, .suite = SUITE_INT1};

static int make_nodes(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    keys = new_keyring("mine");
    others = new_keyring("other");
    return 0;
}

static int remove_nodes(void **state)
{
    keyring_free(keys);
    keyring_free(others);
    return scratch_remove(state);
}

static void a_secret_comes_back_only_to_its_node_session_attempt_and_kind(void **state)
{
    const struct hash another = {{8}};
    struct rng_key back = {.bytes = {0}};

    (void)state;
    assert_int_equal(session_secret_create(&secret, "seed", scratch, keys, &contract, 0, NULL), OK);
    assert_int_equal(session_secret_read(&back, SUITE_INT1, "seed", scratch, keys, &contract, 0, NULL), OK);
    assert_memory_equal(&back, &secret, sizeof back);
    assert_int_equal(session_secret_read(&back, SUITE_INT1, "seed", scratch, others, &contract, 0, NULL), STATUS_MISMATCH);
    assert_int_equal(session_secret_read(&back, SUITE_INT1, "seed", scratch, keys, &another, 0, NULL), STATUS_MISMATCH);
    assert_int_equal(session_secret_read(&back, SUITE_INT1, "seed", scratch, keys, &contract, 1, NULL), STATUS_MISMATCH);
    assert_int_equal(session_secret_read(&back, SUITE_INT1, "start", scratch, keys, &contract, 0, NULL), STATUS_CONFIG);
}

static void a_secret_is_never_written_over(void **state)
{
    const struct rng_key fresh = {.bytes = {9}, .suite = SUITE_INT1};
    struct rng_key back;

    (void)state;
    assert_int_equal(session_secret_create(&secret, "start", scratch, keys, &contract, 0, NULL), OK);
    assert_int_not_equal(session_secret_create(&fresh, "start", scratch, keys, &contract, 0, NULL), OK);
    assert_int_equal(session_secret_read(&back, SUITE_INT1, "start", scratch, keys, &contract, 0, NULL), OK);
    assert_memory_equal(&back, &secret, sizeof back);
}

static void the_file_does_not_hold_the_secret(void **state)
{
    uint8_t *bytes = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(session_secret_create(&secret, "seed", scratch, keys, &contract, 0, NULL), OK);
    assert_int_equal(files_read(&bytes, &len, in_scratch("seed.sealed"), 1000, NULL), OK);
    assert_null(memmem(bytes, len, secret.bytes, 8));
    free(bytes);
}

static void without_retention_nothing_that_replays_stays(void **state)
{
    static const char *const gone[] = {"seed.sealed", "start.sealed", "bodies"}, *const kept[] = {"log", "contract"};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(files_write(in_scratch(gone[i]), "x", 1, 0600, NULL), OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(files_write(in_scratch(kept[i]), "x", 1, 0600, NULL), OK);
    assert_int_equal(session_destroy_secrets(scratch, NULL), OK);
    for (size_t i = 0; i < 3; i++)
        assert_false(files_exist(in_scratch(gone[i])));
    for (size_t i = 0; i < 2; i++)
        assert_true(files_exist(in_scratch(kept[i])));
    assert_int_equal(session_destroy_secrets(scratch, NULL), OK); /* nothing to do */
}

static void a_destroyed_secret_is_overwritten_first(void **state)
{
    static const uint8_t zeros[6];
    uint8_t *bytes = NULL;
    size_t len = 0;
    char sealed[FILES_PATH_BYTES];

    (void)state;
    strcpy(sealed, in_scratch("seed.sealed"));
    assert_int_equal(files_write(sealed, "secret", 6, 0600, NULL), OK);
    assert_int_equal(link(sealed, in_scratch("the same blocks")), 0);
    assert_int_equal(session_destroy_secrets(scratch, NULL), OK);
    assert_int_equal(files_read(&bytes, &len, in_scratch("the same blocks"), 100, NULL), OK);
    assert_int_equal(len, 6);
    assert_memory_equal(bytes, zeros, 6);
    free(bytes);
}

static void what_cannot_be_destroyed_is_said_and_keeps_nothing_else(void **state)
{
    static const char *const stuck[] = {"bodies", "seed.sealed"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fault f = {0};

        assert_int_equal(mkdir(in_scratch(stuck[i]), 0700), 0); /* no file */
        assert_int_equal(files_write(in_scratch("start.sealed"), "x", 1, 0600, NULL), OK);
        assert_int_equal(session_destroy_secrets(scratch, &f), STATUS_IO);
        assert_non_null(strstr(f.message, stuck[i]));
        assert_false(files_exist(in_scratch("start.sealed")));
        assert_int_equal(rmdir(in_scratch(stuck[i])), 0);
    }
}

static void an_attempt_was_scored_when_its_log_holds_a_score(void **state)
{
    uint8_t entry[SIGNED_BYTES] = {0};
    struct record r = {.suite = SUITE_INT1, .type = RECORD_SEND, .peer = 1, .kind = MESSAGE_block, .phase = PHASE_REVEAL};
    int scored = 1;

    (void)state;
    assert_int_equal(session_was_scored(&scored, scratch, 2, NULL), OK);
    assert_int_equal(scored, 0); /* no log: it never began */
    record_encode(entry, &r);
    assert_int_equal(files_write(in_scratch("log"), entry, sizeof entry, 0600, NULL), OK);
    assert_int_equal(session_was_scored(&scored, scratch, 2, NULL), OK);
    assert_int_equal(scored, 0);
    r.kind = MESSAGE_score;
    r.phase = PHASE_EVALUATE;
    record_encode(entry, &r);
    assert_int_equal(files_write(in_scratch("log"), entry, sizeof entry, 0600, NULL), OK);
    assert_int_equal(session_was_scored(&scored, scratch, 2, NULL), OK);
    assert_int_equal(scored, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_nodes, remove_nodes)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secret_comes_back_only_to_its_node_session_attempt_and_kind),
        TEST(a_secret_is_never_written_over),
        TEST(the_file_does_not_hold_the_secret),
        TEST(without_retention_nothing_that_replays_stays),
        TEST(a_destroyed_secret_is_overwritten_first),
        TEST(what_cannot_be_destroyed_is_said_and_keeps_nothing_else),
        TEST(an_attempt_was_scored_when_its_log_holds_a_score),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
