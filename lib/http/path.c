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

/* Length of the UTF-8 sequence at p, 0 when it is none: RFC 3629 4. */
static size_t utf8_len(const uint8_t *p, size_t n)
{
	static const struct {
		uint8_t first, last; /* of the first byte */
		uint8_t second_from, second_to; /* overlong, surrogates */
		uint8_t len;
	} rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		if (p[0] < rows[r].first || p[0] > rows[r].last)
			continue;
		if (rows[r].len > n)
			return 0;
		if (rows[r].len > 1 &&
		    (p[1] < rows[r].second_from || p[1] > rows[r].second_to))
			return 0;
		for (size_t i = 2; i < rows[r].len; i++)
			if ((p[i] & 0xc0) != 0x80)
				return 0;
		return rows[r].len;
	}
	return 0;
}

static bool is_utf8(struct bytes b)
{
	size_t n;

	for (size_t i = 0; i < b.n; i += n) {
		n = utf8_len(b.p + i, b.n - i);
		if (!n)
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
	if (!segments_ok(out) || encoded_still(out) || !is_utf8(out))
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
