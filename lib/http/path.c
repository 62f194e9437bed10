/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path.c - decodes a path once, and refuses what a second reader could split
 * otherwise; takes one value out of a query.
 *
 * The class of attack is path confusion: ProxyShell made the front end and the
 * back end disagree about where the path of one URL ends.
 */
#include "http/chars.h"

#define DECODE_BAD (-1)

/* The byte that stands at b.p[*i], which is moved behind it; DECODE_BAD for a
 * '%' without two hexadecimal digits (IIS's "%u0041" among them). */
static int decode(struct bytes b, size_t *i)
{
	uint8_t c = b.p[(*i)++];
	int high, low;

	if (c != '%')
		return c;
	if (b.n - *i < 2)
		return DECODE_BAD;
	high = ascii_hex(b.p[*i]);
	low = ascii_hex(b.p[*i + 1]);
	*i += 2;
	return high < 0 || low < 0 ? DECODE_BAD : high << 4 | low;
}

/* Windows narrows a name to the code page of its machine by what looks alike
 * (best fit), or makes one of what means the same (NFKC). Here is what could
 * become '.', '/', '\' or '%'. `c`: one character, beyond ASCII. */
static bool has_double(struct bytes c)
{
	static const struct bytes doubles[] = {
		BYTES_LIT("\xc2\xa5"), /* U+00A5: '\' in Japan, */
		BYTES_LIT("\xe2\x80\xa4"), /* U+2024, dot leaders */
		BYTES_LIT("\xe2\x80\xa5"), /* U+2025 */
		BYTES_LIT("\xe2\x80\xa6"), /* U+2026 */
		BYTES_LIT("\xe2\x81\x84"), /* U+2044, fraction slash */
		BYTES_LIT("\xe2\x82\xa9"), /* U+20A9: in Korea */
		BYTES_LIT("\xe2\x88\x95"), /* U+2215, division slash */
		BYTES_LIT("\xe2\x88\x96"), /* U+2216, set minus */
		BYTES_LIT("\xef\xb9\x92"), /* U+FE52, small full stop */
		BYTES_LIT("\xef\xb9\xa8"), /* U+FE68, small backslash */
		BYTES_LIT("\xef\xb9\xaa"), /* U+FE6A, small percent sign */
	};

	for (size_t i = 0; i < ARRAY_LEN(doubles); i++)
		if (bytes_eq(c, doubles[i]))
			return true;
	/* U+FF00..U+FF5E: ASCII, wide */
	return c.n == 3 && c.p[0] == 0xef &&
	       (c.p[1] == 0xbc || (c.p[1] == 0xbd && c.p[2] <= 0x9e));
}

/* UTF-8, and every character one that only it can be. */
static bool is_unmistakable(struct bytes b)
{
	for (size_t n; b.n; b = bytes_from(b, n)) {
		n = bytes_utf8(b);
		if (!n || (n > 1 && has_double(bytes_upto(b, n))))
			return false;
	}
	return true;
}

/* Decoded, may this stand in a path? '?' and '#' would move its end, '\' is
 * Windows's '/', ';' begins a parameter that some servers cut off. */
static bool splits(int c)
{
	return c < 0x20 || c == 0x7f || c == '\\' || c == ';' || c == '?' ||
	       c == '#';
}

/* Windows ignores dots and spaces at the end of a name, so a segment of them
 * alone is "." or ".." in disguise, or empty. */
static bool names_itself(struct bytes segment)
{
	for (size_t i = 0; i < segment.n; i++)
		if (segment.p[i] != '.' && segment.p[i] != ' ')
			return true;
	return false;
}

/* Of a decoded path: only the last segment may be empty. */
static bool segments_ok(struct bytes path)
{
	struct bytes rest = bytes_from(path, 1);

	while (rest.n) {
		struct bytes segment = bytes_cut(&rest, '/');

		if (!names_itself(segment))
			return false;
	}
	return true;
}

/* Would decoding once more change it? */
static bool encoded_still(struct bytes b)
{
	for (size_t i = bytes_find(b, '%'); i + 2 < b.n; i++)
		if (b.p[i] == '%' && (ascii_lower(b.p[i + 1]) == 'u' ||
				      (ascii_hex(b.p[i + 1]) >= 0 &&
				       ascii_hex(b.p[i + 2]) >= 0)))
			return true;
	return false;
}

enum http_verdict http_path(struct bytes path, char *dst, size_t cap)
{
	struct bytes out = { (uint8_t *)dst, 0 };

	if (bytes_eq(path, BYTES("*")) && cap > 1) {
		memcpy(dst, "*", 2);
		return HTTP_OK;
	}
	if (!path.n || path.p[0] != '/')
		return HTTP_BAD_PATH;
	for (size_t i = 0; i < path.n;) {
		uint8_t raw = path.p[i];
		int c = decode(path, &i);

		if (c == DECODE_BAD || splits(c) || raw >= 0x80 ||
		    (raw == '%' && c == '/') || out.n + 1 >= cap)
			return HTTP_BAD_PATH;
		dst[out.n++] = (char)c;
	}
	if (!segments_ok(out) || encoded_still(out) || !is_unmistakable(out))
		return HTTP_BAD_PATH;
	dst[out.n] = '\0';
	return HTTP_OK;
}

/* Is `b`, decoded, this name but for case? */
static bool is_named(struct bytes b, const char *name)
{
	for (size_t i = 0; i < b.n; name++) {
		int c = decode(b, &i);

		/* The end of `name` equals no byte but %00, which is refused.
		 */
		if (c <= 0 ||
		    ascii_lower((uint8_t)c) != ascii_lower((uint8_t)*name))
			return false;
	}
	return !*name;
}

static bool decode_value(struct bytes b, char *dst, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < b.n;) {
		int c = decode(b, &i);

		if (c < 0x20 || c == 0x7f || n + 1 >= cap)
			return false;
		dst[n++] = (char)c;
	}
	dst[n] = '\0';
	return true;
}

bool http_query_get(struct bytes query, const char *name, char *dst, size_t cap)
{
	assert(cap);
	dst[0] = '\0';
	while (query.n) {
		struct bytes value = bytes_cut(&query, '&');
		bool has_value = bytes_find(value, '=') < value.n;
		struct bytes key = bytes_cut(&value, '=');

		if (!has_value || !is_named(key, name))
			continue;
		if (decode_value(value, dst, cap))
			return true;
		dst[0] = '\0';
		return false;
	}
	return false;
}
