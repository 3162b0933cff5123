#include "node/local/journal.h"

#include "crypto/wire.h"
#include "node/local/files.h"
#include "protocol/bundle.h"
#include "protocol/log.h"
#include "protocol/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20, DIRECT_BYTES = 1 << 16, BODY_HEADER = 8 + 4 };

struct stream {
    int fd;
    int dirty;   /* written, or to be written, since the last sync */
    size_t held; /* bytes in buffer */
    uint8_t *buffer;
    char path[FILES_PATH_BYTES];
};

struct journal_file {
    struct stream log, bodies;
    struct fault broken; /* the first failure */
};

static void stream_close(struct stream *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    free(s->buffer);
    s->buffer = NULL;
}

static status stream_open(struct stream *s, const char *dir, const char *name, struct fault *f)
{
    TRY(files_join(s->path, dir, name, f));
    TRY(alloc_zeroed(&s->buffer, 1, BUFFER_BYTES));
    s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_APPEND, 0600);
    if (s->fd >= 0)
        return OK;
    if (errno == EEXIST) {
        fault_set(f, STATUS_CONFIG, "%s: exists already: a session is never continued", s->path);
        fault_hint(f, "start the job again; a new attempt has its own seed and its own directory");
        return STATUS_CONFIG;
    }
    return fault_set(f, STATUS_IO, "%s: cannot be made: %s", s->path, strerror(errno));
}

