/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_http_path.c - an accepted path has the segments its raw form has, and
 * decoding it again changes nothing; queries and cookies lie within theirs.
 */
#include "fuzz_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(struct bytes b, uint8_t c)
{
	size_t n = 0;

	for (size_t i = 0; i < b.n; i++)
		n += b.p[i] == c;
	return n;
}

static void path(struct bytes in)
{
	char *dst = malloc(in.n + 1), *again;
	struct bytes out;

	if (http_path(in, dst, in.n + 1) != HTTP_OK) {
		free(dst);
		return;
	}
	out = BYTES(dst);
	again = malloc(out.n + 1);
	MUST(out.n && out.n <= in.n);
	MUST(http_path(in, again, out.n) == HTTP_BAD_PATH);
	MUST(http_path(in, again, out.n + 1) == HTTP_OK);
	MUST(count(in, '/') == count(out, '/'));
	MUST(!count(out, '\\') && !count(out, ';') && !count(out, '?') &&
	     !count(out, '#'));
	for (size_t i = 0; i < out.n; i++)
		MUST(out.p[i] >= 0x20 && out.p[i] != 0x7f);
	MUST(!strstr(dst, "//") && !strstr(dst, "/./") && !strstr(dst, "/../"));
	MUST(out.n < 3 || memcmp(dst + out.n - 3, "/..", 3));
	MUST(out.n < 2 || memcmp(dst + out.n - 2, "/.", 2));
	/* A second decoding finds nothing to decode: the path is the same, or
	 * a '%' is left that stands for itself. */
	if (count(out, '%') == 0 && count(in, '%') == 0)
		MUST(bytes_eq(out, in));
	for (size_t i = 0; i + 2 < out.n; i++)
		MUST(dst[i] != '%' || ascii_hex(out.p[i + 1]) < 0 ||
		     ascii_hex(out.p[i + 2]) < 0);
	free(again);
	free(dst);
}

static void query(struct bytes in)
{
	size_t cap = in.n % 64 + 1;
	char *dst = malloc(cap);

	if (http_query_get(in, "User", dst, cap))
		MUST(count(in, '=') && strlen(dst) < cap);
	else
		MUST(!*dst);
	free(dst);
}

static void cookies(struct bytes in)
{
	struct bytes rest = in;
	struct http_cookie c;

	while (http_cookie_next(&rest, &c)) {
		MUST(c.raw.n && fuzz_within(c.raw, in));
		MUST(fuzz_within(c.name, c.raw) && fuzz_within(c.value, c.raw));
		MUST(!count(c.raw, ';'));
		MUST(!rest.n || rest.p > c.raw.p);
	}
	MUST(!rest.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };

	path(in);
	query(in);
	cookies(in);
	http_has_token(in, BYTES("close"));
	return 0;
}
