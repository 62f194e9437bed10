/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scan.c - where does a head end, in a buffer that grows?
 *
 * Every byte is looked at once (a CR at the end of the buffer twice), and
 * judged by its position, so that the way a head is cut into packets changes
 * nothing. RFC 9112 2.2.
 */
#include "http/chars.h"

/* The limit that ordinary bytes up to (not including) `end` break, or OK. */
static enum http_verdict over(const struct http_scan *s, size_t end,
			      const struct http_limits *limits)
{
	size_t line_end = s->line_start + (size_t)limits->line;

	if (end > limits->head && limits->head <= line_end)
		return HTTP_HEAD_TOO_LARGE;
	return end > line_end ? HTTP_LINE_TOO_LONG : HTTP_OK;
}

/* The line ended at `cr`; is it the one that ends the head? */
static enum http_verdict end_line(struct http_scan *s, uint32_t cr)
{
	bool blank = cr == s->line_start;

	/* A line but the first begins at 2 only behind a leading CRLF. */
	if (blank && s->line_start == 2)
		return HTTP_BAD_LINE;
	/* It is seen again when the caller asks again. */
	if (blank && s->line_start)
		return HTTP_OK;
	s->seen = s->line_start = cr + 2;
	return HTTP_MORE;
}

enum http_verdict http_scan(struct http_scan *s, struct bytes buf,
			    const struct http_limits *limits,
			    uint32_t *head_len)
{
	struct bytes b = bytes_upto(buf, (size_t)limits->head + 1);
	enum http_verdict v;

	assert(limits->head <= HTTP_HEAD_MAX && s->seen <= b.n);
	for (;;) {
		uint32_t i = (uint32_t)http_find_control(b, s->seen);

		v = over(s, i, limits);
		if (v != HTTP_OK)
			return v;
		s->seen = i;
		if (i == b.n)
			return HTTP_MORE;
		if (i >= limits->head)
			return HTTP_HEAD_TOO_LARGE;
		if (b.p[i] == '\t') {
			s->seen++; /* as ordinary as any letter */
			continue;
		}
		if (b.p[i] != '\r')
			return b.p[i] == '\n' ? HTTP_BAD_NEWLINE : HTTP_BAD_NUL;
		if (i + 1 == b.n)
			return HTTP_MORE;
		if (i + 1 >= limits->head)
			return HTTP_HEAD_TOO_LARGE;
		if (b.p[i + 1] != '\n')
			return HTTP_BAD_NEWLINE;
		v = end_line(s, i);
		if (v == HTTP_OK)
			*head_len = i + 2;
		if (v != HTTP_MORE)
			return v;
	}
}
