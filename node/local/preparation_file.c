#include "node/local/preparation_file.h"

#include "node/local/session_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, SEALED_CHUNK = CHUNK + SEAL_CHUNK_BYTES };

/* A file of encrypted chunks, all but the last of CHUNK bytes; the last is marked, so a cut shows. */
struct sealed {
    char path[FILES_PATH_BYTES];
    int fd;
    struct seal_stream stream;
    size_t held, taken; /* bytes in plain; of which handed out */
    int last;           /* plain is the last chunk */
    uint64_t bytes;
    uint8_t plain[CHUNK], cipher[SEALED_CHUNK];
};

static void sealed_free(struct sealed **s)
{
    if (!*s)
        return;
    if ((*s)->fd >= 0)
        close((*s)->fd);
    sodium_memzero(*s, sizeof **s);
    free(*s);
}

static status sealed_new(struct sealed **out, const char *session_dir, int flags, struct fault *f)
{
    struct sealed *s AUTO(sealed_free) = NULL;

    TRY(alloc_zeroed(&s, 1, sizeof *s));
    s->fd = -1;
    TRY(files_join(s->path, session_dir, "preparation", f));
    s->fd = open(s->path, flags | O_CLOEXEC, 0600);
    if (s->fd < 0 && errno == ENOENT)
        return fault_set(f, STATUS_CONFIG, "%s: the preparation is not there", s->path);
    if (s->fd < 0)
        return fault_set(f, STATUS_IO, "%s: cannot be opened: %s", s->path, strerror(errno));
    *out = s;
    s = NULL;
    return OK;
}

/* ---- writing ---- */

static status write_all(struct sealed *s, const uint8_t *bytes, size_t len, struct fault *f)
{
    while (len) {
        ssize_t n = write(s->fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            const int error = errno;

            fault_set(f, STATUS_IO, "%s: cannot be written: %s", s->path, strerror(error));
            if (error == ENOSPC)
                fault_hint(f, "free some space on that disk and prepare the job again");
            return STATUS_IO;
        }
        bytes += n;
        len -= (size_t)n;
        s->bytes += (uint64_t)n;
    }
    return OK;
}

static status push_chunk(struct sealed *s, int last, struct fault *f)
{
    seal_stream_push(&s->stream, s->cipher, s->plain, s->held, last);
    TRY(write_all(s, s->cipher, s->held + SEAL_CHUNK_BYTES, f));
    s->held = 0;
    return OK;
}

static status put(void *ctx, const void *bytes, size_t len, struct fault *f)
{
    struct sealed *s = ctx;
    const uint8_t *at = bytes;

    while (len) {
        const size_t room = CHUNK - s->held, now = len < room ? len : room;

        memcpy(s->plain + s->held, at, now);
        s->held += now;
        at += now;
        len -= now;
        if (s->held == CHUNK)
            TRY(push_chunk(s, 0, f));
    }
    return OK;
}

status preparation_file_write(uint64_t *bytes, const struct preparation *p, enum suite suite, const char *session_dir,
                              const struct keyring *keys, const struct hash *contract_id, uint32_t attempt,
                              struct fault *f)
{
    struct rng_key key AUTO(rng_key_clear) = {.suite = (uint8_t)suite};
    struct sealed *s AUTO(sealed_free) = NULL;
    uint8_t nonce[SEAL_NONCE_BYTES];

    keyring_random(nonce, sizeof nonce);
    keyring_random(key.bytes, sizeof key.bytes);
    TRY(sealed_new(&s, session_dir, O_WRONLY | O_CREAT | O_EXCL, f));
    seal_stream_init(&s->stream, suite, key.bytes, nonce);
    TRY(write_all(s, nonce, sizeof nonce, f));
    TRY(preparation_write(p, &(struct byte_sink){s, put}, f));
    TRY(push_chunk(s, 1, f));
    if (fsync(s->fd) != 0)
        return fault_set(f, STATUS_IO, "%s: cannot be synced: %s", s->path, strerror(errno));
    *bytes = s->bytes;
    /* The key last: without it the stream is nothing.  This syncs the directory too. */
    return session_secret_create(&key, "preparation", session_dir, keys, contract_id, attempt, f);
}

