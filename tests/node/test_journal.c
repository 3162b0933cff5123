#include "node/local/journal.h"

#include "kit/synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "scratch.h"

static struct synthetic session;

static int set_up(void **state)
{
    (void)state;
    return synthetic_make(&session, 3, 21, SIZE_MAX) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    synthetic_clear(&session);
    return 0;
}

/* Body of record seq: length and bytes follow from its number. */
static size_t body_of(uint64_t seq, uint8_t *out)
{
    size_t len = (size_t)(seq * 7919 % 3000);

    memset(out, (int)(seq % 251), len);
    return len;
}

/* Writes party 1's log as a session would; returns the number of entries. */
static uint64_t write_session(struct journal j, uint64_t entries)
{
    uint8_t body[4096];
    struct fault f = {0};

    for (uint64_t i = 0; i < entries; i++) {
        size_t len, at = synthetic_entry(&session, 1, i, &len);
        struct record r;

        assert_int_equal(record_decode(&r, session.log[1].bytes + at), OK);
        if (r.type == RECORD_RECV)
            assert_int_equal(j.body(j.ctx, i, body, body_of(i, body), &f), OK);
        assert_int_equal(j.append(j.ctx, session.log[1].bytes + at, len, &f), OK);
        if (r.type == RECORD_SEND)
            assert_int_equal(j.sync(j.ctx, &f), OK);
    }
    return entries;
}

static uint64_t write_whole(void)
{
    struct journal_file *file = NULL;
    struct fault f = {0};
    uint64_t count;

    assert_int_equal(journal_open(&file, scratch, &f), OK);
    count = write_session(journal_functions(file), synthetic_entries(&session, 1));
    assert_int_equal(journal_close(file, &f), OK);
    return count;
}

static void what_was_written_reads_back(void **state)
{
    struct journal_reader r AUTO(journal_reader_clear) = {0};
    struct fault f = {0};
    uint64_t count = write_whole();
    uint8_t want[4096], got[4096];

    (void)state;
    assert_int_equal(journal_read(&r, scratch, 3, &f), OK);
    assert_int_equal(journal_whole(&r, scratch, &f), OK);
    assert_int_equal(r.entries, count);
    assert_int_equal(r.log_len, session.log[1].len);
    assert_memory_equal(r.log, session.log[1].bytes, r.log_len);
    assert_true(r.num_bodies > 20);
    for (size_t i = 0; i < r.num_bodies; i++) {
        size_t len = 0, wanted = body_of(r.body[i].seq, want);

        assert_int_equal(journal_read_body(&r, r.body[i].seq, got, sizeof got, &len, &f), OK);
        assert_int_equal(len, wanted);
        assert_memory_equal(got, want, len);
    }
}

/* While it is written: any piece of it, and nothing beyond its end. */
static void what_was_written_can_be_read_before_it_is_signed(void **state)
{
    struct journal_file *file = NULL;
    struct fault f = {0};
    struct journal j;
    uint8_t got[5000];

    (void)state;
    assert_int_equal(journal_open(&file, scratch, &f), OK);
    j = journal_functions(file);
    write_session(j, synthetic_entries(&session, 1));
    assert_int_equal(j.sync(j.ctx, &f), OK);
    for (size_t from = 0; from + sizeof got <= session.log[1].len; from += 4999) {
        assert_int_equal(j.reread(j.ctx, from, got, sizeof got, &f), OK);
        assert_memory_equal(got, session.log[1].bytes + from, sizeof got);
    }
    assert_int_equal(j.reread(j.ctx, session.log[1].len - 10, got, 11, &f), STATUS_IO);
    assert_non_null(strstr(f.message, "shorter than what was written"));
    f = (struct fault){0};
    assert_int_not_equal(j.append(j.ctx, got, 256, &f), OK); /* and after that nothing is written any more */
    assert_int_not_equal(journal_close(file, &f), OK);
}

static void a_body_that_is_not_there_is_named(void **state)
{
    struct journal_reader r AUTO(journal_reader_clear) = {0};
    struct fault f = {0};
    uint8_t got[4096];
    size_t len = 0;

    (void)state;
    write_whole();
    assert_int_equal(journal_read(&r, scratch, 3, &f), OK);
    assert_int_equal(journal_read_body(&r, 999999, got, sizeof got, &len, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "999999"));
    f.code = OK;
    f.message[0] = 0;
    assert_int_equal(journal_read_body(&r, r.body[1].seq, got, 1, &len, &f), STATUS_MISMATCH);
}

static void a_session_is_never_continued(void **state)
{
    struct journal_file *file = NULL;
    struct fault f = {0};

    (void)state;
    write_whole();
    assert_int_equal(journal_open(&file, scratch, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "exists already"));
    assert_null(file);
}

