/* Plain lines on standard error, each with its level; systemd and the like add the time. */
#ifndef HEFU_LOG_LINES_H
#define HEFU_LOG_LINES_H

#include "node/local/config.h"

void log_set_level(uint32_t level); /* enum config_log */
void log_line(enum config_log level, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The fault as an error, with its hint. */
void log_fault(const struct fault *f);

#endif
