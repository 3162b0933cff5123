/* How far a job is, for a person: a live line per phase on a terminal, now and then a plain line elsewhere. */
#ifndef HEFU_BAR_H
#define HEFU_BAR_H

#include <stdint.h>
#include <stdio.h>

#include "crypto/status.h"

enum { BAR_TEXT_BYTES = 512, BAR_COLUMNS_MAX = 120, BAR_PHASE_BYTES = 32 };

struct bar_state {
    const char *stage;     /* "offline", "online"; NULL or "": not said */
    const char *phase;     /* "align", "prepare", ... */
    uint32_t pass, passes; /* pass k of K; pass 0 where the phase has none */
    uint64_t done, total;  /* steps within the phase, or within the pass; total 0 = unknown */
    uint64_t bytes;        /* sent by all parties so far */
};

struct bar {
    FILE *out;
    int terminal, colour, quiet;
    int live;              /* the last line is still open */
    char phase[BAR_PHASE_BYTES]; /* as shown */
    double began, shown;   /* seconds: of this phase, of the last line */
    double began_share;    /* share already done when we first saw the phase */
    uint64_t began_step, began_bytes, bytes;
};

/* Terminal and NO_COLOR are found out here.  quiet: shows nothing at all. */
void bar_init(struct bar *b, FILE *out, int quiet);

/* Show this state at this time (bar_clock); cheap, call it as often as you like. */
void bar_show(struct bar *b, const struct bar_state *s, double now);

/* A lasting line of talk, "hefu: ...", above the live one. */
void bar_note(struct bar *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Close the live line: the phase ended (finished), or was interrupted. */
void bar_end(struct bar *b, int finished, double now);

/* Seconds on a clock that only goes forward. */
double bar_clock(void);

/* Rate in steps per second, time left and time since the phase began in seconds; negative = unknown. */
struct bar_pace { double rate, left, elapsed; };

/* The line itself, without a newline, at most columns wide (0: as wide as it is, without a bar). */
void bar_text(char out[BAR_TEXT_BYTES], const struct bar_state *s, const struct bar_pace *pace, unsigned columns,
              int colour);

/* "1.3 MB", "512 B"; "0:07", "1:02:33". */
enum { BAR_SIZE_BYTES = 24 };
void bar_bytes_text(char out[BAR_SIZE_BYTES], uint64_t bytes);
void bar_time_text(char out[BAR_SIZE_BYTES], double seconds);

/* Share of the phase that is done, 0..1. */
double bar_share(const struct bar_state *s);

#endif
