/* The style sheet of the HTML report. */
#ifndef HEFU_REPORT_STYLE_H
#define HEFU_REPORT_STYLE_H

extern const char report_style[];

#endif
