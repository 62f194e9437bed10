/* SPDX-License-Identifier: BSD-3-Clause */
/* test_http_body.c - bodies followed through their framing. RFC 9112 6, 7. */
#include "unit.h"

#include "http/http.h"

struct outcome {
	enum http_verdict verdict;
	size_t consumed, pieces; /* bytes */
	uint64_t payload;
	bool done;
	uint8_t out[32768];
};

/* Feed `in` in cuts of `step` bytes, as a receiver with one buffer would. */
static void follow(struct outcome *o, enum http_framing framing,
		   uint64_t length, bool raw, struct bytes in, size_t step)
{
	static struct http_head head;
	struct http_body b;
	size_t have = 0;

	head.framing = framing;
	head.length = length;
	http_body_init(&b, &head, raw);
	memset(o, 0, offsetof(struct outcome, out));
	while (!b.done && o->verdict == HTTP_OK) {
		struct bytes piece, now;
		size_t n;

		if (have == o->consumed) {
			if (have == in.n)
				break;
			have = min(have + step, in.n);
		}
		now = (struct bytes){ in.p + o->consumed, have - o->consumed };
		o->verdict = http_body_next(&b, now, &piece, &n);
		assert_true(n <= now.n);
		assert_true(o->verdict == HTTP_OK ? n > 0 : n == 0);
		if (piece.n) {
			assert_true(piece.p >= now.p &&
				    piece.p + piece.n <= now.p + n);
			assert_true(o->pieces + piece.n <= sizeof(o->out));
			memcpy(o->out + o->pieces, piece.p, piece.n);
		}
		o->pieces += piece.n;
		o->consumed += n;
	}
	o->payload = b.payload;
	o->done = b.done;
}

#define BIG "7fffffffffffffff"

