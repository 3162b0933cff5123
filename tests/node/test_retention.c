/* A session that has ended keeps what its contract says, for whom it says, as long as it says; and what is signed as destroyed
 * is. */
#include "kit/cmocka.h"

#include "node/keys.h"
#include "node/local/retention.h"
#include "protocol/destroyed.h"
#include "protocol/verify.h"

#include <sodium.h>
#include <sys/stat.h>

enum { WINDOW_END = 1900000000, DAY = 86400, DAYS = 3 };

static struct keyring *keys;
static struct audit_key auditor, other;
static struct contract contract;
static struct hash id, session;
static struct rng_key seed = {.bytes = {1, 2}}, start = {.bytes = {3, 4}};
static char dir[FILES_PATH_BYTES];

static const char *in_dir(const char *name)
{
    static char path[2][FILES_PATH_BYTES];
    static int turn;

    turn = !turn;
    assert_int_equal(files_join(path[turn], dir, name, NULL), OK);
    return path[turn];
}

static int there(const char *name)
{
    return files_exist(in_dir(name));
}

static void write_approvals(void)
{
    struct approval a[2] = {{.who = 0}, {.who = 1}};
    uint8_t bytes[2 * APPROVAL_BYTES];

    for (party p = 0; p < 2; p++) {
        memset(a[p].card.sign.bytes, p + 1, SIGN_PUBLIC_BYTES);
        approval_encode(bytes + p * APPROVAL_BYTES, &a[p]);
    }
    assert_int_equal(files_write(in_dir("approvals"), bytes, sizeof bytes, 0600, NULL), OK);
    verify_session_id(&session, kit_suite(), &id, a, 2);
}

/* A session that has run and ended at party 1. */
static void write_session(void)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};

    assert_int_equal(contract_id(&id, &contract), OK);
    assert_int_equal(contract_encode(&w, &contract), OK);
    assert_int_equal(files_make_directory(dir, NULL), OK);
    assert_int_equal(files_write(in_dir("contract"), w.bytes, w.len, 0600, NULL), OK);
    write_approvals();
    assert_int_equal(session_secret_create(&seed, "seed", dir, keys, &id, 0, NULL), OK);
    assert_int_equal(session_secret_create(&start, "start", dir, keys, &id, 0, NULL), OK);
    assert_int_equal(files_write(in_dir("bodies"), "bodies", 6, 0600, NULL), OK);
    assert_int_equal(files_write(in_dir("log"), "log", 3, 0600, NULL), OK);
}

static int set_up(void **state)
{
    struct seal_public pub;
    struct sign_secret secret;

    if (scratch_make(state) != 0)
        return -1;
    seed.suite = start.suite = (uint8_t)kit_suite();
    keys = new_keyring("mine");
    assert_int_equal(audit_key_create(&pub, kit_suite(), in_scratch("audit.key"), NULL), OK);
    assert_int_equal(audit_key_load(&auditor, in_scratch("audit.key"), NULL), OK);
    assert_int_equal(audit_key_create(&pub, kit_suite(), in_scratch("other.key"), NULL), OK);
    assert_int_equal(audit_key_load(&other, in_scratch("other.key"), NULL), OK);
    snprintf(dir, sizeof dir, "%s/session", scratch);
    contract = (struct contract){
        .version = CONTRACT_VERSION, .protocol = PROTOCOL_VERSION, .suite = (uint8_t)kit_suite(), .test_rule = TEST_DRAWN, .job = "risk",
        .purpose = "to test", .not_before = 1, .not_after = WINDOW_END, .parties = 2, .key_bits = 2048, .ridge_micro = 3000,
        .test_permille = 300, .fraction_bits = 16, .score_bits = 6, .min_rows = 100, .min_positives = 10, .rows_per_bin = 5,
        .attempts_max = 2, .replay = REPLAY_SEALED, .retention_days = DAYS, .auditor = "Auditor", .auditor_key = auditor.pub};
    contract_training_defaults(&contract, SIGMOID_LINEAR);
    for (party p = 0; p < 2; p++) {
        struct contract_party *me = &contract.party[p];

        snprintf(me->name, sizeof me->name, "p%u", p);
        me->has_label = p == 0;
        me->rows = 300;
        me->columns = 1;
        me->bins[0] = 4;
        memset(me->data_root.bytes, 1, HASH_BYTES);
        memset(me->schema_hash.bytes, 2, HASH_BYTES);
        sign_keypair(&me->identity, &secret, &(struct rng_key){.bytes = {3, (uint8_t)p}, .suite = (uint8_t)kit_suite()});
        memset(me->certificate.bytes, 5 + p, HASH_BYTES);
    }
    contract.party[1].identity = *keyring_public(keys, kit_suite());
    return 0;
}

static int tear_down(void **state)
{
    keyring_free(keys);
    return scratch_remove(state);
}

static enum retention settled(int64_t now)
{
    enum retention what;
    struct fault f = {0};

