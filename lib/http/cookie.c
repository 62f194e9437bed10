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
