/* Files: whole or not at all, private where they must be. */
#include "node/local/files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "node/scratch.h"

static unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (unsigned)st.st_mode & 0777;
}

static void assert_content(const char *path, const char *text)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;
    struct fault f = {0};

    assert_int_equal(files_read(&bytes, &len, path, 1000, &f), OK);
    assert_int_equal(len, strlen(text));
    assert_string_equal((char *)bytes, text);
}

static int entries_of_scratch(void)
{
    char command[128], line[16] = "";
    FILE *p;

    snprintf(command, sizeof command, "ls -A %s | wc -l", scratch);
    p = popen(command, "r");
    assert_non_null(p);
    assert_non_null(fgets(line, sizeof line, p));
    pclose(p);
    return atoi(line);
}

static void write_then_read_gives_the_same_bytes_and_mode(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(files_write(in_scratch("a"), "one", 3, 0600, &f), OK);
    assert_content(in_scratch("a"), "one");
    assert_int_equal(mode_of(in_scratch("a")), 0600);
    assert_int_equal(files_write(in_scratch("a"), "", 0, 0644, &f), OK);
    assert_content(in_scratch("a"), "");
    assert_int_equal(mode_of(in_scratch("a")), 0644);
    assert_int_equal(entries_of_scratch(), 1); /* no temporary is left */
}

static void create_never_replaces(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(files_create(in_scratch("a"), "one", 3, 0600, &f), OK);
    assert_int_equal(files_create(in_scratch("a"), "two", 3, 0600, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "/a: exists already"));
    assert_content(in_scratch("a"), "one");
    assert_int_equal(entries_of_scratch(), 1);
}

static void a_failed_write_leaves_the_old_file_and_no_temporary(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(mkdir(in_scratch("taken"), 0700), 0);
    assert_int_equal(files_write(in_scratch("taken"), "x", 1, 0600, &f), STATUS_IO);
    assert_non_null(strstr(f.message, "/taken: cannot be written: Is a directory"));
    assert_int_equal(entries_of_scratch(), 1);
    f = (struct fault){0};
    assert_int_equal(files_write(in_scratch("no/such/dir"), "x", 1, 0600, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "No such file or directory"));
}

static void read_refuses_what_is_too_long_and_what_is_no_file(void **state)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct fault f = {0};

    (void)state;
    assert_int_equal(files_write(in_scratch("a"), "12345", 5, 0600, &f), OK);
    assert_int_equal(files_read(&bytes, &len, in_scratch("a"), 4, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "/a: larger than 4 bytes"));
    f = (struct fault){0};
    assert_int_equal(files_read(&bytes, &len, scratch, 100, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, ": not a regular file"));
    f = (struct fault){0};
    assert_int_equal(mkfifo(in_scratch("pipe"), 0600), 0);
    assert_int_equal(files_read(&bytes, &len, in_scratch("pipe"), 100, &f), STATUS_CONFIG);
    assert_null(bytes);
}

static void directories_are_made_private_with_their_parents(void **state)
{
    struct fault f = {0};

    (void)state;
    assert_int_equal(files_make_directory(in_scratch("a/b/c"), &f), OK);
    assert_int_equal(mode_of(in_scratch("a")), 0700);
    assert_int_equal(mode_of(in_scratch("a/b/c")), 0700);
    assert_int_equal(files_make_directory(in_scratch("a/b/c/"), &f), OK);
    assert_int_equal(files_write(in_scratch("file"), "x", 1, 0600, &f), OK);
    assert_int_equal(files_make_directory(in_scratch("file"), &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "/file: not a directory"));
}

static void files_that_others_can_read_are_not_private(void **state)
{
    static const unsigned open_modes[] = {0640, 0604, 0620, 0602, 0610, 0666};
    struct fault f = {0};

    (void)state;
    assert_int_equal(files_write(in_scratch("key"), "x", 1, 0600, &f), OK);
    assert_int_equal(files_check_private(in_scratch("key"), &f), OK);
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        f = (struct fault){0};
        assert_int_equal(chmod(in_scratch("key"), open_modes[i]), 0);
        assert_int_equal(files_check_private(in_scratch("key"), &f), STATUS_CONFIG);
        assert_non_null(strstr(f.message, "lets others in"));
        assert_non_null(strstr(f.hint, "chmod 600 "));
    }
}

static void joined_paths_are_relative_to_the_directory_unless_absolute(void **state)
{
    char out[FILES_PATH_BYTES], longest[FILES_PATH_BYTES + 1];
    struct fault f = {0};

    (void)state;
    assert_int_equal(files_join(out, "dir", "file", &f), OK);
    assert_string_equal(out, "dir/file");
    assert_int_equal(files_join(out, ".", "file", &f), OK);
    assert_string_equal(out, "file");
    assert_int_equal(files_join(out, "dir", "/file", &f), OK);
    assert_string_equal(out, "/file");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(files_join(out, "dir", longest, &f), STATUS_CONFIG);
    assert_int_equal(files_directory(out, "/a/b", &f), OK);
    assert_string_equal(out, "/a");
    assert_int_equal(files_directory(out, "/a", &f), OK);
    assert_string_equal(out, "/");
    assert_int_equal(files_directory(out, "a", &f), OK);
    assert_string_equal(out, ".");
}

/* The child writes while it holds the lock; who comes later sees all of it. */
static void a_lock_keeps_another_process_out(void **state)
{
    struct fault f = {0};
    int lock = -1, ready[2];
    char byte = 0;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        int held = -1, ok = files_lock(&held, scratch, NULL) == OK;

        ok = ok && write(ready[1], "x", 1) == 1;
        usleep(50000);
        ok = ok && files_write(in_scratch("done"), "x", 1, 0600, NULL) == OK;
        _exit(ok ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(files_lock(&lock, scratch, &f), OK);
    assert_true(files_exist(in_scratch("done")));
    files_unlock(&lock);
    assert_int_equal(lock, -1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(write_then_read_gives_the_same_bytes_and_mode),
        IN_SCRATCH(create_never_replaces),
        IN_SCRATCH(a_failed_write_leaves_the_old_file_and_no_temporary),
        IN_SCRATCH(read_refuses_what_is_too_long_and_what_is_no_file),
        IN_SCRATCH(directories_are_made_private_with_their_parents),
        IN_SCRATCH(files_that_others_can_read_are_not_private),
        IN_SCRATCH(joined_paths_are_relative_to_the_directory_unless_absolute),
        IN_SCRATCH(a_lock_keeps_another_process_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