static const struct {
	enum http_verdict verdict;
	const char *text;
	const char *content; /* handed out when not raw */
	size_t taken; /* 0: all of text */
	bool unfinished; /* well-formed so far */
} chunks[] = {
	{ HTTP_OK, "0\r\n\r\n", "" },
	{ HTTP_OK, "5\r\nhello\r\n0\r\n\r\n", "hello" },
	{ HTTP_OK, "05\r\nhello\r\n000\r\n\r\n", "hello" },
	{ HTTP_OK, "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc" },
	{ HTTP_OK, "A\r\n0123456789\r\n0\r\n\r\n", "0123456789" },
	{ HTTP_OK, "a\r\n\r\n0\r\n\r\n456\r\n0\r\n\r\n", "\r\n0\r\n\r\n456" },
	{ HTTP_OK, "0000000000000001\r\na\r\n0\r\n\r\n", "a" },
	/* what follows is another message */
	{ HTTP_OK, "1\r\na\r\n0\r\n\r\nGET /", "a", 11 },
	{ HTTP_OK, "", "", 0, true },
	{ HTTP_OK, "5\r\nhel", "hel", 0, true },
	{ HTTP_OK, "5\r\nhello\r\n0\r\n", "hello", 0, true },
	{ HTTP_OK, BIG "\r\na", "a", 0, true },
	/* sizes: 1*HEXDIG, below 2^63 in all, 16 digits at most */
	{ HTTP_BAD_CHUNK, "\r\n", "" },
	{ HTTP_BAD_CHUNK, "0x5\r\nhello\r\n", "", 1 },
	{ HTTP_BAD_CHUNK, "x5\r\nhello\r\n", "" },
	{ HTTP_BAD_CHUNK, "+5\r\nhello\r\n", "" },
	{ HTTP_BAD_CHUNK, "-1\r\n", "" },
	{ HTTP_BAD_CHUNK, " 5\r\nhello\r\n", "" },
	{ HTTP_BAD_CHUNK, "\t5\r\nhello\r\n", "" },
	{ HTTP_BAD_CHUNK, "5 \r\nhello\r\n", "", 1 },
	{ HTTP_BAD_CHUNK, "5\thello\r\n", "", 1 },
	{ HTTP_BAD_CHUNK, "5,5\r\nhello\r\n", "", 1 },
	{ HTTP_BAD_CHUNK, "g\r\n", "" },
	{ HTTP_BAD_CHUNK, "00000000000000005\r\nhello\r\n", "", 16 },
	{ HTTP_BAD_CHUNK, "8000000000000000\r\na", "", 15 },
	{ HTTP_BAD_CHUNK, "ffffffffffffffff\r\na", "", 15 },
	{ HTTP_BAD_CHUNK, "10000000000000005\r\nhello", "", 16 },
	{ HTTP_BAD_CHUNK, "1\r\na\r\n" BIG "\r\n", "a", 21 },
	{ HTTP_OK, "1\r\na\r\n7ffffffffffffffe\r\n", "a", 0, true },
	/* line ends: CRLF, and content as long as was said */
	{ HTTP_BAD_CHUNK, "5\nhello\r\n", "", 1 },
	{ HTTP_BAD_CHUNK, "5\rhello\r\n", "", 2 },
	{ HTTP_BAD_CHUNK, "5\r\nhello\n0\r\n\r\n", "hello", 8 },
	{ HTTP_BAD_CHUNK, "5\r\nhello0\r\n\r\n", "hello", 8 },
	{ HTTP_BAD_CHUNK, "5\r\nhello\r0\r\n\r\n", "hello", 9 },
	{ HTTP_BAD_CHUNK, "5\r\nhello!\r\n0\r\n\r\n", "hello", 8 },
	{ HTTP_BAD_CHUNK, "6\r\nhello\r\n0\r\n\r\n", "hello\r", 9 },
	{ HTTP_BAD_CHUNK, "5\r\nhello\r\n\r\n", "hello", 10 },
	/* RFC 9112 7.1.1, without white space */
	{ HTTP_OK, "0;a\r\n\r\n", "" },
	{ HTTP_OK, "1;a=b;c;d=\"e;\\\"f\\\\\t\x80\";g\r\nx\r\n0;h=\"\"\r\n\r\n",
	  "x" },
	{ HTTP_BAD_CHUNK, "0;\r\n\r\n", "", 2 },
	{ HTTP_BAD_CHUNK, "0;;a\r\n\r\n", "", 2 },
	{ HTTP_BAD_CHUNK, "0;=b\r\n\r\n", "", 2 },
	{ HTTP_BAD_CHUNK, "0;a;\r\n\r\n", "", 4 },
	{ HTTP_BAD_CHUNK, "0;a=\r\n\r\n", "", 4 },
	{ HTTP_BAD_CHUNK, "0;a=;\r\n\r\n", "", 4 },
	{ HTTP_BAD_CHUNK, "0;a=b=c\r\n\r\n", "", 5 },
	{ HTTP_BAD_CHUNK, "0 ;a\r\n\r\n", "", 1 },
	{ HTTP_BAD_CHUNK, "0; a\r\n\r\n", "", 2 },
	{ HTTP_BAD_CHUNK, "0;a =b\r\n\r\n", "", 3 },
	{ HTTP_BAD_CHUNK, "0;a=\"b\"c\r\n\r\n", "", 7 },
	{ HTTP_BAD_CHUNK, "0;a=\"b\r\n\r\n", "", 6 },
	{ HTTP_BAD_CHUNK, "0;a=\"\\\r\n\r\n", "", 6 },
	{ HTTP_BAD_CHUNK, "0;a\n\r\n", "", 3 },
	{ HTTP_BAD_CHUNK, "0;a\r \n", "", 4 },
	{ HTTP_BAD_CHUNK, "0;a\x80\r\n\r\n", "", 3 },
	{ HTTP_BAD_CHUNK, "0;a=\"\x7f\"\r\n\r\n", "", 5 },
	/* trailers */
	{ HTTP_OK, "0\r\nX-Checksum: 1\r\nETag:\r\n\r\n", "" },
	{ HTTP_OK, "0\r\nServer_Timing:\ta;b=\"c\"\x80 \r\n\r\n", "" },
	{ HTTP_OK, "0\r\nHosts: a\r\nTEA: b\r\n\r\n", "" },
	{ HTTP_OK, "1\r\na\r\n0\r\nX: y\r\n", "a", 0, true },
	{ HTTP_BAD_TRAILER, "0\r\n\n", "", 3 },
	{ HTTP_BAD_TRAILER, "0\r\n\rX", "", 4 },
	{ HTTP_BAD_TRAILER, "0\r\nX\r\n\r\n", "", 4 },
	{ HTTP_BAD_TRAILER, "0\r\n: y\r\n\r\n", "", 3 },
	{ HTTP_BAD_TRAILER, "0\r\nX : y\r\n\r\n", "", 4 },
	{ HTTP_BAD_TRAILER, "0\r\nX\x80: y\r\n\r\n", "", 4 },
	{ HTTP_BAD_TRAILER, "0\r\nX: y\n\r\n", "", 7 },
	{ HTTP_BAD_TRAILER, "0\r\nX: y\rz\r\n\r\n", "", 8 },
	{ HTTP_BAD_TRAILER, "0\r\nX: y\r\n z\r\n\r\n", "", 9 },
	{ HTTP_BAD_TRAILER, "0\r\nX: y\r\n\tz\r\n\r\n", "", 9 },
	{ HTTP_BAD_TRAILER, "0\r\nX: \x01\r\n\r\n", "", 6 },
	{ HTTP_BAD_TRAILER, "0\r\nGET / HTTP/1.1\r\n\r\n", "", 6 },
};