    if (retention_settle(&what, dir, &contract, &id, 1, 0, keys, now, &f) != OK)
        fail_msg("%s", f.message);
    return what;
}

static status open_with(const struct audit_key *key, struct audit_secrets *out, struct fault *f)
{
    struct session_papers papers;
    status result;

    assert_int_equal(session_papers_read(&papers, dir, NULL), OK);
    result = retention_open(out, dir, &papers, 1, 0, key, f);
    session_papers_clear(&papers);
    return result;
}

static void assert_destroyed_at(int64_t when)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    struct destroyed d;
    size_t len = 0;

    assert_false(there("seed.sealed") || there("start.sealed") || there("seed.audit") || there("bodies"));
    assert_true(there("log"));
    assert_int_equal(retention_statement(&bytes, &len, dir, NULL), OK);
    assert_non_null(bytes);
    assert_int_equal(destroyed_decode(&d, bytes, len), OK);
    assert_null(destroyed_wrong(&d, &contract, &id, &session, 1));
    assert_int_equal(d.when, when);
}

static void with_an_auditor_only_the_auditor_opens_the_secrets(void **state)
{
    struct audit_secrets out = {0};
    struct rng_key back;
    struct fault f = {0};

    (void)state;
    write_session();
    assert_int_equal(settled(WINDOW_END - 10), RETENTION_SEALED);
    assert_false(there("seed.sealed") || there("start.sealed"));
    assert_true(there("bodies"));
    assert_int_equal(session_secret_read(&back, kit_suite(), "seed", dir, keys, &id, 0, NULL), STATUS_CONFIG);
    assert_int_equal(open_with(&auditor, &out, NULL), OK);
    assert_memory_equal(&out.seed, &seed, sizeof seed);
    assert_memory_equal(&out.start, &start, sizeof start);
    assert_true(hash_equal(&out.place.session, &session));
    assert_int_equal(out.place.sealed_at, WINDOW_END - 10);
    assert_int_equal(open_with(&other, &out, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "not that of Auditor"));
    assert_int_equal(settled(WINDOW_END - 5), RETENTION_KEPT); /* and stays as it is */
}

static void a_seal_of_another_session_in_its_place_is_refused(void **state)
{
    struct audit_secrets out;
    struct fault f = {0};
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    (void)state;
    write_session();
    settled(WINDOW_END);
    assert_int_equal(files_read(&bytes, &len, in_dir("seed.audit"), 1000, NULL), OK);
    contract.nonce[0] = 9;
    snprintf(dir, sizeof dir, "%s/second", scratch);
    write_session();
    settled(WINDOW_END);
    assert_int_equal(files_write(in_dir("seed.audit"), bytes, len, 0600, NULL), OK);
    assert_int_equal(open_with(&auditor, &out, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "another contract"));
    bytes[100] ^= 1;
    assert_int_equal(files_write(in_dir("seed.audit"), bytes, len, 0600, NULL), OK);
    f = (struct fault){0};
    assert_int_equal(open_with(&auditor, &out, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "was changed"));
}

/* At each point where a crash may come, the next call ends as the first would have. */
static void a_crash_between_seal_and_destruction_loses_nothing(void **state)
{
    struct audit_secrets out = {0};

    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        snprintf(dir, sizeof dir, "%s/crash%d", scratch, gone);
        write_session();
        settled(WINDOW_END - 10);
        if (!gone)
            assert_int_equal(session_secret_create(&seed, "seed", dir, keys, &id, 0, NULL), OK);
        assert_int_equal(session_secret_create(&start, "start", dir, keys, &id, 0, NULL), OK);
        assert_int_equal(settled(WINDOW_END - 5), RETENTION_SEALED);
        assert_false(there("seed.sealed") || there("start.sealed"));
        assert_int_equal(open_with(&auditor, &out, NULL), OK);
        assert_memory_equal(&out.seed, &seed, sizeof seed);
        assert_memory_equal(&out.start, &start, sizeof start);
    }
}

static void without_an_auditor_the_owner_keeps_them(void **state)
{
    struct audit_secrets out;
    struct fault f = {0};

    (void)state;
    contract.auditor[0] = '\0';
    memset(&contract.auditor_key, 0, SEAL_PUBLIC_BYTES);
    write_session();
    assert_int_equal(settled(WINDOW_END + DAYS * DAY - 1), RETENTION_KEPT);
    assert_true(there("seed.sealed") && there("start.sealed") && there("bodies"));
    assert_int_equal(open_with(&auditor, &out, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "names no auditor"));
    assert_int_equal(settled(WINDOW_END + DAYS * DAY), RETENTION_DESTROYED);
    assert_destroyed_at(WINDOW_END + DAYS * DAY);
}

