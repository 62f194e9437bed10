/* SPDX-License-Identifier: BSD-3-Clause */
/* challenge.c - the challenges of a WWW-Authenticate value, one by one. */
#include "http/chars.h"

/* Up to the next comma that is not within quotes; takes the comma too. */
static struct bytes cut_element(struct bytes *rest)
{
	struct bytes all = *rest;
	bool quoted = false;
	size_t i = 0;

	for (; i < all.n && (quoted || all.p[i] != ','); i++) {
		if (all.p[i] == '"')
			quoted = !quoted;
		else if (quoted && all.p[i] == '\\' && i + 1 < all.n)
			i++;
	}
	*rest = bytes_from(all, i + 1);
	return bytes_trim(bytes_upto(all, i));
}

/* Empty for a parameter, "name=value", blanks around the '=' or not. */
static struct bytes scheme_of(struct bytes element)
{
	size_t n = 0;
	struct bytes behind;

	while (n < element.n && ch_is(element.p[n], CH_TOKEN))
		n++;
	behind = bytes_trim(bytes_from(element, n));
	if (behind.n && behind.p[0] == '=')
		return BYTES_NONE;
	return bytes_upto(element, n);
}

bool http_challenge_next(struct bytes *rest, struct http_challenge *c)
{
	struct bytes element = BYTES_NONE, ahead;

	while (rest->n && !element.n)
		element = cut_element(rest);
	if (!element.n)
		return false;
	c->scheme = scheme_of(element);
	c->whole = element;
	/* Its parameters are elements of their own. */
	for (ahead = *rest; ahead.n; *rest = ahead) {
		element = cut_element(&ahead);
		if (element.n && scheme_of(element).n)
			break;
		if (element.n)
			c->whole.n =
				(size_t)(element.p + element.n - c->whole.p);
	}
	return true;
}
