/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cookie.c - the cookies of a Cookie header, one by one.
 *
 * RFC 6265 4.2.1 says what clients should send; this reads what a server
 * might make of anything else, since its purpose is to take cookies out that
 * the server must not see.
 */
#include "http/chars.h"

/* ASP.NET trims every white space of Unicode off a name (U+00A0 for one), so
 * whatever is no token byte is no part of the name that is looked for. */
static struct bytes trim_to_token(struct bytes b)
{
	while (b.n && !ch_is(b.p[0], CH_TOKEN))
		b = bytes_from(b, 1);
	while (b.n && !ch_is(b.p[b.n - 1], CH_TOKEN))
		b.n--;
	return b;
}

bool http_cookie_next(struct bytes *rest, struct http_cookie *c)
{
	while (rest->n) {
		struct bytes raw = bytes_trim(bytes_cut(rest, ';'));
		struct bytes value = raw;

		if (!raw.n)
			continue;
		c->raw = raw;
		c->name = trim_to_token(bytes_cut(&value, '='));
		c->value = bytes_trim(value);
		return true;
	}
	return false;
}

/* A server that splits at ',' as well (RFC 2109) finds names in between. */
static bool is_hostile(struct bytes raw, bool (*hostile)(struct bytes name))
{
	while (raw.n) {
		struct bytes piece = bytes_cut(&raw, ',');

		if (hostile(trim_to_token(bytes_cut(&piece, '='))))
			return true;
	}
	return false;
}

void http_put_cookies(struct bytes_writer *w, const struct http_field *f,
		      bool (*hostile)(struct bytes name))
{
	struct bytes rest = f->value;
	struct http_cookie c;
	bool first = true;

	while (http_cookie_next(&rest, &c)) {
		if (is_hostile(c.raw, hostile))
			continue;
		if (first)
			bytes_put(w, f->name);
		bytes_puts(w, first ? ": " : "; ");
		bytes_put(w, c.raw);
		first = false;
	}
	if (!first)
		bytes_puts(w, "\r\n");
}
