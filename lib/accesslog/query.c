/* SPDX-License-Identifier: BSD-3-Clause */
/* query.c - a query without its secrets. */
#include "accesslog/accesslog.h"

#include <strings.h>

/* A name as a server reads it, letters in lower case. */
static void fold(struct bytes name, char *dst, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n + 1 < cap; i++) {
		uint8_t c = name.p[i];
		int high, low;

		if (c == '%' && i + 2 < name.n) {
			high = ascii_hex(name.p[i + 1]);
			low = ascii_hex(name.p[i + 2]);
			if (high >= 0 && low >= 0) {
				c = (uint8_t)(high << 4 | low);
				i += 2;
			}
		}
		if (c)
			dst[n++] = (char)ascii_lower(c);
	}
	dst[n] = '\0';
}

static bool is_secret(struct bytes name)
{
	static const char *const parts[] = { "pass",   "pwd",	 "token",
					     "secret", "canary", "cadata",
					     "ticket", "cred",	 "assertion",
					     "cookie", "session" };
	static const char *const whole[] = { "code", "sig", "key", "x-rps-cat",
					     "authorization" };
	char text[256];

	fold(name, text, sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strstr(text, parts[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		if (!strcmp(text, whole[i]))
			return true;
	/* What is longer than any real name hides something. */
	return strlen(text) + 1 == sizeof(text);
}

void accesslog_query(struct bytes query, char *dst, size_t cap)
{
	struct bytes_writer w = { (uint8_t *)dst, 0, cap - 1, false };

	while (query.n && !w.overflow) {
		size_t n = min(bytes_find(query, '&'), bytes_find(query, ';'));
		struct bytes pair = bytes_upto(query, n), value = pair;
		struct bytes name = bytes_cut(&value, '=');

		if (name.n < pair.n && is_secret(name)) {
			bytes_put(&w, bytes_upto(pair, name.n + 1));
			bytes_puts(&w, "***");
		} else {
			bytes_put(&w, pair);
		}
		bytes_put(&w, bytes_upto(bytes_from(query, n), 1));
		query = bytes_from(query, n + 1);
	}
	dst[w.n] = '\0';
}
