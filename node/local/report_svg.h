/* Small line and bar charts as inline SVG.  Colours and type come from the page's style by class. */
#ifndef HEFU_REPORT_SVG_H
#define HEFU_REPORT_SVG_H

#include "node/local/report_html.h"

/* A plot area with its data range; x grows to the right, y upwards. */
struct chart {
    FILE *f;
    double x_low, x_high, y_low, y_high;
};

enum chart_format { CHART_PLAIN, CHART_PERCENT };

/* Opens <svg>; the title is read aloud in place of the picture. */
struct chart chart_open(FILE *f, double x_low, double x_high, double y_low, double y_high, const char *title);
void chart_close(const struct chart *c);

/* Ticks at round steps, with grid lines for y, and the axis' label. */
void chart_axis_x(const struct chart *c, enum chart_format format, const char *label);
void chart_axis_y(const struct chart *c, enum chart_format format, const char *label);
/* One tick in the middle of each of count slots, numbered from 1. */
void chart_axis_slots(const struct chart *c, unsigned count, const char *label);

void chart_line(const struct chart *c, const char *class, const double *x, const double *y, size_t count);
void chart_segment(const struct chart *c, const char *class, double x0, double y0, double x1, double y1);
/* The outline of a histogram over the whole x range, closed at the bottom. */
void chart_steps(const struct chart *c, const char *class, const double *y, size_t count);
void chart_bar(const struct chart *c, const char *class, double x0, double x1, double y);
void chart_dot(const struct chart *c, const char *class, double x, double y);
/* Text at (x, y) moved by (dx, dy) points; anchor is start, middle or end. */
void chart_text(const struct chart *c, const char *anchor, double x, double y, double dx, double dy, const char *fmt,
                ...) PRINTF_LIKE(7, 8);

/* The smallest of 1, 2, 2.5, 5 times a power of ten that cuts the range into at most max steps. */
double chart_round_step(double range, int max);

#endif
