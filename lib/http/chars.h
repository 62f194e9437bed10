/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chars.h - the character classes of HTTP and what the parsers of this
 * library share. Private.
 */
#pragma once

#include "http/http.h"

enum {
	CH_TOKEN = 1,  /* tchar, RFC 9110 5.6.2 */
	CH_TARGET = 2, /* visible ASCII but '#': a fragment is never sent */
	CH_HOST = 4,   /* letters, digits, '-', '.', '_': no sub-delims or
			* percent-encoding, which no host of ours has */
};

extern const uint8_t http_chars[256];

static inline bool ch_is(uint8_t c, unsigned classes)
{
	return http_chars[c] & classes;
}

/* Does b consist of bytes of these classes, at least one? */
static inline bool all_are(struct bytes b, unsigned classes)
{
	for (size_t i = 0; i < b.n; i++)
		if (!ch_is(b.p[i], classes))
			return false;
	return b.n != 0;
}

/* Offset of the first control byte (0..0x1f, 0x7f) at or behind `from`, or
 * b.n. The search for line ends and the check of values are this one pass. */
size_t http_find_control(struct bytes b, size_t from);

/* Cut the line at *at out of a head; its CRLF is skipped, not returned. */
enum http_verdict http_next_line(struct bytes head, size_t *at, uint32_t limit,
				 struct bytes *line);

/* Parse the field lines at `at` up to the blank line, which must end `head`.
 * Fills n, field and first. */
enum http_verdict http_parse_fields(struct bytes head, size_t at,
				    const struct http_limits *limits,
				    struct http_head *out);

/* host [":" port]; port 0 when there is none. */
bool http_authority(struct bytes a, struct bytes *host, uint16_t *port);