static void the_files_are_private(void **state)
{
    struct stat st;

    (void)state;
    write_whole();
    assert_int_equal(stat(in_scratch("log"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_scratch("bodies"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* Whatever byte the node stopped at: the whole entries are read, the torn one is named. */
static void a_torn_last_entry_is_named_and_the_rest_is_read(void **state)
{
    uint64_t count = write_whole();
    size_t last_len, last = synthetic_entry(&session, 1, count - 1, &last_len);

    (void)state;
    for (size_t cut = 1; cut < last_len; cut += 13) {
        struct journal_reader r AUTO(journal_reader_clear) = {0};
        struct fault f = {0};

        assert_int_equal(truncate(in_scratch("log"), (off_t)(last + last_len - cut)), 0);
        assert_int_equal(journal_read(&r, scratch, 3, &f), OK);
        assert_int_equal(r.entries, count - 1);
        assert_int_equal(r.log_len, last);
        assert_int_equal(r.torn, last_len - cut);
        assert_int_equal(journal_whole(&r, scratch, &f), STATUS_MISMATCH);
        assert_non_null(strstr(f.message, "cut short"));
        assert_non_null(f.hint);
        if (cut == 1)
            assert_int_equal(truncate(in_scratch("log"), (off_t)(last + last_len)), 0);
    }
}

static void a_torn_body_is_named(void **state)
{
    struct journal_reader r AUTO(journal_reader_clear) = {0};
    struct fault f = {0};
    struct stat st;
    size_t whole;

    (void)state;
    write_whole();
    assert_int_equal(journal_read(&r, scratch, 3, &f), OK);
    whole = r.num_bodies;
    journal_reader_clear(&r);
    assert_int_equal(stat(in_scratch("bodies"), &st), 0);
    assert_int_equal(truncate(in_scratch("bodies"), st.st_size - 1), 0);
    assert_int_equal(journal_read(&r, scratch, 3, &f), OK);
    assert_int_equal(r.num_bodies, whole - 1);
    assert_int_equal(journal_whole(&r, scratch, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "bodies"));
}

static void bytes_that_are_no_record_are_named(void **state)
{
    struct journal_reader r AUTO(journal_reader_clear) = {0};
    struct fault f = {0};
    int fd;

    (void)state;
    write_whole();
    fd = open(in_scratch("log"), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, 320 + 7), 1);
    close(fd);
    assert_int_equal(journal_read(&r, scratch, 3, &f), OK);
    assert_int_equal(r.entries, 1);
    assert_int_equal(journal_whole(&r, scratch, &f), STATUS_MISMATCH);
    assert_non_null(strstr(f.message, "entry 1 is not a record"));
}

/* What was synced is there after the process is gone, without close. */
static void what_was_synced_outlives_the_process(void **state)
{
    struct journal_reader r AUTO(journal_reader_clear) = {0};
    struct fault f = {0};
    pid_t child;
    int ended;

    (void)state;
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct journal_file *file = NULL;

        if (journal_open(&file, scratch, &f) != OK)
            _exit(1);
        write_session(journal_functions(file), 1);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFSIGNALED(ended));
    assert_int_equal(journal_read(&r, scratch, 3, &f), OK);
    assert_int_equal(r.entries, 1);
    assert_int_equal(journal_whole(&r, scratch, &f), OK);
}

/* A full disk, played by a limit on the size of files: named, and nothing is signed beyond it. */
static void after_a_failed_write_every_call_fails(void **state)
{
    pid_t child = fork();
    int ended;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        struct journal_file *file = NULL;
        struct fault f = {0}, again = {0};
        struct journal j;
        uint8_t entry[1000] = {0};

        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){500, 500}) != 0 || journal_open(&file, scratch, &f) != OK)
            _exit(1);
        j = journal_functions(file);
        if (j.append(j.ctx, entry, sizeof entry, &f) != OK)
            _exit(2);
        if (j.sync(j.ctx, &f) != STATUS_IO || !strstr(f.message, "cannot be written"))
            _exit(3);
        if (j.append(j.ctx, entry, 1, &again) != STATUS_IO || j.sync(j.ctx, &again) != STATUS_IO ||
            j.body(j.ctx, 1, entry, 1, &again) != STATUS_IO || !again.message[0])
            _exit(4);
        _exit(journal_close(file, &again) == STATUS_IO ? 0 : 5);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), 0);
}

static void a_missing_session_is_named(void **state)
{
    struct journal_reader r = {0};
    struct fault f = {0};

    (void)state;
    assert_int_equal(journal_read(&r, scratch, 3, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "/log"));
    journal_reader_clear(&r);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(what_was_written_reads_back),
        WITH_SCRATCH(what_was_written_can_be_read_before_it_is_signed),
        WITH_SCRATCH(a_body_that_is_not_there_is_named),
        WITH_SCRATCH(a_session_is_never_continued),
        WITH_SCRATCH(the_files_are_private),
        WITH_SCRATCH(a_torn_last_entry_is_named_and_the_rest_is_read),
        WITH_SCRATCH(a_torn_body_is_named),
        WITH_SCRATCH(bytes_that_are_no_record_are_named),
        WITH_SCRATCH(what_was_synced_outlives_the_process),
        WITH_SCRATCH(after_a_failed_write_every_call_fails),
        WITH_SCRATCH(a_missing_session_is_named),
    };

    return cmocka_run_group_tests_name("journal", tests, set_up, tear_down);
}
