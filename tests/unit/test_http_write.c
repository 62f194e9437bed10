/* SPDX-License-Identifier: BSD-3-Clause */
/* test_http_write.c - heads and answers of our own. */
#include "unit.h"

#include "http/http.h"

static struct bytes_writer writer(uint8_t *buf, size_t cap)
{
	return (struct bytes_writer){ .p = buf, .cap = cap };
}

static void overflow_is_remembered(void **state)
{
	static const struct {
		size_t cap;
		size_t n; /* written */
		bool overflow;
	} rows[] = {
		/* "abcd" or nothing */
		{ 0, 0, true },
		{ 3, 0, true },
		{ 4, 4, true },
		/* bytes_putf() needs a byte more than it writes */
		{ 7, 4, true },
		{ 8, 8, true },
		{ 12, 8, true },
		/* not even for an empty text there is room for its NUL */
		{ 13, 13, true },
		{ 14, 13, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t buf[32] = "";
		struct bytes_writer w = writer(buf, rows[i].cap);

		bytes_put(&w, BYTES("abcd"));
		bytes_putf(&w, "%03d", 7);
		bytes_puts(&w, "e");
		bytes_puts(&w, "fghij");
		bytes_putf(&w, "%s", "");
		assert_int_equal(w.overflow, rows[i].overflow);
		assert_int_equal(w.n, rows[i].n);
		assert_memory_equal(buf, "abcd007efghij", w.n);
		for (size_t k = rows[i].cap; k < sizeof(buf); k++)
			assert_int_equal(buf[k], 0);
	}
}

static void fields(void **state)
{
	static const struct {
		const char *name, *value;
		bool ok;
	} rows[] = {
		{ "Location", "https://mail/owa/\ta \xc3\xa4", true },
		{ "X", "", true },
		{ "X", "a\r\nSet-Cookie: b", false },
		{ "X", "a\nb", false },
		{ "X", "a\x7f", false },
		{ "X: a\r\nY", "b", false },
		{ "X Y", "b", false },
		{ "", "b", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char expect[96];
		uint8_t buf[96];
		struct bytes_writer w = writer(buf, sizeof(buf));

		http_put_field(&w, BYTES(rows[i].name), BYTES(rows[i].value));
		assert_int_equal(w.overflow, !rows[i].ok);
		if (w.overflow)
			continue;
		snprintf(expect, sizeof(expect), "%s: %s\r\n", rows[i].name,
			 rows[i].value);
		assert_int_equal(w.n, strlen(expect));
		assert_memory_equal(buf, expect, w.n);
	}
}

static void request_lines(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "GET /a%20b?c=%zz HTTP/1.0\r\n\r\n",
		  "GET /a%20b?c=%zz HTTP/1.1\r\n" },
		{ "RPC_IN_DATA /rpc/rpcproxy.dll?a@b:6001 HTTP/1.0\r\n\r\n",
		  "RPC_IN_DATA /rpc/rpcproxy.dll?a@b:6001 HTTP/1.1\r\n" },
		{ "GET https://a/b? HTTP/1.0\r\n\r\n", "GET /b? HTTP/1.1\r\n" },
		{ "GET https://a HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\n" },
		{ "GET https://a?b HTTP/1.0\r\n\r\n", "GET /?b HTTP/1.1\r\n" },
		{ "OPTIONS http://a HTTP/1.0\r\n\r\n",
		  "OPTIONS * HTTP/1.1\r\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct http_limits *l = &http_default_limits;
		static struct http_head h;
		uint8_t buf[128];
		struct bytes_writer w = writer(buf, sizeof(buf));
		struct bytes in = BYTES(rows[i].in);

		assert_int_equal(http_parse_request(in, l, &h), HTTP_OK);
		http_put_request_line(&w, &h);
		assert_false(w.overflow);
		assert_int_equal(w.n, strlen(rows[i].out));
		assert_memory_equal(buf, rows[i].out, w.n);
	}
}

static void answers(void **state)
{
	static const struct {
		struct http_answer a;
		const char *out;
	} rows[] = {
		{ { .status = 400,
		    .type = "text/html",
		    .body = BYTES_LIT("<p>no</p>"),
		    .close = true },
		  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"
		  "Content-Length: 9\r\nConnection: close\r\n\r\n<p>no</p>" },
		{ { .status = 401,
		    .fields = BYTES_LIT("WWW-Authenticate: Negotiate\r\n"
					"WWW-Authenticate: NTLM\r\n") },
		  "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\n"
		  "WWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n" },
		{ { .status = 200,
		    .reason = "Success",
		    .type = "application/rpc",
		    .body = BYTES_LIT("\5\0\x14"),
		    .to_10 = true },
		  "HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\n"
		  "Content-Length: 3\r\nConnection: keep-alive\r\n\r\n"
		  "\5\0\x14" },
		{ { .status = 503,
		    .type = "text/plain",
		    .body = BYTES_LIT("later"),
		    .close = true,
		    .to_10 = true,
		    .to_head = true },
		  "HTTP/1.1 503 Service Unavailable\r\n"
		  "Content-Type: text/plain\r\nContent-Length: 5\r\n"
		  "Connection: close\r\n\r\n" },
		{ { .status = 100 }, "HTTP/1.1 100 Continue\r\n\r\n" },
		{ { .status = 204, .type = "a/b", .body = BYTES_LIT("x") },
		  "HTTP/1.1 204 No Content\r\n\r\n" },
		{ { .status = 304, .close = true },
		  "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n" },
		{ { .status = 799 },
		  "HTTP/1.1 799 \r\nContent-Length: 0\r\n\r\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static struct http_head h;
		uint8_t buf[256] = "start";
		struct bytes_writer w = writer(buf, sizeof(buf));
		const char *out = rows[i].out;
		const char *end = strstr(out, "\r\n\r\n") + 4;
		bool bodiless = rows[i].a.to_head || rows[i].a.status == 204;
		size_t n =
			(size_t)(end - out) + (bodiless ? 0 : rows[i].a.body.n);

		w.n = 5;
		http_put_answer(&w, &rows[i].a);
		assert_false(w.overflow);
		assert_int_equal(w.n, n + 5);
		assert_memory_equal(buf + 5, out, n);
		/* We accept what we send. */
		assert_int_equal(
			http_parse_response(
				(struct bytes){ buf + 5, (size_t)(end - out) },
				rows[i].a.to_head, &http_default_limits, &h),
			HTTP_OK);
		assert_int_equal(h.status, rows[i].a.status);
		/* All or nothing. */
		w = writer(buf, n + 4);
		w.n = 5;
		http_put_answer(&w, &rows[i].a);
		assert_true(w.overflow);
		assert_int_equal(w.n, 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overflow_is_remembered),
		cmocka_unit_test(fields),
		cmocka_unit_test(request_lines),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
