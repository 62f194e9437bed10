/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile.c - what an Exchange server believes because it comes from a front
 * end, and what a client must therefore never be able to say.
 *
 * ProxyLogon, ProxyShell, OWASSRF and ProxyToken each were one of these names.
 */
#include "exchange/text.h"

/* IIS gives "-" and "_" of a name the same server variable, so they are one
 * letter here, except in a name that is let through. */
static uint8_t fold(uint8_t c)
{
	return c == '_' ? '-' : ascii_lower(c);
}

static bool starts(struct bytes name, const char *with)
{
	size_t n = strlen(with);

	if (name.n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (fold(name.p[i]) != fold((uint8_t)with[i]))
			return false;
	return true;
}

static bool is(struct bytes name, const char *what)
{
	return name.n == strlen(what) && starts(name, what);
}

/* Words that headers and cookies share. */
static bool hostile_name(struct bytes name)
{
	static const struct bytes cookie = BYTES_LIT("X-BackEndCookie");
	static const struct bytes override =
		BYTES_LIT("X-BackEndOverrideCookie");
	static const char *const exact[] = {
		"X-CommonAccessToken", "X-RPS-CAT",
		"X-BEResource",	       "X-BEServer",
		"X-AnonResource",      "X-AnonResource-Backend",
		"X-IsFromCafe",	       "X-SourceCafeServer",
		"X-TargetServer",      "X-TargetDatabase",
		"X-FEServer",	       "X-CalculatedBETarget",
		"msExchProxyUri",      "msExchLogonAccount",
		"msExchLogonMailbox",  "msExchTargetMailbox",
	};

	if (starts(name, "X-BackEnd"))
		return !bytes_ieq(name, cookie) && !bytes_ieq(name, override);
	for (size_t i = 0; i < ARRAY_LEN(exact); i++)
		if (is(name, exact[i]))
			return true;
	return false;
}

bool exchange_hostile_header(struct bytes name, struct bytes value)
{
	static const struct bytes logon = BYTES_LIT("X-OWA-ExplicitLogonUser");

	/* OWA's own script sends it with an address; CVE-2022-41080 with a
	 * path. */
	if (is(name, (const char *)logon.p))
		return !bytes_ieq(name, logon) ||
		       !text_is_address(bytes_trim(value));
	/* IIS's own rewriting tells so which address was asked for. */
	if (starts(name, "X-Original-") || is(name, "X-Rewrite-URL"))
		return true;
	/* What the proxy says of the client itself. */
	return starts(name, "X-Forwarded") || is(name, "Forwarded") ||
	       is(name, "Front-End-Https") || hostile_name(name);
}

bool exchange_hostile_cookie(struct bytes name)
{
	/* CVE-2021-33766: its mere presence switched authentication off.
	 * CVE-2021-34473: as good as the parameter, below. */
	return is(name, "SecurityToken") || is(name, "Email") ||
	       is(name, EXCHANGE_LOGON_COOKIE) || hostile_name(name);
}

/* --- targets -------------------------------------------------------------- */

static struct bytes cut_parameter(struct bytes *query)
{
	struct bytes all = *query;
	size_t n = 0;

	while (n < all.n && all.p[n] != '&' && all.p[n] != ';')
		n++;
	*query = bytes_from(all, n + 1);
	return bytes_upto(all, n);
}

/* A token of a front end's may stand in the query as well. */
static bool has_hostile_parameter(struct bytes query)
{
	char name[64];

	while (query.n) {
		struct bytes parameter = cut_parameter(&query);

		if (text_unescape(bytes_cut(&parameter, '='), name,
				  sizeof(name)) &&
		    hostile_name(BYTES(name)))
			return true;
	}
	return false;
}

/* Nothing that a path, its end or another encoding could be made of; and one
 * address that is nothing else. */
static bool is_plain_query(struct bytes query)
{
	static const struct bytes email = BYTES_LIT("Email");
	unsigned addresses = 0;
	char text[512];

	while (query.n) {
		struct bytes value, parameter = cut_parameter(&query);

		if (!text_unescape(parameter, text, sizeof(text)) ||
		    strpbrk(text, "/\\%?#;"))
			return false;
		value = BYTES(text);
		if (!bytes_ieq(bytes_cut(&value, '='), email))
			continue;
		if (addresses++ || !text_is_address(value))
			return false;
	}
	return true;
}

/* What may stand behind autodiscover.json: "", "/v1.0", "/v1.0/ADDRESS". */
static bool is_plain_rest(struct bytes rest)
{
	struct bytes version = bytes_cut(&rest, '/');
	struct bytes address = bytes_cut(&rest, '/');

	for (size_t i = 0; i < version.n; i++)
		if (i ? version.p[i] != '.' && !ascii_is_digit(version.p[i])
		      : ascii_lower(version.p[i]) != 'v')
			return false;
	return !rest.n && (!address.n || text_is_address(address));
}

/* ProxyShell and ProxyNotShell (CVE-2021-34473, CVE-2022-41040): wherever
 * autodiscover.json was named, the front end cut the address out of the URL
 * before it asked the back end, and so what looked like an address chose the
 * virtual directory. Only its honest forms are let through. */
static bool is_hostile_json(struct bytes path, struct bytes query)
{
	static const struct bytes vdir = BYTES_LIT("Autodiscover");
	static const struct bytes json = BYTES_LIT("autodiscover.json");
	struct bytes rest = bytes_from(path, 1);
	struct bytes first = bytes_cut(&rest, '/');
	struct bytes segment = bytes_cut(&rest, '/');

	if (bytes_ieq(first, vdir) && bytes_ieq(segment, json))
		return !is_plain_rest(rest) || !is_plain_query(query);
	while (segment.n && !bytes_istarts(segment, json))
		segment = bytes_cut(&rest, '/');
	return segment.n;
}

bool exchange_hostile_target(struct bytes path, struct bytes query)
{
	return is_hostile_json(path, query) || has_hostile_parameter(query);
}
