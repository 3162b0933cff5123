#include "node/local/report_svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

/* The drawing, in its own units; the page scales it to the width of its box. */
enum { WIDTH = 460, HEIGHT = 320, LEFT = 70, RIGHT = 22, TOP = 14, BOTTOM = 48 };
enum { PLOT_RIGHT = WIDTH - RIGHT, PLOT_BOTTOM = HEIGHT - BOTTOM };
enum { X_STEPS = 6, Y_STEPS = 6 };

static double at_x(const struct chart *c, double x)
{
    return LEFT + (x - c->x_low) / (c->x_high - c->x_low) * (PLOT_RIGHT - LEFT);
}

static double at_y(const struct chart *c, double y)
{
    return PLOT_BOTTOM - (y - c->y_low) / (c->y_high - c->y_low) * (PLOT_BOTTOM - TOP);
}

double chart_round_step(double range, int max)
{
    static const double steps[] = {1, 2, 2.5, 5, 10};
    double power = pow(10, floor(log10(range / max)));

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (range / (steps[i] * power) <= max + 1e-9)
            return steps[i] * power;
    return 20 * power;
}

struct chart chart_open(FILE *f, double x_low, double x_high, double y_low, double y_high, const char *title)
{
    fprintf(f, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    html_text(f, title);
    fputs("\">", f);
    return (struct chart){f, x_low, x_high, y_low, y_high};
}

void chart_close(const struct chart *c)
{
    fputs("</svg>\n", c->f);
}

static void tick_text(FILE *f, enum chart_format format, double value, double step)
{
    double shown = format == CHART_PERCENT ? 100 * value : value;
    double shown_step = format == CHART_PERCENT ? 100 * step : step;
    int decimals = 0;

    while (decimals < 6 && fabs(shown_step * pow(10, decimals) - round(shown_step * pow(10, decimals))) > 1e-6)
        decimals++;
    if (fabs(shown) < shown_step * 1e-6)
        shown = 0;
    fprintf(f, "%s%.*f%s", shown < 0 ? "−" : "", decimals, fabs(shown), format == CHART_PERCENT ? " %" : "");
}

static void label_x(const struct chart *c, const char *label)
{
    fprintf(c->f, "<text class=\"label\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">", (LEFT + PLOT_RIGHT) / 2.0,
            HEIGHT - 8);
    html_text(c->f, label);
    fputs("</text>", c->f);
}

void chart_axis_x(const struct chart *c, enum chart_format format, const char *label)
{
    double step = chart_round_step(c->x_high - c->x_low, X_STEPS);

    fprintf(c->f, "<path class=\"axis\" d=\"M%d %dH%d\"/>", LEFT, PLOT_BOTTOM, PLOT_RIGHT);
    for (double i = ceil(c->x_low / step - 1e-9); i * step <= c->x_high + step * 1e-9; i++) {
        fprintf(c->f, "<path class=\"axis\" d=\"M%.1f %dv4\"/><text text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">",
                at_x(c, i * step), PLOT_BOTTOM, at_x(c, i * step), PLOT_BOTTOM + 18);
        tick_text(c->f, format, i * step, step);
        fputs("</text>", c->f);
    }
    label_x(c, label);
}

void chart_axis_slots(const struct chart *c, unsigned count, const char *label)
{
    fprintf(c->f, "<path class=\"axis\" d=\"M%d %dH%d\"/>", LEFT, PLOT_BOTTOM, PLOT_RIGHT);
    for (unsigned i = 0; i < count; i++)
        fprintf(c->f, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%u</text>",
                LEFT + (i + 0.5) / count * (PLOT_RIGHT - LEFT), PLOT_BOTTOM + 18, i + 1);
    label_x(c, label);
}

void chart_axis_y(const struct chart *c, enum chart_format format, const char *label)
{
    double step = chart_round_step(c->y_high - c->y_low, Y_STEPS);

    for (double i = ceil(c->y_low / step - 1e-9); i * step <= c->y_high + step * 1e-9; i++) {
        fprintf(c->f, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text text-anchor=\"end\" x=\"%d\" y=\"%.1f\">", LEFT,
                at_y(c, i * step), PLOT_RIGHT, LEFT - 7, at_y(c, i * step) + 4);
        tick_text(c->f, format, i * step, step);
        fputs("</text>", c->f);
    }
    fprintf(c->f, "<text class=\"label\" text-anchor=\"middle\" transform=\"translate(13 %.1f) rotate(-90)\">",
            (TOP + PLOT_BOTTOM) / 2.0);
    html_text(c->f, label);
    fputs("</text>", c->f);
}

void chart_line(const struct chart *c, const char *class, const double *x, const double *y, size_t count)
{
    fprintf(c->f, "<path class=\"line %s\" d=\"", class);
    for (size_t i = 0; i < count; i++)
        fprintf(c->f, "%c%.1f %.1f", i ? 'L' : 'M', at_x(c, x[i]), at_y(c, y[i]));
    fputs("\"/>", c->f);
}

void chart_segment(const struct chart *c, const char *class, double x0, double y0, double x1, double y1)
{
    const double x[] = {x0, x1}, y[] = {y0, y1};

    chart_line(c, class, x, y, 2);
}

void chart_steps(const struct chart *c, const char *class, const double *y, size_t count)
{
    double slot = (double)(PLOT_RIGHT - LEFT) / (double)count;

    fprintf(c->f, "<path class=\"area %s\" d=\"M%d %d", class, LEFT, PLOT_BOTTOM);
    for (size_t i = 0; i < count; i++)
        fprintf(c->f, "V%.1fH%.1f", at_y(c, y[i]), LEFT + slot * (double)(i + 1));
    fprintf(c->f, "V%d\"/>", PLOT_BOTTOM);
}

void chart_bar(const struct chart *c, const char *class, double x0, double x1, double y)
{
    double top = at_y(c, y), left = at_x(c, x0);

    fprintf(c->f, "<rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\"/>", class, left,
            top, at_x(c, x1) - left, PLOT_BOTTOM - top);
}

void chart_dot(const struct chart *c, const char *class, double x, double y)
{
    fprintf(c->f, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/>", class, at_x(c, x), at_y(c, y));
}

void chart_text(const struct chart *c, const char *anchor, double x, double y, double dx, double dy, const char *fmt,
                ...)
{
    char *text = NULL;
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (len < 0)
        return;
    fprintf(c->f, "<text class=\"value\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">", anchor, at_x(c, x) + dx,
            at_y(c, y) + dy);
    html_text(c->f, text);
    fputs("</text>", c->f);
    free(text);
}
