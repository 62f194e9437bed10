/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * body.c - the address an Autodiscover request asks for, found by walking over
 * its tags. Not an XML parser, and safe for that: no document types, no
 * entities, no nesting, one pass, 32 KiB.
 */
#include "exchange/text.h"

#define BODY_MAX 32768

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trim(struct bytes a)
{
	while (a.n && is_blank(a.p[0]))
		a = bytes_from(a, 1);
	while (a.n && is_blank(a.p[a.n - 1]))
		a.n--;
	return a;
}

/* Skip to behind the next `end`; false when there is none. */
static bool skip_past(struct bytes *rest, const char *end)
{
	const uint8_t *at =
		rest->n ? memmem(rest->p, rest->n, end, strlen(end)) : NULL;

	if (!at)
		return false;
	*rest = bytes_from(*rest, (size_t)(at - rest->p) + strlen(end));
	return true;
}

/* *rest stands behind '<' and is left behind '>'. A '>' in an attribute's
 * quotes is no end. *local: the name without its namespace prefix; empty for
 * an element that is empty or a closing tag. */
static bool read_tag(struct bytes *rest, struct bytes *local)
{
	struct bytes name = *rest;
	uint8_t quote = 0;
	size_t i, n = 0;

	for (i = 0; i < rest->n; i++) {
		uint8_t c = rest->p[i];

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			break;
	}
	if (i == rest->n)
		return false;
	while (n < i && !is_blank(name.p[n]))
		n++;
	*local = bytes_upto(name, n);
	if (i && (name.p[0] == '/' || name.p[i - 1] == '/'))
		local->n = 0;
	for (size_t colon; (colon = bytes_find(*local, ':')) < local->n;)
		*local = bytes_from(*local, colon + 1);
	*rest = bytes_from(*rest, i + 1);
	return true;
}

static bool is_legacy_dn(struct bytes text)
{
	static const struct bytes start = BYTES_LIT("/o=");

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	return bytes_istarts(text, start);
}

/* What a body has told so far; n == 0: nothing yet. */
struct found {
	struct bytes address, legacy_dn;
};

static void take(struct found *f, struct bytes local, struct bytes text)
{
	static const struct bytes pox = BYTES_LIT("EMailAddress");
	static const struct bytes soap = BYTES_LIT("Mailbox");
	static const struct bytes dn = BYTES_LIT("LegacyDN");

	text = trim(text);
	if (bytes_find(text, '&') < text.n)
		return;
	if (bytes_ieq(local, pox) || bytes_ieq(local, soap)) {
		if (!f->address.n && text_is_address(text))
			f->address = text;
	} else if (bytes_ieq(local, dn)) {
		if (!f->legacy_dn.n && is_legacy_dn(text))
			f->legacy_dn = text;
	}
}

void body_keys(struct bytes body, struct exchange_keys *out)
{
	static const struct bytes comment = BYTES_LIT("!--");
	struct found f = { 0 };
	struct bytes rest = bytes_upto(body, BODY_MAX), local;

	while (skip_past(&rest, "<") && rest.n) {
		size_t text;

		if (bytes_istarts(rest, comment)) {
			if (!skip_past(&rest, "-->"))
				break;
			continue;
		}
		/* <!DOCTYPE, <!ENTITY, <![CDATA[: whoever sends these to a
		 * routing appliance is not asking for a mailbox. */
		if (rest.p[0] == '!')
			return;
		if (!read_tag(&rest, &local))
			break;
		text = bytes_find(rest, '<');
		if (text == rest.n)
			break; /* cut off: half an address is another one */
		if (local.n)
			take(&f, local, bytes_upto(rest, text));
	}
	keys_add(out, EXCHANGE_KEY_BODY_ADDRESS, f.address);
	keys_add(out, EXCHANGE_KEY_BODY_ADDRESS, f.legacy_dn);
}