static void chunked(void **state)
{
	static struct outcome o;

	for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
		struct bytes in = BYTES(chunks[i].text);
		size_t taken = chunks[i].taken		      ? chunks[i].taken
			       : chunks[i].verdict == HTTP_OK ? in.n
							      : 0;

		for (size_t step = 1; step <= in.n + 1; step++) {
			for (int raw = 0; raw < 2; raw++) {
				const char *expect = raw ? chunks[i].text
							 : chunks[i].content;
				size_t n =
					raw ? taken : strlen(chunks[i].content);

				follow(&o, HTTP_CHUNKED, 0, raw, in, step);
				if (o.verdict != chunks[i].verdict ||
				    o.consumed != taken)
					fail_msg("row %zu, step %zu: %s at "
						 "%zu: %s",
						 i, step,
						 http_verdict_name(o.verdict),
						 o.consumed, chunks[i].text);
				assert_int_equal(o.pieces, n);
				assert_memory_equal(o.out, expect, n);
				assert_int_equal(o.payload,
						 strlen(chunks[i].content));
				assert_int_equal(o.done,
						 chunks[i].verdict == HTTP_OK &&
							 !chunks[i].unfinished);
			}
		}
	}
}

/* RFC 9110 6.5.1 */
static void forbidden_trailers(void **state)
{
	static const char *const names[] = {
		"Content-Length",
		"content-length",
		"Content_Length",
		"Transfer-Encoding",
		"Host",
		"Authorization",
		"Proxy-Authorization",
		"WWW-Authenticate",
		"Cookie",
		"Set-Cookie",
		"Connection",
		"Keep-Alive",
		"Expect",
		"TE",
		"Trailer",
		"Upgrade",
		"Range",
		"If-None-Match",
		"Cache-Control",
		"Content-Encoding",
		"Content-Type",
		"Location",
		"X-Forwarded-For",
		"X_Forwarded_For",
		"X-AnchorMailbox",
		"X-BEResource",
		"X-CommonAccessToken",
		"X_TargetDatabase",
		"X-CalculatedBETarget",
		"X-BackEnd-A-Name-Longer-Than-The-Buffer-Of-Forty-Bytes",
		"msExchProxyUri",
	};
	static struct outcome o;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char text[128];
		int n = snprintf(text, sizeof(text),
				 "0\r\nA: b\r\n%s: 5\r\n\r\n", names[i]);

		for (size_t step = 1; step <= (size_t)n; step++) {
			follow(&o, HTTP_CHUNKED, 0, true, BYTES(text), step);
			if (o.verdict != HTTP_BAD_TRAILER ||
			    o.consumed != 9 + strlen(names[i]))
				fail_msg("%s passed", names[i]);
		}
		/* One letter more is another name, but behind a '*' row. */
		snprintf(text, sizeof(text), "0\r\nQ%s: 5\r\n\r\n", names[i]);
		follow(&o, HTTP_CHUNKED, 0, true, BYTES(text), 99);
		assert_int_equal(o.verdict, HTTP_OK);
		assert_true(o.done);
	}
}

/* A known header either never stands in a trailer or is named here. */
static void known_headers_as_trailers(void **state)
{
	static const char *const names[] = {
#define X(id, name) name,
		HTTP_KNOWN(X)
#undef X
	};
	static struct outcome o;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char text[128];

		snprintf(text, sizeof(text), "0\r\n%s: a\r\n\r\n", names[i]);
		follow(&o, HTTP_CHUNKED, 0, true, BYTES(text), 99);
		assert_int_equal(o.verdict, strcmp(names[i], "User-Agent")
						    ? HTTP_BAD_TRAILER
						    : HTTP_OK);
	}
}

