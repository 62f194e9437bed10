/* SPDX-License-Identifier: BSD-3-Clause */
/* test_http_scan.c - where a head ends, and how large it may be. */
#include "http_rows.h"

static void limits(void **state)
{
	/* "GET / HTTP/1.0" is 14 bytes, "A: bcdefghi" 11, the whole 31 */
	static const char text[] = "GET / HTTP/1.0\r\nA: bcdefghi\r\n\r\n";
	static const struct {
		struct http_limits l;
		enum http_verdict verdict;
	} rows[] = {
		{ { 31, 14, 1 }, HTTP_OK },
		{ { 31, 13, 1 }, HTTP_LINE_TOO_LONG },
		{ { 31, 1, 1 }, HTTP_LINE_TOO_LONG },
		{ { 30, 14, 1 }, HTTP_HEAD_TOO_LARGE },
		{ { 29, 14, 1 }, HTTP_HEAD_TOO_LARGE },
		{ { 28, 14, 1 }, HTTP_HEAD_TOO_LARGE },
		{ { 27, 14, 1 }, HTTP_HEAD_TOO_LARGE },
		{ { 15, 14, 1 }, HTTP_HEAD_TOO_LARGE },
		{ { 14, 14, 1 }, HTTP_HEAD_TOO_LARGE },
		{ { 13, 14, 1 }, HTTP_HEAD_TOO_LARGE },
		{ { 1, 14, 1 }, HTTP_HEAD_TOO_LARGE },
		{ { 31, 14, 0 }, HTTP_TOO_MANY_FIELDS },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct row r = { HTTP_OK, text, sizeof(text) - 1 };
		struct bytes in = { (const uint8_t *)text, r.n };
		enum http_verdict v = judge(&r, false, &rows[i].l);

		assert_int_equal(v, rows[i].verdict);
		/* The parse keeps the same limits without the scan. */
		assert_int_equal(parse(in, false, &rows[i].l), v);
		if (v == HTTP_HEAD_TOO_LARGE)
			assert_int_equal(parse(in, true, &rows[i].l), v);
	}
}

/* A line of TABs is as long as one of letters. */
static void tabs_count(void **state)
{
	static const struct row rows[] = {
		ROW(HTTP_OK,
		    "GET / HTTP/1.0\r\nA:\t\t\t\t\t\t\t\t\t\t\t\t\r\n\r\n"),
		ROW(HTTP_LINE_TOO_LONG,
		    "GET / HTTP/1.0\r\nA:\t\t\t\t\t\t\t\t\t\t\t\t\t\r\n\r\n"),
	};
	static const struct http_limits l = { 64, 14, 4 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(judge(&rows[i], false, &l), rows[i].verdict);
}

/* The defaults: 64 kB of head, 128 fields, 16 kB a line. */
static void large_heads(void **state)
{
	static char text[HTTP_HEAD_MAX + 64];
	const struct http_limits *l = &http_default_limits;

	for (unsigned fields = 127; fields <= 129; fields++) {
		struct row r = { HTTP_OK, text, 0 };

		r.n = (size_t)sprintf(text, "GET / HTTP/1.0\r\n");
		for (unsigned i = 0; i < fields; i++)
			r.n += (size_t)sprintf(text + r.n, "A: b\r\n");
		r.n += (size_t)sprintf(text + r.n, "\r\n");
		assert_int_equal(judge(&r, false, l),
				 fields > 128 ? HTTP_TOO_MANY_FIELDS : HTTP_OK);
	}
	for (unsigned more = 0; more < 2; more++) {
		struct row r = { HTTP_OK, text, 0 };

		r.n = (size_t)sprintf(text, "GET / HTTP/1.0\r\n");
		for (unsigned i = 0; i < 4; i++)
			r.n += (size_t)sprintf(text + r.n, "A: %0*d\r\n",
					       i < 3 ? 16381 : 16355 + more, 0);
		r.n += (size_t)sprintf(text + r.n, "\r\n");
		assert_int_equal(r.n, HTTP_HEAD_MAX + more);
		assert_int_equal(judge(&r, false, l),
				 more ? HTTP_HEAD_TOO_LARGE : HTTP_OK);
	}
}

/* What follows a head is not looked at; what a parse gets must be one head. */
static void where_it_ends(void **state)
{
	static const char text[] = "GET / HTTP/1.0\r\nA: b\r\n\r\nGET /\n\0";
	struct bytes in = { (const uint8_t *)text, sizeof(text) - 1 };
	uint32_t len = 0;

	assert_int_equal(scan(in, &http_default_limits, &len), HTTP_OK);
	assert_int_equal(len, 24);
	for (uint32_t n = 0; n < in.n; n++)
		assert_int_equal(parse(bytes_upto(in, n), false,
				       &http_default_limits) == HTTP_OK,
				 n == len);
}

/* Who could not use a head yet asks again, when more has come behind it. */
static void asked_again(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\n";
	struct bytes in = { (const uint8_t *)text, sizeof(text) - 1 };
	struct http_scan s = { 0 };

	for (uint32_t n = 25; n <= in.n; n++) {
		uint32_t len = 0;

		assert_int_equal(http_scan(&s, bytes_upto(in, n),
					   &http_default_limits, &len),
				 HTTP_OK);
		assert_int_equal(len, 25);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),      cmocka_unit_test(tabs_count),
		cmocka_unit_test(large_heads), cmocka_unit_test(where_it_ends),
		cmocka_unit_test(asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
