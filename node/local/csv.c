#include "node/local/csv.h"

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_BYTES_MAX = 1 << 20 };

/* One file being read.  libcsv calls back without a way to stop it, so the first failure is kept until the line ends. */
struct reader {
    struct cells *cells;
    struct fault *fault;
    status state;
    uint32_t line;       /* being parsed */
    uint32_t row_line;   /* on which the current row starts */
    uint32_t quote_line; /* on which the quoted field starts that is still open at the end of a line */
    size_t fields;       /* seen so far */
    bool row_ended, mid_row;
};

static void on_field(void *field, size_t len, void *context)
{
    struct reader *r = context;

    r->fields++;
    if (r->state != OK)
        return;
    r->state = cells_add(r->cells, field ? field : "", len);
    if (r->state == STATUS_CONFIG) {
        fault_hint(r->fault, "save the file as UTF-8, for example: iconv -f GB18030 -t UTF-8 OLD > NEW");
        fault_set(r->fault, STATUS_CONFIG, "%s:%u: field %zu is not UTF-8 text", r->cells->origin, r->line,
                  r->cells->pending + 1);
    }
}

static void on_row(int terminator, void *context)
{
    struct reader *r = context;

    (void)terminator;
    r->row_ended = true;
    if (r->state == OK)
        r->state = cells_end_row(r->cells, r->row_line, r->fault);
}

/* libcsv stopped in the middle of a line.  fields: seen before that line; none since then means that the quoted field
 * from above it was still open. */
static status parse_error(struct reader *r, struct csv_parser *parser, size_t fields)
{
    const struct cells *c = r->cells;

    if (csv_error(parser) != CSV_EPARSE)
        return STATUS_NO_MEMORY;
    if (r->mid_row && r->fields == fields) {
        fault_hint(r->fault, "close the quote, or write a quote inside a quoted value twice (\"\")");
        return fault_set(r->fault, STATUS_CONFIG, "%s:%u: unterminated quote: field %zu starts with a quote that is not "
                         "closed on this line", c->origin, r->quote_line, c->pending + 1);
    }
    fault_hint(r->fault, "put the whole value in quotes and write a quote inside it twice (\"\")");
    return fault_set(r->fault, STATUS_CONFIG, "%s:%u: misplaced quote in field %zu", c->origin, r->line, c->pending + 1);
}

/* One past the end of the line that starts at `from`, its terminator included. */
static size_t line_end(const char *bytes, size_t from, size_t len)
{
    size_t at = from;

    while (at < len && bytes[at] != '\n' && bytes[at] != '\r')
        at++;
    if (at < len && bytes[at] == '\r' && at + 1 < len && bytes[at + 1] == '\n')
        at++;
    return at < len ? at + 1 : len;
}

static bool blank_line(const char *bytes, size_t from, size_t to)
{
    while (from < to && strchr(" \t\r\n", bytes[from]))
        from++;
    return from == to;
}

static status parse_line(struct reader *r, struct csv_parser *parser, const char *bytes, size_t from, size_t to)
{
    size_t fields = r->fields;

    if (!r->mid_row)
        r->row_line = r->line;
    r->row_ended = false;
    if (csv_parse(parser, bytes + from, to - from, on_field, on_row, r) != to - from)
        return r->state == OK ? parse_error(r, parser, fields) : r->state;
    TRY(r->state);
    if (r->row_ended) {
        r->mid_row = false;
    } else if (!r->mid_row ? !blank_line(bytes, from, to) : r->fields > fields) {
        r->quote_line = r->line;
        r->mid_row = true;
    }
    return OK;
}

static status parse(struct reader *r, struct csv_parser *parser, const char *bytes, size_t len, bool header_only)
{
    size_t at = 0;

    while (at < len && !(header_only && r->row_ended)) {
        size_t end = line_end(bytes, at, len);

        r->line++;
        TRY(parse_line(r, parser, bytes, at, end));
        at = end;
    }
    if (header_only && r->row_ended)
        return OK;
    if (csv_fini(parser, on_field, on_row, r) != 0)
        return r->state == OK ? parse_error(r, parser, r->fields) : r->state;
    return r->state;
}

/* The comma, unless the first line has none but has semicolons or tabs. */
static unsigned char delimiter(const char *bytes, size_t len)
{
    size_t end = line_end(bytes, 0, len);

    if (!memchr(bytes, ',', end)) {
        if (memchr(bytes, ';', end))
            return ';';
        if (memchr(bytes, '\t', end))
            return '\t';
    }
    return ',';
}

static bool starts_with(const char *bytes, size_t len, const char *magic, size_t magic_len)
{
    return len >= magic_len && memcmp(bytes, magic, magic_len) == 0;
}

