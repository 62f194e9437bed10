/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.h - what an administrator reads: one line an event, on standard error
 * (journald's priority prefix when started by systemd).
 *
 * For start-up and control threads. A worker never calls it: it counts, or
 * hands a line to the log writer through its ring.
 */
#pragma once

#include "base/types.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "error", "warn", "info", "debug"; -EINVAL for another word. */
must_check int log_level_parse(const char *word, enum log_level *level);
const char *log_level_name(enum log_level level);

/* One line; control bytes are escaped, so that nobody's input can forge one. */
void log_write(enum log_level level, const char *fmt, ...) printf_like(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