/* ---- reading ---- */

static status damaged(const struct sealed *s, struct fault *f)
{
    return fault_set(f, STATUS_MISMATCH, "%s: it was changed or cut, or is not of this session", s->path);
}

/* Up to cap bytes; fewer only at the end of the file. */
static status read_some(struct sealed *s, uint8_t *out, size_t cap, size_t *len, struct fault *f)
{
    *len = 0;
    while (*len < cap) {
        ssize_t n = read(s->fd, out + *len, cap - *len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(f, STATUS_IO, "%s: cannot be read: %s", s->path, strerror(errno));
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    return OK;
}

static status pull_chunk(struct sealed *s, struct fault *f)
{
    size_t len = 0;

    if (s->last)
        return damaged(s, f); /* more is wanted than there is */
    TRY(read_some(s, s->cipher, sizeof s->cipher, &len, f));
    if (len < SEAL_CHUNK_BYTES || seal_stream_pull(&s->stream, s->plain, &s->last, s->cipher, len) != OK)
        return damaged(s, f);
    s->held = len - SEAL_CHUNK_BYTES;
    s->taken = 0;
    return s->last || s->held == CHUNK ? OK : damaged(s, f);
}

static status get(void *ctx, void *bytes, size_t len, struct fault *f)
{
    struct sealed *s = ctx;
    uint8_t *at = bytes;

    while (len) {
        const size_t left = s->held - s->taken, now = len < left ? len : left;

        memcpy(at, s->plain + s->taken, now);
        s->taken += now;
        at += now;
        len -= now;
        if (len)
            TRY(pull_chunk(s, f));
    }
    return OK;
}

static status at_end(struct sealed *s, struct fault *f)
{
    size_t more = 0;

    if (s->taken == s->held && !s->last)
        TRY(pull_chunk(s, f));
    if (s->taken != s->held || !s->last)
        return damaged(s, f);
    TRY(read_some(s, s->cipher, 1, &more, f));
    return more ? damaged(s, f) : OK;
}

static status read_all(struct preparation *out, const struct contract *c, party self, const char *session_dir,
                       const struct rng_key *key, struct fault *f)
{
    struct sealed *s AUTO(sealed_free) = NULL;
    uint8_t nonce[SEAL_NONCE_BYTES];
    size_t len = 0;
    status result;

    TRY(sealed_new(&s, session_dir, O_RDONLY, f));
    TRY(read_some(s, nonce, sizeof nonce, &len, f));
    if (len != sizeof nonce)
        return damaged(s, f);
    seal_stream_init(&s->stream, c->suite, key->bytes, nonce);
    TRY(preparation_read(out, c, self, &(struct byte_source){s, get}, f));
    result = at_end(s, f);
    if (result != OK)
        preparation_clear(out);
    return result;
}

status preparation_file_destroy(const char *session_dir, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    TRY(files_join(path, session_dir, "preparation.sealed", f));
    TRY(files_destroy(path, f));
    TRY(files_join(path, session_dir, "preparation", f));
    if (unlink(path) != 0 && errno != ENOENT)
        return fault_set(f, STATUS_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return OK;
}

status preparation_file_take(struct preparation *out, const struct contract *c, party self, const char *session_dir,
                             const struct keyring *keys, const struct hash *contract_id, uint32_t attempt, struct fault *f)
{
    struct rng_key key AUTO(rng_key_clear) = {0};
    status result, destroyed;

    memset(out, 0, sizeof *out);
    result = session_secret_read(&key, c->suite, "preparation", session_dir, keys, contract_id, attempt, f);
    if (result == OK)
        result = read_all(out, c, self, session_dir, &key, f);
    destroyed = preparation_file_destroy(session_dir, f);
    if (result == OK && destroyed != OK) {
        preparation_clear(out);
        return destroyed;
    }
    return result;
}
