/* SPDX-License-Identifier: BSD-3-Clause */
/* test_http_head.c - heads: found, parsed, refused. RFC 9112, 9110. */
#include "http_rows.h"

#include <ctype.h>

#define ASK "GET / HTTP/1.1\r\nHost: mail.contoso.com\r\n"

static void check(const struct row *rows, size_t n, bool response)
{
	for (size_t i = 0; i < n; i++) {
		enum http_verdict v =
			judge(&rows[i], response, &http_default_limits);

		if (v != rows[i].verdict)
			fail_msg("row %zu: %s, not %s: %s", i,
				 http_verdict_name(v),
				 http_verdict_name(rows[i].verdict),
				 rows[i].text);
	}
}

static void request_lines(void **state)
{
	static const struct row rows[] = {
		ROW(HTTP_OK, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		ROW(HTTP_OK, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		ROW(HTTP_OK, "GET / HTTP/1.0\r\n\r\n"),
		ROW(HTTP_OK, "!#$%&'*+-.^_`|~9aZ / HTTP/1.0\r\n\r\n"),
		ROW(HTTP_OK, "RPC_IN_DATA /rpc/rpcproxy.dll?ex01:6001 "
			     "HTTP/1.1\r\nHost: a\r\n\r\n"),
		ROW(HTTP_OK, "POST /Microsoft-Server-ActiveSync?User=C\\a"
			     "{<b>}|^`\" HTTP/1.0\r\n\r\n"),
		ROW(HTTP_OK, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
		/* RFC 9112 2.2: one empty line before it, not two */
		ROW(HTTP_BAD_LINE, "\r\n\r\nGET / HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "GET /\r\n\r\n"), /* HTTP/0.9 */
		ROW(HTTP_BAD_LINE, "GET\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "GET  / HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "GET /  HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "GET / HTTP/1.0 \r\n\r\n"),
		ROW(HTTP_BAD_LINE, "GET /a b HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "GET / http/1.0\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "GET / HTTP/1.10\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "GET / HTTP/1\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "GET / HTTPS/1.\r\n\r\n"),
		ROW(HTTP_BAD_VERSION, "GET / HTTP/1.2\r\n\r\n"),
		ROW(HTTP_BAD_VERSION, "GET / HTTP/0.9\r\n\r\n"),
		ROW(HTTP_BAD_VERSION, "GET / HTTP/3.0\r\n\r\n"),
		ROW(HTTP_BAD_VERSION, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		ROW(HTTP_BAD_METHOD, " GET / HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_METHOD, "G(T / HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_METHOD, "G\xc3\x84T / HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_METHOD, "GET\t/ HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "GET /\t HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "GET a HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "GET * HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "OPTIONS *a HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "GET ?a HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "GET /a#b HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "GET /\xc3\xa4 HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "GET /?\xff HTTP/1.0\r\n\r\n"),
		/* authority form, and CONNECT in any form */
		ROW(HTTP_BAD_TARGET, "CONNECT a:443 HTTP/1.1\r\nHost: a:443"
				     "\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"),
		ROW(HTTP_BAD_TARGET, "GET a:443 HTTP/1.1\r\nHost: a:443"
				     "\r\n\r\n"),
		ROW(HTTP_BAD_NUL, "GET /\0 HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_NUL, "\x16\x03\x01\x02"), /* TLS */
		ROW(HTTP_BAD_NUL, "GET /\x7f"),
		ROW(HTTP_BAD_NEWLINE, "GET / HTTP/1.0\n\n"),
		ROW(HTTP_BAD_NEWLINE, "\nGET / HTTP/1.0\r\n\r\n"),
		ROW(HTTP_BAD_NEWLINE, "GET / HTTP/1.0\r\r\n\r\n"),
		ROW(HTTP_BAD_NEWLINE, "GET / HTTP/1.0\rX\r\n\r\n"),
		ROW(HTTP_BAD_NEWLINE, "GET / HTTP/1.0\r\nA: b\r\n\n"),
		ROW(HTTP_MORE, ""),
		ROW(HTTP_MORE, "\r"),
		ROW(HTTP_MORE, "\r\n"),
		ROW(HTTP_MORE, "GET / HTTP/1.0\r\n"),
		ROW(HTTP_MORE, "GET / HTTP/1.0\r\n\r"),
	};

	check(rows, ARRAY_LEN(rows), false);
}

static void field_lines(void **state)
{
	static const struct row rows[] = {
		ROW(HTTP_OK, ASK "A:\r\n\r\n"),
		ROW(HTTP_OK, ASK "A:b\r\n\r\n"),
		ROW(HTTP_OK, ASK "A: \t b \t c \t\r\n\r\n"),
		ROW(HTTP_OK, ASK "A: \x80\xff\r\n\r\n"), /* obs-text */
		ROW(HTTP_OK, ASK "A_b: c\r\n\r\n"),
		ROW(HTTP_OK, ASK "!#$%&'*+-.^_`|~9aZ: c\r\n\r\n"),
		ROW(HTTP_BAD_FOLD, ASK "A: b\r\n c\r\n\r\n"),
		ROW(HTTP_BAD_FOLD, ASK "A: b\r\n\tc\r\n\r\n"),
		ROW(HTTP_BAD_FOLD, "GET / HTTP/1.0\r\n A: b\r\n\r\n"),
		ROW(HTTP_BAD_FOLD, ASK "A: b\r\n \r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "A : b\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "A\t: b\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK ": b\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "A\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "A b: c\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "A\x80: c\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "A(b): c\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "\"A\": c\r\n\r\n"),
		/* CGI reads '_' as '-' */
		ROW(HTTP_BAD_FIELD, ASK "Content_Length: 5\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "transfer_encoding: chunked\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "X-Forwarded_For: ::1\r\n\r\n"),
		ROW(HTTP_BAD_NUL, ASK "A: b\0c\r\n\r\n"),
		ROW(HTTP_BAD_NUL, ASK "A\0: b\r\n\r\n"),
		ROW(HTTP_BAD_NUL, ASK "A: \x01\r\n\r\n"),
		ROW(HTTP_BAD_NUL, ASK "A: \x1b[0m\r\n\r\n"),
		ROW(HTTP_BAD_NUL, ASK "A: \x7f\r\n\r\n"),
		ROW(HTTP_BAD_NUL, ASK "A: b\x0b\r\n\r\n"),
		ROW(HTTP_BAD_NEWLINE, ASK "A: b\nHost: c\r\n\r\n"),
		ROW(HTTP_BAD_NEWLINE, ASK "A: b\rHost: c\r\n\r\n"),
		ROW(HTTP_BAD_NEWLINE, ASK "A: b\r\r\n\r\n"),
	};

	check(rows, ARRAY_LEN(rows), false);
}

/* Every byte, at every place of a machine word, in a value and in a name. */
static void every_byte(void **state)
{
	static const char tchars[] = "!#$%&'*+-.^_`|~";

	for (unsigned at = 0; at < 16; at++) {
		for (unsigned c = 0; c < 256; c++) {
			char text[] = ASK "A: 0123456789abcdefghijklmn\r\n"
					  "0123456789abcdefghijklmn: b\r\n\r\n";
			struct row r = { HTTP_OK, text, sizeof(text) - 1 };
			char *value = strstr(text, "01"), *name;
			bool control = c < 0x20 || c == 0x7f;
			enum http_verdict v;

			name = strstr(value, "\n01") + 1;
			value[at] = (char)c;
			v = judge(&r, false, &http_default_limits);
			assert_int_equal(
				v, c == '\r' || c == '\n' ? HTTP_BAD_NEWLINE
				   : control && c != '\t' ? HTTP_BAD_NUL
							  : HTTP_OK);
			value[at] = 'x';
			name[at + 1] = (char)c;
			v = judge(&r, false, &http_default_limits);
			assert_int_equal(v == HTTP_OK,
					 c == ':' ||
						 (c && c < 128 &&
						  (isalnum((int)c) ||
						   strchr(tchars, (int)c))));
		}
	}
}

static void hosts(void **state)
{
	static const struct {
		const char *host; /* NULL: no Host */
		bool ok;
		const char *name;
		unsigned port;
	} rows[] = {
		{ "mail.contoso.com", true, "mail.contoso.com", 0 },
		{ "mail.contoso.com.", true, "mail.contoso.com.", 0 },
		{ "EX_01:443", true, "EX_01", 443 },
		{ "192.0.2.1:65535", true, "192.0.2.1", 65535 },
		{ "[::1]", true, "[::1]", 0 },
		{ "[2001:DB8::1]:8443", true, "[2001:DB8::1]", 8443 },
		{ "[::ffff:192.0.2.1]", true, "[::ffff:192.0.2.1]", 0 },
		{ NULL, false },
		{ "", false },
		{ ":443", false },
		{ "a:", false },
		{ "a:0", false },
		{ "a:65536", false },
		{ "a:000443", false },
		{ "a:18446744073709552059", false },
		{ "a:+1", false },
		{ "a:4 4", false },
		{ "a:http", false },
		{ "a:1:2", false },
		{ "a b", false },
		{ "a,b", false },
		{ "a/b", false },
		{ "a?b", false },
		{ "a#b", false },
		{ "a@b", false },
		{ "a\\b", false },
		{ "a%62", false },
		{ "a\tb", false },
		{ "m\xc3\xa4il", false },
		{ "<a>", false },
		{ "a;b", false },
		{ "a..b", false },
		{ ".a", false },
		{ "::1", false },
		{ "[::1", false },
		{ "[::1]a", false },
		{ "[::1]:", false },
		{ "[::1%25eth0]", false },
		{ "[::g]", false },
		{ "[]", false },
		{ "[", false },
		{ "[a.b]", false },
		{ "[192.0.2.1]", false },
		{ "[v1.a]", false },
		{ "a[::1]", false },
		{ "a.b]", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];
		int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s%s%s",
				 rows[i].host ? "Host: " : "",
				 rows[i].host ? rows[i].host : "A: b",
				 "\r\n\r\n");
		struct row r = { HTTP_OK, text, (size_t)n };
		enum http_verdict v = judge(&r, false, &http_default_limits);

		if (v != (rows[i].ok ? HTTP_OK : HTTP_BAD_HOST))
			fail_msg("Host: %s: %s", rows[i].host,
				 http_verdict_name(v));
		if (v != HTTP_OK)
			continue;
		assert_true(bytes_eq(head.host, BYTES(rows[i].name)));
		assert_int_equal(head.port, rows[i].port);
	}
}

static void long_hosts(void **state)
{
	char text[512];

	for (int len = 255; len <= 256; len++) {
		struct row r = { HTTP_OK, text, 0 };

		r.n = (size_t)snprintf(text, sizeof(text),
				       "GET / HTTP/1.1\r\nHost: %0*d\r\n\r\n",
				       len, 0);
		assert_int_equal(judge(&r, false, &http_default_limits),
				 len == 255 ? HTTP_OK : HTTP_BAD_HOST);
	}
}

#define ABS(verdict, target, host)                                             \
	ROW(verdict, "GET " target " HTTP/1.1\r\nHost: " host "\r\n\r\n")

static void whose_host(void **state)
{
	static const struct row rows[] = {
		/* RFC 9112 3.2: one and only one, on 1.0 none will do */
		ROW(HTTP_BAD_HOST, "GET / HTTP/1.1\r\n\r\n"),
		ROW(HTTP_OK, "GET / HTTP/1.0\r\nHost:\r\n\r\n"),
		ROW(HTTP_BAD_HOST, "GET / HTTP/1.0\r\nHost: a b\r\n\r\n"),
		ROW(HTTP_BAD_HOST, ASK "Host: mail.contoso.com\r\n\r\n"),
		ROW(HTTP_BAD_HOST, ASK "A: b\r\nhost: evil\r\n\r\n"),
		ROW(HTTP_BAD_HOST,
		    "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
		/* RFC 9112 3.2.2 */
		ABS(HTTP_OK, "http://a/b?c", "a"),
		ABS(HTTP_OK, "HTTPS://A/", "a"),
		ABS(HTTP_OK, "https://a:443/", "a"),
		ABS(HTTP_OK, "https://a/", "a:443"),
		ABS(HTTP_OK, "http://a:80/", "a"),
		ABS(HTTP_OK, "http://[::1]:81/", "[::1]:81"),
		ABS(HTTP_OK, "http://a", "a"),
		ABS(HTTP_OK, "http://a?b=/@", "a"),
		ROW(HTTP_OK, "GET http://a/ HTTP/1.0\r\n\r\n"),
		ROW(HTTP_HOST_CONFLICT,
		    "GET http://a/ HTTP/1.0\r\nHost:\r\n\r\n"),
		ABS(HTTP_HOST_CONFLICT, "http://a/", "b"),
		ABS(HTTP_HOST_CONFLICT, "http://a:443/", "a"),
		ABS(HTTP_HOST_CONFLICT, "http://a/", "a:443"),
		ABS(HTTP_HOST_CONFLICT, "https://a:80/", "a"),
		ABS(HTTP_HOST_CONFLICT, "http://a/", "a."),
		ABS(HTTP_BAD_HOST, "http://a/", ""),
		ABS(HTTP_BAD_TARGET, "http://a@b/", "b"),
		ABS(HTTP_BAD_TARGET, "http://a:b@c/", "c"),
		ABS(HTTP_BAD_TARGET, "http:///", "a"),
		ABS(HTTP_BAD_TARGET, "http://:80/", "a"),
		ABS(HTTP_BAD_TARGET, "http://a:/", "a"),
		ABS(HTTP_BAD_TARGET, "http://a\\b/", "a"),
		ABS(HTTP_BAD_TARGET, "http://a:99999/", "a:99999"),
		ABS(HTTP_BAD_TARGET, "http:/a/", "a"),
		ABS(HTTP_BAD_TARGET, "http:a", "a"),
		ABS(HTTP_BAD_TARGET, "http", "a"),
		ABS(HTTP_BAD_TARGET, "http:", "a"),
		ABS(HTTP_BAD_TARGET, "ftp://a/", "a"),
		ABS(HTTP_BAD_TARGET, "httpx://a/", "a"),
		ABS(HTTP_BAD_TARGET, "://a/", "a"),
	};

	check(rows, ARRAY_LEN(rows), false);
}

static void request_framing(void **state)
{
	static const struct row rows[] = {
		ROW(HTTP_OK, ASK "Content-Length: 0\r\n\r\n"),
		ROW(HTTP_OK, ASK "Content-Length: 007\r\n\r\n"),
		ROW(HTTP_OK, ASK "Content-Length: 1073741824\r\n\r\n"),
		ROW(HTTP_OK, ASK "Content-Length: 9223372036854775807\r\n\r\n"),
		ROW(HTTP_OK, ASK "Transfer-Encoding: chunked\r\n\r\n"),
		ROW(HTTP_OK, ASK "Transfer-encoding:\tCHUNKED \r\n\r\n"),
		ROW(HTTP_OK, "GET / HTTP/1.0\r\nContent-Length: 5\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH,
		    ASK "Content-Length: 9223372036854775808\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH,
		    ASK "Content-Length: 18446744073709551621\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH,
		    ASK "Content-Length: 00000000000000000005\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length:\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: +5\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: -5\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: 5 5\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: 0x5\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: 5a\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: 5.0\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: \"5\"\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: 5, 5\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: 5,\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: 5\r\n"
					 "Content-Length: 6\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: 5\r\n"
					 "content-length: 5\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, ASK "Content-Length: 5\r\nA: b\r\n"
					 "CONTENT-LENGTH:\r\n\r\n"),
		ROW(HTTP_TE_AND_LENGTH, ASK "Content-Length: 5\r\n"
					    "Transfer-Encoding: chunked\r\n"
					    "\r\n"),
		ROW(HTTP_TE_AND_LENGTH, ASK "Transfer-Encoding: identity\r\n"
					    "Content-Length: 5\r\n\r\n"),
		ROW(HTTP_TE_ON_10, "GET / HTTP/1.0\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"),
		ROW(HTTP_TE_ON_10, "GET / HTTP/1.0\r\nContent-Length: 5\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding:\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: identity\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: gzip\r\n\r\n"),
		ROW(HTTP_BAD_TE,
		    ASK "Transfer-Encoding: gzip, chunked\r\n\r\n"),
		ROW(HTTP_BAD_TE,
		    ASK "Transfer-Encoding: chunked, chunked\r\n\r\n"),
		ROW(HTTP_BAD_TE,
		    ASK "Transfer-Encoding: chunked, identity\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: chunked,\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: ,chunked\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: xchunked\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: chunked;a\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: \"chunked\"\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: chunked\xa0\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: chunked\r\n"
				     "Transfer-Encoding: chunked\r\n\r\n"),
		ROW(HTTP_BAD_TE, ASK "Transfer-Encoding: chunked\r\n"
				     "transfer-encoding: identity\r\n\r\n"),
		ROW(HTTP_BAD_NUL, ASK "Transfer-Encoding: chunked\x0b\r\n\r\n"),
		ROW(HTTP_BAD_NUL, ASK "Transfer-Encoding: \x0b"
				      "chunked\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, ASK "Transfer-Encoding : chunked\r\n\r\n"),
	};

	check(rows, ARRAY_LEN(rows), false);
}

static void response_heads(void **state)
{
	static const struct row rows[] = {
		ROW(HTTP_OK, "HTTP/1.1 200 OK\r\n\r\n"),
		ROW(HTTP_OK, "HTTP/1.1 200 Success\r\n\r\n"),
		ROW(HTTP_OK, "HTTP/1.0 503 RPC Error: 6ba, EEInfo: QQ==\r\n"
			     "\r\n"),
		ROW(HTTP_OK, "HTTP/1.1 200 \r\n\r\n"),
		ROW(HTTP_OK, "HTTP/1.1 200\r\n\r\n"),
		ROW(HTTP_OK, "HTTP/1.1 999 \xe4\t(!)\r\n\r\n"),
		ROW(HTTP_OK, "HTTP/1.1 204 No Content\r\n"
			     "Content-Length: 0\r\n\r\n"),
		ROW(HTTP_OK, "HTTP/1.1 304 Not Modified\r\n"
			     "Content-Length: 9\r\n\r\n"),
		ROW(HTTP_OK, "HTTP/1.1 200 OK\r\nHost: a b\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "\r\nHTTP/1.1 200 OK\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "HTTP/1.1\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "HTTP/1.1 \r\n\r\n"),
		ROW(HTTP_BAD_LINE, "HTTP/1.1  200 OK\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "HTTP/1.1 20 OK\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "HTTP/1.1 2000 OK\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "HTTP/1.1 +20 OK\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "HTTP/1.1 0x2 OK\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "HTTP/1.1 099 OK\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "HTTP/1.1\t200 OK\r\n\r\n"),
		ROW(HTTP_BAD_LINE, "ICY 200 OK\r\n\r\n"),
		ROW(HTTP_BAD_VERSION, "HTTP/2.0 200 OK\r\n\r\n"),
		ROW(HTTP_BAD_NUL, "HTTP/1.1 200 O\x01\r\n\r\n"),
		ROW(HTTP_BAD_NEWLINE, "HTTP/1.1 200 OK\n\n"),
		ROW(HTTP_BAD_FOLD, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
		ROW(HTTP_BAD_FIELD, "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
				     "Content-Length: 5\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH,
		    "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH,
		    "HTTP/1.1 304 OK\r\nContent-Length: -1\r\n\r\n"),
		ROW(HTTP_TE_AND_LENGTH,
		    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n"),
		ROW(HTTP_TE_ON_10, "HTTP/1.0 200 OK\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"),
		ROW(HTTP_BAD_TE, "HTTP/1.1 200 OK\r\n"
				 "Transfer-Encoding: gzip\r\n\r\n"),
		/* RFC 9112 6.1, RFC 9110 8.6: nothing to frame */
		ROW(HTTP_BAD_TE, "HTTP/1.1 204 No Content\r\n"
				 "Transfer-Encoding: chunked\r\n\r\n"),
		ROW(HTTP_BAD_TE, "HTTP/1.1 100 Continue\r\n"
				 "Transfer-Encoding: chunked\r\n\r\n"),
		ROW(HTTP_BAD_LENGTH, "HTTP/1.1 101 Switching Protocols\r\n"
				     "Content-Length: 5\r\n\r\n"),
	};

	check(rows, ARRAY_LEN(rows), true);
}

/* RFC 9112 6.3 */
static void response_framing(void **state)
{
	static const struct {
		const char *line, *fields;
		bool to_head;
		enum http_framing framing;
		uint64_t length;
		bool keep_alive;
	} rows[] = {
		{ "HTTP/1.1 200 Success", "Content-Length: 1073741824\r\n",
		  false, HTTP_LENGTH, 1 << 30, true },
		{ "HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", false,
		  HTTP_CHUNKED, 0, true },
		{ "HTTP/1.1 200 OK", "", false, HTTP_UNTIL_CLOSE, 0, false },
		{ "HTTP/1.1 200 OK", "Connection: keep-alive\r\n", false,
		  HTTP_UNTIL_CLOSE, 0, false },
		{ "HTTP/1.0 503 RPC Error: 6ba", "", false, HTTP_UNTIL_CLOSE, 0,
		  false },
		{ "HTTP/1.0 200 OK", "Content-Length: 5\r\n", false,
		  HTTP_LENGTH, 5, false },
		{ "HTTP/1.0 200 OK",
		  "Content-Length: 5\r\nConnection: Keep-Alive\r\n", false,
		  HTTP_LENGTH, 5, true },
		{ "HTTP/1.1 401 Unauthorized", "Content-Length: 0\r\n", false,
		  HTTP_LENGTH, 0, true },
		{ "HTTP/1.1 200 OK", "Content-Length: 5\r\n", true,
		  HTTP_NO_BODY, 0, true },
		{ "HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", true,
		  HTTP_NO_BODY, 0, true },
		{ "HTTP/1.1 200 OK", "", true, HTTP_NO_BODY, 0, true },
		{ "HTTP/1.1 100 Continue", "", false, HTTP_NO_BODY, 0, true },
		{ "HTTP/1.1 204 No Content", "", false, HTTP_NO_BODY, 0, true },
		{ "HTTP/1.1 304 Not Modified", "Content-Length: 5\r\n", false,
		  HTTP_NO_BODY, 0, true },
		{ "HTTP/1.1 304 Not Modified", "Transfer-Encoding: chunked\r\n",
		  false, HTTP_NO_BODY, 0, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];
		int n = snprintf(text, sizeof(text), "%s\r\n%s\r\n",
				 rows[i].line, rows[i].fields);

		assert_int_equal(
			http_parse_response(
				(struct bytes){ (uint8_t *)text, (size_t)n },
				rows[i].to_head, &http_default_limits, &head),
			HTTP_OK);
		assert_int_equal(head.framing, rows[i].framing);
		assert_int_equal(head.length, rows[i].length);
		assert_int_equal(head.keep_alive, rows[i].keep_alive);
	}
}

/* RFC 9112 9.3, RFC 9110 10.1.1 */
static void connections(void **state)
{
	static const struct {
		const char *version, *fields;
		bool keep_alive, expect;
	} rows[] = {
		{ "1.1", "", true, false },
		{ "1.0", "", false, false },
		{ "1.0", "Connection: keep-alive\r\n", true, false },
		{ "1.0", "Connection: a, Keep-ALIVE ,b\r\n", true, false },
		{ "1.0", "Connection: a\r\nConnection: keep-alive\r\n", true,
		  false },
		{ "1.0", "Connection: keep-alive\r\nConnection: close\r\n",
		  false, false },
		{ "1.0", "Proxy-Connection: keep-alive\r\n", false, false },
		{ "1.0", "Connection: keep-alive-not\r\n", false, false },
		{ "1.1", "Connection: close\r\n", false, false },
		{ "1.1", "connection: Upgrade,CLOSE\r\n", false, false },
		{ "1.1", "Connection: a\r\nB: c\r\nConnection:, close,\r\n",
		  false, false },
		{ "1.1", "Connection: closed\r\n", true, false },
		{ "1.1", "Connection: a\r\nB: close\r\n", true, false },
		{ "1.1", "Connection:\r\n", true, false },
		{ "1.1", "Expect: 100-continue\r\n", true, true },
		{ "1.1", "Expect: 100-Continue\r\n", true, true },
		{ "1.1", "Expect: 200-ok\r\n", true, false },
		{ "1.1", "Expect: 100-continued\r\n", true, false },
		{ "1.0", "Expect: 100-continue\r\n", false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];
		int n = snprintf(text, sizeof(text),
				 "RPC_OUT_DATA / HTTP/%s\r\nHost: a\r\n%s\r\n",
				 rows[i].version, rows[i].fields);
		struct row r = { HTTP_OK, text, (size_t)n };

		assert_int_equal(judge(&r, false, &http_default_limits),
				 HTTP_OK);
		assert_int_equal(head.keep_alive, rows[i].keep_alive);
		assert_int_equal(head.expect_continue, rows[i].expect);
	}
}

static void targets(void **state)
{
	static const struct {
		const char *method, *target;
		const char *scheme, *authority, *path, *query; /* NULL: none */
	} rows[] = {
		{ "GET", "/", "", "", "/", NULL },
		{ "GET", "/a?", "", "", "/a", "" },
		{ "GET", "/a?b?c/d", "", "", "/a", "b?c/d" },
		{ "GET", "//b/c", "", "", "//b/c", NULL },
		{ "RPC_IN_DATA",
		  "/rpc/rpcproxy.dll?80d0a577-1@contoso.com:6001&a=b", "", "",
		  "/rpc/rpcproxy.dll", "80d0a577-1@contoso.com:6001&a=b" },
		{ "OPTIONS", "*", "", "", "*", NULL },
		{ "GET", "http://a:80/b?c", "http", "a:80", "/b", "c" },
		{ "GET", "http://a:80", "http", "a:80", "/", NULL },
		{ "GET", "http://a:80?c", "http", "a:80", "/", "c" },
		{ "OPTIONS", "http://a:80", "http", "a:80", "*", NULL },
		{ "OPTIONS", "http://a:80/", "http", "a:80", "/", NULL },
		{ "OPTIONS", "http://a:80?", "http", "a:80", "/", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];
		int n = snprintf(text, sizeof(text),
				 "%s %s HTTP/1.1\r\nHost: a:80\r\n\r\n",
				 rows[i].method, rows[i].target);
		struct row r = { HTTP_OK, text, (size_t)n };

		assert_int_equal(judge(&r, false, &http_default_limits),
				 HTTP_OK);
		assert_true(bytes_eq(head.method, BYTES(rows[i].method)));
		assert_true(bytes_eq(head.target, BYTES(rows[i].target)));
		assert_true(bytes_eq(head.scheme, BYTES(rows[i].scheme)));
		assert_true(bytes_eq(head.authority, BYTES(rows[i].authority)));
		assert_true(bytes_eq(head.path, BYTES(rows[i].path)));
		assert_int_equal(head.has_query, rows[i].query != NULL);
		if (rows[i].query)
			assert_true(bytes_eq(head.query, BYTES(rows[i].query)));
	}
}

/* Case, order and repetition are what the sender chose; only OWS is cut. */
static void fields_as_they_came(void **state)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nhOsT: a\r\nX-b:  1 2\t\r\n"
		"cookie: c=d\r\nX-B:\r\nCOOKIE: e=f\r\n"
		"X-AnchorMailbox: alice@contoso.com\r\n\r\n";
	static const char *const names[] = {
		"hOsT", "X-b", "cookie", "X-B", "COOKIE", "X-AnchorMailbox"
	};
	static const char *const values[] = { "a", "1 2", "c=d",
					      "",  "e=f", "alice@contoso.com" };
	struct bytes in = { (const uint8_t *)text, sizeof(text) - 1 };

	assert_int_equal(parse(in, false, &http_default_limits), HTTP_OK);
	assert_int_equal(head.n, ARRAY_LEN(names));
	for (unsigned i = 0; i < head.n; i++) {
		assert_true(bytes_eq(head.field[i].name, BYTES(names[i])));
		assert_true(bytes_eq(head.field[i].value, BYTES(values[i])));
	}
	assert_ptr_equal(http_find(&head, HTTP_HOST), &head.field[0]);
	assert_ptr_equal(http_find(&head, HTTP_COOKIE), &head.field[2]);
	assert_int_equal(head.field[4].known, HTTP_COOKIE);
	assert_ptr_equal(http_find(&head, HTTP_X_ANCHOR_MAILBOX),
			 &head.field[5]);
	assert_null(http_find(&head, HTTP_TE));
	assert_ptr_equal(http_find_name(&head, BYTES("x-B")), &head.field[1]);
	assert_null(http_find_name(&head, BYTES("x-bb")));
}

static void known_names(void **state)
{
	static const char *const names[HTTP_KNOWN_COUNT] = {
#define X(id, name) [id] = name,
		HTTP_KNOWN(X)
#undef X
	};
	/* RFC 9110 7.6.1; a header that Connection merely names is none */
	static const enum http_known hop[] = {
		HTTP_CONNECTION,
		HTTP_KEEP_ALIVE,
		HTTP_PROXY_CONNECTION,
		HTTP_PROXY_AUTHENTICATE,
		HTTP_PROXY_AUTHORIZATION,
		HTTP_TE,
		HTTP_UPGRADE,
		HTTP_HTTP2_SETTINGS,
		HTTP_TRANSFER_ENCODING,
	};

	for (unsigned k = HTTP_OTHER + 1; k < HTTP_KNOWN_COUNT; k++) {
		for (int how = 0; how < 4; how++) {
			char text[128], name[64];
			bool is_hop = false;

			snprintf(name, sizeof(name), "%s", names[k]);
			for (char *p = name; *p; p++)
				*p = how == 1 ? (char)(*p | 0x20) : *p;
			/* one letter amiss, in the middle: another name */
			if (how == 2)
				name[strlen(name) - 2] = '$';
			if (how == 3)
				strcat(name, "x");
			snprintf(text, sizeof(text),
				 "HTTP/1.1 200 OK\r\n%s: chunked\r\n\r\n",
				 name);
			if (k != HTTP_CONTENT_LENGTH || how > 1)
				assert_int_equal(parse(BYTES(text), true,
						       &http_default_limits),
						 HTTP_OK);
			else
				parse(BYTES(text), true, &http_default_limits);
			assert_int_equal(head.field[0].known,
					 how < 2 ? k : HTTP_OTHER);
			for (size_t i = 0; i < ARRAY_LEN(hop); i++)
				is_hop |= how < 2 && hop[i] == k;
			assert_int_equal(http_hop_by_hop(&head.field[0]),
					 is_hop);
		}
	}
}

static void tokens(void **state)
{
	static const struct {
		const char *list, *token;
		bool has;
	} rows[] = {
		{ "close", "close", true },    { "a, CLOSE ,b", "close", true },
		{ ",,close", "close", true },  { "close,", "close", true },
		{ "", "close", false },	       { ",", "close", false },
		{ "closed", "close", false },  { "clos", "close", false },
		{ "a close", "close", false }, { "close;q=1", "close", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(http_has_token(BYTES(rows[i].list),
						BYTES(rows[i].token)),
				 rows[i].has);
	assert_true(
		http_name_like(BYTES("X_beResource"), BYTES("X-BEResource")));
	assert_false(
		http_name_like(BYTES("XBEResource"), BYTES("X-BEResource")));
	assert_false(
		http_name_like(BYTES("X.BEResource"), BYTES("X-BEResource")));
}

static void verdicts(void **state)
{
	for (unsigned v = 0; v < HTTP_VERDICT_COUNT; v++) {
		unsigned status = http_verdict_status((enum http_verdict)v);

		for (unsigned w = 0; w < v; w++)
			assert_string_not_equal(
				http_verdict_name((enum http_verdict)v),
				http_verdict_name((enum http_verdict)w));
		assert_true(*http_verdict_words((enum http_verdict)v));
		if (v > HTTP_MORE)
			assert_true(*http_reason(status));
	}
	assert_int_equal(http_verdict_status(HTTP_BAD_VERSION), 505);
	assert_string_equal(http_reason(421), "Misdirected Request");
	assert_string_equal(http_reason(299), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_lines),
		cmocka_unit_test(field_lines),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(hosts),
		cmocka_unit_test(long_hosts),
		cmocka_unit_test(whose_host),
		cmocka_unit_test(request_framing),
		cmocka_unit_test(response_heads),
		cmocka_unit_test(response_framing),
		cmocka_unit_test(connections),
		cmocka_unit_test(targets),
		cmocka_unit_test(fields_as_they_came),
		cmocka_unit_test(known_names),
		cmocka_unit_test(tokens),
		cmocka_unit_test(verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