static void bounds(void **state)
{
	static struct outcome o;
	static char text[HTTP_TRAILER_MAX + 64];

	/* "0;a=" and then a value */
	for (int more = 0; more < 2; more++) {
		sprintf(text, "0;a=%0*d\r\n\r\n",
			HTTP_CHUNK_LINE_MAX - 4 + more, 0);
		follow(&o, HTTP_CHUNKED, 0, true, BYTES(text), SIZE_MAX / 2);
		assert_int_equal(o.verdict, more ? HTTP_BAD_CHUNK : HTTP_OK);
		assert_int_equal(o.consumed,
				 more ? HTTP_CHUNK_LINE_MAX : strlen(text));
	}
	/* each line has its own bound */
	sprintf(text, "1;a=%0*d\r\nx\r\n0;a=%0*d\r\n\r\n",
		HTTP_CHUNK_LINE_MAX - 4, 0, HTTP_CHUNK_LINE_MAX - 4, 0);
	follow(&o, HTTP_CHUNKED, 0, true, BYTES(text), 7);
	assert_int_equal(o.verdict, HTTP_OK);
	assert_true(o.done);
	/* "X:" value CRLF, and the CRLF of the end */
	for (int more = 0; more < 2; more++) {
		sprintf(text, "0\r\nX:%0*d\r\n\r\n",
			HTTP_TRAILER_MAX - 6 + more, 0);
		follow(&o, HTTP_CHUNKED, 0, true, BYTES(text), SIZE_MAX / 2);
		assert_int_equal(o.verdict, more ? HTTP_BAD_TRAILER : HTTP_OK);
		assert_int_equal(o.done, !more);
	}
}

static void other_framings(void **state)
{
	static const struct {
		enum http_framing framing;
		uint64_t length;
		const char *in, *out;
		bool done;
	} rows[] = {
		{ HTTP_NO_BODY, 0, "GET /", "", true },
		{ HTTP_LENGTH, 0, "GET /", "", true },
		{ HTTP_LENGTH, 5, "helloGET /", "hello", true },
		{ HTTP_LENGTH, 5, "hello", "hello", true },
		{ HTTP_LENGTH, 5, "hell", "hell", false },
		{ HTTP_LENGTH, 1 << 30, "early end", "early end", false },
		{ HTTP_LENGTH, INT64_MAX, "0\r\n\r\n", "0\r\n\r\n", false },
		{ HTTP_UNTIL_CLOSE, 0, "all of it", "all of it", false },
		{ HTTP_UNTIL_CLOSE, 0, "", "", false },
	};
	static struct outcome o;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t step = 1; step < 12; step++) {
			size_t n = strlen(rows[i].out);

			follow(&o, rows[i].framing, rows[i].length, step & 1,
			       BYTES(rows[i].in), step);
			assert_int_equal(o.verdict, HTTP_OK);
			assert_int_equal(o.consumed, n);
			assert_int_equal(o.pieces, n);
			assert_int_equal(o.payload, n);
			assert_memory_equal(o.out, rows[i].out, n);
			assert_int_equal(o.done, rows[i].done);
		}
	}
}

/* Nothing is taken without input, behind the end, or after a refusal. */
static void nothing_to_take(void **state)
{
	static struct http_head head = { .framing = HTTP_CHUNKED };
	struct bytes piece, in = BYTES("0\r\n\r\nX"), bad = BYTES("z");
	struct http_body b;
	size_t n = 9;

	http_body_init(&b, &head, true);
	assert_int_equal(http_body_next(&b, BYTES_NONE, &piece, &n), HTTP_OK);
	assert_int_equal(n, 0);
	assert_int_equal(http_body_next(&b, in, &piece, &n), HTTP_OK);
	assert_int_equal(n, 5);
	assert_true(b.done);
	assert_int_equal(http_body_next(&b, bytes_from(in, 5), &piece, &n),
			 HTTP_OK);
	assert_int_equal(n, 0);
	assert_int_equal(piece.n, 0);

	http_body_init(&b, &head, true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(http_body_next(&b, i ? in : bad, &piece, &n),
				 HTTP_BAD_CHUNK);
		assert_int_equal(n, 0);
		assert_int_equal(piece.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunked),
		cmocka_unit_test(forbidden_trailers),
		cmocka_unit_test(known_headers_as_trailers),
		cmocka_unit_test(bounds),
		cmocka_unit_test(other_framings),
		cmocka_unit_test(nothing_to_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