/* Refuse what is no text at all, and say what it probably is. */
static status check_text(const char *name, const char *bytes, size_t len, struct fault *f)
{
    const char *nul = memchr(bytes, 0, len);
    uint32_t line = 1;

    if (starts_with(bytes, len, "\xff\xfe", 2) || starts_with(bytes, len, "\xfe\xff", 2)) {
        fault_hint(f, "save it as CSV UTF-8, or: iconv -f UTF-16 -t UTF-8 OLD > NEW");
        return fault_set(f, STATUS_CONFIG, "%s:1: the file is UTF-16 text, not UTF-8", name);
    }
    if (starts_with(bytes, len, "PK\x03\x04", 4) || starts_with(bytes, len, "\xd0\xcf\x11\xe0", 4)) {
        fault_hint(f, "open it in the spreadsheet program and save it as CSV UTF-8");
        return fault_set(f, STATUS_CONFIG, "%s: this is a spreadsheet or an archive, not a CSV file", name);
    }
    if (starts_with(bytes, len, "\x1f\x8b", 2)) {
        fault_hint(f, "unpack it first: gunzip FILE");
        return fault_set(f, STATUS_CONFIG, "%s: the file is compressed", name);
    }
    if (!nul)
        return OK;
    for (const char *p = bytes; p < nul; p++)
        line += *p == '\n';
    fault_hint(f, "give a CSV file in UTF-8; this one may be binary or damaged");
    return fault_set(f, STATUS_CONFIG, "%s:%u: a NUL byte: the file is not text", name, line);
}

static status read_bytes(struct cells *cells, const char *name, const char *bytes, size_t len, bool header_only,
                         struct fault *f)
{
    struct cells made AUTO(cells_clear) = {0};
    struct reader r = {.cells = &made, .fault = f};
    struct csv_parser parser AUTO(csv_free) = {0};

    TRY(check_text(name, bytes, len, f));
    if (starts_with(bytes, len, "\xef\xbb\xbf", 3)) {
        bytes += 3;
        len -= 3;
    }
    TRY(cells_init(&made, name));
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        return STATUS_NO_MEMORY;
    csv_set_delim(&parser, delimiter(bytes, len));
    TRY(parse(&r, &parser, bytes, len, header_only));
    if (made.columns == 0) {
        fault_hint(f, "a table starts with a header line that names its columns");
        return fault_set(f, STATUS_CONFIG, "%s: the file is empty", name);
    }
    *cells = made;
    memset(&made, 0, sizeof made);
    return OK;
}

status csv_read_bytes(struct cells *cells, const char *name, const void *bytes, size_t len, struct fault *f)
{
    return read_bytes(cells, name, len ? bytes : "", len, false, f);
}

struct contents {
    char *bytes;
    size_t len, cap;
};

static void contents_clear(struct contents *c)
{
    if (c->bytes)
        sodium_memzero(c->bytes, c->len);
    free(c->bytes);
}

static void close_file(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static status cannot_open(const char *path, struct fault *f)
{
    char *here AUTO(auto_free) = path[0] == '/' ? NULL : getcwd(NULL, 0);

    if (errno == ENOENT && here)
        fault_hint(f, "check the name; it is looked up from %.200s", here);
    else
        fault_hint(f, "check the path and that this user may read it");
    return fault_set(f, STATUS_CONFIG, "%s: %s", path[0] ? path : "(empty path)",
                     errno == ENOENT ? "there is no such file" : strerror(errno));
}

/* The first `max` bytes of a file, or all of it. */
static status read_contents(struct contents *c, const char *path, size_t max, struct fault *f)
{
    int fd AUTO(close_file) = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;

    if (fd < 0 || fstat(fd, &info) != 0)
        return cannot_open(path, f);
    if (S_ISDIR(info.st_mode)) {
        fault_hint(f, "name the CSV file inside it");
        return fault_set(f, STATUS_CONFIG, "%s: this is a directory, not a file", path);
    }
    if (!S_ISREG(info.st_mode))
        return fault_set(f, STATUS_CONFIG, "%s: this is not an ordinary file", path);
    c->cap = (uintmax_t)info.st_size < max ? (size_t)info.st_size : max;
    TRY(alloc_zeroed(&c->bytes, c->cap, 1));
    while (c->len < c->cap) {
        ssize_t got = read(fd, c->bytes + c->len, c->cap - c->len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fault_set(f, STATUS_IO, "%s: %s", path, strerror(errno));
        if (got == 0)
            break;
        c->len += (size_t)got;
    }
    return OK;
}

status csv_read_file(struct cells *cells, const char *path, struct fault *f)
{
    struct contents contents AUTO(contents_clear) = {0};

    TRY(read_contents(&contents, path, SIZE_MAX, f));
    return read_bytes(cells, path, contents.bytes, contents.len, false, f);
}

status csv_read_header(struct cells *cells, const char *path, struct fault *f)
{
    struct contents contents AUTO(contents_clear) = {0};

    TRY(read_contents(&contents, path, HEADER_BYTES_MAX, f));
    return read_bytes(cells, path, contents.bytes, contents.len, true, f);
}
