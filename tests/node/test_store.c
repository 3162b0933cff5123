/* What a node remembers survives, moves in allowed steps only, and is never half written. */
#include "node/net/store.h"

#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "node/scratch.h"

#define ID_A "aaaa000000000000000000000000000000000000000000000000000000000001"
#define ID_B "aaaa000000000000000000000000000000000000000000000000000000000002"

static struct store *open_store(void)
{
    struct store *s = NULL;
    struct fault f = {0};

    if (store_open(&s, scratch, &f) != OK)
        fail_msg("%s", f.message);
    return s;
}

static void add_job(struct store *s, const char *id, enum job_state job_state)
{
    struct store_job job = {.name = "default-2024", .role = "feature", .proposer = "office", .attempt = 1};
    struct fault f = {0};

    snprintf(job.id, sizeof job.id, "%s", id);
    job.state = job_state;
    assert_int_equal(store_add_job(s, &job, &f), OK);
}

static void raw(const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(in_scratch("state.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void tables_survive_a_restart(void **state)
{
    const struct store_table t = {.name = "customers", .kind = "csv", .path = "/data/c.csv", .id_column = "id",
                                  .label_column = "default", .split_path = "/data/s.csv", .refuse_duplicates = 1,
                                  .rows = 30000, .columns = 23};
    struct store *s = open_store();
    struct store_table got;
    struct stat st;
    struct fault f = {0};

    (void)state;
    assert_int_equal(store_add_table(s, &t, &f), OK);
    store_close(s);
    s = open_store();
    assert_int_equal(store_get_table(s, &got, "customers", &f), OK);
    assert_string_equal(got.path, t.path);
    assert_string_equal(got.kind, "csv");
    assert_string_equal(got.id_column, "id");
    assert_string_equal(got.label_column, "default");
    assert_string_equal(got.split_path, "/data/s.csv");
    assert_int_equal(got.refuse_duplicates, 1);
    assert_int_equal(got.rows, 30000);
    assert_int_equal(got.columns, 23);
    assert_true(got.added > INT64_C(1500000000000));
    store_close(s);
    assert_int_equal(stat(in_scratch("state.db"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void tables_are_added_once_listed_by_name_and_removed(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    struct store_table t = {.kind = "csv"}, *list AUTO(auto_free) = NULL;
    size_t count = 0;
    struct fault f = {0};

    (void)state;
    strcpy(t.name, "loans");
    assert_int_equal(store_add_table(s, &t, &f), OK);
    strcpy(t.name, "customers");
    assert_int_equal(store_add_table(s, &t, &f), OK);
    assert_int_equal(store_add_table(s, &t, &f), STATUS_USAGE);
    assert_string_equal(f.message, "there is a table \"customers\" already");
    assert_int_equal(store_list_tables(s, &list, &count, &f), OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].name, "customers");
    f = (struct fault){0};
    assert_int_equal(store_get_table(s, &t, "custmers", &f), STATUS_USAGE);
    assert_string_equal(f.message, "no table \"custmers\" is registered");
    assert_string_equal(f.hint, "did you mean \"customers\"?");
    assert_int_equal(store_remove_table(s, "loans", &f), OK);
    f = (struct fault){0};
    assert_int_equal(store_remove_table(s, "loans", &f), STATUS_USAGE);
    assert_string_equal(f.message, "no table \"loans\" is registered");
}

static void jobs_keep_their_papers_progress_and_errors(void **state)
{
    struct store *s = open_store();
    const struct fault why = {.message = "tax is silent", .hint = "ask them"};
    uint8_t *bytes = NULL;
    struct store_job job;
    size_t len = 0;
    struct fault f = {0};

    (void)state;
    add_job(s, ID_A, JOB_APPROVED);
    assert_int_equal(store_put_paper(s, ID_A, PAPER_CONTRACT, "\0contract", 9, &f), OK);
    assert_int_equal(store_put_paper(s, ID_A, PAPER_RESULT, "", 0, &f), OK);
    assert_int_equal(store_set_state(s, ID_A, JOB_RUNNING, "node", NULL, &f), OK);
    assert_int_equal(store_set_attempt(s, ID_A, 2, STAGE_WHOLE, &f), OK);
    assert_int_equal(store_set_progress(s, ID_A, "train", 3, 16, &f), OK);
    assert_int_equal(store_set_state(s, ID_A, JOB_FAILED, "node", &why, &f), OK);
    store_close(s);
    s = open_store();
    assert_int_equal(store_get_job(s, &job, ID_A, &f), OK);
    assert_int_equal(job.state, JOB_FAILED);
    assert_int_equal(job.attempt, 2);
    assert_string_equal(job.role, "feature");
    assert_string_equal(job.proposer, "office");
    assert_string_equal(job.error, "tax is silent");
    assert_string_equal(job.hint, "ask them");
    assert_string_equal(job.phase, "train");
    assert_int_equal(job.done, 3);
    assert_int_equal(job.total, 16);
    assert_true(job.updated >= job.created);
    assert_int_equal(store_get_paper(s, ID_A, PAPER_CONTRACT, &bytes, &len, &f), OK);
    assert_int_equal(len, 9);
    assert_memory_equal(bytes, "\0contract", 9);
    free(bytes);
    assert_int_equal(store_get_paper(s, ID_A, PAPER_RESULT, &bytes, &len, &f), OK);
    assert_non_null(bytes);
    assert_int_equal(len, 0);
    free(bytes);
    assert_int_equal(store_get_paper(s, ID_A, PAPER_PROPOSAL, &bytes, &len, &f), OK);
    assert_null(bytes);
    store_close(s);
}

/* Every pair of states: exactly the listed steps are possible, and a refused step changes nothing. */
static void jobs_move_in_the_allowed_steps_only(void **state)
{
    static const char allowed[JOB_CANCELLED + 1][8] = {
        [JOB_PROPOSED] = {JOB_AWAITING_APPROVAL, JOB_APPROVED, JOB_REFUSED, JOB_CANCELLED, JOB_FAILED},
        [JOB_AWAITING_APPROVAL] = {JOB_APPROVED, JOB_REFUSED, JOB_CANCELLED, JOB_FAILED},
        [JOB_APPROVED] = {JOB_RUNNING, JOB_REFUSED, JOB_CANCELLED, JOB_FAILED},
        [JOB_RUNNING] = {JOB_DONE, JOB_FAILED, JOB_CANCELLED},
        [JOB_FAILED] = {JOB_AWAITING_APPROVAL, JOB_APPROVED, JOB_RUNNING, JOB_CANCELLED},
    };
    struct store *s AUTO(store_clear) = open_store();
    int number = 0;

    (void)state;
    for (enum job_state from = JOB_PROPOSED; from <= JOB_CANCELLED; from++) {
        for (enum job_state to = JOB_PROPOSED; to <= JOB_CANCELLED; to++) {
            int possible = memchr(allowed[from], (int)to, sizeof allowed[from]) != NULL;
            struct store_job job;
            struct fault f = {0};
            char id[STORE_ID_BYTES];

            snprintf(id, sizeof id, "%064x", number++);
            add_job(s, id, from);
            assert_int_equal(store_set_state(s, id, to, "operator", NULL, &f), possible ? OK : STATUS_USAGE);
            f = (struct fault){0};
            assert_int_equal(store_get_job(s, &job, id, &f), OK);
            assert_int_equal(job.state, possible ? to : from);
        }
    }
}

static void jobs_are_found_by_the_beginning_of_their_id(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    struct store_job job, *list AUTO(auto_free) = NULL;
    size_t count = 0;
    struct fault f = {0};

    (void)state;
    add_job(s, ID_A, JOB_PROPOSED);
    add_job(s, "bbbb000000000000000000000000000000000000000000000000000000000000", JOB_PROPOSED);
    assert_int_equal(store_get_job(s, &job, "aaaa", &f), OK);
    assert_string_equal(job.id, ID_A);
    add_job(s, ID_B, JOB_PROPOSED);
    assert_int_equal(store_get_job(s, &job, "aaaa", &f), STATUS_USAGE);
    assert_string_equal(f.message, "more than one job begins with aaaa");
    f = (struct fault){0};
    assert_int_equal(store_get_job(s, &job, ID_B, &f), OK);
    assert_int_equal(store_get_job(s, &job, "aaa", &(struct fault){0}), STATUS_USAGE);
    assert_int_equal(store_get_job(s, &job, "cccc", &(struct fault){0}), STATUS_USAGE);
    assert_int_equal(store_get_job(s, &job, "%%%%", &(struct fault){0}), STATUS_USAGE);
    assert_int_equal(store_list_jobs(s, &list, &count, &f), OK);
    assert_int_equal(count, 3);
    assert_string_equal(list[0].id, ID_B); /* the latest first */
}

static void approvals_are_kept_once_per_party_and_attempt(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    struct fault f = {0};

    (void)state;
    add_job(s, ID_A, JOB_AWAITING_APPROVAL);
    assert_int_equal(store_put_approval(s, ID_A, 1, STAGE_WHOLE, "tax", "yes", 3, &f), OK);
    assert_int_equal(store_put_approval(s, ID_A, 1, STAGE_WHOLE, "tax", "yes", 3, &f), OK);
    assert_int_equal(store_put_approval(s, ID_A, 2, STAGE_WHOLE, "tax", "two", 3, &f), OK);
    assert_int_equal(store_put_approval(s, ID_A, 1, STAGE_WHOLE, "tax", "Yes", 3, &f), STATUS_USAGE);
    assert_string_equal(f.message, "tax approved attempt 1 of job aaaa000000000000 already, otherwise");
    f = (struct fault){0};
    assert_int_equal(store_get_approval(s, ID_A, 1, STAGE_WHOLE, "tax", &bytes, &len, &f), OK);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "yes", 3);
    free(bytes);
    assert_int_equal(store_get_approval(s, ID_A, 1, STAGE_WHOLE, "social", &bytes, &len, &f), OK);
    assert_null(bytes);
    assert_int_equal(store_put_approval(s, ID_B, 1, STAGE_WHOLE, "tax", "yes", 3, &f), STATUS_USAGE);
}

static void events_tell_who_did_what_in_order(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    struct store_event *events AUTO(auto_free) = NULL;
    const struct fault why = {.message = "not our purpose"};
    size_t count = 0;
    struct fault f = {0};

    (void)state;
    add_job(s, ID_A, JOB_AWAITING_APPROVAL);
    assert_int_equal(store_note(s, "", "operator", "table customers added", &f), OK);
    assert_int_equal(store_set_state(s, ID_A, JOB_REFUSED, "operator", &why, &f), OK);
    assert_int_equal(store_list_events(s, ID_A, &events, &count, &f), OK);
    assert_int_equal(count, 2);
    assert_string_equal(events[0].actor, "office");
    assert_string_equal(events[0].action, "job is awaiting approval");
    assert_string_equal(events[1].actor, "operator");
    assert_string_equal(events[1].action, "job is refused: not our purpose");
    assert_true(events[0].time <= events[1].time);
    free(events);
    events = NULL;
    assert_int_equal(store_list_events(s, "", &events, &count, &f), OK);
    assert_int_equal(count, 3);
}

static void unknown_jobs_are_told(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    struct fault f = {0};

    (void)state;
    assert_int_equal(store_set_progress(s, ID_A, "x", 1, 2, &f), STATUS_USAGE);
    assert_string_equal(f.message, "no job " ID_A " is known here");
    assert_int_equal(store_set_attempt(s, ID_A, 1, STAGE_WHOLE, &(struct fault){0}), STATUS_USAGE);
    assert_int_equal(store_put_paper(s, ID_A, PAPER_RESULT, "x", 1, &(struct fault){0}), STATUS_USAGE);
    assert_int_equal(store_set_state(s, ID_A, JOB_DONE, "node", NULL, &(struct fault){0}), STATUS_USAGE);
}

static void adding_a_job_twice_is_told_and_changes_nothing(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    struct store_job job = {.id = ID_A, .name = "other", .state = JOB_DONE}, got;
    struct fault f = {0};

    (void)state;
    add_job(s, ID_A, JOB_PROPOSED);
    assert_int_equal(store_add_job(s, &job, &f), STATUS_USAGE);
    assert_string_equal(f.message, "there is a job aaaa000000000000 already");
    assert_int_equal(store_get_job(s, &got, ID_A, &f), OK);
    assert_string_equal(got.name, "default-2024");
    add_job(s, ID_B, JOB_PROPOSED); /* the refused step left no transaction open */
}

static void a_preparation_is_spent_once(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    const struct store_preparation made = {.name = "5a", .made = 1900000000, .rows = 1234, .bytes = 5678};
    struct store_preparation got;
    struct store_job job;
    struct fault f = {0};

    (void)state;
    add_job(s, ID_A, JOB_RUNNING);
    assert_int_equal(store_get_preparation(s, &got, ID_A, 1, &f), STATUS_USAGE);
    assert_int_equal(store_spend_preparation(s, ID_A, 1, "acme", &f), STATUS_REFUSED);
    assert_int_equal(store_add_preparation(s, ID_A, 1, &made, NULL), OK);
    assert_int_equal(store_set_state(s, ID_A, JOB_PREPARED, "node", NULL, NULL), OK);
    assert_int_equal(store_get_preparation(s, &got, ID_A, 1, NULL), OK);
    assert_string_equal(got.name, "5a");
    assert_int_equal(got.spent, 0);
    assert_int_equal(got.bytes, 5678);

    assert_int_equal(store_spend_preparation(s, ID_A, 1, "acme", NULL), OK);
    assert_int_equal(store_get_job(s, &job, ID_A, NULL), OK);
    assert_int_equal(job.state, JOB_RUNNING);
    assert_int_equal(job.stage, STAGE_ONLINE);
    assert_int_equal(store_get_preparation(s, &got, ID_A, 1, NULL), OK);
    assert_true(got.spent > 0);
    f = (struct fault){0};
    assert_int_equal(store_spend_preparation(s, ID_A, 1, "acme", &f), STATUS_REFUSED);
    assert_non_null(strstr(f.message, "used already"));
}

/* Spending is one step with running: a job that cannot run keeps its preparation. */
static void a_preparation_is_not_spent_on_a_job_that_cannot_run(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    struct store_preparation got;

    (void)state;
    add_job(s, ID_A, JOB_CANCELLED);
    assert_int_equal(store_add_preparation(s, ID_A, 1, &(struct store_preparation){.name = "5a"}, NULL), OK);
    assert_int_equal(store_spend_preparation(s, ID_A, 1, "acme", &(struct fault){0}), STATUS_USAGE);
    assert_int_equal(store_get_preparation(s, &got, ID_A, 1, NULL), OK);
    assert_int_equal(got.spent, 0);
}

static void both_sessions_of_an_attempt_have_their_approval(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    (void)state;
    add_job(s, ID_A, JOB_PROPOSED);
    assert_int_equal(store_put_approval(s, ID_A, 0, STAGE_OFFLINE, "tax", "off", 3, NULL), OK);
    assert_int_equal(store_put_approval(s, ID_A, 0, STAGE_ONLINE, "tax", "on", 2, NULL), OK);
    assert_int_equal(store_get_approval(s, ID_A, 0, STAGE_ONLINE, "tax", &bytes, &len, NULL), OK);
    assert_int_equal(len, 2);
    assert_memory_equal(bytes, "on", 2);
}

static void uses_are_counted_by_name_or_root_within_their_time_and_once_a_job(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    const struct hash root = {{1}}, other = {{2}};
    uint64_t count = 9;

    (void)state;
    add_job(s, ID_A, JOB_PROPOSED);
    add_job(s, ID_B, JOB_PROPOSED);
    assert_int_equal(store_add_use(s, ID_A, "loans", &root, 100, NULL), OK);
    assert_int_equal(store_add_use(s, ID_A, "loans", &root, 200, NULL), OK); /* a second attempt */
    assert_int_equal(store_count_uses(s, &count, ID_B, "loans", &other, 99, NULL), OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_count_uses(s, &count, ID_B, "copy", &root, 99, NULL), OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_count_uses(s, &count, ID_B, "copy", &other, 99, NULL), OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_count_uses(s, &count, ID_B, "loans", &root, 100, NULL), OK);
    assert_int_equal(count, 0); /* long ago */
    assert_int_equal(store_count_uses(s, &count, ID_A, "loans", &root, 99, NULL), OK);
    assert_int_equal(count, 0); /* its own */
}

static void an_approver_has_one_name_and_one_key(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    const struct sign_public first = {{1}}, second = {{2}};
    struct store_approver *list AUTO(auto_free) = NULL, one;
    struct store_event *events AUTO(auto_free) = NULL;
    size_t count = 0;
    struct fault f = {0};

    (void)state;
    assert_int_equal(store_add_approver(s, "ada", &first, NULL), OK);
    assert_int_equal(store_add_approver(s, "ada", &second, NULL), STATUS_USAGE);
    assert_int_equal(store_add_approver(s, "bob", &first, NULL), STATUS_USAGE); /* the same person under two names */
    assert_int_equal(store_add_approver(s, "bob", &second, NULL), OK);
    assert_int_equal(store_get_approver(s, &one, "bob", NULL), OK);
    assert_memory_equal(&one.key, &second, sizeof second);
    assert_int_equal(store_remove_approver(s, "ada", NULL), OK);
    assert_int_equal(store_remove_approver(s, "ada", &f), STATUS_USAGE);
    assert_string_equal(f.message, "no approver \"ada\" is registered");
    assert_int_equal(store_list_approvers(s, &list, &count, NULL), OK);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].name, "bob");
    assert_int_equal(store_list_events(s, "", &events, &count, NULL), OK);
    assert_int_equal(count, 3); /* who came and went is on record */
    assert_string_equal(events[2].action, "approver ada removed");
}

static void signatures_are_kept_apart_by_attempt_and_approver(void **state)
{
    struct store *s AUTO(store_clear) = open_store();
    struct store_signature ada = {.approver = "ada", .key = {{1}}, .signature = {{3}}, .time = 5}, bob = {.approver = "bob", .time = 6};
    struct store_signature *list AUTO(auto_free) = NULL;
    size_t count = 0;

    (void)state;
    add_job(s, ID_A, JOB_PROPOSED);
    assert_int_equal(store_put_signature(s, ID_A, 0, &ada, NULL), OK);
    assert_int_equal(store_put_signature(s, ID_A, 0, &bob, NULL), OK);
    assert_int_equal(store_put_signature(s, ID_A, 1, &bob, NULL), OK);
    assert_int_equal(store_list_signatures(s, ID_A, 0, &list, &count, NULL), OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].approver, "ada");
    assert_memory_equal(list[0].key.bytes, ada.key.bytes, sizeof ada.key.bytes);
    assert_memory_equal(list[0].signature.bytes, ada.signature.bytes, sizeof ada.signature.bytes);
    assert_int_equal(list[0].time, 5);
    assert_string_equal(list[1].approver, "bob");
}

/* The one that 0.1.0 made. */
static void an_older_database_is_brought_up_to_date(void **state)
{
    struct store *s = open_store();
    uint8_t *bytes AUTO(auto_free) = NULL;
    struct store_preparation p;
    struct store_job job;
    struct fault f = {0};
    size_t len = 0;

    (void)state;
    add_job(s, ID_A, JOB_APPROVED);
    store_close(s);
    raw("DROP TABLE uses; DROP TABLE approvers; DROP TABLE signatures; DROP TABLE preparations; DROP TABLE approvals; ALTER TABLE jobs DROP COLUMN stage;"
        "CREATE TABLE approvals (job TEXT NOT NULL REFERENCES jobs(id), attempt INTEGER NOT NULL, party TEXT NOT NULL,"
        " bytes BLOB NOT NULL, PRIMARY KEY (job, attempt, party)) STRICT;"
        "INSERT INTO approvals VALUES ('" ID_A "', 1, 'tax', x'796573'); PRAGMA user_version = 1;");
    s = open_store();
    assert_int_equal(store_get_job(s, &job, ID_A, NULL), OK);
    assert_int_equal(job.stage, STAGE_WHOLE);
    assert_int_equal(store_get_approval(s, ID_A, 1, STAGE_WHOLE, "tax", &bytes, &len, NULL), OK);
    assert_int_equal(len, 3);
    assert_int_equal(store_get_preparation(s, &p, ID_A, 1, &f), STATUS_USAGE);
    store_close(s);
}

static void a_newer_database_is_refused(void **state)
{
    struct store *s = open_store();
    struct fault f = {0};

    (void)state;
    store_close(s);
    s = NULL;
    raw("PRAGMA user_version = 4");
    assert_int_equal(store_open(&s, scratch, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "state.db: written by a newer hefu (form 4, this one knows 3)"));
    assert_null(s);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct store *s = NULL;
    char junk[8192];
    struct fault f = {0};

    (void)state;
    memset(junk, 'x', sizeof junk);
    assert_int_equal(files_write(in_scratch("state.db"), junk, sizeof junk, 0600, &f), OK);
    assert_int_equal(store_open(&s, scratch, &f), STATUS_IO);
    assert_non_null(strstr(f.message, "state.db: the state database is damaged"));
    assert_null(s);
}

/* A writer that dies in the middle of its step leaves nothing of it. */
static void an_interrupted_step_leaves_nothing(void **state)
{
    struct store *s;
    struct store_job job;
    struct fault f = {0};
    pid_t child;

    (void)state;
    s = open_store();
    add_job(s, ID_A, JOB_PROPOSED);
    store_close(s);
    child = fork();
    if (child == 0) {
        sqlite3 *db = NULL;

        sqlite3_open(in_scratch("state.db"), &db);
        sqlite3_exec(db, "BEGIN IMMEDIATE; UPDATE jobs SET state = 5; DELETE FROM events", NULL, NULL, NULL);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    s = open_store();
    assert_int_equal(store_get_job(s, &job, ID_A, &f), OK);
    assert_int_equal(job.state, JOB_PROPOSED);
    assert_int_equal(store_set_state(s, ID_A, JOB_REFUSED, "operator", NULL, &f), OK);
    store_close(s);
}

struct writer {
    struct store *store;
    int number;
    int failures;
};

static void *write_many(void *context)
{
    struct writer *w = context;

    for (int i = 0; i < 25; i++) {
        struct store_job job = {.name = "j", .state = JOB_PROPOSED};

        snprintf(job.id, sizeof job.id, "%032x%032x", w->number, i);
        w->failures += store_add_job(w->store, &job, NULL) != OK;
        w->failures += store_put_paper(w->store, job.id, PAPER_CONTRACT, &i, sizeof i, NULL) != OK;
        w->failures += store_set_state(w->store, job.id, JOB_REFUSED, "operator", NULL, NULL) != OK;
    }
    return NULL;
}

/* Two threads on each of two connections. */
static void threads_and_connections_do_not_disturb_each_other(void **state)
{
    struct store *a AUTO(store_clear) = open_store(), *b AUTO(store_clear) = open_store();
    struct writer w[4] = {{a, 0, 0}, {a, 1, 0}, {b, 2, 0}, {b, 3, 0}};
    struct store_job *list AUTO(auto_free) = NULL;
    pthread_t thread[4];
    size_t count = 0;
    struct fault f = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, write_many, &w[i]), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(w[i].failures, 0);
    assert_int_equal(store_list_jobs(a, &list, &count, &f), OK);
    assert_int_equal(count, 100);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i].state, JOB_REFUSED);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(tables_survive_a_restart),
        IN_SCRATCH(tables_are_added_once_listed_by_name_and_removed),
        IN_SCRATCH(jobs_keep_their_papers_progress_and_errors),
        IN_SCRATCH(jobs_move_in_the_allowed_steps_only),
        IN_SCRATCH(jobs_are_found_by_the_beginning_of_their_id),
        IN_SCRATCH(approvals_are_kept_once_per_party_and_attempt),
        IN_SCRATCH(events_tell_who_did_what_in_order),
        IN_SCRATCH(unknown_jobs_are_told),
        IN_SCRATCH(adding_a_job_twice_is_told_and_changes_nothing),
        IN_SCRATCH(a_preparation_is_spent_once),
        IN_SCRATCH(a_preparation_is_not_spent_on_a_job_that_cannot_run),
        IN_SCRATCH(both_sessions_of_an_attempt_have_their_approval),
        IN_SCRATCH(uses_are_counted_by_name_or_root_within_their_time_and_once_a_job),
        IN_SCRATCH(an_approver_has_one_name_and_one_key),
        IN_SCRATCH(signatures_are_kept_apart_by_attempt_and_approver),
        IN_SCRATCH(an_older_database_is_brought_up_to_date),
        IN_SCRATCH(a_newer_database_is_refused),
        IN_SCRATCH(a_file_that_is_no_database_is_refused),
        IN_SCRATCH(an_interrupted_step_leaves_nothing),
        IN_SCRATCH(threads_and_connections_do_not_disturb_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