static status write_all(struct stream *s, const uint8_t *bytes, size_t len, struct fault *f)
{
    while (len) {
        ssize_t n = write(s->fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int error = errno;

            fault_set(f, STATUS_IO, "%s: cannot be written: %s", s->path, strerror(error));
            if (error == ENOSPC)
                fault_hint(f, "free some space on that disk and start the job again");
            return STATUS_IO;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return OK;
}

static status stream_flush(struct stream *s, struct fault *f)
{
    TRY(write_all(s, s->buffer, s->held, f));
    s->held = 0;
    return OK;
}

static status stream_put(struct stream *s, const void *bytes, size_t len, struct fault *f)
{
    s->dirty = 1;
    if (len > BUFFER_BYTES - s->held || len >= DIRECT_BYTES)
        TRY(stream_flush(s, f));
    if (len >= DIRECT_BYTES) /* not copied once more */
        return write_all(s, bytes, len, f);
    if (len)
        memcpy(s->buffer + s->held, bytes, len);
    s->held += len;
    return OK;
}

static status stream_sync(struct stream *s, struct fault *f)
{
    if (!s->dirty)
        return OK;
    TRY(stream_flush(s, f));
    if (fdatasync(s->fd) != 0)
        return fault_set(f, STATUS_IO, "%s: cannot be synced: %s", s->path, strerror(errno));
    s->dirty = 0;
    return OK;
}

/* Keep the first failure and give it again ever after. */
static status settle(struct journal_file *j, status result)
{
    if (result != OK)
        fault_set(&j->broken, result, "the journal of this session failed before; nothing is written after that");
    return result;
}

static status still_sound(const struct journal_file *j, struct fault *f)
{
    return j->broken.code == OK ? OK : fault_set(f, j->broken.code, "%s", j->broken.message);
}

static status put_entry(void *ctx, const uint8_t *entry, size_t len, struct fault *f)
{
    struct journal_file *j = ctx;

    TRY(still_sound(j, f));
    return settle(j, stream_put(&j->log, entry, len, f));
}

static status put_body(void *ctx, uint64_t seq, const uint8_t *body, size_t len, struct fault *f)
{
    struct journal_file *j = ctx;
    uint8_t header[BODY_HEADER];

    TRY(still_sound(j, f));
    store_u64(header, seq);
    store_u32(header + 8, (uint32_t)len);
    TRY(settle(j, stream_put(&j->bodies, header, sizeof header, f)));
    return settle(j, stream_put(&j->bodies, body, len, f));
}

/* Bodies first: a receipt in the log means that its body is there. */
static status sync_both(void *ctx, struct fault *f)
{
    struct journal_file *j = ctx;

    TRY(still_sound(j, f));
    TRY(settle(j, stream_sync(&j->bodies, f)));
    return settle(j, stream_sync(&j->log, f));
}

static status reread_log(void *ctx, uint64_t from, uint8_t *out, size_t len, struct fault *f)
{
    struct journal_file *j = ctx;

    TRY(still_sound(j, f));
    while (len) {
        ssize_t n = pread(j->log.fd, out, len, (off_t)from);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return settle(j, fault_set(f, STATUS_IO, "%s: cannot be read back: %s", j->log.path,
                                       n < 0 ? strerror(errno) : "it is shorter than what was written"));
        out += n;
        from += (uint64_t)n;
        len -= (size_t)n;
    }
    return OK;
}

static void sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
}

status journal_open(struct journal_file **out, const char *dir, struct fault *f)
{
    struct journal_file *j;
    status result;

    TRY(alloc_zeroed(&j, 1, sizeof *j));
    j->log.fd = j->bodies.fd = -1;
    result = stream_open(&j->log, dir, "log", f);
    if (result == OK)
        result = stream_open(&j->bodies, dir, "bodies", f);
    if (result != OK) {
        stream_close(&j->log);
        stream_close(&j->bodies);
        free(j);
        return result;
    }
    sync_directory(dir);
    *out = j;
    return OK;
}

struct journal journal_functions(struct journal_file *j)
{
    return (struct journal){.ctx = j, .append = put_entry, .body = put_body, .sync = sync_both, .reread = reread_log};
}

status journal_close(struct journal_file *j, struct fault *f)
{
    status result;

    if (!j)
        return OK;
    result = sync_both(j, f);
    stream_close(&j->log);
    stream_close(&j->bodies);
    free(j);
    return result;
}

/* ---- reading ---- */

void journal_reader_clear(struct journal_reader *r)
{
    if (r->log && r->bodies >= 0)
        close(r->bodies);
    free(r->log);
    free(r->body);
    memset(r, 0, sizeof *r);
}

static status add_body(struct journal_reader *r, size_t *cap, struct journal_body body)
{
    if (r->num_bodies == *cap) {
        size_t more = *cap ? 2 * *cap : 256;
        struct journal_body *grown = reallocarray(r->body, more, sizeof *grown);

        if (!grown)
            return STATUS_NO_MEMORY;
        r->body = grown;
        *cap = more;
    }
    r->body[r->num_bodies++] = body;
    return OK;
}

static status index_bodies(struct journal_reader *r, const char *path, struct fault *f)
{
    struct stat st;
    uint64_t at = 0;
    size_t cap = 0;

    r->bodies = open(path, O_RDONLY | O_CLOEXEC);
    if (r->bodies < 0 || fstat(r->bodies, &st) != 0)
        return fault_set(f, STATUS_CONFIG, "%s: cannot be read: %s", path, strerror(errno));
    while (at < (uint64_t)st.st_size) {
        uint8_t header[BODY_HEADER];
        struct journal_body body;

        r->torn_body = 1;
        if ((uint64_t)st.st_size - at < sizeof header ||
            pread(r->bodies, header, sizeof header, (off_t)at) != sizeof header)
            break;
        body = (struct journal_body){load_u64(header), at + sizeof header, load_u32(header + 8)};
        if (body.len > MESSAGE_BODY_MAX || (uint64_t)st.st_size - body.offset < body.len ||
            (r->num_bodies && body.seq <= r->body[r->num_bodies - 1].seq))
            break;
        TRY(add_body(r, &cap, body));
        at = body.offset + body.len;
        r->torn_body = 0;
    }
    return OK;
}

status journal_read(struct journal_reader *out, const char *dir, uint16_t parties, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    struct log_reader r;
    struct log_entry e;
    enum log_state state;
    size_t len = 0;
    status result;

    memset(out, 0, sizeof *out);
    out->bodies = -1;
    TRY(files_join(path, dir, "log", f));
    TRY(files_read(&out->log, &len, path, BUNDLE_LOG_MAX, f));
    log_reader_init(&r, out->log, len, parties);
    while ((state = log_next(&r, &e)) == LOG_ENTRY)
        ;
    out->entries = r.entries;
    out->torn = r.left;
    out->log_len = len - r.left;
    out->damaged = state == LOG_MALFORMED;
    result = files_join(path, dir, "bodies", f);
    if (result == OK)
        result = index_bodies(out, path, f);
    if (result != OK)
        journal_reader_clear(out);
    return result;
}

status journal_whole(const struct journal_reader *r, const char *dir, struct fault *f)
{
    if (r->damaged)
        return fault_set(f, STATUS_MISMATCH, "%s/log: entry %llu is not a record", dir, (unsigned long long)r->entries);
    if (r->torn) {
        fault_set(f, STATUS_MISMATCH, "%s/log: entry %llu is cut short, %zu bytes of it are there", dir,
                  (unsigned long long)r->entries, r->torn);
        fault_hint(f, "the node stopped while it wrote; the %llu entries before are whole",
                   (unsigned long long)r->entries);
        return STATUS_MISMATCH;
    }
    if (r->torn_body) {
        fault_set(f, STATUS_MISMATCH, "%s/bodies: the body after number %zu is cut short or damaged", dir,
                  r->num_bodies);
        fault_hint(f, "the node stopped while it wrote; the bodies before are whole");
        return STATUS_MISMATCH;
    }
    return OK;
}

status journal_read_body(const struct journal_reader *r, uint64_t seq, uint8_t *out, size_t cap, size_t *len,
                         struct fault *f)
{
    size_t low = 0, high = r->num_bodies;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (r->body[mid].seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == r->num_bodies || r->body[low].seq != seq || r->body[low].len > cap)
        return fault_set(f, STATUS_MISMATCH, "the body received with record %llu is not there",
                         (unsigned long long)seq);
    *len = r->body[low].len;
    if (pread(r->bodies, out, *len, (off_t)r->body[low].offset) != (ssize_t)*len)
        return fault_set(f, STATUS_IO, "the body received with record %llu cannot be read: %s", (unsigned long long)seq,
                         strerror(errno));
    return OK;
}
