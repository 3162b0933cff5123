#include "node/local/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static status too_long(struct fault *f, const char *path)
{
    return fault_set(f, STATUS_CONFIG, "%.80s...: the path is longer than %d bytes", path, FILES_PATH_BYTES - 1);
}

status files_read(uint8_t **out, size_t *len, const char *path, size_t max, struct fault *f)
{
    /* O_NONBLOCK: opening a pipe that nobody writes to must not hang. */
    int fd AUTO(close_fd) = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint8_t *bytes AUTO(auto_free) = NULL;
    struct stat st;
    size_t got = 0;

    if (fd < 0 || fstat(fd, &st) != 0)
        return fault_set(f, STATUS_CONFIG, "%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fault_set(f, STATUS_CONFIG, "%s: not a regular file", path);
    if ((uintmax_t)st.st_size > max)
        return fault_set(f, STATUS_CONFIG, "%s: larger than %zu bytes", path, max);
    TRY(alloc_zeroed(&bytes, (size_t)st.st_size + 1, 1));
    while (got < (size_t)st.st_size) {
        ssize_t n = read(fd, bytes + got, (size_t)st.st_size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(f, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
        if (n == 0)
            break;
        got += (size_t)n;
    }
    bytes[got] = 0;
    *out = bytes;
    *len = got;
    bytes = NULL;
    return OK;
}

static status write_failed(struct fault *f, const char *path, int error)
{
    status code = error == EACCES || error == ENOENT || error == ENOTDIR || error == EROFS ? STATUS_CONFIG : STATUS_IO;

    return fault_set(f, code, "%s: cannot be written: %s", path, strerror(error));
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static status sync_directory_of(const char *path, struct fault *f)
{
    char directory[FILES_PATH_BYTES];

    TRY(files_directory(directory, path, f));
    int fd AUTO(close_fd) = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return write_failed(f, directory, errno);
    return OK;
}

/* may_replace decides between rename, which replaces, and link, which refuses when the name is taken. */
static status write_whole(const char *path, const void *bytes, size_t len, unsigned mode, int may_replace,
                          struct fault *f)
{
    char temporary[FILES_PATH_BYTES + 8];
    int fd AUTO(close_fd) = -1, error = 0;

    if (strlen(path) >= FILES_PATH_BYTES)
        return too_long(f, path);
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return write_failed(f, path, errno);
    if (fchmod(fd, mode) != 0 || write_all(fd, bytes, len) != 0 || fsync(fd) != 0 ||
        (may_replace ? rename(temporary, path) : link(temporary, path)) != 0)
        error = errno;
    if (error || !may_replace)
        unlink(temporary);
    if (error == EEXIST) {
        fault_set(f, STATUS_CONFIG, "%s: exists already", path);
        fault_hint(f, "remove it first, or choose another place");
        return STATUS_CONFIG;
    }
    if (error)
        return write_failed(f, path, error);
    return sync_directory_of(path, f);
}

status files_write(const char *path, const void *bytes, size_t len, unsigned mode, struct fault *f)
{
    return write_whole(path, bytes, len, mode, 1, f);
}

status files_create(const char *path, const void *bytes, size_t len, unsigned mode, struct fault *f)
{
    return write_whole(path, bytes, len, mode, 0, f);
}

status files_destroy(const char *path, struct fault *f)
{
    static const uint8_t zeros[4096];
    int fd AUTO(close_fd) = open(path, O_WRONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return OK;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size > (off_t)sizeof zeros ||
        write_all(fd, zeros, (size_t)st.st_size) != 0 || fsync(fd) != 0 || unlink(path) != 0)
        return fault_set(f, STATUS_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return sync_directory_of(path, f);
}

status files_make_directory(const char *path, struct fault *f)
{
    char part[FILES_PATH_BYTES];
    size_t len = strlen(path);
    struct stat st;

    if (len >= sizeof part)
        return too_long(f, path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return fault_set(f, STATUS_CONFIG, "%s: the directory cannot be made: %s", part, strerror(errno));
    }
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return fault_set(f, STATUS_CONFIG, "%s: not a directory", path);
    return OK;
}

status files_lock(int *lock, const char *directory, struct fault *f)
{
    int fd AUTO(close_fd) = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return fault_set(f, STATUS_CONFIG, "%s: cannot be opened: %s", directory, strerror(errno));
    while (flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR)
            return fault_set(f, STATUS_IO, "%s: cannot be locked: %s", directory, strerror(errno));
    }
    *lock = fd;
    fd = -1;
    return OK;
}

void files_unlock(int *lock)
{
    close_fd(lock);
}

int files_exist(const char *path)
{
    return access(path, F_OK) == 0;
}

status files_check_private(const char *path, struct fault *f)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return fault_set(f, STATUS_CONFIG, "%s: cannot be read: %s", path, strerror(errno));
    if (st.st_mode & 077) {
        fault_set(f, STATUS_CONFIG, "%s: mode %03o lets others in", path, (unsigned)st.st_mode & 0777);
        fault_hint(f, "chmod %s %s", S_ISDIR(st.st_mode) ? "700" : "600", path);
        return STATUS_CONFIG;
    }
    return OK;
}

status files_join(char out[FILES_PATH_BYTES], const char *directory, const char *path, struct fault *f)
{
    int here = path[0] == '/' || strcmp(directory, ".") == 0;
    int n = snprintf(out, FILES_PATH_BYTES, "%s%s%s", here ? "" : directory, here ? "" : "/", path);

    return n < 0 || n >= FILES_PATH_BYTES ? too_long(f, path) : OK;
}

status files_directory(char out[FILES_PATH_BYTES], const char *path, struct fault *f)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (len >= FILES_PATH_BYTES)
        return too_long(f, path);
    if (!slash || len == 0) {
        strcpy(out, slash ? "/" : ".");
    } else {
        memcpy(out, path, len);
        out[len] = 0;
    }
    return OK;
}
