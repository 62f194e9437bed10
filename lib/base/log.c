/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"
#include "base/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = { "error", "warn", "info", "debug" };
/* sd-daemon(3): err, warning, info, debug. */
static const char *const prefixes[] = { "<3>", "<4>", "<6>", "<7>" };
static _Atomic(enum log_level) current = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&current, level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return atomic_load_explicit(&current, memory_order_relaxed);
}

int log_level_parse(const char *word, enum log_level *level)
{
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(word, names[i]))
			continue;
		*level = (enum log_level)i;
		return 0;
	}
	return -EINVAL;
}

const char *log_level_name(enum log_level level)
{
	return names[level];
}

/* Returns the number of bytes written, always less than cap. */
static size_t put_prefix(enum log_level level, char *dst, size_t cap)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	if (getenv("JOURNAL_STREAM"))
		return (size_t)snprintf(dst, cap, "%s", prefixes[level]);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(dst, cap, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(dst + n, cap - n,
				    ".%03ldZ %s: ", ts.tv_nsec / 1000000,
				    names[level]);
}

/* Length of the character at the front, if a terminal shows it, or 0. */
static size_t shown(struct bytes b)
{
	size_t n = bytes_utf8(b);

	if (n == 1 && (b.p[0] < 0x20 || b.p[0] == 0x7f))
		return 0;
	/* U+0080..9F are control characters, too. */
	return n == 2 && b.p[0] == 0xc2 && b.p[1] < 0xa0 ? 0 : n;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char text[1024], line[4 * sizeof(text) + 64];
	struct bytes rest;
	size_t n, len;
	va_list ap;

	if (level > log_get_level())
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	n = put_prefix(level, line, sizeof(line));
	for (rest = BYTES(text); rest.n; rest = bytes_from(rest, len)) {
		len = shown(rest);
		if (len) {
			memcpy(line + n, rest.p, len);
			n += len;
		} else {
			len = 1;
			n += (size_t)sprintf(line + n, "\\x%02x", rest.p[0]);
		}
	}
	line[n++] = '\n';
	/* One write, so that lines of several threads never mix. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