static void after_the_retention_all_is_destroyed_and_that_is_signed_once(void **state)
{
    (void)state;
    write_session();
    settled(WINDOW_END);
    assert_false(there("destroyed"));
    assert_int_equal(settled(WINDOW_END + DAYS * DAY + 7), RETENTION_DESTROYED);
    assert_destroyed_at(WINDOW_END + DAYS * DAY + 7);
    assert_int_equal(settled(WINDOW_END + DAYS * DAY + 99), RETENTION_KEPT);
    assert_destroyed_at(WINDOW_END + DAYS * DAY + 7);
    /* back from a backup: gone again, and the statement says when */
    assert_int_equal(files_write(in_dir("bodies"), "bodies", 6, 0600, NULL), OK);
    assert_int_equal(settled(WINDOW_END + DAYS * DAY + 200), RETENTION_DESTROYED);
    assert_destroyed_at(WINDOW_END + DAYS * DAY + 200);
}

/* Nothing is kept for want of a signature, and the statement follows when the key is there again. */
static void a_node_without_the_key_of_that_suite_says_so_and_signs_later(void **state)
{
    const enum suite lost = kit_suite() == SUITE_GM1 ? SUITE_INT1 : SUITE_GM1;
    const int64_t due = WINDOW_END + DAYS * DAY;
    struct keyring *wrong AUTO(keyring_clear) = NULL;
    enum retention what;
    struct fault f = {0};

    (void)state;
    write_session();
    assert_int_equal(ca_make_key(in_scratch("wrong.key"), lost, NULL), OK);
    assert_int_equal(keyring_new(&wrong, in_scratch("wrong.key"), NULL, NULL), OK);
    assert_int_equal(retention_settle(&what, dir, &contract, &id, 1, 0, wrong, due, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "the key that signs for suite "));
    assert_false(there("seed.sealed") || there("bodies") || there("destroyed"));
    assert_int_equal(settled(due + 1), RETENTION_DESTROYED);
    assert_destroyed_at(due + 1);
}

static void with_replay_off_all_is_destroyed_at_the_end(void **state)
{
    (void)state;
    contract.replay = REPLAY_OFF;
    contract.retention_days = 0;
    contract.auditor[0] = '\0';
    memset(&contract.auditor_key, 0, SEAL_PUBLIC_BYTES);
    write_session();
    assert_int_equal(settled(500), RETENTION_DESTROYED);
    assert_destroyed_at(500);
}

static void what_could_not_be_removed_is_not_signed_as_destroyed(void **state)
{
    static const char *const stuck[] = {"seed.sealed", "seed.audit", "bodies"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        enum retention what;
        struct fault f = {0};

        snprintf(dir, sizeof dir, "%s/stuck%zu", scratch, i);
        write_session();
        (void)!unlink(in_dir(stuck[i]));
        assert_int_equal(mkdir(in_dir(stuck[i]), 0700), 0);
        assert_int_equal(retention_settle(&what, dir, &contract, &id, 1, 0, keys, WINDOW_END + DAYS * DAY, &f), STATUS_IO);
        assert_non_null(strstr(f.message, stuck[i]));
        assert_false(there("destroyed"));
        assert_int_equal(rmdir(in_dir(stuck[i])), 0);
        assert_int_equal(settled(WINDOW_END + DAYS * DAY), RETENTION_DESTROYED);
        assert_destroyed_at(WINDOW_END + DAYS * DAY);
    }
}

static void a_seed_that_cannot_be_sealed_stays(void **state)
{
    enum retention what;
    struct fault f = {0};

    (void)state;
    write_session();
    assert_int_equal(mkdir(in_dir("seed.audit"), 0700), 0); /* where a file must be written */
    assert_int_not_equal(retention_settle(&what, dir, &contract, &id, 1, 0, keys, WINDOW_END, &f), OK);
    assert_true(there("seed.sealed") && there("start.sealed"));
}

static void a_session_that_never_began_leaves_no_seed_and_no_statement(void **state)
{
    (void)state;
    write_session();
    for (int i = 0; i < 4; i++)
        assert_int_equal(unlink(in_dir((const char *[]){"start.sealed", "bodies", "log", "approvals"}[i])), 0);
    assert_int_equal(settled(WINDOW_END), RETENTION_SEALED);
    assert_false(there("seed.sealed") || there("seed.audit"));
    assert_int_equal(settled(WINDOW_END + DAYS * DAY), RETENTION_KEPT);
    assert_false(there("destroyed"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(with_an_auditor_only_the_auditor_opens_the_secrets),
        TEST(a_seal_of_another_session_in_its_place_is_refused),
        TEST(a_crash_between_seal_and_destruction_loses_nothing),
        TEST(without_an_auditor_the_owner_keeps_them),
        TEST(after_the_retention_all_is_destroyed_and_that_is_signed_once),
        TEST(with_replay_off_all_is_destroyed_at_the_end),
        TEST(a_node_without_the_key_of_that_suite_says_so_and_signs_later),
        TEST(what_could_not_be_removed_is_not_signed_as_destroyed),
        TEST(a_seed_that_cannot_be_sealed_stays),
        TEST(a_session_that_never_began_leaves_no_seed_and_no_statement),
    };

    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
