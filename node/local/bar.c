#include "node/local/bar.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_COLUMNS_DEFAULT = 80, BAR_CELLS_MAX = 40 };
static const double PLAIN_SECONDS = 2.0, LIVE_SECONDS = 0.1, PLAIN_SHARE = 1.0 / 30;

double bar_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void bar_init(struct bar *b, FILE *out, int quiet)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    *b = (struct bar){.out = out, .quiet = quiet};
    b->terminal = fileno(out) >= 0 && isatty(fileno(out)) && !(term && strcmp(term, "dumb") == 0);
    b->colour = b->terminal && !(no_color && no_color[0]);
}

void bar_bytes_text(char out[BAR_SIZE_BYTES], uint64_t bytes)
{
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t u = 0;

    while (value >= 999.5 && u + 1 < sizeof unit / sizeof unit[0]) {
        value /= 1000;
        u++;
    }
    snprintf(out, BAR_SIZE_BYTES, u == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value, unit[u]);
}

void bar_time_text(char out[BAR_SIZE_BYTES], double seconds)
{
    uint64_t s = seconds < 0 ? 0 : seconds > 3.6e8 ? 360000000u : (uint64_t)(seconds + 0.5);

    if (s >= 3600)
        snprintf(out, BAR_SIZE_BYTES, "%u:%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    else
        snprintf(out, BAR_SIZE_BYTES, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

double bar_share(const struct bar_state *s)
{
    double share = s->total ? (double)s->done / (double)s->total : 0;

    if (share > 1)
        share = 1;
    if (s->pass && s->passes)
        share = ((double)(s->pass - 1) + share) / (double)s->passes;
    return share > 1 ? 1 : share;
}

static int share_is_known(const struct bar_state *s)
{
    return s->total || (s->pass && s->passes);
}

static void rate_text(char out[BAR_SIZE_BYTES], double rate)
{
    if (rate >= 9999.5)
        snprintf(out, BAR_SIZE_BYTES, "%.0fk/s", rate / 1000);
    else
        snprintf(out, BAR_SIZE_BYTES, rate >= 10 ? "%.0f/s" : "%.1f/s", rate);
}

/* "prepare", or "offline: prepare", filled up so that lines of a kind stand below each other. */
static void phase_text(char out[BAR_PHASE_BYTES], const char *stage, const char *phase)
{
    if (stage && stage[0])
        snprintf(out, BAR_PHASE_BYTES, "%.8s: %-*.14s", stage, 16 - (int)strlen(stage), phase);
    else
        snprintf(out, BAR_PHASE_BYTES, "%-10.20s", phase);
}

void bar_text(char out[BAR_TEXT_BYTES], const struct bar_state *s, const struct bar_pace *pace, unsigned columns,
              int colour)
{
    char phase[BAR_PHASE_BYTES], head[64], tail[128] = "", piece[BAR_SIZE_BYTES];
    char cells[BAR_CELLS_MAX + 1];
    int room, filled;

    phase_text(phase, s->stage, s->phase);
    if (s->pass && s->passes)
        snprintf(head, sizeof head, "%s pass %2u of %u", phase, s->pass, s->passes);
    else
        snprintf(head, sizeof head, "%s", phase);

    if (share_is_known(s))
        snprintf(tail, sizeof tail, " %3.0f%%", 100 * bar_share(s));
    if (pace->rate >= 0) {
        rate_text(piece, pace->rate);
        snprintf(tail + strlen(tail), sizeof tail - strlen(tail), "  %7s", piece);
    }
    bar_bytes_text(piece, s->bytes);
    snprintf(tail + strlen(tail), sizeof tail - strlen(tail), "  %8s", piece);
    bar_time_text(piece, pace->left >= 0 ? pace->left : pace->elapsed);
    snprintf(tail + strlen(tail), sizeof tail - strlen(tail), "  %5s %s", piece, pace->left >= 0 ? "left" : "so far");

    if (!columns) {
        snprintf(out, BAR_TEXT_BYTES, "%s%s", head, tail);
        return;
    }
    /* The bar takes what is left of the line; a narrow terminal loses first the bar, then the end of the line. */
    if (columns > BAR_COLUMNS_MAX)
        columns = BAR_COLUMNS_MAX;
    room = (int)columns - (int)strlen(head) - (int)strlen(tail) - 4;
    if (room > BAR_CELLS_MAX)
        room = BAR_CELLS_MAX;
    if (room < 5 || !share_is_known(s)) {
        snprintf(out, BAR_TEXT_BYTES, "%.*s", (int)columns, head);
        snprintf(out + strlen(out), BAR_TEXT_BYTES - strlen(out), "%.*s", (int)columns - (int)strlen(out), tail);
        return;
    }
    filled = (int)(bar_share(s) * room + 1e-9);
    memset(cells, '#', (size_t)filled);
    memset(cells + filled, '.', (size_t)(room - filled));
    cells[room] = '\0';
    if (colour)
        snprintf(out, BAR_TEXT_BYTES, "\033[1m%s\033[0m [\033[32m%.*s\033[2;39m%s\033[0m]%s", head, filled, cells,
                 cells + filled, tail);
    else
        snprintf(out, BAR_TEXT_BYTES, "%s [%s]%s", head, cells, tail);
}

static unsigned terminal_columns(const struct bar *b)
{
    struct winsize size;

    if (ioctl(fileno(b->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return (unsigned)size.ws_col - 1; /* a full last column would wrap */
    return BAR_COLUMNS_DEFAULT - 1;
}

/* Steps since the phase began, over all its passes. */
static uint64_t step_of(const struct bar_state *s)
{
    return (s->pass ? s->pass - 1 : 0) * s->total + s->done;
}

static void begin_phase(struct bar *b, const struct bar_state *s, double now)
{
    phase_text(b->phase, s->stage, s->phase);
    b->began = now;
    b->shown = -1e9;
    b->began_share = bar_share(s);
    b->began_step = step_of(s);
    b->began_bytes = s->bytes;
}

/* Plain lines come less often the longer a phase lasts: hours make some hundred lines, not thousands. */
static double interval(const struct bar *b, double now)
{
    double slow = (now - b->began) * PLAIN_SHARE;

    if (b->terminal)
        return LIVE_SECONDS;
    return slow > PLAIN_SECONDS ? slow : PLAIN_SECONDS;
}

void bar_show(struct bar *b, const struct bar_state *s, double now)
{
    char line[BAR_TEXT_BYTES], phase[BAR_PHASE_BYTES];
    double share = bar_share(s);
    struct bar_pace pace = {.rate = -1, .left = -1};

    if (b->quiet)
        return;
    phase_text(phase, s->stage, s->phase);
    if (strcmp(b->phase, phase) != 0) {
        bar_end(b, 1, now);
        begin_phase(b, s, now);
    }
    b->bytes = s->bytes;
    if (now - b->shown < interval(b, now))
        return;
    b->shown = now;

    pace.elapsed = now - b->began;
    if (pace.elapsed >= 0.5 && step_of(s) > b->began_step)
        pace.rate = (double)(step_of(s) - b->began_step) / pace.elapsed;
    if (pace.elapsed >= 0.5 && share > b->began_share)
        pace.left = (1 - share) * pace.elapsed / (share - b->began_share);

    if (b->terminal) {
        bar_text(line, s, &pace, terminal_columns(b), b->colour);
        fprintf(b->out, "\r%s\033[K", line);
        b->live = 1;
    } else {
        bar_text(line, s, &pace, 0, 0);
        fprintf(b->out, "hefu: %s\n", line);
    }
    fflush(b->out);
}

void bar_end(struct bar *b, int finished, double now)
{
    char time[BAR_SIZE_BYTES], bytes[BAR_SIZE_BYTES];

    if (b->quiet || !b->phase[0])
        return;
    if (finished) {
        bar_time_text(time, now - b->began);
        bar_bytes_text(bytes, b->bytes - b->began_bytes);
        fprintf(b->out, "%s%s done in %s", b->terminal ? "\r" : "hefu: ", b->phase, time);
        if (b->bytes > b->began_bytes)
            fprintf(b->out, ", %s sent", bytes);
        fprintf(b->out, "%s\n", b->terminal ? "\033[K" : "");
    } else if (b->live) {
        fputc('\n', b->out);
    }
    fflush(b->out);
    b->live = 0;
    b->phase[0] = '\0';
}

void bar_note(struct bar *b, const char *fmt, ...)
{
    va_list ap;

    if (b->quiet)
        return;
    if (b->live)
        fputs("\r\033[K", b->out);
    fputs("hefu: ", b->out);
    va_start(ap, fmt);
    vfprintf(b->out, fmt, ap);
    va_end(ap);
    fputc('\n', b->out);
    fflush(b->out);
    b->live = 0;
}
