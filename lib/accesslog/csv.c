/* SPDX-License-Identifier: BSD-3-Clause */
/* csv.c - one field that its text cannot break out of. */
#include "accesslog/accesslog.h"

static void put(struct accesslog_out *o, const void *p, size_t n)
{
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

/* Characters that a terminal or an editor acts upon instead of showing them:
 * U+0080..9F, U+200B..200F, U+2028..202E, U+2060..206F, U+FEFF. */
static bool acts(const uint8_t *p, size_t n)
{
	if (n == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (n != 3)
		return false;
	if (p[0] == 0xe2 && p[1] == 0x80)
		return (p[2] >= 0x8b && p[2] <= 0x8f) ||
		       (p[2] >= 0xa8 && p[2] <= 0xae);
	if (p[0] == 0xe2 && p[1] == 0x81)
		return p[2] >= 0xa0 && p[2] <= 0xaf;
	return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf;
}

/* Length of the character at the front that may stand as it is, or 0. */
static size_t plain(struct bytes text)
{
	size_t n = bytes_utf8(text);

	if (n == 1 && (text.p[0] < 0x20 || text.p[0] == 0x7f))
		return 0;
	return n && !acts(text.p, n) ? n : 0;
}

static bool needs_quotes(struct bytes text)
{
	if (!text.n)
		return false;
	return text.p[0] == ' ' || text.p[text.n - 1] == ' ' ||
	       memchr(text.p, ',', text.n) || memchr(text.p, '"', text.n);
}

static bool is_formula(struct bytes text)
{
	while (text.n && text.p[0] == ' ')
		text = bytes_from(text, 1);
	return text.n && memchr("=+-@", text.p[0], 4);
}

/* Kept free for the commas of all columns to come. */
#define SPARE 512

void accesslog_field(struct accesslog_out *o, struct bytes text)
{
	static const char hex[] = "0123456789abcdef";
	bool quotes = needs_quotes(text);

	assert(o->n + 8 <= o->cap);
	if (o->begun)
		put(o, ",", 1);
	o->begun = true;
	if (quotes)
		put(o, "\"", 1);
	if (is_formula(text))
		put(o, "'", 1);
	while (text.n && o->n + SPARE < o->cap) {
		size_t n = plain(text);

		if (text.p[0] == '"')
			put(o, "\"", 1);
		if (n) {
			put(o, text.p, n);
		} else {
			size_t bad = bytes_utf8(text);

			for (size_t i = n = 0; i < (bad ? bad : 1); i++, n++)
				put(o,
				    (char[]){ '\\', 'x', hex[text.p[i] >> 4],
					      hex[text.p[i] & 15] },
				    4);
		}
		text = bytes_from(text, n);
	}
	if (quotes)
		put(o, "\"", 1);
}
