/* Files as a node needs them: whole reads with a cap, writes that are all there or not there, private directories. */
#ifndef HEFU_FILES_H
#define HEFU_FILES_H

#include "crypto/status.h"

enum { FILES_PATH_BYTES = 1024 };

/* The whole file, with a NUL after its last byte; the caller frees it.  Refuses a directory, a device and anything
 * longer than max bytes.  A missing or unreadable file is STATUS_CONFIG: its path came from the operator. */
MUST_USE status files_read(uint8_t **out, size_t *len, const char *path, size_t max, struct fault *f);

/* Replaces the file as a whole: a temporary beside it, fsync, rename, fsync of the directory.  After a crash there is
 * either the old content or the new.  mode such as 0600 holds from the first byte. */
MUST_USE status files_write(const char *path, const void *bytes, size_t len, unsigned mode, struct fault *f);

/* The same, but an existing file is an error (STATUS_CONFIG) and stays as it is. */
MUST_USE status files_create(const char *path, const void *bytes, size_t len, unsigned mode, struct fault *f);

/* Overwrites, syncs and removes a small file: after a crash its content is there as a whole or not at all, and after this
 * not even on a disk that writes in place.  OK when there is none. */
MUST_USE status files_destroy(const char *path, struct fault *f);

/* mkdir -p; what it makes is 0700. */
MUST_USE status files_make_directory(const char *path, struct fault *f);

/* Holds an exclusive lock on a directory until files_unlock; waits for another holder. */
MUST_USE status files_lock(int *lock, const char *directory, struct fault *f);
void files_unlock(int *lock);

int files_exist(const char *path);

/* STATUS_CONFIG with a chmod hint when anyone but the owner can read or write it. */
MUST_USE status files_check_private(const char *path, struct fault *f);

/* out = directory/path, or path itself when it is absolute. */
MUST_USE status files_join(char out[FILES_PATH_BYTES], const char *directory, const char *path, struct fault *f);

/* The directory part of a path; "." when there is none. */
MUST_USE status files_directory(char out[FILES_PATH_BYTES], const char *path, struct fault *f);

#endif
