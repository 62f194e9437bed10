/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * http_rows.h - heads as rows of a table, and what a receiver makes of them.
 */
#pragma once

#include "unit.h"

#include "http/http.h"

#define ROW(verdict, text)                                                     \
	{                                                                      \
		verdict, text, sizeof(text) - 1                                \
	}

struct row {
	enum http_verdict verdict;
	const char *text; /* may hold NULs */
	size_t n;
};

/* What the last judge() or parse() made. */
static struct http_head head;

/* Scan in one piece, and byte by byte: both must agree. */
static inline enum http_verdict scan(struct bytes in,
				     const struct http_limits *l, uint32_t *len)
{
	struct http_scan whole = { 0 }, slow = { 0 };
	enum http_verdict v = http_scan(&whole, in, l, len), w = HTTP_MORE;
	uint32_t slow_len = 0;

	for (size_t n = 0; n <= in.n && w == HTTP_MORE; n++)
		w = http_scan(&slow, bytes_upto(in, n), l, &slow_len);
	assert_int_equal(v, w);
	if (v == HTTP_OK)
		assert_int_equal(*len, slow_len);
	return v;
}

static inline enum http_verdict parse(struct bytes b, bool response,
				      const struct http_limits *l)
{
	return response ? http_parse_response(b, false, l, &head)
			: http_parse_request(b, l, &head);
}

/* What a receiver comes to think of it. */
static inline enum http_verdict judge(const struct row *r, bool response,
				      const struct http_limits *l)
{
	struct bytes in = { (const uint8_t *)r->text, r->n };
	enum http_verdict v;
	uint32_t len = 0;

	v = scan(in, l, &len);
	if (v != HTTP_OK) {
		assert_int_not_equal(parse(in, response, l), HTTP_OK);
		return v;
	}
	assert_true(len <= l->head);
	v = parse(bytes_upto(in, len), response, l);
	assert_int_not_equal(v, HTTP_MORE);
	return v;
}
